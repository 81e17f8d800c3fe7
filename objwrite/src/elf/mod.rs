//! ELF: executables ([`exec`]) and relocatable objects ([`obj`]).
//!
//! Facts of the format that both need. Sources: System V gABI (4.3 draft), Linux
//! `load_elf_binary`, the psABI documents named in [`crate::reloc`].

pub mod exec;
pub mod obj;
pub mod relr;

use crate::bytes::Bytes;
use crate::link::layout::Layout;
use crate::link::resolve::Program;
use crate::model::AtomKind;
use crate::target::Arch;

/// Per machine facts of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// `e_machine`.
    pub number: u16,
    /// `e_flags`.
    pub flags: u32,
    /// What tools want to know of the instruction set beside the machine's number.
    pub attributes: Option<Attributes>,
    /// Symbol tables have mapping symbols ([`mapping_symbols`]).
    pub maps: bool,
}

/// A section of build attributes ("A" format), of the one file that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Name of the section.
    pub section: &'static str,
    /// Its type.
    pub kind: u32,
    vendor: &'static str,
    /// Tag, and the number it has.
    numbers: [(u8, u8); 2],
    /// Tag, and the text it has.
    text: (u8, &'static str),
}

impl Attributes {
    /// The contents of the section.
    pub fn bytes(&self) -> Vec<u8> {
        let mut values: Vec<u8> = self.numbers.iter().flat_map(|&(tag, value)| [tag, value]).collect();
        values.push(self.text.0);
        values.extend(self.text.1.as_bytes());
        values.push(0);
        let mut out = Bytes(vec![b'A']);
        out.u32((4 + self.vendor.len() + 1 + 5 + values.len()) as u32);
        out.0.extend(self.vendor.as_bytes());
        out.0.extend([0, 1]); // Tag_File
        out.u32(5 + values.len() as u32);
        out.0.extend(values);
        out.0
    }
}

/// RISC-V ELF psABI 1.0, section 8.8 (attributes): stack alignment, unaligned accesses, extensions.
const RISCV_ATTRIBUTES: Attributes = Attributes {
    section: ".riscv.attributes",
    kind: 0x7000_0003,
    vendor: "riscv",
    numbers: [(4, 16), (6, 1)],
    text: (5, "rv64i2p0_m2p0_a2p0_f2p0_d2p0_c2p0"),
};

/// The machine of an architecture; `None` where ELF is not used.
pub fn machine(arch: Arch) -> Option<Machine> {
    match arch {
        Arch::X64 => Some(Machine { number: 62, flags: 0, attributes: None, maps: false }),
        Arch::A64 => Some(Machine { number: 183, flags: 0, attributes: None, maps: true }),
        // EF_RISCV_RVC | EF_RISCV_FLOAT_ABI_DOUBLE
        Arch::Rv64 => Some(Machine { number: 243, flags: 5, attributes: Some(RISCV_ATTRIBUTES), maps: true }),
        Arch::Wasm32 => None,
    }
}

/// Mapping symbols of the code section, by offset: from `$x` on there are instructions, from `$d` on tables and
/// constants, which disassemblers show as such (AAELF64 2024Q3, section 5.5; RISC-V ELF psABI, mapping symbols).
pub fn mapping_symbols(machine: Machine, program: &Program, layout: &Layout) -> Vec<(u64, &'static str)> {
    let mut symbols = Vec::new();
    if !machine.maps {
        return symbols;
    }
    let mut now = "";
    for &i in layout.atoms(AtomKind::Text) {
        let view = &program.atoms[i as usize].view;
        let code = view.function.as_ref().map_or(view.size(), |f| f.code_size.into());
        for (name, from, to) in [("$x", 0, code), ("$d", code, view.size())] {
            if from < to && now != name {
                symbols.push((layout.offsets[i as usize] + from, name));
                now = name;
            }
        }
    }
    symbols
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::LittleEndian;
    use object::elf::FileHeader64;
    use object::read::elf::AttributesSection;

    #[test]
    fn attributes_read_back() {
        let bytes = RISCV_ATTRIBUTES.bytes();
        let section = AttributesSection::<FileHeader64<LittleEndian>>::new(LittleEndian, &bytes).unwrap();
        let mut vendors = section.subsections().unwrap();
        let vendor = vendors.next().unwrap().unwrap();
        assert_eq!(vendor.vendor(), b"riscv");
        let mut files = vendor.subsubsections();
        let mut file = files.next().unwrap().unwrap().attributes();
        for expected in RISCV_ATTRIBUTES.numbers {
            assert_eq!(file.read_tag().unwrap(), Some(expected.0.into()));
            assert_eq!(file.read_integer().unwrap(), u64::from(expected.1));
        }
        assert_eq!(file.read_tag().unwrap(), Some(RISCV_ATTRIBUTES.text.0.into()));
        assert_eq!(file.read_string().unwrap(), RISCV_ATTRIBUTES.text.1.as_bytes());
        assert_eq!(file.read_tag().unwrap(), None);
        assert!(files.next().unwrap().is_none() && vendors.next().unwrap().is_none());
    }
}
