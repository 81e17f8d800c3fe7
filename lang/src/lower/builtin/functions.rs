//! `map`, `filter`, `reduce` and `find` are loops that call their function.

use super::super::func::Fx;
use super::{Call, Typed};
use crate::types::Ty;
use mochi_ir::{Cond, Value};

impl<'a> Fx<'_, 'a> {
    /// `map(list, f)`.
    pub(crate) fn call_map(&mut self, call: Call<'a>) -> Typed {
        let [list, f] = self.args(call);
        let len = self.raw_len(list.v);
        let out = self.new_list(call.want, 0);
        let (elem, out_elem) = (self.lw.types.elem(list.ty), self.lw.types.elem(call.want));
        self.count_loop(len, |fx, i| {
            let x = fx.raw_get(elem, list.v, i);
            let y = fx.invoke_as(f.v, f.ty, &[(x, elem)], out_elem);
            fx.push(out_elem, out, y);
        });
        Typed { v: out, ty: call.want }
    }

    /// `filter(list, f)`.
    pub(crate) fn call_filter(&mut self, call: Call<'a>) -> Typed {
        let [list, f] = self.args(call);
        let elem = self.lw.types.elem(list.ty);
        let len = self.raw_len(list.v);
        let out = self.new_list(call.want, 0);
        self.count_loop(len, |fx, i| {
            let x = fx.raw_get(elem, list.v, i);
            let keep = fx.keeps(f, x, elem);
            let (yes, no) = (fx.b.new_block(), fx.b.new_block());
            fx.brif(keep, yes, no);
            fx.enter(yes);
            if fx.lw.types.is_list(elem) {
                fx.share(x);
            }
            fx.push(elem, out, x);
            fx.jump(no);
            fx.enter(no);
        });
        Typed { v: out, ty: call.want }
    }

    /// `reduce(list, f, start)`.
    pub(crate) fn call_reduce(&mut self, call: Call<'a>) -> Typed {
        let ([list, f, start], want) = (self.args(call), call.want);
        let elem = self.lw.types.elem(list.ty);
        let len = self.raw_len(list.v);
        let start = self.as_ty(start, want);
        let acc = self.b.declare_var(self.lw.types.repr(want).ir());
        self.b.def_var(acc, start);
        self.count_loop(len, |fx, i| {
            let x = fx.raw_get(elem, list.v, i);
            let so_far = fx.b.use_var(acc);
            let next = fx.invoke_as(f.v, f.ty, &[(so_far, want), (x, elem)], want);
            fx.b.def_var(acc, next);
        });
        Typed { v: self.b.use_var(acc), ty: want }
    }

    /// `find(list, f)`: the first, none when there is none.
    pub(crate) fn call_find(&mut self, call: Call<'a>) -> Typed {
        let ([list, f], want) = (self.args(call), call.want);
        let elem = self.lw.types.elem(list.ty);
        let len = self.raw_len(list.v);
        let repr = self.lw.types.repr(want);
        let found = self.b.declare_var(repr.ir());
        let none = self.none(repr);
        self.b.def_var(found, none);
        let done = self.b.new_block();
        self.count_loop(len, |fx, i| {
            let x = fx.raw_get(elem, list.v, i);
            let hit = fx.keeps(f, x, elem);
            let (yes, no) = (fx.b.new_block(), fx.b.new_block());
            fx.brif(hit, yes, no);
            fx.enter(yes);
            let v = fx.convert(x, elem, want);
            fx.b.def_var(found, v);
            fx.jump(done);
            fx.enter(no);
        });
        self.jump(done);
        self.enter(done);
        Typed { v: self.b.use_var(found), ty: want }
    }

    /// Whether the function gives true; none is not.
    fn keeps(&mut self, f: Typed, x: Value, elem: Ty) -> Value {
        let keep = self.invoke_as(f.v, f.ty, &[(x, elem)], Ty::BOOL);
        let one = self.b.iconst(1);
        self.b.icmp(Cond::Eq, keep, one)
    }
}
