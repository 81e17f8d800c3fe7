//! Builtins that give strings, or parts of them.

use super::super::func::Fx;
use super::super::repr::Repr;
use super::super::runtime::Rt;
use super::{Call, Typed};
use crate::types::Ty;
use mochi_ir::Value;

impl<'a> Fx<'_, 'a> {
    pub(crate) fn call_str(&mut self, call: Call<'a>) -> Typed {
        let [a] = self.args(call);
        Typed { v: self.str_of(a), ty: Ty::STR }
    }

    pub(crate) fn call_to_json(&mut self, call: Call<'a>) -> Typed {
        let [a] = self.args(call);
        let v = self.rt_word_desc(Rt::json_str, a.v, a.ty);
        Typed { v: v.expect("json_str has a result"), ty: Ty::STR }
    }

    pub(crate) fn call_type_of(&mut self, call: Call<'a>) -> Typed {
        let [a] = self.args(call);
        let v = if a.ty == Ty::ANY {
            self.rt(Rt::any_type_of, &[a.v])
        } else {
            let name = self.lw.types.name(self.lw.types.strip(a.ty));
            self.str_value(&name)
        };
        Typed { v, ty: Ty::STR }
    }

    pub(crate) fn call_lower(&mut self, call: Call<'a>) -> Typed {
        let [a] = self.args(call);
        let text = self.str_of(a);
        Typed { v: self.rt(Rt::str_lower, &[text]), ty: Ty::STR }
    }

    pub(crate) fn call_split(&mut self, call: Call<'a>) -> Typed {
        let [s, separator] = self.args(call);
        let list = self.lw.types.types.list(Ty::STR);
        let desc = self.desc(list);
        Typed { v: self.rt(Rt::str_split, &[s.v, separator.v, desc]), ty: list }
    }

    pub(crate) fn call_sha256(&mut self, call: Call<'a>) -> Typed {
        let [a] = self.args(call);
        let list = self.lw.types.types.list(Ty::INT);
        let desc = self.desc(list);
        let function = if a.ty == Ty::ANY { Rt::any_sha256 } else { Rt::sha256 };
        Typed { v: self.rt(function, &[a.v, desc]), ty: list }
    }

    /// The `str` form.
    pub(super) fn str_of(&mut self, a: Typed) -> Value {
        if a.ty != Ty::STR {
            return self.text_of(a.v, a.ty);
        }
        let none = self.is_none(Repr::Ref, a.v);
        self.choose(none, Repr::Ref, |fx| fx.str_value("<nil>"), |_| a.v)
    }
}
