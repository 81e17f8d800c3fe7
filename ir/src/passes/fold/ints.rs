//! Rules for `int.*` ops: identities, and the raw ops they become when their facts are complete.

use super::{Action, Fold};
use crate::func::{Inst, InstData, Type};
use crate::ops::{Cond, KNOWN_A, KNOWN_B, NO_OVERFLOW, Op};

impl Fold<'_, '_> {
    pub(super) fn int(&mut self, inst: Inst, data: &InstData) -> Action {
        let a = self.arg(inst, 0);
        let facts = if data.op == Op::IntCmp { data.imm >> 8 } else { data.imm };
        if data.op == Op::IntNeg {
            let facts = facts | if self.is_even(a) { KNOWN_A } else { 0 };
            if facts & KNOWN_A != 0 && facts & NO_OVERFLOW != 0 {
                return self.set(inst, Op::Neg, &[a], 0);
            }
            self.func.insts[inst.index()].imm = facts;
            return Action::Keep;
        }
        let b = self.arg(inst, 1);
        if self.constant(b).is_none() && self.constant(a).is_some() {
            // Constants second.
            let swapped = facts & NO_OVERFLOW
                | if facts & KNOWN_A != 0 { KNOWN_B } else { 0 }
                | if facts & KNOWN_B != 0 { KNOWN_A } else { 0 };
            match data.op {
                Op::IntAdd | Op::IntMul => return self.set(inst, data.op, &[b, a], swapped),
                Op::IntCmp => {
                    let cond = Cond::from_imm(data.imm).swap() as i64;
                    return self.set(inst, Op::IntCmp, &[b, a], cond | swapped << 8);
                }
                _ => {}
            }
        }
        // Facts that a look at the operands gives.
        let mut facts = facts;
        if self.is_even(a) {
            facts |= KNOWN_A;
        }
        if self.is_even(b) {
            facts |= KNOWN_B;
        }
        // A big integer or none passes through the identities unchanged.
        let c = self.constant(b);
        match data.op {
            Op::IntAdd | Op::IntSub if c == Some(0) => return Action::Is(a),
            Op::IntMul | Op::IntDiv if c == Some(2) => return Action::Is(a),
            Op::IntMul if c == Some(0) && facts & KNOWN_A != 0 => return Action::Const(0),
            Op::IntSub if a == b && facts & KNOWN_A != 0 => return Action::Const(0),
            _ => {}
        }
        let old = data.imm;
        let new = if data.op == Op::IntCmp { old & 0xff | facts << 8 } else { facts };
        self.func.insts[inst.index()].imm = new;
        self.raw(inst)
    }

    /// Replaces an op whose fast path always applies.
    fn raw(&mut self, inst: Inst) -> Action {
        let data = self.data(inst);
        let (a, b) = (self.arg(inst, 0), self.arg(inst, 1));
        if data.op == Op::IntCmp {
            let cond = Cond::from_imm(data.imm);
            let known = (data.imm >> 8) & (KNOWN_A | KNOWN_B);
            // A small int and a big one (or none) are never the same word.
            let equality = matches!(cond, Cond::Eq | Cond::Ne) && known != 0;
            if equality || known == KNOWN_A | KNOWN_B {
                return self.set(inst, Op::Icmp, &[a, b], cond as i64);
            }
            return Action::Keep;
        }
        let both = data.imm & (KNOWN_A | KNOWN_B) == KNOWN_A | KNOWN_B;
        // The remainder always fits; the quotient unless the divisor may be -1; never by zero.
        let divisor = self.constant(b).is_some_and(|c| c != 0);
        if data.op == Op::IntMod && both && divisor {
            return self.set(inst, Op::Srem, &[a, b], 0);
        }
        if data.op == Op::IntDiv && both && divisor && self.constant(b) != Some(-2) {
            let quotient = self.emit(Op::Sdiv, &[a, b], 0, Type::I64);
            let one = self.word(1);
            return self.set(inst, Op::Shl, &[quotient, one], 0);
        }
        if !both || data.imm & NO_OVERFLOW == 0 {
            return Action::Keep;
        }
        match data.op {
            Op::IntAdd => self.set(inst, Op::Add, &[a, b], 0),
            Op::IntSub => self.set(inst, Op::Sub, &[a, b], 0),
            Op::IntMul => {
                let one = self.word(1);
                // Untag the constant, or else either side.
                let (x, y) = if self.constant(b).is_some() { (b, a) } else { (a, b) };
                let plain = match self.constant(x) {
                    Some(c) => self.word(c >> 1),
                    None => self.emit(Op::Sshr, &[x, one], 0, Type::I64),
                };
                self.set(inst, Op::Mul, &[y, plain], 0)
            }
            // No overflow says nothing about a zero divisor, so only constants qualify.
            Op::IntDiv if divisor => {
                let quotient = self.emit(Op::Sdiv, &[a, b], 0, Type::I64);
                let one = self.word(1);
                self.set(inst, Op::Shl, &[quotient, one], 0)
            }
            _ => Action::Keep,
        }
    }
}
