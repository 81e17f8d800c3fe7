//! What a module says of itself: the custom sections `target_features` and `producers`.
//!
//! Sources: the tool conventions of WebAssembly, "Linking" (section "Target Features Section") and "Producers
//! Section".

use super::sections::{bytes, custom, number};

/// What code uses beyond the first version of WebAssembly, by the names that tools have for it: what the
/// instructions of the encoder's table need. Optimisers use no more than this, and engines that lack one
/// refuse the module.
pub const FEATURES: &[&str] = &["bulk-memory", "nontrapping-fptoint", "sign-ext"];

/// The module uses the feature.
const USED: u8 = b'+';

/// The language of programs, and what made the module of them: all crates have one version.
const PRODUCERS: &[(&str, &str, &str)] =
    &[("language", "Mochi", ""), ("processed-by", "mochi", env!("CARGO_PKG_VERSION"))];

/// Appends both sections.
pub fn write(out: &mut Vec<u8>) {
    let mut contents = Vec::new();
    number(&mut contents, PRODUCERS.len());
    for (field, name, version) in PRODUCERS {
        bytes(&mut contents, field.as_bytes());
        number(&mut contents, 1);
        bytes(&mut contents, name.as_bytes());
        bytes(&mut contents, version.as_bytes());
    }
    custom(out, "producers", &contents);
    let mut contents = Vec::new();
    number(&mut contents, FEATURES.len());
    for feature in FEATURES {
        contents.push(USED);
        bytes(&mut contents, feature.as_bytes());
    }
    custom(out, "target_features", &contents);
}
