//! COFF and PE: executables for Windows ([`exec`]) and objects ([`obj`]).
//!
//! Sources: Microsoft, "PE Format"; the constants are those of the `object` crate.

pub mod exec;
mod imports;
pub mod obj;
mod tables;
mod unwind;
