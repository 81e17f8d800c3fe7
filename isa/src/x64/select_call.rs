//! Selection: parameters, calls, system calls.

use crate::mach::{ArgLoc, Flow, class_of};
use crate::x64::composite::Composite;
use crate::x64::insts::Row;
use crate::x64::regs::*;
use crate::x64::select::{Amode, Arg, L, Operands, copy, put, put_composite};
use crate::x64::select_mem::load_source;
use crate::x64::{Base, Inst, Mem};
use mochi_ir::{Conv, Op, Value};
use regalloc2::{Operand, PReg, RegClass, VReg};

/// Defines the parameters.
pub fn params(l: &mut L, params: &[VReg]) {
    let (places, _) = l.abi().assign(params.iter().map(|p| p.class()));
    // Parameters in registers that are needed for something else move out of them at once.
    let busy = l.fixed_registers();
    let mut ops = Vec::new();
    let mut copies = Vec::new();
    for (&p, place) in params.iter().zip(&places) {
        if let ArgLoc::Reg(r) = *place {
            let first = if busy.contains(r) { l.temp(p.class()) } else { p };
            ops.push(Operand::reg_fixed_def(first, r));
            copies.push((p, first));
        }
    }
    l.push(Inst::Params, Flow::Next, &ops);
    for (p, first) in copies {
        if p != first {
            copy(l, p, first);
        }
    }
    for (&p, place) in params.iter().zip(&places) {
        if let ArgLoc::Stack(offset) = place {
            let row = if p.class() == RegClass::Float { Row::MovsdLoad } else { Row::Mov };
            put(l, row, &[Arg::W(p), Arg::M(Amode::fixed(Base::Incoming, *offset as i32))]);
        }
    }
}

/// Puts arguments in their places: stack arguments now, register arguments as operands.
fn arguments(l: &mut L, args: &[Value], ops: &mut Vec<Operand>) {
    let func = l.func;
    let (places, stack) = l.abi().assign(args.iter().map(|&a| class_of(func.ty(a))));
    l.note_call(stack);
    for (&a, place) in args.iter().zip(&places) {
        let ArgLoc::Stack(offset) = *place else { continue };
        let slot = Arg::M(Amode::fixed(Base::Outgoing, offset as i32));
        match l.iconst(a) {
            Some(c) if c as i32 as i64 == c => put(l, Row::MovStoreI, &[slot, Arg::I(c)]),
            _ => {
                let v = l.reg(a);
                let row = if v.class() == RegClass::Float { Row::MovsdStore } else { Row::MovStore };
                put(l, row, &[slot, Arg::R(v)]);
            }
        }
    }
    for (&a, place) in args.iter().zip(&places) {
        if let ArgLoc::Reg(r) = *place {
            ops.push(Operand::reg_fixed_use(l.fixed(a), r));
        }
    }
}

/// Emits a call with its result.
fn finish(l: &mut L, inst: mochi_ir::Inst, call: Inst, conv: Conv, mut ops: Vec<Operand>) {
    let Some(v) = l.data(inst).result else {
        let clobbers = l.abi().clobbers(conv, None);
        return l.push_clobbering(call, &ops, clobbers);
    };
    let ty = l.func.ty(v);
    let r = l.fixed_result(inst);
    ops.push(Operand::reg_fixed_def(r, l.abi().result(ty)));
    let clobbers = l.abi().clobbers(conv, Some(ty));
    l.push_clobbering(call, &ops, clobbers);
    l.fixed_done(inst, r);
}

/// Selects a direct call.
pub fn call(l: &mut L, inst: mochi_ir::Inst) {
    let sym = l.data(inst).sym.expect("callee");
    let conv = l.module.signature(sym).conv;
    let mut ops = Vec::new();
    arguments(l, l.operands(inst), &mut ops);
    finish(l, inst, Inst::Call(sym), conv, ops);
}

/// Selects a call of an address.
pub fn call_indirect(l: &mut L, inst: mochi_ir::Inst) {
    let (target, args) = l.operands(inst).split_first().expect("address to call");
    let mut ops = Vec::new();
    let mem = match load_source(l, *target, Op::Load64) {
        Some(a) => {
            ops.extend(a.base.into_iter().chain(a.index).map(Operand::reg_use));
            a.mem
        }
        None => {
            ops.push(Operand::any_use(l.reg(*target)));
            Mem::NONE
        }
    };
    arguments(l, args, &mut ops);
    finish(l, inst, Inst::CallMem(mem), Conv::C, ops);
}

/// Selects a system call (psABI x86-64, appendix A.2.1).
pub fn syscall(l: &mut L, inst: mochi_ir::Inst) {
    const PLACES: [PReg; 7] = [RAX, RDI, RSI, RDX, R10, R8, R9];
    let args = l.operands(inst);
    let mut ops = Operands::new();
    for (&a, place) in args.iter().zip(PLACES) {
        ops.add(Operand::reg_fixed_use(l.fixed(a), place));
    }
    ops.add(Operand::reg_fixed_def(l.result(inst), RAX));
    let clobbers = [RCX, R11].into_iter().collect();
    l.push_clobbering(Inst::Row { row: Row::Syscall, mem: Mem::NONE, imm: 0 }, ops.list(), clobbers);
}

/// Selects a switch of stacks. The call does not return, so nothing is destroyed.
pub fn switch_stack(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let mut ops = Operands::new();
    ops.add(Operand::reg_use(l.reg(args[0])));
    ops.add(Operand::reg_use(l.reg(args[1])));
    ops.add(Operand::reg_fixed_use(l.fixed(args[2]), l.abi().int_args[0]));
    put_composite(l, Composite::SwitchStack, &ops);
}
