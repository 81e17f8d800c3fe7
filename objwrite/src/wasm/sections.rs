//! Pieces of the binary format: sections, names, function types (Core, sections 5.2 to 5.5).

use crate::leb;
use std::collections::HashMap;

/// What a file begins with: magic number and version.
pub const PREAMBLE: [u8; 8] = *b"\0asm\x01\0\0\0";

/// Value types.
pub const I32: u8 = 0x7F;
/// A word of the IR.
pub const I64: u8 = 0x7E;

/// The instruction that ends a body or a constant expression.
pub const END: u8 = 0x0B;

/// Sections that have a number, in the order of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Id {
    Type = 1,
    Import = 2,
    Function = 3,
    Table = 4,
    Memory = 5,
    Global = 6,
    Export = 7,
    Element = 9,
    Code = 10,
    Data = 11,
}

/// Appends an unsigned number.
pub fn number(out: &mut Vec<u8>, v: usize) {
    leb::write(out, v as u64);
}

/// Appends bytes after their number; a name when they are text.
pub fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    number(out, bytes.len());
    out.extend(bytes);
}

/// Appends a section.
pub fn section(out: &mut Vec<u8>, id: Id, contents: &[u8]) {
    out.push(id as u8);
    bytes(out, contents);
}

/// Appends a section of `count` items, unless there are none.
pub fn items(out: &mut Vec<u8>, id: Id, count: usize, contents: &[u8]) {
    if count != 0 {
        let mut all = Vec::with_capacity(contents.len() + 5);
        number(&mut all, count);
        all.extend(contents);
        section(out, id, &all);
    }
}

/// Appends a custom section.
pub fn custom(out: &mut Vec<u8>, name: &str, contents: &[u8]) {
    let mut all = Vec::with_capacity(contents.len() + name.len() + 5);
    bytes(&mut all, name.as_bytes());
    all.extend(contents);
    out.push(0);
    bytes(out, &all);
}

/// Function types, each once. A type is its parameters and results as in a file, without the
/// leading 0x60.
#[derive(Default, Debug)]
pub struct Types {
    index: HashMap<Vec<u8>, u32>,
    contents: Vec<u8>,
}

impl Types {
    /// The index of a type.
    pub fn add(&mut self, ty: &[u8]) -> u32 {
        if let Some(&index) = self.index.get(ty) {
            return index;
        }
        let index = self.index.len() as u32;
        self.index.insert(ty.to_vec(), index);
        self.contents.push(0x60);
        self.contents.extend(ty);
        index
    }

    /// Appends the type section.
    pub fn write(&self, out: &mut Vec<u8>) {
        items(out, Id::Type, self.index.len(), &self.contents);
    }
}

/// A function type.
pub fn function_type(params: &[u8], results: &[u8]) -> Vec<u8> {
    let mut ty = Vec::new();
    bytes(&mut ty, params);
    bytes(&mut ty, results);
    ty
}

/// The size of the function type that `bytes` begin with.
pub fn type_size(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for _ in 0..2 {
        let count = leb::read(bytes, &mut at, 32)? as usize;
        at = at.checked_add(count).filter(|&end| end <= bytes.len())?;
    }
    Some(at)
}
