//! What rules find, and why a program is refused.

use crate::read::Unreadable;
use std::fmt;

/// What a rule finds wrong.
pub type Problems = Vec<String>;

/// The number of what is no trap: a file that cannot be read as an executable, or has what is not known here.
pub const UNREADABLE: u32 = 0;

/// Why a program is not loaded: the traps it falls into, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub Vec<(u32, String)>);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(|(trap, what)| format!("{trap}: {what}")).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Refusal {}

impl From<Unreadable> for Refusal {
    fn from(what: Unreadable) -> Refusal {
        Refusal(vec![(UNREADABLE, what.0)])
    }
}

/// What rules find, each finding with the number of its rule. `check` asks one rule.
pub fn findings<R>(rules: &[(u32, R)], check: impl Fn(&R, &mut Problems)) -> Vec<(u32, String)> {
    let mut all = Vec::new();
    for (trap, rule) in rules {
        let mut problems = Problems::new();
        check(rule, &mut problems);
        all.extend(problems.into_iter().map(|what| (*trap, what)));
    }
    all
}
