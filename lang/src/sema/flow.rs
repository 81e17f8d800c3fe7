//! Under which types variables are seen where ways through the program part and meet.
//!
//! After `x = value` a variable of type `any`, of an option or of a union is seen under the type of the
//! value, from there on in the scope; `x != none` narrows an option. Such a *view* must be true on every
//! way that leads to a read, because the read converts the value to the type of the view:
//!
//! - **Arms** (of `if`, `match`, `&&`, `||`, `??`, tests): what each way assigned meets after them. Where
//!   the ways disagree the variable is seen as declared. An arm that leaves (`return`, `break`,
//!   `continue`, `panic`, `exit`) is no way to what follows.
//! - **Loops**, queries among them: a view that holds before a loop holds inside when everything that the
//!   loop assigns has the same type. That is known at its end: when it was wrong, what was walked is walked
//!   again with the variable as declared in this loop ([`super::infer`]).
//! - **Functions** see outer variables that can be assigned as declared. A variable that another function
//!   than its own assigns, and a field of a receiver, is *exposed*: calls end its views. This is not so for
//!   options, whose none may be in a place of any type: there a wrong view is no wrong conversion.

use super::Checker;
use super::scope::{Origin, Var, VarKey, View};
use crate::span::Span;
use crate::tree::{Expr, ExprKind as T, Pattern, Stmt, StmtKind as S};
use crate::types::{Ty, TyKind};
use std::collections::{BTreeMap, HashSet};

/// A loop and the name of a variable that is seen as declared in it.
pub(super) type Unkept = HashSet<(Span, String)>;

/// What an arm assigns: the type under which each variable is seen at its end.
pub(super) type Arm = BTreeMap<VarKey, Ty>;

/// What is known while a function is walked.
#[derive(Default)]
pub(super) struct Flow {
    /// What the loops around it assign: the type, unless there are several.
    loops: Vec<BTreeMap<VarKey, Option<Ty>>>,
    /// Exposed variables that have a view.
    watched: Vec<VarKey>,
}

/// Top-level variables that functions assign, by name, over all walks.
#[derive(Default)]
pub(super) struct Exposed {
    names: HashSet<String>,
    /// Names of those that had a view while no function was known to assign them.
    pub trusted: HashSet<String>,
    /// One of them was found to be assigned by a function.
    pub broken: bool,
}

impl<'a> Checker<'a> {
    /// Walks one of several ways, whose assignments are [joined](Checker::join_arms) by the caller.
    pub(super) fn arm<R>(&mut self, walk: impl FnOnce(&mut Checker<'a>) -> R) -> (R, Arm) {
        self.push_scope();
        let made = walk(self);
        (made, self.leave_scope())
    }

    /// Walks what may be executed once, or not at all.
    pub(super) fn perhaps<R>(&mut self, walk: impl FnOnce(&mut Checker<'a>) -> R) -> R {
        let (made, arm) = self.arm(walk);
        self.join_arms(&[arm], false);
        made
    }

    /// The ways meet; unless they are `all`, there is one more that assigns nothing.
    pub(super) fn join_arms(&mut self, arms: &[Arm], all: bool) {
        let keys: Vec<VarKey> = arms.iter().flat_map(|a| a.keys().copied()).collect();
        for key in keys {
            let before = self.seen_type(key);
            let mut ends = arms.iter().map(|a| a.get(&key).copied().unwrap_or(before));
            let first = if all { ends.next().unwrap_or(before) } else { before };
            let ty = if ends.all(|t| t == first) { first } else { self.declared_type(key) };
            self.assigned(key, ty);
        }
    }

    /// Walks the body of a loop, in which names of `unkept` variables are seen as declared.
    pub(super) fn looped<R>(&mut self, at: Span, walk: impl FnOnce(&mut Checker<'a>) -> R) -> R {
        self.flow.loops.push(BTreeMap::new());
        let (made, _) = self.arm(|c| {
            c.forget_unkept(at);
            walk(c)
        });
        for (key, ty) in self.flow.loops.pop().unwrap_or_default() {
            let (before, declared) = (self.seen_type(key), self.declared_type(key));
            if ty == Some(before) {
                continue;
            }
            if before != declared {
                let name = self.name_of(key);
                self.refinements_mut().unkept.insert((at, name));
            }
            self.assigned(key, declared);
        }
        made
    }

    /// Inside a loop that a walk before this one was wrong about.
    fn forget_unkept(&mut self, at: Span) {
        let names: Vec<String> =
            self.refinements().unkept.iter().filter(|(s, _)| *s == at).map(|(_, n)| n.clone()).collect();
        for name in names {
            if let Some((var, Some(_))) = self.lookup_var(&name) {
                self.set_view(var.key, View { ty: var.ty, origin: Origin::Place });
            }
        }
    }

    /// Walks a function: it is executed at another time than what stands around it.
    pub(super) fn apart<R>(&mut self, walk: impl FnOnce(&mut Checker<'a>) -> R) -> R {
        let outer = std::mem::take(&mut self.flow);
        let (made, _) = self.arm(walk);
        let inner = std::mem::replace(&mut self.flow, outer);
        let depth = self.depth();
        let known = |key: &VarKey| match key {
            VarKey::Local(d, _) | VarKey::Field(d, ..) => *d <= depth,
            VarKey::Global(_) => true,
        };
        self.flow.watched.extend(inner.watched.into_iter().filter(known));
        made
    }

    /// From here on the variable is seen under this type.
    pub(super) fn assigned(&mut self, key: VarKey, ty: Ty) {
        if self.view_of(key).is_none() && ty == self.declared_type(key) {
            return;
        }
        self.set_view(key, View { ty, origin: Origin::Assignment });
        self.watch(key);
        for all in &mut self.flow.loops {
            let types = all.entry(key).or_insert(Some(ty));
            if *types != Some(ty) {
                *types = None;
            }
        }
    }

    /// A variable has got a view: notes whether calls end it.
    pub(super) fn watch(&mut self, key: VarKey) {
        if self.is_fixed(key) || matches!(self.types.kind(self.declared_type(key)), TyKind::Option(_)) {
            return;
        }
        let exposed = match key {
            VarKey::Field(..) => true,
            VarKey::Local(depth, id) => self.ctx[depth].exposed.contains(&id),
            VarKey::Global(id) => {
                let name = &self.globals[id.0 as usize].name;
                let exposed = self.exposed.names.contains(name);
                if !exposed && !self.exposed.trusted.contains(name) {
                    self.exposed.trusted.insert(name.clone());
                }
                exposed
            }
        };
        if exposed {
            self.flow.watched.push(key);
        }
    }

    /// A variable is assigned here: by another function than its own it is exposed.
    pub(super) fn expose(&mut self, var: &Var) {
        match var.key {
            VarKey::Local(depth, id) if depth < self.depth() => {
                self.ctx[depth].exposed.insert(id);
                self.flow.watched.push(var.key);
            }
            VarKey::Global(id) if self.depth() > 0 => {
                let name = self.globals[id.0 as usize].name.clone();
                self.exposed.broken |= self.exposed.trusted.contains(&name);
                self.exposed.names.insert(name);
            }
            _ => {}
        }
    }

    /// A function is called that may assign whatever is exposed.
    fn end_exposed_views(&mut self) {
        for key in std::mem::take(&mut self.flow.watched) {
            let declared = self.declared_type(key);
            if self.seen_type(key) != declared {
                self.assigned(key, declared);
            }
        }
    }

    /// After a call: ends views, if it may run a function of the program.
    pub(super) fn after_call(&mut self, call: &Expr) {
        let runs = match &call.kind {
            T::Builtin { args, .. } => args.iter().any(|a| matches!(self.types.kind(a.ty), TyKind::Fun(..))),
            _ => true,
        };
        if runs {
            self.end_exposed_views();
        }
    }

    fn name_of(&self, key: VarKey) -> String {
        match key {
            VarKey::Local(depth, id) => self.ctx[depth].locals[id.0 as usize].name.clone(),
            VarKey::Global(id) => self.globals[id.0 as usize].name.clone(),
            VarKey::Field(depth, id, field) => self.receiver_field(depth, id, field).0.clone(),
        }
    }
}

/// Whether what follows statements is not reached from them. What is not named here may go on.
pub(super) fn leaves(body: &[Stmt]) -> bool {
    body.last().is_some_and(|s| match &s.kind {
        S::Return(_) | S::Break | S::Continue => true,
        S::Expr(e) => leaves_by(e),
        S::If { then, otherwise, .. } => leaves(then) && leaves(otherwise),
        _ => false,
    })
}

/// Whether what follows an expression is not reached from it: it has no value to disagree with others. What is
/// not named here may have one.
pub(super) fn leaves_by(e: &Expr) -> bool {
    match &e.kind {
        T::Builtin { builtin, .. } => builtin.ends(),
        T::Block { body, value } => leaves(body) || value.as_deref().is_some_and(leaves_by),
        T::Coerce { value } | T::Cast { value } => leaves_by(value),
        T::If { then, otherwise, .. } => leaves_by(then) && leaves_by(otherwise),
        // Without such a last arm a value may match none.
        T::Match { arms, .. } => {
            let all = arms.last().is_some_and(|a| matches!(a.pattern, Pattern::Wildcard | Pattern::Bind(_)));
            all && arms.iter().all(|a| leaves_by(&a.result))
        }
        _ => false,
    }
}
