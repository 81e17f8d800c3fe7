//! Debug information: what readers of DWARF and a debugger see.

use crate::exec::link_hello;
use crate::support::*;
use gimli::{AttributeValue, EndianSlice, LittleEndian, UnwindSection};
use object::read::elf::ElfFile64;
use object::{Object as _, ObjectSection, ObjectSymbol};

type Reader<'a> = EndianSlice<'a, LittleEndian>;

fn section<'a>(file: &ElfFile64<'a, object::LittleEndian>, name: &str) -> Reader<'a> {
    let data = file.section_by_name(name).map_or(&[][..], |s| s.data().unwrap());
    EndianSlice::new(data, LittleEndian)
}

/// The line of every code address, by the line program.
pub fn line_of(
    unit: &gimli::Unit<Reader>,
    dwarf: &gimli::Dwarf<Reader>,
    address: u64,
) -> Option<(String, u64)> {
    let mut rows = unit.line_program.clone()?.rows();
    let mut last = None;
    while let Some((header, row)) = rows.next_row().unwrap() {
        if row.address() > address {
            return last;
        }
        last = None;
        if !row.end_sequence() {
            let name = row.file(header).unwrap().path_name();
            let name = dwarf.attr_string(unit, name).unwrap().to_string_lossy().into_owned();
            last = Some((name, row.line().map_or(0, |l| l.get())));
        }
    }
    None
}

#[test]
fn lines_and_functions() {
    let bytes = link_hello(false);
    let file = ElfFile64::parse(&*bytes).unwrap();
    let dwarf = gimli::Dwarf::load(|id| Ok::<_, gimli::Error>(section(&file, id.name()))).unwrap();
    let header = dwarf.units().next().unwrap().unwrap();
    assert_eq!(header.version(), 5);
    let unit = dwarf.unit(header).unwrap();
    let address = |name: &str| file.symbols().find(|s| s.name() == Ok(name)).unwrap().address();
    let (main, put) = (address("mochi_main"), address("put_line"));
    let expected = [
        (main, "hello.mochi", 1),
        (main + 8, "hello.mochi", 2),
        (main + 9, "hello.mochi", 3),
        (main + 27, "hello.mochi", 5),
        (put, "lib/lines.mochi", 10),
        (put + 20, "lib/lines.mochi", 12),
        (put + 29, "lib/lines.mochi", 13),
    ];
    for (at, file, line) in expected {
        assert_eq!(line_of(&unit, &dwarf, at), Some((file.to_string(), line)));
    }
    assert_eq!(line_of(&unit, &dwarf, put + 30), None);
    let mut names = Vec::new();
    let mut entries = unit.entries();
    while let Some(entry) = entries.next_dfs().unwrap() {
        if entry.tag() == gimli::DW_TAG_subprogram {
            let string = |at| {
                let value = entry.attr_value(at).unwrap_or(AttributeValue::Flag(false));
                dwarf.attr_string(&unit, value).unwrap().to_string_lossy().into_owned()
            };
            let low = entry.attr_value(gimli::DW_AT_low_pc).unwrap();
            names.push((string(gimli::DW_AT_name), low));
        }
    }
    let entry = |name: &str, low| (name.to_string(), AttributeValue::Addr(low));
    assert_eq!(names, [entry("main", main), entry("put line", put)]);
}

/// What a reader has when it begins a sequence is the unit's file, too (DWARF 5, sections 6.2.2 and 6.2.4).
#[test]
fn files_zero_and_one_are_the_unit() {
    let bytes = link_hello(false);
    let file = ElfFile64::parse(&*bytes).unwrap();
    let dwarf = gimli::Dwarf::load(|id| Ok::<_, gimli::Error>(section(&file, id.name()))).unwrap();
    let unit = dwarf.unit(dwarf.units().next().unwrap().unwrap()).unwrap();
    let header = unit.line_program.as_ref().unwrap().header();
    let string = |value| dwarf.attr_string(&unit, value).unwrap().to_string_lossy().into_owned();
    let files: Vec<_> = header.file_names().iter().map(|f| f.directory_index()).collect();
    let names: Vec<_> = header.file_names().iter().map(|f| string(f.path_name())).collect();
    assert_eq!(names, ["hello.mochi", "hello.mochi", "lib/lines.mochi"]);
    let directories: Vec<_> =
        files.iter().map(|&n| string(header.include_directories()[n as usize])).collect();
    assert_eq!(directories, ["", "/src", "/src"], "all the unit's, by a path relative to it or its own");
    let mut rows = unit.line_program.clone().unwrap().rows();
    while let Some((_, row)) = rows.next_row().unwrap() {
        assert_ne!(row.file_index(), 0, "file 0 is there for its place");
    }
}

#[test]
fn call_frames() {
    let bytes = link_hello(false);
    let file = ElfFile64::<object::LittleEndian>::parse(&*bytes).unwrap();
    let data = file.section_by_name(".debug_frame").unwrap().data().unwrap();
    let frames = gimli::DebugFrame::new(data, LittleEndian);
    let bases = gimli::BaseAddresses::default();
    let put = file.symbols().find(|s| s.name() == Ok("put_line")).unwrap().address();
    let mut context = gimli::UnwindContext::new();
    let mut row = |at: u64| {
        let row = frames
            .unwind_info_for_address(&bases, &mut context, at, gimli::DebugFrame::cie_from_offset)
            .unwrap();
        row.cfa().clone()
    };
    let cfa =
        |register, offset| gimli::CfaRule::RegisterAndOffset { register: gimli::Register(register), offset };
    assert_eq!(row(put), cfa(7, 8));
    assert_eq!(row(put + 1), cfa(7, 16));
    assert_eq!(row(put + 4), cfa(6, 16));
    assert_eq!(row(put + 29), cfa(7, 8));
}

/// A debugger stops at a line of the source, shows the Mochi names of the frames, steps and
/// finishes; the stack ends at the entry.
#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn gdb_stops_steps_and_traces() {
    if !traces("gdb") {
        return;
    }
    let dir = directory("gdb");
    let path = dir.join("hello");
    write_executable(&path, &link_hello(false));
    let commands = [
        "set backtrace past-main on",
        "break lib/lines.mochi:12",
        "run",
        "bt",
        "finish",
        "next",
        "info line",
        "quit",
    ];
    let mut args = vec!["-nx", "-batch"];
    commands.iter().for_each(|c| args.extend(["-ex", c]));
    args.push(path.to_str().unwrap());
    let Some(text) = tool("gdb", &args) else { return };
    for part in
        ["#0  put line () at /src/lib/lines.mochi:12", " in main () at hello.mochi:2", " in _start ()"]
    {
        assert!(text.contains(part), "gdb does not show `{part}`:\n{text}");
    }
    assert!(!text.contains("#3"), "{text}");
    assert!(text.contains("hello.mochi:3") || text.contains("Line 3 of"), "{text}");
}
