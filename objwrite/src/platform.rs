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
    /// The symbol of its first code. Where the system enters programs as C's start-up calls `main`, it is that:
    /// in an object either finds it.
    pub start: &'static str,
    /// How the system's functions are called, and how it calls functions of the program.
    pub convention: Convention,
    /// Which places of saved registers its tables for stepping out of functions can name.
    pub saves: Saves,
    /// Libraries of the system, and their functions that the runtime calls. None of them takes a variable
    /// number of arguments: the conventions for these differ.
    pub imports: &'static [Library],
    /// The symbols that the linker defines for the runtime beside [`LinkerSymbol::EVERYWHERE`].
    pub linker_symbols: &'static [LinkerSymbol],
    /// Bytes of stack that a function may go down by without touching them: less than the guard below
    /// the stack, and on some systems exactly the page that grows it.
    pub stack_probe: u32,
    /// Bytes of stack that the system reserves for the program; 0 where the program makes its own.
    pub stack_reserve: u64,
    /// The endings of the names of the runtime's files that are for it (`os_linux.mochi`).
    pub runtime: &'static [&'static str],
}

/// What the first instruction of a program finds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Entry {
    /// At the stack pointer, which is aligned, the number of arguments, and above it their addresses; the
    /// start function gets the stack pointer.
    Stack,
    /// What a function does: a return address, and in the registers of arguments what the system gives
    /// (macOS: as to C's `main`; Windows: nothing of use); the start function gets them.
    Registers,
    /// Nothing: an engine calls it by its name.
    Engine,
}

/// A calling convention of systems.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Convention {
    /// That of the machine's own document: the one of all other code.
    Machine,
    /// Windows on x86-64: four registers by position, room for them on the stack, and ten SSE registers
    /// that are kept whole (Microsoft, "x64 calling convention").
    Win64,
}

/// Places of registers that a function saves.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Saves {
    /// Each where it is convenient.
    Anywhere,
    /// Neighbours in pairs, the lower number at the lower address, pushed one pair after the other before
    /// the frame pointer is set up (Microsoft, "ARM64 exception handling").
    PushedPairs,
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
const LINUX: Platform = Platform {
    page: 0x1000,
    image_base: 0,
    entry: Entry::Stack,
    start: "_start",
    convention: Convention::Machine,
    saves: Saves::Anywhere,
    imports: &[],
    linker_symbols: &[
        LinkerSymbol::ImageBase,
        LinkerSymbol::RelrStart,
        LinkerSymbol::RelrEnd,
        LinkerSymbol::RelroStart,
        LinkerSymbol::RelroEnd,
    ],
    stack_probe: 0x1000,
    stack_reserve: 0,
    runtime: &["mapped", "posix", "linux"],
};

/// Linux on x86-64.
pub const LINUX_X64: Platform = Platform { runtime: &["mapped", "posix", "linux", "linux_x64"], ..LINUX };

/// Linux on AArch64, whose kernels may be built for pages of 4, 16 or 64 KiB.
pub const LINUX_A64: Platform =
    Platform { page: 0x1_0000, runtime: &["mapped", "posix", "linux", "linux_a64"], ..LINUX };

/// Linux on RV64.
pub const LINUX_RV64: Platform = Platform { runtime: &["mapped", "posix", "linux", "linux_rv64"], ..LINUX };

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
const MACOS: Platform = Platform {
    page: 0x1000,
    image_base: 1 << 32,
    entry: Entry::Registers,
    start: "main",
    convention: Convention::Machine,
    saves: Saves::Anywhere,
    imports: &[LIB_SYSTEM],
    linker_symbols: &[],
    stack_probe: 0x1000,
    stack_reserve: 0,
    runtime: &["mapped", "posix", "macos"],
};

/// macOS on x86-64.
pub const MACOS_X64: Platform = Platform { runtime: &["mapped", "posix", "macos", "macos_x64"], ..MACOS };

/// macOS on arm64, whose pages are of 16 KiB.
pub const MACOS_A64: Platform =
    Platform { page: 0x4000, runtime: &["mapped", "posix", "macos", "macos_a64"], ..MACOS };

/// What the runtime calls of Windows.
const KERNEL32: Library = Library {
    name: "KERNEL32.dll",
    functions: &[
        "AddVectoredExceptionHandler",
        "ExitProcess",
        "GetCommandLineW",
        "GetConsoleMode",
        "GetCurrentThreadStackLimits",
        "GetEnvironmentStringsW",
        "GetLastError",
        "GetStdHandle",
        "GetSystemTimePreciseAsFileTime",
        "GlobalMemoryStatusEx",
        "MultiByteToWideChar",
        "QueryPerformanceCounter",
        "QueryPerformanceFrequency",
        "ReadConsoleW",
        "ReadFile",
        "SetThreadStackGuarantee",
        "Sleep",
        "VirtualAlloc",
        "VirtualFree",
        "WideCharToMultiByte",
        "WriteConsoleW",
        "WriteFile",
    ],
};

/// Random numbers of the system, by the name that its headers call `RtlGenRandom`.
const ADVAPI32: Library = Library { name: "ADVAPI32.dll", functions: &["SystemFunction036"] };

/// Windows 8 and later. The loader relocates and protects what it loads, and gives a stack that grows by a
/// page when that is touched.
const WINDOWS: Platform = Platform {
    page: 0x1000,
    image_base: 0x1_4000_0000,
    entry: Entry::Registers,
    start: "main",
    convention: Convention::Machine,
    saves: Saves::Anywhere,
    imports: &[KERNEL32, ADVAPI32],
    linker_symbols: &[],
    stack_probe: 0x1000,
    stack_reserve: 512 << 20,
    runtime: &["mapped", "windows"],
};

/// Windows on x86-64.
pub const WINDOWS_X64: Platform =
    Platform { convention: Convention::Win64, runtime: &["mapped", "windows", "windows_x64"], ..WINDOWS };

/// Windows on arm64, where its convention is the machine's, for functions with a fixed number of arguments.
pub const WINDOWS_A64: Platform =
    Platform { saves: Saves::PushedPairs, runtime: &["mapped", "windows", "windows_a64"], ..WINDOWS };

/// WASI preview 1: a linear memory, of which the linker says how it is divided. The stack has no
/// guard that could be missed; functions compare their frames with a limit.
pub const WASI: Platform = Platform {
    page: crate::wasm::exec::PAGE,
    image_base: 0,
    entry: Entry::Engine,
    start: "_start",
    convention: Convention::Machine,
    saves: Saves::Anywhere,
    imports: &[],
    linker_symbols: &[LinkerSymbol::StackLow, LinkerSymbol::StackTop, LinkerSymbol::HeapStart],
    stack_probe: u32::MAX,
    stack_reserve: 0,
    runtime: &["wasi"],
};
