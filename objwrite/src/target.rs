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
            Format::MachO => &[(FileKind::Executable, ""), (FileKind::Object, "o")],
            Format::Coff => &[(FileKind::Executable, "exe"), (FileKind::Object, "obj")],
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
            Format::Elf | Format::MachO | Format::Coff => &[],
            Format::Wasm => &["objects for other linkers", "call frames in debuggers"],
        }
    }
}

/// What programs of a target have run by, in the tests.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ran {
    /// By the system itself, on the machine.
    Natively,
    /// By an emulator of the machine, which has the system's calls.
    Emulator,
    /// By a loader of the tests, which does what the system does.
    Loader,
    /// By Wine.
    Wine,
    /// By engines, which are the system.
    Engines,
}

impl Ran {
    /// As users read it.
    pub fn name(self) -> &'static str {
        match self {
            Ran::Natively => "natively",
            Ran::Emulator => "emulator",
            Ran::Loader => "loader",
            Ran::Wine => "Wine",
            Ran::Engines => "engines",
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
    /// What has run its programs.
    pub ran: &'static [Ran],
}

impl TargetRow {
    /// Whether its own system has run its programs, or an emulator that has the system's calls.
    pub fn on_system(&self) -> bool {
        !self.ran.iter().any(|ran| matches!(ran, Ran::Loader | Ran::Wine))
    }
}

/// A supported target: a row of [`TARGETS`].
pub type Target = &'static TargetRow;

macro_rules! targets {
    ($($triple:literal $short:literal $arch:ident $os:ident $format:ident $platform:ident $($ran:ident)+;)*) => {
        /// Every supported target.
        pub static TARGETS: &[TargetRow] = &[$(TargetRow {
            triple: $triple, short: $short, arch: Arch::$arch, os: Os::$os, format: Format::$format,
            platform: platform::$platform, ran: &[$(Ran::$ran),+],
        }),*];
    };
}

targets! {
    "x86_64-unknown-linux" "x64-linux" X64 Linux Elf LINUX_X64 Natively;
    "aarch64-unknown-linux" "a64-linux" A64 Linux Elf LINUX_A64 Emulator;
    "riscv64gc-unknown-linux" "rv64-linux" Rv64 Linux Elf LINUX_RV64 Emulator;
    "x86_64-apple-darwin" "x64-macos" X64 MacOs MachO MACOS_X64 Loader;
    "aarch64-apple-darwin" "a64-macos" A64 MacOs MachO MACOS_A64 Loader Emulator;
    "x86_64-pc-windows" "x64-windows" X64 Windows Coff WINDOWS_X64 Loader Wine;
    "aarch64-pc-windows" "a64-windows" A64 Windows Coff WINDOWS_A64 Loader Emulator;
    "wasm32-wasi" "wasm32-wasi" Wasm32 Wasi Wasm WASI Engines;
}

/// A file with an executable for each machine of a system, which takes the one for its own.
#[derive(PartialEq, Eq, Debug)]
pub struct UniversalRow {
    /// As other compilers call it.
    pub triple: &'static str,
    /// Short name accepted on the command line.
    pub short: &'static str,
    /// The system.
    pub os: Os,
}

/// Every such file.
pub static UNIVERSALS: &[UniversalRow] =
    &[UniversalRow { triple: "universal2-apple-darwin", short: "universal-macos", os: Os::MacOs }];

/// What files are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// One target.
    One(Target),
    /// Several in a file.
    Universal(&'static UniversalRow),
}

impl Output {
    /// Everything that files can be made for.
    pub fn all() -> impl Iterator<Item = Output> {
        TARGETS.iter().map(Output::One).chain(UNIVERSALS.iter().map(Output::Universal))
    }

    /// Canonical triple.
    pub fn triple(self) -> &'static str {
        match self {
            Output::One(row) => row.triple,
            Output::Universal(row) => row.triple,
        }
    }

    /// Short name.
    pub fn short(self) -> &'static str {
        match self {
            Output::One(row) => row.short,
            Output::Universal(row) => row.short,
        }
    }

    /// The targets whose files it is made of, at least one.
    pub fn targets(self) -> Vec<Target> {
        match self {
            Output::One(row) => vec![row],
            Output::Universal(row) => TARGETS.iter().filter(|t| t.os == row.os).collect(),
        }
    }

    /// As [`Format::files`]: objects of several machines stay files of their own.
    pub fn files(self) -> &'static [(FileKind, &'static str)] {
        match self {
            Output::One(row) => row.format.files(),
            Output::Universal(_) => &[(FileKind::Executable, "")],
        }
    }

    /// As [`Format::lacks`].
    pub fn lacks(self) -> &'static [&'static str] {
        match self {
            Output::One(row) => row.format.lacks(),
            Output::Universal(_) => &["objects for other linkers"],
        }
    }

    /// What has run it: its parts.
    pub fn ran(self) -> Vec<Ran> {
        let mut all: Vec<Ran> = Vec::new();
        for ran in self.targets().iter().flat_map(|t| t.ran) {
            if !all.contains(ran) {
                all.push(*ran);
            }
        }
        all
    }

    /// As [`TargetRow::on_system`].
    pub fn on_system(self) -> bool {
        self.targets().iter().all(|t| t.on_system())
    }
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
        let names = |rows: &mut dyn Iterator<Item = Output>| {
            rows.map(|t| format!("{} ({})", t.short(), t.triple())).collect::<Vec<_>>().join(", ")
        };
        let near: Vec<Output> = self.nearest().into_iter().map(Output::One).collect();
        let system = Triple::from_str(&self.0).ok().map_or(OperatingSystem::Unknown, |t| t.operating_system);
        if system != OperatingSystem::Unknown && TARGETS.iter().all(|row| Some(row.os) != meaning_of(system))
        {
            let near = if near.is_empty() { Output::all().collect() } else { near };
            let system = system.into_str();
            let list = names(&mut near.into_iter());
            write!(f, "unknown target `{}`: programs for {system} are not supported; there is {list}", self.0)
        } else if near.is_empty() {
            write!(f, "unknown target `{}`; supported: {}", self.0, names(&mut Output::all()))
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

/// What this short name or triple means.
pub fn parse_output(name: &str) -> Result<Output, UnknownTarget> {
    let several = UNIVERSALS.iter().find(|row| row.short == name || row.triple == name);
    several.map_or_else(|| parse(name).map(Output::One), |row| Ok(Output::Universal(row)))
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
    fn outputs_are_found_by_both_names() {
        for output in Output::all() {
            for name in [output.short(), output.triple()] {
                assert_eq!(parse_output(name), Ok(output));
            }
            let several = matches!(output, Output::Universal(_));
            assert_eq!(output.targets().len() > 1, several, "{}", output.short());
        }
        assert!(parse("universal-macos").is_err(), "no machine");
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
