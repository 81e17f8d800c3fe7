//! Shapes the grammar admits but the language does not: patterns that are none, statements that do
//! nothing; and what blocks with a value mean.

use super::Parser;
use super::stmt::{IfPart, chain};
use crate::ast::{Block, Expr, ExprKind, Stmt, StmtKind};
use crate::diag::Code;
use crate::lexer::Kind;
use crate::span::Span;

impl Parser<'_> {
    /// P063: a pattern is a literal, a name, a constructor call of patterns, or that in parentheses.
    pub(super) fn check_pattern(&mut self, pattern: &Expr) {
        let mut work = vec![pattern];
        while let Some(p) = work.pop() {
            match &p.kind {
                ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Str(_) => {}
                ExprKind::None | ExprKind::Name(_) | ExprKind::Error => {}
                ExprKind::Paren(inner) => work.push(inner),
                ExprKind::Call { callee, args } if matches!(callee.kind, ExprKind::Name(_)) => {
                    work.extend(args)
                }
                _ => {
                    self.diags.error(Code::P063, pattern.span, &[]);
                    return;
                }
            }
        }
    }

    /// P065: an expression as a statement must call something. Only the first one of a line is
    /// reported, and none where the syntax is wrong: the others are what is left of the same mistake.
    pub(super) fn check_useless(&mut self, statements: &[Stmt]) {
        for s in statements {
            let StmtKind::Expr(e) = &s.kind else { continue };
            if has_effect(e) || s.span.start >= self.unreliable_from || self.error_on_line(s.span) {
                continue;
            }
            let between = self.text.get(self.useless_end as usize..s.span.start as usize);
            let same_line = between.is_some_and(|t| !t.contains('\n'));
            self.useless_end = s.span.end;
            if same_line {
                continue;
            }
            let d = self.diags.error(Code::P065, e.span, &[]);
            if let ExprKind::Name(name) = &e.kind
                && let Some(help) = foreign_word(&name.name)
            {
                d.help(help);
            }
        }
    }

    /// Whether the lexer or the parser reported something from `span` to the end of its last line.
    fn error_on_line(&self, span: Span) -> bool {
        let rest = &self.text[span.end as usize..];
        let line_end = span.end + rest.find('\n').unwrap_or(rest.len()) as u32;
        let first = self.errors.partition_point(|&e| e < span.start);
        if self.errors.get(first).is_some_and(|&e| e <= line_end) {
            return true;
        }
        let next = self.tokens.partition_point(|t| t.start < span.start);
        self.tokens[next..].iter().take_while(|t| t.start < line_end).any(|t| t.kind == Kind::Error)
    }

    /// Statements of a block with a value: an `if` that is not the last one, or has branches
    /// without a value, is a statement.
    pub(super) fn settle_value(&mut self, statements: &mut [Stmt]) {
        let count = statements.len();
        for (i, s) in statements.iter_mut().enumerate() {
            if let StmtKind::Expr(e) = &mut s.kind
                && matches!(e.kind, ExprKind::If { .. })
                && (i + 1 < count || !has_value(e))
            {
                let e = std::mem::replace(e, super::expr::error(s.span));
                s.kind = self.if_as_statement(e);
            }
        }
    }

    /// An if-expression as the statement it also is; another expression stays one.
    fn if_as_statement(&mut self, e: Expr) -> StmtKind {
        let ExprKind::If { cond, then, mut otherwise } = e.kind else { return StmtKind::Expr(e) };
        let first: IfPart = (e.span, *cond, self.as_block(*then));
        let mut rest: Vec<IfPart> = Vec::new();
        while let Some(next) = otherwise {
            let span = next.span;
            let ExprKind::If { cond, then, otherwise: after } = next.kind else {
                return chain(first, rest, Some(self.as_block(*next)));
            };
            rest.push((span, *cond, self.as_block(*then)));
            otherwise = after;
        }
        chain(first, rest, None)
    }

    /// A branch as a block whose value is not used.
    fn as_block(&mut self, e: Expr) -> Block {
        let mut block = match e.kind {
            ExprKind::Block(block) => block,
            kind => {
                let span = e.span;
                let e = Expr { kind, span };
                Block { statements: vec![Stmt { kind: StmtKind::Expr(e), span }], span }
            }
        };
        if let Some(last) = block.statements.last_mut() {
            if let StmtKind::Expr(e) = &mut last.kind {
                let e = std::mem::replace(e, super::expr::error(last.span));
                last.kind = self.if_as_statement(e);
            }
            let last = block.statements.len() - 1;
            self.check_useless(&block.statements[last..]);
        }
        block
    }
}

/// A block of one expression is that expression.
pub(super) fn block_value(mut block: Block) -> Expr {
    if block.statements.len() == 1
        && let StmtKind::Expr(e) = &mut block.statements[0].kind
    {
        return std::mem::replace(e, super::expr::error(block.span));
    }
    let span = block.span;
    Expr { kind: ExprKind::Block(block), span }
}

/// Whether the branches of an if-expression end with a value, except those that leave; not all do.
fn has_value(e: &Expr) -> bool {
    let mut found = false;
    let mut work = vec![e];
    while let Some(e) = work.pop() {
        match &e.kind {
            ExprKind::If { then, otherwise: Some(otherwise), .. } => work.extend([&**then, &**otherwise]),
            ExprKind::If { otherwise: None, .. } => return false,
            ExprKind::Block(b) => match b.statements.last().map(|s| &s.kind) {
                Some(StmtKind::Expr(e)) => work.push(e),
                Some(StmtKind::Return(_) | StmtKind::Break | StmtKind::Continue) => {}
                _ => return false,
            },
            _ => found = true,
        }
    }
    found
}

/// Whether evaluating an expression can be observed: it holds a call, `fetch`, `load`, `save` or
/// `generate` outside of lambda bodies and queries.
fn has_effect(e: &Expr) -> bool {
    let mut work = vec![e];
    while let Some(e) = work.pop() {
        match &e.kind {
            ExprKind::Call { .. } | ExprKind::Error => return true,
            ExprKind::Fetch { .. } | ExprKind::Load { .. } | ExprKind::Save { .. } => return true,
            ExprKind::Generate { .. } => return true,
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Str(_) => {}
            ExprKind::None | ExprKind::Name(_) | ExprKind::Lambda(_) => {}
            ExprKind::Query(_) | ExprKind::LogicQuery(_) => {}
            ExprKind::Paren(e) | ExprKind::Unary { operand: e, .. } => work.push(e),
            ExprKind::Field { base, .. } | ExprKind::SafeField { base, .. } => work.push(base),
            ExprKind::SafeIndex { base, .. } | ExprKind::Cast { value: base, .. } => work.push(base),
            ExprKind::Binary { left, right, .. } => work.extend([&**left, &**right]),
            ExprKind::Index { base, index } => work.extend([&**base, &**index]),
            ExprKind::Slice { base, start, end, step } => {
                work.push(base);
                work.extend([start, end, step].into_iter().flatten().map(|e| &**e));
            }
            ExprKind::List(items) => work.extend(items),
            ExprKind::Map(items) => work.extend(items.iter().flat_map(|(k, v)| [k, v])),
            ExprKind::Struct { fields, .. } => work.extend(fields.iter().map(|(_, v)| v)),
            ExprKind::If { then, otherwise, .. } => {
                work.push(then);
                work.extend(otherwise.as_deref());
            }
            ExprKind::Match { value, arms } => {
                work.push(value);
                work.extend(arms.iter().map(|a| &a.result));
            }
            ExprKind::Block(block) => {
                for s in &block.statements {
                    let StmtKind::Expr(e) = &s.kind else { return true };
                    work.push(e);
                }
            }
        }
    }
    false
}

/// Advice for words of other languages, which parse as a name that does nothing.
fn foreign_word(name: &str) -> Option<&'static str> {
    Some(match name {
        "const" | "final" => "Constants are declared with `let`.",
        "mut" | "auto" => "Variables are declared with `var`.",
        "function" | "def" | "func" | "fn" | "proc" => {
            "Functions are declared with `fun name(x: int): int { ... }`."
        }
        "elif" | "elseif" | "elsif" => "Write `else if`.",
        "switch" | "case" | "when" => "Write `match value { pattern => result }`.",
        "class" | "struct" | "enum" | "interface" => "Types are declared with `type Name { field: int }`.",
        "throw" | "raise" => "Write `panic(message)`.",
        "async" | "await" | "yield" | "try" | "catch" | "defer" => "There is no such statement.",
        "pass" => "An empty block is `{ }`.",
        _ => return None,
    })
}
