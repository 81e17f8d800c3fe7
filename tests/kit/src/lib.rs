//! What the tests of all crates and the tools of the repository share: scratch folders, processes
//! with limits, other people's tools (which may be missing), the engines that run programs of
//! every target, what golden programs have to do, and what programs of benchmarks are.

pub mod browser;
pub mod engines;
pub mod faults;
mod golden;
pub mod kernels;
pub mod process;
mod random;
mod repository;
mod tools;
pub mod wasi;

pub use golden::Golden;
pub use random::{Random, random_seed};
pub use repository::{build_compiler, files_of};
pub use tools::{first_installed, folder, have, installed, output, text, traces};

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A scratch folder, removed at the end.
pub struct Scratch(pub PathBuf);

impl Scratch {
    /// A new folder whose name has `name` in it. It is where cargo builds: programs may be started
    /// from there, as this one was, which a system's folder for temporary files may forbid.
    pub fn new(name: &str) -> Scratch {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let me = std::env::current_exe().expect("the path of this program");
        let base = me.ancestors().nth(2).expect("a folder in cargo's target folder");
        let dir = base.join("tmp").join(format!("{name}-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("scratch folder");
        Scratch(dir)
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file in it.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("scratch file");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing depends on it being gone.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Programs in the Mochi language in a folder, in order of name.
pub fn programs(folder: &Path) -> Vec<PathBuf> {
    let mut list: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "mochi"))
        .collect();
    list.sort();
    assert!(!list.is_empty(), "no programs in {}", folder.display());
    list
}

/// Does the work for every item on this many threads; the results are in the order of the items.
pub fn parallel<T: Sync, R: Send>(threads: usize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(i) else { break };
                    let result = work(item);
                    results.lock().expect("no panic while locked").push((i, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no panic while locked");
    results.sort_by_key(|r| r.0);
    results.into_iter().map(|r| r.1).collect()
}

/// Seeds for a random test: `count` of them, so that every run does the same whatever the machine
/// is busy with. `MOCHI_FUZZ_SECONDS` makes it as many as that time allows, `MOCHI_FUZZ_SEED` is the
/// first one.
pub fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|s| s.parse().ok());
    let first = number("MOCHI_FUZZ_SEED").unwrap_or(0);
    let end = number("MOCHI_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    (first..).take_while(move |&seed| match end {
        Some(end) => Instant::now() < end,
        None => seed - first < count,
    })
}

/// Threads that this machine runs at once.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}
