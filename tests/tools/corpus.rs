//! Runs programs of a Mochi checkout and compares their output with the `.out` file beside each.
//!
//!     cargo run --release --example corpus -- CHECKOUT LIST [--mochi PROGRAM] [--quiet] [-- BUILD OPTIONS]
//!
//! LIST names programs relative to CHECKOUT, one a line; `#` starts a comment. Standard input is
//! the `.in` file where there is one; the clock is that of `MOCHI_NOW_SEED=1`, with which the
//! expected output was made. White space at the ends and a trailing JSON block of a benchmark (with
//! `duration_us`) are ignored; a program that is rejected has printed nothing, which may be what is
//! expected. Prints a line for each program that fails, with the reason, and totals. The exit
//! status is 0 when all pass.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(20);

struct Job {
    checkout: PathBuf,
    mochi: PathBuf,
    options: Vec<String>,
    work: PathBuf,
}

/// What became of a program.
enum Outcome {
    Pass,
    Fail { kind: &'static str, why: String },
}

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let options = match args.iter().position(|a| a == "--") {
        Some(i) => args.split_off(i).into_iter().skip(1).collect(),
        None => Vec::new(),
    };
    let quiet = args.iter().position(|a| a == "--quiet").map(|i| args.remove(i)).is_some();
    let mut mochi = default_compiler();
    if let Some(i) = args.iter().position(|a| a == "--mochi") {
        args.remove(i);
        mochi = if i < args.len() { PathBuf::from(args.remove(i)) } else { mochi };
    }
    let [checkout, list] = args.as_slice() else {
        eprintln!("usage: corpus CHECKOUT LIST [--mochi PROGRAM] [--quiet] [-- BUILD OPTIONS]");
        return ExitCode::from(2);
    };
    let Ok(list_text) = fs::read_to_string(list) else {
        eprintln!("cannot read {list}");
        return ExitCode::from(3);
    };
    let programs: Vec<&str> =
        list_text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    let work = std::env::temp_dir().join(format!("mochi-corpus-{}", std::process::id()));
    if let Err(e) = fs::create_dir_all(&work) {
        eprintln!("cannot create {}: {e}", work.display());
        return ExitCode::from(3);
    }
    let checkout = fs::canonicalize(checkout).unwrap_or_else(|_| PathBuf::from(checkout));
    let job = Job { checkout, mochi, options, work };
    let failed = run_all(&job, &programs, quiet);
    // Only scratch files are in there.
    let _ = fs::remove_dir_all(&job.work);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The compiler built beside this program.
fn default_compiler() -> PathBuf {
    let me = std::env::current_exe().unwrap_or_default();
    me.parent().and_then(Path::parent).map(|d| d.join("mochi")).unwrap_or_else(|| PathBuf::from("mochi"))
}

fn run_all(job: &Job, programs: &[&str], quiet: bool) -> usize {
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<BTreeMap<usize, Outcome>> = Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(program) = programs.get(i) else { break };
                    let outcome = run_one(job, program, i);
                    outcomes.lock().expect("no panic while locked").insert(i, outcome);
                }
            });
        }
    });
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, outcome) in outcomes.into_inner().expect("no panic while locked") {
        match outcome {
            Outcome::Pass => *kinds.entry("pass").or_default() += 1,
            Outcome::Fail { kind, why } => {
                *kinds.entry(kind).or_default() += 1;
                if !quiet {
                    println!("{kind:8} {}: {why}", programs[i]);
                }
            }
        }
    }
    let passed = kinds.remove("pass").unwrap_or(0);
    println!("{passed} of {} pass; failures by kind: {kinds:?}", programs.len());
    programs.len() - passed
}

fn run_one(job: &Job, program: &str, index: usize) -> Outcome {
    let source = job.checkout.join(program);
    let Ok(expected) = fs::read_to_string(source.with_extension("out")) else {
        return Outcome::Fail { kind: "missing", why: "no .out file beside it".into() };
    };
    let exe = job.work.join(format!("p{index}"));
    let log = job.work.join(format!("p{index}.log"));
    let mut build = Command::new(&job.mochi);
    build.arg("build").arg(&source).arg("-o").arg(&exe).args(&job.options).args(["--color", "never"]);
    match execute(build, None, &log.with_extension("none"), &log) {
        End::Status(0) => {}
        End::Status(1) if normal(&expected).is_empty() => return Outcome::Pass,
        End::Status(1) => return Outcome::Fail { kind: "reject", why: first_line(&log) },
        End::Status(s) => {
            return Outcome::Fail { kind: "crash", why: format!("status {s}: {}", first_line(&log)) };
        }
        End::Timeout => return Outcome::Fail { kind: "crash", why: "the compiler does not end".into() },
        End::Io(e) => return Outcome::Fail { kind: "crash", why: e.to_string() },
    }
    let out = job.work.join(format!("p{index}.out"));
    let mut run = Command::new(&exe);
    run.current_dir(&job.checkout).env("MOCHI_NOW_SEED", "1");
    let input = source.with_extension("in");
    let end = execute(run, input.exists().then_some(input.as_path()), &out, &log);
    let got = fs::read(&out).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    let outcome = match end {
        End::Status(_) if normal(&got) == normal(&expected) => Outcome::Pass,
        End::Status(0) => {
            Outcome::Fail { kind: "differ", why: difference(&normal(&expected), &normal(&got)) }
        }
        End::Status(s) => Outcome::Fail { kind: "error", why: format!("status {s}: {}", first_line(&log)) },
        End::Timeout => Outcome::Fail { kind: "timeout", why: format!("more than {} s", TIMEOUT.as_secs()) },
        End::Io(e) => Outcome::Fail { kind: "error", why: e.to_string() },
    };
    for f in [&exe, &out, &log] {
        // A leftover goes with the folder.
        let _ = fs::remove_file(f);
    }
    outcome
}

enum End {
    Status(i32),
    Timeout,
    Io(std::io::Error),
}

fn execute(mut command: Command, input: Option<&Path>, out: &Path, err: &Path) -> End {
    let start = || -> std::io::Result<std::process::Child> {
        command.stdin(match input {
            Some(path) => Stdio::from(File::open(path)?),
            None => Stdio::null(),
        });
        command.stdout(File::create(out)?).stderr(File::create(err)?).spawn()
    };
    let mut start = start;
    let mut child = match start() {
        Ok(child) => child,
        Err(e) => return End::Io(e),
    };
    let begin = Instant::now();
    let mut pause = Duration::from_micros(500);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return End::Status(status.code().unwrap_or(-1)),
            Ok(None) if begin.elapsed() > TIMEOUT => {
                // It may have ended just now.
                let _ = child.kill();
                let _ = child.wait();
                return End::Timeout;
            }
            Ok(None) => std::thread::sleep(pause),
            Err(e) => return End::Io(e),
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn first_line(log: &Path) -> String {
    let text = fs::read(log).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    let first = lines.next().unwrap_or("(no message)").to_string();
    match lines.next() {
        Some(place) if place.starts_with("-->") => format!("{first} {place}"),
        _ => first,
    }
}

/// Output without white space at the ends and without a trailing JSON block of a benchmark.
fn normal(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.trim().lines().map(str::trim_end).collect();
    trim_end(&mut lines);
    if lines.last() == Some(&"}")
        && let Some(open) = lines.iter().rposition(|l| *l == "{")
        && lines[open..].iter().any(|l| l.contains("\"duration_us\""))
    {
        lines.truncate(open);
        trim_end(&mut lines);
    }
    lines
}

fn trim_end(lines: &mut Vec<&str>) {
    while lines.last().is_some_and(|l| l.is_empty()) {
        lines.pop();
    }
}

fn difference(expected: &[&str], got: &[&str]) -> String {
    let cut = |s: &str| s.chars().take(60).collect::<String>();
    for i in 0..expected.len().max(got.len()) {
        let (e, g) = (expected.get(i), got.get(i));
        if e != g {
            let show = |s: Option<&&str>| s.map_or("end of output".to_string(), |s| format!("`{}`", cut(s)));
            return format!("line {}: expected {}, got {}", i + 1, show(e), show(g));
        }
    }
    "same lines".into()
}
