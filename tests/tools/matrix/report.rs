//! Puts the verdicts together: what failed where, and the table.

use crate::judge::{Column, Job, JobResult, Verdict};
use crate::sets::Set;
use mochi_testkit::process::End;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The report as text, and whether all programs [agree](agrees).
pub fn report(
    sets: &[Set],
    columns: &[Column],
    jobs: &[Job],
    results: Vec<JobResult>,
    quiet: bool,
) -> (String, bool) {
    let mut passed = vec![vec![0usize; sets.len()]; columns.len()];
    let mut code: BTreeMap<&str, u64> = BTreeMap::new();
    let mut out = String::new();
    let mut agreed = 0;
    let mut next = 0;
    let mut results = results.into_iter();
    while next < jobs.len() {
        let (first, start) = (&jobs[next], next);
        while next < jobs.len() && std::ptr::eq(jobs[next].program, first.program) {
            next += 1;
        }
        let mut verdicts: Vec<(usize, Verdict)> = Vec::new();
        for (job, result) in jobs[start..next].iter().zip(results.by_ref()) {
            if let Some(target) = job.target.filter(|_| sets[job.set].sizes) {
                *code.entry(target.short).or_default() += result.code.unwrap_or(0);
            }
            verdicts.extend(result.runs);
        }
        disagree(&mut verdicts, columns);
        for (engine, verdict) in &verdicts {
            passed[*engine][first.set] += usize::from(verdict.failure.is_none());
        }
        agreed += usize::from(agrees(&verdicts, first.program.loose));
        if !quiet {
            out += &failures(&first.program.name, &verdicts, columns);
        }
    }
    out += &table(sets, columns, &passed, &code);
    let programs: usize = sets.iter().map(|s| s.programs.len()).sum();
    writeln!(out, "{agreed} of {programs} programs agree on all engines").expect("string");
    (out, agreed == programs)
}

/// Whether a program does what it should on every engine. Of a corpus, whose expected output other
/// implementations made, it is enough that it does the same on every engine; what has no end in time
/// on the first one says nothing about the others.
fn agrees(verdicts: &[(usize, Verdict)], corpus: bool) -> bool {
    let failed = |v: &Verdict| v.failure.is_some();
    match verdicts.first() {
        Some((_, first)) if corpus && failed(first) => {
            first.did.0 == Some(End::Timeout) || verdicts.iter().all(|(_, v)| failed(v) && v.did == first.did)
        }
        _ => !verdicts.iter().any(|(_, v)| failed(v)),
    }
}

/// A program that does what it should, as far as that is known, has also to do what it does on the
/// first engine that knows.
fn disagree(verdicts: &mut [(usize, Verdict)], columns: &[Column]) {
    let known = verdicts.iter().find(|(_, v)| !v.is_undecided());
    let Some((first, reference)) = known.map(|(e, v)| (*e, v.did)) else { return };
    if reference.0 == Some(End::Timeout) {
        return;
    }
    for (_, verdict) in verdicts.iter_mut().filter(|(_, v)| v.failure.is_none() && v.did != reference) {
        let show = |did: (Option<End>, u64)| did.0.map_or("rejected".into(), |end| end.to_string());
        let (here, there) = (show(verdict.did), show(reference));
        let what = if here == there { "other output".into() } else { format!("{here}, not {there}") };
        verdict.failure = Some(("end", format!("{what} as on {}", columns[first].name())));
    }
}

/// A line for each way to fail, with the engines that fail so.
fn failures(program: &str, verdicts: &[(usize, Verdict)], columns: &[Column]) -> String {
    let mut ways: Vec<(&(&str, String), Vec<String>)> = Vec::new();
    for (engine, verdict) in verdicts {
        let Some(failure) = &verdict.failure else { continue };
        let name = columns[*engine].name();
        match ways.iter_mut().find(|w| w.0 == failure) {
            Some(way) => way.1.push(name),
            None => ways.push((failure, vec![name])),
        }
    }
    let mut out = String::new();
    for ((kind, why), names) in ways {
        let place = if names.len() == verdicts.len() { "everywhere".into() } else { names.join(", ") };
        writeln!(out, "{kind:8} {program} ({place}): {why}").expect("string");
    }
    out
}

fn table(sets: &[Set], columns: &[Column], passed: &[Vec<usize>], code: &BTreeMap<&str, u64>) -> String {
    let mut head = vec!["engine".to_string()];
    head.extend(sets.iter().map(|s| s.name.clone()));
    if !code.is_empty() {
        head.extend(["code bytes".into(), "ratio".into()]);
    }
    let bytes_of = |c: &Column| c.target().and_then(|t| code.get(t.short)).copied();
    let base = columns.iter().find_map(bytes_of);
    let mut rows = vec![head];
    for (column, passed) in columns.iter().zip(passed) {
        let mut row = vec![column.name()];
        row.extend(passed.iter().zip(sets).map(|(n, s)| format!("{n}/{}", s.programs.len())));
        if let (Some(bytes), Some(base)) = (bytes_of(column), base) {
            row.extend([bytes.to_string(), format!("{:.2}", bytes as f64 / base as f64)]);
        }
        rows.push(row);
    }
    let cells = rows[0].len();
    let widths: Vec<usize> = (0..cells)
        .map(|c| rows.iter().filter_map(|r| r.get(c)).map(String::len).max().unwrap_or(0))
        .collect();
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(c, (cell, &w))| if c == 0 { format!("{cell:w$}") } else { format!("{cell:>w$}") })
            .collect();
        writeln!(out, "{}", cells.join("  ")).expect("string");
    }
    out
}
