//! Rules for integer comparisons.

use super::{Action, Fold};
use crate::func::{Inst, InstData, Type, Value};
use crate::ops::{Cond, Op};

impl Fold<'_, '_> {
    pub(super) fn icmp(&mut self, inst: Inst, data: &InstData) -> Action {
        let (a, b) = (self.arg(inst, 0), self.arg(inst, 1));
        let cond = Cond::from_imm(data.imm);
        if a == b {
            return Action::Const(cond.eval(0, 0) as u64);
        }
        let Some(c) = self.constant(b) else {
            if self.constant(a).is_some() {
                return self.set(inst, Op::Icmp, &[b, a], cond.swap() as i64);
            }
            if matches!(cond, Cond::Eq | Cond::Ne)
                && let Some(action) = self.compare_places(inst, cond, a, b)
            {
                return action;
            }
            return self.compare_shifted(inst, cond, a, b);
        };
        if let Some(action) = self.compare_bool(inst, cond, a, c) {
            return action;
        }
        // Canonical forms of comparisons at the ends of the range.
        match (cond, c) {
            (Cond::Ult, 0) | (Cond::Slt, i64::MIN) => return Action::Const(0),
            (Cond::Uge, 0) | (Cond::Sge, i64::MIN) => return Action::Const(1),
            (Cond::Ugt, -1) | (Cond::Sgt, i64::MAX) => return Action::Const(0),
            (Cond::Ule, -1) | (Cond::Sle, i64::MAX) => return Action::Const(1),
            (Cond::Ult, 1) => return self.with_constant(inst, Cond::Eq, a, 0),
            (Cond::Uge, 1) => return self.with_constant(inst, Cond::Ne, a, 0),
            (Cond::Ugt, 0) => return self.set(inst, Op::Icmp, &[a, b], Cond::Ne as i64),
            (Cond::Ule, 0) => return self.set(inst, Op::Icmp, &[a, b], Cond::Eq as i64),
            _ => {}
        }
        // Values that fit their bits decide many comparisons.
        let width = self.width(a);
        if width < 64 {
            let max = ((1u64 << width) - 1) as i64;
            let (low, high) = (cond.eval(0, c), cond.eval(max, c));
            let ordered = !matches!(cond, Cond::Eq | Cond::Ne);
            if ordered && low == high {
                return Action::Const(low as u64);
            }
            if !ordered && !(0..=max).contains(&c) {
                return Action::Const((cond == Cond::Ne) as u64);
            }
        }
        if let Some((x, k)) = self.is_op_const(a, Op::Mul)
            && c >= 0
            && self.multiplies_exactly(x, k)
        {
            // Products below c are those of factors below c / k, rounded up.
            match cond {
                Cond::Ult | Cond::Slt | Cond::Uge | Cond::Sge => {
                    return self.with_constant(inst, cond, x, c.unsigned_abs().div_ceil(k as u64) as i64);
                }
                Cond::Ule | Cond::Sle | Cond::Ugt | Cond::Sgt => {
                    return self.with_constant(inst, cond, x, c / k);
                }
                Cond::Eq | Cond::Ne => {}
            }
        }
        if matches!(cond, Cond::Eq | Cond::Ne) {
            // x + d == c is x == c - d; the same for a bijective xor.
            if let Some((x, d)) = self.is_op_const(a, Op::Add) {
                return self.with_constant(inst, cond, x, c.wrapping_sub(d));
            }
            if let Some((x, d)) = self.is_op_const(a, Op::Xor) {
                return self.with_constant(inst, cond, x, c ^ d);
            }
            if c == 0
                && let Some(args) = self.is_op(a, Op::Sub)
            {
                let (x, y) = (args[0], args[1]);
                return self.set(inst, Op::Icmp, &[x, y], cond as i64);
            }
            if let Some((x, k)) = self.is_op_const(a, Op::Mul)
                && self.multiplies_exactly(x, k)
            {
                if c % k != 0 || c < 0 {
                    return Action::Const((cond == Cond::Ne) as u64);
                }
                return self.with_constant(inst, cond, x, c / k);
            }
            // A remainder by a power of two is zero where the low bits are.
            if c == 0
                && let Some((x, d)) = self.is_op_const(a, Op::Srem)
                && d.unsigned_abs().is_power_of_two()
            {
                let mask = self.word((d.unsigned_abs() - 1) as i64);
                let low = self.emit(Op::And, &[x, mask], 0, Type::I64);
                return self.with_constant(inst, cond, low, 0);
            }
        }
        Action::Keep
    }

    fn with_constant(&mut self, inst: Inst, cond: Cond, a: Value, c: i64) -> Action {
        let c = self.word(c);
        self.set(inst, Op::Icmp, &[a, c], cond as i64)
    }

    /// No product with this factor wraps, and different values have different ones.
    fn multiplies_exactly(&self, v: Value, k: i64) -> bool {
        k > 0 && self.width(v) + (64 - k.leading_zeros()) < 64
    }

    /// Equality of sums with a common operand, and of products with a common factor: places in tables.
    fn compare_places(&mut self, inst: Inst, cond: Cond, a: Value, b: Value) -> Option<Action> {
        if let (Some((x, k)), Some((y, l))) = (self.is_op_const(a, Op::Mul), self.is_op_const(b, Op::Mul))
            && k == l
            && self.multiplies_exactly(x, k)
            && self.multiplies_exactly(y, k)
        {
            return Some(self.set(inst, Op::Icmp, &[x, y], cond as i64));
        }
        let sum = |v: Value| self.is_op(v, Op::Add).map(|args| [args[0], args[1]]);
        if let (Some(p), Some(q)) = (sum(a), sum(b)) {
            let common = [(0, 0), (0, 1), (1, 0), (1, 1)]
                .into_iter()
                .find(|&(i, j)| self.distance(p[i], q[j]) == Some(0));
            let (i, j) = common?;
            return Some(self.set(inst, Op::Icmp, &[p[1 - i], q[1 - j]], cond as i64));
        }
        let (parts, place) = sum(a).map(|p| (p, b)).or_else(|| sum(b).map(|p| (p, a)))?;
        let (k, distance) = [0, 1].into_iter().find_map(|k| Some((k, self.distance(place, parts[k])?)))?;
        Some(self.with_constant(inst, cond, parts[1 - k], distance))
    }

    /// How far a place is behind another one, if that is known.
    pub(super) fn distance(&self, a: Value, b: Value) -> Option<i64> {
        if a == b {
            return Some(0);
        }
        let address = |v: Value| {
            let (_, d) = self.def(v)?;
            (d.op == Op::Symaddr).then_some((d.sym, d.imm))
        };
        let ((x, i), (y, j)) = (address(a)?, address(b)?);
        (x == y).then(|| i.wrapping_sub(j))
    }

    /// Comparison of two values shifted alike, when the shift loses nothing.
    fn compare_shifted(&mut self, inst: Inst, cond: Cond, a: Value, b: Value) -> Action {
        let (Some((x, k)), Some((y, l))) = (self.is_op_const(a, Op::Shl), self.is_op_const(b, Op::Shl))
        else {
            return Action::Keep;
        };
        let fits = |v: Value| self.width(v) as i64 + k < 64;
        if k == l && (1..64).contains(&k) && fits(x) && fits(y) {
            return self.set(inst, Op::Icmp, &[x, y], cond as i64);
        }
        Action::Keep
    }

    /// `b == 0` and the like where b is 0 or 1.
    fn compare_bool(&mut self, inst: Inst, cond: Cond, a: Value, c: i64) -> Option<Action> {
        if !self.is_bool(a) || !matches!(cond, Cond::Eq | Cond::Ne) || !(0..=1).contains(&c) {
            return None;
        }
        let same = (cond == Cond::Ne) == (c == 0);
        if same {
            return Some(Action::Is(a));
        }
        let (def, data) = self.def(a)?;
        let (x, y) = match data.op {
            Op::Icmp | Op::IntCmp => (self.arg(def, 0), self.arg(def, 1)),
            _ => return (c == 1).then(|| self.with_constant(inst, Cond::Eq, a, 0)),
        };
        let inner = Cond::from_imm(data.imm);
        if data.op == Op::Icmp {
            return Some(self.set(inst, Op::Icmp, &[x, y], inner.invert() as i64));
        }
        // With none among the operands only "equal" and "not equal" are opposites.
        let facts = data.imm & !0xff;
        if matches!(inner, Cond::Eq | Cond::Ne) {
            return Some(self.set(inst, Op::IntCmp, &[x, y], inner.invert() as i64 | facts));
        }
        (c == 1).then(|| self.with_constant(inst, Cond::Eq, a, 0))
    }
}
