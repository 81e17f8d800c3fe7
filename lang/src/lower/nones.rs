//! Whether structs and values of unions may be none in a program although their types have no option.
//!
//! Few programs make such values, so what would look for them asks here first. What is not known to make none
//! counts as making some: a place that is overlooked would be the language's error for a program that has none.

use crate::ast::JoinKind;
use crate::parts::Part;
use crate::tree::{Expr, ExprKind, Pattern, Place, Program, Step, Stmt, StmtKind, VarRef};
use crate::types::{Ty, TyKind, Types};

/// Whether some part of a program may give none of such a type.
pub(super) fn arise(program: &Program) -> bool {
    // Functions can be called before the declarations of the variables that they mention.
    program.globals.iter().any(|g| g.shared && is_object(&program.types, g.ty))
        || functions_give_some(program)
}

fn functions_give_some(program: &Program) -> bool {
    program.functions.iter().any(|f| {
        let valued = is_object(&program.types, f.result);
        let mut work = vec![Part::Stmts(&f.body)];
        let mut found = valued && !returns(&f.body);
        while let Some(part) = work.pop() {
            match part {
                Part::Stmts(stmts) => {
                    for s in stmts {
                        found |= match &s.kind {
                            StmtKind::Return(None) => valued,
                            StmtKind::Let { var: VarRef::Local(l), value: None } => {
                                is_object(&program.types, f.locals[l.0 as usize].ty)
                            }
                            StmtKind::Let { var: VarRef::Global(g), value: None } => {
                                is_object(&program.types, program.globals[g.0 as usize].ty)
                            }
                            StmtKind::Assign { place, .. } => stores_none(&program.types, place),
                            StmtKind::Let { value: Some(_), .. } | StmtKind::Return(Some(_)) => false,
                            StmtKind::If { .. } | StmtKind::While { .. } | StmtKind::Expr(_) => false,
                            StmtKind::ForRange { .. } | StmtKind::ForEach { .. } => false,
                            StmtKind::Break | StmtKind::Continue | StmtKind::Expect { .. } => false,
                            StmtKind::Test { .. } | StmtKind::Bench { .. } => false,
                            StmtKind::Update { .. } | StmtKind::NestedFun { .. } => false,
                        };
                        s.each_part(&mut |p| work.push(p));
                    }
                }
                Part::Expr(e) => {
                    found |= gives_none(&program.types, e);
                    e.each_part(&mut |p| work.push(p));
                }
            }
        }
        found
    })
}

/// Whether a store may leave a none behind: in the elements between the end of a list and a store behind it,
/// or through an `any`, which takes everything.
fn stores_none(types: &Types, place: &Place) -> bool {
    let mut of = place.root_ty;
    place.steps.iter().any(|(step, ty)| {
        let container = std::mem::replace(&mut of, *ty);
        match step {
            Step::Index(_) => *types.kind(container) == TyKind::Any || is_object(types, *ty),
            Step::DynField(_) => true,
            Step::Field(_) => false,
        }
    })
}

fn is_object(types: &Types, ty: Ty) -> bool {
    matches!(types.kind(ty), TyKind::Struct(_) | TyKind::Union(_) | TyKind::Param(..))
}

/// Whether the last statement returns.
fn returns(body: &[Stmt]) -> bool {
    match body.last().map(|s| &s.kind) {
        Some(StmtKind::Return(Some(_))) => true,
        Some(StmtKind::If { then, otherwise, .. }) => returns(then) && returns(otherwise),
        _ => false,
    }
}

/// Whether an expression itself may give none of such a type, or a value that holds one, where its parts do
/// not. An expression that is not known here may.
fn gives_none(types: &Types, e: &Expr) -> bool {
    match &e.kind {
        // What was stored in a variable or a value, or what a function gives.
        ExprKind::Var(_)
        | ExprKind::Struct { .. }
        | ExprKind::List(_)
        | ExprKind::Map(_)
        | ExprKind::Field { .. }
        | ExprKind::GroupField { .. }
        | ExprKind::SafeField { .. }
        | ExprKind::SafeIndex { .. }
        | ExprKind::Index { .. }
        | ExprKind::Slice { .. }
        | ExprKind::Call { .. }
        | ExprKind::CallValue { .. }
        | ExprKind::FuncRef { .. }
        | ExprKind::Closure(_)
        | ExprKind::Partial { .. }
        | ExprKind::Binary { .. }
        | ExprKind::If { .. }
        | ExprKind::Block { value: Some(_), .. } => false,
        // The whole may be none, which is no news where its type says so.
        ExprKind::None
        | ExprKind::DynField { .. }
        | ExprKind::Builtin { .. }
        | ExprKind::Block { value: None, .. } => is_object(types, e.ty),
        ExprKind::Query(q) => {
            q.fold.is_some() && is_object(types, e.ty) || q.joins.iter().any(|j| j.kind != JoinKind::Inner)
        }
        ExprKind::Coerce { value } | ExprKind::Cast { value } => {
            (holds_objects(types, e.ty) || takes_objects(types, value.ty)) && !keeps(types, value.ty, e.ty)
        }
        ExprKind::Match { arms, .. } => {
            let last = arms.last().map(|a| &a.pattern);
            is_object(types, e.ty)
                && !matches!(last, Some(Pattern::Wildcard | Pattern::Bind(_) | Pattern::Variant { .. }))
        }
        _ => holds_objects(types, e.ty),
    }
}

/// Whether values of a type are such objects, or their type says that they hold some.
fn holds_objects(types: &Types, ty: Ty) -> bool {
    match types.kind(ty) {
        TyKind::List(x) | TyKind::Option(x) => holds_objects(types, *x),
        TyKind::Map(x, y) | TyKind::Group(x, y) => holds_objects(types, *x) || holds_objects(types, *y),
        TyKind::Fun(params, result) => params.iter().chain([result]).any(|&x| holds_objects(types, x)),
        _ => is_object(types, ty),
    }
}

/// Whether values of a type are or hold functions that can be given such objects by whoever sees them otherwise.
fn takes_objects(types: &Types, ty: Ty) -> bool {
    match types.kind(ty) {
        TyKind::List(x) | TyKind::Option(x) | TyKind::Map(_, x) => takes_objects(types, *x),
        TyKind::Fun(..) => holds_objects(types, ty),
        _ => false,
    }
}

/// Whether a value that is converted from one type to another holds no none that it did not hold before: where
/// a place of the old type cannot hold one, neither can that of the new one. (A cast of none to what has no
/// option fails.)
fn keeps(types: &Types, from: Ty, to: Ty) -> bool {
    let union = |ty: Ty| match types.kind(ty) {
        TyKind::Struct(s) => types.struct_def(*s).union,
        TyKind::Union(u) => Some(*u),
        _ => None,
    };
    match (types.kind(from), types.kind(to)) {
        _ if from == to => true,
        (TyKind::Option(x), TyKind::Option(y)) | (TyKind::List(x), TyKind::List(y)) => keeps(types, *x, *y),
        (TyKind::Option(x), _) => keeps(types, *x, to),
        (_, TyKind::Option(y)) => keeps(types, from, *y),
        (TyKind::Map(k, x), TyKind::Map(l, y)) => keeps(types, *k, *l) && keeps(types, *x, *y),
        _ => union(from).is_some() && union(from) == union(to),
    }
}
