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
    /// The symbols that the linker defines for the runtime.
    pub linker_symbols: &'static [LinkerSymbol],
    /// Bytes of stack that a function may go down by without touching them: less than the guard below
    /// the stack, and on some systems exactly the page that grows it.
    pub stack_probe: u32,
    /// The endings of the names of the runtime's files that are for it (`os_linux.mochi`).
    pub runtime: &'static [&'static str],
}

/// Static-PIE that the runtime relocates and protects itself. The guard below the stack is the
/// runtime's, and larger than every page.
pub const LINUX: Platform = Platform {
    page: 0x1000,
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
    runtime: &["linux"],
};

/// Linux on x86-64.
pub const LINUX_X64: Platform = Platform { runtime: &["linux", "linux_x64"], ..LINUX };

/// Linux on AArch64, whose kernels may be built for pages of 4, 16 or 64 KiB.
pub const LINUX_A64: Platform = Platform { page: 0x1_0000, runtime: &["linux", "linux_a64"], ..LINUX };

/// Linux on RV64.
pub const LINUX_RV64: Platform = Platform { runtime: &["linux", "linux_rv64"], ..LINUX };

/// WASI preview 1: a linear memory, of which the linker says how it is divided. The stack has no
/// guard that could be missed; functions compare their frames with a limit.
pub const WASI: Platform = Platform {
    page: crate::wasm::exec::PAGE,
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
