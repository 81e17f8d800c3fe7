//! RV64GC.
//!
//! `insts.rs` is the table of machine instructions over the operand fields of `fields.rs`,
//! `imm.rs` has plans for constants, `regs.rs` and `abi.rs` registers and the convention,
//! `select*.rs` the rules from IR to instructions, `composite.rs` instructions that expand late,
//! `emit.rs` emission, short forms and branches, `disasm.rs` the text for people.
//!
//! Baseline: RV64GC, the base of every Linux distribution. The machine has no flags: a branch
//! compares two registers ([`composite::Test`]). Registers ra and t6 are scratch within one
//! [`MachInst`](crate::mach::MachInst).

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
mod select_flow;
mod select_int;
mod select_mem;

/// The instruction set.
#[derive(Clone, Debug)]
pub struct Rv64;

/// An instruction of the table without its registers.
pub type Inst = crate::mach::fields::Inst<insts::Row>;
