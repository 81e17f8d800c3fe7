//! Variables that hold values of several types, one after the other, on ways that part and meet: what a
//! checker may take for known about them.

use super::tree::{Block, Expr, Stmt, parts};
use super::types::Ty;
use super::writer::{Writer, stmt};

impl Writer {
    /// A variable that is given other types of values in branches, loops and functions, and shown between.
    pub fn reassigned(&mut self) -> Vec<Stmt> {
        let ty = match self.below(3) {
            0 if !self.decls.unions.is_empty() => Ty::Union(self.below(self.decls.unions.len())),
            1 => Ty::opt(Ty::Int),
            _ => Ty::Any,
        };
        let name = self.fresh("r");
        let text = self.text(&ty);
        self.io = true;
        let (first, second) = (self.turn(&ty), self.turn(&ty));
        let mut all = vec![stmt(parts![format!("var {name}: {text} = "), first])];
        if !self.chance(30) {
            all.push(stmt(parts![format!("{name} = "), second]));
        }
        for _ in 0..self.pick(&[1, 2, 3]) {
            let more = self.way(&name, &ty);
            all.extend(more);
            all.push(shown(&name));
        }
        all
    }

    /// Something that may assign the variable.
    fn way(&mut self, name: &str, ty: &Ty) -> Vec<Stmt> {
        let store = |w: &mut Writer| stmt(parts![format!("{name} = "), w.turn(ty)]);
        let cond = self.expr(&Ty::Bool, 1);
        let i = self.fresh("i");
        let body = match self.below(4) {
            0 => Block(vec![shown(name)]),
            1 => Block(vec![store(self), shown(name), store(self)]),
            _ => Block(vec![shown(name), store(self)]),
        };
        match self.below(9) {
            0 => vec![store(self)],
            1 => vec![stmt(parts!["if ", cond, " ", body])],
            2 => vec![stmt(parts!["if ", cond, " ", body, " else ", Block(vec![store(self)])])],
            3 => {
                let leaving = Block(vec![store(self), stmt(parts!["break"])]);
                let Block(mut inner) = body;
                inner.insert(0, stmt(parts!["if ", cond, " ", leaving]));
                vec![stmt(parts![format!("for {i} in 0..2 "), Block(inner)])]
            }
            4 => vec![stmt(parts![format!("for {i} in [1, 2] "), body])],
            5 => {
                let Block(mut inner) = body;
                inner.insert(0, stmt(parts![format!("{i} = {i} + 1")]));
                vec![
                    stmt(parts![format!("var {i} = 0")]),
                    stmt(parts![format!("while {i} < 2 "), Block(inner)]),
                ]
            }
            6 => {
                let f = self.fresh("rf");
                let Block(mut inner) = body;
                inner.push(stmt(parts!["return 1"]));
                vec![
                    stmt(parts![format!("let {f} = fun(): int "), Block(inner)]),
                    store(self),
                    shown(name),
                    stmt(parts![format!("print({f}() + 1)")]),
                ]
            }
            7 => {
                let subject = self.expr(&Ty::Int, 1);
                let other = Block(vec![store(self)]);
                vec![stmt(parts!["match (", subject, ") { 1 => ", body, " 2 => { } _ => ", other, " }"])]
            }
            _ => {
                let Block(mut inner) = body;
                inner.push(stmt(parts!["7"]));
                let value = parts![format!("print(if "), cond, " ", Block(inner), " else { 8 })"];
                vec![stmt(value)]
            }
        }
    }

    /// A value for such a variable, under its own type.
    fn turn(&mut self, ty: &Ty) -> Expr {
        match ty {
            Ty::Union(i) => self.variant_value(*i, 1),
            Ty::Opt(of) => {
                let of = (**of).clone();
                if self.chance(50) { self.expr_of(ty, parts!["none"]) } else { self.stored(&of, 1) }
            }
            _ => {
                let of = self.pick(&[Ty::Int, Ty::Float, Ty::Bool, Ty::Str, Ty::list(Ty::Int)]);
                let of = if of == Ty::Str { return self.literal(&Ty::Str, 0) } else { of };
                self.stored(&of, 1)
            }
        }
    }
}

fn shown(name: &str) -> Stmt {
    stmt(parts![format!("print({name}, str({name}))")])
}
