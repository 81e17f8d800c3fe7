//! Checks of what steps evenly through a loop are made before it, for the first and the last iteration.
//!
//! A counter starts somewhere and is stepped by the same amount in each iteration, and a test that every iteration
//! passes says where it ends. Whatever is made of it by sums, differences and products with what the loop does not
//! change runs from its first value to its last without turning around, as long as no step of it overflows. So
//! when an index is within its list and a sum fits at both ends, they are and do in between, and the loop need not
//! ask. When one does not, all iterations are the twin's: there the check fails where it always did, or the loop is
//! left before.
//!
//! Operands that have to be small are looked at before the loop, too, where words there tell of all iterations: what
//! is stepped by what is even stays even, and of a list of ints its storage says whether all are small.

use super::super::memory::{Fact, kills, kind_of, size};
use super::hoist::Hoist;
use super::{op, word};
use crate::cfg::Cfg;
use crate::func::{Block, Function, Inst, InstData, Type, Value, ValueDef};
use crate::ops::{Cond, Op};
use crate::positions::SrcLoc;
use crate::regions::Region;

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
    /// What holds in all iterations: values compared with limits.
    held: Vec<(Value, Value, Cond)>,
    /// Words that are even when the loop is entered.
    pub(super) even: Vec<Value>,
    /// Storages of which all words are.
    small: Vec<Value>,
}

/// What tells whether words are even.
#[derive(Default)]
struct Tags {
    /// They have to be.
    words: Vec<Value>,
    /// Objects whose kind has to be, with its region.
    kinds: Vec<(Value, Region)>,
    /// Values that were looked at.
    seen: Vec<Value>,
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
/// Values that are looked at to find what tells whether one is even.
const MAX_TAGS: usize = 16;

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
    /// Where not every iteration comes only what is asked anyway.
    pub(super) fn check_ends(&mut self, func: &mut Function, branch: Inst, on_spine: bool) -> bool {
        let Some(def) = func.def_inst(func.operands(branch)[0]) else { return false };
        let data = func.insts[def.index()];
        if data.op.overflow_of().is_some() {
            // It asks whether something does not fit: so the other edge stays.
            let leaves = !self.contains(func.edges_of(branch)[0].block);
            return on_spine
                && leaves
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
        if self.ends.held.contains(&(value, limit, stays)) {
            return true;
        }
        if !on_spine || matches!(stays, Cond::Eq | Cond::Ne | Cond::Ugt | Cond::Uge) {
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
        self.ends.held.push((value, limit, stays));
        true
    }

    /// The branch leaves when one of some words is odd. Made before the loop where words there tell whether one of
    /// them ever is.
    fn check_tags(&mut self, func: &mut Function, test: &InstData, branch: Inst) -> bool {
        let args = func.list(test.args).to_vec();
        let leaves = !self.contains(func.edges_of(branch)[0].block) && func.as_iconst(args[1]) == Some(1);
        let mut tags = Tags::default();
        if !leaves || !self.tags(func, args[0], &mut tags) {
            return false;
        }
        tags.words.retain(|w| !self.ends.even.contains(w));
        self.ends.even.extend(&tags.words);
        for (storage, kind) in tags.kinds {
            if !self.ends.small.contains(&storage) {
                self.ends.small.push(storage);
                self.open(func);
                let mut load = |func: &mut Function, row: Op, base: Value, region: Region, ty: Type| {
                    let inst = func.make_inst(row, &[base], 0, None, Some(ty), test.loc);
                    func.insts[inst.index()].region = region;
                    self.out.push(inst);
                    func.insts[inst.index()].result.expect("made with a result")
                };
                let descriptor = load(func, Op::Load64, storage, kind, Type::Addr);
                tags.words.push(load(func, Op::Load8u, descriptor, Region::ANY, Type::I64));
            }
        }
        if !tags.words.is_empty() {
            self.open(func);
            let any = tags.words.into_iter();
            let any =
                any.reduce(|a, b| op(func, &mut self.out, Op::Or, &[a, b], 0, test.loc)).expect("a word");
            let one = word(func, &mut self.out, 1, test.loc);
            let odd = op(func, &mut self.out, Op::And, &[any, one], 0, test.loc);
            self.leave(func, odd, true, test.loc);
        }
        true
    }

    /// What has to be even before the loop so that a value in it always is; false when that is not known. A value that
    /// is looked at already counts as even: it was in the iteration before.
    fn tags(&self, func: &Function, v: Value, tags: &mut Tags) -> bool {
        let v = func.resolve(v);
        if self.even.get(v.index()).copied().unwrap_or(false) || tags.seen.contains(&v) {
            return true;
        }
        if tags.seen.len() == MAX_TAGS {
            return false;
        }
        tags.seen.push(v);
        if self.is_same(func, v) {
            if func.as_iconst(v).is_none_or(|c| c & 1 != 0) {
                tags.words.push(v);
            }
            return true;
        }
        let inst = match func.values[v.index()].def {
            ValueDef::Param(block, k) => {
                let args = |edge: u32| func.list(func.edges[edge as usize].args)[k as usize];
                let mut preds = self.cfg.preds(block).iter().filter(|p| self.contains(p.block));
                let entering =
                    (block == self.header).then(|| func.list(self.edges(func)[1].args)[k as usize]);
                return entering.is_none_or(|v| self.tags(func, v, tags))
                    && preds.all(|p| self.tags(func, args(p.edge), tags));
            }
            ValueDef::Inst(inst) => inst,
            ValueDef::Alias(_) => unreachable!("resolved"),
        };
        let d = &func.insts[inst.index()];
        let args = func.operands(inst);
        match d.op {
            Op::Add | Op::Sub | Op::Or | Op::Srem | Op::Urem => {
                args.iter().all(|&a| self.tags(func, a, tags))
            }
            Op::Select => args[1..].iter().all(|&a| self.tags(func, a, tags)),
            Op::Copy | Op::Mul => self.tags(func, args[0], tags),
            Op::Shl => func.as_iconst(args[1]).is_some_and(|k| (1..64).contains(&k)),
            Op::Load64 => self.kind(func, inst).is_some_and(|storage| {
                tags.kinds.push(storage);
                true
            }),
            _ => false,
        }
    }

    /// The object that a word is loaded from, and the region of its kind, when that says whether the word is even and
    /// is the same in all iterations.
    fn kind(&self, func: &Function, load: Inst) -> Option<(Value, Region)> {
        let (base, kind) = kind_of(func, self.cx, load)?;
        let is_load = func.def_inst(base).is_some_and(|d| func.insts[d.index()].op == Op::Load64);
        let value = base;
        let fact = Fact { op: Op::Load64, base, offset: 0, value, region: kind, inst: load };
        let changes = self.writes.iter().any(|&w| kills(func, self.cx, self.origins, w, &fact));
        (is_load && self.is_same(func, base) && !changes).then_some((base, kind))
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
