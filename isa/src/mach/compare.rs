//! Selection of what branches, sets and selects decide by: comparisons, comparisons of comparisons with
//! 0, remainders and bits.

use crate::mach::exact::{self, ExactOps};
use crate::mach::operands::{Part, RegImm};
use crate::mach::{Isa, Lower};
use mochi_ir::{Cond, FCond, Inst, Op, Value};
use regalloc2::{Operand, VReg};
use std::ops::Not;

/// What an instruction set adds.
pub trait Conditions: Isa {
    /// What decides. Flags it needs are set; selection asks for it behind everything else.
    type Condition: Not<Output = Self::Condition> + Part<Operand, Of<()> = Self::Test>;

    /// Compares words.
    fn words(l: &mut Lower<Self>, cond: Cond, a: Value, b: RegImm<Value>) -> Self::Condition;
    /// Compares floats: false when unordered, except for `ne`.
    fn floats(l: &mut Lower<Self>, cond: FCond, a: Value, b: Value) -> Self::Condition;
    /// Bits of a word are not all 0.
    fn bits(l: &mut Lower<Self>, v: Value, mask: i64) -> Self::Condition;
    /// Makes a sum, difference or product of words; the condition is that it does not fit.
    fn overflow(l: &mut Lower<Self>, op: Op, result: VReg, a: Value, b: RegImm<Value>) -> Self::Condition;
    /// The result of an `or`, or an `and` of two registers, that nothing else uses is not 0, where it need
    /// not be made for that.
    fn logic(_: &mut Lower<Self>, _: Inst) -> Option<Self::Condition> {
        None
    }
}

/// Selects the comparison of an `icmp`, `fcmp` or `int.cmp`.
pub fn compare<I: ExactOps>(l: &mut Lower<I>, inst: Inst) -> I::Condition {
    let d = l.data(inst);
    let args = l.operands(inst);
    match d.op {
        Op::Icmp => match tested_zero(l, inst) {
            Some((v, true)) => not_zero(l, v),
            Some((v, false)) => !not_zero(l, v),
            None => words(l, Cond::from_imm(d.imm), args[0], args[1]),
        },
        Op::Fcmp => I::floats(l, FCond::from_imm(d.imm), args[0], args[1]),
        Op::IntCmp => exact::compare(l, inst),
        _ => overflow(l, inst),
    }
}

/// Selects a question whether something overflows. What overflows is made along with the answer when it is the
/// instruction directly before, and nothing but the branch by that answer comes behind.
fn overflow<I: ExactOps>(l: &mut Lower<I>, inst: Inst) -> I::Condition {
    let op = l.data(inst).op.overflow_of().expect("a question about overflow");
    let args = l.operands(inst);
    let result = l.made_before(inst, op).unwrap_or_else(|| l.int());
    let (a, b) =
        if l.iconst(args[0]).is_some() && op != Op::Sub { (args[1], args[0]) } else { (args[0], args[1]) };
    let b = l.iconst(b).map_or(RegImm::Reg(b), RegImm::Imm);
    I::overflow(l, op, result, a, b)
}

/// Selects a test for a word being not 0.
pub fn not_zero<I: ExactOps>(l: &mut Lower<I>, v: Value) -> I::Condition {
    let condition = l.local_def(v).and_then(|(inst, d)| match d.op {
        Op::Icmp | Op::Fcmp => Some(compare(l, inst)),
        Op::IntCmp if l.used_once(v) => Some(compare(l, inst)),
        op if op.overflow_of().is_some() && l.used_once(v) => Some(compare(l, inst)),
        Op::IntMod => exact::remainder_test(l, v),
        Op::And | Op::Or if l.used_once(v) => match masked(l, inst) {
            Some((v, mask)) => Some(I::bits(l, v, mask)),
            None => I::logic(l, inst),
        },
        _ => None,
    });
    condition.unwrap_or_else(|| I::words(l, Cond::Ne, v, RegImm::Imm(0)))
}

/// What an `and` with a constant masks.
fn masked<I: Isa>(l: &Lower<I>, inst: Inst) -> Option<(Value, i64)> {
    let args = l.operands(inst);
    match (l.data(inst).op, l.iconst(args[0]), l.iconst(args[1])) {
        (Op::And, _, Some(mask)) => Some((args[0], mask)),
        (Op::And, Some(mask), None) => Some((args[1], mask)),
        _ => None,
    }
}

/// Selects a comparison of words, with a constant second.
pub fn words<I: Conditions>(l: &mut Lower<I>, cond: Cond, a: Value, b: Value) -> I::Condition {
    match (l.iconst(a), l.iconst(b)) {
        (_, Some(c)) => I::words(l, cond, a, RegImm::Imm(c)),
        (Some(c), None) => I::words(l, cond.swap(), b, RegImm::Imm(c)),
        (None, None) => I::words(l, cond, a, RegImm::Reg(b)),
    }
}

/// For a comparison of a comparison or bit test with 0: what is tested, and whether for "not 0".
pub fn tested_zero<I: Isa>(l: &Lower<I>, inst: Inst) -> Option<(Value, bool)> {
    let args = l.operands(inst);
    let cond = Cond::from_imm(l.data(inst).imm);
    if !matches!(cond, Cond::Eq | Cond::Ne) || l.iconst(args[1]) != Some(0) {
        return None;
    }
    let (_, d) = l.local_def(args[0])?;
    let absorbed = match d.op {
        Op::Icmp | Op::Fcmp => true,
        Op::IntCmp | Op::And | Op::IntMod => l.used_once(args[0]),
        _ => false,
    };
    absorbed.then_some((args[0], cond == Cond::Ne))
}
