//! The entry point of executables.

use crate::a64::emit::{i, r};
use crate::a64::insts::Row;
use crate::a64::regs::*;
use mochi_ir::Sym;
use mochi_objwrite::{Atom, AtomKind, CfiOp, FrameInfo, FunctionInfo, RelocEntry, RelocKind, SymRef};

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
    // The return address is undefined: nothing to unwind to. The closest the model has is a
    // frame whose address is the stack pointer itself.
    let frame = FrameInfo { ops: vec![(0, CfiOp::DefCfa(dwarf(SP), 0))] };
    Atom {
        sym: SymRef(entry.0),
        kind: AtomKind::Text,
        align: 16,
        bytes: words.iter().flat_map(|w| w.to_le_bytes()).collect(),
        zero_size: 0,
        relocs: vec![RelocEntry { offset: 12, kind: RelocKind::A64Call, sym: SymRef(start.0), addend: 0 }],
        function: Some(FunctionInfo { display: "_start".to_string(), frame, ..FunctionInfo::default() }),
    }
}
