//! Builds a program with every peer and runs what they made, in turn.

use crate::history::{Entry, Program};
use crate::measure::{self, Usage, median};
use crate::peers::{BASE, Peer};
use crate::{Size, TIME};
use mochi_testkit::kernels::{Kernel, Language};
use mochi_testkit::process::End;
use mochi_testkit::{Scratch, installed};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How programs are measured.
pub struct How<'a> {
    /// How much they have to do.
    pub size: Size,
    /// Runs of each.
    pub rounds: usize,
    /// Builds of each.
    pub builds: usize,
    /// Where files are.
    pub scratch: &'a Scratch,
}

/// What a peer made of a program.
struct Built {
    peer: String,
    executable: PathBuf,
    usages: Vec<Usage>,
    entry: Entry,
}

/// Measures a program. What is wrong with it is added to the problems, and what it says is left out.
pub fn program(
    kernel: &Kernel,
    set: &str,
    peers: &[Peer],
    how: &How,
    problems: &mut Vec<String>,
) -> Result<Program, String> {
    let size = how.size.name();
    let mut built = Vec::new();
    for peer in peers {
        let Some(source) = kernel.source(peer.language, size)? else { continue };
        let folder = how.scratch.path(&format!("{}-{}", set, kernel.name)).join(peer.name.replace(' ', ""));
        std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let file = folder.join(&kernel.name).with_extension(peer.language.extension());
        match build(peer, &source, &file, how.builds)? {
            Ok(made) => built.push(made),
            Err(problem) => problems.push(format!("{}: {}: not built: {problem}", kernel.name, peer.name)),
        }
    }
    let mut printed: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
    for _ in 0..how.rounds {
        let mut failed = Vec::new();
        for (n, made) in built.iter_mut().enumerate() {
            let (usage, outcome) = measure::run(&mut Command::new(&made.executable), TIME)?;
            if outcome.end != End::Status(0) {
                problems.push(format!("{}: {}: {}", kernel.name, made.peer, outcome.end));
                failed.push(n);
                continue;
            }
            made.usages.push(usage);
            let who = printed.entry(outcome.stdout).or_default();
            if !who.contains(&made.peer) {
                who.push(made.peer.clone());
            }
        }
        for n in failed.into_iter().rev() {
            built.remove(n);
        }
    }
    if printed.len() > 1 {
        let groups: Vec<String> = printed.values().map(|peers| peers.join(", ")).collect();
        problems.push(format!("{}: what is printed differs: {}", kernel.name, groups.join(" / ")));
    }
    let mut entries = BTreeMap::new();
    for mut made in built {
        let seconds: Vec<f64> = made.usages.iter().map(|usage| seconds(usage, how.size)).collect();
        made.entry.seconds = median(&seconds);
        made.entry.least = seconds.iter().copied().fold(f64::INFINITY, f64::min);
        entries.insert(made.peer, made.entry);
    }
    Ok(Program { name: kernel.name.clone(), set: set.into(), n: kernel.value(size)?, entries })
}

/// The time that counts: of short runs the system's, too.
fn seconds(usage: &Usage, size: Size) -> f64 {
    let time = if size == Size::Full { usage.user } else { usage.user + usage.system };
    // What took no time that the system can say still has a ratio.
    time.max(1e-4)
}

/// Builds a program some times; why it cannot be built is the inner error.
fn build(peer: &Peer, source: &str, file: &Path, builds: usize) -> Result<Result<Built, String>, String> {
    let executable = file.with_extension("exe");
    let mut times = Vec::new();
    for turn in 0..builds {
        // Another comment, so that Go's cache does not answer.
        let comment =
            if peer.language == Language::Go { format!("// build {turn}\n") } else { String::new() };
        std::fs::write(file, source.to_string() + &comment)
            .map_err(|e| format!("{}: {e}", file.display()))?;
        match measure::succeed(&mut peer.build(file, &executable), TIME) {
            Ok((usage, _)) => times.push(usage.wall),
            Err(problem) => return Ok(Err(problem)),
        }
    }
    let entry = Entry { seconds: 0.0, least: 0.0, build: median(&times), bytes: stripped(&executable)? };
    Ok(Ok(Built { peer: peer.name.clone(), executable, usages: Vec::new(), entry }))
}

/// The size of an executable without symbols; none where nothing strips it.
fn stripped(executable: &Path) -> Result<Option<u64>, String> {
    if !installed("strip") {
        return Ok(None);
    }
    let copy = executable.with_extension("stripped");
    measure::succeed(Command::new("strip").arg("-o").arg(&copy).arg(executable), TIME)?;
    let size = std::fs::metadata(&copy).map_err(|e| format!("{}: {e}", copy.display()))?.len();
    Ok(Some(size))
}

/// The ratio of a peer's time to the base's.
pub fn ratio(program: &Program, peer: &str) -> Option<f64> {
    Some(program.entries.get(peer)?.seconds / program.entries.get(BASE)?.seconds)
}
