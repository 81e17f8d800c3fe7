//! Files for Windows and macOS: what the link must do, said again from the file it wrote.
//!
//! As for ELF ([`super::elf`]): the reachable atoms are there, with their bytes; every reference has its value; the
//! lists of what the loader changes name exactly the words that hold addresses, and the slots of imports. Objects
//! are linked by a small linker of the judge: each relocation must be the one that the format has for the
//! reference, and its addend where linkers look for it.

use super::dwarf::Debug;
use super::meaning::{Meaning, coff_type, kept, macho_type, meaning};
use super::placement::{Found, Placement, judge_field, missing};
use super::program::{Item, Program, Reference, To};
use crate::choices::Choices;
use mochi_objwrite::{Arch, AtomKind, Format, LinkError, RelocKind, Target};
use object::read::macho::{LoadCommandVariant, MachHeader, MachOFile64, RebaseOperation};
use object::read::pe::PeFile64;
use object::{
    Endianness, File, Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget, SymbolKind,
};
use std::collections::{BTreeMap, BTreeSet};

/// Where atoms of a kind are: segment, section.
fn section_name(format: Format, object: bool, kind: AtomKind) -> (&'static str, &'static str) {
    use AtomKind::*;
    match (format, kind) {
        (Format::Coff, Text) => ("", ".text"),
        (Format::Coff, ReadOnly | RelRo) => ("", ".rdata"),
        (Format::Coff, Bss) if object => ("", ".bss"),
        (Format::Coff, Data | Roots | Bss) => ("", ".data"),
        (_, Text) => ("__TEXT", "__text"),
        (_, ReadOnly) => ("__TEXT", "__const"),
        (_, RelRo) if object => ("__DATA", "__const"),
        (_, RelRo) => ("__DATA_CONST", "__const"),
        (_, Data) => ("__DATA", "__data"),
        (_, Roots) => ("__DATA", "__roots"),
        (_, Bss) => ("__DATA", "__bss"),
    }
}

/// A file, and how its format calls things.
struct Read<'a> {
    target: Target,
    bytes: &'a [u8],
    file: File<'a>,
}

impl<'a> Read<'a> {
    fn new(target: Target, bytes: &'a [u8]) -> Read<'a> {
        Read { target, bytes, file: File::parse(bytes).expect("readable") }
    }

    /// The name of a symbol without what the format puts before names of C.
    fn name<'s>(&self, symbol: &object::Symbol<'a, 's>) -> &'a str {
        let name = symbol.name().expect("a name");
        if self.target.format == Format::MachO { name.strip_prefix('_').unwrap_or(name) } else { name }
    }

    /// The symbols of atoms; addresses are offsets in sections.
    fn symbols(&self, program: &Program) -> BTreeMap<String, Found> {
        let items = program.by_name();
        let own = |s: &object::Symbol<'a, '_>| {
            let name = s.name().unwrap_or("");
            let label = [".L", "l_", "ltmp"].iter().any(|p| name.starts_with(p)) || name.ends_with("_veneer");
            !s.is_undefined() && s.kind() != SymbolKind::Section && !label
        };
        let mut found = BTreeMap::new();
        for s in self.file.symbols().filter(own) {
            let name = self.name(&s).to_string();
            let section = s.section_index().expect("a section");
            let start = self.file.section_by_index(section).expect("a section").address();
            let size = items.get(name.as_str()).map_or(0, |&i| program.items[i].size());
            found.insert(name, Found { address: s.address() - start, size, section, global: s.is_global() });
        }
        found
    }

    fn section(&self, segment: &str, name: &str) -> Option<object::Section<'a, '_>> {
        let is = |s: &object::Section<'a, '_>| {
            s.name() == Ok(name) && s.segment_name().ok().flatten().unwrap_or("") == segment
        };
        self.file.sections().find(is)
    }

    /// First address and end of the section of atoms of a kind.
    fn bounds(&self, object: bool, kind: AtomKind) -> Option<(u64, u64)> {
        let (segment, name) = section_name(self.target.format, object, kind);
        self.section(segment, name).map(|s| (s.address(), s.address() + s.size()))
    }

    /// Name and contents of each debug section, by names as in ELF.
    fn debug_sections(&self) -> impl Iterator<Item = (String, object::Section<'a, '_>)> {
        self.file.sections().filter_map(|s| {
            let name = s.name().expect("a name");
            let rest = name.strip_prefix(".debug").or(name.strip_prefix("__debug"))?;
            Some((format!(".debug{rest}"), s))
        })
    }
}

/// Judges a random executable.
pub(super) fn executable(choices: &mut Choices, target: Target) {
    let externals = choices.below(16) == 15;
    let program = Program::new(choices, target, externals);
    let (symbols, build_id) = (choices.below(8) != 0, choices.below(2) == 1);
    match super::link(&program.objects(), true, build_id) {
        Err(LinkError::Undefined(list)) => {
            let found: BTreeSet<String> = list.into_iter().map(|u| u.symbol).collect();
            assert_eq!(found, missing(&program), "what nothing defines");
            assert!(!found.is_empty());
        }
        Ok(bytes) => {
            assert!(missing(&program).is_empty(), "nothing defines a symbol");
            judge_executable(&program, &Read::new(target, &bytes));
            if !symbols {
                super::link(&program.objects(), false, build_id).expect("as before");
            }
        }
        Err(e) => panic!("{e}"),
    }
}

fn judge_executable(program: &Program, read: &Read) {
    let file = &read.file;
    let found = read.symbols(program);
    let start = |s| file.section_by_index(s).expect("a section").address();
    let placement = Placement::new(program, &[0], &found, start);
    let (places, slots) = match program.target.format {
        Format::Coff => windows_fixups(read),
        _ => macos_fixups(read),
    };
    let base = program.target.platform.image_base;
    let from = if program.target.format == Format::Coff { 0 } else { base };
    assert_eq!(file.entry() + from, placement.addresses[&0]);
    let linker = linker_values(&placement, read, false);
    let mut words = Vec::new();
    for (item, address) in placement.items() {
        let theirs = contents(read, false, item, &found[&item.name]);
        for r in &item.references {
            let target = match r.to {
                To::Item(to) => Some(placement.addresses[&to]),
                To::Linker(name) => linker.get(name).copied(),
                To::External(name) => Some(slots[&name["__imp_".len()..]]),
            };
            if let Some(target) = target {
                judge_field(item, r, address, theirs, target.wrapping_add(r.addend as u64));
            }
            if r.kind == RelocKind::Abs64 {
                words.push(address + u64::from(r.at));
            }
        }
        let ours = item.without_references(item.bytes.clone());
        assert_eq!(item.without_references(theirs.to_vec()), ours, "{}", item.name);
    }
    words.sort_unstable();
    assert_eq!(places, words);
    let text = read.bounds(false, AtomKind::Text).expect("code").0;
    if let Some(&table) = linker.get("__pctab") {
        let inside = |s: &object::Section| (s.address()..s.address() + s.size()).contains(&table);
        let section = file.sections().find(inside).expect("a section with the pc table");
        let data = section.data().expect("readable");
        placement.judge_pc_table(&data[(table - section.address()) as usize..], text);
    }
    let of = |(name, s): (String, object::Section)| (name, s.data().expect("readable").to_vec());
    let frames = file.section_by_name("__eh_frame");
    let loaded_frames = frames.as_ref().map(|s| s.address());
    let frames = frames.map(|s| (".eh_frame".to_string(), s));
    let sections = read.debug_sections().chain(frames).map(of).collect();
    judge_debug(program.target.arch, &Debug { sections, loaded_frames }, &placement);
}

fn judge_debug(arch: Arch, debug: &Debug, placement: &Placement) {
    let functions = placement.functions();
    debug.judge_lines(&functions);
    debug.judge_frames(arch, &functions);
}

/// The bytes of an item, which is in the section of its kind.
fn contents<'a>(read: &Read<'a>, object: bool, item: &Item, found: &Found) -> &'a [u8] {
    let section = read.file.section_by_index(found.section).expect("a section");
    let segment = section.segment_name().expect("readable").unwrap_or("");
    let names = (segment, section.name().expect("a name"));
    assert_eq!(names, section_name(read.target.format, object, item.kind), "{}", item.name);
    assert!(found.address + item.size() <= section.size(), "{}", item.name);
    if item.kind == AtomKind::Bss {
        return &[];
    }
    &section.data().expect("readable")[found.address as usize..][..item.bytes.len()]
}

/// What the symbols of the linker are, as far as the file says it: the ends of sections, and of others what
/// references that have a whole address say, all the same.
fn linker_values<'p>(placement: &Placement<'p>, read: &Read, object: bool) -> BTreeMap<&'static str, u64> {
    let mut values = BTreeMap::new();
    if !object {
        let text = read.bounds(false, AtomKind::Text).expect("code");
        values.extend([("__text_start", text.0), ("__text_end", text.1)]);
    }
    let found = read.symbols(placement.program);
    for (item, address) in placement.items().filter(|_| !object) {
        let theirs = contents(read, false, item, &found[&item.name]);
        for r in item.references.iter().filter(|r| r.kind.row().is_word()) {
            let To::Linker(name) = r.to else { continue };
            let place = address + u64::from(r.at);
            let Meaning::Address(to) = meaning(r.kind, &theirs[r.place()], place) else { continue };
            let value = to.wrapping_sub(r.addend as u64);
            assert_eq!(*values.entry(name).or_insert(value), value, "{name}");
        }
    }
    if let (Some(&from), Some(&to)) = (values.get("__roots_start"), values.get("__roots_end")) {
        assert_eq!((from % 8, to % 8), (0, 0));
        for (item, address) in placement.items().filter(|(item, _)| item.size() != 0) {
            let inside = from <= address && address + item.size() <= to;
            assert_eq!(inside, item.kind == AtomKind::Roots, "{}", item.name);
        }
    }
    values
}

/// Words that the loader changes, and the slots of imports by function.
type Fixups = (Vec<u64>, BTreeMap<String, u64>);

fn windows_fixups(read: &Read) -> Fixups {
    let file = PeFile64::parse(read.bytes).expect("readable");
    let base = read.target.platform.image_base;
    let mut places = Vec::new();
    let blocks = file.data_directories().relocation_blocks(read.bytes, &file.section_table());
    let mut blocks = blocks.expect("readable");
    while let Some(block) = blocks.as_mut().and_then(|b| b.next().expect("readable")) {
        for r in block.filter(|r| r.typ.0 != 0) {
            assert_eq!(r.typ, object::pe::IMAGE_REL_BASED_DIR64);
            places.push(base + u64::from(r.virtual_address));
        }
    }
    let mut slots = BTreeMap::new();
    if let Some(table) = file.import_table().expect("readable") {
        let mut libraries = table.descriptors().expect("readable");
        while let Some(library) = libraries.next().expect("readable") {
            let mut at = library.first_thunk.get(object::LittleEndian);
            let names = library.original_first_thunk.get(object::LittleEndian);
            let mut names = table.thunks(names).expect("readable");
            while let Some(name) = names.next::<object::pe::ImageNtHeaders64>().expect("readable") {
                let import = table.import::<object::pe::ImageNtHeaders64>(name).expect("readable");
                let object::read::pe::Import::Name(_, name) = import else { panic!("no name") };
                let name = String::from_utf8(name.to_vec()).expect("ASCII");
                assert_eq!(slots.insert(name, base + u64::from(at)), None, "imported twice");
                at += 8;
            }
        }
    }
    (places, slots)
}

fn macos_fixups(read: &Read) -> Fixups {
    use object::read::macho::BindOperation;
    let file = MachOFile64::<Endianness>::parse(read.bytes).expect("readable");
    let endian = Endianness::Little;
    let mut commands = file.macho_header().load_commands(endian, read.bytes, 0).expect("readable");
    let (mut segments, mut info) = (Vec::new(), None);
    while let Some(command) = commands.next().expect("readable") {
        match command.variant().expect("known") {
            LoadCommandVariant::Segment64(segment, _) => segments.push(segment.vmaddr.get(endian)),
            LoadCommandVariant::DyldInfo(found) => info = Some(found),
            _ => {}
        }
    }
    let info = info.expect("fixups");
    let (mut places, mut at) = (Vec::new(), 0);
    let mut rebases = info.rebase_operations(endian, read.bytes).expect("readable");
    while let Some((_, operation)) = rebases.next().expect("readable") {
        match operation {
            RebaseOperation::SetSegmentAndOffset { index, offset } => at = segments[index as usize] + offset,
            RebaseOperation::AddAddr { offset } => at += offset,
            RebaseOperation::DoRebaseTimes { count } => {
                places.extend((0..count).map(|n| at + 8 * n));
                at += 8 * count;
            }
            RebaseOperation::SetType { .. } | RebaseOperation::Done => {}
            other => panic!("{other:?}"),
        }
    }
    let (mut slots, mut at, mut symbol) = (BTreeMap::new(), 0, String::new());
    let mut binds = info.bind_operations(endian, read.bytes).expect("readable");
    while let Some((_, operation)) = binds.next().expect("readable") {
        match operation {
            BindOperation::SetSegmentAndOffset { segment_index, offset } => {
                at = segments[segment_index as usize] + offset
            }
            BindOperation::SetSymbol { name, .. } => {
                symbol = String::from_utf8(name[1..].to_vec()).expect("ASCII");
            }
            BindOperation::DoBind => {
                assert_eq!(slots.insert(symbol.clone(), at), None, "imported twice");
                at += 8;
            }
            BindOperation::SetType { .. } | BindOperation::Done => {}
            BindOperation::SetDylibOrdinal { ordinal } => assert_eq!(ordinal, 1),
            other => panic!("{other:?}"),
        }
    }
    (places, slots)
}

/// A relocation of an object.
#[derive(Clone, Debug)]
struct Relocation {
    flags: RelocationFlags,
    /// Name of the symbol when somebody else defines it.
    undefined: Option<String>,
    /// Where the symbol or section is.
    address: u64,
    /// The address that is subtracted.
    minus: Option<u64>,
    /// What a relocation of its own says is added.
    addend: i64,
}

/// An object whose sections have addresses.
struct Linked<'a, 'r> {
    read: &'r Read<'a>,
    bases: BTreeMap<usize, u64>,
    relocations: BTreeMap<usize, BTreeMap<u64, Relocation>>,
}

impl<'a, 'r> Linked<'a, 'r> {
    fn new(choices: &mut Choices, read: &'r Read<'a>) -> Linked<'a, 'r> {
        let (mut bases, mut next) = (BTreeMap::new(), 0x40_0000);
        for s in read.file.sections() {
            next = (next + choices.below(100_000) as u64).next_multiple_of(s.align().max(1));
            bases.insert(s.index().0, next);
            next += s.size();
        }
        let mut linked = Linked { read, bases, relocations: BTreeMap::new() };
        for s in read.file.sections() {
            let mut list = BTreeMap::new();
            for (at, r) in s.relocations() {
                let (undefined, address) = match r.target() {
                    RelocationTarget::Symbol(index) => linked.symbol(index),
                    RelocationTarget::Section(index) => (None, linked.bases[&index.0]),
                    other => panic!("{other:?}"),
                };
                let minus = r.subtractor().map(|index| linked.symbol(index).1);
                // The reader adds what fields count from to addends that it does not read.
                let addend = if r.has_implicit_addend() { 0 } else { r.addend() };
                let relocation = Relocation { flags: r.flags(), undefined, address, minus, addend };
                assert!(list.insert(at, relocation).is_none(), "two relocations at {at:#x}");
            }
            linked.relocations.insert(s.index().0, list);
        }
        linked
    }

    fn symbol(&self, index: object::SymbolIndex) -> (Option<String>, u64) {
        let symbol = self.read.file.symbol_by_index(index).expect("a symbol");
        let Some(section) = symbol.section_index() else {
            return (Some(self.read.name(&symbol).to_string()), 0);
        };
        let start = self.read.file.section_by_index(section).expect("a section").address();
        (None, self.bases[&section.0] + symbol.address() - start)
    }

    /// What a field and its relocation say together, as linkers of the format compute it; `place` is where the
    /// field is.
    fn said(&self, kind: RelocKind, unit: &[u8], place: u64, r: &Relocation) -> Meaning {
        use RelocKind::*;
        let coff = self.read.target.format == Format::Coff;
        let of_field = |value: u64| Meaning::Address(r.address.wrapping_add(value));
        match (kind, meaning(kind, unit, 0)) {
            // The other address is that of the atom.
            (Rel32, Meaning::Address(field)) if !coff => {
                let minus = r.minus.expect("a pair");
                of_field(field.wrapping_sub(minus).wrapping_add(place))
            }
            (Rel32 | X64Pc32 | X64Call, Meaning::Address(field)) => of_field(field.wrapping_sub(4)),
            (Abs64, Meaning::Address(field)) => of_field(field),
            (_, field) if !coff => {
                assert!(field.is_of(0), "{kind:?}: a field with something in it");
                let target = r.address.wrapping_add(r.addend as u64);
                match field {
                    Meaning::Address(_) => Meaning::Address(target),
                    Meaning::Page(_) => Meaning::Page(target & !0xFFF),
                    Meaning::Low(_) => Meaning::Low(target & 0xFFF),
                }
            }
            // The field of a page counts bytes; that of a call is not looked at.
            (_, Meaning::Page(field)) => {
                let bytes = (field as i64 >> 12) as u64;
                Meaning::Page(r.address.wrapping_add(bytes) & !0xFFF)
            }
            (_, Meaning::Low(field)) => Meaning::Low(r.address.wrapping_add(field) & 0xFFF),
            (_, Meaning::Address(_)) => of_field(0),
        }
    }

    /// The debug sections with their relocations applied.
    fn debug(&self) -> Debug {
        let mut sections = BTreeMap::new();
        for (name, s) in self.read.debug_sections() {
            let mut bytes = s.data().expect("readable").to_vec();
            for (&at, r) in &self.relocations[&s.index().0] {
                let arch = self.read.target.arch;
                if r.flags == numbers(self.read.target.format, arch, RelocKind::Abs64) {
                    let field = &mut bytes[at as usize..at as usize + 8];
                    let value = u64::from_le_bytes(field.try_into().expect("eight bytes"));
                    field.copy_from_slice(&(value + r.address).to_le_bytes());
                } else {
                    // An offset from the start of a section is what the field says.
                    assert_eq!(r.flags, numbers(Format::Coff, arch, RelocKind::Abs32));
                    assert_eq!(self.read.target.format, Format::Coff);
                }
            }
            sections.insert(name, bytes);
        }
        Debug { sections, ..Debug::default() }
    }
}

/// The numbers of a relocation, by the names of the format's documents.
fn numbers(format: Format, arch: Arch, kind: RelocKind) -> RelocationFlags {
    if format == Format::Coff {
        return RelocationFlags::Coff { typ: coff_type(arch, kind) };
    }
    let (r_type, r_pcrel) = macho_type(arch, kind);
    RelocationFlags::MachO { r_type, r_pcrel, r_length: if kind == RelocKind::Abs64 { 3 } else { 2 } }
}

/// Judges a random relocatable object.
pub(super) fn object(choices: &mut Choices, target: Target) {
    let (program, exports) = Program::with_exports(choices, target);
    let names: Vec<&str> = exports.iter().map(|&i| program.items[i].name.as_str()).collect();
    let bytes = super::relocatable(&program.objects(), &names);
    let read = Read::new(target, &bytes);
    let found = read.symbols(&program);
    for (name, symbol) in &found {
        assert_eq!(symbol.global, names.contains(&name.as_str()), "{name}");
    }
    let linked = Linked::new(choices, &read);
    let placement = Placement::new(&program, &exports, &found, |s| linked.bases[&s.0]);
    judge_object(&placement, &found, &linked);
    judge_debug(target.arch, &linked.debug(), &placement);
}

fn judge_object(placement: &Placement, found: &BTreeMap<String, Found>, linked: &Linked) {
    let (read, target) = (linked.read, placement.program.target);
    let mut values: BTreeMap<To, u64> = BTreeMap::new();
    let (mut expected, mut slots) = (0, BTreeSet::new());
    for (item, address) in placement.items() {
        let symbol = found[&item.name];
        let theirs = contents(read, true, item, &symbol);
        for r in &item.references {
            let Some(relocation) =
                linked.relocations[&symbol.section.0].get(&(symbol.address + u64::from(r.at)))
            else {
                let To::Item(to) = r.to else { panic!("{} {r:?}", item.name) };
                assert_eq!((item.kind, placement.program.items[to].kind), (AtomKind::Text, AtomKind::Text));
                let to = placement.addresses[&to].wrapping_add(r.addend as u64);
                judge_field(item, r, address, theirs, to);
                continue;
            };
            expected += 1;
            assert_eq!(relocation.flags, numbers(target.format, target.arch, r.kind), "{} {r:?}", item.name);
            for ((new, old), kept) in theirs[r.place()].iter().zip(&item.bytes[r.place()]).zip(kept(r.kind)) {
                assert_eq!(new & kept, old & kept, "{} {r:?}", item.name);
            }
            if let To::External(name) = r.to {
                slots.insert(judge_external(linked, r, relocation, name));
            }
            let said = linked.said(r.kind, &theirs[r.place()], address + u64::from(r.at), relocation);
            let meant = match r.to {
                To::Item(to) => placement.addresses[&to],
                // Symbols say where it is.
                To::Linker(_) | To::External(_) => *values.entry(r.to).or_insert_with(|| match said {
                    Meaning::Address(a) => a.wrapping_sub(r.addend as u64),
                    _ => relocation.address,
                }),
            };
            assert!(said.is_of(meant.wrapping_add(r.addend as u64)), "{} {r:?}: {relocation:?}", item.name);
        }
        let ours = item.without_references(item.bytes.clone());
        assert_eq!(item.without_references(theirs.to_vec()), ours, "{}", item.name);
    }
    let debug: BTreeSet<usize> = read.debug_sections().map(|(_, s)| s.index().0).collect();
    let all = linked.relocations.iter().filter(|(s, _)| !debug.contains(s)).map(|(_, list)| list.len());
    assert_eq!(all.sum::<usize>(), expected + slots.iter().flatten().count(), "relocations");
    judge_linker_symbols(placement, linked, &values);
}

/// The relocation is to the function that is meant; gives the place of the slot when that is in the object.
fn judge_external(linked: &Linked, r: &Reference, relocation: &Relocation, name: &str) -> Option<u64> {
    let target = linked.read.target;
    let import = target.platform.import(name).filter(|_| target.format == Format::MachO);
    let Some((_, function)) = import else {
        assert_eq!(relocation.undefined.as_deref(), Some(name), "{r:?}");
        return None;
    };
    assert_eq!((relocation.undefined.as_ref(), relocation.address % 8), (None, 0), "{r:?}");
    let section = linked.read.section("__DATA", "__const").expect("constants");
    let at = relocation.address - linked.bases[&section.index().0];
    let slot = &linked.relocations[&section.index().0][&at];
    assert_eq!(slot.undefined.as_deref(), Some(function), "{r:?}");
    assert_eq!(slot.flags, numbers(target.format, target.arch, RelocKind::Abs64));
    Some(at)
}

/// Symbols of the linker are the ends of what they are called for.
fn judge_linker_symbols(placement: &Placement, linked: &Linked, values: &BTreeMap<To, u64>) {
    let (text, roots) = ((AtomKind::Text, "__text"), (AtomKind::Roots, "__roots"));
    for (kind, name) in [text, roots] {
        let items = || placement.items().filter(|(item, _)| item.kind == kind);
        let value = |end: &str| {
            values.iter().find(|(to, _)| matches!(to, To::Linker(n) if **n == format!("{name}{end}")))
        };
        if let Some((_, &from)) = value("_start") {
            assert!(items().all(|(_, address)| from <= address), "{name}");
            let first = items().map(|(_, address)| address).min();
            assert!(kind != AtomKind::Text || first == Some(from), "{name}");
        }
        if let Some((_, &to)) = value("_end") {
            let last = items().map(|(item, address)| address + item.size()).max();
            // Items without contents have a place, too.
            assert!(last.is_none_or(|last| last <= to && to <= last + 8), "{name}: {last:x?}, {to:#x}");
        }
    }
    let Some(&table) = values.get(&To::Linker("__pctab")) else { return };
    let base = |s: &object::Section| linked.bases[&s.index().0];
    let inside = |s: &object::Section| (base(s)..base(s) + s.size()).contains(&table);
    let section = linked.read.file.sections().find(inside).expect("a section with the pc table");
    let (segment, name) = section_name(linked.read.target.format, true, AtomKind::Text);
    let text = linked.read.section(segment, name).expect("code");
    let data = section.data().expect("readable");
    placement.judge_pc_table(&data[(table - base(&section)) as usize..], base(&text));
}
