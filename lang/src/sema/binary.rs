//! Binary operators.
//!
//! A chain such as `a + b + c` leans to the left and may be thousands of operators deep, so the
//! left spine is walked in a loop; only right operands recurse.

use super::Checker;
use super::convert::wrap;
use super::flow::leaves_by;
use super::literal::is_open;
use super::meet::{is_bare_none, passes};
use super::narrow::{NotNone, is_none_literal};
use super::relations::{compared_by_value, is_numeric, numeric_join};
use crate::ast::{self, BinOp, ExprKind};
use crate::diag::Code;
use crate::span::Span;
use crate::tree::{Builtin, Expr, ExprKind as T};
use crate::types::{Ty, TyKind};

/// The left spine of nested binary expressions: the leftmost operand, then the nodes inside out.
pub(super) fn spine(e: &ast::Expr) -> (&ast::Expr, Vec<&ast::Expr>) {
    let mut nodes = Vec::new();
    let mut at = e;
    while let ExprKind::Binary { left, .. } = &at.kind {
        nodes.push(at);
        at = left;
    }
    nodes.reverse();
    (at, nodes)
}

impl<'a> Checker<'a> {
    /// A binary expression.
    pub(super) fn binary(&mut self, e: &'a ast::Expr, want: Option<Ty>) -> Expr {
        let (first, nodes) = spine(e);
        let asks_none = |n: &&ast::Expr| match &n.kind {
            ExprKind::Binary { op: BinOp::Coalesce, .. } => true,
            ExprKind::Binary { op: BinOp::Eq | BinOp::Ne, right, .. } => is_none_literal(right),
            _ => false,
        };
        let mut value =
            if nodes.first().is_some_and(asks_none) { self.optional(first) } else { self.expr(first, None) };
        let mut facts: Option<NotNone> = None;
        let mut previous: &'a ast::Expr = first;
        // The reference's checker says that a float with a bigint or bigrat is a bigrat.
        let mut called_rational = false;
        for node in nodes {
            let ExprKind::Binary { op, op_span, right, .. } = &node.kind else { continue };
            let right_value = if matches!(op, BinOp::And | BinOp::Or) {
                let left_facts = facts.take().unwrap_or_else(|| self.facts(previous));
                let known = if *op == BinOp::And { &left_facts.truthy } else { &left_facts.falsy };
                let (r, right_facts) = self.perhaps(|c| {
                    c.narrow(known);
                    let r = c.expr(right, None);
                    (r, c.facts(right))
                });
                facts = Some(left_facts.join(*op, right_facts));
                r
            } else {
                facts = None;
                match (op, self.types.kind(value.ty)) {
                    (BinOp::Coalesce, TyKind::Option(inner)) => {
                        let inner = *inner;
                        self.perhaps(|c| c.meeting(right, inner))
                    }
                    (BinOp::Coalesce, _) => self.perhaps(|c| c.expr(right, None)),
                    (BinOp::In, _) => self.expr(right, None),
                    _ => self.meeting(right, value.ty),
                }
            };
            called_rational |=
                [value.ty, right_value.ty].iter().any(|t| matches!(*t, Ty::BIGINT | Ty::BIGRAT));
            value = self.operate(*op, *op_span, value, right_value, want, node.span);
            called_rational &= value.ty == Ty::FLOAT;
            previous = node;
        }
        if called_rational && want.is_some_and(|w| w != Ty::FLOAT && is_numeric(&self.types, w)) {
            return self.coerce(value, Ty::BIGRAT);
        }
        if want == Some(Ty::STR)
            && value.ty == Ty::ANY
            && matches!(value.kind, T::Binary { op: BinOp::Add, .. })
        {
            return wrap(value, Ty::STR);
        }
        value
    }

    /// An operator on its operands; `want` is what the place of its result wants.
    pub(super) fn operate(
        &mut self,
        op: BinOp,
        at: Span,
        l: Expr,
        r: Expr,
        want: Option<Ty>,
        span: Span,
    ) -> Expr {
        if l.ty == Ty::ERROR || r.ty == Ty::ERROR {
            return match op {
                BinOp::Eq | BinOp::Ne | BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge => {
                    Expr { ty: Ty::BOOL, ..self.error_expr(span) }
                }
                BinOp::And | BinOp::Or | BinOp::In => Expr { ty: Ty::BOOL, ..self.error_expr(span) },
                _ => self.error_expr(span),
            };
        }
        let r = self.lazy_operand(op, &l, r);
        match op {
            BinOp::Add | BinOp::Sub | BinOp::Mul | BinOp::Div | BinOp::Mod => {
                self.arithmetic(op, at, (l, r), want, span)
            }
            BinOp::Eq | BinOp::Ne | BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge => {
                self.comparison(op, at, l, r, span)
            }
            BinOp::In => self.membership(at, l, r, span),
            BinOp::And | BinOp::Or => {
                if !(self.compatible(l.ty, Ty::BOOL) && self.compatible(r.ty, Ty::BOOL)) {
                    return self.operator_error(op, at, l.ty, r.ty, span);
                }
                let (l, r) = (self.truth(l), self.truth(r));
                node(op, l, r, Ty::BOOL, span)
            }
            BinOp::Coalesce => self.coalesce(at, l, r, span),
            BinOp::Union | BinOp::UnionAll | BinOp::Except | BinOp::Intersect => {
                self.set_op(op, at, (l, r), want, span)
            }
        }
    }

    /// A right operand that is evaluated only when needed and never ends has the type of its place.
    fn lazy_operand(&mut self, op: BinOp, l: &Expr, r: Expr) -> Expr {
        if !leaves_by(&r) {
            return r;
        }
        match (op, self.types.kind(l.ty)) {
            (BinOp::And | BinOp::Or, _) => self.as_arm(r, Ty::BOOL),
            (BinOp::Coalesce, TyKind::Option(inner)) => {
                let inner = *inner;
                self.as_arm(r, inner)
            }
            _ => r,
        }
    }

    fn operator_error(&mut self, op: BinOp, at: Span, l: Ty, r: Ty, span: Span) -> Expr {
        let (l, r) = (self.show(l), self.show(r));
        self.error(Code::T020, at, &[&operator_name(op), &l, &r]);
        self.error_expr(span)
    }

    /// Two lists as lists of one element type, when their elements agree: that of one of them if it is
    /// wanted, else the common one.
    fn list_operands(&mut self, l: Expr, r: Expr, want: Option<Ty>) -> Option<(Expr, Expr)> {
        let (TyKind::List(x), TyKind::List(y)) = (self.types.kind(l.ty), self.types.kind(r.ty)) else {
            return None;
        };
        let (x, y) = (*x, *y);
        if !self.compatible(x, y) {
            return None;
        }
        let wanted = want.filter(|w| [l.ty, r.ty].contains(w));
        let passes = |w: &Ty| [l.ty, r.ty].iter().all(|t| passes(&self.types, *t, *w));
        let ty = match wanted.filter(passes) {
            Some(w) => w,
            None => self.met([&l, &r]),
        };
        Some((self.coerce(l, ty), self.coerce(r, ty)))
    }

    fn arithmetic(
        &mut self,
        op: BinOp,
        at: Span,
        (l, r): (Expr, Expr),
        want: Option<Ty>,
        span: Span,
    ) -> Expr {
        let (lt, rt) = (l.ty, r.ty);
        if op == BinOp::Add {
            if lt == Ty::STR || rt == Ty::STR {
                let (l, r) = (self.text(l), self.text(r));
                return node(op, l, r, Ty::STR, span);
            }
            if matches!((self.types.kind(lt), self.types.kind(rt)), (TyKind::List(_), TyKind::List(_))) {
                return match self.list_operands(l, r, want) {
                    Some((l, r)) => {
                        let ty = l.ty;
                        node(op, l, r, ty, span)
                    }
                    None => self.operator_error(op, at, lt, rt, span),
                };
            }
        }
        if lt == Ty::ANY || rt == Ty::ANY {
            let (l, r) = (self.coerce(l, Ty::ANY), self.coerce(r, Ty::ANY));
            return node(op, l, r, Ty::ANY, span);
        }
        if is_numeric(&self.types, lt) && is_numeric(&self.types, rt) {
            // With a float all numbers are floats, as when the program decides.
            let ty = if lt == Ty::FLOAT || rt == Ty::FLOAT { Ty::FLOAT } else { numeric_join(lt, rt) };
            let (l, r) = (self.coerce(l, ty), self.coerce(r, ty));
            return node(op, l, r, ty, span);
        }
        self.operator_error(op, at, lt, rt, span)
    }

    /// An operand of a string concatenation as text.
    fn text(&mut self, e: Expr) -> Expr {
        if e.ty == Ty::STR {
            return e;
        }
        let span = e.span;
        self.builtin(Builtin::Str, vec![e], Ty::STR, span)
    }

    fn comparison(&mut self, op: BinOp, at: Span, l: Expr, r: Expr, span: Span) -> Expr {
        let (lt, rt) = (l.ty, r.ty);
        let numbers = is_numeric(&self.types, lt) && is_numeric(&self.types, rt);
        if numbers || self.compatible(lt, rt) || self.compatible(rt, lt) {
            let kept = compared_by_value(&self.types, lt, rt);
            let (l, r) = if kept { (l, r) } else { self.join_operands(l, r) };
            return node(op, l, r, Ty::BOOL, span);
        }
        if matches!(op, BinOp::Eq | BinOp::Ne) {
            let left_option = matches!(self.types.kind(lt), TyKind::Option(_));
            let right_option = matches!(self.types.kind(rt), TyKind::Option(_));
            if left_option != right_option {
                self.type_error(Code::T059, at, &[if left_option { rt } else { lt }]);
                return self.error_expr(span);
            }
        }
        self.error(Code::T013, at, &[]);
        self.error_expr(span)
    }

    fn membership(&mut self, at: Span, l: Expr, r: Expr, span: Span) -> Expr {
        let (lt, rt) = (l.ty, r.ty);
        let elem = match self.types.kind(rt) {
            TyKind::Any => Ty::ANY,
            TyKind::Map(k, _) => *k,
            TyKind::List(x) | TyKind::Group(_, x) => *x,
            TyKind::Str => Ty::STR,
            _ => return self.operator_error(BinOp::In, at, lt, rt, span),
        };
        let numbers = is_numeric(&self.types, lt) && is_numeric(&self.types, elem);
        if !(numbers && self.compatible(lt, elem) || self.compatible(lt, elem)) {
            return self.operator_error(BinOp::In, at, lt, rt, span);
        }
        let l = if rt == Ty::STR { self.coerce(l, elem) } else { self.compared(l, elem) };
        node(BinOp::In, l, r, Ty::BOOL, span)
    }

    fn coalesce(&mut self, at: Span, l: Expr, r: Expr, span: Span) -> Expr {
        let (lt, rt) = (l.ty, r.ty);
        if lt == Ty::ANY || rt == Ty::ANY && matches!(self.types.kind(lt), TyKind::Option(_)) {
            let (l, r) = (self.coerce(l, Ty::ANY), self.coerce(r, Ty::ANY));
            return node(BinOp::Coalesce, l, r, Ty::ANY, span);
        }
        let TyKind::Option(inner) = self.types.kind(lt).clone() else {
            return self.operator_error(BinOp::Coalesce, at, lt, rt, span);
        };
        let ty = match self.types.kind(rt).clone() {
            _ if is_bare_none(&self.types, &l) => rt,
            TyKind::Option(other) if self.compatible(inner, other) => self.met([&l, &r]),
            TyKind::Option(_) => self.types.option(Ty::ANY),
            _ if self.compatible(inner, rt) && is_open(&r) => inner,
            _ if self.compatible(inner, rt) => self.common_type(inner, rt),
            _ if is_numeric(&self.types, inner) && is_numeric(&self.types, rt) => numeric_join(inner, rt),
            _ => return self.operator_error(BinOp::Coalesce, at, lt, rt, span),
        };
        let left = self.types.option(ty);
        let (l, r) = (self.coerce(l, left), self.coerce(r, ty));
        node(BinOp::Coalesce, l, r, ty, span)
    }

    fn set_op(&mut self, op: BinOp, at: Span, (l, r): (Expr, Expr), want: Option<Ty>, span: Span) -> Expr {
        let (lt, rt) = (l.ty, r.ty);
        let list_or_any = |c: &Self, t: Ty| matches!(c.types.kind(t), TyKind::List(_) | TyKind::Any);
        if !list_or_any(self, lt) || !list_or_any(self, rt) {
            let text = operator_name(op);
            self.error(Code::T021, at, &[&text]);
            return self.error_expr(span);
        }
        let any_list = self.types.list(Ty::ANY);
        let l = if lt == Ty::ANY { self.coerce(l, any_list) } else { l };
        let r = if rt == Ty::ANY { self.coerce(r, any_list) } else { r };
        match self.list_operands(l, r, want) {
            Some((l, r)) => {
                let ty = l.ty;
                node(op, l, r, ty, span)
            }
            None => self.operator_error(op, at, lt, rt, span),
        }
    }
}

fn node(op: BinOp, l: Expr, r: Expr, ty: Ty, span: Span) -> Expr {
    Expr { kind: T::Binary { op, left: Box::new(l), right: Box::new(r) }, ty, span }
}

/// The operator in messages.
fn operator_name(op: BinOp) -> &'static str {
    match op {
        BinOp::UnionAll => "union_all",
        _ => op.text(),
    }
}
