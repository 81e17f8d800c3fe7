//! Finds what callers may rely on about a function: its attributes, as its body shows them.
//!
//! A function is *quiet* ([`crate::Attributes::quiet`]) when nothing it does looks at the stack, so that
//! callers need not show their references, nor where they are, on machines whose own stack cannot be
//! read: it asks for no stack or frame pointer, calls nothing by address and only functions known to be
//! quiet, has no slow path to take, is small, and is not part of a cycle of calls (which might use up the
//! stack). Nor may it follow what may be none ([`crate::nones`]), unless it has tested that.
//!
//! It is *bounded* ([`crate::Attributes::bounded`]) when it calls nothing by address, calls only functions
//! known to be bounded, and is not part of a cycle of calls. Functions that do not return do not count:
//! they end the program. Nor do slow paths of exact arithmetic, which are recursive over halves of numbers.
//!
//! It is *barren* ([`crate::Attributes::barren`]) when it calls nothing by address and only itself and functions
//! known to be barren.
//!
//! It is *apart* ([`crate::Attributes::apart`]) when it is of a library (its functions have no file), calls nothing by
//! address, and only functions that are apart or do not return.
//!
//! It is *readonly* ([`crate::Attributes::readonly`]) when it is barren, nothing in it writes memory (it may call
//! itself, functions known to be readonly, and functions that do not return), and it does not ask where the
//! stack is.
//! It is *pure* ([`crate::Attributes::pure_`]) when moreover it reads no memory, has no loop, cannot fail, and
//! calls only functions known to be pure.

use super::inline::callees_first;
use crate::cfg::{Cfg, DomTree};
use crate::effects::{Memory, effects};
use crate::func::{Block, Function, Inst};
use crate::library::Library;
use crate::module::Module;
use crate::nones;
use crate::ops::Effect;

use std::cell::LazyCell;

/// A quiet function has at most so many values, so that its frame is small.
const SMALL: usize = 400;

/// Runs the pass on a module.
pub fn run(module: &mut Module, _: &Library) {
    // Callees come first, so one round is enough, and what is part of a cycle has a callee that is not known.
    for i in callees_first(module, &module.funcs, |callee| !callee.noreturn) {
        let func = &module.funcs[i];
        let (quiet, bounded) = (is_quiet(module, func), is_bounded(module, func));
        let barren = module.sym(func.sym).attributes.barren || is_barren(module, func);
        let readonly = barren && is_readonly(module, func);
        let pure_ = readonly && is_pure(module, func);
        let attributes = &mut module.syms[func.sym.0 as usize].attributes;
        attributes.quiet |= quiet;
        attributes.bounded |= bounded;
        attributes.barren |= barren;
        attributes.readonly |= readonly;
        attributes.pure_ |= pure_;
    }
    find_apart(module);
}

/// Cold functions are declared to be or not: one of them is where objects come from.
fn is_barren(module: &Module, func: &Function) -> bool {
    !module.sym(func.sym).attributes.cold
        && func.placed().all(|i| {
            let d = &func.insts[i.index()];
            d.sym == Some(func.sym) || !effects(module, func, d).makes_objects
        })
}

/// Functions of a library are apart, but for those that call something else, and their callers.
fn find_apart(module: &mut Module) {
    let mut left: Vec<usize> = (0..module.funcs.len()).filter(|&i| module.funcs[i].file.is_none()).collect();
    let set = |module: &mut Module, i: usize, apart: bool| {
        let sym = module.funcs[i].sym;
        module.syms[sym.0 as usize].attributes.apart = apart;
    };
    left.iter().for_each(|&i| set(module, i, true));
    loop {
        let (apart, not): (Vec<usize>, Vec<usize>) =
            left.iter().partition(|&&i| calls_apart_only(module, &module.funcs[i]));
        if not.is_empty() {
            return;
        }
        not.iter().for_each(|&i| set(module, i, false));
        left = apart;
    }
}

fn calls_apart_only(module: &Module, func: &Function) -> bool {
    func.placed().all(|i| {
        let d = &func.insts[i.index()];
        let apart = |s| module.sym(s).attributes.apart || module.sym(s).attributes.noreturn;
        d.op.info().effect != Effect::Call || d.sym.is_some_and(apart)
    })
}

fn is_bounded(module: &Module, func: &Function) -> bool {
    func.placed().all(|i| !effects(module, func, &func.insts[i.index()]).nests)
}

fn is_readonly(module: &Module, func: &Function) -> bool {
    func.placed().all(|i| {
        let d = &func.insts[i.index()];
        let effects = effects(module, func, d);
        let reads = effects.writes.is_within(Memory::ALLOCATOR) && d.op.info().effect != Effect::Stack;
        reads || !effects.returns || d.sym == Some(func.sym)
    })
}

fn is_pure(module: &Module, func: &Function) -> bool {
    let pure_ = |i: Inst| {
        let effects = effects(module, func, &func.insts[i.index()]);
        effects.reads == Memory::NONE && !effects.visible
    };
    func.placed().all(pure_) && !Cfg::new(func).cyclic
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
        if d.op.access_size().is_none() {
            return !effects(module, func, d).stack;
        }
        let base = func.operands(i)[0];
        !nones::may_be_none(module, func, base) || nones::is_tested(func, &flow.0, &flow.1, base, block)
    };
    func.layout.iter().all(|&b| func.blocks[b.index()].insts.iter().all(|&i| quiet(b, i)))
}
