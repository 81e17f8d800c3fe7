//! The Mochi language: source text in, IR out.
//!
//! `source -> tokens -> AST ([`ast`]) -> checked typed tree ([`tree`]) -> IR ([`lower`])`.
//! Parsing and checking collect diagnostics ([`diag`]) and never fail; lowering is total.

pub mod ast;
mod builtins;
pub mod diag;
pub mod dump;
pub mod fuzz;
pub mod lexer;
pub mod lower;
pub mod named;
pub mod parser;
pub mod parts;
pub mod sema;
pub mod span;
pub mod stack;
pub mod system;
pub mod tree;
pub mod types;

pub use parser::parse;
