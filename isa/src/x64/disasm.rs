//! The text of an atom: iced's decoder and GNU-style formatter.

use crate::mach::assembly::Syntax;
use crate::mach::disasm::{Line, PLACE, bad, code, place, reloc_in};
use iced_x86::{Decoder, DecoderOptions, Formatter, OpKind};
use mochi_objwrite::Atom;

/// Code for assemblers.
pub const SYNTAX: Syntax = Syntax { lines, head: "" };

/// The atom's code as text. `symbols` names symbols by index.
pub fn lines(atom: &Atom, symbols: &dyn Fn(u32) -> String) -> Vec<Line> {
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
                set_address(&mut text, &place(symbols(r.sym.0), r.addend + 4 + rest));
            }
            None if near => {
                text = format!("{mnemonic} {PLACE}");
                target = Some(i.near_branch64() as usize);
            }
            None if i.is_ip_rel_memory_operand() => {
                set_address(&mut text, &PLACE.to_string());
                target = Some(i.ip_rel_memory_address() as usize);
            }
            None if i.is_invalid() => text = bad(0),
            None => {}
        }
        lines.push(Line { at, text, place: target });
    }
    lines
}

/// Writes the address of a memory operand relative to the instruction pointer.
fn set_address(text: &mut String, address: &str) {
    if let Some(open) = text.find("(%rip)") {
        let start = text[..open].rfind([' ', ',']).map_or(0, |p| p + 1);
        text.replace_range(start..open, address);
    }
}
