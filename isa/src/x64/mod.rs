//! x86-64.
//!
//! `insts.rs` is the table of machine instructions, `regs.rs` and `abi.rs` registers and
//! conventions, `select*.rs` the rules from IR to instructions, `composite.rs` instructions that
//! expand late, `emit.rs` the encoding (by iced), `disasm.rs` the text for people.
//!
//! Baseline: x86-64 version 1 (SSE2), so that programs run everywhere.

pub mod abi;
pub mod composite;
pub mod disasm;
pub mod emit;
pub mod entry;
pub mod insts;
pub mod print;
pub mod regs;
mod select;
mod select_arith;
mod select_call;
mod select_flow;
mod select_int;
mod select_mem;

use crate::mach::switch::Plan;
use crate::mach::{Abi, Context, Emitter, Flow, Home, Isa, Label, Lower, call};
use composite::{Composite, Stub, Test};
use insts::Row;
use mochi_ir::Sym;
use regalloc2::{Allocation, Operand, PReg, VReg};

/// The instruction set.
#[derive(Debug)]
pub struct X64;

/// Where the memory operand of an instruction starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    /// No memory operand, or the operand's register or spill slot.
    Operand,
    /// A register.
    Reg,
    /// Only the index.
    None,
    /// A symbol.
    Sym(Sym),
    /// The caller's stack arguments.
    Incoming,
    /// The stack pointer: this function's stack arguments for a call.
    Outgoing,
    /// The frame pointer.
    Frame,
    /// A constant of 8 bytes.
    Bits(u64),
    /// A constant of 16 bytes, twice the 8 given.
    Mask(u64),
}

/// The fixed part of a memory operand. Its registers are operands: base, then index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mem {
    /// Start.
    pub base: Base,
    /// Factor of the index; 0 without an index.
    pub scale: u8,
    /// Displacement.
    pub disp: i32,
}

impl Mem {
    /// No memory operand.
    pub const NONE: Mem = Mem { base: Base::Operand, scale: 0, disp: 0 };
}

/// A machine instruction without its registers.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Inst {
    /// The function's parameters in their registers.
    Params,
    /// A row of the table.
    Row { row: Row, mem: Mem, imm: i64 },
    /// An integer constant.
    Const(i64),
    /// A float constant.
    Float(u64),
    /// A load or store of a value that lives in the frame.
    Home(Home),
    /// Goes to the only successor.
    Jump,
    /// Goes to the first successor when the flags say so, else to the second.
    If(Test),
    /// Multi-way branch.
    Switch(Box<Plan>),
    /// Epilogue and return.
    Return,
    /// Direct call.
    Call(Sym),
    /// Call of an address in a register or in memory.
    CallMem(Mem),
    /// Expanded on emission.
    Composite(Composite),
}

impl Isa for X64 {
    type Inst = Inst;
    type Stub = Stub;
    type State = emit::State;
    const FUNCTION_ALIGN: u32 = 16;

    fn abi(_: &Context) -> &'static Abi {
        &abi::SYSTEM_V
    }

    fn jump() -> Inst {
        Inst::Jump
    }

    fn home(home: Home) -> Inst {
        Inst::Home(home)
    }

    fn as_home(inst: &Inst) -> Option<Home> {
        if let Inst::Home(home) = inst { Some(*home) } else { None }
    }

    fn lower(l: &mut Lower<X64>, inst: mochi_ir::Inst) {
        crate::mach::select::lower(l, inst);
    }

    fn lower_terminator(l: &mut Lower<X64>, inst: mochi_ir::Inst) {
        select_flow::terminator(l, inst);
    }

    fn lower_params(l: &mut Lower<X64>, params: &[VReg]) {
        call::params(l, params);
    }

    fn lower_copy(l: &mut Lower<X64>, to: VReg, from: VReg) {
        select::copy(l, to, from);
    }

    fn lower_word(l: &mut Lower<X64>, v: i64, dst: VReg) {
        l.push(Inst::Const(v), Flow::Next, &[Operand::reg_def(dst)]);
    }

    fn lower_float(l: &mut Lower<X64>, bits: u64, dst: VReg) {
        l.push(Inst::Float(bits), Flow::Next, &[Operand::reg_def(dst)]);
    }

    fn lower_symbol(l: &mut Lower<X64>, sym: Sym, offset: i64, dst: VReg) {
        select::symbol(l, sym, offset, dst);
    }

    fn prologue(e: &mut Emitter<X64>) {
        abi::prologue(e);
    }

    fn emit(e: &mut Emitter<X64>, inst: &Inst, allocs: &[Allocation]) {
        emit::emit(e, inst, allocs);
    }

    fn branch(
        e: &mut Emitter<X64>,
        inst: &Inst,
        allocs: &[Allocation],
        targets: &[Label],
        next: Option<Label>,
    ) {
        X64::emit_branch(e, inst, allocs, targets, next);
    }

    fn move_register(e: &mut Emitter<X64>, from: PReg, to: PReg) {
        emit::move_register(e, from, to);
    }

    fn frame_access(e: &mut Emitter<X64>, offset: i32, reg: PReg, store: bool) {
        e.frame_access(offset, reg, store);
    }

    fn clear_register(e: &mut Emitter<X64>, reg: PReg) {
        e.constant(reg, 0);
    }

    fn clear_word(e: &mut Emitter<X64>, offset: i32) {
        e.put(Row::MovStoreI, &[emit::Opd::frame(offset), emit::Opd::Imm(0)]);
    }

    fn stub(e: &mut Emitter<X64>, stub: &Stub) {
        composite::stub(e, stub);
    }
}
