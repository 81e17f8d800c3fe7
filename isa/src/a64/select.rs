//! Selection of AArch64 instructions: dispatch over ops, and how rows get their operands.
//!
//! Flags: a compare is emitted before what reads the flags. Nothing between them changes flags:
//! constants, addresses and the moves that the allocator inserts do not.

use crate::a64::insts::Row;
use crate::a64::regs::{FP, SP, ZR};
use crate::a64::{
    A64, Inst, select_arith as arith, select_bits as bits, select_flow as flow, select_mem as mem,
};
use crate::mach::call::Calls;
use crate::mach::select::{Rules, Select};
use crate::mach::{Lower, Operands};
use mochi_ir::{Op, Value};
use regalloc2::{Operand, PReg, VReg};

/// Selection state for this instruction set.
pub type L<'a> = Lower<'a, A64>;

/// An operand of a row.
#[derive(Clone, Copy, Debug)]
pub enum Arg {
    /// Written.
    W(VReg),
    /// Read.
    R(VReg),
    /// Written and read: the new and the old register.
    Rw(VReg, VReg),
    /// A register that is never allocated, read.
    P(PReg),
    /// Anything else.
    I(i64),
}

/// No shift of the last register.
pub const NO_SHIFT: Arg = Arg::I(0);

/// Emits a row.
pub fn put(l: &mut L, row: Row, args: &[Arg]) {
    let mut ops = Operands::new();
    let (mut imm, mut more, mut imms) = (0, [0; 2], 0);
    let info = row.info();
    debug_assert_eq!(info.operands.len(), args.len(), "{row:?}");
    for (&(_, place), &arg) in info.operands.iter().zip(args) {
        debug_assert_eq!(matches!(arg, Arg::I(_)), place.register().is_none(), "{row:?} {args:?}");
        match arg {
            Arg::I(v) => {
                if imms == 0 {
                    imm = v;
                } else {
                    more[imms - 1] = i32::try_from(v).expect("only the first immediate may be large");
                }
                imms += 1;
            }
            Arg::R(v) => ops.add(Operand::reg_use(v)),
            Arg::W(v) => ops.add(Operand::reg_def(v)),
            Arg::Rw(to, from) => ops.tied(to, from),
            Arg::P(p) => ops.add(Operand::fixed_nonallocatable(p)),
        }
    }
    l.row(Inst { row, imm, more }, &ops);
}

/// Emits a row with one register written and others read.
pub fn put_regs(l: &mut L, row: Row, dst: VReg, from: &[VReg]) {
    match *from {
        [a] => put(l, row, &[Arg::W(dst), Arg::R(a)]),
        [a, b] => put(l, row, &[Arg::W(dst), Arg::R(a), Arg::R(b)]),
        [a, b, c] => put(l, row, &[Arg::W(dst), Arg::R(a), Arg::R(b), Arg::R(c)]),
        _ => unreachable!("one to three operands"),
    }
}

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
