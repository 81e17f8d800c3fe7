//! What programs of macOS call of libSystem, for Linux.
//!
//! Functions have macOS's flags, structures and error numbers, and are stricter than the system:
//!
//! - every call goes through a *gate* ([`crate::gates`]), which looks whether the stack is aligned and, on arm64, x18
//!   untouched, and gives back each register that a function need not keep with rubbish in it;
//! - a result of type `int`, and one that is given to the program (the count of arguments, a signal), has
//!   rubbish in its high half, which no convention defines;
//! - pages are as large as macOS's, and what is not aligned to them is an error where it is one there;
//! - memory that is given back keeps its contents, since macOS does not promise zeros;
//! - what a function does not know it refuses.
//!
//! A handler of signals sees macOS's structures; what it changes in them is not taken back when it returns.

use crate::gates;
use crate::library::{Library, Sources};
use mochi_objwrite::Arch;
use mochi_objwrite::target;
use std::sync::LazyLock;

/// What the library exports. The function behind `_write` is `mac_write` in its files.
const EXPORTS: &[&str] = &[
    "___error",
    "__exit",
    "_arc4random_buf",
    "_clock_gettime",
    "_getpagesize",
    "_getpid",
    "_isatty",
    "_kill",
    "_madvise",
    "_mmap",
    "_mprotect",
    "_munmap",
    "_poll",
    "_read",
    "_sigaction",
    "_sigaltstack",
    "_sysctlbyname",
    "_write",
];

/// Whether the library has a symbol.
pub fn exports(symbol: &str) -> bool {
    EXPORTS.contains(&symbol)
}

/// The library for a machine. Its settings: the address of the program's entry, and the bytes of stack that it
/// wants (0: as many as the library likes).
pub fn of(arch: Arch) -> &'static Library {
    static X64: LazyLock<Library> = LazyLock::new(|| new("x64-linux"));
    static A64: LazyLock<Library> = LazyLock::new(|| new("a64-linux"));
    if arch == Arch::A64 { &A64 } else { &X64 }
}

fn new(target: &str) -> Library {
    let target = target::parse(target).expect("a target");
    let machine = match target.arch {
        Arch::A64 => ("libsystem_a64.mochi", include_str!("libsystem_a64.mochi")),
        _ => ("libsystem_x64.mochi", include_str!("libsystem_x64.mochi")),
    };
    let mut files = crate::library::linux(target.arch);
    files.extend([
        ("libsystem.mochi", include_str!("libsystem.mochi")),
        ("signals.mochi", include_str!("signals.mochi")),
        machine,
    ]);
    let gate = if target.arch == Arch::A64 { gates::a64 } else { gates::x64 };
    Library::new(&Sources {
        target,
        files,
        own: gates::of_libsystem(target.arch),
        exports: EXPORTS.to_vec(),
        prefix: "mac",
        gate,
        settings: &["image_entry", "image_stack"],
    })
}
