//! Selection: integer and float arithmetic on words and floats.

use crate::mach::fold::{carried, is_bit};
use crate::mach::operands::Tied;
use crate::mach::select::no_rule;
use crate::rv64::composite::Composite;
use crate::rv64::fields::{DYN, RTZ};
use crate::rv64::imm::fits12;
use crate::rv64::insts::Row;
use crate::rv64::regs::ZERO;
use crate::rv64::select::{Arg, L, put, put_regs, with_imm, with_reg, word};
use crate::rv64::select_mem::load_as;
use mochi_ir::{Op, Value};
use regalloc2::{Operand, VReg};

/// Adds a constant.
pub fn add_imm(l: &mut L, dst: VReg, a: VReg, c: i64) {
    let half = if c < 0 { -2048 } else { 2047 };
    if c == 0 {
        l.copy(dst, a);
    } else if fits12(c) {
        put(l, Row::Addi, &[Arg::W(dst), Arg::R(a), Arg::I(c)]);
    } else if fits12(c.wrapping_sub(half)) {
        let sum = with_imm(l, Row::Addi, a, half);
        put(l, Row::Addi, &[Arg::W(dst), Arg::R(sum), Arg::I(c - half)]);
    } else {
        let c = l.word(c);
        put_regs(l, Row::Add, dst, &[a, c]);
    }
}

/// A value shifted left by 1, 2 or 3, worth folding into a sum: what is shifted, and the row.
fn scaled(l: &L, v: Value) -> Option<(Value, Row)> {
    if !l.context.options.features.zba || l.live_after(v) {
        return None;
    }
    let (inst, d) = l.pure_def(v, true).filter(|(_, d)| matches!(d.op, Op::Shl | Op::Mul))?;
    let &[x, by] = l.operands(inst) else { return None };
    let row = match (d.op, l.iconst(by)?) {
        (Op::Shl, 1) | (Op::Mul, 2) => Row::Sh1add,
        (Op::Shl, 2) | (Op::Mul, 4) => Row::Sh2add,
        (Op::Shl, 3) | (Op::Mul, 8) => Row::Sh3add,
        _ => return None,
    };
    Some((x, row))
}

/// Selects `add` and `sub`.
pub fn add_sub(l: &mut L, inst: mochi_ir::Inst) {
    let sub = l.data(inst).op == Op::Sub;
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (mut a, mut b) = (args[0], args[1]);
    if !sub && (l.iconst(a).is_some() || scaled(l, b).is_some()) {
        (a, b) = (b, a);
    }
    if let Some(c) = l.iconst(b) {
        let a = l.reg(a);
        return add_imm(l, dst, a, if sub { c.wrapping_neg() } else { c });
    }
    if sub {
        let (a, b) = (word(l, a), l.reg(b));
        return put(l, Row::Sub, &[Arg::W(dst), a, Arg::R(b)]);
    }
    let (a, row) = scaled(l, a).unwrap_or((a, Row::Add));
    let (a, b) = (l.reg(a), l.reg(b));
    put_regs(l, row, dst, &[a, b]);
}

fn negate(l: &mut L, dst: VReg, a: VReg) {
    put(l, Row::Sub, &[Arg::W(dst), Arg::P(ZERO), Arg::R(a)]);
}

/// Selects `neg`.
pub fn neg(l: &mut L, inst: mochi_ir::Inst) {
    let dst = l.result(inst);
    let a = l.reg(l.operands(inst)[0]);
    negate(l, dst, a);
}

/// Multiplies by a constant.
pub fn mul_imm(l: &mut L, dst: VReg, a: VReg, c: i64) {
    if c == 0 {
        return put(l, Row::Addi, &[Arg::W(dst), Arg::P(ZERO), Arg::I(0)]);
    }
    let k = c.trailing_zeros() as i64;
    match c >> k {
        1 if k == 0 => l.copy(dst, a),
        1 => put(l, Row::Slli, &[Arg::W(dst), Arg::R(a), Arg::I(k)]),
        -1 => {
            let power = if k == 0 { a } else { with_imm(l, Row::Slli, a, k) };
            negate(l, dst, power);
        }
        // One more or one less than a power of two.
        odd @ 3.. if k == 0 && ((odd - 1).count_ones() == 1 || odd.trailing_ones() == odd.count_ones()) => {
            let above = (odd - 1).count_ones() == 1;
            let power = if above { (odd - 1).trailing_zeros() } else { odd.trailing_ones() };
            let power = with_imm(l, Row::Slli, a, power as i64);
            put_regs(l, if above { Row::Add } else { Row::Sub }, dst, &[power, a]);
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
    let constant = l.iconst(b);
    let a = l.reg(a);
    match constant {
        Some(c) => mul_imm(l, dst, a, c),
        None => {
            let b = l.reg(b);
            put_regs(l, Row::Mul, dst, &[a, b]);
        }
    }
}

/// Selects `smulh`, `umulh`.
pub fn mul_high(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let row = if l.data(inst).op == Op::Smulh { Row::Mulh } else { Row::Mulhu };
    let dst = l.result(inst);
    let (a, b) = (l.reg(args[0]), l.reg(args[1]));
    put_regs(l, row, dst, &[a, b]);
}

/// Selects `addc`, `carry`. There is no flag: a sum that is less than what was added has carried, and only
/// one of the two additions can.
pub fn carry(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let Some((sum, carry)) = l.sum_and_carry(inst) else { return };
    let a = l.reg(args[0]);
    let b = if l.iconst(args[1]) == Some(0) { None } else { Some(l.reg(args[1])) };
    let known = is_bit(l, args[2]);
    let bit = carried(l, args[2]).map(|bit| l.reg(bit));
    let bit = bit.map(|bit| if known { bit } else { with_imm(l, Row::Andi, bit, 1) });
    // Sums that may carry: what was added, and the sum.
    let mut steps = Vec::new();
    let mut from = a;
    for (part, is_last) in [(b, bit.is_none()), (bit, true)] {
        if let Some(part) = part {
            let to = if is_last { sum } else { l.int() };
            put_regs(l, Row::Add, to, &[from, part]);
            steps.push((to, part));
            from = to;
        }
    }
    if steps.is_empty() {
        l.copy(sum, a);
    }
    match (carry, &steps[..]) {
        (None, _) => {}
        (Some(carry), []) => l.constant_word(0, carry),
        (Some(carry), &[(sum, part)]) => put_regs(l, Row::Sltu, carry, &[sum, part]),
        (Some(carry), steps) => {
            let less: Vec<VReg> =
                steps.iter().map(|&(sum, part)| with_reg(l, Row::Sltu, sum, part)).collect();
            put_regs(l, Row::Or, carry, &less);
        }
    }
}

/// Selects `sdiv`, `udiv`, `srem`, `urem`. The smallest value divided by -1 is itself on this machine,
/// and the remainder 0.
pub fn divide(l: &mut L, inst: mochi_ir::Inst) {
    let row = match l.data(inst).op {
        Op::Sdiv => Row::Div,
        Op::Srem => Row::Rem,
        Op::Udiv => Row::Divu,
        Op::Urem => Row::Remu,
        op => no_rule(op),
    };
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (a, b) = (l.reg(args[0]), l.reg(args[1]));
    put_regs(l, row, dst, &[a, b]);
}

/// Selects float arithmetic. Never fused.
pub fn float_binary(l: &mut L, inst: mochi_ir::Inst) {
    let row = match l.data(inst).op {
        Op::Fadd => Row::FaddD,
        Op::Fsub => Row::FsubD,
        Op::Fmul => Row::FmulD,
        Op::Fdiv => Row::FdivD,
        op => no_rule(op),
    };
    let args = l.operands(inst);
    let result = l.float();
    let (a, b) = (l.reg(args[0]), l.reg(args[1]));
    put(l, row, &[Arg::W(result), Arg::R(a), Arg::R(b), Arg::I(DYN)]);
    keep_nan(l, inst, result);
}

/// The result of an instruction is the first operand that is NaN, if one is; else what it gave.
fn keep_nan(l: &mut L, inst: mochi_ir::Inst, given: VReg) {
    let result = Tied::new(l.result(inst), given);
    let args = l.operands(inst);
    let mut operand = |k: usize| {
        let v = args.get(k).copied().filter(|&v| !l.is_number(v))?;
        Some(Operand::reg_use(l.reg(v)))
    };
    let (first, second) = (operand(0), operand(1));
    l.composite(Composite::Nan { result, first, second });
}

/// Selects `fneg`, `fabs`, `fsqrt`.
pub fn float_unary(l: &mut L, inst: mochi_ir::Inst) {
    let dst = l.result(inst);
    let a = l.reg(l.operands(inst)[0]);
    match l.data(inst).op {
        Op::Fneg => put_regs(l, Row::FsgnjnD, dst, &[a, a]),
        Op::Fabs => put_regs(l, Row::FsgnjxD, dst, &[a, a]),
        _ => {
            let root = l.float();
            put(l, Row::FsqrtD, &[Arg::W(root), Arg::R(a), Arg::I(DYN)]);
            keep_nan(l, inst, root);
        }
    }
}

/// Selects conversions between words and floats.
pub fn convert(l: &mut L, inst: mochi_ir::Inst) {
    let dst = l.result(inst);
    let v = l.operands(inst)[0];
    match l.data(inst).op {
        Op::FcvtFromS => {
            let a = word(l, v);
            put(l, Row::FcvtDL, &[Arg::W(dst), a, Arg::I(DYN)]);
        }
        Op::FcvtToS => {
            // NaN and what is too large give the maximum, which is no float: one more is the
            // minimum, and less than it was.
            let a = l.reg(v);
            let whole = l.int();
            put(l, Row::FcvtLD, &[Arg::W(whole), Arg::R(a), Arg::I(RTZ)]);
            let more = with_imm(l, Row::Addi, whole, 1);
            let wrapped = with_reg(l, Row::Slt, more, whole);
            put_regs(l, Row::Add, dst, &[whole, wrapped]);
        }
        Op::FbitsTo => match l.movable_def(v) {
            Some((load, d)) if d.op == Op::LoadF64 => {
                l.absorb(load);
                load_as(l, load, Row::Ld, dst);
            }
            _ => {
                let a = l.reg(v);
                put_regs(l, Row::FmvXD, dst, &[a]);
            }
        },
        _ => match l.movable_def(v) {
            Some((load, d)) if d.op == Op::Load64 => {
                l.absorb(load);
                load_as(l, load, Row::Fld, dst);
            }
            _ => {
                let a = word(l, v);
                put(l, Row::FmvDX, &[Arg::W(dst), a]);
            }
        },
    }
}
