//! Rules of base relocations (traps 36 and 49) and of unwind information (trap 47).

use super::image::*;
use crate::elf::EXECUTE;
use crate::read::{Unreadable, u16_at, u32_at};
use crate::rules::Problems;
use mochi_objwrite::Arch;
use std::collections::BTreeSet;

/// The span of addresses that a block is for.
const BLOCK: u32 = 0x1000;
/// Types: a filler, and a word of 64 bits.
const FILLER: u16 = 0;
const DIR64: u16 = 10;

/// A place that moves with the image: its type and where it is.
pub type Place = (u16, u32);

/// The places, fillers left out, and what is wrong with their blocks.
pub fn places(image: &Image) -> Result<(Vec<Place>, Problems), Unreadable> {
    let (mut list, mut wrong) = (Vec::new(), Problems::new());
    let Some(directory) = image.directory(RELOCATIONS) else { return Ok((list, wrong)) };
    let bytes = image.bytes(directory)?;
    let (mut at, mut last) = (0, None);
    while at < bytes.len() {
        let (page, size) = (u32_at(bytes, at)?, u32_at(bytes, at + 4)? as usize);
        let end = at.saturating_add(size);
        if size < 8 || !size.is_multiple_of(4) || end > bytes.len() {
            return Err(format!("a block of relocations of {size:#x} bytes").into());
        }
        if !page.is_multiple_of(BLOCK) || last.is_some_and(|last| page <= last) || size == 8 {
            wrong.push(format!("a block of relocations for {page:#x} is empty or behind that of {last:x?}"));
        }
        last = Some(page);
        for entry in (at + 8..end).step_by(2) {
            let value = u16_at(bytes, entry)?;
            match value >> 12 {
                FILLER if entry + 2 == end && value == 0 => {}
                kind => list.push((kind, page.saturating_add(u32::from(value & 0xFFF)))),
            }
        }
        at = end;
    }
    Ok((list, wrong))
}

/// Whether a word is an address of the image.
fn is_address(image: &Image, value: u64) -> bool {
    value >= image.base && value - image.base <= image.size.into()
}

/// 36: the image can be loaded elsewhere: relocations are there, in order, and each address in data has one, and
/// nothing else.
pub fn slides(image: &Image, out: &mut Problems) {
    if image.flags & RELOCS_STRIPPED != 0 {
        out.push("RELOCS_STRIPPED is set".into());
    }
    let (list, wrong) = match places(image) {
        Ok(found) => found,
        Err(e) => return out.push(e.0),
    };
    out.extend(wrong);
    if image.directories[RELOCATIONS].size == 0 && image.directories[RELOCATIONS].start != 0 {
        out.push("a directory of relocations without bytes".into());
    }
    let mut seen = BTreeSet::new();
    for &(_, place) in &list {
        if !seen.insert(place) || seen.contains(&place.wrapping_sub(4)) {
            out.push(format!("two relocations at {place:#x}"));
        }
        match image.word(place) {
            Ok(value) if is_address(image, value) => {}
            Ok(value) => out.push(format!("the word {value:#x} at {place:#x} is no address")),
            Err(e) => out.push(e.0),
        }
        let discarded =
            image.section(Range { start: place, size: 8 }).is_some_and(|s| s.flags & DISCARDABLE != 0);
        if discarded {
            out.push(format!("a relocation of what is not loaded at {place:#x}"));
        }
    }
    let data = |s: &&Section| s.protection() & EXECUTE == 0 && s.flags & DISCARDABLE == 0;
    for section in image.sections.iter().filter(data) {
        let filled = section.filled();
        let words = (filled.start..filled.end().min(u32::MAX.into()) as u32).step_by(8);
        for start in words.filter(|start| !seen.contains(start)) {
            if let Ok(value) = image.word(start)
                && is_address(image, value)
            {
                out.push(format!("the word {value:#x} at {start:#x} is an address without a relocation"));
            }
        }
    }
}

/// 49: no address goes through 32 bits.
pub fn wide(image: &Image, out: &mut Problems) {
    for (kind, place) in places(image).map(|found| found.0).unwrap_or_default() {
        if kind != DIR64 {
            out.push(format!("a relocation of type {kind} at {place:#x}"));
        }
    }
}

/// 47: unwind information, if there is any, is of functions in order, which are code and do not overlap, each
/// with a record that is there.
pub fn functions(image: &Image, out: &mut Problems) {
    let Some(directory) = image.directory(EXCEPTION) else { return };
    // arm64 has no end, and a record or, with low bits that are not 0, what would be in it.
    let size = if image.arch == Arch::A64 { 8 } else { 12 };
    let Ok(bytes) = image.bytes(directory) else {
        return out.push(format!("no unwind information at {directory:x?}"));
    };
    if !directory.size.is_multiple_of(size) {
        out.push(format!("unwind information of {:#x} bytes", directory.size));
    }
    let mut last = 0;
    for entry in bytes.chunks_exact(size as usize) {
        let word = |n: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| entry[4 * n + i]));
        let start = word(0);
        let (end, record) =
            if image.arch == Arch::A64 { (start.saturating_add(4), word(1)) } else { (word(1), word(2)) };
        if start < last || end <= start {
            out.push(format!("the function {start:#x} to {end:#x} is behind {last:#x}"));
        }
        last = end;
        let function = Range { start, size: end.saturating_sub(start) };
        if image.section(function).is_none_or(|s| s.protection() & EXECUTE == 0) {
            out.push(format!("the function at {start:#x} is no code"));
        }
        let elsewhere = image.arch == Arch::X64 || record & 3 == 0;
        if elsewhere && (!record.is_multiple_of(4) || image.bytes(Range { start: record, size: 4 }).is_err())
        {
            out.push(format!("the function at {start:#x} has no record at {record:#x}"));
        }
    }
}
