//! Fuzz body: code generation of random functions ends, and its judges agree.
//!
//! The allocation checker runs on every function with both algorithms; the bytes decode to text
//! again for every instruction. That the code also computes what the interpreter does is checked
//! by the tests that execute it.

use crate::module::{compile_module, disassemble_module};
use crate::{Context, Options};
use mochi_objwrite::Target;

/// Compiles the random module that `bytes` stand for. Panics when a judge disagrees.
pub fn check_codegen(target: Target, bytes: &[u8]) {
    let module = mochi_ir::fuzz::generate(bytes);
    for debug in [false, true] {
        let options = Options { debug, verify: true, ..Options::default() };
        let object = compile_module(&Context::new(&module, target, options));
        let text = disassemble_module(&object);
        if let Some(at) = text.find("(bad)") {
            panic!("an instruction does not decode:\n{}", &text[at.saturating_sub(300)..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check_codegen;
    use mochi_objwrite::target::TARGETS;
    use mochi_testkit::Random;

    #[test]
    fn random_functions_compile() {
        for seed in mochi_testkit::seeds(8) {
            for target in TARGETS {
                check_codegen(target, &Random::new(seed).bytes(600));
            }
        }
    }
}
