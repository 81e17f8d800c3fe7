//! Each rule finds its trap, in files that are signed again where the signature is not what is wrong.

use super::file::*;
use super::programs::targets;
use crate::file::File;
use crate::patches::{self, Patch};
use crate::run::{Entry, program};
use mochi_loaders::macho::{UNREADABLE, lint, traps};
use mochi_objwrite::Arch;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

const SEGMENTS: &[Patch] = &[
    (1, "a flag only", |f| f.set(24, f.u32(24) & !0x20_0000)),
    (1, "no rebases", |f| {
        let at = f.u32(f.command(LC_DYLD_INFO_ONLY) + 8) as usize;
        f.bytes[at] = 0;
    }),
    (1, "a rebased word that is no address", |f| {
        let at = f.u32(f.section("__DATA_CONST", "__const") + OFFSET) as usize;
        f.set_long(at, 7);
    }),
    (2, "an entry in the header", |f| f.set_long(f.command(LC_MAIN) + 8, 0)),
    (2, "an entry in constants", |f| {
        let at = f.u32(f.section("__TEXT", "__const") + OFFSET);
        f.set_long(f.command(LC_MAIN) + 8, at.into());
    }),
    (2, "no entry", |f| f.set(f.command(LC_MAIN), LC_SOURCE_VERSION)),
    (2, "code that may become writable", |f| f.set(f.segment("__TEXT") + MAXPROT, 7)),
    (3, "less than 4 GiB of nothing", |f| f.set_long(f.segment("__PAGEZERO") + VMSIZE, 1 << 31)),
    (3, "readable nothing", |f| f.set(f.segment("__PAGEZERO") + INITPROT, 1)),
    (3, "nothing by another name", |f| f.rename(f.segment("__PAGEZERO") + 8, "__ZERO")),
    (4, "two of a name", |f| f.rename(f.segment("__DATA") + 8, "__DATA_CONST")),
    (4, "an overlap in memory", |f| f.add(f.segment("__DATA") + VMADDR, -0x4000)),
    (4, "a hole in memory", |f| f.add(f.segment("__LINKEDIT") + VMADDR, 0x4000)),
    (4, "an overlap in the file", |f| f.add(f.segment("__DATA") + FILEOFF, -0x4000)),
    (4, "a hole in the file", |f| f.add(f.segment("__DATA") + FILEOFF, 0x4000)),
    (5, "two read-only segments", |f| f.set(f.segment("__DATA") + FLAGS, 0x10)),
    (6, "constants without the flag", |f| f.set(f.segment("__DATA_CONST") + FLAGS, 0)),
    (6, "constants that dyld cannot fix up", |f| f.set(f.segment("__DATA_CONST") + INITPROT, 1)),
    (6, "data that is read-only", |f| f.set(f.segment("__DATA") + INITPROT, 1)),
    (7, "memory off a page", |f| f.add(f.segment("__DATA") + VMADDR, 0x800)),
    (7, "an unmapped segment off a page", |f| f.add(f.segment("__DWARF") + FILEOFF, 0x10)),
    (8, "debug information that may be read", |f| f.set(f.segment("__DWARF") + INITPROT, 1)),
    (8, "debug information that could be read", |f| f.set(f.segment("__DWARF") + MAXPROT, 7)),
    (8, "debug information in memory", |f| f.set_long(f.segment("__DWARF") + VMSIZE, 0x4000)),
    (8, "debug information with relocation", |f| f.set(f.segment("__DWARF") + FLAGS, 0)),
    (8, "writable code", |f| f.set(f.segment("__TEXT") + INITPROT, 7)),
    (9, "__LINKEDIT before the last", |f| {
        let (a, b) = (f.segment("__DWARF"), f.segment("__LINKEDIT"));
        f.rename(a + 8, "__LINKEDIT");
        f.rename(b + 8, "__DWARF");
    }),
    (9, "bytes of no segment", |f| f.add(f.segment("__LINKEDIT") + FILESIZE, -16)),
    (9, "writable __LINKEDIT", |f| f.set(f.segment("__LINKEDIT") + INITPROT, 3)),
    (10, "an unknown name", |f| f.rename(f.section("__DWARF", "__debug_info"), "__debug_inf")),
    (10, "rubbish behind a name", |f| {
        let at = f.section("__DWARF", "__debug_info");
        f.bytes[at + 15] = b'x';
    }),
    (10, "a name as in ELF", |f| f.rename(f.section("__DATA", "__data"), ".data")),
    (11, "more commands than there are", |f| f.set(20, f.u32(20) + 8)),
    (11, "a section in the header", |f| f.set(f.section("__TEXT", "__text") + OFFSET, 0x20)),
    (12, "a section that leaves its segment", |f| f.add(f.section("__DATA", "__bss") + SIZE, 0x10000)),
    (12, "an alignment that is not there", |f| f.set(f.section("__TEXT", "__text") + ALIGN, 15)),
    (12, "zeros in the file", |f| f.set(f.section("__DATA", "__bss") + OFFSET, 0x4000)),
    (12, "relocations", |f| f.set(f.section("__TEXT", "__text") + RELOFF, 0x4000)),
    (12, "another segment", |f| f.rename(f.section("__DATA", "__data") + 16, "__TEXT")),
    (12, "debug information outside", |f| f.set(f.section("__DWARF", "__debug_info") + OFFSET, 0)),
];

const COMMANDS: &[Patch] = &[
    (15, "another system", |f| f.set(f.command(LC_BUILD_VERSION) + 8, 2)),
    (15, "older than its rules", |f| f.set(f.command(LC_BUILD_VERSION) + 16, 10 << 16 | 15 << 8)),
    (15, "for no system", |f| f.set(f.command(LC_BUILD_VERSION) + 12, 27 << 16)),
    (16, "no UUID", |f| f.set(f.command(LC_UUID), LC_SOURCE_VERSION)),
    (16, "an empty UUID", |f| {
        let at = f.command(LC_UUID) + 8;
        f.bytes[at..at + 16].fill(0);
    }),
    (17, "no library", |f| f.set(f.command(LC_LOAD_DYLIB), LC_SOURCE_VERSION)),
    (17, "a name without its folder", |f| {
        let at = f.command(LC_LOAD_DYLIB);
        f.set(at + 8, f.u32(at + 8) + 1);
    }),
    (17, "a name without an end", |f| {
        let at = f.command(LC_LOAD_DYLIB);
        let end = at + f.u32(at + 4) as usize;
        f.bytes[at + 24..end].fill(b'/');
    }),
    (17, "another run-time linker", |f| {
        let at = f.find(f.command(LC_LOAD_DYLINKER), "dyld");
        f.bytes[at] = b'D';
    }),
    (18, "symbols before __LINKEDIT", |f| f.set(f.command(LC_SYMTAB) + 8, 0)),
    (18, "strings before __LINKEDIT", |f| f.set(f.command(LC_SYMTAB) + 16, 0)),
    (19, "a hole before binds", |f| {
        let at = f.command(LC_DYLD_INFO_ONLY);
        f.set(at + 12, f.u32(at + 12) - 8);
    }),
    (19, "a hole before the signature", |f| {
        let at = f.command(LC_SYMTAB);
        f.set(at + 20, f.u32(at + 20) - 32);
    }),
    (20, "a local among no range", |f| {
        let at = f.command(LC_DYSYMTAB);
        f.set(at + 12, f.u32(at + 12) - 1);
    }),
    (20, "an exported local", |f| {
        let at = f.u32(f.command(LC_SYMTAB) + 8) as usize;
        f.bytes[at + 4] |= 1;
    }),
    (20, "a symbol of another section", |f| {
        let at = f.u32(f.command(LC_SYMTAB) + 8) as usize;
        f.bytes[at + 5] = 200;
    }),
    (20, "pointers of other symbols", |f| {
        let at = f.section("__DATA_CONST", "__got");
        f.set(at + RESERVED1, 1);
    }),
    (27, "a library that is not loaded", |f| {
        let at = f.u32(f.command(LC_DYLD_INFO_ONLY) + 16) as usize;
        // The opcode that names the symbol comes between the library's number and the name.
        let name = f.find(at, "_write");
        f.bytes[name - 2] = 2;
    }),
    (27, "a function that is not there", |f| {
        let at = f.u32(f.command(LC_DYLD_INFO_ONLY) + 16) as usize;
        let name = f.find(at, "_write");
        f.bytes[name + 1] = b'W';
    }),
    (27, "a symbol of another library", |f| {
        let at = f.command(LC_SYMTAB);
        let last = f.u32(at + 8) + 16 * (f.u32(at + 12) - 1);
        f.bytes[last as usize + 7] = 2;
    }),
];

const SIGNATURE: &[Patch] = &[
    (29, "no signature", |f| {
        f.set(f.command(LC_CODE_SIGNATURE), LC_SOURCE_VERSION);
        f.signs = false;
    }),
    (29, "not by a linker", |f| f.set_big(f.directory() + CS_FLAGS, 2)),
    (29, "an old directory", |f| f.set_big(f.directory() + VERSION, 0x2_0100)),
    (29, "other code", |f| f.set_big(f.directory() + CODE_END + 4, 0x12_3000)),
    (29, "little-endian flags", |f| f.set(f.directory() + CS_FLAGS, 0x2_0002)),
    (30, "a changed page", |f| {
        let at = f.u32(f.section("__TEXT", "__text") + OFFSET) as usize;
        f.bytes[at] ^= 1;
        f.signs = false;
    }),
    (30, "the last page filled up", |f| {
        let directory = f.directory();
        let limit = f.big(directory + LIMIT) as usize;
        let mut page = f.bytes[limit & !4095..limit].to_vec();
        page.resize(4096, 0);
        let at = directory + f.big(directory + 16) as usize + 32 * (limit / 4096);
        f.bytes[at..at + 32].copy_from_slice(&Sha256::digest(page));
        f.signs = false;
    }),
    (30, "a limit before the end", |f| {
        let at = f.directory() + LIMIT;
        f.set_big(at, f.big(at) - 16);
    }),
    (31, "the file's path", |f| {
        let at = f.directory() + f.big(f.directory() + IDENTIFIER) as usize;
        f.bytes[at + 3] = b'/';
    }),
    (31, "no name", |f| {
        let at = f.directory() + f.big(f.directory() + IDENTIFIER) as usize;
        f.bytes[at] = 0;
    }),
    (9, "bytes behind the signature", |f| f.bytes.extend([0; 16])),
    (UNREADABLE, "another file", |f| f.bytes[0] = 0),
    (UNREADABLE, "a load command that is not known", |f| f.set(f.command(LC_UUID), 0x8000_0034)),
    (UNREADABLE, "fixups behind their segment", |f| f.set_long(f.segment("__DATA_CONST") + VMSIZE, 0x10)),
];

/// A program with every kind of section.
const PROGRAM: &str = "
@quiet
extern fun read(fd: i64, p: ptr, n: i64): i64
@quiet
extern fun write(fd: i64, p: ptr, n: i64): i64
data text: u8 = [\"hello\"]
data constants = [addr(text), addr(begin)]
var variable: ptr = addr(text)
var root: ref = 0
data area: zero(4096)
fun begin() {
  write(1, loadptr(addr(constants)), read(0, addr(area), 5))
  root = variable as ref
}
";

fn base(target: mochi_objwrite::Target) -> File {
    let file = File { bytes: program(target, PROGRAM, Entry::Begin), signs: true };
    assert_eq!(lint(&file.bytes), [], "{}", target.short);
    file
}

fn finish(file: &mut File) {
    if file.signs {
        file.sign();
    }
}

#[test]
fn each_rule_finds_its_trap() {
    patches::check(&targets(), base, &[SEGMENTS, COMMANDS, SIGNATURE], finish, traps());
}

/// What macOS takes on one machine it refuses on the other.
#[test]
fn arm64_asks_for_more() {
    for target in targets() {
        let mut file = base(target);
        file.set(file.command(LC_BUILD_VERSION) + 12, 10 << 16 | 15 << 8);
        file.sign();
        let found: BTreeSet<u32> = lint(&file.bytes).into_iter().map(|f| f.0).collect();
        let expected = if target.arch == Arch::A64 { vec![15] } else { vec![] };
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "{}", target.short);
    }
}

/// A change of any bit is found, if only by the signature (which does not hash the name it gives to the program),
/// and so is an end too early: nothing that is read is trusted.
#[test]
fn damaged_files_are_refused() {
    for target in targets() {
        let base = base(target);
        let mut random = mochi_testkit::Random::new(1);
        for round in 0..200 {
            let mut file = base.clone();
            // Mostly in header and load commands, where numbers are.
            let area = if round % 4 == 0 { file.bytes.len() } else { 2048 };
            let at = random.below(area as u64) as usize;
            file.bytes[at] ^= 1 << random.below(8);
            assert_ne!(lint(&file.bytes), [], "{}: byte {at:#x}", target.short);
            file.bytes.truncate(at);
            assert_ne!(lint(&file.bytes), [], "{}: {at:#x} bytes", target.short);
        }
    }
}
