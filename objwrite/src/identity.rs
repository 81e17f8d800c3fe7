//! What tells a file from all others: build ids and UUIDs.
//!
//! Nobody wins anything by making two files with one identity, so this is no cryptographic hash: words are
//! multiplied with each other and the halves of products folded (the scheme of wyhash), in two lanes that take the
//! words the other way round, so that a factor of zero in one of them hides nothing.

/// Bytes of an identity.
pub const SIZE: usize = 16;

/// Odd, with half of the bits set: digits of the square roots of 2, 3, 5 and 7.
const KEYS: [u64; 4] =
    [0x6a09_e667_f3bc_c909, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1];

/// Halves of a product, together.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The identity of a file.
pub fn identity(file: &[u8]) -> [u8; SIZE] {
    let (mut a, mut b) = (KEYS[0], KEYS[1]);
    let mut mix = |chunk: &[u8; SIZE]| {
        let word = u128::from_le_bytes(*chunk);
        let (low, high) = (word as u64, (word >> 64) as u64);
        a = fold(a ^ low, high ^ KEYS[2]);
        b = fold(b ^ high, low ^ KEYS[3]);
    };
    let (chunks, rest) = file.as_chunks::<SIZE>();
    chunks.iter().for_each(&mut mix);
    let mut last = [0; SIZE];
    last[..rest.len()].copy_from_slice(rest);
    mix(&last);
    let size = file.len() as u64;
    let (low, high) = (fold(a ^ size, b ^ KEYS[2]), fold(b ^ size, a ^ KEYS[3]));
    (u128::from(low) | u128::from(high) << 64).to_le_bytes()
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

    #[test]
    fn halves_are_different_for_similar_files() {
        let ids: Vec<_> = (0..50_000u32).map(|i| identity(&[i.to_le_bytes(), [7; 4]].concat())).collect();
        for half in [0, SIZE / 2] {
            let halves: HashSet<_> = ids.iter().map(|id| &id[half..half + SIZE / 2]).collect();
            assert_eq!(halves.len(), ids.len());
        }
    }
}
