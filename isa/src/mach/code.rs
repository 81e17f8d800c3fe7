//! Code over virtual registers: what selection makes and register allocation reads.
//!
//! An instruction is a [`MachInst`] plus a range of the operand pool. Operands are
//! regalloc2's: virtual register, constraint, use or definition, early or late. Allocations come
//! back in the same order, so instructions hold no registers at all.
//!
//! Selection works backwards, therefore everything is pushed in reverse and turned around once
//! by [`Code::finish`].

use crate::mach::order::Order;
use crate::mach::{Isa, MachInst};
use mochi_ir::SrcLoc;
use regalloc2::{InstRange, Operand, PRegSet, VReg};
use std::ops::Range;

/// What an instruction is for control flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// Goes on to the next instruction.
    Next,
    /// Ends a block and goes to its successors.
    Branch,
    /// Ends a block and leaves the function, or never gets there.
    Exit,
}

/// Everything about an instruction but what it is.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    /// First operand in the pool.
    pub start: u32,
    /// Number of operands.
    pub len: u16,
    /// Index of the clobbered set in [`Code::clobber_sets`].
    pub clobbers: u8,
    /// Control flow.
    pub flow: Flow,
    /// Source position.
    pub loc: SrcLoc,
}

/// A range of instructions, successors and so on of a block.
#[derive(Clone, Debug, Default)]
pub struct BlockRange {
    /// First instruction.
    pub first: u32,
    /// One past the last.
    pub end: u32,
    /// Where its predecessors are in those of all blocks.
    preds: Range<usize>,
    /// Where its successors are in those of all blocks.
    succs: Range<usize>,
    /// Parameters.
    pub params: Vec<VReg>,
    /// Arguments for the parameters of the only successor.
    pub args: Vec<VReg>,
    /// Emitted last.
    pub cold: bool,
    /// The edge out of a loop.
    pub exit: bool,
    /// The program may have more objects after it than before.
    pub makes_objects: bool,
}

/// A function over virtual registers.
#[derive(Debug)]
pub struct Code<I: Isa> {
    /// What they are.
    pub insts: Vec<MachInst<I>>,
    /// The rest of each instruction.
    pub meta: Vec<Meta>,
    /// Operand pool.
    pub operands: Vec<Operand>,
    /// Blocks in order; the entry is first.
    pub blocks: Vec<BlockRange>,
    /// Predecessors of the blocks, and successors.
    preds: Vec<regalloc2::Block>,
    succs: Vec<regalloc2::Block>,
    /// Number of virtual registers.
    pub num_vregs: usize,
    /// Sets of clobbered registers; the first is empty.
    pub clobber_sets: Vec<PRegSet>,
    /// Bytes needed for stack arguments of calls.
    pub outgoing: u32,
    /// The function calls something.
    pub calls: bool,
    /// Loops in each other at most.
    pub nesting: u32,
    /// For each virtual register, whether it may hold a reference; empty when nobody asks ([`super::stale`]).
    pub roots: Vec<bool>,
    /// Slots of values that live in the frame.
    pub homes: u32,
}

impl<I: Isa> Code<I> {
    /// No code yet.
    pub fn new(order: &Order, size_hint: usize) -> Code<I> {
        let mut blocks: Vec<BlockRange> = order
            .blocks
            .iter()
            .map(|b| BlockRange {
                succs: b.succs.clone(),
                cold: b.cold,
                exit: b.exit,
                ..BlockRange::default()
            })
            .collect();
        let succs: Vec<_> = order.succs.iter().map(|&s| regalloc2::Block::new(s as usize)).collect();
        let mut preds = vec![regalloc2::Block::invalid(); succs.len()];
        // First the numbers of predecessors, then the ranges, which are filled from their starts.
        succs.iter().for_each(|s| blocks[s.index()].preds.end += 1);
        let mut next = 0;
        for b in &mut blocks {
            let count = b.preds.end;
            b.preds = next..next;
            next += count;
        }
        for (i, b) in order.blocks.iter().enumerate() {
            for s in &succs[b.succs.clone()] {
                let range = &mut blocks[s.index()].preds;
                preds[range.end] = regalloc2::Block::new(i);
                range.end += 1;
            }
        }
        Code {
            insts: Vec::with_capacity(size_hint),
            meta: Vec::with_capacity(size_hint),
            operands: Vec::with_capacity(size_hint * 3),
            blocks,
            preds,
            succs,
            num_vregs: 0,
            clobber_sets: vec![PRegSet::empty()],
            outgoing: 0,
            calls: false,
            nesting: order.nesting(),
            roots: Vec::new(),
            homes: 0,
        }
    }

    /// Turns the reversed instructions around. Until then the ranges of blocks count from the end.
    pub fn finish(&mut self) {
        self.insts.reverse();
        self.meta.reverse();
        let n = self.insts.len() as u32;
        for b in &mut self.blocks {
            (b.first, b.end) = (n - b.end, n - b.first);
        }
    }

    /// Predecessors of a block.
    pub fn preds(&self, block: usize) -> &[regalloc2::Block] {
        &self.preds[self.blocks[block].preds.clone()]
    }

    /// Successors of a block.
    pub fn succs(&self, block: usize) -> &[regalloc2::Block] {
        &self.succs[self.blocks[block].succs.clone()]
    }

    /// Index of a set of clobbered registers.
    pub fn clobber_set(&mut self, set: PRegSet) -> u8 {
        let at = self.clobber_sets.iter().position(|s| *s == set).unwrap_or_else(|| {
            self.clobber_sets.push(set);
            self.clobber_sets.len() - 1
        });
        u8::try_from(at).expect("few different clobber sets")
    }

    /// Operands of an instruction.
    pub fn operands_of(&self, inst: usize) -> &[Operand] {
        let m = &self.meta[inst];
        &self.operands[m.start as usize..m.start as usize + m.len as usize]
    }
}

impl<I: Isa> regalloc2::Function for Code<I> {
    fn num_insts(&self) -> usize {
        self.insts.len()
    }

    fn num_blocks(&self) -> usize {
        self.blocks.len()
    }

    fn entry_block(&self) -> regalloc2::Block {
        regalloc2::Block::new(0)
    }

    fn block_insns(&self, block: regalloc2::Block) -> InstRange {
        let b = &self.blocks[block.index()];
        InstRange::new(regalloc2::Inst::new(b.first as usize), regalloc2::Inst::new(b.end as usize))
    }

    fn block_succs(&self, block: regalloc2::Block) -> &[regalloc2::Block] {
        self.succs(block.index())
    }

    fn block_preds(&self, block: regalloc2::Block) -> &[regalloc2::Block] {
        self.preds(block.index())
    }

    fn block_params(&self, block: regalloc2::Block) -> &[VReg] {
        &self.blocks[block.index()].params
    }

    fn is_ret(&self, inst: regalloc2::Inst) -> bool {
        self.meta[inst.index()].flow == Flow::Exit
    }

    fn is_branch(&self, inst: regalloc2::Inst) -> bool {
        self.meta[inst.index()].flow == Flow::Branch
    }

    fn branch_blockparams(&self, block: regalloc2::Block, _: regalloc2::Inst, _: usize) -> &[VReg] {
        &self.blocks[block.index()].args
    }

    fn inst_operands(&self, inst: regalloc2::Inst) -> &[Operand] {
        self.operands_of(inst.index())
    }

    fn inst_clobbers(&self, inst: regalloc2::Inst) -> PRegSet {
        self.clobber_sets[self.meta[inst.index()].clobbers as usize]
    }

    fn num_vregs(&self) -> usize {
        self.num_vregs
    }

    fn spillslot_size(&self, _: regalloc2::RegClass) -> usize {
        1
    }
}
