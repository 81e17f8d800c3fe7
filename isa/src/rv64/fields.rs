//! Operand fields of RISC-V instructions: where each kind of operand is in the 32 or 16 bits, how
//! its value becomes bits and back, and how it is written.
//!
//! A [`Place`] says all of that for one operand, so a row of `insts.rs` is only its fixed bits
//! and a list of places. Immediates are scattered over an instruction: each place has a list of
//! [`Piece`]s, from which encoder and decoder are derived. Values are `i64`: a register's number,
//! or an immediate as written.

use crate::rv64::regs::{FLOAT_NAMES, INT_NAMES};
use std::fmt::Write;

/// What an operand is and where its bits are. Numbers in parentheses are the field's lowest bit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Integer register (5 bits).
    X(u8),
    /// Integer register other than `zero` (5 bits).
    Xnz(u8),
    /// Integer register other than `zero` and `sp` (5 bits).
    XnzSp(u8),
    /// Integer register s0, s1, a0 to a5 (3 bits).
    X3(u8),
    /// Float register (5 bits).
    F(u8),
    /// Float register fs0, fs1, fa0 to fa5 (3 bits).
    F3(u8),
    /// The stack pointer, which the instruction implies.
    Sp,
    /// Base register of an address, behind its offset (15).
    Base,
    /// The same, one of the eight registers of [`Place::X3`] (7).
    Base3,
    /// The stack pointer as an implied base.
    BaseSp,
    /// Address without an offset (15).
    Addr,
    /// Rounding mode (12).
    Rm,
    /// Ordering of an atomic access as a suffix of the mnemonic: acquire 2, release 1 (25).
    Order,
    /// Accesses ordered by a fence: input 8, output 4, read 2, write 1 (this bit).
    Access(u8),
    /// Signed immediate of 12 bits.
    I12,
    /// The same as the offset of an address.
    Off12,
    /// Offset of a store's address.
    OffS12,
    /// Displacement of a conditional branch, 13 bits.
    B13,
    /// Bits 12 to 31 of a value.
    U20,
    /// Displacement of a jump, 21 bits.
    J21,
    /// Shift amount of a word.
    Shamt6,
    /// Shift amount of 32 bits.
    Shamt5,
    /// Compressed: signed immediate of 6 bits.
    CImm,
    /// Compressed: the same, not zero.
    CImmNz,
    /// Compressed: shift amount, not zero.
    CShamt,
    /// Compressed: bits 12 to 31 of a value whose bits 17 to 31 are equal; not zero.
    CLui,
    /// Compressed: what is added to the stack pointer, in units of 16 bytes.
    CSp16,
    /// Compressed: an offset from the stack pointer, in units of 4 bytes.
    CSp4,
    /// Compressed: offset of four bytes.
    COff4,
    /// Compressed: offset of eight bytes.
    COff8,
    /// Compressed: offset from the stack pointer of a load of four bytes.
    CLwSp,
    /// Compressed: of a load of eight bytes.
    CLdSp,
    /// Compressed: of a store of four bytes.
    CSwSp,
    /// Compressed: of a store of eight bytes.
    CSdSp,
    /// Compressed: displacement of a jump, 12 bits.
    CJ,
    /// Compressed: displacement of a conditional branch, 9 bits.
    CB,
}

/// `len` bits of the value from bit `from` on are at bit `to` of the instruction.
type Piece = (u8, u8, u8);

/// Rounding modes by their encoding (F extension, table "Rounding mode encoding").
const ROUNDING: [&str; 8] = ["rne", "rtz", "rdn", "rup", "rmm", "", "", "dyn"];

/// Rounds towards zero.
pub const RTZ: i64 = 1;
/// Rounds as the floating-point control register says, which is to nearest, ties to even.
pub const DYN: i64 = 7;

/// The first of the eight registers that three bits name.
const FIRST3: i64 = 8;

impl Place {
    /// The bits of an immediate.
    fn pieces(self) -> &'static [Piece] {
        use Place::*;
        match self {
            Rm => &[(0, 3, 12)],
            Order => &[(0, 2, 25)],
            Access(20) => &[(0, 4, 20)],
            Access(_) => &[(0, 4, 24)],
            I12 | Off12 => &[(0, 12, 20)],
            OffS12 => &[(0, 5, 7), (5, 7, 25)],
            B13 => &[(1, 4, 8), (5, 6, 25), (11, 1, 7), (12, 1, 31)],
            U20 => &[(0, 20, 12)],
            J21 => &[(1, 10, 21), (11, 1, 20), (12, 8, 12), (20, 1, 31)],
            Shamt6 => &[(0, 6, 20)],
            Shamt5 => &[(0, 5, 20)],
            CImm | CImmNz | CShamt | CLui => &[(0, 5, 2), (5, 1, 12)],
            CSp16 => &[(4, 1, 6), (5, 1, 2), (6, 1, 5), (7, 2, 3), (9, 1, 12)],
            CSp4 => &[(2, 1, 6), (3, 1, 5), (4, 2, 11), (6, 4, 7)],
            COff4 => &[(2, 1, 6), (3, 3, 10), (6, 1, 5)],
            COff8 => &[(3, 3, 10), (6, 2, 5)],
            CLwSp => &[(2, 3, 4), (5, 1, 12), (6, 2, 2)],
            CLdSp => &[(3, 2, 5), (5, 1, 12), (6, 3, 2)],
            CSwSp => &[(2, 4, 9), (6, 2, 7)],
            CSdSp => &[(3, 3, 10), (6, 3, 7)],
            CJ => {
                &[(1, 3, 3), (4, 1, 11), (5, 1, 2), (6, 1, 7), (7, 1, 6), (8, 2, 9), (10, 1, 8), (11, 1, 12)]
            }
            CB => &[(1, 2, 3), (3, 2, 10), (5, 1, 2), (6, 2, 5), (8, 1, 12)],
            _ => &[],
        }
    }

    /// The immediate is signed.
    fn signed(self) -> bool {
        use Place::*;
        matches!(self, I12 | Off12 | OffS12 | B13 | J21 | CImm | CImmNz | CLui | CSp16 | CJ | CB)
    }

    /// A register's field: lowest bit, number of bits, smallest number.
    fn register_field(self) -> Option<(u8, u8, i64)> {
        use Place::*;
        match self {
            X(at) | F(at) => Some((at, 5, 0)),
            Xnz(at) | XnzSp(at) => Some((at, 5, 1)),
            X3(at) | F3(at) => Some((at, 3, FIRST3)),
            Base | Addr => Some((15, 5, 0)),
            Base3 => Some((7, 3, FIRST3)),
            Sp | BaseSp => Some((0, 0, 2)),
            _ => None,
        }
    }

    /// The bits of the operand.
    pub fn mask(self) -> u32 {
        match self.register_field() {
            Some((at, len, _)) => ones(len) << at,
            None => self.pieces().iter().fold(0, |m, &(_, len, to)| m | ones(len) << to),
        }
    }

    /// The operand is a register.
    pub fn is_register(self) -> bool {
        self.register_field().is_some()
    }

    /// The operand is a float register.
    pub fn is_float(self) -> bool {
        matches!(self, Place::F(_) | Place::F3(_))
    }

    /// The operand is the displacement of a branch.
    pub fn is_displacement(self) -> bool {
        matches!(self, Place::B13 | Place::J21 | Place::CB | Place::CJ)
    }

    /// The bits of a value, or `None` when it cannot be encoded.
    pub fn encode(self, value: i64) -> Option<u32> {
        if let Some((at, len, first)) = self.register_field() {
            let field = match len {
                3 => value - first,
                _ => value,
            };
            let fits = value >= first && field <= ones(len) as i64 || len == 0 && value == first;
            let allowed = !(matches!(self, Place::XnzSp(_)) && value == 2);
            return (fits && allowed).then(|| if len == 0 { 0 } else { (field as u32) << at });
        }
        let value = match self {
            Place::CImmNz | Place::CShamt | Place::CLui | Place::CSp16 | Place::CSp4 if value == 0 => {
                return None;
            }
            Place::Access(_) if value == 0 => return None,
            Place::Rm if matches!(value, 5 | 6) => return None,
            // Written as 20 bits.
            Place::CLui if value >= 1 << 19 => value - (1 << 20),
            _ => value,
        };
        let pieces = self.pieces();
        let width = pieces.iter().map(|&(from, len, _)| from + len).max().unwrap_or(0);
        let unit = pieces.iter().map(|&(from, ..)| from).min().unwrap_or(0);
        let (low, high) =
            if self.signed() { (-(1i64 << (width - 1)), 1 << (width - 1)) } else { (0, 1 << width) };
        if !(low..high).contains(&value) || value & ones(unit) as i64 != 0 {
            return None;
        }
        Some(pieces.iter().fold(0, |w, &(from, len, to)| w | ((value >> from) as u32 & ones(len)) << to))
    }

    /// The value in an instruction. `None` when it is not one that [`Place::encode`] makes.
    pub fn decode(self, word: u32) -> Option<i64> {
        let value = match self.register_field() {
            Some((_, 0, only)) => only,
            Some((at, len, first)) => (word >> at & ones(len)) as i64 + if len == 3 { first } else { 0 },
            None => {
                let pieces = self.pieces();
                let width = pieces.iter().map(|&(from, len, _)| from + len).max().unwrap_or(0);
                let raw = pieces
                    .iter()
                    .fold(0, |v, &(from, len, to)| v | ((word >> to & ones(len)) as i64) << from);
                let value = if self.signed() { raw << (64 - width) >> (64 - width) } else { raw };
                if self == Place::CLui { value & 0xf_ffff } else { value }
            }
        };
        (self.encode(value)? == word & self.mask()).then_some(value)
    }

    /// Writes the operand with the punctuation before (when it is not the first) and after it.
    pub fn write(self, out: &mut String, value: i64, first: bool) {
        use Place::*;
        let separator = match self {
            Order | Base | Base3 | BaseSp => "",
            _ if first => " ",
            _ => ", ",
        };
        out.push_str(separator);
        let _ = match self {
            X(_) | Xnz(_) | XnzSp(_) | X3(_) | Sp => out.write_str(INT_NAMES[value as usize]),
            F(_) | F3(_) => out.write_str(FLOAT_NAMES[value as usize]),
            Base | Base3 | BaseSp | Addr => write!(out, "({})", INT_NAMES[value as usize]),
            Rm => out.write_str(ROUNDING[value as usize]),
            Order => out.write_str(["", ".rl", ".aq", ".aqrl"][value as usize]),
            Access(_) => {
                let letters = ['i', 'o', 'r', 'w'].iter().enumerate();
                letters.filter(|(k, _)| value & 8 >> k != 0).for_each(|(_, c)| out.push(*c));
                Ok(())
            }
            _ => write!(out, "{value}"),
        };
    }
}

/// This many ones.
fn ones(len: u8) -> u32 {
    ((1u64 << len) - 1) as u32
}
