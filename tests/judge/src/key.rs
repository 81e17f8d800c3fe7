//! What makes two values the same key or the same element.
//!
//! - [`Key`]: equal for values that are `==`, so that a map finds them (and a key that changes after the
//!   store does not change inside the map, decision 14, because the key is taken at the store).
//!   One exception makes sense for a key alone: NaN is found again.
//! - [`same`]: the operator `==` itself, section 4.
//! - [`order`]: the order of `sort`, `sort by`, `min` and `max`, section 5.

use crate::number::{Int, int_float_order, rat_from_f64};
use crate::value::{Entries, Value};
use mochi_lang::types::Types;
use num_rational::BigRational;
use std::cmp::Ordering;

/// The identity of a key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Key(Vec<u8>);

impl Key {
    /// The identity of a value as it is now.
    pub fn new(v: &Value) -> Key {
        let mut text = Vec::new();
        write_key(&mut text, v);
        Key(text)
    }
}

/// Appends a text that is the same for equal values: numbers by exact value, whatever their kind.
fn write_key(out: &mut Vec<u8>, v: &Value) {
    let mut part = |tag: u8, bytes: &[u8]| {
        out.push(tag);
        out.extend_from_slice(bytes.len().to_string().as_bytes());
        out.push(b':');
        out.extend_from_slice(bytes);
    };
    match v {
        Value::None => part(b'n', b""),
        Value::Bool(b) => part(b'b', &[u8::from(*b)]),
        Value::Int(i) => part(b'i', i.to_string().as_bytes()),
        Value::Float(x) if !x.is_finite() => part(b'x', x.to_string().as_bytes()),
        Value::Float(x) => write_rat(out, &rat_from_f64(*x)),
        Value::Rat(r) => write_rat(out, r),
        Value::Str(s) => part(b's', s.bytes()),
        Value::List(l) => {
            let items = l.items.borrow();
            part(b'l', items.len().to_string().as_bytes());
            items.iter().for_each(|x| write_key(out, x));
        }
        Value::Map(m) => {
            let mut entries: Vec<Vec<u8>> = Vec::new();
            for (k, x) in m.entries.borrow().iter() {
                let mut entry = Vec::new();
                write_key(&mut entry, k);
                write_key(&mut entry, x);
                entries.push(entry);
            }
            entries.sort();
            part(b'm', &entries.concat());
        }
        Value::Struct(s) => {
            part(b't', s.id.0.to_string().as_bytes());
            s.fields.borrow().iter().for_each(|x| write_key(out, x));
        }
        Value::Group(g) => {
            out.push(b'g');
            write_key(out, &g.key);
            write_key(out, &Value::List(g.items.clone()));
        }
        Value::Fun(f) => part(b'f', format!("{:p}", &**f).as_bytes()),
    }
}

fn write_rat(out: &mut Vec<u8>, r: &BigRational) {
    let text = if r.is_integer() { r.numer().to_string() } else { r.to_string() };
    out.push(b'i');
    out.extend_from_slice(format!("{}:{text}", text.len()).as_bytes());
}

/// A copy of a key that nobody else holds: what is inside cannot change any more (decision 14).
pub fn frozen(v: &Value) -> Value {
    use crate::value::{List, Map, Struct};
    use std::cell::RefCell;
    use std::rc::Rc;
    match v {
        Value::List(l) => {
            let items = l.items.borrow().iter().map(frozen).collect();
            Value::List(Rc::new(List { ty: l.ty, items: RefCell::new(items) }))
        }
        Value::Map(m) => {
            let mut entries = Entries::default();
            for (k, x) in m.entries.borrow().iter() {
                entries.put(Key::new(k), frozen(k), frozen(x));
            }
            Value::Map(Rc::new(Map { ty: m.ty, entries: RefCell::new(entries) }))
        }
        Value::Struct(s) => {
            let fields = s.fields.borrow().iter().map(frozen).collect();
            Value::Struct(Rc::new(Struct { id: s.id, fields: RefCell::new(fields) }))
        }
        other => other.clone(),
    }
}

/// `a == b`: deep and structural; numbers of all kinds by value; none equals only none; functions equal
/// nothing, and so do structs that have methods.
pub fn same(types: &Types, a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::None, Value::None) => true,
        (Value::Bool(x), Value::Bool(y)) => x == y,
        (Value::Str(x), Value::Str(y)) => x.bytes() == y.bytes(),
        (Value::List(x), Value::List(y)) => {
            let (x, y) = (x.items.borrow(), y.items.borrow());
            x.len() == y.len() && x.iter().zip(y.iter()).all(|(x, y)| same(types, x, y))
        }
        (Value::Map(x), Value::Map(y)) => {
            let (x, y) = (x.entries.borrow(), y.entries.borrow());
            let found = |(k, v): &(Value, Value)| y.get(&Key::new(k)).is_some_and(|w| same(types, v, w));
            x.len() == y.len() && x.iter().all(found)
        }
        (Value::Struct(x), Value::Struct(y)) => {
            let def = types.struct_def(x.id);
            let (f, g) = (x.fields.borrow(), y.fields.borrow());
            x.id == y.id && def.methods.is_empty() && f.iter().zip(g.iter()).all(|(x, y)| same(types, x, y))
        }
        (Value::Group(x), Value::Group(y)) => {
            same(types, &x.key, &y.key)
                && same(types, &Value::List(x.items.clone()), &Value::List(y.items.clone()))
        }
        _ => number_order(a, b) == Some(Ordering::Equal),
    }
}

/// The order of two numbers by exact value; `None` when one is NaN or no number.
pub fn number_order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(x), Value::Int(y)) => Some(x.cmp(y)),
        (Value::Float(x), Value::Float(y)) => x.partial_cmp(y),
        (Value::Int(x), Value::Float(y)) => int_float_order(x, *y),
        (Value::Float(x), Value::Int(y)) => int_float_order(y, *x).map(Ordering::reverse),
        (Value::Rat(x), Value::Rat(y)) => Some(x.cmp(y)),
        (Value::Rat(x), Value::Int(y)) => Some((**x).cmp(&y.to_rat())),
        (Value::Int(x), Value::Rat(y)) => Some(x.to_rat().cmp(y)),
        (Value::Rat(x), Value::Float(y)) => rat_float_order(x, *y),
        (Value::Float(x), Value::Rat(y)) => rat_float_order(y, *x).map(Ordering::reverse),
        _ => None,
    }
}

fn rat_float_order(a: &BigRational, x: f64) -> Option<Ordering> {
    if x.is_finite() { Some(a.cmp(&rat_from_f64(x))) } else { int_float_order(&Int::from(0), x) }
}

/// Section 5: none last; numbers by value with NaN after them; strings by bytes; false before true;
/// lists from their first element on. What has no order keeps its place; kinds that nobody should
/// mix come in a fixed order.
pub fn order(a: &Value, b: &Value) -> Ordering {
    if a.is_none() || b.is_none() {
        return a.is_none().cmp(&b.is_none());
    }
    if a.is_number() && b.is_number() {
        let nan = |v: &Value| matches!(v, Value::Float(x) if x.is_nan());
        return number_order(a, b).unwrap_or_else(|| nan(a).cmp(&nan(b)));
    }
    match (a, b) {
        (Value::Bool(x), Value::Bool(y)) => x.cmp(y),
        (Value::Str(x), Value::Str(y)) => x.bytes().cmp(y.bytes()),
        (Value::List(x), Value::List(y)) => {
            let (x, y) = (x.items.borrow(), y.items.borrow());
            let differing = x.iter().zip(y.iter()).map(|(x, y)| order(x, y)).find(|o| o.is_ne());
            differing.unwrap_or_else(|| x.len().cmp(&y.len()))
        }
        _ => kind_rank(a).cmp(&kind_rank(b)),
    }
}

fn kind_rank(v: &Value) -> u32 {
    match v {
        Value::None => 0,
        Value::Int(_) => 1,
        Value::Float(_) => 2,
        Value::Bool(_) => 3,
        Value::Str(_) => 4,
        Value::List(_) => 5,
        Value::Map(_) => 6,
        Value::Struct(_) => 7,
        Value::Fun(_) => 8,
        Value::Rat(_) => 9,
        Value::Group(_) => 10,
    }
}
