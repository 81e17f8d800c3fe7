//! Calling convention of RV64 (psABI 1.0, LP64D), prologues and epilogues.
//!
//! The frame pointer is the stack pointer before the call; the frame record, the caller's frame
//! pointer and the return address above it, is just below (psABI, section 2.3).

use crate::mach::abi::FEW_PROBES;
use crate::mach::operands::{i, r};
use crate::mach::{Abi, Emitter};
use crate::rv64::Rv64;
use crate::rv64::emit::Cc;
use crate::rv64::imm::fits12;
use crate::rv64::insts::Row;
use crate::rv64::regs::*;
use mochi_objwrite::CfiOp;
use regalloc2::{PReg, PRegSet};

/// The convention.
pub static LP64D: Abi<Rv64> = Abi {
    stack_pointer: SP,
    frame_pointer: FP,
    int_args: &[x(10), x(11), x(12), x(13), x(14), x(15), x(16), x(17)],
    float_args: &[f(10), f(11), f(12), f(13), f(14), f(15), f(16), f(17)],
    shared_positions: false,
    floats_as_ints: true,
    shadow: 0,
    int_result: x(10),
    float_result: f(10),
    caller_saved: CALLER_SAVED,
    callee_saved: CALLEE_SAVED,
    kept_float: 8,
    // Linux: number in a7; everything but the result is kept.
    syscall_args: &[x(17), x(10), x(11), x(12), x(13), x(14), x(15)],
    syscall_result: x(10),
    syscall_clobbers: PRegSet::empty(),
    prologue,
    epilogue,
};

/// Bytes of the frame record.
pub const RECORD: i32 = 16;

/// The bytes of a frame with its record, when one instruction makes room for all of it.
fn whole(e: &Emitter<Rv64>) -> Option<i64> {
    let all = e.frame.size as i64 + RECORD as i64;
    fits12(all).then_some(all)
}

/// Emits the prologue: room for the frame, frame record, saved registers.
fn prologue(e: &mut Emitter<Rv64>) {
    let first = whole(e).unwrap_or(RECORD as i64);
    e.put(Row::Addi, &[r(SP), r(SP), i(-first)]);
    e.buf.cfi(CfiOp::DefCfaOffset(first as i32));
    e.put(Row::Sd, &[r(RA), i(first - 8), r(SP)]);
    e.put(Row::Sd, &[r(FP), i(first - 16), r(SP)]);
    e.buf.cfi(CfiOp::Offset(dwarf(RA), -8));
    e.buf.cfi(CfiOp::Offset(dwarf(FP), -16));
    e.put(Row::Addi, &[r(FP), r(SP), i(first)]);
    e.buf.cfi(CfiOp::DefCfa(dwarf(FP), 0));
    if whole(e).is_none() {
        let rest = probe(e, e.frame.size);
        e.add_constant_to(SP, SP, -(rest as i64));
    }
    for (reg, offset) in saved(e) {
        e.frame_access(offset, reg, true);
        e.buf.cfi(CfiOp::Offset(dwarf(reg), offset - RECORD));
    }
}

/// The saved registers and their offsets from the frame record.
fn saved(e: &Emitter<Rv64>) -> Vec<(PReg, i32)> {
    let ints = e.frame.saved_ints.iter().enumerate().map(|(k, &reg)| (reg, -8 * (k as i32 + 1)));
    let floats = e.frame.saved_floats.iter().enumerate().map(|(k, &reg)| (reg, e.frame.float_offset(k)));
    ints.chain(floats).collect()
}

/// Moves the stack pointer down by whole steps, touching the end of each, and returns what is left.
fn probe(e: &mut Emitter<Rv64>, bytes: u32) -> u32 {
    let step = e.probe_step();
    let pages = bytes / step;
    if pages == 0 {
        return bytes;
    }
    let page = |e: &mut Emitter<Rv64>| {
        e.put(Row::Sub, &[r(SP), r(SP), r(RA)]);
        e.put(Row::Sd, &[r(ZERO), i(0), r(SP)]);
    };
    e.constant(RA, step as i64);
    if pages <= FEW_PROBES {
        (0..pages).for_each(|_| page(e));
    } else {
        e.constant(T6, (pages * step) as i64);
        e.put(Row::Sub, &[r(T6), r(SP), r(T6)]);
        let again = e.buf.label();
        e.buf.bind(again);
        page(e);
        e.branch_if(Cc::Ltu, T6, SP, again);
    }
    bytes % step
}

/// Emits the epilogue and the return.
fn epilogue(e: &mut Emitter<Rv64>) {
    let more = e.more_code();
    if more {
        e.buf.cfi(CfiOp::RememberState);
    }
    for (reg, offset) in saved(e) {
        e.frame_access(offset, reg, false);
    }
    // Until the stack pointer moves, they are in memory, too.
    let restored = |e: &mut Emitter<Rv64>| {
        for (reg, _) in saved(e) {
            e.buf.cfi(CfiOp::Restore(dwarf(reg)));
        }
    };
    let last = whole(e).unwrap_or(RECORD as i64);
    if whole(e).is_none() {
        e.put(Row::Addi, &[r(SP), r(FP), i(-last)]);
        restored(e);
    }
    e.put(Row::Ld, &[r(RA), i(last - 8), r(SP)]);
    e.put(Row::Ld, &[r(FP), i(last - 16), r(SP)]);
    e.buf.cfi(CfiOp::DefCfa(dwarf(SP), last as i32));
    e.put(Row::Addi, &[r(SP), r(SP), i(last)]);
    e.buf.cfi(CfiOp::DefCfaOffset(0));
    if whole(e).is_some() {
        restored(e);
    }
    e.buf.cfi(CfiOp::Restore(dwarf(RA)));
    e.buf.cfi(CfiOp::Restore(dwarf(FP)));
    e.put(Row::Jalr, &[r(ZERO), i(0), r(RA)]);
    if more {
        e.buf.cfi(CfiOp::RestoreState);
    }
}
