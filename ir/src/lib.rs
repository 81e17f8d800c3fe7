//! SSA intermediate representation with block parameters.
//!
//! This crate knows no target, no instruction set and no Mochi type. A [`Module`] holds symbols,
//! functions and data; a [`Function`] holds blocks of instructions over dense ids. The op table
//! ([`ops`]) is the only place that says what an op is; the interpreter ([`interp`]) is the
//! meaning of the IR and the judge of everything that transforms it.

pub mod builder;
pub mod cfg;
pub mod effects;
pub mod eval;
pub mod filetest;
pub mod func;
pub mod fuzz;
pub mod hash;
pub mod interp;
pub mod library;
pub mod module;
pub mod nones;
pub mod notes;
pub mod ops;
pub mod parallel;
pub mod passes;
pub mod positions;
pub mod regions;
pub mod roots;
pub mod ssa;
pub mod text;
mod variables;
pub mod verify;

pub use builder::FunctionBuilder;
pub use effects::{Effects, effects};
pub use func::{Block, BlockCall, Function, Inst, InstData, Type, Value, ValueDef};
pub use library::{Decl, Library};
pub use module::{Attributes, Conv, Data, Module, Reloc, Signature, Sym, SymDecl, SymKind};
pub use ops::{Cond, FCond, Op};
pub use positions::SrcLoc;
pub use regions::{Promise, Region, Regions};
