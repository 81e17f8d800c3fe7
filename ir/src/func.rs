//! Functions: blocks, instructions and values over dense ids.
//!
//! Structure of arrays with `u32` indices. Operand lists live in one pool; an instruction holds a
//! range of it. Blocks list their instructions in order; the last one is the terminator. The
//! layout order of blocks is separate (`layout`), entry first.

use crate::module::{Conv, Sym};
use crate::notes::Notes;
use crate::ops::{Op, Role};
use crate::passes::range::Range;
use crate::positions::{Position, Positions, SrcLoc};
use crate::regions::Region;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        pub struct $name(pub u32);
        impl $name {
            /// As an index.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}
id!(/// A value, dense from 0 in its function.
    Value);
id!(/// A block, dense from 0 in its function.
    Block);
id!(/// An instruction, dense from 0 in its function.
    Inst);

/// Type of a value. The words differ in what the collector has to see of them: [`crate::roots`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Type {
    /// A 64-bit word that is a number: no object lives because of it.
    I64,
    /// A 64-bit word that may be an address in a heap object, and is no none.
    Addr,
    /// A 64-bit word that may be a heap reference, plain or tagged, or none.
    Ref,
    /// IEEE 754 binary64.
    F64,
}

impl Type {
    /// The name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Type::I64 => "i64",
            Type::Addr => "addr",
            Type::Ref => "ref",
            Type::F64 => "f64",
        }
    }

    /// `i64`, `addr` or `ref`.
    pub fn is_word(self) -> bool {
        self != Type::F64
    }

    /// The collector sees values of this type.
    pub fn is_visible(self) -> bool {
        matches!(self, Type::Addr | Type::Ref)
    }

    /// The type of a word that stands for words of both types.
    pub fn join(self, other: Type) -> Type {
        match (self, other) {
            (Type::Ref, _) | (_, Type::Ref) => Type::Ref,
            (Type::Addr, _) | (_, Type::Addr) => Type::Addr,
            _ => self,
        }
    }
}

/// So many words that one carries on are looked at to see whether it hides an address.
const LONGEST_CHAIN: usize = 64;

/// A range of [`Function::pool`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ArgList {
    /// First index.
    pub start: u32,
    /// Number of values.
    pub len: u32,
}

/// An edge: target block, arguments for its parameters, and for `switch` the case value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockCall {
    /// Target.
    pub block: Block,
    /// Arguments, one per parameter.
    pub args: ArgList,
    /// Case value (only for `switch`, and not for its first edge).
    pub case: i64,
}

/// An instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InstData {
    /// What it does.
    pub op: Op,
    /// Operands.
    pub args: ArgList,
    /// Immediate; the op's row says what it means.
    pub imm: i64,
    /// Symbol; the op's row says when there is one.
    pub sym: Option<Sym>,
    /// Result.
    pub result: Option<Value>,
    /// Edges of a terminator: range of [`Function::edges`].
    pub edges: ArgList,
    /// Source position.
    pub loc: SrcLoc,
    /// The memory that a load or store is in.
    pub region: Region,
}

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueDef {
    /// Result of an instruction.
    Inst(Inst),
    /// Parameter of a block, by index.
    Param(Block, u32),
    /// Replaced by another value (never seen outside passes; [`Function::resolve`] follows it).
    Alias(Value),
}

/// A value's type and definition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ValueData {
    /// Type.
    pub ty: Type,
    /// Definition.
    pub def: ValueDef,
}

/// A block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockData {
    /// Parameters.
    pub params: Vec<Value>,
    /// Instructions, terminator last.
    pub insts: Vec<Inst>,
    /// Unlikely to run; laid out last.
    pub cold: bool,
}

/// A function with a body.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its symbol; name and effects are in the module.
    pub sym: Sym,
    /// Name for people: debug information and traces (`P.method`, `fn1`).
    pub display: String,
    /// Result type.
    pub result: Option<Type>,
    /// Convention.
    pub conv: Conv,
    /// Index into [`crate::Module::files`]; `None` for the runtime (not shown in traces).
    pub file: Option<u32>,
    /// Position of the declaration.
    pub loc: SrcLoc,
    /// The prologue saves every callee-saved register, so that a stack scan sees their values.
    pub save_all: bool,
    /// It has loops with two sides ([`crate::passes::twin`]).
    pub two_sided: bool,
    /// What passes say about it, when somebody wants to know.
    pub notes: Option<Box<Notes>>,
    /// What the calls say about its parameters, as far as [`crate::passes::range`] knows.
    pub(crate) arguments: Vec<Range>,
    /// Values.
    pub values: Vec<ValueData>,
    /// Blocks.
    pub blocks: Vec<BlockData>,
    /// Instructions.
    pub insts: Vec<InstData>,
    /// Operand pool.
    pub pool: Vec<Value>,
    /// Edges of terminators.
    pub edges: Vec<BlockCall>,
    /// Block order; the entry is first. Its parameters are the function's.
    pub layout: Vec<Block>,
    /// Positions in inlined calls.
    pub positions: Positions,
}

impl Function {
    /// A function without blocks.
    pub fn new(sym: Sym, display: &str, result: Option<Type>) -> Function {
        Function {
            sym,
            display: display.to_string(),
            result,
            conv: Conv::C,
            file: None,
            loc: SrcLoc::NONE,
            save_all: false,
            two_sided: false,
            notes: None,
            arguments: Vec::new(),
            values: Vec::new(),
            blocks: Vec::new(),
            insts: Vec::new(),
            pool: Vec::new(),
            edges: Vec::new(),
            layout: Vec::new(),
            positions: Positions::default(),
        }
    }

    /// The position of an instruction.
    pub fn position(&self, inst: Inst) -> Position {
        self.positions.get(self.insts[inst.index()].loc)
    }

    /// The entry block.
    #[inline]
    pub fn entry(&self) -> Block {
        self.layout[0]
    }

    /// Adds a block at the end of the layout.
    pub fn add_block(&mut self) -> Block {
        let b = Block(self.blocks.len() as u32);
        self.blocks.push(BlockData::default());
        self.layout.push(b);
        b
    }

    /// Adds a parameter to a block.
    pub fn add_param(&mut self, block: Block, ty: Type) -> Value {
        let index = self.blocks[block.index()].params.len() as u32;
        let v = self.add_value(ty, ValueDef::Param(block, index));
        self.blocks[block.index()].params.push(v);
        v
    }

    /// Adds a value.
    #[inline]
    pub fn add_value(&mut self, ty: Type, def: ValueDef) -> Value {
        let v = Value(self.values.len() as u32);
        self.values.push(ValueData { ty, def });
        v
    }

    /// Copies operands into the pool.
    pub fn args(&mut self, values: &[Value]) -> ArgList {
        let start = self.pool.len() as u32;
        self.pool.extend_from_slice(values);
        ArgList { start, len: values.len() as u32 }
    }

    /// Copies a list of operands.
    pub fn copy_list(&mut self, list: ArgList) -> ArgList {
        let start = self.pool.len() as u32;
        self.pool.extend_from_within(list.start as usize..(list.start + list.len) as usize);
        ArgList { start, len: list.len }
    }

    /// The values of an operand list.
    #[inline]
    pub fn list(&self, list: ArgList) -> &[Value] {
        &self.pool[list.start as usize..(list.start + list.len) as usize]
    }

    /// The operands of an instruction.
    #[inline]
    pub fn operands(&self, inst: Inst) -> &[Value] {
        self.list(self.insts[inst.index()].args)
    }

    /// The edges of a terminator (empty for other instructions).
    #[inline]
    pub fn edges_of(&self, inst: Inst) -> &[BlockCall] {
        let r = self.insts[inst.index()].edges;
        &self.edges[r.start as usize..(r.start + r.len) as usize]
    }

    /// The instructions of the blocks of the layout, in order.
    pub fn placed(&self) -> impl Iterator<Item = Inst> + '_ {
        self.layout.iter().flat_map(|b| &self.blocks[b.index()].insts).copied()
    }

    /// The terminator of a block. Panics while the block is being built.
    #[inline]
    pub fn terminator(&self, block: Block) -> Inst {
        *self.blocks[block.index()].insts.last().expect("block has a terminator")
    }

    /// Successor edges of a block.
    #[inline]
    pub fn successors(&self, block: Block) -> &[BlockCall] {
        self.edges_of(self.terminator(block))
    }

    /// Type of a value.
    #[inline]
    pub fn ty(&self, v: Value) -> Type {
        self.values[v.index()].ty
    }

    /// Makes a value another name of a value, which from now on is as visible to the collector as
    /// both were. This is the only way in which passes replace values.
    pub fn replace(&mut self, from: Value, to: Value) {
        let to = self.resolve(to);
        self.show(to, self.ty(from));
        // What computed a number from words was no carrier; what stands for it now may be one.
        let computed = matches!(self.values[from.index()].def, ValueDef::Inst(_));
        if computed && self.ty(to) == Type::I64 && self.carried(from).next().is_none() {
            self.unhide(to);
        }
        self.values[from.index()].def = ValueDef::Alias(to);
    }

    /// Makes a value at least as visible as this type.
    pub fn show(&mut self, v: Value, ty: Type) {
        let v = self.resolve(v);
        let old = self.ty(v);
        self.values[v.index()].ty = old.join(ty);
        if old == Type::I64
            && ty.is_visible()
            && let ValueDef::Inst(inst) = self.values[v.index()].def
        {
            self.show_carried(inst);
        }
    }

    /// Keeps the rule when an instruction became another one: to be called by passes that give one
    /// another op or other operands in place. `old` is the op it was.
    pub fn became(&mut self, inst: Inst, old: Op) {
        let carries = |op: Op| op.info().operands.is_some_and(|o| o.contains(&Role::Carried));
        let data = &self.insts[inst.index()];
        if !carries(data.op) {
            return;
        }
        match data.result {
            Some(r) if self.ty(r) == Type::I64 && !carries(old) => self.unhide(r),
            _ => self.show_carried(inst),
        }
    }

    /// Makes visible what an instruction with a visible result carries on.
    fn show_carried(&mut self, inst: Inst) {
        let data = &self.insts[inst.index()];
        let Some(result) = data.result.filter(|r| self.ty(*r).is_visible()) else { return };
        for k in 0..data.args.len as usize {
            let v = self.resolve(self.operands(inst)[k]);
            if self.ty(v) == Type::I64 && self.carried(result).any(|c| c == v) {
                self.unhide(v);
            }
        }
    }

    /// Makes a number visible, and the numbers on the way to it, if it carries on something visible.
    fn unhide(&mut self, v: Value) {
        let (mut found, mut at, mut hides) = (vec![v], 0, false);
        while at < found.len() {
            for o in self.carried(found[at]) {
                if self.ty(o).is_visible() {
                    hides = true;
                } else if found.len() < LONGEST_CHAIN && !found.contains(&o) {
                    found.push(o);
                }
            }
            at += 1;
        }
        if hides {
            for v in found {
                if self.carried(v).next().is_some() {
                    self.values[v.index()].ty = Type::Addr;
                }
            }
        }
    }

    /// The operands whose address the value carries on, if an instruction defines it.
    pub fn carried(&self, v: Value) -> impl Iterator<Item = Value> {
        let (args, roles) = match self.values[v.index()].def {
            ValueDef::Inst(i) => (self.operands(i), self.insts[i.index()].op.info().operands.unwrap_or(&[])),
            _ => (&[][..], &[][..]),
        };
        args.iter().zip(roles).filter(|(_, role)| **role == Role::Carried).map(|(&v, _)| self.resolve(v))
    }

    /// Follows aliases.
    #[inline]
    pub fn resolve(&self, mut v: Value) -> Value {
        while let ValueDef::Alias(w) = self.values[v.index()].def {
            v = w;
        }
        v
    }

    /// The defining instruction of a value, if it is not a block parameter.
    #[inline]
    pub fn def_inst(&self, v: Value) -> Option<Inst> {
        match self.values[self.resolve(v).index()].def {
            ValueDef::Inst(i) => Some(i),
            _ => None,
        }
    }

    /// The constant a value is, when its definition is an `iconst`.
    #[inline]
    pub fn as_iconst(&self, v: Value) -> Option<i64> {
        let i = self.def_inst(v)?;
        let d = &self.insts[i.index()];
        (d.op == Op::Iconst).then_some(d.imm)
    }

    /// Creates an instruction without placing it in a block. A result value is made when `result`
    /// is given.
    pub fn make_inst(
        &mut self,
        op: Op,
        args: &[Value],
        imm: i64,
        sym: Option<Sym>,
        result: Option<Type>,
        loc: SrcLoc,
    ) -> Inst {
        let inst = Inst(self.insts.len() as u32);
        let result = result.map(|ty| self.add_value(ty, ValueDef::Inst(inst)));
        let args = self.args(args);
        self.insts.push(InstData {
            op,
            args,
            imm,
            sym,
            result,
            edges: ArgList::default(),
            loc,
            region: Region::ANY,
        });
        inst
    }

    /// Sets the edges of a terminator.
    pub fn set_edges(&mut self, inst: Inst, edges: &[BlockCall]) {
        let start = self.edges.len() as u32;
        self.edges.extend_from_slice(edges);
        self.insts[inst.index()].edges = ArgList { start, len: edges.len() as u32 };
    }

    /// Makes an edge.
    pub fn edge(&mut self, block: Block, args: &[Value]) -> BlockCall {
        let args = self.args(args);
        BlockCall { block, args, case: 0 }
    }
}
