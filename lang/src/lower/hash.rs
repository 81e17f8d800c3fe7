//! Hash joins: an inner or left join whose condition has an equality between the joined variable
//! and the rows before it looks its candidates up instead of trying every pair.
//!
//! The index maps a key to the positions of the items that have it, in order, so rows come in the
//! same order as from nested loops. Only keys with exact equality (ints, strings) and conditions
//! whose evaluation nobody can observe are taken: what runs how often changes. What can fail in them is a
//! part of none: where an item or a row has one, all pairs are tried as nested loops do.

use super::func::Fx;
use super::ops::strip_coerce;
use super::repr::Repr;
use super::runtime::Rt;
use crate::ast::{BinOp, JoinKind};
use crate::parts::{Part, mentions};
use crate::tree::{Expr, ExprKind, LocalId};
use crate::types::{Ty, TyKind};
use mochi_ir::{Block, Op, Region, Type, Value};

/// How to find the items that may match a row.
pub(crate) struct Index<'a> {
    /// Key to list of positions; none when some item has no key.
    map: Value,
    key: Ty,
    /// Key of the row so far.
    probe: &'a Expr,
    /// Every item and row has a key.
    pub(crate) total: bool,
    /// What must not be none in the row so far.
    bases: Vec<&'a Expr>,
    /// The other terms of the condition.
    pub(crate) rest: Vec<&'a Expr>,
}

/// An expression without effects, which can fail only because one of its [`bases`] is none.
fn is_quiet(e: &Expr) -> bool {
    let scalar = |e: &Expr| matches!(e.ty, Ty::INT | Ty::FLOAT | Ty::BOOL);
    match &e.kind {
        ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Str(_) | ExprKind::None => true,
        ExprKind::Var(_) => true,
        ExprKind::Field { base, .. }
        | ExprKind::GroupField { base, .. }
        | ExprKind::SafeField { base, .. } => is_quiet(base),
        ExprKind::DynField { base, .. } => base.ty != Ty::ANY && is_quiet(base),
        ExprKind::Coerce { value } => value.ty != Ty::ANY && is_quiet(value),
        ExprKind::Unary { operand, .. } => scalar(operand) && is_quiet(operand),
        ExprKind::Binary { op, left, right } => {
            let simple = match op {
                BinOp::Eq | BinOp::Ne => scalar(left) || left.ty == Ty::STR,
                BinOp::Div | BinOp::Mod | BinOp::In => false,
                _ => scalar(left),
            };
            simple && is_quiet(left) && is_quiet(right)
        }
        _ => false,
    }
}

/// The values of which a quiet expression takes a part, inner ones first.
fn bases<'e>(e: &'e Expr, found: &mut Vec<&'e Expr>) {
    match &e.kind {
        ExprKind::Field { base, .. }
        | ExprKind::GroupField { base, .. }
        | ExprKind::DynField { base, .. } => {
            bases(base, found);
            found.push(base);
        }
        _ => e.each_part(&mut |part| {
            if let Part::Expr(x) = part {
                bases(x, found);
            }
        }),
    }
}

/// The terms of a conjunction, in order.
fn terms(on: &Expr) -> Vec<&Expr> {
    let mut terms = Vec::new();
    let mut at = on;
    while let ExprKind::Binary { op: BinOp::And, left, right } = &at.kind {
        terms.push(&**right);
        at = left;
    }
    terms.push(at);
    terms.reverse();
    terms
}

impl<'a> Fx<'_, 'a> {
    /// Builds the index of a join, if its condition has the form. `locals` are all variables of
    /// the query.
    pub(crate) fn index_join(
        &mut self,
        local: LocalId,
        (list, elem): (Value, Ty),
        (kind, on): (JoinKind, &'a Expr),
        locals: &[LocalId],
    ) -> Option<Index<'a>> {
        let terms = terms(on);
        if !matches!(kind, JoinKind::Inner | JoinKind::Left) || !terms.iter().all(|t| is_quiet(t)) {
            return None;
        }
        let others: Vec<LocalId> = locals.iter().copied().filter(|l| *l != local).collect();
        let functions = &self.lw.program.functions;
        let mentions = |e: &Expr, locals: &[LocalId]| mentions(functions, e, locals);
        let own = |e: &Expr| mentions(e, &[local]) && !mentions(e, &others);
        let (at, key, probe) = terms.iter().enumerate().find_map(|(k, term)| {
            let ExprKind::Binary { op: BinOp::Eq, left, right } = &term.kind else { return None };
            match (own(left), own(right)) {
                (true, false) if !mentions(right, &[local]) => Some((k, &**left, &**right)),
                (false, true) if !mentions(left, &[local]) => Some((k, &**right, &**left)),
                _ => None,
            }
        })?;
        let key_ty = self.ty(key.ty);
        let exact = matches!(self.lw.types.kind(key_ty), TyKind::Int | TyKind::Str);
        if !exact || self.ty(probe.ty) != key_ty {
            return None;
        }
        let rest = terms.iter().enumerate().filter(|(k, _)| *k != at).map(|(_, t)| *t).collect();
        // What comes behind the equality is evaluated for the same pairs as without an index.
        let mut parts = Vec::new();
        terms[..=at].iter().for_each(|t| bases(t, &mut parts));
        parts.retain(|e| {
            let ty = self.ty(strip_coerce(e).ty);
            self.lw.may_be_none(ty)
        });
        let total = parts.is_empty();
        let (own, others): (Vec<&Expr>, Vec<&Expr>) = parts.into_iter().partition(|e| mentions(e, &[local]));
        let map = self.build_index(local, (list, elem), key, key_ty, &own);
        Some(Index { map, key: key_ty, probe, total, bases: others, rest })
    }

    /// Goes on when none of these is none.
    fn require_some(&mut self, bases: &[&'a Expr], none: Block) {
        for base in bases {
            let v = self.expr(base);
            let is_none = self.is_none(Repr::Ref, v);
            let some = self.b.new_block();
            self.brif(is_none, none, some);
            self.enter(some);
        }
    }

    fn build_index(
        &mut self,
        local: LocalId,
        (list, elem): (Value, Ty),
        key: &'a Expr,
        key_ty: Ty,
        bases: &[&'a Expr],
    ) -> Value {
        let positions = self.lw.types.types.list(Ty::INT);
        let map_ty = self.lw.types.types.intern(TyKind::Map(key_ty, positions));
        let desc = self.desc(map_ty);
        let map = self.rt(Rt::map_new, &[desc]);
        let len = self.raw_len(list);
        let keyless = (!bases.is_empty()).then(|| self.b.new_cold_block());
        self.count_loop(len, |fx, i| {
            fx.bind_item(local, list, elem, i);
            if let Some(keyless) = keyless {
                fx.require_some(bases, keyless);
            }
            let k = fx.expr(key);
            let slot = fx.map_slot(key_ty, map, k);
            let held = fx.load_slot(Repr::Ref, slot, 0, Region::ANY);
            let none = fx.is_none(Repr::Ref, held);
            let all = fx.choose(
                none,
                Repr::Ref,
                |fx| {
                    let fresh = fx.new_list(positions, 1);
                    fx.store_slot(slot, fresh, 0, Region::ANY);
                    fresh
                },
                |_| held,
            );
            let position = fx.tag(i);
            fx.push(Ty::INT, all, position);
        });
        let Some(keyless) = keyless else { return map };
        let (result, join) = (self.b.declare_var(Type::Ref), self.b.new_block());
        self.b.def_var(result, map);
        self.jump(join);
        self.enter(keyless);
        let none = self.none(Repr::Ref);
        self.b.def_var(result, none);
        self.jump(join);
        self.enter(join);
        self.b.use_var(result)
    }

    /// The list of positions for the row so far, and how many pairs to try. With positions that are none
    /// these are all.
    pub(crate) fn probe_index(&mut self, index: &Index<'a>, items: Value) -> (Value, Value) {
        let (found, count) = (self.b.declare_var(Type::Ref), self.b.declare_var(Type::I64));
        let every = (!index.total).then(|| self.b.new_cold_block());
        let [hit, miss, join] = [(); 3].map(|()| self.b.new_block());
        let none = self.none(Repr::Ref);
        self.b.def_var(found, none);
        if let Some(every) = every {
            let keyless = self.is_none(Repr::Ref, index.map);
            let look = self.b.new_block();
            self.brif(keyless, every, look);
            self.enter(look);
            self.require_some(&index.bases, every);
        }
        let k = self.expr(index.probe);
        let slot = self.map_find(index.key, index.map, k);
        self.brif(slot, hit, miss);
        self.enter(hit);
        let list = self.load_slot(Repr::Ref, slot, 0, Region::ANY);
        self.b.def_var(found, list);
        let len = self.raw_len(list);
        self.b.def_var(count, len);
        self.jump(join);
        self.enter(miss);
        let zero = self.b.iconst(0);
        self.b.def_var(count, zero);
        self.jump(join);
        if let Some(every) = every {
            self.enter(every);
            let len = self.raw_len(items);
            self.b.def_var(count, len);
            self.jump(join);
        }
        self.enter(join);
        (self.b.use_var(found), self.b.use_var(count))
    }

    /// The raw position at an index of a list of positions.
    pub(crate) fn position_at(&mut self, positions: Value, i: Value) -> Value {
        let tagged = self.raw_get(Ty::INT, positions, i);
        let one = self.b.iconst(1);
        self.b.op(Op::Sshr, &[tagged, one], Type::I64)
    }
}
