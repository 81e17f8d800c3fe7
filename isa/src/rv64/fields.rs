//! Operand fields of RISC-V instructions: where each kind of operand is in the 32 or 16 bits, how
//! its value becomes bits and back, and how it is written.
//!
//! See [`crate::mach::fields`]. Immediates are scattered over an instruction.

use crate::mach::fields::{self, BitField, bits, register, signed, unsigned};
use crate::rv64::regs::{FLOAT_NAMES, INT_NAMES};
use regalloc2::RegClass;
use std::fmt::Write;

/// What an operand is and where its bits are. Numbers in parentheses are the field's lowest bit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
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
    /// The same, one of the eight registers of [`Field::X3`] (7).
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

/// Rounding modes by their encoding (F extension, table "Rounding mode encoding").
const ROUNDING: [&str; 8] = ["rne", "rtz", "rdn", "rup", "rmm", "", "", "dyn"];

/// Rounds towards zero.
pub const RTZ: i64 = 1;
/// Rounds as the floating-point control register says, which is to nearest, ties to even.
pub const DYN: i64 = 7;

/// The first of the eight registers that three bits name.
const FIRST3: i64 = 8;

/// The stack pointer.
const STACK: i64 = 2;

impl fields::Field for Field {
    fn bit_field(self) -> BitField {
        use Field::*;
        const INT: RegClass = RegClass::Int;
        match self {
            X(at) | Xnz(at) | XnzSp(at) => register(INT, bits::<5>(at)),
            X3(at) => register(INT, bits::<3>(at)),
            F(at) => register(RegClass::Float, bits::<5>(at)),
            F3(at) => register(RegClass::Float, bits::<3>(at)),
            Base | Addr => register(INT, bits::<5>(15)),
            Base3 => register(INT, bits::<3>(7)),
            Sp | BaseSp => register(INT, &[]),
            Rm => unsigned(bits::<3>(12)),
            Order => unsigned(bits::<2>(25)),
            Access(at) => unsigned(bits::<4>(at)),
            I12 | Off12 => signed(bits::<12>(20)),
            OffS12 => signed(&[(0, 5, 7), (5, 7, 25)]),
            B13 => signed(&[(1, 4, 8), (5, 6, 25), (11, 1, 7), (12, 1, 31)]),
            U20 => unsigned(bits::<20>(12)),
            J21 => signed(&[(1, 10, 21), (11, 1, 20), (12, 8, 12), (20, 1, 31)]),
            Shamt6 => unsigned(bits::<6>(20)),
            Shamt5 => unsigned(bits::<5>(20)),
            CImm | CImmNz | CLui => signed(&[(0, 5, 2), (5, 1, 12)]),
            CShamt => unsigned(&[(0, 5, 2), (5, 1, 12)]),
            CSp16 => signed(&[(4, 1, 6), (5, 1, 2), (6, 1, 5), (7, 2, 3), (9, 1, 12)]),
            CSp4 => unsigned(&[(2, 1, 6), (3, 1, 5), (4, 2, 11), (6, 4, 7)]),
            COff4 => unsigned(&[(2, 1, 6), (3, 3, 10), (6, 1, 5)]),
            COff8 => unsigned(&[(3, 3, 10), (6, 2, 5)]),
            CLwSp => unsigned(&[(2, 3, 4), (5, 1, 12), (6, 2, 2)]),
            CLdSp => unsigned(&[(3, 2, 5), (5, 1, 12), (6, 3, 2)]),
            CSwSp => unsigned(&[(2, 4, 9), (6, 2, 7)]),
            CSdSp => unsigned(&[(3, 3, 10), (6, 3, 7)]),
            CJ => signed(&[
                (1, 3, 3),
                (4, 1, 11),
                (5, 1, 2),
                (6, 1, 7),
                (7, 1, 6),
                (8, 2, 9),
                (10, 1, 8),
                (11, 1, 12),
            ]),
            CB => signed(&[(1, 2, 3), (3, 2, 10), (5, 1, 2), (6, 2, 5), (8, 1, 12)]),
        }
    }

    fn number(self, value: i64, _: u32) -> Option<i64> {
        use Field::*;
        match self {
            Xnz(_) | XnzSp(_) | CImmNz | CShamt | CLui | CSp16 | CSp4 | Access(_) if value == 0 => None,
            XnzSp(_) if value == STACK => None,
            X3(_) | F3(_) | Base3 => Some(value - FIRST3),
            Sp | BaseSp => (value == STACK).then_some(0),
            Rm if matches!(value, 5 | 6) => None,
            // Written as 20 bits.
            CLui if value >= 1 << 19 => Some(value - (1 << 20)),
            _ => Some(value),
        }
    }

    fn value(self, number: i64, _: u32) -> Option<i64> {
        use Field::*;
        Some(match self {
            X3(_) | F3(_) | Base3 => number + FIRST3,
            Sp | BaseSp => STACK,
            CLui => number & 0xf_ffff,
            _ => number,
        })
    }
}

impl Field {
    /// The operand is the displacement of a branch.
    pub fn is_displacement(self) -> bool {
        matches!(self, Field::B13 | Field::J21 | Field::CB | Field::CJ)
    }

    /// Writes the operand with the punctuation before (when it is not the first) and after it.
    pub fn write(self, out: &mut String, value: i64, first: bool) {
        use Field::*;
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
