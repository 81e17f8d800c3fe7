//! What every iteration of a loop with two sides does alike is done between its entrance and its header: ops on
//! words, loads that nothing in the loop changes, and checks, which lead to the start of the twin's iteration
//! instead of its middle. So nothing is reported too early, and need not be certain to be executed.
//!
//! Blocks that every iteration passes are looked at in their order, so that a load comes behind the checks
//! that it came behind in the loop, those that stay in the loop excepted. For these: a reference that may be none is
//! tested first. Of other blocks only what asks no memory leaves: a divisor that is 0 makes all iterations the twin's,
//! also when few would have divided.

use super::super::Context;
use super::super::memory::{Write, changes, loop_writes};
use super::super::origins::{Origins, owner};
use super::ends::Ends;
use super::{branch, op, word};
use crate::cfg::{Cfg, DomTree, Loops};
use crate::func::{Block, BlockCall, Function, Inst, Value, ValueDef};
use crate::nones::{faults, may_be_none};
use crate::notes::Count;
use crate::ops::{Cond, Op};
use crate::positions::SrcLoc;

/// Bytes that all objects have that belong to others: a descriptor and a length or capacity.
const HEAD: i64 = 16;

/// A loop that has two sides.
pub(super) struct Sides {
    /// Ends in a branch to the twin's header, or else to the loop's.
    pub(super) entrance: Block,
    pub(super) header: Block,
    /// What the entrance finds to be even.
    pub(super) tested: Vec<Value>,
}

/// Moves what is the same in every iteration of the loops before them.
/// `even` says of values by their index whether they always are.
pub(super) fn run(
    func: &mut Function,
    cx: &Context,
    (cfg, dom): (&Cfg, &DomTree),
    sides: &[Sides],
    even: &[bool],
) {
    let loops = Loops::new(func, cfg, dom);
    let writes = loop_writes(func, cx, &loops);
    let origins = Origins::new(func, cx.module, cfg, dom);
    let home = cfg.homes(func);
    let members = loops.own_blocks(cfg);
    let mut moved = vec![false; func.values.len()];
    for &Sides { entrance, header, ref tested } in sides {
        let Some(l) = loops.innermost(header).filter(|&l| loops.loops[l as usize].header == header) else {
            continue;
        };
        let mut hoist = Hoist {
            cx,
            cfg,
            origins: &origins,
            even,
            loops: &loops,
            l,
            writes: &writes[l as usize],
            home: &home,
            moved: &mut moved,
            tested: Vec::new(),
            divisors: Vec::new(),
            entrance,
            header,
            code: None,
            out: Vec::new(),
            ends: Ends::default(),
        };
        let entering = func.list(hoist.edges(func)[1].args).to_vec();
        hoist.ends = Ends::of(func, cfg, header, |b| loops.contains(l, b), &entering);
        hoist.ends.even = tested.iter().map(|&v| func.resolve(v)).collect();
        hoist.run(func, &spine(cfg, dom, &loops, l), &members[l as usize]);
    }
    func.remove_unreachable_blocks();
}

/// The blocks of a loop that every iteration passes, in order.
fn spine(cfg: &Cfg, dom: &DomTree, loops: &Loops, l: u32) -> Vec<Block> {
    let header = loops.loops[l as usize].header;
    let latches = cfg.preds(header).iter().map(|p| p.block).filter(|&b| loops.contains(l, b));
    let mut common: Option<Block> = None;
    for latch in latches {
        let mut at = common.unwrap_or(latch);
        while !dom.dominates(at, latch) {
            at = dom.idom(at).expect("the header dominates the loop");
        }
        common = Some(at);
    }
    let mut blocks: Vec<Block> =
        std::iter::successors(common, |&b| if b == header { None } else { dom.idom(b) }).collect();
    blocks.reverse();
    blocks
}

pub(super) struct Hoist<'a, 'c> {
    pub(super) cx: &'a Context<'c>,
    pub(super) cfg: &'a Cfg,
    pub(super) origins: &'a Origins<'a>,
    pub(super) even: &'a [bool],
    loops: &'a Loops,
    l: u32,
    pub(super) writes: &'a [Write],
    /// Blocks of instructions.
    home: &'a [Block],
    /// Values that are made before their loop by now.
    moved: &'a mut [bool],
    /// References that are not none here.
    tested: Vec<Value>,
    /// Words that are not 0 here.
    divisors: Vec<Value>,
    entrance: Block,
    pub(super) header: Block,
    /// The first block of code, and the one where it is appended.
    code: Option<(Block, Block)>,
    pub(super) out: Vec<Inst>,
    /// What the loop steps.
    pub(super) ends: Ends,
}

impl Hoist<'_, '_> {
    fn run(&mut self, func: &mut Function, spine: &[Block], members: &[Block]) {
        let others = members.iter().filter(|b| !func.blocks[b.index()].cold && !spine.contains(b));
        let others: Vec<Block> = others.copied().collect();
        for (&b, on_spine) in spine.iter().map(|b| (b, true)).chain(others.iter().map(|b| (b, false))) {
            let insts = std::mem::take(&mut func.blocks[b.index()].insts);
            let (&last, body) = insts.split_last().expect("a terminator");
            let mut kept = Vec::with_capacity(insts.len());
            for &inst in body {
                if self.leaves(func, inst) && (on_spine || self.is_free(func, inst)) {
                    self.append(func, inst);
                } else {
                    kept.push(inst);
                }
            }
            kept.push(last);
            func.blocks[b.index()].insts = kept;
            self.check(func, last, on_spine);
        }
        self.close(func);
    }

    /// The value is the same in every iteration.
    pub(super) fn is_same(&self, func: &Function, v: Value) -> bool {
        let v = func.resolve(v);
        if self.moved.get(v.index()).copied().unwrap_or(true) {
            return true;
        }
        let block = match func.values[v.index()].def {
            ValueDef::Param(b, _) => b,
            ValueDef::Inst(i) => self.home[i.index()],
            ValueDef::Alias(_) => unreachable!("resolved"),
        };
        !self.loops.contains(self.l, block)
    }

    /// The instruction may be executed before the loop instead.
    fn leaves(&self, func: &Function, inst: Inst) -> bool {
        let d = &func.insts[inst.index()];
        if !func.operands(inst).iter().all(|&v| self.is_same(func, v)) {
            return false;
        }
        if d.op.is_load() {
            return faults(d.imm) && !changes(func, self.cx, self.origins, self.writes, inst);
        }
        let divides = matches!(d.op, Op::Sdiv | Op::Srem | Op::Udiv | Op::Urem);
        d.op.is_pure() || divides && self.divisors.contains(&func.resolve(func.operands(inst)[1]))
    }

    /// A word that is not below a constant is not 0, nor is one that is 2 less: so exact ops ask for divisors.
    fn divides(&mut self, func: &Function, below: Value) {
        let Some(test) = func.def_inst(below) else { return };
        let (d, args) = (&func.insts[test.index()], func.operands(test));
        let bound = args.get(1).and_then(|&v| func.as_iconst(v)).unwrap_or(0);
        if d.op != Op::Icmp || Cond::from_imm(d.imm) != Cond::Ult || bound <= 0 {
            return;
        }
        let mut divisor = func.resolve(args[0]);
        if let Some(def) = func.def_inst(divisor).filter(|d| func.insts[d.index()].op == Op::Add)
            && let Some(2) = func.as_iconst(func.operands(def)[1]).filter(|_| bound > 2)
        {
            divisor = func.resolve(func.operands(def)[0]);
        }
        self.divisors.push(divisor);
    }

    /// The instruction may be executed where it was not: if it is a load, then of an object that is there.
    fn is_free(&self, func: &Function, inst: Inst) -> bool {
        let d = &func.insts[inst.index()];
        if !d.op.is_load() {
            return true;
        }
        let (regions, base) = (&self.cx.module.regions, func.resolve(func.operands(inst)[0]));
        let own = match owner(func, self.cx.module, base) {
            // Of what belongs to an object the head: it has at least the words that all have.
            Some(object) => {
                let head = func.def_inst(base).is_some_and(|i| func.insts[i.index()].op == Op::Load64);
                head && d.imm < HEAD && self.origins.is_made_here(func, object)
            }
            None => regions.has_own(d.region) && self.origins.is_made_here(func, base),
        };
        own && d.imm >= 0
    }

    fn append(&mut self, func: &mut Function, inst: Inst) {
        let d = func.insts[inst.index()];
        if d.op.is_load() {
            let base = func.resolve(func.operands(inst)[0]);
            let none = may_be_none(self.cx.module, func, base) && !self.origins.is_made_here(func, base);
            if none && !self.tested.contains(&base) {
                self.tested.push(base);
                self.open(func);
                let zero = word(func, &mut self.out, 0, d.loc);
                let none = op(func, &mut self.out, Op::Icmp, &[base, zero], Cond::Eq as i64, d.loc);
                self.leave(func, none, true, d.loc);
            }
        }
        self.open(func);
        self.out.push(inst);
        if let Some(r) = d.result {
            self.moved[r.index()] = true;
        }
    }

    /// The block is in the loop.
    pub(super) fn contains(&self, block: Block) -> bool {
        self.loops.contains(self.l, block)
    }

    /// A check whose condition is the same in every iteration, or can be seen from the ends, is made before the loop.
    fn check(&mut self, func: &mut Function, last: Inst, on_spine: bool) {
        let d = func.insts[last.index()];
        if d.op != Op::Brif {
            return;
        }
        let away = |e: &BlockCall| !self.contains(e.block) && func.blocks[e.block.index()].cold;
        let stay = match func.edges_of(last) {
            [a, b] if away(a) && !away(b) => 1,
            [a, b] if away(b) && !away(a) => 0,
            _ if on_spine => return self.bound(func, last),
            _ => return,
        };
        let same = self.is_same(func, func.operands(last)[0]);
        if same {
            self.open(func);
            self.leave(func, func.operands(last)[0], stay == 1, d.loc);
            if stay == 1 {
                self.divides(func, func.operands(last)[0]);
            }
        } else if !self.check_ends(func, last, on_spine) {
            return;
        }
        func.note(|n| n.counts.add(if same { Count::Same } else { Count::Ends }));
        let d = &mut func.insts[last.index()];
        (d.op, d.args) = (Op::Jump, Default::default());
        (d.edges.start, d.edges.len) = (d.edges.start + stay, 1);
    }

    /// Edges of the branch at the end of the entrance.
    pub(super) fn edges(&self, func: &Function) -> [BlockCall; 2] {
        let edges = func.successors(self.entrance);
        [edges[0], edges[1]]
    }

    /// Starts a block for code.
    pub(super) fn open(&mut self, func: &mut Function) {
        if self.code.is_none() {
            let first = func.add_block();
            self.code = Some((first, first));
        }
    }

    /// Ends the block where code is appended.
    fn end(&mut self, func: &mut Function, next: Option<Block>) {
        if let Some((first, at)) = self.code {
            func.blocks[at.index()].insts = std::mem::take(&mut self.out);
            self.code = next.map(|next| (first, next));
        }
    }

    /// Branches to the twin when the condition holds, or when it does not.
    pub(super) fn leave(&mut self, func: &mut Function, condition: Value, holds: bool, loc: SrcLoc) {
        let next = func.add_block();
        let [slow, _] = self.edges(func);
        let args = func.list(slow.args).to_vec();
        let (away, on) = (func.edge(slow.block, &args), func.edge(next, &[]));
        let (so, not) = if holds { (away, on) } else { (on, away) };
        branch(func, &mut self.out, condition, so, not, loc);
        self.end(func, Some(next));
    }

    /// The last code goes on to the loop, and the entrance to the first.
    fn close(&mut self, func: &mut Function) {
        let Some((first, _)) = self.code else { return };
        let [_, fast] = self.edges(func);
        let jump = func.make_inst(Op::Jump, &[], 0, None, None, SrcLoc::NONE);
        func.set_edges(jump, &[fast]);
        self.out.push(jump);
        self.end(func, None);
        let edges = func.insts[func.terminator(self.entrance).index()].edges;
        func.edges[edges.start as usize + 1] = BlockCall { block: first, args: Default::default(), case: 0 };
    }
}
