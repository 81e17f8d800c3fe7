//! Runs random programs on every engine; all must do the same, to the byte.
//!
//!     cargo run --release --example random -- [--seed N] [--count N] [--time SECONDS]
//!         [--engines LIST] [--folder DIR] [--fresh]
//!     cargo run --release --example random -- [--engines LIST] PROGRAM
//!
//! Program `n` of a seed is always the same one. The run goes on where the last one with its seed
//! ended (the file `state-SEED` in the folder), and writes there every finding, reduced: the program,
//! what each engine says, and the command that repeats it. The engines are those of [`engines`]:
//! `evaluator` (the judge), `declared` (the same, where every variable is seen as declared), `wrapped` (the
//! same, asked about the program in other words), `O` and `debug` (this machine), `interpreter` and `interpreter-O` (the IR
//! before and after the passes), `a64`, `rv64`, `wasm`, `node`; `/N` after a name asks it about one
//! program in N.
//!
//! With a program of its own it shows what each engine says.
//!
//! The exit status is 0 when all agree, 1 when there are findings or too many programs are rejected, 2
//! when the command line is wrong.

mod engines;
mod findings;
#[allow(dead_code, reason = "tests and the fuzz target use all of it")]
mod verdict;

use clap::Parser;
use engines::{Case, Judges};
use findings::{Folder, Tally};
use mochi_judge::generate::Programs;
use mochi_testkit::random_seed;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use verdict::judge;

#[derive(Parser)]
#[command(name = "random", about = "Runs random programs on every engine and compares what they do")]
struct Options {
    /// Which sequence of programs
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,

    /// Programs of the sequence, those of earlier runs included
    #[arg(long, default_value_t = u64::MAX, value_name = "N", hide_default_value = true)]
    count: u64,

    /// Seconds after which no program is begun
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    time: u64,

    /// Engines, each with /N for one program in N
    #[arg(long, value_name = "LIST")]
    engines: Option<String>,

    /// Where findings and the state are kept
    #[arg(long, default_value = "target/random", value_name = "DIR")]
    folder: PathBuf,

    /// Begin with the first program
    #[arg(long)]
    fresh: bool,

    /// The program with this number, and what each engine says about it
    #[arg(long, value_name = "N")]
    show: Option<u64>,

    /// A program, instead of random ones
    program: Option<PathBuf>,
}

/// The runner of a program of a sequence: its random numbers follow from seed and number.
fn runner(seed: u64, number: u64) -> TestRunner {
    let config = Config { max_shrink_iters: 20_000, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, random_seed(seed, number))
}

fn main() -> ExitCode {
    let options = Options::parse();
    // Fails only when the pool exists already, and nothing has used it yet.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    let judges = match Judges::new(options.engines.as_deref()) {
        Ok(judges) => judges,
        Err(why) => {
            eprintln!("random: {why}");
            return ExitCode::from(2);
        }
    };
    // A compiler's panic is a finding like others.
    let plain = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !engines::BUSY.load(Ordering::Relaxed) {
            plain(info);
        }
    }));
    mochi_lang::stack::large(|| match (&options.program, options.show) {
        (Some(path), _) => match std::fs::read_to_string(path) {
            Ok(text) => show(&judges, Case::plain(text, None)),
            Err(e) => {
                eprintln!("random: {}: {e}", path.display());
                ExitCode::from(2)
            }
        },
        (None, Some(number)) => {
            let program = Programs.new_tree(&mut runner(options.seed, number)).expect("a program").current();
            println!("{}", program.source());
            show(&judges, Case::of(&program))
        }
        (None, None) => search(&options, &judges),
    })
    .expect("memory for a stack")
}

/// Shows what each engine says about a program.
fn show(judges: &Judges, case: Case) -> ExitCode {
    let verdict = judge(judges, case, |_| true);
    for (name, answer) in &verdict.answers {
        println!("--- {name}\n{answer}");
    }
    println!("{}", verdict.summary());
    if verdict.agrees() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs programs until the count or the time is reached.
fn search(options: &Options, judges: &Judges) -> ExitCode {
    let mut folder = match Folder::open(&options.folder, options.seed, options.fresh) {
        Ok(folder) => folder,
        Err(e) => {
            eprintln!("random: {}: {e}", options.folder.display());
            return ExitCode::from(2);
        }
    };
    let (begin, mut tally) = (Instant::now(), Tally::default());
    while folder.next < options.count && begin.elapsed() < Duration::from_secs(options.time) {
        let number = folder.next;
        let mut runner = runner(options.seed, number);
        let tree = Programs.new_tree(&mut runner).expect("a program");
        let program = tree.current();
        let verdict = judge(judges, Case::of(&program), |j| number.is_multiple_of(j.every));
        tally.count(&verdict);
        if !verdict.agrees() {
            let reduced = findings::reduce(judges, &mut runner, tree, &verdict);
            let path = folder.keep(number, &program, &reduced, judges, &verdict);
            println!("program {number}: {}\n  {}", verdict.summary(), path.display());
        } else if let Some(why) = verdict.rejected() {
            folder.reject(number, &program, why);
        }
        folder.next += 1;
        folder.save();
    }
    println!("{}", tally.report(judges, begin.elapsed()));
    if tally.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
