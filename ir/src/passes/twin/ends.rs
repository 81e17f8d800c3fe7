//! Checks of what steps evenly through a loop are made before it, for the first and the last iteration.
//!
//! A counter starts somewhere and is stepped by the same amount in each iteration, and a test that every iteration
//! passes says where it ends. Whatever is made of it by sums, differences and products with what the loop does not
//! change runs from its first value to its last without turning around, as long as no step of it overflows. So
//! when an index is within its list and a sum fits at both ends, they are and do in between, and the loop need not
//! ask. When one does not, all iterations are the twin's: there the check fails where it always did, or the loop is
//! left before.
//!
//! Whether such a value is odd does not change either when the step is even: of operands that have to be small one look
//! at the first iteration is enough.

use super::super::memory::size;
use super::hoist::Hoist;
use super::{op, word};
use crate::cfg::Cfg;
use crate::func::{Block, Function, Inst, InstData, Value};
use crate::ops::{Cond, Op};
use crate::positions::SrcLoc;

/// A value that a loop steps evenly.
#[derive(Clone, Copy)]
pub(super) struct Counter {
    /// In the loop.
    param: Value,
    /// When the loop is entered.
    first: Value,
    step: Value,
    /// The test that is passed until a step has led past its limit, and the value with which the counter is compared.
    stays: Option<(Cond, Value)>,
    /// In the last iteration, when it was asked for.
    last: Option<Value>,
}

/// Counters of a loop, and what was computed for its ends.
#[derive(Default)]
pub(super) struct Ends {
    counters: Vec<Counter>,
    /// Values of the loop with those at the two ends.
    known: Vec<(Value, [Value; 2])>,
    /// Questions that were asked.
    asked: Vec<(Op, [Value; 2])>,
}

/// How a value changes while a counter is stepped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    /// Not at all.
    Same,
    /// By the same amount each time.
    Even,
    /// In one direction.
    Monotone,
}

/// Ops that values are looked through.
const MAX_DEPTH: u32 = 6;

impl Ends {
    /// The values that the loop steps. `entering` are the arguments of its header from before it.
    pub(super) fn of(
        func: &Function,
        cfg: &Cfg,
        header: Block,
        inside: impl Fn(Block) -> bool,
        entering: &[Value],
    ) -> Ends {
        let params = &func.blocks[header.index()].params;
        let latches: Vec<u32> =
            cfg.preds(header).iter().filter(|p| inside(p.block)).map(|p| p.edge).collect();
        let step_of = |k: usize, edge: u32| {
            let next = func.resolve(func.list(func.edges[edge as usize].args)[k]);
            let def = func.def_inst(next)?;
            if func.insts[def.index()].op != Op::Add {
                return None;
            }
            match [0, 1].map(|i| func.resolve(func.operands(def)[i])) {
                [a, b] if a == params[k] => Some(b),
                [a, b] if b == params[k] => Some(a),
                _ => None,
            }
        };
        let mut counters = Vec::new();
        for (k, &param) in params.iter().enumerate() {
            let mut steps = latches.iter().map(|&e| step_of(k, e));
            let Some(Some(step)) = steps.next() else { continue };
            let same = |other: Option<Value>| {
                other.is_some_and(|o| {
                    o == step || (func.as_iconst(o).is_some() && func.as_iconst(o) == func.as_iconst(step))
                })
            };
            if steps.all(same) {
                counters.push(Counter { param, first: entering[k], step, stays: None, last: None });
            }
        }
        Ends { counters, ..Ends::default() }
    }
}

impl Hoist<'_, '_> {
    /// A test that all iterations pass but the last one says where a counter ends.
    pub(super) fn bound(&mut self, func: &Function, test: Inst) {
        let Some((data, stays)) = self.test(func, test) else { return };
        let args = func.operands(data);
        let (a, b) = (func.resolve(args[0]), func.resolve(args[1]));
        for (counted, limit, cond) in [(a, b, stays), (b, a, stays.swap())] {
            if self.is_same(func, limit)
                && matches!(cond, Cond::Slt | Cond::Sle | Cond::Sgt | Cond::Sge)
                && let Some(k) =
                    self.ends.counters.iter().position(|c| c.param == counted && c.stays.is_none())
                && self.steps_along(func, self.ends.counters[k].step, cond)
            {
                self.ends.counters[k].stays = Some((cond, limit));
            }
        }
    }

    /// The step leads to the limit of such a test: up when nothing is known of it, which is looked at before the loop.
    fn steps_along(&self, func: &Function, step: Value, cond: Cond) -> bool {
        let up = matches!(cond, Cond::Slt | Cond::Sle);
        match func.as_iconst(step) {
            Some(s) => s != 0 && (s > 0) == up && s != i64::MIN,
            None => up && self.is_same(func, step),
        }
    }

    /// The comparison of a branch that leaves the loop, and the condition with which it stays.
    fn test(&self, func: &Function, branch: Inst) -> Option<(Inst, Cond)> {
        if func.insts[branch.index()].op != Op::Brif {
            return None;
        }
        let inside = |k: usize| self.contains(func.edges_of(branch)[k].block);
        let stays_when = match (inside(0), inside(1)) {
            (true, false) => true,
            (false, true) => false,
            _ => return None,
        };
        let def = func.def_inst(func.operands(branch)[0])?;
        let d = func.insts[def.index()];
        let cond = (d.op == Op::Icmp).then(|| Cond::from_imm(d.imm))?;
        Some((def, if stays_when { cond } else { cond.invert() }))
    }

    /// Makes the check at the ends instead, if it is of a value that a counter makes. Then the loop need not.
    pub(super) fn check_ends(&mut self, func: &mut Function, branch: Inst) -> bool {
        let Some(def) = func.def_inst(func.operands(branch)[0]) else { return false };
        let data = func.insts[def.index()];
        if data.op.overflow_of().is_some() {
            // It asks whether something does not fit: so the other edge stays.
            let leaves = !self.contains(func.edges_of(branch)[0].block);
            return leaves
                && self.course_of(func, &data, MAX_DEPTH).is_some()
                && self.fits(func, &data, MAX_DEPTH).is_some();
        }
        if data.op == Op::And {
            return self.check_tags(func, &data, branch);
        }
        let Some((test, stays)) = self.test(func, branch) else { return false };
        let args = func.operands(test);
        let (a, b) = (func.resolve(args[0]), func.resolve(args[1]));
        let (value, limit, stays) = match (self.is_same(func, a), self.is_same(func, b)) {
            (false, true) => (a, b, stays),
            (true, false) => (b, a, stays.swap()),
            _ => return false,
        };
        if matches!(stays, Cond::Eq | Cond::Ne | Cond::Ugt | Cond::Uge) {
            return false;
        }
        let unsigned = matches!(stays, Cond::Ult | Cond::Ule);
        if unsigned && !self.is_below_half(func, limit) {
            return false;
        }
        // Half of a value that is not negative: it is not when its half is below a limit of so few bits. The same of
        // one that is not odd.
        let halved = |v: Value| {
            let def = func.def_inst(v)?;
            let (op, args) = (func.insts[def.index()].op, func.operands(def));
            let by_one = matches!(op, Op::Ushr | Op::Rotr) && func.as_iconst(args[1]) == Some(1);
            by_one.then(|| (op, func.resolve(args[0])))
        };
        let half = if unsigned { halved(value) } else { None };
        let whole = half.map_or(value, |(_, whole)| whole);
        let odd = matches!(half, Some((Op::Rotr, _))) && !self.keeps_parity(func, whole, MAX_DEPTH);
        if odd || !self.changes_along(func, whole) {
            return false;
        }
        let Some(ends) = self.at_ends(func, whole, MAX_DEPTH) else { return false };
        for end in ends {
            let loc = data.loc;
            self.open(func);
            let compared = match half {
                Some((halve, _)) => {
                    let one = word(func, &mut self.out, 1, loc);
                    op(func, &mut self.out, halve, &[end, one], 0, loc)
                }
                None => end,
            };
            let wrong = op(func, &mut self.out, Op::Icmp, &[compared, limit], stays.invert() as i64, loc);
            self.leave(func, wrong, true, loc);
        }
        true
    }

    /// The branch leaves when one of some words is odd, which each of them always is or never.
    fn check_tags(&mut self, func: &mut Function, test: &InstData, branch: Inst) -> bool {
        let args = func.list(test.args).to_vec();
        let leaves = !self.contains(func.edges_of(branch)[0].block) && func.as_iconst(args[1]) == Some(1);
        if !leaves || !self.keeps_parity(func, args[0], MAX_DEPTH) {
            return false;
        }
        let Some(first) = self.at_first(func, args[0], MAX_DEPTH) else { return false };
        self.open(func);
        let one = word(func, &mut self.out, 1, test.loc);
        let odd = op(func, &mut self.out, Op::And, &[first, one], 0, test.loc);
        self.leave(func, odd, true, test.loc);
        true
    }

    /// The value in the first iteration, as a word that may have wrapped around: its low bit is right.
    fn at_first(&mut self, func: &mut Function, v: Value, depth: u32) -> Option<Value> {
        let v = func.resolve(v);
        if self.is_same(func, v) {
            return Some(v);
        }
        if let Some(c) = self.ends.counters.iter().find(|c| c.param == v) {
            return Some(c.first);
        }
        let data = func.insts[func.def_inst(v).filter(|_| depth > 0)?.index()];
        let args = func.list(data.args).to_vec();
        let args: Option<Vec<Value>> = args.iter().map(|&a| self.at_first(func, a, depth - 1)).collect();
        self.open(func);
        Some(op(func, &mut self.out, data.op, &args?, data.imm, data.loc))
    }

    fn changes_along(&self, func: &Function, v: Value) -> bool {
        matches!(self.course(func, v, MAX_DEPTH), Some(Course::Even | Course::Monotone))
    }

    /// The value is always even or always odd: what steps it steps by an even amount.
    fn keeps_parity(&self, func: &Function, v: Value, depth: u32) -> bool {
        let v = func.resolve(v);
        if self.is_same(func, v) {
            return true;
        }
        if let Some(c) = self.ends.counters.iter().find(|c| c.param == v) {
            return func.as_iconst(c.step).is_some_and(|s| s & 1 == 0);
        }
        let Some(def) = func.def_inst(v).filter(|_| depth > 0) else { return false };
        let linear = matches!(func.insts[def.index()].op, Op::Add | Op::Sub | Op::Mul | Op::Or);
        linear && func.operands(def).iter().all(|&a| self.keeps_parity(func, a, depth - 1))
    }

    /// An unsigned limit below 2^61.
    fn is_below_half(&self, func: &Function, limit: Value) -> bool {
        let Some(def) = func.def_inst(limit) else { return false };
        let d = func.insts[def.index()];
        match d.op {
            Op::Iconst => (0..1 << 61).contains(&d.imm),
            op if op.is_load() => size(d.op) < 8 || self.cx.module.regions.is_count(d.region),
            _ => false,
        }
    }

    /// How the value changes with a counter whose end is known.
    fn course(&self, func: &Function, v: Value, depth: u32) -> Option<Course> {
        let v = func.resolve(v);
        if self.is_same(func, v) {
            return Some(Course::Same);
        }
        if self.ends.counters.iter().any(|c| c.param == v && c.stays.is_some()) {
            return Some(Course::Even);
        }
        let def = if depth == 0 { None } else { func.def_inst(v) }?;
        self.course_of(func, &func.insts[def.index()], depth)
    }

    fn course_of(&self, func: &Function, data: &InstData, depth: u32) -> Option<Course> {
        let args = func.list(data.args);
        let row = data.op.overflow_of().unwrap_or(data.op);
        if !matches!(row, Op::Add | Op::Sub | Op::Mul | Op::Sshr) {
            return None;
        }
        let (a, b) = (self.course(func, args[0], depth - 1)?, self.course(func, args[1], depth - 1)?);
        match (row, a, b) {
            (_, Course::Same, Course::Same) => Some(Course::Same),
            (Op::Sshr, _, Course::Same) => func.as_iconst(args[1]).map(|_| Course::Monotone),
            (Op::Sshr, ..) => None,
            (_, c, Course::Same) | (_, Course::Same, c) => Some(c),
            (Op::Add | Op::Sub, Course::Even, Course::Even) => Some(Course::Even),
            _ => None,
        }
    }

    /// The value in the first and in the last iteration.
    fn at_ends(&mut self, func: &mut Function, v: Value, depth: u32) -> Option<[Value; 2]> {
        let v = func.resolve(v);
        if self.is_same(func, v) {
            return Some([v, v]);
        }
        if let Some(&(_, ends)) = self.ends.known.iter().find(|(known, _)| *known == v) {
            return Some(ends);
        }
        if let Some(k) = self.ends.counters.iter().position(|c| c.param == v) {
            let counter = self.ends.counters[k];
            let last = match counter.last {
                Some(last) => last,
                None => self.last(func, &counter, counter.stays?),
            };
            self.ends.counters[k].last = Some(last);
            return Some([counter.first, last]);
        }
        let def = if depth == 0 { None } else { func.def_inst(v) }?;
        let data = func.insts[def.index()];
        self.course_of(func, &data, depth)?;
        let ends = match question(data.op) {
            Some(over) => self.fits(func, &InstData { op: over, ..data }, depth)?,
            None => self.operands_at_ends(func, &data, depth)?,
        };
        let values = ends.map(|args| {
            self.open(func);
            op(func, &mut self.out, data.op, &args, data.imm, data.loc)
        });
        self.ends.known.push((v, values));
        Some(values)
    }

    fn operands_at_ends(
        &mut self,
        func: &mut Function,
        data: &InstData,
        depth: u32,
    ) -> Option<[[Value; 2]; 2]> {
        let args = func.list(data.args).to_vec();
        let (a, b) = (self.at_ends(func, args[0], depth - 1)?, self.at_ends(func, args[1], depth - 1)?);
        Some([[a[0], b[0]], [a[1], b[1]]])
    }

    /// Leaves for the twin when a sum, difference or product does not fit at an end. Gives the operands there.
    fn fits(&mut self, func: &mut Function, data: &InstData, depth: u32) -> Option<[[Value; 2]; 2]> {
        let ends = self.operands_at_ends(func, data, depth)?;
        for args in ends {
            self.ask(func, data.op, args, data.loc);
        }
        Some(ends)
    }

    fn ask(&mut self, func: &mut Function, question: Op, args: [Value; 2], loc: SrcLoc) {
        if !self.ends.asked.contains(&(question, args)) {
            self.ends.asked.push((question, args));
            self.open(func);
            let over = op(func, &mut self.out, question, &args, 0, loc);
            self.leave(func, over, true, loc);
        }
    }

    /// The counter in the last iteration, if there is one.
    fn last(&mut self, func: &mut Function, c: &Counter, (cond, limit): (Cond, Value)) -> Value {
        let loc = SrcLoc::NONE;
        let up = matches!(cond, Cond::Slt | Cond::Sle);
        let step = func.as_iconst(c.step);
        self.open(func);
        if step.is_none() {
            let zero = word(func, &mut self.out, 0, loc);
            let wrong = op(func, &mut self.out, Op::Icmp, &[c.step, zero], Cond::Sle as i64, loc);
            self.leave(func, wrong, true, loc);
        }
        let beyond = match cond {
            Cond::Slt => -1,
            Cond::Sgt => 1,
            _ => 0,
        };
        let mut top = limit;
        if beyond != 0 {
            let one = word(func, &mut self.out, beyond, loc);
            top = op(func, &mut self.out, Op::Add, &[limit, one], 0, loc);
        }
        let size = step.map(i64::unsigned_abs);
        let last = if size == Some(1) {
            top
        } else {
            // Whole steps from the first one.
            let (from, to) = if up { (c.first, top) } else { (top, c.first) };
            let way = op(func, &mut self.out, Op::Sub, &[to, from], 0, loc);
            let rest = match size {
                Some(s) if s.is_power_of_two() => {
                    let mask = word(func, &mut self.out, s as i64 - 1, loc);
                    op(func, &mut self.out, Op::And, &[way, mask], 0, loc)
                }
                Some(s) => {
                    let s = word(func, &mut self.out, s as i64, loc);
                    op(func, &mut self.out, Op::Urem, &[way, s], 0, loc)
                }
                None => op(func, &mut self.out, Op::Urem, &[way, c.step], 0, loc),
            };
            op(func, &mut self.out, if up { Op::Sub } else { Op::Add }, &[top, rest], 0, loc)
        };
        // The step behind the last iteration must not turn around.
        self.ask(func, Op::AddOver, [last, c.step], loc);
        last
    }
}

/// The op that asks whether the result of this one fits.
fn question(op: Op) -> Option<Op> {
    [Op::AddOver, Op::SubOver, Op::MulOver].into_iter().find(|q| q.overflow_of() == Some(op))
}
