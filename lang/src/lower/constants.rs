//! Top-level variables that always have one literal value: functions need not load them.
//!
//! A function may be called before a variable that it mentions is declared. So a variable counts only when it is
//! declared before the first statement that mentions a function, and is never assigned.

use super::facts::Facts;
use crate::ast::UnOp;
use crate::parts::Part;
use crate::tree::{Expr, ExprKind, Program, StmtKind, VarRef};
use crate::types::{Ty, TyKind};

/// By global: the literal that it has everywhere in functions.
pub(super) fn of(program: &Program, facts: &Facts) -> Vec<Option<ExprKind>> {
    let mut constants = vec![None; program.globals.len()];
    let main = &program.functions[program.main.0 as usize];
    for s in &main.body {
        let mut work = Vec::new();
        s.each_part(&mut |p| work.push(p));
        if mentions_function(work) {
            break;
        }
        if let StmtKind::Let { var: VarRef::Global(g), value: Some(value) } = &s.kind
            && !facts.global(*g).rebound
        {
            constants[g.0 as usize] = literal(program, value, program.globals[g.0 as usize].ty);
        }
    }
    constants
}

/// The literal that an expression is, if it is one of this type.
fn literal(program: &Program, e: &Expr, ty: Ty) -> Option<ExprKind> {
    match (&e.kind, program.types.kind(ty)) {
        (ExprKind::Int(_), TyKind::Int)
        | (ExprKind::Float(_), TyKind::Float)
        | (ExprKind::Bool(_), TyKind::Bool)
        | (ExprKind::Str(_), TyKind::Str) => Some(e.kind.clone()),
        (ExprKind::Unary { op: UnOp::Neg, operand }, TyKind::Int) => match operand.kind {
            ExprKind::Int(v) => Some(ExprKind::Int(v.checked_neg()?)),
            _ => None,
        },
        (ExprKind::Unary { op: UnOp::Neg, operand }, TyKind::Float) => match operand.kind {
            ExprKind::Float(v) => Some(ExprKind::Float(-v)),
            _ => None,
        },
        _ => None,
    }
}

/// Some part may call a function of the program.
fn mentions_function(mut work: Vec<Part<'_>>) -> bool {
    while let Some(part) = work.pop() {
        match part {
            Part::Stmts(stmts) => {
                for s in stmts {
                    if matches!(s.kind, StmtKind::NestedFun { .. }) {
                        return true;
                    }
                    s.each_part(&mut |p| work.push(p));
                }
            }
            Part::Expr(e) => {
                let calls = matches!(
                    e.kind,
                    ExprKind::Call { .. }
                        | ExprKind::CallValue { .. }
                        | ExprKind::Partial { .. }
                        | ExprKind::FuncRef { .. }
                        | ExprKind::Closure(_)
                );
                if calls {
                    return true;
                }
                e.each_part(&mut |p| work.push(p));
            }
        }
    }
    false
}
