//! What selection of comparisons shares: comparisons of comparisons with 0.

use crate::mach::{Isa, Lower};
use mochi_ir::{Cond, Inst, Op, Value};

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
