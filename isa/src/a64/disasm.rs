//! The text of an atom for people (`--emit asm`): the table's own decoder and printer, labels for
//! branch targets, names for relocations.

use crate::a64::fields::Place;
use crate::a64::insts::Row;
use mochi_objwrite::{Atom, RelocKind};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The displacement among the operands.
fn displacement(row: Row, values: &[i64]) -> Option<i64> {
    let is = |p: Place| matches!(p, Place::Rel26 | Place::Rel19 | Place::Rel14 | Place::Rel21);
    row.info().operands.iter().zip(values).find(|((_, p), _)| is(*p)).map(|(_, &v)| v)
}

/// An instruction and where it is.
struct Line {
    at: i64,
    word: u32,
    decoded: Option<(Row, Vec<i64>)>,
}

/// The instructions up to the function's own tables and constants, which begin at the first place
/// that an instruction addresses as data.
fn decode(atom: &Atom) -> Vec<Line> {
    let mut end = atom.bytes.len() as i64;
    let mut lines = Vec::new();
    for (k, word) in atom.bytes.chunks_exact(4).enumerate() {
        let at = k as i64 * 4;
        if at >= end {
            break;
        }
        let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        let decoded = Row::decode(word);
        if let Some((row @ (Row::Adr | Row::LdrLiteral | Row::LdrLiteralD), values)) = &decoded {
            end = end.min(at + displacement(*row, values).unwrap_or(end));
        }
        lines.push(Line { at, word, decoded });
    }
    lines
}

/// The atom's code as text. `symbols` names symbols by index.
pub fn disassemble(atom: &Atom, symbols: &dyn Fn(u32) -> String) -> String {
    let lines = decode(atom);
    let reloc = |at: i64| atom.relocs.iter().find(|r| r.offset as i64 == at);
    let mut labels: BTreeMap<i64, usize> = BTreeMap::new();
    for line in &lines {
        if let Some((row, values)) = &line.decoded
            && reloc(line.at).is_none()
            && let Some(d) = displacement(*row, values)
        {
            labels.insert(line.at + d, 0);
        }
    }
    for (n, label) in labels.values_mut().enumerate() {
        *label = n;
    }
    let mut out = format!("{}:\n", symbols(atom.sym.0));
    for line in &lines {
        if let Some(n) = labels.get(&line.at) {
            let _ = writeln!(out, ".L{n}:");
        }
        let Some((row, values)) = &line.decoded else {
            let _ = writeln!(out, "    .word {:#010x}", line.word);
            continue;
        };
        let mut text = row.text(values);
        let place = if let Some(r) = reloc(line.at) {
            let name = symbols(r.sym.0);
            let name = if r.addend == 0 { name } else { format!("{name}{:+}", r.addend) };
            let low = !matches!(r.kind, RelocKind::A64Call | RelocKind::A64Jump | RelocKind::A64Page);
            Some(if low { format!(":lo12:{name}") } else { name })
        } else {
            displacement(*row, values).map(|d| format!(".L{}", labels[&(line.at + d)]))
        };
        if let (Some(place), Some(last)) = (place, text.rfind('#')) {
            text.replace_range(last.., &place);
        }
        let _ = writeln!(out, "    {text}");
    }
    let end = lines.last().map_or(0, |l| l.at as usize + 4);
    if end < atom.bytes.len() {
        let _ = writeln!(out, "    // {} bytes of tables and constants", atom.bytes.len() - end);
    }
    out
}
