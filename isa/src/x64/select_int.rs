//! Selection: exact integers, see [`crate::mach::exact`].

use crate::mach::Lower;
use crate::mach::exact::{Exact, ExactOp, ExactOps};
use crate::mach::operands::{RegImm, Tied, late};
use crate::x64::X64;
use crate::x64::composite::{Composite, Test};
use crate::x64::regs::{RAX, RDX};
use crate::x64::select::{L, late_any, owned};
use crate::x64::select_flow::code;
use mochi_ir::{Cond, Inst, Value};
use regalloc2::Operand;

impl ExactOps for X64 {
    const TWO_ADDRESS: bool = true;

    fn immediate(op: ExactOp, c: i64) -> bool {
        match op {
            // The factor is untagged.
            ExactOp::Mul => i32::try_from(c >> 1).is_ok(),
            ExactOp::Div | ExactOp::Rem => c.unsigned_abs() >= 4,
            _ => i32::try_from(c).is_ok(),
        }
    }

    fn exact(l: &mut L, x: Exact, inst: Inst, a: Value, b: RegImm<Value>) {
        let c = match x.op {
            ExactOp::Add | ExactOp::Sub => Composite::Sum {
                x,
                result: Tied::new(l.result(inst), owned(l, a)),
                b: b.map(|b| late_any(l.reg(b))),
                scratch: scratch(l, x),
            },
            ExactOp::Neg => Composite::Neg { x, result: Tied::new(l.result(inst), owned(l, a)) },
            ExactOp::Mul => Composite::Mul {
                x,
                result: Operand::reg_def(l.result(inst)),
                a: late(l.reg(a)),
                b: b.map(|b| late_any(l.reg(b))),
            },
            _ => return divide(l, x, inst, a, b),
        };
        l.composite(c);
    }

    fn exact_test(l: &mut L, x: Exact, cond: Cond, a: Value, b: RegImm<Value>) -> Test {
        let a = Operand::reg_use(l.reg(a));
        let c = match (x.op, b) {
            (ExactOp::RemZero, RegImm::Imm(divisor)) => Composite::RemZero { x, divisor, a },
            _ => {
                let b = b.map(|b| Operand::any_use(l.reg(b)));
                Composite::Cmp { x, a, b, scratch: scratch(l, x) }
            }
        };
        l.composite(c);
        Test::Is(code(cond))
    }
}

/// A scratch register when both words are checked.
fn scratch(l: &mut L, x: Exact) -> Option<Operand> {
    (x.checks.a && x.checks.b).then(|| Operand::reg_temp(l.int()))
}

/// A division with something to check: the results are in rax and rdx.
fn divide(l: &mut Lower<X64>, x: Exact, inst: Inst, a: Value, b: RegImm<Value>) {
    let rem = x.op == ExactOp::Rem;
    let (dst, other) = (l.fixed_result(inst), l.int());
    let results = |rax, rdx| (Operand::reg_fixed_def(rax, RAX), Operand::reg_fixed_def(rdx, RDX));
    let c = match b {
        RegImm::Imm(divisor) => {
            let (rax, rdx) = if rem { results(dst, other) } else { results(other, dst) };
            Composite::DivConst { x, divisor, a: late(l.reg(a)), rdx, rax }
        }
        RegImm::Reg(b) => {
            let (rax, rdx) = if rem { results(other, dst) } else { results(dst, other) };
            let a = Operand::reg_fixed_use(l.fixed(a), RAX);
            Composite::Div { x, a, b: late(l.reg(b)), rax, rdx }
        }
    };
    l.composite(c);
    l.fixed_done(inst, dst);
}
