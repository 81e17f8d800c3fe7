//! Tokens to syntax tree.
//!
//! Recursive descent, one token of lookahead nearly everywhere; where the grammar needs more
//! (struct literal or block, map or block, type arguments or `<`) a function named `looks_like_*`
//! or `*_ahead` says how it decides. A construct that cannot be parsed is reported once and
//! unwinds with [`Abort`] to the statement it is in; [`Parser::recover`] then skips to the next
//! statement, so that all mistakes of a file are found in one go.
//!
//! Invariants: any bytes give a tree, never a panic; recursion is bounded by [`MAX_DEPTH`] and the
//! height of every expression by [`MAX_HEIGHT`], so that the phases after this one (and dropping
//! the tree) may recurse over it.

mod advice;
mod decl;
mod expr;
mod primary;
mod query;
mod shape;
mod stmt;
mod types;

use crate::ast::{Block, Expr, Ident, Program, Stmt, StmtKind};
use crate::diag::{Code, Diagnostics};
use crate::lexer::{self, Kind, Token};
use crate::span::{FileId, SourceFile, SourceMap, Span};

/// Levels of nested parentheses, blocks, types and the like that are accepted.
pub const MAX_DEPTH: u32 = 256;

/// Height of the highest expression or statement tree: bounds chains of operators and of `else if`,
/// which nest in the tree although they do not in the text.
pub const MAX_HEIGHT: u32 = 3000;

/// Parses a file. Everything wrong with its syntax is reported to `diags`; the tree holds what
/// could be understood.
pub fn parse(map: &SourceMap, file: FileId, diags: &mut Diagnostics) -> Program {
    let text = map.file(file).text.as_str();
    if text.len() >= u32::MAX as usize {
        diags.error(Code::P102, Span { start: 0, end: 0, file }, &[]);
        return Program::default();
    }
    let tokens = lexer::lex(text, file, diags);
    report_not_utf8(map.file(file), file, &tokens.list, diags);
    let mut parser = Parser {
        text,
        file,
        tokens: tokens.list,
        at: 0,
        diags,
        unreliable_from: tokens.unreliable_from.unwrap_or(u32::MAX),
        last_error: None,
        quiet: false,
        depth: 0,
        height: 0,
        limit_reported: false,
        misaligned: Vec::new(),
        no_struct: false,
        open_blocks: 0,
        open_braces: 0,
        open_parens: 0,
        errors: Vec::new(),
        useless_end: u32::MAX,
        operands: Vec::new(),
        pending: Vec::new(),
    };
    parser.program()
}

/// Reports bytes that are not UTF-8 in tokens: U+FFFD stands for them, which would change a string and make
/// names alike. In comments they do no harm, and what is no token the lexer has reported.
fn report_not_utf8(source: &SourceFile, file: FileId, tokens: &[Token], diags: &mut Diagnostics) {
    for &(at, byte) in &source.not_utf8 {
        let token = tokens[..tokens.partition_point(|t| t.start <= at)].last();
        if token.is_some_and(|t| t.kind != Kind::Error && at < t.end) {
            let span = Span { start: at, end: at + char::REPLACEMENT_CHARACTER.len_utf8() as u32, file };
            diags.error(Code::NotUtf8, span, &[&format_args!("{byte:02x}")]);
        }
    }
}

/// A construct could not be parsed; this has been reported.
#[derive(Debug)]
struct Abort;

type Parse<T> = Result<T, Abort>;

struct Parser<'a> {
    text: &'a str,
    file: FileId,
    tokens: Vec<Token>,
    /// Next token.
    at: usize,
    diags: &'a mut Diagnostics,
    /// Syntax errors from this byte on follow from an unterminated string or comment.
    unreliable_from: u32,
    /// Token of the last syntax error: only the first one at a place is reported.
    last_error: Option<usize>,
    /// Trying: errors are not reported.
    quiet: bool,
    depth: u32,
    /// Height of the highest part of the tree built so far, see [`Parser::level`].
    height: u32,
    limit_reported: bool,
    /// Operands and operators of the expressions around the next token that wait for others.
    operands: Vec<Expr>,
    pending: Vec<expr::Pending>,
    /// Braces of blocks where the closing one is not indented like the line of the opening one.
    misaligned: Vec<(Span, Span)>,
    /// In the head of `if`, `while`, `for`, `match`, where `name {` begins the body.
    no_struct: bool,
    /// Blocks around the next token.
    open_blocks: u32,
    open_braces: u32,
    open_parens: u32,
    /// First bytes of the tokens reported, ascending.
    errors: Vec<u32>,
    /// End of the last statement reported as useless.
    useless_end: u32,
}

/// Where recovery may resume, taken at the beginning of a statement.
#[derive(Clone, Copy)]
struct Anchor {
    token: usize,
    open_braces: u32,
    open_parens: u32,
    indent: u32,
}

impl Parser<'_> {
    fn kind(&self) -> Kind {
        self.tokens[self.at].kind
    }

    /// Kind of the token `ahead` of the next one.
    fn peek(&self, ahead: usize) -> Kind {
        self.tokens.get(self.at + ahead).map_or(Kind::Eof, |t| t.kind)
    }

    fn token(&self) -> Token {
        self.tokens[self.at]
    }

    /// Text of the token `ahead` of the next one.
    fn text_at(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", |t| t.text(self.text))
    }

    /// Whether the next token is this name; such words are not reserved.
    fn at_word(&self, word: &str) -> bool {
        self.kind() == Kind::Ident && self.text_at(0) == word
    }

    /// Takes the next token; the last one stays.
    fn bump(&mut self) -> Token {
        let token = self.tokens[self.at];
        match token.kind {
            Kind::Eof => return token,
            Kind::LBrace => self.open_braces += 1,
            Kind::RBrace => self.open_braces = self.open_braces.saturating_sub(1),
            Kind::LParen | Kind::LBracket => self.open_parens += 1,
            Kind::RParen | Kind::RBracket => self.open_parens = self.open_parens.saturating_sub(1),
            _ => {}
        }
        self.at += 1;
        token
    }

    fn eat(&mut self, kind: Kind) -> bool {
        let found = self.kind() == kind;
        if found {
            self.bump();
        }
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.bump();
        }
        found
    }

    /// Place of the next token.
    fn here(&self) -> Span {
        self.token().span(self.file)
    }

    /// From `start` to the end of the last token taken.
    fn since(&self, start: Span) -> Span {
        let end = self.at.checked_sub(1).map_or(start.end, |i| self.tokens[i].end.max(start.end));
        Span { end, ..start }
    }

    fn expect(&mut self, kind: Kind, expected: &str) -> Parse<Token> {
        if self.kind() == kind { Ok(self.bump()) } else { Err(self.unexpected(expected, code_of(kind))) }
    }

    /// A closing token; the report points at the opening one.
    fn expect_close(&mut self, kind: Kind, expected: &str, open: Span) -> Parse<Token> {
        if self.kind() == kind {
            return Ok(self.bump());
        }
        let label = format!("this `{}` is not closed", &self.text[open.start as usize..open.end as usize]);
        Err(self.unexpected_with(expected, code_of(kind), &[(open, &label)]))
    }

    fn expect_word(&mut self, word: &str) -> Parse<Token> {
        if self.at_word(word) { Ok(self.bump()) } else { Err(self.unexpected(&format!("`{word}`"), None)) }
    }

    fn ident(&mut self, expected: &str) -> Parse<Ident> {
        if self.kind() != Kind::Ident {
            return Err(self.unexpected(expected, None));
        }
        let token = self.bump();
        Ok(Ident { name: token.text(self.text).to_string(), span: token.span(self.file) })
    }

    /// Reports that the next token is not what must follow. Without a code, the token decides.
    fn unexpected(&mut self, expected: &str, code: Option<Code>) -> Abort {
        self.unexpected_with(expected, code, &[])
    }

    fn unexpected_with(&mut self, expected: &str, code: Option<Code>, labels: &[(Span, &str)]) -> Abort {
        let token = self.token();
        let hidden = token.kind == Kind::Error
            || token.start >= self.unreliable_from
            || self.last_error == Some(self.at)
            || self.quiet;
        if !self.quiet {
            self.last_error = Some(self.at);
            self.errors.push(token.start);
        }
        if hidden {
            return Abort;
        }
        let code = code.unwrap_or(match token.kind {
            Kind::Dot => Code::P055,
            Kind::Let => Code::P056,
            _ => Code::P999,
        });
        let found = advice::describe(token.kind, token.text(self.text));
        let help = advice::help(self, expected);
        let d = self.diags.error(code, token.span(self.file), &[&found, &expected]);
        if let Some(help) = help {
            d.help(help);
        }
        for (span, text) in labels {
            d.label(*span, *text);
        }
        Abort
    }

    /// Enters a nested construct; fails when there are too many.
    fn enter(&mut self) -> Parse<()> {
        if self.depth >= MAX_DEPTH {
            let span = self.here();
            self.limit(Code::P100, span, MAX_DEPTH);
            self.last_error = Some(self.at);
            return Err(Abort);
        }
        self.depth += 1;
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Parses a part of the tree and keeps track of its height. While `parse` runs, `self.height` is
    /// that of the highest part parsed so far; `parse` adds the levels it builds on top of them. After
    /// it, `self.height` is the maximum of the part's height and what was there before.
    fn level<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        let before = std::mem::replace(&mut self.height, 0);
        let result = parse(self);
        self.height = self.height.max(before);
        result
    }

    /// Reports a limit of the compiler, once per file.
    fn limit(&mut self, code: Code, span: Span, limit: u32) {
        if !self.quiet && !self.limit_reported {
            self.limit_reported = true;
            self.diags.error(code, span, &[&limit]);
        }
    }

    fn program(&mut self) -> Program {
        let mut program = Program::default();
        if self.kind() == Kind::Package {
            let anchor = self.anchor();
            self.bump();
            match self.ident("a package name") {
                Ok(name) => program.package = Some(name),
                Err(Abort) => self.recover(anchor),
            }
        }
        let mut stray = false;
        while self.kind() != Kind::Eof {
            if self.kind() == Kind::RBrace {
                if !stray {
                    self.unexpected("a statement", None);
                }
                stray = true;
                self.bump();
                continue;
            }
            if let Some(s) = self.statement_or_recover(false) {
                program.statements.push(s);
                stray = false;
            }
        }
        self.check_useless(&program.statements);
        program
    }

    /// `{ statements }`. With `value`, the last statement may be an expression without effect.
    fn block_of(&mut self, value: bool) -> Parse<Block> {
        let open = self.expect(Kind::LBrace, "`{`")?.span(self.file);
        self.enter()?;
        self.open_blocks += 1;
        let no_struct = std::mem::replace(&mut self.no_struct, false);
        let mut statements: Vec<Stmt> = Vec::new();
        self.level(|p| {
            while !matches!(p.kind(), Kind::RBrace | Kind::Eof) {
                statements.extend(p.statement_or_recover(value));
            }
            p.height += 1;
            Ok(())
        })?;
        self.no_struct = no_struct;
        self.open_blocks -= 1;
        self.leave();
        self.close_block(open);
        if value {
            self.settle_value(&mut statements);
        }
        let effective = statements.len() - usize::from(value && !statements.is_empty());
        self.check_useless(&statements[..effective]);
        Ok(Block { statements, span: self.since(open) })
    }

    /// The closing brace of a block. At the end of the file the block is kept, its content is
    /// understood; the report points at the block whose closing brace probably closed another one.
    fn close_block(&mut self, open: Span) {
        let close = self.token();
        if close.kind == Kind::RBrace {
            if close.first_on_line && self.indent(close) != self.line_indent(open) {
                self.misaligned.push((open, close.span(self.file)));
            }
            self.bump();
            return;
        }
        let suspect = self.misaligned.iter().find(|(inner, _)| inner.start > open.start);
        let labels = match suspect {
            Some(&(inner, close)) => vec![
                (inner, "this `{` is probably not closed"),
                (close, "this `}` is indented as if it closed another one"),
            ],
            None => vec![(open, "this `{` is not closed")],
        };
        self.unexpected_with("`}`", code_of(Kind::RBrace), &labels);
    }

    fn block(&mut self) -> Parse<Block> {
        self.block_of(false)
    }

    fn statement_or_recover(&mut self, value: bool) -> Option<Stmt> {
        let anchor = self.anchor();
        let (depth, blocks, height, no_struct) = (self.depth, self.open_blocks, self.height, self.no_struct);
        let result = if value && self.kind() == Kind::If { self.if_in_value() } else { self.statement() };
        match result {
            Ok(s) => Some(s),
            Err(Abort) => {
                self.depth = depth;
                self.open_blocks = blocks;
                self.height = self.height.max(height);
                self.no_struct = no_struct;
                self.recover(anchor);
                None
            }
        }
    }

    /// An `if` in a block with a value: first taken as an expression, see [`Parser::settle_value`].
    fn if_in_value(&mut self) -> Parse<Stmt> {
        let start = self.here();
        let kind = StmtKind::Expr(self.expr()?);
        Ok(Stmt { kind, span: self.since(start) })
    }

    fn anchor(&self) -> Anchor {
        Anchor {
            token: self.at,
            open_braces: self.open_braces,
            open_parens: self.open_parens,
            indent: self.indent(self.token()),
        }
    }

    /// Bytes before the line's first token, for a token that is one; else that of its line's text.
    fn indent(&self, token: Token) -> u32 {
        let before = &self.text.as_bytes()[..token.start as usize];
        if token.first_on_line {
            let line = before.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
            return (before.len() - line) as u32;
        }
        u32::MAX
    }

    /// Bytes of white space at the beginning of the line of `span`.
    fn line_indent(&self, span: Span) -> u32 {
        let before = &self.text[..span.start as usize];
        let line = &self.text[before.rfind('\n').map_or(0, |i| i + 1)..];
        (line.len() - line.trim_start_matches([' ', '\t']).len()) as u32
    }

    /// Skips to where the next statement of the same block probably begins: the closing brace of
    /// the block; a word that begins statements, first on its line and not inside braces opened
    /// since; or, whatever is open, such a word that is not indented deeper than the failed statement.
    fn recover(&mut self, anchor: Anchor) {
        loop {
            let token = self.token();
            let inside = self.open_braces > anchor.open_braces;
            let begins = token.first_on_line && self.at > anchor.token && begins_statement(token.kind);
            match token.kind {
                Kind::Eof => break,
                Kind::RBrace if !inside && anchor.open_braces > 0 => break,
                kind if begins => {
                    let outer = anchor.indent != u32::MAX && self.indent(token) <= anchor.indent;
                    let in_parens = self.open_parens > anchor.open_parens;
                    let strong = !matches!(kind, Kind::Ident | Kind::Fun | Kind::If | Kind::Match);
                    if (!inside && (strong || !in_parens)) || (outer && (strong || !inside)) {
                        break;
                    }
                }
                _ => {}
            }
            self.bump();
        }
        self.open_braces = anchor.open_braces;
        self.open_parens = anchor.open_parens;
    }
}

/// The code the reference gives to a missing token.
fn code_of(kind: Kind) -> Option<Code> {
    match kind {
        Kind::LBrace | Kind::RBrace => Some(Code::P001),
        Kind::LParen | Kind::RParen => Some(Code::P052),
        _ => None,
    }
}

/// Words that begin statements; names too, which also begin expressions.
fn begins_statement(kind: Kind) -> bool {
    use Kind::*;
    matches!(
        kind,
        Test | Expect
            | Agent
            | Intent
            | On
            | Stream
            | Emit
            | Type
            | Fun
            | Extern
            | Import
            | Return
            | Break
            | Continue
            | Let
            | Var
            | If
            | For
            | While
            | Match
            | Fetch
            | Save
            | Export
            | Fact
            | Rule
            | Ident
    )
}

#[cfg(test)]
mod tests;
