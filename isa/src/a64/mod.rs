//! AArch64 (A64).
//!
//! `insts.rs` is the table of machine instructions over the operand fields of `fields.rs`,
//! `imm.rs` has immediates that are more than a number, `regs.rs` the registers.
//!
//! Baseline: Armv8.0-A, so that programs run everywhere.

pub mod fields;
pub mod imm;
pub mod insts;
pub mod regs;
