//! Targets, relocations, the object model, DWARF, and writers for object files and executables.
//!
//! This crate knows neither the IR nor instruction selection: it is given bytes, symbols,
//! relocations and tables, and writes files. [`link::link`] makes executables, [`link::relocatable`] objects.

pub mod archive;
pub mod bytes;
pub mod coff;
pub mod directives;
pub mod dwarf;
pub mod elf;
pub mod identity;
pub mod leb;
pub mod link;
pub mod macho;
pub mod model;
pub mod page;
pub mod pctab;
pub mod platform;
pub mod reloc;
pub mod target;
pub mod wasm;

pub use archive::{Archive, ArchiveError};
pub use link::{DebugOptions, Image, LinkError, LinkInput, RelocatableInput, link, relocatable};
pub use model::{
    Atom, AtomKind, AtomView, CfiOp, FrameInfo, FunctionInfo, InlinedCall, LineRow, Object, RelocEntry,
    SymRef, Symbol,
};
pub use reloc::RelocKind;
pub use target::{Arch, Format, Os, Target};
