//! Global value numbering: an op with the operands of an op that dominates it becomes its value.
//!
//! One walk over the dominator tree in preorder, which visits blocks in a topological order of the
//! forward edges, so that what is known about memory can be met at joins. Pure ops are found in a
//! scoped hash table of instructions; loads, stores and readonly calls in a short list of facts
//! about memory at the current point. A branch that dominates another on the same value decides it.
//!
//! ```
//! mochi_ir::filetest::becomes("gvn", "
//! func @f -> i64 {
//! b0(v0:ref, v1:i64):
//!   v2:i64 = load.64 v0+8
//!   store.64 v0+16, v1
//!   v3:i64 = load.64 v0+8
//!   v4:i64 = add v2, v1
//!   v5:i64 = add v1, v3
//!   v6:i64 = mul v4, v5
//!   ret v6
//! }", "
//! func @f -> i64 {
//! b0(v0:ref, v1:i64):
//!   v2:i64 = load.64 v0+8
//!   store.64 v0+16, v1
//!   v4:i64 = add v1, v2
//!   v6:i64 = mul v4, v4
//!   ret v6
//! }");
//! ```

use super::Context;
use super::memory::{Fact, Write, kills, loop_writes, write_of};
use super::origins::Origins;
use crate::cfg::{Cfg, DomTree, Loops};
use crate::effects::{Memory, effects};
use crate::func::{ArgList, Block, Function, Inst, InstData, Value};
use crate::hash::FastHasher;
use crate::ops::{Imm, Op};
use crate::regions::{Region, Regions};
use std::hash::Hasher;

/// Runs the pass.
pub fn run(func: &mut Function, cx: &Context) {
    let cfg = Cfg::new(func);
    let dom = DomTree::new(func, &cfg);
    let loops = Loops::new(func, &cfg, &dom);
    let origins = Origins::new(func, cx.module, &cfg, &dom);
    let mut gvn = Gvn {
        cx,
        origins: &origins,
        table: Table::new(func.insts.len()),
        known: vec![Known::Nothing; func.values.len()],
        exits: vec![None; func.blocks.len()],
        done: vec![false; func.blocks.len()],
        loop_writes: None,
    };
    // Open scopes: end of the subtree, and what to restore.
    let mut scopes: Vec<(u32, usize, usize)> = Vec::with_capacity(32);
    let mut decided: Vec<(Value, Known)> = Vec::with_capacity(32);
    for (at, &block) in dom.preorder.iter().enumerate() {
        while let Some(&(end, entries, undo)) = scopes.last() {
            if (at as u32) < end {
                break;
            }
            gvn.table.restore(entries);
            for (v, old) in decided.drain(undo..).rev() {
                gvn.known[v.index()] = old;
            }
            scopes.pop();
        }
        scopes.push((dom.subtree_end(block), gvn.table.entries.len(), decided.len()));
        if let [pred] = cfg.preds(block)
            && let Some((v, known)) = edge_fact(func, pred.block, pred.edge)
        {
            decided.push((v, gvn.known[v.index()]));
            gvn.known[v.index()] = known;
        }
        let memory = gvn.memory_at(func, &cfg, &dom, &loops, block);
        gvn.block(func, block, memory);
    }
    func.resolve_aliases();
    func.remove_unreachable_blocks();
}

/// What dominating branches say about a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Nothing,
    Zero,
    NotZero,
}

/// What taking an edge of a `brif` says about its operand.
fn edge_fact(func: &Function, from: Block, edge: u32) -> Option<(Value, Known)> {
    let inst = func.terminator(from);
    let data = &func.insts[inst.index()];
    if data.op != Op::Brif {
        return None;
    }
    let v = func.resolve(func.operands(inst)[0]);
    Some((v, if edge == data.edges.start { Known::NotZero } else { Known::Zero }))
}

/// Scoped hash table of instructions by op, immediate, symbol and operands.
struct Table {
    heads: Vec<u32>,
    entries: Vec<(u32, Inst, u32)>,
}

const END: u32 = u32::MAX;

impl Table {
    fn new(insts: usize) -> Table {
        let size = insts.next_power_of_two().clamp(16, 1 << 20);
        Table { heads: vec![END; size], entries: Vec::with_capacity(insts) }
    }

    fn restore(&mut self, len: usize) {
        while self.entries.len() > len {
            let (slot, _, next) = self.entries.pop().expect("longer than len");
            self.heads[slot as usize] = next;
        }
    }

    /// An equal instruction, or else this one is entered.
    fn find_or_insert(&mut self, func: &Function, inst: Inst) -> Option<Inst> {
        let data = &func.insts[inst.index()];
        let args = func.operands(inst);
        let mut hasher = FastHasher::default();
        hasher.mix(data.op as u64 | (key_imm(data) as u64) << 8);
        hasher.mix(data.sym.map_or(0, |s| u64::from(s.0) + 1));
        args.iter().for_each(|v| hasher.mix(u64::from(v.0)));
        let slot = hasher.finish() as usize & (self.heads.len() - 1);
        let mut at = self.heads[slot];
        while at != END {
            let (_, other, next) = self.entries[at as usize];
            let d = &func.insts[other.index()];
            if d.op == data.op
                && key_imm(d) == key_imm(data)
                && d.sym == data.sym
                && func.operands(other) == args
            {
                return Some(other);
            }
            at = next;
        }
        self.entries.push((slot as u32, inst, self.heads[slot]));
        self.heads[slot] = self.entries.len() as u32 - 1;
        None
    }
}

/// The immediate without facts about the operands.
fn key_imm(data: &InstData) -> i64 {
    match data.op.info().imm {
        Imm::Known => 0,
        Imm::IntCond => data.imm & 0xff,
        _ => data.imm,
    }
}

/// More facts than this are forgotten, oldest first.
const MAX_FACTS: usize = 24;

struct Gvn<'a, 'c> {
    cx: &'a Context<'c>,
    origins: &'a Origins<'a>,
    table: Table,
    known: Vec<Known>,
    /// Facts at the end of finished blocks.
    exits: Vec<Option<Vec<Fact>>>,
    done: Vec<bool>,
    /// Writes of the loops, once something is known where one is entered.
    loop_writes: Option<Vec<Vec<Write>>>,
}

impl Gvn<'_, '_> {
    /// What is known about memory when a block is entered.
    fn memory_at(
        &mut self,
        func: &Function,
        cfg: &Cfg,
        dom: &DomTree,
        loops: &Loops,
        block: Block,
    ) -> Vec<Fact> {
        let mut facts: Option<Vec<Fact>> = None;
        let mut back = false;
        for p in cfg.preds(block) {
            if !self.done[p.block.index()] {
                if !dom.dominates(block, p.block) {
                    return Vec::new();
                }
                back = true;
                continue;
            }
            let Some(exit) = &self.exits[p.block.index()] else { return Vec::new() };
            match &mut facts {
                None => {
                    let mut all = Vec::with_capacity(MAX_FACTS.min(exit.len() + 4));
                    all.extend_from_slice(exit);
                    facts = Some(all);
                }
                Some(facts) => facts.retain(|f| exit.contains(f)),
            }
        }
        let mut facts = facts.unwrap_or_default();
        if back && !facts.is_empty() {
            let l = loops.innermost(block).expect("target of a back edge heads a loop");
            let writes = self.loop_writes.get_or_insert_with(|| loop_writes(func, self.cx, loops));
            for &w in &writes[l as usize] {
                facts.retain(|f| !kills(func, self.cx, self.origins, w, f));
            }
        }
        facts
    }

    fn block(&mut self, func: &mut Function, block: Block, mut facts: Vec<Fact>) {
        let insts = std::mem::take(&mut func.blocks[block.index()].insts);
        let mut kept = 0;
        let mut insts = insts;
        for i in 0..insts.len() {
            let inst = insts[i];
            let list = func.insts[inst.index()].args;
            resolve(func, list);
            if self.keep(func, inst, &mut facts) {
                insts[kept] = inst;
                kept += 1;
            }
        }
        insts.truncate(kept);
        func.blocks[block.index()].insts = insts;
        self.done[block.index()] = true;
        if !facts.is_empty() {
            self.exits[block.index()] = Some(facts);
        }
    }

    /// Handles an instruction; says whether it stays.
    fn keep(&mut self, func: &mut Function, inst: Inst, facts: &mut Vec<Fact>) -> bool {
        let data = func.insts[inst.index()];
        let effects = effects(self.cx.module, func, &data);
        match data.op {
            Op::Brif => self.brif(func, inst),
            op if op.info().imm == Imm::Offset => return self.access(func, inst, facts),
            op if data.result.is_some() && effects.computes() => {
                if op.info().commutes {
                    let at = data.args.start as usize;
                    if func.pool[at] > func.pool[at + 1] && func.as_iconst(func.pool[at + 1]).is_none() {
                        func.pool.swap(at, at + 1);
                        if op.is_int() {
                            swap_facts(&mut func.insts[inst.index()].imm);
                        }
                    }
                }
                if let Some(other) = self.table.find_or_insert(func, inst) {
                    return replace(func, inst, func.insts[other.index()].result);
                }
            }
            Op::Call
                if data.result.is_some() && effects.writes.is_within(Memory::ALLOCATOR) && !effects.fresh =>
            {
                return self.readonly_call(func, inst, facts);
            }
            _ => {}
        }
        let write = write_of(&effects, inst);
        if write != Write::Nothing {
            facts.retain(|f| !kills(func, self.cx, self.origins, write, f));
        }
        true
    }

    fn brif(&mut self, func: &mut Function, inst: Inst) {
        let v = func.operands(inst)[0];
        let edge = match self.known[v.index()] {
            Known::Nothing => return,
            Known::NotZero => 0,
            Known::Zero => 1,
        };
        let data = &mut func.insts[inst.index()];
        data.op = Op::Jump;
        data.args = ArgList::default();
        data.edges = ArgList { start: data.edges.start + edge, len: 1 };
    }

    fn readonly_call(&mut self, func: &mut Function, inst: Inst, facts: &mut Vec<Fact>) -> bool {
        let data = func.insts[inst.index()];
        let same = |f: &&Fact| {
            f.op == Op::Call
                && func.insts[f.inst.index()].sym == data.sym
                && func.operands(f.inst) == func.operands(inst)
        };
        if let Some(fact) = facts.iter().find(same) {
            let value = fact.value;
            return replace(func, inst, Some(value));
        }
        facts.retain(|f| !kills(func, self.cx, self.origins, Write::Globals, f));
        let value = data.result.expect("checked by the caller");
        remember(facts, Fact { op: Op::Call, base: Value(0), offset: 0, value, region: Region::ANY, inst });
        true
    }

    /// Loads and stores.
    fn access(&mut self, func: &mut Function, inst: Inst, facts: &mut Vec<Fact>) -> bool {
        let data = func.insts[inst.index()];
        let base = func.operands(inst)[0];
        let same = |f: &&Fact, op: Op| {
            f.op == op && f.base == base && f.offset == data.imm && !Regions::apart(f.region, data.region)
        };
        if let Some(result) = data.result {
            if let Some(fact) = facts.iter().find(|f| same(f, data.op)) {
                let value = fact.value;
                return replace(func, inst, Some(value));
            }
            remember(
                facts,
                Fact { op: data.op, base, offset: data.imm, value: result, region: data.region, inst },
            );
            return true;
        }
        let load = match data.op {
            Op::Store64 => Some(Op::Load64),
            Op::StoreF64 => Some(Op::LoadF64),
            _ => None,
        };
        let value = func.operands(inst)[1];
        if let Some(load) = load
            && facts.iter().any(|f| same(&f, load) && f.value == value)
        {
            // It is there already.
            return false;
        }
        facts.retain(|f| !kills(func, self.cx, self.origins, Write::Store(inst), f));
        if let Some(op) = load {
            remember(facts, Fact { op, base, offset: data.imm, value, region: data.region, inst });
        }
        true
    }
}

fn remember(facts: &mut Vec<Fact>, fact: Fact) {
    if facts.len() == MAX_FACTS {
        facts.remove(0);
    }
    facts.push(fact);
}

/// Exchanges what is known about the operands.
fn swap_facts(imm: &mut i64) {
    *imm = *imm & !3 | (*imm & 1) << 1 | (*imm & 2) >> 1;
}

fn resolve(func: &mut Function, list: ArgList) {
    for i in list.start..list.start + list.len {
        func.pool[i as usize] = func.resolve(func.pool[i as usize]);
    }
}

/// Makes an instruction's result another name of a value; false: the instruction goes.
fn replace(func: &mut Function, inst: Inst, value: Option<Value>) -> bool {
    let result = func.insts[inst.index()].result.expect("has a result");
    func.replace(result, value.expect("has a result"));
    false
}
