//! Relocatable ELF objects: what they have beside [`crate::link::objects`].

use super::{Machine, machine, mapping_symbols};
use crate::dwarf;
use crate::link::objects::{self, Form, NO_RELOCATION, Named, Site, Writer};
use crate::link::{Image, LinkError, RelocatableInput};
use crate::model::AtomKind;
use crate::reloc::RelocRow;
use object::write::SymbolId;
use object::{BinaryFormat, FileFlags, RelocationFlags, SectionFlags, SectionKind, SymbolKind, elf};

/// Objects of ELF.
pub(crate) struct Elf {
    machine: Machine,
}

/// Writes an object.
pub fn write(input: &RelocatableInput) -> Result<Image, LinkError> {
    let machine = machine(input.object.target.arch);
    let machine = machine.ok_or(LinkError::Unsupported("ELF for this machine"))?;
    objects::write(input, &Elf { machine })
}

impl Form for Elf {
    const FORMAT: BinaryFormat = BinaryFormat::Elf;
    const LOCAL: (&'static str, SymbolKind) = (".L", SymbolKind::Label);
    const LARGEST: u64 = u64::MAX;

    fn section(kind: AtomKind) -> Named {
        let (name, kind) = match kind {
            AtomKind::Text => (".text", SectionKind::Text),
            AtomKind::ReadOnly => (".rodata", SectionKind::ReadOnlyData),
            AtomKind::RelRo => (".data.rel.ro", SectionKind::ReadOnlyDataWithRel),
            AtomKind::Data => (".data", SectionKind::Data),
            AtomKind::Roots => (".data.roots", SectionKind::Data),
            AtomKind::Bss => (".bss", SectionKind::UninitializedData),
        };
        Named { segment: "", name: name.into(), kind }
    }

    fn debug_section(&self, name: &'static str) -> Named {
        // Strings by the kind for which the size of an entry, a byte, is written.
        let strings = dwarf::holds_strings(name);
        let kind = if strings { SectionKind::OtherString } else { SectionKind::Debug };
        Named { segment: "", name: name.into(), kind }
    }

    fn add_symbols(&self, w: &mut Writer) -> Result<(), LinkError> {
        let text = w.text();
        for (offset, name) in mapping_symbols(self.machine, &w.program, &w.layout) {
            w.label(name.into(), SymbolKind::Label, text, offset);
        }
        w.add_undefined();
        Ok(())
    }

    fn image_base(&self) -> Option<&'static str> {
        Some("__ehdr_start")
    }

    fn takes(&self, _: &RelocRow, _: i64) -> bool {
        true
    }

    fn relocate(
        &self,
        w: &mut Writer,
        site: Site,
        row: &RelocRow,
        symbol: SymbolId,
        addend: i64,
    ) -> Result<(), LinkError> {
        let flags = |number| RelocationFlags::Elf { r_type: elf::RelocationType(number) };
        let number = row.elf_number(w.arch).ok_or(NO_RELOCATION)?;
        w.add(site, symbol, addend, flags(number), None)?;
        let low = row.elf.rv64_low;
        if low != 0 {
            let first = w.label(".L".into(), SymbolKind::Label, site.section, site.offset);
            w.add(Site { offset: site.offset + 4, ..site }, first, 0, flags(low), None)?;
        }
        Ok(())
    }

    fn finish(&self, w: &mut Writer) -> Result<(), LinkError> {
        let e_flags = elf::FileFlags(self.machine.flags);
        w.out.flags = FileFlags::Elf { os_abi: elf::OsAbi(0), abi_version: 0, e_flags };
        let flags = |sh_type| SectionFlags::Elf { sh_type, sh_flags: elf::SectionFlags(0) };
        if let Some(attributes) = &self.machine.attributes {
            let id = w.out.add_section(Vec::new(), attributes.section.into(), SectionKind::Other);
            w.out.append_section_data(id, &attributes.bytes(), 1);
            w.out.section_mut(id).flags = flags(elf::SectionType(attributes.kind));
        }
        // An empty section of this name asks for a stack that is not executable.
        let note = w.out.add_section(Vec::new(), b".note.GNU-stack".to_vec(), SectionKind::Other);
        w.out.section_mut(note).flags = flags(elf::SHT_PROGBITS);
        Ok(())
    }
}
