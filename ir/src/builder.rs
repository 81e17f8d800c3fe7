//! Builds functions: appends instructions to the current block, and turns assignable variables
//! into SSA.
//!
//! In the block that assigned a variable, a read gives the assigned value. In any other block it
//! gives a value that stands for what the variable has when the block is entered;
//! [`FunctionBuilder::finish`], which sees all edges, finds out what that is ([`crate::variables`]).
//! So blocks may be filled in any order, and no argument is written before it is known which
//! parameters there are.

use crate::func::{ArgList, Block, BlockCall, Function, Type, Value, ValueDef};
use crate::module::Sym;
use crate::ops::{Cond, FCond, Op};
use crate::positions::SrcLoc;
use crate::regions::Region;
use crate::variables::{Assignment, Read, place};

/// An assignable variable of a builder, dense from 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Var(pub u32);

/// What a variable is in the block that used it last.
#[derive(Clone, Copy)]
struct Latest {
    block: Block,
    value: Value,
    /// The block assigned it.
    assigned: bool,
}

#[derive(Default)]
struct BlockState {
    /// An edge leads to the block.
    entered: bool,
    filled: bool,
    /// What the block assigned before another one became current.
    assigned: Vec<(Var, Value)>,
}

/// Builds one function.
pub struct FunctionBuilder {
    /// The function so far. Edges have only the arguments that were given with them.
    pub func: Function,
    /// Position given to new instructions.
    pub loc: SrcLoc,
    current: Option<Block>,
    states: Vec<BlockState>,
    /// Types of variables, and what they are.
    types: Vec<Type>,
    latest: Vec<Latest>,
    /// Variables that the current block assigned.
    touched: Vec<Var>,
    assignments: Vec<Assignment>,
    reads: Vec<Read>,
}

impl FunctionBuilder {
    /// Starts a function; the entry block has the parameters and is current. No edge may lead to it.
    pub fn new(func: Function, params: &[Type]) -> FunctionBuilder {
        let mut b = FunctionBuilder {
            func,
            loc: SrcLoc::NONE,
            current: None,
            states: Vec::new(),
            types: Vec::new(),
            latest: Vec::new(),
            touched: Vec::new(),
            assignments: Vec::new(),
            reads: Vec::new(),
        };
        let entry = b.new_block();
        for &ty in params {
            b.func.add_param(entry, ty);
        }
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

    /// Appends to this block from now on. The one that was current may be continued later.
    pub fn switch_to(&mut self, block: Block) {
        if let Some(left) = self.current {
            let assigned = self.touched.drain(..).map(|var| (var, self.latest[var.0 as usize].value));
            self.states[left.index()].assigned = assigned.collect();
        }
        self.current = Some(block);
        for (var, value) in std::mem::take(&mut self.states[block.index()].assigned) {
            self.def_var(var, value);
        }
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
        self.states[block.index()].entered
    }

    /// Declares an assignable variable.
    pub fn declare_var(&mut self, ty: Type) -> Var {
        self.types.push(ty);
        self.latest.push(Latest { block: Block(u32::MAX), value: Value(u32::MAX), assigned: false });
        Var(self.types.len() as u32 - 1)
    }

    /// Assigns a variable in the current block.
    pub fn def_var(&mut self, var: Var, value: Value) {
        let block = self.current.expect("no current block");
        let latest = &mut self.latest[var.0 as usize];
        if latest.block != block || !latest.assigned {
            self.touched.push(var);
        }
        *latest = Latest { block, value, assigned: true };
    }

    /// Reads a variable in the current block. Reading one that no path assigned gives zero.
    pub fn use_var(&mut self, var: Var) -> Value {
        let block = self.current.expect("no current block");
        let latest = self.latest[var.0 as usize];
        if latest.block == block {
            return latest.value;
        }
        let value = self.func.add_value(self.types[var.0 as usize], ValueDef::Param(block, u32::MAX));
        self.reads.push(Read { block, var: var.0, value });
        self.latest[var.0 as usize] = Latest { block, value, assigned: false };
        value
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

    /// A constant word of this type.
    pub fn constant(&mut self, imm: i64, ty: Type) -> Value {
        self.inst(Op::Iconst, &[], imm, None, Some(ty)).expect("result")
    }

    /// An integer constant.
    pub fn iconst(&mut self, imm: i64) -> Value {
        self.constant(imm, Type::I64)
    }

    /// A constant that stands for a value of type `ref` (null, `none`, a small int).
    pub fn rconst(&mut self, imm: i64) -> Value {
        self.constant(imm, Type::Ref)
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

    /// Says in which memory the load or store that was just appended is.
    pub fn set_region(&mut self, region: Region) {
        self.func.insts.last_mut().expect("an instruction was appended").region = region;
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
        for var in self.touched.drain(..) {
            let value = self.latest[var.0 as usize].value;
            self.assignments.push(Assignment { block, var: var.0, value });
        }
        let inst = self.func.make_inst(op, args, 0, None, None, self.loc);
        let start = self.func.edges.len() as u32;
        for (target, args, case) in edges {
            assert!(*target != self.func.entry(), "edge to the entry block");
            self.states[target.index()].entered = true;
            let args: ArgList = self.func.args(args);
            self.func.edges.push(BlockCall { block: *target, args, case: *case });
        }
        self.func.insts[inst.index()].edges = ArgList { start, len: edges.len() as u32 };
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
        self.terminate(Op::Ret, value.as_slice(), &[]);
    }

    /// Ends the block after something that does not return.
    pub fn unreachable(&mut self) {
        self.terminate(Op::Unreachable, &[], &[]);
    }

    /// Drops blocks without predecessors, places the variables, and returns the function with dense
    /// ids.
    pub fn finish(mut self) -> Function {
        assert!(self.current.is_none(), "the last block has no terminator");
        self.func.remove_unreachable_blocks();
        place(&mut self.func, &self.types, &self.assignments, &self.reads);
        self.func.compact();
        self.func
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::{Attributes, Module, Signature};
    use crate::text::print_function;
    use crate::verify::verify_function;

    fn start(module: &mut Module) -> FunctionBuilder {
        let sig = Signature { params: vec![Type::I64], result: Some(Type::I64), ..Signature::default() };
        let sym = module.declare_func("f", sig, Attributes::default(), false);
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
        let (x, one) = (b.use_var(i), b.iconst(1));
        let next = b.bin(Op::Add, x, one);
        b.def_var(i, next);
        b.jump(head, &[]);
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
            b.switch_to(then);
            b.jump(join, &[]);
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
