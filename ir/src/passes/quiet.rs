//! Finds what callers may rely on about a function and the stack.
//!
//! A function is *quiet* ([`crate::Effects::quiet`]) when nothing it does looks at the stack, so that
//! callers need not show their references, nor where they are, on machines whose own stack cannot be
//! read: it asks for no stack or frame pointer, calls nothing by address and only functions known to be
//! quiet, has no slow path to take, is small, and is not part of a cycle of calls (which might use up the
//! stack). Nor may it follow what may be none ([`crate::nones`]), unless it has tested that.
//!
//! It is *bounded* ([`crate::Effects::bounded`]) when it calls nothing by address, calls only functions
//! known to be bounded, and is not part of a cycle of calls. Functions that do not return do not count:
//! they end the program. Nor do slow paths of exact arithmetic, which are recursive over halves of numbers.
//!
//! It is *barren* ([`crate::Effects::barren`]) when it calls nothing by address and only itself and functions
//! known to be barren.

use super::inline::callees_first;
use crate::cfg::{Cfg, DomTree};
use crate::func::{Block, Function, Inst};
use crate::library::Library;
use crate::module::Module;
use crate::nones;
use crate::ops::{Imm, Op};
use std::cell::LazyCell;

/// A quiet function has at most so many values, so that its frame is small.
const SMALL: usize = 400;

/// Runs the pass on a module.
pub fn run(module: &mut Module, _: &Library) {
    // Callees come first, so one round is enough, and what is part of a cycle has a callee that is not known.
    for i in callees_first(module, &module.funcs, |effects| !effects.noreturn) {
        let func = &module.funcs[i];
        let (quiet, bounded) = (is_quiet(module, func), is_bounded(module, func));
        let barren = is_barren(module, func);
        let effects = &mut module.syms[func.sym.0 as usize].effects;
        effects.quiet |= quiet;
        effects.bounded |= bounded;
        effects.barren |= barren;
    }
}

/// Cold functions are declared to be or not: one of them is where objects come from.
fn is_barren(module: &Module, func: &Function) -> bool {
    !module.sym(func.sym).effects.cold
        && func.placed().all(|i| {
            let d = &func.insts[i.index()];
            match d.op {
                Op::Call => d.sym.is_some_and(|s| s == func.sym || !module.sym(s).effects.makes_objects()),
                op => op != Op::CallInd,
            }
        })
}

fn is_bounded(module: &Module, func: &Function) -> bool {
    func.placed().all(|i| {
        let d = &func.insts[i.index()];
        match d.op {
            Op::Call => d.sym.is_some_and(|s| module.sym(s).effects.nests_shallowly()),
            op => op != Op::CallInd,
        }
    })
}

fn is_quiet(module: &Module, func: &Function) -> bool {
    if func.values.len() > SMALL {
        return false;
    }
    // Most functions say sooner that they are not.
    let flow = LazyCell::new(|| {
        let cfg = Cfg::new(func);
        let dom = DomTree::new(func, &cfg);
        (cfg, dom)
    });
    let quiet = |block: Block, i: Inst| {
        let d = &func.insts[i.index()];
        match d.op {
            Op::Call => d.sym.is_some_and(|s| module.sym(s).effects.quiet),
            Op::CallInd | Op::GetSp | Op::GetFp | Op::SwitchStack => false,
            op if op.is_int() => false,
            op if op.info().imm != Imm::Offset => true,
            _ => {
                let base = func.operands(i)[0];
                !nones::may_be_none(module, func, base)
                    || nones::is_tested(func, &flow.0, &flow.1, base, block)
            }
        }
    };
    func.layout.iter().all(|&b| func.blocks[b.index()].insts.iter().all(|&i| quiet(b, i)))
}
