//! Recursive descent parser of the system dialect. It stops at the first error of a file.
//!
//! Line breaks are blank as in Mochi, with two exceptions that keep statements apart: the value of
//! `return` and the parenthesis of a call stand on the line of what they belong to.

use super::lex::{Tok, Token, lex};
use super::syntax::*;
use super::{Fault, fault};

/// Parses a file.
pub(super) fn parse(file: u32, text: &str) -> Result<Vec<Item>, Fault> {
    let mut parser = Parser { tokens: lex(file, text)?, at: 0, depth: 0 };
    let mut items = Vec::new();
    while parser.tokens[parser.at].tok != Tok::End {
        items.push(parser.item()?);
    }
    Ok(items)
}

const KEYWORDS: [&str; 20] = [
    "fun", "extern", "const", "var", "data", "let", "if", "else", "while", "for", "in", "match", "break",
    "continue", "return", "true", "false", "as", "zero", "sizeof",
];

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
}

impl Parser {
    fn pos(&self) -> Pos {
        self.tokens[self.at].pos
    }

    fn bump(&mut self) -> Tok {
        let tok = self.tokens[self.at].tok.clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        tok
    }

    fn is(&self, text: &str) -> bool {
        match &self.tokens[self.at].tok {
            Tok::Punct(p) => *p == text,
            Tok::Ident(name) => name == text,
            _ => false,
        }
    }

    fn accept(&mut self, text: &str) -> bool {
        let found = self.is(text);
        if found {
            self.bump();
        }
        found
    }

    fn unexpected<T>(&self, wanted: &str) -> Result<T, Fault> {
        let found = match &self.tokens[self.at].tok {
            Tok::Ident(name) => format!("`{name}`"),
            Tok::Int(_) | Tok::Float(_) => "a number".to_string(),
            Tok::Str(_) => "a string".to_string(),
            Tok::Punct(p) => format!("`{p}`"),
            Tok::End => "the end of the file".to_string(),
        };
        fault(self.pos(), format!("expected {wanted}, found {found}"))
    }

    fn expect(&mut self, text: &str) -> Result<(), Fault> {
        if self.accept(text) { Ok(()) } else { self.unexpected(&format!("`{text}`")) }
    }

    fn name(&mut self) -> Result<String, Fault> {
        match &self.tokens[self.at].tok {
            Tok::Ident(name) if !KEYWORDS.contains(&name.as_str()) => {
                let name = name.clone();
                self.bump();
                Ok(name)
            }
            _ => self.unexpected("a name"),
        }
    }

    fn ty(&mut self) -> Result<Ty, Fault> {
        let pos = self.pos();
        let name = self.name()?;
        match Ty::from_name(&name) {
            Some(ty) => Ok(ty),
            None => fault(pos, format!("unknown type `{name}`")),
        }
    }

    fn optional_ty(&mut self) -> Result<Option<Ty>, Fault> {
        if self.accept(":") { self.ty().map(Some) } else { Ok(None) }
    }

    /// `element {"," element} [","] close`, with the opening bracket taken.
    fn list<T>(
        &mut self,
        close: &str,
        element: impl Fn(&mut Parser) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let mut elements = Vec::new();
        while !self.accept(close) {
            elements.push(element(self)?);
            if !self.is(close) {
                self.expect(",")?;
            }
        }
        Ok(elements)
    }

    // Declarations.

    fn item(&mut self) -> Result<Item, Fault> {
        let start = self.pos();
        let mut attributes = Attributes::default();
        while self.accept("@") {
            let pos = self.pos();
            match self.name()?.as_str() {
                "inline" => attributes.inline = true,
                "cold" => attributes.cold = true,
                "system" => attributes.system = true,
                "noreturn" => attributes.noreturn = true,
                "saveall" => attributes.saveall = true,
                "quiet" => attributes.quiet = true,
                "fresh" => attributes.fresh = true,
                other => return fault(pos, format!("unknown attribute `@{other}`")),
            }
        }
        let attributed = self.pos() != start;
        let is_extern = self.accept("extern");
        if self.accept("fun") {
            return self.fun(attributes, is_extern);
        }
        if attributed {
            return fault(start, "attributes belong to functions");
        }
        if self.accept("data") {
            let pos = self.pos();
            let name = self.name()?;
            let init = if is_extern { DataInit::Extern } else { self.data_init()? };
            return Ok(Item { pos, name, kind: ItemKind::Data(init) });
        }
        if is_extern {
            return self.unexpected("`fun` or `data`");
        }
        if self.accept("record") {
            return self.record();
        }
        let constant = self.is("const");
        if !constant && !self.is("var") {
            return self.unexpected("`fun`, `const`, `var`, `data`, `record` or `extern`");
        }
        self.bump();
        let pos = self.pos();
        let name = self.name()?;
        let ty = self.optional_ty()?;
        self.expect("=")?;
        let value = self.expr()?;
        let kind = match ty {
            ty if constant => ItemKind::Const { ty, value },
            Some(ty) => ItemKind::Var { ty, value },
            None => return fault(pos, format!("the global `{name}` needs a type")),
        };
        Ok(Item { pos, name, kind })
    }

    fn record(&mut self) -> Result<Item, Fault> {
        let pos = self.pos();
        let name = self.name()?;
        let base = if self.accept(":") { Some(self.name()?) } else { None };
        self.expect("{")?;
        let mut fields = Vec::new();
        while !self.accept("}") {
            let pos = self.pos();
            let constant = self.accept("let");
            if !constant {
                self.expect("var")?;
            }
            let name = self.name()?;
            self.expect(":")?;
            let many = self.accept("[");
            let count = !many && self.accept("count");
            let own = !many && !count && self.accept("own");
            let by_kind = many && self.accept("by");
            if by_kind {
                self.expect("kind")?;
            }
            let ty = if count { Ty::I64 } else { self.ty()? };
            if many {
                self.expect("]")?;
            }
            fields.push(Field { pos, name, constant, count, by_kind, own, ty, many });
        }
        Ok(Item { pos, name, kind: ItemKind::Record { base, fields } })
    }

    fn data_init(&mut self) -> Result<DataInit, Fault> {
        let mut ty = Ty::I64;
        if self.accept(":") {
            if self.accept("zero") {
                self.expect("(")?;
                let size = self.expr()?;
                self.expect(")")?;
                return Ok(DataInit::Zero(size));
            }
            ty = self.ty()?;
        }
        self.expect("=")?;
        self.expect("[")?;
        Ok(DataInit::Elements(ty, self.list("]", Parser::expr)?))
    }

    fn fun(&mut self, attributes: Attributes, is_extern: bool) -> Result<Item, Fault> {
        let pos = self.pos();
        let name = self.name()?;
        self.expect("(")?;
        let params = self.list(")", |p| {
            let pos = p.pos();
            let name = p.name()?;
            p.expect(":")?;
            Ok(Param { pos, name, ty: p.ty()? })
        })?;
        let result = self.optional_ty()?;
        let body = if is_extern { None } else { Some(self.block()?) };
        let end = self.tokens[self.at - 1].pos;
        let fun = Fun { params, result, attributes, body, end };
        Ok(Item { pos, name, kind: ItemKind::Fun(fun) })
    }

    // Statements.

    fn block(&mut self) -> Result<Vec<Stmt>, Fault> {
        self.expect("{")?;
        self.deeper()?;
        let mut stmts = Vec::new();
        while !self.accept("}") {
            if !self.accept(";") {
                stmts.push(self.stmt()?);
            }
        }
        self.depth -= 1;
        Ok(stmts)
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > 200 { fault(self.pos(), "nested too deeply") } else { Ok(()) }
    }

    fn stmt(&mut self) -> Result<Stmt, Fault> {
        let pos = self.pos();
        let kind = match &self.tokens[self.at].tok {
            Tok::Ident(name) => match name.as_str() {
                "let" | "var" => self.declaration()?,
                "if" => self.if_stmt()?,
                "while" => {
                    self.bump();
                    StmtKind::While { cond: self.expr()?, body: self.block()? }
                }
                "for" => self.for_stmt()?,
                "match" => self.match_stmt()?,
                "break" => {
                    self.bump();
                    StmtKind::Break
                }
                "continue" => {
                    self.bump();
                    StmtKind::Continue
                }
                "return" => {
                    self.bump();
                    let next = &self.tokens[self.at];
                    let empty = next.first || self.is("}") || self.is(";");
                    StmtKind::Return(if empty { None } else { Some(self.expr()?) })
                }
                _ => self.assignment_or_expr()?,
            },
            _ => self.assignment_or_expr()?,
        };
        Ok(Stmt { pos, kind })
    }

    fn declaration(&mut self) -> Result<StmtKind, Fault> {
        let mutable = self.bump() == Tok::Ident("var".to_string());
        let name = self.name()?;
        let ty = self.optional_ty()?;
        self.expect("=")?;
        Ok(StmtKind::Let { name, mutable, ty, value: self.expr()? })
    }

    fn if_stmt(&mut self) -> Result<StmtKind, Fault> {
        self.expect("if")?;
        let cond = self.expr()?;
        let then = self.block()?;
        let mut other = Vec::new();
        if self.accept("else") {
            if self.is("if") {
                self.deeper()?;
                let pos = self.pos();
                other.push(Stmt { pos, kind: self.if_stmt()? });
                self.depth -= 1;
            } else {
                other = self.block()?;
            }
        }
        Ok(StmtKind::If { cond, then, other })
    }

    fn for_stmt(&mut self) -> Result<StmtKind, Fault> {
        self.expect("for")?;
        let name = self.name()?;
        self.expect("in")?;
        let from = self.expr()?;
        self.expect("..")?;
        let to = self.expr()?;
        Ok(StmtKind::For { name, from, to, body: self.block()? })
    }

    fn match_stmt(&mut self) -> Result<StmtKind, Fault> {
        self.expect("match")?;
        let value = self.expr()?;
        self.expect("{")?;
        let mut arms: Vec<Arm> = Vec::new();
        while !self.accept("}") {
            if arms.last().is_some_and(|a| a.values.is_empty()) {
                return fault(self.pos(), "`_` is the last arm");
            }
            let mut values = Vec::new();
            if !self.accept("_") {
                values.push(self.expr()?);
                while self.accept(",") {
                    values.push(self.expr()?);
                }
            }
            self.expect("=>")?;
            arms.push(Arm { values, body: self.block()? });
        }
        Ok(StmtKind::Match { value, arms })
    }

    fn assignment_or_expr(&mut self) -> Result<StmtKind, Fault> {
        let value = self.expr()?;
        let Tok::Punct(p) = self.tokens[self.at].tok else {
            return Ok(StmtKind::Expr(value));
        };
        let op = match p.strip_suffix('=') {
            Some("") => None,
            Some(op) if !matches!(p, "==" | "!=" | "<=" | ">=") => {
                Some(BinOp::TABLE.iter().find(|row| row.0 == op).expect("operator of an assignment").1)
            }
            _ => return Ok(StmtKind::Expr(value)),
        };
        let ExprKind::Name(name) = value.kind else {
            return fault(
                self.pos(),
                "only variables are assigned; memory is written by `store64` and others",
            );
        };
        self.bump();
        Ok(StmtKind::Assign { name, op, value: self.expr()? })
    }

    // Expressions.

    fn expr(&mut self) -> Result<Expr, Fault> {
        self.deeper()?;
        let e = self.binary(1);
        self.depth -= 1;
        e
    }

    fn binary(&mut self, lowest: u8) -> Result<Expr, Fault> {
        let mut left = self.unary()?;
        loop {
            let Tok::Punct(p) = self.tokens[self.at].tok else {
                return Ok(left);
            };
            let Some(&(_, op, level)) = BinOp::TABLE.iter().find(|row| row.0 == p && row.2 >= lowest) else {
                return Ok(left);
            };
            let pos = self.pos();
            self.bump();
            let right = self.binary(level + 1)?;
            left = Expr { pos, kind: ExprKind::Binary(op, Box::new(left), Box::new(right)) };
        }
    }

    fn unary(&mut self) -> Result<Expr, Fault> {
        let pos = self.pos();
        for (text, op) in [("-", UnOp::Neg), ("!", UnOp::Not), ("~", UnOp::Complement)] {
            if self.accept(text) {
                self.deeper()?;
                let e = self.unary()?;
                self.depth -= 1;
                return Ok(Expr { pos, kind: ExprKind::Unary(op, Box::new(e)) });
            }
        }
        let mut e = self.primary()?;
        while self.is("as") {
            let pos = self.pos();
            self.bump();
            e = Expr { pos, kind: ExprKind::Cast(Box::new(e), self.ty()?) };
        }
        Ok(e)
    }

    fn primary(&mut self) -> Result<Expr, Fault> {
        let pos = self.pos();
        let kind = match self.tokens[self.at].tok.clone() {
            Tok::Int(n) => ExprKind::Int(n),
            Tok::Float(x) => ExprKind::Float(x),
            Tok::Str(s) => ExprKind::Str(s),
            Tok::Punct("(") => {
                self.bump();
                let e = self.expr()?;
                self.expect(")")?;
                return Ok(e);
            }
            Tok::Ident(name) => return self.named(pos, &name),
            _ => return self.unexpected("an expression"),
        };
        self.bump();
        Ok(Expr { pos, kind })
    }

    fn named(&mut self, pos: Pos, name: &str) -> Result<Expr, Fault> {
        let kind = match name {
            "true" | "false" => {
                self.bump();
                ExprKind::Bool(name == "true")
            }
            "if" => {
                self.bump();
                let cond = self.expr()?;
                self.expect("{")?;
                let then = self.expr()?;
                self.expect("}")?;
                self.expect("else")?;
                let other = if self.is("if") {
                    self.expr()?
                } else {
                    self.expect("{")?;
                    let other = self.expr()?;
                    self.expect("}")?;
                    other
                };
                ExprKind::If(Box::new(cond), Box::new(then), Box::new(other))
            }
            "sizeof" => {
                self.bump();
                self.call_rest("sizeof")?
            }
            _ => {
                let name = self.name()?;
                let next = &self.tokens[self.at];
                if next.tok == Tok::Punct("(") && !next.first {
                    self.call_rest(&name)?
                } else if self.accept(".") {
                    ExprKind::Field(name, self.name()?)
                } else {
                    ExprKind::Name(name)
                }
            }
        };
        Ok(Expr { pos, kind })
    }

    fn call_rest(&mut self, name: &str) -> Result<ExprKind, Fault> {
        self.expect("(")?;
        Ok(ExprKind::Call(name.to_string(), self.list(")", Parser::expr)?))
    }
}
