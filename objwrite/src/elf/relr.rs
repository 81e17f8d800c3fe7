//! Packed relative relocations (`SHT_RELR`, ELF gABI 4.3 draft, section "Relative relocations").
//!
//! A list of places, each holding an address to which the load address must be added. An even
//! word is the address of a place; an odd word is a bitmap: bit `i` (from 1) stands for the place
//! `i - 1` words after the end of what the words before it covered, and it covers 63 words.

/// Bytes per word.
const WORD: u64 = 8;
/// Words that a bitmap covers.
const SPAN: u64 = 63;

/// Encodes places: sorted, distinct, multiples of 8. The length of the result does not depend on a
/// constant added to all places, so a section's share is known before its address.
pub fn encode(places: &[u64]) -> Vec<u64> {
    let mut out = Vec::new();
    let mut rest = places;
    while let [first, tail @ ..] = rest {
        out.push(*first);
        rest = tail;
        let mut base = first + WORD;
        loop {
            let mut bitmap = 0;
            while let [next, tail @ ..] = rest
                && (next - base) / WORD < SPAN
            {
                bitmap |= 1 << ((next - base) / WORD);
                rest = tail;
            }
            if bitmap == 0 {
                break;
            }
            out.push(bitmap << 1 | 1);
            base += SPAN * WORD;
        }
    }
    out
}

/// The places of an encoded list: what a start-up routine does with it.
pub fn decode(words: &[u64]) -> Vec<u64> {
    let mut places = Vec::new();
    let mut base = 0u64;
    for &word in words {
        if word & 1 == 0 {
            places.push(word);
            base = word.wrapping_add(WORD);
        } else {
            places
                .extend((0..SPAN).filter(|i| word >> (i + 1) & 1 != 0).map(|i| base.wrapping_add(i * WORD)));
            base = base.wrapping_add(SPAN * WORD);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_translation() {
        let mut random = mochi_testkit::Random::new(1);
        for density in [1, 2, 5, 40, 300] {
            let mut places = Vec::new();
            let mut at = 0x1000;
            for _ in 0..500 {
                at += WORD * (1 + random.below(density));
                places.push(at);
            }
            let words = encode(&places);
            assert_eq!(decode(&words), places);
            let moved: Vec<u64> = places.iter().map(|p| p + 0x7_7778).collect();
            assert_eq!(encode(&moved).len(), words.len());
        }
        assert!(encode(&[]).is_empty());
    }

    #[test]
    fn a_full_table_takes_a_bit_per_word() {
        let places: Vec<u64> = (0..64).map(|i| 0x4000 + i * 8).collect();
        assert_eq!(encode(&places), [0x4000, u64::MAX]);
    }
}
