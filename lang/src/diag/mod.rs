//! Diagnostics: what is wrong with a program, where, and what to do about it.
//!
//! The phases report into [`Diagnostics`] and go on; the driver sorts and prints once. All texts
//! are rows of [`codes`]. Nothing here stops a compilation: the driver asks
//! [`Diagnostics::has_errors`] after each phase.

mod codes;
mod json;
mod render;

pub use codes::{Code, Severity};

use crate::span::{SourceMap, Span};
use std::collections::HashSet;
use std::fmt::Display;

/// One report.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Row of the table.
    pub code: Code,
    /// That of the row unless changed.
    pub severity: Severity,
    /// Place.
    pub span: Span,
    /// Filled template.
    pub message: String,
    /// What to do; empty for nothing.
    pub help: String,
    /// Further remarks, each one sentence.
    pub notes: Vec<String>,
    /// Other places with a remark each.
    pub labels: Vec<(Span, String)>,
}

impl Diagnostic {
    /// A report with the row's templates filled with `args`.
    pub fn new(code: Code, span: Span, args: &[&dyn Display]) -> Diagnostic {
        let args: Vec<String> = args.iter().map(|a| a.to_string()).collect();
        Diagnostic {
            code,
            severity: code.severity(),
            span,
            message: fill(code.message(), &args),
            help: fill(code.help(), &args),
            notes: Vec::new(),
            labels: Vec::new(),
        }
    }

    /// Replaces the help.
    pub fn help(&mut self, text: impl Into<String>) -> &mut Diagnostic {
        self.help = text.into();
        self
    }

    /// Adds a remark.
    pub fn note(&mut self, text: impl Into<String>) -> &mut Diagnostic {
        self.notes.push(text.into());
        self
    }

    /// Points at another place.
    pub fn label(&mut self, span: Span, text: impl Into<String>) -> &mut Diagnostic {
        self.labels.push((span, text.into()));
        self
    }
}

/// Puts `args` in the place of `{0}`, `{1}`, ...; other braces are literal.
fn fill(template: &str, args: &[String]) -> String {
    let mut out = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let bytes = rest.as_bytes();
        let digit = bytes.get(at + 1).filter(|b| b.is_ascii_digit() && bytes.get(at + 2) == Some(&b'}'));
        out.push_str(&rest[..at]);
        match digit.and_then(|d| args.get(usize::from(d - b'0'))) {
            Some(arg) => {
                out.push_str(arg);
                rest = &rest[at + 3..];
            }
            None => {
                out.push('{');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// How diagnostics are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Source excerpts for people, with or without colours.
    Human {
        /// Use ANSI colours.
        color: bool,
    },
    /// One JSON object per line.
    Json,
}

/// Reports kept at most; later ones are only counted. Bounds memory on hostile input.
const KEPT: usize = 10_000;

/// Collects reports.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
    limit: usize,
    /// Of all reports, and of errors, those that were not kept.
    dropped: usize,
    dropped_errors: usize,
    errors: usize,
}

impl Default for Diagnostics {
    fn default() -> Diagnostics {
        Diagnostics::new()
    }
}

impl Diagnostics {
    /// An empty collector that prints at most 50 errors.
    pub fn new() -> Diagnostics {
        Diagnostics { items: Vec::new(), limit: 50, dropped: 0, dropped_errors: 0, errors: 0 }
    }

    /// How many reports people see at most; 0 for all.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = if limit == 0 { usize::MAX } else { limit };
    }

    /// Reports a row of the table; its severity is the row's.
    pub fn error(&mut self, code: Code, span: Span, args: &[&dyn Display]) -> &mut Diagnostic {
        self.push(Diagnostic::new(code, span, args))
    }

    /// Adds a report.
    pub fn push(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        if diagnostic.severity == Severity::Error {
            self.errors += 1;
        }
        if self.items.len() >= KEPT {
            // Errors stay rather than remarks; there are some where not all that is kept are errors.
            let new = usize::from(diagnostic.severity == Severity::Error);
            let only_errors = self.errors - new - self.dropped_errors == KEPT;
            let is_remark = |d: &Diagnostic| only_errors || d.severity != Severity::Error;
            let last = self.items.iter().rposition(is_remark).unwrap_or(KEPT - 1);
            let gone = self.items.swap_remove(last);
            self.dropped += 1;
            self.dropped_errors += usize::from(gone.severity == Severity::Error);
        }
        self.items.push(diagnostic);
        let last = self.items.len() - 1;
        &mut self.items[last]
    }

    /// Adds the reports of another collector, and its counts.
    pub fn append(&mut self, other: &Diagnostics) {
        for d in &other.items {
            self.push(d.clone());
        }
        self.errors += other.dropped_errors;
        self.dropped += other.dropped;
        self.dropped_errors += other.dropped_errors;
    }

    /// How many errors were reported.
    pub fn error_count(&self) -> usize {
        self.errors
    }

    /// Whether the program is rejected.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Whether nothing was reported.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Reports so far, in the order they came.
    pub fn items(&self) -> &[Diagnostic] {
        &self.items
    }

    /// All reports by position, without repetitions (same row, place and text).
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut seen = HashSet::new();
        let mut all: Vec<&Diagnostic> =
            self.items.iter().filter(|d| seen.insert((d.code, d.span, d.message.as_str()))).collect();
        all.sort_by_key(|d| (d.span.file.0, d.span.start, d.span.end));
        all
    }

    /// The reports as printed, ending with a newline unless there are none. For people, up to the limit,
    /// and a last line counts the errors.
    pub fn render(&self, map: &SourceMap, format: Format) -> String {
        let all = self.sorted();
        let mut out = String::new();
        let is_error = |d: &&&Diagnostic| d.severity == Severity::Error;
        let limit = if format == Format::Json { all.len() } else { self.limit };
        // Errors come before remarks.
        let errors = all.iter().filter(is_error).count();
        let mut left = (errors.min(limit), limit.saturating_sub(errors));
        let shown = all.iter().filter(|d| {
            let left = if is_error(d) { &mut left.0 } else { &mut left.1 };
            let shows = *left > 0;
            *left -= usize::from(shows);
            shows
        });
        for d in shown {
            match format {
                Format::Human { color } => render::human(d, map, color, &mut out),
                Format::Json => json::line(d, map, &mut out),
            }
        }
        if matches!(format, Format::Human { .. }) {
            let hidden = all.len().saturating_sub(self.limit) + self.dropped;
            if hidden > 0 {
                out.push_str(&format!("... and {hidden} more\n"));
            }
            let errors = errors + self.dropped_errors;
            if errors > 0 {
                out.push_str(&format!("{errors} error{}\n", if errors == 1 { "" } else { "s" }));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::FileId;

    fn span(start: u32, end: u32) -> Span {
        Span { start, end, file: FileId(0) }
    }

    #[test]
    fn templates_are_filled() {
        let d = Diagnostic::new(Code::T039, span(0, 1), &[&"f", &2, &3]);
        assert_eq!(d.message, "function f expects 2 arguments, got 3");
        assert_eq!(d.help, "Pass exactly 2 arguments to `f`.");
        let d = Diagnostic::new(Code::T058, span(0, 1), &[&"{1}"]);
        assert_eq!(d.message, "dereference of optional `{1}` requires a none guard");
        assert_eq!(
            d.help,
            "Narrow with `if {1} != none { ... }` first, or supply a fallback (`?? default`)."
        );
    }

    #[test]
    fn sorted_without_repetitions() {
        let mut diags = Diagnostics::new();
        diags.error(Code::T002, span(9, 10), &[&"y"]);
        diags.error(Code::T002, span(3, 4), &[&"x"]);
        diags.error(Code::T002, span(9, 10), &[&"y"]);
        let places: Vec<u32> = diags.sorted().iter().map(|d| d.span.start).collect();
        assert_eq!(places, [3, 9]);
    }

    #[test]
    fn limit_counts_the_rest() {
        let mut map = SourceMap::default();
        map.add("a.mochi", "abcdef\n");
        let mut diags = Diagnostics::new();
        diags.set_limit(2);
        for i in 0..5 {
            diags.error(Code::T002, span(i, i + 1), &[&i]);
        }
        let text = diags.render(&map, Format::Human { color: false });
        assert_eq!(text.matches("error[T002]").count(), 2, "{text}");
        assert!(text.ends_with("... and 3 more\n5 errors\n"), "{text}");
        assert_eq!(diags.render(&map, Format::Json).lines().count(), 5, "programs read them all");
        assert!(diags.has_errors());
    }

    #[test]
    fn errors_come_before_remarks() {
        let mut map = SourceMap::default();
        map.add("a", "x");
        let mut d = Diagnostics::new();
        for i in 0..=KEPT as u32 {
            d.error(Code::NilName, span(0, i), &[&"nil"]);
        }
        d.error(Code::T002, span(0, 1), &[&"y"]);
        let mut all = Diagnostics::new();
        all.append(&d);
        assert_eq!((all.error_count(), all.items().len()), (1, KEPT));
        let text = all.render(&map, Format::Human { color: false });
        assert!(text.contains("undefined variable: y") && text.ends_with("\n1 error\n"), "{text}");
        for i in 0..2 * KEPT as u32 {
            all.error(Code::T002, span(0, i), &[&"y"]);
        }
        assert!(all.render(&map, Format::Human { color: false }).ends_with("\n20000 errors\n"));
    }

    #[test]
    fn remarks_are_no_errors() {
        let mut diags = Diagnostics::new();
        diags.error(Code::NilName, span(0, 3), &[&"nil"]);
        assert!(!diags.has_errors() && !diags.is_empty());
    }
}
