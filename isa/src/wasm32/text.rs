//! The text of a whole module (`--emit asm`), as assemblers take it (Core, section 6).
//!
//! It is made of the linked file: only there do calls, types and addresses have numbers. What a text cannot say
//! is left out: debug information and other custom sections. Functions are in the order of the file, those of the
//! program first.

use crate::wasm32::disasm::{name, signature, write_body};
use crate::wasm32::encode::{Operand, Reader};
use crate::wasm32::insts::{Imm, Row, Ty};
use mochi_objwrite::wasm::sections::{Id, PREAMBLE};
use std::collections::HashSet;
use std::fmt::Write;

/// Bytes of data a line.
const LINE: usize = 64;

/// The sections of a module, by number: what they hold. Custom ones have names.
struct Sections<'a> {
    numbered: [&'a [u8]; 12],
    names: &'a [u8],
}

/// The text of a module that our linker has written.
pub fn program(module: &[u8]) -> String {
    let mut out = String::from("(module\n");
    write_module(&mut out, module).expect("a module of ours");
    out + ")\n"
}

fn write_module(out: &mut String, module: &[u8]) -> Option<()> {
    let sections = sections(module)?;
    let names = function_names(&mut at(sections.names))?;
    let types = types(out, &mut sections.of(Id::Type))?;
    let imported = imports(out, &mut sections.of(Id::Import), &names)?;
    let mut functions = sections.of(Id::Function);
    let mut code = sections.of(Id::Code);
    let count = functions.count()?;
    code.count()?;
    for i in 0..count {
        let ty = types.get(functions.count()?)?;
        let size = code.count()?;
        let body = &code.bytes[code.at..code.at + size];
        code.at += size;
        let _ = writeln!(out, "(func {}{ty}", names.get(imported + i)?);
        write_code(out, body, &names)?;
    }
    memory(out, &sections)?;
    exports(out, &mut sections.of(Id::Export), &names)?;
    elements(out, &mut sections.of(Id::Element), &names)?;
    data(out, &mut sections.of(Id::Data))
}

fn at(bytes: &[u8]) -> Reader<'_> {
    Reader { bytes, at: 0 }
}

impl<'a> Sections<'a> {
    /// What a section holds; one that is not there is empty.
    fn of(&self, id: Id) -> Reader<'a> {
        at(self.numbered[id as usize])
    }
}

impl<'a> Reader<'a> {
    fn count(&mut self) -> Option<usize> {
        self.unsigned().map(|n| n as usize)
    }

    /// Bytes after their number.
    fn vector(&mut self) -> Option<&'a [u8]> {
        let size = self.count()?;
        let vector = self.bytes.get(self.at..self.at.checked_add(size)?)?;
        self.at += size;
        Some(vector)
    }

    /// The number of items of a section, which is 0 when it is not there.
    fn items(&mut self) -> Option<usize> {
        if self.bytes.is_empty() { Some(0) } else { self.count() }
    }

    /// A constant expression of one instruction.
    fn constant(&mut self) -> Option<String> {
        let row = self.row()?;
        let operand = self.operand(row)?;
        let text = format!("({}{})", row.info().name, super::disasm::immediates(row, &operand));
        (self.row()? == Row::End).then_some(text)
    }

    /// Limits of a table or memory.
    fn limits(&mut self) -> Option<String> {
        let bounded = self.byte()? != 0;
        let least = self.unsigned()?;
        Some(if bounded { format!("{least} {}", self.unsigned()?) } else { least.to_string() })
    }
}

fn sections(module: &[u8]) -> Option<Sections<'_>> {
    let mut sections = Sections { numbered: [&[]; 12], names: &[] };
    let mut r = at(module.strip_prefix(&PREAMBLE)?);
    while r.at < r.bytes.len() {
        let id = r.byte()?;
        let contents = r.vector()?;
        if id != 0 {
            *sections.numbered.get_mut(usize::from(id))? = contents;
            continue;
        }
        let mut custom = at(contents);
        if custom.vector()? == b"name" {
            sections.names = &contents[custom.at..];
        }
    }
    Some(sections)
}

/// Names of all functions as the text has them, each once.
fn function_names(r: &mut Reader) -> Option<Vec<String>> {
    // The subsection and its size.
    r.byte()?;
    r.count()?;
    let mut taken = HashSet::new();
    (0..r.count()?)
        .map(|_| {
            let index = r.count()?;
            let mut name = name(std::str::from_utf8(r.vector()?).ok()?);
            if taken.contains(&name) {
                let _ = write!(name, "#{index}");
            }
            taken.insert(name.clone());
            Some(name)
        })
        .collect()
}

/// Writes the types; gives each as functions name it.
fn types(out: &mut String, r: &mut Reader) -> Option<Vec<String>> {
    (0..r.items()?)
        .map(|i| {
            // That it is one of a function.
            r.byte()?;
            let _ = writeln!(out, "(type (;{i};) (func{}))", signature(r)?);
            Some(format!(" (type {i})"))
        })
        .collect()
}

/// Writes the imports, which are functions; gives their number.
fn imports(out: &mut String, r: &mut Reader, names: &[String]) -> Option<usize> {
    let count = r.items()?;
    for name in names.iter().take(count) {
        let (module, field) = (string(r.vector()?), string(r.vector()?));
        r.byte()?;
        let _ = writeln!(out, "(import {module} {field} (func {name} (type {})))", r.unsigned()?);
    }
    Some(count)
}

/// A function's locals and instructions, and its end.
fn write_code(out: &mut String, body: &[u8], names: &[String]) -> Option<()> {
    write_body(out, &mut at(body), &mut |r, row| {
        let operand = r.operand(row)?;
        match (row.info().imm, &operand) {
            (Imm::Func, &Operand::Index(f)) => Some(format!(" {}", names.get(f as usize)?)),
            _ => Some(super::disasm::immediates(row, &operand)),
        }
    })
}

/// Writes the table, the memory and the global variables.
fn memory(out: &mut String, sections: &Sections) -> Option<()> {
    let mut r = sections.of(Id::Table);
    for _ in 0..r.items()? {
        // Its type.
        r.byte()?;
        let _ = writeln!(out, "(table {} funcref)", r.limits()?);
    }
    let mut r = sections.of(Id::Memory);
    for _ in 0..r.items()? {
        let _ = writeln!(out, "(memory {})", r.limits()?);
    }
    let mut r = sections.of(Id::Global);
    for _ in 0..r.items()? {
        let ty = Ty::from_byte(r.byte()?)?.name();
        let ty = if r.byte()? != 0 { format!("(mut {ty})") } else { ty.to_string() };
        let _ = writeln!(out, "(global {ty} {})", r.constant()?);
    }
    Some(())
}

fn exports(out: &mut String, r: &mut Reader, names: &[String]) -> Option<()> {
    for _ in 0..r.items()? {
        let name = string(r.vector()?);
        let what = match (r.byte()?, r.count()?) {
            (0, f) => format!("func {}", names.get(f)?),
            (_, memory) => format!("memory {memory}"),
        };
        let _ = writeln!(out, "(export {name} ({what}))");
    }
    Some(())
}

fn elements(out: &mut String, r: &mut Reader, names: &[String]) -> Option<()> {
    for _ in 0..r.items()? {
        // That it is active, in table 0.
        r.byte()?;
        let _ = write!(out, "(elem {} func", r.constant()?);
        for _ in 0..r.count()? {
            let _ = write!(out, " {}", names.get(r.count()?)?);
        }
        out.push_str(")\n");
    }
    Some(())
}

fn data(out: &mut String, r: &mut Reader) -> Option<()> {
    for _ in 0..r.items()? {
        // That it is active, in memory 0.
        r.byte()?;
        let _ = write!(out, "(data {}", r.constant()?);
        for line in r.vector()?.chunks(LINE) {
            let _ = write!(out, "\n  {}", string(line));
        }
        out.push_str(")\n");
    }
    Some(())
}

/// Bytes as a string of the text format.
fn string(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for &b in bytes {
        match b {
            b'"' | b'\\' => out.extend(['\\', b.into()]),
            b' '..=b'~' => out.push(b.into()),
            _ => {
                let _ = write!(out, "\\{b:02x}");
            }
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_there_once() {
        let names = b"\x01\x0d\x04\x00\x01a\x01\x01b\x02\x01a\x03\x03a b";
        assert_eq!(
            function_names(&mut at(names)),
            Some(["$a", "$b", "$a#2", "$a_b"].map(String::from).to_vec())
        );
    }

    #[test]
    fn strings_have_every_byte() {
        assert_eq!(string(b"a\"\\\x00\x1f ~\x7f\xff"), r#""a\"\\\00\1f ~\7f\ff""#);
    }
}
