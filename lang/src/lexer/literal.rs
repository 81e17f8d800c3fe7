//! Values of literals.

use bstr::BString;

/// Value of an integer literal (any base, `_` between digits); `None` when it does not fit a
/// signed 64-bit integer.
pub fn int_value(text: &str) -> Option<i64> {
    let (digits, base) = split_base(text);
    if !digits.contains('_') {
        return i64::from_str_radix(digits, base).ok();
    }
    let digits: String = digits.chars().filter(|&c| c != '_').collect();
    i64::from_str_radix(&digits, base).ok()
}

/// The digits of an integer literal without its prefix.
pub fn digits_of(text: &str) -> &str {
    split_base(text).0
}

/// The digits of an integer literal without its prefix, and the base.
fn split_base(text: &str) -> (&str, u32) {
    match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', b'b' | b'B', ..] => (&text[2..], 2),
        [b'0', b'o' | b'O', ..] => (&text[2..], 8),
        _ => (text, 10),
    }
}

/// Value of a float literal, correctly rounded; `None` when it is beyond the largest float.
pub fn float_value(text: &str) -> Option<f64> {
    let digits: String = text.chars().filter(|&c| c != '_').collect();
    digits.parse().ok().filter(|v: &f64| v.is_finite())
}

/// Value of a string literal with its quotes. The error is the range of the first bad escape
/// sequence, in bytes of `text`. Escapes are those of Go's interpreted strings: `\\ \" \a \b \f
/// \n \r \t \v`, `\ooo`, `\xHH`, `\uHHHH`, `\UHHHHHHHH`; `\ooo` and `\xHH` are bytes, the others
/// characters.
pub fn string_value(text: &str) -> Result<BString, std::ops::Range<usize>> {
    let body = &text[1..text.len() - 1];
    if !body.contains('\\') {
        return Ok(body.into());
    }
    let mut out: Vec<u8> = Vec::with_capacity(body.len());
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < text.len() - 1 {
        if bytes[at] != b'\\' {
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        let length = escape(&text[at..text.len() - 1], &mut out);
        match length {
            Some(length) => at += length,
            None => {
                let next = text[at + 1..].chars().next().map_or(0, char::len_utf8);
                return Err(at..at + 1 + next);
            }
        }
    }
    Ok(out.into())
}

/// Appends the value of the escape sequence at the start of `text`; its length.
fn escape(text: &str, out: &mut Vec<u8>) -> Option<usize> {
    let bytes = text.as_bytes();
    let simple = match bytes.get(1)? {
        b'\\' => b'\\',
        b'"' => b'"',
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'x' => {
            out.push(digits(bytes, 2, 2, 16)? as u8);
            return Some(4);
        }
        b'u' => return character(digits(bytes, 2, 4, 16)?, out).map(|()| 6),
        b'U' => return character(digits(bytes, 2, 8, 16)?, out).map(|()| 10),
        b'0'..=b'7' => {
            out.push(u8::try_from(digits(bytes, 1, 3, 8)?).ok()?);
            return Some(4);
        }
        _ => return None,
    };
    out.push(simple);
    Some(2)
}

fn digits(bytes: &[u8], from: usize, count: usize, base: u32) -> Option<u32> {
    let mut value = 0u32;
    for &b in bytes.get(from..from + count)? {
        value = value.checked_mul(base)?.checked_add(char::from(b).to_digit(base)?)?;
    }
    Some(value)
}

fn character(value: u32, out: &mut Vec<u8>) -> Option<()> {
    let c = char::from_u32(value)?;
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ints() {
        assert_eq!(int_value("007"), Some(7));
        assert_eq!(int_value("1_000_000"), Some(1_000_000));
        assert_eq!(int_value("0xFf_00"), Some(0xff00));
        assert_eq!(int_value("0B101"), Some(5));
        assert_eq!(int_value("0o17"), Some(15));
        assert_eq!(int_value("9223372036854775807"), Some(i64::MAX));
        assert_eq!(int_value("9223372036854775808"), None);
        assert_eq!(int_value("0xFFFFFFFFFFFFFFFF"), None);
    }

    #[test]
    fn floats() {
        assert_eq!(float_value("1.5e3"), Some(1500.0));
        assert_eq!(float_value("1_0.2_5"), Some(10.25));
        assert_eq!(float_value("1e-400"), Some(0.0));
        assert_eq!(float_value("1e999"), None);
    }

    #[test]
    fn strings() {
        let value = |s: &str| string_value(s);
        assert_eq!(value(r#""""#), Ok("".into()));
        assert_eq!(value(r#""a\\\"\a\b\f\n\r\t\v""#), Ok("a\\\"\u{7}\u{8}\u{c}\n\r\t\u{b}".into()));
        assert_eq!(value(r#""\101\x41\u00e9\U0001F363""#), Ok("AAé🍣".into()));
        assert_eq!(value(r#""\xf0\x9f\x8d\xa3""#), Ok("🍣".into()));
        assert_eq!(value(r#""\xff|""#), Ok(b"\xff|".into()));
        assert_eq!(value(r#""\377\xe2\x82""#), Ok(b"\xff\xe2\x82".into()));
        assert_eq!(value("\"a\nb\""), Ok("a\nb".into()));
        for (text, range) in [
            (r#""a\qb""#, 2..4),
            (r#""\'""#, 1..3),
            (r#""\0""#, 1..3),
            (r#""\400""#, 1..3),
            (r#""\x4""#, 1..3),
            (r#""\ud800""#, 1..3),
            (r#""\U00110000""#, 1..3),
            (r#""ab\é""#, 3..6),
        ] {
            assert_eq!(value(text), Err(range), "{text}");
        }
    }
}
