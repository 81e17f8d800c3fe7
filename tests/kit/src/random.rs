//! The random numbers of all tests: proptest's generator behind a seed.

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// A stream of random numbers, the same ones for the same seed on every machine.
#[derive(Clone, Debug)]
pub struct Random(TestRng);

impl Random {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Random {
        Random(random_seed(seed, 0))
    }

    /// A stream with a number for each of these bytes, then zeros. A zero is 0; the other numbers have
    /// many bits, so that each byte decides as much as it can.
    pub fn from_bytes(bytes: &[u8]) -> Random {
        // An odd factor: its multiples differ in their last byte too.
        let number = |&b: &u8| (u64::from(b).wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_le_bytes();
        let numbers: Vec<u8> = bytes.iter().flat_map(number).collect();
        Random(TestRng::from_seed(RngAlgorithm::PassThrough, &numbers))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `n`, of which there has to be one.
    pub fn below<N: TryInto<u64> + TryFrom<u64>>(&mut self, n: N) -> N {
        let n: u64 = n.try_into().ok().filter(|&n| n > 0).expect("a number above zero");
        // The remainder's bias is below 2^-32 for the sizes that tests have.
        N::try_from(self.bits() % n).ok().expect("smaller than what was given")
    }

    /// An integer with any number of bits, so that small and large ones are equally likely.
    pub fn int(&mut self) -> i64 {
        let shift = self.below(64);
        (self.bits() as i64) >> shift
    }

    /// This many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// The random numbers of a seed's case with this number, as proptest's runner takes them.
pub fn random_seed(seed: u64, number: u64) -> TestRng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&number.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &key)
}

impl From<TestRng> for Random {
    fn from(rng: TestRng) -> Random {
        Random(rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_stream() {
        let stream = |seed| Random::new(seed).bytes(40);
        assert_eq!(stream(1), stream(1));
        assert_ne!(stream(1), stream(2));
    }

    #[test]
    fn a_byte_is_a_number() {
        let all: Vec<u8> = (0..=255).collect();
        let mut random = Random::from_bytes(&all);
        let mut seen = [false; 256];
        assert_eq!(random.bits(), 0);
        (0..255).for_each(|_| seen[random.below(256usize)] = true);
        assert_eq!(seen.iter().filter(|s| **s).count(), 255);
        assert_eq!((random.bits(), random.bits()), (0, 0));
    }

    #[test]
    fn every_number_below_the_bound_occurs() {
        let mut random = Random::new(3);
        let mut seen = [false; 10];
        (0..1000).for_each(|_| seen[random.below(10usize)] = true);
        assert_eq!(seen, [true; 10]);
        assert!((0..1000).map(|_| random.int()).any(|n| n.unsigned_abs() > 1 << 60));
        assert!((0..1000).map(|_| random.int()).any(|n| n.unsigned_abs() < 16));
    }
}
