//! `sum`, `avg`, `min`, `max` of lists, groups and queries.

use super::super::func::Fx;
use super::super::runtime::Rt;
use super::{Call, Typed, expects};
use crate::ast::BinOp;
use crate::tree::{Builtin, Expr, ExprKind};
use crate::types::{Ty, TyKind};
use mochi_ir::Value;

impl<'a> Fx<'_, 'a> {
    pub(crate) fn call_sum(&mut self, call: Call<'a>) -> Typed {
        match self.fold_of_query(call, Builtin::Sum) {
            Some(sum) => sum,
            None => self.call_fold(call),
        }
    }

    /// `sum`, `avg`, `min`, `max` of a list or group.
    pub(crate) fn call_fold(&mut self, call: Call<'a>) -> Typed {
        let [mut list] = self.args(call);
        if let TyKind::Group(key, item) = *self.lw.types.kind(self.lw.types.strip(list.ty)) {
            list = Typed { v: self.group_items(key, list.v), ty: self.lw.types.types.list(item) };
        }
        let (v, ty) = self.fold_list(call.builtin, list.v, list.ty);
        Typed { v, ty }
    }

    /// `sum`, `avg`, `min`, `max` of a list of a resolved type.
    pub(crate) fn fold_list(&mut self, builtin: Builtin, list: Value, ty: Ty) -> (Value, Ty) {
        let (list, elem) = if self.lw.types.is_list(ty) {
            (list, self.lw.types.elem(ty))
        } else {
            let any = self.convert(list, ty, Ty::ANY);
            let anys = self.lw.types.types.list(Ty::ANY);
            let (desc, message) = (self.desc(anys), expects(builtin, 0).unwrap_or_default());
            let message = self.str_value(message);
            (self.rt(Rt::any_items, &[any, desc, message]), Ty::ANY)
        };
        match (builtin, self.lw.types.kind(elem)) {
            (Builtin::Sum, TyKind::Int) => (self.rt(Rt::list_sum_int, &[list]), Ty::INT),
            (Builtin::Sum, TyKind::Float) => (self.rt(Rt::list_sum_f64, &[list]), Ty::FLOAT),
            (Builtin::Sum, _) => (self.rt(Rt::list_sum, &[list]), Ty::ANY),
            (Builtin::Avg, _) => (self.rt(Rt::list_avg, &[list]), Ty::FLOAT),
            (builtin, _) => {
                let repr = self.lw.types.repr(elem);
                let name = if builtin == Builtin::Min { Rt::list_min } else { Rt::list_max };
                (self.rt_as(repr, name, &[list]), elem)
            }
        }
    }

    /// `sum(query)` and the like, without building the list.
    pub(super) fn fold_of_query(&mut self, call: Call<'a>, fold: Builtin) -> Option<Typed> {
        let [Expr { kind: ExprKind::Query(q), .. }] = call.args else { return None };
        if q.fold.is_some() || q.distinct || q.skip.is_some() || q.take.is_some() {
            return None;
        }
        let (v, ty) = self.fold_rows(q, fold)?;
        Some(Typed { v, ty })
    }

    /// Adds to an accumulator of a resolved type.
    pub(crate) fn accumulate(&mut self, ty: Ty, acc: Value, v: Value) -> Value {
        self.arithmetic(BinOp::Add, ty, acc, v, false)
    }
}
