//! Hash joins: an inner or left join whose condition has an equality between the joined variable
//! and the rows before it looks its candidates up instead of trying every pair.
//!
//! The table (`runtime/lib/join.mochi`) finds the positions of the items that have a key, in order, so rows come in
//! the same order as from nested loops. Only keys whose type says how they are equal (ints, floats, bools, strings) and
//! conditions whose evaluation nobody can observe are taken: what runs how often changes. What can fail in them is a
//! part of none: where an item or a row has one, all pairs are tried as nested loops do.

use super::func::Fx;
use super::ops::strip_coerce;
use super::repr::Repr;
use super::runtime::{JoinRt, Rt};
use crate::ast::{BinOp, JoinKind};
use crate::parts::{Part, mentions};
use crate::tree::{Expr, ExprKind, LocalId};
use crate::types::{Ty, TyKind};
use mochi_ir::{Block, Op, Type, Value};

/// How to find the items that may match a row.
pub(crate) struct Index<'a> {
    /// The table; none when some item has no key.
    table: Value,
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

/// Positions of the items to try for a row.
pub(crate) struct Candidates {
    pub(crate) first: Value,
    pub(crate) count: Value,
    pub(crate) chain: Chain,
}

/// Which candidate comes after another one.
#[derive(Clone, Copy)]
pub(crate) enum Chain {
    /// The next item.
    Neighbours,
    /// The next item with its key, of a table.
    Table(Value),
    /// The same, or where there is no table the next item: all are tried.
    TableIfAny(Value),
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
        let table = self.build_index(local, (list, elem), key, &own);
        Some(Index { table, find, probe, total, bases: others, rest })
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
        let kind = self.lw.types.kind(key_ty);
        let (add, kept) = (JoinRt::ADD.of(kind).expect("a key that is looked up"), *kind == TyKind::Str);
        let len = self.raw_len(list);
        let keys = if kept { len } else { self.b.iconst(0) };
        let empty = self.rt(Rt::join_new, &[len, keys]);
        let table = self.b.declare_var(Type::Ref);
        self.b.def_var(table, empty);
        let keyless = (!bases.is_empty()).then(|| self.b.new_cold_block());
        let one = self.b.iconst(1);
        let last = self.b.bin(Op::Sub, len, one);
        self.count_loop(len, |fx, i| {
            let at = fx.b.bin(Op::Sub, last, i);
            fx.bind_item(local, list, elem, at);
            if let Some(keyless) = keyless {
                fx.require_some(bases, keyless);
            }
            let k = fx.expr(key);
            let so_far = fx.b.use_var(table);
            let more = fx.rt(add, &[so_far, k, at]);
            fx.b.def_var(table, more);
        });
        if let Some(keyless) = keyless {
            let join = self.b.new_block();
            self.jump(join);
            self.enter(keyless);
            let none = self.none(Repr::Ref);
            self.b.def_var(table, none);
            self.jump(join);
            self.enter(join);
        }
        self.b.use_var(table)
    }

    /// The candidates for the row so far. When it has no key, or some item has none, these are all.
    pub(crate) fn probe_index(&mut self, index: &Index<'a>, items: Value) -> Candidates {
        if index.total {
            let k = self.expr(index.probe);
            let found = self.rt(index.find, &[index.table, k]);
            return self.candidates(found, Chain::Table(index.table));
        }
        let (found, chained) = (self.b.declare_var(Type::I64), self.b.declare_var(Type::Ref));
        let (every, look, join) = (self.b.new_cold_block(), self.b.new_block(), self.b.new_block());
        let keyless = self.is_none(Repr::Ref, index.table);
        self.brif(keyless, every, look);
        self.enter(look);
        self.require_some(&index.bases, every);
        let k = self.expr(index.probe);
        let some = self.rt(index.find, &[index.table, k]);
        self.b.def_var(found, some);
        self.b.def_var(chained, index.table);
        self.jump(join);
        self.enter(every);
        let (len, half) = (self.raw_len(items), self.b.iconst(32));
        let all = self.b.bin(Op::Shl, len, half);
        self.b.def_var(found, all);
        let none = self.none(Repr::Ref);
        self.b.def_var(chained, none);
        self.jump(join);
        self.enter(join);
        let (found, chained) = (self.b.use_var(found), self.b.use_var(chained));
        self.candidates(found, Chain::TableIfAny(chained))
    }

    /// Of what was found, the first position and the count.
    fn candidates(&mut self, found: Value, chain: Chain) -> Candidates {
        let (half, low) = (self.b.iconst(32), self.b.iconst(0xffff_ffff));
        let count = self.b.bin(Op::Ushr, found, half);
        let first = self.b.bin(Op::And, found, low);
        Candidates { first, count, chain }
    }

    /// The position after one of the candidates, when there are more.
    pub(crate) fn position_after(&mut self, candidates: &Candidates, at: Value) -> Value {
        let one = self.b.iconst(1);
        let table = match candidates.chain {
            Chain::Neighbours => return self.b.bin(Op::Add, at, one),
            Chain::Table(table) => return self.rt(Rt::join_next, &[table, at]),
            Chain::TableIfAny(table) => table,
        };
        let after = self.b.declare_var(Type::I64);
        let [all, chained, join] = [(); 3].map(|()| self.b.new_block());
        let every = self.is_none(Repr::Ref, table);
        self.brif(every, all, chained);
        self.enter(all);
        let neighbour = self.b.bin(Op::Add, at, one);
        self.b.def_var(after, neighbour);
        self.jump(join);
        self.enter(chained);
        let next = self.rt(Rt::join_next, &[table, at]);
        self.b.def_var(after, next);
        self.jump(join);
        self.enter(join);
        self.b.use_var(after)
    }
}
