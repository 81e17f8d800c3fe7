//! Operand fields of AArch64 instructions: where each kind of operand is in the 32 bits, how its
//! value becomes bits and back, and how it is written.
//!
//! A [`Place`] says all of that for one operand, so a row of `insts.rs` is only its fixed bits
//! and a list of places, and encoder, decoder and printer are the three functions below.
//! Values are `i64`: a register's number (31 is the zero register or the stack pointer, as the
//! place says), an immediate as written, or one of the packed forms described at the place.

use crate::a64::imm;
use std::fmt::Write;

/// What an operand is and where its bits are. Numbers in parentheses are the field's lowest bit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
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

fn mask(low: u32, width: u32) -> u32 {
    ((1u64 << width) - 1) as u32 * (1 << low)
}

fn get(word: u32, low: u32, width: u32) -> i64 {
    (word >> low & mask(0, width)) as i64
}

fn get_signed(word: u32, low: u32, width: u32) -> i64 {
    get(word, low, width) << (64 - width) >> (64 - width)
}

/// The bits of an unsigned field, if the value fits.
fn put(value: i64, low: u32, width: u32) -> Option<u32> {
    (0..1 << width).contains(&value).then(|| (value as u32) << low)
}

fn put_signed(value: i64, low: u32, width: u32) -> Option<u32> {
    let fits = (-(1i64 << (width - 1))..1 << (width - 1)).contains(&value);
    fits.then(|| (value as u32 & mask(0, width)) << low)
}

/// The value in units of 2^n, when it is a multiple.
fn units(value: i64, n: u8) -> Option<i64> {
    (value & ((1 << n) - 1) == 0).then_some(value >> n)
}

impl Place {
    /// The bits of the operand.
    pub fn mask(self) -> u32 {
        use Place::*;
        match self {
            X(at) | Sp(at) | W(at) | D(at) | S(at) | B(at) | V8b(at) => mask(at as u32, 5),
            XTwice => mask(5, 5) | mask(16, 5),
            Base => mask(5, 5),
            Index | IndexW | Imm5 => mask(16, 5),
            Scale(_) => mask(12, 1),
            ExtScale(_) => mask(12, 4),
            Imm12 => mask(10, 13),
            Bits => mask(10, 13),
            Imm16 | Code16 => mask(5, 16),
            Hw => mask(21, 2),
            Shift | ShiftAdd => mask(22, 2) | mask(10, 6),
            Ext => mask(10, 6),
            ExtLsl => mask(10, 3),
            Immr | Lsb | LsbTo => mask(16, 6),
            Imms | Width | WidthTo => mask(10, 6),
            LslImm => mask(10, 12),
            Cond | CondInv => mask(12, 4),
            CondSuffix | Nzcv => mask(0, 4),
            Fimm => mask(13, 8),
            Off(_) => mask(10, 12),
            Off9 | Pre9 | Post9 => mask(12, 9),
            Off7 | Pre7 | Post7 => mask(15, 7),
            Rel26 => mask(0, 26),
            Rel19 => mask(5, 19),
            Rel14 => mask(5, 14),
            Rel21 | RelPage => mask(5, 19) | mask(29, 2),
            BitNumber => mask(31, 1) | mask(19, 5),
            BitReg => mask(0, 5),
        }
    }

    /// The operand is a register; whether 31 means the stack pointer.
    pub fn register(self) -> Option<bool> {
        use Place::*;
        match self {
            X(_) | XTwice | W(_) | D(_) | S(_) | B(_) | V8b(_) | Index | IndexW | BitReg => Some(false),
            Sp(_) | Base => Some(true),
            _ => None,
        }
    }

    /// The operand is a float register.
    pub fn is_float(self) -> bool {
        matches!(self, Place::D(_) | Place::S(_) | Place::B(_) | Place::V8b(_))
    }

    /// The bits of a value; `word` has the operands before this one. `None` when the value
    /// cannot be encoded.
    pub fn encode(self, value: i64, word: u32) -> Option<u32> {
        use Place::*;
        let v = value;
        match self {
            X(at) | Sp(at) | W(at) | D(at) | S(at) | B(at) | V8b(at) => put(v, at as u32, 5),
            XTwice => Some(put(v, 5, 5)? | put(v, 16, 5)?),
            Base => put(v, 5, 5),
            Index | IndexW | Imm5 => put(v, 16, 5),
            Scale(n) => scale_flag(v, n),
            ExtScale(n) => match v >> 3 {
                2 | 6 => Some(put(v >> 3, 13, 3)? | scale_flag(v & 7, n)?),
                _ => None,
            },
            Imm12 => put(v, 10, 12).or_else(|| Some(put(units(v, 12)?, 10, 12)? | 1 << 22)),
            Bits => {
                let (n, immr, imms) = imm::logical(v as u64)?;
                Some(n << 22 | immr << 16 | imms << 10)
            }
            Imm16 | Code16 => put(v, 5, 16),
            Hw => put(units(v, 4)?, 21, 2),
            ShiftAdd if v >> 6 == 3 => None,
            Shift | ShiftAdd => Some(put(v >> 6, 22, 2)? | put(v & 63, 10, 6)?),
            Ext => (v & 7 <= 4 && v >> 3 & 3 != 3).then(|| put(v, 10, 6))?,
            ExtLsl => (v <= 4).then(|| put(v, 10, 3))?,
            Immr | Lsb => put(v, 16, 6),
            Imms => put(v, 10, 6),
            LslImm => (1..64).contains(&v).then(|| Some(put(64 - v, 16, 6)? | put(63 - v, 10, 6)?))?,
            Width => put((v > 0).then_some(v + get(word, 16, 6) - 1)?, 10, 6),
            LsbTo => (1..64).contains(&v).then(|| put(64 - v, 16, 6))?,
            WidthTo => put((v > 0 && v - 1 < get(word, 16, 6)).then_some(v - 1)?, 10, 6),
            Cond => put(v, 12, 4),
            // The opposites of `al` and `nv` mean nothing.
            CondInv => (v < 14).then(|| put(v ^ 1, 12, 4))?,
            CondSuffix | Nzcv => put(v, 0, 4),
            Fimm => put(imm::float(v as u64)? as i64, 13, 8),
            Off(n) => put(units(v, n)?, 10, 12),
            Off9 | Pre9 | Post9 => put_signed(v, 12, 9),
            Off7 | Pre7 | Post7 => put_signed(units(v, 3)?, 15, 7),
            Rel26 => put_signed(units(v, 2)?, 0, 26),
            Rel19 => put_signed(units(v, 2)?, 5, 19),
            Rel14 => put_signed(units(v, 2)?, 5, 14),
            Rel21 => Some(put_signed(v >> 2, 5, 19)? | put(v & 3, 29, 2)?),
            RelPage => Place::Rel21.encode(units(v, 12)?, word),
            BitNumber => Some(put(v >> 5, 31, 1)? | put(v & 31, 19, 5)?),
            BitReg => put(v, 0, 5),
        }
    }

    /// The value in an instruction. `None` when it is not one that [`Place::encode`] makes.
    pub fn decode(self, word: u32) -> Option<i64> {
        use Place::*;
        let get = |low, width| get(word, low, width);
        let get_signed = |low, width| get_signed(word, low, width);
        let value = match self {
            X(at) | Sp(at) | W(at) | D(at) | S(at) | B(at) | V8b(at) => get(at as u32, 5),
            XTwice => get(5, 5),
            Base => get(5, 5),
            Index | IndexW | Imm5 => get(16, 5),
            Scale(n) => get(12, 1) * n as i64,
            ExtScale(n) => get(13, 3) * 8 + get(12, 1) * n as i64,
            Imm12 => get(10, 12) << (12 * get(22, 1)),
            Bits => imm::logical_value(get(22, 1) as u32, get(16, 6) as u32, get(10, 6) as u32)? as i64,
            Imm16 | Code16 => get(5, 16),
            Hw => get(21, 2) * 16,
            Shift | ShiftAdd => get(22, 2) * 64 + get(10, 6),
            Ext => get(10, 6),
            ExtLsl => get(10, 3),
            Immr | Lsb => get(16, 6),
            Imms => get(10, 6),
            LslImm => 63 - get(10, 6),
            Width => get(10, 6) - get(16, 6) + 1,
            LsbTo => 64 - get(16, 6),
            WidthTo => get(10, 6) + 1,
            Cond => get(12, 4),
            CondInv => get(12, 4) ^ 1,
            CondSuffix | Nzcv => get(0, 4),
            Fimm => imm::float_value(get(13, 8) as u8) as i64,
            Off(n) => get(10, 12) << n,
            Off9 | Pre9 | Post9 => get_signed(12, 9),
            Off7 | Pre7 | Post7 => get_signed(15, 7) * 8,
            Rel26 => get_signed(0, 26) * 4,
            Rel19 => get_signed(5, 19) * 4,
            Rel14 => get_signed(5, 14) * 4,
            Rel21 => get_signed(5, 19) * 4 + get(29, 2),
            RelPage => (get_signed(5, 19) * 4 + get(29, 2)) << 12,
            BitNumber => get(31, 1) * 32 + get(19, 5),
            BitReg => get(0, 5),
        };
        let exact = self.encode(value, word)? == word & self.mask();
        exact.then_some(value)
    }

    /// Writes the operand with the punctuation before (when it is not the first) and after it.
    /// `values` are all operands; `sp` tells that the stack pointer is one of them.
    pub fn write(self, out: &mut String, value: i64, first: bool, values: &[i64], sp: bool) {
        use Place::*;
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
fn scale_flag(value: i64, n: u8) -> Option<u32> {
    match value {
        0 => Some(0),
        v if v == n as i64 => Some(1 << 12),
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
