//! What only unlikely code needs is made there: an op of one operand, constants aside, whose result no likely code
//! uses moves to the cold blocks that do, or to a new one on the way there. Most are halves of indexes, which loops
//! with two sides ask for only when they leave.
//!
//! The operand is alive a little longer then, and the result shorter, so no more values are alive at once.
//!
//! ```
//! mochi_ir::filetest::becomes("sink", "
//! func @f -> i64 {
//! b0(v0:i64, v1:i64):
//!   v2:i64 = iconst 1
//!   v3:i64 = ushr v0, v2
//!   v4:i64 = add v3, v2
//!   brif v1, b1, b2
//! b1:
//!   brif v0, b3(v4), b4
//! cold b2:
//!   ret v3
//! cold b3(v5:i64):
//!   ret v5
//! b4:
//!   ret v0
//! }", "
//! func @f -> i64 {
//! b0(v0:i64, v1:i64):
//!   v2:i64 = iconst 1
//!   brif v1, b1, b2
//! b1:
//!   brif v0, b5, b4
//! cold b2:
//!   v8:i64 = ushr v0, v2
//!   ret v8
//! cold b3(v5:i64):
//!   ret v5
//! b4:
//!   ret v0
//! cold b5:
//!   v6:i64 = ushr v0, v2
//!   v7:i64 = add v6, v2
//!   jump b3(v7)
//! }");
//! ```

use super::Context;
use super::twin::rename;
use crate::cfg::Rpo;
use crate::func::{ArgList, Block, BlockCall, Function, Inst, Value, ValueDef};
use crate::hash::FastMap;
use crate::ops::Op;

/// Runs the pass.
pub fn run(func: &mut Function, _: &Context) {
    if !func.layout.iter().any(|b| func.blocks[b.index()].cold) {
        return;
    }
    let rpo = Rpo::new(func).rpo;
    let moves = candidates(func, &rpo);
    if !moves.contains(&true) {
        return;
    }
    let mut sink = Sink { moves, copies: FastMap::default(), ahead: Vec::new() };
    for &b in &rpo {
        if func.blocks[b.index()].cold {
            sink.use_in(func, b);
        } else {
            sink.leave(func, b);
        }
    }
    let gone =
        |func: &Function, i: &Inst| func.insts[i.index()].result.is_some_and(|v| sink.moves[v.index()]);
    for &b in &rpo {
        if func.blocks[b.index()].cold {
            continue;
        }
        let mut insts = std::mem::take(&mut func.blocks[b.index()].insts);
        insts.retain(|i| !gone(func, i));
        func.blocks[b.index()].insts = insts;
    }
}

/// By value: a warm block makes it, and no warm block needs it.
fn candidates(func: &Function, rpo: &[Block]) -> Vec<bool> {
    let mut needed = vec![false; func.values.len()];
    let mut moves = vec![false; func.values.len()];
    let need = |needed: &mut Vec<bool>, list: ArgList| {
        func.list(list).iter().for_each(|v| needed[v.index()] = true);
    };
    // Uses come after definitions.
    for &b in rpo.iter().rev().filter(|b| !func.blocks[b.index()].cold) {
        for &inst in func.blocks[b.index()].insts.iter().rev() {
            let d = &func.insts[inst.index()];
            for e in func.edges_of(inst).iter().filter(|e| !func.blocks[e.block.index()].cold) {
                need(&mut needed, e.args);
            }
            match d.result {
                Some(v) if !needed[v.index()] && may_sink(func, inst) => moves[v.index()] = true,
                _ => need(&mut needed, d.args),
            }
        }
    }
    moves
}

fn may_sink(func: &Function, inst: Inst) -> bool {
    let op = func.insts[inst.index()].op;
    let variable = |v: &&Value| func.as_iconst(**v).is_none();
    op.is_pure() && !op.is_constant() && func.operands(inst).iter().filter(variable).count() == 1
}

struct Sink {
    /// By value.
    moves: Vec<bool>,
    /// Copies by block and value.
    copies: FastMap<(Block, Value), Value>,
    /// What a block is to begin with.
    ahead: Vec<Inst>,
}

impl Sink {
    /// Makes what a cold block needs at its start.
    fn use_in(&mut self, func: &mut Function, block: Block) {
        rename(func, block, |func, v| self.copy(func, block, v));
        if !self.ahead.is_empty() {
            func.blocks[block.index()].insts.splice(0..0, self.ahead.drain(..));
        }
    }

    /// Gives edges of a warm block to cold ones that bring such a value a block of their own.
    fn leave(&mut self, func: &mut Function, block: Block) {
        let last = func.terminator(block);
        let loc = func.insts[last.index()].loc;
        let edges = func.insts[last.index()].edges;
        for e in edges.start..edges.start + edges.len {
            let edge = func.edges[e as usize];
            if !func.list(edge.args).iter().any(|v| self.moves.get(v.index()) == Some(&true)) {
                continue;
            }
            let between = func.add_block();
            func.blocks[between.index()].cold = true;
            let jump = func.make_inst(Op::Jump, &[], 0, None, None, loc);
            func.set_edges(jump, &[BlockCall { case: 0, ..edge }]);
            func.blocks[between.index()].insts.push(jump);
            func.edges[e as usize] = BlockCall { block: between, args: ArgList::default(), case: edge.case };
            self.use_in(func, between);
        }
    }

    /// The copy of such a value in a block, made ahead of its code.
    fn copy(&mut self, func: &mut Function, block: Block, v: Value) -> Option<Value> {
        if self.moves.get(v.index()) != Some(&true) {
            return None;
        }
        if let Some(&known) = self.copies.get(&(block, v)) {
            return Some(known);
        }
        let mut data = func.insts[func.def_inst(v).expect("an op").index()];
        data.args = func.copy_list(data.args);
        for k in data.args.start..data.args.start + data.args.len {
            let operand = func.pool[k as usize];
            func.pool[k as usize] = self.copy(func, block, operand).unwrap_or(operand);
        }
        let inst = Inst(func.insts.len() as u32);
        let result = func.add_value(func.ty(v), ValueDef::Inst(inst));
        data.result = Some(result);
        func.insts.push(data);
        self.ahead.push(inst);
        self.copies.insert((block, v), result);
        Some(result)
    }
}
