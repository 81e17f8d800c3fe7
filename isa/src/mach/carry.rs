//! What emission knows of the carry flag, on machines that have one.
//!
//! A carry is a word to the allocator: each sum takes it from a register and leaves it in one. From one sum
//! to the next it is also in the flag, if nothing between them changes that: then it need not be taken
//! from the register again, and long sums are chains of additions with carry. What is between them depends
//! on the allocator's moves, so this is found out when instructions are emitted.

use crate::mach::{Buffer, Fixups};
use regalloc2::{PReg, PRegSet, RegClass};
use std::ops::Range;

/// What an instruction does to the flag and to what is known of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CarryEffect {
    /// It may change the flag.
    Changes,
    /// It keeps the flag.
    Keeps,
    /// It keeps the flag, and its result has it as its lowest bit.
    Reads,
    /// It keeps the flag, and its result has the lowest bit of this register.
    Copies(PReg),
}

/// Registers whose lowest bit is the carry flag.
#[derive(Default)]
pub struct Carry {
    registers: PRegSet,
    /// Raw offset of the first instruction that the knowledge is of, and of the end of the last.
    from: usize,
    end: usize,
    /// The code that left the flag in registers, as far as it is in one piece.
    read: Range<usize>,
}

impl Carry {
    /// An instruction with these results has been emitted from this raw offset on.
    pub fn emitted<F: Fixups>(
        &mut self,
        buf: &Buffer<F>,
        at: usize,
        effect: CarryEffect,
        result: Option<PReg>,
    ) {
        let nothing = effect == CarryEffect::Changes || self.registers.is_empty(RegClass::Int);
        if nothing || self.end != at || !buf.is_straight(self.from) {
            (self.registers, self.from) = (PRegSet::empty(), at);
        }
        self.end = buf.bytes.len();
        let has = match effect {
            CarryEffect::Reads => true,
            CarryEffect::Copies(from) => self.registers.contains(from),
            CarryEffect::Changes | CarryEffect::Keeps => false,
        };
        match effect {
            CarryEffect::Reads => self.read = at..self.end,
            CarryEffect::Copies(_) if has && self.read.end == at => self.read.end = self.end,
            _ => {}
        }
        match result {
            Some(result) if has => self.registers.add(result),
            Some(result) => self.registers.remove(result),
            None => {}
        }
    }

    /// Whether the flag is the lowest bit of this register here. When nobody else wants that (`last`), it
    /// need not have been made.
    pub fn take<F: Fixups>(&mut self, buf: &mut Buffer<F>, register: PReg, last: bool) -> bool {
        let known = self.registers.contains(register) && self.end == buf.bytes.len();
        let known = known && buf.is_straight(self.from);
        if known && last && self.read.start >= self.from && buf.remove(self.read.clone()) {
            (self.registers, self.end) = (PRegSet::empty(), buf.bytes.len());
        }
        known
    }
}
