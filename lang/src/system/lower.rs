//! Functions and statements of the system dialect to IR.
//!
//! Variables that are assigned are variables of the function builder, others are plain values.
//! After a statement that does not go on, lowering continues in a block without predecessors, so
//! that what follows is still checked; the builder drops it. `live` says whether the current
//! block can be reached, which decides whether a function lacks a `return`.

use super::expr::Operand;
use super::module::{Const, Global, ModuleBuilder, adapt};
use super::syntax::*;
use super::{Fault, fault};
use mochi_ir as ir;
use std::collections::HashSet;

/// What a local name means.
#[derive(Clone, Copy)]
pub(super) enum Local {
    /// `var` or a parameter.
    Var(ir::builder::Var, Ty),
    /// `let`.
    Value(ir::Value, Ty),
}

/// A function being lowered.
pub(super) struct Lowerer<'a, 'm> {
    pub m: &'m mut ModuleBuilder<'a>,
    pub b: ir::FunctionBuilder,
    result: Option<Ty>,
    scopes: Vec<Vec<(String, Local)>>,
    /// Targets of `continue` and `break`, innermost last.
    loops: Vec<(ir::Block, ir::Block)>,
    pub live: bool,
    live_blocks: HashSet<ir::Block>,
}

/// Lowers a function into the module; nothing for `extern`.
pub(super) fn lower(m: &mut ModuleBuilder, item: &Item, fun: &Fun) -> Result<(), Fault> {
    let (Some(body), Some(Global::Fun(info))) = (&fun.body, m.globals.get(item.name.as_str()).cloned())
    else {
        return Ok(());
    };
    let mut func = ir::Function::new(info.sym, &item.name, fun.result.map(Ty::ir));
    func.conv = m.module.signature(info.sym).conv;
    func.save_all = fun.attributes.saveall;
    let types: Vec<ir::Type> = info.params.iter().map(|t| t.ir()).collect();
    let mut l = Lowerer {
        m,
        b: ir::FunctionBuilder::new(func, &types),
        result: fun.result,
        scopes: vec![Vec::new()],
        loops: Vec::new(),
        live: true,
        live_blocks: HashSet::new(),
    };
    let values = l.b.params();
    for (p, v) in fun.params.iter().zip(values) {
        let var = l.b.declare_var(p.ty.ir());
        l.b.def_var(var, v);
        l.bind(&p.name, Local::Var(var, p.ty), p.pos)?;
    }
    l.block(body)?;
    if l.live && fun.result.is_some() {
        return fault(fun.end, format!("`{}` can end without `return`", item.name));
    }
    if l.live && info.noreturn {
        return fault(fun.end, format!("`{}` is @noreturn and can return", item.name));
    }
    if l.live {
        l.b.ret(None);
    } else {
        l.b.unreachable();
    }
    let func = l.b.finish();
    m.module.funcs.push(func);
    Ok(())
}

impl Lowerer<'_, '_> {
    fn bind(&mut self, name: &str, local: Local, pos: Pos) -> Result<(), Fault> {
        let scope = self.scopes.last_mut().expect("a scope is open");
        if scope.iter().any(|(n, _)| n == name) {
            return fault(pos, format!("`{name}` is already declared in this block"));
        }
        scope.push((name.to_string(), local));
        Ok(())
    }

    /// The local with this name.
    pub fn local(&self, name: &str) -> Option<Local> {
        self.scopes.iter().rev().find_map(|s| s.iter().find(|(n, _)| n == name)).map(|(_, l)| *l)
    }

    // Control flow.

    /// Goes to a block from here.
    pub fn jump(&mut self, to: ir::Block) {
        self.mark(to);
        self.b.jump(to, &[]);
    }

    fn mark(&mut self, to: ir::Block) {
        if self.live {
            self.live_blocks.insert(to);
        }
    }

    /// Branches on a word.
    pub fn branch(&mut self, cond: ir::Value, then: ir::Block, other: ir::Block) {
        self.mark(then);
        self.mark(other);
        self.b.brif(cond, then, &[], other, &[]);
    }

    /// Continues in a block.
    pub fn enter(&mut self, block: ir::Block) {
        self.b.switch_to(block);
        self.live = self.live_blocks.contains(&block);
    }

    /// Continues at the end of a block that was left without a terminator.
    pub fn reenter(&mut self, block: ir::Block, live: bool) {
        self.b.switch_to(block);
        self.live = live;
    }

    /// Continues in a block that nothing reaches.
    pub fn enter_dead(&mut self) {
        let block = self.b.new_block();
        self.enter(block);
    }

    // Statements.

    fn block(&mut self, stmts: &[Stmt]) -> Result<(), Fault> {
        self.scopes.push(Vec::new());
        for s in stmts {
            self.stmt(s)?;
        }
        self.scopes.pop();
        Ok(())
    }

    fn stmt(&mut self, s: &Stmt) -> Result<(), Fault> {
        match &s.kind {
            StmtKind::Let { name, mutable, ty, value } => self.declare(s.pos, name, *mutable, *ty, value),
            StmtKind::Assign { name, op, value } => self.assign(s.pos, name, *op, value),
            StmtKind::Expr(e) => {
                let effect = matches!(&e.kind, ExprKind::Call(..));
                self.expr(e)?;
                if effect { Ok(()) } else { fault(s.pos, "this expression does nothing") }
            }
            StmtKind::If { cond, then, other } => self.if_stmt(cond, then, other),
            StmtKind::While { cond, body } => self.while_stmt(cond, body),
            StmtKind::For { name, from, to, body } => self.for_stmt(name, from, to, body, s.pos),
            StmtKind::Match { value, arms } => self.match_stmt(value, arms),
            StmtKind::Break | StmtKind::Continue => {
                let Some(&(next, end)) = self.loops.last() else {
                    return fault(s.pos, "not in a loop");
                };
                self.jump(if matches!(s.kind, StmtKind::Break) { end } else { next });
                self.enter_dead();
                Ok(())
            }
            StmtKind::Return(value) => {
                let value = match (value, self.result) {
                    (None, None) => None,
                    (Some(e), Some(ty)) => Some(self.value_as(e, ty)?),
                    (None, Some(ty)) => return fault(s.pos, format!("`return` needs a value of type {ty}")),
                    (Some(e), None) => return fault(e.pos, "this function has no result"),
                };
                self.b.ret(value);
                self.enter_dead();
                Ok(())
            }
        }
    }

    fn declare(
        &mut self,
        pos: Pos,
        name: &str,
        mutable: bool,
        ty: Option<Ty>,
        value: &Expr,
    ) -> Result<(), Fault> {
        let (v, ty) = match ty {
            Some(ty) => (self.value_as(value, ty)?, ty),
            None => self.value(value)?,
        };
        if !mutable {
            return self.bind(name, Local::Value(v, ty), pos);
        }
        let var = self.b.declare_var(ty.ir());
        self.b.def_var(var, v);
        self.bind(name, Local::Var(var, ty), pos)
    }

    fn assign(&mut self, pos: Pos, name: &str, op: Option<BinOp>, value: &Expr) -> Result<(), Fault> {
        let ty = match (self.local(name), self.m.globals.get(name)) {
            (Some(Local::Var(_, ty)), _) => ty,
            (Some(Local::Value(..)), _) => {
                return fault(pos, format!("`{name}` is declared by `let` or `for` and cannot be assigned"));
            }
            (None, Some(Global::Var(_, ty))) => *ty,
            (None, Some(_)) => return fault(pos, format!("`{name}` is not a variable")),
            (None, None) => return fault(pos, format!("unknown name `{name}`")),
        };
        let v = match op {
            None => self.value_as(value, ty)?,
            Some(op) => {
                let old = self.name(name, pos)?;
                let new = self.expr(value)?;
                let result = self.binary(op, old, new, pos)?;
                self.coerce(result, ty, value.pos)?
            }
        };
        match (self.local(name), self.m.globals.get(name)) {
            (Some(Local::Var(var, _)), _) => self.b.def_var(var, v),
            (_, Some(Global::Var(sym, _))) => {
                let sym = *sym;
                let at = self.b.symaddr(sym, 0, ir::Type::Addr);
                let op = if ty == Ty::F64 { ir::Op::StoreF64 } else { ir::Op::Store64 };
                self.b.store(op, at, v, 0);
                self.b.set_region(self.m.variables);
            }
            _ => unreachable!("checked above"),
        }
        Ok(())
    }

    fn if_stmt(&mut self, cond: &Expr, then: &[Stmt], other: &[Stmt]) -> Result<(), Fault> {
        let then_block = self.b.new_block();
        let end = self.b.new_block();
        let other_block = if other.is_empty() { end } else { self.b.new_block() };
        self.condition(cond, then_block, other_block)?;
        self.enter(then_block);
        self.block(then)?;
        self.jump(end);
        if !other.is_empty() {
            self.enter(other_block);
            self.block(other)?;
            self.jump(end);
        }
        self.enter(end);
        Ok(())
    }

    fn while_stmt(&mut self, cond: &Expr, body: &[Stmt]) -> Result<(), Fault> {
        let header = self.b.new_block();
        let body_block = self.b.new_block();
        let end = self.b.new_block();
        self.jump(header);
        self.b.switch_to(header);
        self.condition(cond, body_block, end)?;
        self.enter(body_block);
        self.loops.push((header, end));
        self.block(body)?;
        self.loops.pop();
        self.jump(header);
        self.enter(end);
        Ok(())
    }

    fn for_stmt(&mut self, name: &str, from: &Expr, to: &Expr, body: &[Stmt], pos: Pos) -> Result<(), Fault> {
        let (first, last) = (self.expr(from)?, self.expr(to)?);
        let ty = match (first.ty(), last.ty()) {
            (Some(a), _) if !matches!(first, Operand::Const(Const::Int(_))) => a,
            (_, Some(b)) => b,
            _ => return fault(from.pos, "not an integer"),
        };
        if !ty.is_int() && ty != Ty::Ptr {
            return fault(from.pos, format!("`for` counts integers, not {ty}"));
        }
        let first = self.coerce(first, ty, from.pos)?;
        let last = self.coerce(last, ty, to.pos)?;
        let var = self.b.declare_var(ty.ir());
        self.b.def_var(var, first);
        let header = self.b.new_block();
        let body_block = self.b.new_block();
        let next = self.b.new_block();
        let end = self.b.new_block();
        self.jump(header);
        self.b.switch_to(header);
        let i = self.b.use_var(var);
        let less = if ty.is_signed() { ir::Cond::Slt } else { ir::Cond::Ult };
        let more = self.b.icmp(less, i, last);
        self.branch(more, body_block, end);
        self.enter(body_block);
        self.scopes.push(Vec::new());
        self.bind(name, Local::Value(i, ty), pos)?;
        self.loops.push((next, end));
        self.block(body)?;
        self.loops.pop();
        self.scopes.pop();
        self.jump(next);
        self.enter(next);
        // No overflow: `i` is less than the end.
        let one = self.b.iconst(1);
        let i = self.b.use_var(var);
        let i = self.b.op(ir::Op::Add, &[i, one], ty.ir());
        self.b.def_var(var, i);
        self.jump(header);
        self.enter(end);
        Ok(())
    }

    fn match_stmt(&mut self, value: &Expr, arms: &[Arm]) -> Result<(), Fault> {
        let (v, ty) = self.value(value)?;
        if !ty.is_int() {
            return fault(value.pos, format!("`match` compares integers, not {ty}"));
        }
        let end = self.b.new_block();
        let mut default = end;
        let mut cases: Vec<(i64, ir::Block)> = Vec::new();
        let mut blocks = Vec::new();
        for arm in arms {
            let block = self.b.new_block();
            blocks.push(block);
            if arm.values.is_empty() {
                default = block;
            }
            for e in &arm.values {
                let c = self.m.evaluate(e, 0)?;
                let Const::Typed(n, _) = adapt(c, ty, e.pos)? else {
                    return fault(e.pos, "not an integer");
                };
                if cases.iter().any(|c| c.0 == n as i64) {
                    return fault(e.pos, format!("{n} has an arm already"));
                }
                cases.push((n as i64, block));
            }
        }
        self.mark(default);
        for &(_, block) in &cases {
            self.mark(block);
        }
        self.b.switch(v, default, &cases);
        for (arm, block) in arms.iter().zip(blocks) {
            self.enter(block);
            self.block(&arm.body)?;
            self.jump(end);
        }
        self.enter(end);
        Ok(())
    }
}
