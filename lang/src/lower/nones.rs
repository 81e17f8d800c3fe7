//! Whether structs and values of unions may be none in a program although their types have no option.
//!
//! Few programs make such values, so what would look for them asks here first. A place that is overlooked
//! costs nothing but the language's error: taking a part of none faults, whoever looked before.

use crate::parts::Part;
use crate::tree::{Expr, ExprKind, Pattern, Program, Step, Stmt, StmtKind, VarRef};
use crate::types::{Ty, TyKind, Types};

/// Whether some part of a program may give none of such a type.
pub(super) fn arise(program: &Program) -> bool {
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
                            // The elements between the end of a list and a store behind it.
                            StmtKind::Assign { place, .. } => place.steps.iter().any(|(step, ty)| {
                                matches!(step, Step::Index(_)) && is_object(&program.types, *ty)
                            }),
                            _ => false,
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

/// Whether an expression itself may give none where its parts do not.
fn gives_none(types: &Types, e: &Expr) -> bool {
    let untyped = |ty: Ty| matches!(types.kind(ty), TyKind::Any | TyKind::Unit);
    match &e.kind {
        ExprKind::None | ExprKind::DynField { .. } | ExprKind::Builtin { .. } => is_object(types, e.ty),
        ExprKind::Coerce { value } | ExprKind::Cast { value } => {
            !untyped(e.ty)
                && (untyped(value.ty) || matches!(value.kind, ExprKind::None))
                && holds_objects(types, e.ty)
        }
        ExprKind::Match { arms, .. } => {
            let last = arms.last().map(|a| &a.pattern);
            is_object(types, e.ty)
                && !matches!(last, Some(Pattern::Wildcard | Pattern::Bind(_) | Pattern::Variant { .. }))
        }
        ExprKind::Block { value: None, .. } => is_object(types, e.ty),
        _ => false,
    }
}

/// Whether values of a type are such objects or lists or maps of them.
fn holds_objects(types: &Types, ty: Ty) -> bool {
    match types.kind(ty) {
        TyKind::List(x) | TyKind::Option(x) | TyKind::Map(_, x) => holds_objects(types, *x),
        _ => is_object(types, ty),
    }
}
