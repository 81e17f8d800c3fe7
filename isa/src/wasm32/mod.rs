//! WebAssembly (Core 2.0, with bulk memory, sign extension and saturating conversion): code for a
//! stack machine with locals and structured control flow, so that nothing but the op table, the order of
//! switches and the rules of what may move is shared with the other instruction sets.
//!
//! The flow of [`compile`]: [`prepare`] (reducible graph) -> [`structure`] (nested items) -> [`trees`] (what
//! is computed on the operand stack) -> [`locals`] (colouring) -> [`frame`] (the shadow stack, for the
//! collector and traces; as large as [`engine`] says) -> [`emit`] with the selection rules in [`select`],
//! [`ints`], [`divide`], [`memory`], [`calls`].
//!
//! A word of the IR is an i64, a float an f64. The atom's bytes are the function's type and its body as
//! in the code section without its size; indices, addresses and code offsets are insertions by relocations.

mod calls;
pub mod disasm;
mod divide;
mod emit;
pub mod encode;
mod engine;
pub mod entry;
mod frame;
pub mod insts;
mod ints;
mod locals;
mod memory;
mod prepare;
mod select;
mod stale;
mod structure;
pub mod text;
mod trees;

use crate::costs::Costs;
use crate::{Context, lines};
use emit::Emit;
use encode::function_type;
use engine::Needs;
use mochi_ir::cfg::{Cfg, DomTree};
use mochi_ir::{Block, Function};
use mochi_objwrite::leb;
use mochi_objwrite::{Atom, AtomKind, FrameInfo, SymRef};
use structure::Item;

/// Symbols that code refers to by itself: the functions that are called when a frame would be below the
/// limit of the shadow stack, and when a none is followed.
pub const OWN_SYMBOLS: &[&str] = &["stack_below_limit", "panic_none"];

/// Locals that most functions need beside those of values.
const USUAL_TEMPS: usize = 1;
/// Operands that most functions have on the stack when they call.
const USUAL_OPERANDS: usize = 2;

/// Compiles a function.
pub fn compile(context: &Context, func: &Function) -> (Atom, Costs) {
    let func = &*prepare::prepare(func);
    let cfg = Cfg::new(func);
    let dom = DomTree::new(func, &cfg);
    let items = structure::structure(func, &cfg, &dom);
    let blocks: Vec<Block> = items
        .iter()
        .filter_map(|item| match item {
            Item::Code(b) => Some(*b),
            _ => None,
        })
        .collect();
    let roots = mochi_ir::roots::roots(func, &blocks);
    let trees = trees::plan(context, func, &blocks, &roots);
    let locals = locals::assign(func, &items, &trees);
    let mut frame = frame::plan(context, func, &blocks, &trees, &locals, &roots);
    let slots = stale::Slots {
        context,
        func,
        items: &items,
        cfg: &cfg,
        dom: &dom,
        trees: &trees,
        locals: &locals,
        frame: &frame,
    };
    let stale = slots.stale();
    // The size of the frame is written before the numbers of locals and operands are known; few functions
    // take more than expected, and those are written again, once: what they take does not depend on it, but
    // for the size of the number.
    let live = engine::live(func, &blocks, &trees, &locals);
    let (count, operands) = (locals.count(func) + USUAL_TEMPS, USUAL_OPERANDS);
    frame.charge(engine::frame(Needs { locals: count, operands, arguments: 0, live }));
    loop {
        let mut e = Emit::new(context, func, &cfg, &dom, &trees, &locals, &frame);
        e.body(&items, &stale);
        let count = e.local_count();
        let (operands, arguments) = (e.code.operands(count), e.code.arguments());
        let atom = finish(func, e);
        if frame.charge(engine::frame(Needs { locals: count, operands, arguments, live })) {
            let bytes = atom.bytes.len() as u64;
            return (atom, Costs { bytes, ..Costs::default() });
        }
    }
}

/// Puts type, locals and instructions together.
fn finish(func: &Function, e: Emit) -> Atom {
    let params = &func.blocks[func.entry().index()].params;
    let types: Vec<_> = params.iter().map(|&p| calls::signature_type(func.ty(p))).collect();
    let mut bytes = function_type(types.into_iter(), func.result.map(calls::signature_type));
    // Runs of locals of one type.
    let mut runs: Vec<(u64, insts::Ty)> = Vec::new();
    for ty in e.local_types() {
        match runs.last_mut() {
            Some((count, last)) if *last == ty => *count += 1,
            _ => runs.push((1, ty)),
        }
    }
    leb::write(&mut bytes, runs.len() as u64);
    for (count, ty) in runs {
        leb::write(&mut bytes, count);
        bytes.push(ty.byte());
    }
    let start = bytes.len() as u32;
    let (mut code, mut relocs, mut rows) = (e.code.bytes, e.code.relocs, e.code.lines);
    bytes.append(&mut code);
    relocs.iter_mut().for_each(|r| r.offset += start);
    rows.iter_mut().for_each(|r| r.offset += start);
    let code_size = bytes.len() as u32;
    Atom {
        sym: SymRef(func.sym.0),
        kind: AtomKind::Text,
        align: 1,
        bytes,
        zero_size: 0,
        relocs,
        function: Some(lines::info(func, code_size, rows, FrameInfo::default())),
    }
}
