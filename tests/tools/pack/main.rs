//! Writes a folder with which a machine that is not here tests its target: the golden programs, what they are given
//! and have to do, and one script that runs them and makes a report to send back.
//!
//!     cargo run --release --example pack -- --target NAME [--mochi PROGRAM] DIR [-- BUILD OPTIONS]
//!
//! On the machine: `sh run.sh`, on Windows `powershell -ExecutionPolicy Bypass -File run.ps1`; the report is
//! `report.txt`. The exit status of the script is 0 when all programs do what they should.

mod pack;

use clap::Parser;
use mochi_objwrite::target;
use pack::Pack;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "pack", about = "Writes a folder that tests a target on its machine")]
struct Options {
    /// The target
    #[arg(long, value_name = "NAME")]
    target: String,

    /// The compiler [default: that beside the folder of this program]
    #[arg(long, value_name = "PROGRAM")]
    mochi: Option<PathBuf>,

    /// The folder, which must not exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Options of `mochi build`
    #[arg(last = true, value_name = "BUILD OPTIONS")]
    build: Vec<String>,
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(count) => {
            println!("{count} programs");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("pack: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(options: Options) -> Result<usize, String> {
    let target = target::parse(&options.target).map_err(|e| e.to_string())?;
    let me = std::env::current_exe().map_err(|e| e.to_string())?;
    let beside = me.ancestors().nth(2).map(|folder| folder.join("mochi"));
    let compiler = options.mochi.or(beside).ok_or("no compiler")?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let programs = mochi_testkit::programs(&root.join("tests/golden"));
    let pack = Pack { compiler: &compiler, target, options: &options.build, programs: &programs };
    pack.write(&options.folder).map_err(|e| e.to_string())?;
    Ok(programs.len())
}
