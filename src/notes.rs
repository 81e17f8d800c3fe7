//! `--stats` and `--remarks`: what passes did to the program and left of it, and what its code is made of.

use crate::cli::CodeOptions;
use mochi_ir::notes::{Counts, Remark};
use mochi_ir::passes::Report;
use mochi_isa::costs::Costs;
use mochi_lang::diag::{Code, Diagnostics, Format};
use mochi_lang::span::{FileId, SourceMap, Span};
use std::collections::BTreeSet;
use std::io::Write;

/// What was noted for all machines that the program is compiled for.
#[derive(Default)]
pub struct Notes {
    stats: bool,
    remarks: bool,
    counts: Counts,
    costs: Costs,
    places: BTreeSet<Remark>,
}

impl Notes {
    /// For what was asked for.
    pub fn new(options: &CodeOptions) -> Notes {
        Notes { stats: options.stats, remarks: options.remarks, ..Notes::default() }
    }

    /// Adds what passes say.
    pub fn passes(&mut self, report: Report) {
        self.counts.merge(&report.counts);
        self.places.extend(report.remarks);
    }

    /// Adds what code generation says.
    pub fn code(&mut self, costs: Costs) {
        self.costs.merge(costs);
    }

    /// Prints what was asked for on standard error.
    pub fn print(&self, map: &SourceMap, format: Format) {
        let mut text = String::new();
        if self.remarks {
            text += &self.remarks(map, format);
        }
        if self.stats {
            for (n, label) in self.counts.rows().iter().chain(&self.costs.rows()) {
                text += &format!("{n:>10}  {label}\n");
            }
        }
        // Nothing can be done when standard error is closed.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }

    fn remarks(&self, map: &SourceMap, format: Format) -> String {
        if format != Format::Json {
            let line = |r: &Remark| {
                let name = map.files[r.file as usize].shown_name();
                format!("{name}:{}:{}: remark: {}\n", r.line, r.column, r.text)
            };
            return self.places.iter().map(line).collect();
        }
        let mut diags = Diagnostics::new();
        for r in &self.places {
            let at = map.files[r.file as usize].offset(r.line, r.column);
            let span = Span { start: at, end: at, file: FileId(r.file as u16) };
            diags.error(Code::Remark, span, &[&r.text]);
        }
        diags.render(map, format)
    }
}
