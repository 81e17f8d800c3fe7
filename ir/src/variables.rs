//! Places assignable variables: from what blocks assign and read to block parameters.
//!
//! Cytron et al., "Efficiently Computing Static Single Assignment Form and the Control Dependence
//! Graph" (1991), pruned: a variable becomes a parameter only of blocks where it is alive and where
//! different assignments meet (the iterated dominance frontier of the blocks that assign it). So an
//! argument is written only for a parameter that is needed, and once. The work is linear in blocks,
//! assignments, reads and resulting arguments, but for the blocks in which a variable that has
//! several assignments is alive; each of those costs a few instructions.

use crate::cfg::{Cfg, DomTree};
use crate::func::{Block, Function, SrcLoc, Type, Value};
use crate::ops::Op;

/// A variable has this value at the end of a block that assigns it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assignment {
    pub block: Block,
    pub var: u32,
    pub value: Value,
}

/// A variable is read before its block assigns it; this value stands for what it has then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    pub block: Block,
    pub var: u32,
    pub value: Value,
}

/// Makes every read an alias of what reaches it, with block parameters where assignments meet. A
/// variable that no path assigned is zero. `types` are those of the variables. Blocks that cannot be
/// reached must be gone, and no edge may lead to the entry.
pub(crate) fn place(func: &mut Function, types: &[Type], assignments: &[Assignment], reads: &[Read]) {
    if reads.is_empty() {
        return;
    }
    let cfg = Cfg::new(func);
    let dom = DomTree::new(func, &cfg);
    let reads = Rows::new(types.len(), reads, |r| r.var, |r| cfg.is_reachable(r.block));
    let sets = Rows::new(types.len(), assignments, |a| a.var, |a| cfg.is_reachable(a.block));
    let meets = meetings(func, &cfg, &dom, &sets, &reads);
    let trivial = Renaming::new(func, types).run(&cfg, &dom, &meets, &sets, &reads);
    if trivial {
        func.remove_trivial_params();
    }
}

/// Items in rows by a dense key, in their order.
struct Rows<T> {
    start: Vec<u32>,
    items: Vec<T>,
}

impl<T: Copy> Rows<T> {
    fn new(rows: usize, all: &[T], key: impl Fn(&T) -> u32, keep: impl Fn(&T) -> bool) -> Rows<T> {
        let mut start = vec![0u32; rows + 1];
        all.iter().filter(|t| keep(t)).for_each(|t| start[key(t) as usize + 1] += 1);
        for i in 0..rows {
            start[i + 1] += start[i];
        }
        let mut items = Vec::new();
        if let Some(&first) = all.first() {
            items.resize(start[rows] as usize, first);
            let mut fill = start.clone();
            for t in all.iter().filter(|t| keep(t)) {
                let at = &mut fill[key(t) as usize];
                items[*at as usize] = *t;
                *at += 1;
            }
        }
        Rows { start, items }
    }

    fn row(&self, key: usize) -> &[T] {
        &self.items[self.start[key] as usize..self.start[key + 1] as usize]
    }
}

const NONE: u32 = u32::MAX;

/// Where dominance ends: for each block the joins that it does not dominate, but a predecessor of
/// which it does. As linked lists.
struct Frontiers {
    first: Vec<u32>,
    entries: Vec<(Block, u32)>,
}

impl Frontiers {
    fn new(func: &Function, cfg: &Cfg, dom: &DomTree) -> Frontiers {
        let mut f = Frontiers { first: vec![NONE; func.blocks.len()], entries: Vec::new() };
        for &join in cfg.rpo.iter().filter(|&&b| cfg.preds(b).len() > 1) {
            let end = dom.idom(join);
            for p in cfg.preds(join) {
                let mut at = Some(p.block);
                while at != end {
                    let b = at.expect("the immediate dominator is above every predecessor").index();
                    // What is above was visited for an earlier predecessor.
                    if f.first[b] != NONE && f.entries[f.first[b] as usize].0 == join {
                        break;
                    }
                    f.entries.push((join, f.first[b]));
                    f.first[b] = f.entries.len() as u32 - 1;
                    at = dom.idom(Block(b as u32));
                }
            }
        }
        f
    }
}

/// The blocks and variables for which a parameter is needed, in order of variables.
fn meetings(
    func: &Function,
    cfg: &Cfg,
    dom: &DomTree,
    sets: &Rows<Assignment>,
    reads: &Rows<Read>,
) -> Vec<(Block, u32)> {
    let blocks = func.blocks.len();
    let mut frontiers = None;
    let mut meets: Vec<(Block, u32)> = Vec::new();
    // The last variable that a block assigns, needs when it is entered, and meets.
    let (mut assigns, mut needs, mut met) = (vec![NONE; blocks], vec![NONE; blocks], vec![NONE; blocks]);
    let mut work: Vec<Block> = Vec::new();
    for var in 0..reads.start.len() - 1 {
        let (set, read) = (sets.row(var), reads.row(var));
        let one_above =
            |s: &Assignment| read.iter().all(|r| s.block != r.block && dom.dominates(s.block, r.block));
        match set {
            _ if read.is_empty() => continue,
            [] => continue,
            [only] if one_above(only) => continue,
            _ => {}
        }
        let var = var as u32;
        set.iter().for_each(|s| assigns[s.block.index()] = var);
        for r in read {
            if std::mem::replace(&mut needs[r.block.index()], var) != var {
                work.push(r.block);
            }
        }
        // A block enters each list once per variable, and only where that is needed: as many as there are
        // places in which a variable is live.
        while let Some(b) = work.pop() {
            for p in cfg.preds(b) {
                let at = p.block.index();
                if assigns[at] != var && std::mem::replace(&mut needs[at], var) != var {
                    work.push(p.block);
                }
            }
        }
        let frontiers = frontiers.get_or_insert_with(|| Frontiers::new(func, cfg, dom));
        work.extend(set.iter().map(|s| s.block));
        while let Some(b) = work.pop() {
            let mut at = frontiers.first[b.index()];
            while at != NONE {
                let (join, next) = frontiers.entries[at as usize];
                at = next;
                if needs[join.index()] == var && std::mem::replace(&mut met[join.index()], var) != var {
                    meets.push((join, var));
                    work.push(join);
                }
            }
        }
    }
    meets
}

/// The walk that gives every read what reaches it.
struct Renaming<'f> {
    func: &'f mut Function,
    types: &'f [Type],
    /// What each variable is at the current point.
    now: Vec<Option<Value>>,
    /// Zeros of the types that needed one, for the entry block.
    zeros: Vec<Value>,
    /// Changes of `now` in open scopes, with what was before.
    undo: Vec<(u32, Option<Value>)>,
}

impl<'f> Renaming<'f> {
    fn new(func: &'f mut Function, types: &'f [Type]) -> Renaming<'f> {
        Renaming { func, types, now: vec![None; types.len()], zeros: Vec::new(), undo: Vec::new() }
    }

    /// Walks the dominator tree. Says whether a parameter got the same value on every way.
    fn run(
        mut self,
        cfg: &Cfg,
        dom: &DomTree,
        meets: &[(Block, u32)],
        sets: &Rows<Assignment>,
        reads: &Rows<Read>,
    ) -> bool {
        let blocks = self.func.blocks.len();
        let meets = Rows::new(blocks, meets, |m| m.0.0, |_| true);
        let sets = Rows::new(blocks, &sets.items, |a| a.block.0, |_| true);
        let reads = Rows::new(blocks, &reads.items, |r| r.block.0, |_| true);
        let mut scopes: Vec<(u32, usize)> = Vec::new();
        for (at, &block) in dom.preorder.iter().enumerate() {
            while let Some(&(end, undo)) = scopes.last() {
                if (at as u32) < end {
                    break;
                }
                for (var, old) in self.undo.drain(undo..).rev() {
                    self.now[var as usize] = old;
                }
                scopes.pop();
            }
            scopes.push((dom.subtree_end(block), self.undo.len()));
            for &(_, var) in meets.row(block.index()) {
                let param = self.func.add_param(block, self.types[var as usize]);
                self.set(var, param);
            }
            for r in reads.row(block.index()) {
                let value = self.value(r.var);
                self.func.replace(r.value, value);
            }
            for s in sets.row(block.index()) {
                let value = self.func.resolve(s.value);
                self.set(s.var, value);
            }
            self.leave(block, &meets);
        }
        let entry = self.func.entry();
        for zero in self.zeros {
            let inst = self.func.def_inst(zero).expect("a constant");
            self.func.blocks[entry.index()].insts.insert(0, inst);
        }
        let func = &*self.func;
        dom.preorder
            .iter()
            .filter(|b| !meets.row(b.index()).is_empty())
            .any(|&b| has_trivial_param(func, cfg, b))
    }

    fn set(&mut self, var: u32, value: Value) {
        self.undo.push((var, self.now[var as usize]));
        self.now[var as usize] = Some(value);
    }

    fn value(&mut self, var: u32) -> Value {
        if let Some(value) = self.now[var as usize] {
            return value;
        }
        let ty = self.types[var as usize];
        if let Some(&zero) = self.zeros.iter().find(|&&z| self.func.ty(z) == ty) {
            return zero;
        }
        let op = if ty == Type::F64 { Op::Fconst } else { Op::Iconst };
        let inst = self.func.make_inst(op, &[], 0, None, Some(ty), SrcLoc::NONE);
        let zero = self.func.insts[inst.index()].result.expect("a constant has a result");
        self.zeros.push(zero);
        zero
    }

    /// Appends the arguments for the parameters that were made for variables.
    fn leave(&mut self, block: Block, meets: &Rows<(Block, u32)>) {
        let edges = self.func.insts[self.func.terminator(block).index()].edges;
        for e in edges.start as usize..(edges.start + edges.len) as usize {
            let call = self.func.edges[e];
            let row = meets.row(call.block.index());
            if row.is_empty() {
                continue;
            }
            let values: Vec<Value> = row.iter().map(|&(_, var)| self.value(var)).collect();
            let start = self.func.pool.len() as u32;
            let old = call.args.start as usize..(call.args.start + call.args.len) as usize;
            self.func.pool.extend_from_within(old);
            self.func.pool.extend(values);
            let args = &mut self.func.edges[e].args;
            (args.start, args.len) = (start, self.func.pool.len() as u32 - start);
        }
    }
}

fn has_trivial_param(func: &Function, cfg: &Cfg, block: Block) -> bool {
    let params = func.blocks[block.index()].params.iter();
    params.enumerate().any(|(k, &p)| func.only_argument(cfg.preds(block), k, p).is_some())
}
