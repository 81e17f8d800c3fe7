//! One function: its variables, control context and the small helpers that emit code.
//!
//! Locals are SSA variables of the builder; captured locals that are assigned live in heap cells.
//! After code that does not come back, expressions go on in a block without predecessors, which
//! the builder drops.

use super::instances::Instance;
use super::layout::{CELL_VALUE, LIST_LEN, OBJECT_HEADER, Part};
use super::repr::{Layout, Repr, Slot};
use super::runtime::{ListRt, Rt, RtData};
use super::{Lowerer, none_word};
use crate::span::Span;
use crate::tree::{self, GlobalId, LocalId, VarRef};
use crate::types::Ty;
use mochi_ir::builder::Var;
use mochi_ir::hash::FastMap;
use mochi_ir::{Block, Cond, Function, FunctionBuilder, Op, Region, Sym, Type, Value};
use std::rc::Rc;

/// Where a loop's `break` and `continue` go.
#[derive(Clone, Copy)]
pub(crate) struct Loop {
    pub(crate) exit: Block,
    pub(crate) next: Block,
}

/// Where a variable lives.
#[derive(Clone, Copy)]
pub(crate) enum Home {
    /// In a variable of the builder.
    Var(Var),
    /// In a heap cell; the builder's variable holds its address.
    Cell(Var),
    /// In a word of data.
    Data(Sym),
}

/// Emits one function.
pub(crate) struct Fx<'l, 'a> {
    pub(crate) lw: &'l mut Lowerer<'a>,
    pub(crate) b: FunctionBuilder,
    /// The function of the tree; thunks have none.
    pub(crate) fun: Option<&'a tree::Function>,
    pub(crate) instance: Option<Instance>,
    /// The closure this function was called through.
    pub(crate) env: Option<Value>,
    pub(crate) loops: Vec<Loop>,
    /// Variables of the enclosing range loops that count from modest starts and are not assigned.
    pub(crate) counters: Vec<LocalId>,
    pub(crate) result: Ty,
    locals: Vec<Option<Var>>,
    globals: FastMap<GlobalId, Var>,
    tys: FastMap<Ty, Ty>,
}

/// Lowers one instance.
pub(crate) fn lower_function(lw: &mut Lowerer<'_>, instance: &Instance, sym: Sym) -> Function {
    let tree = &lw.program.functions[instance.func.0 as usize];
    let signature = lw.module.signature(sym).clone();
    let mut display = tree.name.clone();
    if tree.generics > 0 {
        let names: Vec<String> = instance.args.iter().map(|t| lw.types.name(*t)).collect();
        display = format!("{display}<{}>", names.join(", "));
    }
    let mut f = Function::new(sym, &display, signature.result);
    f.file = Some(u32::from(tree.span.file.0));
    f.loc = lw.position(tree.span);
    let mut b = FunctionBuilder::new(f, &signature.params);
    b.loc = b.func.loc;
    let result = lw.types.resolve(tree.result, &instance.args);
    let mut fx = Fx {
        b,
        fun: Some(tree),
        instance: Some(instance.clone()),
        env: None,
        loops: Vec::new(),
        counters: Vec::new(),
        result,
        locals: vec![None; tree.locals.len()],
        globals: FastMap::default(),
        tys: FastMap::default(),
        lw,
    };
    fx.prologue(tree);
    fx.stmts(&tree.body);
    if fx.b.is_reachable() {
        fx.return_none();
    }
    fx.b.finish()
}

impl<'l, 'a> Fx<'l, 'a> {
    /// A function without a counterpart in the tree, with these parameters.
    pub(crate) fn bare(lw: &'l mut Lowerer<'a>, sym: Sym, display: &str) -> Fx<'l, 'a> {
        let signature = lw.module.signature(sym).clone();
        let f = Function::new(sym, display, signature.result);
        Fx {
            b: FunctionBuilder::new(f, &signature.params),
            fun: None,
            instance: None,
            env: None,
            loops: Vec::new(),
            counters: Vec::new(),
            result: Ty::UNIT,
            locals: Vec::new(),
            globals: FastMap::default(),
            tys: FastMap::default(),
            lw,
        }
    }

    fn prologue(&mut self, tree: &'a tree::Function) {
        let mut params = self.b.params();
        let func = self.instance.as_ref().expect("instance").func;
        if self.lw.facts.has_env[func.0 as usize] {
            self.env = Some(params.remove(0));
        }
        for (&local, value) in tree.params.iter().zip(params) {
            self.bind_local(local, value);
        }
        if let Some(env) = self.env {
            if let Some(local) = tree.self_ref {
                self.bind_local(local, env);
            }
            self.load_captures(tree, env);
        }
    }

    /// The resolved form of a type of the tree.
    pub(crate) fn ty(&mut self, ty: Ty) -> Ty {
        let Some(i) = self.instance.as_ref().filter(|i| !i.args.is_empty()) else {
            return self.lw.types.plain(ty);
        };
        if let Some(&t) = self.tys.get(&ty) {
            return t;
        }
        let t = self.lw.types.resolve(ty, &i.args);
        self.tys.insert(ty, t);
        t
    }

    /// Representation of a type of the tree.
    pub(crate) fn repr(&mut self, ty: Ty) -> Repr {
        let ty = self.ty(ty);
        self.lw.types.repr(ty)
    }

    /// Type arguments of this instance.
    pub(crate) fn type_args(&self) -> Rc<[Ty]> {
        self.instance.as_ref().map_or_else(|| Rc::new([]) as Rc<[Ty]>, |i| i.args.clone())
    }

    /// Gives this position to the instructions that follow.
    pub(crate) fn at(&mut self, span: Span) {
        self.b.loc = self.lw.position(span);
    }

    // Constants.

    /// None of a representation.
    pub(crate) fn none(&mut self, repr: Repr) -> Value {
        match repr {
            Repr::Float => self.b.fconst(f64::from_bits(none_word(repr) as u64)),
            Repr::Bool => self.b.iconst(none_word(repr)),
            _ => self.b.rconst(none_word(repr)),
        }
    }

    /// The value of a unit expression.
    pub(crate) fn unit(&mut self) -> Value {
        self.none(Repr::Any)
    }

    /// A tagged integer.
    pub(crate) fn int(&mut self, v: i64) -> Value {
        match v.checked_mul(2) {
            Some(word) => self.b.rconst(word),
            None => {
                let raw = self.b.iconst(v);
                self.rt(Rt::int_from_i64, &[raw])
            }
        }
    }

    /// A static string.
    pub(crate) fn str_value(&mut self, text: impl AsRef<[u8]>) -> Value {
        let (sym, at) = self.lw.str_lit(text.as_ref());
        self.b.symaddr(sym, at, Type::Ref)
    }

    /// Whether a value is the literal of a string of one byte: it equals itself only.
    pub(crate) fn is_char_literal(&self, v: Value) -> bool {
        let Some(inst) = self.b.func.def_inst(v) else { return false };
        let data = &self.b.func.insts[inst.index()];
        data.op == Op::Symaddr && data.sym.is_some_and(|s| self.lw.is_runtime_data(s, RtData::byte_strings))
    }

    /// Address of a resolved type's descriptor.
    pub(crate) fn desc(&mut self, ty: Ty) -> Value {
        let sym = self.lw.desc(ty);
        self.b.symaddr(sym, 0, Type::I64)
    }

    // Words.

    /// The 8-byte slot word of a value.
    pub(crate) fn word(&mut self, v: Value) -> Value {
        match self.b.func.ty(v) {
            Type::F64 => self.b.op(Op::FbitsTo, &[v], Type::Ref),
            Type::I64 | Type::Addr => self.b.op(Op::Copy, &[v], Type::Ref),
            Type::Ref => v,
        }
    }

    /// The value a slot word stands for.
    pub(crate) fn unpack(&mut self, repr: Repr, word: Value) -> Value {
        match (repr.ir(), self.b.func.ty(word)) {
            (Type::F64, Type::F64) => word,
            (Type::F64, _) => self.b.op(Op::FbitsFrom, &[word], Type::F64),
            (want, have) if want == have => word,
            (want, _) => self.b.op(Op::Copy, &[word], want),
        }
    }

    /// Loads a slot.
    pub(crate) fn load_slot(&mut self, repr: Repr, addr: Value, offset: i64, region: Region) -> Value {
        let ty = repr.ir();
        let op = if ty == Type::F64 { Op::LoadF64 } else { Op::Load64 };
        let v = self.b.load(op, addr, offset, ty);
        self.b.set_region(region);
        v
    }

    /// Stores to a slot.
    pub(crate) fn store_slot(&mut self, addr: Value, value: Value, offset: i64, region: Region) {
        let op = if self.b.func.ty(value) == Type::F64 { Op::StoreF64 } else { Op::Store64 };
        self.b.store(op, addr, value, offset);
        self.b.set_region(region);
    }

    /// Loads a number from a part of an object.
    pub(crate) fn load_part(&mut self, object: Value, offset: i64, part: Part) -> Value {
        let v = self.b.load(Op::Load64, object, offset, Type::I64);
        let region = self.lw.part(part);
        self.b.set_region(region);
        v
    }

    /// Allocates an object of fixed size.
    pub(crate) fn alloc(&mut self, layout: &Layout, desc: Sym) -> Value {
        let size = self.b.iconst(i64::from(layout.size));
        let desc = self.b.symaddr(desc, 0, Type::I64);
        self.rt(Rt::alloc, &[size, desc])
    }

    /// Tags a raw integer that fits.
    pub(crate) fn tag(&mut self, v: Value) -> Value {
        let one = self.b.iconst(1);
        self.b.op(Op::Shl, &[v, one], Type::Ref)
    }

    /// 1 when the value is none.
    pub(crate) fn is_none(&mut self, repr: Repr, v: Value) -> Value {
        let word = if repr == Repr::Float { self.b.op(Op::FbitsTo, &[v], Type::I64) } else { v };
        let none = self.b.iconst(none_word(repr));
        self.b.icmp(Cond::Eq, word, none)
    }

    /// `v ^ 1` of a 0/1 value.
    pub(crate) fn flip(&mut self, v: Value) -> Value {
        let zero = self.b.iconst(0);
        self.b.icmp(Cond::Eq, v, zero)
    }

    // Control.

    /// Goes on in a block nobody reaches, when the last code does not come back.
    pub(crate) fn revive(&mut self) {
        if !self.b.is_reachable() {
            let dead = self.b.new_block();
            self.b.switch_to(dead);
        }
    }

    /// Goes on in a block.
    pub(crate) fn enter(&mut self, block: Block) {
        self.b.switch_to(block);
    }

    /// Goes to a block unless the end of this one is not reached.
    pub(crate) fn jump(&mut self, block: Block) {
        if self.b.is_reachable() {
            self.b.jump(block, &[]);
        }
    }

    /// Branches on a word.
    pub(crate) fn brif(&mut self, cond: Value, then: Block, otherwise: Block) {
        self.b.brif(cond, then, &[], otherwise, &[]);
    }

    /// Ends the program with a message; code goes on unreached.
    pub(crate) fn panic(&mut self, message: Value) {
        self.rt_void(Rt::panic_msg, &[message]);
        self.b.unreachable();
        self.revive();
    }

    /// The value of `then` when `cond` is not 0, else of `otherwise`.
    pub(crate) fn choose(
        &mut self,
        cond: Value,
        repr: Repr,
        then: impl FnOnce(&mut Self) -> Value,
        otherwise: impl FnOnce(&mut Self) -> Value,
    ) -> Value {
        let (t, f, join) = (self.b.new_block(), self.b.new_block(), self.b.new_block());
        let result = self.b.declare_var(repr.ir());
        self.brif(cond, t, f);
        self.enter(t);
        let v = then(self);
        self.b.def_var(result, v);
        self.jump(join);
        self.enter(f);
        let v = otherwise(self);
        self.b.def_var(result, v);
        self.jump(join);
        self.enter(join);
        self.b.use_var(result)
    }

    /// Runs `body` for `i` from 0 below `count` (raw). `break` and `continue` of the language are
    /// not connected to this loop.
    pub(crate) fn count_loop(&mut self, count: Value, body: impl FnOnce(&mut Self, Value)) {
        let i = self.b.declare_var(Type::I64);
        let zero = self.b.iconst(0);
        self.b.def_var(i, zero);
        let (head, inside, exit) = (self.b.new_block(), self.b.new_block(), self.b.new_block());
        self.b.jump(head, &[]);
        self.b.switch_to(head);
        let at = self.b.use_var(i);
        let more = self.b.icmp(Cond::Slt, at, count);
        self.brif(more, inside, exit);
        self.enter(inside);
        body(self, at);
        if self.b.is_reachable() {
            let one = self.b.iconst(1);
            let next = self.b.bin(Op::Add, at, one);
            self.b.def_var(i, next);
            self.b.jump(head, &[]);
        }
        self.enter(exit);
    }

    /// Raw length of a list.
    pub(crate) fn raw_len(&mut self, list: Value) -> Value {
        self.load_part(list, LIST_LEN, Part::ListLen)
    }

    /// Element of a list by raw index, unchecked.
    pub(crate) fn raw_get(&mut self, elem: Ty, list: Value, index: Value) -> Value {
        let repr = self.lw.types.repr(elem);
        self.rt_as(repr, ListRt::GET_RAW.of(repr), &[list, index])
    }

    /// An empty list of a resolved list type.
    pub(crate) fn new_list(&mut self, list: Ty, capacity: i64) -> Value {
        let desc = self.desc(list);
        let capacity = self.b.iconst(capacity);
        self.rt(Rt::list_new, &[desc, capacity])
    }

    /// Adds an element to a list nobody else holds.
    pub(crate) fn push(&mut self, elem: Ty, list: Value, value: Value) {
        let repr = self.lw.types.repr(elem);
        self.rt_void(ListRt::PUSH.of(repr), &[list, value]);
    }

    // Variables.

    fn local_repr(&mut self, local: LocalId) -> Repr {
        let tree = self.fun.expect("locals belong to a function");
        self.repr(tree.locals[local.0 as usize].ty)
    }

    fn local_var(&mut self, local: LocalId, ty: Type) -> Var {
        if let Some(v) = self.locals[local.0 as usize] {
            return v;
        }
        let v = self.b.declare_var(ty);
        self.locals[local.0 as usize] = Some(v);
        v
    }

    /// Facts about a local of this function.
    pub(crate) fn facts(&self, local: LocalId) -> super::facts::LocalFacts {
        let func = self.instance.as_ref().expect("instance").func;
        *self.lw.facts.local(func, local)
    }

    /// Where a variable lives.
    pub(crate) fn home(&mut self, var: VarRef) -> Home {
        match var {
            VarRef::Local(l) => {
                if self.facts(l).cell {
                    Home::Cell(self.local_var(l, Type::Ref))
                } else {
                    let ty = self.local_repr(l).ir();
                    Home::Var(self.local_var(l, ty))
                }
            }
            VarRef::Global(g) => {
                let global = &self.lw.program.globals[g.0 as usize];
                let main = self.instance.as_ref().is_some_and(|i| i.func == self.lw.program.main);
                if global.shared || !main {
                    return Home::Data(self.lw.global(g));
                }
                let ty = self.repr(global.ty).ir();
                Home::Var(*self.globals.entry(g).or_insert_with(|| self.b.declare_var(ty)))
            }
        }
    }

    /// Type of a variable, resolved.
    pub(crate) fn var_ty(&mut self, var: VarRef) -> Ty {
        let ty = match var {
            VarRef::Local(l) => self.fun.expect("function").locals[l.0 as usize].ty,
            VarRef::Global(g) => self.lw.program.globals[g.0 as usize].ty,
        };
        self.ty(ty)
    }

    /// Binds a new variable: a fresh cell where it needs one.
    pub(crate) fn bind(&mut self, var: VarRef, value: Value) {
        match self.home(var) {
            Home::Var(v) => self.b.def_var(v, value),
            Home::Data(sym) => {
                let addr = self.b.symaddr(sym, 0, Type::Addr);
                let region = self.lw.part(Part::Variable);
                self.store_slot(addr, value, 0, region);
            }
            Home::Cell(v) => {
                let ty = self.var_ty(var);
                let desc = match self.lw.types.repr(ty).slot() {
                    Slot::Ref => RtData::desc_cell_ref,
                    Slot::Tag => RtData::desc_cell_tag,
                    Slot::Raw => RtData::desc_cell_raw,
                };
                let desc = self.lw.runtime_data(desc);
                let cell = self.alloc(&Layout::new(OBJECT_HEADER, &[Slot::Ref]), desc);
                let region = self.lw.part(Part::Cell);
                self.store_slot(cell, value, CELL_VALUE, region);
                self.b.def_var(v, cell);
            }
        }
    }

    /// [`Fx::bind`] of a local.
    pub(crate) fn bind_local(&mut self, local: LocalId, value: Value) {
        self.bind(VarRef::Local(local), value);
    }

    /// Assigns a variable that was bound before.
    pub(crate) fn assign(&mut self, var: VarRef, value: Value) {
        match self.home(var) {
            Home::Cell(v) => {
                let cell = self.b.use_var(v);
                let region = self.lw.part(Part::Cell);
                self.store_slot(cell, value, CELL_VALUE, region);
            }
            _ => self.bind(var, value),
        }
    }

    /// Reads a variable.
    pub(crate) fn read(&mut self, var: VarRef) -> Value {
        let ty = self.var_ty(var);
        let repr = self.lw.types.repr(ty);
        match self.home(var) {
            Home::Var(v) => self.b.use_var(v),
            Home::Cell(v) => {
                let cell = self.b.use_var(v);
                let region = self.lw.part(Part::Cell);
                self.load_slot(repr, cell, CELL_VALUE, region)
            }
            Home::Data(sym) => {
                let addr = self.b.symaddr(sym, 0, Type::Addr);
                let region = self.lw.part(Part::Variable);
                self.load_slot(repr, addr, 0, region)
            }
        }
    }

    /// Defines a captured local from the word the closure holds: the cell's address or the value.
    pub(crate) fn set_capture(&mut self, local: LocalId, value: Value) {
        match self.home(VarRef::Local(local)) {
            Home::Var(v) | Home::Cell(v) => self.b.def_var(v, value),
            Home::Data(_) => unreachable!("captures are locals"),
        }
    }

    /// What a closure holds for a captured local: the cell's address or the value.
    pub(crate) fn get_capture(&mut self, local: LocalId) -> Value {
        match self.home(VarRef::Local(local)) {
            Home::Var(v) | Home::Cell(v) => self.b.use_var(v),
            Home::Data(_) => unreachable!("captures are locals"),
        }
    }

    /// Returns none of the result type.
    pub(crate) fn return_none(&mut self) {
        let repr = self.lw.types.repr(self.result);
        let v = self.b.func.result.map(|_| self.none(repr));
        self.b.ret(v);
    }
}
