//! Strict loaders of the tests, for systems that are not here.
//!
//! Emulators and other people's loaders accept what the systems refuse, so programs that they run may
//! die before their first instruction. A loader here refuses what the system's own loader, its run-time linker
//! and its check of signatures refuse, and otherwise makes an executable for Linux of the program, with the
//! protections and addresses that it would have there: so it runs on this machine, or in a user-mode emulator
//! of its own. What the program calls of the system's library is a library of ours
//! ([`libsystem`], [`kernel32`]) that is stricter than the system where a program must not rely on more.

mod elf;
mod gates;
pub mod kernel32;
mod library;
pub mod libsystem;
pub mod macho;
pub mod pe;
mod read;
mod rules;

pub use library::BASE;
pub use rules::{Refusal, UNREADABLE};

/// What is wrong with an executable of a system that is not here, as its format's `lint` says.
pub fn lint(file: &[u8]) -> Vec<(u32, String)> {
    if pe::is(file) { pe::lint(file) } else { macho::lint(file) }
}

/// Loads an executable of a system that is not here, as its format's `load` does.
pub fn load(file: &[u8], slide: u64) -> Result<Vec<u8>, Refusal> {
    if pe::is(file) { pe::load(file, slide) } else { macho::load(file, slide) }
}
