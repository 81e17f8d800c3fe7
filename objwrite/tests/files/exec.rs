//! Executables.

use crate::support::*;
use mochi_objwrite::link::resolve::LinkerSymbol;
use mochi_objwrite::{
    Archive, AtomKind, CfiOp, FrameInfo, FunctionInfo, LineRow, LinkError, LinkInput, Object, RelocKind,
    link, pctab, target,
};
use object::read::elf::{Dyn, ElfFile64, FileHeader, ProgramHeader};
use object::{LittleEndian, Object as _, ObjectSection, ObjectSymbol, elf};
use std::process::Command;

pub fn link_hello(stripped: bool) -> Vec<u8> {
    let runtime = runtime().to_bytes();
    let archives = [Archive::open(&runtime).unwrap()];
    let debug = if stripped { None } else { Some(debug()) };
    let object = hello();
    let input = LinkInput {
        object: &object,
        archives: &archives,
        entry: "_start",
        symbols: !stripped,
        debug,
        build_id: !stripped,
    };
    link(&input).unwrap().bytes
}

fn fails(object: &Object) -> LinkError {
    let input =
        LinkInput { object, archives: &[], entry: "_start", symbols: true, debug: None, build_id: false };
    link(&input).map(|_| ()).unwrap_err()
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn runs() {
    for stripped in [true, false] {
        let path = directory("runs").join(if stripped { "stripped" } else { "full" });
        write_executable(&path, &link_hello(stripped));
        let output = output(&mut Command::new(&path));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\nhello\n");
        assert_eq!(output.status.code(), Some(2));
    }
}

/// Relocated constants are read-only once the start-up code is done: writing to `table` ends the
/// program with a signal. `mochi_main: mov qword [table],0; ret`
#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn relocated_constants_are_protected() {
    use std::os::unix::process::ExitStatusExt;
    let mut b = Builder::new();
    b.atom("mochi_main", AtomKind::Text, &hex("48c7050000000000000000c3"), &[(3, PC, "table", -8)]);
    b.atom("table", AtomKind::RelRo, &[0; 8], &[(0, ABS, "table", 0)]);
    let runtime = runtime().to_bytes();
    let archives = [Archive::open(&runtime).unwrap()];
    let input = LinkInput {
        object: &b.0,
        archives: &archives,
        entry: "_start",
        symbols: true,
        debug: None,
        build_id: false,
    };
    let path = directory("relro").join("program");
    write_executable(&path, &link(&input).unwrap().bytes);
    assert_eq!(output(&mut Command::new(&path)).status.signal(), Some(11));
}

#[test]
fn small() {
    let bytes = link_hello(true);
    assert!(bytes.len() < 3000, "{} bytes", bytes.len());
}

#[test]
fn same_input_same_bytes() {
    assert_eq!(link_hello(false), link_hello(false));
}

#[test]
fn segments() {
    let bytes = link_hello(false);
    let header = elf::FileHeader64::<LittleEndian>::parse(&*bytes).unwrap();
    let e = header.endian().unwrap();
    assert_eq!(header.e_type(e), elf::ET_DYN);
    let (mut end, mut loads, mut seen) = (0, Vec::new(), Vec::new());
    for p in header.program_headers(e, &*bytes).unwrap() {
        let (flags, kind) = (p.p_flags(e), p.p_type(e));
        seen.push(kind);
        if kind != elf::PT_LOAD {
            continue;
        }
        assert!(!flags.contains(elf::PF_W | elf::PF_X), "writable and executable");
        assert_eq!(p.p_offset(e) % 4096, p.p_vaddr(e) % 4096);
        assert!(loads.is_empty() || p.p_vaddr(e) / 4096 > (end - 1) / 4096, "two protections in a page");
        end = p.p_vaddr(e) + p.p_memsz(e);
        loads.push(flags);
    }
    let (r, w, x) = (elf::PF_R, elf::PF_W, elf::PF_X);
    assert_eq!(loads, [r, r | x, r | w, r | w]);
    for kind in [elf::PT_DYNAMIC, elf::PT_GNU_RELRO, elf::PT_GNU_STACK, elf::PT_NOTE] {
        assert!(seen.contains(&kind));
    }
    assert!(!seen.contains(&elf::PT_INTERP));
    let dynamic = header.section_headers(e, &*bytes).unwrap();
    assert!(!dynamic.is_empty());
}

/// Where zeros are all of a segment, alignment included, it begins at the same place of a page in
/// memory and in the file, or else no system loads it.
#[test]
fn a_segment_of_zeros_only() {
    let mut b = Builder::new();
    b.atom("_start", AtomKind::Text, &[0xC3; 8], &[(0, PC, "zeros", 0)]);
    let zeros = b.atom("zeros", AtomKind::Bss, &[], &[]);
    (zeros.align, zeros.zero_size) = (256, 8);
    let (object, entry) = (&b.0, "_start");
    let input = LinkInput { object, archives: &[], entry, symbols: false, debug: None, build_id: false };
    let bytes = link(&input).unwrap().bytes;
    let header = elf::FileHeader64::<LittleEndian>::parse(&*bytes).unwrap();
    let headers = header.program_headers(LittleEndian, &*bytes).unwrap();
    let last = headers.iter().rfind(|p| p.p_type(LittleEndian) == elf::PT_LOAD).unwrap();
    assert_eq!(last.p_memsz(LittleEndian), 8);
    assert_eq!(last.p_vaddr(LittleEndian) % 256, 0);
    assert_eq!(last.p_offset(LittleEndian) % 4096, last.p_vaddr(LittleEndian) % 4096);
}

#[test]
fn sections_symbols_and_pc_table() {
    let bytes = link_hello(false);
    let file = ElfFile64::<LittleEndian>::parse(&*bytes).unwrap();
    let symbol = |name: &str| file.symbols().find(|s| s.name() == Ok(name));
    assert!(symbol("dead").is_none() && symbol("unused").is_none(), "unreachable atoms are dropped");
    let main = symbol("mochi_main").unwrap();
    assert_eq!(main.size(), 28);
    assert_eq!(file.entry(), symbol("_start").unwrap().address());
    let text = file.section_by_name(".text").unwrap();
    let table = file.section_by_name(".mochi.pctab").unwrap().data().unwrap();
    let place = |address: u64| pctab::lookup(table, (address - text.address()) as u32);
    let frame = |function, file, line| Some(vec![pctab::TraceFrame { function, file, line }]);
    assert_eq!(place(main.address() + 10), frame("main", "hello.mochi", 3));
    let put = symbol("put_line").unwrap();
    assert_eq!(place(put.address() + put.size() - 1), frame("put line", "lib/lines.mochi", 13));
    assert_eq!(place(file.entry()), None);
    // Data: the table's words hold link-time addresses.
    let relro = file.section_by_name(".data.rel.ro").unwrap();
    let word = u64::from_le_bytes(relro.data().unwrap()[..8].try_into().unwrap());
    assert_eq!(word, symbol("message").unwrap().address() + 2);
    let stripped = link_hello(true);
    let file = ElfFile64::<LittleEndian>::parse(&*stripped).unwrap();
    assert_eq!(file.symbols().count(), 0);
    assert!(file.section_by_name(".debug_info").is_none() && file.section_by_name(".mochi.pctab").is_some());
}

#[test]
fn dynamic_section() {
    let bytes = link_hello(true);
    let file = ElfFile64::<LittleEndian>::parse(&*bytes).unwrap();
    let e = LittleEndian;
    let entries = file.elf_section_table().dynamic(e, &*bytes).unwrap().unwrap().0;
    let value = |tag: i64| entries.iter().find(|d| d.d_tag(e).0 == tag).map(|d| d.d_val(e));
    let relr = file.section_by_name(".relr.dyn").unwrap();
    assert_eq!(value(36), Some(relr.address()));
    assert_eq!(value(35), Some(relr.size()));
    assert_eq!(value(30), Some(8), "DT_FLAGS: BIND_NOW");
    assert_eq!(value(0x6FFF_FFFB), Some(0x0800_0001), "DT_FLAGS_1: PIE, NOW");
}

#[test]
fn tools_agree() {
    let dir = directory("tools");
    let path = dir.join("hello");
    write_executable(&path, &link_hello(false));
    let path = path.to_str().unwrap();
    if let Some(text) = tool("readelf", &["-W", "-a", path]) {
        for part in
            ["DYN (Position-Independent Executable file)", "BIND_NOW", "NOW PIE", "GNU_RELRO", "Build ID"]
        {
            assert!(text.contains(part), "readelf does not show {part}\n{text}");
        }
        assert!(!text.to_lowercase().contains("warning"), "{text}");
    }
    if let Some(text) = tool("llvm-readelf", &["-a", path]) {
        assert!(text.contains("PIE") && !text.contains("warning"), "{text}");
    }
    if let Some(text) = tool("llvm-readelf", &["-r", path]) {
        assert!(text.contains("contains 2 entries"), "{text}");
    }
    if let Some(text) = tool("llvm-dwarfdump", &["--verify", path]) {
        assert!(text.contains("No errors") && !text.contains("warning"), "{text}");
    }
}

#[test]
fn undefined_symbols_are_all_named() {
    let mut b = Builder::new();
    let code = [0; 16];
    b.atom("_start", AtomKind::Text, &code, &[(0, CALL, "a", 0), (4, CALL, "b", 0), (8, CALL, "a", 0)]);
    let error = fails(&b.0).to_string();
    assert_eq!(error, "undefined symbol `a`, needed by `_start`; undefined symbol `b`, needed by `_start`");
    assert_eq!(fails(&Builder::new().0).to_string(), "undefined symbol `_start`, the entry");
}

#[test]
fn duplicates() {
    let mut b = Builder::new();
    b.atom("_start", AtomKind::Text, &[0xC3], &[]);
    b.atom("_start", AtomKind::Text, &[0xC3], &[]);
    assert_eq!(fails(&b.0), LinkError::Duplicate { symbol: "_start".into() });
    let mut b = Builder::new();
    b.atom(LinkerSymbol::RootsEnd.name(), AtomKind::Data, &[0; 8], &[]);
    assert_eq!(fails(&b.0), LinkError::Duplicate { symbol: "__roots_end".into() });
    let mut b = Builder::new();
    b.atom("apply_relr", AtomKind::Text, &[0xC3], &[]);
    let library = runtime().to_bytes();
    let archives = [Archive::open(&library).unwrap()];
    let input = LinkInput {
        object: &b.0,
        archives: &archives,
        entry: "_start",
        symbols: true,
        debug: None,
        build_id: false,
    };
    assert_eq!(link(&input).map(|_| ()), Err(LinkError::Duplicate { symbol: "apply_relr".into() }));
}

#[test]
fn bad_atoms_are_errors() {
    let why = |kind, bytes: &[u8], relocs: &[_]| {
        let mut b = Builder::new();
        b.atom("_start", kind, bytes, relocs);
        match fails(&b.0) {
            LinkError::BadAtom { why, .. } => why,
            other => panic!("{other}"),
        }
    };
    let text = AtomKind::Text;
    assert_eq!(why(text, &[0; 8], &[(0, ABS, "_start", 0)]), "address in a section without addresses");
    assert_eq!(why(text, &[0; 8], &[(5, PC, "_start", 0)]), "relocation outside its bytes");
    assert_eq!(
        why(text, &[0; 8], &[(4, PC, "_start", 0), (1, PC, "_start", 0)]),
        "relocations are not in order or overlap"
    );
    assert_eq!(why(AtomKind::Data, &[0; 24], &[(4, ABS, "_start", 0)]), "address that is not 8-aligned");
    for other in [RelocKind::WasmAddr, RelocKind::A64Call] {
        assert_eq!(why(text, &[0; 8], &[(0, other, "_start", 0)]), "relocation of another machine");
    }
    assert_eq!(why(AtomKind::Bss, &[0; 8], &[]), "both contents and zero size");
}

#[test]
fn bad_functions_are_errors() {
    let row = |offset| LineRow { offset, line: 1, column: 1, is_stmt: true, prologue_end: false, call: None };
    let why = |target: &str, offsets: &[u32], ops: &[(u32, CfiOp)]| {
        let mut b = Builder::of(target::parse(target).unwrap());
        let frame = FrameInfo { ops: ops.to_vec() };
        let lines = offsets.iter().map(|&o| row(o)).collect();
        b.atom("_start", AtomKind::Text, &[0; 8], &[]).function =
            Some(FunctionInfo { code_size: 8, lines, frame, ..FunctionInfo::default() });
        match fails(&b.0) {
            LinkError::BadAtom { why, .. } => why,
            other => panic!("{other}"),
        }
    };
    use CfiOp::*;
    let (order, outside, aligned) = (
        "line rows or frame instructions are not in order",
        "a line row or frame instruction outside its bytes",
        "a frame instruction whose offset is not aligned",
    );
    assert_eq!(why("x64-linux", &[4, 3], &[]), order);
    assert_eq!(why("x64-linux", &[], &[(4, RememberState), (3, RestoreState)]), order);
    assert_eq!(why("x64-linux", &[9], &[]), outside);
    assert_eq!(why("x64-linux", &[], &[(9, RememberState)]), outside);
    assert_eq!(why("x64-linux", &[], &[(1, Offset(6, -12))]), aligned);
    assert_eq!(why("x64-linux", &[], &[(1, DefCfaOffset(-12))]), aligned);
    assert_eq!(why("a64-linux", &[], &[(2, RememberState)]), aligned);
    assert_eq!(why("rv64-linux", &[], &[(3, RememberState)]), aligned);
    assert_eq!(why("x64-linux", &[], &[(1, RestoreState)]), "no state of the frame to restore");
}

#[test]
fn too_far() {
    let mut b = Builder::new();
    b.atom("_start", AtomKind::Text, &[0; 4], &[(0, PC, "big", 1 << 31)]);
    b.atom("big", AtomKind::Bss, &[], &[]).zero_size = 64;
    let LinkError::Overflow { atom, symbol, .. } = fails(&b.0) else { panic!() };
    assert_eq!((atom.as_str(), symbol.as_str()), ("_start", "big"));
    assert_eq!(b.0.target, target::parse("x64-linux").unwrap());
}

/// Data of all kinds and many relocated words: each address is inside its section's bounds, and the
/// relocation list names exactly the words that hold addresses.
#[test]
fn many_relocations() {
    let mut b = Builder::new();
    let names: Vec<String> = (0..300).map(|i| format!("d{i}")).collect();
    let mut code = Vec::new();
    let mut relocs = Vec::new();
    for name in &names {
        relocs.push((code.len() as u32, PC, name.as_str(), 0));
        code.extend([0; 4]);
    }
    b.atom("_start", AtomKind::Text, &code, &relocs);
    for (i, name) in names.iter().enumerate() {
        let kind = [AtomKind::RelRo, AtomKind::Data][i % 2];
        let words = 1 + i % 7 * i;
        let at = (words as u32 - 1) * 8;
        b.atom(name, kind, &vec![0; words * 8], &[(at, ABS, &names[(i * 7) % 300], 8)]).align = 8;
    }
    let input = LinkInput {
        object: &b.0,
        archives: &[],
        entry: "_start",
        symbols: true,
        debug: None,
        build_id: false,
    };
    let bytes = link(&input).unwrap().bytes;
    let file = ElfFile64::<LittleEndian>::parse(&*bytes).unwrap();
    let relr = file.section_by_name(".relr.dyn").unwrap();
    let words: Vec<u64> =
        relr.data().unwrap().chunks_exact(8).map(|c| u64::from_le_bytes(c.try_into().unwrap())).collect();
    let mut expected: Vec<u64> = file
        .symbols()
        .filter(|s| s.name() != Ok("_start") && s.size() != 0)
        .map(|s| s.address() + s.size() - 8)
        .collect();
    expected.sort_unstable();
    assert_eq!(expected.len(), 300);
    assert_eq!(mochi_objwrite::elf::relr::decode(&words), expected);
}
