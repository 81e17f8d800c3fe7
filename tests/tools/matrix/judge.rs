//! Builds a program for a target, runs it on the target's engines, and judges what it did.

use crate::sets::{Program, lines_of_benchmark};
use mochi_judge::{Given, Limits, Outcome as Evaluated};
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

/// Who says what a program does.
pub enum Column {
    /// The judge of the language, for which nothing is built.
    Evaluator,
    /// An engine for programs of its target.
    Engine(Engine),
}

impl Column {
    /// Its name for messages.
    pub fn name(&self) -> String {
        match self {
            Column::Evaluator => "evaluator".into(),
            Column::Engine(e) => e.name(),
        }
    }

    /// What programs are built for, if they are.
    pub fn target(&self) -> Option<Target> {
        match self {
            Column::Evaluator => None,
            Column::Engine(e) => Some(e.target),
        }
    }
}

/// Limits of the evaluator.
const LIMITS: Limits = Limits { steps: 500_000_000, depth: 1_000_100, output: 64 << 20 };

/// How programs are built and run.
pub struct Judge<'a> {
    /// The compiler.
    pub compiler: PathBuf,
    /// Further options of it.
    pub options: Vec<String>,
    /// All engines, the evaluator among them.
    pub columns: &'a [Column],
    /// For executables.
    pub scratch: &'a Scratch,
}

/// A program to build for a target, or to evaluate.
pub struct Job<'a> {
    /// Index of its set.
    pub set: usize,
    /// The program.
    pub program: &'a Program,
    /// The target; none for the evaluator.
    pub target: Option<Target>,
}

/// What became of a job.
#[derive(Default)]
pub struct JobResult {
    /// Bytes of code, when there is an executable.
    pub code: Option<u64>,
    /// By index of the column.
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

/// What kind of failure it is that the evaluator has no opinion.
const UNDECIDED: &str = "undecided";

impl Verdict {
    /// Whether the evaluator has no opinion.
    pub fn is_undecided(&self) -> bool {
        self.failure.as_ref().is_some_and(|f| f.0 == UNDECIDED)
    }
}

impl Judge<'_> {
    /// Builds and runs.
    pub fn run(&self, job: &Job) -> JobResult {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let program = job.program;
        let mine = || self.columns.iter().enumerate().filter(|(_, c)| c.target() == job.target);
        let Some(target) = job.target else {
            let runs = mine().map(|(i, _)| (i, evaluate(program))).collect();
            return JobResult { code: None, runs };
        };
        let exe = self.scratch.path(&format!("p{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let mut build = Command::new(&self.compiler);
        build.arg("build").arg(&program.source).arg("-o").arg(&exe);
        build.args(["--color", "never", "--target", target.short]).args(&self.options);
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
        let runs = mine().filter_map(|(i, column)| match column {
            Column::Engine(engine) => Some((i, judge(program, engine, &exe))),
            Column::Evaluator => None,
        });
        let runs = runs.collect();
        // What is left goes with the folder.
        let _ = std::fs::remove_file(&exe);
        JobResult { code, runs }
    }
}

/// Runs a program and compares what it does with what it should do.
fn judge(program: &Program, engine: &Engine, exe: &Path) -> Verdict {
    let env = variables(program);
    let Program { args, stdin, folder, .. } = program;
    let start = Start { args, stdin, env: &env, folder, time: TIME };
    match engine.run(exe, &start) {
        Ok(outcome) => verdict(program, &outcome),
        Err(e) => Verdict { failure: Some(("end", e.to_string())), did: (None, 0) },
    }
}

fn variables(program: &Program) -> Vec<(&str, &str)> {
    program.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Evaluates a program and compares what it does with what it should do.
fn evaluate(program: &Program) -> Verdict {
    let failed = |kind: &'static str, why: String| Verdict { failure: Some((kind, why)), did: (None, 0) };
    let source = match std::fs::read(&program.source) {
        Ok(source) => source,
        Err(e) => return failed("crash", e.to_string()),
    };
    let name = program.source.file_name().unwrap_or_default().to_string_lossy();
    let given = Given { args: &program.args, env: &variables(program), stdin: &program.stdin };
    match mochi_judge::evaluate(&name, &source, given, LIMITS) {
        Evaluated::Ended(e) => {
            let end = End::Status(e.status);
            verdict(program, &Outcome { end, stdout: e.stdout, stderr: e.stderr })
        }
        Evaluated::Rejected(_)
            if program.loose && program.stdout.as_deref().unwrap_or("").trim().is_empty() =>
        {
            Verdict { failure: None, did: (None, 0) }
        }
        Evaluated::Rejected(why) => failed("reject", first_line(why.as_bytes())),
        Evaluated::Undecided(why) => failed(UNDECIDED, why.into()),
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
