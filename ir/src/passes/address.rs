//! Addresses in loops are made where they are used, on machines whose loads and stores add a base and a scaled index
//! themselves: checks have split loops into blocks, and selection looks for the parts of an address in its block.
//!
//! Only what is alive in all of the loop anyway is asked for again: a base from outside of the loop, and as an index a
//! parameter of its header or something from outside, or one of these and a constant.
//!
//! ```
//! mochi_ir::filetest::becomes("address", "
//! func @f -> i64 {
//! b0(v0:addr, v1:i64):
//!   v2:i64 = iconst 2
//!   v3:i64 = iconst 0
//!   jump b1(v3)
//! b1(v4:i64):
//!   v5:i64 = shl v4, v2
//!   v6:addr = add v0, v5
//!   v7:i64 = load.64 v6+16
//!   brif v7, b2, b3
//! b2:
//!   store.64 v6+24, v1
//!   v8:i64 = add v4, v2
//!   jump b1(v8)
//! b3:
//!   ret v7
//! }", "
//! func @f -> i64 {
//! b0(v0:addr, v1:i64):
//!   v2:i64 = iconst 2
//!   v3:i64 = iconst 0
//!   jump b1(v3)
//! b1(v4:i64):
//!   v5:i64 = shl v4, v2
//!   v6:addr = add v0, v5
//!   v7:i64 = load.64 v6+16
//!   brif v7, b2, b3
//! b2:
//!   v9:i64 = shl v4, v2
//!   v10:addr = add v0, v9
//!   store.64 v10+24, v1
//!   v8:i64 = add v4, v2
//!   jump b1(v8)
//! b3:
//!   ret v7
//! }");
//! ```

use super::Context;
use crate::cfg::{Cfg, DomTree, Loops};
use crate::func::{Block, Function, Inst, Type, Value, ValueDef};
use crate::hash::FastMap;
use crate::ops::Op;

/// Ops of an address: the sum, the product, the sum in it.
const DEPTH: u32 = 3;
/// Bits that an index is shifted by at most.
const MAX_SHIFT: i64 = 3;

/// Runs the pass.
pub fn run(func: &mut Function, cx: &Context) {
    if !cx.abilities.scaled_addresses {
        return;
    }
    let cfg = Cfg::new(func);
    if !cfg.cyclic {
        return;
    }
    let dom = DomTree::new(func, &cfg);
    let loops = Loops::new(func, &cfg, &dom);
    let home = cfg.homes(func);
    let mut pass = Addresses { loops: &loops, home, copies: FastMap::default() };
    for &b in &cfg.rpo {
        if let Some(l) = loops.innermost(b).filter(|_| !func.blocks[b.index()].cold) {
            pass.block(func, b, l);
        }
    }
}

struct Addresses<'a> {
    loops: &'a Loops,
    /// Blocks of instructions that were there before.
    home: Vec<Block>,
    /// Copies in the current block.
    copies: FastMap<Value, Value>,
}

impl Addresses<'_> {
    fn block(&mut self, func: &mut Function, block: Block, l: u32) {
        self.copies.clear();
        let insts = std::mem::take(&mut func.blocks[block.index()].insts);
        let mut out = Vec::with_capacity(insts.len());
        for inst in insts {
            if func.insts[inst.index()].op.access_size().is_some() {
                let base = func.operands(inst)[0];
                if func.ty(base) == Type::Addr && self.is_made_of_parts(func, base, l, DEPTH) {
                    let copy = self.copy(func, &mut out, base, (block, l));
                    let args = func.copy_list(func.insts[inst.index()].args);
                    func.pool[args.start as usize] = copy;
                    func.insts[inst.index()].args = args;
                }
            }
            out.push(inst);
        }
        func.blocks[block.index()].insts = out;
    }

    /// The value is alive in all of the loop.
    fn is_around(&self, func: &Function, v: Value, l: u32) -> bool {
        match func.values[v.index()].def {
            ValueDef::Param(b, _) => b == self.loops.loops[l as usize].header || !self.loops.contains(l, b),
            ValueDef::Inst(i) => self.home.get(i.index()).is_some_and(|&b| !self.loops.contains(l, b)),
            ValueDef::Alias(_) => false,
        }
    }

    /// A sum of what is around, a scaled index in it; of that also a sum with a constant.
    fn is_made_of_parts(&self, func: &Function, v: Value, l: u32, depth: u32) -> bool {
        let Some(inst) = func.def_inst(v) else { return false };
        let inside = self.home.get(inst.index()).is_some_and(|&b| self.loops.contains(l, b));
        let args = func.operands(inst);
        let constant = |k: usize| func.as_iconst(args[k]);
        let index = |v: Value| {
            depth > 1 && (self.is_around(func, v, l) || self.is_made_of_parts(func, v, l, depth - 1))
        };
        inside
            && match (func.insts[inst.index()].op, depth) {
                (Op::Add, DEPTH) => {
                    let (a, b) = (args[0], args[1]);
                    self.is_around(func, a, l) && self.is_made_of_parts(func, b, l, 2)
                        || self.is_around(func, b, l) && self.is_made_of_parts(func, a, l, 2)
                }
                (Op::Shl, 2) => constant(1).is_some_and(|k| (1..=MAX_SHIFT).contains(&k)) && index(args[0]),
                (Op::Add, 1) => constant(1).is_some() && self.is_around(func, args[0], l),
                _ => false,
            }
    }

    /// The value as the block has it: made there, or a copy.
    fn copy(&mut self, func: &mut Function, out: &mut Vec<Inst>, v: Value, at: (Block, u32)) -> Value {
        let (block, l) = at;
        let made_in = func.def_inst(v).and_then(|i| Some((i, *self.home.get(i.index())?)));
        let Some((inst, home)) = made_in.filter(|&(_, b)| self.loops.contains(l, b)) else { return v };
        let d = func.insts[inst.index()];
        if !matches!(d.op, Op::Add | Op::Shl) {
            return v;
        }
        if let Some(&copy) = self.copies.get(&v) {
            return copy;
        }
        let args: Vec<Value> = func.list(d.args).to_vec();
        let args: Vec<Value> = args.into_iter().map(|a| self.copy(func, out, a, at)).collect();
        if home == block && args == func.list(d.args) {
            return v;
        }
        let copy = func.make_inst(d.op, &args, d.imm, None, d.result.map(|v| func.ty(v)), d.loc);
        out.push(copy);
        let copy = func.insts[copy.index()].result.expect("made with a result");
        self.copies.insert(v, copy);
        copy
    }
}
