//! Selection of RV64 instructions: dispatch over ops, and how rows get their operands.

use crate::mach::call::Calls;
use crate::mach::select::{Rules, Select};
use crate::mach::{Lower, Operands};
use crate::rv64::insts::{Role, Row};
use crate::rv64::regs::{FP, SP, ZERO};
use crate::rv64::{
    Inst, Rv64, select_arith as arith, select_bits as bits, select_flow as flow, select_mem as mem,
};
use mochi_ir::{Op, Value};
use regalloc2::{Operand, PReg, VReg};

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

impl From<Operand> for Arg {
    fn from(operand: Operand) -> Arg {
        operand.as_fixed_nonallocatable().map_or(Arg::R(operand.vreg()), Arg::P)
    }
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
    l.row(Inst { row, imm }, &ops);
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
