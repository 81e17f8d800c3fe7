//! The text of an atom: iced's decoder and GNU-style formatter.

use crate::mach::disasm::{Line, code, listing, place, reloc_in};
use iced_x86::{Decoder, DecoderOptions, Formatter, OpKind};
use mochi_objwrite::Atom;

/// The atom's code as text. `symbols` names symbols by index.
pub fn disassemble(atom: &Atom, symbols: &dyn Fn(u32) -> String) -> String {
    let mut formatter = crate::x64::print::formatter();
    let mut lines = Vec::new();
    for i in Decoder::new(64, code(atom), DecoderOptions::NONE) {
        let mut text = String::new();
        formatter.format(&i, &mut text);
        let near = matches!(i.try_op_kind(0), Ok(OpKind::NearBranch64));
        let mnemonic = text.split_whitespace().next().unwrap_or("").to_string();
        let at = i.ip() as usize;
        let mut target = None;
        match reloc_in(atom, at, i.len()) {
            Some(r) if near => text = format!("{mnemonic} {}", symbols(r.sym.0)),
            Some(r) => {
                let rest = i.len() as i64 - (r.offset as i64 - i.ip() as i64) - 4;
                let name = place(symbols(r.sym.0), r.addend + 4 + rest);
                if let Some(open) = text.find("(%rip)") {
                    let start = text[..open].rfind([' ', ',']).map_or(0, |p| p + 1);
                    text.replace_range(start..open, &name);
                }
            }
            None if near => {
                text = format!("{mnemonic} ");
                target = Some(i.near_branch64() as i64);
            }
            None => {}
        }
        lines.push(Line { at, text, target });
    }
    listing(atom, &lines, &symbols(atom.sym.0), "#")
}
