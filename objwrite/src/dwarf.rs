//! DWARF debug information: functions, lines, call frames.
//!
//! One compilation unit covers the functions that have a source file; the layout puts them first
//! in the code section, so the unit is one range and the line table one sequence, with one
//! relocation. Call frame information covers every function, in `.debug_frame`: programs never
//! unwind by it (frame pointers do that), so it need not be loaded.
//!
//! Sections are made with addresses relative to the code section and a list of places to fix: an
//! executable fixes them with its addresses ([`DebugSection::resolved`]), an object file writes
//! them as relocations. References: DWARF 5, sections 3.1 (units), 3.3 (subprograms, inlined calls), 6.2 (lines),
//! 6.4 (frames); the DWARF register numbers of the psABIs.

use crate::link::DebugOptions;
use crate::link::layout::Function;
use crate::model::{CfiOp, FunctionInfo, InlinedCall};
use crate::target::Arch;
use gimli::write::{
    Address, AttributeValue, CallFrameInstruction, CommonInformationEntry, DwarfUnit, EhFrame, EndianVec,
    Expression, FileId, FrameDescriptionEntry, FrameTable, LineProgram, LineString, Range, RangeList,
    RelocateWriter, Relocation, RelocationTarget, Sections, UnitEntryId,
};
use gimli::{Encoding, Format, LineEncoding, LittleEndian, Register, SectionId};
use std::collections::HashMap;

/// Languages without a code of their own announce the one whose expressions debuggers should
/// offer: names, integers and structs here read as in C.
const LANGUAGE: gimli::DwLang = gimli::DW_LANG_C11;

/// What a place in a debug section refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DebugTarget {
    /// The start of the code section.
    Text,
    /// The start of another debug section.
    Section(&'static str),
}

/// A place in a debug section to be fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugReloc {
    /// Byte offset.
    pub offset: usize,
    /// Size of the field: 4 or 8.
    pub size: u8,
    /// What it refers to.
    pub target: DebugTarget,
    /// Added to the target's address.
    pub addend: i64,
    /// It is the distance from the place itself.
    pub relative: bool,
}

/// A debug section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugSection {
    /// Its name, as in ELF.
    pub name: &'static str,
    /// Contents; places to be fixed are zero.
    pub bytes: Vec<u8>,
    /// Places to be fixed, in order.
    pub relocs: Vec<DebugReloc>,
}

/// The name of the debug section with call frames.
pub const FRAMES: &str = ".debug_frame";

/// The debug section of this name holds nothing but strings that end with NUL: linkers may merge equal ones.
pub fn holds_strings(name: &str) -> bool {
    matches!(name, ".debug_str" | ".debug_line_str")
}

impl DebugSection {
    /// The contents when the code is at `text`, this section is at `at`, and every other one starts at 0.
    pub fn resolved(&self, text: u64, at: u64) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for r in &self.relocs {
            let base = match r.target {
                DebugTarget::Text => text,
                DebugTarget::Section(_) => 0,
            };
            let place = if r.relative { at + r.offset as u64 } else { 0 };
            let value = base.wrapping_add(r.addend as u64).wrapping_sub(place).to_le_bytes();
            let size = r.size as usize;
            bytes[r.offset..r.offset + size].copy_from_slice(&value[..size]);
        }
        bytes
    }
}

/// Initial state of a call frame, by machine.
struct FrameStart {
    /// Smallest instruction.
    code_alignment: u8,
    /// Register that holds the return address at entry, or stands for its place.
    return_address: u16,
    /// Stack pointer: with `cfa_offset`, the canonical frame address at entry.
    stack_pointer: u16,
    cfa_offset: i32,
    /// The return address is in memory, at this offset from the canonical frame address.
    return_address_at: Option<i32>,
}

fn frame_start(arch: Arch) -> Option<FrameStart> {
    let in_register = |code_alignment, return_address, stack_pointer| FrameStart {
        code_alignment,
        return_address,
        stack_pointer,
        cfa_offset: 0,
        return_address_at: None,
    };
    match arch {
        Arch::X64 => Some(FrameStart {
            code_alignment: 1,
            return_address: 16,
            stack_pointer: 7,
            cfa_offset: 8,
            return_address_at: Some(-8),
        }),
        Arch::A64 => Some(in_register(4, 30, 31)),
        Arch::Rv64 => Some(in_register(2, 1, 2)),
        Arch::Wasm32 => None,
    }
}

/// Bytes with the places to be fixed.
#[derive(Clone)]
struct Recorder {
    writer: EndianVec<LittleEndian>,
    relocs: Vec<Relocation>,
}

impl Recorder {
    fn new() -> Recorder {
        Recorder { writer: EndianVec::new(LittleEndian), relocs: Vec::new() }
    }
}

impl RelocateWriter for Recorder {
    type Writer = EndianVec<LittleEndian>;

    fn writer(&self) -> &Self::Writer {
        &self.writer
    }

    fn writer_mut(&mut self) -> &mut Self::Writer {
        &mut self.writer
    }

    fn relocate(&mut self, relocation: Relocation) {
        self.relocs.push(relocation);
    }
}

fn code(offset: u64) -> Address {
    Address::Symbol { symbol: 0, addend: offset as i64 }
}

/// Offsets from the canonical frame address are written in these units: the size of a register, downwards.
const DATA_ALIGNMENT: i8 = -8;

/// What [`build`] relies on, of a function whose atom has this many bytes: why it does not hold.
pub fn complaint(arch: Arch, info: &FunctionInfo, size: usize) -> Option<&'static str> {
    let rows = info.lines.iter().map(|r| r.offset);
    let ops = || info.frame.ops.iter();
    if !rows.clone().is_sorted() || !ops().is_sorted_by_key(|op| op.0) {
        return Some("line rows or frame instructions are not in order");
    }
    if rows.chain(ops().map(|op| op.0)).any(|offset| offset as usize > size) {
        return Some("a line row or frame instruction outside its bytes");
    }
    let known = |call: Option<u32>, calls: usize| call.is_none_or(|c| (c as usize) < calls);
    let in_order = info.inlined.iter().enumerate().all(|(k, c)| known(c.call, k));
    if !in_order || !info.lines.iter().all(|r| known(r.call, info.inlined.len())) {
        return Some("an inlined call that is not there");
    }
    if info.file.is_none() && !info.inlined.is_empty() {
        return Some("inlined calls in a function without a file");
    }
    let code_alignment = frame_start(arch).map_or(1, |s| s.code_alignment);
    let unit = i32::from(DATA_ALIGNMENT);
    let aligned = |&(at, op): &(u32, CfiOp)| {
        at.is_multiple_of(code_alignment.into())
            && match op {
                CfiOp::Offset(_, offset) | CfiOp::WholeOffset(_, offset) => offset % unit == 0,
                CfiOp::DefCfa(_, offset) | CfiOp::DefCfaOffset(offset) => offset >= 0 || offset % unit == 0,
                _ => true,
            }
    };
    if !ops().all(aligned) {
        return Some("a frame instruction whose offset is not aligned");
    }
    let mut remembered = 0usize;
    for (_, op) in ops() {
        remembered = match op {
            CfiOp::RememberState => remembered + 1,
            CfiOp::RestoreState if remembered == 0 => return Some("no state of the frame to restore"),
            CfiOp::RestoreState => remembered - 1,
            _ => remembered,
        };
    }
    None
}

/// The debug sections of a program, by name. Panics when functions are not in order of offset, or one is not
/// as [`complaint`] says.
pub fn build(arch: Arch, options: &DebugOptions, functions: &[Function]) -> Vec<DebugSection> {
    let mut sections = Sections::new(Recorder::new());
    // Memory is the only thing these writers can run out of; their errors are our mistakes.
    unit(arch, options, functions).write(&mut sections).expect("the unit is well formed");
    if let Some(start) = frame_start(arch) {
        frames(&start, functions, false)
            .write_debug_frame(&mut sections.debug_frame)
            .expect("frames are well formed");
    }
    let mut out = Vec::new();
    sections
        .for_each(|id, recorder| {
            if !recorder.writer.slice().is_empty() {
                out.push(finished(id, recorder));
            }
            Ok::<(), gimli::write::Error>(())
        })
        .expect("collecting cannot fail");
    out
}

/// The frames of a program as loaded code has them for the system's unwinder, `.eh_frame` (System V psABI x86-64,
/// section 4.2.4; Linux Standard Base 5.0, section 10.6.1): what [`build`] says of them, with distances for
/// addresses. Nothing for a machine without frames.
pub fn loaded_frames(arch: Arch, functions: &[Function]) -> Option<DebugSection> {
    let start = frame_start(arch)?;
    let mut section = EhFrame(Recorder::new());
    frames(&start, functions, true).write_eh_frame(&mut section).expect("frames are well formed");
    Some(finished(SectionId::EhFrame, &section.0))
}

fn finished(id: SectionId, recorder: &Recorder) -> DebugSection {
    let mut bytes = recorder.writer.slice().to_vec();
    let mut relocs = Vec::with_capacity(recorder.relocs.len());
    for r in &recorder.relocs {
        bytes[r.offset..r.offset + r.size as usize].fill(0);
        let target = match r.target {
            RelocationTarget::Symbol(_) => DebugTarget::Text,
            RelocationTarget::Section(id) => DebugTarget::Section(id.name()),
        };
        let relative = r.eh_pe.is_some();
        relocs.push(DebugReloc { offset: r.offset, size: r.size, target, addend: r.addend, relative });
    }
    relocs.sort_by_key(|r| r.offset);
    DebugSection { name: id.name(), bytes, relocs }
}

/// A string without NULs, which end strings in DWARF.
fn text(s: &str) -> Vec<u8> {
    s.bytes().map(|b| if b == 0 { b'?' } else { b }).collect()
}

/// The unit while it is made.
struct UnitWriter<'a> {
    dwarf: DwarfUnit,
    files: HashMap<&'a str, FileId>,
    /// Functions that were inlined: the entry that each of their copies refers to.
    inlined: HashMap<Inlined<'a>, UnitEntryId>,
    has_frames: bool,
}

/// A function that was inlined: name, file, line of its declaration.
type Inlined<'a> = (&'a str, FileId, u32);

/// How the unit is written: version 5, but for WebAssembly version 4, because Binaryen, which other tools call to
/// optimise modules, keeps the lines of no later one.
fn encoding(arch: Arch) -> Encoding {
    let (version, address_size) = if arch == Arch::Wasm32 { (4, 4) } else { (5, 8) };
    Encoding { format: Format::Dwarf32, version, address_size }
}

/// The size of a range of code, in a form whose size does not depend on it: tools that move code change it in
/// its place.
fn extent(size: u64) -> AttributeValue {
    AttributeValue::Data4(size as u32)
}

fn unit(arch: Arch, options: &DebugOptions, functions: &[Function]) -> DwarfUnit {
    let encoding = encoding(arch);
    let mut dwarf = DwarfUnit::new(encoding);
    let mut line_string = |s: &str| LineString::new(text(s), encoding, &mut dwarf.line_strings);
    let (directory, main) = (line_string(&options.directory), line_string(&options.unit));
    // Entry 0 is the unit's file (section 6.2.4), and entry 1, too: a sequence begins in file 1 (section 6.2.2),
    // which readers look up before they see its first row. The writer holds no entry twice, so entry 0 has
    // its directory by a relative path of no parts.
    let here = line_string("");
    let mut program =
        LineProgram::new(encoding, LineEncoding::default(), directory, Some(here), main.clone(), None);
    program.add_file(main, program.default_directory(), None);
    dwarf.unit.line_program = program;
    let has_frames = frame_start(arch).is_some();
    let mut writer = UnitWriter { dwarf, files: HashMap::new(), inlined: HashMap::new(), has_frames };
    let sourced: Vec<(&Function, FileId)> =
        functions.iter().filter_map(|f| Some((f, writer.file(f.atom.file?)))).collect();
    let end = writer.lines(&sourced);
    let dwarf = &mut writer.dwarf;
    let root = dwarf.unit.root();
    let (producer, name) =
        (dwarf.strings.add(text(&options.producer)), dwarf.strings.add(text(&options.unit)));
    let directory = dwarf.strings.add(text(&options.directory));
    let die = dwarf.unit.get_mut(root);
    die.set(gimli::DW_AT_producer, AttributeValue::StringRef(producer));
    die.set(gimli::DW_AT_language, AttributeValue::Language(LANGUAGE));
    die.set(gimli::DW_AT_name, AttributeValue::StringRef(name));
    die.set(gimli::DW_AT_comp_dir, AttributeValue::StringRef(directory));
    die.set(gimli::DW_AT_low_pc, AttributeValue::Address(code(0)));
    die.set(gimli::DW_AT_high_pc, extent(end));
    let ranges: Vec<_> = sourced.iter().map(|(f, _)| inlined_ranges(f)).collect();
    for ((f, _), ranges) in sourced.iter().zip(&ranges) {
        writer.abstract_instances(f, ranges);
    }
    for ((f, file), ranges) in sourced.iter().zip(ranges) {
        writer.subprogram(f, *file, ranges);
    }
    writer.dwarf
}

/// Ranges of code, as offsets in the code section.
type Ranges = Vec<(u64, u64)>;

/// The code of each inlined call of a function, with that of the calls in it.
fn inlined_ranges(f: &Function) -> Vec<Ranges> {
    let Some(info) = &f.atom.view.function else { return Vec::new() };
    let mut ranges: Vec<Ranges> = vec![Vec::new(); info.inlined.len()];
    if ranges.is_empty() {
        return ranges;
    }
    for (i, row) in f.rows.iter().enumerate() {
        let end = f.rows.get(i + 1).map_or(f.size, |r| r.offset.into());
        let (start, end) = (f.start + u64::from(row.offset), f.start + end);
        let mut at = row.call.filter(|_| start < end);
        while let Some(call) = at {
            let list = &mut ranges[call as usize];
            match list.last_mut() {
                Some(last) if last.1 == start => last.1 = end,
                _ => list.push((start, end)),
            }
            at = info.inlined[call as usize].call;
        }
    }
    ranges
}

impl<'a> UnitWriter<'a> {
    fn file(&mut self, name: &'a str) -> FileId {
        let dwarf = &mut self.dwarf;
        *self.files.entry(name).or_insert_with(|| {
            let program = &mut dwarf.unit.line_program;
            let name = LineString::new(text(name), program.encoding(), &mut dwarf.line_strings);
            let directory = program.default_directory();
            program.add_file(name, directory, None)
        })
    }

    /// Writes the line rows; gives the end of the code.
    fn lines(&mut self, functions: &[(&Function<'a, '_>, FileId)]) -> u64 {
        let mut end = 0;
        for &(f, file) in functions {
            let calls: Vec<FileId> = f.atom.call_files.iter().map(|name| self.file(name)).collect();
            let program = &mut self.dwarf.unit.line_program;
            if !program.in_sequence() {
                program.begin_sequence(Some(code(0)));
            }
            line_rows(program, f, file, &calls);
            end = f.start + f.size;
        }
        let program = &mut self.dwarf.unit.line_program;
        if program.in_sequence() {
            program.end_sequence(end);
        }
        end
    }

    /// Name and declaration of a function.
    fn declaration(&mut self, id: UnitEntryId, (name, file, line): Inlined) {
        let name = self.dwarf.strings.add(text(name));
        let die = self.dwarf.unit.get_mut(id);
        die.set(gimli::DW_AT_name, AttributeValue::StringRef(name));
        die.set(gimli::DW_AT_decl_file, AttributeValue::FileIndex(Some(file)));
        die.set(gimli::DW_AT_decl_line, AttributeValue::Udata(line.into()));
    }

    /// Makes an abstract instance of each function that was inlined into this one (DWARF 5, section 3.3.8.1).
    fn abstract_instances(&mut self, f: &Function<'a, '_>, ranges: &[Ranges]) {
        for inlined in self.inlined_calls(f).into_iter().zip(ranges).filter(|(_, r)| !r.is_empty()) {
            if self.inlined.contains_key(&inlined.0) {
                continue;
            }
            let id = self.dwarf.unit.add(self.dwarf.unit.root(), gimli::DW_TAG_subprogram);
            self.declaration(id, inlined.0);
            let die = self.dwarf.unit.get_mut(id);
            die.set(gimli::DW_AT_inline, AttributeValue::Inline(gimli::DW_INL_inlined));
            self.inlined.insert(inlined.0, id);
        }
    }

    /// What was inlined into a function.
    fn inlined_calls(&mut self, f: &Function<'a, '_>) -> Vec<Inlined<'a>> {
        let Some(info) = &f.atom.view.function else { return Vec::new() };
        let calls = info.inlined.iter().zip(&f.atom.call_files);
        calls.map(|(c, name)| (c.display.as_str(), self.file(name), c.declared)).collect()
    }

    fn subprogram(&mut self, f: &Function<'a, '_>, file: FileId, ranges: Vec<Ranges>) {
        let Some(info) = &f.atom.view.function else { return };
        let id = self.dwarf.unit.add(self.dwarf.unit.root(), gimli::DW_TAG_subprogram);
        let own = (info.display.as_str(), file, info.line);
        match self.inlined.get(&own) {
            Some(&origin) => self.origin(id, origin),
            None => self.declaration(id, own),
        }
        let die = self.dwarf.unit.get_mut(id);
        // No DW_AT_linkage_name: debuggers would show it instead of a name they cannot demangle to.
        if f.atom.global {
            die.set(gimli::DW_AT_external, AttributeValue::FlagPresent);
        }
        die.set(gimli::DW_AT_low_pc, AttributeValue::Address(code(f.start)));
        die.set(gimli::DW_AT_high_pc, extent(f.size));
        if self.has_frames {
            let mut frame_base = Expression::new();
            frame_base.op(gimli::DW_OP_call_frame_cfa);
            die.set(gimli::DW_AT_frame_base, AttributeValue::Exprloc(frame_base));
        }
        // The entries of calls, which later ones may be in, and the files of their callees.
        let mut calls: Vec<Option<(UnitEntryId, FileId)>> = Vec::with_capacity(ranges.len());
        let inlined = self.inlined_calls(f);
        for ((call, inlined), ranges) in info.inlined.iter().zip(inlined).zip(ranges) {
            let parent = match call.call {
                Some(c) => calls[c as usize],
                None => Some((id, file)),
            };
            let made = match parent {
                Some((parent, caller)) if !ranges.is_empty() => {
                    let entry = self.dwarf.unit.add(parent, gimli::DW_TAG_inlined_subroutine);
                    self.origin(entry, self.inlined[&inlined]);
                    self.call_site(entry, call, caller, ranges);
                    Some((entry, inlined.1))
                }
                _ => None,
            };
            calls.push(made);
        }
    }

    fn origin(&mut self, id: UnitEntryId, origin: UnitEntryId) {
        self.dwarf.unit.get_mut(id).set(gimli::DW_AT_abstract_origin, AttributeValue::UnitRef(origin));
    }

    /// Where an inlined call is, in the source and in the code (DWARF 5, section 3.3.8.2).
    fn call_site(&mut self, id: UnitEntryId, call: &InlinedCall, caller: FileId, ranges: Ranges) {
        let (low, high) = match &ranges[..] {
            &[(start, end)] => (AttributeValue::Address(code(start)), Some(extent(end - start))),
            _ => {
                // Relative to the unit's start, which is that of the code section.
                let pairs = ranges.into_iter().map(|(begin, end)| Range::OffsetPair { begin, end });
                let list = self.dwarf.unit.ranges.add(RangeList(pairs.collect()));
                (AttributeValue::RangeListRef(list), None)
            }
        };
        let die = self.dwarf.unit.get_mut(id);
        match high {
            Some(high) => {
                die.set(gimli::DW_AT_low_pc, low);
                die.set(gimli::DW_AT_high_pc, high);
            }
            None => die.set(gimli::DW_AT_ranges, low),
        }
        die.set(gimli::DW_AT_call_file, AttributeValue::FileIndex(Some(caller)));
        die.set(gimli::DW_AT_call_line, AttributeValue::Udata(call.line.into()));
        die.set(gimli::DW_AT_call_column, AttributeValue::Udata(call.column.into()));
    }
}

/// The line rows of a function; `calls` are the files of its inlined calls.
fn line_rows(program: &mut LineProgram, f: &Function, file: FileId, calls: &[FileId]) {
    let Some(info) = &f.atom.view.function else { return };
    // A function's first byte has a row, so that no line of the function before it goes on there.
    let first = f.rows.first();
    if first.is_none_or(|r| r.offset != 0) {
        let row = program.row();
        (row.address_offset, row.file, row.line, row.column) = (f.start, file, info.line.into(), 0);
        row.is_statement = true;
        program.generate_row();
    }
    for r in f.rows.iter() {
        let file = r.call.map_or(file, |c| calls[c as usize]);
        let row = program.row();
        row.address_offset = f.start + u64::from(r.offset);
        (row.file, row.line, row.column) = (file, r.line.into(), r.column.into());
        (row.is_statement, row.prologue_end) = (r.is_stmt, r.prologue_end);
        program.generate_row();
    }
}

fn frames(start: &FrameStart, functions: &[Function], loaded: bool) -> FrameTable {
    let mut table = FrameTable::default();
    // Version 4 is the call frame format of DWARF 4 and 5; loaded frames have their own, with version 1.
    let version = if loaded { 1 } else { 4 };
    let encoding = Encoding { format: Format::Dwarf32, version, address_size: 8 };
    let return_address = Register(start.return_address);
    let mut cie = CommonInformationEntry::new(encoding, start.code_alignment, DATA_ALIGNMENT, return_address);
    cie.add_instruction(CallFrameInstruction::Cfa(Register(start.stack_pointer), start.cfa_offset));
    if let Some(at) = start.return_address_at {
        cie.add_instruction(CallFrameInstruction::Offset(return_address, at));
    }
    if loaded {
        cie.fde_address_encoding = gimli::DwEhPe(gimli::DW_EH_PE_pcrel.0 | gimli::DW_EH_PE_sdata4.0);
    }
    let cie = table.add_cie(cie);
    for f in functions {
        let mut fde = FrameDescriptionEntry::new(code(f.start), f.size as u32);
        let Some(info) = &f.atom.view.function else { continue };
        for &(at, op) in &info.frame.ops {
            let instruction = match op {
                CfiOp::DefCfa(r, offset) => CallFrameInstruction::Cfa(Register(r), offset),
                CfiOp::DefCfaOffset(offset) => CallFrameInstruction::CfaOffset(offset),
                CfiOp::DefCfaRegister(r) => CallFrameInstruction::CfaRegister(Register(r)),
                CfiOp::Offset(r, offset) | CfiOp::WholeOffset(r, offset) => {
                    CallFrameInstruction::Offset(Register(r), offset)
                }
                CfiOp::Restore(r) => CallFrameInstruction::Restore(Register(r)),
                CfiOp::RememberState => CallFrameInstruction::RememberState,
                CfiOp::RestoreState => CallFrameInstruction::RestoreState,
                CfiOp::NoCaller => CallFrameInstruction::Undefined(return_address),
            };
            fde.add_instruction(at, instruction);
        }
        table.add_fde(cie, fde);
    }
    table
}
