//! Expressions of text, lists, maps, options and structs; the choice of types.

use super::exprs::can_be_optional;
use super::tree::{Expr, parts};
use super::types::Ty;
use super::writer::Writer;

impl Writer {
    /// A type whose values can be printed and compared, nested at most this deep.
    pub fn value_type(&mut self, depth: u32) -> Ty {
        if depth == 0 || self.chance(45) {
            return self.weighted_type(&[
                (40, Ty::Int),
                (25, Ty::Str),
                (14, Ty::Float),
                (10, Ty::Bool),
                (4, Ty::BigInt),
                (2, Ty::Int64),
                (3, Ty::BigRat),
                (5, Ty::Any),
            ]);
        }
        match self.below(20) {
            0..=7 => Ty::list(self.value_type(depth - 1)),
            8..=11 => Ty::map(self.key_type(), self.value_type(depth - 1)),
            12..=15 if !self.decls.structs.is_empty() => {
                let printable: Vec<usize> = (0..self.decls.structs.len())
                    .filter(|&i| self.decls.is_printable(&Ty::Struct(i)))
                    .collect();
                if printable.is_empty() { Ty::list(Ty::Int) } else { Ty::Struct(self.pick(&printable)) }
            }
            16..=18 if !self.decls.unions.is_empty() => Ty::Union(self.below(self.decls.unions.len())),
            _ => Ty::list(Ty::Int),
        }
    }

    fn weighted_type(&mut self, rows: &[(u64, Ty)]) -> Ty {
        let total = rows.iter().map(|r| r.0).sum::<u64>();
        let mut at = self.random.below(total);
        for (weight, ty) in rows {
            if at < *weight {
                return ty.clone();
            }
            at -= weight;
        }
        unreachable!("weights add up")
    }

    fn key_type(&mut self) -> Ty {
        self.weighted_type(&[
            (60, Ty::Str),
            (28, Ty::Int),
            (3, Ty::Bool),
            (3, Ty::Float),
            (6, Ty::list(Ty::Int)),
        ])
    }

    /// A type `T` of which there is `T?`.
    pub fn optional_type(&mut self) -> Ty {
        let ty = self.value_type(1);
        if can_be_optional(&ty) { ty } else { Ty::Int }
    }

    /// A type of a variable or parameter.
    pub fn any_type(&mut self) -> Ty {
        match self.below(20) {
            0 | 1 => Ty::opt(self.optional_type()),
            2 => self.fun_type(),
            3 => Ty::list(self.fun_type()),
            _ => self.value_type(3),
        }
    }

    /// A type of functions; few, so that values of them meet.
    pub fn fun_type(&mut self) -> Ty {
        match self.below(5) {
            0 | 1 => Ty::fun(&[Ty::Int], Ty::Int),
            2 => Ty::fun(&[Ty::Str, Ty::Int], Ty::Str),
            3 => Ty::fun(&[], Ty::list(Ty::Int)),
            _ => Ty::fun(&[Ty::list(Ty::Int)], Ty::Int),
        }
    }

    pub fn string_expr(&mut self, d: u32) -> Expr {
        let ty = &Ty::Str;
        match self.below(24) {
            0..=4 => {
                let (a, b) = (self.expr(ty, d), self.expr(ty, d));
                self.expr_of(ty, parts!["(", a, " + ", b, ")"])
            }
            5 => {
                let other = self.value_type(1);
                let (a, b) = (self.expr(ty, d), self.expr(&other, d));
                match self.chance(50) {
                    true => self.expr_of(ty, parts!["(", a, " + ", b, ")"]),
                    false => self.expr_of(ty, parts!["(", b, " + ", a, ")"]),
                }
            }
            6..=8 => {
                let of = self.value_type(2);
                let e = self.expr(&of, d);
                self.expr_of(ty, parts!["str(", e, ")"])
            }
            9 => {
                let of = self.value_type(2);
                let e = self.expr(&of, d);
                self.expr_of(ty, parts!["to_json(", e, ")"])
            }
            10 => {
                let of = self.value_type(2);
                let e = self.expr(&of, d);
                self.expr_of(ty, parts!["type_of(", e, ")"])
            }
            11 | 12 => {
                let name = self.pick(&["upper", "lower", "trim", "reverse"]);
                let e = self.expr(ty, d);
                let e = self.typed(ty, e);
                match self.chance(70) {
                    true => self.expr_of(ty, parts![format!("{name}("), e, ")"]),
                    false => self.expr_of(ty, parts!["(", e, format!(").{name}()")]),
                }
            }
            13 | 14 => {
                let (e, a, b) = (self.expr(ty, d), self.bound(), self.bound());
                let e = self.typed(ty, e);
                let form = self.pick(&["substring", "substr", "slice", "["]);
                match form {
                    "[" => self.expr_of(ty, parts!["(", e, format!(")[{a}: {b}]")]),
                    _ => self.expr_of(ty, parts![format!("{form}("), e, format!(", {a}, {b})")]),
                }
            }
            15 => {
                let (e, bound) = (self.expr(ty, d), self.bound());
                let form = self.pick(&["[#:]", "[: #]"]).replace('#', &bound);
                self.expr_of(ty, parts!["(", e, format!("){form}")])
            }
            16 => {
                let (e, n, pad) =
                    (self.expr(ty, d), self.between(0, 9), self.pick(&["\"0\"", "\"é\"", "\"ab\"", "\" \""]));
                self.expr_of(ty, parts!["padStart(", e, format!(", {n}, {pad})")])
            }
            17 => {
                let (e, n) = (self.expr(ty, d.min(1)), self.between(0, 3));
                self.expr_of(ty, parts!["repeat(", e, format!(", {n})")])
            }
            18 => {
                let (e, separator) =
                    (self.expr(&Ty::list(Ty::Str), d), self.pick(&["\"\"", "\", \"", "\"é\""]));
                self.expr_of(ty, parts!["join(", e, format!(", {separator})")])
            }
            19 => {
                let (e, from, to) = (self.expr(ty, d), self.expr(ty, 0), self.expr(ty, 0));
                self.expr_of(ty, parts!["replace(", e, ", ", from, ", ", to, ")"])
            }
            20 => {
                // A literal and a character of it.
                let text = self.string_text();
                let e = self.leaf(&Ty::Int);
                self.expr_of(
                    ty,
                    parts![format!("({text} + \"x\")["), "(", e, format!(") % len({text} + \"x\")]")],
                )
            }
            21 if self.dares() => {
                let (e, i) = (self.expr(ty, d), self.expr(&Ty::Int, d.min(1)));
                self.expr_of(ty, parts!["(", e, ")[", i, "]"])
            }
            22 if self.pure == 0 => {
                self.io = true;
                self.expr_of(ty, parts!["input()"])
            }
            _ => self.leaf(ty),
        }
    }

    /// An index or bound of a slice.
    pub fn bound(&mut self) -> String {
        let n = self.between(-4, 7);
        if n < 0 { format!("({n})") } else { n.to_string() }
    }

    pub fn list_expr(&mut self, elem: &Ty, d: u32) -> Expr {
        let ty = &Ty::list(elem.clone());
        let comparable = self.decls.is_printable(elem) && !matches!(elem, Ty::Param(_));
        match self.below(26) {
            0..=3 => self.list_literal(ty, elem, d),
            4..=6 => {
                let (e, a, b) = (self.expr(ty, d), self.bound(), self.bound());
                let form = self.pick(&["[#: @]", "[#:]", "[: @]"]).replace('#', &a).replace('@', &b);
                self.expr_of(ty, parts!["(", e, format!("){form}")])
            }
            7 | 8 => {
                let (a, b) = (self.expr(ty, d), self.expr(ty, d));
                self.expr_of(ty, parts!["(", a, " + ", b, ")"])
            }
            9..=11 => {
                let (e, x) = (self.expr(ty, d), self.expr(elem, d));
                match self.weighted(&[(80, "append"), (10, "push"), (10, ".append")]) {
                    ".append" => self.expr_of(ty, parts!["(", e, ").append(", x, ")"]),
                    name => self.expr_of(ty, parts![format!("{name}("), e, ", ", x, ")"]),
                }
            }
            12 => {
                let (a, b) = (self.expr(ty, d), self.expr(ty, d));
                match self.chance(70) {
                    true => self.expr_of(ty, parts!["concat(", a, ", ", b, ")"]),
                    false => {
                        let c = self.expr(ty, d.min(1));
                        self.expr_of(ty, parts!["concat(", a, ", ", b, ", ", c, ")"])
                    }
                }
            }
            13 => {
                let e = self.expr(ty, d);
                let e = self.typed(ty, e);
                self.expr_of(ty, parts!["reverse(", e, ")"])
            }
            14 if comparable => {
                let (name, e) = (self.pick(&["distinct", "unique"]), self.expr(ty, d));
                self.expr_of(ty, parts![format!("{name}("), e, ")"])
            }
            15 if elem.is_ordered() && *elem != Ty::Float => {
                let e = self.expr(ty, d);
                self.expr_of(ty, parts!["sort(", e, ")"])
            }
            16 | 17 if comparable => {
                let op = self.pick(&["union", "union all", "except", "intersect"]);
                let (a, b) = (self.expr(ty, d), self.expr(ty, d));
                self.expr_of(ty, parts!["(", a, format!(" {op} "), b, ")"])
            }
            18 if self.pure == 0 && !matches!(elem, Ty::Param(_)) => {
                let from = self.value_type(1);
                let list = self.expr(&Ty::list(from.clone()), d);
                let f = self.lambda(&[from], elem, d);
                self.expr_of(ty, parts!["map(", list, ", ", f, ")"])
            }
            19 if self.pure == 0 && !matches!(elem, Ty::Param(_)) => {
                let list = self.expr(ty, d);
                let f = self.lambda(std::slice::from_ref(elem), &Ty::Bool, d);
                self.expr_of(ty, parts!["filter(", list, ", ", f, ")"])
            }
            20 if matches!(elem, Ty::Int | Ty::Str) && self.chance(50) => {
                let value = self.value_type(1);
                let e = self.expr(&Ty::map(elem.clone(), value), d);
                self.expr_of(ty, parts!["keys(", e, ")"])
            }
            20 => {
                let key = self.key_type();
                let e = self.expr(&Ty::map(key, elem.clone()), d);
                self.expr_of(ty, parts!["values(", e, ")"])
            }
            21 => self.special_list(elem, d),
            _ => self.query(elem, d),
        }
    }

    /// What gives lists of one type only.
    fn special_list(&mut self, elem: &Ty, d: u32) -> Expr {
        let ty = &Ty::list(elem.clone());
        match elem {
            Ty::Int if self.chance(60) => {
                let (a, b) = (self.between(-3, 5), self.between(0, 9));
                let text = self.pick(&["range(@)", "range(#, @)", "range(#, @, 2)", "range(@, #, (-3))"]);
                self.expr_of(ty, parts![text.replace('#', &a.to_string()).replace('@', &b.to_string())])
            }
            Ty::Int => {
                let e = self.expr(&Ty::Str, d);
                self.expr_of(ty, parts!["sha256(", e, ")[0:3]"])
            }
            Ty::Str if self.chance(60) => self.given_list(ty),
            Ty::Str => {
                let (e, separator) =
                    (self.expr(&Ty::Str, d), self.pick(&["\"\"", "\" \"", "\"a\"", "\"é\""]));
                self.expr_of(ty, parts!["split(", e, format!(", {separator})")])
            }
            _ => self.list_literal(ty, elem, d),
        }
    }

    pub fn map_expr(&mut self, key: &Ty, value: &Ty, d: u32) -> Expr {
        let ty = &Ty::map(key.clone(), value.clone());
        if self.chance(25)
            && can_be_optional(value)
            && let Some(var) = self.var_where(|v| v.ty == Ty::list(ty.clone()))
        {
            let (base, other) = (self.read(&var), self.leaf(ty));
            return self.expr_of(ty, parts!["(first(", base, ") ?? ", other, ")"]);
        }
        self.literal(ty, d)
    }

    pub fn option_expr(&mut self, inner: &Ty, d: u32) -> Expr {
        let ty = &Ty::opt(inner.clone());
        if *inner == Ty::Str && self.chance(15) {
            return self.given_text(ty, d);
        }
        match self.below(7) {
            0 | 1 => {
                let (name, list) = (self.pick(&["first", "last"]), self.expr(&Ty::list(inner.clone()), d));
                self.expr_of(ty, parts![format!("{name}("), list, ")"])
            }
            2 | 3 => {
                let key = self.pick(&[Ty::Str, Ty::Int]);
                let (map, key) = (self.expr(&Ty::map(key.clone(), inner.clone()), d), self.key(&key, 1));
                self.expr_of(ty, parts!["(", map, ")[", key, "]"])
            }
            4 => self.safe_field(inner, d).unwrap_or_else(|| self.leaf(ty)),
            5 => {
                let list = Ty::opt(Ty::list(inner.clone()));
                let base = self.expr(&list, d);
                self.expr_of(ty, parts!["first((", base, format!(" ?? ([] as list<{}>)))", self.text(inner))])
            }
            _ => self.leaf(ty),
        }
    }

    /// `option?.field`.
    fn safe_field(&mut self, inner: &Ty, d: u32) -> Option<Expr> {
        let mut found = Vec::new();
        for (i, s) in self.decls.structs.iter().enumerate() {
            found.extend(s.fields.iter().filter(|f| f.1 == *inner).map(|f| (i, f.0.clone())));
        }
        if found.is_empty() {
            return None;
        }
        let (index, field) = self.pick(&found);
        let base = self.expr(&Ty::opt(Ty::Struct(index)), d);
        Some(self.expr_of(&Ty::opt(inner.clone()), parts!["(", base, format!(")?.{field}")]))
    }

    pub fn struct_expr(&mut self, index: usize, d: u32) -> Expr {
        let ty = &Ty::Struct(index);
        // A map becomes a struct when it has all fields.
        let declared = self.decls.structs[index].clone();
        let plain = declared.fields.iter().all(|f| matches!(f.1, Ty::Int | Ty::Str | Ty::Bool | Ty::Float));
        if plain && self.chance(12) {
            let mut parts = parts!["({"];
            for (i, (name, field)) in declared.fields.iter().enumerate() {
                let comma = if i > 0 { ", " } else { "" };
                parts.extend(parts![format!("{comma}\"{name}\": ("), self.expr(field, d), " as any)"]);
            }
            parts.push(format!("}} as {})", declared.name).into());
            return self.expr_of(ty, parts);
        }
        self.struct_literal(index, d)
    }
}
