//! Selection: exact integers, see [`crate::mach::exact`].

use crate::mach::exact::{self, Exact, ExactOp, ExactOps, Places};
use crate::mach::operands::late;
use crate::mach::{Emitter, Label, Operands};
use crate::rv64::Rv64;
use crate::rv64::composite::{self, Composite, Decide};
use crate::rv64::imm::fits12;
use crate::rv64::insts::{Opd, Row};
use crate::rv64::regs::ZERO;
use crate::rv64::select::{Arg, L, put, put_composite, put_regs, with_imm, word};
use crate::rv64::select_arith::{add_imm, mul_imm};
use crate::rv64::select_flow::{Test, test_bits, words};
use mochi_ir::{Cond, Inst, Value};
use regalloc2::{Allocation, Operand, VReg};

impl ExactOps for Rv64 {
    type Place = Opd;
    /// Nothing is undone; a comparison's stub says how its answer is used.
    type Undo = Option<Decide>;
    type Test = Test;
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

    fn plain(l: &mut L, op: ExactOp, dst: VReg, a: Value, b: Value) {
        let constant = exact::small_int(l, b);
        let a = l.reg(a);
        match (op, constant) {
            (ExactOp::Add, Some(c)) => add_imm(l, dst, a, c),
            (ExactOp::Sub, Some(c)) => add_imm(l, dst, a, c.wrapping_neg()),
            (ExactOp::Add | ExactOp::Sub, None) => {
                let b = l.reg(b);
                put_regs(l, if op == ExactOp::Sub { Row::Sub } else { Row::Add }, dst, &[a, b]);
            }
            (ExactOp::Neg, _) => put(l, Row::Sub, &[Arg::W(dst), Arg::P(ZERO), Arg::R(a)]),
            (ExactOp::Mul, Some(c)) => mul_imm(l, dst, a, c >> 1),
            (ExactOp::Mul, None) => {
                let b = l.reg(b);
                let half = with_imm(l, Row::Srai, a, 1);
                put_regs(l, Row::Mul, dst, &[half, b]);
            }
            _ => unreachable!("{op:?} always has something to check"),
        }
    }

    fn exact(l: &mut L, x: Exact, inst: Inst, a: Value, b: Value) {
        let dst = l.result(inst);
        let a = l.reg(a);
        let b = (x.imm.is_none() && x.op != ExactOp::Neg).then(|| l.reg(b));
        // Overflow shows after the result is written, and the stub needs the operands.
        let apart = match x.op {
            ExactOp::Add | ExactOp::Sub => x.checks.overflow && b.is_some(),
            ExactOp::Neg | ExactOp::Mul => x.checks.overflow,
            ExactOp::Div => b.is_some(),
            _ => false,
        };
        let mut ops = Operands::new();
        ops.add(Operand::reg_def(dst));
        for r in [Some(a), b].into_iter().flatten() {
            ops.add(if apart { late(r) } else { Operand::reg_use(r) });
        }
        put_composite(l, Composite::Exact(x), &ops);
    }

    fn compare_words(l: &mut L, cond: Cond, a: Value, b: Value) -> Test {
        words(l, cond, a, b)
    }

    fn exact_test(l: &mut L, x: Exact, cond: Cond, a: Value, b: Value) -> Test {
        if x.op == ExactOp::RemZero {
            let rest = l.int();
            let mut ops = Operands::new();
            ops.add(Operand::reg_def(rest));
            ops.add(Operand::reg_use(l.reg(a)));
            put_composite(l, Composite::Exact(x), &ops);
            return Test::not_zero(rest);
        }
        let (a, b) = (word(l, a), word(l, b));
        Test::Exact(x, cond, false, a, b)
    }

    fn test_bits(l: &mut L, v: Value, mask: i64) -> Test {
        test_bits(l, v, mask)
    }

    fn invert(test: Test) -> Test {
        test.invert()
    }

    fn fast_path(
        e: &mut Emitter<Rv64>,
        x: &Exact,
        allocs: &[Allocation],
        slow: Label,
    ) -> Places<Opd, Option<Decide>> {
        composite::fast_path(e, x, allocs, slow)
    }
}
