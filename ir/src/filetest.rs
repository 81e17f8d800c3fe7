//! Filetests: IR files whose comments say what the functions return and what passes make of them.
//!
//! One file serves several executors: this crate runs it in the interpreter, `isa` compiles and
//! runs it natively. An executor reads a file with [`FileTest::parse`], calls [`RunLine::func`] of
//! [`FileTest::module`] with [`RunLine::args`] for every line of [`FileTest::runs`], and compares
//! with [`Expect::check`]. Executors that cannot survive a fault skip runs that expect a trap; each
//! run starts with the data in its initial state.
//!
//! ```text
//! ; run: f(1, -2) == 3          words; 0x... are bits
//! ; run: g(1.5) == nan          floats have a point; nan accepts every NaN
//! ; run: h()                    no result
//! ; run: k(0) traps null        null, unreachable, division
//! ; pass: gvn, dce              passes to run on every function (see `passes`)
//! ; check: v3:i64 = add         parts of the printed result, in this order
//! ; not: mul                    does not occur between the checks around it
//! ```
//!
//! `check` and `not` compare within one line of output each. With `pass`, the runs are made before
//! and after the passes.

use crate::interp::Trap;
use crate::library::Library;
use crate::module::Module;
use crate::passes::run_named;
use crate::text::{ParseError, parse_module, print_function};
use std::fmt;

/// What a run gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expect {
    /// This word (floats as bits).
    Word(u64),
    /// A float that is not a number.
    Nan,
    /// It returns without a result.
    Nothing,
    /// It stops with this trap.
    Trap(Trap),
}

impl Expect {
    /// Compares with what an executor saw.
    pub fn check(&self, got: &Result<Option<u64>, Trap>) -> bool {
        match (self, got) {
            (Expect::Word(a), Ok(Some(b))) => a == b,
            (Expect::Nan, Ok(Some(b))) => f64::from_bits(*b).is_nan(),
            (Expect::Nothing, Ok(None)) => true,
            (Expect::Trap(a), Err(b)) => a == b,
            _ => false,
        }
    }
}

/// A `run:` line.
#[derive(Clone, Debug)]
pub struct RunLine {
    /// Line in the file.
    pub line: u32,
    /// Function to call.
    pub func: String,
    /// Arguments, floats as bits.
    pub args: Vec<u64>,
    /// What it gives.
    pub expect: Expect,
}

/// A `check:` or `not:` line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckLine {
    /// Line in the file.
    pub line: u32,
    /// Must occur, or must not.
    pub present: bool,
    /// Part of a line of output.
    pub text: String,
}

/// A parsed file.
#[derive(Debug)]
pub struct FileTest {
    /// The code.
    pub module: Module,
    /// Runs in order.
    pub runs: Vec<RunLine>,
    /// Passes to apply in order.
    pub passes: Vec<String>,
    /// Checks on the printed result of the passes.
    pub checks: Vec<CheckLine>,
}

/// Why a file is no filetest.
#[derive(Debug)]
pub enum FileTestError {
    /// The IR does not parse.
    Ir(ParseError),
    /// A directive on this line is malformed.
    Directive(u32),
}

impl fmt::Display for FileTestError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            FileTestError::Ir(e) => write!(f, "{e}"),
            FileTestError::Directive(line) => write!(f, "{line}: malformed directive"),
        }
    }
}

impl std::error::Error for FileTestError {}

impl FileTest {
    /// Parses a file.
    pub fn parse(text: &str) -> Result<FileTest, FileTestError> {
        let module = parse_module(text).map_err(FileTestError::Ir)?;
        let mut test = FileTest { module, runs: Vec::new(), passes: Vec::new(), checks: Vec::new() };
        for (i, line) in text.lines().enumerate() {
            let number = i as u32 + 1;
            let Some((key, value)) = line.trim().strip_prefix("; ").and_then(|l| l.split_once(": ")) else {
                continue;
            };
            match key {
                "run" => test.runs.push(run_line(number, value).ok_or(FileTestError::Directive(number))?),
                "pass" => test.passes.extend(value.split(',').map(|p| p.trim().to_string())),
                "check" | "not" => test.checks.push(CheckLine {
                    line: number,
                    present: key == "check",
                    text: value.trim().to_string(),
                }),
                _ => {}
            }
        }
        Ok(test)
    }

    /// Applies the checks to a printed module; gives the line of the first that fails.
    pub fn check(&self, output: &str) -> Result<(), u32> {
        let lines: Vec<&str> = output.lines().collect();
        let mut at = 0;
        let mut absent: Vec<&CheckLine> = Vec::new();
        let fails = |absent: &[&CheckLine], range: &[&str]| {
            absent.iter().find(|c| range.iter().any(|l| l.contains(&c.text))).map(|c| c.line)
        };
        for check in &self.checks {
            if !check.present {
                absent.push(check);
                continue;
            }
            let Some(found) = lines[at..].iter().position(|l| l.contains(&check.text)) else {
                return Err(check.line);
            };
            if let Some(line) = fails(&absent, &lines[at..at + found]) {
                return Err(line);
            }
            absent.clear();
            at += found + 1;
        }
        fails(&absent, &lines[at..]).map_or(Ok(()), Err)
    }
}

/// Asserts that a pass makes of the function `f` in one text what the other text says: for the examples
/// in the heads of passes.
pub fn becomes(pass: &str, before: &str, after: &str) {
    let mut module = parse_module(before).unwrap_or_else(|e| panic!("{e}"));
    run_named(&mut module, &Library::EMPTY, &[pass.to_string()]);
    let func = module.funcs.iter().find(|f| f.display == "f").expect("a function f");
    let lines = |text: &str| text.trim().lines().map(|l| l.trim().to_string()).collect::<Vec<_>>();
    let printed = print_function(&module, func);
    assert_eq!(lines(&printed), lines(after), "{pass} gives\n{printed}");
}

fn word(text: &str) -> Option<u64> {
    let text = text.trim();
    if let Some(hex) = text.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok();
    }
    if text.contains('.') || text.contains("inf") {
        return text.parse::<f64>().ok().map(f64::to_bits);
    }
    text.parse::<i64>().ok().map(|n| n as u64)
}

fn run_line(line: u32, text: &str) -> Option<RunLine> {
    let (func, rest) = text.trim().split_once('(')?;
    let (args, rest) = rest.split_once(')')?;
    let args = args.trim();
    let args =
        if args.is_empty() { Vec::new() } else { args.split(',').map(word).collect::<Option<Vec<u64>>>()? };
    let rest = rest.trim();
    let expect = if rest.is_empty() {
        Expect::Nothing
    } else if let Some(value) = rest.strip_prefix("==") {
        if value.trim() == "nan" { Expect::Nan } else { Expect::Word(word(value)?) }
    } else {
        Expect::Trap(match rest.strip_prefix("traps")?.trim() {
            "null" => Trap::NullDereference,
            "unreachable" => Trap::Unreachable,
            "division" => Trap::DivisionByZero,
            _ => return None,
        })
    };
    Some(RunLine { line, func: func.trim().to_string(), args, expect })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives() {
        let test = FileTest::parse(
            "; run: f(1, -2, 1.5, 0x10) == 3\n; run: f() traps null\n; pass: a, b\n; check: x\n; not: y\n",
        )
        .unwrap();
        assert_eq!(test.runs[0].args, [1, -2i64 as u64, 1.5f64.to_bits(), 16]);
        assert_eq!(test.runs[1].expect, Expect::Trap(Trap::NullDereference));
        assert_eq!(test.passes, ["a", "b"]);
        assert_eq!(test.check("a\nx\nz"), Ok(()));
        assert_eq!(test.check("y\nx\nz"), Ok(()));
        assert_eq!(test.check("x\nay"), Err(5));
        assert_eq!(test.check("z"), Err(4));
        assert!(matches!(FileTest::parse("; run: f(").unwrap_err(), FileTestError::Directive(1)));
    }
}
