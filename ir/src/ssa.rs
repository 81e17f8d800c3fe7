//! Small structural clean-ups that builders and passes share: blocks that cannot be reached,
//! parameters that always have the same value, aliases.

use crate::func::{Block, Function, Value, ValueDef};

impl Function {
    /// Drops blocks that no path from the entry reaches from the layout, and their edges with them.
    pub fn remove_unreachable_blocks(&mut self) {
        let mut seen = vec![false; self.blocks.len()];
        let mut work = vec![self.entry()];
        seen[self.entry().index()] = true;
        while let Some(b) = work.pop() {
            for k in 0..self.successors(b).len() {
                let t = self.successors(b)[k].block;
                if !std::mem::replace(&mut seen[t.index()], true) {
                    work.push(t);
                }
            }
        }
        self.layout.retain(|b| seen[b.index()]);
        for (i, block) in self.blocks.iter_mut().enumerate() {
            if !seen[i] {
                block.insts.clear();
                block.params.clear();
            }
        }
    }

    /// Incoming edges of every block: indices into [`Function::edges`], in layout order.
    pub fn incoming(&self) -> Vec<Vec<u32>> {
        let mut result = vec![Vec::new(); self.blocks.len()];
        for &b in &self.layout {
            let r = self.insts[self.terminator(b).index()].edges;
            for e in r.start..r.start + r.len {
                result[self.edges[e as usize].block.index()].push(e);
            }
        }
        result
    }

    /// Removes block parameters whose arguments are all the same value (or the parameter itself),
    /// then replaces every alias. Needs a function without unreachable blocks in its layout.
    pub fn remove_trivial_params(&mut self) {
        let incoming = self.incoming();
        loop {
            let mut changed = false;
            for li in 1..self.layout.len() {
                let b = self.layout[li];
                for k in 0..self.blocks[b.index()].params.len() {
                    let p = self.blocks[b.index()].params[k];
                    if matches!(self.values[p.index()].def, ValueDef::Alias(_)) {
                        continue;
                    }
                    if let Some(v) = self.only_argument(&incoming[b.index()], k, p) {
                        self.values[p.index()].def = ValueDef::Alias(v);
                        changed = true;
                    }
                }
            }
            if !changed {
                break;
            }
        }
        self.drop_aliased_params(&incoming);
        self.resolve_aliases();
    }

    fn only_argument(&self, incoming: &[u32], k: usize, param: Value) -> Option<Value> {
        let mut only = None;
        for &e in incoming {
            let v = self.resolve(self.list(self.edges[e as usize].args)[k]);
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

    fn drop_aliased_params(&mut self, incoming: &[Vec<u32>]) {
        for li in 1..self.layout.len() {
            let b: Block = self.layout[li];
            let params = std::mem::take(&mut self.blocks[b.index()].params);
            let keep: Vec<bool> =
                params.iter().map(|p| !matches!(self.values[p.index()].def, ValueDef::Alias(_))).collect();
            if keep.iter().all(|&k| k) {
                self.blocks[b.index()].params = params;
                continue;
            }
            let kept: Vec<Value> = params.iter().zip(&keep).filter(|(_, k)| **k).map(|(p, _)| *p).collect();
            for (i, p) in kept.iter().enumerate() {
                self.values[p.index()].def = ValueDef::Param(b, i as u32);
            }
            self.blocks[b.index()].params = kept;
            for &e in &incoming[b.index()] {
                let args: Vec<Value> = self.list(self.edges[e as usize].args).to_vec();
                let args: Vec<Value> = args.iter().zip(&keep).filter(|(_, k)| **k).map(|(a, _)| *a).collect();
                self.edges[e as usize].args = self.args(&args);
            }
        }
    }

    /// Replaces every use of an alias by what it stands for.
    pub fn resolve_aliases(&mut self) {
        for i in 0..self.pool.len() {
            self.pool[i] = self.resolve(self.pool[i]);
        }
    }
}
