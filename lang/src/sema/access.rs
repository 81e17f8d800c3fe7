//! Indexing, slicing and field access, with their safe forms.
//!
//! A variable whose declared container was assigned a more precise one (see [`super::scope`]) is
//! indexed as declared and the element is converted, so that no read copies the container.

use super::Checker;
use super::relations::{indexes, same_representation};
use super::scope::Binding;
use crate::ast::{self, BinOp, ExprKind, Ident};
use crate::diag::Code;
use crate::span::Span;
use crate::tree::{Expr, ExprKind as T, VarRef};
use crate::types::{Ty, TyKind};

impl<'a> Checker<'a> {
    /// A value that is only looked into: the node under its declared type, and the type it is seen as.
    pub(super) fn container_expr(&mut self, e: &'a ast::Expr) -> (Expr, Ty) {
        if let ExprKind::Name(n) = &e.kind
            && let Some((Binding::Var(var), Some(view))) = self.lookup(&n.name)
        {
            let container = |t: &TyKind| matches!(t, TyKind::List(_) | TyKind::Map(..) | TyKind::Any);
            let both = container(self.types.kind(var.ty)) && container(self.types.kind(view.ty));
            if both && !same_representation(&self.types, var.ty, view.ty) {
                return (self.read_declared(&var, n.span), view.ty);
            }
        }
        let x = self.expr(e, None);
        let ty = x.ty;
        (x, ty)
    }

    /// An index or bound: an integer (T015 at the bracket).
    fn int_index(&mut self, e: &'a ast::Expr, at: Span) -> Expr {
        let x = self.expr(e, None);
        if !indexes(&self.types, x.ty) {
            self.error(Code::T015, at, &[]);
            return self.error_expr(e.span);
        }
        self.admit(x, Ty::INT)
    }

    pub(super) fn index(&mut self, base: &'a ast::Expr, index: &'a ast::Expr, span: Span) -> Expr {
        let (b, seen) = self.container_expr(base);
        let at = self.next_token(base.span, span);
        if b.ty == Ty::ERROR {
            self.expr(index, None);
            return b;
        }
        let (key, result) = match self.types.kind(seen).clone() {
            TyKind::List(elem) => (self.int_index(index, at), elem),
            TyKind::Str => (self.int_index(index, at), Ty::STR),
            TyKind::Map(k, v) => {
                let key = self.expr(index, None);
                if !self.compatible(key.ty, k) {
                    self.type_error(Code::T019, at, &[k, key.ty]);
                    return self.error_expr(span);
                }
                let v = self.types.option(v);
                (key, v)
            }
            TyKind::Any => (self.expr(index, None), Ty::ANY),
            _ => {
                self.expr(index, None);
                self.type_error(Code::T018, span, &[seen]);
                return self.error_expr(span);
            }
        };
        if key.ty == Ty::ERROR {
            return Expr { ty: result, ..self.error_expr(span) };
        }
        let (key_ty, natural) = match self.types.kind(b.ty).clone() {
            TyKind::List(elem) => (Ty::INT, elem),
            TyKind::Str => (Ty::INT, Ty::STR),
            TyKind::Map(..) => {
                let found = self.looked_up(b, key, span);
                return self.coerce(found, result);
            }
            _ => (Ty::ANY, Ty::ANY),
        };
        let index = Box::new(self.coerce(key, key_ty));
        let node = Expr { kind: T::Index { base: Box::new(b), index }, ty: natural, span };
        self.coerce(node, result)
    }

    /// The value of a key in a map, an option. A key that is no key of the map's type as it stands is looked
    /// up as `any`: it may be none of its keys, so it is not converted down to one.
    pub(super) fn looked_up(&mut self, map: Expr, key: Expr, span: Span) -> Expr {
        let TyKind::Map(k, v) = *self.types.kind(map.ty) else { unreachable!("a map is looked into") };
        let option = self.types.option(v);
        let key = self.compared(key, k);
        if key.ty == k {
            return Expr { kind: T::Index { base: Box::new(map), index: Box::new(key) }, ty: option, span };
        }
        let map = self.coerce(map, Ty::ANY);
        let kind = T::Index { base: Box::new(map), index: Box::new(key) };
        self.coerce(Expr { kind, ty: Ty::ANY, span }, option)
    }

    pub(super) fn slice(
        &mut self,
        base: &'a ast::Expr,
        start: Option<&'a ast::Expr>,
        end: Option<&'a ast::Expr>,
        step: Option<&'a ast::Expr>,
        span: Span,
    ) -> Expr {
        let b = self.expr(base, None);
        let at = self.next_token(base.span, span);
        if b.ty == Ty::ERROR {
            return b;
        }
        let ty = b.ty;
        match self.types.kind(ty) {
            TyKind::List(_) | TyKind::Str | TyKind::Any => {}
            TyKind::Map(..) => {
                self.error(Code::T017, at, &[]);
                return self.error_expr(span);
            }
            _ => {
                self.type_error(Code::T018, span, &[ty]);
                return self.error_expr(span);
            }
        }
        if let Some(s) = step {
            self.int_index(s, at);
        }
        let start = start.map(|e| Box::new(self.int_index(e, at)));
        let end = end.map(|e| Box::new(self.int_index(e, at)));
        Expr { kind: T::Slice { base: Box::new(b), start, end }, ty, span }
    }

    pub(super) fn field(&mut self, base: &'a ast::Expr, field: &Ident, span: Span) -> Expr {
        if let Some(ty) = self.dotted_extern(base, field) {
            return Expr { kind: T::None, ty, span };
        }
        let (b, seen) = self.container_expr(base);
        if b.ty == Ty::ERROR {
            return b;
        }
        if b.ty != seen && b.ty == Ty::ANY {
            let value = self.field_of(b, base, field, span);
            return match self.types.kind(seen).clone() {
                TyKind::Map(_, v) => self.coerce(value, v),
                _ => value,
            };
        }
        self.field_of(b, base, field, span)
    }

    /// The type of a declared foreign name with dots.
    fn dotted_extern(&self, base: &ast::Expr, field: &Ident) -> Option<Ty> {
        let name = format!("{}.{}", dotted(base)?, field.name);
        match self.lookup(&name) {
            Some((Binding::Extern(ty), _)) => Some(ty),
            _ => None,
        }
    }

    pub(super) fn field_of(&mut self, b: Expr, source: &ast::Expr, field: &Ident, span: Span) -> Expr {
        let name = &field.name;
        match self.types.kind(b.ty).clone() {
            TyKind::Error => b,
            TyKind::Struct(id) => {
                let def = self.types.struct_def(id);
                if let Some(at) = def.fields.position(name) {
                    let ty = def.fields[at].1;
                    return Expr { kind: T::Field { base: Box::new(b), field: at as u32 }, ty, span };
                }
                if let Some(at) = def.methods.position(name) {
                    return self.bound_method(b, id, at as u32, span);
                }
                let shown = self.show(b.ty);
                self.row_field(b, source, field, span).unwrap_or_else(|| {
                    self.error(Code::T026, span, &[name, &shown]);
                    self.error_expr(span)
                })
            }
            TyKind::Group(..) => self.group_field(b, source, field, span),
            TyKind::Map(k, v) if self.compatible(k, Ty::STR) => {
                Expr { kind: T::DynField { base: Box::new(b), name: name.clone() }, ty: v, span }
            }
            TyKind::Any => {
                Expr { kind: T::DynField { base: Box::new(b), name: name.clone() }, ty: Ty::ANY, span }
            }
            TyKind::Option(_) => {
                let shown = self.source_text(source.span);
                self.error(Code::T058, span, &[&shown]);
                self.error_expr(span)
            }
            _ => {
                self.type_error(Code::T027, span, &[b.ty]);
                self.error_expr(span)
            }
        }
    }

    /// The source of an expression, shortened.
    pub(super) fn source_text(&self, span: Span) -> String {
        let text = &self.map.file(span.file).text;
        let text = text.get(span.start as usize..span.end as usize).unwrap_or("");
        let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() > 40 {
            format!("{}...", text.chars().take(37).collect::<String>())
        } else {
            text
        }
    }

    pub(super) fn safe_field(&mut self, base: &'a ast::Expr, field: &Ident, span: Span) -> Expr {
        let b = self.optional(base);
        let at = self.next_token(base.span, span);
        let name = &field.name;
        let inner = match self.types.kind(b.ty).clone() {
            TyKind::Error => return b,
            TyKind::Option(inner) => inner,
            TyKind::Any => Ty::ANY,
            _ => {
                let shown = self.show(b.ty);
                self.error(Code::T060, at, &[name, &shown]);
                return self.error_expr(span);
            }
        };
        match self.types.kind(inner).clone() {
            TyKind::Struct(id) => {
                let def = self.types.struct_def(id);
                if let Some(i) = def.fields.position(name) {
                    let ty = def.fields[i].1;
                    let ty = self.types.option(ty);
                    return Expr { kind: T::SafeField { base: Box::new(b), field: i as u32 }, ty, span };
                }
                if self.rows.contains_key(&id) {
                    return self.if_some(b, inner, |c, row| c.field_of(row, base, field, span));
                }
                let shown = self.show(inner);
                self.error(Code::T026, at, &[name, &shown]);
                self.error_expr(span)
            }
            TyKind::Map(k, _) if self.compatible(k, Ty::STR) => {
                self.if_some(b, inner, |c, map| c.field_of(map, base, field, span))
            }
            TyKind::Any => self.if_some(b, Ty::ANY, |c, value| c.field_of(value, base, field, span)),
            _ => {
                let shown = self.show(inner);
                self.error(Code::T061, at, &[name, &shown]);
                self.error_expr(span)
            }
        }
    }

    pub(super) fn safe_index(&mut self, base: &'a ast::Expr, index: &'a ast::Expr, span: Span) -> Expr {
        let b = self.optional(base);
        let at = self.next_token(base.span, span);
        let inner = match self.types.kind(b.ty).clone() {
            TyKind::Error => return b,
            TyKind::Option(inner) => inner,
            TyKind::Any => Ty::ANY,
            _ => {
                self.expr(index, None);
                self.type_error(Code::T062, at, &[b.ty]);
                return self.error_expr(span);
            }
        };
        let (key, elem) = match self.types.kind(inner).clone() {
            TyKind::List(elem) => (self.int_index(index, at), elem),
            TyKind::Map(k, v) => {
                let key = self.expr(index, None);
                if !self.compatible(key.ty, k) {
                    self.type_error(Code::T019, at, &[k, key.ty]);
                    return self.error_expr(span);
                }
                let key = self.compared(key, k);
                if key.ty != k {
                    return self.if_some(b, inner, |c, map| c.looked_up(map, key, span));
                }
                (key, v)
            }
            TyKind::Any => {
                let key = self.expr(index, None);
                let key = Box::new(self.coerce(key, Ty::ANY));
                return self.if_some(b, Ty::ANY, |_, base| {
                    let kind = T::Index { base: Box::new(base), index: key };
                    Expr { kind, ty: Ty::ANY, span }
                });
            }
            _ => {
                self.expr(index, None);
                self.type_error(Code::T063, at, &[inner]);
                return self.error_expr(span);
            }
        };
        let ty = self.types.option(elem);
        Expr { kind: T::SafeIndex { base: Box::new(b), index: Box::new(key) }, ty, span }
    }

    /// `value == none ? none : make(value)`, an option of what `make` gives.
    fn if_some(&mut self, value: Expr, inner: Ty, make: impl FnOnce(&mut Self, Expr) -> Expr) -> Expr {
        let span = value.span;
        let from = value.ty;
        let tmp = self.new_local("", from, span);
        let read = |ty| Expr { kind: T::Var(VarRef::Local(tmp)), ty, span };
        let none = Expr { kind: T::None, ty: from, span };
        let test = T::Binary { op: BinOp::Eq, left: Box::new(read(from)), right: Box::new(none) };
        let some = self.coerce(read(from), inner);
        let made = make(self, some);
        let ty = self.types.option(made.ty);
        let otherwise = Box::new(self.coerce(made, ty));
        let choice = T::If {
            cond: Box::new(Expr { kind: test, ty: Ty::BOOL, span }),
            then: Box::new(Expr { kind: T::None, ty, span }),
            otherwise,
        };
        self.let_in(tmp, value, Expr { kind: choice, ty, span })
    }
}

/// `a.b.c` of names only.
pub(super) fn dotted(e: &ast::Expr) -> Option<String> {
    match &e.kind {
        ExprKind::Name(n) => Some(n.name.clone()),
        ExprKind::Field { base, field } => Some(format!("{}.{}", dotted(base)?, field.name)),
        _ => None,
    }
}
