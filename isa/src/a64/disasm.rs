//! The text of an atom: the table's own decoder and printer.

use crate::a64::fields::Field;
use crate::a64::insts::Row;
use crate::mach::assembly::Syntax;
use crate::mach::disasm::{Line, PLACE, bad, code, place, reloc_in};
use mochi_objwrite::{Atom, RelocKind};

/// The displacement among the operands.
fn displacement(row: Row, values: &[i64]) -> Option<i64> {
    let is = |p: Field| matches!(p, Field::Rel26 | Field::Rel19 | Field::Rel14 | Field::Rel21);
    row.info().operands.iter().zip(values).find(|((_, p), _)| is(*p)).map(|(_, &v)| v)
}

/// Code for assemblers.
pub const SYNTAX: Syntax = Syntax { lines, head: "" };

/// The atom's code as text. `symbols` names symbols by index.
pub fn lines(atom: &Atom, symbols: &dyn Fn(u32) -> String) -> Vec<Line> {
    let mut lines = Vec::new();
    for (k, word) in code(atom).chunks_exact(4).enumerate() {
        let at = 4 * k;
        let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        let Some((row, values)) = Row::decode(word) else {
            lines.push(Line { at, text: bad(word), place: None });
            continue;
        };
        let mut text = row.text(&values);
        let last = text.rfind('#').unwrap_or(text.len());
        let mut target = None;
        if let Some(r) = reloc_in(atom, at, 4) {
            let name = place(symbols(r.sym.0), r.addend);
            match r.kind {
                RelocKind::A64Call | RelocKind::A64Jump | RelocKind::A64Page => {
                    text.replace_range(last.., &name);
                }
                RelocKind::A64Lo12 => text.replace_range(last.., &format!(":lo12:{name}")),
                _ => text.insert_str(text.len() - 1, &format!(", :lo12:{name}")),
            }
        } else if let Some(d) = displacement(row, &values) {
            text.truncate(last);
            text.push(PLACE);
            target = Some((at as i64 + d) as usize);
        }
        lines.push(Line { at, text, place: target });
    }
    lines
}
