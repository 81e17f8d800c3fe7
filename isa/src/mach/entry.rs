//! Code that is made of no IR, the entry point of executables: what instruction sets share.

use mochi_ir::Sym;
use mochi_objwrite::{Atom, AtomKind, CfiOp, FrameInfo, FunctionInfo, RelocEntry, SymRef};

/// The atom of the entry point. `call` calls the start function; `steps` say how its caller is found.
pub fn start(entry: Sym, bytes: Vec<u8>, call: RelocEntry, steps: Vec<(u32, CfiOp)>) -> Atom {
    let mut atom = atom(entry, bytes, vec![call]);
    let frame = FrameInfo { ops: steps };
    let code_size = atom.bytes.len() as u32;
    let display = "_start".to_string();
    atom.function = Some(FunctionInfo { display, frame, code_size, ..FunctionInfo::default() });
    atom
}

/// An atom of code that leaves the stack as it is.
pub fn atom(symbol: Sym, bytes: Vec<u8>, relocs: Vec<RelocEntry>) -> Atom {
    let code_size = bytes.len() as u32;
    Atom {
        sym: SymRef(symbol.0),
        kind: AtomKind::Text,
        align: 16,
        bytes,
        zero_size: 0,
        relocs,
        function: Some(FunctionInfo { code_size, ..FunctionInfo::default() }),
    }
}
