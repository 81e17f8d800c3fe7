//! Compiles and runs filetests, those of the `ir` crate and those made for selection, for every
//! machine, under an emulator where it is not this one; the interpreter is asked first.
//!
//! Files made for selection also say what it gives, after the passes they name. Comments before a
//! function are about its listing:
//!
//! ```text
//! ; a64: madd x0, x0, x1, x2     parts of the listing for a64-linux, in this order
//! ; a64 not: mul                 does not occur between the checks around it
//! ```
#![cfg(target_os = "linux")]

mod native;

use mochi_ir::filetest::{CheckLine, Expect, FileTest};
use mochi_ir::fuzz::World;
use mochi_ir::interp::{self, Trap};
use mochi_ir::library::Library;
use mochi_ir::passes::run_named;
use mochi_ir::text::parse_module;
use mochi_isa::{Context, Features, Options, compile, disassemble};
use mochi_objwrite::target::TARGETS;
use native::{Call, MACHINES, Machine, Outcome};
use std::path::PathBuf;

/// The files made for selection.
const OWN: &str = "tests/filetests";

fn run_all(options: Options) {
    let machines = MACHINES.iter().filter(|m| m.runs_here());
    let failures: Vec<String> = machines.flat_map(|m| run_on(m, options)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What traps look like on a machine.
struct Traps {
    /// The signal of `unreachable`.
    unreachable: u32,
    /// A division by zero is a fault.
    division: bool,
    /// A load from address 0 is a fault.
    none: bool,
}

fn traps(machine: &Machine) -> Traps {
    let usual = Traps { unreachable: 4, division: true, none: true };
    match machine.name {
        "a64-linux" | "rv64-linux" => Traps { unreachable: 5, division: false, ..usual },
        // Code of a program asks before it loads.
        "wasm32-wasi" => Traps { none: false, ..usual },
        _ => usual,
    }
}

/// Names and contents of the files in these folders.
fn files(dirs: &[&str]) -> Vec<(String, String)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for dir in dirs {
        files.extend(std::fs::read_dir(root.join(dir)).unwrap().map(|e| e.unwrap().path()));
    }
    files.sort();
    let read = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    files.iter().map(read).collect()
}

/// What fails on a machine.
fn run_on(machine: &Machine, options: Options) -> Vec<String> {
    let traps = traps(machine);
    let mut failures = Vec::new();
    let own = files(&[OWN]);
    let others = files(&["../ir/tests/filetests"]);
    for (at, (name, text)) in own.iter().chain(&others).enumerate() {
        let test = FileTest::parse(text).unwrap_or_else(|e| panic!("{name}:{e}"));
        let calls: Vec<Call> = test.runs.iter().map(|r| Call { func: &r.func, args: &r.args }).collect();
        if calls.is_empty() {
            continue;
        }
        let program = interp::link(&[&test.module], true).unwrap();
        for run in &test.runs {
            let got = interp::Machine::new(&program, World::default()).call(&run.func, &run.args);
            assert!(run.expect.check(&got), "{name}:{}: the interpreter gives {got:?}", run.line);
        }
        let passes = if at < own.len() { &test.passes[..] } else { &[] };
        let outcomes = native::run(machine, text, passes, &calls, options);
        for (run, outcome) in test.runs.iter().zip(outcomes) {
            let ok = match (&run.expect, outcome) {
                (Expect::Nothing, Outcome::Returned(_)) => true,
                (Expect::Trap(Trap::NullDereference), Outcome::Signal(11)) => true,
                (Expect::Trap(Trap::NullDereference), _) if !traps.none => true,
                (Expect::Trap(Trap::Unreachable), Outcome::Signal(s)) if s == traps.unreachable => true,
                (Expect::Trap(Trap::DivisionByZero), Outcome::Signal(8)) => true,
                (Expect::Trap(Trap::DivisionByZero), Outcome::Returned(_)) => !traps.division,
                (expect, Outcome::Returned(v)) => expect.check(&Ok(Some(v))),
                _ => false,
            };
            if !ok {
                let machine = machine.name;
                failures.push(format!("{machine} {name}:{}: {outcome:?}, not {:?}", run.line, run.expect));
            }
        }
    }
    failures
}

#[test]
fn optimised() {
    run_all(Options { debug: false, verify: true, ..Options::default() });
}

#[test]
fn debug() {
    run_all(Options { debug: true, verify: true, ..Options::default() });
}

#[test]
fn values_in_the_frame() {
    run_all(Options { debug: false, verify: true, most_alive: 0, ..Options::default() });
}

/// What is beyond the baseline computes the same.
#[test]
fn extensions() {
    let features = Features { zba: true, zbb: true };
    let machine = MACHINES.iter().find(|m| m.name == "rv64-linux").expect("a machine");
    if machine.runs_here() {
        let failures = run_on(machine, Options { verify: true, features, ..Options::default() });
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }
}

/// The checks of the functions of a file for a machine, by function.
fn listing_checks(text: &str, machine: &str) -> Vec<(String, FileTest)> {
    let mut found = Vec::new();
    let mut checks = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        if let Some(rest) = content.strip_prefix("func @") {
            let name = rest.split([' ', '(']).next().unwrap().to_string();
            if !checks.is_empty() {
                let checks = std::mem::take(&mut checks);
                found.push((name, FileTest { checks, ..FileTest::parse("").unwrap() }));
            }
        }
        let Some((key, value)) = content.strip_prefix("; ").and_then(|c| c.split_once(": ")) else {
            continue;
        };
        let present = key == machine;
        if present || key.strip_suffix(" not") == Some(machine) {
            checks.push(CheckLine { line, present, text: value.trim().to_string() });
        }
    }
    found
}

#[test]
fn listings() {
    let mut failures = Vec::new();
    let mut checked = 0;
    for (name, text) in files(&[OWN]) {
        let mut module = parse_module(&(native::definitions(&text) + &text)).unwrap();
        run_named(&mut module, &Library::EMPTY, &FileTest::parse(&text).unwrap().passes);
        for target in TARGETS {
            let short = target.short.strip_suffix("-linux").unwrap_or(target.short);
            let functions = listing_checks(&text, short);
            if functions.is_empty() {
                continue;
            }
            let context = Context::new(&module, target, Options::default());
            for (function, test) in functions {
                let sym = module.lookup(&function).unwrap();
                let func = module.funcs.iter().find(|f| f.sym == sym).unwrap();
                let symbols = |n: u32| module.syms[n as usize].name.clone();
                let listing = disassemble(target, &compile(&context, func), &symbols);
                if let Err(line) = test.check(&listing) {
                    failures.push(format!("{name}:{line}: not so in\n{listing}"));
                }
                checked += 1;
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(checked > 0);
}
