//! Strings (decision 13): bytes, normally UTF-8; a byte that belongs to no well-formed sequence is a
//! character of its own, everywhere alike.

use std::cmp::Ordering;

/// The bytes of a string.
pub struct Text {
    bytes: Vec<u8>,
    /// Every byte is a character: finding one by its number needs no walk.
    ascii: bool,
}

impl Text {
    /// A string of these bytes.
    pub fn new(bytes: Vec<u8>) -> Text {
        let ascii = bytes.is_ascii();
        Text { bytes, ascii }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of characters.
    pub fn len(&self) -> usize {
        if self.ascii { self.bytes.len() } else { characters(&self.bytes).len() }
    }

    /// The bytes of the characters from number `from` to before `to`; both are in range.
    pub fn part(&self, from: usize, to: usize) -> Vec<u8> {
        if self.ascii {
            return self.bytes[from..to].to_vec();
        }
        characters(&self.bytes)[from..to].concat()
    }
}

/// The characters of a string.
pub fn characters(bytes: &[u8]) -> Vec<&[u8]> {
    let mut result = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid();
        result.extend(valid.char_indices().map(|(at, c)| &valid.as_bytes()[at..at + c.len_utf8()]));
        result.extend(chunk.invalid().chunks(1));
    }
    result
}

/// A character as a code point, unless it is a byte of its own.
pub fn point(character: &[u8]) -> Option<char> {
    std::str::from_utf8(character).ok()?.chars().next()
}

/// Position of the first occurrence of `part` in `whole`, both as characters, from a position on.
pub fn find(whole: &[&[u8]], part: &[&[u8]], from: usize) -> Option<usize> {
    (from..=whole.len()).find(|&at| whole[at..].starts_with(part))
}

/// Every occurrence replaced, from left to right; an empty one is found around every character.
pub fn replace(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let (whole, part) = (characters(text), characters(old));
    let mut result = Vec::new();
    if part.is_empty() {
        result.extend_from_slice(new);
        for c in whole {
            result.extend_from_slice(c);
            result.extend_from_slice(new);
        }
        return result;
    }
    let mut done = 0;
    while let Some(at) = find(&whole, &part, done) {
        result.extend(whole[done..at].concat());
        result.extend_from_slice(new);
        done = at + part.len();
    }
    result.extend(whole[done..].concat());
    result
}

/// The parts between separators; an empty separator separates all characters.
pub fn split(text: &[u8], separator: &[u8]) -> Vec<Vec<u8>> {
    let (whole, part) = (characters(text), characters(separator));
    if part.is_empty() {
        return whole.into_iter().map(<[u8]>::to_vec).collect();
    }
    let mut result = Vec::new();
    let mut done = 0;
    while let Some(at) = find(&whole, &part, done) {
        result.push(whole[done..at].concat());
        done = at + part.len();
    }
    result.push(whole[done..].concat());
    result
}

fn is_space(character: &[u8]) -> bool {
    point(character).is_some_and(char::is_whitespace)
}

/// Without Unicode white space at both ends.
pub fn trim(text: &[u8]) -> Vec<u8> {
    let all = characters(text);
    let from = all.iter().position(|c| !is_space(c)).unwrap_or(all.len());
    let to = all.iter().rposition(|c| !is_space(c)).map_or(from, |last| last + 1);
    all[from..to].concat()
}

/// All characters in upper case, by Unicode's simple mappings: one character stays one.
pub fn upper(text: &[u8]) -> Vec<u8> {
    map_case(text, |c| single(c.to_uppercase()).unwrap_or_else(|| title(c)))
}

/// All characters in lower case, likewise.
pub fn lower(text: &[u8]) -> Vec<u8> {
    // The full mapping of this one has a dot behind the letter.
    map_case(text, |c| if c == '\u{130}' { 'i' } else { single(c.to_lowercase()).unwrap_or(c) })
}

fn single(mut mapped: impl Iterator<Item = char>) -> Option<char> {
    let first = mapped.next()?;
    mapped.next().is_none().then_some(first)
}

/// The simple upper case of letters whose full upper case is several characters: the Greek ones with
/// iota below have one, the others stay as they are.
fn title(c: char) -> char {
    let code = c as u32;
    let mapped = match code {
        0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7 => code + 8,
        0x1fb3 | 0x1fc3 | 0x1ff3 => code + 9,
        _ => code,
    };
    char::from_u32(mapped).unwrap_or(c)
}

fn map_case(text: &[u8], case: impl Fn(char) -> char) -> Vec<u8> {
    let mut result = Vec::new();
    for c in characters(text) {
        match point(c) {
            Some(p) => result.extend(case(p).to_string().as_bytes()),
            None => result.extend_from_slice(c),
        }
    }
    result
}

/// Byte order (section 4).
pub fn compare(a: &Text, b: &Text) -> Ordering {
    a.bytes.cmp(&b.bytes)
}

/// Appends a string in double quotes the way the reference's host language quotes (section 7).
pub fn quote(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for c in characters(text) {
        match point(c) {
            None => out.extend(format!("\\x{:02x}", c[0]).as_bytes()),
            Some('"') => out.extend(b"\\\""),
            Some('\\') => out.extend(b"\\\\"),
            Some('\x07') => out.extend(b"\\a"),
            Some('\x08') => out.extend(b"\\b"),
            Some('\t') => out.extend(b"\\t"),
            Some('\n') => out.extend(b"\\n"),
            Some('\x0b') => out.extend(b"\\v"),
            Some('\x0c') => out.extend(b"\\f"),
            Some('\r') => out.extend(b"\\r"),
            Some(p) if is_printable(p) => out.extend_from_slice(c),
            Some(p) if (p as u32) < 0x80 => out.extend(format!("\\x{:02x}", p as u32).as_bytes()),
            Some(p) if (p as u32) < 0x10000 => out.extend(format!("\\u{:04x}", p as u32).as_bytes()),
            Some(p) => out.extend(format!("\\U{:08x}", p as u32).as_bytes()),
        }
    }
    out.push(b'"');
}

/// Letters, marks, numbers, punctuation, symbols and the ASCII space.
fn is_printable(c: char) -> bool {
    // Marks are escaped at the start of a string only.
    let text = format!("a{c}");
    text.escape_debug().to_string() == text || matches!(c, '\'' | '"' | '\\')
}

/// Appends a string as JSON (section 7): `<`, `>`, `&`, U+2028 and U+2029 escaped, U+FFFD for each
/// byte that is no character (decision 13).
pub fn quote_json(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for c in characters(text) {
        match point(c) {
            None => out.extend(b"\\ufffd"),
            Some('"') => out.extend(b"\\\""),
            Some('\\') => out.extend(b"\\\\"),
            Some('\n') => out.extend(b"\\n"),
            Some('\r') => out.extend(b"\\r"),
            Some('\t') => out.extend(b"\\t"),
            Some(p @ ('\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}')) => {
                out.extend(format!("\\u{:04x}", p as u32).as_bytes());
            }
            Some(_) => out.extend_from_slice(c),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_outside_sequences_are_characters() {
        let text = b"a\xc3\xa9\xe9\xf0\x9fz\xff";
        let all = characters(text);
        let want: [&[u8]; 7] = [b"a", b"\xc3\xa9", b"\xe9", b"\xf0", b"\x9f", b"z", b"\xff"];
        assert_eq!(all, want);
        let mut out = Vec::new();
        quote(&mut out, text);
        assert_eq!(out, b"\"a\xc3\xa9\\xe9\\xf0\\x9fz\\xff\"");
    }

    #[test]
    fn case_is_simple() {
        assert_eq!(upper("straße ᾳ ŉ".as_bytes()), "STRAßE ᾼ ŉ".as_bytes());
        assert_eq!(lower("İÀ".as_bytes()), "ià".as_bytes());
    }

    #[test]
    fn searching_goes_by_characters() {
        assert_eq!(split(b"a,b,,c", b","), [&b"a"[..], b"b", b"", b"c"]);
        assert_eq!(split("é".as_bytes(), b"\xa9"), ["é".as_bytes()]);
        assert_eq!(replace(b"aaa", b"aa", b"b"), b"ba");
        assert_eq!(replace(b"ab", b"", b"-"), b"-a-b-");
        assert_eq!(trim("\u{3000} a \u{85}".as_bytes()), b"a");
    }
}
