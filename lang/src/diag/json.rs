//! Diagnostics for programs: one JSON object per line (RFC 8259), written by hand since the shape
//! is fixed and flat.
//!
//! Fields: `severity`, `code` (string or null), `message`, `file`, `start` and `end` (byte
//! offsets), `line`, `column`, `end_line`, `end_column` (1-based, columns in characters), `help`
//! (string or null), `notes` (strings), `labels` (objects with `message` and the place).

use super::Diagnostic;
use crate::span::{SourceMap, Span};
use std::fmt::Write;

/// Appends the report and a newline to `out`.
pub fn line(d: &Diagnostic, map: &SourceMap, out: &mut String) {
    out.push_str("{\"severity\":");
    string(d.severity.text(), out);
    out.push_str(",\"code\":");
    optional(d.code.text(), out);
    out.push_str(",\"message\":");
    string(&d.message, out);
    place(d.span, map, out);
    out.push_str(",\"help\":");
    optional(&d.help, out);
    out.push_str(",\"notes\":[");
    for (i, note) in d.notes.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        string(note, out);
    }
    out.push_str("],\"labels\":[");
    for (i, (span, text)) in d.labels.iter().enumerate() {
        out.push_str(if i > 0 { ",{\"message\":" } else { "{\"message\":" });
        string(text, out);
        place(*span, map, out);
        out.push('}');
    }
    out.push_str("]}\n");
}

fn place(span: Span, map: &SourceMap, out: &mut String) {
    let file = map.file(span.file);
    let (line, column) = file.position(span.start);
    let (end_line, end_column) = file.position(span.end);
    out.push_str(",\"file\":");
    string(file.shown_name(), out);
    let Span { start, end, .. } = span;
    let text = format!(
        ",\"start\":{start},\"end\":{end},\"line\":{line},\"column\":{column},\
         \"end_line\":{end_line},\"end_column\":{end_column}"
    );
    out.push_str(&text);
}

fn optional(text: &str, out: &mut String) {
    if text.is_empty() { out.push_str("null") } else { string(text, out) }
}

/// A JSON string: quotes, backslashes and control characters are escaped.
fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' || c == '\u{7f}' || c == '\u{2028}' || c == '\u{2029}' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use crate::diag::{Code, Diagnostics, Format};
    use crate::span::{SourceMap, Span};

    #[test]
    fn line_has_every_field() {
        let mut map = SourceMap::default();
        let file = map.add("a\"b\\.mochi", "é = x\n");
        let mut diags = Diagnostics::new();
        let d = diags.error(Code::T002, Span { start: 5, end: 6, file }, &[&"\u{1}\n\u{1F363}"]);
        d.note("one").note("two").label(Span { start: 0, end: 2, file }, "here");
        let expected = "{\"severity\":\"error\",\"code\":\"T002\",\
            \"message\":\"undefined variable: \\u0001\\n\u{1F363}\",\"file\":\"a\\\"b\\\\.mochi\",\
            \"start\":5,\"end\":6,\"line\":1,\"column\":5,\"end_line\":1,\"end_column\":6,\
            \"help\":\"Check if the variable was declared in this scope.\",\"notes\":[\"one\",\"two\"],\
            \"labels\":[{\"message\":\"here\",\"file\":\"a\\\"b\\\\.mochi\",\"start\":0,\"end\":2,\
            \"line\":1,\"column\":1,\"end_line\":1,\"end_column\":2}]}\n";
        assert_eq!(diags.render(&map, Format::Json), expected);
    }

    #[test]
    fn absent_parts_are_null() {
        let mut map = SourceMap::default();
        let file = map.add("a", "x");
        let mut diags = Diagnostics::new();
        diags.error(Code::ExistsOperand, Span { start: 0, end: 1, file }, &[]);
        let text = diags.render(&map, Format::Json);
        assert!(text.contains("\"code\":null") && text.contains("\"help\":null"), "{text}");
    }
}
