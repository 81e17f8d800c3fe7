//! Expressions: operators and what follows an operand.

use super::{MAX_HEIGHT, Parse, Parser};
use crate::ast::{BinOp, Expr, ExprKind, Ident, UnOp};
use crate::diag::Code;
use crate::lexer::Kind;
use crate::span::Span;

/// The place of something reported.
pub(super) fn error(span: Span) -> Expr {
    Expr { kind: ExprKind::Error, span }
}

/// Whether a token can begin an operand, and so an expression.
pub(super) fn begins_operand(kind: Kind) -> bool {
    use Kind::*;
    matches!(
        kind,
        Ident
            | Int
            | Float
            | Str
            | True
            | False
            | None
            | LParen
            | LBracket
            | LBrace
            | Minus
            | Not
            | Fun
            | If
            | Match
            | Generate
            | Fetch
            | Load
            | Save
    )
}

/// An operator waiting for its right operand. A higher level binds tighter.
pub(super) struct Pending {
    op: BinOp,
    span: Span,
    level: u8,
}

impl Parser<'_> {
    /// An expression.
    pub(super) fn expr(&mut self) -> Parse<Expr> {
        self.enter()?;
        let result = self.level(|p| {
            let first = p.unary()?;
            p.binary(first)
        });
        self.leave();
        result
    }

    /// An expression in the head of a statement, where a brace after a name begins the body.
    pub(super) fn head(&mut self) -> Parse<Expr> {
        if self.kind() == Kind::LBrace && !self.looks_like_map() {
            return Err(self.unexpected("an expression", None));
        }
        let outer = std::mem::replace(&mut self.no_struct, true);
        let result = self.expr();
        self.no_struct = outer;
        result
    }

    /// An expression between delimiters, where struct literals are possible again.
    pub(super) fn inner(&mut self) -> Parse<Expr> {
        let outer = std::mem::replace(&mut self.no_struct, false);
        let result = self.expr();
        self.no_struct = outer;
        result
    }

    /// The rest of an expression whose first operand begins with `operand`.
    pub(super) fn expr_after(&mut self, operand: Expr) -> Parse<Expr> {
        self.level(|p| {
            let first = p.postfix(operand)?;
            p.binary(first)
        })
    }

    /// The operators and operands after `first`, by precedence; all operators are left-associative.
    /// Call inside [`Parser::level`].
    fn binary(&mut self, first: Expr) -> Parse<Expr> {
        if self.operator().is_none() {
            return Ok(first);
        }
        let (operands, pending) = (self.operands.len(), self.pending.len());
        self.operands.push(first);
        let done = self.operators(pending);
        let result = self.operands.pop();
        // What was given up leaves operands and operators behind.
        self.operands.truncate(operands);
        self.pending.truncate(pending);
        done?;
        result.ok_or(super::Abort)
    }

    /// Joins the last operand with all that follow. The operators from `first` on are of this expression.
    fn operators(&mut self, first: usize) -> Parse<()> {
        let mut count = 0;
        while let Some((op, level)) = self.operator() {
            let span = self.bump().span(self.file);
            let all = self.eat(Kind::All);
            let op = if all && op == BinOp::Union { BinOp::UnionAll } else { op };
            let right = self.unary()?;
            if count + self.height >= MAX_HEIGHT {
                self.limit(Code::P101, span, MAX_HEIGHT);
                continue;
            }
            count += 1;
            self.reduce(first, level);
            self.pending.push(Pending { op, span, level });
            self.operands.push(right);
        }
        self.reduce(first, 0);
        self.height += count;
        Ok(())
    }

    /// Joins operands by the operators from `first` on that bind at least as tightly as `level`.
    fn reduce(&mut self, first: usize, level: u8) {
        while self.pending.len() > first
            && let Some(operator) = self.pending.pop_if(|p| p.level >= level)
            // Every pending operator has an operand on each side.
            && let (Some(right), Some(left)) = (self.operands.pop(), self.operands.pop())
        {
            let span = left.span.to(right.span);
            let (left, right) = (Box::new(left), Box::new(right));
            let kind = ExprKind::Binary { op: operator.op, op_span: operator.span, left, right };
            self.operands.push(Expr { kind, span });
        }
    }

    /// The operator at the next token, and its level.
    fn operator(&self) -> Option<(BinOp, u8)> {
        Some(match self.kind() {
            Kind::Star => (BinOp::Mul, 7),
            Kind::Slash => (BinOp::Div, 7),
            Kind::Percent => (BinOp::Mod, 7),
            Kind::Plus => (BinOp::Add, 6),
            Kind::Minus => (BinOp::Sub, 6),
            Kind::Lt => (BinOp::Lt, 5),
            Kind::Le => (BinOp::Le, 5),
            Kind::Gt => (BinOp::Gt, 5),
            Kind::Ge => (BinOp::Ge, 5),
            Kind::EqEq => (BinOp::Eq, 4),
            Kind::NotEq => (BinOp::Ne, 4),
            Kind::In => (BinOp::In, 4),
            Kind::AndAnd => (BinOp::And, 3),
            Kind::OrOr => (BinOp::Or, 2),
            Kind::Coalesce => (BinOp::Coalesce, 1),
            // Not reserved: operators only where an operand follows.
            Kind::Ident => {
                let op = match self.text_at(0) {
                    "union" => BinOp::Union,
                    "except" => BinOp::Except,
                    "intersect" => BinOp::Intersect,
                    _ => return None,
                };
                let next = self.peek(1);
                if !(begins_operand(next) || next == Kind::All) || self.looks_like_call() {
                    return None;
                }
                (op, 0)
            }
            _ => return None,
        })
    }

    /// Whether the next name is called with no or several arguments: `union(a, b)` is a call of a
    /// function of that name, `xs union (ys)` an operator and its operand. A query in parentheses is one
    /// operand, whatever commas it has.
    fn looks_like_call(&self) -> bool {
        let is_query = self.text_at(2) == "from" && self.peek(3) == Kind::Ident;
        if self.peek(1) != Kind::LParen || is_query {
            return false;
        }
        let (mut nested, mut angles) = (0u32, 0u32);
        let mut i = 2;
        if self.peek(i) == Kind::RParen {
            return true;
        }
        loop {
            match self.peek(i) {
                Kind::LParen | Kind::LBracket | Kind::LBrace => nested += 1,
                Kind::RParen | Kind::RBracket | Kind::RBrace if nested == 0 => return false,
                Kind::RParen | Kind::RBracket | Kind::RBrace => nested -= 1,
                // `map<K, V>` is one type.
                Kind::Lt if matches!(self.text_at(i - 1), "map" | "list") => angles += 1,
                Kind::Gt => angles = angles.saturating_sub(1),
                Kind::Comma if nested == 0 && angles == 0 => return true,
                Kind::Eof => return false,
                _ => {}
            }
            i += 1;
        }
    }

    /// `- ! -x.y`: prefix operators bind looser than what follows the operand.
    fn unary(&mut self) -> Parse<Expr> {
        let mut ops: Vec<(UnOp, Span)> = Vec::new();
        while matches!(self.kind(), Kind::Minus | Kind::Not) {
            let op = if self.kind() == Kind::Minus { UnOp::Neg } else { UnOp::Not };
            let span = self.bump().span(self.file);
            if (ops.len() as u32) < MAX_HEIGHT / 2 {
                ops.push((op, span));
            } else {
                self.limit(Code::P101, span, MAX_HEIGHT / 2);
            }
        }
        let count = ops.len() as u32;
        let mut expr = self.level(|p| {
            let operand = p.primary()?;
            let expr = p.postfix(operand)?;
            p.height += 1 + count;
            Ok(expr)
        })?;
        if self.height > MAX_HEIGHT {
            self.limit(Code::P101, expr.span, MAX_HEIGHT);
            ops.clear();
        }
        while let Some((op, span)) = ops.pop() {
            let span = span.to(expr.span);
            expr = Expr { kind: ExprKind::Unary { op, operand: Box::new(expr) }, span };
        }
        Ok(expr)
    }

    /// Calls, indexes, fields and casts after an operand.
    fn postfix(&mut self, mut base: Expr) -> Parse<Expr> {
        let mut count = 0;
        loop {
            let start = base.span;
            let kind = match self.kind() {
                Kind::LParen => {
                    let args = self.args()?;
                    ExprKind::Call { callee: Box::new(base), args }
                }
                Kind::LBracket => self.index(base)?,
                Kind::Dot => {
                    self.bump();
                    let field = self.ident("a field name")?;
                    ExprKind::Field { base: Box::new(base), field }
                }
                Kind::Question => self.safe(base)?,
                Kind::Ident if self.cast_ahead() => {
                    self.bump();
                    let ty = self.cast_type()?;
                    ExprKind::Cast { value: Box::new(base), ty }
                }
                _ => break,
            };
            base = Expr { kind, span: self.since(start) };
            count += 1;
            if count + self.height >= MAX_HEIGHT {
                self.limit(Code::P101, base.span, MAX_HEIGHT);
                base = error(base.span);
                (count, self.height) = (0, 0);
            }
        }
        self.height += count;
        Ok(base)
    }

    /// Whether the next name is the operator `as`: it is not reserved.
    fn cast_ahead(&self) -> bool {
        use Kind::*;
        self.text_at(0) == "as"
            && !matches!(self.peek(1), Assign | Dot | LParen | LBracket | PlusEq | MinusEq)
    }

    /// `(a, b)`.
    fn args(&mut self) -> Parse<Vec<Expr>> {
        let open = self.bump().span(self.file);
        let mut args = Vec::new();
        if self.kind() != Kind::RParen {
            if !begins_operand(self.kind()) {
                let label = (open, "this `(` is not closed");
                return Err(self.unexpected_with("an expression or `)`", Some(Code::P052), &[label]));
            }
            args.push(self.inner()?);
            while self.eat(Kind::Comma) {
                args.push(self.inner()?);
            }
        }
        self.expect_close(Kind::RParen, "`,` or `)`", open)?;
        Ok(args)
    }

    /// `[i]`, `[a:b]`, `[a:b:step]`.
    fn index(&mut self, base: Expr) -> Parse<ExprKind> {
        let open = self.bump().span(self.file);
        let base = Box::new(base);
        let start = self.bound()?;
        let colon = self.eat(Kind::Colon);
        let end = if colon { self.bound()? } else { None };
        let step = if colon && self.eat(Kind::Colon) { self.bound()? } else { None };
        self.expect_close(Kind::RBracket, "`]`", open)?;
        Ok(match (start, end, step) {
            (None, None, None) => {
                self.diags.error(Code::P060, self.since(open), &[]);
                ExprKind::Error
            }
            (Some(index), None, None) if !colon => ExprKind::Index { base, index },
            (start, end, step) => ExprKind::Slice { base, start, end, step },
        })
    }

    /// A bound of a slice, when there is one.
    fn bound(&mut self) -> Parse<Option<Box<Expr>>> {
        if matches!(self.kind(), Kind::Colon | Kind::RBracket) {
            return Ok(None);
        }
        if !begins_operand(self.kind()) {
            return Err(self.unexpected("an expression or `]`", None));
        }
        Ok(Some(Box::new(self.inner()?)))
    }

    /// `?.name`, `?[key]`.
    fn safe(&mut self, base: Expr) -> Parse<ExprKind> {
        self.bump();
        let base = Box::new(base);
        if self.eat(Kind::Dot) {
            let field: Ident = self.ident("a field name")?;
            return Ok(ExprKind::SafeField { base, field });
        }
        let open = self.expect(Kind::LBracket, "`.` or `[`")?.span(self.file);
        let index = Box::new(self.inner()?);
        self.expect_close(Kind::RBracket, "`]`", open)?;
        Ok(ExprKind::SafeIndex { base, index })
    }

    /// `with options`, when there is one.
    pub(super) fn with_options(&mut self) -> Parse<Option<Expr>> {
        if self.eat_word("with") { Ok(Some(self.expr()?)) } else { Ok(None) }
    }
}
