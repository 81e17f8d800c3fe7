//! The system dialect: Mochi's syntax over machine words, in which the runtime is written.
//!
//! `files -> tokens ([`lex`]) -> tree ([`parse`]) -> declarations ([`module`]) -> IR ([`lower`],
//! [`expr`], [`intrinsics`])`. Types are checked while lowering. The language is described in
//! `runtime/README.md`.
//!
//! All files form one module; declarations may come in any order. Every function and data item is
//! exported. Functions have no source file, and so no line in a trace. The first error of each
//! file (syntax) or function (types) is reported.

mod expr;
mod fold;
mod intrinsics;
mod lex;
mod lower;
mod module;
mod parse;
mod syntax;
#[cfg(test)]
mod tests;

use mochi_ir as ir;
use std::fmt;

/// An error in a file of the system dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Name of the file.
    pub file: String,
    /// Line, 1-based.
    pub line: u32,
    /// Column in characters, 1-based.
    pub column: u32,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: error: {}", self.file, self.line, self.column, self.message)
    }
}

impl std::error::Error for Error {}

/// An error at a place; the file is a number until the end.
#[derive(Debug)]
struct Fault {
    pos: syntax::Pos,
    message: String,
}

fn fault<T>(pos: syntax::Pos, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { pos, message: message.into() })
}

/// Compiled files.
#[derive(Debug)]
pub struct Compiled {
    /// All of them.
    pub module: ir::Module,
    /// Offsets of the fields of records (`List.len`) and sizes (`sizeof List`) in bytes, by name.
    pub layout: Vec<(String, u32)>,
}

/// Compiles files, given as name and text, to one module. Errors come in order of file and place.
pub fn compile(files: &[(&str, &str)]) -> Result<Compiled, Vec<Error>> {
    let mut faults = Vec::new();
    let mut items = Vec::new();
    for (index, (_, text)) in files.iter().enumerate() {
        match parse::parse(index as u32, text) {
            Ok(file) => items.extend(file),
            Err(f) => faults.push(f),
        }
    }
    let mut result = None;
    if faults.is_empty() {
        match module::build(&items) {
            Ok(m) => result = Some(m),
            Err(f) => faults = f,
        }
    }
    if let Some(m) = result {
        return Ok(m);
    }
    faults.sort_by_key(|f| f.pos);
    let error = |f: Fault| Error {
        file: files[f.pos.file as usize].0.to_string(),
        line: f.pos.line,
        column: f.pos.column,
        message: f.message,
    };
    Err(faults.into_iter().map(error).collect())
}
