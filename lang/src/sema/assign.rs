//! Assignments.

use super::Checker;
use super::relations::{assignable, contains_any, is_numeric, same_representation};
use super::scope::{Binding, Var, VarKey};
use crate::ast::{self, BinOp, ExprKind, Place as APlace};
use crate::diag::Code;
use crate::span::Span;
use crate::tree::{Builtin, Expr, ExprKind as T, Place, Step, Stmt, StmtKind as S};
use crate::types::{Ty, TyKind};

impl<'a> Checker<'a> {
    /// `name path op= value`.
    pub(super) fn assign(
        &mut self,
        name: &ast::Ident,
        path: &'a [APlace],
        op: Option<BinOp>,
        value: &'a ast::Expr,
        span: Span,
    ) -> Option<S> {
        let var = match self.lookup(&name.name) {
            Some((Binding::Var(v), _)) if v.ty == Ty::ERROR => {
                self.expr(value, None);
                return None;
            }
            Some((Binding::Var(v), _)) if v.mutable => v,
            Some((Binding::Poison, _)) => {
                self.expr(value, None);
                return None;
            }
            Some(_) => return self.rejected(Code::T024, name, path, value, span),
            None => {
                let known = self.top_funs.contains_key(&name.name)
                    || self.variants.contains_key(&name.name)
                    || self.builtins.find(&name.name).is_some();
                let code = if known { Code::T024 } else { Code::T001 };
                return self.rejected(code, name, path, value, span);
            }
        };
        let (mut place, mut ty) = self.root_place(&var, span);
        for step in path {
            if let APlace::Field(field) = step
                && let Some((at, next)) = self.row_step(ty, field)
            {
                ty = next;
                place.steps.push((Step::Field(at), ty));
            }
            let (kind, next) = self.step(step, ty, span)?;
            ty = next;
            place.steps.push((kind, next));
        }
        if let Some(op) = op {
            return self.compound(&var, place, ty, op, value, span);
        }
        // A variable that started empty is seen as what is assigned, so a literal has its own type.
        let own = path.is_empty() && var.open.is_some() && self.literal_hint(value, ty).is_some();
        let v = if own { self.expr(value, None) } else { self.expect_expr(value, ty) };
        if v.ty == Ty::ERROR {
            return None;
        }
        if own && !self.flows(v.ty, ty) {
            self.type_error(Code::T008, value.span, &[ty, v.ty]);
            return None;
        }
        if !self.compatible(ty, v.ty) && !assignable(&self.types, v.ty, ty) {
            let (got, expected) = (self.show(v.ty), self.show(ty));
            self.error(Code::T009, span, &[&got, &name.name, &expected]);
            return None;
        }
        if path.is_empty() {
            self.meet_variant(&var, v.ty);
            self.expose(&var);
            self.note_evidence(&var, &v, None);
            self.see_assigned(&var, v.ty);
        } else {
            self.see_stored(&var, v.ty);
            self.check_widening_alias(value, v.ty, ty, span);
            self.check_literal_aliases(value, ty);
            if let [(Step::Index(key), _)] = place.steps.as_slice() {
                let key = key.clone();
                self.note_evidence(&var, &v, Some(&key));
            }
        }
        let v = self.admit(v, ty);
        self.mark_place(&place);
        Some(self.store(place, None, v, span))
    }

    /// A value of the whole union is assigned to a variable that started as a variant.
    fn meet_variant(&mut self, var: &Var, got: Ty) {
        if !(matches!(self.types.kind(var.ty), TyKind::Struct(_))
            && matches!(self.types.kind(got), TyKind::Union(_)))
        {
            return;
        }
        match var.key {
            VarKey::Global(id) => self.refinements.met.insert(self.globals[id.0 as usize].span, got),
            VarKey::Local(depth, id) => {
                let place = self.ctx[depth].locals[id.0 as usize].span;
                let all = if depth == 0 { &mut self.refinements } else { self.refinements_mut() };
                all.met.insert(place, got)
            }
            VarKey::Field(..) => None,
        };
    }

    fn rejected(
        &mut self,
        code: Code,
        name: &ast::Ident,
        path: &'a [APlace],
        value: &'a ast::Expr,
        span: Span,
    ) -> Option<S> {
        self.error(code, span, &[&name.name]);
        for p in path {
            if let APlace::Index { index, .. } = p {
                self.expr(index, None);
            }
        }
        self.expr(value, None);
        None
    }

    /// Where a variable's path starts: fields of the receiver are steps of it.
    fn root_place(&mut self, var: &Var, _span: Span) -> (Place, Ty) {
        let root = self.var_ref(var.key);
        match var.key {
            VarKey::Field(depth, id, field) => {
                let own = self.ctx[depth].locals[id.0 as usize].ty;
                let steps = vec![(Step::Field(field), var.ty)];
                (Place { root, root_ty: own, steps }, var.ty)
            }
            _ => (Place { root, root_ty: var.ty, steps: Vec::new() }, var.ty),
        }
    }

    /// One step of a path, and the type it reaches.
    fn step(&mut self, step: &'a APlace, ty: Ty, span: Span) -> Option<(Step, Ty)> {
        match step {
            APlace::Index { index, span: at } => {
                let at = Span { end: at.start + 1, ..*at };
                match self.types.kind(ty).clone() {
                    TyKind::Map(k, v) => {
                        let key = self.expr(index, None);
                        if !self.compatible(key.ty, k) {
                            self.type_error(Code::T019, at, &[k, key.ty]);
                            return None;
                        }
                        Some((Step::Index(self.admit(key, k)), v))
                    }
                    TyKind::List(elem) => {
                        let i = self.expr(index, None);
                        match i.ty {
                            Ty::ERROR => None,
                            Ty::INT | Ty::INT64 => Some((Step::Index(i), elem)),
                            _ => {
                                self.error(Code::T015, at, &[]);
                                None
                            }
                        }
                    }
                    TyKind::Str => {
                        let i = self.expr(index, None);
                        if !super::relations::indexes(&self.types, i.ty) {
                            self.error(Code::T015, at, &[]);
                            return None;
                        }
                        Some((Step::Index(self.admit(i, Ty::INT)), Ty::STR))
                    }
                    TyKind::Any => {
                        let i = self.expr(index, None);
                        Some((Step::Index(self.coerce(i, Ty::ANY)), Ty::ANY))
                    }
                    _ => {
                        self.expr(index, None);
                        self.type_error(Code::T018, span, &[ty]);
                        None
                    }
                }
            }
            APlace::Slice(at) => {
                self.error(Code::SliceStore, *at, &[]);
                None
            }
            APlace::Field(field) => match self.types.kind(ty).clone() {
                TyKind::Struct(id) => {
                    let def = self.types.struct_def(id);
                    if let Some(at) = def.fields.position(&field.name) {
                        return Some((Step::Field(at as u32), def.fields[at].1));
                    }
                    let shown = self.show(ty);
                    self.error(Code::T026, field.span, &[&field.name, &shown]);
                    None
                }
                TyKind::Map(k, v) if self.compatible(k, Ty::STR) => {
                    let text =
                        Expr { kind: T::Str(field.name.as_str().into()), ty: Ty::STR, span: field.span };
                    Some((Step::Index(self.coerce(text, k)), v))
                }
                TyKind::Any => Some((Step::DynField(field.name.clone()), Ty::ANY)),
                TyKind::Error => None,
                _ => {
                    self.type_error(Code::T027, field.span, &[ty]);
                    None
                }
            },
        }
    }

    /// `place op= value`.
    fn compound(
        &mut self,
        var: &Var,
        place: Place,
        ty: Ty,
        op: BinOp,
        value: &'a ast::Expr,
        span: Span,
    ) -> Option<S> {
        let hint = self.literal_hint(value, ty);
        let v = self.expr(value, hint);
        // Computed in the type of the place.
        let dynamic = (v.ty == Ty::ANY) != (ty == Ty::ANY) && v.ty != Ty::ERROR;
        let v = if dynamic || ty == Ty::BIGRAT && v.ty == Ty::FLOAT { self.coerce(v, ty) } else { v };
        let current = Expr { kind: T::Var(place.root), ty, span };
        let whole = self.operate(op, span, current, v, Some(ty), span);
        if whole.ty == Ty::ERROR {
            return None;
        }
        if whole.ty != ty {
            self.type_error(Code::T008, value.span, &[ty, whole.ty]);
            return None;
        }
        let T::Binary { right, .. } = whole.kind else { return None };
        if place.steps.is_empty() {
            self.expose(var);
            self.see_assigned(var, ty);
        }
        self.mark_place(&place);
        Some(self.store(place, Some(op), *right, span))
    }

    /// The statement; storing into a string is a run-time error.
    fn store(&mut self, place: Place, op: Option<BinOp>, value: Expr, span: Span) -> S {
        let mut before = place.root_ty;
        let mut into_string = false;
        for (step, ty) in &place.steps {
            into_string |= matches!(step, Step::Index(_)) && before == Ty::STR;
            before = *ty;
        }
        if !into_string {
            return S::Assign { place, op, value };
        }
        let text = Expr { kind: T::Str("invalid index target".into()), ty: Ty::STR, span };
        let body = vec![Stmt { span, kind: S::Expr(value) }];
        let panic = Box::new(self.builtin(Builtin::Panic, vec![text], Ty::UNIT, span));
        S::Expr(Expr { kind: T::Block { body, value: Some(panic) }, ty: Ty::UNIT, span })
    }

    /// A store may give the variable another value, or another list when the list grows.
    fn mark_place(&mut self, place: &Place) {
        let grows = matches!(place.steps.first(), Some((Step::Index(_), _)));
        if place.steps.is_empty() || grows {
            self.mark_assigned(place.root);
        }
    }

    /// From here on in this scope the variable is seen as what was assigned.
    fn see_assigned(&mut self, var: &Var, got: Ty) {
        let precise = if contains_any(&self.types, got) { var.ty == Ty::ANY } else { true };
        let converted = is_numeric(&self.types, var.ty) && !same_representation(&self.types, var.ty, got);
        // What is stored into a container later need not have the type that its elements had. One that
        // started empty may get that type from all stores.
        let container = |t: &TyKind| matches!(t, TyKind::List(_) | TyKind::Map(..));
        let plain = match *self.types.kind(var.ty) {
            TyKind::Option(inner) => inner,
            _ => var.ty,
        };
        let copied = var.open.is_none()
            && container(self.types.kind(plain))
            && !same_representation(&self.types, plain, got);
        let keep = self.refinements().viewless || !precise || converted || copied || got == Ty::UNIT;
        let ty = if keep { var.ty } else { got };
        self.assigned(var.key, ty);
    }

    /// Something is stored into the variable's container.
    fn see_stored(&mut self, var: &Var, got: Ty) {
        let seen = self.seen_type(var.key);
        let elem = match *self.types.kind(seen) {
            TyKind::List(elem) | TyKind::Map(_, elem) => elem,
            _ => return,
        };
        if seen != var.ty && elem != got {
            self.assigned(var.key, var.ty);
        }
    }

    /// `push(xs, v)` and `xs.push(v)` as statements append to the variable.
    pub(super) fn push_statement(&mut self, e: &'a ast::Expr) -> Option<S> {
        let ExprKind::Call { callee, args } = &e.kind else { return None };
        let (list, value) = match (&callee.kind, args.as_slice()) {
            (ExprKind::Name(f), [list, value]) if f.name == "push" => {
                if self.lookup("push").is_some() || self.top_funs.contains_key("push") {
                    return None;
                }
                (list, value)
            }
            (ExprKind::Field { base, field }, [value]) if field.name == "push" || field.name == "append" => {
                (&**base, value)
            }
            _ => return None,
        };
        let ExprKind::Name(n) = &list.kind else { return None };
        let (var, _) = self.lookup_var(&n.name)?;
        let TyKind::List(elem) = *self.types.kind(var.ty) else { return None };
        if !var.mutable {
            self.error(Code::T024, e.span, &[&n.name]);
            return None;
        }
        let v = self.expect_expr(value, elem);
        if v.ty == Ty::ERROR {
            return None;
        }
        self.see_stored(&var, v.ty);
        let read = self.read_declared(&var, n.span);
        let v = self.admit(v, elem);
        let grown = self.builtin(Builtin::Append, vec![read, v], var.ty, e.span);
        self.note_evidence(&var, &grown, None);
        let (place, _) = self.root_place(&var, e.span);
        self.mark_place(&place);
        Some(S::Assign { place, op: None, value: grown })
    }
}
