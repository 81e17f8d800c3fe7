//! Numbers (section 3.1): exact ints, floats, rationals; arithmetic and order over all of them.
//!
//! The static types have made both operands of one kind, except for `any`, where an int meets a
//! float or a rational here: a float on either side makes a float, else a rational makes a rational.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{FromPrimitive, Signed, ToPrimitive, Zero};
use std::cmp::Ordering;
use std::fmt;
use std::rc::Rc;

/// An int. Small ones are kept apart for speed alone: a big one never fits 64 bits.
#[derive(Clone, PartialEq, Eq)]
pub enum Int {
    /// Fits 64 bits.
    Small(i64),
    /// Does not.
    Big(Rc<BigInt>),
}

use Int::{Big, Small};

impl From<i64> for Int {
    fn from(v: i64) -> Int {
        Small(v)
    }
}

impl From<BigInt> for Int {
    fn from(v: BigInt) -> Int {
        match v.to_i64() {
            Some(small) => Small(small),
            None => Big(Rc::new(v)),
        }
    }
}

impl fmt::Display for Int {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Small(v) => v.fmt(f),
            Big(v) => v.fmt(f),
        }
    }
}

impl Ord for Int {
    fn cmp(&self, other: &Int) -> Ordering {
        match (self, other) {
            (Small(a), Small(b)) => a.cmp(b),
            _ => self.big().cmp(&other.big()),
        }
    }
}

impl PartialOrd for Int {
    fn partial_cmp(&self, other: &Int) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Int {
    /// The value as the library's integer.
    pub fn big(&self) -> BigInt {
        match self {
            Small(v) => BigInt::from(*v),
            Big(v) => (**v).clone(),
        }
    }

    /// As 64 bits, if it fits.
    pub fn small(&self) -> Option<i64> {
        match self {
            Small(v) => Some(*v),
            Big(_) => None,
        }
    }

    /// Whether it is 0.
    pub fn is_zero(&self) -> bool {
        *self == Small(0)
    }

    /// Whether it is less than 0.
    pub fn is_negative(&self) -> bool {
        match self {
            Small(v) => *v < 0,
            Big(v) => v.is_negative(),
        }
    }

    /// `-self`.
    pub fn neg(&self) -> Int {
        (-self.big()).into()
    }

    /// The nearest float, ties to even.
    pub fn to_f64(&self) -> f64 {
        match self {
            Small(v) => *v as f64,
            Big(v) => v.to_f64().unwrap_or(f64::NAN),
        }
    }

    /// As a rational.
    pub fn to_rat(&self) -> BigRational {
        BigRational::from_integer(self.big())
    }

    /// A float without its fraction; NaN and what 64 bits cannot hold give the least 64-bit int.
    pub fn from_f64(x: f64) -> Int {
        let limit = 9_223_372_036_854_775_808.0;
        if x >= -limit && x < limit { Small(x as i64) } else { Small(i64::MIN) }
    }

    /// The value of decimal digits with an optional sign.
    pub fn parse(text: &[u8]) -> Option<Int> {
        Int::parse_base(text, 10)
    }

    /// The value of digits of a base from 2 to 36 with an optional sign.
    pub fn parse_base(text: &[u8], base: u32) -> Option<Int> {
        let digits = match text {
            [b'-' | b'+', rest @ ..] => rest,
            all => all,
        };
        let good = !digits.is_empty() && digits.iter().all(|c| char::from(*c).is_digit(base));
        if !good {
            return None;
        }
        let value = BigInt::parse_bytes(digits, base)?;
        Some(if text[0] == b'-' { -value } else { value }.into())
    }

    /// `self` to the power `exponent`; a negative one truncates the fraction toward zero. `Err`
    /// says that there is no value or none that anybody could hold.
    pub fn pow(&self, exponent: &Int) -> Result<Int, PowError> {
        let odd = match exponent {
            Small(e) => e % 2 != 0,
            Big(e) => e.bit(0),
        };
        match self {
            Small(0) if exponent.is_negative() => return Err(PowError::DivisionByZero),
            Small(0) if exponent.is_zero() => return Ok(Small(1)),
            Small(0 | 1) => return Ok(self.clone()),
            Small(-1) => return Ok(Small(if odd { -1 } else { 1 })),
            _ if exponent.is_negative() => return Ok(Small(0)),
            _ => {}
        }
        match exponent {
            Small(e) if *e < 1 << 16 && self.big().bits() * *e as u64 <= 1 << 24 => {
                Ok(self.big().pow(*e as u32).into())
            }
            _ => Err(PowError::TooLarge),
        }
    }
}

/// Why there is no power.
pub enum PowError {
    /// 0 to a negative power.
    DivisionByZero,
    /// Out of memory, sooner or later.
    TooLarge,
}

/// An operator on numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Arith {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
}

/// Exact; the quotient is truncated toward zero, the remainder has the sign of the dividend. `None`
/// for a zero divisor.
pub fn int_arith(op: Arith, a: &Int, b: &Int) -> Option<Int> {
    if let (Small(x), Small(y)) = (a, b) {
        let small = match op {
            Arith::Add => x.checked_add(*y),
            Arith::Sub => x.checked_sub(*y),
            Arith::Mul => x.checked_mul(*y),
            Arith::Div => x.checked_div(*y),
            Arith::Mod => x.checked_rem(*y),
        };
        if let Some(v) = small {
            return Some(Small(v));
        }
    }
    let (x, y) = (a.big(), b.big());
    let value = match op {
        Arith::Add => x + y,
        Arith::Sub => x - y,
        Arith::Mul => x * y,
        Arith::Div | Arith::Mod if y.is_zero() => return None,
        Arith::Div => x / y,
        Arith::Mod => x % y,
    };
    Some(value.into())
}

/// IEEE arithmetic; `%` is C's `fmod`. `None` for a zero divisor.
pub fn float_arith(op: Arith, x: f64, y: f64) -> Option<f64> {
    Some(match op {
        Arith::Add => x + y,
        Arith::Sub => x - y,
        Arith::Mul => x * y,
        Arith::Div | Arith::Mod if y == 0.0 => return None,
        Arith::Div => x / y,
        Arith::Mod => x % y,
    })
}

/// Exact; `a % b` is `a - b * trunc(a / b)`. `None` for a zero divisor.
pub fn rat_arith(op: Arith, a: &BigRational, b: &BigRational) -> Option<BigRational> {
    Some(match op {
        Arith::Add => a + b,
        Arith::Sub => a - b,
        Arith::Mul => a * b,
        Arith::Div | Arith::Mod if b.is_zero() => return None,
        Arith::Div => a / b,
        Arith::Mod => a - b * (a / b).trunc(),
    })
}

/// The exact value of a float; infinities and NaN have none and give 0.
pub fn rat_from_f64(x: f64) -> BigRational {
    BigRational::from_f64(x).unwrap_or_else(BigRational::zero)
}

/// The nearest float.
pub fn rat_to_f64(v: &BigRational) -> f64 {
    v.to_f64().unwrap_or(f64::NAN)
}

/// `a`, `a/b`, or a decimal number.
pub fn rat_parse(text: &[u8]) -> Option<BigRational> {
    if let Some(slash) = text.iter().position(|c| *c == b'/') {
        let (num, den) = (Int::parse(&text[..slash])?, Int::parse(&text[slash + 1..])?);
        return (!den.is_zero()).then(|| BigRational::new(num.big(), den.big()));
    }
    let end = text.iter().position(|c| matches!(c, b'e' | b'E')).unwrap_or(text.len());
    let mut scale = match text.get(end + 1..) {
        Some(exponent) => Int::parse(exponent)?.small()?,
        None => 0,
    };
    if scale.abs() > 100_000 {
        return None;
    }
    let mut digits = text[..end].to_vec();
    if let Some(point) = digits.iter().position(|c| *c == b'.') {
        digits.remove(point);
        scale -= (digits.len() - point) as i64;
    }
    let value = Int::parse(&digits)?.to_rat();
    let power = BigRational::from_integer(BigInt::from(10).pow(scale.unsigned_abs() as u32));
    Some(if scale >= 0 { value * power } else { value / power })
}

/// Exact comparison of an int with a float; `None` for NaN.
pub fn int_float_order(a: &Int, x: f64) -> Option<Ordering> {
    if x.is_nan() {
        return None;
    }
    if x.is_infinite() {
        return Some(if x > 0.0 { Ordering::Less } else { Ordering::Greater });
    }
    Some(a.to_rat().cmp(&rat_from_f64(x)))
}

/// x to the power y as the reference's host language computes it: the integral part of y by repeated
/// squaring with the exponent kept apart, the fraction through exp and log.
pub fn float_pow(x: f64, y: f64) -> f64 {
    let special = y == 0.0
        || x == 1.0
        || x == 0.0
        || !x.is_finite()
        || !y.is_finite()
        || (x < 0.0 && y.fract() != 0.0)
        || y.abs() >= 9_223_372_036_854_775_808.0;
    if special {
        return x.powf(y);
    }
    if y == 1.0 {
        return x;
    }
    if y.abs() == 0.5 {
        return if y > 0.0 { x.sqrt() } else { 1.0 / x.sqrt() };
    }
    let (mut whole, mut fraction) = (y.abs().trunc(), y.abs().fract());
    let mut result = 1.0;
    if fraction != 0.0 {
        if fraction > 0.5 {
            fraction -= 1.0;
            whole += 1.0;
        }
        result = (fraction * x.ln()).exp();
    }
    let (mut mantissa, mut exponent) = split(x);
    let mut power: i64 = 0;
    let mut bits = whole as i64;
    while bits != 0 {
        if exponent.abs() > 4096 {
            // Overflow or underflow is certain.
            power += exponent;
            break;
        }
        if bits & 1 != 0 {
            result *= mantissa;
            power += exponent;
        }
        mantissa *= mantissa;
        exponent *= 2;
        if mantissa < 0.5 {
            mantissa += mantissa;
            exponent -= 1;
        }
        bits >>= 1;
    }
    if y < 0.0 {
        result = 1.0 / result;
        power = -power;
    }
    scale(result, power)
}

/// m and e with x = m * 2^e and 0.5 <= |m| < 1, for a finite x other than 0.
fn split(x: f64) -> (f64, i64) {
    let (x, shift) = if x.abs() < f64::MIN_POSITIVE { (x * 2f64.powi(64), -64) } else { (x, 0) };
    let biased = (x.to_bits() >> 52 & 0x7ff) as i64;
    let mantissa = f64::from_bits(x.to_bits() & !(0x7ff << 52) | 1022 << 52);
    (mantissa, biased - 1022 + shift)
}

/// x * 2^e, rounded once.
fn scale(x: f64, e: i64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let (mantissa, own) = split(x);
    let e = own + e;
    if e > 1024 {
        return f64::INFINITY.copysign(x);
    }
    if e < -1080 {
        return 0f64.copysign(x);
    }
    // Two steps keep every factor representable; only the second one can round.
    let half = e.max(-1021);
    mantissa * 2f64.powi((half - 1) as i32) * 2.0 * 2f64.powi((e - half) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_right_where_floats_are_exact() {
        for (x, y, want) in
            [(2.0, 10.0, 1024.0), (10.0, 3.0, 1000.0), (2.0, -1074.0, 5e-324), (0.5, 2.0, 0.25)]
        {
            assert_eq!(float_pow(x, y), want, "{x} to the power {y}");
        }
        assert_eq!(float_pow(2.0, 1024.0), f64::INFINITY);
        assert_eq!(float_pow(9.0, 0.5), 3.0);
    }

    #[test]
    fn ints_leave_64_bits_and_come_back() {
        let top = Int::from(i64::MAX);
        let one = Int::from(1);
        let beyond = int_arith(Arith::Add, &top, &one).expect("a sum");
        assert_eq!(beyond.to_string(), "9223372036854775808");
        assert!(int_arith(Arith::Sub, &beyond, &one) == Some(top));
        let least = Int::from(i64::MIN);
        assert_eq!(least.neg().to_string(), "9223372036854775808");
        let quotient = int_arith(Arith::Div, &least, &Int::from(-1)).expect("a quotient");
        assert_eq!(quotient.to_string(), "9223372036854775808");
    }
}
