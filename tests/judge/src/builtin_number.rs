//! Builtins on numbers (section 6). None gives none, as in arithmetic.

use crate::machine::{Exit, Machine, Run};
use crate::number::{Int, PowError, float_pow};
use crate::ops::{as_float, as_rat};
use crate::value::Value;
use mochi_lang::tree::Builtin;
use mochi_lang::types::Ty;
use num_traits::Signed;

impl Machine<'_> {
    /// A builtin on numbers.
    pub fn number_builtin(&mut self, builtin: Builtin, args: &[Value], types: &[Ty], want: Ty) -> Run<Value> {
        use Builtin::*;
        match builtin {
            Int | Float => return self.cast(args[0].clone(), types[0], want),
            Num | Denom => {
                let rat = self.cast(args[0].clone(), types[0], Ty::BIGRAT)?;
                return Ok(match as_rat(&rat) {
                    Some(r) if builtin == Num => Value::Int(r.numer().clone().into()),
                    Some(r) => Value::Int(r.denom().clone().into()),
                    None => Value::None,
                });
            }
            _ => {}
        }
        match (builtin, &args[0]) {
            (_, Value::None) => Ok(Value::None),
            (Abs, Value::Int(i)) => Ok(Value::Int(if i.is_negative() { i.neg() } else { i.clone() })),
            (Abs, Value::Float(x)) => Ok(Value::Float(x.abs())),
            (Abs, Value::Rat(r)) => Ok(Value::rat(r.abs())),
            (Abs, _) => self.fail("abs() expects numeric"),
            (Pow, x) => self.pow(x, &args[1]),
            (Ceil | Floor | Sqrt | Round, x) => {
                let Some(x) = as_float(x) else {
                    return self.fail(format!("cannot cast {} to float", x.kind_name()));
                };
                Ok(Value::Float(match builtin {
                    Ceil => x.ceil(),
                    Floor => x.floor(),
                    Sqrt => x.sqrt(),
                    _ => round(x, args.get(1)),
                }))
            }
            _ => Ok(Value::None),
        }
    }

    /// Exact for ints.
    fn pow(&mut self, x: &Value, y: &Value) -> Run<Value> {
        match (x, y) {
            (Value::Int(x), Value::Int(y)) => match Int::pow(x, y) {
                Ok(v) => Ok(Value::Int(v)),
                Err(PowError::DivisionByZero) => self.fail("division by zero"),
                Err(PowError::TooLarge) => Err(Exit::Undecided("a very large power")),
            },
            _ => match (as_float(x), as_float(y)) {
                (Some(x), Some(y)) => Ok(Value::Float(float_pow(x, y))),
                _ if x.is_none() || y.is_none() => Ok(Value::None),
                _ => self.fail("pow() expects numeric"),
            },
        }
    }
}

/// Half away from zero, by scaling.
fn round(x: f64, digits: Option<&Value>) -> f64 {
    let digits = match digits {
        Some(Value::Int(d)) => d.small().unwrap_or(if d.is_negative() { -400 } else { 400 }),
        _ => return x,
    };
    if digits == 0 || !x.is_finite() {
        return x.round();
    }
    let scale = float_pow(10.0, digits as f64);
    let scaled = x * scale;
    match scale == 0.0 {
        true => x * 0.0,
        false if !scaled.is_finite() => x,
        false => scaled.round() / scale,
    }
}
