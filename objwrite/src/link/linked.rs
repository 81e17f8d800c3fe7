//! What executables of all systems begin with: everything that does not depend on addresses.

use super::layout::{Layout, pc_table};
use super::resolve::{Program, resolve};
use super::{LinkError, LinkInput, veneers};
use crate::dwarf::{self, DebugSection};

/// A program before its format's writer places it.
#[derive(Debug)]
pub struct Linked<'a> {
    /// Atoms; what is external is a slot of an import.
    pub program: Program<'a>,
    /// Where they are in their sections.
    pub layout: Layout,
    /// The table of [`crate::pctab`].
    pub pc_table: Vec<u8>,
    /// Debug sections; none when they are not wanted.
    pub debug: Vec<DebugSection>,
}

/// Links a program; only what the system's libraries have is left to its loader.
pub fn link<'a>(input: &LinkInput<'a>) -> Result<Linked<'a>, LinkError> {
    let target = input.object.target;
    let is_slot = |name: &str| target.platform.import(name).is_some();
    let mut program = resolve(input.object, input.archives, &[input.entry], &is_slot)?;
    veneers::add(&mut program);
    let layout = Layout::new(&program);
    let functions = layout.functions(&program);
    let pc_table = pc_table(&functions);
    let debug = input.debug.iter().flat_map(|options| dwarf::build(target.arch, options, &functions));
    let debug = debug.collect();
    Ok(Linked { program, layout, pc_table, debug })
}
