//! Operand fields of AArch64 instructions: where each kind of operand is in the 32 bits, how its
//! value becomes bits and back, and how it is written.
//!
//! See [`crate::mach::fields`]. A register's number 31 is the zero register or the stack pointer, as the
//! field says.

use crate::a64::imm;
use crate::mach::fields::{self, BitField, bits, register, signed, unsigned};
use regalloc2::{PReg, RegClass};
use std::fmt::Write;

/// What an operand is and where its bits are. Numbers in parentheses are the field's lowest bit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// 64-bit integer register or zero register (5 bits).
    X(u8),
    /// The same register in two fields: Rn and Rm.
    XTwice,
    /// 64-bit integer register or stack pointer (5 bits).
    Sp(u8),
    /// 32-bit integer register or zero register (5 bits).
    W(u8),
    /// 64-bit float register (5 bits).
    D(u8),
    /// 32-bit float register (5 bits).
    S(u8),
    /// 8-bit float register (5 bits).
    B(u8),
    /// Vector register as 8 bytes (5 bits).
    V8b(u8),
    /// Base register of an address: integer register or stack pointer, bits 5-9.
    Base,
    /// Index register, 64 bits, bits 16-20; the flag at bit 12 is the next operand.
    Index,
    /// Index register, 32 bits, bits 16-20; extension and flag are the next operand.
    IndexW,
    /// Scaling of a 64-bit index: 0, or the shift given here, bit 12.
    Scale(u8),
    /// Extension of a 32-bit index: option (2 `uxtw`, 6 `sxtw`; bits 13-15) times 8, plus 0 or
    /// the shift given here (bit 12).
    ExtScale(u8),
    /// Arithmetic immediate: 12 bits (10-21), or 12 bits times 4096 (bit 22).
    Imm12,
    /// Logical immediate: N (22), immr (16-21), imms (10-15).
    Bits,
    /// 16 bits (5-20).
    Imm16,
    /// 16 bits without meaning for the processor (5-20).
    Code16,
    /// Position of the 16 bits: 0, 16, 32 or 48 (bits 21-22).
    Hw,
    /// Shift of the last register: kind (`lsl lsr asr ror`; bits 22-23) times 64 plus amount
    /// (bits 10-15).
    Shift,
    /// The same without `ror`.
    ShiftAdd,
    /// Extension of a 32-bit register: option (bits 13-15; not 3 or 7) times 8 plus a left shift
    /// of 0 to 4 (bits 10-12).
    Ext,
    /// Left shift of a 64-bit register beside the stack pointer: 0 to 4 (bits 10-12).
    ExtLsl,
    /// Six bits: immr (16-21).
    Immr,
    /// Six bits: imms (10-15).
    Imms,
    /// Left shift as a bit field move: immr is 64 minus it, imms is 63 minus it.
    LslImm,
    /// Lowest bit of a field that is extracted: immr.
    Lsb,
    /// Width of a field that is extracted: imms is the sum with immr, minus 1.
    Width,
    /// Lowest bit of a field that is inserted: immr is 64 minus it.
    LsbTo,
    /// Width of a field that is inserted: imms is it minus 1; less than immr.
    WidthTo,
    /// Condition (bits 12-15).
    Cond,
    /// The opposite of the condition in bits 12-15.
    CondInv,
    /// Condition as a suffix of the mnemonic (bits 0-3).
    CondSuffix,
    /// Flags (bits 0-3).
    Nzcv,
    /// Five bits, unsigned (16-20).
    Imm5,
    /// Float immediate (bits 13-20); the value is the float's bits.
    Fimm,
    /// Unsigned offset of an address in units of 2^n bytes (bits 10-21).
    Off(u8),
    /// Signed offset in bytes (bits 12-20).
    Off9,
    /// The same, added to the base first.
    Pre9,
    /// The same, added to the base afterwards.
    Post9,
    /// Signed offset of a pair in units of 8 bytes (bits 15-21).
    Off7,
    /// The same, added to the base first.
    Pre7,
    /// The same, added to the base afterwards.
    Post7,
    /// Displacement in units of 4 bytes (bits 0-25).
    Rel26,
    /// Displacement in units of 4 bytes (bits 5-23).
    Rel19,
    /// Displacement in units of 4 bytes (bits 5-18).
    Rel14,
    /// Displacement in bytes: low two bits (29-30), the rest (5-23).
    Rel21,
    /// Displacement in pages of 4096 bytes, same fields.
    RelPage,
    /// Number of a bit: top bit (31), the rest (19-23).
    BitNumber,
    /// The register whose bit is tested, as wide as the bit's number asks (0-4).
    BitReg,
}

/// Names of conditions by their encoding (Arm ARM, C1.2.4).
pub const CONDITIONS: [&str; 16] =
    ["eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "al", "nv"];

/// The value in units of 2^n, when it is a multiple.
fn units(value: i64, n: u8) -> Option<i64> {
    (value & ((1 << n) - 1) == 0).then_some(value >> n)
}

/// The lowest bit of a bit field in an instruction.
fn immr(word: u32) -> i64 {
    (word >> 16 & 63).into()
}

impl fields::Field for Field {
    fn bit_field(self) -> BitField {
        use Field::*;
        const INT: RegClass = RegClass::Int;
        match self {
            X(at) | Sp(at) | W(at) => register(INT, bits::<5>(at)),
            XTwice => register(INT, &[(0, 5, 5), (0, 5, 16)]),
            Base => register(INT, bits::<5>(5)),
            Index | IndexW => register(INT, bits::<5>(16)),
            BitReg => register(INT, bits::<5>(0)),
            D(at) | S(at) | B(at) | V8b(at) => register(RegClass::Float, bits::<5>(at)),
            Imm5 => unsigned(bits::<5>(16)),
            Scale(_) => unsigned(bits::<1>(12)),
            ExtScale(_) => unsigned(bits::<4>(12)),
            Imm12 | Bits => unsigned(bits::<13>(10)),
            Imm16 | Code16 => unsigned(bits::<16>(5)),
            Hw => unsigned(&[(4, 2, 21)]),
            Shift | ShiftAdd => unsigned(&[(0, 6, 10), (6, 2, 22)]),
            Ext | Imms | Width | WidthTo => unsigned(bits::<6>(10)),
            ExtLsl => unsigned(bits::<3>(10)),
            Immr | Lsb | LsbTo => unsigned(bits::<6>(16)),
            LslImm => unsigned(bits::<12>(10)),
            Cond | CondInv => unsigned(bits::<4>(12)),
            CondSuffix | Nzcv => unsigned(bits::<4>(0)),
            Fimm => unsigned(bits::<8>(13)),
            Off(0) => unsigned(bits::<12>(10)),
            Off(1) => unsigned(&[(1, 12, 10)]),
            Off(2) => unsigned(&[(2, 12, 10)]),
            Off(_) => unsigned(&[(3, 12, 10)]),
            Off9 | Pre9 | Post9 => signed(bits::<9>(12)),
            Off7 | Pre7 | Post7 => signed(&[(3, 7, 15)]),
            Rel26 => signed(&[(2, 26, 0)]),
            Rel19 => signed(&[(2, 19, 5)]),
            Rel14 => signed(&[(2, 14, 5)]),
            Rel21 => signed(&[(0, 2, 29), (2, 19, 5)]),
            RelPage => signed(&[(12, 2, 29), (14, 19, 5)]),
            BitNumber => unsigned(&[(0, 5, 19), (5, 1, 31)]),
        }
    }

    fn number(self, v: i64, word: u32) -> Option<i64> {
        use Field::*;
        match self {
            Scale(n) => scale_flag(v, n),
            ExtScale(n) if matches!(v >> 3, 2 | 6) => Some((v >> 3) << 1 | scale_flag(v & 7, n)?),
            ExtScale(_) => None,
            Imm12 if (0..4096).contains(&v) => Some(v),
            Imm12 => units(v, 12).filter(|n| (0..4096).contains(n)).map(|n| n | 1 << 12),
            Bits => {
                let (n, immr, imms) = imm::logical(v as u64)?;
                Some((n << 12 | immr << 6 | imms).into())
            }
            ShiftAdd => (v >> 6 != 3).then_some(v),
            Ext => (v & 7 <= 4 && v >> 3 & 3 != 3).then_some(v),
            ExtLsl => (v <= 4).then_some(v),
            LslImm => (1..64).contains(&v).then_some((64 - v) << 6 | (63 - v)),
            Width => (v > 0).then_some(v + immr(word) - 1),
            LsbTo => (1..64).contains(&v).then_some(64 - v),
            WidthTo => (v > 0 && v - 1 < immr(word)).then_some(v - 1),
            // The opposites of `al` and `nv` mean nothing.
            CondInv => (v < 14).then_some(v ^ 1),
            Fimm => imm::float(v as u64).map(i64::from),
            _ => Some(v),
        }
    }

    fn value(self, n: i64, word: u32) -> Option<i64> {
        use Field::*;
        Some(match self {
            Scale(k) => n * k as i64,
            ExtScale(k) => (n >> 1) * 8 + (n & 1) * k as i64,
            Imm12 => (n & 0xfff) << (12 * (n >> 12)),
            Bits => imm::logical_value(n as u32 >> 12, n as u32 >> 6 & 63, n as u32 & 63)? as i64,
            LslImm => 63 - (n & 63),
            Width => n - immr(word) + 1,
            LsbTo => 64 - n,
            WidthTo => n + 1,
            CondInv => n ^ 1,
            Fimm => imm::float_value(n as u8) as i64,
            _ => n,
        })
    }

    fn takes(self, reg: PReg) -> bool {
        self.bit_field().class() == Some(reg.class()) && reg.hw_enc() != if self.has_sp() { 31 } else { 32 }
    }
}

impl Field {
    /// Register 31 is the stack pointer.
    pub fn has_sp(self) -> bool {
        matches!(self, Field::Sp(_) | Field::Base)
    }

    /// Writes the operand with the punctuation before (when it is not the first) and after it.
    /// `values` are all operands; `sp` tells that the stack pointer is one of them.
    pub fn write(self, out: &mut String, value: i64, first: bool, values: &[i64], sp: bool) {
        use Field::*;
        let separator = match self {
            CondSuffix | Scale(_) | ExtScale(_) | Shift | Hw | Ext | ExtLsl | ShiftAdd => "",
            Off(_) | Off9 | Pre9 | Off7 | Pre7 | Post9 | Post7 => "",
            _ if first => " ",
            _ => ", ",
        };
        out.push_str(separator);
        let _ = match self {
            X(_) | XTwice | Index => write_reg(out, 'x', value, "xzr"),
            Sp(_) => write_reg(out, 'x', value, "sp"),
            W(_) | IndexW => write_reg(out, 'w', value, "wzr"),
            D(_) => write!(out, "d{value}"),
            S(_) => write!(out, "s{value}"),
            B(_) => write!(out, "b{value}"),
            V8b(_) => write!(out, "v{value}.8b"),
            Base => {
                out.push('[');
                write_reg(out, 'x', value, "sp")
            }
            Scale(0) => write!(out, "]"),
            Scale(_) if value == 0 => write!(out, "]"),
            Scale(_) => write!(out, ", lsl #{value}]"),
            ExtScale(_) => {
                write_ext(out, value);
                write!(out, "]")
            }
            Shift | ShiftAdd if value == 0 => Ok(()),
            Shift | ShiftAdd => {
                let kind = ["lsl", "lsr", "asr", "ror"][value as usize >> 6 & 3];
                write!(out, ", {kind} #{}", value & 63)
            }
            Hw if value == 0 => Ok(()),
            Hw => write!(out, ", lsl #{value}"),
            Ext => {
                write_ext(out, value);
                Ok(())
            }
            ExtLsl if sp && value == 0 => Ok(()),
            ExtLsl if value == 0 => write!(out, ", uxtx"),
            ExtLsl => write!(out, ", {} #{value}", if sp { "lsl" } else { "uxtx" }),
            Imm12 if value >= 4096 => write!(out, "#{}, lsl #12", value >> 12),
            Bits | Code16 if value != 0 => write!(out, "#{value:#x}"),
            Cond | CondInv | CondSuffix => write!(out, "{}", CONDITIONS[value as usize & 15]),
            Fimm => write!(out, "#{:.8}", f64::from_bits(value as u64)),
            Off(_) | Off9 | Off7 if value == 0 => write!(out, "]"),
            Off(_) | Off9 | Off7 => write!(out, ", #{value}]"),
            Pre9 | Pre7 => write!(out, ", #{value}]!"),
            Post9 | Post7 => write!(out, "], #{value}"),
            BitReg => {
                let (letter, zero) = if values[1] < 32 { ('w', "wzr") } else { ('x', "xzr") };
                write_reg(out, letter, value, zero)
            }
            _ => write!(out, "#{value}"),
        };
    }
}

/// The flag for scaling an index by `n` bits.
fn scale_flag(value: i64, n: u8) -> Option<i64> {
    match value {
        0 => Some(0),
        v if v == n as i64 => Some(1),
        _ => None,
    }
}

fn write_reg(out: &mut String, letter: char, value: i64, last: &str) -> std::fmt::Result {
    if value == 31 { out.write_str(last) } else { write!(out, "{letter}{value}") }
}

/// Writes option times 8 plus a shift.
fn write_ext(out: &mut String, value: i64) {
    const NAMES: [&str; 8] = ["uxtb", "uxth", "uxtw", "uxtx", "sxtb", "sxth", "sxtw", "sxtx"];
    let _ = write!(out, ", {}", NAMES[value as usize >> 3 & 7]);
    if value & 7 != 0 {
        let _ = write!(out, " #{}", value & 7);
    }
}
