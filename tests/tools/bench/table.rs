//! Tables for a terminal, which are Markdown, too.

use crate::history::{Program, Run};
use crate::measure::{geomean, median};
use crate::peers::BASE;
use crate::times::ratio;
use std::fmt::Write;

/// A table with padded columns: the first starts at the left, numbers end at the right.
pub fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| &row[column]).chain([&head[column]]);
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).enumerate().map(|(n, (cell, &width))| match n {
            0 => format!("{cell:width$}"),
            _ => format!("{cell:>width$}"),
        });
        format!("| {} |\n", padded.collect::<Vec<_>>().join(" | "))
    };
    let rule = widths.iter().enumerate().map(|(n, &width)| match n {
        0 => "-".repeat(width + 2),
        _ => "-".repeat(width + 1) + ":",
    });
    let rule = format!("|{}|\n", rule.collect::<Vec<_>>().join("|"));
    line(head) + &rule + &rows.iter().map(|row| line(row)).collect::<String>()
}

/// A number that may be missing.
pub fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".into(), |value| format!("{value:.digits$}"))
}

/// What was measured of a program, in a line.
pub fn line(program: &Program) -> String {
    let mut out = program.name.clone();
    for (peer, entry) in &program.entries {
        write!(out, ", {peer} {:.3}", entry.seconds).expect("string");
    }
    out
}

/// All tables of a run.
pub fn report(run: &Run) -> String {
    let mut out = format!("{} {}, size {}, {} rounds\n\n", run.day(), run.label, run.size, run.rounds);
    out += &times(run);
    out += "\n";
    out += &builds(run);
    for (mode, steps) in &run.compiler {
        writeln!(out, "\nbuilding {} lines {mode}:", crate::compiler::LINES).expect("string");
        for (name, seconds) in steps {
            writeln!(out, "{:>10.2} ms  {name}", seconds * 1e3).expect("string");
        }
    }
    out
}

fn times(run: &Run) -> String {
    let mut head = vec!["program".to_string(), "N".into(), format!("{BASE} s")];
    for peer in run.others() {
        head.extend([format!("{peer} s"), "x".into()]);
    }
    let mut rows = Vec::new();
    for set in run.sets() {
        for program in run.programs.iter().filter(|p| p.set == set) {
            let seconds = |peer: &str| program.entries.get(peer).map(|e| e.seconds);
            let mut row = vec![program.name.clone(), program.n.clone(), number(seconds(BASE), 3)];
            for peer in run.others() {
                row.extend([number(seconds(peer), 3), number(ratio(program, peer), 2)]);
            }
            rows.push(row);
        }
        let mut row = vec![format!("geomean ({set})"), String::new(), String::new()];
        for peer in run.others() {
            let ratios = run.ratios(peer, Some(set));
            row.extend([format!("n={}", ratios.len()), number(geomean(&ratios), 2)]);
        }
        rows.push(row);
    }
    table(&head, &rows)
}

/// Medians of build times and of sizes of a peer's programs, in milliseconds and KiB.
pub fn of_builds(run: &Run, peer: &str) -> (Option<f64>, Option<f64>) {
    let entries = || run.programs.iter().filter_map(|p| p.entries.get(peer));
    let builds: Vec<f64> = entries().map(|e| e.build * 1e3).collect();
    let sizes: Vec<f64> = entries().filter_map(|e| Some(e.bytes? as f64 / 1024.0)).collect();
    let middle = |numbers: &[f64]| (!numbers.is_empty()).then(|| median(numbers));
    (middle(&builds), middle(&sizes))
}

fn builds(run: &Run) -> String {
    let head = ["peer", "version", "build ms", "stripped KiB"].map(str::to_string);
    let row = |(name, version): &(String, String)| {
        let (build, size) = of_builds(run, name);
        vec![name.clone(), version.clone(), number(build, 1), number(size, 1)]
    };
    table(&head, &run.peers.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::sample;

    #[test]
    fn tables_have_columns_of_one_width() {
        let row = |a: &str, b: &str| vec![a.to_string(), b.to_string()];
        let text = table(&row("name", "x"), &[row("a", "1.25"), row("longer", "-")]);
        let lines = ["| name   |    x |", "|--------|-----:|", "| a      | 1.25 |", "| longer |    - |"];
        assert_eq!(text.lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn a_report_has_programs_means_and_steps() {
        let text = report(&sample("abc", 1.0));
        for part in ["life", "geomean (kernels)", "4.00", "19.5", "2.00 ms  link"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}
