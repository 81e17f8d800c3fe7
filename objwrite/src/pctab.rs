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
//! header, 8 bytes
//!   0  u32  magic 0x3143504D ("MPC1")
//!   4  u32  number of functions n
//! functions, n records of 20 bytes from position 8 on, sorted by start; ranges do not overlap
//!   0  u32  start: code offset of the first byte
//!   4  u32  size in bytes
//!   8  u32  name: position of the display name, a string
//!  12  u32  file: position of the file name, a string
//!  16  u32  rows: position of the rows
//! then strings and rows, unaligned
//!   string  varint byte length, then the bytes (UTF-8)
//!   rows    varint line of the declaration, varint number of rows,
//!           then per row: varint pc delta, varint zigzag line delta
//! ```
//!
//! `varint` is unsigned LEB128 (7 bits per byte, low first, top bit set when more follow).
//! Zigzag maps 0, -1, 1, -2 ... to 0, 1, 2, 3 ...: `delta = (z >> 1) ^ -(z & 1)`.
//!
//! Line of a pc: start with `pc = start` of the function and `line` = line of the declaration.
//! For each row add its pc delta to `pc`; stop, without applying the row, when `pc` is now greater
//! than the address looked for; else add the line delta to `line`. The result is `line`.
//!
//! A return address belongs to the call before it: look up `return address - 1`. The address of a
//! faulting instruction is looked up as it is.

use crate::leb;
use crate::model::LineRow;
use std::collections::HashMap;

/// First word of the table.
pub const MAGIC: u32 = 0x3143_504D;
const HEADER: usize = 8;
const RECORD: usize = 20;

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
}

/// Builds the table. `entries` are sorted by start and do not overlap.
pub fn build(entries: &[Entry]) -> Vec<u8> {
    debug_assert!(entries.windows(2).all(|w| w[0].start + w[0].size <= w[1].start));
    let mut out = Vec::with_capacity(HEADER + entries.len() * (RECORD + 40));
    out.extend(MAGIC.to_le_bytes());
    out.extend((entries.len() as u32).to_le_bytes());
    out.resize(HEADER + entries.len() * RECORD, 0);
    let mut strings = HashMap::new();
    for (i, e) in entries.iter().enumerate() {
        let name = string(&mut out, &mut strings, e.display);
        let file = string(&mut out, &mut strings, e.file);
        let rows = out.len() as u32;
        write_rows(&mut out, e);
        let at = HEADER + i * RECORD;
        for (k, word) in [e.start, e.size, name, file, rows].into_iter().enumerate() {
            out[at + 4 * k..at + 4 * k + 4].copy_from_slice(&word.to_le_bytes());
        }
    }
    out
}

fn string<'a>(out: &mut Vec<u8>, seen: &mut HashMap<&'a str, u32>, text: &'a str) -> u32 {
    *seen.entry(text).or_insert_with(|| {
        let at = out.len() as u32;
        varint(out, text.len() as u32);
        out.extend(text.as_bytes());
        at
    })
}

/// Rows that change the line, each once.
fn write_rows(out: &mut Vec<u8>, e: &Entry) {
    varint(out, e.line);
    let mut changes: Vec<(u32, u32)> = Vec::with_capacity(e.rows.len());
    for row in e.rows {
        // Several rows at one offset: the last holds.
        while changes.last().is_some_and(|c| c.0 == row.offset && row.line != 0) {
            changes.pop();
        }
        let line = changes.last().map_or(e.line, |c| c.1);
        if row.line != 0 && row.line != line {
            changes.push((row.offset, row.line));
        }
    }
    varint(out, changes.len() as u32);
    let (mut pc, mut line) = (0, e.line);
    for (offset, next) in changes {
        varint(out, offset - pc);
        let delta = next.wrapping_sub(line) as i32;
        varint(out, (delta << 1 ^ delta >> 31) as u32);
        (pc, line) = (offset, next);
    }
}

fn varint(out: &mut Vec<u8>, v: u32) {
    leb::write(out, v.into());
}

/// What the table says of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place<'a> {
    /// Display name of the function.
    pub function: &'a str,
    /// File name.
    pub file: &'a str,
    /// Line.
    pub line: u32,
}

/// The function, file and line of a code offset; `None` for code that is not in the table, and for
/// a table that is damaged.
pub fn lookup(table: &[u8], pc: u32) -> Option<Place<'_>> {
    if word(table, 0)? != MAGIC {
        return None;
    }
    let (mut low, mut high) = (0, word(table, 4)? as usize);
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
    let mut rows = word(table, at + 16)? as usize;
    let mut line = read_varint(table, &mut rows)?;
    let count = read_varint(table, &mut rows)?;
    let mut row_pc = start;
    for _ in 0..count {
        row_pc = row_pc.checked_add(read_varint(table, &mut rows)?)?;
        if row_pc > pc {
            break;
        }
        let z = read_varint(table, &mut rows)?;
        line = line.wrapping_add((z >> 1) ^ (z & 1).wrapping_neg());
    }
    let function = read_string(table, word(table, at + 8)?)?;
    Some(Place { function, file: read_string(table, word(table, at + 12)?)?, line })
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

    fn row(offset: u32, line: u32) -> LineRow {
        LineRow { offset, line, column: 1, is_stmt: true, prologue_end: false }
    }

    #[test]
    fn every_byte_of_every_function_has_its_line() {
        let rows = [
            vec![row(0, 10), row(4, 11), row(4, 12), row(9, 12), row(20, 3), row(30, 0), row(35, 700)],
            vec![],
            vec![row(2, 0), row(300, 1)],
        ];
        let entry =
            |start, size, display, line, rows| Entry { start, size, display, file: "a.mochi", line, rows };
        let entries = [
            entry(16, 40, "f", 10, &rows[0]),
            entry(64, 1, "naïve", 5, &rows[1]),
            entry(80, 400, "f", 2, &rows[2]),
        ];
        let table = build(&entries);
        for pc in 0..600 {
            let inside = entries.iter().find(|e| (e.start..e.start + e.size).contains(&pc));
            let expected = inside.map(|e| {
                let before = e.rows.iter().rev().find(|r| r.offset <= pc - e.start && r.line != 0);
                Place { function: e.display, file: e.file, line: before.map_or(e.line, |r| r.line) }
            });
            assert_eq!(lookup(&table, pc), expected, "pc {pc}");
        }
    }

    #[test]
    fn empty_and_damaged_tables() {
        let table = build(&[]);
        assert_eq!(table.len(), HEADER);
        assert_eq!(lookup(&table, 0), None);
        let rows = [row(0, 1), row(5, 9)];
        let whole = build(&[Entry { start: 0, size: 10, display: "f", file: "x", line: 1, rows: &rows }]);
        for n in 0..whole.len() {
            let mut cut = whole[..n].to_vec();
            lookup(&cut, 7);
            cut.resize(whole.len(), 0xFF);
            lookup(&cut, 7);
        }
    }
}
