//! Expressions of a wanted type: what all types have in common, and which constructs make what.

use super::tree::{Block, Expr, Part, parts, separated};
use super::types::{Fun, Ty};
use super::writer::{Writer, block_of, stmt};

/// A construct that makes a value of any type.
#[derive(Clone, Copy)]
enum General {
    Own,
    Variable,
    Literal,
    If,
    IfBlock,
    Match,
    Call,
    Element,
    First,
    Lookup,
    Field,
    Method,
    ThroughAny,
    Extreme,
    Find,
    Unwrap,
    Dynamic,
    Nothing,
    Meeting,
}

const GENERAL: [(u64, General); 19] = [
    (45, General::Own),
    (22, General::Variable),
    (6, General::Literal),
    (3, General::If),
    (2, General::IfBlock),
    (3, General::Match),
    (8, General::Call),
    (6, General::Element),
    (2, General::First),
    (4, General::Lookup),
    (5, General::Field),
    (4, General::Method),
    (1, General::ThroughAny),
    (1, General::Extreme),
    (1, General::Find),
    (2, General::Unwrap),
    (1, General::Dynamic),
    (1, General::Nothing),
    (3, General::Meeting),
];

impl Writer {
    /// An expression of this type.
    pub fn expr(&mut self, ty: &Ty, depth: u32) -> Expr {
        self.fuel -= 1;
        if depth == 0 || self.is_tired() {
            return self.leaf(ty);
        }
        let d = depth - 1;
        let construct = self.weighted(&GENERAL);
        let made = match construct {
            General::Own => self.own(ty, d),
            General::Variable => self.var_of(ty).map(|v| self.read(&v)),
            General::Literal => None,
            General::If => Some(self.conditional(ty, d, false)),
            General::IfBlock => Some(self.conditional(ty, d, true)),
            General::Match => self.match_value(ty, d),
            General::Call => self.call(ty, d),
            General::Element => self.element(ty, d),
            General::First if can_be_optional(ty) => {
                let list = self.expr(&Ty::list(ty.clone()), d);
                let (name, other) = (self.pick(&["first", "last"]), self.expr(ty, d));
                Some(self.expr_of(ty, parts![format!("({name}("), list, ") ?? ", other, ")"]))
            }
            General::Lookup => self.lookup(ty, d),
            General::Field => self.field(ty),
            General::Method => self.method_call(ty, d),
            General::ThroughAny if !matches!(ty, Ty::Opt(_) | Ty::Param(_) | Ty::Fun(..) | Ty::Any) => {
                let (value, text) = (self.expr(ty, d), self.text(ty));
                Some(self.expr_of(ty, parts!["((", value, format!(" as any) as {text})")]))
            }
            General::Extreme if matches!(ty, Ty::Int | Ty::Float | Ty::Str | Ty::BigInt) => {
                let name = self.pick(&["min", "max"]);
                let (a, b) = (self.expr(ty, d), self.expr(ty, d));
                Some(self.expr_of(ty, parts![format!("{name}("), a, ", ", b, ")"]))
            }
            General::Find if can_be_optional(ty) && !matches!(ty, Ty::Param(_)) => {
                let list = self.expr(&Ty::list(ty.clone()), d);
                let (test, other) = (self.lambda(std::slice::from_ref(ty), &Ty::Bool, d), self.leaf(ty));
                Some(self.expr_of(ty, parts!["(find(", list, ", ", test, ") ?? ", other, ")"]))
            }
            General::Unwrap if can_be_optional(ty) && self.dares() => {
                let (option, text) = (self.expr(&Ty::opt(ty.clone()), d), self.text(ty));
                let ends = [" ?? panic(\"none\"))", " ?? exit(3))"].map(str::to_string);
                let otherwise = self.pick(&[&[format!(" as {text})")], &ends[..]].concat());
                Some(self.expr_of(ty, parts!["(", option, otherwise]))
            }
            General::Unwrap if can_be_optional(ty) => {
                let (option, other) = (self.expr(&Ty::opt(ty.clone()), d), self.expr(ty, d));
                Some(self.expr_of(ty, parts!["(", option, " ?? ", other, ")"]))
            }
            General::Dynamic => self.dynamic(ty, d),
            General::Meeting => self.meeting(ty, d),
            // Rare, because what is made of none is none.
            General::Nothing if ty.is_numeric() || *ty == Ty::Bool => match self.chance(25) {
                true => {
                    let text = self.text(ty);
                    Some(self.expr_of(ty, parts![format!("nothing(([] as list<{text}>))")]))
                }
                false => None,
            },
            _ => None,
        };
        match made {
            Some(e) => e,
            None if self.chance(60) => self.leaf(ty),
            None => self.literal(ty, d),
        }
    }

    /// A short expression: a variable if there is one.
    pub fn leaf(&mut self, ty: &Ty) -> Expr {
        match self.var_of(ty) {
            Some(v) if self.chance(75) => self.read(&v),
            _ => self.literal(ty, 0),
        }
    }

    /// An expression by a construct that only this type has.
    fn own(&mut self, ty: &Ty, d: u32) -> Option<Expr> {
        Some(match ty {
            Ty::Int => self.int_expr(d),
            Ty::Float => self.float_expr(d),
            Ty::BigInt | Ty::Int64 | Ty::BigRat => self.wide_expr(ty, d),
            Ty::Bool => self.bool_expr(d),
            Ty::Str => self.string_expr(d),
            Ty::List(elem) => self.list_expr(elem, d),
            Ty::Map(k, v) => self.map_expr(k, v, d),
            Ty::Opt(inner) => self.option_expr(inner, d),
            Ty::Any => {
                let inner = self.value_type(1);
                let value = self.expr(&inner, d);
                self.expr_of(ty, parts!["(", value, " as any)"])
            }
            Ty::Struct(i) => self.struct_expr(*i, d),
            Ty::Union(i) => self.union_literal(*i, d),
            Ty::Fun(params, result) => return Some(self.function_value(params, result, d)),
            Ty::Param(_) | Ty::Unit => return None,
        })
    }

    fn conditional(&mut self, ty: &Ty, d: u32, block: bool) -> Expr {
        let cond = self.expr(&Ty::Bool, d);
        if !block {
            let (a, b) = (self.expr(ty, d), self.expr(ty, d));
            return self.expr_of(ty, parts!["(if ", cond, " then ", a, " else ", b, ")"]);
        }
        let mut ways = [self.value_block(ty, d), self.value_or_return(ty, d)];
        if self.chance(50) {
            ways.reverse();
        }
        let [a, b] = ways;
        self.expr_of(ty, parts!["(if ", cond, " ", a, " else ", b, ")"])
    }

    /// A block with a value, or one that leaves the function instead.
    pub fn value_or_return(&mut self, ty: &Ty, d: u32) -> Block {
        match self.result.clone() {
            Some(result) if self.pure == 0 && self.chance(15) => block_of(self.return_statement(&result)),
            _ => self.value_block(ty, d),
        }
    }

    /// Statements, then a value.
    pub fn value_block(&mut self, ty: &Ty, d: u32) -> Block {
        let mark = self.scope.mark();
        let loops = std::mem::take(&mut self.loops);
        let mut block = Block::default();
        if self.pure == 0 && self.chance(40) {
            block.0.extend(self.statement(1));
        }
        if self.chance(15)
            && let Some(parts) = self.match_parts(ty, d.min(1))
        {
            block.0.push(stmt(parts));
            self.loops = loops;
            self.scope.leave(mark);
            return block;
        }
        let value = self.expr(ty, d);
        block.0.push(stmt(parts!["(", value, ")"]));
        // The parentheses would continue an expression before them.
        if block.0.len() > 1 {
            let name = self.fresh("r");
            let last = block.0.pop().expect("just pushed");
            let mut parts = parts![format!("let {name} = ")];
            parts.extend(last.parts);
            block.0.push(stmt(parts));
            block.0.push(stmt(parts![name]));
        }
        self.loops = loops;
        self.scope.leave(mark);
        block
    }

    /// An element of a list, a character of a string.
    fn element(&mut self, ty: &Ty, d: u32) -> Option<Expr> {
        let list = Ty::list(ty.clone());
        let var = self.var_of(&list)?;
        let base = self.read(&var);
        if let Some(length) = var.length.filter(|&n| n > 0 && !var.mutable)
            && self.chance(70)
        {
            let index = self.between(-(length as i64), length as i64 - 1);
            let index = if index < 0 { format!("({index})") } else { index.to_string() };
            return Some(self.expr_of(ty, parts![base, format!("[{index}]")]));
        }
        if self.dares() {
            let index = self.expr(&Ty::Int, d.min(1));
            return Some(self.expr_of(ty, parts![base, "[", index, "]"]));
        }
        let name = &var.name;
        let index = match self.chance(50) {
            true => self.expr(&Ty::Int, d.min(1)).text(),
            false => self.between(0, 5).to_string(),
        };
        let other = self.leaf(ty);
        Some(match self.chance(30) {
            true => self.expr_of(
                ty,
                parts![format!("(if len({name}) > 0 then {name}[({index}) % len({name})] else "), other, ")"],
            ),
            false => {
                self.expr_of(ty, parts![format!("(if len({name}) > 2 then {name}[2] else "), other, ")"])
            }
        })
    }

    /// The value of a key, with another for when there is none.
    fn lookup(&mut self, ty: &Ty, d: u32) -> Option<Expr> {
        if !can_be_optional(ty) {
            return None;
        }
        let var = self.var_where(|v| matches!(&v.ty, Ty::Map(_, value) if **value == *ty))?;
        let Ty::Map(key, _) = &var.ty else { return None };
        let (base, key) = (self.read(&var), self.key(key, d.min(1)));
        let other = self.expr(ty, d);
        Some(match self.chance(80) {
            true => self.expr_of(ty, parts!["(", base, "[", key, "] ?? ", other, ")"]),
            false => self.expr_of(ty, parts![base, ".get(", key, ", ", other, ")"]),
        })
    }

    /// A field of a struct in a variable.
    fn field(&mut self, ty: &Ty) -> Option<Expr> {
        let structs = &self.decls.structs;
        let having: Vec<usize> =
            (0..structs.len()).filter(|&i| structs[i].fields.iter().any(|f| f.1 == *ty)).collect();
        let var = self.var_where(|v| matches!(v.ty, Ty::Struct(i) if having.contains(&i)))?;
        let Ty::Struct(i) = var.ty else { return None };
        let fields: Vec<String> =
            self.decls.structs[i].fields.iter().filter(|f| f.1 == *ty).map(|f| f.0.clone()).collect();
        let (base, field) = (self.read(&var), self.pick(&fields));
        Some(self.expr_of(ty, parts![base, format!(".{field}")]))
    }

    fn method_call(&mut self, ty: &Ty, d: u32) -> Option<Expr> {
        let mut methods = Vec::new();
        for (i, s) in self.decls.structs.iter().enumerate() {
            methods.extend(s.methods.iter().filter(|m| m.result == *ty).map(|m| (i, m.clone())));
        }
        if methods.is_empty() {
            return None;
        }
        let (index, method) = self.pick(&methods);
        if method.io && self.pure > 0 || !self.affords(method.cost + 1) {
            return None;
        }
        let receiver = self.var_of(&Ty::Struct(index))?;
        self.io |= method.io;
        let mut parts = parts![self.read(&receiver), format!(".{}(", method.name)];
        parts.extend(self.arguments(&method.params, d));
        parts.push(")".into());
        Some(self.expr_of(ty, parts))
    }

    pub fn arguments(&mut self, params: &[Ty], d: u32) -> Vec<Part> {
        let items = params.iter().map(|p| self.expr(p, d)).collect();
        separated(items, ", ")
    }

    /// A call of a function or of a function value.
    pub fn call(&mut self, ty: &Ty, d: u32) -> Option<Expr> {
        if self.chance(30)
            && let Some(e) = self.call_value(ty, d)
        {
            return Some(e);
        }
        if let Some(own) = self.recursion.clone()
            && own.result == *ty
            && self.runs == 1
            && self.chance(70)
        {
            // Once: the number of calls must not grow exponentially with the first argument.
            self.recursion = None;
            let mut parts = parts![format!("{}(n - 1", own.name)];
            for p in &own.params[1..] {
                parts.extend(parts![", ", self.expr(p, d.min(1))]);
            }
            parts.push(")".into());
            return Some(self.expr_of(ty, parts));
        }
        let pure = self.pure > 0;
        let funs: Vec<(Fun, Vec<Ty>)> = self
            .decls
            .funs
            .iter()
            .filter(|f| !(pure && f.io))
            .filter_map(|f| Some((f.clone(), instantiation(f, ty)?)))
            .collect();
        if funs.is_empty() {
            return None;
        }
        let (fun, mut args) = self.pick(&funs);
        if !self.affords(fun.cost + 1) {
            return None;
        }
        self.io |= fun.io;
        while args.len() < fun.generics {
            let ty = self.pick(&[Ty::Int, Ty::Str, Ty::Float, Ty::Bool, Ty::list(Ty::Int)]);
            args.push(ty);
        }
        Some(self.call_of(&fun, &args, ty, d))
    }

    /// A call of this function with these type arguments.
    pub fn call_of(&mut self, fun: &Fun, type_args: &[Ty], ty: &Ty, d: u32) -> Expr {
        let mut params: Vec<Ty> = fun.params.iter().map(|p| p.instance(type_args)).collect();
        let mut parts = parts![format!("{}(", fun.name)];
        if fun.recursive {
            params.remove(0);
            parts.push(self.between(0, 8).to_string().into());
            if !params.is_empty() {
                parts.push(", ".into());
            }
        }
        // Some arguments first: the rest goes to the function that this gives.
        if fun.generics == 0 && !fun.recursive && params.len() > 1 && self.chance(12) {
            let (first, rest) = params.split_at(1);
            parts.extend(self.arguments(first, d));
            parts.push(")(".into());
            parts.extend(self.arguments(rest, d));
        } else {
            parts.extend(self.arguments(&params, d));
        }
        parts.push(")".into());
        self.expr_of(ty, parts)
    }

    /// A call of a function in a variable.
    fn call_value(&mut self, ty: &Ty, d: u32) -> Option<Expr> {
        let main = self.depth == 0;
        if self.pure > 0 || !self.affords(10) {
            return None;
        }
        // A function value that can be exchanged could come to call itself.
        let stable = |v: &super::scope::Var| main || !v.mutable || v.fixed;
        let var = self.var_where(|v| matches!(&v.ty, Ty::Fun(_, result) if **result == *ty) && stable(v))?;
        let Ty::Fun(params, _) = &var.ty else { return None };
        self.io = true;
        let mut parts = parts![self.read(&var), "("];
        parts.extend(self.arguments(params, d));
        parts.push(")".into());
        Some(self.expr_of(ty, parts))
    }

    /// What `any` allows: an index, a field, a conversion to the type.
    fn dynamic(&mut self, ty: &Ty, d: u32) -> Option<Expr> {
        let scalar = matches!(ty, Ty::Int | Ty::Float | Ty::Bool | Ty::Str);
        if !scalar {
            return None;
        }
        let text = self.text(ty);
        let (value, other) = (self.expr(ty, d), self.expr(&Ty::Any, d));
        Some(match self.below(3) {
            0 => self.expr_of(
                ty,
                parts!["((([", value, ", ", other, format!("] as list<any>) as any)[0] as {text})")],
            ),
            1 => self.expr_of(ty, parts!["((({\"a\": ", value, format!("}} as any).a) as {text})")]),
            _ => self.expr_of(
                ty,
                parts!["(({\"k\": (", value, " as any), \"z\": ", other, format!("}})[\"k\"] as {text})")],
            ),
        })
    }
}

/// Whether `T?` is a type of its own.
pub fn can_be_optional(ty: &Ty) -> bool {
    !matches!(ty, Ty::Opt(_) | Ty::Any | Ty::Unit | Ty::Fun(..) | Ty::Param(_))
}

/// Type arguments with which a function gives this type; fewer than it has when the rest is free.
fn instantiation(fun: &Fun, wanted: &Ty) -> Option<Vec<Ty>> {
    if fun.generics == 0 {
        return (fun.result == *wanted).then(Vec::new);
    }
    if matches!(wanted, Ty::Opt(_) | Ty::Any | Ty::Fun(..) | Ty::BigInt | Ty::Int64 | Ty::BigRat) {
        return None;
    }
    let param = |name: &str| if name == "T" { 0 } else { 1 };
    let mut args = vec![Ty::Int; fun.generics];
    match (&fun.result, wanted) {
        (Ty::Param(p), _) => args[param(p)] = wanted.clone(),
        (Ty::List(x), Ty::List(y)) => match (&**x, &**y) {
            (Ty::Param(p), inner) if !matches!(inner, Ty::Opt(_) | Ty::Fun(..) | Ty::Any) => {
                args[param(p)] = inner.clone()
            }
            (a, b) if a == b => {}
            _ => return None,
        },
        (a, b) if a == b => {}
        _ => return None,
    }
    Some(args)
}
