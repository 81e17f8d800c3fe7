//! The compiler as a library, for the command and for what judges it in this repository.

pub mod fuzz;
pub mod pipeline;
