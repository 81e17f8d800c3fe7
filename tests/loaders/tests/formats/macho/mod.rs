//! Tests of the loader for Mach-O executables.

mod file;
mod foreign;
mod programs;
mod traps;
mod universal;
