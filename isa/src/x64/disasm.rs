//! The text of an atom for people (`--emit asm`): iced's decoder and GNU-style formatter, labels
//! for branch targets, names for relocations.

use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, OpKind};
use mochi_objwrite::{Atom, RelocEntry};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Where the code ends and the function's own tables and constants begin: the first place in the
/// atom that an instruction addresses as data.
fn code_end(atom: &Atom) -> usize {
    let mut end = atom.bytes.len();
    let mut decoder = Decoder::new(64, &atom.bytes, DecoderOptions::NONE);
    let mut i = Instruction::default();
    while decoder.can_decode() && decoder.position() < end {
        let at = decoder.position();
        decoder.decode_out(&mut i);
        let own = i.is_ip_rel_memory_operand() && reloc_in(atom, at, i.len()).is_none();
        if own {
            end = end.min(i.memory_displacement64() as usize);
        }
    }
    end
}

fn reloc_in(atom: &Atom, at: usize, len: usize) -> Option<&RelocEntry> {
    let first = atom.relocs.partition_point(|r| (r.offset as usize) < at);
    atom.relocs.get(first).filter(|r| (r.offset as usize) < at + len)
}

/// The atom's code as text. `symbols` names symbols by index.
pub fn disassemble(atom: &Atom, symbols: &dyn Fn(u32) -> String) -> String {
    let end = code_end(atom);
    let code = &atom.bytes[..end];
    let mut labels: BTreeMap<u64, usize> = BTreeMap::new();
    let mut instructions = Vec::new();
    for i in Decoder::new(64, code, DecoderOptions::NONE) {
        // Zeros before the tables align them; no instruction of ours is all zeros.
        if code[i.ip() as usize..].iter().all(|&b| b == 0) {
            break;
        }
        let near = matches!(i.try_op_kind(0), Ok(OpKind::NearBranch64));
        if near && reloc_in(atom, i.ip() as usize, i.len()).is_none() {
            labels.insert(i.near_branch64(), 0);
        }
        instructions.push(i);
    }
    for (n, label) in labels.values_mut().enumerate() {
        *label = n;
    }
    let mut formatter = crate::x64::print::formatter();
    let mut out = format!("{}:\n", symbols(atom.sym.0));
    let mut text = String::new();
    for i in &instructions {
        if let Some(n) = labels.get(&i.ip()) {
            let _ = writeln!(out, ".L{n}:");
        }
        text.clear();
        formatter.format(i, &mut text);
        let near = matches!(i.try_op_kind(0), Ok(OpKind::NearBranch64));
        let reloc = reloc_in(atom, i.ip() as usize, i.len());
        let mnemonic = text.split_whitespace().next().unwrap_or("").to_string();
        match reloc {
            Some(r) if near => text = format!("{mnemonic} {}", symbols(r.sym.0)),
            Some(r) => {
                let rest = i.len() as i64 - (r.offset as i64 - i.ip() as i64) - 4;
                let addend = r.addend + 4 + rest;
                let name = symbols(r.sym.0);
                let place = if addend == 0 { name } else { format!("{name}{addend:+}") };
                if let Some(open) = text.find("(%rip)") {
                    let start = text[..open].rfind([' ', ',']).map_or(0, |p| p + 1);
                    text.replace_range(start..open, &place);
                }
            }
            None if near => text = format!("{mnemonic} .L{}", labels[&i.near_branch64()]),
            None => {}
        }
        let _ = writeln!(out, "    {text}");
    }
    if end < atom.bytes.len() {
        let _ = writeln!(out, "    # {} bytes of tables and constants", atom.bytes.len() - end);
    }
    out
}
