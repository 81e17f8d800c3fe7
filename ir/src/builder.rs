//! Builds functions: appends instructions to the current block, and turns assignable variables
//! into SSA on the fly (Braun et al., "Simple and Efficient Construction of Static Single
//! Assignment Form", 2013).
//!
//! A block is *sealed* when all its predecessors are known. Reading a variable in an unsealed
//! block makes a parameter whose arguments are added when the block is sealed; trivial parameters
//! are removed by [`FunctionBuilder::finish`].

use crate::func::{ArgList, Block, BlockCall, Function, Inst, SrcLoc, Type, Value, ValueDef};
use crate::hash::FastMap;
use crate::module::Sym;
use crate::ops::{Cond, FCond, Op};

/// An assignable variable of a builder, dense from 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Var(pub u32);

#[derive(Default)]
struct BlockState {
    sealed: bool,
    /// Predecessor terminators with the index of the edge.
    preds: Vec<(Inst, u32)>,
    /// Parameters waiting for the seal.
    incomplete: Vec<(Var, Value)>,
    filled: bool,
}

/// Builds one function.
pub struct FunctionBuilder {
    /// The function so far.
    pub func: Function,
    /// Position given to new instructions.
    pub loc: SrcLoc,
    current: Option<Block>,
    vars: Vec<Type>,
    defs: FastMap<(Var, Block), Value>,
    states: Vec<BlockState>,
}

impl FunctionBuilder {
    /// Starts a function; the entry block has the parameters, is sealed and current.
    pub fn new(func: Function, params: &[Type]) -> FunctionBuilder {
        let mut b = FunctionBuilder {
            func,
            loc: SrcLoc::NONE,
            current: None,
            vars: Vec::new(),
            defs: FastMap::default(),
            states: Vec::new(),
        };
        let entry = b.new_block();
        for &ty in params {
            b.func.add_param(entry, ty);
        }
        b.seal(entry);
        b.switch_to(entry);
        b
    }

    /// The function's parameters.
    pub fn params(&self) -> Vec<Value> {
        self.func.blocks[self.func.entry().index()].params.clone()
    }

    /// Adds a block.
    pub fn new_block(&mut self) -> Block {
        self.states.push(BlockState::default());
        self.func.add_block()
    }

    /// Adds a block that is unlikely to run.
    pub fn new_cold_block(&mut self) -> Block {
        let b = self.new_block();
        self.func.blocks[b.index()].cold = true;
        b
    }

    /// Appends to this block from now on.
    pub fn switch_to(&mut self, block: Block) {
        self.current = Some(block);
    }

    /// The current block; `None` after a terminator.
    pub fn current(&self) -> Option<Block> {
        self.current
    }

    /// Whether code appended now could run. After a terminator nothing can be appended.
    pub fn is_reachable(&self) -> bool {
        self.current.is_some()
    }

    /// Whether an edge leads to the block so far.
    pub fn has_predecessors(&self, block: Block) -> bool {
        !self.states[block.index()].preds.is_empty()
    }

    /// Declares an assignable variable.
    pub fn declare_var(&mut self, ty: Type) -> Var {
        self.vars.push(ty);
        Var(self.vars.len() as u32 - 1)
    }

    /// Assigns a variable in the current block.
    pub fn def_var(&mut self, var: Var, value: Value) {
        let block = self.current.expect("no current block");
        self.defs.insert((var, block), value);
    }

    /// Reads a variable in the current block. Reading one that no path assigned gives zero.
    pub fn use_var(&mut self, var: Var) -> Value {
        let block = self.current.expect("no current block");
        self.read(var, block)
    }

    /// The value of a variable at the end of a block. Parameters made on the way wait in `pending`
    /// for their arguments, so that long rows of joins need no recursion.
    fn read(&mut self, var: Var, block: Block) -> Value {
        let mut pending = Vec::new();
        let value = self.look_up(var, block, &mut pending);
        while let Some((at, param)) = pending.pop() {
            self.fill_param(var, at, param, &mut pending);
        }
        value
    }

    fn look_up(&mut self, var: Var, block: Block, pending: &mut Vec<(Block, Value)>) -> Value {
        // Chains of single predecessors are walked in a loop: they can be very long.
        let mut chain = Vec::new();
        let mut at = block;
        let value = loop {
            if let Some(&v) = self.defs.get(&(var, at)) {
                break v;
            }
            let state = &self.states[at.index()];
            if !state.sealed {
                let v = self.func.add_param(at, self.vars[var.0 as usize]);
                self.states[at.index()].incomplete.push((var, v));
                break v;
            }
            match state.preds.len() {
                0 => break self.undefined(var, at),
                1 => {
                    chain.push(at);
                    at = self.block_of(state.preds[0].0);
                }
                _ => {
                    let v = self.func.add_param(at, self.vars[var.0 as usize]);
                    pending.push((at, v));
                    break v;
                }
            }
        };
        self.defs.insert((var, at), value);
        for b in chain {
            self.defs.insert((var, b), value);
        }
        value
    }

    fn undefined(&mut self, var: Var, block: Block) -> Value {
        let ty = self.vars[var.0 as usize];
        let op = if ty == Type::F64 { Op::Fconst } else { Op::Iconst };
        let inst = self.func.make_inst(op, &[], 0, None, Some(ty), SrcLoc::NONE);
        self.func.blocks[block.index()].insts.insert(0, inst);
        self.func.insts[inst.index()].result.expect("constant has a result")
    }

    /// The block of a terminator, kept in its immediate (which terminators do not use) until `finish`.
    fn block_of(&self, terminator: Inst) -> Block {
        Block(self.func.insts[terminator.index()].imm as u32)
    }

    fn append_edge_arg(&mut self, inst: Inst, edge: u32, arg: Value) {
        let e = (self.func.insts[inst.index()].edges.start + edge) as usize;
        let old = self.func.edges[e].args;
        let end = (old.start + old.len) as usize;
        if end == self.func.pool.len() {
            self.func.pool.push(arg);
            self.func.edges[e].args.len += 1;
        } else {
            let mut values = self.func.list(old).to_vec();
            values.push(arg);
            self.func.edges[e].args = self.func.args(&values);
        }
    }

    /// Says that all predecessors of a block are known.
    pub fn seal(&mut self, block: Block) {
        assert!(!self.states[block.index()].sealed, "block sealed twice");
        self.states[block.index()].sealed = true;
        // Reading the arguments of one parameter may add others to this block's predecessors but
        // not here: the block is sealed now, and each waiting variable has its definition.
        let incomplete = std::mem::take(&mut self.states[block.index()].incomplete);
        let mut pending = Vec::new();
        for (var, param) in incomplete {
            self.fill_param(var, block, param, &mut pending);
            while let Some((at, param)) = pending.pop() {
                self.fill_param(var, at, param, &mut pending);
            }
        }
    }

    /// Appends the argument for a parameter made for `var` to each incoming edge.
    fn fill_param(&mut self, var: Var, block: Block, param: Value, pending: &mut Vec<(Block, Value)>) {
        let ValueDef::Param(_, index) = self.func.values[param.index()].def else {
            unreachable!("parameter")
        };
        for k in 0..self.states[block.index()].preds.len() {
            let (inst, edge) = self.states[block.index()].preds[k];
            let from = self.block_of(inst);
            let arg = self.look_up(var, from, pending);
            let e = (self.func.insts[inst.index()].edges.start + edge) as usize;
            assert_eq!(self.func.edges[e].args.len, index, "parameters are filled in order");
            self.append_edge_arg(inst, edge, arg);
        }
    }

    /// Seals every block that is not sealed yet.
    pub fn seal_all(&mut self) {
        for i in 0..self.states.len() {
            if !self.states[i].sealed {
                self.seal(Block(i as u32));
            }
        }
    }

    // Instructions.

    /// Appends any instruction that is not a terminator; returns its result if it has one.
    pub fn inst(
        &mut self,
        op: Op,
        args: &[Value],
        imm: i64,
        sym: Option<Sym>,
        result: Option<Type>,
    ) -> Option<Value> {
        debug_assert!(!op.is_terminator());
        let block = self.current.expect("no current block");
        let inst = self.func.make_inst(op, args, imm, sym, result, self.loc);
        self.func.blocks[block.index()].insts.push(inst);
        self.func.insts[inst.index()].result
    }

    /// An op with a fixed result class and no immediate, of the given type.
    pub fn op(&mut self, op: Op, args: &[Value], ty: Type) -> Value {
        self.inst(op, args, 0, None, Some(ty)).expect("op has a result")
    }

    /// A word operation with an `i64` result.
    pub fn bin(&mut self, op: Op, a: Value, b: Value) -> Value {
        self.op(op, &[a, b], Type::I64)
    }

    /// An integer constant.
    pub fn iconst(&mut self, imm: i64) -> Value {
        self.inst(Op::Iconst, &[], imm, None, Some(Type::I64)).expect("result")
    }

    /// A constant that stands for a value of type `ref` (null, `none`, a small int).
    pub fn rconst(&mut self, imm: i64) -> Value {
        self.inst(Op::Iconst, &[], imm, None, Some(Type::Ref)).expect("result")
    }

    /// A float constant.
    pub fn fconst(&mut self, value: f64) -> Value {
        self.inst(Op::Fconst, &[], value.to_bits() as i64, None, Some(Type::F64)).expect("result")
    }

    /// Address of a symbol.
    pub fn symaddr(&mut self, sym: Sym, offset: i64, ty: Type) -> Value {
        self.inst(Op::Symaddr, &[], offset, Some(sym), Some(ty)).expect("result")
    }

    /// Integer comparison.
    pub fn icmp(&mut self, cond: Cond, a: Value, b: Value) -> Value {
        self.inst(Op::Icmp, &[a, b], cond as i64, None, Some(Type::I64)).expect("result")
    }

    /// Float comparison.
    pub fn fcmp(&mut self, cond: FCond, a: Value, b: Value) -> Value {
        self.inst(Op::Fcmp, &[a, b], cond as i64, None, Some(Type::I64)).expect("result")
    }

    /// A load.
    pub fn load(&mut self, op: Op, addr: Value, offset: i64, ty: Type) -> Value {
        self.inst(op, &[addr], offset, None, Some(ty)).expect("result")
    }

    /// A store.
    pub fn store(&mut self, op: Op, addr: Value, value: Value, offset: i64) {
        self.inst(op, &[addr, value], offset, None, None);
    }

    /// Marks the load or store that was just appended as an access to elements.
    pub fn mark_elem(&mut self) {
        self.func.insts.last_mut().expect("an instruction was appended").elem = true;
    }

    /// A direct call.
    pub fn call(&mut self, sym: Sym, args: &[Value], result: Option<Type>) -> Option<Value> {
        self.inst(Op::Call, args, 0, Some(sym), result)
    }

    /// An indirect call: the code address, then the arguments.
    pub fn call_ind(&mut self, target_and_args: &[Value], result: Option<Type>) -> Option<Value> {
        self.inst(Op::CallInd, target_and_args, 0, None, result)
    }

    // Terminators. After one, there is no current block.

    fn terminate(&mut self, op: Op, args: &[Value], edges: &[(Block, &[Value], i64)]) {
        let block = self.current.take().expect("no current block");
        assert!(!self.states[block.index()].filled, "block has a terminator");
        self.states[block.index()].filled = true;
        // `imm` remembers the block until `finish`.
        let inst = self.func.make_inst(op, args, block.0 as i64, None, None, self.loc);
        let mut calls: Vec<BlockCall> = Vec::with_capacity(edges.len());
        for (k, (target, args, case)) in edges.iter().enumerate() {
            assert!(!self.states[target.index()].sealed, "edge to a sealed block");
            self.states[target.index()].preds.push((inst, k as u32));
            let args: ArgList = self.func.args(args);
            calls.push(BlockCall { block: *target, args, case: *case });
        }
        self.func.set_edges(inst, &calls);
        self.func.blocks[block.index()].insts.push(inst);
    }

    /// Goes to a block.
    pub fn jump(&mut self, to: Block, args: &[Value]) {
        self.terminate(Op::Jump, &[], &[(to, args, 0)]);
    }

    /// Goes to `then` when `cond` is not zero, else to `other`.
    pub fn brif(
        &mut self,
        cond: Value,
        then: Block,
        then_args: &[Value],
        other: Block,
        other_args: &[Value],
    ) {
        self.terminate(Op::Brif, &[cond], &[(then, then_args, 0), (other, other_args, 0)]);
    }

    /// Multi-way branch.
    pub fn switch(&mut self, value: Value, default: Block, cases: &[(i64, Block)]) {
        let mut edges: Vec<(Block, &[Value], i64)> = vec![(default, &[], 0)];
        edges.extend(cases.iter().map(|&(c, b)| (b, &[][..], c)));
        self.terminate(Op::Switch, &[value], &edges);
    }

    /// Returns.
    pub fn ret(&mut self, value: Option<Value>) {
        let args: Vec<Value> = value.into_iter().collect();
        self.terminate(Op::Ret, &args, &[]);
    }

    /// Ends the block after something that does not return.
    pub fn unreachable(&mut self) {
        self.terminate(Op::Unreachable, &[], &[]);
    }

    /// Seals what is open, removes trivial parameters, replaces aliases, drops blocks without
    /// predecessors, and returns the function.
    pub fn finish(mut self) -> Function {
        assert!(self.current.is_none(), "the last block has no terminator");
        self.seal_all();
        for inst in &mut self.func.insts {
            if inst.op.is_terminator() {
                inst.imm = 0;
            }
        }
        self.func.remove_unreachable_blocks();
        self.func.remove_trivial_params();
        self.func
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::{Effects, Module, Signature};
    use crate::text::print_function;
    use crate::verify::verify_function;

    fn start(module: &mut Module) -> FunctionBuilder {
        let sig = Signature { params: vec![Type::I64], result: Some(Type::I64), ..Signature::default() };
        let sym = module.declare_func("f", sig, Effects::default(), false);
        FunctionBuilder::new(Function::new(sym, "f", Some(Type::I64)), &[Type::I64])
    }

    #[test]
    fn loop_variables_become_parameters() {
        let mut module = Module::new();
        let mut b = start(&mut module);
        let n = b.params()[0];
        let (i, fixed) = (b.declare_var(Type::I64), b.declare_var(Type::I64));
        let zero = b.iconst(0);
        b.def_var(i, zero);
        b.def_var(fixed, n);
        let (head, body, exit) = (b.new_block(), b.new_block(), b.new_block());
        b.jump(head, &[]);
        b.switch_to(head);
        let (x, y) = (b.use_var(i), b.use_var(fixed));
        let c = b.icmp(Cond::Slt, x, y);
        b.brif(c, body, &[], exit, &[]);
        b.switch_to(body);
        b.seal(body);
        let (x, one) = (b.use_var(i), b.iconst(1));
        let next = b.bin(Op::Add, x, one);
        b.def_var(i, next);
        b.jump(head, &[]);
        b.seal(head);
        b.switch_to(exit);
        let result = b.use_var(i);
        b.ret(Some(result));
        let func = b.finish();
        assert_eq!(verify_function(&module, &func), []);
        assert_eq!(func.blocks[head.index()].params.len(), 1, "{}", print_function(&module, &func));
    }

    #[test]
    fn long_rows_of_joins() {
        let mut module = Module::new();
        let mut b = start(&mut module);
        let n = b.params()[0];
        let var = b.declare_var(Type::I64);
        b.def_var(var, n);
        for _ in 0..30_000 {
            let (then, join) = (b.new_block(), b.new_block());
            b.brif(n, then, &[], join, &[]);
            b.seal(then);
            b.switch_to(then);
            b.jump(join, &[]);
            b.seal(join);
            b.switch_to(join);
        }
        let result = b.use_var(var);
        b.ret(Some(result));
        let func = b.finish();
        assert_eq!(verify_function(&module, &func), []);
        assert!(func.blocks.iter().all(|d| d.params.len() <= 1));
        let last = *func.layout.last().unwrap();
        assert!(func.blocks[last.index()].params.is_empty());
    }
}
