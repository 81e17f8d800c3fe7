//! Programs of our own with the output they have to print, built optimised and with `--debug`.
//!
//! Beside `tests/golden/NAME.mochi` stands `NAME.out` (standard output). `NAME.err`, where it
//! exists, is standard error of a program that ends with status 1; `NAME.in` is standard input.

mod common;

use common::{Scratch, mochi, output, programs, text};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn optimised_programs_print_what_they_should() {
    check_all(&["-O", "--verify"]);
}

#[test]
fn debug_programs_print_what_they_should() {
    check_all(&["--debug", "--verify"]);
}

fn check_all(options: &[&str]) {
    let scratch = Scratch::new("golden");
    let mut problems = Vec::new();
    for program in programs("golden") {
        if let Err(problem) = check(&program, options, &scratch) {
            problems.push(format!("{} ({}): {problem}", program.display(), options.join(" ")));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n\n"));
}

fn check(program: &Path, options: &[&str], scratch: &Scratch) -> Result<(), Problem> {
    let name = program.file_stem().expect("file name");
    let exe = scratch.0.join(name);
    let built = output(mochi().arg("build").arg(program).arg("-o").arg(&exe).args(options));
    if !built.status.success() || !built.stderr.is_empty() {
        return Err(Problem(format!("build: {}\n{}", built.status, text(&built.stderr))));
    }
    let mut run = Command::new(&exe);
    let input = program.with_extension("in");
    run.stdin(if input.exists() { Stdio::from(File::open(input).expect("input")) } else { Stdio::null() });
    let ran = output(&mut run);
    let read = |ext: &str| fs::read_to_string(program.with_extension(ext)).unwrap_or_default();
    compare("standard output", &read("out"), &text(&ran.stdout))?;
    compare("standard error", &read("err"), &text(&ran.stderr))?;
    let status = if program.with_extension("err").exists() { 1 } else { 0 };
    compare("status", &status.to_string(), &ran.status.code().map_or("signal".into(), |c| c.to_string()))
}

/// What is wrong with a program.
struct Problem(String);

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn compare(what: &str, expected: &str, got: &str) -> Result<(), Problem> {
    if expected == got {
        return Ok(());
    }
    for (n, (e, g)) in expected.lines().zip(got.lines()).enumerate() {
        if e != g {
            return Err(Problem(format!("{what}, line {}:\n  expected {e}\n  got      {g}", n + 1)));
        }
    }
    let (e, g) = (expected.lines().count(), got.lines().count());
    let extra = if g > e { got.lines().nth(e) } else { expected.lines().nth(g) };
    Err(Problem(format!(
        "{what}: expected {e} lines, got {g}; first beyond: {}",
        extra.unwrap_or("(line end)")
    )))
}
