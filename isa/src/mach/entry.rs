//! The entry point of executables: what instruction sets share.

use mochi_ir::Sym;
use mochi_objwrite::{Atom, AtomKind, CfiOp, FrameInfo, FunctionInfo, RelocEntry, SymRef};

/// The atom of the entry point. `call` calls the start function.
pub fn atom(entry: Sym, bytes: Vec<u8>, call: RelocEntry) -> Atom {
    let frame = FrameInfo { ops: vec![(0, CfiOp::NoCaller)] };
    let code_size = bytes.len() as u32;
    let display = "_start".to_string();
    Atom {
        sym: SymRef(entry.0),
        kind: AtomKind::Text,
        align: 16,
        bytes,
        zero_size: 0,
        relocs: vec![call],
        function: Some(FunctionInfo { display, frame, code_size, ..FunctionInfo::default() }),
    }
}
