//! Whether each rule finds its trap: an executable of ours without any is changed in a few bytes, and the rule's
//! number is among what is found. Nothing that is read is trusted.

use crate::file::File;
use mochi_loaders::{UNREADABLE, lint};
use mochi_objwrite::Target;
use std::collections::BTreeSet;

/// A trap, and how to fall into it.
pub type Patch = (u32, &'static str, fn(&mut File));

/// Checks the patches of a format: there is one for every rule, and each is found. `base` makes an executable
/// for a target, and `finish` makes good what every change breaks.
pub fn check(
    targets: &[Target],
    base: fn(Target) -> File,
    patches: &[&[Patch]],
    finish: fn(&mut File),
    rules: impl Iterator<Item = u32>,
) {
    let patched: BTreeSet<u32> = patches.iter().copied().flatten().map(|p| p.0).collect();
    assert_eq!(patched, rules.chain([UNREADABLE]).collect());
    let mut problems = Vec::new();
    for target in targets {
        let base = base(target);
        assert_eq!(lint(&base.bytes), [], "{}", target.short);
        for (trap, what, patch) in patches.iter().copied().flatten() {
            let mut file = base.clone();
            patch(&mut file);
            assert!(file.bytes != base.bytes, "{what}: nothing is changed");
            finish(&mut file);
            let found = lint(&file.bytes);
            if !found.iter().any(|(t, _)| t == trap) {
                problems.push(format!("{}, {trap}, {what}: {found:?}", target.short));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}
