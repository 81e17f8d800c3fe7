//! List, map and struct literals.
//!
//! A literal without elements fixes no type ([`is_open`]): it takes that of its context, which is a type
//! that is wanted, or the other values that meet it in a call, a literal or at the end of arms.

use super::Checker;
use super::meet::ascends;
use super::relations::{assignable, contains_any};
use crate::ast::{self, ExprKind, Ident};
use crate::diag::Code;
use crate::span::Span;
use crate::tree::{Expr, ExprKind as T};
use crate::types::{StructId, Ty, TyKind};
use bstr::BStr;

impl<'a> Checker<'a> {
    /// The wanted type where it only guides: for literals, lambdas and `none`.
    pub(super) fn literal_hint(&self, e: &ast::Expr, want: Ty) -> Option<Ty> {
        let mut e = e;
        while let ExprKind::Paren(inner) = &e.kind {
            e = inner;
        }
        let fits = match &e.kind {
            ExprKind::List(_) => matches!(self.types.kind(want), TyKind::List(_)),
            ExprKind::Map(_) => matches!(self.types.kind(want), TyKind::Map(..)),
            ExprKind::Lambda(_) => matches!(self.types.kind(want), TyKind::Fun(..)),
            _ => false,
        };
        fits.then_some(want)
    }

    /// The wanted type for an element of a literal. Where `any` is wanted, lists in it may mix types;
    /// where an option is, a variable may stay one.
    pub(super) fn element_hint(&self, e: &ast::Expr, want: Ty) -> Option<Ty> {
        let mut inner = e;
        while let ExprKind::Paren(x) = &inner.kind {
            inner = x;
        }
        match &inner.kind {
            ExprKind::List(_) | ExprKind::Map(_) if want == Ty::ANY => Some(Ty::ANY),
            ExprKind::Name(_) if matches!(self.types.kind(want), TyKind::Option(_)) => Some(want),
            _ => self.literal_hint(e, want),
        }
    }

    /// The literal's container type inside an option.
    fn container(&self, want: Option<Ty>) -> Option<TyKind> {
        let kind = self.types.kind(want?);
        match kind {
            TyKind::Option(inner) => Some(self.types.kind(*inner).clone()),
            k => Some(k.clone()),
        }
    }

    pub(super) fn list_literal(&mut self, items: &'a [ast::Expr], want: Option<Ty>, span: Span) -> Expr {
        self.list_literal_in(items, want, span, true)
    }

    /// A list literal that is wanted in a place of a type; or, unless `placed`, that meets a value of it.
    pub(super) fn list_literal_in(
        &mut self,
        items: &'a [ast::Expr],
        want: Option<Ty>,
        span: Span,
        placed: bool,
    ) -> Expr {
        let hint = match self.container(want) {
            Some(TyKind::List(elem)) => Some(elem),
            _ => None,
        };
        // Where a list of any is wanted, or any value, the elements need not agree.
        let mixed = hint == Some(Ty::ANY) || want == Some(Ty::ANY);
        let mut elem: Option<Ty> = None;
        let mut values = Vec::with_capacity(items.len());
        let mut failed = false;
        for item in items {
            let v = match (hint, elem) {
                (Some(h), _) => self.element(item, h, placed),
                (None, _) if mixed => self.element(item, Ty::ANY, placed),
                (None, Some(first)) => self.meeting(item, first),
                (None, None) => self.expr(item, None),
            };
            elem = match elem {
                None | Some(Ty::ERROR) => Some(v.ty),
                Some(first) if self.compatible(first, v.ty) => Some(self.with_any(first, v.ty)),
                Some(_) if mixed => Some(Ty::ANY),
                Some(first) if let Some(all) = hint.filter(|&h| self.holds_both(first, v.ty, h, placed)) => {
                    Some(all)
                }
                Some(first) => {
                    if !failed {
                        self.type_error(Code::T008, item.span, &[first, v.ty]);
                        failed = true;
                    }
                    Some(first)
                }
            };
            values.push(v);
        }
        if failed || elem == Some(Ty::ERROR) {
            return self.error_expr(span);
        }
        let own = match elem {
            Some(all) if all == Ty::ANY || hint == elem => all,
            _ => self.met(&values),
        };
        let ty = match hint {
            Some(h) if elem.is_none() || self.hint_holds(own, h, placed) => h,
            _ => own,
        };
        let values = values.into_iter().map(|v| self.member(v, ty, placed)).collect();
        let ty = self.types.list(ty);
        Expr { kind: T::List(values), ty, span }
    }

    /// An element of a literal, where elements of a type are wanted or met.
    fn element(&mut self, e: &'a ast::Expr, hint: Ty, placed: bool) -> Expr {
        match self.element_hint(e, hint) {
            Some(_) if !placed && hint != Ty::ANY => self.meeting(e, hint),
            hint => self.expr(e, hint),
        }
    }

    /// A part of a literal in its place.
    fn member(&mut self, value: Expr, ty: Ty, placed: bool) -> Expr {
        if placed { self.admit(value, ty) } else { self.coerce(value, ty) }
    }

    /// Whether a literal with elements of type `own` is one of the type that is wanted, or met.
    fn hint_holds(&self, own: Ty, hint: Ty, placed: bool) -> bool {
        if placed { self.flows(own, hint) } else { ascends(&self.types, own, hint) }
    }

    /// The same of two elements that are not of one type.
    fn holds_both(&self, first: Ty, next: Ty, hint: Ty, placed: bool) -> bool {
        self.hint_holds(first, hint, placed) && self.hint_holds(next, hint, placed)
    }

    /// Whether a value of type `from` may flow into `to`.
    pub(super) fn flows(&self, from: Ty, to: Ty) -> bool {
        self.compatible(from, to) || assignable(&self.types, from, to)
    }

    pub(super) fn map_literal(
        &mut self,
        pairs: &'a [(ast::Expr, ast::Expr)],
        want: Option<Ty>,
        span: Span,
    ) -> Expr {
        self.map_literal_in(pairs, want, span, true)
    }

    /// A map literal that is wanted in a place of a type; or, unless `placed`, that meets a value of it.
    pub(super) fn map_literal_in(
        &mut self,
        pairs: &'a [(ast::Expr, ast::Expr)],
        want: Option<Ty>,
        span: Span,
        placed: bool,
    ) -> Expr {
        let hint = match self.container(want) {
            Some(TyKind::Map(k, v)) => Some((k, v)),
            _ => None,
        };
        let mut key: Option<Ty> = None;
        let mut val: Option<Ty> = None;
        let mut made = Vec::with_capacity(pairs.len());
        let mut failed = false;
        for (k, v) in pairs {
            let k = match string_key(k) {
                Some(text) => Expr { kind: T::Str(text.into()), ty: Ty::STR, span: k.span },
                None => self.expr(k, None),
            };
            let v = match (hint, val) {
                (Some((_, h)), _) => self.element(v, h, placed),
                (None, _) if want == Some(Ty::ANY) => self.element(v, Ty::ANY, placed),
                (None, Some(first)) => self.meeting(v, first),
                (None, None) => self.expr(v, None),
            };
            failed |= k.ty == Ty::ERROR || v.ty == Ty::ERROR;
            key = Some(self.widened(key, k.ty));
            val = Some(self.widened(val, v.ty));
            made.push((k, v));
        }
        if failed {
            return self.error_expr(span);
        }
        let fixing = fixing(made.iter().map(|(_, v)| v));
        if fixing.len() < made.len() {
            val = fixing.into_iter().fold(None, |so_far, next| Some(self.widened(so_far, next)));
        }
        let (mut key, mut val) = (key.unwrap_or(Ty::ANY), val.unwrap_or(Ty::ANY));
        if let Some((hk, hv)) = hint
            && (made.is_empty() || self.hint_holds(key, hk, placed) && self.hint_holds(val, hv, placed))
        {
            (key, val) = (hk, hv);
        }
        let made = made
            .into_iter()
            .map(|(k, v)| (self.member(k, key, placed), self.member(v, val, placed)))
            .collect();
        let ty = self.types.map(key, val);
        Expr { kind: T::Map(made), ty, span }
    }

    /// The type of elements that are compatible: the first, but where one has `any`, so has it.
    fn with_any(&mut self, first: Ty, next: Ty) -> Ty {
        if contains_any(&self.types, first) || contains_any(&self.types, next) {
            self.common_type(first, next)
        } else {
            first
        }
    }

    /// Type of keys or values so far, with one more: `any` when they are not compatible.
    fn widened(&mut self, so_far: Option<Ty>, next: Ty) -> Ty {
        match so_far {
            None => next,
            Some(t) if t == Ty::ANY || next == Ty::ANY => Ty::ANY,
            Some(t) if self.compatible(t, next) => self.common_type(t, next),
            Some(_) => Ty::ANY,
        }
    }

    pub(super) fn struct_literal(
        &mut self,
        name: &Ident,
        fields: &'a [(Ident, ast::Expr)],
        span: Span,
    ) -> Expr {
        let Some(id) = self.struct_named(&name.name) else {
            let any = Ty::ANY;
            let mut pairs = Vec::new();
            for (k, v) in fields {
                let v = self.expr(v, None);
                let key = Expr { kind: T::Str(k.name.as_str().into()), ty: Ty::STR, span: k.span };
                pairs.push((key, self.coerce(v, any)));
            }
            let ty = self.types.map(Ty::STR, any);
            return Expr { kind: T::Map(pairs), ty, span };
        };
        let declared = self.types.struct_def(id).fields.clone();
        let ty = self.struct_type(id);
        let mut given = vec![false; declared.len()];
        let mut values: Vec<(u32, Expr)> = Vec::new();
        for (field, value) in fields {
            let Some((at, v)) = self.field_value(id, field, value, span) else { continue };
            given[at as usize] = true;
            values.push((at, v));
        }
        let missing: Vec<String> =
            declared.iter().zip(&given).filter(|(_, g)| !**g).map(|((n, _), _)| n.clone()).collect();
        if !missing.is_empty() {
            let shown = self.types.struct_def(id).name.clone();
            self.error(Code::T053, span, &[&shown, &super::relations::name_list(&missing)]);
        }
        Expr { kind: T::Struct { id, fields: values }, ty, span }
    }

    /// What is given for a field: its position, and the value as one of its type. An unknown field is reported
    /// at `at`.
    pub(super) fn field_value(
        &mut self,
        id: StructId,
        field: &ast::Ident,
        value: &'a ast::Expr,
        at: Span,
    ) -> Option<(u32, Expr)> {
        let fields = &self.types.struct_def(id).fields;
        let Some(k) = fields.position(&field.name) else {
            self.expr(value, None);
            let ty = self.struct_type(id);
            let shown = self.show(ty);
            self.error(Code::T026, at, &[&field.name, &shown]);
            return None;
        };
        let slot = fields[k].1;
        let hint = self.element_hint(value, slot);
        let v = self.expr(value, hint);
        if !self.compatible(slot, v.ty) {
            self.type_error(Code::T008, value.span, &[slot, v.ty]);
        }
        Some((k as u32, self.admit(v, slot)))
    }
}

/// Whether an expression has the type of a literal without elements, which fits wherever a list (or a map) does.
pub(super) fn is_open(e: &Expr) -> bool {
    match &e.kind {
        T::List(items) => items.iter().all(is_open),
        T::Map(pairs) => pairs.is_empty(),
        T::If { then, otherwise, .. } => is_open(then) && is_open(otherwise),
        T::Match { arms, .. } => arms.iter().all(|a| is_open(&a.result)),
        T::Block { value: Some(value), .. } => is_open(value),
        _ => false,
    }
}

/// The types of those of the values that fix one; of all when none does.
pub(super) fn fixing<'e>(values: impl Iterator<Item = &'e Expr> + Clone) -> Vec<Ty> {
    let fixed: Vec<Ty> = values.clone().filter(|v| !is_open(v)).map(|v| v.ty).collect();
    if fixed.is_empty() { values.map(|v| v.ty).collect() } else { fixed }
}

/// A map literal's key that is text: a string, or a bare identifier.
pub(super) fn string_key(e: &ast::Expr) -> Option<&BStr> {
    match &e.kind {
        ExprKind::Name(n) => Some(n.name.as_str().into()),
        ExprKind::Str(s) => Some(s.as_ref()),
        _ => None,
    }
}
