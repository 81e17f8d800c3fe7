//! What the tests of the command share beside [`mochi_testkit`]: the compiler, and where its
//! programs are.
#![allow(dead_code, reason = "each test binary uses a part of this")]

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
