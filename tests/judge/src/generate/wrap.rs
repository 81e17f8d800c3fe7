//! The same program in other words: some of its expressions go through a form that gives back what it is
//! given. What it prints must be the same, whatever types the checker finds on the way.

use super::Program;
use super::tree::{Block, Expr, Part, Stmt, parts};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Functions that the forms use.
const PRELUDE: &str = "fun w_same<T>(x: T): T { return x }\nfun w_run<T>(f: fun(): T): T { return f() }\n";

/// One expression in this many is wrapped.
const EVERY: u64 = 8;

impl Program {
    /// Its text with some expressions wrapped. Which ones, and how, follows from their text, so that it
    /// stays so in a reduced program. `None` when it asks what the checker found.
    pub fn wrapped(&self) -> Option<String> {
        let asks = self.source().contains("type_of(");
        (!asks).then(|| PRELUDE.to_string() + &block(&self.body).text())
    }
}

fn block(b: &Block) -> Block {
    Block(b.0.iter().map(|s| Stmt { parts: all(&s.parts) }).collect())
}

fn all(list: &[Part]) -> Vec<Part> {
    let again = |p: &Part| match p {
        Part::Text(t) => Part::Text(t.clone()),
        Part::Block(b) => Part::Block(block(b)),
        Part::Expr(e) => Part::Expr(expr(e)),
    };
    list.iter().map(again).collect()
}

fn expr(e: &Expr) -> Expr {
    let inner = Expr { ty: e.ty.clone(), parts: all(&e.parts) };
    let mut hasher = DefaultHasher::new();
    e.text().hash(&mut hasher);
    let choice = hasher.finish();
    if !choice.is_multiple_of(EVERY) || &*e.ty == "unit" {
        return inner;
    }
    let ty = e.ty.clone();
    let parts = match choice / EVERY % 8 {
        0 => parts!["(if true { ", inner, " } else { panic(\"wrapped\") })"],
        1 => parts!["(match 1 { 1 => ", inner, "  _ => panic(\"wrapped\") })"],
        2 => parts!["([", inner, "][0])"],
        3 => parts!["w_same(", inner, ")"],
        4 => parts![format!("w_run(fun(): {ty} => "), inner, ")"],
        // In parentheses, because `distinct` after `select` is no call.
        5 => parts!["(from wq in [0] select (", inner, "))[0]"],
        6 => parts!["(if true { let wv = ", inner, "  wv } else { panic(\"wrapped\") })"],
        _ => parts!["(if false { panic(\"wrapped\") } else { ", inner, " })"],
    };
    Expr { ty, parts }
}
