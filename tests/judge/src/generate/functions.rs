//! Functions: declarations, methods, generic functions, closures, types with their methods.

use super::tree::{Block, Expr, Part, Stmt, parts};
use super::types::{Fun, PARAMS, Struct, Ty, Union, Variant};
use super::writer::{Writer, stmt};

impl Writer {
    /// A struct or union with what belongs to it, or another name of a type.
    pub fn type_declaration(&mut self) -> Stmt {
        match self.below(10) {
            0..=4 => self.struct_declaration(),
            5..=8 => self.union_declaration(),
            _ => {
                let ty = self.value_type(2);
                let (name, text) = (self.fresh("Alias"), self.text(&ty));
                self.decls.aliases.push((name.clone(), ty));
                stmt(parts![format!("type {name} = {text}")])
            }
        }
    }

    fn struct_declaration(&mut self) -> Stmt {
        let name = self.fresh("P");
        let count = self.between(1, 4);
        let fields: Vec<(String, Ty)> = (0..count)
            .map(|_| {
                let ty = match self.below(12) {
                    0 => Ty::opt(self.optional_type()),
                    1 => self.fun_type(),
                    _ => self.value_type(2),
                };
                (self.fresh("f"), ty)
            })
            .collect();
        let index = self.decls.structs.len();
        let mut parts = parts![format!("type {name} {{")];
        for (field, ty) in &fields {
            parts.push(format!(" {field}: {}", self.text(ty)).into());
        }
        self.decls.structs.push(Struct { name, fields: fields.clone(), methods: Vec::new() });
        for _ in 0..self.pick(&[0, 0, 1, 2]) {
            let method = self.method(index, &fields);
            parts.push("\n  ".into());
            parts.extend(method);
        }
        parts.push(" }".into());
        stmt(parts)
    }

    fn method(&mut self, index: usize, fields: &[(String, Ty)]) -> Vec<Part> {
        let name = self.fresh("m");
        let result = self.result_type();
        let params: Vec<Ty> = (0..self.between(0, 2)).map(|_| self.value_type(2)).collect();
        let mark = self.scope.mark();
        for (field, ty) in fields {
            self.declare(field, ty, true);
        }
        let (head, block, cost, io) = self.function_body(&name, &params, &result, None);
        self.scope.leave(mark);
        let fun = Fun { name, generics: 0, params, result, recursive: false, cost, io };
        self.decls.structs[index].methods.push(fun);
        parts![head, block]
    }

    fn union_declaration(&mut self) -> Stmt {
        let name = self.fresh("U");
        let index = self.decls.unions.len();
        let recursive = self.chance(40);
        let large = self.chance(8);
        let count = if large { self.between(29, 34) } else { self.between(2, 4) };
        let mut variants = Vec::new();
        for i in 0..count {
            let fields = match i {
                _ if large && i % 3 > 0 => vec![(self.fresh("u"), Ty::Int)],
                0 if self.chance(50) => Vec::new(),
                _ => (0..self.between(1, 3)).map(|_| (self.fresh("u"), self.value_type(1))).collect(),
            };
            variants.push(Variant { name: self.fresh("V"), fields });
        }
        if recursive {
            let last = variants.last_mut().expect("two at least");
            let field = (format!("u{index}x"), Ty::Union(index));
            last.fields.push(field);
        }
        self.decls.unions.push(Union { name: name.clone(), variants: variants.clone() });
        let shown: Vec<String> = variants
            .iter()
            .map(|v| {
                let fields: Vec<String> =
                    v.fields.iter().map(|(n, t)| format!("{n}: {}", self.text(t))).collect();
                if fields.is_empty() { v.name.clone() } else { format!("{}({})", v.name, fields.join(", ")) }
            })
            .collect();
        stmt(parts![format!("type {name} = {}", shown.join(" | "))])
    }

    /// A type that is declared in a block, whose name may hide that of a type or variant outside.
    pub fn inner_type(&mut self) -> Vec<Stmt> {
        // A list of a type parameter would be copied into one of any, which is T052.
        let copied = |ty: &Ty| ty.is_aggregate() && ty.instance(&[Ty::Int, Ty::Int]) != *ty;
        let found = self.scope.select(|v| self.decls.is_printable(&v.ty) && !copied(&v.ty));
        if found.is_empty() {
            return vec![self.print()];
        }
        let (var, cond) = (self.pick(&found), self.expr(&Ty::Bool, 1));
        let (held, value) = (self.text(&var.ty), self.read(&var));
        self.io = true;
        let decls = &self.decls;
        let variants = decls.unions.iter().flat_map(|u| &u.variants).map(|v| &v.name);
        let outer = decls.structs.iter().map(|s| &s.name).chain(decls.unions.iter().map(|u| &u.name));
        // What is hidden is not mentioned in the block.
        let outer = outer.chain(variants).filter(|n| !held.contains(n.as_str()));
        let outer: Vec<String> = outer.cloned().collect();
        let name = match !outer.is_empty() && self.chance(60) {
            true => self.pick(&outer),
            false => self.fresh("P"),
        };
        let (field, made) = (self.fresh("f"), self.fresh("v"));
        let body = if self.chance(50) {
            vec![
                stmt(parts![format!("type {name} {{ {field}: {held} }}")]),
                stmt(parts![format!("let {made} = {name} {{ {field}: "), value, " }"]),
                stmt(parts![format!("print({made}.{field}, {made})")]),
            ]
        } else {
            let (union, other) = (self.fresh("U"), self.fresh("V"));
            vec![
                stmt(parts![format!("type {union} = {other} | {name}({field}: {held})")]),
                stmt(parts![format!("let {made} = {name}("), value, ")"]),
                stmt(parts![format!(
                    "match {made} {{ {name}({field}) => print({field}), {other} => print(0) }}"
                )]),
            ]
        };
        vec![stmt(parts!["if ", cond, " ", Block(body)])]
    }

    /// A generic function that is declared in a block, for two types.
    pub fn inner_generic(&mut self) -> Vec<Stmt> {
        let (cond, types) = (self.expr(&Ty::Bool, 1), [self.value_type(2), self.value_type(1)]);
        let (name, param) = (self.fresh("h"), self.fresh("p"));
        self.io = true;
        let head = format!("fun {name}<T>({param}: T, n: int): list<T> ");
        let again = Block(vec![stmt(parts![format!("return append({name}({param}, n - 1), {param})")])]);
        let body = vec![stmt(parts!["if n > 0 ", again]), stmt(parts![format!("return [{param}]")])];
        let mut block = vec![stmt(parts![head, Block(body)])];
        for ty in types {
            let (made, value) = (self.fresh("v"), self.expr(&ty, 1));
            block.push(stmt(parts![
                format!("let {made}: {} = {name}(", self.text(&Ty::list(ty))),
                value,
                ", 1)"
            ]));
            block.push(stmt(parts![format!("print({made})")]));
        }
        vec![stmt(parts!["if ", cond, " ", Block(block)])]
    }

    fn result_type(&mut self) -> Ty {
        match self.below(12) {
            0 => Ty::Unit,
            1 => Ty::opt(self.optional_type()),
            2 => self.fun_type(),
            _ => self.value_type(2),
        }
    }

    /// A top-level function.
    pub fn function(&mut self) -> Stmt {
        if self.chance(18) {
            return self.generic_function();
        }
        let name = self.fresh("g");
        let result = self.result_type();
        let mut params: Vec<Ty> = (0..self.between(0, 3)).map(|_| self.any_type()).collect();
        let recursive = self.chance(20) && result != Ty::Unit;
        if recursive {
            params.insert(0, Ty::Int);
        }
        let mut fun = Fun {
            name: name.clone(),
            generics: 0,
            params: params.clone(),
            result,
            recursive,
            cost: 0,
            io: false,
        };
        let (head, block, cost, io) =
            self.function_body(&name, &params, &fun.result.clone(), recursive.then(|| fun.clone()));
        fun.cost = if recursive { cost * 10 + 10 } else { cost };
        fun.io = io;
        self.decls.funs.push(fun);
        stmt(parts![head, block])
    }

    /// Head and body of a function, what a call costs, and whether it prints or reads.
    fn function_body(
        &mut self,
        name: &str,
        params: &[Ty],
        result: &Ty,
        own: Option<Fun>,
    ) -> (String, Block, u64, bool) {
        let (cost, io) = (std::mem::take(&mut self.cost), std::mem::take(&mut self.io));
        let names: Vec<String> = params
            .iter()
            .enumerate()
            .map(|(i, _)| if own.is_some() && i == 0 { "n".to_string() } else { self.fresh("p") })
            .collect();
        let shown: Vec<String> =
            names.iter().zip(params).map(|(n, t)| format!("{n}: {}", self.annotation(t))).collect();
        let returned = if *result == Ty::Unit { String::new() } else { format!(": {}", self.text(result)) };
        let head = format!("fun {name}({}){returned} ", shown.join(", "));
        let recursive = own.is_some();
        let block = self.in_function(Some(result.clone()), |w| {
            w.recursion = own;
            for (i, (name, ty)) in names.iter().zip(params).enumerate() {
                match recursive && i == 0 || matches!(ty, Ty::Fun(..)) {
                    true => w.declare_fixed(name, ty),
                    false => w.declare(name, ty, true),
                }
            }
            let mut block = Block::default();
            if recursive {
                let base = w.leaf(result);
                block.0.push(stmt(parts!["if n <= 0 ", Block(vec![stmt(parts!["return ", base])])]));
            }
            let count = w.pick(&[0, 1, 2, 3, 4]);
            let body = w.statements(count);
            block.0.extend(body.0);
            // A function that ends without a value gives none.
            if *result != Ty::Unit && !w.chance(2) {
                let depth = w.pick(&[1, 2, 3]);
                let value = w.expr(result, depth);
                block.0.push(stmt(parts!["return ", value]));
            }
            block
        });
        let spent = (std::mem::replace(&mut self.cost, cost), std::mem::replace(&mut self.io, io));
        (head, block, spent.0, spent.1)
    }

    /// A generic function: what can be done with values of an unknown type.
    fn generic_function(&mut self) -> Stmt {
        let (t, u) = (Ty::Param(PARAMS[0]), Ty::Param(PARAMS[1]));
        let name = self.fresh("h");
        let (params, result) = match self.below(7) {
            0 => (vec![t.clone()], t),
            1 => (vec![Ty::list(t.clone()), t.clone()], Ty::list(t)),
            2 => (vec![t.clone(), u.clone()], Ty::Str),
            3 => (vec![t.clone(), Ty::fun(&[t], u.clone())], u),
            4 => (vec![t.clone(), Ty::list(t.clone())], t),
            5 => (vec![t.clone(), u.clone(), Ty::list(u.clone())], Ty::list(u)),
            _ => (vec![t.clone(), t, Ty::map(Ty::Str, Ty::Int)], Ty::Bool),
        };
        let generics = 1 + usize::from(params.iter().any(|p| self.text(p).contains('U')));
        let (head, block, cost, io) = self.function_body(&name, &params, &result, None);
        let list = PARAMS[..generics].join(", ");
        let head = head.replacen(&format!("{name}("), &format!("{name}<{list}>("), 1);
        self.decls.funs.push(Fun { name, generics, params, result, recursive: false, cost, io });
        stmt(parts![head, block])
    }

    /// A lambda: its body may assign what it captures.
    pub fn lambda(&mut self, params: &[Ty], result: &Ty, d: u32) -> Expr {
        let names: Vec<String> = params.iter().map(|_| self.fresh("a")).collect();
        let shown: Vec<String> =
            names.iter().zip(params).map(|(n, t)| format!("{n}: {}", self.text(t))).collect();
        let head = format!("fun({}): {} ", shown.join(", "), self.text(result));
        let ty = Ty::fun(params, result.clone());
        let block = self.pure == 0 && d > 0 && self.chance(35) && !self.is_tired();
        // What a lambda costs is counted where it is called.
        let cost = self.cost;
        let parts = self.in_function(Some(result.clone()), |w| {
            for (name, ty) in names.iter().zip(params) {
                match ty {
                    Ty::Fun(..) => w.declare_fixed(name, ty),
                    _ => w.declare(name, ty, true),
                }
            }
            if !block {
                w.result = None;
                let e = w.expr(result, d.min(2));
                return parts![head, "=> ", e];
            }
            let count = w.pick(&[0, 1, 1, 2]);
            let mut body = w.statements(count);
            let value = w.expr(result, d.min(2));
            body.0.push(stmt(parts!["return ", value]));
            parts![head, body]
        });
        self.cost = cost + 1;
        self.expr_of(&ty, parts)
    }

    /// A function as a value: a lambda, a declared function, or one with some arguments given.
    pub fn function_value(&mut self, params: &[Ty], result: &Ty, d: u32) -> Expr {
        let ty = Ty::fun(params, result.clone());
        if d > 0 && self.chance(25) {
            return self.function_from_elsewhere(params, result, d - 1);
        }
        // Without parameters left it would be a call.
        let left = |f: &Fun| !params.is_empty() || f.params.is_empty();
        let fits = |f: &&Fun| {
            f.generics == 0 && !f.recursive && left(f) && f.result == *result && f.params.ends_with(params)
        };
        let found: Vec<Fun> = self.decls.funs.iter().filter(fits).cloned().collect();
        if !found.is_empty() && self.pure == 0 && self.chance(60) {
            let fun = self.pick(&found);
            let given = fun.params.len() - params.len();
            if fun.cost <= 40 && self.affords(fun.cost) {
                self.io |= fun.io;
                if given == 0 {
                    return self.expr_of(&ty, parts![fun.name]);
                }
                let mut parts = parts![format!("{}(", fun.name)];
                parts.extend(self.arguments(&fun.params[..given], d));
                parts.push(")".into());
                return self.expr_of(&ty, parts);
            }
        }
        let lambda = self.lambda(params, result, d);
        self.expr_of(&ty, parts!["(", lambda, ")"])
    }

    /// A function that was written otherwise and has been in a place of another type: in an `any`, or in a
    /// list or map that became one of these.
    fn function_from_elsewhere(&mut self, params: &[Ty], result: &Ty, d: u32) -> Expr {
        let ty = Ty::fun(params, result.clone());
        let (takes, gives) = self.written_otherwise(params, result);
        let (other, wanted) = (self.function_value(&takes, &gives, d), self.text(&ty));
        match self.below(6) {
            0 => self.expr_of(&ty, parts!["((", other, format!(" as any) as {wanted})")]),
            1 => self.expr_of(&ty, parts!["(([", other, format!("] as any) as list<{wanted}>)[0]")]),
            2 => self.expr_of(&ty, parts!["((({\"f\": ", other, format!("}} as any).f) as {wanted})")]),
            3 => {
                let end = format!("}} as any) as map<string, {wanted}>)[\"f\"] as {wanted})");
                self.expr_of(&ty, parts!["((({\"f\": ", other, end])
            }
            _ => {
                let (cond, second) = (self.expr(&Ty::Bool, d), self.lambda(&takes, &gives, 0));
                let end = match self.chance(50) {
                    true => format!(") as any) as list<any>)[0] as {wanted})"),
                    false => format!(") as any) as list<{wanted}>)[0]"),
                };
                let start = if end.contains("<any>") { "((((if " } else { "(((if " };
                self.expr_of(&ty, parts![start, cond, " then [", other, "] else [", second, "]", end])
            }
        }
    }

    /// Parameters and result of another function type whose functions can be called as this one wants: in
    /// more or fewer turns, with types that take more, and give less.
    fn written_otherwise(&mut self, params: &[Ty], result: &Ty) -> (Vec<Ty>, Ty) {
        let (mut takes, mut gives) = (params.to_vec(), result.clone());
        match result {
            Ty::Fun(more, last) if !params.is_empty() && !more.is_empty() && self.chance(50) => {
                takes.extend(more.iter().cloned());
                gives = (**last).clone();
            }
            _ if params.len() > 1 && self.chance(40) => gives = Ty::fun(&takes.split_off(1), gives),
            _ => {}
        }
        for ty in &mut takes {
            match ty {
                Ty::Int if self.chance(20) => *ty = Ty::Float,
                _ if self.chance(35) => *ty = Ty::Any,
                _ => {}
            }
        }
        match gives {
            Ty::Float if self.chance(50) => gives = Ty::Int,
            Ty::Any if self.chance(60) => gives = self.value_type(1),
            _ => {}
        }
        (takes, gives)
    }
}
