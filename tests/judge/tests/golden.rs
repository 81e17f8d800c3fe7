//! The evaluator does what the golden programs have to do: standard output, standard error, status.

use mochi_judge::{Given, Limits, Outcome, evaluate};
use mochi_testkit::{Golden, parallel, programs, threads};
use std::fs;
use std::path::Path;

/// One of the programs shows how deep calls may be nested.
const LIMITS: Limits = Limits { steps: 100_000_000, depth: 1_000_100, output: 1 << 20 };

#[test]
fn golden_programs_do_what_they_should() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden");
    let programs = programs(&folder);
    assert!(programs.len() > 20, "the golden programs are not there");
    let problems = parallel(threads(), &programs, |program| check(program));
    let problems: Vec<String> = problems.into_iter().flatten().collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n\n"));
}

fn check(program: &Path) -> Option<String> {
    let source = fs::read(program).expect("the program");
    let golden = Golden::beside(program);
    let given = Given { args: &golden.args, env: &golden.env_with(&[]), stdin: &golden.stdin };
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let outcome = evaluate(&name, &source, given, LIMITS);
    let Outcome::Ended(end) = outcome else { return Some(format!("{name}: {outcome:?}")) };
    let Golden { stdout, stderr, status, .. } = golden;
    if end.stdout == stdout && end.stderr == stderr && end.status == status {
        return None;
    }
    let wanted = mochi_judge::Ended { stdout, stderr, status };
    Some(format!("{name}: {}", difference(&format!("{wanted:?}"), &format!("{end:?}"))))
}

/// The first line that differs.
fn difference(wanted: &str, got: &str) -> String {
    let pairs = wanted.lines().zip(got.lines()).enumerate();
    match pairs.into_iter().find(|(_, (w, g))| w != g) {
        Some((k, (w, g))) => format!("line {}:\n  expected {w}\n  got      {g}", k.saturating_sub(1)),
        None => format!("expected {} lines, got {}:\n{got}", wanted.lines().count(), got.lines().count()),
    }
}
