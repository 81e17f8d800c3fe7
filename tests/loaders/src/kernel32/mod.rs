//! What programs of Windows call of KERNEL32 and ADVAPI32, for Linux.
//!
//! Functions have the convention, structures and errors of Windows, and are stricter than the system:
//!
//! - every call goes through a *gate* ([`crate::gates`]), which looks whether the stack is aligned and, on arm64,
//!   x18 untouched, and gives back each register that a function need not keep, and on x86-64 the room that the
//!   caller has for four arguments, with rubbish in it;
//! - a result of 32 bits has rubbish in its high half, and what is given in 32 bits may have it;
//! - a function that succeeds changes the last error;
//! - the stack grows by the page below it, when that is touched, and by no other, however far below;
//! - an exception is handled on the stack of the program, and what is below its stack pointer is gone;
//! - memory that is reserved or decommitted cannot be accessed, and only what is reserved can be committed;
//! - what a function does not know it refuses.
//!
//! With `MOCHI_LOADER_CONSOLE=1` in the environment the standard files are consoles.

use crate::gates;
use crate::library::{Library, Sources};
use mochi_objwrite::Arch;
use mochi_objwrite::platform::Platform;
use mochi_objwrite::target::{self, Target, TargetRow};
use std::sync::LazyLock;

/// What each library exports. The function behind `Sleep` is `win_Sleep` in the files.
const EXPORTS: &[(&str, &[&str])] = &[
    (
        "KERNEL32.DLL",
        &[
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
    ),
    ("ADVAPI32.DLL", &["SystemFunction036"]),
];

/// Whether a library, whose name is the same in capitals, has a function; `None` when there is no such library.
pub fn exports(library: &str, function: &str) -> Option<bool> {
    let found = EXPORTS.iter().find(|(name, _)| library.eq_ignore_ascii_case(name))?;
    Some(found.1.contains(&function))
}

/// The library for a machine. Its settings: the address of the program's entry, and how many bytes of stack are
/// reserved and committed for it.
pub fn of(arch: Arch) -> &'static Library {
    static X64: LazyLock<Library> = LazyLock::new(|| new("x64-linux", "x64-windows"));
    static A64: LazyLock<Library> = LazyLock::new(|| new("a64-linux", "a64-windows"));
    if arch == Arch::A64 { &A64 } else { &X64 }
}

/// Compiles for one system with the convention that functions of another one have: `@system` is that.
fn new(system: &str, functions: &str) -> Library {
    let [system, functions] = [system, functions].map(|name| target::parse(name).expect("a target"));
    let platform = Platform { convention: functions.platform.convention, ..system.platform };
    // As long as the library, which stays.
    let target: Target = Box::leak(Box::new(TargetRow { platform, ..*system }));
    let machine = match target.arch {
        Arch::A64 => ("kernel32_a64.mochi", include_str!("kernel32_a64.mochi")),
        _ => ("kernel32_x64.mochi", include_str!("kernel32_x64.mochi")),
    };
    let mut files = crate::library::linux(target.arch);
    files.extend([
        ("kernel32.mochi", include_str!("kernel32.mochi")),
        ("exceptions.mochi", include_str!("exceptions.mochi")),
        ("texts.mochi", include_str!("texts.mochi")),
        machine,
    ]);
    Library::new(&Sources {
        target,
        files,
        own: gates::of_kernel32(target.arch),
        exports: EXPORTS.iter().flat_map(|(_, functions)| *functions).copied().collect(),
        prefix: "win_",
        gate: if target.arch == Arch::A64 { gates::a64 } else { gates::win64 },
        settings: &["image_entry", "stack_reserve", "stack_commit"],
    })
}
