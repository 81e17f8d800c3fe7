//! The judge of the language: a plain evaluator of the typed tree.
//!
//! It says what a program has to do, by the shortest way from the language document to an answer:
//! ints are exact by a library, lists and maps are copied where the document says that something
//! fresh is made, nothing is optimised. It shares the parser, the checker and the typed tree with
//! the compiler, and no line of what comes after them.

mod builtin;
mod builtin_number;
mod builtin_text;
mod builtin_world;
mod convert;
mod expr;
pub mod generate;
mod key;
mod machine;
mod number;
mod ops;
mod place;
mod query;
mod show;
mod stmt;
mod text;
mod types;
mod value;

use machine::Machine;
use mochi_lang::diag::{Diagnostics, Format};
use mochi_lang::span::SourceMap;
use mochi_lang::{ast, parser, sema, tree};
use std::fmt;

/// What a program is given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// Arguments, without the program's name.
    pub args: &'a [String],
    /// Environment variables.
    pub env: &'a [(&'a str, &'a str)],
    /// Standard input.
    pub stdin: &'a [u8],
}

/// How long and how deep a program may run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Statements and expressions.
    pub steps: u64,
    /// Nested calls.
    pub depth: u32,
    /// Bytes of output.
    pub output: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { steps: 50_000_000, depth: 20_000, output: 16 << 20 }
    }
}

/// What a program does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is no program: the checker's diagnostics.
    Rejected(String),
    /// It ran to an end.
    Ended(Ended),
    /// It ran longer or deeper than the limits, or does what the evaluator has no opinion on.
    Undecided(&'static str),
}

/// What a program that ended did.
#[derive(Clone, PartialEq, Eq)]
pub struct Ended {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// Exit status.
    pub status: i32,
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&self.stdout), text(&self.stderr));
        write!(f, "status {}\nstandard output:\n{out}\nstandard error:\n{err}", self.status)
    }
}

/// Bytes of stack for a nested call of the program, and for everything else.
const STACK_OF_CALL: usize = 8 << 10;
const STACK: usize = 512 << 20;

/// Evaluates a program. `source_name` is the file's name as traces show it. Deterministic: time is
/// the sequence that `MOCHI_NOW_SEED=1` gives.
pub fn evaluate(source_name: &str, source: &[u8], given: Given, limits: Limits) -> Outcome {
    evaluate_with(sema::check, source_name, source, given, limits)
}

/// Evaluates a program in which every variable is seen as declared ([`sema::check_as_declared`]), which
/// may reject more.
pub fn evaluate_as_declared(source_name: &str, source: &[u8], given: Given, limits: Limits) -> Outcome {
    evaluate_with(sema::check_as_declared, source_name, source, given, limits)
}

/// Status of a program whose typed tree does not keep its promises ([`sema::verify`]): none ends so, so that
/// nothing else agrees.
const BROKEN: i32 = -1;

type Check = fn(&SourceMap, &ast::Program, &mut Diagnostics) -> Option<tree::Program>;

fn evaluate_with(check: Check, source_name: &str, source: &[u8], given: Given, limits: Limits) -> Outcome {
    let stack = STACK + STACK_OF_CALL * limits.depth as usize;
    std::thread::scope(|scope| {
        let work = || evaluate_here(check, source_name, source, given, limits);
        let thread = std::thread::Builder::new().stack_size(stack).spawn_scoped(scope, work);
        match thread.expect("a thread with a large stack").join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn evaluate_here(check: Check, source_name: &str, source: &[u8], given: Given, limits: Limits) -> Outcome {
    let mut map = SourceMap::default();
    let file = map.add(source_name, source);
    let mut diags = Diagnostics::new();
    let syntax = parser::parse(&map, file, &mut diags);
    let program = if diags.has_errors() { None } else { check(&map, &syntax, &mut diags) };
    match program {
        Some(program) if !diags.has_errors() => match sema::verify(&program) {
            complaints if complaints.is_empty() => Machine::new(&program, &map, given, limits).run(),
            complaints => Outcome::Ended(Ended {
                stdout: Vec::new(),
                stderr: complaints.join("\n").into_bytes(),
                status: BROKEN,
            }),
        },
        _ => Outcome::Rejected(diags.render(&map, Format::Human { color: false })),
    }
}
