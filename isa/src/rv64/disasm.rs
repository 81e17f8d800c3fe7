//! The text of an atom: the table's own decoder and printer.

use crate::mach::disasm::{Line, code, listing, place, reloc_in};
use crate::mach::fields::Field as _;
use crate::rv64::fields::Field;
use crate::rv64::insts::Row;
use mochi_objwrite::Atom;

/// The atom's code as text. `symbols` names symbols by index. A relocation covers one instruction, or a pair:
/// the upper part of the symbol's distance, then the lower one.
pub fn disassemble(atom: &Atom, symbols: &dyn Fn(u32) -> String) -> String {
    let code = code(atom);
    let mut lines = Vec::new();
    let mut at = 0;
    let mut pair: Option<String> = None;
    while at < code.len() {
        let mut word = [0; 4];
        let size = if code[at] & 3 == 3 { 4 } else { 2 };
        word[..size].copy_from_slice(&code[at..at + size]);
        let word = u32::from_le_bytes(word);
        let Some((row, values)) = Row::decode(word) else {
            lines.push(Line { at, text: format!("(bad) {word:#010x}"), target: None });
            at += size;
            continue;
        };
        let displacement = row.info().operands.iter().position(|(_, p)| p.is_displacement());
        let mut text = String::new();
        let mut target = None;
        if let Some(name) = pair.take() {
            row.write(&mut text, &values, Some(&format!("%lo({name})")));
        } else if let Some(r) = reloc_in(atom, at, size) {
            let name = place(symbols(r.sym.0), r.addend);
            if r.kind.row().bytes as usize == size {
                row.write(&mut text, &values, Some(&name));
            } else {
                row.write(&mut text, &values, Some(&format!("%hi({name})")));
                pair = Some(name);
            }
        } else if let Some(k) = displacement {
            row.write(&mut text, &values, Some(""));
            target = Some(at as i64 + values[k]);
        } else {
            row.write(&mut text, &values, None);
        }
        lines.push(Line { at, text, target });
        at += size;
    }
    listing(atom, &lines, &symbols(atom.sym.0), "#")
}

impl Row {
    /// Writes the instruction; `place` stands for an immediate or displacement.
    fn write(self, out: &mut String, values: &[i64], place: Option<&str>) {
        let info = self.info();
        out.push_str(info.name);
        let mut first = true;
        for (&(_, p), &v) in info.operands.iter().zip(values) {
            match place {
                Some(place)
                    if !p.is_register() && !matches!(p, Field::Rm | Field::Order | Field::Access(_)) =>
                {
                    out.push_str(if first { " " } else { ", " });
                    out.push_str(place);
                }
                _ => p.write(out, v, first),
            }
            first = first && p == Field::Order;
        }
    }
}
