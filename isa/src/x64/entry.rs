//! Code that is made of no IR: the entry point of executables, the way to imported functions.

use crate::mach;
use crate::x64::regs::{RBP, dwarf};
use mochi_ir::Sym;
use mochi_objwrite::platform::Entry;
use mochi_objwrite::{Atom, CfiOp, RelocEntry, RelocKind, SymRef};

/// `_start`: `xor %ebp,%ebp; mov %rsp,%rdi; and $-16,%rsp; call start; ud2` where arguments are on the stack;
/// where there is a caller, `push %rbp; xor %ebp,%ebp; call start; ud2`, which aligns the stack, too. The frame
/// pointer 0 ends back traces (psABI x86-64, section 3.4.1).
pub fn stub(found: Entry, entry: Sym, start: Sym) -> Atom {
    let (mut bytes, steps) = if found == Entry::Stack {
        (vec![0x31, 0xed, 0x48, 0x89, 0xe7, 0x48, 0x83, 0xe4, 0xf0], vec![(0, CfiOp::NoCaller)])
    } else {
        let pushed = vec![(1, CfiOp::DefCfaOffset(16)), (1, CfiOp::Offset(dwarf(RBP), -16))];
        (vec![0x55, 0x31, 0xed], pushed)
    };
    bytes.push(0xe8);
    let offset = bytes.len() as u32;
    bytes.extend([0, 0, 0, 0, 0x0f, 0x0b]);
    let call = RelocEntry { offset, kind: RelocKind::X64Call, sym: SymRef(start.0), addend: -4 };
    mach::entry::start(entry, bytes, call, steps)
}

/// `jmp *slot(%rip)`.
pub fn import(function: Sym, slot: Sym) -> Atom {
    let relocs = vec![RelocEntry { offset: 2, kind: RelocKind::X64Pc32, sym: SymRef(slot.0), addend: -4 }];
    mach::entry::atom(function, vec![0xff, 0x25, 0, 0, 0, 0], relocs)
}
