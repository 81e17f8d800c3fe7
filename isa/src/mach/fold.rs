//! What selection looks for in operands: operations that instructions do on the way.

use crate::mach::{Isa, Lower};
use mochi_ir::{Op, Value};

/// The number of low ones, when the constant is nothing but that.
pub fn low_mask(c: i64) -> Option<i64> {
    (c > 0 && c & c.wrapping_add(1) == 0).then_some(c.trailing_ones() as i64)
}

/// A pure operation with a constant as its second operand, that no other instruction has asked
/// for: operand and constant.
pub fn with_constant<I: Isa>(l: &Lower<I>, v: Value, op: Op) -> Option<(Value, i64)> {
    let (inst, _) = l.pure_def(v, true).filter(|(_, d)| d.op == op)?;
    let &[x, c] = l.operands(inst) else { return None };
    (!l.live_after(v)).then_some((x, l.iconst(c)?))
}

/// The operand of a complement, or of an exclusive or with ones.
pub fn complemented<I: Isa>(l: &Lower<I>, v: Value) -> Option<Value> {
    let (inst, d) = l.pure_def(v, true).filter(|_| !l.live_after(v))?;
    match d.op {
        Op::Not => Some(l.operands(inst)[0]),
        Op::Xor => with_constant(l, v, Op::Xor).filter(|(_, c)| *c == -1).map(|(x, _)| x),
        _ => None,
    }
}

/// The count of a shift by a register, on machines that take it modulo 64 themselves.
pub fn shift_count<I: Isa>(l: &Lower<I>, mut count: Value) -> Value {
    while let Some((x, 63)) = with_constant(l, count, Op::And) {
        count = x;
    }
    count
}

/// Whether a word is 0 or 1 by the operation that makes it.
pub fn is_bit<I: Isa>(l: &Lower<I>, v: Value) -> bool {
    l.def_of(v).is_some_and(|(_, d)| match d.op {
        Op::Iconst => matches!(d.imm, 0 | 1),
        op => op == Op::Carry || op.is_question(),
    })
}

/// The word whose lowest bit an `addc` or `carry` adds; none for a constant whose lowest bit is 0.
pub fn carried<I: Isa>(l: &Lower<I>, bit: Value) -> Option<Value> {
    (l.iconst(bit).is_none_or(|c| c & 1 != 0)).then_some(bit)
}
