//! The runtime library: compiled by `build.rs` from `lib/*.mochi`, and given out here in the two
//! forms the compiler needs: declarations (with the IR of inlined functions) for lowering, and the
//! whole library for one target.

use mochi_ir::{Attributes, Conv, Decl, Library, Promise, Type};
use mochi_objwrite::Target;

include!(concat!(env!("OUT_DIR"), "/library.rs"));

/// Declarations of all runtime functions; the same for every target.
pub fn library() -> Library {
    Library { decls: DECLS, regions: REGIONS }
}

/// The library for a target as IR in its text form, for the interpreter.
pub fn ir_text(target: Target) -> &'static str {
    let (_, text) = MODULES.iter().find(|m| m.0 == target.triple).expect("every target has a library");
    text
}

/// The library for a target: an object archive (`mochi_objwrite::Archive`) that also defines the
/// entry point of its system.
pub fn archive(target: Target) -> &'static [u8] {
    let (_, bytes) = ARCHIVES.iter().find(|m| m.0 == target.triple).expect("every target has a library");
    bytes
}
