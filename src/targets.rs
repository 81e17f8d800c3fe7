//! `mochi targets`: the rows of the target table, for people and for programs.

use crate::cli::MessageFormat;
use mochi_objwrite::target::{self, TARGETS, Target};

/// Every target: short name, triple, kinds of files, what it lacks, what has run its programs, and whether it is
/// this machine.
pub fn list(format: MessageFormat) -> String {
    match format {
        MessageFormat::Human => table(),
        MessageFormat::Json => TARGETS.iter().map(json).collect(),
    }
}

fn table() -> String {
    let head = ["name", "triple", "files", "state"].map(String::from);
    let rows: Vec<[String; 4]> = std::iter::once(head).chain(TARGETS.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|r| r[column].len()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    let line = |[name, triple, files, state]: &[String; 4]| {
        format!("{name:0$}  {triple:1$}  {files:2$}  {state}\n", widths[0], widths[1], widths[2])
    };
    rows.iter().map(line).collect()
}

fn row(target: Target) -> [String; 4] {
    let lacks = target.format.lacks();
    let mut state =
        if lacks.is_empty() { "complete".into() } else { format!("without {}", lacks.join(", ")) };
    state += &format!("; run: {}", ran(target).join(", "));
    if !target.on_system() {
        state += ", not on the system";
    }
    if is_host(target) {
        state += "; this machine";
    }
    [target.short.into(), target.triple.into(), kinds(target).join(", "), state]
}

/// One object a line. All strings are ours and plain, so that Rust writes them as JSON does.
fn json(target: Target) -> String {
    format!(
        "{{\"name\":{:?},\"triple\":{:?},\"files\":{:?},\"lacks\":{:?},\"run\":{:?},\"on_system\":{},\"host\":{}}}\n",
        target.short,
        target.triple,
        kinds(target),
        target.format.lacks(),
        ran(target),
        target.on_system(),
        is_host(target)
    )
}

fn kinds(target: Target) -> Vec<&'static str> {
    target.format.files().iter().map(|f| f.0.name()).collect()
}

fn ran(target: Target) -> Vec<&'static str> {
    target.ran.iter().map(|ran| ran.name()).collect()
}

fn is_host(target: Target) -> bool {
    target::host() == Ok(target)
}
