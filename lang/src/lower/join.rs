//! The loops of a query: sources, joins, filter.
//!
//! An inner or left join is a loop inside the loops before it; for inner joins with an index it is a turn of the loop
//! before. A right join turns the order around, and an outer join adds rows at the end; both first put the rows so
//! far into lists, one for each variable. The unmatched row of a left or right join is an extra turn of the inner
//! loop, so that the code for a row exists once. Equality joins use an index ([`super::hash`]).

use super::func::Fx;
use super::hash::{Candidates, Equality, Index, Rest};
use super::repr::Repr;
use super::runtime::Rt;
use crate::ast::JoinKind;
use crate::tree::{Expr, LocalId, Query, VarRef};
use crate::types::Ty;
use mochi_ir::builder::Var;
use mochi_ir::{Block, Cond, Op, Type, Value};

/// A `from` or `join` clause.
pub(crate) struct Stage<'a> {
    pub(crate) query: &'a Query,
    pub(crate) local: LocalId,
    pub(crate) source: &'a Expr,
    /// Its items are the lines of standard input, read as the loops go.
    pub(crate) input: bool,
    /// The list and its element type, when it was evaluated before the loops.
    pub(crate) list: Option<(Value, Ty)>,
    pub(crate) join: Option<(JoinKind, &'a Expr)>,
    /// Finds the items that may match, for some joins.
    pub(crate) index: Option<Index<'a>>,
    /// By which a right join finds rows.
    pub(crate) equality: Option<Equality<'a>>,
}

impl Stage<'_> {
    fn is_left(&self) -> bool {
        matches!(self.join, Some((JoinKind::Left, _)))
    }
}

/// An index on the way through [`Fx::lookups`].
struct Level {
    items: (Value, Ty),
    /// The number of the next item to try, or 0; and what of [`Rest::EqualOrAll`] there is for the row.
    number: Var,
    used: Var,
    count: Var,
    /// Tries it.
    item: Block,
}

/// Rows so far: for each variable a list and its element type.
type Columns = Vec<(LocalId, Value, Ty)>;

/// Code for a row.
type Row<'r, 'l, 'a> = &'r mut dyn FnMut(&mut Fx<'l, 'a>);

impl<'l, 'a> Fx<'l, 'a> {
    /// Loops over all rows that pass the joins and the filter.
    pub(crate) fn loops_over(
        &mut self,
        stages: &[Stage<'a>],
        filter: Option<&'a Expr>,
        row: Row<'_, 'l, 'a>,
    ) {
        let turns = |s: &Stage| matches!(s.join, Some((JoinKind::Right | JoinKind::Outer, _)));
        let filtered = &mut |fx: &mut Fx<'l, 'a>| {
            let Some(filter) = filter else { return row(fx) };
            let (pass, done) = (fx.b.new_block(), fx.b.new_block());
            fx.branch(filter, pass, done);
            fx.enter(pass);
            row(fx);
            fx.jump(done);
            fx.enter(done);
        };
        let Some(first) = stages.iter().position(turns) else { return self.nest(stages, filtered) };
        let mut columns = self.columns(&stages[..first]);
        self.nest(&stages[..first], &mut |fx| fx.store_row(&columns));
        let mut at = first;
        loop {
            let stage = &stages[at];
            let next = stages[at + 1..].iter().position(turns).map(|n| at + 1 + n);
            let rest = &stages[at + 1..next.unwrap_or(stages.len())];
            let (_, on) = stage.join.expect("a join");
            let after = next.map(|n| self.columns(&stages[..n]));
            let mut body = |fx: &mut Fx<'l, 'a>| match &after {
                Some(after) => fx.nest(rest, &mut |fx| fx.store_row(after)),
                None => fx.nest(rest, filtered),
            };
            match stage.join {
                Some((JoinKind::Right, _)) => self.right_join(stage, on, &columns, &mut body),
                _ => self.outer_join(stage, &columns, &mut body),
            }
            let (Some(n), Some(after)) = (next, after) else { return };
            at = n;
            columns = after;
        }
    }

    /// Empty lists for the variables of some clauses.
    fn columns(&mut self, stages: &[Stage<'a>]) -> Columns {
        let mut columns = Vec::new();
        for s in stages {
            let ty = self.var_ty(VarRef::Local(s.local));
            let list = self.lw.types.types.list(ty);
            columns.push((s.local, self.new_list(list, 0), ty));
        }
        columns
    }

    fn store_row(&mut self, columns: &Columns) {
        for &(local, list, ty) in columns {
            let v = self.read(VarRef::Local(local));
            self.push(ty, list, v);
        }
    }

    fn load_row(&mut self, columns: &Columns, index: Value) {
        for &(local, list, ty) in columns {
            let v = self.raw_get(ty, list, index);
            self.bind_part(VarRef::Local(local), ty, v);
        }
    }

    fn empty_row(&mut self, columns: &Columns) {
        for &(local, _, ty) in columns {
            self.bind_none(local, ty);
        }
    }

    fn bind_none(&mut self, local: LocalId, ty: Ty) {
        let repr = self.lw.types.repr(ty);
        let none = self.none(repr);
        self.bind_local(local, none);
    }

    fn list_of(&mut self, stage: &Stage<'a>) -> (Value, Ty) {
        match stage.list {
            Some(l) => l,
            None => self.source_list(stage.query, stage.source),
        }
    }

    /// Binds a query variable to an item of a list.
    pub(crate) fn bind_item(&mut self, local: LocalId, list: Value, elem: Ty, index: Value) {
        let v = self.raw_get(elem, list, index);
        let want = self.var_ty(VarRef::Local(local));
        let v = self.convert(v, elem, want);
        self.bind_part(VarRef::Local(local), want, v);
    }

    /// Sources, inner and left joins, each inside the one before.
    fn nest(&mut self, stages: &[Stage<'a>], row: Row<'_, 'l, 'a>) {
        let Some((stage, rest)) = stages.split_first() else { return row(self) };
        if stage.input {
            return self.line_loop(stage.source, |fx, line, _| {
                let want = fx.var_ty(VarRef::Local(stage.local));
                let line = fx.convert(line, Ty::STR, want);
                fx.bind_local(stage.local, line);
                fx.nest(rest, row);
            });
        }
        let looked_up = rest.iter().take_while(|s| s.index.is_some() && !s.is_left()).count();
        if stage.index.is_none() && !stage.is_left() && looked_up > 0 {
            return self.lookups(stage, &rest[..looked_up], &rest[looked_up..], row);
        }
        let items = self.list_of(stage);
        let found = stage.index.as_ref().map(|index| self.probe_index(index, items.0));
        let tried = found.map(|found| found.rest);
        if stage.is_left() {
            let matched = self.b.declare_var(Type::I64);
            let zero = self.b.iconst(0);
            self.b.def_var(matched, zero);
            let candidates = found.unwrap_or_else(|| {
                let len = self.raw_len(items.0);
                self.all_items(len)
            });
            return self.loop_with_rest(
                candidates,
                matched,
                |fx, at, miss| fx.bind_candidate(stage, items, tried, at, miss),
                |fx| {
                    let ty = fx.var_ty(VarRef::Local(stage.local));
                    fx.bind_none(stage.local, ty);
                },
                &mut |fx| fx.nest(rest, row),
            );
        }
        let one = |fx: &mut Self, at: Value| {
            let miss = fx.b.new_block();
            fx.bind_candidate(stage, items, tried, at, miss);
            fx.nest(rest, row);
            fx.jump(miss);
            fx.enter(miss);
        };
        match found {
            Some(found) => self.candidate_loop(found, one),
            None => {
                let len = self.raw_len(items.0);
                self.count_loop(len, one);
            }
        }
    }

    /// The items of a stage, each with those that indexes find for it, as a single loop: each turn goes on with the
    /// innermost item that has a next one. A row has few candidates, and a loop of their own would be entered for
    /// each row.
    fn lookups(&mut self, outer: &Stage<'a>, stages: &[Stage<'a>], rest: &[Stage<'a>], row: Row<'_, 'l, 'a>) {
        let items = self.list_of(outer);
        let len = self.raw_len(items.0);
        let i = self.b.declare_var(Type::I64);
        let zero = self.b.iconst(0);
        self.b.def_var(i, zero);
        let [head, advance, inside, exit] = [(); 4].map(|()| self.b.new_block());
        let mut levels = Vec::new();
        for stage in stages {
            let var = |fx: &mut Self, ty: Type| fx.b.declare_var(ty);
            let (number, used, count) = (var(self, Type::I64), var(self, Type::Ref), var(self, Type::I64));
            self.b.def_var(number, zero);
            levels.push(Level { items: self.list_of(stage), number, used, count, item: self.b.new_block() });
        }
        self.b.jump(head, &[]);
        self.enter(head);
        for level in levels.iter().rev() {
            let (number, none) = (self.b.use_var(level.number), self.b.new_block());
            self.brif(number, level.item, none);
            self.enter(none);
        }
        self.jump(advance);
        self.enter(advance);
        let at = self.b.use_var(i);
        let more = self.b.icmp(Cond::Slt, at, len);
        self.brif(more, inside, exit);
        self.enter(inside);
        let one = self.b.iconst(1);
        let next = self.b.bin(Op::Add, at, one);
        self.b.def_var(i, next);
        self.bind_candidate(outer, items, None, at, head);
        for (stage, level) in stages.iter().zip(&levels) {
            let index = stage.index.as_ref().expect("a stage with an index");
            let found = self.probe_index(index, level.items.0);
            self.b.def_var(level.number, found.first);
            if let Rest::EqualOrAll(used, count) = found.rest {
                self.b.def_var(level.used, used);
                self.b.def_var(level.count, count);
            }
            self.jump(head);
            self.enter(level.item);
            let tried = match found.rest {
                Rest::EqualOrAll(..) => {
                    Rest::EqualOrAll(self.b.use_var(level.used), self.b.use_var(level.count))
                }
                known => known,
            };
            let (number, one) = (self.b.use_var(level.number), self.b.iconst(1));
            let after = self.candidate_after(tried, number);
            self.b.def_var(level.number, after);
            let at = self.b.bin(Op::Sub, number, one);
            self.bind_candidate(stage, level.items, Some(tried), at, head);
        }
        self.nest(rest, row);
        self.jump(head);
        self.enter(exit);
    }

    /// Binds the variable of a stage to an item, and goes on where the conditions hold that it may not meet. `tried`
    /// says how it was found, if by an index.
    fn bind_candidate(
        &mut self,
        stage: &Stage<'a>,
        (list, elem): (Value, Ty),
        tried: Option<Rest>,
        at: Value,
        miss: Block,
    ) {
        let (Some(tried), Some(index)) = (tried, &stage.index) else {
            self.bind_item(stage.local, list, elem, at);
            if let Some((_, on)) = stage.join {
                self.require(on, miss);
            }
            return;
        };
        let Rest::EqualOrAll(used, _) = tried else {
            self.bind_item(stage.local, list, elem, at);
            return index.equality.rest.iter().for_each(|term| self.require(term, miss));
        };
        let (every, looked_up, row) = (self.b.new_cold_block(), self.b.new_block(), self.b.new_block());
        let all = self.is_none(Repr::Ref, used);
        self.brif(all, every, looked_up);
        self.enter(every);
        self.bind_candidate(stage, (list, elem), None, at, miss);
        self.jump(row);
        self.enter(looked_up);
        self.bind_candidate(stage, (list, elem), Some(Rest::Equal(used)), at, miss);
        self.jump(row);
        self.enter(row);
    }

    /// Runs `body` for the position of each candidate.
    fn candidate_loop(&mut self, candidates: Candidates, body: impl FnOnce(&mut Self, Value)) {
        let at = self.b.declare_var(Type::I64);
        let (inside, exit) = (self.b.new_block(), self.b.new_block());
        self.b.def_var(at, candidates.first);
        self.brif(candidates.first, inside, exit);
        self.enter(inside);
        let (number, one) = (self.b.use_var(at), self.b.iconst(1));
        let position = self.b.bin(Op::Sub, number, one);
        body(self, position);
        let after = self.candidate_after(candidates.rest, number);
        self.b.def_var(at, after);
        self.brif(after, inside, exit);
        self.enter(exit);
    }

    /// Goes on when the condition holds, to `miss` otherwise.
    fn require(&mut self, on: &'a Expr, miss: Block) {
        let hit = self.b.new_block();
        self.branch(on, hit, miss);
        self.enter(hit);
    }

    /// Runs `row` for each candidate that `bind` accepts (it goes to the given block
    /// otherwise), and once after `bind_rest` when none was accepted. `matched` starts as 0.
    fn loop_with_rest(
        &mut self,
        candidates: Candidates,
        matched: Var,
        bind: impl FnOnce(&mut Self, Value, Block),
        bind_rest: impl FnOnce(&mut Self),
        row: Row<'_, 'l, 'a>,
    ) {
        let at = self.b.declare_var(Type::I64);
        self.b.def_var(at, candidates.first);
        let [head, item, over, last, body, exit] = [(); 6].map(|()| self.b.new_block());
        self.b.jump(head, &[]);
        self.b.switch_to(head);
        let number = self.b.use_var(at);
        self.brif(number, item, over);
        self.enter(item);
        let one = self.b.iconst(1);
        let position = self.b.bin(Op::Sub, number, one);
        let after = self.candidate_after(candidates.rest, number);
        self.b.def_var(at, after);
        bind(self, position, head);
        let one = self.b.iconst(1);
        self.b.def_var(matched, one);
        self.jump(body);
        self.enter(over);
        let any = self.b.use_var(matched);
        self.brif(any, exit, last);
        self.enter(last);
        bind_rest(self);
        let one = self.b.iconst(1);
        self.b.def_var(matched, one);
        self.jump(body);
        self.enter(body);
        row(self);
        self.jump(head);
        self.enter(exit);
    }

    /// Each item of the joined list with the rows that match it, or alone.
    fn right_join(&mut self, stage: &Stage<'a>, on: &'a Expr, columns: &Columns, row: Row<'_, 'l, 'a>) {
        let (list, elem) = self.list_of(stage);
        let len = self.raw_len(list);
        let rows = self.raw_len(columns[0].1);
        let index = stage.equality.as_ref().map(|equality| {
            (equality, self.index_keys(rows, equality.probe, |fx, i| fx.load_row(columns, i)))
        });
        self.count_loop(len, |fx, k| {
            fx.bind_item(stage.local, list, elem, k);
            let matched = fx.b.declare_var(Type::I64);
            let zero = fx.b.iconst(0);
            fx.b.def_var(matched, zero);
            let candidates = match &index {
                Some((equality, index)) => fx.look_up(*index, equality.find, equality.key),
                None => fx.all_items(rows),
            };
            fx.loop_with_rest(
                candidates,
                matched,
                |fx, i, miss| {
                    fx.load_row(columns, i);
                    match &index {
                        Some((equality, _)) => equality.rest.iter().for_each(|term| fx.require(term, miss)),
                        None => fx.require(on, miss),
                    }
                },
                |fx| fx.empty_row(columns),
                row,
            );
        });
    }

    /// A left join, then the items of the joined list that matched no row.
    fn outer_join(&mut self, stage: &Stage<'a>, columns: &Columns, row: Row<'_, 'l, 'a>) {
        let (list, elem) = self.list_of(stage);
        let len = self.raw_len(list);
        let flags_ty = self.lw.types.types.list(Ty::BOOL);
        let flags = self.new_list(flags_ty, 0);
        self.count_loop(len, |fx, _| {
            let no = fx.b.iconst(0);
            fx.push(Ty::BOOL, flags, no);
        });
        let ty = self.var_ty(VarRef::Local(stage.local));
        let joined_ty = self.lw.types.types.list(ty);
        let mut result: Columns = Vec::new();
        for &(local, _, ty) in columns {
            let list_ty = self.lw.types.types.list(ty);
            result.push((local, self.new_list(list_ty, 0), ty));
        }
        result.push((stage.local, self.new_list(joined_ty, 0), ty));
        let rows = self.raw_len(columns[0].1);
        self.count_loop(rows, |fx, i| {
            fx.load_row(columns, i);
            let matched = fx.b.declare_var(Type::I64);
            let zero = fx.b.iconst(0);
            fx.b.def_var(matched, zero);
            let found = stage.index.as_ref().map(|index| fx.probe_index(index, list));
            let candidates = found.unwrap_or_else(|| fx.all_items(len));
            fx.loop_with_rest(
                candidates,
                matched,
                |fx, k, miss| {
                    fx.bind_candidate(stage, (list, elem), found.map(|found| found.rest), k, miss);
                    let (index, yes) = (fx.tag(k), fx.b.iconst(1));
                    fx.rt(Rt::list_set_b, &[flags, index, yes]);
                },
                |fx| fx.bind_none(stage.local, ty),
                &mut |fx| fx.store_row(&result),
            );
        });
        self.count_loop(len, |fx, k| {
            let seen = fx.raw_get(Ty::BOOL, flags, k);
            let (alone, done) = (fx.b.new_block(), fx.b.new_block());
            fx.brif(seen, done, alone);
            fx.enter(alone);
            fx.empty_row(columns);
            fx.bind_item(stage.local, list, elem, k);
            fx.store_row(&result);
            fx.jump(done);
            fx.enter(done);
        });
        let total = self.raw_len(result[0].1);
        self.count_loop(total, |fx, i| {
            fx.load_row(&result, i);
            row(fx);
        });
    }
}
