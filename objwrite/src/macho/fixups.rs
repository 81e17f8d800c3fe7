//! The opcodes by which dyld changes addresses in data (`LC_DYLD_INFO_ONLY`): rebases, for addresses in
//! the program itself, and binds, for those of imported functions.
//!
//! The classic form is used rather than chained fixups, because every version of the loader takes it and
//! words keep their unslid addresses, so that all tools show them.

use crate::leb;
use crate::link::layout::SLOT;
use object::macho::*;

/// Where a section is for the loader: the index of its segment, and its offset there.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Index of the segment's load command among those of segments.
    pub segment: u8,
    /// Offset in the segment.
    pub offset: u64,
}

/// Rebases of words: for each section its place, and the offsets of words in it, ascending.
pub fn rebases(sections: &[(Place, Vec<u64>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (place, words) in sections.iter().filter(|(_, words)| !words.is_empty()) {
        out.push(REBASE_OPCODE_SET_TYPE_IMM.0 | REBASE_TYPE_POINTER.0);
        let mut rest = &words[..];
        // Behind the last word that was rebased; before the first one there is none.
        let mut at = None;
        while let Some(&first) = rest.first() {
            let run = rest.iter().zip(0..).take_while(|&(&w, i)| w == first + SLOT * i).count();
            match at {
                None => {
                    out.push(REBASE_OPCODE_SET_SEGMENT_AND_OFFSET_ULEB.0 | place.segment);
                    leb::write(&mut out, place.offset + first);
                }
                Some(at) => {
                    out.push(REBASE_OPCODE_ADD_ADDR_ULEB.0);
                    leb::write(&mut out, first - at);
                }
            }
            out.push(REBASE_OPCODE_DO_REBASE_ULEB_TIMES.0);
            leb::write(&mut out, run as u64);
            at = Some(first + SLOT * run as u64);
            rest = &rest[run..];
        }
    }
    end(&mut out, REBASE_OPCODE_DONE.0);
    out
}

/// Binds of slots that follow each other: for each the number of its library, from 1, and its symbol.
pub fn binds<'a>(slots: Place, imports: impl Iterator<Item = (usize, &'a str)>) -> Vec<u8> {
    let mut out = vec![BIND_OPCODE_SET_TYPE_IMM.0 | BIND_TYPE_POINTER.0];
    out.push(BIND_OPCODE_SET_SEGMENT_AND_OFFSET_ULEB.0 | slots.segment);
    leb::write(&mut out, slots.offset);
    for (library, symbol) in imports {
        out.push(BIND_OPCODE_SET_DYLIB_ORDINAL_ULEB.0);
        leb::write(&mut out, library as u64);
        out.push(BIND_OPCODE_SET_SYMBOL_TRAILING_FLAGS_IMM.0);
        out.extend(symbol.as_bytes());
        out.push(0);
        // This moves to the next slot.
        out.push(BIND_OPCODE_DO_BIND.0);
    }
    end(&mut out, BIND_OPCODE_DONE.0);
    out
}

/// The end of a list. What follows in the file is aligned to 8, and lists leave no hole between them.
fn end(out: &mut Vec<u8>, done: u8) {
    out.push(done);
    out.resize(out.len().next_multiple_of(8), done);
}
