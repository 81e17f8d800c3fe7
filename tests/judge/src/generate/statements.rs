//! Statements.

use super::exprs::can_be_optional;
use super::scope::Var;
use super::tree::{Block, Expr, Part, Stmt, parts, separated};
use super::types::Ty;
use super::writer::{MOST_RUNS, Writer, block_of, stmt};

/// A kind of statement.
#[derive(Clone, Copy)]
enum Kind {
    Declare,
    Print,
    Assign,
    Compound,
    Store,
    Grow,
    Alias,
    If,
    IfSome,
    While,
    ForRange,
    ForEach,
    Leave,
    Return,
    Match,
    Call,
    Update,
    Expect,
    Test,
    Nested,
    InnerType,
    InnerGeneric,
    Closure,
    Json,
    Fail,
    StartsEmpty,
    Unset,
    Dynamic,
    Reassigned,
}

const KINDS: [(u64, Kind); 29] = [
    (18, Kind::Declare),
    (10, Kind::Print),
    (10, Kind::Assign),
    (5, Kind::Compound),
    (12, Kind::Store),
    (11, Kind::Grow),
    (6, Kind::Alias),
    (7, Kind::If),
    (2, Kind::IfSome),
    (3, Kind::While),
    (6, Kind::ForRange),
    (6, Kind::ForEach),
    (3, Kind::Leave),
    (2, Kind::Return),
    (4, Kind::Match),
    (5, Kind::Call),
    (2, Kind::Update),
    (2, Kind::Expect),
    (1, Kind::Test),
    (1, Kind::Nested),
    (2, Kind::InnerType),
    (2, Kind::InnerGeneric),
    (4, Kind::Closure),
    (1, Kind::Json),
    (1, Kind::Fail),
    (1, Kind::StartsEmpty),
    (1, Kind::Unset),
    (1, Kind::Dynamic),
    (2, Kind::Reassigned),
];

impl Writer {
    /// About this many statements; what they declare stays in scope.
    pub fn statements(&mut self, count: usize) -> Block {
        let mut block = Block::default();
        for _ in 0..count {
            if self.is_tired() {
                break;
            }
            let made = self.statement(2);
            block.0.extend(made);
        }
        block
    }

    /// A statement, with what shows its effect; blocks in it are nested at most this deep.
    pub fn statement(&mut self, nesting: u32) -> Vec<Stmt> {
        self.fuel -= 2;
        if !self.affords(2) {
            return Vec::new();
        }
        let flat = nesting == 0 || self.is_tired();
        match self.weighted(&KINDS) {
            Kind::Declare => vec![self.declaration()],
            Kind::Print => vec![self.print()],
            Kind::Assign => self.assignment(),
            Kind::Compound => self.compound(),
            Kind::Store => self.store(),
            Kind::Grow => self.grow(),
            Kind::Alias => self.alias(),
            Kind::Closure => vec![self.closure()],
            Kind::Call => self.call_statement(),
            Kind::Update => self.update(),
            Kind::Expect => vec![self.expectation()],
            Kind::Json => {
                self.io = true;
                let ty = self.value_type(2);
                let e = self.expr(&ty, 2);
                vec![stmt(parts!["json(", e, ")"])]
            }
            Kind::Leave if self.loops > 0 && self.runs > 1 => {
                let (cond, word) = (self.expr(&Ty::Bool, 2), self.pick(&["break", "continue"]));
                vec![stmt(parts!["if ", cond, " ", block_of(stmt(parts![word]))])]
            }
            Kind::Return => self.early_return(),
            Kind::Fail if self.dares() || self.chance(15) => vec![self.failure()],
            Kind::StartsEmpty => self.starts_empty(),
            Kind::Unset => self.unset(),
            Kind::Dynamic => self.dynamic_store(),
            Kind::Reassigned => self.reassigned(),
            _ if flat => vec![self.print()],
            Kind::If => vec![self.if_statement(nesting)],
            Kind::IfSome => self.if_some(nesting),
            Kind::While => self.while_loop(nesting),
            Kind::ForRange => self.for_range(nesting),
            Kind::ForEach => self.for_each(nesting),
            Kind::Match => self.match_statement(nesting),
            Kind::Test if self.depth == 0 && self.loops == 0 => {
                let (name, body) = (self.fresh("t"), self.body(nesting));
                vec![stmt(parts![format!("test \"{name}\" "), body])]
            }
            Kind::InnerType => self.inner_type(),
            Kind::InnerGeneric if self.depth == 0 => self.inner_generic(),
            Kind::Nested if self.depth < 2 => vec![self.nested_function()],
            _ => vec![self.declaration()],
        }
    }

    /// A block of a statement.
    pub fn body(&mut self, nesting: u32) -> Block {
        let mark = self.scope.mark();
        let mut block = Block::default();
        for _ in 0..self.pick(&[1, 1, 2, 3]) {
            let made = self.statement(nesting - 1);
            block.0.extend(made);
        }
        self.scope.leave(mark);
        block
    }

    /// The value of an assignment. Where it may run often, what is stored cannot grow by a factor each
    /// time.
    pub fn stored(&mut self, ty: &Ty, depth: u32) -> Expr {
        let grows = self.repeats() || *ty == Ty::Str && self.chance(50);
        if !grows {
            return self.expr(ty, depth);
        }
        match ty {
            Ty::Int => {
                let e = self.expr(ty, depth);
                let modulus = self.pick(&["1000003", "4611686018427387905", "9223372036854775807", "97"]);
                self.expr_of(ty, parts!["(", e, format!(" % {modulus})")])
            }
            Ty::Float | Ty::Bool => self.expr(ty, depth),
            Ty::Str => {
                let (e, form) = (self.expr(ty, depth), self.pick(&["[0: 12]", "[-7:]", "[1: 9]"]));
                self.expr_of(ty, parts!["(", e, format!("){form}")])
            }
            Ty::List(_) if self.chance(60) => {
                let (e, form) = (self.expr(ty, 1), self.pick(&["[0: 5]", "[-4:]", "[0: 7]"]));
                self.expr_of(ty, parts!["(", e, format!("){form}")])
            }
            Ty::BigInt | Ty::Int64 | Ty::BigRat => self.leaf(ty),
            Ty::Any => {
                let scalar = self.pick(&[Ty::Int, Ty::Float, Ty::Bool]);
                let e = self.stored(&scalar, 1);
                if self.chance(50) {
                    return self.expr_of(ty, parts!["(", e, ")"]);
                }
                self.expr_of(ty, parts!["(", e, " as any)"])
            }
            Ty::List(_) => self.leaf(ty),
            _ => self.expr(ty, 1),
        }
    }

    fn declaration(&mut self) -> Stmt {
        let mark = self.scope.mark();
        let (ty, depth) = (self.any_type(), self.pick(&[1, 2, 3]));
        let mutable = self.chance(65);
        // What may be stored into itself later starts small where it is made often.
        let value = if self.repeats() { self.stored(&ty, depth) } else { self.expr(&ty, depth) };
        let length = match &ty {
            Ty::List(_) if !mutable => literal_length(&value),
            _ => None,
        };
        let name = self.local_name("v", mark);
        let word = if mutable { "var" } else { "let" };
        let plain = matches!(ty, Ty::Int | Ty::Str | Ty::Bool | Ty::Float) || ty.is_aggregate();
        let shown = match plain && self.chance(60) {
            true => String::new(),
            false => format!(": {}", self.annotation(&ty)),
        };
        let value = self.unaliased(value, mutable, &ty);
        self.declare(&name, &ty, mutable);
        if length.is_some() {
            self.scope.declare(Var { name: name.clone(), ty, mutable, fixed: false, length });
        }
        stmt(parts![format!("{word} {name}{shown} = "), value])
    }

    /// A variable may not name what an immutable name holds (T051).
    fn unaliased(&mut self, value: Expr, mutable: bool, ty: &Ty) -> Expr {
        if !mutable || !ty.is_aggregate() {
            return value;
        }
        self.expr_of(ty, parts!["(", value, ")"])
    }

    pub fn print(&mut self) -> Stmt {
        self.io = true;
        let count = self.pick(&[1, 1, 1, 2, 2, 3, 4]);
        let items = (0..count)
            .map(|_| {
                let ty = match self.below(10) {
                    0 => Ty::opt(self.optional_type()),
                    _ => self.value_type(2),
                };
                let depth = self.pick(&[1, 2, 3]);
                self.expr(&ty, depth)
            })
            .collect();
        let name = if self.chance(4) { "eprint" } else { "print" };
        let mut parts = parts![format!("{name}(")];
        parts.extend(separated(items, ", "));
        parts.push(")".into());
        stmt(parts)
    }

    /// Shows some variables, this one first.
    pub fn show(&mut self, name: &str) -> Vec<Stmt> {
        if self.pure > 0 || !self.chance(55) {
            return Vec::new();
        }
        let printable = self.scope.select(|v| v.name == name);
        let decls = &self.decls;
        let Some(first) = printable.into_iter().find(|v| decls.is_printable(&v.ty)) else {
            return Vec::new();
        };
        self.io = true;
        let mut items = vec![self.read(&first)];
        for _ in 0..self.pick(&[0, 1, 1, 2]) {
            let found = self.scope.select(|v| v.ty.is_aggregate());
            let found: Vec<Var> = found.into_iter().filter(|v| self.decls.is_printable(&v.ty)).collect();
            if !found.is_empty() {
                let other = self.pick(&found);
                items.push(self.read(&other));
            }
        }
        let mut parts = parts!["print("];
        parts.extend(separated(items, ", "));
        parts.push(")".into());
        vec![stmt(parts)]
    }

    fn assignment(&mut self) -> Vec<Stmt> {
        let Some(var) = self.var_where(|v| v.mutable && !v.fixed) else { return vec![self.declaration()] };
        let depth = self.pick(&[1, 2, 3]);
        let value = match &var.ty {
            // An option variable is seen as what it was assigned, so that must be an option too.
            Ty::Opt(_) if self.chance(20) => self.expr_of(&var.ty, parts!["none"]),
            ty => self.stored(ty, depth),
        };
        let mut all = vec![stmt(parts![format!("{} = ", var.name), value])];
        all.extend(self.show(&var.name));
        all
    }

    fn compound(&mut self) -> Vec<Stmt> {
        let Some(var) =
            self.var_where(|v| v.mutable && !v.fixed && matches!(v.ty, Ty::Int | Ty::Float | Ty::Str))
        else {
            return vec![self.print()];
        };
        let (op, value) = match &var.ty {
            Ty::Str if self.repeats() => ("+=", self.literal(&Ty::Str, 0)),
            Ty::Str => ("+=", self.expr(&Ty::Str, 1)),
            Ty::Float => (self.pick(&["+=", "-=", "*="]), self.expr(&Ty::Float, 2)),
            _ if self.repeats() => (self.pick(&["+=", "-="]), self.stored(&Ty::Int, 2)),
            _ if self.chance(20) => {
                let divisor = self.pick(&["3", "(-2)", "1000003"]);
                (self.pick(&["/=", "%="]), self.expr_of(&Ty::Int, parts![divisor]))
            }
            _ => (self.pick(&["+=", "-=", "*="]), self.expr(&Ty::Int, 2)),
        };
        let mut all = vec![stmt(parts![format!("{} {op} ", var.name), value])];
        all.extend(self.show(&var.name));
        all
    }

    /// A store through indexes and fields.
    fn store(&mut self) -> Vec<Stmt> {
        let Some(var) = self.var_where(|v| v.mutable && !v.fixed && v.ty.is_aggregate()) else {
            return vec![self.declaration()];
        };
        let (mut place, mut ty) = (var.name.clone(), var.ty.clone());
        let mut guards: Vec<String> = Vec::new();
        for step in 0..3 {
            if step > 0 && (!ty.is_aggregate() || self.chance(30)) {
                break;
            }
            match &ty.clone() {
                Ty::List(elem) => {
                    let index = match self.chance(80) {
                        true => {
                            let i = self.pick(&[0, 0, 1, 2]);
                            guards.push(format!("len({place}) > {i}"));
                            i.to_string()
                        }
                        false => {
                            guards.push(format!("len({place}) > 0"));
                            "(-1)".to_string()
                        }
                    };
                    place += &format!("[{index}]");
                    ty = (**elem).clone();
                }
                Ty::Map(key, value) => {
                    let key = self.key(key, 1).text();
                    place += &format!("[{key}]");
                    ty = (**value).clone();
                    // A missing key ends the path: there is nothing to store into.
                    break;
                }
                Ty::Struct(i) => {
                    let fields = self.decls.structs[*i].fields.clone();
                    let (name, field) = self.pick(&fields);
                    place += &format!(".{name}");
                    ty = field;
                }
                _ => break,
            }
        }
        if self.decls.holds_any(&var.ty) && self.decls.holds_any(&ty) && ty != Ty::Any {
            return vec![self.print()];
        }
        let depth = self.pick(&[1, 2]);
        let value = self.stored(&ty, depth);
        let statement = match (ty.clone(), self.chance(15)) {
            (Ty::Int, true) => stmt(parts![format!("{place} += "), value]),
            _ => stmt(parts![format!("{place} = "), value]),
        };
        let dares = self.dares();
        let statement = match guards.is_empty() || dares {
            true => statement,
            false => stmt(parts![format!("if {} ", guards.join(" && ")), block_of(statement)]),
        };
        let mut all = vec![statement];
        all.extend(self.show(&var.name));
        all
    }

    /// A list in a variable gets an element, in one of the spellings that mean the same or nearly.
    fn grow(&mut self) -> Vec<Stmt> {
        let Some(var) = self.var_where(|v| v.mutable && !v.fixed && matches!(v.ty, Ty::List(_))) else {
            return vec![self.declaration()];
        };
        let Ty::List(elem) = &var.ty else { unreachable!("was asked for") };
        let elem = &**elem;
        let name = &var.name;
        let value = self.stored(elem, 2);
        let mut all = match self.below(9) {
            0..=3 => vec![stmt(parts![format!("{name} = append({name}, "), value, ")"])],
            4 => vec![stmt(parts![format!("{name} = {name} + ["), value, "]"])],
            5 => vec![stmt(parts![format!("{name} += ["), value, "]"])],
            6 => vec![stmt(parts![format!("{name}.push("), value, ")"])],
            7 => vec![stmt(parts![format!("push({name}, "), value, ")"])],
            _ => {
                let fresh = self.fresh("v");
                let grown = stmt(parts![format!("let {fresh} = append({name}, "), value, ")"]);
                let ty = var.ty.clone();
                self.declare(&fresh, &ty, false);
                let mut all = vec![grown];
                all.extend(self.show(&fresh));
                all
            }
        };
        // An element of a list of lists grows where it is.
        if let Ty::List(inner) = elem
            && self.chance(50)
        {
            let i = self.pick(&[0, 0, 1]);
            let value = self.stored(inner, 1);
            let place = format!("{name}[{i}]");
            let grown = match self.chance(60) {
                true => stmt(parts![format!("{place} = append({place}, "), value, ")"]),
                false => {
                    let fresh = self.fresh("v");
                    let first = stmt(parts![format!("let {fresh} = append({place}, "), value, ")"]);
                    let then = stmt(parts![format!("{place} = {fresh}")]);
                    all.push(stmt(parts![format!("if len({name}) > {i} "), Block(vec![first, then])]));
                    all.extend(self.show(name));
                    return all;
                }
            };
            all.push(stmt(parts![format!("if len({name}) > {i} "), block_of(grown)]));
        }
        all.extend(self.show(name));
        all
    }

    /// Another name for what a variable holds, or for a part or shallow copy of it.
    fn alias(&mut self) -> Vec<Stmt> {
        let Some(var) = self.var_where(|v| v.ty.is_aggregate()) else { return vec![self.print()] };
        let name = self.fresh("v");
        let base = self.read(&var);
        let (value, ty) = match &var.ty {
            Ty::List(elem) => match self.below(8) {
                0..=2 => (base, var.ty.clone()),
                3 => (self.expr_of(&var.ty, parts![base, "[0: 2]"]), var.ty.clone()),
                4 => (self.expr_of(&var.ty, parts!["reverse(", base, ")"]), var.ty.clone()),
                5 => {
                    let x = self.leaf(&elem.clone());
                    (self.expr_of(&var.ty, parts!["append(", base, ", ", x, ")"]), var.ty.clone())
                }
                6 => {
                    let ty = Ty::list(var.ty.clone());
                    let again = self.read(&var);
                    (self.expr_of(&ty, parts!["[", base, ", ", again, "]"]), ty)
                }
                _ => (
                    self.expr_of(&var.ty, parts!["concat(", base, ", ([] as ", self.text(&var.ty), "))"]),
                    var.ty.clone(),
                ),
            },
            Ty::Map(_, value) => match self.chance(60) || !self.decls.is_printable(value) {
                true => (base, var.ty.clone()),
                false => {
                    let ty = Ty::List(value.clone());
                    (self.expr_of(&ty, parts!["values(", base, ")"]), ty)
                }
            },
            _ => (base, var.ty.clone()),
        };
        let mutable = self.chance(80);
        let value = self.unaliased(value, mutable, &ty);
        self.declare(&name, &ty, mutable);
        let mut all = vec![stmt(parts![format!("{} {name} = ", if mutable { "var" } else { "let" }), value])];
        all.extend(self.show(&name));
        all
    }

    fn closure(&mut self) -> Stmt {
        let ty = self.fun_type();
        let Ty::Fun(params, result) = &ty else { unreachable!("a function type") };
        let value = self.function_value(params, result, 3);
        let name = self.fresh("c");
        let mutable = self.chance(30);
        let word = if mutable { "var" } else { "let" };
        self.declare(&name, &ty, mutable);
        stmt(parts![format!("{word} {name} = "), value])
    }

    fn nested_function(&mut self) -> Stmt {
        let ty = self.fun_type();
        let Ty::Fun(params, result) = &ty else { unreachable!("a function type") };
        let names: Vec<String> = params.iter().map(|_| self.fresh("p")).collect();
        let shown: Vec<String> =
            names.iter().zip(params.iter()).map(|(n, t)| format!("{n}: {}", self.text(t))).collect();
        let name = self.fresh("k");
        let head = format!("fun {name}({}): {} ", shown.join(", "), self.text(result));
        let body = self.in_function(Some((**result).clone()), |w| {
            for (name, ty) in names.iter().zip(params.iter()) {
                w.declare(name, ty, true);
            }
            let mut body = w.statements(1);
            let value = w.expr(result, 2);
            body.0.push(stmt(parts!["return ", value]));
            body
        });
        self.declare(&name, &ty, false);
        stmt(parts![head, body])
    }

    fn call_statement(&mut self) -> Vec<Stmt> {
        let pure = self.pure > 0;
        let funs: Vec<_> =
            self.decls.funs.iter().filter(|f| f.generics == 0 && !(pure && f.io)).cloned().collect();
        let Some(fun) = (!funs.is_empty()).then(|| self.pick(&funs)) else { return vec![self.print()] };
        if !self.affords(fun.cost + 1) {
            return vec![self.print()];
        }
        self.io |= fun.io;
        let e = self.call_of(&fun, &[], &fun.result.clone(), 2);
        if self.decls.is_printable(&fun.result) && self.pure == 0 && self.chance(60) {
            self.io = true;
            return vec![stmt(parts!["print(", e, ")"])];
        }
        vec![stmt(parts![e])]
    }

    fn update(&mut self) -> Vec<Stmt> {
        let lists = |v: &Var| matches!(&v.ty, Ty::List(x) if matches!(**x, Ty::Struct(_)));
        let structs = self.decls.structs.len();
        let mut all = Vec::new();
        let var = match self.var_where(lists) {
            Some(var) => var,
            None if structs == 0 => return vec![self.print()],
            None => {
                let ty = Ty::list(Ty::Struct(self.below(structs)));
                let (name, value) = (self.fresh("v"), self.expr(&ty, 2));
                self.declare(&name, &ty, true);
                all.push(stmt(parts![format!("var {name}: {} = ", self.text(&ty)), value]));
                Var { name, ty, mutable: true, fixed: false, length: None }
            }
        };
        let Ty::List(elem) = &var.ty else { unreachable!("was asked for") };
        let Ty::Struct(index) = **elem else { unreachable!("was asked for") };
        let fields = self.decls.structs[index].fields.clone();
        let mark = self.scope.mark();
        for (name, ty) in &fields {
            self.declare_fixed(name, ty);
        }
        let count = self.between(1, fields.len() as i64) as usize;
        let mut parts = parts![format!("update {} set {{ ", var.name)];
        let parts_of_set = self.repeated(8, |w| {
            let mut parts = Vec::new();
            for (i, (name, ty)) in fields.iter().take(count).enumerate() {
                let comma = if i > 0 { ", " } else { "" };
                parts.extend(parts![format!("{comma}{name}: "), w.stored(ty, 2)]);
            }
            parts
        });
        parts.extend(parts_of_set);
        parts.push(" }".into());
        if self.chance(50) {
            let cond = self.repeated(8, |w| w.expr(&Ty::Bool, 2));
            parts.extend(parts![" where ", cond]);
        }
        self.scope.leave(mark);
        all.push(stmt(parts));
        all.extend(self.show(&var.name));
        all
    }

    fn expectation(&mut self) -> Stmt {
        let cond = if self.dares() {
            parts![self.expr(&Ty::Bool, 2)]
        } else {
            let of = self.value_type(1);
            let e = self.leaf(&of);
            parts!["(str(", e.clone(), ") == str(", e, "))"]
        };
        let [start, end] = if self.chance(60) { ["expect ", ""] } else { ["assert(", ", \"claimed\")"] };
        let mut parts = parts![start];
        parts.extend(cond);
        parts.push(end.into());
        stmt(parts)
    }

    fn early_return(&mut self) -> Vec<Stmt> {
        let Some(result) = self.result.clone() else { return vec![self.print()] };
        let cond = self.expr(&Ty::Bool, 2);
        let body = self.return_statement(&result);
        vec![stmt(parts!["if ", cond, " ", block_of(body)])]
    }

    pub fn return_statement(&mut self, result: &Ty) -> Stmt {
        if *result == Ty::Unit {
            return stmt(parts!["return"]);
        }
        let e = self.expr(result, 2);
        stmt(parts!["return ", e])
    }

    /// What ends the program.
    fn failure(&mut self) -> Stmt {
        let e = self.leaf(&Ty::Int);
        match self.below(9) {
            0 => stmt(parts!["print(1 / (", e.clone(), " - ", e, "))"]),
            1 => stmt(parts!["print([1, 2][3 + abs(", e, ")])"]),
            2 => {
                let of = self.value_type(1);
                let e = self.expr(&of, 2);
                stmt(parts!["panic(str(", e, "))"])
            }
            3 => stmt(parts!["expect ((", e.clone(), ") != (", e, "))"]),
            4 => stmt(parts!["print((([1] as any) as string), ", e, ")"]),
            5 => stmt(parts!["print(\"é1\" as int, ", e, ")"]),
            6 => stmt(parts!["print(({\"a\": ", e, "})[\"b\"] as int)"]),
            7 => stmt(parts!["exit(", e, ")"]),
            _ => stmt(parts!["print(", e, " % 0)"]),
        }
    }

    /// A variable whose type follows from what is stored later.
    fn starts_empty(&mut self) -> Vec<Stmt> {
        let (name, elem) = (self.fresh("e"), self.value_type(1));
        if self.chance(30) || self.decls.holds_any(&elem) {
            let (key, value) = (self.key(&Ty::Str, 1), self.stored(&Ty::Int, 1));
            return vec![
                stmt(parts![format!("var {name} = {{}}")]),
                stmt(parts![format!("{name}["), key, "] = ", value]),
                stmt(parts![format!("print({name}, len({name}))")]),
            ];
        }
        let (a, b) = (self.stored(&elem, 1), self.stored(&elem, 1));
        self.io = true;
        vec![
            stmt(parts![format!("var {name} = []")]),
            stmt(parts![format!("{name} = append({name}, "), a, ")"]),
            stmt(parts![format!("{name}[0] = "), b]),
            stmt(parts![format!("print({name}, len({name}))")]),
        ]
    }

    /// A variable that has no value at first.
    fn unset(&mut self) -> Vec<Stmt> {
        let (name, ty) = (self.fresh("n"), self.value_type(1));
        let text = self.text(&ty);
        self.io = true;
        let value = self.stored(&ty, 1);
        self.declare(&name, &ty, true);
        vec![
            stmt(parts![format!("var {name}: {text}")]),
            stmt(parts![format!("print({name})")]),
            stmt(parts![format!("{name} = "), value]),
        ]
    }

    /// Stores through `any`.
    fn dynamic_store(&mut self) -> Vec<Stmt> {
        let name = self.fresh("d");
        let (a, b) = (self.stored(&Ty::Any, 1), self.stored(&Ty::Any, 1));
        self.io = true;
        let (start, place) = self.pick(&[
            ("[(1 as any), (\"a\" as any), (2.5 as any)]", "[1]"),
            ("{\"k\": 1, \"z\": \"é\"}", "[\"k\"]"),
            ("{\"k\": 1}", ".k"),
        ]);
        vec![
            stmt(parts![format!("var {name}: any = {start}")]),
            stmt(parts![format!("let {name}x = {name}")]),
            stmt(parts![format!("{name}{place} = "), a]),
            stmt(parts![format!("print({name}, {name}x, "), b, ")"]),
        ]
    }

    fn if_statement(&mut self, nesting: u32) -> Stmt {
        let cond = self.expr(&Ty::Bool, 2);
        let mut parts = parts!["if ", cond, " ", self.body(nesting)];
        if self.chance(30) {
            let cond = self.expr(&Ty::Bool, 2);
            parts.extend(parts![" else if ", cond, " ", self.body(nesting)]);
        }
        if self.chance(50) {
            parts.extend(parts![" else ", self.body(nesting)]);
        }
        stmt(parts)
    }

    /// A comparison with none that says what a variable holds.
    fn if_some(&mut self, nesting: u32) -> Vec<Stmt> {
        let Some(var) = self.var_where(|v| matches!(&v.ty, Ty::Opt(x) if can_be_optional(x))) else {
            return vec![self.print()];
        };
        let Ty::Opt(inner) = &var.ty else { unreachable!("was asked for") };
        let (name, mark) = (self.fresh("v"), self.scope.mark());
        self.scope.hide(&var.name);
        self.declare(&name, inner, false);
        let mut body = Block(vec![stmt(parts![format!("let {name} = {}", var.name)])]);
        body.0.extend(self.body(nesting).0);
        self.scope.leave(mark);
        vec![stmt(parts![format!("if {} != none ", var.name), body])]
    }

    fn while_loop(&mut self, nesting: u32) -> Vec<Stmt> {
        let times = self.between(1, 5) as u64;
        if self.runs * times > MOST_RUNS {
            return vec![self.print()];
        }
        let name = self.fresh("w");
        let start = stmt(parts![format!("var {name} = {times}")]);
        self.declare_fixed(&name, &Ty::Int);
        let cond = match self.chance(30) {
            true => {
                let cond = self.repeated(times, |w| w.expr(&Ty::Bool, 2));
                parts![format!("({name} > 0 && "), cond, ")"]
            }
            false => parts![format!("{name} > 0")],
        };
        let mut body = Block(vec![stmt(parts![format!("{name} = {name} - 1")])]);
        body.0.extend(self.repeated(times, |w| w.body(nesting)).0);
        let mut parts = parts!["while "];
        parts.extend(cond);
        parts.extend(parts![" ", body]);
        vec![start, stmt(parts)]
    }

    fn for_range(&mut self, nesting: u32) -> Vec<Stmt> {
        let times = self.between(1, 6) as u64;
        if self.runs * times > MOST_RUNS {
            return vec![self.print()];
        }
        let name = self.fresh("i");
        let border = self.pick(&["4611686018427387901", "9223372036854775804", "(-4611686018427387906)"]);
        let range = match self.below(8) {
            0 => format!("{border}..({border} + {times})"),
            1 => format!("(-1)..={}", times as i64 - 2),
            2 => format!("1..={times}"),
            _ => format!("0..{times}"),
        };
        let list = self.var_where(|v| matches!(v.ty, Ty::List(_)));
        let mark = self.scope.mark();
        self.declare_fixed(&name, &Ty::Int);
        let (range, body) = match list {
            // Every element of a list by its index.
            Some(var) if self.chance(35) && self.runs * 8 <= MOST_RUNS => {
                let Ty::List(elem) = &var.ty else { unreachable!("was asked for") };
                let read = format!("{}[{name}]", var.name);
                let item = self.fresh("v");
                let mut body = Block(vec![stmt(parts![format!("let {item} = {read}")])]);
                self.declare(&item, elem, false);
                if self.decls.is_printable(elem) {
                    self.io = true;
                    body.0.push(stmt(parts![format!("print({name}, {item})")]));
                }
                body.0.extend(self.repeated(8, |w| w.body(nesting)).0);
                (format!("0..len({})", var.name), body)
            }
            _ => (range, self.repeated(times, |w| w.body(nesting))),
        };
        self.scope.leave(mark);
        let mut body = body;
        if self.chance(10) {
            body.0.push(stmt(parts![format!("{name} = {name} + 1")]));
        }
        vec![stmt(parts![format!("for {name} in {range} "), body])]
    }

    fn for_each(&mut self, nesting: u32) -> Vec<Stmt> {
        if self.runs * 8 > MOST_RUNS {
            return vec![self.print()];
        }
        if self.pure == 0 && self.chance(8) {
            return self.for_lines(nesting);
        }
        let source = match self.below(5) {
            0 => Ty::Str,
            1 => Ty::map(self.pick(&[Ty::Str, Ty::Int]), self.pick(&[Ty::Int, Ty::list(Ty::Int)])),
            _ => match self.var_where(|v| matches!(v.ty, Ty::List(_) | Ty::Map(..))) {
                Some(v) => v.ty,
                None => Ty::list(self.value_type(1)),
            },
        };
        let list = self.expr(&source, 1);
        let elem = match &source {
            Ty::List(x) => (**x).clone(),
            Ty::Map(k, _) => (**k).clone(),
            _ => Ty::Str,
        };
        let name = self.fresh("x");
        let mark = self.scope.mark();
        self.declare(&name, &elem, true);
        let mut body = Block::default();
        if self.decls.is_printable(&elem) && self.chance(40) {
            self.io = true;
            body.0.push(stmt(parts![format!("print({name})")]));
        }
        body.0.extend(self.repeated(8, |w| w.body(nesting)).0);
        self.scope.leave(mark);
        let list = match source {
            Ty::Str => self.expr_of(&Ty::Str, parts!["(", list, ")[0: 8]"]),
            _ => list,
        };
        vec![stmt(parts![format!("for {name} in "), "(", list, ") ", body])]
    }
}

/// The number of elements of a list literal.
fn literal_length(e: &Expr) -> Option<usize> {
    match e.parts.first() {
        Some(Part::Text(t)) if t == "[" => {
            Some(e.parts.iter().filter(|p| matches!(p, Part::Expr(_))).count())
        }
        _ => None,
    }
}
