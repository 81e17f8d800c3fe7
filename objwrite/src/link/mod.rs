//! The link: objects and archives in, an executable or a relocatable object out.
//!
//! One engine for all formats, in steps that are pure functions of their inputs:
//!
//! 1. [`resolve`]: from the roots, every reached atom is decoded once, its symbols resolved by
//!    name, and what nothing reaches is never looked at;
//! 2. [`veneers`]: calls of what is out of their reach go through atoms of their own;
//! 3. [`layout`]: reached atoms in a fixed order (input, then definition) get offsets in five
//!    sections ([`linked`] is the way of executables to here, [`objects`] that of objects);
//! 4. the format's writer gives the sections addresses and writes headers;
//! 5. [`layout::Layout::copy`] puts contents in place and relocations are applied (in WebAssembly's
//!    code they are inserted).
//!
//! Nothing depends on hashing order, time, paths or threads: same input, same bytes.

pub mod layout;
pub mod linked;
pub mod objects;
pub mod resolve;
pub mod veneers;

use crate::archive::{Archive, ArchiveError};
use crate::model::Object;
use crate::reloc::Overflow;
use crate::target::{Format, Output};
use std::fmt;

/// Debug information wanted in the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugOptions {
    /// The compiler and its version.
    pub producer: String,
    /// Name of the compilation unit: the main source file.
    pub unit: String,
    /// Directory that relative file names are relative to, as it is to appear in the file; not empty.
    pub directory: String,
}

/// What to link and how.
#[derive(Clone, Debug)]
pub struct LinkInput<'a> {
    /// The program. Its target is the output's.
    pub object: &'a Object,
    /// Libraries: searched in order for what is still undefined.
    pub archives: &'a [Archive<'a>],
    /// Symbol where execution starts.
    pub entry: &'a str,
    /// Write a symbol table.
    pub symbols: bool,
    /// Write debug information.
    pub debug: Option<DebugOptions>,
    /// Write a build id: a hash of the rest of the file.
    pub build_id: bool,
}

/// What to put into a relocatable object.
#[derive(Clone, Debug)]
pub struct RelocatableInput<'a> {
    /// The program. Its target is the output's.
    pub object: &'a Object,
    /// Libraries: searched in order for what is still undefined.
    pub archives: &'a [Archive<'a>],
    /// Symbols that are to be visible to other objects (`main`). The object holds what they reach;
    /// every other name stays inside it, so that it cannot clash with names of a C library.
    pub exports: &'a [&'a str],
    /// Write debug information.
    pub debug: Option<DebugOptions>,
}

/// A finished file.
#[derive(Clone, Debug)]
pub struct Image {
    /// Contents of the file.
    pub bytes: Vec<u8>,
}

/// Why there is no output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// Symbols that nothing defines, each with the first atom that needs it.
    Undefined(Vec<Undefined>),
    /// Two definitions of one name.
    Duplicate {
        /// The name.
        symbol: String,
    },
    /// An archive for another target than the program.
    Target {
        /// The archive's.
        archive: &'static str,
        /// The program's.
        object: &'static str,
    },
    /// An archive that cannot be read.
    Archive(ArchiveError),
    /// A distance that the instruction cannot span.
    Overflow {
        /// The atom with the relocation.
        atom: String,
        /// What it refers to.
        symbol: String,
        /// The relocation and the value.
        overflow: Overflow,
    },
    /// An atom contradicts itself: an address in a section without addresses, a relocation outside
    /// its bytes, an impossible alignment.
    BadAtom {
        /// The atom.
        atom: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A function that no engine of WebAssembly takes.
    TooLarge {
        /// Its name.
        function: String,
        /// What it has too much of, and the limit.
        what: &'static str,
    },
    /// Something that the format or the target does not have.
    Unsupported(&'static str),
}

/// A symbol that nothing defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undefined {
    /// Its name.
    pub symbol: String,
    /// The atom that needs it; `None` for the entry.
    pub by: Option<String>,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::Undefined(list) => {
                for (i, u) in list.iter().enumerate() {
                    let sep = if i == 0 { "" } else { "; " };
                    write!(f, "{sep}undefined symbol `{}`", u.symbol)?;
                    match &u.by {
                        Some(by) => write!(f, ", needed by `{by}`")?,
                        None => write!(f, ", the entry")?,
                    }
                }
                Ok(())
            }
            LinkError::Duplicate { symbol } => write!(f, "symbol `{symbol}` is defined twice"),
            LinkError::Target { archive, object } => {
                write!(f, "the runtime is for {archive}, the program for {object}")
            }
            LinkError::Archive(e) => e.fmt(f),
            LinkError::Overflow { atom, symbol, overflow } => {
                write!(f, "`{atom}` is too far from `{symbol}`: {overflow}")
            }
            LinkError::BadAtom { atom, why } => write!(f, "bad definition of `{atom}`: {why}"),
            LinkError::TooLarge { function, what } => {
                write!(f, "`{function}` has more than {what}, so engines of WebAssembly reject it")
            }
            LinkError::Unsupported(what) => write!(f, "not supported: {what}"),
        }
    }
}

impl std::error::Error for LinkError {}

impl From<ArchiveError> for LinkError {
    fn from(e: ArchiveError) -> LinkError {
        LinkError::Archive(e)
    }
}

/// Links an executable for the target of `input.object`.
pub fn link(input: &LinkInput) -> Result<Image, LinkError> {
    match input.object.target.format {
        Format::Elf => crate::elf::exec::write(input),
        Format::Wasm => crate::wasm::exec::write(input),
        Format::MachO => crate::macho::exec::write(input),
        Format::Coff => crate::coff::exec::write(input),
    }
}

/// Puts the executables of an output's targets, in their order, into one file.
pub fn joined(output: Output, mut files: Vec<Vec<u8>>) -> Result<Vec<u8>, LinkError> {
    match output {
        Output::One(_) => files.pop().ok_or(LinkError::Unsupported("a file of nothing")),
        Output::Universal(_) => crate::macho::universal::write(&files),
    }
}

/// Makes a relocatable object that any linker of the target takes. It is self-contained: symbols
/// that nothing here defines are left undefined for that linker.
pub fn relocatable(input: &RelocatableInput) -> Result<Image, LinkError> {
    match input.object.target.format {
        Format::Elf => crate::elf::obj::write(input),
        // Linkers of WebAssembly want numbers of fixed size in place of ours, and would only add a
        // C library: the module that `link` writes is complete.
        Format::Wasm => Err(LinkError::Unsupported("objects of this format: write an executable")),
        Format::MachO => crate::macho::obj::write(input),
        Format::Coff => crate::coff::obj::write(input),
    }
}
