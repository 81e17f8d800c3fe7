//! Selection of RV64 instructions: dispatch over ops, and how rows get their operands.

use crate::mach::Lower;
use crate::mach::call::Calls;
pub use crate::mach::fields::{Arg, put, put_regs};
use crate::mach::select::{Rules, Select};
use crate::rv64::insts::Row;
use crate::rv64::regs::{FP, SP, ZERO};
use crate::rv64::{Rv64, select_arith as arith, select_bits as bits, select_flow as flow, select_mem as mem};
use mochi_ir::{Op, Value};
use regalloc2::VReg;

/// Selection state for this instruction set.
pub type L<'a> = Lower<'a, Rv64>;

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

/// A word operand, the zero register for the constant 0.
pub fn word(l: &mut L, v: Value) -> Arg {
    if l.iconst(v) == Some(0) { Arg::P(ZERO) } else { Arg::R(l.reg(v)) }
}

/// Whether the distance to a symbol plus this offset is surely within the reach of `auipc`, as
/// long as files are smaller than 1 GiB.
pub fn symbol_offset(offset: i64) -> bool {
    (-(1 << 30)..1 << 30).contains(&offset)
}

/// Selects `getsp` and `getfp`.
fn pointer(l: &mut L, inst: mochi_ir::Inst) {
    let dst = l.result(inst);
    let from = if l.data(inst).op == Op::GetSp { SP } else { FP };
    put(l, Row::Addi, &[Arg::W(dst), Arg::P(from), Arg::I(0)]);
}

/// A call of an address is a row with one operand.
impl Calls for Rv64 {}

impl Select for Rv64 {
    const RULES: Rules<Rv64> = Rules {
        add_sub: arith::add_sub,
        mul: arith::mul,
        mul_high: arith::mul_high,
        carry: arith::carry,
        divide: arith::divide,
        logic: bits::logic,
        shift: bits::shift,
        rotate: bits::rotate,
        neg: arith::neg,
        not: bits::not,
        count: bits::count,
        extend: bits::extend,
        compare: flow::set,
        select: flow::select,
        float_binary: arith::float_binary,
        float_unary: arith::float_unary,
        convert: arith::convert,
        load: mem::load,
        store: mem::store,
        pointer,
    };
}
