//! Hash joins: an inner or left join whose condition has an equality between the joined variable
//! and the rows before it looks its candidates up instead of trying every pair.
//!
//! The index (`runtime/lib/join.mochi`) finds the numbers of the items that have a key, in order, so rows come in
//! the same order as from nested loops. The number of an item is one more than its position in the list. Only keys whose type says how they are equal (ints, floats, bools, strings) and
//! conditions whose evaluation nobody can observe are taken: what runs how often changes. What can fail in them is a
//! part of none: where an item or a row has one, all pairs are tried as nested loops do.

use super::func::Fx;
use super::ops::strip_coerce;
use super::repr::Repr;
use super::runtime::{JoinRt, Rt};
use crate::ast::{BinOp, JoinKind};
use crate::parts::{Part, mentions};
use crate::tree::{Expr, ExprKind, LocalId};
use crate::types::Ty;
use mochi_ir::{Block, Cond, Op, Type, Value};

/// How to find the items that may match a row.
pub(crate) struct Index<'a> {
    /// The runtime's; none when some item has no key.
    index: Value,
    find: Rt,
    /// Key of the row so far.
    probe: &'a Expr,
    /// Every item and row has a key.
    pub(crate) total: bool,
    /// What must not be none in the row so far.
    bases: Vec<&'a Expr>,
    /// The other terms of the condition.
    pub(crate) rest: Vec<&'a Expr>,
}

/// The items to try for a row.
#[derive(Clone, Copy)]
pub(crate) struct Candidates {
    /// The number of the first one, or 0.
    pub(crate) first: Value,
    pub(crate) rest: Rest,
}

/// Which candidate comes after another one.
#[derive(Clone, Copy)]
pub(crate) enum Rest {
    /// The next one of so many items.
    All(Value),
    /// The next item with its key, of an index.
    Equal(Value),
    /// The same, but where the index is none the next one of so many items.
    EqualOrAll(Value, Value),
}

/// An expression without effects, which can fail only because one of its [`bases`] is none.
pub(super) fn is_quiet(e: &Expr) -> bool {
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
pub(super) fn bases<'e>(e: &'e Expr, found: &mut Vec<&'e Expr>) {
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
        if self.ty(probe.ty) != key_ty {
            return None;
        }
        let kind = self.lw.types.kind(key_ty);
        let find = JoinRt::FIND.of(kind)?;
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
        let index = self.build_index(local, (list, elem), key, &own);
        Some(Index { index, find, probe, total, bases: others, rest })
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
        bases: &[&'a Expr],
    ) -> Value {
        let key_ty = self.ty(key.ty);
        let keys_ty = self.lw.types.types.list(key_ty);
        let make = JoinRt::INDEX.of(self.lw.types.kind(key_ty)).expect("keys that are looked up");
        let len = self.raw_len(list);
        let keys = {
            let desc = self.desc(keys_ty);
            self.rt(Rt::list_new, &[desc, len])
        };
        let keyless = (!bases.is_empty()).then(|| self.b.new_cold_block());
        self.count_loop(len, |fx, i| {
            fx.bind_item(local, list, elem, i);
            if let Some(keyless) = keyless {
                fx.require_some(bases, keyless);
            }
            let k = fx.expr(key);
            fx.push(key_ty, keys, k);
        });
        let index = self.rt(make, &[keys]);
        let Some(keyless) = keyless else { return index };
        let (result, join) = (self.b.declare_var(Type::Ref), self.b.new_block());
        self.b.def_var(result, index);
        self.jump(join);
        self.enter(keyless);
        let none = self.none(Repr::Ref);
        self.b.def_var(result, none);
        self.jump(join);
        self.enter(join);
        self.b.use_var(result)
    }

    /// The candidates for the row so far. When it has no key, or some item has none, these are all.
    pub(crate) fn probe_index(&mut self, index: &Index<'a>, items: Value) -> Candidates {
        if index.total {
            let k = self.expr(index.probe);
            let first = self.rt(index.find, &[index.index, k]);
            return Candidates { first, rest: Rest::Equal(index.index) };
        }
        let (first, used) = (self.b.declare_var(Type::I64), self.b.declare_var(Type::Ref));
        let (every, look, join) = (self.b.new_cold_block(), self.b.new_block(), self.b.new_block());
        let len = self.raw_len(items);
        let keyless = self.is_none(Repr::Ref, index.index);
        self.brif(keyless, every, look);
        self.enter(look);
        self.require_some(&index.bases, every);
        let k = self.expr(index.probe);
        let found = self.rt(index.find, &[index.index, k]);
        self.b.def_var(first, found);
        self.b.def_var(used, index.index);
        self.jump(join);
        self.enter(every);
        let all = self.all_items(len);
        self.b.def_var(first, all.first);
        let none = self.none(Repr::Ref);
        self.b.def_var(used, none);
        self.jump(join);
        self.enter(join);
        let (first, used) = (self.b.use_var(first), self.b.use_var(used));
        Candidates { first, rest: Rest::EqualOrAll(used, len) }
    }

    /// So many items, one after the other.
    pub(crate) fn all_items(&mut self, count: Value) -> Candidates {
        let zero = self.b.iconst(0);
        let first = self.b.icmp(Cond::Ne, count, zero);
        Candidates { first, rest: Rest::All(count) }
    }

    /// The number of the candidate after one, or 0.
    pub(crate) fn candidate_after(&mut self, rest: Rest, number: Value) -> Value {
        let (index, count) = match rest {
            Rest::All(count) => return self.neighbour(number, count),
            Rest::Equal(index) => return self.rt(Rt::join_next, &[index, number]),
            Rest::EqualOrAll(index, count) => (index, count),
        };
        let after = self.b.declare_var(Type::I64);
        let [all, equal, join] = [(); 3].map(|()| self.b.new_block());
        let none = self.is_none(Repr::Ref, index);
        self.brif(none, all, equal);
        self.enter(all);
        let neighbour = self.neighbour(number, count);
        self.b.def_var(after, neighbour);
        self.jump(join);
        self.enter(equal);
        let next = self.rt(Rt::join_next, &[index, number]);
        self.b.def_var(after, next);
        self.jump(join);
        self.enter(join);
        self.b.use_var(after)
    }

    /// The number after one, or 0 behind the last.
    fn neighbour(&mut self, number: Value, count: Value) -> Value {
        let (zero, one) = (self.b.iconst(0), self.b.iconst(1));
        let next = self.b.bin(Op::Add, number, one);
        let more = self.b.icmp(Cond::Slt, number, count);
        self.b.op(Op::Select, &[more, next, zero], Type::I64)
    }
}
