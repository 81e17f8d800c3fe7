//! Constant folding and algebraic simplification: one forward walk in reverse postorder.
//!
//! Each instruction is rewritten until no rule applies: to a constant, to an earlier value, or to a
//! simpler op over earlier values. Canonical forms that later passes rely on: constants are the
//! second operand, `sub x c` is `add x -c`, addresses carry constant offsets in the immediate,
//! `int.*` ops whose facts are complete are raw ops on tagged words.
//!
//! Floats fold only where the result is not NaN (its sign and payload depend on the machine), and
//! no rule changes rounding.
//!
//! ```
//! mochi_ir::filetest::becomes("fold", "
//! func @f -> i64 {
//! b0(v0:i64):
//!   v1:i64 = iconst 3
//!   v2:i64 = add v1, v0
//!   v3:i64 = iconst 5
//!   v4:i64 = add v2, v3
//!   v5:i64 = iconst 8
//!   v6:i64 = mul v4, v5
//!   ret v6
//! }", "
//! func @f -> i64 {
//! b0(v0:i64):
//!   v1:i64 = iconst 3
//!   v2:i64 = add v0, v1
//!   v3:i64 = iconst 5
//!   v7:i64 = iconst 8
//!   v4:i64 = add v0, v7
//!   v5:i64 = iconst 8
//!   v8:i64 = iconst 3
//!   v6:i64 = shl v4, v8
//!   ret v6
//! }");
//! ```

mod compare;
mod ints;
mod memory;
mod words;

use super::Context;
use crate::cfg::Rpo;
use crate::eval::eval;
use crate::func::{ArgList, Function, Inst, InstData, Type, Value, ValueDef};
use crate::module::Sym;
use crate::ops::{Cond, Imm, Op};
use crate::positions::SrcLoc;
use crate::regions::Region;

/// Runs the pass.
pub fn run(func: &mut Function, cx: &Context) {
    let order = Rpo::new(func).rpo;
    let mut fold = Fold { func, cx, out: Vec::new() };
    for block in order {
        let insts = std::mem::take(&mut fold.func.blocks[block.index()].insts);
        fold.out.clear();
        fold.out.reserve(insts.len());
        for &inst in &insts {
            fold.instruction(inst);
        }
        // The old vector is reused when nothing but removal and rewriting happened.
        let mut insts = insts;
        insts.clear();
        insts.extend_from_slice(&fold.out);
        fold.func.blocks[block.index()].insts = insts;
    }
    func.resolve_aliases();
    func.remove_unreachable_blocks();
}

/// What a rule made of an instruction.
enum Action {
    /// No rule applies.
    Keep,
    /// The instruction was changed; rules may apply again.
    Again,
    /// The result is this value.
    Is(Value),
    /// The result is this constant.
    Const(u64),
}

struct Fold<'a, 'c> {
    func: &'a mut Function,
    cx: &'a Context<'c>,
    /// Instructions of the current block so far.
    out: Vec<Inst>,
}

/// A limit for rewriting one instruction; every rule makes progress, so this is never reached.
const MAX_STEPS: usize = 64;

impl Fold<'_, '_> {
    fn instruction(&mut self, inst: Inst) {
        self.resolve(self.func.insts[inst.index()].args);
        for _ in 0..MAX_STEPS {
            match self.simplify(inst) {
                Action::Again => {}
                Action::Keep => break,
                Action::Const(word) => {
                    self.make_constant(inst, word);
                    break;
                }
                Action::Is(value) => {
                    let result = self.func.insts[inst.index()].result.expect("op has a result");
                    self.func.replace(result, value);
                    return;
                }
            }
        }
        if self.func.insts[inst.index()].op.is_terminator() {
            let r = self.func.insts[inst.index()].edges;
            for e in r.start..r.start + r.len {
                self.resolve(self.func.edges[e as usize].args);
            }
        }
        self.out.push(inst);
    }

    fn resolve(&mut self, list: ArgList) {
        for i in list.start..list.start + list.len {
            self.func.pool[i as usize] = self.func.resolve(self.func.pool[i as usize]);
        }
    }

    fn make_constant(&mut self, inst: Inst, word: u64) {
        let data = &mut self.func.insts[inst.index()];
        let result = data.result.expect("op has a result");
        let float = self.func.values[result.index()].ty == Type::F64;
        data.op = if float { Op::Fconst } else { Op::Iconst };
        data.imm = word as i64;
        data.args = ArgList::default();
        data.sym = None;
        data.region = Region::ANY;
    }

    // Looking.

    fn data(&self, inst: Inst) -> InstData {
        self.func.insts[inst.index()]
    }

    /// The k-th operand.
    fn arg(&self, inst: Inst, k: usize) -> Value {
        self.func.operands(inst)[k]
    }

    /// The instruction that makes a value, seen through copies.
    fn def(&self, v: Value) -> Option<(Inst, &InstData)> {
        let mut v = self.func.resolve(v);
        loop {
            let ValueDef::Inst(inst) = self.func.values[v.index()].def else { return None };
            let data = &self.func.insts[inst.index()];
            if data.op != Op::Copy {
                return Some((inst, data));
            }
            v = self.func.resolve(self.arg(inst, 0));
        }
    }

    /// The operands of a value's definition when that is this op.
    fn is_op(&self, v: Value, op: Op) -> Option<&[Value]> {
        let (inst, data) = self.def(v)?;
        (data.op == op).then(|| self.func.operands(inst))
    }

    /// The other operand and the constant, when a value is this op with a constant second operand.
    fn is_op_const(&self, v: Value, op: Op) -> Option<(Value, i64)> {
        let args = self.is_op(v, op)?;
        Some((args[0], self.constant(args[1])?))
    }

    /// The constant a word value is.
    fn constant(&self, v: Value) -> Option<i64> {
        let (_, data) = self.def(v)?;
        (data.op == Op::Iconst).then_some(data.imm)
    }

    /// The float constant a value is.
    fn float(&self, v: Value) -> Option<f64> {
        let (_, data) = self.def(v)?;
        (data.op == Op::Fconst).then(|| f64::from_bits(data.imm as u64))
    }

    /// Number of low bits that can be other than zero, as far as a look at the definition tells.
    fn width(&self, v: Value) -> u32 {
        let Some((inst, data)) = self.def(v) else { return 64 };
        let constant = |k: usize| self.constant(self.arg(inst, k));
        match data.op {
            Op::Iconst => 64 - data.imm.leading_zeros(),
            Op::Carry => 1,
            op if op.is_question() => 1,
            Op::Load8u | Op::Zext8 => 8,
            Op::Load16u | Op::Zext16 => 16,
            Op::Load32u | Op::Zext32 => 32,
            Op::Clz | Op::Ctz | Op::Popcnt => 7,
            Op::And => constant(1).map_or(64, |c| 64 - c.leading_zeros()),
            Op::Ushr => constant(1).map_or(64, |c| 64 - (c as u32 & 63)),
            Op::Shl => match constant(1) {
                Some(c) if (0..64).contains(&c) => (self.narrow(self.arg(inst, 0)) + c as u32).min(64),
                _ => 64,
            },
            _ => 64,
        }
    }

    /// As [`Fold::width`], one step only.
    fn narrow(&self, v: Value) -> u32 {
        match self.def(v) {
            Some((_, d)) => match d.op {
                Op::Iconst => 64 - d.imm.leading_zeros(),
                Op::Carry => 1,
                op if op.is_question() => 1,
                Op::Load8u | Op::Zext8 => 8,
                Op::Load16u | Op::Zext16 => 16,
                Op::Load32u | Op::Zext32 => 32,
                _ => 64,
            },
            None => 64,
        }
    }

    /// The value is 0 or 1.
    fn is_bool(&self, v: Value) -> bool {
        self.width(v) <= 1
    }

    /// The low bit is known to be 0.
    fn is_even(&self, v: Value) -> bool {
        let Some((inst, data)) = self.def(v) else { return false };
        let second = |k: i64| self.constant(self.arg(inst, 1)).is_some_and(|c| c & 63 >= k);
        match data.op {
            Op::Iconst => data.imm & 1 == 0,
            Op::Shl => second(1),
            Op::And => self.constant(self.arg(inst, 1)).is_some_and(|c| c & 1 == 0),
            _ => false,
        }
    }

    // Changing.

    /// Gives an instruction another op and operands.
    fn set(&mut self, inst: Inst, op: Op, args: &[Value], imm: i64) -> Action {
        let old = self.func.insts[inst.index()].args;
        let list = if args.len() as u32 <= old.len {
            let start = old.start as usize;
            self.func.pool[start..start + args.len()].copy_from_slice(args);
            ArgList { start: old.start, len: args.len() as u32 }
        } else {
            self.func.args(args)
        };
        let data = &mut self.func.insts[inst.index()];
        let was = std::mem::replace(&mut data.op, op);
        data.args = list;
        data.imm = imm;
        self.func.became(inst, was);
        Action::Again
    }

    fn set_symaddr(&mut self, inst: Inst, sym: Sym, offset: i64) -> Action {
        let data = &mut self.func.insts[inst.index()];
        data.op = Op::Symaddr;
        data.args = ArgList::default();
        data.imm = offset;
        data.sym = Some(sym);
        data.region = Region::ANY;
        Action::Keep
    }

    /// A constant before the current instruction.
    fn word(&mut self, imm: i64) -> Value {
        self.emit(Op::Iconst, &[], imm, Type::I64)
    }

    /// A new instruction before the current one.
    fn emit(&mut self, op: Op, args: &[Value], imm: i64, ty: Type) -> Value {
        let inst = self.func.make_inst(op, args, imm, None, Some(ty), SrcLoc::NONE);
        self.out.push(inst);
        self.func.insts[inst.index()].result.expect("made with a result")
    }

    // Rules.

    fn simplify(&mut self, inst: Inst) -> Action {
        if self.func.insts[inst.index()].op.is_constant() {
            return Action::Keep;
        }
        let data = self.data(inst);
        if let Some(word) = self.evaluate(inst, &data) {
            return Action::Const(word);
        }
        match data.op {
            Op::Icmp => self.icmp(inst, &data),
            Op::Fcmp => Action::Keep,
            Op::Select | Op::Fselect => self.select(inst),
            Op::Copy => self.copy(inst, &data),
            Op::Brif => self.brif(inst),
            Op::Switch => self.switch(inst),
            op if op.is_int() => self.int(inst, &data),
            op if op.info().imm == Imm::Offset => self.memory(inst, &data),
            Op::Fadd | Op::Fsub | Op::Fmul | Op::Fdiv | Op::Fneg | Op::Fabs => self.float_op(inst, &data),
            Op::FbitsTo => self.bits(inst, Op::FbitsFrom),
            Op::FbitsFrom => self.bits(inst, Op::FbitsTo),
            op if op.computes() => self.word_op(inst, &data),
            _ => Action::Keep,
        }
    }

    /// The result when all operands are constants.
    fn evaluate(&self, inst: Inst, data: &InstData) -> Option<u64> {
        if data.args.len == 0 || data.args.len > 3 {
            return None;
        }
        let mut words = [0u64; 3];
        for (k, &v) in self.func.operands(inst).iter().enumerate() {
            let (_, d) = self.def(v)?;
            if !matches!(d.op, Op::Iconst | Op::Fconst) {
                return None;
            }
            words[k] = d.imm as u64;
        }
        let word = eval(data.op, data.imm, &words[..data.args.len as usize])?;
        // NaN keeps its bits through these two only.
        let float = data.op.info().result == Some(crate::ops::Class::Float);
        let exact = matches!(data.op, Op::FbitsFrom | Op::Fneg | Op::Fabs | Op::Fselect);
        (exact || !float || !f64::from_bits(word).is_nan()).then_some(word)
    }

    fn select(&mut self, inst: Inst) -> Action {
        let [c, a, b] = self.func.operands(inst)[..] else { unreachable!("three operands") };
        if let Some(n) = self.constant(c) {
            return Action::Is(if n != 0 { a } else { b });
        }
        if a == b {
            return Action::Is(a);
        }
        let op = self.data(inst).op;
        if op == Op::Select && self.is_bool(c) {
            match (self.constant(a), self.constant(b)) {
                (Some(1), Some(0)) => return Action::Is(c),
                (Some(0), Some(1)) => {
                    let zero = self.word(0);
                    return self.set(inst, Op::Icmp, &[c, zero], Cond::Eq as i64);
                }
                _ => {}
            }
        }
        match self.condition(c) {
            Some((c, false)) => self.set(inst, op, &[c, a, b], 0),
            Some((c, true)) => self.set(inst, op, &[c, b, a], 0),
            None => Action::Keep,
        }
    }

    fn copy(&mut self, inst: Inst, data: &InstData) -> Action {
        let v = self.arg(inst, 0);
        let result = data.result.expect("copy has a result");
        // What is visible may stand for a number everywhere, not the other way round.
        if self.func.ty(v).is_visible() || self.func.ty(result) == Type::I64 {
            return Action::Is(v);
        }
        match self.is_op(v, Op::Copy) {
            Some(args) if self.func.ty(args[0]).is_visible() => Action::Is(args[0]),
            _ => Action::Keep,
        }
    }

    fn bits(&mut self, inst: Inst, inverse: Op) -> Action {
        let v = self.arg(inst, 0);
        match self.is_op(v, inverse) {
            Some(args) => Action::Is(args[0]),
            None => Action::Keep,
        }
    }

    fn float_op(&mut self, inst: Inst, data: &InstData) -> Action {
        let a = self.arg(inst, 0);
        if matches!(data.op, Op::Fneg | Op::Fabs) {
            return match self.is_op(a, Op::Fneg) {
                Some(args) if data.op == Op::Fneg => Action::Is(args[0]),
                Some(args) => {
                    let x = args[0];
                    self.set(inst, Op::Fabs, &[x], 0)
                }
                None => Action::Keep,
            };
        }
        let b = self.arg(inst, 1);
        let is = |v: Option<f64>, x: f64| v.is_some_and(|f| f.to_bits() == x.to_bits());
        let c = self.float(b);
        match data.op {
            // x + -0.0 and x - 0.0 are x, also for zeros.
            Op::Fadd if is(c, -0.0) => Action::Is(a),
            Op::Fsub if is(c, 0.0) => Action::Is(a),
            Op::Fmul | Op::Fdiv if is(c, 1.0) => Action::Is(a),
            // Dividing by a power of two is exact as a multiplication when the inverse is normal.
            Op::Fdiv => match c {
                Some(f) if f.to_bits() << 12 == 0 && (1.0 / f).is_normal() && f.is_normal() => {
                    let bits = (1.0 / f).to_bits() as i64;
                    let inverse = self.emit(Op::Fconst, &[], bits, Type::F64);
                    self.set(inst, Op::Fmul, &[a, inverse], 0)
                }
                _ => Action::Keep,
            },
            // The first NaN is the result, so only a number is exchanged.
            Op::Fadd | Op::Fmul if c.is_none() && self.float(a).is_some_and(|f| !f.is_nan()) => {
                self.set(inst, data.op, &[b, a], 0)
            }
            _ => Action::Keep,
        }
    }

    // Control.

    /// A condition that is only asked whether it is zero: the word to ask instead, and whether the
    /// answer is inverted.
    fn condition(&self, c: Value) -> Option<(Value, bool)> {
        let (inst, data) = self.def(c)?;
        match data.op {
            Op::Icmp if self.constant(self.arg(inst, 1)) == Some(0) => match Cond::from_imm(data.imm) {
                Cond::Ne => Some((self.arg(inst, 0), false)),
                Cond::Eq => Some((self.arg(inst, 0), true)),
                _ => None,
            },
            Op::Xor if self.constant(self.arg(inst, 1)) == Some(1) && self.is_bool(self.arg(inst, 0)) => {
                Some((self.arg(inst, 0), true))
            }
            Op::Neg => Some((self.arg(inst, 0), false)),
            _ => None,
        }
    }

    fn brif(&mut self, inst: Inst) -> Action {
        let c = self.arg(inst, 0);
        let edges = self.func.insts[inst.index()].edges;
        if let Some(n) = self.constant(c) {
            return self.make_jump(inst, usize::from(n == 0));
        }
        match self.condition(c) {
            Some((c, false)) => self.set(inst, Op::Brif, &[c], 0),
            Some((c, true)) => {
                self.func.edges.swap(edges.start as usize, edges.start as usize + 1);
                self.set(inst, Op::Brif, &[c], 0)
            }
            None => {
                self.noted_before(inst);
                Action::Keep
            }
        }
    }

    fn switch(&mut self, inst: Inst) -> Action {
        let Some(n) = self.constant(self.arg(inst, 0)) else { return Action::Keep };
        let edges = self.func.edges_of(inst);
        let k = edges[1..].iter().position(|e| e.case == n).map_or(0, |i| i + 1);
        self.make_jump(inst, k)
    }

    /// Turns a terminator into a jump along one of its edges.
    fn make_jump(&mut self, inst: Inst, edge: usize) -> Action {
        let data = &mut self.func.insts[inst.index()];
        data.op = Op::Jump;
        data.args = ArgList::default();
        data.edges = ArgList { start: data.edges.start + edge as u32, len: 1 };
        self.func.edges[data.edges.start as usize].case = 0;
        Action::Keep
    }
}
