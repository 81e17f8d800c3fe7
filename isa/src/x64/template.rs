//! What the bytes of a row are made of. The build script (`isa/build.rs`) finds out by asking iced, and writes
//! the table that [`super::encode`] includes; nobody writes a template by hand.

use crate::x64::insts::When;

/// No operand.
pub const NONE: u8 = u8::MAX;

/// The bytes of a row; operands by their number among those that are given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Template {
    /// The prefix of the operation, or 0.
    pub prefix: u8,
    /// Bits of the REX prefix that no operand fills.
    pub rex: u8,
    /// Bytes of the opcode, from the first; then zeros.
    pub opcode: [u8; 4],
    /// How many these are.
    pub opcode_len: u8,
    /// Bits of the ModRM byte that no operand fills.
    pub modrm: u8,
    /// The operand in its `reg` field.
    pub reg: u8,
    /// The operand in its `r/m` field; without one there is no ModRM byte.
    pub rm: u8,
    /// The register in the low bits of the opcode.
    pub low: u8,
    /// The operand that is an immediate.
    pub imm: u8,
    /// Bytes of it.
    pub imm_len: u8,
    /// Operands that are registers of one byte, as bits: some of these need a REX prefix.
    pub bytes: u8,
}

/// The templates of a row.
#[derive(Debug)]
pub struct Templates {
    /// Usually.
    pub main: Template,
    /// For some operands.
    pub special: Option<(When, Template)>,
}
