//! What selection of comparisons shares: comparisons of comparisons with 0, and remainders that
//! are tests of bits.

use crate::mach::{Isa, Lower};
use mochi_ir::{Cond, Inst, Op, Value};

/// A remainder by a power of two that is only compared with 0: the dividend, and the bits of it
/// that matter.
pub fn remainder_mask<I: Isa>(l: &Lower<I>, v: Value) -> Option<(Value, i64)> {
    let (inst, _) = l.local_def(v).filter(|(_, d)| d.op == Op::Srem && l.used_once(v))?;
    let &[x, divisor] = l.operands(inst) else { return None };
    let c = l.iconst(divisor).filter(|&c| c >= 2 && c.count_ones() == 1)?;
    Some((x, c - 1))
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
        Op::Srem => remainder_mask(l, args[0]).is_some(),
        _ => false,
    };
    absorbed.then_some((args[0], cond == Cond::Ne))
}
