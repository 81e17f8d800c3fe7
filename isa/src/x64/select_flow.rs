//! Selection: comparisons, branches, selects.

use crate::mach::{Flow, Operands, call, exact, switch};
use crate::x64::Inst;
use crate::x64::composite::{Composite, Test};
use crate::x64::insts::{Cc, Row};
use crate::x64::select::{Arg, L, Src, owned, put, put_composite, put_imm};
use crate::x64::select_mem::{load_byte_source, load_source};
use mochi_ir::{Cond, FCond, InstData, Op, Value};
use regalloc2::Operand;

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

/// The opposite test.
pub fn invert(test: Test) -> Test {
    match test {
        Test::Is(cc) => Test::Is(cc.invert()),
        Test::FloatEq => Test::FloatNe,
        Test::FloatNe => Test::FloatEq,
    }
}

/// Emits flags that tell whether a word is not 0.
pub fn flags(l: &mut L, v: Value) -> Test {
    if let Some((inst, d)) = l.local_def(v) {
        match d.op {
            Op::Icmp | Op::Fcmp => return compare(l, inst),
            Op::IntCmp if l.used_once(v) => return compare(l, inst),
            Op::And if l.used_once(v) => {
                let args = l.operands(inst);
                test_bits(l, args[0], args[1]);
                return Test::Is(Cc::Ne);
            }
            _ => {}
        }
    }
    test_zero(l, v);
    Test::Is(Cc::Ne)
}

/// Emits the comparison of an `icmp`, `fcmp` or `int.cmp`.
pub fn compare(l: &mut L, inst: mochi_ir::Inst) -> Test {
    let d = l.data(inst);
    let args = l.operands(inst);
    match d.op {
        Op::Icmp => {
            let cond = Cond::from_imm(d.imm);
            if let Some(0) = l.iconst(args[1])
                && matches!(cond, Cond::Eq | Cond::Ne)
                && let Some(test) = compare_zero(l, args[0])
            {
                return if cond == Cond::Ne { test } else { invert(test) };
            }
            Test::Is(cmp(l, cond, args[0], args[1]))
        }
        Op::Fcmp => float_compare(l, FCond::from_imm(d.imm), args[0], args[1]),
        _ => exact::compare(l, inst),
    }
}

/// Flags for "is not 0" of a comparison or bit test that is only compared with 0.
fn compare_zero(l: &mut L, v: Value) -> Option<Test> {
    let (inst, d) = l.local_def(v)?;
    match d.op {
        Op::Icmp | Op::Fcmp => Some(compare(l, inst)),
        Op::IntCmp | Op::And if l.used_once(v) => Some(flags(l, v)),
        Op::IntMod => exact::remainder_test(l, v),
        _ => None,
    }
}

fn test_zero(l: &mut L, v: Value) {
    if let Some(a) = load_source(l, v, Op::Load64) {
        return put_imm(l, Row::CmpMemI, &[Arg::M(a)], 0);
    }
    if let Some(a) = load_byte_source(l, v) {
        return put(l, Row::CmpMemBI8, &[Arg::M(a), Arg::I(0)]);
    }
    let r = l.reg(v);
    put(l, Row::Test, &[Arg::R(r), Arg::R(r)]);
}

/// Emits flags of `x & y` compared with 0.
fn test_bits(l: &mut L, x: Value, y: Value) {
    let (x, y) = if l.iconst(x).is_some() { (y, x) } else { (x, y) };
    if let Some(mask) = l.iconst(y) {
        return test_mask(l, x, mask);
    }
    let (x, y) = (l.reg(x), l.reg(y));
    put(l, Row::Test, &[Arg::R(x), Arg::R(y)]);
}

/// Emits flags of `x & mask` compared with 0.
pub fn test_mask(l: &mut L, x: Value, mask: i64) {
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
pub fn cmp(l: &mut L, cond: Cond, a: Value, b: Value) -> Cc {
    if l.iconst(a).is_some() && l.iconst(b).is_none() {
        return cmp(l, cond.swap(), b, a);
    }
    let small = l.iconst(b).filter(|&c| c as i32 as i64 == c);
    if let Some(c) = small {
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
        return code(cond);
    }
    if let Some(m) = load_source(l, b, Op::Load64) {
        let a = l.reg(a);
        put(l, Row::Cmp, &[Arg::R(a), Arg::M(m)]);
    } else if let Some(m) = load_source(l, a, Op::Load64) {
        let b = l.reg(b);
        put(l, Row::CmpMem, &[Arg::M(m), Arg::R(b)]);
    } else {
        let (a, b) = (l.reg(a), l.reg(b));
        put(l, Row::Cmp, &[Arg::R(a), Arg::R(b)]);
    }
    code(cond)
}

/// `ucomisd` sets carry, zero and parity for unordered operands, so only "above" conditions are
/// false then; "less" exchanges the operands.
fn float_compare(l: &mut L, cond: FCond, a: Value, b: Value) -> Test {
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
pub fn set(l: &mut L, inst: mochi_ir::Inst) {
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
pub fn select(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let dst = l.result(inst);
    let so = l.reg(args[1]);
    let not = owned(l, args[2]);
    let test = flags(l, args[0]);
    if l.data(inst).op == Op::Fselect {
        let mut ops = Operands::new();
        ops.tied(dst, not);
        ops.add(Operand::reg_use(so));
        return put_composite(l, Composite::FloatSelect(test), &ops);
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

/// Selects a terminator that is no plain jump.
pub fn terminator(l: &mut L, inst: mochi_ir::Inst) {
    let d: &InstData = l.data(inst);
    match d.op {
        Op::Brif => {
            let test = flags(l, l.operands(inst)[0]);
            l.push(Inst::If(test), Flow::Branch, &[]);
        }
        Op::Switch => {
            let plan = switch::plan(l.func, inst);
            let v = l.reg(l.operands(inst)[0]);
            let (t1, t2) = (l.int(), l.int());
            let ops = [Operand::reg_use(v), Operand::reg_temp(t1), Operand::reg_temp(t2)];
            l.push(Inst::Switch(Box::new(plan)), Flow::Branch, &ops);
        }
        Op::Ret => call::ret(l, inst),
        Op::Unreachable => {
            let (row, mem) = (Row::Ud2, crate::x64::Mem::NONE);
            l.push(Inst::Row { row, mem, imm: 0 }, Flow::Exit, &[]);
        }
        other => unreachable!("{other:?} is no terminator with a choice"),
    }
}
