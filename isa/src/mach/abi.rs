//! Calling conventions as tables: where arguments and results are, which registers a call
//! destroys, how frames are made and left.
//!
//! The code of programs and runtime has one convention on a machine, whatever the system
//! ([`Isa::ABI`]), so that all of it is compiled and judged alike. Where the system's own differs,
//! functions that it calls and calls of its functions have that one ([`of`]).

use crate::mach::{Context, Emitter, Isa};
use mochi_ir::{Conv, Type};
use regalloc2::{MachineEnv, PReg, PRegSet, RegClass};

/// As many probes are written out; more are a loop.
pub const FEW_PROBES: u32 = 8;

/// Where an argument is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArgLoc {
    /// In a register.
    Reg(PReg),
    /// On the stack, this many bytes above the stack pointer at the call instruction.
    Stack(u32),
}

/// The C convention of an instruction set.
pub struct Abi<I: Isa> {
    /// The stack pointer.
    pub stack_pointer: PReg,
    /// The frame pointer.
    pub frame_pointer: PReg,
    /// Integer argument registers.
    pub int_args: &'static [PReg],
    /// Float argument registers.
    pub float_args: &'static [PReg],
    /// An argument's position counts in both lists (Windows).
    pub shared_positions: bool,
    /// Floats that find no float register go where an integer would (RISC-V).
    pub floats_as_ints: bool,
    /// Bytes the caller leaves free at the stack pointer for the callee.
    pub shadow: u32,
    /// Integer result.
    pub int_result: PReg,
    /// Float result.
    pub float_result: PReg,
    /// Allocatable registers a C call does not keep.
    pub caller_saved: PRegSet,
    /// Allocatable registers a C function keeps.
    pub callee_saved: PRegSet,
    /// Bytes of a float register that a function keeps: more than ours use, where the system's own code
    /// uses them.
    pub kept_float: u32,
    /// Number and arguments of a system call.
    pub syscall_args: &'static [PReg],
    /// Result of a system call.
    pub syscall_result: PReg,
    /// Registers a system call does not keep, besides the result.
    pub syscall_clobbers: PRegSet,
    /// Emits the prologue for [`Emitter::frame`].
    pub prologue: fn(&mut Emitter<I>),
    /// Emits the epilogue and the return.
    pub epilogue: fn(&mut Emitter<I>),
}

/// The registers and places of a convention.
pub fn of<I: Isa>(context: &Context, conv: Conv) -> &'static Abi<I> {
    match conv {
        Conv::C | Conv::PreserveAll => I::ABI,
        Conv::System => I::system_abi(context.target.platform.convention),
    }
}

impl<I: Isa> Abi<I> {
    /// The allocatable registers: those a call destroys are preferred, since using one of the
    /// others costs a save in the prologue.
    pub fn environment(&self) -> MachineEnv {
        let classes = |set: PRegSet| {
            let of = |class| set.into_iter().filter(|r: &PReg| r.class() == class).collect();
            [of(RegClass::Int), of(RegClass::Float), PRegSet::empty()]
        };
        MachineEnv {
            preferred_regs_by_class: classes(self.caller_saved),
            non_preferred_regs_by_class: classes(self.callee_saved),
            scratch_by_class: [None; 3],
            fixed_stack_slots: vec![],
        }
    }

    /// Assigns arguments of these classes. Returns their places and the bytes of stack they need
    /// (a multiple of 8).
    pub fn assign(&self, classes: impl Iterator<Item = RegClass>) -> (Vec<ArgLoc>, u32) {
        let (mut ints, mut floats, mut stack) = (0, 0, self.shadow);
        let places = classes
            .map(|class| {
                let (list, next) = match class {
                    RegClass::Int => (self.int_args, &mut ints),
                    _ => (self.float_args, &mut floats),
                };
                let mut reg = list.get(*next).copied();
                *next += 1;
                if self.shared_positions {
                    let n = *next;
                    (ints, floats) = (n, n);
                }
                if reg.is_none() && class == RegClass::Float && self.floats_as_ints {
                    reg = self.int_args.get(ints).copied();
                    ints += 1;
                }
                match reg {
                    Some(r) => ArgLoc::Reg(r),
                    None => {
                        stack += 8;
                        ArgLoc::Stack(stack - 8)
                    }
                }
            })
            .collect();
        (places, stack)
    }

    /// The register of a result.
    pub fn result(&self, ty: Type) -> PReg {
        if ty == Type::F64 { self.float_result } else { self.int_result }
    }

    /// The registers a call destroys, its result (if it has one) not among them.
    pub fn clobbers(&self, conv: Conv, result: Option<Type>) -> PRegSet {
        let mut set = match conv {
            Conv::C | Conv::System => self.caller_saved,
            Conv::PreserveAll => PRegSet::empty(),
        };
        if let Some(ty) = result {
            set.remove(self.result(ty));
        }
        set
    }

    /// The floats of which calls of our functions keep less than this convention does.
    pub fn kept_in_part(&self) -> PRegSet {
        let kept = if self.kept_float > I::ABI.kept_float { self.callee_saved } else { PRegSet::empty() };
        kept.into_iter().filter(|reg| reg.class() == RegClass::Float).collect()
    }

    /// The registers a function of this convention must keep, given those it writes.
    pub fn saved(&self, conv: Conv, result: Option<Type>, written: PRegSet, all: bool) -> PRegSet {
        let mut set = self.callee_saved & written;
        if all {
            set = self.callee_saved;
        }
        if conv == Conv::PreserveAll {
            let mut rest = self.caller_saved & written;
            if let Some(ty) = result {
                rest.remove(self.result(ty));
            }
            set = set | rest;
        }
        set
    }
}
