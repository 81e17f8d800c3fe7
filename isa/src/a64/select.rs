//! Selection of AArch64 instructions: dispatch over ops, and how rows get their operands.
//!
//! Flags: a compare is emitted before what reads the flags. Nothing between them changes flags:
//! constants, addresses and the moves that the allocator inserts do not.

use crate::a64::insts::Row;
use crate::a64::regs::{FP, SP, ZR};
use crate::a64::{A64, select_arith as arith, select_bits as bits, select_flow as flow, select_mem as mem};
use crate::mach::Lower;
use crate::mach::call::Calls;
pub use crate::mach::fields::{Arg, put, put_regs};
use crate::mach::select::{Rules, Select};
use mochi_ir::{Op, Value};

/// Selection state for this instruction set.
pub type L<'a> = Lower<'a, A64>;

/// No shift of the last register.
pub const NO_SHIFT: Arg = Arg::I(0);

/// A word operand, the zero register for the constant 0.
pub fn word(l: &mut L, v: Value) -> Arg {
    if l.iconst(v) == Some(0) { Arg::P(ZR) } else { Arg::R(l.reg(v)) }
}

/// Symbol offsets that the pair of instructions can have (AAELF64, table 4.10: the page is in
/// range of the symbol; assemblers allow no more than this).
pub const SYMBOL_OFFSETS: std::ops::Range<i64> = -(1 << 20)..1 << 20;

/// Selects `getsp` and `getfp`.
fn pointer(l: &mut L, inst: mochi_ir::Inst) {
    let dst = l.result(inst);
    match l.data(inst).op {
        Op::GetSp => put(l, Row::MovSp, &[Arg::W(dst), Arg::P(SP)]),
        _ => put(l, Row::Mov, &[Arg::W(dst), Arg::P(FP)]),
    }
}

/// A call of an address is a row with one operand.
impl Calls for A64 {}

impl Select for A64 {
    const RULES: Rules<A64> = Rules {
        add_sub: arith::add_sub,
        mul: arith::mul,
        mul_high: arith::mul_high,
        carry: arith::carry,
        divide: arith::divide,
        logic: bits::logic,
        shift: bits::shift,
        rotate: bits::shift,
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
