//! Random programs: atoms of all kinds with references, line rows and call frames, divided between
//! an object and an archive.

use crate::choices::Choices;
use mochi_objwrite::link::resolve::LinkerSymbol;
use mochi_objwrite::reloc::RELOCS;
use mochi_objwrite::{
    Arch, Atom, AtomKind, CfiOp, FrameInfo, FunctionInfo, InlinedCall, LineRow, Object, RelocEntry,
    RelocKind, SymRef, Symbol, Target,
};
use std::collections::{BTreeMap, BTreeSet};

/// What a reference is to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum To {
    /// An item of the program.
    Item(usize),
    /// A symbol of the linker.
    Linker(&'static str),
    /// A symbol that nothing here defines.
    External(&'static str),
}

/// A relocation.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub at: u32,
    pub kind: RelocKind,
    pub to: To,
    pub addend: i64,
}

impl Reference {
    /// The bytes that the relocation covers.
    pub fn place(&self) -> std::ops::Range<usize> {
        let at = self.at as usize;
        at..at + self.kind.row().bytes as usize
    }
}

/// A function or a data item.
pub(super) struct Item {
    pub name: String,
    pub global: bool,
    pub kind: AtomKind,
    pub align: u32,
    pub bytes: Vec<u8>,
    pub zero_size: u64,
    pub references: Vec<Reference>,
    /// The index of a file is one of [`FILES`].
    pub function: Option<FunctionInfo>,
    /// The object or the archive.
    pub input: usize,
}

impl Item {
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64 + self.zero_size
    }

    /// Contents with zeros where relocations are.
    pub fn without_references(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        self.references.iter().for_each(|r| bytes[r.place()].fill(0));
        bytes
    }
}

/// A program. The first item is `_start`.
pub(super) struct Program {
    pub target: Target,
    pub items: Vec<Item>,
}

/// Source files.
pub(super) const FILES: [&str; 3] = ["main.mochi", "lib/räume.mochi", "lib/a b.mochi"];
/// Names for people.
const DISPLAY: [&str; 4] = ["main", "größer", "map<int, string>", ""];
const EXTERNAL: [&str; 3] = ["malloc", "free", "räume"];
/// Slots of functions that the libraries of some systems have.
const SLOTS: [&str; 6] = [
    "__imp_write",
    "__imp___error",
    "__imp__exit",
    "__imp_WriteFile",
    "__imp_ExitProcess",
    "__imp_SystemFunction036",
];

/// Contents: different everywhere, and cheap in choices.
pub(super) fn contents(choices: &mut Choices, size: usize) -> Vec<u8> {
    let (first, step) = (choices.below(256), choices.below(256) | 1);
    (0..size).map(|i| (first + i * step) as u8).collect()
}

/// Decides on sizes: small ones are more likely.
pub(super) fn count(choices: &mut Choices, limits: &[usize]) -> usize {
    let most = choices.pick(limits);
    choices.below(most)
}

impl Program {
    /// A program of which an object exports the first item and some others: their indices.
    pub fn with_exports(choices: &mut Choices, target: Target) -> (Program, Vec<usize>) {
        let mut program = Program::new(choices, target, true);
        let mut exports = vec![0];
        for i in 1..program.items.len() {
            if choices.below(4) == 0 {
                program.items[i].global = true;
                exports.push(i);
            }
        }
        (program, exports)
    }

    /// A program for a machine of instructions. Only objects leave more to others than slots.
    pub fn new(choices: &mut Choices, target: Target, externals: bool) -> Program {
        let count = 1 + count(choices, &[4, 12, 40]);
        let long = choices.below(16) == 15;
        let mut items: Vec<Item> = (0..count).map(|i| item(choices, target.arch, i, long)).collect();
        let plain = EXTERNAL.into_iter().filter(|_| externals);
        let slots = SLOTS.into_iter().filter(|name| target.platform.import(name).is_some());
        let external: Vec<&str> = plain.chain(slots).collect();
        let linker = LinkerSymbol::EVERYWHERE.iter().chain(target.platform.linker_symbols);
        let names = Names { linker: linker.map(|s| s.name()).collect(), external };
        for i in 0..count {
            references(choices, target.arch, &mut items, i, &names);
        }
        let mut program = Program { target, items };
        program.hide(choices);
        program
    }

    /// Makes some symbols local: of items that only their own input refers to.
    pub fn hide(&mut self, choices: &mut Choices) {
        let mut local: Vec<bool> = (0..self.items.len()).map(|i| i != 0 && choices.below(3) == 0).collect();
        for item in &self.items {
            for r in &item.references {
                if let To::Item(to) = r.to {
                    local[to] &= self.items[to].input == item.input;
                }
            }
        }
        for (item, local) in self.items.iter_mut().zip(local) {
            item.global = !local;
        }
    }

    /// What the roots reach, with them.
    pub fn reachable(&self, roots: &[usize]) -> BTreeSet<usize> {
        let mut seen: BTreeSet<usize> = roots.iter().copied().collect();
        let mut work = roots.to_vec();
        while let Some(i) = work.pop() {
            let items = self.items[i].references.iter().filter_map(|r| match r.to {
                To::Item(to) => Some(to),
                _ => None,
            });
            work.extend(items.filter(|&to| seen.insert(to)));
        }
        seen
    }

    /// The items with these names.
    pub fn by_name(&self) -> BTreeMap<&str, usize> {
        self.items.iter().enumerate().map(|(i, item)| (item.name.as_str(), i)).collect()
    }

    /// The object, and what is to be an archive.
    pub fn objects(&self) -> [Object; 2] {
        let mut objects = [Object::new(self.target), Object::new(self.target)];
        let mut symbols = [BTreeMap::new(), BTreeMap::new()];
        objects[0].files = FILES.map(String::from).to_vec();
        // The same file has another index in the other input.
        objects[1].files = FILES.iter().rev().map(|f| f.to_string()).collect();
        for item in &self.items {
            let (object, symbols) = (&mut objects[item.input], &mut symbols[item.input]);
            let mut symbol = |to: To| {
                *symbols.entry(to).or_insert_with(|| {
                    let (name, global) = match to {
                        To::Item(i) => (self.items[i].name.as_str(), self.items[i].global),
                        To::Linker(name) | To::External(name) => (name, true),
                    };
                    object.symbols.push(Symbol { name: name.to_string(), global });
                    SymRef(object.symbols.len() as u32 - 1)
                })
            };
            let own = self.items.iter().position(|i| std::ptr::eq(i, item)).expect("one of the items");
            let sym = symbol(To::Item(own));
            let entry = |r: &Reference| RelocEntry {
                offset: r.at,
                kind: r.kind,
                sym: symbol(r.to),
                addend: r.addend,
            };
            let relocs = item.references.iter().map(entry).collect();
            let mut function = item.function.clone();
            if let Some(FunctionInfo { file: Some(file), inlined, .. }) = &mut function
                && item.input == 1
            {
                let files = inlined.iter_mut().map(|c| &mut c.file).chain([file]);
                files.for_each(|file| *file = FILES.len() as u32 - 1 - *file);
            }
            object.atoms.push(Atom {
                sym,
                kind: item.kind,
                align: item.align,
                bytes: item.bytes.clone(),
                zero_size: item.zero_size,
                relocs,
                function,
            });
        }
        objects
    }
}

/// Distance of instructions.
fn step(arch: Arch) -> usize {
    match arch {
        Arch::X64 | Arch::Wasm32 => 1,
        Arch::A64 => 4,
        Arch::Rv64 => 2,
    }
}

/// Makes an item. Functions that are `long` do not reach each other by the shortest calls, but their ends.
fn item(choices: &mut Choices, arch: Arch, index: usize, long: bool) -> Item {
    use AtomKind::*;
    let kind = if index == 0 { Text } else { choices.pick(&[Text, ReadOnly, RelRo, Data, Roots, Bss]) };
    let step = step(arch);
    let mut size = count(choices, &[20, 100, 400]);
    if matches!(kind, Text | ReadOnly) && choices.below(16) == 15 {
        // So that what comes behind it is in other pages, and offsets have more bytes.
        size += choices.pick(&[4000, 70_000]);
    } else if kind == Text && long {
        size += 150_000 + choices.below(150_000);
    }
    let (bytes, zero_size) = match kind {
        Bss => (Vec::new(), 1 + size as u64 * choices.pick(&[1, 40, 1000])),
        Text => (contents(choices, size.next_multiple_of(step)), 0),
        _ => (contents(choices, size), 0),
    };
    let align = (1 << choices.below(8)).max(if kind == Text { step as u32 } else { 8 });
    let function =
        (kind == Text && choices.below(4) != 0).then(|| function(choices, bytes.len() as u32, step as u32));
    let name = if index == 0 { "_start".into() } else { format!("item{index}") };
    let input = if index == 0 { 0 } else { choices.below(2) };
    Item { name, global: true, kind, align, bytes, zero_size, references: Vec::new(), function, input }
}

/// Some inlined calls, each in the function or in one before it.
pub(super) fn inlined(choices: &mut Choices) -> Vec<InlinedCall> {
    let mut calls = Vec::new();
    while calls.len() < 6 && choices.below(2) == 0 {
        calls.push(InlinedCall {
            display: choices.pick(&DISPLAY).to_string(),
            file: choices.below(FILES.len()) as u32,
            declared: choices.below(3) as u32,
            line: 1 + choices.below(300) as u32,
            column: choices.below(90) as u32,
            call: call(choices, &calls),
        });
    }
    calls
}

/// One of the calls, or none.
pub(super) fn call(choices: &mut Choices, calls: &[InlinedCall]) -> Option<u32> {
    (choices.below(calls.len() + 1) as u32).checked_sub(1)
}

/// Line rows, inlined calls and call frames for code of this size.
fn function(choices: &mut Choices, size: u32, step: u32) -> FunctionInfo {
    let file = (choices.below(3) != 0).then(|| choices.below(FILES.len()) as u32);
    let inlined = file.map_or(Vec::new(), |_| inlined(choices));
    let mut lines = Vec::new();
    let mut at = choices.below(3) as u32 * step;
    while at < size && choices.below(5) != 0 {
        lines.push(LineRow {
            offset: at,
            line: choices.pick(&[0, 1, 7, 100, 70_000]) + choices.below(5) as u32,
            column: choices.below(90) as u32,
            is_stmt: choices.below(2) == 0,
            prologue_end: choices.below(4) == 0,
            call: call(choices, &inlined),
        });
        at += (1 + choices.below(60) as u32) * choices.pick(&[1, 1, 1, 500]) * step;
    }
    let mut ops = Vec::new();
    let (mut at, mut depth) = (0, 0);
    while at <= size && choices.below(5) != 0 {
        let register = choices.below(32) as u16;
        let offset = choices.below(600) as i32 * 8;
        let op = match choices.below(10) {
            0 => CfiOp::DefCfa(register, offset),
            1 => CfiOp::DefCfaOffset(offset),
            2 => CfiOp::DefCfaRegister(register),
            3 => CfiOp::Restore(register),
            4 if depth < 2 => CfiOp::RememberState,
            5 if depth > 0 => CfiOp::RestoreState,
            6 => CfiOp::NoCaller,
            7 => CfiOp::WholeOffset(register, 800 - offset),
            _ => CfiOp::Offset(register, 800 - offset),
        };
        depth += i32::from(op == CfiOp::RememberState) - i32::from(op == CfiOp::RestoreState);
        ops.push((at, op));
        at += choices.pick(&[0, 1, 2, 30, 300, 20_000]) * step;
    }
    FunctionInfo {
        display: choices.pick(&DISPLAY).to_string(),
        file,
        line: 1 + choices.below(2000) as u32,
        code_size: size - choices.below(size as usize / step as usize + 1).min(40) as u32 * step,
        lines,
        inlined,
        frame: FrameInfo { ops },
    }
}

/// The relocations that an item of a kind can have.
fn kinds(arch: Arch, kind: AtomKind) -> Vec<RelocKind> {
    let fits = |r: RelocKind| match kind {
        AtomKind::Text => r != RelocKind::Abs64,
        AtomKind::ReadOnly => r == RelocKind::Rel32,
        AtomKind::RelRo | AtomKind::Data | AtomKind::Roots => {
            matches!(r, RelocKind::Abs64 | RelocKind::Rel32)
        }
        AtomKind::Bss => false,
    };
    let rows = RELOCS.iter().filter(|r| r.elf_number(arch).is_some() && r.kind != RelocKind::Abs32);
    rows.map(|r| r.kind).filter(|&k| fits(k)).collect()
}

/// What references can be to beside items.
struct Names {
    linker: Vec<&'static str>,
    external: Vec<&'static str>,
}

fn references(choices: &mut Choices, arch: Arch, items: &mut [Item], from: usize, names: &Names) {
    let (kind, size) = (items[from].kind, items[from].bytes.len());
    let step = if kind == AtomKind::Text { step(arch) } else { 1 };
    let kinds = kinds(arch, kind);
    let mut at = choices.below(5) * step;
    while !kinds.is_empty() && choices.below(5) != 0 {
        let (to, align) = match choices.below(8) {
            0 => (To::Linker(choices.pick(&names.linker)), 1),
            1 if !names.external.is_empty() => (To::External(choices.pick(&names.external)), 8),
            _ => {
                let to = choices.below(items.len());
                (To::Item(to), items[to].align)
            }
        };
        let fitting: Vec<RelocKind> =
            kinds.iter().copied().filter(|k| k.row().align <= align.into()).collect();
        if fitting.is_empty() {
            continue;
        }
        let kind = choices.pick(&fitting);
        at = if kind == RelocKind::Abs64 { at.next_multiple_of(8) } else { at };
        let addend = (choices.below(2000) as i64 - 1000) * kind.row().align as i64;
        // Calls that leave the code: objects of some formats say only where a symbol is, or a place behind one.
        let addend = match to {
            To::External(_) if kind.veneer().is_some() => 0,
            To::Item(to) if items[to].kind == AtomKind::Text => addend,
            _ if kind.veneer().is_some() => addend.abs(),
            _ => addend,
        };
        let reference = Reference { at: at as u32, kind, to, addend };
        if reference.place().end > size {
            return;
        }
        clear_unused(kind, &mut items[from].bytes[reference.place()]);
        at = reference.place().end + choices.below(20) * step;
        items[from].references.push(reference);
    }
}

/// Bits of an instruction's field that the relocation leaves alone are zero in what a compiler emits.
fn clear_unused(kind: RelocKind, unit: &mut [u8]) {
    use RelocKind::*;
    if matches!(kind, A64Ldst16Lo12 | A64Ldst32Lo12 | A64Ldst64Lo12) {
        (unit[1], unit[2]) = (unit[1] & 3, unit[2] & 0xC0);
    }
}
