//! Stores to spill slots that have the value already, on the way back to the header of a loop.
//!
//! A value that lives in a slot around a loop and is loaded in it is in a register where the loop is done, and the
//! allocator, which wants it in its slot at the header, stores it there again. That costs a store for each iteration,
//! and a block of its own. So for such a store we walk back over all ways that lead to it: each has to come from a
//! move between that slot and that register before anything changes either.

use crate::mach::Isa;
use crate::mach::code::Code;
use regalloc2::{Allocation, Block, Edit, Function, InstOrEdit, OperandKind, Output, PReg, ProgPoint};
use std::borrow::Cow;

/// Blocks that are looked at for one store.
const MAX_BLOCKS: usize = 24;

/// The allocation without such stores: they move a slot to itself.
pub fn settle<'a, I: Isa>(code: &Code<I>, output: &'a Output) -> Cow<'a, Output> {
    let mut settled = Cow::Borrowed(output);
    if output.num_spillslots == 0 {
        return settled;
    }
    for b in 1..code.blocks.len() {
        let block = &code.blocks[b];
        let goes_back = code.succs(b).iter().any(|s| s.index() <= b);
        if block.cold || !goes_back || block.end - block.first != 1 {
            continue;
        }
        let first = ProgPoint::before(regalloc2::Inst::new(block.first as usize));
        let from = output.edits.partition_point(|(p, _)| *p < first);
        for (k, (point, edit)) in output.edits.iter().enumerate().skip(from) {
            if point.inst().index() >= block.end as usize {
                break;
            }
            let Edit::Move { from, to } = *edit;
            if let (Some(reg), Some(_)) = (from.as_reg(), to.as_stack())
                && (Walk { code, output, reg, slot: to, seen: Vec::new() }).holds_before(b)
            {
                settled.to_mut().edits[k].1 = Edit::Move { from: to, to };
            }
        }
    }
    settled
}

struct Walk<'a, I: Isa> {
    code: &'a Code<I>,
    output: &'a Output,
    reg: PReg,
    slot: Allocation,
    /// Blocks at whose start both have the same value, if the others are right.
    seen: Vec<usize>,
}

impl<I: Isa> Walk<'_, I> {
    /// The slot has what the register has where a block begins, however it is entered.
    fn holds_before(&mut self, block: usize) -> bool {
        if self.seen.contains(&block) {
            return true;
        }
        self.seen.push(block);
        let preds = self.code.block_preds(Block::new(block));
        self.seen.len() <= MAX_BLOCKS
            && block != 0
            && !preds.is_empty()
            && preds.iter().all(|p| match self.through(p.index()) {
                Some(settled) => settled,
                None => self.holds_before(p.index()),
            })
    }

    /// What the end of a block tells about its own code: nothing when that changes neither.
    fn through(&self, block: usize) -> Option<bool> {
        let items: Vec<InstOrEdit> =
            self.output.block_insts_and_edits(self.code, Block::new(block)).collect();
        let reg = Allocation::reg(self.reg);
        for item in items.into_iter().rev() {
            match item {
                InstOrEdit::Edit(&Edit::Move { from, to }) => {
                    if (from, to) == (reg, self.slot) || (from, to) == (self.slot, reg) {
                        return Some(true);
                    }
                    if from != to && (to == reg || to == self.slot) {
                        return Some(false);
                    }
                }
                InstOrEdit::Inst(inst) => {
                    let operands = self.code.inst_operands(inst);
                    let changed = operands
                        .iter()
                        .zip(self.output.inst_allocs(inst))
                        .any(|(o, &a)| o.kind() == OperandKind::Def && (a == reg || a == self.slot));
                    if changed || self.code.inst_clobbers(inst).contains(self.reg) {
                        return Some(false);
                    }
                }
            }
        }
        None
    }
}
