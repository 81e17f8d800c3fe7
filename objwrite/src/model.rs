//! The object model: what instruction selection and lowering hand over, before any file format.
//!
//! The unit is the *atom*: one function or one data item with its relocations. The linker keeps
//! the atoms that the entry reaches and drops the rest.

use crate::reloc::RelocKind;
use crate::target::Target;
use std::borrow::Cow;

/// Index of a symbol in [`Object::symbols`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct SymRef(pub u32);

/// What an atom holds; decides its section and its protection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AtomKind {
    /// Code.
    Text,
    /// Constant data without addresses.
    ReadOnly,
    /// Constant data with addresses: written by start-up's relocation only.
    RelRo,
    /// Writable data.
    Data,
    /// Writable data that a collector searches for references.
    Roots,
    /// Zero-initialised writable data.
    Bss,
}

/// A relocation in an atom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RelocEntry {
    /// Byte offset of the field.
    pub offset: u32,
    /// Formula and field.
    pub kind: RelocKind,
    /// `S`.
    pub sym: SymRef,
    /// `A`.
    pub addend: i64,
}

impl RelocEntry {
    /// Where the bytes of the atom that it covers end.
    pub fn end(&self) -> u64 {
        let covered = match self.kind {
            RelocKind::WasmType => self.addend as u64,
            kind => kind.row().bytes.into(),
        };
        covered.saturating_add(self.offset.into())
    }
}

/// A source position from this code offset on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LineRow {
    /// Byte offset in the function.
    pub offset: u32,
    /// Line, 1-based; 0 when the code belongs to no line.
    pub line: u32,
    /// Column, 1-based; 0 when unknown.
    pub column: u32,
    /// A good place for a breakpoint (DWARF `is_stmt`).
    pub is_stmt: bool,
    /// The first row after the prologue (DWARF `prologue_end`).
    pub prologue_end: bool,
    /// The inlined call that the line is in: an index into [`FunctionInfo::inlined`].
    pub call: Option<u32>,
}

/// A call whose callee's code is in the caller's (DWARF 5, section 3.3.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlinedCall {
    /// The callee's name for people.
    pub display: String,
    /// The callee's file, an index into [`Object::files`].
    pub file: u32,
    /// Line of the callee's declaration; 0 when unknown.
    pub declared: u32,
    /// Line of the call, 1-based.
    pub line: u32,
    /// Column of the call, 1-based; 0 when unknown.
    pub column: u32,
    /// The inlined call that the call itself is in; it has a smaller index.
    pub call: Option<u32>,
}

/// A call frame instruction, DWARF register numbers (DWARF 5, section 6.4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CfiOp {
    /// The CFA is register plus offset.
    DefCfa(u16, i32),
    /// Only the CFA's offset changes.
    DefCfaOffset(i32),
    /// Only the CFA's register changes.
    DefCfaRegister(u16),
    /// The register is saved at CFA plus offset.
    Offset(u16, i32),
    /// The same of a register for floats that is wider than what code of ours uses, and is saved whole.
    WholeOffset(u16, i32),
    /// The register has its caller's value again.
    Restore(u16),
    /// Saves the state.
    RememberState,
    /// Restores the state.
    RestoreState,
    /// The return address is undefined: unwinding ends here (DWARF 5, section 6.4.4).
    NoCaller,
}

/// Call frame information of a function: instructions in order of code offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameInfo {
    /// `(code offset, instruction)`.
    pub ops: Vec<(u32, CfiOp)>,
}

/// What is known of a function beside its code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionInfo {
    /// Name for people (debugger, traces).
    pub display: String,
    /// Index into [`Object::files`]; `None` for the runtime: no trace lines, no line table.
    pub file: Option<u32>,
    /// Line of the declaration.
    pub line: u32,
    /// Bytes of the atom that are instructions; jump tables and constants follow.
    pub code_size: u32,
    /// Line rows in order of offset.
    pub lines: Vec<LineRow>,
    /// Inlined calls; only functions with a file have any.
    pub inlined: Vec<InlinedCall>,
    /// Call frame information.
    pub frame: FrameInfo,
}

/// A function or data item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Atom {
    /// The symbol it defines.
    pub sym: SymRef,
    /// Section.
    pub kind: AtomKind,
    /// Power of two.
    pub align: u32,
    /// Contents (empty for [`AtomKind::Bss`]).
    pub bytes: Vec<u8>,
    /// Size of [`AtomKind::Bss`].
    pub zero_size: u64,
    /// Relocations in order of offset.
    pub relocs: Vec<RelocEntry>,
    /// For functions.
    pub function: Option<FunctionInfo>,
}

/// A symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Link name.
    pub name: String,
    /// Visible outside its object.
    pub global: bool,
}

/// An object: symbols and the atoms that define some of them.
#[derive(Clone, Debug)]
pub struct Object {
    /// What the code is for.
    pub target: Target,
    /// Source files, as they are to appear in debug information.
    pub files: Vec<String>,
    /// Symbols; those that no atom defines are undefined.
    pub symbols: Vec<Symbol>,
    /// Atoms in order of definition.
    pub atoms: Vec<Atom>,
}

impl Object {
    /// An empty object.
    pub fn new(target: Target) -> Object {
        Object { target, files: Vec::new(), symbols: Vec::new(), atoms: Vec::new() }
    }
}

/// An atom as the linker sees it: borrowed from an [`Object`] or decoded from an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtomView<'a> {
    /// As in [`Atom`], with symbols of the object or archive it is from.
    pub sym: SymRef,
    /// As in [`Atom`].
    pub kind: AtomKind,
    /// As in [`Atom`].
    pub align: u32,
    /// As in [`Atom`].
    pub bytes: &'a [u8],
    /// As in [`Atom`].
    pub zero_size: u64,
    /// As in [`Atom`].
    pub relocs: Cow<'a, [RelocEntry]>,
    /// As in [`Atom`].
    pub function: Option<Cow<'a, FunctionInfo>>,
}

impl Atom {
    /// A view of this atom.
    pub fn view(&self) -> AtomView<'_> {
        AtomView {
            sym: self.sym,
            kind: self.kind,
            align: self.align,
            bytes: &self.bytes,
            zero_size: self.zero_size,
            relocs: Cow::Borrowed(&self.relocs),
            function: self.function.as_ref().map(Cow::Borrowed),
        }
    }
}

impl AtomView<'_> {
    /// Size in memory.
    pub fn size(&self) -> u64 {
        match self.kind {
            AtomKind::Bss => self.zero_size,
            _ => self.bytes.len() as u64,
        }
    }

    /// An atom of its own.
    pub fn into_atom(self) -> Atom {
        Atom {
            sym: self.sym,
            kind: self.kind,
            align: self.align,
            bytes: self.bytes.to_vec(),
            zero_size: self.zero_size,
            relocs: self.relocs.into_owned(),
            function: self.function.map(Cow::into_owned),
        }
    }
}
