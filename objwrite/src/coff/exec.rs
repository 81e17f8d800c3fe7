//! PE32+ executables for Windows.
//!
//! The loader places the file anywhere, changes the addresses in it (`.reloc`), fills the slots of
//! imported functions, and calls the entry. Addresses here are offsets from the image's start unless
//! they are in code and data, which have the address that the image is linked for added.
//!
//! ```text
//! section   holds
//! headers
//! .text     code
//! .rdata    constants, with and without addresses; the table of pcs; records of frames; imports and their slots
//! .data     data, roots; then zero data, which is not in the file
//! .pdata    for each function with a frame, where its record is; in stripped files part of .rdata
//! .reloc    places of addresses
//! .debug_*  not loaded; not in stripped files
//! symbols and long names
//! ```

use super::imports::{self, Library};
use super::tables::{self, Symbols};
use super::unwind;
use crate::bytes::Bytes;
use crate::dwarf::DebugSection;
use crate::identity::{self, identity};
use crate::link::layout::{ADDRESSED, Addresses, Layout, SECTIONS, SLOT};
use crate::link::linked::{self, Linked};
use crate::link::resolve::{LinkerSymbol, Program};
use crate::link::{Image, LinkError, LinkInput};
use crate::model::AtomKind;
use crate::platform::Platform;
use crate::target::{Arch, Target};
use object::pe::*;

/// Alignment of sections in the file.
const FILE_ALIGN: u32 = 0x200;
/// Where the header of PE begins: behind that of DOS, of which the system wants the first bytes and this
/// offset.
const PE_START: u32 = 0x40;
const FILE_HEADER: u32 = 20;
const DIRECTORIES: u32 = 16;
const OPTIONAL_HEADER: u32 = 112 + 8 * DIRECTORIES;
const SECTION_HEADER: u32 = 40;
/// The oldest system: Windows 8, the first one on arm64, which has all functions that are imported.
const SYSTEM: (u16, u16) = (6, 2);
/// Bytes of heap that are reserved and committed for C's library, which there is none of.
const HEAP: (u64, u64) = (1 << 20, 1 << 12);
/// Bytes of stack that are committed at the start.
const STACK_COMMIT: u64 = 1 << 16;

fn machine(arch: Arch) -> Option<u16> {
    match arch {
        Arch::X64 => Some(IMAGE_FILE_MACHINE_AMD64.0),
        Arch::A64 => Some(IMAGE_FILE_MACHINE_ARM64.0),
        Arch::Rv64 | Arch::Wasm32 => None,
    }
}

/// What a part of a section holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    Atoms(AtomKind),
    PcTable,
    FrameRecords,
    FrameDirectory,
    Slots,
    Imports,
    BuildId,
    Relocations,
    Debug(&'static str),
}

#[derive(Debug)]
struct Part {
    role: Role,
    align: u32,
    size: u32,
    /// From the image's start.
    address: u32,
}

#[derive(Debug)]
struct Section {
    name: String,
    flags: u32,
    parts: Vec<Part>,
    address: u32,
    /// Size in memory.
    size: u32,
    offset: u32,
    /// Size in the file.
    file_size: u32,
}

struct Writer<'a> {
    target: Target,
    machine: u16,
    program: Program<'a>,
    layout: Layout,
    addresses: Addresses,
    pc_table: Vec<u8>,
    debug: Vec<DebugSection>,
    frames: unwind::Tables,
    libraries: Vec<Library>,
    sections: Vec<Section>,
    build_id: bool,
    stripped: bool,
}

/// Links and writes an executable.
pub fn write(input: &LinkInput) -> Result<Image, LinkError> {
    let target = input.object.target;
    let machine = machine(target.arch).ok_or(LinkError::Unsupported("PE for this machine"))?;
    let Linked { program, layout, pc_table, debug } = linked::link(input)?;
    let libraries = libraries(&target.platform, &program.externals);
    let frames = unwind::Tables::new(target.arch, &layout.functions(&program));
    let addresses = Addresses::default();
    let mut w = Writer {
        target,
        machine,
        program,
        layout,
        addresses,
        pc_table,
        debug,
        frames,
        libraries,
        sections: Vec::new(),
        build_id: input.build_id,
        stripped: !input.symbols && input.debug.is_none(),
    };
    w.plan();
    w.place();
    w.define_symbols();
    w.finish(input.symbols)
}

/// What is imported, by library.
fn libraries(platform: &Platform, externals: &[&str]) -> Vec<Library> {
    let mut list: Vec<Library> =
        platform.imports.iter().map(|l| Library { name: l.name, functions: Vec::new() }).collect();
    for (i, name) in externals.iter().enumerate() {
        if let Some((library, function)) = platform.import(name) {
            list[library].functions.push((function, i as u32));
        }
    }
    list.retain(|l| !l.functions.is_empty());
    list
}

impl Writer<'_> {
    fn base(&self) -> u64 {
        self.target.platform.image_base
    }

    fn atoms(&self, kind: AtomKind) -> Part {
        let s = self.layout.section(kind);
        part(Role::Atoms(kind), s.align as u32, s.size as u32)
    }

    /// Decides on sections, sizes only.
    fn plan(&mut self) {
        let read = IMAGE_SCN_MEM_READ.0;
        let data = IMAGE_SCN_CNT_INITIALIZED_DATA.0 | read;
        let places: usize =
            ADDRESSED.iter().map(|&k| self.layout.address_places(&self.program, k).len()).sum();
        let directory = part(Role::FrameDirectory, unwind::ALIGN, self.frames.directory_size());
        let mut constants = vec![
            self.atoms(AtomKind::ReadOnly),
            self.atoms(AtomKind::RelRo),
            part(Role::PcTable, 8, self.pc_table.len() as u32),
            part(Role::FrameRecords, unwind::ALIGN, self.frames.records.len() as u32),
            part(Role::Slots, SLOT as u32, imports::all_slots_size(&self.libraries)),
            part(Role::Imports, SLOT as u32, imports::table_size(&self.libraries)),
            part(Role::BuildId, 4, if self.build_id { tables::BUILD_ID } else { 0 }),
        ];
        // The system goes by the directory's entry; the section's name is for readers.
        let apart = if self.stripped {
            constants.push(directory);
            Vec::new()
        } else {
            vec![directory]
        };
        let variables = [AtomKind::Data, AtomKind::Roots, AtomKind::Bss].map(|kind| self.atoms(kind)).into();
        // Its size depends on addresses: it is the last one that is loaded.
        let relocations = vec![part(Role::Relocations, 4, u32::from(places != 0))];
        let code = IMAGE_SCN_CNT_CODE.0 | IMAGE_SCN_MEM_EXECUTE.0 | read;
        self.add(".text", code, vec![self.atoms(AtomKind::Text)]);
        self.add(".rdata", data, constants);
        self.add(".data", data | IMAGE_SCN_MEM_WRITE.0, variables);
        self.add(".pdata", data, apart);
        let unloaded = data | IMAGE_SCN_MEM_DISCARDABLE.0;
        self.add(".reloc", unloaded, relocations);
        for i in 0..self.debug.len() {
            let (name, size) = (self.debug[i].name, self.debug[i].bytes.len() as u32);
            self.add(name, unloaded, vec![part(Role::Debug(name), 1, size)]);
        }
    }

    fn add(&mut self, name: &str, flags: u32, parts: Vec<Part>) {
        let parts: Vec<Part> = parts.into_iter().filter(|p| p.size != 0).collect();
        if !parts.is_empty() {
            let name = name.to_string();
            self.sections.push(Section { name, flags, parts, address: 0, size: 0, offset: 0, file_size: 0 });
        }
    }

    fn headers_size(&self) -> u32 {
        let sections = SECTION_HEADER * self.sections.len() as u32;
        (PE_START + 4 + FILE_HEADER + OPTIONAL_HEADER + sections).next_multiple_of(FILE_ALIGN)
    }

    /// Gives sections and parts addresses, and sections offsets.
    fn place(&mut self) {
        let page = self.target.platform.page as u32;
        let mut offset = self.headers_size();
        // No hole: the first section follows the headers.
        let mut address = offset.next_multiple_of(page);
        for i in 0..self.sections.len() {
            if self.sections[i].parts[0].role == Role::Relocations {
                self.sections[i].parts[0].size =
                    tables::base_relocations(&self.address_places()).len() as u32;
            }
            let section = &mut self.sections[i];
            (section.address, section.offset) = (address, offset);
            let (mut size, mut in_file) = (0u32, 0);
            for part in &mut section.parts {
                size = size.next_multiple_of(part.align);
                part.address = address + size;
                size += part.size;
                if part.role != Role::Atoms(AtomKind::Bss) {
                    in_file = size;
                }
            }
            section.size = size;
            section.file_size = in_file.next_multiple_of(FILE_ALIGN);
            address = (address + size).next_multiple_of(page);
            offset += section.file_size;
        }
    }

    fn part(&self, role: Role) -> Option<&Part> {
        self.sections.iter().flat_map(|s| &s.parts).find(|p| p.role == role)
    }

    /// Where a part is in the file.
    fn file_offset(&self, part: &Part) -> usize {
        let has = |s: &&Section| s.parts.iter().any(|p| p.role == part.role);
        let section = self.sections.iter().find(has).expect("a part of a section");
        (section.offset + part.address - section.address) as usize
    }

    /// Start and end of a part, from the image's start.
    fn bounds(&self, role: Role) -> (u32, u32) {
        self.part(role).map_or((0, 0), |p| (p.address, p.address + p.size))
    }

    /// The places of addresses in data, from the image's start.
    fn address_places(&self) -> Vec<u32> {
        let places = |&kind: &AtomKind| {
            let start = self.bounds(Role::Atoms(kind)).0;
            let places = self.layout.address_places(&self.program, kind);
            places.into_iter().map(move |p| start + p as u32)
        };
        ADDRESSED.iter().flat_map(places).collect()
    }

    fn define_symbols(&mut self) {
        let base = self.base();
        for kind in SECTIONS {
            let start = self.bounds(Role::Atoms(kind)).0;
            self.addresses.set_section(kind, base + u64::from(start));
        }
        let table = self.bounds(Role::PcTable).0;
        self.addresses.set_symbol(LinkerSymbol::PcTable, base + u64::from(table));
        self.layout.define_ends(&mut self.addresses);
        let slots = base + u64::from(self.bounds(Role::Slots).0);
        let offsets = imports::slot_offsets(&self.libraries, self.program.externals.len());
        self.addresses.set_slots(offsets.into_iter().map(|at| slots + at).collect());
    }

    fn finish(&self, with_symbols: bool) -> Result<Image, LinkError> {
        let mut symbols = Symbols::default();
        if with_symbols {
            self.add_symbols(&mut symbols);
        }
        let end = self.sections.last().map_or(0, |s| s.offset + s.file_size);
        let mut out = vec![0; end as usize];
        let headers = self.headers(&mut symbols, end);
        out[..headers.len()].copy_from_slice(&headers);
        for section in &self.sections {
            for p in &section.parts {
                if p.role == Role::Atoms(AtomKind::Bss) {
                    continue;
                }
                let at = self.file_offset(p);
                self.write_part(p, &mut out[at..at + p.size as usize])?;
            }
        }
        out.extend(symbols.bytes());
        if let Some(id) = self.part(Role::BuildId) {
            let at = self.file_offset(id) + tables::BUILD_ID_HASH;
            let id = identity(&out);
            out[at..at + identity::SIZE].copy_from_slice(&id);
        }
        Ok(Image { bytes: out })
    }

    fn write_part(&self, p: &Part, out: &mut [u8]) -> Result<(), LinkError> {
        match p.role {
            Role::Atoms(kind) => {
                self.layout.copy(&self.program, kind, self.target.arch, out);
                let value = |def| self.layout.value(&self.program, def, &self.addresses);
                let at = self.addresses.section(kind);
                self.layout.relocate(&self.program, kind, at, &value, out)?;
            }
            Role::PcTable => out.copy_from_slice(&self.pc_table),
            Role::FrameRecords => out.copy_from_slice(&self.frames.records),
            Role::FrameDirectory => {
                let code = self.bounds(Role::Atoms(AtomKind::Text)).0;
                out.copy_from_slice(&self.frames.directory(code, self.bounds(Role::FrameRecords).0));
            }
            Role::Imports => {
                let slots = self.bounds(Role::Slots).0;
                out.copy_from_slice(&imports::table(&self.libraries, p.address, slots));
            }
            Role::Slots => {
                out.copy_from_slice(&imports::slots(&self.libraries, self.bounds(Role::Imports).0))
            }
            Role::BuildId => out.copy_from_slice(&tables::build_id(p.address, self.file_offset(p) as u32)),
            Role::Relocations => out.copy_from_slice(&tables::base_relocations(&self.address_places())),
            Role::Debug(name) => {
                let section = self.debug.iter().find(|d| d.name == name).expect("planned");
                out.copy_from_slice(&section.resolved(self.addresses.section(AtomKind::Text), 0));
            }
        }
        Ok(())
    }

    fn add_symbols(&self, symbols: &mut Symbols) {
        for &i in &self.layout.order {
            let atom = &self.program.atoms[i as usize];
            let role = Role::Atoms(atom.view.kind);
            let Some(number) = self.sections.iter().position(|s| s.parts.iter().any(|p| p.role == role))
            else {
                continue;
            };
            let address = self.bounds(role).0 + self.layout.offsets[i as usize] as u32;
            let value = address - self.sections[number].address;
            symbols.add(&atom.name, number as u16 + 1, value, atom.view.kind == AtomKind::Text, atom.global);
        }
    }

    fn sum(&self, flag: u32) -> u32 {
        self.sections.iter().filter(|s| s.flags & flag != 0).map(|s| s.file_size).sum()
    }

    /// All headers; long names of sections go to the strings of the symbols, which are at `end`.
    fn headers(&self, symbols: &mut Symbols, end: u32) -> Vec<u8> {
        let mut h = Bytes::default();
        h.0.extend(b"MZ");
        h.0.resize(PE_START as usize - 4, 0);
        h.u32(PE_START);
        h.0.extend(b"PE\0\0");
        let mut sections = Bytes::default();
        for s in &self.sections {
            let name =
                if s.name.len() <= 8 { s.name.clone() } else { format!("/{}", symbols.string(&s.name)) };
            let mut field = [0; 8];
            field[..name.len()].copy_from_slice(name.as_bytes());
            sections.0.extend(field);
            for v in [s.size, s.address, s.file_size, s.offset, 0, 0, 0, s.flags] {
                sections.u32(v);
            }
        }
        h.u16(self.machine);
        h.u16(self.sections.len() as u16);
        // No time: same input, same bytes.
        h.u32(0);
        h.u32(if symbols.bytes().is_empty() { 0 } else { end });
        h.u32(symbols.count());
        h.u16(OPTIONAL_HEADER as u16);
        h.u16(IMAGE_FILE_EXECUTABLE_IMAGE.0 | IMAGE_FILE_LARGE_ADDRESS_AWARE.0);
        self.optional_header(&mut h);
        h.0.extend(sections.0);
        h.0
    }

    fn optional_header(&self, h: &mut Bytes) {
        let platform = &self.target.platform;
        let last = self.sections.last().map_or(0, |s| s.address + s.size);
        let text = self.bounds(Role::Atoms(AtomKind::Text)).0;
        // The entry is the only root, so it was discovered first.
        let entry = text + self.layout.offsets[0] as u32;
        h.u16(IMAGE_NT_OPTIONAL_HDR64_MAGIC);
        h.u16(0);
        for v in [self.sum(IMAGE_SCN_CNT_CODE.0), self.sum(IMAGE_SCN_CNT_INITIALIZED_DATA.0), 0, entry, text]
        {
            h.u32(v);
        }
        h.u64(platform.image_base);
        h.u32(platform.page as u32);
        h.u32(FILE_ALIGN);
        // Of the system, of the image (none), of the subsystem.
        for v in [SYSTEM.0, SYSTEM.1, 0, 0, SYSTEM.0, SYSTEM.1] {
            h.u16(v);
        }
        for v in [0, last.next_multiple_of(platform.page as u32), self.headers_size(), 0] {
            h.u32(v);
        }
        h.u16(IMAGE_SUBSYSTEM_WINDOWS_CUI.0);
        let flags = [
            IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA,
            IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE,
            IMAGE_DLLCHARACTERISTICS_NX_COMPAT,
            IMAGE_DLLCHARACTERISTICS_TERMINAL_SERVER_AWARE,
        ];
        h.u16(flags.iter().fold(0, |all, f| all | f.0));
        for v in [platform.stack_reserve, STACK_COMMIT, HEAP.0, HEAP.1] {
            h.u64(v);
        }
        h.u32(0);
        h.u32(DIRECTORIES);
        let mut directories = [(0, 0); DIRECTORIES as usize];
        for (index, role) in [
            (IMAGE_DIRECTORY_ENTRY_IMPORT, Role::Imports),
            (IMAGE_DIRECTORY_ENTRY_EXCEPTION, Role::FrameDirectory),
            (IMAGE_DIRECTORY_ENTRY_BASERELOC, Role::Relocations),
            (IMAGE_DIRECTORY_ENTRY_IAT, Role::Slots),
        ] {
            let (start, end) = self.bounds(role);
            directories[index] = (start, end - start);
        }
        if let Some(id) = self.part(Role::BuildId) {
            directories[IMAGE_DIRECTORY_ENTRY_DEBUG] = (id.address, tables::DEBUG_DIRECTORY);
        }
        for (start, size) in directories {
            h.u32(start);
            h.u32(size);
        }
    }
}

fn part(role: Role, align: u32, size: u32) -> Part {
    Part { role, align, size, address: 0 }
}
