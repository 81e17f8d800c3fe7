//! Random modules: what the link must do, said again from the file it wrote.
//!
//! Functions of random instructions with all kinds of insertions, and data that refers to functions
//! and data. A validator's reader gives every instruction with its offset and operand. From that:
//! exactly the reachable functions are there; calls, types and function pointers mean what they
//! should; all references to a data item agree on one address, where its bytes are; numbers are in
//! their shortest form; the pc table and the line program give every instruction its line.

use crate::support::*;
use crate::wasm::{Code, NOTHING, dwarf_line, module, names, target, validated};
use mochi_objwrite::{AtomKind, RelocKind, leb, pctab};
use std::collections::{BTreeMap, BTreeSet};
use wasmparser::{DataKind, ElementItems, ElementKind, Operator, Parser, Payload};

/// An instruction of a test function, with its meaning for the judge.
#[derive(Clone, Debug)]
enum Inst {
    Nops(u32),
    Call(usize),
    Addr(usize, i64),
    Pc(i64),
    Block(usize),
}

struct Item {
    name: String,
    kind: AtomKind,
    align: u32,
    size: u64,
    insts: Vec<Inst>,
    /// Of data: offset, item, addend.
    words: Vec<(u32, usize, i64)>,
    file: bool,
}

/// Types of blocks; many, so that indices of two bytes occur.
fn block_type(n: usize) -> Vec<u8> {
    let params = vec![0x7E; n];
    [&[n as u8], &params[..], &[n as u8], &params[..]].concat()
}

fn program(r: &mut Random) -> Vec<Item> {
    let most = [40, 40, 40, 400][r.below(4) as usize];
    let count = 1 + r.below(most) as usize;
    let item = |i: usize, r: &mut Random| {
        use AtomKind::*;
        let kind = if i == 0 { Text } else { [Text, Text, ReadOnly, RelRo, Data, Bss][r.below(6) as usize] };
        let other = |r: &mut Random| r.below(count as u64) as usize;
        let addend = |r: &mut Random| if r.below(2) == 0 { 0 } else { r.below(40) as i64 };
        let mut insts = Vec::new();
        let mut words = Vec::new();
        let size = 1 + r.below(400) * if kind == Bss { 1 + r.below(300) } else { 1 };
        if kind == Text {
            for _ in 0..r.below(20) {
                insts.push(match r.below(6) {
                    0 => {
                        let most = [5, 5, 5, 5, 5, 20_000][r.below(6) as usize];
                        Inst::Nops(1 + r.below(most) as u32)
                    }
                    1 => Inst::Call(other(r)),
                    2 | 3 => Inst::Addr(other(r), addend(r)),
                    4 => Inst::Pc(addend(r)),
                    _ => Inst::Block(r.below(90) as usize),
                });
            }
        } else if matches!(kind, RelRo | Data) {
            let mut at = 0;
            while at + 8 <= size as u32 && r.below(5) != 0 {
                words.push((at, other(r), addend(r)));
                at += 8 * (1 + r.below(5) as u32);
            }
        }
        let align = if kind == Text { 1 } else { 8 << r.below(4) };
        Item { name: format!("atom{i}"), kind, align, size, insts, words, file: r.below(3) != 0 }
    };
    let mut items: Vec<Item> = (0..count).map(|i| item(i, r)).collect();
    items[0].name = "_start".into();
    // Calls are of functions, and addends only of data.
    let is_text: Vec<bool> = items.iter().map(|i| i.kind == AtomKind::Text).collect();
    for item in &mut items {
        for inst in &mut item.insts {
            match inst {
                Inst::Call(f) if !is_text[*f] => *f = 0,
                Inst::Addr(x, addend) if is_text[*x] => *addend = 0,
                _ => {}
            }
        }
        item.words.iter_mut().filter(|w| is_text[w.1]).for_each(|w| w.2 = 0);
    }
    items
}

fn byte(item: &Item, at: u64) -> u8 {
    (item.name.len() as u64 + at * 7) as u8
}

fn build(items: &[Item]) -> Builder {
    let mut b = Builder::of(target());
    b.0.files = vec!["a.mochi".into()];
    for item in items {
        let name = item.name.as_str();
        if item.kind != AtomKind::Text {
            let relocs: Vec<_> = item
                .words
                .iter()
                .map(|&(at, to, a)| (at, RelocKind::Abs64, items[to].name.as_str(), a))
                .collect();
            let bss = item.kind == AtomKind::Bss;
            let bytes: Vec<u8> = (0..if bss { 0 } else { item.size }).map(|i| byte(item, i)).collect();
            let atom = b.atom(name, item.kind, &bytes, &relocs);
            atom.align = item.align;
            atom.zero_size = if bss { item.size } else { 0 };
            continue;
        }
        let mut code = Code::new(NOTHING).line(1);
        for (i, inst) in item.insts.iter().enumerate() {
            code = code.line(i as u32 + 2);
            code = match inst {
                Inst::Nops(n) => code.hex(&"01".repeat(*n as usize)),
                Inst::Call(f) => code.call(&items[*f].name),
                Inst::Addr(x, addend) => code.addr(&items[*x].name, *addend).hex("1A"),
                Inst::Pc(addend) => code.pc(name, *addend).hex("1A"),
                Inst::Block(n) => {
                    let constants = "4200".repeat(*n);
                    let drops = "1A".repeat(*n);
                    code.hex(&constants).typed("02", name, &block_type(*n)).hex("0B").hex(&drops)
                }
            };
        }
        let line = item.insts.len() as u32 + 2;
        code.line(line).end(&mut b, name, item.file.then_some(0));
    }
    b
}

fn reachable(items: &[Item]) -> BTreeSet<usize> {
    let mut seen = BTreeSet::from([0]);
    let mut work = vec![0];
    while let Some(i) = work.pop() {
        let called = items[i].insts.iter().filter_map(|inst| match inst {
            Inst::Call(x) | Inst::Addr(x, _) => Some(*x),
            _ => None,
        });
        let all: Vec<usize> = called.chain(items[i].words.iter().map(|w| w.1)).collect();
        work.extend(all.into_iter().filter(|&to| seen.insert(to)));
    }
    seen
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
}

fn read(bytes: &[u8]) -> File {
    let mut file = File::default();
    let mut code_at = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.unwrap() {
            Payload::TypeSection(types) => {
                for ty in types.into_iter_err_on_gc_types() {
                    let ty = ty.unwrap();
                    file.types.push((ty.params().len(), ty.results().len()));
                }
            }
            Payload::CodeSectionStart { range, .. } => code_at = range.start,
            Payload::CodeSectionEntry(body) => {
                let ops: Vec<(Operator, usize)> = body
                    .get_operators_reader()
                    .unwrap()
                    .into_iter_with_offsets()
                    .map(|o| o.unwrap())
                    .collect();
                let ends = ops.iter().skip(1).map(|o| o.1).chain([body.range().end]);
                let insts = ops.iter().zip(ends).map(|((op, at), end)| Read {
                    at: (at - code_at) as u64,
                    size: (end - at) as u64,
                    what: match op {
                        Operator::Call { function_index } => What::Call(*function_index),
                        Operator::I64Const { value } => What::Constant(*value),
                        Operator::Block { blockty: wasmparser::BlockType::FuncType(t) } => What::Block(*t),
                        _ => What::Other,
                    },
                });
                file.functions.push(insts.collect());
            }
            Payload::ElementSection(elements) => {
                for element in elements {
                    let element = element.unwrap();
                    assert!(matches!(element.kind, ElementKind::Active { .. }));
                    let ElementItems::Functions(functions) = element.items else { panic!() };
                    file.table = functions.into_iter().map(|f| f.unwrap()).collect();
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    file.memory = vec![0; memory.unwrap().initial as usize * 65536];
                }
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    let segment = segment.unwrap();
                    let DataKind::Active { offset_expr, .. } = segment.kind else { panic!() };
                    let Operator::I32Const { value } = offset_expr.get_operators_reader().read().unwrap()
                    else {
                        panic!()
                    };
                    let at = value as u32 as usize;
                    file.memory[at..at + segment.data.len()].copy_from_slice(segment.data);
                }
            }
            _ => {}
        }
    }
    file
}

struct Judge<'a> {
    items: &'a [Item],
    names: Vec<String>,
    file: File,
    /// Addresses of data, as references have them.
    addresses: BTreeMap<usize, i64>,
}

impl Judge<'_> {
    /// A reference to an item has this value.
    fn refers(&mut self, item: usize, value: i64, addend: i64) {
        if self.items[item].kind == AtomKind::Text {
            let function = self.file.table[value as usize - 1];
            assert_eq!(self.names[function as usize], self.items[item].name);
        } else {
            let address = *self.addresses.entry(item).or_insert(value - addend);
            assert_eq!(address, value - addend);
        }
    }

    fn function(&mut self, item: usize, insts: &[Read], pc_table: &[u8], module: &[u8]) {
        let mut rest = insts.iter();
        let expect_line = |at: u64, line: usize| {
            let found = pctab::lookup(pc_table, at as u32).map(|p| p.line as usize);
            assert_eq!(found, self.items[item].file.then_some(line), "pc table at {at:#x}");
        };
        // The line program is slow to read: only places where something was inserted.
        let expect_dwarf = |at: u64, line: usize| {
            if self.items[item].file && at.is_multiple_of(5) {
                assert_eq!(dwarf_line(module, at).map(|l| l.1 as usize), Some(line), "at {at:#x}");
            }
        };
        for (i, inst) in self.items[item].insts.iter().enumerate() {
            let line = i + 2;
            let mut next = || {
                let read = rest.next().expect("an instruction");
                expect_line(read.at, line);
                expect_line(read.at + read.size - 1, line);
                read
            };
            match inst {
                Inst::Nops(n) => (0..*n).for_each(|_| assert_eq!(next().what, What::Other)),
                Inst::Call(f) => {
                    let read = next();
                    let What::Call(index) = read.what else { panic!("{inst:?}: {:?}", read.what) };
                    assert_eq!(self.names[index as usize], self.items[*f].name);
                    assert_eq!(read.size as usize, 1 + leb::size(index.into()));
                    expect_dwarf(read.at, line);
                }
                Inst::Pc(addend) => {
                    let read = next();
                    assert_eq!(read.what, What::Constant(read.at as i64 + 1 + addend));
                    expect_dwarf(read.at, line);
                    next();
                }
                Inst::Addr(x, addend) => {
                    let read = next();
                    let What::Constant(value) = read.what else { panic!("{inst:?}: {:?}", read.what) };
                    assert_eq!(read.size as usize, 1 + leb::size_signed(value));
                    next();
                    self.refers(*x, value, *addend);
                }
                Inst::Block(n) => {
                    (0..*n).for_each(|_| assert_eq!(next().what, What::Constant(0)));
                    let read = next();
                    let What::Block(ty) = read.what else { panic!("{inst:?}: {:?}", read.what) };
                    assert_eq!(self.file.types[ty as usize], (*n, *n));
                    (0..=*n).for_each(|_| assert_eq!(next().what, What::Other));
                }
            }
        }
        let end = rest.next().expect("the end");
        expect_line(end.at, self.items[item].insts.len() + 2);
        assert!(rest.next().is_none());
    }

    fn data(&mut self) {
        let mut checked = BTreeSet::new();
        while let Some((&i, &address)) = self.addresses.iter().find(|(i, _)| !checked.contains(*i)) {
            checked.insert(i);
            let item = &self.items[i];
            assert!(address >= 1024 && address % i64::from(item.align) == 0);
            let mut expected: Vec<u8> =
                (0..item.size).map(|n| if item.kind == AtomKind::Bss { 0 } else { byte(item, n) }).collect();
            let mut theirs = self.file.memory[address as usize..][..item.size as usize].to_vec();
            for &(at, to, addend) in &item.words {
                let place = at as usize..at as usize + 8;
                let value = i64::from_le_bytes(theirs[place.clone()].try_into().unwrap());
                self.refers(to, value, addend);
                theirs[place.clone()].fill(0);
                expected[place].fill(0);
            }
            assert_eq!(theirs, expected);
        }
        let mut places: Vec<(i64, i64)> =
            self.addresses.iter().map(|(&i, &a)| (a, a + self.items[i].size as i64)).collect();
        places.sort_unstable();
        assert!(places.windows(2).all(|w| w[0].1 <= w[1].0), "data overlaps");
    }
}

fn check(items: &[Item], bytes: &[u8]) {
    let file = read(bytes);
    let kept = reachable(items);
    let expected: BTreeSet<String> =
        kept.iter().filter(|&&i| items[i].kind == AtomKind::Text).map(|&i| items[i].name.clone()).collect();
    let names = names(bytes);
    assert_eq!(names.iter().cloned().collect::<BTreeSet<_>>(), expected, "the reachable functions");
    let magic = pctab::MAGIC.to_le_bytes();
    let at = file.memory.windows(4).rposition(|w| w == magic).expect("a pc table");
    let pc_table = file.memory[at..].to_vec();
    let functions: Vec<usize> =
        names.iter().map(|n| items.iter().position(|i| i.name == *n).unwrap()).collect();
    let mut judge = Judge { items, names, file, addresses: BTreeMap::new() };
    let read = std::mem::take(&mut judge.file.functions);
    for (insts, &item) in read.iter().zip(&functions) {
        judge.function(item, insts, &pc_table, bytes);
    }
    judge.data();
    let data = kept.iter().filter(|&&i| items[i].kind != AtomKind::Text).count();
    assert_eq!(judge.addresses.len(), data, "the reachable data");
}

#[test]
fn random_modules() {
    for seed in 0..150 {
        let mut r = Random::new(seed);
        let items = program(&mut r);
        let object = build(&items).0;
        let link = || module(&object, "_start", Some(debug())).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let bytes = validated(link());
        assert_eq!(bytes, link(), "seed {seed}");
        check(&items, &bytes);
    }
}
