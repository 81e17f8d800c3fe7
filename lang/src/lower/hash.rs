//! Hash joins: a join whose condition has an equality between the joined variable and the rows before it looks its
//! candidates up instead of trying every pair. A right join looks up rows; where a key may be missing, it tries all.
//!
//! The index (`runtime/lib/join.mochi`) finds the numbers of the items that have a key, in order, so rows come in
//! the same order as from nested loops. The number of an item is one more than its position in the list. Only keys whose type says how they are equal (ints, floats, bools, strings) and
//! conditions whose evaluation nobody can observe are taken: what runs how often changes. What can fail in them is a
//! part of none: where an item or a row has one, all pairs are tried as nested loops do.

use super::func::Fx;
use super::ops::strip_coerce;
use super::repr::Repr;
use super::runtime::{JoinRt, Rt};
use crate::ast::BinOp;
use crate::parts::{Part, mentions};
use crate::tree::{Expr, ExprKind, LocalId};
use crate::types::Ty;
use mochi_ir::{Block, Cond, Op, Type, Value};

/// A condition of a join that asks whether two keys are equal.
pub(crate) struct Equality<'a> {
    /// Key of an item, and of the row so far.
    pub(crate) key: &'a Expr,
    pub(crate) probe: &'a Expr,
    pub(crate) find: Rt,
    /// What must not be none in an item, and in the row so far, so that there is a key.
    own: Vec<&'a Expr>,
    others: Vec<&'a Expr>,
    /// The other terms of the condition.
    pub(crate) rest: Vec<&'a Expr>,
}

impl Equality<'_> {
    /// Every item and row has a key.
    pub(crate) fn is_total(&self) -> bool {
        self.own.is_empty() && self.others.is_empty()
    }
}

/// How to find the items that may match a row.
pub(crate) struct Index<'a> {
    /// The runtime's; none when some item has no key.
    index: Value,
    pub(crate) equality: Equality<'a>,
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
    /// The equality in the condition of a join, if it has one by which items can be found. `locals` are all variables
    /// of the query.
    pub(crate) fn equality(
        &mut self,
        local: LocalId,
        on: &'a Expr,
        locals: &[LocalId],
    ) -> Option<Equality<'a>> {
        let terms = terms(on);
        if !terms.iter().all(|t| is_quiet(t)) {
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
        let find = JoinRt::FIND.of(self.lw.types.kind(key_ty))?;
        let rest = terms.iter().enumerate().filter(|(k, _)| *k != at).map(|(_, t)| *t).collect();
        // What comes behind the equality is evaluated for the same pairs as without an index.
        let mut parts = Vec::new();
        terms[..=at].iter().for_each(|t| bases(t, &mut parts));
        parts.retain(|e| {
            let ty = self.ty(strip_coerce(e).ty);
            self.lw.may_be_none(ty)
        });
        let (own, others): (Vec<&Expr>, Vec<&Expr>) = parts.into_iter().partition(|e| mentions(e, &[local]));
        Some(Equality { key, probe, find, own, others, rest })
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

    /// Builds the index of the items of a joined list.
    pub(crate) fn index_items(
        &mut self,
        local: LocalId,
        (list, elem): (Value, Ty),
        equality: Equality<'a>,
    ) -> Index<'a> {
        let len = self.raw_len(list);
        let keyless = (!equality.own.is_empty()).then(|| self.b.new_cold_block());
        let index = self.index_keys(len, equality.key, |fx, i| {
            fx.bind_item(local, list, elem, i);
            if let Some(keyless) = keyless {
                fx.require_some(&equality.own, keyless);
            }
        });
        let Some(keyless) = keyless else { return Index { index, equality } };
        let (result, join) = (self.b.declare_var(Type::Ref), self.b.new_block());
        self.b.def_var(result, index);
        self.jump(join);
        self.enter(keyless);
        let none = self.none(Repr::Ref);
        self.b.def_var(result, none);
        self.jump(join);
        self.enter(join);
        Index { index: self.b.use_var(result), equality }
    }

    /// The index of so many keys; `bind` binds the variables of the one with a position.
    pub(crate) fn index_keys(
        &mut self,
        len: Value,
        key: &'a Expr,
        bind: impl FnOnce(&mut Self, Value),
    ) -> Value {
        let key_ty = self.ty(key.ty);
        let keys_ty = self.lw.types.types.list(key_ty);
        let make = JoinRt::INDEX.of(self.lw.types.kind(key_ty)).expect("keys that are looked up");
        let desc = self.desc(keys_ty);
        let keys = self.rt(Rt::list_new, &[desc, len]);
        self.count_loop(len, |fx, i| {
            bind(fx, i);
            let k = fx.expr(key);
            fx.push(key_ty, keys, k);
        });
        self.rt(make, &[keys])
    }

    /// The candidates for the row so far. When it has no key, or some item has none, these are all.
    pub(crate) fn probe_index(&mut self, index: &Index<'a>, items: Value) -> Candidates {
        let Equality { probe, find, .. } = index.equality;
        if index.equality.is_total() {
            return self.look_up(index.index, find, probe);
        }
        let (first, used) = (self.b.declare_var(Type::I64), self.b.declare_var(Type::Ref));
        let (every, look, join) = (self.b.new_cold_block(), self.b.new_block(), self.b.new_block());
        let len = self.raw_len(items);
        let keyless = self.is_none(Repr::Ref, index.index);
        self.brif(keyless, every, look);
        self.enter(look);
        self.require_some(&index.equality.others, every);
        let found = self.look_up(index.index, find, probe);
        self.b.def_var(first, found.first);
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

    /// The candidates with a key.
    pub(crate) fn look_up(&mut self, index: Value, find: Rt, key: &'a Expr) -> Candidates {
        let k = self.expr(key);
        Candidates { first: self.rt(find, &[index, k]), rest: Rest::Equal(index) }
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
