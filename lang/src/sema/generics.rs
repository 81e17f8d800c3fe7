//! Type parameters: matching a declared type against actual types, and substitution.
//!
//! Prenex only: the pattern's parameters belong to the callee, the actual types to the caller
//! (where the parameters of an enclosing generic function are opaque), so no occurs check is needed.

use super::meet::common_type;
use crate::types::{Ty, TyKind, Types};

/// Bindings of a call's type parameters, by index.
#[derive(Clone, Debug, Default)]
pub(super) struct Subst(pub Vec<Option<Ty>>);

impl Subst {
    /// `n` unbound parameters.
    pub fn new(n: usize) -> Subst {
        Subst(vec![None; n])
    }

    /// The bindings, `any` where there is none.
    pub fn all(&self) -> Vec<Ty> {
        self.0.iter().map(|b| b.unwrap_or(Ty::ANY)).collect()
    }

    /// A type with bound parameters replaced; unbound ones stay.
    pub fn apply(&self, t: &mut Types, ty: Ty) -> Ty {
        use TyKind::*;
        match t.kind(ty).clone() {
            Param(i, _) => self.0.get(i as usize).copied().flatten().unwrap_or(ty),
            List(x) => {
                let x = self.apply(t, x);
                t.list(x)
            }
            Option(x) => {
                let x = self.apply(t, x);
                t.option(x)
            }
            Map(k, v) => {
                let (k, v) = (self.apply(t, k), self.apply(t, v));
                t.map(k, v)
            }
            Group(k, v) => {
                let (k, v) = (self.apply(t, k), self.apply(t, v));
                t.intern(Group(k, v))
            }
            Fun(p, r) => {
                let p = p.iter().map(|x| self.apply(t, *x)).collect();
                let r = self.apply(t, r);
                t.intern(Fun(p, r))
            }
            _ => ty,
        }
    }

    /// Matches `pattern` against `actual`, binding parameters; false when they disagree.
    pub fn unify(&mut self, t: &mut Types, pattern: Ty, actual: Ty) -> bool {
        self.walk(t, pattern, actual, Walk { meets: false, strict: true })
    }

    /// [`Subst::unify`] with the type of a value: what values of several types are given for becomes their
    /// common type.
    pub fn unify_value(&mut self, t: &mut Types, pattern: Ty, actual: Ty) -> bool {
        self.walk(t, pattern, actual, Walk { meets: true, strict: true })
    }

    /// Values of type `actual` meet those that bound the parameters of `pattern`, with which they are compatible.
    pub fn meet(&mut self, t: &mut Types, pattern: Ty, actual: Ty) {
        self.walk(t, pattern, actual, Walk { meets: true, strict: false });
    }

    fn walk(&mut self, t: &mut Types, pattern: Ty, actual: Ty, how: Walk) -> bool {
        use TyKind::*;
        match (t.kind(pattern).clone(), t.kind(actual).clone()) {
            (Param(i, _), _) => {
                let bound = self.0.get(i as usize).copied().flatten();
                if how.strict && bound.is_some_and(|b| !strict(t, b, actual)) {
                    return false;
                }
                self.0[i as usize] = Some(match bound {
                    None => actual,
                    Some(bound) if how.meets => common_type(t, bound, actual),
                    Some(bound) => bound,
                });
                true
            }
            (Any | Error, _) | (_, Any | Error) => true,
            (List(x), List(y)) | (Option(x), Option(y)) => self.walk(t, x, y, how),
            (Map(k, v), Map(l, w)) | (Group(k, v), Group(l, w)) => {
                self.walk(t, k, l, how) && self.walk(t, v, w, how)
            }
            (Fun(p, r), Fun(q, s)) => {
                // What the function takes may be more than it is given.
                let given = Walk { meets: false, ..how };
                p.len() == q.len()
                    && p.iter().zip(&q).all(|(x, y)| self.walk(t, *x, *y, given))
                    && self.walk(t, r, s, how)
            }
            _ => pattern == actual,
        }
    }
}

/// How types are matched with a pattern.
#[derive(Clone, Copy)]
struct Walk {
    /// A value of the type meets those that bound a parameter; else it only takes them.
    meets: bool,
    /// Types that differ in more than `any` disagree.
    strict: bool,
}

/// Equality up to `any`.
fn strict(t: &Types, a: Ty, b: Ty) -> bool {
    use TyKind::*;
    if a == b {
        return true;
    }
    match (t.kind(a), t.kind(b)) {
        (Any | Error, _) | (_, Any | Error) => true,
        (List(x), List(y)) | (Option(x), Option(y)) => strict(t, *x, *y),
        (Map(k, v), Map(l, w)) | (Group(k, v), Group(l, w)) => strict(t, *k, *l) && strict(t, *v, *w),
        (Fun(p, r), Fun(q, s)) => {
            p.len() == q.len() && p.iter().zip(q).all(|(x, y)| strict(t, *x, *y)) && strict(t, *r, *s)
        }
        _ => false,
    }
}

/// The first type parameter in a type.
pub(super) fn first_param(t: &Types, ty: Ty) -> Option<String> {
    use TyKind::*;
    match t.kind(ty) {
        Param(_, name) => Some(name.clone()),
        List(x) | Option(x) => first_param(t, *x),
        Map(k, v) | Group(k, v) => first_param(t, *k).or_else(|| first_param(t, *v)),
        Fun(p, r) => p.iter().find_map(|x| first_param(t, *x)).or_else(|| first_param(t, *r)),
        _ => None,
    }
}
