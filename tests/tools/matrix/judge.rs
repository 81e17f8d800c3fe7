//! Builds a program for a target, runs it on the target's engines, and judges what it did.

use crate::sets::{Program, lines_of_benchmark};
use mochi_objwrite::Target;
use mochi_testkit::Scratch;
use mochi_testkit::engines::{Engine, Start};
use mochi_testkit::process::{self, End, Outcome};
use object::{Object, ObjectSection, SectionKind};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Time for the compiler, and for a program on this machine.
const TIME: Duration = Duration::from_secs(20);

/// How programs are built and run.
pub struct Judge<'a> {
    /// The compiler.
    pub compiler: PathBuf,
    /// Further options of it.
    pub options: Vec<String>,
    /// All engines.
    pub engines: &'a [Engine],
    /// For executables.
    pub scratch: &'a Scratch,
}

/// A program to build for a target.
pub struct Job<'a> {
    /// Index of its set.
    pub set: usize,
    /// The program.
    pub program: &'a Program,
    /// The target.
    pub target: Target,
}

/// What became of a job.
#[derive(Default)]
pub struct JobResult {
    /// Bytes of code, when there is an executable.
    pub code: Option<u64>,
    /// By index of the engine.
    pub runs: Vec<(usize, Verdict)>,
}

/// What became of a program on an engine.
#[derive(Clone)]
pub struct Verdict {
    /// Kind and reason of a failure.
    pub failure: Option<(&'static str, String)>,
    /// How it ended, `None` when it was rejected, and a hash of the output that has to be the same.
    pub did: (Option<End>, u64),
}

impl Judge<'_> {
    /// Builds and runs.
    pub fn run(&self, job: &Job) -> JobResult {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let program = job.program;
        let exe = self.scratch.path(&format!("p{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let mut build = Command::new(&self.compiler);
        build.arg("build").arg(&program.source).arg("-o").arg(&exe);
        build.args(["--color", "never", "--target", job.target.short]).args(&self.options);
        let mine = || self.engines.iter().enumerate().filter(|(_, e)| e.target == job.target);
        let everywhere = |failure: Option<(&'static str, String)>| {
            let verdict = Verdict { failure, did: (None, 0) };
            JobResult { code: None, runs: mine().map(|(i, _)| (i, verdict.clone())).collect() }
        };
        let built = match process::run(&mut build, b"", TIME) {
            Ok(built) => built,
            Err(e) => return everywhere(Some(("crash", e.to_string()))),
        };
        match built.end {
            End::Status(0) => {}
            End::Status(1) if program.loose && program.stdout.as_deref().unwrap_or("").trim().is_empty() => {
                return everywhere(None);
            }
            End::Status(1) => return everywhere(Some(("reject", first_line(&built.stderr)))),
            end => return everywhere(Some(("crash", format!("{end}: {}", first_line(&built.stderr))))),
        }
        let code = std::fs::read(&exe).ok().and_then(|bytes| code_bytes(&bytes));
        let runs = mine().map(|(i, engine)| (i, judge(program, engine, &exe))).collect();
        // What is left goes with the folder.
        let _ = std::fs::remove_file(&exe);
        JobResult { code, runs }
    }
}

/// Runs a program and compares what it does with what it should do.
fn judge(program: &Program, engine: &Engine, exe: &Path) -> Verdict {
    let start = Start { stdin: &program.stdin, env: program.env, folder: &program.folder, time: TIME };
    match engine.run(exe, &start) {
        Ok(outcome) => verdict(program, &outcome),
        Err(e) => Verdict { failure: Some(("end", e.to_string())), did: (None, 0) },
    }
}

fn verdict(program: &Program, outcome: &Outcome) -> Verdict {
    let show = |text: &str| -> Vec<String> {
        let lines = if program.loose { lines_of_benchmark(text) } else { text.split('\n').collect() };
        lines.into_iter().map(str::to_string).collect()
    };
    let stdout = show(&String::from_utf8_lossy(&outcome.stdout));
    let stderr = String::from_utf8_lossy(&outcome.stderr);
    let mut hash = DefaultHasher::new();
    stdout.hash(&mut hash);
    let differs = |what: &str, expected: &Option<String>, got: &[String]| {
        let expected = show(expected.as_ref()?);
        (expected != got).then(|| format!("{what}, {}", difference(&expected, got)))
    };
    let wrong_end = program.end.is_some_and(|end| end != outcome.end);
    let failure = if outcome.end == End::Timeout {
        Some(("timeout", outcome.end.to_string()))
    } else if wrong_end {
        Some(("end", format!("{}: {}", outcome.end, first_line(&outcome.stderr))))
    } else {
        let output = differs("output", &program.stdout, &stdout);
        output.or_else(|| differs("errors", &program.stderr, &show(&stderr))).map(|why| match outcome.end {
            End::Status(0) => ("differ", why),
            end => ("differ", format!("{why}; {end}: {}", first_line(&outcome.stderr))),
        })
    };
    Verdict { failure, did: (Some(outcome.end), hash.finish()) }
}

/// The first line of a message, with the place that may follow.
fn first_line(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    let first = lines.next().unwrap_or("(no message)").to_string();
    match lines.next() {
        Some(place) if place.starts_with("-->") => format!("{first} {place}"),
        _ => first,
    }
}

fn difference(expected: &[String], got: &[String]) -> String {
    let at = expected.iter().zip(got).take_while(|(e, g)| e == g).count();
    let show = |lines: &[String]| match lines.get(at) {
        Some(line) => format!("`{}`", line.chars().take(60).collect::<String>()),
        None => "end of output".into(),
    };
    format!("line {}: expected {}, got {}", at + 1, show(expected), show(got))
}

/// Bytes of machine code in an executable.
fn code_bytes(file: &[u8]) -> Option<u64> {
    if let Some(sections) = file.strip_prefix(b"\0asm\x01\0\0\0") {
        return wasm_code_bytes(sections);
    }
    let file = object::File::parse(file).ok()?;
    Some(file.sections().filter(|s| s.kind() == SectionKind::Text).map(|s| s.size()).sum())
}

/// The size of the code section: sections are a number, a size in LEB128, and that many bytes.
fn wasm_code_bytes(mut sections: &[u8]) -> Option<u64> {
    const CODE: u8 = 10;
    loop {
        let (&id, rest) = sections.split_first()?;
        let digits = rest.iter().position(|b| b & 0x80 == 0)? + 1;
        let size = rest[..digits].iter().rev().fold(0, |n, b| n << 7 | u64::from(b & 0x7f));
        if id == CODE {
            return Some(size);
        }
        sections = rest.get(digits + usize::try_from(size).ok()?..)?;
    }
}
