//! The skeleton of a machine instruction: what the code of every instruction set is made of, and how
//! each kind is emitted. Instruction sets add what fills it: rows of their tables, composites, tests.

use crate::mach::abi;
use crate::mach::emit::move_value;
use crate::mach::operands::{Part, list, named_operands, reg, with};
use crate::mach::switch::{self, Case, Plan, Switches};
use crate::mach::{Emitter, Flow, Home, Isa, Label, Lower, Operands};
use mochi_ir::Sym;
use mochi_objwrite::CfiOp;
use regalloc2::{Allocation, Operand, PRegSet, VReg};

/// A machine instruction without its registers.
#[derive(Clone, Debug)]
pub enum MachInst<I: Isa> {
    /// The function's parameters in their registers.
    Params,
    /// An integer constant.
    Const(i64),
    /// A float constant.
    Float(u64),
    /// The address of a symbol plus an offset.
    Symbol(Sym, i64),
    /// A copy of a register.
    Copy,
    /// A load or store of a value that lives in the frame.
    Home(Home),
    /// A row of the instruction set's table.
    Row(I::Row),
    /// Several instructions at once.
    Composite(I::Composite),
    /// Direct call.
    Call(Sym),
    /// Leaves the stack for another one.
    SwitchStack(SwitchStack<()>),
    /// Goes to the only successor.
    Jump,
    /// Goes to the first successor when the test holds, else to the second.
    If(I::Test),
    /// Multi-way branch.
    Switch(Box<Plan>, Case<()>),
    /// Epilogue and return.
    Return,
}

named_operands! {
    /// A switch of stacks.
    SwitchStack {
        /// The new stack pointer, and the code to call; its argument is in place.
        To {} (stack: R, code: R, argument: R),
    }
}

impl<I: Isa> MachInst<I> {
    /// The load from, or the store to, the slot of a value that this is.
    pub fn as_home(&self) -> Option<Home> {
        if let MachInst::Home(home) = self { Some(*home) } else { None }
    }
}

impl<I: Isa> Lower<'_, I> {
    /// Makes an integer constant in a register.
    pub fn constant_word(&mut self, v: i64, dst: VReg) {
        self.push(MachInst::Const(v), Flow::Next, &[Operand::reg_def(dst)]);
    }

    /// Makes a float constant in a register.
    pub fn constant_float(&mut self, bits: u64, dst: VReg) {
        self.push(MachInst::Float(bits), Flow::Next, &[Operand::reg_def(dst)]);
    }

    /// Makes the address of a symbol plus an offset in a register.
    pub fn symbol(&mut self, sym: Sym, offset: i64, dst: VReg) {
        self.push(MachInst::Symbol(sym, offset), Flow::Next, &[Operand::reg_def(dst)]);
    }

    /// Copies a register; from one class to the other where the convention asks for that.
    pub fn copy(&mut self, to: VReg, from: VReg) {
        let from = if I::COPIES_FROM_SLOTS && from.class() == regalloc2::RegClass::Int {
            Operand::any_use(from)
        } else {
            Operand::reg_use(from)
        };
        self.push(MachInst::Copy, Flow::Next, &[Operand::reg_def(to), from]);
    }

    /// Appends a row of the table.
    pub fn row(&mut self, row: I::Row, operands: &Operands) {
        self.push(MachInst::Row(row), Flow::Next, operands.list());
    }

    /// Appends a composite.
    pub fn composite(&mut self, composite: impl Part<Operand, Of<()> = I::Composite>) {
        let (composite, ops) = listed(composite);
        self.push(composite, Flow::Next, ops.list());
    }

    /// Appends a composite that destroys the registers of a set.
    pub fn composite_clobbering(
        &mut self,
        composite: impl Part<Operand, Of<()> = I::Composite>,
        clobbers: PRegSet,
    ) {
        let (composite, ops) = listed(composite);
        self.push_clobbering(composite, ops.list(), clobbers);
    }
}

fn listed<I: Isa>(composite: impl Part<Operand, Of<()> = I::Composite>) -> (MachInst<I>, Operands) {
    let mut ops = Operands::new();
    (MachInst::Composite(list(composite, &mut ops)), ops)
}

/// Emits an instruction that is no branch.
pub fn emit<I: Isa>(e: &mut Emitter<I>, inst: &MachInst<I>, allocs: &[Allocation]) {
    match inst {
        MachInst::Params => {}
        MachInst::Const(v) => I::constant(e, reg(allocs[0]), *v),
        MachInst::Float(bits) => I::float(e, reg(allocs[0]), *bits),
        MachInst::Symbol(sym, offset) => I::symbol(e, reg(allocs[0]), *sym, *offset),
        MachInst::Copy => {
            let &[to, from] = allocs else { unreachable!("a copy has a result and a source") };
            if to != from {
                move_value(e, from, to);
            }
        }
        MachInst::Home(home) => e.home(*home, reg(allocs[0])),
        MachInst::Row(row) => I::row(e, row, allocs),
        MachInst::Composite(c) => I::composite(e, c, allocs),
        MachInst::Call(sym) => I::call(e, *sym),
        MachInst::SwitchStack(s) => {
            let SwitchStack::To { stack, code, .. } = with(*s, allocs, reg);
            // A call with no frame around it that does not come back: what is called has no caller's caller.
            I::move_register(e, stack, I::ABI.stack_pointer);
            I::constant(e, I::ABI.frame_pointer, 0);
            e.buf.cfi(CfiOp::RememberState);
            e.buf.cfi(CfiOp::NoCaller);
            I::row(e, &I::CALL, &[Allocation::reg(code)]);
            I::row(e, &I::TRAP, &[]);
            e.buf.cfi(CfiOp::RestoreState);
        }
        MachInst::Return => (abi::of::<I>(e.context, e.func.conv).epilogue)(e),
        MachInst::Jump | MachInst::If(_) | MachInst::Switch(..) => unreachable!("branch"),
    }
}

/// Emits a branch; `next` is the block emitted next.
pub fn branch<I: Switches>(
    e: &mut Emitter<I>,
    inst: &MachInst<I>,
    allocs: &[Allocation],
    targets: &[Label],
    next: Option<Label>,
) {
    match inst {
        MachInst::Jump => e.jump_unless_next(targets[0], next),
        MachInst::If(test) => I::branch(e, test, allocs, [targets[0], targets[1]], next),
        MachInst::Switch(plan, case) => switch::emit(e, plan, &with(*case, allocs, reg), targets, next),
        _ => unreachable!("no branch"),
    }
}
