//! Text to tokens.
//!
//! One pass over the bytes, no regular expressions, no copies: a token is a kind and a range.
//! The classes and their order are those of section 1 of the language document, with the
//! extensions of section 0: names may have letters after digits, digits may be separated by `_`,
//! and `+= -= *= /= %= ..=` are tokens. Everything illegal is reported here and becomes
//! [`Kind::Error`] (or is left out), so that the parsers can stay quiet about it.
//!
//! Invariants: tokens ascend and do not overlap; they lie on character boundaries; the last one,
//! and only that, is [`Kind::Eof`].

mod literal;
mod token;
mod unicode;

pub use literal::{digits_of, float_value, int_value, string_value};
pub use token::{Kind, Token};

use crate::diag::{Code, Diagnostics};
use crate::span::{FileId, Span};

/// What [`lex`] returns.
#[derive(Debug)]
pub struct Tokens {
    /// All tokens, ending with [`Kind::Eof`].
    pub list: Vec<Token>,
    /// Set when a string or comment is not terminated: from here on, the tokens are probably not
    /// what was meant, and parsers should not report them.
    pub unreliable_from: Option<u32>,
}

/// Splits a file into tokens. `text` has no leading byte order mark and at most `u32::MAX` bytes.
pub fn lex(text: &str, file: FileId, diags: &mut Diagnostics) -> Tokens {
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        at: 0,
        file,
        diags,
        list: Vec::with_capacity(text.len() / 4 + 1),
        first_on_line: true,
        multi_line_string: None,
        unreliable_from: None,
    };
    lexer.run();
    Tokens { list: lexer.list, unreliable_from: lexer.unreliable_from }
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// Next byte.
    at: usize,
    file: FileId,
    diags: &'a mut Diagnostics,
    list: Vec<Token>,
    first_on_line: bool,
    /// The first string literal that holds a line break: where a quote may be missing.
    multi_line_string: Option<Span>,
    unreliable_from: Option<u32>,
}

impl Lexer<'_> {
    fn run(&mut self) {
        while let Some(&b) = self.bytes.get(self.at) {
            match b {
                b'\n' => {
                    self.first_on_line = true;
                    self.at += 1;
                }
                b' ' | b'\t' | b'\r' | b';' => self.at += 1,
                b'#' => self.line_comment(),
                b'/' if self.peek(1) == b'/' => self.line_comment(),
                b'/' if self.peek(1) == b'*' => self.block_comment(),
                b'a'..=b'z' | b'A'..=b'Z' => self.word(),
                b'_' => self.name(),
                b'0'..=b'9' => self.number(),
                b'"' => self.string(),
                _ if b.is_ascii() => self.sign(b),
                _ if unicode::is_start(self.char_at(self.at)) => self.name(),
                _ => self.illegal(),
            }
        }
        self.push(Kind::Eof, self.at);
    }

    /// The byte `ahead` of the next one, 0 at the end.
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// The character at a boundary; U+0000 at the end.
    fn char_at(&self, at: usize) -> char {
        self.text[at..].chars().next().unwrap_or('\0')
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32, file: self.file }
    }

    /// Adds the token from `self.at` to `end` and goes there.
    fn push(&mut self, kind: Kind, end: usize) {
        let first_on_line = std::mem::replace(&mut self.first_on_line, false);
        self.list.push(Token { kind, first_on_line, start: self.at as u32, end: end as u32 });
        self.at = end;
    }

    fn line_comment(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
    }

    fn block_comment(&mut self) {
        match self.text[self.at + 2..].find("*/") {
            Some(length) => {
                let end = self.at + 2 + length + 2;
                self.first_on_line |= self.bytes[self.at..end].contains(&b'\n');
                self.at = end;
            }
            None => {
                let span = self.span(self.at, self.at + 2);
                self.diags.error(Code::P042, span, &[]);
                self.unreliable_from.get_or_insert(self.at as u32);
                self.at = self.bytes.len();
            }
        }
    }

    /// A reserved word or a name that begins with an ASCII letter. Word boundaries are ASCII:
    /// `ifé` is the reserved word `if` and the name `é`.
    fn word(&mut self) {
        let rest = &self.bytes[self.at..];
        let length =
            rest.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'_')).unwrap_or(rest.len());
        match Kind::keyword(&self.text[self.at..self.at + length]) {
            Some(kind) => self.push(kind, self.at + length),
            None => self.name(),
        }
    }

    fn name(&mut self) {
        let end = self.name_end(self.at);
        self.push(Kind::Ident, end);
    }

    /// Where the name characters from `from` on end.
    fn name_end(&self, from: usize) -> usize {
        let mut end = from;
        while let Some(&b) = self.bytes.get(end) {
            if b.is_ascii_alphanumeric() || b == b'_' {
                end += 1;
            } else if b.is_ascii() {
                break;
            } else {
                let c = self.char_at(end);
                if !unicode::is_continue(c) {
                    break;
                }
                end += c.len_utf8();
            }
        }
        end
    }

    /// Longest number at `self.at`; then nothing may follow that would continue a name.
    fn number(&mut self) {
        let start = self.at;
        let (kind, end) = match (self.bytes[start], self.peek(1) | 0x20) {
            (b'0', b'x' | b'b' | b'o') => {
                let base: fn(u8) -> bool = match self.peek(1) | 0x20 {
                    b'x' => |b| b.is_ascii_hexdigit(),
                    b'b' => |b| matches!(b, b'0' | b'1'),
                    _ => |b| matches!(b, b'0'..=b'7'),
                };
                let end = self.digits(start + 2, base);
                if end == start + 2 {
                    let span = self.span(start, end);
                    self.diags.error(Code::P046, span, &[&&self.text[start..end]]);
                    self.push(Kind::Error, self.name_end(end));
                    return;
                }
                (Kind::Int, end)
            }
            _ => self.decimal(start),
        };
        let next = self.char_at(end);
        if next == '_' || next.is_ascii_alphanumeric() || (!next.is_ascii() && unicode::is_continue(next)) {
            let span = self.span(start, end);
            self.diags.error(Code::P043, span, &[&next]);
            self.push(Kind::Error, self.name_end(end));
            return;
        }
        self.push(kind, end);
    }

    /// `D+`, `D+.D+`, `D+eD+`, `D+.D+eD+`: kind and end.
    fn decimal(&self, start: usize) -> (Kind, usize) {
        let digit = |at: usize| self.bytes.get(at).is_some_and(u8::is_ascii_digit);
        let all = |b: u8| b.is_ascii_digit();
        let mut end = self.digits(start, all);
        let mut kind = Kind::Int;
        if self.bytes.get(end) == Some(&b'.') && digit(end + 1) {
            end = self.digits(end + 1, all);
            kind = Kind::Float;
        }
        if matches!(self.bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.bytes.get(end + 1), Some(b'+' | b'-')));
            if digit(end + 1 + sign) {
                end = self.digits(end + 1 + sign, all);
                kind = Kind::Float;
            }
        }
        (kind, end)
    }

    /// Digits with single `_` between them.
    fn digits(&self, from: usize, is_digit: fn(u8) -> bool) -> usize {
        let at = |i: usize| self.bytes.get(i).copied().is_some_and(is_digit);
        let mut end = from;
        while at(end) || (end > from && self.bytes.get(end) == Some(&b'_') && at(end + 1)) {
            end += 1;
        }
        end
    }

    fn string(&mut self) {
        let start = self.at;
        let mut end = start + 1;
        let mut broken_escape = false;
        let mut lines = false;
        loop {
            match self.bytes.get(end) {
                None => return self.unterminated_string(start),
                Some(b'"') => break,
                Some(b'\\') => {
                    let escaped = self.bytes.get(end + 1);
                    broken_escape |= escaped == Some(&b'\n');
                    lines |= escaped == Some(&b'\n');
                    end += 2;
                }
                Some(&b) => {
                    lines |= b == b'\n';
                    end += 1;
                }
            }
        }
        let span = self.span(start, end + 1);
        if lines && self.multi_line_string.is_none() {
            self.multi_line_string = Some(span);
        }
        if broken_escape {
            let d = self.diags.error(Code::IllegalCharacter, span, &[&"`\\` before a line break"]);
            d.help("Write `\\n` for a line break in a string, or break the line without a backslash.");
            self.push(Kind::Error, end + 1);
        } else {
            self.push(Kind::Str, end + 1);
        }
    }

    fn unterminated_string(&mut self, start: usize) {
        let end = start + self.text[start..].find('\n').unwrap_or(self.text.len() - start);
        let span = self.span(start, end);
        let earlier = self.multi_line_string;
        let d = self.diags.error(Code::P040, span, &[]);
        if let Some(earlier) = earlier {
            d.label(earlier, "this string spans lines: perhaps its closing quote is missing");
        }
        self.unreliable_from.get_or_insert(earlier.map_or(span.start, |s| s.start));
        self.push(Kind::Error, self.bytes.len());
    }

    fn sign(&mut self, b: u8) {
        use Kind::*;
        let (kind, length) = match (b, self.peek(1), self.peek(2)) {
            (b'=', b'=', _) => (EqEq, 2),
            (b'!', b'=', _) => (NotEq, 2),
            (b'<', b'=', _) => (Le, 2),
            (b'>', b'=', _) => (Ge, 2),
            (b'&', b'&', _) => (AndAnd, 2),
            (b'|', b'|', _) => (OrOr, 2),
            (b'=', b'>', _) => (Arrow, 2),
            (b':', b'-', _) => (Turnstile, 2),
            (b'.', b'.', b'=') => (DotDotEq, 3),
            (b'.', b'.', _) => (DotDot, 2),
            (b'?', b'?', _) => (Coalesce, 2),
            (b'+', b'=', _) => (PlusEq, 2),
            (b'-', b'=', _) => (MinusEq, 2),
            (b'*', b'=', _) => (StarEq, 2),
            (b'/', b'=', _) => (SlashEq, 2),
            (b'%', b'=', _) => (PercentEq, 2),
            (b'-', ..) => (Minus, 1),
            (b'+', ..) => (Plus, 1),
            (b'*', ..) => (Star, 1),
            (b'/', ..) => (Slash, 1),
            (b'%', ..) => (Percent, 1),
            (b'=', ..) => (Assign, 1),
            (b'<', ..) => (Lt, 1),
            (b'>', ..) => (Gt, 1),
            (b'!', ..) => (Not, 1),
            (b'|', ..) => (Bar, 1),
            (b'{', ..) => (LBrace, 1),
            (b'}', ..) => (RBrace, 1),
            (b'[', ..) => (LBracket, 1),
            (b']', ..) => (RBracket, 1),
            (b'(', ..) => (LParen, 1),
            (b')', ..) => (RParen, 1),
            (b',', ..) => (Comma, 1),
            (b'.', ..) => (Dot, 1),
            (b':', ..) => (Colon, 1),
            (b'?', ..) => (Question, 1),
            _ => return self.illegal(),
        };
        self.push(kind, self.at + length);
    }

    /// Reports the characters at `self.at` that begin no token, as one.
    fn illegal(&mut self) {
        let start = self.at;
        let first = self.char_at(start);
        if first == '\'' {
            return self.single_quoted();
        }
        let mut end = start + first.len_utf8();
        while end < self.bytes.len() && self.char_at(end) == first {
            end += first.len_utf8();
        }
        let span = self.span(start, end);
        let shown = match first {
            c if c.is_control() || (!c.is_ascii() && !c.is_alphanumeric()) => format!("U+{:04X}", c as u32),
            c => format!("`{c}`"),
        };
        let d = self.diags.error(Code::IllegalCharacter, span, &[&shown]);
        match first {
            '&' => d.help("Logical and is `&&`; there are no bit operators."),
            '^' => d.help("There are no bit operators, and no operator for powers."),
            '~' => d.help("Logical not is `!`; there are no bit operators."),
            '\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}' => {
                d.help("String literals use straight quotes: `\"`.")
            }
            '`' => d.help("String literals are written with double quotes; they may span lines."),
            '\u{feff}' => d.help("A byte order mark may stand at the beginning of a file only."),
            _ => d,
        };
        self.push(Kind::Error, end);
    }

    /// `'text'`, which other languages have: reported, then a token up to the closing quote.
    fn single_quoted(&mut self) {
        let start = self.at;
        let line = self.text[start..].find('\n').unwrap_or(self.text.len() - start);
        let body = &self.text[start + 1..start + line];
        let end = body.find('\'').map_or(start + 1, |length| start + 1 + length + 1);
        let span = self.span(start, end);
        let d = self.diags.error(Code::IllegalCharacter, span, &[&"`'`"]);
        d.help("String literals are written with double quotes: `\"text\"`.");
        self.push(Kind::Error, end);
    }
}

#[cfg(test)]
mod tests;
