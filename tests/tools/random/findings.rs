//! Findings: their reduction, their count, and the folder in which they are kept.

use super::engines::{Answer, Case, Judges};
use super::verdict::{Verdict, judge};
use mochi_judge::generate::{Program, ProgramTree};
use mochi_testkit::process::End;
use proptest::strategy::ValueTree;
use proptest::test_runner::{TestCaseError, TestError, TestRunner};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The smallest program that shows what this one does.
pub fn reduce(judges: &Judges, runner: &mut TestRunner, tree: ProgramTree, found: &Verdict) -> Program {
    let original = tree.current();
    let shows = |program: Program| {
        let verdict = judge(judges, Case::of(&program), |j| found.needs(j));
        match found.is_like(&verdict) {
            true => Err(TestCaseError::fail("differs")),
            false => Ok(()),
        }
    };
    match runner.run_one(tree, shows) {
        Err(TestError::Fail(_, program)) => program,
        _ => original,
    }
}

/// How many programs there were, and what became of them.
#[derive(Default)]
pub struct Tally {
    programs: u64,
    rejected: u64,
    undecided: u64,
    failed: u64,
    findings: BTreeMap<String, u64>,
    asked: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts a verdict.
    pub fn count(&mut self, verdict: &Verdict) {
        self.programs += 1;
        self.rejected += u64::from(verdict.rejected().is_some());
        match verdict.right() {
            Some(Answer::Ended(_, _, End::Status(0))) => {}
            Some(_) => self.failed += 1,
            None => self.undecided += u64::from(verdict.rejected().is_none()),
        }
        for (name, answer) in &verdict.answers {
            if !matches!(answer, Answer::Undecided(_)) {
                *self.asked.entry(name.clone()).or_default() += 1;
            }
        }
        if !verdict.agrees() {
            *self.findings.entry(verdict.summary()).or_default() += 1;
        }
    }

    /// Whether there is nothing to look at: all agree, and the checker accepts nearly all programs.
    pub fn is_good(&self) -> bool {
        self.findings.is_empty() && self.rejected * 50 <= self.programs
    }

    /// A few lines for people.
    pub fn report(&self, judges: &Judges, time: Duration) -> String {
        let percent = |n: u64| 100.0 * n as f64 / self.programs.max(1) as f64;
        let mut text = format!(
            "{} programs in {:.1} s ({:.0} a second): {:.2} % rejected, {:.1} % fail on purpose, {:.2} % undecided\n",
            self.programs,
            time.as_secs_f64(),
            self.programs as f64 / time.as_secs_f64(),
            percent(self.rejected),
            percent(self.failed),
            percent(self.undecided),
        );
        for judge in &judges.list {
            let _ =
                writeln!(text, "{:>10} decided by {}", self.asked.get(&judge.name).unwrap_or(&0), judge.name);
        }
        for (what, count) in &self.findings {
            let _ = writeln!(text, "{count:>10} {what}");
        }
        text.pop();
        text
    }
}

/// The folder in which a run keeps its findings and its state.
pub struct Folder {
    path: PathBuf,
    seed: u64,
    /// The program that is next.
    pub next: u64,
}

impl Folder {
    /// Opens or makes the folder, and reads where the last run ended.
    pub fn open(path: &Path, seed: u64, fresh: bool) -> io::Result<Folder> {
        fs::create_dir_all(path)?;
        let mut folder = Folder { path: path.to_path_buf(), seed, next: 0 };
        if !fresh && let Ok(text) = fs::read_to_string(folder.state()) {
            folder.next = text.trim().parse().map_err(io::Error::other)?;
        }
        Ok(folder)
    }

    fn state(&self) -> PathBuf {
        self.path.join(format!("state-{}", self.seed))
    }

    /// Writes where the run is.
    pub fn save(&self) {
        fs::write(self.state(), format!("{}\n", self.next)).expect("the state is written");
    }

    fn made(&self, kind: &str, number: u64) -> PathBuf {
        let path = self.path.join(format!("{kind}-{}-{number}", self.seed));
        fs::create_dir_all(&path).expect("a folder in the folder");
        path
    }

    /// Keeps a finding; returns where.
    pub fn keep(
        &self,
        number: u64,
        original: &Program,
        reduced: &Program,
        judges: &Judges,
        found: &Verdict,
    ) -> PathBuf {
        let path = self.made("finding", number);
        let write =
            |name: &str, content: &[u8]| fs::write(path.join(name), content).expect("a finding is written");
        write("program.mochi", reduced.source().as_bytes());
        if let Some(wrapped) = reduced.wrapped() {
            write("wrapped.mochi", wrapped.as_bytes());
        }
        write("original.mochi", original.source().as_bytes());
        write("args", reduced.args.join("\n").as_bytes());
        write("stdin", &reduced.stdin);
        let verdict = judge(judges, Case::of(reduced), |j| found.needs(j));
        for (name, answer) in &verdict.answers {
            write(&format!("{name}.txt"), answer.to_string().as_bytes());
        }
        let command = "cargo run --release --example random --";
        let repeat = format!(
            "{}\n{command} {} < /dev/null\n{command} --seed {} --show {number}\n",
            found.summary(),
            path.join("program.mochi").display(),
            self.seed
        );
        write("repeat.txt", repeat.as_bytes());
        path
    }

    /// Keeps a program that the checker rejects, which the generator should not have made.
    pub fn reject(&self, number: u64, program: &Program, why: &str) {
        let path = self.made("rejected", number);
        fs::write(path.join("program.mochi"), program.source()).expect("a program is written");
        fs::write(path.join("diagnostics.txt"), why).expect("diagnostics are written");
    }
}
