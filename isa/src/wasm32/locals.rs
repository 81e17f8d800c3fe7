//! Locals: live ranges over the order of emission, and their colouring.
//!
//! Every root has a position; a value's range goes from its definition to its last use. The order of
//! emission follows forward edges, so this covers every path, except around loops: a use in a
//! `loop` that does not hold the definition extends the range to the loop's end. Ranges are coloured
//! in order of their starts, each with a colour of its type that is free there; values that meet in
//! a block parameter prefer the same one, so that most moves go away.
//!
//! A position has a reading half (even) and a writing half (odd): what is read last and what is
//! written first by the same instruction may share a local. Some instructions write their result
//! before they have read all operands (`late`); their operands last until the next position.
//!
//! Engines copy all locals where control flow joins, so their memory grows with the product of locals and
//! size. Where that is large, the locals that are used least become words of the function's frame
//! in linear memory ([`super::encode::Code`] reads and writes them in the stead of locals).

use crate::wasm32::insts::Ty;
use crate::wasm32::structure::{Item, Label};
use crate::wasm32::trees::{Trees, in_order};
use mochi_ir::{Function, Inst, Op, Type, Value, ValueDef};

/// No position, no local.
const NONE: u32 = u32::MAX;
/// Numbers of those in the frame begin here.
pub const FRAME_LOCALS: u32 = 1 << 31;
/// Locals times positions that an engine may have to copy: up to here it takes about 100 MB.
const COPIES: usize = 2 << 20;
/// Locals that are kept however large the function is.
const KEPT: usize = 64;
/// An access in a loop counts as so many outside, as a power of two.
const LOOP_SHIFT: u32 = 3;
/// Loops around an access that count.
const LOOP_MOST: u32 = 8;

/// Where values are.
pub struct Locals {
    /// Local of each value that has one; `u32::MAX` for others.
    local: Vec<u32>,
    /// Types of the locals after the parameters.
    pub types: Vec<Ty>,
    /// Types of those in the frame.
    pub in_frame: Vec<Ty>,
    /// The range of each value with a local.
    pub ranges: Vec<Range>,
    /// Position of each root and terminator; of a nested instruction, that of its root.
    pub position: Vec<u32>,
    /// Position of each edge's moves.
    pub edge_position: Vec<u32>,
}

/// A live range in half positions.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// Definition.
    pub start: u32,
    /// Last use.
    pub last: u32,
    /// The local is taken up to here.
    end: u32,
}

impl Locals {
    /// Number of locals, parameters included.
    pub fn count(&self, func: &Function) -> usize {
        func.blocks[func.entry().index()].params.len() + self.types.len()
    }

    /// The value is in the frame all the time.
    pub fn is_in_frame(&self, v: Value) -> bool {
        (FRAME_LOCALS..NONE).contains(&self.local[v.index()])
    }

    /// The number of a value's local, in the frame or not.
    pub fn of(&self, v: Value) -> u32 {
        let n = self.local[v.index()];
        debug_assert!(n != NONE, "v{} has a local", v.0);
        n
    }
}

/// Type of a value's local: comparisons that are only asked whether they hold are not extended.
pub fn type_of(func: &Function, trees: &Trees, v: Value) -> Ty {
    match func.ty(v) {
        Type::F64 => Ty::F64,
        _ if trees.conditions[v.index()] => Ty::I32,
        _ => Ty::I64,
    }
}

/// A loop of the emitted code.
struct Region {
    first: u32,
    last: u32,
    /// The loop around it.
    outer: u32,
    /// Number of loops around it.
    depth: u32,
}

/// The loops of the emitted code.
#[derive(Default)]
struct Regions {
    list: Vec<Region>,
    /// Innermost loop at each position.
    at: Vec<u32>,
}

/// Finds ranges and colours them.
pub fn assign(func: &Function, items: &[Item], trees: &Trees) -> Locals {
    let mut a = Assign {
        func,
        trees,
        regions: Regions::default(),
        locals: Locals {
            local: vec![NONE; func.values.len()],
            types: Vec::new(),
            in_frame: Vec::new(),
            ranges: vec![Range { start: NONE, last: 0, end: 0 }; func.values.len()],
            position: vec![NONE; func.insts.len()],
            edge_position: vec![NONE; func.edges.len()],
        },
        order: Vec::new(),
        weights: vec![0; func.values.len()],
    };
    a.positions(items);
    a.uses(items);
    a.colour();
    a.locals
}

struct Assign<'a> {
    func: &'a Function,
    trees: &'a Trees,
    regions: Regions,
    locals: Locals,
    /// Values with locals in order of definition.
    order: Vec<Value>,
    /// Accesses of each value; those in loops count more.
    weights: Vec<u64>,
}

impl Assign<'_> {
    fn define(&mut self, v: Value, at: u32) {
        if self.trees.in_local(self.func, v) {
            self.locals.ranges[v.index()] = Range { start: at, last: at, end: at + 1 };
            self.order.push(v);
            self.count(v, at / 2);
        }
    }

    /// Counts an access.
    fn count(&mut self, v: Value, at: u32) {
        let region = self.regions.at.get(at as usize).copied().unwrap_or(NONE);
        let depth = self.regions.list.get(region as usize).map_or(0, |r| r.depth + 1);
        self.weights[v.index()] += 1 << (LOOP_SHIFT * depth.min(LOOP_MOST));
    }

    /// Gives positions to roots, edges and loops, and starts ranges.
    fn positions(&mut self, items: &[Item]) {
        let func = self.func;
        // What is open: a loop's number, or nothing.
        let (mut open, mut innermost) = (Vec::new(), NONE);
        for item in items {
            let at = self.regions.at.len() as u32;
            self.regions.at.push(innermost);
            match *item {
                Item::Open(Label::Back(_)) => {
                    open.push(Some(innermost));
                    innermost = self.regions.list.len() as u32;
                    let outer = open.last().copied().flatten().unwrap_or(NONE);
                    let depth = self.regions.list.get(outer as usize).map_or(0, |r| r.depth + 1);
                    self.regions.list.push(Region { first: at, last: at, outer, depth });
                }
                Item::Open(Label::Forward(_)) => open.push(None),
                Item::If(b, _) => {
                    self.locals.position[func.terminator(b).index()] = at;
                    open.push(None);
                }
                Item::End => {
                    if let Some(Some(outer)) = open.pop() {
                        self.regions.list[innermost as usize].last = at;
                        innermost = outer;
                    }
                }
                Item::Code(b) => {
                    let block = &func.blocks[b.index()];
                    block.params.iter().for_each(|&p| self.define(p, 2 * at + 1));
                    for &inst in &block.insts[..block.insts.len() - 1] {
                        self.root(inst, innermost);
                    }
                }
                Item::Moves(_, edge) => self.locals.edge_position[edge as usize] = at,
                Item::BrIf(b, _, edge, _) => {
                    self.locals.position[func.terminator(b).index()] = at;
                    self.locals.edge_position[edge as usize] = at;
                }
                Item::Switch(b) | Item::Exit(b) => {
                    self.locals.position[func.terminator(b).index()] = at;
                }
                Item::Br(_) => {}
            }
        }
    }

    fn root(&mut self, inst: Inst, innermost: u32) {
        if !self.trees.is_root(self.func, inst) {
            return;
        }
        let at = self.regions.at.len() as u32;
        self.regions.at.push(innermost);
        self.locals.position[inst.index()] = at;
        if let Some(r) = self.func.insts[inst.index()].result {
            self.define(r, 2 * at + 1);
        }
    }

    fn uses(&mut self, items: &[Item]) {
        let func = self.func;
        for item in items {
            match *item {
                Item::Code(b) => {
                    let insts = &func.blocks[b.index()].insts;
                    for &inst in &insts[..insts.len() - 1] {
                        if self.trees.is_root(func, inst) {
                            self.operands(inst, self.locals.position[inst.index()], late(func, inst));
                        }
                    }
                }
                Item::Moves(_, edge) => self.edge(edge),
                Item::If(b, _) | Item::Switch(b) | Item::Exit(b) => self.terminator(func.terminator(b)),
                Item::BrIf(b, _, edge, _) => {
                    self.terminator(func.terminator(b));
                    self.edge(edge);
                }
                _ => {}
            }
        }
    }

    fn terminator(&mut self, inst: Inst) {
        self.operands(inst, self.locals.position[inst.index()], false);
    }

    fn edge(&mut self, edge: u32) {
        let func = self.func;
        let at = self.locals.edge_position[edge as usize];
        let e = &func.edges[edge as usize];
        for (&p, &v) in func.blocks[e.block.index()].params.iter().zip(func.list(e.args)) {
            if self.trees.needed[p.index()] {
                self.value(v, at, false);
            }
        }
    }

    fn operands(&mut self, inst: Inst, at: u32, late: bool) {
        for v in in_order(self.func, inst) {
            self.value(v, at, late);
        }
    }

    /// A value is used at a position: so are the leaves of its tree.
    fn value(&mut self, v: Value, at: u32, late: bool) {
        if self.trees.nested[v.index()] {
            if let ValueDef::Inst(inst) = self.func.values[v.index()].def {
                self.locals.position[inst.index()] = at;
                self.operands(inst, at, late);
            }
        } else if self.trees.in_local(self.func, v) {
            self.touch(v, at, late);
        }
    }

    fn touch(&mut self, v: Value, at: u32, late: bool) {
        self.count(v, at);
        let start = self.locals.ranges[v.index()].start;
        let mut last = 2 * at;
        let mut region = self.regions.at[at as usize];
        while region != NONE {
            let Region { first, last: end, outer, .. } = self.regions.list[region as usize];
            if 2 * first < start {
                break;
            }
            last = 2 * end;
            region = outer;
        }
        let range = &mut self.locals.ranges[v.index()];
        range.last = range.last.max(last);
        range.end = range.end.max(last + if late { 2 } else { 0 });
    }

    fn colour(&mut self) {
        let func = self.func;
        let params = &func.blocks[func.entry().index()].params;
        let mut c = Colours::new(func);
        for (i, &p) in params.iter().enumerate() {
            c.types.push(type_of(func, self.trees, p));
            c.busy.push(self.locals.ranges[p.index()].end);
            self.locals.local[p.index()] = i as u32;
            c.prefer(p, i as u32);
        }
        for i in 0..params.len() as u32 {
            c.release(i);
        }
        for &v in &self.order {
            if self.locals.local[v.index()] == NONE {
                let range = self.locals.ranges[v.index()];
                self.locals.local[v.index()] = c.take(v, type_of(func, self.trees, v), range);
            }
        }
        let first = params.len();
        let mut order: Vec<usize> = (first..c.types.len()).collect();
        let in_frame = self.in_frame(&mut order, c.types.len());
        // Locals of one type stand together behind the parameters.
        order.sort_by_key(|&i| c.types[i] as u8);
        let mut number: Vec<u32> = (0..c.types.len() as u32).collect();
        for (k, &i) in order.iter().enumerate() {
            number[i] = (first + k) as u32;
        }
        for (k, &i) in in_frame.iter().enumerate() {
            number[i] = FRAME_LOCALS + k as u32;
        }
        self.locals.types = order.iter().map(|&i| c.types[i]).collect();
        self.locals.in_frame = in_frame.iter().map(|&i| c.types[i]).collect();
        for local in self.locals.local.iter_mut().filter(|l| **l != NONE) {
            *local = number[*local as usize];
        }
    }
}

impl Assign<'_> {
    /// Takes the colours that become words of the frame out of `order`.
    fn in_frame(&self, order: &mut Vec<usize>, colours: usize) -> Vec<usize> {
        let positions = self.regions.at.len();
        let kept = (COPIES / positions.max(1)).max(KEPT);
        if order.len() <= kept {
            return Vec::new();
        }
        let mut weights = vec![0u64; colours];
        for &v in &self.order {
            let weight = &mut weights[self.locals.local[v.index()] as usize];
            *weight = weight.saturating_add(self.weights[v.index()]);
        }
        order.sort_by_key(|&i| std::cmp::Reverse(weights[i]));
        order.split_off(kept)
    }
}

/// Colours in use.
struct Colours {
    types: Vec<Ty>,
    /// Half position at which each becomes free.
    busy: Vec<u32>,
    /// Colours to be freed by position, per type; entries may be out of date.
    heap: [std::collections::BinaryHeap<std::cmp::Reverse<(u32, u32)>>; 3],
    /// Free colours per type; entries may be out of date.
    free: [Vec<u32>; 3],
    /// Sets of values that meet in parameters (union-find), and the colour used last by each.
    parent: Vec<u32>,
    last: Vec<u32>,
}

impl Colours {
    fn new(func: &Function) -> Colours {
        let mut c = Colours {
            types: Vec::new(),
            busy: Vec::new(),
            heap: Default::default(),
            free: Default::default(),
            parent: (0..func.values.len() as u32).collect(),
            last: vec![NONE; func.values.len()],
        };
        for e in &func.edges {
            for (p, a) in func.blocks[e.block.index()].params.iter().zip(func.list(e.args)) {
                let (p, a) = (c.root(*p), c.root(*a));
                c.parent[a as usize] = p;
            }
        }
        c
    }

    fn root(&mut self, v: Value) -> u32 {
        let mut at = v.0;
        while self.parent[at as usize] != at {
            let up = self.parent[self.parent[at as usize] as usize];
            self.parent[at as usize] = up;
            at = up;
        }
        at
    }

    fn prefer(&mut self, v: Value, colour: u32) {
        let root = self.root(v) as usize;
        self.last[root] = colour;
    }

    fn release(&mut self, colour: u32) {
        let i = colour as usize;
        self.heap[self.types[i] as usize].push(std::cmp::Reverse((self.busy[i], colour)));
    }

    /// A colour for a value.
    fn take(&mut self, v: Value, ty: Ty, range: Range) -> u32 {
        let root = self.root(v) as usize;
        let wanted = self.last[root];
        let fits = |c: &Colours, i: u32| c.busy[i as usize] <= range.start;
        let colour = if wanted != NONE && self.types[wanted as usize] == ty && fits(self, wanted) {
            wanted
        } else {
            while let Some(&std::cmp::Reverse((end, i))) = self.heap[ty as usize].peek()
                && end <= range.start
            {
                self.heap[ty as usize].pop();
                self.free[ty as usize].push(i);
            }
            loop {
                match self.free[ty as usize].pop() {
                    Some(i) if fits(self, i) => break i,
                    Some(_) => {}
                    None => {
                        self.types.push(ty);
                        self.busy.push(0);
                        break self.types.len() as u32 - 1;
                    }
                }
            }
        };
        self.busy[colour as usize] = range.end;
        self.last[root] = colour;
        self.release(colour);
        colour
    }
}

/// The code of a root writes its result before it has read all operands.
fn late(func: &Function, inst: Inst) -> bool {
    use Op::*;
    matches!(func.insts[inst.index()].op, IntAdd | IntSub | IntMul | IntDiv | IntNeg)
}
