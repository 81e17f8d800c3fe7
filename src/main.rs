//! The `mochi` command.

fn main() {}
