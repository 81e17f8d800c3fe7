//! How to step out of functions: `.pdata` and `.xdata` (Microsoft, "PE Format", ".pdata").
//!
//! They say the same as the call frame information of functions, of which they are made: [`info`] for x86-64,
//! [`xdata`] for arm64. A function without an entry is a leaf, which leaves its stack and all that it must keep
//! alone; and one whose frame these tables cannot describe has none either, since a wrong one is worse. (Tests
//! find functions that lack theirs.)

mod info;
mod xdata;

use crate::bytes::Bytes;
use crate::link::layout::Function;
use crate::model::{CfiOp, FunctionInfo};
use crate::target::Arch;
use object::pe;
use std::collections::HashMap;

/// A function, or a part of one that is too long for a record.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    /// Start and end in its code.
    start: u32,
    end: u32,
    record: Vec<u8>,
}

/// An entry of the directory.
#[derive(Debug)]
struct Entry {
    /// Start and end in the code section.
    start: u32,
    end: u32,
    /// Where its record is among the records.
    record: u32,
}

/// What a field of the directory is a distance from.
#[derive(Clone, Copy, Debug)]
pub enum Refers {
    /// The start of the code section.
    Code,
    /// The start of the records.
    Records,
}

/// The directory of exceptions and the records that it refers to.
#[derive(Debug)]
pub struct Tables {
    entries: Vec<Entry>,
    /// The records: `.xdata`.
    pub records: Vec<u8>,
    /// Entries say where the function ends; else the record does.
    with_ends: bool,
    /// The relocation of a field in an object: distance from the image's start.
    pub distance: pe::RelocationType,
}

/// Alignment of the directory and of records.
pub const ALIGN: u32 = 4;

impl Tables {
    /// The tables of functions, which are in order of address.
    pub fn new(arch: Arch, functions: &[Function]) -> Tables {
        let (pieces, with_ends, distance): (fn(&FunctionInfo) -> Vec<Piece>, bool, _) = match arch {
            Arch::A64 => (xdata::pieces, false, pe::IMAGE_REL_ARM64_ADDR32NB),
            _ => (info::pieces, true, pe::IMAGE_REL_AMD64_ADDR32NB),
        };
        let mut tables = Tables { entries: Vec::new(), records: Vec::new(), with_ends, distance };
        // Equal frames share a record.
        let mut known: HashMap<Vec<u8>, u32> = HashMap::new();
        for f in functions {
            let Some(info) = &f.atom.view.function else { continue };
            for Piece { start, end, record } in pieces(info) {
                let records = &mut tables.records;
                let record = *known.entry(record).or_insert_with_key(|bytes| {
                    let at = records.len() as u32;
                    records.extend(bytes);
                    at
                });
                let base = f.start as u32;
                tables.entries.push(Entry { start: base + start, end: base + end, record });
            }
        }
        tables
    }

    /// Size of the directory.
    pub fn directory_size(&self) -> u32 {
        self.entries.len() as u32 * if self.with_ends { 12 } else { 8 }
    }

    /// The fields of the directory in order: their offsets in it, and what they are distances from.
    pub fn places(&self) -> impl Iterator<Item = (u64, Refers)> {
        let entry: &[Refers] = match self.with_ends {
            true => &[Refers::Code, Refers::Code, Refers::Records],
            false => &[Refers::Code, Refers::Records],
        };
        (0..self.entries.len())
            .flat_map(move |_| entry)
            .enumerate()
            .map(|(n, &refers)| (4 * n as u64, refers))
    }

    /// The directory, with code and records at these offsets from the image's start.
    pub fn directory(&self, code: u32, records: u32) -> Vec<u8> {
        let mut out = Bytes::default();
        for e in &self.entries {
            out.u32(code + e.start);
            if self.with_ends {
                out.u32(code + e.end);
            }
            out.u32(records + e.record);
        }
        out.0
    }
}

/// The steps of a prologue: up to what only an epilogue or another end of the function says, such as that the frame
/// address goes by another register than the frame pointer.
fn prologue(info: &FunctionInfo) -> impl Iterator<Item = &(u32, CfiOp)> {
    let mut framed = false;
    info.frame.ops.iter().take_while(move |(_, op)| match op {
        CfiOp::DefCfa(..) | CfiOp::DefCfaRegister(_) => !std::mem::replace(&mut framed, true),
        CfiOp::DefCfaOffset(_) | CfiOp::Offset(..) | CfiOp::WholeOffset(..) => true,
        CfiOp::Restore(_) | CfiOp::RememberState | CfiOp::RestoreState | CfiOp::NoCaller => false,
    })
}
