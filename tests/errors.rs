//! Programs with errors, and the diagnostics they must get: no more, no fewer.
//!
//! `tests/errors/NAME.mochi` marks each line that has an error with a comment `//! CODE` at its end
//! (several codes separated by spaces). Where the message matters, `NAME.err` holds the whole
//! output of `mochi check`.

mod common;

use common::{mochi, programs};
use mochi_testkit::{output, text};
use std::fs;

#[test]
fn programs_with_errors_get_the_right_diagnostics() {
    let mut problems = Vec::new();
    for program in programs("errors") {
        let source = text(&fs::read(&program).expect("program"));
        let mut expected: Vec<(usize, String)> = Vec::new();
        for (n, line) in source.lines().enumerate() {
            if let Some((_, codes)) = line.split_once("//! ") {
                expected.extend(codes.split_whitespace().map(|c| (n + 1, c.to_string())));
            }
        }
        let checked = output(
            mochi()
                .arg("check")
                .arg(program.file_name().expect("name"))
                .current_dir(program.parent().expect("folder")),
        );
        let message = text(&checked.stderr);
        let mut got = found(&message);
        expected.sort();
        got.sort();
        if expected != got || checked.status.code() != Some(1) {
            problems.push(format!(
                "{}: status {:?}\n  expected {expected:?}\n  got      {got:?}\n{message}",
                program.display(),
                checked.status.code()
            ));
        }
        if let Ok(whole) = fs::read_to_string(program.with_extension("err"))
            && whole != message
        {
            problems.push(format!("{}: expected\n{whole}\ngot\n{message}", program.display()));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n\n"));
}

/// Line and code of each diagnostic in the text form.
fn found(message: &str) -> Vec<(usize, String)> {
    let mut result = Vec::new();
    let mut code = None;
    for line in message.lines() {
        if let Some(rest) = line.strip_prefix("error[") {
            code = rest.split(']').next().map(str::to_string);
        } else if let Some(place) = line.trim_start().strip_prefix("--> ")
            && let Some(code) = code.take()
        {
            let line = place.rsplit(':').nth(1).and_then(|l| l.parse().ok()).unwrap_or(0);
            result.push((line, code));
        }
    }
    result
}
