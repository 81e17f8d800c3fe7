//! A normal form for the text of an instruction, so that the spellings of several disassemblers can
//! be compared: a mnemonic, then tokens; numbers are decimal.

/// An instruction's text in parts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Text {
    /// The mnemonic.
    pub(crate) name: String,
    /// Operands between commas, without blanks; numbers are decimal, brackets are kept.
    pub(crate) operands: Vec<String>,
}

impl Text {
    /// Takes a text apart.
    pub(crate) fn of(text: &str) -> Text {
        let text = text.trim().to_lowercase();
        let (name, rest) = text.split_once(|c: char| c.is_whitespace()).unwrap_or((&text, ""));
        let operands = rest.split(',').map(operand).filter(|o| !o.is_empty()).collect();
        Text { name: name.to_string(), operands }
    }

    /// The same instruction under another name with other operands.
    pub(crate) fn with(&self, name: &str, operands: &[&str]) -> Text {
        Text { name: name.to_string(), operands: operands.iter().map(|o| o.to_string()).collect() }
    }
}

/// Normal form of an operand: no blanks inside words, no `#` or `$` before numbers.
fn operand(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.trim();
    while let Some(c) = rest.chars().next() {
        let starts_number = c.is_ascii_digit()
            || (c == '-' || c == '+') && rest[1..].starts_with(|d: char| d.is_ascii_digit());
        if starts_number && !out.ends_with(|p: char| p.is_ascii_alphanumeric() || p == '_' || p == '.') {
            let end = rest[1..].find(|d: char| !d.is_ascii_alphanumeric() && d != '.');
            let (number_text, tail) = rest.split_at(end.map_or(rest.len(), |e| e + 1));
            out.push_str(&number(number_text));
            rest = tail;
            continue;
        }
        if c.is_whitespace() {
            if !out.ends_with(' ') {
                out.push(' ');
            }
        } else if c != '#' && c != '$' {
            out.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// A number in decimal; floats in their shortest form.
fn number(text: &str) -> String {
    let (negative, digits) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => digits.parse::<u64>().ok(),
    };
    match (value, digits.parse::<f64>()) {
        (Some(v), _) if negative => (v as i64).wrapping_neg().to_string(),
        (Some(v), _) => (v as i64).to_string(),
        (None, Ok(f)) => format!("{:?}", if negative { -f } else { f }),
        _ => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn spellings_of_one_instruction_are_one() {
        let all = ["ldr x1, [x2, #-0x10]!", "LDR\t\tX1, [X2, #-16]!", "ldr x1,[x2,$-16]!"];
        for text in all {
            assert_eq!(Text::of(text), Text::of(all[0]));
        }
        assert_eq!(Text::of("fmov d1, #3.25000000"), Text::of("fmov d1, #3.25"));
        assert_eq!(Text::of("b 0xfffffffffffffffc"), Text::of("b $-0x4"));
        assert_ne!(Text::of("add x1, x2, x3"), Text::of("add x1, x2, x4"));
    }
}
