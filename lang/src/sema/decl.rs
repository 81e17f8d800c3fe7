//! Declarations: types with their methods, functions, and the contexts their bodies are checked in.

use super::Checker;
use super::effects::EffectSet;
use super::scope::{Binding, FnCtx, ResultMode, Var, VarKey};
use super::typeref::TypeName;
use crate::ast::{self, FunBody, StmtKind, TypeDeclKind};
use crate::diag::{Code, Diagnostics};
use crate::lexer::{self, Kind};
use crate::span::Span;
use crate::tree::{Expr, ExprKind, FuncId, Function, LocalId, Stmt, StmtKind as TStmt, VarRef};
use crate::types::{StructId, Ty, TyKind, UnionDef, UnionId};
use std::collections::HashSet;

/// Signature of a function.
#[derive(Clone, Debug, Default)]
pub(super) struct Sig {
    /// Types of the parameters; for a method without the receiver.
    pub params: Vec<Ty>,
    /// Result; `any` when not declared.
    pub result: Option<Ty>,
    /// Names of the type parameters.
    pub generics: Vec<String>,
    /// What a call may do.
    pub effects: EffectSet,
    /// Effects are declared, not inferred.
    pub pinned: bool,
}

impl Sig {
    /// The result type of a call.
    pub fn result(&self) -> Ty {
        self.result.unwrap_or(Ty::ANY)
    }
}

/// How a function's body is entered.
pub(super) struct Entry {
    /// Types of the parameters.
    pub params: Vec<Ty>,
    /// Result.
    pub result: ResultMode,
    /// The enclosing function of a closure.
    pub parent: Option<FuncId>,
    /// See [`FnCtx::own_closure`].
    pub own_closure: Option<(LocalId, Option<LocalId>)>,
    /// Struct of a method.
    pub receiver: Option<StructId>,
}

impl<'a> Checker<'a> {
    /// Reserves a place among the functions.
    pub(super) fn new_function(&mut self, name: &str, span: Span) -> FuncId {
        self.functions.push(Function::empty(name, span));
        self.sigs.push(Sig::default());
        self.parents.push(None);
        let id = FuncId(self.functions.len() as u32 - 1);
        self.note_function(id);
        id
    }

    /// Enters a function.
    pub(super) fn push_ctx(
        &mut self,
        id: FuncId,
        result: ResultMode,
        parent: Option<FuncId>,
        own_closure: Option<(LocalId, Option<LocalId>)>,
    ) {
        self.ctx.push(FnCtx {
            id,
            locals: Vec::new(),
            fixed: HashSet::new(),
            exposed: HashSet::new(),
            captures: Vec::new(),
            own_closure,
            result,
            loops: 0,
            statement_arm: 0,
            parent,
        });
    }

    /// Leaves a function.
    pub(super) fn pop_ctx(&mut self) -> FnCtx {
        let Some(ctx) = self.ctx.pop() else { unreachable!("contexts are balanced") };
        self.parents[ctx.id.0 as usize] = ctx.parent;
        ctx
    }

    /// Declares the types of a statement list: names first, then what they are made of.
    pub(super) fn declare_types(&mut self, statements: &'a [ast::Stmt]) {
        let mut made: Vec<(&'a ast::TypeDecl, TypeName<'a>)> = Vec::new();
        for s in statements {
            self.declare_foreign_type(s);
            if let StmtKind::Type(decl) = &s.kind {
                let name = &decl.name.name;
                let entry = match &decl.kind {
                    TypeDeclKind::Struct { .. } => TypeName::Struct(self.new_struct(name)),
                    TypeDeclKind::Union(variants) => TypeName::Union(self.new_union(name, variants)),
                    TypeDeclKind::Alias(target) => TypeName::Alias(target),
                };
                self.name_type(name, entry);
                made.push((decl, entry));
            }
        }
        for (decl, entry) in &made {
            match (&decl.kind, entry) {
                (TypeDeclKind::Struct { fields, .. }, TypeName::Struct(id)) => {
                    self.types.structs[id.0 as usize].fields =
                        self.resolve_fields(fields).into_iter().collect();
                }
                (TypeDeclKind::Union(variants), TypeName::Union(id)) => {
                    let ids = self.types.union_def(*id).variants.clone();
                    for (v, sid) in variants.iter().zip(ids) {
                        self.types.structs[sid.0 as usize].fields =
                            self.resolve_fields(&v.fields).into_iter().collect();
                    }
                }
                (TypeDeclKind::Alias(target), _) => {
                    let ty = self.resolve(target);
                    if !matches!(self.type_names.get(&decl.name.name), Some(TypeName::Known(_))) {
                        self.name_type(&decl.name.name, TypeName::Known(ty));
                    }
                }
                _ => {}
            }
        }
        for (decl, entry) in made {
            if let (TypeDeclKind::Struct { methods, .. }, TypeName::Struct(id)) = (&decl.kind, entry) {
                self.without_params(|c| c.declare_methods(id, methods));
            }
        }
    }

    fn new_union(&mut self, name: &str, variants: &[ast::Variant]) -> UnionId {
        let id = UnionId(self.types.unions.len() as u32);
        self.types.unions.push(UnionDef { name: name.to_string(), variants: Vec::new() });
        for v in variants {
            let sid = self.new_struct(&v.name.name);
            self.types.structs[sid.0 as usize].union = Some(id);
            self.types.unions[id.0 as usize].variants.push(sid);
            self.name_type(&v.name.name, TypeName::Struct(sid));
            self.name_variant(&v.name.name, (id, sid));
        }
        id
    }

    fn declare_methods(&mut self, id: StructId, methods: &'a [ast::Fun]) {
        let mut made = Vec::new();
        for m in methods {
            let Some(name) = &m.name else { continue };
            let mut params = Vec::new();
            for p in &m.params {
                params.push(match &p.ty {
                    Some(t) => self.resolve(t),
                    None => {
                        self.error(Code::T005, m.span, &[&p.name.name]);
                        Ty::ERROR
                    }
                });
            }
            let result = match &m.result {
                Some(r) => self.resolve(r),
                None => Ty::UNIT,
            };
            let display = format!("{}.{}", self.types.struct_def(id).name, name.name);
            let f = self.new_function(&display, m.span);
            self.fun_ids.insert(m.span, f);
            let pinned = self.declared_effects(m);
            self.sigs[f.0 as usize] = Sig {
                params,
                result: Some(result),
                generics: Vec::new(),
                effects: pinned.unwrap_or_default(),
                pinned: pinned.is_some(),
            };
            made.push((name.name.clone(), f.0));
        }
        self.types.structs[id.0 as usize].methods = made.into_iter().collect();
    }

    /// Declares the signatures of top-level functions and infers their effects.
    pub(super) fn declare_functions(&mut self, statements: &'a [ast::Stmt]) {
        let mut funs: Vec<(FuncId, &'a ast::Fun)> = Vec::new();
        for s in statements {
            if let StmtKind::Fun(fun) = &s.kind {
                let Some(name) = &fun.name else { continue };
                let id = self.new_function(&name.name, fun.span);
                self.fun_ids.insert(fun.span, id);
                let sig = self.signature(fun, true);
                self.sigs[id.0 as usize] = sig;
                self.top_funs.insert(name.name.clone(), id);
                funs.push((id, fun));
            }
        }
        self.infer_effects(&funs);
    }

    /// Signature as declared. Type parameters of closures are `any`.
    fn signature(&mut self, fun: &ast::Fun, top: bool) -> Sig {
        let mark = self.type_params.len();
        self.push_type_params(fun, top);
        let params = fun.params.iter().map(|p| p.ty.as_ref().map_or(Ty::ANY, |t| self.resolve(t))).collect();
        let result = fun.result.as_ref().map(|r| self.resolve(r));
        self.type_params.truncate(mark);
        let pinned = self.declared_effects(fun);
        let generics = if top { fun.generics.iter().map(|g| g.name.clone()).collect() } else { Vec::new() };
        Sig { params, result, generics, effects: pinned.unwrap_or_default(), pinned: pinned.is_some() }
    }

    /// Puts the type parameters of a function in scope.
    pub(super) fn push_type_params(&mut self, fun: &ast::Fun, top: bool) {
        for (i, g) in fun.generics.iter().enumerate() {
            let ty = if top { self.types.intern(TyKind::Param(i as u32, g.name.clone())) } else { Ty::ANY };
            self.type_params.push((g.name.clone(), ty));
        }
    }

    /// A `fun` statement: hoisted at the top level, a closure in a local elsewhere.
    pub(super) fn fun_statement(&mut self, fun: &'a ast::Fun, span: Span) -> Option<Stmt> {
        let name = fun.name.as_ref()?;
        if self.scopes.len() == 1 {
            let id = *self.fun_ids.get(&fun.span)?;
            self.unit(span, |c| c.top_function(fun, id));
            return None;
        }
        let id = self.new_function(&name.name, fun.span);
        let alone = !fun.generics.is_empty() && self.stands_alone(fun);
        let mut sig = self.signature(fun, alone);
        if !sig.pinned {
            sig.effects = self.fun_effects(fun);
        }
        self.sigs[id.0 as usize] = sig.clone();
        if alone {
            self.bind(&name.name, Binding::Generic(id));
            self.top_function(fun, id);
            return None;
        }
        let ty = self.types.intern(TyKind::Fun(sig.params.clone(), sig.result()));
        let local = self.new_local(&name.name, ty, name.span);
        let key = VarKey::Local(self.depth(), local);
        let var = Var { key, ty, mutable: false, effects: sig.effects, open: None };
        self.bind(&name.name, Binding::Var(var));
        let mark = self.type_params.len();
        self.push_type_params(fun, false);
        let result = ResultMode::Declared(sig.result());
        let parent = Some(self.cur().id);
        let own_closure = Some((local, None));
        self.body(fun, id, Entry { params: sig.params, result, parent, own_closure, receiver: None });
        self.type_params.truncate(mark);
        Some(Stmt { kind: TStmt::NestedFun { local, func: id }, span })
    }

    /// Whether a function that is declared inside another one needs nothing of it: no type parameter, and no
    /// name in it, but for those of its parameters, means a variable there. Then it is compiled like one of
    /// the top level, for each of its type arguments; a closure is one value, with `any` for them.
    fn stands_alone(&self, fun: &ast::Fun) -> bool {
        let text = self.map.file(fun.span.file).text.as_str();
        let text = &text[fun.span.start as usize..fun.span.end as usize];
        let tokens = lexer::lex(text, fun.span.file, &mut Diagnostics::new());
        let own = |name: &str| fun.params.iter().any(|p| p.name.name == name);
        let names = tokens.list.iter().filter(|t| t.kind == Kind::Ident).map(|t| t.text(text));
        self.type_params.iter().all(|(_, ty)| *ty == Ty::ANY)
            && names.filter(|name| !own(name)).all(|name| !self.is_local(name))
    }

    fn top_function(&mut self, fun: &'a ast::Fun, id: FuncId) {
        let sig = self.sigs[id.0 as usize].clone();
        let mark = self.type_params.len();
        self.push_type_params(fun, true);
        self.functions[id.0 as usize].generics = sig.generics.len() as u32;
        let result = ResultMode::Declared(sig.result());
        let entry = Entry { params: sig.params, result, parent: None, own_closure: None, receiver: None };
        self.body(fun, id, entry);
        self.type_params.truncate(mark);
    }

    /// Checks a function's body and completes the function; the result type is returned.
    pub(super) fn body(&mut self, fun: &'a ast::Fun, id: FuncId, entry: Entry) -> Ty {
        self.apart(|c| c.body_apart(fun, id, entry))
    }

    fn body_apart(&mut self, fun: &'a ast::Fun, id: FuncId, entry: Entry) -> Ty {
        self.push_ctx(id, entry.result, entry.parent, entry.own_closure);
        self.push_function_scope(fun.name.is_none());
        let mut params = Vec::new();
        if let Some(sid) = entry.receiver {
            params.push(self.bind_receiver(sid, fun.span));
        }
        self.push_scope();
        for (p, ty) in fun.params.iter().zip(&entry.params) {
            params.push(self.declare_local(&p.name.name, *ty, true, p.name.span));
        }
        let body = match &fun.body {
            FunBody::Block(b) => self.statements(&b.statements),
            FunBody::Expr(e) => self.expr_body(e, fun.span),
        };
        self.pop_scope();
        self.pop_scope();
        let result = match self.cur().result {
            ResultMode::Declared(t) => t,
            ResultMode::Infer(first) => first.map_or(Ty::UNIT, |t| self.lambda_result(t)),
        };
        let ctx = self.pop_ctx();
        let f = &mut self.functions[id.0 as usize];
        f.params = params;
        f.locals = ctx.locals;
        f.captures = ctx.captures;
        f.self_ref = ctx.own_closure.and_then(|(_, own)| own);
        f.receiver = entry.receiver;
        f.result = result;
        f.body = body;
        result
    }

    fn expr_body(&mut self, e: &'a ast::Expr, lambda: Span) -> Vec<Stmt> {
        let value = match self.cur().result {
            ResultMode::Declared(want) => {
                let value = self.expr(e, Some(want));
                let value = self.expected(value, want, lambda);
                self.admit(value, want)
            }
            ResultMode::Infer(_) => {
                let value = self.expr(e, None);
                self.cur().result = ResultMode::Infer(Some(value.ty));
                value
            }
        };
        vec![Stmt { span: value.span, kind: TStmt::Return(Some(value)) }]
    }

    /// Binds the receiver's fields and methods by name; the receiver itself has no name.
    fn bind_receiver(&mut self, sid: StructId, span: Span) -> LocalId {
        let ty = self.struct_type(sid);
        let local = self.new_local("", ty, span);
        self.set_receiver(local, sid);
        local
    }

    /// A `type` statement where it stands: the bodies of its methods. A type declared in a block is
    /// declared here.
    pub(super) fn type_statement(&mut self, stmt: &'a ast::Stmt, decl: &'a ast::TypeDecl) {
        if self.scopes.len() == 1 {
            self.unit(stmt.span, |c| c.methods(decl));
        } else {
            self.declare_types(std::slice::from_ref(stmt));
            self.without_params(|c| c.methods(decl));
        }
    }

    fn methods(&mut self, decl: &'a ast::TypeDecl) {
        let (TypeDeclKind::Struct { methods, .. }, Some(TypeName::Struct(sid))) =
            (&decl.kind, self.type_names.get(&decl.name.name).copied())
        else {
            return;
        };
        let scopes = self.scopes.split_off(1);
        let ctx = self.ctx.split_off(1);
        for m in methods {
            let Some(&id) = self.fun_ids.get(&m.span) else { continue };
            let sig = self.sigs[id.0 as usize].clone();
            let result = ResultMode::Declared(sig.result());
            let entry =
                Entry { params: sig.params, result, parent: None, own_closure: None, receiver: Some(sid) };
            self.body(m, id, entry);
            if !sig.pinned {
                let effects = self.fun_effects(m);
                self.set_method_effects(id, effects);
            }
        }
        self.scopes.extend(scopes);
        self.ctx.extend(ctx);
    }

    /// The receiver of the method that is being checked, as seen from the current function.
    pub(super) fn receiver_expr(&mut self, depth: usize, local: LocalId, span: Span) -> Expr {
        let ty = self.ctx[depth].locals[local.0 as usize].ty;
        let id = self.reach(depth, local);
        Expr { kind: ExprKind::Var(VarRef::Local(id)), ty, span }
    }
}
