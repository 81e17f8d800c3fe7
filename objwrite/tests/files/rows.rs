//! Every row of the relocation table against another linker.
//!
//! An object uses each relocation of a machine once, on a symbol of a second object. `ld.lld` links
//! the two; from the addresses it chose, `reloc::apply` must make the bytes that it made.

use crate::support::*;
use mochi_objwrite::reloc::{self, RELOCS};
use mochi_objwrite::target::{TARGETS, Target};
use mochi_objwrite::{
    Atom, AtomKind, Format, LinkInput, Object, RelocEntry, RelocKind, RelocatableInput, SymRef, Symbol, link,
    relocatable,
};
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{LittleEndian, Object as _, ObjectSection, ObjectSymbol, elf};

/// The machines that the format is for.
fn machines() -> impl Iterator<Item = Target> {
    TARGETS.iter().filter(|row| row.format == Format::Elf)
}

/// An object with one atom per kind and list of relocations.
fn object(target: Target, atoms: &[(&str, AtomKind, Vec<RelocKind>)]) -> Vec<u8> {
    let mut object = Object::new(target);
    for (name, kind, kinds) in atoms {
        object.symbols.push(Symbol { name: name.to_string(), global: true });
        object.symbols.push(Symbol { name: "target".into(), global: true });
        let defined = *name == "target";
        let sym = SymRef(object.symbols.len() as u32 - if defined { 1 } else { 2 });
        let other = SymRef(object.symbols.len() as u32 - 1);
        let reloc = |(i, &kind): (usize, &RelocKind)| RelocEntry {
            offset: i as u32 * 16,
            kind,
            sym: other,
            addend: 8,
        };
        object.atoms.push(Atom {
            sym,
            kind: *kind,
            align: 16,
            bytes: vec![0; 16 + kinds.len() * 16],
            zero_size: 0,
            relocs: kinds.iter().enumerate().map(reloc).collect(),
            function: None,
        });
    }
    let exports: Vec<&str> = atoms.iter().map(|a| a.0).collect();
    relocatable(&RelocatableInput { object: &object, archives: &[], exports: &exports, debug: None })
        .unwrap()
        .bytes
}

fn agrees(target: Target) {
    // Calls that other linkers do not extend are not left to them.
    let left = |k: RelocKind| k != RelocKind::Abs32 && k.veneer().is_none_or(|v| v.by_linkers);
    let of_machine = |r: &&reloc::RelocRow| r.elf_number(target.arch).is_some() && left(r.kind);
    let kinds: Vec<RelocKind> = RELOCS.iter().filter(of_machine).map(|r| r.kind).collect();
    let (data, code): (Vec<_>, Vec<_>) =
        kinds.into_iter().partition(|k| matches!(k, RelocKind::Abs64 | RelocKind::Rel32));
    let dir = directory("rows");
    let path = |name: &str| dir.join(format!("{}-{name}", target.short)).to_str().unwrap().to_string();
    let (user, other, program) = (path("user.o"), path("other.o"), path("program"));
    let atoms = [("_start", AtomKind::Text, code.clone()), ("words", AtomKind::Data, data.clone())];
    std::fs::write(&user, object(target, &atoms)).unwrap();
    std::fs::write(&other, object(target, &[("target", AtomKind::Text, vec![])])).unwrap();
    if tool("ld.lld", &[&user, &other, "-o", &program]).is_none() {
        return;
    }
    let bytes = std::fs::read(&program).unwrap();
    let file = ElfFile64::<LittleEndian>::parse(&*bytes).unwrap();
    let address = |name: &str| file.symbols().find(|s| s.name() == Ok(name)).unwrap().address();
    for (name, section, kinds) in [("_start", ".text", &code), ("words", ".data", &data)] {
        assert!(!kinds.is_empty());
        let section = file.section_by_name(section).unwrap();
        for (i, &kind) in kinds.iter().enumerate() {
            let place = address(name) + i as u64 * 16;
            let from = (place - section.address()) as usize;
            let theirs = &section.data().unwrap()[from..from + 16];
            let mut ours = [0; 16];
            // lld writes all of this instruction.
            ours[3] = if kind == RelocKind::A64Jump { 0x14 } else { 0 };
            reloc::apply(kind, &mut ours, address("target") + 8, place).unwrap();
            assert_eq!(ours, theirs, "{} {kind:?}", target.short);
        }
    }
}

/// The executable's headers for each machine: pages of the size its kernels may use.
#[test]
fn executables_of_each_machine() {
    for target in machines() {
        let page = target.platform.page;
        let mut object = Object::new(target);
        for (i, kind) in
            [AtomKind::Text, AtomKind::RelRo, AtomKind::Data, AtomKind::ReadOnly].into_iter().enumerate()
        {
            object.symbols.push(Symbol { name: ["_start", "a", "b", "c"][i].into(), global: true });
            let word =
                |sym, i| RelocEntry { offset: i * 8, kind: RelocKind::Abs64, sym: SymRef(sym), addend: 0 };
            let distance =
                |sym| RelocEntry { offset: sym * 4, kind: RelocKind::Rel32, sym: SymRef(sym), addend: 0 };
            let relocs = match kind {
                AtomKind::Text => (0..4).map(distance).collect(),
                AtomKind::ReadOnly => vec![],
                _ => (0..3).map(|i| word(i, i)).collect(),
            };
            let sym = SymRef(i as u32);
            let atom =
                Atom { sym, kind, align: 16, bytes: vec![0; 64], zero_size: 0, relocs, function: None };
            object.atoms.push(atom);
        }
        let input = LinkInput {
            object: &object,
            archives: &[],
            entry: "_start",
            symbols: true,
            debug: Some(debug()),
            build_id: true,
        };
        let bytes = link(&input).unwrap().bytes;
        assert!(bytes.len() < 4000, "{} bytes", bytes.len());
        let header = elf::FileHeader64::<LittleEndian>::parse(&*bytes).unwrap();
        let mut end = 0;
        for p in header.program_headers(LittleEndian, &*bytes).unwrap() {
            if p.p_type(LittleEndian) != elf::PT_LOAD {
                continue;
            }
            let (offset, address) = (p.p_offset(LittleEndian), p.p_vaddr(LittleEndian));
            assert_eq!(p.p_align(LittleEndian), page);
            assert_eq!(offset % page, address % page);
            assert!(address / page * page >= end, "two protections in a page");
            end = address + p.p_memsz(LittleEndian);
        }
        let path = directory("rows").join(format!("{}-own", target.short));
        std::fs::write(&path, bytes).unwrap();
        if let Some(text) = tool("llvm-readelf", &["-a", path.to_str().unwrap()]) {
            assert!(!text.contains("warning"), "{text}");
        }
        if let Some(text) = tool("llvm-dwarfdump", &["--verify", path.to_str().unwrap()]) {
            assert!(text.contains("No errors") && !text.contains("warning"), "{text}");
        }
    }
}

#[test]
fn lld_agrees() {
    machines().for_each(agrees);
}
