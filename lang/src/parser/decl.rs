//! Declarations: functions, types, imports, agents, streams, logic.

use super::{Parse, Parser};
use crate::ast::{
    Cond, Extern, Fun, FunBody, Ident, Pred, StmtKind, Term, TypeDecl, TypeDeclKind, TypeRef, TypeRefKind,
    Variant,
};
use crate::ast::{Expr, Field};
use crate::diag::Code;
use crate::lexer::{self, Kind};
use bstr::BString;

/// Languages `import` knows; the list is in the help of P064.
const IMPORT_LANGUAGES: &[&str] = &["go", "python", "typescript", "zig", "lua", "clj", "clojure"];

impl Parser<'_> {
    /// `[export] fun name<T>(a: int): int ! io { ... }`.
    pub(super) fn fun_decl(&mut self) -> Parse<Fun> {
        let start = self.here();
        let export = self.eat(Kind::Export);
        self.expect(Kind::Fun, "`fun`")?;
        let name = self.ident("a function name")?;
        let signature = self.signature_or_skip()?;
        let body = self.block()?;
        Ok(Fun {
            export,
            name: Some(name),
            generics: signature.generics,
            params: signature.params,
            result: signature.result,
            effects: signature.effects,
            body: FunBody::Block(body),
            span: self.since(start),
        })
    }

    pub(super) fn intent(&mut self) -> Parse<StmtKind> {
        let start = self.here();
        self.bump();
        let name = self.ident("an intent name")?;
        let params = self.params(Code::P052)?;
        let result = self.result_type()?;
        let body = FunBody::Block(self.block()?);
        let span = self.since(start);
        let fun = Fun {
            export: false,
            name: Some(name),
            generics: vec![],
            params,
            result,
            effects: None,
            body,
            span,
        };
        Ok(StmtKind::Intent(fun))
    }

    pub(super) fn import(&mut self) -> Parse<StmtKind> {
        let start = self.here();
        self.bump();
        let language = if self.kind() == Kind::Ident { Some(self.ident("a language")?) } else { None };
        let path = self.name_string("a module path, which is a string")?;
        let alias = if self.eat_word("as") { Some(self.ident("a module name")?) } else { None };
        let auto = self.eat_word("auto");
        if let Some(l) = &language
            && !IMPORT_LANGUAGES.contains(&l.name.as_str())
        {
            self.diags.error(Code::P064, start.to(l.span), &[&l.name]);
        }
        Ok(StmtKind::Import { language, path, alias, auto })
    }

    pub(super) fn extern_decl(&mut self) -> Parse<StmtKind> {
        self.bump();
        let decl = match self.kind() {
            Kind::Type => {
                self.bump();
                Extern::Type(self.ident("a type name")?)
            }
            Kind::Var | Kind::Let => {
                self.bump();
                let path = self.dotted()?;
                self.expect(Kind::Colon, "`:`")?;
                Extern::Var { path, ty: self.type_ref()? }
            }
            Kind::Fun => {
                self.bump();
                let path = self.dotted()?;
                let params = self.params(Code::P052)?;
                Extern::Fun { path, params, result: self.result_type()? }
            }
            _ if self.eat_word("object") => Extern::Object(self.ident("an object name")?),
            _ => return Err(self.unexpected("`type`, `var`, `let`, `fun` or `object`", None)),
        };
        Ok(StmtKind::Extern(decl))
    }

    fn dotted(&mut self) -> Parse<Vec<Ident>> {
        let mut path = vec![self.ident("a name")?];
        while self.eat(Kind::Dot) {
            path.push(self.ident("a name")?);
        }
        Ok(path)
    }

    pub(super) fn type_decl(&mut self) -> Parse<StmtKind> {
        self.bump();
        let name = self.ident("a type name")?;
        let equals = self.eat(Kind::Assign);
        let kind = match (self.kind(), equals) {
            // `type T = {}` is the inline struct without fields.
            (Kind::LBrace, true) if self.peek(1) == Kind::RBrace => TypeDeclKind::Alias(self.type_ref()?),
            (Kind::LBrace, _) => self.struct_members()?,
            (_, false) => return Err(self.unexpected("`{`", Some(Code::P001))),
            (Kind::Ident, true) => self.variants_or_alias()?,
            _ => TypeDeclKind::Alias(self.type_ref()?),
        };
        Ok(StmtKind::Type(TypeDecl { name, kind }))
    }

    fn struct_members(&mut self) -> Parse<TypeDeclKind> {
        let open = self.bump().span(self.file);
        let (mut fields, mut methods) = (Vec::new(), Vec::new());
        loop {
            match self.kind() {
                Kind::Fun | Kind::Export => methods.push(self.fun_decl()?),
                Kind::Ident => fields.push(self.field()?),
                Kind::RBrace if !fields.is_empty() || !methods.is_empty() => break,
                Kind::RBrace => return Err(self.unexpected("a field or a method", None)),
                _ => {
                    let label = (open, "this `{` is not closed");
                    return Err(self.unexpected_with("a field, a method or `}`", None, &[label]));
                }
            }
            self.eat(Kind::Comma);
        }
        self.bump();
        Ok(TypeDeclKind::Struct { fields, methods })
    }

    /// After `type T =`: `A | B { x: int }`, `A(x: int)`, or another type.
    fn variants_or_alias(&mut self) -> Parse<TypeDeclKind> {
        let start = self.here();
        let next = self.peek(1);
        let braces = next == Kind::LBrace && matches!(self.peek(2), Kind::RBrace | Kind::Ident);
        if !(braces || matches!(next, Kind::LParen | Kind::Bar)) {
            return Ok(TypeDeclKind::Alias(self.type_ref()?));
        }
        let mut variants = vec![self.variant()?];
        let has_fields = self.since(start) != variants[0].name.span;
        while self.eat(Kind::Bar) {
            variants.push(self.variant()?);
        }
        if variants.len() == 1 && !has_fields {
            let Ident { name, span } = variants.swap_remove(0).name;
            return Ok(TypeDeclKind::Alias(TypeRef { kind: TypeRefKind::Name(name), span }));
        }
        Ok(TypeDeclKind::Union(variants))
    }

    /// `Name`, `Name(x: int, y: int)`, `Name { x: int y: int }`; commas are accepted in both.
    fn variant(&mut self) -> Parse<Variant> {
        let name = self.ident("a variant name")?;
        let mut fields: Vec<Field> = Vec::new();
        let open = self.here();
        if self.eat(Kind::LParen) {
            loop {
                fields.push(self.field()?);
                if !self.eat(Kind::Comma) || self.kind() == Kind::RParen {
                    break;
                }
            }
            self.expect_close(Kind::RParen, "`,` or `)`", open)?;
        } else if self.eat(Kind::LBrace) {
            while self.kind() == Kind::Ident {
                fields.push(self.field()?);
                self.eat(Kind::Comma);
            }
            self.expect_close(Kind::RBrace, "a field or `}`", open)?;
        }
        Ok(Variant { name, fields })
    }

    pub(super) fn stream(&mut self) -> Parse<StmtKind> {
        self.bump();
        let name = self.ident("a stream name")?;
        let open = self.expect(Kind::LBrace, "`{`")?.span(self.file);
        let mut fields = Vec::new();
        while self.kind() == Kind::Ident {
            fields.push(self.field()?);
        }
        self.expect_close(Kind::RBrace, "`}`", open)?;
        Ok(StmtKind::Stream { name, fields })
    }

    pub(super) fn model(&mut self) -> Parse<StmtKind> {
        self.bump();
        let name = self.ident("a model name")?;
        let open = self.expect(Kind::LBrace, "`{`")?.span(self.file);
        let mut entries = Vec::new();
        while self.kind() == Kind::Ident {
            entries.push(self.entry()?);
        }
        self.expect_close(Kind::RBrace, "`}`", open)?;
        Ok(StmtKind::Model { name, entries })
    }

    /// `name: value`.
    fn entry(&mut self) -> Parse<(Ident, Expr)> {
        let name = self.ident("a field name")?;
        self.expect(Kind::Colon, "`:`")?;
        Ok((name, self.expr()?))
    }

    /// `{ name: value, ... }`, with an optional last comma.
    pub(super) fn entries(&mut self) -> Parse<Vec<(Ident, Expr)>> {
        let open = self.expect(Kind::LBrace, "`{`")?.span(self.file);
        let no_struct = std::mem::replace(&mut self.no_struct, false);
        let mut entries = Vec::new();
        while self.kind() != Kind::RBrace {
            if self.kind() != Kind::Ident {
                let label = (open, "this `{` is not closed");
                return Err(self.unexpected_with("a field name or `}`", Some(Code::P001), &[label]));
            }
            entries.push(self.entry()?);
            if !self.eat(Kind::Comma) {
                break;
            }
        }
        self.no_struct = no_struct;
        self.expect_close(Kind::RBrace, "`,` or `}`", open)?;
        Ok(entries)
    }

    pub(super) fn emit(&mut self) -> Parse<StmtKind> {
        self.bump();
        let stream = self.ident("a stream name")?;
        Ok(StmtKind::Emit { stream, fields: self.entries()? })
    }

    pub(super) fn on(&mut self) -> Parse<StmtKind> {
        self.bump();
        let stream = self.ident("a stream name")?;
        self.expect_word("as")?;
        let alias = self.ident("a name")?;
        Ok(StmtKind::On { stream, alias, body: self.block()? })
    }

    pub(super) fn agent(&mut self) -> Parse<StmtKind> {
        self.bump();
        let name = self.ident("an agent name")?;
        let body = self.agent_body()?;
        Ok(StmtKind::Agent { name, body })
    }

    /// `let`, `var`, assignments, `on` and `intent` between braces.
    fn agent_body(&mut self) -> Parse<crate::ast::Block> {
        let open = self.expect(Kind::LBrace, "`{`")?.span(self.file);
        self.enter()?;
        let mut statements = Vec::new();
        while matches!(self.kind(), Kind::Let | Kind::Var | Kind::On | Kind::Intent | Kind::Ident) {
            let start = self.here();
            let kind = match self.kind() {
                Kind::Intent => self.intent()?,
                _ => self.statement()?.kind,
            };
            if matches!(kind, StmtKind::Expr(_)) {
                return Err(self.unexpected("`=`", None));
            }
            statements.push(crate::ast::Stmt { kind, span: self.since(start) });
        }
        self.leave();
        self.expect_close(Kind::RBrace, "`}`", open)?;
        Ok(crate::ast::Block { statements, span: self.since(open) })
    }

    pub(super) fn fact(&mut self) -> Parse<StmtKind> {
        self.bump();
        Ok(StmtKind::Fact(self.predicate()?))
    }

    pub(super) fn rule(&mut self) -> Parse<StmtKind> {
        self.bump();
        let head = self.predicate()?;
        self.expect(Kind::Turnstile, "`:-`")?;
        let mut body = vec![self.condition()?];
        while self.eat(Kind::Comma) {
            body.push(self.condition()?);
        }
        Ok(StmtKind::Rule { head, body })
    }

    fn condition(&mut self) -> Parse<Cond> {
        if self.kind() == Kind::Ident && self.peek(1) == Kind::NotEq {
            let left = self.ident("a name")?;
            self.bump();
            return Ok(Cond::NotEqual(left, self.ident("a name")?));
        }
        Ok(Cond::Pred(self.predicate()?))
    }

    /// `name(term, ...)`.
    pub(super) fn predicate(&mut self) -> Parse<Pred> {
        let name = self.ident("a predicate name")?;
        let open = self.expect(Kind::LParen, "`(`")?.span(self.file);
        let mut terms = Vec::new();
        if self.kind() != Kind::RParen {
            terms.push(self.term()?);
            while self.eat(Kind::Comma) {
                terms.push(self.term()?);
            }
        }
        self.expect_close(Kind::RParen, "`,` or `)`", open)?;
        Ok(Pred { name, terms })
    }

    fn term(&mut self) -> Parse<Term> {
        match self.kind() {
            Kind::Ident => Ok(Term::Var(self.ident("a name")?)),
            Kind::Str => Ok(Term::Str(self.string("a string")?)),
            Kind::Int => Ok(Term::Int(self.int().unwrap_or(0))),
            _ => Err(self.unexpected("a name, a string or an integer", None)),
        }
    }

    /// Whether the tokens from `ahead` on are `name(term, ...)`.
    pub(super) fn predicate_ahead(&self, ahead: usize) -> bool {
        if self.peek(ahead) != Kind::Ident || self.peek(ahead + 1) != Kind::LParen {
            return false;
        }
        let mut i = ahead + 2;
        while self.peek(i) != Kind::RParen {
            if !matches!(self.peek(i), Kind::Ident | Kind::Str | Kind::Int) {
                return false;
            }
            match self.peek(i + 1) {
                Kind::Comma => i += 2,
                Kind::RParen => i += 1,
                _ => return false,
            }
        }
        true
    }

    /// A string literal's value; empty when an escape sequence is reported.
    pub(super) fn string(&mut self, expected: &str) -> Parse<BString> {
        if self.kind() != Kind::Str {
            return Err(self.unexpected(expected, None));
        }
        let token = self.bump();
        let text = token.text(self.text);
        match lexer::string_value(text) {
            Ok(value) => Ok(value),
            Err(range) => {
                let mut span = token.span(self.file);
                span.end = span.start + range.end as u32;
                span.start += range.start as u32;
                self.diags.error(Code::P041, span, &[]);
                Ok(BString::default())
            }
        }
    }

    /// A string literal that is a name; with bytes that are not UTF-8 it cannot be one.
    pub(super) fn name_string(&mut self, expected: &str) -> Parse<String> {
        let span = self.here();
        let value = self.string(expected)?;
        Ok(String::from_utf8(value.into()).unwrap_or_else(|_| {
            self.diags.error(Code::NameNotText, span, &[]);
            String::new()
        }))
    }

    /// An integer literal's value; `None` when it is reported as out of range.
    pub(super) fn int(&mut self) -> Option<i64> {
        let token = self.bump();
        let text = token.text(self.text);
        let value = lexer::int_value(text);
        if value.is_none() {
            let digits = lexer::digits_of(text);
            self.diags.error(Code::P045, token.span(self.file), &[&digits]);
        }
        value
    }
}
