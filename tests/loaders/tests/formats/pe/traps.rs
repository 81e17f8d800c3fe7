//! Each rule finds its trap.

use super::file::*;
use super::programs::targets;
use crate::file::File;
use crate::patches::{self, Patch};
use crate::run::{Entry, program};
use mochi_loaders::UNREADABLE;
use mochi_loaders::pe::{lint, traps};
use mochi_objwrite::Arch;
use std::collections::BTreeSet;

const HEADERS_AND_SECTIONS: &[Patch] = &[
    (33, "a hole behind the headers", |f| {
        let at = f.header_of(".text") + ADDRESS;
        f.set(at, f.u32(at) + 0x1000);
    }),
    (33, "headers that are longer", |f| f.set(f.optional(HEADERS), 0x1200)),
    (33, "headers that are not aligned", |f| f.set(f.optional(HEADERS), f.u32(f.optional(HEADERS)) + 8)),
    (33, "an overlap in memory", |f| {
        let at = f.header_of(".data") + ADDRESS;
        f.set(at, f.u32(at) - 0x1000);
    }),
    (33, "a hole in memory", |f| {
        let at = f.header_of(".reloc") + ADDRESS;
        f.set(at, f.u32(at) + 0x1000);
    }),
    (33, "more than the image's size", |f| f.set(f.optional(IMAGE), f.u32(f.optional(IMAGE)) - 0x1000)),
    (33, "less than the image's size", |f| f.set(f.optional(IMAGE), f.u32(f.optional(IMAGE)) + 0x1000)),
    (33, "an image of no whole pages", |f| f.set(f.optional(IMAGE), f.u32(f.optional(IMAGE)) - 8)),
    (33, "sections that are closer than pages", |f| f.set(f.optional(ALIGN), 0x200)),
    (33, "no power of two", |f| f.set(f.optional(FILE_ALIGN), 0x300)),
    (33, "a section off its place in the file", |f| {
        let at = f.header_of(".rdata") + OFFSET;
        f.set(at, f.u32(at) + 8);
    }),
    (33, "an overlap in the file", |f| {
        let at = f.header_of(".rdata") + OFFSET;
        f.set(at, f.u32(at) - 0x200);
    }),
    (33, "a section behind the file", |f| f.set(f.header_of(".reloc") + OFFSET, 0x10_0000)),
    (33, "more in the file than in memory", |f| f.set(f.header_of(".rdata") + SIZE, 8)),
    (33, "relocations of an object", |f| f.set(f.header_of(".text") + RELOCATION, 0x400)),
    (33, "a header off its place", |f| {
        let (at, end) = (f.header(), f.u32(f.optional(HEADERS)) as usize);
        f.bytes.copy_within(at..end - 4, at + 4);
        f.set(0x3C, at as u32 + 4);
    }),
    (34, "an address below 4 GiB", |f| f.set_long(f.optional(BASE), 0x40_0000)),
    (34, "an address that no image has", |f| f.add(f.optional(BASE), 0x1000)),
    (35, "one place only", |f| f.set_half(f.optional(CHARACTERISTICS), 0x8120)),
    (35, "data that is code", |f| f.set_half(f.optional(CHARACTERISTICS), 0x8060)),
    (35, "few places", |f| f.set_half(f.optional(CHARACTERISTICS), 0x8140)),
    (35, "a signature that there is not", |f| f.set_half(f.optional(CHARACTERISTICS), 0x81E0)),
    (37, "another sum of code", |f| f.set(f.optional(CODE_SUM), f.u32(f.optional(CODE_SUM)) + 0x200)),
    (37, "another sum of data", |f| f.set(f.optional(DATA_SUM), f.u32(f.optional(DATA_SUM)) - 0x200)),
    (37, "another start of code", |f| f.set(f.optional(CODE), 0x2000)),
    (38, "a long name by base 64", |f| {
        let at = f.find(f.optional(240), "/");
        f.bytes[at..at + 8].copy_from_slice(b"//AAAAAA");
    }),
    (38, "a long name that is not there", |f| {
        let at = f.find(f.optional(240), "/");
        f.bytes[at..at + 8].copy_from_slice(b"/9999999");
    }),
    (38, "rubbish behind a name", |f| {
        let at = f.header_of(".text");
        f.bytes[at + 7] = b'x';
    }),
    (38, "two of a name", |f| {
        let at = f.header_of(".rdata");
        f.bytes[at..at + 8].copy_from_slice(b".data\0\0\0");
    }),
    (38, "strings that do not end the file", |f| f.bytes.push(0)),
    (38, "a symbol of no section", |f| {
        let at = f.u32(f.header() + SYMBOLS) as usize;
        f.set_half(at + 12, 99);
    }),
    (41, "a frame of two pages", |f| match f.u16(f.header() + MACHINE) {
        // sub sp, sp, #2, lsl 12
        0xAA64 => f.begin(&[0xFF, 0x0B, 0x40, 0xD1]),
        // sub $0x2000,%rsp
        _ => f.begin(&[0x48, 0x81, 0xEC, 0, 0x20, 0, 0]),
    }),
    (41, "a frame without its first page", |f| match f.u16(f.header() + MACHINE) {
        // sub sp, sp, #1, lsl 12; nop; str xzr, [sp]
        0xAA64 => f.begin(&[0xFF, 0x07, 0x40, 0xD1, 0x1F, 0x20, 0x03, 0xD5, 0xFF, 0x03, 0, 0xF9]),
        // test %rsp,-0x2000(%rsp); sub $0x2000,%rsp
        _ => f.begin(&[0x48, 0x85, 0xA4, 0x24, 0, 0xE0, 0xFF, 0xFF, 0x48, 0x81, 0xEC, 0, 0x20, 0, 0]),
    }),
    (42, "more stack at the start than there is", |f| f.set_long(f.optional(STACK_COMMIT), 1 << 30)),
    (42, "stack of no whole pages", |f| f.add(f.optional(STACK_COMMIT), 8)),
    (75, "a library", |f| f.set_half(f.header() + FLAGS, 0x2022)),
    (75, "addresses of 31 bits", |f| f.set_half(f.header() + FLAGS, 2)),
    (75, "a driver", |f| f.set_half(f.optional(SUBSYSTEM), 1)),
    (75, "an old system", |f| f.set_half(f.optional(SUBSYSTEM_VERSION), 5)),
    (76, "an entry in the headers", |f| f.set(f.optional(ENTRY), 0)),
    (76, "an entry in data", |f| f.set(f.optional(ENTRY), f.u32(f.header_of(".rdata") + ADDRESS))),
    (76, "code that can be written", |f| {
        let at = f.header_of(".text") + SECTION_FLAGS;
        f.set(at, f.u32(at) | WRITE);
    }),
    (76, "data that is code", |f| {
        let at = f.header_of(".rdata") + SECTION_FLAGS;
        f.set(at, f.u32(at) | EXECUTE);
    }),
    (77, "a record elsewhere in the file", |f| {
        let at = f.of_directory(DEBUG) + 24;
        f.set(at, f.u32(at) + 4);
    }),
    (77, "a record behind the file", |f| {
        let at = f.of_directory(DEBUG) + 16;
        f.set(at, 0x10_0000);
    }),
    (77, "no identity", |f| {
        let at = f.find(0, "RSDS");
        f.bytes[at + 4..at + 20].fill(0);
    }),
    (77, "half a directory", |f| f.set(f.field_of(DEBUG) + 4, 30)),
    (78, "a directory in no section", |f| f.set_directory(EXCEPTION, 0x40_0000, 12)),
    (78, "a directory that is not known", |f| {
        f.set_directory(RESOURCES, f.u32(f.header_of(".rdata") + ADDRESS), 16)
    }),
    (UNREADABLE, "another file", |f| f.bytes[1] = 0),
    (UNREADABLE, "another machine", |f| f.set_half(f.header() + MACHINE, 0x14C)),
    (UNREADABLE, "a header of 32 bits", |f| f.set_half(f.optional(0), 0x10B)),
];

const TABLES: &[Patch] = &[
    (36, "no relocations", |f| f.set_directory(RELOCATIONS, 0, 0)),
    (36, "relocations without bytes", |f| f.set(f.field_of(RELOCATIONS) + 4, 0)),
    (36, "relocations stripped", |f| f.set_half(f.header() + FLAGS, 0x23)),
    (36, "one relocation less", |f| {
        let at = f.contents(".reloc") + 8;
        f.set_half(at, f.u16(at + 2));
    }),
    (36, "a word that is no address", |f| f.set_long(f.relocated(), 7)),
    (36, "a block of half a page", |f| {
        let at = f.contents(".reloc");
        f.set(at, f.u32(at) + 0x800);
    }),
    (36, "a block without an end", |f| f.set(f.contents(".reloc") + 4, 0x1000)),
    (36, "blocks that go back", |f| {
        let at = f.contents(".reloc");
        let next = at + f.u32(at + 4) as usize;
        let (a, b) = (f.u32(at), f.u32(next));
        f.set(at, b);
        f.set(next, a);
    }),
    (39, "another order of slots", |f| {
        let at = f.of_directory(SLOTS);
        let (a, b) = (f.u64(at), f.u64(at + 8));
        f.set_long(at, b);
        f.set_long(at + 8, a);
    }),
    (39, "two libraries with the same slots", |f| {
        let at = f.of_directory(IMPORT);
        f.set(at + 20 + 16, f.u32(at + 16));
    }),
    (39, "slots outside of their area", |f| f.set(f.field_of(SLOTS) + 4, 8)),
    (39, "no names beside the slots", |f| {
        let at = f.of_directory(IMPORT);
        f.set(at, f.u32(at + 16));
    }),
    (39, "a table without an end", |f| f.set(f.field_of(IMPORT) + 4, 20)),
    (39, "an import by number", |f| {
        let (names, slots) = (f.u32(f.of_directory(IMPORT)), f.of_directory(SLOTS));
        f.set_long(f.place(names), 1 << 63 | 5);
        f.set_long(slots, 1 << 63 | 5);
    }),
    (40, "a function that is not there", |f| {
        let at = f.find(0, "GetStdHandle\0");
        f.bytes[at] = b'g';
    }),
    (40, "the slot's name", |f| {
        let at = f.find(0, "GetStdHandle\0");
        f.bytes[at..at + 6].copy_from_slice(b"__imp_");
    }),
    (40, "a library that is not there", |f| {
        let at = f.find(0, "KERNEL32.dll");
        f.bytes[at + 7] = b'3';
    }),
    (40, "a function of another library", |f| {
        let at = f.find(0, "KERNEL32.dll");
        f.bytes[at..at + 12].copy_from_slice(b"ADVAPI32.dll");
    }),
    (49, "an address of 32 bits", |f| {
        let at = f.contents(".reloc") + 8;
        f.set_half(at, f.u16(at) & 0xFFF | 0x3000);
    }),
    (47, "functions that go back", |f| {
        let entry = f.u32(f.optional(ENTRY));
        let record = f.u32(f.header_of(".rdata") + ADDRESS);
        match f.u16(f.header() + MACHINE) {
            0xAA64 => f.set_functions(&[entry + 16, record, entry, record]),
            _ => f.set_functions(&[entry + 16, entry + 20, record, entry, entry + 16, record]),
        }
    }),
    (47, "functions in data", |f| {
        let data = f.u32(f.header_of(".rdata") + ADDRESS);
        match f.u16(f.header() + MACHINE) {
            0xAA64 => f.set_functions(&[data, data]),
            _ => f.set_functions(&[data, data + 4, data]),
        }
    }),
    (47, "a record that is not there", |f| {
        let entry = f.u32(f.optional(ENTRY));
        match f.u16(f.header() + MACHINE) {
            0xAA64 => f.set_functions(&[entry, 0x40_0000]),
            _ => f.set_functions(&[entry, entry + 16, 0x40_0000]),
        }
    }),
    (47, "half a row", |f| {
        let entry = f.u32(f.optional(ENTRY));
        f.set_functions(&[entry]);
    }),
];

/// A program with every kind of section, two libraries, addresses on two pages, and room in its constants.
const PROGRAM: &str = "
@system @quiet
extern fun GetStdHandle(which: i64): ptr
@system @quiet
extern fun WriteFile(handle: ptr, from: ptr, bytes: i64, done: ptr, overlapped: ptr): i64
@system @quiet
extern fun SystemFunction036(p: ptr, bytes: i64): i64
data text: u8 = [\"hello\"]
data room: u8 = [\"0123456789\"]
data constants = [addr(text), addr(begin), addr(room)]
var variable: ptr = addr(text)
var root: ref = 0
data area: zero(4096)
fun begin() {
  WriteFile(GetStdHandle(-11), loadptr(addr(constants)), SystemFunction036(addr(area), 5), addr(area), 0)
  root = variable as ref
}
";

fn base(target: mochi_objwrite::Target) -> File {
    let text = PROGRAM.replace("0123456789\"]", &("0123456789".repeat(60) + "\"]"));
    File { bytes: program(target, &text, Entry::Begin), signs: false }
}

#[test]
fn each_rule_finds_its_trap() {
    patches::check(&targets(), base, &[HEADERS_AND_SECTIONS, TABLES], |_| {}, traps());
}

/// What Windows takes on one machine it refuses on the other.
#[test]
fn arm64_asks_for_more() {
    for target in targets() {
        let mut file = base(target);
        let entry = file.optional(ENTRY);
        file.set(entry, file.u32(entry) + 2);
        file.set_half(file.optional(SUBSYSTEM_VERSION) + 2, 1);
        let found: BTreeSet<u32> = lint(&file.bytes).into_iter().map(|f| f.0).collect();
        let expected = if target.arch == Arch::A64 { vec![75, 76] } else { vec![] };
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "{}", target.short);
    }
}

/// Frames that are touched page by page are taken.
#[test]
fn touched_frames_are_taken() {
    for target in targets() {
        let mut file = base(target);
        let below = |page: u8| [0x48, 0x85, 0xA4, 0x24, 0, page, 0xFF, 0xFF];
        match target.arch {
            // sub sp, sp, #1, lsl 12; str xzr, [sp]; sub sp, sp, #16
            Arch::A64 => file.begin(&[0xFF, 0x07, 0x40, 0xD1, 0xFF, 0x03, 0, 0xF9, 0xFF, 0x43, 0, 0xD1]),
            // test %rsp,-0x1000(%rsp); test %rsp,-0x2000(%rsp); sub $0x2010,%rsp
            _ => {
                file.begin(&[&below(0xF0)[..], &below(0xE0), &[0x48, 0x81, 0xEC, 0x10, 0x20, 0, 0]].concat())
            }
        }
        assert_eq!(lint(&file.bytes), [], "{}", target.short);
    }
}

/// Unwind information that is as it should be is taken.
#[test]
fn functions_in_order_are_taken() {
    for target in targets() {
        let mut file = base(target);
        let entry = file.u32(file.optional(ENTRY));
        let record = file.u32(file.header_of(".rdata") + ADDRESS);
        match target.arch {
            // A record elsewhere, and one in the word.
            Arch::A64 => file.set_functions(&[entry, record, entry + 16, 1]),
            _ => file.set_functions(&[entry, entry + 5, record, entry + 16, entry + 17, record]),
        }
        assert_eq!(lint(&file.bytes), [], "{}", target.short);
    }
}

/// Nothing that is read is trusted: any changed bit has findings or none, and an end too early has some.
#[test]
fn damaged_files_are_refused() {
    for target in targets() {
        let base = base(target);
        let mut random = mochi_testkit::Random::new(1);
        for round in 0..2000 {
            let mut file = base.clone();
            // Mostly in the headers, where numbers are.
            let area = if round % 4 == 0 { file.bytes.len() } else { 1024 };
            let at = random.below(area as u64) as usize;
            file.bytes[at] ^= 1 << random.below(8);
            if lint(&file.bytes).is_empty() {
                mochi_loaders::load(&file.bytes, 0).expect("what has no findings is loaded");
            }
            file.bytes.truncate(at);
            assert_ne!(lint(&file.bytes), [], "{}: {at:#x} bytes", target.short);
        }
    }
}
