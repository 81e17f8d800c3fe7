//! The value part of the runtime, run by the interpreter and natively against independent models.

mod bytes;
#[path = "../common/mod.rs"]
mod common;
mod containers;
mod driver;
mod dynamic;
mod floats;
mod ints;
mod model;
mod strings;
mod text;
