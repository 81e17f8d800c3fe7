//! ELF: executables ([`exec`]) and relocatable objects ([`obj`]).
//!
//! Facts of the format that both need. Sources: System V gABI (4.3 draft), Linux
//! `load_elf_binary`, the psABI documents named in [`crate::reloc`].

pub mod exec;
pub mod obj;

use crate::target::Arch;

/// Per machine facts of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// `e_machine`.
    pub number: u16,
    /// `e_flags`.
    pub flags: u32,
    /// Largest page that a kernel of this machine may use: segments are congruent to their file
    /// offsets modulo this.
    pub page: u64,
}

/// The machine of an architecture; `None` where ELF is not used.
pub fn machine(arch: Arch) -> Option<Machine> {
    match arch {
        Arch::X64 => Some(Machine { number: 62, flags: 0, page: 0x1000 }),
        Arch::A64 => Some(Machine { number: 183, flags: 0, page: 0x1_0000 }),
        // EF_RISCV_RVC | EF_RISCV_FLOAT_ABI_DOUBLE
        Arch::Rv64 => Some(Machine { number: 243, flags: 5, page: 0x1000 }),
        Arch::Wasm32 => None,
    }
}

/// Growing little-endian bytes.
#[derive(Debug, Default)]
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    /// Appends a half word.
    pub fn u16(&mut self, v: u16) {
        self.0.extend(v.to_le_bytes());
    }

    /// Appends a word.
    pub fn u32(&mut self, v: u32) {
        self.0.extend(v.to_le_bytes());
    }

    /// Appends a double word.
    pub fn u64(&mut self, v: u64) {
        self.0.extend(v.to_le_bytes());
    }
}

/// A string table: starts with a NUL, strings end with one.
#[derive(Debug)]
pub struct StringTable(pub Vec<u8>);

impl Default for StringTable {
    fn default() -> StringTable {
        StringTable(vec![0])
    }
}

impl StringTable {
    /// Appends a string and returns its offset.
    pub fn add(&mut self, text: &str) -> u32 {
        let at = self.0.len() as u32;
        self.0.extend(text.as_bytes());
        self.0.push(0);
        at
    }
}
