//! Rules of headers and sections: traps 33 to 38, 42 and 75 to 78.

use super::image::*;
use crate::elf::{EXECUTE, READ, WRITE};
use crate::rules::Problems;
use mochi_objwrite::Arch;
use std::collections::BTreeSet;

/// What a page is on both machines.
const PAGE: u32 = 0x1000;
const SECTOR: u32 = 0x200;

fn up(value: u64, align: u32) -> u64 {
    value.next_multiple_of(u64::from(align.max(1)))
}

/// 33: headers and sections follow one another in memory without a hole, up to the image's size; each is aligned
/// in memory and in the file, and the file has what it says.
pub fn layout(image: &Image, out: &mut Problems) {
    let (section, file) = image.alignments;
    let powers = section.is_power_of_two() && file.is_power_of_two();
    if !powers || section < PAGE || !(SECTOR..=0x1_0000).contains(&file) || file > section {
        return out.push(format!("alignments of {section:#x} in memory and {file:#x} in the file"));
    }
    if !image.headers_size.is_multiple_of(file) || u64::from(image.headers_size) < image.headers_end {
        out.push(format!(
            "headers of {:#x} bytes, which end at {:#x}",
            image.headers_size, image.headers_end
        ));
    }
    if image.header < 0x40 || !image.header.is_multiple_of(8) {
        out.push(format!("the header of PE is at {:#x}", image.header));
    }
    let mut end = up(image.headers_size.into(), section);
    let mut file_end = u64::from(image.headers_size);
    for s in &image.sections {
        let name = s.shown();
        if u64::from(s.memory.start) != end {
            out.push(format!(
                "{name} is at {:#x} of the memory, what is before ends at {end:#x}",
                s.memory.start
            ));
        }
        end = up(s.memory.end(), section);
        if s.memory.size == 0 || !s.unused {
            out.push(format!("{name} has no memory, or relocations"));
        }
        if s.file.size == 0 {
            continue;
        }
        if !s.file.start.is_multiple_of(file) || !s.file.size.is_multiple_of(file) {
            out.push(format!("{name} is not aligned in the file: {:x?}", s.file));
        }
        if u64::from(s.file.start) < file_end || s.file.end() > image.file.len() as u64 {
            out.push(format!("{name} is on something else in the file, or behind it: {:x?}", s.file));
        }
        if u64::from(s.file.size) > up(s.memory.size.into(), file) {
            out.push(format!("{name} has more in the file than in memory"));
        }
        file_end = s.file.end();
    }
    if u64::from(image.size) != end {
        out.push(format!("an image of {:#x} bytes, which ends at {end:#x}", image.size));
    }
    if image.sections.is_empty() || image.sections.len() > 96 {
        out.push(format!("{} sections", image.sections.len()));
    }
}

/// 34: the image is linked for an address above 4 GiB that the system can give.
pub fn base(image: &Image, out: &mut Problems) {
    let end = image.base.checked_add(image.size.into());
    if !image.base.is_multiple_of(0x1_0000) || image.base < 1 << 32 || end.is_none_or(|end| end > 1 << 47) {
        out.push(format!("an image at {:#x}", image.base));
    }
}

/// 35: the image can be anywhere, and data is not code; arm64 has no programs without.
pub fn characteristics(image: &Image, out: &mut Problems) {
    for (name, bit) in [("HIGH_ENTROPY_VA", 0x20), ("DYNAMIC_BASE", 0x40), ("NX_COMPAT", 0x100)] {
        if image.characteristics & bit == 0 {
            out.push(format!("{name} is not set"));
        }
    }
    // FORCE_INTEGRITY asks for a signature, APPCONTAINER for a package.
    if image.characteristics & (0x80 | 0x1000) != 0 {
        out.push(format!("flags {:#x} that ask for more than there is", image.characteristics));
    }
}

/// 37: the sums in the header are those of the sections.
pub fn sums(image: &Image, out: &mut Problems) {
    for (flag, sum) in [CODE, INITIALIZED, UNINITIALIZED].into_iter().zip(image.sums) {
        // What has no bytes in the file counts with those in memory.
        let size = |s: &Section| if flag == UNINITIALIZED { s.memory.size } else { s.file.size };
        let found: u64 =
            image.sections.iter().filter(|s| s.flags & flag != 0).map(|s| u64::from(size(s))).sum();
        if found != u64::from(sum) {
            out.push(format!("{sum:#x} bytes of sections with {flag:#x}, which are {found:#x}"));
        }
    }
    let first = image.sections.iter().find(|s| s.flags & CODE != 0).map(|s| s.memory.start);
    if first != Some(image.code) {
        out.push(format!("code begins at {:#x}", image.code));
    }
}

/// 38: names fill up with zeros, differ, and are there; long ones are found by a decimal number.
pub fn names(image: &Image, out: &mut Problems) {
    let mut seen = BTreeSet::new();
    for s in &image.sections {
        let field = s.field;
        let length = field.iter().position(|&b| b == 0).unwrap_or(field.len());
        if length == 0 || field[length..].iter().any(|&b| b != 0) {
            out.push(format!("a name {field:x?}"));
        }
        match &s.name {
            Some(name) if name.starts_with('.') && name.bytes().all(|b| b.is_ascii_graphic()) => {
                if !seen.insert(name.clone()) {
                    out.push(format!("two sections {name}"));
                }
            }
            name => out.push(format!("a section is called {name:?}")),
        }
    }
    let (at, count) = image.symbols;
    if at == 0 && count == 0 {
        return;
    }
    let last = image.sections.iter().map(|s| s.file.end()).max().unwrap_or(0);
    let strings = strings(image.symbols);
    let size = image.file.get(strings..).and_then(|t| Some(u32::from_le_bytes(*t.first_chunk()?)));
    if u64::from(at) < last || size.is_none_or(|size| size < 4 || strings + size as usize != image.file.len())
    {
        return out.push(format!("{count} symbols at {at:#x} and strings do not end the file"));
    }
    for entry in image.file[at as usize..strings].chunks_exact(SYMBOL) {
        let word = |at: usize| u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]);
        let number = usize::from(u16::from_le_bytes([entry[12], entry[13]]));
        let section = number.checked_sub(1).and_then(|n| image.sections.get(n));
        if section.is_none_or(|s| word(8) > s.memory.size) || entry[17] != 0 {
            out.push(format!("a symbol is not in its section {number}"));
        }
        if word(0) == 0 && string(image.file, image.symbols, word(4)).is_none_or(|s| s.is_empty()) {
            out.push("a symbol has no name".into());
        }
    }
}

/// 42: stack and heap are as large as what is committed of them, and on pages.
pub fn memory(image: &Image, out: &mut Problems) {
    for (name, (reserve, commit)) in ["stack", "heap"].into_iter().zip(image.memory) {
        let pages = reserve.is_multiple_of(PAGE.into()) && commit.is_multiple_of(PAGE.into());
        if commit > reserve || commit == 0 || !pages || reserve > 1 << 40 {
            out.push(format!("{reserve:#x} bytes of {name}, {commit:#x} at the start"));
        }
    }
}

/// 75: a program for the console, as the header of the file says it.
pub fn kind(image: &Image, out: &mut Problems) {
    const CONSOLE: u16 = 3;
    if image.flags & (EXECUTABLE_IMAGE | LARGE_ADDRESS_AWARE) != EXECUTABLE_IMAGE | LARGE_ADDRESS_AWARE
        || image.flags & DLL != 0
    {
        out.push(format!("the file's flags are {:#x}", image.flags));
    }
    if image.subsystem != CONSOLE || image.zeros != (0, 0) {
        out.push(format!("subsystem {}, {:?}", image.subsystem, image.zeros));
    }
    let oldest = if image.arch == Arch::A64 { (6, 2) } else { (6, 0) };
    if image.versions.iter().any(|v| *v < oldest || v.0 > 10) {
        out.push(format!("for versions {:?} of the system", image.versions));
    }
}

/// 76: the program begins in code; code is not writable, and everything can be read.
pub fn protections(image: &Image, out: &mut Problems) {
    for s in &image.sections {
        let protection = s.protection();
        let is_code = protection & EXECUTE != 0;
        if protection & READ == 0 || is_code && protection & WRITE != 0 || is_code != (s.flags & CODE != 0) {
            out.push(format!("{} has flags {:#x}", s.shown(), s.flags));
        }
    }
    let align = if image.arch == Arch::A64 { 4 } else { 1 };
    let entry = image.section(Range { start: image.entry, size: 1 });
    let in_code =
        entry.is_some_and(|s| s.protection() & EXECUTE != 0 && s.filled().end() > image.entry.into());
    if !in_code || !image.entry.is_multiple_of(align) {
        out.push(format!("the entry {:#x} is not in code", image.entry));
    }
}

/// 77: debug records are in the file and in memory where they say; one of CodeView has an identity.
pub fn debug(image: &Image, out: &mut Problems) {
    const ENTRY: u32 = 28;
    const CODE_VIEW: u32 = 2;
    let Some(directory) = image.directory(DEBUG) else { return };
    let Ok(bytes) = image.bytes(directory) else {
        return out.push(format!("no debug directory at {directory:x?}"));
    };
    if !directory.size.is_multiple_of(ENTRY) {
        out.push(format!("a debug directory of {:#x} bytes", directory.size));
    }
    for entry in bytes.chunks_exact(ENTRY as usize) {
        let word = |n: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| entry[4 * n + i]));
        let record = Range { start: word(5), size: word(4) };
        let offset = image.offset(record);
        let Some(at) = offset.filter(|&at| at == word(6) as usize) else {
            out.push(format!("a debug record is elsewhere in the file than in memory: {record:x?}"));
            continue;
        };
        let contents = &image.file[at..at + record.size as usize];
        let identity = contents.strip_prefix(b"RSDS").and_then(|rest| rest.get(..16));
        if word(3) == CODE_VIEW && identity.is_none_or(|id| id.iter().all(|&b| b == id[0])) {
            out.push("a CodeView record without identity".into());
        }
    }
}

/// 78: directories are in sections, those that programs without libraries of their own have.
pub fn directories(image: &Image, out: &mut Problems) {
    let known = [IMPORT, EXCEPTION, RELOCATIONS, DEBUG, SLOTS];
    for (n, directory) in image.directories.iter().enumerate() {
        if *directory == Range::default() {
            continue;
        }
        if n == CERTIFICATES || !known.contains(&n) {
            out.push(format!("directory {n}, which is not known here"));
        } else if directory.size == 0 || image.offset(*directory).is_none() {
            out.push(format!("directory {n} is not in a section: {directory:x?}"));
        }
    }
}
