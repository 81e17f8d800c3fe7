//! Registers of AArch64: numbers, names, DWARF numbers.
//!
//! A `PReg`'s number is the field's value in an encoding, except that number 31 is the zero
//! register and 32 stands for the stack pointer, which share the value 31. Never allocated: the
//! scratch registers x16 and x17 (free within one instruction, since a linker's veneers may use
//! them between two), the platform register x18, the frame pointer x29, the link register x30,
//! the zero register and the stack pointer.

use regalloc2::{PReg, PRegSet, RegClass};
use std::ops::Range;

/// An integer register.
pub const fn x(n: usize) -> PReg {
    PReg::new(n, RegClass::Int)
}

/// A float register.
pub const fn d(n: usize) -> PReg {
    PReg::new(n, RegClass::Float)
}

/// First scratch register.
pub const IP0: PReg = x(16);
/// Second scratch register.
pub const IP1: PReg = x(17);
/// Frame pointer.
pub const FP: PReg = x(29);
/// Link register.
pub const LR: PReg = x(30);
/// The zero register.
pub const ZR: PReg = x(31);
/// The stack pointer.
pub const SP: PReg = x(32);

/// The integer registers and the float registers (two ranges) with these numbers.
pub const fn set(ints: Range<usize>, floats: Range<usize>, more: Range<usize>) -> PRegSet {
    let mut set = PRegSet::empty();
    let mut n = 0;
    while n < 32 {
        if ints.start <= n && n < ints.end {
            set = set.with(x(n));
        }
        if floats.start <= n && n < floats.end || more.start <= n && n < more.end {
            set = set.with(d(n));
        }
        n += 1;
    }
    set
}

/// Registers a call does not keep; x16 to x18 are not allocated.
pub const CALLER_SAVED: PRegSet = set(0..16, 0..8, 16..32);

/// Registers a function keeps.
pub const CALLEE_SAVED: PRegSet = set(19..29, 8..16, 0..0);

/// DWARF number (DWARF for the Arm 64-bit Architecture, table 4.1).
pub fn dwarf(reg: PReg) -> u16 {
    match reg.class() {
        RegClass::Int => reg.hw_enc().min(31) as u16,
        _ => 64 + reg.hw_enc() as u16,
    }
}
