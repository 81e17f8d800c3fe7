//! The text of an atom for people: a function in the text format (Core, section 6),
//! nested by indentation, with names for functions and addresses in comments.

use crate::wasm32::encode::{Operand, Reader};
use crate::wasm32::insts::{Imm, Row, Ty};
use mochi_objwrite::{Atom, RelocEntry, RelocKind};
use std::fmt::Write;

/// A name as the text format allows it.
pub fn name(symbol: &str) -> String {
    let clean =
        |c: char| if c.is_ascii_alphanumeric() || "_.+-*/\\^~=<>!?@#$%&|:'`".contains(c) { c } else { '_' };
    format!("${}", symbol.chars().map(clean).collect::<String>())
}

/// The bits of a float as a constant.
pub fn float(bits: u64) -> String {
    let f = f64::from_bits(bits);
    let sign = if f.is_sign_negative() { "-" } else { "" };
    if f.is_nan() {
        let payload = bits & ((1 << 52) - 1);
        return if payload == 1 << 51 { format!("{sign}nan") } else { format!("{sign}nan:{payload:#x}") };
    }
    if f.is_infinite() { format!("{sign}inf") } else { format!("{f:e}") }
}

/// The immediates of an instruction as text, with a blank before them.
pub fn immediates(row: Row, operand: &Operand) -> String {
    match (row.info().imm, operand) {
        (Imm::TypeTable, Operand::Index(n)) => format!(" (type {n})"),
        (Imm::F64, &Operand::Const(c)) => format!(" {}", float(c as u64)),
        (_, Operand::Index(n)) => format!(" {n}"),
        (_, Operand::Const(c)) => format!(" {c}"),
        (_, Operand::Offset(0)) | (_, Operand::None) | (_, Operand::Block(None)) => String::new(),
        (_, Operand::Offset(n)) => format!(" offset={n}"),
        (_, Operand::Block(Some(ty))) => format!(" (result {})", ty.name()),
        (_, Operand::Labels(list)) => list.iter().map(|l| format!(" {l}")).collect(),
    }
}

/// `(param ...) (result ...)` of a function type.
pub fn signature(r: &mut Reader) -> Option<String> {
    let mut out = String::new();
    for word in ["param", "result"] {
        let n = r.unsigned()?;
        let types: Option<Vec<&str>> = (0..n).map(|_| Ty::from_byte(r.byte()?).map(Ty::name)).collect();
        if n > 0 {
            let _ = write!(out, " ({word} {})", types?.join(" "));
        }
    }
    Some(out)
}

/// The immediates of an instruction that the linker completes, and the bytes they take in the atom.
fn inserted(r: &mut Reader, reloc: &RelocEntry, symbols: &dyn Fn(u32) -> String) -> Option<String> {
    let symbol = || name(&symbols(reloc.sym.0));
    Some(match reloc.kind {
        RelocKind::WasmFunc => format!(" {}", symbol()),
        RelocKind::WasmType => {
            let text = signature(r)?;
            // The table.
            r.byte()?;
            text
        }
        RelocKind::WasmPc => " 0 (; this place ;)".to_string(),
        _ if reloc.addend == 0 => format!(" 0 (; {} ;)", symbol()),
        _ => format!(" 0 (; {}{:+} ;)", symbol(), reloc.addend),
    })
}

/// The atom's code as text. `symbols` names symbols by index.
pub fn disassemble(atom: &Atom, symbols: &dyn Fn(u32) -> String) -> String {
    let mut out = String::new();
    if write_function(&mut out, atom, symbols).is_none() {
        out.push_str("  (bad)\n");
    }
    out
}

fn write_function(out: &mut String, atom: &Atom, symbols: &dyn Fn(u32) -> String) -> Option<()> {
    let mut r = Reader { bytes: &atom.bytes, at: 0 };
    let _ = writeln!(out, "(func {}{}", name(&symbols(atom.sym.0)), signature(&mut r)?);
    let mut relocs = atom.relocs.iter().peekable();
    write_body(out, &mut r, &mut |r, row| match relocs.next_if(|reloc| reloc.offset as usize == r.at) {
        Some(reloc) => inserted(r, reloc, symbols),
        None => Some(immediates(row, &r.operand(row)?)),
    })?;
    (r.at == atom.bytes.len()).then_some(())
}

/// Writes a function from its locals to its end. `immediates` reads those of an instruction.
pub fn write_body(
    out: &mut String,
    r: &mut Reader,
    immediates: &mut dyn FnMut(&mut Reader, Row) -> Option<String>,
) -> Option<()> {
    for _ in 0..r.unsigned()? {
        let (count, ty) = (r.unsigned()?, Ty::from_byte(r.byte()?)?);
        let _ = writeln!(out, "  (local{})", format!(" {}", ty.name()).repeat(count as usize));
    }
    let mut depth = 1usize;
    while depth > 0 {
        let row = r.row()?;
        let text = immediates(r, row)?;
        if matches!(row, Row::End | Row::Else) {
            depth -= 1;
        }
        if depth > 0 || row != Row::End {
            let _ = writeln!(out, "{}{}{text}", "  ".repeat(depth), row.info().name);
        }
        if matches!(row, Row::Else | Row::Block | Row::Loop | Row::If) {
            depth += 1;
        }
    }
    out.push_str(")\n");
    Some(())
}
