//! ELF files: what the link must do, said again from the file it wrote.
//!
//! From the file's symbol table alone: exactly the reachable atoms are there, aligned, apart from one
//! another, in sections of their kind, with their bytes; every reference has its value, and the list of
//! relocations names exactly the words that hold addresses. An object is linked by a small linker
//! of the judge first: sections get addresses, and each relocation must be the one that the machine's
//! ABI has for the reference.

use super::dwarf::Debug;
use super::meaning::{Meaning, elf_type, meaning, second_elf_type};
use super::placement::{Found, Placement, judge_field, missing};
use super::program::{Item, Program, Reference, To};
use crate::choices::Choices;
use mochi_objwrite::{Arch, AtomKind, LinkError, RelocKind, Target};
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{LittleEndian, Object, ObjectSection, ObjectSymbol, RelocationTarget, elf};
use std::collections::{BTreeMap, BTreeSet};

type File<'a> = ElfFile64<'a, LittleEndian>;

/// Judges a random executable, which sometimes leaves something undefined.
pub(super) fn executable(choices: &mut Choices, target: Target) {
    let externals = choices.below(16) == 15;
    let mut program = Program::new(choices, target, externals);
    let huge = huge(choices, &mut program);
    let (symbols, build_id) = (choices.below(8) != 0, choices.below(2) == 1);
    let objects = program.objects();
    match super::link(&objects, true, build_id) {
        Err(LinkError::Undefined(list)) => {
            let found: BTreeSet<String> = list.into_iter().map(|u| u.symbol).collect();
            assert_eq!(found, missing(&program), "what nothing defines");
            assert!(!found.is_empty());
        }
        Ok(bytes) => {
            assert!(missing(&program).is_empty(), "nothing defines a symbol");
            judge_executable(&program, &bytes, build_id);
            if !symbols && !build_id {
                let stripped = super::link(&objects, false, false).expect("as before");
                judge_stripped(&bytes, &stripped);
            }
        }
        Err(LinkError::Overflow { overflow, .. }) if huge => {
            assert!(overflow.value.unsigned_abs() > 1 << 26, "{overflow}");
        }
        Err(e) => panic!("{e}"),
    }
}

/// Puts much room between some atoms, so that distances do not fit; whether it did.
fn huge(choices: &mut Choices, program: &mut Program) -> bool {
    let mut huge = false;
    for item in program.items.iter_mut().filter(|i| i.kind == AtomKind::Bss) {
        if choices.below(16) == 1 {
            item.zero_size += choices.pick(&[1 << 27, 1 << 31, 1 << 33]) + choices.below(100_000) as u64;
            huge = true;
        }
    }
    huge
}

fn section_name(kind: AtomKind) -> &'static str {
    match kind {
        AtomKind::Text => ".text",
        AtomKind::ReadOnly => ".rodata",
        AtomKind::RelRo => ".data.rel.ro",
        AtomKind::Data => ".data",
        AtomKind::Roots => ".data.roots",
        AtomKind::Bss => ".bss",
    }
}

/// The symbols of atoms, by name.
fn symbols(file: &File) -> BTreeMap<String, Found> {
    let named = file.symbols().filter(|s| s.kind() != object::SymbolKind::Section);
    let defined = named.filter(|s| !s.is_undefined() && !s.name().is_ok_and(|n| n.starts_with(".L")));
    let atoms = defined.filter(|s| !is_veneer(s.name()) && !s.name().is_ok_and(|n| n.starts_with('$')));
    atoms
        .map(|s| {
            let section = s.section_index().expect("a section");
            let found = Found { address: s.address(), size: s.size(), section, global: s.is_global() };
            (s.name().expect("a name").to_string(), found)
        })
        .collect()
}

fn is_veneer(name: object::read::Result<&str>) -> bool {
    name.is_ok_and(|n| n.ends_with("_veneer"))
}

/// Where instructions are, by the mapping symbols of the code section (AAELF64, RISC-V ELF psABI).
fn judge_mapping<'a>(file: &File, arch: Arch, items: impl Iterator<Item = (u64, &'a Item)>) {
    let symbols = file.symbols().filter(|s| s.name().is_ok_and(|n| n.starts_with('$')));
    let map: BTreeMap<u64, &str> = symbols
        .map(|s| {
            assert_eq!((s.kind(), s.size(), s.is_local()), (object::SymbolKind::Unknown, 0, true));
            (s.address(), s.name().expect("a name"))
        })
        .collect();
    assert!(map.is_empty() || arch != Arch::X64);
    let at = |address: u64| map.range(..=address).next_back().map(|(_, name)| *name);
    for (address, item) in items.filter(|(_, item)| item.kind == AtomKind::Text && arch != Arch::X64) {
        let code = item.function.as_ref().map_or(item.size(), |f| f.code_size.into());
        for offset in [0, code.wrapping_sub(1), code, item.size().wrapping_sub(1)] {
            if offset < item.size() {
                let expected = if offset < code { "$x" } else { "$d" };
                assert_eq!(at(address + offset), Some(expected), "{} + {offset}", item.name);
            }
        }
    }
}

/// Veneers of RV64: code that goes on to what a `jal` does not reach.
struct Veneers<'a> {
    /// Address and contents of the code.
    text: (u64, &'a [u8]),
    offsets: BTreeSet<u64>,
}

impl<'a> Veneers<'a> {
    fn new(file: &File<'a>, address: u64) -> Veneers<'a> {
        let (base, code) = section(file, ".text").unwrap_or((0, &[]));
        let symbols = file.symbols().filter(|s| is_veneer(s.name()));
        Veneers { text: (address, code), offsets: symbols.map(|s| s.address() - base).collect() }
    }

    /// The offset of the veneer that a call goes to.
    fn of(&self, item: &Item, r: &Reference, address: u64, theirs: &[u8]) -> Option<u64> {
        if r.kind != RelocKind::Rv64Jal {
            return None;
        }
        let place = address + u64::from(r.at);
        let Meaning::Address(to) = meaning(r.kind, &theirs[r.place()], place) else { panic!("{r:?}") };
        let offset = Some(to.wrapping_sub(self.text.0)).filter(|o| self.offsets.contains(o))?;
        judge_field(item, r, address, theirs, to);
        Some(offset)
    }

    /// `auipc t6; jr t6` that leads to the target.
    fn judge(&self, offset: u64, target: Option<u64>) {
        let unit = &self.text.1[offset as usize..][..8];
        let word = u64::from_le_bytes(unit.try_into().expect("eight bytes"));
        assert_eq!(word & 0x000F_FFFF_0000_0FFF, 0x000F_8067_0000_0F97);
        let said = meaning(RelocKind::Rv64Call, unit, self.text.0 + offset);
        assert!(target.is_none_or(|t| said.is_of(t)), "{said:x?} is not {target:x?}");
    }
}

fn section<'a>(file: &File<'a>, name: &str) -> Option<(u64, &'a [u8])> {
    file.section_by_name(name).map(|s| (s.address(), s.data().expect("readable")))
}

fn judge_executable(program: &Program, bytes: &[u8], build_id: bool) {
    let file = File::parse(bytes).expect("readable");
    let found = symbols(&file);
    let placement = Placement::new(program, &[0], &found, |_| 0);
    assert_eq!(file.entry(), placement.addresses[&0]);
    assert_eq!(file.build_id().expect("readable").is_some(), build_id);
    judge_segments(&file, bytes);
    judge_strings(&file);
    let linker = linker_symbols(&file);
    let veneers = Veneers::new(&file, section(&file, ".text").map_or(0, |s| s.0));
    let mut words = Vec::new();
    for (item, address) in placement.items() {
        let symbol = found[&item.name];
        assert_eq!(symbol.global, item.global, "{}", item.name);
        let section = file.section_by_index(symbol.section).expect("a section");
        assert_eq!(section.name(), Ok(section_name(item.kind)));
        let end = section.address() + section.size();
        assert!(address >= section.address() && address + item.size() <= end);
        if item.kind == AtomKind::Bss {
            continue;
        }
        let from = (address - section.address()) as usize;
        let theirs = &section.data().expect("readable")[from..from + item.bytes.len()];
        for r in &item.references {
            let target = match r.to {
                To::Item(to) => placement.addresses[&to],
                To::Linker(name) => linker[name],
                To::External(_) => panic!("nothing is left to others"),
            };
            let target = target.wrapping_add(r.addend as u64);
            match veneers.of(item, r, address, theirs) {
                Some(veneer) => {
                    veneers.judge(veneer, Some(target));
                    let distance = target.wrapping_sub(address + u64::from(r.at)) as i64;
                    let near = matches!(r.to, To::Item(to) if program.items[to].kind == AtomKind::Text)
                        && (-(1 << 20)..1 << 20).contains(&distance);
                    assert!(!near, "a veneer for {distance:#x}");
                }
                None => judge_field(item, r, address, theirs, target),
            }
            if r.kind == RelocKind::Abs64 {
                words.push(address + u64::from(r.at));
            }
        }
        let ours = item.without_references(item.bytes.clone());
        assert_eq!(item.without_references(theirs.to_vec()), ours, "{}", item.name);
    }
    judge_mapping(&file, program.target.arch, placement.items().map(|(item, address)| (address, item)));
    words.sort_unstable();
    let relr = section(&file, ".relr.dyn").map_or(&[][..], |s| s.1);
    let relr: Vec<u64> =
        relr.chunks_exact(8).map(|c| u64::from_le_bytes(c.try_into().expect("eight bytes"))).collect();
    assert_eq!(relative_places(&relr), words);
    let table = section(&file, ".mochi.pctab").expect("a pc table").1;
    placement.judge_pc_table(table, section(&file, ".text").expect("code").0);
    let sections = file.sections().filter(|s| s.name().is_ok_and(|n| n.starts_with(".debug")));
    let read = |s: object::read::elf::ElfSection64<'_, '_, LittleEndian>| {
        (s.name().expect("a name").to_string(), s.data().expect("readable").to_vec())
    };
    let debug = Debug { sections: sections.map(read).collect(), ..Debug::default() };
    debug.judge_lines(&placement.functions());
    debug.judge_frames(program.target.arch, &placement.functions());
}

/// Sections of strings say so, and the others do not.
fn judge_strings(file: &File) {
    for s in file.sections().filter(|s| s.name().is_ok_and(|n| n.starts_with(".debug"))) {
        let strings = s.name().is_ok_and(|n| n.ends_with("str"));
        let header = s.elf_section_header();
        let flags = if strings { elf::SHF_MERGE.0 | elf::SHF_STRINGS.0 } else { 0 };
        let object::SectionFlags::Elf { sh_flags, .. } = s.flags() else { panic!("ELF") };
        let found = (sh_flags.0, header.sh_entsize.get(LittleEndian));
        assert_eq!(found, (flags, strings.into()), "{:?}", s.name());
    }
}

/// The words that packed relative relocations name (the format's description: generic ABI, SHT_RELR):
/// an even entry is a place; an odd one has a bit for each of the 63 words that follow.
fn relative_places(entries: &[u64]) -> Vec<u64> {
    let (mut places, mut next) = (Vec::new(), 0);
    for &entry in entries {
        if entry & 1 == 0 {
            places.push(entry);
            next = entry + 8;
        } else {
            places.extend((1..64).filter(|bit| entry >> bit & 1 != 0).map(|bit| next + (bit - 1) * 8));
            next += 63 * 8;
        }
    }
    places
}

/// What the symbols of the linker must be, from the section table.
fn linker_symbols(file: &File) -> BTreeMap<&'static str, u64> {
    let bounds = |names: &[&str]| {
        let all = names.iter().filter_map(|n| file.section_by_name(n));
        let all: Vec<(u64, u64)> = all.map(|s| (s.address(), s.address() + s.size())).collect();
        (all.iter().map(|s| s.0).min(), all.iter().map(|s| s.1).max())
    };
    let (text, relr, pctab) = (bounds(&[".text"]), bounds(&[".relr.dyn"]), bounds(&[".mochi.pctab"]));
    let (relro, roots) = (bounds(&[".data.rel.ro", ".dynamic"]), bounds(&[".data.roots"]));
    [
        ("__image_base", 0),
        ("__text_start", text.0.unwrap_or(0)),
        ("__text_end", text.1.unwrap_or(0)),
        ("__pctab", pctab.0.unwrap_or(0)),
        ("__relr_start", relr.0.unwrap_or(0)),
        ("__relr_end", relr.1.unwrap_or(0)),
        ("__relro_start", relro.0.expect("always there")),
        ("__relro_end", relro.1.expect("always there")),
        // Where there are none they are in reach.
        ("__roots_start", roots.0.or(text.0).unwrap_or(0)),
        ("__roots_end", roots.1.or(text.0).unwrap_or(0).next_multiple_of(8)),
    ]
    .into()
}

/// Every section that is loaded is in a segment with its rights, at the same place in memory and file,
/// and no page has two rights.
fn judge_segments(file: &File, bytes: &[u8]) {
    let headers = file.elf_header().program_headers(LittleEndian, bytes).expect("readable");
    let loads: Vec<_> = headers.iter().filter(|h| h.p_type(LittleEndian) == elf::PT_LOAD).collect();
    let mut end = 0;
    for p in &loads {
        let page = p.p_align(LittleEndian);
        assert_eq!(p.p_offset(LittleEndian) % page, p.p_vaddr(LittleEndian) % page);
        assert!(p.p_vaddr(LittleEndian) / page * page >= end, "two protections in a page");
        end = p.p_vaddr(LittleEndian) + p.p_memsz(LittleEndian);
    }
    for s in file.sections() {
        let object::SectionFlags::Elf { sh_flags, .. } = s.flags() else { panic!("ELF") };
        if sh_flags.0 & elf::SHF_ALLOC.0 == 0 {
            continue;
        }
        let inside = |p: &&&elf::ProgramHeader64<LittleEndian>| {
            let (from, size) = (p.p_vaddr(LittleEndian), p.p_memsz(LittleEndian));
            s.address() >= from && s.address() + s.size() <= from + size
        };
        let p = loads.iter().find(inside).expect("a segment");
        let (flags, name) = (p.p_flags(LittleEndian).0, s.name().expect("a name"));
        assert_eq!(flags & elf::PF_W.0 != 0, sh_flags.0 & elf::SHF_WRITE.0 != 0, "{name}");
        assert_eq!(flags & elf::PF_X.0 != 0, sh_flags.0 & elf::SHF_EXECINSTR.0 != 0, "{name}");
        if let Some((offset, _)) = s.file_range() {
            let distance = s.address() - p.p_vaddr(LittleEndian);
            assert_eq!(offset, p.p_offset(LittleEndian) + distance, "{name}");
        }
    }
}

/// Without symbols and debug information a file loads the same: all behind the ELF header, which
/// says where the section headers are.
fn judge_stripped(bytes: &[u8], stripped: &[u8]) {
    let header = elf::FileHeader64::<LittleEndian>::parse(stripped).expect("readable");
    let headers = header.program_headers(LittleEndian, stripped).expect("readable");
    let end = |p: &elf::ProgramHeader64<LittleEndian>| p.p_offset(LittleEndian) + p.p_filesz(LittleEndian);
    let end = headers.iter().map(end).max().expect("segments") as usize;
    assert_eq!(bytes[64..end], stripped[64..end]);
}

/// Judges a random relocatable object.
pub(super) fn object(choices: &mut Choices, target: Target) {
    let (program, exports) = Program::with_exports(choices, target);
    let names: Vec<&str> = exports.iter().map(|&i| program.items[i].name.as_str()).collect();
    let bytes = super::relocatable(&program.objects(), &names);
    let file = File::parse(&*bytes).expect("readable");
    let found = symbols(&file);
    for (name, symbol) in &found {
        assert_eq!(symbol.global, names.contains(&name.as_str()), "{name}");
    }
    let linked = Linked::new(choices, &file);
    let placement = Placement::new(&program, &exports, &found, |s| linked.bases[&s.0]);
    judge_object(&placement, &found, &linked);
    let places = placement.items().map(|(item, _)| (found[&item.name].address, item));
    judge_mapping(&file, target.arch, places);
    judge_strings(&file);
    let functions = placement.functions();
    let debug = linked.debug(target.arch);
    debug.judge_lines(&functions);
    debug.judge_frames(target.arch, &functions);
}

/// What the judge's linker knows of a symbol.
#[derive(Clone, Debug)]
struct Target64 {
    name: String,
    undefined: bool,
    address: u64,
}

/// A relocation of an object.
#[derive(Clone, Debug)]
struct Relocation {
    kind: elf::RelocationType,
    to: Target64,
    addend: i64,
}

/// An object whose sections have addresses.
struct Linked<'a, 'f> {
    file: &'f File<'a>,
    /// By section.
    bases: BTreeMap<usize, u64>,
    relocations: BTreeMap<usize, BTreeMap<u64, Vec<Relocation>>>,
}

impl<'a, 'f> Linked<'a, 'f> {
    fn new(choices: &mut Choices, file: &'f File<'a>) -> Linked<'a, 'f> {
        let (mut bases, mut next) = (BTreeMap::new(), 0x40_0000);
        for s in file.sections() {
            let object::SectionFlags::Elf { sh_flags, .. } = s.flags() else { panic!("ELF") };
            let loaded = sh_flags.0 & elf::SHF_ALLOC.0 != 0;
            next = (next + choices.below(100_000) as u64).next_multiple_of(s.align().max(1));
            // Debug sections refer to one another by offsets.
            bases.insert(s.index().0, if loaded { next } else { 0 });
            next += if loaded { s.size() } else { 0 };
        }
        let mut linked = Linked { file, bases, relocations: BTreeMap::new() };
        for s in file.sections() {
            let mut list: BTreeMap<u64, Vec<Relocation>> = BTreeMap::new();
            for (at, r) in s.relocations() {
                let object::RelocationFlags::Elf { r_type } = r.flags() else { panic!("ELF") };
                let RelocationTarget::Symbol(symbol) = r.target() else { panic!("no symbol") };
                let to = linked.symbol(symbol);
                list.entry(at).or_default().push(Relocation { kind: r_type, to, addend: r.addend() });
            }
            linked.relocations.insert(s.index().0, list);
        }
        linked
    }

    fn symbol(&self, index: object::SymbolIndex) -> Target64 {
        let symbol = self.file.symbol_by_index(index).expect("a symbol");
        let base = symbol.section_index().map_or(0, |s| self.bases[&s.0]);
        Target64 {
            name: symbol.name().expect("a name").to_string(),
            undefined: symbol.is_undefined(),
            address: base + symbol.address(),
        }
    }

    fn section(&self, name: &str) -> object::read::elf::ElfSection64<'a, 'f, LittleEndian> {
        self.file.section_by_name(name).unwrap_or_else(|| panic!("{name}"))
    }

    /// First address and end of a section.
    fn bounds(&self, name: &str) -> (u64, u64) {
        let section = self.section(name);
        let base = self.bases[&section.index().0];
        (base, base + section.size())
    }

    /// The debug sections with their relocations applied.
    fn debug(&self, arch: Arch) -> Debug {
        let mut sections = BTreeMap::new();
        for s in self.file.sections() {
            let name = s.name().expect("a name");
            let mut bytes = s.data().expect("readable").to_vec();
            if !name.starts_with(".debug") {
                continue;
            }
            for (&at, list) in &self.relocations[&s.index().0] {
                let [r] = &list[..] else { panic!("{list:?}") };
                let size = if r.kind == elf_type(arch, RelocKind::Abs64) { 8 } else { 4 };
                assert!(size == 8 || r.kind == elf_type(arch, RelocKind::Abs32), "{r:?}");
                let value = r.to.address.wrapping_add(r.addend as u64).to_le_bytes();
                bytes[at as usize..at as usize + size].copy_from_slice(&value[..size]);
            }
            sections.insert(name.to_string(), bytes);
        }
        Debug { sections, ..Debug::default() }
    }
}

fn judge_object(placement: &Placement, found: &BTreeMap<String, Found>, linked: &Linked) {
    let arch = placement.program.target.arch;
    let mut table = None;
    let mut expected: usize = 0;
    let veneers = Veneers::new(linked.file, linked.bounds(".text").0);
    let left = &linked.relocations[&linked.section(".text").index().0];
    let mut left_veneers = BTreeSet::new();
    for (item, address) in placement.items() {
        let section = linked.file.section_by_index(found[&item.name].section).expect("a section");
        assert_eq!(section.name(), Ok(section_name(item.kind)));
        let base = linked.bases[&section.index().0];
        let from = (address - base) as usize;
        if item.kind == AtomKind::Bss {
            assert!(address - base + item.size() <= section.size());
            continue;
        }
        let theirs = &section.data().expect("readable")[from..][..item.size() as usize];
        for r in &item.references {
            let at = from as u64 + u64::from(r.at);
            let relocations = &linked.relocations[&section.index().0];
            let within_code = matches!(r.to, To::Item(to) if item.kind == AtomKind::Text
                && placement.program.items[to].kind == AtomKind::Text);
            if let Some(veneer) = veneers.of(item, r, address, theirs) {
                assert!(!relocations.contains_key(&at), "{} {r:?}", item.name);
                let list = left.get(&veneer);
                let target = match r.to {
                    To::Item(to) if within_code => {
                        Some(placement.addresses[&to].wrapping_add(r.addend as u64))
                    }
                    _ => {
                        let [to] = &list.expect("a relocation")[..] else { panic!("{list:?}") };
                        assert_eq!(to.kind, elf_type(arch, RelocKind::Rv64Call));
                        judge_target(placement, linked, r, to, &mut table);
                        left_veneers.insert(veneer);
                        None
                    }
                };
                assert_eq!(target.is_some(), list.is_none(), "{} {r:?}", item.name);
                veneers.judge(veneer, target);
                continue;
            }
            let Some(list) = relocations.get(&at) else {
                let To::Item(to) = r.to else { panic!("{} {r:?}", item.name) };
                assert!(within_code, "{} {r:?}", item.name);
                let target = placement.addresses[&to].wrapping_add(r.addend as u64);
                judge_field(item, r, address, theirs, target);
                continue;
            };
            let [first] = &list[..] else { panic!("{list:?}") };
            assert_ne!(r.kind, RelocKind::Rv64Jal, "other linkers do not extend it");
            assert_eq!(first.kind, elf_type(arch, r.kind), "{} {r:?}", item.name);
            judge_target(placement, linked, r, first, &mut table);
            expected += 1;
            if let Some(second) = second_elf_type(r.kind) {
                let [low] = &relocations[&(at + 4)][..] else { panic!("{} {r:?}", item.name) };
                let place = address + u64::from(r.at);
                assert_eq!((low.kind, low.to.address, low.addend), (second, place, 0), "{}", item.name);
                expected += 1;
            }
        }
        let ours = item.without_references(item.bytes.clone());
        assert_eq!(item.without_references(theirs.to_vec()), ours, "{}", item.name);
    }
    let loaded =
        [".text", ".rodata", ".data.rel.ro", ".data", ".data.roots"].map(|n| linked.section(n).index().0);
    let all: usize = loaded.iter().flat_map(|s| linked.relocations[s].values()).map(Vec::len).sum();
    assert_eq!(all, expected + left_veneers.len(), "relocations");
    if let Some(table) = table {
        let (base, _) = linked.bounds(".rodata");
        let rodata = linked.section(".rodata").data().expect("readable");
        placement.judge_pc_table(&rodata[(table - base) as usize..], linked.bounds(".text").0);
    }
}

/// The relocation is to what was meant.
fn judge_target(
    placement: &Placement,
    linked: &Linked,
    r: &Reference,
    found: &Relocation,
    table: &mut Option<u64>,
) {
    let value = found.to.address.wrapping_add(found.addend as u64);
    let meant = match r.to {
        To::Item(to) => placement.addresses[&to],
        To::External(name) => {
            assert_eq!((found.to.name.as_str(), found.to.undefined), (name, true));
            0
        }
        To::Linker("__image_base") => {
            assert_eq!((found.to.name.as_str(), found.to.undefined), ("__ehdr_start", true));
            0
        }
        To::Linker("__pctab") => *table.get_or_insert(value.wrapping_sub(r.addend as u64)),
        To::Linker("__text_end") => linked.bounds(".text").1,
        To::Linker("__roots_start") => linked.bounds(".data.roots").0,
        To::Linker("__roots_end") => linked.bounds(".data.roots").1.next_multiple_of(8),
        To::Linker(_) => linked.bounds(".text").0,
    };
    assert_eq!(value, meant.wrapping_add(r.addend as u64), "{r:?}: {found:?}");
}
