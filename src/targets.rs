//! `mochi targets`: what files can be made for, for people and for programs.

use crate::cli::MessageFormat;
use mochi_objwrite::target::{self, Output};

/// Every target: short name, triple, kinds of files, what it lacks, what has run its programs, and whether it is
/// this machine.
pub fn list(format: MessageFormat) -> String {
    match format {
        MessageFormat::Human => table(),
        MessageFormat::Json => Output::all().map(json).collect(),
    }
}

fn table() -> String {
    let head = ["name", "triple", "files", "state"].map(String::from);
    let rows: Vec<[String; 4]> = std::iter::once(head).chain(Output::all().map(row)).collect();
    let width = |column: usize| rows.iter().map(|r| r[column].len()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    let line = |[name, triple, files, state]: &[String; 4]| {
        format!("{name:0$}  {triple:1$}  {files:2$}  {state}\n", widths[0], widths[1], widths[2])
    };
    rows.iter().map(line).collect()
}

fn row(target: Output) -> [String; 4] {
    let lacks = target.lacks();
    let mut state =
        if lacks.is_empty() { "complete".into() } else { format!("without {}", lacks.join(", ")) };
    state += &format!("; run: {}", ran(target).join(", "));
    if !target.on_system() {
        state += ", not on the system";
    }
    if is_host(target) {
        state += "; this machine";
    }
    if let parts @ [_, _, ..] = &target.targets()[..] {
        let names: Vec<&str> = parts.iter().map(|t| t.short).collect();
        state += &format!("; {} in one file", names.join(" and "));
    }
    [target.short().into(), target.triple().into(), kinds(target).join(", "), state]
}

/// One object a line. All strings are ours and plain, so that Rust writes them as JSON does.
fn json(target: Output) -> String {
    format!(
        "{{\"name\":{:?},\"triple\":{:?},\"files\":{:?},\"lacks\":{:?},\"run\":{:?},\"on_system\":{},\"host\":{}}}\n",
        target.short(),
        target.triple(),
        kinds(target),
        target.lacks(),
        ran(target),
        target.on_system(),
        is_host(target)
    )
}

fn kinds(target: Output) -> Vec<&'static str> {
    target.files().iter().map(|f| f.0.name()).collect()
}

fn ran(target: Output) -> Vec<&'static str> {
    target.ran().iter().map(|ran| ran.name()).collect()
}

fn is_host(target: Output) -> bool {
    target::host().map(Output::One) == Ok(target)
}
