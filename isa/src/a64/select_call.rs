//! Selection: what calls and parameters are made of.

use crate::a64::A64;
use crate::a64::regs::*;
use crate::a64::select::{Arg, word};
use crate::a64::select_mem::{Address, LOAD_64, LOAD_F64, STORE_64, STORE_F64, access};
use crate::mach::Lower;
use crate::mach::call::Calls;
use mochi_ir::{Type, Value};
use regalloc2::{RegClass, VReg};

impl Calls for A64 {
    /// Stack arguments are above the frame record.
    fn load_argument(l: &mut Lower<A64>, dst: VReg, offset: u32) {
        let rows = if dst.class() == RegClass::Float { &LOAD_F64 } else { &LOAD_64 };
        let at = Address::offset(l, Arg::P(FP), offset as i64 + 16, rows);
        access(l, rows, Arg::W(dst), at);
    }

    fn store_argument(l: &mut Lower<A64>, value: Value, offset: u32) {
        let float = l.func.ty(value) == Type::F64;
        let rows = if float { &STORE_F64 } else { &STORE_64 };
        let value = if float { Arg::R(l.reg(value)) } else { word(l, value) };
        let at = Address::offset(l, Arg::P(SP), offset as i64, rows);
        access(l, rows, value, at);
    }
}
