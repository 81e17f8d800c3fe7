//! Tokens of the text form. Newlines are white space; tokens borrow the text.

use super::{ParseError, ParseErrorKind};
use crate::positions::{LAST_COLUMN, LAST_LINE};
use std::borrow::Cow;

/// A token.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Token<'a> {
    /// Letters, digits, `_` and `.`, starting with a letter.
    Word(&'a str),
    /// `@name` or `@"any name"`.
    Symbol(Cow<'a, str>),
    /// `@line:column`, or `@line:column:call`.
    Position(u32, u32, Option<u32>),
    /// Decimal or hexadecimal integer; hexadecimal ones are bit patterns.
    Int(i64),
    /// Decimal number with a point or an exponent.
    Float(f64),
    /// A string.
    Str(Cow<'a, str>),
    /// Punctuation; `>` stands for `->`.
    Punct(u8),
    /// End of the text.
    End,
}

/// Splits a text into tokens, one at a time.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

fn is_word_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'.'
}

/// A name that needs no quotes after `@`.
pub(super) fn is_plain_symbol(name: &str) -> bool {
    let bytes = name.as_bytes();
    !bytes.is_empty() && !bytes[0].is_ascii_digit() && bytes.iter().all(|&b| is_word_byte(b) || b == b'$')
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: 0 }
    }

    /// Byte offset after the last token.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// An error at a byte offset.
    pub(super) fn error_at(&self, offset: usize, kind: ParseErrorKind) -> ParseError {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let line = before.iter().filter(|&&b| b == b'\n').count() as u32 + 1;
        let start = before.iter().rposition(|&b| b == b'\n').map_or(0, |p| p + 1);
        ParseError { line, column: (before.len() - start) as u32 + 1, kind }
    }

    fn peek_byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    /// Skips white space and comments; the next token starts at [`Lexer::offset`].
    pub(super) fn skip_space(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(&b) = bytes.get(self.at) {
            if b == b';' {
                while self.at < bytes.len() && bytes[self.at] != b'\n' {
                    self.at += 1;
                }
            } else if b.is_ascii_whitespace() {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    fn take_while(&mut self, keep: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() && keep(bytes[self.at]) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Result<Token<'a>, ParseError> {
        self.skip_space();
        let start = self.at;
        if start == self.text.len() {
            return Ok(Token::End);
        }
        let b = self.peek_byte();
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => Ok(Token::Word(self.take_while(is_word_byte))),
            b'0'..=b'9' => self.number(false),
            b'"' => Ok(Token::Str(self.string()?)),
            b'@' => {
                self.at += 1;
                self.after_at()
            }
            b'-' => {
                self.at += 1;
                match self.peek_byte() {
                    b'>' => {
                        self.at += 1;
                        Ok(Token::Punct(b'>'))
                    }
                    b'0'..=b'9' => self.number(true),
                    _ => Err(self.error_at(start, ParseErrorKind::BadToken)),
                }
            }
            b'(' | b')' | b',' | b':' | b'=' | b'{' | b'}' | b'[' | b']' | b'+' | b'!' => {
                self.at += 1;
                Ok(Token::Punct(b))
            }
            _ => Err(self.error_at(start, ParseErrorKind::BadToken)),
        }
    }

    fn after_at(&mut self) -> Result<Token<'a>, ParseError> {
        let start = self.at;
        match self.peek_byte() {
            b'0'..=b'9' => {
                let line = self.small()?;
                if self.peek_byte() != b':' {
                    return Err(self.error_at(self.at, ParseErrorKind::Expected("`:` in a position")));
                }
                self.at += 1;
                let column = self.small()?;
                let mut call = None;
                if self.peek_byte() == b':' {
                    self.at += 1;
                    call = Some(self.small()?);
                }
                if line > LAST_LINE || column > LAST_COLUMN {
                    return Err(self.error_at(start, ParseErrorKind::OutOfRange));
                }
                Ok(Token::Position(line, column, call))
            }
            b'"' => Ok(Token::Symbol(self.string()?)),
            b if is_word_byte(b) || b == b'$' => {
                Ok(Token::Symbol(Cow::Borrowed(self.take_while(|b| is_word_byte(b) || b == b'$'))))
            }
            _ => Err(self.error_at(start, ParseErrorKind::Expected("a symbol name"))),
        }
    }

    fn small(&mut self) -> Result<u32, ParseError> {
        let start = self.at;
        let digits = self.take_while(|b| b.is_ascii_digit());
        digits.parse().map_err(|_| self.error_at(start, ParseErrorKind::OutOfRange))
    }

    fn number(&mut self, negative: bool) -> Result<Token<'a>, ParseError> {
        let start = self.at;
        let range = |lexer: &Self| lexer.error_at(start, ParseErrorKind::OutOfRange);
        if self.text.as_bytes()[start..].starts_with(b"0x") {
            self.at += 2;
            let digits = self.take_while(|b| b.is_ascii_hexdigit());
            let bits = u64::from_str_radix(digits, 16).map_err(|_| range(self))? as i64;
            return Ok(Token::Int(if negative { bits.wrapping_neg() } else { bits }));
        }
        self.take_while(|b| b.is_ascii_digit());
        let mut float = false;
        if self.peek_byte() == b'.' {
            float = true;
            self.at += 1;
            self.take_while(|b| b.is_ascii_digit());
        }
        if self.peek_byte() == b'e' {
            float = true;
            self.at += 1;
            if self.peek_byte() == b'-' {
                self.at += 1;
            }
            self.take_while(|b| b.is_ascii_digit());
        }
        let digits = &self.text[start..self.at];
        if float {
            let value: f64 = digits.parse().map_err(|_| range(self))?;
            return Ok(Token::Float(if negative { -value } else { value }));
        }
        let value: u64 = digits.parse().map_err(|_| range(self))?;
        let limit = i64::MAX as u64 + u64::from(negative);
        if value > limit {
            return Err(range(self));
        }
        Ok(Token::Int(if negative { (value as i64).wrapping_neg() } else { value as i64 }))
    }

    fn string(&mut self) -> Result<Cow<'a, str>, ParseError> {
        let open = self.at;
        self.at += 1;
        let plain = self.take_while(|b| b != b'"' && b != b'\\');
        if self.peek_byte() == b'"' {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut result = plain.to_string();
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(result));
                }
                Some(b'\\') => {
                    self.at += 1;
                    result.push(self.escape()?);
                }
                Some(_) => result.push_str(self.take_while(|b| b != b'"' && b != b'\\')),
                None => return Err(self.error_at(open, ParseErrorKind::BadToken)),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let start = self.at;
        let b = self.peek_byte();
        let bad = |lexer: &Self| lexer.error_at(start, ParseErrorKind::BadToken);
        self.at += 1;
        match b {
            b'"' | b'\\' => Ok(b as char),
            b'x' => {
                let hex = self.text.get(self.at..self.at + 2).ok_or_else(|| bad(self))?;
                let value = u8::from_str_radix(hex, 16).map_err(|_| bad(self))?;
                if value >= 0x80 {
                    return Err(bad(self));
                }
                self.at += 2;
                Ok(value as char)
            }
            _ => {
                self.at = start;
                Err(bad(self))
            }
        }
    }
}
