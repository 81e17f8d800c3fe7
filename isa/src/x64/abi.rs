//! Calling conventions of x86-64, prologues and epilogues: System V's (psABI, section 3.2) for our code on
//! every system, that of Windows for calls from and to the system.

use crate::mach::abi::FEW_PROBES;
use crate::mach::{Abi, Emitter};
use crate::x64::X64;
use crate::x64::emit::Opd;
use crate::x64::insts::{Cc, Row};
use crate::x64::regs::*;
use mochi_ir::Conv;
use mochi_objwrite::CfiOp;

/// The System V convention.
pub static SYSTEM_V: Abi<X64> = Abi {
    stack_pointer: RSP,
    frame_pointer: RBP,
    int_args: &[RDI, RSI, RDX, RCX, R8, R9],
    float_args: &[xmm(0), xmm(1), xmm(2), xmm(3), xmm(4), xmm(5), xmm(6), xmm(7)],
    shared_positions: false,
    floats_as_ints: false,
    shadow: 0,
    int_result: RAX,
    float_result: xmm(0),
    caller_saved: set(&[0, 1, 2, 6, 7, 8, 9, 10, 11], 0..16),
    callee_saved: set(&[3, 12, 13, 14, 15], 0..0),
    kept_float: 8,
    // Appendix A.2.1.
    syscall_args: &[RAX, RDI, RSI, RDX, R10, R8, R9],
    syscall_result: RAX,
    syscall_clobbers: set(&[1, 11], 0..0),
    prologue,
    epilogue,
};

/// The convention of Windows (Microsoft, "x64 calling convention"). There are no system calls.
pub static WIN64: Abi<X64> = Abi {
    int_args: &[RCX, RDX, R8, R9],
    float_args: &[xmm(0), xmm(1), xmm(2), xmm(3)],
    shared_positions: true,
    shadow: 32,
    caller_saved: set(&[0, 1, 2, 8, 9, 10, 11], 0..6),
    callee_saved: set(&[3, 6, 7, 12, 13, 14, 15], 6..16),
    kept_float: 16,
    ..SYSTEM_V
};

/// Emits the prologue: frame record, saved registers, room for the frame.
fn prologue(e: &mut Emitter<X64>) {
    e.put(Row::Push, &[Opd::Reg(RBP)]);
    e.buf.cfi(CfiOp::DefCfaOffset(16));
    e.buf.cfi(CfiOp::Offset(dwarf(RBP), -16));
    e.put(Row::Mov, &[Opd::Reg(RBP), Opd::Reg(RSP)]);
    e.buf.cfi(CfiOp::DefCfaRegister(dwarf(RBP)));
    for (i, reg) in e.frame.saved_ints.clone().into_iter().enumerate() {
        e.put(Row::Push, &[Opd::Reg(reg)]);
        e.buf.cfi(CfiOp::Offset(dwarf(reg), -24 - 8 * i as i32));
    }
    let mut rest = e.frame.size - e.frame.int_bytes();
    if rest >= e.probe_step() {
        rest -= probe(e, rest);
    }
    if rest > 0 {
        e.put_imm(Row::SubI, Opd::Reg(RSP), rest as i64);
    }
    for (i, reg) in e.frame.saved_floats.clone().into_iter().enumerate() {
        let slot = Opd::frame(e.frame.float_offset(i));
        let store = if e.frame.kept_float == 8 { Row::MovsdStore } else { Row::MovupsStore };
        e.put(store, &[slot, Opd::Reg(reg)]);
        let (reg, place) = (dwarf(reg), e.frame.float_offset(i) - 16);
        let whole = e.frame.kept_float > SYSTEM_V.kept_float;
        e.buf.cfi(if whole { CfiOp::WholeOffset(reg, place) } else { CfiOp::Offset(reg, place) });
    }
}

/// Touches every page of the next `bytes` of stack, from the top, and returns how far the stack
/// pointer was moved by that.
fn probe(e: &mut Emitter<X64>, bytes: u32) -> u32 {
    let step = e.probe_step();
    let pages = bytes / step;
    // The loop needs r11, which carries no argument; functions that keep every register have no
    // large frames, so they may take the long form.
    if pages <= FEW_PROBES || e.func.conv == Conv::PreserveAll {
        for page in 1..=pages {
            e.put(Row::TestMem, &[Opd::stack(-((page * step) as i32)), Opd::Reg(RSP)]);
        }
        return 0;
    }
    e.put(Row::Lea, &[Opd::Reg(R11), Opd::stack(-(bytes as i32))]);
    let again = e.buf.label();
    e.buf.bind(again);
    e.put_imm(Row::SubI, Opd::Reg(RSP), step as i64);
    e.put(Row::TestMem, &[Opd::stack(0), Opd::Reg(RSP)]);
    e.put(Row::Cmp, &[Opd::Reg(RSP), Opd::Reg(R11)]);
    e.jcc(Cc::A, again);
    e.put(Row::Mov, &[Opd::Reg(RSP), Opd::Reg(R11)]);
    bytes
}

/// Emits the epilogue and the return.
fn epilogue(e: &mut Emitter<X64>) {
    let more = e.more_code();
    if more {
        e.buf.cfi(CfiOp::RememberState);
    }
    for (i, reg) in e.frame.saved_floats.clone().into_iter().enumerate() {
        let slot = Opd::frame(e.frame.float_offset(i));
        let load = if e.frame.kept_float == 8 { Row::MovsdLoad } else { Row::MovupsLoad };
        e.put(load, &[Opd::Reg(reg), slot]);
        e.buf.cfi(CfiOp::Restore(dwarf(reg)));
    }
    let rest = e.frame.size - e.frame.int_bytes();
    if rest > 0 {
        e.put_imm(Row::AddI, Opd::Reg(RSP), rest as i64);
    }
    for reg in e.frame.saved_ints.clone().into_iter().rev() {
        e.put(Row::Pop, &[Opd::Reg(reg)]);
        e.buf.cfi(CfiOp::Restore(dwarf(reg)));
    }
    e.put(Row::Pop, &[Opd::Reg(RBP)]);
    e.buf.cfi(CfiOp::DefCfa(dwarf(RSP), 8));
    e.buf.cfi(CfiOp::Restore(dwarf(RBP)));
    e.put(Row::Ret, &[]);
    if more {
        e.buf.cfi(CfiOp::RestoreState);
    }
}
