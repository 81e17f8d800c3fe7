//! Frame layout, the same for every instruction set: from the frame pointer down come the saved
//! registers, the spill slots, the slots of values that live in the frame, and at the stack pointer the
//! outgoing stack arguments. The
//! frame record (return address and caller's frame pointer) is at and above the frame pointer.

use regalloc2::{Allocation, Edit, OperandKind, Output, PReg, PRegSet, RegClass};

use crate::mach::Isa;
use crate::mach::code::Code;

/// A function's frame.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// Saved integer registers, in order of saving; the first is just below the frame pointer.
    pub saved_ints: Vec<PReg>,
    /// Saved float registers, below the integer ones.
    pub saved_floats: Vec<PReg>,
    /// Bytes that are saved of each of these; they are aligned to that.
    pub kept_float: u32,
    /// Number of 8-byte spill slots.
    pub spills: u32,
    /// Bytes below the frame pointer; a multiple of the stack alignment.
    pub size: u32,
}

impl Frame {
    /// Lays out the frame of a function that saves these registers in this order, with slots for spills and
    /// for values.
    pub fn new(saved: Vec<PReg>, spills: usize, homes: u32, outgoing: u32, kept_float: u32) -> Frame {
        let (saved_ints, saved_floats) = saved.into_iter().partition(|reg| reg.class() == RegClass::Int);
        let mut frame = Frame { saved_ints, saved_floats, kept_float, spills: spills as u32, size: 0 };
        let words = spills as u32 + homes;
        frame.size = (frame.saved_bytes() + words * 8 + outgoing).next_multiple_of(16);
        frame
    }

    /// Bytes of saved integer registers.
    pub fn int_bytes(&self) -> u32 {
        self.saved_ints.len() as u32 * 8
    }

    /// Bytes down to the end of the first so many saved float registers.
    fn float_end(&self, count: usize) -> u32 {
        match count {
            0 => self.int_bytes(),
            _ => self.int_bytes().next_multiple_of(self.kept_float) + self.kept_float * count as u32,
        }
    }

    /// Bytes of saved registers.
    fn saved_bytes(&self) -> u32 {
        self.float_end(self.saved_floats.len())
    }

    /// Offset from the frame pointer of the saved float register with this index.
    pub fn float_offset(&self, index: usize) -> i32 {
        -(self.float_end(index + 1) as i32)
    }

    /// Offset from the frame pointer of a slot; those of values come after the spill slots.
    pub fn slot_offset(&self, slot: usize) -> i32 {
        -(self.saved_bytes() as i32) - 8 * (slot as i32 + 1)
    }

    /// Offset from the frame pointer of the slot of a value.
    pub fn home_offset(&self, slot: u32) -> i32 {
        self.slot_offset((self.spills + slot) as usize)
    }
}

/// The registers the code writes: definitions, moves, and what calls destroy. The definitions of
/// the first instruction are the function's arguments, which were there before.
pub fn written<I: Isa>(code: &Code<I>, output: &Output) -> PRegSet {
    let mut set = PRegSet::empty();
    let mut add = |a: Allocation| {
        if let Some(r) = a.as_reg() {
            set.add(r);
        }
    };
    for inst in 1..code.insts.len() {
        let allocs = output.inst_allocs(regalloc2::Inst::new(inst));
        for (op, &alloc) in code.operands_of(inst).iter().zip(allocs) {
            if op.kind() == OperandKind::Def {
                add(alloc);
            }
        }
    }
    for (_, Edit::Move { to, .. }) in &output.edits {
        add(*to);
    }
    for m in &code.meta {
        if m.clobbers != 0 {
            set.union_from(code.clobber_sets[m.clobbers as usize]);
        }
    }
    set
}
