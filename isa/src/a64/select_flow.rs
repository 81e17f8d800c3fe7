//! Selection: comparisons, branches, selects.

use crate::a64::composite::{Test, is_imm12};
use crate::a64::insts::{Cc, Row};
use crate::a64::select::{Arg, L, NO_SHIFT, put, word};
use crate::a64::select_arith::{Last, folds, last, shifted};
use crate::a64::{A64, imm};
use crate::mach::compare::{Conditions, compare, not_zero};
use crate::mach::operands::RegImm;
use mochi_ir::{Cond, FCond, Inst, Op, Value};
use regalloc2::{Operand, VReg};

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

/// A branch tests words and bits of words itself; [`flags`] are for the rest.
impl Conditions for A64 {
    type Condition = Test<Operand>;

    fn words(l: &mut L, cond: Cond, a: Value, b: RegImm<Value>) -> Test<Operand> {
        let (not, bit) = match (cond, b) {
            (Cond::Eq | Cond::Ule, RegImm::Imm(0)) | (Cond::Ult, RegImm::Imm(1)) => (false, None),
            (Cond::Ne | Cond::Ugt, RegImm::Imm(0)) | (Cond::Uge, RegImm::Imm(1)) => (true, None),
            (Cond::Slt, RegImm::Imm(0)) | (Cond::Sle, RegImm::Imm(-1)) => (true, Some(63)),
            (Cond::Sge, RegImm::Imm(0)) | (Cond::Sgt, RegImm::Imm(-1)) => (false, Some(63)),
            _ => return Test::Is { cc: cmp(l, cond, a, b) },
        };
        let word = Operand::reg_use(l.reg(a));
        bit.map_or(Test::Zero { not, word }, |bit| Test::Bit { bit, one: not, word })
    }

    fn floats(l: &mut L, cond: FCond, a: Value, b: Value) -> Test<Operand> {
        let zero = |v| l.def_of(v).is_some_and(|(_, d)| d.op == Op::Fconst && d.imm << 1 == 0);
        if zero(b) {
            let a = l.reg(a);
            put(l, Row::FcmpZero, &[Arg::R(a)]);
        } else {
            let (a, b) = (l.reg(a), l.reg(b));
            put(l, Row::Fcmp, &[Arg::R(a), Arg::R(b)]);
        }
        Test::Is { cc: float_code(cond) }
    }

    fn bits(l: &mut L, v: Value, mask: i64) -> Test<Operand> {
        if mask.count_ones() == 1 {
            let word = Operand::reg_use(l.reg(v));
            return Test::Bit { bit: mask.trailing_zeros() as u8, one: true, word };
        }
        if imm::logical(mask as u64).is_some() {
            let word = l.reg(v);
            put(l, Row::TstI, &[Arg::R(word), Arg::I(mask)]);
        } else {
            let (mask, word) = (l.word(mask), l.reg(v));
            put(l, Row::Tst, &[Arg::R(word), Arg::R(mask), NO_SHIFT]);
        }
        Test::Is { cc: Cc::Ne }
    }

    fn overflow(l: &mut L, op: Op, result: VReg, a: Value, b: RegImm<Value>) -> Test<Operand> {
        if op == Op::Mul {
            // The product fits when its high half is the sign of the low one.
            let (high, a, b) = (l.int(), l.reg(a), l.either(b));
            put(l, Row::Smulh, &[Arg::W(high), Arg::R(a), Arg::R(b)]);
            put(l, Row::Mul, &[Arg::W(result), Arg::R(a), Arg::R(b)]);
            put(l, Row::Cmp, &[Arg::R(high), Arg::R(result), Arg::I(2 * 64 + 63)]);
            return Test::Is { cc: Cc::Ne };
        }
        let a = l.reg(a);
        let sub = op == Op::Sub;
        match b {
            RegImm::Imm(c) if is_imm12(c) || is_imm12(c.wrapping_neg()) => {
                let row = if sub == is_imm12(c) { Row::SubsI } else { Row::AddsI };
                let c = if is_imm12(c) { c } else { c.wrapping_neg() };
                put(l, row, &[Arg::W(result), Arg::R(a), Arg::I(c)]);
            }
            b => {
                let b = l.either(b);
                let row = if sub { Row::Subs } else { Row::Adds };
                put(l, row, &[Arg::W(result), Arg::R(a), Arg::R(b), NO_SHIFT]);
            }
        }
        Test::Is { cc: Cc::Vs }
    }

    fn logic(l: &mut L, inst: Inst) -> Option<Test<Operand>> {
        if let Some(cc) = both_conditions(l, inst) {
            return Some(Test::Is { cc });
        }
        if l.data(inst).op == Op::Or {
            return None;
        }
        let args = l.operands(inst);
        let (y, packed) = shifted(l, args[1]);
        let x = l.reg(args[0]);
        put(l, Row::Tst, &[Arg::R(x), Arg::R(y), Arg::I(packed)]);
        Some(Test::Is { cc: Cc::Ne })
    }
}

/// The test as a condition of the flags.
fn flags(l: &mut L, test: Test<Operand>) -> Cc {
    let (row, word, imm, cc) = match test {
        Test::Is { cc } => return cc,
        Test::Zero { not, word } => (Row::CmpI, word, 0, if not { Cc::Ne } else { Cc::Eq }),
        Test::Bit { bit: 63, one, word } => (Row::CmpI, word, 0, if one { Cc::Lt } else { Cc::Ge }),
        Test::Bit { bit, one, word } => (Row::TstI, word, 1 << bit, if one { Cc::Ne } else { Cc::Eq }),
    };
    put(l, row, &[Arg::R(word.vreg()), Arg::I(imm)]);
    cc
}

/// The conjunction or disjunction of two word comparisons, as a conditional comparison: the
/// second takes place when the first has not decided, else flags are set to say so.
fn both_conditions(l: &mut L, inst: Inst) -> Option<Cc> {
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
    let test = compare(l, first);
    let cc = flags(l, test);
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

/// Emits a comparison of words.
fn cmp(l: &mut L, cond: Cond, a: Value, b: RegImm<Value>) -> Cc {
    let b = match b {
        RegImm::Reg(b) if folds(l, a) && !folds(l, b) => return cmp_last(l, cond.swap(), b, a),
        RegImm::Reg(b) => return cmp_last(l, cond, a, b),
        RegImm::Imm(c) => c,
    };
    // The negated constant gives the same flags, except carry for 0 and overflow for the
    // minimum, which are not of this form.
    let (row, c) = if b < 0 { (Row::CmnI, b.wrapping_neg()) } else { (Row::CmpI, b) };
    if is_imm12(c) {
        let a = l.reg(a);
        put(l, row, &[Arg::R(a), Arg::I(c)]);
    } else {
        let b = l.word(b);
        let a = word(l, a);
        put(l, Row::Cmp, &[a, Arg::R(b), Arg::I(0)]);
    }
    code(cond)
}

fn cmp_last(l: &mut L, cond: Cond, a: Value, b: Value) -> Cc {
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

/// Selects a comparison whose result is wanted as 0 or 1.
pub fn set(l: &mut L, inst: Inst) {
    let dst = l.result(inst);
    let test = compare(l, inst);
    let cc = flags(l, test);
    put(l, Row::Cset, &[Arg::W(dst), Arg::I(cc as i64)]);
}

/// Emits flags that tell whether a word is not 0.
fn decide(l: &mut L, v: Value) -> Cc {
    let test = not_zero(l, v);
    flags(l, test)
}

/// Selects `select` and `fselect`.
pub fn select(l: &mut L, inst: Inst) {
    let args = l.operands(inst);
    let dst = l.result(inst);
    if l.data(inst).op == Op::Fselect {
        let (so, not) = (l.reg(args[1]), l.reg(args[2]));
        let cc = decide(l, args[0]);
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
        let cc = decide(l, args[0]);
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
    let cc = decide(l, args[0]);
    let cc = if inverted { cc.invert() } else { cc };
    put(l, row, &[Arg::W(dst), so, not, Arg::I(cc as i64)]);
}
