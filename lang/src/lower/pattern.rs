//! `match`: arms are tried in order; a pattern is a chain of tests that leads to the arm's result
//! or to the next arm.
//!
//! Where many arms in a row ask which variant a value of a union is, or which small int, one branch
//! finds those that may match ([`Choice`]). Which of them does is then asked in order, as ever.

use super::func::Fx;
use super::ops::{const_int, strip_coerce};
use super::repr::Repr;
use crate::tree::{Arm, Expr, Pattern, VarRef};
use crate::types::{StructId, Ty, TyKind};
use mochi_ir::builder::Var;
use mochi_ir::hash::FastMap;
use mochi_ir::{Block, Op, Type, Value};
use std::collections::HashSet;
use std::ops::Range;

/// Different cases from which on one branch is made for arms in a row. Fewer tests one after another are as
/// fast where a processor foresees them, and otherwise they are known earlier than where a table leads
/// (measured on loops over and trees of values of 5 to 64 variants).
const ENOUGH: usize = 30;

/// What earlier tests say about a value.
#[derive(Clone, Copy, Default)]
struct Known {
    /// It is not none.
    some: bool,
    /// It is of the variant, or the int.
    sure: bool,
}

/// A match that is lowered.
#[derive(Clone, Copy)]
struct Match {
    value: Value,
    value_ty: Ty,
    ty: Ty,
    /// The value of the match is wanted.
    used: bool,
    result: Var,
    join: Block,
}

/// What an arm asks first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    /// The variant of a value that is no `any`.
    Variant,
    /// The word of a small int.
    Int,
    Other,
}

/// Arms in a row that ask the same first.
struct Run {
    question: Question,
    arms: Range<usize>,
    /// The word that each of them asks for, when one branch is to find it.
    cases: Option<Vec<i64>>,
}

/// One case of a branch and the arms that may match in it, in order.
struct Choice {
    case: i64,
    arms: Vec<usize>,
}

impl<'a> Fx<'_, 'a> {
    /// A match expression; the value is meaningless when it is not `used`.
    pub(crate) fn match_expr(&mut self, e: &'a Expr, value: &'a Expr, arms: &'a [Arm], used: bool) -> Value {
        let (value_ty, ty) = (self.ty(value.ty), self.ty(e.ty));
        let repr = self.lw.types.repr(ty);
        let value = self.expr(value);
        let join = self.b.new_block();
        let result = self.b.declare_var(repr.ir());
        let m = Match { value, value_ty, ty, used, result, join };
        for run in self.runs(value_ty, arms) {
            match &run.cases {
                Some(cases) => self.choose_arm(m, arms, &run, cases),
                None => self.try_arms(m, arms, &run),
            }
        }
        let none = self.none(repr);
        self.b.def_var(result, none);
        self.jump(join);
        self.enter(join);
        self.b.use_var(result)
    }

    /// The arms of a match as runs.
    fn runs(&mut self, value_ty: Ty, arms: &'a [Arm]) -> Vec<Run> {
        let numbers = self.variant_numbers(value_ty);
        let is_int = self.lw.types.strip(value_ty) == Ty::INT;
        let mut runs: Vec<Run> = Vec::new();
        for (k, arm) in arms.iter().enumerate() {
            let (question, case) = match &arm.pattern {
                Pattern::Variant { id, .. } if value_ty != Ty::ANY => {
                    (Question::Variant, numbers.get(id).copied())
                }
                Pattern::Literal(e) if is_int => match self.int_case(e) {
                    Some(word) => (Question::Int, Some(word)),
                    None => (Question::Other, None),
                },
                _ => (Question::Other, None),
            };
            match runs.last_mut() {
                Some(run) if run.question == question => {
                    run.arms.end = k + 1;
                    run.cases = run.cases.take().zip(case).map(|(mut cases, case)| {
                        cases.push(case);
                        cases
                    });
                }
                _ => runs.push(Run { question, arms: k..k + 1, cases: case.map(|case| vec![case]) }),
            }
        }
        for run in &mut runs {
            let different = |cases: &Vec<i64>| cases.iter().collect::<HashSet<_>>().len();
            run.cases = run.cases.take().filter(|cases| different(cases) >= ENOUGH);
        }
        runs
    }

    /// The numbers that the descriptors of a union's variants have.
    fn variant_numbers(&self, ty: Ty) -> FastMap<StructId, i64> {
        let TyKind::Union(u) = *self.lw.types.kind(ty) else { return FastMap::default() };
        self.lw.types.types.union_def(u).variants.iter().copied().zip(0..).collect()
    }

    /// The word of a literal that is a small int: ints equal to it have the same word, none has another.
    fn int_case(&mut self, e: &'a Expr) -> Option<i64> {
        let constant = strip_coerce(e);
        let int = self.ty(e.ty) == Ty::INT && self.ty(constant.ty) == Ty::INT;
        const_int(constant).filter(|_| int).map(|v| v * 2)
    }

    /// Tries the arms of a run one after another.
    fn try_arms(&mut self, m: Match, arms: &'a [Arm], run: &Run) {
        let last_is_sure = run.arms.end == arms.len() && self.covers_union(m.value_ty, arms);
        // None, which no variant takes, goes to the arms behind the run.
        let mut nones = None;
        for k in run.arms.clone() {
            let (arm, fail) = (&arms[k], self.b.new_block());
            self.at(arm.result.span);
            if run.question == Question::Variant && nones.is_none() && self.lw.may_be_none(m.value_ty) {
                let to = self.b.new_block();
                self.check_some(m.value, to);
                nones = Some(to);
            }
            let sure = last_is_sure && k + 1 == arms.len();
            self.try_arm(m, arm, fail, Known { some: nones.is_some(), sure });
        }
        if let Some(block) = nones {
            self.jump(block);
            self.enter(block);
        }
    }

    /// Finds the arms of a run that may match by one branch, and tries these.
    fn choose_arm(&mut self, m: Match, arms: &'a [Arm], run: &Run, cases: &[i64]) {
        let choices = choices(run, cases);
        let miss = self.b.new_block();
        self.at(arms[run.arms.start].result.span);
        let mut word = m.value;
        let mut covered = false;
        if run.question == Question::Variant {
            if self.lw.may_be_none(m.value_ty) {
                self.check_some(m.value, miss);
            }
            word = self.variant_number(m.value);
            covered = choices.len() == self.variant_numbers(m.value_ty).len();
        }
        let blocks: Vec<(i64, Block)> = choices.iter().map(|c| (c.case, self.b.new_block())).collect();
        match blocks.split_last() {
            Some((last, others)) if covered => self.b.switch(word, last.1, others),
            _ => self.b.switch(word, miss, &blocks),
        }
        for (choice, (_, block)) in choices.iter().zip(blocks) {
            self.enter(block);
            for &k in &choice.arms {
                let fail = self.b.new_block();
                self.at(arms[k].result.span);
                self.try_arm(m, &arms[k], fail, Known { some: true, sure: true });
            }
            self.jump(miss);
        }
        self.enter(miss);
    }

    /// Goes to the end of the match with an arm's result, or on in `fail`.
    fn try_arm(&mut self, m: Match, arm: &'a Arm, fail: Block, known: Known) {
        self.test(&arm.pattern, m.value, m.value_ty, fail, known);
        let r = if m.used {
            self.expr_as(&arm.result, m.ty)
        } else {
            self.effect(&arm.result);
            let repr = self.lw.types.repr(m.ty);
            self.none(repr)
        };
        self.b.def_var(m.result, r);
        self.jump(m.join);
        self.enter(fail);
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
            Pattern::Literal(_) if known.sure => {}
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

/// The cases of a run in the order in which they occur.
fn choices(run: &Run, cases: &[i64]) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    let mut known: FastMap<i64, usize> = FastMap::default();
    for (arm, &case) in run.arms.clone().zip(cases) {
        let at = *known.entry(case).or_insert(choices.len());
        match choices.get_mut(at) {
            Some(choice) => choice.arms.push(arm),
            None => choices.push(Choice { case, arms: vec![arm] }),
        }
    }
    choices
}
