//! What is said when the command line is wrong, or asks for help.

use crate::error::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsStr;
use std::io::{self, Write};
use std::process::ExitCode;

/// Options that other compilers have, and what is to be done here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("-g", "debug information is always written, unless `--strip` is given; `--debug` does not optimise"),
    ("-O0", "`--debug` does not optimise"),
    ("-O1", "there is one level: `-O`, the default"),
    ("-O2", "there is one level: `-O`, the default"),
    ("-O3", "there is one level: `-O`, the default"),
    ("-Os", "there is one level: `-O`, the default"),
    ("-v", "`--version` prints the version, `--time-passes` what takes how long"),
    ("-S", "`--emit asm` prints the machine code as text"),
    ("-c", "`--emit obj` writes an object file"),
    ("--emit", "`mochi build` writes files, other commands do not"),
    ("--target", "`mochi build` is for every target, `mochi run` for this machine"),
];

/// Prints help, the version or an error; the exit status.
pub fn say(mut error: clap::Error) -> ExitCode {
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(tip) = tip(&error)
    {
        let _ = error.remove(ContextKind::Suggested);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    match error.print().and_then(|()| io::stdout().flush()) {
        Ok(()) => ExitCode::from(error.exit_code() as u8),
        Err(e) => {
            let error = Error::Write("standard output".into(), e);
            // Nothing can be done when standard error is closed too.
            let _ = writeln!(io::stderr(), "mochi: {error}");
            ExitCode::from(error.status())
        }
    }
}

/// What may have been meant by an argument that is not known.
fn tip(error: &clap::Error) -> Option<String> {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let known = |arg: &&(&str, &str)| args.iter().any(|a| a == OsStr::new(arg.0));
    if let Some((option, tip)) = ELSEWHERE.iter().find(known) {
        return Some(format!("there is no `{option}`: {tip}"));
    }
    let Some(ContextValue::String(arg)) = error.get(ContextKind::InvalidArg) else { return None };
    let run = args.first().is_some_and(|command| command == "run");
    (run && !arg.starts_with('-'))
        .then(|| format!("arguments of the program follow `--`: mochi run FILE -- {arg}"))
}
