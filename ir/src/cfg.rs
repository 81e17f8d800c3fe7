//! Control flow: predecessors, reverse postorder, dominator tree, loops.
//!
//! Computed from scratch in time that is linear in practice (dominators: Georgiadis, Tarjan, Werneck,
//! "Finding Dominators in Practice", 2006: the algorithm SEMI-NCA), without recursion. Blocks that
//! the entry does not reach are in none of the lists.

use crate::func::{Block, Function};

const NONE: u32 = u32::MAX;

/// Reverse postorder, for those who need no predecessors.
#[derive(Debug)]
pub struct Rpo {
    /// Reachable blocks in reverse postorder, entry first.
    pub rpo: Vec<Block>,
    /// Index in `rpo` by block; `u32::MAX` for unreachable blocks.
    pub rpo_index: Vec<u32>,
}

impl Rpo {
    /// Orders the blocks of a function, which all have terminators.
    pub fn new(func: &Function) -> Rpo {
        Rpo::with_edges(func, |_| ())
    }

    /// The same; `each` sees the target of every edge from a reachable block.
    fn with_edges(func: &Function, mut each: impl FnMut(Block)) -> Rpo {
        let mut rpo_index = vec![NONE; func.blocks.len()];
        let mut rpo = Vec::with_capacity(func.layout.len());
        // Iterative depth-first search; the mark 0 in `rpo_index` means seen. Each block with the range
        // of its edges that are still to follow.
        let mut stack = Vec::with_capacity(func.layout.len());
        let mut next = Some(func.entry());
        loop {
            if let Some(block) = next {
                rpo_index[block.index()] = 0;
                let edges = func.insts[func.terminator(block).index()].edges;
                stack.push((block, edges.start, edges.start + edges.len));
            }
            let Some((block, start, end)) = stack.last_mut() else { break };
            if start == end {
                rpo.push(*block);
                stack.pop();
                next = None;
                continue;
            }
            // Later successors first, so that earlier ones come first in reverse postorder.
            *end -= 1;
            let to = func.edges[*end as usize].block;
            each(to);
            next = (rpo_index[to.index()] == NONE).then_some(to);
        }
        rpo.reverse();
        for (i, &b) in rpo.iter().enumerate() {
            rpo_index[b.index()] = i as u32;
        }
        Rpo { rpo, rpo_index }
    }
}

/// Predecessors and reverse postorder.
#[derive(Debug)]
pub struct Cfg {
    /// Reachable blocks in reverse postorder, entry first.
    pub rpo: Vec<Block>,
    /// Index in `rpo` by block; `u32::MAX` for unreachable blocks.
    pub rpo_index: Vec<u32>,
    /// An edge leads backwards in `rpo`: without one there are no loops.
    pub cyclic: bool,
    pred_start: Vec<u32>,
    preds: Vec<Pred>,
}

/// An incoming edge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pred {
    /// Where it comes from.
    pub block: Block,
    /// Index into [`Function::edges`].
    pub edge: u32,
}

impl Cfg {
    /// The blocks of a function's instructions; of others one that there is not.
    pub fn homes(&self, func: &Function) -> Vec<Block> {
        let mut home = vec![Block(u32::MAX); func.insts.len()];
        for &b in &self.rpo {
            func.blocks[b.index()].insts.iter().for_each(|i| home[i.index()] = b);
        }
        home
    }

    /// Analyses a function whose blocks all have terminators.
    pub fn new(func: &Function) -> Cfg {
        let n = func.blocks.len();
        // Starts of rows are two places further on until all edges are counted, one while they are filled.
        let mut pred_start = vec![0u32; n + 2];
        let Rpo { rpo, rpo_index } = Rpo::with_edges(func, |to| pred_start[to.index() + 2] += 1);
        for i in 2..n + 2 {
            pred_start[i] += pred_start[i - 1];
        }
        let mut preds = vec![Pred { block: Block(0), edge: 0 }; pred_start[n + 1] as usize];
        let mut cyclic = false;
        for (i, &b) in rpo.iter().enumerate() {
            let r = func.insts[func.terminator(b).index()].edges;
            for edge in r.start..r.start + r.len {
                let to = func.edges[edge as usize].block.index();
                cyclic |= rpo_index[to] <= i as u32;
                let at = &mut pred_start[to + 1];
                preds[*at as usize] = Pred { block: b, edge };
                *at += 1;
            }
        }
        Cfg { rpo, rpo_index, cyclic, pred_start, preds }
    }

    /// Incoming edges from reachable blocks, in reverse postorder.
    #[inline]
    pub fn preds(&self, block: Block) -> &[Pred] {
        let i = block.index();
        &self.preds[self.pred_start[i] as usize..self.pred_start[i + 1] as usize]
    }

    /// The entry reaches the block.
    pub fn is_reachable(&self, block: Block) -> bool {
        self.rpo_index[block.index()] != NONE
    }
}

/// Dominator tree of the reachable blocks.
#[derive(Debug)]
pub struct DomTree {
    /// Immediate dominator by block; the entry's is itself.
    idom: Vec<u32>,
    /// Reachable blocks in preorder of the tree.
    pub preorder: Vec<Block>,
    /// Number in `preorder` and the end of the subtree's range, by block.
    range: Vec<(u32, u32)>,
}

impl DomTree {
    /// Computes the tree.
    pub fn new(func: &Function, cfg: &Cfg) -> DomTree {
        let n = func.blocks.len();
        let at = |b: Block| cfg.rpo_index[b.index()];
        let idom = immediate_dominators(
            cfg.rpo.len(),
            |i| func.successors(cfg.rpo[i as usize]).iter().map(|e| at(e.block)),
            |i| cfg.preds(cfg.rpo[i as usize]).iter().map(|p| at(p.block)),
        );
        // A dominator comes before what it dominates: sizes of subtrees from the last block on, places
        // in preorder from the first one on, children in reverse postorder.
        let count = cfg.rpo.len();
        let mut size = vec![1u32; count];
        for i in (1..count).rev() {
            size[idom[i] as usize] += size[i];
        }
        let mut by_block = vec![NONE; n];
        let mut range = vec![(NONE, NONE); n];
        let mut preorder = vec![cfg.rpo[0]; count];
        // Where the next child of each block goes; the entry is its own dominator.
        let mut free = vec![0u32; count];
        for (i, &b) in cfg.rpo.iter().enumerate() {
            let dominator = idom[i] as usize;
            let at = free[dominator];
            free[dominator] += size[i];
            free[i] = at + 1;
            by_block[b.index()] = cfg.rpo[dominator].0;
            range[b.index()] = (at, at + size[i]);
            preorder[at as usize] = b;
        }
        DomTree { idom: by_block, preorder, range }
    }

    /// The immediate dominator; `None` for the entry.
    #[inline]
    pub fn idom(&self, block: Block) -> Option<Block> {
        let d = self.idom[block.index()];
        (d != block.0 && d != NONE).then_some(Block(d))
    }

    /// Every path from the entry to `b` goes through `a` (also when they are equal). Both are reachable.
    #[inline]
    pub fn dominates(&self, a: Block, b: Block) -> bool {
        let (start, end) = self.range[a.index()];
        let at = self.range[b.index()].0;
        start <= at && at < end
    }

    /// Number of blocks that the block dominates, itself included.
    pub fn subtree_size(&self, block: Block) -> u32 {
        let (start, end) = self.range[block.index()];
        end - start
    }

    /// End of the block's subtree as an index into `preorder`.
    #[inline]
    pub fn subtree_end(&self, block: Block) -> u32 {
        self.range[block.index()].1
    }
}

/// The immediate dominator of each node of a graph whose nodes are all reachable from node 0, the entry,
/// which is its own.
pub fn immediate_dominators<S, P>(
    count: usize,
    successors: impl Fn(u32) -> S,
    predecessors: impl Fn(u32) -> P,
) -> Vec<u32>
where
    S: Iterator<Item = u32>,
    P: Iterator<Item = u32>,
{
    // A depth-first spanning tree. From here on blocks are numbers in its preorder.
    let mut rank = vec![NONE; count];
    let mut nodes: Vec<Node> = Vec::with_capacity(count);
    let mut stack = Vec::with_capacity(count);
    stack.push((0u32, 0u32));
    while let Some((block, parent)) = stack.pop() {
        if rank[block as usize] != NONE {
            continue;
        }
        let number = nodes.len() as u32;
        rank[block as usize] = number;
        nodes.push(Node { block, idom: parent, above: parent, semi: number, label: number });
        for to in successors(block) {
            if rank[to as usize] == NONE {
                stack.push((to, number));
            }
        }
    }
    // Semidominators, last block first.
    let mut path: Vec<u32> = Vec::with_capacity(16);
    for i in (1..count as u32).rev() {
        let mut lowest = nodes[i as usize].above;
        for p in predecessors(nodes[i as usize].block) {
            let p = rank[p as usize];
            let mut at = p;
            while nodes[at as usize].above > i {
                path.push(at);
                at = nodes[at as usize].above;
            }
            let Node { label: mut best, above: end, .. } = nodes[at as usize];
            while let Some(b) = path.pop() {
                let label = nodes[b as usize].label;
                nodes[b as usize].above = end;
                if nodes[best as usize].semi < nodes[label as usize].semi {
                    nodes[b as usize].label = best;
                } else {
                    best = label;
                }
            }
            lowest = lowest.min(nodes[nodes[p as usize].label as usize].semi);
        }
        nodes[i as usize].semi = lowest;
    }
    let mut by_block = rank;
    by_block[0] = 0;
    for i in 1..count {
        let mut idom = nodes[i].idom;
        while idom > nodes[i].semi {
            idom = nodes[idom as usize].idom;
        }
        nodes[i].idom = idom;
        by_block[nodes[i].block as usize] = nodes[idom as usize].block;
    }
    by_block
}

/// A block in [`immediate_dominators`]; other blocks are named by their numbers in preorder of the
/// spanning tree.
#[derive(Clone, Copy)]
struct Node {
    /// Its number for the caller.
    block: u32,
    /// At first its parent in the tree.
    idom: u32,
    /// Link of the forest of finished blocks, shortened as it is followed; at first the parent.
    above: u32,
    /// Its semidominator.
    semi: u32,
    /// The block with the lowest semidominator on the way along the links.
    label: u32,
}

/// A natural loop.
#[derive(Clone, Debug)]
pub struct Loop {
    /// Its header, which dominates its blocks.
    pub header: Block,
    /// The loop around it, an index into [`Loops::loops`].
    pub parent: Option<u32>,
    /// 1 for outermost loops.
    pub depth: u32,
    /// Numbers of this loop and the loops in it, which follow each other.
    range: (u32, u32),
}

/// Natural loops (edges to a dominator), one per header; irreducible cycles are not loops.
#[derive(Debug)]
pub struct Loops {
    /// Loops; an outer loop comes before the loops in it.
    pub loops: Vec<Loop>,
    /// Innermost loop by block; `u32::MAX` for none.
    innermost: Vec<u32>,
}

impl Loops {
    /// Finds the loops of a function whose dominators nothing else asks for.
    pub fn of(func: &Function, cfg: &Cfg) -> Loops {
        if cfg.cyclic {
            Loops::new(func, cfg, &DomTree::new(func, cfg))
        } else {
            Loops { loops: Vec::new(), innermost: vec![NONE; func.blocks.len()] }
        }
    }

    /// Finds the loops.
    pub fn new(func: &Function, cfg: &Cfg, dom: &DomTree) -> Loops {
        let mut loops: Vec<Loop> = Vec::new();
        let mut innermost = vec![NONE; func.blocks.len()];
        // For each loop one around it or itself, on the way to the outermost one found so far.
        let mut outer: Vec<u32> = Vec::new();
        let mut work = Vec::new();
        // Inner headers come later in reverse postorder; going backwards finds inner loops first.
        for &header in cfg.rpo.iter().rev() {
            let back = cfg.preds(header).iter().filter(|p| dom.dominates(header, p.block));
            work.extend(back.map(|p| p.block));
            if work.is_empty() {
                continue;
            }
            let id = loops.len() as u32;
            loops.push(Loop { header, parent: None, depth: 0, range: (0, 0) });
            outer.push(id);
            while let Some(b) = work.pop() {
                let inner = innermost[b.index()];
                if inner == NONE {
                    innermost[b.index()] = id;
                    if b != header {
                        work.extend(cfg.preds(b).iter().map(|p| p.block));
                    }
                    continue;
                }
                // The outermost loop found so far around b becomes an inner loop of this one.
                let found = outermost(&mut outer, inner);
                if found != id {
                    loops[found as usize].parent = Some(id);
                    outer[found as usize] = id;
                    let h = loops[found as usize].header;
                    work.extend(cfg.preds(h).iter().map(|p| p.block));
                }
            }
        }
        // Outer loops first.
        loops.reverse();
        let last = loops.len() as u32;
        for i in 0..loops.len() {
            loops[i].parent = loops[i].parent.map(|p| last - 1 - p);
            loops[i].depth = loops[i].parent.map_or(1, |p| loops[p as usize].depth + 1);
        }
        for x in &mut innermost {
            if *x != NONE {
                *x = last - 1 - *x;
            }
        }
        number(&mut loops);
        Loops { loops, innermost }
    }

    /// The innermost loop of a block.
    pub fn innermost(&self, block: Block) -> Option<u32> {
        let l = self.innermost[block.index()];
        (l != NONE).then_some(l)
    }

    /// Of each loop the blocks that are in no loop inside it, in reverse postorder.
    pub fn own_blocks(&self, cfg: &Cfg) -> Vec<Vec<Block>> {
        let mut own = vec![Vec::new(); self.loops.len()];
        for &b in &cfg.rpo {
            if let Some(l) = self.innermost(b) {
                own[l as usize].push(b);
            }
        }
        own
    }

    /// The block is in the loop or in one inside it.
    pub fn contains(&self, outer: u32, block: Block) -> bool {
        self.innermost(block).is_some_and(|l| self.is_within(l, outer))
    }

    /// The first loop is the second one or in it.
    pub fn is_within(&self, inner: u32, outer: u32) -> bool {
        let (start, end) = self.loops[outer as usize].range;
        (start..end).contains(&self.loops[inner as usize].range.0)
    }

    /// Number of loops around a block.
    pub fn depth(&self, block: Block) -> u32 {
        self.innermost(block).map_or(0, |l| self.loops[l as usize].depth)
    }
}

/// The end of the links from a loop outwards, which get shorter.
fn outermost(outer: &mut [u32], mut l: u32) -> u32 {
    while outer[l as usize] != l {
        let next = outer[outer[l as usize] as usize];
        outer[l as usize] = next;
        l = next;
    }
    l
}

/// Numbers loops so that those in a loop follow it. Outer loops come before the loops in them.
fn number(loops: &mut [Loop]) {
    let mut size = vec![1; loops.len()];
    for l in (0..loops.len()).rev() {
        if let Some(p) = loops[l].parent {
            size[p as usize] += size[l];
        }
    }
    let (mut top, mut next) = (0, vec![0; loops.len()]);
    for l in 0..loops.len() {
        let free = loops[l].parent.map_or(&mut top, |p| &mut next[p as usize]);
        let start = *free;
        *free += size[l];
        next[l] = start + 1;
        loops[l].range = (start, start + size[l]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::parse_module;

    fn analyse(text: &str) -> (Cfg, DomTree, Loops) {
        let module = parse_module(text).unwrap();
        let f = &module.funcs[0];
        let cfg = Cfg::new(f);
        let dom = DomTree::new(f, &cfg);
        let loops = Loops::new(f, &cfg, &dom);
        (cfg, dom, loops)
    }

    const NEST: &str = "func @f {\nb0(v0:i64): jump b1\nb1: brif v0, b2, b5\nb2: jump b3\nb3: brif v0, b3, b4\nb4: jump b1\nb5: ret\n}";

    #[test]
    fn dominators() {
        let (cfg, dom, _) = analyse(NEST);
        assert_eq!(cfg.rpo.len(), 6);
        assert_eq!(dom.idom(Block(5)), Some(Block(1)));
        assert_eq!(dom.idom(Block(4)), Some(Block(3)));
        assert!(dom.dominates(Block(1), Block(4)) && dom.dominates(Block(2), Block(2)));
        assert!(!dom.dominates(Block(2), Block(5)));
        let (_, dom, _) = analyse(
            "func @f {\nb0(v0:i64): brif v0, b1, b2\nb1: jump b3\nb2: jump b3\nb3: ret\nb9: jump b3\n}",
        );
        assert_eq!(dom.idom(Block(3)), Some(Block(0)));
    }

    /// A dominates b when b cannot be reached without a.
    #[test]
    fn dominators_of_random_graphs() {
        let mut random = mochi_testkit::Random::new(1);
        let mut below = |n: u64| random.below(n);
        for _ in 0..300 {
            let n = 2 + below(12);
            let mut text = String::from("func @f {\nb0(v0:i64): jump b1\n");
            for i in 1..n {
                text += &match below(5) {
                    0 => format!("b{i}: jump b{}\n", 1 + below(n - 1)),
                    1 => format!("b{i}: ret\n"),
                    _ => format!("b{i}: brif v0, b{}, b{}\n", 1 + below(n - 1), 1 + below(n - 1)),
                };
            }
            let module = parse_module(&(text + "}")).unwrap();
            let f = &module.funcs[0];
            let cfg = Cfg::new(f);
            let dom = DomTree::new(f, &cfg);
            for &a in &cfg.rpo {
                let mut seen = vec![false; f.blocks.len()];
                let mut work = vec![f.entry()];
                while let Some(b) = work.pop() {
                    if b != a && !std::mem::replace(&mut seen[b.index()], true) {
                        work.extend(f.successors(b).iter().map(|e| e.block));
                    }
                }
                for &b in &cfg.rpo {
                    assert_eq!(dom.dominates(a, b), !seen[b.index()], "{a:?} {b:?} in {f:?}");
                }
            }
        }
    }

    #[test]
    fn loop_nest() {
        let (_, _, loops) = analyse(NEST);
        assert_eq!(loops.loops.len(), 2);
        let inner = loops.innermost(Block(3)).unwrap();
        let outer = loops.innermost(Block(4)).unwrap();
        assert_eq!(loops.loops[inner as usize].parent, Some(outer));
        assert_eq!(loops.innermost(Block(1)), Some(outer));
        assert_eq!(loops.innermost(Block(2)), Some(outer));
        assert_eq!((loops.depth(Block(0)), loops.depth(Block(3)), loops.depth(Block(5))), (0, 2, 0));
        assert!(loops.contains(outer, Block(3)) && !loops.contains(inner, Block(4)));
    }

    #[test]
    fn long_chains_are_fast() {
        let mut text = String::from("func @f {\nb0(v0:i64): jump b1\n");
        for i in 1..20_000 {
            text.push_str(&format!("b{i}: brif v0, b{}, b{}\n", i + 1, i));
        }
        text.push_str("b20000: ret\n}");
        let (_, dom, loops) = analyse(&text);
        assert_eq!(loops.loops.len(), 19_999);
        assert!(dom.dominates(Block(1), Block(20_000)));
    }
}
