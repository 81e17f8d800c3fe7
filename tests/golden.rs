//! Programs of our own with the output they have to print, built optimised and with `--debug`, for
//! every target, on every engine that runs programs of the target here; and with a collection at
//! every allocation. Executables of systems that are not here are also read by the rules of `tests/loaders`.
//! Programs of benchmarks are run on this machine.
//!
//! What stands beside `tests/golden/NAME.mochi` says [`mochi_testkit::Golden`].

mod common;

use common::{judge, mochi, programs, root};
use mochi_objwrite::Os;
use mochi_objwrite::target::{self, TARGETS, Target};
use mochi_testkit::engines::{self, Engine};
use mochi_testkit::faults::SWITCH;
use mochi_testkit::kernels::{self, Language};
use mochi_testkit::{Golden, Scratch, output, parallel, text, threads};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// A program of any of the tests has failed.
static NOTICED: AtomicBool = AtomicBool::new(false);

#[test]
fn optimised_programs_print_what_they_should() {
    check_all(&["-O", "--verify"], &[], |_| Wish::Run);
}

/// Collecting at every chance, with dead objects overwritten: no reference is missed. Where references are is
/// the machine's business and not the system's, so one target a machine does.
#[test]
fn programs_do_the_same_under_constant_collection() {
    let first = |target: Target| match TARGETS.iter().find(|t| t.arch == target.arch) == Some(target) {
        true => Wish::Run,
        false => Wish::Nothing,
    };
    check_all(&["-O"], &[("MOCHI_GC_STRESS", "1")], first);
}

/// What of Windows is the same on both machines has run on the one that needs no emulator.
#[test]
fn debug_programs_print_what_they_should() {
    let wish = |target: Target| match (target.os, target::host().is_ok_and(|host| host.arch == target.arch)) {
        (Os::Windows, false) => Wish::Read,
        _ => Wish::Run,
    };
    check_all(&["--debug", "--verify"], &[], wish);
}

/// On Windows a console is written and read in other ways than files. (This asks the loader for consoles.)
#[test]
fn consoles_of_windows_show_the_same() {
    let wish = |target: Target| match (target.os, target::host().is_ok_and(|host| host.arch == target.arch)) {
        (Os::Windows, true) => Wish::RunTexts,
        _ => Wish::Nothing,
    };
    check_all(&["-O"], &[("MOCHI_LOADER_CONSOLE", "1")], wish);
}

/// Programs of benchmarks, as they stand in `tests/bench`: with their small sizes. Other targets are the business of
/// the programs above, so this machine does.
#[test]
fn programs_of_benchmarks_print_what_they_should() {
    let Ok(target) = target::host() else { return };
    let scratch = Scratch::new("bench");
    let kernels = kernels::kernels(&root().join("tests/bench")).unwrap_or_else(|e| panic!("{e}"));
    let problems = parallel(threads(), &kernels, |kernel| {
        let program = kernel.file(Language::Mochi);
        let text = std::fs::read_to_string(&program).expect("it was found");
        assert_eq!(kernel.source(Language::Mochi, "small"), Ok(Some(text)), "{}: its size", kernel.name);
        assert!(program.with_extension("out").is_file(), "{}: what it prints is not there", kernel.name);
        let case = Case { program, target, engines: engines::of(target) };
        let modes = [["-O", "--verify"], ["--debug", "--verify"]];
        modes.map(|options| check(&case, &options, &[], &scratch)).concat()
    });
    let problems = problems.concat();
    assert!(problems.is_empty(), "\n{}", problems.join("\n\n"));
}

/// What is to be done with the executables of a target.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Nothing,
    /// By the rules of its system, if there are any here.
    Read,
    /// And on its engines.
    Run,
    /// Those programs that read and write texts, with line feeds alone, which a console makes of what is typed.
    RunTexts,
}

fn has_texts(program: &Path) -> bool {
    let golden = Golden::beside(program);
    let is_text = |bytes: &[u8]| str::from_utf8(bytes).is_ok();
    is_text(&golden.stdin) && is_text(&golden.stdout) && !golden.stdin.contains(&b'\r')
}

/// The table of targets says what runs programs here. (On another machine than that of the first target, other
/// targets are run natively.)
#[test]
fn engines_are_those_of_the_table() {
    for target in TARGETS {
        let found: BTreeSet<&str> =
            engines::of(target).iter().flat_map(Engine::kinds).map(|k| k.name()).collect();
        let said: BTreeSet<&str> = target.ran.iter().map(|k| k.name()).collect();
        if target::host() == Ok(&TARGETS[0]) && !found.is_empty() {
            let optional = BTreeSet::from(["Wine"]);
            assert!(found.is_subset(&said), "{}: {found:?}, not {said:?}", target.short);
            assert!(said.difference(&found).all(|k| optional.contains(k)), "{}: {found:?}", target.short);
        }
    }
}

fn check_all(options: &[&str], env: &[(&str, &str)], wish: fn(Target) -> Wish) {
    let scratch = Scratch::new("golden");
    let wanted = TARGETS.iter().filter(|&t| wish(t) != Wish::Nothing);
    let targets = wanted.map(|t| (t, if wish(t) == Wish::Read { Vec::new() } else { engines::of(t) }));
    let cases: Vec<Case> = targets
        .filter(|(target, engines)| !engines.is_empty() || engines::has_rules(target))
        .flat_map(|(target, engines)| {
            let case = move |program| Case { program, target, engines: engines.clone() };
            let all = move |program: &PathBuf| wish(target) != Wish::RunTexts || has_texts(program);
            programs("golden").into_iter().filter(all).map(case)
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
    let found = std::fs::read(&exe).map(|file| engines::findings(target, &file)).expect("it was written");
    if !found.is_empty() {
        return vec![format!("{shown} ({} {}):\n{found}", target.short, options[0])];
    }
    let run = |engine: &Engine| {
        let place = format!("{shown} ({} {})", engine.name(), options[0]);
        judge(program, engine, &exe, env).err().map(|problem| format!("{place}: {problem}"))
    };
    case.engines.iter().filter_map(run).collect()
}
