//! A model of natural numbers for tests: digits in base 10^9, schoolbook methods only.

use std::cmp::Ordering;

const BASE: u64 = 1_000_000_000;

/// A natural number; least digit first, no leading zeros.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Natural(Vec<u32>);

impl Natural {
    /// From decimal digits.
    pub fn parse(text: &str) -> Natural {
        let chunks = text.as_bytes().rchunks(9);
        let digit = |c: &[u8]| c.iter().fold(0, |v, d| v * 10 + (d - b'0') as u32);
        Natural(chunks.map(digit).collect()).trimmed()
    }

    fn trimmed(mut self) -> Natural {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }

    /// Sum.
    pub fn plus(&self, b: &Natural) -> Natural {
        let mut carry = 0;
        let mut out = Vec::new();
        for i in 0..self.0.len().max(b.0.len()) + 1 {
            let s = self.0.get(i).unwrap_or(&0) + b.0.get(i).unwrap_or(&0) + carry;
            out.push(s % BASE as u32);
            carry = s / BASE as u32;
        }
        Natural(out).trimmed()
    }

    /// Product.
    pub fn times(&self, b: &Natural) -> Natural {
        let mut out = vec![0u64; self.0.len() + b.0.len() + 1];
        for (i, x) in self.0.iter().enumerate() {
            let mut carry = 0;
            for k in 0..b.0.len() + 1 {
                let t = out[i + k] + *x as u64 * *b.0.get(k).unwrap_or(&0) as u64 + carry;
                out[i + k] = t % BASE;
                carry = t / BASE;
            }
        }
        Natural(out.into_iter().map(|d| d as u32).collect()).trimmed()
    }
}

impl Ord for Natural {
    fn cmp(&self, b: &Natural) -> Ordering {
        self.0.len().cmp(&b.0.len()).then_with(|| self.0.iter().rev().cmp(b.0.iter().rev()))
    }
}

impl PartialOrd for Natural {
    fn partial_cmp(&self, b: &Natural) -> Option<Ordering> {
        Some(self.cmp(b))
    }
}

impl std::fmt::Display for Natural {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some((first, rest)) = self.0.split_last() else {
            return write!(f, "0");
        };
        write!(f, "{first}")?;
        rest.iter().rev().try_for_each(|d| write!(f, "{d:09}"))
    }
}
