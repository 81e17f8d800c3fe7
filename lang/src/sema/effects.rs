//! Effects: the labels io, fs, net, time, meta that a call may produce.
//!
//! Inferred over the syntax tree, as the reference does: a function's effects are those of the calls
//! by name in its body (and of function values passed directly as arguments); those of top-level
//! functions go from callees to callers until nothing changes. Effects have no run-time meaning. They decide T044 (in query
//! predicates, for calls reached through the first operand only), T064, T065, and which statements
//! end the narrowing of variables.

use super::Checker;
use super::scope::Binding;
use crate::ast::{self, Else, ExprKind, FunBody, Place, StmtKind};
use crate::diag::Code;
use crate::span::Span;
use crate::tree::FuncId;
use std::fmt;

/// A set of labels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct EffectSet(pub u8);

const LABELS: [&str; 5] = ["io", "fs", "net", "time", "meta"];

impl EffectSet {
    /// Pure.
    pub const NONE: EffectSet = EffectSet(0);
    /// Standard input and output.
    pub const IO: EffectSet = EffectSet(1);
    /// Files.
    pub const FS: EffectSet = EffectSet(2);
    /// Network.
    pub const NET: EffectSet = EffectSet(4);
    /// Clock.
    pub const TIME: EffectSet = EffectSet(8);

    fn label(name: &str) -> Option<EffectSet> {
        LABELS.iter().position(|l| *l == name).map(|i| EffectSet(1 << i))
    }

    /// Both sets.
    pub fn and(self, other: EffectSet) -> EffectSet {
        EffectSet(self.0 | other.0)
    }

    /// No label.
    pub fn is_pure(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for EffectSet {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.is_pure() {
            return f.write_str("pure");
        }
        let names: Vec<&str> =
            (0..LABELS.len()).filter(|i| self.0 & (1 << i) != 0).map(|i| LABELS[i]).collect();
        f.write_str(&names.join(", "))
    }
}

/// State of a walk over a body.
#[derive(Default)]
struct Walk<'e> {
    /// Names that are parameters of the functions being walked: calls of them are pure.
    hidden: Vec<&'e str>,
    /// Collects the top-level functions that are called, whose effects are not known yet.
    callees: Option<Vec<FuncId>>,
    /// Empty: room for the parts of an expression that wait for their turn.
    work: Vec<&'e ast::Expr>,
}

impl<'a> Checker<'a> {
    /// What a call of `name` may do, as far as known.
    pub(super) fn effects_of(&self, name: &str) -> EffectSet {
        match self.lookup(name) {
            Some((Binding::Var(v), _)) => return v.effects,
            Some((Binding::Method(_, _, id, m), _)) => {
                let f = self.types.struct_def(id).methods[m as usize].1;
                return self.sigs.get(f as usize).map_or(EffectSet::NONE, |s| s.effects);
            }
            Some((Binding::Generic(id), _)) => return self.sigs[id.0 as usize].effects,
            Some(_) => return EffectSet::NONE,
            None => {}
        }
        if let Some(id) = self.top_funs.get(name) {
            return self.sigs[id.0 as usize].effects;
        }
        self.builtins.effects(name)
    }

    /// What a call of `name` in a body adds to its effects.
    fn called(&self, name: &str, walk: &mut Walk) -> EffectSet {
        if walk.hidden.contains(&name) {
            return EffectSet::NONE;
        }
        if let (Some(callees), Some(id), None) =
            (&mut walk.callees, self.top_funs.get(name), self.lookup(name))
        {
            callees.push(*id);
            return EffectSet::NONE;
        }
        self.effects_of(name)
    }

    /// Infers the effects of top-level functions: each body is walked once, then what a function
    /// may do is passed on to its callers. Reports declared effects that do not cover the body's.
    pub(super) fn infer_effects(&mut self, funs: &[(FuncId, &'a ast::Fun)]) {
        let mut found = vec![EffectSet::NONE; self.sigs.len()];
        let mut callers: Vec<Vec<FuncId>> = vec![Vec::new(); self.sigs.len()];
        for &(id, fun) in funs {
            let mut walk = Walk { callees: Some(Vec::new()), ..Walk::default() };
            found[id.0 as usize] = self.fun_effects_in(fun, &mut walk);
            for callee in walk.callees.into_iter().flatten() {
                callers[callee.0 as usize].push(id);
            }
        }
        // A function is visited again only when it gains a label, of which there are five.
        let mut work: Vec<FuncId> = funs.iter().map(|f| f.0).collect();
        while let Some(id) = work.pop() {
            let sig = &mut self.sigs[id.0 as usize];
            if !sig.pinned {
                sig.effects = found[id.0 as usize];
            }
            for &caller in &callers[id.0 as usize] {
                let all = found[caller.0 as usize].and(sig.effects);
                if std::mem::replace(&mut found[caller.0 as usize], all) != all {
                    work.push(caller);
                }
            }
        }
        for &(id, fun) in funs {
            let (declared, found) = (&self.sigs[id.0 as usize], found[id.0 as usize]);
            if declared.pinned && found.and(declared.effects) != declared.effects {
                let (name, declared) = (self.functions[id.0 as usize].name.clone(), declared.effects);
                self.error(Code::T065, fun.span, &[&name, &declared, &found]);
            }
        }
    }

    /// Declared labels; reports unknown ones (T064).
    pub(super) fn declared_effects(&mut self, fun: &ast::Fun) -> Option<EffectSet> {
        let labels = fun.effects.as_ref()?;
        let mut set = EffectSet::NONE;
        for l in labels {
            match EffectSet::label(&l.name) {
                Some(e) => set = set.and(e),
                None => self.error(Code::T064, fun.span, &[&l.name]),
            }
        }
        Some(set)
    }

    /// Effects of a function's body.
    pub(super) fn fun_effects(&self, fun: &ast::Fun) -> EffectSet {
        self.fun_effects_in(fun, &mut Walk::default())
    }

    fn fun_effects_in<'e>(&self, fun: &'e ast::Fun, walk: &mut Walk<'e>) -> EffectSet {
        let mark = walk.hidden.len();
        walk.hidden.extend(fun.params.iter().map(|p| p.name.name.as_str()));
        let set = match &fun.body {
            FunBody::Block(b) => self.block_effects(b, walk),
            FunBody::Expr(e) => self.expr_effects(e, walk),
        };
        walk.hidden.truncate(mark);
        set
    }

    fn block_effects<'e>(&self, block: &'e ast::Block, walk: &mut Walk<'e>) -> EffectSet {
        block.statements.iter().fold(EffectSet::NONE, |set, s| set.and(self.stmt_effects(s, walk)))
    }

    fn stmt_effects<'e>(&self, stmt: &'e ast::Stmt, walk: &mut Walk<'e>) -> EffectSet {
        let mut set = EffectSet::NONE;
        match &stmt.kind {
            StmtKind::Let { value: Some(e), .. } | StmtKind::Return(Some(e)) | StmtKind::Expr(e) => {
                set = self.expr_effects(e, walk);
            }
            StmtKind::Assign { path, value, .. } => {
                set = self.expr_effects(value, walk);
                for p in path {
                    if let Place::Index { index, .. } = p {
                        set = set.and(self.expr_effects(index, walk));
                    }
                }
            }
            StmtKind::If { cond, then, otherwise } => {
                set = self.expr_effects(cond, walk).and(self.block_effects(then, walk));
                match otherwise.as_deref() {
                    Some(Else::If(s)) => set = set.and(self.stmt_effects(s, walk)),
                    Some(Else::Block(b)) => set = set.and(self.block_effects(b, walk)),
                    None => {}
                }
            }
            StmtKind::While { cond, body } => {
                set = self.expr_effects(cond, walk).and(self.block_effects(body, walk));
            }
            StmtKind::For { source, end, body, .. } => {
                set = self.expr_effects(source, walk).and(self.block_effects(body, walk));
                if let Some(e) = end {
                    set = set.and(self.expr_effects(e, walk));
                }
            }
            StmtKind::Update { set: values, filter, .. } => {
                for e in values.iter().map(|(_, e)| e).chain(filter) {
                    set = set.and(self.expr_effects(e, walk));
                }
            }
            StmtKind::Fetch { .. } => set = EffectSet::NET,
            // The reference does not look into these.
            StmtKind::Let { value: None, .. }
            | StmtKind::Return(None)
            | StmtKind::Break
            | StmtKind::Continue => {}
            StmtKind::Expect(_) | StmtKind::Test { .. } | StmtKind::Bench { .. } => {}
            StmtKind::Fun(_) | StmtKind::Type(_) | StmtKind::Import { .. } | StmtKind::Extern(_) => {}
            StmtKind::Agent { .. } | StmtKind::Intent(_) | StmtKind::Model { .. } => {}
            StmtKind::Stream { .. } | StmtKind::On { .. } | StmtKind::Emit { .. } => {}
            StmtKind::Fact(_) | StmtKind::Rule { .. } => {}
        }
        set
    }

    fn expr_effects<'e>(&self, expr: &'e ast::Expr, walk: &mut Walk<'e>) -> EffectSet {
        let mut set = EffectSet::NONE;
        // Lambdas in the expression make room of their own.
        let mut work = std::mem::take(&mut walk.work);
        let mut next = Some(expr);
        while let Some(e) = next {
            match &e.kind {
                ExprKind::Paren(x)
                | ExprKind::Unary { operand: x, .. }
                | ExprKind::Cast { value: x, .. }
                | ExprKind::Field { base: x, .. }
                | ExprKind::SafeField { base: x, .. } => work.push(x),
                ExprKind::Binary { left, right, .. } => work.extend([&**left, &**right]),
                ExprKind::Index { base, index } | ExprKind::SafeIndex { base, index } => {
                    work.extend([&**base, &**index]);
                }
                ExprKind::Slice { base, start, end, .. } => {
                    work.push(base);
                    work.extend(start.as_deref());
                    work.extend(end.as_deref());
                }
                ExprKind::Call { callee, args } => {
                    if let ExprKind::Name(n) = &callee.kind {
                        set = set.and(self.called(&n.name, walk));
                    } else {
                        work.push(callee);
                    }
                    for a in args {
                        work.push(a);
                        set = set.and(self.callable_effects(a, walk));
                    }
                }
                ExprKind::Fetch { .. } => set = set.and(EffectSet::NET),
                ExprKind::Load { .. } | ExprKind::Save { .. } => set = set.and(EffectSet::FS),
                // The reference does not look into these.
                ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Str(_) => {}
                ExprKind::None | ExprKind::Name(_) | ExprKind::Error => {}
                ExprKind::List(_) | ExprKind::Map(_) | ExprKind::Struct { .. } => {}
                ExprKind::Lambda(_) | ExprKind::If { .. } | ExprKind::Match { .. } | ExprKind::Block(_) => {}
                ExprKind::Query(_) | ExprKind::LogicQuery(_) | ExprKind::Generate { .. } => {}
            }
            next = work.pop();
        }
        walk.work = work;
        set
    }

    /// What calling the value of an argument may do: lambdas and names of functions only.
    fn callable_effects<'e>(&self, expr: &'e ast::Expr, walk: &mut Walk<'e>) -> EffectSet {
        match &expr.kind {
            ExprKind::Lambda(f) => self.fun_effects_in(f, walk),
            ExprKind::Name(n) => self.called(&n.name, walk),
            _ => EffectSet::NONE,
        }
    }

    /// Effects of a value bound to a name, for closures.
    pub(super) fn value_effects(&self, expr: &ast::Expr) -> EffectSet {
        self.callable_effects(expr, &mut Walk::default())
    }

    /// T044: the first impure call reached through first operands of a predicate.
    pub(super) fn check_predicate(&mut self, expr: &ast::Expr, clause: &str) {
        if let Some((name, span, effects)) = self.first_impure(expr) {
            self.error(Code::T044, span, &[&name, &effects, &clause]);
        }
    }

    fn first_impure(&self, expr: &ast::Expr) -> Option<(String, Span, EffectSet)> {
        let mut e = expr;
        loop {
            match &e.kind {
                ExprKind::Binary { left, .. } => e = left,
                ExprKind::Paren(x)
                | ExprKind::Unary { operand: x, .. }
                | ExprKind::Cast { value: x, .. }
                | ExprKind::Index { base: x, .. }
                | ExprKind::Slice { base: x, .. }
                | ExprKind::Field { base: x, .. } => e = x,
                ExprKind::Call { callee, args } => {
                    let ExprKind::Name(n) = &callee.kind else {
                        e = callee;
                        continue;
                    };
                    let effects = self.effects_of(&n.name);
                    if !effects.is_pure() {
                        return Some((n.name.clone(), e.span, effects));
                    }
                    return args.iter().find_map(|a| self.first_impure(a));
                }
                // Nothing is called through a first operand of these.
                ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Str(_) => return None,
                ExprKind::None | ExprKind::Name(_) | ExprKind::Error => return None,
                ExprKind::List(_) | ExprKind::Map(_) | ExprKind::Struct { .. } => return None,
                ExprKind::SafeField { .. } | ExprKind::SafeIndex { .. } => return None,
                ExprKind::Lambda(_) | ExprKind::If { .. } | ExprKind::Match { .. } => return None,
                ExprKind::Block(_) | ExprKind::Query(_) | ExprKind::LogicQuery(_) => return None,
                ExprKind::Generate { .. } | ExprKind::Fetch { .. } => return None,
                ExprKind::Load { .. } | ExprKind::Save { .. } => return None,
            }
        }
    }

    /// Whether a statement ends the narrowing of variables after it.
    pub(super) fn is_impure(&self, stmt: &ast::Stmt) -> bool {
        let impure = |e: &ast::Expr| self.first_impure(e).is_some();
        match &stmt.kind {
            StmtKind::Let { value, .. } => value.as_ref().is_some_and(impure),
            StmtKind::Assign { path, value, .. } => {
                impure(value) || path.iter().any(|p| matches!(p, Place::Index { index, .. } if impure(index)))
            }
            StmtKind::Return(e) => e.as_ref().is_some_and(impure),
            StmtKind::Expr(e) => impure(e),
            StmtKind::If { cond, .. } | StmtKind::While { cond, .. } => impure(cond),
            StmtKind::For { source, end, .. } => impure(source) || end.as_ref().is_some_and(impure),
            StmtKind::Update { set, filter, .. } => {
                filter.as_ref().is_some_and(impure) || set.iter().any(|(_, e)| impure(e))
            }
            StmtKind::Break | StmtKind::Continue | StmtKind::Expect(_) | StmtKind::Fetch { .. } => false,
            StmtKind::Test { .. } | StmtKind::Bench { .. } => false,
            StmtKind::Fun(_) | StmtKind::Type(_) | StmtKind::Import { .. } | StmtKind::Extern(_) => false,
            StmtKind::Agent { .. } | StmtKind::Intent(_) | StmtKind::Model { .. } => false,
            StmtKind::Stream { .. } | StmtKind::On { .. } | StmtKind::Emit { .. } => false,
            StmtKind::Fact(_) | StmtKind::Rule { .. } => false,
        }
    }
}
