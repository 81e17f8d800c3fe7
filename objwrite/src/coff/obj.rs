//! COFF objects: what they have beside [`crate::link::objects`].
//!
//! Imported functions stay symbols of their slots (`__imp_NAME`), which import libraries define. An object has
//! no directives for the linker: who links it names the libraries and the entry. How to step out of functions is
//! in `.pdata` and `.xdata`, which linkers merge with those of other objects.

use super::unwind::{self, Tables};
use crate::link::objects::{self, Form, NO_RELOCATION, Named, Site, Writer};
use crate::link::{Image, LinkError, RelocatableInput};
use crate::model::AtomKind;
use crate::reloc::{Formula, RelocRow};
use object::write::SymbolId;
use object::{BinaryFormat, RelocationFlags, SectionKind, SymbolKind, pe};

/// Objects of COFF.
pub(crate) struct Coff;

/// Writes an object.
pub fn write(input: &RelocatableInput) -> Result<Image, LinkError> {
    objects::write(input, &Coff)
}

/// Bytes by which the field of a page can be away from a symbol.
const PAGE_REACH: i64 = 1 << 20;

impl Form for Coff {
    const FORMAT: BinaryFormat = BinaryFormat::Coff;
    const LOCAL: (&'static str, SymbolKind) = (".L", SymbolKind::Data);
    /// Values of symbols are of 32 bits, and some tools read them with a sign.
    const LARGEST: u64 = i32::MAX as u64;

    fn section(kind: AtomKind) -> Named {
        let (name, kind) = match kind {
            AtomKind::Text => (".text", SectionKind::Text),
            AtomKind::ReadOnly | AtomKind::RelRo => (".rdata", SectionKind::ReadOnlyData),
            AtomKind::Data | AtomKind::Roots => (".data", SectionKind::Data),
            AtomKind::Bss => (".bss", SectionKind::UninitializedData),
        };
        Named { segment: "", name: name.into(), kind }
    }

    fn debug_section(&self, name: &'static str) -> Named {
        Named { segment: "", name: name.into(), kind: SectionKind::Debug }
    }

    fn add_symbols(&self, w: &mut Writer) -> Result<(), LinkError> {
        w.add_undefined();
        Ok(())
    }

    fn takes(&self, row: &RelocRow, addend: i64) -> bool {
        match row.formula {
            Formula::Page => (-PAGE_REACH..PAGE_REACH).contains(&addend),
            // The low bits of a sum need those of the addend only.
            Formula::Abs => true,
            _ if row.is_word() => row.reaches((addend + row.end()) as u64, 0),
            // Calls: linkers overwrite the field.
            _ => addend == 0,
        }
    }

    fn relocate(
        &self,
        w: &mut Writer,
        site: Site,
        row: &RelocRow,
        symbol: SymbolId,
        addend: i64,
    ) -> Result<(), LinkError> {
        let typ = pe::RelocationType(row.coff_number(w.arch).ok_or(NO_RELOCATION)?);
        w.fill(site, row, addend + row.end())?;
        // The addend is in the field. The library would add to it what such fields count from.
        w.add(site, symbol, -row.end(), RelocationFlags::Coff { typ }, None)
    }

    fn finish(&self, w: &mut Writer) -> Result<(), LinkError> {
        let tables = Tables::new(w.arch, &w.layout.functions(&w.program));
        if tables.directory_size() == 0 {
            return Ok(());
        }
        let mut add = |name: &str, bytes: &[u8]| {
            let id = w.out.add_section(Vec::new(), name.into(), SectionKind::ReadOnlyData);
            w.out.append_section_data(id, bytes, unwind::ALIGN.into());
            id
        };
        let records = add(".xdata", &tables.records);
        // Distances from the starts of both sections: what is added to these is in the fields.
        let directory = add(".pdata", &tables.directory(0, 0));
        let symbols = [w.text(), records].map(|section| w.out.section_symbol(section));
        for (offset, refers) in tables.places() {
            let symbol = symbols[refers as usize];
            let site = Site { section: directory, offset, atom: None };
            w.add(site, symbol, 0, RelocationFlags::Coff { typ: tables.distance }, None)?;
        }
        Ok(())
    }
}
