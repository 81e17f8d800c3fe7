//! COFF and PE: executables for Windows ([`exec`]).
//!
//! Sources: Microsoft, "PE Format"; the constants are those of the `object` crate.

pub mod exec;
mod imports;
mod tables;
mod unwind;
