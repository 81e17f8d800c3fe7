//! Selection: exact integers, see [`crate::mach::exact`].

use crate::mach::exact::{self, Exact, ExactOp, ExactOps, Places};
use crate::mach::operands::late;
use crate::mach::{Emitter, Label, Lower, Operands};
use crate::x64::composite::{self, Composite, Test, Undo};
use crate::x64::emit::Opd;
use crate::x64::insts::{Cc, Row};
use crate::x64::regs::{RAX, RDX};
use crate::x64::select::{Amode, Arg, L, late_any, owned, put, put_composite, put_imm};
use crate::x64::select_arith::mul_imm;
use crate::x64::select_flow::{cmp, code, invert, test_mask};
use crate::x64::{Base, Mem, X64};
use mochi_ir::{Cond, Inst, Value};
use regalloc2::{Allocation, Operand, VReg};

impl ExactOps for X64 {
    type Place = Opd;
    type Undo = Undo;
    type Test = Test;
    const TWO_ADDRESS: bool = true;

    fn immediate(op: ExactOp, c: i64) -> bool {
        match op {
            // The factor is untagged.
            ExactOp::Mul => i32::try_from(c >> 1).is_ok(),
            ExactOp::Div | ExactOp::Rem => c.unsigned_abs() >= 4,
            _ => i32::try_from(c).is_ok(),
        }
    }

    fn plain(l: &mut L, op: ExactOp, dst: VReg, a: Value, b: Value) {
        let constant = exact::small_int(l, b);
        match op {
            ExactOp::Add | ExactOp::Sub => add_sub(l, op == ExactOp::Sub, dst, a, b),
            ExactOp::Neg => {
                let a = owned(l, a);
                put(l, Row::Neg, &[Arg::Rw(dst, a)]);
            }
            ExactOp::Mul => match constant.filter(|&c| X64::immediate(op, c)) {
                Some(c) => {
                    let keep = l.live_after(a);
                    let a = l.reg(a);
                    mul_imm(l, dst, a, c >> 1, keep);
                }
                None => {
                    let (a, b) = (owned(l, a), l.reg(b));
                    let half = l.int();
                    put(l, Row::SarI, &[Arg::Rw(half, a), Arg::I(1)]);
                    put(l, Row::Imul, &[Arg::Rw(dst, half), Arg::R(b)]);
                }
            },
            _ => unreachable!("{op:?} always has something to check"),
        }
    }

    fn exact(l: &mut L, x: Exact, inst: Inst, a: Value, b: Value) {
        let mut ops = Operands::new();
        match x.op {
            ExactOp::Add | ExactOp::Sub => {
                ops.tied(l.result(inst), owned(l, a));
                if x.imm.is_none() {
                    ops.add(late_any(l.reg(b)));
                }
                if x.checks.a && x.checks.b {
                    ops.add(Operand::reg_temp(l.int()));
                }
            }
            ExactOp::Neg => ops.tied(l.result(inst), owned(l, a)),
            ExactOp::Mul => {
                ops.add(Operand::reg_def(l.result(inst)));
                ops.add(late(l.reg(a)));
                if x.imm.is_none() {
                    ops.add(late_any(l.reg(b)));
                }
            }
            _ => return divide(l, x, inst, a, b),
        }
        put_composite(l, Composite::Exact(x), &ops);
    }

    fn compare_words(l: &mut L, cond: Cond, a: Value, b: Value) -> Test {
        Test::Is(cmp(l, cond, a, b))
    }

    fn exact_test(l: &mut L, x: Exact, cond: Cond, a: Value, b: Value) -> Test {
        let mut ops = Operands::new();
        ops.add(Operand::reg_use(l.reg(a)));
        if x.imm.is_none() {
            ops.add(Operand::any_use(l.reg(b)));
        }
        if x.op != ExactOp::RemZero && x.checks.a && x.checks.b {
            ops.add(Operand::reg_temp(l.int()));
        }
        put_composite(l, Composite::Exact(x), &ops);
        Test::Is(code(cond))
    }

    fn test_bits(l: &mut L, v: Value, mask: i64) -> Test {
        test_mask(l, v, mask);
        Test::Is(Cc::Ne)
    }

    fn invert(test: Test) -> Test {
        invert(test)
    }

    fn fast_path(e: &mut Emitter<X64>, x: &Exact, allocs: &[Allocation], slow: Label) -> Places<Opd, Undo> {
        composite::fast_path(e, x, allocs, slow)
    }
}

fn add_sub(l: &mut L, sub: bool, dst: VReg, a: Value, b: Value) {
    let keep = l.live_after(a);
    match exact::small_int(l, b).and_then(|c| i32::try_from(c).ok()) {
        Some(c) if keep && (!sub || c != i32::MIN) => {
            let disp = if sub { -c } else { c };
            let a = l.reg(a);
            put(l, Row::Lea, &[Arg::W(dst), Arg::M(Amode::reg(a, disp))]);
        }
        Some(c) => {
            let a = owned(l, a);
            put_imm(l, if sub { Row::SubI } else { Row::AddI }, &[Arg::Rw(dst, a)], c as i64);
        }
        None if keep && !sub => {
            let mem = Mem { base: Base::Reg, scale: 1, disp: 0 };
            let sum = Amode { mem, base: Some(l.reg(a)), index: Some(l.reg(b)) };
            put(l, Row::Lea, &[Arg::W(dst), Arg::M(sum)]);
        }
        None => {
            let (a, b) = (owned(l, a), l.reg(b));
            put(l, if sub { Row::Sub } else { Row::Add }, &[Arg::Rw(dst, a), Arg::R(b)]);
        }
    }
}

/// A division with something to check: the results are in rax and rdx.
fn divide(l: &mut Lower<X64>, x: Exact, inst: Inst, a: Value, b: Value) {
    let rem = x.op == ExactOp::Rem;
    let (dst, other) = (l.fixed_result(inst), l.int());
    let mut ops = Operands::new();
    if x.imm.is_some() {
        let (rdx, rax) = if rem { (other, dst) } else { (dst, other) };
        ops.add(late(l.reg(a)));
        ops.add(Operand::reg_fixed_def(rdx, RDX));
        ops.add(Operand::reg_fixed_def(rax, RAX));
    } else {
        let (rax, rdx) = if rem { (other, dst) } else { (dst, other) };
        ops.add(Operand::reg_fixed_use(l.fixed(a), RAX));
        ops.add(late(l.reg(b)));
        ops.add(Operand::reg_fixed_def(rax, RAX));
        ops.add(Operand::reg_fixed_def(rdx, RDX));
    }
    put_composite(l, Composite::Exact(x), &ops);
    l.fixed_done(inst, dst);
}
