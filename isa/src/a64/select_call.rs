//! Selection: parameters, calls, system calls.

use crate::a64::Inst;
use crate::a64::composite::Composite;
use crate::a64::insts::Row;
use crate::a64::regs::*;
use crate::a64::select::{Arg, L, copy, put_composite, word};
use crate::a64::select_mem::{Address, LOAD_64, LOAD_F64, STORE_64, STORE_F64, access};
use crate::mach::{ArgLoc, Flow, class_of};
use mochi_ir::{Conv, Type, Value};
use regalloc2::{Operand, PReg, RegClass, VReg};

/// Defines the parameters. Those on the stack are above the frame record.
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
            let rows = if p.class() == RegClass::Float { &LOAD_F64 } else { &LOAD_64 };
            let at = Address::offset(l, Arg::P(FP), *offset as i64 + 16, rows);
            access(l, rows, Arg::W(p), at);
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
        let float = func.ty(a) == Type::F64;
        let value = if float { Arg::R(l.reg(a)) } else { word(l, a) };
        let rows = if float { &STORE_F64 } else { &STORE_64 };
        let at = Address::offset(l, Arg::P(SP), offset as i64, rows);
        access(l, rows, value, at);
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
    let mut ops = vec![Operand::reg_use(l.reg(*target))];
    arguments(l, args, &mut ops);
    finish(l, inst, Inst::Row { row: Row::CallReg, imm: [0; 3] }, Conv::C, ops);
}

/// Selects a system call (Linux: number in x8, which like all but the result is kept).
pub fn syscall(l: &mut L, inst: mochi_ir::Inst) {
    const PLACES: [PReg; 7] = [x(8), x(0), x(1), x(2), x(3), x(4), x(5)];
    let mut ops = Vec::new();
    for (&a, place) in l.operands(inst).iter().zip(PLACES) {
        ops.push(Operand::reg_fixed_use(l.fixed(a), place));
    }
    let r = l.fixed_result(inst);
    ops.push(Operand::reg_fixed_def(r, x(0)));
    l.push(Inst::Row { row: Row::Svc, imm: [0; 3] }, Flow::Next, &ops);
    l.fixed_done(inst, r);
}

/// Selects a switch of stacks. The call does not return, so nothing is destroyed.
pub fn switch_stack(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let ops = [
        Operand::reg_use(l.reg(args[0])),
        Operand::reg_use(l.reg(args[1])),
        Operand::reg_fixed_use(l.fixed(args[2]), l.abi().int_args[0]),
    ];
    put_composite(l, Composite::SwitchStack, &ops);
}
