//! The entry point of executables.

use crate::mach;
use mochi_ir::Sym;
use mochi_objwrite::{Atom, RelocEntry, RelocKind, SymRef};

/// `_start`: `xor %ebp,%ebp; mov %rsp,%rdi; and $-16,%rsp; call start; ud2`. The frame pointer 0
/// ends back traces (psABI x86-64, section 3.4.1).
pub fn stub(entry: Sym, start: Sym) -> Atom {
    let mut bytes = vec![0x31, 0xed, 0x48, 0x89, 0xe7, 0x48, 0x83, 0xe4, 0xf0, 0xe8];
    let offset = bytes.len() as u32;
    bytes.extend([0, 0, 0, 0, 0x0f, 0x0b]);
    let call = RelocEntry { offset, kind: RelocKind::X64Call, sym: SymRef(start.0), addend: -4 };
    mach::entry::atom(entry, bytes, call)
}
