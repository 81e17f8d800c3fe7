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

use mochi_ir::{Block, Function, Op};

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
    /// Successors, by position in the order; one per edge of the terminator.
    pub succs: Vec<u32>,
}

/// The machine blocks in order, entry first.
#[derive(Clone, Debug)]
pub struct Order {
    /// Blocks.
    pub blocks: Vec<OrderedBlock>,
    /// Innermost loop of each IR block.
    loops: Vec<InLoop>,
}

/// The innermost loop around a block: its nesting depth (0 for none) and its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct InLoop {
    depth: u32,
    id: u32,
}

const NONE: u32 = u32::MAX;

impl Order {
    /// Computes the order of a function's blocks.
    pub fn new(func: &Function) -> Order {
        let cfg = Cfg::new(func);
        let (flat, loops) = cfg.loop_order(func);
        let mut position = vec![NONE; func.blocks.len()];
        let mut blocks = Vec::with_capacity(flat.len() + flat.len() / 2 + 1);
        let entry = func.entry();
        if cfg.pred_count(entry) > 0 {
            blocks.push(OrderedBlock { origin: Origin::Start, cold: false, exit: false, succs: vec![] });
        }
        for &b in &flat {
            position[b.index()] = blocks.len() as u32;
            let cold = func.blocks[b.index()].cold;
            blocks.push(OrderedBlock { origin: Origin::Block(b), cold, exit: false, succs: vec![] });
            let succs = func.successors(b);
            if succs.len() < 2 {
                continue;
            }
            for (k, edge) in succs.iter().enumerate() {
                let target = &func.blocks[edge.block.index()];
                if cfg.pred_count(edge.block) > 1 || !target.params.is_empty() {
                    let origin = Origin::Edge(b, k as u32);
                    let cold = cold || target.cold;
                    let exit = loops[edge.block.index()].depth < loops[b.index()].depth;
                    blocks.push(OrderedBlock { origin, cold, exit, succs: vec![] });
                }
            }
        }
        connect(func, &mut blocks, &position);
        Order { blocks, loops }
    }

    /// Whether a value defined in `def` and used in `at` is live around a loop that `at` is in.
    pub fn around_loop(&self, def: Block, at: Block) -> bool {
        let (def, at) = (self.loops[def.index()], self.loops[at.index()]);
        def.depth < at.depth || def.depth == at.depth && def.id != at.id
    }
}

/// Fills in the successors.
fn connect(func: &Function, blocks: &mut [OrderedBlock], position: &[u32]) {
    for i in 0..blocks.len() {
        match blocks[i].origin {
            Origin::Start => blocks[i].succs = vec![position[func.entry().index()]],
            Origin::Edge(b, k) => {
                let target = func.successors(b)[k as usize].block;
                blocks[i].succs = vec![position[target.index()]];
            }
            Origin::Block(b) => {
                // The edge blocks of a block follow it directly, in order of their edges.
                let mut next_edge = i + 1;
                let mut succs = Vec::new();
                for (k, edge) in func.successors(b).iter().enumerate() {
                    let own = blocks.get(next_edge).map(|n| n.origin);
                    if own == Some(Origin::Edge(b, k as u32)) {
                        succs.push(next_edge as u32);
                        next_edge += 1;
                    } else {
                        succs.push(position[edge.block.index()]);
                    }
                }
                blocks[i].succs = succs;
            }
        }
    }
}

/// Control flow graph of the reachable blocks.
struct Cfg {
    /// Reachable blocks in reverse postorder.
    rpo: Vec<Block>,
    /// Position in `rpo`, or `NONE`.
    rank: Vec<u32>,
    /// Predecessors of each block (one entry per edge), flat.
    preds: Vec<Block>,
    /// Range of `preds` of each block.
    pred_start: Vec<u32>,
}

impl Cfg {
    fn new(func: &Function) -> Cfg {
        let n = func.blocks.len();
        let mut rank = vec![NONE; n];
        let mut seen = vec![false; n];
        let mut rpo = Vec::with_capacity(n);
        let mut stack: Vec<(Block, usize)> = vec![(func.entry(), 0)];
        seen[func.entry().index()] = true;
        while let Some((block, next)) = stack.last_mut() {
            let succs = func.successors(*block);
            // Visited from the last to the first, so that the first comes first in the order;
            // an edge of a `brif` with a cold target is visited first.
            if *next < succs.len() {
                let target = succs[succs.len() - 1 - *next].block;
                *next += 1;
                if !seen[target.index()] {
                    seen[target.index()] = true;
                    stack.push((target, 0));
                }
            } else {
                rpo.push(*block);
                stack.pop();
            }
        }
        rpo.reverse();
        for (i, b) in rpo.iter().enumerate() {
            rank[b.index()] = i as u32;
        }
        let (preds, pred_start) = predecessors(func, &rpo);
        Cfg { rpo, rank, preds, pred_start }
    }

    fn preds(&self, b: Block) -> &[Block] {
        &self.preds[self.pred_start[b.index()] as usize..self.pred_start[b.index() + 1] as usize]
    }

    fn pred_count(&self, b: Block) -> usize {
        self.preds(b).len()
    }

    /// Immediate dominators by rank (Cooper, Harvey, Kennedy, "A Simple, Fast Dominance
    /// Algorithm").
    fn dominators(&self) -> Vec<u32> {
        let mut idom = vec![NONE; self.rpo.len()];
        idom[0] = 0;
        let mut changed = true;
        while changed {
            changed = false;
            for (i, &b) in self.rpo.iter().enumerate().skip(1) {
                let mut new = NONE;
                for p in self.preds(b) {
                    let p = self.rank[p.index()];
                    if idom[p as usize] == NONE {
                        continue;
                    }
                    new = if new == NONE { p } else { intersect(&idom, new, p) };
                }
                if idom[i] != new {
                    idom[i] = new;
                    changed = true;
                }
            }
        }
        idom
    }

    /// The blocks in reverse postorder, each loop contiguous at the place of its header; and the
    /// loop of each block.
    fn loop_order(&self, func: &Function) -> (Vec<Block>, Vec<InLoop>) {
        let mut of = vec![InLoop::default(); func.blocks.len()];
        if self
            .rpo
            .iter()
            .all(|&b| func.successors(b).iter().all(|e| self.rank[e.block.index()] > self.rank[b.index()]))
        {
            return (self.rpo.clone(), of);
        }
        let loops = Loops::new(self);
        let depths = loops.depths();
        for (i, &b) in self.rpo.iter().enumerate() {
            if loops.of[i] != NONE {
                of[b.index()] = InLoop { depth: depths[loops.of[i] as usize], id: loops.of[i] };
            }
        }
        // Lists of items: a block, or a loop in the place of its header. List 0 is the function,
        // list l + 1 is loop l.
        enum Item {
            Block(Block),
            Loop(u32),
        }
        let mut lists: Vec<Vec<Item>> = (0..=loops.headers.len()).map(|_| Vec::new()).collect();
        for (i, &b) in self.rpo.iter().enumerate() {
            let own = loops.of[i];
            if own != NONE && loops.headers[own as usize] == i as u32 {
                let parent = loops.parent[own as usize].wrapping_add(1);
                lists[parent as usize].push(Item::Loop(own));
            }
            lists[own.wrapping_add(1) as usize].push(Item::Block(b));
        }
        let mut flat = Vec::with_capacity(self.rpo.len());
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
}

fn predecessors(func: &Function, rpo: &[Block]) -> (Vec<Block>, Vec<u32>) {
    let mut start = vec![0u32; func.blocks.len() + 1];
    for &b in rpo {
        for e in func.successors(b) {
            start[e.block.index() + 1] += 1;
        }
    }
    for i in 1..start.len() {
        start[i] += start[i - 1];
    }
    let mut fill = start.clone();
    let mut preds = vec![Block(0); start[func.blocks.len()] as usize];
    for &b in rpo {
        for e in func.successors(b) {
            let at = &mut fill[e.block.index()];
            preds[*at as usize] = b;
            *at += 1;
        }
    }
    (preds, start)
}

fn intersect(idom: &[u32], mut a: u32, mut b: u32) -> u32 {
    while a != b {
        while a > b {
            a = idom[a as usize];
        }
        while b > a {
            b = idom[b as usize];
        }
    }
    a
}

/// Natural loops.
struct Loops {
    /// Headers, by rank.
    headers: Vec<u32>,
    /// Enclosing loop of each loop, or `NONE`.
    parent: Vec<u32>,
    /// Innermost loop of each block (by rank), or `NONE`.
    of: Vec<u32>,
}

impl Loops {
    fn new(cfg: &Cfg) -> Loops {
        let idom = cfg.dominators();
        let dominates = |a: u32, mut b: u32| {
            while b > a {
                b = idom[b as usize];
            }
            a == b
        };
        let mut loops = Loops { headers: vec![], parent: vec![], of: vec![NONE; cfg.rpo.len()] };
        let mut work = Vec::new();
        // Inner headers have a higher rank than outer ones, so inner loops are found first.
        for h in (0..cfg.rpo.len() as u32).rev() {
            work.clear();
            for p in cfg.preds(cfg.rpo[h as usize]) {
                let p = cfg.rank[p.index()];
                if p >= h && dominates(h, p) {
                    work.push(p);
                }
            }
            if work.is_empty() {
                continue;
            }
            let id = loops.headers.len() as u32;
            loops.headers.push(h);
            loops.parent.push(NONE);
            loops.collect(cfg, id, h, &mut work);
        }
        loops
    }

    /// Nesting depth of each loop; outermost loops have 1. Outer loops have higher numbers.
    fn depths(&self) -> Vec<u32> {
        let mut depths = vec![1; self.headers.len()];
        for l in (0..depths.len()).rev() {
            if self.parent[l] != NONE {
                depths[l] = depths[self.parent[l] as usize] + 1;
            }
        }
        depths
    }

    /// Adds to loop `id` every block that reaches one in `work` without passing the header.
    fn collect(&mut self, cfg: &Cfg, id: u32, header: u32, work: &mut Vec<u32>) {
        while let Some(b) = work.pop() {
            let inner = self.of[b as usize];
            let entry = if inner == NONE {
                self.of[b as usize] = id;
                b
            } else {
                // A loop found before: take its outermost one in, as a whole.
                let mut outer = inner;
                while outer != id && self.parent[outer as usize] != NONE {
                    outer = self.parent[outer as usize];
                }
                if outer == id {
                    continue;
                }
                self.parent[outer as usize] = id;
                self.headers[outer as usize]
            };
            if entry == header {
                continue;
            }
            for p in cfg.preds(cfg.rpo[entry as usize]) {
                work.push(cfg.rank[p.index()]);
            }
        }
        self.of[header as usize] =
            if self.of[header as usize] == NONE { id } else { self.of[header as usize] };
    }
}

/// Whether a terminator has edges.
pub fn has_edges(op: Op) -> bool {
    matches!(op, Op::Jump | Op::Brif | Op::Switch)
}
