//! Selection: integer and float arithmetic on words and floats.

use crate::a64::composite::{Composite, is_imm12};
use crate::a64::insts::{Cc, Row};
use crate::a64::regs::ZR;
use crate::a64::select::{Arg, L, NO_SHIFT, put, put_regs, word};
use crate::a64::select_bits::shift_imm;
use crate::a64::select_mem::{LOAD_F64, UXTW, extended, load_as};
use crate::mach::fold::carried;
use crate::mach::select::no_rule;
use mochi_ir::{Op, Value};
use regalloc2::{Operand, VReg};

/// Kinds of shifts of the last operand, times 64.
pub const LSL: i64 = 0;
/// Logical shift right.
pub const LSR: i64 = 64;
/// Arithmetic shift right.
pub const ASR: i64 = 2 * 64;

/// What the last operand of an instruction can be.
#[derive(Clone, Copy, Debug)]
pub enum Last {
    /// A 64-bit register, shifted: kind times 64 plus amount.
    Shifted(VReg, i64),
    /// A 32-bit register, extended: option times 8 plus left shift.
    Extended(VReg, i64),
}

/// A value shifted by a constant, worth folding: what is shifted, and the packed shift.
fn folded_shift(l: &L, v: Value) -> Option<(Value, i64)> {
    let (inst, d) = l.pure_def(v, true)?;
    let &[x, by] = l.operands(inst) else { return None };
    let c = l.iconst(by)?;
    let packed = match d.op {
        Op::Shl => LSL + (c & 63),
        Op::Ushr => LSR + (c & 63),
        Op::Sshr => ASR + (c & 63),
        Op::Mul if c > 1 && c & (c - 1) == 0 => LSL + c.trailing_zeros() as i64,
        _ => return None,
    };
    // Small left shifts are free on most processors, others cost a cycle, so they are not
    // repeated.
    let free = packed <= LSL + 4 || l.used_once(v);
    (free && !l.live_after(v)).then_some((x, packed))
}

/// A value extended from fewer bits and shifted left by at most 4, worth folding.
fn folded_extension(l: &L, v: Value) -> Option<(Value, i64)> {
    if l.live_after(v) {
        return None;
    }
    let (inner, shift) = match folded_shift(l, v) {
        Some((x, k @ 0..=4)) if !l.live_after(x) => (x, k),
        _ => (v, 0),
    };
    let (inst, d) = l.pure_def(inner, true)?;
    let option = match d.op {
        Op::Zext8 => 0,
        Op::Zext16 => 1,
        Op::Zext32 => 2,
        Op::Sext8 => 4,
        Op::Sext16 => 5,
        Op::Sext32 => 6,
        _ => return None,
    };
    Some((l.operands(inst)[0], option * 8 + shift))
}

/// The last operand of a logical instruction (shifts only, not `ror`).
pub fn shifted(l: &mut L, v: Value) -> (VReg, i64) {
    match folded_shift(l, v) {
        Some((x, packed)) => (l.reg(x), packed),
        None => (l.reg(v), 0),
    }
}

/// The last operand of an addition, subtraction or comparison.
pub fn last(l: &mut L, v: Value) -> Last {
    match folded_extension(l, v) {
        Some((x, packed)) => Last::Extended(l.reg(x), packed),
        None => {
            let (r, packed) = shifted(l, v);
            Last::Shifted(r, packed)
        }
    }
}

/// Whether a value would be folded into an instruction.
pub fn folds(l: &L, v: Value) -> bool {
    folded_shift(l, v).is_some() || folded_extension(l, v).is_some()
}

/// Adds a constant.
pub fn add_imm(l: &mut L, dst: VReg, a: Arg, c: i64) {
    let (row, size) = if c < 0 { (Row::SubI, c.wrapping_neg()) } else { (Row::AddI, c) };
    if is_imm12(size) {
        return put(l, row, &[Arg::W(dst), a, Arg::I(size)]);
    }
    if (0..1 << 24).contains(&size) {
        let half = l.int();
        put(l, row, &[Arg::W(half), a, Arg::I(size & !0xfff)]);
        return put(l, row, &[Arg::W(dst), Arg::R(half), Arg::I(size & 0xfff)]);
    }
    let c = l.word(c);
    put(l, Row::Add, &[Arg::W(dst), a, Arg::R(c), NO_SHIFT]);
}

/// A product that only this sum or difference uses: its factors.
fn product(l: &L, v: Value) -> Option<(Value, Value)> {
    let (inst, d) = l.pure_def(v, false).filter(|(_, d)| d.op == Op::Mul)?;
    let args = l.operands(inst);
    let plain = l.iconst(args[0]).or(l.iconst(args[1])).is_none_or(|c| !is_easy_factor(c));
    (plain && !l.live_after(v) && d.op == Op::Mul).then(|| (args[0], args[1]))
}

/// Selects `add` and `sub`.
pub fn add_sub(l: &mut L, inst: mochi_ir::Inst) {
    let sub = l.data(inst).op == Op::Sub;
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (mut a, mut b) = (args[0], args[1]);
    if !sub && (l.iconst(a).is_some() || l.iconst(b).is_none() && folds(l, a) && !folds(l, b)) {
        (a, b) = (b, a);
    }
    if let Some(c) = l.iconst(b) {
        let a = Arg::R(l.reg(a));
        return add_imm(l, dst, a, if sub { c.wrapping_neg() } else { c });
    }
    if sub && l.iconst(a) == Some(0) {
        return negate(l, dst, b);
    }
    let fused = match (product(l, b), product(l, a)) {
        (Some(p), _) => Some((p, a)),
        (None, Some(p)) if !sub => Some((p, b)),
        _ => None,
    };
    if let Some(((x, y), addend)) = fused {
        let row = if sub { Row::Msub } else { Row::Madd };
        let (x, y, addend) = (l.reg(x), l.reg(y), l.reg(addend));
        return put_regs(l, row, dst, &[x, y, addend]);
    }
    match last(l, b) {
        Last::Extended(b, packed) => {
            let a = Arg::R(l.reg(a));
            let row = if sub { Row::SubW } else { Row::AddW };
            put(l, row, &[Arg::W(dst), a, Arg::R(b), Arg::I(packed)]);
        }
        Last::Shifted(b, packed) => {
            let a = Arg::R(l.reg(a));
            let row = if sub { Row::Sub } else { Row::Add };
            put(l, row, &[Arg::W(dst), a, Arg::R(b), Arg::I(packed)]);
        }
    }
}

fn negate(l: &mut L, dst: VReg, v: Value) {
    if let Some((x, y)) = product(l, v) {
        let (x, y) = (l.reg(x), l.reg(y));
        return put_regs(l, Row::Mneg, dst, &[x, y]);
    }
    let (a, packed) = shifted(l, v);
    put(l, Row::Neg, &[Arg::W(dst), Arg::R(a), Arg::I(packed)]);
}

/// Selects `neg`.
pub fn neg(l: &mut L, inst: mochi_ir::Inst) {
    let dst = l.result(inst);
    negate(l, dst, l.operands(inst)[0]);
}

/// A factor for which [`mul_imm`] takes one instruction without a product.
fn is_easy_factor(c: i64) -> bool {
    c == 0 || matches!(c >> c.trailing_zeros(), 1 | -1) || c >= 3 && is_above_power(c)
}

/// One more than a power of two from 2 on.
fn is_above_power(odd: i64) -> bool {
    (odd - 1) & (odd - 2) == 0
}

/// One less than a power of two.
fn is_below_power(odd: i64) -> bool {
    odd & odd.wrapping_add(1) == 0
}

/// Multiplies by a constant.
pub fn mul_imm(l: &mut L, dst: VReg, a: VReg, c: i64) {
    if c == 0 {
        return l.constant_word(0, dst);
    }
    let k = c.trailing_zeros() as i64;
    let odd = c >> k;
    match odd {
        1 if k == 0 => l.copy(dst, a),
        1 => put(l, Row::Lsl, &[Arg::W(dst), Arg::R(a), Arg::I(k)]),
        -1 => put(l, Row::Neg, &[Arg::W(dst), Arg::R(a), Arg::I(LSL + k)]),
        3.. if is_above_power(odd) => {
            let j = (odd - 1).trailing_zeros() as i64;
            let sum = if k == 0 { dst } else { l.int() };
            put(l, Row::Add, &[Arg::W(sum), Arg::R(a), Arg::R(a), Arg::I(LSL + j)]);
            if k > 0 {
                put(l, Row::Lsl, &[Arg::W(dst), Arg::R(sum), Arg::I(k)]);
            }
        }
        3.. if k == 0 && is_below_power(odd) => {
            let power = shift_imm(l, Row::Lsl, a, odd.trailing_ones() as i64);
            put(l, Row::Sub, &[Arg::W(dst), Arg::R(power), Arg::R(a), NO_SHIFT]);
        }
        _ => {
            let c = l.word(c);
            put_regs(l, Row::Mul, dst, &[a, c]);
        }
    }
}

/// Selects `mul`.
pub fn mul(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (a, b) = if l.iconst(args[0]).is_some() { (args[1], args[0]) } else { (args[0], args[1]) };
    if let Some(c) = l.iconst(b) {
        let a = l.reg(a);
        return mul_imm(l, dst, a, c);
    }
    if let (Some((x, option)), Some((y, same))) = (extended(l, a), extended(l, b))
        && option == same
    {
        let row = if option == UXTW { Row::Umull } else { Row::Smull };
        let (x, y) = (l.reg(x), l.reg(y));
        return put_regs(l, row, dst, &[x, y]);
    }
    let (a, b) = (l.reg(a), l.reg(b));
    put_regs(l, Row::Mul, dst, &[a, b]);
}

/// Selects `smulh`, `umulh`.
pub fn mul_high(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let row = if l.data(inst).op == Op::Smulh { Row::Smulh } else { Row::Umulh };
    let dst = l.result(inst);
    let (a, b) = (l.reg(args[0]), l.reg(args[1]));
    put_regs(l, row, dst, &[a, b]);
}

/// Selects `addc`, `carry`: one addition for both.
pub fn carry(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let Some((sum, carry)) = l.sum_and_carry(inst) else { return };
    let sum = Arg::W(sum);
    let (a, b) = (word(l, args[0]), word(l, args[1]));
    if let Some(bit) = carried(l, args[2]) {
        let (last, word) = (l.used_here(bit), Operand::reg_use(l.reg(bit)));
        l.composite(Composite::TakeCarry { last, word });
        put(l, if carry.is_some() { Row::Adcs } else { Row::Adc }, &[sum, a, b]);
    } else {
        put(l, if carry.is_some() { Row::Adds } else { Row::Add }, &[sum, a, b, NO_SHIFT]);
    }
    if let Some(carry) = carry {
        put(l, Row::Cset, &[Arg::W(carry), Arg::I(Cc::Hs as i64)]);
    }
}

/// Selects `sdiv`, `udiv`, `srem`, `urem`. The smallest value divided by -1 is itself on this machine,
/// and the remainder computed from that is 0.
pub fn divide(l: &mut L, inst: mochi_ir::Inst) {
    let op = l.data(inst).op;
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (a, b) = (l.reg(args[0]), l.reg(args[1]));
    let row = if matches!(op, Op::Sdiv | Op::Srem) { Row::Sdiv } else { Row::Udiv };
    if matches!(op, Op::Sdiv | Op::Udiv) {
        return put_regs(l, row, dst, &[a, b]);
    }
    let q = l.int();
    put_regs(l, row, q, &[a, b]);
    put_regs(l, Row::Msub, dst, &[q, b, a]);
}

/// Selects float arithmetic. Operands are not exchanged: the first NaN wins. Never fused.
pub fn float_binary(l: &mut L, inst: mochi_ir::Inst) {
    let row = match l.data(inst).op {
        Op::Fadd => Row::Fadd,
        Op::Fsub => Row::Fsub,
        Op::Fmul => Row::Fmul,
        Op::Fdiv => Row::Fdiv,
        op => no_rule(op),
    };
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (a, b) = (l.reg(args[0]), l.reg(args[1]));
    put_regs(l, row, dst, &[a, b]);
}

/// Selects `fneg`, `fabs`, `fsqrt`.
pub fn float_unary(l: &mut L, inst: mochi_ir::Inst) {
    let row = match l.data(inst).op {
        Op::Fneg => Row::Fneg,
        Op::Fabs => Row::Fabs,
        Op::Fsqrt => Row::Fsqrt,
        op => no_rule(op),
    };
    let dst = l.result(inst);
    let a = l.reg(l.operands(inst)[0]);
    put_regs(l, row, dst, &[a]);
}

/// Selects conversions between words and floats.
pub fn convert(l: &mut L, inst: mochi_ir::Inst) {
    let dst = l.result(inst);
    let v = l.operands(inst)[0];
    match l.data(inst).op {
        Op::FcvtFromS => {
            let a = word(l, v);
            put(l, Row::Scvtf, &[Arg::W(dst), a]);
        }
        Op::FcvtToS => {
            let a = Operand::reg_use(l.reg(v));
            l.composite(Composite::ToInt { result: Operand::reg_def(dst), a });
        }
        Op::FbitsTo => {
            let a = l.reg(v);
            put_regs(l, Row::FmovToX, dst, &[a]);
        }
        _ => match l.movable_def(v) {
            Some((load, d)) if d.op == Op::Load64 => {
                l.absorb(load);
                load_as(l, load, &LOAD_F64, dst);
            }
            _ => {
                let a = if l.iconst(v) == Some(0) { Arg::P(ZR) } else { Arg::R(l.reg(v)) };
                put(l, Row::FmovFromX, &[Arg::W(dst), a]);
            }
        },
    }
}
