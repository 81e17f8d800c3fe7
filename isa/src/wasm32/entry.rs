//! The entry point of programs.

use crate::wasm32::encode::{Code, function_type};
use crate::wasm32::insts::{Row, Ty};
use mochi_ir::Sym;
use mochi_objwrite::{Atom, AtomKind, FunctionInfo, SymRef};

/// `_start`, without parameters: calls `start` with 0, because there is no initial stack to look at.
pub fn stub(entry: Sym, start: Sym) -> Atom {
    let mut code = Code::default();
    code.i64(0);
    code.call(start, 1, 0);
    code.op(Row::End);
    let mut bytes = function_type(std::iter::empty::<Ty>(), None);
    // No locals.
    bytes.push(0);
    code.relocs.iter_mut().for_each(|r| r.offset += bytes.len() as u32);
    bytes.append(&mut code.bytes);
    Atom {
        sym: SymRef(entry.0),
        kind: AtomKind::Text,
        align: 1,
        bytes,
        zero_size: 0,
        relocs: code.relocs,
        function: Some(FunctionInfo { display: "_start".to_string(), ..FunctionInfo::default() }),
    }
}
