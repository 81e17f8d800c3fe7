//! Loads of what every way brings along: where ways meet, a load gives what each of them has stored or loaded there
//! last, so values that a branch or a loop changes stay in registers. A way that has nothing loads it itself, if it is
//! unlikely to be taken or is outside of a loop that the load is in. Stores stay.
//!
//! What one way alone brings, [`super::gvn`] has found. It comes when what is the same in all iterations has left loops.
//!
//! ```
//! mochi_ir::filetest::becomes("forward", "
//! data @g align 8 writable zero 8
//! func @f -> i64 {
//! b0(v0:i64):
//!   v1:addr = symaddr @g
//!   jump b1
//! b1:
//!   v2:i64 = load.64 v1
//!   v3:i64 = add v2, v0
//!   store.64 v1, v3
//!   v4:i64 = icmp slt v3, v0
//!   brif v4, b1, b2
//! b2:
//!   ret v3
//! }", "
//! func @f -> i64 {
//! b0(v0:i64):
//!   v1:addr = symaddr @g
//!   v5:i64 = load.64 v1
//!   jump b1(v5)
//! b1(v6:i64):
//!   v3:i64 = add v6, v0
//!   store.64 v1, v3
//!   v4:i64 = icmp slt v3, v0
//!   brif v4, b1(v3), b2
//! b2:
//!   ret v3
//! }");
//! ```

use super::Context;
use super::memory::{Fact, kills, write_of};
use super::origins::Origins;
use crate::cfg::{Cfg, DomTree, Loops};
use crate::effects::effects;
use crate::func::{Block, Function, Inst, Type, Value, ValueDef};
use crate::hash::FastMap;
use crate::ops::Op;
use crate::regions::Region;
use crate::variables::{Assignment, Read, place};

/// Blocks that are looked at for one load.
const MOST: usize = 48;
/// Blocks above a loop that are looked at for what it is entered with.
const ABOVE: usize = 8;

/// Runs the pass.
pub fn run(func: &mut Function, cx: &Context) {
    let places = Places::new(func);
    if places.count.is_empty() {
        return;
    }
    let cfg = Cfg::new(func);
    let dom = DomTree::new(func, &cfg);
    let loops = Loops::new(func, &cfg, &dom);
    let origins = &Origins::new(func, cx.module, &cfg, &dom);
    let seen = vec![0; func.blocks.len()];
    let mut search = Search { cx, cfg: &cfg, loops: &loops, origins, seen, round: 0 };
    let mut found = Found::default();
    for &block in &cfg.rpo {
        if func.blocks[block.index()].cold {
            continue;
        }
        for (at, &inst) in func.blocks[block.index()].insts.iter().enumerate() {
            if let Some(place) = places.of_load(func, inst)
                && let Some(ways) = search.ways(func, block, at, inst)
            {
                found.add(func, place, block, inst, ways);
            }
        }
    }
    if !found.reads.is_empty() {
        found.apply(func);
    }
}

/// A place in memory, as far as the form of accesses tells: what is loaded, base, offset, and the region.
type Place = (Op, Value, i64, Region);

/// The places that are accessed more than once.
struct Places {
    count: FastMap<Place, u32>,
}

/// The load that would give what an access has stored or loaded, and the value.
fn brings(func: &Function, inst: Inst) -> Option<(Place, Value)> {
    let data = &func.insts[inst.index()];
    let (op, value) = match data.op {
        Op::Store64 => (Op::Load64, func.operands(inst)[1]),
        Op::StoreF64 => (Op::LoadF64, func.operands(inst)[1]),
        op if op.is_load() => (op, data.result?),
        _ => return None,
    };
    Some(((op, func.operands(inst)[0], data.imm, data.region), value))
}

impl Places {
    fn new(func: &Function) -> Places {
        let mut count = FastMap::default();
        for inst in func.placed() {
            if let Some((place, _)) = brings(func, inst) {
                *count.entry(place).or_insert(0) += 1;
            }
        }
        count.retain(|_, n| *n > 1);
        Places { count }
    }

    /// The place of a load that may be given by something else.
    fn of_load(&self, func: &Function, inst: Inst) -> Option<Place> {
        let (place, _) = brings(func, inst)?;
        let load = func.insts[inst.index()].op.is_load() && self.count.contains_key(&place);
        load.then_some(place)
    }
}

/// What the ways to a load bring: blocks at whose ends a value is known, and edges on which it has to be loaded.
struct Ways {
    known: Vec<(Block, Value, Inst)>,
    missing: Vec<(Block, u32)>,
}

/// The search for the ways to a load.
struct Search<'a, 'c> {
    cx: &'a Context<'c>,
    cfg: &'a Cfg,
    loops: &'a Loops,
    origins: &'a Origins<'a>,
    /// The round in which a block was seen.
    seen: Vec<u32>,
    round: u32,
}

/// What is found in a block from its end upwards.
enum End {
    Known(Value, Inst),
    Changed,
    Nothing,
}

impl Search<'_, '_> {
    /// What the ways to a load bring, if taking it is better than loading. Each block is seen once.
    fn ways(&mut self, func: &Function, block: Block, at: usize, load: Inst) -> Option<Ways> {
        let data = &func.insts[load.index()];
        let base = func.operands(load)[0];
        let fact = Fact { op: data.op, base, offset: data.imm, value: base, region: data.region, inst: load };
        let insts = &func.blocks[block.index()].insts;
        if !matches!(self.scan(func, &fact, &insts[..at]), End::Nothing) || self.defines(func, block, base) {
            return None;
        }
        // Where the address is sure to be good, or the load is the first thing to happen anyway.
        let is_symbol = func.def_inst(base).is_some_and(|i| func.insts[i.index()].op == Op::Symaddr);
        let first = insts[..at].iter().all(|i| func.insts[i.index()].op.is_pure());
        let mut ways = Ways { known: Vec::new(), missing: Vec::new() };
        self.round += 1;
        let mut work: Vec<(Block, u32)> = self.cfg.preds(block).iter().map(|p| (p.block, p.edge)).collect();
        let depth = self.loops.depth(block);
        let mut count = 0;
        while let Some((from, edge)) = work.pop() {
            count += 1;
            if count > MOST {
                return None;
            }
            match self.scan(func, &fact, &func.blocks[from.index()].insts) {
                End::Known(value, inst) => {
                    ways.known.push((from, value, inst));
                    continue;
                }
                End::Changed => {}
                End::Nothing => {
                    let inside = self.loops.depth(from) >= depth;
                    let preds = self.cfg.preds(from);
                    if inside && !preds.is_empty() && !self.defines(func, from, base) {
                        if std::mem::replace(&mut self.seen[from.index()], self.round) != self.round {
                            work.extend(preds.iter().map(|p| (p.block, p.edge)));
                        }
                        continue;
                    }
                }
            }
            if let Some(known) = self.above(func, &fact, from) {
                ways.known.push(known);
                continue;
            }
            let seldom = func.blocks[from.index()].cold || self.loops.depth(from) < depth;
            let safe = is_symbol || first && func.edges[edge as usize].block == block;
            if !seldom || !safe {
                return None;
            }
            ways.missing.push((from, edge));
        }
        // What nothing changes is as well loaded again: it would only need a register.
        let changes = |&(b, _, inst): &(Block, Value, Inst)| {
            !func.insts[inst.index()].op.is_load() && !func.blocks[b.index()].cold
        };
        ways.known.iter().any(changes).then_some(ways)
    }

    /// What is known at the end of a block, if one way alone leads to it from where that is.
    fn above(&self, func: &Function, fact: &Fact, block: Block) -> Option<(Block, Value, Inst)> {
        let mut at = block;
        for _ in 0..ABOVE {
            match self.scan(func, fact, &func.blocks[at.index()].insts) {
                End::Known(value, inst) => return Some((at, value, inst)),
                End::Changed => return None,
                End::Nothing => {}
            }
            let &[pred] = self.cfg.preds(at) else { return None };
            at = pred.block;
        }
        None
    }

    /// What instructions say of a place, the last ones first.
    fn scan(&self, func: &Function, fact: &Fact, insts: &[Inst]) -> End {
        for &inst in insts.iter().rev() {
            if let Some((place, value)) = brings(func, inst)
                && place == (fact.op, fact.base, fact.offset, fact.region)
            {
                return End::Known(value, inst);
            }
            let data = &func.insts[inst.index()];
            let write = write_of(&effects(self.cx.module, func, data), inst);
            if kills(func, self.cx, self.origins, write, fact) || data.result == Some(fact.base) {
                return End::Changed;
            }
        }
        End::Nothing
    }

    /// A value is a parameter of a block.
    fn defines(&self, func: &Function, block: Block, v: Value) -> bool {
        matches!(func.values[v.index()].def, ValueDef::Param(home, _) if home == block)
    }
}

/// The loads that go, and what stands for them. Each place is a variable.
#[derive(Default)]
struct Found {
    vars: FastMap<Place, u32>,
    types: Vec<Type>,
    /// A load of each place.
    loads: Vec<Inst>,
    reads: Vec<(Read, Inst)>,
    known: Vec<(Assignment, Inst)>,
    missing: Vec<(Block, u32, u32)>,
}

impl Found {
    fn add(&mut self, func: &Function, place: Place, block: Block, load: Inst, ways: Ways) {
        let value = func.insts[load.index()].result.expect("a load");
        let next = self.types.len() as u32;
        let var = *self.vars.entry(place).or_insert(next);
        if var == next {
            self.types.push(func.ty(value));
            self.loads.push(load);
        }
        let ty = &mut self.types[var as usize];
        *ty = ty.join(func.ty(value));
        self.reads.push((Read { block, var, value }, load));
        let known = ways.known.into_iter();
        self.known.extend(known.map(|(block, value, inst)| (Assignment { block, var, value }, inst)));
        self.missing.extend(ways.missing.into_iter().map(|(from, edge)| (from, edge, var)));
    }

    fn apply(mut self, func: &mut Function) {
        let mut goes = vec![false; func.insts.len()];
        self.reads.iter().for_each(|(_, load)| goes[load.index()] = true);
        // A load that goes has no value of its own.
        self.known.retain(|(_, inst)| !goes[inst.index()]);
        let mut assignments: Vec<Assignment> = self.known.iter().map(|(a, _)| *a).collect();
        assignments.sort_unstable_by_key(|a| (a.var, a.block));
        assignments.dedup_by_key(|a| (a.var, a.block));
        for a in &assignments {
            if self.types[a.var as usize].is_visible() {
                func.show(a.value, self.types[a.var as usize]);
            }
        }
        self.load_missing(func, &mut assignments);
        for b in 0..func.layout.len() {
            let block = func.layout[b].index();
            func.blocks[block].insts.retain(|i| goes.get(i.index()) != Some(&true));
        }
        let reads: Vec<Read> = self.reads.iter().map(|(r, _)| *r).collect();
        place(func, &self.types, &assignments, &reads);
        func.resolve_aliases();
    }

    /// Loads what is missing on edges.
    fn load_missing(&mut self, func: &mut Function, assignments: &mut Vec<Assignment>) {
        self.missing.sort_unstable_by_key(|&(from, edge, var)| (edge, var, from));
        self.missing.dedup();
        // The block of the edge before, if one was made for it.
        let mut last: Option<(u32, Block)> = None;
        for &(from, edge, var) in &self.missing {
            let alone = func.successors(from).len() == 1;
            let block = match last {
                _ if alone => from,
                Some((e, block)) if e == edge => block,
                _ => split(func, from, edge),
            };
            last = Some((edge, block));
            let data = func.insts[self.loads[var as usize].index()];
            let base = func.list(data.args)[0];
            let ty = self.types[var as usize];
            let load = func.make_inst(data.op, &[base], data.imm, None, Some(ty), data.loc);
            func.insts[load.index()].region = data.region;
            let value = func.insts[load.index()].result.expect("a load");
            let insts = &mut func.blocks[block.index()].insts;
            insts.insert(insts.len() - 1, load);
            assignments.push(Assignment { block, var, value });
        }
    }
}

/// Makes a block on an edge.
fn split(func: &mut Function, from: Block, edge: u32) -> Block {
    let block = func.add_block();
    let call = func.edges[edge as usize];
    func.blocks[block.index()].cold = func.blocks[from.index()].cold || func.blocks[call.block.index()].cold;
    let loc = func.insts[func.terminator(from).index()].loc;
    let jump = func.make_inst(Op::Jump, &[], 0, None, None, loc);
    let args = func.list(call.args).to_vec();
    let onward = func.edge(call.block, &args);
    func.set_edges(jump, &[onward]);
    func.blocks[block.index()].insts.push(jump);
    let to = func.edge(block, &[]);
    let case = call.case;
    func.edges[edge as usize] = crate::func::BlockCall { case, ..to };
    block
}
