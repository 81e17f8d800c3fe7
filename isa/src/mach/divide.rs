//! Fast paths of exact divisions by constants.
//!
//! Divisions of words by constants are gone before selection (`mochi_ir::passes::divide`) where the target has what
//! they need. That of an int
//! which may be big is left, because its slow path keeps all registers and comes back behind the fast
//! one: the allocator has to see both as one instruction, so that nothing is moved between them. In the
//! IR they would be four blocks, and what is alive around them would be moved at their ends (by the
//! allocator of debug builds, all of it). So here is what the pass does, as steps on registers that the
//! allocator does not know of.

use crate::mach::{Emitter, Isa};
use mochi_ir::passes::divide::magic;
use regalloc2::PReg;

/// A step from the dividend n, which is kept, over a scratch register q to the result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// q is n, plus `2^k - 1` when n is negative.
    Biased(i64),
    /// q is the high half of the signed product of n and this.
    High(i64),
    /// q grows by n.
    Plus,
    /// q shrinks by n.
    Minus,
    /// q is shifted right, copies of the sign enter.
    Shift(i64),
    /// q grows by 1 when it is negative.
    Sign,
    /// The result is 2q.
    Double,
    /// The result is n minus q times this.
    Rest(i64),
    /// The result is n minus q without its low k bits.
    Low(i64),
}

/// What an instruction set adds.
pub trait Divide: Isa {
    /// Emits a step; the last one alone writes the result, which may be in the place of n.
    fn step(e: &mut Emitter<Self>, step: Step, result: PReg, n: PReg);
}

/// The tagged quotient or remainder of a tagged word by a tagged constant, whose value is at least 2 in
/// magnitude.
pub fn by_constant<I: Divide>(e: &mut Emitter<I>, result: PReg, n: PReg, d: i64, rem: bool) {
    let mut step = |step: Step| I::step(e, step, result, n);
    if d > 0 && d.count_ones() == 1 {
        let k = d.trailing_zeros().into();
        step(Step::Biased(k));
        if rem {
            return step(Step::Low(k));
        }
        step(Step::Shift(k));
        return step(Step::Double);
    }
    let m = magic::signed(d);
    step(Step::High(m.m));
    if d > 0 && m.m < 0 {
        step(Step::Plus);
    } else if d < 0 && m.m > 0 {
        step(Step::Minus);
    }
    if m.shift > 0 {
        step(Step::Shift(m.shift.into()));
    }
    step(Step::Sign);
    step(if rem { Step::Rest(d) } else { Step::Double });
}
