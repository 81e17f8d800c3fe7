//! Range analysis: which words a value can be, and what follows from that.
//!
//! Intervals are propagated along the dominator tree (preorder, which is topological for forward
//! edges) with what dominating branches say about their operands, until the parameters of loop
//! headers are stable; then a last walk rewrites: `int.*` ops learn which operands are small and
//! whether they can overflow and become raw ops where nothing is left to check, comparisons are
//! decided, shifts and divisions get cheaper forms, bounds checks under a loop condition go.
//!
//! Bounds of parameters that grow are widened: to the next constant of the function's comparisons and
//! remainders or 0, then to the last of these, then to infinity or the mark of slow counters (`domain.rs`).
//! What was guessed too large is narrowed afterwards ([`MAX_NARROWINGS`]): a walk from a stable state gives
//! each parameter what its edges bring. Adding to a mark is not monotone, so the narrowed state counts only
//! when it is stable itself, which the walk's own edges say.
//!
//! The walks are a few per function, whatever its loops; a function that is not stable after
//! [`MAX_ROUNDS`] is left alone.
//!
//! ```
//! mochi_ir::filetest::becomes("range", "
//! func @f -> ref {
//! b0(v0:i64):
//!   v1:i64 = iconst 255
//!   v2:i64 = and v0, v1
//!   v3:i64 = iconst 1
//!   v4:i64 = shl v2, v3
//!   v5:ref = copy v4
//!   v6:ref = int.add v5, v5
//!   ret v6
//! }", "
//! func @f -> ref {
//! b0(v0:i64):
//!   v1:i64 = iconst 255
//!   v2:i64 = and v0, v1
//!   v3:i64 = iconst 1
//!   v4:i64 = shl v2, v3
//!   v5:ref = copy v4
//!   v6:ref = add v5, v5
//!   ret v6
//! }");
//! ```

mod apply;
mod domain;
mod program;
mod transfer;
mod walk;

use super::Context;
use crate::cfg::{Cfg, DomTree};
use crate::func::{Block, Function, Inst, InstData, Value, ValueDef};
use crate::library::Library;
use crate::module::Module;
use crate::ops::{Cond, Op};
use crate::parallel;
use crate::regions::{COUNT_BITS, Regions};
pub(crate) use domain::Range;
use domain::{Kind, SLOW_START, add_high, add_low};
use transfer::{compare, compare_ints, fitting, hull, int_op, refine, refine_int, word_op};
use walk::{Scope, Visit};

/// How far a condition is taken apart, and a refinement is passed on to operands.
const MAX_DEPTH: u32 = 4;
/// Comparisons remembered at a point.
const MAX_FACTS: usize = 32;

/// Runs the pass on a module: first what the calls say about parameters, then each function.
pub fn run(module: &mut Module, _: &Library) {
    program::parameters(module);
    let regions = &module.regions;
    parallel::for_each(&mut module.funcs, |f| analyse(f, regions));
}

/// The same for a function in which more is known since: that it has loops of two sides. What calls say
/// about its parameters stays true.
pub fn run_again(func: &mut Function, cx: &Context) {
    analyse(func, &cx.module.regions);
}

fn analyse(func: &mut Function, regions: &Regions) {
    let cfg = Cfg::new(func);
    let dom = DomTree::new(func, &cfg);
    let params = std::mem::take(&mut func.arguments);
    let mut a = Analysis::new(func, &cfg, &dom, &params, regions);
    if a.solve() {
        a.walk(Mode::Apply);
        func.resolve_aliases();
        func.remove_unreachable_blocks();
    }
    func.arguments = params;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Propagate; parameters of loop headers only grow.
    Grow,
    /// Propagate from a stable state; parameters of loop headers are what their edges bring.
    Narrow,
    /// Rewrite with what is known.
    Apply,
}

/// What the edges of a walk bring to loop headers, against the ranges of the parameters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brought {
    Same,
    /// Nothing that is not in them.
    Less,
    More,
}

/// A comparison that holds at the current point.
#[derive(Clone, Copy)]
struct Fact {
    cond: Cond,
    a: Value,
    b: Value,
}

/// Constants at which bounds may stop, ascending: 0, those of comparisons, largest remainders.
fn stops(func: &Function) -> Vec<i64> {
    let constant = |v: Value| match func.values[v.index()].def {
        ValueDef::Inst(inst) => Some(func.insts[inst.index()]).filter(|d| d.op == Op::Iconst).map(|d| d.imm),
        _ => None,
    };
    let mut list = vec![0];
    for data in &func.insts {
        let arg = |k: u32| constant(func.pool[(data.args.start + k) as usize]);
        match data.op {
            Op::Icmp | Op::IntCmp => list.extend([arg(0), arg(1)].into_iter().flatten()),
            Op::And => list.extend(arg(1)),
            Op::IntMod | Op::Srem | Op::Urem => {
                let most = arg(1).map(|c| c.saturating_abs() - 1);
                most.into_iter().for_each(|m| list.extend([m, -m]));
            }
            _ => {}
        }
    }
    list.retain(|c| (-SLOW_START..=SLOW_START).contains(c));
    list.sort_unstable();
    list.dedup();
    list
}

struct Analysis<'a> {
    func: &'a mut Function,
    cfg: &'a Cfg,
    dom: &'a DomTree,
    header: Vec<bool>,
    /// There is a loop.
    loops: bool,
    /// Ranges of the function's parameters; empty when nothing is known.
    params: &'a [Range],
    regions: &'a Regions,
    /// Ranges at the current point.
    now: Vec<Range>,
    /// Ranges of the parameters of loop headers.
    state: Vec<Range>,
    /// Constants at which widening stops, ascending.
    stops: Vec<i64>,
    /// How often each parameter of a loop header was widened.
    widened: Vec<u8>,
    reached: Vec<bool>,
    /// Edges that can be taken.
    open: Vec<bool>,
    /// Ranges of arguments of edges and calls, by their place in the pool.
    edge_args: Vec<Range>,
    /// Values refined in open scopes, with what they were before.
    undo: Vec<(Value, Range)>,
    facts: Vec<Fact>,
    /// Dominators of the current block, itself included.
    scopes: Vec<Scope>,
    /// Walks so far.
    walks: u32,
    /// By block.
    visits: Vec<Visit>,
    /// Instructions of the current block, while rewriting.
    out: Vec<Inst>,
}

impl<'a> Analysis<'a> {
    /// Prepares a function; `params` are the ranges of its parameters, or nothing.
    fn new(
        func: &'a mut Function,
        cfg: &'a Cfg,
        dom: &'a DomTree,
        params: &'a [Range],
        regions: &'a Regions,
    ) -> Analysis<'a> {
        let mut header = vec![false; func.blocks.len()];
        for &b in &cfg.rpo {
            for e in func.successors(b) {
                header[e.block.index()] |= cfg.rpo_index[e.block.index()] <= cfg.rpo_index[b.index()];
            }
        }
        let loops = header.iter().any(|&h| h);
        Analysis {
            now: vec![Range::TOP; func.values.len()],
            state: vec![Range::TOP; if loops { func.values.len() } else { 0 }],
            stops: if loops { stops(func) } else { Vec::new() },
            widened: vec![0; if loops { func.values.len() } else { 0 }],
            reached: vec![false; func.blocks.len()],
            open: vec![false; func.edges.len()],
            edge_args: vec![Range::TOP; func.pool.len()],
            undo: Vec::with_capacity(64),
            facts: Vec::with_capacity(MAX_FACTS),
            scopes: Vec::with_capacity(32),
            walks: 0,
            visits: vec![Visit::default(); func.blocks.len()],
            out: Vec::new(),
            loops,
            header,
            params,
            regions,
            func,
            cfg,
            dom,
        }
    }

    // Conditions.

    /// What taking an edge says.
    fn assume_edge(&mut self, from: Block, edge: u32) {
        let inst = self.func.terminator(from);
        let InstData { op, edges, .. } = self.func.insts[inst.index()];
        match op {
            Op::Brif => {
                let other = self.func.edges[(edges.start * 2 + 1 - edge) as usize].block;
                if other != self.func.edges[edge as usize].block {
                    let c = self.func.operands(inst)[0];
                    self.assume(c, edge == edges.start, 0);
                    if edge != edges.start {
                        self.fits(from, c);
                    }
                }
            }
            Op::Switch if edge != edges.start => {
                let target = self.func.edges[edge as usize].block;
                let same = self.cfg.preds(target).iter().filter(|p| p.block == from).count();
                if same == 1 {
                    let v = self.func.operands(inst)[0];
                    self.refine(v, Range::constant(self.func.edges[edge as usize].case), 0);
                }
            }
            _ => {}
        }
    }

    /// A block has gone on although something might have overflowed: what is made next to that question fits.
    fn fits(&mut self, block: Block, question: Value) {
        let [.., made, asked, _] = self.func.blocks[block.index()].insts[..] else { return };
        let (made, asked) = (&self.func.insts[made.index()], &self.func.insts[asked.index()]);
        let args = self.func.list(asked.args);
        if asked.result == Some(question)
            && let Some(result) = made.result
            && asked.op.overflow_of() == Some(made.op)
            && self.func.list(made.args) == args
        {
            let (r, _) = fitting(asked.op, self.now[args[0].index()], self.now[args[1].index()]);
            self.refine(result, r, 0);
        }
    }

    /// The instruction that makes a value.
    fn def(&self, v: Value) -> Option<(Inst, &InstData)> {
        match self.func.values[v.index()].def {
            ValueDef::Inst(inst) => Some((inst, &self.func.insts[inst.index()])),
            _ => None,
        }
    }

    /// A condition is zero or is not.
    fn assume(&mut self, c: Value, truth: bool, depth: u32) {
        if depth > MAX_DEPTH {
            return;
        }
        if let Some((inst, data)) = self.def(c) {
            let arg = |k: usize| self.func.operands(inst)[k];
            let (op, imm) = (data.op, data.imm);
            match op {
                Op::Icmp => {
                    let cond = Cond::from_imm(imm);
                    let cond = if truth { cond } else { cond.invert() };
                    self.compared(cond, arg(0), arg(1), false);
                }
                Op::IntCmp => {
                    let (cond, a, b) = (Cond::from_imm(imm), arg(0), arg(1));
                    let none = |v: Value| !self.now[v.index()].ints().excludes_none();
                    if truth {
                        self.compared(cond, a, b, true);
                    } else if !none(a) && !none(b) || matches!(cond, Cond::Ne) {
                        self.compared(cond.invert(), a, b, true);
                    }
                }
                // Both are true, or both are false.
                Op::And if truth => {
                    let (a, b) = (arg(0), arg(1));
                    self.assume_bool(a, true, depth);
                    self.assume_bool(b, true, depth);
                }
                Op::Or if !truth => {
                    let (a, b) = (arg(0), arg(1));
                    self.assume(a, false, depth + 1);
                    self.assume(b, false, depth + 1);
                }
                _ => {}
            }
        }
        if truth {
            self.refine(c, self.now[c.index()].without(0), 0);
        } else {
            self.refine(c, Range::constant(0), 0);
        }
    }

    /// As [`Analysis::assume`] for an operand of `and`: true only means not zero where the operands
    /// are 0 or 1.
    fn assume_bool(&mut self, v: Value, truth: bool, depth: u32) {
        let (lo, hi) = self.now[v.index()].words();
        if lo >= 0 && hi <= 1 {
            self.assume(v, truth, depth + 1);
        }
    }

    /// A comparison holds.
    fn compared(&mut self, cond: Cond, a: Value, b: Value, ints: bool) {
        let (ra, rb) = (self.now[a.index()], self.now[b.index()]);
        if ints {
            self.refine(a, refine_int(cond, rb), 0);
            self.refine(b, refine_int(cond.swap(), ra), 0);
        } else if cond == Cond::Ne && rb.single() == Some(1) {
            self.exclude_none(a);
        } else {
            self.refine(a, refine(cond, rb), 0);
            self.refine(b, refine(cond.swap(), ra), 0);
        }
        if cond == Cond::Ne {
            for (v, other) in [(a, rb), (b, ra)] {
                let left = other.single().map(|c| self.now[v.index()].without(c));
                left.into_iter().for_each(|r| self.refine(v, r, 0));
            }
        }
        // As a comparison of words it holds for small ints only.
        let small = |v: Value| self.now[v.index()].is_small();
        if (!ints || small(a) && small(b)) && self.facts.len() < MAX_FACTS {
            self.facts.push(Fact { cond: self.signed(cond, a, b), a, b });
        }
    }

    /// The condition between signed words that an unsigned one is: both orders agree where nothing is negative.
    fn signed(&self, cond: Cond, a: Value, b: Value) -> Cond {
        let nonneg = |v: Value| self.now[v.index()].words().0 >= 0;
        match cond {
            Cond::Ult if nonneg(a) && nonneg(b) => Cond::Slt,
            Cond::Ule if nonneg(a) && nonneg(b) => Cond::Sle,
            Cond::Ugt if nonneg(a) && nonneg(b) => Cond::Sgt,
            Cond::Uge if nonneg(a) && nonneg(b) => Cond::Sge,
            cond => cond,
        }
    }

    fn exclude_none(&mut self, v: Value) {
        let r = self.now[v.index()];
        if r.kind == Kind::IntOrNone {
            self.set(v, Range::int(r.lo, r.hi, false, r.int_zeros()));
        }
    }

    fn set(&mut self, v: Value, r: Range) {
        let old = self.now[v.index()];
        if old != r {
            self.undo.push((v, old));
            self.now[v.index()] = r;
        }
    }

    /// A value is in a set; passes that on to what it was made from.
    fn refine(&mut self, v: Value, with: Range, depth: u32) {
        let old = self.now[v.index()];
        let Some(r) = old.meet(with) else { return };
        if r == old || depth > MAX_DEPTH {
            return;
        }
        self.set(v, r);
        let Some((inst, data)) = self.def(v) else { return };
        let op = data.op;
        let (lo, hi) = r.words();
        let zeros = r.low_zeros();
        let arg = |k: usize| self.func.operands(inst)[k];
        let by = |k: usize| self.now[arg(k).index()].single();
        const HALF: i64 = 1 << 62;
        let of = match op {
            Op::Copy => r,
            Op::Rotr if by(1) == Some(1) && lo >= 0 && hi < HALF => Range::word(lo * 2, hi * 2, zeros + 1),
            Op::Ushr | Op::Sshr if by(1) == Some(1) && lo >= 0 && hi < HALF => Range::raw(lo * 2, hi * 2 + 1),
            Op::Shl if by(1) == Some(1) => {
                let (a, b) = self.now[arg(0).index()].words();
                if a < -HALF || b >= HALF {
                    return;
                }
                Range::word(lo >> 1, hi >> 1, zeros.saturating_sub(1))
            }
            Op::Add => {
                let (a, b) = self.now[arg(0).index()].words();
                let Some(c) = by(1) else { return };
                let wraps = a.checked_add(c).is_none() || b.checked_add(c).is_none();
                let Some(minus) = c.checked_neg().filter(|_| !wraps) else { return };
                hull(add_low(lo, minus), add_high(hi, minus), 0)
            }
            // Low bits that a mask or a remainder of a power of two keeps.
            Op::And => match by(1) {
                Some(mask) => Range::multiple(zeros.min(mask.trailing_ones())),
                None => return,
            },
            // A bit that is not set in either is not set in one.
            Op::Or => Range::multiple(zeros),
            Op::Srem | Op::Urem => Range::multiple(zeros.min(self.now[arg(1).index()].low_zeros())),
            Op::IntMod => {
                let zeros = r.int_zeros().min(self.now[arg(1).index()].int_zeros());
                Range::int(i64::MIN, i64::MAX, true, zeros)
            }
            _ => return,
        };
        let (x, other) = (arg(0), (op == Op::Or).then(|| arg(1)));
        self.refine(x, of, depth + 1);
        if let Some(y) = other {
            self.refine(y, of, depth + 1);
        }
    }

    // Instructions.

    /// Computes the range of an instruction's result.
    fn evaluate(&mut self, inst: Inst) {
        let data = &self.func.insts[inst.index()];
        if data.op == Op::Call {
            for i in data.args.start..data.args.start + data.args.len {
                self.edge_args[i as usize] = self.now[self.func.pool[i as usize].index()];
            }
        }
        let Some(result) = data.result else { return };
        let args = self.func.list(data.args);
        let range = |k: usize| args.get(k).map_or(Range::TOP, |v| self.now[v.index()]);
        self.now[result.index()] = match data.op {
            Op::Iconst => Range::constant(data.imm),
            // No item is at address 0.
            Op::Symaddr if data.imm >= 0 => Range::raw(1, i64::MAX),
            Op::Load8u => Range::raw(0, 0xff),
            Op::Load8s => Range::raw(-0x80, 0x7f),
            Op::Load16u => Range::raw(0, 0xffff),
            Op::Load16s => Range::raw(-0x8000, 0x7fff),
            Op::Load32u => Range::raw(0, 0xffff_ffff),
            Op::Load32s => Range::raw(-0x8000_0000, 0x7fff_ffff),
            Op::Load64 if self.regions.is_count(data.region) => Range::raw(0, (1 << COUNT_BITS) - 1),
            Op::Icmp | Op::IntCmp | Op::Fcmp => match self.decide(data) {
                Some(truth) => Range::constant(truth as i64),
                None => Range::raw(0, 1),
            },
            Op::Select => range(1).join(range(2)),
            op if op.is_int() => int_op(op, range(0), range(1)).0,
            op if op.overflow_of().is_some() => match fitting(op, range(0), range(1)) {
                (_, true) => Range::constant(0),
                _ => Range::raw(0, 1),
            },
            op if op.info().operands.is_some() => word_op(op, range(0), range(1)),
            _ => Range::TOP,
        };
    }

    /// The truth of a comparison.
    fn decide(&self, data: &InstData) -> Option<bool> {
        let args = self.func.list(data.args);
        let (a, b) = (self.now[args[0].index()], self.now[args[1].index()]);
        let cond = Cond::from_imm(data.imm);
        match data.op {
            Op::Icmp => compare(cond, a, b).or_else(|| self.implied(cond, args[0], args[1])),
            Op::IntCmp => compare_ints(cond, a, b),
            _ => None,
        }
    }

    /// The truth of a comparison that follows from one that holds.
    fn implied(&self, cond: Cond, a: Value, b: Value) -> Option<bool> {
        if self.facts.is_empty() {
            return None;
        }
        let signed = self.signed(cond, a, b);
        let (a, b, signed) =
            if matches!(signed, Cond::Sgt | Cond::Sge) { (b, a, signed.swap()) } else { (a, b, signed) };
        if !matches!(signed, Cond::Slt | Cond::Sle) {
            return None;
        }
        let less = signed == Cond::Slt;
        if self.known_less(a, b, less) {
            return Some(true);
        }
        self.known_less(b, a, !less).then_some(false)
    }

    /// `a < b` (or `a <= b`) follows from a remembered comparison, both taken as signed words.
    fn known_less(&self, a: Value, b: Value, strict: bool) -> bool {
        self.facts.iter().any(|f| {
            let (x, y, cond) = match f.cond {
                Cond::Sgt | Cond::Sge => (f.b, f.a, f.cond.swap()),
                c => (f.a, f.b, c),
            };
            let enough = cond == Cond::Slt || cond == Cond::Sle && !strict;
            enough && (x == a && y == b || self.is_half(a, x) && self.is_half(b, y))
        })
    }

    /// A value is exactly half of an even word, in one of the forms of tagging.
    fn is_half(&self, half: Value, whole: Value) -> bool {
        let fits = |v: Value| {
            let (lo, hi) = self.now[v.index()].words();
            lo >= 0 && hi < 1 << 62
        };
        if let Some((inst, data)) = self.def(whole)
            && data.op == Op::Shl
            && self.func.operands(inst)[0] == half
            && self.now[self.func.operands(inst)[1].index()].single() == Some(1)
        {
            return fits(half);
        }
        if let Some((inst, data)) = self.def(half)
            && matches!(data.op, Op::Rotr | Op::Ushr | Op::Sshr)
            && self.func.operands(inst)[0] == whole
            && self.now[self.func.operands(inst)[1].index()].single() == Some(1)
        {
            let r = self.now[whole.index()];
            return r.is_even() && r.lo >= 0;
        }
        let constant = |v: Value| self.now[v.index()].single();
        match (constant(half), constant(whole)) {
            (Some(h), Some(w)) => h.checked_mul(2) == Some(w),
            _ => false,
        }
    }
}
