//! The state in which a program is written, and the choices that all constructs share.

use super::scope::{Mark, Scope, Var};
use super::tree::{Block, Expr, Part, Stmt, parts};
use super::types::{Decls, Fun, Ty};
use mochi_testkit::Random;
use std::sync::Arc;

/// How often a loop body or function may run before nothing more is nested into it.
pub const MOST_RUNS: u64 = 60;

/// Statements that one statement may execute through loops and calls.
pub const MOST_COST: u64 = 3000;

/// Writes one program.
pub struct Writer {
    pub random: Random,
    pub decls: Decls,
    pub scope: Scope,
    /// Expressions and statements that may still be written; below zero everything is simple.
    pub fuel: i64,
    /// How often the current place runs, as far as the loops of its function say.
    pub runs: u64,
    /// Functions around the current place.
    pub depth: u32,
    /// Loops around the current place within its function.
    pub loops: u32,
    /// Nothing may print or read here.
    pub pure: u32,
    /// The current function prints or reads.
    pub io: bool,
    /// Statements that a call of the current function executes.
    pub cost: u64,
    /// Result type of the current function; none in the main program and where `return` is not allowed.
    pub result: Option<Ty>,
    /// The recursive function that is being written, and how it may call itself.
    pub recursion: Option<Fun>,
    /// One expression in this many fails at run time when its operands are unlucky.
    pub caution: u64,
    counter: u32,
}

impl Writer {
    pub fn new(mut random: Random) -> Writer {
        let fuel = [30, 60, 120, 250][random.below(4usize)];
        // Some programs fail on purpose, early or late.
        let caution = [15, 60, 400, 4000][random.below(4usize)];
        Writer {
            random,
            decls: Decls::default(),
            scope: Scope::default(),
            fuel,
            runs: 1,
            depth: 0,
            loops: 0,
            pure: 0,
            io: false,
            cost: 0,
            result: None,
            recursion: None,
            caution,
            counter: 0,
        }
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.random.below(100u64) < percent
    }

    /// True when the program may fail here.
    pub fn dares(&mut self) -> bool {
        self.random.below(self.caution) == 0
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.random.below(n)
    }

    /// A number from `low` to `high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.random.below((high - low + 1) as u64) as i64
    }

    pub fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        self.random.pick(items).clone()
    }

    /// One of these by weight.
    pub fn weighted<T: Copy>(&mut self, rows: &[(u64, T)]) -> T {
        let total = rows.iter().map(|r| r.0).sum::<u64>();
        let mut at = self.random.below(total);
        for &(weight, item) in rows {
            if at < weight {
                return item;
            }
            at -= weight;
        }
        unreachable!("weights add up")
    }

    /// Whether what is written now should be short.
    pub fn is_tired(&self) -> bool {
        self.fuel <= 0
    }

    /// The current place runs more than once, so that what grows by a factor would grow without end.
    pub fn repeats(&self) -> bool {
        self.runs > 4 || self.depth > 0
    }

    /// A name that no other declaration has.
    pub fn fresh(&mut self, prefix: &str) -> String {
        self.counter += 1;
        format!("{prefix}{}", self.counter)
    }

    pub fn text(&self, ty: &Ty) -> String {
        self.decls.text(ty)
    }

    /// How a type is written in a declaration: maybe under its other name.
    pub fn annotation(&mut self, ty: &Ty) -> String {
        let names: Vec<String> =
            self.decls.aliases.iter().filter(|a| a.1 == *ty).map(|a| a.0.clone()).collect();
        if !names.is_empty() && self.chance(50) { self.pick(&names) } else { self.text(ty) }
    }

    pub fn expr_of(&self, ty: &Ty, parts: Vec<Part>) -> Expr {
        Expr { ty: Arc::from(self.text(ty)), parts }
    }

    /// Reads a variable as a value of its type.
    pub fn read(&self, var: &Var) -> Expr {
        // What a variable was assigned last may say more than its declaration; a cast says the latter.
        let declared = var.mutable && matches!(var.ty, Ty::Any | Ty::Union(_));
        let parts = match declared {
            true => parts![format!("({} as {})", var.name, self.text(&var.ty))],
            false => parts![var.name.clone()],
        };
        self.expr_of(&var.ty, parts)
    }

    /// The expression under its own type where the place wants any: a conditional would take that.
    pub fn typed(&self, ty: &Ty, e: Expr) -> Expr {
        let text = self.text(ty);
        self.expr_of(ty, parts!["(", e, format!(" as {text})")])
    }

    /// A variable of this type.
    pub fn var_of(&mut self, ty: &Ty) -> Option<Var> {
        let found = self.scope.select(|v| v.ty == *ty);
        if found.is_empty() { None } else { Some(self.pick(&found)) }
    }

    /// A variable for which a condition holds.
    pub fn var_where(&mut self, wanted: impl Fn(&Var) -> bool) -> Option<Var> {
        let found = self.scope.select(wanted);
        if found.is_empty() { None } else { Some(self.pick(&found)) }
    }

    /// Declares a variable in the current block.
    pub fn declare(&mut self, name: &str, ty: &Ty, mutable: bool) {
        let var = Var { name: name.into(), ty: ty.clone(), mutable, fixed: false, length: None };
        self.scope.declare(var);
    }

    /// A variable that only what made it assigns.
    pub fn declare_fixed(&mut self, name: &str, ty: &Ty) {
        let var = Var { name: name.into(), ty: ty.clone(), mutable: true, fixed: true, length: None };
        self.scope.declare(var);
    }

    /// A name for a variable of the block that began at `mark`: a fresh one, or one that hides
    /// another variable.
    pub fn local_name(&mut self, prefix: &str, mark: Mark) -> String {
        let outer = self.scope.names_before(mark).into_iter().map(String::from).collect::<Vec<_>>();
        if !outer.is_empty() && self.chance(6) { self.pick(&outer) } else { self.fresh(prefix) }
    }

    /// Writes with other values of the state of a function, which are restored afterwards.
    pub fn in_function<R>(&mut self, result: Option<Ty>, write: impl FnOnce(&mut Writer) -> R) -> R {
        let saved = (self.runs, self.loops, self.result.take(), self.recursion.take());
        (self.runs, self.loops, self.result) = (1, 0, result);
        self.depth += 1;
        let mark = self.scope.mark();
        let made = write(self);
        self.scope.leave(mark);
        self.depth -= 1;
        (self.runs, self.loops, self.result, self.recursion) = saved;
        made
    }

    /// Writes what runs `times` as often as the current place.
    pub fn repeated<R>(&mut self, times: u64, write: impl FnOnce(&mut Writer) -> R) -> R {
        let runs = self.runs;
        self.runs *= times.max(1);
        self.loops += 1;
        let made = write(self);
        self.loops -= 1;
        self.runs = runs;
        made
    }

    /// Whether a call of this cost may stand here; if so it is counted.
    pub fn affords(&mut self, cost: u64) -> bool {
        let cost = self.runs * cost;
        if self.cost + cost > MOST_COST {
            return false;
        }
        self.cost += cost;
        true
    }
}

/// A statement of parts.
pub fn stmt(parts: Vec<Part>) -> Stmt {
    Stmt { parts }
}

/// One statement as a block.
pub fn block_of(statement: Stmt) -> Block {
    Block(vec![statement])
}
