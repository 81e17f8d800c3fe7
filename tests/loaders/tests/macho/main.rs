//! Tests of the loader for Mach-O executables.

mod file;
mod foreign;
mod programs;
mod run;
mod traps;
mod universal;
