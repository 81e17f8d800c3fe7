//! Finds functions that are *quiet* ([`crate::Effects::quiet`]): nothing they do looks at the stack,
//! so callers need not show their references, nor where they are, on machines whose own stack cannot
//! be read.
//!
//! A function is quiet when it asks for no stack or frame pointer, calls nothing by address and
//! only functions known to be quiet, has no slow path to take, and is not part of a cycle of calls
//! (which might use up the stack). In functions of the program a load may find a none, so there it
//! must not load or store either.

use super::inline::callees_first;
use crate::func::{Function, Type};
use crate::library::Library;
use crate::module::Module;
use crate::ops::{Imm, Op};

/// Runs the pass on a module.
pub fn run(module: &mut Module, _: &Library) {
    // Callees come first, so one round is enough, and cycles are not quiet.
    for i in callees_first(module, &module.funcs) {
        if is_quiet(module, &module.funcs[i]) {
            let sym = module.funcs[i].sym.0 as usize;
            module.syms[sym].effects.quiet = true;
        }
    }
}

fn is_quiet(module: &Module, func: &Function) -> bool {
    func.layout.iter().flat_map(|b| &func.blocks[b.index()].insts).all(|i| {
        let d = &func.insts[i.index()];
        match d.op {
            Op::Call => d.sym.is_some_and(|s| module.sym(s).effects.quiet),
            Op::CallInd | Op::GetSp | Op::GetFp | Op::SwitchStack => false,
            op if op.is_int() => false,
            _ if func.file.is_none() => true,
            op => op.info().imm != Imm::Offset || func.ty(func.operands(*i)[0]) != Type::Ref,
        }
    })
}
