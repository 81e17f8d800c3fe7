//! One function: how it begins and ends, its types, and the blocks that code goes on in.
//!
//! Its variables are in [`super::variables`], values and words in [`super::values`]. After code that does
//! not come back, expressions go on in a block without predecessors, which the builder drops.

use super::Lowerer;
use super::instances::Instance;
use super::repr::Repr;
use super::runtime::Rt;
use crate::span::Span;
use crate::tree::{self, Expr, GlobalId, LocalId, VarRef};
use crate::types::Ty;
use mochi_ir::builder::Var;
use mochi_ir::hash::FastMap;
use mochi_ir::{Block, Cond, Function, FunctionBuilder, Op, Sym, Type, Value};
use std::rc::Rc;

/// Where a loop's `break` and `continue` go.
#[derive(Clone, Copy)]
pub(crate) struct Loop {
    pub(crate) exit: Block,
    pub(crate) next: Block,
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
    /// Expressions whose values are known where they stand ([`super::totals`]).
    pub(crate) known: Vec<(&'a tree::Expr, Value, Ty)>,
    pub(crate) result: Ty,
    pub(super) locals: Vec<Option<Var>>,
    pub(super) globals: FastMap<GlobalId, Var>,
    /// Lists to which each turn of the loop that comes next appends ([`super::reserve`]).
    pub(super) room_for: Vec<VarRef>,
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
        known: Vec::new(),
        result,
        locals: vec![None; tree.locals.len()],
        globals: FastMap::default(),
        room_for: Vec::new(),
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
            known: Vec::new(),
            result: Ty::UNIT,
            locals: Vec::new(),
            globals: FastMap::default(),
            room_for: Vec::new(),
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

    /// Calls a runtime function that ends the program; code goes on unreached.
    pub(crate) fn end_by(&mut self, function: Rt, arg: Value) {
        self.rt_void(function, &[arg]);
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

    /// Runs `body` for each line of standard input, which is read when its turn comes; `break` and `continue`
    /// go where the body is told.
    pub(crate) fn line_loop(&mut self, source: &Expr, body: impl FnOnce(&mut Self, Value, Loop)) {
        let (head, inside, exit) = (self.b.new_block(), self.b.new_block(), self.b.new_block());
        self.b.jump(head, &[]);
        self.b.switch_to(head);
        self.at(source.span);
        let line = self.rt(Rt::read_line, &[]);
        let over = self.is_none(Repr::Ref, line);
        self.brif(over, exit, inside);
        self.enter(inside);
        body(self, line, Loop { exit, next: head });
        self.jump(head);
        self.enter(exit);
    }

    /// Returns none of the result type.
    pub(crate) fn return_none(&mut self) {
        let repr = self.lw.types.repr(self.result);
        let v = self.b.func.result.map(|_| self.none(repr));
        self.b.ret(v);
    }
}
