//! Calling convention of AArch64 (AAPCS64, section 6), prologues and epilogues.

use crate::a64::A64;
use crate::a64::emit::NO_SHIFT;
use crate::a64::insts::{Cc, Row};
use crate::a64::regs::*;
use crate::mach::abi::FEW_PROBES;
use crate::mach::operands::{i, r};
use crate::mach::{Abi, Emitter};
use mochi_objwrite::CfiOp;
use mochi_objwrite::platform::Saves;
use regalloc2::{PReg, PRegSet, RegClass};

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

/// The saved registers in the order of [`Saves::PushedPairs`]: neighbours with the higher number first, even
/// where only one of them has to be saved; then those that calls destroy, of which no table speaks.
pub fn in_pairs(saved: PRegSet) -> Vec<PReg> {
    let mut order = Vec::new();
    for pair in [x as fn(usize) -> PReg, d]
        .into_iter()
        .zip([19..29, 8..16])
        .flat_map(|(register, numbers)| numbers.rev().step_by(2).map(move |n| [register(n), register(n - 1)]))
    {
        if pair.iter().any(|&reg| saved.contains(reg)) {
            order.extend(pair);
        }
    }
    order.extend(saved & CALLER_SAVED);
    order
}

/// Emits the prologue: frame record, saved integer registers, room for the rest of the frame, saved
/// float registers. Where tables want it, the frame pointer is set up behind all that is pushed.
fn prologue(e: &mut Emitter<A64>) {
    e.put(Row::StpPre, &[r(FP), r(LR), r(SP), i(-16)]);
    e.buf.cfi(CfiOp::DefCfaOffset(RECORD));
    e.buf.cfi(CfiOp::Offset(dwarf(FP), -16));
    e.buf.cfi(CfiOp::Offset(dwarf(LR), -8));
    let in_pairs = in_pairs_only(e);
    if !in_pairs {
        e.put(Row::MovSp, &[r(FP), r(SP)]);
        e.buf.cfi(CfiOp::DefCfaRegister(dwarf(FP)));
    }
    let (saves, count) = (pairs(e), pushes(e));
    let mut pushed = 0;
    for &(first, second, offset) in &saves[..count] {
        let row = if first.class() == RegClass::Float { Row::StpDPre } else { Row::StpPre };
        e.put(row, &[r(second.unwrap_or(ZR)), r(first), r(SP), i(-16)]);
        pushed += 16;
        if in_pairs {
            e.buf.cfi(CfiOp::DefCfaOffset(RECORD + pushed as i32));
        }
        note_saved(e, first, second, offset);
    }
    if in_pairs {
        e.put(Row::AddI, &[r(FP), r(SP), i(pushed.into())]);
        e.buf.cfi(CfiOp::DefCfa(dwarf(FP), RECORD));
    }
    let mut rest = e.frame.size - pushed;
    if rest >= e.probe_step() {
        rest = probe(e, rest);
    }
    if rest > 0 {
        e.put(Row::SubI, &[r(SP), r(SP), i(rest as i64)]);
    }
    for &(first, second, offset) in &saves[count..] {
        save_or_restore(e, first, second, offset, true);
        note_saved(e, first, second, offset);
    }
}

/// Bytes of the frame record.
const RECORD: i32 = 16;

/// Registers are saved as [`Saves::PushedPairs`] says.
fn in_pairs_only(e: &Emitter<A64>) -> bool {
    e.context.target.platform.saves == Saves::PushedPairs
}

/// How many of the saved pairs are pushed, the last one of integers perhaps with a zero below it: the
/// integers of frames that need no probe; or else all that can be.
fn pushes(e: &Emitter<A64>) -> usize {
    let ints = e.frame.saved_ints.len();
    if !in_pairs_only(e) {
        return if e.frame.size < e.probe_step() { ints.div_ceil(2) } else { 0 };
    }
    // Floats lie right below the integers.
    let floats = e.frame.saved_floats.iter().filter(|&&reg| CALLEE_SAVED.contains(reg)).count();
    ints.div_ceil(2) + if ints.is_multiple_of(2) { floats / 2 } else { 0 }
}

fn note_saved(e: &mut Emitter<A64>, first: PReg, second: Option<PReg>, offset: i32) {
    let above = if second.is_some() { offset + 8 } else { offset };
    for (reg, at) in [(Some(first), above), (second, offset)] {
        if let Some(reg) = reg {
            e.buf.cfi(CfiOp::Offset(dwarf(reg), at - 16));
        }
    }
}

fn note_restored(e: &mut Emitter<A64>, pairs: &[(PReg, Option<PReg>, i32)]) {
    for reg in pairs.iter().flat_map(|&(first, second, _)| [Some(first), second]).flatten() {
        e.buf.cfi(CfiOp::Restore(dwarf(reg)));
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
    let (saves, pushes) = (pairs(e), pushes(e));
    let pushed = 16 * pushes as u32;
    let only_pushed = pushes == saves.len() && e.frame.size == pushed;
    let pops = if only_pushed || in_pairs_only(e) { pushes } else { 0 };
    for &(first, second, offset) in saves[pops..].iter().rev() {
        save_or_restore(e, first, second, offset, false);
    }
    if e.frame.size > 0 && pops == 0 {
        e.put(Row::MovSp, &[r(SP), r(FP)]);
    } else if !only_pushed {
        e.put(Row::SubI, &[r(SP), r(FP), i(pushed.into())]);
    }
    // Until the stack pointer moves, they are in memory, too.
    note_restored(e, &saves[pops..]);
    for &(first, second, offset) in saves[..pops].iter().rev() {
        let row = if first.class() == RegClass::Float { Row::LdpDPost } else { Row::LdpPost };
        e.put(row, &[r(second.unwrap_or(ZR)), r(first), r(SP), i(16)]);
        note_restored(e, &[(first, second, offset)]);
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
