//! The abstract values of range analysis: sets of words that intervals describe.
//!
//! A word of the IR is sometimes a plain 64-bit number and sometimes a tagged int; one domain
//! serves both. [`Range::lo`] and [`Range::hi`] bound the signed word; for tagged ints they bound
//! twice the integer, where the extremes of `i64` stand for infinity (a big integer is beyond every
//! small one).
//!
//! **Slow counters.** A value that starts small and only ever changes by at most [`SLOW_STEP`] at a
//! time cannot leave the small range: at a step per nanosecond that takes years. Widening stops at
//! the marks [`SLOW_HI`] and [`SLOW_LO`], and small steps do not move the marks. Only widening makes a
//! mark: every other bound that is computed, or that the program names, moves outward when it equals one
//! ([`below`], [`above`]).

/// The mark for the upper bound of slow counters (as a word).
pub(super) const SLOW_HI: i64 = (1 << 61) + 0x5a5a;
/// The mark for their lower bound.
pub(super) const SLOW_LO: i64 = -SLOW_HI;
/// Largest step of a slow counter (as a tagged word: 16).
pub(super) const SLOW_STEP: i64 = 32;
/// Bound of the values at which slow counters may start.
const SLOW_START: i64 = 1 << 60;

/// What words of a set look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Any words between the bounds.
    Raw,
    /// Even words between the bounds: small ints.
    Even,
    /// Integers between the bounds, big ones as odd words.
    Int,
    /// As `Int`, or none.
    IntOrNone,
}

/// A set of words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Range {
    pub(super) lo: i64,
    pub(super) hi: i64,
    pub(super) kind: Kind,
}

/// A lower bound that does not look like a mark.
pub(super) fn below(bound: i64) -> i64 {
    if bound == SLOW_HI || bound == SLOW_LO { bound - 2 } else { bound }
}

/// An upper bound that does not look like a mark.
pub(super) fn above(bound: i64) -> i64 {
    if bound == SLOW_HI || bound == SLOW_LO { bound + 2 } else { bound }
}

impl Range {
    /// Every word.
    pub(super) const TOP: Range = Range { lo: i64::MIN, hi: i64::MAX, kind: Kind::IntOrNone };

    /// Words between two bounds.
    pub(super) fn raw(lo: i64, hi: i64) -> Range {
        if lo == i64::MIN && hi == i64::MAX {
            return Range::TOP;
        }
        Range { lo: below(lo), hi: above(hi), kind: Kind::Raw }
    }

    /// Even words between two bounds.
    pub(super) fn even(lo: i64, hi: i64) -> Range {
        Range { lo: below(lo), hi: above(hi), kind: Kind::Even }
    }

    pub(super) fn constant(word: i64) -> Range {
        let kind = if word & 1 == 0 { Kind::Even } else { Kind::Raw };
        Range { lo: below(word), hi: above(word), kind }
    }

    /// Integers between two bounds (as words, the extremes are infinity).
    pub(super) fn int(lo: i64, hi: i64, none: bool) -> Range {
        let kind = match none {
            true => Kind::IntOrNone,
            // Without infinity all are small.
            false if lo > i64::MIN && hi < i64::MAX => Kind::Even,
            false => Kind::Int,
        };
        // What is beyond the small ints is beyond the largest of them.
        Range { lo: lo.min(i64::MAX - 1), hi: hi.max(i64::MIN + 2), kind }
    }

    /// A small int for sure.
    pub(super) fn is_small(self) -> bool {
        self.kind == Kind::Even
    }

    /// Never the word of none, among tagged ints.
    pub(super) fn excludes_none(self) -> bool {
        match self.kind {
            Kind::Raw => !(self.lo..=self.hi).contains(&1),
            Kind::Even | Kind::Int => true,
            Kind::IntOrNone => false,
        }
    }

    /// Bounds of the words as signed numbers.
    pub(super) fn words(self) -> (i64, i64) {
        match self.kind {
            Kind::Raw | Kind::Even => (self.lo, self.hi),
            Kind::Int => (i64::MIN, i64::MAX),
            Kind::IntOrNone if self.lo > i64::MIN && self.hi < i64::MAX => (self.lo.min(1), self.hi.max(1)),
            Kind::IntOrNone => (i64::MIN, i64::MAX),
        }
    }

    /// The same set seen as tagged ints.
    pub(super) fn ints(self) -> Range {
        match self.kind {
            // Odd words may stand for anything.
            Kind::Raw => Range { lo: i64::MIN, hi: i64::MAX, kind: Kind::IntOrNone },
            _ => self,
        }
    }

    /// All words even.
    pub(super) fn is_even(self) -> bool {
        self.kind == Kind::Even
    }

    /// The only word of the set.
    pub(super) fn single(self) -> Option<i64> {
        (self.lo == self.hi && matches!(self.kind, Kind::Raw | Kind::Even)).then_some(self.lo)
    }

    /// The smallest set of the domain around both.
    pub(super) fn join(self, other: Range) -> Range {
        let (lo, hi) = (self.lo.min(other.lo), self.hi.max(other.hi));
        let kind = match (self.kind, other.kind) {
            (a, b) if a == b => a,
            (Kind::Raw, Kind::Even) | (Kind::Even, Kind::Raw) => Kind::Raw,
            (Kind::Raw, k) | (k, Kind::Raw) => {
                debug_assert!(matches!(k, Kind::Int | Kind::IntOrNone));
                return Range::TOP;
            }
            (Kind::IntOrNone, _) | (_, Kind::IntOrNone) => Kind::IntOrNone,
            _ => Kind::Int,
        };
        Range { lo, hi, kind }.normal()
    }

    /// A set that contains what is in both. `None` when nothing is.
    pub(super) fn meet(self, other: Range) -> Option<Range> {
        if other == Range::TOP {
            return Some(self);
        }
        if self == Range::TOP {
            return Some(other);
        }
        let (lo, hi) = (self.lo.max(other.lo), self.hi.min(other.hi));
        let kind = match (self.kind, other.kind) {
            (a, b) if a == b => a,
            (Kind::Even, _) | (_, Kind::Even) => Kind::Even,
            // Word bounds say little about ints that may be big, and the other way round.
            (Kind::Raw, _) => return Some(self),
            (_, Kind::Raw) => return Some(self),
            _ => Kind::Int,
        };
        if lo > hi {
            // Only none may be left.
            return if kind == Kind::IntOrNone { Some(self) } else { None };
        }
        Some(Range { lo, hi, kind }.normal())
    }

    fn normal(self) -> Range {
        match self.kind {
            Kind::Int if self.lo > i64::MIN && self.hi < i64::MAX => Range { kind: Kind::Even, ..self },
            Kind::Raw if self.lo == i64::MIN && self.hi == i64::MAX => Range::TOP,
            _ => self,
        }
    }

    /// The state of a loop's parameter after it grew from `self` to `grown`: bounds that moved jump
    /// to the marks, and from there to the ends.
    pub(super) fn widen(self, grown: Range) -> Range {
        let mut r = self.join(grown);
        if r.hi > self.hi {
            r.hi = if r.hi <= SLOW_START { SLOW_HI } else { i64::MAX };
        }
        if r.lo < self.lo {
            r.lo = if r.lo >= -SLOW_START { SLOW_LO } else { i64::MIN };
        }
        match r.kind {
            // An even set without bounds is still even.
            Kind::Raw | Kind::Int => r.normal(),
            _ => r,
        }
    }
}

/// Sum of two lower bounds of plain words; `None` on overflow. Small steps do not move the mark.
pub(super) fn add_low(a: i64, b: i64) -> Option<i64> {
    add_marked(a, b, SLOW_LO, below)
}

/// Sum of two upper bounds of plain words; `None` on overflow. Small steps do not move the mark.
pub(super) fn add_high(a: i64, b: i64) -> Option<i64> {
    add_marked(a, b, SLOW_HI, above)
}

fn add_marked(a: i64, b: i64, mark: i64, plain: fn(i64) -> i64) -> Option<i64> {
    let small = |step: i64| (-SLOW_STEP..=SLOW_STEP).contains(&step);
    if a == mark && small(b) || b == mark && small(a) {
        return Some(mark);
    }
    a.checked_add(b).map(plain)
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

    #[test]
    fn joins_and_meets() {
        let small = Range::even(0, 10);
        assert_eq!(small.join(Range::even(20, 30)), Range::even(0, 30));
        assert_eq!(small.join(Range::TOP), Range::TOP);
        assert_eq!(small.join(Range::raw(3, 5)), Range::raw(0, 10));
        assert_eq!(Range::TOP.meet(small), Some(small));
        assert_eq!(
            Range::int(0, i64::MAX, false).meet(Range::int(i64::MIN, 8, true)),
            Some(Range::even(0, 8))
        );
        assert_eq!(small.meet(Range::even(12, 14)), None);
        assert!(Range::int(0, 8, false).is_small());
        assert!(!Range::int(0, i64::MAX, false).is_small());
        assert!(!Range::int(0, 8, true).is_small());
    }

    #[test]
    fn what_the_program_names_is_no_mark() {
        for mark in [SLOW_HI, SLOW_LO] {
            let named = Range::constant(mark);
            assert!(named.lo < mark && mark < named.hi, "{named:?}");
            assert_eq!(add_high(named.hi, -2), Some(mark + 2));
            assert_eq!(add_low(named.lo, 2), Some(mark - 2));
            assert_eq!(add_low(SLOW_HI - 2, 2), Some(SLOW_HI - 2));
        }
    }

    #[test]
    fn slow_counters_stop_at_the_mark() {
        let start = Range::constant(0);
        let grown = start.widen(Range::even(0, 2));
        assert_eq!((grown.lo, grown.hi), (0, SLOW_HI));
        assert_eq!(add_high(SLOW_HI, 2), Some(SLOW_HI));
        assert_eq!(add_high(SLOW_HI, -2), Some(SLOW_HI));
        assert_eq!(add_high(SLOW_HI - 2, 2), Some(SLOW_HI + 2));
        assert_eq!(add_high(SLOW_HI, 1000), Some(SLOW_HI + 1000));
        assert_eq!(add_low(SLOW_LO, -2), Some(SLOW_LO));
        let fast = grown.widen(Range::even(0, SLOW_HI + 1000));
        assert_eq!(fast.hi, i64::MAX);
        assert_eq!(add_int_bound(SLOW_HI, SLOW_HI, i64::MAX), 2 * SLOW_HI);
        assert_eq!(add_int_bound(2 * SLOW_HI - 4, 2 * SLOW_HI, i64::MAX), i64::MAX);
    }
}
