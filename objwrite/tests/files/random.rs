//! Random programs: what the link must do, said again from the file it wrote.
//!
//! Atoms of all kinds with random sizes, alignments and references are divided between an object
//! and an archive. From the executable's symbol table alone: exactly the reachable atoms are there,
//! aligned, apart from one another, in sections of their kind, with their bytes; every reference
//! has its value, and the relocation list names exactly the words that hold addresses.

use crate::support::*;
use mochi_objwrite::{Archive, AtomKind, LinkInput, Object, RelocKind, link};
use object::read::elf::ElfFile64;
use object::{LittleEndian, Object as _, ObjectSection, ObjectSymbol};
use std::collections::{BTreeMap, BTreeSet};

struct Item {
    name: String,
    kind: AtomKind,
    align: u32,
    bytes: Vec<u8>,
    zero_size: u64,
    relocs: Vec<(u32, RelocKind, usize, i64)>,
}

fn program(r: &mut Random) -> Vec<Item> {
    let count = 1 + r.below(60) as usize;
    let item = |i: usize, r: &mut Random| {
        use AtomKind::*;
        let kind = if i == 0 { Text } else { [Text, ReadOnly, RelRo, Data, Bss][r.below(5) as usize] };
        let size = r.below(300) + u64::from(kind == Bss);
        let (bytes, zero_size) = match kind {
            Bss => (Vec::new(), size * (1 + r.below(40))),
            _ => ((0..size).map(|_| r.below(256) as u8).collect(), 0),
        };
        let mut relocs = Vec::new();
        let mut at = r.below(40) as u32 / 8 * 8;
        while at + 8 <= bytes.len() as u32 && r.below(4) != 0 {
            let kind = if matches!(kind, RelRo | Data) && at.is_multiple_of(8) {
                ABS
            } else {
                [PC, CALL][r.below(2) as usize]
            };
            relocs.push((at, kind, r.below(count as u64) as usize, r.below(1000) as i64 - 500));
            at += kind.row().bytes + r.below(60) as u32;
        }
        let align = (8 << r.below(6)) >> if kind == Text { 3 } else { 0 };
        Item { name: format!("atom{i}"), kind, align, bytes, zero_size, relocs }
    };
    let mut items: Vec<Item> = (0..count).map(|i| item(i, r)).collect();
    items[0].name = "_start".into();
    items
}

fn objects(items: &[Item], r: &mut Random) -> [Object; 2] {
    let mut builders = [Builder::new(), Builder::new()];
    for item in items {
        let relocs: Vec<_> = item
            .relocs
            .iter()
            .map(|&(at, kind, to, addend)| (at, kind, items[to].name.as_str(), addend))
            .collect();
        let atom = builders[r.below(2) as usize].atom(&item.name, item.kind, &item.bytes, &relocs);
        (atom.align, atom.zero_size) = (item.align, item.zero_size);
    }
    builders.map(|b| b.0)
}

fn reachable(items: &[Item]) -> BTreeSet<usize> {
    let mut seen = BTreeSet::from([0]);
    let mut work = vec![0];
    while let Some(i) = work.pop() {
        work.extend(items[i].relocs.iter().map(|r| r.2).filter(|&to| seen.insert(to)));
    }
    seen
}

fn section_name(kind: AtomKind) -> &'static str {
    match kind {
        AtomKind::Text => ".text",
        AtomKind::ReadOnly => ".rodata",
        AtomKind::RelRo => ".data.rel.ro",
        AtomKind::Data => ".data",
        AtomKind::Bss => ".bss",
    }
}

fn check(items: &[Item], bytes: &[u8]) {
    let file = ElfFile64::<LittleEndian>::parse(bytes).unwrap();
    let kept = reachable(items);
    let symbols: BTreeMap<&str, (u64, u64, usize)> = file
        .symbols()
        .map(|s| (s.name().unwrap(), (s.address(), s.size(), s.section_index().unwrap().0)))
        .collect();
    let names: BTreeSet<&str> = kept.iter().map(|&i| items[i].name.as_str()).collect();
    assert_eq!(symbols.keys().copied().collect::<BTreeSet<_>>(), names, "the reachable atoms");
    let mut places: Vec<(u64, u64)> = symbols.values().map(|s| (s.0, s.1)).collect();
    places.sort_unstable();
    assert!(places.windows(2).all(|w| w[0].0 + w[0].1 <= w[1].0), "atoms overlap");
    let mut words = Vec::new();
    for item in kept.iter().map(|&i| &items[i]) {
        let (address, size, section) = symbols[item.name.as_str()];
        let section = file.section_by_index(object::SectionIndex(section)).unwrap();
        assert_eq!(section.name(), Ok(section_name(item.kind)));
        assert_eq!(address % u64::from(item.align), 0);
        assert_eq!(size, item.bytes.len() as u64 + item.zero_size);
        assert!(address >= section.address() && address + size <= section.address() + section.size());
        if item.kind == AtomKind::Bss {
            continue;
        }
        let from = (address - section.address()) as usize;
        let mut theirs = section.data().unwrap()[from..from + size as usize].to_vec();
        for &(at, kind, to, addend) in &item.relocs {
            let target = symbols[items[to].name.as_str()].0.wrapping_add(addend as u64);
            let at = at as usize;
            let width = if kind == ABS { 8 } else { 4 };
            let value = if kind == ABS { target } else { target.wrapping_sub(address + at as u64) };
            assert_eq!(theirs[at..at + width], value.to_le_bytes()[..width]);
            theirs[at..at + width].copy_from_slice(&item.bytes[at..at + width]);
            if kind == ABS {
                words.push(address + at as u64);
            }
        }
        assert_eq!(theirs, item.bytes);
    }
    words.sort_unstable();
    let relr = file.section_by_name(".relr.dyn").map_or(&[][..], |s| s.data().unwrap());
    let relr: Vec<u64> = relr.chunks_exact(8).map(|c| u64::from_le_bytes(c.try_into().unwrap())).collect();
    assert_eq!(mochi_objwrite::link::relr::decode(&relr), words);
}

#[test]
fn random_programs() {
    for seed in 0..400 {
        let mut r = Random::new(seed);
        let items = program(&mut r);
        let [object, library] = objects(&items, &mut r);
        let library = library.to_bytes();
        let archives = [Archive::open(&library).unwrap()];
        let input = LinkInput {
            object: &object,
            archives: &archives,
            entry: "_start",
            symbols: true,
            debug: None,
            build_id: seed % 2 == 0,
        };
        let bytes = link(&input).unwrap_or_else(|e| panic!("seed {seed}: {e}")).bytes;
        check(&items, &bytes);
    }
}
