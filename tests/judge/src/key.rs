//! What makes two values the same key or the same element.
//!
//! - [`Key`]: equal for values of one kind with one text inside a list, which is what `distinct` compares
//!   and what makes two keys of a map or of groups one (1 and 1.0 differ, 0.0 and -0.0 do, NaN is NaN). In
//!   maps with keys of type `any` the text alone counts: 1 and "1" are one key. A key that changes after
//!   the store does not change inside the map (decision 14), because the key is taken at the store.
//! - [`same`]: the operator `==` itself, section 4.
//! - [`order`]: the order of `sort`, `sort by`, `min` and `max`, section 5.

use crate::number::{Int, int_float_order, rat_from_f64};
use crate::show::key_text;
use crate::value::{Map, Value};
use mochi_lang::types::{Ty, TyKind, Types};
use num_rational::BigRational;
use std::cmp::Ordering;
use std::collections::HashMap;

/// The identity of a key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Key(Vec<u8>);

impl Key {
    /// The identity of a value as it is now.
    pub fn new(types: &Types, v: &Value) -> Key {
        let mut text = Vec::new();
        write_key(types, &mut text, v);
        Key(text)
    }

    /// The identity of a key among others of its type.
    pub fn of_type(types: &Types, ty: Ty, v: &Value) -> Key {
        if ty == Ty::ANY { Key::by_text(types, v) } else { Key::new(types, v) }
    }

    /// The identity of a key among those of a map.
    pub fn of(types: &Types, map: &Map, v: &Value) -> Key {
        Key::of_type(types, key_type(types, map), v)
    }

    /// The identity of a key among those of any type: its text, unless it has none.
    fn by_text(types: &Types, v: &Value) -> Key {
        let mut text = Vec::new();
        match v {
            Value::Rat(_) | Value::Fun(_) => write_key(types, &mut text, v),
            _ => write_part(&mut text, b'a', &key_text(types, v)),
        }
        Key(text)
    }
}

/// Appends bytes so that their end is known.
fn write_part(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend_from_slice(bytes.len().to_string().as_bytes());
    out.push(b':');
    out.extend_from_slice(bytes);
}

/// The type of a map's keys.
fn key_type(types: &Types, map: &Map) -> Ty {
    match types.kind(map.ty) {
        TyKind::Map(key, _) => *key,
        _ => Ty::ANY,
    }
}

fn write_key(types: &Types, out: &mut Vec<u8>, v: &Value) {
    let mut part = |tag: u8, bytes: &[u8]| write_part(out, tag, bytes);
    match v {
        Value::None => part(b'n', b""),
        Value::Bool(b) => part(b'b', &[u8::from(*b)]),
        Value::Int(i) => part(b'i', i.to_string().as_bytes()),
        Value::Float(x) if x.is_nan() => part(b'x', b""),
        Value::Float(x) => part(b'x', &x.to_bits().to_le_bytes()),
        Value::Rat(r) => part(b'r', r.to_string().as_bytes()),
        Value::Str(s) => part(b's', s.bytes()),
        Value::List(l) => {
            let items = l.items.borrow();
            part(b'l', items.len().to_string().as_bytes());
            items.iter().for_each(|x| write_key(types, out, x));
        }
        Value::Map(m) => {
            let mut entries: Vec<Vec<u8>> = Vec::new();
            for (k, x) in m.entries.borrow().iter() {
                let mut entry = Key::by_text(types, k).0;
                write_key(types, &mut entry, x);
                entries.push(entry);
            }
            entries.sort();
            part(b'm', &entries.concat());
        }
        Value::Struct(s) => {
            part(b't', s.id.0.to_string().as_bytes());
            s.fields.borrow().iter().for_each(|x| write_key(types, out, x));
        }
        Value::Group(g) => {
            out.push(b'g');
            write_key(types, out, &g.key);
            write_key(types, out, &Value::List(g.items.clone()));
        }
        Value::Fun(f) => part(b'f', format!("{:p}", &**f).as_bytes()),
    }
}

/// A copy of a key that nobody else holds: what is inside cannot change any more (decision 14).
pub fn frozen(v: &Value) -> Value {
    use crate::value::{List, Struct};
    use std::cell::RefCell;
    use std::rc::Rc;
    match v {
        Value::List(l) => {
            let items = l.items.borrow().iter().map(frozen).collect();
            Value::List(Rc::new(List { ty: l.ty, items: RefCell::new(items) }))
        }
        Value::Map(m) => {
            // Keys are copies already.
            let entries = m.entries.borrow().with_values(frozen);
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
            let alike = key_type(types, x) == key_type(types, y);
            let key = |k: &Value| if alike { Key::of(types, y, k) } else { Key::by_text(types, k) };
            let (x, y) = (x.entries.borrow(), y.entries.borrow());
            let values: HashMap<Key, &Value> = y.iter().map(|(k, v)| (key(k), v)).collect();
            let found = |(k, v): &(Value, Value)| values.get(&key(k)).is_some_and(|w| same(types, v, w));
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
        Value::Int(_) | Value::Float(_) | Value::Rat(_) => 1,
        Value::Bool(_) => 3,
        Value::Str(_) => 4,
        Value::List(_) => 5,
        Value::Map(_) => 6,
        Value::Struct(_) => 7,
        Value::Fun(_) => 8,
        Value::Group(_) => 10,
    }
}
