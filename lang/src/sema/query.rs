//! Dataset queries.
//!
//! Query variables are locals in a scope of their own. A join that may leave a side without a match
//! makes that side's variables options for everything after its `on`; since a local has one type,
//! such variables are declared as options and seen under their plain type until then.

use super::Checker;
use super::relations::{is_hashable, is_numeric, is_ordered};
use super::scope::{Origin, VarKey, View};
use crate::ast::{self, ExprKind, JoinKind};
use crate::diag::Code;
use crate::parts::mentions;
use crate::span::Span;
use crate::tree::{Builtin, Expr, ExprKind as T, Join, LocalId, Query};
use crate::types::{Ty, TyKind};

/// A variable of a query: name, local, plain type, whether it is an option in the end.
pub(super) struct Row {
    pub name: String,
    pub local: LocalId,
    pub plain: Ty,
    pub optional: bool,
}

impl<'a> Checker<'a> {
    /// A query expression.
    pub(super) fn query(&mut self, q: &'a ast::Query, want: Option<Ty>, span: Span) -> Expr {
        let groups = self.group_keys.len();
        let made = self.looped(span, |c| c.query_body(q, want, span));
        self.group_keys.truncate(groups);
        let Some((query, item)) = made else { return self.error_expr(span) };
        let ty = if query.fold.is_some() { item } else { self.types.list(item) };
        let value = Expr { kind: T::Query(Box::new(query)), ty, span };
        match want {
            Some(w) if !self.flows(ty, w) => {
                self.type_error(Code::T008, span, &[w, ty]);
                self.error_expr(span)
            }
            _ => value,
        }
    }

    /// Element type of a source; reports `code` when it is not a list or group.
    fn source_element(&mut self, source: &Expr, code: Code, at: Span) -> Ty {
        match self.types.kind(source.ty) {
            TyKind::List(x) | TyKind::Group(_, x) => *x,
            TyKind::Error => Ty::ERROR,
            _ => {
                self.error(code, at, &[]);
                Ty::ERROR
            }
        }
    }

    fn declare_row(&mut self, name: &ast::Ident, plain: Ty, optional: bool) -> Row {
        let ty = if optional { self.types.option(plain) } else { plain };
        let local = self.declare_local(&name.name, ty, true, name.span);
        if ty != plain {
            let key = VarKey::Local(self.depth(), local);
            self.set_view(key, View { ty: plain, origin: Origin::Test });
        }
        Row { name: name.name.clone(), local, plain, optional: ty != plain }
    }

    fn query_body(&mut self, q: &'a ast::Query, want: Option<Ty>, span: Span) -> Option<(Query, Ty)> {
        let mut rows: Vec<Row> = Vec::new();
        let mut sources = Vec::new();
        let reversed =
            |from: usize| q.joins[from..].iter().any(|j| matches!(j.kind, JoinKind::Right | JoinKind::Outer));
        for (i, (name, source)) in q.sources.iter().enumerate() {
            let s = self.expr(source, None);
            let code = if i == 0 { Code::T032 } else { Code::T034 };
            let at = if i == 0 { span } else { name.span };
            let elem = self.source_element(&s, code, at);
            let row = self.declare_row(name, elem, reversed(0));
            sources.push((row.local, s));
            rows.push(row);
        }
        let mut joins = Vec::new();
        for (i, j) in q.joins.iter().enumerate() {
            let (join, row) = self.join(j, &rows, reversed(i + 1));
            joins.push(join);
            if matches!(j.kind, JoinKind::Right | JoinKind::Outer) {
                self.reveal_options(&rows);
            }
            rows.push(row);
            if matches!(j.kind, JoinKind::Left | JoinKind::Outer) {
                let last = rows.len() - 1;
                self.reveal_options(&rows[last..]);
            }
        }
        let filter = q.filter.as_ref().map(|f| {
            let c = self.predicate(f, Code::T033);
            self.check_predicate(f, "where");
            c
        });
        let skip = q.skip.as_ref().map(|e| self.count_operand(e, "skip"));
        let take = q.take.as_ref().map(|e| self.count_operand(e, "take"));
        if let Some(ExprKind::Binary { .. }) = q.filter.as_ref().map(|f| &f.kind) {
            if let Some(f) = &q.filter {
                let facts = self.facts(f);
                self.push_narrowed(&facts.truthy);
            } else {
                self.push_scope();
            }
        } else {
            self.push_scope();
        }
        let group = q.group.as_ref().map(|g| self.group(g, &rows));
        let sort = q.sort.iter().map(|e| self.sort_key(e)).collect();
        let (select, item, fold) = self.selection(q, want, group.is_some());
        self.pop_scope();
        if select.ty == Ty::ERROR {
            return None;
        }
        if q.distinct && !is_hashable(&self.types, item) {
            self.type_error(Code::T057, q.select.span, &[item]);
            return None;
        }
        let distinct = q.distinct;
        Some((Query { sources, joins, filter, group, sort, skip, take, distinct, select, fold }, item))
    }

    fn join(&mut self, j: &'a ast::Join, rows: &[Row], reversed_later: bool) -> (Join, Row) {
        let mut source = self.expr(&j.source, None);
        let kind = match j.kind {
            JoinKind::Right => Some("right"),
            JoinKind::Outer => Some("outer"),
            _ => None,
        };
        if let Some(kind) = kind
            && let Some(row) = rows.iter().find(|r| mentions(&self.functions, &source, &[r.local]))
        {
            self.error(Code::RowlessSource, j.source.span, &[&kind, &row.name]);
            source = self.error_expr(j.source.span);
        }
        let elem = self.source_element(&source, Code::T034, j.name.span);
        let optional = reversed_later || matches!(j.kind, JoinKind::Left | JoinKind::Outer);
        let row = self.declare_row(&j.name, elem, optional);
        let on = self.expr(&j.on, None);
        let on = if self.compatible(on.ty, Ty::BOOL) {
            self.truth(on)
        } else {
            self.error(Code::T035, j.on.span, &[]);
            self.error_expr(j.on.span)
        };
        (Join { kind: j.kind, local: row.local, source, on }, row)
    }

    /// From here on the variables are seen as the options they are.
    fn reveal_options(&mut self, rows: &[Row]) {
        for r in rows.iter().filter(|r| r.optional) {
            let ty = self.types.option(r.plain);
            let key = VarKey::Local(self.depth(), r.local);
            self.set_view(key, View { ty, origin: Origin::Place });
        }
    }

    pub(super) fn predicate(&mut self, e: &'a ast::Expr, code: Code) -> Expr {
        let c = self.expr(e, None);
        if !self.compatible(c.ty, Ty::BOOL) {
            self.error(code, e.span, &[]);
            return self.error_expr(e.span);
        }
        self.truth(c)
    }

    fn count_operand(&mut self, e: &'a ast::Expr, clause: &str) -> Expr {
        let n = self.expr(e, None);
        if n.ty != Ty::ANY && !self.compatible(n.ty, Ty::INT) {
            let shown = self.show(n.ty);
            self.error(Code::T055, e.span, &[&clause, &shown]);
            return self.error_expr(e.span);
        }
        self.admit(n, Ty::INT)
    }

    /// A key; a list of keys may mix types.
    fn sort_key(&mut self, e: &'a ast::Expr) -> Expr {
        let hint = self.element_hint(e, Ty::ANY);
        let k = self.expr(e, hint);
        if k.ty != Ty::ANY && !is_ordered(&self.types, k.ty) {
            self.type_error(Code::T056, e.span, &[k.ty]);
            return self.error_expr(e.span);
        }
        k
    }

    /// The result of a row or group, its type, and the fold of `select sum(e)` and the like.
    fn selection(
        &mut self,
        q: &'a ast::Query,
        want: Option<Ty>,
        grouped: bool,
    ) -> (Expr, Ty, Option<Builtin>) {
        if !grouped && let Some((builtin, arg)) = self.aggregate(&q.select) {
            return self.fold(builtin, arg, q.select.span);
        }
        let hint = match want.map(|w| self.types.kind(w)) {
            Some(TyKind::List(elem)) => match q.select.kind {
                ExprKind::If { .. } | ExprKind::Match { .. } => Some(*elem),
                _ => self.element_hint(&q.select, *elem),
            },
            _ => None,
        };
        let select = self.expr(&q.select, hint);
        let select = if select.ty == Ty::UNIT { self.coerce(select, Ty::ANY) } else { select };
        let ty = select.ty;
        (select, ty, None)
    }

    /// `sum(e)`, `avg(e)`, `min(e)`, `max(e)`, `count(e)` of the builtins, not over a query.
    fn aggregate(&self, e: &'a ast::Expr) -> Option<(Builtin, &'a ast::Expr)> {
        let ExprKind::Call { callee, args } = &e.kind else { return None };
        let (ExprKind::Name(n), [arg]) = (&callee.kind, args.as_slice()) else { return None };
        let builtin = self.builtins.row(self.builtins.find(&n.name)?).builtin;
        if !matches!(builtin, Builtin::Sum | Builtin::Avg | Builtin::Min | Builtin::Max | Builtin::Count) {
            return None;
        }
        if self.lookup(&n.name).is_some() || self.top_funs.contains_key(&n.name) {
            return None;
        }
        let mut inner = arg;
        while let ExprKind::Paren(x) = &inner.kind {
            inner = x;
        }
        if matches!(inner.kind, ExprKind::Query(_) | ExprKind::LogicQuery(_)) {
            return None;
        }
        Some((builtin, arg))
    }

    fn fold(&mut self, builtin: Builtin, arg: &'a ast::Expr, span: Span) -> (Expr, Ty, Option<Builtin>) {
        let e = self.expr(arg, None);
        let number = is_numeric(&self.types, e.ty) || matches!(e.ty, Ty::ANY | Ty::ERROR);
        let ty = match builtin {
            Builtin::Count => Ty::INT,
            Builtin::Sum | Builtin::Avg if !number => {
                self.type_error(Code::T041, span, &[e.ty]);
                return (self.error_expr(span), Ty::ERROR, None);
            }
            Builtin::Min | Builtin::Max if !number && e.ty != Ty::STR => {
                self.error(Code::ExpectsNumericExpression, span, &[]);
                return (self.error_expr(span), Ty::ERROR, None);
            }
            Builtin::Avg => Ty::FLOAT,
            _ => e.ty,
        };
        (e, ty, Some(builtin))
    }
}
