//! What Mach-O executables have, for tests that change them.

use crate::file::File;
use sha2::{Digest, Sha256};

pub const LC_SEGMENT_64: u32 = 0x19;
pub const LC_SYMTAB: u32 = 0x2;
pub const LC_DYSYMTAB: u32 = 0xB;
pub const LC_LOAD_DYLIB: u32 = 0xC;
pub const LC_LOAD_DYLINKER: u32 = 0xE;
pub const LC_UUID: u32 = 0x1B;
pub const LC_CODE_SIGNATURE: u32 = 0x1D;
pub const LC_SOURCE_VERSION: u32 = 0x2A;
pub const LC_BUILD_VERSION: u32 = 0x32;
pub const LC_DYLD_INFO_ONLY: u32 = 0x8000_0022;
pub const LC_MAIN: u32 = 0x8000_0028;

/// Offsets of a segment's fields.
pub const VMADDR: usize = 24;
pub const VMSIZE: usize = 32;
pub const FILEOFF: usize = 40;
pub const FILESIZE: usize = 48;
pub const MAXPROT: usize = 56;
pub const INITPROT: usize = 60;
pub const FLAGS: usize = 68;

/// Offsets of a section's fields.
pub const SIZE: usize = 40;
pub const OFFSET: usize = 48;
pub const ALIGN: usize = 52;
pub const RELOFF: usize = 56;
pub const RESERVED1: usize = 68;

/// Offsets of a code directory's fields.
pub const VERSION: usize = 8;
pub const CS_FLAGS: usize = 12;
pub const IDENTIFIER: usize = 20;
pub const LIMIT: usize = 32;
pub const CODE_END: usize = 72;

impl File {
    pub fn big(&self, at: usize) -> u32 {
        self.u32(at).swap_bytes()
    }

    pub fn set_big(&mut self, at: usize, value: u32) {
        self.set(at, value.swap_bytes());
    }

    pub fn commands(&self) -> Vec<usize> {
        let mut at = 32;
        let mut list = Vec::new();
        for _ in 0..self.u32(16) {
            list.push(at);
            at += self.u32(at + 4) as usize;
        }
        list
    }

    pub fn command(&self, kind: u32) -> usize {
        self.commands().into_iter().find(|&at| self.u32(at) == kind).expect("a load command")
    }

    pub fn named(&self, at: usize, name: &str) -> bool {
        let field = &self.bytes[at..at + 16];
        field.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first().is_none_or(|&b| b == 0))
    }

    pub fn segment(&self, name: &str) -> usize {
        let is = |&at: &usize| self.u32(at) == LC_SEGMENT_64 && self.named(at + 8, name);
        self.commands().into_iter().find(is).expect("a segment")
    }

    pub fn section(&self, segment: &str, name: &str) -> usize {
        let at = self.segment(segment);
        let mut all = (0..self.u32(at + 64) as usize).map(|n| at + 72 + 80 * n);
        all.find(|&s| self.named(s, name)).expect("a section")
    }

    pub fn rename(&mut self, at: usize, name: &str) {
        self.bytes[at..at + 16].fill(0);
        self.bytes[at..at + name.len()].copy_from_slice(name.as_bytes());
    }

    pub fn signature(&self) -> usize {
        self.u32(self.command(LC_CODE_SIGNATURE) + 8) as usize
    }

    /// The code directory, which follows the list of one.
    pub fn directory(&self) -> usize {
        let at = self.signature();
        at + self.big(at + 16) as usize
    }

    pub fn sign(&mut self) {
        let directory = self.directory();
        let limit = self.big(directory + LIMIT) as usize;
        let mut at = directory + self.big(directory + 16) as usize;
        let hashes: Vec<_> = self.bytes[..limit].chunks(4096).map(Sha256::digest).collect();
        for hash in hashes {
            self.bytes[at..at + 32].copy_from_slice(&hash);
            at += 32;
        }
    }
}
