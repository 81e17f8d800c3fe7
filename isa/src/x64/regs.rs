//! Registers of x86-64: numbers, names, DWARF numbers.
//!
//! A `PReg`'s number is the hardware encoding. The stack pointer and the frame pointer are never
//! allocated.

use iced_x86::Register;
use regalloc2::{PReg, PRegSet, RegClass};
use std::ops::Range;

/// An integer register by hardware encoding.
pub const fn gpr(n: usize) -> PReg {
    PReg::new(n, RegClass::Int)
}

/// An SSE register.
pub const fn xmm(n: usize) -> PReg {
    PReg::new(n, RegClass::Float)
}

/// rax.
pub const RAX: PReg = gpr(0);
/// rcx: shift counts.
pub const RCX: PReg = gpr(1);
/// rdx: high half of products.
pub const RDX: PReg = gpr(2);
/// rbx.
pub const RBX: PReg = gpr(3);
/// Stack pointer.
pub const RSP: PReg = gpr(4);
/// Frame pointer.
pub const RBP: PReg = gpr(5);
/// rsi.
pub const RSI: PReg = gpr(6);
/// rdi.
pub const RDI: PReg = gpr(7);
/// r8.
pub const R8: PReg = gpr(8);
/// r9.
pub const R9: PReg = gpr(9);
/// r10.
pub const R10: PReg = gpr(10);
/// r11.
pub const R11: PReg = gpr(11);

/// A set: integer registers by encoding, and a range of SSE registers.
pub const fn set(ints: &[usize], floats: Range<usize>) -> PRegSet {
    let mut set = PRegSet::empty();
    let mut i = 0;
    while i < ints.len() {
        set = set.with(gpr(ints[i]));
        i += 1;
    }
    i = floats.start;
    while i < floats.end {
        set = set.with(xmm(i));
        i += 1;
    }
    set
}

/// Width of an integer register operand, or an SSE register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Width {
    /// 8 bits.
    B,
    /// 16 bits.
    W,
    /// 32 bits.
    L,
    /// 64 bits.
    Q,
    /// SSE.
    X,
}

/// iced's name of a register in a width.
pub fn iced(reg: PReg, width: Width) -> Register {
    use Register::*;
    const B: [Register; 16] =
        [AL, CL, DL, BL, SPL, BPL, SIL, DIL, R8L, R9L, R10L, R11L, R12L, R13L, R14L, R15L];
    let n = reg.hw_enc();
    debug_assert_eq!(reg.class() == RegClass::Float, width == Width::X, "register class");
    match width {
        Width::B => B[n],
        Width::W => AX + n as u32,
        Width::L => EAX + n as u32,
        Width::Q => RAX + n as u32,
        Width::X => XMM0 + n as u32,
    }
}

/// DWARF number (psABI x86-64, figure 3.36).
pub fn dwarf(reg: PReg) -> u16 {
    const INT: [u16; 16] = [0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15];
    match reg.class() {
        RegClass::Int => INT[reg.hw_enc()],
        _ => 17 + reg.hw_enc() as u16,
    }
}
