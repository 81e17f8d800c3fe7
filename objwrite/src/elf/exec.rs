//! Static position-independent ELF executables.
//!
//! The file is loaded by the kernel alone: no interpreter, no shared libraries. Start-up code in
//! the program applies the packed relative relocations and then protects the relocated constants;
//! it finds both by the linker's symbols (`__relr_start`, `__relro_start`, ...).
//!
//! ```text
//! segment  flags  sections
//! 1        R      headers .note.gnu.build-id .hash .dynsym .dynstr .relr.dyn .rodata .mochi.pctab
//! 2        RX     .text
//! 3        RW     .data.rel.ro .dynamic          read-only after start-up (PT_GNU_RELRO)
//! 4        RW     .data .bss                     absent when empty
//! not loaded      .debug_* .symtab .strtab .shstrtab, section headers
//! ```
//!
//! Segments begin on pages of their own in memory but follow one another without a gap in the
//! file: the address of each is congruent to its file offset, and a file page that holds the end
//! of one and the start of the next is mapped twice. So no page is writable and executable, and a
//! small program stays small. The dynamic section names nothing to load; it is what tools read to
//! recognise a static-PIE with immediate binding, and lists the relocations for them.

use super::{Attributes, Machine, machine, mapping_symbols, relr};
use crate::bytes::{Bytes, StringTable};
use crate::dwarf;
use crate::identity::{self, identity};
use crate::link::layout::{ADDRESSED, Addresses, Layout};
use crate::link::linked::{self, Linked};
use crate::link::resolve::{LinkerSymbol, Program};
use crate::link::{Image, LinkError, LinkInput};
use crate::model::AtomKind;
use crate::target::Arch;

const EHDR: u64 = 64;
const PHDR: u64 = 56;
const SHDR: u64 = 64;
const SYM: u64 = 24;

const SHT_PROGBITS: u32 = 1;
const SHT_SYMTAB: u32 = 2;
const SHT_STRTAB: u32 = 3;
const SHT_HASH: u32 = 5;
const SHT_DYNAMIC: u32 = 6;
const SHT_NOTE: u32 = 7;
const SHT_NOBITS: u32 = 8;
const SHT_DYNSYM: u32 = 11;
const SHT_RELR: u32 = 19;

const SHF_WRITE: u64 = 1;
const SHF_ALLOC: u64 = 2;
const SHF_EXECINSTR: u64 = 4;
const SHF_MERGE: u64 = 0x10;
const SHF_STRINGS: u64 = 0x20;

const PF_X: u32 = 1;
const PF_W: u32 = 2;
const PF_R: u32 = 4;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_NOTE: u32 = 4;
const PT_GNU_STACK: u32 = 0x6474_E551;
const PT_GNU_RELRO: u32 = 0x6474_E552;

/// Entries of the dynamic section, with its end.
const DYNAMIC_ENTRIES: u64 = 12;

/// What a section of the file holds; also its name there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    BuildId,
    Hash,
    DynSym,
    DynStr,
    Relr,
    PcTable,
    Atoms(AtomKind),
    Dynamic,
    Attributes(Attributes),
    Debug(&'static str),
    SymTab,
    StrTab,
    ShStrTab,
}

impl Role {
    /// Name, type, flags, entry size.
    fn header(self) -> (&'static str, u32, u64, u64) {
        let (a, w, x) = (SHF_ALLOC, SHF_WRITE, SHF_EXECINSTR);
        match self {
            Role::BuildId => (".note.gnu.build-id", SHT_NOTE, a, 0),
            Role::Hash => (".hash", SHT_HASH, a, 4),
            Role::DynSym => (".dynsym", SHT_DYNSYM, a, SYM),
            Role::DynStr => (".dynstr", SHT_STRTAB, a, 0),
            Role::Relr => (".relr.dyn", SHT_RELR, a, 8),
            Role::PcTable => (".mochi.pctab", SHT_PROGBITS, a, 0),
            Role::Atoms(AtomKind::ReadOnly) => (".rodata", SHT_PROGBITS, a, 0),
            Role::Atoms(AtomKind::Text) => (".text", SHT_PROGBITS, a | x, 0),
            Role::Atoms(AtomKind::RelRo) => (".data.rel.ro", SHT_PROGBITS, a | w, 0),
            Role::Atoms(AtomKind::Data) => (".data", SHT_PROGBITS, a | w, 0),
            Role::Atoms(AtomKind::Roots) => (".data.roots", SHT_PROGBITS, a | w, 0),
            Role::Atoms(AtomKind::Bss) => (".bss", SHT_NOBITS, a | w, 0),
            Role::Dynamic => (".dynamic", SHT_DYNAMIC, a | w, 16),
            Role::Attributes(a) => (a.section, a.kind, 0, 0),
            Role::Debug(name) if dwarf::holds_strings(name) => {
                (name, SHT_PROGBITS, SHF_MERGE | SHF_STRINGS, 1)
            }
            Role::Debug(name) => (name, SHT_PROGBITS, 0, 0),
            Role::SymTab => (".symtab", SHT_SYMTAB, 0, SYM),
            Role::StrTab => (".strtab", SHT_STRTAB, 0, 0),
            Role::ShStrTab => (".shstrtab", SHT_STRTAB, 0, 0),
        }
    }

    /// The section that `sh_link` names.
    fn link(self) -> Option<Role> {
        match self {
            Role::Hash => Some(Role::DynSym),
            Role::DynSym | Role::Dynamic => Some(Role::DynStr),
            Role::SymTab => Some(Role::StrTab),
            _ => None,
        }
    }
}

/// A section of the file.
#[derive(Debug)]
struct Section {
    role: Role,
    align: u64,
    size: u64,
    /// Contents, when they are known before addresses are.
    bytes: Vec<u8>,
    offset: u64,
    address: u64,
    info: u32,
}

/// A loaded segment: a range of sections.
#[derive(Debug)]
struct Segment {
    flags: u32,
    sections: std::ops::Range<usize>,
    offset: u64,
    address: u64,
    file_size: u64,
    mem_size: u64,
}

struct Writer<'a> {
    arch: Arch,
    page: u64,
    machine: Machine,
    program: Program<'a>,
    layout: Layout,
    pc_table: Vec<u8>,
    addresses: Addresses,
    sections: Vec<Section>,
    segments: Vec<Segment>,
    build_id: bool,
}

/// Links and writes an executable.
pub fn write(input: &LinkInput) -> Result<Image, LinkError> {
    let target = input.object.target;
    let machine = machine(target.arch).ok_or(LinkError::Unsupported("ELF for this machine"))?;
    let Linked { program, layout, pc_table, debug } = linked::link(input)?;
    let mut w = Writer {
        arch: target.arch,
        page: target.platform.page,
        machine,
        program,
        layout,
        pc_table,
        addresses: Addresses::default(),
        sections: Vec::new(),
        segments: Vec::new(),
        build_id: input.build_id,
    };
    w.plan();
    w.place();
    w.define_symbols();
    if let Some(attributes) = machine.attributes {
        w.add(Role::Attributes(attributes), 1, attributes.bytes());
    }
    let text = w.addresses.section(AtomKind::Text);
    for section in debug {
        w.add(Role::Debug(section.name), 1, section.resolved(text, 0));
    }
    if input.symbols {
        w.add_symbols();
    }
    w.add_section_names();
    w.finish()
}

impl Writer<'_> {
    fn add(&mut self, role: Role, align: u64, bytes: Vec<u8>) {
        let size = bytes.len() as u64;
        self.sections.push(Section { role, align, size, bytes, offset: 0, address: 0, info: 0 });
    }

    /// A section whose contents are written last, from addresses.
    fn add_sized(&mut self, role: Role, align: u64, size: u64) {
        self.sections.push(Section { role, align, size, bytes: Vec::new(), offset: 0, address: 0, info: 0 });
    }

    fn add_atoms(&mut self, kind: AtomKind) {
        let section = self.layout.section(kind);
        let (align, size) = (section.align, section.size);
        if size != 0 {
            self.add_sized(Role::Atoms(kind), align, size);
        }
    }

    fn end_segment(&mut self, flags: u32) {
        let start = self.segments.last().map_or(0, |s| s.sections.end);
        let sections = start..self.sections.len();
        if !sections.is_empty() {
            self.segments.push(Segment { flags, sections, offset: 0, address: 0, file_size: 0, mem_size: 0 });
        }
    }

    /// Decides on sections and segments, sizes only.
    fn plan(&mut self) {
        if self.build_id {
            self.add_sized(Role::BuildId, 4, 16 + identity::SIZE as u64);
        }
        // One bucket, which is empty, and two symbols, none of which can be found.
        self.add(Role::Hash, 8, [1u32, 2, 0, 0, 0].iter().flat_map(|v| v.to_le_bytes()).collect());
        self.add_sized(Role::DynSym, 8, 2 * SYM);
        self.sections.last_mut().expect("just added").info = 2;
        self.add(Role::DynStr, 1, vec![0]);
        let relr = self.relr().len() as u64;
        if relr != 0 {
            self.add_sized(Role::Relr, 8, relr * 8);
        }
        self.add_atoms(AtomKind::ReadOnly);
        let table = std::mem::take(&mut self.pc_table);
        self.add(Role::PcTable, 8, table);
        self.end_segment(PF_R);
        self.add_atoms(AtomKind::Text);
        self.end_segment(PF_R | PF_X);
        self.add_atoms(AtomKind::RelRo);
        self.add_sized(Role::Dynamic, 8, DYNAMIC_ENTRIES * 16);
        self.end_segment(PF_R | PF_W);
        self.add_atoms(AtomKind::Data);
        self.add_atoms(AtomKind::Roots);
        self.add_atoms(AtomKind::Bss);
        self.end_segment(PF_R | PF_W);
    }

    fn header_count(&self) -> u64 {
        // Segments, PT_DYNAMIC, PT_GNU_RELRO, PT_GNU_STACK, PT_NOTE.
        self.segments.len() as u64 + 3 + u64::from(self.build_id)
    }

    /// Gives sections and segments offsets and addresses.
    fn place(&mut self) {
        let page = self.page;
        let headers = EHDR + self.header_count() * PHDR;
        let (mut offset, mut address) = (headers, headers);
        for (i, segment) in self.segments.iter_mut().enumerate() {
            if i != 0 {
                address = address.next_multiple_of(page) + offset % page;
            }
            let mut first = true;
            for section in &mut self.sections[segment.sections.clone()] {
                let gap = address.next_multiple_of(section.align) - address;
                let zero = section.role == Role::Atoms(AtomKind::Bss);
                address += gap;
                // Zero-initialised data comes last: it takes no room in the file. Where it is all of a
                // segment, the gap does, or else address and offset would not be congruent.
                offset += if zero && !first { 0 } else { gap };
                if first {
                    (segment.offset, segment.address) = (offset, address);
                    first = false;
                }
                (section.offset, section.address) = (offset, address);
                address += section.size;
                offset += if zero { 0 } else { section.size };
            }
            if i == 0 {
                (segment.offset, segment.address) = (0, 0);
            }
            segment.file_size = offset - segment.offset;
            segment.mem_size = address - segment.address;
        }
    }

    /// The packed relative relocations of the data sections. Each section has its own run, so the
    /// number of words does not depend on the addresses.
    fn relr(&self) -> Vec<u64> {
        let mut words = Vec::new();
        for kind in ADDRESSED {
            let mut places = self.layout.address_places(&self.program, kind);
            places.iter_mut().for_each(|p| *p += self.addresses.section(kind));
            words.extend(relr::encode(&places));
        }
        words
    }

    fn section(&self, role: Role) -> Option<&Section> {
        self.sections.iter().find(|s| s.role == role)
    }

    /// Address of a section that is always there.
    fn address(&self, role: Role) -> u64 {
        self.section(role).map_or(0, |s| s.address)
    }

    fn index(&self, role: Role) -> u16 {
        // Index 0 is the null header.
        self.sections.iter().position(|s| s.role == role).map_or(0, |i| i as u16 + 1)
    }

    fn define_symbols(&mut self) {
        for section in &self.sections {
            if let Role::Atoms(kind) = section.role {
                self.addresses.set_section(kind, section.address);
            }
        }
        let bounds = |s: Option<&Section>| s.map_or((0, 0), |s| (s.address, s.address + s.size));
        let relr = bounds(self.section(Role::Relr));
        let relro = self.relro();
        let relro = (relro.address, relro.address + relro.mem_size);
        use LinkerSymbol::*;
        let values = [
            (ImageBase, 0),
            (RelrStart, relr.0),
            (RelrEnd, relr.1),
            (RelroStart, relro.0),
            (RelroEnd, relro.1),
            (PcTable, self.address(Role::PcTable)),
        ];
        for (symbol, value) in values {
            self.addresses.set_symbol(symbol, value);
        }
        self.layout.define_ends(&mut self.addresses);
    }

    /// The segment with the dynamic section.
    fn relro(&self) -> &Segment {
        let dynamic = self.sections.iter().position(|s| s.role == Role::Dynamic);
        let has = |s: &&Segment| dynamic.is_some_and(|d| s.sections.contains(&d));
        self.segments.iter().find(has).expect("the dynamic section is always planned")
    }

    fn add_symbols(&mut self) {
        let mut names = StringTable::default();
        let (mut locals, mut globals) = (Bytes(vec![0; SYM as usize]), Bytes::default());
        for (offset, name) in mapping_symbols(self.machine, &self.program, &self.layout) {
            locals.u32(names.add(name));
            locals.u16(0);
            locals.u16(self.index(Role::Atoms(AtomKind::Text)));
            locals.u64(self.addresses.section(AtomKind::Text) + offset);
            locals.u64(0);
        }
        for &i in &self.layout.order {
            let atom = &self.program.atoms[i as usize];
            let out = if atom.global { &mut globals } else { &mut locals };
            let (data, func) = (1, 2);
            let kind = if atom.view.kind == AtomKind::Text { func } else { data };
            out.u32(names.add(&atom.name));
            out.0.push(u8::from(atom.global) << 4 | kind);
            out.0.push(0);
            out.u16(self.index(Role::Atoms(atom.view.kind)));
            out.u64(self.layout.address(&self.program, i, &self.addresses));
            out.u64(atom.view.size());
        }
        let first_global = locals.0.len() as u64 / SYM;
        locals.0.extend(globals.0);
        self.add(Role::SymTab, 8, locals.0);
        self.sections.last_mut().expect("just added").info = first_global as u32;
        self.add(Role::StrTab, 1, names.0);
    }

    fn add_section_names(&mut self) {
        self.add_sized(Role::ShStrTab, 1, 0);
        let names: usize = self.sections.iter().map(|s| s.role.header().0.len() + 1).sum();
        self.sections.last_mut().expect("just added").size = 1 + names as u64;
    }

    /// Writes the file.
    fn finish(mut self) -> Result<Image, LinkError> {
        let loaded = self.segments.last().expect("segments are planned");
        let mut offset = loaded.offset + loaded.file_size;
        let first = loaded.sections.end;
        for section in &mut self.sections[first..] {
            offset = offset.next_multiple_of(section.align);
            section.offset = offset;
            offset += section.size;
        }
        let table = offset.next_multiple_of(8);
        let mut out = vec![0; (table + (self.sections.len() as u64 + 1) * SHDR) as usize];
        self.write_headers(&mut out, table);
        for section in &self.sections {
            let range = section.offset as usize..(section.offset + section.size) as usize;
            match section.role {
                Role::Atoms(AtomKind::Bss) | Role::BuildId | Role::ShStrTab => {}
                Role::Atoms(kind) => {
                    let part = &mut out[range];
                    self.layout.copy(&self.program, kind, self.arch, part);
                    let value = |def| self.layout.value(&self.program, def, &self.addresses);
                    let base = self.addresses.section(kind);
                    self.layout.relocate(&self.program, kind, base, &value, part)?;
                }
                Role::Relr => {
                    let words = self.relr();
                    for (to, word) in out[range].chunks_exact_mut(8).zip(words) {
                        to.copy_from_slice(&word.to_le_bytes());
                    }
                }
                Role::Dynamic => out[range].copy_from_slice(&self.dynamic()),
                Role::DynSym => out[range].copy_from_slice(&self.dynamic_symbols()),
                _ => out[range].copy_from_slice(&section.bytes),
            }
        }
        self.write_section_headers(&mut out, table as usize);
        if let Some(note) = self.section(Role::BuildId) {
            let at = note.offset as usize;
            let mut bytes = Bytes::default();
            bytes.u32(4);
            bytes.u32(identity::SIZE as u32);
            bytes.u32(3); // NT_GNU_identity::SIZE
            bytes.0.extend(b"GNU\0");
            out[at..at + 16].copy_from_slice(&bytes.0);
            let id = identity(&out);
            out[at + 16..at + 16 + identity::SIZE].copy_from_slice(&id);
        }
        Ok(Image { bytes: out })
    }

    /// The empty symbol, and that of the code's section: `eu-unstrip` takes no table without symbols.
    fn dynamic_symbols(&self) -> Vec<u8> {
        const STT_SECTION: u16 = 3;
        let mut out = Bytes(vec![0; SYM as usize]);
        out.u32(0);
        out.u16(STT_SECTION);
        out.u16(self.index(Role::Atoms(AtomKind::Text)));
        out.u64(self.addresses.section(AtomKind::Text));
        out.u64(0);
        out.0
    }

    fn dynamic(&self) -> Vec<u8> {
        let relr = self.section(Role::Relr);
        let entries: [(u64, u64); DYNAMIC_ENTRIES as usize] = [
            (4, self.address(Role::Hash)),
            (5, self.address(Role::DynStr)),
            (6, self.address(Role::DynSym)),
            (10, 1),                             // DT_STRSZ
            (11, SYM),                           // DT_SYMENT
            (21, 0),                             // DT_DEBUG: "executable" to older checkers
            (30, 8),                             // DT_FLAGS: BIND_NOW
            (0x6FFF_FFFB, 0x0800_0001),          // DT_FLAGS_1: PIE, NOW
            (36, relr.map_or(0, |s| s.address)), // DT_RELR
            (35, relr.map_or(0, |s| s.size)),    // DT_RELRSZ
            (37, 8),                             // DT_RELRENT
            (0, 0),
        ];
        entries.iter().flat_map(|&(tag, value)| [tag, value]).flat_map(u64::to_le_bytes).collect()
    }

    fn write_headers(&self, out: &mut [u8], table: u64) {
        let mut h = Bytes::default();
        // 64-bit, little-endian, version 1, System V.
        h.0.extend([0x7F, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        h.u16(3); // ET_DYN
        h.u16(self.machine.number);
        h.u32(1);
        // The entry is the only root, so it was discovered first.
        h.u64(self.layout.address(&self.program, 0, &self.addresses));
        h.u64(EHDR);
        h.u64(table);
        h.u32(self.machine.flags);
        h.u16(EHDR as u16);
        h.u16(PHDR as u16);
        h.u16(self.header_count() as u16);
        h.u16(SHDR as u16);
        h.u16(self.sections.len() as u16 + 1);
        h.u16(self.index(Role::ShStrTab));
        for s in &self.segments {
            segment(&mut h, PT_LOAD, s.flags, [s.offset, s.address, s.file_size, s.mem_size, self.page]);
        }
        if let Some(s) = self.section(Role::Dynamic) {
            segment(&mut h, PT_DYNAMIC, PF_R | PF_W, [s.offset, s.address, s.size, s.size, 8]);
        }
        let s = self.relro();
        segment(&mut h, PT_GNU_RELRO, PF_R, [s.offset, s.address, s.file_size, s.mem_size, 1]);
        segment(&mut h, PT_GNU_STACK, PF_R | PF_W, [0, 0, 0, 0, 16]);
        if let Some(s) = self.section(Role::BuildId) {
            segment(&mut h, PT_NOTE, PF_R, [s.offset, s.address, s.size, s.size, 4]);
        }
        out[..h.0.len()].copy_from_slice(&h.0);
    }

    fn write_section_headers(&self, out: &mut [u8], table: usize) {
        let mut names = StringTable::default();
        let mut h = Bytes(vec![0; SHDR as usize]);
        for s in &self.sections {
            let (name, kind, flags, entry_size) = s.role.header();
            h.u32(names.add(name));
            h.u32(kind);
            h.u64(flags);
            h.u64(s.address);
            h.u64(s.offset);
            h.u64(s.size);
            h.u32(s.role.link().map_or(0, |r| self.index(r).into()));
            h.u32(s.info);
            h.u64(s.align);
            h.u64(entry_size);
        }
        out[table..].copy_from_slice(&h.0);
        if let Some(s) = self.section(Role::ShStrTab) {
            let at = s.offset as usize;
            out[at..at + names.0.len()].copy_from_slice(&names.0);
        }
    }
}

/// A program header: offset, address, file size, memory size, alignment.
fn segment(h: &mut Bytes, kind: u32, flags: u32, [offset, address, file_size, mem_size, align]: [u64; 5]) {
    h.u32(kind);
    h.u32(flags);
    for v in [offset, address, address, file_size, mem_size, align] {
        h.u64(v);
    }
}
