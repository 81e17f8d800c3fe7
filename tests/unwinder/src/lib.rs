//! An unwinder of the tests, and what judges the tables that it reads.
//!
//! Programs have tables that say how to step from any instruction to the caller: call frame information
//! ([`dwarf`]), `.pdata` and `.xdata` of Windows ([`pe_x64`], [`pe_a64`]). Nothing in a run shows a
//! wrong one. So [`check`] follows each function's code from its entry along every path ([`machine`]),
//! knows where the frame, the return address and the caller's registers really are, steps out by
//! the tables at every instruction, and compares. It also adds up how far the stack pointer gets ahead of what was
//! touched, since a system may have nothing there yet. None of it uses the compiler's own code.

pub mod a64;
pub mod check;
pub mod dwarf;
pub mod image;
pub mod machine;
pub mod pe_a64;
pub mod pe_x64;
pub mod rv64;
pub mod x64;

pub use check::{Report, Rules, check};
pub use image::Image;

use machine::{Reg, Value};

/// A value, or what is wrong, in words for people.
pub type Judged<T> = Result<T, String>;

/// What a table says of the caller.
#[derive(Debug)]
pub enum Caller {
    /// There is none.
    None,
    /// What its registers hold.
    State {
        /// All registers.
        registers: Vec<Value>,
        /// Where it goes on.
        return_address: Value,
        /// The registers that the table restores.
        named: Vec<Reg>,
    },
}
