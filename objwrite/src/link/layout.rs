//! Where each atom is: offsets in sections, in a fixed order.
//!
//! Sections are in the order of [`SECTIONS`]. In the code section functions with a source file
//! come first, so that the compilation unit of the debug information is one range; within that,
//! atoms are in order of definition. The offsets do not depend on addresses, so everything that
//! follows from offsets (the pc table, the number of addresses in data) is known before a format
//! decides on addresses.

use super::LinkError;
use super::resolve::{Def, Kept, LinkerSymbol, Program};
use crate::model::{AtomKind, LineRow, RelocEntry};
use crate::pctab;
use crate::reloc::{self, RelocKind};
use crate::target::Arch;
use std::borrow::Cow;
use std::ops::Range;

/// The sections of the output in order.
pub const SECTIONS: [AtomKind; 6] =
    [AtomKind::ReadOnly, AtomKind::Text, AtomKind::RelRo, AtomKind::Data, AtomKind::Roots, AtomKind::Bss];

/// The sections with addresses in them that change where the file is not loaded as it was linked, in order.
pub const ADDRESSED: [AtomKind; 3] = [AtomKind::RelRo, AtomKind::Data, AtomKind::Roots];

/// Where code begins: at a line of the cache, so that how functions lie in these does not depend on the size of
/// the constants before them. (It decides a third of the time of a small loop.)
pub const CODE_ALIGN: u64 = 64;

/// Bytes of the slot of an import.
pub const SLOT: u64 = 8;

/// A section of the output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// Its atoms, in [`Layout::order`].
    pub atoms: Range<usize>,
    /// Size in bytes.
    pub size: u64,
    /// Largest alignment of its atoms, at least 8, and of code at least [`CODE_ALIGN`].
    pub align: u64,
}

/// Offsets of all atoms.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Atoms of the program, section after section, by ascending offset.
    pub order: Vec<u32>,
    /// Offset of each atom of the program in its section.
    pub offsets: Vec<u64>,
    sections: [Section; SECTIONS.len()],
}

/// Addresses that a format has given to sections and to the linker's symbols.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    sections: [u64; SECTIONS.len()],
    symbols: [u64; LinkerSymbol::COUNT],
    slots: Vec<u64>,
}

impl Addresses {
    /// Sets the address of a section.
    pub fn set_section(&mut self, kind: AtomKind, address: u64) {
        self.sections[rank(kind)] = address;
    }

    /// Sets the value of a symbol.
    pub fn set_symbol(&mut self, symbol: LinkerSymbol, address: u64) {
        self.symbols[symbol as usize] = address;
    }

    /// Sets the addresses of the slots of externals: words that the system's loader fills in.
    pub fn set_slots(&mut self, addresses: Vec<u64>) {
        self.slots = addresses;
    }

    /// The address of the slot of an external.
    pub fn slot(&self, external: u32) -> u64 {
        self.slots[external as usize]
    }

    /// The address of a section.
    pub fn section(&self, kind: AtomKind) -> u64 {
        self.sections[rank(kind)]
    }

    /// The value of a symbol.
    pub fn symbol(&self, symbol: LinkerSymbol) -> u64 {
        self.symbols[symbol as usize]
    }
}

fn rank(kind: AtomKind) -> usize {
    match kind {
        AtomKind::ReadOnly => 0,
        AtomKind::Text => 1,
        AtomKind::RelRo => 2,
        AtomKind::Data => 3,
        AtomKind::Roots => 4,
        AtomKind::Bss => 5,
    }
}

/// Fills the space between atoms.
fn padding(arch: Arch, kind: AtomKind) -> u8 {
    if kind == AtomKind::Text { arch.padding() } else { 0 }
}

impl Layout {
    /// Lays out the atoms of a program.
    pub fn new(program: &Program) -> Layout {
        let atoms = &program.atoms;
        let mut order: Vec<u32> = (0..atoms.len() as u32).collect();
        order.sort_unstable_by_key(|&i| {
            // Veneers follow the atom that they are behind, in the order in which they were made.
            let behind = atoms[i as usize].behind;
            let a = &atoms[behind.unwrap_or(i) as usize];
            let sourceless = a.view.kind == AtomKind::Text && a.file.is_none();
            (rank(a.view.kind), sourceless, a.definition, behind.map(|_| i))
        });
        let mut offsets = vec![0; atoms.len()];
        let mut sections = [const { Section { atoms: 0..0, size: 0, align: 8 } }; SECTIONS.len()];
        sections[rank(AtomKind::Text)].align = CODE_ALIGN;
        let mut at = 0;
        for (kind, section) in SECTIONS.iter().zip(&mut sections) {
            section.atoms.start = at;
            while let Some(&i) = order.get(at)
                && atoms[i as usize].view.kind == *kind
            {
                let view = &atoms[i as usize].view;
                section.size = section.size.next_multiple_of(view.align.into());
                section.align = section.align.max(view.align.into());
                offsets[i as usize] = section.size;
                section.size += view.size();
                at += 1;
            }
            section.atoms.end = at;
            if !section.atoms.is_empty() {
                // Atoms without contents need a section to be in, too.
                section.size = section.size.max(1);
            }
        }
        Layout { order, offsets, sections }
    }

    /// A section.
    pub fn section(&self, kind: AtomKind) -> &Section {
        &self.sections[rank(kind)]
    }

    /// The atoms of a section by ascending offset.
    pub fn atoms(&self, kind: AtomKind) -> &[u32] {
        &self.order[self.section(kind).atoms.clone()]
    }

    /// Gives the linker's symbols for the ends of code and roots their values, from those of the sections. Roots
    /// that are not there are at the start of the code, so that these symbols are in reach of all that is.
    pub fn define_ends(&self, addresses: &mut Addresses) {
        use LinkerSymbol::*;
        for (kind, start, end) in
            [(AtomKind::Text, TextStart, TextEnd), (AtomKind::Roots, RootsStart, RootsEnd)]
        {
            let size = self.section(kind).size;
            let at = addresses.section(if size == 0 { AtomKind::Text } else { kind });
            let size = if kind == AtomKind::Roots { size.next_multiple_of(8) } else { size };
            addresses.set_symbol(start, at);
            addresses.set_symbol(end, at + size);
        }
    }

    /// The address of an atom.
    pub fn address(&self, program: &Program, atom: u32, addresses: &Addresses) -> u64 {
        addresses.section(program.atoms[atom as usize].view.kind) + self.offsets[atom as usize]
    }

    /// Copies the contents of a section to `out`, which has the section's size. Relocations are
    /// not applied.
    pub fn copy(&self, program: &Program, kind: AtomKind, arch: Arch, out: &mut [u8]) {
        let fill = padding(arch, kind);
        let mut at = 0;
        for &i in self.atoms(kind) {
            let from = self.offsets[i as usize] as usize;
            let bytes = program.atoms[i as usize].view.bytes;
            out[at..from].fill(fill);
            out[from..from + bytes.len()].copy_from_slice(bytes);
            at = from + bytes.len();
        }
        out[at..].fill(fill);
    }

    /// Calls `each` with every relocation of a section: atom, offset in the section, entry, what it
    /// refers to.
    pub fn for_each_reloc(
        &self,
        program: &Program,
        kind: AtomKind,
        mut each: impl FnMut(u32, u64, &RelocEntry, Def) -> Result<(), LinkError>,
    ) -> Result<(), LinkError> {
        for &i in self.atoms(kind) {
            let base = self.offsets[i as usize];
            for (entry, def) in program.relocs(i) {
                each(i, base + u64::from(entry.offset), entry, def)?;
            }
        }
        Ok(())
    }

    /// The value of a symbol of a program whose externals are all slots of imports.
    pub fn value(&self, program: &Program, def: Def, addresses: &Addresses) -> u64 {
        match def {
            Def::Atom(i) => self.address(program, i, addresses),
            Def::Linker(s) => addresses.symbol(s),
            Def::External(i) => addresses.slot(i),
        }
    }

    /// Applies all relocations of a section whose contents are in `out`; `base` is its address,
    /// `value` gives that of symbols.
    pub fn relocate(
        &self,
        program: &Program,
        kind: AtomKind,
        base: u64,
        value: &dyn Fn(Def) -> u64,
        out: &mut [u8],
    ) -> Result<(), LinkError> {
        self.for_each_reloc(program, kind, |atom, offset, entry, def| {
            let target = value(def).wrapping_add(entry.addend as u64);
            patch(program, atom, entry, def, &mut out[offset as usize..], target, base + offset)
        })
    }

    /// Places in a section, as offsets, that hold addresses: what has to be changed where the file is not
    /// loaded at the address that it was linked for.
    pub fn address_places(&self, program: &Program, kind: AtomKind) -> Vec<u64> {
        let mut places = Vec::new();
        for &i in self.atoms(kind) {
            let base = self.offsets[i as usize];
            let relocs = program.atoms[i as usize].view.relocs.iter();
            places.extend(relocs.filter(|r| r.kind == RelocKind::Abs64).map(|r| base + u64::from(r.offset)));
        }
        places
    }

    /// The functions, when their code is laid out as their atoms are.
    pub fn functions<'p, 'a>(&self, program: &'p Program<'a>) -> Vec<Function<'p, 'a>> {
        let function = |&i: &u32| {
            let atom = &program.atoms[i as usize];
            let info = atom.view.function.as_deref();
            Function {
                atom,
                start: self.offsets[i as usize],
                size: atom.view.size(),
                rows: Cow::Borrowed(info.map_or(&[], |f| &f.lines)),
            }
        };
        self.atoms(AtomKind::Text).iter().map(function).collect()
    }
}

/// A function of the output.
#[derive(Clone, Debug)]
pub struct Function<'p, 'a> {
    /// Its atom.
    pub atom: &'p Kept<'a>,
    /// Offset of its code in the code section.
    pub start: u64,
    /// Size of its code in bytes.
    pub size: u64,
    /// Its line rows, with offsets in that code.
    pub rows: Cow<'p, [LineRow]>,
}

/// The table of [`crate::pctab`]; functions by ascending offset.
pub fn pc_table(functions: &[Function]) -> Vec<u8> {
    let mut entries = Vec::new();
    for f in functions {
        let (Some(info), Some(file)) = (&f.atom.view.function, f.atom.file) else { continue };
        entries.push(pctab::Entry {
            start: f.start as u32,
            size: f.size as u32,
            display: &info.display,
            file,
            line: info.line,
            rows: &f.rows,
            inlined: &info.inlined,
            call_files: &f.atom.call_files,
        });
    }
    pctab::build(&entries)
}

/// Applies one relocation; `target` is `S + A`, `place` is `P`.
pub fn patch(
    program: &Program,
    atom: u32,
    entry: &RelocEntry,
    def: Def,
    unit: &mut [u8],
    target: u64,
    place: u64,
) -> Result<(), LinkError> {
    reloc::apply(entry.kind, unit, target, place).map_err(|overflow| LinkError::Overflow {
        atom: program.atoms[atom as usize].name.to_string(),
        symbol: program.def_name(def).to_string(),
        overflow,
    })
}
