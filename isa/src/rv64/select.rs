//! Selection of RV64 instructions: dispatch over ops, and how rows get their operands.

use crate::mach::{Flow, Lower, Operands, call, divide, exact, memory};
use crate::rv64::composite::Composite;
use crate::rv64::insts::{Role, Row};
use crate::rv64::regs::{FP, SP, ZERO};
use crate::rv64::{
    Inst, Rv64, select_arith as arith, select_bits as bits, select_flow as flow, select_mem as mem,
};
use mochi_ir::{Op, Sym, Value};
use regalloc2::{Operand, PReg, RegClass, VReg};

/// Selection state for this instruction set.
pub type L<'a> = Lower<'a, Rv64>;

/// An operand of a row.
#[derive(Clone, Copy, Debug)]
pub enum Arg {
    /// Written.
    W(VReg),
    /// Read.
    R(VReg),
    /// A register that is never allocated, read.
    P(PReg),
    /// Anything else.
    I(i64),
}

impl Arg {
    /// The operand of an instruction, of a register.
    pub fn operand(self) -> Operand {
        match self {
            Arg::W(v) => Operand::reg_def(v),
            Arg::R(v) => Operand::reg_use(v),
            Arg::P(p) => Operand::fixed_nonallocatable(p),
            Arg::I(_) => unreachable!("an immediate is no register"),
        }
    }
}

/// Emits a row.
pub fn put(l: &mut L, row: Row, args: &[Arg]) {
    let mut ops = Operands::new();
    let (mut imm, mut imms) = ([0; 2], 0);
    let info = row.info();
    debug_assert_eq!(info.operands.len(), args.len(), "{row:?}");
    for (&(role, place), &arg) in info.operands.iter().zip(args) {
        debug_assert_eq!(matches!(arg, Arg::I(_)), !place.is_register(), "{row:?} {args:?}");
        debug_assert_eq!(matches!(arg, Arg::W(_)), role == Role::W, "{row:?} {args:?}");
        match arg {
            Arg::I(v) => {
                imm[imms] = v;
                imms += 1;
            }
            _ => ops.add(arg.operand()),
        }
    }
    l.push(Inst::Row { row, imm }, Flow::Next, ops.list());
}

/// Emits a row with one register written and others read.
pub fn put_regs(l: &mut L, row: Row, dst: VReg, from: &[VReg]) {
    match *from {
        [a] => put(l, row, &[Arg::W(dst), Arg::R(a)]),
        [a, b] => put(l, row, &[Arg::W(dst), Arg::R(a), Arg::R(b)]),
        _ => unreachable!("one or two operands"),
    }
}

/// Emits a row with a register and an immediate into a new register.
pub fn with_imm(l: &mut L, row: Row, a: VReg, imm: i64) -> VReg {
    let dst = l.int();
    put(l, row, &[Arg::W(dst), Arg::R(a), Arg::I(imm)]);
    dst
}

/// Emits a row with two registers into a new one.
pub fn with_reg(l: &mut L, row: Row, a: VReg, b: VReg) -> VReg {
    let dst = l.int();
    put_regs(l, row, dst, &[a, b]);
    dst
}

/// Emits a copy between registers.
pub fn copy(l: &mut L, to: VReg, from: VReg) {
    match (to.class(), from.class()) {
        (RegClass::Float, RegClass::Float) => put_regs(l, Row::FsgnjD, to, &[from, from]),
        (RegClass::Float, _) => put_regs(l, Row::FmvDX, to, &[from]),
        (_, RegClass::Float) => put_regs(l, Row::FmvXD, to, &[from]),
        _ => put(l, Row::Addi, &[Arg::W(to), Arg::R(from), Arg::I(0)]),
    }
}

/// A word operand, the zero register for the constant 0.
pub fn word(l: &mut L, v: Value) -> Arg {
    if l.iconst(v) == Some(0) { Arg::P(ZERO) } else { Arg::R(l.reg(v)) }
}

/// Whether the distance to a symbol plus this offset is surely within the reach of `auipc`, as
/// long as files are smaller than 1 GiB.
pub fn symbol_offset(offset: i64) -> bool {
    (-(1 << 30)..1 << 30).contains(&offset)
}

/// Emits the address of a symbol plus an offset.
pub fn symbol(l: &mut L, sym: Sym, offset: i64, dst: VReg) {
    if symbol_offset(offset) {
        return l.push(Inst::Symbol(sym, offset), Flow::Next, &[Operand::reg_def(dst)]);
    }
    let base = l.int();
    l.push(Inst::Symbol(sym, 0), Flow::Next, &[Operand::reg_def(base)]);
    let offset = l.word(offset);
    put_regs(l, Row::Add, dst, &[base, offset]);
}

/// Selects an instruction that is no terminator.
pub fn lower(l: &mut L, inst: mochi_ir::Inst) {
    let d = l.data(inst);
    match d.op {
        Op::Iconst | Op::Fconst | Op::Symaddr => {
            // Uses make their own; asked for only as a copy's source.
            let dst = l.result(inst);
            l.constant(d, dst);
        }
        Op::Add | Op::Sub => arith::add_sub(l, inst),
        Op::Mul => arith::mul(l, inst),
        Op::Smulh | Op::Umulh => arith::mul_high(l, inst),
        Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem => divide::lower(l, inst),
        Op::And | Op::Or | Op::Xor => bits::logic(l, inst),
        Op::Shl | Op::Sshr | Op::Ushr => bits::shift(l, inst),
        Op::Rotr => bits::rotate(l, inst),
        Op::Neg => arith::neg(l, inst),
        Op::Not => bits::not(l, inst),
        Op::Clz | Op::Ctz | Op::Popcnt => bits::count(l, inst),
        Op::Sext8 | Op::Sext16 | Op::Sext32 | Op::Zext8 | Op::Zext16 | Op::Zext32 => bits::extend(l, inst),
        Op::Icmp | Op::Fcmp | Op::IntCmp => flow::set(l, inst),
        Op::Select | Op::Fselect => flow::select(l, inst),
        Op::Copy => unreachable!("looked through"),
        Op::Fadd | Op::Fsub | Op::Fmul | Op::Fdiv => arith::float_binary(l, inst),
        Op::Fneg | Op::Fabs | Op::Fsqrt => arith::float_unary(l, inst),
        Op::FcvtFromS | Op::FcvtToS | Op::FbitsTo | Op::FbitsFrom => arith::convert(l, inst),
        Op::Load8u
        | Op::Load8s
        | Op::Load16u
        | Op::Load16s
        | Op::Load32u
        | Op::Load32s
        | Op::Load64
        | Op::LoadF64 => mem::load(l, inst),
        Op::Store8 | Op::Store16 | Op::Store32 | Op::Store64 | Op::StoreF64 => mem::store(l, inst),
        Op::MemCopy | Op::MemMove => memory::copy(l, inst),
        Op::MemFill => memory::fill(l, inst),
        Op::IntAdd | Op::IntSub | Op::IntMul | Op::IntDiv | Op::IntMod | Op::IntNeg => exact::lower(l, inst),
        Op::Call | Op::CallInd | Op::Syscall | Op::SwitchStack => call::lower(l, inst),
        Op::GetSp => {
            let dst = l.result(inst);
            put(l, Row::Addi, &[Arg::W(dst), Arg::P(SP), Arg::I(0)]);
        }
        Op::GetFp => {
            let dst = l.result(inst);
            put(l, Row::Addi, &[Arg::W(dst), Arg::P(FP), Arg::I(0)]);
        }
        Op::Jump | Op::Brif | Op::Switch | Op::Ret | Op::Unreachable => unreachable!("terminator"),
    }
}

/// Emits a composite.
pub fn put_composite(l: &mut L, c: Composite, operands: &Operands) {
    l.push(Inst::Composite(c), Flow::Next, operands.list());
}
