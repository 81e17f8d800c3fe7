//! Walks over a function until the parameters of its loop headers are stable.
//!
//! What a walk finds in a block depends on what dominates the block and on what its edges bring to its parameters.
//! Where neither changed since the block was looked at, it is not looked at again, and what the branches
//! above it say about values is found out only for blocks below them that are. Blocks behind the last loop cannot
//! change what the loops are, so they wait for the walk that rewrites, or for [`Analysis::finish`].

use super::domain::Range;
use super::{Analysis, Brought, Mode};
use crate::func::{Block, BlockCall, Value};
use crate::ops::Op;

/// Walks before giving up.
const MAX_ROUNDS: usize = 16;
/// Walks in which widening stops at constants.
const STOP_ROUNDS: usize = 6;
/// Walks down from a stable state.
const MAX_NARROWINGS: usize = 2;

/// A dominating block.
pub(super) struct Scope {
    block: Block,
    /// The end of what it dominates.
    end: u32,
    /// What was known before it, once the branch to it is taken into account.
    before: Option<(usize, usize)>,
}

/// What walks know of a block.
#[derive(Clone, Copy, Default)]
pub(super) struct Visit {
    /// The walk in which something about it changed.
    changed: u32,
    /// What is recorded of it is what a walk would find.
    done: bool,
    /// A loop can be reached from it.
    loops: bool,
}

impl Analysis<'_> {
    /// Walks until the loops are stable; false when that takes too long.
    pub(super) fn solve(&mut self) -> bool {
        if !self.loops {
            return true;
        }
        // Edges that lead back lead to headers.
        for &b in self.cfg.rpo.iter().rev() {
            let leads = |e: &BlockCall| self.header[e.block.index()] || self.visits[e.block.index()].loops;
            self.visits[b.index()].loops = self.func.successors(b).iter().any(leads);
        }
        for round in 0..MAX_ROUNDS {
            if round == STOP_ROUNDS {
                self.stops.clear();
            }
            self.walk(Mode::Grow);
            if self.brought() != Brought::More {
                self.narrow();
                return true;
            }
        }
        false
    }

    /// Walks down from the stable state, as far as that is stable.
    fn narrow(&mut self) {
        for _ in 0..MAX_NARROWINGS {
            if self.brought() == Brought::Same {
                return;
            }
            let stable = (self.state.clone(), self.open.clone(), self.reached.clone());
            self.reached.fill(false);
            self.walk(Mode::Narrow);
            if self.brought() == Brought::More {
                (self.state, self.open, self.reached) = stable;
                self.visits.iter_mut().for_each(|v| v.done = false);
                return;
            }
        }
    }

    /// Records what leaves the blocks that [`Analysis::solve`] did not need.
    pub(super) fn finish(&mut self) {
        self.visits.iter_mut().for_each(|v| v.loops = true);
        self.walk(Mode::Grow);
    }

    /// What the edges of the last walk bring to loop headers. A walk comes to each block once, after the
    /// headers that dominate it, so all edges are those of the state that it leaves.
    fn brought(&self) -> Brought {
        let mut all = Brought::Same;
        for &b in self.cfg.rpo.iter().filter(|b| self.header[b.index()] && self.reached[b.index()]) {
            for (k, p) in self.func.blocks[b.index()].params.iter().enumerate() {
                let state = self.state[p.index()];
                match self.incoming(b, k) {
                    Some(r) if r == state => {}
                    Some(r) if state.join(r) == state => all = Brought::Less,
                    Some(_) => return Brought::More,
                    None => {}
                }
            }
        }
        all
    }

    /// One walk over the function.
    pub(super) fn walk(&mut self, mode: Mode) {
        let dom = self.dom;
        self.walks += 1;
        self.reached[self.func.entry().index()] = true;
        let mut at = 0;
        while let Some(&block) = dom.preorder.get(at) {
            if mode != Mode::Apply && self.loops && !self.visits[block.index()].loops {
                at = dom.subtree_end(block) as usize;
                continue;
            }
            while let Some(scope) = self.scopes.pop_if(|s| s.end as usize <= at) {
                if let Some((undo, facts)) = scope.before {
                    self.restore(undo, facts);
                }
            }
            self.visit(block, mode);
            at += 1;
        }
        self.scopes.clear();
        self.restore(0, 0);
    }

    /// Finds what leaves a block, or records that nothing new does.
    fn visit(&mut self, block: Block, mode: Mode) {
        let (at, walk) = (block.index(), self.walks);
        if !self.reached[at] {
            let r = self.func.insts[self.func.terminator(block).index()].edges;
            self.open[r.start as usize..(r.start + r.len) as usize].fill(false);
            if std::mem::take(&mut self.visits[at].done) {
                self.visits[at].changed = walk;
            }
            return;
        }
        self.scopes.push(Scope { block, end: self.dom.subtree_end(block), before: None });
        let changed = |b: Block| self.visits[b.index()].changed == walk;
        let above = self.dom.idom(block).is_some_and(changed);
        let around = self.header[at] || self.cfg.preds(block).iter().any(|p| changed(p.block));
        let old = mode != Mode::Apply && self.visits[at].done && !above;
        if old && !(around && self.parameters(block, mode)) {
            return self.pass(block);
        }
        if !old {
            self.parameters(block, mode);
        }
        self.visits[at].done = true;
        self.visits[at].changed = walk;
        self.enter();
        match mode {
            Mode::Grow | Mode::Narrow => {
                for k in 0..self.func.blocks[at].insts.len() {
                    let inst = self.func.blocks[at].insts[k];
                    self.evaluate(inst);
                }
            }
            Mode::Apply => self.apply(block),
        }
        self.leave(block, mode);
    }

    /// The block's edges are as they were.
    fn pass(&mut self, block: Block) {
        let edges = self.func.insts[self.func.terminator(block).index()].edges;
        for e in (edges.start..edges.start + edges.len).filter(|&e| self.open[e as usize]) {
            self.reached[self.func.edges[e as usize].block.index()] = true;
        }
    }

    /// Takes the branches that lead to the current block into account.
    fn enter(&mut self) {
        let first = self.scopes.iter().rposition(|s| s.before.is_some()).map_or(0, |i| i + 1);
        for i in first..self.scopes.len() {
            self.scopes[i].before = Some((self.undo.len(), self.facts.len()));
            if let [pred] = self.cfg.preds(self.scopes[i].block) {
                self.assume_edge(pred.block, pred.edge);
            }
        }
    }

    fn restore(&mut self, undo: usize, facts: usize) {
        while self.undo.len() > undo {
            let (v, old) = self.undo.pop().expect("longer");
            self.now[v.index()] = old;
        }
        self.facts.truncate(facts);
    }

    /// Sets the parameters of a block from its incoming edges; says whether one changed.
    fn parameters(&mut self, block: Block, mode: Mode) -> bool {
        let header = self.header[block.index()];
        let entry = block == self.func.entry();
        let mut changed = false;
        for k in 0..self.func.blocks[block.index()].params.len() {
            let p = self.func.blocks[block.index()].params[k];
            let r = if entry {
                self.params.get(k).copied().unwrap_or(Range::TOP)
            } else if header && mode == Mode::Apply {
                self.state[p.index()]
            } else {
                let mut r = self.incoming(block, k).unwrap_or(Range::TOP);
                if header {
                    // The first visit marks the state with the value itself.
                    let old = self.state[p.index()];
                    if self.visited(block) {
                        r = match (mode, old.join(r) == old) {
                            (Mode::Narrow, true) => r,
                            (Mode::Grow, false) => self.widen(p, r),
                            _ => old,
                        };
                    }
                    self.state[p.index()] = r;
                }
                r
            };
            changed |= self.now[p.index()] != r;
            self.now[p.index()] = r;
        }
        changed
    }

    /// What the edges to a block that can be taken bring to its k-th parameter.
    fn incoming(&self, block: Block, k: usize) -> Option<Range> {
        let open = self.cfg.preds(block).iter().filter(|pred| self.open[pred.edge as usize]);
        let args = open.map(|pred| {
            let args = self.func.edges[pred.edge as usize].args;
            self.edge_args[args.start as usize + k]
        });
        args.reduce(Range::join)
    }

    /// The state of a loop header's parameter that grows.
    fn widen(&mut self, p: Value, to: Range) -> Range {
        let times = &mut self.widened[p.index()];
        let ends = [self.stops.first(), self.stops.last()].map(|end| end.copied().unwrap_or(0));
        let stops: &[i64] = match times {
            0 => &self.stops,
            1 if !self.stops.is_empty() => &ends,
            _ => &[],
        };
        *times = times.saturating_add(1);
        self.state[p.index()].widen(to, stops)
    }

    /// The block was walked before: one of its own edges, or the end of it, was recorded.
    fn visited(&self, block: Block) -> bool {
        let r = self.func.insts[self.func.terminator(block).index()].edges;
        (r.start..r.start + r.len).any(|e| self.open[e as usize])
    }

    /// Records what leaves a block.
    fn leave(&mut self, block: Block, mode: Mode) {
        let inst = self.func.terminator(block);
        let data = self.func.insts[inst.index()];
        for e in data.edges.start..data.edges.start + data.edges.len {
            let (undo, facts) = (self.undo.len(), self.facts.len());
            if data.op == Op::Brif {
                let c = self.now[self.func.operands(inst)[0].index()];
                let words = c.words();
                let possible = match e == data.edges.start {
                    true => c.single() != Some(0),
                    false => words.0 <= 0 && words.1 >= 0,
                };
                if !possible {
                    self.open[e as usize] &= mode != Mode::Narrow;
                    // Narrowing closes it.
                    self.visits[block.index()].done &= !self.open[e as usize];
                    continue;
                }
                if self.func.edges[e as usize].args.len > 0 {
                    self.assume_edge(block, e);
                }
            }
            let call = self.func.edges[e as usize];
            for i in call.args.start..call.args.start + call.args.len {
                self.edge_args[i as usize] = self.now[self.func.pool[i as usize].index()];
            }
            self.restore(undo, facts);
            self.open[e as usize] = true;
            self.reached[call.block.index()] = true;
        }
    }
}
