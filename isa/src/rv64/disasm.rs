//! The text of an atom: the table's own decoder and printer.

use crate::mach::assembly::Syntax;
use crate::mach::disasm::{Line, PLACE, bad, code, place, reloc_in};
use crate::mach::fields::Field as _;
use crate::rv64::fields::Field;
use crate::rv64::insts::Row;
use mochi_objwrite::{Atom, RelocKind};

/// An instruction, and what its row's operands are.
struct Decoded {
    at: usize,
    word: u32,
    row: Option<(Row, Vec<i64>)>,
}

/// What the instruction before has begun: the upper part of a distance, in `auipc`.
enum Begun {
    /// To a function, which both call.
    Call(String),
    /// To something else; the lower part names the place of the upper one.
    Distance,
}

fn decode(code: &[u8]) -> Vec<Decoded> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let mut word = [0; 4];
        let size = if code[at] & 3 == 3 { 4 } else { 2 };
        word[..size].copy_from_slice(&code[at..at + size]);
        let word = u32::from_le_bytes(word);
        all.push(Decoded { at, word, row: Row::decode(word).map(|(row, values)| (row, values.to_vec())) });
        at += size;
    }
    all
}

/// The place that `auipc` without a relocation and the instruction behind it refer to together.
fn place_of_pair(at: usize, upper: i64, next: Option<&Decoded>) -> Option<usize> {
    let (row, values) = next?.row.as_ref()?;
    let low = row.info().operands.iter().position(|(_, f)| !f.is_register())?;
    Some((at as i64 + i64::from((upper << 12) as i32) + values[low]) as usize)
}

/// Code for assemblers.
pub const SYNTAX: Syntax = Syntax { lines, head: "    .option norelax\n" };

/// The atom's code as text. `symbols` names symbols by index. A relocation covers one instruction, or a pair:
/// the upper part of the symbol's distance, then the lower one, which names the place of the first.
pub fn lines(atom: &Atom, symbols: &dyn Fn(u32) -> String) -> Vec<Line> {
    let decoded = decode(code(atom));
    let mut lines: Vec<Line> = Vec::new();
    let mut begun: Option<Begun> = None;
    for (k, d) in decoded.iter().enumerate() {
        let Some((row, values)) = &d.row else {
            lines.push(Line { at: d.at, text: bad(d.word), place: None });
            continue;
        };
        let size = decoded.get(k + 1).map_or(code(atom).len(), |next| next.at) - d.at;
        let displacement = row.info().operands.iter().position(|(_, p)| p.is_displacement());
        let mut place_referred = None;
        let operand = match (begun.take(), reloc_in(atom, d.at, size)) {
            (Some(Begun::Call(name)), _) => {
                // One pseudo instruction is both.
                let first = lines.pop().map_or(d.at, |l| l.at);
                lines.push(Line { at: first, text: far_call(values, &name), place: None });
                continue;
            }
            (Some(Begun::Distance), _) => {
                place_referred = lines.last().map(|l| l.at);
                Some(format!("%pcrel_lo({PLACE})"))
            }
            (None, Some(r)) => {
                let name = place(symbols(r.sym.0), r.addend);
                match r.kind {
                    RelocKind::Rv64Call => begun = Some(Begun::Call(name.clone())),
                    kind if kind.row().bytes as usize != size => begun = Some(Begun::Distance),
                    _ => {}
                }
                Some(if begun.is_some() { format!("%pcrel_hi({name})") } else { name })
            }
            (None, None) if *row == Row::Auipc => {
                place_referred = place_of_pair(d.at, values[1], decoded.get(k + 1));
                begun = Some(Begun::Distance);
                Some(format!("%pcrel_hi({PLACE})"))
            }
            (None, None) => {
                place_referred = displacement.map(|k| (d.at as i64 + values[k]) as usize);
                displacement.map(|_| PLACE.to_string())
            }
        };
        let mut text = String::new();
        row.write(&mut text, values, operand.as_deref());
        lines.push(Line { at: d.at, text, place: place_referred });
    }
    lines
}

/// `auipc` and `jalr`, of whose operands these are the values, as the assembler's instruction for both.
fn far_call(jalr: &[i64], name: &str) -> String {
    let register = |number: i64| {
        let mut text = String::new();
        Field::X(0).write(&mut text, number, true);
        text.trim().to_string()
    };
    match jalr {
        [0, .., base] => format!("jump {name}, {}", register(*base)),
        [link, ..] => format!("call {}, {name}", register(*link)),
        [] => bad(0),
    }
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
