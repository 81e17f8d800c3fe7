//! Expressions: dispatch, names, casts, conditionals, blocks.
//!
//! `want` is the type the context expects. It guides literals, lambdas and `none`, and is enforced
//! inside conditionals, matches, queries and parentheses (as in the reference, which reports there);
//! elsewhere the caller compares. [`Checker::expect_expr`] is the enforcing form.

use super::Checker;
use super::convert::{cast, wrap};
use super::flow::{Arm, leaves_by};
use super::meet::is_bare_none;
use super::relations::castable;
use super::scope::{Binding, Origin, View};
use crate::ast::{self, BinOp, ExprKind, UnOp};
use crate::diag::Code;
use crate::span::Span;
use crate::tree::{Builtin, Expr, ExprKind as T, FuncId};
use crate::types::{Ty, TyKind};

impl<'a> Checker<'a> {
    /// Checks an expression and that its value may flow into `want` (T008). Not converted yet.
    pub(super) fn expect_expr(&mut self, e: &'a ast::Expr, want: Ty) -> Expr {
        let value = self.expr(e, Some(want));
        self.expected(value, want, e.span)
    }

    /// Checks that a value may flow into `want`, or meet one of that type (T008).
    pub(super) fn expected(&mut self, value: Expr, want: Ty, span: Span) -> Expr {
        if self.flows(value.ty, want) {
            return value;
        }
        if leaves_by(&value) {
            return self.as_arm(value, want);
        }
        self.type_error(Code::T008, span, &[want, value.ty]);
        self.error_expr(span)
    }

    /// Checks an expression.
    pub(super) fn expr(&mut self, e: &'a ast::Expr, want: Option<Ty>) -> Expr {
        let value = self.expr_of_kind(e, want);
        let ty = self.bounded(value.ty, e.span);
        if ty == value.ty { value } else { self.error_expr(e.span) }
    }

    fn expr_of_kind(&mut self, e: &'a ast::Expr, want: Option<Ty>) -> Expr {
        let span = e.span;
        match &e.kind {
            ExprKind::Int(v) => Expr { kind: T::Int(*v), ty: Ty::INT, span },
            ExprKind::Float(v) => Expr { kind: T::Float(*v), ty: Ty::FLOAT, span },
            ExprKind::Bool(v) => Expr { kind: T::Bool(*v), ty: Ty::BOOL, span },
            ExprKind::Str(v) => Expr { kind: T::Str(v.clone()), ty: Ty::STR, span },
            ExprKind::None => self.none(span),
            ExprKind::Name(n) => self.name(n, want),
            ExprKind::Paren(x) => match want {
                Some(w) => self.expect_expr(x, w),
                None => self.expr(x, None),
            },
            ExprKind::List(items) => self.list_literal(items, want, span),
            ExprKind::Map(pairs) => self.map_literal(pairs, want, span),
            ExprKind::Struct { name, fields } => self.struct_literal(name, fields, span),
            ExprKind::Lambda(f) => self.lambda(f, want, span),
            ExprKind::Unary { op, operand } => self.unary(*op, operand, span),
            ExprKind::Binary { .. } => self.binary(e, want),
            ExprKind::Call { callee, args } => self.call(callee, args, want, span),
            ExprKind::Field { base, field } => self.field(base, field, span),
            ExprKind::SafeField { base, field } => self.safe_field(base, field, span),
            ExprKind::Index { base, index } => self.index(base, index, span),
            ExprKind::SafeIndex { base, index } => self.safe_index(base, index, span),
            ExprKind::Slice { base, start, end, step } => {
                self.slice(base, start.as_deref(), end.as_deref(), step.as_deref(), span)
            }
            ExprKind::Cast { value, ty } => self.cast(value, ty, span),
            ExprKind::If { cond, then, otherwise } => {
                self.if_expr((cond, then, otherwise.as_deref()), want, None, span, false)
            }
            ExprKind::Match { value, arms } => self.match_expr(value, arms, want, span, false),
            ExprKind::Query(q) => self.query(q, want, span),
            ExprKind::Block(b) => self.block_expr(b, want, want == Some(Ty::UNIT)),
            ExprKind::LogicQuery(_)
            | ExprKind::Generate { .. }
            | ExprKind::Fetch { .. }
            | ExprKind::Load { .. }
            | ExprKind::Save { .. } => self.foreign_expr(e, want),
            ExprKind::Error => self.error_expr(span),
        }
    }

    /// `none`, the value of `option[any]`.
    pub(super) fn none(&mut self, span: Span) -> Expr {
        let ty = self.types.option(Ty::ANY);
        Expr { kind: T::None, ty, span }
    }

    fn name(&mut self, n: &ast::Ident, want: Option<Ty>) -> Expr {
        match self.lookup(&n.name) {
            Some((Binding::Var(var), view)) => {
                let value = self.read_declared(&var, n.span);
                match view {
                    Some(v) if !self.stays_option(value.ty, v, want) => self.under_view(value, v),
                    _ => value,
                }
            }
            Some((Binding::Generic(id), _)) => self.function_value(id, want, n.span),
            Some((Binding::Extern(ty), _)) => Expr { kind: T::None, ty, span: n.span },
            Some((Binding::Method(depth, local, sid, at), _)) => {
                let receiver = self.receiver_expr(depth, local, n.span);
                self.bound_method(receiver, sid, at, n.span)
            }
            Some((Binding::Poison, _)) => self.error_expr(n.span),
            None => self.name_of_declaration(n, want),
        }
    }

    /// A variable that may hold none and was assigned something is an option where one is wanted.
    fn stays_option(&self, declared: Ty, view: View, want: Option<Ty>) -> bool {
        let option = |ty: Ty| matches!(self.types.kind(ty), TyKind::Option(_));
        view.origin == Origin::Assignment && option(declared) && want.is_some_and(option)
    }

    /// An operand of `??`, `?.` or a comparison with none, which want an option.
    pub(super) fn optional(&mut self, e: &'a ast::Expr) -> Expr {
        let want = match &e.kind {
            ExprKind::Name(n) => self.lookup_var(&n.name).map(|(v, _)| v.ty),
            _ => None,
        };
        self.expr(e, want)
    }

    /// A variable's value under a view.
    pub(super) fn under_view(&mut self, value: Expr, view: View) -> Expr {
        let value = match *self.types.kind(value.ty) {
            // None may be in a place of any type.
            TyKind::Option(inner) if !matches!(self.types.kind(view.ty), TyKind::Option(_) | TyKind::Any) => {
                wrap(value, inner)
            }
            _ => value,
        };
        match (self.types.kind(value.ty), self.types.kind(view.ty)) {
            // It is known to be this variant.
            (TyKind::Union(_), TyKind::Struct(_)) => cast(value, view.ty),
            _ => self.coerce(value, view.ty),
        }
    }

    /// Functions, variants and builtins as values; `nil`.
    fn name_of_declaration(&mut self, n: &ast::Ident, want: Option<Ty>) -> Expr {
        let span = n.span;
        if let Some(&id) = self.top_funs.get(&n.name) {
            return self.function_value(id, want, span);
        }
        if let Some(&(union, sid)) = self.variants.get(&n.name) {
            let ty = self.union_type(union);
            if self.types.struct_def(sid).fields.is_empty() {
                let own = self.struct_type(sid);
                let value = Expr { kind: T::Struct { id: sid, fields: Vec::new() }, ty: own, span };
                return self.coerce(value, ty);
            }
            return self.constructor_value(sid, ty, span);
        }
        if let Some(b) = self.builtins.find(&n.name) {
            return self.builtin_value(b, span);
        }
        if n.name == "nil" || n.name == "null" {
            self.diags.error(Code::NilName, span, &[&n.name]);
            return self.none(span);
        }
        self.error(Code::T002, span, &[&n.name]);
        self.error_expr(span)
    }

    fn unary(&mut self, op: UnOp, operand: &'a ast::Expr, span: Span) -> Expr {
        let x = self.expr(operand, None);
        if x.ty == Ty::ERROR {
            return x;
        }
        let ty = match op {
            UnOp::Not if x.ty == Ty::BOOL => Ty::BOOL,
            UnOp::Not => Ty::BOOL,
            UnOp::Neg => match self.types.kind(x.ty) {
                TyKind::Int
                | TyKind::Int64
                | TyKind::BigInt
                | TyKind::BigRat
                | TyKind::Float
                | TyKind::Any => x.ty,
                _ => {
                    let shown = self.show(x.ty);
                    self.error(Code::T020, span, &[&"-", &shown, &shown]);
                    return self.error_expr(span);
                }
            },
        };
        Expr { kind: T::Unary { op, operand: Box::new(x) }, ty, span }
    }

    fn cast(&mut self, value: &'a ast::Expr, ty: &ast::TypeRef, span: Span) -> Expr {
        let to = self.resolve(ty);
        // `[] as list<int>` is the typed empty list; other literals are cast as what they are.
        let empty = match &value.kind {
            ExprKind::List(items) => items.is_empty(),
            ExprKind::Map(pairs) => pairs.is_empty(),
            _ => false,
        };
        let hint = if empty { self.literal_hint(value, to) } else { None };
        let x = self.expr(value, hint);
        if x.ty == Ty::ERROR || to == Ty::ERROR {
            return Expr { ty: to, ..self.error_expr(span) };
        }
        if !castable(&self.types, x.ty, to) {
            let at = self.next_token(value.span, span);
            self.type_error(Code::T046, at, &[x.ty, to]);
            return Expr { ty: to, ..self.error_expr(span) };
        }
        if x.ty == to {
            return x;
        }
        let kinds = (self.types.kind(x.ty), self.types.kind(to));
        match kinds {
            (TyKind::Any, TyKind::Fun(..)) | (_, TyKind::Any) => {
                let mut y = self.coerce(x, to);
                y.span = span;
                y
            }
            _ => Expr { span, ..cast(x, to) },
        }
    }

    /// The place of the first token after `inner` within `outer`.
    pub(super) fn next_token(&self, inner: Span, outer: Span) -> Span {
        let text = &self.map.file(outer.file).text;
        let rest = text.get(inner.end as usize..outer.end as usize).unwrap_or("");
        let skipped = rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == ';').len();
        let start = (inner.end + skipped as u32).min(outer.end);
        Span { start, end: (start + 1).min(outer.end), file: outer.file }
    }

    /// A condition of `if`, `while` or an if-expression (T040).
    pub(super) fn condition(&mut self, e: &'a ast::Expr) -> Expr {
        let c = self.expr(e, None);
        if !self.compatible(c.ty, Ty::BOOL) {
            self.error(Code::T040, e.span, &[]);
            return self.error_expr(e.span);
        }
        c
    }

    /// An if-expression: condition and branches; `statement` when its value is not used. Its branches have the
    /// type that is wanted; else each must be able to meet the first, and `met` is that of the chain of `else if`
    /// which this is a part of.
    pub(super) fn if_expr(
        &mut self,
        (cond, then, otherwise): (&'a ast::Expr, &'a ast::Expr, Option<&'a ast::Expr>),
        want: Option<Ty>,
        met: Option<Ty>,
        span: Span,
        statement: bool,
    ) -> Expr {
        let c = self.condition(cond);
        let c = if c.ty == Ty::ANY { self.is_true(c) } else { c };
        let facts = self.facts(cond);
        let (mut a, end) = self.arm(|c| {
            c.narrow(&facts.truthy);
            c.branch(then, want, met, statement)
        });
        let mut ends: Vec<Arm> = (!leaves_by(&a)).then_some(end).into_iter().collect();
        let mut b = match otherwise {
            Some(e) => {
                let met = if leaves_by(&a) { met } else { met.or(Some(a.ty)) };
                let (b, end) = self.arm(|c| {
                    c.narrow(&facts.falsy);
                    match &e.kind {
                        ExprKind::If { cond, then, otherwise } if want.is_none() => {
                            c.if_expr((cond, then, otherwise.as_deref()), None, met, e.span, statement)
                        }
                        _ => c.branch(e, want, met, statement),
                    }
                });
                ends.extend((!leaves_by(&b)).then_some(end));
                b
            }
            None => self.none(span),
        };
        self.join_arms(&ends, otherwise.is_some());
        let ty = match want {
            _ if statement => Ty::UNIT,
            Some(w) if w != Ty::ANY && a.ty != Ty::ERROR && b.ty != Ty::ERROR => w,
            _ if leaves_by(&a) && otherwise.is_some() => b.ty,
            _ if leaves_by(&b) => a.ty,
            Some(_) if a.ty != Ty::ERROR && b.ty != Ty::ERROR => self.alike([a.ty, b.ty]),
            _ if self.compatible(a.ty, b.ty) || self.compatible(b.ty, a.ty) => self.met([&a, &b]),
            _ if otherwise.is_none() && a.ty != Ty::UNIT => self.types.option(a.ty),
            _ => Ty::ANY,
        };
        let ty = if a.ty == Ty::UNIT && b.ty == Ty::UNIT { Ty::UNIT } else { ty };
        a = self.as_arm(a, ty);
        b = self.as_arm(b, ty);
        Expr { kind: T::If { cond: Box::new(c), then: Box::new(a), otherwise: Box::new(b) }, ty, span }
    }

    /// A branch, or the value of a block: of the type that is wanted, else one that may meet the first branch.
    fn branch(&mut self, e: &'a ast::Expr, want: Option<Ty>, met: Option<Ty>, statement: bool) -> Expr {
        match want {
            _ if statement => self.statement_expr(e),
            Some(w) => {
                let value = self.expect_expr(e, w);
                self.placed(value, w)
            }
            None => match met {
                Some(first) => {
                    let value = self.meeting(e, first);
                    // None says only that the whole may be missing.
                    if is_bare_none(&self.types, &value) {
                        value
                    } else {
                        self.expected(value, first, e.span)
                    }
                }
                None => self.expr(e, None),
            },
        }
    }

    /// The value of an arm in a place of the type that is wanted. Where that is `any`, the arms keep their types
    /// until it is known whether all have the same.
    pub(super) fn placed(&mut self, value: Expr, want: Ty) -> Expr {
        if want == Ty::ANY && (value.ty != Ty::UNIT || leaves_by(&value)) {
            return value;
        }
        self.admit(value, want)
    }

    /// The type of arms where `any` is wanted: that of all of them, else `any`.
    pub(super) fn alike(&self, types: impl IntoIterator<Item = Ty>) -> Ty {
        types.into_iter().reduce(|a, b| if a == b { a } else { Ty::ANY }).unwrap_or(Ty::ANY)
    }

    /// An `any` condition of an if-expression holds only for `true` itself.
    fn is_true(&mut self, c: Expr) -> Expr {
        let span = c.span;
        let yes = wrap(Expr { kind: T::Bool(true), ty: Ty::BOOL, span }, Ty::ANY);
        let kind = T::Binary { op: BinOp::Eq, left: Box::new(c), right: Box::new(yes) };
        Expr { kind, ty: Ty::BOOL, span }
    }

    /// A block whose value is that of its last statement; `statement` when it is not used.
    pub(super) fn block_expr(&mut self, block: &'a ast::Block, want: Option<Ty>, statement: bool) -> Expr {
        self.push_scope();
        let (last, init) = match block.statements.split_last() {
            Some((ast::Stmt { kind: ast::StmtKind::Expr(e), .. }, init)) => (Some(e), init),
            _ => (None, &block.statements[..]),
        };
        let mut body = self.statements(init);
        let value = last.map(|e| self.branch(e, want, None, statement));
        self.pop_scope();
        let ty = value.as_ref().map_or(Ty::UNIT, |v| v.ty);
        if statement && ty != Ty::UNIT {
            if let Some(v) = value {
                body.push(crate::tree::Stmt { span: v.span, kind: crate::tree::StmtKind::Expr(v) });
            }
            return Expr { kind: T::Block { body, value: None }, ty: Ty::UNIT, span: block.span };
        }
        Expr { kind: T::Block { body, value: value.map(Box::new) }, ty, span: block.span }
    }

    /// A builtin applied to arguments that were checked.
    pub(super) fn builtin(&self, builtin: Builtin, args: Vec<Expr>, ty: Ty, span: Span) -> Expr {
        Expr { kind: T::Builtin { builtin, args }, ty, span }
    }

    /// A direct call.
    pub(super) fn direct_call(
        &self,
        func: FuncId,
        type_args: Vec<Ty>,
        args: Vec<Expr>,
        ty: Ty,
        span: Span,
    ) -> Expr {
        Expr { kind: T::Call { func, type_args, args }, ty, span }
    }
}
