//! Selection: exact integers (`int.*`), tagged words with slow paths.
//!
//! What is known of the operands decides the form: nothing to check gives plain instructions,
//! otherwise one composite with a stub. An even constant is known to be small.

use crate::mach::Lower;
use crate::x64::composite::{Checks, Composite, Test};
use crate::x64::insts::{Cc, Row};
use crate::x64::regs::{RAX, RDX};
use crate::x64::select::{Amode, Arg, L, Operands, late_any, owned, put, put_composite, put_imm};
use crate::x64::select_arith::{mul_imm, signed_const};
use crate::x64::select_flow::{cmp, code};
use crate::x64::{Base, Mem, X64};
use mochi_ir::ops::{KNOWN_A, KNOWN_B, NO_OVERFLOW};
use mochi_ir::{Cond, Sym, Value};
use regalloc2::{Operand, OperandConstraint, OperandKind, OperandPos, VReg};

/// The tagged constant a value is, when it is a small int.
fn small_int(l: &L, v: Value) -> Option<i64> {
    l.iconst(v).filter(|c| c & 1 == 0)
}

/// The tagged constant as an immediate.
fn imm(l: &L, v: Value) -> Option<i32> {
    small_int(l, v).and_then(|c| i32::try_from(c).ok())
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

fn late_reg(v: VReg) -> Operand {
    Operand::new(v, OperandConstraint::Reg, OperandKind::Use, OperandPos::Late)
}

/// Selects `int.add` and `int.sub`.
pub fn add_sub(l: &mut L, inst: mochi_ir::Inst) {
    let d = l.data(inst);
    let sub = d.op == mochi_ir::Op::IntSub;
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (mut a, mut b) = (args[0], args[1]);
    let mut checks = checks(l, d.imm, a, b);
    let better = l.iconst(a).is_some() || l.iconst(b).is_none() && l.live_after(a) && !l.live_after(b);
    if !sub && better {
        (a, b) = (b, a);
        checks = swap(checks);
    }
    if !(checks.a || checks.b || checks.overflow) {
        let keep = l.live_after(a);
        return plain_add_sub(l, dst, a, b, sub, keep);
    }
    let slow = slow(l, inst);
    let mut ops = Operands::new();
    let imm = imm(l, b);
    ops.tied(dst, owned(l, a));
    if imm.is_none() {
        ops.add(late_any(l.reg(b)));
    }
    if checks.a && checks.b {
        ops.add(Operand::reg_temp(l.int()));
    }
    put_composite(l, Composite::AddSub { sub, imm, checks, slow }, &ops);
}

fn plain_add_sub(l: &mut L, dst: VReg, a: Value, b: Value, sub: bool, keep: bool) {
    match imm(l, b) {
        Some(c) if keep && (!sub || c != i32::MIN) => {
            let disp = if sub { -c } else { c };
            let ra = l.reg(a);
            put(l, Row::Lea, &[Arg::W(dst), Arg::M(Amode::reg(ra, disp))]);
        }
        Some(c) => {
            let ra = owned(l, a);
            put_imm(l, if sub { Row::SubI } else { Row::AddI }, &[Arg::Rw(dst, ra)], c as i64);
        }
        None if keep && !sub => {
            let mem = Mem { base: Base::Reg, scale: 1, disp: 0 };
            let sum = Amode { mem, base: Some(l.reg(a)), index: Some(l.reg(b)) };
            put(l, Row::Lea, &[Arg::W(dst), Arg::M(sum)]);
        }
        None => {
            let (ra, rb) = (owned(l, a), l.reg(b));
            put(l, if sub { Row::Sub } else { Row::Add }, &[Arg::Rw(dst, ra), Arg::R(rb)]);
        }
    }
}

/// Selects `int.neg`.
pub fn neg(l: &mut L, inst: mochi_ir::Inst) {
    let d = l.data(inst);
    let a = l.operands(inst)[0];
    let dst = l.result(inst);
    let checks = Checks { b: false, ..checks(l, d.imm, a, a) };
    let ra = owned(l, a);
    if !(checks.a || checks.overflow) {
        return put(l, Row::Neg, &[Arg::Rw(dst, ra)]);
    }
    let slow = slow(l, inst);
    let mut ops = Operands::new();
    ops.tied(dst, ra);
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
    let factor = small_int(l, b).and_then(|c| i32::try_from(c >> 1).ok());
    let keep = l.live_after(a);
    if !(checks.a || checks.b || checks.overflow) {
        match factor {
            Some(c) => {
                let ra = l.reg(a);
                mul_imm(l, dst, ra, c as i64, keep);
            }
            None => {
                let (ra, rb) = (owned(l, a), l.reg(b));
                let half = l.int();
                put(l, Row::SarI, &[Arg::Rw(half, ra), Arg::I(1)]);
                put(l, Row::Imul, &[Arg::Rw(dst, half), Arg::R(rb)]);
            }
        }
        return;
    }
    let slow = slow(l, inst);
    let mut ops = Operands::new();
    ops.add(Operand::reg_def(dst));
    ops.add(late_reg(l.reg(a)));
    if factor.is_none() {
        ops.add(late_any(l.reg(b)));
    }
    put_composite(l, Composite::Mul { imm: factor, checks, slow }, &ops);
}

/// Selects `int.div` and `int.mod`.
pub fn divide(l: &mut L, inst: mochi_ir::Inst) {
    let d = l.data(inst);
    let rem = d.op == mochi_ir::Op::IntMod;
    let args = l.operands(inst);
    let dst = l.result(inst);
    let checks = checks(l, d.imm, args[0], args[1]);
    let a = args[0];
    // The remainder by a tagged constant is tagged; the quotient has to be tagged.
    let divisor = small_int(l, args[1]).filter(|c| c.unsigned_abs() >= 4);
    match divisor {
        Some(c) if !checks.a && rem => {
            let a = l.reg(a);
            return signed_const(l, dst, a, c, true);
        }
        Some(c) if !checks.a => {
            let a = l.reg(a);
            let q = l.int();
            signed_const(l, q, a, c, false);
            return put(l, Row::ShlI, &[Arg::Rw(dst, q), Arg::I(1)]);
        }
        _ => {}
    }
    let slow = slow(l, inst);
    let (dst, other) = (l.fixed_result(inst), l.int());
    let mut ops = Operands::new();
    if let Some(divisor) = divisor {
        let (rdx, rax) = if rem { (other, dst) } else { (dst, other) };
        ops.add(late_reg(l.reg(a)));
        ops.add(Operand::reg_fixed_def(rdx, RDX));
        ops.add(Operand::reg_fixed_def(rax, RAX));
        put_composite(l, Composite::DivConst { rem, divisor, slow }, &ops);
        return l.fixed_done(inst, dst);
    }
    let (rax, rdx) = if rem { (other, dst) } else { (dst, other) };
    ops.add(Operand::reg_fixed_use(l.fixed(a), RAX));
    ops.add(late_reg(l.reg(args[1])));
    ops.add(Operand::reg_fixed_def(rax, RAX));
    ops.add(Operand::reg_fixed_def(rdx, RDX));
    put_composite(l, Composite::Div { rem, checks, slow }, &ops);
    l.fixed_done(inst, dst);
}

/// Flags for "is not 0" of `x % 2^k`: a bit test, when the remainder has no other use.
pub fn remainder_bits(l: &mut L, v: Value) -> Option<Test> {
    let (inst, d) = l.local_def(v).filter(|_| l.used_once(v))?;
    let &[x, y] = l.operands(inst) else { return None };
    let divisor = i32::try_from(l.iconst(y)?).ok().filter(|c| *c >= 4 && c.count_ones() == 1)?;
    if d.op != mochi_ir::Op::IntMod {
        return None;
    }
    if !checks(l, d.imm, x, y).a {
        let mask = (divisor - 2) as i64;
        let x = l.reg(x);
        let row = if divisor <= 256 { Row::TestBI } else { Row::TestLI };
        put(l, row, &[Arg::R(x), Arg::I(if divisor <= 256 { mask as i8 as i64 } else { mask })]);
    } else {
        let slow = slow(l, inst);
        let mut ops = Operands::new();
        ops.add(Operand::reg_use(l.reg(x)));
        put_composite(l, Composite::RemZero { divisor, slow }, &ops);
    }
    Some(Test::Is(Cc::Ne))
}

/// Emits the flags of an `int.cmp`. A small int equals no big one, so equality needs to know one
/// operand only.
pub fn compare(l: &mut Lower<X64>, inst: mochi_ir::Inst) -> Test {
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
    if equality && l.iconst(b) == Some(0) && remainder_bits(l, a).is_some() {
        return Test::Is(code(cond));
    }
    if !checks.a && !checks.b || equality && !(checks.a && checks.b) {
        return Test::Is(cmp(l, cond, a, b));
    }
    let slow = slow(l, inst);
    let imm = imm(l, b);
    let mut ops = Operands::new();
    ops.add(Operand::reg_use(l.reg(a)));
    if imm.is_none() {
        ops.add(Operand::any_use(l.reg(b)));
    }
    if checks.a && checks.b {
        ops.add(Operand::reg_temp(l.int()));
    }
    let swap = matches!(cond, Cond::Sgt | Cond::Sge);
    put_composite(l, Composite::Cmp { imm, swap, checks, slow }, &ops);
    Test::Is(code(cond))
}
