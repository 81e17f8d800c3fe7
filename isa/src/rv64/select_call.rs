//! Selection: what calls and parameters are made of.

use crate::mach::Lower;
use crate::mach::call::Calls;
use crate::rv64::Rv64;
use crate::rv64::insts::Row;
use crate::rv64::regs::*;
use crate::rv64::select::{Arg, put, word};
use crate::rv64::select_mem::based;
use mochi_ir::{Type, Value};
use regalloc2::{RegClass, VReg};

impl Calls for Rv64 {
    /// The frame pointer is the stack pointer before the call.
    fn load_argument(l: &mut Lower<Rv64>, dst: VReg, offset: u32) {
        let row = if dst.class() == RegClass::Float { Row::Fld } else { Row::Ld };
        let (base, offset) = based(l, Arg::P(FP), offset as i64);
        put(l, row, &[Arg::W(dst), offset, base]);
    }

    fn store_argument(l: &mut Lower<Rv64>, value: Value, offset: u32) {
        let float = l.func.ty(value) == Type::F64;
        let value = if float { Arg::R(l.reg(value)) } else { word(l, value) };
        let (base, offset) = based(l, Arg::P(SP), offset as i64);
        put(l, if float { Row::Fsd } else { Row::Sd }, &[value, offset, base]);
    }
}
