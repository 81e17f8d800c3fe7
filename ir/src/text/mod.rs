//! Text form of the IR: a printer and a parser that are inverse to each other.
//!
//! `print(parse(print(m))) == print(m)` holds for every module. Value and block numbers are kept,
//! holes included; instruction numbers and the operand pool are not part of the text.
//!
//! ```
//! use mochi_ir::text::{parse_module, print_module};
//!
//! let text = r#"
//! file "a.mochi"                                     ; files, in order
//! region @List.len                                   ; regions of memory, in order; also: constant, count
//! declare func @f(ref, i64) -> ref readonly export   ; symbols, in order
//! declare func @g(i64) -> ref
//! declare data @d
//! data @d align 8 writable {                         ; or: data @z align 8 writable roots zero 4096
//!   hex x0001020304050607
//!   reloc 0 @f+8
//! }
//! func @f "P.f" file 0 save_all preserve_all -> ref @3:1 {
//! inlined "length" file 0 line 9 at @3:7             ; calls whose bodies are here now, in order
//! b0(v0:ref, v1:i64):
//!   v2:i64 = load.64 v0+8 in @List.len @10:4:0       ; line, column, and the inlined call
//!   v3:i64 = icmp slt v1, v2
//!   v4:ref = int.add v0, v0 [a b fits]
//!   brif v3, b1(v2), b2
//! b1(v5:i64):
//!   v6:ref = call @g(v5)
//!   ret v6
//! cold b2:
//!   unreachable
//! }
//! "#;
//! let module = parse_module(text).expect("every construct there is");
//! assert_eq!(module.syms.len(), 3);
//! let printed = print_module(&module);
//! assert_eq!(print_module(&parse_module(&printed).expect("what was printed")), printed);
//! ```
//!
//! `;` starts a comment. A function that was not declared is declared by its definition (not
//! exported, no effects), so that tests stay short; a symbol has to be declared or defined before
//! it is used, except in [`parse_function`].

mod lex;
mod parse;
mod print;
#[cfg(test)]
mod tests;

pub use parse::{parse_function, parse_module};
pub use print::{print_function, print_inst, print_module};

use std::fmt;

/// What is wrong with a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ParseErrorKind {
    /// Something else was expected here.
    Expected(&'static str),
    /// A byte that starts no token, or a string without end.
    BadToken,
    /// A number that does not fit its field.
    OutOfRange,
    /// No op of this name.
    UnknownOp(String),
    /// A symbol that is neither declared nor defined before its use.
    UnknownSymbol(String),
    /// A symbol, value, block or body that is there already.
    Duplicate(String),
    /// A value that is used but has no definition.
    UndefinedValue(u32),
    /// A block that is a target but has no body.
    UndefinedBlock(u32),
}

/// An error with its place in the text (1-based, columns in bytes).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
    /// What is wrong.
    pub kind: ParseErrorKind,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        match &self.kind {
            ParseErrorKind::Expected(what) => write!(f, "expected {what}"),
            ParseErrorKind::BadToken => write!(f, "unexpected character"),
            ParseErrorKind::OutOfRange => write!(f, "number out of range"),
            ParseErrorKind::UnknownOp(name) => write!(f, "no op `{name}`"),
            ParseErrorKind::UnknownSymbol(name) => write!(f, "symbol `{name}` is not declared"),
            ParseErrorKind::Duplicate(name) => write!(f, "`{name}` is defined twice"),
            ParseErrorKind::UndefinedValue(v) => write!(f, "v{v} is used but not defined"),
            ParseErrorKind::UndefinedBlock(b) => write!(f, "b{b} is a target but not defined"),
        }
    }
}

impl std::error::Error for ParseError {}
