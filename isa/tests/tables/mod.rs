//! What tests of call frame information share: the atoms of a module, and the meaning of the
//! instructions (DWARF 5, section 6.4.2).

use mochi_ir::module::Module;
use mochi_isa::{Context, Options, compile};
use mochi_objwrite::target;
use mochi_objwrite::{Atom, CfiOp};

/// The compiled functions of a module.
pub fn atoms(target: &str, module: &Module, debug: bool) -> Vec<Atom> {
    let options = Options { debug, verify: true, ..Options::default() };
    let context = Context::new(module, target::parse(target).expect("a target"), options);
    module.funcs.iter().map(|f| compile(&context, f)).collect()
}

/// The frame's address by the rules: register, offset; and where registers are saved.
#[derive(Clone, PartialEq, Debug)]
pub struct Rules {
    pub register: u16,
    pub offset: i64,
    pub saved: Vec<(u16, i32)>,
}

impl Rules {
    /// Does what an instruction says.
    pub fn apply(&mut self, stack: &mut Vec<Rules>, op: CfiOp) {
        match op {
            CfiOp::DefCfa(r, o) => (self.register, self.offset) = (r, o as i64),
            CfiOp::DefCfaOffset(o) => self.offset = o as i64,
            CfiOp::DefCfaRegister(r) => self.register = r,
            CfiOp::Offset(r, o) => self.saved.push((r, o)),
            CfiOp::Restore(r) => self.saved.retain(|s| s.0 != r),
            CfiOp::RememberState => stack.push(self.clone()),
            CfiOp::RestoreState => *self = stack.pop().expect("remembered"),
        }
    }
}
