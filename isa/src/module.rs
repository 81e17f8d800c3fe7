//! A whole module: functions in parallel, data as atoms, symbols by index.
//!
//! Symbol `n` of the object is symbol `n` of the module, and atoms are in order of definition, so
//! that the result does not depend on the number of threads.

use crate::costs::Costs;
use crate::mach::assembly;
use crate::{Context, disassemble};
use mochi_ir::{Data, parallel};
use mochi_objwrite::model::Symbol;
use mochi_objwrite::{Atom, AtomKind, Object, RelocEntry, RelocKind, SymRef};

/// Compiles every function of the context's module and adds its data.
pub fn compile_module(context: &Context) -> Object {
    compile_and_count(context).0
}

/// The same, and what the code of functions that have a file is made of: the program's.
pub fn compile_and_count(context: &Context) -> (Object, Costs) {
    let module = context.module;
    let mut object = Object::new(context.target);
    object.files = module.files.clone();
    object.symbols = module.syms.iter().map(|s| Symbol { name: s.name.clone(), global: s.export }).collect();
    let own = crate::own_symbols(context.target).iter();
    object.symbols.extend(own.map(|name| Symbol { name: name.to_string(), global: false }));
    for data in &module.datas {
        object.atoms.push(data_atom(data));
    }
    let mut costs = Costs::default();
    for (func, (atom, of_func)) in
        module.funcs.iter().zip(parallel::map(&module.funcs, |f| crate::compile_and_count(context, f)))
    {
        object.atoms.push(atom);
        if func.file.is_some() {
            costs.merge(of_func);
        }
    }
    (object, costs)
}

/// An object as text: on register machines what an assembler reads, else function by function.
pub fn disassemble_module(object: &Object) -> String {
    let target = object.target;
    if let (Some(syntax), Some(directives)) = (crate::syntax(target), target.format.directives()) {
        return assembly::module(object, syntax, directives);
    }
    let name = |n: u32| object.symbols[n as usize].name.clone();
    let code = object.atoms.iter().filter(|a| a.kind == AtomKind::Text);
    code.map(|a| disassemble(object.target, a, &name) + "\n").collect()
}

fn data_atom(data: &Data) -> Atom {
    let kind = match (data.writable, data.zero_size > 0, data.relocs.is_empty()) {
        _ if data.roots => AtomKind::Roots,
        (true, true, _) => AtomKind::Bss,
        (true, false, _) => AtomKind::Data,
        (false, _, true) => AtomKind::ReadOnly,
        (false, _, false) => AtomKind::RelRo,
    };
    let bytes = if kind != AtomKind::Bss && data.zero_size > 0 {
        vec![0; data.zero_size as usize]
    } else {
        data.bytes.clone()
    };
    let mut relocs: Vec<RelocEntry> = data
        .relocs
        .iter()
        .map(|r| RelocEntry {
            offset: r.offset,
            kind: RelocKind::Abs64,
            sym: SymRef(r.sym.0),
            addend: r.addend,
        })
        .collect();
    relocs.sort_by_key(|r| r.offset);
    Atom {
        sym: SymRef(data.sym.0),
        kind,
        align: data.align,
        bytes,
        zero_size: if kind == AtomKind::Bss { data.zero_size } else { 0 },
        relocs,
        function: None,
    }
}
