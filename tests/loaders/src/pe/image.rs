//! A PE32+ executable as it is read: headers, sections, directories (Microsoft, "PE Format").
//!
//! Only what cannot be read at all is an error here; what else is wrong with a file, the rules say. Addresses
//! are offsets from the image's start, as in the file.

use crate::elf::{EXECUTE, READ, WRITE};
use crate::read::{Unreadable, array, text, u16_at, u32_at, u64_at};
use mochi_objwrite::Arch;

/// Bytes of the headers between which the sections' are: the signature and that of the file.
const FILE_HEADER: usize = 24;
const OPTIONAL_HEADER: u16 = 240;
const SECTION_HEADER: usize = 40;
const MACHINE_AMD64: u16 = 0x8664;
const MACHINE_ARM64: u16 = 0xAA64;
const MAGIC_64: u16 = 0x20B;

/// Flags of the file.
pub const RELOCS_STRIPPED: u16 = 0x1;
/// It is an executable.
pub const EXECUTABLE_IMAGE: u16 = 0x2;
/// It can have addresses above 2 GiB.
pub const LARGE_ADDRESS_AWARE: u16 = 0x20;
/// It is a library.
pub const DLL: u16 = 0x2000;

/// Flags of sections: what they hold.
pub const CODE: u32 = 0x20;
/// Data that is in the file.
pub const INITIALIZED: u32 = 0x40;
/// Zeros.
pub const UNINITIALIZED: u32 = 0x80;
/// Need not be loaded.
pub const DISCARDABLE: u32 = 0x200_0000;
const MEM_EXECUTE: u32 = 0x2000_0000;
const MEM_READ: u32 = 0x4000_0000;
const MEM_WRITE: u32 = 0x8000_0000;

/// Numbers of directories.
pub const IMPORT: usize = 1;
/// Unwind information of functions.
pub const EXCEPTION: usize = 3;
/// The attribute certificates, whose place is in the file and not in memory.
pub const CERTIFICATES: usize = 4;
/// Base relocations.
pub const RELOCATIONS: usize = 5;
/// Debug directory.
pub const DEBUG: usize = 6;
/// The slots of imports.
pub const SLOTS: usize = 12;
/// How many there are.
pub const DIRECTORIES: usize = 16;

/// A range of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// Where it starts.
    pub start: u32,
    /// Its bytes.
    pub size: u32,
}

impl Range {
    /// Where it ends.
    pub fn end(&self) -> u64 {
        u64::from(self.start) + u64::from(self.size)
    }

    /// Whether another range lies in it.
    pub fn has(&self, other: Range) -> bool {
        self.start <= other.start && other.end() <= self.end()
    }
}

/// A section.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its name field.
    pub field: [u8; 8],
    /// Its name, from the strings when it is long; `None` when it is not there.
    pub name: Option<String>,
    /// Its memory.
    pub memory: Range,
    /// Its bytes in the file.
    pub file: Range,
    /// Fields that executables do not have: relocations, line numbers.
    pub unused: bool,
    /// What it holds and how it can be accessed.
    pub flags: u32,
}

impl Section {
    /// Its protection.
    pub fn protection(&self) -> u32 {
        let bit = |from: u32, to: u32| if self.flags & from != 0 { to } else { 0 };
        bit(MEM_READ, READ) | bit(MEM_WRITE, WRITE) | bit(MEM_EXECUTE, EXECUTE)
    }

    /// The addresses whose bytes the file has.
    pub fn filled(&self) -> Range {
        Range { start: self.memory.start, size: self.memory.size.min(self.file.size) }
    }

    /// A name for messages.
    pub fn shown(&self) -> String {
        self.name.clone().unwrap_or_else(|| text(&self.field))
    }
}

/// A PE32+ executable.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    /// The file.
    pub file: &'a [u8],
    /// Its machine.
    pub arch: Arch,
    /// Where the header of PE is.
    pub header: u32,
    /// Where the headers of sections end.
    pub headers_end: u64,
    /// Flags of the file.
    pub flags: u16,
    /// The table of symbols: where, how many.
    pub symbols: (u32, u32),
    /// Sums of sections: code, initialized data, zeros.
    pub sums: [u32; 3],
    /// Where the program begins.
    pub entry: u32,
    /// Where code begins.
    pub code: u32,
    /// The address that it is linked for.
    pub base: u64,
    /// What sections are aligned to in memory and in the file.
    pub alignments: (u32, u32),
    /// The oldest system, and the version of its subsystem.
    pub versions: [(u16, u16); 2],
    /// Fields that are 0: a version of Windows, the loader's flags.
    pub zeros: (u32, u32),
    /// Bytes in memory.
    pub size: u32,
    /// Bytes of headers.
    pub headers_size: u32,
    /// What kind of program it is.
    pub subsystem: u16,
    /// Flags of the image.
    pub characteristics: u16,
    /// Stack, heap: reserved and committed.
    pub memory: [(u64, u64); 2],
    /// In order.
    pub directories: [Range; DIRECTORIES],
    /// In the order of their headers.
    pub sections: Vec<Section>,
}

impl<'a> Image<'a> {
    /// Reads a file; the error says what cannot be read.
    pub fn read(file: &'a [u8]) -> Result<Image<'a>, Unreadable> {
        if array(file, 0)? != *b"MZ" {
            return Err("no PE file".into());
        }
        let header = u32_at(file, 0x3C)?;
        let at = header as usize;
        if array(file, at)? != *b"PE\0\0" {
            return Err("no PE header".into());
        }
        let arch = match u16_at(file, at + 4)? {
            MACHINE_AMD64 => Arch::X64,
            MACHINE_ARM64 => Arch::A64,
            other => return Err(format!("machine {other:#x}").into()),
        };
        let o = at + FILE_HEADER;
        if u16_at(file, at + 20)? != OPTIONAL_HEADER || u16_at(file, o)? != MAGIC_64 {
            return Err("no PE32+ header".into());
        }
        if u32_at(file, o + 108)? as usize != DIRECTORIES {
            return Err("another number of directories".into());
        }
        let pair = |at: usize| Ok::<_, Unreadable>((u32_at(file, at)?, u32_at(file, at + 4)?));
        let halves = |at: usize| Ok::<_, Unreadable>((u16_at(file, at)?, u16_at(file, at + 2)?));
        let longs = |at: usize| Ok::<_, Unreadable>((u64_at(file, at)?, u64_at(file, at + 8)?));
        let mut directories = [Range::default(); DIRECTORIES];
        for (n, directory) in directories.iter_mut().enumerate() {
            let (start, size) = pair(o + 112 + 8 * n)?;
            *directory = Range { start, size };
        }
        let symbols = pair(at + 12)?;
        let first = o + usize::from(OPTIONAL_HEADER);
        let count = usize::from(u16_at(file, at + 6)?);
        let section = |n| section(file, first + SECTION_HEADER * n, symbols);
        Ok(Image {
            file,
            arch,
            header,
            headers_end: (first + SECTION_HEADER * count) as u64,
            flags: u16_at(file, at + 22)?,
            symbols,
            sums: [u32_at(file, o + 4)?, u32_at(file, o + 8)?, u32_at(file, o + 12)?],
            entry: u32_at(file, o + 16)?,
            code: u32_at(file, o + 20)?,
            base: u64_at(file, o + 24)?,
            alignments: pair(o + 32)?,
            versions: [halves(o + 40)?, halves(o + 48)?],
            zeros: (u32_at(file, o + 52)?, u32_at(file, o + 104)?),
            size: u32_at(file, o + 56)?,
            headers_size: u32_at(file, o + 60)?,
            subsystem: u16_at(file, o + 68)?,
            characteristics: u16_at(file, o + 70)?,
            memory: [longs(o + 72)?, longs(o + 88)?],
            directories,
            sections: (0..count).map(section).collect::<Result<_, _>>()?,
        })
    }

    /// A directory that there is.
    pub fn directory(&self, number: usize) -> Option<Range> {
        Some(self.directories[number]).filter(|d| *d != Range::default())
    }

    /// The section in which a range of addresses is.
    pub fn section(&self, range: Range) -> Option<&Section> {
        self.sections.iter().find(|s| s.memory.has(range))
    }

    /// Where in the file the bytes of addresses are, which are all there.
    pub fn offset(&self, range: Range) -> Option<usize> {
        let section = self.sections.iter().find(|s| s.filled().has(range))?;
        let offset = section.file.start as usize + (range.start - section.memory.start) as usize;
        (offset + range.size as usize <= self.file.len()).then_some(offset)
    }

    /// The bytes of addresses.
    pub fn bytes(&self, range: Range) -> Result<&'a [u8], Unreadable> {
        let at = self.offset(range).ok_or_else(|| format!("nothing at {range:x?}"))?;
        Ok(&self.file[at..at + range.size as usize])
    }

    /// The word at an address.
    pub fn word(&self, start: u32) -> Result<u64, Unreadable> {
        u64_at(self.bytes(Range { start, size: 8 })?, 0)
    }

    /// The text at an address, which ends with a zero in the same section.
    pub fn text(&self, start: u32) -> Result<String, Unreadable> {
        let missing = || Unreadable(format!("no text at {start:#x}"));
        let section = self.section(Range { start, size: 1 }).ok_or_else(missing)?;
        let size = (section.filled().end().saturating_sub(start.into())) as u32;
        let bytes = self.bytes(Range { start, size })?;
        if !bytes.contains(&0) {
            return Err(missing());
        }
        Ok(text(bytes))
    }
}

/// Bytes of a symbol.
pub const SYMBOL: usize = 18;

/// Where the strings are, behind the symbols.
pub fn strings(symbols: (u32, u32)) -> usize {
    symbols.0 as usize + symbols.1 as usize * SYMBOL
}

/// A string; `None` when it is not there with its end.
pub fn string(file: &[u8], symbols: (u32, u32), at: u32) -> Option<String> {
    let table = file.get(strings(symbols)..).filter(|_| symbols.0 != 0)?;
    let table = table.get(..u32_at(table, 0).ok()? as usize)?;
    let bytes = table.get(at as usize..).filter(|b| at >= 4 && b.contains(&0))?;
    Some(text(bytes))
}

fn section(file: &[u8], at: usize, symbols: (u32, u32)) -> Result<Section, Unreadable> {
    let field: [u8; 8] = array(file, at)?;
    let short = text(&field);
    let name = match short.strip_prefix('/') {
        None => Some(short),
        Some(digits) => {
            let number = digits.parse().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
            number.and_then(|number| string(file, symbols, number))
        }
    };
    let word = |n: usize| u32_at(file, at + 8 + 4 * n);
    Ok(Section {
        field,
        name,
        memory: Range { size: word(0)?, start: word(1)? },
        file: Range { size: word(2)?, start: word(3)? },
        unused: word(4)? == 0 && word(5)? == 0 && word(6)? == 0,
        flags: word(7)?,
    })
}
