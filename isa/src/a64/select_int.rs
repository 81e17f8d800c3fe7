//! Selection: exact integers, see [`crate::mach::exact`].

use crate::a64::A64;
use crate::a64::composite::{self, Composite, Undo, is_imm12};
use crate::a64::insts::{Cc, Opd, Row};
use crate::a64::select::{Arg, L, NO_SHIFT, put, put_composite, put_regs};
use crate::a64::select_arith::{add_imm, mul_imm};
use crate::a64::select_bits::shift_imm;
use crate::a64::select_flow::{cmp, code};
use crate::mach::exact::{self, Exact, ExactOp, ExactOps, Places};
use crate::mach::operands::late;
use crate::mach::{Emitter, Label, Operands};
use mochi_ir::{Cond, Inst, Value};
use regalloc2::{Allocation, Operand, VReg};

impl ExactOps for A64 {
    type Place = Opd;
    type Undo = Option<Undo>;
    type Test = Cc;
    const TWO_ADDRESS: bool = false;

    fn immediate(op: ExactOp, c: i64) -> bool {
        match op {
            ExactOp::Mul | ExactOp::RemZero => true,
            ExactOp::Div | ExactOp::Rem => c.unsigned_abs() >= 4,
            _ => is_imm12(c) || is_imm12(c.wrapping_neg()),
        }
    }

    fn plain(l: &mut L, op: ExactOp, dst: VReg, a: Value, b: Value) {
        let constant = exact::small_int(l, b);
        let a = l.reg(a);
        match (op, constant) {
            (ExactOp::Add, Some(c)) => add_imm(l, dst, Arg::R(a), c),
            (ExactOp::Sub, Some(c)) => add_imm(l, dst, Arg::R(a), c.wrapping_neg()),
            (ExactOp::Add | ExactOp::Sub, None) => {
                let b = l.reg(b);
                let row = if op == ExactOp::Sub { Row::Sub } else { Row::Add };
                put(l, row, &[Arg::W(dst), Arg::R(a), Arg::R(b), NO_SHIFT]);
            }
            (ExactOp::Neg, _) => put(l, Row::Neg, &[Arg::W(dst), Arg::R(a), NO_SHIFT]),
            (ExactOp::Mul, Some(c)) => mul_imm(l, dst, a, c >> 1),
            (ExactOp::Mul, None) => {
                let b = l.reg(b);
                let half = shift_imm(l, Row::Asr, a, 1);
                put_regs(l, Row::Mul, dst, &[half, b]);
            }
            _ => unreachable!("{op:?} always has something to check"),
        }
    }

    fn exact(l: &mut L, x: Exact, inst: Inst, a: Value, b: Value) {
        let dst = l.result(inst);
        let a = l.reg(a);
        let b = (x.imm.is_none() && x.op != ExactOp::Neg).then(|| l.reg(b));
        // The stub can undo a sum written over one of its operands, but not over both.
        let apart = match x.op {
            ExactOp::Add | ExactOp::Sub => Some(a) == b,
            ExactOp::Mul => true,
            _ => b.is_some(),
        };
        let mut ops = Operands::new();
        ops.add(Operand::reg_def(dst));
        for r in [Some(a), b].into_iter().flatten() {
            ops.add(if apart { late(r) } else { Operand::reg_use(r) });
        }
        put_composite(l, Composite::Exact(x), &ops);
    }

    fn compare_words(l: &mut L, cond: Cond, a: Value, b: Value) -> Cc {
        cmp(l, cond, a, b)
    }

    fn exact_test(l: &mut L, x: Exact, cond: Cond, a: Value, b: Value) -> Cc {
        let mut ops = Operands::new();
        ops.add(Operand::reg_use(l.reg(a)));
        if x.imm.is_none() {
            ops.add(Operand::reg_use(l.reg(b)));
        }
        put_composite(l, Composite::Exact(x), &ops);
        code(cond)
    }

    fn test_bits(l: &mut L, v: Value, mask: i64) -> Cc {
        let v = l.reg(v);
        put(l, Row::TstI, &[Arg::R(v), Arg::I(mask)]);
        Cc::Ne
    }

    fn invert(test: Cc) -> Cc {
        test.invert()
    }

    fn fast_path(
        e: &mut Emitter<A64>,
        x: &Exact,
        allocs: &[Allocation],
        slow: Label,
    ) -> Places<Opd, Option<Undo>> {
        composite::fast_path(e, x, allocs, slow)
    }
}
