//! Operators (section 4, "Operators"; section 3.1 for numbers).

use crate::key::{Key, number_order, same};
use crate::machine::{Exit, Frame, Machine, Run, arith_of};
use crate::number::{Arith, float_arith, int_arith, rat_arith, rat_from_f64, rat_to_f64};
use crate::show::{Mode, Show};
use crate::text::{characters, find};
use crate::value::{List, Value};
use mochi_lang::ast::BinOp;
use mochi_lang::tree::Expr;
use mochi_lang::types::{Ty, TyKind};
use num_rational::BigRational;
use std::cmp::Ordering;
use std::rc::Rc;

impl<'p> Machine<'p> {
    /// `left op right`: from left to right; `&&`, `||` and `??` evaluate the right side when they need it.
    pub fn binary(
        &mut self,
        f: &mut Frame<'p>,
        e: &'p Expr,
        op: BinOp,
        left: &'p Expr,
        right: &'p Expr,
    ) -> Run<Value> {
        match op {
            BinOp::And => return Ok(Value::Bool(self.condition(f, left)? && self.condition(f, right)?)),
            BinOp::Or => return Ok(Value::Bool(self.condition(f, left)? || self.condition(f, right)?)),
            BinOp::Coalesce => {
                return match self.expr(f, left)? {
                    Value::None => self.expr(f, right),
                    v => Ok(v),
                };
            }
            _ => {}
        }
        let message = match op {
            BinOp::Union | BinOp::UnionAll => Some("union expects lists"),
            BinOp::Except => Some("except expects lists"),
            BinOp::Intersect => Some("intersect expects lists"),
            _ => None,
        };
        let (a, b) = (self.of_kind(f, left, message)?, self.of_kind(f, right, message)?);
        self.at = e.span;
        let ty = self.ty(f, e.ty);
        if let Some(op) = arith_of(op) {
            return self.arithmetic(op, ty, a, b);
        }
        match op {
            BinOp::Eq => Ok(Value::Bool(same(&self.types.types, &a, &b))),
            BinOp::Ne => Ok(Value::Bool(!same(&self.types.types, &a, &b))),
            BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge => Ok(Value::Bool(ordered(op, &a, &b))),
            BinOp::In => {
                let within = self.ty(f, right.ty);
                self.contains(&a, &b, within).map(Value::Bool)
            }
            _ => self.set_operator(op, &a, &b, ty),
        }
    }

    /// Arithmetic on two values of one static type.
    pub fn arithmetic(&mut self, op: Arith, ty: Ty, a: Value, b: Value) -> Run<Value> {
        match self.types.kind(self.types.strip(ty)) {
            TyKind::Str => match (&a, &b) {
                (Value::Str(x), Value::Str(y)) => {
                    self.work((x.bytes().len() + y.bytes().len()) / 8)?;
                    Ok(Value::str([x.bytes(), y.bytes()].concat()))
                }
                _ => self.fail("cannot use none here"),
            },
            TyKind::List(_) => {
                let ty = self.types.strip(ty);
                self.joined(ty, &[a, b])
            }
            TyKind::Any | TyKind::Unit => self.dynamic_arithmetic(op, a, b),
            // Both are NaNs to the machine, which gives one of them.
            TyKind::Float
                if matches!(op, Arith::Add | Arith::Sub | Arith::Mul)
                    && [(&a, &b), (&b, &a)]
                        .iter()
                        .any(|(x, y)| x.is_none() && matches!(y, Value::Float(n) if n.is_nan())) =>
            {
                Err(Exit::Undecided("arithmetic of a NaN with a none"))
            }
            _ => self.number_arithmetic(op, &a, &b),
        }
    }

    /// `+` with a string on a side joins the `str` forms; lists are joined; the rest is numbers.
    fn dynamic_arithmetic(&mut self, op: Arith, a: Value, b: Value) -> Run<Value> {
        if op == Arith::Add {
            match (&a, &b) {
                (Value::Str(_), _) | (_, Value::Str(_)) => {
                    let text = |v: &Value| Show::new(&self.types.types).text(v, Mode::Str);
                    return Ok(Value::str([text(&a), text(&b)].concat()));
                }
                (Value::List(x), Value::List(y)) => {
                    let ty = if x.ty == y.ty { x.ty } else { self.types.types.list(Ty::ANY) };
                    return self.joined(ty, &[a, b]);
                }
                _ => {}
            }
        }
        let number = |v: &Value| v.is_none() || v.is_number();
        if !number(&a) && !b.is_none() || !number(&b) && !a.is_none() {
            let sign = match op {
                Arith::Add => '+',
                Arith::Sub => '-',
                Arith::Mul => '*',
                Arith::Div => '/',
                Arith::Mod => '%',
            };
            let (x, y) = (a.kind_name(), b.kind_name());
            return self.fail(format!("operator {sign} cannot be used on types {x} and {y}"));
        }
        self.number_arithmetic(op, &a, &b)
    }

    /// Arithmetic with none gives none.
    fn number_arithmetic(&mut self, op: Arith, a: &Value, b: &Value) -> Run<Value> {
        let result = match (a, b) {
            (Value::Int(x), Value::Int(y)) => {
                self.work(size(a).max(size(b)))?;
                int_arith(op, x, y).map(Value::Int)
            }
            (Value::Float(_), _) | (_, Value::Float(_)) => match (as_float(a), as_float(b)) {
                (Some(x), Some(y)) => float_arith(op, x, y).map(Value::Float),
                _ => Some(Value::None),
            },
            _ => match (as_rat(a), as_rat(b)) {
                (Some(x), Some(y)) => {
                    self.work((x.numer().bits() + y.numer().bits()) as usize / 64)?;
                    rat_arith(op, &x, &y).map(Value::rat)
                }
                _ => Some(Value::None),
            },
        };
        match result {
            Some(v) => Ok(v),
            None => self.fail("division by zero"),
        }
    }

    /// `-v`.
    pub fn negate(&mut self, v: Value) -> Run<Value> {
        match &v {
            Value::Int(i) => Ok(Value::Int(i.neg())),
            Value::Float(x) => Ok(Value::Float(-x)),
            Value::Rat(r) => Ok(Value::rat(-(**r).clone())),
            Value::None => Ok(v),
            _ => self.dynamic_arithmetic(Arith::Sub, Value::int(0), v),
        }
    }

    /// A fresh list of the elements of lists; none has none.
    pub fn joined(&mut self, ty: Ty, lists: &[Value]) -> Run<Value> {
        let mut items = Vec::new();
        for v in lists {
            if let Value::List(l) = v {
                items.extend(l.items.borrow().iter().cloned());
            }
        }
        self.work(items.len() / 4)?;
        Ok(Value::list(ty, items))
    }

    /// `a in b`: an element, a key, a part of a string.
    pub fn contains(&mut self, a: &Value, b: &Value, within: Ty) -> Run<bool> {
        let list = |m: &Self, l: &List| l.items.borrow().iter().any(|x| same(&m.types.types, a, x));
        match b {
            Value::List(l) => {
                self.work(l.items.borrow().len())?;
                Ok(list(self, l))
            }
            Value::Group(g) => Ok(list(self, &g.items)),
            Value::Map(m) => {
                let key_ty = self.types.map_parts(m.ty).0;
                // Through `any` a key of another kind than int is no key of a map of ints.
                if key_ty == Ty::INT && !matches!(a, Value::Int(_) | Value::None) {
                    return Ok(false);
                }
                if !self.may_be_key(a, key_ty) {
                    return Ok(false);
                }
                let key = self.adopt_key(a, key_ty)?;
                Ok(m.entries.borrow().get(&Key::of(&self.types.types, m, &key)).is_some())
            }
            Value::Str(s) => match a {
                Value::Str(part) => {
                    self.work(s.bytes().len())?;
                    Ok(find(&characters(s.bytes()), &characters(part.bytes()), 0).is_some())
                }
                Value::None => self.fail("cannot use none here"),
                _ => self.fail("invalid 'in' operand"),
            },
            Value::Struct(_) if matches!(a, Value::Str(_)) => {
                let Value::Str(name) = a else { return Ok(false) };
                Ok(self.member(b, name.bytes()).is_some())
            }
            Value::None => match self.types.kind(self.types.strip(within)) {
                TyKind::List(_) => Ok(false),
                TyKind::Any => self.fail("invalid 'in' operand"),
                _ => self.fail("cannot use none here"),
            },
            _ => self.fail("invalid 'in' operand"),
        }
    }

    /// Set operators of lists (section 4; by `==`, D21), in the order of first occurrence; none is an empty list.
    /// The result is fresh.
    fn set_operator(&mut self, op: BinOp, a: &Value, b: &Value, ty: Ty) -> Run<Value> {
        let items = |v: &Value| if let Value::List(l) = v { l.items.borrow().clone() } else { Vec::new() };
        let (x, y): (Vec<Value>, Vec<Value>) = (items(a), items(b));
        self.work(x.len() * y.len() / 4 + x.len() + y.len())?;
        let types = &self.types.types;
        let has = |list: &[Value], v: &Value| list.iter().any(|w| same(types, w, v));
        let mut result: Vec<Value> = Vec::new();
        match op {
            BinOp::UnionAll => result.extend(x.into_iter().chain(y)),
            BinOp::Union => {
                for v in x.into_iter().chain(y) {
                    if !has(&result, &v) {
                        result.push(v);
                    }
                }
            }
            BinOp::Except => result.extend(x.into_iter().filter(|v| !has(&y, v))),
            // In the order of the right operand.
            _ => {
                for v in y {
                    if has(&x, &v) && !has(&result, &v) {
                        result.push(v);
                    }
                }
            }
        }
        let ty = self.types.strip(ty);
        Ok(Value::list(ty, result))
    }
}

/// Words of an int, for the account of work.
fn size(v: &Value) -> usize {
    match v {
        Value::Int(crate::number::Int::Big(b)) => (b.bits() / 64) as usize,
        _ => 0,
    }
}

/// A number as a float.
pub fn as_float(v: &Value) -> Option<f64> {
    match v {
        Value::Int(i) => Some(i.to_f64()),
        Value::Float(x) => Some(*x),
        Value::Rat(r) => Some(rat_to_f64(r)),
        _ => None,
    }
}

/// A number as a rational.
pub fn as_rat(v: &Value) -> Option<Rc<BigRational>> {
    match v {
        Value::Int(i) => Some(Rc::new(i.to_rat())),
        Value::Float(x) => Some(Rc::new(rat_from_f64(*x))),
        Value::Rat(r) => Some(r.clone()),
        _ => None,
    }
}

/// `<`, `<=`, `>`, `>=`: numbers by value, strings by bytes, false before true. With none they are
/// false. Lists, maps and structs have no order: `<=` and `>=` hold, the others do not.
fn ordered(op: BinOp, a: &Value, b: &Value) -> bool {
    let order = match (a, b) {
        (Value::Str(x), Value::Str(y)) => crate::text::compare(x, y),
        (Value::Bool(x), Value::Bool(y)) => x.cmp(y),
        (Value::List(_), Value::List(_))
        | (Value::Map(_), Value::Map(_))
        | (Value::Struct(_), Value::Struct(_))
        | (Value::Group(_), Value::Group(_))
        | (Value::Fun(_), Value::Fun(_)) => Ordering::Equal,
        _ => match number_order(a, b) {
            Some(order) => order,
            None => return false,
        },
    };
    match op {
        BinOp::Lt => order.is_lt(),
        BinOp::Le => order.is_le(),
        BinOp::Gt => order.is_gt(),
        _ => order.is_ge(),
    }
}
