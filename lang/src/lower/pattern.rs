//! `match`: arms are tried in order; a pattern is a chain of tests that leads to the arm's result
//! or to the next arm.

use super::func::Fx;
use super::repr::Repr;
use crate::tree::{Arm, Expr, Pattern, VarRef};
use crate::types::{StructId, Ty, TyKind};
use mochi_ir::{Block, Op, Type, Value};
use std::collections::HashSet;

/// What earlier tests say about a value.
#[derive(Clone, Copy, Default)]
struct Known {
    /// It is not none.
    some: bool,
    /// It is of the variant.
    sure: bool,
}

impl<'a> Fx<'_, 'a> {
    /// A match expression; the value is meaningless when it is not `used`.
    pub(crate) fn match_expr(&mut self, e: &'a Expr, value: &'a Expr, arms: &'a [Arm], used: bool) -> Value {
        let (value_ty, ty) = (self.ty(value.ty), self.ty(e.ty));
        let repr = self.lw.types.repr(ty);
        let v = self.expr(value);
        let join = self.b.new_block();
        let result = self.b.declare_var(repr.ir());
        let last_is_sure = self.covers_union(value_ty, arms);
        // None, which no variant takes, goes to the next arm of another kind.
        let mut nones = None;
        for (k, arm) in arms.iter().enumerate() {
            let fail = self.b.new_block();
            self.at(arm.result.span);
            let sure = last_is_sure && k + 1 == arms.len();
            match &arm.pattern {
                Pattern::Variant { .. } if value_ty != Ty::ANY => {
                    if nones.is_none() && self.lw.may_be_none(value_ty) {
                        let to = self.b.new_block();
                        self.check_some(v, to);
                        nones = Some(to);
                    }
                }
                _ => self.meet(nones.take()),
            }
            self.test(&arm.pattern, v, value_ty, fail, Known { some: nones.is_some(), sure });
            let r = if used {
                self.expr_as(&arm.result, ty)
            } else {
                self.effect(&arm.result);
                self.none(repr)
            };
            self.b.def_var(result, r);
            self.jump(join);
            self.enter(fail);
        }
        self.meet(nones);
        let none = self.none(repr);
        self.b.def_var(result, none);
        self.jump(join);
        self.enter(join);
        self.b.use_var(result)
    }

    /// Goes on in a block that others jump to as well.
    fn meet(&mut self, block: Option<Block>) {
        if let Some(block) = block {
            self.jump(block);
            self.enter(block);
        }
    }

    /// Goes on when a reference is not none.
    fn check_some(&mut self, v: Value, none: Block) {
        let is_none = self.is_none(Repr::Ref, v);
        let some = self.flip(is_none);
        self.check(some, none);
    }

    /// Whether the arms name every variant of a union with patterns that always match it, so that
    /// the last arm needs no test.
    fn covers_union(&self, ty: Ty, arms: &[Arm]) -> bool {
        let TyKind::Union(u) = self.lw.types.kind(ty) else { return false };
        let simple = |p: &Pattern| matches!(p, Pattern::Bind(_) | Pattern::Wildcard);
        let mut seen: HashSet<StructId> = HashSet::new();
        for arm in arms {
            match &arm.pattern {
                Pattern::Variant { id, fields } if fields.iter().all(simple) => {
                    seen.insert(*id);
                }
                _ => return false,
            }
        }
        self.lw.types.types.union_def(*u).variants.iter().all(|v| seen.contains(v))
    }

    /// Tests a value of a resolved type; goes on when it matches, to `fail` otherwise.
    fn test(&mut self, pattern: &'a Pattern, v: Value, ty: Ty, fail: Block, known: Known) {
        match pattern {
            Pattern::Wildcard => {}
            Pattern::Bind(local) => {
                let want = self.var_ty(VarRef::Local(*local));
                let bound = self.convert(v, ty, want);
                self.bind_part(VarRef::Local(*local), want, bound);
            }
            Pattern::None => {
                let repr = self.lw.types.repr(ty);
                let none = self.is_none(repr, v);
                self.check(none, fail);
            }
            Pattern::Literal(e) => self.test_literal(e, v, ty, fail),
            Pattern::Variant { id, fields } => {
                let mut object = v;
                if ty == Ty::ANY {
                    object = self.object_in_any(v, fail);
                } else if !known.some && self.lw.may_be_none(ty) {
                    self.check_some(v, fail);
                }
                if !known.sure {
                    let is = self.is_variant(object, *id);
                    self.check(is, fail);
                }
                let layout = self.lw.layout(*id);
                let types = &layout.types;
                for (k, field) in fields.iter().enumerate() {
                    if matches!(field, Pattern::Wildcard) {
                        continue;
                    }
                    let repr = self.lw.types.repr(types[k]);
                    let region = self.lw.field_region(*id, k as u32);
                    let part = self.load_slot(repr, object, i64::from(layout.offsets[k]), region);
                    self.test(field, part, types[k], fail, Known::default());
                }
            }
        }
    }

    /// The object that an `any` refers to; goes on when it refers to one.
    fn object_in_any(&mut self, v: Value, fail: Block) -> Value {
        let one = self.b.iconst(1);
        let odd = self.b.bin(Op::And, v, one);
        self.check(odd, fail);
        let none = self.is_none(Repr::Any, v);
        let some = self.flip(none);
        self.check(some, fail);
        self.b.op(Op::Sub, &[v, one], Type::Ref)
    }

    /// Goes on when the condition holds.
    fn check(&mut self, cond: Value, fail: Block) {
        let ok = self.b.new_block();
        self.brif(cond, ok, fail);
        self.enter(ok);
    }

    fn test_literal(&mut self, e: &'a Expr, v: Value, ty: Ty, fail: Block) {
        let mut v = v;
        let mut of = ty;
        let literal_ty = self.ty(e.ty);
        if let TyKind::Option(inner) = *self.lw.types.kind(ty)
            && !self.lw.types.is_option(literal_ty)
        {
            let repr = self.lw.types.repr(inner);
            let none = self.is_none(repr, v);
            let some = self.flip(none);
            self.check(some, fail);
            of = inner;
        }
        let literal = self.expr(e);
        v = self.convert(v, of, literal_ty);
        let same = self.equal(false, literal_ty, v, literal);
        self.check(same, fail);
    }
}
