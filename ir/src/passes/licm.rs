//! Loop-invariant code motion: what every iteration computes anew is computed before the loop.
//!
//! One walk in reverse postorder. An instruction goes to the preheader of the outermost loop in
//! which all its operands are invariant and where it may go:
//!
//! - ops that only compute, also exact ints (their slow paths cannot be observed), from anywhere in
//!   the loop that is not cold; constants stay, they cost nothing where they are used, and so do comparisons for
//!   the branch behind them whose operands the loop has anyway: the flag is free, a register for it is not;
//! - loads that nothing in the loop changes, when the loop is certain to execute them before it does
//!   anything that can be seen, or when the same base was accessed on the way to the loop, as far from it or in
//!   the same record: moving them must not report a none that would not have been reported, nor read beyond
//!   the end of an object (of a union the smallest variant may be there).
//!
//! ```
//! mochi_ir::filetest::becomes("licm", "
//! func @f -> i64 {
//! b0(v0:i64, v1:i64):
//!   jump b1(v0)
//! b1(v2:i64):
//!   v3:i64 = mul v1, v1
//!   v4:i64 = sub v2, v3
//!   brif v4, b1(v4), b2
//! b2:
//!   ret v3
//! }", "
//! func @f -> i64 {
//! b0(v0:i64, v1:i64):
//!   v3:i64 = mul v1, v1
//!   jump b1(v0)
//! b1(v2:i64):
//!   v4:i64 = sub v2, v3
//!   brif v4, b1(v4), b2
//! b2:
//!   ret v3
//! }");
//! ```

use super::Context;
use super::memory::{Write, changes, loop_writes};
use super::origins::Origins;
use crate::cfg::{Cfg, DomTree, Loops};
use crate::effects::effects;
use crate::func::{Block, Function, Inst, InstData, Value};
use crate::nones;
use crate::ops::{Imm, Op};

/// Runs the pass.
pub fn run(func: &mut Function, cx: &Context) {
    let cfg = Cfg::new(func);
    if !cfg.cyclic {
        return;
    }
    let dom = DomTree::new(func, &cfg);
    let loops = Loops::new(func, &cfg, &dom);
    if loops.loops.is_empty() {
        return;
    }
    let writes = loop_writes(func, cx, &loops);
    let origins = Origins::new(func, cx.module, &cfg, &dom);
    let mut licm = Licm {
        cx,
        origins: &origins,
        dom: &dom,
        loops: &loops,
        writes: &writes,
        home: vec![NO_LOOP; func.values.len()],
        accessed: vec![None; func.values.len()],
        accessed_before: vec![None; func.values.len()],
        certain: certain(func, cx, &cfg, &loops),
        hoisted: vec![Vec::new(); loops.loops.len()],
        uses: uses(func),
    };
    for &b in &cfg.rpo {
        licm.block(func, b);
    }
    let hoisted = licm.hoisted;
    for (l, insts) in hoisted.into_iter().enumerate() {
        if !insts.is_empty() {
            place(func, &cfg, &dom, loops.loops[l].header, insts);
        }
    }
}

const NO_LOOP: u32 = u32::MAX;

struct Licm<'a, 'c> {
    cx: &'a Context<'c>,
    origins: &'a Origins<'a>,
    dom: &'a DomTree,
    loops: &'a Loops,
    writes: &'a [Vec<Write>],
    /// The innermost loop around each value's definition, where it is after hoisting.
    home: Vec<u32>,
    /// A block in which a value is the base of an access, and that access: of those in the block the one
    /// that reaches farthest.
    accessed: Vec<Option<(Block, Inst)>>,
    /// The loop in whose preheader a hoisted load has a value as its base, and that load.
    accessed_before: Vec<Option<(u32, Inst)>>,
    /// For each block, the loop whose every entry executes it first, and how many of its
    /// instructions come before anything that can be seen.
    certain: Vec<(u32, u32)>,
    /// Instructions for the preheader of each loop.
    hoisted: Vec<Vec<Inst>>,
    /// How often each value is used.
    uses: Vec<u32>,
}

fn uses(func: &Function) -> Vec<u32> {
    let mut uses = vec![0; func.values.len()];
    for &b in &func.layout {
        for &i in &func.blocks[b.index()].insts {
            func.operands(i).iter().for_each(|v| uses[v.index()] += 1);
        }
        for edge in func.successors(b) {
            func.list(edge.args).iter().for_each(|v| uses[v.index()] += 1);
        }
    }
    uses
}

/// Finds the blocks that follow a loop's header without a branch.
fn certain(func: &Function, cx: &Context, cfg: &Cfg, loops: &Loops) -> Vec<(u32, u32)> {
    let mut certain = vec![(NO_LOOP, 0); func.blocks.len()];
    for (l, info) in loops.loops.iter().enumerate() {
        let mut b = info.header;
        loop {
            let insts = &func.blocks[b.index()].insts;
            let seen = |i: &&Inst| effects(cx.module, func, &func.insts[i.index()]).visible;
            let unseen = insts.iter().position(|i| seen(&i)).unwrap_or(insts.len());
            certain[b.index()] = (l as u32, unseen as u32);
            let [edge] = func.successors(b) else { break };
            let next = edge.block;
            let own = loops.innermost(next) == Some(l as u32) && cfg.preds(next).len() == 1;
            if unseen < insts.len() || !own || next == info.header {
                break;
            }
            b = next;
        }
    }
    certain
}

impl Licm<'_, '_> {
    fn block(&mut self, func: &mut Function, b: Block) {
        let home = self.loops.innermost(b);
        for &p in &func.blocks[b.index()].params {
            self.home[p.index()] = home.unwrap_or(NO_LOOP);
        }
        let insts = std::mem::take(&mut func.blocks[b.index()].insts);
        let cold = func.blocks[b.index()].cold;
        let last = *insts.last().expect("a terminator");
        let mut kept = Vec::with_capacity(insts.len());
        for (k, &inst) in insts.iter().enumerate() {
            let data = func.insts[inst.index()];
            let target = match home {
                Some(l) if !cold && !self.is_flag(func, inst, last) => self.target(func, b, k, inst, l),
                _ => None,
            };
            if let Some(v) = data.result {
                self.home[v.index()] = match target {
                    Some(l) => self.loops.loops[l as usize].parent.unwrap_or(NO_LOOP),
                    None => home.unwrap_or(NO_LOOP),
                };
            }
            match target {
                Some(l) => {
                    let (sure, unseen) = self.certain[b.index()];
                    if data.op.is_int() && (sure != l || k as u32 >= unseen) {
                        forget_facts(&mut func.insts[inst.index()]);
                    }
                    if data.op.info().imm == Imm::Offset && nones::faults(data.imm) {
                        let before = &mut self.accessed_before[func.operands(inst)[0].index()];
                        if before.is_none_or(|(at, old)| at != l || end(func, old) < end(func, inst)) {
                            *before = Some((l, inst));
                        }
                    }
                    self.hoisted[l as usize].push(inst);
                }
                None => {
                    if data.op.info().imm == Imm::Offset && nones::faults(data.imm) {
                        let base = func.operands(inst)[0].index();
                        let before = &mut self.accessed[base];
                        if before.is_none_or(|(at, old)| at == b && end(func, old) < end(func, inst)) {
                            *before = Some((b, inst));
                        }
                    }
                    kept.push(inst);
                }
            }
        }
        func.blocks[b.index()].insts = kept;
    }

    /// The outermost loop the instruction can leave, starting with the innermost one around it.
    fn target(&self, func: &Function, b: Block, k: usize, inst: Inst, l: u32) -> Option<u32> {
        let data = &func.insts[inst.index()];
        let load = data.op.is_load();
        let effects = effects(self.cx.module, func, data);
        let moves = load || effects.computes() && !effects.partial && !effects.visible;
        // A call may cost more than the rest of a loop that never makes it.
        let stays = matches!(data.op, Op::Iconst | Op::Fconst | Op::Symaddr | Op::Call);
        if !moves || stays {
            return None;
        }
        let mut result = None;
        let mut at = Some(l);
        while let Some(l) = at {
            if func.operands(inst).iter().any(|&v| self.varies(v, l)) {
                break;
            }
            if load && !self.load_may_leave(func, b, k, inst, l) {
                break;
            }
            if data.op.is_int()
                && !self.is_certain(b, k, l)
                && func.operands(inst).iter().any(|&v| is_raw(func, v))
            {
                break;
            }
            result = Some(l);
            at = self.loops.loops[l as usize].parent;
        }
        result
    }

    /// It compares for the branch behind it what is in registers anyway.
    fn is_flag(&self, func: &Function, inst: Inst, last: Inst) -> bool {
        let (data, branch) = (&func.insts[inst.index()], &func.insts[last.index()]);
        let decides = branch.op == Op::Brif && data.result == Some(func.list(branch.args)[0]);
        let stays = |&v: &Value| func.as_iconst(v).is_some() || self.uses[v.index()] > 1;
        data.op == Op::Icmp && decides && func.operands(inst).iter().all(stays)
    }

    /// The value is defined in the loop.
    fn varies(&self, v: Value, l: u32) -> bool {
        self.is_within(self.home[v.index()], l)
    }

    /// Both are loops, and the first is the second or in it.
    fn is_within(&self, inner: u32, l: u32) -> bool {
        inner != NO_LOOP && l != NO_LOOP && self.loops.is_within(inner, l)
    }

    /// What is at this place of a block runs whenever the loop is entered.
    fn is_certain(&self, b: Block, k: usize, l: u32) -> bool {
        let (sure, unseen) = self.certain[b.index()];
        sure == l && (k as u32) < unseen
    }

    fn load_may_leave(&self, func: &Function, b: Block, k: usize, inst: Inst, l: u32) -> bool {
        let data = &func.insts[inst.index()];
        let base = func.operands(inst)[0];
        if changes(func, self.cx, self.origins, &self.writes[l as usize], inst) {
            return false;
        }
        if self.is_certain(b, k, l) {
            return true;
        }
        let header = self.loops.loops[l as usize].header;
        // The object is there and as large: others of its kind may be smaller.
        let is_there = |earlier: Inst| {
            let together =
                self.cx.module.regions.are_together(func.insts[earlier.index()].region, data.region);
            together || end(func, inst) <= end(func, earlier)
        };
        if let Some((at, earlier)) = self.accessed_before[base.index()]
            && self.is_within(l, at)
            && is_there(earlier)
        {
            return true;
        }
        self.accessed[base.index()].is_some_and(|(at, earlier)| {
            !self.loops.contains(l, at) && self.dom.dominates(at, header) && is_there(earlier)
        })
    }
}

/// The first byte behind an access, from its base.
fn end(func: &Function, inst: Inst) -> i64 {
    let data = &func.insts[inst.index()];
    data.imm.saturating_add(data.op.access_size().expect("an access").into())
}

/// A word that a raw op made. Where the conditions around that op do not hold it need not be an int, which
/// does no harm unless an exact op takes its slow path with it.
fn is_raw(func: &Function, v: Value) -> bool {
    let Some(inst) = func.def_inst(func.resolve(v)) else { return false };
    let op = func.insts[inst.index()].op;
    op.is_pure() && !matches!(op, Op::Iconst | Op::Symaddr)
}

/// Facts that held under the conditions around an exact op need not hold elsewhere.
fn forget_facts(data: &mut InstData) {
    data.imm = if data.op == Op::IntCmp { data.imm & 0xff } else { 0 };
}

/// Puts instructions before a loop.
fn place(func: &mut Function, cfg: &Cfg, dom: &DomTree, header: Block, insts: Vec<Inst>) {
    // Preheaders made for other loops do not change which edges enter this one, only where they
    // start: look at the edges themselves.
    let entering: Vec<u32> =
        cfg.preds(header).iter().filter(|p| !dom.dominates(header, p.block)).map(|p| p.edge).collect();
    let only = cfg.preds(header).iter().find(|p| !dom.dominates(header, p.block)).expect("a way in").block;
    let jump = func.terminator(only);
    if entering.len() == 1 && func.insts[jump.index()].op == Op::Jump {
        let list = &mut func.blocks[only.index()].insts;
        let at = list.len() - 1;
        list.splice(at..at, insts);
        return;
    }
    let block = func.add_block();
    func.layout.pop();
    func.blocks[block.index()].cold = func.blocks[header.index()].cold;
    let mut args = Vec::new();
    for k in 0..func.blocks[header.index()].params.len() {
        let ty = func.ty(func.blocks[header.index()].params[k]);
        args.push(func.add_param(block, ty));
    }
    for e in entering {
        func.edges[e as usize].block = block;
    }
    let loc = func.insts[jump.index()].loc;
    let last = func.make_inst(Op::Jump, &[], 0, None, None, loc);
    let edge = func.edge(header, &args);
    func.set_edges(last, &[edge]);
    let list = &mut func.blocks[block.index()].insts;
    list.extend(insts);
    list.push(last);
    // The order of blocks is settled later.
    func.layout.push(block);
}
