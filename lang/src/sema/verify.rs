//! Verifier of the typed tree: what [`crate::tree`] promises, checked node by node.
//!
//! Lowering relies on these promises without looking; tests and the fuzzer run the verifier over
//! every program the checker accepts. A complaint is a bug of the checker.

use super::generics::Subst;
use super::meet::ascends;
use super::relations::{castable, compared_by_value, contains_param, indexes, is_numeric, render};
use crate::ast::{BinOp, UnOp};
use crate::tree::*;
use crate::types::{Ty, TyKind, Types};

/// Complaints about a program; empty for a sound one.
pub fn verify(program: &Program) -> Vec<String> {
    // Substitution interns types, so the verifier works on a copy of them.
    let mut v = Verifier { p: program, types: program.types.clone(), f: program.main, found: Vec::new() };
    for (i, f) in program.functions.iter().enumerate() {
        v.f = FuncId(i as u32);
        v.function(f);
    }
    for g in &program.globals {
        v.no_error(g.ty, &g.name);
    }
    for s in &program.types.structs {
        for (name, ty) in s.fields.iter().filter(|(_, ty)| contains_param(&program.types, *ty)) {
            v.found.push(format!("{}.{name}: {} in a struct of one layout", s.name, v.show(*ty)));
        }
    }
    v.found
}

struct Verifier<'p> {
    p: &'p Program,
    types: Types,
    f: FuncId,
    found: Vec<String>,
}

impl Verifier<'_> {
    fn complain(&mut self, what: String) {
        let name = &self.p.functions[self.f.0 as usize].name;
        self.found.push(format!("{name}: {what}"));
    }

    fn same(&mut self, got: Ty, want: Ty, what: &str) {
        if got != want {
            let text = format!("{what}: {} where {} is promised", self.show(got), self.show(want));
            self.complain(text);
        }
    }

    fn show(&self, ty: Ty) -> String {
        format!("{}#{}", render(&self.types, ty), ty.0)
    }

    fn no_error(&mut self, ty: Ty, what: &str) {
        if ty == Ty::ERROR {
            self.complain(format!("{what}: error type"));
        }
    }

    fn local(&self, id: LocalId) -> Ty {
        self.p.functions[self.f.0 as usize].locals[id.0 as usize].ty
    }

    fn var(&self, v: VarRef) -> Ty {
        match v {
            VarRef::Local(id) => self.local(id),
            VarRef::Global(id) => self.p.globals[id.0 as usize].ty,
        }
    }

    fn function(&mut self, f: &Function) {
        for l in &f.locals {
            self.no_error(l.ty, &l.name);
            if f.receiver.is_some() && contains_param(&self.types, l.ty) {
                self.complain(format!("{}: type parameter in a method", l.name));
            }
        }
        self.block(&f.body, f);
    }

    /// Captures of a closure made in the current function.
    fn captures(&mut self, id: FuncId) {
        let inner = &self.p.functions[id.0 as usize];
        let outer = &self.p.functions[self.f.0 as usize];
        let mut wrong = Vec::new();
        for c in &inner.captures {
            match (outer.locals.get(c.outer.0 as usize), inner.locals.get(c.inner.0 as usize)) {
                (Some(a), Some(b)) => {
                    if a.ty != b.ty || a.assigned != b.assigned || !a.captured || !b.captured {
                        wrong.push(format!("capture of {} by {} disagrees", a.name, inner.name));
                    }
                }
                _ => wrong.push(format!("capture out of range in {}", inner.name)),
            }
        }
        for w in wrong {
            self.complain(w);
        }
    }

    fn block(&mut self, body: &[Stmt], f: &Function) {
        for s in body {
            self.stmt(s, f);
        }
    }

    fn stmt(&mut self, s: &Stmt, f: &Function) {
        match &s.kind {
            StmtKind::Let { var, value } => {
                if let Some(v) = value {
                    self.expr(v, f);
                    let want = self.var(*var);
                    self.same(v.ty, want, "let");
                }
            }
            StmtKind::Assign { place, op, value } => self.assign(place, *op, value, f),
            StmtKind::Expr(e) => self.expr(e, f),
            StmtKind::Return(e) => {
                if let Some(e) = e {
                    self.expr(e, f);
                    self.same(e.ty, f.result, "return");
                }
            }
            StmtKind::If { cond, then, otherwise } => {
                self.condition(cond, f);
                self.block(then, f);
                self.block(otherwise, f);
            }
            StmtKind::While { cond, body } => {
                self.condition(cond, f);
                self.block(body, f);
            }
            StmtKind::ForRange { var, start, end, body, .. } => {
                self.expr(start, f);
                self.expr(end, f);
                let want = self.var(*var);
                self.same(start.ty, want, "range start");
                self.same(end.ty, want, "range end");
                self.block(body, f);
            }
            StmtKind::ForEach { var, source, body } => {
                self.expr(source, f);
                let elem = match *self.types.kind(source.ty) {
                    TyKind::List(x) | TyKind::Group(_, x) | TyKind::Map(x, _) => x,
                    TyKind::Str => Ty::STR,
                    _ => Ty::ANY,
                };
                let want = self.var(*var);
                self.same(elem, want, "for variable");
                self.block(body, f);
            }
            StmtKind::Break | StmtKind::Continue => {}
            StmtKind::Expect { cond, .. } => self.condition(cond, f),
            StmtKind::Test { body, .. } | StmtKind::Bench { body, .. } => self.block(body, f),
            StmtKind::Update { elem, fields, set, filter, .. } => {
                let declared = self.types.struct_def(*elem).fields.clone();
                for (l, (name, ty)) in fields.iter().zip(declared.iter()) {
                    let got = self.local(*l);
                    self.same(got, *ty, name);
                }
                for (i, v) in set {
                    self.expr(v, f);
                    self.same(v.ty, declared[*i as usize].1, "update");
                }
                if let Some(c) = filter {
                    self.condition(c, f);
                }
            }
            StmtKind::NestedFun { func, .. } => self.captures(*func),
        }
    }

    fn condition(&mut self, c: &Expr, f: &Function) {
        self.expr(c, f);
        self.same(c.ty, Ty::BOOL, "condition");
    }

    fn assign(&mut self, place: &Place, op: Option<BinOp>, value: &Expr, f: &Function) {
        let root = self.var(place.root);
        self.same(place.root_ty, root, "root of place");
        // A store through an index may make a list of none.
        let sets = matches!(place.steps.first(), None | Some((Step::Index(_), _)));
        if let VarRef::Local(l) = place.root
            && sets
            && !f.locals[l.0 as usize].assigned
        {
            self.complain(format!("`{}` is assigned, and not marked so", f.locals[l.0 as usize].name));
        }
        let mut at = root;
        for (step, ty) in &place.steps {
            match step {
                Step::Field(i) => match *self.types.kind(at) {
                    TyKind::Struct(id) => {
                        let want = self.types.struct_def(id).fields[*i as usize].1;
                        self.same(*ty, want, "field step");
                    }
                    _ => self.complain("field step of no struct".into()),
                },
                Step::DynField(_) => {
                    self.same(at, Ty::ANY, "dynamic field step");
                    self.same(*ty, Ty::ANY, "dynamic field step");
                }
                Step::Index(k) => {
                    self.expr(k, f);
                    let (key, elem) = match *self.types.kind(at) {
                        TyKind::List(x) => (k.ty, x),
                        TyKind::Map(k, v) => (k, v),
                        TyKind::Any => (Ty::ANY, Ty::ANY),
                        _ => (k.ty, Ty::ERROR),
                    };
                    self.same(k.ty, key, "key of step");
                    self.same(*ty, elem, "index step");
                }
            }
            at = *ty;
        }
        self.expr(value, f);
        let _ = op;
        self.same(value.ty, at, "assigned value");
    }

    fn all(&mut self, es: &[Expr], f: &Function) {
        for e in es {
            self.expr(e, f);
        }
    }

    fn arguments(&mut self, args: &[Expr], params: &[Ty], what: &str) {
        if args.len() > params.len() {
            self.complain(format!("{what}: too many arguments"));
            return;
        }
        for (a, p) in args.iter().zip(params) {
            self.same(a.ty, *p, what);
        }
    }

    /// Parameters and result of a function for type arguments.
    fn signature(&mut self, id: FuncId, type_args: &[Ty]) -> (Vec<Ty>, Ty) {
        let f = &self.p.functions[id.0 as usize];
        let subst = Subst(type_args.iter().copied().map(Some).collect());
        if type_args.len() != f.generics as usize {
            self.complain(format!("{}: number of type arguments", f.name));
        }
        let params: Vec<Ty> = f.params.iter().map(|p| f.locals[p.0 as usize].ty).collect();
        let params = params.into_iter().map(|p| subst.apply(&mut self.types, p)).collect();
        let result = subst.apply(&mut self.types, f.result);
        (params, result)
    }

    fn expr(&mut self, e: &Expr, f: &Function) {
        let mut e = e;
        loop {
            self.no_error(e.ty, "expression");
            let ExprKind::Binary { op, left, right } = &e.kind else { break };
            self.expr(right, f);
            self.binary(*op, left.ty, right.ty, e.ty);
            e = left;
        }
        match &e.kind {
            ExprKind::Int(_) => self.same(e.ty, Ty::INT, "int"),
            ExprKind::Float(_) => self.same(e.ty, Ty::FLOAT, "float"),
            ExprKind::Bool(_) => self.same(e.ty, Ty::BOOL, "bool"),
            ExprKind::Str(_) => self.same(e.ty, Ty::STR, "string"),
            ExprKind::None => {}
            ExprKind::Var(v) => {
                let want = self.var(*v);
                self.same(e.ty, want, "variable");
            }
            ExprKind::FuncRef { func, type_args } => {
                let (params, result) = self.signature(*func, type_args);
                let ty = self.types.intern(TyKind::Fun(params, result));
                self.same(e.ty, ty, "function value");
            }
            ExprKind::Closure(id) => {
                self.captures(*id);
                let inner = &self.p.functions[id.0 as usize];
                let params = inner.params.iter().map(|p| inner.locals[p.0 as usize].ty).collect();
                let ty = self.types.intern(TyKind::Fun(params, inner.result));
                self.same(e.ty, ty, "closure");
            }
            ExprKind::List(items) => {
                self.all(items, f);
                let TyKind::List(elem) = *self.types.kind(e.ty) else {
                    return self.complain("list of no list type".into());
                };
                for x in items {
                    self.same(x.ty, elem, "element");
                }
            }
            ExprKind::Map(pairs) => {
                let TyKind::Map(k, v) = *self.types.kind(e.ty) else {
                    return self.complain("map of no map type".into());
                };
                for (x, y) in pairs {
                    self.expr(x, f);
                    self.expr(y, f);
                    self.same(x.ty, k, "key");
                    self.same(y.ty, v, "value");
                }
            }
            ExprKind::Struct { id, fields } => {
                let declared = self.types.struct_def(*id).fields.clone();
                let own = self.types.intern(TyKind::Struct(*id));
                self.same(e.ty, own, "struct literal");
                let mut given = vec![false; declared.len()];
                for (i, v) in fields {
                    self.expr(v, f);
                    given[*i as usize] = true;
                    self.same(v.ty, declared[*i as usize].1, "field");
                }
                if given.contains(&false) {
                    self.complain("struct literal lacks a field".into());
                }
            }
            ExprKind::Unary { op, operand } => {
                self.expr(operand, f);
                let want = if *op == UnOp::Not { Ty::BOOL } else { operand.ty };
                self.same(e.ty, want, "unary");
            }
            ExprKind::Binary { .. } => {}
            ExprKind::Call { .. } | ExprKind::CallValue { .. } | ExprKind::Partial { .. } => self.calls(e, f),
            ExprKind::Builtin { args, .. } => self.all(args, f),
            _ => self.compound(e, f),
        }
    }

    /// Calls of every kind.
    fn calls(&mut self, e: &Expr, f: &Function) {
        match &e.kind {
            ExprKind::Call { func, type_args, args } => {
                self.all(args, f);
                let (params, result) = self.signature(*func, type_args);
                if params.len() != args.len() {
                    self.complain("call without all arguments".into());
                }
                self.arguments(args, &params, "argument");
                self.same(e.ty, result, "call");
            }
            ExprKind::CallValue { callee, args } => {
                self.expr(callee, f);
                self.all(args, f);
                let TyKind::Fun(params, result) = self.types.kind(callee.ty).clone() else {
                    return self.complain("call of no function".into());
                };
                if params.len() != args.len() {
                    self.complain("call of a value without all arguments".into());
                }
                self.arguments(args, &params, "argument of value");
                self.same(e.ty, result, "call of value");
            }
            ExprKind::Partial { callee, args } => {
                self.expr(callee, f);
                self.all(args, f);
                let TyKind::Fun(params, result) = self.types.kind(callee.ty).clone() else {
                    return self.complain("partial call of no function".into());
                };
                self.arguments(args, &params, "partial argument");
                let rest = params.get(args.len()..).unwrap_or_default().to_vec();
                let ty = self.types.intern(TyKind::Fun(rest, result));
                self.same(e.ty, ty, "partial call");
            }
            other => unreachable!("no call: {other:?}"),
        }
    }

    /// The variables of a row, or none of a group, among which a field is looked for.
    fn row(&mut self, base: Ty, vars: &[u32]) {
        let fields = match *self.types.kind(base) {
            TyKind::Struct(id) => self.types.struct_def(id).fields.len(),
            TyKind::Group(..) => 0,
            _ => return self.complain("field of a row: base is neither row nor group".into()),
        };
        if vars.is_empty() != (fields == 0) || vars.iter().any(|v| *v as usize >= fields) {
            self.complain("field of a row: variables out of range".into());
        }
    }

    /// The kinds of expressions that look into values or choose between them.
    fn compound(&mut self, e: &Expr, f: &Function) {
        match &e.kind {
            ExprKind::Index { base, index } => {
                self.expr(base, f);
                self.expr(index, f);
                let (key, want) = match *self.types.kind(base.ty) {
                    TyKind::List(x) => (Ty::INT, x),
                    TyKind::Str => (Ty::INT, Ty::STR),
                    TyKind::Map(k, v) => (k, self.types.option(v)),
                    TyKind::Any => (Ty::ANY, Ty::ANY),
                    _ => return self.complain("index of no container".into()),
                };
                self.same(index.ty, key, "index");
                self.same(e.ty, want, "indexed");
            }
            ExprKind::SafeIndex { base, index } => {
                self.expr(base, f);
                self.expr(index, f);
                if !matches!(self.types.kind(e.ty), TyKind::Option(_)) {
                    self.complain("safe index gives no option".into());
                }
            }
            ExprKind::Slice { base, start, end } => {
                self.expr(base, f);
                self.same(e.ty, base.ty, "slice");
                for b in start.iter().chain(end) {
                    self.expr(b, f);
                    self.same(b.ty, Ty::INT, "bound");
                }
            }
            ExprKind::Field { base, field } => {
                self.expr(base, f);
                let TyKind::Struct(id) = *self.types.kind(base.ty) else {
                    return self.complain("field of no struct".into());
                };
                let want = self.types.struct_def(id).fields[*field as usize].1;
                self.same(e.ty, want, "field");
            }
            ExprKind::DynField { base, .. } => {
                self.expr(base, f);
                let want = match *self.types.kind(base.ty) {
                    TyKind::Map(_, v) => v,
                    _ => Ty::ANY,
                };
                self.same(e.ty, want, "dynamic field");
            }
            ExprKind::GroupField { base, .. } | ExprKind::SafeField { base, .. } => self.expr(base, f),
            ExprKind::RowField { base, vars, .. } => {
                self.expr(base, f);
                self.same(e.ty, Ty::ANY, "field of a row");
                self.row(base.ty, vars);
            }
            ExprKind::Cast { value } => {
                self.expr(value, f);
                let (from, to) = (value.ty, e.ty);
                if !castable(&self.types, from, to) && !ascends(&self.types, from, to) {
                    self.complain(format!("cast of {} to {}", self.show(from), self.show(to)));
                }
            }
            ExprKind::Coerce { value } => {
                self.expr(value, f);
                self.flow(value, e.ty);
            }
            ExprKind::If { cond, then, otherwise } => {
                self.condition(cond, f);
                self.expr(then, f);
                self.expr(otherwise, f);
                self.same(then.ty, e.ty, "then");
                self.same(otherwise.ty, e.ty, "else");
            }
            ExprKind::Match { value, arms } => {
                self.expr(value, f);
                for a in arms {
                    self.pattern(&a.pattern, value.ty, f);
                    self.expr(&a.result, f);
                    self.same(a.result.ty, e.ty, "arm");
                }
            }
            ExprKind::Block { body, value } => {
                self.block(body, f);
                if let Some(v) = value {
                    self.expr(v, f);
                    self.same(v.ty, e.ty, "block");
                }
            }
            ExprKind::Query(q) => self.query(q, e.ty, f),
            // See above.
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Str(_) => {}
            ExprKind::None | ExprKind::Var(_) | ExprKind::FuncRef { .. } | ExprKind::Closure(_) => {}
            ExprKind::List(_) | ExprKind::Map(_) | ExprKind::Struct { .. } => {}
            ExprKind::Unary { .. } | ExprKind::Binary { .. } | ExprKind::Builtin { .. } => {}
            ExprKind::Call { .. } | ExprKind::CallValue { .. } | ExprKind::Partial { .. } => {}
        }
    }

    /// A conversion that nobody wrote goes up, or from `any` ([`super::meet`]); a variable that was tested for
    /// none may be seen as what is in the option.
    fn flow(&mut self, value: &Expr, to: Ty) {
        let from = value.ty;
        let tested = match (&value.kind, self.types.kind(from)) {
            (ExprKind::Var(_) | ExprKind::Field { .. }, TyKind::Option(inner)) => {
                ascends(&self.types, *inner, to)
            }
            _ => false,
        };
        if !(matches!(from, Ty::ANY | Ty::UNIT) || tested || ascends(&self.types, from, to)) {
            self.complain(format!("{} becomes {}", self.show(from), self.show(to)));
        }
    }

    fn binary(&mut self, op: BinOp, l: Ty, r: Ty, ty: Ty) {
        match op {
            BinOp::Add | BinOp::Sub | BinOp::Mul | BinOp::Div | BinOp::Mod => {
                self.same(l, ty, op.text());
                self.same(r, ty, op.text());
                let text = op == BinOp::Add && matches!(self.types.kind(ty), TyKind::Str | TyKind::List(_));
                if !(text || is_numeric(&self.types, ty) || ty == Ty::ANY) {
                    self.complain(format!("arithmetic on {}", self.show(ty)));
                }
            }
            BinOp::Eq | BinOp::Ne | BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge => {
                if !compared_by_value(&self.types, l, r) {
                    self.same(l, r, op.text());
                }
                self.same(ty, Ty::BOOL, op.text());
            }
            BinOp::And | BinOp::Or => {
                self.same(l, Ty::BOOL, op.text());
                self.same(r, Ty::BOOL, op.text());
            }
            BinOp::In => {
                let elem = match *self.types.kind(r) {
                    TyKind::List(x) | TyKind::Map(x, _) | TyKind::Group(_, x) => x,
                    TyKind::Str => Ty::STR,
                    _ => Ty::ANY,
                };
                if l != Ty::ANY {
                    self.same(l, elem, "in");
                }
            }
            BinOp::Coalesce => {
                self.same(r, ty, "??");
                let option = if ty == Ty::ANY { l } else { self.types.option(ty) };
                self.same(l, option, "left of ??");
            }
            BinOp::Union | BinOp::UnionAll | BinOp::Except | BinOp::Intersect => {
                self.same(l, ty, op.text());
                self.same(r, ty, op.text());
            }
        }
    }

    fn pattern(&mut self, p: &Pattern, ty: Ty, f: &Function) {
        match p {
            Pattern::Wildcard | Pattern::None => {}
            Pattern::Literal(e) => {
                self.expr(e, f);
                let inner = match *self.types.kind(ty) {
                    TyKind::Option(inner) if !matches!(self.types.kind(e.ty), TyKind::Option(_)) => inner,
                    _ => ty,
                };
                if !ascends(&self.types, inner, e.ty) {
                    self.complain("a match compares values as what they may not be".into());
                }
            }
            Pattern::Bind(l) => {
                let got = self.local(*l);
                self.same(got, ty, "binding");
            }
            Pattern::Variant { id, fields } => {
                let declared = self.types.struct_def(*id).fields.clone();
                if declared.len() != fields.len() {
                    self.complain("variant pattern of wrong length".into());
                }
                for (p, (_, t)) in fields.iter().zip(declared.iter()) {
                    self.pattern(p, *t, f);
                }
            }
        }
    }

    fn query(&mut self, q: &Query, ty: Ty, f: &Function) {
        for (_, s) in &q.sources {
            self.expr(s, f);
        }
        for j in &q.joins {
            self.expr(&j.source, f);
            self.condition(&j.on, f);
        }
        if let Some(c) = &q.filter {
            self.condition(c, f);
        }
        if let Some(g) = &q.group {
            self.expr(&g.key, f);
            self.expr(&g.item, f);
            let want = self.types.intern(TyKind::Group(g.key.ty, g.item.ty));
            let got = self.local(g.local);
            self.same(got, want, "group");
            if let Some(h) = &g.having {
                self.condition(h, f);
            }
        }
        self.all(&q.sort, f);
        for n in q.skip.iter().chain(&q.take) {
            self.expr(n, f);
            if !indexes(&self.types, n.ty) {
                self.complain("skip or take of no int".into());
            }
        }
        self.expr(&q.select, f);
        if q.fold.is_none() {
            let list = self.types.list(q.select.ty);
            self.same(ty, list, "query");
        }
    }
}
