//! The entry point of executables.

use crate::a64::insts::Row;
use crate::a64::regs::*;
use crate::mach;
use crate::mach::fields::FieldRow;
use crate::mach::operands::{i, r};
use mochi_ir::Sym;
use mochi_objwrite::{Atom, RelocEntry, RelocKind, SymRef};

/// `_start`: clears the frame pointer and the link register, which ends back traces, and calls
/// `start` with the initial stack pointer, which is aligned (AAPCS64, section 6.4.5.1).
pub fn stub(entry: Sym, start: Sym) -> Atom {
    let words = [
        Row::Movz.encode(&[r(FP), i(0), i(0)]),
        Row::Movz.encode(&[r(LR), i(0), i(0)]),
        Row::MovSp.encode(&[r(x(0)), r(SP)]),
        Row::Bl.encode(&[i(0)]),
        Row::Brk.encode(&[i(1)]),
    ];
    let bytes = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    let call = RelocEntry { offset: 12, kind: RelocKind::A64Call, sym: SymRef(start.0), addend: 0 };
    mach::entry::atom(entry, bytes, call)
}
