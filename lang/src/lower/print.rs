//! Output: `print`, `eprint`, `json`.
//!
//! All arguments are evaluated before anything is written. Three or more values are joined by
//! spaces and the line is trimmed, which the runtime does between `out_mark` and `out_trim`; the
//! calls are left out when the first and the last value cannot have white space at their ends.

use super::func::Fx;
use super::ops::strip_coerce;
use super::runtime::Rt;
use crate::tree::{Expr, ExprKind};
use crate::types::{Ty, TyKind};
use mochi_ir::Value;

impl<'a> Fx<'_, 'a> {
    /// `print(args)`; gives the first value.
    pub(crate) fn print_stmt(&mut self, args: &'a [Expr]) -> Option<(Value, Ty)> {
        let loc = self.b.loc;
        let values = self.printed(args);
        self.b.loc = loc;
        self.print_values(args, &values);
        values.first().copied()
    }

    /// `print(args)` as a value: its first argument.
    pub(crate) fn print_expr(&mut self, args: &'a [Expr]) -> Value {
        let Some((v, ty)) = self.print_stmt(args) else { return self.unit() };
        self.convert(v, ty, Ty::ANY)
    }

    /// `eprint(args)`.
    pub(crate) fn eprint(&mut self, args: &'a [Expr]) {
        let loc = self.b.loc;
        let values = self.printed(args);
        self.b.loc = loc;
        self.rt_void(Rt::err_begin, &[]);
        self.print_values(args, &values);
        self.rt_void(Rt::err_end, &[]);
    }

    fn print_values(&mut self, args: &[Expr], values: &[(Value, Ty)]) {
        let trim = values.len() > 2
            && [(args.first(), values.first()), (args.last(), values.last())]
                .into_iter()
                .any(|(arg, v)| arg.zip(v).is_some_and(|(arg, v)| self.may_need_trim(arg, v.1)));
        if trim {
            self.rt_void(Rt::out_mark, &[]);
        }
        for (k, &(v, ty)) in values.iter().enumerate() {
            if k > 0 {
                let space = self.b.iconst(i64::from(b' '));
                self.rt_void(Rt::out_byte, &[space]);
            }
            self.out(v, ty);
        }
        if trim {
            self.rt_void(Rt::out_trim, &[]);
        }
        self.rt_void(Rt::out_newline, &[]);
    }

    /// The values of printed expressions as they are before they become `any`.
    fn printed(&mut self, args: &'a [Expr]) -> Vec<(Value, Ty)> {
        let mut values = Vec::with_capacity(args.len());
        for (k, mut e) in args.iter().enumerate() {
            while let ExprKind::Coerce { value } = &e.kind {
                if self.ty(e.ty) != Ty::ANY {
                    break;
                }
                e = value;
            }
            values.push((self.read_before(e, &args[k + 1..]), self.ty(e.ty)));
        }
        values
    }

    fn may_need_trim(&self, arg: &Expr, ty: Ty) -> bool {
        if let ExprKind::Str(s) = &strip_coerce(arg).kind {
            return std::str::from_utf8(s).map_or(true, |s| s.trim() != s || s.is_empty());
        }
        match self.lw.types.kind(self.lw.types.strip(ty)) {
            TyKind::Int
            | TyKind::Float
            | TyKind::Bool
            | TyKind::BigRat
            | TyKind::List(_)
            | TyKind::Map(..)
            | TyKind::Struct(_)
            | TyKind::Union(_) => false,
            _ => !matches!(ty, Ty::INT | Ty::FLOAT | Ty::BOOL),
        }
    }

    /// Writes a value of a resolved type the way `print` shows it.
    fn out(&mut self, v: Value, ty: Ty) {
        match self.lw.types.kind(self.lw.types.strip(ty)) {
            TyKind::Int => self.rt_void(Rt::out_int, &[v]),
            TyKind::Float => self.rt_void(Rt::out_f64, &[v]),
            TyKind::Bool => self.rt_void(Rt::out_bool, &[v]),
            TyKind::Str => self.rt_void(Rt::out_str, &[v]),
            _ => {
                let desc = self.desc(ty);
                let word = self.word(v);
                self.rt_void(Rt::out_val, &[word, desc]);
            }
        }
    }

    /// The text of a value as `str` gives it.
    pub(crate) fn text_of(&mut self, v: Value, ty: Ty) -> Value {
        match self.lw.types.kind(ty) {
            TyKind::Int => self.rt(Rt::str_of_int, &[v]),
            TyKind::Float => self.rt(Rt::str_of_f64, &[v]),
            TyKind::Bool => self.rt(Rt::str_of_bool, &[v]),
            TyKind::Str => v,
            _ => {
                let desc = self.desc(ty);
                let word = self.word(v);
                self.rt(Rt::str_of_val, &[word, desc])
            }
        }
    }

    /// Calls a runtime function with a slot word and its descriptor.
    pub(crate) fn rt_word_desc(&mut self, f: Rt, v: Value, ty: Ty) -> Option<Value> {
        let desc = self.desc(ty);
        let word = self.word(v);
        self.rt_opt(f, &[word, desc])
    }
}
