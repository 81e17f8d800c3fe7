//! Selection: integer and float arithmetic on words and floats.

use crate::mach::fold::{carried, shift_count};
use crate::mach::select::no_rule;
use crate::x64::composite::Composite;
use crate::x64::insts::{Cc, Row};
use crate::x64::regs::{RAX, RDX};
use crate::x64::select::{Amode, Arg, L, Src, owned, put, put_imm};
use crate::x64::select_flow::float_source;
use crate::x64::select_mem::{lea_source, load_source};
use crate::x64::{Base, Mem};
use mochi_ir::{Op, Value};
use regalloc2::{Operand, VReg};

/// A word operand: register or foldable load.
pub fn source(l: &mut L, v: Value) -> Src {
    match load_source(l, v, Op::Load64) {
        Some(a) => Src::Mem(a),
        None => Src::Reg(l.reg(v)),
    }
}

/// A constant that fits a sign-extended immediate of four bytes.
pub fn small(l: &L, v: Value) -> Option<i64> {
    l.iconst(v).filter(|&c| c as i32 as i64 == c)
}

/// Orders the operands of a commutative operation: a constant or foldable load second; else the
/// one that dies here first, so that its register can be overwritten.
pub fn order(l: &L, a: Value, b: Value) -> (Value, Value) {
    let loads = |v| l.movable_def(v).is_some_and(|(_, d)| d.op == Op::Load64);
    if l.iconst(b).is_some() {
        return (a, b);
    }
    let dies_second = !loads(b) && l.live_after(a) && !l.live_after(b);
    let exchange = l.iconst(a).is_some() || loads(a) && !loads(b) || dies_second;
    if exchange { (b, a) } else { (a, b) }
}

/// Selects `add` and `sub`.
pub fn add_sub(l: &mut L, inst: mochi_ir::Inst) {
    if l.data(inst).op == Op::Add { add(l, inst) } else { sub(l, inst) }
}

fn add(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (a, b) = order(l, args[0], args[1]);
    add_values(l, dst, inst, a, b);
}

fn add_values(l: &mut L, dst: VReg, inst: mochi_ir::Inst, a: Value, b: Value) {
    if let Some(a) = lea_source(l, inst) {
        return put(l, Row::Lea, &[Arg::W(dst), Arg::M(a)]);
    }
    let keep = l.live_after(a);
    if let Some(c) = small(l, b) {
        let a = l.reg(a);
        return add_imm(l, dst, a, c, keep);
    }
    match source(l, b) {
        Src::Reg(b) if keep => {
            let mem = Mem { base: Base::Reg, scale: 1, disp: 0 };
            let sum = Amode { mem, base: Some(l.reg(a)), index: Some(b) };
            put(l, Row::Lea, &[Arg::W(dst), Arg::M(sum)]);
        }
        b => {
            let a = owned(l, a);
            put(l, Row::Add, &[Arg::Rw(dst, a), b.into()]);
        }
    }
}

fn add_imm(l: &mut L, dst: VReg, a: VReg, c: i64, keep: bool) {
    if keep {
        put(l, Row::Lea, &[Arg::W(dst), Arg::M(Amode::reg(a, c as i32))]);
    } else if c == 128 {
        put_imm(l, Row::SubI, &[Arg::Rw(dst, a)], -128);
    } else {
        put_imm(l, Row::AddI, &[Arg::Rw(dst, a)], c);
    }
}

fn sub(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let dst = l.result(inst);
    if let Some(c) = l.iconst(args[1]).map(i64::wrapping_neg).filter(|&c| c as i32 as i64 == c) {
        let keep = l.live_after(args[0]);
        let a = l.reg(args[0]);
        return add_imm(l, dst, a, c, keep);
    }
    if l.iconst(args[0]) == Some(0) {
        let b = owned(l, args[1]);
        return put(l, Row::Neg, &[Arg::Rw(dst, b)]);
    }
    let a = owned(l, args[0]);
    let b = source(l, args[1]);
    put(l, Row::Sub, &[Arg::Rw(dst, a), b.into()]);
}

/// Selects `and`, `or`, `xor`.
pub fn logic(l: &mut L, inst: mochi_ir::Inst) {
    let d = l.data(inst);
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (a, b) = order(l, args[0], args[1]);
    let (row, row_imm) = match d.op {
        Op::And => (Row::And, Row::AndI),
        Op::Or => (Row::Or, Row::OrI),
        Op::Xor => (Row::Xor, Row::XorI),
        op => no_rule(op),
    };
    match (d.op, l.iconst(b)) {
        (Op::And, Some(0xff)) => return widen(l, Row::MovzxB, dst, a),
        (Op::And, Some(0xffff)) => return widen(l, Row::MovzxW, dst, a),
        (Op::And, Some(0xffff_ffff)) => return widen(l, Row::MovL, dst, a),
        (Op::And, Some(c @ 0..=0x7fff_ffff)) => {
            let a = owned(l, a);
            return put_imm(l, Row::AndLI, &[Arg::Rw(dst, a)], c);
        }
        (Op::Xor, Some(-1)) => {
            let a = owned(l, a);
            return put(l, Row::Not, &[Arg::Rw(dst, a)]);
        }
        (_, Some(c)) if c as i32 as i64 == c => {
            let a = owned(l, a);
            return put_imm(l, row_imm, &[Arg::Rw(dst, a)], c);
        }
        _ => {}
    }
    let a = owned(l, a);
    let b = source(l, b);
    put(l, row, &[Arg::Rw(dst, a), b.into()]);
}

fn widen(l: &mut L, row: Row, dst: VReg, v: Value) {
    let v = l.reg(v);
    put(l, row, &[Arg::W(dst), Arg::R(v)]);
}

/// Selects sign and zero extensions.
pub fn extend(l: &mut L, inst: mochi_ir::Inst) {
    let row = match l.data(inst).op {
        Op::Sext8 => Row::MovsxB,
        Op::Sext16 => Row::MovsxW,
        Op::Sext32 => Row::MovsxL,
        Op::Zext8 => Row::MovzxB,
        Op::Zext16 => Row::MovzxW,
        Op::Zext32 => Row::MovL,
        op => no_rule(op),
    };
    let dst = l.result(inst);
    widen(l, row, dst, l.operands(inst)[0]);
}

/// Multiplies by a constant; `keep` says that `a` is needed later.
pub fn mul_imm(l: &mut L, dst: VReg, a: VReg, c: i64, keep: bool) {
    match c {
        0 => {
            let zero = l.word(0);
            l.copy(dst, zero);
        }
        1 => l.copy(dst, a),
        -1 => put(l, Row::Neg, &[Arg::Rw(dst, a)]),
        3 | 5 | 9 => {
            let mem = Mem { base: Base::Reg, scale: c as u8 - 1, disp: 0 };
            put(l, Row::Lea, &[Arg::W(dst), Arg::M(Amode { mem, base: Some(a), index: Some(a) })]);
        }
        _ if c > 0 && c & (c - 1) == 0 => shl_imm(l, dst, a, c.trailing_zeros() as i64, keep),
        _ if c as i32 as i64 == c => put_imm(l, Row::ImulI, &[Arg::W(dst), Arg::R(a)], c),
        _ => {
            let c = l.word(c);
            put(l, Row::Imul, &[Arg::Rw(dst, c), Arg::R(a)]);
        }
    }
}

/// Shifts left by a constant.
fn shl_imm(l: &mut L, dst: VReg, a: VReg, k: i64, keep: bool) {
    match k {
        0 => l.copy(dst, a),
        1 if keep => {
            let mem = Mem { base: Base::Reg, scale: 1, disp: 0 };
            put(l, Row::Lea, &[Arg::W(dst), Arg::M(Amode { mem, base: Some(a), index: Some(a) })]);
        }
        2 | 3 if keep => {
            let mem = Mem { base: Base::None, scale: 1 << k, disp: 0 };
            put(l, Row::Lea, &[Arg::W(dst), Arg::M(Amode { mem, base: None, index: Some(a) })]);
        }
        _ => {
            let from = if keep { l.int() } else { a };
            if keep {
                l.copy(from, a);
            }
            put(l, Row::ShlI, &[Arg::Rw(dst, from), Arg::I(k)]);
        }
    }
}

/// Selects `mul`.
pub fn mul(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let Some((dst, high)) = l.results(inst) else { return };
    if let Some(high) = high {
        return product(l, inst, dst, high);
    }
    let (a, b) = order(l, args[0], args[1]);
    if let Some(c) = l.iconst(b) {
        let keep = l.live_after(a);
        let a = l.reg(a);
        return mul_imm(l, dst, a, c, keep);
    }
    let a = owned(l, a);
    let b = source(l, b);
    put(l, Row::Imul, &[Arg::Rw(dst, a), b.into()]);
}

/// Selects `smulh`, `umulh`.
pub fn mul_high(l: &mut L, inst: mochi_ir::Inst) {
    let Some((high, low)) = l.results(inst) else { return };
    let low = low.unwrap_or_else(|| l.int());
    product(l, inst, low, high);
}

/// Both halves of a product.
fn product(l: &mut L, inst: mochi_ir::Inst, low: VReg, high: VReg) {
    let args = l.operands(inst);
    let signed = [inst, l.partner(inst)].iter().any(|&i| l.data(i).op == Op::Smulh);
    // A constant is made where the instruction wants its first operand.
    let (a, b) = if l.iconst(args[1]).is_some() { (args[1], args[0]) } else { (args[0], args[1]) };
    let memory = if signed { None } else { load_source(l, b, Op::Load64) };
    let (row, b) = match memory {
        Some(m) => (Row::MulWideMem, Arg::M(m)),
        None => (if signed { Row::ImulWide } else { Row::MulWide }, Arg::R(l.reg(b))),
    };
    let a = l.reg(a);
    put(l, row, &[Arg::W(high), Arg::Rw(low, a), b]);
}

/// Selects `addc`, `carry`: one addition for both.
pub fn carry(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let Some((sum, carry)) = l.sum_and_carry(inst) else { return };
    let (a, b) = order(l, args[0], args[1]);
    let a = owned(l, a);
    let byte = l.iconst(b).filter(|&c| c as i8 as i64 == c);
    let b = if byte.is_none() { Some(source(l, b)) } else { None };
    let bit = carried(l, args[2]);
    if let Some(bit) = bit {
        let (last, word) = (l.used_here(bit), Operand::reg_use(l.reg(bit)));
        l.composite(Composite::TakeCarry { last, word });
    }
    let last = b.map_or(Arg::I(byte.unwrap_or(0)), Arg::from);
    let row = match (bit, byte) {
        (Some(_), None) => Row::Adc,
        (Some(_), Some(_)) => Row::AdcI8,
        (None, None) => Row::Add,
        (None, Some(_)) => Row::AddI8,
    };
    put(l, row, &[Arg::Rw(sum, a), last]);
    if let Some(carry) = carry {
        let byte = l.int();
        put(l, Row::SetB, &[Arg::W(byte)]);
        put(l, Row::MovzxB, &[Arg::W(carry), Arg::R(byte)]);
    }
}

/// Selects `sdiv`, `udiv`, `srem`, `urem`.
pub fn divide(l: &mut L, inst: mochi_ir::Inst) {
    let op = l.data(inst).op;
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (a, b) = (l.reg(args[0]), l.reg(args[1]));
    let rem = matches!(op, Op::Srem | Op::Urem);
    if matches!(op, Op::Sdiv | Op::Srem) {
        return divide_signed(l, dst, a, b, rem);
    }
    let high = l.word(0);
    let (q, r) = (l.int(), l.int());
    put(l, Row::Div, &[Arg::Rw(r, high), Arg::Rw(q, a), Arg::R(b)]);
    l.copy(dst, if rem { r } else { q });
}

fn divide_signed(l: &mut L, dst: VReg, a: VReg, b: VReg, rem: bool) {
    let other = l.int();
    let (q, r) = if rem { (other, dst) } else { (dst, other) };
    let (rax, rdx) = (Operand::reg_fixed_def(q, RAX), Operand::reg_fixed_def(r, RDX));
    let (a, b) = (Operand::reg_fixed_use(a, RAX), Operand::reg_use_at_end(b));
    l.composite(Composite::DivWord { rem, a, b, rax, rdx });
}

fn shift_imm(l: &mut L, row: Row, a: VReg, k: i64) -> VReg {
    if k == 0 {
        return a;
    }
    let dst = l.int();
    put(l, row, &[Arg::Rw(dst, a), Arg::I(k)]);
    dst
}

fn add_regs(l: &mut L, a: VReg, b: VReg) -> VReg {
    let dst = l.int();
    put(l, Row::Add, &[Arg::Rw(dst, a), Arg::R(b)]);
    dst
}

/// Selects shifts and rotations.
pub fn shift(l: &mut L, inst: mochi_ir::Inst) {
    let d = l.data(inst);
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (row, row_imm) = match d.op {
        Op::Shl => (Row::Shl, Row::ShlI),
        Op::Sshr => (Row::Sar, Row::SarI),
        Op::Ushr => (Row::Shr, Row::ShrI),
        Op::Rotr => (Row::Ror, Row::RorI),
        op => no_rule(op),
    };
    if let Some(k) = l.iconst(args[1]) {
        let keep = l.live_after(args[0]);
        if k & 63 == 0 || d.op == Op::Shl {
            let a = l.reg(args[0]);
            return shl_imm(l, dst, a, k & 63, keep);
        }
        let a = owned(l, args[0]);
        return put(l, row_imm, &[Arg::Rw(dst, a), Arg::I(k & 63)]);
    }
    let count = shift_count(l, args[1]);
    let (a, count) = (owned(l, args[0]), l.fixed(count));
    put(l, row, &[Arg::Rw(dst, a), Arg::R(count)]);
}

/// Selects `neg`, `not`.
pub fn unary(l: &mut L, inst: mochi_ir::Inst) {
    let row = if l.data(inst).op == Op::Neg { Row::Neg } else { Row::Not };
    let dst = l.result(inst);
    let a = owned(l, l.operands(inst)[0]);
    put(l, row, &[Arg::Rw(dst, a)]);
}

/// Selects `clz`, `ctz`, `popcnt` with the baseline's instructions.
pub fn count_bits(l: &mut L, inst: mochi_ir::Inst) {
    let dst = l.result(inst);
    let a = l.reg(l.operands(inst)[0]);
    match l.data(inst).op {
        Op::Clz => {
            // 127 exclusive or 63 is 64.
            let zero = l.word(127);
            let (index, all) = (l.int(), l.int());
            put(l, Row::Bsr, &[Arg::W(index), Arg::R(a)]);
            put(l, Cc::E.cmov_row(), &[Arg::Rw(all, index), Arg::R(zero)]);
            put_imm(l, Row::XorI, &[Arg::Rw(dst, all)], 63);
        }
        Op::Ctz => {
            let zero = l.word(64);
            let index = l.int();
            put(l, Row::Bsf, &[Arg::W(index), Arg::R(a)]);
            put(l, Cc::E.cmov_row(), &[Arg::Rw(dst, index), Arg::R(zero)]);
        }
        Op::Popcnt => popcnt(l, dst, a),
        op => no_rule(op),
    }
}

/// Sums of bits in fields of 2, 4 and 8 bits, then of all bytes by a product (Hacker's Delight,
/// section 5-1).
fn popcnt(l: &mut L, dst: VReg, a: VReg) {
    let masked = |l: &mut L, v: VReg, mask: u64| {
        let (mask, r) = (l.word(mask as i64), l.int());
        put(l, Row::And, &[Arg::Rw(r, mask), Arg::R(v)]);
        r
    };
    let half = shift_imm(l, Row::ShrI, a, 1);
    let odd = masked(l, half, 0x5555_5555_5555_5555);
    let pairs = l.int();
    put(l, Row::Sub, &[Arg::Rw(pairs, a), Arg::R(odd)]);
    let high = shift_imm(l, Row::ShrI, pairs, 2);
    let high = masked(l, high, 0x3333_3333_3333_3333);
    let low = masked(l, pairs, 0x3333_3333_3333_3333);
    let fours = add_regs(l, high, low);
    let high = shift_imm(l, Row::ShrI, fours, 4);
    let sum = add_regs(l, high, fours);
    let bytes = masked(l, sum, 0x0f0f_0f0f_0f0f_0f0f);
    let ones = l.word(0x0101_0101_0101_0101);
    let total = l.int();
    put(l, Row::Imul, &[Arg::Rw(total, ones), Arg::R(bytes)]);
    put(l, Row::ShrI, &[Arg::Rw(dst, total), Arg::I(56)]);
}

/// Selects float arithmetic. Operands are not exchanged, because the first NaN wins, unless the
/// first is a constant number.
pub fn float_binary(l: &mut L, inst: mochi_ir::Inst) {
    let op = l.data(inst).op;
    let row = match op {
        Op::Fadd => Row::Addsd,
        Op::Fsub => Row::Subsd,
        Op::Fmul => Row::Mulsd,
        Op::Fdiv => Row::Divsd,
        op => no_rule(op),
    };
    let args = l.operands(inst);
    let dst = l.result(inst);
    let swap = l.is_number(args[0]) && matches!(op, Op::Fadd | Op::Fmul);
    let (a, b) = if swap { (args[1], args[0]) } else { (args[0], args[1]) };
    let a = owned(l, a);
    let b = float_source(l, b);
    put(l, row, &[Arg::Rw(dst, a), b.into()]);
}

/// Selects `fneg`, `fabs`, `fsqrt`.
pub fn float_unary(l: &mut L, inst: mochi_ir::Inst) {
    let dst = l.result(inst);
    let v = l.operands(inst)[0];
    let sign = 1u64 << 63;
    let (row, mask) = match l.data(inst).op {
        Op::Fneg => (Row::XorpsMem, sign),
        Op::Fabs => (Row::AndpsMem, !sign),
        _ => {
            let a = float_source(l, v);
            return put(l, Row::Sqrtsd, &[Arg::W(dst), a.into()]);
        }
    };
    let a = owned(l, v);
    put(l, row, &[Arg::Rw(dst, a), Arg::M(Amode::fixed(Base::Mask(mask), 0))]);
}

/// Selects conversions between words and floats.
pub fn convert(l: &mut L, inst: mochi_ir::Inst) {
    let dst = l.result(inst);
    let v = l.operands(inst)[0];
    match l.data(inst).op {
        Op::FcvtFromS => {
            // The instruction keeps the upper half of its result; clearing it first cuts the
            // dependence on whatever was there.
            let zero = l.float();
            l.constant_float(0, zero);
            match source(l, v) {
                Src::Reg(a) => put(l, Row::Cvtsi2sd, &[Arg::Rw(dst, zero), Arg::R(a)]),
                Src::Mem(a) => put(l, Row::Cvtsi2sdMem, &[Arg::Rw(dst, zero), Arg::M(a)]),
            }
        }
        Op::FcvtToS => {
            let a = float_source(l, v);
            put(l, Row::Cvttsd2si, &[Arg::W(dst), a.into()]);
        }
        Op::FbitsTo => {
            let a = l.reg(v);
            put(l, Row::MovqToGpr, &[Arg::W(dst), Arg::R(a)]);
        }
        _ => match load_source(l, v, Op::Load64) {
            Some(a) => put(l, Row::MovsdLoad, &[Arg::W(dst), Arg::M(a)]),
            None => {
                let a = l.reg(v);
                put(l, Row::MovqFromGpr, &[Arg::W(dst), Arg::R(a)]);
            }
        },
    }
}
