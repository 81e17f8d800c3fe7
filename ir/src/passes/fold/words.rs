//! Rules for wrapping arithmetic, bit operations and shifts.

use super::{Action, Fold};
use crate::func::{Inst, InstData, Value};
use crate::ops::Op;

impl Fold<'_, '_> {
    pub(super) fn word_op(&mut self, inst: Inst, data: &InstData) -> Action {
        let args = self.func.operands(inst);
        if let [a] = args[..] {
            return self.unary(inst, data.op, a);
        }
        let [a, b] = args[..] else { return Action::Keep };
        let c = self.constant(b);
        if c.is_none() && data.op.info().commutes && self.constant(a).is_some() {
            return self.set(inst, data.op, &[b, a], 0);
        }
        match data.op {
            Op::Add => self.add(inst, a, b, c),
            Op::Sub => self.sub(inst, a, b, c),
            Op::Mul => self.mul(inst, a, c),
            Op::And | Op::Or | Op::Xor => self.bitwise(inst, data.op, a, b, c),
            Op::Shl | Op::Sshr | Op::Ushr | Op::Rotr => match c {
                Some(c) => self.shift(inst, data.op, a, c),
                None => Action::Keep,
            },
            Op::Sdiv | Op::Udiv if c == Some(1) => Action::Is(a),
            Op::Srem | Op::Urem if c == Some(1) => Action::Const(0),
            Op::Sdiv if c == Some(-1) => self.set(inst, Op::Neg, &[a], 0),
            Op::Srem if c == Some(-1) => Action::Const(0),
            Op::Udiv | Op::Urem => match c {
                Some(c) if c > 0 && c & (c - 1) == 0 => {
                    if data.op == Op::Udiv {
                        let k = self.word(c.trailing_zeros() as i64);
                        self.set(inst, Op::Ushr, &[a, k], 0)
                    } else {
                        let mask = self.word(c - 1);
                        self.set(inst, Op::And, &[a, mask], 0)
                    }
                }
                _ => Action::Keep,
            },
            // Non-negative numbers divide the same either way, and unsigned is cheaper.
            Op::Sdiv | Op::Srem if self.width(a) < 64 && c.is_some_and(|c| c > 0) => {
                let op = if data.op == Op::Sdiv { Op::Udiv } else { Op::Urem };
                self.set(inst, op, &[a, b], 0)
            }
            _ => Action::Keep,
        }
    }

    fn unary(&mut self, inst: Inst, op: Op, a: Value) -> Action {
        let fits = |bits: u32| self.width(a) <= bits;
        match op {
            Op::Zext8 if fits(8) => Action::Is(a),
            Op::Zext16 if fits(16) => Action::Is(a),
            Op::Zext32 if fits(32) => Action::Is(a),
            Op::Sext8 if fits(7) => Action::Is(a),
            Op::Sext16 if fits(15) => Action::Is(a),
            Op::Sext32 if fits(31) => Action::Is(a),
            Op::Neg | Op::Not => match self.is_op(a, op) {
                Some(args) => Action::Is(args[0]),
                None => Action::Keep,
            },
            Op::Sext32 | Op::Sext16 | Op::Sext8 => {
                let load = match op {
                    Op::Sext32 => Op::Load32s,
                    Op::Sext16 => Op::Load16s,
                    _ => Op::Load8s,
                };
                let done = self.is_op(a, load).is_some() || self.is_op(a, op).is_some();
                if done { Action::Is(a) } else { Action::Keep }
            }
            _ => {
                let _ = inst;
                Action::Keep
            }
        }
    }

    fn add(&mut self, inst: Inst, a: Value, b: Value, c: Option<i64>) -> Action {
        let Some(c) = c else {
            // a + (-x) is a - x.
            if let Some(args) = self.is_op(b, Op::Neg) {
                let x = args[0];
                return self.set(inst, Op::Sub, &[a, x], 0);
            }
            // (x + c) + b is (x + b) + c: constants drift outwards, into addresses.
            if let Some((x, c)) = self.is_op_const(a, Op::Add) {
                return self.outward(inst, x, b, c);
            }
            if let Some((x, c)) = self.is_op_const(b, Op::Add) {
                return self.outward(inst, a, x, c);
            }
            return Action::Keep;
        };
        if c == 0 {
            return Action::Is(a);
        }
        if let Some((x, d)) = self.is_op_const(a, Op::Add) {
            let sum = self.word(c.wrapping_add(d));
            return self.set(inst, Op::Add, &[x, sum], 0);
        }
        match self.def(a) {
            Some((_, d)) if d.op == Op::Symaddr => {
                self.set_symaddr(inst, d.sym.expect("symaddr has a symbol"), d.imm.wrapping_add(c))
            }
            _ => Action::Keep,
        }
    }

    fn outward(&mut self, inst: Inst, x: Value, y: Value, c: i64) -> Action {
        let ty = self.func.ty(self.data(inst).result.expect("add has a result"));
        let sum = self.emit(Op::Add, &[x, y], 0, ty);
        let c = self.word(c);
        self.set(inst, Op::Add, &[sum, c], 0)
    }

    fn sub(&mut self, inst: Inst, a: Value, b: Value, c: Option<i64>) -> Action {
        if let Some(distance) = self.distance(a, b) {
            return Action::Const(distance as u64);
        }
        if let Some(c) = c {
            let minus = self.word(c.wrapping_neg());
            return self.set(inst, Op::Add, &[a, minus], 0);
        }
        if self.constant(a) == Some(0) {
            return self.set(inst, Op::Neg, &[b], 0);
        }
        if let Some(args) = self.is_op(b, Op::Neg) {
            let x = args[0];
            return self.set(inst, Op::Add, &[a, x], 0);
        }
        // (x + y) - x is y.
        match self.is_op(a, Op::Add) {
            Some(args) if args[0] == b => Action::Is(args[1]),
            Some(args) if args[1] == b => Action::Is(args[0]),
            _ => Action::Keep,
        }
    }

    fn mul(&mut self, inst: Inst, a: Value, c: Option<i64>) -> Action {
        let Some(c) = c else { return Action::Keep };
        match c {
            0 => return Action::Const(0),
            1 => return Action::Is(a),
            -1 => return self.set(inst, Op::Neg, &[a], 0),
            _ => {}
        }
        if (c as u64).is_power_of_two() {
            let k = self.word(c.trailing_zeros() as i64);
            return self.set(inst, Op::Shl, &[a, k], 0);
        }
        // (x * d) * c, and (x << k) * c.
        if let Some((x, d)) = self.is_op_const(a, Op::Mul) {
            let product = self.word(c.wrapping_mul(d));
            return self.set(inst, Op::Mul, &[x, product], 0);
        }
        if let Some((x, k)) = self.is_op_const(a, Op::Shl) {
            let product = self.word(c.wrapping_shl(k as u32 & 63));
            return self.set(inst, Op::Mul, &[x, product], 0);
        }
        Action::Keep
    }

    fn bitwise(&mut self, inst: Inst, op: Op, a: Value, b: Value, c: Option<i64>) -> Action {
        if a == b {
            return if op == Op::Xor { Action::Const(0) } else { Action::Is(a) };
        }
        let Some(c) = c else { return Action::Keep };
        match (op, c) {
            (Op::And, 0) => return Action::Const(0),
            (Op::Or, -1) => return Action::Const(u64::MAX),
            (Op::And, -1) | (Op::Or | Op::Xor, 0) => return Action::Is(a),
            (Op::Xor, -1) => return self.set(inst, Op::Not, &[a], 0),
            (Op::And, 1) if self.is_even(a) => return Action::Const(0),
            (Op::And, -2) if self.is_even(a) => return Action::Is(a),
            _ => {}
        }
        if op == Op::And {
            let width = self.width(a);
            let mask = ((1u128 << width) - 1) as i64;
            if width < 64 && c & mask == mask {
                return Action::Is(a);
            }
            // Low bits of a word whose low bits are not touched by what is added.
            if let Some((x, d)) = self.is_op_const(a, Op::Add)
                && c > 0
                && c & c.wrapping_add(1) == 0
                && d & c == 0
            {
                return self.set(inst, Op::And, &[x, b], 0);
            }
        }
        if let Some((x, d)) = self.is_op_const(a, op) {
            let both = match op {
                Op::And => c & d,
                Op::Or => c | d,
                _ => c ^ d,
            };
            let both = self.word(both);
            return self.set(inst, op, &[x, both], 0);
        }
        Action::Keep
    }

    fn shift(&mut self, inst: Inst, op: Op, a: Value, c: i64) -> Action {
        let k = c & 63;
        if k == 0 {
            return Action::Is(a);
        }
        if k != c {
            let k = self.word(k);
            return self.set(inst, op, &[a, k], 0);
        }
        if let Some((x, d)) = self.is_op_const(a, op) {
            let sum = k + (d & 63);
            let sum = match op {
                Op::Rotr => sum & 63,
                Op::Sshr => sum.min(63),
                _ if sum > 63 => return Action::Const(0),
                _ => sum,
            };
            let sum = self.word(sum);
            return self.set(inst, op, &[x, sum], 0);
        }
        match op {
            // What shl by k shifted out was zero: the shift back restores it. A rotation brings
            // the zeros of the low bits to the top.
            Op::Ushr | Op::Sshr | Op::Rotr => match self.is_op_const(a, Op::Shl) {
                Some((x, d)) if d == k => {
                    let width = self.width(x);
                    let kept = if op == Op::Sshr { width + (k as u32) < 64 } else { width + k as u32 <= 64 };
                    if kept {
                        return Action::Is(x);
                    }
                    if op == Op::Sshr {
                        return Action::Keep;
                    }
                    let mask = self.word((u64::MAX >> k) as i64);
                    self.set(inst, Op::And, &[x, mask], 0)
                }
                _ if op == Op::Rotr && k == 1 && self.is_even(a) => {
                    let one = self.word(1);
                    self.set(inst, Op::Ushr, &[a, one], 0)
                }
                _ if op == Op::Sshr && self.width(a) < 64 => {
                    let k = self.word(k);
                    self.set(inst, Op::Ushr, &[a, k], 0)
                }
                _ => Action::Keep,
            },
            // (x >> k) << k clears the low bits.
            Op::Shl => {
                let down = self.is_op_const(a, Op::Ushr).or_else(|| self.is_op_const(a, Op::Sshr));
                let rotated = self.is_op_const(a, Op::Rotr).filter(|_| k == 1);
                match down.or(rotated) {
                    Some((x, d)) if d == k => {
                        let mask = self.word(-1 << k);
                        self.set(inst, Op::And, &[x, mask], 0)
                    }
                    _ => Action::Keep,
                }
            }
            _ => Action::Keep,
        }
    }
}
