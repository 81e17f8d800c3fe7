//! What the tests of the command share beside [`mochi_testkit`]: the compiler, and where its
//! programs are.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use mochi_objwrite::platform::Convention;
use mochi_objwrite::target::{Os, Target};
use mochi_testkit::engines::{Engine, Start};
use mochi_testkit::process::End;
use mochi_testkit::{Golden, text};
use mochi_unwinder::{Rules, check};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Time of a golden program; none takes a tenth of it.
const TIME: Duration = Duration::from_secs(20);

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The compiler.
pub fn mochi() -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_mochi"));
    c.env_remove("NO_COLOR").stdin(Stdio::null());
    c
}

/// Source programs in a folder of the tests, in order of name.
pub fn programs(folder: &str) -> Vec<PathBuf> {
    mochi_testkit::programs(&root().join("tests").join(folder))
}

/// Runs a program and compares all it does with the files beside its source.
pub fn judge(program: &Path, engine: &Engine, exe: &Path, env: &[(&str, &str)]) -> Result<(), Problem> {
    let golden = Golden::beside(program);
    let env = golden.env_with(env);
    let start = Start { args: &golden.args, stdin: &golden.stdin, env: &env, folder: root(), time: TIME };
    let ran = engine.run(exe, &start).map_err(|e| Problem(e.to_string()))?;
    compare("standard output", &golden.stdout, &ran.stdout)?;
    compare("standard error", &golden.stderr, &ran.stderr)?;
    let end = End::Status(golden.status).to_string();
    compare("end", end.as_bytes(), ran.end.to_string().as_bytes())
}

/// What is wrong with a program.
pub struct Problem(String);

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn compare(what: &str, expected: &[u8], got: &[u8]) -> Result<(), Problem> {
    if expected == got {
        return Ok(());
    }
    let (mut e, mut g) = (expected.split(|b| *b == b'\n'), got.split(|b| *b == b'\n'));
    for n in 1.. {
        let (e, g) = (e.next(), g.next());
        if e != g {
            let show = |line: Option<&[u8]>| line.map_or("the end".to_string(), text);
            return Err(Problem(format!(
                "{what}, line {n}:\n  expected {}\n  got      {}",
                show(e),
                show(g)
            )));
        }
    }
    Ok(())
}

/// What a target's system asks of the stack.
fn stack_rules(target: Target) -> Rules {
    let windows = target.os == Os::Windows;
    let (probe, reserve) = (target.platform.stack_probe, target.platform.stack_reserve);
    Rules { probe: windows.then_some(probe.into()), reserve: windows.then_some(reserve as i64) }
}

/// What is wrong with stepping out of a program's functions by its tables, and with its stack.
pub fn wrong_steps(target: Target, file: &[u8]) -> Vec<String> {
    match check(file, &stack_rules(target)) {
        Ok(report) => {
            let kept = target.platform.convention != Convention::Win64 || report.for_windows > 0;
            let none = (!kept).then(|| "nothing that Windows calls keeps its registers".to_string());
            report.wrong.into_iter().chain(none).collect()
        }
        Err(e) => vec![e],
    }
}
