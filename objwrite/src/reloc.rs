//! Relocations: the only table of their fields, formulas, ranges and numbers.
//!
//! `S` is the symbol's address, `A` the addend, `P` the address of the patched field.

/// A relocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum RelocKind {
    /// 64-bit field, `S + A`. Becomes a relative dynamic relocation in position-independent files.
    Abs64,
    /// x86-64: signed 32-bit field, `S + A - P`. For `lea`, loads, stores.
    X64Pc32,
    /// x86-64: the same, for `call` and `jmp` of functions (a linker may go through a stub).
    X64Call,
}
