//! Plans for making a constant with few instructions.
//!
//! A value of 32 bits is `lui` and `addiw`. A longer one is made from its upper part by a shift
//! and a sum; low zeros are shifted in, leading zeros are made by a shift to the right. The
//! shortest of the plans wins.

/// An instruction of a plan. All but the first read what the one before made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Sets bits 12 to 31 and their sign: the field's 20 bits.
    Lui(i64),
    /// Adds 12 signed bits (to zero as the first step).
    Addi(i64),
    /// The same, and extends the sign of the low 32 bits.
    Addiw(i64),
    /// Shifts left.
    Slli(i64),
    /// Shifts right, zeros enter.
    Srli(i64),
}

/// Steps of the longest plan: 12 bits per shift and sum on top of `lui` and `addiw`.
const LONGEST: usize = 8;

/// A plan for a constant.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    steps: [Step; LONGEST],
    len: usize,
}

impl Plan {
    fn new(first: Step) -> Plan {
        Plan { steps: [first; LONGEST], len: 1 }
    }

    /// The plan with one more step.
    fn then(mut self, step: Step) -> Plan {
        self.steps[self.len] = step;
        self.len += 1;
        self
    }

    /// The steps in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps[..self.len]
    }

    /// The shorter of this plan and another with one more step.
    fn or(self, other: Plan, last: Step) -> Plan {
        if other.len + 1 < self.len { other.then(last) } else { self }
    }
}

/// Whether a value is an immediate of 12 signed bits.
pub fn fits12(v: i64) -> bool {
    (-2048..2048).contains(&v)
}

/// The low 12 bits with their sign.
pub fn low12(v: i64) -> i64 {
    v << 52 >> 52
}

/// The value's upper part, for which the low 12 bits with their sign are what remains.
pub fn high(v: i64) -> i64 {
    v.wrapping_sub(low12(v)) >> 12
}

/// The shortest plan for a constant that we know of.
pub fn plan(v: i64) -> Plan {
    let plain = upward(v);
    if plain.len <= 2 {
        return plain;
    }
    let zeros = v.trailing_zeros() as i64;
    let mut best = plain;
    if zeros > 0 {
        best = best.or(upward(v >> zeros), Step::Slli(zeros));
    }
    if v > 0 {
        // What is shifted out can be ones or zeros.
        let k = v.leading_zeros();
        for filled in [v << k | ((1 << k) - 1), v << k] {
            best = best.or(upward(filled), Step::Srli(k as i64));
        }
    }
    best
}

/// From the top down: upper part, shift, sum.
fn upward(v: i64) -> Plan {
    if fits12(v) {
        return Plan::new(Step::Addi(v));
    }
    if v == v as i32 as i64 {
        let upper = Plan::new(Step::Lui(high(v) & 0xf_ffff));
        return if low12(v) == 0 { upper } else { upper.then(Step::Addiw(low12(v))) };
    }
    let low = low12(v);
    let rest = v.wrapping_sub(low);
    let mut shift = rest.trailing_zeros() as i64;
    let mut upper = rest >> shift;
    if shift > 12 && !fits12(upper) && upper << 12 == (upper << 12) as i32 as i64 {
        // `lui` shifts by 12 itself.
        (shift, upper) = (shift - 12, upper << 12);
    }
    let plan = upward(upper).then(Step::Slli(shift));
    if low == 0 { plan } else { plan.then(Step::Addi(low)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mochi_testkit::Random;

    fn run(plan: &Plan) -> i64 {
        plan.steps().iter().fold(0, |v: i64, step| match *step {
            Step::Lui(field) => (field << 12) as i32 as i64,
            Step::Addi(c) => v.wrapping_add(c),
            Step::Addiw(c) => v.wrapping_add(c) as i32 as i64,
            Step::Slli(k) => v << k,
            Step::Srli(k) => (v as u64 >> k) as i64,
        })
    }

    #[test]
    fn plans_make_their_constants() {
        let mut values: Vec<i64> = (-5000..5000).collect();
        let mut random = Random::new(1);
        for k in 0..64 {
            for around in [-2049, -2048, -1, 0, 1, 2047, 2048] {
                values.push((1i64 << k).wrapping_add(around));
                values.push((1i64 << k).wrapping_neg().wrapping_add(around));
                let bits = random.bits() as i64;
                values.push(bits >> k);
                values.push(bits & !0 << k);
            }
        }
        for v in values {
            assert_eq!(run(&plan(v)), v, "{v:#x}");
        }
    }

    #[test]
    fn plans_are_short() {
        let cases = [
            (0, 1),
            (-2048, 1),
            (2048, 2),
            (0x1234_5000, 1),
            (i32::MAX as i64, 2),
            (1 << 31, 2),
            (0xffff_ffff, 2),
            (i64::MAX, 2),
            (i64::MIN, 2),
            (0x3ff0_0000_0000_0000, 2),
            (0x1234_5678_0000, 3),
            (0x0101_0101_0101_0101, 6),
        ];
        for (v, steps) in cases {
            assert_eq!(plan(v).steps().len(), steps, "{v:#x} {:?}", plan(v));
        }
    }
}
