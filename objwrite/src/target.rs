//! Supported targets: the only table of triples.
//!
//! A name on the command line is a row's short name, its triple, or any triple that
//! `target-lexicon` reads and that means the same machine and system (vendor and environment do
//! not matter: executables need no C library).

use std::fmt;
use std::str::FromStr;
use target_lexicon::{Architecture, OperatingSystem, Triple};

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
    "aarch64-unknown-linux" "a64-linux" A64 Linux Elf;
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

/// The machine and system of a triple, when they are ones that some row could have.
fn meaning(triple: &Triple) -> Option<(Arch, Os)> {
    let arch = match triple.architecture {
        Architecture::X86_64 | Architecture::X86_64h => Arch::X64,
        Architecture::Aarch64(_) => Arch::A64,
        Architecture::Riscv64(_) => Arch::Rv64,
        Architecture::Wasm32 => Arch::Wasm32,
        _ => return None,
    };
    let os = match triple.operating_system {
        OperatingSystem::Linux => Os::Linux,
        OperatingSystem::Darwin(_) | OperatingSystem::MacOSX(_) => Os::MacOs,
        OperatingSystem::Windows => Os::Windows,
        OperatingSystem::Wasi | OperatingSystem::WasiP1 => Os::Wasi,
        _ => return None,
    };
    Some((arch, os))
}

fn find(triple: &Triple) -> Option<Target> {
    let (arch, os) = meaning(triple)?;
    TARGETS.iter().find(|row| row.arch == arch && row.os == os)
}

/// The target with this short name or triple.
pub fn parse(name: &str) -> Result<Target, UnknownTarget> {
    let exact = TARGETS.iter().find(|row| row.short == name || row.triple == name);
    let found = exact.or_else(|| Triple::from_str(name).ok().as_ref().and_then(find));
    found.ok_or_else(|| UnknownTarget(name.to_string()))
}

/// The target that this compiler itself runs on, when it is a supported one.
pub fn host() -> Result<Target, UnknownTarget> {
    find(&target_lexicon::HOST).ok_or_else(|| UnknownTarget(target_lexicon::HOST.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_both_names() {
        for row in TARGETS {
            assert_eq!(parse(row.short), Ok(row));
            assert_eq!(parse(row.triple), Ok(row));
            let triple = Triple::from_str(row.triple).unwrap();
            assert_eq!(meaning(&triple), Some((row.arch, row.os)), "{}", row.triple);
        }
    }

    #[test]
    fn other_spellings() {
        for name in ["x86_64-unknown-linux-gnu", "x86_64-linux", "x86_64-pc-linux-musl", "x86_64-linux-gnu"] {
            assert_eq!(parse(name).unwrap().short, "x64-linux", "{name}");
        }
        for name in ["", "vax", "x86_64", "x86_64-unknown-freebsd", "x64-linux "] {
            assert_eq!(parse(name), Err(UnknownTarget(name.to_string())));
        }
    }

    #[test]
    fn the_host_has_a_row_exactly_when_the_table_says_so() {
        assert_eq!(host().ok(), meaning(&target_lexicon::HOST).and(find(&target_lexicon::HOST)));
    }
}
