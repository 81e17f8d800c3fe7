//! Selection: exact integers (`int.*`): the fast path on tagged words, and an `if` with the slow path.
//!
//! An even word is a small integer times two, so bit 0 of `a | b` says whether both are small. Sums
//! overflow when the result's sign differs from those of both operands; the two tests become one of
//! the sign bit, the tag being shifted there. A product fits when the operands have 66 redundant sign
//! bits together; in the narrow zone between that and the exact limit a division decides.

use crate::wasm32::emit::Emit;
use crate::wasm32::insts::{Row, Ty};
use crate::wasm32::select::comparison_row;
use mochi_ir::ops::{KNOWN_A, KNOWN_B, NO_OVERFLOW};
use mochi_ir::{Cond, Function, Inst, Op, Value};

/// What the fast path has to find out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Checks {
    /// The first operand may be no small int.
    a: bool,
    /// The second.
    b: bool,
    /// The result may not fit, or the divisor be 0.
    result: bool,
}

impl Checks {
    fn any(self) -> bool {
        self.a || self.b || self.result
    }
}

/// The tagged constant a value is, when it is a small int.
fn small(func: &Function, v: Value) -> Option<i64> {
    func.as_iconst(v).filter(|c| c & 1 == 0)
}

fn checks(func: &Function, inst: Inst) -> Checks {
    let d = &func.insts[inst.index()];
    let args = func.operands(inst);
    let known = if d.op == Op::IntCmp { d.imm >> 8 } else { d.imm };
    let a = known & KNOWN_A == 0 && small(func, args[0]).is_none();
    let b = args.len() > 1 && known & KNOWN_B == 0 && small(func, args[1]).is_none();
    let overflow = known & NO_OVERFLOW == 0;
    match d.op {
        // A small int equals no big one.
        Op::IntCmp if matches!(Cond::from_imm(d.imm), Cond::Eq | Cond::Ne) => {
            Checks { a: a && b, b: a && b, result: false }
        }
        Op::IntCmp => Checks { a, b, result: false },
        Op::IntDiv => {
            Checks { a, b, result: !small(func, args[1]).is_some_and(|c| c != 0 && (c != -2 || !overflow)) }
        }
        Op::IntMod => Checks { a, b, result: small(func, args[1]).is_none_or(|c| c == 0) },
        _ => Checks { a, b, result: overflow },
    }
}

/// A sum or difference as the sum of a constant and something else.
fn sum_with_constant(sub: bool, x: Kept, y: Kept) -> Option<(i64, Kept)> {
    match (x, y) {
        (_, Kept::Const(c)) if sub => c.checked_neg().map(|c| (c, x)),
        (_, Kept::Const(c)) => Some((c, x)),
        (Kept::Const(c), _) if !sub => Some((c, y)),
        _ => None,
    }
}

/// An instruction is an exact one that may have to call the runtime.
pub fn has_slow_path(func: &Function, inst: Inst) -> bool {
    func.insts[inst.index()].op.is_int() && checks(func, inst).any()
}

/// An operand that is read several times.
#[derive(Clone, Copy)]
enum Kept {
    Local(u32, bool),
    Const(i64),
}

impl Emit<'_> {
    fn kept(&mut self, v: Value) -> Kept {
        match self.constant(v) {
            Some(c) => Kept::Const(c),
            None => {
                let (local, temp) = self.keep(v);
                Kept::Local(local, temp)
            }
        }
    }

    fn read_again(&mut self, k: Kept) {
        match k {
            Kept::Local(local, _) => self.code.get(local),
            Kept::Const(c) => self.code.i64(c),
        }
    }

    fn done(&mut self, list: &[Kept]) {
        for k in list {
            if let Kept::Local(local, true) = *k {
                self.free(local);
            }
        }
    }

    /// Pushes the result of an exact instruction.
    pub fn exact(&mut self, inst: Inst) {
        let checks = checks(self.func, inst);
        let op = self.data(inst).op;
        match op {
            _ if !checks.any() => self.exact_plain(inst),
            Op::IntDiv | Op::IntMod => self.exact_division(inst, checks),
            _ => {
                let dst = self.temp(Ty::I64);
                self.exact_checked(inst, checks, dst);
                self.code.get(dst);
                self.free(dst);
            }
        }
    }

    /// Computes an exact instruction into a local; `false` when there is no advantage in that.
    pub fn exact_into(&mut self, inst: Inst, dst: u32) -> bool {
        let op = self.data(inst).op;
        if !matches!(op, Op::IntAdd | Op::IntSub | Op::IntMul | Op::IntNeg) {
            return false;
        }
        let checks = checks(self.func, inst);
        if checks.any() {
            self.exact_checked(inst, checks, dst);
        }
        checks.any()
    }

    /// Nothing can go wrong.
    fn exact_plain(&mut self, inst: Inst) {
        let args = self.func.operands(inst);
        let row = match self.data(inst).op {
            Op::IntAdd => Row::I64Add,
            Op::IntSub => Row::I64Sub,
            Op::IntNeg => {
                self.code.i64(0);
                self.word(args[0]);
                return self.code.op(Row::I64Sub);
            }
            Op::IntMul => {
                let (a, b) =
                    if small(self.func, args[0]).is_some() { (args[1], args[0]) } else { (args[0], args[1]) };
                self.word(a);
                match small(self.func, b) {
                    Some(c) => self.code.i64(c >> 1),
                    None => {
                        self.word(b);
                        self.code.i64(1);
                        self.code.op(Row::I64ShrS);
                    }
                }
                return self.code.op(Row::I64Mul);
            }
            Op::IntMod => Row::I64RemS,
            _ => {
                self.signed_quotient(args[0], args[1]);
                self.code.i64(1);
                return self.code.op(Row::I64Shl);
            }
        };
        self.word(args[0]);
        self.word(args[1]);
        self.code.op(row);
    }

    /// Sums, products and negation: the fast path into `dst`, then the slow one if it must be.
    fn exact_checked(&mut self, inst: Inst, checks: Checks, dst: u32) {
        let args = self.func.operands(inst);
        let x = self.kept(args[0]);
        let y = args.get(1).map_or(Kept::Const(0), |&b| self.kept(b));
        match self.data(inst).op {
            Op::IntAdd | Op::IntSub => self.exact_sum(inst, checks, x, y, dst),
            Op::IntMul => self.exact_product(inst, checks, x, y, dst),
            _ => {
                self.code.i64(0);
                self.read_again(x);
                self.code.op(Row::I64Sub);
                self.code.set(dst);
                // Only the minimum and its negation are both negative (0 - a is a).
                let overflow = |e: &mut Self| {
                    e.read_again(x);
                    e.code.get(dst);
                    e.code.op(Row::I64And);
                };
                self.sign_test(checks, x, y, overflow);
                self.slow_arm(inst, &[x], dst);
            }
        }
        self.done(&[x, y]);
    }

    /// Pushes whether an operand that is to be checked has its bit 0 set, or the word that `sign`
    /// pushes is negative (when the result is to be checked).
    fn sign_test(&mut self, checks: Checks, x: Kept, y: Kept, sign: impl Fn(&mut Self)) {
        if !checks.result {
            return self.tags(checks, x, y);
        }
        if checks.a || checks.b {
            self.tag_word(checks, x, y);
            self.code.i64(63);
            self.code.op(Row::I64Shl);
            sign(self);
            self.code.op(Row::I64Or);
        } else {
            sign(self);
        }
        self.code.i64(0);
        self.code.op(Row::I64LtS);
    }

    /// Pushes the `or` of the operands to be checked.
    fn tag_word(&mut self, checks: Checks, x: Kept, y: Kept) {
        match (checks.a, checks.b) {
            (true, true) => {
                self.read_again(x);
                self.read_again(y);
                self.code.op(Row::I64Or);
            }
            (true, false) => self.read_again(x),
            _ => self.read_again(y),
        }
    }

    /// Pushes whether an operand to be checked is no small int.
    fn tags(&mut self, checks: Checks, x: Kept, y: Kept) {
        self.tag_word(checks, x, y);
        self.code.op(Row::I32WrapI64);
        self.code.i32(1);
        self.code.op(Row::I32And);
    }

    /// `if` what is on the stack, `dst` is what the slow path gives.
    fn slow_arm(&mut self, inst: Inst, args: &[Kept], dst: u32) {
        self.open(Row::If, None);
        self.slow_call(inst, args);
        self.code.set(dst);
        self.close();
    }

    fn slow_call(&mut self, inst: Inst, args: &[Kept]) {
        for &a in args {
            self.read_again(a);
        }
        let d = self.data(inst);
        let sym = self.runtime(d.op.slow_path(d.imm).expect("exact ops have a slow path"));
        self.call_in_frame(inst, |e| e.code.call(sym, args.len(), 1));
    }

    fn exact_sum(&mut self, inst: Inst, checks: Checks, x: Kept, y: Kept, dst: u32) {
        let sub = self.data(inst).op == Op::IntSub;
        self.read_again(x);
        self.read_again(y);
        self.code.op(if sub { Row::I64Sub } else { Row::I64Add });
        self.code.set(dst);
        match sum_with_constant(sub, x, y) {
            Some((c, v)) if checks.result => {
                self.wrong_side(c, v, dst);
                if checks.a || checks.b {
                    self.tags(checks, x, y);
                    self.code.op(Row::I32Or);
                }
            }
            _ => self.sign_test(checks, x, y, |e| e.wrong_sign(sub, x, y, dst)),
        }
        self.slow_arm(inst, &[x, y], dst);
    }

    /// Pushes whether the sum of a word and a constant is on the wrong side of the word.
    fn wrong_side(&mut self, c: i64, v: Kept, sum: u32) {
        self.code.get(sum);
        self.read_again(v);
        self.code.op(if c < 0 { Row::I64GtS } else { Row::I64LtS });
    }

    /// Pushes a word that is negative when a sum or difference does not fit.
    fn wrong_sign(&mut self, sub: bool, x: Kept, y: Kept, result: u32) {
        self.read_again(x);
        if sub {
            self.read_again(y);
        } else {
            self.code.get(result);
        }
        self.code.op(Row::I64Xor);
        self.read_again(if sub { x } else { y });
        self.code.get(result);
        self.code.op(Row::I64Xor);
        self.code.op(Row::I64And);
    }

    /// Pushes whether a sum, difference or product of words does not fit.
    pub fn overflow(&mut self, op: Op, a: Value, b: Value) {
        let (x, y) = (self.kept(a), self.kept(b));
        match (op, x, y) {
            (Op::MulOver, Kept::Local(p, _), Kept::Local(q, _)) => {
                self.sign_bits(x);
                self.sign_bits(y);
                self.code.op(Row::I64Add);
                self.code.i64(66);
                self.code.op(Row::I64LtU);
                self.open(Row::If, Some(Ty::I32));
                self.high_half(p, q, Row::I64ShrS);
                self.read_again(x);
                self.read_again(y);
                self.code.op(Row::I64Mul);
                self.code.i64(63);
                self.code.op(Row::I64ShrS);
                self.code.op(Row::I64Ne);
                self.code.op(Row::Else);
                self.code.i32(0);
                self.close();
            }
            (Op::MulOver, v, Kept::Const(c)) | (Op::MulOver, Kept::Const(c), v) => {
                let checks = Checks { a: false, b: false, result: true };
                if !self.factor_check(checks, x, y, v, c) {
                    self.code.i32(0);
                }
            }
            _ => {
                let (sub, result) = (op == Op::SubOver, self.temp(Ty::I64));
                self.read_again(x);
                self.read_again(y);
                self.code.op(if sub { Row::I64Sub } else { Row::I64Add });
                self.code.set(result);
                if let Some((c, v)) = sum_with_constant(sub, x, y) {
                    self.wrong_side(c, v, result);
                } else {
                    self.wrong_sign(sub, x, y, result);
                    self.code.i64(0);
                    self.code.op(Row::I64LtS);
                }
                self.free(result);
            }
        }
        self.done(&[x, y]);
    }

    fn exact_product(&mut self, inst: Inst, checks: Checks, x: Kept, y: Kept, dst: u32) {
        if let (Kept::Const(c), v) | (v, Kept::Const(c)) = (x, y)
            && c & 1 == 0
        {
            self.read_again(v);
            self.code.i64(c >> 1);
            self.code.op(Row::I64Mul);
            self.code.set(dst);
            if self.factor_check(checks, x, y, v, c >> 1) {
                self.slow_arm(inst, &[x, y], dst);
            }
            return;
        }
        let half = self.temp(Ty::I64);
        self.read_again(x);
        self.read_again(y);
        self.code.i64(1);
        self.code.op(Row::I64ShrS);
        self.code.tee(half);
        self.code.op(Row::I64Mul);
        self.code.set(dst);
        let tagged = checks.a || checks.b;
        if !checks.result {
            self.tags(checks, x, y);
            self.free(half);
            return self.slow_arm(inst, &[x, y], dst);
        }
        self.sign_bits(x);
        self.sign_bits(Kept::Local(half, false));
        self.code.op(Row::I64Add);
        self.code.i64(66);
        self.code.op(Row::I64LtU);
        if tagged {
            self.tags(checks, x, y);
            self.code.op(Row::I32Or);
        }
        self.open(Row::If, None);
        self.open(Row::Block, None);
        if tagged {
            self.tags(checks, x, y);
            self.code.op(Row::I32Eqz);
            self.open(Row::If, None);
        }
        // x is even and not 0 here, so the division cannot trap.
        self.code.get(dst);
        self.read_again(x);
        self.code.op(Row::I64DivS);
        self.code.get(half);
        self.code.op(Row::I64Eq);
        self.code.index(Row::BrIf, u32::from(tagged));
        if tagged {
            self.close();
        }
        self.slow_call(inst, &[x, y]);
        self.code.set(dst);
        self.close();
        self.close();
        self.free(half);
    }

    /// Pushes the number of redundant sign bits of a word, plus one.
    fn sign_bits(&mut self, x: Kept) {
        self.read_again(x);
        self.read_again(x);
        self.code.i64(63);
        self.code.op(Row::I64ShrS);
        self.code.op(Row::I64Xor);
        self.code.op(Row::I64Clz);
    }

    /// Pushes whether the product of `v` by a constant needs the slow path: `v` is outside of the
    /// range for which it fits. `false` when it never does.
    fn factor_check(&mut self, checks: Checks, x: Kept, y: Kept, v: Kept, factor: i64) -> bool {
        let tagged = checks.a || checks.b;
        let f = i128::from(factor);
        let (min, max) = (i128::from(i64::MIN), i128::from(i64::MAX));
        let range = match factor {
            _ if !checks.result => None,
            -1 => Some((min + 1, max)),
            0 | 1 => None,
            // Division truncates, towards zero and so into the range.
            2.. => Some((min / f, max / f)),
            _ => Some((max / f, min / f)),
        };
        if let Some((low, high)) = range {
            self.read_again(v);
            self.code.i64(low as i64);
            self.code.op(Row::I64Sub);
            self.code.i64((high - low) as i64);
            self.code.op(Row::I64GtU);
            if tagged {
                self.tags(checks, x, y);
                self.code.op(Row::I32Or);
            }
        } else if tagged {
            self.tags(checks, x, y);
        }
        tagged || range.is_some()
    }

    /// Pushes a quotient or remainder that needs checks.
    fn exact_division(&mut self, inst: Inst, checks: Checks) {
        let args = self.func.operands(inst);
        let (x, y) = (self.kept(args[0]), self.kept(args[1]));
        let rem = self.data(inst).op == Op::IntMod;
        let tagged = checks.a || checks.b;
        if tagged {
            self.tags(checks, x, y);
        }
        if checks.result {
            self.read_again(y);
            self.code.op(Row::I64Eqz);
            if tagged {
                self.code.op(Row::I32Or);
            }
            if !rem && self.data(inst).imm & NO_OVERFLOW == 0 {
                // The minimum by -1.
                self.read_again(x);
                self.code.i64(i64::MIN);
                self.code.op(Row::I64Eq);
                self.read_again(y);
                self.code.i64(-2);
                self.code.op(Row::I64Eq);
                self.code.op(Row::I32And);
                self.code.op(Row::I32Or);
            }
        }
        self.open(Row::If, Some(Ty::I64));
        self.slow_call(inst, &[x, y]);
        self.code.op(Row::Else);
        let power = match y {
            Kept::Const(c) if c > 1 && c & (c - 1) == 0 => Some(c),
            _ => None,
        };
        match (power, x) {
            (Some(c), Kept::Local(local, _)) => {
                if rem {
                    self.code.get(local);
                }
                self.biased(local, c.trailing_zeros());
                self.code.i64(-c);
                self.code.op(Row::I64And);
                if rem {
                    self.code.op(Row::I64Sub);
                } else {
                    self.code.i64(i64::from(c.trailing_zeros()) - 1);
                    self.code.op(Row::I64ShrS);
                }
            }
            _ => {
                self.read_again(x);
                self.read_again(y);
                self.code.op(if rem { Row::I64RemS } else { Row::I64DivS });
                if !rem {
                    self.code.i64(1);
                    self.code.op(Row::I64Shl);
                }
            }
        }
        self.close();
        self.done(&[x, y]);
    }

    /// Pushes `x`, plus `2^k - 1` when it is negative: shifted right by k it is the quotient.
    fn biased(&mut self, x: u32, k: u32) {
        self.code.get(x);
        self.code.get(x);
        if k > 1 {
            self.code.i64(63);
            self.code.op(Row::I64ShrS);
        }
        self.code.i64(64 - i64::from(k));
        self.code.op(Row::I64ShrU);
        self.code.op(Row::I64Add);
    }

    /// Pushes whether a comparison of exact integers holds, or (negated) does not.
    pub fn exact_comparison(&mut self, inst: Inst, negate: bool) {
        let checks = checks(self.func, inst);
        let args = self.func.operands(inst);
        let cond = Cond::from_imm(self.data(inst).imm);
        let fast = if negate { cond.invert() } else { cond };
        if !checks.any() {
            return self.compare(fast, args[0], args[1]);
        }
        let (x, y) = (self.kept(args[0]), self.kept(args[1]));
        self.tags(checks, x, y);
        self.open(Row::If, Some(Ty::I32));
        self.slow_call(inst, &[x, y]);
        // The runtime gives -1, 0, 1, or 2 when nothing holds; for `eq` and `ne`, 0 or 1.
        let (limit, row) = match cond {
            Cond::Sgt => (1, Row::I64Eq),
            Cond::Sge => (2, Row::I64LtU),
            _ => (0, comparison_row(cond)),
        };
        self.code.i64(limit);
        self.code.op(row);
        if negate {
            self.code.op(Row::I32Eqz);
        }
        self.code.op(Row::Else);
        self.read_again(x);
        self.read_again(y);
        self.code.op(comparison_row(fast));
        self.close();
        self.done(&[x, y]);
    }
}
