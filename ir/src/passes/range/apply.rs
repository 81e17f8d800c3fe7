//! The rewriting walk of range analysis.

use super::Analysis;
use super::domain::Range;
use super::transfer::{int_op, power};
use crate::func::{ArgList, Block, Inst, Type, Value};
use crate::notes::{Count, Exact};
use crate::ops::{Cond, KNOWN_A, KNOWN_B, Op};
use crate::positions::SrcLoc;

impl Analysis<'_> {
    /// Rewrites a block with the ranges at each instruction.
    pub(super) fn apply(&mut self, block: Block) {
        let insts = std::mem::take(&mut self.func.blocks[block.index()].insts);
        self.out.clear();
        self.out.reserve(insts.len());
        for &inst in &insts {
            let list = self.func.insts[inst.index()].args;
            for i in list.start..list.start + list.len {
                self.func.pool[i as usize] = self.func.resolve(self.func.pool[i as usize]);
            }
            let list = self.func.insts[inst.index()].edges;
            for e in list.start..list.start + list.len {
                let args = self.func.edges[e as usize].args;
                for i in args.start..args.start + args.len {
                    self.func.pool[i as usize] = self.func.resolve(self.func.pool[i as usize]);
                }
            }
            self.evaluate(inst);
            let was = self.func.insts[inst.index()].op;
            if self.rewrite(inst) {
                self.out.push(inst);
            }
            self.note(inst, was);
        }
        let mut insts = insts;
        insts.clear();
        insts.extend_from_slice(&self.out);
        self.func.blocks[block.index()].insts = insts;
    }

    /// Counts what was exact or undecided.
    fn note(&mut self, inst: Inst, was: Op) {
        let now = self.func.insts[inst.index()].op;
        if was != now && was.is_int() {
            self.func.note(|n| n.counts.add_exact(Exact::Ranges, was));
        } else if was != now && was == Op::Brif {
            self.func.note(|n| n.counts.add(Count::Decided));
        }
    }

    fn arg(&self, inst: Inst, k: usize) -> Value {
        self.func.operands(inst)[k]
    }

    fn range(&self, inst: Inst, k: usize) -> Range {
        self.now[self.arg(inst, k).index()]
    }

    /// Changes an instruction; says whether it stays.
    fn rewrite(&mut self, inst: Inst) -> bool {
        let data = self.func.insts[inst.index()];
        let divides = || {
            let (lo, hi) = self.range(inst, 1).words();
            lo > 0 || hi < 0
        };
        if let Some(result) = data.result
            && self.func.ty(result).is_word()
            && (data.op.is_pure() || data.op.computes() && divides())
            && !matches!(data.op, Op::Iconst | Op::Symaddr)
            && let Some(c) = self.now[result.index()].single()
        {
            self.replace(inst, Op::Iconst, &[], c);
            return true;
        }
        match data.op {
            Op::IntCmp => self.int_cmp(inst),
            op if op.is_int() => return self.int(inst),
            Op::Rotr | Op::Sshr | Op::Ushr => return self.shift_right(inst),
            Op::Shl => return self.shift_left(inst),
            Op::And => {
                let (a, mask) = (self.range(inst, 0), self.range(inst, 1).single());
                let (lo, hi) = a.words();
                let high = if lo >= 0 { -1 << (64 - hi.leading_zeros()) } else { 0 };
                let possible: i64 = !high & (-1 << a.low_zeros());
                // The mask keeps everything that can be set.
                if mask.is_some_and(|mask| possible & !mask == 0) {
                    return self.same(inst, self.arg(inst, 0));
                }
            }
            Op::Zext8 | Op::Zext16 | Op::Zext32 | Op::Sext8 | Op::Sext16 | Op::Sext32 => {
                let bits = match data.op {
                    Op::Zext8 => (0, 0xff),
                    Op::Zext16 => (0, 0xffff),
                    Op::Zext32 => (0, 0xffff_ffff),
                    Op::Sext8 => (-0x80, 0x7f),
                    Op::Sext16 => (-0x8000, 0x7fff),
                    _ => (-0x8000_0000, 0x7fff_ffff),
                };
                let a = self.range(inst, 0).words();
                if a.0 >= bits.0 && a.1 <= bits.1 {
                    return self.same(inst, self.arg(inst, 0));
                }
            }
            Op::Srem | Op::Urem | Op::Sdiv | Op::Udiv => return self.division(inst),
            Op::Icmp => self.icmp(inst),
            Op::Brif => {
                let (lo, hi) = self.range(inst, 0).words();
                let edge = match (lo, hi) {
                    (0, 0) => 1,
                    _ if lo > 0 || hi < 0 => 0,
                    _ => return true,
                };
                let data = &mut self.func.insts[inst.index()];
                data.op = Op::Jump;
                data.args = ArgList::default();
                data.edges = ArgList { start: data.edges.start + edge, len: 1 };
            }
            _ => {}
        }
        true
    }

    /// The result is another value.
    fn same(&mut self, inst: Inst, v: Value) -> bool {
        let result = self.func.insts[inst.index()].result.expect("op has a result");
        self.func.replace(result, v);
        false
    }

    fn replace(&mut self, inst: Inst, op: Op, args: &[Value], imm: i64) {
        let args = self.func.args(args);
        self.edge_args.resize(self.func.pool.len(), Range::TOP);
        let data = &mut self.func.insts[inst.index()];
        let was = data.op;
        (data.op, data.args, data.imm) = (op, args, imm);
        self.func.became(inst, was);
    }

    fn emit(&mut self, op: Op, args: &[Value], imm: i64) -> Value {
        let inst = self.func.make_inst(op, args, imm, None, Some(Type::I64), SrcLoc::NONE);
        self.edge_args.resize(self.func.pool.len(), Range::TOP);
        self.now.push(Range::TOP);
        self.evaluate(inst);
        self.out.push(inst);
        self.func.insts[inst.index()].result.expect("made with a result")
    }

    fn int_cmp(&mut self, inst: Inst) {
        let data = self.func.insts[inst.index()];
        let result = data.result.expect("comparison has a result");
        if let Some(c) = self.now[result.index()].single() {
            return self.replace(inst, Op::Iconst, &[], c);
        }
        let (a, b) = (self.range(inst, 0).is_small(), self.range(inst, 1).is_small());
        let cond = Cond::from_imm(data.imm);
        if a && b || (a || b) && matches!(cond, Cond::Eq | Cond::Ne) {
            let data = &mut self.func.insts[inst.index()];
            (data.op, data.imm) = (Op::Icmp, cond as i64);
            return;
        }
        let facts = if a { KNOWN_A } else { 0 } | if b { KNOWN_B } else { 0 };
        self.func.insts[inst.index()].imm |= facts << 8;
    }

    /// An op on tagged ints.
    fn int(&mut self, inst: Inst) -> bool {
        let data = self.func.insts[inst.index()];
        let a = self.range(inst, 0);
        let unary = data.op == Op::IntNeg;
        let b = if unary { Range::constant(0) } else { self.range(inst, 1) };
        let result = data.result.expect("int op has a result");
        let mut facts = if a.is_small() { KNOWN_A } else { 0 };
        if !unary && b.is_small() {
            facts |= KNOWN_B;
        }
        let (r, fits) = int_op(data.op, a, b);
        self.now[result.index()] = r;
        if !(a.is_small() && b.is_small()) {
            self.func.insts[inst.index()].imm |= facts;
            return true;
        }
        let (x, y) = (self.arg(inst, 0), if unary { Value(0) } else { self.arg(inst, 1) });
        let divisor = b.lo > 0 || b.hi < 0;
        match data.op {
            Op::IntMod if divisor => {
                self.replace(inst, Op::Srem, &[x, y], 0);
                return self.division(inst);
            }
            // Only the minimum divided by -1 does not fit.
            Op::IntDiv if divisor && (b.lo > 0 || a.lo > i64::MIN) => {
                // Nothing is lost, so nothing is to be rounded.
                if let Some(k) = exact_shift(a, b) {
                    let k = self.emit(Op::Iconst, &[], i64::from(k) - 1);
                    self.replace(inst, Op::Sshr, &[x, k], 0);
                    return self.shift_right(inst);
                }
                let nonneg = a.lo >= 0 && b.lo >= 0;
                let op = if nonneg { Op::Udiv } else { Op::Sdiv };
                let quotient = self.emit(op, &[x, y], 0);
                let one = self.emit(Op::Iconst, &[], 1);
                self.replace(inst, Op::Shl, &[quotient, one], 0);
            }
            Op::IntAdd if fits => self.replace(inst, Op::Add, &[x, y], 0),
            Op::IntSub if fits => self.replace(inst, Op::Sub, &[x, y], 0),
            Op::IntNeg if fits => self.replace(inst, Op::Neg, &[x], 0),
            Op::IntMul if fits => {
                let one = self.emit(Op::Iconst, &[], 1);
                // A constant is untagged for free.
                let (x, y) = if a.single().is_some() { (y, x) } else { (x, y) };
                let plain = self.emit(Op::Sshr, &[y, one], 0);
                self.replace(inst, Op::Mul, &[x, plain], 0);
            }
            _ => self.func.insts[inst.index()].imm |= facts,
        }
        true
    }

    fn shift_right(&mut self, inst: Inst) -> bool {
        let data = self.func.insts[inst.index()];
        let Some(k) = self.range(inst, 1).single().filter(|k| (1..63).contains(k)) else { return true };
        let x = self.arg(inst, 0);
        let r = self.range(inst, 0);
        // Back from shl, when that lost nothing.
        if let Some((def, d)) = self.def(x)
            && d.op == Op::Shl
            && self.range(def, 1).single() == Some(k)
        {
            let y = self.func.resolve(self.arg(def, 0));
            let (lo, hi) = self.now[y.index()].words();
            let top = 1i64 << (63 - k);
            let kept = match data.op {
                Op::Sshr => lo >= -top && hi < top,
                _ => lo >= 0 && (hi as u64) < 1 << (64 - k),
            };
            if kept {
                return self.same(inst, y);
            }
        }
        let rotation = data.op == Op::Rotr && k <= i64::from(r.low_zeros());
        let plain = data.op == Op::Sshr && r.words().0 >= 0;
        if rotation || plain {
            self.func.insts[inst.index()].op = Op::Ushr;
        }
        true
    }

    /// Back from a shift to the right that lost nothing: one shift of the difference. So an untagged index
    /// times an element size is the tagged index times half of it.
    fn shift_left(&mut self, inst: Inst) -> bool {
        let by = |r: Range| r.single().filter(|k| (1..64).contains(k));
        let Some(k) = by(self.range(inst, 1)) else { return true };
        let Some((def, d)) = self.def(self.arg(inst, 0)) else { return true };
        if !matches!(d.op, Op::Ushr | Op::Sshr | Op::Rotr) {
            return true;
        }
        let (Some(back), zeros) = (by(self.range(def, 1)), self.range(def, 0).low_zeros()) else {
            return true;
        };
        if back > i64::from(zeros) {
            return true;
        }
        let x = self.func.resolve(self.arg(def, 0));
        if back == k {
            return self.same(inst, x);
        }
        let right = if d.op == Op::Sshr { Op::Sshr } else { Op::Ushr };
        let by = self.emit(Op::Iconst, &[], (k - back).abs());
        self.replace(inst, if k > back { Op::Shl } else { right }, &[x, by], 0);
        true
    }

    /// Divisions of what is not negative are unsigned; small dividends divide to themselves; what a power
    /// of two divides is shifted.
    fn division(&mut self, inst: Inst) -> bool {
        let data = self.func.insts[inst.index()];
        let (a, b) = (self.range(inst, 0).words(), self.range(inst, 1).words());
        if a.0 < 0 || b.0 <= 0 {
            let exact = exact_shift(self.range(inst, 0), self.range(inst, 1));
            if let (Op::Sdiv, Some(k)) = (data.op, exact) {
                let (x, k) = (self.arg(inst, 0), self.emit(Op::Iconst, &[], i64::from(k)));
                self.replace(inst, Op::Sshr, &[x, k], 0);
            }
            return true;
        }
        let rem = matches!(data.op, Op::Srem | Op::Urem);
        if rem && a.1 < b.0 {
            let x = self.arg(inst, 0);
            return self.same(inst, x);
        }
        self.func.insts[inst.index()].op = if rem { Op::Urem } else { Op::Udiv };
        true
    }

    /// Comparison of two tagged words, when tagging lost nothing.
    fn icmp(&mut self, inst: Inst) {
        let untagged = |v: Value| {
            let (def, d) = self.def(v)?;
            if d.op != Op::Shl || self.range(def, 1).single() != Some(1) {
                return None;
            }
            let x = self.func.resolve(self.arg(def, 0));
            let (lo, hi) = self.now[x.index()].words();
            (lo >= 0 && hi < 1 << 62).then_some(x)
        };
        let (a, b) = (self.arg(inst, 0), self.arg(inst, 1));
        if let (Some(x), Some(y)) = (untagged(a), untagged(b)) {
            let imm = self.func.insts[inst.index()].imm;
            self.replace(inst, Op::Icmp, &[x, y], imm);
        }
    }
}

/// The shift to the right that dividing by a power of two is where nothing is lost.
fn exact_shift(a: Range, b: Range) -> Option<u32> {
    b.single().and_then(power).filter(|&k| k <= a.low_zeros())
}
