//! Lowering: typed tree to IR. Total: every program the checker accepts has a translation, and a
//! panic here is a compiler bug.
//!
//! Which functions are compiled for which type arguments is the matter of [`instances`].
//! Representations are in [`repr`], static data in
//! [`desc`], facts about variables in [`facts`]; a [`func::Fx`] emits one function. What
//! lowering uses of the runtime is named in [`runtime`]; the signatures come from the [`Library`].
//!
//! Who may hold a list, and when `append` pushes in place, is the model in [`sharing`].

pub(crate) mod builtin;
mod call;
mod closure;
mod constants;
mod convert;
mod desc;
mod expr;
mod facts;
mod func;
mod group;
mod hash;
mod instances;
mod join;
mod layout;
mod nones;
mod ops;
mod pattern;
mod place;
mod print;
mod query;
mod repr;
mod reserve;
pub(crate) mod runtime;
mod sharing;
mod stmt;
#[cfg(test)]
mod tests;
mod totals;
mod values;
mod variables;

use crate::span::{SourceMap, Span};
use crate::tree::{ExprKind, FuncId, GlobalId, Program};
use crate::types::{StructId, Ty};
use facts::Facts;
use instances::Instances;
use layout::RegionTable;
pub use layout::{LAYOUT, RUNTIME_REGIONS};
use mochi_ir::hash::FastMap;
use mochi_ir::{Attributes, Function, Library, Module, Op, SrcLoc, Sym, Type};
use repr::{Layout, NONE_FLOAT, Repr, TypeTable};
pub use runtime::{RUNTIME_DATA, RUNTIME_FUNCTIONS};
use sharing::Changed;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

/// Lowers a checked program. The module defines and exports `mochi_main`. Deep programs need a
/// [large stack](crate::stack).
pub fn lower(map: &SourceMap, program: &Program, library: &Library) -> Module {
    Lowerer::new(map, program, *library).run()
}

/// The word that stands for none.
pub(crate) fn none_word(repr: Repr) -> i64 {
    match repr {
        Repr::Int | Repr::Any => 1,
        Repr::Float => NONE_FLOAT,
        Repr::Bool => 2,
        Repr::Ref => 0,
    }
}

/// Functions made by lowering itself, by what they do.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Thunk {
    /// Calls a plain function, ignoring its closure argument.
    Plain(Sym),
    /// Calls the closure it holds with the arguments it holds and its own: parameter types of the
    /// callee, number bound, result.
    Partial(Vec<Repr>, usize, Repr),
    /// Converts arguments from the first function type to the second, calls the closure it holds,
    /// converts the result back.
    Adapter(Ty, Ty),
    /// Calls a plain function of this many parameters with arguments that lie in memory.
    Spread(usize),
    /// The code of a plain function of this many parameters that gives its arguments, in a list, to the
    /// function it holds, which has another number of parameters (the runtime's `fun_apply`).
    Gather(usize),
}

/// State of lowering a program.
pub(crate) struct Lowerer<'a> {
    pub(crate) program: &'a Program,
    pub(crate) types: TypeTable,
    pub(crate) facts: Rc<Facts>,
    /// Objects may be none although their types have no option.
    nones: bool,
    pub(crate) changed: Rc<Changed>,
    pub(crate) module: Module,
    library: Library,
    regions: RegionTable,
    map: &'a SourceMap,
    counter: u32,
    /// Line of the last position that was asked for; the next one is near.
    line: Cell<u32>,
    runtime: runtime::Declared,
    pub(crate) instances: Instances,
    thunks: HashMap<Thunk, Sym>,
    strings: HashMap<Vec<u8>, Sym>,
    descs: FastMap<Ty, Sym>,
    struct_descs: FastMap<StructId, Sym>,
    layouts: FastMap<StructId, Rc<Layout>>,
    field_tables: HashMap<Vec<(String, i64, Ty)>, Sym>,
    closure_descs: HashMap<(i64, Option<usize>), Sym>,
    /// Records of the plain functions, by number of parameters.
    plain_shapes: HashMap<usize, Sym>,
    static_closures: HashMap<Sym, Sym>,
    singletons: HashMap<StructId, Sym>,
    globals: HashMap<GlobalId, Sym>,
    /// Literals that globals always have, by global.
    constants: Rc<[Option<ExprKind>]>,
}

impl<'a> Lowerer<'a> {
    /// Whether a struct or value of a union of this type may be none.
    pub(crate) fn may_be_none(&self, ty: Ty) -> bool {
        self.nones || self.types.is_option(ty)
    }

    fn new(map: &'a SourceMap, program: &'a Program, library: Library) -> Lowerer<'a> {
        let mut module = Module::new();
        module.files = map.files.iter().map(|f| f.output_name().to_string()).collect();
        // Selection calls the slow paths of `int.*` ops by these symbols.
        for slow in Op::SLOW_PATHS {
            if library.find(slow).is_some() {
                library.declare(&mut module, slow);
            }
        }
        let changed = Changed::new(program);
        let facts = Facts::new(program, &changed);
        Lowerer {
            program,
            types: TypeTable::new(program.types.clone()),
            nones: nones::arise(program),
            constants: constants::of(program, &facts).into(),
            facts: Rc::new(facts),
            changed: Rc::new(changed),
            module,
            library,
            regions: RegionTable::default(),
            map,
            counter: 0,
            line: Cell::new(1),
            runtime: runtime::Declared::NOTHING,
            instances: Instances::default(),
            thunks: HashMap::new(),
            strings: HashMap::new(),
            descs: FastMap::default(),
            struct_descs: FastMap::default(),
            layouts: FastMap::default(),
            field_tables: HashMap::new(),
            closure_descs: HashMap::new(),
            plain_shapes: HashMap::new(),
            static_closures: HashMap::new(),
            singletons: HashMap::new(),
            globals: HashMap::new(),
        }
    }

    fn run(mut self) -> Module {
        // Loops ask for it where nothing is stored.
        self.runtime_region(layout::RuntimeRegion::StorageKind);
        self.instance(self.program.main, Rc::new([]));
        while let Some((instance, sym)) = self.instances.next() {
            let f = func::lower_function(&mut self, &instance, sym);
            self.module.funcs.push(f);
        }
        self.module.funcs.reverse();
        self.module
    }

    /// The type of what a function gives; nothing for unit, unless it has a value or is called as a
    /// closure.
    pub(crate) fn result_type(&self, func: FuncId, result: Ty) -> Option<Type> {
        let (main, func) = (func == self.program.main, func.0 as usize);
        let seen = self.facts.has_env[func] || self.facts.returns_value[func];
        let value = result != Ty::UNIT || (seen && !main);
        value.then(|| self.types.repr(result).ir())
    }

    /// A link name that no runtime symbol has.
    pub(crate) fn symbol_name(&mut self, name: &str) -> String {
        let clean: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
        self.counter += 1;
        format!("mochi.{clean}.{}", self.counter)
    }

    /// The function that does what a thunk says.
    pub(crate) fn thunk(&mut self, thunk: Thunk) -> Sym {
        if let Some(&s) = self.thunks.get(&thunk) {
            return s;
        }
        let signature = closure::thunk_signature(self, &thunk);
        let name = self.symbol_name("thunk");
        let sym = self.module.declare_func(&name, signature, Attributes::default(), false);
        self.thunks.insert(thunk.clone(), sym);
        let f: Function = closure::lower_thunk(self, &thunk, sym);
        self.module.funcs.push(f);
        sym
    }

    /// The word of a top-level variable that functions share.
    pub(crate) fn global(&mut self, id: GlobalId) -> Sym {
        if let Some(&s) = self.globals.get(&id) {
            return s;
        }
        let ty = self.types.plain(self.program.globals[id.0 as usize].ty);
        let repr = self.types.repr(ty);
        let sym = self.global_word(repr);
        self.globals.insert(id, sym);
        sym
    }

    /// The position of a span's start.
    pub(crate) fn position(&self, span: Span) -> SrcLoc {
        let Some(file) = self.map.files.get(span.file.0 as usize) else { return SrcLoc::NONE };
        let (line, column) = file.position_near(span.start, self.line.get());
        self.line.set(line);
        SrcLoc::new(line, column)
    }

    /// Line of a span's start.
    pub(crate) fn line(&self, span: Span) -> u32 {
        self.map.files[span.file.0 as usize].position(span.start).0
    }

    /// Name of a span's file.
    pub(crate) fn file_name(&self, span: Span) -> &'a str {
        self.map.files[span.file.0 as usize].output_name()
    }
}
