//! Tests of the lexer: classes, order of matching, every code.

use super::*;

fn lex_all(text: &str) -> (Tokens, Diagnostics) {
    let mut diags = Diagnostics::new();
    let tokens = lex(text, FileId(0), &mut diags);
    (tokens, diags)
}

/// `kind:text` of every token but the last.
fn spelled(text: &str) -> Vec<String> {
    let (tokens, diags) = lex_all(text);
    assert!(diags.is_empty(), "{text}: {:?}", diags.items());
    let (last, list) = tokens.list.split_last().expect("tokens end with Eof");
    assert_eq!(last.kind, Kind::Eof);
    list.iter().map(|t| t.text(text).to_string()).collect()
}

fn kinds(text: &str) -> Vec<Kind> {
    let (tokens, diags) = lex_all(text);
    assert!(diags.is_empty(), "{text}: {:?}", diags.items());
    tokens.list.iter().map(|t| t.kind).collect()
}

/// Codes with the byte ranges they point at.
fn errors(text: &str) -> Vec<(&'static str, u32, u32)> {
    let (_, diags) = lex_all(text);
    diags.items().iter().map(|d| (d.code.text(), d.span.start, d.span.end)).collect()
}

#[test]
fn signs_match_longest_first() {
    use Kind::*;
    assert_eq!(kinds("a==b!=c<=d>=e"), [Ident, EqEq, Ident, NotEq, Ident, Le, Ident, Ge, Ident, Eof]);
    assert_eq!(kinds("=>:-..??..="), [Arrow, Turnstile, DotDot, Coalesce, DotDotEq, Eof]);
    assert_eq!(kinds("+=-=*=/=%="), [PlusEq, MinusEq, StarEq, SlashEq, PercentEq, Eof]);
    assert_eq!(kinds("&&||<<|"), [AndAnd, OrOr, Lt, Lt, Bar, Eof]);
    assert_eq!(kinds("!==>>"), [NotEq, Arrow, Gt, Eof]);
    assert_eq!(kinds("x?.y?[z]"), [Ident, Question, Dot, Ident, Question, LBracket, Ident, RBracket, Eof]);
}

#[test]
fn words() {
    use Kind::*;
    assert_eq!(kinds("if iff if_ x1y _a none True"), [If, Ident, Ident, Ident, Ident, None, Ident, Eof]);
    // Word boundaries are ASCII.
    assert_eq!(spelled("ifé éif int"), ["if", "é", "éif", "int"]);
    assert_eq!(spelled("x1y a1_b h264_x v0x1 🍣2 x٣"), ["x1y", "a1_b", "h264_x", "v0x1", "🍣2", "x٣"]);
}

#[test]
fn every_keyword_is_found_by_its_text() {
    for word in
        ["test", "expect", "agent", "intent", "on", "stream", "emit", "type", "fun", "extern", "import"]
            .into_iter()
            .chain(["return", "break", "continue", "let", "var", "if", "else", "then", "for", "while", "in"])
            .chain(["generate", "match", "fetch", "load", "save", "package", "export", "fact", "rule", "all"])
            .chain(["none", "true", "false"])
    {
        let kind = Kind::keyword(word).expect(word);
        assert!(kind.is_keyword() && kind.text() == word);
    }
    for word in ["from", "where", "select", "union", "as", "model", "bench", "query", "int", "nil", "Let"] {
        assert_eq!(Kind::keyword(word), None, "{word}");
    }
}

#[test]
fn numbers() {
    use Kind::*;
    assert_eq!(
        kinds("1 1.5 1e5 1.5E-3 0x1F 0b1 0o7 1_000"),
        [Int, Float, Float, Float, Int, Int, Int, Int, Eof]
    );
    assert_eq!(kinds("1..5"), [Int, DotDot, Int, Eof]);
    assert_eq!(kinds("1."), [Int, Dot, Eof]);
    assert_eq!(kinds("1.5.2"), [Float, Dot, Int, Eof]);
    assert_eq!(kinds("-1"), [Minus, Int, Eof]);
}

#[test]
fn comments_and_lines() {
    let (tokens, diags) = lex_all("a // b\n# c\n d /* e\n*/ f /***/ g;h");
    assert!(diags.is_empty());
    let flags: Vec<bool> = tokens.list.iter().map(|t| t.first_on_line).collect();
    assert_eq!(flags, [true, true, true, false, false, false]);
}

#[test]
fn strings_hold_anything() {
    assert_eq!(spelled("\"a // b\" \"\\\"\" \"l1\nl2\""), ["\"a // b\"", "\"\\\"\"", "\"l1\nl2\""]);
}

#[test]
fn malformed_numbers() {
    assert_eq!(errors("let n = 1e"), [("P043", 8, 9)]);
    assert_eq!(errors("1_"), [("P043", 0, 1)]);
    assert_eq!(errors("1__0"), [("P043", 0, 1)]);
    assert_eq!(errors("0b12 3é 4🍣"), [("P043", 0, 3), ("P043", 5, 6), ("P043", 9, 10)]);
    assert_eq!(errors("0x 0b2 0o_1"), [("P046", 0, 2), ("P046", 3, 5), ("P046", 7, 9)]);
}

#[test]
fn unterminated() {
    assert_eq!(errors("let s = \"Hello\nx"), [("P040", 8, 14)]);
    assert_eq!(errors("\"a\\"), [("P040", 0, 3)]);
    assert_eq!(errors("x /* y"), [("P042", 2, 4)]);
    assert_eq!(errors("/*/"), [("P042", 0, 2)]);
    let (tokens, diags) = lex_all("let a = \"x\nlet b = \"y\nlet c = \"z");
    assert_eq!(tokens.unreliable_from, Some(8));
    assert_eq!(diags.items()[0].labels.len(), 1);
}

#[test]
fn illegal_characters() {
    assert_eq!(errors("a & b ^^ c"), [("P040", 2, 3), ("P040", 6, 8)]);
    assert_eq!(errors("a \u{feff}b"), [("P040", 2, 5)]);
    assert_eq!(errors("'text' 'x"), [("P040", 0, 6), ("P040", 7, 8)]);
    assert_eq!(errors("\"a\\\nb\""), [("P040", 0, 6)]);
    assert_eq!(errors("\u{0} \\"), [("P040", 0, 1), ("P040", 2, 3)]);
}
