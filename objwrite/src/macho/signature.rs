//! The ad-hoc code signature, without which arm64 kernels start nothing: hashes of all pages of the
//! file before it, in a code directory as linkers make it (Apple's `cs_blobs.h`; numbers are big-endian).

use sha2::{Digest, Sha256};

const SUPER_BLOB: u32 = 0xFADE_0CC0;
const CODE_DIRECTORY: u32 = 0xFADE_0C02;
/// The version of code directories that has the range of code.
const VERSION: u32 = 0x2_0400;
/// `CS_ADHOC`, `CS_LINKER_SIGNED`: other tools may sign again without being asked to replace.
const FLAGS: u32 = 0x2_0002;
/// `CS_EXECSEG_MAIN_BINARY`.
const MAIN_BINARY: u64 = 1;
/// `CS_HASHTYPE_SHA256`.
const HASH_TYPE: u8 = 2;
/// Bytes of a hash.
const HASH: usize = 32;
/// The pages that are hashed, on every machine, as a power of two.
const PAGE_SHIFT: u8 = 12;
/// Bytes before the code directory: a blob of blobs with one entry.
const SUPER_SIZE: usize = 20;
/// Bytes of a code directory of this version before its strings.
const DIRECTORY_SIZE: usize = 88;
/// Files end at a multiple of this, as other signers leave them.
const ALIGN: usize = 16;

/// A signature to be made.
#[derive(Clone, Copy, Debug)]
pub struct Signature<'a> {
    /// What names the program.
    pub identifier: &'a str,
    /// Bytes of the file before the signature.
    pub limit: u64,
    /// Bytes of the file that are the segment with the code; they are the first.
    pub code: u64,
}

impl Signature<'_> {
    fn hashes_at(&self) -> usize {
        DIRECTORY_SIZE + self.identifier.len() + 1
    }

    fn pages(&self) -> usize {
        self.limit.div_ceil(1 << PAGE_SHIFT) as usize
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        (SUPER_SIZE + self.hashes_at() + self.pages() * HASH).next_multiple_of(ALIGN)
    }

    /// Its bytes; `file` is what is signed.
    pub fn bytes(&self, file: &[u8]) -> Vec<u8> {
        let directory = self.hashes_at() + self.pages() * HASH;
        let mut out = Vec::with_capacity(self.size());
        let mut words = |words: &[u32]| out.extend(words.iter().flat_map(|w| w.to_be_bytes()));
        // One blob, of type 0.
        words(&[SUPER_BLOB, (SUPER_SIZE + directory) as u32, 1, 0, SUPER_SIZE as u32]);
        words(&[CODE_DIRECTORY, directory as u32, VERSION, FLAGS]);
        words(&[self.hashes_at() as u32, DIRECTORY_SIZE as u32]);
        // No special slots.
        words(&[0, self.pages() as u32, self.limit as u32]);
        out.extend([HASH as u8, HASH_TYPE, 0, PAGE_SHIFT]);
        // Spare, scatter, team, spare: none; then limit of large files, range and flags of the code.
        out.extend([0; 16]);
        out.extend([0, 0, self.code, MAIN_BINARY].iter().flat_map(|v| v.to_be_bytes()));
        debug_assert_eq!(out.len(), SUPER_SIZE + DIRECTORY_SIZE);
        out.extend(self.identifier.as_bytes());
        out.push(0);
        // The last page is hashed as far as it goes.
        for page in file[..self.limit as usize].chunks(1 << PAGE_SHIFT) {
            out.extend(Sha256::digest(page));
        }
        out.resize(self.size(), 0);
        out
    }
}
