//! Conversions to numbers and bools, and arithmetic.

use super::super::func::Fx;
use super::super::runtime::Rt;
use super::{Call, Typed};
use crate::types::{Ty, TyKind};
use mochi_ir::{Op, Type, Value};

impl<'a> Fx<'_, 'a> {
    pub(crate) fn call_bool(&mut self, call: Call<'a>) -> Typed {
        Typed { v: self.truth(&call.args[0]), ty: call.want }
    }

    pub(crate) fn call_int(&mut self, call: Call<'a>) -> Typed {
        let [a] = self.args(call);
        let v = match self.lw.types.kind(a.ty) {
            TyKind::Int | TyKind::Float | TyKind::Str | TyKind::BigRat => self.as_ty(a, Ty::INT),
            _ => {
                let any = self.any(a);
                self.rt(Rt::any_as_int, &[any])
            }
        };
        Typed { v, ty: Ty::INT }
    }

    pub(crate) fn call_float(&mut self, call: Call<'a>) -> Typed {
        let [a] = self.args(call);
        Typed { v: self.float_of(a), ty: Ty::FLOAT }
    }

    pub(crate) fn call_abs(&mut self, call: Call<'a>) -> Typed {
        let [a] = self.args(call);
        let v = match self.lw.types.kind(a.ty) {
            TyKind::Int => self.rt(Rt::int_abs, &[a.v]),
            TyKind::Any => self.rt(Rt::any_abs, &[a.v]),
            TyKind::BigRat => self.rt(Rt::rat_abs, &[a.v]),
            _ => {
                let x = self.float_of(a);
                return Typed { v: self.b.op(Op::Fabs, &[x], Type::F64), ty: Ty::FLOAT };
            }
        };
        Typed { v, ty: a.ty }
    }

    pub(crate) fn call_ceil(&mut self, call: Call<'a>) -> Typed {
        let x = self.float_arg(call);
        Typed { v: self.rt(Rt::f64_ceil, &[x]), ty: Ty::FLOAT }
    }

    pub(crate) fn call_floor(&mut self, call: Call<'a>) -> Typed {
        let x = self.float_arg(call);
        Typed { v: self.rt(Rt::f64_floor, &[x]), ty: Ty::FLOAT }
    }

    pub(crate) fn call_sqrt(&mut self, call: Call<'a>) -> Typed {
        let x = self.float_arg(call);
        Typed { v: self.b.op(Op::Fsqrt, &[x], Type::F64), ty: Ty::FLOAT }
    }

    /// The checker adds how many digits.
    pub(crate) fn call_round(&mut self, call: Call<'a>) -> Typed {
        let [a, digits] = self.args(call);
        let x = self.float_of(a);
        Typed { v: self.rt(Rt::f64_round, &[x, digits.v]), ty: Ty::FLOAT }
    }

    /// Both have the same type.
    pub(crate) fn call_pow(&mut self, call: Call<'a>) -> Typed {
        let [a, b] = self.args(call);
        let v = match self.lw.types.kind(a.ty) {
            TyKind::Int => self.rt(Rt::int_pow, &[a.v, b.v]),
            TyKind::Any => self.rt(Rt::any_pow, &[a.v, b.v]),
            _ => {
                let (x, y) = (self.float_of(a), self.float_of(b));
                return Typed { v: self.rt(Rt::f64_pow, &[x, y]), ty: Ty::FLOAT };
            }
        };
        Typed { v, ty: a.ty }
    }

    pub(crate) fn call_num(&mut self, call: Call<'a>) -> Typed {
        let rat = self.rat_arg(call);
        Typed { v: self.rt(Rt::rat_num, &[rat]), ty: Ty::INT }
    }

    pub(crate) fn call_denom(&mut self, call: Call<'a>) -> Typed {
        let rat = self.rat_arg(call);
        Typed { v: self.rt(Rt::rat_den, &[rat]), ty: Ty::INT }
    }

    fn float_arg(&mut self, call: Call<'a>) -> Value {
        let [a] = self.args(call);
        self.float_of(a)
    }

    fn rat_arg(&mut self, call: Call<'a>) -> Value {
        let [a] = self.args(call);
        match self.lw.types.kind(a.ty) {
            TyKind::Any => self.rt(Rt::any_to_rat, &[a.v]),
            _ => self.as_ty(a, Ty::BIGRAT),
        }
    }

    fn float_of(&mut self, a: Typed) -> Value {
        match self.lw.types.kind(a.ty) {
            TyKind::Int | TyKind::Float | TyKind::Str | TyKind::BigRat => self.as_ty(a, Ty::FLOAT),
            _ => {
                let any = self.any(a);
                self.rt(Rt::any_to_f64, &[any])
            }
        }
    }
}
