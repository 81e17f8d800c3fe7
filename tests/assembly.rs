//! `--emit asm`: what assemblers make of the text has, atom by atom, the bytes and relocations that we
//! write ourselves.

mod common;

use common::programs;
use mochi::pipeline::{self, Code, Source};
use mochi_ir::passes;
use mochi_isa::module::{compile_module, disassemble_module};
use mochi_isa::{Context, Options};
use mochi_lang::diag::Diagnostics;
use mochi_objwrite::reloc::{Piece, RELOCS, apply};
use mochi_objwrite::target::{self, Arch, Format, TARGETS, Target};
use mochi_objwrite::{Atom, AtomKind, RelocEntry};
use mochi_testkit::{Random, Scratch, engines, first_installed, output, parallel, seeds, text, threads};
use object::{
    Object as _, ObjectSection as _, ObjectSymbol as _, RelocationFlags, RelocationTarget, SymbolSection,
};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::ops::Range;
use std::process::Command;

/// An assembler, and its arguments but for the files.
type Assembler = Vec<String>;

/// The assemblers of a target that are here.
fn assemblers(target: Target) -> Vec<Assembler> {
    let gnu = engines::gnu_name(target.arch).expect("a machine with assemblers");
    let own =
        if target::host().is_ok_and(|h| h.arch == target.arch) { "as".into() } else { format!("{gnu}-as") };
    let words = |words: &[&str]| words.iter().map(|w| w.to_string()).collect::<Assembler>();
    let (machine, features) = match target.arch {
        Arch::Rv64 => ("-march=rv64gc", "-mattr=+m,+a,+f,+d,+c"),
        _ => ("", ""),
    };
    let own = first_installed(&[&own]).map(|a| words(&[a, machine]));
    let triple = format!("--triple={gnu}");
    let other = first_installed(&["llvm-mc"]).map(|a| words(&[a, "--filetype=obj", &triple, features]));
    let list = own.into_iter().chain(other);
    list.map(|a| a.into_iter().filter(|word| !word.is_empty()).collect()).collect()
}

/// What is not the same.
struct Difference(String);

type Same = Result<(), Difference>;

fn differ(what: String) -> Same {
    Err(Difference(what))
}

/// What is in an assembler's object, by what is compared.
struct Assembled<'a> {
    file: object::File<'a>,
    symbols: HashMap<&'a str, object::SymbolIndex>,
}

/// A place: a section and an offset in it, or the name of something elsewhere and a distance from it.
#[derive(PartialEq, Debug)]
enum At {
    Section(usize, u64),
    Elsewhere(String, u64),
}

impl<'a> Assembled<'a> {
    fn new(bytes: &'a [u8]) -> Assembled<'a> {
        let file = object::File::parse(bytes).expect("an object");
        let symbols = file.symbols().filter_map(|s| Some((s.name().ok()?, s.index()))).collect();
        Assembled { file, symbols }
    }

    fn at(&self, symbol: object::SymbolIndex, addend: i64) -> At {
        let symbol = self.file.symbol_by_index(symbol).expect("a symbol");
        let offset = symbol.address().wrapping_add(addend as u64);
        match symbol.section() {
            SymbolSection::Section(i) => At::Section(i.0, offset),
            _ => At::Elsewhere(symbol.name().expect("a name").to_string(), addend as u64),
        }
    }

    /// The atom of this name: its section, its offset in that, its bytes.
    fn atom(&self, name: &str, size: usize) -> Option<(usize, u64, Vec<u8>)> {
        let At::Section(section, from) = self.at(*self.symbols.get(name)?, 0) else { return None };
        let data = self.file.section_by_index(object::SectionIndex(section)).ok()?.data().ok()?;
        Some((section, from, data.get(from as usize..from as usize + size)?.to_vec()))
    }

    /// Relocations of a section by offset: what they refer to, and their number.
    fn relocations(&self, section: usize) -> HashMap<u64, (At, u32)> {
        let section = self.file.section_by_index(object::SectionIndex(section)).expect("a section");
        let refers = section.relocations().filter_map(|(offset, r)| match (r.target(), r.flags()) {
            (RelocationTarget::Symbol(s), RelocationFlags::Elf { r_type }) => {
                Some((offset, (self.at(s, r.addend()), r_type.0)))
            }
            _ => None,
        });
        refers.collect()
    }

    /// Does what the assembler has left to the linker within a section: RISC-V's assembler leaves everything.
    fn finish(&self, arch: Arch, (section, from): (usize, u64), atom: &Atom, bytes: &mut [u8]) {
        let ours: HashSet<u64> = atom.relocs.iter().map(|r| from + u64::from(r.offset)).collect();
        for (place, (to, number)) in self.relocations(section) {
            let row = RELOCS.iter().find(|row| row.elf_number(arch) == Some(number));
            let (At::Section(to_section, target), Some(row)) = (&to, row) else { continue };
            let at = place.wrapping_sub(from) as usize;
            if *to_section == section && !ours.contains(&place) && at < bytes.len() {
                apply(row.kind, &mut bytes[at..], *target, place).expect("in one section");
            }
        }
    }
}

/// Whether the unit of a relocation is what it has to be.
fn same_unit(
    assembled: &Assembled,
    refers: &HashMap<u64, (At, u32)>,
    (section, from): (usize, u64),
    (ours, theirs): (&[u8], &[u8]),
    (r, name): (&RelocEntry, &str),
) -> Same {
    let row = r.kind.row();
    let place = from + u64::from(r.offset);
    let to = match assembled.symbols.get(name) {
        Some(&s) => assembled.at(s, r.addend),
        None => return differ(format!("nothing refers to {name}")),
    };
    let unit = r.offset as usize..(r.offset + row.bytes) as usize;
    let mut own = ours[unit.clone()].to_vec();
    let mut other = theirs[unit].to_vec();
    match (refers.get(&place), &to) {
        (Some((at, _)), _) if *at != to => return differ(format!("refers to {at:?} instead of {to:?}")),
        (Some(_), _) => {
            // The field is the linker's.
            clear(&mut own, row.pieces);
            clear(&mut other, row.pieces);
        }
        // Both are in one section: the assembler knows the distance.
        (None, At::Section(i, target)) if *i == section => {
            apply(r.kind, &mut own, *target, place).map_err(|e| Difference(e.to_string()))?;
        }
        (None, _) => return differ(format!("no relocation for {name}")),
    }
    if own == other { Ok(()) } else { differ(format!("{other:02x?} instead of {own:02x?} for {name}")) }
}

fn clear(unit: &mut [u8], pieces: &[Piece]) {
    for p in pieces {
        for bit in p.to..p.to + p.len {
            unit[bit as usize / 8] &= !(1 << (bit % 8));
        }
    }
}

/// What is not the same in an atom.
fn difference(assembled: &Assembled, arch: Arch, atom: &Atom, names: &dyn Fn(u32) -> String) -> Same {
    let name = names(atom.sym.0);
    if atom.kind == AtomKind::Bss {
        return assembled.symbols.get(&*name).map(|_| ()).ok_or(Difference(format!("{name} is not there")));
    }
    let found = assembled.atom(&name, atom.bytes.len()).ok_or(Difference(format!("{name} is not there")))?;
    let (section, from, mut theirs) = found;
    assembled.finish(arch, (section, from), atom, &mut theirs);
    let refers = assembled.relocations(section);
    let mut at = 0;
    for r in &atom.relocs {
        let offset = r.offset as usize;
        same(&name, &atom.bytes, &theirs, at..offset)?;
        let both = (&*atom.bytes, &*theirs);
        same_unit(assembled, &refers, (section, from), both, (r, &names(r.sym.0)))
            .map_err(|e| Difference(format!("{name}+{offset:#x}: {}", e.0)))?;
        at = r.end() as usize;
    }
    same(&name, &atom.bytes, &theirs, at..atom.bytes.len())
}

/// Compares bytes that no relocation is for.
fn same(name: &str, ours: &[u8], theirs: &[u8], range: Range<usize>) -> Same {
    let differs = |i: &usize| ours[*i] != theirs[*i] && !is_exchange(ours, theirs, *i);
    let Some(at) = range.clone().find(differs) else { return Ok(()) };
    let some = at..range.end.min(at + 12);
    differ(format!("{name}+{at:#x}: {:02x?} instead of {:02x?}", &theirs[some.clone()], &ours[some]))
}

/// How far conditional branches of RV64 reach, in bytes.
const BRANCH_REACH: usize = 4096;

/// GNU's assembler for RISC-V grows a branch that only just reaches, because others have not shrunk yet when it
/// looks.
fn grows_branches(target: Target, assembler: &str) -> bool {
    target.arch == Arch::Rv64 && assembler.ends_with("-as")
}

/// Assembles the text of an object, and gives what is not as in the object.
fn check(object: &mochi_objwrite::Object, assembler: &Assembler, s: &Scratch, name: &str) -> Vec<String> {
    let (input, made) = (format!("{name}.s"), format!("{name}.o"));
    s.write(&input, &disassemble_module(object));
    let (program, args) = assembler.split_first().expect("a program");
    let ran = output(Command::new(program).args(args).args([&input, "-o", &made]).current_dir(&s.0));
    let said = text(&ran.stderr);
    if !said.is_empty() {
        return vec![format!(
            "{name}: {assembler:?}: {}",
            said.lines().take(4).collect::<Vec<_>>().join("\n")
        )];
    }
    let bytes = fs::read(s.path(&made)).expect("an object");
    let assembled = Assembled::new(&bytes);
    let names = |n: u32| object.symbols[n as usize].name.clone();
    let is_compared = |a: &&Atom| !(grows_branches(object.target, program) && a.bytes.len() > BRANCH_REACH);
    let compared = object.atoms.iter().filter(is_compared);
    let bad = compared.filter_map(|a| difference(&assembled, object.target.arch, a, &names).err());
    bad.map(|e| format!("{name}: {program}: {}", e.0)).collect()
}

/// Whether the byte is of an `xchg` of two 64-bit registers of x86-64: GNU's assembler and LLVM's name them in
/// different orders.
fn is_exchange(ours: &[u8], theirs: &[u8], at: usize) -> bool {
    // REX.WRB, opcode, ModRM: both name the registers.
    let named = |code: &[u8]| match code {
        [rex @ (0x48 | 0x49 | 0x4C | 0x4D), 0x87, modrm @ 0xC0..=0xFF] => {
            Some((rex << 1 & 8 | modrm >> 3 & 7, rex << 3 & 8 | modrm & 7))
        }
        _ => None,
    };
    (at.saturating_sub(2)..=at)
        .filter_map(|i| Some((ours.get(i..i + 3)?, theirs.get(i..i + 3)?)))
        .any(|(a, b)| matches!((named(a), named(b)), (Some((a, b)), Some((c, d))) if (a, b) == (d, c)))
}

fn elf_targets() -> impl Iterator<Item = Target> {
    TARGETS.iter().filter(|t| t.format == Format::Elf)
}

/// Golden programs with each assembler, and for debuggers with one of them.
#[test]
fn programs_assemble_to_the_same_bytes() {
    let s = Scratch::new("assembly");
    let tools: Vec<(Target, Vec<Assembler>)> = elf_targets().map(|t| (t, assemblers(t))).collect();
    let bad = parallel(threads(), &programs("golden"), |path| {
        let name = path.file_stem().and_then(|n| n.to_str()).expect("a name");
        let source = Source::new("golden.mochi", fs::read(path).expect("a program"));
        let mut diags = Diagnostics::new();
        let program = source.parse(&mut diags);
        let tree = source.check(&program, &mut diags).expect("a golden program");
        let mut bad = Vec::new();
        for (target, assemblers) in &tools {
            for debug in [false, true] {
                let code = Code { debug, verify: false, ..Code::default() };
                let mut module = source.lower(&tree);
                pipeline::optimize(&mut module, target, &code, None);
                let (object, _) = pipeline::generate(&module, target, &code);
                let name = format!("{name}.{}.{debug}", target.short);
                let some = if debug { &assemblers[assemblers.len().saturating_sub(1)..] } else { assemblers };
                bad.extend(some.iter().flat_map(|a| check(&object, a, &s, &name)));
            }
        }
        bad
    });
    let bad = bad.concat();
    assert!(bad.is_empty(), "{} differ:\n{}", bad.len(), bad[..bad.len().min(40)].join("\n"));
}

/// Random functions have instructions that programs seldom have.
#[test]
fn random_functions_assemble_to_the_same_bytes() {
    let s = Scratch::new("random-assembly");
    let tools: Vec<(Target, Vec<Assembler>)> = elf_targets().map(|t| (t, assemblers(t))).collect();
    let bad = parallel(threads(), &seeds(12).collect::<Vec<_>>(), |&seed| {
        let mut module = mochi_ir::fuzz::generate_functions(&Random::new(seed).bytes(2000));
        let mut bad = Vec::new();
        for optimised in [false, true] {
            for (target, assemblers) in &tools {
                if optimised {
                    passes::optimise(&mut module, mochi_isa::abilities(target), false);
                }
                let options = Options { debug: !optimised, ..Options::default() };
                let object = compile_module(&Context::new(&module, target, options));
                let name = format!("{seed}.{}.{optimised}", target.short);
                bad.extend(assemblers.iter().flat_map(|a| check(&object, a, &s, &name)));
            }
        }
        bad
    });
    let bad = bad.concat();
    assert!(bad.is_empty(), "{} differ:\n{}", bad.len(), bad[..bad.len().min(40)].join("\n"));
}
