//! Dead code: instructions whose results nobody needs, and block parameters likewise.
//!
//! Liveness starts at instructions with effects and spreads backwards through operands; the
//! argument of an edge is needed when the parameter is. A dead load is removed only where another
//! access to the same base in its block faults in its place (before it, or after it with no effect
//! between): the use of a none is reported even when nothing is done with what was read.
//!
//! ```
//! mochi_ir::filetest::becomes("dce", "
//! func @f -> i64 {
//! b0(v0:ref, v1:i64):
//!   v2:i64 = mul v1, v1
//!   v3:i64 = load.64 v0+8
//!   jump b1(v2, v1)
//! b1(v4:i64, v5:i64):
//!   ret v5
//! }", "
//! func @f -> i64 {
//! b0(v0:ref, v1:i64):
//!   v3:i64 = load.64 v0+8
//!   jump b1(v1)
//! b1(v5:i64):
//!   ret v5
//! }");
//! ```

use super::Context;
use crate::cfg::Cfg;
use crate::effects::{Memory, effects};
use crate::func::{ArgList, Function, Inst, Value, ValueDef};
use crate::nones;
use crate::ops::{Imm, Op};

/// Runs the pass.
pub fn run(func: &mut Function, cx: &Context) {
    let cfg = Cfg::new(func);
    let mut live = Live {
        cx,
        cfg: &cfg,
        insts: vec![false; func.insts.len()],
        values: vec![false; func.values.len()],
        work: Vec::new(),
    };
    for &b in &func.layout {
        for &inst in &func.blocks[b.index()].insts {
            if !live.removable(func, inst) {
                live.mark_inst(func, inst);
            }
        }
    }
    live.spread(func);
    live.keep_faults(func);
    let Live { insts, values, .. } = live;
    for &b in &func.layout {
        func.blocks[b.index()].insts.retain(|i| insts[i.index()]);
    }
    drop_params(func, &cfg, &values);
}

struct Live<'a, 'c> {
    cx: &'a Context<'c>,
    cfg: &'a Cfg,
    insts: Vec<bool>,
    values: Vec<bool>,
    work: Vec<Value>,
}

impl Live<'_, '_> {
    /// The instruction may go when nobody needs its result.
    fn removable(&self, func: &Function, inst: Inst) -> bool {
        let data = &func.insts[inst.index()];
        effects(self.cx.module, func, data).is_silent()
    }

    fn mark_inst(&mut self, func: &Function, inst: Inst) {
        if !std::mem::replace(&mut self.insts[inst.index()], true) {
            for &v in func.operands(inst) {
                self.mark(v);
            }
        }
    }

    fn mark(&mut self, v: Value) {
        if !std::mem::replace(&mut self.values[v.index()], true) {
            self.work.push(v);
        }
    }

    fn spread(&mut self, func: &Function) {
        while let Some(v) = self.work.pop() {
            match func.values[v.index()].def {
                ValueDef::Inst(inst) => self.mark_inst(func, inst),
                ValueDef::Param(block, k) => {
                    let cfg = self.cfg;
                    for p in cfg.preds(block) {
                        let args = func.edges[p.edge as usize].args;
                        self.mark(func.pool[(args.start + k) as usize]);
                    }
                }
                ValueDef::Alias(_) => unreachable!("no aliases between passes"),
            }
        }
    }

    /// Keeps dead loads that may be the place where a none is noticed.
    fn keep_faults(&mut self, func: &Function) {
        let mut accessed: Vec<Value> = Vec::new();
        for &b in &func.layout {
            accessed.clear();
            let insts = &func.blocks[b.index()].insts;
            for (i, &inst) in insts.iter().enumerate() {
                let data = &func.insts[inst.index()];
                if data.op.info().imm != Imm::Offset {
                    continue;
                }
                let base = func.operands(inst)[0];
                if !self.insts[inst.index()] {
                    let safe = accessed.contains(&base)
                        || matches!(func.def_inst(base), Some(d) if func.insts[d.index()].op == Op::Symaddr)
                        || self.accessed_later(func, &insts[i + 1..], base);
                    if safe {
                        continue;
                    }
                    self.mark_inst(func, inst);
                    self.spread(func);
                }
                if accessed.len() < 32 && nones::faults(data.imm) {
                    accessed.push(base);
                }
            }
        }
    }

    fn accessed_later(&self, func: &Function, insts: &[Inst], base: Value) -> bool {
        for &inst in insts.iter().take(32) {
            let data = &func.insts[inst.index()];
            if data.op.info().imm == Imm::Offset
                && self.insts[inst.index()]
                && func.operands(inst)[0] == base
                && nones::faults(data.imm)
            {
                return true;
            }
            let effects = effects(self.cx.module, func, data);
            if !effects.is_silent() || effects.writes != Memory::NONE {
                return false;
            }
        }
        false
    }
}

/// Removes dead parameters and their arguments.
fn drop_params(func: &mut Function, cfg: &Cfg, live: &[bool]) {
    for li in 1..func.layout.len() {
        let b = func.layout[li];
        if func.blocks[b.index()].params.iter().all(|p| live[p.index()]) {
            continue;
        }
        let params = std::mem::take(&mut func.blocks[b.index()].params);
        for p in cfg.preds(b) {
            let args = func.edges[p.edge as usize].args;
            let mut to = args.start;
            for (k, param) in params.iter().enumerate() {
                if live[param.index()] {
                    func.pool[to as usize] = func.pool[args.start as usize + k];
                    to += 1;
                }
            }
            func.edges[p.edge as usize].args = ArgList { start: args.start, len: to - args.start };
        }
        let kept: Vec<Value> = params.into_iter().filter(|p| live[p.index()]).collect();
        for (k, p) in kept.iter().enumerate() {
            func.values[p.index()].def = ValueDef::Param(b, k as u32);
        }
        func.blocks[b.index()].params = kept;
    }
}
