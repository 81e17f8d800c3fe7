//! The meaning of ops that only compute: one function from operand words to the result word.
//!
//! Used by the interpreter and by constant folding, so that they cannot disagree. Floats travel as
//! their bits.

use crate::ops::{Cond, FCond, Op};

/// The word that stands for `none` among tagged ints.
pub const NONE_WORD: i64 = 1;

/// Result of an op that depends on its operands only. `None` when the op is of another kind, for
/// division by zero, and for `int.*` ops that need their slow path.
pub fn eval(op: Op, imm: i64, args: &[u64]) -> Option<u64> {
    if op.is_int() {
        return eval_int(op, imm, args);
    }
    Some(match (op, args) {
        (Op::Iconst | Op::Fconst, _) => imm as u64,
        (Op::Select | Op::Fselect, &[c, a, b]) => {
            if c != 0 {
                a
            } else {
                b
            }
        }
        (Op::Addc | Op::Carry, &[a, b, c]) => {
            let sum = a as u128 + b as u128 + (c & 1) as u128;
            if op == Op::Addc { sum as u64 } else { (sum >> 64) as u64 }
        }
        (_, &[a, b]) => return eval_binary(op, imm, a, b),
        (_, &[a]) => return eval_unary(op, a),
        _ => return None,
    })
}

fn eval_binary(op: Op, imm: i64, a: u64, b: u64) -> Option<u64> {
    let (sa, sb) = (a as i64, b as i64);
    let (fa, fb) = (f64::from_bits(a), f64::from_bits(b));
    let shift = b as u32 & 63;
    Some(match op {
        Op::Add => a.wrapping_add(b),
        Op::Sub => a.wrapping_sub(b),
        Op::Mul => a.wrapping_mul(b),
        Op::AddOver => sa.checked_add(sb).is_none() as u64,
        Op::SubOver => sa.checked_sub(sb).is_none() as u64,
        Op::MulOver => sa.checked_mul(sb).is_none() as u64,
        Op::Smulh => ((sa as i128 * sb as i128) >> 64) as u64,
        Op::Umulh => ((a as u128 * b as u128) >> 64) as u64,
        Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem if b == 0 => return None,
        Op::Sdiv => sa.wrapping_div(sb) as u64,
        Op::Udiv => a / b,
        Op::Srem => sa.wrapping_rem(sb) as u64,
        Op::Urem => a % b,
        Op::And => a & b,
        Op::Or => a | b,
        Op::Xor => a ^ b,
        Op::Shl => a << shift,
        Op::Sshr => (sa >> shift) as u64,
        Op::Ushr => a >> shift,
        Op::Rotr => a.rotate_right(shift),
        Op::Icmp => Cond::from_imm(imm).eval(sa, sb) as u64,
        // The machine that runs this may choose another NaN.
        Op::Fadd | Op::Fsub | Op::Fmul | Op::Fdiv if fa.is_nan() => a,
        Op::Fadd | Op::Fsub | Op::Fmul | Op::Fdiv if fb.is_nan() => b,
        Op::Fadd => (fa + fb).to_bits(),
        Op::Fsub => (fa - fb).to_bits(),
        Op::Fmul => (fa * fb).to_bits(),
        Op::Fdiv => (fa / fb).to_bits(),
        Op::Fcmp => FCond::from_imm(imm).eval(fa, fb) as u64,
        _ => return None,
    })
}

fn eval_unary(op: Op, a: u64) -> Option<u64> {
    let f = f64::from_bits(a);
    Some(match op {
        Op::Neg => a.wrapping_neg(),
        Op::Not => !a,
        Op::Clz => a.leading_zeros() as u64,
        Op::Ctz => a.trailing_zeros() as u64,
        Op::Popcnt => a.count_ones() as u64,
        Op::Sext8 => a as i8 as u64,
        Op::Sext16 => a as i16 as u64,
        Op::Sext32 => a as i32 as u64,
        Op::Zext8 => a as u8 as u64,
        Op::Zext16 => a as u16 as u64,
        Op::Zext32 => a as u32 as u64,
        Op::Copy | Op::FbitsTo | Op::FbitsFrom => a,
        // Sign operations are on bits, so that they are exact on NaN.
        Op::Fneg => a ^ 1 << 63,
        Op::Fabs => a & !(1 << 63),
        Op::Fsqrt if f.is_nan() => a,
        Op::Fsqrt => f.sqrt().to_bits(),
        Op::FcvtFromS => (a as i64 as f64).to_bits(),
        Op::FcvtToS => {
            let limit = 9_223_372_036_854_775_808.0;
            if (-limit..limit).contains(&f) { f as i64 as u64 } else { i64::MIN as u64 }
        }
        _ => return None,
    })
}

/// Fast path of an `int.*` op on tagged words; `None` when the slow path is needed.
fn eval_int(op: Op, imm: i64, args: &[u64]) -> Option<u64> {
    let a = args[0] as i64;
    let b = args.get(1).map_or(0, |&b| b as i64);
    if (a | b) & 1 != 0 {
        return None;
    }
    let result = match op {
        Op::IntAdd => a.checked_add(b)?,
        Op::IntSub => a.checked_sub(b)?,
        Op::IntMul => (a >> 1).checked_mul(b)?,
        Op::IntDiv if b == 0 => return None,
        // Only the minimum divided by -1 does not fit.
        Op::IntDiv => (a >> 1).checked_div(b >> 1)?.checked_mul(2)?,
        Op::IntMod if b == 0 => return None,
        Op::IntMod => a.wrapping_rem(b),
        Op::IntNeg => a.checked_neg()?,
        Op::IntCmp => Cond::from_imm(imm).eval(a, b) as i64,
        _ => return None,
    };
    Some(result as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::func::Type;
    use crate::ops::Imm;
    use std::collections::BTreeSet;

    #[test]
    fn every_pure_op_has_a_meaning() {
        for &op in Op::ALL {
            let info = op.info();
            let computes = op.computes() || op.is_int();
            let args: Vec<u64> = vec![8; info.operands.map_or(0, |o| o.len())];
            let expect = computes && info.imm != Imm::Sym;
            assert_eq!(eval(op, 0, &args).is_some(), expect, "{} {:?}", info.name, Type::I64);
        }
    }

    #[test]
    fn slow_paths_are_those_of_the_ops() {
        let conds = [Cond::Eq, Cond::Ne, Cond::Slt, Cond::Sle, Cond::Sgt, Cond::Sge];
        let paths = |op: &Op| conds.map(|c| op.slow_path(c as i64));
        let named: BTreeSet<&str> = Op::ALL.iter().flat_map(paths).flatten().collect();
        assert_eq!(named, BTreeSet::from(Op::SLOW_PATHS));
    }

    #[test]
    fn tagged_ints_leave_the_fast_path_exactly_when_they_must() {
        let int = |op, a: i64, b: i64| eval(op, 0, &[(a * 2) as u64, (b * 2) as u64]).map(|r| r as i64 >> 1);
        let (min, max) = (-(1 << 62), (1 << 62) - 1);
        assert_eq!(int(Op::IntAdd, max, 0), Some(max));
        assert_eq!(int(Op::IntAdd, max, 1), None);
        assert_eq!(int(Op::IntSub, min, 1), None);
        assert_eq!(int(Op::IntMul, 1 << 31, 1 << 30), Some(1 << 61));
        assert_eq!(int(Op::IntMul, 1 << 31, 1 << 31), None);
        assert_eq!(int(Op::IntMul, -(1 << 31), 1 << 31), Some(min));
        assert_eq!(int(Op::IntDiv, min, -1), None);
        assert_eq!(int(Op::IntDiv, -7, 2), Some(-3));
        assert_eq!(int(Op::IntMod, -7, 2), Some(-1));
        assert_eq!(int(Op::IntMod, min, -1), Some(0));
        assert_eq!(int(Op::IntMod, 1, 0), None);
        assert_eq!(eval(Op::IntNeg, 0, &[(min * 2) as u64]), None);
        assert_eq!(eval(Op::IntAdd, 0, &[3, 2]), None);
        assert_eq!(eval(Op::FcvtToS, 0, &[f64::NAN.to_bits()]), Some(i64::MIN as u64));
        assert_eq!(eval(Op::FcvtToS, 0, &[1e19f64.to_bits()]), Some(i64::MIN as u64));
        assert_eq!(eval(Op::Sdiv, 0, &[i64::MIN as u64, -1i64 as u64]), Some(i64::MIN as u64));
    }
}
