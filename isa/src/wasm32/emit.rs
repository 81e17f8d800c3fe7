//! Emission: walks the items and writes blocks, branches, moves and roots. What an instruction
//! computes is in [`super::select`] and the files it names.

use crate::Context;
use crate::mach::switch::{self, Plan};
use crate::wasm32::encode::{Code, Operand};
use crate::wasm32::frame::Frame;
use crate::wasm32::insts::{Row, Ty};
use crate::wasm32::locals::{Locals, type_of};
use crate::wasm32::stale::Stale;
use crate::wasm32::structure::{Item, Label};
use crate::wasm32::trees::{Trees, in_order};
use mochi_ir::cfg::{Cfg, DomTree};
use mochi_ir::{Block, Function, Inst, Op, SrcLoc, Sym, Type, Value, ValueDef};

/// State of the emission of one function.
pub struct Emit<'a> {
    /// The compilation's context.
    pub context: &'a Context<'a>,
    /// The function.
    pub func: &'a Function,
    /// What is computed where.
    pub trees: &'a Trees,
    /// Where values are.
    pub locals: &'a Locals,
    /// The shadow stack.
    pub frame: &'a Frame,
    cfg: &'a Cfg,
    /// Dominators.
    pub dom: &'a DomTree,
    /// The code so far.
    pub code: Code,
    /// Local with the address of the whole frame.
    pub fp: u32,
    /// The block whose code is being written.
    pub block: Block,
    /// Blocks in which a value was found not to be none.
    pub checked: Vec<Vec<Block>>,
    /// Types of the locals after those of values.
    temps: Vec<Ty>,
    /// Free ones by type.
    free: [Vec<u32>; 3],
    /// Number of the first.
    first_temp: u32,
    /// What is open, innermost last.
    open: Vec<Option<Label>>,
    /// Index in `open` of each block's label, forward and back.
    heights: [Vec<u32>; 2],
    prologue_end: bool,
}

impl<'a> Emit<'a> {
    /// Nothing written yet.
    pub fn new(
        context: &'a Context,
        func: &'a Function,
        cfg: &'a Cfg,
        dom: &'a DomTree,
        trees: &'a Trees,
        locals: &'a Locals,
        frame: &'a Frame,
    ) -> Emit<'a> {
        let n = func.blocks.len();
        Emit {
            context,
            func,
            trees,
            locals,
            frame,
            cfg,
            dom,
            code: Code::default(),
            fp: 0,
            block: func.entry(),
            checked: vec![Vec::new(); func.values.len()],
            temps: Vec::new(),
            free: Default::default(),
            first_temp: locals.count(func) as u32,
            open: Vec::new(),
            heights: [vec![0; n], vec![0; n]],
            prologue_end: true,
        }
    }

    // Locals.

    /// A local for a while.
    pub fn temp(&mut self, ty: Ty) -> u32 {
        self.free[ty as usize].pop().unwrap_or_else(|| {
            self.temps.push(ty);
            self.first_temp + self.temps.len() as u32 - 1
        })
    }

    /// Gives such a local back.
    pub fn free(&mut self, local: u32) {
        let ty = self.temps[(local - self.first_temp) as usize];
        self.free[ty as usize].push(local);
    }

    /// Number of locals so far, parameters included.
    pub fn local_count(&self) -> usize {
        self.first_temp as usize + self.temps.len()
    }

    /// Types of all locals after the parameters.
    pub fn local_types(&self) -> impl Iterator<Item = Ty> {
        self.locals.types.iter().chain(&self.temps).copied()
    }

    /// The instruction that defines a value, when it is computed here.
    pub fn nested(&self, v: Value) -> Option<Inst> {
        match self.func.values[v.index()].def {
            ValueDef::Inst(i) if self.trees.nested[v.index()] => Some(i),
            _ => None,
        }
    }

    /// A symbol that code refers to by itself.
    pub fn runtime(&self, name: &str) -> Sym {
        let module = self.context.module;
        let own = || crate::wasm32::OWN_SYMBOLS.iter().position(|s| *s == name);
        module
            .lookup(name)
            .or_else(|| own().map(|i| Sym((module.syms.len() + i) as u32)))
            .unwrap_or_else(|| panic!("the module does not declare {name}"))
    }

    /// Code from here on belongs to this position of the source.
    pub fn position(&mut self, loc: SrcLoc) {
        if self.func.file.is_some() {
            self.code.position(self.func, loc, self.prologue_end);
            self.prologue_end &= loc == SrcLoc::NONE;
        }
    }

    // Items.

    /// Writes the function's body.
    pub fn body(&mut self, items: &[Item], stale: &Stale) {
        if self.func.file.is_some() {
            self.code.position(self.func, self.func.loc, false);
        }
        self.prologue();
        for at in 0..items.len() {
            self.clear_slots(stale.get(&at).map_or(&[], |slots| slots));
            self.item(items, at);
        }
        if !matches!(items.last(), Some(Item::Exit(_))) {
            self.code.op(Row::Unreachable);
        }
        self.code.op(Row::End);
    }

    fn item(&mut self, items: &[Item], at: usize) {
        match items[at] {
            Item::Open(label) => {
                let row = if matches!(label, Label::Back(_)) { Row::Loop } else { Row::Block };
                self.open_label(row, label);
            }
            Item::If(block, negate) => {
                self.condition_of(block, negate);
                self.open(Row::If, None);
            }
            Item::End => self.close(),
            Item::Code(block) => self.block(block),
            Item::Moves(block, edge) => {
                self.block = block;
                self.moves(edge);
            }
            Item::Br(label) => {
                if !self.falls_to(items, at, label) {
                    self.branch(Row::Br, label);
                }
            }
            Item::BrIf(block, negate, edge, label) => {
                self.condition_of(block, negate);
                if self.pending(edge).is_empty() {
                    return self.branch(Row::BrIf, label);
                }
                self.open(Row::If, None);
                self.moves(edge);
                self.branch(Row::Br, label);
                self.close();
            }
            Item::Switch(block) => self.switch(block),
            Item::Exit(block) => {
                let inst = self.func.terminator(block);
                self.position(self.func.insts[inst.index()].loc);
                if self.func.insts[inst.index()].op != Op::Ret {
                    return self.code.op(Row::Unreachable);
                }
                for &v in self.func.operands(inst) {
                    self.value(v);
                }
                self.epilogue();
                if at + 1 < items.len() {
                    self.code.op(Row::Return);
                }
            }
        }
    }

    /// Whether code that goes on after this item gets to a label.
    fn falls_to(&self, items: &[Item], at: usize, label: Label) -> bool {
        let mut open = self.open.len();
        for item in &items[at + 1..] {
            if *item != Item::End {
                return false;
            }
            open -= 1;
            match self.open[open] {
                Some(Label::Forward(b)) if label == Label::Forward(b) => return true,
                _ => {}
            }
        }
        false
    }

    /// Opens a block without a label of its own.
    pub fn open(&mut self, row: Row, ty: Option<Ty>) {
        self.code.open(row, ty);
        self.open.push(None);
    }

    fn open_label(&mut self, row: Row, label: Label) {
        let (direction, block) = split(label);
        self.heights[direction][block.index()] = self.open.len() as u32;
        self.code.open(row, None);
        self.open.push(Some(label));
    }

    /// Closes what was opened last.
    pub fn close(&mut self) {
        self.open.pop();
        self.code.op(Row::End);
    }

    /// Depth of a label, from inside.
    fn depth(&self, label: Label) -> u32 {
        let (direction, block) = split(label);
        self.open.len() as u32 - 1 - self.heights[direction][block.index()]
    }

    fn branch(&mut self, row: Row, label: Label) {
        let depth = self.depth(label);
        self.code.index(row, depth);
    }

    fn condition_of(&mut self, block: Block, negate: bool) {
        let inst = self.func.terminator(block);
        self.position(self.func.insts[inst.index()].loc);
        self.condition(self.func.operands(inst)[0], negate);
    }

    fn block(&mut self, block: Block) {
        self.block = block;
        if let [pred] = self.cfg.preds(block) {
            self.learn_from_branch(pred.block, block);
        }
        let data = &self.func.blocks[block.index()];
        for &p in &data.params {
            self.defined(p);
        }
        for &inst in &data.insts[..data.insts.len() - 1] {
            if self.trees.is_root(self.func, inst) {
                self.root(inst);
            }
        }
    }

    /// Stores a value that has just been defined to its slot, if it has one.
    pub fn defined(&mut self, v: Value) {
        if let Some(slot) = self.frame.slot(v) {
            self.code.get(self.fp);
            self.code.get(self.locals.of(v));
            self.code.memory(Row::I64Store, slot);
        }
    }

    // Moves.

    /// Parameters of an edge's target that need a move, with their arguments.
    fn pending(&self, edge: u32) -> Vec<(Value, Value)> {
        let e = &self.func.edges[edge as usize];
        let params = self.func.blocks[e.block.index()].params.iter().copied();
        params
            .zip(self.func.list(e.args).iter().copied())
            .filter(|&(p, a)| {
                let same = || self.trees.in_local(self.func, a) && self.locals.of(a) == self.locals.of(p);
                self.trees.needed[p.index()] && !same()
            })
            .collect()
    }

    /// Gives the parameters of an edge's target their values, as if at once: one by one while there
    /// is one whose local no other needs, and what then is left through the operand stack.
    fn moves(&mut self, edge: u32) {
        let mut list = self.pending(edge);
        if let Some(&(_, a)) = list.first()
            && let ValueDef::Inst(i) = self.func.values[a.index()].def
            && self.trees.nested[a.index()]
        {
            self.position(self.func.insts[i.index()].loc);
        }
        let mut reads: Vec<Vec<u32>> = list
            .iter()
            .map(|&(_, a)| {
                let mut read = Vec::new();
                self.read(a, &mut read);
                read
            })
            .collect();
        const FEW: usize = 24;
        while list.len() <= FEW && !list.is_empty() {
            let free = (0..list.len()).find(|&i| {
                let local = self.locals.of(list[i].0);
                reads.iter().enumerate().all(|(j, r)| j == i || !r.contains(&local))
            });
            let Some(i) = free else { break };
            reads.remove(i);
            let (p, a) = list.remove(i);
            self.value(a);
            self.code.set(self.locals.of(p));
        }
        for &(_, a) in &list {
            self.value(a);
        }
        for &(p, _) in list.iter().rev() {
            self.code.set(self.locals.of(p));
        }
    }

    /// The locals that a value's tree reads.
    fn read(&self, v: Value, out: &mut Vec<u32>) {
        if let Some(inst) = self.nested(v) {
            for o in in_order(self.func, inst) {
                self.read(o, out);
            }
        } else if self.trees.in_local(self.func, v) {
            out.push(self.locals.of(v));
        }
    }

    // Switches.

    fn switch(&mut self, block: Block) {
        let inst = self.func.terminator(block);
        self.position(self.func.insts[inst.index()].loc);
        let plan = switch::plan(self.func, inst);
        let v = self.func.operands(inst)[0];
        let (local, temp) = self.keep(v);
        self.switch_plan(block, local, &plan);
        if temp {
            self.free(local);
        }
    }

    fn edge_label(&self, block: Block, edge: u32) -> Label {
        let to = self.func.successors(block)[edge as usize].block;
        if self.dom.dominates(to, block) { Label::Back(to) } else { Label::Forward(to) }
    }

    fn switch_plan(&mut self, block: Block, v: u32, plan: &Plan) {
        let default = self.edge_label(block, 0);
        match plan {
            Plan::Chain(cases) => {
                for &(c, edge) in cases {
                    self.code.get(v);
                    self.code.i64(c);
                    self.code.op(Row::I64Eq);
                    self.branch(Row::BrIf, self.edge_label(block, edge));
                }
                self.branch(Row::Br, default);
            }
            Plan::Split(bound, below, rest) => {
                self.code.get(v);
                self.code.i64(*bound);
                self.code.op(Row::I64LtS);
                self.open(Row::If, None);
                self.switch_plan(block, v, below);
                self.close();
                self.switch_plan(block, v, rest);
            }
            Plan::Table(first, table) => {
                let index = self.temp(Ty::I64);
                self.code.get(v);
                if *first != 0 {
                    self.code.i64(*first);
                    self.code.op(Row::I64Sub);
                }
                self.code.tee(index);
                self.code.i64(table.len() as i64);
                self.code.op(Row::I64GeU);
                self.branch(Row::BrIf, default);
                self.code.get(index);
                self.code.op(Row::I32WrapI64);
                self.free(index);
                let mut labels: Vec<u32> =
                    table.iter().map(|&e| self.depth(self.edge_label(block, e))).collect();
                labels.push(self.depth(default));
                self.code.put(Row::BrTable, &Operand::Labels(labels));
            }
        }
    }

    // Roots.

    fn root(&mut self, inst: Inst) {
        let d = &self.func.insts[inst.index()];
        self.position(d.loc);
        let Some(r) = d.result else { return self.effect(inst) };
        if !self.trees.needed[r.index()] {
            return self.discard(inst);
        }
        let local = self.locals.of(r);
        if type_of(self.func, self.trees, r) == Ty::I32 {
            self.comparison(inst, false);
            self.code.set(local);
        } else if !self.exact_into(inst, local) {
            self.compute(inst);
            self.code.set(local);
        }
        self.defined(r);
    }

    /// Executes an instruction whose result nobody needs.
    fn discard(&mut self, inst: Inst) {
        let d = &self.func.insts[inst.index()];
        if d.op.is_load() {
            return self.discard_load(inst);
        }
        self.compute(inst);
        self.code.op(Row::Drop);
    }

    /// Pushes a value in the type of its class.
    pub fn value(&mut self, v: Value) {
        if self.func.ty(v) == Type::F64 { self.float(v) } else { self.word(v) }
    }

    /// A word in a local, to be read several times, and whether the local is to be given back.
    pub fn keep(&mut self, v: Value) -> (u32, bool) {
        let plain = !self.trees.nested[v.index()] && type_of(self.func, self.trees, v) != Ty::I32;
        if plain && self.trees.in_local(self.func, v) {
            return (self.locals.of(v), false);
        }
        let ty = if self.func.ty(v) == Type::F64 { Ty::F64 } else { Ty::I64 };
        self.value(v);
        let local = self.temp(ty);
        self.code.set(local);
        (local, true)
    }
}

fn split(label: Label) -> (usize, Block) {
    match label {
        Label::Forward(b) => (0, b),
        Label::Back(b) => (1, b),
    }
}
