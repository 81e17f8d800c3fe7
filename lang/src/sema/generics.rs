//! Type parameters: matching a declared type against actual types, and substitution.
//!
//! Prenex only: the pattern's parameters belong to the callee, the actual types to the caller
//! (where the parameters of an enclosing generic function are opaque), so no occurs check is needed.

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
    pub fn unify(&mut self, t: &Types, pattern: Ty, actual: Ty) -> bool {
        use TyKind::*;
        match (t.kind(pattern), t.kind(actual)) {
            (Param(i, _), _) => match self.0.get(*i as usize).copied().flatten() {
                None => {
                    self.0[*i as usize] = Some(actual);
                    true
                }
                Some(bound) => strict(t, bound, actual),
            },
            (Any | Error, _) | (_, Any | Error) => true,
            (List(x), List(y)) | (Option(x), Option(y)) => self.unify(t, *x, *y),
            (Map(k, v), Map(l, w)) | (Group(k, v), Group(l, w)) => {
                self.unify(t, *k, *l) && self.unify(t, *v, *w)
            }
            (Fun(p, r), Fun(q, s)) => {
                p.len() == q.len()
                    && p.iter().zip(q).all(|(x, y)| self.unify(t, *x, *y))
                    && self.unify(t, *r, *s)
            }
            _ => pattern == actual,
        }
    }
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
