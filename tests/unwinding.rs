//! Wrong tables for stepping out of functions, and wrong code, are found. (That those of golden programs are right
//! is among what `tests/files.rs` reads of them.)

mod common;

use common::{mochi, wrong_steps};
use mochi_objwrite::target::{Arch, TARGETS, Target};
use mochi_testkit::{Scratch, output, text};
use mochi_unwinder::{Rules, check};
use object::{Object, ObjectSection, ObjectSymbol};
use std::fs;
use std::path::Path;

fn targets() -> impl Iterator<Item = Target> {
    TARGETS.iter().filter(|row| row.arch != Arch::Wasm32)
}

fn build(scratch: &Scratch, program: &Path, options: &[&str], target: Target) -> Vec<u8> {
    let name = program.file_stem().expect("file name").to_string_lossy();
    let exe = scratch.path(&format!("{name}-{}{}", target.short, options.concat()));
    let built = output(
        mochi().arg("build").arg(program).args(options).args(["--target", target.short, "-o"]).arg(&exe),
    );
    assert!(built.status.success(), "{}", text(&built.stderr));
    let bytes = fs::read(&exe).expect("an executable");
    fs::remove_file(exe).expect("removed");
    bytes
}

/// A program with a function that keeps every register that there is to keep, in more than a page of frame, and one
/// that keeps floats.
fn large() -> String {
    let mut text = "fun g(n: int): int {\n  return n * 3\n}\nfun f(n: int): int {\n".to_string();
    (0..640).for_each(|i| text += &format!("  let a{i} = g(n + {i})\n"));
    text += "  var t = 0\n";
    (0..640).rev().for_each(|i| text += &format!("  t = t * 2 % 1000003 + a{i}\n"));
    text += "  return t\n}\nfun h(x: float): float {\n";
    text += "  if x > 1000000.0 { return h(x / 2.0) + h(x / 3.0) * x }\n  return x * 3.0\n}\n";
    // More than one argument: with one, all that the function keeps would be constant.
    text + "print(f(1))\nprint(f(1000000))\nprint(h(3000000.0))\n"
}

/// Where an address is in a file.
fn place(file: &[u8], address: u64) -> usize {
    let o = object::File::parse(file).expect("a file");
    let found = o.sections().find_map(|s| {
        let (start, size) = s.file_range()?;
        let at = address.checked_sub(s.address()).filter(|&at| at < size)?;
        Some((start + at) as usize)
    });
    found.expect("an address in a section")
}

/// The entry of the program's function in the directory of a PE file, and its record.
fn entry(file: &[u8]) -> (usize, usize) {
    let o = object::File::parse(file).expect("a file");
    let symbol = o.symbols().find(|s| s.name().is_ok_and(|n| n.contains("mochi.f."))).expect("the function");
    let pdata = o.section_by_name(".pdata").expect("entries");
    let word = |b: &[u8]| u64::from(u32::from_le_bytes(b.try_into().expect("four bytes")));
    let size = if o.architecture() == object::Architecture::Aarch64 { 8 } else { 12 };
    let base = o.relative_address_base();
    let mut entries = pdata.data().expect("bytes").chunks(size).enumerate();
    let found = entries.find(|(_, e)| base + word(&e[..4]) == symbol.address());
    let (k, found) = found.expect("an entry");
    let start = pdata.file_range().expect("in the file").0 as usize;
    (start + k * size, place(file, base + word(&found[size - 4..])))
}

/// Where bytes of a file are changed.
#[derive(Clone, Copy, Debug)]
enum Where {
    /// In a section.
    Section(&'static str),
    /// In the record of the program's function.
    Record,
    /// In its entry: what is changed is at this offset.
    Entry(usize),
}

/// Short names of targets, where, bytes (which may be wrong with the entry's own), what they become, and a word
/// of the complaint.
type Patch = (&'static [&'static str], Where, &'static [u8], &'static [u8], &'static str);

const X64: &[&str] = &["x64-linux", "x64-macos", "x64-windows"];
const A64: &[&str] = &["a64-linux", "a64-macos"];
const FRAMES: Where = Where::Section("frames");
const CODE: Where = Where::Section("code");

/// Each makes a table, or the code that it is for, wrong.
const PATCHES: &[Patch] = &[
    // Call frame information: a place, the frame's register, when that is so.
    (X64, FRAMES, &[0x86, 0x02], &[0x86, 0x03], "register 6"),
    (X64, FRAMES, &[0x0d, 0x06], &[0x0d, 0x03], "stack pointer"),
    (X64, FRAMES, &[0x41, 0x0e, 0x10], &[0x44, 0x0e, 0x10], "stack pointer"),
    (A64, FRAMES, &[0x9e, 0x01], &[0x9e, 0x02], "return address"),
    (A64, FRAMES, &[0x0d, 0x1d], &[0x0d, 0x1c], "stack pointer"),
    (&["a64-windows"], FRAMES, &[0x0c, 0x1d, 0x10], &[0x0c, 0x1d, 0x18], "stack pointer"),
    (&["rv64-linux"], FRAMES, &[0x81, 0x01], &[0x81, 0x02], "return address"),
    (&["rv64-linux"], FRAMES, &[0x88, 0x02], &[0x88, 0x03], "register 8"),
    // x86-64: a saved register is elsewhere, is another one, is saved one instruction earlier.
    (&["x64-windows"], Where::Record, &[0x0d, 0xf4, 1, 0], &[0x0d, 0xf4, 2, 0], "register 15"),
    (&["x64-windows"], Where::Record, &[0x0d, 0xf4, 1, 0], &[0x0d, 0xe4, 1, 0], "register 15"),
    (&["x64-windows"], Where::Record, &[0x0d, 0xf4, 1, 0], &[0x0b, 0xf4, 1, 0], "register 15"),
    // The frame is of another size, has no register, is not described in this way; an entry ends early.
    (&["x64-windows"], Where::Record, &[1, 0x0d, 0x0d, 0x35], &[1, 0x0d, 0x0d, 0x25], "stack pointer"),
    (&["x64-windows"], Where::Record, &[1, 0x0d, 0x0d, 0x35], &[1, 0x0d, 0x0d, 0x30], "frame register"),
    (&["x64-windows"], Where::Record, &[1, 0x0d, 0x0d, 0x35], &[2, 0x0d, 0x0d, 0x35], "version"),
    (&["x64-windows"], Where::Entry(8), &[], &[1], ""),
    // arm64: the frame pointer is elsewhere, so is or is another a saved register, the record is longer.
    (&["a64-windows"], Where::Record, &[0xe2, 0x0a], &[0xe2, 0x09], "stack pointer"),
    (&["a64-windows"], Where::Record, &[0xcc, 0x01], &[0xcc, 0x41], "register"),
    (&["a64-windows"], Where::Record, &[0xcc, 0x01], &[0xcc, 0x02], "stack pointer"),
    (&["a64-windows"], Where::Record, &[0x81, 0xe4], &[0x82, 0xe4], "stack pointer"),
    // Two floats are elsewhere.
    (
        &["a64-windows"],
        Where::Section("records"),
        &[0xe2, 0x04, 0xda, 0x01],
        &[0xe2, 0x04, 0xda, 0x41],
        "register",
    ),
    // Epilogues begin later; the record is packed.
    (&["a64-windows"], Where::Record, &[], &[1, 0, 0, 0, 0, 0, 0x80, 0x10], ""),
    (&["a64-windows"], Where::Entry(4), &[], &[1], "packed"),
    // Code: a register is not saved; a page is not touched.
    (X64, CODE, &[0x41, 0x54, 0x41, 0x55], &[0x41, 0x50, 0x41, 0x55], "register 12"),
    (&["x64-windows"], CODE, &[0x48, 0x85, 0xa4, 0x24], &[0x48, 0x8d, 0xa4, 0x24], "not probed"),
    (&["a64-windows"], CODE, &[0xff, 0x03, 0x00, 0xf9], &[0x1f, 0x20, 0x03, 0xd5], "not probed"),
];

/// Where a patch begins.
fn patched(file: &[u8], at: Where, bytes: &[u8]) -> usize {
    let o = object::File::parse(file).expect("a file");
    let named = |names: &[&str]| {
        let section = o.sections().find(|s| s.name().is_ok_and(|name| names.contains(&name)));
        section.expect("the section").file_range().expect("in the file").0 as usize
    };
    let from = match at {
        Where::Section("code") => named(&[".text", "__text"]),
        Where::Section("records") => named(&[".rdata"]),
        Where::Section(_) => named(&[".debug_frame", "__eh_frame"]),
        Where::Record => entry(file).1,
        Where::Entry(offset) => entry(file).0 + offset,
    };
    let found = file[from..].windows(bytes.len().max(1)).position(|w| w.starts_with(bytes));
    from + found.unwrap_or_else(|| panic!("no {bytes:02x?} in {at:?}"))
}

#[test]
fn wrong_tables_and_missing_probes_are_found() {
    let s = Scratch::new("wrong-tables");
    let program = s.write("large.mochi", &large());
    for target in targets() {
        let file = build(&s, &program, &["-O"], target);
        assert_eq!(wrong_steps(target, &file), Vec::<String>::new(), "{}", target.short);
        for (targets, at, bytes, with, says) in PATCHES.iter().filter(|p| p.0.contains(&target.short)) {
            let mut broken = file.clone();
            let start = patched(&file, *at, bytes);
            broken[start..start + with.len()].copy_from_slice(with);
            let found = wrong_steps(target, &broken).join("\n");
            assert!(!found.is_empty() && found.contains(says), "{targets:?} {at:?} {with:02x?}: {found}");
        }
        // A limit that the function does not keep.
        let small = Rules { probe: None, reserve: Some(4096) };
        let found = check(&file, &small).expect("tables").wrong.join("\n");
        assert!(found.contains("a frame of"), "{}: {found}", target.short);
    }
}
