//! Base relocations (PE Format, ".reloc"), the record of a build's identity, and the table of symbols for
//! debuggers.

use crate::bytes::Bytes;
use crate::identity;

/// The span of addresses that a block of relocations is for.
const BLOCK: u32 = 0x1000;
/// `IMAGE_REL_BASED_DIR64`: a word of 64 bits. 0 fills up.
const DIR64: u16 = 10;

/// The relocations of words at these offsets from the image's start, which ascend.
pub fn base_relocations(places: &[u32]) -> Vec<u8> {
    let mut out = Bytes::default();
    for block in places.chunk_by(|a, b| a / BLOCK == b / BLOCK) {
        let padded = block.len().next_multiple_of(2);
        out.u32(block[0] / BLOCK * BLOCK);
        out.u32(8 + 2 * padded as u32);
        block.iter().for_each(|place| out.u16(DIR64 << 12 | (place % BLOCK) as u16));
        (block.len()..padded).for_each(|_| out.u16(0));
    }
    out.0
}

/// Bytes of an entry of the debug directory.
pub const DEBUG_DIRECTORY: u32 = 28;
/// Bytes of the record behind it: what it is, the hash, an age, an empty name of a file; and a filler.
const RECORD: u32 = 28;
/// Bytes of the entry and its record.
pub const BUILD_ID: u32 = DEBUG_DIRECTORY + RECORD;
/// Where the hash is in these.
pub const BUILD_ID_HASH: usize = DEBUG_DIRECTORY as usize + 4;
/// `IMAGE_DEBUG_TYPE_CODEVIEW`.
const CODEVIEW: u32 = 2;

/// The directory's entry and the record by which debuggers match a program with what is known of it (PE Format,
/// "Debug directory"), at an offset from the image's start and in the file; the hash is zero.
pub fn build_id(address: u32, offset: u32) -> Vec<u8> {
    let mut out = Bytes::default();
    // No characteristics, time or version.
    for v in [0, 0, 0, CODEVIEW, RECORD, address + DEBUG_DIRECTORY, offset + DEBUG_DIRECTORY] {
        out.u32(v);
    }
    out.0.extend(b"RSDS");
    out.0.extend([0; identity::SIZE]);
    out.u32(1);
    out.0.resize(BUILD_ID as usize, 0);
    out.0
}

/// Symbols and the strings behind them.
#[derive(Debug, Default)]
pub struct Symbols {
    entries: Bytes,
    count: u32,
    strings: Vec<u8>,
}

/// Bytes of a symbol.
const SYMBOL: usize = 18;
/// Bytes that a name can have outside of the strings.
const SHORT: usize = 8;
/// `IMAGE_SYM_DTYPE_FUNCTION`.
const FUNCTION: u16 = 0x20;
/// `IMAGE_SYM_CLASS_EXTERNAL`, `IMAGE_SYM_CLASS_STATIC`.
const CLASSES: [u8; 2] = [3, 2];

impl Symbols {
    /// How many there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The offset of a string among the strings, whose size comes first.
    pub fn string(&mut self, text: &str) -> u32 {
        let at = 4 + self.strings.len() as u32;
        self.strings.extend(text.as_bytes());
        self.strings.push(0);
        at
    }

    /// Adds a symbol of a section, by the section's number from 1.
    pub fn add(&mut self, name: &str, section: u16, value: u32, function: bool, global: bool) {
        if name.len() <= SHORT {
            let mut field = [0; SHORT];
            field[..name.len()].copy_from_slice(name.as_bytes());
            self.entries.0.extend(field);
        } else {
            let at = self.string(name);
            self.entries.u32(0);
            self.entries.u32(at);
        }
        self.entries.u32(value);
        self.entries.u16(section);
        self.entries.u16(if function { FUNCTION } else { 0 });
        self.entries.0.extend([CLASSES[usize::from(global)], 0]);
        self.count += 1;
        debug_assert_eq!(self.entries.0.len(), SYMBOL * self.count as usize);
    }

    /// The bytes of both; none when there is neither.
    pub fn bytes(&self) -> Vec<u8> {
        if self.count == 0 && self.strings.is_empty() {
            return Vec::new();
        }
        let size = 4 + self.strings.len() as u32;
        [&self.entries.0[..], &size.to_le_bytes(), &self.strings].concat()
    }
}
