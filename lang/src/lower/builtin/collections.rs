//! Builtins on what has elements.

use super::super::facts::is_some_list;
use super::super::func::Fx;
use super::super::repr::Repr;
use super::super::runtime::{ListRt, Rt};
use super::{Call, Typed, expects};
use crate::tree::Builtin;
use crate::types::{Ty, TyKind};
use mochi_ir::{Cond, Value};

impl<'a> Fx<'_, 'a> {
    pub(crate) fn call_len(&mut self, call: Call<'a>) -> Typed {
        if let Some(count) = self.fold_of_query(call, Builtin::Count) {
            return count;
        }
        let [a] = self.args(call);
        Typed { v: self.len(a), ty: Ty::INT }
    }

    pub(crate) fn call_count(&mut self, call: Call<'a>) -> Typed {
        if let Some(count) = self.fold_of_query(call, Builtin::Count) {
            return count;
        }
        let [a] = self.args(call);
        let v = if a.ty == Ty::ANY { self.rt(Rt::any_count, &[a.v]) } else { self.len(a) };
        Typed { v, ty: Ty::INT }
    }

    pub(crate) fn call_exists(&mut self, call: Call<'a>) -> Typed {
        let [a] = self.args(call);
        let v = if a.ty == Ty::ANY {
            self.rt(Rt::any_exists, &[a.v])
        } else {
            let n = self.len(a);
            let zero = self.b.iconst(0);
            self.b.icmp(Cond::Ne, n, zero)
        };
        Typed { v, ty: Ty::BOOL }
    }

    pub(crate) fn call_contains(&mut self, call: Call<'a>) -> Typed {
        let [a, x] = self.args(call);
        Typed { v: self.contains(x.v, x.ty, a.v, a.ty), ty: Ty::BOOL }
    }

    pub(crate) fn call_reverse(&mut self, call: Call<'a>) -> Typed {
        let [a] = self.args(call);
        let ty = self.lw.types.strip(a.ty);
        match self.lw.types.kind(ty) {
            TyKind::Str => Typed { v: self.rt(Rt::str_reverse, &[a.v]), ty },
            TyKind::List(_) => Typed { v: self.rt(Rt::list_reverse, &[a.v]), ty },
            _ => {
                let any = self.any(a);
                Typed { v: self.rt(Rt::any_reverse, &[any]), ty: Ty::ANY }
            }
        }
    }

    /// `append` and `push`.
    pub(crate) fn call_append(&mut self, call: Call<'a>) -> Typed {
        let list = self.list_arg(call, 0);
        let elem = self.lw.types.elem(call.want);
        let v = self.keep_as(&call.args[1], elem);
        let function = ListRt::APPEND.of(self.lw.types.repr(elem));
        Typed { v: self.rt(function, &[list, v]), ty: call.want }
    }

    pub(crate) fn call_concat(&mut self, call: Call<'a>) -> Typed {
        let mut list = self.list_arg(call, 0);
        if call.args.len() == 1 {
            let (from, to) = (self.none(Repr::Int), self.none(Repr::Int));
            return Typed { v: self.rt(Rt::list_slice, &[list, from, to]), ty: call.want };
        }
        for k in 1..call.args.len() {
            let other = self.list_arg(call, k);
            let function = if k == 1 { Rt::list_concat } else { Rt::list_concat_place };
            list = self.rt(function, &[list, other]);
        }
        Typed { v: list, ty: call.want }
    }

    pub(crate) fn call_first(&mut self, call: Call<'a>) -> Typed {
        self.end(call, ListRt::FIRST)
    }

    pub(crate) fn call_last(&mut self, call: Call<'a>) -> Typed {
        self.end(call, ListRt::LAST)
    }

    pub(crate) fn call_keys(&mut self, call: Call<'a>) -> Typed {
        let [map] = self.args(call);
        let (key, _) = self.map_types(map.ty);
        self.part_of_map(map, key, Rt::map_keys)
    }

    pub(crate) fn call_values(&mut self, call: Call<'a>) -> Typed {
        let [map] = self.args(call);
        let (_, value) = self.map_types(map.ty);
        self.part_of_map(map, value, Rt::map_values)
    }

    /// The checker adds start and step.
    pub(crate) fn call_range(&mut self, call: Call<'a>) -> Typed {
        let [from, to, step] = self.args(call);
        let list = self.lw.types.types.list(Ty::INT);
        let desc = self.desc(list);
        let v = if self.b.func.as_iconst(step.v) == Some(2) {
            self.rt(Rt::list_range, &[from.v, to.v, desc])
        } else {
            self.rt(Rt::list_range_step, &[from.v, to.v, step.v, desc])
        };
        Typed { v, ty: list }
    }

    /// A list argument as the call's type; none counts as empty.
    fn list_arg(&mut self, call: Call<'a>, k: usize) -> Value {
        let e = &call.args[k];
        let v = self.read_kind(e, &call.args[k + 1..], expects(call.builtin, k));
        let have = self.ty(e.ty);
        let list = self.convert(v, have, call.want);
        if is_some_list(e) { list } else { self.list_or_new(list, call.want, |_, _| {}) }
    }

    /// Tagged length of a value.
    fn len(&mut self, a: Typed) -> Value {
        match *self.lw.types.kind(a.ty) {
            TyKind::Str => self.rt(Rt::str_len, &[a.v]),
            TyKind::List(_) => self.rt(Rt::list_len, &[a.v]),
            TyKind::Map(..) => self.rt(Rt::map_len, &[a.v]),
            TyKind::Group(key, _) => {
                let items = self.group_items(key, a.v);
                self.rt(Rt::list_len, &[items])
            }
            _ => {
                let any = self.any(a);
                self.rt(Rt::any_len, &[any])
            }
        }
    }

    /// First or last element, none of an empty list.
    fn end(&mut self, call: Call<'a>, function: ListRt) -> Typed {
        let [a] = self.args(call);
        let elem = self.lw.types.elem(a.ty);
        let repr = self.lw.types.repr(elem);
        let none = self.is_none(Repr::Ref, a.v);
        let v = self.choose(none, repr, |fx| fx.none(repr), |fx| fx.rt_as(repr, function.of(repr), &[a.v]));
        Typed { v, ty: elem }
    }

    /// A list of the keys or values of a map.
    fn part_of_map(&mut self, map: Typed, elem: Ty, function: Rt) -> Typed {
        let list = self.lw.types.types.list(elem);
        let desc = self.desc(list);
        Typed { v: self.rt(function, &[map.v, desc]), ty: list }
    }
}
