//! Where the items of a program are in a file, by its symbols: exactly the reachable ones are there, aligned, and apart
//! from one another; and what the fields of their references say.

use super::dwarf::{Placed, trace};
use super::meaning::{kept, meaning};
use super::program::{Item, Program, Reference, To};
use mochi_objwrite::{AtomKind, pctab};
use object::SectionIndex;
use std::collections::{BTreeMap, BTreeSet};

/// A symbol of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Found {
    pub address: u64,
    pub size: u64,
    pub section: SectionIndex,
    pub global: bool,
}

/// The symbols that reachable items need and nothing defines.
pub(super) fn missing(program: &Program) -> BTreeSet<String> {
    let items = program.reachable(&[0]).into_iter().flat_map(|i| &program.items[i].references);
    let names = items.filter_map(|r| match r.to {
        To::External(name) if program.target.platform.import(name).is_none() => Some(name.to_string()),
        _ => None,
    });
    names.collect()
}

/// Addresses of items, and contents of those that have some.
pub(super) struct Placement<'a> {
    pub program: &'a Program,
    kept: BTreeSet<usize>,
    pub addresses: BTreeMap<usize, u64>,
}

impl<'a> Placement<'a> {
    /// Judges the symbols; `base` gives addresses to sections that have none.
    pub fn new(
        program: &'a Program,
        roots: &[usize],
        found: &BTreeMap<String, Found>,
        base: impl Fn(SectionIndex) -> u64,
    ) -> Placement<'a> {
        let kept = program.reachable(roots);
        let names: BTreeSet<&str> = kept.iter().map(|&i| program.items[i].name.as_str()).collect();
        let theirs: BTreeSet<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(theirs, names, "the reachable atoms");
        let mut addresses = BTreeMap::new();
        let mut places = Vec::new();
        for &i in &kept {
            let item = &program.items[i];
            let symbol = found[&item.name];
            assert_eq!(symbol.size, item.size());
            let address = base(symbol.section) + symbol.address;
            assert_eq!(address % u64::from(item.align), 0, "{}", item.name);
            addresses.insert(i, address);
            places.push((address, address + symbol.size));
        }
        places.sort_unstable();
        assert!(places.windows(2).all(|w| w[0].1 <= w[1].0), "atoms overlap");
        Placement { program, kept, addresses }
    }

    pub fn items(&self) -> impl Iterator<Item = (&'a Item, u64)> {
        let program: &'a Program = self.program;
        self.kept.iter().map(|i| (&program.items[*i], self.addresses[i]))
    }

    pub fn functions(&self) -> Vec<Placed<'a>> {
        let text = self.items().filter(|(item, _)| item.kind == AtomKind::Text);
        text.map(|(item, address)| Placed { item, address }).collect()
    }

    /// Judges the pc table.
    pub fn judge_pc_table(&self, table: &[u8], text: u64) {
        for f in self.functions() {
            // In long functions, around the places where something may change.
            let size = f.item.size() as u32;
            let rows = f.item.function.iter().flat_map(|i| &i.lines);
            let near = |at: u32| [at.wrapping_sub(1), at, at + 1].into_iter().filter(|&at| at < size);
            let places: Vec<u32> = match size {
                0..2000 => (0..size).collect(),
                _ => rows.map(|r| r.offset).chain([0, size]).flat_map(near).collect(),
            };
            for at in places {
                let frames = pctab::lookup(table, (f.address - text) as u32 + at);
                assert_eq!(frames, trace(f.item, at), "{} + {at}", f.item.name);
            }
        }
    }
}

/// The field has the value, and the rest of its unit is what it was.
pub(super) fn judge_field(item: &Item, r: &Reference, address: u64, theirs: &[u8], target: u64) {
    let (place, unit) = (address + u64::from(r.at), &theirs[r.place()]);
    let said = meaning(r.kind, unit, place);
    assert!(said.is_of(target), "{} {r:?} at {place:#x}: {said:x?} is not {target:#x}", item.name);
    for ((new, old), kept) in unit.iter().zip(&item.bytes[r.place()]).zip(kept(r.kind)) {
        assert_eq!(new & kept, old & kept, "{} {r:?}", item.name);
    }
}
