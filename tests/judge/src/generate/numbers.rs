//! Expressions of numbers and truth.

use super::tree::{Expr, parts};
use super::types::Ty;
use super::writer::Writer;

impl Writer {
    pub fn int_expr(&mut self, d: u32) -> Expr {
        let ty = &Ty::Int;
        match self.below(22) {
            0..=7 => self.arithmetic(ty, d),
            8 => {
                let e = self.expr(ty, d);
                self.expr_of(ty, parts!["(-", e, ")"])
            }
            9 | 10 => {
                let elem = self.value_type(1);
                let of = match self.below(3) {
                    0 => Ty::Str,
                    1 => Ty::map(Ty::Str, elem),
                    _ => Ty::list(elem),
                };
                let e = self.expr(&of, d);
                match self.chance(80) {
                    true => self.expr_of(ty, parts!["len(", e, ")"]),
                    false => self.expr_of(ty, parts!["(", e, ").len()"]),
                }
            }
            11 => {
                let name = self.pick(&["sum", "min", "max", "count"]);
                let list = Ty::list(Ty::Int);
                let e = self.expr(&list, d);
                let e = self.typed(&list, e);
                self.expr_of(ty, parts![format!("{name}("), e, ")"])
            }
            12 => {
                let (a, b) = (self.expr(&Ty::Str, d), self.expr(&Ty::Str, d));
                self.expr_of(ty, parts!["indexOf(", a, ", ", b, ")"])
            }
            13 => {
                let e = self.expr(&Ty::Float, d);
                match self.chance(50) {
                    true => self.expr_of(ty, parts!["int(", e, ")"]),
                    false => self.expr_of(ty, parts!["(", e, " as int)"]),
                }
            }
            14 => {
                let text = self.pick(&["\"12\"", "\"-7\"", "\"+5\"", "\"007\"", "\"99999999999999999999\""]);
                let text = if self.dares() { self.expr(&Ty::Str, d).text() } else { text.to_string() };
                let form = self.pick(&["int(#)", "(# as int)", "to_int(#)"]);
                self.expr_of(ty, parts![form.replace('#', &text)])
            }
            15 => {
                let e = self.expr(ty, d);
                let e = self.typed(ty, e);
                self.expr_of(ty, parts!["abs(", e, ")"])
            }
            16 => {
                let (e, n) = (self.expr(ty, d.min(1)), self.between(0, 6));
                let e = self.typed(ty, e);
                self.expr_of(ty, parts!["pow(", e, format!(", {n})")])
            }
            17 => {
                let elem = self.value_type(1);
                let list = self.expr(&Ty::list(elem.clone()), d);
                let fold = self.lambda(&[Ty::Int, elem], &Ty::Int, d);
                let start = self.expr(ty, d);
                self.expr_of(ty, parts!["reduce(", list, ", ", fold, ", ", start, ")"])
            }
            18 => {
                let from = self.pick(&[Ty::Int64, Ty::BigInt, Ty::BigRat]);
                let e = self.expr(&from, d);
                self.expr_of(ty, parts!["(", e, " as int)"])
            }
            19 => {
                let (digits, base) = (self.pick(&["ff", "1011", "zz", "-77"]), self.pick(&[36, 16, 10]));
                let (digits, base) = if self.dares() { (digits, base) } else { ("1011", base) };
                self.expr_of(ty, parts![format!("parseIntStr(\"{digits}\", {base})")])
            }
            _ => self.fold_query(ty, d),
        }
    }

    /// An operation of two numbers of one kind. Divisors are seldom zero.
    fn arithmetic(&mut self, ty: &Ty, d: u32) -> Expr {
        let op = self.pick(&["+", "+", "-", "*", "/", "%"]);
        let a = self.expr(ty, d);
        if !matches!(op, "/" | "%") || self.dares() {
            let b = self.expr(ty, d);
            return self.expr_of(ty, parts!["(", a, format!(" {op} "), b, ")"]);
        }
        if self.chance(60) || *ty == Ty::BigRat {
            let divisor = match ty {
                Ty::Float => self.pick(&["2.0", "0.5", "3.0", "(-7.0)"]),
                _ => self.pick(&["2", "3", "7", "(-3)", "10", "1000000007", "4611686018427387904", "(-1)"]),
            };
            let divisor = match ty {
                Ty::BigRat | Ty::BigInt | Ty::Int64 => format!("({divisor} as {})", self.text(ty)),
                _ => divisor.to_string(),
            };
            let divisor = self.expr_of(ty, parts![divisor]);
            return self.expr_of(ty, parts!["(", a, format!(" {op} "), divisor, ")"]);
        }
        let b = self.expr(ty, d);
        let b = self.typed(ty, b);
        let one = match ty {
            Ty::Float => "1.0".to_string(),
            Ty::Int => "1".to_string(),
            _ => format!("(1 as {})", self.text(ty)),
        };
        self.expr_of(ty, parts!["(", a, format!(" {op} (abs("), b, format!(") + {one}))")])
    }

    pub fn wide_expr(&mut self, ty: &Ty, d: u32) -> Expr {
        let text = self.text(ty);
        match self.below(8) {
            0..=3 => self.arithmetic(ty, d),
            4 if *ty == Ty::BigInt => {
                let (name, e) = (self.pick(&["num", "denom"]), self.expr(&Ty::BigRat, d));
                self.expr_of(ty, parts![format!("{name}("), e, ")"])
            }
            5 => {
                let e = self.expr(ty, d);
                self.expr_of(ty, parts!["(-", e, ")"])
            }
            6 if *ty == Ty::BigRat => {
                let e = self.expr(&Ty::Float, 0);
                self.expr_of(ty, parts!["(if abs(", e, ") < 1000.0 then (2.5 as bigrat) else (1 as bigrat))"])
            }
            _ => {
                let e = self.expr(&Ty::Int, d);
                self.expr_of(ty, parts!["(", e, format!(" as {text})")])
            }
        }
    }

    pub fn float_expr(&mut self, d: u32) -> Expr {
        let ty = &Ty::Float;
        match self.below(18) {
            0..=6 => self.arithmetic(ty, d),
            7 => {
                let e = self.expr(ty, d);
                self.expr_of(ty, parts!["(-", e, ")"])
            }
            8 | 9 => {
                let e = self.expr(&Ty::Int, d);
                match self.chance(50) {
                    true => self.expr_of(ty, parts!["(", e, " as float)"]),
                    false => self.expr_of(ty, parts!["float(", e, ")"]),
                }
            }
            10 => {
                let (name, e) = (self.pick(&["sqrt", "floor", "ceil", "abs"]), self.expr(ty, d));
                let e = self.typed(ty, e);
                self.expr_of(ty, parts![format!("{name}("), e, ")"])
            }
            11 => {
                let e = self.expr(ty, d);
                let digits = self.pick(&["", ", 0", ", 1", ", 2", ", 5"]);
                self.expr_of(ty, parts!["round(", e, format!("{digits})")])
            }
            12 => {
                let elem = self.pick(&[Ty::Int, Ty::Float]);
                let e = self.expr(&Ty::list(elem), d);
                self.expr_of(ty, parts!["avg(", e, ")"])
            }
            13 => {
                let name = self.pick(&["sum", "min", "max"]);
                let list = Ty::list(Ty::Float);
                let e = self.expr(&list, d);
                let e = self.typed(&list, e);
                self.expr_of(ty, parts![format!("{name}("), e, ")"])
            }
            14 => {
                let (a, b) = (self.expr(ty, d), self.pick(&["2.0", "0.5", "0.0", "3.0", "(-1.0)"]));
                self.expr_of(ty, parts!["pow(", a, format!(", {b})")])
            }
            15 => {
                let text = self.pick(&["\"1.5\"", "\"-2.25\"", "\"1e3\"", "\"12\""]);
                let text = if self.dares() { self.expr(&Ty::Str, d).text() } else { text.to_string() };
                let form = self.pick(&["float(#)", "(# as float)", "to_float(#)"]);
                self.expr_of(ty, parts![form.replace('#', &text)])
            }
            16 => {
                let (a, b) = (self.expr(&Ty::Int, d), self.expr(ty, d));
                let op = self.pick(&["+", "-", "*"]);
                self.expr_of(ty, parts!["(", a, format!(" {op} "), b, ")"])
            }
            _ => self.fold_query(ty, d),
        }
    }

    pub fn bool_expr(&mut self, d: u32) -> Expr {
        let ty = &Ty::Bool;
        match self.below(21) {
            20 => self.compared(d),
            0..=4 => {
                let of = match self.below(8) {
                    0 => Ty::Float,
                    1 => Ty::Str,
                    2 => self.pick(&[Ty::BigInt, Ty::Int64, Ty::BigRat]),
                    3 => Ty::Bool,
                    _ => Ty::Int,
                };
                let other = if of.is_integer() && self.chance(10) { Ty::Float } else { of.clone() };
                let op = self.pick(&["<", "<=", ">", ">=", "==", "!="]);
                let (a, b) = (self.expr(&of, d), self.expr(&other, d));
                self.expr_of(ty, parts!["(", a, format!(" {op} "), b, ")"])
            }
            5..=7 => {
                let of = self.value_type(2);
                let op = self.pick(&["==", "!="]);
                let (a, b) = (self.expr(&of, d), self.expr(&of, d));
                self.expr_of(ty, parts!["(", a, format!(" {op} "), b, ")"])
            }
            8..=10 => {
                let op = self.pick(&["&&", "||"]);
                let (a, b) = (self.expr(ty, d), self.expr(ty, d));
                self.expr_of(ty, parts!["(", a, format!(" {op} "), b, ")"])
            }
            11 => {
                let e = self.expr(ty, d);
                self.expr_of(ty, parts!["(!", e, ")"])
            }
            12 => {
                let (a, b) = (self.expr(&Ty::Str, d), self.expr(&Ty::Str, d));
                let form = self.pick(&[" in ", "starts_with", "ends_with", "contains", ".contains"]);
                match form {
                    " in " => self.expr_of(ty, parts!["(", a, " in ", b, ")"]),
                    ".contains" => self.expr_of(ty, parts!["(", a, ").contains(", b, ")"]),
                    _ => self.expr_of(ty, parts![format!("{form}("), a, ", ", b, ")"]),
                }
            }
            13 | 14 => {
                let elem = self.value_type(1);
                let (x, list) = (self.expr(&elem, d), self.expr(&Ty::list(elem), d));
                match self.chance(70) {
                    true => self.expr_of(ty, parts!["(", x, " in ", list, ")"]),
                    false => self.expr_of(ty, parts!["contains(", list, ", ", x, ")"]),
                }
            }
            15 => match self.var_where(|v| matches!(v.ty, Ty::Map(..))) {
                Some(var) => {
                    let Ty::Map(key, _) = &var.ty else { unreachable!("was asked for") };
                    let (key, map) = (self.key(key, d.min(1)), self.read(&var));
                    self.expr_of(ty, parts!["(", key, " in ", map, ")"])
                }
                None => self.leaf(ty),
            },
            16 => {
                let inner = self.optional_type();
                let (op, e) = (self.pick(&["==", "!="]), self.expr(&Ty::opt(inner), d));
                self.expr_of(ty, parts!["((", e, format!(") {op} none)")])
            }
            17 => {
                let elem = self.value_type(1);
                let e = self.expr(&Ty::list(elem), d);
                self.expr_of(ty, parts!["exists(", e, ")"])
            }
            18 => {
                let of = self.pick(&[Ty::Int, Ty::Str, Ty::Float]);
                let e = self.expr(&of, d);
                self.expr_of(ty, parts!["bool(", e, ")"])
            }
            _ => {
                let of = self.value_type(2);
                let (a, b) = (self.expr(&Ty::Any, d), self.expr(&of, d));
                self.expr_of(ty, parts!["(", a, " == (", b, " as any))"])
            }
        }
    }
}
