//! More precise types for variables that start empty.
//!
//! `var xs = []` is a `list<any>`. When everything that is later assigned, appended or stored has
//! one type, what mentions the variable ([`super::units`]) is checked again with that type as if it had
//! been written, which makes the elements cheaper and keeps one list where conversions would copy. Values
//! of type `any` say nothing at first (they may be elements of the variable itself); once the variable is
//! refined, every value must have its type, or the refinement is given up. A walk with refinements must not
//! reject anything either; the last walk is one in which all of them held. Types found in one walk
//! may reveal more in the next (a row before the grid of rows), so a few walks are made.
//!
//! One walk with a type that is found out underway would not do: what is stored last may be of another
//! type than what was read first, and then the program stands as it was, with `any`.

use super::Checker;
use super::flow::Unkept;
use super::relations::contains_any;
use super::scope::Var;
use crate::ast::{self, BinOp, TypeRef, TypeRefKind};
use crate::span::Span;
use crate::tree::{Builtin, Expr, ExprKind as T, VarRef};
use crate::types::{Ty, TyKind, Types};
use std::collections::{HashMap, HashSet};

/// Walks at most, the first included; beside them one when what was known before does not hold, and one
/// when the last of them does not.
const WALKS: usize = 6;

/// Types to declare variables with that start empty, by the place of their names.
pub(super) type Known = HashMap<Span, TypeRef>;

/// What is known about variables that start empty, by the place of their names.
#[derive(Clone, Debug, Default)]
pub(super) struct Refinements {
    known: Known,
    banned: HashSet<Span>,
    /// Views that loops do not keep.
    pub unkept: Unkept,
    /// Assignments make no views.
    pub viewless: bool,
    /// Places whose first value does not say what all are, with their common type: variables that start as
    /// a variant, by their names, and lambdas.
    pub met: HashMap<Span, Ty>,
    /// What this walk has seen.
    seen: HashMap<Span, Seen>,
}

/// What is said about a variable.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    /// A value of this type is stored.
    Stored(Ty),
    /// It must stay as it is.
    Unknown,
}

/// What the stores of one variable say.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// The first type without `any`.
    ty: Option<Ty>,
    /// Others disagree with it.
    mixed: bool,
    /// Something of type `any` is stored.
    any: bool,
}

impl Refinements {
    fn of(known: Known) -> Refinements {
        Refinements { known, ..Refinements::default() }
    }

    /// The type to declare a variable with.
    pub fn known(&self, name: Span) -> Option<&TypeRef> {
        self.known.get(&name)
    }

    /// Takes in what is said about a variable.
    pub fn hear(&mut self, types: &Types, name: Span, told: Told) {
        let Told::Stored(ty) = told else {
            self.banned.insert(name);
            return;
        };
        let seen = self.seen.entry(name).or_default();
        if contains_any(types, ty) {
            seen.any = true;
        } else if seen.ty.is_none() {
            seen.ty = Some(ty);
        } else {
            seen.mixed |= seen.ty != Some(ty);
        }
    }

    /// Whether every refinement of this walk agreed with what was stored.
    fn held(&self) -> bool {
        self.known.keys().all(|name| {
            let agrees = |s: &Seen| !s.mixed && !s.any;
            !self.banned.contains(name) && self.seen.get(name).is_none_or(agrees)
        })
    }

    /// For the next walk: broken refinements are given up, new ones are made.
    fn next(mut self, types: &Types) -> Refinements {
        for (name, seen) in &self.seen {
            if self.known.contains_key(name) && (seen.mixed || seen.any) {
                self.banned.insert(*name);
            }
        }
        let banned = self.banned;
        self.known.retain(|name, _| !banned.contains(name));
        for (name, seen) in &self.seen {
            if seen.mixed || banned.contains(name) || self.known.contains_key(name) {
                continue;
            }
            if let Some(r) = seen.ty.and_then(|t| written(types, t, *name)) {
                self.known.insert(*name, r);
            }
        }
        Refinements { banned, seen: HashMap::new(), ..self }
    }

    /// After a walk with these refinements that rejected the program: gives up those that `before`
    /// did not have.
    fn without_news(mut self, before: &Known) -> Refinements {
        let news: Vec<Span> = self.known.keys().filter(|n| !before.contains_key(n)).copied().collect();
        for n in news {
            self.known.remove(&n);
            self.banned.insert(n);
        }
        self
    }
}

/// A type as it would be written; `None` for those that cannot be.
fn written(types: &Types, ty: Ty, span: Span) -> Option<TypeRef> {
    let name = |n: &str| Some(TypeRefKind::Name(n.to_string()));
    let kind = match types.kind(ty) {
        TyKind::Int => name("int"),
        TyKind::Int64 => name("int64"),
        TyKind::BigInt => name("bigint"),
        TyKind::BigRat => name("bigrat"),
        TyKind::Float => name("float"),
        TyKind::Bool => name("bool"),
        TyKind::Str => name("string"),
        TyKind::List(x) => Some(TypeRefKind::Generic("list".into(), vec![written(types, *x, span)?])),
        TyKind::Map(k, v) => {
            let args = vec![written(types, *k, span)?, written(types, *v, span)?];
            Some(TypeRefKind::Generic("map".into(), args))
        }
        TyKind::Struct(id) if !types.struct_def(*id).name.is_empty() => name(&types.struct_def(*id).name),
        TyKind::Union(id) => name(&types.union_def(*id).name),
        _ => None,
    };
    Some(TypeRef { kind: kind?, span })
}

impl<'a> Checker<'a> {
    /// Walks until nothing new is found, first with what was `known` when other things were otherwise. What
    /// `walk` leaves is that of a walk whose refinements all held; those are returned.
    pub(super) fn refine(
        &mut self,
        known: Known,
        mut walk: impl FnMut(&mut Checker<'a>, Refinements) -> Refinements,
    ) -> Known {
        let mut accepted = known;
        let mut walk = |c: &mut Checker<'a>, refinements| settled(c, refinements, &mut walk);
        let mut found = walk(self, Refinements::of(accepted.clone()));
        if !accepted.is_empty() && (self.diags.has_errors() || !found.held()) {
            accepted.clear();
            found = walk(self, Refinements::default());
        }
        if self.diags.has_errors() {
            return accepted;
        }
        let mut next = found.next(&self.types);
        let mut stands = true;
        for _ in 1..WALKS {
            if next.known.len() == accepted.len() && next.known.keys().all(|n| accepted.contains_key(n)) {
                break;
            }
            let known = next.known.clone();
            let found = walk(self, next.clone());
            if self.diags.has_errors() {
                stands = false;
                next = next.without_news(&accepted);
                continue;
            }
            stands = found.held();
            next = found.next(&self.types);
            if stands {
                accepted = known;
            }
        }
        if !stands {
            walk(self, Refinements::of(accepted.clone()));
        }
        accepted
    }

    /// Notes what a store says about a variable that started empty: a whole value, or an element
    /// under `key`.
    pub(super) fn note_evidence(&mut self, var: &Var, value: &Expr, key: Option<&Expr>) {
        let Some(name) = var.open else { return };
        let root = match value.kind {
            _ if key.is_some() => None,
            _ => Some(self.var_ref(var.key)),
        };
        let found = match (key, self.types.kind(var.ty)) {
            (None, _) => match self.evidence(value, root) {
                Evidence::Nothing => return,
                Evidence::Unknown => {
                    self.tell(var, name, Told::Unknown);
                    return;
                }
                Evidence::Type(t) => t,
            },
            (Some(_), TyKind::List(_)) => {
                let elem = stripped(&self.types, value);
                self.types.list(elem)
            }
            (Some(k), TyKind::Map(..)) => {
                let (k, v) = (stripped(&self.types, k), stripped(&self.types, value));
                self.types.map(k, v)
            }
            _ => Ty::ANY,
        };
        self.tell(var, name, Told::Stored(found));
    }

    /// A variable that is passed as `any` may be changed in ways that are not seen here.
    pub(super) fn note_passed_as_any(&mut self, arg: &ast::Expr) {
        let ast::ExprKind::Name(n) = &arg.kind else { return };
        if let Some((var @ Var { open: Some(name), .. }, _)) = self.lookup_var(&n.name) {
            self.tell(&var, name, Told::Unknown);
        }
    }

    /// The type of a value before it was converted for the variable.
    fn evidence(&mut self, value: &Expr, own: Option<VarRef>) -> Evidence {
        match &value.kind {
            T::Coerce { value } | T::Cast { value } => self.evidence(value, own),
            T::Var(v) if Some(*v) == own => Evidence::Nothing,
            T::List(items) if items.is_empty() => Evidence::Nothing,
            T::Map(pairs) if pairs.is_empty() => Evidence::Nothing,
            T::List(items) => {
                let first = stripped(&self.types, &items[0]);
                if items.iter().all(|x| stripped(&self.types, x) == first) {
                    Evidence::Type(self.types.list(first))
                } else {
                    Evidence::Unknown
                }
            }
            T::Slice { base, .. } => self.evidence(base, own),
            T::Builtin { builtin: Builtin::Append | Builtin::Push, args } => {
                let list = self.evidence(&args[0], own);
                let elem = stripped(&self.types, &args[1]);
                let elem = Evidence::Type(self.types.list(elem));
                list.and(elem)
            }
            T::Builtin { builtin: Builtin::Concat, args } => {
                let mut all = Evidence::Nothing;
                for a in args {
                    let e = self.evidence(a, own);
                    all = all.and(e);
                }
                all
            }
            T::Builtin { builtin: Builtin::Reverse | Builtin::Distinct | Builtin::Sort, args } => {
                self.evidence(&args[0], own)
            }
            T::Binary { op: BinOp::Add | BinOp::Union | BinOp::UnionAll, left, right } => {
                let l = self.evidence(left, own);
                let r = self.evidence(right, own);
                l.and(r)
            }
            _ => Evidence::Type(value.ty),
        }
    }
}

/// Walks until no loop is found to keep a view wrongly, and no place to have values that its type does not
/// have. After a few walks no assignment makes a view,
/// so that what one loop does not keep changes nothing in another.
fn settled<'a>(
    checker: &mut Checker<'a>,
    mut refinements: Refinements,
    walk: &mut impl FnMut(&mut Checker<'a>, Refinements) -> Refinements,
) -> Refinements {
    for walks in 1.. {
        refinements.viewless = checker.viewless || walks > WALKS;
        let found = walk(checker, refinements.clone());
        if found.unkept.len() == refinements.unkept.len() && found.met == refinements.met {
            return found;
        }
        (refinements.unkept, refinements.met) = (found.unkept, found.met);
    }
    unreachable!("loops and names are finitely many")
}

/// What one value says.
#[derive(Clone, Copy, PartialEq)]
enum Evidence {
    /// Empty, or the variable itself.
    Nothing,
    /// Of this type.
    Type(Ty),
    /// Of several types.
    Unknown,
}

impl Evidence {
    fn and(self, other: Evidence) -> Evidence {
        match (self, other) {
            (Evidence::Nothing, e) | (e, Evidence::Nothing) => e,
            (a, b) if a == b => a,
            _ => Evidence::Unknown,
        }
    }
}

/// The type of an element before its conversion. A cast of a container is never written as such.
fn stripped(types: &Types, e: &Expr) -> Ty {
    match &e.kind {
        T::Coerce { value } => stripped(types, value),
        T::Cast { value } if matches!(types.kind(value.ty), TyKind::List(_) | TyKind::Map(..)) => value.ty,
        _ => e.ty,
    }
}
