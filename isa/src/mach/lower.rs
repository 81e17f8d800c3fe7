//! The selection context: walks blocks backwards, gives values their virtual registers, and
//! answers what may be folded.
//!
//! Method: machine blocks are visited last to first and instructions last to first, so when an
//! instruction is reached every use of its result has been seen. A pure instruction nobody asked
//! for is skipped: either it is dead, or every user absorbed it. Constants never
//! live in registers across instructions; each use makes its own.
//!
//! The machine instructions for one IR instruction are collected in order (the *group*), then
//! moved to the code in reverse.

use crate::mach::code::{Code, Flow, Meta};
use crate::mach::homes::{Home, Homes, behind_copies};
use crate::mach::operands::RegImm;
use crate::mach::order::{Order, Origin};
use crate::mach::select::{self, Select};
use crate::mach::{Context, Isa, MachInst, call, stale};

use mochi_ir::{
    Block, BlockCall, Effects, Function, Inst, InstData, Module, Op, SrcLoc, Type, Value, ValueDef, effects,
};
use regalloc2::{Operand, OperandConstraint, PRegSet, RegClass, VReg};
use std::collections::HashMap;

/// State of the selection of one function.
pub struct Lower<'a, I: Isa> {
    /// The module, for signatures and symbols.
    pub module: &'a Module,
    /// The function.
    pub func: &'a Function,
    order: &'a Order,
    homes: Homes,
    /// The compilation's context.
    pub context: &'a Context<'a>,
    /// The code so far, reversed.
    pub code: Code<I>,
    /// Instructions for the current IR instruction, in order.
    group: Vec<(MachInst<I>, Meta)>,
    /// Virtual register of each value; invalid until somebody asks for it.
    vregs: Vec<VReg>,
    /// Uses of each value in the IR.
    uses: Vec<u32>,
    /// Block of each instruction.
    block_of: Vec<Block>,
    /// Number of memory writes and calls before each instruction in its block.
    epoch: Vec<u32>,
    /// Loads that are part of their only user's instruction.
    absorbed: Vec<bool>,
    /// What is directly before, and was made along with what is behind it.
    made: Option<Inst>,
    /// Two instructions of a block with the same operands that can be selected as one: first and second.
    pairs: HashMap<Inst, (Inst, Inst)>,
    /// Position of the IR instruction being selected.
    loc: SrcLoc,
    current: Option<Inst>,
    /// Copies of values in other registers.
    copies: Vec<(VReg, Value)>,
    /// The IR block being selected; none in a block of an edge.
    block: Option<Block>,
}

/// Register class of a type.
pub fn class_of(ty: Type) -> RegClass {
    if ty == Type::F64 { RegClass::Float } else { RegClass::Int }
}

impl<'a, I: Select> Lower<'a, I> {
    /// Selects instructions for a function.
    pub fn run(context: &'a Context<'a>, func: &'a Function, order: &'a Order) -> Code<I> {
        let mut l = Lower::<I> {
            module: context.module,
            func,
            order,
            homes: Homes::new(func, order, context.options.most_alive),
            context,
            code: Code::new(order, func.insts.len() * 3 / 2 + 16),
            group: Vec::new(),
            vregs: vec![VReg::invalid(); func.values.len()],
            uses: vec![0; func.values.len()],
            block_of: vec![Block(0); func.insts.len()],
            epoch: vec![0; func.insts.len()],
            absorbed: vec![false; func.insts.len()],
            made: None,
            pairs: HashMap::new(),
            loc: SrcLoc::NONE,
            current: None,
            copies: Vec::new(),
            block: None,
        };
        l.code.homes = l.homes.count;
        l.scan(order);
        let conditional_entry = order.blocks[0].origin == Origin::Start;
        for index in (0..order.blocks.len()).rev() {
            let end = l.code.insts.len() as u32;
            match order.blocks[index].origin {
                Origin::Block(b) => l.block(index, b, !conditional_entry && index == 0),
                Origin::Edge(b, k) => {
                    let edge = l.func.successors(b)[k as usize];
                    l.loc = l.func.insts[l.func.terminator(b).index()].loc;
                    l.jump(index, &edge);
                    l.flush();
                }
                Origin::Start => l.start(index),
            }
            // Counted from the end for now: `Code::finish` turns it around.
            let block = &mut l.code.blocks[index];
            (block.first, block.end) = (end, l.code.insts.len() as u32);
        }
        l.code.finish();
        if !stale::making_loops(&l.code).is_empty() {
            l.note_roots();
        }
        l.code
    }

    /// Says which registers may hold references.
    fn note_roots(&mut self) {
        let roots = mochi_ir::roots::roots(self.func, &self.func.layout);
        self.code.roots = vec![false; self.code.num_vregs];
        for (&r, &root) in self.vregs.iter().zip(&roots).filter(|(r, _)| **r != VReg::invalid()) {
            self.code.roots[r.vreg()] = root;
        }
        for &(r, v) in &self.copies {
            self.code.roots[r.vreg()] = roots[v.index()];
        }
    }

    /// Counts uses, remembers blocks, numbers memory epochs, finds pairs.
    fn scan(&mut self, order: &Order) {
        let mut halves: HashMap<&[Value], Inst> = HashMap::new();
        for b in &order.blocks {
            let Origin::Block(block) = b.origin else { continue };
            let mut epoch = 0;
            halves.clear();
            for &inst in &self.func.blocks[block.index()].insts {
                self.block_of[inst.index()] = block;
                self.epoch[inst.index()] = epoch;
                let data = &self.func.insts[inst.index()];
                let half = match data.op {
                    Op::Mul | Op::Smulh | Op::Umulh => I::WHOLE_PRODUCTS,
                    op => matches!(op, Op::Addc | Op::Carry),
                };
                if half {
                    self.pair(&mut halves, inst);
                }
                for &v in self.func.list(data.args) {
                    self.uses[v.index()] += 1;
                }
                if !effects(self.module, self.func, data).lets_loads_pass() {
                    epoch += 1;
                }
                for edge in self.func.edges_of(inst) {
                    for &v in self.func.list(edge.args) {
                        self.uses[v.index()] += 1;
                    }
                }
            }
        }
    }

    /// Pairs an instruction with one before it in its block that makes the other half of a result. `halves`
    /// are those without a partner yet, by their operands.
    fn pair(&mut self, halves: &mut HashMap<&'a [Value], Inst>, inst: Inst) {
        let args = self.func.operands(inst);
        let op = |i: Inst| self.func.insts[i.index()].op;
        let fits = |first: &Inst| {
            let halves = [op(*first), op(inst)];
            let low = halves.iter().filter(|op| matches!(op, Op::Mul | Op::Addc)).count();
            args.len() == self.func.operands(*first).len() && low == 1
        };
        match halves.get(args).copied().filter(fits) {
            Some(first) => {
                halves.remove(args);
                self.pairs.extend([(first, (first, inst)), (inst, (first, inst))]);
            }
            None => {
                halves.insert(args, inst);
            }
        }
    }

    fn block(&mut self, index: usize, block: Block, is_entry: bool) {
        let func = self.func;
        self.block = Some(block);
        let data = &func.blocks[block.index()];
        for (at, &inst) in data.insts.iter().enumerate().rev() {
            let d = &func.insts[inst.index()];
            let effects = effects(self.module, func, d);
            if let Some(r) = d.result
                && (self.made == Some(inst)
                    || self.vregs[r.index()] == VReg::invalid()
                        && (self.absorbed[inst.index()] || skippable(d, &effects)))
            {
                continue;
            }
            self.loc = d.loc;
            self.current = Some(inst);
            self.code.blocks[index].makes_objects |= effects.makes_objects;
            if at + 1 == data.insts.len() {
                match d.op {
                    Op::Jump => {
                        let edge = func.edges_of(inst)[0];
                        self.jump(index, &edge);
                    }
                    // One edge only: a jump, whatever the operand.
                    Op::Switch if func.edges_of(inst).len() == 1 => {
                        let edge = func.edges_of(inst)[0];
                        self.jump(index, &edge);
                    }
                    _ => select::terminator(self, inst),
                }
            } else if d.op != Op::Copy {
                let stored = d.result.and_then(|r| self.wanted_home(r));
                select::lower(self, inst);
                self.store_homes(stored);
            }
            self.flush();
        }
        (self.current, self.block) = (None, None);
        let stored: Vec<_> = data.params.iter().filter_map(|&p| self.wanted_home(p)).collect();
        let params: Vec<VReg> = data.params.iter().map(|&p| self.def(p)).collect();
        self.loc = SrcLoc::NONE;
        if is_entry {
            call::params(self, &params);
        } else {
            self.code.blocks[index].params = params;
        }
        self.store_homes(stored);
        self.flush();
    }

    /// The register and the slot of a value that somebody wants, if it has a slot.
    fn wanted_home(&self, v: Value) -> Option<(VReg, u32)> {
        let r = self.vregs[v.index()];
        (r != VReg::invalid()).then_some(r).zip(self.homes.slot(v))
    }

    /// Stores values that were just defined in their slots.
    fn store_homes(&mut self, values: impl IntoIterator<Item = (VReg, u32)>) {
        for (r, slot) in values {
            self.push(MachInst::Home(Home { slot, store: true }), Flow::Next, &[Operand::reg_use(r)]);
        }
    }

    /// The block before an entry block that is also a loop header.
    fn start(&mut self, index: usize) {
        let params = &self.func.blocks[self.func.entry().index()].params;
        let args: Vec<VReg> = params.iter().map(|&p| self.temp(class_of(self.func.ty(p)))).collect();
        self.copies.extend(args.iter().copied().zip(params.iter().copied()));
        self.loc = SrcLoc::NONE;
        call::params(self, &args);
        self.code.blocks[index].args = args;
        self.push(MachInst::Jump, Flow::Branch, &[]);
        self.flush();
    }

    fn jump(&mut self, index: usize, edge: &BlockCall) {
        let args: Vec<VReg> = self.func.list(edge.args).iter().map(|&v| self.reg(v)).collect();
        self.code.blocks[index].args = args;
        self.push(MachInst::Jump, Flow::Branch, &[]);
    }

    /// Moves the group to the code.
    fn flush(&mut self) {
        while let Some((inst, meta)) = self.group.pop() {
            self.code.insts.push(inst);
            self.code.meta.push(meta);
        }
    }
}

/// What instruction sets use.
impl<'a, I: Isa> Lower<'a, I> {
    /// Data of an instruction.
    pub fn data(&self, inst: Inst) -> &'a InstData {
        &self.func.insts[inst.index()]
    }

    /// Operands of an instruction.
    pub fn operands(&self, inst: Inst) -> &'a [Value] {
        self.func.operands(inst)
    }

    /// Looks through copies.
    pub fn resolve(&self, v: Value) -> Value {
        behind_copies(self.func, v)
    }

    /// The instruction that defines a value (copies looked through).
    pub fn def_of(&self, v: Value) -> Option<(Inst, &'a InstData)> {
        match self.func.values[self.resolve(v).index()].def {
            ValueDef::Inst(i) => Some((i, &self.func.insts[i.index()])),
            _ => None,
        }
    }

    /// The constant a value is.
    pub fn iconst(&self, v: Value) -> Option<i64> {
        let (_, d) = self.def_of(v)?;
        (d.op == Op::Iconst).then_some(d.imm)
    }

    /// Whether a value is a constant that is a number, not NaN.
    pub fn is_number(&self, v: Value) -> bool {
        self.def_of(v).is_some_and(|(_, d)| d.op == Op::Fconst && !f64::from_bits(d.imm as u64).is_nan())
    }

    /// The pure operation that defines a value in the block of the current instruction. Its
    /// operands may be used in its place. A result used often is only looked into when `shared`.
    pub fn pure_def(&self, v: Value, shared: bool) -> Option<(Inst, &'a InstData)> {
        let v = self.resolve(v);
        let (inst, d) = self.def_of(v)?;
        let here = self.block_of[self.current?.index()] == self.block_of[inst.index()];
        let once = shared || self.uses[v.index()] == 1;
        (here && once && d.op.is_pure()).then_some((inst, d))
    }

    /// The instruction that defines a value, if it is in the block of the current instruction.
    pub fn local_def(&self, v: Value) -> Option<(Inst, &'a InstData)> {
        let (inst, d) = self.def_of(v)?;
        (self.block_of[self.current?.index()] == self.block_of[inst.index()]).then_some((inst, d))
    }

    /// Whether a value has one use.
    pub fn used_once(&self, v: Value) -> bool {
        self.uses[self.resolve(v).index()] == 1
    }

    /// Whether nothing but what is selected here uses a value.
    pub fn used_here(&self, v: Value) -> bool {
        let users = self.current.map_or(0, |current| self.selected_here(current));
        self.resolve(v) == v && self.uses[v.index()] == users
    }

    /// Instructions that are selected at this one: two where it is the first of a pair.
    fn selected_here(&self, inst: Inst) -> u32 {
        if self.pairs.get(&inst).is_some_and(|&(first, _)| first == inst) { 2 } else { 1 }
    }

    /// The instruction that defines a value when that instruction may be executed in the place of
    /// the current one: same block, no other use (but by the partner that is selected here, too), nothing
    /// between them that writes what it reads, same line.
    pub fn movable_def(&self, v: Value) -> Option<(Inst, &'a InstData)> {
        let current = self.current?;
        let v = self.resolve(v);
        let (inst, d) = self.def_of(v)?;
        let at = |loc| self.func.positions.get(loc);
        let same_line = at(d.loc).same_line(at(self.loc)) || d.loc == SrcLoc::NONE;
        let ok = self.block_of[current.index()] == self.block_of[inst.index()]
            && self.uses[v.index()] == self.selected_here(current)
            && self.epoch[current.index()] == self.epoch[inst.index()]
            && same_line
            && self.vregs[v.index()] == VReg::invalid()
            && !self.context.options.debug;
        ok.then_some((inst, d))
    }

    /// The register of the result of the instruction directly before, if that is this op of the same operands and
    /// nothing uses it up to the current instruction; which makes it then.
    pub fn made_before(&mut self, inst: Inst, op: Op) -> Option<VReg> {
        let insts = &self.func.blocks[self.block_of[inst.index()].index()].insts;
        let at = insts.iter().rposition(|&i| i == inst)?;
        let before = *insts.get(at.checked_sub(1)?)?;
        let current = self.current?;
        let last = current == inst || insts[at + 1..] == [current];
        let result = self.data(before).result?;
        if !last
            || self.data(before).op != op
            || self.operands(before) != self.operands(inst)
            || self.homes.slot(result).is_some()
        {
            return None;
        }
        self.made = Some(before);
        Some(self.def(result))
    }

    /// Says that the load is part of the current instruction.
    pub fn absorb(&mut self, load: Inst) {
        self.absorbed[load.index()] = true;
    }

    /// Whether the value is needed after the current instruction, so that overwriting its register
    /// here would cost a copy: a later use has asked for it, or it comes from outside a loop.
    pub fn live_after(&self, v: Value) -> bool {
        let v = self.resolve(v);
        if self.far_home(v).is_some() {
            // What is loaded is for this use only.
            return false;
        }
        if self.vregs[v.index()] != VReg::invalid() {
            return true;
        }
        if let ValueDef::Inst(i) = self.func.values[v.index()].def
            && matches!(self.func.insts[i.index()].op, Op::Iconst | Op::Fconst | Op::Symaddr)
        {
            return false;
        }
        let def = self.defined_in(v);
        self.current.is_some_and(|i| self.order.around_loop(def, self.block_of[i.index()]))
    }

    /// The register that holds a value at the current instruction. Constants are made on the spot.
    pub fn reg(&mut self, v: Value) -> VReg {
        let v = self.resolve(v);
        if let ValueDef::Inst(i) = self.func.values[v.index()].def {
            let d = &self.func.insts[i.index()];
            if matches!(d.op, Op::Iconst | Op::Fconst | Op::Symaddr) {
                let dst = self.temp(class_of(self.func.ty(v)));
                self.constant(d, dst);
                return dst;
            }
        }
        let own = self.def(v);
        let Some(slot) = self.far_home(v) else { return own };
        let dst = self.temp(own.class());
        self.push(MachInst::Home(Home { slot, store: false }), Flow::Next, &[Operand::reg_def(dst)]);
        dst
    }

    /// Makes the constant an `iconst`, `fconst` or `symaddr` stands for.
    pub fn constant(&mut self, d: &InstData, dst: VReg) {
        match d.op {
            Op::Iconst => self.constant_word(d.imm, dst),
            Op::Fconst => self.constant_float(d.imm as u64, dst),
            _ => self.symbol(d.sym.expect("symaddr has a symbol"), d.imm, dst),
        }
    }

    /// The register of an integer constant.
    pub fn word(&mut self, v: i64) -> VReg {
        let dst = self.int();
        self.constant_word(v, dst);
        dst
    }

    /// The register of a value, or of a constant.
    pub fn either(&mut self, v: RegImm<Value>) -> VReg {
        match v {
            RegImm::Reg(v) => self.reg(v),
            RegImm::Imm(c) => self.word(c),
        }
    }

    /// The register a value is defined in.
    pub fn def(&mut self, v: Value) -> VReg {
        if self.vregs[v.index()] == VReg::invalid() {
            self.vregs[v.index()] = self.temp(class_of(self.func.ty(v)));
        }
        self.vregs[v.index()]
    }

    /// The register of the current instruction's result; a fresh one when nobody wants it.
    pub fn result(&mut self, inst: Inst) -> VReg {
        let r = self.data(inst).result.expect("op has a result");
        self.def(r)
    }

    /// The register of a value for a use in a fixed register. A value that is busy elsewhere is
    /// copied first: the allocator would try to keep all of it in that register, and split it in
    /// bad places.
    pub fn fixed(&mut self, v: Value) -> VReg {
        let constant = self.def_of(v).is_some_and(|(_, d)| d.args.len == 0 && d.op.is_pure());
        let near = self.local_def(v).is_some() && !self.live_after(v) && !self.in_cold_block();
        let loaded = self.far_home(self.resolve(v)).is_some();
        let r = self.reg(v);
        if constant || near || loaded {
            return r;
        }
        let to = self.temp(r.class());
        self.copies.push((to, v));
        self.copy(to, r);
        to
    }

    /// The other instruction of a pair, or this one when it has no partner.
    pub fn partner(&self, inst: Inst) -> Inst {
        self.pairs.get(&inst).map_or(inst, |&(first, second)| if inst == first { second } else { first })
    }

    /// For an instruction that may be one of a pair: the register of its result, and of its partner's if
    /// that is wanted; nothing when the partner comes first and makes both.
    pub fn results(&mut self, inst: Inst) -> Option<(VReg, Option<VReg>)> {
        let own = self.result(inst);
        let Some(&(first, second)) = self.pairs.get(&inst) else { return Some((own, None)) };
        if inst == second {
            self.result(first);
            return None;
        }
        let other = self.data(second).result.expect("op has a result");
        let other = self.vregs[other.index()];
        Some((own, (other != VReg::invalid()).then_some(other)))
    }

    /// For an `addc` or `carry`: a register for the sum, and that of the carry if it is wanted; nothing as
    /// [`Lower::results`].
    pub fn sum_and_carry(&mut self, inst: Inst) -> Option<(VReg, Option<VReg>)> {
        let (own, other) = self.results(inst)?;
        match self.data(inst).op {
            Op::Addc => Some((own, other)),
            _ => Some((other.unwrap_or_else(|| self.int()), Some(own))),
        }
    }

    /// The register for a result in a fixed register; [`Lower::fixed_done`] follows when the
    /// instruction is pushed.
    pub fn fixed_result(&mut self, inst: Inst) -> VReg {
        let result = self.data(inst).result.expect("op has a result");
        let r = self.def(result);
        if self.uses[result.index()] <= 1 && !self.in_cold_block() {
            return r;
        }
        let from = self.temp(r.class());
        self.copies.push((from, result));
        from
    }

    /// Copies a result from its fixed register to its own.
    pub fn fixed_done(&mut self, inst: Inst, from: VReg) {
        let to = self.result(inst);
        if to != from {
            self.copy(to, from);
        }
    }

    fn in_cold_block(&self) -> bool {
        self.current.is_some_and(|i| self.func.blocks[self.block_of[i.index()].index()].cold)
    }

    /// Registers that the code so far needs or destroys at fixed places, those of results at returns
    /// not counted: nothing else is alive there.
    pub fn fixed_registers(&self) -> PRegSet {
        let mut set = PRegSet::empty();
        for meta in self.code.meta.iter().filter(|m| m.flow != Flow::Exit) {
            let operands = &self.code.operands[meta.start as usize..][..meta.len as usize];
            for op in operands {
                if let OperandConstraint::FixedReg(r) = op.constraint() {
                    set.add(r);
                }
            }
        }
        for &clobbered in &self.code.clobber_sets {
            set.union_from(clobbered);
        }
        set
    }

    /// The slot of a value that is used in another block than the one that defines it.
    fn far_home(&self, v: Value) -> Option<u32> {
        let slot = self.homes.slot(v)?;
        (self.block != Some(self.defined_in(v))).then_some(slot)
    }

    /// The block that defines a value.
    fn defined_in(&self, v: Value) -> Block {
        match self.func.values[v.index()].def {
            ValueDef::Inst(i) => self.block_of[i.index()],
            ValueDef::Param(b, _) => b,
            ValueDef::Alias(_) => unreachable!("resolved"),
        }
    }

    /// A fresh virtual register.
    pub fn temp(&mut self, class: RegClass) -> VReg {
        let v = VReg::new(self.code.num_vregs, class);
        self.code.num_vregs += 1;
        v
    }

    /// A fresh integer register.
    pub fn int(&mut self) -> VReg {
        self.temp(RegClass::Int)
    }

    /// A fresh float register.
    pub fn float(&mut self) -> VReg {
        self.temp(RegClass::Float)
    }

    /// Appends an instruction to the group.
    pub fn push(&mut self, inst: MachInst<I>, flow: Flow, operands: &[Operand]) {
        let start = self.code.operands.len() as u32;
        self.code.operands.extend_from_slice(operands);
        let len = u16::try_from(operands.len()).expect("operands of one instruction");
        self.group.push((inst, Meta { start, len, clobbers: 0, flow, loc: self.loc }));
    }

    /// Appends an instruction that destroys the registers of a set (besides its definitions).
    pub fn push_clobbering(&mut self, inst: MachInst<I>, operands: &[Operand], clobbers: PRegSet) {
        self.push(inst, Flow::Next, operands);
        let set = self.code.clobber_set(clobbers);
        self.group.last_mut().expect("just pushed").1.clobbers = set;
    }

    /// Position of the current instruction.
    pub fn loc(&self) -> SrcLoc {
        self.loc
    }

    /// Notes a call with this many bytes of stack arguments.
    pub fn note_call(&mut self, stack_bytes: u32) {
        self.code.calls = true;
        self.code.outgoing = self.code.outgoing.max(stack_bytes);
    }
}

/// When nobody wants the result, the instruction need not be executed. A load has to be: it may
/// find a none (the passes remove those that cannot).
pub fn skippable(d: &InstData, effects: &Effects) -> bool {
    effects.is_silent() && !d.op.is_load()
}
