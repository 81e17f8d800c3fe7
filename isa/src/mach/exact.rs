//! Exact integers (`int.*`): tagged words with slow paths.
//!
//! What is known of the operands decides the form: nothing to check gives plain instructions,
//! otherwise one instruction to the allocator ([`Exact`]), which is emitted as a *fast path* and an
//! out-of-line [`Stub`]. An even constant is known to be small.
//!
//! The fast path works on tagged words (twice the value), and leaves for the stub on overflow or
//! when a word is odd. The stub saves what it uses, calls the runtime function, which keeps every
//! other register, and jumps back behind the fast path. It finds the operands where they were:
//! instruction sets either undo a result written over an operand, or keep the two apart.

use crate::mach::{Emitter, Isa, Label, Lower};
use mochi_ir::ops::{KNOWN_A, KNOWN_B, NO_OVERFLOW};
use mochi_ir::{Cond, Inst, Op, Sym, Value};
use regalloc2::{Allocation, PReg, VReg};

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

/// An operation with something to check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exact {
    /// What to do.
    pub op: ExactOp,
    /// The tagged constant that is the second operand, when instructions have it as such.
    pub imm: Option<i64>,
    /// What to check.
    pub checks: Checks,
    /// The runtime function.
    pub slow: Sym,
}

/// Where the operands are when the fast path is left.
#[derive(Clone, Debug)]
pub struct Places<O, U> {
    /// First operand.
    pub a: O,
    /// Second operand.
    pub b: O,
    /// Where the result goes, or `None` for a comparison.
    pub result: Option<PReg>,
    /// What has to be undone first.
    pub undo: U,
}

/// The slow path.
#[derive(Clone, Debug)]
pub struct Stub<O, U> {
    /// Where it starts.
    pub entry: Label,
    /// Where it goes on.
    pub back: Label,
    /// The operation.
    pub exact: Exact,
    /// Its operands.
    pub places: Places<O, U>,
}

/// What an instruction set adds.
pub trait ExactOps: Isa<Stub = Stub<Self::Place, Self::Undo>> {
    /// An operand with its place.
    type Place;
    /// How a result written over an operand is undone.
    type Undo;
    /// What a branch or a set can test.
    type Test;
    /// Results are made in the place of the first operand, so that one that dies there is better
    /// first.
    const TWO_ADDRESS: bool;

    /// Whether the operation takes this tagged constant as an immediate.
    fn immediate(op: ExactOp, c: i64) -> bool;
    /// Selects an operation with nothing to check, which `Div` and `Rem` are not.
    fn plain(l: &mut Lower<Self>, op: ExactOp, dst: VReg, a: Value, b: Value);
    /// Selects an operation with a result.
    fn exact(l: &mut Lower<Self>, x: Exact, inst: Inst, a: Value, b: Value);
    /// Selects a comparison of words.
    fn compare_words(l: &mut Lower<Self>, cond: Cond, a: Value, b: Value) -> Self::Test;
    /// Selects a comparison, or `RemZero`, for which the test is that the remainder is not 0.
    fn exact_test(l: &mut Lower<Self>, x: Exact, cond: Cond, a: Value, b: Value) -> Self::Test;
    /// Selects a test whether bits of a word are not all 0.
    fn test_bits(l: &mut Lower<Self>, v: Value, mask: i64) -> Self::Test;
    /// The opposite test.
    fn invert(test: Self::Test) -> Self::Test;

    /// Emits the fast path; it goes to the label when it cannot tell.
    fn fast_path(
        e: &mut Emitter<Self>,
        x: &Exact,
        allocs: &[Allocation],
        slow: Label,
    ) -> Places<Self::Place, Self::Undo>;
}

/// The tagged constant a value is, when it is a small int.
pub fn small_int<I: Isa>(l: &Lower<I>, v: Value) -> Option<i64> {
    l.iconst(v).filter(|c| c & 1 == 0)
}

fn exact<I: ExactOps>(l: &mut Lower<I>, inst: Inst, op: ExactOp, checks: Checks, b: Value) -> Exact {
    let d = l.data(inst);
    let name = d.op.slow_path(d.imm).expect("op has a slow path");
    l.note_call(0);
    let slow = l.module.lookup(name).unwrap_or_else(|| panic!("the module does not declare {name}"));
    Exact { op, imm: small_int(l, b).filter(|&c| I::immediate(op, c)), checks, slow }
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
    if plain {
        let dst = l.result(inst);
        return I::plain(l, op, dst, a, b);
    }
    let x = exact(l, inst, op, checks, b);
    I::exact(l, x, inst, a, b);
}

/// Selects a test for "is not 0" of `x % 2^k`, when the remainder has no other use.
pub fn remainder_test<I: ExactOps>(l: &mut Lower<I>, v: Value) -> Option<I::Test> {
    let (inst, d) = l.local_def(v).filter(|(_, d)| d.op == Op::IntMod && l.used_once(v))?;
    let &[a, b] = l.operands(inst) else { return None };
    let c =
        small_int(l, b).filter(|&c| c >= 4 && c.count_ones() == 1 && I::immediate(ExactOp::RemZero, c))?;
    let checks = Checks::new(l, d.imm, a, b);
    if !checks.a {
        // The word is even, so the bit of the tag need not be tested.
        return Some(I::test_bits(l, a, c - 2));
    }
    let x = exact(l, inst, ExactOp::RemZero, checks, b);
    Some(I::exact_test(l, x, Cond::Ne, a, b))
}

/// Selects the comparison of an `int.cmp`. A small int equals no big one, so equality needs to
/// know one operand only.
pub fn compare<I: ExactOps>(l: &mut Lower<I>, inst: Inst) -> I::Test {
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
        return if cond == Cond::Ne { test } else { I::invert(test) };
    }
    if !checks.a && !checks.b || equality && !(checks.a && checks.b) {
        return I::compare_words(l, cond, a, b);
    }
    let op = ExactOp::Cmp { swap: matches!(cond, Cond::Sgt | Cond::Sge) };
    let x = exact(l, inst, op, checks, b);
    I::exact_test(l, x, cond, a, b)
}

/// Emits an operation: the fast path now, the stub at the end of the function.
pub fn emit<I: ExactOps>(e: &mut Emitter<I>, x: &Exact, allocs: &[Allocation]) {
    let (entry, back) = (e.buf.label(), e.buf.label());
    let places = I::fast_path(e, x, allocs, entry);
    e.buf.bind(back);
    e.add_stub(Stub { entry, back, exact: *x, places });
}
