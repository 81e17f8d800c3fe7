//! What building costs: a long program, made of one unit again and again with other names, and the shortest one.

use crate::TIME;
use crate::counts::{self, Counts};
use crate::history::Steps;
use crate::measure::{median, succeed};
use crate::peers::Mochi;
use mochi_testkit::Scratch;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A part of a program, in which `@` stands for its number.
const UNIT: &str = include_str!("unit.mochi");

/// Lines of the long program, about.
pub const LINES: usize = 3000;

/// The ways to build.
const MODES: [&str; 2] = ["-O", "--debug"];

/// The long program.
fn long_program() -> String {
    let units = LINES.div_ceil(UNIT.lines().count());
    (1..=units).map(|n| UNIT.replace('@', &n.to_string())).collect()
}

/// Steps of building the long program with their seconds, for each mode.
pub fn stages(mochi: &Mochi, rounds: usize, scratch: &Scratch) -> Result<Vec<(String, Steps)>, String> {
    let source = scratch.write("long.mochi", &long_program());
    let mut result = Vec::new();
    for mode in MODES {
        let mut runs: Vec<Steps> = Vec::new();
        for _ in 0..rounds {
            let (_, outcome) = succeed(build(mochi, mode, &source, scratch).arg("--time-passes"), TIME)?;
            runs.push(steps(&String::from_utf8_lossy(&outcome.stderr)));
        }
        let first = runs.first().cloned().unwrap_or_default();
        let middle = |(n, (name, _)): (usize, &(String, f64))| {
            let times: Vec<f64> = runs.iter().filter_map(|run| run.get(n)).map(|step| step.1).collect();
            (name.clone(), median(&times))
        };
        result.push((mode.to_string(), first.iter().enumerate().map(middle).collect()));
    }
    Ok(result)
}

/// Instructions that the compiler executes, on one thread.
pub fn counts(mochi: &Mochi, scratch: &Scratch) -> Result<Counts, String> {
    let programs = [("hello", "print(\"hello\")\n".to_string()), ("long", long_program())];
    let mut result = Counts::default();
    for (name, text) in programs {
        let source = scratch.write(&format!("{name}.mochi"), &text);
        for mode in MODES {
            let count = counts::of(build(mochi, mode, &source, scratch).arg("-j1"), scratch)?;
            result.insert(format!("build {name} {mode}"), count);
        }
    }
    Ok(result)
}

fn build(mochi: &Mochi, mode: &str, source: &Path, scratch: &Scratch) -> Command {
    let executable: PathBuf = scratch.path("built");
    let mut c = Command::new(&mochi.program);
    c.args(["build", mode, "-o"]).arg(executable).arg(source);
    c
}

/// The steps that `--time-passes` names, with their seconds; parts of a step (which stand before it) are left out.
fn steps(text: &str) -> Steps {
    let step = |line: &str| {
        let (time, name) = line.split_once(" us  ")?;
        let time: f64 = time.trim().parse().ok()?;
        (!name.starts_with(' ') && name != "total").then(|| (name.to_string(), time * 1e-6))
    };
    text.lines().filter_map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_without_their_parts() {
        let text = "      77.5 us  read\n    2535.5 us    inline\n   14114.0 us  passes\n   33753.0 us  total\n     11440 KB  peak memory\n";
        let steps = steps(text);
        assert_eq!(steps.len(), 2, "{steps:?}");
        assert_eq!((steps[0].0.as_str(), steps[1].0.as_str()), ("read", "passes"));
        assert!((steps[1].1 - 0.014114).abs() < 1e-9);
    }

    #[test]
    fn the_long_program_is_long_and_has_no_name_twice() {
        let text = long_program();
        let lines = text.lines().count();
        assert!((LINES..LINES + 200).contains(&lines), "{lines} lines");
        assert!(!text.contains('@') && text.contains("fun unit12("));
    }
}
