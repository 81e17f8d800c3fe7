//! What instructions do besides giving their results: the one place that says it, from the op's row and,
//! for calls, the callee's attributes. Passes, selection and frames ask here what may be moved, merged, left
//! out, and what needs the stack to be in order.
//!
//! Following a none, which ends the program too, depends on the value that is followed: [`crate::nones`].

use crate::func::{Function, InstData};
use crate::module::{Attributes, Module};
use crate::ops::{Effect, Op};

/// Kinds of memory, as a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Memory(u8);

impl Memory {
    /// None.
    pub const NONE: Memory = Memory(0);
    /// What the allocator keeps in global data. That it changes is seen by nobody else.
    pub const ALLOCATOR: Memory = Memory(1);
    /// The memory that a load or store names: so many bytes at its operand plus its immediate.
    pub const ACCESSED: Memory = Memory(2);
    /// All but the program's own words of data: a library knows nothing of them.
    pub const LIBRARY: Memory = Memory(7);
    /// Any.
    pub const ALL: Memory = Memory(15);

    /// Everything in this set is in the other.
    pub fn is_within(self, other: Memory) -> bool {
        self.0 & !other.0 == 0
    }
}

/// What an instruction may do besides giving its result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Effects {
    /// Memory on which it depends.
    pub reads: Memory,
    /// Memory that it may change.
    pub writes: Memory,
    /// Undefined for some operands: it may be executed only where it was.
    pub partial: bool,
    /// It can be noticed outside of the program's memory: it may end the program with an error, or run
    /// forever, or ask the system for something.
    pub visible: bool,
    /// It looks at the stack: it may run the collector, end the program with a trace, or asks where the stack is.
    pub stack: bool,
    /// There may be more objects afterwards that the program links to others (numbers do not count).
    pub makes_objects: bool,
    /// Its result is a new object ([`Attributes::fresh`]): never that of another instruction, nor none.
    pub fresh: bool,
    /// Calls below it may nest without a bound that is known when the program is compiled. (Slow paths of
    /// exact arithmetic are recursive, but only over halves of numbers.)
    pub nests: bool,
    /// What follows it may be executed.
    pub returns: bool,
    /// It decides what is executed next.
    pub jumps: bool,
}

impl Effects {
    /// Those of an instruction that only gives its result.
    pub const NOTHING: Effects = Effects {
        reads: Memory::NONE,
        writes: Memory::NONE,
        partial: false,
        visible: false,
        stack: false,
        makes_objects: false,
        fresh: false,
        nests: false,
        returns: true,
        jumps: false,
    };

    /// Those of code of which nothing is known.
    pub const ANYTHING: Effects = Effects {
        reads: Memory::ALL,
        writes: Memory::ALL,
        partial: false,
        visible: true,
        stack: true,
        makes_objects: true,
        fresh: false,
        nests: true,
        returns: true,
        jumps: false,
    };

    /// When its result is not needed nobody misses it, except that a load may be where a none is noticed.
    pub fn is_silent(&self) -> bool {
        self.writes.is_within(Memory::ALLOCATOR) && !self.visible && !self.jumps
    }

    /// Loads may move past it. What makes objects has changed the allocator's data, which the runtime reads; slow
    /// paths of exact ints, too, but no code has both these and such loads.
    pub fn lets_loads_pass(&self) -> bool {
        self.is_silent() && !self.fresh
    }

    /// Its result depends on nothing but its operands: two of them with the same ones are equal.
    pub fn computes(&self) -> bool {
        self.reads == Memory::NONE && self.writes.is_within(Memory::ALLOCATOR) && !self.jumps
    }
}

/// What an instruction of a function may do.
#[inline]
pub fn effects(module: &Module, func: &Function, d: &InstData) -> Effects {
    let divides = || func.as_iconst(func.list(d.args)[1]).is_none_or(|c| c == 0);
    // The slow path may allocate.
    let exact = Effects { writes: Memory::ALLOCATOR, stack: true, ..Effects::NOTHING };
    match d.op.info().effect {
        Effect::Pure => Effects::NOTHING,
        Effect::Terminator => Effects { jumps: true, visible: d.op == Op::Unreachable, ..Effects::NOTHING },
        Effect::Partial => Effects { partial: divides(), ..Effects::NOTHING },
        Effect::Load(_) => Effects { reads: Memory::ACCESSED, ..Effects::NOTHING },
        Effect::Store(_) => Effects { writes: Memory::ACCESSED, ..Effects::NOTHING },
        Effect::Fill => Effects { reads: Memory::ALL, writes: Memory::ALL, ..Effects::NOTHING },
        Effect::Exact => exact,
        Effect::ExactPartial => Effects { partial: divides(), visible: divides(), ..exact },
        // Not the same at another place.
        Effect::Stack => Effects { reads: Memory::ALL, stack: true, ..Effects::NOTHING },
        Effect::System => {
            Effects { reads: Memory::ALL, writes: Memory::ALL, visible: true, ..Effects::NOTHING }
        }
        Effect::Leave => Effects { makes_objects: false, nests: false, returns: false, ..Effects::ANYTHING },
        Effect::Call => d.sym.map_or(Effects::ANYTHING, |s| of_call(module.sym(s).attributes)),
    }
}

/// What a call of a function with these attributes may do.
fn of_call(callee: Attributes) -> Effects {
    let Attributes { readonly, pure_, noreturn, quiet, bounded, barren, apart, fresh, .. } = callee;
    // Where objects come from is no effect, and these are for the inliner.
    let Attributes { newborn: _, renews: _, inline: _, cold: _, .. } = callee;
    Effects {
        reads: if pure_ { Memory::NONE } else { Memory::ALL },
        writes: if readonly || fresh {
            Memory::ALLOCATOR
        } else if apart {
            Memory::LIBRARY
        } else {
            Memory::ALL
        },
        partial: false,
        // There may be no room for an object, which is nobody's wish.
        visible: !(pure_ || fresh) || noreturn,
        stack: !quiet,
        makes_objects: !(barren || quiet || noreturn),
        fresh,
        nests: !(bounded || quiet || noreturn),
        returns: !noreturn,
        jumps: false,
    }
}
