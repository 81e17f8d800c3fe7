//! A library of a system, for Linux: written in the system dialect, compiled and linked by our own crates, and
//! placed at [`BASE`], away from the program, as libraries of systems are.

use crate::elf::{EXECUTE, Part, READ, WRITE};
use mochi_ir::{Attributes, Signature, passes, verify};
use mochi_isa::{Context, Options, entry_stub, module::compile_module};
use mochi_lang::system;
use mochi_objwrite::model::Symbol;
use mochi_objwrite::target::Target;
use mochi_objwrite::{Arch, Atom, AtomKind, LinkInput, Object, RelocEntry, RelocKind, SymRef};
use object::{Object as _, ObjectSection as _, ObjectSegment as _, SegmentFlags};

/// Where the library is: what is loaded is below, and not far: emulators keep tables of all addresses between.
pub const BASE: u64 = 1 << 33;

/// What a library is made of.
pub struct Sources {
    /// What it is compiled for: Linux, with the convention that the system's functions have.
    pub target: Target,
    /// Its files in the dialect: names and texts. The function `start` is the first code.
    pub files: Vec<(&'static str, &'static str)>,
    /// Functions that the files declare and that the dialect cannot say: names and code.
    pub own: Vec<(&'static str, Vec<u8>)>,
    /// What it exports.
    pub exports: Vec<&'static str>,
    /// What an export is called in the files is this and its name.
    pub prefix: &'static str,
    /// Code around an export ([`crate::gates`]), and its call of it.
    pub gate: fn(SymRef) -> (Vec<u8>, RelocEntry),
    /// What the loader tells it: variables of 8 bytes.
    pub settings: &'static [&'static str],
}

/// A library, ready to be part of a program.
#[derive(Debug)]
pub struct Library {
    /// Where programs begin.
    pub start: u64,
    /// The places of its settings.
    settings: Vec<u64>,
    /// Its exports and their addresses.
    exports: Vec<(&'static str, u64)>,
    parts: Vec<Part>,
}

impl Library {
    /// The address of an export.
    pub fn export(&self, symbol: &str) -> Option<u64> {
        self.exports.iter().find(|e| e.0 == symbol).map(|e| e.1)
    }

    /// Its memory, with the values of its settings.
    pub fn parts(&self, settings: &[u64]) -> Vec<Part> {
        assert_eq!(settings.len(), self.settings.len(), "a value for each setting");
        let mut parts = self.parts.clone();
        for (place, value) in self.settings.iter().zip(settings) {
            set_word(&mut parts, *place, |_| *value);
        }
        parts
    }

    /// Compiles, links and relocates it.
    pub fn new(sources: &Sources) -> Library {
        let object = compile(sources);
        let input = LinkInput {
            object: &object,
            archives: &[],
            entry: TABLE,
            symbols: false,
            debug: None,
            build_id: false,
        };
        let image = mochi_objwrite::link(&input).expect("the library links");
        let (table, parts) = relocate(&image.bytes);
        let settings = sources.settings.len();
        let words = 1 + settings + sources.exports.len();
        let words: Vec<u64> = (0..words).map(|n| word_at(&parts, table + 8 * n as u64)).collect();
        let exports = sources.exports.iter().copied().zip(words[1 + settings..].iter().copied()).collect();
        Library { start: words[0], settings: words[1..=settings].to_vec(), exports, parts }
    }
}

/// What all libraries have: how they call Linux.
pub fn linux(arch: Arch) -> Vec<(&'static str, &'static str)> {
    let machine = match arch {
        Arch::A64 => ("linux_a64.mochi", include_str!("linux_a64.mochi")),
        _ => ("linux_x64.mochi", include_str!("linux_x64.mochi")),
    };
    vec![("linux.mochi", include_str!("linux.mochi")), machine]
}

/// A table of addresses: of the start, of the settings, of the exports. It is what the library's file is linked
/// for.
const TABLE: &str = "table of the library";

/// The library as an object.
fn compile(sources: &Sources) -> Object {
    let target = sources.target;
    let mut module = match system::compile(&sources.files) {
        Ok(compiled) => compiled.module,
        Err(errors) => panic!("{}", errors.iter().map(|e| format!("{e}\n")).collect::<String>()),
    };
    let violations = verify::verify_module(&module);
    assert!(violations.is_empty(), "{violations:?}");
    passes::optimise_library(&mut module, mochi_isa::abilities(target));
    let entry = module.declare_func("_start", Signature::default(), Attributes::default(), true);
    let start = module.lookup("start").expect("the library's start");
    let mut object = compile_module(&Context::new(&module, target, Options::default()));
    object.atoms.push(entry_stub(target, entry, start));
    let symbol = |object: &Object, name: &str| {
        let n = object.symbols.iter().position(|s| s.name == name);
        SymRef(n.unwrap_or_else(|| panic!("the library has no `{name}`")) as u32)
    };
    for (name, bytes) in &sources.own {
        let sym = symbol(&object, name);
        object.atoms.push(code(sym, bytes.clone(), Vec::new()));
    }
    let mut table = vec![SymRef(entry.0)];
    table.extend(sources.settings.iter().map(|name| symbol(&object, name)));
    for export in &sources.exports {
        let function = symbol(&object, &format!("{}{export}", sources.prefix));
        let sym = define(&mut object, export);
        let (bytes, call) = (sources.gate)(function);
        object.atoms.push(code(sym, bytes, vec![call]));
        table.push(sym);
    }
    let sym = define(&mut object, TABLE);
    object.atoms.push(addresses(sym, &table));
    object
}

/// A new symbol of an object.
fn define(object: &mut Object, name: &str) -> SymRef {
    object.symbols.push(Symbol { name: name.to_string(), global: true });
    SymRef(object.symbols.len() as u32 - 1)
}

/// An atom of code.
fn code(sym: SymRef, bytes: Vec<u8>, relocs: Vec<RelocEntry>) -> Atom {
    Atom { sym, kind: AtomKind::Text, align: 16, bytes, zero_size: 0, relocs, function: None }
}

/// An atom of the addresses of symbols.
fn addresses(sym: SymRef, symbols: &[SymRef]) -> Atom {
    let reloc = |(n, &sym): (usize, &SymRef)| RelocEntry {
        offset: 8 * n as u32,
        kind: RelocKind::Abs64,
        sym,
        addend: 0,
    };
    Atom {
        sym,
        kind: AtomKind::RelRo,
        align: 8,
        bytes: vec![0; 8 * symbols.len()],
        zero_size: 0,
        relocs: symbols.iter().enumerate().map(reloc).collect(),
        function: None,
    }
}

/// Puts a static-PIE at [`BASE`]: its entry, which is the table here, and its segments.
fn relocate(file: &[u8]) -> (u64, Vec<Part>) {
    let elf = object::File::parse(file).expect("an ELF file");
    let part = |s: object::Segment<'_, '_>| {
        let mut bytes = s.data().expect("a segment in the file").to_vec();
        bytes.resize(s.size() as usize, 0);
        let SegmentFlags::Elf { p_flags, .. } = s.flags() else { unreachable!("an ELF file") };
        let bit = |from: u32, to: u32| if p_flags.0 & from != 0 { to } else { 0 };
        Part {
            address: BASE + s.address(),
            protection: bit(4, READ) | bit(2, WRITE) | bit(1, EXECUTE),
            bytes,
        }
    };
    let mut parts: Vec<Part> = elf.segments().map(part).collect();
    let relr = elf.section_by_name(".relr.dyn").and_then(|s| s.data().ok()).unwrap_or_default();
    let mut next = BASE;
    for entry in relr.chunks_exact(8).map(|w| u64::from_le_bytes(w.try_into().expect("8 bytes"))) {
        if entry & 1 == 0 {
            next = BASE + entry;
            set_word(&mut parts, next, |old| old + BASE);
            next += 8;
        } else {
            for bit in (0..63).filter(|bit| entry >> (bit + 1) & 1 != 0) {
                set_word(&mut parts, next + 8 * bit, |old| old + BASE);
            }
            next += 8 * 63;
        }
    }
    (BASE + elf.entry(), parts)
}

/// Where a word is: its part and its bytes there.
fn place(parts: &[Part], address: u64) -> (usize, std::ops::Range<usize>) {
    let inside = |p: &Part| (p.address..p.address + p.bytes.len() as u64).contains(&address);
    let index = parts.iter().position(inside).expect("a word of the library");
    let at = (address - parts[index].address) as usize;
    (index, at..at + 8)
}

fn word_at(parts: &[Part], address: u64) -> u64 {
    let (index, range) = place(parts, address);
    u64::from_le_bytes(parts[index].bytes[range].try_into().expect("8 bytes"))
}

fn set_word(parts: &mut [Part], address: u64, value: impl Fn(u64) -> u64) {
    let new = value(word_at(parts, address));
    let (index, range) = place(parts, address);
    parts[index].bytes[range].copy_from_slice(&new.to_le_bytes());
}
