//! What assemblers of a format want around code and data.

use crate::coff::obj::Coff;
use crate::elf::obj::Elf;
use crate::link::objects::{Form, Named};
use crate::macho::obj::MachO;
use crate::model::AtomKind;
use crate::target::Format;
use object::SectionKind;

/// The directives of a format.
#[derive(Debug)]
pub struct Directives {
    /// The section of atoms of a kind: that of objects.
    section: fn(AtomKind) -> Named,
    /// Flags of sections, where they are not in segments.
    flags: fn(SectionKind) -> &'static str,
    /// Symbols have a type and a size.
    pub sizes: bool,
    /// What comes last, as whole lines.
    pub end: &'static str,
}

impl Directives {
    /// The directive that begins the section of such atoms.
    pub fn section(&self, kind: AtomKind) -> String {
        let Named { segment, name, kind } = (self.section)(kind);
        match &*name {
            _ if kind == SectionKind::Text => ".text".into(),
            // Directives of their own.
            ".data" | ".bss" => name,
            _ if segment.is_empty() => format!(".section {name},\"{}\"", (self.flags)(kind)),
            _ => format!(".section {segment},{name}"),
        }
    }
}

static ELF: Directives = Directives {
    section: Elf::section,
    flags: |kind| if kind == SectionKind::ReadOnlyData { "a" } else { "aw" },
    sizes: true,
    end: "    .section .note.GNU-stack,\"\",%progbits\n",
};

static MACH_O: Directives = Directives { section: MachO::section, flags: |_| "", sizes: false, end: "" };

static COFF: Directives = Directives { section: Coff::section, flags: |_| "dr", sizes: false, end: "" };

impl Format {
    /// What its assemblers want. Modules of WebAssembly have a text form of their own.
    pub fn directives(self) -> Option<&'static Directives> {
        match self {
            Format::Elf => Some(&ELF),
            Format::MachO => Some(&MACH_O),
            Format::Coff => Some(&COFF),
            Format::Wasm => None,
        }
    }
}
