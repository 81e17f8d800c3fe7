//! RV64GC.
//!
//! `insts.rs` is the table of machine instructions over the operand fields of `fields.rs`,
//! `regs.rs` the registers.

pub mod fields;
pub mod insts;
pub mod regs;
