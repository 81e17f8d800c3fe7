//! Groups of which only keys and totals are asked for: they have no list of items.
//!
//! What `count(g)`, `sum(from x in g select ...)` and the like give is added up while the rows come, in a list for
//! each with an element for each group (a mean is a sum and a count). That is done where the group variable occurs in nothing else, and where nobody
//! can observe when a summand is evaluated: it has no effects and cannot fail, and nothing in the query changes
//! what it reads.

use super::func::Fx;
use super::hash::{bases, is_quiet};
use super::join::Stage;
use super::ops::strip_coerce;
use super::repr::Repr;
use super::runtime::{ListRt, Rt};
use crate::parts::{Part, mentions};
use crate::tree::{Builtin, Expr, ExprKind, Group, LocalId, Query, VarRef};
use crate::types::{Ty, TyKind};
use mochi_ir::{Op, Type, Value};

/// What is asked of the groups of a query.
#[derive(Default)]
pub(crate) struct Totals<'a> {
    keys: Vec<&'a Expr>,
    folds: Vec<Fold<'a>>,
}

/// A total of the items of each group.
struct Fold<'a> {
    /// What asks for it.
    at: &'a Expr,
    /// The items that count, as a query over the group; without one, all of them.
    items: Option<&'a Query>,
    kind: Kind,
    /// Of the sum or count.
    ty: Ty,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Items are counted.
    Count,
    /// Their selected values are added up.
    Sum,
    /// The mean of the selected values.
    Mean,
}

/// The lists of a total.
#[derive(Clone, Copy)]
struct Sums {
    total: Value,
    /// How many values there were, for a mean.
    count: Option<Value>,
}

/// A group with its totals.
pub(crate) struct Totalled {
    pub(crate) keys: Value,
    sums: Vec<Sums>,
}

/// Whether an expression changes nothing, apart from its parts.
fn is_calm(e: &Expr) -> bool {
    use Builtin::{Abs, Avg, Count, Len, Max, Min, Str, Sum};
    match e.kind {
        ExprKind::Builtin { builtin, .. } => {
            matches!(builtin, Abs | Avg | Count | Len | Max | Min | Str | Sum)
        }
        ExprKind::Call { .. }
        | ExprKind::CallValue { .. }
        | ExprKind::Partial { .. }
        | ExprKind::Closure(_)
        | ExprKind::Block { .. } => false,
        _ => true,
    }
}

/// Whether an expression and all its parts change nothing.
fn all_calm(e: &Expr) -> bool {
    let mut work = vec![e];
    while let Some(e) = work.pop() {
        if !take_apart(e, &mut work) {
            return false;
        }
    }
    true
}

/// Adds the parts of an expression to those that are looked at, unless it may change something.
fn take_apart<'e>(e: &'e Expr, work: &mut Vec<&'e Expr>) -> bool {
    let mut calm = is_calm(e);
    e.each_part(&mut |part| match part {
        Part::Expr(x) => work.push(x),
        Part::Stmts(_) => calm = false,
    });
    calm
}

fn is_var(e: &Expr, local: LocalId) -> bool {
    matches!(e.kind, ExprKind::Var(VarRef::Local(l)) if l == local)
}

impl<'a> Fx<'_, 'a> {
    /// What is asked of the groups, if these are only keys and totals.
    pub(crate) fn totals(&mut self, q: &'a Query, group: &'a Group) -> Option<Totals<'a>> {
        let ty = self.var_ty(VarRef::Local(group.local));
        let (key, item) = self.group_types(ty);
        if !matches!(self.lw.types.kind(key), TyKind::Int | TyKind::Float | TyKind::Bool | TyKind::Str) {
            return None;
        }
        let joins = q.joins.iter().flat_map(|j| [&j.source, &j.on]);
        let mut of_rows = q
            .sources
            .iter()
            .skip(1)
            .map(|s| &s.1)
            .chain(joins)
            .chain(&q.filter)
            .chain([&group.key, &group.item]);
        if !of_rows.all(all_calm) {
            return None;
        }
        let mut totals = Totals::default();
        let mut work: Vec<&Expr> = group.having.iter().chain(&q.sort).chain([&q.select]).collect();
        while let Some(e) = work.pop() {
            match &e.kind {
                ExprKind::GroupField { base, name } if is_var(base, group.local) && name == "key" => {
                    totals.keys.push(e);
                    continue;
                }
                ExprKind::Var(_) if is_var(e, group.local) => return None,
                _ => {}
            }
            if let Some(fold) = self.fold_of_group(e, group.local, item) {
                totals.folds.push(fold);
                continue;
            }
            if !take_apart(e, &mut work) {
                return None;
            }
        }
        Some(totals)
    }

    /// The total that an expression asks of a group.
    fn fold_of_group(&mut self, e: &'a Expr, group: LocalId, item: Ty) -> Option<Fold<'a>> {
        let (fold, items) = match &e.kind {
            ExprKind::GroupField { base, name } if is_var(base, group) && name == "count" => {
                (Builtin::Count, None)
            }
            ExprKind::Builtin { builtin: Builtin::Count, args } if is_var(&args[0], group) => {
                (Builtin::Count, None)
            }
            ExprKind::Builtin { builtin, args } => match &args[..] {
                [Expr { kind: ExprKind::Query(q), .. }] if q.fold.is_none() => (*builtin, Some(&**q)),
                _ => return None,
            },
            ExprKind::Query(q) => (q.fold?, Some(&**q)),
            _ => return None,
        };
        let kind = match fold {
            Builtin::Count | Builtin::Len => Kind::Count,
            Builtin::Sum => Kind::Sum,
            Builtin::Avg => Kind::Mean,
            _ => return None,
        };
        let mut ty = Ty::INT;
        if let Some(q) = items {
            let [(local, source)] = &q.sources[..] else { return None };
            let plain = is_var(source, group) && q.joins.is_empty() && q.group.is_none() && q.sort.is_empty();
            if !plain || q.distinct || q.skip.is_some() || q.take.is_some() {
                return None;
            }
            let of_items = q.filter.iter().chain([&q.select]);
            if self.var_ty(VarRef::Local(*local)) != item
                || !of_items.into_iter().all(|e| self.is_sure(e, group))
            {
                return None;
            }
            if kind != Kind::Count {
                ty = self.ty(q.select.ty);
            }
        }
        matches!(self.lw.types.kind(ty), TyKind::Int | TyKind::Float).then_some(Fold {
            at: e,
            items,
            kind,
            ty,
        })
    }

    /// Whether an expression has no effects and cannot fail, and asks nothing of the group.
    fn is_sure(&mut self, e: &Expr, group: LocalId) -> bool {
        let mut parts = Vec::new();
        bases(e, &mut parts);
        let some = parts.into_iter().all(|base| {
            let ty = self.ty(strip_coerce(base).ty);
            !self.lw.may_be_none(ty)
        });
        some && is_quiet(e) && !mentions(&self.lw.program.functions, e, &[group])
    }

    /// Emits the loops that add up the totals.
    pub(crate) fn add_up(
        &mut self,
        q: &'a Query,
        group: &'a Group,
        stages: &[Stage<'a>],
        totals: &Totals<'a>,
    ) -> Totalled {
        let ty = self.var_ty(VarRef::Local(group.local));
        let (key, item) = self.group_types(ty);
        let map_ty = self.lw.types.types.intern(TyKind::Map(key, Ty::INT));
        let map_desc = self.desc(map_ty);
        let map = self.rt(Rt::map_new, &[map_desc]);
        let list = |fx: &mut Self, elem: Ty| {
            let ty = fx.lw.types.types.list(elem);
            fx.new_list(ty, 0)
        };
        let keys = list(self, key);
        let mut sums = Vec::new();
        for fold in &totals.folds {
            let count = (fold.kind == Kind::Mean).then(|| list(self, Ty::INT));
            sums.push(Sums { total: list(self, fold.ty), count });
        }
        self.loops_over(stages, q.filter.as_ref(), &mut |fx| {
            let k = fx.expr_as(&group.key, key);
            let v = fx.expr_as(&group.item, item);
            let slot = fx.map_slot(key, map, k);
            let known = fx.load_map_slot(Repr::Int, slot);
            let (make, join) = (fx.b.new_cold_block(), fx.b.new_block());
            let number = fx.b.declare_var(Type::Ref);
            fx.b.def_var(number, known);
            let missing = fx.is_none(Repr::Int, known);
            fx.brif(missing, make, join);
            fx.enter(make);
            let len = fx.raw_len(keys);
            let next = fx.tag(len);
            fx.store_map_slot(slot, next);
            fx.push(key, keys, k);
            for (fold, sum) in totals.folds.iter().zip(&sums) {
                let zero = fx.zero_of(fold.ty);
                fx.push(fold.ty, sum.total, zero);
                if let Some(count) = sum.count {
                    let zero = fx.int(0);
                    fx.push(Ty::INT, count, zero);
                }
            }
            fx.b.def_var(number, next);
            fx.jump(join);
            fx.enter(join);
            let number = fx.b.use_var(number);
            for (fold, &sum) in totals.folds.iter().zip(&sums) {
                fx.add_item(fold, (v, item), sum, number);
            }
        });
        Totalled { keys, sums }
    }

    fn zero_of(&mut self, ty: Ty) -> Value {
        match self.lw.types.kind(ty) {
            TyKind::Float => self.b.fconst(0.0),
            _ => self.int(0),
        }
    }

    /// Adds an item to a total of the group with a number.
    fn add_item(&mut self, fold: &Fold<'a>, (item, item_ty): (Value, Ty), sums: Sums, number: Value) {
        let done = self.b.new_block();
        let mut added = None;
        if let Some(q) = fold.items {
            self.bind_part(VarRef::Local(q.sources[0].0), item_ty, item);
            if let Some(filter) = &q.filter {
                let pass = self.b.new_block();
                self.branch(filter, pass, done);
                self.enter(pass);
            }
            if fold.kind != Kind::Count {
                let v = self.expr_as(&q.select, fold.ty);
                let repr = self.lw.types.repr(fold.ty);
                let (none, some) = (self.is_none(repr, v), self.b.new_block());
                self.brif(none, done, some);
                self.enter(some);
                added = Some(v);
            }
        }
        self.at(fold.at.span);
        let added = added.unwrap_or_else(|| self.int(1));
        self.add_to(fold.ty, sums.total, number, added);
        if let Some(count) = sums.count {
            let one = self.int(1);
            self.add_to(Ty::INT, count, number, one);
        }
        self.jump(done);
        self.enter(done);
    }

    /// Adds to the element of a list with a tagged index that is in range.
    fn add_to(&mut self, ty: Ty, list: Value, number: Value, added: Value) {
        let one = self.b.iconst(1);
        let at = self.b.op(Op::Sshr, &[number, one], Type::I64);
        let so_far = self.raw_get(ty, list, at);
        let total = self.accumulate(ty, so_far, added);
        let repr = self.lw.types.repr(ty);
        self.rt(ListRt::SET.of(repr), &[list, number, total]);
    }

    /// From here on, what asks for the key or a total of the group with this index finds it in [`Fx::known`].
    pub(crate) fn bind_totals(&mut self, totals: &Totals<'a>, found: &Totalled, key: Ty, index: Value) {
        for &e in &totals.keys {
            let v = self.raw_get(key, found.keys, index);
            self.known.push((e, v, key));
        }
        for (fold, sums) in totals.folds.iter().zip(&found.sums) {
            let total = self.raw_get(fold.ty, sums.total, index);
            let (v, ty) = match sums.count {
                Some(count) => {
                    let count = self.raw_get(Ty::INT, count, index);
                    (self.mean(total, fold.ty, count), Ty::FLOAT)
                }
                None => (total, fold.ty),
            };
            self.known.push((fold.at, v, ty));
        }
    }

    /// The mean of so many values (tagged), of which this is the sum; 0 of none.
    fn mean(&mut self, total: Value, ty: Ty, count: Value) -> Value {
        let total = if ty == Ty::FLOAT { total } else { self.rt(Rt::int_to_f64, &[total]) };
        let divisor = self.rt(Rt::int_to_f64, &[count]);
        self.choose(
            count,
            Repr::Float,
            |fx| fx.b.op(Op::Fdiv, &[total, divisor], Type::F64),
            |fx| fx.b.fconst(0.0),
        )
    }
}
