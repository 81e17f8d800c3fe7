//! What ops make of ranges, and what comparisons say about their operands.

use super::domain::{Kind, Range, above, add_high, add_int_bound, add_low, below};
use crate::ops::{Cond, Op};

const INF: i64 = i64::MAX;
const NEG_INF: i64 = i64::MIN;

/// Hull of words with so many low zeros, where bounds may be marks; an end that overflowed is `None`.
pub(super) fn hull(lo: Option<i64>, hi: Option<i64>, zeros: u32) -> Range {
    match (lo, hi) {
        (Some(lo), Some(hi)) => Range::marked(lo, hi, zeros),
        // What wraps keeps its low bits.
        _ => Range::multiple(zeros),
    }
}

/// Hull of the four combinations of bounds.
fn corners(a: (i64, i64), b: (i64, i64), f: impl Fn(i128, i128) -> i128) -> (i128, i128) {
    let all = [(a.0, b.0), (a.0, b.1), (a.1, b.0), (a.1, b.1)].map(|(x, y)| f(x as i128, y as i128));
    (all.into_iter().min().expect("four"), all.into_iter().max().expect("four"))
}

fn narrow(x: i128) -> Option<i64> {
    i64::try_from(x).ok()
}

/// Result of an op on words. Operands that the op does not have are ignored.
pub(super) fn word_op(op: Op, ra: Range, rb: Range) -> Range {
    let (a, b) = (ra.words(), rb.words());
    let (za, zb) = (ra.low_zeros(), rb.low_zeros());
    let zeros = common_zeros(ra, rb);
    let nonneg = |r: (i64, i64)| r.0 >= 0;
    match op {
        Op::Add => hull(add_low(a.0, b.0), add_high(a.1, b.1), zeros),
        Op::Sub => {
            let minus = |x: i64| x.checked_neg();
            let lo = minus(b.1).and_then(|b| add_low(a.0, b));
            let hi = minus(b.0).and_then(|b| add_high(a.1, b));
            hull(lo, hi, zeros)
        }
        Op::Mul => {
            let (lo, hi) = corners(a, b, |x, y| x * y);
            match (narrow(lo), narrow(hi)) {
                (Some(lo), Some(hi)) => Range::word(lo, hi, za + zb),
                _ => Range::multiple(za + zb),
            }
        }
        Op::And => {
            let zeros = za.max(zb);
            match (nonneg(a), nonneg(b)) {
                (true, true) => Range::word(0, a.1.min(b.1), zeros),
                (true, false) => Range::word(0, a.1, zeros),
                (false, true) => Range::word(0, b.1, zeros),
                (false, false) => Range::multiple(zeros),
            }
        }
        Op::Or | Op::Xor if nonneg(a) && nonneg(b) => {
            let hi = ((a.1 | b.1) as u64).checked_add(1).and_then(|n| n.checked_next_power_of_two());
            let hi = hi.map_or(INF, |n| (n - 1) as i64);
            let lo = if op == Op::Or { a.0.max(b.0) } else { 0 };
            Range::word(lo, hi, zeros)
        }
        Op::Or | Op::Xor => Range::multiple(zeros),
        Op::Shl | Op::Sshr | Op::Ushr | Op::Rotr => match rb.single() {
            Some(k) => shift(op, ra, (k & 63) as u32),
            None => Range::TOP,
        },
        Op::Srem => {
            let m = (b.0 as i128).abs().max((b.1 as i128).abs()) - 1;
            let m = narrow(m).unwrap_or(INF).max(0);
            let lo = if nonneg(a) { 0 } else { a.0.max(-m) };
            let hi = if a.1 <= 0 { 0 } else { a.1.min(m) };
            Range::word(lo, hi, zeros)
        }
        Op::Urem if nonneg(b) => {
            let m = (b.1 - 1).max(0);
            Range::word(0, if nonneg(a) { a.1.min(m) } else { m }, zeros)
        }
        Op::Sdiv if b.0 >= 1 => {
            let (lo, hi) = corners(a, b, |x, y| x / y);
            Range::word(lo as i64, hi as i64, quotient_zeros(za, rb))
        }
        Op::Udiv if nonneg(a) && b.0 >= 1 => Range::word(a.0 / b.1, a.1 / b.0, quotient_zeros(za, rb)),
        Op::Umulh if nonneg(a) && nonneg(b) => Range::raw(0, ((a.1 as i128 * b.1 as i128) >> 64) as i64),
        Op::Neg => hull(a.1.checked_neg(), a.0.checked_neg(), za),
        Op::Not => Range::raw(!a.1, !a.0),
        Op::Carry => Range::raw(0, 1),
        Op::Clz | Op::Ctz | Op::Popcnt => Range::raw(0, 64),
        Op::Zext8 => extend(ra, 0, 0xff),
        Op::Zext16 => extend(ra, 0, 0xffff),
        Op::Zext32 => extend(ra, 0, 0xffff_ffff),
        Op::Sext8 => extend(ra, -0x80, 0x7f),
        Op::Sext16 => extend(ra, -0x8000, 0x7fff),
        Op::Sext32 => extend(ra, -0x8000_0000, 0x7fff_ffff),
        Op::Copy => ra,
        _ => Range::TOP,
    }
}

/// Low bits that are zero in sums and differences.
fn common_zeros(a: Range, b: Range) -> u32 {
    a.low_zeros().min(b.low_zeros())
}

/// Results of a sum, difference or product that fit, and whether all do; `question` asks whether it overflows.
pub(super) fn fitting(question: Op, ra: Range, rb: Range) -> (Range, bool) {
    let (a, b) = (ra.words(), rb.words());
    let ((lo, hi), zeros) = match question {
        Op::AddOver => (corners(a, b, |x, y| x + y), common_zeros(ra, rb)),
        Op::SubOver => (corners(a, b, |x, y| x - y), common_zeros(ra, rb)),
        _ => (corners(a, b, |x, y| x * y), ra.low_zeros() + rb.low_zeros()),
    };
    let fits = narrow(lo).is_some() && narrow(hi).is_some();
    let clamp = |x: i128| x.clamp(NEG_INF.into(), INF.into()) as i64;
    (Range::word(clamp(lo), clamp(hi), zeros), fits)
}

/// Low zero bits of a quotient of what has so many of them: powers of two shift.
fn quotient_zeros(zeros: u32, divisor: Range) -> u32 {
    divisor.single().and_then(power).map_or(0, |k| zeros.saturating_sub(k))
}

/// The power of two that a positive word is.
pub(super) fn power(word: i64) -> Option<u32> {
    (word > 0 && word & (word - 1) == 0).then(|| word.trailing_zeros())
}

fn extend(r: Range, lo: i64, hi: i64) -> Range {
    let (a, b) = r.words();
    let (lo, hi) = if a >= lo && b <= hi { (a, b) } else { (lo, hi) };
    Range::word(lo, hi, r.low_zeros())
}

fn shift(op: Op, r: Range, k: u32) -> Range {
    let (lo, hi) = r.words();
    let zeros = r.low_zeros();
    let less = zeros.saturating_sub(k);
    match op {
        _ if k == 0 => r,
        Op::Shl => {
            let up = |x: i64| narrow((x as i128) << k);
            match (up(lo), up(hi)) {
                (Some(lo), Some(hi)) => Range::word(lo, hi, zeros + k),
                _ => Range::multiple(zeros + k),
            }
        }
        Op::Sshr => Range::word(lo >> k, hi >> k, less),
        // Rotating by no more than the zeros brings them to the top.
        Op::Rotr if k > zeros => Range::TOP,
        _ if lo >= 0 => Range::word(lo >> k, hi >> k, less),
        _ => Range::word(0, (u64::MAX >> k) as i64, less),
    }
}

/// Result of an `int.*` op, and whether its fast path always applies given small operands.
pub(super) fn int_op(op: Op, a: Range, b: Range) -> (Range, bool) {
    let (a, b) = (a.ints(), b.ints());
    let none = !a.excludes_none() || (op != Op::IntNeg && !b.excludes_none());
    let finite = |r: Range| r.lo > NEG_INF && r.hi < INF;
    let (za, zb) = (a.int_zeros(), b.int_zeros());
    let zeros = match op {
        Op::IntAdd | Op::IntSub | Op::IntMod => za.min(zb),
        Op::IntNeg => za,
        // Half of the product of what is twice the integers.
        Op::IntMul => za + zb - 1,
        Op::IntDiv => quotient_zeros(za + 1, b),
        _ => 1,
    };
    let (lo, hi) = match op {
        Op::IntAdd => (add_int_bound(a.lo, b.lo, NEG_INF), add_int_bound(a.hi, b.hi, INF)),
        Op::IntSub | Op::IntNeg => {
            let (a, b) = if op == Op::IntNeg { (Range::constant(0), a) } else { (a, b) };
            let minus = |x: i64| match x {
                NEG_INF => INF,
                INF => NEG_INF,
                x => -x,
            };
            (add_int_bound(a.lo, minus(b.hi), NEG_INF), add_int_bound(a.hi, minus(b.lo), INF))
        }
        Op::IntMul if finite(a) && finite(b) => {
            let (lo, hi) = corners((a.lo, a.hi), (b.lo, b.hi), |x, y| x / 2 * y);
            let fits = narrow(lo).is_some() && narrow(hi).is_some();
            let (lo, hi) = (narrow(lo).map_or(NEG_INF, below), narrow(hi).map_or(INF, above));
            return (Range::int(lo, hi, none, zeros), fits);
        }
        Op::IntMul if a.lo >= 0 && b.lo >= 0 => (0, INF),
        Op::IntDiv => divide(a, b),
        Op::IntMod => {
            let m = if finite(b) { add_high(b.lo.abs().max(b.hi.abs()), -2) } else { None };
            let m = m.map_or(INF, |m| m.max(0));
            let lo = if a.lo >= 0 { 0 } else { a.lo.max(if m == INF { NEG_INF } else { -m }) };
            let hi = if a.hi <= 0 { 0 } else { a.hi.min(m) };
            (lo, hi)
        }
        _ => (NEG_INF, INF),
    };
    let r = Range::int(lo, hi, none, zeros);
    (r, finite(r))
}

fn divide(a: Range, b: Range) -> (i64, i64) {
    if b.lo >= 2 {
        // Towards zero, and not farther from it than a. An infinity is one at its own end only: the
        // smallest small int has the word that stands for minus infinity at the other.
        let down = |x: i64, by: i64, infinity: i64| match x {
            _ if by == INF => 0,
            x if x == infinity => x,
            x => (x / by).saturating_mul(2),
        };
        let lo = down(a.lo, if a.lo < 0 { b.lo } else { b.hi }, NEG_INF);
        let hi = down(a.hi, if a.hi > 0 { b.lo } else { b.hi }, INF);
        return (below(lo.min(hi)), above(hi.max(lo)));
    }
    match a.lo.checked_neg() {
        Some(m) if a.hi < INF => {
            let m = above(m.abs().max(a.hi.abs()));
            (-m, m)
        }
        _ => (NEG_INF, INF),
    }
}

/// Truth of a comparison of words.
pub(super) fn compare(cond: Cond, a: Range, b: Range) -> Option<bool> {
    let (x, y) = (a.words(), b.words());
    let disjoint = x.1 < y.0 || y.1 < x.0;
    match cond {
        Cond::Eq | Cond::Ne if disjoint => Some(cond == Cond::Ne),
        Cond::Eq | Cond::Ne => match (a.single(), b.single()) {
            (Some(p), Some(q)) => Some((p == q) == (cond == Cond::Eq)),
            // A multiple of a power of two against another number.
            _ if b.single().is_some_and(|c| c.trailing_zeros() < a.low_zeros()) => Some(cond == Cond::Ne),
            // Ints that are not none against none.
            _ if b.single() == Some(1) && a.kind == Kind::Int => Some(cond == Cond::Ne),
            _ => None,
        },
        Cond::Slt if x.1 < y.0 => Some(true),
        Cond::Slt if x.0 >= y.1 => Some(false),
        Cond::Sle if x.1 <= y.0 => Some(true),
        Cond::Sle if x.0 > y.1 => Some(false),
        Cond::Sgt | Cond::Sge => compare(cond.swap(), b, a),
        Cond::Ult | Cond::Ule if x.0 >= 0 && y.0 >= 0 => {
            compare(if cond == Cond::Ult { Cond::Slt } else { Cond::Sle }, a, b)
        }
        // A negative word is larger than every non-negative one.
        Cond::Ult | Cond::Ule if x.0 >= 0 && y.1 < 0 => Some(true),
        Cond::Ult | Cond::Ule if x.1 < 0 && y.0 >= 0 => Some(false),
        Cond::Ugt | Cond::Uge => compare(cond.swap(), b, a),
        _ => None,
    }
}

/// Truth of `int.cmp`.
pub(super) fn compare_ints(cond: Cond, a: Range, b: Range) -> Option<bool> {
    let (x, y) = (a.ints(), b.ints());
    let sound = x.excludes_none() && y.excludes_none();
    // None equals none alone, and with it no other comparison holds.
    let differ = x.excludes_none() || y.excludes_none();
    let truth = match cond {
        Cond::Eq | Cond::Ne => {
            if x.hi < y.lo || y.hi < x.lo {
                Some(cond == Cond::Ne)
            } else {
                match (x.single(), y.single()) {
                    (Some(p), Some(q)) => Some((p == q) == (cond == Cond::Eq)),
                    _ => None,
                }
            }
        }
        Cond::Slt if x.hi < y.lo => Some(true),
        Cond::Slt if x.lo >= y.hi && x.lo > NEG_INF && y.hi < INF => Some(false),
        Cond::Sle if x.hi <= y.lo && x.hi < INF && y.lo > NEG_INF => Some(true),
        Cond::Sle if x.lo > y.hi => Some(false),
        Cond::Sgt | Cond::Sge => return compare_ints(cond.swap(), b, a),
        _ => None,
    }?;
    let holds = match cond {
        Cond::Eq | Cond::Ne => sound || differ && truth == (cond == Cond::Ne),
        _ => sound || !truth,
    };
    holds.then_some(truth)
}

/// What the truth of a comparison of words says about the first operand.
pub(super) fn refine(cond: Cond, b: Range) -> Range {
    let (lo, hi) = b.words();
    match cond {
        Cond::Eq => b,
        Cond::Slt => hull(Some(NEG_INF), add_high(hi, -1), 0),
        Cond::Sle => hull(Some(NEG_INF), Some(hi), 0),
        Cond::Sgt => hull(add_low(lo, 1), Some(INF), 0),
        Cond::Sge => hull(Some(lo), Some(INF), 0),
        Cond::Ult if lo >= 0 && hi > 0 => hull(Some(0), add_high(hi, -1), 0),
        Cond::Ule if lo >= 0 => hull(Some(0), Some(hi), 0),
        _ => Range::TOP,
    }
}

/// What the truth of `int.cmp` says about the first operand.
pub(super) fn refine_int(cond: Cond, b: Range) -> Range {
    let b = b.ints();
    match cond {
        Cond::Eq => b,
        Cond::Slt => Range::int(NEG_INF, add_int_bound(b.hi, -2, INF), false, 1),
        Cond::Sle => Range::int(NEG_INF, b.hi, false, 1),
        Cond::Sgt => Range::int(add_int_bound(b.lo, 2, NEG_INF), INF, false, 1),
        Cond::Sge => Range::int(b.lo, INF, false, 1),
        _ => Range::TOP,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::eval;
    use crate::ops::Imm;

    const T: Range = Range::TOP;

    #[test]
    fn ints() {
        let n = |lo: i64, hi: i64| Range::even(2 * lo, 2 * hi);
        assert_eq!(int_op(Op::IntAdd, n(1, 2), n(3, 4)), (n(4, 6), true));
        assert_eq!(int_op(Op::IntSub, n(1, 2), n(3, 4)), (n(-3, -1), true));
        assert_eq!(int_op(Op::IntMul, n(-2, 3), n(5, 7)), (n(-14, 21), true));
        assert_eq!(int_op(Op::IntDiv, n(-9, 17), n(2, 3)), (n(-4, 8), true));
        assert_eq!(int_op(Op::IntMod, T, n(10, 10)).0, Range::int(-18, 18, true, 1));
        let int = Range::int(NEG_INF, INF, false, 1);
        assert_eq!(int_op(Op::IntMod, int, n(10, 10)).0, n(-9, 9));
        assert_eq!(int_op(Op::IntNeg, n(-5, 7), n(0, 0)).0, n(-7, 5));
        assert!(!int_op(Op::IntAdd, int, n(1, 1)).1);
        let max = Range::even(i64::MAX - 1, i64::MAX - 1);
        assert_eq!(int_op(Op::IntAdd, max, n(1, 1)), (Range::int(INF, INF, false, 1), false));
    }

    #[test]
    fn words() {
        let r = Range::raw;
        assert_eq!(word_op(Op::And, T, Range::constant(15)), r(0, 15));
        assert_eq!(word_op(Op::Shl, r(0, 5), Range::constant(1)), Range::even(0, 10));
        assert_eq!(word_op(Op::Rotr, Range::even(0, 10), Range::constant(1)), r(0, 5));
        assert_eq!(word_op(Op::Rotr, r(0, 10), Range::constant(1)), T);
        assert_eq!(word_op(Op::Srem, T, Range::constant(10)), r(-9, 9));
        assert_eq!(word_op(Op::And, Range::multiple(1), Range::constant(1)), Range::constant(0));
        assert_eq!(word_op(Op::Sdiv, Range::word(-16, 16, 3), Range::constant(4)), Range::even(-4, 4));
        assert_eq!(word_op(Op::Sdiv, Range::word(-16, 16, 1), Range::constant(4)), r(-4, 4));
        assert_eq!(word_op(Op::Or, r(0, 5), r(0, 8)), r(0, 15));
        assert_eq!(compare(Cond::Ult, r(0, 5), r(6, 9)), Some(true));
        assert_eq!(compare(Cond::Eq, Range::even(0, 9), Range::constant(1)), Some(false));
        assert_eq!(refine(Cond::Ult, r(0, 9)), r(0, 8));
    }

    /// Sets of one word and of two, and the words.
    fn sets() -> Vec<(Range, Vec<i64>)> {
        const WORDS: [i64; 19] =
            [0, 1, -1, 2, -2, 3, 4, -4, 6, 8, 12, -24, 64, 1 << 20, 5 << 40, 1 << 62, -1 << 62, NEG_INF, INF];
        let mut sets = vec![];
        for (i, &a) in WORDS.iter().enumerate() {
            sets.push((Range::constant(a), vec![a]));
            for &b in &WORDS[..i] {
                sets.push((Range::constant(a).join(Range::constant(b)), vec![a, b]));
            }
        }
        sets
    }

    /// What ops make of words is in what they make of sets.
    #[test]
    fn results_are_in_the_sets() {
        let holds = |r: Range, w: i64| {
            let (lo, hi) = r.words();
            (lo..=hi).contains(&w) && w & ((1 << r.low_zeros()) - 1) == 0
        };
        let sets = sets();
        let ops = |op: &&Op| op.computes() && op.info().operands.is_some_and(|o| o.len() == 2);
        for &op in Op::ALL.iter().filter(ops).filter(|op| op.info().imm == Imm::None) {
            for (ra, xs) in &sets {
                for (rb, ys) in &sets {
                    let r = word_op(op, *ra, *rb);
                    for &x in xs {
                        for &y in ys {
                            let Some(w) = eval(op, 0, &[x as u64, y as u64]) else { continue };
                            assert!(holds(r, w as i64), "{op:?} {x} {y}: {w} not in {r:?} of {ra:?} {rb:?}");
                        }
                    }
                }
            }
        }
    }

    /// The same for ints: exact results that are small, and those beyond.
    #[test]
    fn exact_results_are_in_the_sets() {
        let sets = sets();
        let small = |r: &&(Range, Vec<i64>)| r.0.is_small();
        for op in [Op::IntAdd, Op::IntSub, Op::IntMul, Op::IntDiv, Op::IntMod, Op::IntNeg] {
            for (ra, xs) in sets.iter().filter(small) {
                for (rb, ys) in sets.iter().filter(small) {
                    let (r, fits) = int_op(op, *ra, *rb);
                    for (x, y) in
                        xs.iter().flat_map(|&x| ys.iter().map(move |&y| (i128::from(x), i128::from(y))))
                    {
                        let exact = match op {
                            Op::IntAdd => x + y,
                            Op::IntSub => x - y,
                            Op::IntMul => x * y / 2,
                            Op::IntNeg => -x,
                            _ if y == 0 => continue,
                            Op::IntDiv => x / y * 2,
                            _ => x % y,
                        };
                        let low = (r.lo == NEG_INF || i128::from(r.lo) <= exact)
                            && (r.hi == INF || exact <= i128::from(r.hi));
                        let zeros = exact & ((1 << r.int_zeros()) - 1) == 0;
                        let word = narrow(exact).is_some();
                        assert!(low && zeros && (word || !fits), "{op:?} {x} {y}: {exact} not in {r:?}");
                    }
                }
            }
        }
    }
}
