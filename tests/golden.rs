//! Programs of our own with the output they have to print, built optimised and with `--debug`, for
//! every target, on every engine that runs programs of the target here; and with a collection at
//! every allocation.
//!
//! What stands beside `tests/golden/NAME.mochi` says [`mochi_testkit::Golden`].

mod common;

use common::{judge, mochi, programs, root};
use mochi_objwrite::target::{TARGETS, Target};
use mochi_testkit::engines::{self, Engine};
use mochi_testkit::faults::SWITCH;
use mochi_testkit::{Scratch, output, parallel, text, threads};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// A program of any of the tests has failed.
static NOTICED: AtomicBool = AtomicBool::new(false);

#[test]
fn optimised_programs_print_what_they_should() {
    check_all(&["-O", "--verify"], &[], |_| true);
}

/// Collecting at every chance, with dead objects overwritten: no reference is missed. Where references are is
/// the machine's business and not the system's, so one target a machine does.
#[test]
fn programs_do_the_same_under_constant_collection() {
    let first = |target: Target| TARGETS.iter().find(|t| t.arch == target.arch) == Some(target);
    check_all(&["-O"], &[("MOCHI_GC_STRESS", "1")], first);
}

#[test]
fn debug_programs_print_what_they_should() {
    check_all(&["--debug", "--verify"], &[], |_| true);
}

fn check_all(options: &[&str], env: &[(&str, &str)], wanted: fn(Target) -> bool) {
    let scratch = Scratch::new("golden");
    let targets = TARGETS.iter().filter(|&t| wanted(t)).map(|t| (t, engines::of(t)));
    let cases: Vec<Case> = targets
        .filter(|(_, engines)| !engines.is_empty())
        .flat_map(|(target, engines)| {
            let case = move |program| Case { program, target, engines: engines.clone() };
            programs("golden").into_iter().map(case)
        })
        .collect();
    let problems = parallel(threads(), &cases, |case| {
        // Whoever judges a seeded fault asks only whether anything fails.
        if NOTICED.load(Ordering::Relaxed) && std::env::var_os(SWITCH).is_some() {
            return Vec::new();
        }
        let problems = check(case, options, env, &scratch);
        NOTICED.fetch_or(!problems.is_empty(), Ordering::Relaxed);
        problems
    });
    let problems: Vec<String> = problems.into_iter().flatten().collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n\n"));
}

/// A program for a target.
struct Case {
    program: PathBuf,
    target: Target,
    engines: Vec<Engine>,
}

/// Builds a program and runs it on the engines of its target; returns what is wrong.
fn check(case: &Case, options: &[&str], env: &[(&str, &str)], scratch: &Scratch) -> Vec<String> {
    let (program, target) = (&case.program, case.target);
    let shown = program.strip_prefix(root()).unwrap_or(program).display();
    let name = program.file_stem().expect("file name").to_string_lossy();
    let exe = scratch.path(&format!("{name}-{}", target.short));
    let build = ["--target", target.short, "-o"];
    let built = output(mochi().arg("build").arg(program).args(options).args(build).arg(&exe));
    if !built.status.success() || !built.stderr.is_empty() {
        let said = text(&built.stderr);
        return vec![format!("{shown} ({} {}): build: {}\n{said}", target.short, options[0], built.status)];
    }
    let run = |engine: &Engine| {
        let place = format!("{shown} ({} {})", engine.name(), options[0]);
        judge(program, engine, &exe, env).err().map(|problem| format!("{place}: {problem}"))
    };
    case.engines.iter().filter_map(run).collect()
}
