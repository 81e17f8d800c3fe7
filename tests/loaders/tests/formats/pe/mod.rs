//! Tests of the loader for PE executables.

mod file;
mod foreign;
mod programs;
mod traps;
