//! Where references come from, as far as that tells objects apart.
//!
//! A call whose result is a new object ([`crate::Attributes::newborn`]) is a *birth*. What it gives, what calls that
//! give their first argument or a new object make of it ([`crate::Attributes::renews`]), and parameters of blocks that
//! get nothing else are its *line*: each object in it was made by one of these. So
//!
//! - values of two lines are never the same object, since each object is made once, by one instruction;
//! - a value of a line is no object that a value refers to whose definition dominates the birth. It dominates the
//!   definitions of all of the line then, which are executed anew after it: wherever both values are alive the line's
//!   object was made later than the other value.
//!
//! The pass says of functions of a library whether they are newborn or renew, by what they return. It comes before what
//! makes objects becomes code.
//!
//! What a word of an *own* region refers to belongs to the object with that word ([`crate::regions`]): storages of
//! two lists are two storages.

use super::inline::callees_first;
use crate::cfg::{Cfg, DomTree};
use crate::func::{Block, Function, Inst, Type, Value, ValueDef};
use crate::library::Library;
use crate::module::{Attributes, Module};
use crate::ops::Op;

/// Lines of a function's references.
pub(super) struct Origins<'a> {
    dom: &'a DomTree,
    /// By value, what makes the first object of its line. Empty when there is none.
    birth: Vec<Option<Inst>>,
    /// By instruction: its block and its place there.
    place: Vec<(Block, u32)>,
}

/// A call of such a function gives a new object.
fn makes(callee: Attributes) -> bool {
    callee.newborn || callee.fresh
}

const NOWHERE: (Block, u32) = (Block(u32::MAX), 0);

impl<'a> Origins<'a> {
    /// Finds the lines.
    pub(super) fn new(func: &Function, module: &Module, cfg: &Cfg, dom: &'a DomTree) -> Origins<'a> {
        let mut origins = Origins { dom, birth: Vec::new(), place: Vec::new() };
        let call = |inst: &Inst| {
            let d = &func.insts[inst.index()];
            let callee = d.sym.filter(|_| d.op == Op::Call)?;
            Some((module.sym(callee).attributes, d.result?))
        };
        let insts = || cfg.rpo.iter().flat_map(|b| &func.blocks[b.index()].insts);
        if !insts().any(|i| call(i).is_some_and(|(a, _)| makes(a))) {
            return origins;
        }
        origins.place = vec![NOWHERE; func.insts.len()];
        for &b in &cfg.rpo {
            for (k, i) in func.blocks[b.index()].insts.iter().enumerate() {
                origins.place[i.index()] = (b, k as u32);
            }
        }
        origins.find(func, cfg, call);
        origins
    }

    /// Parameters of loops begin with the line that enters, until something else comes around.
    fn find<A: Fn(&Inst) -> Option<(Attributes, Value)>>(&mut self, func: &Function, cfg: &Cfg, call: A) {
        self.birth = vec![None; func.values.len()];
        let mut seen = vec![false; func.values.len()];
        loop {
            let mut changed = false;
            for &b in &cfg.rpo {
                for (k, &p) in func.blocks[b.index()].params.iter().enumerate() {
                    if func.ty(p) != Type::Ref || seen[p.index()] && self.birth[p.index()].is_none() {
                        continue;
                    }
                    let args = cfg
                        .preds(b)
                        .iter()
                        .map(|e| func.resolve(func.list(func.edges[e.edge as usize].args)[k]));
                    let mut known = args.filter(|a| seen[a.index()]).map(|a| self.birth[a.index()]);
                    let first = known.next().flatten();
                    let line = first.filter(|_| b != func.entry() && known.all(|l| l == first));
                    changed |= seen[p.index()] && self.birth[p.index()] != line;
                    self.birth[p.index()] = line;
                    seen[p.index()] = true;
                }
                for &i in &func.blocks[b.index()].insts {
                    let Some(r) = func.insts[i.index()].result else { continue };
                    let line = match call(&i) {
                        Some((a, _)) if makes(a) => Some(i),
                        Some((a, _)) if a.renews => self.birth[func.resolve(func.operands(i)[0]).index()],
                        _ => None,
                    };
                    changed |= seen[r.index()] && self.birth[r.index()] != line;
                    self.birth[r.index()] = line;
                    seen[r.index()] = true;
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// The value is an object, which the function has made.
    pub(super) fn is_made_here(&self, func: &Function, v: Value) -> bool {
        self.birth_of(func.resolve(v)).is_some()
    }

    fn birth_of(&self, v: Value) -> Option<Inst> {
        self.birth.get(v.index()).copied().flatten()
    }

    /// Two addresses are of different objects, or of what belongs to different ones.
    pub(super) fn apart(&self, func: &Function, module: &Module, a: Value, b: Value) -> bool {
        if self.birth.is_empty() {
            return false;
        }
        let (a, b) = match (owner(func, module, a), owner(func, module, b)) {
            (Some(a), Some(b)) => (a, b),
            (None, None) => (func.resolve(a), func.resolve(b)),
            _ => return false,
        };
        match (self.birth_of(a), self.birth_of(b)) {
            (Some(x), Some(y)) => x != y,
            (Some(birth), None) => self.is_older(func, b, birth),
            (None, Some(birth)) => self.is_older(func, a, birth),
            (None, None) => false,
        }
    }

    /// The value's definition comes before an instruction, on all ways there.
    fn is_older(&self, func: &Function, v: Value, than: Inst) -> bool {
        let (block, place) = self.place[than.index()];
        match func.values[v.index()].def {
            ValueDef::Param(b, _) => self.dom.dominates(b, block),
            ValueDef::Inst(i) if func.insts[i.index()].op == Op::Symaddr => true,
            ValueDef::Inst(i) => match self.place.get(i.index()).copied().unwrap_or(NOWHERE) {
                (Block(u32::MAX), _) => false,
                (b, k) if b == block => k < place,
                (b, _) => self.dom.dominates(b, block),
            },
            ValueDef::Alias(_) => false,
        }
    }
}

/// Runs the pass.
pub fn run(module: &mut Module, _: &Library) {
    if module.funcs.iter().all(|f| f.file.is_some()) {
        return;
    }
    for i in callees_first(module, &module.funcs, |callee| !callee.noreturn) {
        let func = &module.funcs[i];
        if func.file.is_none() {
            let (newborn, renews) = gives(func, module);
            let attributes = &mut module.syms[func.sym.0 as usize].attributes;
            (attributes.newborn, attributes.renews) = (attributes.fresh || newborn, renews);
        }
    }
}

/// Whether what a function gives is always an object that it makes, or that or its first argument.
fn gives(func: &Function, module: &Module) -> (bool, bool) {
    let rets = func.placed().filter(|i| func.insts[i.index()].op == Op::Ret);
    let mut given: Vec<Value> = rets.filter_map(|r| func.operands(r).first().copied()).collect();
    if given.is_empty() || func.ty(given[0]) != Type::Ref {
        return (false, false);
    }
    let cfg = Cfg::new(func);
    let dom = DomTree::new(func, &cfg);
    let origins = Origins::new(func, module, &cfg, &dom);
    let made = |v: &Value| origins.is_made_here(func, *v);
    if given.iter().all(made) {
        return (true, false);
    }
    let first = func.blocks[func.entry().index()].params.first().copied();
    let mut k = 0;
    while let Some(&v) = given.get(k) {
        k += 1;
        if Some(v) == first || made(&v) {
            continue;
        }
        let more: Vec<Value> = match func.values[v.index()].def {
            ValueDef::Param(b, p) if b != func.entry() => {
                cfg.preds(b).iter().map(|e| func.list(func.edges[e.edge as usize].args)[p as usize]).collect()
            }
            ValueDef::Inst(i) if func.insts[i.index()].op == Op::Call => {
                let renews = func.insts[i.index()].sym.is_some_and(|s| module.sym(s).attributes.renews);
                if !renews {
                    return (false, false);
                }
                vec![func.operands(i)[0]]
            }
            _ => return (false, false),
        };
        given.extend(more.into_iter().filter(|v| !given.contains(v)).collect::<Vec<_>>());
    }
    (false, true)
}

/// The object to which belongs what an address is in: the address is a word of an own region, or that and a distance.
pub(super) fn owner(func: &Function, module: &Module, address: Value) -> Option<Value> {
    let mut inst = func.def_inst(func.resolve(address))?;
    if func.insts[inst.index()].op == Op::Add {
        let base = func.operands(inst).iter().find(|&&v| func.ty(func.resolve(v)) == Type::Addr)?;
        inst = func.def_inst(func.resolve(*base))?;
    }
    let d = &func.insts[inst.index()];
    let own = d.op == Op::Load64 && module.regions.is_own(d.region);
    own.then(|| func.resolve(func.operands(inst)[0]))
}
