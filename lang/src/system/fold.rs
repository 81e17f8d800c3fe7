//! Arithmetic on compile-time values. Integers without a type are exact (they must fit 128 bits);
//! integers with a type wrap as they do at run time.

use super::module::{Const, adapt};
use super::syntax::*;
use super::{Fault, fault};

/// Brings a number into the range of a type, keeping its low bits.
pub(super) fn wrap(n: i128, ty: Ty) -> i128 {
    let bits = if ty == Ty::Bool { 1 } else { ty.size() * 8 };
    let low = n & ((1 << bits) - 1);
    if ty.is_signed() && low >> (bits - 1) & 1 == 1 { low - (1 << bits) } else { low }
}

/// A unary operator on a constant.
pub(super) fn fold_unary(op: UnOp, a: Const, pos: Pos) -> Result<Const, Fault> {
    match (op, a) {
        (UnOp::Neg, Const::Int(n)) => Ok(Const::Int(-n)),
        (UnOp::Neg, Const::Typed(n, ty)) if ty.is_int() => Ok(Const::Typed(wrap(-n, ty), ty)),
        (UnOp::Neg, Const::Float(x)) => Ok(Const::Float(-x)),
        (UnOp::Not, Const::Bool(b)) => Ok(Const::Bool(!b)),
        (UnOp::Complement, Const::Int(n)) => Ok(Const::Int(!n)),
        (UnOp::Complement, Const::Typed(n, ty)) if ty.is_int() => Ok(Const::Typed(wrap(!n, ty), ty)),
        _ => fault(pos, "this operator does not apply to this constant"),
    }
}

/// A binary operator on constants.
pub(super) fn fold_binary(op: BinOp, a: Const, b: Const, pos: Pos) -> Result<Const, Fault> {
    match (a, b) {
        (Const::Int(x), Const::Int(y)) => match compare(op, &x, &y) {
            Some(result) => Ok(Const::Bool(result)),
            None => integers(op, x, y, pos).map(Const::Int),
        },
        (Const::Typed(x, ty), Const::Typed(..) | Const::Int(_)) => {
            let shift = matches!(op, BinOp::Shl | BinOp::Shr);
            let y = match b {
                Const::Typed(y, _) | Const::Int(y) if shift => y,
                _ => match adapt(b, ty, pos)? {
                    Const::Typed(y, _) => y,
                    _ => return fault(pos, "constants of different types"),
                },
            };
            match compare(op, &x, &y) {
                Some(result) => Ok(Const::Bool(result)),
                None => integers(op, x, y, pos).map(|n| Const::Typed(wrap(n, ty), ty)),
            }
        }
        (Const::Int(_), Const::Typed(_, ty)) if !matches!(op, BinOp::Shl | BinOp::Shr) => {
            fold_binary(op, adapt(a, ty, pos)?, b, pos)
        }
        (Const::Float(x), Const::Float(y)) => Ok(match op {
            BinOp::Add => Const::Float(x + y),
            BinOp::Sub => Const::Float(x - y),
            BinOp::Mul => Const::Float(x * y),
            BinOp::Div => Const::Float(x / y),
            _ => match compare(op, &x, &y) {
                Some(result) => Const::Bool(result),
                None => return fault(pos, format!("`{}` does not apply to f64", op.text())),
            },
        }),
        (Const::Bool(x), Const::Bool(y)) => Ok(Const::Bool(match op {
            BinOp::AndAlso | BinOp::And => x && y,
            BinOp::OrElse | BinOp::Or => x || y,
            BinOp::Eq => x == y,
            BinOp::Ne | BinOp::Xor => x != y,
            _ => return fault(pos, format!("`{}` does not apply to bool", op.text())),
        })),
        _ => fault(pos, format!("`{}` on constants of different types", op.text())),
    }
}

fn compare<T: PartialOrd>(op: BinOp, x: &T, y: &T) -> Option<bool> {
    Some(match op {
        BinOp::Eq => x == y,
        BinOp::Ne => x != y,
        BinOp::Lt => x < y,
        BinOp::Le => x <= y,
        BinOp::Gt => x > y,
        BinOp::Ge => x >= y,
        _ => return None,
    })
}

fn integers(op: BinOp, x: i128, y: i128, pos: Pos) -> Result<i128, Fault> {
    let shift = u32::try_from(y).ok().filter(|s| *s < 64);
    let result = match op {
        BinOp::Add => x.checked_add(y),
        BinOp::Sub => x.checked_sub(y),
        BinOp::Mul => x.checked_mul(y),
        BinOp::Div => x.checked_div(y),
        BinOp::Rem => x.checked_rem(y),
        BinOp::And => Some(x & y),
        BinOp::Or => Some(x | y),
        BinOp::Xor => Some(x ^ y),
        BinOp::Shl => shift.and_then(|s| x.checked_mul(1 << s)),
        BinOp::Shr => shift.map(|s| x >> s),
        _ => return fault(pos, format!("`{}` does not apply to integers", op.text())),
    };
    match result {
        Some(n) => Ok(n),
        None => fault(pos, "this constant expression has no value"),
    }
}

/// `as` on a constant.
pub(super) fn fold_cast(c: Const, ty: Ty, pos: Pos) -> Result<Const, Fault> {
    match c {
        Const::Int(n) | Const::Typed(n, _) => Ok(match ty {
            Ty::F64 => Const::Float(n as f64),
            Ty::Bool => Const::Bool(n != 0),
            _ => Const::Typed(wrap(n, ty), ty),
        }),
        Const::Float(_) if ty == Ty::F64 => Ok(c),
        Const::Float(x) if ty.is_int() => Ok(Const::Typed(wrap(x as i64 as i128, ty), ty)),
        Const::Float(_) => fault(pos, format!("f64 cannot become {ty}")),
        Const::Bool(_) if ty == Ty::Bool => Ok(c),
        Const::Bool(_) if ty == Ty::F64 => fault(pos, "bool cannot become f64"),
        Const::Bool(b) => Ok(Const::Typed(b as i128, ty)),
    }
}
