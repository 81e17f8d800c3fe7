//! Queries.

use super::scope::Mark;
use super::tree::{Expr, Part, parts};
use super::types::Ty;
use super::writer::{MOST_RUNS, Writer};

/// A variable of a query: its name, its type, and whether a join may leave it without a value.
struct Row {
    name: String,
    ty: Ty,
    optional: bool,
}

impl Writer {
    /// A query whose result is a list of `elem`.
    pub fn query(&mut self, elem: &Ty, d: u32) -> Expr {
        let ty = Ty::list(elem.clone());
        if self.runs * 16 > MOST_RUNS || self.is_tired() || matches!(elem, Ty::Param(_)) {
            return self.leaf(&ty);
        }
        let (mut parts, mark, rows) = self.query_head(d);
        if self.chance(20) {
            let grouped = self.grouping(elem, &rows, d);
            parts.extend(grouped);
            self.scope.leave(mark);
            parts.push(")".into());
            return self.expr_of(&ty, parts);
        }
        self.order(&mut parts, d);
        let distinct = self.decls.is_printable(elem) && self.chance(15);
        let e = self.in_row(|w| w.expr(elem, d.min(2)));
        parts.extend(parts![if distinct { " select distinct " } else { " select " }, e, ")"]);
        self.scope.leave(mark);
        self.expr_of(&ty, parts)
    }

    /// A query that folds its rows to a number.
    pub fn fold_query(&mut self, ty: &Ty, d: u32) -> Expr {
        if self.runs * 16 > MOST_RUNS || self.is_tired() {
            return self.leaf(ty);
        }
        let (mut parts, mark, _) = self.query_head(d);
        let (name, of) = match ty {
            Ty::Int => self.pick(&[("sum", Ty::Int), ("min", Ty::Int), ("max", Ty::Int), ("count", Ty::Str)]),
            _ => self.pick(&[("avg", Ty::Int), ("avg", Ty::Float), ("sum", Ty::Float), ("max", Ty::Float)]),
        };
        if self.chance(20) {
            parts.push(format!(" take {}", self.between(0, 4)).into());
        }
        let e = self.in_row(|w| w.expr(&of, d.min(2)));
        let e = self.typed(&of, e);
        parts.extend(parts![format!(" select {name}("), e, "))"]);
        self.scope.leave(mark);
        self.expr_of(ty, parts)
    }

    /// What is evaluated for each row.
    fn in_row<R>(&mut self, write: impl FnOnce(&mut Writer) -> R) -> R {
        let result = self.result.take();
        let made = self.repeated(8, write);
        self.result = result;
        made
    }

    /// What must not print: the conditions.
    fn pure_row<R>(&mut self, write: impl FnOnce(&mut Writer) -> R) -> R {
        self.pure += 1;
        let made = self.in_row(write);
        self.pure -= 1;
        made
    }

    /// Sources, joins and the filter; the variables stay in scope until the mark is left.
    fn query_head(&mut self, d: u32) -> (Vec<Part>, Mark, Vec<Row>) {
        let mark = self.scope.mark();
        let mut rows: Vec<Row> = Vec::new();
        let mut parts = parts!["("];
        let joins = self.pick(&[0, 0, 0, 0, 1, 1, 2]);
        let sources = if joins == 0 { self.pick(&[1, 1, 1, 2]) } else { 1 };
        for i in 0..sources {
            let row = if i == 0 && self.pure == 0 && self.chance(5) {
                let (name, clause) = self.line_clause();
                parts.extend(clause);
                Row { name, ty: Ty::Str, optional: false }
            } else {
                let (row, source) = self.source(d);
                let space = if i > 0 { " " } else { "" };
                parts.extend(parts![format!("{space}from {} in ", row.name), source]);
                row
            };
            self.declare_fixed(&row.name, &row.ty);
            rows.push(row);
        }
        for _ in 0..joins {
            self.join(&mut rows, &mut parts, d);
        }
        self.scope.leave(mark);
        for row in &rows {
            let ty = if row.optional { Ty::opt(row.ty.clone()) } else { row.ty.clone() };
            self.declare_fixed(&row.name, &ty);
        }
        if self.chance(35) {
            let cond = self.pure_row(|w| w.expr(&Ty::Bool, d.min(2)));
            parts.extend(parts![" where ", cond]);
        }
        (parts, mark, rows)
    }

    fn source(&mut self, d: u32) -> (Row, Expr) {
        let lists =
            self.scope.select(|v| matches!(&v.ty, Ty::List(x) if !matches!(**x, Ty::Param(_) | Ty::Opt(_))));
        if !lists.is_empty() && self.chance(60) {
            let var = self.pick(&lists);
            let Ty::List(elem) = &var.ty else { unreachable!("was asked for") };
            return (Row { name: self.fresh("q"), ty: (**elem).clone(), optional: false }, self.read(&var));
        }
        let ty = self.value_type(1);
        let list = self.expr(&Ty::list(ty.clone()), d.min(2));
        (Row { name: self.fresh("q"), ty, optional: false }, list)
    }

    fn join(&mut self, rows: &mut Vec<Row>, parts: &mut Vec<Part>, d: u32) {
        let kind = self.pick(&["join", "left join", "right join", "outer join"]);
        // Half of the joins have an equality by which rows meet.
        let reversed = matches!(kind, "right join" | "outer join");
        let last = rows.last().expect("a source is first");
        let same = self.chance(60) && !matches!(last.ty, Ty::Fun(..));
        // What is evaluated without a row of the left side has no values of it.
        let mark = self.scope.mark();
        if reversed {
            rows.iter().for_each(|r| self.scope.hide(&r.name));
        }
        let (row, source, on) = if same && !last.optional {
            let list = self.expr(&Ty::list(last.ty.clone()), d.min(1));
            self.scope.leave(mark);
            let row = Row { name: self.fresh("q"), ty: last.ty.clone(), optional: false };
            let on = format!("{} == {}", last.name, row.name);
            let on = self.expr_of(&Ty::Bool, parts![on]);
            (row, list, on)
        } else {
            let (row, source) = self.source(d);
            self.scope.leave(mark);
            self.declare_fixed(&row.name, &row.ty);
            let on = self.pure_row(|w| w.expr(&Ty::Bool, d.min(1)));
            (row, source, on)
        };
        parts.extend(parts![format!(" {kind} {} in ", row.name), source, " on ", on]);
        if reversed {
            rows.iter_mut().for_each(|r| r.optional = can_be_missing(r));
        }
        let optional = matches!(kind, "left join" | "outer join");
        rows.push(Row { optional: optional && !matches!(row.ty, Ty::Any), ..row });
        // What follows sees the variables as the options they are now.
        for row in rows.iter() {
            let ty = if row.optional { Ty::opt(row.ty.clone()) } else { row.ty.clone() };
            self.declare_fixed(&row.name, &ty);
        }
    }

    fn order(&mut self, parts: &mut Vec<Part>, d: u32) {
        if self.chance(35) {
            let key = self.pick(&[Ty::Int, Ty::Int, Ty::Str, Ty::Bool, Ty::list(Ty::Int)]);
            let e = self.in_row(|w| w.expr(&key, d.min(2)));
            let minus = if key == Ty::Int && self.chance(40) { "-" } else { "" };
            parts.extend(parts![format!(" sort by {minus}("), e, ")"]);
            if self.chance(20) {
                let e = self.in_row(|w| w.expr(&Ty::Int, 1));
                parts.extend(parts![", (", e, ")"]);
            }
        }
        if self.chance(20) {
            parts.push(format!(" skip {}", self.pick(&["0", "1", "2", "(-1)"])).into());
        }
        if self.chance(20) {
            parts.push(format!(" take {}", self.pick(&["0", "1", "2", "3", "(-1)"])).into());
        }
    }

    /// `group by` with what follows it, for a result of lists of `elem`.
    fn grouping(&mut self, elem: &Ty, rows: &[Row], d: u32) -> Vec<Part> {
        let key = self.pick(&[Ty::Int, Ty::Str, Ty::Bool, Ty::list(Ty::Int)]);
        let e = self.in_row(|w| w.expr(&key, d.min(2)));
        let name = self.fresh("g");
        let mut parts = parts![" group by ", e, format!(" into {name}")];
        if self.chance(25) {
            parts.push(format!(" having count({name}) > {}", self.between(0, 1)).into());
        }
        if self.chance(30) {
            parts.push(format!(" sort by {name}.key").into());
        }
        // The variables of the rows mean nothing here.
        let hidden = self.scope.select(|v| v.name.starts_with('q'));
        let mark = self.scope.mark();
        hidden.iter().for_each(|v| self.scope.hide(&v.name));
        let e = match elem {
            _ if *elem == key && self.chance(30) => self.expr_of(elem, parts![format!("{name}.key")]),
            Ty::Int | Ty::Float if self.chance(50) && self.part_of_item(rows, elem).is_some() => {
                let (path, fold) = (self.part_of_item(rows, elem), self.pick(&["sum", "min", "max"]));
                let path = path.expect("was there").replace('#', "x");
                self.expr_of(elem, parts![format!("(from x in {name} select {fold}({path}))")])
            }
            Ty::List(x) if self.chance(80) && self.part_of_item(rows, x).is_some() => {
                let path = self.part_of_item(rows, x).expect("was there").replace('#', "x");
                self.expr_of(elem, parts![format!("(from x in {name} select {path})")])
            }
            Ty::Int => {
                let form = self.pick(&["count(#)", "#.count", "len(#.items)"]);
                self.expr_of(elem, parts![form.replace('#', &name)])
            }
            Ty::Str => {
                let form = self.pick(&["str(#.key)", "str(#)", "str(#.items)", "to_json(#.items)"]);
                self.expr_of(elem, parts![form.replace('#', &name)])
            }
            Ty::Bool => self.expr_of(elem, parts![format!("exists({name})")]),
            Ty::List(x) if **x == Ty::Str => {
                let item = self.fresh("q");
                self.expr_of(elem, parts![format!("(from {item} in {name} select str({item}))")])
            }
            Ty::Any => self.expr_of(elem, parts![format!("({name} as any)")]),
            _ => self.in_row(|w| w.expr(elem, d.min(1))),
        };
        self.scope.leave(mark);
        parts.extend(parts![" select ", e]);
        parts
    }
}

impl Writer {
    /// A part of this type of a group's item `#`: of the element itself, or, with several sources, of the
    /// record of the query's variables.
    fn part_of_item(&mut self, rows: &[Row], ty: &Ty) -> Option<String> {
        let fields = |w: &Writer, of: &Ty| match of {
            Ty::Struct(i) => {
                let all = w.decls.structs[*i].fields.iter();
                all.filter(|f| f.1 == *ty).map(|f| f.0.clone()).collect()
            }
            _ => Vec::new(),
        };
        let mut found = Vec::new();
        for row in rows.iter().filter(|r| !r.optional) {
            let path = if rows.len() == 1 { "#".to_string() } else { format!("#.{}", row.name) };
            // A field without its variable, where only one has it.
            let only = rows.iter().filter(|r| r.ty == row.ty).count() == 1;
            for field in fields(self, &row.ty) {
                found.push(format!("{path}.{field}"));
                found.extend(only.then(|| format!("#.{field}")));
            }
            if row.ty == *ty {
                found.push(path);
            }
        }
        if found.is_empty() { None } else { Some(self.pick(&found)) }
    }
}

fn can_be_missing(row: &Row) -> bool {
    !matches!(row.ty, Ty::Any)
}
