//! What values become where they flow into a place of a type or meet values of other types. One rule: **a
//! conversion that nobody wrote loses nothing, and fails only where a value of type `any` is not what its place
//! needs.**
//!
//! - Values that *meet* (arms, elements of a literal, arguments of one type parameter, operands, results
//!   of a lambda) become what all of them [ascend](ascends) to: their [common type](common_type).
//! - A value that *flows* into a place whose type is declared ([`Checker::admit`]) ascends too. Where the
//!   reference accepts one whose type says less than the place (a bigrat for an int, a union for one of its
//!   variants), it goes there as `any`: the program checks it.
//! - Comparing is no flow: `==`, `in`, keys that are looked up and patterns compare as the common type.
//!
//! [`super::verify`] rejects every other conversion that is no cast of the program.

use super::Checker;
use super::literal::{fixing, is_open};
use super::relations::{compared_by_value, compatible, is_integer, is_numeric, numeric_join, uncurried};
use crate::ast::{self, ExprKind};
use crate::tree::{Expr, ExprKind as T};
use crate::types::{Ty, TyKind, Types};

/// Whether every value of type `from` is one of type `to`, after a conversion that loses nothing and never
/// fails. (A float is the number nearest to the one that it is made from.)
pub(super) fn ascends(t: &Types, from: Ty, to: Ty) -> bool {
    climbs(t, from, to, false)
}

/// [`ascends`], but for parts of type `any`, which are checked when the program runs.
pub(super) fn passes(t: &Types, from: Ty, to: Ty) -> bool {
    climbs(t, from, to, true)
}

fn climbs(t: &Types, from: Ty, to: Ty, checked: bool) -> bool {
    use TyKind::*;
    let up = |x: Ty, y: Ty| climbs(t, x, y, checked);
    if from == to {
        return true;
    }
    match (t.kind(from), t.kind(to)) {
        (Error, _) | (_, Error | Any | Unit) => true,
        (Any | Unit, _) => checked,
        (Option(x), Option(y)) => up(*x, *y),
        (_, Option(y)) => up(from, *y),
        (List(x), List(y)) => up(*x, *y),
        (Map(k, v), Map(l, w)) | (Group(k, v), Group(l, w)) => up(*k, *l) && up(*v, *w),
        (Struct(x), Struct(y)) => {
            let (x, y) = (t.struct_def(*x), t.struct_def(*y));
            compatible(t, from, to)
                && x.fields.iter().all(|(n, ft)| y.fields.get(n).is_some_and(|gt| up(*ft, *gt)))
        }
        (Struct(s), Union(u)) => t.struct_def(*s).union == Some(*u),
        (Fun(..), Fun(..)) => {
            let ((p, r), (q, s)) = uncurried(t, from, to);
            p.len() == q.len() && p.iter().zip(&q).all(|(x, y)| up(*y, *x)) && up(r, s)
        }
        (Variadic(..), Variadic(..)) => compatible(t, from, to),
        (BigRat | Float, Float | BigRat) => true,
        _ => is_integer(t, from) && is_numeric(t, to),
    }
}

/// The least type that values of both types [ascend](ascends) to.
pub(super) fn common_type(t: &mut Types, a: Ty, b: Ty) -> Ty {
    use TyKind::*;
    if a == b || b == Ty::ERROR {
        return a;
    }
    if a == Ty::ERROR {
        return b;
    }
    if is_numeric(t, a) && is_numeric(t, b) {
        return numeric_join(a, b);
    }
    match (t.kind(a).clone(), t.kind(b).clone()) {
        (Option(_), Any) | (Any, Option(_)) => Ty::ANY,
        (Option(x), Option(y)) => {
            let x = common_type(t, x, y);
            t.option(x)
        }
        (Option(x), _) => {
            let x = common_type(t, x, b);
            if x == Ty::ANY { Ty::ANY } else { t.option(x) }
        }
        (_, Option(_)) => common_type(t, b, a),
        (List(x), List(y)) => {
            let x = common_type(t, x, y);
            t.list(x)
        }
        (Map(k, v), Map(l, w)) => {
            let (k, v) = (common_type(t, k, l), common_type(t, v, w));
            t.map(k, v)
        }
        (Fun(p, r), Fun(q, s)) if p.len() == q.len() => {
            // A parameter takes what both functions take.
            let lower = |(x, y): (&Ty, &Ty)| {
                [(*x, *y), (*y, *x)].iter().find(|(x, y)| ascends(t, *x, *y)).map(|(x, _)| *x)
            };
            let Some(params) = p.iter().zip(&q).map(lower).collect() else { return Ty::ANY };
            let result = common_type(t, r, s);
            t.intern(Fun(params, result))
        }
        _ if ascends(t, b, a) => a,
        _ if ascends(t, a, b) => b,
        _ => Ty::ANY,
    }
}

/// Whether an expression is `none`, of which no context has said what is missing.
pub(super) fn is_bare_none(t: &Types, e: &Expr) -> bool {
    matches!(e.kind, T::None) && matches!(t.kind(e.ty), TyKind::Option(x) if *x == Ty::ANY)
}

impl<'a> Checker<'a> {
    /// [`common_type`] over the program's types.
    pub(super) fn common_type(&mut self, a: Ty, b: Ty) -> Ty {
        common_type(&mut self.types, a, b)
    }

    /// The type of values that meet. A none says only that it may be missing, a literal without elements
    /// nothing, where another value says more.
    pub(super) fn met<'e>(&mut self, values: impl IntoIterator<Item = &'e Expr>) -> Ty {
        let (none, some): (Vec<&Expr>, Vec<&Expr>) =
            values.into_iter().partition(|v| is_bare_none(&self.types, v));
        let ty = fixing(some.into_iter()).into_iter().reduce(|a, b| self.common_type(a, b));
        match (ty, none.first()) {
            (None, none) => none.map_or(Ty::ANY, |v| v.ty),
            (Some(ty), None) => ty,
            (Some(ty), _) if matches!(self.types.kind(ty), TyKind::Option(_) | TyKind::Any) => ty,
            (Some(ty), _) => self.types.option(ty),
        }
    }

    /// Both operands as one type; `any` when nothing better is common to them.
    pub(super) fn join_operands(&mut self, l: Expr, r: Expr) -> (Expr, Expr) {
        let ty = self.met([&l, &r]);
        (self.coerce(l, ty), self.coerce(r, ty))
    }

    /// The value in a place that was declared to have type `to`, with which it is compatible.
    pub(super) fn admit(&mut self, e: Expr, to: Ty) -> Expr {
        if to == Ty::UNIT || passes(&self.types, e.ty, to) || matches!(e.kind, T::None) {
            return self.coerce(e, to);
        }
        let any = self.coerce(e, Ty::ANY);
        self.coerce(any, to)
    }

    /// Checks an expression that meets values of type `other`, which says what the literal leaves open: types
    /// of parameters, and of elements that there are none of or may be anything.
    pub(super) fn meeting(&mut self, e: &'a ast::Expr, other: Ty) -> Expr {
        let Some(hint) = self.literal_hint(e, other) else { return self.expr(e, None) };
        let mut inner = e;
        while let ExprKind::Paren(x) = &inner.kind {
            inner = x;
        }
        match &inner.kind {
            ExprKind::List(items) => self.list_literal_in(items, Some(hint), inner.span, false),
            ExprKind::Map(pairs) => self.map_literal_in(pairs, Some(hint), inner.span, false),
            _ => self.expr(e, Some(hint)),
        }
    }

    /// What a value is compared with members of a collection as: their type if it ascends to that and stays the
    /// same number, else `any`.
    pub(super) fn compared(&mut self, value: Expr, with: Ty) -> Expr {
        let open = is_bare_none(&self.types, &value) || is_open(&value);
        let becomes = ascends(&self.types, value.ty, with) && !compared_by_value(&self.types, value.ty, with);
        self.coerce(value, if open || becomes { with } else { Ty::ANY })
    }
}
