//! Selection: exact integers, see [`crate::mach::exact`].

use crate::mach::exact::{Exact, ExactOp, ExactOps};
use crate::mach::operands::{RegImm, late};
use crate::rv64::Rv64;
use crate::rv64::composite::{Composite, Test};
use crate::rv64::imm::fits12;
use crate::rv64::select::{L, word};
use crate::rv64::select_flow::is_set;
use mochi_ir::{Cond, Inst, Value};
use regalloc2::Operand;

impl ExactOps for Rv64 {
    const TWO_ADDRESS: bool = false;

    fn immediate(op: ExactOp, c: i64) -> bool {
        match op {
            ExactOp::Mul | ExactOp::RemZero => true,
            ExactOp::Div | ExactOp::Rem => c.unsigned_abs() >= 4,
            ExactOp::Add => fits12(c),
            ExactOp::Sub => fits12(c.wrapping_neg()),
            ExactOp::Neg | ExactOp::Cmp { .. } => false,
        }
    }

    fn exact(l: &mut L, x: Exact, inst: Inst, a: Value, b: RegImm<Value>) {
        let result = Operand::reg_def(l.result(inst));
        let a = l.reg(a);
        // Overflow shows after the result is written, and the slow path needs the operands.
        let overflow = if x.checks.overflow { late } else { Operand::reg_use };
        if x.op == ExactOp::Neg {
            return l.composite(Composite::Neg { x, result, a: overflow(a) });
        }
        let b = b.map(|b| l.reg(b));
        let operand = match x.op {
            ExactOp::Mul => overflow,
            ExactOp::Add | ExactOp::Sub if b.imm().is_none() => overflow,
            ExactOp::Div if b.imm().is_none() => late,
            _ => Operand::reg_use,
        };
        l.composite(Composite::Binary { x, result, a: operand(a), b: b.map(operand) });
    }

    fn exact_test(l: &mut L, x: Exact, cond: Cond, a: Value, b: RegImm<Value>) -> Test<Operand> {
        match (x.op, b) {
            (ExactOp::RemZero, RegImm::Imm(divisor)) => {
                let rest = l.int();
                let (result, a) = (Operand::reg_def(rest), Operand::reg_use(l.reg(a)));
                l.composite(Composite::RemZero { x, divisor, result, a });
                is_set(rest)
            }
            (_, RegImm::Reg(b)) => {
                let (a, b) = (word(l, a).operand(), word(l, b).operand());
                Test::Exact { x, cond, not: false, a, b }
            }
            _ => unreachable!("no comparison has an immediate"),
        }
    }
}
