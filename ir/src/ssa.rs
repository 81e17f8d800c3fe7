//! Small structural clean-ups that builders and passes share: blocks that cannot be reached,
//! parameters that always have the same value, aliases.

use crate::func::{ArgList, Block, BlockCall, BlockData, Function, Inst, Type, Value, ValueData, ValueDef};

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
                        // What stands for a reference has to be one.
                        if self.ty(p) == Type::Ref && self.ty(v) == Type::I64 {
                            self.values[v.index()].ty = Type::Ref;
                        }
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

    /// Numbers blocks, instructions and values anew in layout order, and drops what is unused: code
    /// generation indexes tables by these ids.
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
        let mut pool = Vec::with_capacity(self.pool.len());
        let mut edges = Vec::with_capacity(self.edges.len());
        let mut copy = |old: &[Value], list: ArgList| {
            let start = pool.len() as u32;
            pool.extend(old[list.start as usize..][..list.len as usize].iter().map(|v| new_value[v.index()]));
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
