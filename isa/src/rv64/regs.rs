//! Registers of RV64: numbers, names, DWARF numbers.
//!
//! A `PReg`'s number is the field's value in an encoding. Never allocated: the zero register, the
//! stack pointer, the global and the thread pointer, which belong to the platform, the frame
//! pointer s0, and two scratch registers, free within one instruction: ra, whose value at entry is
//! always in the frame, and t6.

use regalloc2::{PReg, PRegSet, RegClass};
use std::ops::Range;

/// An integer register.
pub const fn x(n: usize) -> PReg {
    PReg::new(n, RegClass::Int)
}

/// A float register.
pub const fn f(n: usize) -> PReg {
    PReg::new(n, RegClass::Float)
}

/// The zero register.
pub const ZERO: PReg = x(0);
/// The return address; in the body of a function the first scratch register.
pub const RA: PReg = x(1);
/// The stack pointer.
pub const SP: PReg = x(2);
/// The frame pointer.
pub const FP: PReg = x(8);
/// The first argument and the result.
pub const A0: PReg = x(10);
/// The second argument.
pub const A1: PReg = x(11);
/// Second scratch register.
pub const T6: PReg = x(31);

/// Names of the integer registers (psABI, chapter 1).
pub const INT_NAMES: [&str; 32] = [
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
    "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
];

/// Names of the float registers (psABI, chapter 1).
pub const FLOAT_NAMES: [&str; 32] = [
    "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2", "fa3", "fa4",
    "fa5", "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8",
    "ft9", "ft10", "ft11",
];

/// The registers of a class in ranges of numbers.
const fn set(ranges: &[(RegClass, Range<usize>)]) -> PRegSet {
    let mut set = PRegSet::empty();
    let mut k = 0;
    while k < ranges.len() {
        let mut n = ranges[k].1.start;
        while n < ranges[k].1.end {
            set = set.with(PReg::new(n, ranges[k].0));
            n += 1;
        }
        k += 1;
    }
    set
}

const INT: RegClass = RegClass::Int;
const FLOAT: RegClass = RegClass::Float;

/// Registers a call does not keep: t0 to t2, a0 to a7, t3 to t5 (ra and t6 are not allocated); ft0
/// to ft7, fa0 to fa7, ft8 to ft11.
pub const CALLER_SAVED: PRegSet =
    set(&[(INT, 5..8), (INT, 10..18), (INT, 28..31), (FLOAT, 0..8), (FLOAT, 10..18), (FLOAT, 28..32)]);

/// Registers a function keeps: s1 to s11, fs0 to fs11.
pub const CALLEE_SAVED: PRegSet = set(&[(INT, 9..10), (INT, 18..28), (FLOAT, 8..10), (FLOAT, 18..28)]);

/// DWARF number (psABI, chapter 11).
pub fn dwarf(reg: PReg) -> u16 {
    match reg.class() {
        RegClass::Int => reg.hw_enc() as u16,
        _ => 32 + reg.hw_enc() as u16,
    }
}
