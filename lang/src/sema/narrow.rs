//! What a condition says about options: `x != none` and `x == none` on a bare name, through `&&`
//! and `||`.

use super::Checker;
use super::binary::spine;
use super::scope::{Origin, VarKey, View};
use crate::ast::{self, BinOp, ExprKind};
use crate::types::{Ty, TyKind};

/// Variables that hold a value when a condition is true, and when it is false.
#[derive(Clone, Debug, Default)]
pub(super) struct NotNone {
    /// When it holds.
    pub truthy: Vec<(VarKey, Ty)>,
    /// When it does not.
    pub falsy: Vec<(VarKey, Ty)>,
}

impl NotNone {
    /// That of `self op other`, where `other` was looked at under those of `self`.
    pub fn join(mut self, op: BinOp, mut other: NotNone) -> NotNone {
        match op {
            BinOp::And => {
                self.truthy.append(&mut other.truthy);
                NotNone { truthy: self.truthy, falsy: Vec::new() }
            }
            BinOp::Or => {
                self.falsy.append(&mut other.falsy);
                NotNone { truthy: Vec::new(), falsy: self.falsy }
            }
            _ => NotNone::default(),
        }
    }
}

/// `none` as written, `nil` and `null` included.
pub(super) fn is_none_literal(e: &ast::Expr) -> bool {
    match &e.kind {
        ExprKind::None => true,
        ExprKind::Name(n) => n.name == "nil" || n.name == "null",
        _ => false,
    }
}

impl<'a> Checker<'a> {
    /// What a condition says.
    pub(super) fn facts(&mut self, e: &ast::Expr) -> NotNone {
        let mut e = e;
        while let ExprKind::Paren(inner) = &e.kind {
            e = inner;
        }
        let (_, nodes) = spine(e);
        let logical = |n: &ast::Expr| matches!(n.kind, ExprKind::Binary { op: BinOp::And | BinOp::Or, .. });
        let start = nodes.iter().position(|n| logical(n));
        let Some(start) = start else { return self.test(e) };
        let ExprKind::Binary { left, .. } = &nodes[start].kind else { return NotNone::default() };
        let mut facts = self.facts_of_operand(left);
        for node in &nodes[start..] {
            let ExprKind::Binary { op, right, .. } = &node.kind else { continue };
            let known = if *op == BinOp::And { &facts.truthy } else { &facts.falsy };
            self.push_narrowed(known);
            let right = self.facts_of_operand(right);
            self.pop_scope();
            facts = facts.join(*op, right);
        }
        facts
    }

    fn facts_of_operand(&mut self, e: &ast::Expr) -> NotNone {
        match &e.kind {
            ExprKind::Binary { op: BinOp::And | BinOp::Or, .. } | ExprKind::Paren(_) => self.facts(e),
            _ => self.test(e),
        }
    }

    /// A single comparison with `none`.
    fn test(&self, e: &ast::Expr) -> NotNone {
        let ExprKind::Binary { op, left, right, .. } = &e.kind else { return NotNone::default() };
        let name = match (&left.kind, &right.kind) {
            (ExprKind::Name(n), _) if is_none_literal(right) => n,
            (_, ExprKind::Name(n)) if is_none_literal(left) => n,
            _ => return NotNone::default(),
        };
        let Some((var, _)) = self.lookup_var(&name.name) else { return NotNone::default() };
        let TyKind::Option(inner) = self.types.kind(self.seen_type(var.key)) else {
            return NotNone::default();
        };
        let fact = vec![(var.key, *inner)];
        match op {
            BinOp::Ne => NotNone { truthy: fact, falsy: Vec::new() },
            BinOp::Eq => NotNone { truthy: Vec::new(), falsy: fact },
            _ => NotNone::default(),
        }
    }

    /// Opens a scope in which the facts hold.
    pub(super) fn push_narrowed(&mut self, facts: &[(VarKey, Ty)]) {
        self.push_scope();
        self.narrow(facts);
    }

    /// The facts hold from here on in this scope.
    pub(super) fn narrow(&mut self, facts: &[(VarKey, Ty)]) {
        for (key, ty) in facts {
            self.set_view(*key, View { ty: *ty, origin: Origin::Test });
            self.watch(*key);
        }
    }
}
