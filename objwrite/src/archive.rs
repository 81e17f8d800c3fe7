//! Objects as bytes: the form in which the compiled runtime is embedded in the compiler.
//!
//! Opening an archive costs a check of its header; a symbol is found by one probe of a hash table
//! that is part of the file; an atom is decoded when something asks for it, and its contents are
//! not copied. So a link pays for what it takes and not for what the runtime could do.
//!
//! # Format
//!
//! Fixed parts are little-endian `u32`s; positions count from the start of the file.
//!
//! ```text
//! header   magic "MOAR", version, file size, files, symbols, atoms, buckets (a power of two),
//!          target triple: position, length
//! files    name: position, length
//! symbols  name: position, length; index of the defining atom + 1 or 0; flags (1: global)
//! buckets  index + 1 of a global, defined symbol or 0; open addressing from `hash(name)`
//! atoms    position of the record
//! strings and records
//! record   varints: symbol, kind, log2(align), zero size, size; contents; relocations: count, then
//!          offset delta, kind, symbol, zigzag addend each; 0 or 1 + function
//! function display name (length, bytes), file + 1 or 0, line, size of the code; inlined calls: count, then
//!          display name, file, line of the declaration, line, column, call + 1 or 0; rows: count, then
//!          offset delta, zigzag line delta, column, flags, call + 1 or 0; frame: count, then offset
//!          delta, code, operands
//! ```
//!
//! Readers check every position and index: damaged bytes give an [`ArchiveError`], never a panic,
//! and no allocation larger than the file.

use crate::leb;
use crate::model::{
    Atom, AtomKind, AtomView, CfiOp, FrameInfo, FunctionInfo, InlinedCall, LineRow, Object, RelocEntry,
    SymRef, Symbol,
};
use crate::reloc::RelocKind;
use crate::target::{self, Target};
use std::borrow::Cow;
use std::fmt;

const MAGIC: u32 = u32::from_le_bytes(*b"MOAR");
/// Version of the format; a reader takes its own only.
pub const VERSION: u32 = 5;
const HEADER: usize = 9 * 4;
const SYMBOL: usize = 4 * 4;
const KINDS: [AtomKind; 6] =
    [AtomKind::Text, AtomKind::ReadOnly, AtomKind::RelRo, AtomKind::Data, AtomKind::Roots, AtomKind::Bss];
const MAX_ALIGN_LOG2: u64 = 12;

/// Bytes that are not an archive of this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchiveError {
    /// The magic number is another.
    NotAnArchive,
    /// Written by another version of the compiler.
    Version(u32),
    /// For a target this compiler does not know.
    Target(String),
    /// A position, count or code does not make sense.
    Damaged(&'static str),
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArchiveError::NotAnArchive => write!(f, "not an object archive"),
            ArchiveError::Version(v) => write!(f, "object archive of version {v}, expected {VERSION}"),
            ArchiveError::Target(t) => write!(f, "object archive for unknown target `{t}`"),
            ArchiveError::Damaged(what) => write!(f, "damaged object archive: {what}"),
        }
    }
}

impl std::error::Error for ArchiveError {}

/// FNV-1a. Collisions cost a comparison only; the archive is our own.
fn hash(name: &[u8]) -> u32 {
    name.iter().fold(0x811C_9DC5, |h, &b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

// ---- writing ----

struct Writer {
    out: Vec<u8>,
}

impl Writer {
    fn word_at(&mut self, at: usize, v: usize) {
        let v = u32::try_from(v).expect("an object archive is smaller than 4 GiB");
        self.out[at..at + 4].copy_from_slice(&v.to_le_bytes());
    }

    fn varint(&mut self, v: u64) {
        leb::write(&mut self.out, v);
    }

    fn signed(&mut self, v: i64) {
        self.varint((v << 1 ^ v >> 63) as u64);
    }

    fn string_at(&mut self, at: usize, text: &str) {
        let position = self.out.len();
        self.out.extend(text.as_bytes());
        self.word_at(at, position);
        self.word_at(at + 4, text.len());
    }

    fn atom(&mut self, atom: &Atom) {
        self.varint(atom.sym.0.into());
        self.out.push(KINDS.iter().position(|&k| k == atom.kind).expect("every kind is listed") as u8);
        self.out.push(atom.align.trailing_zeros() as u8);
        self.varint(atom.zero_size);
        self.varint(atom.bytes.len() as u64);
        self.out.extend(&atom.bytes);
        self.varint(atom.relocs.len() as u64);
        let mut last = 0;
        for r in &atom.relocs {
            self.signed(i64::from(r.offset) - last);
            self.out.push(r.kind as u8);
            self.varint(r.sym.0.into());
            self.signed(r.addend);
            last = r.offset.into();
        }
        self.out.push(atom.function.is_some().into());
        if let Some(f) = &atom.function {
            self.function(f);
        }
    }

    fn call(&mut self, call: Option<u32>) {
        self.varint(call.map_or(0, |c| u64::from(c) + 1));
    }

    fn function(&mut self, f: &FunctionInfo) {
        self.varint(f.display.len() as u64);
        self.out.extend(f.display.as_bytes());
        self.varint(f.file.map_or(0, |n| u64::from(n) + 1));
        self.varint(f.line.into());
        self.varint(f.code_size.into());
        self.varint(f.inlined.len() as u64);
        for c in &f.inlined {
            self.varint(c.display.len() as u64);
            self.out.extend(c.display.as_bytes());
            for n in [c.file, c.declared, c.line, c.column] {
                self.varint(n.into());
            }
            self.call(c.call);
        }
        self.varint(f.lines.len() as u64);
        let (mut offset, mut line) = (0, i64::from(f.line));
        for r in &f.lines {
            self.signed(i64::from(r.offset) - offset);
            self.signed(i64::from(r.line) - line);
            self.varint(r.column.into());
            self.out.push(u8::from(r.is_stmt) | u8::from(r.prologue_end) << 1);
            self.call(r.call);
            (offset, line) = (r.offset.into(), r.line.into());
        }
        self.varint(f.frame.ops.len() as u64);
        let mut offset = 0;
        for &(at, op) in &f.frame.ops {
            self.signed(i64::from(at) - offset);
            self.cfi(op);
            offset = at.into();
        }
    }

    fn cfi(&mut self, op: CfiOp) {
        let (code, reg, value) = match op {
            CfiOp::DefCfa(r, v) => (0, Some(r), Some(v)),
            CfiOp::DefCfaOffset(v) => (1, None, Some(v)),
            CfiOp::DefCfaRegister(r) => (2, Some(r), None),
            CfiOp::Offset(r, v) => (3, Some(r), Some(v)),
            CfiOp::Restore(r) => (4, Some(r), None),
            CfiOp::RememberState => (5, None, None),
            CfiOp::RestoreState => (6, None, None),
            CfiOp::NoCaller => (7, None, None),
            CfiOp::WholeOffset(r, v) => (8, Some(r), Some(v)),
        };
        self.out.push(code);
        if let Some(r) = reg {
            self.varint(r.into());
        }
        if let Some(v) = value {
            self.signed(v.into());
        }
    }
}

impl Object {
    /// The object as an archive.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut defined = vec![0; self.symbols.len()];
        for (i, atom) in self.atoms.iter().enumerate() {
            defined[atom.sym.0 as usize] = i + 1;
        }
        let buckets = (self.symbols.len() * 2).next_power_of_two();
        let files_at = HEADER;
        let symbols_at = files_at + self.files.len() * 8;
        let buckets_at = symbols_at + self.symbols.len() * SYMBOL;
        let atoms_at = buckets_at + buckets * 4;
        let mut w = Writer { out: vec![0; atoms_at + self.atoms.len() * 4] };
        let header = [
            MAGIC as usize,
            VERSION as usize,
            0,
            self.files.len(),
            self.symbols.len(),
            self.atoms.len(),
            buckets,
        ];
        for (i, v) in header.into_iter().enumerate() {
            w.word_at(4 * i, v);
        }
        w.string_at(4 * header.len(), self.target.triple);
        for (i, file) in self.files.iter().enumerate() {
            w.string_at(files_at + i * 8, file);
        }
        let mut table = vec![0; buckets];
        for (i, symbol) in self.symbols.iter().enumerate() {
            let at = symbols_at + i * SYMBOL;
            w.string_at(at, &symbol.name);
            w.word_at(at + 8, defined[i]);
            w.word_at(at + 12, symbol.global.into());
            if symbol.global && defined[i] != 0 {
                let mut slot = hash(symbol.name.as_bytes()) as usize & (buckets - 1);
                while table[slot] != 0 {
                    slot = (slot + 1) & (buckets - 1);
                }
                table[slot] = i + 1;
            }
        }
        for (i, v) in table.into_iter().enumerate() {
            w.word_at(buckets_at + i * 4, v);
        }
        for (i, atom) in self.atoms.iter().enumerate() {
            let position = w.out.len();
            w.word_at(atoms_at + i * 4, position);
            w.atom(atom);
        }
        let size = w.out.len();
        w.word_at(8, size);
        w.out
    }
}

// ---- reading ----

type Result<T> = std::result::Result<T, ArchiveError>;

/// An opened archive.
#[derive(Clone, Copy, Debug)]
pub struct Archive<'a> {
    data: &'a [u8],
    target: Target,
    files: u32,
    symbols: u32,
    atoms: u32,
    buckets: u32,
}

/// A symbol of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveSymbol<'a> {
    /// Link name.
    pub name: &'a str,
    /// Visible outside the archive.
    pub global: bool,
    /// Index of the atom that defines it.
    pub atom: Option<u32>,
}

impl<'a> Archive<'a> {
    /// Opens an archive: checks the header and that the tables are inside the file.
    pub fn open(data: &'a [u8]) -> Result<Archive<'a>> {
        let field = |i: usize| word(data, i * 4);
        if field(0).map_err(|_| ArchiveError::NotAnArchive)? != MAGIC {
            return Err(ArchiveError::NotAnArchive);
        }
        if field(1)? != VERSION {
            return Err(ArchiveError::Version(field(1)?));
        }
        if field(2)? as usize != data.len() {
            return Err(ArchiveError::Damaged("file size"));
        }
        let triple = string(data, 7 * 4)?;
        let target = target::parse(triple).map_err(|e| ArchiveError::Target(e.0))?;
        let archive = Archive {
            data,
            target,
            files: field(3)?,
            symbols: field(4)?,
            atoms: field(5)?,
            buckets: field(6)?,
        };
        if !archive.buckets.is_power_of_two() {
            return Err(ArchiveError::Damaged("hash table"));
        }
        let end = archive.atoms_at() + u64::from(archive.atoms) * 4;
        if end > data.len() as u64 {
            return Err(ArchiveError::Damaged("table sizes"));
        }
        Ok(archive)
    }

    fn symbols_at(&self) -> u64 {
        HEADER as u64 + u64::from(self.files) * 8
    }

    fn buckets_at(&self) -> u64 {
        self.symbols_at() + u64::from(self.symbols) * SYMBOL as u64
    }

    fn atoms_at(&self) -> u64 {
        self.buckets_at() + u64::from(self.buckets) * 4
    }

    /// What the code is for.
    pub fn target(&self) -> Target {
        self.target
    }

    /// Number of symbols.
    pub fn symbol_count(&self) -> u32 {
        self.symbols
    }

    /// Number of atoms.
    pub fn atom_count(&self) -> u32 {
        self.atoms
    }

    /// Number of source files.
    pub fn file_count(&self) -> u32 {
        self.files
    }

    /// A source file's name.
    pub fn file(&self, index: u32) -> Result<&'a str> {
        if index >= self.files {
            return Err(ArchiveError::Damaged("file index"));
        }
        string(self.data, HEADER + index as usize * 8)
    }

    /// A symbol.
    pub fn symbol(&self, sym: SymRef) -> Result<ArchiveSymbol<'a>> {
        if sym.0 >= self.symbols {
            return Err(ArchiveError::Damaged("symbol index"));
        }
        let at = self.symbols_at() as usize + sym.0 as usize * SYMBOL;
        let atom = word(self.data, at + 8)?.checked_sub(1);
        if atom.is_some_and(|a| a >= self.atoms) {
            return Err(ArchiveError::Damaged("atom index"));
        }
        Ok(ArchiveSymbol { name: string(self.data, at)?, global: word(self.data, at + 12)? & 1 != 0, atom })
    }

    /// The global symbol with this name that an atom of the archive defines, and that atom.
    pub fn lookup(&self, name: &str) -> Result<Option<(SymRef, u32)>> {
        let mask = self.buckets - 1;
        let mut slot = hash(name.as_bytes()) & mask;
        for _ in 0..self.buckets {
            let Some(index) = word(self.data, self.buckets_at() as usize + slot as usize * 4)?.checked_sub(1)
            else {
                break;
            };
            let symbol = self.symbol(SymRef(index))?;
            if symbol.name == name {
                let atom = symbol.atom.ok_or(ArchiveError::Damaged("hash table"))?;
                return Ok(Some((SymRef(index), atom)));
            }
            slot = (slot + 1) & mask;
        }
        Ok(None)
    }

    /// Decodes an atom. Its contents stay where they are.
    pub fn atom(&self, index: u32) -> Result<AtomView<'a>> {
        if index >= self.atoms {
            return Err(ArchiveError::Damaged("atom index"));
        }
        let at = word(self.data, self.atoms_at() as usize + index as usize * 4)?;
        Cursor {
            archive: self,
            rest: self.data.get(at as usize..).ok_or(ArchiveError::Damaged("atom position"))?,
        }
        .atom()
    }

    /// Decodes everything.
    pub fn to_object(&self) -> Result<Object> {
        let mut object = Object::new(self.target);
        for i in 0..self.files {
            object.files.push(self.file(i)?.to_string());
        }
        for i in 0..self.symbols {
            let s = self.symbol(SymRef(i))?;
            object.symbols.push(Symbol { name: s.name.to_string(), global: s.global });
        }
        for i in 0..self.atoms {
            object.atoms.push(self.atom(i)?.into_atom());
        }
        Ok(object)
    }
}

fn word(data: &[u8], at: usize) -> Result<u32> {
    let bytes = at.checked_add(4).and_then(|end| data.get(at..end));
    Ok(u32::from_le_bytes(bytes.and_then(|b| b.try_into().ok()).ok_or(ArchiveError::Damaged("position"))?))
}

fn string(data: &[u8], at: usize) -> Result<&str> {
    let (from, len) = (word(data, at)? as usize, word(data, at + 4)? as usize);
    let bytes = from.checked_add(len).and_then(|end| data.get(from..end));
    text(bytes.ok_or(ArchiveError::Damaged("string position"))?)
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| ArchiveError::Damaged("string is not UTF-8"))
}

/// Reads one record.
struct Cursor<'x, 'a> {
    archive: &'x Archive<'a>,
    rest: &'a [u8],
}

impl<'a> Cursor<'_, 'a> {
    fn byte(&mut self) -> Result<u8> {
        let (&b, rest) = self.rest.split_first().ok_or(ArchiveError::Damaged("record is cut off"))?;
        self.rest = rest;
        Ok(b)
    }

    fn varint(&mut self) -> Result<u64> {
        let mut at = 0;
        let v = leb::read(self.rest, &mut at, 64).ok_or(ArchiveError::Damaged("number"))?;
        self.rest = &self.rest[at..];
        Ok(v)
    }

    fn signed(&mut self) -> Result<i64> {
        let z = self.varint()?;
        Ok((z >> 1) as i64 ^ -((z & 1) as i64))
    }

    /// A number of a narrower type.
    fn number<T: TryFrom<u64>>(&mut self) -> Result<T> {
        T::try_from(self.varint()?).map_err(|_| ArchiveError::Damaged("number is too large"))
    }

    /// A number stored as its difference to `last`.
    fn delta(&mut self, last: u32) -> Result<u32> {
        let v = i64::from(last).checked_add(self.signed()?);
        v.and_then(|v| u32::try_from(v).ok()).ok_or(ArchiveError::Damaged("number is too large"))
    }

    fn bytes(&mut self) -> Result<&'a [u8]> {
        let n: usize = self.number()?;
        if n > self.rest.len() {
            return Err(ArchiveError::Damaged("record is cut off"));
        }
        let (bytes, rest) = self.rest.split_at(n);
        self.rest = rest;
        Ok(bytes)
    }

    /// A number of items of at least `least` bytes each.
    fn count(&mut self, least: usize) -> Result<usize> {
        let n: usize = self.number()?;
        if n > self.rest.len() / least {
            return Err(ArchiveError::Damaged("count"));
        }
        Ok(n)
    }

    fn sym(&mut self) -> Result<SymRef> {
        let sym: u32 = self.number()?;
        if sym >= self.archive.symbols {
            return Err(ArchiveError::Damaged("symbol index"));
        }
        Ok(SymRef(sym))
    }

    fn atom(&mut self) -> Result<AtomView<'a>> {
        let sym = self.sym()?;
        let kind = *KINDS.get(self.byte()? as usize).ok_or(ArchiveError::Damaged("atom kind"))?;
        let align = u64::from(self.byte()?);
        if align > MAX_ALIGN_LOG2 {
            return Err(ArchiveError::Damaged("alignment"));
        }
        let zero_size = self.varint()?;
        let bytes = self.bytes()?;
        if match kind {
            AtomKind::Bss => !bytes.is_empty() || zero_size > 1 << 40,
            _ => zero_size != 0,
        } {
            return Err(ArchiveError::Damaged("atom size"));
        }
        let mut relocs = Vec::with_capacity(self.count(4)?);
        let mut offset = 0;
        for _ in 0..relocs.capacity() {
            offset = self.delta(offset)?;
            let kind = RelocKind::from_u8(self.byte()?).ok_or(ArchiveError::Damaged("relocation kind"))?;
            let entry = RelocEntry { offset, kind, sym: self.sym()?, addend: self.signed()? };
            if entry.end() > bytes.len() as u64 {
                return Err(ArchiveError::Damaged("relocation offset"));
            }
            relocs.push(entry);
        }
        let function = match self.byte()? {
            0 => None,
            1 => Some(Cow::Owned(self.function(bytes.len())?)),
            _ => return Err(ArchiveError::Damaged("function flag")),
        };
        Ok(AtomView { sym, kind, align: 1 << align, bytes, zero_size, relocs: Cow::Owned(relocs), function })
    }

    /// What is known of a function of this many bytes.
    fn function(&mut self, bytes: usize) -> Result<FunctionInfo> {
        let display = text(self.bytes()?)?.to_string();
        let file = self.number::<u32>()?.checked_sub(1);
        if file.is_some_and(|f| f >= self.archive.files) {
            return Err(ArchiveError::Damaged("file index"));
        }
        let first: u32 = self.number()?;
        let code_size: u32 = self.number()?;
        if code_size as usize > bytes {
            return Err(ArchiveError::Damaged("size of the code"));
        }
        let inlined = self.inlined()?;
        if file.is_none() && !inlined.is_empty() {
            return Err(ArchiveError::Damaged("inlined calls without a file"));
        }
        let count = self.count(5)?;
        let mut lines = Vec::with_capacity(count);
        let (mut offset, mut line) = (0, first);
        for _ in 0..count {
            (offset, line) = (self.delta(offset)?, self.delta(line)?);
            let (column, flags) = (self.number()?, self.byte()?);
            let (is_stmt, prologue_end) = (flags & 1 != 0, flags & 2 != 0);
            let call = self.call(inlined.len())?;
            lines.push(LineRow { offset, line, column, is_stmt, prologue_end, call });
        }
        let count = self.count(2)?;
        let mut ops = Vec::with_capacity(count);
        let mut offset = 0;
        for _ in 0..count {
            offset = self.delta(offset)?;
            ops.push((offset, self.cfi()?));
        }
        let frame = FrameInfo { ops };
        Ok(FunctionInfo { display, file, line: first, code_size, lines, inlined, frame })
    }

    fn inlined(&mut self) -> Result<Vec<InlinedCall>> {
        let count = self.count(6)?;
        let mut calls = Vec::with_capacity(count);
        for before in 0..count {
            let display = text(self.bytes()?)?.to_string();
            let file = self.number()?;
            if file >= self.archive.files {
                return Err(ArchiveError::Damaged("file index"));
            }
            let (declared, line, column) = (self.number()?, self.number()?, self.number()?);
            calls.push(InlinedCall { display, file, declared, line, column, call: self.call(before)? });
        }
        Ok(calls)
    }

    /// One of so many inlined calls, or none.
    fn call(&mut self, calls: usize) -> Result<Option<u32>> {
        let call = self.number::<u32>()?.checked_sub(1);
        match call {
            Some(c) if c as usize >= calls => Err(ArchiveError::Damaged("inlined call")),
            _ => Ok(call),
        }
    }

    fn cfi(&mut self) -> Result<CfiOp> {
        Ok(match self.byte()? {
            0 => CfiOp::DefCfa(self.number()?, self.cfi_offset()?),
            1 => CfiOp::DefCfaOffset(self.cfi_offset()?),
            2 => CfiOp::DefCfaRegister(self.number()?),
            3 => CfiOp::Offset(self.number()?, self.cfi_offset()?),
            4 => CfiOp::Restore(self.number()?),
            5 => CfiOp::RememberState,
            6 => CfiOp::RestoreState,
            7 => CfiOp::NoCaller,
            8 => CfiOp::WholeOffset(self.number()?, self.cfi_offset()?),
            _ => return Err(ArchiveError::Damaged("frame instruction")),
        })
    }

    fn cfi_offset(&mut self) -> Result<i32> {
        i32::try_from(self.signed()?).map_err(|_| ArchiveError::Damaged("number is too large"))
    }
}

/// Body of the fuzz target: whatever `data` is, reading it ends without a panic, and what can be
/// read whole can be written and read again.
pub fn fuzz(data: &[u8]) {
    let Ok(archive) = Archive::open(data) else { return };
    for i in 0..archive.symbol_count() {
        if let Ok(s) = archive.symbol(SymRef(i)) {
            let _ = archive.lookup(s.name);
        }
    }
    for i in 0..archive.atom_count() {
        let _ = archive.atom(i);
    }
    if let Ok(object) = archive.to_object() {
        let bytes = object.to_bytes();
        let again = Archive::open(&bytes).and_then(|a| a.to_object()).expect("what we write we can read");
        assert!(
            again.files == object.files && again.symbols == object.symbols && again.atoms == object.atoms
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Object {
        let mut object = Object::new(target::parse("x64-linux").unwrap());
        object.files = vec!["a.mochi".into(), "lib/b.mochi".into()];
        for (i, name) in ["f", "table", "naïve", "printf", "zeros"].into_iter().enumerate() {
            object.symbols.push(Symbol { name: name.into(), global: i != 1 });
        }
        let reloc = |offset, kind, sym, addend| RelocEntry { offset, kind, sym: SymRef(sym), addend };
        let row = |offset, line, call| LineRow {
            offset,
            line,
            column: 7,
            is_stmt: offset == 0,
            prologue_end: true,
            call,
        };
        let inlined = |display: &str, line, call| InlinedCall {
            display: display.into(),
            file: 0,
            declared: 3,
            line,
            column: 9,
            call,
        };
        let frame = FrameInfo {
            ops: vec![
                (1, CfiOp::DefCfaOffset(16)),
                (1, CfiOp::Offset(6, -16)),
                (4, CfiOp::DefCfaRegister(6)),
                (5, CfiOp::RememberState),
                (6, CfiOp::DefCfa(7, 8)),
                (6, CfiOp::Restore(6)),
                (7, CfiOp::RestoreState),
                (7, CfiOp::NoCaller),
                (8, CfiOp::WholeOffset(23, -48)),
            ],
        };
        let function = |file| FunctionInfo {
            display: "f: naïve".into(),
            file,
            line: 12,
            code_size: 1,
            lines: vec![row(0, 12, None), row(3, 5, file.map(|_| 1)), row(3, 0, None)],
            inlined: file.map_or(vec![], |_| vec![inlined("g", 13, None), inlined("h: naïve", 4, Some(0))]),
            frame: frame.clone(),
        };
        let atom = |sym, kind, bytes: &[u8], relocs, function| Atom {
            sym: SymRef(sym),
            kind,
            align: 16,
            bytes: bytes.to_vec(),
            zero_size: 0,
            relocs,
            function,
        };
        let code = [0x90; 300];
        let calls = vec![reloc(3, RelocKind::X64Call, 3, -4), reloc(290, RelocKind::X64Pc32, 1, i64::MIN)];
        object.atoms = vec![
            atom(0, AtomKind::Text, &code, calls, Some(function(Some(1)))),
            atom(1, AtomKind::RelRo, &[1; 8], vec![reloc(0, RelocKind::Abs64, 0, 1 << 40)], None),
            atom(2, AtomKind::Text, &[0xC3], vec![], Some(function(None))),
            Atom { zero_size: 1 << 33, ..atom(4, AtomKind::Bss, &[], vec![], None) },
        ];
        object
    }

    #[test]
    fn round_trip() {
        let object = sample();
        let bytes = object.to_bytes();
        let archive = Archive::open(&bytes).unwrap();
        assert_eq!(archive.target(), object.target);
        let again = archive.to_object().unwrap();
        assert_eq!(
            (&again.files, &again.symbols, &again.atoms),
            (&object.files, &object.symbols, &object.atoms)
        );
        assert_eq!(again.to_bytes(), bytes);
        fuzz(&bytes);
    }

    #[test]
    fn lookup_finds_global_definitions_only() {
        let bytes = sample().to_bytes();
        let archive = Archive::open(&bytes).unwrap();
        assert_eq!(archive.lookup("f"), Ok(Some((SymRef(0), 0))));
        assert_eq!(archive.lookup("naïve"), Ok(Some((SymRef(2), 2))));
        for absent in ["table", "printf", "", "g"] {
            assert_eq!(archive.lookup(absent), Ok(None), "{absent}");
        }
        let empty = Object::new(sample().target).to_bytes();
        assert_eq!(Archive::open(&empty).unwrap().lookup("f"), Ok(None));
    }

    #[test]
    fn other_files_are_told_apart() {
        let bytes = sample().to_bytes();
        assert_eq!(Archive::open(b"").unwrap_err(), ArchiveError::NotAnArchive);
        assert_eq!(Archive::open(b"\x7fELF....").unwrap_err(), ArchiveError::NotAnArchive);
        let mut other = bytes.clone();
        other[4] = 99;
        assert_eq!(Archive::open(&other).unwrap_err(), ArchiveError::Version(99));
        assert_eq!(Archive::open(&bytes[..bytes.len() - 1]).unwrap_err(), ArchiveError::Damaged("file size"));
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let bytes = sample().to_bytes();
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7F, 0x80, 0xFF, bytes[at] ^ 1, bytes[at].wrapping_add(1)] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                fuzz(&damaged);
            }
        }
    }
}
