//! What PE executables have, for tests that change them.

use crate::file::File;

/// Offsets of the file header's fields, from the signature.
pub const MACHINE: usize = 4;
pub const SYMBOLS: usize = 12;
pub const FLAGS: usize = 22;

/// Offsets of the optional header's fields.
pub const CODE_SUM: usize = 4;
pub const DATA_SUM: usize = 8;
pub const ENTRY: usize = 16;
pub const CODE: usize = 20;
pub const BASE: usize = 24;
pub const ALIGN: usize = 32;
pub const FILE_ALIGN: usize = 36;
pub const SUBSYSTEM_VERSION: usize = 48;
pub const IMAGE: usize = 56;
pub const HEADERS: usize = 60;
pub const SUBSYSTEM: usize = 68;
pub const CHARACTERISTICS: usize = 70;
pub const STACK_COMMIT: usize = 80;
pub const DIRECTORY: usize = 112;

/// Numbers of directories.
pub const IMPORT: usize = 1;
pub const RESOURCES: usize = 2;
pub const EXCEPTION: usize = 3;
pub const RELOCATIONS: usize = 5;
pub const DEBUG: usize = 6;
pub const SLOTS: usize = 12;

/// Offsets of a section's fields.
pub const SIZE: usize = 8;
pub const ADDRESS: usize = 12;
pub const FILE_SIZE: usize = 16;
pub const OFFSET: usize = 20;
pub const RELOCATION: usize = 24;
pub const SECTION_FLAGS: usize = 36;

/// Flags of sections.
pub const EXECUTE: u32 = 0x2000_0000;
pub const WRITE: u32 = 0x8000_0000;

impl File {
    /// Where the header of PE is.
    pub fn header(&self) -> usize {
        self.u32(0x3C) as usize
    }

    /// Where a field of the optional header is.
    pub fn optional(&self, field: usize) -> usize {
        self.header() + 24 + field
    }

    /// Where a directory is said to be.
    pub fn field_of(&self, number: usize) -> usize {
        self.optional(DIRECTORY + 8 * number)
    }

    /// The header of a section with a short name.
    pub fn header_of(&self, name: &str) -> usize {
        let count = self.u16(self.header() + 6).into();
        let mut all = (0..count).map(|n| self.optional(240) + 40 * n);
        let is =
            |&at: &usize| self.bytes[at..at + 8].strip_prefix(name.as_bytes()).is_some_and(|r| r[0] == 0);
        all.find(is).expect("a section")
    }

    /// Where the bytes of a section with a short name are.
    pub fn contents(&self, name: &str) -> usize {
        self.u32(self.header_of(name) + OFFSET) as usize
    }

    /// Where the bytes of an address are, which is an offset from the image's start.
    pub fn place(&self, address: u32) -> usize {
        let count = self.u16(self.header() + 6).into();
        let sections = (0..count).map(|n| self.optional(240) + 40 * n);
        let of = |at: usize| address.checked_sub(self.u32(at + ADDRESS)).map(|offset| (at, offset));
        let inside = |&(at, offset): &(usize, u32)| offset < self.u32(at + FILE_SIZE);
        let (at, offset) = sections.filter_map(of).find(inside).expect("an address of the file");
        (self.u32(at + OFFSET) + offset) as usize
    }

    /// Where what a directory says is in the file.
    pub fn of_directory(&self, number: usize) -> usize {
        self.place(self.u32(self.field_of(number)))
    }

    /// Makes these bytes the code at the entry.
    pub fn begin(&mut self, code: &[u8]) {
        let at = self.place(self.u32(self.optional(ENTRY)));
        self.bytes[at..at + code.len()].copy_from_slice(code);
    }

    /// Says where a directory is.
    pub fn set_directory(&mut self, number: usize, address: u32, size: u32) {
        let at = self.field_of(number);
        self.set(at, address);
        self.set(at + 4, size);
    }

    /// Where the first place in `.rdata` that is relocated is.
    pub fn relocated(&self) -> usize {
        let block = self.contents(".reloc");
        let offset = u32::from(self.u16(block + 8) & 0xFFF);
        self.place(self.u32(block) + offset)
    }

    /// Makes some words in `.rdata` the table of functions; the room for them begins with digits.
    pub fn set_functions(&mut self, words: &[u32]) {
        let place = self.find(0, "0123456789");
        let address = self.u32(self.header_of(".rdata") + ADDRESS) + (place - self.contents(".rdata")) as u32;
        words.iter().enumerate().for_each(|(n, &word)| self.set(place + 4 * n, word));
        self.set_directory(EXCEPTION, address, 4 * words.len() as u32);
    }
}
