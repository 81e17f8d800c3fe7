//! Measures the programs that the compiler makes, and the compiler itself.
//!
//!     cargo run --release --example bench -- [--kernels DIR]... [--only NAME,...] [--size small|vm|full]
//!         [--rounds N] [--builds N] [--mochi [NAME=]PROGRAM]... [--debug] [--counts] [--record FILE] [--check FILE]
//!         [--history FILE] [--label TEXT] [--page FILE]
//!
//! Programs are those of `tests/bench`, then those of the folders ([`mochi_testkit::kernels`] says what is in
//! them). Each is built by every peer: gcc -O2, which the others are compared with, other C compilers and Go where
//! they are on the path, and our compilers. Then all of them run in turn, round by round, and what they print is
//! compared byte for byte. Times are user seconds, medians over the rounds; with other sizes than the full one user
//! and system time together, because the split of milliseconds is chance. Means of ratios are geometric.
//!
//! `--counts` counts instructions instead (valgrind), which no other program on the machine changes: of programs with
//! the size `vm`, and of the compiler. `--record` writes what was counted of our own programs and of the compiler to
//! a file, `--check` compares with it: more than 1 % above it is a failure.
//!
//! A run that measured times is added to the history, and the page shows the newest run of it; with `--rounds 0`
//! nothing is measured, so that a page can be made of a history alone.
//!
//! The exit status is 1 when a program is not built, fails or prints something else, or when a count has grown; 2
//! when the command line or a file is wrong.

mod compiler;
mod counts;
mod history;
mod measure;
mod page;
mod peers;
mod table;
mod times;

use clap::{Parser, ValueEnum};
use counts::Counts;
use history::Run;
use mochi_testkit::kernels::{self, Kernel};
use mochi_testkit::{Scratch, build_compiler};
use peers::{Mochi, Peer};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Time of one build or run.
const TIME: Duration = Duration::from_secs(120);

#[derive(Parser)]
#[command(
    name = "bench",
    about = "Measures programs of the compiler beside those of others, and the compiler"
)]
struct Options {
    /// A folder of further kernels: folders NAME with NAME.mochi, and NAME.c and NAME.go (may be repeated)
    #[arg(long, value_name = "DIR")]
    kernels: Vec<PathBuf>,

    /// Only these programs
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    only: Vec<String>,

    /// How much the programs have to do
    #[arg(long, value_enum, default_value_t = Size::Full)]
    size: Size,

    /// Runs of each program [default: 5, with --counts 0]
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,

    /// Builds of each program, for the time of a build
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    builds: u16,

    /// A compiler of ours (may be repeated) [default: that of this repository, built first]
    #[arg(long, value_name = "[NAME=]PROGRAM")]
    mochi: Vec<String>,

    /// Also what our compilers make with --debug
    #[arg(long)]
    debug: bool,

    /// Count instructions, with valgrind
    #[arg(long)]
    counts: bool,

    /// Write the counts to this file
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    /// Compare the counts with this file
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,

    /// Add the times to this file, a JSON object a line
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,

    /// What the history calls this run [default: the commit]
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,

    /// Show it on this page (HTML)
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq)]
enum Size {
    Small,
    Vm,
    Full,
}

impl Size {
    fn name(self) -> &'static str {
        match self {
            Size::Small => "small",
            Size::Vm => "vm",
            Size::Full => "full",
        }
    }
}

/// The programs of a folder.
struct Set {
    name: String,
    /// Whether it is that of the repository.
    own: bool,
    kernels: Vec<Kernel>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            for problem in problems {
                eprintln!("bench: {problem}");
            }
            ExitCode::FAILURE
        }
        Err(message) => {
            eprintln!("bench: {message}");
            ExitCode::from(2)
        }
    }
}

/// Does what is asked for, and returns what is wrong with programs and counts.
fn run(options: &Options) -> Result<Vec<String>, String> {
    let counting = options.counts || options.record.is_some() || options.check.is_some();
    let rounds = options.rounds.unwrap_or(if counting { 0 } else { 5 });
    let mut problems = Vec::new();
    let mut runs = match &options.history {
        Some(file) => history::read(file)?,
        None => Vec::new(),
    };
    if counting || rounds > 0 {
        let scratch = Scratch::new("bench");
        let sets = find_sets(options)?;
        let compilers = find_compilers(options)?;
        let peers = peers::all(&compilers, options.debug)?;
        if counting {
            problems.extend(count(options, &sets, &peers, &compilers, &scratch)?);
        }
        if rounds > 0 {
            let run = time(options, rounds, &sets, &peers, &compilers, &scratch, &mut problems)?;
            print!("{}", table::report(&run));
            if let Some(file) = &options.history {
                history::add(file, &run)?;
            }
            runs.push(run);
        }
    }
    if let Some(file) = &options.page {
        let page = page::page(&runs).ok_or("nothing was measured, so there is nothing to show")?;
        std::fs::write(file, page).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    Ok(problems)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn find_sets(options: &Options) -> Result<Vec<Set>, String> {
    let own = kernels::kernels(&root().join("tests/bench"))?;
    let mut sets = vec![Set { name: "tests/bench".into(), own: true, kernels: own }];
    for folder in &options.kernels {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        sets.push(Set { name, own: false, kernels: kernels::kernels(folder)? });
    }
    let all: Vec<&Kernel> = sets.iter().flat_map(|s| &s.kernels).collect();
    if let Some(name) = options.only.iter().find(|name| all.iter().all(|k| k.name != **name)) {
        return Err(format!("no kernel is called {name}"));
    }
    if !options.only.is_empty() {
        sets.iter_mut().for_each(|s| s.kernels.retain(|k| options.only.contains(&k.name)));
        sets.retain(|s| !s.kernels.is_empty());
    }
    Ok(sets)
}

fn find_compilers(options: &Options) -> Result<Vec<Mochi>, String> {
    if options.mochi.is_empty() {
        return Ok(vec![Mochi { name: "mochi".into(), program: build_compiler()? }]);
    }
    let named = |(n, text): (usize, &String)| {
        let (name, program) = match text.split_once('=') {
            Some((name, program)) => (name.to_string(), program),
            None if n == 0 => ("mochi".to_string(), text.as_str()),
            None => (format!("mochi {}", n + 1), text.as_str()),
        };
        let program = std::fs::canonicalize(program).map_err(|e| format!("{program}: {e}"))?;
        Ok(Mochi { name, program })
    };
    options.mochi.iter().enumerate().map(named).collect()
}

/// Times of all programs and of the first compiler.
fn time(
    options: &Options,
    rounds: usize,
    sets: &[Set],
    peers: &[Peer],
    compilers: &[Mochi],
    scratch: &Scratch,
    problems: &mut Vec<String>,
) -> Result<Run, String> {
    let label = options.label.clone().unwrap_or_else(history::commit);
    let mut run = Run::new(label, options.size.name(), rounds, peers);
    let how = times::How { size: options.size, rounds, builds: options.builds.into(), scratch };
    for set in sets {
        for kernel in &set.kernels {
            let program = times::program(kernel, &set.name, peers, &how, problems)?;
            eprintln!("{}", table::line(&program));
            run.programs.push(program);
        }
    }
    run.compiler = compiler::stages(&compilers[0], rounds, scratch)?;
    Ok(run)
}

/// Counts of all programs and of the first compiler, shown, recorded and compared as asked for.
fn count(
    options: &Options,
    sets: &[Set],
    peers: &[Peer],
    compilers: &[Mochi],
    scratch: &Scratch,
) -> Result<Vec<String>, String> {
    let mut kept = Counts::default();
    for set in sets {
        let counted = counts::programs(&set.kernels, peers, scratch)?;
        print!("{}", counts::table(&set.name, &counted));
        if set.own {
            kept.extend(counts::of_peer(&counted, &compilers[0].name));
        }
    }
    kept.extend(compiler::counts(&compilers[0], scratch)?);
    print!("{}", counts::list(&kept));
    let mut problems = Vec::new();
    if let Some(file) = &options.check {
        let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        let (grown, other) = counts::compare(&counts::parse(&text)?, &kept);
        print!("{other}");
        problems.extend(grown);
    }
    if let Some(file) = &options.record {
        std::fs::write(file, counts::text(&kept)).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    Ok(problems)
}
