//! Universal files: the executable of each machine is found, and what is wrong with a file is refused.

use super::programs::targets;
use crate::run::{Entry, program};
use mochi_loaders::macho::{lint, slice};
use mochi_objwrite::macho::universal;
use mochi_objwrite::target::parse;

const FIRST: usize = 8;
const SECOND: usize = FIRST + 20;
/// Offsets of fields in an entry.
const OFFSET: usize = 8;
const SIZE: usize = 12;
const ALIGN: usize = 16;

fn file() -> (Vec<u8>, Vec<Vec<u8>>) {
    let parts: Vec<Vec<u8>> = targets().iter().map(|t| program(t, "fun begin() { }", Entry::Begin)).collect();
    (universal::write(&parts).expect("small"), parts)
}

fn word(file: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(*file[at..].first_chunk().expect("four bytes"))
}

fn add(file: &mut [u8], at: usize, value: u32) {
    let sum = word(file, at).wrapping_add(value);
    file[at..at + 4].copy_from_slice(&sum.to_be_bytes());
}

#[test]
fn each_machine_finds_its_executable() {
    let (file, parts) = file();
    for (target, part) in targets().into_iter().zip(&parts) {
        assert_eq!(slice(&file, target.arch).expect("there"), &part[..], "{}", target.short);
        assert_eq!(slice(part, target.arch).expect("no universal file"), &part[..]);
        assert_eq!(lint(part), []);
    }
}

/// A change of a file.
type Patch = (&'static str, fn(&mut Vec<u8>));

const PATCHES: &[Patch] = &[
    ("ends early", |f| f.truncate(40)),
    ("place of its own", |f| add(f, SECOND + OFFSET, 0x1000)),
    ("place of its own", |f| {
        let first = word(f, FIRST + OFFSET);
        let second = word(f, SECOND + OFFSET);
        add(f, SECOND + OFFSET, first.wrapping_sub(second));
    }),
    ("place of its own", |f| add(f, SECOND + SIZE, 1)),
    ("place of its own", |f| add(f, FIRST + ALIGN, 2)),
    ("place of its own", |f| add(f, FIRST + ALIGN, (-2i32) as u32)),
    ("another machine", |f| add(f, FIRST, 1)),
    ("another machine", |f| add(f, FIRST + 4, 1)),
    ("has one", |f| {
        let (first, second) = (word(f, FIRST + OFFSET) as usize, word(f, SECOND + OFFSET) as usize);
        f.copy_within(first + 4..first + 12, second + 4);
        f.copy_within(FIRST..FIRST + 8, SECOND);
    }),
    ("bytes at the end", |f| f.push(0)),
    ("no executable", |f| {
        f.truncate(word(f, SECOND + OFFSET) as usize);
        add(f, 4, u32::MAX);
        let size = f.len() as u32 - word(f, FIRST + OFFSET) - word(f, FIRST + SIZE);
        add(f, FIRST + SIZE, size);
    }),
];

#[test]
fn what_is_not_well_formed_is_refused() {
    let arm = parse("a64-macos").expect("a target").arch;
    for (n, (what, patch)) in PATCHES.iter().enumerate() {
        let (mut file, _) = file();
        patch(&mut file);
        let refusal = slice(&file, arm).expect_err("a wrong file").to_string();
        assert!(refusal.contains(what), "{n}: {refusal}");
    }
}
