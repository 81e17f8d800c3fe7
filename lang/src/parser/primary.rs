//! Operands: literals, names, and the constructs that begin with a word or a bracket.

use super::expr::{begins_operand, error};
use super::{MAX_HEIGHT, Parse, Parser};
use crate::ast::{Arm, Expr, ExprKind, Fun, FunBody};
use crate::diag::Code;
use crate::lexer::{self, Kind};
use crate::span::Span;

impl Parser<'_> {
    /// One operand, without what may follow it.
    pub(super) fn primary(&mut self) -> Parse<Expr> {
        let start = self.here();
        let kind = match self.kind() {
            Kind::Ident => self.name()?,
            Kind::Int => self.int().map_or(ExprKind::Error, ExprKind::Int),
            Kind::Float => self.float(),
            Kind::Str => ExprKind::Str(self.string("a string")?),
            Kind::True | Kind::False => ExprKind::Bool(self.bump().kind == Kind::True),
            Kind::None => {
                self.bump();
                ExprKind::None
            }
            Kind::LParen => {
                self.bump();
                let inner = self.inner()?;
                self.expect_close(Kind::RParen, "`)`", start)?;
                ExprKind::Paren(Box::new(inner))
            }
            Kind::LBracket => self.list()?,
            Kind::LBrace => self.map()?,
            Kind::Fun => self.lambda()?,
            Kind::If => {
                self.bump();
                let cond = self.head()?;
                return self.if_from(start, cond);
            }
            Kind::Match => self.match_expr()?,
            Kind::Generate => {
                self.bump();
                let model = self.ident("a model name")?;
                ExprKind::Generate { model, fields: self.entries()? }
            }
            Kind::Fetch => {
                self.bump();
                let url = self.expr()?;
                return self.fetch_from(start, url);
            }
            Kind::Load => self.load()?,
            Kind::Save => self.save()?,
            _ => return Err(self.unexpected("an expression", None)),
        };
        Ok(Expr { kind, span: self.since(start) })
    }

    fn float(&mut self) -> ExprKind {
        let token = self.bump();
        let text = token.text(self.text);
        match lexer::float_value(text) {
            Some(value) => ExprKind::Float(value),
            None => {
                self.diags.error(Code::FloatRange, token.span(self.file), &[&text]);
                ExprKind::Error
            }
        }
    }

    /// A name, or what begins with one: query, logic query, struct literal.
    fn name(&mut self) -> Parse<ExprKind> {
        match self.text_at(0) {
            "from" if self.peek(1) == Kind::Ident && self.peek(2) == Kind::In => return self.query(),
            "query" if self.predicate_ahead(1) => {
                self.bump();
                return Ok(ExprKind::LogicQuery(self.predicate()?));
            }
            _ => {}
        }
        let name = self.ident("a name")?;
        if self.looks_like_fields() {
            return Ok(ExprKind::Struct { name, fields: self.entries()? });
        }
        Ok(ExprKind::Name(name))
    }

    /// Whether the next token, after a name, begins the fields of a struct literal: `{ name:`, and
    /// where no body of a statement can begin also `{}` and what is most likely meant as fields.
    fn looks_like_fields(&self) -> bool {
        use Kind::*;
        if self.kind() != LBrace {
            return false;
        }
        match (self.peek(1), self.no_struct) {
            (Ident, true) => self.peek(2) == Colon,
            (Ident, false) => {
                matches!(self.peek(2), Colon | Comma | RBrace | Assign | Ident | Int | Float | Str)
            }
            (RBrace, no_struct) => !no_struct,
            _ => false,
        }
    }

    fn list(&mut self) -> Parse<ExprKind> {
        let open = self.bump().span(self.file);
        let mut items = Vec::new();
        while self.kind() != Kind::RBracket {
            if !begins_operand(self.kind()) {
                return Err(self.unexpected("an expression or `]`", None));
            }
            items.push(self.inner()?);
            if !self.eat(Kind::Comma) {
                break;
            }
        }
        self.expect_close(Kind::RBracket, "`,` or `]`", open)?;
        Ok(ExprKind::List(items))
    }

    fn map(&mut self) -> Parse<ExprKind> {
        let open = self.bump().span(self.file);
        let mut items = Vec::new();
        while begins_operand(self.kind()) {
            let key = self.inner()?;
            self.expect(Kind::Colon, "`:`")?;
            items.push((key, self.inner()?));
            if !self.eat(Kind::Comma) {
                break;
            }
        }
        let expected = if items.is_empty() { "`}`" } else { "`,` or `}`" };
        self.expect_close(Kind::RBrace, expected, open)?;
        Ok(ExprKind::Map(items))
    }

    /// Whether the braces at the next token hold a map, and not statements: they are empty, or a
    /// `:` comes before anything that only statements have.
    pub(super) fn looks_like_map(&self) -> bool {
        use Kind::*;
        let mut nested = 0u32;
        let mut i = 1;
        if matches!(self.peek(i), RBrace) {
            return true;
        }
        loop {
            match self.peek(i) {
                Colon if nested == 0 => return true,
                LParen | LBracket | LBrace => nested += 1,
                RParen | RBracket | RBrace if nested == 0 => return false,
                RParen | RBracket | RBrace => nested -= 1,
                Eof => return false,
                Comma | Arrow | Assign | PlusEq | MinusEq | StarEq | SlashEq | PercentEq | Let | Var
                | Return | While | For | Break | Continue | If | Else | Type | Test | Expect | Emit | On
                | Import | Export | Extern | Fact | Rule | Agent | Stream
                    if nested == 0 =>
                {
                    return false;
                }
                // A nested function, not a lambda.
                Fun if nested == 0 && self.peek(i + 1) == Ident => return false,
                Fun if nested == 0 => i = self.signature_end(i),
                _ => {}
            }
            i += 1;
        }
    }

    /// The last token of the parameters of a lambda or function type that begins at token `i` from here, with
    /// the `:` before its result.
    fn signature_end(&self, i: usize) -> usize {
        let mut nested = 0u32;
        let mut end = i;
        loop {
            end += 1;
            match self.peek(end) {
                Kind::LParen => nested += 1,
                Kind::Lt | Kind::Gt | Kind::Ident | Kind::Comma if nested == 0 => {}
                Kind::Eof => return i,
                _ if nested == 0 => return i,
                Kind::RParen if nested == 1 => break,
                Kind::RParen => nested -= 1,
                _ => {}
            }
        }
        end + usize::from(self.peek(end + 1) == Kind::Colon)
    }

    /// `fun(x: int): int => x + 1`, `fun(x: int) { ... }`; after `=>` also a block.
    fn lambda(&mut self) -> Parse<ExprKind> {
        let start = self.bump().span(self.file);
        let signature = self.signature(Code::P011)?;
        let body = match self.kind() {
            Kind::LBrace => FunBody::Block(self.block()?),
            Kind::Arrow => {
                self.bump();
                if self.kind() == Kind::LBrace && !self.looks_like_map() {
                    FunBody::Block(self.block()?)
                } else {
                    FunBody::Expr(Box::new(self.expr()?))
                }
            }
            _ => {
                let span = self.since(start);
                self.diags.error(Code::P070, span, &[]);
                FunBody::Expr(Box::new(error(span)))
            }
        };
        Ok(ExprKind::Lambda(Box::new(Fun {
            export: false,
            name: None,
            generics: signature.generics,
            params: signature.params,
            result: signature.result,
            effects: signature.effects,
            body,
            span: self.since(start),
        })))
    }

    /// An if-expression after its first condition; its chain of `else if` is taken in a loop.
    pub(super) fn if_from(&mut self, start: Span, cond: Expr) -> Parse<Expr> {
        let first = (start, cond, self.then_branch()?);
        let mut rest: Vec<(Span, Expr, Expr)> = Vec::new();
        let mut otherwise = None;
        while self.eat(Kind::Else) {
            match self.kind() {
                Kind::If => {
                    let part = self.bump().span(self.file);
                    let cond = self.head()?;
                    let then = self.then_branch()?;
                    if rest.len() as u32 + self.height < MAX_HEIGHT {
                        rest.push((part, cond, then));
                    } else {
                        self.limit(Code::P100, part, MAX_HEIGHT);
                    }
                    continue;
                }
                Kind::LBrace if !self.looks_like_map() => otherwise = Some(Box::new(self.branch()?)),
                _ => otherwise = Some(Box::new(self.expr()?)),
            }
            break;
        }
        self.height += 1 + rest.len() as u32;
        // The whole ends where its last part does.
        let join = |(start, cond, then): (Span, Expr, Expr), otherwise: Option<Box<Expr>>, end: Span| Expr {
            kind: ExprKind::If { cond: Box::new(cond), then: Box::new(then), otherwise },
            span: start.to(end),
        };
        let end = self.since(start);
        for part in rest.into_iter().rev() {
            otherwise = Some(Box::new(join(part, otherwise, end)));
        }
        Ok(join(first, otherwise, end))
    }

    /// `{ ... }` or `then e`.
    fn then_branch(&mut self) -> Parse<Expr> {
        match self.kind() {
            Kind::Then => {
                self.bump();
                self.expr()
            }
            Kind::LBrace => self.branch(),
            _ => Err(self.unexpected("`{` or `then`", None)),
        }
    }

    /// `{ ... }` of an if-expression: an expression, or statements of which the last one is the value.
    fn branch(&mut self) -> Parse<Expr> {
        let block = self.block_of(true)?;
        Ok(super::shape::block_value(block))
    }

    fn match_expr(&mut self) -> Parse<ExprKind> {
        self.bump();
        let value = Box::new(self.head()?);
        let open = self.expect(Kind::LBrace, "`{`")?.span(self.file);
        let no_struct = std::mem::replace(&mut self.no_struct, false);
        let mut arms = Vec::new();
        while begins_operand(self.kind()) {
            let pattern = self.expr()?;
            if !self.eat(Kind::Arrow) {
                return Err(self.unexpected("`=>`", Some(Code::P011)));
            }
            self.check_pattern(&pattern);
            let result = match self.kind() {
                Kind::LBrace if !self.looks_like_map() => {
                    let block = self.block_of(true)?;
                    let span = block.span;
                    Expr { kind: ExprKind::Block(block), span }
                }
                kind if begins_operand(kind) => self.expr()?,
                _ => {
                    self.diags.error(Code::P061, pattern.span, &[]);
                    error(self.here())
                }
            };
            arms.push(Arm { pattern, result });
            self.eat(Kind::Comma);
        }
        self.no_struct = no_struct;
        self.expect_close(Kind::RBrace, "a match arm or `}`", open)?;
        Ok(ExprKind::Match { value, arms })
    }

    pub(super) fn fetch_from(&mut self, start: Span, url: Expr) -> Parse<Expr> {
        let with = self.with_options()?.map(Box::new);
        Ok(Expr { kind: ExprKind::Fetch { url: Box::new(url), with }, span: self.since(start) })
    }

    fn load(&mut self) -> Parse<ExprKind> {
        let start = self.bump().span(self.file);
        let path = if self.kind() == Kind::Str { Some(self.path(start)?) } else { None };
        self.expect_word("as")?;
        let ty = self.type_ref()?;
        let with = self.with_options()?.map(Box::new);
        Ok(ExprKind::Load { path, ty, with })
    }

    fn save(&mut self) -> Parse<ExprKind> {
        let start = self.bump().span(self.file);
        let value = Box::new(self.expr()?);
        let to = self.at_word("to") && self.peek(1) == Kind::Str;
        let path = if to {
            self.bump();
            Some(self.path(start)?)
        } else {
            None
        };
        let with = self.with_options()?.map(Box::new);
        Ok(ExprKind::Save { value, path, with })
    }

    /// The path of `load` or `save`, which may not be empty.
    fn path(&mut self, start: Span) -> Parse<String> {
        let empty = self.token().end - self.token().start == 2;
        let path = self.name_string("a path, which is a string")?;
        if empty {
            self.diags.error(Code::P062, self.since(start), &[]);
        }
        Ok(path)
    }
}
