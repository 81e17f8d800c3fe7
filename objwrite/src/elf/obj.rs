//! Relocatable ELF objects, written through the `object` crate.
//!
//! The program and what it needs of the runtime are laid out as for an executable, so references
//! within the code section are already final; what remains are references from code to data,
//! addresses in data, names of other libraries, and debug information. Relocations name section
//! symbols; only the exported symbols are global.
//!
//! The runtime finds its tables by the symbols of [`LinkerSymbol`]. Here they mean:
//!
//! - `__text_start`, `__text_end`: this object's code. A linker keeps a section in one piece, so
//!   the offsets in `__pctab` (at the end of `.rodata`) stay true;
//! - `__roots_start`, `__roots_end`: this object's data of that kind, a section of its own;
//! - `__relr_start` = `__relr_end` and `__relro_start` = `__relro_end`: nothing to relocate or to
//!   protect, the linker and loader of the final program do that;
//! - `__image_base`: `__ehdr_start`, which the linker defines.

use super::{Machine, machine, mapping_symbols};
use crate::dwarf::{self, DebugReloc, DebugTarget};
use crate::link::layout::{Addresses, Layout, patch, pc_table};
use crate::link::resolve::{Def, LinkerSymbol, Program, resolve};
use crate::link::{Image, LinkError, RelocatableInput, veneers};
use crate::model::{AtomKind, RelocEntry};
use crate::reloc::{Formula, RelocKind};
use crate::target::Arch;
use object::write::{Object, Relocation, SectionId, Symbol, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, FileFlags, RelocationFlags, SectionFlags, SectionKind,
    SymbolFlags, SymbolKind, SymbolScope, elf,
};

fn architecture(arch: Arch) -> Option<Architecture> {
    match arch {
        Arch::X64 => Some(Architecture::X86_64),
        Arch::A64 => Some(Architecture::Aarch64),
        Arch::Rv64 => Some(Architecture::Riscv64),
        Arch::Wasm32 => None,
    }
}

/// Where atoms of a kind are: section, and the offset of their part in it.
#[derive(Clone, Copy)]
struct SectionPart {
    section: SectionId,
    base: u64,
}

struct Writer<'a> {
    arch: Arch,
    program: Program<'a>,
    layout: Layout,
    out: Object<'a>,
    text: SectionPart,
    read_only: SectionPart,
    relro: SectionPart,
    data: SectionPart,
    roots: SectionPart,
    bss: SectionPart,
    /// Offset of the pc table in the section of `read_only`.
    pc_table: u64,
    externals: Vec<SymbolId>,
    image_base: Option<SymbolId>,
}

/// Writes an object.
pub fn write(input: &RelocatableInput) -> Result<Image, LinkError> {
    let arch = input.object.target.arch;
    let unsupported = LinkError::Unsupported("ELF for this machine");
    let (Some(machine), Some(architecture)) = (machine(arch), architecture(arch)) else {
        return Err(unsupported);
    };
    let mut program = resolve(input.object, input.archives, input.exports, &|_| true)?;
    veneers::add(&mut program);
    let mut w = Writer::new(arch, machine, architecture, program);
    w.contents()?;
    w.add_symbols(machine, input.exports);
    for kind in [AtomKind::Text, AtomKind::ReadOnly, AtomKind::RelRo, AtomKind::Data, AtomKind::Roots] {
        w.relocate(kind)?;
    }
    if let Some(options) = &input.debug {
        let sections = dwarf::build(arch, options, &w.layout.functions(&w.program));
        w.add_debug(&sections)?;
    }
    if let Some(attributes) = &machine.attributes {
        let id = w.out.add_section(Vec::new(), attributes.section.into(), SectionKind::Other);
        w.out.append_section_data(id, &attributes.bytes(), 1);
        w.out.section_mut(id).flags =
            SectionFlags::Elf { sh_type: elf::SectionType(attributes.kind), sh_flags: elf::SectionFlags(0) };
    }
    // An empty section of this name asks for a stack that is not executable.
    let note = w.out.add_section(Vec::new(), b".note.GNU-stack".to_vec(), SectionKind::Other);
    w.out.section_mut(note).flags =
        SectionFlags::Elf { sh_type: elf::SHT_PROGBITS, sh_flags: elf::SectionFlags(0) };
    Ok(Image { bytes: w.out.write().map_err(|_| LinkError::Unsupported("an object of this size"))? })
}

impl<'a> Writer<'a> {
    fn new(arch: Arch, machine: Machine, architecture: Architecture, program: Program<'a>) -> Writer<'a> {
        let layout = Layout::new(&program);
        let mut out = Object::new(BinaryFormat::Elf, architecture, Endianness::Little);
        out.flags =
            FileFlags::Elf { os_abi: elf::OsAbi(0), abi_version: 0, e_flags: elf::FileFlags(machine.flags) };
        let mut section = |name: &str, kind| SectionPart {
            section: out.add_section(Vec::new(), name.into(), kind),
            base: 0,
        };
        let text = section(".text", SectionKind::Text);
        let read_only = section(".rodata", SectionKind::ReadOnlyData);
        let relro = section(".data.rel.ro", SectionKind::ReadOnlyDataWithRel);
        let data = section(".data", SectionKind::Data);
        let roots = section(".data.roots", SectionKind::Data);
        let bss = section(".bss", SectionKind::UninitializedData);
        Writer {
            arch,
            program,
            layout,
            out,
            text,
            read_only,
            relro,
            data,
            roots,
            bss,
            pc_table: 0,
            externals: Vec::new(),
            image_base: None,
        }
    }

    fn part(&self, kind: AtomKind) -> SectionPart {
        match kind {
            AtomKind::Text => self.text,
            AtomKind::ReadOnly => self.read_only,
            AtomKind::RelRo => self.relro,
            AtomKind::Data => self.data,
            AtomKind::Roots => self.roots,
            AtomKind::Bss => self.bss,
        }
    }

    fn bytes(&self, kind: AtomKind) -> Vec<u8> {
        let mut bytes = vec![0; self.layout.section(kind).size as usize];
        self.layout.copy(&self.program, kind, self.arch, &mut bytes);
        bytes
    }

    /// The atom that is referred to when both ends are code: a distance that is known now.
    fn within_text(&self, kind: AtomKind, entry: &RelocEntry, def: Def) -> Option<u32> {
        let Def::Atom(to) = def else { return None };
        let to_kind = self.program.atoms[to as usize].view.kind;
        let text = kind == AtomKind::Text && to_kind == AtomKind::Text;
        (text && entry.kind.row().formula == Formula::Rel).then_some(to)
    }

    /// Fills the sections; references within the code are final.
    fn contents(&mut self) -> Result<(), LinkError> {
        let mut text = self.bytes(AtomKind::Text);
        let program = &self.program;
        let addresses = Addresses::default();
        self.layout.for_each_reloc(program, AtomKind::Text, |atom, at, entry, def| {
            let Some(to) = self.within_text(AtomKind::Text, entry, def) else { return Ok(()) };
            let target = self.layout.address(program, to, &addresses).wrapping_add(entry.addend as u64);
            patch(program, atom, entry, def, &mut text[at as usize..], target, at)
        })?;
        let align = |kind| self.layout.section(kind).align;
        let text_align = align(AtomKind::Text);
        let (read_only, read_only_align) = (self.bytes(AtomKind::ReadOnly), align(AtomKind::ReadOnly));
        let (relro, relro_align) = (self.bytes(AtomKind::RelRo), align(AtomKind::RelRo));
        let (data, data_align) = (self.bytes(AtomKind::Data), align(AtomKind::Data));
        let (mut roots, roots_align) = (self.bytes(AtomKind::Roots), align(AtomKind::Roots));
        // As `__roots_end` promises.
        roots.resize(roots.len().next_multiple_of(8), 0);
        let (zeros, zeros_align) = (self.layout.section(AtomKind::Bss).size, align(AtomKind::Bss));
        self.out.append_section_data(self.text.section, &text, text_align);
        self.out.append_section_data(self.read_only.section, &read_only, read_only_align);
        let table = pc_table(&self.layout.functions(&self.program));
        self.pc_table = self.out.append_section_data(self.read_only.section, &table, 8);
        self.out.append_section_data(self.relro.section, &relro, relro_align);
        self.out.append_section_data(self.data.section, &data, data_align);
        self.out.append_section_data(self.roots.section, &roots, roots_align);
        self.out.append_section_bss(self.bss.section, zeros, zeros_align);
        Ok(())
    }

    fn add_symbols(&mut self, machine: Machine, exports: &[&str]) {
        for &i in &self.layout.order {
            let atom = &self.program.atoms[i as usize];
            let part = self.part(atom.view.kind);
            let global = atom.global && exports.contains(&&*atom.name);
            self.out.add_symbol(Symbol {
                name: atom.name.as_bytes().to_vec(),
                value: part.base + self.layout.offsets[i as usize],
                size: atom.view.size(),
                kind: if atom.view.kind == AtomKind::Text { SymbolKind::Text } else { SymbolKind::Data },
                scope: if global { SymbolScope::Dynamic } else { SymbolScope::Compilation },
                weak: false,
                section: SymbolSection::Section(part.section),
                flags: SymbolFlags::None,
            });
        }
        for (offset, name) in mapping_symbols(machine, &self.program, &self.layout) {
            self.label(name, self.text.section, self.text.base + offset);
        }
        for i in 0..self.program.externals.len() {
            let symbol = self.undefined(self.program.externals[i]);
            self.externals.push(symbol);
        }
    }

    fn undefined(&mut self, name: &str) -> SymbolId {
        self.out.add_symbol(Symbol {
            name: name.into(),
            value: 0,
            size: 0,
            kind: SymbolKind::Unknown,
            scope: SymbolScope::Unknown,
            weak: false,
            section: SymbolSection::Undefined,
            flags: SymbolFlags::None,
        })
    }

    /// The symbol that a definition is relative to, and the distance from it.
    fn target(&mut self, def: Def) -> (SymbolId, u64) {
        let end = |w: &Writer, kind| w.part(kind).base + w.layout.section(kind).size;
        let (part, offset) = match def {
            Def::External(i) => return (self.externals[i as usize], 0),
            Def::Linker(LinkerSymbol::ImageBase) => {
                let symbol = self.image_base.unwrap_or_else(|| self.undefined("__ehdr_start"));
                self.image_base = Some(symbol);
                return (symbol, 0);
            }
            Def::Atom(i) => {
                let part = self.part(self.program.atoms[i as usize].view.kind);
                (part, part.base + self.layout.offsets[i as usize])
            }
            Def::Linker(LinkerSymbol::PcTable) => (self.read_only, self.pc_table),
            Def::Linker(LinkerSymbol::RootsStart) => (self.roots, 0),
            Def::Linker(LinkerSymbol::RootsEnd) => {
                (self.roots, end(self, AtomKind::Roots).next_multiple_of(8))
            }
            Def::Linker(LinkerSymbol::TextEnd) => (self.text, end(self, AtomKind::Text)),
            Def::Linker(
                LinkerSymbol::TextStart
                | LinkerSymbol::RelrStart
                | LinkerSymbol::RelrEnd
                | LinkerSymbol::RelroStart
                | LinkerSymbol::RelroEnd,
            ) => (self.text, 0),
            Def::Linker(LinkerSymbol::StackLow | LinkerSymbol::StackTop | LinkerSymbol::HeapStart) => {
                unreachable!("symbols of another format do not resolve")
            }
        };
        (self.out.section_symbol(part.section), offset)
    }

    /// Writes the relocations that are left to the linker.
    fn relocate(&mut self, kind: AtomKind) -> Result<(), LinkError> {
        let part = self.part(kind);
        let mut left = Vec::new();
        self.layout.for_each_reloc(&self.program, kind, |_, at, entry, def| {
            if self.within_text(kind, entry, def).is_none() {
                left.push((part.base + at, *entry, def));
            }
            Ok(())
        })?;
        for (offset, entry, def) in left {
            let (symbol, distance) = self.target(def);
            let addend = entry.addend.wrapping_add(distance as i64);
            let number = entry.kind.row().elf_number(self.arch);
            let number = number.ok_or(LinkError::Unsupported("a relocation of another machine"))?;
            self.add_relocation(part.section, offset, number, symbol, addend)?;
            let low = entry.kind.row().elf.rv64_low;
            if low != 0 {
                let first = self.label(".L", part.section, offset);
                self.add_relocation(part.section, offset + 4, low, first, 0)?;
            }
        }
        Ok(())
    }

    /// A symbol for a place in a section.
    fn label(&mut self, name: &str, section: SectionId, offset: u64) -> SymbolId {
        self.out.add_symbol(Symbol {
            name: name.into(),
            value: offset,
            size: 0,
            kind: SymbolKind::Label,
            scope: SymbolScope::Compilation,
            weak: false,
            section: SymbolSection::Section(section),
            flags: SymbolFlags::None,
        })
    }

    fn add_relocation(
        &mut self,
        section: SectionId,
        offset: u64,
        number: u32,
        symbol: SymbolId,
        addend: i64,
    ) -> Result<(), LinkError> {
        let flags = RelocationFlags::Elf { r_type: elf::RelocationType(number) };
        let added = self.out.add_relocation(section, Relocation { offset, symbol, addend, flags });
        added.map_err(|_| LinkError::Unsupported("this relocation in an object"))
    }

    fn add_debug(&mut self, sections: &[dwarf::DebugSection]) -> Result<(), LinkError> {
        let mut ids = Vec::new();
        for s in sections {
            // Strings by the kind for which the size of an entry, a byte, is written.
            let strings = dwarf::holds_strings(s.name);
            let kind = if strings { SectionKind::OtherString } else { SectionKind::Debug };
            let id = self.out.add_section(Vec::new(), s.name.into(), kind);
            self.out.append_section_data(id, &s.bytes, 1);
            ids.push((s.name, id));
        }
        for (s, &(_, id)) in sections.iter().zip(&ids) {
            for DebugReloc { offset, size, target, addend, .. } in &s.relocs {
                let to = match target {
                    DebugTarget::Text => Some(self.text.section),
                    DebugTarget::Section(name) => ids.iter().find(|(n, _)| n == name).map(|(_, id)| *id),
                };
                let to = to.ok_or(LinkError::Unsupported("a reference to an empty debug section"))?;
                let symbol = self.out.section_symbol(to);
                let kind = if *size == 8 { RelocKind::Abs64 } else { RelocKind::Abs32 };
                let number =
                    kind.row().elf_number(self.arch).ok_or(LinkError::Unsupported("debug information"))?;
                self.add_relocation(id, *offset as u64, number, symbol, *addend)?;
            }
        }
        Ok(())
    }
}
