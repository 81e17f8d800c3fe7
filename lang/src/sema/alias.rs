//! Aliasing rules for storage that is shared by reference: T051 and T052.
//!
//! An expression names live storage when it is a name, or fields and indexes of one.

use super::Checker;
use super::relations::is_aggregate;
use crate::ast::{self, ExprKind};
use crate::diag::Code;
use crate::span::Span;
use crate::types::{Ty, TyKind};

/// How messages name the storage an expression reads, if it reads any.
pub(super) fn alias_label(e: &ast::Expr) -> Option<String> {
    let mut parts = Vec::new();
    let mut e = e;
    loop {
        match &e.kind {
            ExprKind::Name(n) => {
                parts.push(n.name.clone());
                parts.reverse();
                return Some(parts.concat());
            }
            ExprKind::Field { base, field } => {
                parts.push(format!(".{}", field.name));
                e = base;
            }
            ExprKind::Index { base, .. } | ExprKind::Slice { base, .. } => {
                parts.push("[...]".to_string());
                e = base;
            }
            _ => return None,
        }
    }
}

impl<'a> Checker<'a> {
    /// T051: `var ys = xs` where `xs` is an immutable list, map or struct.
    pub(super) fn check_immutable_alias(&mut self, value: &ast::Expr, at: Span) {
        let ExprKind::Name(n) = &value.kind else { return };
        let Some((var, _)) = self.lookup_var(&n.name) else { return };
        let ty = self.seen_type(var.key);
        if !var.mutable && is_aggregate(&self.types, ty) {
            self.error(Code::T051, at, &[&n.name]);
        }
    }

    /// T052 for a value bound to a slot of another element type.
    pub(super) fn check_widening_alias(&mut self, value: &ast::Expr, from: Ty, to: Ty, at: Span) {
        let Some(label) = alias_label(value) else { return };
        if is_aggregate(&self.types, from) && is_aggregate(&self.types, to) && from != to {
            let (from, to) = (self.show(from), self.show(to));
            self.error(Code::T052, at, &[&label, &from, &to]);
        }
    }

    /// T052 for the elements of a list or map literal. The elements were checked; the types of
    /// those that name storage are looked up again.
    pub(super) fn check_literal_aliases(&mut self, value: &'a ast::Expr, to: Ty) {
        let (items, slot): (Vec<&'a ast::Expr>, Ty) = match (&value.kind, self.types.kind(to)) {
            (ExprKind::List(items), TyKind::List(elem)) => (items.iter().collect(), *elem),
            (ExprKind::Map(pairs), TyKind::Map(_, v)) => (pairs.iter().map(|p| &p.1).collect(), *v),
            _ => return,
        };
        for item in items {
            if is_aggregate(&self.types, slot)
                && let Some(ty) = self.storage_type(item)
            {
                self.check_widening_alias(item, ty, slot, item.span);
            }
            self.check_literal_aliases(item, slot);
        }
    }

    /// The type of an expression that names storage, found without reporting anything.
    fn storage_type(&self, e: &ast::Expr) -> Option<Ty> {
        match &e.kind {
            ExprKind::Name(n) => {
                let (var, _) = self.lookup_var(&n.name)?;
                Some(self.seen_type(var.key))
            }
            ExprKind::Field { base, field } => match self.types.kind(self.storage_type(base)?) {
                TyKind::Struct(id) => self.types.struct_def(*id).fields.get(&field.name).copied(),
                TyKind::Map(_, v) => Some(*v),
                _ => None,
            },
            ExprKind::Index { base, .. } => match self.types.kind(self.storage_type(base)?) {
                TyKind::List(elem) => Some(*elem),
                _ => None,
            },
            ExprKind::Slice { base, .. } => self.storage_type(base),
            _ => None,
        }
    }
}
