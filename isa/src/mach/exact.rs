//! Exact integers (`int.*`): tagged words with slow paths.
//!
//! An operation is one instruction to the allocator ([`Exact`]), which is emitted as a *fast path* and, unless
//! nothing can go wrong, an out-of-line [`SlowPath`]. An even constant is known to be small.
//!
//! The fast path works on tagged words (twice the value), and leaves for the slow one on overflow or
//! when a word is odd. The slow path saves what it uses, calls the runtime function, which keeps every
//! other register, and jumps back behind the fast path. It finds the operands where they were:
//! instruction sets either undo a result written over an operand, or keep the two apart.

use crate::mach::compare::{self, Conditions};
use crate::mach::operands::{Opd, RegImm, r};
use crate::mach::{Emitter, Isa, Label, Lower};
use mochi_ir::ops::{KNOWN_A, KNOWN_B, NO_OVERFLOW};
use mochi_ir::{Cond, Inst, Op, Sym, Value};
use regalloc2::PReg;

/// What may be wrong with the operands of exact arithmetic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checks {
    /// The first operand may be odd.
    pub a: bool,
    /// The second operand may be odd.
    pub b: bool,
    /// The result may overflow.
    pub overflow: bool,
}

impl Checks {
    fn new<I: Isa>(l: &Lower<I>, bits: i64, a: Value, b: Value) -> Checks {
        Checks {
            a: bits & KNOWN_A == 0 && small_int(l, a).is_none(),
            b: bits & KNOWN_B == 0 && small_int(l, b).is_none(),
            overflow: bits & NO_OVERFLOW == 0,
        }
    }

    fn any(self) -> bool {
        self.a || self.b || self.overflow
    }

    fn swap(self) -> Checks {
        Checks { a: self.b, b: self.a, ..self }
    }
}

/// An operation on tagged words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExactOp {
    /// Sum.
    Add,
    /// Difference.
    Sub,
    /// Negation of `a`.
    Neg,
    /// Product.
    Mul,
    /// Quotient.
    Div,
    /// Remainder.
    Rem,
    /// Comparison. When `swap`, the runtime compares b with a, and the answer is negated.
    Cmp {
        /// The runtime gets the operands exchanged.
        swap: bool,
    },
    /// Whether the remainder by a positive power of two is 0.
    RemZero,
}

/// An operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exact {
    /// What to do.
    pub op: ExactOp,
    /// What to check.
    pub checks: Checks,
    /// The runtime function, unless there is nothing to check.
    pub slow: Option<Sym>,
}

/// Where the operands are when the fast path is left.
pub struct Places<I: Isa> {
    /// First operand.
    pub a: I::Opd,
    /// Second operand.
    pub b: I::Opd,
    /// Where the result goes, or `None` for a comparison.
    pub result: Option<PReg>,
    /// What has to be undone first.
    pub undo: I::Undo,
}

/// What is emitted out of line.
pub struct SlowPath<I: Isa> {
    /// Where it starts.
    pub entry: Label,
    /// Where it goes on.
    pub back: Label,
    /// The operation.
    pub op: ExactOp,
    /// The runtime function.
    pub slow: Sym,
    /// Its operands.
    pub places: Places<I>,
}

impl<I: Isa> SlowPath<I> {
    /// The runtime gets the operands exchanged.
    pub fn is_swapped(&self) -> bool {
        self.op == ExactOp::Cmp { swap: true }
    }

    /// The operands in the runtime's order.
    pub fn arguments(&self) -> (I::Opd, I::Opd) {
        let Places { a, b, .. } = self.places;
        if self.is_swapped() { (b, a) } else { (a, b) }
    }
}

/// Moves the operands into the argument registers, through a scratch register when the second one is in
/// the first of these.
pub fn move_arguments<I: Isa<Opd = Opd>>(e: &mut Emitter<I>, path: &SlowPath<I>, scratch: PReg) {
    let (to_first, to_second) = (I::ABI.int_args[0], I::ABI.int_args[1]);
    let (first, second) = path.arguments();
    let crossed = second == r(to_first);
    if crossed {
        argument(e, scratch, second);
    }
    // An operand that is in the second register is the first one, which has moved by then, or stays.
    argument(e, to_first, first);
    argument(e, to_second, if crossed { r(scratch) } else { second });
}

fn argument<I: Isa<Opd = Opd>>(e: &mut Emitter<I>, to: PReg, from: Opd) {
    match from {
        Opd::Reg(from) if from == to => {}
        Opd::Reg(from) => I::move_register(e, from, to),
        Opd::Imm(c) => I::constant(e, to, c),
    }
}

/// What an instruction set adds.
pub trait ExactOps: Conditions {
    /// Results are made in the place of the first operand, so that one that dies there is better
    /// first.
    const TWO_ADDRESS: bool;

    /// Whether the operation takes this tagged constant as an immediate.
    fn immediate(op: ExactOp, c: i64) -> bool;
    /// Selects an operation with a result.
    fn exact(l: &mut Lower<Self>, x: Exact, inst: Inst, a: Value, b: RegImm<Value>);
    /// Selects a comparison, or `RemZero`, for which the test is that the remainder is not 0.
    fn exact_test(l: &mut Lower<Self>, x: Exact, cond: Cond, a: Value, b: RegImm<Value>) -> Self::Condition;
}

/// The tagged constant a value is, when it is a small int.
pub fn small_int<I: Isa>(l: &Lower<I>, v: Value) -> Option<i64> {
    l.iconst(v).filter(|c| c & 1 == 0)
}

/// The second operand: a tagged constant, when instructions have it as such.
fn second<I: ExactOps>(l: &Lower<I>, op: ExactOp, b: Value) -> RegImm<Value> {
    small_int(l, b).filter(|&c| I::immediate(op, c)).map_or(RegImm::Reg(b), RegImm::Imm)
}

fn exact<I: ExactOps>(l: &mut Lower<I>, inst: Inst, op: ExactOp, checks: Checks) -> Exact {
    let d = l.data(inst);
    let number = d.op.slow_path_number(d.imm).expect("op has a slow path");
    l.note_call(0);
    let slow = l.context.slow_path(number);
    Exact { op, checks, slow: Some(slow) }
}

/// Selects an operation with a result.
pub fn lower<I: ExactOps>(l: &mut Lower<I>, inst: Inst) {
    let d = l.data(inst);
    let args = l.operands(inst);
    let (mut a, mut b) = (args[0], *args.last().expect("an operand"));
    let mut checks = Checks::new(l, d.imm, a, b);
    let op = match d.op {
        Op::IntAdd => ExactOp::Add,
        Op::IntSub => ExactOp::Sub,
        Op::IntNeg => ExactOp::Neg,
        Op::IntMul => ExactOp::Mul,
        Op::IntDiv => ExactOp::Div,
        Op::IntMod => ExactOp::Rem,
        other => unreachable!("{other:?} is no exact arithmetic"),
    };
    let exchange = match op {
        ExactOp::Add => {
            let dies = I::TWO_ADDRESS && l.live_after(a) && !l.live_after(b);
            l.iconst(a).is_some() || l.iconst(b).is_none() && dies
        }
        ExactOp::Mul => small_int(l, a).is_some(),
        _ => false,
    };
    if exchange {
        (a, b) = (b, a);
        checks = checks.swap();
    }
    let plain = match op {
        // Those by constants with nothing to check are no exact arithmetic any more.
        ExactOp::Div | ExactOp::Rem => false,
        ExactOp::Neg => {
            checks.b = false;
            !checks.any()
        }
        _ => !checks.any(),
    };
    let x = if plain { Exact { op, checks, slow: None } } else { exact(l, inst, op, checks) };
    let b = second(l, op, b);
    I::exact(l, x, inst, a, b);
}

/// Selects a test for "is not 0" of `x % 2^k`, when the remainder has no other use.
pub fn remainder_test<I: ExactOps>(l: &mut Lower<I>, v: Value) -> Option<I::Condition> {
    let (inst, d) = l.local_def(v).filter(|(_, d)| d.op == Op::IntMod && l.used_once(v))?;
    let &[a, b] = l.operands(inst) else { return None };
    let c =
        small_int(l, b).filter(|&c| c >= 4 && c.count_ones() == 1 && I::immediate(ExactOp::RemZero, c))?;
    let checks = Checks::new(l, d.imm, a, b);
    if !checks.a {
        // The word is even, so the bit of the tag need not be tested.
        return Some(I::bits(l, a, c - 2));
    }
    let x = exact(l, inst, ExactOp::RemZero, checks);
    Some(I::exact_test(l, x, Cond::Ne, a, RegImm::Imm(c)))
}

/// Selects the comparison of an `int.cmp`. A small int equals no big one, so equality needs to
/// know one operand only.
pub fn compare<I: ExactOps>(l: &mut Lower<I>, inst: Inst) -> I::Condition {
    let d = l.data(inst);
    let args = l.operands(inst);
    let cond = Cond::from_imm(d.imm);
    let mut checks = Checks { overflow: false, ..Checks::new(l, d.imm >> 8, args[0], args[1]) };
    let (a, b, cond) = match l.iconst(args[0]) {
        Some(_) if l.iconst(args[1]).is_none() => {
            checks = checks.swap();
            (args[1], args[0], cond.swap())
        }
        _ => (args[0], args[1], cond),
    };
    let equality = matches!(cond, Cond::Eq | Cond::Ne);
    if equality
        && l.iconst(b) == Some(0)
        && let Some(test) = remainder_test(l, a)
    {
        return if cond == Cond::Ne { test } else { !test };
    }
    if !checks.a && !checks.b || equality && !(checks.a && checks.b) {
        return compare::words(l, cond, a, b);
    }
    let op = ExactOp::Cmp { swap: matches!(cond, Cond::Sgt | Cond::Sge) };
    let x = exact(l, inst, op, checks);
    let b = second(l, op, b);
    I::exact_test(l, x, cond, a, b)
}

/// Emits an operation: the fast path now, which goes to its label when it cannot tell, the slow one at the
/// end of the function.
pub fn emit<I: Isa>(
    e: &mut Emitter<I>,
    x: Exact,
    fast_path: impl FnOnce(&mut Emitter<I>, Label) -> Places<I>,
) {
    let (entry, back) = (e.buf.label(), e.buf.label());
    let places = fast_path(e, entry);
    e.buf.bind(back);
    leave(e, x, entry, back, places);
}

/// Emits the slow path of an operation at the end of the function, if there is one.
pub fn leave<I: Isa>(e: &mut Emitter<I>, x: Exact, entry: Label, back: Label, places: Places<I>) {
    match x.slow {
        Some(slow) => e.add_slow_path(SlowPath { entry, back, op: x.op, slow, places }),
        // Nobody goes there.
        None => e.buf.bind(entry),
    }
}
