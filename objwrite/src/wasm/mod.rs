//! WebAssembly modules for WASI.
//!
//! Words of the IR are i64 everywhere, addresses too; memory is 32-bit, so code wraps them. What a
//! linker of machine code patches is inserted here: [`code`] puts the shortest LEB128 number at
//! each relocation, and carries line rows and code offsets along. Names that nothing defines and
//! that [`imports`] knows are imported. [`exec`] lays out linear memory and writes the file.
//!
//! Sources: WebAssembly Core Specification 2.0 (binary format: chapter 5), WASI preview 1 (witx),
//! "DWARF for WebAssembly" (addresses are offsets in the contents of the code section).

pub mod about;
pub mod code;
pub mod exec;
pub mod imports;
pub mod sections;
