//! Selection of parameters, calls, returns, system calls and switches of stacks, by the tables of
//! the instruction set's [`Abi`](crate::mach::Abi).

use crate::mach::abi;
use crate::mach::inst::SwitchStack;
use crate::mach::memory::{self, Memory, Start};
use crate::mach::operands::list;
use crate::mach::{Abi, ArgLoc, Flow, Lower, MachInst, Operands, class_of};
use mochi_ir::{Conv, Inst, Op, Value};
use regalloc2::{Operand, VReg};

/// What an instruction set adds.
pub trait Calls: Memory {
    /// The call of an address. Its own operands are added before the arguments.
    fn call_address(l: &mut Lower<Self>, target: Value, operands: &mut Vec<Operand>) -> Self::Row {
        operands.push(Operand::reg_use(l.reg(target)));
        Self::CALL
    }
}

/// Defines the parameters.
pub fn params<I: Calls>(l: &mut Lower<I>, params: &[VReg]) {
    let (places, _) = abi::of::<I>(l.context, l.func.conv).assign(params.iter().map(|p| p.class()));
    // Parameters in registers that are needed for something else move out of them at once.
    let busy = l.fixed_registers();
    let mut ops = Vec::new();
    let mut copies = Vec::new();
    for (&p, place) in params.iter().zip(&places) {
        if let ArgLoc::Reg(r) = *place {
            let first = if busy.contains(r) || r.class() != p.class() { l.temp(r.class()) } else { p };
            ops.push(Operand::reg_fixed_def(first, r));
            copies.push((p, first));
        }
    }
    l.push(MachInst::Params, Flow::Next, &ops);
    for (p, first) in copies {
        if p != first {
            l.copy(p, first);
        }
    }
    for (&p, place) in params.iter().zip(&places) {
        if let ArgLoc::Stack(offset) = *place {
            I::load(l, &[p], Start::Incoming, offset.into(), 8);
        }
    }
}

/// Puts arguments in their places: stack arguments now, register arguments as operands.
fn arguments<I: Calls>(l: &mut Lower<I>, abi: &Abi<I>, args: &[Value], ops: &mut Vec<Operand>) {
    let func = l.func;
    let (places, stack) = abi.assign(args.iter().map(|&a| class_of(func.ty(a))));
    l.note_call(stack);
    for (&a, place) in args.iter().zip(&places) {
        if let ArgLoc::Stack(offset) = *place {
            memory::store_value(l, a, Start::Outgoing, offset.into());
        }
    }
    for (&a, place) in args.iter().zip(&places) {
        if let ArgLoc::Reg(r) = *place {
            let mut v = l.fixed(a);
            if v.class() != r.class() {
                let bits = l.temp(r.class());
                l.copy(bits, v);
                v = bits;
            }
            ops.push(Operand::reg_fixed_use(v, r));
        }
    }
}

/// Emits a call with its result.
fn finish<I: Calls>(l: &mut Lower<I>, inst: Inst, call: MachInst<I>, conv: Conv, mut ops: Vec<Operand>) {
    let abi = abi::of::<I>(l.context, conv);
    let Some(v) = l.data(inst).result else {
        let clobbers = abi.clobbers(conv, None);
        return l.push_clobbering(call, &ops, clobbers);
    };
    let ty = l.func.ty(v);
    let r = l.fixed_result(inst);
    ops.push(Operand::reg_fixed_def(r, abi.result(ty)));
    let clobbers = abi.clobbers(conv, Some(ty));
    l.push_clobbering(call, &ops, clobbers);
    l.fixed_done(inst, r);
}

/// Selects a call of any kind.
pub fn lower<I: Calls>(l: &mut Lower<I>, inst: Inst) {
    let args = l.operands(inst);
    let mut ops = Vec::new();
    match l.data(inst).op {
        Op::Call => {
            let sym = l.data(inst).sym.expect("callee");
            let conv = l.module.signature(sym).conv;
            arguments(l, abi::of(l.context, conv), args, &mut ops);
            finish(l, inst, MachInst::Call(sym), conv, ops);
        }
        Op::CallInd => {
            let (target, args) = args.split_first().expect("address to call");
            let call = I::call_address(l, *target, &mut ops);
            arguments(l, I::ABI, args, &mut ops);
            finish(l, inst, MachInst::Row(call), Conv::C, ops);
        }
        Op::Syscall => syscall(l, inst),
        Op::SwitchStack => {
            // The call does not return, so nothing is destroyed.
            let to = SwitchStack::To {
                stack: Operand::reg_use(l.reg(args[0])),
                code: Operand::reg_use(l.reg(args[1])),
                argument: Operand::reg_fixed_use(l.fixed(args[2]), I::ABI.int_args[0]),
            };
            let mut ops = Operands::new();
            let to = list(to, &mut ops);
            l.push(MachInst::SwitchStack(to), Flow::Next, ops.list());
        }
        other => unreachable!("{other:?} is no call"),
    }
}

fn syscall<I: Calls>(l: &mut Lower<I>, inst: Inst) {
    let mut ops = Operands::new();
    for (&a, &place) in l.operands(inst).iter().zip(I::ABI.syscall_args) {
        ops.add(Operand::reg_fixed_use(l.fixed(a), place));
    }
    ops.add(Operand::reg_fixed_def(l.result(inst), I::ABI.syscall_result));
    l.push_clobbering(MachInst::Row(I::SYSCALL), ops.list(), I::ABI.syscall_clobbers);
}

/// Selects a return.
pub fn ret<I: Calls>(l: &mut Lower<I>, inst: Inst) {
    let mut ops = Operands::new();
    if let Some(&v) = l.operands(inst).first() {
        let ty = l.func.ty(v);
        let r = l.fixed(v);
        ops.add(Operand::reg_fixed_use(r, I::ABI.result(ty)));
    }
    l.push(MachInst::Return, Flow::Exit, ops.list());
}
