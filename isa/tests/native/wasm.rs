//! Runs modules of WebAssembly by wasmi in this process, or by Node.js: an instance for every run.
//! The module is a WASI program that reads the number of a run and writes a record of two words, 1
//! and the result.

use super::Outcome;
use mochi_testkit::{Scratch, engines, output, text};
use std::fmt::Write as _;
use std::process::Command;
use wasmi::{Caller, Engine, Extern, Linker, Module, Store, TrapCode};

/// What the runs need.
pub const DRIVER: &str = "
declare func @_start() export
declare func @fd_read(i64, i64, i64, i64) -> i64 quiet
declare func @fd_write(i64, i64, i64, i64) -> i64 quiet
declare data @__record
declare data @__area
data @__record align 8 writable zero 16
data @__area align 8 writable zero 16
func @panic_none {
b0:
  unreachable
}
func @stack_below_limit {
b0(v0:i64):
  unreachable
}
";

/// The function that makes the run whose number it reads.
pub fn main(calls: usize) -> String {
    let mut s = String::from(
        "
func @__main {
b0(v0:i64):
  v1:addr = symaddr @__area
  v2:addr = symaddr @__record
  v3:i64 = iconst 16
  v4:i64 = iconst 0
  v5:i64 = iconst 1
  v6:i64 = symaddr @__area+8
  store.32 v1+0, v2
  store.32 v1+4, v3
  v7:i64 = call @fd_read(v4, v1, v5, v6)
  v8:i64 = load.64 v2+0
  store.64 v2+0, v5
  switch v8, b1",
    );
    for i in 0..calls {
        let _ = write!(s, ", {i}: b{}", i + 2);
    }
    s.push_str("\nb1:\n  v9:i64 = call @fd_write(v5, v1, v5, v6)\n  ret\n");
    for i in 0..calls {
        let _ = writeln!(s, "b{}:\n  call @__run{i}()\n  jump b1", i + 2);
    }
    s + "}\n"
}

/// The number of the run, and what was written.
struct Host {
    run: u64,
    written: Vec<u8>,
}

/// The bytes of the first area of a list.
fn area(caller: &Caller<Host>, list: i32) -> (wasmi::Memory, std::ops::Range<usize>) {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else { panic!("no memory") };
    let word = |at: usize| {
        let bytes = &memory.data(caller)[at..at + 4];
        u32::from_le_bytes(bytes.try_into().expect("four bytes")) as usize
    };
    let (start, size) = (word(list as usize), word(list as usize + 4));
    (memory, start..start + size)
}

/// Makes every run in Node.js.
pub fn run_in_node(bytes: &[u8], calls: usize) -> Vec<Outcome> {
    let scratch = Scratch::new("node");
    let file = scratch.path("module.wasm");
    std::fs::write(&file, bytes).expect("written");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/native/node.mjs");
    let mut command = Command::new(engines::node().expect("checked before"));
    let ran = output(command.arg(script).arg(file).arg(calls.to_string()));
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let outcome = |line: &str| {
        if let Some(word) = line.strip_prefix("returned ") {
            return Outcome::Returned(word.parse().expect("a word"));
        }
        Outcome::Signal(match line.strip_prefix("trap ") {
            Some("unreachable") => 4,
            Some("divide by zero" | "remainder by zero" | "divide result unrepresentable") => 8,
            Some("memory access out of bounds") => 11,
            _ => panic!("{line}"),
        })
    };
    let outcomes: Vec<Outcome> = text(&ran.stdout).lines().map(outcome).collect();
    assert_eq!(outcomes.len(), calls, "every run has a line");
    outcomes
}

/// Makes every run by wasmi.
pub fn run(bytes: &[u8], calls: usize) -> Vec<Outcome> {
    wasmparser::Validator::new().validate_all(bytes).expect("a valid module");
    let engine = Engine::default();
    let module = Module::new(&engine, bytes).expect("the engine takes the module");
    let mut linker = Linker::<Host>::new(&engine);
    const WASI: &str = "wasi_snapshot_preview1";
    linker
        .func_wrap(WASI, "fd_read", |mut caller: Caller<Host>, _: i32, list: i32, _: i32, _: i32| {
            let (memory, range) = area(&caller, list);
            let run = caller.data().run.to_le_bytes();
            memory.data_mut(&mut caller)[range][..8].copy_from_slice(&run);
            0i32
        })
        .expect("a new name");
    linker
        .func_wrap(WASI, "fd_write", |mut caller: Caller<Host>, _: i32, list: i32, _: i32, _: i32| {
            let (memory, range) = area(&caller, list);
            let bytes = memory.data(&caller)[range].to_vec();
            caller.data_mut().written.extend(bytes);
            0i32
        })
        .expect("a new name");
    let outcome = |run: usize| {
        let mut store = Store::new(&engine, Host { run: run as u64, written: Vec::new() });
        let instance = linker.instantiate_and_start(&mut store, &module).expect("an instance");
        let start = instance.get_typed_func::<(), ()>(&store, "_start").expect("an entry");
        match start.call(&mut store, ()) {
            Ok(()) => {
                let word = &store.data().written[8..16];
                Outcome::Returned(u64::from_le_bytes(word.try_into().expect("eight bytes")))
            }
            Err(e) => Outcome::Signal(match e.as_trap_code() {
                Some(TrapCode::UnreachableCodeReached) => 4,
                Some(TrapCode::IntegerDivisionByZero | TrapCode::IntegerOverflow) => 8,
                Some(TrapCode::MemoryOutOfBounds) => 11,
                other => panic!("{other:?}: {e}"),
            }),
        }
    };
    (0..calls).map(outcome).collect()
}
