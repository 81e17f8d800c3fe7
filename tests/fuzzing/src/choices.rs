//! Choices from bytes.

use arbitrary::Unstructured;

/// Bytes as a row of choices.
pub(crate) struct Choices<'a>(Unstructured<'a>);

impl<'a> Choices<'a> {
    /// Choices that these bytes make.
    pub(crate) fn new(bytes: &'a [u8]) -> Choices<'a> {
        Choices(Unstructured::new(bytes))
    }

    /// No byte is left: every further choice is the first one.
    pub(crate) fn done(&self) -> bool {
        self.0.is_empty()
    }

    /// A number below `n`, which is not 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0.int_in_range(0..=n - 1).unwrap_or(0)
    }

    /// Any 32 bits.
    pub(crate) fn bits32(&mut self) -> u32 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// Any 64 bits.
    pub(crate) fn bits64(&mut self) -> u64 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// An element of a list that is not empty.
    pub(crate) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// A signed number of at most `bits` bits: small ones, and those around powers of two, are as
    /// likely as all others.
    pub(crate) fn signed(&mut self, bits: u32) -> i64 {
        let raw = self.bits64() as i64;
        let value = match self.below(3) {
            0 => raw,
            1 => raw % 4,
            _ => (1i64 << (raw as u64 % u64::from(bits))).wrapping_add((raw >> 32 & 3) - 2),
        };
        value << (64 - bits) >> (64 - bits)
    }
}
