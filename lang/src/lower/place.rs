//! Assignment: variables, fields, elements, and appending in place.
//!
//! A store into a list may replace the list (growth past the end, or a copy of a shared one), so
//! the place that holds the list is written again; [`Holder`] remembers it while the steps of a
//! place are walked. `place = append(place, e)` and `place = place + list` push in place when the
//! runtime finds the list unshared.
//!
//! Leading steps are walked first, then the value is evaluated, then the last index. A variable
//! with a single step is read last of all: it is what the store is about.

use super::builtin::expects;
use super::facts::LocalFacts;
use super::func::Fx;
use super::ops::strip_coerce;
use super::repr::Repr;
use super::runtime::{ListRt, Rt};
use super::variables::Home;
use crate::ast::BinOp;
use crate::tree::{Builtin, Expr, ExprKind, Place, Step, VarRef};
use crate::types::{Ty, TyKind};
use mochi_ir::{Cond, Region, Value};

/// What holds the container that a walk has reached.
#[derive(Clone, Copy)]
enum Holder {
    Variable(VarRef),
    /// Object and byte offset.
    Field(Value, i64, Region),
    /// List, tagged index (in range), element type.
    Element(Value, Value, Ty),
    /// Map, key, key type.
    Entry(Value, Value, Ty),
    /// Container and index in tagged words.
    Dynamic(Value, Value),
    /// Object in a tagged word, name.
    DynField(Value, Value),
}

/// A container reached by a walk.
#[derive(Clone, Copy)]
struct Reached {
    value: Value,
    ty: Ty,
    holder: Holder,
}

/// What an assignment adds to a list that it stores back.
pub(crate) enum Growth<'a> {
    /// One element.
    Append(&'a Expr),
    /// All elements of other lists; with what the program ends when one is none ([`expects`]).
    Concat(&'a [Expr], Option<&'static str>),
}

impl<'a> Growth<'a> {
    fn exprs(&self) -> &'a [Expr] {
        match self {
            Growth::Append(e) => std::slice::from_ref(*e),
            Growth::Concat(es, _) => es,
        }
    }
}

impl<'a> Fx<'_, 'a> {
    /// `place = value` or `place op= value`.
    pub(crate) fn assign_place(&mut self, place: &'a Place, op: Option<BinOp>, value: &'a Expr) {
        let later = std::slice::from_ref(value);
        if let Some(growth) = growth_of(place, op, value) {
            let ty = self.place_ty(place);
            if self.lw.types.is_list(ty) && self.grow(place, &growth) {
                return;
            }
        }
        let Some((last, leading)) = place.steps.split_last() else {
            let ty = self.var_ty(place.root);
            let v = match op {
                Some(op) => {
                    let old = self.read(place.root);
                    self.stays_in(old, ty, Some(place.root), later);
                    self.combine(op, ty, old, value)
                }
                None => self.keep_as(value, ty),
            };
            self.assign(place.root, v);
            return;
        };
        let at = self.walk(place.root, leading, later);
        self.at(value.span);
        match &last.0 {
            Step::Field(field) => {
                let v = match op {
                    Some(op) => {
                        let (old, ty) = self.field(at.value, at.ty, *field);
                        self.stays_in(old, ty, None, later);
                        self.combine(op, ty, old, value)
                    }
                    None => {
                        let ty = self.field_ty(at.ty, *field);
                        self.keep_as(value, ty)
                    }
                };
                let at = self.ready(at, value);
                self.store_field(at.value, at.ty, *field, v);
            }
            Step::DynField(name) => {
                let name = self.str_value(name);
                let v = match op {
                    Some(op) => {
                        let object = self.convert(at.value, at.ty, Ty::ANY);
                        let old = self.rt(Rt::any_field, &[object, name]);
                        self.combine(op, Ty::ANY, old, value)
                    }
                    None => self.keep_as(value, Ty::ANY),
                };
                let at = self.ready(at, value);
                let object = self.convert(at.value, at.ty, Ty::ANY);
                self.rt_void(Rt::any_set_field, &[object, name, v]);
            }
            Step::Index(index) => {
                let growable = leading.is_empty() && self.is_borrower(place.root);
                self.store_index(at, index, op, value, growable);
            }
        }
    }

    /// What a walk has reached, as it is after more was evaluated: a variable is read again.
    fn late(&mut self, at: Reached) -> Reached {
        match at.holder {
            Holder::Variable(root) => Reached { value: self.read(root), ..at },
            _ => at,
        }
    }

    /// What a store goes to, when the value is there: what fails now fails where the value stands.
    fn ready(&mut self, at: Reached, value: &Expr) -> Reached {
        self.at(value.span);
        self.late(at)
    }

    fn combine(&mut self, op: BinOp, ty: Ty, old: Value, value: &'a Expr) -> Value {
        let v = self.expr_as(value, ty);
        self.at(value.span);
        if op == BinOp::Coalesce {
            let repr = self.lw.types.repr(ty);
            let none = self.is_none(repr, old);
            return self.choose(none, repr, |_| v, |_| old);
        }
        self.arithmetic(op, ty, old, v, false)
    }

    fn field_ty(&mut self, ty: Ty, field: u32) -> Ty {
        let id = self.struct_id(ty);
        self.lw.layout(id).types[field as usize]
    }

    fn store_field(&mut self, object: Value, ty: Ty, field: u32, v: Value) {
        let id = self.struct_id(ty);
        let offset = self.lw.layout(id).offsets[field as usize];
        let region = self.lw.field_region(id, field);
        self.store_slot(object, v, i64::from(offset), region);
    }

    /// Resolved type of what a place reaches.
    fn place_ty(&mut self, place: &Place) -> Ty {
        match place.steps.last() {
            Some((_, ty)) => self.ty(*ty),
            None => self.var_ty(place.root),
        }
    }

    /// Whether a store into a variable that is none makes a list: where none is what the variable was
    /// declared with.
    fn starts_as_none(&mut self, root: VarRef) -> bool {
        let ty = self.var_ty(root);
        self.lw.types.is_option(ty) || self.var_facts(root).uninit
    }

    fn var_facts(&self, root: VarRef) -> LocalFacts {
        match root {
            VarRef::Local(l) => self.facts(l),
            VarRef::Global(g) => *self.lw.facts.global(g),
        }
    }

    /// Walks the leading steps of a place; `later` is evaluated before the store.
    fn walk(&mut self, root: VarRef, steps: &'a [(Step, Ty)], later: &'a [Expr]) -> Reached {
        let ty = self.var_ty(root);
        let value = self.read(root);
        let mut at = Reached { value, ty, holder: Holder::Variable(root) };
        for (k, (step, _)) in steps.iter().enumerate() {
            self.stays_in(at.value, at.ty, (k == 0).then_some(root), later);
            at = self.step(at, step);
        }
        if !steps.is_empty() {
            self.stays_in(at.value, at.ty, None, later);
        }
        at
    }

    fn step(&mut self, at: Reached, step: &'a Step) -> Reached {
        let index = match step {
            Step::Field(field) => {
                let id = self.struct_id(at.ty);
                let offset = i64::from(self.lw.layout(id).offsets[*field as usize]);
                let region = self.lw.field_region(id, *field);
                let (value, ty) = self.field(at.value, at.ty, *field);
                return Reached { value, ty, holder: Holder::Field(at.value, offset, region) };
            }
            Step::DynField(name) => {
                let object = self.convert(at.value, at.ty, Ty::ANY);
                let name = self.str_value(name);
                let value = self.rt(Rt::any_field, &[object, name]);
                return Reached { value, ty: Ty::ANY, holder: Holder::DynField(object, name) };
            }
            Step::Index(e) => e,
        };
        let stripped = self.lw.types.strip(at.ty);
        match *self.lw.types.kind(stripped) {
            TyKind::List(elem) => {
                let list = self.some_list(&at);
                let i = self.expr_as(index, Ty::INT);
                let value = self.list_get(elem, list, i);
                Reached { value, ty: elem, holder: Holder::Element(list, i, elem) }
            }
            TyKind::Map(key, ty) => {
                let k = self.expr_as(index, key);
                let value = self.map_get(key, ty, at.value, k);
                Reached { value, ty, holder: Holder::Entry(at.value, k, key) }
            }
            _ => {
                let container = self.convert(at.value, stripped, Ty::ANY);
                let i = self.expr_as(index, Ty::ANY);
                let value = self.rt(Rt::any_index, &[container, i]);
                Reached { value, ty: Ty::ANY, holder: Holder::Dynamic(container, i) }
            }
        }
    }

    /// The list a walk has reached; an absent one is made and stored in its holder.
    fn some_list(&mut self, at: &Reached) -> Value {
        if let Holder::Variable(root) = at.holder
            && !self.starts_as_none(root)
        {
            return at.value;
        }
        let ty = self.lw.types.strip(at.ty);
        let holder = at.holder;
        self.list_or_new(at.value, ty, |fx, list| fx.write(holder, list))
    }

    /// The list, or a new one for none, which `made` gets to see.
    pub(crate) fn list_or_new(&mut self, list: Value, ty: Ty, made: impl FnOnce(&mut Self, Value)) -> Value {
        let none = self.is_none(Repr::Ref, list);
        let (absent, join) = (self.b.new_cold_block(), self.b.new_block());
        let result = self.b.declare_var(mochi_ir::Type::Ref);
        self.b.def_var(result, list);
        self.brif(none, absent, join);
        self.enter(absent);
        let fresh = self.new_list(ty, 0);
        made(self, fresh);
        self.b.def_var(result, fresh);
        self.b.jump(join, &[]);
        self.enter(join);
        self.b.use_var(result)
    }

    fn write(&mut self, holder: Holder, v: Value) {
        match holder {
            Holder::Variable(var) => self.assign(var, v),
            Holder::Field(object, offset, region) => self.store_slot(object, v, offset, region),
            Holder::Element(list, i, elem) => {
                let repr = self.lw.types.repr(elem);
                self.rt(ListRt::SET.of(repr), &[list, i, v]);
            }
            Holder::Entry(map, k, key) => self.map_put(key, map, k, v),
            Holder::Dynamic(container, i) => {
                self.rt(Rt::any_set_index, &[container, i, v]);
            }
            Holder::DynField(object, name) => self.rt_void(Rt::any_set_field, &[object, name, v]),
        }
    }

    /// Writes a container back to its holder when a store replaced it.
    fn write_back(&mut self, holder: Holder, old: Value, new: Value) {
        if let Holder::Variable(var) = holder
            && matches!(self.home(var), Home::Var(_))
        {
            self.assign(var, new);
            return;
        }
        let moved = self.b.icmp(Cond::Ne, old, new);
        let (store, join) = (self.b.new_cold_block(), self.b.new_block());
        self.brif(moved, store, join);
        self.enter(store);
        self.write(holder, new);
        self.b.jump(join, &[]);
        self.enter(join);
    }

    fn store_index(
        &mut self,
        at: Reached,
        index: &'a Expr,
        op: Option<BinOp>,
        value: &'a Expr,
        hides_growth: bool,
    ) {
        let stripped = self.lw.types.strip(at.ty);
        match *self.lw.types.kind(stripped) {
            TyKind::List(elem) => {
                let (i, v) = self.index_and_value(index, Ty::INT, op, value, elem, |fx, i| {
                    let at = fx.late(at);
                    let list = fx.some_list(&at);
                    fx.list_get(elem, list, i)
                });
                let at = self.ready(at, value);
                let list = self.some_list(&at);
                let set = if hides_growth { ListRt::SET_COPY } else { ListRt::SET };
                let new = self.rt(set.of(self.lw.types.repr(elem)), &[list, i, v]);
                self.write_back(at.holder, list, new);
            }
            TyKind::Map(key, ty) => {
                let (k, v) = self.index_and_value(index, key, op, value, ty, |fx, k| {
                    let at = fx.late(at);
                    fx.map_get(key, ty, at.value, k)
                });
                let at = self.ready(at, value);
                self.map_put(key, at.value, k, v);
            }
            _ => {
                let (i, v) = self.index_and_value(index, Ty::ANY, op, value, Ty::ANY, |fx, i| {
                    let at = fx.late(at);
                    let container = fx.convert(at.value, stripped, Ty::ANY);
                    fx.rt(Rt::any_index, &[container, i])
                });
                let at = self.ready(at, value);
                let container = self.convert(at.value, stripped, Ty::ANY);
                let new = self.rt(Rt::any_set_index, &[container, i, v]);
                if at.ty == Ty::ANY {
                    self.write_back(at.holder, at.value, new);
                }
            }
        }
    }

    /// Value before last index; with an operator the index comes first and the place is read.
    fn index_and_value(
        &mut self,
        index: &'a Expr,
        index_ty: Ty,
        op: Option<BinOp>,
        value: &'a Expr,
        ty: Ty,
        read: impl FnOnce(&mut Self, Value) -> Value,
    ) -> (Value, Value) {
        match op {
            None => {
                let v = self.keep_as(value, ty);
                let i = self.keep_as(index, index_ty);
                self.at(value.span);
                (i, v)
            }
            Some(op) => {
                let i = self.keep_as(index, index_ty);
                let old = read(self, i);
                self.stays_in(old, ty, None, [value]);
                (i, self.combine(op, ty, old, value))
            }
        }
    }

    // Growth in place.

    /// Emits an assignment that grows a list; not when what is added may change where the list is.
    fn grow(&mut self, place: &'a Place, growth: &Growth<'a>) -> bool {
        let list_ty = self.place_ty(place);
        let list_ty = self.lw.types.strip(list_ty);
        let elem = self.lw.types.elem(list_ty);
        let changes = self.changes(growth.exprs());
        let Some((last, leading)) = place.steps.split_last() else {
            let mut list = self.read(place.root);
            if self.var_facts(place.root).may_be_none() {
                list = self.list_or_new(list, list_ty, |_, _| {});
            }
            let grown = self.may_grow(&changes, Some(place.root));
            let new = self.add(list, elem, growth, grown);
            self.assign(place.root, new);
            return true;
        };
        let moves = changes.inner || (leading.is_empty() && self.may_assign(&changes, place.root));
        match &last.0 {
            Step::DynField(_) => unreachable!("a field of any is no list"),
            Step::Field(_) if leading.is_empty() && self.may_assign(&changes, place.root) => return false,
            Step::Field(field) => {
                let at = self.walk(place.root, leading, growth.exprs());
                let (list, _) = self.field(at.value, at.ty, *field);
                let list = self.list_or_new(list, list_ty, |_, _| {});
                let new = self.add(list, elem, growth, changes.inner);
                self.store_field(at.value, at.ty, *field, new);
            }
            Step::Index(index) if moves || self.may_change(&changes, index) => return false,
            Step::Index(index) => {
                let at = self.walk(place.root, leading, growth.exprs());
                let stripped = self.lw.types.strip(at.ty);
                if let TyKind::Map(key, _) = *self.lw.types.kind(stripped) {
                    let k = self.keep_as(index, key);
                    let added = self.added(growth, elem);
                    let slot = self.map_slot(key, at.value, k);
                    let list = self.load_map_slot(Repr::Ref, slot);
                    let list = self.list_or_new(list, list_ty, |_, _| {});
                    let new = self.add_all(list, elem, &added);
                    self.store_map_slot(slot, new);
                    return true;
                }
                let outer = self.some_list(&at);
                let i = self.expr_as(index, Ty::INT);
                let held = self.list_get(list_ty, outer, i);
                let added = self.added(growth, elem);
                let list = self.list_or_new(held, list_ty, |_, _| {});
                let new = self.add_all(list, elem, &added);
                self.write_back(Holder::Element(outer, i, list_ty), held, new);
            }
        }
        true
    }

    /// Evaluates what is added and adds it to a list that was read before. `grown`: evaluating may
    /// grow the list through its place, which then makes a copy.
    fn add(&mut self, list: Value, elem: Ty, growth: &Growth<'a>, grown: bool) -> Value {
        if !grown {
            let added = self.added(growth, elem);
            return self.add_all(list, elem, &added);
        }
        let pinned = self.rt(Rt::list_pin, &[list]);
        let added = self.added(growth, elem);
        self.rt_void(Rt::list_unpin, &[list, pinned]);
        self.add_all(list, elem, &added)
    }

    /// Evaluates what is added.
    fn added(&mut self, growth: &Growth<'a>, elem: Ty) -> Vec<(bool, Value)> {
        let list = self.lw.types.types.list(elem);
        match growth {
            Growth::Append(e) => vec![(true, self.keep_as(e, elem))],
            Growth::Concat(es, message) => {
                let mut added = Vec::new();
                for e in *es {
                    match &strip_coerce(e).kind {
                        ExprKind::List(items) => {
                            added.extend(items.iter().map(|i| (true, self.keep_as(i, elem))));
                        }
                        _ => {
                            let v = self.read_kind(e, [], *message);
                            let have = self.ty(e.ty);
                            added.push((false, self.convert(v, have, list)));
                        }
                    }
                    self.at(e.span);
                }
                added
            }
        }
    }

    fn add_all(&mut self, list: Value, elem: Ty, added: &[(bool, Value)]) -> Value {
        let append = ListRt::APPEND_PLACE.of(self.lw.types.repr(elem));
        let mut list = list;
        for &(single, v) in added {
            list =
                if single { self.rt(append, &[list, v]) } else { self.rt(Rt::list_concat_place, &[list, v]) };
        }
        list
    }
}

/// Recognises `p = append(p, e)`, `p = p + list`, `p = concat(p, lists...)`, `p += list`.
pub(crate) fn growth_of<'a>(place: &Place, op: Option<BinOp>, value: &'a Expr) -> Option<Growth<'a>> {
    if let Some(op) = op {
        return (op == BinOp::Add).then(|| Growth::Concat(std::slice::from_ref(value), None));
    }
    match &strip_coerce(value).kind {
        ExprKind::Builtin { builtin: Builtin::Append | Builtin::Push, args } if args.len() == 2 => {
            same_place(place, &args[0]).then(|| Growth::Append(&args[1]))
        }
        // A list after the first added one might be the place's own, which has grown by then.
        ExprKind::Builtin { builtin: Builtin::Concat, args }
            if !args.is_empty() && args.iter().skip(2).all(is_list_literal) =>
        {
            same_place(place, &args[0]).then(|| Growth::Concat(&args[1..], expects(Builtin::Concat, 1)))
        }
        ExprKind::Binary { op: BinOp::Add, left, right } => {
            same_place(place, left).then(|| Growth::Concat(std::slice::from_ref(&**right), None))
        }
        _ => None,
    }
}

fn is_list_literal(e: &Expr) -> bool {
    matches!(strip_coerce(e).kind, ExprKind::List(_))
}

/// Whether an expression reads exactly this place (or `place ?? []`).
fn same_place(place: &Place, e: &Expr) -> bool {
    let mut e = strip_coerce(e);
    if let ExprKind::Binary { op: BinOp::Coalesce, left, right } = &e.kind {
        match &strip_coerce(right).kind {
            ExprKind::List(items) if items.is_empty() => e = strip_coerce(left),
            _ => return false,
        }
    }
    for (step, _) in place.steps.iter().rev() {
        e = match (&e.kind, step) {
            (ExprKind::Index { base, index }, Step::Index(i)) if same_simple(index, i, 8) => base,
            (ExprKind::Field { base, field }, Step::Field(f)) if field == f => base,
            (ExprKind::DynField { base, name }, Step::Index(i)) if matches!(&i.kind, ExprKind::Str(s) if s == name.as_str()) => {
                base
            }
            _ => return false,
        };
        e = strip_coerce(e);
    }
    matches!(e.kind, ExprKind::Var(v) if v == place.root)
}

/// Whether two expressions are the same, without effects, and cheap.
fn same_simple(a: &Expr, b: &Expr, depth: u32) -> bool {
    let (a, b) = (strip_coerce(a), strip_coerce(b));
    if depth == 0 {
        return false;
    }
    match (&a.kind, &b.kind) {
        (ExprKind::Int(x), ExprKind::Int(y)) => x == y,
        (ExprKind::Str(x), ExprKind::Str(y)) => x == y,
        (ExprKind::Bool(x), ExprKind::Bool(y)) => x == y,
        (ExprKind::Var(x), ExprKind::Var(y)) => x == y,
        (ExprKind::Field { base: x, field: f }, ExprKind::Field { base: y, field: g }) => {
            f == g && same_simple(x, y, depth - 1)
        }
        (ExprKind::Index { base: x, index: i }, ExprKind::Index { base: y, index: j }) => {
            same_simple(x, y, depth - 1) && same_simple(i, j, depth - 1)
        }
        (ExprKind::Binary { op: o, left: x, right: i }, ExprKind::Binary { op: p, left: y, right: j }) => {
            o == p && same_simple(x, y, depth - 1) && same_simple(i, j, depth - 1)
        }
        _ => false,
    }
}
