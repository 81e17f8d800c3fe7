//! Selection: calls, and the frames around them (what frames are is in [`super::frame`]).

use crate::wasm32::emit::Emit;
use crate::wasm32::encode::FrameLocals;
use crate::wasm32::frame::{PLACE, Temper, temper};
use crate::wasm32::insts::{Row, Ty};
use mochi_ir::{Inst, Op, Type, Value, effects};

/// Type of a value in signatures.
pub fn signature_type(ty: Type) -> Ty {
    if ty == Type::F64 { Ty::F64 } else { Ty::I64 }
}

/// The shadow stack pointer.
const STACK_POINTER: u32 = 0;
/// Global: the lowest address that the stack pointer may have.
const STACK_LIMIT: u32 = 1;

impl Emit<'_> {
    /// Calls, direct or not.
    pub fn call(&mut self, inst: Inst) {
        let d = self.data(inst);
        let args = self.func.operands(inst);
        if d.op == Op::Call {
            for &a in args {
                self.value(a);
            }
            let sym = d.sym.expect("a call has a callee");
            let results = d.result.is_some().into();
            return self.call_in_frame(inst, |e| e.code.call(sym, args.len(), results));
        }
        for &a in &args[1..] {
            self.value(a);
        }
        self.low(args[0]);
        let params: Vec<Ty> = args[1..].iter().map(|&a| signature_type(self.func.ty(a))).collect();
        let result = d.result.map(|r| signature_type(self.func.ty(r)));
        let this = self.func.sym;
        self.call_in_frame(inst, |e| e.code.call_indirect(&params, result, this));
    }

    /// Makes a call with what its kind asks for around it; the arguments are on the stack.
    pub fn call_in_frame(&mut self, inst: Inst, call: impl Fn(&mut Self)) {
        let cold_block = self.func.blocks[self.block.index()].cold;
        let temper = temper(self.context, self.func, inst, cold_block);
        self.position(self.data(inst).loc);
        let (spills, size) = self.frame.spills(inst);
        if temper == Temper::Quiet || !self.frame.whole && !self.frame.traced && spills.is_empty() {
            return call(self);
        }
        if self.frame.whole {
            self.enter_call(self.fp, &spills);
            call(self);
            if !self.frame.traced && !spills.is_empty() && self.returns(inst) {
                self.untraced(self.fp, 0);
            }
            return;
        }
        let fp = self.temp(Ty::I32);
        self.frame_address(fp, size);
        self.push_frame(fp);
        self.enter_call(fp, &spills);
        call(self);
        if self.returns(inst) {
            self.pop_frame(fp, size);
        }
        self.free(fp);
    }

    fn returns(&self, inst: Inst) -> bool {
        effects(self.context.module, self.func, self.data(inst)).returns
    }

    /// Calls a runtime function that does not return.
    pub fn fail(&mut self, name: &str) {
        let sym = self.runtime(name);
        if self.frame.whole {
            self.enter_call(self.fp, &[]);
        } else {
            let fp = self.temp(Ty::I32);
            self.frame_address(fp, 16);
            self.push_frame(fp);
            self.enter_call(fp, &[]);
            self.free(fp);
        }
        self.code.call(sym, 0, 0);
        self.code.op(Row::Unreachable);
    }

    /// Notes the place of the call and how many words are to be searched, and stores references.
    fn enter_call(&mut self, fp: u32, spills: &[(Value, u32)]) {
        if self.frame.traced {
            self.code.get(fp);
            self.code.place(self.func.sym, self.frame.searched(spills.len()));
            self.code.memory(Row::I64Store, PLACE);
        } else if !spills.is_empty() {
            self.untraced(fp, spills.len());
        }
        for &(v, slot) in spills {
            self.code.get(fp);
            self.word(v);
            self.code.memory(Row::I64Store, slot);
        }
    }

    /// Notes how many words are to be searched, and no place.
    fn untraced(&mut self, fp: u32, spills: usize) {
        self.code.get(fp);
        self.code.i64(self.frame.searched(spills));
        self.code.memory(Row::I64Store, PLACE);
    }

    /// Makes slots empty.
    pub fn clear_slots(&mut self, slots: &[u32]) {
        for &slot in slots {
            self.code.get(self.fp);
            self.code.i64(0);
            self.code.memory(Row::I64Store, slot);
        }
    }

    /// The address of a frame to be made, into a local.
    fn frame_address(&mut self, fp: u32, size: u32) {
        self.code.index(Row::GlobalGet, STACK_POINTER);
        self.code.i32(size as i32);
        self.code.op(Row::I32Sub);
        self.code.set(fp);
    }

    /// Makes the frame there.
    fn push_frame(&mut self, fp: u32) {
        self.code.get(fp);
        self.code.index(Row::GlobalGet, STACK_POINTER);
        self.code.op(Row::I64ExtendI32U);
        self.code.memory(Row::I64Store, 0);
        if !self.frame.traced {
            self.untraced(fp, 0);
        }
        self.code.get(fp);
        self.code.index(Row::GlobalSet, STACK_POINTER);
    }

    fn pop_frame(&mut self, fp: u32, size: u32) {
        self.code.get(fp);
        self.code.i32(size as i32);
        self.code.op(Row::I32Add);
        self.code.index(Row::GlobalSet, STACK_POINTER);
    }

    /// The start of the function: its frame. Below the limit of the stack the runtime is asked, which ends the
    /// program when the stack is used up.
    pub fn prologue(&mut self) {
        if !self.frame.whole {
            return;
        }
        self.fp = self.temp(Ty::I32);
        let size = self.frame.size;
        self.frame_address(self.fp, size);
        self.code.get(self.fp);
        self.code.index(Row::GlobalGet, STACK_LIMIT);
        self.code.op(Row::I32LtS);
        self.open(Row::If, None);
        let below = self.runtime("stack_below_limit");
        self.code.get(self.fp);
        self.code.op(Row::I64ExtendI32U);
        self.code.call(below, 1, 0);
        self.close();
        self.push_frame(self.fp);
        if !self.locals.in_frame.is_empty() {
            let types = [Ty::I32, Ty::I64, Ty::F64];
            let mut temps = [0; 3];
            for ty in types {
                temps[ty as usize] = self.temp(ty);
            }
            let (offset, types) = (self.frame.locals_at, self.locals.in_frame.clone());
            self.code.frame_locals = FrameLocals { fp: self.fp, offset, types, temps };
        }
    }

    /// The end of the function, with its result on the stack.
    pub fn epilogue(&mut self) {
        if self.frame.whole {
            self.pop_frame(self.fp, self.frame.size);
        }
    }

    /// Goes to another stack for good.
    pub fn switch_stack(&mut self, inst: Inst) {
        let &[stack, function, argument] = self.func.operands(inst) else { unreachable!("three operands") };
        // The others may depend on the stack.
        self.word(argument);
        self.low(function);
        self.low(stack);
        self.code.index(Row::GlobalSet, STACK_POINTER);
        self.code.call_indirect(&[Ty::I64], None, self.func.sym);
        self.code.op(Row::Unreachable);
    }
}
