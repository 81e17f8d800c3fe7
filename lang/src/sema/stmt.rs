//! Statements other than assignment.

use super::Checker;
use super::convert::wrap;
use super::effects::EffectSet;
use super::flow::leaves;
use super::literal::is_open;
use super::meet::ascends;
use super::relations::{assignable, contains_any};
use super::scope::{Binding, Origin, ResultMode, VarKey, View};
use crate::ast::{self, BinOp, Else, ExprKind, StmtKind, TypeRef};
use crate::diag::Code;
use crate::span::Span;
use crate::tree::{Expr, ExprKind as T, Stmt, StmtKind as S, VarRef};
use crate::types::{Ty, TyKind};

impl<'a> Checker<'a> {
    /// Checks statements in order in the current scope.
    pub(super) fn statements(&mut self, list: &'a [ast::Stmt]) -> Vec<Stmt> {
        let mut out = Vec::with_capacity(list.len());
        for s in list {
            self.statement(s, &mut out);
        }
        out
    }

    /// Checks a block in a scope of its own.
    pub(super) fn block(&mut self, block: &'a ast::Block) -> Vec<Stmt> {
        self.push_scope();
        let body = self.statements(&block.statements);
        self.pop_scope();
        body
    }

    fn statement(&mut self, s: &'a ast::Stmt, out: &mut Vec<Stmt>) {
        let span = s.span;
        let mut push = |kind| out.push(Stmt { kind, span });
        match &s.kind {
            StmtKind::Let { mutable, name, ty, value } => {
                let kind = self.let_statement(*mutable, name, ty.as_ref(), value.as_ref(), span);
                if let Some(k) = kind {
                    push(k);
                }
            }
            StmtKind::Assign { name, path, op, value } => {
                if let Some(k) = self.assign(name, path, *op, value, span) {
                    push(k);
                }
            }
            StmtKind::Fun(f) => {
                if let Some(stmt) = self.fun_statement(f, span) {
                    out.push(stmt);
                }
            }
            StmtKind::Type(decl) => self.type_statement(s, decl),
            StmtKind::Return(value) => self.return_statement(value.as_ref(), span, out),
            StmtKind::If { cond, then, otherwise } => {
                let k = self.if_statement(cond, then, otherwise.as_deref());
                push(k);
            }
            StmtKind::While { cond, body } => {
                let kind = self.looped(span, |c| {
                    let cond = c.condition(cond);
                    let cond = c.truth(cond);
                    S::While { cond, body: c.loop_body(body) }
                });
                push(kind);
            }
            StmtKind::For { name, source, end: Some(end), inclusive, body } => {
                let k = self.for_range(name, source, end, *inclusive, body, span);
                push(k);
            }
            StmtKind::For { name, source, body, .. } => {
                let k = self.for_each(name, source, body, span);
                push(k);
            }
            StmtKind::Break | StmtKind::Continue => {
                let (word, kind) = match s.kind {
                    StmtKind::Break => ("break", S::Break),
                    _ => ("continue", S::Continue),
                };
                if self.cur().loops == 0 {
                    self.error(Code::T045, span, &[&word]);
                } else {
                    push(kind);
                }
            }
            StmtKind::Expect(e) => {
                let cond = self.expect_expr(e, Ty::BOOL);
                let cond = self.exactly_true(cond);
                let text = self.line_text(span);
                push(S::Expect { cond, text });
            }
            StmtKind::Test { name, body } => {
                let body = self.perhaps(|c| c.unlooped(body));
                push(S::Test { name: name.clone(), body });
            }
            StmtKind::Bench { name, body } => {
                let body = self.perhaps(|c| c.unlooped(body));
                push(S::Bench { name: name.clone(), body });
            }
            StmtKind::Update { target, set, filter } => {
                if let Some(k) = self.update(target, set, filter.as_ref(), span) {
                    push(k);
                }
            }
            StmtKind::Expr(e) => {
                if let Some(k) = self.push_statement(e) {
                    push(k);
                } else {
                    let e = self.statement_expr(e);
                    push(S::Expr(e));
                }
            }
            _ => self.foreign_statement(s),
        }
    }

    /// An expression whose value is not used.
    pub(super) fn statement_expr(&mut self, e: &'a ast::Expr) -> Expr {
        match &e.kind {
            ExprKind::Match { value, arms } => self.match_expr(value, arms, None, e.span, true),
            ExprKind::If { cond, then, otherwise } => {
                self.if_expr((cond, then, otherwise.as_deref()), None, None, e.span, true)
            }
            ExprKind::Block(b) => self.block_expr(b, None, true),
            _ => self.expr(e, None),
        }
    }

    fn unlooped(&mut self, body: &'a ast::Block) -> Vec<Stmt> {
        let loops = std::mem::take(&mut self.cur().loops);
        let body = self.block(body);
        self.cur().loops = loops;
        body
    }

    /// The trimmed source line of a place.
    fn line_text(&self, span: Span) -> String {
        let file = self.map.file(span.file);
        let (line, _) = file.position(span.start);
        file.line(line).trim().to_string()
    }

    fn exactly_true(&mut self, e: Expr) -> Expr {
        if e.ty != Ty::ANY {
            return e;
        }
        let span = e.span;
        let yes = wrap(Expr { kind: T::Bool(true), ty: Ty::BOOL, span }, Ty::ANY);
        let kind = T::Binary { op: BinOp::Eq, left: Box::new(e), right: Box::new(yes) };
        Expr { kind, ty: Ty::BOOL, span }
    }

    fn let_statement(
        &mut self,
        mutable: bool,
        name: &ast::Ident,
        ty: Option<&TypeRef>,
        value: Option<&'a ast::Expr>,
        span: Span,
    ) -> Option<S> {
        if mutable && let Some(v) = value {
            self.check_immutable_alias(v, span);
        }
        let effects = self.bound_effects(value);
        let Some(ty) = ty else {
            let Some(v) = value else {
                self.error(Code::T000, span, &[]);
                self.bind(&name.name, Binding::Poison);
                return None;
            };
            return Some(self.untyped_let(mutable, name, v, effects));
        };
        let want = self.resolve(ty);
        let mut init = None;
        if let Some(v) = value {
            let x = self.expect_expr(v, want);
            if x.ty != Ty::ERROR {
                if !assignable(&self.types, x.ty, want) {
                    self.type_error(Code::T008, span, &[want, x.ty]);
                } else if mutable {
                    self.check_widening_alias(v, x.ty, want, span);
                    self.check_literal_aliases(v, want);
                }
            }
            init = Some(self.admit(x, want));
        }
        let var = self.declare(&name.name, want, mutable, name.span, effects);
        Some(S::Let { var, value: init })
    }

    /// Without an annotation the value decides; a variable that starts as an empty literal may get
    /// a more precise type from its later uses.
    fn untyped_let(
        &mut self,
        mutable: bool,
        name: &ast::Ident,
        value: &'a ast::Expr,
        effects: EffectSet,
    ) -> S {
        let open = mutable && is_empty_literal(value);
        let refined = if open { self.refinements().known(name.span).cloned() } else { None };
        let hint = refined.map(|r| self.resolve(&r));
        let mut x = self.expr(value, hint);
        if x.ty == Ty::UNIT {
            x = self.coerce(x, Ty::ANY);
        }
        let first = x.ty;
        if let Some(&all) = self.refinements().met.get(&name.span)
            && ascends(&self.types, first, all)
        {
            x = self.coerce(x, all);
        }
        let var = self.declare(&name.name, x.ty, mutable, name.span, effects);
        if x.ty != first
            && let Some((var, _)) = self.lookup_var(&name.name)
        {
            self.assigned(var.key, first);
        }
        if open {
            self.mark_open(&name.name, name.span);
        }
        S::Let { var, value: Some(x) }
    }

    fn lambda_span(&mut self) -> Span {
        let id = self.cur().id;
        self.functions[id.0 as usize].span
    }

    /// The result of the lambda that is being checked, whose first `return` has a value of type `first`.
    pub(super) fn lambda_result(&mut self, first: Ty) -> Ty {
        let place = self.lambda_span();
        self.refinements().met.get(&place).copied().unwrap_or(first)
    }

    fn return_statement(&mut self, value: Option<&'a ast::Expr>, span: Span, out: &mut Vec<Stmt>) {
        if self.cur().statement_arm > 0 {
            let got = value.map(|e| self.expr(e, None)).map_or(Ty::UNIT, |v| v.ty);
            let got = self.show(got);
            self.error(Code::T010, span, &[&"nothing", &got]);
            return;
        }
        let mode = self.cur().result;
        let Some(e) = value else {
            if let ResultMode::Declared(t) | ResultMode::Infer(Some(t)) = mode
                && !self.compatible(Ty::UNIT, t)
            {
                self.type_error(Code::T010, span, &[t, Ty::UNIT]);
            }
            out.push(Stmt { kind: S::Return(None), span });
            return;
        };
        let want = match mode {
            ResultMode::Declared(t) | ResultMode::Infer(Some(t)) => t,
            ResultMode::Infer(None) => {
                let v = self.expr(e, None);
                let own = if contains_any(&self.types, v.ty) || v.ty == Ty::UNIT { Ty::ANY } else { v.ty };
                self.cur().result = ResultMode::Infer(Some(own));
                let result = self.lambda_result(own);
                let v = self.coerce(v, result);
                out.push(Stmt { kind: S::Return(Some(v)), span });
                return;
            }
        };
        let inferred = matches!(mode, ResultMode::Infer(_));
        let v = if inferred {
            let v = self.meeting(e, want);
            self.expected(v, want, e.span)
        } else {
            self.expect_expr(e, want)
        };
        if v.ty != Ty::ERROR && !self.compatible(v.ty, want) {
            self.type_error(Code::T010, span, &[want, v.ty]);
        }
        let want = if inferred { self.lambda_result(want) } else { want };
        if inferred && !ascends(&self.types, v.ty, want) && !is_open(&v) {
            let (place, all) = (self.lambda_span(), self.met([&v]));
            let all = self.common_type(want, all);
            self.refinements_mut().met.insert(place, all);
        }
        if want == Ty::UNIT {
            out.push(Stmt { span: v.span, kind: S::Expr(v) });
            out.push(Stmt { kind: S::Return(None), span });
            return;
        }
        let v = self.admit(v, want);
        out.push(Stmt { kind: S::Return(Some(v)), span });
    }

    /// `if` with all its `else if`s, which may be many: checked in a loop, nested afterwards.
    fn if_statement(&mut self, cond: &'a ast::Expr, then: &'a ast::Block, otherwise: Option<&'a Else>) -> S {
        let mut arms = Vec::new();
        let mut last = Vec::new();
        // Those after which the statement's end is reached.
        let mut ends = Vec::new();
        // One scope holds what the failed conditions say, as many as there are.
        let mut failed = false;
        let (mut cond, mut then, mut rest) = (cond, then, otherwise);
        let all = loop {
            let test = self.condition(cond);
            let test = self.truth(test);
            let facts = self.facts(cond);
            let (body, end) = self.arm(|c| {
                c.narrow(&facts.truthy);
                c.narrowed_block(then)
            });
            ends.extend((!leaves(&body)).then_some(end));
            arms.push((cond.span, test, body));
            if !std::mem::replace(&mut failed, true) {
                self.push_scope();
            }
            self.narrow(&facts.falsy);
            match rest {
                Some(Else::If(ast::Stmt {
                    kind: StmtKind::If { cond: c, then: t, otherwise: o }, ..
                })) => {
                    (cond, then, rest) = (c, t, o.as_deref());
                }
                Some(Else::Block(b)) => {
                    let end;
                    (last, end) = self.arm(|c| c.narrowed_block(b));
                    ends.extend((!leaves(&last)).then_some(end));
                    break true;
                }
                _ => break false,
            }
        };
        self.pop_scope();
        self.join_arms(&ends, all);
        let mut otherwise = last;
        let mut made = None;
        for (span, cond, then) in arms.into_iter().rev() {
            if let Some(kind) = made.take() {
                otherwise = vec![Stmt { kind, span }];
            }
            made = Some(S::If { cond, then, otherwise: std::mem::take(&mut otherwise) });
        }
        made.unwrap_or(S::Break)
    }

    /// A branch: after a statement that calls something impure, mutable variables lose narrowing.
    fn narrowed_block(&mut self, block: &'a ast::Block) -> Vec<Stmt> {
        self.push_scope();
        let mut out = Vec::with_capacity(block.statements.len());
        for s in &block.statements {
            self.statement(s, &mut out);
            if self.is_impure(s) {
                self.drop_mutable_narrowings();
            }
        }
        self.pop_scope();
        out
    }

    fn loop_body(&mut self, body: &'a ast::Block) -> Vec<Stmt> {
        self.cur().loops += 1;
        let body = self.block(body);
        self.cur().loops -= 1;
        body
    }

    fn for_range(
        &mut self,
        name: &ast::Ident,
        source: &'a ast::Expr,
        end: &'a ast::Expr,
        inclusive: bool,
        body: &'a ast::Block,
        span: Span,
    ) -> S {
        let start = self.expr(source, None);
        let end = self.expr(end, None);
        let fits = |c: &Self, t: Ty| c.compatible(t, Ty::INT) || c.compatible(t, Ty::INT64);
        if !(fits(self, start.ty) && fits(self, end.ty)) {
            self.error(Code::T023, span, &[]);
        }
        let ty = if start.ty == Ty::INT64 { Ty::INT64 } else { Ty::INT };
        let (start, end) = (self.admit(start, ty), self.admit(end, ty));
        self.looped(span, |c| {
            let local = c.declare_local(&name.name, ty, true, name.span);
            let body = c.loop_body(body);
            S::ForRange { var: VarRef::Local(local), start, end, inclusive, body }
        })
    }

    fn for_each(&mut self, name: &ast::Ident, source: &'a ast::Expr, body: &'a ast::Block, span: Span) -> S {
        let (source, seen) = self.container_expr(source);
        let element = |c: &Self, t: Ty| match c.types.kind(t) {
            TyKind::List(x) => Some(*x),
            TyKind::Map(k, _) => Some(*k),
            TyKind::Str => Some(Ty::STR),
            TyKind::Error => Some(Ty::ERROR),
            _ => None,
        };
        let elem = element(self, seen).unwrap_or_else(|| {
            self.type_error(Code::T022, span, &[seen]);
            Ty::ERROR
        });
        let ty = if seen == source.ty { elem } else { element(self, source.ty).unwrap_or(Ty::ANY) };
        self.looped(span, |c| {
            let local = c.declare_local(&name.name, ty, true, name.span);
            if ty != elem {
                let key = VarKey::Local(c.depth(), local);
                c.set_view(key, View { ty: elem, origin: Origin::Place });
            }
            let body = c.loop_body(body);
            S::ForEach { var: VarRef::Local(local), source, body }
        })
    }

    /// `update target set { … } where …` over a list of structs.
    fn update(
        &mut self,
        target: &ast::Ident,
        set: &'a [(ast::Ident, ast::Expr)],
        filter: Option<&'a ast::Expr>,
        span: Span,
    ) -> Option<S> {
        let Some((var, _)) = self.lookup_var(&target.name) else {
            self.error(Code::T001, span, &[&target.name]);
            return None;
        };
        let elem = match self.types.kind(var.ty) {
            TyKind::List(elem) => *elem,
            TyKind::Error => return None,
            _ => {
                self.error(Code::T032, span, &[]);
                return None;
            }
        };
        let TyKind::Struct(sid) = *self.types.kind(elem) else {
            self.error(Code::UpdateElement, span, &[]);
            return None;
        };
        let declared = self.types.struct_def(sid).fields.clone();
        let root = self.var_ref(var.key);
        let (fields, values, filter) = self.looped(span, |c| {
            let fields = declared.iter().map(|(n, ty)| c.declare_local(n, *ty, true, span)).collect();
            let values = set.iter().filter_map(|(f, v)| c.field_value(sid, f, v, f.span)).collect();
            let filter = filter.map(|f| {
                let condition = c.expect_expr(f, Ty::BOOL);
                c.truth(condition)
            });
            (fields, values, filter)
        });
        Some(S::Update { target: root, elem: sid, fields, set: values, filter })
    }
}

/// `[]` or `{}`.
fn is_empty_literal(e: &ast::Expr) -> bool {
    match &e.kind {
        ExprKind::List(items) => items.is_empty(),
        ExprKind::Map(pairs) => pairs.is_empty(),
        _ => false,
    }
}
