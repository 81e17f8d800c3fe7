//! Division by constants through multiplication (Granlund and Montgomery; Warren, "Hacker's
//! Delight", chapter 10).

/// How to divide a signed word by a constant `d`, `|d| >= 2`: `q = mulhs(m, n)`, plus `n` when
/// `d > 0 > m`, minus `n` when `d < 0 < m`; then `q >>= shift` (arithmetic), and the sign bit of
/// `q` is added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signed {
    /// Multiplier.
    pub m: i64,
    /// Shift.
    pub shift: u32,
}

/// The multiplier and shift of a signed divisor (Hacker's Delight, figure 10-1).
pub fn signed(d: i64) -> Signed {
    debug_assert!(d.unsigned_abs() >= 2);
    let two63 = 1u64 << 63;
    let ad = d.unsigned_abs();
    let t = two63 + (d as u64 >> 63);
    let anc = t - 1 - t % ad;
    let mut p = 63;
    let (mut q1, mut r1) = (two63 / anc, two63 % anc);
    let (mut q2, mut r2) = (two63 / ad, two63 % ad);
    loop {
        p += 1;
        (q1, r1) = double(q1, r1, anc);
        (q2, r2) = double(q2, r2, ad);
        let delta = ad - r2;
        if !(q1 < delta || q1 == delta && r1 == 0) {
            break;
        }
    }
    let m = (q2 + 1) as i64;
    Signed { m: if d < 0 { m.wrapping_neg() } else { m }, shift: p - 64 }
}

/// `2q + carry, 2r - carry * d` for a quotient and remainder of division by `d`.
fn double(q: u64, r: u64, d: u64) -> (u64, u64) {
    let carry = r >= d - r;
    (q.wrapping_mul(2).wrapping_add(carry as u64), if carry { r - (d - r) } else { 2 * r })
}

/// How to divide an unsigned word by a constant that is no power of two: without `add`
/// `q = mulhu(m, n) >> shift`; with it `t = mulhu(m, n)`, `q = (((n - t) >> 1) + t) >> (shift - 1)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unsigned {
    /// Multiplier.
    pub m: u64,
    /// Shift.
    pub shift: u32,
    /// The multiplier has a 65th bit, which is one.
    pub add: bool,
}

/// The multiplier and shift of an unsigned divisor.
pub fn unsigned(d: u64) -> Unsigned {
    debug_assert!(d >= 3 && !d.is_power_of_two());
    // ceil(log2 d); the multiplier is ceil(2^(64 + l) / d), which has 65 bits.
    let l = 64 - (d - 1).leading_zeros();
    let exact = |s: u32| {
        let power = 1u128 << (64 + s);
        let m = power.div_ceil(d as u128);
        // Good when the error is at most 2^s.
        (m, m * d as u128 - power <= 1u128 << s)
    };
    // A smaller shift often gives a multiplier of 64 bits.
    for s in 0..l {
        let (m, good) = exact(s);
        if good && m < 1u128 << 64 {
            return Unsigned { m: m as u64, shift: s, add: false };
        }
    }
    if l == 64 {
        // 2^128 / d does not fit; computed as 2^64 + (2^64 (2^64 - d)) / d.
        let high = (((1u128 << 64) - d as u128) << 64).div_ceil(d as u128);
        return Unsigned { m: high as u64, shift: 64, add: true };
    }
    let (m, _) = exact(l);
    Unsigned { m: m as u64, shift: l, add: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mochi_testkit::Random;

    fn samples() -> Vec<i64> {
        let mut v: Vec<i64> = (-40..=40).collect();
        for k in 2..64 {
            let p = 1i64 << k;
            v.extend([
                p.wrapping_sub(1),
                p,
                p.wrapping_add(1),
                p.wrapping_neg(),
                p.wrapping_neg().wrapping_sub(1),
            ]);
        }
        let mut random = Random::new(1);
        for _ in 0..200 {
            let x = random.bits();
            v.extend([x as i64, (x >> 20) as i64, (x >> 40) as i64]);
        }
        v
    }

    #[test]
    fn signed_quotients() {
        for d in samples().into_iter().filter(|d| d.unsigned_abs() >= 2) {
            let magic = signed(d);
            for n in samples() {
                let mut q = ((magic.m as i128 * n as i128) >> 64) as i64;
                if d > 0 && magic.m < 0 {
                    q = q.wrapping_add(n);
                } else if d < 0 && magic.m > 0 {
                    q = q.wrapping_sub(n);
                }
                q >>= magic.shift;
                q = q.wrapping_add((q as u64 >> 63) as i64);
                assert_eq!(q, n.wrapping_div(d), "{n} / {d}");
            }
        }
    }

    #[test]
    fn unsigned_quotients() {
        for d in samples().into_iter().map(|d| d as u64).filter(|d| *d >= 3 && !d.is_power_of_two()) {
            let magic = unsigned(d);
            for n in samples().into_iter().map(|n| n as u64) {
                let t = ((magic.m as u128 * n as u128) >> 64) as u64;
                let q = if magic.add {
                    (((n.wrapping_sub(t)) >> 1).wrapping_add(t)) >> (magic.shift - 1)
                } else {
                    t >> magic.shift
                };
                assert_eq!(q, n / d, "{n} / {d}");
            }
        }
    }
}
