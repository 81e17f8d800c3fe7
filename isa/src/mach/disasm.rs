//! The text of an atom for people (`--emit asm`): labels for branch targets, names for
//! relocations. An instruction set decodes.

use mochi_objwrite::{Atom, RelocEntry};
use std::collections::BTreeMap;
use std::fmt::Write;

/// An instruction as text.
pub struct Line {
    /// Offset in the atom.
    pub at: usize,
    /// Text; of a reference to a place in the atom all but that, which comes last.
    pub text: String,
    /// The place referred to: offset in the atom.
    pub target: Option<i64>,
}

/// The bytes of an atom that are instructions; the function's tables and constants follow.
pub fn code(atom: &Atom) -> &[u8] {
    let end = atom.function.as_ref().map_or(0, |f| f.code_size as usize);
    &atom.bytes[..end]
}

/// The relocation of a field in the instruction at `at`.
pub fn reloc_in(atom: &Atom, at: usize, len: usize) -> Option<&RelocEntry> {
    let first = atom.relocs.partition_point(|r| (r.offset as usize) < at);
    atom.relocs.get(first).filter(|r| (r.offset as usize) < at + len)
}

/// A symbol plus an offset.
pub fn place(name: String, offset: i64) -> String {
    if offset == 0 { name } else { format!("{name}{offset:+}") }
}

/// The text of an atom of these instructions.
pub fn listing(atom: &Atom, lines: &[Line], name: &str, comment: &str) -> String {
    let mut labels: BTreeMap<i64, usize> = lines.iter().filter_map(|l| Some((l.target?, 0))).collect();
    for (n, label) in labels.values_mut().enumerate() {
        *label = n;
    }
    let mut out = format!("{name}:\n");
    for line in lines {
        if let Some(n) = labels.get(&(line.at as i64)) {
            let _ = writeln!(out, ".L{n}:");
        }
        let _ = write!(out, "    {}", line.text);
        if let Some(target) = line.target {
            let _ = write!(out, ".L{}", labels[&target]);
        }
        out.push('\n');
    }
    let rest = atom.bytes.len() - code(atom).len();
    if rest > 0 {
        let _ = writeln!(out, "    {comment} {rest} bytes of tables and constants");
    }
    out
}
