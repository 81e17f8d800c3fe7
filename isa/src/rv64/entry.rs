//! The entry point of executables.

use crate::mach;
use crate::mach::fields::FieldRow;
use crate::mach::operands::{i, r};
use crate::rv64::insts::Row;
use crate::rv64::regs::*;
use mochi_ir::Sym;
use mochi_objwrite::{Atom, CfiOp, RelocEntry, RelocKind, SymRef};

/// `_start`: clears the frame pointer, which ends back traces, and calls `start` with the initial
/// stack pointer, which is aligned (psABI, section 2.1).
pub fn stub(entry: Sym, start: Sym) -> Atom {
    let words = [
        Row::Addi.encode(&[r(FP), r(ZERO), i(0)]),
        Row::Addi.encode(&[r(A0), r(SP), i(0)]),
        Row::Jal.encode(&[r(RA), i(0)]),
        Row::Ebreak.encode(&[]),
    ];
    let bytes = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    let call = RelocEntry { offset: 8, kind: RelocKind::Rv64Jal, sym: SymRef(start.0), addend: 0 };
    mach::entry::start(entry, bytes, call, vec![(0, CfiOp::NoCaller)])
}
