//! What lowering has to know about variables before it emits code: which live in cells, which only
//! borrow a list ([`super::sharing`]), which nested function a variable always is.
//!
//! One walk over every function, then what functions inside say of variables goes to those around them.

use super::ops::strip_coerce;
use super::sharing::{Changed, is_container};
use crate::ast::BinOp;
use crate::parts::Part;
use crate::tree::{
    Builtin, Expr, ExprKind, FuncId, GlobalId, LocalId, Pattern, Place, Program, Query, Step, Stmt, StmtKind,
    VarRef,
};

/// What is known of a local.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct LocalFacts {
    /// Lives in a heap cell.
    pub(crate) cell: bool,
    /// The variable is made to point to something else after it was bound.
    pub(crate) rebound: bool,
    /// An element is stored, which may extend the list and rebind the variable.
    pub(crate) extended: bool,
    /// Declared without a value.
    pub(crate) uninit: bool,
    /// Declared with a value that is not none.
    some: bool,
    /// Given a value that may be none.
    doubtful: bool,
    /// Borrows its list: it is bound without a mark to what another place holds.
    pub(crate) borrows: bool,
    /// Always this nested function.
    pub(crate) known: Option<FuncId>,
}

/// Facts about a whole program.
pub(crate) struct Facts {
    /// By function and local.
    locals: Vec<Vec<LocalFacts>>,
    /// Functions that take their closure as first argument.
    pub(crate) has_env: Vec<bool>,
    /// Functions with a `return` that has a value.
    pub(crate) returns_value: Vec<bool>,
    /// The same facts about globals.
    globals: Vec<LocalFacts>,
}

struct Walker<'a> {
    program: &'a Program,
    changed: &'a Changed,
    facts: Facts,
    func: FuncId,
    /// Function that contains the closure expression of each function.
    parents: Vec<Option<FuncId>>,
}

impl Facts {
    /// Analyses a program.
    pub(crate) fn new(program: &Program, changed: &Changed) -> Facts {
        let n = program.functions.len();
        let locals = program.functions.iter().map(|f| vec![LocalFacts::default(); f.locals.len()]).collect();
        let globals = vec![LocalFacts::default(); program.globals.len()];
        let facts = Facts { locals, has_env: vec![false; n], returns_value: vec![false; n], globals };
        let mut w = Walker { program, changed, facts, func: FuncId(0), parents: vec![None; n] };
        let mut work = Vec::new();
        for (i, f) in program.functions.iter().enumerate() {
            w.func = FuncId(i as u32);
            for &p in &f.params {
                w.local(p).borrows = true;
            }
            work.push(Part::Stmts(&f.body));
            w.walk(&mut work);
        }
        w.cells();
        w.borrowers();
        w.facts
    }

    /// Facts about a local.
    pub(crate) fn local(&self, func: FuncId, local: LocalId) -> &LocalFacts {
        &self.locals[func.0 as usize][local.0 as usize]
    }

    /// Facts about a top-level variable.
    pub(crate) fn global(&self, global: GlobalId) -> &LocalFacts {
        &self.globals[global.0 as usize]
    }
}

impl LocalFacts {
    /// Whether the variable can hold none although its type has no option: what is known are declarations and
    /// assignments of lists that are made there.
    pub(crate) fn may_be_none(&self) -> bool {
        !self.some || self.doubtful
    }
}

impl Walker<'_> {
    fn local(&mut self, l: LocalId) -> &mut LocalFacts {
        &mut self.facts.locals[self.func.0 as usize][l.0 as usize]
    }

    fn var(&mut self, var: VarRef) -> &mut LocalFacts {
        match var {
            VarRef::Local(l) => self.local(l),
            VarRef::Global(g) => &mut self.facts.globals[g.0 as usize],
        }
    }

    /// Functions mention the variable, which can be called before it is declared.
    fn is_shared(&self, var: VarRef) -> bool {
        matches!(var, VarRef::Global(g) if self.program.globals[g.0 as usize].shared)
    }

    fn cells(&mut self) {
        let functions = &self.program.functions;
        for (func, facts) in functions.iter().zip(&mut self.facts.locals) {
            for (local, fact) in func.locals.iter().zip(facts) {
                fact.cell = local.captured && local.assigned;
            }
        }
        for (f, func) in functions.iter().enumerate() {
            let Some(parent) = self.parents[f] else { continue };
            for c in &func.captures {
                self.facts.locals[f][c.inner.0 as usize].uninit = self.facts.local(parent, c.outer).uninit;
            }
        }
        // A function stands behind the one that contains it.
        for (f, func) in functions.iter().enumerate().rev() {
            let Some(parent) = self.parents[f] else { continue };
            for c in &func.captures {
                let doubtful = self.facts.local(FuncId(f as u32), c.inner).doubtful;
                self.facts.locals[parent.0 as usize][c.outer.0 as usize].doubtful |= doubtful;
            }
        }
    }

    /// A variable that is rebound or captured is a holder like any other.
    fn borrowers(&mut self) {
        for (func, facts) in self.program.functions.iter().zip(&mut self.facts.locals) {
            for (local, fact) in func.locals.iter().zip(facts) {
                fact.borrows &= !fact.rebound && !local.captured;
            }
        }
    }

    /// Without recursion: chains of operators can be very long.
    fn walk(&mut self, work: &mut Vec<Part>) {
        while let Some(part) = work.pop() {
            match part {
                Part::Stmts(stmts) => {
                    for s in stmts {
                        self.stmt(s);
                        s.each_part(&mut |p| work.push(p));
                    }
                }
                Part::Expr(e) => {
                    self.expr(e);
                    e.each_part(&mut |p| work.push(p));
                }
            }
        }
    }

    fn stmt(&mut self, s: &Stmt) {
        match &s.kind {
            StmtKind::Let { var, value: None } => self.var(*var).uninit = true,
            StmtKind::Let { var, value: Some(e) } if is_some_list(e) && !self.is_shared(*var) => {
                self.var(*var).some = true;
            }
            StmtKind::Assign { place, op, value } => {
                let sum = matches!(op, Some(op) if *op != BinOp::Coalesce);
                if place.steps.is_empty() && !sum && !is_some_list(value) {
                    self.var(place.root).doubtful = true;
                }
                self.assigned(place);
            }
            StmtKind::Return(Some(e)) => {
                self.facts.returns_value[self.func.0 as usize] = true;
                // A parameter that is handed on is a holder, so that the return is a move.
                if let ExprKind::Var(VarRef::Local(l)) = e.kind {
                    self.local(l).borrows = false;
                }
            }
            StmtKind::ForEach { var: VarRef::Local(l), body, .. } => self.borrow(*l, [Part::Stmts(body)]),
            StmtKind::Update { fields, set, filter, .. } => {
                for &l in fields {
                    let scope = filter.iter().chain(set.iter().map(|s| &s.1));
                    self.borrow(l, scope.map(Part::Expr));
                }
            }
            StmtKind::NestedFun { local, func } => {
                self.closure(*func);
                if !self.program.functions[self.func.0 as usize].locals[local.0 as usize].assigned {
                    self.local(*local).known = Some(*func);
                }
            }
            StmtKind::Let { value: Some(_), .. } | StmtKind::ForEach { var: VarRef::Global(_), .. } => {}
            StmtKind::ForRange { .. } | StmtKind::While { .. } | StmtKind::If { .. } => {}
            StmtKind::Return(None) | StmtKind::Break | StmtKind::Continue | StmtKind::Expr(_) => {}
            StmtKind::Expect { .. } | StmtKind::Test { .. } | StmtKind::Bench { .. } => {}
        }
    }

    fn expr(&mut self, e: &Expr) {
        match &e.kind {
            ExprKind::Closure(f) => self.closure(*f),
            ExprKind::Match { arms, .. } => {
                for arm in arms {
                    match &arm.pattern {
                        // The value itself, which may be what a variable holds.
                        Pattern::Bind(l) => {
                            let scope = self.changed.of(self.program, self.func, [Part::Expr(&arm.result)]);
                            self.local(*l).borrows = !scope.grows_any();
                        }
                        parts => self.pattern(parts, &arm.result),
                    }
                }
            }
            ExprKind::Query(q) => self.query(q),
            // These bind no variable.
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Str(_) => {}
            ExprKind::None | ExprKind::Var(_) | ExprKind::FuncRef { .. } => {}
            ExprKind::List(_) | ExprKind::Map(_) | ExprKind::Struct { .. } => {}
            ExprKind::Unary { .. } | ExprKind::Binary { .. } | ExprKind::If { .. } => {}
            ExprKind::Block { .. } | ExprKind::Cast { .. } | ExprKind::Coerce { .. } => {}
            ExprKind::Call { .. } | ExprKind::CallValue { .. } | ExprKind::Partial { .. } => {}
            ExprKind::Builtin { .. } | ExprKind::Index { .. } | ExprKind::SafeIndex { .. } => {}
            ExprKind::Slice { .. } | ExprKind::Field { .. } | ExprKind::SafeField { .. } => {}
            ExprKind::DynField { .. } | ExprKind::GroupField { .. } | ExprKind::RowField { .. } => {}
        }
    }

    fn closure(&mut self, func: FuncId) {
        self.parents[func.0 as usize] = Some(self.func);
        self.facts.has_env[func.0 as usize] = true;
    }

    fn assigned(&mut self, place: &Place) {
        if place.steps.is_empty() {
            self.var(place.root).rebound = true;
        }
        if let VarRef::Local(l) = place.root {
            match place.steps.first() {
                None => {}
                Some((Step::Index(_), _)) => {
                    self.local(l).extended |= place.steps.len() == 1;
                }
                Some((Step::Field(_) | Step::DynField(_), _)) => {}
            }
        }
    }

    /// A variable bound to a part of an object while some code runs: it borrows when that code
    /// grows no list that is a part of an object.
    fn borrow<'e>(&mut self, l: LocalId, scope: impl IntoIterator<Item = Part<'e>>) {
        let ty = self.program.functions[self.func.0 as usize].locals[l.0 as usize].ty;
        self.local(l).borrows =
            is_container(&self.program.types, ty) && !self.changed.of(self.program, self.func, scope).inner;
    }

    fn pattern(&mut self, p: &Pattern, result: &Expr) {
        match p {
            Pattern::Bind(l) => self.borrow(*l, [Part::Expr(result)]),
            Pattern::Variant { fields, .. } => fields.iter().for_each(|f| self.pattern(f, result)),
            Pattern::Wildcard | Pattern::Literal(_) | Pattern::None => {}
        }
    }

    fn query(&mut self, q: &Query) {
        let locals = q.sources.iter().map(|s| s.0).chain(q.joins.iter().map(|j| j.local));
        for l in locals {
            self.borrow(l, q.exprs().map(Part::Expr));
        }
    }
}

/// Whether a value is a list that is made where the expression stands.
pub(super) fn is_some_list(e: &Expr) -> bool {
    match &strip_coerce(e).kind {
        ExprKind::List(_) => true,
        ExprKind::Builtin { builtin: Builtin::Append | Builtin::Push | Builtin::Concat, .. } => true,
        ExprKind::Query(q) => q.fold.is_none(),
        ExprKind::Binary { op: BinOp::Add, left, .. } => is_some_list(left),
        ExprKind::Cast { value } => is_some_list(value),
        ExprKind::If { then, otherwise, .. } => is_some_list(then) && is_some_list(otherwise),
        _ => false,
    }
}
