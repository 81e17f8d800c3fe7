//! Mach-O objects: what they have beside [`crate::link::objects`].
//!
//! The slots of imported functions are words of the object: constants with the address of what the library has.
//! So code refers to them as to other data, a linker sees the plainest relocation there is, and makes a bind
//! of it. (The other way, loads through a linker's table, needs one of several relocations by the instruction
//! with the reference.)
//!
//! Code is in one piece: distances in it are final, and its end is known. So the object does not say that
//! sections may be divided at symbols (`MH_SUBSECTIONS_VIA_SYMBOLS`). References between debug sections
//! are final, too: linkers leave these where they are.

use super::sections::Role;
use super::{SYSTEM, c_name};
use crate::link::layout::SLOT;
use crate::link::objects::{self, Form, NO_RELOCATION, Named, Site, Writer};
use crate::link::{Image, LinkError, RelocatableInput};
use crate::model::AtomKind;
use crate::platform::Platform;
use crate::reloc::{Formula, RelocKind, RelocRow};
use object::write::{MachOBuildVersion, SymbolId};
use object::{BinaryFormat, RelocationFlags, SectionKind, SymbolKind, macho};

/// Objects of Mach-O.
pub(crate) struct MachO {
    platform: &'static Platform,
}

/// Writes an object.
pub fn write(input: &RelocatableInput) -> Result<Image, LinkError> {
    objects::write(input, &MachO { platform: &input.object.target.platform })
}

/// The addend of an instruction's relocation is a number of 24 bits, of which Apple's linker takes 20.
const ADDEND_REACH: i64 = 1 << 19;
/// Longest name of a section.
const NAME: usize = 16;

impl Form for MachO {
    const FORMAT: BinaryFormat = BinaryFormat::MachO;
    const LOCAL: (&'static str, SymbolKind) = ("l_", SymbolKind::Unknown);
    /// Places of relocations are numbers of 32 bits with a sign.
    const LARGEST: u64 = i32::MAX as u64;

    fn section(kind: AtomKind) -> Named {
        let (segment, section) = match kind {
            AtomKind::Text => ("__TEXT", SectionKind::Text),
            AtomKind::ReadOnly => ("__TEXT", SectionKind::ReadOnlyData),
            // Linkers move it to the segment that is read-only after fixing up.
            AtomKind::RelRo => ("__DATA", SectionKind::ReadOnlyDataWithRel),
            AtomKind::Data | AtomKind::Roots => ("__DATA", SectionKind::Data),
            AtomKind::Bss => ("__DATA", SectionKind::UninitializedData),
        };
        Named { segment, name: Role::Atoms(kind).name(), kind: section }
    }

    fn debug_section(&self, name: &'static str) -> Named {
        let mut name = Role::Debug(name).name();
        name.truncate(NAME);
        Named { segment: "__DWARF", name, kind: SectionKind::Debug }
    }

    fn add_symbols(&self, w: &mut Writer) -> Result<(), LinkError> {
        for name in w.program.externals.clone() {
            let symbol = match self.platform.import(name) {
                Some((_, function)) => {
                    let function = w.undefined(&c_name(function));
                    let (section, offset) = w.add_constants(&[0; SLOT as usize], SLOT);
                    let slot = w.local_label(name, section, offset);
                    let site = Site { section, offset, atom: None };
                    self.relocate(w, site, RelocKind::Abs64.row(), function, 0)?;
                    slot
                }
                None => w.undefined(&c_name(name)),
            };
            w.externals.push(symbol);
        }
        Ok(())
    }

    fn takes(&self, row: &RelocRow, addend: i64) -> bool {
        match row.is_word() {
            true => row.formula == Formula::Abs || row.reaches((addend + row.end()) as u64, 0),
            false => (-ADDEND_REACH..ADDEND_REACH).contains(&addend),
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
        let Some(macho) = row.macho_number(w.arch) else {
            return if row.kind == RelocKind::Abs32 { w.fill(site, row, addend) } else { Err(NO_RELOCATION) };
        };
        let minus = match macho.pair {
            true => Some(site.atom.ok_or(NO_RELOCATION)?),
            false => None,
        };
        let relative = minus.is_none() && row.formula != Formula::Abs;
        let flags = RelocationFlags::MachO {
            r_type: macho::RelocationType(macho.number),
            r_pcrel: relative,
            r_length: row.bytes.trailing_zeros() as u8,
        };
        if !row.is_word() {
            w.fill(site, row, 0)?;
            return w.add(site, symbol, addend, flags, None);
        }
        let end = if relative { row.end() } else { 0 };
        // What is subtracted is the address of the atom, not that of the field.
        let within = minus.map_or(0, |(_, within)| within as i64);
        w.fill(site, row, addend + end - within)?;
        // The addend is in the field. The library would add to it what such fields count from.
        w.add(site, symbol, -end, flags, minus.map(|(symbol, _)| symbol))
    }

    fn finish(&self, w: &mut Writer) -> Result<(), LinkError> {
        let mut version = MachOBuildVersion::default();
        (version.platform, version.minos, version.sdk) = (macho::PLATFORM_MACOS, SYSTEM, SYSTEM);
        w.out.set_macho_build_version(version);
        Ok(())
    }
}
