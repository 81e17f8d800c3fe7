//! Debug information as gimli reads it: every line row, every function, every state of a call frame.

use super::program::{FILES, Item};
use gimli::{CfaRule, EndianSlice, LittleEndian, Register, RegisterRule, UnwindSection};
use mochi_objwrite::{Arch, CfiOp};
use std::collections::BTreeMap;

type Reader<'a> = EndianSlice<'a, LittleEndian>;

/// A row of a line program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub address: u64,
    pub file: String,
    pub line: u64,
    pub column: u64,
    pub is_stmt: bool,
    pub prologue_end: bool,
    pub end: bool,
}

/// The debug sections of a file, by name.
pub(super) struct Debug {
    pub sections: BTreeMap<String, Vec<u8>>,
}

/// A function at its address. The order is that of definition within an input.
pub(super) struct Placed<'a> {
    pub item: &'a Item,
    pub address: u64,
}

impl Debug {
    fn section(&self, name: &str) -> Reader<'_> {
        EndianSlice::new(self.sections.get(name).map_or(&[], |s| s), LittleEndian)
    }

    fn dwarf(&self) -> gimli::Dwarf<Reader<'_>> {
        gimli::Dwarf::load(|id| Ok::<_, gimli::Error>(self.section(id.name()))).expect("sections are there")
    }

    /// The rows of the only unit.
    pub fn rows(&self, address_size: u8) -> Vec<Row> {
        let dwarf = self.dwarf();
        let mut units = dwarf.units();
        let header = units.next().expect("readable").expect("a unit");
        assert!(units.next().expect("readable").is_none());
        assert_eq!((header.version(), header.address_size()), (5, address_size));
        let unit = dwarf.unit(header).expect("readable");
        let mut list = Vec::new();
        // Where no function has a file, there is none.
        let Some(program) = unit.line_program.clone() else { return list };
        let mut rows = program.rows();
        while let Some((header, row)) = rows.next_row().expect("readable") {
            let file = row.file(header).expect("a file").path_name();
            let file = dwarf.attr_string(&unit, file).expect("a name");
            list.push(Row {
                address: row.address(),
                file: file.to_string_lossy().into_owned(),
                line: row.line().map_or(0, |l| l.get()),
                column: match row.column() {
                    gimli::ColumnType::LeftEdge => 0,
                    gimli::ColumnType::Column(c) => c.get(),
                },
                is_stmt: row.is_stmt(),
                prologue_end: row.prologue_end(),
                end: row.end_sequence(),
            });
        }
        list
    }

    /// Judges the line program and the functions of machine code, whose offsets stay what they were.
    pub fn judge_lines(&self, functions: &[Placed]) {
        let mut sourced: Vec<&Placed> = functions.iter().filter(|f| file(f.item).is_some()).collect();
        // In order of definition where functions are empty.
        sourced.sort_by_key(|f| (f.address, f.item.input));
        let mut expected = Vec::new();
        for f in &sourced {
            let info = f.item.function.as_ref().expect("it has a file");
            let row = |address, line: u32, column: u32, is_stmt, prologue_end| Row {
                address,
                file: file(f.item).expect("it has one").to_string(),
                line: line.into(),
                column: column.into(),
                is_stmt,
                prologue_end,
                end: false,
            };
            // No line of the function before it goes on in its first bytes.
            if info.lines.first().is_none_or(|r| r.offset != 0) {
                expected.push(row(f.address, info.line, 0, true, false));
            }
            for r in &info.lines {
                let address = f.address + u64::from(r.offset);
                expected.push(row(address, r.line, r.column, r.is_stmt, r.prologue_end));
            }
        }
        let mut rows = self.rows(8);
        if let Some(last) = sourced.last() {
            let end = rows.pop().expect("rows");
            assert_eq!((end.end, end.address), (true, last.address + last.item.size()));
        }
        assert_eq!(rows, expected);
        self.judge_functions(&sourced);
    }

    fn judge_functions(&self, sourced: &[&Placed]) {
        let dwarf = self.dwarf();
        let header = dwarf.units().next().expect("readable").expect("a unit");
        let unit = dwarf.unit(header).expect("readable");
        let mut found = Vec::new();
        let mut entries = unit.entries();
        while let Some(entry) = entries.next_dfs().expect("readable") {
            if entry.tag() != gimli::DW_TAG_subprogram {
                continue;
            }
            let name = entry.attr_value(gimli::DW_AT_name).expect("a name");
            let name = dwarf.attr_string(&unit, name).expect("a string").to_string_lossy().into_owned();
            let number = |at| entry.attr_value(at).and_then(|v| v.udata_value()).expect("a number");
            let Some(gimli::AttributeValue::Addr(low)) = entry.attr_value(gimli::DW_AT_low_pc) else {
                panic!("{name} has no address")
            };
            let external = entry.attr_value(gimli::DW_AT_external).is_some();
            let (size, line) = (number(gimli::DW_AT_high_pc), number(gimli::DW_AT_decl_line));
            found.push((name, low, size, line, external));
        }
        let expected = |f: &&Placed| {
            let info = f.item.function.as_ref().expect("it has a file");
            (info.display.clone(), f.address, f.item.size(), u64::from(info.line), f.item.global)
        };
        let mut expected: Vec<_> = sourced.iter().map(expected).collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
    }

    /// Judges the call frames of functions; unwinding ends in the root.
    pub fn judge_frames(&self, arch: Arch, functions: &[Placed], root: &str) {
        let frames = gimli::DebugFrame::from(self.section(".debug_frame"));
        let described = |f: &&Placed| f.item.size() != 0 && f.item.function.is_some() || f.item.name == root;
        for f in functions.iter().filter(described).filter(|f| f.item.size() != 0) {
            let mut state = Frame::new(arch);
            let ops: &[_] = match &f.item.function {
                _ if f.item.name == root => {
                    state.saved.remove(&state.return_address);
                    state.at_call.remove(&state.return_address);
                    &[]
                }
                Some(info) => &info.frame.ops,
                None => &[],
            };
            let mut next = 0;
            for at in [0].into_iter().chain(ops.iter().map(|op| op.0)) {
                while next < ops.len() && ops[next].0 <= at {
                    state.apply(ops[next].1);
                    next += 1;
                }
                if u64::from(at) < f.item.size() {
                    state.judge(&frames, f.address + u64::from(at), &f.item.name);
                }
            }
        }
    }
}

/// The source file of a function.
pub(super) fn file(item: &Item) -> Option<&'static str> {
    Some(FILES[item.function.as_ref()?.file? as usize])
}

/// A state of a call frame, as DWARF 5, section 6.4.1, describes it.
#[derive(Clone)]
struct Frame {
    return_address: u16,
    cfa: (u16, i64),
    saved: BTreeMap<u16, i64>,
    at_call: BTreeMap<u16, i64>,
    remembered: Vec<((u16, i64), BTreeMap<u16, i64>)>,
}

impl Frame {
    /// The state at the call: by the psABIs, where the stack pointer is, and the return address.
    fn new(arch: Arch) -> Frame {
        let (stack_pointer, offset, return_address) = match arch {
            Arch::X64 => (7, 8, 16),
            Arch::A64 => (31, 0, 30),
            Arch::Rv64 => (2, 0, 1),
            Arch::Wasm32 => panic!("no call frames"),
        };
        let at_call: BTreeMap<u16, i64> =
            if arch == Arch::X64 { [(return_address, -8)].into() } else { [].into() };
        let saved = at_call.clone();
        Frame { return_address, cfa: (stack_pointer, offset), saved, at_call, remembered: Vec::new() }
    }

    fn apply(&mut self, op: CfiOp) {
        match op {
            CfiOp::DefCfa(register, offset) => self.cfa = (register, offset.into()),
            CfiOp::DefCfaOffset(offset) => self.cfa.1 = offset.into(),
            CfiOp::DefCfaRegister(register) => self.cfa.0 = register,
            CfiOp::Offset(register, offset) => drop(self.saved.insert(register, offset.into())),
            CfiOp::Restore(register) => match self.at_call.get(&register) {
                Some(&offset) => drop(self.saved.insert(register, offset)),
                None => drop(self.saved.remove(&register)),
            },
            CfiOp::RememberState => self.remembered.push((self.cfa, self.saved.clone())),
            CfiOp::RestoreState => (self.cfa, self.saved) = self.remembered.pop().expect("a state"),
        }
    }

    fn judge(&self, frames: &gimli::DebugFrame<Reader>, address: u64, name: &str) {
        let bases = gimli::BaseAddresses::default();
        let mut context = gimli::UnwindContext::new();
        let row = frames
            .unwind_info_for_address(&bases, &mut context, address, gimli::DebugFrame::cie_from_offset)
            .unwrap_or_else(|e| panic!("{name} at {address:#x}: {e}"));
        let (register, offset) = (Register(self.cfa.0), self.cfa.1);
        assert_eq!(*row.cfa(), CfaRule::RegisterAndOffset { register, offset }, "{name} at {address:#x}");
        for register in 0..34 {
            let found = match row.register(Register(register)) {
                Some(RegisterRule::Offset(offset)) => Some(offset),
                None | Some(RegisterRule::Undefined | RegisterRule::SameValue) => None,
                Some(other) => panic!("{other:?}"),
            };
            assert_eq!(found, self.saved.get(&register).copied(), "{name} at {address:#x}: {register}");
        }
    }
}
