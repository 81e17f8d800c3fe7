//! Selection: exact integers (`int.*`), tagged words with slow paths.
//!
//! What is known of the operands decides the form: nothing to check gives plain instructions,
//! otherwise one composite with a stub. An even constant is known to be small.

use crate::a64::composite::{Checks, Composite, is_imm12};
use crate::a64::insts::{Cc, Row};
use crate::a64::select::{Arg, L, NO_SHIFT, put, put_composite, put_regs};
use crate::a64::select_arith::{add_imm, mul_imm, signed_const};
use crate::a64::select_bits::shift_imm;
use crate::a64::select_flow::{cmp, code};
use mochi_ir::ops::{KNOWN_A, KNOWN_B, NO_OVERFLOW};
use mochi_ir::{Cond, Op, Sym, Value};
use regalloc2::{Operand, OperandConstraint, OperandKind, OperandPos, VReg};

/// The tagged constant a value is, when it is a small int.
fn small_int(l: &L, v: Value) -> Option<i64> {
    l.iconst(v).filter(|c| c & 1 == 0)
}

/// The tagged constant as an immediate of an addition or subtraction.
fn imm(l: &L, v: Value) -> Option<i64> {
    small_int(l, v).filter(|&c| is_imm12(c) || is_imm12(c.wrapping_neg()))
}

fn checks(l: &L, bits: i64, a: Value, b: Value) -> Checks {
    Checks {
        a: bits & KNOWN_A == 0 && small_int(l, a).is_none(),
        b: bits & KNOWN_B == 0 && small_int(l, b).is_none(),
        overflow: bits & NO_OVERFLOW == 0,
    }
}

fn slow(l: &mut L, inst: mochi_ir::Inst) -> Sym {
    let name = l.data(inst).op.slow_path().expect("op has a slow path");
    l.note_call(0);
    l.module.lookup(name).unwrap_or_else(|| panic!("the module does not declare {name}"))
}

fn swap(c: Checks) -> Checks {
    Checks { a: c.b, b: c.a, ..c }
}

/// A use in a register that the result does not overwrite.
fn late(v: VReg) -> Operand {
    Operand::new(v, OperandConstraint::Reg, OperandKind::Use, OperandPos::Late)
}

/// Selects `int.add` and `int.sub`.
pub fn add_sub(l: &mut L, inst: mochi_ir::Inst) {
    let d = l.data(inst);
    let sub = d.op == Op::IntSub;
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (mut a, mut b) = (args[0], args[1]);
    let mut checks = checks(l, d.imm, a, b);
    if !sub && l.iconst(a).is_some() {
        (a, b) = (b, a);
        checks = swap(checks);
    }
    if !(checks.a || checks.b || checks.overflow) {
        return plain_add_sub(l, dst, a, b, sub);
    }
    let slow = slow(l, inst);
    let imm = imm(l, b);
    let ra = l.reg(a);
    let mut ops = vec![Operand::reg_def(dst)];
    if imm.is_some() {
        ops.push(Operand::reg_use(ra));
    } else {
        let rb = l.reg(b);
        // The stub can undo a sum written over one of its operands, but not over both.
        let same = ra == rb;
        ops.push(if same { late(ra) } else { Operand::reg_use(ra) });
        ops.push(if same { late(rb) } else { Operand::reg_use(rb) });
    }
    put_composite(l, Composite::AddSub { sub, imm, checks, slow }, &ops);
}

fn plain_add_sub(l: &mut L, dst: VReg, a: Value, b: Value, sub: bool) {
    let ra = l.reg(a);
    match small_int(l, b) {
        Some(c) => add_imm(l, dst, Arg::R(ra), if sub { c.wrapping_neg() } else { c }),
        None => {
            let rb = l.reg(b);
            let row = if sub { Row::Sub } else { Row::Add };
            put(l, row, &[Arg::W(dst), Arg::R(ra), Arg::R(rb), NO_SHIFT]);
        }
    }
}

/// Selects `int.neg`.
pub fn neg(l: &mut L, inst: mochi_ir::Inst) {
    let d = l.data(inst);
    let a = l.operands(inst)[0];
    let dst = l.result(inst);
    let checks = Checks { b: false, ..checks(l, d.imm, a, a) };
    let ra = l.reg(a);
    if !(checks.a || checks.overflow) {
        return put(l, Row::Neg, &[Arg::W(dst), Arg::R(ra), NO_SHIFT]);
    }
    let slow = slow(l, inst);
    let ops = [Operand::reg_def(dst), Operand::reg_use(ra)];
    put_composite(l, Composite::Neg { checks, slow }, &ops);
}

/// Selects `int.mul`.
pub fn mul(l: &mut L, inst: mochi_ir::Inst) {
    let d = l.data(inst);
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (mut a, mut b) = (args[0], args[1]);
    let mut checks = checks(l, d.imm, a, b);
    if small_int(l, a).is_some() {
        (a, b) = (b, a);
        checks = swap(checks);
    }
    // One factor is untagged: a constant now, a variable when it runs.
    let factor = small_int(l, b).map(|c| c >> 1);
    let ra = l.reg(a);
    if !(checks.a || checks.b || checks.overflow) {
        match factor {
            Some(c) => mul_imm(l, dst, ra, c),
            None => {
                let rb = l.reg(b);
                let half = shift_imm(l, Row::Asr, ra, 1);
                put_regs(l, Row::Mul, dst, &[half, rb]);
            }
        }
        return;
    }
    let slow = slow(l, inst);
    let mut ops = vec![Operand::reg_def(dst), late(ra)];
    if factor.is_none() {
        ops.push(late(l.reg(b)));
    }
    put_composite(l, Composite::Mul { factor, checks, slow }, &ops);
}

/// Selects `int.div` and `int.mod`.
pub fn divide(l: &mut L, inst: mochi_ir::Inst) {
    let d = l.data(inst);
    let rem = d.op == Op::IntMod;
    let args = l.operands(inst);
    let dst = l.result(inst);
    let checks = checks(l, d.imm, args[0], args[1]);
    let a = l.reg(args[0]);
    // The remainder by a tagged constant is tagged; the quotient has to be tagged.
    let divisor = small_int(l, args[1]).filter(|c| c.unsigned_abs() >= 4);
    match divisor {
        Some(c) if !checks.a && rem => return signed_const(l, dst, a, c, true),
        Some(c) if !checks.a => {
            let q = l.int();
            signed_const(l, q, a, c, false);
            return put(l, Row::Lsl, &[Arg::W(dst), Arg::R(q), Arg::I(1)]);
        }
        _ => {}
    }
    let slow = slow(l, inst);
    if let Some(divisor) = divisor {
        let ops = [Operand::reg_def(dst), Operand::reg_use(a)];
        return put_composite(l, Composite::DivConst { rem, divisor, slow }, &ops);
    }
    let ops = [Operand::reg_def(dst), late(a), late(l.reg(args[1]))];
    put_composite(l, Composite::Div { rem, checks, slow }, &ops);
}

/// Emits the flags of an `int.cmp`. A small int equals no big one, so equality needs to know one
/// operand only.
pub fn compare(l: &mut L, inst: mochi_ir::Inst) -> Cc {
    let d = l.data(inst);
    let args = l.operands(inst);
    let cond = Cond::from_imm(d.imm);
    let (a, b, cond) = match l.iconst(args[0]) {
        Some(_) if l.iconst(args[1]).is_none() => (args[1], args[0], cond.swap()),
        _ => (args[0], args[1], cond),
    };
    let mut checks = checks(l, d.imm >> 8, args[0], args[1]);
    if a != args[0] {
        checks = swap(checks);
    }
    checks.overflow = false;
    let equality = matches!(cond, Cond::Eq | Cond::Ne);
    if !checks.a && !checks.b || equality && !(checks.a && checks.b) {
        return cmp(l, cond, a, b);
    }
    let slow = slow(l, inst);
    let imm = imm(l, b);
    let mut ops = vec![Operand::reg_use(l.reg(a))];
    if imm.is_none() {
        ops.push(Operand::reg_use(l.reg(b)));
    }
    let swap = matches!(cond, Cond::Sgt | Cond::Sge);
    put_composite(l, Composite::Cmp { imm, swap, checks, slow }, &ops);
    code(cond)
}
