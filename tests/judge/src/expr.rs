//! Expressions: dispatch, literals, parts of values, choices (sections 3.4 and 4).
//!
//! Operands are evaluated from left to right. What follows the operands has the place of the whole
//! expression: the line on which it starts.

use crate::key::Key;
use crate::machine::{Frame, Machine, Run};
use crate::number::Int;
use crate::place::position;
use crate::value::{Entries, Fun, Map, Slot, Struct, Value};
use mochi_lang::ast::UnOp;
use mochi_lang::tree::{Arm, Expr, ExprKind, FuncId, Pattern};
use mochi_lang::types::{StructId, Ty};
use std::rc::Rc;

impl<'p> Machine<'p> {
    /// The value of an expression.
    pub fn expr(&mut self, f: &mut Frame<'p>, e: &'p Expr) -> Run<Value> {
        self.work(1)?;
        match &e.kind {
            ExprKind::Int(v) => Ok(Value::int(*v)),
            ExprKind::Float(v) => Ok(Value::Float(*v)),
            ExprKind::Bool(v) => Ok(Value::Bool(*v)),
            ExprKind::Str(s) => Ok(Value::str(s.to_vec())),
            ExprKind::None => Ok(Value::None),
            ExprKind::Var(var) => Ok(self.read(f, *var)),
            ExprKind::FuncRef { func, type_args } => Ok(self.func_ref(f, *func, type_args)),
            ExprKind::Closure(func) => Ok(self.closure(f, *func)),
            ExprKind::List(items) => {
                let ty = self.ty(f, e.ty);
                Ok(Value::list(self.types.strip(ty), self.exprs(f, items)?))
            }
            ExprKind::Map(pairs) => self.map_literal(f, e, pairs),
            ExprKind::Struct { id, fields } => self.struct_literal(f, *id, fields),
            ExprKind::Unary { op: UnOp::Not, operand } => Ok(Value::Bool(!self.condition(f, operand)?)),
            ExprKind::Unary { op: UnOp::Neg, operand } => {
                let v = self.expr(f, operand)?;
                self.at = e.span;
                self.negate(v)
            }
            ExprKind::Binary { op, left, right } => self.binary(f, e, *op, left, right),
            ExprKind::Call { func, type_args, args } => self.call_expr(f, e, *func, type_args, args),
            ExprKind::CallValue { callee, args } => {
                let callee = self.expr(f, callee)?;
                let args = self.exprs(f, args)?;
                self.at = e.span;
                self.call_value(&callee, args)
            }
            ExprKind::Partial { callee, args } => {
                let callee = self.expr(f, callee)?;
                let args = self.exprs(f, args)?;
                Ok(Value::Fun(Rc::new(Fun::Partial { callee, args })))
            }
            ExprKind::Builtin { builtin, args } => self.builtin(f, e, *builtin, args),
            ExprKind::Index { base, index } => {
                let (base, index) = (self.expr(f, base)?, self.expr(f, index)?);
                self.at = e.span;
                self.index(&base, &index)
            }
            ExprKind::Slice { base, start, end } => {
                let base = self.expr(f, base)?;
                let start = self.optional(f, start.as_deref())?;
                let end = self.optional(f, end.as_deref())?;
                self.at = e.span;
                let ty = self.ty(f, e.ty);
                self.slice(&base, &start, &end, ty)
            }
            ExprKind::Field { base, field } => {
                let base = self.expr(f, base)?;
                self.at = e.span;
                self.field(&base, *field)
            }
            ExprKind::DynField { base, name } => {
                let base = self.expr(f, base)?;
                self.at = e.span;
                self.dynamic_field(&base, name.as_bytes())
            }
            ExprKind::GroupField { base, name } => {
                let base = self.expr(f, base)?;
                self.at = e.span;
                self.dynamic_field(&base, name.as_bytes())
            }
            ExprKind::RowField { base, first, vars, name } => {
                let base = self.expr(f, base)?;
                self.at = e.span;
                self.row_field(&base, *first, vars, name)
            }
            ExprKind::SafeField { base, field } => match self.expr(f, base)? {
                Value::None => Ok(Value::None),
                base => self.field(&base, *field),
            },
            ExprKind::SafeIndex { base, index } => match self.expr(f, base)? {
                Value::None => Ok(Value::None),
                base => {
                    let index = self.expr(f, index)?;
                    self.at = e.span;
                    self.index(&base, &index)
                }
            },
            ExprKind::Cast { value } => self.conversion(f, e, value, true),
            ExprKind::Coerce { value } => self.conversion(f, e, value, false),
            ExprKind::If { cond, then, otherwise } => {
                let branch = if self.condition(f, cond)? { then } else { otherwise };
                self.expr(f, branch)
            }
            ExprKind::Match { value, arms } => self.match_expr(f, value, arms),
            ExprKind::Block { body, value } => {
                self.block(f, body)?;
                self.optional(f, value.as_deref())
            }
            ExprKind::Query(q) => self.query(f, e, q),
        }
    }

    /// The values of expressions, from left to right.
    pub fn exprs(&mut self, f: &mut Frame<'p>, list: &'p [Expr]) -> Run<Vec<Value>> {
        list.iter().map(|e| self.expr(f, e)).collect()
    }

    /// The value of an expression that may be missing: none.
    fn optional(&mut self, f: &mut Frame<'p>, e: Option<&'p Expr>) -> Run<Value> {
        e.map_or(Ok(Value::None), |e| self.expr(f, e))
    }

    fn conversion(&mut self, f: &mut Frame<'p>, e: &'p Expr, value: &'p Expr, cast: bool) -> Run<Value> {
        let v = self.expr(f, value)?;
        let (from, to) = (self.ty(f, value.ty), self.ty(f, e.ty));
        self.at = e.span;
        if cast { self.cast(v, from, to) } else { self.coerce(v, from, to) }
    }

    // Functions as values.

    fn func_ref(&mut self, f: &Frame<'p>, func: FuncId, type_args: &[Ty]) -> Value {
        let args = self.type_args(f, func, type_args);
        Value::Fun(Rc::new(Fun::Closure { func, args, captures: Vec::new() }))
    }

    /// A function that holds the variables it mentions, not their values (decision 2).
    pub fn closure(&mut self, f: &Frame<'p>, func: FuncId) -> Value {
        let inner = &self.program.functions[func.0 as usize];
        let captures: Vec<Slot> =
            inner.captures.iter().map(|c| f.locals[c.outer.0 as usize].clone()).collect();
        Value::Fun(Rc::new(Fun::Closure { func, args: f.args.clone(), captures }))
    }

    /// Type arguments of a callee; a nested function lives under those of its surroundings.
    fn type_args(&mut self, f: &Frame<'p>, func: FuncId, type_args: &[Ty]) -> Rc<[Ty]> {
        if self.program.functions[func.0 as usize].generics == 0 {
            return f.args.clone();
        }
        type_args.iter().map(|t| self.ty(f, *t)).collect()
    }

    fn call_expr(
        &mut self,
        f: &mut Frame<'p>,
        e: &'p Expr,
        func: FuncId,
        type_args: &'p [Ty],
        args: &'p [Expr],
    ) -> Run<Value> {
        let values = self.exprs(f, args)?;
        let type_args = self.type_args(f, func, type_args);
        // A function that captures variables is called by name from inside itself only.
        let captures = if func == f.id { f.captures.clone() } else { Vec::new() };
        self.at = e.span;
        self.call(func, type_args, captures, values)
    }

    // Constructors.

    /// All keys and values are evaluated before the map is built.
    fn map_literal(&mut self, f: &mut Frame<'p>, e: &'p Expr, pairs: &'p [(Expr, Expr)]) -> Run<Value> {
        let mut values = Vec::with_capacity(pairs.len());
        for (k, v) in pairs {
            values.push((self.expr(f, k)?, self.expr(f, v)?));
        }
        self.at = e.span;
        let ty = self.ty(f, e.ty);
        let map = Map { ty: self.types.strip(ty), entries: Entries::default().into() };
        for (k, v) in values {
            self.put(&map, &k, v, false)?;
        }
        Ok(Value::Map(Rc::new(map)))
    }

    fn struct_literal(&mut self, f: &mut Frame<'p>, id: StructId, fields: &'p [(u32, Expr)]) -> Run<Value> {
        let mut values = vec![Value::None; self.types.types.struct_def(id).fields.len()];
        for (k, e) in fields {
            values[*k as usize] = self.expr(f, e)?;
        }
        Ok(Value::Struct(Rc::new(Struct { id, fields: values.into() })))
    }

    // Parts.

    /// `base[index]` by what the base is.
    pub fn index(&mut self, base: &Value, index: &Value) -> Run<Value> {
        match (base, index) {
            (Value::None, _) => self.fail("cannot use none here"),
            (Value::List(l), Value::Int(i)) => {
                let items = l.items.borrow();
                match position(i, items.len()) {
                    Some(k) => Ok(items[k].clone()),
                    None => {
                        let length = items.len();
                        drop(items);
                        self.fail(format!("list index out of range: {i} (len {length})"))
                    }
                }
            }
            (Value::Str(s), Value::Int(i)) => {
                let length = s.len();
                match position(i, length) {
                    Some(k) => Ok(Value::str(s.part(k, k + 1))),
                    None => self.fail(format!("string index out of range: {i} (len {length})")),
                }
            }
            (Value::List(_) | Value::Str(_), Value::None) => self.fail("cannot use none here"),
            (Value::List(_), _) => self.fail("invalid index"),
            (Value::Str(_), _) => self.fail("string index must be int"),
            (Value::Map(m), key) => {
                let key_ty = self.types.map_parts(m.ty).0;
                if !self.may_be_key(key, key_ty) {
                    return Ok(Value::None);
                }
                let key = self.adopt_key(key, key_ty)?;
                let id = Key::of(&self.types.types, m, &key);
                Ok(m.entries.borrow().get(&id).cloned().unwrap_or(Value::None))
            }
            (Value::Struct(_) | Value::Group(_), Value::Str(name)) => self.dynamic_field(base, name.bytes()),
            _ => self.fail("cannot index value of this kind"),
        }
    }

    /// `base[start:end]`: bounds are clamped, negative ones count from the end, and what starts after its
    /// end is empty.
    pub fn slice(&mut self, base: &Value, start: &Value, end: &Value, ty: Ty) -> Run<Value> {
        let range = |length: usize| {
            let from = bound(start, length).unwrap_or(0);
            (from, bound(end, length).unwrap_or(length).max(from))
        };
        let bounds = [start, end];
        match base {
            Value::None => self.fail("cannot use none here"),
            Value::List(_) | Value::Str(_)
                if bounds.iter().any(|b| !matches!(b, Value::Int(_) | Value::None)) =>
            {
                self.fail("invalid index")
            }
            Value::List(l) => {
                let items = l.items.borrow();
                let (from, to) = range(items.len());
                self.work(to - from)?;
                let ty = self.list_ty(ty, l.ty);
                Ok(Value::list(ty, items[from..to].to_vec()))
            }
            Value::Str(s) => {
                let (from, to) = range(s.len());
                self.work(to - from)?;
                Ok(Value::str(s.part(from, to)))
            }
            _ => self.fail("invalid index target"),
        }
    }

    /// The type of a fresh list: what is known statically, else that of the list it comes from.
    pub fn list_ty(&self, ty: Ty, otherwise: Ty) -> Ty {
        use mochi_lang::types::TyKind;
        let ty = self.types.strip(ty);
        if matches!(self.types.kind(ty), TyKind::List(_)) { ty } else { otherwise }
    }

    /// A field by its position.
    pub fn field(&mut self, base: &Value, field: u32) -> Run<Value> {
        match base {
            Value::Struct(s) => Ok(s.fields.borrow()[field as usize].clone()),
            _ => self.fail("cannot use none here"),
        }
    }

    /// A field or string key by its name; none when there is none of that name.
    pub fn dynamic_field(&mut self, base: &Value, name: &[u8]) -> Run<Value> {
        match base {
            Value::None => self.fail("cannot use none here"),
            Value::Map(_) | Value::Struct(_) => Ok(self.member(base, name).unwrap_or(Value::None)),
            Value::Group(g) => Ok(match name {
                b"key" => g.key.clone(),
                b"items" => Value::List(g.items.clone()),
                b"count" => Value::count(g.items.items.borrow().len()),
                _ => Value::None,
            }),
            _ => self.fail("cannot index value of this kind"),
        }
    }

    /// A name that only the values know the owner of (decision 16): among the variables of a row of a
    /// query, or in the key of a group. It belongs to the first variable if that has it, else to the
    /// only other one that has it.
    fn row_field(&mut self, base: &Value, first: bool, vars: &[u32], name: &str) -> Run<Value> {
        let searched: Vec<(String, Value)> = match base {
            Value::Struct(row) => {
                let def = self.types.types.struct_def(row.id);
                let fields = row.fields.borrow();
                let part = |k: &u32| (def.fields[*k as usize].0.clone(), fields[*k as usize].clone());
                vars.iter().map(part).collect()
            }
            Value::Group(g) => vec![("key".into(), g.key.clone())],
            _ => return self.fail("cannot use none here"),
        };
        let mut found = Vec::new();
        for (k, (variable, value)) in searched.iter().enumerate() {
            let Some(part) = self.member(value, name.as_bytes()) else { continue };
            if first && k == 0 {
                return Ok(part);
            }
            found.push((variable.as_str(), part));
        }
        let list = |names: Vec<&str>| {
            let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
            quoted.join(", ")
        };
        match found.len() {
            1 => Ok(found.remove(0).1),
            0 => {
                let names = list(searched.iter().map(|(n, _)| n.as_str()).collect());
                self.fail(format!("unknown field `{name}` of {names}"))
            }
            _ => {
                let names = list(found.iter().map(|(n, _)| *n).collect());
                self.fail(format!("ambiguous field `{name}` of {names}"))
            }
        }
    }

    // Match.

    /// Arms in order; without a matching one the value is none.
    fn match_expr(&mut self, f: &mut Frame<'p>, value: &'p Expr, arms: &'p [Arm]) -> Run<Value> {
        let v = self.expr(f, value)?;
        for arm in arms {
            if self.matches(f, &arm.pattern, &v)? {
                return self.expr(f, &arm.result);
            }
        }
        Ok(Value::None)
    }

    /// Whether a value matches a pattern; binds the names on the way.
    fn matches(&mut self, f: &mut Frame<'p>, pattern: &'p Pattern, v: &Value) -> Run<bool> {
        match pattern {
            Pattern::Wildcard => Ok(true),
            Pattern::Bind(local) => {
                f.bind(*local, v.clone());
                Ok(true)
            }
            Pattern::None => Ok(v.is_none()),
            Pattern::Literal(e) => {
                let literal = self.expr(f, e)?;
                Ok(crate::key::same(&self.types.types, v, &literal))
            }
            Pattern::Variant { id, fields } => {
                let Value::Struct(object) = v else { return Ok(false) };
                if object.id != *id {
                    return Ok(false);
                }
                for (k, field) in fields.iter().enumerate() {
                    let part = object.fields.borrow()[k].clone();
                    if !self.matches(f, field, &part)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}

/// A bound of a slice as an element number from 0 to `length`; `None` when it is absent.
fn bound(v: &Value, length: usize) -> Option<usize> {
    let Value::Int(i) = v else { return None };
    let at = match i {
        Int::Small(k) if *k < 0 => k.saturating_add(length as i64),
        Int::Small(k) => *k,
        big if big.is_negative() => 0,
        _ => i64::MAX,
    };
    Some(at.clamp(0, length as i64) as usize)
}
