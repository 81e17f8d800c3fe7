//! What a program is given: arguments, environment, lines of standard input.

use super::tree::{Block, Expr, Part, Stmt, parts};
use super::types::Ty;
use super::writer::{Writer, stmt};

impl Writer {
    /// Arguments, or lines that are left. A part of these, because as the source of a loop or query `lines()` gives
    /// them one by one, which the same program in other words need not do.
    pub fn given_list(&mut self, ty: &Ty) -> Expr {
        if self.pure == 0 && self.chance(40) {
            self.io = true;
            return self.expr_of(ty, parts!["lines()[0: 9]"]);
        }
        self.expr_of(ty, parts!["args()"])
    }

    /// A line, or a variable of the environment, of which one is set.
    pub fn given_text(&mut self, ty: &Ty, d: u32) -> Expr {
        if self.pure == 0 && self.chance(50) {
            self.io = true;
            return self.expr_of(ty, parts!["read_line()"]);
        }
        match self.chance(50) {
            true => {
                let name = self.pick(&["MOCHI_NOW_SEED", "MOCHI_NOT_SET", "", "MOCHI_NOW_SEED=1"]);
                self.expr_of(ty, parts![format!("env(\"{name}\")")])
            }
            false => {
                let name = self.expr(&Ty::Str, d.min(1));
                self.expr_of(ty, parts!["env(\"MOCHI_NO_\" + ", name, ")"])
            }
        }
    }

    /// Over the lines that are left; what stands there is no expression, because only as it is it gives them
    /// one by one.
    pub fn for_lines(&mut self, nesting: u32) -> Vec<Stmt> {
        let (name, mark) = (self.fresh("l"), self.scope.mark());
        self.io = true;
        self.declare(&name, &Ty::Str, true);
        let mut body = Block(vec![stmt(parts![format!("print({name})")])]);
        body.0.extend(self.repeated(4, |w| w.body(nesting)).0);
        self.scope.leave(mark);
        vec![stmt(parts![format!("for {name} in lines() "), body])]
    }

    /// The first clause of a query over the lines that are left, and its variable; no expression either.
    pub fn line_clause(&mut self) -> (String, Vec<Part>) {
        let name = self.fresh("q");
        self.io = true;
        let parts = parts![format!("from {name} in lines()")];
        (name, parts)
    }
}
