//! Targets, relocations, the object model, DWARF, and writers for object files and executables.
//!
//! This crate knows neither the IR nor instruction selection: it is given bytes, symbols,
//! relocations and tables, and writes files.

pub mod model;
pub mod pctab;
pub mod reloc;
pub mod target;

pub use model::{Atom, AtomKind, CfiOp, FrameInfo, FunctionInfo, LineRow, Object, RelocEntry, SymRef};
pub use reloc::RelocKind;
pub use target::{Arch, Format, Os, Target};
