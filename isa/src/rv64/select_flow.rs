//! Selection: comparisons, branches, selects.
//!
//! There are no flags. What decides is a [`Test`] of operands: a condition between two registers, as branches
//! have it, or a comparison of exact integers that may have to ask the runtime.

use crate::mach::compare::{Conditions, compare, not_zero, tested_zero};
use crate::mach::operands::{RegImm, Tied};
use crate::rv64::Rv64;
use crate::rv64::composite::{Composite, Test};
use crate::rv64::emit::Cc;
use crate::rv64::imm::fits12;
use crate::rv64::insts::Row;
use crate::rv64::regs::ZERO;
use crate::rv64::select::{Arg, L, put, put_regs, with_imm, with_reg, word};
use crate::rv64::select_arith::add_imm;
use mochi_ir::{Cond, FCond, Inst, Op, Value};
use regalloc2::{Operand, VReg};

fn zero() -> Operand {
    Operand::fixed_nonallocatable(ZERO)
}

/// A register is not 0.
pub fn is_set(v: VReg) -> Test<Operand> {
    Test::Words { cc: Cc::Ne, a: Operand::reg_use(v), b: zero() }
}

/// The branch for a condition, and whether it has the operands exchanged.
pub fn code(cond: Cond) -> (Cc, bool) {
    match cond {
        Cond::Eq => (Cc::Eq, false),
        Cond::Ne => (Cc::Ne, false),
        Cond::Slt => (Cc::Lt, false),
        Cond::Sge => (Cc::Ge, false),
        Cond::Sgt => (Cc::Lt, true),
        Cond::Sle => (Cc::Ge, true),
        Cond::Ult => (Cc::Ltu, false),
        Cond::Uge => (Cc::Geu, false),
        Cond::Ugt => (Cc::Ltu, true),
        Cond::Ule => (Cc::Geu, true),
    }
}

/// A comparison with a constant next to 0 as one with 0.
fn with_zero(cond: Cond, c: i64) -> Option<Cond> {
    match (cond, c) {
        (_, 0) => Some(match cond {
            Cond::Ugt => Cond::Ne,
            Cond::Ule => Cond::Eq,
            _ => cond,
        }),
        (Cond::Slt, 1) => Some(Cond::Sle),
        (Cond::Sge, 1) => Some(Cond::Sgt),
        (Cond::Sle, -1) => Some(Cond::Slt),
        (Cond::Sgt, -1) => Some(Cond::Sge),
        (Cond::Ult, 1) => Some(Cond::Eq),
        (Cond::Uge, 1) => Some(Cond::Ne),
        _ => None,
    }
}

impl Conditions for Rv64 {
    type Condition = Test<Operand>;

    fn words(l: &mut L, cond: Cond, a: Value, b: RegImm<Value>) -> Test<Operand> {
        let (cond, b) = match b {
            RegImm::Imm(c) => match with_zero(cond, c) {
                Some(cond) => (cond, zero()),
                None => (cond, Operand::reg_use(l.word(c))),
            },
            RegImm::Reg(b) => (cond, Operand::reg_use(l.reg(b))),
        };
        let a = word(l, a).operand();
        match code(cond) {
            (cc, false) => Test::Words { cc, a, b },
            (cc, true) => Test::Words { cc, a: b, b: a },
        }
    }

    fn floats(l: &mut L, cond: FCond, a: Value, b: Value) -> Test<Operand> {
        let (a, b) = (l.reg(a), l.reg(b));
        let (row, a, b) = match cond {
            FCond::Eq | FCond::Ne => (Row::FeqD, a, b),
            FCond::Lt => (Row::FltD, a, b),
            FCond::Le => (Row::FleD, a, b),
            FCond::Gt => (Row::FltD, b, a),
            FCond::Ge => (Row::FleD, b, a),
        };
        let holds = l.int();
        put_regs(l, row, holds, &[a, b]);
        if cond == FCond::Ne { !is_set(holds) } else { is_set(holds) }
    }

    fn overflow(l: &mut L, op: Op, result: VReg, a: Value, b: RegImm<Value>) -> Test<Operand> {
        let a = l.reg(a);
        if op == Op::Mul {
            // The product fits when its high half is the sign of the low one.
            let b = l.either(b);
            let high = with_reg(l, Row::Mulh, a, b);
            put_regs(l, Row::Mul, result, &[a, b]);
            let sign = with_imm(l, Row::Srai, result, 63);
            return Test::Words { cc: Cc::Ne, a: Operand::reg_use(high), b: Operand::reg_use(sign) };
        }
        // The result is on the wrong side of the operand.
        let wrong = |low: VReg, high: VReg| Test::Words {
            cc: Cc::Lt,
            a: Operand::reg_use(low),
            b: Operand::reg_use(high),
        };
        if let RegImm::Imm(c) = b {
            let (rises, sum) =
                ((c >= 0) == (op == Op::Add), if op == Op::Add { Some(c) } else { c.checked_neg() });
            match sum {
                Some(sum) => add_imm(l, result, a, sum),
                None => {
                    let b = l.word(c);
                    put_regs(l, Row::Sub, result, &[a, b]);
                }
            }
            return if rises { wrong(result, a) } else { wrong(a, result) };
        }
        let b = l.either(b);
        let sub = op == Op::Sub;
        put_regs(l, if sub { Row::Sub } else { Row::Add }, result, &[a, b]);
        let less = if sub { with_reg(l, Row::Slt, a, result) } else { with_reg(l, Row::Slt, result, a) };
        let negative = with_imm(l, Row::Slti, b, 0);
        Test::Words { cc: Cc::Ne, a: Operand::reg_use(less), b: Operand::reg_use(negative) }
    }

    fn bits(l: &mut L, v: Value, mask: i64) -> Test<Operand> {
        let v = l.reg(v);
        let high = mask.leading_zeros() as i64;
        if fits12(mask) {
            is_set(with_imm(l, Row::Andi, v, mask))
        } else if mask.count_ones() == 1 {
            // The bit as the sign.
            let sign = if high == 0 { v } else { with_imm(l, Row::Slli, v, high) };
            Test::Words { cc: Cc::Lt, a: Operand::reg_use(sign), b: zero() }
        } else if mask > 0 && mask & mask.wrapping_add(1) == 0 {
            is_set(with_imm(l, Row::Slli, v, high))
        } else {
            let mask = l.word(mask);
            is_set(with_reg(l, Row::And, v, mask))
        }
    }
}

/// The test as a condition between two registers.
fn settle(l: &mut L, test: Test<Operand>) -> (Cc, Operand, Operand) {
    match test {
        Test::Words { cc, a, b } => (cc, a, b),
        Test::Exact { x, cond, not, a, b } => {
            let raw = l.int();
            l.composite(Composite::Compare { x, cond, result: Operand::reg_def(raw), a, b });
            // See `composite::raw`.
            let holds = if matches!(code(cond).0, Cc::Eq | Cc::Ge) { Cc::Eq } else { Cc::Ne };
            (if not { holds.invert() } else { holds }, Operand::reg_use(raw), zero())
        }
    }
}

/// Selects a comparison whose result is wanted as 0 or 1.
pub fn set(l: &mut L, inst: Inst) {
    let d = l.data(inst);
    let dst = l.result(inst);
    if d.op == Op::Icmp && tested_zero(l, inst).is_none() {
        let args = l.operands(inst);
        let cond = Cond::from_imm(d.imm);
        let (a, b, cond) = match l.iconst(args[0]) {
            Some(_) => (args[1], args[0], cond.swap()),
            None => (args[0], args[1], cond),
        };
        if let Some(c) = l.iconst(b)
            && set_immediate(l, dst, cond, a, c)
        {
            return;
        }
    }
    let test = compare(l, inst);
    set_test(l, dst, test);
}

/// Emits 0 or 1 for a comparison with a constant that an instruction can have.
fn set_immediate(l: &mut L, dst: VReg, cond: Cond, a: Value, c: i64) -> bool {
    // Comparisons with 0 are better as tests of registers, but for "less".
    if with_zero(cond, c).is_some() && cond != Cond::Slt {
        return false;
    }
    let (row, bound, not) = match cond {
        Cond::Eq | Cond::Ne => {
            if !fits12(c.wrapping_neg()) {
                return false;
            }
            let a = l.reg(a);
            let difference = l.int();
            add_imm(l, difference, a, c.wrapping_neg());
            let test = is_set(difference);
            set_test(l, dst, if cond == Cond::Eq { !test } else { test });
            return true;
        }
        Cond::Slt => (Row::Slti, Some(c), false),
        Cond::Sge => (Row::Slti, Some(c), true),
        Cond::Sle => (Row::Slti, c.checked_add(1), false),
        Cond::Sgt => (Row::Slti, c.checked_add(1), true),
        Cond::Ult => (Row::Sltiu, Some(c), false),
        Cond::Uge => (Row::Sltiu, Some(c), true),
        Cond::Ule => (Row::Sltiu, Some(c.wrapping_add(1)).filter(|&c| c != 0), false),
        Cond::Ugt => (Row::Sltiu, Some(c.wrapping_add(1)).filter(|&c| c != 0), true),
    };
    let Some(bound) = bound.filter(|&c| fits12(c)) else { return false };
    let a = l.reg(a);
    let less = if not { l.int() } else { dst };
    put(l, row, &[Arg::W(less), Arg::R(a), Arg::I(bound)]);
    if not {
        put(l, Row::Xori, &[Arg::W(dst), Arg::R(less), Arg::I(1)]);
    }
    true
}

/// Emits 0 or 1 for a test.
fn set_test(l: &mut L, dst: VReg, test: Test<Operand>) {
    let (cc, a, b) = settle(l, test);
    let (a, b) = (Arg::from(a), Arg::from(b));
    match cc {
        Cc::Lt => put(l, Row::Slt, &[Arg::W(dst), a, b]),
        Cc::Ltu => put(l, Row::Sltu, &[Arg::W(dst), a, b]),
        Cc::Ge | Cc::Geu => {
            let less = l.int();
            put(l, if cc == Cc::Ge { Row::Slt } else { Row::Sltu }, &[Arg::W(less), a, b]);
            put(l, Row::Xori, &[Arg::W(dst), Arg::R(less), Arg::I(1)]);
        }
        Cc::Eq | Cc::Ne => {
            let difference = if matches!(b, Arg::P(_)) {
                a
            } else {
                let difference = l.int();
                put(l, Row::Xor, &[Arg::W(difference), a, b]);
                Arg::R(difference)
            };
            match cc {
                Cc::Eq => put(l, Row::Sltiu, &[Arg::W(dst), difference, Arg::I(1)]),
                _ => put(l, Row::Sltu, &[Arg::W(dst), Arg::P(ZERO), difference]),
            }
        }
    }
}

/// Selects `select` and `fselect`: a branch over a move.
pub fn select(l: &mut L, inst: Inst) {
    let args = l.operands(inst);
    let dst = l.result(inst);
    let (mut so, mut not) = (args[1], args[2]);
    match (l.iconst(so), l.iconst(not)) {
        (Some(1), Some(0)) => {
            let test = not_zero(l, args[0]);
            return set_test(l, dst, test);
        }
        (Some(0), Some(1)) => {
            let test = !not_zero(l, args[0]);
            return set_test(l, dst, test);
        }
        _ => {}
    }
    if minimum(l, dst, args) {
        return;
    }
    // What is in the result's register from the start is overwritten when the test fails. A
    // constant is better made then, and a value that is needed later would have to be copied.
    let small = |l: &L, v| l.iconst(v).filter(|&c| fits12(c));
    let exchange =
        small(l, so).is_some() && small(l, not).is_none() || l.live_after(so) && !l.live_after(not);
    if exchange {
        (so, not) = (not, so);
    }
    let imm = small(l, not);
    let so = l.reg(so);
    let other = imm.map_or_else(|| RegImm::Reg(Operand::reg_use(l.reg(not))), RegImm::Imm);
    let test = not_zero(l, args[0]);
    let (cc, a, b) = settle(l, if exchange { !test } else { test });
    l.composite(Composite::Select { cc, result: Tied::new(dst, so), a, b, other });
}

/// A select that is the smaller or larger of what it compares.
fn minimum(l: &mut L, dst: VReg, args: &[Value]) -> bool {
    if !l.context.options.features.zbb {
        return false;
    }
    let Some((inst, d)) = l.local_def(args[0]).filter(|(_, d)| d.op == Op::Icmp) else { return false };
    let [x, y] = [l.operands(inst)[0], l.operands(inst)[1]].map(|v| l.resolve(v));
    let (so, not) = (l.resolve(args[1]), l.resolve(args[2]));
    let cond = match (so == x && not == y, so == y && not == x) {
        (true, _) => Cond::from_imm(d.imm),
        (_, true) => Cond::from_imm(d.imm).swap(),
        _ => return false,
    };
    let row = match cond {
        Cond::Slt | Cond::Sle => Row::Min,
        Cond::Sgt | Cond::Sge => Row::Max,
        Cond::Ult | Cond::Ule => Row::Minu,
        Cond::Ugt | Cond::Uge => Row::Maxu,
        Cond::Eq | Cond::Ne => return false,
    };
    let (x, y) = (l.reg(x), l.reg(y));
    put_regs(l, row, dst, &[x, y]);
    true
}
