//! Relations between types: *compatible*, *assignable*, casts, the numeric join, and how types are
//! written in messages.
//!
//! The two relations are those of the reference checker: `compatible` (its `unify`) is loose about
//! `any` and the kinds of integers and is used where a value flows into an argument, a result, a
//! field or an operator; `assignable` is the directed relation that annotated declarations need as
//! well. Both are true for [`Ty::ERROR`], so that nothing is reported twice.

use crate::types::{Ty, TyKind, Types};

/// Whether a value of type `a` may meet a slot of type `b` (not quite symmetric among numbers).
pub(super) fn compatible(t: &Types, a: Ty, b: Ty) -> bool {
    use TyKind::*;
    if a == b {
        return true;
    }
    match (t.kind(a), t.kind(b)) {
        (Error, _) | (_, Error) | (Any, _) | (_, Any) => true,
        (List(x), List(y)) | (Option(x), Option(y)) => compatible(t, *x, *y),
        (Map(k, v), Map(l, w)) | (Group(k, v), Group(l, w)) => compatible(t, *k, *l) && compatible(t, *v, *w),
        (Struct(x), Struct(y)) => {
            let (x, y) = (t.struct_def(*x), t.struct_def(*y));
            if !x.name.is_empty() && !y.name.is_empty() || x.fields.len() != y.fields.len() {
                return false;
            }
            x.fields.iter().all(|(n, ft)| y.fields.get(n).is_some_and(|gt| compatible(t, *ft, *gt)))
        }
        (Struct(s), Union(u)) | (Union(u), Struct(s)) => t.struct_def(*s).union == Some(*u),
        (Fun(..), Fun(..)) => {
            let ((p, r), (q, s)) = uncurried(t, a, b);
            p.len() == q.len() && p.iter().zip(&q).all(|(x, y)| compatible(t, *x, *y)) && compatible(t, r, s)
        }
        (Variadic(p, r), Variadic(q, s)) => compatible(t, *p, *q) && compatible(t, *r, *s),
        (Int, BigInt) | (Int64, Int) | (BigInt, Int | Int64) => true,
        (BigRat, Float | Int | Int64 | BigInt) => true,
        _ => false,
    }
}

/// Parameters and result of two function types, with the same number of parameters if calls can be
/// written alike: `f(a, b)` and `f(a)(b)` are one call (section 3.3).
pub(super) fn uncurried(t: &Types, a: Ty, b: Ty) -> (Signature, Signature) {
    let (mut a, mut b) = (signature(t, a), signature(t, b));
    while a.0.len() != b.0.len() {
        let shorter = if a.0.len() < b.0.len() { &mut a } else { &mut b };
        let (params, result) = signature(t, shorter.1);
        if params.is_empty() || shorter.0.is_empty() {
            break;
        }
        shorter.0.extend(params);
        shorter.1 = result;
    }
    (a, b)
}

/// Parameters and result.
type Signature = (Vec<Ty>, Ty);

/// The signature of a function type; without parameters for any other type.
fn signature(t: &Types, ty: Ty) -> Signature {
    match t.kind(ty) {
        TyKind::Fun(p, r) => (p.clone(), *r),
        _ => (Vec::new(), ty),
    }
}

fn subtype(t: &Types, s: Ty, d: Ty) -> bool {
    use TyKind::*;
    if s == d {
        return true;
    }
    match (t.kind(s), t.kind(d)) {
        (Error, _) | (_, Error) | (_, Any) => true,
        (Int, Int64 | BigInt | BigRat) | (Int64, BigInt | BigRat) | (BigInt | Float, BigRat) => true,
        (List(x), List(y)) | (Option(x), Option(y)) => subtype(t, *x, *y),
        (Struct(x), Union(u)) => t.struct_def(*x).union == Some(*u),
        (Fun(..), Fun(..)) => {
            let ((p, r), (q, s)) = uncurried(t, s, d);
            p.len() == q.len() && p.iter().zip(&q).all(|(x, y)| subtype(t, *y, *x)) && subtype(t, r, s)
        }
        _ => false,
    }
}

/// Whether a value of type `src` may be stored in a declared slot of type `dst`: `any` only within
/// list, map and option elements, `T` into `T?`.
pub(super) fn assignable(t: &Types, src: Ty, dst: Ty) -> bool {
    assignable_at(t, src, dst, false)
}

fn assignable_at(t: &Types, src: Ty, dst: Ty, element: bool) -> bool {
    use TyKind::*;
    match (t.kind(src), t.kind(dst)) {
        (_, Any) | (Error, _) | (_, Error) => true,
        (Any, _) if element => true,
        (List(x), List(y)) | (Option(x), Option(y)) => assignable_at(t, *x, *y, true),
        (Map(k, v), Map(l, w)) => assignable_at(t, *k, *l, true) && assignable_at(t, *v, *w, true),
        (s, Option(y)) if !matches!(s, Option(_)) => assignable_at(t, src, *y, element),
        _ => subtype(t, src, dst),
    }
}

/// Whether `any` occurs in a type.
pub(super) fn contains_any(t: &Types, ty: Ty) -> bool {
    use TyKind::*;
    match t.kind(ty) {
        Any | Error => true,
        List(x) | Option(x) => contains_any(t, *x),
        Map(k, v) | Group(k, v) => contains_any(t, *k) || contains_any(t, *v),
        _ => false,
    }
}

/// Whether a type parameter occurs in a type.
pub(super) fn contains_param(t: &Types, ty: Ty) -> bool {
    use TyKind::*;
    match t.kind(ty) {
        Param(..) => true,
        List(x) | Option(x) => contains_param(t, *x),
        Map(k, v) | Group(k, v) | Variadic(k, v) => contains_param(t, *k) || contains_param(t, *v),
        Fun(p, r) => p.iter().any(|x| contains_param(t, *x)) || contains_param(t, *r),
        _ => false,
    }
}

/// int, int64, bigint, bigrat, float.
pub(super) fn is_numeric(t: &Types, ty: Ty) -> bool {
    matches!(t.kind(ty), TyKind::Int | TyKind::Int64 | TyKind::BigInt | TyKind::BigRat | TyKind::Float)
}

/// int, int64, bigint: one representation.
pub(super) fn is_integer(t: &Types, ty: Ty) -> bool {
    matches!(t.kind(ty), TyKind::Int | TyKind::Int64 | TyKind::BigInt)
}

/// Whether two types are of numbers that are compared as they are: what a float would have to become, or what
/// would have to become a float, may be another number then.
pub(super) fn compared_by_value(t: &Types, a: Ty, b: Ty) -> bool {
    is_numeric(t, a) && is_numeric(t, b) && (a == Ty::FLOAT) != (b == Ty::FLOAT)
}

/// Whether a value of this type may index a list or bound a range or slice.
pub(super) fn indexes(t: &Types, ty: Ty) -> bool {
    compatible(t, ty, Ty::INT) || compatible(t, ty, Ty::INT64)
}

/// Type of arithmetic over two numeric types.
pub(super) fn numeric_join(a: Ty, b: Ty) -> Ty {
    let rank = |x: Ty| match x {
        Ty::INT => 0,
        Ty::INT64 => 1,
        Ty::BIGINT => 2,
        Ty::FLOAT => 3,
        _ => 4,
    };
    let (low, high) = if rank(a) <= rank(b) { (a, b) } else { (b, a) };
    match high {
        Ty::FLOAT if low == Ty::BIGINT => Ty::BIGRAT,
        _ => high,
    }
}

/// list, map or struct: shared by reference.
pub(super) fn is_aggregate(t: &Types, ty: Ty) -> bool {
    matches!(t.kind(ty), TyKind::List(_) | TyKind::Map(..) | TyKind::Struct(_))
}

/// Whether `e as T` is allowed; beyond the reference, options unwrap and strings parse.
pub(super) fn castable(t: &Types, from: Ty, to: Ty) -> bool {
    use TyKind::*;
    if from == to || is_numeric(t, from) && is_numeric(t, to) {
        return true;
    }
    match (t.kind(from), t.kind(to)) {
        (Error | Any, _) | (_, Error | Any) => true,
        (Union(u), Struct(s)) | (Struct(s), Union(u)) => t.struct_def(*s).union == Some(*u),
        (Map(..), Struct(_)) => true,
        (Str, Int | Int64 | Float | BigInt | BigRat | Bool) => true,
        (Option(x), kind) if !matches!(kind, Option(_)) => castable(t, *x, to),
        _ => false,
    }
}

/// Whether values of a type can be sort keys.
pub(super) fn is_ordered(t: &Types, ty: Ty) -> bool {
    match t.kind(ty) {
        TyKind::Str | TyKind::Bool | TyKind::Error => true,
        TyKind::List(x) => *x == Ty::ANY || is_ordered(t, *x),
        _ => is_numeric(t, ty),
    }
}

/// Whether values of a type can be told apart by `distinct`.
pub(super) fn is_hashable(t: &Types, ty: Ty) -> bool {
    use TyKind::*;
    match t.kind(ty) {
        Fun(..) | Variadic(..) | Group(..) | Param(..) => false,
        List(x) | Option(x) => is_hashable(t, *x),
        Map(k, v) => is_hashable(t, *k) && is_hashable(t, *v),
        Struct(s) => t.struct_def(*s).fields.iter().all(|(_, f)| *f == ty || is_hashable_field(t, *f)),
        _ => true,
    }
}

/// Fields: unions may be recursive, so their variants are not searched again.
fn is_hashable_field(t: &Types, ty: Ty) -> bool {
    !matches!(t.kind(ty), TyKind::Fun(..) | TyKind::Variadic(..) | TyKind::Group(..))
}

/// Whether values of the two types are the same words, so that a container of one may be seen as a
/// container of the other.
pub(super) fn same_representation(t: &Types, a: Ty, b: Ty) -> bool {
    use TyKind::*;
    if a == b {
        return true;
    }
    match (t.kind(a), t.kind(b)) {
        (Error, _) | (_, Error) => true,
        (Int | Int64 | BigInt, Int | Int64 | BigInt) => true,
        (Option(x), Option(y)) => same_representation(t, *x, *y),
        (x, Option(y)) if !matches!(x, Any) => same_representation(t, a, *y),
        (List(x), List(y)) => same_representation(t, *x, *y),
        (Map(k, v), Map(l, w)) => same_representation(t, *k, *l) && same_representation(t, *v, *w),
        (Struct(s), Union(u)) => t.struct_def(*s).union == Some(*u),
        (Fun(p, r), Fun(q, s)) => {
            p.len() == q.len()
                && p.iter().zip(q).all(|(x, y)| same_representation(t, *y, *x))
                && same_representation(t, *r, *s)
        }
        _ => false,
    }
}

/// A type as messages write it.
pub(super) fn render(t: &Types, ty: Ty) -> String {
    use TyKind::*;
    match t.kind(ty) {
        Unit => "unit".into(),
        Int => "int".into(),
        Int64 => "int64".into(),
        BigInt => "bigint".into(),
        BigRat => "bigrat".into(),
        Float => "float".into(),
        Bool => "bool".into(),
        Str => "string".into(),
        Any | Error => "any".into(),
        List(x) => format!("[{}]", render(t, *x)),
        Map(k, v) => format!("{{{}: {}}}", render(t, *k), render(t, *v)),
        Option(x) => format!("option[{}]", render(t, *x)),
        Fun(p, r) => {
            let params: Vec<String> = p.iter().map(|x| render(t, *x)).collect();
            format!("fun({}){}", params.join(", "), render_result(t, *r))
        }
        Variadic(p, r) => format!("fun(...{}){}", render(t, *p), render_result(t, *r)),
        Struct(s) if t.struct_def(*s).name.is_empty() => {
            let fields = t.struct_def(*s).fields.iter();
            let fields: Vec<String> = fields.map(|(n, ty)| format!("{n}: {}", render(t, *ty))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Struct(s) => t.struct_def(*s).name.clone(),
        Union(u) => t.union_def(*u).name.clone(),
        Group(..) => "group".into(),
        Param(_, name) => name.clone(),
    }
}

fn render_result(t: &Types, ty: Ty) -> String {
    if ty == Ty::UNIT { String::new() } else { format!(": {}", render(t, ty)) }
}

/// Names in a message: `a`, `b`, and `c`.
pub(super) fn name_list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [init @ .., last] => format!("{}, and {last}", init.join(", ")),
    }
}
