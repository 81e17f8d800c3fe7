//! What tells a file from all others: build ids and UUIDs. Nobody wins anything by making two files with one identity,
//! so this is no cryptographic hash: it is XXH3's of 128 bits.

use xxhash_rust::xxh3::xxh3_128;

/// Bytes of an identity.
pub const SIZE: usize = 16;

/// The identity of a file.
pub fn identity(file: &[u8]) -> [u8; SIZE] {
    xxh3_128(file).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_byte_and_the_size_count() {
        let mut seen = HashSet::new();
        for size in [0, 1, 15, 16, 17, 32, 100] {
            let mut file = vec![0; size];
            assert!(seen.insert(identity(&file)), "{size} zeros");
            for at in 0..size {
                for bit in 0..8 {
                    file[at] = 1 << bit;
                    assert!(seen.insert(identity(&file)), "bit {bit} of byte {at} of {size}");
                }
                file[at] = 0;
            }
        }
    }
}
