//! Selection: comparisons, branches, selects.

use crate::a64::composite::{Test, is_imm12};
use crate::a64::insts::{Cc, Row};
use crate::a64::select::{Arg, L, put, word};
use crate::a64::select_arith::{Last, folds, last, shifted};
use crate::a64::{Inst, imm};
use crate::mach::compare::tested_zero;
use crate::mach::{Flow, call, exact, switch};
use mochi_ir::{Cond, FCond, InstData, Op, Value};
use regalloc2::Operand;

/// The condition code of an integer condition.
pub fn code(cond: Cond) -> Cc {
    match cond {
        Cond::Eq => Cc::Eq,
        Cond::Ne => Cc::Ne,
        Cond::Slt => Cc::Lt,
        Cond::Sle => Cc::Le,
        Cond::Sgt => Cc::Gt,
        Cond::Sge => Cc::Ge,
        Cond::Ult => Cc::Lo,
        Cond::Ule => Cc::Ls,
        Cond::Ugt => Cc::Hi,
        Cond::Uge => Cc::Hs,
    }
}

/// The condition code of a float comparison: false when unordered, except for `ne`.
fn float_code(cond: FCond) -> Cc {
    match cond {
        FCond::Eq => Cc::Eq,
        FCond::Ne => Cc::Ne,
        FCond::Lt => Cc::Mi,
        FCond::Le => Cc::Ls,
        FCond::Gt => Cc::Gt,
        FCond::Ge => Cc::Ge,
    }
}

/// Emits flags that tell whether a word is not 0.
pub fn flags(l: &mut L, v: Value) -> Cc {
    if let Some((inst, d)) = l.local_def(v) {
        match d.op {
            Op::Icmp | Op::Fcmp => return compare(l, inst),
            Op::IntCmp if l.used_once(v) => return compare(l, inst),
            Op::IntMod => {
                if let Some(cc) = exact::remainder_test(l, v) {
                    return cc;
                }
            }
            Op::And | Op::Or if l.used_once(v) => {
                if let Some(cc) = both_conditions(l, inst) {
                    return cc;
                }
                if d.op == Op::And {
                    let args = l.operands(inst);
                    test_bits(l, args[0], args[1]);
                    return Cc::Ne;
                }
            }
            _ => {}
        }
    }
    let r = l.reg(v);
    put(l, Row::CmpI, &[Arg::R(r), Arg::I(0)]);
    Cc::Ne
}

/// Emits the comparison of an `icmp`, `fcmp` or `int.cmp`.
pub fn compare(l: &mut L, inst: mochi_ir::Inst) -> Cc {
    let d = l.data(inst);
    let args = l.operands(inst);
    match d.op {
        Op::Icmp => {
            let cond = Cond::from_imm(d.imm);
            match tested_zero(l, inst) {
                Some((v, not)) => {
                    let cc = flags(l, v);
                    if not { cc } else { cc.invert() }
                }
                None => cmp(l, cond, args[0], args[1]),
            }
        }
        Op::Fcmp => float_compare(l, FCond::from_imm(d.imm), args[0], args[1]),
        _ => exact::compare(l, inst),
    }
}

/// The conjunction or disjunction of two word comparisons, as a conditional comparison: the
/// second takes place when the first has not decided, else flags are set to say so.
fn both_conditions(l: &mut L, inst: mochi_ir::Inst) -> Option<Cc> {
    let and = l.data(inst).op == Op::And;
    let args = l.operands(inst);
    let simple = |l: &L, v: Value| {
        let (inst, d) = l.local_def(v)?;
        (d.op == Op::Icmp && l.used_once(v) && !l.live_after(v)).then_some(inst)
    };
    let second = simple(l, args[1])?;
    let first = match l.local_def(args[0])? {
        (first, d) if matches!(d.op, Op::Icmp | Op::Fcmp) && l.used_once(args[0]) => first,
        _ => return None,
    };
    let (mut x, mut y) = (l.operands(second)[0], l.operands(second)[1]);
    let mut cond = Cond::from_imm(l.data(second).imm);
    if l.iconst(x).is_some() {
        (x, y, cond) = (y, x, cond.swap());
    }
    // Everything the second comparison needs comes first: it must not change flags.
    let x = l.reg(x);
    let constant = l.iconst(y);
    let y = match constant {
        Some(-31..=31) => None,
        _ => Some(l.reg(y)),
    };
    let cc = compare(l, first);
    let when = if and { cc } else { cc.invert() };
    let result = code(cond);
    let decided = if and { result.invert() } else { result };
    let rest = [Arg::I(decided.flags()), Arg::I(when as i64)];
    match (y, constant) {
        (Some(y), _) => put(l, Row::Ccmp, &[Arg::R(x), Arg::R(y), rest[0], rest[1]]),
        (None, Some(c)) if c < 0 => put(l, Row::CcmnI, &[Arg::R(x), Arg::I(-c), rest[0], rest[1]]),
        (None, c) => put(l, Row::CcmpI, &[Arg::R(x), Arg::I(c.unwrap_or(0)), rest[0], rest[1]]),
    }
    Some(result)
}

/// Emits flags of `x & y` compared with 0.
fn test_bits(l: &mut L, x: Value, y: Value) {
    let (x, y) = if l.iconst(x).is_some() { (y, x) } else { (x, y) };
    match l.iconst(y) {
        Some(m) if imm::logical(m as u64).is_some() => {
            let x = l.reg(x);
            put(l, Row::TstI, &[Arg::R(x), Arg::I(m)]);
        }
        _ => {
            let (y, packed) = shifted(l, y);
            let x = l.reg(x);
            put(l, Row::Tst, &[Arg::R(x), Arg::R(y), Arg::I(packed)]);
        }
    }
}

/// Emits a comparison of words.
pub fn cmp(l: &mut L, cond: Cond, a: Value, b: Value) -> Cc {
    if l.iconst(b).is_none() && (l.iconst(a).is_some() || folds(l, a) && !folds(l, b)) {
        return cmp(l, cond.swap(), b, a);
    }
    if let Some(c) = l.iconst(b) {
        // The negated constant gives the same flags, except carry for 0 and overflow for the
        // minimum, which are not of this form.
        let (row, c) = if c < 0 { (Row::CmnI, c.wrapping_neg()) } else { (Row::CmpI, c) };
        if is_imm12(c) {
            let a = Arg::R(l.reg(a));
            put(l, row, &[a, Arg::I(c)]);
            return code(cond);
        }
    }
    match last(l, b) {
        Last::Extended(b, packed) => {
            let a = Arg::R(l.reg(a));
            put(l, Row::CmpW, &[a, Arg::R(b), Arg::I(packed)]);
        }
        Last::Shifted(b, packed) => {
            let a = word(l, a);
            put(l, Row::Cmp, &[a, Arg::R(b), Arg::I(packed)]);
        }
    }
    code(cond)
}

fn float_compare(l: &mut L, cond: FCond, a: Value, b: Value) -> Cc {
    let zero = |v| l.def_of(v).is_some_and(|(_, d)| d.op == Op::Fconst && d.imm << 1 == 0);
    if zero(b) {
        let a = l.reg(a);
        put(l, Row::FcmpZero, &[Arg::R(a)]);
    } else {
        let (a, b) = (l.reg(a), l.reg(b));
        put(l, Row::Fcmp, &[Arg::R(a), Arg::R(b)]);
    }
    float_code(cond)
}

/// Selects a comparison whose result is wanted as 0 or 1.
pub fn set(l: &mut L, inst: mochi_ir::Inst) {
    let dst = l.result(inst);
    let cc = compare(l, inst);
    put(l, Row::Cset, &[Arg::W(dst), Arg::I(cc as i64)]);
}

/// Selects `select` and `fselect`.
pub fn select(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let dst = l.result(inst);
    if l.data(inst).op == Op::Fselect {
        let (so, not) = (l.reg(args[1]), l.reg(args[2]));
        let cc = flags(l, args[0]);
        return put(l, Row::Fcsel, &[Arg::W(dst), Arg::R(so), Arg::R(not), Arg::I(cc as i64)]);
    }
    let (so, not) = (l.iconst(args[1]), l.iconst(args[2]));
    let set = match (so, not) {
        (Some(1), Some(0)) => Some((Row::Cset, false)),
        (Some(0), Some(1)) => Some((Row::Cset, true)),
        (Some(-1), Some(0)) => Some((Row::Csetm, false)),
        (Some(0), Some(-1)) => Some((Row::Csetm, true)),
        _ => None,
    };
    if let Some((row, inverted)) = set {
        let cc = flags(l, args[0]);
        let cc = if inverted { cc.invert() } else { cc };
        return put(l, row, &[Arg::W(dst), Arg::I(cc as i64)]);
    }
    // One more than, the complement or the negative of the other operand comes for free.
    let variant = |l: &L, v: Value| {
        let (def, d) = l.pure_def(v, false).filter(|_| !l.live_after(v))?;
        let of = l.operands(def);
        match d.op {
            Op::Add if l.iconst(of[1]) == Some(1) => Some((Row::Csinc, of[0])),
            Op::Not => Some((Row::Csinv, of[0])),
            Op::Neg => Some((Row::Csneg, of[0])),
            _ => None,
        }
    };
    let (row, so, not, inverted) = match (variant(l, args[2]), variant(l, args[1])) {
        (Some((row, v)), _) => (row, args[1], v, false),
        (None, Some((row, v))) => (row, args[2], v, true),
        _ => (Row::Csel, args[1], args[2], false),
    };
    let (so, not) = (word(l, so), word(l, not));
    let cc = flags(l, args[0]);
    let cc = if inverted { cc.invert() } else { cc };
    put(l, row, &[Arg::W(dst), so, not, Arg::I(cc as i64)]);
}

/// A test for a branch on a word being not 0: of a register, or flags, which are emitted.
fn branch_test(l: &mut L, v: Value) -> (Test, Option<regalloc2::VReg>) {
    let Some((inst, d)) = l.local_def(v) else {
        return (Test::Zero(true), Some(l.reg(v)));
    };
    let args = l.operands(inst);
    match d.op {
        Op::Icmp => {
            if let Some((inner, not)) = tested_zero(l, inst) {
                let (test, r) = branch_test(l, inner);
                return (if not { test } else { test.invert() }, r);
            }
            let test = match (Cond::from_imm(d.imm), l.iconst(args[1])) {
                (Cond::Eq | Cond::Ule, Some(0)) | (Cond::Ult, Some(1)) => Some(Test::Zero(false)),
                (Cond::Ne | Cond::Ugt, Some(0)) | (Cond::Uge, Some(1)) => Some(Test::Zero(true)),
                (Cond::Slt, Some(0)) | (Cond::Sle, Some(-1)) => Some(Test::Bit(63, true)),
                (Cond::Sge, Some(0)) | (Cond::Sgt, Some(-1)) => Some(Test::Bit(63, false)),
                _ => None,
            };
            if let Some(test) = test {
                return (test, Some(l.reg(args[0])));
            }
            (Test::Is(compare(l, inst)), None)
        }
        Op::And if l.used_once(v) => {
            let (x, y) = if l.iconst(args[0]).is_some() { (args[1], args[0]) } else { (args[0], args[1]) };
            match l.iconst(y) {
                Some(m) if m.count_ones() == 1 => (Test::Bit(m.trailing_zeros() as u8, true), Some(l.reg(x))),
                _ => (Test::Is(flags(l, v)), None),
            }
        }
        Op::Or if l.used_once(v) => match both_conditions(l, inst) {
            Some(cc) => (Test::Is(cc), None),
            None => (Test::Zero(true), Some(l.reg(v))),
        },
        Op::IntMod => match exact::remainder_test(l, v) {
            Some(cc) => (Test::Is(cc), None),
            None => (Test::Zero(true), Some(l.reg(v))),
        },
        Op::Fcmp => (Test::Is(compare(l, inst)), None),
        Op::IntCmp if l.used_once(v) => (Test::Is(compare(l, inst)), None),
        _ => (Test::Zero(true), Some(l.reg(v))),
    }
}

/// Selects a terminator that is no plain jump.
pub fn terminator(l: &mut L, inst: mochi_ir::Inst) {
    let d: &InstData = l.data(inst);
    match d.op {
        Op::Brif => {
            let (test, r) = branch_test(l, l.operands(inst)[0]);
            let ops: Vec<Operand> = r.into_iter().map(Operand::reg_use).collect();
            l.push(Inst::If(test), Flow::Branch, &ops);
        }
        Op::Switch => {
            let plan = switch::plan(l.func, inst);
            let v = l.reg(l.operands(inst)[0]);
            l.push(Inst::Switch(Box::new(plan)), Flow::Branch, &[Operand::reg_use(v)]);
        }
        Op::Ret => call::ret(l, inst),
        Op::Unreachable => l.push(Inst::Row { row: Row::Brk, imm: [1, 0, 0] }, Flow::Exit, &[]),
        other => unreachable!("{other:?} is no terminator with a choice"),
    }
}
