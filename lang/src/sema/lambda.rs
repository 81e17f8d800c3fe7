//! Lambdas, and functions, methods, constructors and builtins used as values.

use super::Checker;
use super::decl::Entry;
use super::effects::EffectSet;
use super::generics::Subst;
use super::relations::contains_param;
use super::scope::ResultMode;
use super::signature::RowId;
use crate::ast;
use crate::diag::Code;
use crate::span::Span;
use crate::tree::{Expr, ExprKind as T, FuncId};
use crate::types::{StructId, Ty, TyKind};

impl<'a> Checker<'a> {
    /// A lambda. In a wanted function type, `Ty::ERROR` stands for a part that is not known yet.
    pub(super) fn lambda(&mut self, fun: &'a ast::Fun, want: Option<Ty>, span: Span) -> Expr {
        let expected = match want.map(|w| self.types.kind(w).clone()) {
            Some(TyKind::Fun(p, r)) => Some((p, r)),
            Some(TyKind::Option(inner)) => match self.types.kind(inner) {
                TyKind::Fun(p, r) => Some((p.clone(), *r)),
                _ => None,
            },
            _ => None,
        };
        let mark = self.type_params.len();
        self.push_type_params(fun, false);
        let mut params = Vec::new();
        for (i, p) in fun.params.iter().enumerate() {
            params.push(match &p.ty {
                Some(t) => self.resolve(t),
                None => match &expected {
                    Some((ps, _)) if ps.len() == fun.params.len() && ps[i] != Ty::ERROR => ps[i],
                    _ => Ty::ANY,
                },
            });
        }
        let result = match (&fun.result, &expected) {
            (Some(r), _) => ResultMode::Declared(self.resolve(r)),
            (None, Some((_, r))) if *r != Ty::ERROR => ResultMode::Declared(*r),
            _ => ResultMode::Infer(None),
        };
        self.lambdas += 1;
        let name = format!("fn{}", self.lambdas);
        let id = self.new_function(&name, fun.span);
        let parent = Some(self.cur().id);
        let entry = Entry { params: params.clone(), result, parent, own_closure: None, receiver: None };
        let result = self.body(fun, id, entry);
        self.type_params.truncate(mark);
        if let Some(declared) = self.declared_effects(fun) {
            let found = self.fun_effects(fun);
            if found.and(declared) != declared {
                self.error(Code::T065, span, &[&"<fun>", &declared, &found]);
            }
        }
        let ty = self.types.intern(TyKind::Fun(params, result));
        Expr { kind: T::Closure(id), ty, span }
    }

    /// A top-level function as a value; type parameters are fixed by the wanted type, else `any`.
    pub(super) fn function_value(&mut self, id: FuncId, want: Option<Ty>, span: Span) -> Expr {
        let sig = self.sigs[id.0 as usize].clone();
        let full = self.types.intern(TyKind::Fun(sig.params.clone(), sig.result()));
        let mut subst = Subst::new(sig.generics.len());
        if let Some(w) = want {
            let mut tried = subst.clone();
            if !contains_param(&self.types, w) && tried.unify(&mut self.types, full, w) {
                subst = tried;
            }
        }
        let type_args = subst.all();
        let closed = Subst(type_args.iter().copied().map(Some).collect());
        let ty = closed.apply(&mut self.types, full);
        Expr { kind: T::FuncRef { func: id, type_args }, ty, span }
    }

    /// A method as a value: the function of the rest once the receiver is given.
    pub(super) fn bound_method(&mut self, receiver: Expr, sid: StructId, method: u32, span: Span) -> Expr {
        let id = FuncId(self.types.struct_def(sid).methods[method as usize].1);
        let sig = self.sigs[id.0 as usize].clone();
        let mut params = vec![receiver.ty];
        params.extend(&sig.params);
        let full = self.types.intern(TyKind::Fun(params, sig.result()));
        let callee = Expr { kind: T::FuncRef { func: id, type_args: Vec::new() }, ty: full, span };
        let result = sig.result();
        self.partial(callee, vec![receiver], sig.params, result, span)
    }

    /// A constructor with fields as a value.
    pub(super) fn constructor_value(&mut self, sid: StructId, union: Ty, span: Span) -> Expr {
        let fields = self.types.struct_def(sid).fields.clone();
        let params: Vec<Ty> = fields.iter().map(|f| f.1).collect();
        let own = self.struct_type(sid);
        let (id, inputs) = self.begin_synthetic(&params, union, span);
        let values = inputs.into_iter().enumerate().map(|(i, x)| (i as u32, x)).collect();
        let made = Expr { kind: T::Struct { id: sid, fields: values }, ty: own, span };
        self.end_synthetic(id, made, union);
        let ty = self.types.intern(TyKind::Fun(params, union));
        Expr { kind: T::Closure(id), ty, span }
    }

    /// A builtin as a value; its type parameters are `any`.
    pub(super) fn builtin_value(&mut self, row: RowId, span: Span) -> Expr {
        let row = self.row(row);
        let closed = Subst(vec![Some(Ty::ANY); row.generics.len()]);
        let params: Vec<Ty> = row.params.iter().map(|p| closed.apply(&mut self.types, *p)).collect();
        let result = closed.apply(&mut self.types, row.result);
        let (id, inputs) = self.begin_synthetic(&params, result, span);
        let value = self.builtin(row.builtin, inputs, result, span);
        self.end_synthetic(id, value, result);
        let ty = self.types.intern(TyKind::Fun(params, result));
        Expr { kind: T::Closure(id), ty, span }
    }

    /// Effects of calling a value that a name is bound to.
    pub(super) fn bound_effects(&self, value: Option<&ast::Expr>) -> EffectSet {
        value.map_or(EffectSet::NONE, |v| self.value_effects(v))
    }
}
