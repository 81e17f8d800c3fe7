//! The interpreter's loop: one arm per op that does more than compute.

use super::link::{Meaning, address};
use super::{Frame, Host, Machine, Then, Trap};
use crate::eval::eval;
use crate::func::{BlockCall, Function, InstData, Value};
use crate::module::Attributes;
use crate::ops::{Cond, Imm, KNOWN_A, KNOWN_B, NO_OVERFLOW, Op};
use crate::roots::LiveRoots;

impl<H: Host> Machine<'_, '_, H> {
    /// Runs until the first frame returns.
    pub(super) fn run(&mut self) -> Result<Option<u64>, Trap> {
        loop {
            let frame = self.frames.last_mut().expect("running");
            let func = self.program.codes[frame.code as usize].func;
            let inst = func.blocks[frame.block.index()].insts[frame.next as usize];
            frame.next += 1;
            let base = frame.base;
            self.steps = self.steps.checked_sub(1).ok_or(Trap::StepLimit)?;
            let data = &func.insts[inst.index()];
            let mut args = std::mem::take(&mut self.scratch);
            args.clear();
            args.extend(func.list(data.args).iter().map(|v| self.values[base + v.index()]));
            if let Some(word) = eval(data.op, data.imm, &args) {
                if data.op.is_int() {
                    check_facts(data, &args, true)?;
                }
                self.assign(base, data.result, word);
            } else if data.op == Op::Ret {
                let word = args.first().copied();
                if self.places.is_some() {
                    self.judge_new(word)?;
                }
                if let Some(result) = self.leave(word) {
                    return Ok(result);
                }
            } else if data.op.is_terminator() {
                self.branch(func, data, &args)?;
            } else {
                self.perform(data, &args)?;
            }
            self.scratch = args;
        }
    }

    /// Looks whether an op that writes or reads memory keeps to its region.
    fn judge_region(&mut self, data: &InstData, args: &[u64]) -> Result<(), Trap> {
        let (program, module) = (self.program, self.program.codes[self.top().code as usize].module);
        let Some(places) = &mut self.places else { return Ok(()) };
        match data.op {
            Op::MemCopy | Op::MemMove | Op::MemFill => places.forget(args[0], args[2]),
            op => {
                let Some(size) = op.access_size() else { return Ok(()) };
                let at = args[0].wrapping_add(data.imm as u64);
                // Elsewhere is nothing, which the access itself finds out.
                if let Ok(old) = self.memory.load(at, usize::from(size)) {
                    let region = program.regions.of(module, data.region);
                    if size == 8 {
                        program.regions.holds(region, args.get(1).copied().unwrap_or(old))?;
                    }
                    places.access(&program.regions, (at, size.into()), region, !op.is_load())?;
                    if op == Op::Store64 && program.regions.is_own(region) {
                        let owner = places.own(args[1], at);
                        if owner.is_some_and(|o| self.memory.load(o, 8) == Ok(args[1])) {
                            return Err(Trap::NotNew("what belongs to another object".into()));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Looks whether what the innermost frame returns is new when it says so.
    fn judge_new(&mut self, word: Option<u64>) -> Result<(), Trap> {
        let (top, callers) = self.frames.split_last().expect("running");
        let code = &self.program.codes[top.code as usize];
        let decl = self.program.modules[code.module as usize].sym(code.func.sym);
        let Attributes { fresh, newborn, renews, .. } = decl.attributes;
        let wrong = || Trap::NotNew(decl.name.clone());
        let first = code.func.blocks[code.func.entry().index()].params.first();
        let first = first.map_or(0, |v| self.values[top.base + v.index()]);
        let start = word.unwrap_or(0);
        if !(fresh || newborn || renews) || renews && start == first {
            return Ok(());
        }
        let size = if fresh { first } else { 8 };
        let content = self.memory.read(start, size).map_err(|_| wrong())?;
        if let Some(places) = self.places.as_mut().filter(|_| fresh) {
            places.disown(start);
        }
        // An int that is not small is a reference plus 1.
        let within = |word: u64| word >= start && word - start < size;
        let has = |frame: &Frame| {
            let func = self.program.codes[frame.code as usize].func;
            let roots = self.roots[frame.code as usize].get_or_insert_with(|| LiveRoots::new(func));
            let live = roots.across(func, frame.block, frame.next as usize - 1);
            live.iter().any(|v| within(self.values[frame.base + v.index()]))
        };
        // Deep recursion would make this slow.
        const FRAMES: usize = 8;
        if content.iter().skip(8).any(|&b| b != 0) || callers.iter().rev().take(FRAMES).any(has) {
            return Err(wrong());
        }
        Ok(())
    }

    fn assign(&mut self, base: usize, result: Option<Value>, word: u64) {
        if let Some(v) = result {
            self.values[base + v.index()] = word;
        }
    }

    fn top(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("running")
    }

    /// Ops with effects, except terminators.
    fn perform(&mut self, data: &InstData, args: &[u64]) -> Result<(), Trap> {
        let base = self.top().base;
        if self.places.is_some() {
            self.judge_region(data, args)?;
        }
        match data.op {
            op if op.info().imm == Imm::Offset => {
                let size = usize::from(op.access_size().expect("an access"));
                let signed = matches!(op, Op::Load8s | Op::Load16s | Op::Load32s);
                let addr = args[0].wrapping_add(data.imm as u64);
                if let Some(&word) = args.get(1) {
                    return self.memory.store(addr, size, word);
                }
                let word = self.memory.load(addr, size)?;
                let shift = 64 - 8 * size as u32;
                let word = if signed { ((word << shift) as i64 >> shift) as u64 } else { word };
                self.assign(base, data.result, word);
            }
            Op::MemCopy | Op::MemMove => {
                let bytes = self.memory.read(args[1], args[2])?;
                self.memory.write(args[0], &bytes)?;
            }
            Op::MemFill => self.memory.fill(args[0], args[1] as u8, args[2])?,
            Op::Symaddr => {
                let module = self.program.codes[self.top().code as usize].module;
                let sym = data.sym.expect("symaddr has a symbol");
                let word = address(self.program.meaning(module, sym)).wrapping_add(data.imm as u64);
                self.assign(base, data.result, word);
            }
            Op::Call => {
                let module = self.program.codes[self.top().code as usize].module;
                let sym = data.sym.expect("call has a callee");
                match self.program.meaning(module, sym) {
                    Meaning::Func(code) => self.enter(code, args, Then::Assign(data.result))?,
                    Meaning::Address(a) => return Err(Trap::BadCall(a)),
                    Meaning::Undefined => {
                        let name = &self.program.modules[module as usize].sym(sym).name;
                        let word = self.call_host(name, args)?;
                        let word = word.ok_or_else(|| Trap::UndefinedFunction(name.clone()))?;
                        self.assign(base, data.result, word);
                    }
                }
            }
            Op::CallInd => {
                let code = self.program.code_at(args[0]).ok_or(Trap::BadCall(args[0]))?;
                self.enter(code, &args[1..], Then::Assign(data.result))?;
            }
            Op::Syscall => {
                let word = self.host.syscall(&mut self.memory, args[0] as i64, &args[1..])?;
                self.assign(base, data.result, word as u64);
            }
            Op::GetSp => {
                self.flush()?;
                let sp = self.sp();
                self.assign(base, data.result, sp);
            }
            Op::GetFp => {
                self.flush()?;
                let fp = self.top().fp;
                self.assign(base, data.result, fp);
            }
            Op::SwitchStack => {
                let code = self.program.code_at(args[1]).ok_or(Trap::BadCall(args[1]))?;
                self.frames.clear();
                self.values.clear();
                self.push_frame(code, &args[2..], Then::Assign(None), args[0])?;
            }
            Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem => return Err(Trap::DivisionByZero),
            op => {
                debug_assert!(op.is_int());
                check_facts(data, args, false)?;
                let at = op.slow_path_number(data.imm).expect("exact ints have one");
                let then = match op {
                    Op::IntCmp => Then::Compare(Cond::from_imm(data.imm), data.result),
                    _ => Then::Assign(data.result),
                };
                if let Some(code) = self.slow[at] {
                    return self.enter(code, args, then);
                }
                let word = self.call_host(Op::SLOW_PATHS[at], args)?;
                self.settle(base, then, word.ok_or(Trap::NoSlowPath(op))?);
            }
        }
        Ok(())
    }

    fn enter(&mut self, code: u32, args: &[u64], then: Then) -> Result<(), Trap> {
        let sp = self.sp();
        self.push_frame(code, args, then, sp)
    }

    /// Leaves the innermost frame; gives the result when it was the last one.
    fn leave(&mut self, word: Option<u64>) -> Option<Option<u64>> {
        let frame = self.frames.pop().expect("running");
        self.values.truncate(frame.base);
        let Some(caller) = self.frames.last_mut() else { return Some(word) };
        caller.flushed = false;
        let base = caller.base;
        self.settle(base, frame.then, word.unwrap_or(0));
        None
    }

    /// Does with the result of a call what it was made for.
    fn settle(&mut self, base: usize, then: Then, word: u64) {
        match then {
            Then::Assign(result) => self.assign(base, result, word),
            Then::Compare(cond, result) => {
                let order = word as i64;
                // 2: none is an operand, and nothing holds.
                let holds = order != 2 && cond.eval(order, 0);
                self.assign(base, result, holds as u64);
            }
        }
    }

    fn branch(&mut self, func: &Function, data: &InstData, args: &[u64]) -> Result<(), Trap> {
        let edges = &func.edges[data.edges.start as usize..][..data.edges.len as usize];
        let edge = match data.op {
            Op::Jump => 0,
            Op::Brif => usize::from(args[0] == 0),
            Op::Switch => edges[1..].iter().position(|e| e.case as u64 == args[0]).map_or(0, |i| i + 1),
            _ => return Err(Trap::Unreachable),
        };
        self.follow(func, &edges[edge]);
        Ok(())
    }

    /// Goes to the target; parameters get their arguments all at once.
    fn follow(&mut self, func: &Function, edge: &BlockCall) {
        let base = self.top().base;
        let words: Vec<u64> = func.list(edge.args).iter().map(|v| self.values[base + v.index()]).collect();
        for (&p, word) in func.blocks[edge.block.index()].params.iter().zip(words) {
            self.values[base + p.index()] = word;
        }
        let frame = self.top();
        frame.block = edge.block;
        frame.next = 0;
    }
}

/// The known bits of an `int.*` op must be true; `fast` says that the fast path applied.
fn check_facts(data: &InstData, args: &[u64], fast: bool) -> Result<(), Trap> {
    let bits = if data.op == Op::IntCmp { data.imm >> 8 } else { data.imm };
    let small = |i: usize| args.get(i).is_none_or(|w| w & 1 == 0);
    let wrong = (bits & KNOWN_A != 0 && !small(0))
        || (bits & KNOWN_B != 0 && !small(1))
        || (bits & NO_OVERFLOW != 0 && small(0) && small(1) && !fast);
    if wrong { Err(Trap::BrokenFact(data.op)) } else { Ok(()) }
}
