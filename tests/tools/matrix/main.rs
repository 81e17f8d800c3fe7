//! Builds and runs programs for all targets, and compares what they do with what they should do and
//! with each other.
//!
//!     cargo run --release --example matrix -- [--target NAME]... [--evaluator] [--golden] [--kernels DIR]
//!         [--corpus CHECKOUT LIST]... [-j N] [--quiet] [--mochi PROGRAM] [-- BUILD OPTIONS]
//!
//! The sets of programs are described in [`sets`]; without any, it is the golden programs. A target
//! is run by every engine for it that is here. For each program that fails there is a line with the
//! kind of failure, the engines and the reason; then a table: passed of total for every engine and
//! set, and the bytes of code over the golden programs with their ratio to the first target. The
//! exit status is 0 when all programs agree: golden programs and kernels do what they should on
//! every engine, programs of a corpus the same on every engine. It is 1 when one does not, 2 when
//! the command line or a folder is wrong.
//!
//! Kinds of failure: `crash` the compiler failed, `reject` the compiler found errors, `differ` the
//! output is not the expected one, `end` the program did not end as it should or as elsewhere,
//! `timeout`, `undecided` the evaluator's limits ended it.

mod judge;
mod report;
mod sets;

use clap::Parser;
use judge::{Column, Job, Judge};
use mochi_objwrite::target::{self, TARGETS, Target};
use mochi_testkit::engines;
use mochi_testkit::{Scratch, build_compiler, parallel, threads};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "matrix", about = "Builds, runs and compares programs for all targets")]
struct Options {
    /// Only this target (may be repeated)
    #[arg(long = "target", value_name = "NAME")]
    targets: Vec<String>,

    /// The judge of the language, before all targets; alone unless targets are named
    #[arg(long)]
    evaluator: bool,

    /// The golden programs of the repository
    #[arg(long)]
    golden: bool,

    /// Kernels in folders NAME with NAME.mochi and perhaps NAME.c, at their small sizes
    #[arg(long, value_name = "DIR")]
    kernels: Option<PathBuf>,

    /// Programs of a checkout of mochilang/mochi that a list names, one path a line (may be repeated)
    #[arg(long, num_args = 2, value_names = ["CHECKOUT", "LIST"])]
    corpus: Vec<PathBuf>,

    /// Programs at once [default: as many as the machine has cores]
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,

    /// Only the table
    #[arg(long)]
    quiet: bool,

    /// The compiler [default: that of this repository, built first]
    #[arg(long, value_name = "PROGRAM")]
    mochi: Option<PathBuf>,

    /// Further options of `mochi build`
    #[arg(last = true, value_name = "BUILD OPTIONS")]
    build: Vec<String>,
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("matrix: {message}");
            ExitCode::from(2)
        }
    }
}

/// Whether all programs agree.
fn run(options: Options) -> Result<bool, String> {
    let scratch = Scratch::new("matrix");
    let columns = find_columns(&options)?;
    let mut sets = Vec::new();
    if options.golden || options.kernels.is_none() && options.corpus.is_empty() {
        sets.push(sets::golden()?);
    }
    if let Some(folder) = &options.kernels {
        sets.push(sets::kernels(folder, &scratch)?);
    }
    for pair in options.corpus.chunks_exact(2) {
        sets.push(sets::corpus(&pair[0], &pair[1])?);
    }
    let compiler = match options.mochi {
        Some(path) => path,
        None if columns.iter().all(|c| c.target().is_none()) => PathBuf::new(),
        None => build_compiler()?,
    };
    let mut targets: Vec<Option<Target>> = columns.iter().map(Column::target).collect();
    targets.dedup();
    let judge = Judge { compiler, options: options.build, columns: &columns, scratch: &scratch };
    let jobs: Vec<Job> = sets
        .iter()
        .enumerate()
        .flat_map(|(set, s)| s.programs.iter().map(move |program| (set, program)))
        .flat_map(|(set, program)| targets.iter().map(move |&target| Job { set, program, target }))
        .collect();
    let results = parallel(options.jobs.unwrap_or_else(threads), &jobs, |job| judge.run(job));
    let (text, agreed) = report::report(&sets, &columns, &jobs, results, options.quiet);
    print!("{text}");
    Ok(agreed)
}

/// The evaluator when it is asked for, and the engines of the named targets, of all without names.
fn find_columns(options: &Options) -> Result<Vec<Column>, String> {
    let named: Result<Vec<Target>, _> = options.targets.iter().map(|n| target::parse(n)).collect();
    let named = named.map_err(|e| e.to_string())?;
    let all = named.is_empty() && !options.evaluator;
    let targets = if all { TARGETS.iter().collect() } else { named };
    let evaluator = options.evaluator.then_some(Column::Evaluator);
    let engines = targets.into_iter().flat_map(engines::of).map(Column::Engine);
    let columns: Vec<Column> = evaluator.into_iter().chain(engines).collect();
    if columns.is_empty() { Err("nothing here runs programs of these targets".into()) } else { Ok(columns) }
}
