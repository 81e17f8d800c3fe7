//! What a syntax error says: the token in words, and advice for common mistakes.

use super::Parser;
use crate::lexer::Kind;

/// A token in words, cut when long.
pub fn describe(kind: Kind, text: &str) -> String {
    let cut: String = text.chars().take(30).collect();
    let more = if cut.len() < text.len() { "..." } else { "" };
    match kind {
        Kind::Eof | Kind::Error => kind.text().to_string(),
        Kind::Ident => format!("name `{cut}{more}`"),
        Kind::Int | Kind::Float => format!("number `{cut}{more}`"),
        Kind::Str => "string literal".to_string(),
        k if k.is_keyword() => format!("reserved word `{cut}`"),
        _ => format!("`{cut}`"),
    }
}

/// Advice for the next token where `expected` was expected; `None` leaves that of the code.
pub fn help(parser: &Parser<'_>, expected: &str) -> Option<String> {
    let kind = parser.kind();
    let before = parser.at.checked_sub(1).map(|i| parser.tokens[i]);
    let previous = before.map(|t| t.kind);
    let previous_text = before.map_or("", |t| t.text(parser.text));
    let text = match kind {
        Kind::Turnstile => "`:-` is one token. Write `: -`, with a space between.",
        Kind::Assign if previous == Some(Kind::Colon) => "Write `let x = value`, or `let x: type = value`.",
        Kind::Assign if expected == "`{`" => "Comparison is `==`; `=` assigns.",
        Kind::Plus if previous == Some(Kind::Plus) => "There is no `++`. Write `x += 1`.",
        Kind::Minus if previous == Some(Kind::Minus) => "There is no `--`. Write `x -= 1`.",
        Kind::Star if previous == Some(Kind::Star) => "There is no operator for powers.",
        Kind::RParen if previous == Some(Kind::Comma) => "Remove the comma before `)`.",
        Kind::Else => "`else` follows the closing brace of an `if`.",
        Kind::Arrow if expected == "`{`" => "The body of a named function is a block: `{ return ... }`.",
        Kind::Comma if expected == "`}`" => {
            "Fields are separated by spaces or line breaks here, not by commas."
        }
        Kind::Bar if expected == "a type" => "The first variant has no `|` before it.",
        _ if previous == Some(Kind::Question) && expected.contains("`[`") => {
            "There is no `c ? a : b`. Write `if c then a else b`."
        }
        Kind::Export => "Only functions can be exported.",
        Kind::Ident if matches!(previous_text, "function" | "def" | "fn" | "func") => {
            "Functions are declared with `fun name(x: int): int { ... }`."
        }
        Kind::Intent => "`intent` belongs into an `agent`.",
        Kind::Package => "`package` stands at the beginning of a file.",
        k if k.is_keyword() && expected.ends_with("name") => {
            return Some(format!("`{}` is reserved. Choose another name.", k.text()));
        }
        Kind::Eof if expected == "`}`" => return None,
        _ => return None,
    };
    Some(text.to_string())
}
