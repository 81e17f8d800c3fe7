//! How much of an engine's own stack a call takes: an upper bound.
//!
//! Nobody can ask an engine, so this is measured: V8's first tier has a place for each local and each
//! operand that waits on the operand stack, beside a call's arguments for which registers do not
//! suffice. Its optimising tier has places only for what is live, but it moves computation down to where
//! the result is used, across calls: then not the result is live across the call but all operands, which may
//! be more. `tests/limits.rs` checks the bound in both tiers on functions with up to 64 of each.

use crate::wasm32::locals::Locals;
use crate::wasm32::trees::{Trees, is_constant};

use mochi_ir::{Block, Function, Inst};

/// Bytes of a frame of the first tier beside locals, operands and arguments.
const FIRST: usize = 56;
/// Bytes of one of the optimising tier beside live values and arguments.
const OPTIMISED: usize = 32;

/// What a function has of each, in words.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// Locals, parameters included.
    pub locals: usize,
    /// Operands on the stack at a call, or where registers do not suffice.
    pub operands: usize,
    /// Arguments of a call that are not in registers.
    pub arguments: usize,
    /// What [`live`] says.
    pub live: usize,
}

/// Bytes of the engine's stack that a call takes.
pub fn frame(needs: Needs) -> usize {
    let first = FIRST + 8 * (needs.locals + needs.operands + needs.arguments);
    first.max(OPTIMISED + 8 * (needs.live + needs.arguments))
}

/// The instruction can be moved to where its result is used, whatever is between.
fn can_sink(func: &Function, inst: Inst) -> bool {
    func.insts[inst.index()].op.is_pure()
}

/// The largest number of values that are live at once when each computation may be moved down to the
/// uses of its result: the last use of its operands is then that of the result.
pub fn live(func: &Function, blocks: &[Block], trees: &Trees, locals: &Locals) -> usize {
    // Of each value, in half positions as in `locals`.
    let mut last: Vec<u32> = locals.ranges.iter().map(|r| r.last).collect();
    let mut starts = Vec::new();
    for &b in blocks {
        let block = &func.blocks[b.index()];
        let params = block.params.iter().copied().filter(|p| trees.in_local(func, *p));
        starts.extend(params.map(|p| (locals.ranges[p.index()].start, p)));
        for &inst in block.insts.iter().filter(|i| trees.live[i.index()]) {
            let Some(r) = func.insts[inst.index()].result.filter(|r| !is_constant(func, *r)) else {
                continue;
            };
            if trees.nested[r.index()] {
                let at = 2 * locals.position[inst.index()];
                last[r.index()] = at;
                starts.push((at, r));
            } else if trees.in_local(func, r) {
                starts.push((locals.ranges[r.index()].start, r));
            }
        }
    }
    // Users come after what they use.
    for &inst in blocks.iter().rev().flat_map(|b| func.blocks[b.index()].insts.iter().rev()) {
        let Some(r) = func.insts[inst.index()].result else { continue };
        if trees.live[inst.index()] && !is_constant(func, r) && can_sink(func, inst) {
            for o in func.operands(inst) {
                last[o.index()] = last[o.index()].max(last[r.index()]);
            }
        }
    }
    let mut ends: Vec<u32> = starts.iter().map(|(_, v)| last[v.index()]).collect();
    let mut starts: Vec<u32> = starts.into_iter().map(|(start, _)| start).collect();
    starts.sort_unstable();
    ends.sort_unstable();
    let mut ended = 0;
    let at_once = starts.iter().enumerate().map(|(i, &start)| {
        while ends.get(ended).is_some_and(|&end| end < start) {
            ended += 1;
        }
        i + 1 - ended
    });
    at_once.max().unwrap_or(0)
}
