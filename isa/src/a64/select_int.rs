//! Selection: exact integers, see [`crate::mach::exact`].

use crate::a64::A64;
use crate::a64::composite::{Composite, Test, is_imm12};
use crate::a64::select::L;
use crate::a64::select_flow::code;
use crate::mach::exact::{Exact, ExactOp, ExactOps};
use crate::mach::operands::{RegImm, late};
use mochi_ir::{Cond, Inst, Value};
use regalloc2::Operand;

impl ExactOps for A64 {
    const TWO_ADDRESS: bool = false;

    fn immediate(op: ExactOp, c: i64) -> bool {
        match op {
            ExactOp::Mul | ExactOp::RemZero => true,
            ExactOp::Div | ExactOp::Rem => c.unsigned_abs() >= 4,
            _ => is_imm12(c) || is_imm12(c.wrapping_neg()),
        }
    }

    fn exact(l: &mut L, x: Exact, inst: Inst, a: Value, b: RegImm<Value>) {
        let result = Operand::reg_def(l.result(inst));
        let a = l.reg(a);
        if x.op == ExactOp::Neg {
            return l.composite(Composite::Neg { x, result, a: Operand::reg_use(a) });
        }
        let b = b.map(|b| l.reg(b));
        // The slow path can undo a sum written over one of its operands, but not over both.
        let apart = match x.op {
            ExactOp::Add | ExactOp::Sub => b == RegImm::Reg(a),
            ExactOp::Mul => true,
            _ => b.imm().is_none(),
        };
        let operand = if apart { late } else { Operand::reg_use };
        let (a, b) = (operand(a), b.map(operand));
        l.composite(Composite::Binary { x, result, a, b });
    }

    fn exact_test(l: &mut L, x: Exact, cond: Cond, a: Value, b: RegImm<Value>) -> Test<Operand> {
        let a = Operand::reg_use(l.reg(a));
        let c = match (x.op, b) {
            (ExactOp::RemZero, RegImm::Imm(divisor)) => Composite::RemZero { x, divisor, a },
            _ => Composite::Cmp { x, a, b: b.map(|b| Operand::reg_use(l.reg(b))) },
        };
        l.composite(c);
        Test::Is { cc: code(cond) }
    }
}
