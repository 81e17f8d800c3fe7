//! Calls of what is out of their reach: programs that are larger than that run, and other linkers take what is left
//! to them.

use crate::support::*;
use mochi_objwrite::reloc::RelocKind;
use mochi_objwrite::{AtomKind, LinkInput, Object, RelocatableInput, link, relocatable, target};
use mochi_testkit::engines::{self, Start};
use mochi_testkit::process::End;
use object::read::elf::ElfFile64;
use object::{LittleEndian, Object as _, ObjectSection, ObjectSymbol, RelocationFlags, elf};
use std::time::Duration;

/// A machine's code. Functions call with their first instruction and return to the address that the caller keeps.
struct Machine {
    target: &'static str,
    call: RelocKind,
    /// Calls; exits with what the function gave plus 1.
    start: &'static str,
    /// Jumps on to a function, when it has a relocation, and gives 41.
    function: &'static str,
    /// More than a call reaches.
    far: usize,
}

// jal ra, 0; addi a0, a0, 1; li a7, 93; ecall
// li a0, 41; ret
const RV64: Machine = Machine {
    target: "rv64-linux",
    call: RelocKind::Rv64Jal,
    start: "ef000000 13051500 9308d005 73000000",
    function: "13059002 67800000",
    far: 1 << 20,
};

// bl 0; add x0, x0, #1; mov x8, #93; svc #0
// mov x0, #41; ret
const A64: Machine = Machine {
    target: "a64-linux",
    call: RelocKind::A64Call,
    start: "00000094 00040091 a80b80d2 010000d4",
    function: "200580d2 c0035fd6",
    far: 1 << 27,
};

/// `_start` calls `end`, which is out of its reach, behind functions that are in it; the last of these calls `end`,
/// too, and is near.
fn program(m: &Machine, end: bool) -> Object {
    let mut b = Builder::of(target::parse(m.target).unwrap());
    let code = hex(m.start);
    let distance = (code.len() as u32, RelocKind::Rel32, "room", 0);
    b.atom("_start", AtomKind::Text, &[code, vec![0; 4]].concat(), &[(0, m.call, "end", 0), distance]);
    let mut room = vec![0; m.far];
    room[..4].copy_from_slice(&hex(m.start)[..4]);
    b.atom("room", AtomKind::Text, &room, &[(4, RelocKind::Rel32, "near", 0)]);
    b.atom("near", AtomKind::Text, &hex(m.start), &[(0, m.call, "end", 0)]);
    if end {
        b.atom("end", AtomKind::Text, &hex(m.function), &[]);
    }
    b.0
}

fn executable(object: &Object) -> Vec<u8> {
    let input =
        LinkInput { object, archives: &[], entry: "_start", symbols: true, debug: None, build_id: false };
    link(&input).unwrap().bytes
}

#[test]
fn far_calls_arrive() {
    for m in [RV64, A64] {
        let bytes = executable(&program(&m, true));
        let file = ElfFile64::<LittleEndian>::parse(&*bytes).unwrap();
        let symbol = |name: &str| file.symbols().find(|s| s.name() == Ok(name)).unwrap();
        let veneers = file.symbols().filter(|s| s.name().unwrap().ends_with("_veneer")).count();
        assert_eq!((veneers, symbol("__end_veneer").is_local()), (1, true), "{}", m.target);
        let (start, veneer) = (symbol("_start"), symbol("__end_veneer"));
        let behind = start.address() + start.size();
        assert_eq!(veneer.address(), behind.next_multiple_of(m.call.row().align), "{}", m.target);
        gives_42("far calls", &m, &bytes);
    }
}

fn gives_42(test: &str, m: &Machine, bytes: &[u8]) {
    let dir = directory(test);
    let path = dir.join(m.target);
    write_executable(&path, bytes);
    let start = Start { stdin: b"", args: &[], env: &[], folder: &dir, time: Duration::from_secs(20) };
    for engine in engines::of(target::parse(m.target).unwrap()) {
        assert_eq!(engine.run(&path, &start).unwrap().end, End::Status(42), "{}", engine.name());
    }
    std::fs::remove_file(path).unwrap();
}

/// The first call just reaches `edge` until the second one gets a veneer.
#[test]
fn veneers_put_others_out_of_reach() {
    for veneers in [0, 2] {
        let mut b = Builder::of(target::parse(RV64.target).unwrap());
        let start = [&hex(RV64.start)[..4], &hex(RV64.start)[..], &[0; 4]].concat();
        let size = start.len();
        let relocs = [
            (0, RV64.call, "edge", 0),
            (4, RV64.call, if veneers == 0 { "edge" } else { "end" }, 0),
            (size as u32 - 4, RelocKind::Rel32, "room", 0),
        ];
        b.atom("_start", AtomKind::Text, &start, &relocs).align = 2;
        b.atom("room", AtomKind::Text, &vec![0; (1 << 20) - 2 - size], &[]).align = 2;
        b.atom("edge", AtomKind::Text, &hex(RV64.function), &[]).align = 2;
        b.atom("end", AtomKind::Text, &hex(RV64.function), &[]).align = 2;
        let bytes = executable(&b.0);
        let file = ElfFile64::<LittleEndian>::parse(&*bytes).unwrap();
        let names = file.symbols().filter(|s| s.name().unwrap().ends_with("_veneer"));
        assert_eq!(names.count(), veneers);
        gives_42("veneers", &RV64, &bytes);
    }
}

/// What other linkers do not extend is not left to them.
#[test]
fn calls_of_others() {
    for (m, kind) in [(RV64, elf::R_RISCV_CALL_PLT), (A64, elf::R_AARCH64_CALL26)] {
        let m = Machine { far: 64, ..m };
        let object = program(&m, false);
        let input = RelocatableInput { object: &object, archives: &[], exports: &["_start"], debug: None };
        let bytes = relocatable(&input).unwrap().bytes;
        let file = ElfFile64::<LittleEndian>::parse(&*bytes).unwrap();
        let text = file.section_by_name(".text").unwrap();
        let kinds: Vec<_> = text.relocations().map(|(_, r)| r.flags()).collect();
        let kind = RelocationFlags::Elf { r_type: kind };
        // One veneer of RV64 serves both calls.
        let expected = if m.target == "rv64-linux" { vec![kind] } else { vec![kind; 2] };
        assert_eq!(kinds, expected, "{}", m.target);
    }
}

/// Callers share a veneer as far as they reach it.
#[test]
fn veneers_are_shared() {
    let mut b = Builder::of(target::parse(RV64.target).unwrap());
    let names = ["_start", "b", "c", "d", "e", "end"];
    for pair in names.windows(2) {
        let code = [hex(RV64.start), vec![0; 700 << 10]].concat();
        let next = (code.len() as u32 - 4, RelocKind::Rel32, pair[1], 0);
        b.atom(pair[0], AtomKind::Text, &code, &[(0, RV64.call, "end", 0), next]);
    }
    b.atom("end", AtomKind::Text, &hex(RV64.function), &[]);
    let bytes = executable(&b.0);
    let file = ElfFile64::<LittleEndian>::parse(&*bytes).unwrap();
    let mut symbols: Vec<_> = file.symbols().map(|s| (s.address(), s.name().unwrap())).collect();
    symbols.sort_unstable();
    let names: Vec<&str> =
        symbols.iter().map(|s| s.1).filter(|n| !n.is_empty() && !n.starts_with('$')).collect();
    // `b` and `c` use that of `_start`, and `e` reaches `end`.
    assert_eq!(names, ["_start", "__end_veneer", "b", "c", "d", "__end_veneer", "e", "end"]);
    gives_42("shared veneers", &RV64, &bytes);
}
