//! Instruction selection, register allocation and encoding, one folder per instruction set over
//! the shared [`mach`].
//!
//! [`compile`] is pure: an IR function in, an atom out. It can run on many functions at once.

pub mod module;

use mochi_ir::{Function, Module};
use mochi_objwrite::{Atom, Target};

/// Options of code generation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// regalloc2's fast algorithm, no selection that moves code across lines.
    pub debug: bool,
    /// Run the allocation checker.
    pub verify: bool,
}

/// Symbols of the module by index: relocations of the result use `SymRef(ir Sym index)`; slow-path
/// runtime functions the module has not declared are asked for here.
pub struct Context<'a> {
    /// The module of the functions.
    pub module: &'a Module,
    /// What to compile for.
    pub target: Target,
    /// Options.
    pub options: Options,
}

/// Compiles a function. Slow paths of `int.*` ops call the symbols [`mochi_ir::Op::slow_path`]
/// names; the module has them declared when it uses such ops.
pub fn compile(context: &Context, func: &Function) -> Atom {
    let _ = (context, func);
    unimplemented!("instruction selection")
}
