//! Compiles and runs filetests, those of the `ir` crate and those made for selection, for every
//! machine, under an emulator where it is not this one; the interpreter is asked first.
#![cfg(target_os = "linux")]

mod native;

use mochi_ir::filetest::{Expect, FileTest};
use mochi_ir::interp::{self, Linux, Trap};
use mochi_isa::Options;
use native::{Call, MACHINES, Machine, Outcome};
use std::path::PathBuf;

fn run_all(options: Options) {
    for machine in MACHINES.iter().filter(|m| m.start().is_some()) {
        run_on(machine, options);
    }
}

/// The signal of `unreachable`, and whether a division by zero is a fault.
fn traps(machine: &Machine) -> (u32, bool) {
    match machine.name {
        "a64-linux" | "rv64-linux" => (5, false),
        _ => (4, true),
    }
}

fn run_on(machine: &Machine, options: Options) {
    let (trap, faults) = traps(machine);
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for dir in [root.join("../ir/tests/filetests"), root.join("tests/filetests")] {
        files.extend(std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()));
    }
    files.sort();
    let mut failures = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let test = FileTest::parse(&text).unwrap_or_else(|e| panic!("{name}:{e}"));
        let calls: Vec<Call> = test.runs.iter().map(|r| Call { func: &r.func, args: &r.args }).collect();
        if calls.is_empty() {
            continue;
        }
        let program = interp::link(&[&test.module], true).unwrap();
        for run in &test.runs {
            let got = interp::Machine::new(&program, Linux::default()).call(&run.func, &run.args);
            assert!(run.expect.check(&got), "{name}:{}: the interpreter gives {got:?}", run.line);
        }
        for (run, outcome) in test.runs.iter().zip(native::run(machine, &text, &calls, options)) {
            let ok = match (&run.expect, outcome) {
                (Expect::Nothing, Outcome::Returned(_)) => true,
                (Expect::Trap(Trap::NullDereference), Outcome::Signal(11)) => true,
                (Expect::Trap(Trap::Unreachable), Outcome::Signal(s)) if s == trap => true,
                (Expect::Trap(Trap::DivisionByZero), Outcome::Signal(8)) => true,
                (Expect::Trap(Trap::DivisionByZero), Outcome::Returned(_)) => !faults,
                (expect, Outcome::Returned(v)) => expect.check(&Ok(Some(v))),
                _ => false,
            };
            if !ok {
                let machine = machine.name;
                failures.push(format!("{machine} {name}:{}: {outcome:?}, not {:?}", run.line, run.expect));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn optimised() {
    run_all(Options { debug: false, verify: true, ..Options::default() });
}

#[test]
fn debug() {
    run_all(Options { debug: true, verify: true, ..Options::default() });
}
