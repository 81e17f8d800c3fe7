//! Queries: loops over the sources and joins, a filter, then grouping or the selected rows, and
//! finally sorting, `distinct`, `skip`, `take` or a fold.
//!
//! The code for a row is emitted once, inside the loops. Sorted queries keep the keys in a list
//! beside the rows. `sum` and `count` add up while the loops run.

use super::func::Fx;
use super::hash::Equality;
use super::join::Stage;
use super::repr::Repr;
use super::runtime::Rt;
use crate::ast::JoinKind;
use crate::parts::mentions;
use crate::tree::{Builtin, Expr, Query, VarRef};
use crate::types::{Ty, TyKind};
use mochi_ir::builder::Var;
use mochi_ir::{Op, Type, Value};

/// What happens to a row (or group) that passed all filters.
enum Sink {
    /// Its selected value is added to a list; sort keys to another.
    Rows { out: Value, elem: Ty, keys: Option<(Value, Ty)> },
    /// It is counted.
    Count(Var),
    /// Its selected value is added to an accumulator of a type.
    Sum(Var, Ty),
}

impl<'a> Fx<'_, 'a> {
    /// A query.
    pub(crate) fn query(&mut self, e: &'a Expr, q: &'a Query) -> Value {
        let want = self.ty(e.ty);
        if let Some(fold) = q.fold {
            if q.skip.is_none()
                && q.take.is_none()
                && !q.distinct
                && let Some((v, ty)) = self.fold_rows(q, fold)
            {
                return self.convert(v, ty, want);
            }
            let elem = self.ty(q.select.ty);
            let list_ty = self.lw.types.types.list(elem);
            let rows = self.rows(q, list_ty);
            if fold == Builtin::Count {
                let n = self.rt(Rt::list_len, &[rows]);
                return self.convert(n, Ty::INT, want);
            }
            let (v, ty) = self.fold_list(fold, rows, list_ty);
            return self.convert(v, ty, want);
        }
        let list_ty = self.lw.types.strip(want);
        if self.lw.types.is_list(list_ty) {
            return self.rows(q, list_ty);
        }
        let elem = self.ty(q.select.ty);
        let list_ty = self.lw.types.types.list(elem);
        let rows = self.rows(q, list_ty);
        self.convert(rows, list_ty, want)
    }

    /// Counts or adds up the rows without a list, when the fold and its type allow it.
    pub(crate) fn fold_rows(&mut self, q: &'a Query, fold: Builtin) -> Option<(Value, Ty)> {
        match fold {
            Builtin::Count => {
                let n = self.b.declare_var(Type::I64);
                let zero = self.b.iconst(0);
                self.b.def_var(n, zero);
                self.run(q, &Sink::Count(n));
                let n = self.b.use_var(n);
                Some((self.tag(n), Ty::INT))
            }
            Builtin::Sum => {
                let ty = self.ty(q.select.ty);
                let zero = match self.lw.types.kind(ty) {
                    TyKind::Int => self.int(0),
                    TyKind::Float => self.b.fconst(0.0),
                    _ => return None,
                };
                let acc = self.b.declare_var(self.lw.types.repr(ty).ir());
                self.b.def_var(acc, zero);
                self.run(q, &Sink::Sum(acc, ty));
                Some((self.b.use_var(acc), ty))
            }
            _ => None,
        }
    }

    /// The list of selected values.
    fn rows(&mut self, q: &'a Query, list_ty: Ty) -> Value {
        let elem = self.lw.types.elem(list_ty);
        let out = self.new_list(list_ty, 0);
        let keys = match q.sort.as_slice() {
            [] => None,
            [key] => {
                let key = self.ty(key.ty);
                Some(key)
            }
            _ => Some(self.lw.types.types.list(Ty::ANY)),
        };
        let keys = keys.map(|key| {
            let ty = self.lw.types.types.list(key);
            (self.new_list(ty, 0), key)
        });
        self.run(q, &Sink::Rows { out, elem, keys });
        let mut rows = out;
        if let Some((keys, _)) = keys {
            self.at(q.sort[0].span);
            rows = self.rt(Rt::list_sort_by, &[rows, keys]);
        }
        if q.distinct {
            rows = self.rt(Rt::list_distinct, &[rows]);
        }
        if let Some(skip) = &q.skip {
            let from = self.bound(Some(skip));
            let to = self.none(Repr::Int);
            rows = self.rt(Rt::list_slice, &[rows, from, to]);
        }
        if let Some(take) = &q.take {
            let from = self.none(Repr::Int);
            let to = self.bound(Some(take));
            rows = self.rt(Rt::list_slice, &[rows, from, to]);
        }
        rows
    }

    /// Emits the loops with the sink inside.
    fn run(&mut self, q: &'a Query, sink: &Sink) {
        let stages = self.stages(q);
        let Some(group) = &q.group else {
            self.loops_over(&stages, q.filter.as_ref(), &mut |fx| fx.sink(q, sink));
            return;
        };
        let ty = self.var_ty(VarRef::Local(group.local));
        let totals = self.totals(q, group);
        let (groups, totalled) = match &totals {
            Some(totals) => {
                let totalled = self.add_up(q, group, &stages, totals);
                (totalled.keys, Some((totals, totalled)))
            }
            None => {
                let groups_ty = self.lw.types.types.list(ty);
                let groups = self.new_list(groups_ty, 0);
                self.collect_groups(q, group, &stages, groups, ty);
                (groups, None)
            }
        };
        let len = self.raw_len(groups);
        self.count_loop(len, |fx, i| {
            let before = fx.known.len();
            if let Some((totals, totalled)) = &totalled {
                let (key, _) = fx.group_types(ty);
                fx.bind_totals(totals, totalled, key, i);
            } else {
                let g = fx.raw_get(ty, groups, i);
                fx.bind_local(group.local, g);
            }
            let done = fx.b.new_block();
            if let Some(having) = &group.having {
                let pass = fx.b.new_block();
                fx.branch(having, pass, done);
                fx.enter(pass);
            }
            fx.sink(q, sink);
            fx.known.truncate(before);
            fx.jump(done);
            fx.enter(done);
        });
    }

    /// One row (or group) that passed: what it selects and its sort keys are evaluated even if only their
    /// effects count.
    fn sink(&mut self, q: &'a Query, sink: &Sink) {
        if !matches!(sink, Sink::Rows { .. }) {
            for key in &q.sort {
                self.effect(key);
            }
        }
        match sink {
            Sink::Rows { out, elem, keys } => {
                if let Some((keys, key_ty)) = keys {
                    let key = match q.sort.as_slice() {
                        [key] => self.keep_as(key, *key_ty),
                        all => self.key_list(all),
                    };
                    self.push(*key_ty, *keys, key);
                }
                let v = self.keep_as(&q.select, *elem);
                self.push(*elem, *out, v);
            }
            Sink::Count(n) => {
                self.effect(&q.select);
                let (so_far, one) = (self.b.use_var(*n), self.b.iconst(1));
                let next = self.b.bin(Op::Add, so_far, one);
                self.b.def_var(*n, next);
            }
            Sink::Sum(acc, ty) => {
                let v = self.expr_as(&q.select, *ty);
                self.at(q.select.span);
                let so_far = self.b.use_var(*acc);
                let repr = self.lw.types.repr(*ty);
                let none = self.is_none(repr, v);
                let next = self.choose(none, repr, |_| so_far, |fx| fx.accumulate(*ty, so_far, v));
                self.b.def_var(*acc, next);
            }
        }
    }

    /// Several sort keys as one list, compared from its first element on.
    fn key_list(&mut self, keys: &'a [Expr]) -> Value {
        let ty = self.lw.types.types.list(Ty::ANY);
        let values: Vec<Value> = keys.iter().map(|k| self.keep_as(k, Ty::ANY)).collect();
        let list = self.new_list(ty, values.len() as i64);
        for v in values {
            self.push(Ty::ANY, list, v);
        }
        list
    }

    /// Sources and joins in order; lists that need no variable of the query are evaluated now.
    fn stages(&mut self, q: &'a Query) -> Vec<Stage<'a>> {
        let locals: Vec<_> = q.sources.iter().map(|s| s.0).chain(q.joins.iter().map(|j| j.local)).collect();
        let mut stages = Vec::new();
        let joins = q.joins.iter().map(|j| (j.local, &j.source, Some((j.kind, &j.on))));
        for (local, source, join) in q.sources.iter().map(|(l, e)| (*l, e, None)).chain(joins) {
            let first = stages.is_empty();
            let input = first && source.is_input();
            let early = !input && (first || !mentions(&self.lw.program.functions, source, &locals));
            let list = if early { Some(self.source_list(q, source)) } else { None };
            let mut equality = join.and_then(|(_, on)| self.equality(local, on, &locals));
            let mut index = None;
            if matches!(join, Some((JoinKind::Right, _))) {
                equality = equality.filter(Equality::is_total);
            } else if let (Some(found), Some(list)) = (equality.take(), list) {
                index = Some(self.index_items(local, list, found));
            }
            stages.push(Stage { query: q, local, source, input, list, join, index, equality });
        }
        stages
    }

    /// The list a source of a query stands for, and its element type.
    pub(crate) fn source_list(&mut self, q: &'a Query, source: &'a Expr) -> (Value, Ty) {
        let v = self.read_before(source, q.exprs());
        let ty = self.ty(source.ty);
        self.at(source.span);
        match *self.lw.types.kind(self.lw.types.strip(ty)) {
            TyKind::List(elem) => {
                // None is no source, also where nothing is to be combined with its elements.
                self.raw_len(v);
                (v, elem)
            }
            TyKind::Group(key, item) => (self.group_items(key, v), item),
            _ => {
                let list = self.lw.types.types.list(Ty::ANY);
                (self.convert(v, ty, list), Ty::ANY)
            }
        }
    }
}
