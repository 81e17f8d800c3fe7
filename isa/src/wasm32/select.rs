//! Selection: pushes values in the form that their user asks for: words (i64), floats, the low 32 bits
//! of a word, or a condition (an i32 that is not 0 when the value is not).

use crate::wasm32::emit::Emit;
use crate::wasm32::insts::{Row, Ty};
use crate::wasm32::locals::type_of;
use mochi_ir::ops::{Cond, FCond};
use mochi_ir::{Inst, InstData, Op, Value, ValueDef};

impl<'a> Emit<'a> {
    /// Data of an instruction.
    pub fn data(&self, inst: Inst) -> &'a InstData {
        &self.func.insts[inst.index()]
    }

    /// The instruction that makes a value, if it is made where it is used: nested ones, constants.
    fn here(&self, v: Value) -> Option<(Inst, &'a InstData)> {
        match self.func.values[v.index()].def {
            ValueDef::Inst(i) if !self.trees.in_local(self.func, v) => Some((i, self.data(i))),
            _ => None,
        }
    }

    /// The constant a word is.
    pub fn constant(&self, v: Value) -> Option<i64> {
        self.func.as_iconst(v)
    }

    /// Pushes a word.
    pub fn word(&mut self, v: Value) {
        match self.here(v) {
            Some((inst, _)) => self.compute(inst),
            None => {
                self.code.get(self.locals.of(v));
                if type_of(self.func, self.trees, v) == Ty::I32 {
                    self.code.op(Row::I64ExtendI32U);
                }
            }
        }
    }

    /// Pushes a float.
    pub fn float(&mut self, v: Value) {
        match self.here(v) {
            Some((inst, _)) => self.compute(inst),
            None => self.code.get(self.locals.of(v)),
        }
    }

    /// Whether the low half of a value is had without making the whole word first.
    pub fn is_low(&self, v: Value) -> bool {
        use Op::*;
        let Some((inst, d)) = self.here(v) else { return type_of(self.func, self.trees, v) == Ty::I32 };
        match d.op {
            Iconst | Symaddr | Load8u | Load8s | Load16u | Load16s | Load32u | Load32s | Zext32 | Sext32
            | GetSp | GetFp => true,
            op if op.is_question() => true,
            Add | Sub | Mul | And | Or | Xor => self.func.operands(inst).iter().any(|&o| self.is_low(o)),
            _ => false,
        }
    }

    /// Pushes the low 32 bits of a word.
    pub fn low(&mut self, v: Value) {
        let Some((inst, d)) = self.here(v) else {
            self.code.get(self.locals.of(v));
            if type_of(self.func, self.trees, v) == Ty::I64 {
                self.code.op(Row::I32WrapI64);
            }
            return;
        };
        if !self.is_low(v) {
            self.compute(inst);
            return self.code.op(Row::I32WrapI64);
        }
        let args = self.func.operands(inst);
        let row = match d.op {
            Op::Iconst => return self.code.i32(d.imm as i32),
            Op::Symaddr => {
                return self.code.address(Row::I32Const, d.sym.expect("an address has a symbol"), d.imm);
            }
            op if op.is_question() => return self.comparison(inst, false),
            Op::GetSp | Op::GetFp => return self.code.index(Row::GlobalGet, 0),
            Op::Zext32 | Op::Sext32 => return self.low(args[0]),
            Op::Add => Row::I32Add,
            Op::Sub => Row::I32Sub,
            Op::Mul => Row::I32Mul,
            Op::And => Row::I32And,
            Op::Or => Row::I32Or,
            Op::Xor => Row::I32Xor,
            _ => return self.load_low(inst),
        };
        self.low(args[0]);
        self.low(args[1]);
        self.code.op(row);
    }

    /// Pushes an i32 that is not 0 when the value is not 0, or (negated) is 1 when it is and else 0.
    pub fn condition(&mut self, v: Value, negate: bool) {
        let Some((inst, d)) = self.here(v) else {
            let local = self.locals.of(v);
            if type_of(self.func, self.trees, v) == Ty::I32 {
                self.code.get(local);
                return if negate {
                    self.code.op(Row::I32Eqz)
                };
            }
            self.code.get(local);
            return self.is_not_zero(v, negate);
        };
        match d.op {
            Op::Icmp => match self.compared_with_zero(inst) {
                Some((x, equal)) if !(negate && equal) => self.condition(x, negate != equal),
                _ => self.comparison(inst, negate),
            },
            op if op.is_question() => self.comparison(inst, negate),
            Op::Iconst => self.code.i32(i32::from((d.imm != 0) != negate)),
            _ if self.is_narrow(v) && self.is_low(v) => {
                self.low(v);
                if negate {
                    self.code.op(Row::I32Eqz);
                }
            }
            _ => {
                self.compute(inst);
                self.is_not_zero(v, negate);
            }
        }
    }

    /// Turns the word on the stack, which is `v`, into a condition.
    fn is_not_zero(&mut self, v: Value, negate: bool) {
        if negate {
            return self.code.op(Row::I64Eqz);
        }
        if self.is_narrow(v) {
            return self.code.op(Row::I32WrapI64);
        }
        self.code.i64(0);
        self.code.op(Row::I64Ne);
    }

    /// The value is known to have no bits but the low 32.
    fn is_narrow(&self, v: Value) -> bool {
        use Op::*;
        let ValueDef::Inst(inst) = self.func.values[v.index()].def else { return false };
        let d = self.data(inst);
        match d.op {
            Load8u | Load16u | Load32u | Zext8 | Zext16 | Zext32 | Clz | Ctz | Popcnt | Carry | GetSp
            | GetFp => true,
            op if op.is_question() => true,
            Iconst => u32::try_from(d.imm).is_ok(),
            And => self
                .func
                .operands(inst)
                .iter()
                .any(|&o| self.constant(o).is_some_and(|c| u32::try_from(c).is_ok())),
            _ => false,
        }
    }

    /// The other operand of a comparison with 0 for equality (`true`) or inequality.
    fn compared_with_zero(&self, inst: Inst) -> Option<(Value, bool)> {
        let &[a, b] = self.func.operands(inst) else { return None };
        let equal = match Cond::from_imm(self.data(inst).imm) {
            Cond::Eq => true,
            Cond::Ne => false,
            _ => return None,
        };
        match (self.constant(a), self.constant(b)) {
            (_, Some(0)) => Some((a, equal)),
            (Some(0), _) => Some((b, equal)),
            _ => None,
        }
    }

    /// Pushes what a comparison gives, 0 or 1, or (negated) the opposite, as an i32.
    pub fn comparison(&mut self, inst: Inst, negate: bool) {
        let d = self.data(inst);
        let &[a, b] = self.func.operands(inst) else { unreachable!("two operands") };
        match d.op {
            Op::IntCmp => self.exact_comparison(inst, negate),
            Op::AddOver | Op::SubOver | Op::MulOver => {
                self.overflow(d.op, a, b);
                if negate {
                    self.code.op(Row::I32Eqz);
                }
            }
            Op::Fcmp => {
                self.float(a);
                self.float(b);
                self.code.op(match FCond::from_imm(d.imm) {
                    FCond::Eq if negate => Row::F64Ne,
                    FCond::Eq => Row::F64Eq,
                    FCond::Ne if negate => Row::F64Eq,
                    FCond::Ne => Row::F64Ne,
                    FCond::Lt => Row::F64Lt,
                    FCond::Le => Row::F64Le,
                    FCond::Gt => Row::F64Gt,
                    FCond::Ge => Row::F64Ge,
                });
                if negate && !matches!(FCond::from_imm(d.imm), FCond::Eq | FCond::Ne) {
                    self.code.op(Row::I32Eqz);
                }
            }
            _ => {
                let cond = Cond::from_imm(d.imm);
                self.compare(if negate { cond.invert() } else { cond }, a, b);
            }
        }
    }

    /// Pushes whether a condition holds between words, as 0 or 1.
    pub fn compare(&mut self, cond: Cond, a: Value, b: Value) {
        let zero = |v: Value| self.constant(v) == Some(0);
        if cond == Cond::Eq && (zero(a) || zero(b)) {
            // A negated condition is 0 or 1.
            return self.condition(if zero(a) { b } else { a }, true);
        }
        self.word(a);
        self.word(b);
        self.code.op(comparison_row(cond));
    }

    /// Computes an instruction in place and pushes its result.
    pub fn compute(&mut self, inst: Inst) {
        let d = self.data(inst);
        let args = self.func.operands(inst);
        if let Some(row) = simple_row(d.op) {
            for &a in args {
                self.value(a);
            }
            return self.code.op(row);
        }
        match d.op {
            Op::Iconst => self.code.i64(d.imm),
            Op::Fconst => self.code.put(Row::F64Const, &crate::wasm32::encode::Operand::Const(d.imm)),
            Op::Symaddr => self.code.address(Row::I64Const, d.sym.expect("an address has a symbol"), d.imm),
            Op::Copy => self.word(args[0]),
            Op::Neg => {
                self.code.i64(0);
                self.word(args[0]);
                self.code.op(Row::I64Sub);
            }
            Op::Not => {
                self.word(args[0]);
                self.code.i64(-1);
                self.code.op(Row::I64Xor);
            }
            Op::Zext8 => self.mask(args[0], 0xff),
            Op::Zext16 => self.mask(args[0], 0xffff),
            Op::Zext32 => {
                self.low(args[0]);
                self.code.op(Row::I64ExtendI32U);
            }
            Op::Sext32 if self.is_low(args[0]) => {
                self.low(args[0]);
                self.code.op(Row::I64ExtendI32S);
            }
            Op::Sext32 => {
                self.word(args[0]);
                self.code.op(Row::I64Extend32S);
            }
            op if op.is_question() => {
                self.comparison(inst, false);
                self.code.op(Row::I64ExtendI32U);
            }
            Op::Select | Op::Fselect => {
                self.value(args[1]);
                self.value(args[2]);
                self.condition(args[0], false);
                self.code.op(Row::Select);
            }
            Op::FcvtToS => self.float_to_word(args[0]),
            Op::Sdiv => self.signed_quotient(args[0], args[1]),
            Op::Smulh => self.multiply_high(args[0], args[1], Row::I64ShrS),
            Op::Umulh => self.multiply_high(args[0], args[1], Row::I64ShrU),
            Op::Addc => self.sum_with_carry(args),
            Op::Carry => self.carry(args),
            Op::GetSp | Op::GetFp => {
                self.code.index(Row::GlobalGet, 0);
                self.code.op(Row::I64ExtendI32U);
            }
            Op::Call | Op::CallInd => self.call(inst),
            Op::Syscall => panic!("there are no system calls by number"),
            op if op.is_int() => self.exact(inst),
            _ => self.load(inst),
        }
    }

    /// Executes an instruction without a result.
    pub fn effect(&mut self, inst: Inst) {
        match self.data(inst).op {
            Op::Call | Op::CallInd => self.call(inst),
            Op::SwitchStack => self.switch_stack(inst),
            Op::MemCopy | Op::MemMove => self.copy_memory(inst),
            Op::MemFill => self.fill_memory(inst),
            _ => self.store(inst),
        }
    }

    /// Pushes a + b + the lowest bit of c.
    fn sum_with_carry(&mut self, args: &[Value]) {
        self.word(args[0]);
        if self.constant(args[1]) != Some(0) {
            self.word(args[1]);
            self.code.op(Row::I64Add);
        }
        match self.constant(args[2]) {
            Some(c) if c & 1 == 0 => return,
            None if self.makes_bit(args[2]) => self.word(args[2]),
            _ => self.mask(args[2], 1),
        }
        self.code.op(Row::I64Add);
    }

    /// The value is 0 or 1 by the operation that makes it.
    fn makes_bit(&self, v: Value) -> bool {
        let ValueDef::Inst(inst) = self.func.values[v.index()].def else { return false };
        matches!(self.data(inst).op, Op::Carry | Op::Icmp | Op::Fcmp | Op::IntCmp)
    }

    /// Pushes what that sum carries: a + b is less than a, or it is all ones and the bit is set.
    fn carry(&mut self, args: &[Value]) {
        let (a, temp) = self.keep(args[0]);
        let sum = self.temp(Ty::I64);
        self.word(args[1]);
        self.code.get(a);
        self.code.op(Row::I64Add);
        self.code.tee(sum);
        self.code.get(a);
        self.code.op(Row::I64LtU);
        if self.constant(args[2]).is_none_or(|c| c & 1 != 0) {
            self.low(args[2]);
            self.code.get(sum);
            self.code.i64(-1);
            self.code.op(Row::I64Eq);
            self.code.op(Row::I32And);
            self.code.op(Row::I32Or);
        }
        self.code.op(Row::I64ExtendI32U);
        self.free(sum);
        if temp {
            self.free(a);
        }
    }

    fn mask(&mut self, v: Value, mask: i64) {
        self.word(v);
        self.code.i64(mask);
        self.code.op(Row::I64And);
    }

    /// Saturation gives 0 for NaN and the maximum above; the table says minimum.
    fn float_to_word(&mut self, v: Value) {
        let (x, temp) = self.keep(v);
        self.code.get(x);
        self.code.op(Row::I64TruncSatF64S);
        self.code.i64(i64::MIN);
        self.code.get(x);
        self.code.op(Row::F64Abs);
        let limit = 9_223_372_036_854_775_808f64;
        self.code.put(Row::F64Const, &crate::wasm32::encode::Operand::Const(limit.to_bits() as i64));
        self.code.op(Row::F64Lt);
        self.code.op(Row::Select);
        if temp {
            self.free(x);
        }
    }
}

/// The instruction that is an op, operands in order.
fn simple_row(op: Op) -> Option<Row> {
    Some(match op {
        Op::Add => Row::I64Add,
        Op::Sub => Row::I64Sub,
        Op::Mul => Row::I64Mul,
        Op::Srem => Row::I64RemS,
        Op::Udiv => Row::I64DivU,
        Op::Urem => Row::I64RemU,
        Op::And => Row::I64And,
        Op::Or => Row::I64Or,
        Op::Xor => Row::I64Xor,
        Op::Shl => Row::I64Shl,
        Op::Sshr => Row::I64ShrS,
        Op::Ushr => Row::I64ShrU,
        Op::Rotr => Row::I64Rotr,
        Op::Clz => Row::I64Clz,
        Op::Ctz => Row::I64Ctz,
        Op::Popcnt => Row::I64Popcnt,
        Op::Sext8 => Row::I64Extend8S,
        Op::Sext16 => Row::I64Extend16S,
        Op::Fadd => Row::F64Add,
        Op::Fsub => Row::F64Sub,
        Op::Fmul => Row::F64Mul,
        Op::Fdiv => Row::F64Div,
        Op::Fneg => Row::F64Neg,
        Op::Fabs => Row::F64Abs,
        Op::Fsqrt => Row::F64Sqrt,
        Op::FcvtFromS => Row::F64ConvertI64S,
        Op::FbitsTo => Row::I64ReinterpretF64,
        Op::FbitsFrom => Row::F64ReinterpretI64,
        _ => return None,
    })
}

/// The comparison of words.
pub fn comparison_row(cond: Cond) -> Row {
    match cond {
        Cond::Eq => Row::I64Eq,
        Cond::Ne => Row::I64Ne,
        Cond::Slt => Row::I64LtS,
        Cond::Sle => Row::I64LeS,
        Cond::Sgt => Row::I64GtS,
        Cond::Sge => Row::I64GeS,
        Cond::Ult => Row::I64LtU,
        Cond::Ule => Row::I64LeU,
        Cond::Ugt => Row::I64GtU,
        Cond::Uge => Row::I64GeU,
    }
}
