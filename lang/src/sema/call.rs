//! Calls of functions, constructors and function values; currying.

use super::Checker;
use super::alias::alias_label;
use super::decl::Sig;
use super::generics::{Subst, first_param};
use super::literal::is_open;
use super::meet::{is_bare_none, passes};
use super::relations::{contains_any, contains_param, is_aggregate};
use super::scope::Binding;
use super::signature::RowId;
use crate::ast::{self, ExprKind};
use crate::diag::Code;
use crate::span::Span;
use crate::tree::{Expr, ExprKind as T, FuncId};
use crate::types::{StructId, Ty, TyKind};

/// Parameters of a call that is being checked.
pub(super) struct Slots<'s> {
    /// Declared types.
    pub params: &'s [Ty],
    /// Names of the type parameters.
    pub generics: &'s [String],
    /// A builtin: `any` parameters take the argument without a conversion.
    pub builtin: bool,
    /// The builtin only looks at its arguments, so a variable is passed under its declared type.
    pub peeks: bool,
    /// The declared result and the type that the place of the call wants.
    pub wanted: Option<(Ty, Ty)>,
    /// The result is a fresh list: where nothing is wanted it may hold anything.
    pub fresh: bool,
}

impl<'s> Slots<'s> {
    /// Parameters of a function value, method or constructor.
    fn of(params: &'s [Ty]) -> Slots<'s> {
        Slots { params, generics: &[], builtin: false, peeks: false, wanted: None, fresh: false }
    }

    /// The type of parameter `k`; the last one repeats.
    fn param(&self, k: usize) -> Ty {
        self.params[k.min(self.params.len() - 1)]
    }
}

impl<'a> Checker<'a> {
    /// A call.
    pub(super) fn call(
        &mut self,
        callee: &'a ast::Expr,
        args: &'a [ast::Expr],
        want: Option<Ty>,
        span: Span,
    ) -> Expr {
        let mut call = match &callee.kind {
            ExprKind::Name(n) => self.named_call(n, args, want, span),
            ExprKind::Field { base, field } => self.member_call(base, field, args, span),
            _ => {
                let f = self.expr(callee, None);
                let at = self.next_token(callee.span, span);
                self.value_call(f, "", args, at, span)
            }
        };
        // In a chain over several lines each call has the place of its own name.
        if let ExprKind::Field { field, .. } = &callee.kind {
            call.span.start = field.span.start;
        }
        self.after_call(&call);
        call
    }

    fn named_call(&mut self, n: &ast::Ident, args: &'a [ast::Expr], want: Option<Ty>, span: Span) -> Expr {
        match self.lookup(&n.name) {
            Some((Binding::Var(_), _)) => {
                let f = self.expr_of_name(n);
                if f.ty == Ty::ANY {
                    self.check_all(args);
                    self.error(Code::T004, span, &[&n.name]);
                    return self.error_expr(span);
                }
                self.value_call(f, &n.name, args, span, span)
            }
            Some((Binding::Method(depth, local, sid, at), _)) => {
                let receiver = self.receiver_expr(depth, local, n.span);
                self.method_call(receiver, sid, at, args, span, span)
            }
            Some((Binding::Generic(id), _)) => self.function_call(id, args, want, span),
            Some((Binding::Extern(ty), _)) => self.extern_call(ty, &n.name, args, span),
            Some((Binding::Poison, _)) => {
                self.check_all(args);
                self.error_expr(span)
            }
            None => {
                if let Some(&id) = self.top_funs.get(&n.name) {
                    return self.function_call(id, args, want, span);
                }
                if let Some(&(_, sid)) = self.variants.get(&n.name) {
                    return self.constructor_call(sid, &n.name, args, span);
                }
                if let Some(row) = self.builtins.find(&n.name) {
                    return self.builtin_call(row, None, args, want, span);
                }
                if n.name == "sort_by" {
                    return self.sort_by(args, span);
                }
                self.check_all(args);
                if n.name == "eval" {
                    let advice = "A compiled program holds no compiler: write the code where `eval` stands.";
                    self.diags.error(Code::Unsupported, span, &[&"`eval`"]).help(advice);
                } else {
                    self.error(Code::T003, span, &[&n.name]);
                }
                self.error_expr(span)
            }
        }
    }

    fn expr_of_name(&mut self, n: &ast::Ident) -> Expr {
        let Some((Binding::Var(var), view)) = self.lookup(&n.name) else { return self.error_expr(n.span) };
        let value = self.read_declared(&var, n.span);
        match view {
            Some(v) => self.under_view(value, v),
            None => value,
        }
    }

    /// Checks expressions whose context was reported.
    pub(super) fn check_all(&mut self, args: &'a [ast::Expr]) {
        for a in args {
            self.expr(a, None);
        }
    }

    /// A call of a function without surroundings.
    fn function_call(&mut self, id: FuncId, args: &'a [ast::Expr], want: Option<Ty>, span: Span) -> Expr {
        let sig: Sig = self.sigs[id.0 as usize].clone();
        let count = sig.params.len();
        if args.len() > count {
            self.check_all(args);
            self.error(Code::T006, span, &[&count, &args.len()]);
            return self.error_expr(span);
        }
        let wanted = want.map(|w| (sig.result(), w));
        let slots = Slots { generics: &sig.generics, wanted, ..Slots::of(&sig.params) };
        let (values, subst) = self.arguments(&slots, None, args, span);
        let result = subst.apply(&mut self.types, sig.result());
        if args.len() == count {
            // An argument that was reported fixes nothing.
            let reported = !sig.generics.is_empty() && values.iter().any(|v| v.ty == Ty::ERROR);
            if reported || self.escapes(&sig.generics, result, &sig.result(), &subst, span) {
                return self.error_expr(span);
            }
            return self.direct_call(id, subst.all(), values, result, span);
        }
        let closed = Subst(subst.all().into_iter().map(Some).collect());
        let params: Vec<Ty> = sig.params.iter().map(|p| closed.apply(&mut self.types, *p)).collect();
        let result = closed.apply(&mut self.types, sig.result());
        let rest = params[args.len()..].to_vec();
        let full = self.types.intern(TyKind::Fun(params, result));
        let callee = Expr { kind: T::FuncRef { func: id, type_args: subst.all() }, ty: full, span };
        self.partial(callee, values, rest, result, span)
    }

    /// T048: the result mentions a type parameter that no argument fixed.
    pub(super) fn escapes(
        &mut self,
        generics: &[String],
        result: Ty,
        declared: &Ty,
        subst: &Subst,
        span: Span,
    ) -> bool {
        if generics.is_empty() || !contains_param(&self.types, *declared) {
            return false;
        }
        let unbound = |i: usize| subst.0.get(i).copied().flatten().is_none();
        if !(0..generics.len()).any(unbound) {
            return false;
        }
        let open = Subst(subst.0.iter().map(|b| Some(b.unwrap_or(Ty::ERROR))).collect());
        let closed = open.apply(&mut self.types, *declared);
        if closed == result {
            return false;
        }
        let Some(name) = first_param(&self.types, result) else { return false };
        self.error(Code::T048, span, &[&name]);
        true
    }

    /// Fewer arguments than parameters.
    pub(super) fn partial(
        &mut self,
        callee: Expr,
        args: Vec<Expr>,
        rest: Vec<Ty>,
        result: Ty,
        span: Span,
    ) -> Expr {
        if args.is_empty() {
            return callee;
        }
        let ty = self.types.intern(TyKind::Fun(rest, result));
        Expr { kind: T::Partial { callee: Box::new(callee), args }, ty, span }
    }

    /// A call of a value. `name` is empty when it has none; errors are reported at `at`.
    pub(super) fn value_call(
        &mut self,
        f: Expr,
        name: &str,
        args: &'a [ast::Expr],
        at: Span,
        span: Span,
    ) -> Expr {
        let (params, result) = match self.types.kind(f.ty).clone() {
            TyKind::Fun(p, r) => (p, r),
            TyKind::Error => {
                self.check_all(args);
                return self.error_expr(span);
            }
            TyKind::Any => {
                let params = vec![Ty::ANY; args.len()];
                let ty = self.types.intern(TyKind::Fun(params.clone(), Ty::ANY));
                let callee = self.coerce(f, ty);
                let values = args
                    .iter()
                    .map(|a| {
                        let v = self.expr(a, None);
                        self.coerce(v, Ty::ANY)
                    })
                    .collect();
                return Expr {
                    kind: T::CallValue { callee: Box::new(callee), args: values },
                    ty: Ty::ANY,
                    span,
                };
            }
            _ => {
                self.check_all(args);
                self.error(Code::T004, at, &[&name]);
                return self.error_expr(span);
            }
        };
        if args.len() > params.len() {
            self.check_all(args);
            self.error(Code::T006, at, &[&params.len(), &args.len()]);
            return self.error_expr(span);
        }
        let slots = Slots::of(&params);
        let (values, _) = self.arguments(&slots, None, args, at);
        if values.len() == params.len() {
            return Expr { kind: T::CallValue { callee: Box::new(f), args: values }, ty: result, span };
        }
        let rest = params[values.len()..].to_vec();
        self.partial(f, values, rest, result, span)
    }

    /// A call of a method; `at` is where errors are reported.
    pub(super) fn method_call(
        &mut self,
        receiver: Expr,
        sid: StructId,
        method: u32,
        args: &'a [ast::Expr],
        at: Span,
        span: Span,
    ) -> Expr {
        let id = FuncId(self.types.struct_def(sid).methods[method as usize].1);
        let sig = self.sigs[id.0 as usize].clone();
        if args.len() > sig.params.len() {
            self.check_all(args);
            self.error(Code::T006, at, &[&sig.params.len(), &args.len()]);
            return self.error_expr(span);
        }
        let slots = Slots::of(&sig.params);
        let own = receiver.ty;
        let (mut values, _) = self.arguments(&slots, None, args, at);
        values.insert(0, receiver);
        if args.len() == sig.params.len() {
            return self.direct_call(id, Vec::new(), values, sig.result(), span);
        }
        let rest = sig.params[args.len()..].to_vec();
        let mut params = sig.params.clone();
        params.insert(0, own);
        let ty = self.types.intern(TyKind::Fun(params, sig.result()));
        let callee = Expr { kind: T::FuncRef { func: id, type_args: Vec::new() }, ty, span };
        self.partial(callee, values, rest, sig.result(), span)
    }

    /// `Ctor(a, b)`.
    fn constructor_call(&mut self, sid: StructId, name: &str, args: &'a [ast::Expr], span: Span) -> Expr {
        let def = self.types.struct_def(sid).clone();
        let own = self.struct_type(sid);
        let ty = match def.union {
            Some(u) => self.union_type(u),
            None => own,
        };
        let params: Vec<Ty> = def.fields.iter().map(|f| f.1).collect();
        if params.is_empty() || args.len() > params.len() {
            self.check_all(args);
            if params.is_empty() {
                self.error(Code::T004, span, &[&name]);
            } else {
                self.error(Code::T006, span, &[&params.len(), &args.len()]);
            }
            return self.error_expr(span);
        }
        let slots = Slots::of(&params);
        let (values, _) = self.arguments(&slots, None, args, span);
        if values.len() < params.len() {
            let rest = params[values.len()..].to_vec();
            let callee = self.constructor_value(sid, ty, span);
            return self.partial(callee, values, rest, ty, span);
        }
        let fields = values.into_iter().enumerate().map(|(i, v)| (i as u32, v)).collect();
        let value = Expr { kind: T::Struct { id: sid, fields }, ty: own, span };
        self.coerce(value, ty)
    }

    /// A declared foreign function: its arguments are checked and its result is none.
    pub(super) fn extern_call(&mut self, ty: Ty, name: &str, args: &'a [ast::Expr], span: Span) -> Expr {
        match self.types.kind(ty).clone() {
            TyKind::Fun(params, result) => {
                if args.len() > params.len() {
                    self.check_all(args);
                    self.error(Code::T006, span, &[&params.len(), &args.len()]);
                    return self.error_expr(span);
                }
                let slots = Slots::of(&params);
                let (values, _) = self.arguments(&slots, None, args, span);
                let body = values
                    .into_iter()
                    .map(|v| crate::tree::Stmt { span: v.span, kind: crate::tree::StmtKind::Expr(v) })
                    .collect();
                let value = if result == Ty::UNIT {
                    None
                } else {
                    Some(Box::new(Expr { kind: T::None, ty: result, span }))
                };
                Expr { kind: T::Block { body, value }, ty: result, span }
            }
            TyKind::Any => {
                self.check_all(args);
                Expr { kind: T::None, ty: Ty::ANY, span }
            }
            _ => {
                self.check_all(args);
                self.error(Code::T004, span, &[&name]);
                self.error_expr(span)
            }
        }
    }

    /// Checks arguments against parameters, the receiver of a method form first when there is one:
    /// types (T008, T007, T047), aliasing (T052), conversions. `at` is the place of the call.
    pub(super) fn arguments(
        &mut self,
        slots: &Slots,
        receiver: Option<Expr>,
        args: &'a [ast::Expr],
        at: Span,
    ) -> (Vec<Expr>, Subst) {
        let mut subst = Subst::new(slots.generics.len());
        let total = args.len() + usize::from(receiver.is_some());
        let offset = total - args.len();
        let mut values: Vec<Option<Expr>> = Vec::with_capacity(total);
        values.resize_with(total, || None);
        // Literals without elements fix no type parameter: they are matched when others have.
        let mut open: Vec<usize> = Vec::new();
        // What first bound each type parameter.
        let mut first = subst.clone();
        if let Some(r) = receiver {
            if is_open(&r) {
                open.push(0);
            } else {
                self.match_argument(slots, 0, &r, &mut subst, at);
            }
            values[0] = Some(r);
        }
        // Lambdas last, those of unknown types after the others: other arguments fix the type parameters
        // that their parameters mention.
        for turn in 0..3 {
            if turn == 2 && !open.is_empty() {
                self.match_open(slots, &std::mem::take(&mut open), &values, &mut subst, at);
            }
            for (i, arg) in args.iter().enumerate() {
                if turn != lambda_turn(arg) {
                    continue;
                }
                let slot = offset + i;
                let param = slots.param(slot);
                if param == Ty::ANY && !slots.builtin {
                    self.note_passed_as_any(arg);
                }
                let v = if slots.peeks {
                    self.container_expr(arg).0
                } else {
                    self.argument(slots, arg, param, &subst)
                };
                if turn == 0 && is_open(&v) {
                    open.push(slot);
                } else if v.ty != Ty::ERROR && self.match_argument(slots, slot, &v, &mut subst, at) {
                    self.check_argument_alias(arg, &v, param, &subst, at);
                }
                first.0.iter_mut().zip(&subst.0).for_each(|(f, b)| *f = f.or(*b));
                values[slot] = Some(v);
            }
        }
        self.keep_wanted(slots, &first, &mut subst);
        let mut out = Vec::with_capacity(total);
        for (i, v) in values.into_iter().enumerate() {
            let Some(v) = v else { continue };
            let param = slots.param(i);
            if slots.builtin && param == Ty::ANY {
                out.push(v);
                continue;
            }
            let closed = Subst(subst.all().into_iter().map(Some).collect());
            let to = closed.apply(&mut self.types, param);
            out.push(self.admit(v, to));
        }
        (out, subst)
    }

    /// Matches literals without elements with their parameters. The wanted type says more about the type
    /// parameters than the other arguments, unless these do not flow into it.
    fn match_open(
        &mut self,
        slots: &Slots,
        open: &[usize],
        values: &[Option<Expr>],
        subst: &mut Subst,
        at: Span,
    ) {
        let untyped = |v: &Option<Expr>| v.as_ref().is_some_and(|v| contains_any(&self.types, v.ty));
        let untyped = open.iter().any(|&slot| untyped(&values[slot]));
        match self.wanted(slots) {
            Some(wanted) => {
                for (have, want) in subst.0.iter_mut().zip(wanted.0) {
                    *have = match (*have, want) {
                        (Some(h), Some(w)) if !self.flows(h, w) => Some(Ty::ANY),
                        (h, w) => w.or(h),
                    };
                }
            }
            // `[] as list<int>` says what it is, `[]` does not.
            None if slots.fresh && untyped => subst.0.fill(Some(Ty::ANY)),
            None => {}
        }
        for &slot in open {
            if let Some(v) = &values[slot] {
                self.match_argument(slots, slot, v, subst, at);
            }
        }
    }

    /// What the wanted type says about the type parameters.
    fn wanted(&mut self, slots: &Slots) -> Option<Subst> {
        let (result, want) = slots.wanted?;
        let mut wanted = Subst::new(slots.generics.len());
        wanted.unify(&mut self.types, result, want).then_some(wanted)
    }

    /// `xs = append(xs, a)`: where the first value has the type that is wanted, one of type `any` becomes that
    /// at once, so that nothing is copied on the way.
    fn keep_wanted(&mut self, slots: &Slots, first: &Subst, subst: &mut Subst) {
        if first.0 == subst.0 {
            return;
        }
        let Some(wanted) = self.wanted(slots) else { return };
        for ((have, first), want) in subst.0.iter_mut().zip(&first.0).zip(wanted.0) {
            if let (Some(h), Some(w)) = (*have, want)
                && *first == want
                && passes(&self.types, h, w)
            {
                *have = want;
            }
        }
    }

    fn argument(&mut self, slots: &Slots, arg: &'a ast::Expr, param: Ty, subst: &Subst) -> Expr {
        if !contains_param(&self.types, param) || subst.0.is_empty() {
            return self.expect_expr(arg, param);
        }
        let hint = if matches!(arg.kind, ExprKind::Lambda(_)) {
            let open = Subst(subst.0.iter().map(|b| Some(b.unwrap_or(Ty::ERROR))).collect());
            Some(open.apply(&mut self.types, param))
        } else {
            let known = subst.apply(&mut self.types, param);
            let wanted = match &arg.kind {
                ExprKind::Call { .. } => self.wanted(slots),
                _ => None,
            };
            match wanted {
                _ if !contains_param(&self.types, known) => return self.meeting(arg, known),
                Some(wanted) => {
                    let known = wanted.apply(&mut self.types, param);
                    (!contains_param(&self.types, known)).then_some(known)
                }
                None => None,
            }
        };
        self.expr(arg, hint)
    }

    /// Matches an argument with its parameter; reports T007 or T047.
    fn match_argument(&mut self, slots: &Slots, slot: usize, v: &Expr, subst: &mut Subst, at: Span) -> bool {
        if v.ty == Ty::ERROR {
            return false;
        }
        let param = slots.param(slot);
        let expected = subst.apply(&mut self.types, param);
        let generic = !slots.generics.is_empty() && contains_param(&self.types, param);
        let mut next = subst.clone();
        // A none, or a literal without elements, meets whatever the others are.
        let says = !(is_open(v) || is_bare_none(&self.types, v));
        let unify = if says { Subst::unify_value } else { Subst::unify };
        if generic && unify(&mut next, &mut self.types, param, v.ty) {
            *subst = next;
            return true;
        }
        if self.compatible(v.ty, expected) {
            if generic && says {
                subst.meet(&mut self.types, param, v.ty);
            }
            return true;
        }
        match first_param(&self.types, param) {
            Some(name) if generic => {
                let (expected, got) = (self.show(expected), self.show(v.ty));
                self.error(Code::T047, at, &[&name, &expected, &got]);
            }
            _ => {
                let (expected, got) = (self.show(expected), self.show(v.ty));
                self.error(Code::T007, at, &[&(slot + 1), &expected, &got]);
            }
        }
        false
    }

    /// T052: an argument that names storage of another element type than the parameter's.
    fn check_argument_alias(&mut self, arg: &ast::Expr, v: &Expr, param: Ty, subst: &Subst, at: Span) {
        let Some(label) = alias_label(arg) else { return };
        let to = subst.apply(&mut self.types, param);
        if is_aggregate(&self.types, v.ty) && is_aggregate(&self.types, to) && v.ty != to {
            let (from, to) = (self.show(v.ty), self.show(to));
            self.error(Code::T052, at, &[&label, &from, &to]);
        }
    }

    /// A builtin's row, by value.
    pub(super) fn row(&self, id: RowId) -> super::signature::Row {
        self.builtins.row(id).clone()
    }
}

/// When an argument is checked: lambdas that say the types of their parameters after other arguments, then the rest.
fn lambda_turn(arg: &ast::Expr) -> u32 {
    match &arg.kind {
        ExprKind::Lambda(f) if f.params.iter().all(|p| p.ty.is_some()) => 1,
        ExprKind::Lambda(_) => 2,
        _ => 0,
    }
}
