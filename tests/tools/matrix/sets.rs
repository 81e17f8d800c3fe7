//! Sets of programs, and what each program should do.
//!
//! - *golden*: those of `tests/golden`; output, errors and status are known to the letter.
//! - *kernels*: a folder of programs for benchmarks ([`mochi_testkit::kernels`]) with their small sizes. The C
//!   program's output is the expected one; without a C compiler it is that of the first engine.
//! - *corpus*: programs that a list names relative to a checkout, one a line; `#` starts a comment.
//!   The `.out` file beside each is the expected output, the `.in` file is standard input; the
//!   clock is that of `MOCHI_NOW_SEED=1`, with which the outputs were made. White space at the ends
//!   and a trailing JSON block of a benchmark (with `duration_us`) are ignored; a program that is
//!   rejected has printed nothing, which may be what is expected. The status is not known; it has
//!   to be the same on all engines.

use mochi_testkit::kernels::{Kernel, Language};
use mochi_testkit::process::{self, End};
use mochi_testkit::{Golden, Scratch, installed};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Programs that are judged in one way.
pub struct Set {
    /// Name for the table.
    pub name: String,
    /// The programs.
    pub programs: Vec<Program>,
    /// Whether these programs measure the size of code.
    pub sizes: bool,
}

/// A program and what it should do; what is `None` only has to be the same everywhere.
pub struct Program {
    /// Name for messages.
    pub name: String,
    /// The source file.
    pub source: PathBuf,
    /// The folder it starts in.
    pub folder: PathBuf,
    /// Arguments.
    pub args: Vec<String>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// Standard input.
    pub stdin: Vec<u8>,
    /// Standard output.
    pub stdout: Option<String>,
    /// Standard error.
    pub stderr: Option<String>,
    /// How it ends.
    pub end: Option<End>,
    /// Whether output is compared by [`lines_of_benchmark`], and errors of the compiler count as no output.
    pub loose: bool,
}

fn read(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The golden programs.
pub fn golden() -> Result<Set, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = |source: PathBuf| {
        let golden = Golden::beside(&source);
        let text = |bytes: &[u8]| Some(String::from_utf8_lossy(bytes).into_owned());
        Program {
            name: source.strip_prefix(root).unwrap_or(&source).display().to_string(),
            folder: root.to_path_buf(),
            stdout: text(&golden.stdout),
            stderr: text(&golden.stderr),
            end: Some(End::Status(golden.status)),
            args: golden.args,
            env: golden.env,
            stdin: golden.stdin,
            loose: false,
            source,
        }
    };
    let programs = mochi_testkit::programs(&root.join("tests/golden"));
    Ok(Set { name: "golden".into(), programs: programs.into_iter().map(program).collect(), sizes: true })
}

/// The kernels in a folder, with their small sizes, in files of the scratch folder.
pub fn kernels(folder: &Path, scratch: &Scratch) -> Result<Set, String> {
    let all = mochi_testkit::kernels::kernels(folder)?;
    let programs: Result<Vec<Program>, String> = all.iter().map(|k| kernel(k, scratch)).collect();
    Ok(Set { name: "kernels".into(), programs: programs?, sizes: false })
}

fn kernel(kernel: &Kernel, scratch: &Scratch) -> Result<Program, String> {
    let name = &kernel.name;
    let text = kernel.source(Language::Mochi, "small")?.ok_or(format!("{name}: it is gone"))?;
    let source = scratch.write(&format!("{name}.mochi"), &text);
    let mut stdout = None;
    if let Some(text) = kernel.source(Language::C, "small")?
        && installed("cc")
    {
        stdout = Some(reference(name, &text, scratch)?);
    }
    Ok(Program {
        name: name.clone(),
        source,
        folder: scratch.0.clone(),
        args: Vec::new(),
        env: Vec::new(),
        stdin: Vec::new(),
        stdout,
        stderr: Some(String::new()),
        end: Some(End::Status(0)),
        loose: false,
    })
}

/// The output of a C program.
fn reference(name: &str, text: &str, scratch: &Scratch) -> Result<String, String> {
    let (source, exe) = (scratch.write(&format!("{name}.c"), text), scratch.path(&format!("{name}-c")));
    let time = Duration::from_secs(60);
    let mut cc = Command::new("cc");
    let built = process::run(cc.arg("-O1").arg("-o").arg(&exe).arg(source), b"", time);
    let built = built.map_err(|e| format!("cc: {e}"))?;
    if built.end != End::Status(0) {
        return Err(format!("{name}.c: {}", String::from_utf8_lossy(&built.stderr)));
    }
    let ran = process::run(&mut Command::new(exe), b"", time).map_err(|e| format!("{name}.c: {e}"))?;
    if ran.end != End::Status(0) {
        return Err(format!("{name}.c: {}", ran.end));
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

/// The programs of a checkout that a list names.
pub fn corpus(checkout: &Path, list: &Path) -> Result<Set, String> {
    let checkout = fs::canonicalize(checkout).map_err(|e| format!("{}: {e}", checkout.display()))?;
    let names = read(list)?;
    let names = names.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let program = |name: &str| {
        let source = checkout.join(name);
        Ok(Program {
            name: name.into(),
            folder: checkout.clone(),
            args: Vec::new(),
            env: vec![("MOCHI_NOW_SEED".into(), "1".into())],
            stdin: fs::read(source.with_extension("in")).unwrap_or_default(),
            stdout: Some(read(&source.with_extension("out"))?),
            stderr: None,
            end: None,
            loose: true,
            source,
        })
    };
    let programs: Result<Vec<Program>, String> = names.map(program).collect();
    let name = list.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Set { name, programs: programs?, sizes: false })
}

/// Output without white space at the ends and without a trailing JSON block of a benchmark.
pub fn lines_of_benchmark(text: &str) -> Vec<&str> {
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
