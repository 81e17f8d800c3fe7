//! Selection: what calls and parameters are made of.

use crate::mach::Lower;
use crate::mach::call::Calls;
use crate::x64::insts::Row;
use crate::x64::select::{Amode, Arg, put};
use crate::x64::select_mem::load_source;
use crate::x64::{Base, Inst, X64};
use mochi_ir::{Op, Value};
use regalloc2::{Operand, RegClass, VReg};

impl Calls for X64 {
    fn load_argument(l: &mut Lower<X64>, dst: VReg, offset: u32) {
        let row = if dst.class() == RegClass::Float { Row::MovsdLoad } else { Row::Mov };
        put(l, row, &[Arg::W(dst), Arg::M(Amode::fixed(Base::Incoming, offset as i32))]);
    }

    fn store_argument(l: &mut Lower<X64>, value: Value, offset: u32) {
        let slot = Arg::M(Amode::fixed(Base::Outgoing, offset as i32));
        match l.iconst(value) {
            Some(c) if c as i32 as i64 == c => put(l, Row::MovStoreI, &[slot, Arg::I(c)]),
            _ => {
                let v = l.reg(value);
                let row = if v.class() == RegClass::Float { Row::MovsdStore } else { Row::MovStore };
                put(l, row, &[slot, Arg::R(v)]);
            }
        }
    }

    fn call_address(l: &mut Lower<X64>, target: Value, operands: &mut Vec<Operand>) -> Inst {
        match load_source(l, target, Op::Load64) {
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
