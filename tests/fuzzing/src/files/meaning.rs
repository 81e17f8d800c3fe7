//! What relocated fields mean, read as a processor reads them.
//!
//! The table of relocations says which bits of a value go where; here the bits of the finished
//! field become an address again, by the instruction formats of the manuals (Arm ARM, C4.1 and C6.2;
//! RISC-V unprivileged ISA, 2.3; x86-64: a displacement from the end of its field). So the result of
//! each relocation is computed twice.

use mochi_objwrite::{Arch, RelocKind};
use object::{elf, macho, pe};

/// Of an address, what a field says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    /// The whole address.
    Address(u64),
    /// Its 4 KiB page.
    Page(u64),
    /// Its low 12 bits.
    Low(u64),
}

impl Meaning {
    /// It is said of this address.
    pub fn is_of(self, address: u64) -> bool {
        match self {
            Meaning::Address(a) => a == address,
            Meaning::Page(a) => a == address & !0xFFF,
            Meaning::Low(a) => a == address & 0xFFF,
        }
    }
}

fn word(unit: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(unit[at..at + 4].try_into().expect("four bytes"))
}

/// `len` bits from bit `from` on.
fn bits(word: u32, from: u32, len: u32) -> u64 {
    u64::from(word >> from & ((1 << len) - 1))
}

fn extended(value: u64, len: u32) -> u64 {
    ((value << (64 - len)) as i64 >> (64 - len)) as u64
}

/// What the field of a relocation at `place` means.
pub(super) fn meaning(kind: RelocKind, unit: &[u8], place: u64) -> Meaning {
    use RelocKind::*;
    let relative = |distance: u64| Meaning::Address(place.wrapping_add(distance));
    // Unsigned offsets of loads and stores count units of the access.
    let offset = |size: u32| Meaning::Low(bits(word(unit, 0), 10, 12) << size);
    let upper = || extended(u64::from(word(unit, 0) & !0xFFF), 32);
    match kind {
        Abs64 => Meaning::Address(u64::from_le_bytes(unit[..8].try_into().expect("eight bytes"))),
        Rel32 | X64Pc32 | X64Call => relative(extended(word(unit, 0).into(), 32)),
        A64Call | A64Jump => relative(extended(bits(word(unit, 0), 0, 26) << 2, 28)),
        A64Page => {
            let pages = bits(word(unit, 0), 5, 19) << 2 | bits(word(unit, 0), 29, 2);
            Meaning::Page((place & !0xFFF).wrapping_add(extended(pages << 12, 33)))
        }
        A64Lo12 | A64Ldst8Lo12 => offset(0),
        A64Ldst16Lo12 => offset(1),
        A64Ldst32Lo12 => offset(2),
        A64Ldst64Lo12 => offset(3),
        Rv64Jal => {
            let w = word(unit, 0);
            let distance = bits(w, 31, 1) << 20 | bits(w, 12, 8) << 12 | bits(w, 20, 1) << 11;
            relative(extended(distance | bits(w, 21, 10) << 1, 21))
        }
        Rv64Call | Rv64PcI => relative(upper().wrapping_add(extended(bits(word(unit, 4), 20, 12), 12))),
        Rv64PcS => {
            let low = bits(word(unit, 4), 25, 7) << 5 | bits(word(unit, 4), 7, 5);
            relative(upper().wrapping_add(extended(low, 12)))
        }
        Abs32 | WasmFunc | WasmAddr | WasmType | WasmPc => panic!("{kind:?} is in no atom of a machine"),
    }
}

/// The bits of a unit that are opcode, registers and the like: ones where a relocation changes nothing.
pub(super) fn kept(kind: RelocKind) -> Vec<u8> {
    use RelocKind::*;
    let words: &[u32] = match kind {
        Abs64 => &[0, 0],
        Rel32 | X64Pc32 | X64Call => &[0],
        A64Call | A64Jump => &[0xFC00_0000],
        A64Page => &[0x9F00_001F],
        A64Lo12 | A64Ldst8Lo12 | A64Ldst16Lo12 | A64Ldst32Lo12 | A64Ldst64Lo12 => &[0xFFC0_03FF],
        Rv64Jal => &[0xFFF],
        Rv64Call | Rv64PcI => &[0xFFF, 0x000F_FFFF],
        Rv64PcS => &[0xFFF, 0x01FF_F07F],
        Abs32 | WasmFunc | WasmAddr | WasmType | WasmPc => panic!("{kind:?} is in no atom of a machine"),
    };
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

/// The type of a relocation in an ELF file, by the names of the machines' ABIs.
pub(super) fn elf_type(arch: Arch, kind: RelocKind) -> elf::RelocationType {
    use RelocKind::*;
    match (arch, kind) {
        (Arch::X64, Abs64) => elf::R_X86_64_64,
        (Arch::X64, Abs32) => elf::R_X86_64_32,
        (Arch::X64, Rel32 | X64Pc32) => elf::R_X86_64_PC32,
        (Arch::X64, X64Call) => elf::R_X86_64_PLT32,
        (Arch::A64, Abs64) => elf::R_AARCH64_ABS64,
        (Arch::A64, Abs32) => elf::R_AARCH64_ABS32,
        (Arch::A64, Rel32) => elf::R_AARCH64_PREL32,
        (Arch::A64, A64Call) => elf::R_AARCH64_CALL26,
        (Arch::A64, A64Jump) => elf::R_AARCH64_JUMP26,
        (Arch::A64, A64Page) => elf::R_AARCH64_ADR_PREL_PG_HI21,
        (Arch::A64, A64Lo12) => elf::R_AARCH64_ADD_ABS_LO12_NC,
        (Arch::A64, A64Ldst8Lo12) => elf::R_AARCH64_LDST8_ABS_LO12_NC,
        (Arch::A64, A64Ldst16Lo12) => elf::R_AARCH64_LDST16_ABS_LO12_NC,
        (Arch::A64, A64Ldst32Lo12) => elf::R_AARCH64_LDST32_ABS_LO12_NC,
        (Arch::A64, A64Ldst64Lo12) => elf::R_AARCH64_LDST64_ABS_LO12_NC,
        (Arch::Rv64, Abs64) => elf::R_RISCV_64,
        (Arch::Rv64, Abs32) => elf::R_RISCV_32,
        (Arch::Rv64, Rel32) => elf::R_RISCV_32_PCREL,
        (Arch::Rv64, Rv64Jal) => elf::R_RISCV_JAL,
        (Arch::Rv64, Rv64Call) => elf::R_RISCV_CALL_PLT,
        (Arch::Rv64, Rv64PcI | Rv64PcS) => elf::R_RISCV_PCREL_HI20,
        _ => panic!("{kind:?} is not of {arch:?}"),
    }
}

/// The type of the second of two relocations.
pub(super) fn second_elf_type(kind: RelocKind) -> Option<elf::RelocationType> {
    match kind {
        RelocKind::Rv64PcI => Some(elf::R_RISCV_PCREL_LO12_I),
        RelocKind::Rv64PcS => Some(elf::R_RISCV_PCREL_LO12_S),
        _ => None,
    }
}

/// The type of a relocation in a COFF file, by the names of "PE Format".
pub(super) fn coff_type(arch: Arch, kind: RelocKind) -> pe::RelocationType {
    use RelocKind::*;
    match (arch, kind) {
        (Arch::X64, Abs64) => pe::IMAGE_REL_AMD64_ADDR64,
        (Arch::X64, Abs32) => pe::IMAGE_REL_AMD64_SECREL,
        (Arch::X64, Rel32 | X64Pc32 | X64Call) => pe::IMAGE_REL_AMD64_REL32,
        (Arch::A64, Abs64) => pe::IMAGE_REL_ARM64_ADDR64,
        (Arch::A64, Abs32) => pe::IMAGE_REL_ARM64_SECREL,
        (Arch::A64, Rel32) => pe::IMAGE_REL_ARM64_REL32,
        (Arch::A64, A64Call | A64Jump) => pe::IMAGE_REL_ARM64_BRANCH26,
        (Arch::A64, A64Page) => pe::IMAGE_REL_ARM64_PAGEBASE_REL21,
        (Arch::A64, A64Lo12) => pe::IMAGE_REL_ARM64_PAGEOFFSET_12A,
        (Arch::A64, A64Ldst8Lo12 | A64Ldst16Lo12 | A64Ldst32Lo12 | A64Ldst64Lo12) => {
            pe::IMAGE_REL_ARM64_PAGEOFFSET_12L
        }
        _ => panic!("{kind:?} is not of {arch:?}"),
    }
}

/// The type of a relocation in a Mach-O file, by the names of Apple's headers, and whether it is relative to its
/// place; of a pair, the second.
pub(super) fn macho_type(arch: Arch, kind: RelocKind) -> (macho::RelocationType, bool) {
    use RelocKind::*;
    match (arch, kind) {
        (Arch::X64, Abs64 | Rel32) => (macho::X86_64_RELOC_UNSIGNED, false),
        (Arch::X64, X64Pc32) => (macho::X86_64_RELOC_SIGNED, true),
        (Arch::X64, X64Call) => (macho::X86_64_RELOC_BRANCH, true),
        (Arch::A64, Abs64 | Rel32) => (macho::ARM64_RELOC_UNSIGNED, false),
        (Arch::A64, A64Call | A64Jump) => (macho::ARM64_RELOC_BRANCH26, true),
        (Arch::A64, A64Page) => (macho::ARM64_RELOC_PAGE21, true),
        (Arch::A64, A64Lo12 | A64Ldst8Lo12 | A64Ldst16Lo12 | A64Ldst32Lo12 | A64Ldst64Lo12) => {
            (macho::ARM64_RELOC_PAGEOFF12, false)
        }
        _ => panic!("{kind:?} is not of {arch:?}"),
    }
}
