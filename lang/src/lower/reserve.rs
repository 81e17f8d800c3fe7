//! Room for what loops append: a list that is declared beside a loop over a range or a list, each turn of which
//! appends to it, gets room for all turns at once, instead of growing by doubling.

use super::func::Fx;
use super::ops::strip_coerce;
use super::place::{Growth, growth_of};
use super::runtime::Rt;
use crate::tree::{ExprKind, Place, Stmt, StmtKind, VarRef};
use mochi_ir::Value;

impl<'a> Fx<'_, 'a> {
    /// Makes room in lists for the turns of a loop that counts between two ints.
    pub(crate) fn reserve(&mut self, lists: &[VarRef], from: Value, to: Value) {
        for &var in lists {
            let list = self.read(var);
            self.rt_void(Rt::list_reserve, &[list, from, to]);
        }
    }
}

/// Lists, declared by statements just before a loop, to which each turn of it appends.
pub(super) fn appended(before: &[Stmt], of: &Stmt) -> Vec<VarRef> {
    let (StmtKind::ForRange { body, .. } | StmtKind::ForEach { body, .. }) = &of.kind else {
        return Vec::new();
    };
    let fresh = before.iter().filter_map(|s| match &s.kind {
        StmtKind::Let { var, value: Some(value) } => {
            matches!(strip_coerce(value).kind, ExprKind::List(_)).then_some(*var)
        }
        _ => None,
    });
    fresh.filter(|&var| always_appends(body, var) && ends_by_count(body, var, false)).collect()
}

/// The statements append to the list whatever conditions say.
fn always_appends(body: &[Stmt], var: VarRef) -> bool {
    body.iter().any(|s| match &s.kind {
        StmtKind::Assign { place, op, value } => {
            is(place, var) && matches!(growth_of(place, *op, value), Some(Growth::Append(_)))
        }
        StmtKind::If { then, otherwise, .. } => always_appends(then, var) && always_appends(otherwise, var),
        _ => false,
    })
}

/// No statement leaves the loop early, nor gives the variable another list.
fn ends_by_count(body: &[Stmt], var: VarRef, nested: bool) -> bool {
    body.iter().all(|s| match &s.kind {
        StmtKind::Break => nested,
        StmtKind::Return(_) => false,
        StmtKind::Assign { place, op, value } => !is(place, var) || growth_of(place, *op, value).is_some(),
        StmtKind::If { then, otherwise, .. } => {
            ends_by_count(then, var, nested) && ends_by_count(otherwise, var, nested)
        }
        StmtKind::While { body, .. } | StmtKind::ForRange { body, .. } | StmtKind::ForEach { body, .. } => {
            ends_by_count(body, var, true)
        }
        _ => true,
    })
}

fn is(place: &Place, var: VarRef) -> bool {
    place.root == var && place.steps.is_empty()
}
