//! Verdicts: what the engines say about a program, and whether they agree.

use super::engines::{Answer, Case, Checked, Judge, Judges};
use mochi_judge::generate::Program;
use mochi_testkit::process::End;
use std::collections::BTreeMap;

/// What the engines say about a program.
pub struct Verdict {
    /// Each engine that was asked, with its answer; empty when the program was rejected.
    pub answers: Vec<(String, Answer)>,
    diagnostics: Option<String>,
}

/// Asks the engines for which a condition holds.
pub fn judge(judges: &Judges, case: Case, wanted: impl Fn(&Judge) -> bool) -> Verdict {
    let program = match Checked::new(case) {
        Ok(program) => program,
        Err(diagnostics) => return Verdict { answers: Vec::new(), diagnostics: Some(diagnostics) },
    };
    let asked = judges.list.iter().filter(|j| wanted(j));
    let answers = asked.map(|j| (j.name.clone(), j.ask(&program, judges))).collect();
    Verdict { answers, diagnostics: None }
}

/// Asks about a generated program: what the fuzz target `programs` and the tests do. Panics when engines
/// disagree, with what a command `--show`s again.
pub fn check(judges: &Judges, program: &Program, wanted: impl Fn(&Judge) -> bool, again: &str) {
    let verdict = judge(judges, Case::of(program), wanted);
    assert!(verdict.agrees(), "{again}: {}\n{}", verdict.summary(), program.source());
}

impl Verdict {
    /// The answer that the others are compared with: the first that is known.
    pub fn right(&self) -> Option<&Answer> {
        self.answers.iter().map(|a| &a.1).find(|a| matches!(a, Answer::Ended(..)))
    }

    /// How each engine that differs does.
    pub fn differences(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for (name, answer) in &self.answers {
            let what = match (answer, self.right()) {
                (Answer::Broke(why), _) => without_numbers(why),
                (Answer::Ended(out, err, end), Some(Answer::Ended(o, e, n))) => {
                    let parts = [("output", out != o), ("errors", err != e), ("end", end != n)];
                    let mut words: Vec<&str> = parts.iter().filter(|p| p.1).map(|p| p.0).collect();
                    if matches!(end, End::Signal(_)) {
                        words = vec!["signal"];
                    }
                    words.join(", ")
                }
                _ => continue,
            };
            if !what.is_empty() {
                found.insert(name.clone(), what);
            }
        }
        found
    }

    /// Whether all engines that know say the same.
    pub fn agrees(&self) -> bool {
        self.differences().is_empty()
    }

    /// The diagnostics, when it is no program.
    pub fn rejected(&self) -> Option<&str> {
        self.diagnostics.as_deref()
    }

    /// In one line.
    pub fn summary(&self) -> String {
        if let Some(why) = &self.diagnostics {
            return why.lines().next().unwrap_or("rejected").to_string();
        }
        let differences = self.differences();
        if differences.is_empty() {
            return "all agree".into();
        }
        differences.iter().map(|(name, what)| format!("{name}: {what}")).collect::<Vec<_>>().join("; ")
    }

    /// Whether an engine has to be asked again: it differs, or is what the others are compared with.
    pub fn needs(&self, judge: &Judge) -> bool {
        let ended = |a: &&(String, Answer)| matches!(a.1, Answer::Ended(..));
        let first = self.answers.iter().find(ended).is_some_and(|a| a.0 == judge.name);
        first || self.differences().contains_key(&judge.name)
    }

    /// Whether another program shows the same: one of the engines differs in the same way, and what is
    /// right and what that engine does end alike.
    pub fn is_like(&self, other: &Verdict) -> bool {
        let others = other.differences();
        let end = |v: &Verdict, name: &str| v.answers.iter().find(|a| a.0 == name).map(|a| ending(&a.1));
        let same = |(name, what): (&String, &String)| {
            others.get(name) == Some(what) && end(self, name) == end(other, name)
        };
        self.differences().iter().any(same) && self.right().map(ending) == other.right().map(ending)
    }
}

/// How a program ended, with the first words of its message.
fn ending(answer: &Answer) -> (Option<End>, String) {
    match answer {
        Answer::Ended(_, err, end) => (Some(*end), without_numbers(&String::from_utf8_lossy(err))),
        Answer::Broke(why) | Answer::Undecided(why) => (None, without_numbers(why)),
    }
}

/// A message without what differs between programs.
fn without_numbers(text: &str) -> String {
    let line = text.lines().next().unwrap_or("");
    line.chars().filter(|c| !c.is_ascii_digit()).take(80).collect()
}
