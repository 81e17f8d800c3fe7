//! What programs of macOS call of libSystem, for Linux: written in the system dialect, compiled and linked by
//! our own crates, and placed at [`BASE`], far from the program, as libSystem is.
//!
//! Functions have macOS's flags, structures and error numbers, and are stricter than the system:
//!
//! - every call goes through a *gate* ([`gates`]), which looks whether the stack is aligned and, on arm64, x18
//!   untouched, and gives back each register that a function need not keep with rubbish in it;
//! - a result of type `int`, and one that is given to the program (the count of arguments, a signal), has
//!   rubbish in its high half, which no convention defines;
//! - pages are as large as macOS's, and what is not aligned to them is an error where it is one there;
//! - memory that is given back keeps its contents, since macOS does not promise zeros;
//! - what a function does not know it refuses.
//!
//! A handler of signals sees macOS's structures; what it changes in them is not taken back when it returns.

mod gates;

use crate::macho::{EXECUTE, Part, READ, WRITE};
use mochi_ir::{Attributes, Signature, passes, verify};
use mochi_isa::{Context, Options, entry_stub, module::compile_module};
use mochi_lang::system;
use mochi_objwrite::model::Symbol;
use mochi_objwrite::target::{self, Target};
use mochi_objwrite::{Arch, Atom, AtomKind, LinkInput, Object, RelocEntry, RelocKind, SymRef};
use object::{Object as _, ObjectSection as _, ObjectSegment as _, SegmentFlags};
use std::sync::LazyLock;

/// Where the library is: what is loaded is below.
pub const BASE: u64 = 1 << 36;

/// What the library exports. The function behind `_write` is `mac_write` in its files.
const EXPORTS: &[&str] = &[
    "___error",
    "__exit",
    "_arc4random_buf",
    "_clock_gettime",
    "_getpagesize",
    "_getpid",
    "_isatty",
    "_kill",
    "_madvise",
    "_mmap",
    "_mprotect",
    "_munmap",
    "_poll",
    "_read",
    "_sigaction",
    "_sigaltstack",
    "_sysctlbyname",
    "_write",
];

/// What the loader tells the library: variables of 8 bytes.
const SETTINGS: [&str; 2] = ["image_entry", "image_stack"];

/// The words of the library's table before those of [`EXPORTS`]: its start, and where the settings are.
const FIRST_EXPORT: usize = 1 + SETTINGS.len();

/// A library, ready to be part of a program.
#[derive(Debug)]
pub struct LibSystem {
    /// Where programs begin.
    pub start: u64,
    /// Address of the table that [`FIRST_EXPORT`] describes, and its words.
    words: Vec<u64>,
    parts: Vec<Part>,
}

/// Whether the library has a symbol.
pub fn exports(symbol: &str) -> bool {
    EXPORTS.contains(&symbol)
}

/// The library for a machine.
pub fn of(arch: Arch) -> &'static LibSystem {
    static X64: LazyLock<LibSystem> = LazyLock::new(|| LibSystem::new("x64-linux"));
    static A64: LazyLock<LibSystem> = LazyLock::new(|| LibSystem::new("a64-linux"));
    if arch == Arch::A64 { &A64 } else { &X64 }
}

impl LibSystem {
    /// The address of a symbol.
    pub fn export(&self, symbol: &str) -> Option<u64> {
        let index = EXPORTS.iter().position(|e| *e == symbol)?;
        Some(self.words[FIRST_EXPORT + index])
    }

    /// Its memory, when it is to call `entry` on a stack of so many bytes (0: as many as it likes).
    pub fn parts(&self, entry: u64, stack: u64) -> Vec<Part> {
        let mut parts = self.parts.clone();
        for (place, value) in self.words[1..FIRST_EXPORT].iter().zip([entry, stack]) {
            set_word(&mut parts, *place, |_| value);
        }
        parts
    }

    /// Compiles, links and relocates it.
    fn new(target: &str) -> LibSystem {
        let target = target::parse(target).expect("a target");
        let object = compile(target);
        let input = LinkInput {
            object: &object,
            archives: &[],
            entry: "exports",
            symbols: false,
            debug: None,
            build_id: false,
        };
        let image = mochi_objwrite::link(&input).expect("the library links");
        let (table, parts) = relocate(&image.bytes);
        let word = |n: usize| word_at(&parts, table + 8 * n as u64);
        let words: Vec<u64> = (0..FIRST_EXPORT + EXPORTS.len()).map(word).collect();
        LibSystem { start: words[0], words, parts }
    }
}

/// The library as an object.
fn compile(target: Target) -> Object {
    let machine = match target.arch {
        Arch::A64 => ("libsystem_a64.mochi", include_str!("libsystem_a64.mochi")),
        _ => ("libsystem_x64.mochi", include_str!("libsystem_x64.mochi")),
    };
    let files = [
        ("libsystem.mochi", include_str!("libsystem.mochi")),
        ("signals.mochi", include_str!("signals.mochi")),
        machine,
    ];
    let mut module = match system::compile(&files) {
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
    for (name, bytes) in gates::own(target.arch) {
        let sym = symbol(&object, name);
        object.atoms.push(code(sym, bytes, Vec::new()));
    }
    let mut table = vec![SymRef(entry.0)];
    table.extend(SETTINGS.map(|name| symbol(&object, name)));
    for export in EXPORTS {
        let function = symbol(&object, &format!("mac{export}"));
        let sym = define(&mut object, export);
        let (bytes, call) = gates::gate(target.arch, function);
        object.atoms.push(code(sym, bytes, vec![call]));
        table.push(sym);
    }
    let sym = define(&mut object, "exports");
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
