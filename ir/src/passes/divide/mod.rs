//! Divisions and remainders by constants: products, shifts and sums instead.
//!
//! A quotient by a power of two is a shift, of what is not negative or was made larger first; another
//! one is the high half of a product ([`magic`]); a remainder is what the multiple of the divisor
//! leaves. When all that is asked of a remainder by a power of two is whether it is 0, the low bits say
//! that. Exact divisions of what is known to be small are divisions of tagged words, as the remainder
//! of those is tagged already.
//!
//! What is left is a division by what is no constant, by 0 (which is an error), or of an int that may
//! be big: that one is a single instruction up to the end, and its fast path divides as this pass does.
//!
//! ```
//! mochi_ir::filetest::becomes("divide", "
//! func @f -> i64 {
//! b0(v0:i64):
//!   v1:i64 = iconst 8
//!   v2:i64 = sdiv v0, v1
//!   ret v2
//! }", "
//! func @f -> i64 {
//! b0(v0:i64):
//!   v1:i64 = iconst 8
//!   v3:i64 = iconst 63
//!   v4:i64 = sshr v0, v3
//!   v5:i64 = iconst 61
//!   v6:i64 = ushr v4, v5
//!   v7:i64 = add v0, v6
//!   v8:i64 = iconst 3
//!   v2:i64 = sshr v7, v8
//!   ret v2
//! }");
//! ```

pub mod magic;

use crate::eval::eval;
use crate::func::{Function, Inst, Type, Value};
use crate::ops::{Cond, KNOWN_A, Op};
use crate::positions::SrcLoc;

/// Runs the pass. Without `products` only powers of two are looked at: for machines that have no
/// instruction for the high half of a product.
pub fn run(func: &mut Function, products: bool) {
    if !func.placed().any(|i| divisor(func, i).is_some()) {
        return;
    }
    let tested = only_tested(func);
    let mut d = Divide { products, tested, out: Vec::new(), loc: SrcLoc::NONE, func };
    for at in 0..d.func.layout.len() {
        let block = d.func.layout[at].index();
        if !d.func.blocks[block].insts.iter().any(|&i| divisor(d.func, i).is_some()) {
            continue;
        }
        let insts = std::mem::take(&mut d.func.blocks[block].insts);
        d.out = Vec::with_capacity(insts.len() + 8);
        for inst in insts {
            if let Some(c) = divisor(d.func, inst) {
                d.divide(inst, c);
            }
            d.out.push(inst);
        }
        d.func.blocks[block].insts = std::mem::take(&mut d.out);
    }
}

/// The constant other than 0 that an instruction divides words by.
fn divisor(func: &Function, inst: Inst) -> Option<i64> {
    let d = &func.insts[inst.index()];
    let exact = matches!(d.op, Op::IntDiv | Op::IntMod);
    if !exact && !matches!(d.op, Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem) {
        return None;
    }
    let &[a, b] = func.operands(inst) else { return None };
    let c = func.as_iconst(b).filter(|&c| c != 0)?;
    let even = |v: Value| func.as_iconst(v).is_some_and(|c| c & 1 == 0);
    // The quotient by -1 may not fit.
    let small = !exact || (d.imm & KNOWN_A != 0 || even(a)) && c & 1 == 0 && (c != -2 || d.op == Op::IntMod);
    small.then_some(c)
}

/// For each value, whether all that is asked of it is if it is 0.
fn only_tested(func: &Function) -> Vec<bool> {
    let mut tested = vec![true; func.values.len()];
    let zero = |inst: Inst| func.as_iconst(func.operands(inst)[1]) == Some(0);
    for inst in func.placed() {
        let d = &func.insts[inst.index()];
        let test = match d.op {
            Op::Brif | Op::Select | Op::Fselect => true,
            Op::Icmp | Op::IntCmp => matches!(Cond::from_imm(d.imm), Cond::Eq | Cond::Ne) && zero(inst),
            _ => false,
        };
        func.operands(inst)[usize::from(test)..].iter().for_each(|v| tested[v.index()] = false);
        for e in func.edges_of(inst) {
            func.list(e.args).iter().for_each(|v| tested[v.index()] = false);
        }
    }
    tested
}

struct Divide<'a> {
    func: &'a mut Function,
    products: bool,
    /// Of the values that were there before the pass.
    tested: Vec<bool>,
    /// Instructions of the current block so far.
    out: Vec<Inst>,
    /// The position of the division.
    loc: SrcLoc,
}

impl Divide<'_> {
    /// Makes a division by `c` the last step of what stands for it, if it is to be replaced.
    fn divide(&mut self, inst: Inst, c: i64) {
        let data = self.func.insts[inst.index()];
        self.loc = data.loc;
        let n = self.func.operands(inst)[0];
        let known = self.func.as_iconst(n);
        if let Some(word) = known.and_then(|n| eval(data.op, data.imm, &[n as u64, c as u64])) {
            return self.set_word(inst, word as i64);
        }
        match data.op {
            Op::Udiv | Op::Urem => self.unsigned(inst, n, c as u64, data.op == Op::Urem),
            // The divisor's sign makes no difference for the remainder; the minimum has no opposite.
            Op::Srem | Op::IntMod => self.remainder(inst, n, c.checked_abs().unwrap_or(c)),
            Op::IntDiv if self.covers(c) => {
                let quotient = self.quotient(n, c);
                let one = self.word(1);
                self.set(inst, Op::Shl, &[quotient, one]);
            }
            Op::Sdiv if self.covers(c) => self.signed(inst, n, c),
            _ => {}
        }
    }

    /// Whether the pass has something better than the division.
    fn covers(&self, c: i64) -> bool {
        self.products || c == -1 || c > 0 && c.count_ones() == 1
    }

    fn unsigned(&mut self, inst: Inst, n: Value, c: u64, rem: bool) {
        if c.is_power_of_two() {
            let (op, by) =
                if rem { (Op::And, (c - 1) as i64) } else { (Op::Ushr, i64::from(c.trailing_zeros())) };
            let by = self.word(by);
            return self.set(inst, op, &[n, by]);
        }
        if !self.products {
            return;
        }
        let m = magic::unsigned(c);
        let high = self.with_word(Op::Umulh, n, m.m as i64);
        let (sum, shift) = if m.add {
            let rest = self.emit(Op::Sub, &[n, high]);
            let half = self.with_word(Op::Ushr, rest, 1);
            (self.emit(Op::Add, &[half, high]), m.shift - 1)
        } else {
            (high, m.shift)
        };
        let shift = self.word(shift.into());
        if rem {
            let quotient = self.emit(Op::Ushr, &[sum, shift]);
            self.rest(inst, n, quotient, c as i64);
        } else {
            self.set(inst, Op::Ushr, &[sum, shift]);
        }
    }

    /// The signed quotient as the result of the instruction.
    fn signed(&mut self, inst: Inst, n: Value, c: i64) {
        match c {
            1 => self.set(inst, Op::Copy, &[n]),
            -1 => self.set(inst, Op::Neg, &[n]),
            _ => {
                let (op, a, b) = self.last_of_quotient(n, c);
                self.set(inst, op, &[a, b]);
            }
        }
    }

    fn quotient(&mut self, n: Value, c: i64) -> Value {
        let (op, a, b) = self.last_of_quotient(n, c);
        self.emit(op, &[a, b])
    }

    /// The last step of a signed quotient by a constant of at least 2 in magnitude.
    fn last_of_quotient(&mut self, n: Value, c: i64) -> (Op, Value, Value) {
        if c > 0 && c.count_ones() == 1 {
            let sum = self.biased(n, c.trailing_zeros());
            return (Op::Sshr, sum, self.word(c.trailing_zeros().into()));
        }
        let m = magic::signed(c);
        let mut q = self.with_word(Op::Smulh, n, m.m);
        if c > 0 && m.m < 0 {
            q = self.emit(Op::Add, &[q, n]);
        } else if c < 0 && m.m > 0 {
            q = self.emit(Op::Sub, &[q, n]);
        }
        if m.shift > 0 {
            q = self.with_word(Op::Sshr, q, m.shift.into());
        }
        // The quotient has the sign of the dividend when the divisor is positive.
        let sign = self.with_word(Op::Ushr, if c > 0 { n } else { q }, 63);
        (Op::Add, q, sign)
    }

    /// The sum of `n` and `2^k - 1` if it is negative: cutting off its k low bits rounds towards zero.
    fn biased(&mut self, n: Value, k: u32) -> Value {
        let sign = if k == 1 { n } else { self.with_word(Op::Sshr, n, 63) };
        let bias = self.with_word(Op::Ushr, sign, 64 - i64::from(k));
        self.emit(Op::Add, &[n, bias])
    }

    /// The signed remainder by a positive constant or the minimum.
    fn remainder(&mut self, inst: Inst, n: Value, c: i64) {
        if c == 1 {
            return self.set_word(inst, 0);
        }
        let result = self.func.insts[inst.index()].result.expect("a division has a result");
        if c.count_ones() == 1 && self.tested[result.index()] {
            let mask = self.word(c.wrapping_sub(1));
            self.set(inst, Op::And, &[n, mask]);
        } else if c > 0 && c.count_ones() == 1 {
            let sum = self.biased(n, c.trailing_zeros());
            let multiple = self.with_word(Op::And, sum, -c);
            self.set(inst, Op::Sub, &[n, multiple]);
        } else if self.products {
            let quotient = self.quotient(n, c);
            self.rest(inst, n, quotient, c);
        }
    }

    /// Makes an instruction what the quotient by `c` leaves of `n`.
    fn rest(&mut self, inst: Inst, n: Value, quotient: Value, c: i64) {
        let multiple = self.with_word(Op::Mul, quotient, c);
        self.set(inst, Op::Sub, &[n, multiple]);
    }

    fn word(&mut self, imm: i64) -> Value {
        self.make(Op::Iconst, &[], imm)
    }

    fn with_word(&mut self, op: Op, a: Value, imm: i64) -> Value {
        let b = self.word(imm);
        self.emit(op, &[a, b])
    }

    /// A new instruction before the division. Its result is a number, as it is used as one only.
    fn emit(&mut self, op: Op, args: &[Value]) -> Value {
        self.make(op, args, 0)
    }

    fn make(&mut self, op: Op, args: &[Value], imm: i64) -> Value {
        let inst = self.func.make_inst(op, args, imm, None, Some(Type::I64), self.loc);
        self.out.push(inst);
        self.func.insts[inst.index()].result.expect("made with a result")
    }

    fn set(&mut self, inst: Inst, op: Op, args: &[Value]) {
        let args = self.func.args(args);
        let data = &mut self.func.insts[inst.index()];
        let was = std::mem::replace(&mut data.op, op);
        (data.args, data.imm) = (args, 0);
        self.func.became(inst, was);
    }

    fn set_word(&mut self, inst: Inst, imm: i64) {
        self.set(inst, Op::Iconst, &[]);
        self.func.insts[inst.index()].imm = imm;
    }
}
