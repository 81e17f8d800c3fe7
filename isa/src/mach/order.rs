//! Block order: which machine blocks there are and in which order they are allocated and emitted.
//!
//! A machine block is an IR block, or an edge that needs a place of its own for moves. The order
//! is a reverse postorder in which the blocks of every loop are contiguous (a loop takes the
//! place of its header), so that live ranges are short and exits of loops come after them.
//!
//! Invariants: a definition comes before its uses (selection walks the order backwards and has
//! seen every use when it comes to a definition); an edge from a block with several successors
//! leads to a block with one predecessor and without parameters (so branches carry no arguments,
//! which is what regalloc2 asks for); the entry block has no predecessor.

use mochi_ir::cfg::{Cfg, DomTree, Loops};
use mochi_ir::{Block, Function, Op};
use std::ops::Range;

/// What a machine block is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Holds only the parameters; made when the IR's entry block is also the target of a branch.
    Start,
    /// An IR block.
    Block(Block),
    /// The edge of an IR block's terminator with this index.
    Edge(Block, u32),
}

/// A machine block.
#[derive(Clone, Debug)]
pub struct OrderedBlock {
    /// What it is.
    pub origin: Origin,
    /// Unlikely to run; emitted last.
    pub cold: bool,
    /// An edge out of a loop.
    pub exit: bool,
    /// Where its successors are in [`Order::succs`].
    pub succs: Range<usize>,
}

/// The machine blocks in order, entry first.
#[derive(Clone, Debug)]
pub struct Order {
    /// Blocks.
    pub blocks: Vec<OrderedBlock>,
    /// Successors of the blocks, by position in the order; one per edge of the terminator.
    pub succs: Vec<u32>,
    /// Innermost loop of each IR block.
    loops: Vec<InLoop>,
}

/// The innermost loop around a block: its nesting depth (0 for none) and its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct InLoop {
    depth: u32,
    id: u32,
}

impl Order {
    /// Loops in each other at most.
    pub fn nesting(&self) -> u32 {
        self.loops.iter().map(|l| l.depth).max().unwrap_or(0)
    }

    /// Computes the order of a function's blocks.
    pub fn new(func: &Function) -> Order {
        let cfg = Cfg::new(func);
        let (flat, loops) = loop_order(func, &cfg);
        let mut position = vec![u32::MAX; func.blocks.len()];
        let mut blocks = Vec::with_capacity(flat.len() + flat.len() / 2 + 1);
        let entry = func.entry();
        if !cfg.preds(entry).is_empty() {
            blocks.push(OrderedBlock { origin: Origin::Start, cold: false, exit: false, succs: 0..0 });
        }
        for &b in &flat {
            position[b.index()] = blocks.len() as u32;
            let cold = func.blocks[b.index()].cold;
            blocks.push(OrderedBlock { origin: Origin::Block(b), cold, exit: false, succs: 0..0 });
            let succs = func.successors(b);
            if succs.len() < 2 {
                continue;
            }
            for (k, edge) in succs.iter().enumerate() {
                let target = &func.blocks[edge.block.index()];
                if cfg.preds(edge.block).len() > 1 || !target.params.is_empty() {
                    let origin = Origin::Edge(b, k as u32);
                    let cold = cold || target.cold;
                    let exit = loops[edge.block.index()].depth < loops[b.index()].depth;
                    blocks.push(OrderedBlock { origin, cold, exit, succs: 0..0 });
                }
            }
        }
        let succs = connect(func, &mut blocks, &position);
        Order { blocks, succs, loops }
    }

    /// Whether a value defined in `def` and used in `at` is live around a loop that `at` is in.
    pub fn around_loop(&self, def: Block, at: Block) -> bool {
        let (def, at) = (self.loops[def.index()], self.loops[at.index()]);
        def.depth < at.depth || def.depth == at.depth && def.id != at.id
    }
}

/// Fills in the successors.
fn connect(func: &Function, blocks: &mut [OrderedBlock], position: &[u32]) -> Vec<u32> {
    let mut all = Vec::with_capacity(2 * blocks.len());
    for i in 0..blocks.len() {
        let start = all.len();
        match blocks[i].origin {
            Origin::Start => all.push(position[func.entry().index()]),
            Origin::Edge(b, k) => {
                let target = func.successors(b)[k as usize].block;
                all.push(position[target.index()]);
            }
            Origin::Block(b) => {
                // The edge blocks of a block follow it directly, in order of their edges.
                let mut next_edge = i + 1;
                for (k, edge) in func.successors(b).iter().enumerate() {
                    let own = blocks.get(next_edge).map(|n| n.origin);
                    if own == Some(Origin::Edge(b, k as u32)) {
                        all.push(next_edge as u32);
                        next_edge += 1;
                    } else {
                        all.push(position[edge.block.index()]);
                    }
                }
            }
        }
        blocks[i].succs = start..all.len();
    }
    all
}

/// The blocks in reverse postorder, each loop contiguous at the place of its header; and the loop
/// of each block.
fn loop_order(func: &Function, cfg: &Cfg) -> (Vec<Block>, Vec<InLoop>) {
    let mut of = vec![InLoop::default(); func.blocks.len()];
    if !cfg.cyclic {
        return (cfg.rpo.clone(), of);
    }
    let loops = Loops::new(func, cfg, &DomTree::new(func, cfg));
    // Lists of items: a block, or a loop in the place of its header. List 0 is the function, list
    // l + 1 is loop l.
    enum Item {
        Block(Block),
        Loop(u32),
    }
    let mut lists: Vec<Vec<Item>> = (0..=loops.loops.len()).map(|_| Vec::new()).collect();
    for &b in &cfg.rpo {
        let Some(own) = loops.innermost(b) else {
            lists[0].push(Item::Block(b));
            continue;
        };
        let l = &loops.loops[own as usize];
        of[b.index()] = InLoop { depth: l.depth, id: own };
        if l.header == b {
            lists[l.parent.map_or(0, |p| p as usize + 1)].push(Item::Loop(own));
        }
        lists[own as usize + 1].push(Item::Block(b));
    }
    let mut flat = Vec::with_capacity(cfg.rpo.len());
    let mut stack = vec![(0u32, 0usize)];
    while let Some((list, next)) = stack.pop() {
        match lists[list as usize].get(next) {
            Some(&Item::Block(b)) => {
                flat.push(b);
                stack.push((list, next + 1));
            }
            Some(&Item::Loop(l)) => {
                stack.push((list, next + 1));
                stack.push((l + 1, 0));
            }
            None => {}
        }
    }
    (flat, of)
}

/// Whether a terminator has edges.
pub fn has_edges(op: Op) -> bool {
    matches!(op, Op::Jump | Op::Brif | Op::Switch)
}
