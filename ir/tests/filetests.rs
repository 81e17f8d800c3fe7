//! Runs every file of `filetests/` in the interpreter, before and after the passes it names, in a heap
//! that frees what the collector is not shown (`mochi_ir::fuzz::World`).
//! The format is described in `mochi_ir::filetest`.

use mochi_ir::Op;
use mochi_ir::filetest::FileTest;
use mochi_ir::fuzz::World;
use mochi_ir::interp::{Machine, link};
use mochi_ir::library::Library;
use mochi_ir::module::Module;
use mochi_ir::passes::{self, Abilities, PASSES, run_named};
use mochi_ir::text::{parse_module, print_module};
use mochi_ir::verify::verify_module;
use std::path::PathBuf;
use std::{fmt, fs};

/// What is wrong with a filetest.
enum Problem {
    /// The file cannot be read as a filetest, with the reason.
    Parse(String),
    /// The verifier rejects the module.
    Verify(String),
    /// The printed module cannot be read.
    Print(String),
    /// The printed module is another one.
    RoundTrip,
    /// A check fails on the output of the passes: its line, the output.
    Check(u32, String),
    /// A run gives something else: the line, after which passes, the difference.
    Run(u32, String, String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Parse(why) => write!(f, "{why}"),
            Problem::Verify(why) => write!(f, " {why}"),
            Problem::Print(why) => write!(f, " printed: {why}"),
            Problem::RoundTrip => write!(f, " no round trip"),
            Problem::Check(line, output) => write!(f, "{line}: check fails on\n{output}"),
            Problem::Run(line, after, why) => write!(f, "{line}: {after}: {why}"),
        }
    }
}

fn files() -> Vec<(String, String)> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/filetests");
    let mut names: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    let read =
        |p: &PathBuf| (p.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(p).unwrap());
    names.iter().map(read).collect()
}

/// Makes the runs; complains with the line of the first that fails.
fn run(after: &str, test: &FileTest, module: &Module) -> Result<(), Problem> {
    let program = link(&[module], true).unwrap();
    for run in &test.runs {
        let mut machine = Machine::new(&program, World::default());
        machine.steps = 10_000_000;
        let got = machine.call(&run.func, &run.args);
        if !run.expect.check(&got) {
            let why = format!("{got:?} instead of {:?}", run.expect);
            return Err(Problem::Run(run.line, after.to_string(), why));
        }
    }
    Ok(())
}

fn check_file(text: &str) -> Result<(), Problem> {
    let test = FileTest::parse(text).map_err(|e| Problem::Parse(e.to_string()))?;
    if let Some(v) = verify_module(&test.module).first() {
        return Err(Problem::Verify(v.to_string()));
    }
    let printed = print_module(&test.module);
    let again = parse_module(&printed).map_err(|e| Problem::Print(e.to_string()))?;
    if print_module(&again) != printed {
        return Err(Problem::RoundTrip);
    }
    run("as written", &test, &test.module)?;
    if !test.passes.is_empty() {
        let mut module = test.module.clone();
        run_named(&mut module, &Library::EMPTY, &test.passes);
        let output = print_module(&module);
        test.check(&output).map_err(|line| Problem::Check(line, output))?;
        run("after its passes", &test, &module)?;
    }
    // Every pass and the whole pipeline keep the runs.
    for pass in PASSES {
        let mut module = test.module.clone();
        run_named(&mut module, &Library::EMPTY, &[pass.name.to_string()]);
        run(&format!("after {}", pass.name), &test, &module)?;
    }
    let mut module = test.module.clone();
    passes::optimise(&mut module, Abilities::ALL, true);
    run("optimised", &test, &module)
}

#[test]
fn filetests() {
    let failures: Vec<String> =
        files().iter().filter_map(|(n, t)| Some(format!("{n}:{}", check_file(t).err()?))).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Every op is executed by some run (system calls and stack switches have tests of their own).
#[test]
fn every_op_is_covered() {
    let mut seen = vec![false; Op::ALL.len()];
    for (_, text) in files() {
        for func in &FileTest::parse(&text).unwrap().module.funcs {
            for inst in &func.insts {
                seen[inst.op as usize] = true;
            }
        }
    }
    let missing: Vec<&str> = Op::ALL.iter().filter(|o| !seen[**o as usize]).map(|o| o.info().name).collect();
    assert_eq!(missing, ["syscall", "switch.stack"]);
}
