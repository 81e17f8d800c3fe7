//! Tests the tests: puts faults into a copy of the repository, one at a time, and looks which of them
//! the tests notice.
//!
//!     cargo run --release --example faults -- [--only NAME]... [--count N] [--folder DIR] [--fresh]
//!
//! The faults are those of `tests/faults` (see `mochi_testkit::faults` for their form). The copy is built
//! once with all faults of Rust code in it, each behind a switch; a fault of the runtime's library is
//! written into the copy and built for itself. For each fault come the tests of its crate, those it
//! names, the golden programs and random programs; then for each that is left all tests. The first that fails
//! has caught it.
//!
//! Results are kept in the folder: a run goes on where the last one ended. At the end there is a table,
//! and the exit status is 0 when at least 90 in 100 were caught, 1 when fewer were, 2 when something is
//! wrong with the copy or the command line.

mod copy;

use clap::Parser;
use copy::{Copy, Round};
use mochi_testkit::faults::{self, Fault};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "faults", about = "Looks which seeded faults the tests notice")]
struct Options {
    /// Only the faults whose names begin so (may be repeated)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// Random programs for a fault that the tests of its crate and the golden programs miss
    #[arg(long, default_value_t = 2000, value_name = "N")]
    count: u64,

    /// Where the copy, its build and the results are
    #[arg(long, default_value = "target/faults", value_name = "DIR")]
    folder: PathBuf,

    /// Forget the results of earlier runs
    #[arg(long)]
    fresh: bool,
}

/// Percentage of faults that must be caught.
const WANTED: usize = 90;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("faults: {message}");
            ExitCode::from(2)
        }
    }
}

/// Whether enough faults were caught.
fn run(options: &Options) -> Result<bool, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = faults::all(root)?;
    let chosen: Vec<&Fault> = all
        .iter()
        .filter(|f| options.only.is_empty() || options.only.iter().any(|n| f.name.starts_with(n)))
        .collect();
    fs::create_dir_all(&options.folder).map_err(|e| format!("{}: {e}", options.folder.display()))?;
    let folder = fs::canonicalize(&options.folder).map_err(|e| e.to_string())?;
    let mut results = Results::open(folder.join("results.txt"), options.fresh)?;
    let left = |results: &Results, round: Round| -> Vec<&Fault> {
        let waits = |f: &Fault| match results.of(f) {
            None => true,
            Some(by) => round == Round::All && by == MISSED_QUICKLY,
        };
        chosen.iter().copied().filter(|f| waits(f)).collect()
    };
    if !left(&results, Round::All).is_empty() {
        let copy = Copy::new(root, &folder, &all)?;
        for round in Round::BOTH {
            let faults = left(&results, round);
            if !faults.is_empty()
                && let Some(what) = copy.failing(round, options.count)?
            {
                return Err(format!("without a fault fails {what}"));
            }
            for fault in faults {
                let missed = if round == Round::Quick { MISSED_QUICKLY } else { MISSED };
                let by = copy.judge(fault, round, options.count)?;
                let by = by.as_deref().unwrap_or(missed);
                results.add(fault, by).map_err(|e| format!("the results cannot be written: {e}"))?;
                println!("{}", results.line(fault));
            }
        }
    }
    println!();
    let missed: Vec<&&Fault> = chosen.iter().filter(|f| results.of(f) == Some(MISSED)).collect();
    chosen.iter().for_each(|f| println!("{}", results.line(f)));
    let caught = chosen.len() - missed.len();
    println!("\n{caught} of {} caught", chosen.len());
    missed.iter().for_each(|f| println!("missed {}: {}", f.name, f.why));
    Ok(caught * 100 >= chosen.len() * WANTED)
}

const MISSED: &str = "-";
/// Missed by the first round.
const MISSED_QUICKLY: &str = "?";

/// What caught each fault, in a file: name, tab, what.
struct Results {
    path: PathBuf,
    by: BTreeMap<String, String>,
}

impl Results {
    fn open(path: PathBuf, fresh: bool) -> Result<Results, String> {
        let text = match fs::read_to_string(&path) {
            Ok(text) if !fresh => text,
            _ => String::new(),
        };
        let by = text.lines().filter_map(|l| l.split_once('\t')).map(|(n, b)| (n.into(), b.into())).collect();
        Ok(Results { path, by })
    }

    fn of(&self, fault: &Fault) -> Option<&str> {
        self.by.get(&fault.name).map(String::as_str)
    }

    fn add(&mut self, fault: &Fault, by: &str) -> io::Result<()> {
        self.by.insert(fault.name.clone(), by.into());
        let text: String = self.by.iter().map(|(n, b)| format!("{n}\t{b}\n")).collect();
        fs::write(&self.path, text)
    }

    fn line(&self, fault: &Fault) -> String {
        let by = self.of(fault).unwrap_or("not tried");
        let by = match by {
            MISSED => "MISSED",
            MISSED_QUICKLY => "missed by the quick tests",
            by => by,
        };
        format!("{:<34} {:<34} {by}", fault.name, fault.file)
    }
}
