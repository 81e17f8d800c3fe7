//! The interpreter: the meaning of the IR, and the judge of everything that transforms it.
//!
//! Written for reading. [`link`] puts modules together; a [`Machine`] runs functions of the
//! program. Calls use explicit frames, so that interpreted recursion is bounded by the machine's
//! limits and not by the host's stack.
//!
//! **Model.** Memory is flat ([`memory`]). Values live outside it, but every frame owns a piece of
//! the simulated stack with the layout of compiled code (`[fp]` caller's frame pointer, `[fp+8]`
//! return address, below it the values). `get.sp` and `get.fp` write there what [`crate::roots`]
//! promises a scan, and zeros for everything else: an object that only another value knows of is lost,
//! so the interpreter judges what passes keep visible.
//!
//! **Facts are checked.** An `int.*` op whose known bits are wrong traps with
//! [`Trap::BrokenFact`]: the interpreter judges range analysis.
//!
//! **Regions are checked** where they are judged ([`Machine::judge_regions`]): an access to a word that another
//! region has traps with [`Trap::WrongRegion`]. So are results of functions that make objects
//! ([`crate::Attributes::fresh`]): [`Trap::NotNew`].
//!
//! An `int.*` op leaves the fast path by calling the program's `int_*_slow` function, or the host's;
//! when neither has one, [`Trap::NoSlowPath`].

mod link;
mod linux;
pub mod memory;
mod places;
mod step;
#[cfg(test)]
mod tests;

pub use link::{LinkError, Program, link};
pub use linux::{Host, Linux, Visible};

use crate::func::{Block, Value};
use crate::ops::{Cond, Op};
use crate::positions::SrcLoc;
use crate::roots::LiveRoots;
use link::{CODE_BASE, CODE_STEP, STACK_TOP};
use memory::Memory;
use places::Places;
use std::fmt;

/// Why execution stopped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trap {
    /// Access below [`crate::nones::LOWEST_MAPPED`]: the use of a none.
    NullDereference,
    /// Access outside every region.
    BadAddress(u64),
    /// A write to read-only data.
    ReadOnly(u64),
    /// `unreachable` was reached.
    Unreachable,
    /// Division by zero (the raw ops).
    DivisionByZero,
    /// The step limit is used up.
    StepLimit,
    /// Too many frames, or the simulated stack is full.
    StackOverflow,
    /// An `int.*` op needs its slow path and there is none.
    NoSlowPath(Op),
    /// An `int.*` op's known bits do not hold.
    BrokenFact(Op),
    /// An access in a region to a word that is in another one, or a second store to a word that is constant: the
    /// region of the access, that of the word.
    WrongRegion(String, String),
    /// A word in a region of counts that is none: the region, the word.
    NoCount(String, u64),
    /// What a function gave as a new object is none, not zero behind its first word, or the program has it already.
    NotNew(String),
    /// Call of a function that is only declared.
    UndefinedFunction(String),
    /// Indirect call to something that is no function, or with the wrong number of arguments.
    BadCall(u64),
    /// The program ended itself with this status.
    Exit(i32),
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Trap::NullDereference => write!(f, "null dereference"),
            Trap::BadAddress(a) => write!(f, "bad address {a:#x}"),
            Trap::ReadOnly(a) => write!(f, "write to read-only address {a:#x}"),
            Trap::Unreachable => write!(f, "unreachable"),
            Trap::DivisionByZero => write!(f, "division by zero"),
            Trap::StepLimit => write!(f, "step limit"),
            Trap::StackOverflow => write!(f, "stack overflow"),
            Trap::NoSlowPath(op) => write!(f, "no slow path for {}", op.info().name),
            Trap::BrokenFact(op) => write!(f, "broken fact at {}", op.info().name),
            Trap::WrongRegion(new, old) => write!(f, "access in region {new} to a word of {old}"),
            Trap::NoCount(region, word) => write!(f, "no count in region {region}: {word:#x}"),
            Trap::NotNew(name) => write!(f, "no new object from {name}"),
            Trap::UndefinedFunction(name) => write!(f, "undefined function {name}"),
            Trap::BadCall(a) => write!(f, "bad call of {a:#x}"),
            Trap::Exit(status) => write!(f, "exit {status}"),
        }
    }
}

impl std::error::Error for Trap {}

/// What happens with the result of a frame when it returns.
#[derive(Clone, Copy)]
enum Then {
    /// It is the value of the calling instruction, if that has one.
    Assign(Option<Value>),
    /// It is the order of two ints (`int_cmp_slow`, `int_eq_slow`); the condition on it is the value.
    Compare(Cond, Option<Value>),
}

#[derive(Clone, Copy)]
struct Frame {
    code: u32,
    block: Block,
    /// Index of the next instruction in the block.
    next: u32,
    /// First of its values in [`Machine::values`].
    base: usize,
    /// Frame pointer in the simulated stack.
    fp: u64,
    /// The simulated stack holds the current values.
    flushed: bool,
    then: Then,
}

/// Runs functions of a program. Memory persists between calls.
pub struct Machine<'p, 'm, H> {
    program: &'p Program<'m>,
    /// The operating system.
    pub host: H,
    /// The program's memory.
    pub memory: Memory,
    /// Instructions that may still be executed.
    pub steps: u64,
    /// Frames there may be at once.
    pub max_depth: usize,
    frames: Vec<Frame>,
    values: Vec<u64>,
    scratch: Vec<u64>,
    /// Where the regions of accesses are judged: what is in which.
    places: Option<Places>,
    /// Code indices of the slow paths of [`Op::SLOW_PATHS`].
    slow: [Option<u32>; Op::SLOW_PATHS.len()],
    /// What a scan of the stack sees, by code index; found out when it is needed.
    roots: Vec<Option<LiveRoots>>,
}

/// A line of a trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceLine {
    /// Name for people.
    pub function: String,
    /// Line of the instruction, 0 when unknown.
    pub line: u32,
}

impl<'p, 'm, H: Host> Machine<'p, 'm, H> {
    /// A machine with the program's data in its initial state.
    pub fn new(program: &'p Program<'m>, host: H) -> Machine<'p, 'm, H> {
        let slow = |name: &str| program.code_at(program.address(name)?);
        Machine {
            program,
            host,
            memory: program.initial_memory(),
            steps: u64::MAX,
            max_depth: 1 << 20,
            frames: Vec::new(),
            values: Vec::new(),
            scratch: Vec::new(),
            places: None,
            slow: Op::SLOW_PATHS.map(slow),
            roots: program.codes.iter().map(|_| None).collect(),
        }
    }

    /// From now on accesses must be in the regions that they name, and new objects new. For code before the passes: these may move a
    /// load to where its address is that of something else.
    pub fn judge_regions(&mut self) {
        self.places = Some(Places::default());
    }

    /// Calls a function by name with words (floats as bits), and runs until it returns or traps.
    pub fn call(&mut self, name: &str, args: &[u64]) -> Result<Option<u64>, Trap> {
        let code = self.program.address(name).and_then(|a| self.program.code_at(a));
        let code = code.ok_or_else(|| Trap::UndefinedFunction(name.to_string()))?;
        self.frames.clear();
        self.values.clear();
        self.push_frame(code, args, Then::Assign(None), STACK_TOP)?;
        self.run()
    }

    /// Frames at the moment, those of inlined calls too, innermost first: where the last call trapped.
    pub fn trace(&self) -> Vec<TraceLine> {
        let mut lines = Vec::new();
        for f in self.frames.iter().rev() {
            let func = self.program.codes[f.code as usize].func;
            let insts = &func.blocks[f.block.index()].insts;
            let inst = insts.get(f.next.saturating_sub(1) as usize);
            let loc = inst.map_or(SrcLoc::NONE, |i| func.insts[i.index()].loc);
            let frames = func.positions.frames(loc);
            lines.extend(frames.map(|(call, at)| TraceLine {
                function: call.map_or(&func.display[..], |c| &c.function).to_string(),
                line: at.line,
            }));
        }
        lines
    }

    /// Enters a function. `sp` is the caller's stack pointer.
    fn push_frame(&mut self, code: u32, args: &[u64], then: Then, sp: u64) -> Result<(), Trap> {
        let func = self.program.codes[code as usize].func;
        let params = &func.blocks[func.entry().index()].params;
        if params.len() != args.len() {
            return Err(Trap::BadCall(CODE_BASE + CODE_STEP * u64::from(code)));
        }
        let fp = sp.wrapping_sub(16);
        let base = self.values.len();
        let low = fp.wrapping_sub(8 * func.values.len() as u64);
        let bottom = self.memory.mapping_base(sp).ok_or(Trap::StackOverflow)?;
        if self.frames.len() >= self.max_depth || low < bottom || low > sp {
            return Err(Trap::StackOverflow);
        }
        self.values.resize(base + func.values.len(), 0);
        for (&p, &word) in params.iter().zip(args) {
            self.values[base + p.index()] = word;
        }
        self.frames.push(Frame { code, block: func.entry(), next: 0, base, fp, flushed: false, then });
        Ok(())
    }

    /// The stack pointer of the innermost frame.
    fn sp(&self) -> u64 {
        let frame = self.frames.last().expect("running");
        let func = self.program.codes[frame.code as usize].func;
        frame.fp - 8 * func.values.len() as u64
    }

    /// Calls a function of the host.
    fn call_host(&mut self, name: &str, args: &[u64]) -> Result<Option<u64>, Trap> {
        self.flush()?;
        let data = self.program.data();
        let visible = Visible { stack: self.sp()..STACK_TOP, data };
        self.host.call(&mut self.memory, name, args, visible).transpose()
    }

    /// Writes to the simulated stack what the rule promises of each frame.
    fn flush(&mut self) -> Result<(), Trap> {
        for i in (0..self.frames.len()).rev() {
            if self.frames[i].flushed {
                break;
            }
            let Frame { code, block, next, base, fp, .. } = self.frames[i];
            let (caller, caller_code) = match i.checked_sub(1) {
                Some(c) => (self.frames[c].fp, self.frames[c].code),
                None => (0, 0),
            };
            self.memory.store(fp, 8, caller)?;
            // Return addresses lie inside the caller's code.
            self.memory.store(fp + 8, 8, CODE_BASE + CODE_STEP * u64::from(caller_code) + CODE_STEP / 2)?;
            let func = self.program.codes[code as usize].func;
            let size = 8 * func.values.len() as u64;
            self.memory.fill(fp - size, 0, size)?;
            let roots = self.roots[code as usize].get_or_insert_with(|| LiveRoots::new(func));
            for v in roots.across(func, block, next as usize - 1) {
                self.memory.store(fp - 8 * (u64::from(v.0) + 1), 8, self.values[base + v.index()])?;
            }
            self.frames[i].flushed = true;
        }
        // The innermost frame goes on changing.
        if let Some(top) = self.frames.last_mut() {
            top.flushed = false;
        }
        Ok(())
    }
}
