//! What a piece of program may change: variables, parts of objects, and the lists it grows in place.
//!
//! A list is grown through its holder: a top-level variable, a local, a cell, or a part of some
//! object. A walk over every function finds the places it changes; a work list adds those of its
//! callees. Calls of function values may be calls of any function that is used as a value.

use crate::ast::BinOp;
use crate::lower::func::Fx;
use crate::lower::place::growth_of;
use crate::lower::variables::Home;
use crate::parts::Part;
use crate::tree::{Expr, ExprKind, FuncId, GlobalId, LocalId, Place, Program, Step, StmtKind, VarRef};
use crate::types::{Ty, TyKind, Types};
use std::collections::BTreeSet;

/// A set of more top-level variables than this stands for all of them.
const MANY: usize = 64;

/// A set of variables.
#[derive(Clone, Default)]
struct Vars {
    globals: BTreeSet<GlobalId>,
    /// All top-level variables.
    many: bool,
    /// Of the function that contains the code.
    locals: BTreeSet<LocalId>,
    /// Variables that functions share.
    cells: bool,
}

impl Vars {
    fn is_empty(&self) -> bool {
        self.globals.is_empty() && self.locals.is_empty() && !self.many && !self.cells
    }

    /// Adds those of a callee; whether that was new.
    fn add(&mut self, callee: &Vars) -> bool {
        let before = (self.globals.len(), self.many, self.cells);
        self.many |= callee.many;
        if !self.many {
            self.globals.extend(&callee.globals);
            self.many = self.globals.len() > MANY;
        }
        if self.many {
            self.globals.clear();
        }
        self.cells |= callee.cells;
        before != (self.globals.len(), self.many, self.cells)
    }

    /// Adds a variable; a local may live in a cell.
    fn insert(&mut self, var: VarRef, cell: bool) {
        match var {
            VarRef::Global(g) => {
                self.globals.insert(g);
            }
            VarRef::Local(l) => {
                self.locals.insert(l);
                self.cells |= cell;
            }
        }
    }

    fn contains(&self, var: VarRef, cell: bool) -> bool {
        match var {
            VarRef::Global(g) => self.many || self.globals.contains(&g),
            VarRef::Local(l) => self.locals.contains(&l) || (cell && self.cells),
        }
    }
}

/// What code may change.
#[derive(Clone, Default)]
pub(crate) struct Changes {
    assigned: Vars,
    /// Variables whose list grows in place.
    grown: Vars,
    /// Fields of structs, elements of lists, values of maps.
    parts: bool,
    /// Such parts that are containers, assigned or grown.
    pub(crate) inner: bool,
}

impl Changes {
    fn is_none(&self) -> bool {
        self.assigned.is_empty() && !self.parts
    }

    /// Whether some list may grow where it is.
    pub(crate) fn grows_any(&self) -> bool {
        self.inner || !self.grown.is_empty()
    }

    /// Adds what a callee changes; whether that was new.
    fn add(&mut self, callee: &Changes) -> bool {
        let before = (self.parts, self.inner);
        self.parts |= callee.parts;
        self.inner |= callee.inner;
        let assigned = self.assigned.add(&callee.assigned);
        let grown = self.grown.add(&callee.grown);
        assigned || grown || before != (self.parts, self.inner)
    }
}

/// What each function may change, callees included.
pub(crate) struct Changed {
    funcs: Vec<Changes>,
    /// Some function that is used as a value.
    values: Changes,
}

impl Changed {
    /// Analyses a program.
    pub(crate) fn new(program: &Program) -> Changed {
        // The last node stands for calls of function values.
        let unknown = program.functions.len();
        let mut own: Vec<Changes> = Vec::with_capacity(unknown + 1);
        let mut callers: Vec<Vec<usize>> = vec![Vec::new(); unknown + 1];
        for (i, f) in program.functions.iter().enumerate() {
            let mut scan = Scan { program, func: FuncId(i as u32), found: Found::default() };
            scan.part(Part::Stmts(&f.body));
            let found = scan.found;
            own.push(found.own);
            found.calls.iter().for_each(|c| callers[c.0 as usize].push(i));
            found.values.iter().for_each(|v| callers[v.0 as usize].push(unknown));
            if found.calls_value {
                callers[unknown].push(i);
            }
        }
        own.push(Changes::default());
        // A function comes back only with more changes, of which there are no more than variables in two sets
        // of at most MANY, and six flags.
        let mut work: Vec<usize> = (0..=unknown).filter(|&f| !own[f].is_none()).collect();
        while let Some(f) = work.pop() {
            let from = std::mem::take(&mut own[f]);
            for &caller in &callers[f] {
                if caller != f && own[caller].add(&from) {
                    work.push(caller);
                }
            }
            own[f] = from;
        }
        let values = own.pop().expect("the last node");
        Changed { funcs: own, values }
    }

    /// What code of a function may change.
    pub(crate) fn of<'a>(
        &self,
        program: &Program,
        func: FuncId,
        parts: impl IntoIterator<Item = Part<'a>>,
    ) -> Changes {
        let mut scan = Scan { program, func, found: Found::default() };
        parts.into_iter().for_each(|p| scan.part(p));
        let mut all = scan.found.own;
        for callee in scan.found.calls {
            all.add(&self.funcs[callee.0 as usize]);
        }
        if scan.found.calls_value {
            all.add(&self.values);
        }
        all
    }
}

/// What a walk has found.
#[derive(Default)]
struct Found {
    own: Changes,
    calls: BTreeSet<FuncId>,
    calls_value: bool,
    /// Functions made into values.
    values: BTreeSet<FuncId>,
}

struct Scan<'p> {
    program: &'p Program,
    func: FuncId,
    found: Found,
}

impl Scan<'_> {
    /// Without recursion: chains of operators can be very long.
    fn part(&mut self, part: Part<'_>) {
        let mut work = vec![part];
        while let Some(part) = work.pop() {
            match part {
                Part::Stmts(stmts) => {
                    for s in stmts {
                        match &s.kind {
                            StmtKind::Assign { place, op, value } => self.assign(place, *op, value),
                            StmtKind::NestedFun { func, .. } => {
                                self.found.values.insert(*func);
                            }
                            StmtKind::Update { set, .. } => self.update(set),
                            StmtKind::Let { .. } | StmtKind::ForRange { .. } | StmtKind::ForEach { .. } => {}
                            StmtKind::If { .. } | StmtKind::While { .. } | StmtKind::Expr(_) => {}
                            StmtKind::Return(_) | StmtKind::Break | StmtKind::Continue => {}
                            StmtKind::Expect { .. } | StmtKind::Test { .. } | StmtKind::Bench { .. } => {}
                        }
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

    fn expr(&mut self, e: &Expr) {
        match &e.kind {
            ExprKind::Call { func, .. } => {
                self.found.calls.insert(*func);
            }
            ExprKind::Closure(func) | ExprKind::FuncRef { func, .. } => {
                self.found.values.insert(*func);
            }
            ExprKind::CallValue { .. } => self.found.calls_value = true,
            ExprKind::Builtin { builtin, .. } if builtin.sharing().calls() => self.found.calls_value = true,
            // These run no function themselves.
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Str(_) => {}
            ExprKind::None | ExprKind::Var(_) | ExprKind::Builtin { .. } => {}
            ExprKind::List(_) | ExprKind::Map(_) | ExprKind::Struct { .. } => {}
            ExprKind::Unary { .. } | ExprKind::Binary { .. } | ExprKind::If { .. } => {}
            ExprKind::Match { .. } | ExprKind::Block { .. } | ExprKind::Query(_) => {}
            ExprKind::Partial { .. } | ExprKind::Cast { .. } | ExprKind::Coerce { .. } => {}
            ExprKind::Index { .. } | ExprKind::SafeIndex { .. } | ExprKind::Slice { .. } => {}
            ExprKind::Field { .. } | ExprKind::SafeField { .. } | ExprKind::DynField { .. } => {}
            ExprKind::GroupField { .. } | ExprKind::RowField { .. } => {}
        }
    }

    fn assign(&mut self, place: &Place, op: Option<BinOp>, value: &Expr) {
        let cell = self.is_shared(place.root);
        let own = &mut self.found.own;
        let grows = growth_of(place, op, value).is_some();
        let Some((last, leading)) = place.steps.split_last() else {
            own.assigned.insert(place.root, cell);
            if grows {
                own.grown.insert(place.root, cell);
            }
            return;
        };
        own.parts = true;
        own.inner |= is_container(&self.program.types, last.1);
        // A store beyond the end of a list grows it, and may write it back to what holds it.
        let container = leading.last().map_or(place.root_ty, |step| step.1);
        if matches!(last.0, Step::Index(_)) && is_growable(&self.program.types, container) {
            match leading {
                [] => {
                    own.assigned.insert(place.root, cell);
                    own.grown.insert(place.root, cell);
                }
                _ => own.inner = true,
            }
        }
    }

    fn update(&mut self, set: &[(u32, Expr)]) {
        self.found.own.parts = true;
        self.found.own.inner |= set.iter().any(|(_, e)| is_container(&self.program.types, e.ty));
    }

    /// Whether a local may live in a cell.
    fn is_shared(&self, var: VarRef) -> bool {
        let VarRef::Local(l) = var else { return false };
        let f = &self.program.functions[self.func.0 as usize];
        f.locals[l.0 as usize].captured || f.captures.iter().any(|c| c.inner == l)
    }
}

/// Whether values of a type have parts that can be assigned.
pub(crate) fn is_container(types: &Types, ty: Ty) -> bool {
    match types.kind(ty) {
        TyKind::Option(t) => is_container(types, *t),
        TyKind::Unit | TyKind::Int | TyKind::Int64 | TyKind::BigInt | TyKind::BigRat => false,
        TyKind::Float | TyKind::Bool | TyKind::Str => false,
        TyKind::Fun(..) | TyKind::Variadic(..) => false,
        _ => true,
    }
}

/// Whether a value of a type may be a list that a store extends.
fn is_growable(types: &Types, ty: Ty) -> bool {
    match types.kind(ty) {
        TyKind::Option(t) => is_growable(types, *t),
        TyKind::List(_) | TyKind::Any => true,
        _ => false,
    }
}

impl<'a> Fx<'_, 'a> {
    /// What evaluating expressions may change.
    pub(crate) fn changes<'e>(&self, es: impl IntoIterator<Item = &'e Expr>) -> Changes {
        let func = self.instance.as_ref().expect("code belongs to a function").func;
        self.lw.changed.of(self.lw.program, func, es.into_iter().map(Part::Expr))
    }

    /// Whether code may grow the list that a variable holds; without one, any list.
    pub(crate) fn may_grow(&mut self, changes: &Changes, var: Option<VarRef>) -> bool {
        match var {
            Some(var) => changes.grown.contains(var, self.is_cell(var)),
            None => changes.grows_any(),
        }
    }

    /// Whether code may change what an expression of variables, parts and operators reads.
    pub(crate) fn may_change(&mut self, changes: &Changes, e: &Expr) -> bool {
        if changes.is_none() {
            return false;
        }
        let mut changed = match e.kind {
            ExprKind::Var(var) => self.may_assign(changes, var),
            ExprKind::Index { .. } | ExprKind::Field { .. } => changes.parts,
            _ => false,
        };
        e.each_part(&mut |part| {
            changed |= match part {
                Part::Expr(e) => self.may_change(changes, e),
                Part::Stmts(_) => true,
            }
        });
        changed
    }

    /// Whether code may assign a variable.
    pub(crate) fn may_assign(&mut self, changes: &Changes, var: VarRef) -> bool {
        changes.assigned.contains(var, self.is_cell(var))
    }

    fn is_cell(&mut self, var: VarRef) -> bool {
        matches!(self.home(var), Home::Cell(_))
    }
}
