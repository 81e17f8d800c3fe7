//! Conversions: implicit ones (section 3.2) and casts (section 3.5).
//!
//! An implicit conversion keeps none, and keeps the object where the value is of the type already. A
//! cast copies lists, maps and structs, all the way down, and checks. A fraction is cut off by a cast only:
//! a number that flows into an int has to be one.

use crate::key::{Key, frozen};
use crate::machine::{Machine, Run};
use crate::number::{Arith, Int, int_arith, rat_from_f64, rat_parse, rat_to_f64};
use crate::show::{Mode, Show, key_text};
use crate::text::quote;
use crate::value::{Entries, Fun, List, Map, Struct, Value};
use mochi_lang::types::{StructId, Ty, TyKind, UnionId};
use std::rc::Rc;

/// What a value of any type becomes another for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// A cast of the program.
    Cast,
    /// It flows into a place of the type.
    Flow,
}

impl Machine<'_> {
    /// A `Coerce` node: a value of one type flows into a slot of another.
    pub fn coerce(&mut self, v: Value, from: Ty, to: Ty) -> Run<Value> {
        if from == to || v.is_none() {
            return Ok(v);
        }
        let to = self.types.strip(to);
        if from == Ty::ANY || from == Ty::UNIT {
            return self.adopt(v, to);
        }
        self.scalar(v, to)
    }

    /// The numeric conversions among static types; everything else is itself.
    fn scalar(&mut self, v: Value, to: Ty) -> Run<Value> {
        Ok(match (&v, self.types.kind(to)) {
            (Value::Int(i), TyKind::Float) => Value::Float(i.to_f64()),
            (Value::Int(i), TyKind::BigRat) => Value::rat(i.to_rat()),
            (Value::Float(x), TyKind::BigRat) => Value::rat(rat_from_f64(*x)),
            (Value::Float(x), TyKind::Int) => Value::Int(Int::from_f64(*x)),
            (Value::Rat(r), TyKind::Float) => Value::Float(rat_to_f64(r)),
            (Value::Rat(r), TyKind::Int) => {
                let (num, den) = (Int::from(r.numer().clone()), Int::from(r.denom().clone()));
                int_arith(Arith::Div, &num, &den).map_or(Value::None, Value::Int)
            }
            (Value::Str(_), TyKind::Int | TyKind::Float | TyKind::BigRat | TyKind::Bool) => {
                return self.parsed(&v, to);
            }
            _ => v,
        })
    }

    /// A value of any type in a slot of a type: the same object when it is of that type, else cast.
    pub fn adopt(&mut self, v: Value, to: Ty) -> Run<Value> {
        let to = self.types.strip(to);
        if v.is_none() || to == Ty::ANY || to == Ty::UNIT {
            return Ok(v);
        }
        let itself = match (&v, self.types.kind(to)) {
            (Value::List(l), TyKind::List(_)) => l.ty == to,
            (Value::Map(m), TyKind::Map(..)) => m.ty == to,
            (Value::Struct(s), TyKind::Struct(id)) => s.id == *id,
            _ => false,
        };
        if itself { Ok(v) } else { self.cast_dynamic(v, to, By::Flow) }
    }

    /// A `Cast` node.
    pub fn cast(&mut self, v: Value, from: Ty, to: Ty) -> Run<Value> {
        let (inner, target) = (self.types.strip(from), self.types.strip(to));
        if to == Ty::ANY {
            return Ok(v);
        }
        if v.is_none() && to != target {
            return Ok(v);
        }
        if v.is_none() && inner != from {
            // `T? as T` is a checked unwrapping (decision 3).
            let name = self.types.name(to);
            return self.fail(format!("cannot cast <nil> to {name}"));
        }
        if inner == Ty::ANY || inner == Ty::UNIT {
            return self.cast_dynamic(v, target, By::Cast);
        }
        if v.is_none() {
            return match (self.types.kind(inner), self.types.kind(target)) {
                (TyKind::Map(..), TyKind::Struct(_)) => self.cast_error(&v, to),
                (TyKind::Str, kind) if *kind != TyKind::Str => self.fail("cannot use none here"),
                _ => Ok(v),
            };
        }
        let copies = matches!(self.types.kind(inner), TyKind::List(_) | TyKind::Map(..) | TyKind::Struct(_))
            && matches!(self.types.kind(target), TyKind::List(_) | TyKind::Map(..) | TyKind::Struct(_));
        match (self.types.kind(inner), self.types.kind(target)) {
            (TyKind::Union(_), TyKind::Struct(id)) => {
                let same = matches!(&v, Value::Struct(s) if s.id == *id);
                if same { Ok(v) } else { self.cast_dynamic(v, target, By::Cast) }
            }
            // Of its own type it is the value itself: an option is only opened.
            _ if inner == target => Ok(v),
            _ if copies => self.cast_dynamic(v, target, By::Cast),
            _ => self.scalar(v, target),
        }
    }

    /// The table of section 3.5: by what the value is, into fresh objects.
    fn cast_dynamic(&mut self, v: Value, to: Ty, by: By) -> Run<Value> {
        self.work(1)?;
        let kind = self.types.kind(to).clone();
        match (&v, kind) {
            (_, TyKind::Any | TyKind::Unit) => Ok(v),
            (Value::None, TyKind::Option(_)) => Ok(v),
            (_, TyKind::Option(inner)) => self.cast_dynamic(v, inner, by),
            (Value::None, TyKind::Int) => Ok(Value::int(0)),
            (Value::None, TyKind::Float) => Ok(Value::Float(0.0)),
            (Value::None, TyKind::BigRat) => Ok(Value::rat(Int::from(0).to_rat())),
            (Value::Float(x), TyKind::Int) if by == By::Flow && Int::from_f64(*x).to_f64() != *x => {
                self.fraction_error(&v)
            }
            (Value::Rat(r), TyKind::Int) if r.is_integer() => Ok(Value::Int(Int::from(r.numer().clone()))),
            (Value::Rat(_), TyKind::Int) if by == By::Flow => self.fraction_error(&v),
            (Value::Int(_), TyKind::Int | TyKind::Float | TyKind::BigRat)
            | (Value::Float(_), TyKind::Int | TyKind::Float | TyKind::BigRat)
            | (Value::Rat(_), TyKind::Float | TyKind::BigRat)
            | (Value::Str(_), TyKind::Int | TyKind::Float | TyKind::BigRat) => self.scalar(v, to),
            (Value::Bool(_), TyKind::Bool)
            | (Value::Str(_), TyKind::Str)
            | (Value::Group(_), TyKind::Group(..)) => Ok(v),
            (Value::Fun(f), TyKind::Fun(params, result)) => {
                let have = self.signature(f);
                self.cast_function(&v, have, (params, result), to)
            }
            (Value::List(l), TyKind::List(elem)) => self.cast_list(l, elem, to, by),
            (Value::Map(m), TyKind::Map(..)) => {
                let entries: Vec<(Value, Value)> = m.entries.borrow().iter().cloned().collect();
                self.cast_map(entries, to, by)
            }
            (Value::Struct(s), TyKind::Map(..)) => {
                let def = self.types.types.struct_def(s.id);
                let names = def.fields.iter().map(|(n, _)| Value::str(n.as_bytes()));
                let entries = names.zip(s.fields.borrow().iter().cloned()).collect();
                self.cast_map(entries, to, by)
            }
            (Value::Map(_) | Value::Struct(_), TyKind::Struct(id)) => self.cast_struct(&v, id, to, by),
            (Value::Struct(s), TyKind::Union(u)) if self.types.types.struct_def(s.id).union == Some(u) => {
                Ok(v)
            }
            (Value::Map(_), TyKind::Union(u)) => self.cast_variant(&v, u, to, by),
            _ => self.cast_error(&v, to),
        }
    }

    fn cast_error<T>(&mut self, v: &Value, to: Ty) -> Run<T> {
        let name = match self.types.kind(to) {
            TyKind::Fun(..) => "function".to_string(),
            _ => self.types.name(to),
        };
        self.fail(format!("cannot cast {} to {name}", v.kind_name()))
    }

    fn fraction_error<T>(&mut self, v: &Value) -> Run<T> {
        let text = Show::new(&self.types.types).text(v, Mode::Str);
        self.fail([b"cannot cast ", text.as_slice(), b" to int"].concat())
    }

    /// Parameters and result of a function.
    fn signature(&mut self, fun: &Fun) -> (Vec<Ty>, Ty) {
        match fun {
            Fun::Closure { func, args, .. } => {
                let f = &self.program.functions[func.0 as usize];
                let params = f.params.iter().map(|p| f.locals[p.0 as usize].ty);
                let params = params.map(|ty| self.types.resolve(ty, args)).collect();
                (params, self.types.resolve(f.result, args))
            }
            Fun::Partial { callee: Value::Fun(callee), args } => {
                let (params, result) = self.signature(callee);
                (params[args.len()..].to_vec(), result)
            }
            Fun::Adapted { ty, .. } => match self.types.kind(*ty).clone() {
                TyKind::Fun(params, result) => (params, result),
                _ => (Vec::new(), Ty::ANY),
            },
            Fun::Partial { .. } => (Vec::new(), Ty::ANY),
        }
    }

    /// A function as one of another type (section 3.3: functions are curried). What its result is shows
    /// when it is called.
    fn cast_function(&mut self, v: &Value, have: (Vec<Ty>, Ty), want: (Vec<Ty>, Ty), to: Ty) -> Run<Value> {
        if have == want {
            return Ok(v.clone());
        }
        let (n, m) = (have.0.len(), want.0.len());
        let result = self.types.strip(want.1);
        let goes_on = matches!(self.types.kind(result), TyKind::Fun(..) | TyKind::Any | TyKind::Unit);
        if n != m && (n == 0 || m == 0 || n > m && !goes_on) {
            return self.cast_error(v, to);
        }
        Ok(Value::Fun(Rc::new(Fun::Adapted { callee: v.clone(), ty: to })))
    }

    /// Calls a function that was cast to a type: in turns while arguments are left, and with too few of
    /// them it waits for the others.
    pub fn call_adapted(&mut self, callee: &Value, ty: Ty, mut args: Vec<Value>) -> Run<Value> {
        let TyKind::Fun(_, result) = self.types.kind(ty).clone() else { return Ok(Value::None) };
        let (mut value, at) = (callee.clone(), self.at);
        loop {
            let Value::Fun(fun) = &value else {
                return if value.is_none() {
                    self.fail("cannot use none here")
                } else {
                    self.cast_error(&value, ty)
                };
            };
            let (params, _) = self.signature(fun);
            if params.len() > args.len() {
                let plain = self.types.types.intern(TyKind::Fun(vec![Ty::ANY; params.len()], Ty::ANY));
                let callee = Value::Fun(Rc::new(Fun::Adapted { callee: value, ty: plain }));
                value = Value::Fun(Rc::new(Fun::Partial { callee, args }));
                break;
            }
            if params.is_empty() && !args.is_empty() {
                return self.cast_error(&value, ty);
            }
            let rest = args.split_off(params.len());
            let given: Run<Vec<Value>> =
                args.into_iter().zip(params).map(|(v, p)| self.adopt(v, p)).collect();
            value = self.call_value(&value, given?)?;
            self.at = at;
            args = rest;
            if args.is_empty() {
                break;
            }
        }
        self.adopt(value, result)
    }

    /// What is inside a container: none stays none.
    fn cast_inner(&mut self, v: Value, to: Ty, by: By) -> Run<Value> {
        if v.is_none() { Ok(v) } else { self.cast_dynamic(v, to, by) }
    }

    fn cast_list(&mut self, list: &Rc<List>, elem: Ty, to: Ty, by: By) -> Run<Value> {
        let items = list.items.borrow().clone();
        let items: Run<Vec<Value>> = items.into_iter().map(|x| self.cast_inner(x, elem, by)).collect();
        Ok(Value::list(to, items?))
    }

    fn cast_map(&mut self, entries: Vec<(Value, Value)>, to: Ty, by: By) -> Run<Value> {
        let (key_ty, value_ty) = self.types.map_parts(to);
        let mut result = Entries::default();
        for (k, v) in entries {
            let k = self.key_as(&k, key_ty, by)?;
            let v = self.cast_inner(v, value_ty, by)?;
            result.put(Key::of_type(&self.types.types, key_ty, &k), frozen(&k), v);
        }
        Ok(Value::Map(Rc::new(Map { ty: to, entries: result.into() })))
    }

    /// A key for a map of another key type: numbers become text and text becomes numbers.
    pub fn adopt_key(&mut self, key: &Value, to: Ty) -> Run<Value> {
        self.key_as(key, to, By::Flow)
    }

    /// Whether a value of any type can be a key of a map of keys of this type.
    pub fn may_be_key(&self, key: &Value, to: Ty) -> bool {
        match (key, self.types.kind(to)) {
            (Value::None, _) => true,
            (Value::Str(s), TyKind::Int) => Int::parse(s.bytes()).is_some(),
            (Value::Int(_), TyKind::Int | TyKind::BigRat) => true,
            (Value::Float(_), TyKind::Float) | (Value::Rat(_), TyKind::BigRat) => true,
            (Value::Float(x), TyKind::BigRat) => x.is_finite(),
            (_, TyKind::Int | TyKind::Float | TyKind::BigRat) => false,
            (_, TyKind::Bool) => matches!(key, Value::Bool(_)),
            (_, TyKind::List(_)) => matches!(key, Value::List(_)),
            (_, TyKind::Map(..)) => matches!(key, Value::Map(_)),
            (_, TyKind::Struct(id)) => matches!(key, Value::Struct(s) if s.id == *id),
            (_, TyKind::Union(u)) => {
                matches!(key, Value::Struct(s) if self.types.types.struct_def(s.id).union == Some(*u))
            }
            _ => true,
        }
    }

    fn key_as(&mut self, key: &Value, to: Ty, by: By) -> Run<Value> {
        match (key, self.types.kind(to)) {
            (Value::Str(_) | Value::None, TyKind::Str) => Ok(key.clone()),
            (_, TyKind::Str) => Ok(Value::str(key_text(&self.types.types, key))),
            (Value::Str(s), TyKind::Int) => match Int::parse(s.bytes()) {
                Some(i) => Ok(Value::Int(i)),
                None => self.fail_text("cannot cast key ", s.bytes(), "int"),
            },
            (Value::None, _) => Ok(Value::None),
            _ => self.cast_dynamic(key.clone(), to, by),
        }
    }

    fn cast_struct(&mut self, v: &Value, id: StructId, to: Ty, by: By) -> Run<Value> {
        let fields = self.types.types.struct_def(id).fields.clone();
        let mut values = Vec::with_capacity(fields.len());
        for (name, ty) in fields.iter() {
            let Some(part) = self.member(v, name.as_bytes()) else {
                let shown = self.types.name(to);
                return self.fail(format!("missing field {name} for {shown}"));
            };
            let ty = self.types.resolve(*ty, &(Rc::new([]) as Rc<[Ty]>));
            values.push(self.cast_inner(part, ty, by)?);
        }
        Ok(Value::Struct(Rc::new(Struct { id, fields: values.into() })))
    }

    /// A map that names a variant under "__name" is that variant.
    fn cast_variant(&mut self, v: &Value, union: UnionId, to: Ty, by: By) -> Run<Value> {
        let Some(Value::Str(name)) = self.member(v, b"__name") else { return self.cast_error(v, to) };
        let variants = self.types.types.union_def(union).variants.clone();
        for id in variants {
            if self.types.types.struct_def(id).name.as_bytes() == name.bytes() {
                let ty = self.types.types.intern(TyKind::Struct(id));
                return self.cast_struct(v, id, ty, by);
            }
        }
        self.cast_error(v, to)
    }

    /// The value of a field of a struct or of a string key of a map.
    pub fn member(&self, v: &Value, name: &[u8]) -> Option<Value> {
        match v {
            Value::Map(m) => {
                let id = Key::of(&self.types.types, m, &Value::str(name));
                m.entries.borrow().get(&id).cloned()
            }
            Value::Struct(s) => {
                let def = self.types.types.struct_def(s.id);
                let k = def.fields.iter().position(|(n, _)| n.as_bytes() == name)?;
                Some(s.fields.borrow()[k].clone())
            }
            _ => None,
        }
    }

    /// `string as int`, `float`, `bool` or `bigrat`: a checked parse (decision 3).
    fn parsed(&mut self, v: &Value, to: Ty) -> Run<Value> {
        let Value::Str(text) = v else { return Ok(v.clone()) };
        let bytes = text.bytes();
        let (value, name) = match self.types.kind(to) {
            TyKind::Int => (Int::parse(bytes).map(Value::Int), "int"),
            TyKind::Float => (float_parse(bytes).map(Value::Float), "float"),
            TyKind::Bool => {
                (std::str::from_utf8(bytes).ok().and_then(|s| s.parse().ok()).map(Value::Bool), "bool")
            }
            _ => (rat_parse(bytes).map(Value::rat), "bigrat"),
        };
        match value {
            Some(value) => Ok(value),
            None => self.fail_text("cannot cast ", bytes, name),
        }
    }

    /// Ends the program because a text is no value of the named type; `what` begins the message.
    pub fn fail_text<T>(&mut self, what: &str, text: &[u8], to: &str) -> Run<T> {
        let mut message = what.as_bytes().to_vec();
        quote(&mut message, text);
        message.extend_from_slice(b" to ");
        message.extend_from_slice(to.as_bytes());
        self.fail(message)
    }
}

/// A float as text has it: digits with an optional sign, point and exponent, or `inf`, `infinity`, `nan`.
fn float_parse(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
