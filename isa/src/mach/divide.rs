//! Selection of divisions and remainders of words: which are by constants and how simple.

use crate::mach::{Isa, Lower};
use mochi_ir::{Inst, Op};
use regalloc2::VReg;

/// What an instruction set adds.
pub trait Divide: Isa {
    /// Signed quotient or remainder by a constant of magnitude at least 2.
    fn signed_const(l: &mut Lower<Self>, dst: VReg, n: VReg, d: i64, rem: bool);
    /// Unsigned quotient or remainder by a constant of at least 2.
    fn unsigned_const(l: &mut Lower<Self>, dst: VReg, n: VReg, d: u64, rem: bool);
    /// Quotient or remainder of two registers. The smallest value divided by -1 is itself.
    fn divide_words(l: &mut Lower<Self>, dst: VReg, a: VReg, b: VReg, signed: bool, rem: bool);
    /// Two's complement.
    fn negate_word(l: &mut Lower<Self>, dst: VReg, a: VReg);
}

/// Selects `sdiv`, `udiv`, `srem`, `urem`.
pub fn lower<I: Divide>(l: &mut Lower<I>, inst: Inst) {
    let d = l.data(inst);
    let args = l.operands(inst);
    let dst = l.result(inst);
    let signed = matches!(d.op, Op::Sdiv | Op::Srem);
    let rem = matches!(d.op, Op::Srem | Op::Urem);
    let divisor = l.iconst(args[1]);
    let a = l.reg(args[0]);
    match divisor {
        Some(c) if signed && c.unsigned_abs() >= 2 => I::signed_const(l, dst, a, c, rem),
        Some(c) if !signed && c as u64 >= 2 => I::unsigned_const(l, dst, a, c as u64, rem),
        Some(1 | -1) if rem => I::lower_word(l, 0, dst),
        Some(1) => I::lower_copy(l, dst, a),
        Some(-1) => I::negate_word(l, dst, a),
        _ => {
            let b = l.reg(args[1]);
            I::divide_words(l, dst, a, b, signed, rem);
        }
    }
}
