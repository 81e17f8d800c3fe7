//! What was measured, and the file that keeps it: a JSON object a line, the newest last.

use crate::peers::{BASE, Peer};
use crate::root;
use crate::times::ratio;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

/// Everything that was measured at one time.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Run {
    /// Seconds since 1970.
    pub time: u64,
    /// Name of the run.
    pub label: String,
    /// The processor.
    pub machine: String,
    /// Size of the programs.
    pub size: String,
    /// Runs of each.
    pub rounds: usize,
    /// Names and versions of the peers, in order.
    pub peers: Vec<(String, String)>,
    /// The programs.
    pub programs: Vec<Program>,
    /// Building a long program: mode, then the steps.
    pub compiler: Vec<(String, Steps)>,
}

/// Steps of the compiler and their seconds.
pub type Steps = Vec<(String, f64)>;

/// What was measured of one program.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// The set that it is of.
    pub set: String,
    /// How much it had to do.
    pub n: String,
    /// What each peer made of it.
    pub entries: BTreeMap<String, Entry>,
}

/// What was measured of one executable.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Entry {
    /// Seconds, the median.
    pub seconds: f64,
    /// Seconds, the least.
    pub least: f64,
    /// Seconds that building took, the median.
    pub build: f64,
    /// Bytes without symbols.
    pub bytes: Option<u64>,
}

impl Run {
    /// A run that begins now.
    pub fn new(label: String, size: &str, rounds: usize, peers: &[Peer]) -> Run {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        Run {
            time: now,
            label,
            machine: machine(),
            size: size.into(),
            rounds,
            peers: peers.iter().map(|peer| (peer.name.clone(), peer.version.clone())).collect(),
            programs: Vec::new(),
            compiler: Vec::new(),
        }
    }

    /// The peers that are compared with the base.
    pub fn others(&self) -> impl Iterator<Item = &str> {
        self.peers.iter().map(|peer| peer.0.as_str()).filter(|name| *name != BASE)
    }

    /// The sets of programs, in order.
    pub fn sets(&self) -> Vec<&str> {
        let mut sets: Vec<&str> = self.programs.iter().map(|p| p.set.as_str()).collect();
        sets.dedup();
        sets
    }

    /// The ratios of a peer's times to the base's, over the programs of a set, or of all.
    pub fn ratios(&self, peer: &str, set: Option<&str>) -> Vec<f64> {
        let wanted = self.programs.iter().filter(|p| set.is_none_or(|set| p.set == set));
        wanted.filter_map(|p| ratio(p, peer)).collect()
    }

    /// The day, as people write it: 2026-01-31.
    pub fn day(&self) -> String {
        let (year, month, day) = date(self.time / 86_400);
        format!("{year:04}-{month:02}-{day:02}")
    }
}

/// Year, month and day of a number of days since 1970.
fn date(days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let (mut year, mut left) = (1970, days);
    while left >= 365 + u64::from(leap(year)) {
        left -= 365 + u64::from(leap(year));
        year += 1;
    }
    let months = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while left >= months[month] {
        left -= months[month];
        month += 1;
    }
    (year, month as u64 + 1, left + 1)
}

/// The runs of a file; none when it does not exist yet.
pub fn read(file: &Path) -> Result<Vec<Run>, String> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(format!("{}: {e}", file.display())),
    };
    let run = |(n, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| format!("{}:{}: {e}", file.display(), n + 1))
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(run).collect()
}

/// Adds a run to a file.
pub fn add(file: &Path, run: &Run) -> Result<usize, String> {
    let line = serde_json::to_string(run).map_err(|e| e.to_string())? + "\n";
    let opened = OpenOptions::new().create(true).append(true).open(file);
    let written = opened.and_then(|mut f| f.write_all(line.as_bytes()));
    written.map(|()| line.len()).map_err(|e| format!("{}: {e}", file.display()))
}

/// The commit that is checked out, with a mark when there are changes; empty without git.
pub fn commit() -> String {
    let git = |args: &[&str]| {
        let out = Command::new("git").args(args).current_dir(root()).output().ok()?;
        out.status.success().then(|| String::from_utf8_lossy(&out.stdout).trim().to_string())
    };
    let changed =
        git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|text| !text.is_empty());
    git(&["rev-parse", "--short", "HEAD"]).map_or(String::new(), |c| if changed { c + "+" } else { c })
}

/// The processor's name, where the system tells (`proc(5)`).
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("model name"));
    line.and_then(|l| l.split_once(':')).map_or(String::new(), |(_, name)| name.trim().to_string())
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use mochi_testkit::Scratch;

    /// A run of two programs; `factor` makes ours slower.
    pub fn sample(label: &str, factor: f64) -> Run {
        let entry = |seconds: f64| Entry { seconds, least: seconds, build: 0.05, bytes: Some(20_000) };
        let program = |name: &str, set: &str, ours: f64| Program {
            name: name.into(),
            set: set.into(),
            n: "100".into(),
            entries: BTreeMap::from([
                (BASE.to_string(), entry(0.5)),
                ("mochi".to_string(), entry(ours * factor)),
            ]),
        };
        Run {
            time: 1_700_000_000,
            label: label.into(),
            machine: "a <fast> machine".into(),
            size: "full".into(),
            rounds: 5,
            peers: vec![(BASE.into(), "gcc 12".into()), ("mochi".into(), "mochi 0.1".into())],
            programs: vec![program("life", "bench", 0.5), program("fib", "kernels", 2.0)],
            compiler: vec![("-O".into(), vec![("parse".into(), 0.001), ("link".into(), 0.002)])],
        }
    }

    #[test]
    fn what_is_added_to_a_file_is_read_back() {
        let scratch = Scratch::new("history");
        let file = scratch.path("history.jsonl");
        assert_eq!(read(&file), Ok(Vec::new()));
        let runs = [sample("one", 1.0), sample("two", 2.0)];
        for run in &runs {
            add(&file, run).expect("it is written");
        }
        assert_eq!(read(&file).as_deref(), Ok(&runs[..]));
        fs::write(&file, "{}\n").expect("it is written");
        assert!(read(&file).is_err_and(|e| e.contains("history.jsonl:1")));
    }

    #[test]
    fn ratios_are_of_a_set_or_of_all() {
        let run = sample("one", 1.0);
        assert_eq!(run.ratios("mochi", None), [1.0, 4.0]);
        assert_eq!(run.ratios("mochi", Some("kernels")), [4.0]);
        assert!(run.ratios("go", None).is_empty());
        assert_eq!((run.sets(), run.others().collect::<Vec<_>>()), (vec!["bench", "kernels"], vec!["mochi"]));
    }

    #[test]
    fn days() {
        let days = [(0, (1970, 1, 1)), (59, (1970, 3, 1)), (789, (1972, 2, 29)), (19_675, (2023, 11, 14))];
        for (n, day) in days {
            assert_eq!(date(n), day);
        }
        assert_eq!(sample("one", 1.0).day(), "2023-11-14");
    }
}
