//! Selection: comparisons, branches, selects.

use crate::mach::compare::{Conditions, compare, not_zero};
use crate::mach::operands::{Part, RegImm, Tied};
use crate::x64::X64;
use crate::x64::composite::{Composite, Test};
use crate::x64::insts::{Cc, Row};
use crate::x64::select::{Arg, L, Src, owned, put, put_imm};
use crate::x64::select_mem::{load_byte_source, load_source};
use mochi_ir::{Cond, FCond, Inst, Op, Value};
use regalloc2::{Operand, VReg};
use std::ops::Not;

/// The condition code of an integer condition.
pub fn code(cond: Cond) -> Cc {
    match cond {
        Cond::Eq => Cc::E,
        Cond::Ne => Cc::Ne,
        Cond::Slt => Cc::L,
        Cond::Sle => Cc::Le,
        Cond::Sgt => Cc::G,
        Cond::Sge => Cc::Ge,
        Cond::Ult => Cc::B,
        Cond::Ule => Cc::Be,
        Cond::Ugt => Cc::A,
        Cond::Uge => Cc::Ae,
    }
}

impl Not for Test {
    type Output = Test;

    fn not(self) -> Test {
        match self {
            Test::Is(cc) => Test::Is(cc.invert()),
            Test::FloatEq => Test::FloatNe,
            Test::FloatNe => Test::FloatEq,
        }
    }
}

/// It has no operands.
impl Part<Operand> for Test {
    type Of<S> = Test;

    fn each<S>(self, _: &mut impl FnMut(Operand) -> S) -> Test {
        self
    }
}

impl Conditions for X64 {
    type Condition = Test;

    fn words(l: &mut L, cond: Cond, a: Value, b: RegImm<Value>) -> Test {
        cmp(l, cond, a, b);
        Test::Is(code(cond))
    }

    /// `ucomisd` sets carry, zero and parity for unordered operands, so only "above" conditions are
    /// false then; "less" exchanges the operands.
    fn floats(l: &mut L, cond: FCond, a: Value, b: Value) -> Test {
        let (a, b) = if matches!(cond, FCond::Lt | FCond::Le) { (b, a) } else { (a, b) };
        let rhs = float_source(l, b);
        let a = l.reg(a);
        put(l, Row::Ucomisd, &[Arg::R(a), rhs.into()]);
        match cond {
            FCond::Eq => Test::FloatEq,
            FCond::Ne => Test::FloatNe,
            FCond::Lt | FCond::Gt => Test::Is(Cc::A),
            FCond::Le | FCond::Ge => Test::Is(Cc::Ae),
        }
    }

    fn bits(l: &mut L, v: Value, mask: i64) -> Test {
        test_mask(l, v, mask);
        Test::Is(Cc::Ne)
    }

    fn overflow(l: &mut L, op: Op, result: VReg, a: Value, b: RegImm<Value>) -> Test {
        let b = match b {
            RegImm::Imm(c) if c as i32 as i64 == c => RegImm::Imm(c),
            b => RegImm::Reg(l.either(b)),
        };
        let (row, with_imm) = match op {
            Op::Add => (Row::Add, Row::AddI),
            Op::Sub => (Row::Sub, Row::SubI),
            _ => (Row::Imul, Row::ImulI),
        };
        match b {
            RegImm::Imm(c) if op == Op::Mul => {
                let a = l.reg(a);
                put_imm(l, with_imm, &[Arg::W(result), Arg::R(a)], c);
            }
            RegImm::Imm(c) => {
                let a = owned(l, a);
                put_imm(l, with_imm, &[Arg::Rw(result, a)], c);
            }
            RegImm::Reg(b) => {
                let a = owned(l, a);
                put(l, row, &[Arg::Rw(result, a), Arg::R(b)]);
            }
        }
        Test::Is(Cc::O)
    }

    fn logic(l: &mut L, inst: Inst) -> Option<Test> {
        if l.data(inst).op == Op::Or {
            return None;
        }
        let args = l.operands(inst);
        let (x, y) = (l.reg(args[0]), l.reg(args[1]));
        put(l, Row::Test, &[Arg::R(x), Arg::R(y)]);
        Some(Test::Is(Cc::Ne))
    }
}

/// Emits flags of `x & mask` compared with 0.
fn test_mask(l: &mut L, x: Value, mask: i64) {
    if let (0..=255, Some(a)) = (mask, load_byte_source(l, x)) {
        return put(l, Row::TestMemBI, &[Arg::M(a), Arg::I(mask as i8 as i64)]);
    }
    let x = l.reg(x);
    let (row, imm) = match mask {
        0..=255 => (Row::TestBI, mask as i8 as i64),
        _ if mask as u32 as i64 == mask => (Row::TestLI, mask),
        _ if mask as i32 as i64 == mask => (Row::TestI, mask),
        _ => {
            let mask = l.word(mask);
            return put(l, Row::Test, &[Arg::R(x), Arg::R(mask)]);
        }
    };
    put(l, row, &[Arg::R(x), Arg::I(imm)]);
}

/// Emits a comparison of words.
fn cmp(l: &mut L, cond: Cond, a: Value, b: RegImm<Value>) {
    if let Some(c) = b.imm().filter(|&c| c as i32 as i64 == c) {
        if let Some(m) = load_source(l, a, Op::Load64) {
            put_imm(l, Row::CmpMemI, &[Arg::M(m)], c);
        } else if let (Some(m), Cond::Eq | Cond::Ne, 0..=255) = (load_byte_source(l, a), cond, c) {
            put(l, Row::CmpMemBI8, &[Arg::M(m), Arg::I(c as i8 as i64)]);
        } else {
            let a = l.reg(a);
            if c == 0 {
                put(l, Row::Test, &[Arg::R(a), Arg::R(a)]);
            } else {
                put_imm(l, Row::CmpI, &[Arg::R(a)], c);
            }
        }
        return;
    }
    if let RegImm::Reg(b) = b
        && let Some(m) = load_source(l, b, Op::Load64)
    {
        let a = l.reg(a);
        put(l, Row::Cmp, &[Arg::R(a), Arg::M(m)]);
    } else if let Some(m) = load_source(l, a, Op::Load64) {
        let b = l.either(b);
        put(l, Row::CmpMem, &[Arg::M(m), Arg::R(b)]);
    } else {
        let (a, b) = (l.reg(a), l.either(b));
        put(l, Row::Cmp, &[Arg::R(a), Arg::R(b)]);
    }
}

/// A float operand: register, load or constant in memory.
pub fn float_source(l: &mut L, v: Value) -> Src {
    if let Some((_, d)) = l.def_of(v)
        && d.op == Op::Fconst
        && d.imm != 0
    {
        let bits = crate::x64::Base::Bits(d.imm as u64);
        return Src::Mem(crate::x64::select::Amode::fixed(bits, 0));
    }
    match load_source(l, v, Op::LoadF64) {
        Some(a) => Src::Mem(a),
        None => Src::Reg(l.reg(v)),
    }
}

/// Selects a comparison whose result is wanted as 0 or 1.
pub fn set(l: &mut L, inst: Inst) {
    let dst = l.result(inst);
    let byte = l.int();
    match compare(l, inst) {
        Test::Is(cc) => put(l, cc.set_row(), &[Arg::W(byte)]),
        test => {
            let (x, y) = (l.int(), l.int());
            let (first, second, both) = match test {
                Test::FloatEq => (Cc::E, Cc::Np, Row::And),
                _ => (Cc::Ne, Cc::P, Row::Or),
            };
            put(l, first.set_row(), &[Arg::W(x)]);
            put(l, second.set_row(), &[Arg::W(y)]);
            put(l, both, &[Arg::Rw(byte, x), Arg::R(y)]);
        }
    }
    put(l, Row::MovzxB, &[Arg::W(dst), Arg::R(byte)]);
}

/// Selects `select` and `fselect`.
pub fn select(l: &mut L, inst: Inst) {
    let args = l.operands(inst);
    let dst = l.result(inst);
    let so = l.reg(args[1]);
    let not = owned(l, args[2]);
    let test = not_zero(l, args[0]);
    if l.data(inst).op == Op::Fselect {
        let (result, so) = (Tied::new(dst, not), Operand::reg_use(so));
        return l.composite(Composite::FloatSelect { test, result, so });
    }
    match test {
        Test::Is(cc) => put(l, cc.cmov_row(), &[Arg::Rw(dst, not), Arg::R(so)]),
        _ => {
            // Taken from the one side when unordered or unequal, in two steps.
            let (keep, other) = if test == Test::FloatEq { (so, not) } else { (not, so) };
            let half = l.int();
            put(l, Row::CmovNe, &[Arg::Rw(half, keep), Arg::R(other)]);
            put(l, Row::CmovP, &[Arg::Rw(dst, half), Arg::R(other)]);
        }
    }
}
