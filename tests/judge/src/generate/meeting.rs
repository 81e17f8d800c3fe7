//! Values that meet others whose type says more, and values that are compared with those of other types: what
//! a conversion that nobody wrote would lose.

use super::tree::{Expr, parts};
use super::types::Ty;
use super::writer::Writer;

impl Writer {
    /// An expression of this type that is made of a value which says less and one of the type itself.
    pub fn meeting(&mut self, ty: &Ty, d: u32) -> Option<Expr> {
        let less = match ty {
            Ty::Union(i) => self.variant_value(*i, d),
            Ty::Any => {
                let scalar = self.pick(&[Ty::Int, Ty::Float, Ty::Bool, Ty::Str]);
                self.expr(&scalar, d)
            }
            Ty::BigRat => self.expr(&Ty::Int, d),
            _ => return None,
        };
        let all = self.expr(ty, d);
        // An int and a bigrat meet in arms, but are no elements of one list.
        let forms = if *ty == Ty::BigRat { 2 } else { 7 };
        let cond = self.expr(&Ty::Bool, d);
        Some(match self.below(forms) {
            0 => self.expr_of(ty, parts!["(if ", cond, " then (", less, ") else ", all, ")"]),
            1 => self.expr_of(ty, parts!["({\"a\": (", less, ")}[\"b\"] ?? ", all, ")"]),
            2 => self.expr_of(ty, parts!["[(", less, "), ", all, "][1]"]),
            3 => self.expr_of(ty, parts!["([(", less, ")] + [", all, "])[1]"]),
            4 => self.expr_of(ty, parts!["append([(", less, ")], ", all, ")[1]"]),
            5 => self.expr_of(ty, parts!["concat([(", less, ")], [", all, "])[1]"]),
            _ => self.expr_of(ty, parts!["(match (", cond, ") { true => (", less, ") _ => ", all, " })"]),
        })
    }

    /// Whether a value of any type is among values of one type, or equal to one.
    pub fn compared(&mut self, d: u32) -> Expr {
        let of = self.pick(&[Ty::Int, Ty::Float, Ty::Bool, Ty::Str]);
        let key = self.pick(&[Ty::Int, Ty::Str]);
        let value = self.expr(&Ty::Any, d);
        match self.below(4) {
            0 => {
                let list = self.expr(&Ty::list(of), d);
                self.expr_of(&Ty::Bool, parts!["(", value, " in ", list, ")"])
            }
            1 => {
                let list = self.expr(&Ty::list(of), d);
                self.expr_of(&Ty::Bool, parts!["contains(", list, ", ", value, ")"])
            }
            2 => {
                let map = self.expr(&Ty::map(key, of), d);
                self.expr_of(&Ty::Bool, parts!["(", value, " in ", map, ")"])
            }
            _ => {
                let map = self.expr(&Ty::map(key, of), d);
                self.expr_of(&Ty::Bool, parts!["(", map, "[", value, "] == none)"])
            }
        }
    }
}
