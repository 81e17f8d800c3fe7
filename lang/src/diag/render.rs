//! Diagnostics for people: `annotate-snippets` draws the excerpt.
//!
//! Only the lines that a report mentions are handed over (long spans are cut), so printing many
//! reports on a big file stays linear.

use super::{Diagnostic, Severity};
use crate::span::{SourceFile, SourceMap, Span};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::ops::Range;

/// Lines of one excerpt at most.
const MAX_LINES: u32 = 6;

/// Bytes of one excerpt at most: lines of minified or generated sources are not shown.
const MAX_BYTES: usize = 4000;

/// Appends the report to `out`.
pub fn human(d: &Diagnostic, map: &SourceMap, color: bool, out: &mut String) {
    let level = match d.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(d.message.as_str());
    let title = if d.code.text().is_empty() { title } else { title.id(d.code.text()) };
    let file = map.file(d.span.file);
    let mut group = match excerpt(file, d.span) {
        Some(e) => {
            let mut snippet = Snippet::source(e.text)
                .line_start(e.line as usize)
                .path(file.shown_name())
                .annotation(AnnotationKind::Primary.span(e.inside(d.span)));
            for (span, text) in &d.labels {
                if span.file == d.span.file && e.holds(*span) {
                    let mark = AnnotationKind::Context.span(e.inside(*span)).label(text.as_str());
                    snippet = snippet.annotation(mark);
                }
            }
            title.element(snippet)
        }
        None => {
            let (line, column) = file.position(d.span.start);
            let origin = annotate_snippets::Origin::path(file.shown_name());
            title.element(origin.line(line as usize).char_column(column as usize))
        }
    };
    let shown = excerpt(file, d.span);
    for (span, text) in &d.labels {
        if span.file == d.span.file && shown.as_ref().is_some_and(|e| e.holds(*span)) {
            continue;
        }
        let file = map.file(span.file);
        group = group.element(Level::NOTE.message(text.as_str()));
        if let Some(e) = excerpt(file, *span) {
            let mark = AnnotationKind::Context.span(e.inside(*span));
            let snippet = Snippet::source(e.text).line_start(e.line as usize).path(file.shown_name());
            group = group.element(snippet.annotation(mark));
        }
    }
    for note in &d.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    if !d.help.is_empty() {
        group = group.element(Level::HELP.message(d.help.as_str()));
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    out.push_str(&renderer.render(&[group]));
    out.push_str("\n\n");
}

/// Whole lines of a file.
struct Excerpt<'a> {
    /// Byte offset in the file.
    start: usize,
    /// 1-based number of the first line.
    line: u32,
    text: &'a str,
}

impl Excerpt<'_> {
    fn holds(&self, span: Span) -> bool {
        span.start as usize >= self.start && span.end as usize <= self.start + self.text.len()
    }

    /// The part of `span` in the excerpt, relative to it, on character boundaries.
    fn inside(&self, span: Span) -> Range<usize> {
        let clamp = |at: u32| (at as usize).clamp(self.start, self.start + self.text.len()) - self.start;
        let down = |mut at: usize| {
            while !self.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = down(clamp(span.start));
        start..down(clamp(span.end)).max(start)
    }
}

/// The lines of a span; `None` when they are too long to show.
fn excerpt(file: &SourceFile, span: Span) -> Option<Excerpt<'_>> {
    let len = file.text.len();
    let first = file.position(span.start.min(len as u32)).0;
    let last = file.position(span.end.min(len as u32)).0.clamp(first, first + MAX_LINES - 1);
    let base = file.text.as_ptr() as usize;
    let start = file.line(first).as_ptr() as usize - base;
    let tail = file.line(last);
    let end = tail.as_ptr() as usize - base + tail.len();
    let text = file.text.get(start..end)?;
    (text.len() <= MAX_BYTES).then_some(Excerpt { start, line: first, text })
}

#[cfg(test)]
mod tests {
    use crate::diag::{Code, Diagnostics, Format};
    use crate::span::{FileId, SourceMap, Span};

    fn render(text: &str, start: u32, end: u32, color: bool) -> String {
        let mut map = SourceMap::default();
        let file = map.add("main.mochi", text);
        let mut diags = Diagnostics::new();
        diags.error(Code::T008, Span { start, end, file }, &[&"int", &"string"]);
        diags.render(&map, Format::Human { color })
    }

    #[test]
    fn shows_place_and_help() {
        let text = render("let x = 1\nlet y: int = \"a\"\n", 23, 26, false);
        let expected = "\
error[T008]: type mismatch: expected int, got string
 --> main.mochi:2:14
  |
2 | let y: int = \"a\"
  |              ^^^
  |
  = help: Change the value to match the expected type.

1 error
";
        assert_eq!(text, expected);
    }

    #[test]
    fn colour_is_a_choice() {
        assert!(render("x", 0, 1, true).contains('\u{1b}'));
        assert!(!render("x", 0, 1, false).contains('\u{1b}'));
    }

    #[test]
    fn any_span_is_printed() {
        for text in ["", "\n", "é\r\n\u{1F363}x", "\t\u{0}\u{1b}"] {
            for start in 0..text.len() as u32 + 3 {
                for end in 0..text.len() as u32 + 3 {
                    assert!(render(text, start, end, false).contains("T008"));
                }
            }
        }
        let long = format!("let s = \"{}\"", "x".repeat(10_000));
        assert!(render(&long, 8, 9, false).contains("main.mochi:1:9"));
    }

    #[test]
    fn labels_point_elsewhere() {
        let mut map = SourceMap::default();
        let file = map.add("main.mochi", "let x = 1\n\n\n\n\n\n\n\nx = 2\n");
        assert_eq!(file, FileId(0));
        let mut diags = Diagnostics::new();
        let declared = Span { start: 4, end: 5, file };
        let d = diags.error(Code::T024, Span { start: 17, end: 18, file }, &[&"x"]);
        d.label(declared, "declared here").note("a remark");
        let text = diags.render(&map, Format::Human { color: false });
        for part in ["9 | x = 2", "1 | let x = 1", "declared here", "a remark", "Use `var`"] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}
