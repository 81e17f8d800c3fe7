//! Bodies of the fuzz targets: each takes any bytes and panics when an invariant does not hold.
//! `cargo test` runs them on some mutated programs, `cargo fuzz` for as long as wanted.

use crate::diag::{Diagnostics, Format};
use crate::dump::dump;
use crate::lexer::{Kind, lex};
use crate::parser::parse;
use crate::sema::{check, verify};
use crate::span::{SourceMap, Span};
use crate::stack;

/// Lexes and parses any bytes, and prints the tree and the diagnostics.
///
/// Invariants: no panic; tokens ascend, do not overlap and end with the only end-of-file token;
/// every place is a range of the text on character boundaries; a second run says the same.
pub fn parse_any(data: &[u8]) {
    stack::large(|| parse_bytes(data)).expect("a stack");
}

fn parse_bytes(data: &[u8]) {
    let mut map = SourceMap::default();
    let file = map.add("fuzz.mochi", data);
    let text = map.file(file).text.as_str();
    let check = |span: Span| {
        assert!(span.file == file && span.start <= span.end, "bad place {span:?}");
        assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?} is outside");
    };
    let mut diags = Diagnostics::new();
    let tokens = lex(text, file, &mut diags);
    let mut end = 0;
    for t in &tokens.list {
        check(t.span(file));
        assert!(t.start >= end, "tokens overlap at {end}");
        end = t.end;
    }
    let eofs = tokens.list.iter().filter(|t| t.kind == Kind::Eof).count();
    assert!(eofs == 1 && tokens.list.last().is_some_and(|t| t.kind == Kind::Eof));
    let reported = tokens.list.iter().any(|t| t.kind == Kind::Error);
    assert!(!reported || diags.has_errors(), "illegal text is not reported");
    let mut diags = Diagnostics::new();
    let program = parse(&map, file, &mut diags);
    for s in &program.statements {
        check(s.span);
    }
    for d in diags.items() {
        check(d.span);
        d.labels.iter().for_each(|(span, _)| check(*span));
    }
    diags.set_limit(20);
    let shown = diags.render(&map, Format::Human { color: false });
    assert_eq!(shown.is_empty(), diags.is_empty());
    let tree = dump(&program, &map);
    // A text in the program may read like the node.
    let node = "(error)";
    assert!(
        diags.has_errors() || !tree.contains(node) || text.contains(node),
        "an error node is not reported"
    );
    let mut again = Diagnostics::new();
    assert_eq!(dump(&parse(&map, file, &mut again), &map), tree);
    assert_eq!(again.items(), diags.items());
}

/// Parses and checks any bytes.
///
/// Invariants: no panic; there is a tree exactly when there are no errors; the tree keeps its
/// promises ([`verify`]); every place is in the text; a second run says the same.
pub fn check_any(data: &[u8]) {
    stack::large(|| check_bytes(data)).expect("a stack");
}

fn check_bytes(data: &[u8]) {
    let mut map = SourceMap::default();
    let file = map.add("fuzz.mochi", data);
    let mut syntax = Diagnostics::new();
    let program = parse(&map, file, &mut syntax);
    let mut diags = Diagnostics::new();
    let tree = check(&map, &program, &mut diags);
    assert_eq!(tree.is_none(), diags.has_errors());
    let text = map.file(file).text.as_str();
    for d in diags.items() {
        assert!(text.get(d.span.start as usize..d.span.end as usize).is_some(), "{:?} is outside", d.span);
    }
    if let Some(tree) = &tree
        && !syntax.has_errors()
    {
        let complaints = verify(tree);
        assert!(complaints.is_empty(), "{text}\n{}", complaints.join("\n"));
    }
    let mut again = Diagnostics::new();
    check(&map, &program, &mut again);
    assert_eq!(again.items(), diags.items());
}

#[cfg(test)]
mod tests {
    use super::*;
    use mochi_testkit::Random;

    /// Programs of many constructs, as seeds.
    const SEEDS: &[&str] = &[
        include_str!("parser/seeds/functions.mochi"),
        include_str!("parser/seeds/data.mochi"),
        include_str!("parser/seeds/agents.mochi"),
    ];

    /// Pieces of text that are put into programs.
    const PIECES: &[&str] = &[
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "\"",
        "/*",
        "*/",
        "//",
        "#",
        "=>",
        ":-",
        "..",
        "..=",
        "?",
        "?.",
        "??",
        ",",
        ":",
        "= ",
        "+=",
        "!",
        "-",
        "| ",
        "<",
        ">",
        "0x",
        "1e",
        "1_0",
        "9999999999999999999",
        "1.5",
        "\\",
        "\u{feff}",
        "é",
        "🍣",
        "'",
        "@",
        "if ",
        "else ",
        "then ",
        "fun ",
        "match ",
        "from x in ",
        "select ",
        "let ",
        "var ",
        "return ",
        "type ",
        "as ",
        "union all ",
        "none ",
        "\n",
        "}\n",
        "test \"t\" {",
        "import go \"m\"",
        "\"\\q\"",
        "\"\\xff\"",
    ];

    fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(20)).min(bytes.len());
        match random.below(6) {
            0 => drop(bytes.drain(at..end)),
            1 => drop(bytes.splice(at..at, PIECES[random.below(PIECES.len())].bytes())),
            2 => drop(bytes.splice(at..end, PIECES[random.below(PIECES.len())].bytes())),
            3 => {
                let copy = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            4 => bytes.truncate(at.max(bytes.len() / 2)),
            _ => {
                if let Some(b) = bytes.get_mut(at) {
                    *b = random.bits() as u8;
                }
            }
        }
    }

    #[test]
    fn seeds_have_no_errors() {
        for seed in SEEDS {
            let mut map = SourceMap::default();
            let file = map.add("seed.mochi", seed);
            let mut diags = Diagnostics::new();
            parse(&map, file, &mut diags);
            assert!(diags.is_empty(), "{}", diags.render(&map, Format::Human { color: false }));
            parse_any(seed.as_bytes());
        }
    }

    #[test]
    fn a_text_may_read_like_the_node_of_an_error() {
        parse_any(b"print(\"(error)\")");
    }

    #[test]
    fn mutated_programs() {
        for seed in mochi_testkit::seeds(2000) {
            let mut random = Random::new(seed);
            let mut bytes = SEEDS[random.below(SEEDS.len())].as_bytes().to_vec();
            for _ in 0..=random.below(8) {
                mutate(&mut bytes, &mut random);
            }
            parse_any(&bytes);
        }
    }

    #[test]
    fn every_short_text() {
        let alphabet = b"a1\"({[=./*\\\n-";
        for i in 0..alphabet.len().pow(3) {
            let n = alphabet.len();
            parse_any(&[alphabet[i % n], alphabet[i / n % n], alphabet[i / n / n]]);
        }
    }

    /// Programs for the checker.
    const TYPED_SEEDS: &[&str] =
        &[include_str!("sema/seeds/values.mochi"), include_str!("sema/seeds/data.mochi")];

    /// Operands and types that are put in the place of others.
    const OPERANDS: &[&str] = &[
        "1",
        "2.5",
        "\"s\"",
        "true",
        "none",
        "[]",
        "{}",
        "[1]",
        "{a: 1}",
        "x",
        "p",
        "t",
        "f",
        "names",
        "scores",
        "other",
        "people",
        "tree",
        "int",
        "float",
        "string",
        "any",
        "bool",
        "list<int>",
        "int?",
        "Person",
        "Tree",
        "len",
        "append",
        "print",
        "sum",
        "fun(x: int): int => x",
        "P { x: 1 }",
        "Leaf",
        "words",
        "counts",
        "dynamic",
    ];

    /// Puts other operands, types and operators in the place of some: mostly well-formed programs.
    fn exchange(text: &str, random: &mut Random) -> String {
        let mut map = SourceMap::default();
        let file = map.add("seed.mochi", text);
        let mut diags = Diagnostics::new();
        let tokens = lex(text, file, &mut diags);
        let operators = ["+", "-", "*", "==", "<", "&&", "||", "in", "??", "union", "%"];
        let mut out = String::new();
        let mut end = 0;
        let rate = 8 + random.below(200);
        for t in &tokens.list {
            let word = &text[t.start as usize..t.end as usize];
            out.push_str(&text[end..t.start as usize]);
            end = t.end as usize;
            let exchanged = random.below(rate) == 0;
            let operand = word.starts_with(|c: char| c.is_alphanumeric() || c == '"');
            if exchanged && operators.contains(&word) {
                out.push_str(operators[random.below(operators.len())]);
            } else if exchanged && operand && t.kind != Kind::Eof {
                out.push_str(OPERANDS[random.below(OPERANDS.len())]);
            } else {
                out.push_str(word);
            }
        }
        out.push_str(&text[end..]);
        out
    }

    #[test]
    fn typed_seeds_are_accepted() {
        for seed in TYPED_SEEDS {
            let mut map = SourceMap::default();
            let file = map.add("seed.mochi", seed);
            let mut diags = Diagnostics::new();
            let program = parse(&map, file, &mut diags);
            let tree = check(&map, &program, &mut diags);
            assert!(tree.is_some(), "{}", diags.render(&map, Format::Human { color: false }));
            check_any(seed.as_bytes());
        }
    }

    #[test]
    fn exchanged_programs_are_checked() {
        for seed in mochi_testkit::seeds(2000) {
            let mut random = Random::new(seed);
            let seed = TYPED_SEEDS[random.below(TYPED_SEEDS.len())];
            let mut text = exchange(seed, &mut random).into_bytes();
            if random.below(4) == 0 {
                mutate(&mut text, &mut random);
            }
            check_any(&text);
        }
    }
}
