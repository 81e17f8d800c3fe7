//! Executable modules: numbering of functions, linear memory, the sections of the file.
//!
//! Functions are numbered: imports, functions of atoms in the order of the layout, adapters of
//! imports ([`super::imports`]). A function pointer is an index in the one table, which holds the
//! functions whose address is taken; index 0 is null.
//!
//! ```text
//! address   contents
//! 0         nothing: no address below FIRST is ever used
//! FIRST     constants, constants with addresses, writable data
//!           writable data that is searched for references                 __roots_start, __roots_end
//!           zeros
//!           stack, growing down                                           __stack_low, __stack_top
//!           pc table                                                      __pctab
//!           free, grows                                                   __heap_start
//! ```
//!
//! Only what is not zero is in the file, as active data segments. The pc table comes last because
//! its size depends on the code, whose size depends on every other address.
//!
//! Exports are `memory` and the entry, under its own name and with its own type. Global 0 is the
//! stack pointer, global 1 the lowest address it may have: at first `__stack_low`.

use super::about;
use super::code::{Body, Code, Insertion, Number};
use super::imports::{self, Import, Means};
use super::sections::{self, END, I32, Id, PREAMBLE, Types, bytes, items, number, type_size};
use crate::dwarf;
use crate::identity::identity;
use crate::leb;
use crate::link::layout::{Function, Layout, pc_table};
use crate::link::resolve::{Def, LinkerSymbol, Program, resolve};
use crate::link::{Image, LinkError, LinkInput};
use crate::model::{AtomKind, RelocEntry};
use crate::reloc::{Range, RelocKind};
use crate::target::Arch;
use std::borrow::Cow;

/// First address that is used: an access near 0 is always a mistake.
const FIRST: u64 = 1024;
/// Size of the stack until the program takes another: frames are as large as engines' own for the
/// same function, and V8's stack has 984 KiB by default, of which the host takes about 24 and functions that
/// do not look at the limit a little.
pub const STACK_SIZE: u64 = 864 << 10;
/// Memory below `__stack_low`, for frames that are made around a single call without a check.
const STACK_SLACK: u64 = 64 << 10;
/// Pages of linear memory.
pub(crate) const PAGE: u64 = 1 << 16;
/// Number of pages that 32-bit addresses reach.
const MOST_PAGES: u64 = 1 << 16;
/// Segments that engines certainly take (their limit is 100,000).
const MOST_SEGMENTS: usize = 10_000;
/// Zeros that are cheaper to leave out than a further segment.
const SEGMENT_COST: usize = 16;

/// The kinds of data in order of address.
const DATA: [AtomKind; 5] =
    [AtomKind::ReadOnly, AtomKind::RelRo, AtomKind::Data, AtomKind::Roots, AtomKind::Bss];

/// A program whose functions and data have numbers.
struct Writer<'a> {
    arch: Arch,
    program: Program<'a>,
    layout: Layout,
    types: Types,
    /// The imports that the program uses, by external of the program.
    externals: Vec<&'static Import>,
    /// Types of the functions that are imported.
    imported: Vec<u32>,
    /// Types of all other functions, in order.
    functions: Vec<u32>,
    /// Numbers of functions in the table, from 1 on.
    table: Vec<usize>,
    /// The place of a function in the table, by number; 0 when it has none.
    pointers: Vec<u64>,
    /// Values of data atoms and numbers of functions, by atom.
    values: Vec<u64>,
    /// Numbers of the adapters, by external of the program.
    adapters: Vec<u64>,
    /// Addresses of [`DATA`].
    data: [u64; DATA.len()],
    stack_low: u64,
    pc_table: u64,
    /// Set when the code is placed.
    text_end: u64,
    /// Set when the code is placed.
    heap_start: u64,
}

/// Links and writes a module.
pub fn write(input: &LinkInput) -> Result<Image, LinkError> {
    let is_import = |name: &str| imports::find(name).is_some();
    let program = resolve(input.object, input.archives, &[input.entry], &is_import)?;
    let layout = Layout::new(&program);
    let mut w = Writer::new(input.object.target.arch, program, layout);
    w.number_functions()?;
    w.fill_table();
    let mut code = Code::new(w.bodies()?, w.pc_table);
    let table = loop {
        w.text_end = code.size();
        let table = pc_table(&w.placed(&code));
        w.heap_start = (w.pc_table + table.len() as u64).next_multiple_of(16);
        if !code.set_data_end(w.heap_start) {
            break table;
        }
    };
    if w.heap_start >= MOST_PAGES * PAGE {
        return Err(LinkError::Unsupported("more data than a 32-bit memory holds"));
    }
    let mut out = PREAMBLE.to_vec();
    w.write_declarations(&mut out, input.entry);
    sections::section(&mut out, Id::Code, &code.contents());
    w.write_data(&mut out, &table)?;
    if let Some(options) = &input.debug {
        for section in dwarf::build(w.arch, options, &w.placed(&code)) {
            sections::custom(&mut out, section.name, &section.resolved(0, 0));
        }
    }
    if input.symbols {
        sections::custom(&mut out, "name", &w.names());
    }
    about::write(&mut out);
    if input.build_id {
        let id = identity(&out);
        let mut contents = Vec::new();
        bytes(&mut contents, &id);
        sections::custom(&mut out, "build_id", &contents);
    }
    Ok(Image { bytes: out })
}

impl<'a> Writer<'a> {
    fn new(arch: Arch, program: Program<'a>, layout: Layout) -> Writer<'a> {
        let externals: Vec<&Import> = program
            .externals
            .iter()
            .map(|name| imports::find(name).expect("only imports are left undefined"))
            .collect();
        let mut end = FIRST;
        let mut data = [0; DATA.len()];
        let mut values = vec![0; program.atoms.len()];
        for (kind, address) in DATA.iter().zip(&mut data) {
            let section = layout.section(*kind);
            *address = end.next_multiple_of(section.align);
            end = *address + section.size;
            for &i in layout.atoms(*kind) {
                values[i as usize] = *address + layout.offsets[i as usize];
            }
        }
        let stack_low = end.next_multiple_of(16) + STACK_SLACK;
        Writer {
            arch,
            program,
            layout,
            types: Types::default(),
            imported: Vec::new(),
            externals,
            functions: Vec::new(),
            table: Vec::new(),
            pointers: Vec::new(),
            values,
            adapters: Vec::new(),
            data,
            stack_low,
            pc_table: stack_low + STACK_SIZE,
            text_end: 0,
            heap_start: 0,
        }
    }

    /// The functions that are imported, in order.
    fn called(&self) -> impl Iterator<Item = &'static Import> {
        self.externals.iter().copied().filter(|i| i.means == Means::Call)
    }

    /// Numbers functions and collects their types.
    fn number_functions(&mut self) -> Result<(), LinkError> {
        for import in self.externals.iter().filter(|i| i.means == Means::Call) {
            self.imported.push(self.types.add(&import.import_type()));
        }
        for &i in self.layout.atoms(AtomKind::Text) {
            let atom = &self.program.atoms[i as usize];
            let bytes = atom.view.bytes;
            let size = type_size(bytes).ok_or(LinkError::BadAtom {
                atom: atom.name.to_string(),
                why: "code without a function type",
            })?;
            self.values[i as usize] = (self.imported.len() + self.functions.len()) as u64;
            self.functions.push(self.types.add(&bytes[..size]));
        }
        for import in &self.externals {
            self.adapters.push((self.imported.len() + self.functions.len()) as u64);
            self.functions.push(self.types.add(&import.adapter_type()));
        }
        self.pointers = vec![0; self.imported.len() + self.functions.len()];
        Ok(())
    }

    /// The number of a function.
    fn function(&self, def: Def) -> Option<u64> {
        match def {
            Def::Atom(i) if self.program.atoms[i as usize].view.kind == AtomKind::Text => {
                Some(self.values[i as usize])
            }
            Def::External(i) => Some(self.adapters[i as usize]),
            Def::Atom(_) | Def::Linker(_) => None,
        }
    }

    /// Puts the functions whose address is taken into the table.
    fn fill_table(&mut self) {
        for kind in [AtomKind::Text, AtomKind::RelRo, AtomKind::Data, AtomKind::Roots] {
            for &i in self.layout.atoms(kind) {
                for (entry, def) in self.program.relocs(i) {
                    let address = matches!(entry.kind, RelocKind::WasmAddr | RelocKind::Abs64);
                    if address && let Some(f) = self.function(def) {
                        let pointer = &mut self.pointers[f as usize];
                        if *pointer == 0 {
                            self.table.push(f as usize);
                            *pointer = self.table.len() as u64;
                        }
                    }
                }
            }
        }
    }

    fn data_address(&self, kind: AtomKind) -> u64 {
        let place = DATA.iter().position(|k| *k == kind);
        self.data[place.expect("a kind of data")]
    }

    /// The value of a symbol. Those that depend on the placed code are 0 before.
    fn value(&self, def: Def) -> u64 {
        if let Some(f) = self.function(def) {
            return self.pointers[f as usize];
        }
        match def {
            Def::Atom(i) => self.values[i as usize],
            Def::Linker(symbol) => match symbol {
                LinkerSymbol::TextStart => 0,
                LinkerSymbol::TextEnd => self.text_end,
                LinkerSymbol::RootsStart => self.data_address(AtomKind::Roots),
                LinkerSymbol::RootsEnd => (self.data_address(AtomKind::Roots)
                    + self.layout.section(AtomKind::Roots).size)
                    .next_multiple_of(8),
                LinkerSymbol::PcTable => self.pc_table,
                LinkerSymbol::StackLow => self.stack_low,
                LinkerSymbol::StackTop => self.pc_table,
                LinkerSymbol::HeapStart => self.heap_start,
                LinkerSymbol::ImageBase
                | LinkerSymbol::RelrStart
                | LinkerSymbol::RelrEnd
                | LinkerSymbol::RelroStart
                | LinkerSymbol::RelroEnd => unreachable!("symbols of other formats do not resolve"),
            },
            Def::External(_) => unreachable!("externals are functions"),
        }
    }

    /// The bodies of all functions that are not imported.
    fn bodies(&mut self) -> Result<Vec<Body<'a>>, LinkError> {
        let mut bodies = Vec::with_capacity(self.functions.len());
        for index in 0..self.layout.atoms(AtomKind::Text).len() {
            let atom = self.layout.atoms(AtomKind::Text)[index];
            bodies.push(self.body(atom)?);
        }
        let mut imported = 0;
        for import in &self.externals {
            bodies.push(Body { bytes: Cow::Owned(import.adapter(imported)), insertions: Vec::new() });
            imported += usize::from(import.means == Means::Call);
        }
        Ok(bodies)
    }

    fn body(&mut self, atom: u32) -> Result<Body<'a>, LinkError> {
        let kept = &self.program.atoms[atom as usize];
        let bad = |why| LinkError::BadAtom { atom: kept.name.to_string(), why };
        let all = kept.view.bytes;
        let start = type_size(all).expect("checked when it was numbered");
        if let Some(what) = too_large(all, start) {
            let name = kept.view.function.as_ref().map_or(&*kept.name, |f| &f.display);
            return Err(LinkError::TooLarge { function: name.to_string(), what });
        }
        let mut insertions = Vec::with_capacity(kept.view.relocs.len());
        for (entry, def) in self.program.relocs(atom) {
            let at = (entry.offset as usize).checked_sub(start).ok_or(bad("relocation in its type"))?;
            let covered = &all[entry.offset as usize..entry.end() as usize];
            let number = match entry.kind {
                RelocKind::WasmFunc => {
                    Number::Known(self.function(def).ok_or(bad("call of what is no function"))? as i64)
                }
                RelocKind::WasmAddr => self.address(entry, def),
                RelocKind::WasmType if type_size(covered) == Some(covered.len()) => {
                    Number::Known(self.types.add(covered).into())
                }
                RelocKind::WasmType => return Err(bad("index of what is no function type")),
                RelocKind::WasmPc => Number::Here(entry.addend),
                _ => return Err(bad("relocation of another machine")),
            };
            insertions.push(Insertion {
                at: at as u32,
                replaces: covered.len() as u32,
                signed: matches!(entry.kind.row().range, Range::Signed(_)),
                number,
            });
        }
        Ok(Body { bytes: Cow::Borrowed(&all[start..]), insertions })
    }

    fn address(&self, entry: &RelocEntry, def: Def) -> Number {
        match def {
            Def::Linker(LinkerSymbol::HeapStart) => Number::DataEnd(entry.addend),
            Def::Linker(LinkerSymbol::TextEnd) => Number::CodeEnd(entry.addend),
            def => Number::Known((self.value(def) as i64).wrapping_add(entry.addend)),
        }
    }

    /// The functions of atoms as they are in the code section.
    fn placed<'p>(&'p self, code: &Code) -> Vec<Function<'p, 'a>> {
        let mut functions = self.layout.functions(&self.program);
        for (i, f) in functions.iter_mut().enumerate() {
            let place = code.body(i);
            (f.start, f.size) = (place.start, place.size);
            let start = type_size(f.atom.view.bytes).expect("checked when it was numbered");
            f.rows = Cow::Owned(code.rows(i, &f.rows, start));
        }
        functions
    }

    /// Writes the sections before the code.
    fn write_declarations(&self, out: &mut Vec<u8>, entry: &str) {
        self.types.write(out);
        let mut contents = Vec::new();
        for (import, &ty) in self.called().zip(&self.imported) {
            bytes(&mut contents, imports::MODULE.as_bytes());
            bytes(&mut contents, import.name.as_bytes());
            contents.push(0); // function
            number(&mut contents, ty as usize);
        }
        items(out, Id::Import, self.imported.len(), &contents);
        let mut contents = Vec::new();
        self.functions.iter().for_each(|&ty| number(&mut contents, ty as usize));
        items(out, Id::Function, self.functions.len(), &contents);
        // Function references, with a maximum.
        let mut contents = vec![0x70, 1];
        let size = self.table.len() + 1;
        number(&mut contents, size);
        number(&mut contents, size);
        items(out, Id::Table, 1, &contents);
        let mut contents = vec![0];
        number(&mut contents, self.heap_start.div_ceil(PAGE) as usize);
        items(out, Id::Memory, 1, &contents);
        let mut contents = Vec::new();
        let globals = [self.value(Def::Linker(LinkerSymbol::StackTop)), self.stack_low];
        for value in globals {
            contents.extend([I32, 1]); // mutable
            constant(&mut contents, value);
        }
        items(out, Id::Global, globals.len(), &contents);
        let mut contents = Vec::new();
        bytes(&mut contents, b"memory");
        contents.extend([2, 0]);
        bytes(&mut contents, entry.as_bytes());
        contents.push(0);
        // The entry is the only root, so it was discovered first.
        number(&mut contents, self.values[0] as usize);
        items(out, Id::Export, 2, &contents);
        if !self.table.is_empty() {
            let mut contents = vec![0];
            constant(&mut contents, 1);
            number(&mut contents, self.table.len());
            self.table.iter().for_each(|&f| number(&mut contents, f));
            items(out, Id::Element, 1, &contents);
        }
    }

    /// Writes the data section.
    fn write_data(&self, out: &mut Vec<u8>, table: &[u8]) -> Result<(), LinkError> {
        let end = self.data_address(AtomKind::Bss);
        let mut image = vec![0; (end - FIRST) as usize];
        for (kind, address) in DATA.iter().zip(self.data).filter(|d| *d.0 != AtomKind::Bss) {
            let from = (address - FIRST) as usize;
            let part = &mut image[from..from + self.layout.section(*kind).size as usize];
            self.layout.copy(&self.program, *kind, self.arch, part);
            self.layout.relocate(&self.program, *kind, address, &|def| self.value(def), part)?;
        }
        let mut least = SEGMENT_COST;
        let mut runs = self::runs(&image, least);
        while runs.len() >= MOST_SEGMENTS {
            least *= 2;
            runs = self::runs(&image, least);
        }
        let mut contents = Vec::new();
        let mut segment = |address: u64, data: &[u8]| {
            contents.push(0);
            constant(&mut contents, address);
            bytes(&mut contents, data);
        };
        for run in &runs {
            segment(FIRST + run.start as u64, &image[run.clone()]);
        }
        segment(self.pc_table, table);
        items(out, Id::Data, runs.len() + 1, &contents);
        Ok(())
    }

    /// The name section: names of functions (subsection 1).
    fn names(&self) -> Vec<u8> {
        let imported = self.called().map(|i| format!("{}.{}", imports::MODULE, i.name));
        let text = self.layout.atoms(AtomKind::Text);
        let atoms = text.iter().map(|&i| self.program.atoms[i as usize].name.to_string());
        let adapters = self.externals.iter().map(|i| i.name.to_string());
        let mut map = Vec::new();
        number(&mut map, self.pointers.len());
        for (i, name) in imported.chain(atoms).chain(adapters).enumerate() {
            number(&mut map, i);
            bytes(&mut map, name.as_bytes());
        }
        let mut contents = vec![1];
        bytes(&mut contents, &map);
        contents
    }
}

/// Appends the constant expression of an i32.
fn constant(out: &mut Vec<u8>, value: u64) {
    out.push(0x41); // i32.const
    leb::write_signed(out, (value as i32).into());
    out.push(END);
}

/// The parts of `image` that are not zero, with zeros between them up to `least`.
fn runs(image: &[u8], least: usize) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for (i, _) in image.iter().enumerate().filter(|(_, b)| **b != 0) {
        match runs.last_mut() {
            Some(last) if i - last.end < least => last.end = i + 1,
            _ => runs.push(i..i + 1),
        }
    }
    runs
}

/// What a function has too much of for engines (WebAssembly JavaScript Interface, "Implementation-defined
/// limits", which other engines keep too). The numbers that are inserted into the body add little.
fn too_large(atom: &[u8], body: usize) -> Option<&'static str> {
    let parameters = leb::read(atom, &mut 0, 32)?;
    if parameters > 1_000 {
        return Some("1,000 parameters");
    }
    (atom.len() - body > 7_654_321).then_some("7,654,321 bytes of code")
}
