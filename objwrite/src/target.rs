//! Supported targets: the only table of triples.
//!
//! A name on the command line is a row's short name, its triple, or any triple that
//! `target-lexicon` reads and that means the same machine and system (vendor and environment do
//! not matter: executables need no C library).

use crate::platform::{self, Platform};
use std::fmt;
use std::str::FromStr;
use target_lexicon::{
    Aarch64Architecture, Architecture, Environment, OperatingSystem, Riscv64Architecture, Triple,
};

/// Instruction set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Arch {
    X64,
    A64,
    Rv64,
    Wasm32,
}

impl Arch {
    /// Fills the space between functions: an instruction that traps, where one byte can be that.
    pub fn padding(self) -> u8 {
        match self {
            Arch::X64 => 0xCC,
            Arch::A64 | Arch::Rv64 | Arch::Wasm32 => 0,
        }
    }
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

/// What can be written for a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileKind {
    /// A finished program.
    Executable,
    /// An object for another linker.
    Object,
    /// A page for browsers that runs the program.
    Page,
}

impl FileKind {
    /// All kinds.
    pub const ALL: [FileKind; 3] = [FileKind::Executable, FileKind::Object, FileKind::Page];

    /// As `--emit` calls it.
    pub fn name(self) -> &'static str {
        match self {
            FileKind::Executable => "exe",
            FileKind::Object => "obj",
            FileKind::Page => "html",
        }
    }
}

impl Format {
    /// The kinds of files that are written, each with the extension of its name.
    pub fn files(self) -> &'static [(FileKind, &'static str)] {
        match self {
            Format::Elf => &[(FileKind::Executable, ""), (FileKind::Object, "o")],
            Format::Wasm => &[(FileKind::Executable, "wasm"), (FileKind::Page, "html")],
            Format::MachO => &[(FileKind::Executable, "")],
            Format::Coff => &[(FileKind::Executable, "exe")],
        }
    }

    /// The extension of files of a kind; `None` when they are not written.
    pub fn extension(self, kind: FileKind) -> Option<&'static str> {
        self.files().iter().find(|f| f.0 == kind).map(|f| f.1)
    }

    /// The system loads and starts executables itself; others are given to an engine.
    pub fn is_started(self) -> bool {
        self != Format::Wasm
    }

    /// What programs in this format do without, of that which the compiler can do elsewhere.
    pub fn lacks(self) -> &'static [&'static str] {
        match self {
            Format::Elf => &[],
            Format::Wasm => &["objects for other linkers", "call frames in debuggers"],
            Format::MachO | Format::Coff => &["objects for other linkers"],
        }
    }
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
    /// What the system asks of programs on this machine.
    pub platform: Platform,
}

/// A supported target: a row of [`TARGETS`].
pub type Target = &'static TargetRow;

macro_rules! targets {
    ($($triple:literal $short:literal $arch:ident $os:ident $format:ident $platform:ident;)*) => {
        /// Every supported target.
        pub static TARGETS: &[TargetRow] = &[$(TargetRow {
            triple: $triple, short: $short, arch: Arch::$arch, os: Os::$os, format: Format::$format,
            platform: platform::$platform,
        }),*];
    };
}

targets! {
    "x86_64-unknown-linux" "x64-linux" X64 Linux Elf LINUX_X64;
    "aarch64-unknown-linux" "a64-linux" A64 Linux Elf LINUX_A64;
    "riscv64gc-unknown-linux" "rv64-linux" Rv64 Linux Elf LINUX_RV64;
    "x86_64-apple-darwin" "x64-macos" X64 MacOs MachO MACOS_X64;
    "aarch64-apple-darwin" "a64-macos" A64 MacOs MachO MACOS_A64;
    "x86_64-pc-windows" "x64-windows" X64 Windows Coff WINDOWS_X64;
    "aarch64-pc-windows" "a64-windows" A64 Windows Coff WINDOWS_A64;
    "wasm32-wasi" "wasm32-wasi" Wasm32 Wasi Wasm WASI;
}

/// A target name that is not supported.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownTarget(pub String);

impl UnknownTarget {
    /// The targets that may be meant: those on the machine that the name starts with, of the system in it
    /// if there is one, or else those whose name is at most a third different.
    pub fn nearest(&self) -> Vec<Target> {
        let name = self.0.to_lowercase();
        let arch = Triple::from_str(&name).ok().and_then(|t| machine(&t));
        let same: Vec<Target> = TARGETS.iter().filter(|row| Some(row.arch) == arch).collect();
        let named = |row: &Target| row.short.rsplit('-').next().is_some_and(|system| name.contains(system));
        let of_system: Vec<Target> = same.iter().copied().filter(named).collect();
        if !same.is_empty() {
            return if of_system.is_empty() { same } else { of_system };
        }
        let far = |row: Target| [row.short, row.triple].map(|known| distance(&name, known));
        let least = TARGETS.iter().flat_map(far).min().unwrap_or(usize::MAX);
        TARGETS.iter().filter(|row| far(row).contains(&least) && least <= name.len().div_ceil(3)).collect()
    }
}

/// How many characters have to be inserted, removed or replaced to make one name of the other
/// (Levenshtein's distance, a row of its table at a time).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

impl fmt::Display for UnknownTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |rows: &mut dyn Iterator<Item = Target>| {
            rows.map(|t| format!("{} ({})", t.short, t.triple)).collect::<Vec<_>>().join(", ")
        };
        let near = self.nearest();
        let system = Triple::from_str(&self.0).ok().map_or(OperatingSystem::Unknown, |t| t.operating_system);
        if system != OperatingSystem::Unknown && TARGETS.iter().all(|row| Some(row.os) != meaning_of(system))
        {
            let near = if near.is_empty() { TARGETS.iter().collect() } else { near };
            let system = system.into_str();
            let list = names(&mut near.into_iter());
            write!(f, "unknown target `{}`: programs for {system} are not supported; there is {list}", self.0)
        } else if near.is_empty() {
            write!(f, "unknown target `{}`; supported: {}", self.0, names(&mut TARGETS.iter()))
        } else {
            write!(f, "unknown target `{}`; did you mean {}?", self.0, names(&mut near.into_iter()))
        }
    }
}

impl std::error::Error for UnknownTarget {}

/// The machine of a triple, when it is one that some row could have.
fn machine(triple: &Triple) -> Option<Arch> {
    // Calling conventions with addresses of 32 bits.
    if matches!(triple.environment, Environment::Gnux32 | Environment::GnuIlp32) {
        return None;
    }
    match triple.architecture {
        Architecture::X86_64 | Architecture::X86_64h => Some(Arch::X64),
        Architecture::Aarch64(Aarch64Architecture::Aarch64) => Some(Arch::A64),
        // Our code needs G and C.
        Architecture::Riscv64(Riscv64Architecture::Riscv64 | Riscv64Architecture::Riscv64gc) => {
            Some(Arch::Rv64)
        }
        Architecture::Wasm32 => Some(Arch::Wasm32),
        _ => None,
    }
}

/// The system, when it is one that some row could have.
fn meaning_of(system: OperatingSystem) -> Option<Os> {
    Some(match system {
        OperatingSystem::Linux => Os::Linux,
        OperatingSystem::Darwin(_) | OperatingSystem::MacOSX(_) => Os::MacOs,
        OperatingSystem::Windows => Os::Windows,
        OperatingSystem::Wasi | OperatingSystem::WasiP1 => Os::Wasi,
        _ => return None,
    })
}

/// The machine and system of a triple, when they are ones that some row could have.
fn meaning(triple: &Triple) -> Option<(Arch, Os)> {
    Some((machine(triple)?, meaning_of(triple.operating_system)?))
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

/// The target that files of a kind are for when none is named: this machine, or the only one that has such files.
pub fn for_files(kind: FileKind) -> Result<Target, UnknownTarget> {
    let mut rows = TARGETS.iter().filter(|row| row.format.extension(kind).is_some());
    match (rows.next(), rows.next()) {
        (Some(only), None) => Ok(only),
        _ => host(),
    }
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
        // Machines and conventions that are not ours, though their names begin like ours.
        let others = [
            "aarch64_be-unknown-linux-gnu",
            "aarch64-unknown-linux-gnu_ilp32",
            "x86_64-unknown-linux-gnux32",
            "riscv64imac-unknown-linux-gnu",
        ];
        for name in ["", "vax", "x86_64", "x86_64-unknown-freebsd", "x64-linux "].into_iter().chain(others) {
            assert_eq!(parse(name), Err(UnknownTarget(name.to_string())));
        }
    }

    #[test]
    fn advice_for_unknown_names() {
        let near =
            |name: &str| UnknownTarget(name.into()).nearest().iter().map(|t| t.short).collect::<Vec<_>>();
        for (name, short) in [
            ("x64-linx", "x64-linux"),
            ("X64-Linux", "x64-linux"),
            ("arm64-linux", "a64-linux"),
            ("riscv64", "rv64-linux"),
            ("riscv64gc-unknown-freebsd", "rv64-linux"),
            ("aarch64-unknwon-linux", "a64-linux"),
        ] {
            assert_eq!(near(name), [short], "{name}");
        }
        for name in ["x86_64", "x86_64-unknown-freebsd"] {
            assert_eq!(near(name), ["x64-linux", "x64-macos", "x64-windows"], "{name}");
        }
        for name in ["", "vax", "pdp11"] {
            assert!(near(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn distances() {
        for (a, b, n) in [("", "abc", 3), ("kitten", "sitting", 3), ("abc", "abc", 0), ("flaw", "lawn", 2)] {
            assert_eq!((distance(a, b), distance(b, a)), (n, n), "{a} {b}");
        }
    }

    #[test]
    fn the_host_has_a_row_exactly_when_the_table_says_so() {
        assert_eq!(host().ok(), meaning(&target_lexicon::HOST).and(find(&target_lexicon::HOST)));
    }
}
