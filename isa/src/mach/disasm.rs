//! The text of code (`--emit asm`), as assemblers read it: labels for places in the atom, names for
//! relocations. An instruction set decodes; the directives around the code are
//! [`super::assembly`]'s.

use mochi_objwrite::{Atom, RelocEntry};

/// An instruction as text.
pub struct Line {
    /// Offset in the atom.
    pub at: usize,
    /// Text, with [`PLACE`] where the label of a place in the atom belongs.
    pub text: String,
    /// The place referred to: offset in the atom.
    pub place: Option<usize>,
}

/// Makes text of an atom's code; the function names symbols by index.
pub type Decoder = fn(&Atom, &dyn Fn(u32) -> String) -> Vec<Line>;

/// Stands for a label in the text of a line.
pub const PLACE: char = '\u{1}';

/// What does not decode: no assembler takes it, and tests look for it.
pub fn bad(word: u32) -> String {
    format!("(bad) {word:#010x}")
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
