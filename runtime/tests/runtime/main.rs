//! Tests of the core of the runtime: start-up, output, input, errors, traces, the heap. Programs are
//! written in the system dialect and run by the interpreter and natively.

#[path = "../common/mod.rs"]
mod common;
mod core;
mod native;
