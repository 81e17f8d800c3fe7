//! Statements.

use super::expr::begins_operand;
use super::{MAX_HEIGHT, Parse, Parser};
use crate::ast::{BinOp, Block, Else, Expr, ExprKind, Ident, Place, Stmt, StmtKind};
use crate::diag::Code;
use crate::lexer::Kind;
use crate::span::Span;

/// One `if condition { ... }` of a chain of `else if`, with the place it begins at.
pub(super) type IfPart = (Span, Expr, Block);

impl Parser<'_> {
    pub(super) fn statement(&mut self) -> Parse<Stmt> {
        let start = self.here();
        let kind = match self.kind() {
            Kind::Let | Kind::Var => self.let_or_var()?,
            Kind::Ident => self.name_statement()?,
            Kind::Fun if !matches!(self.peek(1), Kind::LParen | Kind::Lt) => StmtKind::Fun(self.fun_decl()?),
            Kind::Export => StmtKind::Fun(self.fun_decl()?),
            Kind::If => self.if_statement()?,
            Kind::While => {
                self.bump();
                let cond = self.head()?;
                StmtKind::While { cond, body: self.block()? }
            }
            Kind::For => self.for_loop()?,
            Kind::Return => {
                self.bump();
                StmtKind::Return(if begins_operand(self.kind()) { Some(self.expr()?) } else { None })
            }
            Kind::Break => {
                self.bump();
                StmtKind::Break
            }
            Kind::Continue => {
                self.bump();
                StmtKind::Continue
            }
            Kind::Fetch => self.fetch_statement()?,
            Kind::Test => {
                self.bump();
                let name = self.name_string("a test name, which is a string")?;
                StmtKind::Test { name, body: self.block()? }
            }
            Kind::Expect => {
                self.bump();
                StmtKind::Expect(self.expr()?)
            }
            Kind::Type => self.type_decl()?,
            Kind::Import => self.import()?,
            Kind::Extern => self.extern_decl()?,
            Kind::Agent => self.agent()?,
            Kind::Stream => self.stream()?,
            Kind::On => self.on()?,
            Kind::Emit => self.emit()?,
            Kind::Fact => self.fact()?,
            Kind::Rule => self.rule()?,
            kind if begins_operand(kind) => StmtKind::Expr(self.expr()?),
            _ => {
                let in_block = self.open_blocks > 0;
                return Err(match in_block {
                    true => self.unexpected("a statement or `}`", Some(Code::P001)),
                    false => self.unexpected("a statement", None),
                });
            }
        };
        Ok(Stmt { kind, span: self.since(start) })
    }

    fn let_or_var(&mut self) -> Parse<StmtKind> {
        let mutable = self.bump().kind == Kind::Var;
        if self.kind() == Kind::Colon && !mutable {
            return Err(self.unexpected("a variable name", Some(Code::P031)));
        }
        let name = self.ident("a variable name")?;
        let ty = if self.eat(Kind::Colon) { Some(self.type_ref()?) } else { None };
        let value = if self.eat(Kind::Assign) { Some(self.expr()?) } else { None };
        Ok(StmtKind::Let { mutable, name, ty, value })
    }

    /// A statement that begins with a name: `bench`, `model`, `update`, an assignment, or an
    /// expression.
    fn name_statement(&mut self) -> Parse<StmtKind> {
        match (self.text_at(0), self.peek(1)) {
            ("bench", Kind::Str) => {
                self.bump();
                let name = self.name_string("a benchmark name, which is a string")?;
                return Ok(StmtKind::Bench { name, body: self.block()? });
            }
            ("model", Kind::Ident) if self.peek(2) == Kind::LBrace => return self.model(),
            ("update", Kind::Ident) if self.peek(2) == Kind::Ident && self.text_at(2) == "set" => {
                return self.update();
            }
            _ => {}
        }
        let target = self.expr()?;
        let op = match self.kind() {
            Kind::Assign => None,
            Kind::PlusEq => Some(BinOp::Add),
            Kind::MinusEq => Some(BinOp::Sub),
            Kind::StarEq => Some(BinOp::Mul),
            Kind::SlashEq => Some(BinOp::Div),
            Kind::PercentEq => Some(BinOp::Mod),
            _ => return Ok(StmtKind::Expr(target)),
        };
        let target_span = target.span;
        let Some((name, path)) = place(target) else {
            let found = self.unexpected_with(
                "a statement",
                None,
                &[(target_span, "only variables, elements and fields can be assigned")],
            );
            return Err(found);
        };
        self.bump();
        Ok(StmtKind::Assign { name, path, op, value: self.expr()? })
    }

    fn for_loop(&mut self) -> Parse<StmtKind> {
        self.bump();
        let name = self.ident("a variable name")?;
        self.expect(Kind::In, "`in`")?;
        let source = self.head()?;
        let inclusive = self.kind() == Kind::DotDotEq;
        let end = if self.eat(Kind::DotDot) || self.eat(Kind::DotDotEq) { Some(self.head()?) } else { None };
        Ok(StmtKind::For { name, source, end, inclusive, body: self.block()? })
    }

    /// `if`, with its chain of `else if` taken in a loop.
    fn if_statement(&mut self) -> Parse<StmtKind> {
        self.level(|p| {
            let start = p.here();
            p.bump();
            let cond = p.head()?;
            if p.kind() == Kind::Then {
                let value = p.if_from(start, cond)?;
                return Ok(StmtKind::Expr(p.expr_after(value)?));
            }
            let first = (start, cond, p.block()?);
            let mut rest: Vec<IfPart> = Vec::new();
            let mut last = None;
            while p.eat(Kind::Else) {
                if p.kind() != Kind::If {
                    last = Some(p.block()?);
                    break;
                }
                let part = p.bump().span(p.file);
                let cond = p.head()?;
                let body = p.block()?;
                if rest.len() as u32 + p.height < MAX_HEIGHT {
                    rest.push((part, cond, body));
                } else {
                    p.limit(Code::P100, part, MAX_HEIGHT);
                }
            }
            p.height += 1 + rest.len() as u32;
            Ok(chain(first, rest, last))
        })
    }

    /// `fetch url into name`, or an expression that begins with `fetch`.
    fn fetch_statement(&mut self) -> Parse<StmtKind> {
        let start = self.here();
        self.bump();
        let url = self.expr()?;
        if self.at_word("into") {
            self.bump();
            let target = self.ident("a variable name")?;
            let with = self.with_options()?;
            return Ok(StmtKind::Fetch { url, target, with });
        }
        let value = self.fetch_from(start, url)?;
        Ok(StmtKind::Expr(self.expr_after(value)?))
    }

    /// `update people set { age: age + 1 } where name == "A"`.
    fn update(&mut self) -> Parse<StmtKind> {
        self.bump();
        let target = self.ident("a variable name")?;
        self.bump();
        let open = self.expect(Kind::LBrace, "`{`")?.span(self.file);
        let mut set = Vec::new();
        while self.kind() != Kind::RBrace {
            let span = self.here();
            let field = match self.kind() {
                Kind::Str => Ident { name: self.name_string("a field name")?, span },
                _ => self.ident("a field name")?,
            };
            self.expect(Kind::Colon, "`:`")?;
            set.push((field, self.expr()?));
            if !self.eat(Kind::Comma) {
                break;
            }
        }
        self.expect_close(Kind::RBrace, "`,` or `}`", open)?;
        let filter = if self.eat_word("where") { Some(self.expr()?) } else { None };
        Ok(StmtKind::Update { target, set, filter })
    }
}

/// The left side of an assignment; `None` for anything but a name with indexes, slices and fields.
fn place(target: Expr) -> Option<(Ident, Vec<Place>)> {
    let mut path = Vec::new();
    let mut rest = target;
    let name = loop {
        let span = rest.span;
        rest = match rest.kind {
            ExprKind::Name(name) => break name,
            ExprKind::Field { base, field } => {
                path.push(Place::Field(field));
                *base
            }
            ExprKind::Index { base, index } => {
                path.push(Place::Index { index: *index, span: Span { start: base.span.end, ..span } });
                *base
            }
            ExprKind::Slice { base, .. } => {
                path.push(Place::Slice(Span { start: base.span.end, ..span }));
                *base
            }
            _ => return None,
        };
    };
    path.reverse();
    Some((name, path))
}

/// The statement of a chain: the first `if`, those after `else`, and the last `else`.
pub(super) fn chain(first: IfPart, rest: Vec<IfPart>, last: Option<Block>) -> StmtKind {
    let mut otherwise = last.map(|b| Box::new(Else::Block(b)));
    for (start, cond, then) in rest.into_iter().rev() {
        let end = match otherwise.as_deref() {
            Some(Else::If(s)) => s.span,
            Some(Else::Block(b)) => b.span,
            None => then.span,
        };
        let kind = StmtKind::If { cond, then, otherwise };
        otherwise = Some(Box::new(Else::If(Stmt { kind, span: start.to(end) })));
    }
    let (_, cond, then) = first;
    StmtKind::If { cond, then, otherwise }
}
