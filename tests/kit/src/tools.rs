//! Other people's tools. They only prove more, so a missing one is skipped by name; in CI, where
//! `tests/setup` installs all of them, it is a failure.

use crate::process;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Bytes as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a command without input to its end, and captures what it says, in English.
pub fn output(command: &mut Command) -> Output {
    command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = process::spawn(command).and_then(|child| child.wait_with_output());
    ended.unwrap_or_else(|e| panic!("{command:?}: {e}"))
}

/// The folder of `PATH` that a program is in.
pub fn folder(tool: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).find(|dir| dir.join(tool).is_file())
}

/// Whether a program is in one of the folders of `PATH`.
pub fn installed(tool: &str) -> bool {
    folder(tool).is_some()
}

/// The first of these names of one tool that is installed. Says so when none is; in CI that is a
/// failure.
pub fn first_installed<'a>(names: &[&'a str]) -> Option<&'a str> {
    let found = names.iter().copied().find(|name| installed(name));
    if found.is_none() {
        let names = names.join(", ");
        assert!(std::env::var_os("CI").is_none(), "missing: {names}; tests/setup installs it");
        eprintln!("skipped: {names} is not installed");
    }
    found
}

/// Whether a tool is installed. Says so when it is not; in CI that is a failure.
pub fn have(tool: &str) -> bool {
    first_installed(&[tool]).is_some()
}

/// Whether a debugger or tracer is installed and may look into other processes here. A sandbox may
/// forbid that (`ptrace(2)`), in CI too, so this is tried on a program that does nothing; where it
/// fails, the test is skipped by name.
pub fn traces(tool: &str) -> bool {
    if !have(tool) {
        return false;
    }
    let (args, sign): (&[&str], &str) = match tool {
        "gdb" => (&["-q", "-nx", "-batch", "-ex", "run", "/bin/true"], "exited normally"),
        _ => (&["/bin/true"], "exited with 0"),
    };
    let tried = output(Command::new(tool).args(args).env_remove("DEBUGINFOD_URLS"));
    let shown = text(&tried.stdout) + &text(&tried.stderr);
    if !shown.contains(sign) {
        eprintln!("skipped: {tool} may not trace processes here: {}", shown.trim());
        return false;
    }
    true
}
