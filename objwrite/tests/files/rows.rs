//! Every row of the relocation table against another linker.
//!
//! An object uses each relocation of a machine, on a symbol of a second object. LLVM's linker for the format links
//! the two; from the addresses it chose, `reloc::apply` must make the bytes that it made.

use crate::support::*;
use mochi_objwrite::reloc::{self, RELOCS};
use mochi_objwrite::target::{FileKind, TARGETS, Target};
use mochi_objwrite::{
    Arch, Atom, AtomKind, Format, LinkInput, Object, RelocEntry, RelocKind, RelocatableInput, SymRef, Symbol,
    link, relocatable,
};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{LittleEndian, Object as _, ObjectSection, ObjectSymbol, elf};

/// The machines that the format is for.
fn machines() -> impl Iterator<Item = Target> {
    TARGETS.iter().filter(|row| row.format == Format::Elf)
}

/// What is added to the symbol's address.
const ADDENDS: [i64; 3] = [8, -16, 0x1_2350];
/// Bytes from one field to the next.
const STEP: usize = 16;

/// An instruction for a field: linkers look at those of AArch64.
fn unit(kind: RelocKind) -> [u8; STEP] {
    use RelocKind::*;
    let word: u32 = match kind {
        A64Call => 0x9400_0000,
        A64Jump => 0x1400_0000,
        A64Page => 0x9000_0000,
        A64Lo12 => 0x9100_0000,
        A64Ldst8Lo12 => 0x3940_0000,
        A64Ldst16Lo12 => 0x7940_0000,
        A64Ldst32Lo12 => 0xB940_0000,
        A64Ldst64Lo12 => 0xF940_0000,
        _ => 0,
    };
    let mut unit = [0; STEP];
    unit[..4].copy_from_slice(&word.to_le_bytes());
    unit
}

/// Kinds of relocations with addends.
type Fields = Vec<(RelocKind, i64)>;

/// An object with an atom for each of these.
fn object(target: Target, atoms: &[(&str, AtomKind, Fields)]) -> Vec<u8> {
    let mut object = Object::new(target);
    for (name, kind, fields) in atoms {
        object.symbols.push(Symbol { name: name.to_string(), global: true });
        object.symbols.push(Symbol { name: "target".into(), global: true });
        let defined = *name == "target";
        let sym = SymRef(object.symbols.len() as u32 - if defined { 1 } else { 2 });
        let other = SymRef(object.symbols.len() as u32 - 1);
        let reloc = |(i, &(kind, addend)): (usize, &(RelocKind, i64))| RelocEntry {
            offset: (i * STEP) as u32,
            kind,
            sym: other,
            addend,
        };
        object.atoms.push(Atom {
            sym,
            kind: *kind,
            align: 16,
            bytes: fields.iter().flat_map(|f| unit(f.0)).chain([0; STEP]).collect(),
            zero_size: 0,
            relocs: fields.iter().enumerate().map(reloc).collect(),
            function: None,
        });
    }
    let exports: Vec<&str> = atoms.iter().map(|a| a.0).collect();
    relocatable(&RelocatableInput { object: &object, archives: &[], exports: &exports, debug: None })
        .unwrap()
        .bytes
}

/// The linker of a format, and how it makes a program of two objects.
fn linked(target: Target, objects: [&str; 2], program: &str) -> Option<()> {
    let out = format!("-out:{program}");
    let arch = if target.arch == Arch::A64 { "arm64" } else { "x86_64" };
    let version = ["-platform_version", "macos", "11.0", "11.0"];
    let (names, args): (&[&str], Vec<&str>) = match target.format {
        Format::Elf => (&["ld.lld"], vec!["-o", program]),
        Format::Coff => {
            let how = ["-nologo", "-entry:_start", "-subsystem:console", "-debug:symtab"];
            (&["lld-link"], [&how[..], &[&out]].concat())
        }
        Format::MachO => {
            let how = ["-arch", arch, "-e", "__start", "-o", program];
            (&["ld64.lld", "ld64.lld-14"], [&how[..], &version].concat())
        }
        Format::Wasm => return None,
    };
    let name = mochi_testkit::first_installed(names)?;
    tool(name, &[&args[..], &objects].concat()).map(|_| ())
}

fn agrees(target: Target) {
    // Calls that other linkers do not extend are not left to them.
    let left = |k: RelocKind| k != RelocKind::Abs32 && k.veneer().is_none_or(|v| v.by_linkers);
    let of_machine = |r: &&reloc::RelocRow| r.elf_number(target.arch).is_some() && left(r.kind);
    let kinds = RELOCS.iter().filter(of_machine).map(|r| r.kind);
    // In COFF these go to the start of functions only.
    let start = |k: RelocKind| k.veneer().is_some();
    let fields = kinds.flat_map(|kind| ADDENDS.map(|addend| (kind, if start(kind) { 0 } else { addend })));
    let (data, code): (Fields, Fields) =
        fields.partition(|(k, _)| matches!(k, RelocKind::Abs64 | RelocKind::Rel32));
    let dir = directory("rows");
    let path = |name: &str| dir.join(format!("{}-{name}", target.short)).to_str().unwrap().to_string();
    let (user, other, program) = (path("user.o"), path("other.o"), path("program"));
    let atoms = [("_start", AtomKind::Text, code.clone()), ("words", AtomKind::Data, data.clone())];
    let bytes = object(target, &atoms);
    assert_eq!(bytes, object(target, &atoms), "same input, same bytes");
    std::fs::write(&user, bytes).unwrap();
    std::fs::write(&other, object(target, &[("target", AtomKind::Text, vec![])])).unwrap();
    if linked(target, [&user, &other], &program).is_none() {
        return;
    }
    let bytes = std::fs::read(&program).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let address = |name: &str| {
        let is = |s: &object::Symbol| s.name().is_ok_and(|n| n == name || n.strip_prefix('_') == Some(name));
        file.symbols().find(is).unwrap().address()
    };
    for (name, fields) in [("_start", &code), ("words", &data)] {
        assert!(!fields.is_empty());
        for (i, &(kind, addend)) in fields.iter().enumerate() {
            let place = address(name) + (i * STEP) as u64;
            let inside = |s: &object::Section| (s.address()..s.address() + s.size()).contains(&place);
            let section = file.sections().find(inside).unwrap();
            let from = (place - section.address()) as usize;
            let theirs = &section.data().unwrap()[from..from + STEP];
            let mut ours = unit(kind);
            reloc::apply(kind, &mut ours, address("target").wrapping_add_signed(addend), place).unwrap();
            assert_eq!(ours, theirs, "{} {kind:?} {addend:+}", target.short);
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
    let has_objects = |t: &Target| t.format.files().iter().any(|f| f.0 == FileKind::Object);
    TARGETS.iter().filter(has_objects).for_each(agrees);
}
