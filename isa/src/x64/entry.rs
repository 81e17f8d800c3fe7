//! The entry point of executables.

use mochi_ir::Sym;
use mochi_objwrite::{Atom, AtomKind, CfiOp, FrameInfo, FunctionInfo, RelocEntry, RelocKind, SymRef};

/// `_start`: `xor %ebp,%ebp; mov %rsp,%rdi; and $-16,%rsp; call start; ud2`. The frame pointer 0
/// ends back traces (psABI x86-64, section 3.4.1).
pub fn stub(entry: Sym, start: Sym) -> Atom {
    let mut bytes = vec![0x31, 0xed, 0x48, 0x89, 0xe7, 0x48, 0x83, 0xe4, 0xf0, 0xe8];
    let offset = bytes.len() as u32;
    bytes.extend([0, 0, 0, 0, 0x0f, 0x0b]);
    // The return address is undefined: nothing to unwind to. The closest the model has is a
    // frame whose address is the stack pointer itself.
    let frame = FrameInfo { ops: vec![(0, CfiOp::DefCfa(7, 8))] };
    Atom {
        sym: SymRef(entry.0),
        kind: AtomKind::Text,
        align: 16,
        bytes,
        zero_size: 0,
        relocs: vec![RelocEntry { offset, kind: RelocKind::X64Call, sym: SymRef(start.0), addend: -4 }],
        function: Some(FunctionInfo { display: "_start".to_string(), frame, ..FunctionInfo::default() }),
    }
}
