//! The abstract values of range analysis: sets of words that intervals describe.
//!
//! A word of the IR is sometimes a plain 64-bit number and sometimes a tagged int; one domain
//! serves both. [`Range::lo`] and [`Range::hi`] bound the signed word; for tagged ints they bound
//! twice the integer, where the extremes of `i64` stand for infinity (a big integer is beyond every
//! small one). Of the same number some low bits are known to be zero: a word with one is a small int,
//! and what a power of two divides has more. Bounds are multiples of that power.
//!
//! **Slow counters.** A value that starts small and only ever changes by at most [`SLOW_STEP`] at a time
//! cannot leave the small range: at a step per nanosecond that takes over a year. Widening stops at the marks
//! [`SLOW_HI`] and [`SLOW_LO`], and small steps do not move the marks. A mark is not a number but a bound
//! that grows with time: what is below `SLOW_HI` is at most [`SLOW_START`] plus [`SLOW_STEP`] for each step
//! of the program so far, which never reaches the number. A small step from it is below it one step later,
//! as is what a large step down leaves; everything else may take it for the number. But of numbers it
//! covers only those up to [`SLOW_START`], so [`Range::join`] moves it outward for others, and only
//! widening makes one: every other bound that is computed, or that the program names, moves outward when it
//! equals one ([`below`], [`above`]). So a state of a loop's parameters that a turn of the loop does not
//! leave is a true one, whichever way it was found.

/// Most low zero bits that are counted.
pub(super) const MAX_ZEROS: u32 = 16;
/// The mark for the upper bound of slow counters (as a word); a multiple of every power of two that counts.
pub(super) const SLOW_HI: i64 = (1 << 61) + (0x5a5a << MAX_ZEROS);
/// The mark for their lower bound.
pub(super) const SLOW_LO: i64 = -SLOW_HI;
/// Largest step of a slow counter (as a tagged word: 16).
pub(super) const SLOW_STEP: i64 = 32;
/// Bound of the values at which slow counters may start; half of one may.
pub(super) const SLOW_START: i64 = SLOW_HI / 2;

/// What words of a set look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Words between the bounds; small ints when their low bit is zero.
    Word,
    /// Integers between the bounds, big ones as odd words.
    Int,
    /// As `Int`, or none.
    IntOrNone,
}

/// A set of words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Range {
    pub(super) lo: i64,
    pub(super) hi: i64,
    pub(super) kind: Kind,
    /// Low bits that are zero, of what the bounds bound: at least one for ints.
    zeros: u8,
}

/// A lower bound that does not look like a mark.
pub(super) fn below(bound: i64) -> i64 {
    if bound == SLOW_HI || bound == SLOW_LO { bound - (1 << MAX_ZEROS) } else { bound }
}

/// An upper bound that does not look like a mark.
pub(super) fn above(bound: i64) -> i64 {
    if bound == SLOW_HI || bound == SLOW_LO { bound + (1 << MAX_ZEROS) } else { bound }
}

/// The larger of two upper bounds. The mark is larger than what slow counters start at, and no other
/// number.
fn larger(a: i64, b: i64) -> i64 {
    let (a, b) = (a.min(b), a.max(b));
    if b == SLOW_HI && a != b && a > SLOW_START { above(b) } else { b }
}

/// The smaller of two lower bounds.
fn smaller(a: i64, b: i64) -> i64 {
    let (a, b) = (a.min(b), a.max(b));
    if a == SLOW_LO && a != b && b < -SLOW_START { below(a) } else { a }
}

/// Low zero bits of a word, as many as count.
fn trailing(word: i64) -> u8 {
    word.trailing_zeros().min(MAX_ZEROS) as u8
}

impl Range {
    /// Every word.
    pub(super) const TOP: Range = Range { lo: i64::MIN, hi: i64::MAX, kind: Kind::IntOrNone, zeros: 1 };

    /// Words between two bounds with so many low bits zero.
    pub(super) fn word(lo: i64, hi: i64, zeros: u32) -> Range {
        Range::marked(below(lo), above(hi), zeros)
    }

    /// As [`Range::word`], where bounds may be marks.
    pub(super) fn marked(lo: i64, hi: i64, zeros: u32) -> Range {
        Range { lo, hi, kind: Kind::Word, zeros: zeros.min(MAX_ZEROS) as u8 }.normal()
    }

    /// Words between two bounds.
    pub(super) fn raw(lo: i64, hi: i64) -> Range {
        Range::word(lo, hi, 0)
    }

    /// Even words between two bounds.
    #[cfg(test)]
    pub(super) fn even(lo: i64, hi: i64) -> Range {
        Range::word(lo, hi, 1)
    }

    /// Words with so many low bits zero.
    pub(super) fn multiple(zeros: u32) -> Range {
        Range::word(i64::MIN, i64::MAX, zeros)
    }

    pub(super) fn constant(word: i64) -> Range {
        Range { lo: below(word), hi: above(word), kind: Kind::Word, zeros: trailing(word) }
    }

    /// Integers between two bounds (as words, the extremes are infinity), of which so many low bits are zero.
    pub(super) fn int(lo: i64, hi: i64, none: bool, zeros: u32) -> Range {
        let kind = if none { Kind::IntOrNone } else { Kind::Int };
        // What is beyond the small ints is beyond the largest of them.
        let (lo, hi) = (lo.min(i64::MAX - 1), hi.max(i64::MIN + 2));
        Range { lo, hi, kind, zeros: zeros.clamp(1, MAX_ZEROS) as u8 }.normal()
    }

    /// A small int for sure.
    pub(super) fn is_small(self) -> bool {
        self.is_even()
    }

    /// Never the word of none, among tagged ints.
    pub(super) fn excludes_none(self) -> bool {
        match self.kind {
            Kind::Word => self.is_even() || !(self.lo..=self.hi).contains(&1),
            Kind::Int => true,
            Kind::IntOrNone => false,
        }
    }

    /// Bounds of the words as signed numbers.
    pub(super) fn words(self) -> (i64, i64) {
        match self.kind {
            Kind::Word => (self.lo, self.hi),
            Kind::Int => (i64::MIN, i64::MAX),
            Kind::IntOrNone if self.lo > i64::MIN && self.hi < i64::MAX => (self.lo.min(1), self.hi.max(1)),
            Kind::IntOrNone => (i64::MIN, i64::MAX),
        }
    }

    /// Low bits that are zero in all words.
    pub(super) fn low_zeros(self) -> u32 {
        if self.kind == Kind::Word { u32::from(self.zeros) } else { 0 }
    }

    /// The same set seen as tagged ints.
    pub(super) fn ints(self) -> Range {
        // Odd words may stand for anything.
        if self.kind == Kind::Word && self.zeros == 0 { Range::TOP } else { self }
    }

    /// Low bits that are zero in twice the integers.
    pub(super) fn int_zeros(self) -> u32 {
        u32::from(self.ints().zeros)
    }

    /// All words even.
    pub(super) fn is_even(self) -> bool {
        self.low_zeros() > 0
    }

    /// The only word of the set.
    pub(super) fn single(self) -> Option<i64> {
        (self.lo == self.hi && self.kind == Kind::Word).then_some(self.lo)
    }

    /// The smallest set of the domain around both.
    pub(super) fn join(self, other: Range) -> Range {
        if self == other {
            return self;
        }
        let odd = |r: Range| r.kind == Kind::Word && r.zeros == 0;
        let kind = match (self.kind, other.kind) {
            (Kind::Word, Kind::Word) => Kind::Word,
            _ if odd(self) || odd(other) => return Range::TOP,
            (Kind::IntOrNone, _) | (_, Kind::IntOrNone) => Kind::IntOrNone,
            _ => Kind::Int,
        };
        let (lo, hi) = (smaller(self.lo, other.lo), larger(self.hi, other.hi));
        Range { lo, hi, kind, zeros: self.zeros.min(other.zeros) }.normal()
    }

    /// A set that contains what is in both. `None` when nothing is.
    #[inline]
    pub(super) fn meet(self, other: Range) -> Option<Range> {
        if other == Range::TOP || other == self {
            return Some(self);
        }
        if self == Range::TOP {
            return Some(other);
        }
        let kind = match (self.kind, other.kind) {
            (a, b) if a == b => a,
            _ if self.is_even() || other.is_even() => Kind::Word,
            // Word bounds say little about ints that may be big, and the other way round.
            (Kind::Word, _) | (_, Kind::Word) => return Some(self),
            _ => Kind::Int,
        };
        let (lo, hi) = (self.lo.max(other.lo), self.hi.min(other.hi));
        let r = Range { lo, hi, kind, zeros: self.zeros.max(other.zeros) };
        match r.multiples() {
            // Only none may be left.
            None if kind == Kind::IntOrNone => Some(self),
            r => r,
        }
    }

    /// The set without a word, where that is one of two bounds.
    pub(super) fn without(self, word: i64) -> Range {
        let step = 1 << self.zeros;
        let (mut lo, mut hi) = (self.lo, self.hi);
        if lo == word && lo > i64::MIN {
            lo = below(lo.saturating_add(step));
        }
        if hi == word && hi < i64::MAX {
            hi = above(hi.saturating_sub(step));
        }
        if lo <= hi { Range { lo, hi, ..self }.normal() } else { self }
    }

    /// The only form of a set; an empty one stays as it is.
    #[inline]
    fn normal(self) -> Range {
        self.multiples().unwrap_or(self)
    }

    /// The only form of a set: bounds are multiples, ints that cannot be big are words. `None` when it is
    /// empty.
    #[inline]
    fn multiples(mut self) -> Option<Range> {
        let mask = (1i64 << self.zeros) - 1;
        if self.kind == Kind::Int && self.lo > i64::MIN && self.hi < i64::MAX {
            self.kind = Kind::Word;
        }
        let infinite = self.kind != Kind::Word && self.hi == i64::MAX;
        if !infinite && self.hi & mask != 0 {
            self.hi = above(self.hi & !mask);
        }
        if self.lo & mask != 0 {
            self.lo = below((self.lo | mask).checked_add(1)?);
        }
        if self.lo > self.hi {
            return None;
        }
        if self.kind == Kind::Word {
            if self.lo == self.hi {
                self.zeros = trailing(self.lo);
            } else if self.zeros == 0 && self.lo == i64::MIN && self.hi == i64::MAX {
                return Some(Range::TOP);
            }
        }
        Some(self)
    }

    /// The state of a loop's parameter after it grew from `self` to `grown`: bounds that moved jump
    /// to the next of `stops` (ascending), from the last to the marks, where those of inner loops are already, and
    /// from there to the ends. Without stops low zero bits are soon lost, too.
    pub(super) fn widen(self, grown: Range, stops: &[i64]) -> Range {
        let mut r = self.join(grown);
        if r.hi > self.hi {
            let stop = stops.get(stops.partition_point(|&s| s < r.hi));
            let slow = r.hi <= SLOW_START || r.hi == SLOW_HI;
            r.hi = stop.copied().unwrap_or(if slow { SLOW_HI } else { i64::MAX });
        }
        if r.lo < self.lo {
            let stop = stops[..stops.partition_point(|&s| s <= r.lo)].last();
            let slow = r.lo >= -SLOW_START || r.lo == SLOW_LO;
            r.lo = stop.copied().unwrap_or(if slow { SLOW_LO } else { i64::MIN });
        }
        if stops.is_empty() && r.zeros < self.zeros {
            r.zeros = r.zeros.min(1);
        }
        r.normal()
    }
}

/// Sum of two lower bounds of plain words; `None` on overflow. Steps down that are small do not move the
/// mark, nor do steps up.
pub(super) fn add_low(a: i64, b: i64) -> Option<i64> {
    let stays = |step: i64| (-SLOW_STEP..=SLOW_START).contains(&step);
    if a == SLOW_LO && stays(b) || b == SLOW_LO && stays(a) {
        return Some(SLOW_LO);
    }
    a.checked_add(b).map(below)
}

/// Sum of two upper bounds of plain words; `None` on overflow. Steps up that are small do not move the
/// mark, nor do steps down.
pub(super) fn add_high(a: i64, b: i64) -> Option<i64> {
    let stays = |step: i64| (-SLOW_START..=SLOW_STEP).contains(&step);
    if a == SLOW_HI && stays(b) || b == SLOW_HI && stays(a) {
        return Some(SLOW_HI);
    }
    a.checked_add(b).map(above)
}

/// Sum of two bounds of ints, where the extremes are infinity, towards one of them.
pub(super) fn add_int_bound(a: i64, b: i64, infinity: i64) -> i64 {
    if a == infinity || b == infinity {
        return infinity;
    }
    // The other infinity absorbs everything too; the caller gets the widest answer.
    if a == i64::MIN || a == i64::MAX || b == i64::MIN || b == i64::MAX {
        return infinity;
    }
    // Beyond the small ints is infinity.
    let sum = if infinity == i64::MAX { add_high(a, b) } else { add_low(a, b) };
    sum.unwrap_or(if a > 0 { i64::MAX } else { i64::MIN })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words around the ends, zero, powers of two and the marks.
    fn words() -> Vec<i64> {
        let near = |w: i64| [-5, -2, -1, 0, 1, 2, 6].map(|d| w.wrapping_add(d));
        let centres = [0, 16, -16, 1 << 20, SLOW_START, SLOW_HI, SLOW_LO, i64::MIN, i64::MAX];
        centres.into_iter().flat_map(near).collect()
    }

    fn holds(r: Range, word: i64) -> bool {
        let (lo, hi) = r.words();
        (lo..=hi).contains(&word) && word & ((1 << r.low_zeros()) - 1) == 0
    }

    #[test]
    fn joins_and_meets() {
        let small = Range::even(0, 10);
        assert_eq!(small.join(Range::even(20, 30)), Range::even(0, 30));
        assert_eq!(small.join(Range::TOP), Range::TOP);
        assert_eq!(small.join(Range::raw(3, 5)), Range::raw(0, 10));
        assert_eq!(Range::TOP.meet(small), Some(small));
        assert_eq!(
            Range::int(0, i64::MAX, false, 1).meet(Range::int(i64::MIN, 8, true, 1)),
            Some(Range::even(0, 8))
        );
        assert_eq!(small.meet(Range::even(12, 14)), None);
        assert!(Range::int(0, 8, false, 1).is_small());
        assert!(!Range::int(0, i64::MAX, false, 1).is_small());
        assert!(!Range::int(0, 8, true, 1).is_small());
    }

    #[test]
    fn bounds_are_multiples() {
        assert_eq!(Range::word(1, 31, 3), Range::word(8, 24, 3));
        assert_eq!(Range::word(-3, 3, 2), Range::constant(0));
        assert_eq!(Range::raw(0, 1).meet(Range::multiple(1)), Some(Range::constant(0)));
        assert_eq!(Range::raw(1, 3).meet(Range::multiple(2)), None);
        assert_eq!(Range::raw(i64::MAX - 1, i64::MAX).meet(Range::multiple(4)), None);
        assert_eq!(Range::multiple(0), Range::TOP);
        assert_eq!(Range::multiple(1).hi, i64::MAX - 1);
        assert_eq!(Range::int(i64::MIN, 6, false, 3).hi, 0);
        assert_eq!(Range::int(3, i64::MAX, false, 2).words(), (i64::MIN, i64::MAX));
        assert_eq!(Range::constant(48).join(Range::constant(0)), Range::word(0, 48, 4));
        // None is no multiple.
        assert_eq!(
            Range::constant(8).join(Range::int(0, i64::MAX, true, 2)),
            Range::int(0, i64::MAX, true, 2)
        );
        assert_eq!(Range::int(0, i64::MAX, true, 2).low_zeros(), 0);
    }

    #[test]
    fn sets_hold_what_they_are_made_of() {
        let words = words();
        for &a in &words {
            for &b in &words {
                let (x, y) = (Range::constant(a), Range::constant(b));
                let joined = x.join(y);
                assert!(holds(joined, a) && holds(joined, b), "{x:?} {y:?}");
                let grown = x.widen(y, &[]);
                assert_eq!(grown.join(joined), grown, "{x:?} {y:?}");
                for zeros in 0..5 {
                    let r = Range::word(a.min(b), a.max(b), zeros);
                    for &c in words.iter().filter(|&&c| a.min(b) <= c && c <= a.max(b)) {
                        assert!(holds(r, c) || c & ((1 << zeros) - 1) != 0, "{r:?} {c}");
                    }
                }
            }
        }
    }

    #[test]
    fn bounds_are_left_out() {
        assert_eq!(Range::word(0, 16, 3).without(0), Range::word(8, 16, 3));
        assert_eq!(Range::raw(0, 1).without(1), Range::constant(0));
        assert_eq!(Range::even(0, 4).without(2), Range::even(0, 4));
        assert_eq!(Range::constant(4).without(4), Range::constant(4));
        let int = Range::int(0, i64::MAX, true, 1);
        assert_eq!(int.without(0), Range::int(2, i64::MAX, true, 1));
        assert_eq!(Range::raw(i64::MIN, 5).without(i64::MIN), Range::raw(i64::MIN, 5));
    }

    #[test]
    fn what_the_program_names_is_no_mark() {
        let next = 1 << MAX_ZEROS;
        for mark in [SLOW_HI, SLOW_LO] {
            let named = Range::constant(mark);
            assert!(named.lo < mark && mark < named.hi, "{named:?}");
            assert_eq!(add_high(mark + 2, -2), Some(mark + next));
            assert_eq!(add_low(mark - 2, 2), Some(mark - next));
            let clamped = Range::word(mark - 1, mark + 1, 2);
            assert!(clamped.lo < mark && mark < clamped.hi, "{clamped:?}");
        }
    }

    #[test]
    fn slow_counters_stop_at_the_mark() {
        let start = Range::constant(0);
        let grown = start.widen(Range::even(0, 2), &[]);
        assert_eq!((grown.lo, grown.hi), (0, SLOW_HI));
        assert_eq!(add_high(SLOW_HI, 2), Some(SLOW_HI));
        assert_eq!(add_high(SLOW_HI, -2), Some(SLOW_HI));
        assert_eq!(add_high(SLOW_HI - 2, 2), Some(SLOW_HI + (1 << MAX_ZEROS)));
        assert_eq!(add_high(SLOW_HI, 1000), Some(SLOW_HI + 1000));
        assert_eq!(add_high(SLOW_HI, -1000), Some(SLOW_HI));
        assert_eq!(add_low(SLOW_LO, -2), Some(SLOW_LO));
        // Of an outer loop, whose inner one has widened it.
        assert_eq!(Range::even(0, 2).widen(grown, &[2, 4]), grown);
        let fast = grown.widen(Range::even(0, SLOW_HI + 1000), &[]);
        assert_eq!(fast.hi, i64::MAX - 1);
        assert_eq!(add_int_bound(SLOW_HI, SLOW_HI, i64::MAX), 2 * SLOW_HI);
        assert_eq!(add_int_bound(2 * SLOW_HI - 4, 2 * SLOW_HI, i64::MAX), i64::MAX);
        // It covers the start of a counter, no larger number.
        assert_eq!(grown.join(Range::constant(SLOW_START)), grown);
        assert!(grown.join(Range::constant(SLOW_START + 2)).hi > SLOW_HI);
        assert_eq!(grown.join(Range::even(0, grown.hi / 2)), grown);
    }

    #[test]
    fn widening_ends() {
        let stops = [-100, 0, 100];
        let r = Range::even(2, 4).widen(Range::even(2, 6), &stops);
        assert_eq!(r, Range::even(2, 100));
        assert_eq!(r.widen(Range::even(-2, 102), &stops), Range::marked(-100, SLOW_HI, 1));
        // Each zero bit would be a step of its own.
        assert_eq!(Range::constant(64).widen(Range::constant(32), &[]).low_zeros(), 1);
    }
}
