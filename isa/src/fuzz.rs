//! Fuzz body: code generation of random functions ends, and its judges agree.
//!
//! The allocation checker runs on every function, with either algorithm; the bytes decode to text
//! again for every instruction. That the code also computes what the interpreter does is checked
//! by the tests that execute it. A run is small, so that there are many: one target, one way to
//! compile, and functions from a few hundred bytes.

use crate::module::{compile_module, disassemble_module};
use crate::{Context, Features, Options, abilities};
use mochi_ir::passes;
use mochi_objwrite::target::TARGETS;

/// Ways to compile that the first byte chooses from: target, algorithm, extensions, passes or none,
/// where values live.
const WAYS: usize = TARGET_COUNT * 16;
const TARGET_COUNT: usize = TARGETS.len();
/// Bytes that become functions.
const MOST: usize = 256;

/// Compiles the random functions that `bytes` stand for. Panics when a judge disagrees.
pub fn check_codegen(bytes: &[u8]) {
    let (&way, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let way = way as usize % WAYS;
    let target = &TARGETS[way % TARGET_COUNT];
    let mut module = mochi_ir::fuzz::generate_functions(&rest[..rest.len().min(MOST)]);
    if way / TARGET_COUNT / 4 % 2 == 1 {
        passes::optimise(&mut module, abilities(target), false);
    }
    let extended = way / TARGET_COUNT / 2 % 2 == 1;
    let most_alive = if way / TARGET_COUNT / 8 == 1 { 0 } else { Options::default().most_alive };
    let options = Options {
        debug: way / TARGET_COUNT % 2 == 1,
        verify: true,
        features: Features { zba: extended, zbb: extended },
        most_alive,
    };
    let object = compile_module(&Context::new(&module, target, options));
    let text = disassemble_module(&object);
    if let Some(at) = text.find("(bad)") {
        panic!("an instruction does not decode:\n{}", &text[at.saturating_sub(300)..]);
    }
}

#[cfg(test)]
mod tests {
    use super::{WAYS, check_codegen};
    use mochi_testkit::Random;

    #[test]
    fn random_functions_compile() {
        for seed in mochi_testkit::seeds(30) {
            let mut bytes = Random::new(seed).bytes(300);
            for way in 0..WAYS {
                bytes[0] = way as u8;
                check_codegen(&bytes);
            }
        }
    }
}
