//! Mach-O: executables for macOS ([`exec`]) with what their loader and kernel ask for, objects ([`obj`]), and
//! several executables in one file ([`universal`]).
//!
//! Sources: Apple's `<mach-o/loader.h>`, `<mach-o/nlist.h>`, `<mach-o/fat.h>` and `cs_blobs.h`, as the constants
//! of the `object` crate repeat them; dyld's and XNU's checks of what they load.

pub mod exec;
mod fixups;
pub mod obj;
mod sections;
mod signature;
pub mod universal;

/// The oldest system that files are for, and the one whose rules they follow: 11.0, the first one on arm64.
const SYSTEM: object::macho::Version = object::macho::Version(11 << 16);

/// The name that C gives to a symbol.
fn c_name(name: &str) -> String {
    format!("_{name}")
}
