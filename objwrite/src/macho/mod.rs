//! Mach-O: executables for macOS ([`exec`]) with what their loader and kernel ask for.
//!
//! Sources: Apple's `<mach-o/loader.h>`, `<mach-o/nlist.h>` and `cs_blobs.h`, as the constants of the
//! `object` crate repeat them; dyld's and XNU's checks of what they load.

pub mod exec;
mod fixups;
mod sections;
mod signature;
