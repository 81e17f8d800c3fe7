//! What assemblers of a format want around code and data.

use crate::model::AtomKind;
use crate::target::Format;

/// The directives of a format.
#[derive(Debug)]
pub struct Directives {
    sections: [&'static str; 6],
    /// Symbols have a type and a size.
    pub sizes: bool,
    /// What comes last, as whole lines.
    pub end: &'static str,
}

impl Directives {
    /// The directive that begins the section of such atoms.
    pub fn section(&self, kind: AtomKind) -> &'static str {
        self.sections[match kind {
            AtomKind::Text => 0,
            AtomKind::ReadOnly => 1,
            AtomKind::RelRo => 2,
            AtomKind::Data => 3,
            AtomKind::Roots => 4,
            AtomKind::Bss => 5,
        }]
    }
}

static ELF: Directives = Directives {
    sections: [
        ".text",
        ".section .rodata,\"a\"",
        ".section .data.rel.ro,\"aw\"",
        ".data",
        ".section .data.roots,\"aw\"",
        ".bss",
    ],
    sizes: true,
    end: "    .section .note.GNU-stack,\"\",%progbits\n",
};

static MACH_O: Directives = Directives {
    sections: [
        ".text",
        ".section __TEXT,__const",
        ".section __DATA,__const",
        ".data",
        ".section __DATA,__roots",
        ".section __DATA,__bss",
    ],
    sizes: false,
    end: "",
};

static COFF: Directives = Directives {
    sections: [
        ".text",
        ".section .rdata,\"dr\"",
        ".section .rdata,\"dr\"",
        ".data",
        ".section .roots,\"dw\"",
        ".bss",
    ],
    sizes: false,
    end: "",
};

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
