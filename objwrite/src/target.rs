//! Supported targets: the only table of triples.

use std::fmt;

/// Instruction set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Arch {
    X64,
    A64,
    Rv64,
    Wasm32,
}

/// Operating system.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Os {
    Linux,
    MacOs,
    Windows,
    Wasi,
}

/// File format.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Format {
    Elf,
    MachO,
    Coff,
    Wasm,
}

/// A supported target.
#[derive(PartialEq, Eq, Hash, Debug)]
pub struct TargetRow {
    /// Canonical triple.
    pub triple: &'static str,
    /// Short name accepted on the command line and used in file names.
    pub short: &'static str,
    /// Instruction set.
    pub arch: Arch,
    /// Operating system.
    pub os: Os,
    /// File format.
    pub format: Format,
}

/// A supported target: a row of [`TARGETS`].
pub type Target = &'static TargetRow;

macro_rules! targets {
    ($($triple:literal $short:literal $arch:ident $os:ident $format:ident;)*) => {
        /// Every supported target.
        pub static TARGETS: &[TargetRow] = &[$(TargetRow {
            triple: $triple, short: $short, arch: Arch::$arch, os: Os::$os, format: Format::$format,
        }),*];
    };
}

targets! {
    "x86_64-unknown-linux" "x64-linux" X64 Linux Elf;
}

/// A target name that is not supported.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownTarget(pub String);

impl fmt::Display for UnknownTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<&str> = TARGETS.iter().map(|t| t.triple).collect();
        write!(f, "unknown target `{}`; supported: {}", self.0, known.join(", "))
    }
}

impl std::error::Error for UnknownTarget {}
