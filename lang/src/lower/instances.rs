//! Which functions are compiled, and for which type arguments.
//!
//! A generic function is compiled once for each list of (resolved) type arguments, found by a
//! worklist that starts at the top-level statements. The list ends for every program, because an
//! instance works on `any` (all its type arguments are `any`, and callers convert) where the exact
//! ones would be too many:
//!
//! - A function that calls itself, directly or through others, with ever larger types: the path of
//!   callers from the top level may grow its types [`GROWTH`] times; after that, a function that is
//!   on the path with smaller types already works on `any`.
//! - Beyond [`EXACT`] instances of generic functions, and for type arguments of more than [`PARTS`]
//!   parts. Chains of calls without a cycle end, but their instances can double with each call.

use super::Lowerer;
use crate::tree::FuncId;
use crate::types::Ty;
use mochi_ir::{Attributes, Signature, Sym, Type};
use std::collections::HashMap;
use std::rc::Rc;

/// How often types may grow on the path to a function that is on it already.
const GROWTH: u32 = 8;

/// Instances of generic functions that are compiled for exact types.
const EXACT: usize = 4096;

/// Parts that the type arguments of an exact instance have at most.
const PARTS: u32 = 4096;

/// A function of the tree with its type arguments.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Instance {
    /// Function.
    pub(crate) func: FuncId,
    /// Resolved type arguments, those of the enclosing function for closures.
    pub(crate) args: Rc<[Ty]>,
}

/// How an instance was found.
#[derive(Clone)]
struct Origin {
    instance: Instance,
    /// The instance whose code asked for it first; `None` for the top level.
    parent: Option<usize>,
    /// Parts of the largest type arguments on the path to it, itself included.
    largest: u32,
    /// How often that number grew on the path.
    growth: u32,
}

/// All instances so far, and those still to compile.
#[derive(Default)]
pub(crate) struct Instances {
    known: HashMap<Instance, Sym>,
    origins: Vec<Origin>,
    /// Indexes into the origins.
    work: Vec<usize>,
    /// The instance that is being compiled.
    current: Option<usize>,
    /// How many have type arguments of their own.
    generic: usize,
    /// Link names, by origin.
    syms: Vec<Sym>,
}

impl Instances {
    /// The next instance to compile.
    pub(crate) fn next(&mut self) -> Option<(Instance, Sym)> {
        let at = self.work.pop()?;
        self.current = Some(at);
        Some((self.origins[at].instance.clone(), self.syms[at]))
    }

    fn add(&mut self, origin: Origin, sym: Sym) {
        let at = self.origins.len();
        self.known.insert(origin.instance.clone(), sym);
        self.origins.push(origin);
        self.syms.push(sym);
        self.work.push(at);
    }
}

impl Lowerer<'_> {
    /// The symbol of a function for these type arguments, and the type arguments it works on, which
    /// are these or `any`; it will be compiled.
    pub(crate) fn instance(&mut self, func: FuncId, args: Rc<[Ty]>) -> (Sym, Rc<[Ty]>) {
        let exact = Instance { func, args };
        if let Some(&s) = self.instances.known.get(&exact) {
            return (s, exact.args);
        }
        let origin = self.origin(exact);
        let instance = origin.instance.clone();
        if let Some(&s) = self.instances.known.get(&instance) {
            return (s, instance.args);
        }
        let f = &self.program.functions[func.0 as usize];
        let mut params = Vec::with_capacity(f.params.len() + 1);
        if self.facts.has_env[func.0 as usize] {
            params.push(Type::Ref);
        }
        for p in &f.params {
            let ty = self.types.resolve(f.locals[p.0 as usize].ty, &instance.args);
            params.push(self.types.repr(ty).ir());
        }
        let result = self.types.resolve(f.result, &instance.args);
        let signature = Signature { params, result: self.result_type(func, result), ..Signature::default() };
        let main = func == self.program.main;
        let name = if main { "mochi_main".to_string() } else { self.symbol_name(&f.name) };
        let sym = self.module.declare_func(&name, signature, Attributes::default(), main);
        self.instances.generic += usize::from(f.generics > 0);
        self.instances.add(origin, sym);
        (sym, instance.args)
    }

    /// Where a new instance stands among the others, on `any` when it must be.
    fn origin(&self, instance: Instance) -> Origin {
        let all = &self.instances;
        let parts = self.parts(&instance.args);
        let parent = all.current.map(|p| &all.origins[p]);
        let (largest, growth) = parent.map_or((parts, 0), |p| (p.largest, p.growth));
        let growth = growth + u32::from(parts > largest);
        let origin = Origin { instance, parent: all.current, largest: largest.max(parts), growth };
        // Closures live under the type arguments of their surroundings.
        if self.program.functions[origin.instance.func.0 as usize].generics == 0 {
            return origin;
        }
        let many = all.generic >= EXACT || parts > PARTS;
        if many || growth > GROWTH && self.grows(&origin, parts) {
            let args = origin.instance.args.iter().map(|_| Ty::ANY).collect();
            let instance = Instance { args, ..origin.instance };
            return Origin { instance, ..origin };
        }
        origin
    }

    /// Whether the function is on the path to this instance with smaller types. The path has at most `EXACT`
    /// generic instances and their closures, and is walked only beyond the growth that every program may have.
    fn grows(&self, origin: &Origin, parts: u32) -> bool {
        let mut at = origin.parent;
        while let Some(p) = at.map(|p| &self.instances.origins[p]) {
            if p.instance.func == origin.instance.func && self.parts(&p.instance.args) < parts {
                return true;
            }
            at = p.parent;
        }
        false
    }

    fn parts(&self, args: &[Ty]) -> u32 {
        args.iter().fold(0, |n, ty| self.types.types.parts(*ty).saturating_add(n))
    }
}
