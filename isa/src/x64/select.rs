//! Selection of x86-64 instructions: dispatch over ops, and how rows get their operands.
//!
//! Flags: a compare is emitted directly before what reads the flags, after everything else the
//! reader needs is in registers, because making the constant 0 changes flags. Moves that the
//! allocator inserts do not.

use crate::mach::call::Calls;
use crate::mach::select::{Rules, Select};
use crate::mach::{Lower, Operands};
use crate::x64::insts::{Field, Row};
use crate::x64::regs::RCX;
use crate::x64::{Base, Inst, Mem, X64, select_arith as arith, select_flow as flow, select_mem as mem};
use mochi_ir::{Op, Value};
use regalloc2::{Operand, OperandConstraint, OperandKind, OperandPos, VReg};

/// Selection state for this instruction set.
pub type L<'a> = Lower<'a, X64>;

/// A memory operand with its registers.
#[derive(Clone, Copy, Debug)]
pub struct Amode {
    /// The fixed part.
    pub mem: Mem,
    /// Base register, when `mem.base` is a register.
    pub base: Option<VReg>,
    /// Index register, when `mem.scale` is not 0.
    pub index: Option<VReg>,
}

impl Amode {
    /// Memory at a fixed start.
    pub fn fixed(base: Base, disp: i32) -> Amode {
        Amode { mem: Mem { base, scale: 0, disp }, base: None, index: None }
    }

    /// Memory at a register plus displacement.
    pub fn reg(base: VReg, disp: i32) -> Amode {
        Amode { mem: Mem { base: Base::Reg, scale: 0, disp }, base: Some(base), index: None }
    }
}

/// A source that may be in a register, a spill slot or memory.
#[derive(Clone, Copy, Debug)]
pub enum Src {
    /// A virtual register.
    Reg(VReg),
    /// Memory.
    Mem(Amode),
}

/// An operand of a row.
#[derive(Clone, Copy, Debug)]
pub enum Arg {
    /// Written.
    W(VReg),
    /// Read.
    R(VReg),
    /// Written and read: the new and the old register.
    Rw(VReg, VReg),
    /// Memory.
    M(Amode),
    /// Immediate.
    I(i64),
}

impl From<Src> for Arg {
    fn from(s: Src) -> Arg {
        match s {
            Src::Reg(r) => Arg::R(r),
            Src::Mem(a) => Arg::M(a),
        }
    }
}

/// A use in a register or a spill slot that no result of the instruction overwrites.
pub fn late_any(v: VReg) -> Operand {
    Operand::new(v, OperandConstraint::Any, OperandKind::Use, OperandPos::Late)
}

/// Emits a row. The arguments are the row's operands, hidden ones too.
pub fn put(l: &mut L, row: Row, args: &[Arg]) {
    let mut ops = Operands::new();
    let (mut mem, mut imm) = (Mem::NONE, 0);
    let info = row.info();
    debug_assert_eq!(info.operands.len(), args.len(), "{row:?}");
    for (&(_, field), &arg) in info.operands.iter().zip(args) {
        let fixed = match field {
            Field::Hidden(p) => Some(p),
            Field::Cl => Some(RCX),
            _ => None,
        };
        match (arg, fixed) {
            (Arg::I(v), _) => imm = v,
            (Arg::M(a), _) => {
                mem = a.mem;
                for r in a.base.into_iter().chain(a.index) {
                    ops.add(Operand::reg_use(r));
                }
            }
            (Arg::R(v), Some(p)) => ops.add(Operand::reg_fixed_use(v, p)),
            (Arg::W(v), Some(p)) => ops.add(Operand::reg_fixed_def(v, p)),
            (Arg::Rw(d, s), Some(p)) => {
                ops.add(Operand::reg_fixed_def(d, p));
                ops.add(Operand::reg_fixed_use(s, p));
            }
            (Arg::R(v), None) if matches!(field, Field::RegMem(_)) => ops.add(Operand::any_use(v)),
            (Arg::R(v), None) => ops.add(Operand::reg_use(v)),
            (Arg::W(v), None) => ops.add(Operand::reg_def(v)),
            (Arg::Rw(d, s), None) => ops.tied(d, s),
        }
    }
    l.row(Inst { row, mem, imm }, &ops);
}

/// Emits a row with an immediate as its last operand, in the shortest form.
pub fn put_imm(l: &mut L, row: Row, first: &[Arg], imm: i64) {
    match first {
        [a] => put(l, row.for_imm(imm), &[*a, Arg::I(imm)]),
        [a, b] => put(l, row.for_imm(imm), &[*a, *b, Arg::I(imm)]),
        _ => unreachable!("one or two operands before an immediate"),
    }
}

/// A register with the value that may be overwritten: a copy when the value is needed later. (Left
/// to the allocator, a value that is overwritten and needed later takes two moves.)
pub fn owned(l: &mut L, v: Value) -> VReg {
    let keep = l.live_after(v);
    let r = l.reg(v);
    if !keep {
        return r;
    }
    let to = l.temp(r.class());
    l.copy(to, r);
    to
}

/// Selects `getsp` and `getfp`.
fn pointer(l: &mut L, inst: mochi_ir::Inst) {
    let dst = l.result(inst);
    let from = if l.data(inst).op == Op::GetSp { Base::Outgoing } else { Base::Frame };
    put(l, Row::Lea, &[Arg::W(dst), Arg::M(Amode::fixed(from, 0))]);
}

impl Calls for X64 {
    fn call_address(l: &mut Lower<X64>, target: Value, operands: &mut Vec<Operand>) -> Inst {
        match mem::load_source(l, target, Op::Load64) {
            Some(a) => {
                operands.extend(a.base.into_iter().chain(a.index).map(Operand::reg_use));
                Inst { mem: a.mem, ..Inst::new(Row::CallReg) }
            }
            None => {
                operands.push(Operand::any_use(l.reg(target)));
                Inst::new(Row::CallReg)
            }
        }
    }
}

impl Select for X64 {
    const WHOLE_PRODUCTS: bool = true;
    const RULES: Rules<X64> = Rules {
        add_sub: arith::add_sub,
        mul: arith::mul,
        mul_high: arith::mul_high,
        carry: arith::carry,
        divide: arith::divide,
        logic: arith::logic,
        shift: arith::shift,
        rotate: arith::shift,
        neg: arith::unary,
        not: arith::unary,
        count: arith::count_bits,
        extend: arith::extend,
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
