//! The direct parts of expressions and statements of the typed tree, in the order in which they
//! are evaluated: what analyses that treat most nodes alike walk over.
//!
//! Functions are no parts of the expressions that make closures of them.

use crate::tree::{Expr, ExprKind, FuncId, Function, LocalId, Pattern, Query, Step, Stmt, StmtKind, VarRef};

/// A part of an expression or statement.
#[derive(Clone, Copy)]
pub enum Part<'a> {
    /// An expression.
    Expr(&'a Expr),
    /// Statements with a scope of their own.
    Stmts(&'a [Stmt]),
}

/// What is called with each part.
type See<'s, 'a> = &'s mut dyn FnMut(Part<'a>);

fn exprs<'a>(es: impl IntoIterator<Item = &'a Expr>, see: See<'_, 'a>) {
    es.into_iter().for_each(|e| see(Part::Expr(e)));
}

impl Expr {
    /// Calls `see` with each direct part.
    pub fn each_part<'a>(&'a self, see: See<'_, 'a>) {
        match &self.kind {
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Str(_) => {}
            ExprKind::None | ExprKind::Var(_) | ExprKind::FuncRef { .. } | ExprKind::Closure(_) => {}
            ExprKind::List(items) => exprs(items, see),
            ExprKind::Map(pairs) => exprs(pairs.iter().flat_map(|(k, v)| [k, v]), see),
            ExprKind::Struct { fields, .. } => exprs(fields.iter().map(|(_, e)| e), see),
            ExprKind::Unary { operand: x, .. }
            | ExprKind::Field { base: x, .. }
            | ExprKind::DynField { base: x, .. }
            | ExprKind::GroupField { base: x, .. }
            | ExprKind::RowField { base: x, .. }
            | ExprKind::SafeField { base: x, .. }
            | ExprKind::Cast { value: x }
            | ExprKind::Coerce { value: x } => see(Part::Expr(x)),
            ExprKind::Binary { left: a, right: b, .. }
            | ExprKind::Index { base: a, index: b }
            | ExprKind::SafeIndex { base: a, index: b } => exprs([&**a, &**b], see),
            ExprKind::Call { args, .. } | ExprKind::Builtin { args, .. } => exprs(args, see),
            ExprKind::CallValue { callee, args } | ExprKind::Partial { callee, args } => {
                see(Part::Expr(callee));
                exprs(args, see);
            }
            ExprKind::Slice { base, start, end } => {
                see(Part::Expr(base));
                exprs(start.iter().chain(end).map(|e| &**e), see);
            }
            ExprKind::If { cond, then, otherwise } => exprs([&**cond, &**then, &**otherwise], see),
            ExprKind::Match { value, arms } => {
                see(Part::Expr(value));
                for arm in arms {
                    arm.pattern.each_compared(see);
                    see(Part::Expr(&arm.result));
                }
            }
            ExprKind::Block { body, value } => {
                see(Part::Stmts(body));
                exprs(value.iter().map(|v| &**v), see);
            }
            ExprKind::Query(q) => exprs(q.exprs(), see),
        }
    }
}

impl Pattern {
    /// What a value is compared with: constants, and variables that a pattern names.
    fn each_compared<'a>(&'a self, see: See<'_, 'a>) {
        match self {
            Pattern::Wildcard | Pattern::Bind(_) | Pattern::None => {}
            Pattern::Literal(e) => see(Part::Expr(e)),
            Pattern::Variant { fields, .. } => fields.iter().for_each(|p| p.each_compared(see)),
        }
    }
}

impl Query {
    /// Every expression of the query.
    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        let joins = self.joins.iter().flat_map(|j| [&j.source, &j.on]);
        let group = self.group.iter().flat_map(|g| [&g.key, &g.item].into_iter().chain(&g.having));
        (self.sources.iter().map(|s| &s.1))
            .chain(joins)
            .chain(&self.filter)
            .chain(group)
            .chain(&self.sort)
            .chain([&self.select])
            .chain(&self.skip)
            .chain(&self.take)
    }
}

impl Stmt {
    /// Calls `see` with each direct part.
    pub fn each_part<'a>(&'a self, see: See<'_, 'a>) {
        match &self.kind {
            StmtKind::Let { value, .. } | StmtKind::Return(value) => exprs(value, see),
            StmtKind::Assign { place, value, .. } => {
                for (step, _) in &place.steps {
                    if let Step::Index(e) = step {
                        see(Part::Expr(e));
                    }
                }
                see(Part::Expr(value));
            }
            StmtKind::Expr(e) | StmtKind::Expect { cond: e, .. } => see(Part::Expr(e)),
            StmtKind::If { cond, then, otherwise } => {
                see(Part::Expr(cond));
                see(Part::Stmts(then));
                see(Part::Stmts(otherwise));
            }
            StmtKind::While { cond, body } => {
                see(Part::Expr(cond));
                see(Part::Stmts(body));
            }
            StmtKind::ForRange { start, end, body, .. } => {
                exprs([start, end], see);
                see(Part::Stmts(body));
            }
            StmtKind::ForEach { source, body, .. } => {
                see(Part::Expr(source));
                see(Part::Stmts(body));
            }
            StmtKind::Test { body, .. } | StmtKind::Bench { body, .. } => see(Part::Stmts(body)),
            StmtKind::Update { set, filter, .. } => exprs(filter.iter().chain(set.iter().map(|s| &s.1)), see),
            StmtKind::Break | StmtKind::Continue | StmtKind::NestedFun { .. } => {}
        }
    }
}

/// Whether an expression mentions one of these variables, in its statements and closures too.
pub(crate) fn mentions(functions: &[Function], e: &Expr, locals: &[LocalId]) -> bool {
    let captures = |func: FuncId| {
        let captures = &functions[func.0 as usize].captures;
        captures.iter().any(|c| locals.contains(&c.outer))
    };
    let is_one = |var: VarRef| matches!(var, VarRef::Local(l) if locals.contains(&l));
    let mut work = vec![Part::Expr(e)];
    while let Some(part) = work.pop() {
        match part {
            Part::Expr(e) => {
                let found = match e.kind {
                    ExprKind::Var(var) => is_one(var),
                    ExprKind::Closure(func) => captures(func),
                    _ => false,
                };
                if found {
                    return true;
                }
                e.each_part(&mut |p| work.push(p));
            }
            Part::Stmts(stmts) => {
                for s in stmts {
                    let found = match &s.kind {
                        StmtKind::Assign { place, .. } => is_one(place.root),
                        StmtKind::Update { target, .. } => is_one(*target),
                        StmtKind::NestedFun { func, .. } => captures(*func),
                        _ => false,
                    };
                    if found {
                        return true;
                    }
                    s.each_part(&mut |p| work.push(p));
                }
            }
        }
    }
    false
}
