//! The copy of the repository that has faults.

use mochi_testkit::faults::{Fault, SWITCH};
use mochi_testkit::process::{self, End};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Seconds for one command; a fault that makes a test run on is caught, too.
const LIMIT: u64 = 1200;
/// Seconds for the first build.
const BUILD_LIMIT: u64 = 4 * 3600;

/// A copy of the repository with all faults that have a switch, and its build.
pub struct Copy {
    tree: PathBuf,
    target: PathBuf,
}

impl Copy {
    /// Copies what git knows of the repository into the folder, puts the faults into it and builds it.
    pub fn new(root: &Path, folder: &Path, faults: &[Fault]) -> Result<Copy, String> {
        let copy = Copy { tree: folder.join("tree"), target: folder.join("target") };
        let mut texts = BTreeMap::new();
        let mut edits: BTreeMap<&str, Vec<(std::ops::Range<usize>, String)>> = BTreeMap::new();
        for fault in faults {
            let text = read(&root.join(&fault.file))?;
            let at = fault.find(&text)?;
            texts.insert(fault.file.as_str(), text);
            if fault.is_switched() {
                edits.entry(&fault.file).or_default().push((at, fault.replacement()));
            }
        }
        let mut kept = BTreeSet::new();
        for file in mochi_testkit::files_of(root) {
            let path = copy.tree.join(&file);
            // Whether the rules of the repository hold is no question about the product.
            if file == "tests/tidy.rs" {
                continue;
            }
            let bytes = match edits.get_mut(file.as_str()) {
                Some(edits) => edited(texts[file.as_str()].clone(), edits)?.into_bytes(),
                None => fs::read(root.join(&file)).map_err(|e| format!("{file}: {e}"))?,
            };
            let mode = fs::metadata(root.join(&file)).map(|m| m.permissions());
            let written = write_if_new(&path, &bytes).and_then(|()| fs::set_permissions(&path, mode?));
            written.map_err(|e| format!("{}: {e}", path.display()))?;
            kept.insert(path);
        }
        remove_others(&copy.tree, &kept).map_err(|e| format!("{}: {e}", copy.tree.display()))?;
        match copy.cargo(&["test", "--workspace", "--no-run"], None, BUILD_LIMIT)? {
            None => Ok(copy),
            Some(why) => Err(format!("the copy cannot be built: {why}")),
        }
    }

    /// What fails in a round without a fault, if anything does.
    pub fn failing(&self, round: Round, count: u64) -> Result<Option<String>, String> {
        for step in round.steps(None, count) {
            if let Some(by) = self.cargo(&step, None, LIMIT)? {
                return Ok(Some(format!("`cargo {}`: {by}", step.join(" "))));
            }
        }
        Ok(None)
    }

    /// What notices a fault, if anything of this round does.
    pub fn judge(&self, fault: &Fault, round: Round, count: u64) -> Result<Option<String>, String> {
        let path = self.tree.join(&fault.file);
        let wrong = |e: io::Error| format!("{}: {e}", path.display());
        let before = (!fault.is_switched()).then(|| read(&path)).transpose()?;
        if let Some(text) = &before {
            let mut text = text.clone();
            text.replace_range(fault.find(&text)?, &fault.replacement());
            write_if_new(&path, text.as_bytes()).map_err(wrong)?;
        }
        let result = self.notices(fault, round, count, before.is_some());
        if let Some(text) = before {
            write_if_new(&path, text.as_bytes()).map_err(wrong)?;
        }
        result
    }

    fn notices(
        &self,
        fault: &Fault,
        round: Round,
        count: u64,
        changed: bool,
    ) -> Result<Option<String>, String> {
        if changed && let Some(why) = self.cargo(&["build", "--quiet"], None, LIMIT)? {
            return Err(format!("{}: with it there is nothing to test: {why}", fault.name));
        }
        for step in round.steps(Some(fault), count) {
            if let Some(by) = self.cargo(&step, Some(&fault.name), LIMIT)? {
                return Ok(Some(by));
            }
        }
        Ok(None)
    }

    /// Runs cargo in the copy; what failed, if it did.
    fn cargo(
        &self,
        args: &[impl AsRef<str>],
        fault: Option<&str>,
        limit: u64,
    ) -> Result<Option<String>, String> {
        // The command ends what it has started, which killing cargo alone does not.
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", &limit.to_string(), "cargo"]);
        command.args(args.iter().map(AsRef::as_ref)).current_dir(&self.tree);
        command.env("CARGO_TARGET_DIR", &self.target).env_remove(SWITCH);
        command.envs(fault.map(|f| (SWITCH, f)));
        let outcome = process::run(&mut command, b"", Duration::from_secs(limit + 60))
            .map_err(|e| format!("timeout cargo: {e}"))?;
        if outcome.end == End::Status(0) {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&outcome.stdout) + String::from_utf8_lossy(&outcome.stderr);
        fs::write(self.target.with_file_name("last-failure.txt"), text.as_bytes())
            .map_err(|e| format!("the last failure cannot be written: {e}"))?;
        let step: Vec<&str> = args.iter().map(AsRef::as_ref).filter(|a| !a.starts_with("--quiet")).collect();
        let what = match outcome.end {
            End::Status(124) => "no end".into(),
            _ => failures(&text),
        };
        Ok(Some(format!("{}: {what}", step[..step.len().min(5)].join(" "))))
    }
}

/// What is run for a fault until something fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// The tests of its crate, the golden programs, random programs.
    Quick,
    /// All tests.
    All,
}

impl Round {
    /// In their order.
    pub const BOTH: [Round; 2] = [Round::Quick, Round::All];

    /// The commands for a fault, or for none, in their order.
    fn steps(self, fault: Option<&Fault>, count: u64) -> Vec<Vec<String>> {
        let step = |text: &str| text.split(' ').map(str::to_string).collect::<Vec<_>>();
        if self == Round::All {
            return vec![step("test --quiet --workspace")];
        }
        let own = match fault.and_then(|f| f.file.split('/').next()) {
            Some(name @ ("ir" | "isa" | "lang" | "objwrite" | "runtime")) => {
                Some(step(&format!("test --quiet -p mochi-{name}")))
            }
            _ => None,
        };
        let meant = fault.and_then(|f| f.test.as_ref());
        let meant = meant.map(|name| step(&format!("test --quiet -p mochi --test {name}")));
        let rest = [
            step("test --quiet -p mochi --test golden"),
            step(&format!("run --quiet --example random -- --fresh --count {count} --time 600 --seed 7")),
        ];
        own.into_iter().chain(meant).chain(rest).collect()
    }
}

/// The names of tests that failed, or the first line that says something.
fn failures(text: &str) -> String {
    let mut names: Vec<&str> = text
        .lines()
        .filter_map(|l| l.strip_prefix("---- ").and_then(|l| l.strip_suffix(" stdout ----")))
        .collect();
    names.dedup();
    if names.is_empty() {
        let line = text.lines().find(|l| l.contains("error") || l.contains("finding")).unwrap_or("failed");
        return line.trim().chars().take(100).collect();
    }
    names.truncate(3);
    names.join(", ")
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// The text with the changes, which must be apart.
fn edited(mut text: String, edits: &mut [(std::ops::Range<usize>, String)]) -> Result<String, String> {
    edits.sort_by_key(|(at, _)| at.start);
    if let Some(w) = edits.windows(2).find(|w| w[0].0.end > w[1].0.start) {
        return Err(format!("two faults change the same place: {} and {}", w[0].1, w[1].1));
    }
    for (at, new) in edits.iter().rev() {
        text.replace_range(at.clone(), new);
    }
    Ok(text)
}

/// Removes what an earlier copy had, which cargo would take for a part of this one.
fn remove_others(folder: &Path, kept: &BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, kept)?;
        } else if !kept.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Leaves a file alone that is right already, so that cargo does not build it again.
fn write_if_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().expect("a folder"))?;
    fs::write(path, bytes)
}
