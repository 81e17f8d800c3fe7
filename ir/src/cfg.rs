//! Control flow: predecessors, reverse postorder, dominator tree, loops.
//!
//! Computed from scratch in time that is linear in practice (dominators: Cooper, Harvey, Kennedy,
//! "A Simple, Fast Dominance Algorithm", 2001), without recursion. Blocks that the entry does not
//! reach are in none of the lists.

use crate::func::{Block, Function};

const NONE: u32 = u32::MAX;

/// Predecessors and reverse postorder.
#[derive(Debug)]
pub struct Cfg {
    /// Reachable blocks in reverse postorder, entry first.
    pub rpo: Vec<Block>,
    /// Index in `rpo` by block; `u32::MAX` for unreachable blocks.
    pub rpo_index: Vec<u32>,
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
    /// Analyses a function whose blocks all have terminators.
    pub fn new(func: &Function) -> Cfg {
        let n = func.blocks.len();
        let mut rpo_index = vec![NONE; n];
        let mut rpo = Vec::with_capacity(func.layout.len());
        // Iterative depth-first search; the mark 0 in `rpo_index` means seen.
        let mut stack = vec![(func.entry(), 0u32)];
        rpo_index[func.entry().index()] = 0;
        while let Some((block, next)) = stack.last_mut() {
            let edges = func.successors(*block);
            // Later successors first, so that earlier ones come first in reverse postorder.
            let k = *next as usize;
            if k == edges.len() {
                rpo.push(*block);
                stack.pop();
                continue;
            }
            *next += 1;
            let t = edges[edges.len() - 1 - k].block;
            if rpo_index[t.index()] == NONE {
                rpo_index[t.index()] = 0;
                stack.push((t, 0));
            }
        }
        rpo.reverse();
        let mut pred_start = vec![0u32; n + 1];
        for (i, &b) in rpo.iter().enumerate() {
            rpo_index[b.index()] = i as u32;
            for e in func.successors(b) {
                pred_start[e.block.index() + 1] += 1;
            }
        }
        for i in 0..n {
            pred_start[i + 1] += pred_start[i];
        }
        let mut preds = vec![Pred { block: Block(0), edge: 0 }; pred_start[n] as usize];
        let mut fill = pred_start.clone();
        for &b in &rpo {
            let r = func.insts[func.terminator(b).index()].edges;
            for edge in r.start..r.start + r.len {
                let t = func.edges[edge as usize].block.index();
                preds[fill[t] as usize] = Pred { block: b, edge };
                fill[t] += 1;
            }
        }
        Cfg { rpo, rpo_index, pred_start, preds }
    }

    /// Incoming edges from reachable blocks, in reverse postorder.
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
        // By rpo index, so that comparing numbers compares depth-first order.
        let mut idom = vec![NONE; cfg.rpo.len()];
        idom[0] = 0;
        let mut changed = true;
        while changed {
            changed = false;
            for i in 1..cfg.rpo.len() {
                let mut new = NONE;
                for p in cfg.preds(cfg.rpo[i]) {
                    let p = cfg.rpo_index[p.block.index()];
                    if idom[p as usize] == NONE {
                        continue;
                    }
                    new = if new == NONE { p } else { intersect(&idom, p, new) };
                }
                if idom[i] != new {
                    idom[i] = new;
                    changed = true;
                }
            }
        }
        // Children in compressed rows, in reverse postorder.
        let count = cfg.rpo.len();
        let mut start = vec![0u32; count + 1];
        for &d in &idom[1..] {
            start[d as usize + 1] += 1;
        }
        for i in 0..count {
            start[i + 1] += start[i];
        }
        let mut children = vec![0u32; count - 1];
        let mut fill = start.clone();
        for (i, &d) in idom.iter().enumerate().skip(1) {
            let d = d as usize;
            children[fill[d] as usize] = i as u32;
            fill[d] += 1;
        }
        let mut preorder = Vec::with_capacity(count);
        let mut range = vec![(NONE, NONE); n];
        let mut stack = vec![(0u32, start[0])];
        preorder.push(cfg.rpo[0]);
        range[cfg.rpo[0].index()].0 = 0;
        while let Some((node, next)) = stack.last_mut() {
            if *next == start[*node as usize + 1] {
                range[cfg.rpo[*node as usize].index()].1 = preorder.len() as u32;
                stack.pop();
                continue;
            }
            let child = children[*next as usize];
            *next += 1;
            let block = cfg.rpo[child as usize];
            range[block.index()].0 = preorder.len() as u32;
            preorder.push(block);
            stack.push((child, start[child as usize]));
        }
        let mut by_block = vec![NONE; n];
        for (i, &b) in cfg.rpo.iter().enumerate() {
            by_block[b.index()] = cfg.rpo[idom[i] as usize].0;
        }
        DomTree { idom: by_block, preorder, range }
    }

    /// The immediate dominator; `None` for the entry.
    pub fn idom(&self, block: Block) -> Option<Block> {
        let d = self.idom[block.index()];
        (d != block.0 && d != NONE).then_some(Block(d))
    }

    /// Every path from the entry to `b` goes through `a` (also when they are equal). Both are reachable.
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
    pub fn subtree_end(&self, block: Block) -> u32 {
        self.range[block.index()].1
    }
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

/// A natural loop.
#[derive(Clone, Debug)]
pub struct Loop {
    /// Its header, which dominates its blocks.
    pub header: Block,
    /// The loop around it, an index into [`Loops::loops`].
    pub parent: Option<u32>,
    /// 1 for outermost loops.
    pub depth: u32,
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
    /// Finds the loops.
    pub fn new(func: &Function, cfg: &Cfg, dom: &DomTree) -> Loops {
        let mut loops: Vec<Loop> = Vec::new();
        let mut innermost = vec![NONE; func.blocks.len()];
        let mut work = Vec::new();
        // Inner headers come later in reverse postorder; going backwards finds inner loops first.
        for &header in cfg.rpo.iter().rev() {
            let back = cfg.preds(header).iter().filter(|p| dom.dominates(header, p.block));
            work.extend(back.map(|p| p.block));
            if work.is_empty() {
                continue;
            }
            let id = loops.len() as u32;
            loops.push(Loop { header, parent: None, depth: 0 });
            while let Some(b) = work.pop() {
                // The outermost loop found so far around b becomes an inner loop of this one.
                let mut inner = innermost[b.index()];
                if inner == NONE {
                    innermost[b.index()] = id;
                    if b != header {
                        work.extend(cfg.preds(b).iter().map(|p| p.block));
                    }
                    continue;
                }
                while let Some(outer) = loops[inner as usize].parent {
                    inner = outer;
                }
                if inner != id {
                    loops[inner as usize].parent = Some(id);
                    let h = loops[inner as usize].header;
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
        Loops { loops, innermost }
    }

    /// The innermost loop of a block.
    pub fn innermost(&self, block: Block) -> Option<u32> {
        let l = self.innermost[block.index()];
        (l != NONE).then_some(l)
    }

    /// The block is in the loop or in one inside it.
    pub fn contains(&self, outer: u32, block: Block) -> bool {
        let mut l = self.innermost(block);
        while let Some(i) = l {
            if i <= outer {
                return i == outer;
            }
            l = self.loops[i as usize].parent;
        }
        false
    }

    /// Number of loops around a block.
    pub fn depth(&self, block: Block) -> u32 {
        self.innermost(block).map_or(0, |l| self.loops[l as usize].depth)
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
