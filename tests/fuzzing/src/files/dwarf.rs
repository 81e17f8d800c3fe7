//! Debug information as gimli reads it: every line row, every function, every state of a call frame.

use super::program::{FILES, Item};
use gimli::{CfaRule, EndianSlice, LittleEndian, Register, RegisterRule, UnwindSection};
use mochi_objwrite::{Arch, CfiOp, LineRow, pctab};
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
#[derive(Default)]
pub(super) struct Debug {
    pub sections: BTreeMap<String, Vec<u8>>,
    /// The address of `.eh_frame`, where call frames are there and in no debug section.
    pub loaded_frames: Option<u64>,
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
        // Where addresses have 4 bytes, Binaryen reads it, which knows no later version.
        let version = if address_size == 4 { 4 } else { 5 };
        assert_eq!((header.version(), header.address_size()), (version, address_size));
        let unit = dwarf.unit(header).expect("readable");
        let mut list = Vec::new();
        // Where no function has a file, there is none.
        let Some(program) = unit.line_program.clone() else { return list };
        // Sequences begin in file 1, and in version 5 the list begins with file 0.
        let own = unit.name.expect("the unit has a name");
        for file in &program.header().file_names()[..usize::from(version) - 3] {
            assert_eq!(dwarf.attr_string(&unit, file.path_name()), Ok(own));
        }
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
            let own = file(f.item).expect("it has one");
            let row = |r: &LineRow| Row {
                address: f.address + u64::from(r.offset),
                file: r.call.map_or(own, |c| call_file(f.item, c)).to_string(),
                line: r.line.into(),
                column: r.column.into(),
                is_stmt: r.is_stmt,
                prologue_end: r.prologue_end,
                end: false,
            };
            // No line of the function before it goes on in its first bytes.
            if info.lines.first().is_none_or(|r| r.offset != 0) {
                let (offset, line, column, is_stmt, prologue_end) = (0, info.line, 0, true, false);
                expected.push(row(&LineRow { offset, line, column, is_stmt, prologue_end, call: None }));
            }
            expected.extend(info.lines.iter().map(row));
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
        let reader = UnitReader { dwarf: &dwarf, unit: &unit };
        let (mut found, mut calls) = (Vec::new(), Vec::new());
        let mut tree = unit.entries_tree(None).expect("readable");
        let mut children = tree.root().expect("a root").children();
        while let Some(node) = children.next().expect("readable") {
            let entry = node.entry().clone();
            assert_eq!(entry.tag(), gimli::DW_TAG_subprogram);
            let (name, file, line) = reader.declaration(&entry);
            if entry.attr_value(gimli::DW_AT_inline).is_some() {
                continue;
            }
            let ranges = reader.ranges(entry.offset());
            let [(low, high)] = ranges[..] else { panic!("{name} has {ranges:?}") };
            let external = entry.attr_value(gimli::DW_AT_external).is_some();
            found.push((name, file, low, high, line, external));
            reader.inlined(node, &mut vec![low], &mut calls);
        }
        let expected = |f: &&Placed| {
            let info = f.item.function.as_ref().expect("it has a file");
            let (name, own) = (info.display.clone(), file(f.item).expect("it has one").to_string());
            (name, own, f.address, f.address + f.item.size(), u64::from(info.line), f.item.global)
        };
        let mut expected: Vec<_> = sourced.iter().map(expected).collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
        let mut expected: Vec<_> = sourced.iter().flat_map(|f| expected_calls(f)).collect();
        expected.sort();
        calls.sort();
        assert_eq!(calls, expected);
    }

    /// Judges the call frames of functions.
    pub fn judge_frames(&self, arch: Arch, functions: &[Placed]) {
        let bases = gimli::BaseAddresses::default();
        match self.loaded_frames {
            Some(address) => {
                let frames = gimli::EhFrame::from(self.section(".eh_frame"));
                judge_frames(arch, &frames, &bases.set_eh_frame(address), functions);
            }
            None => {
                let frames = gimli::DebugFrame::from(self.section(".debug_frame"));
                judge_frames(arch, &frames, &bases, functions);
            }
        }
    }
}

fn judge_frames<'a, S: UnwindSection<Reader<'a>>>(
    arch: Arch,
    frames: &S,
    bases: &gimli::BaseAddresses,
    functions: &[Placed],
) {
    for f in functions.iter().filter(|f| f.item.size() != 0) {
        let Some(info) = &f.item.function else { continue };
        let (mut state, ops, mut next) = (Frame::new(arch), &info.frame.ops, 0);
        for at in [0].into_iter().chain(ops.iter().map(|op| op.0)) {
            while next < ops.len() && ops[next].0 <= at {
                state.apply(ops[next].1);
                next += 1;
            }
            if u64::from(at) < f.item.size() {
                state.judge(frames, bases, f.address + u64::from(at), &f.item.name);
            }
        }
    }
}

/// An inlined call as a debugger sees it.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Call {
    /// The first address of the function that it is in, and of the inlined calls around it, outermost first.
    inside: Vec<u64>,
    /// The callee: name, file, line.
    callee: (String, String, u64),
    /// Where it is called: file, line, column.
    site: (String, u64, u64),
    ranges: Vec<(u64, u64)>,
}

/// Entries of the only unit.
struct UnitReader<'d, 'a> {
    dwarf: &'d gimli::Dwarf<Reader<'a>>,
    unit: &'d gimli::Unit<Reader<'a>>,
}

impl<'a> UnitReader<'_, 'a> {
    /// Name, file and line, perhaps of the abstract instance.
    fn declaration(&self, entry: &gimli::DebuggingInformationEntry<Reader<'a>>) -> (String, String, u64) {
        if let Some(origin) = entry.attr_value(gimli::DW_AT_abstract_origin) {
            let gimli::AttributeValue::UnitRef(offset) = origin else { panic!("{origin:?}") };
            let origin = self.unit.entry(offset).expect("an entry");
            assert!(
                origin.attr_value(gimli::DW_AT_inline).is_some() && entry.attr(gimli::DW_AT_name).is_none()
            );
            return self.declaration(&origin);
        }
        let name = entry.attr_value(gimli::DW_AT_name).expect("a name");
        let name = self.dwarf.attr_string(self.unit, name).expect("a string").to_string_lossy().into_owned();
        let file = self.file(entry, gimli::DW_AT_decl_file);
        (name, file, number(entry, gimli::DW_AT_decl_line))
    }

    fn file(&self, entry: &gimli::DebuggingInformationEntry<Reader<'a>>, at: gimli::DwAt) -> String {
        let header = self.unit.line_program.as_ref().expect("a line program").header();
        let file = match entry.attr_value(at) {
            Some(gimli::AttributeValue::FileIndex(n)) => header.file(n).expect("a file").path_name(),
            other => panic!("{other:?}"),
        };
        self.dwarf.attr_string(self.unit, file).expect("a string").to_string_lossy().into_owned()
    }

    fn ranges(&self, offset: gimli::UnitOffset) -> Vec<(u64, u64)> {
        let entry = self.unit.entry(offset).expect("an entry");
        let mut ranges = self.dwarf.die_ranges(self.unit, &entry).expect("readable");
        let mut out = Vec::new();
        while let Some(r) = ranges.next().expect("readable") {
            out.push((r.begin, r.end));
        }
        out
    }

    /// The inlined calls below an entry.
    fn inlined(
        &self,
        node: gimli::EntriesTreeNode<Reader<'a>>,
        inside: &mut Vec<u64>,
        calls: &mut Vec<Call>,
    ) {
        let mut children = node.children();
        while let Some(node) = children.next().expect("readable") {
            let entry = node.entry();
            assert_eq!(entry.tag(), gimli::DW_TAG_inlined_subroutine);
            let line = number(entry, gimli::DW_AT_call_line);
            let site =
                (self.file(entry, gimli::DW_AT_call_file), line, number(entry, gimli::DW_AT_call_column));
            let ranges = self.ranges(entry.offset());
            let first = ranges[0].0;
            calls.push(Call { inside: inside.clone(), callee: self.declaration(entry), site, ranges });
            inside.push(first);
            self.inlined(node, inside, calls);
            inside.pop();
        }
    }
}

fn number(entry: &gimli::DebuggingInformationEntry<Reader>, at: gimli::DwAt) -> u64 {
    entry.attr_value(at).and_then(|v| v.udata_value()).expect("a number")
}

/// The inlined calls that have code, by the line rows of a function.
fn expected_calls(f: &Placed) -> Vec<Call> {
    let info = f.item.function.as_ref().expect("it has a file");
    let chain = |mut call: Option<u32>| {
        let mut chain = Vec::new();
        while let Some(c) = call {
            chain.insert(0, c);
            call = info.inlined[c as usize].call;
        }
        chain
    };
    // Byte by byte, as nobody else does it.
    let ranges = |wanted: u32| {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for (k, row) in info.lines.iter().enumerate() {
            let end = info.lines.get(k + 1).map_or(f.item.size(), |r| r.offset.into());
            if !chain(row.call).contains(&wanted) || end == u64::from(row.offset) {
                continue;
            }
            let (start, end) = (f.address + u64::from(row.offset), f.address + end);
            match ranges.last_mut() {
                Some(last) if last.1 == start => last.1 = end,
                _ => ranges.push((start, end)),
            }
        }
        ranges
    };
    let first = |c: u32| ranges(c).first().map(|r| r.0);
    let mut calls = Vec::new();
    for (c, call) in (0..).zip(&info.inlined) {
        let (ranges, mut inside) = (ranges(c), vec![f.address]);
        if ranges.is_empty() {
            continue;
        }
        inside.extend(chain(call.call).into_iter().filter_map(first));
        let caller = call.call.map_or(file(f.item).expect("it has one"), |c| call_file(f.item, c));
        calls.push(Call {
            inside,
            callee: (call.display.clone(), call_file(f.item, c).to_string(), call.declared.into()),
            site: (caller.to_string(), call.line.into(), call.column.into()),
            ranges,
        });
    }
    calls
}

/// The frames of an offset in a function, as the pc table should have them.
pub(super) fn trace(item: &Item, at: u32) -> Option<Vec<pctab::TraceFrame<'_>>> {
    let info = item.function.as_ref()?;
    let row = info.lines.iter().rev().find(|r| r.offset <= at && r.line != 0);
    let (line, call) = row.map_or((info.line, None), |r| (r.line, r.call));
    frames(item, line, call)
}

/// The frames at a line of an inlined call, or of the function.
pub(super) fn frames(
    item: &Item,
    mut line: u32,
    mut call: Option<u32>,
) -> Option<Vec<pctab::TraceFrame<'_>>> {
    let (own, info) = (file(item)?, item.function.as_ref()?);
    let mut frames = Vec::new();
    while let Some(c) = call {
        let inlined = &info.inlined[c as usize];
        frames.push(pctab::TraceFrame { function: &inlined.display, file: call_file(item, c), line });
        (line, call) = (inlined.line, inlined.call);
    }
    frames.push(pctab::TraceFrame { function: &info.display, file: own, line });
    Some(frames)
}

/// The source file of an inlined call.
fn call_file(item: &Item, call: u32) -> &'static str {
    FILES[item.function.as_ref().expect("it has calls").inlined[call as usize].file as usize]
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
    /// The return address is said to be undefined.
    no_caller: bool,
    at_call: BTreeMap<u16, i64>,
    remembered: Vec<Frame>,
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
        let (cfa, no_caller, remembered) = ((stack_pointer, offset), false, Vec::new());
        Frame { return_address, cfa, saved, no_caller, at_call, remembered }
    }

    fn apply(&mut self, op: CfiOp) {
        if let CfiOp::Offset(register, _) | CfiOp::WholeOffset(register, _) | CfiOp::Restore(register) = op {
            self.no_caller &= register != self.return_address;
        }
        match op {
            CfiOp::DefCfa(register, offset) => self.cfa = (register, offset.into()),
            CfiOp::DefCfaOffset(offset) => self.cfa.1 = offset.into(),
            CfiOp::DefCfaRegister(register) => self.cfa.0 = register,
            CfiOp::Offset(register, offset) | CfiOp::WholeOffset(register, offset) => {
                self.saved.insert(register, offset.into());
            }
            CfiOp::Restore(register) => match self.at_call.get(&register) {
                Some(&offset) => drop(self.saved.insert(register, offset)),
                None => drop(self.saved.remove(&register)),
            },
            CfiOp::RememberState => {
                let state = self.clone();
                self.remembered.push(state);
            }
            CfiOp::RestoreState => {
                let mut remembered = std::mem::take(&mut self.remembered);
                *self = remembered.pop().expect("a state");
                self.remembered = remembered;
            }
            CfiOp::NoCaller => {
                self.saved.remove(&self.return_address);
                self.no_caller = true;
            }
        }
    }

    fn judge<'a, S: UnwindSection<Reader<'a>>>(
        &self,
        frames: &S,
        bases: &gimli::BaseAddresses,
        address: u64,
        name: &str,
    ) {
        let mut context = gimli::UnwindContext::new();
        let row = frames
            .unwind_info_for_address(bases, &mut context, address, S::cie_from_offset)
            .unwrap_or_else(|e| panic!("{name} at {address:#x}: {e}"));
        let (register, offset) = (Register(self.cfa.0), self.cfa.1);
        assert_eq!(*row.cfa(), CfaRule::RegisterAndOffset { register, offset }, "{name} at {address:#x}");
        let undefined = row.register(Register(self.return_address)) == Some(RegisterRule::Undefined);
        assert_eq!(undefined, self.no_caller, "{name} at {address:#x}");
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
