//! Segments and sections of an executable, and their load commands.

use crate::bytes::Bytes;
use crate::model::AtomKind;
use object::macho::*;

/// What a section holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Atoms of a kind.
    Atoms(AtomKind),
    /// The table of [`crate::pctab`].
    PcTable,
    /// Frames of functions ([`crate::dwarf::loaded_frames`]).
    Frames,
    /// Slots of imports.
    Slots,
    /// A debug section, by its name in ELF.
    Debug(&'static str),
}

impl Role {
    /// Its name.
    pub fn name(self) -> String {
        match self {
            Role::Atoms(AtomKind::Text) => "__text".into(),
            Role::Atoms(AtomKind::ReadOnly | AtomKind::RelRo) => "__const".into(),
            Role::Atoms(AtomKind::Data) => "__data".into(),
            Role::Atoms(AtomKind::Roots) => "__roots".into(),
            Role::Atoms(AtomKind::Bss) => "__bss".into(),
            Role::PcTable => "__pctab".into(),
            Role::Frames => "__eh_frame".into(),
            Role::Slots => "__got".into(),
            Role::Debug(name) => name.replacen('.', "__", 1),
        }
    }

    /// Its type and attributes.
    fn flags(self) -> u32 {
        let (kind, attributes) = match self {
            Role::Atoms(AtomKind::Text) => {
                (S_REGULAR, S_ATTR_PURE_INSTRUCTIONS.0 | S_ATTR_SOME_INSTRUCTIONS.0)
            }
            Role::Atoms(AtomKind::Bss) => (S_ZEROFILL, 0),
            Role::Slots => (S_NON_LAZY_SYMBOL_POINTERS, 0),
            Role::Debug(_) => (S_REGULAR, S_ATTR_DEBUG.0),
            _ => (S_REGULAR, 0),
        };
        u32::from(kind.0) | attributes
    }

    /// It is zero at first and takes no room in the file.
    pub fn is_zero(self) -> bool {
        self == Role::Atoms(AtomKind::Bss)
    }
}

/// A section.
#[derive(Debug)]
pub struct Section {
    /// What it holds.
    pub role: Role,
    /// Alignment in bytes.
    pub align: u64,
    /// Size in memory.
    pub size: u64,
    /// Address.
    pub address: u64,
    /// Offset in the file.
    pub offset: u64,
}

/// A segment.
#[derive(Debug)]
pub struct Segment {
    /// Its name.
    pub name: &'static str,
    /// What its pages may be used for.
    pub protection: u32,
    /// `SG_*`.
    pub flags: u32,
    /// Its sections in order.
    pub sections: Vec<Section>,
    /// Address.
    pub address: u64,
    /// Size in memory.
    pub size: u64,
    /// Offset in the file.
    pub offset: u64,
    /// Size in the file.
    pub file_size: u64,
}

impl Segment {
    /// A segment that is not placed yet.
    pub fn new(name: &'static str, protection: u32, flags: u32, sections: Vec<Section>) -> Segment {
        Segment { name, protection, flags, sections, address: 0, size: 0, offset: 0, file_size: 0 }
    }

    /// Size of its load command.
    pub fn command_size(&self) -> u64 {
        SEGMENT + SECTION * self.sections.len() as u64
    }

    /// Appends its load command.
    pub fn write(&self, out: &mut Bytes) {
        out.u32(LC_SEGMENT_64.0);
        out.u32(self.command_size() as u32);
        name(out, self.name);
        for v in [self.address, self.size, self.offset, self.file_size] {
            out.u64(v);
        }
        for v in [self.protection, self.protection, self.sections.len() as u32, self.flags] {
            out.u32(v);
        }
        for s in &self.sections {
            name(out, &s.role.name());
            name(out, self.name);
            out.u64(s.address);
            out.u64(s.size);
            out.u32(s.offset as u32);
            out.u32(s.align.trailing_zeros());
            // No relocations. The slots' symbols are the first ones of the indirect table.
            for v in [0, 0, s.role.flags(), 0, 0, 0] {
                out.u32(v);
            }
        }
    }
}

/// Bytes of a segment's load command before its sections.
const SEGMENT: u64 = 72;
/// Bytes of a section's header.
const SECTION: u64 = 80;

/// A name in 16 bytes, which it may fill.
fn name(out: &mut Bytes, name: &str) {
    let mut field = [0; 16];
    let n = name.len().min(16);
    field[..n].copy_from_slice(&name.as_bytes()[..n]);
    out.0.extend(field);
}
