//! Assignment to variables, elements and fields (section 4, "Evaluation order", "Indexing").
//!
//! The leading indexes are evaluated first, then the value, then the last index; a variable whose element
//! or field is stored is read last of all. A list that grows by a store is copied, and only what
//! held it gets the longer one ("re-points only that variable").

use crate::key::{Key, frozen};
use crate::machine::{Frame, Machine, Run, arith_of};
use crate::number::Int;
use crate::value::{List, Map, Struct, Value};
use mochi_lang::ast::BinOp;
use mochi_lang::tree::{Expr, Place, Step, VarRef};
use mochi_lang::types::Ty;
use std::rc::Rc;

/// The last step of a place with its index evaluated.
enum Last<'p> {
    Index(Value),
    Field(u32),
    Name(&'p str),
}

/// What holds a container: where a longer list goes.
enum Holder {
    Variable(VarRef),
    Element(Rc<List>, usize),
    Entry(Rc<Map>, Value),
    Field(Rc<Struct>, u32),
}

impl<'p> Machine<'p> {
    /// `place = value` or `place op= value`.
    pub fn assign_place(
        &mut self,
        f: &mut Frame<'p>,
        place: &'p Place,
        op: Option<BinOp>,
        value: &'p Expr,
    ) -> Run<()> {
        let Some(((last, ty), leading)) = place.steps.split_last() else {
            let ty = self.var_ty(f, place.root);
            let new = match op {
                Some(op) => {
                    let old = self.read(f, place.root);
                    let right = self.expr(f, value)?;
                    self.at = value.span;
                    self.combine(op, ty, old, right)?
                }
                None => self.expr(f, value)?,
            };
            self.assign(f, place.root, new);
            return Ok(());
        };
        let (mut container, holder) = self.walk(f, place, leading)?;
        let container_ty = leading.last().map_or(place.root_ty, |(_, ty)| *ty);
        let container_ty = self.ty(f, container_ty);
        let late = leading.is_empty();
        let (last, new) = match op {
            None => {
                let new = self.expr(f, value)?;
                (self.last(f, last)?, new)
            }
            Some(op) => {
                let last = self.last(f, last)?;
                if late {
                    container = self.read(f, place.root);
                }
                self.at = value.span;
                let old = self.part(f, &container, container_ty, &last, &holder)?;
                let right = self.expr(f, value)?;
                self.at = value.span;
                let ty = self.ty(f, *ty);
                (last, self.combine(op, ty, old, right)?)
            }
        };
        if late {
            container = self.read(f, place.root);
        }
        self.at = value.span;
        self.store(f, container, container_ty, last, new, holder)
    }

    fn combine(&mut self, op: BinOp, ty: Ty, old: Value, right: Value) -> Run<Value> {
        match arith_of(op) {
            Some(op) => self.arithmetic(op, ty, old, right),
            // `??=` keeps what is not none.
            None => Ok(if old.is_none() { right } else { old }),
        }
    }

    fn last(&mut self, f: &mut Frame<'p>, step: &'p Step) -> Run<Last<'p>> {
        Ok(match step {
            Step::Index(e) => Last::Index(self.expr(f, e)?),
            Step::Field(k) => Last::Field(*k),
            Step::DynField(name) => Last::Name(name),
        })
    }

    /// The container that the leading steps reach, and what holds it.
    fn walk(
        &mut self,
        f: &mut Frame<'p>,
        place: &'p Place,
        leading: &'p [(Step, Ty)],
    ) -> Run<(Value, Holder)> {
        let mut at = self.read(f, place.root);
        let mut at_ty = self.ty(f, place.root_ty);
        let mut holder = Holder::Variable(place.root);
        for (step, ty) in leading {
            let last = self.last(f, step)?;
            if let Step::Index(e) = step {
                self.at = e.span;
            }
            let part = self.part(f, &at, at_ty, &last, &holder)?;
            holder = match (&at, last) {
                (Value::Struct(s), Last::Field(k)) => Holder::Field(s.clone(), k),
                (Value::Struct(s), Last::Name(name)) => self.field_holder(s, name.as_bytes()),
                (Value::Struct(s), Last::Index(Value::Str(name))) => self.field_holder(s, name.bytes()),
                (Value::List(l), Last::Index(Value::Int(i))) => {
                    let k = position(&i, l.items.borrow().len()).unwrap_or(0);
                    Holder::Element(l.clone(), k)
                }
                (Value::Map(m), Last::Index(key)) => Holder::Entry(m.clone(), key),
                (Value::Map(m), Last::Name(name)) => Holder::Entry(m.clone(), Value::str(name)),
                _ => holder,
            };
            at = part;
            at_ty = self.ty(f, *ty);
        }
        Ok((at, holder))
    }

    fn field_holder(&self, s: &Rc<Struct>, name: &[u8]) -> Holder {
        let def = self.types.types.struct_def(s.id);
        let k = def.fields.iter().position(|(n, _)| n.as_bytes() == name).unwrap_or(0);
        Holder::Field(s.clone(), k as u32)
    }

    /// The value of a part of a container. Where a list is wanted and none is found, there is a new
    /// list from now on ("storing into none creates a list"; of variables only those that were declared
    /// without a value).
    fn part(
        &mut self,
        f: &mut Frame<'p>,
        container: &Value,
        ty: Ty,
        last: &Last<'p>,
        holder: &Holder,
    ) -> Run<Value> {
        match last {
            Last::Field(k) => self.field(container, *k),
            Last::Name(name) => self.dynamic_field(container, name.as_bytes()),
            Last::Index(index) => {
                let made = match self.list_type(f, ty, holder) {
                    Some(ty) if container.is_none() => {
                        let list = Value::list(ty, Vec::new());
                        self.hold(f, holder, list.clone())?;
                        Some(list)
                    }
                    _ => None,
                };
                self.index(made.as_ref().unwrap_or(container), index)
            }
        }
    }

    /// The type of the list that a store makes of none in a place of this type.
    fn list_type(&mut self, f: &Frame<'p>, ty: Ty, holder: &Holder) -> Option<Ty> {
        use mochi_lang::types::TyKind;
        let stripped = self.types.strip(ty);
        match self.types.kind(stripped) {
            TyKind::List(_) => match holder {
                Holder::Variable(var) if stripped == ty && !self.unset.contains(f.id, *var) => None,
                _ => Some(stripped),
            },
            TyKind::Any => Some(self.types.list_of(Ty::ANY)),
            _ => None,
        }
    }

    /// Gives a holder another value.
    fn hold(&mut self, f: &mut Frame<'p>, holder: &Holder, value: Value) -> Run<()> {
        match holder {
            Holder::Variable(var) => self.assign(f, *var, value),
            Holder::Element(list, k) => list.items.borrow_mut()[*k] = value,
            Holder::Entry(map, key) => self.put(map, key, value, false)?,
            Holder::Field(object, k) => object.fields.borrow_mut()[*k as usize] = value,
        }
        Ok(())
    }

    fn adopt_field(&mut self, object: &Struct, k: u32, value: Value) -> Run<Value> {
        let ty = self.types.types.struct_def(object.id).fields[k as usize].1;
        let ty = self.types.resolve(ty, &(Rc::new([]) as Rc<[Ty]>));
        self.adopt(value, ty)
    }

    /// Stores under a key; `dynamic`: through `any`, so that the value may not be of the map's type.
    pub fn put(&mut self, map: &Map, key: &Value, mut value: Value, dynamic: bool) -> Run<()> {
        let (key_ty, value_ty) = self.types.map_parts(map.ty);
        let key = self.adopt_key(key, key_ty)?;
        if dynamic {
            value = self.adopt(value, value_ty)?;
        }
        let id = Key::of(&self.types.types, map, &key);
        map.entries.borrow_mut().put(id, frozen(&key), value);
        Ok(())
    }

    fn store(
        &mut self,
        f: &mut Frame<'p>,
        container: Value,
        ty: Ty,
        last: Last<'p>,
        value: Value,
        holder: Holder,
    ) -> Run<()> {
        let dynamic = ty == Ty::ANY;
        match (&container, last) {
            (Value::None, Last::Index(index)) => {
                let Some(ty) = self.list_type(f, ty, &holder) else {
                    return self.fail("cannot use none here");
                };
                let empty = Rc::new(List { ty, items: Vec::new().into() });
                self.hold(f, &holder, Value::List(empty.clone()))?;
                self.store_element(f, &empty, &index, value, &holder, dynamic)
            }
            (Value::None, _) => self.fail("cannot use none here"),
            (Value::Struct(object), Last::Field(k)) => {
                object.fields.borrow_mut()[k as usize] = value;
                Ok(())
            }
            (Value::Struct(object), Last::Name(name)) => self.store_name(object, name.as_bytes(), value),
            (Value::Struct(object), Last::Index(Value::Str(name))) => {
                self.store_name(object, name.bytes(), value)
            }
            (Value::Map(map), Last::Index(key)) => self.put(map, &key, value, dynamic),
            (Value::Map(map), Last::Name(name)) => self.put(map, &Value::str(name), value, dynamic),
            (Value::List(list), Last::Index(index)) => {
                self.store_element(f, list, &index, value, &holder, dynamic)
            }
            _ => self.fail("invalid index target"),
        }
    }

    fn store_name(&mut self, object: &Rc<Struct>, name: &[u8], value: Value) -> Run<()> {
        let def = self.types.types.struct_def(object.id);
        let Some(k) = def.fields.iter().position(|(n, _)| n.as_bytes() == name) else {
            return self.fail("invalid index target");
        };
        let value = self.adopt_field(object, k as u32, value)?;
        object.fields.borrow_mut()[k] = value;
        Ok(())
    }

    /// An index past the end makes the list longer, none in between; a negative one counts from the end.
    fn store_element(
        &mut self,
        f: &mut Frame<'p>,
        list: &Rc<List>,
        index: &Value,
        mut value: Value,
        holder: &Holder,
        dynamic: bool,
    ) -> Run<()> {
        let index = match index {
            Value::Int(i) => i,
            Value::None => return self.fail("index out of range"),
            _ => return self.fail("invalid index"),
        };
        if dynamic {
            let elem = self.types.elem(list.ty);
            value = self.adopt(value, elem)?;
        }
        let length = list.items.borrow().len();
        if let Some(k) = position(index, length) {
            list.items.borrow_mut()[k] = value;
            return Ok(());
        }
        let Some(k) = index.small().and_then(|k| usize::try_from(k).ok()) else {
            return self.fail("index out of range");
        };
        self.work(k)?;
        let mut items = list.items.borrow().clone();
        items.resize(k, Value::None);
        items.push(value);
        self.hold(f, holder, Value::list(list.ty, items))
    }
}

/// The element that an index names: a negative one counts from the end.
pub fn position(index: &Int, length: usize) -> Option<usize> {
    let k = index.small()?;
    let k = if k < 0 { k.checked_add(length as i64)? } else { k };
    usize::try_from(k).ok().filter(|&k| k < length)
}
