//! Control flow clean-up: edges through blocks that do nothing are shortened, decided branches
//! become jumps, blocks with one predecessor join it, and coldness spreads.
//!
//! A branch on a parameter whose argument is a constant (short-circuit conditions), or on its comparison with
//! a constant, is decided on the edge, except at loop headers, where that could make a loop with two entries.
//!
//! ```
//! mochi_ir::filetest::becomes("flow", "
//! func @f -> i64 {
//! b0(v0:ref):
//!   v1:i64 = iconst 0
//!   brif v0, b1, b2(v1)
//! b1:
//!   v2:i64 = load.64 v0+8
//!   jump b2(v2)
//! b2(v3:i64):
//!   brif v3, b3, b4
//! b3:
//!   v4:i64 = iconst 5
//!   ret v4
//! b4:
//!   ret v1
//! }", "
//! func @f -> i64 {
//! b0(v0:ref):
//!   v1:i64 = iconst 0
//!   brif v0, b1, b4
//! b1:
//!   v2:i64 = load.64 v0+8
//!   brif v2, b3, b4
//! b3:
//!   v4:i64 = iconst 5
//!   ret v4
//! b4:
//!   ret v1
//! }");
//! ```

use super::Context;
use crate::cfg::Rpo;
use crate::func::{ArgList, Block, BlockCall, Function, Inst, Value, ValueDef};
use crate::ops::{Cond, Op};

/// Runs the pass.
pub fn run(func: &mut Function, cx: &Context) {
    for _ in 0..4 {
        let mut changed = Flow { func, escapes: None, header: None }.shorten_edges();
        changed |= merge(func);
        if !changed {
            break;
        }
        func.remove_unreachable_blocks();
        func.remove_trivial_params();
    }
    spread_cold(func, cx);
}

/// What is asked about blocks is found when it is first asked for: most often it never is. Moving edges gives no block
/// new uses elsewhere.
struct Flow<'a> {
    func: &'a mut Function,
    /// Where else something of a block that only hands on or decides is used.
    escapes: Option<Vec<Escape>>,
    /// The block is the target of a backward edge.
    header: Option<Vec<bool>>,
}

/// The blocks that are targets of backward edges.
pub(super) fn headers(func: &Function) -> Vec<bool> {
    let Rpo { rpo, rpo_index } = Rpo::new(func);
    let mut header = vec![false; func.blocks.len()];
    for &b in &rpo {
        for e in func.successors(b) {
            if rpo_index[e.block.index()] <= rpo_index[b.index()] {
                header[e.block.index()] = true;
            }
        }
    }
    header
}

/// What a block does that only decides or goes on: the comparison before its terminator, if there is one, and that.
fn deed(func: &Function, block: Block) -> Option<(Option<Inst>, Inst)> {
    match func.blocks[block.index()].insts[..] {
        [last] => Some((None, last)),
        [test, last] => {
            let (t, l) = (&func.insts[test.index()], &func.insts[last.index()]);
            let decides = t.op == Op::Icmp && l.op == Op::Brif && func.list(l.args)[0] == t.result?;
            decides.then_some((Some(test), last))
        }
        _ => None,
    }
}

/// Where values of a block are used besides in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    Nowhere,
    /// Only in this one of its successors, to which nothing else leads.
    Into(Block),
    Anywhere,
}

/// Of the blocks that only hand on or decide: where else something of them is used.
fn escaping(func: &Function) -> Vec<Escape> {
    let mut escapes = vec![Escape::Nowhere; func.blocks.len()];
    let mut entered = vec![0u32; func.blocks.len()];
    // The block that a value is a parameter of, or its comparison.
    let mut home = vec![NOWHERE; func.values.len()];
    for &b in &func.layout {
        let Some((test, last)) = deed(func, b) else { continue };
        func.blocks[b.index()].params.iter().for_each(|p| home[p.index()] = b.0);
        if let Some(test) = test {
            let result = func.insts[test.index()].result.expect("a comparison");
            home[result.index()] = b.0;
            if func.edges_of(last).iter().any(|e| func.list(e.args).contains(&result)) {
                escapes[b.index()] = Escape::Anywhere;
            }
        }
    }
    for &b in &func.layout {
        let mut used = |v: &Value| {
            let home = home[v.index()];
            if home != NOWHERE && home != b.0 {
                let escape = &mut escapes[home as usize];
                *escape = match *escape {
                    Escape::Nowhere => Escape::Into(b),
                    Escape::Into(only) if only == b => Escape::Into(b),
                    _ => Escape::Anywhere,
                };
            }
        };
        for &inst in &func.blocks[b.index()].insts {
            func.operands(inst).iter().for_each(&mut used);
        }
        for e in func.successors(b) {
            func.list(e.args).iter().for_each(&mut used);
            entered[e.block.index()] += 1;
        }
    }
    for &b in &func.layout {
        if let Escape::Into(only) = escapes[b.index()]
            && (entered[only.index()] != 1 || func.successors(b).iter().all(|e| e.block != only))
        {
            escapes[b.index()] = Escape::Anywhere;
        }
    }
    escapes
}

const NOWHERE: u32 = u32::MAX;

/// Blocks an edge may be moved over in one round.
const MAX_HOPS: usize = 8;

impl Flow<'_> {
    fn shorten_edges(&mut self) -> bool {
        let mut changed = false;
        for li in 0..self.func.layout.len() {
            let b = self.func.layout[li];
            let inst = self.func.terminator(b);
            let r = self.func.insts[inst.index()].edges;
            for e in r.start..r.start + r.len {
                for _ in 0..MAX_HOPS {
                    let Some(call) = self.onward(inst, e - r.start) else { break };
                    let case = self.func.edges[e as usize].case;
                    self.func.edges[e as usize] = BlockCall { case, ..call };
                    changed = true;
                }
            }
            if self.func.insts[inst.index()].op == Op::Brif && self.same_edges(inst) {
                let data = &mut self.func.insts[inst.index()];
                data.op = Op::Jump;
                data.args = ArgList::default();
                data.edges.len = 1;
                changed = true;
            }
        }
        changed
    }

    fn same_edges(&self, inst: Inst) -> bool {
        let [a, b] = self.func.edges_of(inst) else { return false };
        a.block == b.block && self.func.list(a.args) == self.func.list(b.args)
    }

    /// Where an edge can go instead of to a block that only passes it on.
    fn onward(&mut self, inst: Inst, edge: u32) -> Option<BlockCall> {
        let call = self.func.edges_of(inst)[edge as usize];
        let t = call.block;
        let (test, last) = deed(self.func, t)?;
        let op = self.func.insts[last.index()].op;
        let next = match op {
            Op::Jump => self.func.edges_of(last)[0],
            Op::Brif => {
                let c = self.func.operands(last)[0];
                let known = self.known(t, call.args, c, test).or_else(|| {
                    // The branch we come from asked the same.
                    let same = test.is_none()
                        && self.func.insts[inst.index()].op == Op::Brif
                        && self.func.operands(inst)[0] == c
                        && !self.same_target(inst);
                    same.then_some(edge == 0)
                })?;
                self.func.edges_of(last)[usize::from(!known)]
            }
            _ => return None,
        };
        if next.block == t {
            return None;
        }
        let Flow { func, escapes, header } = self;
        if op == Op::Brif && header.get_or_insert_with(|| headers(func))[t.index()] {
            return None;
        }
        let has_own = test.is_some() || !func.blocks[t.index()].params.is_empty();
        if has_own {
            let ends = match escapes.get_or_insert_with(|| escaping(func))[t.index()] {
                Escape::Nowhere => false,
                Escape::Into(only) => op == Op::Jump || only == next.block,
                Escape::Anywhere => true,
            };
            if ends {
                return None;
            }
        }
        let args: Vec<Value> =
            self.func.list(next.args).iter().map(|&v| self.substitute(t, call.args, v)).collect();
        // A list of its own: passes change lists in place.
        let args = self.func.args(&args);
        Some(BlockCall { block: next.block, args, case: 0 })
    }

    fn same_target(&self, inst: Inst) -> bool {
        matches!(self.func.edges_of(inst), [a, b] if a.block == b.block)
    }

    /// Whether a condition is non-zero when the block is entered with these arguments.
    fn known(&self, t: Block, args: ArgList, c: Value, test: Option<Inst>) -> Option<bool> {
        let constant = |v: Value| self.func.as_iconst(self.substitute(t, args, v));
        let Some(test) = test else { return constant(c).map(|n| n != 0) };
        let operands = [0, 1].map(|k| self.func.operands(test)[k]);
        // What is compared with itself might be anything.
        let equal = self.substitute(t, args, operands[0]) == self.substitute(t, args, operands[1]);
        let (a, b) = if equal { (0, 0) } else { (constant(operands[0])?, constant(operands[1])?) };
        Some(Cond::from_imm(self.func.insts[test.index()].imm).eval(a, b))
    }

    fn substitute(&self, t: Block, args: ArgList, v: Value) -> Value {
        match self.func.values[v.index()].def {
            ValueDef::Param(home, k) if home == t => self.func.list(args)[k as usize],
            _ => v,
        }
    }
}

/// Joins blocks to their only predecessor when that jumps to them.
fn merge(func: &mut Function) -> bool {
    let mut preds = vec![0u32; func.blocks.len()];
    for &b in &func.layout {
        for e in func.successors(b) {
            preds[e.block.index()] += 1;
        }
    }
    let mut gone = vec![false; func.blocks.len()];
    let (mut changed, mut replaced) = (false, false);
    for li in 0..func.layout.len() {
        let b = func.layout[li];
        if gone[b.index()] {
            continue;
        }
        loop {
            let last = func.terminator(b);
            if func.insts[last.index()].op != Op::Jump {
                break;
            }
            let call = func.edges_of(last)[0];
            let t = call.block;
            if t == b || preds[t.index()] != 1 || t == func.entry() {
                break;
            }
            let params = std::mem::take(&mut func.blocks[t.index()].params);
            replaced |= !params.is_empty();
            for (k, p) in params.into_iter().enumerate() {
                func.replace(p, func.pool[call.args.start as usize + k]);
            }
            let mut insts = std::mem::take(&mut func.blocks[t.index()].insts);
            func.blocks[b.index()].insts.pop();
            func.blocks[b.index()].insts.append(&mut insts);
            gone[t.index()] = true;
            changed = true;
        }
    }
    if changed {
        func.layout.retain(|b| !gone[b.index()]);
    }
    if replaced {
        func.resolve_aliases();
    }
    changed
}

/// Blocks that call something cold, and blocks from which only cold blocks follow, are cold.
fn spread_cold(func: &mut Function, cx: &Context) {
    let rpo = Rpo::new(func).rpo;
    for &b in rpo.iter().rev() {
        if b == func.entry() || func.blocks[b.index()].cold {
            continue;
        }
        let next = func.successors(b);
        let mut cold = !next.is_empty() && next.iter().all(|e| func.blocks[e.block.index()].cold);
        for &inst in &func.blocks[b.index()].insts {
            let data = &func.insts[inst.index()];
            if data.op == Op::Call {
                let attributes = cx.module.sym(data.sym.expect("call has a callee")).attributes;
                cold |= attributes.cold || attributes.noreturn;
            }
        }
        func.blocks[b.index()].cold = cold;
    }
}
