//! Loops with two sides: failing sides of checks do not come back into fast code.
//!
//! An index out of the plain range, an int that is not small, a list that has to grow: each is a cold path that
//! joins the loop again, and behind the join nothing is known. So innermost loops get a *twin*, a copy of all their
//! blocks that is cold. In the loop itself every edge to a cold block leads to the twin's copy of that block
//! instead, and every exact op becomes arithmetic on words with edges to the twin, for operands
//! that are not small and results that do not fit. The twin finishes the iteration and goes on to the *entrance*, a
//! block before the loop: the loop is entered anew for the next one. So what is checked in the loop stays known
//! until its end, an index is the value that was checked, and what went through an exact op is small. What all
//! iterations do alike leaves for a place behind the entrance ([`hoist`]).
//!
//! The entrance sends iterations to the twin from their start when a value that the loop carries along, of which
//! exact ops ask that it is small, is not.
//!
//! Both sides are ordinary SSA. A value of the loop has two definitions; where uses are reached by both, parameters
//! are placed as for assignable variables ([`crate::variables`]).
//!
//! A check leaves for the twin's copy of a block, which may begin some way before it: what was computed since is
//! computed again. So a loop has few ways to its twin, and blocks are split, before they are copied, only behind what
//! changed something.
//!
//! ```
//! mochi_ir::filetest::becomes("twin", "
//! file \"a.mochi\"
//! declare func @int_add_slow(ref, ref) -> ref
//! func @f file 0 -> ref {
//! b0(v0:ref, v1:i64):
//!   jump b1(v0, v1)
//! b1(v2:ref, v3:i64):
//!   v4:ref = iconst 2
//!   v5:ref = int.add v2, v4
//!   v6:ref = int.add v5, v2
//!   v7:i64 = sub v3, v1
//!   brif v7, b1(v6, v7), b2
//! b2:
//!   ret v6
//! }", "
//! func @f file 0 -> ref {
//! b0(v0:ref, v1:i64):
//!   jump b3(v0, v1)
//! b1(v2:ref, v3:i64):
//!   v14:i64 = and v2, v13
//!   jump b5
//! b2(v24:ref):
//!   ret v24
//! b3(v19:ref, v20:i64):
//!   v4:ref = iconst 2
//!   v21:i64 = iconst 1
//!   v22:i64 = and v19, v21
//!   brif v22, b4(v19, v20), b9
//! cold b4(v8:ref, v9:i64):
//!   v10:ref = int.add v8, v4
//!   v11:ref = int.add v10, v8
//!   v12:i64 = sub v9, v1
//!   brif v12, b3(v11, v12), b2(v11)
//! b5:
//!   v5:ref = add v2, v4
//!   v15:i64 = add.over v2, v4
//!   brif v15, b4(v2, v3), b6
//! b6:
//!   v17:i64 = and v2, v16
//!   jump b7
//! b7:
//!   v6:ref = add v5, v2
//!   v18:i64 = add.over v5, v2
//!   brif v18, b4(v2, v3), b8
//! b8:
//!   v7:i64 = sub v3, v1
//!   brif v7, b1(v6, v7), b2(v6)
//! b9:
//!   v13:i64 = iconst 1
//!   v16:i64 = iconst 1
//!   jump b1(v19, v20)
//! }");
//! ```

mod ends;
mod hoist;

use super::Context;
use crate::cfg::{Cfg, DomTree, Loops};
use crate::effects::effects;
use crate::func::{ArgList, Block, BlockCall, Function, Inst, InstData, Type, Value, ValueDef};
use crate::hash::FastMap;
use crate::notes::{Count, Exact};
use crate::ops::{Cond, KNOWN_A, KNOWN_B, NO_OVERFLOW, Op};
use crate::positions::SrcLoc;
use crate::variables::{Assignment, Read, place_in};
use hoist::Sides;
use std::fmt;

/// Loops with more instructions have one side.
const MAX_LOOP: usize = 400;
/// A function stops growing at this many instructions: the work of register allocation is more than proportional to
/// what is alive through all of a long function.
const MAX_FUNCTION: usize = 3_000;

/// Runs the pass.
pub fn run(func: &mut Function, cx: &Context) {
    // The runtime has its own shape, and no exact ops.
    if func.file.is_none() || cx.module.sym(func.sym).attributes.cold {
        return;
    }
    let cfg = Cfg::new(func);
    if !cfg.cyclic {
        return;
    }
    let dom = DomTree::new(func, &cfg);
    let loops = Loops::new(func, &cfg, &dom);
    let mut inner = vec![true; loops.loops.len()];
    for l in &loops.loops {
        if let Some(p) = l.parent {
            inner[p as usize] = false;
        }
    }
    let mut twins = Twins {
        home: vec![NOWHERE; func.blocks.len()],
        twin_of: vec![None; func.blocks.len()],
        pairs: Vec::new(),
        pair_of: vec![NOWHERE; func.values.len()],
        sides: Vec::new(),
        entrance_of: FastMap::default(),
        exits: FastMap::default(),
        even: vec![false; func.values.len()],
    };
    let mut total = func.insts.len();
    for (l, blocks) in loops.own_blocks(&cfg).into_iter().enumerate() {
        let size: usize = blocks.iter().map(|b| func.blocks[b.index()].insts.len()).sum();
        let header = loops.loops[l].header;
        if !inner[l] || func.blocks[header.index()].cold {
            continue;
        }
        let kept = if size > MAX_LOOP {
            Some(Kept::Large(size))
        } else if total + size > MAX_FUNCTION {
            Some(Kept::LargeFunction(total + size))
        } else if !gains(func, &blocks) {
            Some(Kept::GainsNothing)
        } else {
            blocks.iter().any(|&b| nests(func, cx, b)).then_some(Kept::Nests)
        };
        if let Some(kept) = kept {
            let loc = start(func, header);
            func.note(|n| n.remark(loc, format!("loop keeps one side: {kept}")));
        } else {
            total += 2 * size;
            func.note(|n| n.counts.add(Count::TwoSides));
            let outside = cfg.preds(header).iter().filter(|p| !dom.dominates(header, p.block));
            let mut entering: Vec<u32> = outside.map(|p| p.edge).collect();
            entering.extend(twins.exits.remove(&header).unwrap_or_default());
            twins.add(func, cx, &cfg, blocks, &entering);
        }
    }
    if !twins.sides.is_empty() {
        func.two_sided = true;
        let (cfg, dom) = twins.join(func);
        hoist::run(func, cx, (&cfg, &dom), &twins.sides, &twins.even);
    }
}

/// Why a loop keeps one side.
enum Kept {
    /// So many instructions.
    Large(usize),
    /// So many instructions in the function.
    LargeFunction(usize),
    GainsNothing,
    Nests,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kept::Large(n) => write!(f, "it has {n} instructions, at most {MAX_LOOP} may have two"),
            Kept::LargeFunction(n) => {
                write!(f, "the function would have {n} instructions or more, at most {MAX_FUNCTION} may be")
            }
            Kept::GainsNothing => f.write_str("another one would save no checks"),
            Kept::Nests => f.write_str("it calls what may nest without bound"),
        }
    }
}

/// Where a loop is in the source: its test.
fn start(func: &Function, header: Block) -> SrcLoc {
    let insts = &func.blocks[header.index()].insts;
    let mut locs = insts.iter().rev().map(|i| func.insts[i.index()].loc);
    locs.find(|&loc| loc != SrcLoc::NONE).unwrap_or(SrcLoc::NONE)
}

/// There is a check, which is an edge from a warm block to a cold one, or are exact ops that may fail. Of a single one,
/// no other op would learn anything.
fn gains(func: &Function, blocks: &[Block]) -> bool {
    let mut fail = 0;
    blocks.iter().map(|b| &func.blocks[b.index()]).filter(|b| !b.cold).any(|data| {
        fail += data.insts.iter().filter(|&&i| Checks::of(func, i).is_some()).count();
        let (last, _) = data.insts.split_last().expect("a terminator");
        fail > 1 || func.edges_of(*last).iter().any(|e| func.blocks[e.block.index()].cold)
    })
}

/// A warm block calls what may nest without bound in the program, beside which checks are cheap, while both sides of
/// a loop need more registers across the call.
fn nests(func: &Function, cx: &Context, block: Block) -> bool {
    let data = &func.blocks[block.index()];
    let nests = |i: &Inst| {
        let d = &func.insts[i.index()];
        effects(cx.module, func, d).nests && !d.sym.is_some_and(|s| cx.module.sym(s).attributes.apart)
    };
    !data.cold && data.insts.iter().any(nests)
}

/// What exact ops have to check, one thing at least.
pub(super) struct Checks {
    /// Operands that may not be small.
    pub(super) operands: [Option<Value>; 2],
    /// The result may not fit.
    pub(super) overflow: bool,
    /// The divisor may be 0, or -1 where that matters.
    pub(super) divisor: bool,
}

impl Checks {
    /// The checks of an instruction, if it is an exact op that can be made of ops on words and may fail.
    pub(super) fn of(func: &Function, inst: Inst) -> Option<Checks> {
        let d = &func.insts[inst.index()];
        if !d.op.is_int() {
            return None;
        }
        let args = func.operands(inst);
        let constant = |v: Value| func.as_iconst(v).filter(|c| c & 1 == 0);
        let facts = if d.op == Op::IntCmp { d.imm >> 8 } else { d.imm };
        let unknown = |k: usize, bit: i64| facts & bit == 0 && constant(args[k]).is_none();
        let first = unknown(0, KNOWN_A).then_some(args[0]);
        let second = args.get(1).copied().filter(|&v| unknown(1, KNOWN_B) && first != Some(v));
        let mut operands = [first, second];
        let divides = matches!(d.op, Op::IntDiv | Op::IntMod);
        let by = if divides { constant(args[1]) } else { None };
        if divides && by.is_some_and(|c| c == 0 || c == -2) {
            return None;
        }
        if d.op == Op::IntCmp && matches!(Cond::from_imm(d.imm), Cond::Eq | Cond::Ne) {
            // A small int equals no big one, so one that is small is enough.
            let both = unknown(0, KNOWN_A) && unknown(1, KNOWN_B);
            operands = [first.filter(|_| both), None];
        }
        let overflow = !divides && d.op != Op::IntCmp && facts & NO_OVERFLOW == 0;
        let divisor = divides && by.is_none();
        (operands != [None; 2] || overflow || divisor).then_some(Checks { operands, overflow, divisor })
    }
}

const NOWHERE: u32 = u32::MAX;

/// Loops with their twins. What is asked per loop or block is kept by block or value, so that many loops cost no
/// more than their blocks.
struct Twins {
    /// Of each block of a loop that has a twin, the number of that loop.
    home: Vec<u32>,
    /// And the twin's block.
    twin_of: Vec<Option<Block>>,
    /// Values of loops with those of their twins.
    pairs: Vec<Pair>,
    /// The place in `pairs` by the value of the loop.
    pair_of: Vec<u32>,
    sides: Vec<Sides>,
    /// Entrances by headers.
    entrance_of: FastMap<Block, Block>,
    /// Edges that leave twins, by their targets.
    exits: FastMap<Block, Vec<u32>>,
    /// By value: it is what an exact op of a loop gives, which leaves for the twin when that is not a small int.
    even: Vec<bool>,
}

/// A value of a loop.
struct Pair {
    fast: Value,
    slow: Value,
    /// Where they are defined.
    blocks: [Block; 2],
}

impl Twins {
    /// Gives a loop a twin; uses are still those of the loop. The header is the first block.
    fn add(&mut self, func: &mut Function, cx: &Context, cfg: &Cfg, blocks: Vec<Block>, entering: &[u32]) {
        let number = self.pairs.len() as u32;
        let header = blocks[0];
        let blocks = split(func, cx, cfg, blocks);
        let entrance = func.add_block();
        self.entrance_of.insert(header, entrance);
        hoist_constants(func, &blocks, entrance);
        for &(b, _) in &blocks {
            let twin = func.add_block();
            func.blocks[twin.index()].cold = true;
            self.home.resize(func.blocks.len(), NOWHERE);
            self.twin_of.resize(func.blocks.len(), None);
            self.home[b.index()] = number;
            self.twin_of[b.index()] = Some(twin);
        }
        for &(b, _) in &blocks {
            self.copy(func, b);
        }
        let carried: Vec<Value> = func.blocks[header.index()].params.clone();
        let asked = self.speed_up(func, &blocks);
        // The entrance.
        let params: Vec<Value> = carried.iter().map(|&p| func.add_param(entrance, func.ty(p))).collect();
        for &e in entering {
            func.edges[e as usize].block = entrance;
        }
        let tested: Vec<Value> =
            carried.iter().zip(&params).filter(|(p, _)| asked.contains(p)).map(|(_, &q)| q).collect();
        let slow = self.twin(header);
        let (to_loop, to_twin) = (func.edge(header, &params), func.edge(slow, &params));
        let mut out = std::mem::take(&mut func.blocks[entrance.index()].insts);
        let slow = match tested[..] {
            // What is hoisted may lead there.
            [] => word(func, &mut out, 0, SrcLoc::NONE),
            _ => tags(func, &mut out, &tested, SrcLoc::NONE),
        };
        branch(func, &mut out, slow, to_twin, to_loop, SrcLoc::NONE);
        func.blocks[entrance.index()].insts = out;
        self.sides.push(Sides { entrance, header, tested });
    }

    /// The twin's copy of a block of the loop.
    fn twin(&self, block: Block) -> Block {
        self.twin_of[block.index()].expect("of a loop with a twin")
    }

    fn pair(&mut self, fast: Value, slow: Value, blocks: [Block; 2]) {
        self.pair_of.resize(self.pair_of.len().max(fast.index() + 1), NOWHERE);
        self.pair_of[fast.index()] = self.pairs.len() as u32;
        self.pairs.push(Pair { fast, slow, blocks });
    }

    /// Where the twin's copy of an edge of a block leads to.
    fn follow(&mut self, from: Block, to: Block, edge: u32) -> Block {
        if let Some(&entrance) = self.entrance_of.get(&to) {
            return entrance;
        }
        if self.home[to.index()] == self.home[from.index()] {
            return self.twin(to);
        }
        self.exits.entry(to).or_default().push(edge);
        to
    }

    /// Copies a block of the loop to the twin.
    fn copy(&mut self, func: &mut Function, from: Block) {
        let twin = self.twin(from);
        for k in 0..func.blocks[from.index()].params.len() {
            let fast = func.blocks[from.index()].params[k];
            let slow = func.add_param(twin, func.ty(fast));
            self.pair(fast, slow, [from, twin]);
        }
        let count = func.blocks[from.index()].insts.len();
        func.blocks[twin.index()].insts.reserve(count);
        for k in 0..count {
            let old = func.blocks[from.index()].insts[k];
            let data = func.insts[old.index()];
            let new = Inst(func.insts.len() as u32);
            let args = func.copy_list(data.args);
            let result = data.result.map(|v| func.add_value(func.ty(v), ValueDef::Inst(new)));
            func.insts.push(InstData { args, result, ..data });
            let start = func.edges.len() as u32;
            for e in data.edges.start..data.edges.start + data.edges.len {
                let e = func.edges[e as usize];
                let block = self.follow(from, e.block, func.edges.len() as u32);
                let args = func.copy_list(e.args);
                func.edges.push(BlockCall { block, args, case: e.case });
            }
            func.insts[new.index()].edges = ArgList { start, len: data.edges.len };
            func.blocks[twin.index()].insts.push(new);
            if let (Some(fast), Some(slow)) = (data.result, result) {
                self.pair(fast, slow, [from, twin]);
            }
        }
    }

    /// Lets the loop leave for its twin where it would become slow. Gives the values that exact ops ask to be
    /// small.
    fn speed_up(&mut self, func: &mut Function, blocks: &[(Block, Block)]) -> Vec<Value> {
        let mut asked = Vec::new();
        let warm: Vec<_> = blocks.iter().copied().filter(|(b, _)| !func.blocks[b.index()].cold).collect();
        for (b, start) in warm {
            let edges = func.insts[func.terminator(b).index()].edges;
            for e in edges.start..edges.start + edges.len {
                let to = func.edges[e as usize].block;
                if self.home[to.index()] == self.home[b.index()] && func.blocks[to.index()].cold {
                    func.edges[e as usize].block = self.twin(to);
                }
            }
            self.make_plain(func, b, start, &mut asked);
        }
        asked
    }

    /// Makes exact ops of a block that may fail of ops on words, with checks that leave for the twin of `start`.
    fn make_plain(&mut self, func: &mut Function, block: Block, start: Block, asked: &mut Vec<Value>) {
        let insts = &func.blocks[block.index()].insts;
        let Some(first) = insts.iter().position(|&i| Checks::of(func, i).is_some()) else { return };
        let rest = func.blocks[block.index()].insts.split_off(first);
        let mut side = Side {
            at: block,
            out: std::mem::take(&mut func.blocks[block.index()].insts),
            twin: self.twin(start),
            start,
            number: self.home[block.index()],
            home: &mut self.home,
        };
        for inst in rest {
            match Checks::of(func, inst) {
                Some(mut checks) => {
                    let is_even = |v: &Value| self.even.get(v.index()).copied().unwrap_or(false);
                    checks.operands = checks.operands.map(|v| v.filter(|v| !is_even(v)));
                    asked.extend(checks.operands.iter().flatten());
                    let d = func.insts[inst.index()];
                    side.check(func, inst, checks);
                    if let (true, Some(result)) = (d.op != Op::IntCmp, d.result) {
                        self.even[result.index()] = true;
                    }
                }
                None => side.out.push(inst),
            }
            // It may be defined in another block now.
            let pair = func.insts[inst.index()].result.and_then(|v| self.pair_of.get(v.index()));
            if let Some(pair) = pair.and_then(|&p| self.pairs.get_mut(p as usize)) {
                pair.blocks[0] = side.at;
            }
        }
        let Side { at, out, .. } = side;
        func.blocks[at.index()].insts = out;
    }

    /// Makes uses of the values of loops outside of them, twins included, those of what reaches them. Gives the
    /// function's graph.
    fn join(&mut self, func: &mut Function) -> (Cfg, DomTree) {
        self.home.resize(func.blocks.len(), NOWHERE);
        func.remove_unreachable_blocks();
        let (mut types, mut assignments, mut reads) = (Vec::new(), Vec::new(), Vec::new());
        for (var, pair) in self.pairs.iter().enumerate() {
            let var = var as u32;
            types.push(func.ty(pair.fast));
            for (value, block) in [(pair.fast, pair.blocks[0]), (pair.slow, pair.blocks[1])] {
                assignments.push(Assignment { block, var, value });
            }
        }
        // The value that stands for a variable in a block that does not define it.
        let mut here: Vec<(Block, Value)> = vec![(Block(NOWHERE), Value(0)); types.len()];
        for li in 0..func.layout.len() {
            let block = func.layout[li];
            let home = self.home[block.index()];
            rename(func, block, |func, v| {
                let var = self.pair_of.get(v.index()).copied().filter(|&var| var != NOWHERE)?;
                let pair = &self.pairs[var as usize];
                if self.home[pair.blocks[0].index()] == home {
                    return None;
                }
                if pair.blocks[1] == block {
                    return Some(pair.slow);
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
        let cfg = Cfg::new(func);
        let dom = DomTree::new(func, &cfg);
        place_in(func, &cfg, &dom, &types, &assignments, &reads);
        func.resolve_aliases();
        // What only cold code changed is the same in all of the loop now.
        func.remove_trivial_params();
        (cfg, dom)
    }
}

/// Where the fast side of a loop is written.
struct Side<'a> {
    /// The last block.
    at: Block,
    /// Its instructions.
    out: Vec<Inst>,
    /// Where failing checks lead, with the parameters of the block that it is the copy of.
    twin: Block,
    start: Block,
    /// The loop's number.
    number: u32,
    home: &'a mut Vec<u32>,
}

impl Side<'_> {
    /// Ends the last block: goes to the twin when a word is not zero.
    fn leave(&mut self, func: &mut Function, wrong: Value, loc: SrcLoc) {
        let params = func.blocks[self.start.index()].params.clone();
        let next = func.add_block();
        self.home.resize(func.blocks.len(), NOWHERE);
        self.home[next.index()] = self.number;
        let (away, on) = (func.edge(self.twin, &params), func.edge(next, &[]));
        branch(func, &mut self.out, wrong, away, on, loc);
        func.blocks[self.at.index()].insts = std::mem::take(&mut self.out);
        self.at = next;
    }

    /// Makes an exact op of ops on words.
    fn check(&mut self, func: &mut Function, inst: Inst, checks: Checks) {
        let data = func.insts[inst.index()];
        let loc = data.loc;
        let operands: Vec<Value> = checks.operands.into_iter().flatten().collect();
        if !operands.is_empty() {
            let odd = tags(func, &mut self.out, &operands, loc);
            self.leave(func, odd, loc);
        }
        if checks.divisor {
            let b = func.operands(inst)[1];
            let (two, four) = (word(func, &mut self.out, 2, loc), word(func, &mut self.out, 4, loc));
            let (row, bound) = match data.op {
                // -1, which a single dividend overflows with, and 0.
                Op::IntDiv => (op(func, &mut self.out, Op::Add, &[b, two], 0, loc), four),
                _ => (b, two),
            };
            let wrong = op(func, &mut self.out, Op::Icmp, &[row, bound], Cond::Ult as i64, loc);
            self.leave(func, wrong, loc);
        }
        if let Some(wrong) = plain(func, &mut self.out, inst, checks.overflow) {
            self.leave(func, wrong, loc);
        }
    }
}

/// Splits blocks where exact ops that may fail need it: their checks leave for the twin's copy of a block, which
/// computes again what was computed since. So nothing was written or called in between, and no likely branch was
/// taken, behind which values of before would have to be kept for that alone. Gives the blocks in order, each with
/// that block for its checks; it dominates them on the fast side.
fn split(func: &mut Function, cx: &Context, cfg: &Cfg, blocks: Vec<Block>) -> Vec<(Block, Block)> {
    let mut all = Vec::with_capacity(blocks.len());
    // For blocks with one likely successor, where checks at its start may leave to.
    let mut onward: Vec<(Block, Block)> = Vec::new();
    for &b in &blocks {
        if func.blocks[b.index()].cold {
            all.push((b, b));
            continue;
        }
        // Cold blocks do not come back to this side.
        let mut warm = cfg.preds(b).iter().filter(|p| !func.blocks[p.block.index()].cold);
        let only = warm.next().filter(|_| b != blocks[0] && warm.next().is_none());
        let before = only.and_then(|p| onward.iter().rfind(|o| o.0 == p.block));
        let mut start = Some(before.map_or(b, |&(_, start)| start));
        all.push((b, start.expect("at the start")));
        let (mut at, mut k) = (b, 0);
        while let Some(&inst) = func.blocks[at.index()].insts.get(k) {
            let data = func.insts[inst.index()];
            if Checks::of(func, inst).is_some() {
                if start.is_none() {
                    let rest = func.blocks[at.index()].insts.split_off(k);
                    let next = func.add_block();
                    func.blocks[next.index()].insts = rest;
                    let jump = func.make_inst(Op::Jump, &[], 0, None, None, data.loc);
                    let edge = func.edge(next, &[]);
                    func.set_edges(jump, &[edge]);
                    func.blocks[at.index()].insts.push(jump);
                    all.push((next, next));
                    start = Some(next);
                    (at, k) = (next, 0);
                }
            } else if !data.op.is_terminator() {
                let again = data.op != Op::Call && effects(cx.module, func, &data).is_silent();
                start = start.filter(|_| again);
            }
            k += 1;
        }
        let likely = func.successors(at).iter().filter(|e| !func.blocks[e.block.index()].cold).count();
        onward.extend(start.filter(|_| likely == 1).map(|start| (b, start)));
    }
    all
}

/// Moves constants of the loop to its entrance: they are the same on both sides, and live in no register.
fn hoist_constants(func: &mut Function, blocks: &[(Block, Block)], entrance: Block) {
    for &(b, _) in blocks {
        let insts = std::mem::take(&mut func.blocks[b.index()].insts);
        let (constants, rest): (Vec<Inst>, Vec<Inst>) =
            insts.into_iter().partition(|i| func.insts[i.index()].op.is_constant());
        func.blocks[entrance.index()].insts.extend(constants);
        func.blocks[b.index()].insts = rest;
    }
}

/// Appends an op with a word as its result.
fn op(func: &mut Function, out: &mut Vec<Inst>, op: Op, args: &[Value], imm: i64, loc: SrcLoc) -> Value {
    let inst = func.make_inst(op, args, imm, None, Some(Type::I64), loc);
    out.push(inst);
    func.insts[inst.index()].result.expect("made with a result")
}

fn word(func: &mut Function, out: &mut Vec<Inst>, v: i64, loc: SrcLoc) -> Value {
    op(func, out, Op::Iconst, &[], v, loc)
}

/// Appends a branch.
fn branch(func: &mut Function, out: &mut Vec<Inst>, v: Value, so: BlockCall, not: BlockCall, loc: SrcLoc) {
    let inst = func.make_inst(Op::Brif, &[v], 0, None, None, loc);
    func.set_edges(inst, &[so, not]);
    out.push(inst);
}

/// Appends the question whether one of the words is odd.
fn tags(func: &mut Function, out: &mut Vec<Inst>, words: &[Value], loc: SrcLoc) -> Value {
    let (&first, rest) = words.split_first().expect("a word");
    let any = rest.iter().fold(first, |any, &v| op(func, out, Op::Or, &[any, v], 0, loc));
    let one = word(func, out, 1, loc);
    op(func, out, Op::And, &[any, one], 0, loc)
}

/// Appends the op on words that an exact op is for small operands, and the question whether its result is none of
/// a small int.
fn plain(func: &mut Function, out: &mut Vec<Inst>, inst: Inst, overflow: bool) -> Option<Value> {
    let data = func.insts[inst.index()];
    let loc = data.loc;
    let args = func.operands(inst).to_vec();
    let (row, args, question) = match data.op {
        Op::IntAdd => (Op::Add, args, Op::AddOver),
        Op::IntSub => (Op::Sub, args, Op::SubOver),
        Op::IntNeg => (Op::Sub, vec![word(func, out, 0, loc), args[0]], Op::SubOver),
        Op::IntMul => {
            // A constant is halved for free.
            let (a, b) =
                if func.as_iconst(args[0]).is_some() { (args[1], args[0]) } else { (args[0], args[1]) };
            let one = word(func, out, 1, loc);
            (Op::Mul, vec![a, op(func, out, Op::Sshr, &[b, one], 0, loc)], Op::MulOver)
        }
        Op::IntDiv => {
            let quotient = op(func, out, Op::Sdiv, &args, 0, loc);
            (Op::Shl, vec![quotient, word(func, out, 1, loc)], Op::AddOver)
        }
        Op::IntMod => (Op::Srem, args, Op::AddOver),
        _ => (Op::Icmp, args, Op::AddOver),
    };
    let imm = if row == Op::Icmp { data.imm & 0xff } else { 0 };
    let list = func.args(&args);
    let d = &mut func.insts[inst.index()];
    (d.op, d.args, d.imm) = (row, list, imm);
    func.became(inst, data.op);
    func.note(|n| n.counts.add_exact(Exact::Sides, data.op));
    out.push(inst);
    overflow.then(|| op(func, out, question, &args, 0, loc))
}

/// Gives uses in a block other values. Lists that change are new ones: they may be shared.
pub(super) fn rename(
    func: &mut Function,
    block: Block,
    mut other: impl FnMut(&mut Function, Value) -> Option<Value>,
) {
    let mut list = |func: &mut Function, list: ArgList| {
        let mut copy = list;
        for k in 0..list.len {
            let v = func.pool[(list.start + k) as usize];
            if let Some(new) = other(func, v) {
                if copy == list {
                    copy = func.copy_list(list);
                }
                func.pool[(copy.start + k) as usize] = new;
            }
        }
        copy
    };
    for k in 0..func.blocks[block.index()].insts.len() {
        let inst = func.blocks[block.index()].insts[k];
        let data = func.insts[inst.index()];
        func.insts[inst.index()].args = list(func, data.args);
        for e in data.edges.start..data.edges.start + data.edges.len {
            func.edges[e as usize].args = list(func, func.edges[e as usize].args);
        }
    }
}
