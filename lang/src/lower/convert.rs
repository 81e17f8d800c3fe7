//! Conversions: implicit ones ([`Fx::convert`]) and casts (section 3.5 of the language document).
//!
//! Implicit conversions keep none; from `any` they are checked, and unlike casts they cut nothing off. What has no cheap form goes through the runtime's `cast_val`
//! with the descriptors of both types, so every pair of types has a translation.

use super::Thunk;
use super::func::Fx;
use super::layout::{OBJECT_DESC, RuntimeRegion, VARIANT_NUMBER};
use super::ops::const_int;
use super::repr::{Layout, Repr, SlotClass};
use super::runtime::Rt;
use crate::tree::{Expr, ExprKind};
use crate::types::{StructId, Ty, TyKind};
use mochi_ir::{Cond, Op, Type, Value};

impl<'a> Fx<'_, 'a> {
    /// A value of one resolved type as another.
    pub(crate) fn convert(&mut self, v: Value, from: Ty, to: Ty) -> Value {
        if from == to {
            return v;
        }
        let (from_kind, to_kind) = (self.lw.types.kind(from).clone(), self.lw.types.kind(to).clone());
        match (from_kind, to_kind) {
            (TyKind::Unit, _) => self.convert(v, Ty::ANY, to),
            (_, TyKind::Any | TyKind::Unit) if self.lw.types.is_list(from) => {
                self.rt(Rt::any_from_list, &[v])
            }
            (_, TyKind::Any | TyKind::Unit) if self.is_typed_function(from) => {
                let desc = self.lw.types.strip(from);
                let desc = self.desc(desc);
                self.rt(Rt::any_from_fun, &[v, desc])
            }
            (_, TyKind::Any | TyKind::Unit) => self.boxed(v, from),
            (TyKind::Any, _) => {
                let repr = self.lw.types.repr(to);
                let none = self.is_none(Repr::Any, v);
                let inner = self.lw.types.strip(to);
                self.choose(none, repr, |fx| fx.none(repr), |fx| fx.unbox(v, inner))
            }
            (TyKind::Option(f), TyKind::Option(t)) => {
                if self.same_words(f, t) {
                    return v;
                }
                let (from_repr, repr) = (self.lw.types.repr(f), self.lw.types.repr(t));
                let none = self.is_none(from_repr, v);
                self.choose(none, repr, |fx| fx.none(repr), |fx| fx.convert(v, f, t))
            }
            (_, TyKind::Option(t)) => self.convert(v, from, t),
            (TyKind::Option(f), _) => self.convert(v, f, to),
            (TyKind::Int, TyKind::Float) => self.rt(Rt::int_to_f64, &[v]),
            (TyKind::Int, TyKind::BigRat) => self.rt(Rt::rat_from_int, &[v]),
            (TyKind::Float, TyKind::BigRat) => self.rt(Rt::rat_from_f64, &[v]),
            (TyKind::Float, TyKind::Int) => self.rt(Rt::int_from_f64, &[v]),
            (TyKind::BigRat, TyKind::Float) => self.rt(Rt::rat_to_f64, &[v]),
            (TyKind::BigRat, TyKind::Int) => {
                let (num, den) = (self.rt(Rt::rat_num, &[v]), self.rt(Rt::rat_den, &[v]));
                self.arithmetic(crate::ast::BinOp::Div, Ty::INT, num, den, true)
            }
            (TyKind::Str, TyKind::Int) => self.rt(Rt::int_of_text, &[v]),
            (TyKind::Str, TyKind::Float) => self.rt(Rt::f64_parse, &[v]),
            (TyKind::Str, TyKind::Bool) => self.rt_as(Repr::Bool, Rt::bool_parse, &[v]),
            (TyKind::Str, TyKind::BigRat) => self.rt(Rt::rat_from_str, &[v]),
            (TyKind::Union(_), TyKind::Struct(id)) => self.as_variant(v, from, to, id),
            (TyKind::Fun(..), TyKind::Fun(..)) => self.adapt(v, from, to),
            _ if self.same_words(from, to) => v,
            _ => self.cast_val(v, from, to),
        }
    }

    /// Whether each value of the first type is, as it stands, a value of the second.
    fn same_words(&self, from: Ty, to: Ty) -> bool {
        if from == to {
            return true;
        }
        let types = &self.lw.types;
        match (types.kind(from), types.kind(to)) {
            (TyKind::Int, TyKind::Any) => true,
            (TyKind::Struct(id), TyKind::Union(u)) => types.types.struct_def(*id).union == Some(*u),
            (TyKind::Option(f), TyKind::Option(t)) => self.same_words(*f, *t),
            (f, TyKind::Option(t)) if !matches!(f, TyKind::Any) => self.same_words(from, *t),
            (TyKind::List(f), TyKind::List(t)) => self.same_words(*f, *t),
            (TyKind::Map(k, f), TyKind::Map(l, t)) => k == l && self.same_words(*f, *t),
            (TyKind::Group(k, f), TyKind::Group(l, t)) => k == l && self.same_words(*f, *t),
            (TyKind::Fun(..), TyKind::Fun(..)) => types.called_alike(from, to),
            _ => false,
        }
    }

    /// Whether the values are functions that `any` takes only adapted.
    fn is_typed_function(&self, ty: Ty) -> bool {
        let (types, ty) = (&self.lw.types, self.lw.types.strip(ty));
        matches!(types.kind(ty), TyKind::Fun(..)) && types.plain_arity(ty).is_none()
    }

    fn cast_val(&mut self, v: Value, from: Ty, to: Ty) -> Value {
        let repr = self.lw.types.repr(to);
        let (from, to) = (self.desc(from), self.desc(to));
        let word = self.word(v);
        self.rt_as(repr, Rt::cast_val, &[word, from, to])
    }

    /// Any value in a tagged word that is only looked at: [`Fx::convert`] makes one to keep.
    pub(crate) fn boxed(&mut self, v: Value, from: Ty) -> Value {
        match self.lw.types.repr(from) {
            Repr::Int | Repr::Any => v,
            Repr::Float => self.rt(Rt::any_from_f64, &[v]),
            Repr::Bool => self.rt(Rt::any_from_bool, &[v]),
            Repr::Ref => {
                let one = self.b.iconst(1);
                self.b.op(Op::Add, &[v, one], Type::Ref)
            }
        }
    }

    /// The value in a tagged word, checked to be of a type.
    fn unbox(&mut self, v: Value, to: Ty) -> Value {
        let name = match self.lw.types.kind(to) {
            TyKind::Int => Rt::any_to_int,
            TyKind::Float => Rt::any_to_f64,
            TyKind::Bool => Rt::any_to_bool,
            TyKind::Str => Rt::any_to_str,
            TyKind::BigRat => Rt::any_to_rat,
            TyKind::Any => return v,
            _ => {
                let desc = self.desc(to);
                return self.rt(Rt::any_to_ref, &[v, desc]);
            }
        };
        self.rt(name, &[v])
    }

    /// The variant itself, or one of the fields of another, as from `any`.
    fn as_variant(&mut self, v: Value, from: Ty, to: Ty, id: StructId) -> Value {
        let is = self.is_variant(v, id);
        self.choose(is, Repr::Ref, |_| v, |fx| fx.cast_val(v, from, to))
    }

    /// 1 when an object's descriptor is that of a variant.
    pub(crate) fn is_variant(&mut self, v: Value, id: StructId) -> Value {
        let header = self.load_part(v, OBJECT_DESC, RuntimeRegion::Desc);
        let desc = self.lw.struct_desc(id);
        let desc = self.b.symaddr(desc, 0, Type::I64);
        self.b.icmp(Cond::Eq, header, desc)
    }

    /// The number of a value's variant in its union.
    pub(crate) fn variant_number(&mut self, v: Value) -> Value {
        let header = self.b.load(Op::Load64, v, OBJECT_DESC, Type::Addr);
        let region = self.lw.runtime_region(RuntimeRegion::Desc);
        self.b.set_region(region);
        self.load_part(header, VARIANT_NUMBER, RuntimeRegion::VariantNumber)
    }

    /// A function value as one of another function type with as many parameters: itself when both are
    /// called alike, else a closure that converts.
    fn adapt(&mut self, v: Value, from: Ty, to: Ty) -> Value {
        if self.lw.types.called_alike(from, to) {
            return v;
        }
        let plain = self.lw.types.plain_arity(to);
        let code = self.lw.thunk(Thunk::Adapter(from, to));
        let layout = Layout::new(super::desc::CLOSURE_HEADER, &[SlotClass::Ref]);
        self.make_closure(code, plain, &layout, &[v])
    }

    /// An implicit conversion.
    pub(crate) fn coerce(&mut self, e: &'a Expr, value: &'a Expr) -> Value {
        let to = self.ty(e.ty);
        if let Some(v) = self.literal_as(value, to) {
            return v;
        }
        let v = self.expr(value);
        let from = self.ty(value.ty);
        self.convert(v, from, to)
    }

    /// A literal built directly in another type.
    fn literal_as(&mut self, value: &'a Expr, to: Ty) -> Option<Value> {
        let target = self.lw.types.strip(to);
        match (&value.kind, self.lw.types.kind(target)) {
            (ExprKind::List(items), TyKind::List(_)) => Some(self.list_literal(target, items)),
            (ExprKind::Map(pairs), TyKind::Map(..)) => Some(self.map_literal(target, pairs)),
            (_, TyKind::Float) => {
                let v = const_int(value)?;
                Some(self.b.fconst(v as f64))
            }
            _ => None,
        }
    }

    /// `value as T`.
    pub(crate) fn cast(&mut self, e: &'a Expr, value: &'a Expr) -> Value {
        let (from, to) = (self.ty(value.ty), self.ty(e.ty));
        if let Some(v) = self.literal_as(value, to) {
            return v;
        }
        let v = self.expr(value);
        self.cast_value(v, from, to)
    }

    /// A checked cast between resolved types.
    pub(crate) fn cast_value(&mut self, v: Value, from: Ty, to: Ty) -> Value {
        let kind = self.lw.types.kind(to).clone();
        match (self.lw.types.kind(from).clone(), kind) {
            (_, TyKind::Any) => self.convert(v, from, to),
            // The value itself, as where an option is narrowed.
            _ if from == to => v,
            (TyKind::Option(f), TyKind::Option(t)) => {
                let (from_repr, repr) = (self.lw.types.repr(f), self.lw.types.repr(t));
                let none = self.is_none(from_repr, v);
                self.choose(none, repr, |fx| fx.none(repr), |fx| fx.cast_value(v, f, t))
            }
            (TyKind::Any, TyKind::Option(t)) => {
                let repr = self.lw.types.repr(t);
                let none = self.is_none(Repr::Any, v);
                self.choose(none, repr, |fx| fx.none(repr), |fx| fx.cast_value(v, from, t))
            }
            (TyKind::Option(f), _) => {
                self.unwrap(v, f, to);
                self.cast_value(v, f, to)
            }
            (TyKind::Any, TyKind::Unit) => v,
            (TyKind::Any, TyKind::List(_) | TyKind::Map(..) | TyKind::Struct(_)) => {
                self.cast_val(v, from, to)
            }
            (TyKind::Any, TyKind::Int) => self.rt(Rt::any_as_int, &[v]),
            (TyKind::Any, _) => self.unbox(v, to),
            // No cast of the program: a copy for elements of another representation.
            (TyKind::List(_), TyKind::List(_)) | (TyKind::Map(..), TyKind::Map(..)) => {
                let none = self.is_none(Repr::Ref, v);
                self.choose(none, Repr::Ref, |fx| fx.none(Repr::Ref), |fx| fx.cast_val(v, from, to))
            }
            (TyKind::Map(..) | TyKind::Struct(_), TyKind::Struct(_)) => self.cast_val(v, from, to),
            _ => self.convert(v, from, to),
        }
    }

    /// Ends the program when an option is none.
    fn unwrap(&mut self, v: Value, inner: Ty, to: Ty) {
        let repr = self.lw.types.repr(inner);
        let none = self.is_none(repr, v);
        let (fail, ok) = (self.b.new_cold_block(), self.b.new_block());
        self.brif(none, fail, ok);
        self.enter(fail);
        let message = format!("cannot cast <nil> to {}", self.lw.types.name(to));
        let message = self.str_value(&message);
        self.rt_void(Rt::panic_msg, &[message]);
        self.b.unreachable();
        self.enter(ok);
    }
}
