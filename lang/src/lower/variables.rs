//! Variables of a function: where each lives, and how it is bound, assigned and read.
//!
//! Locals are SSA variables of the builder; captured locals that are assigned live in heap cells, top-level
//! variables that functions share in words of data.

use super::func::Fx;
use super::layout::{CELL_VALUE, OBJECT_HEADER, RuntimeRegion};
use super::repr::{Layout, Repr, SlotClass};
use super::runtime::RtData;
use crate::tree::{LocalId, VarRef};
use crate::types::Ty;
use mochi_ir::builder::Var;
use mochi_ir::{Sym, Type, Value};

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

impl Fx<'_, '_> {
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
                let region = self.lw.runtime_region(RuntimeRegion::Variable);
                self.store_slot(addr, value, 0, region);
            }
            Home::Cell(v) => {
                let ty = self.var_ty(var);
                let desc = match self.lw.types.repr(ty).slot() {
                    SlotClass::Ref => RtData::desc_cell_ref,
                    SlotClass::Tag => RtData::desc_cell_tag,
                    SlotClass::Raw => RtData::desc_cell_raw,
                };
                let desc = self.lw.runtime_data(desc);
                let cell = self.alloc(&Layout::new(OBJECT_HEADER, &[SlotClass::Ref]), desc);
                let region = self.lw.runtime_region(RuntimeRegion::Cell);
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
                let region = self.lw.runtime_region(RuntimeRegion::Cell);
                self.store_slot(cell, value, CELL_VALUE, region);
            }
            _ => self.bind(var, value),
        }
    }

    /// Reads a variable.
    pub(crate) fn read(&mut self, var: VarRef) -> Value {
        if let VarRef::Global(g) = var
            && let Some(literal) = &self.lw.constants.clone()[g.0 as usize]
        {
            return self.literal(literal);
        }
        let ty = self.var_ty(var);
        let repr = self.lw.types.repr(ty);
        match self.home(var) {
            Home::Var(v) => self.b.use_var(v),
            Home::Cell(v) => {
                let cell = self.b.use_var(v);
                let region = self.lw.runtime_region(RuntimeRegion::Cell);
                self.load_slot(repr, cell, CELL_VALUE, region)
            }
            Home::Data(sym) => {
                let addr = self.b.symaddr(sym, 0, Type::Addr);
                let region = self.lw.runtime_region(RuntimeRegion::Variable);
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
}
