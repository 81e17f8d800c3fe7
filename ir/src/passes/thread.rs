//! Branches that the way to them decides are taken on that way.
//!
//! A block that only decides by what it is given, where some way gives it a comparison or something whose comparison
//! is a simpler one there, is copied to the end of that way: conditions of calls that were inlined are no words then,
//! but branches. And an edge to a block that asks what a branch above the edge has answered goes where the answer
//! leads: of what was asked before two ways met, each still knows its answer.
//!
//! Headers of loops stay, as in [`super::flow`], which decides what is constant and joins what is left.
//!
//! ```
//! mochi_ir::filetest::becomes("thread", "
//! func @f -> i64 {
//! b0(v0:i64, v1:ref):
//!   brif v0, b1, b2
//! b1:
//!   v2:i64 = icmp slt v0, v0
//!   jump b3(v2)
//! b2:
//!   v3:i64 = load.64 v1
//!   jump b3(v3)
//! b3(v4:i64):
//!   brif v4, b4, b5
//! b4:
//!   brif v0, b5, b6
//! b5:
//!   ret v1
//! b6:
//!   ret v0
//! }", "
//! func @f -> i64 {
//! b0(v0:i64, v1:ref):
//!   brif v0, b1, b2
//! b1:
//!   v2:i64 = icmp slt v0, v0
//!   brif v2, b5, b5
//! b2:
//!   v3:i64 = load.64 v1
//!   jump b3
//! b3:
//!   brif v3, b6, b5
//! b5:
//!   ret v1
//! b6:
//!   ret v0
//! }");
//! ```

use super::Context;
use super::flow::headers;
use super::twin::rename;
use crate::cfg::{Cfg, DomTree};
use crate::func::{Block, BlockCall, Function, Inst, Value, ValueDef};
use crate::ops::Op;
use crate::variables::{Assignment, Read, place};

/// Rounds: what one of them copies may lead to what the next one can.
const ROUNDS: usize = 4;
/// What is copied with a branch, at most; constants do not count.
const MOST: usize = 2;
/// Dominators that are asked for what is known on an edge.
const ABOVE: usize = 16;

/// Runs the pass.
pub fn run(func: &mut Function, _: &Context) {
    for _ in 0..ROUNDS {
        if !(copy_branches(func) | follow_answers(func)) {
            break;
        }
        func.remove_unreachable_blocks();
        func.remove_trivial_params();
    }
}

/// A block that only decides, and the ways to whose ends it is copied.
struct Decider {
    block: Block,
    ways: Vec<Block>,
}

/// Copies blocks that only decide to the ends of ways that know more.
fn copy_branches(func: &mut Function) -> bool {
    let cfg = Cfg::new(func);
    let header = headers(func);
    let mut deciders = Vec::new();
    for &block in &cfg.rpo[1..] {
        if header[block.index()] || cfg.preds(block).len() < 2 {
            continue;
        }
        let Some(k) = decisive(func, block) else { continue };
        let ways: Vec<Block> =
            cfg.preds(block).iter().map(|p| p.block).filter(|&p| knows_more(func, p, block, k)).collect();
        if ways.iter().any(|p| !func.blocks[p.index()].cold) {
            deciders.push(Decider { block, ways });
        }
    }
    if deciders.is_empty() {
        return false;
    }
    let dom = DomTree::new(func, &cfg);
    let mut copies = Copies::default();
    let mut goes = vec![false; func.blocks.len()];
    deciders.iter().for_each(|d| goes[d.block.index()] = true);
    for d in &deciders {
        let mut above = d.block;
        while goes[above.index()] {
            above = dom.idom(above).expect("the entry is no join");
        }
        hoist_constants(func, d.block, above);
        copies.own(func, d.block);
        d.ways.iter().for_each(|&way| copies.add(func, way, d.block));
    }
    func.remove_unreachable_blocks();
    copies.join(func);
    true
}

/// Of a block whose ops can be copied, the parameter that its branch depends on.
fn decisive(func: &Function, block: Block) -> Option<u32> {
    let data = &func.blocks[block.index()];
    let (&last, ops) = data.insts.split_last().expect("a terminator");
    if func.insts[last.index()].op != Op::Brif {
        return None;
    }
    let mut count = 0;
    for &inst in ops {
        let op = func.insts[inst.index()].op;
        count += usize::from(!op.is_constant());
        if !op.is_pure() || count > MOST {
            return None;
        }
    }
    let own = |v: Value| match func.values[v.index()].def {
        ValueDef::Param(home, k) if home == block => Some(k),
        _ => None,
    };
    let condition = func.operands(last)[0];
    if let Some(k) = own(condition) {
        return Some(k);
    }
    let test = func.def_inst(condition).filter(|t| ops.contains(t))?;
    if func.insts[test.index()].op != Op::Icmp {
        return None;
    }
    let &[a, b] = func.operands(test) else { return None };
    let constant = |v: Value| func.def_inst(v).is_some_and(|i| func.insts[i.index()].op.is_constant());
    match (own(a), own(b)) {
        (Some(k), None) if constant(b) => Some(k),
        (None, Some(k)) if constant(a) => Some(k),
        _ => None,
    }
}

/// Whether a block that jumps to a branch gives it as the decisive argument a comparison, for which a branch needs no
/// word, or an address in a table at a symbol, which is compared with others like the index.
fn knows_more(func: &Function, from: Block, to: Block, k: u32) -> bool {
    let jump = func.terminator(from);
    if func.insts[jump.index()].op != Op::Jump || from == to {
        return false;
    }
    let arg = func.list(func.edges_of(jump)[0].args)[k as usize];
    let Some(def) = func.def_inst(arg) else { return false };
    let is = |v: Value, op: Op| func.def_inst(v).is_some_and(|i| func.insts[i.index()].op == op);
    match func.insts[def.index()].op {
        Op::Icmp | Op::Fcmp | Op::IntCmp => func.blocks[to.index()].insts.len() == 1,
        Op::Add => func.operands(def).iter().any(|&v| is(v, Op::Symaddr)),
        op => op.is_constant(),
    }
}

/// Moves a block's constants up: they live in no register.
fn hoist_constants(func: &mut Function, block: Block, above: Block) {
    let insts = std::mem::take(&mut func.blocks[block.index()].insts);
    let (constants, rest): (Vec<Inst>, Vec<Inst>) =
        insts.into_iter().partition(|i| func.insts[i.index()].op.is_constant());
    func.blocks[block.index()].insts = rest;
    // In front of everything, so that what the branch there compares stays beside it.
    func.blocks[above.index()].insts.splice(0..0, constants);
}

const NOBODY: u32 = u32::MAX;

/// Copies of blocks, and what has several definitions by them.
#[derive(Default)]
struct Copies {
    /// Values of copied blocks, by variable.
    values: Vec<Value>,
    /// The variable of a value.
    var_of: Vec<u32>,
    /// Their blocks.
    homes: Vec<Block>,
    assignments: Vec<Assignment>,
    /// Of the block that is being copied: the first of its variables.
    first: usize,
}

impl Copies {
    /// Notes what a block defines.
    fn own(&mut self, func: &Function, block: Block) {
        self.first = self.values.len();
        let data = &func.blocks[block.index()];
        let results = data.insts.iter().filter_map(|i| func.insts[i.index()].result);
        for value in data.params.iter().copied().chain(results) {
            let var = self.values.len() as u32;
            self.values.push(value);
            self.homes.push(block);
            self.assignments.push(Assignment { block, var, value });
        }
    }

    /// Replaces the jump at the end of a block by a copy of the block it leads to.
    fn add(&mut self, func: &mut Function, way: Block, block: Block) {
        let jump = func.blocks[way.index()].insts.pop().expect("a jump");
        let mut here: Vec<Value> = func.list(func.edges_of(jump)[0].args).to_vec();
        let own = self.values[self.first..].to_vec();
        let insts = func.blocks[block.index()].insts.clone();
        for inst in insts {
            let mut data = func.insts[inst.index()];
            let list = |func: &mut Function, list, here: &[Value]| {
                let copy = func.copy_list(list);
                for k in copy.start..copy.start + copy.len {
                    let v = func.pool[k as usize];
                    if let Some(at) = own.iter().position(|&o| o == v) {
                        func.pool[k as usize] = here[at];
                    }
                }
                copy
            };
            data.args = list(func, data.args, &here);
            let copy = Inst(func.insts.len() as u32);
            if let Some(v) = data.result {
                data.result = Some(func.add_value(func.ty(v), ValueDef::Inst(copy)));
                here.push(data.result.expect("just made"));
            }
            let edges: Vec<BlockCall> = func.edges_of(inst).to_vec();
            func.insts.push(data);
            if !edges.is_empty() {
                let edges: Vec<BlockCall> =
                    edges.into_iter().map(|e| BlockCall { args: list(func, e.args, &here), ..e }).collect();
                func.set_edges(copy, &edges);
            }
            func.blocks[way.index()].insts.push(copy);
        }
        for (k, value) in here.into_iter().enumerate() {
            self.assignments.push(Assignment { block: way, var: (self.first + k) as u32, value });
        }
    }

    /// Makes uses of what was copied elsewhere those of what reaches them.
    fn join(mut self, func: &mut Function) {
        self.var_of = vec![NOBODY; func.values.len()];
        for (var, v) in self.values.iter().enumerate() {
            self.var_of[v.index()] = var as u32;
        }
        let types: Vec<_> = self.values.iter().map(|&v| func.ty(v)).collect();
        let mut reads = Vec::new();
        let mut here: Vec<(Block, Value)> = vec![(Block(NOBODY), Value(0)); types.len()];
        for li in 0..func.layout.len() {
            let block = func.layout[li];
            rename(func, block, |func, v| {
                let var = self.var_of.get(v.index()).copied().filter(|&var| var != NOBODY)?;
                if self.homes[var as usize] == block {
                    return None;
                }
                let found = &mut here[var as usize];
                if found.0 != block {
                    let value = func.add_value(types[var as usize], ValueDef::Param(block, u32::MAX));
                    reads.push(Read { block, var, value });
                    *found = (block, value);
                }
                Some(found.1)
            });
        }
        place(func, &types, &self.assignments, &reads);
        func.resolve_aliases();
    }
}

/// What a branch asks: whether a word is not zero, or how two words compare.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    Word(Value),
    Compare(i64, Value, Value),
}

fn question(func: &Function, branch: Inst) -> Question {
    let v = func.operands(branch)[0];
    if let Some(test) = func.def_inst(v)
        && let data = &func.insts[test.index()]
        && data.op == Op::Icmp
        && let &[a, b] = func.list(data.args)
    {
        return Question::Compare(data.imm, a, b);
    }
    Question::Word(v)
}

/// The branch of a block that only asks something: besides constants there is nothing in it but the comparison, which
/// nobody else needs.
fn asks(func: &Function, uses: &[u32], block: Block) -> Option<Inst> {
    let data = &func.blocks[block.index()];
    let (&last, ops) = data.insts.split_last().expect("a terminator");
    if func.insts[last.index()].op != Op::Brif || !data.params.is_empty() {
        return None;
    }
    let condition = func.operands(last)[0];
    let serves = |&i: &Inst| {
        let d = &func.insts[i.index()];
        d.op.is_constant() || d.op == Op::Icmp && d.result == Some(condition) && uses[condition.index()] == 1
    };
    ops.iter().all(serves).then_some(last)
}

/// How often values are used.
fn uses(func: &Function) -> Vec<u32> {
    let mut uses = vec![0; func.values.len()];
    for inst in func.placed() {
        func.operands(inst).iter().for_each(|v| uses[v.index()] += 1);
        func.edges_of(inst).iter().for_each(|e| func.list(e.args).iter().for_each(|v| uses[v.index()] += 1));
    }
    uses
}

/// Moves edges over blocks that ask what is known on them.
fn follow_answers(func: &mut Function) -> bool {
    let uses = uses(func);
    let mut asked: Vec<Option<Inst>> = vec![None; func.blocks.len()];
    for &b in &func.layout {
        asked[b.index()] = asks(func, &uses, b);
    }
    if asked.iter().all(Option::is_none) {
        return false;
    }
    let cfg = Cfg::new(func);
    let dom = DomTree::new(func, &cfg);
    let header = headers(func);
    let mut changed = false;
    for &block in &cfg.rpo {
        let edges = func.insts[func.terminator(block).index()].edges;
        for e in edges.start..edges.start + edges.len {
            let call = func.edges[e as usize];
            let to = call.block;
            // Of a block with one way to it other passes know what its dominators said.
            let Some(branch) = asked[to.index()].filter(|_| !header[to.index()] && cfg.preds(to).len() > 1)
            else {
                continue;
            };
            if let Some(answer) = answer(func, &cfg, &dom, block, branch) {
                let mut above = to;
                while asked[above.index()].is_some()
                    && let Some(dominator) = dom.idom(above)
                {
                    above = dominator;
                }
                hoist_constants(func, to, above);
                let next = func.edges_of(branch)[usize::from(!answer)];
                let args = func.copy_list(next.args);
                func.edges[e as usize] = BlockCall { block: next.block, args, case: call.case };
                changed = true;
            }
        }
    }
    changed
}

/// What branches that dominate the end of a block have answered to the question of another. Edges that were moved since
/// say the same: they know what the edges they replace did.
fn answer(func: &Function, cfg: &Cfg, dom: &DomTree, block: Block, branch: Inst) -> Option<bool> {
    let asked = question(func, branch);
    let mut at = Some(block);
    for _ in 0..ABOVE {
        let b = at?;
        if let [pred] = cfg.preds(b) {
            let last = func.terminator(pred.block);
            let data = &func.insts[last.index()];
            if data.op == Op::Brif && question(func, last) == asked {
                return Some(pred.edge == data.edges.start);
            }
        }
        at = dom.idom(b);
    }
    None
}
