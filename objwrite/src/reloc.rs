//! Relocations: the only table of their fields, formulas, ranges and numbers.
//!
//! `S` is the symbol's address, `A` the addend, `P` the address of the patched field, `Page(x)` is
//! `x` without its low 12 bits. A row says how the value is computed, which range it must be in,
//! and which of its bits go where in the little-endian unit of `bytes` bytes at `P`; [`apply`]
//! is the one place that patches code and data. Rows of WebAssembly patch nothing: a LEB128 number
//! is inserted at `P` when the file is written ([`crate::wasm::code`]), signed or not as the range says.
//!
//! Sources: System V psABI x86-64 1.0 (table 4.10), AAELF64 2024Q3 (section 5.7), RISC-V ELF psABI
//! 1.0 (chapter 8), WebAssembly Core 2.0 (section 5); Microsoft, "PE Format" (COFF relocations); Apple's
//! `mach-o/x86_64/reloc.h` and `mach-o/arm64/reloc.h`. A number of 0 means that the machine has no
//! such relocation in ELF or COFF files; in Mach-O files 0 is one.

use crate::target::Arch;
use std::fmt;

/// How the value is computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Formula {
    /// `S + A`.
    Abs,
    /// `S + A - P`.
    Rel,
    /// `Page(S + A) - Page(P)`.
    Page,
    /// Inserted, not patched; the relocation's text says what.
    Insert,
}

/// Which values fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Range {
    /// Every value: the field takes all its bits or only low ones by design.
    Any,
    /// Two's complement of this many bits.
    Signed(u32),
    /// Non-negative, this many bits.
    Unsigned(u32),
}

/// Bits of the value that go into the unit: `len` bits of `value + bias` from bit `from` on are
/// placed at bit `to` of the unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// Added before bits are taken (rounding of the high part of a high/low pair).
    pub bias: u64,
    /// First bit of the value.
    pub from: u32,
    /// Number of bits.
    pub len: u32,
    /// First bit in the unit.
    pub to: u32,
}

/// Numbers of a relocation in ELF files, by machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ElfNumbers {
    /// `R_X86_64_*`.
    pub x64: u32,
    /// `R_AARCH64_*`.
    pub a64: u32,
    /// `R_RISCV_*`.
    pub rv64: u32,
    /// `R_RISCV_*` of the second instruction of a pair, whose symbol is the address of the first.
    pub rv64_low: u32,
}

/// A value for each machine that has files of a format: x86-64, AArch64.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ByMachine<T>([T; 2]);

impl<T: Copy> ByMachine<T> {
    fn of(&self, arch: Arch) -> Option<T> {
        match arch {
            Arch::X64 => Some(self.0[0]),
            Arch::A64 => Some(self.0[1]),
            Arch::Rv64 | Arch::Wasm32 => None,
        }
    }
}

/// A relocation in Mach-O files. It is relative to its place (`r_pcrel`) when the formula is, unless it is one
/// of a pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MachoNumber {
    /// `X86_64_RELOC_*`, `ARM64_RELOC_*`.
    pub number: u8,
    /// Another address is subtracted: that of the symbol in one before it (`SUBTRACTOR`).
    pub pair: bool,
}

/// Code that goes on to a place that a call does not reach, with relocations to that place. It changes
/// nothing but a register that is free between a call and the function it calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Veneer {
    /// Instructions.
    pub code: &'static [u8],
    /// Offset and kind.
    pub relocs: &'static [(u32, RelocKind)],
    /// Linkers extend calls that are left to them by veneers of their own.
    pub by_linkers: bool,
}

/// `adrp x16; add x16, x16; br x16` (AAELF64 2024Q3, section 5.7.10: x16 is a veneer's).
static A64_VENEER: Veneer = Veneer {
    code: &[0x10, 0, 0, 0x90, 0x10, 0x02, 0, 0x91, 0, 0x02, 0x1F, 0xD6],
    relocs: &[(0, RelocKind::A64Page), (4, RelocKind::A64Lo12)],
    by_linkers: true,
};

/// `auipc t6; jr t6`: t6 is a scratch register in code of ours, also where a function keeps all others.
static RV64_VENEER: Veneer = Veneer {
    code: &[0x97, 0x0F, 0, 0, 0x67, 0x80, 0x0F, 0],
    relocs: &[(0, RelocKind::Rv64Call)],
    by_linkers: false,
};

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RelocRow {
    /// The relocation.
    pub kind: RelocKind,
    /// Computation of the value.
    pub formula: Formula,
    /// Size of the patched unit in bytes: 4 or 8, or 0 for an insertion.
    pub bytes: u32,
    /// Range check.
    pub range: Range,
    /// The value must be a multiple of this power of two.
    pub align: u64,
    /// Where its bits go.
    pub pieces: &'static [Piece],
    /// Numbers in ELF.
    pub elf: ElfNumbers,
    /// Numbers in COFF: `IMAGE_REL_AMD64_*`, `IMAGE_REL_ARM64_*`.
    pub coff: ByMachine<u16>,
    /// What it is in Mach-O.
    pub macho: ByMachine<Option<MachoNumber>>,
}

macro_rules! macho {
    ($(())?) => {
        None
    };
    (($number:literal)) => {
        Some(MachoNumber { number: $number, pair: false })
    };
    (($number:literal pair)) => {
        Some(MachoNumber { number: $number, pair: true })
    };
}

macro_rules! relocs {
    ($($(#[$doc:meta])* $kind:ident: $formula:ident, $bytes:literal bytes, $range:expr, align $align:literal,
        bits [$($len:literal from $from:literal $(+ $bias:literal)? to $to:literal),*],
        elf $x64:literal $a64:literal $rv64:literal $(low $low:literal)?
        $(, coff $coff_x64:literal $coff_a64:literal)? $(, macho $macho_x64:tt $macho_a64:tt)?;)*) => {
        /// A relocation.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum RelocKind {
            $($(#[$doc])* $kind,)*
        }

        /// Every relocation, in order of [`RelocKind`].
        pub static RELOCS: &[RelocRow] = &[$(RelocRow {
            kind: RelocKind::$kind,
            formula: Formula::$formula,
            bytes: $bytes,
            range: $range,
            align: $align,
            pieces: &[$(Piece { bias: 0 $(+ $bias)?, from: $from, len: $len, to: $to }),*],
            elf: ElfNumbers { x64: $x64, a64: $a64, rv64: $rv64, rv64_low: 0 $(+ $low)? },
            coff: ByMachine([0 $(+ $coff_x64)?, 0 $(+ $coff_a64)?]),
            macho: ByMachine([macho!($($macho_x64)?), macho!($($macho_a64)?)]),
        }),*];
    };
}

relocs! {
    /// 64-bit field, `S + A`. Becomes a relative dynamic relocation in position-independent files.
    Abs64: Abs, 8 bytes, Range::Any, align 1, bits [64 from 0 to 0], elf 1 257 2,
        coff 1 14, macho (0) (0);
    /// 32-bit field, `S + A`: an offset in a debug section, which in COFF is one from the section's start
    /// (`SECREL`) and in Mach-O final. Never in an atom.
    Abs32: Abs, 4 bytes, Range::Unsigned(32), align 1, bits [32 from 0 to 0], elf 10 258 1,
        coff 11 8;
    /// 32-bit data field, `S + A - P`.
    Rel32: Rel, 4 bytes, Range::Signed(32), align 1, bits [32 from 0 to 0], elf 2 261 57,
        coff 4 17, macho (0 pair) (0 pair);
    /// x86-64: signed 32-bit field, `S + A - P`. For `lea`, loads, stores.
    X64Pc32: Rel, 4 bytes, Range::Signed(32), align 1, bits [32 from 0 to 0], elf 2 0 0,
        coff 4 0, macho (1) ();
    /// x86-64: the same, for `call` and `jmp` of functions (a linker may go through a stub).
    X64Call: Rel, 4 bytes, Range::Signed(32), align 1, bits [32 from 0 to 0], elf 4 0 0,
        coff 4 0, macho (2) ();
    /// AArch64: `bl`, 26 bits of a word offset (`CALL26`).
    A64Call: Rel, 4 bytes, Range::Signed(28), align 4, bits [26 from 2 to 0], elf 0 283 0,
        coff 0 3, macho () (2);
    /// AArch64: `b` to another function, as [`RelocKind::A64Call`] (`JUMP26`).
    A64Jump: Rel, 4 bytes, Range::Signed(28), align 4, bits [26 from 2 to 0], elf 0 282 0,
        coff 0 3, macho () (2);
    /// AArch64: `adrp`, 21 bits of a page offset (`ADR_PREL_PG_HI21`).
    A64Page: Page, 4 bytes, Range::Signed(33), align 1,
        bits [2 from 12 to 29, 19 from 14 to 5], elf 0 275 0,
        coff 0 4, macho () (3);
    /// AArch64: `add` of the low 12 bits (`ADD_ABS_LO12_NC`).
    A64Lo12: Abs, 4 bytes, Range::Any, align 1, bits [12 from 0 to 10], elf 0 277 0,
        coff 0 6, macho () (4);
    /// AArch64: low 12 bits of a byte load or store (`LDST8_ABS_LO12_NC`).
    A64Ldst8Lo12: Abs, 4 bytes, Range::Any, align 1, bits [12 from 0 to 10], elf 0 278 0,
        coff 0 7, macho () (4);
    /// AArch64: the same for 16 bits (`LDST16_ABS_LO12_NC`).
    A64Ldst16Lo12: Abs, 4 bytes, Range::Any, align 2, bits [11 from 1 to 10], elf 0 284 0,
        coff 0 7, macho () (4);
    /// AArch64: the same for 32 bits (`LDST32_ABS_LO12_NC`).
    A64Ldst32Lo12: Abs, 4 bytes, Range::Any, align 4, bits [10 from 2 to 10], elf 0 285 0,
        coff 0 7, macho () (4);
    /// AArch64: the same for 64 bits (`LDST64_ABS_LO12_NC`).
    A64Ldst64Lo12: Abs, 4 bytes, Range::Any, align 8, bits [9 from 3 to 10], elf 0 286 0,
        coff 0 7, macho () (4);
    /// RV64: `jal`, 20 bits of a half word offset (`JAL`).
    Rv64Jal: Rel, 4 bytes, Range::Signed(21), align 2,
        bits [10 from 1 to 21, 1 from 11 to 20, 8 from 12 to 12, 1 from 20 to 31], elf 0 0 17;
    /// RV64: `auipc` + `jalr`, one unit (`CALL_PLT`).
    Rv64Call: Rel, 8 bytes, Range::Signed(32), align 2,
        bits [20 from 12 + 0x800 to 12, 12 from 0 to 52], elf 0 0 19;
    /// RV64: `auipc` + `addi` or load, one unit. Two relocations in an ELF file: this one
    /// (`PCREL_HI20`), and `PCREL_LO12_I` with the address of the first as its symbol.
    Rv64PcI: Rel, 8 bytes, Range::Signed(32), align 1,
        bits [20 from 12 + 0x800 to 12, 12 from 0 to 52], elf 0 0 23 low 24;
    /// RV64: `auipc` + store, one unit. As [`RelocKind::Rv64PcI`], with `PCREL_LO12_S`.
    Rv64PcS: Rel, 8 bytes, Range::Signed(32), align 1,
        bits [20 from 12 + 0x800 to 12, 5 from 0 to 39, 7 from 5 to 57], elf 0 0 23 low 25;
    /// WebAssembly: index of the function `S` (operand of `call`).
    WasmFunc: Insert, 0 bytes, Range::Unsigned(32), align 1, bits [], elf 0 0 0;
    /// WebAssembly: `S + A`, the address of data or a function's index in the table (operand of
    /// `i64.const` or `i32.const`).
    WasmAddr: Insert, 0 bytes, Range::Signed(64), align 1, bits [], elf 0 0 0;
    /// WebAssembly: index of a function type (operand of `call_indirect`, or a block's type, which
    /// is why it is signed). `A` bytes at `P` are that type (Core, section 5.3.6, without the
    /// leading 0x60); the index replaces them. `S` is the function itself.
    WasmType: Insert, 0 bytes, Range::Signed(33), align 1, bits [], elf 0 0 0;
    /// WebAssembly: offset of the inserted number itself in the contents of the code section,
    /// plus `A` (operand of `i64.const`). `S` is the function itself.
    WasmPc: Insert, 0 bytes, Range::Signed(64), align 1, bits [], elf 0 0 0;
}

impl RelocKind {
    /// The row.
    pub fn row(self) -> &'static RelocRow {
        &RELOCS[self as usize]
    }

    /// How a call goes on to what is out of its reach.
    pub fn veneer(self) -> Option<&'static Veneer> {
        match self {
            RelocKind::A64Call | RelocKind::A64Jump => Some(&A64_VENEER),
            RelocKind::Rv64Jal => Some(&RV64_VENEER),
            _ => None,
        }
    }

    /// The relocation with this number, as stored in archives.
    pub fn from_u8(n: u8) -> Option<RelocKind> {
        RELOCS.get(n as usize).map(|r| r.kind)
    }
}

impl RelocRow {
    /// Number in ELF files of this machine, if it has one.
    pub fn elf_number(&self, arch: Arch) -> Option<u32> {
        let n = match arch {
            Arch::X64 => self.elf.x64,
            Arch::A64 => self.elf.a64,
            Arch::Rv64 => self.elf.rv64,
            Arch::Wasm32 => 0,
        };
        (n != 0).then_some(n)
    }

    /// Number in COFF files of this machine, if it has one.
    pub fn coff_number(&self, arch: Arch) -> Option<u16> {
        self.coff.of(arch).filter(|n| *n != 0)
    }

    /// What it is in Mach-O files of this machine, if it is there.
    pub fn macho_number(&self, arch: Arch) -> Option<MachoNumber> {
        self.macho.of(arch).flatten()
    }

    /// The field is a word that has the whole value, not some bits of an instruction.
    pub fn is_word(&self) -> bool {
        matches!(self.pieces, [Piece { from: 0, to: 0, len, .. }] if *len == self.bytes * 8)
    }

    /// What is to be added to an addend for formats that count a distance from the end of its field, as processors
    /// with such fields do, and ELF does not: COFF and Mach-O.
    pub fn end(&self) -> i64 {
        if self.formula == Formula::Rel && self.is_word() { self.bytes.into() } else { 0 }
    }

    /// Objects of this machine may have it.
    pub fn is_of(&self, arch: Arch) -> bool {
        match arch {
            Arch::Wasm32 => self.formula == Formula::Insert || self.kind == RelocKind::Abs64,
            _ => self.elf_number(arch).is_some(),
        }
    }

    /// The value, from `S + A` and `P`.
    pub fn value(&self, target: u64, place: u64) -> u64 {
        match self.formula {
            Formula::Abs | Formula::Insert => target,
            Formula::Rel => target.wrapping_sub(place),
            Formula::Page => (target & !0xFFF).wrapping_sub(place & !0xFFF),
        }
    }

    /// The value fits, from `S + A` and `P`.
    pub fn reaches(&self, target: u64, place: u64) -> bool {
        self.fits(self.value(target, place))
    }

    fn fits(&self, value: u64) -> bool {
        let in_range = match self.range {
            Range::Any => true,
            Range::Signed(bits) => {
                let v = value as i64;
                // The high part of a pair is rounded up: the pair's range is shifted by the bias.
                let bias = self.pieces.iter().map(|p| p.bias as i64).max().unwrap_or(0);
                let limit = 1i64 << (bits - 1);
                v >= -limit - bias && v < limit - bias
            }
            Range::Unsigned(bits) => value >> bits == 0,
        };
        in_range && value & (self.align - 1) == 0
    }
}

/// A relocation whose value does not fit its field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Overflow {
    /// The relocation.
    pub kind: RelocKind,
    /// The value that does not fit.
    pub value: i64,
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "value {:#x} does not fit relocation {:?}", self.value, self.kind)
    }
}

/// Patches the unit at the start of `unit`: `target` is `S + A`, `place` is `P`. Bits of the unit
/// that the field does not cover are kept. Panics when `unit` is shorter than the row's `bytes`
/// (callers check bounds when they read an atom).
pub fn apply(kind: RelocKind, unit: &mut [u8], target: u64, place: u64) -> Result<(), Overflow> {
    let row = kind.row();
    let value = row.value(target, place);
    if !row.fits(value) {
        return Err(Overflow { kind, value: value as i64 });
    }
    let unit = &mut unit[..row.bytes as usize];
    let mut word = [0u8; 8];
    word[..unit.len()].copy_from_slice(unit);
    let mut word = u64::from_le_bytes(word);
    for p in row.pieces {
        let mask = u64::MAX >> (64 - p.len);
        let bits = (value.wrapping_add(p.bias) >> p.from) & mask;
        word = word & !(mask << p.to) | bits << p.to;
    }
    unit.copy_from_slice(&word.to_le_bytes()[..row.bytes as usize]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(kind: RelocKind, unit: &[u8], target: u64, place: u64) -> Vec<u8> {
        let mut unit = unit.to_vec();
        apply(kind, &mut unit, target, place).unwrap();
        unit
    }

    #[test]
    fn rows_are_in_order_of_kind_and_consistent() {
        for (i, row) in RELOCS.iter().enumerate() {
            assert_eq!(row.kind as usize, i);
            assert_eq!(RelocKind::from_u8(i as u8), Some(row.kind));
            for p in row.pieces {
                assert!(p.len > 0 && p.to + p.len <= row.bytes * 8, "{:?}", row.kind);
            }
            let in_elf = [Arch::X64, Arch::A64, Arch::Rv64].iter().any(|&a| row.elf_number(a).is_some());
            let inserted = row.formula == Formula::Insert;
            assert_eq!(inserted, !in_elf, "{:?}", row.kind);
            assert_eq!(inserted, row.bytes == 0 && row.pieces.is_empty(), "{:?}", row.kind);
            for arch in [Arch::X64, Arch::A64] {
                let there = row.elf_number(arch).is_some();
                assert_eq!(row.coff_number(arch).is_some(), there, "{:?}", row.kind);
                // Offsets in debug sections are final there.
                let there = there && row.kind != RelocKind::Abs32;
                assert_eq!(row.macho_number(arch).is_some(), there, "{:?}", row.kind);
            }
        }
        assert_eq!(RelocKind::from_u8(RELOCS.len() as u8), None);
    }

    #[test]
    fn x64() {
        assert_eq!(patched(RelocKind::X64Call, &[0; 4], 0x2000 - 4, 0x1001), 0xFFBi32.to_le_bytes());
        assert_eq!(
            patched(RelocKind::Abs64, &[9; 8], 0x1234_5678_9ABC, 0),
            0x1234_5678_9ABCu64.to_le_bytes()
        );
        let mut unit = [0; 4];
        assert!(apply(RelocKind::X64Pc32, &mut unit, 0x7FFF_FFFF, 0).is_ok());
        let over = apply(RelocKind::X64Pc32, &mut unit, 0x8000_0000, 0).unwrap_err();
        assert_eq!(over, Overflow { kind: RelocKind::X64Pc32, value: 0x8000_0000 });
        assert!(apply(RelocKind::X64Pc32, &mut unit, 0, 0x8000_0000).is_ok());
        assert!(apply(RelocKind::X64Pc32, &mut unit, 0, 0x8000_0001).is_err());
    }

    /// Expected words are llvm-mc 14's encodings of the instructions in the comments.
    #[test]
    fn a64() {
        // bl .+0x1000; bl .-4
        assert_eq!(
            patched(RelocKind::A64Call, &0x9400_0000u32.to_le_bytes(), 0x2000, 0x1000),
            0x9400_0400u32.to_le_bytes()
        );
        assert_eq!(
            patched(RelocKind::A64Call, &0x9400_0000u32.to_le_bytes(), 0xFFC, 0x1000),
            0x97FF_FFFFu32.to_le_bytes()
        );
        // adrp x0, #0x5000 at page 0x1000: difference of 5 pages.
        assert_eq!(
            patched(RelocKind::A64Page, &0x9000_0000u32.to_le_bytes(), 0x6ABC, 0x1234),
            0xB000_0020u32.to_le_bytes()
        );
        // add x0, x0, #0xabc; ldr x0, [x0, #0xab8]
        assert_eq!(
            patched(RelocKind::A64Lo12, &0x9100_0000u32.to_le_bytes(), 0x6ABC, 0),
            0x912A_F000u32.to_le_bytes()
        );
        assert_eq!(
            patched(RelocKind::A64Ldst64Lo12, &0xF940_0000u32.to_le_bytes(), 0x6AB8, 0),
            0xF945_5C00u32.to_le_bytes()
        );
        assert!(apply(RelocKind::A64Ldst64Lo12, &mut [0; 4], 0x6ABC, 0).is_err());
        assert!(apply(RelocKind::A64Call, &mut [0; 4], 0x800_0000, 0).is_err());
    }

    /// Expected words are llvm-mc 14's encodings of the instructions in the comments.
    #[test]
    fn rv64_jumps() {
        // jal ra, .+0x12344; jal ra, .-2; jal ra, .+0x800
        for (distance, word) in [(0x1_2344, 0x3441_20EFu32), (-2, 0xFFFF_F0EF), (0x800, 0x0010_00EF)] {
            let unit = 0x0000_00EFu32.to_le_bytes();
            let target = 0x20_0000u64.wrapping_add_signed(distance);
            assert_eq!(patched(RelocKind::Rv64Jal, &unit, target, 0x20_0000), word.to_le_bytes());
        }
        assert!(apply(RelocKind::Rv64Jal, &mut [0; 4], 0xF_FFFE, 0).is_ok());
        assert!(apply(RelocKind::Rv64Jal, &mut [0; 4], 0x10_0000, 0).is_err());
        assert!(apply(RelocKind::Rv64Jal, &mut [0; 4], 0, 0x10_0000).is_ok());
        assert!(apply(RelocKind::Rv64Jal, &mut [0; 4], 3, 0).is_err());
    }

    #[test]
    fn rv64_pairs_round_the_high_part() {
        // auipc ra, 1; jalr ra, -1(ra) reaches P + 0xFFF, which is odd for code but not for data.
        let unit = 0x0000_80E7_0000_0097u64.to_le_bytes();
        assert_eq!(
            patched(RelocKind::Rv64PcI, &unit, 0x1FFF, 0x1000),
            0xFFF0_80E7_0000_1097u64.to_le_bytes()
        );
        // auipc t0, 0; sd a0, 0x7F8(t0)
        let unit = 0x00A2_B023_0000_0297u64.to_le_bytes();
        assert_eq!(
            patched(RelocKind::Rv64PcS, &unit, 0x17F8, 0x1000),
            0x7EA2_BC23_0000_0297u64.to_le_bytes()
        );
        assert!(apply(RelocKind::Rv64Call, &mut [0; 8], 0x7FFF_F7FE, 0).is_ok());
        assert!(apply(RelocKind::Rv64Call, &mut [0; 8], 0x7FFF_F800, 0).is_err());
    }
}
