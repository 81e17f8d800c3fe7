//! Code that is made of no IR: the entry point of executables, the way to imported functions.

use crate::a64::insts::Row;
use crate::a64::regs::*;
use crate::mach;
use crate::mach::fields::FieldRow;
use crate::mach::operands::{i, r};
use mochi_ir::Sym;
use mochi_objwrite::platform::Entry;
use mochi_objwrite::{Atom, CfiOp, RelocEntry, RelocKind, SymRef};

/// `_start`: clears the frame pointer, which ends back traces, and calls `start`. Where arguments are on the
/// stack, which is aligned (AAPCS64, section 6.4.5.1), it gets the initial stack pointer, and there is no return
/// address; where there is a caller, what that one needs is kept.
pub fn stub(found: Entry, entry: Sym, start: Sym) -> Atom {
    let clear = |reg| Row::Movz.encode(&[r(reg), i(0), i(0)]);
    let (mut words, steps) = if found == Entry::Stack {
        let words = vec![clear(FP), clear(LR), Row::MovSp.encode(&[r(x(0)), r(SP)])];
        (words, vec![(0, CfiOp::NoCaller)])
    } else {
        let push = Row::StpPre.encode(&[r(FP), r(LR), r(SP), i(-16)]);
        let saved = [CfiOp::DefCfaOffset(16), CfiOp::Offset(dwarf(FP), -16), CfiOp::Offset(dwarf(LR), -8)];
        (vec![push, clear(FP)], saved.map(|op| (4, op)).into())
    };
    let offset = 4 * words.len() as u32;
    words.extend([Row::Bl.encode(&[i(0)]), Row::Brk.encode(&[i(1)])]);
    let call = RelocEntry { offset, kind: RelocKind::A64Call, sym: SymRef(start.0), addend: 0 };
    mach::entry::start(entry, bytes(&words), call, steps)
}

/// `adrp x16, slot; ldr x16, [x16, slot]; br x16`: the register is scratch at calls (AAPCS64, section 6.1.1).
pub fn import(function: Sym, slot: Sym) -> Atom {
    let words = [
        Row::Adrp.encode(&[r(IP0), i(0)]),
        Row::Ldr.encode(&[r(IP0), r(IP0), i(0)]),
        Row::BranchReg.encode(&[r(IP0)]),
    ];
    let field = |offset, kind| RelocEntry { offset, kind, sym: SymRef(slot.0), addend: 0 };
    let relocs = vec![field(0, RelocKind::A64Page), field(4, RelocKind::A64Ldst64Lo12)];
    mach::entry::atom(function, bytes(&words), relocs)
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}
