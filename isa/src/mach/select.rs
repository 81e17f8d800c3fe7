//! Dispatch over the ops: a table of an instruction set's rules, and the rules that are the same
//! everywhere.

use crate::mach::call::{self, Calls};
use crate::mach::compare;
use crate::mach::exact::{self, ExactOps};
use crate::mach::memory::{self, Memory};
use crate::mach::operands::list;
use crate::mach::switch::{self, Switches};
use crate::mach::{Flow, Isa, Lower, MachInst, Operands};
use mochi_ir::{Inst, Op};

/// A rule: selects an instruction.
pub type Rule<I> = fn(&mut Lower<'_, I>, Inst);

/// The rules of an instruction set, by the ops they are for.
pub struct Rules<I: Isa> {
    /// `add`, `sub`.
    pub add_sub: Rule<I>,
    /// `mul`.
    pub mul: Rule<I>,
    /// `smulh`, `umulh`.
    pub mul_high: Rule<I>,
    /// `addc`, `carry`.
    pub carry: Rule<I>,
    /// `sdiv`, `udiv`, `srem`, `urem`.
    pub divide: Rule<I>,
    /// `and`, `or`, `xor`.
    pub logic: Rule<I>,
    /// `shl`, `sshr`, `ushr`.
    pub shift: Rule<I>,
    /// `rotr`.
    pub rotate: Rule<I>,
    /// `neg`.
    pub neg: Rule<I>,
    /// `not`.
    pub not: Rule<I>,
    /// `clz`, `ctz`, `popcnt`.
    pub count: Rule<I>,
    /// Sign and zero extensions.
    pub extend: Rule<I>,
    /// Comparisons whose result is wanted as 0 or 1.
    pub compare: Rule<I>,
    /// `select`, `fselect`.
    pub select: Rule<I>,
    /// `fadd`, `fsub`, `fmul`, `fdiv`.
    pub float_binary: Rule<I>,
    /// `fneg`, `fabs`, `fsqrt`.
    pub float_unary: Rule<I>,
    /// Conversions between words and floats.
    pub convert: Rule<I>,
    /// Loads.
    pub load: Rule<I>,
    /// Stores.
    pub store: Rule<I>,
    /// Stack pointer and frame pointer.
    pub pointer: Rule<I>,
}

/// For the last arm of a rule: an op that the dispatch gave to the rule of others.
pub fn no_rule(op: Op) -> ! {
    unreachable!("{op:?} has come to the rule of others")
}

/// An instruction set with its rules.
pub trait Select: Calls + ExactOps + Memory + Switches {
    /// The rules.
    const RULES: Rules<Self>;
    /// One instruction makes both halves of a product.
    const WHOLE_PRODUCTS: bool = false;
}

/// Selects a terminator with several successors or none: a branch or an exit.
pub fn terminator<I: Select>(l: &mut Lower<I>, inst: Inst) {
    match l.data(inst).op {
        Op::Brif => {
            let mut ops = Operands::new();
            let condition = compare::not_zero(l, l.operands(inst)[0]);
            let test = list(condition, &mut ops);
            l.push(MachInst::If(test), Flow::Branch, ops.list());
        }
        Op::Switch => switch::lower(l, inst),
        Op::Ret => call::ret(l, inst),
        Op::Unreachable => l.push(MachInst::Row(I::TRAP), Flow::Exit, &[]),
        other => unreachable!("{other:?} is no terminator with a choice"),
    }
}

/// Selects an instruction that is no terminator.
pub fn lower<I: Select>(l: &mut Lower<I>, inst: Inst) {
    let d = l.data(inst);
    let rule = match d.op {
        Op::Iconst | Op::Fconst | Op::Symaddr => {
            // Uses make their own; asked for only as a copy's source.
            let dst = l.result(inst);
            return l.constant(d, dst);
        }
        Op::Add | Op::Sub => I::RULES.add_sub,
        Op::Mul => I::RULES.mul,
        Op::Smulh | Op::Umulh => I::RULES.mul_high,
        Op::Addc | Op::Carry => I::RULES.carry,
        Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem => I::RULES.divide,
        Op::And | Op::Or | Op::Xor => I::RULES.logic,
        Op::Shl | Op::Sshr | Op::Ushr => I::RULES.shift,
        Op::Rotr => I::RULES.rotate,
        Op::Neg => I::RULES.neg,
        Op::Not => I::RULES.not,
        Op::Clz | Op::Ctz | Op::Popcnt => I::RULES.count,
        Op::Sext8 | Op::Sext16 | Op::Sext32 | Op::Zext8 | Op::Zext16 | Op::Zext32 => I::RULES.extend,
        Op::Icmp | Op::Fcmp | Op::IntCmp | Op::AddOver | Op::SubOver | Op::MulOver => I::RULES.compare,
        Op::Select | Op::Fselect => I::RULES.select,
        Op::Copy => unreachable!("looked through"),
        Op::Fadd | Op::Fsub | Op::Fmul | Op::Fdiv => I::RULES.float_binary,
        Op::Fneg | Op::Fabs | Op::Fsqrt => I::RULES.float_unary,
        Op::FcvtFromS | Op::FcvtToS | Op::FbitsTo | Op::FbitsFrom => I::RULES.convert,
        Op::Load8u
        | Op::Load8s
        | Op::Load16u
        | Op::Load16s
        | Op::Load32u
        | Op::Load32s
        | Op::Load64
        | Op::LoadF64 => I::RULES.load,
        Op::Store8 | Op::Store16 | Op::Store32 | Op::Store64 | Op::StoreF64 => I::RULES.store,
        Op::MemCopy | Op::MemMove => memory::copy,
        Op::MemFill => memory::fill,
        Op::IntAdd | Op::IntSub | Op::IntMul | Op::IntDiv | Op::IntMod | Op::IntNeg => exact::lower,
        Op::Call | Op::CallInd | Op::Syscall | Op::SwitchStack => call::lower,
        Op::GetSp | Op::GetFp => I::RULES.pointer,
        Op::Jump | Op::Brif | Op::Switch | Op::Ret | Op::Unreachable => unreachable!("terminator"),
    };
    rule(l, inst);
}
