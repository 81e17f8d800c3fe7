//! Calls through a dot: methods, function fields, and the method forms of builtins
//! (`s.contains(x)`, `m.keys()`, `m.get(k, d)`, `xs.len()`).

use super::Checker;
use super::access::dotted;
use super::literal::is_open;
use super::scope::Binding;
use super::signature::RowId;
use crate::ast::{self, BinOp, Ident};
use crate::builtins::Mark;
use crate::diag::Code;
use crate::span::Span;
use crate::tree::{Expr, ExprKind as T};
use crate::types::{Ty, TyKind};

impl<'a> Checker<'a> {
    /// `base.field(args)`.
    pub(super) fn member_call(
        &mut self,
        base: &'a ast::Expr,
        field: &Ident,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Expr {
        if let Some(root) = dotted(base) {
            let name = format!("{root}.{}", field.name);
            if let Some((Binding::Extern(ty), _)) = self.lookup(&name) {
                return self.extern_call(ty, &name, args, span);
            }
        }
        let (b, seen) = self.container_expr(base);
        let b = if b.ty == seen { b } else { self.coerce(b, seen) };
        let selector = Span { end: field.span.end, ..base.span };
        let paren = self.next_token(selector, span);
        let name = field.name.as_str();
        match self.types.kind(b.ty).clone() {
            TyKind::Error => {
                self.check_all(args);
                b
            }
            TyKind::Struct(id) => {
                let def = self.types.struct_def(id);
                if let Some(at) = def.methods.position(name) {
                    return self.method_call(b, id, at as u32, args, paren, span);
                }
                let f = self.field_of(b, base, field, Span { end: field.span.end, ..span });
                self.value_call(f, "", args, paren, span)
            }
            TyKind::Map(key, value) if name == "get" && !self.is_function(value) => {
                self.map_get(b, key, value, args, paren, span)
            }
            kind => match self.method_form(name, &kind) {
                Some(row) => self.builtin_call(row, Some(b), args, None, span),
                None => {
                    let f = self.field_of(b, base, field, Span { end: field.span.end, ..span });
                    self.value_call(f, "", args, paren, span)
                }
            },
        }
    }

    /// The builtin that may be written after a dot, behind a value of this kind.
    fn method_form(&self, name: &str, receiver: &TyKind) -> Option<RowId> {
        let mark = match receiver {
            TyKind::Str => Mark::OnString,
            TyKind::List(_) | TyKind::Group(..) => Mark::OnList,
            TyKind::Map(_, value) if !self.is_function(*value) => Mark::OnMap,
            TyKind::Any => Mark::OnAny,
            _ => return None,
        };
        self.builtins.find(name).filter(|row| self.builtins.row(*row).has(mark))
    }

    fn is_function(&self, ty: Ty) -> bool {
        matches!(self.types.kind(ty), TyKind::Fun(..))
    }

    /// `m.get(k, d)`: the value of a key, or the default.
    fn map_get(
        &mut self,
        map: Expr,
        key: Ty,
        value: Ty,
        args: &'a [ast::Expr],
        at: Span,
        span: Span,
    ) -> Expr {
        if args.len() > 2 || args.is_empty() {
            self.check_all(args);
            self.error(Code::T006, at, &[&2, &args.len()]);
            return self.error_expr(span);
        }
        let k = self.expect_expr(&args[0], key);
        let found = self.looked_up(map, k, span);
        let Some(default) = args.get(1) else { return found };
        let d = self.meeting(default, value);
        let d = self.expected(d, value, default.span);
        let ty = if is_open(&d) { value } else { self.common_type(value, d.ty) };
        let option = self.types.option(ty);
        let (found, d) = (self.coerce(found, option), self.coerce(d, ty));
        let kind = T::Binary { op: BinOp::Coalesce, left: Box::new(found), right: Box::new(d) };
        Expr { kind, ty, span }
    }
}
