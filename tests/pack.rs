//! The folder with which other machines test a target (`--example pack`): this machine tests its own by it.

mod common;
#[path = "tools/pack/pack.rs"]
mod pack;

use common::root;
use mochi_objwrite::Target;
use mochi_objwrite::target;
use mochi_testkit::{Scratch, output, text};
use pack::Pack;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Programs that are given arguments, variables and input, that fail, and that end with another status.
const PROGRAMS: [&str; 5] = ["arguments", "csv_filter", "environment", "error_chain", "grep"];

fn write(target: Target, programs: &[PathBuf], folder: &Path) {
    let compiler = Path::new(env!("CARGO_BIN_EXE_mochi"));
    Pack { compiler, target, options: &[], programs }.write(folder).unwrap_or_else(|e| panic!("{e}"));
}

fn some() -> Vec<PathBuf> {
    PROGRAMS.iter().map(|name| root().join("tests/golden").join(format!("{name}.mochi"))).collect()
}

#[test]
fn a_folder_for_this_machine() {
    let Ok(target) = target::host() else { return };
    if !cfg!(unix) {
        return;
    }
    let scratch = Scratch::new("pack");
    let folder = scratch.path("folder");
    write(target, &some(), &folder);
    let run = || {
        let ran = output(Command::new("sh").arg(folder.join("run.sh")).current_dir("/"));
        assert_eq!(text(&ran.stdout), fs::read_to_string(folder.join("report.txt")).expect("a report"));
        (ran.status.code(), text(&ran.stdout) + &text(&ran.stderr))
    };
    let (status, said) = run();
    assert!(said.ends_with("5 of 5 programs do what they should\n"), "{said}");
    assert_eq!(status, Some(0));
    // What a program does not do is said.
    fs::write(folder.join("expected/environment.out"), "something else\n").expect("written");
    let other = fs::read(folder.join("programs/grep")).expect("a program");
    mochi_testkit::process::write_executable(&folder.join("programs/csv_filter"), &other).expect("written");
    let (status, said) = run();
    assert!(
        said.contains("failed: environment, status 0 in place of 0\n") && said.contains("< something else"),
        "{said}"
    );
    assert!(said.contains("failed: csv_filter,") && said.contains("3 of 5 programs"), "{said}");
    assert_eq!(status, Some(1));
}

/// There is nothing here that runs the script for Windows: it names every program, each in a line of its own.
#[test]
fn a_folder_for_windows() {
    let scratch = Scratch::new("pack-windows");
    let folder = scratch.path("folder");
    write(target::parse("x64-windows").expect("a target"), &some(), &folder);
    let script = fs::read_to_string(folder.join("run.ps1")).expect("a script");
    for name in PROGRAMS {
        let line = script.lines().find(|l| l.starts_with(&format!("Check '{name}' "))).expect("its line");
        assert!(line.ends_with('}') && line.matches('\'').count() % 2 == 0, "{line}");
        assert!(folder.join(format!("programs/{name}.exe")).is_file(), "{name}");
    }
    assert!(!script.contains("\nCASES"), "{script}");
}
