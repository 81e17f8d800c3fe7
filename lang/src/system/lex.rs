//! Tokens of the system dialect. Its literals differ from the language's (characters, 64-bit
//! unsigned numbers, digit separators), so it has a lexer of its own.

use super::syntax::Pos;
use super::{Fault, fault};

/// A token.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Tok {
    Ident(String),
    Int(i128),
    Float(f64),
    Str(String),
    Punct(&'static str),
    End,
}

/// A token with its place.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub tok: Tok,
    pub pos: Pos,
    /// First on its line.
    pub first: bool,
}

/// Longest first, so that the first match wins.
const PUNCTUATION: [&str; 48] = [
    "<<=", ">>=", "==", "!=", "<=", ">=", "&&", "||", "<<", ">>", "..", "=>", "+=", "-=", "*=", "/=", "%=",
    "&=", "|=", "^=", "+", "-", "*", "/", "%", "&", "|", "^", "~", "!", "<", ">", "=", "(", ")", "[", "]",
    "{", "}", ",", ":", ";", "@", "_", "#", "?", ".", "'",
];

struct Lexer<'a> {
    rest: &'a str,
    pos: Pos,
}

/// Splits a file into tokens; the last one is [`Tok::End`].
pub(super) fn lex(file: u32, text: &str) -> Result<Vec<Token>, Fault> {
    let mut lexer = Lexer { rest: text, pos: Pos { file, line: 1, column: 1 } };
    let mut tokens = Vec::new();
    let mut line = 0;
    loop {
        lexer.skip_blank()?;
        let pos = lexer.pos;
        let tok = lexer.token()?;
        let end = tok == Tok::End;
        tokens.push(Token { tok, pos, first: pos.line != line });
        line = pos.line;
        if end {
            return Ok(tokens);
        }
    }
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        if c == '\n' {
            self.pos.line += 1;
            self.pos.column = 1;
        } else {
            self.pos.column += 1;
        }
        Some(c)
    }

    fn skip_blank(&mut self) -> Result<(), Fault> {
        loop {
            if self.rest.starts_with("//") {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.bump();
                }
            } else if self.rest.starts_with("/*") {
                let start = self.pos;
                while !self.rest.starts_with("*/") {
                    if self.bump().is_none() {
                        return fault(start, "this comment has no end");
                    }
                }
                self.bump();
                self.bump();
            } else if self.peek().is_some_and(char::is_whitespace) {
                self.bump();
            } else {
                return Ok(());
            }
        }
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> String {
        let mut s = String::new();
        while let Some(c) = self.peek().filter(|&c| keep(c)) {
            s.push(c);
            self.bump();
        }
        s
    }

    fn token(&mut self) -> Result<Tok, Fault> {
        let pos = self.pos;
        let Some(c) = self.peek() else {
            return Ok(Tok::End);
        };
        if c.is_ascii_digit() {
            return self.number();
        }
        if c == '"' {
            return self.string();
        }
        if c == '\'' {
            return self.character();
        }
        if c.is_ascii_alphabetic() || c == '_' {
            let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            return Ok(if name == "_" { Tok::Punct("_") } else { Tok::Ident(name) });
        }
        match PUNCTUATION.iter().find(|p| self.rest.starts_with(**p)) {
            Some(p) => {
                p.chars().for_each(|_| {
                    self.bump();
                });
                Ok(Tok::Punct(p))
            }
            None => fault(pos, format!("unexpected character `{}`", c.escape_default())),
        }
    }

    fn number(&mut self) -> Result<Tok, Fault> {
        let pos = self.pos;
        for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)] {
            if self.rest.starts_with(prefix) {
                self.bump();
                self.bump();
                let digits = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_').replace('_', "");
                return match i128::from_str_radix(&digits, radix) {
                    Ok(n) if n < 1 << 64 => Ok(Tok::Int(n)),
                    _ => fault(pos, "not a number of 64 bits"),
                };
            }
        }
        let mut text = self.take_while(|c| c.is_ascii_digit() || c == '_');
        let mut float = false;
        let mut after = self.rest.chars().skip(1);
        if self.peek() == Some('.') && after.next().is_some_and(|c| c.is_ascii_digit()) {
            float = true;
            text.push('.');
            self.bump();
            text += &self.take_while(|c| c.is_ascii_digit() || c == '_');
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            float = true;
            text.push('e');
            self.bump();
            if let Some(sign @ ('+' | '-')) = self.peek() {
                text.push(sign);
                self.bump();
            }
            text += &self.take_while(|c| c.is_ascii_digit());
        }
        if self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
            return fault(self.pos, "a number cannot be followed by a letter");
        }
        let text = text.replace('_', "");
        if float {
            return match text.parse::<f64>() {
                Ok(x) if x.is_finite() => Ok(Tok::Float(x)),
                _ => fault(pos, "not a float"),
            };
        }
        match text.parse::<i128>() {
            Ok(n) if n < 1 << 64 => Ok(Tok::Int(n)),
            _ => fault(pos, "not a number of 64 bits"),
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let pos = self.pos;
        Ok(match self.bump() {
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('0') => '\0',
            Some('e') => '\x1b',
            Some(c @ ('\\' | '"' | '\'')) => c,
            Some(kind @ ('x' | 'u')) => {
                let digits = if kind == 'x' { 2 } else { 4 };
                let text: String = (0..digits).filter_map(|_| self.bump()).collect();
                let code = u32::from_str_radix(&text, 16).ok().filter(|_| text.len() == digits);
                match code.and_then(char::from_u32) {
                    Some(c) => c,
                    None => return fault(pos, "not a character code"),
                }
            }
            _ => return fault(pos, "unknown escape; known: \\n \\r \\t \\0 \\e \\\\ \\\" \\' \\xHH \\uHHHH"),
        })
    }

    fn string(&mut self) -> Result<Tok, Fault> {
        let pos = self.pos;
        self.bump();
        let mut s = String::new();
        loop {
            match self.bump() {
                Some('"') => return Ok(Tok::Str(s)),
                Some('\\') => s.push(self.escape()?),
                Some(c) if c != '\n' => s.push(c),
                _ => return fault(pos, "this string has no end on its line"),
            }
        }
    }

    fn character(&mut self) -> Result<Tok, Fault> {
        let pos = self.pos;
        self.bump();
        let c = match self.bump() {
            Some('\\') => self.escape()?,
            Some(c) if c != '\n' && c != '\'' => c,
            _ => return fault(pos, "not a character"),
        };
        if self.bump() != Some('\'') {
            return fault(pos, "a character literal holds one character");
        }
        Ok(Tok::Int(c as i128))
    }
}
