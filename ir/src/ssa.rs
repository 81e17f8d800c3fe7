//! Small structural clean-ups that builders and passes share: blocks that cannot be reached,
//! parameters that always have the same value, aliases.

use crate::cfg::{Cfg, Pred};
use crate::func::{ArgList, Block, BlockCall, BlockData, Function, Inst, Value, ValueData, ValueDef};

impl Function {
    /// Drops blocks that no path from the entry reaches from the layout, and their edges with them.
    pub fn remove_unreachable_blocks(&mut self) {
        let mut seen = vec![false; self.blocks.len()];
        let mut work = Vec::with_capacity(self.layout.len());
        work.push(self.entry());
        seen[self.entry().index()] = true;
        let mut count = 1;
        while let Some(b) = work.pop() {
            for e in self.successors(b) {
                let t = e.block;
                if !std::mem::replace(&mut seen[t.index()], true) {
                    work.push(t);
                    count += 1;
                }
            }
        }
        if count == self.layout.len() {
            return;
        }
        self.layout.retain(|b| seen[b.index()]);
        for (i, block) in self.blocks.iter_mut().enumerate() {
            if !seen[i] {
                block.insts.clear();
                block.params.clear();
            }
        }
    }

    /// Removes block parameters whose arguments are all the same value (or the parameter itself),
    /// then replaces every alias. Needs a function without unreachable blocks in its layout.
    pub fn remove_trivial_params(&mut self) {
        if !self.has_trivial_params() {
            return;
        }
        let cfg = Cfg::new(self);
        let mut users = Users::new(self);
        let mut work: Vec<Value> = Vec::with_capacity(self.values.len() / 2);
        for &b in cfg.rpo[1..].iter().rev() {
            work.extend(self.blocks[b.index()].params.iter().rev());
        }
        let mut queued = vec![true; self.values.len()];
        let mut changed = false;
        while let Some(p) = work.pop() {
            queued[p.index()] = false;
            let ValueDef::Param(b, k) = self.values[p.index()].def else { continue };
            let Some(v) = self.only_argument(cfg.preds(b), k as usize, p) else { continue };
            self.replace(p, v);
            changed = true;
            users.each(p, |q| {
                if !std::mem::replace(&mut queued[q.index()], true) {
                    work.push(q);
                }
            });
            users.give(p, v);
        }
        if changed {
            self.drop_aliased_params(&cfg);
            self.resolve_aliases();
        }
    }

    /// A parameter gets one value from all edges, itself aside.
    fn has_trivial_params(&self) -> bool {
        let with_params = |b: &&Block| **b != self.entry() && !self.blocks[b.index()].params.is_empty();
        if !self.layout.iter().any(|b| with_params(&b)) {
            return false;
        }
        // What each parameter got so far: itself is nothing yet.
        let mut got: Vec<Value> = (0..self.values.len() as u32).map(Value).collect();
        let mut several = vec![false; self.values.len()];
        for &b in &self.layout {
            for e in self.successors(b) {
                for (&v, &p) in self.list(e.args).iter().zip(&self.blocks[e.block.index()].params) {
                    let v = self.resolve(v);
                    if v != p {
                        several[p.index()] |= got[p.index()] != p && got[p.index()] != v;
                        got[p.index()] = v;
                    }
                }
            }
        }
        self.layout
            .iter()
            .filter(with_params)
            .any(|b| self.blocks[b.index()].params.iter().any(|p| !several[p.index()]))
    }

    /// The value that a parameter has on every way into its block, if there is one.
    pub(crate) fn only_argument(&self, incoming: &[Pred], k: usize, param: Value) -> Option<Value> {
        let mut only = None;
        for pred in incoming {
            let v = self.resolve(self.pool[self.edges[pred.edge as usize].args.start as usize + k]);
            if v == param || only == Some(v) {
                continue;
            }
            if only.is_some() {
                return None;
            }
            only = Some(v);
        }
        only
    }

    fn drop_aliased_params(&mut self, cfg: &Cfg) {
        for &b in &cfg.rpo[1..] {
            let is_alias = |p: &Value| matches!(self.values[p.index()].def, ValueDef::Alias(_));
            if !self.blocks[b.index()].params.iter().any(is_alias) {
                continue;
            }
            let params = std::mem::take(&mut self.blocks[b.index()].params);
            for pred in cfg.preds(b) {
                let old = self.edges[pred.edge as usize].args;
                // A new list: lists may be shared.
                let start = self.pool.len() as u32;
                for (k, p) in params.iter().enumerate() {
                    if !matches!(self.values[p.index()].def, ValueDef::Alias(_)) {
                        self.pool.push(self.pool[old.start as usize + k]);
                    }
                }
                let len = self.pool.len() as u32 - start;
                self.edges[pred.edge as usize].args = ArgList { start, len };
            }
            let mut kept = params;
            kept.retain(|p| !matches!(self.values[p.index()].def, ValueDef::Alias(_)));
            for (i, p) in kept.iter().enumerate() {
                self.values[p.index()].def = ValueDef::Param(b, i as u32);
            }
            self.blocks[b.index()].params = kept;
        }
    }

    /// Replaces every use of an alias by what it stands for.
    pub fn resolve_aliases(&mut self) {
        for i in 0..self.pool.len() {
            self.pool[i] = self.resolve(self.pool[i]);
        }
    }

    /// Numbers blocks, instructions and values anew in layout order, replaces aliases, and drops what
    /// is unused: tables are indexed by these ids.
    pub fn compact(&mut self) {
        let mut values = Vec::with_capacity(self.values.len());
        let mut insts = Vec::with_capacity(self.insts.len());
        let mut new_value = vec![Value(u32::MAX); self.values.len()];
        let mut new_block = vec![Block(u32::MAX); self.blocks.len()];
        let mut blocks: Vec<BlockData> = Vec::with_capacity(self.layout.len());
        for (i, &b) in self.layout.iter().enumerate() {
            let to = Block(i as u32);
            new_block[b.index()] = to;
            let mut data = std::mem::take(&mut self.blocks[b.index()]);
            for (k, p) in data.params.iter_mut().enumerate() {
                let ty = self.values[p.index()].ty;
                new_value[p.index()] = Value(values.len() as u32);
                *p = Value(values.len() as u32);
                values.push(ValueData { ty, def: ValueDef::Param(to, k as u32) });
            }
            for inst in &mut data.insts {
                let mut d = self.insts[inst.index()];
                *inst = Inst(insts.len() as u32);
                if let Some(v) = d.result {
                    let to = Value(values.len() as u32);
                    new_value[v.index()] = to;
                    values.push(ValueData { ty: self.values[v.index()].ty, def: ValueDef::Inst(*inst) });
                    d.result = Some(to);
                }
                insts.push(d);
            }
            blocks.push(data);
        }
        for i in 0..self.values.len() {
            if let ValueDef::Alias(_) = self.values[i].def {
                new_value[i] = new_value[self.resolve(Value(i as u32)).index()];
            }
        }
        let mut pool = Vec::with_capacity(self.pool.len());
        let mut edges = Vec::with_capacity(self.edges.len());
        let mut copy = |old: &[Value], list: ArgList| {
            let start = pool.len() as u32;
            let values = old[list.start as usize..][..list.len as usize].iter();
            pool.extend(values.map(|v| new_value[v.index()]));
            ArgList { start, len: list.len }
        };
        for d in &mut insts {
            d.args = copy(&self.pool, d.args);
            let start = edges.len() as u32;
            for e in &self.edges[d.edges.start as usize..][..d.edges.len as usize] {
                let args = copy(&self.pool, e.args);
                edges.push(BlockCall { block: new_block[e.block.index()], args, case: e.case });
            }
            d.edges.start = start;
        }
        self.layout = (0..blocks.len() as u32).map(Block).collect();
        (self.values, self.insts, self.pool, self.edges, self.blocks) = (values, insts, pool, edges, blocks);
    }
}

/// For each parameter the parameters it is an argument for, as linked lists.
struct Users {
    first: Vec<u32>,
    last: Vec<u32>,
    entries: Vec<(Value, u32)>,
}

const NONE: u32 = u32::MAX;

impl Users {
    fn new(func: &Function) -> Users {
        let n = func.values.len();
        let mut users =
            Users { first: vec![NONE; n], last: vec![NONE; n], entries: Vec::with_capacity(n / 2) };
        for &b in &func.layout {
            for e in func.successors(b) {
                for (&v, &p) in func.list(e.args).iter().zip(&func.blocks[e.block.index()].params) {
                    if v != p && matches!(func.values[v.index()].def, ValueDef::Param(..)) {
                        let entry = users.entries.len() as u32;
                        users.entries.push((p, users.first[v.index()]));
                        users.first[v.index()] = entry;
                        if users.last[v.index()] == NONE {
                            users.last[v.index()] = entry;
                        }
                    }
                }
            }
        }
        users
    }

    fn each(&self, v: Value, mut f: impl FnMut(Value)) {
        let mut at = self.first[v.index()];
        while at != NONE {
            f(self.entries[at as usize].0);
            at = self.entries[at as usize].1;
        }
    }

    /// The users of one value become users of another.
    fn give(&mut self, from: Value, to: Value) {
        let (first, last) = (self.first[from.index()], self.last[from.index()]);
        if first == NONE {
            return;
        }
        self.entries[last as usize].1 = self.first[to.index()];
        self.first[to.index()] = first;
        if self.last[to.index()] == NONE {
            self.last[to.index()] = last;
        }
    }
}
