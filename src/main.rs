//! The `mochi` command: arguments in, exit status out. [`driver`] reads like the list of steps.

mod cli;
mod driver;
mod error;
mod input;
mod notes;
mod output;
mod run;
mod targets;
mod time;
mod usage;

use clap::Parser;
use error::Error;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

const _: () =
    assert!(size_of::<usize>() == 8, "sizes of files and of their parts are usize: hosts have 64 bits");

/// Nothing can be done when standard error cannot be written.
fn say(message: fmt::Arguments) {
    let _ = writeln!(io::stderr(), "mochi: {message}");
}

/// A panic is a bug of the compiler: says so, and where it was.
fn say_what_panicked() {
    let plain = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        plain(info);
        let (pass, function) = mochi_ir::passes::current();
        say(format_args!(
            "this is a bug of the compiler, not of the program (version {})",
            env!("CARGO_PKG_VERSION")
        ));
        if !function.is_empty() {
            say(format_args!("in pass `{pass}`, function `{function}`; `--emit ir:lower` shows it"));
        }
    }));
}

fn main() -> ExitCode {
    say_what_panicked();
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::say(error),
    };
    match driver::run_command(cli) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            // Errors in the program have been reported where they are.
            if !matches!(error, Error::Program) {
                say(format_args!("{error}"));
            }
            ExitCode::from(error.status())
        }
    }
}
