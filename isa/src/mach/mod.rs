//! What all instruction sets share: code over virtual registers, block order, selection context,
//! register allocation, frames, calling conventions, labels and branches, emission.
//!
//! Nothing here names an instruction set. An instruction set is a type that implements [`Isa`]:
//! it fills the skeleton of an instruction ([`MachInst`]) with rows of its table, composites and tests,
//! and says how each is encoded. The flow of [`compile`] is
//! `Order` -> `Lower` -> `Code` -> allocation -> `Emitter` -> `Buffer` -> `Atom`.
//!
//! Rules that are the same everywhere are here too, over a trait each of what an instruction set
//! adds: its own rules ([`select::Select`]), calls ([`call::Calls`]), comparisons
//! ([`compare::Conditions`]), exact integers ([`exact::ExactOps`], [`divide::Divide`]), copies of memory
//! ([`memory::Memory`]), multi-way branches ([`switch::Switches`]), bit fields ([`fields::Field`]).

pub mod abi;
pub mod alloc;
pub mod assembly;
pub mod buffer;
pub mod call;
pub mod carry;
pub mod code;
pub mod compare;
pub mod disasm;
pub mod divide;
pub mod emit;
pub mod entry;
pub mod exact;
pub mod fields;
pub mod fold;
pub mod frame;
pub mod homes;
pub mod inst;
pub mod layout;
pub mod lower;
pub mod memory;
pub mod operands;
pub mod order;
pub mod rows;
pub mod select;
mod settled;
pub mod stale;
pub mod switch;

pub use crate::Context;
use crate::costs::Costs;
pub use abi::{Abi, ArgLoc};
pub use buffer::{BranchForm, Buffer, Fixups, Label};
pub use code::{Code, Flow};
pub use emit::Emitter;
pub use frame::Frame;
pub use homes::Home;
pub use inst::MachInst;
pub use lower::{Lower, class_of};
pub use operands::Operands;

use exact::SlowPath;
use mochi_ir::{Function, Sym};
use mochi_objwrite::Atom;
use mochi_objwrite::platform::{Convention, Saves};
use regalloc2::{Allocation, PReg, PRegSet};
use select::Select;
use std::fmt::Debug;

/// An instruction set: what fills the skeleton of instructions, and how that is emitted.
pub trait Isa: Fixups + Debug + Clone + 'static {
    /// A row of the table with everything but its registers.
    type Row: Clone + Debug;
    /// Several machine instructions that are one to the allocator, without their operands
    /// ([`operands`]).
    type Composite: Clone + Debug;
    /// What a branch tests, without its operands.
    type Test: Clone + Debug;
    /// An operand with its place.
    type Opd: Copy;
    /// How a result that was written over an operand of exact arithmetic is undone.
    type Undo;
    /// State of encoding, kept for a function.
    type State: Default;
    /// Alignment of functions.
    const FUNCTION_ALIGN: u32;
    /// The copy of a word may have its source in the frame.
    const COPIES_FROM_SLOTS: bool;
    /// The system call.
    const SYSCALL: Self::Row;
    /// What must not be reached.
    const TRAP: Self::Row;
    /// The call of the address in the register that is its operand.
    const CALL: Self::Row;
    /// The convention of our code.
    const ABI: &'static Abi<Self>;

    /// The convention of a system.
    fn system_abi(_: Convention) -> &'static Abi<Self> {
        Self::ABI
    }

    /// Registers to be saved in the order in which prologues do it, and perhaps more of them.
    fn in_order_of_saving(_: Saves, saved: PRegSet) -> Vec<PReg> {
        saved.into_iter().collect()
    }

    /// Emits a row.
    fn row(e: &mut Emitter<Self>, row: &Self::Row, allocs: &[Allocation]);
    /// Emits a composite.
    fn composite(e: &mut Emitter<Self>, composite: &Self::Composite, allocs: &[Allocation]);
    /// Emits a branch to the first target when the test holds, else to the second; `next` follows.
    fn branch(
        e: &mut Emitter<Self>,
        test: &Self::Test,
        allocs: &[Allocation],
        targets: [Label; 2],
        next: Option<Label>,
    );
    /// Makes an integer constant.
    fn constant(e: &mut Emitter<Self>, to: PReg, v: i64);
    /// Makes a float constant.
    fn float(e: &mut Emitter<Self>, to: PReg, bits: u64);
    /// Makes the address of a symbol plus an offset.
    fn symbol(e: &mut Emitter<Self>, to: PReg, sym: Sym, offset: i64);
    /// Emits a direct call.
    fn call(e: &mut Emitter<Self>, sym: Sym);
    /// Moves between registers.
    fn move_register(e: &mut Emitter<Self>, from: PReg, to: PReg);
    /// Loads from or stores to this place below the frame pointer (a negative offset). Keeps flags.
    fn frame_access(e: &mut Emitter<Self>, offset: i32, reg: PReg, store: bool);
    /// Makes this word below the frame pointer zero.
    fn clear_word(e: &mut Emitter<Self>, offset: i32);
    /// Emits the slow path of exact arithmetic.
    fn slow_path(e: &mut Emitter<Self>, path: &SlowPath<Self>);
}

/// Compiles a function for an instruction set.
pub fn compile<I: Select>(context: &Context, func: &Function) -> (Atom, Costs) {
    let order = order::Order::new(func);
    let code = Lower::<I>::run(context, func, &order);
    alloc::with_allocation(context, func, &code, |output| {
        emit::emit(context, func, &code, &settled::settle(&code, output))
    })
}
