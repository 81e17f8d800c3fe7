//! Loop inversion: `while (c) { b }` becomes `if (c) { do { b } while (c) }`.
//!
//! One branch per iteration instead of two, and a place before the body that is only reached when
//! the body runs, where loop-invariant loads may go.
//!
//! The header is copied for the entering edges. Both copies then lead to two landing blocks, one
//! for the loop's body and one for the exit, whose parameters stand for the values that the header
//! defines. A loop is left alone when such a value is used where neither landing block dominates.
//!
//! Headers are handled in reverse postorder: what a copy contains was renamed before.
//!
//! ```
//! mochi_ir::filetest::becomes("rotate", "
//! func @f -> i64 {
//! b0(v0:i64):
//!   v1:i64 = iconst 0
//!   v2:i64 = iconst 1
//!   jump b1(v1)
//! b1(v3:i64):
//!   v4:i64 = icmp slt v3, v0
//!   brif v4, b2, b3
//! b2:
//!   v5:i64 = add v3, v2
//!   jump b1(v5)
//! b3:
//!   ret v3
//! }", "
//! func @f -> i64 {
//! b0(v0:i64):
//!   v1:i64 = iconst 0
//!   v2:i64 = iconst 1
//!   jump b6
//! b1:
//!   v4:i64 = icmp slt v5, v0
//!   brif v4, b4(v5), b5(v5)
//! b2:
//!   v5:i64 = add v6, v2
//!   jump b1
//! b3:
//!   ret v7
//! b6:
//!   v9:i64 = icmp slt v1, v0
//!   brif v9, b4(v1), b5(v1)
//! b4(v6:i64):
//!   jump b2
//! b5(v7:i64):
//!   jump b3
//! }");
//! ```

use super::Context;
use crate::cfg::{Cfg, DomTree, Loops};
use crate::func::{Block, BlockCall, Function, Inst, Value, ValueDef};
use crate::ops::Op;

/// Headers with more instructions are not copied.
const MAX_HEADER: usize = 16;

/// Runs the pass.
pub fn run(func: &mut Function, _: &Context) {
    let cfg = Cfg::new(func);
    if !cfg.cyclic {
        return;
    }
    let dom = DomTree::new(func, &cfg);
    let loops = Loops::new(func, &cfg, &dom);
    if loops.loops.is_empty() {
        return;
    }
    let candidate: Vec<Option<Plan>> =
        loops.loops.iter().enumerate().map(|(l, _)| plan(func, &cfg, &dom, &loops, l as u32)).collect();
    let mut of_header = vec![u32::MAX; func.blocks.len()];
    for (l, plan) in candidate.iter().enumerate() {
        if plan.is_some() {
            of_header[loops.loops[l].header.index()] = l as u32;
        }
    }
    let uses = uses_outside(func, &of_header, loops.loops.len());
    let mut moved = vec![u32::MAX; func.edges.len()];
    let mut changed = false;
    for &block in &cfg.rpo {
        let l = of_header[block.index()];
        if l == u32::MAX {
            continue;
        }
        let plan = candidate[l as usize].as_ref().expect("has a plan");
        changed |= rotate(func, &cfg, &dom, plan, &uses[l as usize], &mut moved);
    }
    if changed {
        func.remove_trivial_params();
    }
}

/// A loop that can be inverted.
struct Plan {
    header: Block,
    /// Which edge of the header's branch goes to the body.
    body_edge: usize,
    body: Block,
    exit: Block,
    /// Every way to the block other than from itself is through the header.
    owns_body: bool,
    owns_exit: bool,
}

fn plan(func: &Function, cfg: &Cfg, dom: &DomTree, loops: &Loops, l: u32) -> Option<Plan> {
    let header = loops.loops[l as usize].header;
    let data = &func.blocks[header.index()];
    let branch = func.terminator(header);
    if data.cold || data.insts.len() > MAX_HEADER || func.insts[branch.index()].op != Op::Brif {
        return None;
    }
    let calls = data.insts.iter().filter(|i| func.insts[i.index()].op == Op::Call).count();
    let edges = func.edges_of(branch);
    let inside = [loops.contains(l, edges[0].block), loops.contains(l, edges[1].block)];
    let body_edge = match inside {
        [true, false] => 0,
        [false, true] => 1,
        _ => return None,
    };
    let (body, exit) = (edges[body_edge].block, edges[1 - body_edge].block);
    // A loop that tests at its end already is one whose header branches to itself.
    if body == header || calls > 1 {
        return None;
    }
    let owns = |b: Block| cfg.preds(b).iter().all(|p| p.block == header || dom.dominates(b, p.block));
    let twice = |b: Block| cfg.preds(b).iter().filter(|p| p.block == header).count() > 1;
    if twice(body) || twice(exit) {
        return None;
    }
    Some(Plan { header, body_edge, body, exit, owns_body: owns(body), owns_exit: owns(exit) })
}

/// A use of a header's value in another block: the place in the pool.
struct Use {
    at: u32,
    block: Block,
}

/// Uses of the values of each candidate's header in other blocks, by loop.
fn uses_outside(func: &Function, of_header: &[u32], loops: usize) -> Vec<Vec<Use>> {
    let mut home = vec![Block(u32::MAX); func.values.len()];
    for &b in func.layout.iter().filter(|b| of_header[b.index()] != u32::MAX) {
        let data = &func.blocks[b.index()];
        let results = data.insts.iter().filter_map(|i| func.insts[i.index()].result);
        data.params.iter().copied().chain(results).for_each(|v| home[v.index()] = b);
    }
    let mut uses: Vec<Vec<Use>> = (0..loops).map(|_| Vec::new()).collect();
    for &b in &func.layout {
        for &inst in &func.blocks[b.index()].insts {
            let data = &func.insts[inst.index()];
            let lists = func.edges_of(inst).iter().map(|e| e.args);
            for list in std::iter::once(data.args).chain(lists) {
                for at in list.start..list.start + list.len {
                    let h = home[func.pool[at as usize].index()];
                    if h.0 != u32::MAX && h != b {
                        uses[of_header[h.index()] as usize].push(Use { at, block: b });
                    }
                }
            }
        }
    }
    uses
}

/// Values of the header that a landing block hands on, with its parameters for them.
struct Landing {
    block: Block,
    values: Vec<(Value, Value)>,
}

impl Landing {
    fn new(func: &mut Function, cold: bool) -> Landing {
        let block = func.add_block();
        func.layout.pop();
        func.blocks[block.index()].cold = cold;
        Landing { block, values: Vec::new() }
    }

    /// The parameter for a value of the header.
    fn value(&mut self, func: &mut Function, v: Value) -> Value {
        if let Some((_, p)) = self.values.iter().find(|(w, _)| *w == v) {
            return *p;
        }
        let ty = func.ty(v);
        let p = func.add_param(self.block, ty);
        self.values.push((v, p));
        p
    }
}

fn rotate(
    func: &mut Function,
    cfg: &Cfg,
    dom: &DomTree,
    plan: &Plan,
    uses: &[Use],
    moved: &mut Vec<u32>,
) -> bool {
    let h = plan.header;
    let in_body = |b: Block| plan.owns_body && dom.dominates(plan.body, b);
    let in_exit = |b: Block| plan.owns_exit && dom.dominates(plan.exit, b);
    if !uses.iter().all(|u| in_body(u.block) || in_exit(u.block)) {
        return false;
    }
    let mut body = Landing::new(func, func.blocks[plan.body.index()].cold);
    let mut exit = Landing::new(func, func.blocks[plan.exit.index()].cold);
    for u in uses {
        let v = func.pool[u.at as usize];
        let landing = if in_body(u.block) { &mut body } else { &mut exit };
        func.pool[u.at as usize] = landing.value(func, v);
    }
    // The landing blocks go on to where the header went, with its arguments.
    let branch = func.terminator(h);
    let first = func.insts[branch.index()].edges.start;
    for (landing, k) in [(&mut body, plan.body_edge), (&mut exit, 1 - plan.body_edge)] {
        let edge = first as usize + k;
        let call = func.edges[edge];
        let mut args = func.list(call.args).to_vec();
        for v in &mut args {
            if is_defined_in(func, *v, h) {
                *v = landing.value(func, *v);
            }
        }
        let loc = func.insts[branch.index()].loc;
        let jump = func.make_inst(Op::Jump, &[], 0, None, None, loc);
        let onward = func.edge(call.block, &args);
        func.set_edges(jump, &[onward]);
        func.blocks[landing.block.index()].insts.push(jump);
        moved.resize(func.edges.len(), u32::MAX);
        moved[edge] = func.insts[jump.index()].edges.start;
    }
    let copy = copy_header(func, h);
    for (block, map) in [(h, None), (copy.block, Some(&copy.map))] {
        let branch = func.terminator(block);
        let mut edges = [BlockCall { block: h, args: Default::default(), case: 0 }; 2];
        for (landing, k) in [(&body, plan.body_edge), (&exit, 1 - plan.body_edge)] {
            let renamed = |v: Value| map.and_then(|m| m.get(v)).unwrap_or(v);
            let args: Vec<Value> = landing.values.iter().map(|&(v, _)| renamed(v)).collect();
            edges[k] = func.edge(landing.block, &args);
        }
        func.set_edges(branch, &edges);
    }
    moved.resize(func.edges.len(), u32::MAX);
    // Ways into the loop lead to the copy.
    for p in cfg.preds(h) {
        if !dom.dominates(h, p.block) {
            let mut edge = p.edge;
            while moved[edge as usize] != u32::MAX {
                edge = moved[edge as usize];
            }
            func.edges[edge as usize].block = copy.block;
        }
    }
    // The order of blocks is settled later.
    func.layout.extend([copy.block, body.block, exit.block]);
    true
}

fn is_defined_in(func: &Function, v: Value, block: Block) -> bool {
    match func.values[v.index()].def {
        ValueDef::Param(b, _) => b == block,
        ValueDef::Inst(inst) => func.blocks[block.index()].insts.contains(&inst),
        ValueDef::Alias(_) => unreachable!("no aliases between passes"),
    }
}

struct HeaderCopy {
    block: Block,
    map: Map,
}

/// Values of the header and of its copy.
struct Map(Vec<(Value, Value)>);

impl Map {
    fn get(&self, v: Value) -> Option<Value> {
        self.0.iter().find(|(a, _)| *a == v).map(|(_, b)| *b)
    }
}

/// A block with copies of the header's parameters and instructions; its edges are not set.
fn copy_header(func: &mut Function, h: Block) -> HeaderCopy {
    let block = func.add_block();
    func.layout.pop();
    let mut map = Map(Vec::new());
    for k in 0..func.blocks[h.index()].params.len() {
        let p = func.blocks[h.index()].params[k];
        let ty = func.ty(p);
        map.0.push((p, func.add_param(block, ty)));
    }
    for k in 0..func.blocks[h.index()].insts.len() {
        let old = func.blocks[h.index()].insts[k];
        let data = func.insts[old.index()];
        let args: Vec<Value> = func.operands(old).iter().map(|&v| map.get(v).unwrap_or(v)).collect();
        let ty = data.result.map(|v| func.ty(v));
        let new: Inst = func.make_inst(data.op, &args, data.imm, data.sym, ty, data.loc);
        func.insts[new.index()].region = data.region;
        if let (Some(a), Some(b)) = (data.result, func.insts[new.index()].result) {
            map.0.push((a, b));
        }
        func.blocks[block.index()].insts.push(new);
    }
    HeaderCopy { block, map }
}
