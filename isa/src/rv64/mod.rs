//! RV64GC.
//!
//! `insts.rs` is the table of machine instructions over the operand fields of `fields.rs`,
//! `imm.rs` has plans for constants, `regs.rs` and `abi.rs` registers and the convention,
//! `select*.rs` the rules from IR to instructions, `composite.rs` instructions that expand late,
//! `emit.rs` emission, short forms and branches, `disasm.rs` the text for people.
//!
//! Baseline: RV64GC, the base of every Linux distribution. The machine has no flags: a branch
//! compares two registers ([`select_flow::Test`]). Registers ra and t6 are scratch within one
//! [`Inst`].

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

use crate::mach::exact::Exact;
use crate::mach::switch::Plan;
use crate::mach::{Abi, Context, Emitter, Flow, Home, Isa, Label, Lower, call};
use composite::{Composite, Stub};
use emit::Cc;
use insts::Row;
use mochi_ir::{Cond, Sym};
use regalloc2::{Allocation, Operand, PReg, VReg};

/// The instruction set.
#[derive(Debug)]
pub struct Rv64;

/// A machine instruction without its registers.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Inst {
    /// The function's parameters in their registers.
    Params,
    /// A row of the table, with the operands that are no registers, in order.
    Row { row: Row, imm: [i64; 2] },
    /// An integer constant.
    Const(i64),
    /// A float constant.
    Float(u64),
    /// The address of a symbol plus an offset.
    Symbol(Sym, i64),
    /// A load from, or a store to, a symbol plus an offset: the register.
    SymbolAccess { row: Row, store: bool, sym: Sym, addend: i64 },
    /// A load or store of a value that lives in the frame.
    Home(Home),
    /// Goes to the only successor.
    Jump,
    /// Goes to the first successor when the condition holds between two registers, else to the
    /// second.
    If(Cc),
    /// The same for a condition that holds (or, `not`, does not) between two exact integers.
    ExactIf { x: Exact, cond: Cond, not: bool },
    /// Multi-way branch.
    Switch(Box<Plan>),
    /// Epilogue and return.
    Return,
    /// Direct call.
    Call(Sym),
    /// Expanded on emission.
    Composite(Composite),
}

impl Isa for Rv64 {
    type Inst = Inst;
    type Stub = Stub;
    type State = ();
    /// That of jump tables; instructions need two.
    const FUNCTION_ALIGN: u32 = 4;

    fn abi(_: &Context) -> &'static Abi {
        &abi::LP64D
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

    fn lower(l: &mut Lower<Rv64>, inst: mochi_ir::Inst) {
        crate::mach::select::lower(l, inst);
    }

    fn lower_terminator(l: &mut Lower<Rv64>, inst: mochi_ir::Inst) {
        select_flow::terminator(l, inst);
    }

    fn lower_params(l: &mut Lower<Rv64>, params: &[VReg]) {
        call::params(l, params);
    }

    fn lower_copy(l: &mut Lower<Rv64>, to: VReg, from: VReg) {
        select::copy(l, to, from);
    }

    fn lower_word(l: &mut Lower<Rv64>, v: i64, dst: VReg) {
        l.push(Inst::Const(v), Flow::Next, &[Operand::reg_def(dst)]);
    }

    fn lower_float(l: &mut Lower<Rv64>, bits: u64, dst: VReg) {
        l.push(Inst::Float(bits), Flow::Next, &[Operand::reg_def(dst)]);
    }

    fn lower_symbol(l: &mut Lower<Rv64>, sym: Sym, offset: i64, dst: VReg) {
        select::symbol(l, sym, offset, dst);
    }

    fn prologue(e: &mut Emitter<Rv64>) {
        abi::prologue(e);
    }

    fn emit(e: &mut Emitter<Rv64>, inst: &Inst, allocs: &[Allocation]) {
        emit::emit(e, inst, allocs);
    }

    fn branch(
        e: &mut Emitter<Rv64>,
        inst: &Inst,
        allocs: &[Allocation],
        targets: &[Label],
        next: Option<Label>,
    ) {
        emit::branch(e, inst, allocs, targets, next);
    }

    fn move_register(e: &mut Emitter<Rv64>, from: PReg, to: PReg) {
        e.mov(to, from);
    }

    fn frame_access(e: &mut Emitter<Rv64>, offset: i32, reg: PReg, store: bool) {
        e.frame_access(offset, reg, store);
    }

    fn clear_register(e: &mut Emitter<Rv64>, reg: PReg) {
        e.mov(reg, regs::ZERO);
    }

    fn clear_word(e: &mut Emitter<Rv64>, offset: i32) {
        e.frame_access(offset, regs::ZERO, true);
    }

    fn stub(e: &mut Emitter<Rv64>, stub: &Stub) {
        composite::stub(e, stub);
    }
}
