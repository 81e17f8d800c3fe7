//! Compiles and runs filetests on this machine, those of the `ir` crate and those made for selection;
//! the interpreter is asked first.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod native;

use mochi_ir::filetest::{Expect, FileTest};
use mochi_ir::interp::{Linux, Machine, Trap, link};
use mochi_isa::Options;
use native::{Call, Outcome};
use std::path::PathBuf;

fn run_all(options: Options) {
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
        let program = link(&[&test.module], true).unwrap();
        for run in &test.runs {
            let got = Machine::new(&program, Linux::default()).call(&run.func, &run.args);
            assert!(run.expect.check(&got), "{name}:{}: the interpreter gives {got:?}", run.line);
        }
        for (run, outcome) in test.runs.iter().zip(native::run(&text, &calls, options)) {
            let ok = match (&run.expect, outcome) {
                (Expect::Nothing, Outcome::Returned(_)) => true,
                (expect, Outcome::Returned(v)) => expect.check(&Ok(Some(v))),
                (Expect::Trap(Trap::NullDereference), Outcome::Signal(11)) => true,
                (Expect::Trap(Trap::Unreachable), Outcome::Signal(4)) => true,
                (Expect::Trap(Trap::DivisionByZero), Outcome::Signal(8)) => true,
                _ => false,
            };
            if !ok {
                failures.push(format!("{name}:{}: {outcome:?} instead of {:?}", run.line, run.expect));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn optimised() {
    run_all(Options { debug: false, verify: true });
}

#[test]
fn debug() {
    run_all(Options { debug: true, verify: true });
}
