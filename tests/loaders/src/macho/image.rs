//! A Mach-O executable as it is read: header, load commands, segments and sections (`mach-o/loader.h`).
//!
//! Only what cannot be read at all is an error here; what else is wrong with a file, the rules say.

use super::fixups::{self, Fixups};
pub use crate::elf::{EXECUTE, READ, WRITE};
pub use crate::read::{Unreadable, u64_at};
use crate::read::{array, text, u32_at};
use mochi_objwrite::Arch;

/// Bytes of `mach_header_64`.
pub const HEADER: u64 = 32;
/// Bytes of `segment_command_64` and of each `section_64` behind it.
const SEGMENT: usize = 72;
const SECTION: usize = 80;

const MAGIC: u32 = 0xFEED_FACF;
/// Machines.
pub const CPU_X86_64: u32 = 0x0100_0007;
/// See [`CPU_X86_64`].
pub const CPU_ARM64: u32 = 0x0100_000C;
const MH_EXECUTE: u32 = 2;

const LC_SYMTAB: u32 = 0x2;
const LC_DYSYMTAB: u32 = 0xB;
const LC_LOAD_DYLIB: u32 = 0xC;
const LC_LOAD_DYLINKER: u32 = 0xE;
const LC_SEGMENT_64: u32 = 0x19;
const LC_UUID: u32 = 0x1B;
const LC_CODE_SIGNATURE: u32 = 0x1D;
const LC_FUNCTION_STARTS: u32 = 0x26;
const LC_DATA_IN_CODE: u32 = 0x29;
const LC_SOURCE_VERSION: u32 = 0x2A;
const LC_BUILD_VERSION: u32 = 0x32;
const LC_DYLD_INFO_ONLY: u32 = 0x8000_0022;
const LC_MAIN: u32 = 0x8000_0028;

/// Segment flag: nothing in it is relocated.
pub const SG_NORELOC: u32 = 0x4;
/// Segment flag: read-only after the fixups.
pub const SG_READ_ONLY: u32 = 0x10;

/// Section types.
pub const S_ZEROFILL: u32 = 1;
/// Addresses that are bound before the program starts.
pub const S_NON_LAZY_SYMBOL_POINTERS: u32 = 6;
/// Attributes of sections with code.
pub const S_ATTR_INSTRUCTIONS: u32 = 0x8000_0400;

/// A range of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Where it starts.
    pub offset: u64,
    /// Its bytes.
    pub size: u64,
}

impl Part {
    /// Where it ends.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }
}

/// A section.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its name field, all 16 bytes.
    pub name: [u8; 16],
    /// The name of its segment as the section says it.
    pub segment: String,
    /// Address without slide.
    pub address: u64,
    /// Bytes in memory.
    pub size: u64,
    /// Where its bytes are in the file.
    pub offset: u64,
    /// Alignment, the logarithm to base 2.
    pub align: u32,
    /// Relocations of its own, which executables have none of: where, how many.
    pub relocations: (u32, u32),
    /// Type and attributes.
    pub flags: u32,
    /// For pointers to symbols: the first of its indirect symbols.
    pub reserved1: u32,
}

impl Section {
    /// Its type.
    pub fn kind(&self) -> u32 {
        self.flags & 0xFF
    }

    /// Where it ends in memory.
    pub fn end(&self) -> u64 {
        self.address.saturating_add(self.size)
    }

    /// Its part of the file, of as many bytes as it has in memory.
    pub fn part(&self) -> Part {
        Part { offset: self.offset, size: self.size }
    }

    /// The name up to its end.
    pub fn short_name(&self) -> String {
        text(&self.name)
    }
}

/// A segment.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Its name.
    pub name: String,
    /// Address without slide.
    pub address: u64,
    /// Bytes in memory.
    pub size: u64,
    /// Its bytes in the file.
    pub file: Part,
    /// Protection that it can get at most.
    pub max_protection: u32,
    /// Protection that it has.
    pub protection: u32,
    /// Flags.
    pub flags: u32,
    /// Its sections.
    pub sections: Vec<Section>,
}

impl Segment {
    /// Where it ends in memory.
    pub fn end(&self) -> u64 {
        self.address.saturating_add(self.size)
    }

    /// Where what the file has of it ends in memory.
    pub fn file_end(&self) -> u64 {
        self.address.saturating_add(self.file.size)
    }
}

/// The program's start.
#[derive(Clone, Copy, Debug)]
pub struct Main {
    /// Where the entry is in the file.
    pub entry: u64,
    /// Bytes of stack; 0 for the system's own size.
    pub stack: u64,
}

/// What the program was built for.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// 1 for macOS.
    pub platform: u32,
    /// Oldest system, as X.Y.Z in 16, 8 and 8 bits.
    pub minos: u32,
    /// The system whose rules hold for it.
    pub sdk: u32,
}

/// The symbol table's two parts.
#[derive(Clone, Copy, Debug)]
pub struct SymbolTable {
    /// Entries.
    pub symbols: Part,
    /// Their number.
    pub count: u32,
    /// Names.
    pub strings: Part,
}

/// A symbol.
#[derive(Clone, Debug)]
pub struct Symbol {
    /// Its name; `None` when it is not in the string table.
    pub name: Option<String>,
    /// Type bits.
    pub kind: u8,
    /// Number of its section.
    pub section: u8,
    /// Description: of undefined symbols, the ordinal of the library in the high byte.
    pub description: u16,
    /// Address without slide.
    pub value: u64,
}

/// The order of symbols: first and number of locals, external definitions, undefined; the indirect symbols.
#[derive(Clone, Copy, Debug)]
pub struct SymbolRanges {
    /// Locals.
    pub locals: (u32, u32),
    /// External definitions.
    pub defined: (u32, u32),
    /// Undefined.
    pub undefined: (u32, u32),
    /// Where the table of indirect symbols is.
    pub indirect: Part,
    /// Fields that executables of today do not use: all are 0.
    pub unused: bool,
}

/// The fixups' opcodes and the exports, in the order of `dyld_info_command`.
#[derive(Clone, Copy, Debug, Default)]
pub struct DyldInfo {
    /// Addresses of this image.
    pub rebase: Part,
    /// Addresses of libraries.
    pub bind: Part,
    /// Addresses of symbols that several images define.
    pub weak: Part,
    /// Addresses that are bound at the first call.
    pub lazy: Part,
    /// What the image defines for others.
    pub exports: Part,
}

/// A Mach-O executable.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    /// The file.
    pub file: &'a [u8],
    /// Its machine.
    pub arch: Arch,
    /// Flags of the header.
    pub flags: u32,
    /// Sizes of the load commands.
    pub command_sizes: Vec<u32>,
    /// Where the header says that the load commands end.
    pub commands_end: u64,
    /// In the order of the load commands.
    pub segments: Vec<Segment>,
    /// `LC_MAIN`.
    pub main: Option<Main>,
    /// `LC_UUID`.
    pub uuid: Option<[u8; 16]>,
    /// `LC_BUILD_VERSION`.
    pub build: Option<Build>,
    /// The names of `LC_LOAD_DYLIB`, `None` for one that does not end in its command.
    pub dylibs: Vec<Option<String>>,
    /// The name of `LC_LOAD_DYLINKER`.
    pub dylinker: Option<Option<String>>,
    /// `LC_SYMTAB`.
    pub symbols: Option<SymbolTable>,
    /// `LC_DYSYMTAB`.
    pub ranges: Option<SymbolRanges>,
    /// `LC_DYLD_INFO_ONLY`.
    pub dyld: Option<DyldInfo>,
    /// `LC_FUNCTION_STARTS`.
    pub function_starts: Option<Part>,
    /// `LC_DATA_IN_CODE`.
    pub data_in_code: Option<Part>,
    /// `LC_CODE_SIGNATURE`.
    pub signature: Option<Part>,
    /// What the run-time linker changes.
    pub fixups: Fixups,
}

/// Two numbers: where and how large.
fn part_at(bytes: &[u8], at: usize) -> Result<Part, Unreadable> {
    Ok(Part { offset: u32_at(bytes, at)?.into(), size: u32_at(bytes, at + 4)?.into() })
}

fn pair_at(bytes: &[u8], at: usize) -> Result<(u32, u32), Unreadable> {
    Ok((u32_at(bytes, at)?, u32_at(bytes, at + 4)?))
}

/// Sets what an image has once.
fn once<T>(place: &mut Option<T>, value: T, what: &str) -> Result<(), Unreadable> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("{what} twice").into()),
    }
}

impl<'a> Image<'a> {
    /// Reads a file; the error says what cannot be read.
    pub fn read(file: &'a [u8]) -> Result<Image<'a>, Unreadable> {
        if u32_at(file, 0)? != MAGIC {
            return Err("no Mach-O file of 64 bits".into());
        }
        let arch = match pair_at(file, 4)? {
            (CPU_X86_64, _) => Arch::X64,
            (CPU_ARM64, 0) => Arch::A64,
            (cpu, kind) => return Err(format!("machine {cpu:#x}, {kind:#x}").into()),
        };
        if u32_at(file, 12)? != MH_EXECUTE {
            return Err("no executable".into());
        }
        let commands_end = HEADER + u64::from(u32_at(file, 20)?);
        let mut image = Image {
            file,
            arch,
            flags: u32_at(file, 24)?,
            command_sizes: Vec::new(),
            commands_end,
            segments: Vec::new(),
            main: None,
            uuid: None,
            build: None,
            dylibs: Vec::new(),
            dylinker: None,
            symbols: None,
            ranges: None,
            dyld: None,
            function_starts: None,
            data_in_code: None,
            signature: None,
            fixups: Fixups::default(),
        };
        let mut at = HEADER as usize;
        for n in 0..u32_at(file, 16)? {
            let size = u32_at(file, at + 4)?;
            let end = at + size as usize;
            let bytes = file.get(at..end).filter(|_| size >= 8 && end as u64 <= commands_end);
            image.command(bytes.ok_or_else(|| format!("load command {n} ends nowhere"))?)?;
            image.command_sizes.push(size);
            at = end;
        }
        image.fixups = fixups::read(&image)?;
        Ok(image)
    }

    fn command(&mut self, c: &[u8]) -> Result<(), Unreadable> {
        match u32_at(c, 0)? {
            LC_SEGMENT_64 => self.segments.push(segment(c)?),
            LC_MAIN => {
                once(&mut self.main, Main { entry: u64_at(c, 8)?, stack: u64_at(c, 16)? }, "LC_MAIN")?;
            }
            LC_UUID => once(&mut self.uuid, array(c, 8)?, "LC_UUID")?,
            LC_BUILD_VERSION => {
                let build = Build { platform: u32_at(c, 8)?, minos: u32_at(c, 12)?, sdk: u32_at(c, 16)? };
                if c.len() != 24 + 8 * u32_at(c, 20)? as usize {
                    return Err("LC_BUILD_VERSION has a wrong size".into());
                }
                once(&mut self.build, build, "LC_BUILD_VERSION")?;
            }
            LC_LOAD_DYLIB => self.dylibs.push(command_string(c)?),
            LC_LOAD_DYLINKER => once(&mut self.dylinker, command_string(c)?, "LC_LOAD_DYLINKER")?,
            LC_SYMTAB => {
                let count = u32_at(c, 12)?;
                let symbols = Part { offset: u32_at(c, 8)?.into(), size: u64::from(count) * 16 };
                let table = SymbolTable { symbols, count, strings: part_at(c, 16)? };
                once(&mut self.symbols, table, "LC_SYMTAB")?;
            }
            LC_DYSYMTAB => once(&mut self.ranges, symbol_ranges(c)?, "LC_DYSYMTAB")?,
            LC_DYLD_INFO_ONLY => {
                let info = DyldInfo {
                    rebase: part_at(c, 8)?,
                    bind: part_at(c, 16)?,
                    weak: part_at(c, 24)?,
                    lazy: part_at(c, 32)?,
                    exports: part_at(c, 40)?,
                };
                once(&mut self.dyld, info, "LC_DYLD_INFO_ONLY")?;
            }
            LC_FUNCTION_STARTS => once(&mut self.function_starts, part_at(c, 8)?, "LC_FUNCTION_STARTS")?,
            LC_DATA_IN_CODE => once(&mut self.data_in_code, part_at(c, 8)?, "LC_DATA_IN_CODE")?,
            LC_CODE_SIGNATURE => once(&mut self.signature, part_at(c, 8)?, "LC_CODE_SIGNATURE")?,
            LC_SOURCE_VERSION => {}
            other => return Err(format!("a load command {other:#x}, which is not known here").into()),
        }
        Ok(())
    }

    /// The bytes of a part of the file.
    pub fn part(&self, part: Part) -> Result<&'a [u8], Unreadable> {
        let range = part.offset as usize..part.end() as usize;
        let bytes = self.file.get(range);
        Ok(bytes.ok_or_else(|| format!("no {:#x} bytes at {:#x}", part.size, part.offset))?)
    }

    /// Bytes of a page.
    pub fn page(&self) -> u64 {
        if self.arch == Arch::A64 { 0x4000 } else { 0x1000 }
    }

    /// The segment with a name.
    pub fn segment(&self, name: &str) -> Option<&Segment> {
        self.segments.iter().find(|s| s.name == name)
    }

    /// Segments that take memory and can be accessed.
    pub fn mapped(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|s| s.size != 0 && s.max_protection != 0)
    }

    /// The symbols; none when there is no table.
    pub fn symbol_list(&self) -> Result<Vec<Symbol>, Unreadable> {
        let Some(table) = self.symbols else { return Ok(Vec::new()) };
        let strings = self.part(table.strings)?;
        let symbol = |e: &[u8]| {
            let name = strings.get(u32_at(e, 0)? as usize..);
            let name = name.filter(|s| s.contains(&0)).map(text);
            let description = u16::from_le_bytes([e[6], e[7]]);
            Ok(Symbol { name, kind: e[4], section: e[5], description, value: u64_at(e, 8)? })
        };
        self.part(table.symbols)?.chunks_exact(16).map(symbol).collect()
    }

    /// The indirect symbols.
    pub fn indirect_symbols(&self) -> Result<Vec<u32>, Unreadable> {
        let Some(ranges) = self.ranges else { return Ok(Vec::new()) };
        self.part(ranges.indirect)?.chunks_exact(4).map(|word| u32_at(word, 0)).collect()
    }
}

fn segment(c: &[u8]) -> Result<Segment, Unreadable> {
    let count = u32_at(c, 64)? as usize;
    if c.len() != SEGMENT + count * SECTION {
        return Err("a segment's size is not that of its sections".into());
    }
    Ok(Segment {
        name: text(&array::<16>(c, 8)?),
        address: u64_at(c, 24)?,
        size: u64_at(c, 32)?,
        file: Part { offset: u64_at(c, 40)?, size: u64_at(c, 48)? },
        max_protection: u32_at(c, 56)?,
        protection: u32_at(c, 60)?,
        flags: u32_at(c, 68)?,
        sections: c[SEGMENT..].chunks_exact(SECTION).map(section).collect::<Result<_, _>>()?,
    })
}

fn section(c: &[u8]) -> Result<Section, Unreadable> {
    Ok(Section {
        name: array(c, 0)?,
        segment: text(&array::<16>(c, 16)?),
        address: u64_at(c, 32)?,
        size: u64_at(c, 40)?,
        offset: u32_at(c, 48)?.into(),
        align: u32_at(c, 52)?,
        relocations: pair_at(c, 56)?,
        flags: u32_at(c, 64)?,
        reserved1: u32_at(c, 68)?,
    })
}

/// The string whose offset in the command is its third word; `None` when it does not end in the command.
fn command_string(c: &[u8]) -> Result<Option<String>, Unreadable> {
    let string = c.get(u32_at(c, 8)? as usize..);
    Ok(string.filter(|s| s.contains(&0)).map(text))
}

fn symbol_ranges(c: &[u8]) -> Result<SymbolRanges, Unreadable> {
    let words = (0..18).map(|n| u32_at(c, 8 + 4 * n)).collect::<Result<Vec<_>, _>>()?;
    let indirect = Part { offset: words[12].into(), size: u64::from(words[13]) * 4 };
    Ok(SymbolRanges {
        locals: (words[0], words[1]),
        defined: (words[2], words[3]),
        undefined: (words[4], words[5]),
        indirect,
        unused: words[6..12].iter().chain(&words[14..]).all(|&w| w == 0),
    })
}
