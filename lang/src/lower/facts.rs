//! What lowering has to know about variables before it emits code: which live in cells, which
//! parameters a function keeps, which locals only borrow what another place holds.
//!
//! One walk over every function, then two fixed points: cells (a captured variable that is assigned
//! anywhere is a cell in every function that mentions it) and kept parameters (a parameter is kept
//! when it may be stored, returned, captured, rebound, or passed on to a parameter that is kept;
//! an argument for any other parameter needs no *shared* mark). The left spine of binary operators
//! is walked in a loop: chains can be very long.

use super::changes::{Changed, is_container};
use crate::ast::BinOp;
use crate::parts::Part;
use crate::tree::{
    Builtin, Expr, ExprKind, FuncId, LocalId, Pattern, Place, Program, Query, Step, Stmt, StmtKind, VarRef,
};
use crate::types::TyKind;

/// What is known of a local.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct LocalFacts {
    /// Lives in a heap cell.
    pub(crate) cell: bool,
    /// The variable is made to point to something else after it was bound (assignment, growth).
    pub(crate) rebound: bool,
    /// An element is stored through the variable, so a list may grow and rebind it.
    pub(crate) stored: bool,
    /// Declared without a value somewhere.
    pub(crate) uninit: bool,
    /// Bound to something that another place holds (loop, pattern and query variables, captures).
    pub(crate) borrowed: bool,
    /// A borrowed list may grow in its other place while the variable lives.
    pub(crate) unsteady: bool,
    /// The value may outlive the variable's function or get a second holder.
    pub(crate) kept: bool,
    /// Always this nested function.
    pub(crate) known: Option<FuncId>,
}

/// Facts about a whole program.
pub(crate) struct Facts {
    /// By function and local.
    pub(crate) locals: Vec<Vec<LocalFacts>>,
    /// Functions that take their closure as first argument.
    pub(crate) has_env: Vec<bool>,
    /// Functions with a `return` that has a value.
    pub(crate) returns_value: Vec<bool>,
    /// Globals declared without a value somewhere.
    pub(crate) uninit_globals: Vec<bool>,
}

/// What happens to the value of an expression.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Only looked at.
    Read,
    /// May get another holder.
    Keep,
}

/// A local passed directly to a parameter.
struct Passed {
    from: (FuncId, LocalId),
    to: (FuncId, usize),
}

struct Walker<'a> {
    program: &'a Program,
    changed: &'a Changed,
    facts: Facts,
    func: FuncId,
    passed: Vec<Passed>,
    /// Function that contains the closure expression of each function.
    parents: Vec<Option<FuncId>>,
}

impl Facts {
    /// Analyses a program. `growth_copies` says that the runtime can grow a list without touching
    /// other holders of it; otherwise parameters with element stores count as kept.
    pub(crate) fn new(program: &Program, changed: &Changed, growth_copies: bool) -> Facts {
        let n = program.functions.len();
        let locals = program.functions.iter().map(|f| vec![LocalFacts::default(); f.locals.len()]).collect();
        let uninit_globals = vec![false; program.globals.len()];
        let facts = Facts { locals, has_env: vec![false; n], returns_value: vec![false; n], uninit_globals };
        let mut w =
            Walker { program, changed, facts, func: FuncId(0), passed: Vec::new(), parents: vec![None; n] };
        for (i, f) in program.functions.iter().enumerate() {
            w.func = FuncId(i as u32);
            for c in &f.captures {
                w.local(c.inner).borrowed = true;
            }
            w.stmts(&f.body);
        }
        w.cells();
        w.kept(growth_copies);
        w.facts
    }

    /// Facts about a local.
    pub(crate) fn local(&self, func: FuncId, local: LocalId) -> &LocalFacts {
        &self.locals[func.0 as usize][local.0 as usize]
    }

    /// Whether a function keeps its parameter.
    pub(crate) fn keeps_param(&self, program: &Program, func: FuncId, param: usize) -> bool {
        match program.functions[func.0 as usize].params.get(param) {
            Some(&l) => self.local(func, l).kept,
            None => true,
        }
    }
}

impl Walker<'_> {
    fn local(&mut self, l: LocalId) -> &mut LocalFacts {
        &mut self.facts.locals[self.func.0 as usize][l.0 as usize]
    }

    fn cells(&mut self) {
        let n = self.program.functions.len();
        // Growth by an element store is an assignment, too.
        let declared: Vec<Vec<bool>> = (0..n)
            .map(|f| {
                let locals = &self.program.functions[f].locals;
                let list = |ty| matches!(self.program.types.kind(ty), TyKind::List(_));
                let facts = locals.iter().zip(&self.facts.locals[f]);
                facts.map(|(l, fact)| l.assigned || fact.rebound || (fact.stored && list(l.ty))).collect()
            })
            .collect();
        let mut cell: Vec<Vec<bool>> = (0..n)
            .map(|f| {
                let locals = self.program.functions[f].locals.iter();
                locals.zip(&declared[f]).map(|(l, &assigned)| l.captured && assigned).collect()
            })
            .collect();
        let mut changed = true;
        while changed {
            changed = false;
            for f in 0..n {
                let Some(parent) = self.parents[f].map(|p| p.0 as usize) else { continue };
                for c in &self.program.functions[f].captures {
                    let any = cell[f][c.inner.0 as usize]
                        || cell[parent][c.outer.0 as usize]
                        || declared[f][c.inner.0 as usize]
                        || declared[parent][c.outer.0 as usize];
                    for (func, l) in [(f, c.inner), (parent, c.outer)] {
                        changed |= any != std::mem::replace(&mut cell[func][l.0 as usize], any);
                    }
                }
            }
        }
        for (facts, cells) in self.facts.locals.iter_mut().zip(cell) {
            for (fact, cell) in facts.iter_mut().zip(cells) {
                fact.cell = cell;
            }
        }
    }

    fn kept(&mut self, growth_copies: bool) {
        for (f, func) in self.program.functions.iter().enumerate() {
            for (l, local) in func.locals.iter().enumerate() {
                let fact = &mut self.facts.locals[f][l];
                fact.kept |= fact.rebound || local.captured || (fact.stored && !growth_copies);
            }
        }
        let mut changed = true;
        while changed {
            changed = false;
            for p in &self.passed {
                let keeps = self.facts.keeps_param(self.program, p.to.0, p.to.1);
                let fact = &mut self.facts.locals[p.from.0.0 as usize][p.from.1.0 as usize];
                if keeps && !fact.kept {
                    fact.kept = true;
                    changed = true;
                }
            }
        }
    }

    /// A variable that borrows a part of an object while some code runs.
    fn borrow<'e>(&mut self, l: LocalId, scope: impl IntoIterator<Item = Part<'e>>) {
        let ty = self.program.functions[self.func.0 as usize].locals[l.0 as usize].ty;
        let unsteady =
            is_container(&self.program.types, ty) && self.changed.of(self.program, self.func, scope).inner;
        let fact = self.local(l);
        fact.borrowed = true;
        fact.unsteady |= unsteady;
    }

    fn stmts(&mut self, stmts: &[Stmt]) {
        for s in stmts {
            self.stmt(s);
        }
    }

    fn stmt(&mut self, s: &Stmt) {
        match &s.kind {
            StmtKind::Let { value: Some(e), .. } => self.expr(e, Use::Keep),
            StmtKind::Let { var: VarRef::Local(l), value: None } => self.local(*l).uninit = true,
            StmtKind::Let { var: VarRef::Global(g), value: None } => {
                self.facts.uninit_globals[g.0 as usize] = true;
            }
            StmtKind::Assign { place, value, .. } => {
                self.place(place);
                self.expr(value, Use::Keep);
            }
            StmtKind::Expr(e) => self.expr(e, Use::Read),
            StmtKind::Return(Some(e)) => {
                self.facts.returns_value[self.func.0 as usize] = true;
                self.expr(e, Use::Keep);
            }
            StmtKind::Return(None) => {}
            StmtKind::If { cond, then, otherwise } => {
                self.expr(cond, Use::Read);
                self.stmts(then);
                self.stmts(otherwise);
            }
            StmtKind::While { cond, body } => {
                self.expr(cond, Use::Read);
                self.stmts(body);
            }
            StmtKind::ForRange { start, end, body, .. } => {
                self.expr(start, Use::Read);
                self.expr(end, Use::Read);
                self.stmts(body);
            }
            StmtKind::ForEach { var, source, body } => {
                if let VarRef::Local(l) = var {
                    self.borrow(*l, [Part::Stmts(body)]);
                }
                self.expr(source, Use::Read);
                self.stmts(body);
            }
            StmtKind::Break | StmtKind::Continue => {}
            StmtKind::Expect { cond, .. } => self.expr(cond, Use::Read),
            StmtKind::Test { body, .. } | StmtKind::Bench { body, .. } => self.stmts(body),
            StmtKind::Update { fields, set, filter, .. } => {
                for &l in fields {
                    let scope = filter.iter().chain(set.iter().map(|s| &s.1));
                    self.borrow(l, scope.map(Part::Expr));
                }
                set.iter().for_each(|(_, e)| self.expr(e, Use::Keep));
                filter.iter().for_each(|e| self.expr(e, Use::Read));
            }
            StmtKind::NestedFun { local, func } => {
                self.closure(*func);
                if !self.program.functions[self.func.0 as usize].locals[local.0 as usize].assigned {
                    self.local(*local).known = Some(*func);
                }
            }
        }
    }

    fn closure(&mut self, func: FuncId) {
        self.parents[func.0 as usize] = Some(self.func);
        self.facts.has_env[func.0 as usize] = true;
    }

    fn place(&mut self, place: &Place) {
        if let VarRef::Local(l) = place.root {
            match place.steps.first() {
                None => self.local(l).rebound = true,
                Some((Step::Index(_), _)) => {
                    let any = matches!(self.program.types.kind(place.root_ty), TyKind::Any);
                    self.local(l).stored = true;
                    self.local(l).kept |= any;
                }
                Some((Step::Field(_) | Step::DynField(_), _)) => {}
            }
        }
        for (step, _) in &place.steps {
            if let Step::Index(e) = step {
                self.expr(e, Use::Keep);
            }
        }
    }

    fn exprs<'e>(&mut self, es: impl IntoIterator<Item = &'e Expr>, how: Use) {
        es.into_iter().for_each(|e| self.expr(e, how));
    }

    fn expr(&mut self, mut e: &Expr, mut how: Use) {
        while let ExprKind::Binary { op, left, right } = &e.kind {
            how = if *op == BinOp::Coalesce { how } else { Use::Read };
            self.expr(right, how);
            e = left;
        }
        match &e.kind {
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Str(_) => {}
            ExprKind::None | ExprKind::FuncRef { .. } | ExprKind::Binary { .. } => {}
            ExprKind::Var(VarRef::Local(l)) => self.local(*l).kept |= how == Use::Keep,
            ExprKind::Var(VarRef::Global(_)) => {}
            ExprKind::Closure(f) => self.closure(*f),
            ExprKind::List(items) => self.exprs(items, Use::Keep),
            ExprKind::Map(pairs) => {
                for (k, v) in pairs {
                    self.exprs([k, v], Use::Keep);
                }
            }
            ExprKind::Struct { fields, .. } => self.exprs(fields.iter().map(|f| &f.1), Use::Keep),
            ExprKind::Unary { operand, .. } => self.expr(operand, Use::Read),
            ExprKind::Call { func, args, .. } => self.call(*func, args),
            ExprKind::CallValue { callee, args } => {
                self.expr(callee, Use::Read);
                self.exprs(args, Use::Keep);
            }
            ExprKind::Partial { callee, args } => {
                self.expr(callee, Use::Keep);
                self.exprs(args, Use::Keep);
            }
            ExprKind::Builtin { builtin, args } => self.builtin(*builtin, args),
            ExprKind::Index { base, index } | ExprKind::SafeIndex { base, index } => {
                self.exprs([&**base, &**index], Use::Read);
            }
            ExprKind::Slice { base, start, end } => {
                self.expr(base, Use::Read);
                self.exprs(start.iter().chain(end).map(|e| &**e), Use::Read);
            }
            ExprKind::Field { base, .. }
            | ExprKind::DynField { base, .. }
            | ExprKind::GroupField { base, .. }
            | ExprKind::SafeField { base, .. } => self.expr(base, Use::Read),
            ExprKind::Cast { value } | ExprKind::Coerce { value } => self.expr(value, how),
            ExprKind::If { cond, then, otherwise } => {
                self.expr(cond, Use::Read);
                self.exprs([&**then, &**otherwise], how);
            }
            ExprKind::Match { value, arms } => {
                let binds = arms.iter().any(|a| matches!(a.pattern, Pattern::Bind(_)));
                self.expr(value, if binds { Use::Keep } else { Use::Read });
                for arm in arms {
                    self.pattern(&arm.pattern, &arm.result);
                    self.expr(&arm.result, how);
                }
            }
            ExprKind::Block { body, value } => {
                self.stmts(body);
                value.iter().for_each(|v| self.expr(v, how));
            }
            ExprKind::Query(q) => self.query(q),
        }
    }

    fn call(&mut self, func: FuncId, args: &[Expr]) {
        for (k, arg) in args.iter().enumerate() {
            if let ExprKind::Var(VarRef::Local(l)) = arg.kind {
                self.passed.push(Passed { from: (self.func, l), to: (func, k) });
            } else {
                self.expr(arg, Use::Keep);
            }
        }
    }

    fn builtin(&mut self, builtin: Builtin, args: &[Expr]) {
        for (k, arg) in args.iter().enumerate() {
            let keeps = match builtin {
                Builtin::Append | Builtin::Push => k == 1,
                Builtin::Reduce | Builtin::Repeat => true,
                _ => false,
            };
            self.expr(arg, if keeps { Use::Keep } else { Use::Read });
        }
    }

    fn pattern(&mut self, p: &Pattern, result: &Expr) {
        match p {
            Pattern::Bind(l) => self.borrow(*l, [Part::Expr(result)]),
            Pattern::Variant { fields, .. } => fields.iter().for_each(|f| self.pattern(f, result)),
            Pattern::Wildcard | Pattern::Literal(_) | Pattern::None => {}
        }
    }

    fn query(&mut self, q: &Query) {
        for (l, e) in &q.sources {
            self.borrow(*l, q.exprs().map(Part::Expr));
            self.expr(e, Use::Read);
        }
        for j in &q.joins {
            self.borrow(j.local, q.exprs().map(Part::Expr));
            self.expr(&j.source, Use::Read);
            self.expr(&j.on, Use::Read);
        }
        if let Some(g) = &q.group {
            self.borrow(g.local, q.exprs().map(Part::Expr));
            self.exprs([&g.key, &g.item], Use::Keep);
            self.exprs(&g.having, Use::Read);
        }
        self.exprs(&q.filter, Use::Read);
        self.exprs(&q.sort, Use::Keep);
        self.exprs(q.skip.iter().chain(&q.take), Use::Read);
        self.expr(&q.select, Use::Keep);
    }
}
