//! What a system asks of programs on a machine: a record a row of the target table.
//!
//! The values belong to the pair of machine and system, so each row states all of its own, and none
//! follows from another field, a name or the format. What is the same for every system of a format
//! is in the format's writer.

use crate::link::resolve::LinkerSymbol;

/// What a system asks of programs on a machine.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Platform {
    /// The largest page in bytes that a kernel may use: what is protected differently shares none.
    pub page: u64,
    /// Where the file's first byte is in memory, as it is linked.
    pub image_base: u64,
    /// How the program is entered.
    pub entry: Entry,
    /// Libraries of the system, and their functions that the runtime calls. None of them takes a variable
    /// number of arguments: the conventions for these differ.
    pub imports: &'static [Library],
    /// The symbols that the linker defines for the runtime.
    pub linker_symbols: &'static [LinkerSymbol],
    /// Bytes of stack that a function may go down by without touching them: less than the guard below
    /// the stack, and on some systems exactly the page that grows it.
    pub stack_probe: u32,
    /// The endings of the names of the runtime's files that are for it (`os_linux.mochi`).
    pub runtime: &'static [&'static str],
}

/// What the first instruction of a program finds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Entry {
    /// At the stack pointer, which is aligned, the number of arguments, and above it their addresses; the
    /// start function gets the stack pointer.
    Stack,
    /// What C's `main` does: number and addresses of arguments and the environment in registers, and a
    /// return address; the start function gets the three.
    Arguments,
    /// Nothing: an engine calls it by its name.
    Engine,
}

/// A library of the system.
#[derive(PartialEq, Eq, Hash, Debug)]
pub struct Library {
    /// The name by which the system's loader finds it.
    pub name: &'static str,
    /// Functions that it has.
    pub functions: &'static [&'static str],
}

/// Symbols of the slots in which the system's loader puts addresses of imported functions: this and the
/// function's name.
const SLOT_PREFIX: &str = "__imp_";

impl Platform {
    /// The symbol of the slot of an imported function; `None` when no library has a function of that name.
    pub fn slot_symbol(&self, function: &str) -> Option<String> {
        let symbol = format!("{SLOT_PREFIX}{function}");
        self.import(&symbol).map(|_| symbol)
    }

    /// The import whose slot has this symbol: its library, as an index into [`Platform::imports`], and the
    /// function.
    pub fn import(&self, symbol: &str) -> Option<(usize, &'static str)> {
        let name = symbol.strip_prefix(SLOT_PREFIX)?;
        let of = |(i, library): (usize, &'static Library)| {
            library.functions.iter().find(|f| **f == name).map(|f| (i, *f))
        };
        self.imports.iter().enumerate().find_map(of)
    }
}

/// Static-PIE that the runtime relocates and protects itself. The guard below the stack is the
/// runtime's, and larger than every page.
pub const LINUX: Platform = Platform {
    page: 0x1000,
    image_base: 0,
    entry: Entry::Stack,
    imports: &[],
    linker_symbols: &[
        LinkerSymbol::ImageBase,
        LinkerSymbol::RelrStart,
        LinkerSymbol::RelrEnd,
        LinkerSymbol::RelroStart,
        LinkerSymbol::RelroEnd,
        LinkerSymbol::RootsStart,
        LinkerSymbol::RootsEnd,
        LinkerSymbol::TextStart,
        LinkerSymbol::TextEnd,
        LinkerSymbol::PcTable,
    ],
    stack_probe: 0x1000,
    runtime: &["posix", "linux"],
};

/// Linux on x86-64.
pub const LINUX_X64: Platform = Platform { runtime: &["posix", "linux", "linux_x64"], ..LINUX };

/// Linux on AArch64, whose kernels may be built for pages of 4, 16 or 64 KiB.
pub const LINUX_A64: Platform =
    Platform { page: 0x1_0000, runtime: &["posix", "linux", "linux_a64"], ..LINUX };

/// Linux on RV64.
pub const LINUX_RV64: Platform = Platform { runtime: &["posix", "linux", "linux_rv64"], ..LINUX };

/// What the runtime calls of macOS. Its system calls are no interface; this library is.
const LIB_SYSTEM: Library = Library {
    name: "/usr/lib/libSystem.B.dylib",
    functions: &[
        "__error",
        "_exit",
        "arc4random_buf",
        "clock_gettime",
        "getpagesize",
        "getpid",
        "isatty",
        "kill",
        "mmap",
        "mprotect",
        "munmap",
        "poll",
        "read",
        "sigaction",
        "sigaltstack",
        "sysctlbyname",
        "write",
    ],
};

/// macOS 11 and later. The loader relocates and protects what it loads.
pub const MACOS: Platform = Platform {
    page: 0x1000,
    image_base: 1 << 32,
    entry: Entry::Arguments,
    imports: &[LIB_SYSTEM],
    linker_symbols: &[
        LinkerSymbol::RootsStart,
        LinkerSymbol::RootsEnd,
        LinkerSymbol::TextStart,
        LinkerSymbol::TextEnd,
        LinkerSymbol::PcTable,
    ],
    stack_probe: 0x1000,
    runtime: &["posix", "macos"],
};

/// macOS on x86-64.
pub const MACOS_X64: Platform = Platform { runtime: &["posix", "macos", "macos_x64"], ..MACOS };

/// macOS on arm64, whose pages are of 16 KiB.
pub const MACOS_A64: Platform = Platform { page: 0x4000, runtime: &["posix", "macos", "macos_a64"], ..MACOS };

/// WASI preview 1: a linear memory, of which the linker says how it is divided. The stack has no
/// guard that could be missed; functions compare their frames with a limit.
pub const WASI: Platform = Platform {
    page: crate::wasm::exec::PAGE,
    image_base: 0,
    entry: Entry::Engine,
    imports: &[],
    linker_symbols: &[
        LinkerSymbol::RootsStart,
        LinkerSymbol::RootsEnd,
        LinkerSymbol::TextStart,
        LinkerSymbol::TextEnd,
        LinkerSymbol::PcTable,
        LinkerSymbol::StackLow,
        LinkerSymbol::StackTop,
        LinkerSymbol::HeapStart,
    ],
    stack_probe: u32::MAX,
    runtime: &["wasi"],
};
