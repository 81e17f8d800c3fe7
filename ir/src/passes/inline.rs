//! Inlining: runtime functions marked `inline` (bodies from the [`Library`] or from the module),
//! and small functions of the program.
//!
//! Functions are handled callees first, so that a body is final when it is copied; calls within a
//! cycle stay, but small functions that call themselves do it with a copy or two of their own bodies between.
//!
//! A trace has to show every frame in which something went wrong. So instructions of the program keep their
//! positions, which say from then on that they are in an inlined call ([`crate::positions`]). Functions
//! without a file are in no trace and have no such calls; what is copied into one from the program cannot fail.
//! Instructions of the runtime take the position of the call.
//!
//! Calls that make objects ([`Attributes::fresh`]) stay calls, which say to the other passes what they are, until
//! nothing is moved or merged any more. Then [`allocate`] replaces them. Sizes are constant nearly always, so it
//! copies bodies that are folded for their size, once each.
//!
//! ```
//! mochi_ir::filetest::becomes("allocate", "
//! declare func @room(i64) -> ref
//! declare func @new(i64, i64) -> ref inline fresh
//! func @new -> ref {
//! b0(v0:i64, v1:i64):
//!   v2:i64 = iconst 15
//!   v3:i64 = add v0, v2
//!   v4:ref = call @room(v3)
//!   store.64 v4, v1
//!   ret v4
//! }
//! func @f -> ref {
//! b0(v0:i64):
//!   v1:i64 = iconst 24
//!   v2:ref = call @new(v1, v0)
//!   ret v2
//! }", "
//! func @f -> ref {
//! b0(v0:i64):
//!   v1:i64 = iconst 24
//!   v2:i64 = iconst 39
//!   v3:ref = call @room(v2)
//!   store.64 v3, v0
//!   ret v3
//! }");
//! ```
//!
//! ```
//! mochi_ir::filetest::becomes("inline", "
//! file \"a.mochi\"
//! func @double file 0 -> i64 @1:1 {
//! b0(v0:i64):
//!   v1:i64 = add v0, v0 @2:9
//!   ret v1
//! }
//! func @f file 0 -> i64 {
//! b0(v0:i64):
//!   v1:i64 = call @double(v0) @5:9
//!   v2:i64 = mul v1, v0 @6:9
//!   ret v2
//! }", "
//! func @f file 0 -> i64 {
//! inlined \"double\" file 0 line 1 at @5:9
//! b0(v0:i64):
//!   v1:i64 = add v0, v0 @2:9:0
//!   v2:i64 = mul v1, v0 @6:9
//!   ret v2
//! }");
//! ```

use super::{Abilities, Context, dce, flow, fold};
use crate::cfg::Rpo;
use crate::func::{ArgList, Block, BlockCall, Function, Inst, InstData, Value, ValueDef};
use crate::hash::FastMap;
use crate::library::Library;
use crate::module::{Attributes, Module, Sym, SymKind};
use crate::notes::Count;
use crate::ops::{Imm, Op};
use crate::positions::{Adopted, InlinedCall, SrcLoc};
use crate::text::parse_function;
use std::fmt;
use std::rc::Rc;

/// Functions of the program up to this many instructions that are likely to run are copied.
const SMALL: usize = 64;
/// The same, with those that are not.
const SMALL_WITH_COLD: usize = 128;
/// Instructions that are likely to run in functions with loops: many of these end at once.
const SMALL_WITH_LOOP: usize = 48;
/// Blocks that are likely to run in a function that is copied.
const SMALL_BLOCKS: usize = 24;
/// In code that is unlikely to run only bodies up to this size are copied; in functions that are, also those that
/// ask for it.
const TINY: usize = 4;
/// Copies of its own body may make a function as large as this.
const RECURSION_LIMIT: usize = 160;
/// So many calls of itself are then one call.
const RECURSION_DEPTH: usize = 2;
/// A caller stops growing at this many instructions.
const CALLER_LIMIT: usize = 100_000;
/// Inlined functions that call inlined functions are expanded up to this depth.
const MAX_DEPTH: u32 = 12;

/// Instructions and blocks of a small function that the code of an allocation counts for, although it comes later.
const ALLOCATION: (usize, usize) = (10, 2);

/// Runs the pass on a module.
pub fn run(module: &mut Module, library: &Library) {
    let funcs = std::mem::take(&mut module.funcs);
    let order = callees_first(module, &funcs, |_| true);
    let mut inliner = Inliner::new(module, library);
    let mut funcs: Vec<Option<Function>> = funcs.into_iter().map(Some).collect();
    let mut obstacles = vec![None; order.len()];
    for &i in &order {
        let mut func = funcs[i].take().expect("each function is visited once");
        inliner.expand(&mut func, 0);
        let index = func.sym.0 as usize;
        let attributes = inliner.module.syms[index].attributes;
        obstacles[i] =
            if attributes.cold { Some(Obstacle::Seldom) } else { Obstacle::of(inliner.module, &func) };
        let small = obstacles[i].is_none();
        let cannot_fail = small && is_arithmetic(&func);
        // Code without a file makes references of numbers, which the collector must see before calls.
        if attributes.inline || small && (cannot_fail || func.file.is_some()) {
            // Bodies are copied from a copy; the function itself stays with the module.
            inliner.bodies[index] = Some(Rc::new(Body { func: func.clone(), cannot_fail }));
        }
        if small && func.file.is_some() && !has_loop(&func) {
            inliner.expand_recursion(&mut func);
        }
        funcs[i] = Some(func);
    }
    module.funcs = funcs.into_iter().map(|f| f.expect("put back")).collect();
    if module.funcs.iter().any(|f| f.notes.is_some()) {
        remark_calls(module, &order, &obstacles);
    }
}

/// The pass that makes code of calls that make objects.
pub fn allocate(module: &mut Module, library: &Library) {
    let mut funcs = std::mem::take(&mut module.funcs);
    let mut inliner = Inliner::new(module, library);
    inliner.allocations = Some(FastMap::default());
    for func in &funcs {
        let attributes = inliner.module.sym(func.sym).attributes;
        if attributes.inline && attributes.fresh {
            inliner.bodies[func.sym.0 as usize] =
                Some(Rc::new(Body { func: func.clone(), cannot_fail: false }));
        }
    }
    funcs.iter_mut().for_each(|func| inliner.expand(func, 0));
    module.funcs = funcs;
}

fn is_fresh(module: &Module, call: &InstData) -> bool {
    call.op == Op::Call && call.sym.is_some_and(|s| module.sym(s).attributes.fresh)
}

/// Indices of functions, callees before callers as far as calls are not circular; only calls of functions
/// with such attributes count.
pub(super) fn callees_first(
    module: &Module,
    funcs: &[Function],
    counts: impl Fn(Attributes) -> bool,
) -> Vec<usize> {
    let mut index = vec![u32::MAX; module.syms.len()];
    for (i, f) in funcs.iter().enumerate() {
        index[f.sym.0 as usize] = i as u32;
    }
    let callees: Vec<Vec<u32>> = funcs
        .iter()
        .map(|f| {
            let calls = f.placed().filter_map(|i| {
                let data = &f.insts[i.index()];
                if data.op == Op::Call { data.sym } else { None }
            });
            calls
                .filter(|s| counts(module.sym(*s).attributes))
                .map(|s| index[s.0 as usize])
                .filter(|&i| i != u32::MAX)
                .collect()
        })
        .collect();
    let mut order = Vec::with_capacity(funcs.len());
    let mut seen = vec![false; funcs.len()];
    let mut stack: Vec<(usize, usize)> = Vec::new();
    for root in 0..funcs.len() {
        if !std::mem::replace(&mut seen[root], true) {
            stack.push((root, 0));
        }
        while let Some((f, next)) = stack.last_mut() {
            match callees[*f].get(*next) {
                Some(&callee) => {
                    *next += 1;
                    if !std::mem::replace(&mut seen[callee as usize], true) {
                        stack.push((callee as usize, 0));
                    }
                }
                None => {
                    order.push(*f);
                    stack.pop();
                }
            }
        }
    }
    order
}

fn size(func: &Function) -> usize {
    func.layout.iter().map(|b| func.blocks[b.index()].insts.len()).sum()
}

/// Why a function of the program is not copied.
#[derive(Clone, Copy)]
enum Obstacle {
    Seldom,
    /// So many blocks that are likely to run.
    Blocks(usize),
    /// So many instructions that are likely to run.
    Warm(usize),
    /// So many instructions.
    All(usize),
    /// It asks for its own frame.
    Frame,
    /// It has a loop, and so many instructions that are likely to run.
    Loop(usize),
}

impl Obstacle {
    /// Few instructions that are likely to run, and nothing that asks for its own frame have none.
    fn of(module: &Module, func: &Function) -> Option<Obstacle> {
        let block = |b: &&Block| &func.blocks[b.index()];
        let warm = || func.layout.iter().filter(|b| !block(b).cold);
        let made = func.placed().filter(|i| is_fresh(module, &func.insts[i.index()])).count();
        let blocks = warm().count() + made * ALLOCATION.1;
        let insts = warm().map(|b| block(&b).insts.len()).sum::<usize>() + made * ALLOCATION.0;
        let all = size(func) + made * ALLOCATION.0;
        if blocks > SMALL_BLOCKS {
            return Some(Obstacle::Blocks(blocks));
        }
        if insts > SMALL {
            return Some(Obstacle::Warm(insts));
        }
        if all > SMALL_WITH_COLD {
            return Some(Obstacle::All(all));
        }
        if func.save_all {
            return Some(Obstacle::Frame);
        }
        // What a longer loop does takes more time than the call; those of the runtime are called with much to do.
        let long = insts > SMALL_WITH_LOOP || func.file.is_none();
        if long && has_loop(func) {
            return Some(Obstacle::Loop(insts));
        }
        let framed = |i: Inst| matches!(func.insts[i.index()].op, Op::GetFp | Op::GetSp);
        func.placed().any(framed).then_some(Obstacle::Frame)
    }
}

fn has_loop(func: &Function) -> bool {
    let order = Rpo::new(func).rpo_index;
    let back = |b: &Block| {
        let at = order[b.index()];
        func.successors(*b).iter().any(|e| order[e.block.index()] <= at)
    };
    func.layout.iter().any(back)
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Seldom => f.write_str("it is unlikely to be called"),
            Obstacle::Blocks(n) => {
                write!(f, "it has {n} blocks that are likely to run, at most {SMALL_BLOCKS} may be")
            }
            Obstacle::Warm(n) => {
                write!(f, "it has {n} instructions that are likely to run, at most {SMALL} may be")
            }
            Obstacle::All(n) => write!(f, "it has {n} instructions, at most {SMALL_WITH_COLD} may be"),
            Obstacle::Frame => f.write_str("it asks for its own frame"),
            Obstacle::Loop(n) => {
                let most = SMALL_WITH_LOOP;
                write!(f, "it has a loop and {n} instructions that are likely to run, at most {most} may be")
            }
        }
    }
}

/// A function of the program as its callers see it.
struct Callee {
    name: String,
    /// When its body was final: its place in the order in which functions are handled.
    turn: usize,
    obstacle: Option<Obstacle>,
    /// Some caller was handled before it.
    circular: bool,
}

/// Says of each call of a function of the program that stays why it does. `order` is the one in which functions were
/// handled, by index.
fn remark_calls(module: &mut Module, order: &[usize], obstacles: &[Option<Obstacle>]) {
    let mut callees: Vec<Option<Callee>> = module.syms.iter().map(|_| None).collect();
    for (turn, &i) in order.iter().enumerate() {
        let (func, obstacle) = (&module.funcs[i], obstacles[i]);
        if func.file.is_some() {
            let callee = Callee { name: func.display.clone(), turn, obstacle, circular: false };
            callees[func.sym.0 as usize] = Some(callee);
        }
    }
    for (turn, func) in order.iter().map(|&i| &module.funcs[i]).enumerate() {
        for call in func.placed().map(|i| &func.insts[i.index()]).filter(|d| d.op == Op::Call) {
            let callee = call.sym.and_then(|s| callees[s.0 as usize].as_mut());
            if let Some(callee) = callee.filter(|c| c.turn >= turn) {
                callee.circular = true;
            }
        }
    }
    for (turn, &i) in order.iter().enumerate() {
        let func = &mut module.funcs[i];
        let Some(mut notes) = func.notes.take() else { continue };
        let seldom = module.syms[func.sym.0 as usize].attributes.cold;
        for block in func.layout.iter().map(|b| &func.blocks[b.index()]) {
            for call in block.insts.iter().map(|i| &func.insts[i.index()]).filter(|d| d.op == Op::Call) {
                let callee = call.sym.and_then(|s| callees[s.0 as usize].as_ref());
                let Some(Callee { name, turn: done, obstacle, circular }) = callee else { continue };
                // Calls that came with a body are those that stayed in it.
                let in_circle = *done >= turn || *circular && func.positions.get(call.loc).call.is_some();
                let why = match obstacle {
                    Some(obstacle) => obstacle.to_string(),
                    None if in_circle => "it is in a circle of calls".to_string(),
                    None if seldom || block.cold => "the call is unlikely to run".to_string(),
                    None => format!("the caller has grown to {CALLER_LIMIT} instructions"),
                };
                notes.remark(call.loc, format!("`{name}` is not inlined: {why}"));
            }
        }
        func.notes = Some(notes);
    }
}

/// No instruction can fail, call, or touch memory other than global data.
fn is_arithmetic(func: &Function) -> bool {
    func.placed().all(|inst| {
        let data = &func.insts[inst.index()];
        let global = || {
            let base = func.operands(inst)[0];
            func.def_inst(base).is_some_and(|d| func.insts[d.index()].op == Op::Symaddr)
        };
        match data.op {
            Op::IntDiv | Op::IntMod => func.as_iconst(func.operands(inst)[1]).is_some_and(|c| c > 1),
            Op::Unreachable => false,
            op if op.is_int() || op.is_terminator() => true,
            op if op.info().imm == Imm::Offset => global(),
            op => op.is_pure(),
        }
    })
}

/// A function to be copied.
struct Body {
    func: Function,
    /// It can be anywhere.
    cannot_fail: bool,
}

/// Bodies by function and constant size.
type Allocations = FastMap<(Sym, Option<i64>), Rc<Body>>;

struct Inliner<'a> {
    module: &'a mut Module,
    library: &'a Library,
    /// Bodies to copy, by symbol.
    bodies: Vec<Option<Rc<Body>>>,
    /// Symbols known to have no body to copy.
    missing: FastMap<Sym, ()>,
    /// What was copied so far when it is time to make objects.
    allocations: Option<Allocations>,
    /// The caller's values by the callee's.
    map: Vec<Value>,
    /// The caller's blocks by the callee's.
    blocks: Vec<Block>,
}

impl<'a> Inliner<'a> {
    fn new(module: &'a mut Module, library: &'a Library) -> Inliner<'a> {
        Inliner {
            bodies: vec![None; module.syms.len()],
            missing: FastMap::default(),
            allocations: None,
            module,
            library,
            map: Vec::new(),
            blocks: Vec::new(),
        }
    }

    /// The body to copy for a call, if there is one at this stage.
    fn body_for(&mut self, func: &Function, call: &InstData, depth: u32) -> Option<Rc<Body>> {
        let sym = call.sym.filter(|_| call.op == Op::Call)?;
        let fresh = is_fresh(self.module, call);
        if fresh != self.allocations.is_some() {
            return None;
        }
        if !fresh {
            return self.body(sym, depth);
        }
        let size = func.as_iconst(func.list(call.args)[0]);
        let made = self.allocations.as_ref().and_then(|made| made.get(&(sym, size)).cloned());
        if made.is_some() {
            return made;
        }
        let body = self.body(sym, depth)?;
        let body = size.map_or(body.clone(), |size| Rc::new(self.for_size(&body, size)));
        self.allocations.as_mut()?.insert((sym, size), body.clone());
        Some(body)
    }

    /// A body whose first parameter is a constant, folded.
    fn for_size(&self, body: &Body, size: i64) -> Body {
        let mut func = body.func.clone();
        let entry = func.entry();
        let parameter = func.blocks[entry.index()].params[0];
        let constant = func.make_inst(Op::Iconst, &[], size, None, Some(func.ty(parameter)), SrcLoc::NONE);
        func.blocks[entry.index()].insts.insert(0, constant);
        let value = func.insts[constant.index()].result.expect("a constant has a result");
        func.pool.iter_mut().filter(|v| **v == parameter).for_each(|v| *v = value);
        let cx = Context::new(self.module, Abilities::ALL);
        for pass in [fold::run, flow::run, dce::run] {
            pass(&mut func, &cx);
        }
        func.compact();
        Body { func, cannot_fail: body.cannot_fail }
    }

    /// The body to copy for calls of a function, if there is one.
    fn body(&mut self, sym: Sym, depth: u32) -> Option<Rc<Body>> {
        if self.bodies.len() < self.module.syms.len() {
            self.bodies.resize(self.module.syms.len(), None);
        }
        if let Some(body) = &self.bodies[sym.0 as usize] {
            return Some(body.clone());
        }
        if depth >= MAX_DEPTH || self.missing.contains_key(&sym) {
            return None;
        }
        let name = &self.module.sym(sym).name;
        let text = self.library.find(name).and_then(|d| if d.attributes.inline { d.body } else { None });
        // Until it is finished it has no body: recursion stays a call.
        self.missing.insert(sym, ());
        let mut func = parse_function(text?, self.module, self.library)
            .unwrap_or_else(|e| panic!("body of runtime function: {e}"));
        func.file = None;
        self.expand(&mut func, depth + 1);
        let body = Rc::new(Body { func, cannot_fail: false });
        if self.bodies.len() < self.module.syms.len() {
            self.bodies.resize(self.module.syms.len(), None);
        }
        self.bodies[sym.0 as usize] = Some(body.clone());
        self.missing.remove(&sym);
        Some(body)
    }

    /// Replaces calls of itself in a small function by its body.
    fn expand_recursion(&mut self, func: &mut Function) {
        let own =
            |i: &Inst| func.insts[i.index()].op == Op::Call && func.insts[i.index()].sym == Some(func.sym);
        let (calls, once) = (func.placed().filter(own).count(), size(func));
        let mut copies = calls;
        let mut after = once;
        for _ in 0..RECURSION_DEPTH {
            after += copies * once;
            copies *= calls;
            if calls == 0 || after > RECURSION_LIMIT {
                return;
            }
            self.expand(func, 0);
        }
    }

    /// Replaces calls in a function by bodies. A function with dense ids stays one.
    fn expand(&mut self, func: &mut Function, depth: u32) {
        let seldom = self.module.sym(func.sym).attributes.cold;
        let mut growth = size(func);
        let mut layout = Vec::with_capacity(func.layout.len());
        let mut changed = false;
        for li in 0..func.layout.len() {
            let first = func.layout[li];
            let is_call = |i: &Inst| func.insts[i.index()].op == Op::Call;
            layout.push(first);
            if !func.blocks[first.index()].insts.iter().any(is_call) {
                continue;
            }
            let cold = seldom || func.blocks[first.index()].cold;
            let mut at = Cursor { block: first, out: Vec::new() };
            for inst in std::mem::take(&mut func.blocks[first.index()].insts) {
                let data = func.insts[inst.index()];
                let body = if growth < CALLER_LIMIT { self.body_for(func, &data, depth) } else { None };
                let shown = |b: &Body| b.func.file.is_none() || func.file.is_some() || b.cannot_fail;
                let asked = || seldom && data.sym.is_some_and(|s| self.module.sym(s).attributes.inline);
                let fits = |b: &Rc<Body>| shown(b) && (!cold || b.func.insts.len() <= TINY || asked());
                let Some(body) = body.filter(fits) else {
                    at.out.push(inst);
                    continue;
                };
                growth += body.func.insts.len();
                changed = true;
                let of_program = body.func.file.is_some();
                func.note(|n| n.counts.add(if of_program { Count::Inlined } else { Count::InlinedRuntime }));
                self.copy(func, &mut layout, &mut at, inst, &body.func);
            }
            func.blocks[at.block.index()].insts = at.out;
        }
        if changed {
            func.layout = layout;
            func.resolve_aliases();
            func.remove_unreachable_blocks();
            func.remove_trivial_params();
            // Copying has left unused ids, and the passes have tables by id.
            func.compact();
        }
    }

    /// Copies a body to the end of the current place, which may move to another block.
    fn copy(
        &mut self,
        func: &mut Function,
        layout: &mut Vec<Block>,
        at: &mut Cursor,
        call: Inst,
        body: &Function,
    ) {
        let call_data = func.insts[call.index()];
        let adopted = adopt(func, &call_data, body);
        // A call of what is unlikely to run says that of its place, which is to stay known.
        let seldom = call_data.sym.is_some_and(|s| self.module.sym(s).attributes.cold);
        let cold = func.blocks[at.block.index()].cold || seldom && at.block != func.entry();
        func.blocks[at.block.index()].cold = cold;
        self.map.clear();
        self.map.extend(body.values.iter().map(|v| func.add_value(v.ty, ValueDef::Inst(Inst(u32::MAX)))));
        for (k, &p) in body.blocks[body.entry().index()].params.iter().enumerate() {
            let arg = func.pool[call_data.args.start as usize + k];
            func.show(arg, body.ty(p));
            self.map[p.index()] = arg;
        }
        // Blocks other than the entry, then the one where the caller goes on.
        self.blocks.clear();
        self.blocks.resize(body.blocks.len(), at.block);
        for &b in &body.layout[1..] {
            let to = func.add_block();
            func.layout.pop();
            layout.push(to);
            self.blocks[b.index()] = to;
            let data = &body.blocks[b.index()];
            func.blocks[to.index()].cold = cold || data.cold;
            for (k, &p) in data.params.iter().enumerate() {
                let v = self.map[p.index()];
                func.values[v.index()].def = ValueDef::Param(to, k as u32);
                func.blocks[to.index()].params.push(v);
            }
        }
        let single = body.layout.len() == 1;
        let next = if single { at.block } else { func.add_block() };
        if !single {
            func.layout.pop();
            layout.push(next);
            func.blocks[next.index()].cold = cold;
            if let Some(result) = call_data.result {
                func.values[result.index()].def = ValueDef::Param(next, 0);
                func.blocks[next.index()].params.push(result);
            }
        }
        for &b in &body.layout {
            for &inst in &body.blocks[b.index()].insts {
                let mut data = body.insts[inst.index()];
                data.loc = match &adopted {
                    Some(adopted) => func.positions.adopted(&body.positions, adopted, data.loc),
                    None => call_data.loc,
                };
                if data.op == Op::Ret && single {
                    self.single_return(func, &call_data, body, inst);
                    continue;
                }
                let new = self.instruction(func, body, data, next);
                match b == body.entry() {
                    true => at.out.push(new),
                    false => func.blocks[self.blocks[b.index()].index()].insts.push(new),
                }
            }
        }
        if single && body.insts[body.terminator(body.entry()).index()].op != Op::Ret {
            // The body does not return: what follows goes to a block nobody reaches.
            let rest = func.add_block();
            func.layout.pop();
            layout.push(rest);
            self.move_on(func, at, rest);
            if let Some(result) = call_data.result {
                func.values[result.index()].def = ValueDef::Param(rest, 0);
                func.blocks[rest.index()].params.push(result);
            }
        } else if !single {
            self.move_on(func, at, next);
        }
    }

    fn move_on(&self, func: &mut Function, at: &mut Cursor, block: Block) {
        func.blocks[at.block.index()].insts = std::mem::take(&mut at.out);
        at.block = block;
    }

    /// The `ret` of a body of one block: the call's result is its operand.
    fn single_return(&self, func: &mut Function, call: &InstData, body: &Function, ret: Inst) {
        if let (Some(result), Some(v)) = (call.result, body.operands(ret).first()) {
            func.replace(result, self.map[v.index()]);
        }
    }

    fn list(&self, func: &mut Function, body: &Function, list: ArgList) -> ArgList {
        let start = func.pool.len() as u32;
        func.pool.extend(body.list(list).iter().map(|v| self.map[v.index()]));
        ArgList { start, len: list.len }
    }

    /// A copy of an instruction; `ret` jumps to `next`.
    fn instruction(&self, func: &mut Function, body: &Function, mut data: InstData, next: Block) -> Inst {
        let new = Inst(func.insts.len() as u32);
        let args = self.list(func, body, data.args);
        let edges = ArgList { start: func.edges.len() as u32, len: data.edges.len };
        if data.op == Op::Ret {
            data.op = Op::Jump;
            let wanted = func.blocks[next.index()].params.len() as u32;
            func.edges.push(BlockCall { block: next, args: ArgList { len: wanted, ..args }, case: 0 });
            data.args = ArgList::default();
            data.edges = ArgList { start: edges.start, len: 1 };
        } else {
            for k in 0..data.edges.len {
                let call = body.edges[(data.edges.start + k) as usize];
                let args = self.list(func, body, call.args);
                let block = self.blocks[call.block.index()];
                func.edges.push(BlockCall { block, args, case: call.case });
            }
            data.args = args;
            data.edges = edges;
        }
        if let Some(v) = data.result {
            let v = self.map[v.index()];
            func.values[v.index()].def = ValueDef::Inst(new);
            data.result = Some(v);
        }
        func.insts.push(data);
        new
    }
}

/// Notes an inlined call, if traces show functions like the caller.
fn adopt(func: &mut Function, call: &InstData, body: &Function) -> Option<Adopted> {
    let (Some(file), Some(_)) = (body.file, func.file) else { return None };
    let (function, declared) = (body.display[..].into(), body.positions.get(body.loc).line);
    let call = func.positions.add_call(InlinedCall { function, file, declared, at: call.loc });
    Some(func.positions.adopt(&body.positions, call))
}

/// Where code is appended.
struct Cursor {
    block: Block,
    out: Vec<Inst>,
}

/// Removes functions of the module that were inlined everywhere: not exported, and no call or
/// address of them is left.
pub fn drop_unused(module: &mut Module, _: &Library) {
    let mut used: Vec<bool> = module.syms.iter().map(|s| s.export).collect();
    let mut index = vec![u32::MAX; module.syms.len()];
    for (i, f) in module.funcs.iter().enumerate() {
        index[f.sym.0 as usize] = i as u32;
    }
    // Reachable from exported symbols and data.
    let mut work: Vec<Sym> = (0..module.syms.len() as u32).map(Sym).filter(|s| used[s.0 as usize]).collect();
    let reach = |s: Sym, used: &mut Vec<bool>, work: &mut Vec<Sym>| {
        if !std::mem::replace(&mut used[s.0 as usize], true) {
            work.push(s);
        }
    };
    if work.iter().all(|s| matches!(module.sym(*s).kind, SymKind::Data)) {
        // Nothing is exported: everything may be an entry.
        return;
    }
    for data in &module.datas {
        data.relocs.iter().for_each(|r| reach(r.sym, &mut used, &mut work));
    }
    let slow_paths = Op::SLOW_PATHS.map(|name| module.lookup(name));
    while let Some(sym) = work.pop() {
        let Some(func) = module.funcs.get(index[sym.0 as usize] as usize) else { continue };
        for &b in &func.layout {
            for inst in &func.blocks[b.index()].insts {
                let data = &func.insts[inst.index()];
                data.sym.into_iter().for_each(|s| reach(s, &mut used, &mut work));
                if let Some(slow) = data.op.slow_path_number(data.imm).and_then(|n| slow_paths[n]) {
                    reach(slow, &mut used, &mut work);
                }
            }
        }
    }
    module.funcs.retain(|f| used[f.sym.0 as usize]);
}
