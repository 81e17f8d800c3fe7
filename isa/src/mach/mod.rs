//! What all instruction sets share: code over virtual registers, block order, selection context,
//! register allocation, frames, calling conventions, labels and branches, emission.
//!
//! Nothing here names an instruction set. An instruction set is a type that implements [`Isa`]:
//! a payload per instruction, selection rules, and encoding. The flow of [`compile`] is
//! `Order` -> `Lower` -> `Code` -> allocation -> `Emitter` -> `Buffer` -> `Atom`.
//!
//! Rules that are the same everywhere are here too, over a trait each of what an instruction set
//! adds: its own rules ([`select::Select`]), calls ([`call::Calls`]), exact integers
//! ([`exact::ExactOps`], [`divide::Divide`]), copies of memory ([`memory::Memory`]), multi-way branches ([`switch::Switches`]).

pub mod abi;
pub mod alloc;
pub mod buffer;
pub mod call;
pub mod code;
pub mod compare;
pub mod disasm;
pub mod divide;
pub mod emit;
pub mod entry;
pub mod exact;
pub mod fold;
pub mod frame;
pub mod homes;
pub mod layout;
pub mod lower;
pub mod memory;
pub mod operands;
pub mod order;
pub mod rows;
pub mod select;
pub mod stale;
pub mod switch;

pub use crate::Context;
pub use abi::{Abi, ArgLoc};
pub use buffer::{BranchForm, Buffer, Fixups, Label};
pub use code::{Code, Flow};
pub use emit::Emitter;
pub use frame::Frame;
pub use homes::Home;
pub use lower::{Lower, class_of};
pub use operands::Operands;

use mochi_ir::{Function, Inst, Sym};
use mochi_objwrite::Atom;
use regalloc2::{Allocation, PReg, VReg};

/// An instruction set.
pub trait Isa: Fixups + Sized + 'static {
    /// Payload of a machine instruction: everything but its registers.
    type Inst: Clone + std::fmt::Debug;
    /// Out-of-line code to be emitted behind the function's blocks.
    type Stub;
    /// State of encoding, kept for a function.
    type State: Default;
    /// Alignment of functions.
    const FUNCTION_ALIGN: u32;

    /// The C convention of the target.
    fn abi(context: &Context) -> &'static Abi;

    // Selection.

    /// The payload of a jump to the only successor.
    fn jump() -> Self::Inst;
    /// The payload of a load from, or a store to, the slot of a value; it keeps flags, and is emitted by
    /// [`Emitter::home`].
    fn home(home: Home) -> Self::Inst;
    /// The load from, or the store to, the slot of a value that an instruction is.
    fn as_home(inst: &Self::Inst) -> Option<Home>;
    /// Selects an instruction that is no terminator.
    fn lower(l: &mut Lower<Self>, inst: Inst);
    /// Selects a terminator with several successors or none; the last instruction pushed is a
    /// branch or an exit.
    fn lower_terminator(l: &mut Lower<Self>, inst: Inst);
    /// Defines the function's parameters, all register parameters in one first instruction.
    fn lower_params(l: &mut Lower<Self>, params: &[VReg]);
    /// Copies a register; from one class to the other where the convention asks for that.
    fn lower_copy(l: &mut Lower<Self>, to: VReg, from: VReg);
    /// Makes an integer constant in a register. Must keep flags, as the next two.
    fn lower_word(l: &mut Lower<Self>, v: i64, dst: VReg);
    /// Makes a float constant in a register.
    fn lower_float(l: &mut Lower<Self>, bits: u64, dst: VReg);
    /// Makes the address of a symbol plus an offset in a register.
    fn lower_symbol(l: &mut Lower<Self>, sym: Sym, offset: i64, dst: VReg);

    // Emission.

    /// Emits the prologue for [`Emitter::frame`].
    fn prologue(e: &mut Emitter<Self>);
    /// Emits an instruction that is no branch.
    fn emit(e: &mut Emitter<Self>, inst: &Self::Inst, allocs: &[Allocation]);
    /// Emits a branch; `next` is the block emitted next.
    fn branch(
        e: &mut Emitter<Self>,
        inst: &Self::Inst,
        allocs: &[Allocation],
        targets: &[Label],
        next: Option<Label>,
    );
    /// Moves between registers.
    fn move_register(e: &mut Emitter<Self>, from: PReg, to: PReg);
    /// Loads from or stores to this place below the frame pointer (a negative offset).
    fn frame_access(e: &mut Emitter<Self>, offset: i32, reg: PReg, store: bool);
    /// Makes a register zero.
    fn clear_register(e: &mut Emitter<Self>, reg: PReg);
    /// Makes this word below the frame pointer zero.
    fn clear_word(e: &mut Emitter<Self>, offset: i32);
    /// Emits out-of-line code.
    fn stub(e: &mut Emitter<Self>, stub: &Self::Stub);
}

/// Compiles a function for an instruction set.
pub fn compile<I: Isa>(context: &Context, func: &Function) -> Atom {
    let order = order::Order::new(func);
    let code = Lower::<I>::run(context, func, &order);
    alloc::with_allocation(context, func, &code, |output| emit::emit(context, func, &code, output))
}
