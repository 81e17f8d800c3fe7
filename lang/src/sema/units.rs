//! Which parts of a program are walked again when variables get more precise types ([`super::infer`]).
//!
//! A *unit* is a `fun` or `type` statement of the top level: a function, or the methods of a struct,
//! with everything inside. The rest of the top level is the implicit main function. A unit is walked
//! until nothing more precise is found about the variables declared inside it, and only then the walk
//! of the program goes on. For main's own variables the top level is walked again, and of the units
//! those alone for which something has changed: a unit depends, beside what was declared before the
//! first walk, on the types under which it saw main's variables, and on the numbers of its lambdas.
//! So a walk is bounded by what mentions a variable, and the number of walks by a constant.

use super::Checker;
use super::decl::Sig;
use super::effects::EffectSet;
use super::infer::{Known, Refinements, Told};
use super::scope::{Scope, Var, VarKey, View};
use crate::ast;
use crate::diag::{Diagnostic, Diagnostics};
use crate::span::Span;
use crate::tree::{FuncId, Function, GlobalId};
use crate::types::Ty;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// How a unit saw main's variables.
type Seen = BTreeMap<GlobalId, (Ty, Option<View>)>;

/// What the walks of units keep.
#[derive(Default)]
pub(super) struct Units {
    /// The unit that is being walked.
    current: Option<Unit>,
    /// Units whose walk is done, by their place.
    done: HashMap<Span, Done>,
    /// Functions of main's closures.
    loose: Vec<FuncId>,
    /// Methods of which a walk has set the effects, and what these were, newest last.
    changes: Vec<(FuncId, EffectSet)>,
    /// How often it was found that functions assign more variables than known.
    exposures: usize,
}

/// A unit that is being walked.
struct Unit {
    refinements: Refinements,
    /// What it says about main's variables.
    told: Vec<(Span, Told)>,
    seen: RefCell<Seen>,
}

/// A unit that was walked.
struct Done {
    /// Refinements of its own variables.
    known: Known,
    seen: Seen,
    told: Vec<(Span, Told)>,
    remarks: Vec<Diagnostic>,
    /// What was known of variables that functions assign.
    exposures: usize,
    /// Number of the program's last lambda before and after it.
    lambdas: (u32, u32),
    /// Functions made for it.
    made: Range<usize>,
    effects: Vec<(FuncId, EffectSet)>,
    /// Names of main's variables that it shares with main.
    shared: Vec<GlobalId>,
}

/// A place in a walk.
#[derive(Clone, Copy)]
struct Mark {
    functions: usize,
    changes: usize,
    lambdas: u32,
}

impl<'a> Checker<'a> {
    /// Sets what a call of a method may do.
    pub(super) fn set_method_effects(&mut self, method: FuncId, effects: EffectSet) {
        let sig = &mut self.sigs[method.0 as usize];
        let old = std::mem::replace(&mut sig.effects, effects);
        self.units.changes.push((method, old));
    }

    /// Notes which part of the program a new function belongs to.
    pub(super) fn note_function(&mut self, id: FuncId) {
        if self.units.current.is_none() {
            self.units.loose.push(id);
        }
    }

    /// Notes that a variable was looked up.
    pub(super) fn note_lookup(&self, key: VarKey, ty: Ty, view: Option<View>) {
        if let (Some(unit), VarKey::Global(id)) = (&self.units.current, key) {
            unit.seen.borrow_mut().insert(id, (ty, view));
        }
    }

    /// Notes what a store says about a variable that started empty at `name`.
    pub(super) fn tell(&mut self, var: &Var, name: Span, told: Told) {
        let mains = matches!(var.key, VarKey::Global(_) | VarKey::Local(0, _));
        match &mut self.units.current {
            Some(unit) if mains => unit.told.push((name, told)),
            Some(unit) => unit.refinements.hear(&self.types, name, told),
            None => self.refinements.hear(&self.types, name, told),
        }
    }

    /// The refinements of the part of the program that is being walked, to add to them.
    pub(super) fn refinements_mut(&mut self) -> &mut Refinements {
        self.units.current.as_mut().map_or(&mut self.refinements, |u| &mut u.refinements)
    }

    /// The refinements of the part of the program that is being walked.
    pub(super) fn refinements(&self) -> &Refinements {
        self.units.current.as_ref().map_or(&self.refinements, |u| &u.refinements)
    }

    /// Walks the statements of the top level until nothing new is found about main's variables, and none
    /// had a view that a function ends which was not known to assign it.
    pub(super) fn walk_main(&mut self, main: FuncId, statements: &'a [ast::Stmt]) {
        self.walk_main_once(main, statements);
        while std::mem::take(&mut self.exposed.broken) {
            self.exposed.trusted.clear();
            self.units.exposures += 1;
            self.walk_main_once(main, statements);
        }
    }

    fn walk_main_once(&mut self, main: FuncId, statements: &'a [ast::Stmt]) {
        self.units.loose.clear();
        let start = self.mark();
        let declared = std::mem::take(&mut self.diags);
        self.refine(Known::new(), |c, refinements| {
            c.take_back(start);
            for id in std::mem::take(&mut c.units.loose) {
                c.vacate(id.0 as usize..id.0 as usize + 1);
            }
            c.diags = declared.clone();
            c.refinements = refinements;
            c.scopes = vec![Scope::default()];
            let shared: Vec<bool> = c.globals.drain(..).map(|g| g.shared).collect();
            c.fixed_globals.clear();
            c.main_body(main, statements);
            // Which variables are shared does not depend on their types.
            for (g, shared) in c.globals.iter_mut().zip(shared) {
                g.shared |= shared;
            }
            std::mem::take(&mut c.refinements)
        });
    }

    /// Walks a unit, unless it was walked and nothing that it depends on has changed since.
    pub(super) fn unit(&mut self, place: Span, walk: impl Fn(&mut Checker<'a>)) {
        let mut known = Known::new();
        if let Some(done) = self.units.done.remove(&place) {
            if self.still_holds(&done) {
                self.reuse(&done);
                self.units.done.insert(place, done);
                return;
            }
            self.vacate(done.made);
            known = done.known;
        }
        let start = self.mark();
        let outer = std::mem::take(&mut self.diags);
        let mut seen = Seen::new();
        let mut told = Vec::new();
        let known = self.refine(known, |c, refinements| {
            c.take_back(start);
            c.functions.truncate(start.functions);
            c.sigs.truncate(start.functions);
            c.parents.truncate(start.functions);
            c.diags = Diagnostics::new();
            let unit = Unit { refinements, told: Vec::new(), seen: RefCell::new(std::mem::take(&mut seen)) };
            c.units.current = Some(unit);
            walk(c);
            let Some(unit) = c.units.current.take() else { unreachable!("units are not nested") };
            seen = unit.seen.into_inner();
            told = unit.told;
            unit.refinements
        });
        let own = std::mem::replace(&mut self.diags, outer);
        let done = Done {
            known,
            shared: seen.keys().copied().filter(|id| self.globals[id.0 as usize].shared).collect(),
            seen,
            told,
            remarks: own.items().to_vec(),
            exposures: self.units.exposures,
            lambdas: (start.lambdas, self.lambdas),
            made: start.functions..self.functions.len(),
            effects: self.units.changes[start.changes..]
                .iter()
                .map(|(id, _)| (*id, self.sigs[id.0 as usize].effects))
                .collect(),
        };
        self.publish(&done);
        self.units.done.insert(place, done);
    }

    /// Whether walking the unit again would give the same.
    fn still_holds(&self, done: &Done) -> bool {
        let as_before = |(id, seen): (&GlobalId, &(Ty, Option<View>))| {
            let now = self.globals.get(id.0 as usize).map(|g| (g.ty, self.view_of(VarKey::Global(*id))));
            now == Some(*seen)
        };
        let (first, last) = done.lambdas;
        done.exposures == self.units.exposures
            && (first == last || first == self.lambdas)
            && done.seen.iter().all(as_before)
    }

    /// Lets a unit that was walked stand.
    fn reuse(&mut self, done: &Done) {
        let (first, last) = done.lambdas;
        self.lambdas += last - first;
        for &id in &done.shared {
            self.globals[id.0 as usize].shared = true;
        }
        for &(id, effects) in &done.effects {
            self.set_method_effects(id, effects);
        }
        self.publish(done);
    }

    /// Passes on what a unit says.
    fn publish(&mut self, done: &Done) {
        for d in &done.remarks {
            self.diags.push(d.clone());
        }
        for (name, told) in &done.told {
            self.refinements.hear(&self.types, *name, *told);
        }
    }

    fn mark(&self) -> Mark {
        Mark { functions: self.functions.len(), changes: self.units.changes.len(), lambdas: self.lambdas }
    }

    /// Numbers of lambdas and effects of methods are again what they were.
    fn take_back(&mut self, mark: Mark) {
        self.lambdas = mark.lambdas;
        for (id, old) in self.units.changes.drain(mark.changes..).rev() {
            self.sigs[id.0 as usize].effects = old;
        }
    }

    /// Functions of a walk that does not stand are empty.
    fn vacate(&mut self, ids: Range<usize>) {
        for id in ids {
            self.functions[id] = Function::empty("", self.functions[id].span);
            self.sigs[id] = Sig::default();
            self.parents[id] = None;
        }
    }
}
