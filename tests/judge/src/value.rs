//! Values at run time: what a variable, an element or a field may hold.
//!
//! Lists, maps, structs and functions are objects with identity: copying a [`Value`] copies the
//! reference, and everybody who holds it sees a change (section 4, "Reference semantics"). Every
//! value tells its own kind; a container also remembers the type it was made with, which `any`
//! needs: a store through `any` converts to the element type, `type_of` names it.

use crate::key::Key;
use crate::number::Int;
use crate::text::Text;
use mochi_lang::tree::FuncId;
use mochi_lang::types::{StructId, Ty};
use num_rational::BigRational;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// A value.
#[derive(Clone)]
pub enum Value {
    /// `none` of every type, and the value of what has no value.
    None,
    /// `bool`.
    Bool(bool),
    /// `int`, `int64`, `bigint`: section 3.1, all exact.
    Int(Int),
    /// `float`.
    Float(f64),
    /// `bigrat`.
    Rat(Rc<BigRational>),
    /// `string`.
    Str(Rc<Text>),
    /// A list.
    List(Rc<List>),
    /// A map.
    Map(Rc<Map>),
    /// A struct or a variant of a union.
    Struct(Rc<Struct>),
    /// A group of a query.
    Group(Rc<Group>),
    /// A function.
    Fun(Rc<Fun>),
}

/// A list object.
pub struct List {
    /// Type of the list.
    pub ty: Ty,
    /// Elements.
    pub items: RefCell<Vec<Value>>,
}

/// A map object.
pub struct Map {
    /// Type of the map.
    pub ty: Ty,
    /// Entries.
    pub entries: RefCell<Entries>,
}

/// The entries of a map in order of insertion; entries never go away.
#[derive(Default)]
pub struct Entries {
    places: HashMap<Key, usize>,
    list: Vec<(Value, Value)>,
}

impl Entries {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Keys and values in order of insertion.
    pub fn iter(&self) -> impl Iterator<Item = &(Value, Value)> {
        self.list.iter()
    }

    /// The same keys with other values.
    pub fn with_values(&self, mut value: impl FnMut(&Value) -> Value) -> Entries {
        let list = self.list.iter().map(|(k, v)| (k.clone(), value(v))).collect();
        Entries { places: self.places.clone(), list }
    }

    /// The value of a key.
    pub fn get(&self, key: &Key) -> Option<&Value> {
        self.places.get(key).map(|&at| &self.list[at].1)
    }

    /// Stores under a key; `value_of_key` is the key as iteration gives it.
    pub fn put(&mut self, key: Key, value_of_key: Value, value: Value) {
        match self.places.get(&key) {
            Some(&at) => self.list[at].1 = value,
            None => {
                self.places.insert(key, self.list.len());
                self.list.push((value_of_key, value));
            }
        }
    }
}

/// A struct or variant object.
pub struct Struct {
    /// Which.
    pub id: StructId,
    /// Fields in order of declaration.
    pub fields: RefCell<Vec<Value>>,
}

/// A group object.
pub struct Group {
    /// What its rows have in common.
    pub key: Value,
    /// Its rows.
    pub items: Rc<List>,
}

/// A function value.
pub enum Fun {
    /// A function of the program with the variables it captured.
    Closure {
        /// Which.
        func: FuncId,
        /// Type arguments it runs under.
        args: Rc<[Ty]>,
        /// Captured variables, in the order of the function's captures.
        captures: Vec<Slot>,
    },
    /// A function that waits for its last arguments (section 3.3, curried calls).
    Partial {
        /// The function.
        callee: Value,
        /// The arguments given so far.
        args: Vec<Value>,
    },
    /// A function as one of another type.
    Adapted {
        /// The function.
        callee: Value,
        /// What it is called as.
        ty: Ty,
    },
}

/// A local variable.
#[derive(Clone)]
pub enum Slot {
    /// Of one function alone.
    Own(Value),
    /// Shared with the functions that mention it (decision 2: closures share variables).
    Shared(Rc<RefCell<Value>>),
}

impl Slot {
    /// A fresh variable.
    pub fn new(value: Value, captured: bool) -> Slot {
        if captured { Slot::Shared(Rc::new(RefCell::new(value))) } else { Slot::Own(value) }
    }

    /// Its value.
    pub fn get(&self) -> Value {
        match self {
            Slot::Own(v) => v.clone(),
            Slot::Shared(cell) => cell.borrow().clone(),
        }
    }

    /// Assigns it.
    pub fn set(&mut self, value: Value) {
        match self {
            Slot::Own(v) => *v = value,
            Slot::Shared(cell) => *cell.borrow_mut() = value,
        }
    }
}

impl Value {
    /// An int.
    pub fn int(v: i64) -> Value {
        Value::Int(Int::from(v))
    }

    /// A length or position.
    pub fn count(n: usize) -> Value {
        Value::int(n as i64)
    }

    /// A string.
    pub fn str(bytes: impl Into<Vec<u8>>) -> Value {
        Value::Str(Rc::new(Text::new(bytes.into())))
    }

    /// A rational.
    pub fn rat(v: BigRational) -> Value {
        Value::Rat(Rc::new(v))
    }

    /// A fresh list of a list type.
    pub fn list(ty: Ty, items: Vec<Value>) -> Value {
        Value::List(Rc::new(List { ty, items: RefCell::new(items) }))
    }

    /// Whether it is none.
    pub fn is_none(&self) -> bool {
        matches!(self, Value::None)
    }

    /// Whether it is a number of any kind.
    pub fn is_number(&self) -> bool {
        matches!(self, Value::Int(_) | Value::Float(_) | Value::Rat(_))
    }

    /// Section 4, "Truthiness": none, 0, 0.0, "" and what is empty are false.
    pub fn truth(&self) -> bool {
        match self {
            Value::None => false,
            Value::Bool(b) => *b,
            Value::Int(i) => !i.is_zero(),
            Value::Float(x) => *x != 0.0,
            Value::Str(s) => !s.bytes().is_empty(),
            Value::List(l) => !l.items.borrow().is_empty(),
            Value::Map(m) => !m.entries.borrow().is_empty(),
            Value::Rat(r) => *r.numer() != 0.into(),
            Value::Fun(_) => false,
            Value::Struct(_) | Value::Group(_) => true,
        }
    }

    /// The name of its kind in messages: that of the reference's host language (section 3.5, `%T`).
    pub fn kind_name(&self) -> &'static str {
        match self {
            Value::None => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float64",
            Value::Rat(_) => "*big.Rat",
            Value::Str(_) => "string",
            Value::List(_) => "[]interface {}",
            Value::Map(_) | Value::Struct(_) | Value::Group(_) => "map[string]interface {}",
            Value::Fun(_) => "func",
        }
    }
}
