//! x86-64.
//!
//! `insts.rs` is the table of machine instructions, `regs.rs` and `abi.rs` registers and
//! conventions, `select*.rs` the rules from IR to instructions, `composite.rs` instructions that
//! expand late, `emit.rs` their emission, `encode.rs` the bytes of rows by the templates that the crate's build
//! script makes with iced (`iced.rs`, `template.rs`), `disasm.rs` the text for people.
//!
//! Baseline: x86-64 version 1 (SSE2), so that programs run everywhere.

pub mod abi;
pub mod composite;
pub mod disasm;
pub mod emit;
pub mod encode;
pub mod entry;
pub mod iced;
pub mod insts;
pub mod print;
pub mod regs;
mod select;
mod select_arith;
mod select_flow;
mod select_int;
mod select_mem;
pub mod template;

use insts::Row;
use mochi_ir::Sym;

/// The instruction set.
#[derive(Clone, Debug)]
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

/// An instruction of the table without its registers.
#[derive(Clone, Debug)]
pub struct Inst {
    /// Which one.
    pub row: Row,
    /// Its memory operand, if it has one.
    pub mem: Mem,
    /// Its immediate, if it has one.
    pub imm: i64,
}

impl Inst {
    /// An instruction with registers only.
    pub const fn new(row: Row) -> Inst {
        Inst { row, mem: Mem::NONE, imm: 0 }
    }
}
