//! Calling convention of AArch64 (AAPCS64, section 6), prologues and epilogues.

use crate::a64::A64;
use crate::a64::emit::NO_SHIFT;
use crate::a64::insts::{Cc, Row};
use crate::a64::regs::*;
use crate::mach::abi::FEW_PROBES;
use crate::mach::operands::{i, r};
use crate::mach::{Abi, Emitter};
use mochi_objwrite::CfiOp;
use regalloc2::{PReg, RegClass};

/// The procedure call standard. Of v8 to v15 only the low halves are kept, which is all we use.
pub static AAPCS64: Abi<A64> = Abi {
    stack_pointer: SP,
    frame_pointer: FP,
    int_args: &[x(0), x(1), x(2), x(3), x(4), x(5), x(6), x(7)],
    float_args: &[d(0), d(1), d(2), d(3), d(4), d(5), d(6), d(7)],
    shared_positions: false,
    floats_as_ints: false,
    shadow: 0,
    int_result: x(0),
    float_result: d(0),
    caller_saved: CALLER_SAVED,
    callee_saved: CALLEE_SAVED,
    kept_float: 8,
    // Linux: number in x8; everything but the result is kept.
    syscall_args: &[x(8), x(0), x(1), x(2), x(3), x(4), x(5)],
    syscall_result: x(0),
    syscall_clobbers: set(0..0, 0..0, 0..0),
    prologue,
    epilogue,
};

/// Emits the prologue: frame record, saved integer registers, room for the rest of the frame, saved
/// float registers.
fn prologue(e: &mut Emitter<A64>) {
    e.put(Row::StpPre, &[r(FP), r(LR), r(SP), i(-16)]);
    e.buf.cfi(CfiOp::DefCfaOffset(16));
    e.buf.cfi(CfiOp::Offset(dwarf(FP), -16));
    e.buf.cfi(CfiOp::Offset(dwarf(LR), -8));
    e.put(Row::MovSp, &[r(FP), r(SP)]);
    e.buf.cfi(CfiOp::DefCfaRegister(dwarf(FP)));
    let pushed = if e.frame.size < e.probe_step() { pushed(e) } else { 0 };
    let is_pushed = |reg: PReg| pushed > 0 && reg.class() == RegClass::Int;
    let saves = pairs(e);
    for &(first, second, offset) in &saves {
        if is_pushed(first) {
            e.put(Row::StpPre, &[r(second.unwrap_or(ZR)), r(first), r(SP), i(-16)]);
            note_saved(e, first, second, offset);
        }
    }
    let mut rest = e.frame.size - pushed;
    if rest >= e.probe_step() {
        rest = probe(e, rest);
    }
    if rest > 0 {
        e.put(Row::SubI, &[r(SP), r(SP), i(rest as i64)]);
    }
    for &(first, second, offset) in &saves {
        if !is_pushed(first) {
            save_or_restore(e, first, second, offset, true);
            note_saved(e, first, second, offset);
        }
    }
}

/// Bytes of the frame that are made by saving integer registers in twos, the last one perhaps with
/// a zero below it.
fn pushed(e: &Emitter<A64>) -> u32 {
    e.frame.int_bytes().next_multiple_of(16)
}

fn note_saved(e: &mut Emitter<A64>, first: PReg, second: Option<PReg>, offset: i32) {
    let above = if second.is_some() { offset + 8 } else { offset };
    for (reg, at) in [(Some(first), above), (second, offset)] {
        if let Some(reg) = reg {
            e.buf.cfi(CfiOp::Offset(dwarf(reg), at - 16));
        }
    }
}

/// The saved registers in twos: first, second (eight bytes below it), offset of the lower one
/// from the frame pointer.
fn pairs(e: &Emitter<A64>) -> Vec<(PReg, Option<PReg>, i32)> {
    let mut list = Vec::new();
    for (regs, top) in [(&e.frame.saved_ints, 0), (&e.frame.saved_floats, e.frame.int_bytes() as i32)] {
        for (k, two) in regs.chunks(2).enumerate() {
            let last = (2 * k + two.len()) as i32;
            list.push((two[0], two.get(1).copied(), -top - 8 * last));
        }
    }
    list
}

fn save_or_restore(e: &mut Emitter<A64>, first: PReg, second: Option<PReg>, offset: i32, save: bool) {
    let Some(second) = second else {
        return e.frame_access(offset, first, save);
    };
    let float = first.class() == RegClass::Float;
    let row = match (float, save) {
        (false, false) => Row::Ldp,
        (false, true) => Row::Stp,
        (true, false) => Row::LdpD,
        (true, true) => Row::StpD,
    };
    e.put(row, &[r(second), r(first), r(FP), i(offset as i64)]);
}

/// Moves the stack pointer down by whole steps, touching the end of each, and returns what is left.
fn probe(e: &mut Emitter<A64>, bytes: u32) -> u32 {
    let step = e.probe_step();
    let pages = bytes / step;
    let page = |e: &mut Emitter<A64>| {
        e.put(Row::SubI, &[r(SP), r(SP), i(step as i64)]);
        e.put(Row::Str, &[r(ZR), r(SP), i(0)]);
    };
    if pages <= FEW_PROBES {
        (0..pages).for_each(|_| page(e));
    } else {
        e.constant(IP0, (pages * step) as i64);
        e.put(Row::SubX, &[r(IP0), r(SP), r(IP0), NO_SHIFT]);
        let again = e.buf.label();
        e.buf.bind(again);
        page(e);
        e.put(Row::CmpX, &[r(SP), r(IP0), NO_SHIFT]);
        e.branch_if(Cc::Hi, again);
    }
    bytes % step
}

/// Emits the epilogue and the return.
fn epilogue(e: &mut Emitter<A64>) {
    let more = e.more_code();
    if more {
        e.buf.cfi(CfiOp::RememberState);
    }
    let pop = e.frame.size == pushed(e) && e.frame.saved_floats.is_empty();
    let mut saves = pairs(e);
    saves.reverse();
    for (first, second, offset) in saves {
        if pop {
            e.put(Row::LdpPost, &[r(second.unwrap_or(ZR)), r(first), r(SP), i(16)]);
        } else {
            save_or_restore(e, first, second, offset, false);
        }
        for reg in [Some(first), second].into_iter().flatten() {
            e.buf.cfi(CfiOp::Restore(dwarf(reg)));
        }
    }
    if e.frame.size > 0 && !pop {
        e.put(Row::MovSp, &[r(SP), r(FP)]);
    }
    e.put(Row::LdpPost, &[r(FP), r(LR), r(SP), i(16)]);
    e.buf.cfi(CfiOp::DefCfa(dwarf(SP), 0));
    e.buf.cfi(CfiOp::Restore(dwarf(FP)));
    e.buf.cfi(CfiOp::Restore(dwarf(LR)));
    e.put(Row::Return, &[]);
    if more {
        e.buf.cfi(CfiOp::RestoreState);
    }
}
