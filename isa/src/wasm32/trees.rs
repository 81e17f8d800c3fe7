//! Which instructions are needed, and which values are computed in the place of their only use,
//! on the operand stack.
//!
//! Method: every block is walked backwards. An instruction that nobody has claimed is a *root*: it
//! is emitted at its own place. A root claims the definitions of its operands from the last
//! evaluated one to the first, and these claim theirs. A definition can be claimed when its result has
//! no other use, it is in the same block, and
//! - it depends on its operands only; or
//! - it reads memory, and nothing writes between it and where it would go (the *cursor*: the last
//!   instruction in program order that stays in front of everything claimed so far); or
//! - it has effects, and everything between it and the cursor that reads or writes has been claimed
//!   by trees that come later.
//!
//! Values on the operand stack cannot be seen by the collector. So to the left of an instruction
//! that may collect nothing is claimed that may be a reference.

use crate::Context;
use crate::mach::lower::skippable;
use crate::wasm32::frame::collects;
use mochi_ir::effects::Memory;
use mochi_ir::func::BlockCall;
use mochi_ir::positions::Position;

use mochi_ir::{Block, Function, Inst, Op, Value, ValueDef, effects};

/// Trees nest at most this deep; emission is recursive.
const DEPTH: u32 = 40;
/// Instructions that are looked at to see whether a definition with effects can move.
const LOOK: usize = 16;

/// The plan.
pub struct Trees {
    /// Instructions that have to be executed, or whose result is needed.
    pub live: Vec<bool>,
    /// Block parameters that somebody reads, and results.
    pub needed: Vec<bool>,
    /// Uses of each value by what is needed.
    pub uses: Vec<u32>,
    /// The value is computed where it is used.
    pub nested: Vec<bool>,
    /// The value is a comparison, and all that is asked of it is whether it holds.
    pub conditions: Vec<bool>,
}

impl Trees {
    /// The value stands in a local: it is needed, not nested and no constant.
    pub fn in_local(&self, func: &Function, v: Value) -> bool {
        self.needed[v.index()] && !self.nested[v.index()] && !is_constant(func, v)
    }

    /// The instruction is emitted at its own place.
    pub fn is_root(&self, func: &Function, inst: Inst) -> bool {
        let nested =
            func.insts[inst.index()].result.is_some_and(|r| self.nested[r.index()] || is_constant(func, r));
        self.live[inst.index()] && !nested
    }
}

/// The definition of a value if it is made anew for every use.
pub fn is_constant(func: &Function, v: Value) -> bool {
    let ValueDef::Inst(i) = func.values[v.index()].def else { return false };
    matches!(func.insts[i.index()].op, Op::Iconst | Op::Fconst | Op::Symaddr)
}

/// Operands of an instruction in the order in which code evaluates them.
pub fn in_order(func: &Function, inst: Inst) -> Vec<Value> {
    let mut list = func.operands(inst).to_vec();
    match func.insts[inst.index()].op {
        // The condition, or the address, is on top.
        Op::Select | Op::Fselect | Op::CallInd => list.rotate_left(1),
        Op::SwitchStack => list.reverse(),
        _ => {}
    }
    list
}

/// Makes the plan for a function; `blocks` are those that are emitted.
pub fn plan(context: &Context, func: &Function, blocks: &[Block], roots: &[bool]) -> Trees {
    let n = func.values.len();
    let mut p = Planner {
        context,
        func,
        roots,
        trees: Trees {
            live: vec![false; func.insts.len()],
            needed: vec![false; n],
            uses: vec![0; n],
            nested: vec![false; n],
            conditions: vec![false; n],
        },
        epoch: vec![0; func.insts.len()],
        place: vec![(Block(u32::MAX), 0); func.insts.len()],
    };
    p.find_live(blocks);
    p.find_conditions(blocks);
    for &block in blocks {
        p.number(block);
        p.block(block);
    }
    p.trees
}

struct Planner<'a> {
    context: &'a Context<'a>,
    func: &'a Function,
    /// Values that the collector has to see.
    roots: &'a [bool],
    trees: Trees,
    /// Writes before each instruction in its block.
    epoch: Vec<u32>,
    /// Block and index of each instruction.
    place: Vec<(Block, u32)>,
}

/// Where claimed definitions go.
struct Cursor {
    block: Block,
    /// Index of the instruction before which they go.
    at: u32,
    /// Something claimed may collect.
    collects: bool,
    /// Something claimed may be a reference.
    refers: bool,
    /// The order of evaluation is not known (parallel moves).
    unordered: bool,
    /// Executed on one path only: nothing with effects.
    conditional: bool,
    line: Position,
}

impl Planner<'_> {
    /// Marks what is needed, from the instructions with effects on, and counts uses.
    fn find_live(&mut self, blocks: &[Block]) {
        let func = self.func;
        // By parameter: the arguments on the edges to it.
        let mut work: Vec<Value> = Vec::new();
        let mut arguments: Vec<Vec<Value>> = vec![Vec::new(); func.values.len()];
        for &b in blocks {
            for &inst in &func.blocks[b.index()].insts {
                let d = &func.insts[inst.index()];
                for e in func.edges_of(inst) {
                    for (&p, &a) in func.blocks[e.block.index()].params.iter().zip(func.list(e.args)) {
                        arguments[p.index()].push(a);
                    }
                }
                if !skippable(d, &effects(self.context.module, func, d)) {
                    self.mark(inst, &mut work);
                }
            }
        }
        while let Some(v) = work.pop() {
            self.trees.uses[v.index()] += 1;
            if std::mem::replace(&mut self.trees.needed[v.index()], true) {
                continue;
            }
            match func.values[v.index()].def {
                ValueDef::Inst(i) => self.mark(i, &mut work),
                _ => work.append(&mut arguments[v.index()]),
            }
        }
    }

    /// Finds comparisons that only branches and selections use.
    fn find_conditions(&mut self, blocks: &[Block]) {
        let func = self.func;
        let mut asked = vec![0; func.values.len()];
        for &inst in blocks.iter().flat_map(|b| &func.blocks[b.index()].insts) {
            if self.trees.live[inst.index()]
                && matches!(func.insts[inst.index()].op, Op::Brif | Op::Select | Op::Fselect)
            {
                asked[func.operands(inst)[0].index()] += 1;
            }
        }
        for &inst in blocks.iter().flat_map(|b| &func.blocks[b.index()].insts) {
            let d = &func.insts[inst.index()];
            if let Some(r) = d.result
                && d.op.is_question()
            {
                let asked = asked[r.index()];
                self.trees.conditions[r.index()] = asked > 0 && asked == self.trees.uses[r.index()];
            }
        }
    }

    fn mark(&mut self, inst: Inst, work: &mut Vec<Value>) {
        if !std::mem::replace(&mut self.trees.live[inst.index()], true) {
            work.extend_from_slice(self.func.operands(inst));
        }
    }

    fn number(&mut self, block: Block) {
        let mut epoch = 0;
        for (i, &inst) in self.func.blocks[block.index()].insts.iter().enumerate() {
            self.epoch[inst.index()] = epoch;
            self.place[inst.index()] = (block, i as u32);
            let d = &self.func.insts[inst.index()];
            if !effects(self.context.module, self.func, d).lets_loads_pass() {
                epoch += 1;
            }
        }
    }

    fn block(&mut self, block: Block) {
        let func = self.func;
        for (i, &inst) in func.blocks[block.index()].insts.iter().enumerate().rev() {
            let d = &func.insts[inst.index()];
            if !self.trees.is_root(func, inst) {
                continue;
            }
            let mut cursor = Cursor {
                block,
                at: i as u32,
                collects: false,
                refers: false,
                unordered: false,
                conditional: d.op == Op::Brif,
                line: func.position(inst),
            };
            for edge in func.edges_of(inst).iter().rev() {
                self.edge(edge, &mut cursor);
            }
            // The operand of a branch is gone when the moves are made.
            cursor =
                Cursor { collects: false, refers: false, unordered: false, conditional: false, ..cursor };
            self.operands(inst, &mut cursor, 0);
        }
    }

    /// Arguments of an edge, in whatever order the moves will need.
    fn edge(&mut self, edge: &BlockCall, cursor: &mut Cursor) {
        let func = self.func;
        cursor.unordered = true;
        let params = &func.blocks[edge.block.index()].params;
        for (&p, &a) in params.iter().zip(func.list(edge.args)).rev() {
            if self.trees.needed[p.index()] {
                self.claim(a, cursor, 0);
            }
        }
    }

    fn operands(&mut self, inst: Inst, cursor: &mut Cursor, depth: u32) {
        for v in in_order(self.func, inst).into_iter().rev() {
            self.claim(v, cursor, depth);
        }
    }

    fn claim(&mut self, v: Value, cursor: &mut Cursor, depth: u32) {
        let func = self.func;
        let ValueDef::Inst(inst) = func.values[v.index()].def else { return };
        let (block, at) = self.place[inst.index()];
        let d = &func.insts[inst.index()];
        if self.trees.uses[v.index()] != 1
            || block != cursor.block
            || at >= cursor.at
            || depth == DEPTH
            || is_constant(func, v)
            || self.context.options.debug && !func.position(inst).same_line(cursor.line)
        {
            return;
        }
        let collects = collects(self.context, func, inst);
        let refers = self.roots[v.index()];
        if cursor.collects && (refers || cursor.unordered && collects)
            || cursor.unordered && collects && cursor.refers
        {
            return;
        }
        let effects = effects(self.context.module, func, d);
        if effects.lets_loads_pass() {
            let moved = !cursor.conditional && self.epoch[inst.index()] == self.epoch_at(cursor);
            if effects.reads != Memory::NONE && !moved {
                return;
            }
        } else {
            if cursor.conditional || cursor.unordered || !self.nothing_between(cursor, at) {
                return;
            }
            cursor.at = at;
        }
        self.trees.nested[v.index()] = true;
        cursor.collects |= collects;
        cursor.refers |= refers;
        self.operands(inst, cursor, depth + 1);
    }

    fn epoch_at(&self, cursor: &Cursor) -> u32 {
        let inst = self.func.blocks[cursor.block.index()].insts[cursor.at as usize];
        self.epoch[inst.index()]
    }

    /// Everything from index `at` to the cursor depends on operands only, or has been claimed.
    fn nothing_between(&self, cursor: &Cursor, at: u32) -> bool {
        let between = &self.func.blocks[cursor.block.index()].insts[at as usize + 1..cursor.at as usize];
        between.len() <= LOOK
            && between.iter().all(|i| {
                let d = &self.func.insts[i.index()];
                let effects = effects(self.context.module, self.func, d);
                effects.lets_loads_pass() && effects.computes()
                    || d.result.is_some_and(|r| self.trees.nested[r.index()])
            })
    }
}
