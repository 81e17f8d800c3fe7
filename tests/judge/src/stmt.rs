//! Statements (section 4).

use crate::key::frozen;
use crate::machine::{Exit, Frame, Machine, Run};
use crate::number::{Arith, Int, int_arith};
use crate::show::{Mode, Show, ordered};
use crate::text::{characters, quote_json};
use crate::value::{List, Value};
use mochi_lang::tree::{Expr, LocalId, Stmt, StmtKind, VarRef};
use std::rc::Rc;

/// What the body of a loop says about going on.
fn next_turn(end: Run<()>) -> Run<bool> {
    match end {
        Ok(()) | Err(Exit::Continue) => Ok(true),
        Err(Exit::Break) => Ok(false),
        Err(other) => Err(other),
    }
}

impl<'p> Machine<'p> {
    /// Statements in order.
    pub fn block(&mut self, f: &mut Frame<'p>, body: &'p [Stmt]) -> Run<()> {
        body.iter().try_for_each(|s| self.stmt(f, s))
    }

    fn stmt(&mut self, f: &mut Frame<'p>, s: &'p Stmt) -> Run<()> {
        self.work(1)?;
        self.at = s.span;
        match &s.kind {
            StmtKind::Let { var, value } => {
                // Without a value the variable holds none, whatever its type.
                let value = match value {
                    Some(e) => self.expr(f, e)?,
                    None => Value::None,
                };
                self.bind(f, *var, value);
                Ok(())
            }
            StmtKind::Assign { place, op, value } => self.assign_place(f, place, *op, value),
            StmtKind::Expr(e) => self.expr(f, e).map(drop),
            StmtKind::Return(None) => Err(Exit::Return(Value::None)),
            StmtKind::Return(Some(e)) => Err(Exit::Return(self.expr(f, e)?)),
            StmtKind::If { cond, then, otherwise } => {
                let branch = if self.condition(f, cond)? { then } else { otherwise };
                self.block(f, branch)
            }
            StmtKind::While { cond, body } => {
                while self.condition(f, cond)? {
                    let end = self.block(f, body);
                    if !next_turn(end)? {
                        break;
                    }
                }
                Ok(())
            }
            StmtKind::ForRange { var, start, end, inclusive, body } => {
                let bounds = (self.expr(f, start)?, self.expr(f, end)?);
                self.for_range(f, *var, bounds, *inclusive, body)
            }
            StmtKind::ForEach { var, source, body } if source.is_input() => {
                while let Some(line) = self.next_line() {
                    self.work(1)?;
                    self.bind(f, *var, line);
                    let turn = self.block(f, body);
                    if !next_turn(turn)? {
                        break;
                    }
                }
                Ok(())
            }
            StmtKind::ForEach { var, source, body } => {
                let items = self.expr(f, source)?;
                self.at = source.span;
                self.for_each(f, *var, items, body)
            }
            StmtKind::Break => Err(Exit::Break),
            StmtKind::Continue => Err(Exit::Continue),
            StmtKind::Expect { cond, text } => {
                if self.condition(f, cond)? {
                    return Ok(());
                }
                self.at = s.span;
                let message = format!("expect condition failed at {}: {text}", self.place(s.span));
                self.fail(message)
            }
            StmtKind::Test { body, .. } => self.block(f, body),
            StmtKind::Bench { name, body } => {
                self.block(f, body)?;
                self.bench(name)
            }
            StmtKind::Update { target, fields, set, filter, .. } => {
                self.update(f, *target, fields, set, filter.as_ref())
            }
            StmtKind::NestedFun { local, func } => {
                let closure = self.closure(f, *func);
                f.bind(*local, closure);
                Ok(())
            }
        }
    }

    /// A condition holds when it is true; none is not.
    pub fn condition(&mut self, f: &mut Frame<'p>, e: &'p Expr) -> Run<bool> {
        Ok(self.expr(f, e)?.truth())
    }

    /// `for i in a..b`: the bounds are evaluated once; each turn has its own variable, and what it
    /// holds at the end of the turn is counted on.
    fn for_range(
        &mut self,
        f: &mut Frame<'p>,
        var: VarRef,
        (start, end): (Value, Value),
        inclusive: bool,
        body: &'p [Stmt],
    ) -> Run<()> {
        let mut at = start;
        while let (Value::Int(i), Value::Int(end)) = (&at, &end)
            && (i < end || inclusive && i == end)
        {
            self.bind(f, var, at);
            let turn = self.block(f, body);
            if !next_turn(turn)? {
                break;
            }
            self.work(1)?;
            at = match self.read(f, var) {
                Value::Int(i) => match int_arith(Arith::Add, &i, &Int::from(1)) {
                    Some(next) => Value::Int(next),
                    None => Value::None,
                },
                other => other,
            };
        }
        Ok(())
    }

    fn for_each(&mut self, f: &mut Frame<'p>, var: VarRef, source: Value, body: &'p [Stmt]) -> Run<()> {
        match source {
            Value::List(list) => self.for_items(f, var, &list, body),
            Value::Group(group) => self.for_items(f, var, &group.items.clone(), body),
            Value::Map(map) => {
                // The keys that are there when the loop begins, in their order; copies (decision 14).
                for (key, _) in ordered(&self.types.types, &map) {
                    self.work(1)?;
                    self.bind(f, var, frozen(&key));
                    let turn = self.block(f, body);
                    if !next_turn(turn)? {
                        break;
                    }
                }
                Ok(())
            }
            Value::Str(text) => {
                for c in characters(text.bytes()) {
                    self.work(1)?;
                    self.bind(f, var, Value::str(c));
                    let turn = self.block(f, body);
                    if !next_turn(turn)? {
                        break;
                    }
                }
                Ok(())
            }
            _ => self.fail("cannot use none here"),
        }
    }

    /// The list object that was captured at entry: its length is fixed, stores into it are seen.
    fn for_items(&mut self, f: &mut Frame<'p>, var: VarRef, list: &Rc<List>, body: &'p [Stmt]) -> Run<()> {
        let length = list.items.borrow().len();
        for k in 0..length {
            self.work(1)?;
            let item = list.items.borrow()[k].clone();
            self.bind(f, var, item);
            let turn = self.block(f, body);
            if !next_turn(turn)? {
                break;
            }
        }
        Ok(())
    }

    /// `bench` prints what it measured; nothing is measured here.
    fn bench(&mut self, name: &str) -> Run<()> {
        let mut text = b"{\n  \"duration_us\": 0,\n  \"memory_bytes\": 0,\n  \"name\": ".to_vec();
        quote_json(&mut text, name.as_bytes());
        text.extend_from_slice(b"\n}\n");
        self.print(&text)
    }

    /// `update`: for each struct of the list, all fields are bound, the filter decides, all values are
    /// evaluated from the old fields, then they are stored.
    fn update(
        &mut self,
        f: &mut Frame<'p>,
        target: VarRef,
        fields: &'p [LocalId],
        set: &'p [(u32, Expr)],
        filter: Option<&'p Expr>,
    ) -> Run<()> {
        let Value::List(list) = self.read(f, target) else { return self.fail("cannot use none here") };
        let length = list.items.borrow().len();
        for k in 0..length {
            let item = list.items.borrow()[k].clone();
            let Value::Struct(object) = item else { return self.fail("cannot use none here") };
            let old: Vec<Value> = object.fields.borrow().clone();
            for (local, value) in fields.iter().zip(old) {
                f.bind(*local, value);
            }
            if let Some(filter) = filter
                && !self.condition(f, filter)?
            {
                continue;
            }
            let mut values = Vec::with_capacity(set.len());
            for (field, e) in set {
                values.push((*field, self.expr(f, e)?));
            }
            for (field, value) in values {
                object.fields.borrow_mut()[field as usize] = value;
            }
        }
        Ok(())
    }

    /// `print` (section 4): one or two values joined by a space; three or more joined and trimmed.
    pub fn line(&self, values: &[Value]) -> Vec<u8> {
        let texts: Vec<Vec<u8>> =
            values.iter().map(|v| Show::new(&self.types.types).text(v, Mode::Print)).collect();
        let mut line = texts.join(&b' ');
        if values.len() > 2 {
            line = crate::text::trim(&line);
        }
        line.push(b'\n');
        line
    }
}
