//! Who may hold a list: what lets `append` push in place.
//!
//! By definition `append`, `+`, `concat` and a store past the end make a fresh list. Programs build
//! lists by `xs = append(xs, x)`, which must not copy; it pushes in place when nobody can see the
//! difference. The same text with the copy in a variable of its own (`let t = append(xs, x)`,
//! `xs = t`) has to print the same.
//!
//! # Words
//!
//! - A *holder* of a list is a place that refers to it: a variable, a cell, a field, an element, a
//!   value of a map, a capture of a closure.
//! - A list is *shared* when its header is marked: a second holder may exist. Marks stay.
//! - A value is *fresh* when no place holds it ([`Fx::is_fresh`]), or it is shared already.
//! - An operation *reads* a value when it is done with it at once, and *keeps* it when it gives it a
//!   holder.
//! - A variable *borrows* a list when it is bound to what another place holds and is no holder
//!   itself.
//!
//! # Rules
//!
//! 1. **A list without a mark has at most one holder.** Only such a list grows where it is; the place
//!    is its holder (`place.rs`, `list_append_place_*`, `list_store`).
//! 2. To keep a value is to mark it, unless it is fresh: [`Fx::keep`]. Nothing else stores the value
//!    of an expression in a place or gives it to code that might.
//! 3. A result of a function is fresh: `return` keeps its value, or moves it out of a local that is
//!    its holder and dies ([`Fx::return_value`]).
//! 4. Loop, query and pattern variables, and parameters, borrow. Such a variable is never rebound and
//!    never captured, a parameter never returned, and the code in its scope grows no list that is a
//!    part of an object; otherwise it is a holder: binding it marks the list ([`Fx::bind_part`]), or
//!    the caller keeps the argument ([`Fx::lends`]). A store past the end through a variable that
//!    borrows always copies ([`Fx::is_borrower`]).
//! 5. A value read before other code runs has to stay as it was: when that code may grow the list
//!    ([`changes`]), it is marked ([`Fx::read_before`]), or pinned for the time in which the element
//!    of an `append` to the same place is computed (`list_pin`).
//! 6. What is in an `any` moves from holder to holder unseen, so a list in an `any` is always shared:
//!    every conversion to `any` marks (`any_from_list` in the runtime).
//! 7. A copy of elements into another list gives the lists among them a second holder: in the runtime
//!    every such copy ends in `list_copied`, which marks them.
//! 8. What a builtin does with its arguments, and whether its result is fresh, says its row
//!    ([`crate::sema::Sharing`]). One that says nothing keeps all and gives a part of it.

mod changes;

pub(crate) use changes::{Changed, is_container};

use super::func::Fx;
use super::ops::strip_coerce;
use super::variables::Home;
use crate::ast::BinOp;
use crate::builtins::Gives;
use crate::lower::runtime::Rt;
use crate::tree::{Expr, ExprKind, FuncId, VarRef};
use crate::types::Ty;
use mochi_ir::Value;

impl<'a> Fx<'_, 'a> {
    /// Notes that a list may have a second holder from now on.
    pub(crate) fn share(&mut self, list: Value) {
        self.rt_void(Rt::list_share, &[list]);
    }

    /// Evaluates an expression whose value gets a holder.
    pub(crate) fn keep(&mut self, e: &'a Expr) -> Value {
        let v = self.expr(e);
        let ty = self.ty(e.ty);
        if self.lw.types.is_list(ty) && !self.is_fresh(e) {
            self.share(v);
        }
        v
    }

    /// [`Fx::keep`], converted to a resolved type.
    pub(crate) fn keep_as(&mut self, e: &'a Expr, want: Ty) -> Value {
        let v = self.keep(e);
        let have = self.ty(e.ty);
        self.convert(v, have, want)
    }

    /// Whether no place holds the value of the expression unless it is marked.
    pub(crate) fn is_fresh(&self, e: &Expr) -> bool {
        match &e.kind {
            ExprKind::Var(_)
            | ExprKind::Index { .. }
            | ExprKind::Field { .. }
            | ExprKind::DynField { .. }
            | ExprKind::GroupField { .. }
            | ExprKind::RowField { .. }
            | ExprKind::SafeField { .. }
            | ExprKind::SafeIndex { .. } => false,
            ExprKind::Cast { value } | ExprKind::Coerce { value } => self.is_fresh(value),
            ExprKind::Binary { op: BinOp::Coalesce, left, right } => {
                self.is_fresh(left) && self.is_fresh(right)
            }
            ExprKind::Builtin { builtin, .. } => builtin.sharing().gives != Gives::Part,
            ExprKind::If { then, otherwise, .. } => self.is_fresh(then) && self.is_fresh(otherwise),
            ExprKind::Match { arms, .. } => arms.iter().all(|a| self.is_fresh(&a.result)),
            ExprKind::Block { value, .. } => value.as_ref().is_none_or(|v| self.is_fresh(v)),
            ExprKind::Query(q) => q.fold.is_none(),
            // Literals and slices make lists; functions give fresh ones.
            ExprKind::List(_) | ExprKind::Slice { .. } | ExprKind::Binary { .. } => true,
            ExprKind::Call { .. } | ExprKind::CallValue { .. } => true,
            // No lists.
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Str(_) | ExprKind::None => {
                true
            }
            ExprKind::Map(_) | ExprKind::Struct { .. } | ExprKind::Unary { .. } => true,
            ExprKind::FuncRef { .. } | ExprKind::Closure(_) | ExprKind::Partial { .. } => true,
        }
    }

    /// The value that a `return` of a function with this result type gives.
    pub(crate) fn return_value(&mut self, e: &'a Expr, ty: Ty) -> Value {
        if self.is_movable(e) { self.expr_as(e, ty) } else { self.keep_as(e, ty) }
    }

    /// A local that dies with this return and is the only holder the function knows of.
    fn is_movable(&mut self, e: &Expr) -> bool {
        let ExprKind::Var(VarRef::Local(l)) = e.kind else { return false };
        let facts = self.facts(l);
        !facts.borrows && !facts.cell && !self.fun.expect("function").locals[l.0 as usize].captured
    }

    // Borrowing.

    /// Binds a variable to a part of what another place holds; marks lists unless it borrows.
    pub(crate) fn bind_part(&mut self, var: VarRef, ty: Ty, value: Value) {
        if !self.is_borrower(var) && self.lw.types.is_list(ty) {
            self.share(value);
        }
        self.bind(var, value);
    }

    /// Whether a variable may be bound to a list that another place holds without a mark.
    pub(crate) fn is_borrower(&mut self, var: VarRef) -> bool {
        match var {
            VarRef::Local(l) => self.facts(l).borrows,
            VarRef::Global(_) => false,
        }
    }

    /// Whether an argument goes to a parameter that borrows it from a variable that nobody else can
    /// change during the call.
    pub(crate) fn lends(&mut self, func: FuncId, k: usize, arg: &Expr) -> bool {
        let ExprKind::Var(var @ VarRef::Local(_)) = arg.kind else { return false };
        let param = self.lw.program.functions[func.0 as usize].params[k];
        self.lw.facts.local(func, param).borrows && self.is_private(var)
    }

    // What other code may do in between.

    /// Evaluates an operand whose value has to stay as it is while `later` is evaluated.
    pub(crate) fn read_before(&mut self, e: &'a Expr, later: impl IntoIterator<Item = &'a Expr>) -> Value {
        let v = self.expr(e);
        self.stays(e, v, later);
        v
    }

    /// [`Fx::read_before`] of an operand that was evaluated.
    pub(crate) fn stays(&mut self, e: &Expr, v: Value, later: impl IntoIterator<Item = &'a Expr>) {
        if !self.is_fresh(e) {
            let ty = self.ty(e.ty);
            let var = if let ExprKind::Var(var) = strip_coerce(e).kind { Some(var) } else { None };
            self.stays_in(v, ty, var, later);
        }
    }

    /// The same for the value of a variable, or of some other place.
    pub(crate) fn stays_in(
        &mut self,
        v: Value,
        ty: Ty,
        var: Option<VarRef>,
        later: impl IntoIterator<Item = &'a Expr>,
    ) {
        if self.lw.types.is_list(ty) {
            let changes = self.changes(later);
            if self.may_grow(&changes, var) {
                self.share(v);
            }
        }
    }

    /// Whether a variable is a builder variable that no other function can change.
    pub(crate) fn is_private(&mut self, var: VarRef) -> bool {
        matches!(self.home(var), Home::Var(_))
    }
}
