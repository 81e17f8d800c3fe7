//! What reaches outside the program, or belongs to the interpreter only: fetch, load, save,
//! generate, streams, agents, facts, rules, imports, extern declarations.
//!
//! Each is checked as the reference does; what the compiler does not implement is then reported
//! once, at the place where it is written. Declared foreign names and `generate` yield none.

use super::Checker;
use super::scope::Binding;
use crate::ast::{self, ExprKind, Extern, StmtKind};
use crate::diag::Code;
use crate::span::Span;
use crate::tree::{Expr, ExprKind as T, Stmt, StmtKind as S};
use crate::types::{Ty, TyKind};

impl<'a> Checker<'a> {
    /// Errors so far.
    fn reported(&self) -> usize {
        self.diags.error_count()
    }

    /// Reports a construct that only the reference's interpreter runs, unless it was reported.
    fn interpreter_only(&mut self, before: usize, what: &str, span: Span) {
        if self.reported() == before {
            self.error(Code::InterpreterOnly, span, &[&what]);
        }
    }

    /// Names of foreign types, streams and agents may be used before their declaration.
    pub(super) fn declare_foreign_type(&mut self, s: &ast::Stmt) {
        let name = match &s.kind {
            StmtKind::Stream { name, .. } | StmtKind::Agent { name, .. } => name,
            StmtKind::Extern(Extern::Type(name)) => name,
            _ => return,
        };
        self.name_type(&name.name, super::typeref::TypeName::Known(Ty::ANY));
    }

    /// Statements that are declarations of this kind.
    pub(super) fn foreign_statement(&mut self, s: &'a ast::Stmt) {
        let span = s.span;
        let before = self.reported();
        self.declare_foreign_type(s);
        match &s.kind {
            StmtKind::Stream { name, fields } => {
                let fields = self.resolve_fields(fields);
                let id = self.new_struct(&name.name);
                self.types.structs[id.0 as usize].fields = fields.into_iter().collect();
                self.name_type(&name.name, super::typeref::TypeName::Struct(id));
                self.streams.insert(name.name.clone(), id);
                self.interpreter_only(before, "stream declarations", span);
            }
            StmtKind::On { stream, alias, body } => {
                self.on_handler(stream, alias, body, span);
                self.interpreter_only(before, "on handlers", span);
            }
            StmtKind::Emit { stream, fields } => {
                self.emit(stream, fields, span);
                self.interpreter_only(before, "emit statements", span);
            }
            StmtKind::Agent { .. } => self.interpreter_only(before, "agent declarations", span),
            StmtKind::Intent(_) => self.interpreter_only(before, "intents", span),
            StmtKind::Fact(_) => self.interpreter_only(before, "fact declarations", span),
            StmtKind::Rule { .. } => self.interpreter_only(before, "rule declarations", span),
            StmtKind::Model { entries, .. } => {
                for (_, e) in entries {
                    self.expr(e, None);
                }
            }
            StmtKind::Import { language, path, alias, .. } => {
                let name = alias.as_ref().map_or_else(|| alias_of(path), |a| a.name.clone());
                self.bind(&name, Binding::Poison);
                let what = match language {
                    Some(l) => format!("importing {} packages", l.name),
                    None => "importing packages".to_string(),
                };
                let advice = "Write what is needed of it in Mochi.";
                self.diags.error(Code::Unsupported, span, &[&what]).help(advice);
            }
            StmtKind::Extern(e) => self.extern_declaration(e),
            StmtKind::Fetch { url, target, with } => {
                self.expect_expr(url, Ty::STR);
                if let Some(w) = with {
                    self.expr(w, None);
                }
                self.bind(&target.name, Binding::Poison);
                self.unsupported(before, "`fetch`", span, None);
            }
            _ => {}
        }
    }

    fn on_handler(&mut self, stream: &ast::Ident, alias: &ast::Ident, body: &'a ast::Block, span: Span) {
        let Some(&id) = self.streams.get(&stream.name) else {
            self.error(Code::T031, span, &[&stream.name]);
            return;
        };
        let ty = self.struct_type(id);
        self.push_scope();
        self.declare_local(&alias.name, ty, true, alias.span);
        self.statements(&body.statements);
        self.pop_scope();
    }

    fn emit(&mut self, stream: &ast::Ident, fields: &'a [(ast::Ident, ast::Expr)], span: Span) {
        let Some(&id) = self.streams.get(&stream.name) else {
            self.error(Code::T031, span, &[&stream.name]);
            return;
        };
        let declared = self.types.struct_def(id).fields.clone();
        for (field, value) in fields {
            match declared.get(&field.name) {
                Some(ty) => {
                    self.expect_expr(value, *ty);
                }
                None => {
                    self.expr(value, None);
                    self.error(Code::T026, field.span, &[&field.name, &stream.name]);
                }
            }
        }
    }

    /// Declared foreign names are none; those named like a builtin are the builtin.
    fn extern_declaration(&mut self, e: &ast::Extern) {
        let joined = |path: &[ast::Ident]| path.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(".");
        match e {
            Extern::Type(_) => {}
            Extern::Object(n) => self.bind(&n.name, Binding::Extern(Ty::ANY)),
            Extern::Var { path, ty } => {
                let ty = self.resolve(ty);
                self.bind(&joined(path), Binding::Extern(ty));
            }
            Extern::Fun { path, params, result } => {
                let params =
                    params.iter().map(|p| p.ty.as_ref().map_or(Ty::ANY, |t| self.resolve(t))).collect();
                let result = result.as_ref().map_or(Ty::ANY, |t| self.resolve(t));
                let name = joined(path);
                if self.builtins.find(&name).is_none() {
                    let ty = self.types.intern(TyKind::Fun(params, result));
                    self.bind(&name, Binding::Extern(ty));
                }
            }
        }
    }

    /// Expressions of this kind.
    pub(super) fn foreign_expr(&mut self, e: &'a ast::Expr, want: Option<Ty>) -> Expr {
        let span = e.span;
        let before = self.reported();
        match &e.kind {
            ExprKind::LogicQuery(_) => {
                self.interpreter_only(before, "logic queries", span);
                self.error_expr(span)
            }
            ExprKind::Generate { model, fields } => self.generate(model, fields, span),
            ExprKind::Fetch { url, with } => {
                self.check_fetch(url, with.as_deref(), span);
                self.unsupported(before, "`fetch`", span, want)
            }
            ExprKind::Load { ty, with, .. } => {
                self.resolve(ty);
                if let Some(w) = with {
                    self.expr(w, None);
                }
                self.unsupported(before, "`load`", span, want)
            }
            ExprKind::Save { value, with, .. } => {
                self.expr(value, None);
                if let Some(w) = with {
                    self.expr(w, None);
                }
                self.unsupported(before, "`save`", span, want)
            }
            _ => self.error_expr(span),
        }
    }

    fn unsupported(&mut self, before: usize, what: &str, span: Span, want: Option<Ty>) -> Expr {
        if self.reported() == before {
            let advice = "Read data from standard input with `input()`, write it with `print` or `json`.";
            self.diags.error(Code::Unsupported, span, &[&what]).help(advice);
        }
        Expr { ty: want.unwrap_or(Ty::ERROR), ..self.error_expr(span) }
    }

    fn check_fetch(&mut self, url: &'a ast::Expr, with: Option<&'a ast::Expr>, span: Span) {
        let u = self.expr(url, None);
        if !self.compatible(u.ty, Ty::STR) {
            self.error(Code::T028, span, &[]);
        }
        let Some(w) = with else { return };
        let options = self.expr(w, None);
        let keyed = matches!(*self.types.kind(options.ty), TyKind::Map(k, _) if self.compatible(k, Ty::STR));
        if !keyed && options.ty != Ty::ERROR {
            self.error(Code::T029, span, &[]);
            return;
        }
        let (ExprKind::Map(pairs), T::Map(values)) = (&w.kind, &options.kind) else { return };
        let texts = self.types.map(Ty::STR, Ty::STR);
        let mut wrong = Vec::new();
        for ((key, source), (_, value)) in pairs.iter().zip(values) {
            let Some(name) = super::literal::string_key(key) else { continue };
            let expected = match &**name {
                b"method" => Ty::STR,
                b"headers" | b"query" => texts,
                b"timeout" => Ty::FLOAT,
                _ => continue,
            };
            let got = match &value.kind {
                T::Coerce { value } => value.ty,
                _ => value.ty,
            };
            if !self.compatible(got, expected) {
                wrong.push((source.span, name.to_string(), expected, got));
            }
        }
        for (at, name, expected, got) in wrong {
            let (expected, got) = (self.show(expected), self.show(got));
            self.error(Code::T030, at, &[&name, &expected, &got]);
        }
    }

    /// `generate`: the fields are checked and evaluated, the result is none.
    fn generate(&mut self, model: &ast::Ident, fields: &'a [(ast::Ident, ast::Expr)], span: Span) -> Expr {
        let texts = self.types.list(Ty::STR);
        let mut body = Vec::new();
        for (field, value) in fields {
            let want = match field.name.as_str() {
                "prompt" | "model" | "text" => Some(Ty::STR),
                "temperature" | "top_p" => Some(Ty::FLOAT),
                "max_tokens" => Some(Ty::INT),
                "stop" => Some(texts),
                "normalize" => Some(Ty::BOOL),
                _ => None,
            };
            let v = match want {
                Some(w) => self.expect_expr(value, w),
                None => self.expr(value, None),
            };
            body.push(Stmt { span: v.span, kind: S::Expr(v) });
        }
        let ty = match model.name.as_str() {
            "text" => Ty::STR,
            "embedding" => self.types.list(Ty::FLOAT),
            name => match self.struct_named(name) {
                Some(id) => self.struct_type(id),
                None => {
                    self.error(Code::T025, span, &[&model.name]);
                    return self.error_expr(span);
                }
            },
        };
        let value = Some(Box::new(Expr { kind: T::None, ty, span }));
        Expr { kind: T::Block { body, value }, ty, span }
    }
}

/// The name an import without `as` binds: the last part of the path, without an extension.
fn alias_of(path: &str) -> String {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
    last.split('.').next().unwrap_or(last).replace('-', "_")
}
