//! Strict loaders of the tests, for systems that are not here.
//!
//! Emulators and other people's loaders accept what the systems refuse, so programs that they run may
//! die before their first instruction. A loader here refuses what the system's own loader, its run-time linker
//! and its check of signatures refuse, and otherwise makes an executable for Linux of the program, with the
//! protections and addresses that it would have there: so it runs on this machine, or in a user-mode emulator
//! of its own. What the program calls of the system's library is a library of ours
//! ([`libsystem`]) that is stricter than the system where a program must not rely on more.

pub mod libsystem;
pub mod macho;
