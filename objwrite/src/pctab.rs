//! The pc-to-line table of an executable: which function, file and line a code address is in.
//!
//! It is a read-only blob at the link symbol `__pctab`, present in every build, also in stripped
//! ones; the runtime reads it when it prints a stack trace. Only functions with a file are in it
//! (the runtime's own are not). It is written once by [`build`]; [`lookup`] is the reference
//! reader, and the text here is what other readers are written from.
//!
//! # Format
//!
//! All integers are little-endian. Positions (`u32`) count bytes from the start of the table.
//! Code offsets (`u32`) count bytes from `__text_start`. The table is 8-aligned in memory.
//!
//! ```text
//! header, 12 bytes
//!   0  u32  magic 0x3243504D ("MPC2")
//!   4  u32  number of functions n
//!   8  u32  number of inlined calls m
//! functions, n records of 20 bytes from position 12 on, sorted by start; ranges do not overlap
//!   0  u32  start: code offset of the first byte
//!   4  u32  size in bytes
//!   8  u32  name: position of the display name, a string
//!  12  u32  file: position of the file name, a string
//!  16  u32  rows: position of the rows
//! inlined calls, m records of 16 bytes behind them
//!   0  u32  name: position of the callee's display name, a string
//!   4  u32  file: position of the callee's file name, a string
//!   8  u32  line of the call
//!  12  u32  the call that this one is in: 0 none, else its number, counted from 1; a smaller one
//! then strings and rows, unaligned
//!   string  varint byte length, then the bytes (UTF-8)
//!   rows    varint line of the declaration, varint number of rows,
//!           then per row: varint pc delta, varint zigzag line delta times two, plus one when the
//!           inlined call is another; then varint its number, or 0
//! ```
//!
//! `varint` is unsigned LEB128 (7 bits per byte, low first, top bit set when more follow).
//! Zigzag maps 0, -1, 1, -2 ... to 0, 1, 2, 3 ...: `delta = (z >> 1) ^ -(z & 1)`.
//!
//! Place of a pc: start with `pc = start` of the function, `line` = line of the declaration and `call = 0`.
//! For each row add its pc delta to `pc`; stop, without applying the row, when `pc` is now greater
//! than the address looked for; else add the line delta to `line` and take its call, if it has one. The
//! innermost frame is at `line` of that call's callee, or of the function when it is 0. The frame around
//! that of a call is at the call's line, in the call that it is in, or in the function.
//!
//! A return address belongs to the call before it: look up `return address - 1`. The address of a
//! faulting instruction is looked up as it is.

use crate::leb;
use crate::model::{InlinedCall, LineRow};
use std::collections::HashMap;

/// First word of the table.
pub const MAGIC: u32 = 0x3243_504D;
const HEADER: usize = 12;
const RECORD: usize = 20;
const CALL: usize = 16;

/// A function to be described; in order of `start`.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Code offset from `__text_start`.
    pub start: u32,
    /// Size of the code in bytes.
    pub size: u32,
    /// Name for people.
    pub display: &'a str,
    /// File name as it is to be printed.
    pub file: &'a str,
    /// Line of the declaration.
    pub line: u32,
    /// Line rows in order of offset. Rows of line 0 (code of no line) extend the line before them.
    pub rows: &'a [LineRow],
    /// Inlined calls.
    pub inlined: &'a [InlinedCall],
    /// Names of their files.
    pub call_files: &'a [&'a str],
}

/// Builds the table. `entries` are sorted by start and do not overlap.
pub fn build(entries: &[Entry]) -> Vec<u8> {
    debug_assert!(entries.windows(2).all(|w| w[0].start + w[0].size <= w[1].start));
    let calls: usize = entries.iter().map(|e| e.inlined.len()).sum();
    let first_call = HEADER + entries.len() * RECORD;
    let mut out = Vec::with_capacity(first_call + calls * CALL + entries.len() * 40);
    for word in [MAGIC, entries.len() as u32, calls as u32] {
        out.extend(word.to_le_bytes());
    }
    out.resize(first_call + calls * CALL, 0);
    let put = |out: &mut [u8], at: usize, words: &[u32]| {
        for (word, to) in words.iter().zip(out[at..].chunks_exact_mut(4)) {
            to.copy_from_slice(&word.to_le_bytes());
        }
    };
    let mut strings = HashMap::new();
    let mut before = 0;
    for (i, e) in entries.iter().enumerate() {
        let name = string(&mut out, &mut strings, e.display);
        let file = string(&mut out, &mut strings, e.file);
        let number = |call: Option<u32>| call.map_or(0, |c| before + c + 1);
        for (k, (call, file)) in e.inlined.iter().zip(e.call_files).enumerate() {
            let name = string(&mut out, &mut strings, &call.display);
            let file = string(&mut out, &mut strings, file);
            let at = first_call + (before as usize + k) * CALL;
            put(&mut out, at, &[name, file, call.line, number(call.call)]);
        }
        let rows = out.len() as u32;
        write_rows(&mut out, e, number);
        put(&mut out, HEADER + i * RECORD, &[e.start, e.size, name, file, rows]);
        before += e.inlined.len() as u32;
    }
    out
}

fn string<'a>(out: &mut Vec<u8>, seen: &mut HashMap<&'a str, u32>, text: &'a str) -> u32 {
    *seen.entry(text).or_insert_with(|| {
        let at = out.len() as u32;
        varint(out, text.len() as u64);
        out.extend(text.as_bytes());
        at
    })
}

/// Rows that change the line or the inlined call, each once. `number` says a call in the table.
fn write_rows(out: &mut Vec<u8>, e: &Entry, number: impl Fn(Option<u32>) -> u32) {
    varint(out, e.line.into());
    let mut changes: Vec<(u32, u32, u32)> = Vec::with_capacity(e.rows.len());
    for row in e.rows.iter().filter(|r| r.line != 0) {
        // Several rows at one offset: the last holds.
        while changes.last().is_some_and(|c| c.0 == row.offset) {
            changes.pop();
        }
        let before = changes.last().map_or((e.line, 0), |c| (c.1, c.2));
        let here = (row.line, number(row.call));
        if here != before {
            changes.push((row.offset, here.0, here.1));
        }
    }
    varint(out, changes.len() as u64);
    let (mut pc, mut line, mut call) = (0, e.line, 0);
    for (offset, next, next_call) in changes {
        varint(out, (offset - pc).into());
        let delta = next.wrapping_sub(line) as i32;
        let zigzag = (delta << 1 ^ delta >> 31) as u32;
        varint(out, u64::from(zigzag) << 1 | u64::from(next_call != call));
        if next_call != call {
            varint(out, next_call.into());
        }
        (pc, line, call) = (offset, next, next_call);
    }
}

fn varint(out: &mut Vec<u8>, v: u64) {
    leb::write(out, v);
}

/// A frame of a trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TraceFrame<'a> {
    /// Display name of the function.
    pub function: &'a str,
    /// File name.
    pub file: &'a str,
    /// Line.
    pub line: u32,
}

/// The frames of a code offset, innermost first: those of inlined calls, then the function's own. `None` for
/// code that is not in the table, and for a table that is damaged.
pub fn lookup(table: &[u8], pc: u32) -> Option<Vec<TraceFrame<'_>>> {
    if word(table, 0)? != MAGIC {
        return None;
    }
    let functions = word(table, 4)? as usize;
    let (mut low, mut high) = (0, functions);
    while low < high {
        let mid = (low + high) / 2;
        if word(table, HEADER + mid * RECORD)? <= pc {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    let at = HEADER + low.checked_sub(1)? * RECORD;
    let (start, size) = (word(table, at)?, word(table, at + 4)?);
    if pc - start >= size {
        return None;
    }
    let (mut line, mut call) = place(table, word(table, at + 16)? as usize, start, pc)?;
    let mut frames = Vec::new();
    let frame = |at, line| {
        let (function, file) =
            (read_string(table, word(table, at)?)?, read_string(table, word(table, at + 4)?)?);
        Some(TraceFrame { function, file, line })
    };
    while call != 0 {
        let at = HEADER + functions * RECORD + (call as usize - 1) * CALL;
        frames.push(frame(at, line)?);
        let (site, outer) = (word(table, at + 8)?, word(table, at + 12)?);
        if outer >= call {
            return None;
        }
        (line, call) = (site, outer);
    }
    frames.push(frame(at + 8, line)?);
    Some(frames)
}

/// Line and inlined call of a pc in a function that starts at `start` and has its rows at `at`.
fn place(table: &[u8], mut at: usize, start: u32, pc: u32) -> Option<(u32, u32)> {
    let mut line = read_varint(table, &mut at)?;
    let count = read_varint(table, &mut at)?;
    let (mut row_pc, mut call) = (start, 0);
    for _ in 0..count {
        row_pc = row_pc.checked_add(read_varint(table, &mut at)?)?;
        if row_pc > pc {
            break;
        }
        let change = leb::read(table, &mut at, 33)?;
        let z = (change >> 1) as u32;
        line = line.wrapping_add((z >> 1) ^ (z & 1).wrapping_neg());
        if change & 1 != 0 {
            call = read_varint(table, &mut at)?;
        }
    }
    Some((line, call))
}

fn word(table: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(table.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn read_varint(table: &[u8], at: &mut usize) -> Option<u32> {
    leb::read(table, at, 32).map(|v| v as u32)
}

fn read_string(table: &[u8], at: u32) -> Option<&str> {
    let mut at = at as usize;
    let len = read_varint(table, &mut at)? as usize;
    std::str::from_utf8(table.get(at..at.checked_add(len)?)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(offset: u32, line: u32, call: Option<u32>) -> LineRow {
        LineRow { offset, line, column: 1, is_stmt: true, prologue_end: false, call }
    }

    fn inlined(display: &str, line: u32, call: Option<u32>) -> InlinedCall {
        InlinedCall { display: display.into(), file: 0, declared: 1, line, column: 1, call }
    }

    /// The frames that the rows say.
    fn expected<'a>(e: &Entry<'a>, at: u32) -> Vec<TraceFrame<'a>> {
        let row = e.rows.iter().rev().find(|r| r.offset <= at && r.line != 0);
        let (mut line, mut call) = row.map_or((e.line, None), |r| (r.line, r.call));
        let mut frames = Vec::new();
        while let Some(c) = call {
            let inlined = &e.inlined[c as usize];
            frames.push(TraceFrame { function: &inlined.display, file: e.call_files[c as usize], line });
            (line, call) = (inlined.line, inlined.call);
        }
        frames.push(TraceFrame { function: e.display, file: e.file, line });
        frames
    }

    #[test]
    fn every_byte_of_every_function_has_its_frames() {
        let rows = [
            vec![
                row(0, 10, None),
                row(4, 11, None),
                row(4, 12, Some(0)),
                row(9, 12, Some(1)),
                row(20, 3, None),
                row(30, 0, None),
                row(35, 700, Some(0)),
            ],
            vec![],
            vec![row(2, 0, None), row(300, 1, Some(0)), row(310, 2, Some(0)), row(320, 2, None)],
        ];
        let calls = [
            vec![inlined("g", 11, None), inlined("h", 5, Some(0))],
            vec![],
            vec![inlined("g", u32::MAX, None)],
        ];
        let entry = |start, size, display, line, i: usize| Entry {
            start,
            size,
            display,
            file: "a.mochi",
            line,
            rows: &rows[i],
            inlined: &calls[i],
            call_files: &["b.mochi", "a.mochi"][..calls[i].len()],
        };
        let entries = [entry(16, 40, "f", 10, 0), entry(64, 1, "naïve", 5, 1), entry(80, 400, "f", 2, 2)];
        let table = build(&entries);
        for pc in 0..600 {
            let inside = entries.iter().find(|e| (e.start..e.start + e.size).contains(&pc));
            assert_eq!(lookup(&table, pc), inside.map(|e| expected(e, pc - e.start)), "pc {pc}");
        }
    }

    #[test]
    fn empty_and_damaged_tables() {
        let table = build(&[]);
        assert_eq!(table.len(), HEADER);
        assert_eq!(lookup(&table, 0), None);
        let rows = [row(0, 1, None), row(5, 9, Some(1))];
        let inlined = [inlined("g", 2, None), inlined("h", 3, Some(0))];
        let call_files = ["x", "y"];
        let (inlined, call_files) = (&inlined, &call_files);
        let entry =
            Entry { start: 0, size: 10, display: "f", file: "x", line: 1, rows: &rows, inlined, call_files };
        let whole = build(&[entry]);
        for n in 0..whole.len() {
            let mut cut = whole[..n].to_vec();
            lookup(&cut, 7);
            cut.resize(whole.len(), 0xFF);
            lookup(&cut, 7);
        }
    }
}
