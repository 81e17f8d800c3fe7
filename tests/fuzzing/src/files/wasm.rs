//! Modules of WebAssembly: what the link must do, said again from the file it wrote.
//!
//! Functions of random instructions with all kinds of insertions, and data that refers to functions
//! and data. A validator's reader gives every instruction with its offset and operand. From that:
//! exactly the reachable functions are there; calls, types and function pointers mean what they
//! should; all references to a data item agree on one address, where its bytes are; numbers are in
//! their shortest form; the pc table and the line program give every instruction its line.

use super::dwarf::{Debug, Row, frames};
use super::program::{self, Item, Program, Reference, To, contents, count};
use crate::choices::Choices;
use mochi_objwrite::{AtomKind, FunctionInfo, LineRow, RelocKind, Target, leb, pctab};
use std::collections::{BTreeMap, BTreeSet};
use wasmparser::{DataKind, ElementItems, ElementKind, Operator, Parser, Payload};

/// An instruction of a function, with its meaning for the judge.
#[derive(Clone, Copy, Debug)]
enum Inst {
    Nops(usize),
    Call(usize),
    Addr(usize, i64),
    Pc(i64),
    Block(usize),
}

/// Opcodes (Core, section 5.4).
const BLOCK: u8 = 0x02;
const NOP: u8 = 0x01;
const END: u8 = 0x0B;
const CALL: u8 = 0x10;
const DROP: u8 = 0x1A;
const CONST: u8 = 0x42;
const I64: u8 = 0x7E;

/// A type of `n` parameters and as many results; many, so that indices of two bytes occur.
fn block_type(n: usize) -> Vec<u8> {
    let words = vec![I64; n];
    [&[n as u8], &words[..], &[n as u8], &words[..]].concat()
}

/// Judges a random module.
pub(super) fn executable(choices: &mut Choices, target: Target) {
    let count = 1 + count(choices, &[10, 40, 200]);
    let mut items: Vec<Item> = (0..count).map(|i| item(choices, i)).collect();
    let is_text: Vec<bool> = items.iter().map(|i| i.kind == AtomKind::Text).collect();
    let mut insts = vec![Vec::new(); count];
    for i in 0..count {
        match items[i].kind {
            AtomKind::Text => insts[i] = code(choices, &mut items[i], i, &is_text),
            AtomKind::RelRo | AtomKind::Data | AtomKind::Roots => words(choices, &mut items[i], &is_text),
            AtomKind::ReadOnly | AtomKind::Bss => {}
        }
    }
    let mut program = Program { target, items };
    program.hide(choices);
    let bytes =
        super::link(&program.objects(), true, choices.below(2) == 1).unwrap_or_else(|e| panic!("{e}"));
    check(&program, &insts, &bytes);
}

fn item(choices: &mut Choices, index: usize) -> Item {
    use AtomKind::*;
    let kind = if index == 0 { Text } else { choices.pick(&[Text, Text, ReadOnly, RelRo, Data, Roots, Bss]) };
    let size = if kind == Text { 0 } else { 1 + count(choices, &[20, 100, 400]) };
    let (bytes, zero_size) = match kind {
        Bss => (Vec::new(), size as u64 * choices.pick(&[1, 40, 300])),
        _ => (contents(choices, size), 0),
    };
    let align = if kind == Text { 1 } else { 8 << choices.below(4) };
    let name = if index == 0 { "_start".into() } else { format!("item{index}") };
    let input = if index == 0 { 0 } else { choices.below(2) };
    Item { name, global: true, kind, align, bytes, zero_size, references: Vec::new(), function: None, input }
}

/// Fills a function: no parameters, results or locals, then instructions, each on a line of its own.
fn code(choices: &mut Choices, item: &mut Item, own: usize, is_text: &[bool]) -> Vec<Inst> {
    let addend = |choices: &mut Choices| if choices.below(2) == 0 { 0 } else { choices.below(40) as i64 };
    let mut insts = Vec::new();
    while insts.len() < 20 && choices.below(8) != 0 {
        let other = choices.below(is_text.len());
        insts.push(match choices.below(6) {
            // Far apart, so that numbers of code offsets have every size.
            0 => Inst::Nops(1 + count(choices, &[5, 5, 5, 5, 5, 20_000])),
            1 => Inst::Call(if is_text[other] { other } else { 0 }),
            2 | 3 => Inst::Addr(other, if is_text[other] { 0 } else { addend(choices) }),
            4 => Inst::Pc(addend(choices)),
            _ => Inst::Block(choices.below(90)),
        });
    }
    let file = (choices.below(3) != 0).then(|| choices.below(3) as u32);
    let inlined = file.map_or(Vec::new(), |_| program::inlined(choices));
    let mut lines = Vec::new();
    let mut line = |bytes: &[u8], line: usize| {
        let (offset, call) = (bytes.len() as u32, program::call(choices, &inlined));
        let (line, column, is_stmt, prologue_end) = (line as u32, 1, true, false);
        lines.push(LineRow { offset, line, column, is_stmt, prologue_end, call });
    };
    let refer =
        |bytes: &[u8], kind, to, addend| Reference { at: bytes.len() as u32, kind, to: To::Item(to), addend };
    let (bytes, references) = (&mut item.bytes, &mut item.references);
    bytes.extend([0, 0, 0]);
    line(bytes, 1);
    for (i, &inst) in insts.iter().enumerate() {
        line(bytes, i + 2);
        match inst {
            Inst::Nops(n) => bytes.resize(bytes.len() + n, NOP),
            Inst::Call(f) => {
                bytes.push(CALL);
                references.push(refer(bytes, RelocKind::WasmFunc, f, 0));
            }
            Inst::Addr(x, addend) => {
                bytes.push(CONST);
                references.push(refer(bytes, RelocKind::WasmAddr, x, addend));
                bytes.push(DROP);
            }
            Inst::Pc(addend) => {
                bytes.push(CONST);
                references.push(refer(bytes, RelocKind::WasmPc, own, addend));
                bytes.push(DROP);
            }
            Inst::Block(n) => {
                bytes.extend([CONST, 0].repeat(n));
                bytes.push(BLOCK);
                let ty = block_type(n);
                references.push(refer(bytes, RelocKind::WasmType, own, ty.len() as i64));
                bytes.extend(ty);
                bytes.push(END);
                bytes.resize(bytes.len() + n, DROP);
            }
        }
    }
    line(bytes, insts.len() + 2);
    bytes.push(END);
    item.function = Some(FunctionInfo {
        display: format!("the {}", item.name),
        file,
        line: 1,
        lines,
        inlined,
        ..FunctionInfo::default()
    });
    insts
}

fn words(choices: &mut Choices, item: &mut Item, is_text: &[bool]) {
    let mut at = 0;
    while at + 8 <= item.bytes.len() && choices.below(5) != 0 {
        let to = choices.below(is_text.len());
        let addend = if is_text[to] { 0 } else { choices.below(40) as i64 };
        item.references.push(Reference { at: at as u32, kind: RelocKind::Abs64, to: To::Item(to), addend });
        at += 8 * (1 + choices.below(5));
    }
}

/// An instruction as read: code offset, size, what it is.
struct Read {
    at: u64,
    size: u64,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum What {
    Call(u32),
    Constant(i64),
    Block(u32),
    Other,
}

/// A module as its reader sees it.
#[derive(Default)]
struct File {
    functions: Vec<Vec<Read>>,
    /// Functions in the table from 1 on.
    table: Vec<u32>,
    memory: Vec<u8>,
    types: Vec<(usize, usize)>,
    names: Vec<String>,
    sections: BTreeMap<String, Vec<u8>>,
}

fn read(bytes: &[u8]) -> File {
    let mut file = File::default();
    let mut code_at = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.expect("readable") {
            Payload::TypeSection(types) => {
                for ty in types.into_iter_err_on_gc_types() {
                    let ty = ty.expect("a type");
                    file.types.push((ty.params().len(), ty.results().len()));
                }
            }
            Payload::CodeSectionStart { range, .. } => code_at = range.start,
            Payload::CodeSectionEntry(body) => file.functions.push(instructions(&body, code_at)),
            Payload::ElementSection(elements) => {
                for element in elements {
                    let element = element.expect("an element");
                    assert!(matches!(element.kind, ElementKind::Active { .. }));
                    let ElementItems::Functions(functions) = element.items else { panic!("functions") };
                    file.table = functions.into_iter().map(|f| f.expect("a function")).collect();
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    file.memory = vec![0; memory.expect("a memory").initial as usize * 65536];
                }
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    let segment = segment.expect("a segment");
                    let DataKind::Active { offset_expr, .. } = segment.kind else { panic!("active") };
                    let offset = offset_expr.get_operators_reader().read().expect("an offset");
                    let Operator::I32Const { value } = offset else { panic!("{offset:?}") };
                    let at = value as u32 as usize;
                    file.memory[at..at + segment.data.len()].copy_from_slice(segment.data);
                }
            }
            Payload::CustomSection(section) => {
                if let wasmparser::KnownCustom::Name(names) = section.as_known() {
                    file.names = function_names(names);
                }
                file.sections.insert(section.name().to_string(), section.data().to_vec());
            }
            _ => {}
        }
    }
    file
}

fn instructions(body: &wasmparser::FunctionBody, code_at: usize) -> Vec<Read> {
    let reader = body.get_operators_reader().expect("readable");
    let ops: Vec<(Operator, usize)> =
        reader.into_iter_with_offsets().map(|o| o.expect("an instruction")).collect();
    let ends = ops.iter().skip(1).map(|o| o.1).chain([body.range().end]);
    let read = |((op, at), end): (&(Operator, usize), usize)| Read {
        at: (at - code_at) as u64,
        size: (end - at) as u64,
        what: match op {
            Operator::Call { function_index } => What::Call(*function_index),
            Operator::I64Const { value } => What::Constant(*value),
            Operator::Block { blockty: wasmparser::BlockType::FuncType(t) } => What::Block(*t),
            _ => What::Other,
        },
    };
    ops.iter().zip(ends).map(read).collect()
}

fn function_names(parts: wasmparser::NameSectionReader) -> Vec<String> {
    let mut list = Vec::new();
    for part in parts {
        let wasmparser::Name::Function(map) = part.expect("readable") else { panic!("only functions") };
        for naming in map {
            let naming = naming.expect("a name");
            assert_eq!(naming.index as usize, list.len());
            list.push(naming.name.to_string());
        }
    }
    list
}

struct Judge<'a> {
    program: &'a Program,
    file: File,
    rows: Vec<Row>,
    /// Addresses of data, as references have them.
    addresses: BTreeMap<usize, i64>,
}

impl Judge<'_> {
    /// A reference to an item has this value.
    fn refers(&mut self, item: usize, value: i64, addend: i64) {
        if self.program.items[item].kind == AtomKind::Text {
            let function = self.file.table[value as usize - 1];
            assert_eq!(self.file.names[function as usize], self.program.items[item].name);
        } else {
            let address = *self.addresses.entry(item).or_insert(value - addend);
            assert_eq!(address, value - addend);
        }
    }

    /// Both tables give the instruction its line.
    fn has_line(&self, item: &Item, read: &Read, pc_table: &[u8], line: usize) {
        let rows = &item.function.as_ref().expect("code").lines;
        let row = rows.iter().find(|r| r.line as usize == line).expect("a row");
        let expected = frames(item, row.line, row.call);
        for at in [read.at, read.at + read.size - 1] {
            assert_eq!(pctab::lookup(pc_table, at as u32), expected, "pc table at {at:#x}");
        }
        if let Some(name) = expected.map(|frames| frames[0].file) {
            let next = self.rows.partition_point(|r| r.address <= read.at);
            let row = &self.rows[next - 1];
            assert_eq!(
                (row.file.as_str(), row.line as usize, row.end),
                (name, line, false),
                "{:#x}",
                read.at
            );
        }
    }

    fn function(&mut self, item: usize, insts: &[Inst], body: &[Read], pc_table: &[u8]) {
        let own = &self.program.items[item];
        let mut rest = body.iter();
        for (i, inst) in insts.iter().enumerate() {
            let mut next = |judge: &Self| {
                let read = rest.next().expect("an instruction");
                judge.has_line(own, read, pc_table, i + 2);
                (read.what, read)
            };
            match *inst {
                Inst::Nops(n) => (0..n).for_each(|_| assert_eq!(next(self).0, What::Other)),
                Inst::Call(f) => {
                    let (What::Call(index), read) = next(self) else { panic!("{inst:?}") };
                    assert_eq!(self.file.names[index as usize], self.program.items[f].name);
                    assert_eq!(read.size as usize, 1 + leb::size(index.into()));
                }
                Inst::Pc(addend) => {
                    let (what, read) = next(self);
                    assert_eq!(what, What::Constant(read.at as i64 + 1 + addend));
                    next(self);
                }
                Inst::Addr(x, addend) => {
                    let (What::Constant(value), read) = next(self) else { panic!("{inst:?}") };
                    assert_eq!(read.size as usize, 1 + leb::size_signed(value));
                    next(self);
                    self.refers(x, value, addend);
                }
                Inst::Block(n) => {
                    (0..n).for_each(|_| assert_eq!(next(self).0, What::Constant(0)));
                    let (What::Block(ty), _) = next(self) else { panic!("{inst:?}") };
                    assert_eq!(self.file.types[ty as usize], (n, n));
                    (0..=n).for_each(|_| assert_eq!(next(self).0, What::Other));
                }
            }
        }
        self.has_line(own, rest.next().expect("the end"), pc_table, insts.len() + 2);
        assert!(rest.next().is_none());
    }

    fn data(&mut self) {
        let mut checked = BTreeSet::new();
        while let Some((&i, &address)) = self.addresses.iter().find(|(i, _)| !checked.contains(*i)) {
            checked.insert(i);
            let program = self.program;
            let item = &program.items[i];
            assert!(address >= 1024 && address % i64::from(item.align) == 0);
            let theirs = self.file.memory[address as usize..][..item.size() as usize].to_vec();
            for r in &item.references {
                let value = i64::from_le_bytes(theirs[r.place()].try_into().expect("eight bytes"));
                let To::Item(to) = r.to else { panic!("{r:?}") };
                self.refers(to, value, r.addend);
            }
            let ours = if item.kind == AtomKind::Bss { vec![0; theirs.len()] } else { item.bytes.clone() };
            assert_eq!(item.without_references(theirs), item.without_references(ours));
        }
        let end = |i: usize, address: i64| address + self.program.items[i].size() as i64;
        let mut places: Vec<(i64, i64)> = self.addresses.iter().map(|(&i, &a)| (a, end(i, a))).collect();
        places.sort_unstable();
        assert!(places.windows(2).all(|w| w[0].1 <= w[1].0), "data overlaps");
    }
}

fn check(program: &Program, insts: &[Vec<Inst>], bytes: &[u8]) {
    if let Err(e) = wasmparser::Validator::new().validate_all(bytes) {
        panic!("{e}");
    }
    let mut file = read(bytes);
    let kept = program.reachable(&[0]);
    let text = |&&i: &&usize| program.items[i].kind == AtomKind::Text;
    let expected: BTreeSet<&str> =
        kept.iter().filter(text).map(|&i| program.items[i].name.as_str()).collect();
    assert_eq!(file.names.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    let magic = pctab::MAGIC.to_le_bytes();
    let at = file.memory.windows(4).rposition(|w| w == magic).expect("a pc table");
    let pc_table = file.memory[at..].to_vec();
    let debug = Debug { sections: std::mem::take(&mut file.sections), ..Debug::default() };
    let functions = std::mem::take(&mut file.functions);
    let by_name = program.by_name();
    let items: Vec<usize> = file.names.iter().map(|n| by_name[n.as_str()]).collect();
    let mut judge = Judge { program, file, rows: debug.rows(4), addresses: BTreeMap::new() };
    for (body, item) in functions.iter().zip(items) {
        judge.function(item, &insts[item], body, &pc_table);
    }
    judge.data();
    assert_eq!(judge.addresses.len(), kept.len() - expected.len(), "the reachable data");
}
