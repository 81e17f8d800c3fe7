//! What the host gives to a program: the only table of imports.
//!
//! The runtime declares these names as external functions of words. The linker makes an *adapter*
//! for each that is reached: a function with words as parameters and result, which wraps them to
//! the types of the table, calls the import (or is the instruction, for what is one), and extends
//! the result by its sign.
//!
//! Source: WASI preview 1 (`wasi_snapshot_preview1.witx` with the canonical ABI: pointers and sizes
//! are i32, error numbers too; 0 is success).

use super::sections::{END, I32, I64, function_type, number};

/// The module that the functions are imported from.
pub const MODULE: &str = "wasi_snapshot_preview1";

/// What an adapter does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Means {
    /// Calls the imported function of the same name.
    Call,
    /// Executes an instruction.
    Instruction(&'static [u8]),
}

/// A function of the host.
#[derive(Debug)]
pub struct Import {
    /// Its name, for the runtime and in [`MODULE`].
    pub name: &'static str,
    /// Types of its parameters.
    pub params: &'static [u8],
    /// The type of its result, if it has one.
    pub result: &'static [u8],
    /// How it is reached.
    pub means: Means,
}

const fn wasi(name: &'static str, params: &'static [u8], result: &'static [u8]) -> Import {
    Import { name, params, result, means: Means::Call }
}

const fn instruction(
    name: &'static str,
    params: &'static [u8],
    result: &'static [u8],
    code: &'static [u8],
) -> Import {
    Import { name, params, result, means: Means::Instruction(code) }
}

/// Every import, by name.
static IMPORTS: &[Import] = &[
    // address of the table of addresses, address of the text
    wasi("args_get", &[I32, I32], &[I32]),
    // address of the number of arguments, address of the size of their text
    wasi("args_sizes_get", &[I32, I32], &[I32]),
    // clock, precision in nanoseconds, address of the time
    wasi("clock_time_get", &[I32, I64, I32], &[I32]),
    // address of the table of addresses, address of the text
    wasi("environ_get", &[I32, I32], &[I32]),
    // address of the number of variables, address of the size of their text
    wasi("environ_sizes_get", &[I32, I32], &[I32]),
    // descriptor, address of a record of 24 bytes
    wasi("fd_fdstat_get", &[I32, I32], &[I32]),
    // descriptor, address of the areas, their number, address of the number of bytes
    wasi("fd_read", &[I32, I32, I32, I32], &[I32]),
    wasi("fd_write", &[I32, I32, I32, I32], &[I32]),
    // pages: the old number of pages, or -1
    instruction("memory_grow", &[I32], &[I32], &[0x40, 0]),
    // number of pages
    instruction("memory_size", &[], &[I32], &[0x3F, 0]),
    // address of the subscriptions, of the events, number, address of the number of events
    wasi("poll_oneoff", &[I32, I32, I32, I32], &[I32]),
    // status
    wasi("proc_exit", &[I32], &[]),
    // address, number of bytes
    wasi("random_get", &[I32, I32], &[I32]),
    // lowest address that the stack may reach: global 1
    instruction("stack_limit", &[I32], &[], &[0x24, 1]),
];

/// Names of what a host has to have.
pub fn called() -> impl Iterator<Item = &'static str> {
    IMPORTS.iter().filter(|i| i.means == Means::Call).map(|i| i.name)
}

/// The import with this name.
pub fn find(name: &str) -> Option<&'static Import> {
    IMPORTS.iter().find(|i| i.name == name)
}

impl Import {
    /// Its type.
    pub fn import_type(&self) -> Vec<u8> {
        function_type(self.params, self.result)
    }

    /// The type of its adapter.
    pub fn adapter_type(&self) -> Vec<u8> {
        function_type(&vec![I64; self.params.len()], &vec![I64; self.result.len()])
    }

    /// The body of its adapter; `index` is the function that is called.
    pub fn adapter(&self, index: usize) -> Vec<u8> {
        // No locals.
        let mut body = vec![0];
        for (i, &ty) in self.params.iter().enumerate() {
            body.push(0x20); // local.get
            number(&mut body, i);
            if ty == I32 {
                body.push(0xA7); // i32.wrap_i64
            }
        }
        match self.means {
            Means::Call => {
                body.push(0x10); // call
                number(&mut body, index);
            }
            Means::Instruction(code) => body.extend(code),
        }
        if self.result == [I32] {
            body.push(0xAC); // i64.extend_i32_s
        }
        body.push(END);
        body
    }
}
