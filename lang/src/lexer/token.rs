//! Tokens: kinds, spelling, and what the parsers ask about them.

use crate::span::{FileId, Span};

macro_rules! tokens {
    (keywords { $($keyword:ident $text:literal;)* } punctuation { $($punct:ident $sign:literal;)* }) => {
        /// Kind of a token. Names that are not reserved are [`Kind::Ident`], also where the grammar
        /// gives them a meaning (`from`, `where`, `union`, ...).
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        pub enum Kind {
            /// End of the file; the last token of every list.
            Eof,
            /// Something that is no token and was reported; parsers stay quiet about it.
            Error,
            /// Name.
            Ident,
            /// Integer literal; the value is not computed yet.
            Int,
            /// Float literal.
            Float,
            /// String literal with its quotes.
            Str,
            $(#[doc = concat!("`", $text, "`")] $keyword,)*
            $(#[doc = concat!("`", $sign, "`")] $punct,)*
        }

        impl Kind {
            /// The reserved word with this text.
            pub fn keyword(text: &str) -> Option<Kind> {
                match text {
                    $($text => Some(Kind::$keyword),)*
                    _ => Option::None,
                }
            }

            /// Whether this is a reserved word.
            pub fn is_keyword(self) -> bool {
                matches!(self, $(Kind::$keyword)|*)
            }

            /// Spelling of a reserved word or sign; a description of the other kinds.
            pub fn text(self) -> &'static str {
                match self {
                    Kind::Eof => "end of file",
                    Kind::Error => "illegal text",
                    Kind::Ident => "name",
                    Kind::Int => "integer",
                    Kind::Float => "float",
                    Kind::Str => "string",
                    $(Kind::$keyword => $text,)*
                    $(Kind::$punct => $sign,)*
                }
            }
        }
    };
}

tokens! {
    keywords {
        Test "test"; Expect "expect"; Agent "agent"; Intent "intent"; On "on"; Stream "stream"; Emit "emit";
        Type "type"; Fun "fun"; Extern "extern"; Import "import"; Return "return"; Break "break";
        Continue "continue"; Let "let"; Var "var"; If "if"; Else "else"; Then "then"; For "for"; While "while";
        In "in"; Generate "generate"; Match "match"; Fetch "fetch"; Load "load"; Save "save";
        Package "package"; Export "export"; Fact "fact"; Rule "rule"; All "all"; None "none"; True "true";
        False "false";
    }
    punctuation {
        EqEq "=="; NotEq "!="; Le "<="; Ge ">="; AndAnd "&&"; OrOr "||"; Arrow "=>"; Turnstile ":-";
        DotDot ".."; DotDotEq "..="; Coalesce "??"; PlusEq "+="; MinusEq "-="; StarEq "*="; SlashEq "/=";
        PercentEq "%="; Minus "-"; Plus "+"; Star "*"; Slash "/"; Percent "%"; Assign "="; Lt "<"; Gt ">";
        Not "!"; Bar "|"; LBrace "{"; RBrace "}"; LBracket "["; RBracket "]"; LParen "("; RParen ")";
        Comma ","; Dot "."; Colon ":"; Question "?";
    }
}

/// A token: a kind and a range of bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    /// Kind.
    pub kind: Kind,
    /// Whether it is the first token of its line.
    pub first_on_line: bool,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Token {
    /// Where it is.
    pub fn span(self, file: FileId) -> Span {
        Span { start: self.start, end: self.end, file }
    }

    /// As written.
    pub fn text(self, source: &str) -> &str {
        &source[self.start as usize..self.end as usize]
    }
}
