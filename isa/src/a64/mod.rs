//! AArch64 (A64).
//!
//! `insts.rs` is the table of machine instructions over the operand fields of `fields.rs`,
//! `imm.rs` has immediates that are more than a number, `regs.rs` and `abi.rs` registers and the
//! convention, `select*.rs` the rules from IR to instructions, `composite.rs` instructions that
//! expand late, `emit.rs` emission and branches, `disasm.rs` the text for people.
//!
//! Baseline: Armv8.0-A, so that programs run everywhere. Registers x16 and x17 are scratch within
//! one [`MachInst`](crate::mach::MachInst); x18 belongs to the platform and is never touched.

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
pub struct A64;

/// An instruction of the table without its registers.
pub type Inst = crate::mach::fields::Inst<insts::Row>;
