//! Immediates of AArch64 that are more than a number in a field: logical immediates, float
//! immediates, and plans for making a constant with few instructions.

/// The fields `(N, immr, imms)` of a 64-bit logical immediate, if the value is one: a pattern of
/// 2, 4, ..., 64 bits, repeated, that is a run of ones rotated. (Arm ARM, shared pseudocode
/// `DecodeBitMasks`, turned around.)
pub fn logical(value: u64) -> Option<(u32, u32, u32)> {
    if value == 0 || value == u64::MAX {
        return None;
    }
    let mut size = 64;
    while size > 2 {
        let half = size / 2;
        let mask = (1u64 << half) - 1;
        if value & mask != value >> half & mask {
            break;
        }
        size = half;
    }
    let mask = u64::MAX >> (64 - size);
    let pattern = value & mask;
    // Rotate the run of ones down to bit 0: its start is a one above a zero.
    let below = (pattern << 1 | pattern >> (size - 1)) & mask;
    let starts = pattern & !below;
    if starts.count_ones() != 1 {
        return None;
    }
    let start = starts.trailing_zeros();
    let ones = pattern.count_ones();
    let immr = (size - start) & (size - 1);
    let n = (size == 64) as u32;
    // The size is told by the leading ones of imms: 0xxxxx is 32, 10xxxx is 16, ...
    let imms = if n == 1 { ones - 1 } else { (!(size * 2 - 1) & 0x3f) | (ones - 1) };
    Some((n, immr, imms))
}

/// The value of the fields of a 64-bit logical immediate, if they are one.
pub fn logical_value(n: u32, immr: u32, imms: u32) -> Option<u64> {
    let len = 31 - (n << 6 | !imms & 0x3f).leading_zeros().min(31);
    if len == 0 || n << 6 | !imms & 0x3f == 0 {
        return None;
    }
    let size = 1u32 << len;
    let (s, r) = (imms & (size - 1), immr & (size - 1));
    if s == size - 1 {
        return None;
    }
    let run = (1u64 << (s + 1)) - 1;
    let mask = u64::MAX >> (64 - size);
    let pattern = if r == 0 { run } else { (run >> r | run << (size - r)) & mask };
    let mut value = pattern;
    let mut width = size;
    while width < 64 {
        value |= value << width;
        width *= 2;
    }
    Some(value)
}

/// The field of a float immediate, if the float is one: ±(16..31)/16 * 2^(-3..4).
pub fn float(bits: u64) -> Option<u8> {
    let exponent = bits >> 54 & 0x1ff;
    let plausible = matches!(exponent, 0x100 | 0x0ff) && bits << 16 == 0;
    plausible.then_some((bits >> 56 & 0x80 | bits >> 48 & 0x7f) as u8)
}

/// The bits of a float immediate (Arm ARM, shared pseudocode `VFPExpandImm`).
pub fn float_value(field: u8) -> u64 {
    let field = field as u64;
    let exponent = if field & 0x40 != 0 { 0xff } else { 0x100 };
    (field & 0x80) << 56 | exponent << 54 | (field & 0x3f) << 48
}

/// An instruction of a plan for a constant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Sets 16 bits at a shift, zeros elsewhere.
    Movz(u16, u32),
    /// The complement of the same.
    Movn(u16, u32),
    /// Sets a logical immediate.
    Orr(u64),
    /// Replaces 16 bits at a shift.
    Movk(u16, u32),
}

/// The shortest plan for a constant; at most four steps.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    steps: [Step; 4],
    len: usize,
}

impl Plan {
    fn new(first: Step) -> Plan {
        Plan { steps: [first; 4], len: 1 }
    }

    fn push(&mut self, step: Step) {
        self.steps[self.len] = step;
        self.len += 1;
    }

    /// The steps in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps[..self.len]
    }
}

fn part(value: u64, k: u32) -> u16 {
    (value >> (16 * k)) as u16
}

/// A plan that starts with zeros or ones and replaces the parts that differ.
fn wide(value: u64, ones: bool) -> Plan {
    let fill = if ones { u16::MAX } else { 0 };
    let mut parts = (0..4).filter(|&k| part(value, k) != fill);
    let first = parts.next().unwrap_or(0);
    let p = part(value, first);
    let mut plan = Plan::new(if ones { Step::Movn(!p, 16 * first) } else { Step::Movz(p, 16 * first) });
    for k in parts {
        plan.push(Step::Movk(part(value, k), 16 * k));
    }
    plan
}

/// A logical immediate that differs from the value in one 16-bit part, with that part.
fn patched(value: u64) -> Option<Plan> {
    for k in 0..4 {
        let hole = !(0xffffu64 << (16 * k));
        let others = (0..4).filter(|&j| j != k).map(|j| part(value, j));
        for fill in others.chain([0, u16::MAX]) {
            let near = value & hole | (fill as u64) << (16 * k);
            if logical(near).is_some() {
                let mut plan = Plan::new(Step::Orr(near));
                plan.push(Step::Movk(part(value, k), 16 * k));
                return Some(plan);
            }
        }
    }
    None
}

/// Plans a constant.
pub fn plan(value: u64) -> Plan {
    let (zeros, ones) = (wide(value, false), wide(value, true));
    let best = if ones.len < zeros.len { ones } else { zeros };
    if best.len > 1 && logical(value).is_some() {
        return Plan::new(Step::Orr(value));
    }
    if best.len > 2
        && let Some(patched) = patched(value)
    {
        return patched;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use mochi_testkit::Random;
    use std::collections::BTreeSet;

    #[test]
    fn logical_immediates_are_the_valid_fields() {
        let mut values = BTreeSet::new();
        for n in 0..2 {
            for immr in 0..64 {
                for imms in 0..64 {
                    let Some(v) = logical_value(n, immr, imms) else { continue };
                    values.insert(v);
                    let fields = logical(v).expect("a logical immediate");
                    assert_eq!(logical_value(fields.0, fields.1, fields.2), Some(v));
                }
            }
        }
        // Arm ARM: there are 5334 of them.
        assert_eq!(values.len(), 5334);
        for &v in &values {
            for near in [v ^ 1, v ^ 1 << 63, v.wrapping_add(1), v << 1, v >> 1, v | 0x10] {
                assert_eq!(logical(near).is_some(), values.contains(&near), "{near:#x}");
            }
        }
        assert_eq!(logical(0), None);
        assert_eq!(logical(u64::MAX), None);
    }

    #[test]
    fn float_immediates() {
        for field in 0..=255 {
            assert_eq!(float(float_value(field)), Some(field));
        }
        assert_eq!(f64::from_bits(float_value(0x70)), 1.0);
        assert_eq!(f64::from_bits(float_value(0x00)), 2.0);
        assert_eq!(f64::from_bits(float_value(0xff)), -1.9375);
        for v in [0.0, -0.0, 0.1, 32.0, 0.1171875, f64::NAN, f64::INFINITY, 1.0 / 128.0] {
            assert_eq!(float(v.to_bits()), None, "{v}");
        }
    }

    fn run(plan: &Plan) -> u64 {
        plan.steps().iter().fold(0, |old, &step| match step {
            Step::Movz(p, s) => (p as u64) << s,
            Step::Movn(p, s) => !((p as u64) << s),
            Step::Orr(v) => v,
            Step::Movk(p, s) => old & !(0xffff << s) | (p as u64) << s,
        })
    }

    #[test]
    fn plans_make_their_constant() {
        let mut random = Random::new(1);
        let mut values: Vec<u64> = vec![0, 1, u64::MAX, 1 << 63, i64::MAX as u64, 0x5555_5555_5555_5555];
        for _ in 0..2000 {
            let x = random.bits();
            values.extend([x, x >> 16, x >> 32, x >> 48, !(x >> 40), x & 0xffff_0000_ffff, x | 0xffff << 16]);
            let s = x >> 58;
            values.extend([1 << s, u64::MAX >> s, u64::MAX << s, (u64::MAX >> s).rotate_left(x as u32 & 63)]);
        }
        for v in values {
            let p = plan(v);
            assert_eq!(run(&p), v);
            for step in p.steps() {
                if let Step::Orr(v) = step {
                    assert!(logical(*v).is_some());
                }
            }
        }
        for (v, n) in [(0, 1), (u64::MAX, 1), (0xff00_ff00_ff00_ff00, 1), (0x1_0001, 2), (0x1234_5678, 2)] {
            assert_eq!(plan(v).steps().len(), n, "{v:#x}");
        }
        assert_eq!(plan(0xaaaa_aaaa_1234_aaaa).steps().len(), 2);
        assert_eq!(plan(0x1234_5678_9abc_def0).steps().len(), 4);
    }
}
