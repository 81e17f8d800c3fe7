//! Universal files: executables for several machines, one behind the other. The kernel takes the one for its
//! machine as if it were a file of its own, so each is signed by itself. Numbers of the header are big-endian.

use crate::link::LinkError;
use object::macho::FAT_MAGIC;

/// Executables begin at multiples of this power of two: the largest page of their systems.
const ALIGN: u32 = 14;
/// Bytes of the header, and of each entry behind it.
const HEADER: usize = 8;
const ENTRY: usize = 20;

/// Puts executables into one file, in this order.
pub fn write(parts: &[Vec<u8>]) -> Result<Vec<u8>, LinkError> {
    let number = |n: usize| u32::try_from(n).map_err(|_| LinkError::Unsupported("a file of this size"));
    let mut out = Vec::new();
    let mut words = |words: &[u32]| out.extend(words.iter().flat_map(|w| w.to_be_bytes()));
    words(&[FAT_MAGIC, number(parts.len())?]);
    let mut at = HEADER + ENTRY * parts.len();
    for part in parts {
        at = at.next_multiple_of(1 << ALIGN);
        let [cpu, kind] = machine(part);
        words(&[cpu, kind, number(at)?, number(part.len())?, ALIGN]);
        at += part.len();
    }
    number(at)?;
    for part in parts {
        out.resize(out.len().next_multiple_of(1 << ALIGN), 0);
        out.extend(part);
    }
    Ok(out)
}

/// Machine and its kind, as the header of an executable has them behind its magic number.
fn machine(file: &[u8]) -> [u32; 2] {
    [4, 8].map(|at| {
        let field = file[at..].first_chunk().expect("a header");
        u32::from_le_bytes(*field)
    })
}
