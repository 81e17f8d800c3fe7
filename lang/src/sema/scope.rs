//! Scopes, function contexts, captures and flow views.
//!
//! A scope maps names to bindings. Beside them it holds *views*: types under which a variable is
//! seen from some point of the scope on, either because a comparison with `none` narrowed it or
//! because a value of a more precise type was assigned. The variable itself keeps the type of its
//! declaration; a read under a view is a conversion node.
//!
//! Names of types and variants are kept in maps of their own; a scope remembers what those that are declared
//! in it meant outside.
//!
//! Captures are made when an inner function first mentions a variable of an outer one, through every
//! function between; whether the variables are assigned is settled at the end ([`Checker::settle_captures`]).

use super::Checker;
use super::effects::EffectSet;
use super::flow::Arm;
use super::typeref::TypeName;
use crate::span::Span;
use crate::tree::{Capture, Expr, ExprKind, FuncId, Global, GlobalId, Local, LocalId, VarRef};
use crate::types::{StructId, Ty, TyKind, UnionId};
use std::collections::{HashMap, HashSet};

/// A variable, wherever it was declared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum VarKey {
    /// A local of the function at this depth of the stack of contexts.
    Local(usize, LocalId),
    /// A top-level variable.
    Global(GlobalId),
    /// Field (by position) of the receiver, a local of the method at this depth.
    Field(usize, LocalId, u32),
}

/// A named variable.
#[derive(Clone, Debug)]
pub(super) struct Var {
    /// Which.
    pub key: VarKey,
    /// Type of the declaration.
    pub ty: Ty,
    /// Declared by `var`, a parameter or a loop.
    pub mutable: bool,
    /// What calling it may do, for closures bound to a name.
    pub effects: EffectSet,
    /// The declaration, when its type may be refined by later appends ([`super::infer`]).
    pub open: Option<Span>,
}

/// What a name means.
#[derive(Clone, Debug)]
pub(super) enum Binding {
    /// A variable or field.
    Var(Var),
    /// A generic function that is declared in a function or block, and needs nothing of it.
    Generic(FuncId),
    /// A sibling method inside a method: receiver's depth and local, struct, position.
    Method(usize, LocalId, StructId, u32),
    /// A declared foreign value: always none.
    Extern(Ty),
    /// A name whose declaration was rejected: uses are not reported again.
    Poison,
}

/// A view of a variable.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct View {
    /// Seen type.
    pub ty: Ty,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a view comes from.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Origin {
    /// A test for `none`.
    Test,
    /// An assignment, whose view lives on after the scope.
    Assignment,
    /// An earlier view ends here; or a part of a query knows more than another.
    Place,
}

/// A block, or a function's parameters.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    names: HashMap<String, Binding>,
    /// Types declared here, and what their names meant before.
    types: Vec<(String, Option<TypeName<'a>>)>,
    /// The same for variants.
    variants: Vec<(String, Option<(UnionId, StructId)>)>,
    /// Of a method: depth and local of the receiver, whose methods and fields are named here too.
    receiver: Option<(usize, LocalId, StructId)>,
    views: HashMap<VarKey, View>,
}

/// How a function's result type is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ResultMode {
    /// Declared (or `any` for functions without annotation).
    Declared(Ty),
    /// A lambda without annotation: the first `return` decides.
    Infer(Option<Ty>),
}

/// A function being checked.
#[derive(Debug)]
pub(super) struct FnCtx {
    /// Its place in the program.
    pub id: FuncId,
    /// Variables so far.
    pub locals: Vec<Local>,
    /// Those that are never assigned, declared by `let`.
    pub fixed: HashSet<LocalId>,
    /// Those that functions inside assign.
    pub exposed: HashSet<LocalId>,
    /// Captures so far.
    pub captures: Vec<Capture>,
    /// For a nested named function: the enclosing function's local that holds it, and its own.
    pub own_closure: Option<(LocalId, Option<LocalId>)>,
    /// Result.
    pub result: ResultMode,
    /// Loops around the current statement.
    pub loops: u32,
    /// Inside a block arm of a match from which no value is wanted, where `return` is rejected.
    pub statement_arm: u32,
    /// The enclosing function when this one is a closure.
    pub parent: Option<FuncId>,
}

impl<'a> Checker<'a> {
    /// Depth of the current function; 0 is the implicit main.
    pub(super) fn depth(&self) -> usize {
        self.ctx.len() - 1
    }

    /// The current function.
    pub(super) fn cur(&mut self) -> &mut FnCtx {
        let last = self.ctx.len() - 1;
        &mut self.ctx[last]
    }

    /// Opens a scope.
    pub(super) fn push_scope(&mut self) {
        self.scopes.push(Scope::default());
    }

    /// Closes a scope; what was assigned in it stays assigned.
    pub(super) fn pop_scope(&mut self) {
        let assigned = self.leave_scope();
        if let Some(outer) = self.scopes.last_mut() {
            let view = |ty| View { ty, origin: Origin::Assignment };
            outer.views.extend(assigned.into_iter().map(|(key, ty)| (key, view(ty))));
        }
    }

    /// Closes a scope; returned is what was assigned in it, which is forgotten here.
    pub(super) fn leave_scope(&mut self) -> Arm {
        let scope = self.scopes.pop().unwrap_or_default();
        scope.types.into_iter().rev().for_each(|(name, old)| restore(&mut self.type_names, name, old));
        scope.variants.into_iter().rev().for_each(|(name, old)| restore(&mut self.variants, name, old));
        let assigned = scope.views.into_iter().filter(|(_, v)| v.origin == Origin::Assignment);
        assigned.map(|(key, v)| (key, v.ty)).collect()
    }

    fn top_scope(&mut self) -> &mut Scope<'a> {
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    /// Binds a name in the innermost scope.
    pub(super) fn bind(&mut self, name: &str, binding: Binding) {
        self.top_scope().names.insert(name.to_string(), binding);
    }

    /// Gives a type's name its meaning in the innermost scope.
    pub(super) fn name_type(&mut self, name: &str, meaning: TypeName<'a>) {
        let old = self.type_names.insert(name.to_string(), meaning);
        self.top_scope().types.push((name.to_string(), old));
    }

    /// Gives a variant's name its meaning in the innermost scope.
    pub(super) fn name_variant(&mut self, name: &str, meaning: (UnionId, StructId)) {
        let old = self.variants.insert(name.to_string(), meaning);
        self.top_scope().variants.push((name.to_string(), old));
    }

    /// A fresh local of the current function, without a binding.
    pub(super) fn new_local(&mut self, name: &str, ty: Ty, span: Span) -> LocalId {
        let ctx = self.cur();
        ctx.locals.push(Local { name: name.to_string(), ty, captured: false, assigned: false, span });
        LocalId(ctx.locals.len() as u32 - 1)
    }

    /// A fresh local bound to its name.
    pub(super) fn declare_local(&mut self, name: &str, ty: Ty, mutable: bool, span: Span) -> LocalId {
        let id = self.new_local(name, ty, span);
        let key = VarKey::Local(self.depth(), id);
        self.bind(name, Binding::Var(Var { key, ty, mutable, effects: EffectSet::NONE, open: None }));
        id
    }

    /// Declares a `let` or `var`: a global at the top level, a local elsewhere.
    pub(super) fn declare(
        &mut self,
        name: &str,
        ty: Ty,
        mutable: bool,
        span: Span,
        effects: EffectSet,
    ) -> VarRef {
        let (key, var) = if self.scopes.len() == 1 {
            self.globals.push(Global { name: name.to_string(), ty, shared: false, span });
            let id = GlobalId(self.globals.len() as u32 - 1);
            if !mutable {
                self.fixed_globals.insert(id);
            }
            (VarKey::Global(id), VarRef::Global(id))
        } else {
            let id = self.new_local(name, ty, span);
            if !mutable {
                self.cur().fixed.insert(id);
            }
            (VarKey::Local(self.depth(), id), VarRef::Local(id))
        };
        self.bind(name, Binding::Var(Var { key, ty, mutable, effects, open: None }));
        var
    }

    /// Marks the newest binding of a name as refinable.
    pub(super) fn mark_open(&mut self, name: &str, decl: Span) {
        if let Some(Binding::Var(v)) = self.top_scope().names.get_mut(name) {
            v.open = Some(decl);
        }
    }

    /// The innermost scope names the methods and fields of a receiver.
    pub(super) fn set_receiver(&mut self, local: LocalId, sid: StructId) {
        let depth = self.depth();
        self.top_scope().receiver = Some((depth, local, sid));
    }

    /// What a name means in a scope.
    fn binding(&self, scope: &Scope<'a>, name: &str) -> Option<Binding> {
        if let Some(b) = scope.names.get(name) {
            return Some(b.clone());
        }
        let (depth, local, sid) = scope.receiver?;
        let def = self.types.struct_def(sid);
        if let Some(at) = def.methods.position(name) {
            return Some(Binding::Method(depth, local, sid, at as u32));
        }
        let at = def.fields.position(name)?;
        let key = VarKey::Field(depth, local, at as u32);
        let ty = def.fields[at].1;
        Some(Binding::Var(Var { key, ty, mutable: true, effects: EffectSet::NONE, open: None }))
    }

    /// What a name means here, and the view under which a variable is seen.
    pub(super) fn lookup(&self, name: &str) -> Option<(Binding, Option<View>)> {
        let binding = self.scopes.iter().rev().find_map(|s| self.binding(s, name))?;
        let view = match &binding {
            Binding::Var(v) => {
                let view = self.view_of(v.key);
                self.note_lookup(v.key, v.ty, view);
                view
            }
            _ => None,
        };
        Some((binding, view))
    }

    /// Whether a name means a variable of a function, or a part of a receiver.
    pub(super) fn is_local(&self, name: &str) -> bool {
        let inner = self.scopes.iter().skip(1).rev();
        let meaning = inner.filter_map(|s| self.binding(s, name)).next();
        matches!(meaning, Some(Binding::Var(_) | Binding::Method(..)))
    }

    /// The variable a name means, if it is one.
    pub(super) fn lookup_var(&self, name: &str) -> Option<(Var, Option<View>)> {
        match self.lookup(name)? {
            (Binding::Var(v), view) => Some((v, view)),
            _ => None,
        }
    }

    /// The view under which a variable is seen.
    pub(super) fn view_of(&self, key: VarKey) -> Option<View> {
        // Most variables never have one, and scopes may be nested deeply.
        if !self.viewed.contains(&key) {
            return None;
        }
        self.scopes.iter().rev().find_map(|s| s.views.get(&key).copied())
    }

    /// The type under which a variable is seen.
    pub(super) fn seen_type(&self, key: VarKey) -> Ty {
        self.view_of(key).map_or_else(|| self.declared_type(key), |v| v.ty)
    }

    /// Sets a view in the innermost scope.
    pub(super) fn set_view(&mut self, key: VarKey, view: View) {
        self.viewed.insert(key);
        self.top_scope().views.insert(key, view);
    }

    /// Opens the scope of a function, in which outer variables that can be assigned are seen under their
    /// declared types, options excepted; in a closure narrowed ones are, too.
    pub(super) fn push_function_scope(&mut self, closure: bool) {
        let mut ended: Vec<VarKey> = Vec::new();
        for scope in &self.scopes {
            for (&key, view) in &scope.views {
                let declared = self.declared_type(key);
                let option = matches!(self.types.kind(declared), TyKind::Option(_));
                let wrong = !option && view.ty != declared && !self.is_fixed(key);
                if wrong || closure && view.origin == Origin::Test {
                    ended.push(key);
                }
            }
        }
        self.push_scope();
        for key in ended {
            let ty = self.declared_type(key);
            self.set_view(key, View { ty, origin: Origin::Place });
        }
    }

    /// After a call that may assign anything: mutable variables lose their narrowing in this scope.
    pub(super) fn drop_mutable_narrowings(&mut self) {
        let mut narrowed: Vec<VarKey> = Vec::new();
        for scope in &self.scopes {
            narrowed.extend(scope.views.iter().filter(|(_, v)| v.origin == Origin::Test).map(|(k, _)| *k));
        }
        for key in narrowed {
            if !self.is_fixed(key) && self.view_of(key).is_some_and(|v| v.origin == Origin::Test) {
                let ty = self.declared_type(key);
                self.set_view(key, View { ty, origin: Origin::Place });
            }
        }
    }

    /// Declared by `let`.
    pub(super) fn is_fixed(&self, key: VarKey) -> bool {
        match key {
            VarKey::Local(depth, id) => self.ctx[depth].fixed.contains(&id),
            VarKey::Global(id) => self.fixed_globals.contains(&id),
            VarKey::Field(..) => false,
        }
    }

    pub(super) fn declared_type(&self, key: VarKey) -> Ty {
        let local = |depth: usize, id: LocalId| self.ctx[depth].locals[id.0 as usize].ty;
        match key {
            VarKey::Local(depth, id) => local(depth, id),
            VarKey::Global(id) => self.globals[id.0 as usize].ty,
            VarKey::Field(depth, id, field) => self.receiver_field(depth, id, field).1,
        }
    }

    /// Name and type of a receiver's field.
    pub(super) fn receiver_field(&self, depth: usize, id: LocalId, field: u32) -> &(String, Ty) {
        let TyKind::Struct(sid) = *self.types.kind(self.ctx[depth].locals[id.0 as usize].ty) else {
            unreachable!("a receiver is a struct")
        };
        &self.types.struct_def(sid).fields[field as usize]
    }

    /// The local of the current function through which it reaches a local of an outer one; makes
    /// the captures on the way.
    pub(super) fn reach(&mut self, depth: usize, local: LocalId) -> LocalId {
        let mut id = local;
        for level in depth + 1..self.ctx.len() {
            id = self.capture_at(level, id);
        }
        id
    }

    fn capture_at(&mut self, level: usize, outer: LocalId) -> LocalId {
        let from = self.ctx[level - 1].locals[outer.0 as usize].clone();
        if let Some((own, known)) = self.ctx[level].own_closure
            && own == outer
        {
            return known.unwrap_or_else(|| {
                let ctx = &mut self.ctx[level];
                ctx.locals.push(Local { captured: false, assigned: false, ..from });
                let id = LocalId(ctx.locals.len() as u32 - 1);
                ctx.own_closure = Some((own, Some(id)));
                id
            });
        }
        if let Some(c) = self.ctx[level].captures.iter().find(|c| c.outer == outer) {
            return c.inner;
        }
        self.ctx[level - 1].locals[outer.0 as usize].captured = true;
        let ctx = &mut self.ctx[level];
        ctx.locals.push(Local { captured: true, assigned: false, ..from });
        let inner = LocalId(ctx.locals.len() as u32 - 1);
        ctx.captures.push(Capture { outer, inner });
        inner
    }

    /// The variable as seen from the current function. For a field, its receiver.
    pub(super) fn var_ref(&mut self, key: VarKey) -> VarRef {
        match key {
            VarKey::Local(depth, id) | VarKey::Field(depth, id, _) => VarRef::Local(self.reach(depth, id)),
            VarKey::Global(id) => {
                if self.depth() > 0 {
                    self.globals[id.0 as usize].shared = true;
                }
                VarRef::Global(id)
            }
        }
    }

    /// Notes that a variable is assigned after its declaration.
    pub(super) fn mark_assigned(&mut self, var: VarRef) {
        if let VarRef::Local(id) = var {
            self.cur().locals[id.0 as usize].assigned = true;
        }
    }

    /// Reads a variable under its declared type, without its view.
    pub(super) fn read_declared(&mut self, var: &Var, span: Span) -> Expr {
        let root = self.var_ref(var.key);
        match var.key {
            VarKey::Field(depth, id, field) => {
                let ty = self.ctx[depth].locals[id.0 as usize].ty;
                let base = Box::new(Expr { kind: ExprKind::Var(root), ty, span });
                Expr { kind: ExprKind::Field { base, field }, ty: var.ty, span }
            }
            _ => Expr { kind: ExprKind::Var(root), ty: var.ty, span },
        }
    }

    /// Makes the flags of captured variables agree between the functions that share them: one that
    /// is assigned anywhere is assigned everywhere.
    pub(super) fn settle_captures(&mut self) {
        let order: Vec<usize> = (0..self.functions.len()).collect();
        for &f in order.iter().rev().chain(order.iter()) {
            let Some(parent) = self.parents[f] else { continue };
            for i in 0..self.functions[f].captures.len() {
                let Capture { outer, inner } = self.functions[f].captures[i];
                let up = &self.functions[parent.0 as usize].locals[outer.0 as usize];
                let down = &self.functions[f].locals[inner.0 as usize];
                let assigned = up.assigned || down.assigned;
                self.functions[parent.0 as usize].locals[outer.0 as usize].assigned = assigned;
                self.functions[f].locals[inner.0 as usize].assigned = assigned;
            }
        }
    }
}

fn restore<T>(names: &mut HashMap<String, T>, name: String, old: Option<T>) {
    match old {
        Some(meaning) => names.insert(name, meaning),
        None => names.remove(&name),
    };
}
