//! What the tests of the command share beside [`mochi_testkit`]: the compiler, and where its
//! programs are.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use mochi_objwrite::platform::Convention;
use mochi_objwrite::target::{Os, Target};
use mochi_unwinder::{Rules, check};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
