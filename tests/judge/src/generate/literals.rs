//! Literals: numbers at the borders of their representations, text of all kinds.

use super::tree::{Expr, parts, separated};
use super::types::{Ty, Variant};
use super::writer::Writer;

/// Ints at the borders of 63 and 64 bits, of 53 bits and of powers of ten.
const INTS: [&str; 22] = [
    "4611686018427387903",
    "4611686018427387904",
    "4611686018427387905",
    "(-4611686018427387904)",
    "(-4611686018427387905)",
    "(-4611686018427387906)",
    "9223372036854775807",
    "(-9223372036854775807)",
    "(-9223372036854775807 - 1)",
    "(9223372036854775807 + 1)",
    "(9223372036854775807 * 9223372036854775807)",
    "9007199254740992",
    "9007199254740993",
    "3037000500",
    "2147483648",
    "(-2147483649)",
    "4294967296",
    "1000000000000000000",
    "1000000007",
    "0xff",
    "0b1011",
    "1_000_000",
];

const FLOATS: [&str; 24] = [
    "0.0",
    "(-0.0)",
    "1.0",
    "0.1",
    "2.5",
    "3.5",
    "(-2.5)",
    "0.30000000000000004",
    "1e21",
    "1e20",
    "123456.789",
    "1234567.5",
    "0.0001",
    "0.00001",
    "1e-7",
    "1e300",
    "1e308",
    "5e-324",
    "9007199254740993.0",
    "4611686018427387904.0",
    "9223372036854775808.0",
    "(1e308 * 10.0)",
    "(-1e308 * 10.0)",
    "sqrt(-1.0)",
];

/// Pieces of text as they stand between quotes.
const PIECES: [&str; 30] = [
    "a", "b", "c", "x", "Zq", "hello", "the end", " ", "  ", "é", "ß", "世", "🍣", "e\\u0301", "İ",
    "\\u00df", "Σ", "\\n", "\\t", "\\\"", "\\\\", "%d", "0", "7", "12", "-", ",", "<&>", "\\u2028", "\\x00",
];

/// Pieces that are no UTF-8.
const BYTES: [&str; 6] = ["\\xe9", "\\377", "\\xf0\\x9f", "\\x80", "\\xc3", "\\xed\\xa0\\x80"];

/// Texts that read as numbers, or nearly.
const NUMBERS: [&str; 10] =
    ["12", "-7", "0", "+5", "007", "1.5", "-2.25", "1e3", "99999999999999999999", "4611686018427387904"];

impl Writer {
    pub fn int_text(&mut self) -> String {
        match self.weighted(&[(60, 0), (15, 1), (25, 2)]) {
            0 => {
                let n = self.between(-9, 20);
                if n < 0 { format!("({n})") } else { n.to_string() }
            }
            1 => self.between(20, 1200).to_string(),
            _ => self.pick(&INTS).to_string(),
        }
    }

    pub fn float_text(&mut self) -> String {
        match self.weighted(&[(60, true), (40, false)]) {
            true => {
                let (whole, part) = (self.between(0, 20), self.pick(&["0", "5", "25", "1", "75"]));
                format!("{whole}.{part}")
            }
            false => self.pick(&FLOATS).to_string(),
        }
    }

    /// Text in quotes.
    pub fn string_text(&mut self) -> String {
        if self.chance(12) {
            return format!("\"{}\"", self.pick(&NUMBERS));
        }
        let count = self.pick(&[0, 1, 1, 1, 2, 2, 3, 4, 7]);
        let mut text = String::from("\"");
        for _ in 0..count {
            text += match self.chance(4) {
                true => self.pick(&BYTES),
                false => self.pick(&PIECES),
            };
        }
        text + "\""
    }

    /// A value of a type by its literal, with simple parts.
    pub fn literal(&mut self, ty: &Ty, depth: u32) -> Expr {
        let text = match ty {
            Ty::Int => self.int_text(),
            Ty::Float => self.float_text(),
            Ty::Bool => self.pick(&["true", "false"]).to_string(),
            Ty::Str => self.string_text(),
            Ty::Int64 => format!("({} as int64)", self.int_text()),
            Ty::BigInt => format!("({} as bigint)", self.int_text()),
            Ty::BigRat => match self.chance(50) {
                true => format!("({} as bigrat)", self.int_text()),
                false => format!("(({} as bigrat) / {})", self.int_text(), self.between(1, 12)),
            },
            Ty::Any => {
                let scalar = self.pick(&[Ty::Int, Ty::Float, Ty::Bool, Ty::Str]);
                let value = self.literal(&scalar, depth);
                return self.expr_of(ty, parts!["(", value, " as any)"]);
            }
            Ty::List(elem) => return self.list_literal(ty, elem, depth),
            Ty::Map(key, value) => return self.map_literal(ty, key, value, depth),
            Ty::Opt(inner) => {
                let value = self.list_literal(&Ty::list((**inner).clone()), inner, depth);
                return self.expr_of(ty, parts!["first(", value, ")"]);
            }
            Ty::Struct(i) => return self.struct_literal(*i, depth),
            Ty::Union(i) => return self.union_literal(*i, depth),
            Ty::Fun(params, result) => return self.lambda(params, result, depth),
            Ty::Param(_) => return self.value_of_parameter(ty),
            Ty::Unit => unreachable!("no value has the type unit"),
        };
        self.expr_of(ty, parts![text])
    }

    /// A value of an unknown type: a variable holds one, or a function that is a parameter gives one.
    fn value_of_parameter(&mut self, ty: &Ty) -> Expr {
        if let Some(var) = self.var_of(ty) {
            return self.read(&var);
        }
        let var = self.var_where(|v| matches!(&v.ty, Ty::Fun(_, result) if **result == *ty));
        let var = var.expect("a value of each type parameter");
        let Ty::Fun(params, _) = &var.ty else { unreachable!("was asked for") };
        let mut parts = parts![self.read(&var), "("];
        parts.extend(self.arguments(params, 0));
        parts.push(")".into());
        self.expr_of(ty, parts)
    }

    pub fn list_literal(&mut self, ty: &Ty, elem: &Ty, depth: u32) -> Expr {
        let most = if depth == 0 || self.is_tired() { 2 } else { 4 };
        let count = if self.chance(10) { 0 } else { self.between(1, most) };
        if count == 0 {
            let text = self.text(ty);
            return self.expr_of(ty, parts![format!("([] as {text})")]);
        }
        let items: Vec<Expr> = (0..count).map(|_| self.expr(elem, depth.saturating_sub(1))).collect();
        let mut parts = parts!["["];
        parts.extend(separated(items, ", "));
        parts.push("]".into());
        self.expr_of(ty, parts)
    }

    fn map_literal(&mut self, ty: &Ty, key: &Ty, value: &Ty, depth: u32) -> Expr {
        let count = if self.chance(10) { 0 } else { self.between(1, 3) };
        if count == 0 {
            let text = self.text(ty);
            return self.expr_of(ty, parts![format!("({{}} as {text})")]);
        }
        let mut parts = parts!["{"];
        for i in 0..count {
            if i > 0 {
                parts.push(", ".into());
            }
            if *key == Ty::Str && self.chance(80) {
                let name = self.pick(&["\"a\"", "\"b\"", "\"k\"", "k", "\"é\"", "\"\"", "\"10\"", "\"9\""]);
                parts.push(name.into());
            } else {
                let key = self.key(key, depth.saturating_sub(1));
                parts.extend(parts!["(", key, ")"]);
            }
            parts.push(": ".into());
            parts.push(self.expr(value, depth.saturating_sub(1)).into());
        }
        parts.push("}".into());
        self.expr_of(ty, parts)
    }

    /// A key that a map is likely to have.
    pub fn key(&mut self, ty: &Ty, depth: u32) -> Expr {
        let text = match ty {
            Ty::Str => self.pick(&["\"a\"", "\"b\"", "\"k\"", "\"é\"", "\"10\"", "\"9\""]),
            Ty::Int => self.pick(&["1", "2", "3", "10", "9", "(-1)", "4611686018427387904"]),
            _ => return self.expr(ty, depth),
        };
        if self.chance(70) { self.expr_of(ty, parts![text]) } else { self.expr(ty, depth) }
    }

    pub fn struct_literal(&mut self, index: usize, depth: u32) -> Expr {
        let declared = self.decls.structs[index].clone();
        let mut fields = declared.fields;
        if self.chance(20) {
            fields.reverse();
        }
        let parts = self.fields(&declared.name, &fields, depth);
        self.expr_of(&Ty::Struct(index), parts)
    }

    fn fields(&mut self, name: &str, fields: &[(String, Ty)], depth: u32) -> Vec<super::tree::Part> {
        let mut parts = parts![format!("{name} {{ ")];
        for (i, (field, ty)) in fields.iter().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            parts.push(format!("{comma}{field}: ").into());
            parts.push(self.expr(ty, depth.saturating_sub(1)).into());
        }
        parts.push(" }".into());
        parts
    }

    pub fn union_literal(&mut self, index: usize, depth: u32) -> Expr {
        let ty = Ty::Union(index);
        let mut variants = self.decls.unions[index].variants.clone();
        if depth == 0 || self.is_tired() {
            variants.retain(|v| v.fields.iter().all(|f| f.1 != ty));
        }
        let variant = self.pick(&variants);
        let name = &variant.name;
        let union = self.text(&ty);
        if variant.fields.is_empty() {
            return self.expr_of(&ty, parts![format!("{name}")]);
        }
        if self.chance(30) {
            let items = variant.fields.iter().map(|f| self.expr(&f.1, depth.saturating_sub(1))).collect();
            let mut parts = parts![format!("{name}(")];
            parts.extend(separated(items, ", "));
            parts.push(")".into());
            return self.expr_of(&ty, parts);
        }
        let value = self.variant(&variant, depth);
        self.expr_of(&ty, parts!["(", value, format!(" as {union})")])
    }

    /// A variant of a union, under its own type.
    pub fn variant_value(&mut self, index: usize, depth: u32) -> Expr {
        let own = Ty::Union(index);
        let mut variants = self.decls.unions[index].variants.clone();
        variants.retain(|v| v.fields.iter().all(|f| f.1 != own));
        if variants.is_empty() {
            return self.union_literal(index, 0);
        }
        let variant = self.pick(&variants);
        self.variant(&variant, depth)
    }

    fn variant(&mut self, variant: &Variant, depth: u32) -> Expr {
        let parts = match variant.fields.is_empty() {
            true => parts![variant.name.clone()],
            false => self.fields(&variant.name, &variant.fields, depth),
        };
        Expr { ty: std::sync::Arc::from(variant.name.as_str()), parts }
    }
}
