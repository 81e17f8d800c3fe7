//! AArch64 (A64).
//!
//! `insts.rs` is the table of machine instructions over the operand fields of `fields.rs`,
//! `imm.rs` has immediates that are more than a number, `regs.rs` and `abi.rs` registers and the
//! convention, `select*.rs` the rules from IR to instructions, `composite.rs` instructions that
//! expand late, `emit.rs` emission and branches, `disasm.rs` the text for people.
//!
//! Baseline: Armv8.0-A, so that programs run everywhere. Registers x16 and x17 are scratch within
//! one [`Inst`]; x18 belongs to the platform and is never touched.

pub mod abi;
pub mod composite;
pub mod disasm;
pub mod emit;
pub mod entry;
pub mod fields;
pub mod imm;
pub mod insts;
pub mod regs;
mod select;
mod select_arith;
mod select_bits;
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
pub struct A64;

/// A machine instruction without its registers.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Inst {
    /// The function's parameters in their registers.
    Params,
    /// A row of the table, with the operands that are no registers, in order.
    Row { row: Row, imm: [i64; 3] },
    /// An integer constant.
    Const(i64),
    /// A float constant.
    Float(u64),
    /// The address of a symbol plus an offset.
    Symbol(Sym, i64),
    /// A load or store at a symbol plus an offset: row with an unsigned offset, size as a power of
    /// two.
    Global { row: Row, log2: u8, sym: Sym, offset: i64 },
    /// A load or store of a value that lives in the frame.
    Home(Home),
    /// Goes to the only successor.
    Jump,
    /// Goes to the first successor when the test holds, else to the second.
    If(Test),
    /// Multi-way branch.
    Switch(Box<Plan>),
    /// Epilogue and return.
    Return,
    /// Direct call.
    Call(Sym),
    /// Expanded on emission.
    Composite(Composite),
}

impl Isa for A64 {
    type Inst = Inst;
    type Stub = Stub;
    type State = emit::State;
    const FUNCTION_ALIGN: u32 = 16;

    fn abi(_: &Context) -> &'static Abi {
        &abi::AAPCS64
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

    fn lower(l: &mut Lower<A64>, inst: mochi_ir::Inst) {
        crate::mach::select::lower(l, inst);
    }

    fn lower_terminator(l: &mut Lower<A64>, inst: mochi_ir::Inst) {
        select_flow::terminator(l, inst);
    }

    fn lower_params(l: &mut Lower<A64>, params: &[VReg]) {
        call::params(l, params);
    }

    fn lower_copy(l: &mut Lower<A64>, to: VReg, from: VReg) {
        select::copy(l, to, from);
    }

    fn lower_word(l: &mut Lower<A64>, v: i64, dst: VReg) {
        l.push(Inst::Const(v), Flow::Next, &[Operand::reg_def(dst)]);
    }

    fn lower_float(l: &mut Lower<A64>, bits: u64, dst: VReg) {
        l.push(Inst::Float(bits), Flow::Next, &[Operand::reg_def(dst)]);
    }

    fn lower_symbol(l: &mut Lower<A64>, sym: Sym, offset: i64, dst: VReg) {
        select::symbol(l, sym, offset, dst);
    }

    fn prologue(e: &mut Emitter<A64>) {
        abi::prologue(e);
    }

    fn emit(e: &mut Emitter<A64>, inst: &Inst, allocs: &[Allocation]) {
        emit::emit(e, inst, allocs);
    }

    fn branch(
        e: &mut Emitter<A64>,
        inst: &Inst,
        allocs: &[Allocation],
        targets: &[Label],
        next: Option<Label>,
    ) {
        emit::branch(e, inst, allocs, targets, next);
    }

    fn move_register(e: &mut Emitter<A64>, from: PReg, to: PReg) {
        e.mov(to, from);
    }

    fn frame_access(e: &mut Emitter<A64>, offset: i32, reg: PReg, store: bool) {
        e.frame_access(offset, reg, store);
    }

    fn clear_register(e: &mut Emitter<A64>, reg: PReg) {
        e.mov(reg, regs::ZR);
    }

    fn clear_word(e: &mut Emitter<A64>, offset: i32) {
        e.frame_access(offset, regs::ZR, true);
    }

    fn stub(e: &mut Emitter<A64>, stub: &Stub) {
        composite::stub(e, stub);
    }
}
