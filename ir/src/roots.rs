//! What the collector must see: the rule, and what follows from it.
//!
//! Objects do not move, and an object lives as long as the collector sees a word that points to it,
//! plus one, or into it. It may look whenever a call that is not quiet is in progress
//! ([`crate::Attributes::quiet`]; slow paths of exact ints are such calls). What it then sees of a function
//! is promised by the types of values: each value of type `ref` or `addr` that is live across the
//! call, if it [`carries`] an address at all. A value of type `i64` keeps nothing alive, whatever word it is.
//!
//! - `ref`: a reference as the language knows it, plain or tagged, or none, or a small int.
//! - `addr`: an address in an object, not one past its end, or outside of the heap. Never none.
//! - `i64`: a number.
//!
//! A program is right when no address is used after a call during which only a number knew of it. The
//! verifier checks it by the letters of operands in the op table ([`crate::ops`]):
//!
//! 1. Memory is accessed only at words that the collector sees (`a`).
//! 2. A number made of an address by an op that carries it on (`p`) is *hidden*, and so is a block's
//!    parameter that may be one. Nothing hidden becomes visible again: it is no operand whose address
//!    a visible result carries on, none that is taken for a reference (`r`), and no argument or result
//!    of a function and no argument of an edge where something visible is wanted.
//!
//! So a pass may move, copy and unite instructions as it likes, as long as it replaces values by
//! [`Function::replace`], and gives words that carry something visible on to something visible a visible
//! type. What is left to those who write the runtime: a number *loaded* or passed as one may be cast
//! (`copy`) to an address.
//!
//! Judges: the verifier after every pass; the interpreter, whose stack shows what is promised here and
//! nothing else. Where code keeps no more than this (WebAssembly), it reads [`roots`]. Elsewhere stack and
//! registers are searched as they are, which shows more.

use crate::cfg::Rpo;
use crate::func::{Block, Function, Inst, Type, Value};
use crate::ops::{NO_OVERFLOW, Op};

/// Masks up to this leave nothing of an address: pages are not smaller.
const LOW_BITS: i64 = 4095;

/// For each value of these blocks, whether it may hold an address in the heap: not what is known to lie
/// outside of it, nor what arithmetic made of numbers.
pub fn carries(func: &Function, blocks: &[Block]) -> Vec<bool> {
    let n = func.values.len();
    let mut c = Carries { func, carries: vec![false; n], denied: vec![false; n], work: Vec::new() };
    for &p in &func.blocks[func.entry().index()].params {
        c.carries[p.index()] = func.ty(p).is_visible();
    }
    for &b in blocks {
        for &inst in &func.blocks[b.index()].insts {
            c.result(inst);
            for e in func.edges_of(inst) {
                for (&p, &a) in func.blocks[e.block.index()].params.iter().zip(func.list(e.args)) {
                    c.pass(a, p);
                }
            }
        }
    }
    if c.work.is_empty() {
        return c.carries;
    }
    let users = Users::new(func, blocks);
    // A value enters the list once: when it is found to carry something.
    while let Some(v) = c.work.pop() {
        users.each(v, |user| match user {
            User::Inst(inst) => c.result(inst),
            User::Param(p) => c.pass(v, p),
        });
    }
    c.carries
}

struct Carries<'a> {
    func: &'a Function,
    carries: Vec<bool>,
    /// Something was found to carry nothing, as far as this value is concerned.
    denied: Vec<bool>,
    /// Values that carry something although that was denied: their users are asked again.
    work: Vec<Value>,
}

impl Carries<'_> {
    fn ask(&mut self, v: Value) -> bool {
        self.denied[v.index()] |= !self.carries[v.index()];
        self.carries[v.index()]
    }

    fn set(&mut self, v: Value) {
        if !std::mem::replace(&mut self.carries[v.index()], true) && self.denied[v.index()] {
            self.work.push(v);
        }
    }

    fn pass(&mut self, argument: Value, param: Value) {
        if self.ask(self.func.resolve(argument)) {
            self.set(param);
        }
    }

    fn result(&mut self, inst: Inst) {
        if let Some(r) = self.func.insts[inst.index()].result
            && !self.carries[r.index()]
            && self.result_carries(inst, r)
        {
            self.set(r);
        }
    }

    fn result_carries(&mut self, inst: Inst, result: Value) -> bool {
        let func = self.func;
        let d = &func.insts[inst.index()];
        let args = func.operands(inst);
        let visible = func.ty(result).is_visible();
        match d.op {
            Op::Load64 | Op::Call | Op::CallInd | Op::Syscall => visible,
            Op::IntCmp => false,
            op if op.is_int() => d.imm & NO_OVERFLOW == 0,
            // The difference of two addresses, and the low bits of one.
            Op::Sub if self.carries[func.resolve(args[1]).index()] => false,
            Op::And if func.as_iconst(args[1]).is_some_and(|c| (0..=LOW_BITS).contains(&c)) => false,
            Op::Copy if visible && func.ty(args[0]) == Type::I64 => cast_carries(func, args[0]),
            _ => func.carried(result).any(|v| self.ask(v)),
        }
    }
}

/// Where a value is used.
#[derive(Clone, Copy)]
enum User {
    Inst(Inst),
    /// Passed for a parameter.
    Param(Value),
}

/// Lists of the users of each value, of which the entries are linked.
struct Users {
    first: Vec<u32>,
    entries: Vec<(User, u32)>,
}

impl Users {
    fn new(func: &Function, blocks: &[Block]) -> Users {
        let mut users = Users { first: vec![NONE; func.values.len()], entries: Vec::new() };
        for &inst in blocks.iter().flat_map(|b| &func.blocks[b.index()].insts) {
            if func.insts[inst.index()].result.is_some() {
                func.operands(inst).iter().for_each(|&v| users.add(func.resolve(v), User::Inst(inst)));
            }
            for e in func.edges_of(inst) {
                for (&p, &a) in func.blocks[e.block.index()].params.iter().zip(func.list(e.args)) {
                    users.add(func.resolve(a), User::Param(p));
                }
            }
        }
        users
    }

    fn add(&mut self, v: Value, user: User) {
        self.entries.push((user, self.first[v.index()]));
        self.first[v.index()] = self.entries.len() as u32 - 1;
    }

    fn each(&self, v: Value, mut f: impl FnMut(User)) {
        let mut at = self.first[v.index()];
        while at != NONE {
            let (user, next) = self.entries[at as usize];
            f(user);
            at = next;
        }
    }
}

/// A number that becomes visible may be an address, unless arithmetic made it.
fn cast_carries(func: &Function, v: Value) -> bool {
    match func.def_inst(v).map(|i| func.insts[i.index()].op) {
        Some(Op::Load64 | Op::Call | Op::CallInd | Op::Syscall) | None => true,
        Some(_) => func.carried(v).next().is_some(),
    }
}

/// For each value, whether the collector has to see it while it is live across a call.
pub fn roots(func: &Function, blocks: &[Block]) -> Vec<bool> {
    let mut roots = carries(func, blocks);
    for (i, root) in roots.iter_mut().enumerate() {
        *root &= func.values[i].ty.is_visible();
    }
    roots
}

/// For each value, whether it is a number that carries an address on.
pub fn hidden(func: &Function) -> Vec<bool> {
    let mut hidden = carries(func, &func.layout);
    for (i, hides) in hidden.iter_mut().enumerate() {
        *hides &= func.values[i].ty == Type::I64;
    }
    hidden
}

/// The roots that are live at the end of each block, as sets of values.
#[derive(Debug)]
pub struct LiveRoots {
    /// The roots in order of id.
    values: Vec<Value>,
    /// Number of each root in `values`.
    index: Vec<u32>,
    /// By block, a bit per root.
    at_end: Vec<Vec<u64>>,
}

const NONE: u32 = u32::MAX;

impl LiveRoots {
    /// Finds them.
    pub fn new(func: &Function) -> LiveRoots {
        let is_root = roots(func, &func.layout);
        let values: Vec<Value> =
            (0..func.values.len() as u32).map(Value).filter(|v| is_root[v.index()]).collect();
        let mut index = vec![NONE; func.values.len()];
        values.iter().enumerate().for_each(|(i, v)| index[v.index()] = i as u32);
        let words = values.len().div_ceil(64);
        let mut live = LiveRoots { values, index, at_end: vec![vec![0; words]; func.blocks.len()] };
        let order = Rpo::new(func).rpo;
        // Backwards, a round more than loops are nested; sets only grow.
        let mut changed = true;
        while changed {
            changed = false;
            for &b in order.iter().rev() {
                let mut set = vec![0; words];
                for e in func.successors(b) {
                    let mut start = live.before(func, e.block, 0);
                    for &p in &func.blocks[e.block.index()].params {
                        live.remove(&mut start, p);
                    }
                    func.list(e.args).iter().for_each(|&a| live.insert(&mut start, a));
                    set.iter_mut().zip(&start).for_each(|(s, w)| *s |= w);
                }
                if set != live.at_end[b.index()] {
                    live.at_end[b.index()] = set;
                    changed = true;
                }
            }
        }
        live
    }

    fn insert(&self, set: &mut [u64], v: Value) {
        let i = self.index[v.index()];
        if i != NONE {
            set[i as usize / 64] |= 1 << (i % 64);
        }
    }

    fn remove(&self, set: &mut [u64], v: Value) {
        let i = self.index[v.index()];
        if i != NONE {
            set[i as usize / 64] &= !(1 << (i % 64));
        }
    }

    /// The set before the instruction with this index in its block.
    fn before(&self, func: &Function, block: Block, at: usize) -> Vec<u64> {
        let mut set = self.at_end[block.index()].clone();
        for &inst in func.blocks[block.index()].insts[at..].iter().rev() {
            if let Some(r) = func.insts[inst.index()].result {
                self.remove(&mut set, r);
            }
            func.operands(inst).iter().for_each(|&v| self.insert(&mut set, v));
        }
        set
    }

    /// The roots that are live across the instruction with this index in its block: what the collector
    /// sees of the function while it is in progress.
    pub fn across(&self, func: &Function, block: Block, at: usize) -> Vec<Value> {
        let mut set = self.before(func, block, at + 1);
        if let Some(r) = func.insts[func.blocks[block.index()].insts[at].index()].result {
            self.remove(&mut set, r);
        }
        let is_in = |i: usize| set[i / 64] >> (i % 64) & 1 != 0;
        self.values.iter().enumerate().filter(|(i, _)| is_in(*i)).map(|(_, &v)| v).collect()
    }
}
