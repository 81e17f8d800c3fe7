//! Relocatable objects: what those of all formats share. They are written through the `object` crate.
//!
//! The program and what it needs of the runtime are laid out as for an executable, so references
//! within the code section are already final; what remains are references from code to data,
//! addresses in data, names of other libraries, and debug information. Relocations name symbols of
//! atoms; only the exported symbols are global. A format says by [`Form`] what it has of its own.
//!
//! The runtime finds its tables by the symbols of [`LinkerSymbol`]. Here they mean:
//!
//! - `__text_start`, `__text_end`: this object's code. A linker keeps a section in one piece, so
//!   the offsets in `__pctab` (at the end of the constants) stay true;
//! - `__roots_start`, `__roots_end`: this object's data of that kind;
//! - `__relr_start` = `__relr_end` and `__relro_start` = `__relro_end`: nothing to relocate or to
//!   protect, the linker and loader of the final program do that;
//! - `__image_base`: a symbol that linkers of the format define.

use super::layout::{Addresses, Layout, SECTIONS, patch, pc_table};
use super::resolve::{Def, LinkerSymbol, Program, resolve};
use super::{Image, LinkError, RelocatableInput, veneers};
use crate::dwarf::{self, DebugReloc, DebugSection, DebugTarget};
use crate::model::{AtomKind, RelocEntry};
use crate::reloc::{self, Formula, RelocKind, RelocRow};
use crate::target::Arch;
use object::write::{Object, Relocation, SectionId, Symbol, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SectionKind, SymbolFlags, SymbolKind,
    SymbolScope,
};

/// How a section is called, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The segment it is for, in formats where objects say that.
    pub segment: &'static str,
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: SectionKind,
}

/// The place of a relocation.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// Section.
    pub section: SectionId,
    /// Offset in it.
    pub offset: u64,
    /// The symbol of the atom that it is in, and how far in; none in debug sections.
    pub atom: Option<(SymbolId, u64)>,
}

/// What objects of a format have of their own.
pub trait Form {
    /// The format.
    const FORMAT: BinaryFormat;
    /// Symbols of places that only relocations refer to: what their names begin with, by which linkers know them,
    /// and how the library calls them.
    const LOCAL: (&'static str, SymbolKind);
    /// The largest size of a section.
    const LARGEST: u64;

    /// The section of atoms of a kind. Kinds may share one.
    fn section(kind: AtomKind) -> Named;

    /// A debug section, by its name in ELF.
    fn debug_section(&self, name: &'static str) -> Named;

    /// Adds the symbols of what is left to others ([`Writer::externals`]), and those that only this format has.
    /// Those of atoms are there.
    fn add_symbols(&self, w: &mut Writer) -> Result<(), LinkError>;

    /// The symbol that linkers define for the file's first byte; none where the runtime does not ask.
    fn image_base(&self) -> Option<&'static str> {
        None
    }

    /// Whether a relocation can have an addend. Another one is told as a symbol for its place.
    fn takes(&self, row: &RelocRow, addend: i64) -> bool;

    /// Adds a relocation and writes what of it is in the field.
    fn relocate(
        &self,
        w: &mut Writer,
        site: Site,
        row: &RelocRow,
        symbol: SymbolId,
        addend: i64,
    ) -> Result<(), LinkError>;

    /// Adds what else is in the file.
    fn finish(&self, w: &mut Writer) -> Result<(), LinkError>;
}

/// Where atoms of a kind are: section, and the offset of their part in it.
#[derive(Clone, Copy, Debug)]
struct Part {
    section: SectionId,
    base: u64,
}

/// An object while it is made.
pub struct Writer<'a> {
    /// The machine.
    pub arch: Arch,
    /// What is in it.
    pub program: Program<'a>,
    /// Where atoms are in their kind's part.
    pub layout: Layout,
    /// The file.
    pub out: Object<'a>,
    /// The symbols of what is left to others.
    pub externals: Vec<SymbolId>,
    parts: Vec<(AtomKind, Part)>,
    /// Of the table of [`crate::pctab`].
    pc_table: Part,
    /// By atom.
    atoms: Vec<SymbolId>,
    /// Of the linker, by number: those that something refers to.
    labels: [Option<SymbolId>; LinkerSymbol::COUNT],
    local: (&'static str, SymbolKind),
}

/// The order of sections: code is first, at the address 0 that objects have.
const ORDER: [AtomKind; SECTIONS.len()] =
    [AtomKind::Text, AtomKind::ReadOnly, AtomKind::RelRo, AtomKind::Data, AtomKind::Roots, AtomKind::Bss];

fn architecture(arch: Arch) -> Option<Architecture> {
    match arch {
        Arch::X64 => Some(Architecture::X86_64),
        Arch::A64 => Some(Architecture::Aarch64),
        Arch::Rv64 => Some(Architecture::Riscv64),
        Arch::Wasm32 => None,
    }
}

const TOO_LARGE: LinkError = LinkError::Unsupported("an object of this size");
/// For a relocation that the format or the machine does not have.
pub const NO_RELOCATION: LinkError = LinkError::Unsupported("this relocation in an object");

/// Writes an object.
pub fn write<F: Form>(input: &RelocatableInput, form: &F) -> Result<Image, LinkError> {
    let arch = input.object.target.arch;
    let architecture = architecture(arch).ok_or(LinkError::Unsupported("objects for this machine"))?;
    let mut program = resolve(input.object, input.archives, input.exports, &|_| true)?;
    veneers::add(&mut program);
    let out = Object::new(F::FORMAT, architecture, Endianness::Little);
    let mut w = Writer::new::<F>(arch, program, out)?;
    w.add_atoms(input.exports);
    form.add_symbols(&mut w)?;
    for kind in ORDER {
        w.relocate(form, kind)?;
    }
    if let Some(options) = &input.debug {
        let sections = dwarf::build(arch, options, &w.layout.functions(&w.program));
        w.add_debug(form, &sections)?;
    }
    form.finish(&mut w)?;
    Ok(Image { bytes: w.out.write().map_err(|_| TOO_LARGE)? })
}

impl<'a> Writer<'a> {
    /// Makes and fills the sections; references within the code are final.
    fn new<F: Form>(arch: Arch, program: Program<'a>, mut out: Object<'a>) -> Result<Writer<'a>, LinkError> {
        let layout = Layout::new(&program);
        let mut sections: Vec<(Named, SectionId)> = Vec::new();
        let (mut parts, mut table) = (Vec::new(), None);
        for kind in ORDER {
            let named = F::section(kind);
            let id = match sections.iter().find(|(known, _)| *known == named) {
                Some((_, id)) => *id,
                None => {
                    let id = out.add_section(named.segment.into(), named.name.clone().into(), named.kind);
                    sections.push((named, id));
                    id
                }
            };
            let (size, align) = (layout.section(kind).size, layout.section(kind).align);
            if size > F::LARGEST {
                return Err(TOO_LARGE);
            }
            let base = if kind == AtomKind::Bss {
                out.append_section_bss(id, size, align)
            } else {
                out.append_section_data(id, &contents(&program, &layout, kind, arch)?, align)
            };
            parts.push((kind, Part { section: id, base }));
            if kind == AtomKind::ReadOnly {
                let bytes = pc_table(&layout.functions(&program));
                table = Some(Part { section: id, base: out.append_section_data(id, &bytes, 8) });
            }
        }
        Ok(Writer {
            arch,
            program,
            layout,
            out,
            externals: Vec::new(),
            parts,
            pc_table: table.expect("one of the parts"),
            atoms: Vec::new(),
            labels: [None; LinkerSymbol::COUNT],
            local: F::LOCAL,
        })
    }

    fn part(&self, kind: AtomKind) -> Part {
        let found = self.parts.iter().find(|(k, _)| *k == kind);
        found.expect("a part of every kind").1
    }

    /// The section of code.
    pub fn text(&self) -> SectionId {
        self.part(AtomKind::Text).section
    }

    fn add_atoms(&mut self, exports: &[&str]) {
        let mut symbols = vec![None; self.program.atoms.len()];
        for &i in &self.layout.order {
            let atom = &self.program.atoms[i as usize];
            let part = self.part(atom.view.kind);
            let global = atom.global && exports.contains(&&*atom.name);
            symbols[i as usize] = Some(self.out.add_symbol(Symbol {
                name: atom.name.as_bytes().to_vec(),
                value: part.base + self.layout.offsets[i as usize],
                size: atom.view.size(),
                kind: if atom.view.kind == AtomKind::Text { SymbolKind::Text } else { SymbolKind::Data },
                scope: if global { SymbolScope::Dynamic } else { SymbolScope::Compilation },
                weak: false,
                section: SymbolSection::Section(part.section),
                flags: SymbolFlags::None,
            }));
        }
        self.atoms = symbols.into_iter().map(|s| s.expect("the order has all")).collect();
    }

    /// Adds the symbols of what is left to others, by their names.
    pub fn add_undefined(&mut self) {
        self.externals =
            self.program.externals.clone().into_iter().map(|name| self.undefined(name)).collect();
    }

    /// Adds constants to those with addresses; gives their place.
    pub fn add_constants(&mut self, bytes: &[u8], align: u64) -> (SectionId, u64) {
        let section = self.part(AtomKind::RelRo).section;
        (section, self.out.append_section_data(section, bytes, align))
    }

    /// Adds a symbol of this name that somebody else defines.
    pub fn undefined(&mut self, name: &str) -> SymbolId {
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

    /// Adds a symbol for a place in a section, which nobody else sees.
    pub fn label(&mut self, name: String, kind: SymbolKind, section: SectionId, offset: u64) -> SymbolId {
        self.out.add_symbol(Symbol {
            name: name.into(),
            value: offset,
            size: 0,
            kind,
            scope: SymbolScope::Compilation,
            weak: false,
            section: SymbolSection::Section(section),
            flags: SymbolFlags::None,
        })
    }

    /// Adds a label with the format's prefix of such.
    pub fn local_label(&mut self, name: &str, section: SectionId, offset: u64) -> SymbolId {
        let (prefix, kind) = self.local;
        self.label(format!("{prefix}{name}"), kind, section, offset)
    }

    /// The place of a symbol of the linker.
    fn place(&self, symbol: LinkerSymbol) -> Part {
        let at = |kind, distance: fn(u64) -> u64| {
            let part = self.part(kind);
            Part { base: part.base + distance(self.layout.section(kind).size), ..part }
        };
        match symbol {
            LinkerSymbol::PcTable => self.pc_table,
            LinkerSymbol::RootsStart => self.part(AtomKind::Roots),
            LinkerSymbol::RootsEnd => at(AtomKind::Roots, |size| size.next_multiple_of(8)),
            LinkerSymbol::TextEnd => at(AtomKind::Text, |size| size),
            LinkerSymbol::TextStart
            | LinkerSymbol::RelrStart
            | LinkerSymbol::RelrEnd
            | LinkerSymbol::RelroStart
            | LinkerSymbol::RelroEnd => self.part(AtomKind::Text),
            LinkerSymbol::ImageBase
            | LinkerSymbol::StackLow
            | LinkerSymbol::StackTop
            | LinkerSymbol::HeapStart => unreachable!("symbols of another format do not resolve"),
        }
    }

    /// The symbol of what a relocation refers to.
    fn symbol<F: Form>(&mut self, form: &F, def: Def) -> SymbolId {
        let symbol = match def {
            Def::Atom(i) => return self.atoms[i as usize],
            Def::External(i) => return self.externals[i as usize],
            Def::Linker(symbol) => symbol,
        };
        if let Some(known) = self.labels[symbol as usize] {
            return known;
        }
        let made = match form.image_base().filter(|_| symbol == LinkerSymbol::ImageBase) {
            Some(name) => self.undefined(name),
            None => {
                let Part { section, base } = self.place(symbol);
                self.local_label(symbol.name(), section, base)
            }
        };
        self.labels[symbol as usize] = Some(made);
        made
    }

    /// A symbol for a place that a relocation cannot tell by its distance from another symbol.
    fn far(&mut self, def: Def, addend: i64) -> Result<SymbolId, LinkError> {
        let Part { section, base } = match def {
            Def::Atom(i) => {
                let part = self.part(self.program.atoms[i as usize].view.kind);
                Part { base: part.base + self.layout.offsets[i as usize], ..part }
            }
            Def::Linker(symbol) => self.place(symbol),
            Def::External(_) => return Err(NO_RELOCATION),
        };
        let name = format!("{}{addend:+}", self.program.def_name(def));
        let place = base.checked_add_signed(addend).ok_or(NO_RELOCATION)?;
        Ok(self.local_label(&name, section, place))
    }

    /// Writes the relocations that are left to the linker.
    fn relocate<F: Form>(&mut self, form: &F, kind: AtomKind) -> Result<(), LinkError> {
        let part = self.part(kind);
        let mut left = Vec::new();
        self.layout.for_each_reloc(&self.program, kind, |atom, at, entry, def| {
            if within_text(&self.program, kind, entry, def).is_none() {
                left.push((atom, at, *entry, def));
            }
            Ok(())
        })?;
        for (atom, at, entry, def) in left {
            let within = (self.atoms[atom as usize], entry.offset.into());
            let site = Site { section: part.section, offset: part.base + at, atom: Some(within) };
            let row = entry.kind.row();
            let (symbol, addend) = match form.takes(row, entry.addend) {
                true => (self.symbol(form, def), entry.addend),
                false => (self.far(def, entry.addend)?, 0),
            };
            form.relocate(self, site, row, symbol, addend)?;
        }
        Ok(())
    }

    /// Writes the part of an addend that is in the field, which has nothing else of it.
    pub fn fill(&mut self, site: Site, row: &RelocRow, addend: i64) -> Result<(), LinkError> {
        // A page's field counts bytes here, as linkers of such formats read it.
        let value = if row.formula == Formula::Page { addend << PAGE_SHIFT } else { addend };
        let unit = &mut self.out.section_mut(site.section).data_mut()[site.offset as usize..];
        reloc::apply(row.kind, unit, value as u64, 0).map_err(|_| NO_RELOCATION)
    }

    /// Adds a relocation of these numbers.
    pub fn add(
        &mut self,
        site: Site,
        symbol: SymbolId,
        addend: i64,
        flags: RelocationFlags,
        minus: Option<SymbolId>,
    ) -> Result<(), LinkError> {
        let relocation = Relocation { offset: site.offset, symbol, addend, flags };
        let added = self.out.add_relocation_with_subtractor(site.section, relocation, minus);
        added.map_err(|_| NO_RELOCATION)
    }

    fn add_debug<F: Form>(&mut self, form: &F, sections: &[DebugSection]) -> Result<(), LinkError> {
        let mut ids = Vec::new();
        for s in sections {
            let named = form.debug_section(s.name);
            let id = self.out.add_section(named.segment.into(), named.name.into(), named.kind);
            self.out.append_section_data(id, &s.bytes, 1);
            ids.push((s.name, id));
        }
        for (s, &(_, id)) in sections.iter().zip(&ids) {
            for DebugReloc { offset, size, target, addend, .. } in &s.relocs {
                let to = match target {
                    DebugTarget::Text => Some(self.text()),
                    DebugTarget::Section(name) => ids.iter().find(|(n, _)| n == name).map(|(_, id)| *id),
                };
                let to = to.ok_or(LinkError::Unsupported("a reference to an empty debug section"))?;
                let symbol = self.out.section_symbol(to);
                let kind = if *size == 8 { RelocKind::Abs64 } else { RelocKind::Abs32 };
                let site = Site { section: id, offset: *offset as u64, atom: None };
                form.relocate(self, site, kind.row(), symbol, *addend)?;
            }
        }
        Ok(())
    }
}

/// The low bits of an address that are within a page of code that counts in pages.
const PAGE_SHIFT: u32 = 12;

/// The atom that is referred to when both ends are code: a distance that is known now.
fn within_text(program: &Program, kind: AtomKind, entry: &RelocEntry, def: Def) -> Option<u32> {
    let Def::Atom(to) = def else { return None };
    let text = kind == AtomKind::Text && program.atoms[to as usize].view.kind == AtomKind::Text;
    (text && entry.kind.row().formula == Formula::Rel).then_some(to)
}

/// The contents of a section.
fn contents(program: &Program, layout: &Layout, kind: AtomKind, arch: Arch) -> Result<Vec<u8>, LinkError> {
    let mut bytes = vec![0; layout.section(kind).size as usize];
    layout.copy(program, kind, arch, &mut bytes);
    let addresses = Addresses::default();
    layout.for_each_reloc(program, kind, |atom, at, entry, def| {
        let Some(to) = within_text(program, kind, entry, def) else { return Ok(()) };
        let target = layout.address(program, to, &addresses).wrapping_add(entry.addend as u64);
        patch(program, atom, entry, def, &mut bytes[at as usize..], target, at)
    })?;
    if kind == AtomKind::Roots {
        // As `__roots_end` promises.
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    Ok(bytes)
}
