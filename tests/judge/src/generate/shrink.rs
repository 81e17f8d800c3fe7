//! Reduction: smaller programs that still show what was found.
//!
//! Edits are tried in order: a run of statements is deleted, a statement is replaced by the
//! statements in it, an expression by one of the same type in it, or by the simplest of its type. An
//! edit that does not show the finding is taken back. Rounds follow each other until one of them
//! changes nothing.

use super::Program;
use super::tree::{Block, Expr, Part, Stmt};
use proptest::strategy::ValueTree;

/// The next edit to try.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    kind: Edit,
    /// Which of the places that this kind of edit has.
    place: usize,
    /// Which of the ways to edit there.
    way: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Edit {
    /// Deletes this many statements in a row.
    Delete(usize),
    Unwrap,
    Inner,
    Simplest,
}

impl Edit {
    const FIRST: Edit = Edit::Delete(16);

    fn next(self) -> Option<Edit> {
        match self {
            Edit::Delete(1) => Some(Edit::Unwrap),
            Edit::Delete(n) => Some(Edit::Delete(n / 2)),
            Edit::Unwrap => Some(Edit::Inner),
            Edit::Inner => Some(Edit::Simplest),
            Edit::Simplest => None,
        }
    }
}

/// A program and how far its reduction has come.
#[derive(Clone, Debug)]
pub struct ProgramTree {
    current: Program,
    before: Option<Program>,
    cursor: Cursor,
    progress: bool,
}

impl ProgramTree {
    /// A program that is not reduced yet.
    pub fn new(program: Program) -> ProgramTree {
        let cursor = Cursor { kind: Edit::FIRST, place: 0, way: 0 };
        ProgramTree { current: program, before: None, cursor, progress: false }
    }

    /// Makes the next edit that changes something.
    fn edit(&mut self) -> bool {
        loop {
            let mut body = self.current.body.clone();
            let mut at = Target { cursor: self.cursor, seen: 0, end: true, done: false };
            at.block(&mut body);
            if at.done {
                self.before = Some(std::mem::replace(&mut self.current.body, body))
                    .map(|body| Program { body, ..self.current.clone() });
                return true;
            }
            if !at.end {
                // This place has no more ways.
                self.cursor = Cursor { place: self.cursor.place + 1, way: 0, ..self.cursor };
                continue;
            }
            let kind = self.cursor.kind.next();
            if kind.is_none() && !std::mem::take(&mut self.progress) {
                return false;
            }
            self.cursor = Cursor { kind: kind.unwrap_or(Edit::FIRST), place: 0, way: 0 };
        }
    }
}

impl ValueTree for ProgramTree {
    type Value = Program;

    fn current(&self) -> Program {
        self.current.clone()
    }

    fn simplify(&mut self) -> bool {
        // The last edit holds: the same place has something else now.
        if self.before.take().is_some() {
            self.progress = true;
            self.cursor.way = 0;
        }
        self.edit()
    }

    fn complicate(&mut self) -> bool {
        let Some(before) = self.before.take() else { return false };
        self.current = before;
        self.cursor.way += 1;
        self.edit()
    }
}

/// Walks a program to the place of an edit, and makes it.
struct Target {
    cursor: Cursor,
    seen: usize,
    /// The place does not exist.
    end: bool,
    done: bool,
}

impl Target {
    /// Whether the walk is at its place now.
    fn arrives(&mut self) -> bool {
        let here = self.seen == self.cursor.place && self.end;
        self.seen += 1;
        if here {
            self.end = false;
        }
        here
    }

    fn block(&mut self, block: &mut Block) {
        match self.cursor.kind {
            Edit::Delete(count) => {
                let mut at = 0;
                while at < block.0.len() {
                    // A statement is in reach of one deletion of each size.
                    if at.is_multiple_of(count) && self.arrives() {
                        if self.cursor.way == 0 {
                            let end = (at + count).min(block.0.len());
                            block.0.drain(at..end);
                            self.done = true;
                        }
                        return;
                    }
                    at += 1;
                }
            }
            Edit::Unwrap => {
                for at in 0..block.0.len() {
                    let inner = inner_blocks(&block.0[at]);
                    if inner.is_empty() || !self.arrives() {
                        continue;
                    }
                    if let Some(found) = inner.get(self.cursor.way) {
                        block.0.splice(at..=at, found.0.clone());
                        self.done = true;
                    }
                    return;
                }
            }
            _ => {}
        }
        for s in &mut block.0 {
            self.parts(&mut s.parts);
            if !self.end {
                return;
            }
        }
    }

    fn parts(&mut self, parts: &mut [Part]) {
        for p in parts {
            match p {
                Part::Text(_) => {}
                Part::Block(b) => self.block(b),
                Part::Expr(e) => self.expr(e),
            }
            if !self.end {
                return;
            }
        }
    }

    fn expr(&mut self, e: &mut Expr) {
        if matches!(self.cursor.kind, Edit::Inner | Edit::Simplest) && self.arrives() {
            let found = match self.cursor.kind {
                Edit::Inner => inner_exprs(e).into_iter().nth(self.cursor.way),
                _ if self.cursor.way == 0 => {
                    Expr::simplest(&e.ty).filter(|s| s.text().len() < e.text().len())
                }
                _ => None,
            };
            if let Some(found) = found {
                *e = found;
                self.done = true;
            }
            return;
        }
        self.parts(&mut e.parts);
    }
}

/// Blocks directly in a statement.
fn inner_blocks(s: &Stmt) -> Vec<Block> {
    let blocks = s.parts.iter().filter_map(|p| match p {
        Part::Block(b) => Some(b.clone()),
        _ => None,
    });
    blocks.collect()
}

/// Expressions of the same type in an expression, the outermost of each branch.
fn inner_exprs(e: &Expr) -> Vec<Expr> {
    let mut found = Vec::new();
    let mut work: Vec<&Part> = e.parts.iter().collect();
    while let Some(p) = work.pop() {
        match p {
            Part::Expr(x) if x.ty == e.ty => found.push(x.clone()),
            Part::Expr(x) => work.extend(&x.parts),
            _ => {}
        }
    }
    found
}
