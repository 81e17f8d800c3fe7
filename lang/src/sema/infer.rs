//! More precise types for variables that start empty.
//!
//! `var xs = []` is a `list<any>`. When everything that is later assigned, appended or stored has
//! one type, the program is checked again with that type as if it had been written, which makes the
//! elements cheaper and keeps one list where conversions would copy. The second walk must not
//! reject anything: if it does, the result of the first one stands. Types found in one walk may
//! reveal more in the next (a row before the grid of rows), so a few walks are made.

use super::Checker;
use super::scope::Var;
use crate::ast::{BinOp, TypeRef, TypeRefKind};
use crate::diag::Diagnostics;
use crate::span::Span;
use crate::tree::{Builtin, Expr, ExprKind as T, Program, VarRef};
use crate::types::{Ty, TyKind, Types};
use std::collections::HashMap;

/// Walks at most, the first included.
const WALKS: usize = 4;

/// What is known about variables that start empty, by the place of their names.
#[derive(Clone, Debug, Default)]
pub(super) struct Refinements {
    known: HashMap<Span, TypeRef>,
    /// Types seen in this walk; `None` when they disagree.
    seen: HashMap<Span, Option<Ty>>,
}

impl Refinements {
    /// The type to declare a variable with.
    pub fn known(&self, name: Span) -> Option<&TypeRef> {
        self.known.get(&name)
    }

    fn add(&mut self, name: Span, ty: Ty) {
        self.seen.entry(name).and_modify(|t| *t = t.filter(|t| *t == ty)).or_insert(Some(ty));
    }

    fn next(&self, types: &Types) -> Refinements {
        let mut known = self.known.clone();
        for (name, ty) in &self.seen {
            if let Some(r) = ty.and_then(|t| written(types, t, *name)) {
                known.entry(*name).or_insert(r);
            }
        }
        Refinements { known, seen: HashMap::new() }
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

/// Walks until nothing new is found; returns the last walk that found no errors, or the first.
pub(super) fn refine(
    mut walk: impl FnMut(Refinements) -> (Diagnostics, Program, Refinements),
) -> (Diagnostics, Option<Program>) {
    let (mut diags, program, found) = walk(Refinements::default());
    let mut refinements = found.next(&program.types);
    let mut best = Some(program);
    let mut size = 0;
    for _ in 1..WALKS {
        if diags.has_errors() || refinements.known.len() == size {
            break;
        }
        size = refinements.known.len();
        let (again, program, found) = walk(refinements);
        if again.has_errors() {
            break;
        }
        refinements = found.next(&program.types);
        (diags, best) = (again, Some(program));
    }
    (diags, best)
}

impl<'a> Checker<'a> {
    /// Notes what a store says about a variable that started empty: a whole value, or an element
    /// under `key`.
    pub(super) fn note_evidence(&mut self, var: &Var, value: &Expr, key: Option<&Expr>) {
        let Some(name) = var.open else { return };
        if self.refinements.known(name).is_some() {
            return;
        }
        let root = match value.kind {
            _ if key.is_some() => None,
            _ => Some(self.var_ref(var.key)),
        };
        let found = match (key, self.types.kind(var.ty)) {
            (None, _) => match self.evidence(value, root) {
                Evidence::Nothing => return,
                Evidence::Unknown => Ty::ANY,
                Evidence::Type(t) => t,
            },
            (Some(_), TyKind::List(_)) => self.types.list(stripped(value)),
            (Some(k), TyKind::Map(..)) => self.types.map(stripped(k), stripped(value)),
            _ => Ty::ANY,
        };
        self.refinements.add(name, found);
    }

    /// The type of a value before it was converted for the variable.
    fn evidence(&mut self, value: &Expr, own: Option<VarRef>) -> Evidence {
        match &value.kind {
            T::Coerce { value } | T::Cast { value } => self.evidence(value, own),
            T::Var(v) if Some(*v) == own => Evidence::Nothing,
            T::List(items) if items.is_empty() => Evidence::Nothing,
            T::Map(pairs) if pairs.is_empty() => Evidence::Nothing,
            T::List(items) => {
                let first = stripped(&items[0]);
                if items.iter().all(|x| stripped(x) == first) {
                    Evidence::Type(self.types.list(first))
                } else {
                    Evidence::Unknown
                }
            }
            T::Slice { base, .. } => self.evidence(base, own),
            T::Builtin { builtin: Builtin::Append | Builtin::Push, args } => {
                let list = self.evidence(&args[0], own);
                let elem = Evidence::Type(self.types.list(stripped(&args[1])));
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

/// The type of an element before its conversion.
fn stripped(e: &Expr) -> Ty {
    match &e.kind {
        T::Coerce { value } => stripped(value),
        _ => e.ty,
    }
}
