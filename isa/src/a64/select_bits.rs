//! Selection: logic, shifts, bit fields, extensions, counts.

use crate::a64::imm;
use crate::a64::insts::Row;
use crate::a64::select::{Arg, L, put, put_regs, word};
use crate::a64::select_arith::shifted;
use crate::mach::fold::{complemented, low_mask, shift_count, with_constant};
use crate::mach::select::no_rule;
use mochi_ir::{Op, Value};
use regalloc2::{RegClass, VReg};

/// Shifts by a constant from 0 to 63.
pub fn shift_imm(l: &mut L, row: Row, a: VReg, k: i64) -> VReg {
    if k == 0 {
        return a;
    }
    let dst = l.int();
    put(l, row, &[Arg::W(dst), Arg::R(a), Arg::I(k)]);
    dst
}

/// Selects `and`, `or`, `xor`.
pub fn logic(l: &mut L, inst: mochi_ir::Inst) {
    let op = l.data(inst).op;
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (a, b) = if l.iconst(args[0]).is_some() { (args[1], args[0]) } else { (args[0], args[1]) };
    let (plain, inverted, row_imm) = match op {
        Op::And => (Row::And, Row::Bic, Row::AndI),
        Op::Or => (Row::Orr, Row::Orn, Row::OrrI),
        Op::Xor => (Row::Eor, Row::Eon, Row::EorI),
        op => no_rule(op),
    };
    if op == Op::Or && (insert(l, dst, a, b) || insert(l, dst, b, a)) {
        return;
    }
    if let Some(c) = l.iconst(b) {
        if op == Op::And
            && let (Some(width), Some((x, k))) = (low_mask(c), with_constant(l, a, Op::Ushr))
            && (k & 63) + width < 64
        {
            let x = l.reg(x);
            return put(l, Row::Ubfx, &[Arg::W(dst), Arg::R(x), Arg::I(k & 63), Arg::I(width)]);
        }
        if op == Op::Xor && c == -1 {
            return complement(l, dst, a);
        }
        if imm::logical(c as u64).is_some() {
            let a = l.reg(a);
            return put(l, row_imm, &[Arg::W(dst), Arg::R(a), Arg::I(c)]);
        }
    }
    let (a, b, row) = match (complemented(l, b), complemented(l, a)) {
        (Some(b), _) => (a, b, inverted),
        (None, Some(a)) => (b, a, inverted),
        _ => (a, b, plain),
    };
    let (b, packed) = shifted(l, b);
    let a = word(l, a);
    put(l, row, &[Arg::W(dst), a, Arg::R(b), Arg::I(packed)]);
}

/// A value that is a bit field: low bits of another one, moved up. The other one, how far, how many.
fn field(l: &L, v: Value) -> Option<(Value, i64, i64)> {
    let (inner, up) = match with_constant(l, v, Op::Shl) {
        Some((inner, k)) => (inner, k & 63),
        None => (v, 0),
    };
    let (inst, d) = l.pure_def(inner, true).filter(|_| !l.live_after(inner))?;
    let (x, width) = match d.op {
        Op::Zext8 => (l.operands(inst)[0], 8),
        Op::Zext16 => (l.operands(inst)[0], 16),
        Op::Zext32 => (l.operands(inst)[0], 32),
        _ => with_constant(l, inner, Op::And).and_then(|(x, c)| Some((x, low_mask(c)?)))?,
    };
    (up + width <= 64).then_some((x, up, width))
}

/// Selects `rest | part` as an insertion when the part is a bit field and the rest is an `and` that
/// clears just that field.
fn insert(l: &mut L, dst: VReg, rest: Value, part: Value) -> bool {
    let Some((x, up, width)) = field(l, part) else { return false };
    let cleared = !(((1i128 << width) - 1) << up) as i64;
    let Some((rest, _)) = with_constant(l, rest, Op::And).filter(|(_, c)| *c == cleared) else {
        return false;
    };
    let keep = l.live_after(rest);
    let (mut rest, x) = (l.reg(rest), l.reg(x));
    if keep {
        let to = l.int();
        l.copy(to, rest);
        rest = to;
    }
    let row = if up == 0 { Row::Bfxil } else { Row::Bfi };
    put(l, row, &[Arg::Rw(dst, rest), Arg::R(x), Arg::I(up), Arg::I(width)]);
    true
}

/// Selects `not`.
pub fn not(l: &mut L, inst: mochi_ir::Inst) {
    let dst = l.result(inst);
    complement(l, dst, l.operands(inst)[0]);
}

fn complement(l: &mut L, dst: VReg, v: Value) {
    let (a, packed) = shifted(l, v);
    put(l, Row::Mvn, &[Arg::W(dst), Arg::R(a), Arg::I(packed)]);
}

/// Selects sign and zero extensions.
pub fn extend(l: &mut L, inst: mochi_ir::Inst) {
    let row = match l.data(inst).op {
        Op::Sext8 => Row::Sxtb,
        Op::Sext16 => Row::Sxth,
        Op::Sext32 => Row::Sxtw,
        Op::Zext8 => Row::Uxtb,
        Op::Zext16 => Row::Uxth,
        Op::Zext32 => Row::MovL,
        op => no_rule(op),
    };
    let dst = l.result(inst);
    let v = l.reg(l.operands(inst)[0]);
    put_regs(l, row, dst, &[v]);
}

/// A shift by a constant of something that makes it a move of a bit field.
fn bit_field(l: &mut L, op: Op, dst: VReg, v: Value, k: i64) -> bool {
    let field = |l: &mut L, row, x, lsb, width| {
        let x = l.reg(x);
        put(l, row, &[Arg::W(dst), Arg::R(x), Arg::I(lsb), Arg::I(width)]);
        true
    };
    if op == Op::Shl {
        let masked = with_constant(l, v, Op::And).and_then(|(x, c)| Some((x, low_mask(c)?)));
        return match masked {
            Some((x, width)) if width + k < 64 => field(l, Row::Ubfiz, x, k, width),
            _ => false,
        };
    }
    let Some((x, up)) = with_constant(l, v, Op::Shl).map(|(x, c)| (x, c & 63)) else { return false };
    let (extract, insert) = match op {
        Op::Sshr => (Row::Sbfx, Row::Sbfiz),
        Op::Ushr => (Row::Ubfx, Row::Ubfiz),
        _ => return false,
    };
    if up == 0 {
        return false;
    }
    // What remains of the value is its low 64 - up bits, moved by up - k.
    if up > k { field(l, insert, x, up - k, 64 - up) } else { field(l, extract, x, k - up, 64 - k) }
}

/// Selects shifts and rotations.
pub fn shift(l: &mut L, inst: mochi_ir::Inst) {
    let d = l.data(inst);
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (row, row_imm) = match d.op {
        Op::Shl => (Row::LslV, Row::Lsl),
        Op::Sshr => (Row::AsrV, Row::Asr),
        Op::Ushr => (Row::LsrV, Row::Lsr),
        Op::Rotr => (Row::RorV, Row::RorI),
        op => no_rule(op),
    };
    if let Some(k) = l.iconst(args[1]).map(|k| k & 63) {
        if k > 0 && bit_field(l, d.op, dst, args[0], k) {
            return;
        }
        let a = l.reg(args[0]);
        return if k == 0 { l.copy(dst, a) } else { put(l, row_imm, &[Arg::W(dst), Arg::R(a), Arg::I(k)]) };
    }
    let count = shift_count(l, args[1]);
    let (a, count) = (word(l, args[0]), l.reg(count));
    put(l, row, &[Arg::W(dst), a, Arg::R(count)]);
}

/// Selects `clz`, `ctz`, `popcnt`.
pub fn count(l: &mut L, inst: mochi_ir::Inst) {
    let dst = l.result(inst);
    let a = l.reg(l.operands(inst)[0]);
    match l.data(inst).op {
        Op::Clz => put_regs(l, Row::Clz, dst, &[a]),
        Op::Ctz => {
            let reversed = l.int();
            put_regs(l, Row::Rbit, reversed, &[a]);
            put_regs(l, Row::Clz, dst, &[reversed]);
        }
        _ => {
            // Bits of each byte, then the sum of the bytes, in a vector register.
            let [bits, counts, sum] = [(); 3].map(|()| l.temp(RegClass::Float));
            put_regs(l, Row::FmovFromX, bits, &[a]);
            put_regs(l, Row::Cnt, counts, &[bits]);
            put_regs(l, Row::Addv, sum, &[counts]);
            put_regs(l, Row::FmovToXL, dst, &[sum]);
        }
    }
}
