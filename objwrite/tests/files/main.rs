//! Files made from hand-assembled programs: they run, and other people's readers accept them.
//!
//! The readers of the `object` and `gimli` crates always judge; command-line tools judge when they
//! are installed and are reported as skipped, by name, when they are not.

mod debug;
mod exec;
mod obj;
mod rows;
mod speed;
mod support;
mod veneers;
mod wasm;
