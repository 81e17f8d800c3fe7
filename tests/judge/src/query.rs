//! Queries (section 5), by nested loops: sources and joins in order, the filter, groups, and for each row
//! that is left its sort key and its selected value. Then sorting, `distinct`, `skip`, `take`, folds.

use crate::key::{Key, frozen, order};
use crate::machine::{Exit, Frame, Machine, Run};
use crate::value::{Group, List, Value};
use mochi_lang::ast::JoinKind;
use mochi_lang::parts::Part;
use mochi_lang::tree::{Expr, ExprKind, FuncId, LocalId, Query, StmtKind, VarRef};
use std::collections::HashMap;
use std::rc::Rc;

/// What is done with a row, whose variables are bound.
type Row<'r, 'p> = &'r mut dyn FnMut(&mut Machine<'p>, &mut Frame<'p>) -> Run<()>;

/// A `from` or `join` clause.
struct Clause<'p> {
    local: LocalId,
    source: &'p Expr,
    join: Option<(JoinKind, &'p Expr)>,
    /// Its items are the lines of standard input.
    input: bool,
    /// The list, if it does not depend on the row.
    list: Option<Rc<List>>,
}

/// Selected values, each with its sort keys.
#[derive(Default)]
struct Rows {
    keys: Vec<Vec<Value>>,
    values: Vec<Value>,
}

impl<'p> Machine<'p> {
    /// The value of a query.
    pub fn query(&mut self, f: &mut Frame<'p>, e: &'p Expr, q: &'p Query) -> Run<Value> {
        let clauses = self.clauses(f, q)?;
        let mut rows = Rows::default();
        match &q.group {
            None => self.filtered(f, q, &clauses, &mut |m, f| m.select(f, q, &mut rows))?,
            Some(group) => {
                for g in self.groups(f, q, &clauses)? {
                    f.bind(group.local, Value::Group(g));
                    let passes = match &group.having {
                        Some(having) => self.condition(f, having)?,
                        None => true,
                    };
                    if passes {
                        self.select(f, q, &mut rows)?;
                    }
                }
            }
        }
        let mut items = sorted(rows);
        if q.distinct {
            items = self.distinct(items);
        }
        for (bound, is_skip) in [(&q.skip, true), (&q.take, false)] {
            let Some(bound) = bound else { continue };
            let n = self.expr(f, bound)?;
            self.at = e.span;
            items = self.cut(items, n, is_skip)?;
        }
        self.at = e.span;
        let want = self.ty(f, e.ty);
        match q.fold {
            Some(fold) => {
                let elem = self.ty(f, q.select.ty);
                self.fold(fold, &items, elem, want)
            }
            None => {
                let elem = self.ty(f, q.select.ty);
                let ty = self.types.list_of(elem);
                Ok(Value::list(self.list_ty(want, ty), items))
            }
        }
    }

    /// `skip n` is `[n:]`, `take n` is `[:n]`.
    fn cut(&mut self, items: Vec<Value>, n: Value, is_skip: bool) -> Run<Vec<Value>> {
        let ty = self.types.list_of(mochi_lang::types::Ty::ANY);
        let (all, none) = (Value::list(ty, items), Value::None);
        let part = if is_skip { self.slice(&all, &n, &none, ty) } else { self.slice(&all, &none, &n, ty) };
        match part? {
            Value::List(l) => Ok(l.items.borrow().clone()),
            _ => Ok(Vec::new()),
        }
    }

    /// The clauses in order. A list that mentions no variable of the query is evaluated once, before the
    /// loops. Lines of standard input that come first are no list: each is read when its turn comes.
    fn clauses(&mut self, f: &mut Frame<'p>, q: &'p Query) -> Run<Vec<Clause<'p>>> {
        let mut clauses = Vec::new();
        clauses.extend(q.sources.iter().map(|(local, source)| Clause {
            local: *local,
            source,
            join: None,
            input: false,
            list: None,
        }));
        clauses[0].input = clauses[0].source.is_input();
        clauses.extend(q.joins.iter().map(|j| Clause {
            local: j.local,
            source: &j.source,
            join: Some((j.kind, &j.on)),
            input: false,
            list: None,
        }));
        let locals: Vec<LocalId> = clauses.iter().map(|c| c.local).collect();
        for (k, clause) in clauses.iter_mut().enumerate() {
            if !clause.input && (k == 0 || !self.mentions(clause.source, &locals)) {
                clause.list = Some(self.source_list(f, clause.source)?);
            }
        }
        Ok(clauses)
    }

    /// Whether an expression mentions one of these variables, in statements and inner functions too.
    fn mentions(&self, e: &Expr, locals: &[LocalId]) -> bool {
        let is_one = |var: &VarRef| matches!(var, VarRef::Local(l) if locals.contains(l));
        let captures = |func: &FuncId| {
            let captures = &self.program.functions[func.0 as usize].captures;
            captures.iter().any(|c| locals.contains(&c.outer))
        };
        let mut found = false;
        let mut work = vec![Part::Expr(e)];
        while let Some(part) = work.pop() {
            match part {
                Part::Expr(e) => {
                    found |= match &e.kind {
                        ExprKind::Var(var) => is_one(var),
                        ExprKind::Closure(func) => captures(func),
                        _ => false,
                    };
                    e.each_part(&mut |p| work.push(p));
                }
                Part::Stmts(stmts) => {
                    for s in stmts {
                        found |= match &s.kind {
                            StmtKind::Assign { place, .. } => is_one(&place.root),
                            StmtKind::Update { target, .. } => is_one(target),
                            StmtKind::NestedFun { func, .. } => captures(func),
                            _ => false,
                        };
                        s.each_part(&mut |p| work.push(p));
                    }
                }
            }
        }
        found
    }

    fn source_list(&mut self, f: &mut Frame<'p>, source: &'p Expr) -> Run<Rc<List>> {
        let v = self.expr(f, source)?;
        self.at = source.span;
        match v {
            Value::List(l) => Ok(l),
            Value::Group(g) => Ok(g.items.clone()),
            _ => self.fail("cannot use none here"),
        }
    }

    fn list_of(&mut self, f: &mut Frame<'p>, clause: &Clause<'p>) -> Run<Rc<List>> {
        match &clause.list {
            Some(list) => Ok(list.clone()),
            None => self.source_list(f, clause.source),
        }
    }

    /// All rows of all clauses that pass the filter.
    fn filtered(
        &mut self,
        f: &mut Frame<'p>,
        q: &'p Query,
        clauses: &[Clause<'p>],
        row: Row<'_, 'p>,
    ) -> Run<()> {
        self.rows(f, clauses, &mut |m, f| {
            let passes = match &q.filter {
                Some(filter) => m.condition(f, filter)?,
                None => true,
            };
            if passes { row(m, f) } else { Ok(()) }
        })
    }

    /// All rows of some clauses: those of all but the last, each with what the last adds to it.
    fn rows(&mut self, f: &mut Frame<'p>, clauses: &[Clause<'p>], row: Row<'_, 'p>) -> Run<()> {
        let Some((clause, before)) = clauses.split_last() else { return row(self, f) };
        match clause.join {
            None if clause.input => {
                while let Some(line) = self.next_line() {
                    self.work(1)?;
                    f.bind(clause.local, line);
                    row(self, f)?;
                }
                Ok(())
            }
            None => self.rows(f, before, &mut |m, f| {
                let list = m.list_of(f, clause)?;
                m.items(&list, &mut |m, item| {
                    f.bind(clause.local, item);
                    row(m, f)
                })
            }),
            Some((kind @ (JoinKind::Inner | JoinKind::Left), on)) => self.rows(f, before, &mut |m, f| {
                let list = m.list_of(f, clause)?;
                let mut matched = false;
                m.items(&list, &mut |m, item| {
                    f.bind(clause.local, item);
                    if !m.condition(f, on)? {
                        return Ok(());
                    }
                    matched = true;
                    row(m, f)
                })?;
                if matched || kind == JoinKind::Inner {
                    return Ok(());
                }
                f.bind(clause.local, Value::None);
                row(m, f)
            }),
            Some((JoinKind::Right, on)) => self.right_join(f, clause, before, on, row),
            Some((JoinKind::Outer, on)) => self.outer_join(f, clause, before, on, row),
        }
    }

    /// The elements of a list; its length is that at the start.
    fn items(&mut self, list: &Rc<List>, each: &mut dyn FnMut(&mut Self, Value) -> Run<()>) -> Run<()> {
        let length = list.items.borrow().len();
        for k in 0..length {
            self.work(1)?;
            let item = list.items.borrow()[k].clone();
            each(self, item)?;
        }
        Ok(())
    }

    /// The rows of some clauses, kept: the values of their variables.
    fn kept(&mut self, f: &mut Frame<'p>, clauses: &[Clause<'p>]) -> Run<Vec<Vec<Value>>> {
        let mut kept = Vec::new();
        self.rows(f, clauses, &mut |_, f| {
            kept.push(clauses.iter().map(|c| f.locals[c.local.0 as usize].get()).collect());
            Ok(())
        })?;
        Ok(kept)
    }

    /// Each item of the right list in order, with the rows that match it, else alone.
    fn right_join(
        &mut self,
        f: &mut Frame<'p>,
        clause: &Clause<'p>,
        before: &[Clause<'p>],
        on: &'p Expr,
        row: Row<'_, 'p>,
    ) -> Run<()> {
        let left = self.kept(f, before)?;
        let list = self.list_of(f, clause)?;
        self.items(&list, &mut |m, item| {
            let mut matched = false;
            for values in &left {
                m.work(1)?;
                bind_row(f, before, values);
                f.bind(clause.local, item.clone());
                if m.condition(f, on)? {
                    matched = true;
                    row(m, f)?;
                }
            }
            if matched {
                return Ok(());
            }
            bind_row(f, before, &[]);
            f.bind(clause.local, item);
            row(m, f)
        })
    }

    /// A left join, then the items of the right list that matched no row.
    fn outer_join(
        &mut self,
        f: &mut Frame<'p>,
        clause: &Clause<'p>,
        before: &[Clause<'p>],
        on: &'p Expr,
        row: Row<'_, 'p>,
    ) -> Run<()> {
        let left = self.kept(f, before)?;
        let list = self.list_of(f, clause)?;
        let mut used = vec![false; list.items.borrow().len()];
        for values in &left {
            let mut matched = false;
            let mut at = 0;
            self.items(&list, &mut |m, item| {
                let k = at;
                at += 1;
                bind_row(f, before, values);
                f.bind(clause.local, item);
                if m.condition(f, on)? {
                    (matched, used[k]) = (true, true);
                    row(m, f)?;
                }
                Ok(())
            })?;
            if !matched {
                bind_row(f, before, values);
                f.bind(clause.local, Value::None);
                row(self, f)?;
            }
        }
        let mut at = 0;
        self.items(&list, &mut |m, item| {
            let k = at;
            at += 1;
            if used[k] {
                return Ok(());
            }
            bind_row(f, before, &[]);
            f.bind(clause.local, item);
            row(m, f)
        })
    }

    /// Groups in the order in which their keys appear first; keys are values, and one when they are one key of
    /// a map.
    fn groups(&mut self, f: &mut Frame<'p>, q: &'p Query, clauses: &[Clause<'p>]) -> Run<Vec<Rc<Group>>> {
        let Some(group) = &q.group else { return Ok(Vec::new()) };
        let mut places: HashMap<Key, usize> = HashMap::new();
        let mut groups: Vec<Rc<Group>> = Vec::new();
        let item_ty = self.ty(f, group.item.ty);
        let ty = self.types.list_of(item_ty);
        let key_ty = self.ty(f, group.key.ty);
        self.filtered(f, q, clauses, &mut |m, f| {
            let key = m.expr(f, &group.key)?;
            let item = m.expr(f, &group.item)?;
            let id = Key::of_type(&m.types.types, key_ty, &key);
            let at = *places.entry(id).or_insert(groups.len());
            if at == groups.len() {
                let key = frozen(&key);
                let items = Rc::new(List { ty, items: Vec::new().into() });
                groups.push(Rc::new(Group { key, items }));
            }
            groups[at].items.items.borrow_mut().push(item);
            Ok(())
        })?;
        Ok(groups)
    }

    /// The sort keys of a row, then what it selects.
    fn select(&mut self, f: &mut Frame<'p>, q: &'p Query, rows: &mut Rows) -> Run<()> {
        let keys = self.exprs(f, &q.sort)?;
        let value = self.expr(f, &q.select)?;
        if rows.values.len() > 1 << 24 {
            return Err(Exit::Undecided("a very long list"));
        }
        rows.keys.push(keys);
        rows.values.push(value);
        Ok(())
    }
}

/// Binds the variables of some clauses to a kept row; none for all where there is no row.
fn bind_row(f: &mut Frame<'_>, clauses: &[Clause<'_>], values: &[Value]) {
    for (k, clause) in clauses.iter().enumerate() {
        f.bind(clause.local, values.get(k).cloned().unwrap_or(Value::None));
    }
}

/// The selected values in the order of their keys, the first key being the most significant; stable.
fn sorted(rows: Rows) -> Vec<Value> {
    let mut all: Vec<(Vec<Value>, Value)> = rows.keys.into_iter().zip(rows.values).collect();
    all.sort_by(|(a, _), (b, _)| {
        a.iter().zip(b).map(|(x, y)| order(x, y)).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
    all.into_iter().map(|(_, v)| v).collect()
}
