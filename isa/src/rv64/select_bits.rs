//! Selection: logic, shifts, extensions, counts.

use crate::mach::fold::{complemented, low_mask, shift_count, with_constant};
use crate::mach::select::no_rule;
use crate::rv64::fields::RTZ;
use crate::rv64::imm::fits12;
use crate::rv64::insts::Row;
use crate::rv64::regs::ZERO;
use crate::rv64::select::{Arg, L, put, put_regs, with_imm, with_reg, word};
use mochi_ir::{Op, Value};
use regalloc2::{RegClass, VReg};

/// Emits a pair of shifts by constants.
fn shifts(l: &mut L, dst: VReg, a: VReg, first: (Row, i64), second: (Row, i64)) {
    let half = with_imm(l, first.0, a, first.1);
    put(l, second.0, &[Arg::W(dst), Arg::R(half), Arg::I(second.1)]);
}

/// Emits the low bits of a word, zero extended.
pub fn low_bits(l: &mut L, dst: VReg, a: VReg, width: i64) {
    if width < 12 {
        return put(l, Row::Andi, &[Arg::W(dst), Arg::R(a), Arg::I((1 << width) - 1)]);
    }
    match width {
        16 if l.context.options.features.zbb => put_regs(l, Row::ZextH, dst, &[a]),
        32 if l.context.options.features.zba => put(l, Row::AddUw, &[Arg::W(dst), Arg::R(a), Arg::P(ZERO)]),
        _ => shifts(l, dst, a, (Row::Slli, 64 - width), (Row::Srli, 64 - width)),
    }
}

/// Selects `and`, `or`, `xor`.
pub fn logic(l: &mut L, inst: mochi_ir::Inst) {
    let op = l.data(inst).op;
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (a, b) = if l.iconst(args[0]).is_some() { (args[1], args[0]) } else { (args[0], args[1]) };
    let (plain, inverted, row_imm) = match op {
        Op::And => (Row::And, Row::Andn, Row::Andi),
        Op::Or => (Row::Or, Row::Orn, Row::Ori),
        Op::Xor => (Row::Xor, Row::Xnor, Row::Xori),
        op => no_rule(op),
    };
    if let Some(c) = l.iconst(b) {
        if op == Op::And && and_mask(l, dst, a, c) {
            return;
        }
        if fits12(c) {
            let a = l.reg(a);
            return put(l, row_imm, &[Arg::W(dst), Arg::R(a), Arg::I(c)]);
        }
    }
    if l.context.options.features.zbb {
        let pair = match (complemented(l, b), complemented(l, a)) {
            (Some(b), _) => Some((a, b)),
            (None, Some(a)) => Some((b, a)),
            _ => None,
        };
        if let Some((a, b)) = pair {
            let (a, b) = (l.reg(a), l.reg(b));
            return put_regs(l, inverted, dst, &[a, b]);
        }
    }
    let (a, b) = (l.reg(a), l.reg(b));
    put_regs(l, plain, dst, &[a, b]);
}

/// A conjunction with a run of ones that shifts do better.
fn and_mask(l: &mut L, dst: VReg, a: Value, c: i64) -> bool {
    if fits12(c) {
        return false;
    }
    if let Some(width) = low_mask(c) {
        let field = with_constant(l, a, Op::Ushr).map(|(x, k)| (x, k & 63));
        match field.filter(|(_, k)| k + width < 64) {
            Some((x, k)) => {
                let x = l.reg(x);
                shifts(l, dst, x, (Row::Slli, 64 - k - width), (Row::Srli, 64 - width));
            }
            None => {
                let a = l.reg(a);
                low_bits(l, dst, a, width);
            }
        }
        return true;
    }
    if low_mask(!c).is_some() {
        let k = c.trailing_zeros() as i64;
        let a = l.reg(a);
        shifts(l, dst, a, (Row::Srli, k), (Row::Slli, k));
        return true;
    }
    false
}

/// Selects `not`.
pub fn not(l: &mut L, inst: mochi_ir::Inst) {
    let dst = l.result(inst);
    let a = l.reg(l.operands(inst)[0]);
    put(l, Row::Xori, &[Arg::W(dst), Arg::R(a), Arg::I(-1)]);
}

/// Selects sign and zero extensions.
pub fn extend(l: &mut L, inst: mochi_ir::Inst) {
    let zbb = l.context.options.features.zbb;
    let dst = l.result(inst);
    let a = l.reg(l.operands(inst)[0]);
    match l.data(inst).op {
        Op::Sext8 if zbb => put_regs(l, Row::SextB, dst, &[a]),
        Op::Sext16 if zbb => put_regs(l, Row::SextH, dst, &[a]),
        Op::Sext8 => shifts(l, dst, a, (Row::Slli, 56), (Row::Srai, 56)),
        Op::Sext16 => shifts(l, dst, a, (Row::Slli, 48), (Row::Srai, 48)),
        Op::Sext32 => put(l, Row::Addiw, &[Arg::W(dst), Arg::R(a), Arg::I(0)]),
        Op::Zext8 => low_bits(l, dst, a, 8),
        Op::Zext16 => low_bits(l, dst, a, 16),
        Op::Zext32 => low_bits(l, dst, a, 32),
        op => no_rule(op),
    }
}

/// Selects shifts.
pub fn shift(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (row, row_imm) = match l.data(inst).op {
        Op::Shl => (Row::Sll, Row::Slli),
        Op::Sshr => (Row::Sra, Row::Srai),
        Op::Ushr => (Row::Srl, Row::Srli),
        op => no_rule(op),
    };
    if let Some(k) = l.iconst(args[1]).map(|k| k & 63) {
        let a = l.reg(args[0]);
        return if k == 0 { l.copy(dst, a) } else { put(l, row_imm, &[Arg::W(dst), Arg::R(a), Arg::I(k)]) };
    }
    let count = shift_count(l, args[1]);
    let (a, count) = (word(l, args[0]), l.reg(count));
    put(l, row, &[Arg::W(dst), a, Arg::R(count)]);
}

/// Selects rotations.
pub fn rotate(l: &mut L, inst: mochi_ir::Inst) {
    let zbb = l.context.options.features.zbb;
    let args = l.operands(inst);
    let dst = l.result(inst);
    let a = l.reg(args[0]);
    match l.iconst(args[1]).map(|k| k & 63) {
        Some(0) => l.copy(dst, a),
        Some(k) if zbb => put(l, Row::Rori, &[Arg::W(dst), Arg::R(a), Arg::I(k)]),
        Some(k) => {
            let low = with_imm(l, Row::Srli, a, k);
            let high = with_imm(l, Row::Slli, a, 64 - k);
            put_regs(l, Row::Or, dst, &[low, high]);
        }
        None => {
            let count = shift_count(l, args[1]);
            let count = l.reg(count);
            if zbb {
                return put_regs(l, Row::Ror, dst, &[a, count]);
            }
            let back = l.int();
            put(l, Row::Sub, &[Arg::W(back), Arg::P(ZERO), Arg::R(count)]);
            let low = with_reg(l, Row::Srl, a, count);
            let high = with_reg(l, Row::Sll, a, back);
            put_regs(l, Row::Or, dst, &[low, high]);
        }
    }
}

/// Selects `clz`, `ctz`, `popcnt`.
pub fn count(l: &mut L, inst: mochi_ir::Inst) {
    let op = l.data(inst).op;
    let dst = l.result(inst);
    let a = l.reg(l.operands(inst)[0]);
    match op {
        Op::Clz if l.context.options.features.zbb => put_regs(l, Row::Clz, dst, &[a]),
        Op::Ctz if l.context.options.features.zbb => put_regs(l, Row::Ctz, dst, &[a]),
        Op::Popcnt if l.context.options.features.zbb => put_regs(l, Row::Cpop, dst, &[a]),
        Op::Clz => {
            let exponent = exponent(l, a);
            let top = l.word(EXPONENT_OF_HALF + 64);
            put_regs(l, Row::Sub, dst, &[top, exponent]);
        }
        Op::Ctz => {
            // The zeros at the end as ones, without anything else: 64 minus their leading zeros.
            let less = with_imm(l, Row::Addi, a, -1);
            let not = with_imm(l, Row::Xori, a, -1);
            let ones = with_reg(l, Row::And, less, not);
            let exponent = exponent(l, ones);
            put(l, Row::Addi, &[Arg::W(dst), Arg::R(exponent), Arg::I(-EXPONENT_OF_HALF)]);
        }
        Op::Popcnt => ones(l, dst, a),
        op => no_rule(op),
    }
}

/// The biased exponent of 0.5.
const EXPONENT_OF_HALF: i64 = 1022;

/// The biased exponent of an unsigned word plus a half as a float: that of 0.5 plus the number of
/// the word's bits without leading zeros. Truncation never carries into the exponent.
fn exponent(l: &mut L, a: VReg) -> VReg {
    let [whole, half, sum] = [(); 3].map(|()| l.temp(RegClass::Float));
    put(l, Row::FcvtDLu, &[Arg::W(whole), Arg::R(a), Arg::I(RTZ)]);
    let bits = l.word(EXPONENT_OF_HALF << 52);
    put_regs(l, Row::FmvDX, half, &[bits]);
    put(l, Row::FaddD, &[Arg::W(sum), Arg::R(whole), Arg::R(half), Arg::I(RTZ)]);
    let bits = l.int();
    put_regs(l, Row::FmvXD, bits, &[sum]);
    with_imm(l, Row::Srli, bits, 52)
}

/// The number of ones, by sums over pairs, fours and eights of bits (Warren, "Hacker's Delight",
/// section 5-1).
fn ones(l: &mut L, dst: VReg, a: VReg) {
    let masked = |l: &mut L, v: VReg, mask: i64| {
        let mask = l.word(mask);
        with_reg(l, Row::And, v, mask)
    };
    let odd = with_imm(l, Row::Srli, a, 1);
    let odd = masked(l, odd, 0x5555_5555_5555_5555);
    let pairs = with_reg(l, Row::Sub, a, odd);
    let high = with_imm(l, Row::Srli, pairs, 2);
    let high = masked(l, high, 0x3333_3333_3333_3333);
    let low = masked(l, pairs, 0x3333_3333_3333_3333);
    let fours = with_reg(l, Row::Add, high, low);
    let high = with_imm(l, Row::Srli, fours, 4);
    let eights = with_reg(l, Row::Add, fours, high);
    let eights = masked(l, eights, 0x0f0f_0f0f_0f0f_0f0f);
    let all = l.word(0x0101_0101_0101_0101);
    let sum = with_reg(l, Row::Mul, eights, all);
    put(l, Row::Srli, &[Arg::W(dst), Arg::R(sum), Arg::I(56)]);
}
