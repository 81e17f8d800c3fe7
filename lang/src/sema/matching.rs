//! `match`: patterns, redundancy (T054), exhaustiveness over unions (T050), result types.

use super::Checker;
use super::flow::leaves_by;
use super::meet::is_bare_none;
use super::narrow::is_none_literal;
use super::relations::{compared_by_value, name_list};
use super::scope::Origin;
use super::scope::View;
use crate::ast::{self, ExprKind, UnOp};
use crate::diag::Code;
use crate::span::Span;
use crate::tree::{Arm, Expr, ExprKind as T, Pattern, Stmt, StmtKind as S};
use crate::types::{StructId, Ty, TyKind, UnionId};
use std::collections::HashSet;

/// What the arms have covered so far.
#[derive(Default)]
struct Coverage {
    /// Variants that some arm names: exhaustiveness looks at these.
    named: HashSet<StructId>,
    /// Variants that an arm matches whatever their fields hold.
    whole: HashSet<StructId>,
    literals: HashSet<String>,
    all: bool,
}

impl<'a> Checker<'a> {
    /// A match; `statement` when its value is not used.
    pub(super) fn match_expr(
        &mut self,
        value: &'a ast::Expr,
        arms: &'a [ast::Arm],
        want: Option<Ty>,
        span: Span,
        statement: bool,
    ) -> Expr {
        let mut target = self.expr(value, None);
        if let TyKind::Struct(id) = *self.types.kind(target.ty)
            && let Some(u) = self.types.struct_def(id).union
        {
            let whole = self.union_type(u);
            target = self.coerce(target, whole);
        }
        let scrutinee = match &value.kind {
            ExprKind::Name(n) => self.lookup_var(&n.name).map(|(v, _)| v.key),
            _ => None,
        };
        let inner = match *self.types.kind(target.ty) {
            TyKind::Option(t) => Some(t),
            _ => None,
        };
        let mut coverage = Coverage::default();
        let mut ends = Vec::new();
        let mut result: Option<Ty> = None;
        let mut checked: Vec<Arm> = Vec::new();
        // Those whose results take part in the type of the match.
        let mut counted: Vec<usize> = Vec::new();
        for arm in arms {
            let at = arm.pattern.span;
            if coverage.all {
                self.error(Code::T054, at, &[&"arm after catch-all is unreachable"]);
            }
            let ((pattern, (made, counts)), end) = self.arm(|c| {
                let pattern = c.pattern(&arm.pattern, target.ty, at, Some(&mut coverage));
                if let (Some(key), Some(ty)) = (scrutinee, inner)
                    && !is_none_literal(&arm.pattern)
                {
                    c.set_view(key, View { ty, origin: Origin::Test });
                }
                (pattern, c.arm_result(&arm.result, want, statement))
            });
            ends.extend((!leaves_by(&made)).then_some(end));
            // None says only that the whole may be missing.
            if counts && made.ty != Ty::ERROR && !is_bare_none(&self.types, &made) {
                result = Some(match result {
                    None => made.ty,
                    Some(first) if statement || want == Some(Ty::ANY) || self.compatible(first, made.ty) => {
                        self.common_type(first, made.ty)
                    }
                    Some(first) => {
                        self.type_error(Code::T008, at, &[first, made.ty]);
                        first
                    }
                });
            }
            if counts && made.ty != Ty::ERROR {
                counted.push(checked.len());
            }
            checked.push(Arm { pattern, result: made });
        }
        self.join_arms(&ends, coverage.all);
        self.check_exhaustive(target.ty, &coverage, span);
        let ty = match want {
            Some(Ty::ANY) => self.alike(counted.iter().map(|k| checked[*k].result.ty)),
            Some(w) => w,
            None if statement || counted.is_empty() => Ty::UNIT,
            None => self.met(counted.iter().map(|k| &checked[*k].result)),
        };
        let arms = checked
            .into_iter()
            .map(|a| {
                let result = self.as_arm(a.result, ty);
                Arm { pattern: a.pattern, result }
            })
            .collect();
        if target.ty == Ty::ERROR {
            return Expr { ty, ..self.error_expr(span) };
        }
        Expr { kind: T::Match { value: Box::new(target), arms }, ty, span }
    }

    /// An arm's result; whether it takes part in the type of the match.
    fn arm_result(&mut self, result: &'a ast::Expr, want: Option<Ty>, statement: bool) -> (Expr, bool) {
        if let ExprKind::Block(b) = &result.kind {
            self.cur().statement_arm += u32::from(statement);
            let value = self.block_expr(b, want, statement || want == Some(Ty::UNIT));
            self.cur().statement_arm -= u32::from(statement);
            let counts = !statement && value.ty != Ty::UNIT && !leaves_by(&value);
            return (value, counts);
        }
        match want {
            Some(w) => {
                let v = self.expect_expr(result, w);
                let counts = w != Ty::ANY || !leaves_by(&v);
                (if w == Ty::UNIT { v } else { self.placed(v, w) }, counts)
            }
            None if statement => (self.statement_expr(result), false),
            None => {
                let v = self.expr(result, None);
                let counts = !leaves_by(&v);
                (v, counts)
            }
        }
    }

    /// The result of a way as the type of the whole: one that never ends, or has no value, gives none.
    pub(super) fn as_arm(&mut self, result: Expr, ty: Ty) -> Expr {
        if result.ty == ty || result.ty == Ty::ERROR {
            return result;
        }
        let span = result.span;
        if ty == Ty::UNIT {
            let body = vec![Stmt { span, kind: S::Expr(result) }];
            return Expr { kind: T::Block { body, value: None }, ty, span };
        }
        if result.ty == Ty::UNIT || leaves_by(&result) {
            let body = vec![Stmt { span, kind: S::Expr(result) }];
            let value = Some(Box::new(Expr { kind: T::None, ty, span }));
            return Expr { kind: T::Block { body, value }, ty, span };
        }
        self.coerce(result, ty)
    }

    fn check_exhaustive(&mut self, target: Ty, coverage: &Coverage, span: Span) {
        let TyKind::Union(u) = *self.types.kind(target) else { return };
        if coverage.all {
            return;
        }
        let def = self.types.union_def(u).clone();
        let missing: Vec<String> = def
            .variants
            .iter()
            .filter(|v| !coverage.named.contains(v))
            .map(|v| self.types.struct_def(*v).name.clone())
            .collect();
        if !missing.is_empty() {
            self.error(Code::T050, span, &[&def.name, &name_list(&missing)]);
        }
    }

    /// A pattern against a type; `coverage` is that of the match for patterns of whole arms.
    fn pattern(&mut self, p: &'a ast::Expr, ty: Ty, at: Span, coverage: Option<&mut Coverage>) -> Pattern {
        match &p.kind {
            ExprKind::Paren(inner) => self.pattern(inner, ty, at, coverage),
            ExprKind::Name(n) if n.name == "_" => {
                if let Some(c) = coverage {
                    c.all = true;
                }
                Pattern::Wildcard
            }
            ExprKind::Call { callee, args } => {
                if let ExprKind::Name(n) = &callee.kind {
                    if let Some(&(union, sid)) = self.variants.get(&n.name) {
                        return self.variant_pattern((union, sid), args, ty, at, coverage);
                    }
                    self.error(Code::T003, p.span, &[&n.name]);
                } else {
                    self.error(Code::P063, p.span, &[]);
                }
                Pattern::Wildcard
            }
            ExprKind::Name(n) if self.variants.contains_key(&n.name) => {
                let (union, sid) = self.variants[&n.name];
                self.variant_name(union, sid, ty, at, coverage)
            }
            _ if is_none_literal(p) => {
                if !matches!(self.types.kind(ty), TyKind::Option(_) | TyKind::Any | TyKind::Error) {
                    let none = self.types.option(Ty::ANY);
                    self.type_error(Code::T008, at, &[ty, none]);
                }
                self.note_literal("none", at, coverage);
                Pattern::None
            }
            ExprKind::Name(n) => self.name_pattern(n, ty, at, coverage),
            _ => self.literal_pattern(p, ty, at, coverage),
        }
    }

    /// A name that is no variant: a variable to compare with, else a new name for the value; as a
    /// sub-pattern always that.
    fn name_pattern(
        &mut self,
        n: &'a ast::Ident,
        ty: Ty,
        at: Span,
        coverage: Option<&mut Coverage>,
    ) -> Pattern {
        let known = if coverage.is_some() { self.lookup_var(&n.name) } else { None };
        let Some((var, _)) = known else {
            if let Some(c) = coverage {
                c.all = true;
            }
            return Pattern::Bind(self.declare_local(&n.name, ty, true, n.span));
        };
        let v = self.read_declared(&var, n.span);
        if !self.compatible(ty, v.ty) {
            self.type_error(Code::T008, at, &[ty, v.ty]);
            return Pattern::Wildcard;
        }
        Pattern::Literal(self.compared_pattern(v, ty))
    }

    /// A value that a match compares with values of a type: as what both can be.
    fn compared_pattern(&mut self, v: Expr, ty: Ty) -> Expr {
        let of = match *self.types.kind(ty) {
            TyKind::Option(inner) if !matches!(self.types.kind(v.ty), TyKind::Option(_)) => inner,
            _ => ty,
        };
        let kept = compared_by_value(&self.types, v.ty, of);
        let common = if kept { Ty::ANY } else { self.common_type(v.ty, of) };
        self.coerce(v, common)
    }

    fn literal_pattern(
        &mut self,
        p: &'a ast::Expr,
        ty: Ty,
        at: Span,
        coverage: Option<&mut Coverage>,
    ) -> Pattern {
        let key = match &p.kind {
            ExprKind::Int(v) => Some(format!("int:{v}")),
            ExprKind::Float(v) => Some(format!("float:{v}")),
            ExprKind::Str(v) => Some(format!("str:{v:?}")),
            ExprKind::Bool(v) => Some(format!("bool:{v}")),
            ExprKind::Unary { op: UnOp::Neg, .. } => None,
            _ => None,
        };
        let v = self.expr(p, None);
        if v.ty == Ty::ERROR {
            return Pattern::Wildcard;
        }
        if !self.compatible(ty, v.ty) {
            self.type_error(Code::T008, at, &[ty, v.ty]);
            return Pattern::Wildcard;
        }
        if let Some(k) = key {
            self.note_literal(&k, at, coverage);
        }
        Pattern::Literal(self.compared_pattern(v, ty))
    }

    fn note_literal(&mut self, key: &str, at: Span, coverage: Option<&mut Coverage>) {
        if let Some(c) = coverage
            && !c.literals.insert(key.to_string())
        {
            self.error(Code::T054, at, &[&"duplicate literal pattern"]);
        }
    }

    /// Whether a variant can occur among values of a type; reports when not.
    fn variant_fits(&mut self, union: UnionId, sid: StructId, ty: Ty, at: Span) -> bool {
        let fits = match *self.types.kind(ty) {
            TyKind::Union(u) => u == union,
            TyKind::Struct(s) => s == sid,
            TyKind::Any | TyKind::Error => true,
            _ => false,
        };
        if !fits {
            let own = self.struct_type(sid);
            self.type_error(Code::T008, at, &[ty, own]);
        }
        fits
    }

    fn cover(&mut self, sid: StructId, at: Span, coverage: Option<&mut Coverage>, whole: bool) {
        let Some(c) = coverage else { return };
        c.named.insert(sid);
        if c.whole.contains(&sid) {
            let reason = format!("duplicate variant `{}`", self.types.struct_def(sid).name);
            self.error(Code::T054, at, &[&reason]);
        } else if whole {
            c.whole.insert(sid);
        }
    }

    fn variant_name(
        &mut self,
        union: UnionId,
        sid: StructId,
        ty: Ty,
        at: Span,
        coverage: Option<&mut Coverage>,
    ) -> Pattern {
        if !self.variant_fits(union, sid, ty, at) {
            return Pattern::Wildcard;
        }
        self.cover(sid, at, coverage, true);
        let fields = self.types.struct_def(sid).fields.iter().map(|_| Pattern::Wildcard).collect();
        Pattern::Variant { id: sid, fields }
    }

    fn variant_pattern(
        &mut self,
        variant: (UnionId, StructId),
        args: &'a [ast::Expr],
        ty: Ty,
        at: Span,
        coverage: Option<&mut Coverage>,
    ) -> Pattern {
        let (union, sid) = variant;
        let declared = self.types.struct_def(sid).fields.clone();
        if args.len() != declared.len() {
            let own = self.struct_type(sid);
            self.type_error(Code::T008, at, &[ty, own]);
            for a in args {
                if let ExprKind::Name(n) = &a.kind {
                    self.declare_local(&n.name, Ty::ERROR, true, n.span);
                }
            }
            self.cover(sid, at, coverage, true);
            return Pattern::Wildcard;
        }
        let fits = self.variant_fits(union, sid, ty, at);
        let mut fields = Vec::new();
        for (a, (_, field)) in args.iter().zip(declared.iter()) {
            fields.push(self.pattern(a, if fits { *field } else { Ty::ERROR }, a.span, None));
        }
        let whole = fields.iter().all(irrefutable);
        self.cover(sid, at, coverage, whole);
        Pattern::Variant { id: sid, fields }
    }
}

/// Whether a pattern matches everything.
fn irrefutable(p: &Pattern) -> bool {
    matches!(p, Pattern::Wildcard | Pattern::Bind(_))
}
