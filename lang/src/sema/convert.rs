//! Conversion nodes: how a value of one type becomes a value of another that it may flow into.
//!
//! Scalars and containers of one representation pass through `Coerce`; containers whose elements
//! are represented differently are copied by `Cast`; literals are retyped instead; functions are
//! wrapped in a closure that converts arguments and result, unless one of the types is `any`; structs of
//! different declarations (one of them inline) are rebuilt field by field.

use super::Checker;
use super::literal::is_open;
use super::meet::{ascends, passes};
use super::relations::{compatible, same_representation};
use super::scope::ResultMode;
use crate::ast::{BinOp, UnOp};
use crate::span::Span;
use crate::tree::{Arm, Expr, ExprKind, LocalId, Stmt, StmtKind, VarRef};
use crate::types::{StructId, Ty, TyKind};

impl<'a> Checker<'a> {
    /// Stands for an expression that was reported.
    pub(super) fn error_expr(&self, span: Span) -> Expr {
        Expr { kind: ExprKind::None, ty: Ty::ERROR, span }
    }

    /// `compatible` over the program's types.
    pub(super) fn compatible(&self, a: Ty, b: Ty) -> bool {
        compatible(&self.types, a, b)
    }

    /// Whether the value can be converted to type `to` as part of a literal.
    fn fits(&self, e: &Expr, to: Ty) -> bool {
        matches!(e.kind, ExprKind::None) || is_open(e) || passes(&self.types, e.ty, to)
    }

    /// The value as a value of type `to`, to which it [ascends](super::meet::ascends), or which is checked where
    /// it is `any`.
    pub(super) fn coerce(&mut self, mut e: Expr, to: Ty) -> Expr {
        let from = e.ty;
        if from == to || from == Ty::ERROR || to == Ty::ERROR {
            return e;
        }
        let span = e.span;
        let (fk, tk) = (self.types.kind(from).clone(), self.types.kind(to).clone());
        match (&e.kind, &tk) {
            (ExprKind::None, _) => {
                e.ty = to;
                return e;
            }
            // What is stored into it later need not be of the type that its elements have.
            (ExprKind::List(_), TyKind::Any) if fk != TyKind::List(Ty::ANY) => {
                let open = self.types.list(Ty::ANY);
                let list = self.coerce(e, open);
                return wrap(list, to);
            }
            (ExprKind::Map(_), TyKind::Any) if !matches!(fk, TyKind::Map(_, Ty::ANY)) => {
                let TyKind::Map(key, _) = fk else { unreachable!("the type of a map literal") };
                let open = self.types.map(key, Ty::ANY);
                let map = self.coerce(e, open);
                return wrap(map, to);
            }
            (ExprKind::List(items), TyKind::List(elem)) if items.iter().all(|x| self.fits(x, *elem)) => {
                let ExprKind::List(items) = e.kind else { unreachable!("matched above") };
                let elem = *elem;
                let items = items.into_iter().map(|x| self.coerce(x, elem)).collect();
                return Expr { kind: ExprKind::List(items), ty: to, span };
            }
            (ExprKind::Map(pairs), TyKind::Map(key, value))
                if pairs.iter().all(|(k, v)| self.fits(k, *key) && self.fits(v, *value)) =>
            {
                let ExprKind::Map(pairs) = e.kind else { unreachable!("matched above") };
                let (key, value) = (*key, *value);
                let pairs =
                    pairs.into_iter().map(|(k, v)| (self.coerce(k, key), self.coerce(v, value))).collect();
                return Expr { kind: ExprKind::Map(pairs), ty: to, span };
            }
            _ => {}
        }
        if to == Ty::ANY && from != Ty::UNIT && has_arms(&e) {
            return self.arms_as_any(e);
        }
        match (&fk, &tk) {
            (TyKind::Option(inner), TyKind::Option(outer))
                if !same_representation(&self.types, *inner, *outer) =>
            {
                self.coerce_option(e, *inner, *outer, to)
            }
            (_, TyKind::Option(inner)) if fk != TyKind::Any && !matches!(fk, TyKind::Option(_)) => {
                let e = self.coerce(e, *inner);
                wrap(e, to)
            }
            (TyKind::Any, _) | (_, TyKind::Any) => wrap(e, to),
            (TyKind::Fun(..), TyKind::Fun(q, s)) => {
                if same_representation(&self.types, from, to) {
                    wrap(e, to)
                } else {
                    self.wrap_function(e, (q.clone(), *s), to)
                }
            }
            (TyKind::Variadic(..), _) | (_, TyKind::Variadic(..)) => wrap(e, to),
            (TyKind::Struct(a), TyKind::Struct(b)) => {
                let (a, b) = (*a, *b);
                self.rebuild_struct(e, a, b, to)
            }
            _ if same_representation(&self.types, from, to) => wrap(e, to),
            (TyKind::List(_), TyKind::List(_)) | (TyKind::Map(..), TyKind::Map(..)) => {
                if ascends(&self.types, from, to) { cast(e, to) } else { wrap(wrap(e, Ty::ANY), to) }
            }
            _ => wrap(e, to),
        }
    }

    /// An expression with arms as `any`: each of its values becomes that where it is made.
    fn arms_as_any(&mut self, e: Expr) -> Expr {
        let kind = match e.kind {
            ExprKind::If { cond, then, otherwise } => ExprKind::If {
                cond,
                then: Box::new(self.coerce(*then, Ty::ANY)),
                otherwise: Box::new(self.coerce(*otherwise, Ty::ANY)),
            },
            ExprKind::Match { value, arms } => {
                let arm = |a: Arm| Arm { result: self.coerce(a.result, Ty::ANY), ..a };
                ExprKind::Match { value, arms: arms.into_iter().map(arm).collect() }
            }
            ExprKind::Block { body, value } => {
                ExprKind::Block { body, value: value.map(|v| Box::new(self.coerce(*v, Ty::ANY))) }
            }
            other => other,
        };
        Expr { kind, ty: Ty::ANY, span: e.span }
    }

    /// `x == none ? none : x` between options of different representations.
    fn coerce_option(&mut self, e: Expr, inner: Ty, outer: Ty, to: Ty) -> Expr {
        let span = e.span;
        let from = e.ty;
        let tmp = self.new_local("", from, span);
        let read = || Expr { kind: ExprKind::Var(VarRef::Local(tmp)), ty: from, span };
        let test = ExprKind::Binary {
            op: BinOp::Eq,
            left: Box::new(read()),
            right: Box::new(Expr { kind: ExprKind::None, ty: from, span }),
        };
        let some = wrap(read(), inner);
        let some = self.coerce(some, outer);
        let choice = ExprKind::If {
            cond: Box::new(Expr { kind: test, ty: Ty::BOOL, span }),
            then: Box::new(Expr { kind: ExprKind::None, ty: to, span }),
            otherwise: Box::new(wrap(some, to)),
        };
        self.let_in(tmp, e, Expr { kind: choice, ty: to, span })
    }

    /// `let tmp = value` before an expression.
    pub(super) fn let_in(&self, tmp: LocalId, value: Expr, rest: Expr) -> Expr {
        let span = value.span;
        let bind = Stmt { kind: StmtKind::Let { var: VarRef::Local(tmp), value: Some(value) }, span };
        let (ty, span) = (rest.ty, rest.span);
        Expr { kind: ExprKind::Block { body: vec![bind], value: Some(Box::new(rest)) }, ty, span }
    }

    /// A closure of type `to` that calls `e` with converted arguments, all at once or in turns as its type
    /// wants (section 3.3: functions are curried).
    fn wrap_function(&mut self, e: Expr, target: (Vec<Ty>, Ty), to: Ty) -> Expr {
        let span = e.span;
        let callee_ty = e.ty;
        let tmp = self.new_local("", callee_ty, span);
        let (params, result) = target;
        let depth = self.depth();
        let (id, inputs) = self.begin_synthetic(&params, result, span);
        let inner = self.reach(depth, tmp);
        let mut callee = Expr { kind: ExprKind::Var(VarRef::Local(inner)), ty: callee_ty, span };
        let mut inputs = inputs.into_iter();
        while let TyKind::Fun(wanted, result) = self.types.kind(callee.ty).clone() {
            let args: Vec<Expr> = inputs
                .by_ref()
                .take(wanted.len())
                .zip(&wanted)
                .map(|(x, want)| self.admit(x, *want))
                .collect();
            if args.len() < wanted.len() {
                let rest = wanted[args.len()..].to_vec();
                callee = self.partial(callee, args, rest, result, span);
                break;
            }
            callee = Expr { kind: ExprKind::CallValue { callee: Box::new(callee), args }, ty: result, span };
            if inputs.len() == 0 {
                break;
            }
        }
        self.end_synthetic(id, callee, result);
        self.let_in(tmp, e, Expr { kind: ExprKind::Closure(id), ty: to, span })
    }

    /// Enters a closure made by the checker; its parameters are returned as expressions.
    pub(super) fn begin_synthetic(
        &mut self,
        params: &[Ty],
        result: Ty,
        span: Span,
    ) -> (crate::tree::FuncId, Vec<Expr>) {
        self.lambdas += 1;
        let name = format!("fn{}", self.lambdas);
        let id = self.new_function(&name, span);
        let parent = self.cur().id;
        self.push_ctx(id, ResultMode::Declared(result), Some(parent), None);
        self.push_scope();
        let inputs = params
            .iter()
            .map(|ty| {
                let local = self.new_local("", *ty, span);
                self.functions[id.0 as usize].params.push(local);
                Expr { kind: ExprKind::Var(VarRef::Local(local)), ty: *ty, span }
            })
            .collect();
        (id, inputs)
    }

    /// Completes it: the body returns `value`, converted to the result type.
    pub(super) fn end_synthetic(&mut self, id: crate::tree::FuncId, value: Expr, result: Ty) {
        let span = value.span;
        let value = self.admit(value, result);
        self.pop_scope();
        let ctx = self.pop_ctx();
        let f = &mut self.functions[id.0 as usize];
        f.locals = ctx.locals;
        f.captures = ctx.captures;
        f.result = result;
        f.body = vec![Stmt { kind: StmtKind::Return(Some(value)), span }];
    }

    fn rebuild_struct(&mut self, e: Expr, a: StructId, b: StructId, to: Ty) -> Expr {
        let span = e.span;
        let from = e.ty;
        let tmp = self.new_local("", from, span);
        let source = self.types.struct_def(a).fields.clone();
        let target = self.types.struct_def(b).fields.clone();
        let mut fields = Vec::new();
        for (i, (name, want)) in target.iter().enumerate() {
            let Some(at) = source.position(name) else { continue };
            let base = Box::new(Expr { kind: ExprKind::Var(VarRef::Local(tmp)), ty: from, span });
            let value = Expr { kind: ExprKind::Field { base, field: at as u32 }, ty: source[at].1, span };
            fields.push((i as u32, self.admit(value, *want)));
        }
        self.let_in(tmp, e, Expr { kind: ExprKind::Struct { id: b, fields }, ty: to, span })
    }

    /// A condition: `any` is tested for truth, anything else is a bool by now.
    pub(super) fn truth(&self, e: Expr) -> Expr {
        if e.ty != Ty::ANY {
            return e;
        }
        let span = e.span;
        let not = |e: Expr| Expr {
            kind: ExprKind::Unary { op: UnOp::Not, operand: Box::new(e) },
            ty: Ty::BOOL,
            span,
        };
        not(not(e))
    }
}

/// Whether the value of an expression is that of a part of it.
fn has_arms(e: &Expr) -> bool {
    matches!(e.kind, ExprKind::If { .. } | ExprKind::Match { .. } | ExprKind::Block { value: Some(_), .. })
}

/// A `Coerce` node.
pub(super) fn wrap(e: Expr, ty: Ty) -> Expr {
    let span = e.span;
    Expr { kind: ExprKind::Coerce { value: Box::new(e) }, ty, span }
}

/// A `Cast` node: of a cast of the program, or for what is checked or copied like one.
pub(super) fn cast(e: Expr, ty: Ty) -> Expr {
    let span = e.span;
    Expr { kind: ExprKind::Cast { value: Box::new(e) }, ty, span }
}
