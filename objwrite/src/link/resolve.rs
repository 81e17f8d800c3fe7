//! Which atoms are in the output, and what each of their relocations means.
//!
//! Breadth first from the roots. An atom is decoded when it is first reached; each symbol of each
//! input is resolved once. Definitions: an atom of the same input; a symbol of the linker; a global
//! of an object; a global of the first archive that has it. Hash tables are only ever asked, never
//! walked, so their order cannot show.

use super::layout::ADDRESSED;
use super::{LinkError, Undefined};
use crate::archive::Archive;
use crate::dwarf;
use crate::model::{AtomKind, AtomView, Object, RelocEntry, SymRef};
use crate::target::{Arch, Target};
use std::borrow::Cow;
use std::collections::HashMap;

macro_rules! linker_symbols {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// A symbol that the linker defines.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum LinkerSymbol {
            $($(#[$doc])* $variant,)*
        }

        impl LinkerSymbol {
            /// Number of these symbols.
            pub const COUNT: usize = [$($name),*].len();

            /// The symbol with this name that the linker defines for a target.
            pub fn from_name(name: &str, target: Target) -> Option<LinkerSymbol> {
                let symbol = match name {
                    $($name => LinkerSymbol::$variant,)*
                    _ => return None,
                };
                let here = [LinkerSymbol::EVERYWHERE, target.platform.linker_symbols];
                here.iter().any(|symbols| symbols.contains(&symbol)).then_some(symbol)
            }

            /// Its name.
            pub fn name(self) -> &'static str {
                match self {
                    $(LinkerSymbol::$variant => $name,)*
                }
            }
        }
    };
}

linker_symbols! {
    /// Where the file's first byte is loaded; link-time address 0.
    ImageBase = "__image_base";
    /// First word of the packed relative relocations.
    RelrStart = "__relr_start";
    /// End of the packed relative relocations.
    RelrEnd = "__relr_end";
    /// Start of what is made read-only after relocation: nothing else is on its pages, however large they are.
    RelroStart = "__relro_start";
    /// End of what is made read-only after relocation.
    RelroEnd = "__relro_end";
    /// Start of the data that a collector searches, 8-aligned.
    RootsStart = "__roots_start";
    /// End of that data, 8-aligned.
    RootsEnd = "__roots_end";
    /// Start of code.
    TextStart = "__text_start";
    /// End of code.
    TextEnd = "__text_end";
    /// The table of [`crate::pctab`].
    PcTable = "__pctab";
    /// Lowest address of the stack in linear memory, 16-aligned.
    StackLow = "__stack_low";
    /// One past the highest address of that stack.
    StackTop = "__stack_top";
    /// First address behind everything the file places, 16-aligned.
    HeapStart = "__heap_start";
}

impl LinkerSymbol {
    /// Those that every target has.
    pub const EVERYWHERE: &'static [LinkerSymbol] = {
        use LinkerSymbol::*;
        &[RootsStart, RootsEnd, TextStart, TextEnd, PcTable]
    };
}

/// What a symbol stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Def {
    /// An index into [`Program::atoms`].
    Atom(u32),
    /// A symbol of the linker.
    Linker(LinkerSymbol),
    /// An index into [`Program::externals`].
    External(u32),
}

/// An atom of the output.
#[derive(Debug)]
pub struct Kept<'a> {
    /// The atom; its symbols are those of its input.
    pub view: AtomView<'a>,
    /// Its name.
    pub name: Cow<'a, str>,
    /// Visible outside its input.
    pub global: bool,
    /// Source file, for functions that have one.
    pub file: Option<&'a str>,
    /// Source files of its inlined calls.
    pub call_files: Vec<&'a str>,
    /// Place in the order of definition: input, atom.
    pub definition: (u32, u32),
    /// Of a veneer ([`super::veneers`]): the atom that it is behind.
    pub behind: Option<u32>,
    /// Index in [`Program::defs`] of its first relocation's symbol.
    pub(super) first_def: u32,
}

/// The atoms of the output, in order of discovery.
#[derive(Debug)]
pub struct Program<'a> {
    /// Atoms.
    pub atoms: Vec<Kept<'a>>,
    /// What relocations refer to, atom after atom.
    defs: Vec<Def>,
    /// Names left to whoever loads or links the output, in order of discovery.
    pub externals: Vec<&'a str>,
}

impl<'a> Program<'a> {
    /// The relocations of an atom with what they refer to.
    pub fn relocs(&self, atom: u32) -> impl Iterator<Item = (&RelocEntry, Def)> {
        let kept = &self.atoms[atom as usize];
        let defs = &self.defs[kept.first_def as usize..];
        kept.view.relocs.iter().zip(defs.iter().copied())
    }

    /// Adds an atom with these relocations, which all refer to one thing; gives its index.
    pub(super) fn add(&mut self, kept: Kept<'a>, to: Def) -> u32 {
        let first_def = self.defs.len() as u32;
        self.defs.resize(self.defs.len() + kept.view.relocs.len(), to);
        self.atoms.push(Kept { first_def, ..kept });
        self.atoms.len() as u32 - 1
    }

    /// Makes a relocation of an atom refer to the start of another one.
    pub(super) fn redirect(&mut self, atom: u32, index: usize, to: u32) {
        let kept = &mut self.atoms[atom as usize];
        self.defs[kept.first_def as usize + index] = Def::Atom(to);
        if kept.view.relocs[index].addend != 0 {
            kept.view.relocs.to_mut()[index].addend = 0;
        }
    }

    /// A name for what a relocation refers to.
    pub fn def_name(&self, def: Def) -> &str {
        match def {
            Def::Atom(i) => &self.atoms[i as usize].name,
            Def::Linker(s) => s.name(),
            Def::External(i) => self.externals[i as usize],
        }
    }
}

enum Source<'a> {
    Object {
        object: &'a Object,
        /// Atom + 1 that defines the symbol, or 0.
        defined: Vec<u32>,
    },
    Archive(Archive<'a>),
}

struct Input<'a> {
    source: Source<'a>,
    resolved: Vec<Option<Def>>,
    /// Index + 1 in [`Program::atoms`], or 0.
    kept: Vec<u32>,
}

struct Resolver<'a, 'f> {
    inputs: Vec<Input<'a>>,
    /// Globals that objects define: input, atom.
    globals: HashMap<&'a str, (u32, u32)>,
    external_index: HashMap<&'a str, u32>,
    may_be_external: &'f dyn Fn(&str) -> bool,
    target: Target,
    undefined: Vec<Undefined>,
    program: Program<'a>,
}

/// Resolves everything that `roots` reach. Undefined symbols that `may_be_external` accepts are left
/// to whoever loads or links the output.
pub fn resolve<'a>(
    object: &'a Object,
    archives: &[Archive<'a>],
    roots: &[&'a str],
    may_be_external: &dyn Fn(&str) -> bool,
) -> Result<Program<'a>, LinkError> {
    let mut r = Resolver {
        inputs: Vec::with_capacity(1 + archives.len()),
        globals: HashMap::new(),
        external_index: HashMap::new(),
        may_be_external,
        target: object.target,
        undefined: Vec::new(),
        program: Program { atoms: Vec::new(), defs: Vec::new(), externals: Vec::new() },
    };
    r.add_object(object)?;
    for archive in archives {
        r.add_archive(archive, object)?;
    }
    for root in roots {
        match r.by_name(root)? {
            Some((input, atom)) => {
                r.keep(input, atom)?;
            }
            None => r.undefined.push(Undefined { symbol: root.to_string(), by: None }),
        }
    }
    let mut next = 0;
    while next < r.program.atoms.len() {
        r.scan(next)?;
        next += 1;
    }
    if !r.undefined.is_empty() {
        return Err(LinkError::Undefined(r.undefined));
    }
    Ok(r.program)
}

impl<'a> Resolver<'a, '_> {
    fn add_object(&mut self, object: &'a Object) -> Result<(), LinkError> {
        let index = self.inputs.len() as u32;
        let mut defined = vec![0; object.symbols.len()];
        self.globals.reserve(object.atoms.len());
        for (i, atom) in object.atoms.iter().enumerate() {
            let symbol = &object.symbols[atom.sym.0 as usize];
            let slot = &mut defined[atom.sym.0 as usize];
            let twice = *slot != 0
                || LinkerSymbol::from_name(&symbol.name, self.target).is_some()
                || symbol.global && self.globals.insert(&symbol.name, (index, i as u32)).is_some();
            if twice {
                return Err(LinkError::Duplicate { symbol: symbol.name.clone() });
            }
            *slot = i as u32 + 1;
        }
        self.inputs.push(Input {
            source: Source::Object { object, defined },
            resolved: vec![None; object.symbols.len()],
            kept: vec![0; object.atoms.len()],
        });
        Ok(())
    }

    /// A name of the program that an archive also defines is an error: which one was meant?
    fn add_archive(&mut self, archive: &Archive<'a>, program: &'a Object) -> Result<(), LinkError> {
        if archive.target() != program.target {
            return Err(LinkError::Target {
                archive: archive.target().triple,
                object: program.target.triple,
            });
        }
        for atom in &program.atoms {
            let symbol = &program.symbols[atom.sym.0 as usize];
            if symbol.global && archive.lookup(&symbol.name)?.is_some() {
                return Err(LinkError::Duplicate { symbol: symbol.name.clone() });
            }
        }
        self.inputs.push(Input {
            source: Source::Archive(*archive),
            resolved: vec![None; archive.symbol_count() as usize],
            kept: vec![0; archive.atom_count() as usize],
        });
        Ok(())
    }

    fn by_name(&self, name: &str) -> Result<Option<(u32, u32)>, LinkError> {
        if let Some(&place) = self.globals.get(name) {
            return Ok(Some(place));
        }
        for (i, input) in self.inputs.iter().enumerate() {
            if let Source::Archive(archive) = &input.source
                && let Some((_, atom)) = archive.lookup(name)?
            {
                return Ok(Some((i as u32, atom)));
            }
        }
        Ok(None)
    }

    /// Puts an atom into the output, once.
    fn keep(&mut self, input: u32, atom: u32) -> Result<u32, LinkError> {
        let from = &mut self.inputs[input as usize];
        let slot = &mut from.kept[atom as usize];
        if *slot != 0 {
            return Ok(*slot - 1);
        }
        let index = self.program.atoms.len() as u32;
        *slot = index + 1;
        let (view, name, global): (_, &'a str, _) = match &from.source {
            Source::Object { object, .. } => {
                let view = object.atoms[atom as usize].view();
                let symbol = &object.symbols[view.sym.0 as usize];
                (view, symbol.name.as_str(), symbol.global)
            }
            Source::Archive(archive) => {
                let view = archive.atom(atom)?;
                let symbol = archive.symbol(view.sym)?;
                (view, symbol.name, symbol.global)
            }
        };
        check(self.target.arch, &view, name)?;
        let file_name = |f: u32| match &from.source {
            Source::Object { object, .. } => Ok(object.files[f as usize].as_str()),
            Source::Archive(archive) => archive.file(f),
        };
        let info = view.function.as_deref();
        let file = info.and_then(|i| i.file).map(file_name).transpose()?;
        let calls = info.iter().flat_map(|i| &i.inlined);
        let call_files = calls.map(|c| file_name(c.file)).collect::<Result<_, _>>()?;
        let (name, definition) = (Cow::Borrowed(name), (input, atom));
        let kept = Kept { view, name, global, file, call_files, definition, behind: None, first_def: 0 };
        self.program.atoms.push(kept);
        Ok(index)
    }

    /// Resolves the symbols of an atom's relocations.
    fn scan(&mut self, index: usize) -> Result<(), LinkError> {
        let input = self.program.atoms[index].definition.0;
        self.program.atoms[index].first_def = self.program.defs.len() as u32;
        for i in 0..self.program.atoms[index].view.relocs.len() {
            let sym = self.program.atoms[index].view.relocs[i].sym;
            let def = match self.inputs[input as usize].resolved[sym.0 as usize] {
                Some(def) => def,
                None => {
                    let def = self.define(input, sym, index)?;
                    self.inputs[input as usize].resolved[sym.0 as usize] = Some(def);
                    def
                }
            };
            self.program.defs.push(def);
        }
        Ok(())
    }

    fn define(&mut self, input: u32, sym: SymRef, by: usize) -> Result<Def, LinkError> {
        let (name, own) = match &self.inputs[input as usize].source {
            Source::Object { object, defined } => {
                (object.symbols[sym.0 as usize].name.as_str(), defined[sym.0 as usize].checked_sub(1))
            }
            Source::Archive(archive) => {
                let symbol = archive.symbol(sym)?;
                (symbol.name, symbol.atom)
            }
        };
        if let Some(atom) = own {
            return Ok(Def::Atom(self.keep(input, atom)?));
        }
        if let Some(symbol) = LinkerSymbol::from_name(name, self.target) {
            return Ok(Def::Linker(symbol));
        }
        if let Some((input, atom)) = self.by_name(name)? {
            return Ok(Def::Atom(self.keep(input, atom)?));
        }
        if !(self.may_be_external)(name) {
            let by = Some(self.program.atoms[by].name.to_string());
            self.undefined.push(Undefined { symbol: name.to_string(), by });
        }
        let externals = &mut self.program.externals;
        let index = *self.external_index.entry(name).or_insert_with(|| {
            externals.push(name);
            externals.len() as u32 - 1
        });
        Ok(Def::External(index))
    }
}

/// What the rest of the link relies on.
fn check(arch: Arch, view: &AtomView, name: &str) -> Result<(), LinkError> {
    let bad = |why| Err(LinkError::BadAtom { atom: name.to_string(), why });
    if !view.align.is_power_of_two() || view.align > 4096 {
        return bad("alignment is not a power of two up to 4096");
    }
    let in_file = view.kind != AtomKind::Bss;
    if in_file && view.zero_size != 0 || !in_file && !view.bytes.is_empty() {
        return bad("both contents and zero size");
    }
    let mut end = 0;
    for r in view.relocs.iter() {
        if u64::from(r.offset) < end {
            return bad("relocations are not in order or overlap");
        }
        end = r.end();
        if end > view.bytes.len() as u64 {
            return bad("relocation outside its bytes");
        }
        if !r.kind.row().is_of(arch) {
            return bad("relocation of another machine");
        }
        if r.kind == crate::reloc::RelocKind::Abs64 {
            if !ADDRESSED.contains(&view.kind) {
                return bad("address in a section without addresses");
            }
            if r.offset % 8 != 0 || view.align < 8 {
                return bad("address that is not 8-aligned");
            }
        }
    }
    let function = view.function.as_ref();
    match function.and_then(|info| dwarf::complaint(arch, info, view.bytes.len())) {
        Some(why) => bad(why),
        None => Ok(()),
    }
}
