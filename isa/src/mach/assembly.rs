//! A module as the input of an assembler (`--emit asm`): what `as` or `clang -c` makes of it has, atom by
//! atom, the same bytes and relocations as what we write. Names of the runtime are undefined in it.
//!
//! ```text
//!     .text
//!     .p2align 4
//!     .type double,@function
//! double:
//!     lea (%rdi,%rdi),%rax
//!     ret
//!     .size double,.-double
//! ```

use crate::mach::disasm::{Decoder, Line, PLACE, code, place};
use mochi_objwrite::directives::Directives;
use mochi_objwrite::{Atom, AtomKind, Object, RelocKind};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

/// Labels of places in an atom, by offset.
type Labels = BTreeMap<usize, usize>;

/// Characters of a string from which on it is written as one.
const TEXT: usize = 4;
/// Zeros from which on only their number is written.
const ZEROS: usize = 16;
/// Words on a line of data.
const WORDS: usize = 4;

/// The text of a function: its label, its code, its tables and constants. Labels are numbered from `first` on;
/// the second result is the number that follows.
pub fn function(
    atom: &Atom,
    lines: &[Line],
    symbols: &dyn Fn(u32) -> String,
    first: usize,
) -> (String, usize) {
    let places = lines.iter().filter_map(|l| l.place);
    let mut labels: Labels = places.map(|p| (p, 0)).collect();
    for (n, label) in labels.values_mut().enumerate() {
        *label = first + n;
    }
    let mut out = format!("{}:\n", symbols(atom.sym.0));
    for line in lines {
        label(&mut out, &labels, line.at);
        let text = match line.place {
            Some(p) => line.text.replace(PLACE, &format!(".L{}", labels[&p])),
            None => line.text.clone(),
        };
        let _ = writeln!(out, "    {text}");
    }
    let mut from = code(atom).len();
    // Tables and constants begin at labels.
    let starts: Vec<usize> = labels.range(from..).map(|(&at, _)| at).chain([atom.bytes.len()]).collect();
    for to in starts {
        contents(&mut out, atom, from..to, symbols);
        if to < atom.bytes.len() {
            label(&mut out, &labels, to);
        }
        from = to;
    }
    (out, first + labels.len())
}

fn label(out: &mut String, labels: &Labels, at: usize) {
    if let Some(n) = labels.get(&at) {
        let _ = writeln!(out, ".L{n}:");
    }
}

/// Bytes that are no code.
fn contents(out: &mut String, atom: &Atom, range: Range<usize>, symbols: &dyn Fn(u32) -> String) {
    let mut at = range.start;
    for r in &atom.relocs {
        let offset = r.offset as usize;
        if range.contains(&offset) {
            bytes(out, &atom.bytes[at..offset]);
            debug_assert_eq!(r.kind, RelocKind::Abs64, "what is no code holds addresses");
            let _ = writeln!(out, "    .quad {}", place(symbols(r.sym.0), r.addend));
            at = r.end() as usize;
        }
    }
    bytes(out, &atom.bytes[at..range.end]);
}

/// Bytes without relocations: strings, zeros, words, and single bytes for what is left.
fn bytes(out: &mut String, mut rest: &[u8]) {
    let is_text = |b: &u8| (b' '..=b'~').contains(b);
    while !rest.is_empty() {
        let run = |test: &dyn Fn(&u8) -> bool| rest.iter().take_while(|b| test(b)).count();
        let (text, zeros) = (run(&is_text), run(&|b| *b == 0));
        let used = if text >= TEXT {
            let escaped = String::from_utf8_lossy(&rest[..text]).replace('\\', "\\\\").replace('"', "\\\"");
            let _ = writeln!(out, "    .ascii \"{escaped}\"");
            text
        } else if zeros >= ZEROS {
            let _ = writeln!(out, "    .zero {zeros}");
            zeros
        } else {
            numbers(out, rest)
        };
        rest = &rest[used..];
    }
}

/// A line of words, or of bytes when there is no whole word; gives the bytes it took.
fn numbers(out: &mut String, rest: &[u8]) -> usize {
    let words = rest.as_chunks().0.iter().take(WORDS);
    let words: Vec<String> = words.map(|&w| format!("{:#x}", u64::from_le_bytes(w))).collect();
    if words.is_empty() {
        let list: Vec<String> = rest.iter().map(u8::to_string).collect();
        let _ = writeln!(out, "    .byte {}", list.join(","));
        return rest.len();
    }
    let _ = writeln!(out, "    .quad {}", words.join(","));
    8 * words.len()
}

/// How a machine's code is written for its assemblers.
#[derive(Clone, Copy)]
pub struct Syntax {
    /// Makes text of an atom's code.
    pub lines: Decoder,
    /// Directives at the beginning, each in a line of its own: bytes are to stay as they are.
    pub head: &'static str,
}

/// The text of an object.
pub fn module(object: &Object, syntax: Syntax, directives: &Directives) -> String {
    let symbols = |n: u32| quoted(&object.symbols[n as usize].name);
    let mut out = syntax.head.to_string();
    let mut now = String::new();
    let mut labels = 0;
    // Code first: it is what people read.
    let (code, data): (Vec<&Atom>, Vec<&Atom>) = object.atoms.iter().partition(|a| a.kind == AtomKind::Text);
    for atom in code.into_iter().chain(data) {
        let name = symbols(atom.sym.0);
        let begin = directives.section(atom.kind);
        if now != begin {
            let _ = writeln!(out, "    {begin}");
            now = begin;
        }
        let _ = writeln!(out, "    .p2align {}", atom.align.trailing_zeros());
        if object.symbols[atom.sym.0 as usize].global {
            let _ = writeln!(out, "    .globl {name}");
        }
        if directives.sizes {
            let what = if atom.kind == AtomKind::Text { "function" } else { "object" };
            let _ = writeln!(out, "    .type {name},%{what}");
        }
        match atom.kind {
            AtomKind::Text => {
                let (text, next) = function(atom, &(syntax.lines)(atom, &symbols), &symbols, labels);
                out.push_str(&text);
                labels = next;
            }
            AtomKind::Bss => {
                let _ = writeln!(out, "{name}:\n    .zero {}", atom.zero_size);
            }
            _ => {
                let _ = writeln!(out, "{name}:");
                contents(&mut out, atom, 0..atom.bytes.len(), &symbols);
            }
        }
        if directives.sizes {
            let _ = writeln!(out, "    .size {name},.-{name}");
        }
    }
    out.push_str(directives.end);
    out
}

/// A symbol as assemblers read it.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
    if name.chars().all(plain) { name.to_string() } else { format!("\"{name}\"") }
}
