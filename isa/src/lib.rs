//! Instruction selection, register allocation and encoding, one folder per instruction set over
//! the shared [`mach`].
//!
//! [`compile`] is pure: an IR function in, an atom out. It can run on many functions at once.

pub mod a64;
pub mod costs;
pub mod fuzz;
mod lines;
pub mod mach;
pub mod module;
pub mod rv64;
pub mod wasm32;
pub mod x64;

use costs::Costs;
use mochi_ir::passes::Abilities;
use mochi_ir::{Function, Module, Op, Sym};
use mochi_objwrite::{Arch, Atom, Target};

/// Options of code generation.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// regalloc2's fast algorithm, no selection that moves code across lines.
    pub debug: bool,
    /// Run the allocation checker (the default in debug builds of the compiler).
    pub verify: bool,
    /// What the machine has beyond the baseline of its instruction set.
    pub features: Features,
    /// Blocks times values used outside of their blocks, from more of which on such values live in the
    /// frame ([`mach::homes`]); 0 in tests of that.
    pub most_alive: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            debug: false,
            verify: cfg!(debug_assertions),
            features: Features::default(),
            most_alive: mach::homes::MOST_ALIVE,
        }
    }
}

/// Extensions of instruction sets. None is assumed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Features {
    /// RISC-V Zba: shifts that add.
    pub zba: bool,
    /// RISC-V Zbb: counts, minimum and maximum, rotations, complements of operands.
    pub zbb: bool,
}

impl Features {
    /// Those that a target's machine may have.
    pub fn of(target: Target) -> Features {
        let riscv = target.arch == Arch::Rv64;
        Features { zba: riscv, zbb: riscv }
    }
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
    /// Alignment of each symbol's data, 1 when the module does not define it.
    aligns: Vec<u32>,
    /// The functions of [`Op::SLOW_PATHS`], as far as the module has them.
    slow_paths: [Option<Sym>; Op::SLOW_PATHS.len()],
}

impl<'a> Context<'a> {
    /// The context of a module whose data is complete.
    pub fn new(module: &'a Module, target: Target, options: Options) -> Context<'a> {
        let mut aligns = vec![1; module.syms.len()];
        for data in &module.datas {
            aligns[data.sym.0 as usize] = data.align;
        }
        let slow_paths = Op::SLOW_PATHS.map(|name| module.lookup(name));
        Context { module, target, options, aligns, slow_paths }
    }

    /// A function of [`Op::SLOW_PATHS`].
    pub fn slow_path(&self, number: usize) -> Sym {
        self.slow_paths[number]
            .unwrap_or_else(|| panic!("the module does not declare {}", Op::SLOW_PATHS[number]))
    }

    /// What the address of a symbol is known to be a multiple of.
    pub fn align(&self, sym: Sym) -> u32 {
        self.aligns[sym.0 as usize]
    }
}

/// Compiles a function. Slow paths of `int.*` ops call the symbols [`mochi_ir::Op::slow_path`]
/// names; the module has them declared when it uses such ops.
pub fn compile(context: &Context, func: &Function) -> Atom {
    compile_and_count(context, func).0
}

/// The same, and what the code is made of.
pub fn compile_and_count(context: &Context, func: &Function) -> (Atom, Costs) {
    match context.target.arch {
        Arch::X64 => mach::compile::<x64::X64>(context, func),
        Arch::A64 => mach::compile::<a64::A64>(context, func),
        Arch::Rv64 => mach::compile::<rv64::Rv64>(context, func),
        Arch::Wasm32 => wasm32::compile(context, func),
    }
}

/// What passes want to know about a target.
pub fn abilities(target: Target) -> Abilities {
    Abilities {
        high_products: target.arch != Arch::Wasm32,
        conditional_moves: target.arch != Arch::Rv64,
        scaled_addresses: target.arch == Arch::X64,
    }
}

/// Symbols that code refers to by itself, declared or not: they follow the module's own.
pub fn own_symbols(target: Target) -> &'static [&'static str] {
    match target.arch {
        Arch::Wasm32 => wasm32::OWN_SYMBOLS,
        _ => &[],
    }
}

/// The program's first code: clears the frame pointer, and calls `start` with what the system gives
/// ([`Entry`](mochi_objwrite::platform::Entry)). The atom defines `entry`.
pub fn entry_stub(target: Target, entry: Sym, start: Sym) -> Atom {
    let found = target.platform.entry;
    match target.arch {
        Arch::X64 => x64::entry::stub(found, entry, start),
        Arch::A64 => a64::entry::stub(found, entry, start),
        Arch::Rv64 => rv64::entry::stub(entry, start),
        Arch::Wasm32 => wasm32::entry::stub(entry, start),
    }
}

/// The way to an imported function: jumps to the address in its slot. The atom defines `function`. Calls go
/// through it, so that code does not know what is imported.
pub fn import_stub(target: Target, function: Sym, slot: Sym) -> Atom {
    match target.arch {
        Arch::X64 => x64::entry::import(function, slot),
        Arch::A64 => a64::entry::import(function, slot),
        Arch::Rv64 | Arch::Wasm32 => unreachable!("no system of this machine has imports with slots"),
    }
}

/// The code of an atom as text; `symbols` names symbols by index.
pub fn disassemble(target: Target, atom: &Atom, symbols: &dyn Fn(u32) -> String) -> String {
    match syntax(target) {
        Some(syntax) => mach::assembly::function(atom, &(syntax.lines)(atom, symbols), symbols, 0).0,
        None => wasm32::disasm::disassemble(atom, symbols),
    }
}

/// How code of a register machine becomes text.
fn syntax(target: Target) -> Option<mach::assembly::Syntax> {
    match target.arch {
        Arch::X64 => Some(x64::disasm::SYNTAX),
        Arch::A64 => Some(a64::disasm::SYNTAX),
        Arch::Rv64 => Some(rv64::disasm::SYNTAX),
        Arch::Wasm32 => None,
    }
}

/// The text of a linked program, where it is one only when it is whole: in WebAssembly's, what the linker
/// numbers has no other names.
pub fn program_text(target: Target) -> Option<fn(&[u8]) -> String> {
    (target.arch == Arch::Wasm32).then_some(wasm32::text::program)
}

#[cfg(test)]
mod tests {
    use super::mach::MachInst;

    /// Functions have many of them.
    #[test]
    fn instructions_are_small() {
        assert_eq!(size_of::<MachInst<super::x64::X64>>(), 40);
        assert_eq!(size_of::<MachInst<super::a64::A64>>(), 32);
        assert_eq!(size_of::<MachInst<super::rv64::Rv64>>(), 32);
    }
}
