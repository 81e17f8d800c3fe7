//! Fuzz body: whatever the checker accepts becomes a program.

use crate::pipeline::{self, Code, FileOptions, Source};
use mochi_ir::verify::verify_module;
use mochi_isa::Features;
use mochi_lang::diag::Diagnostics;
use mochi_lang::stack;
use mochi_objwrite::target::TARGETS;

/// Compiles any bytes that are a program, for a target and in a way that their number chooses, so that
/// programs are seeds as they are. Gives whether they are one. Panics when a step does, when the IR breaks
/// a rule before or after a pass, when the allocator's checker disagrees, and when the code cannot be linked.
pub fn compile_any(data: &[u8]) -> bool {
    stack::large(|| compile(data)).expect("a stack")
}

fn compile(data: &[u8]) -> bool {
    let source = Source::new("fuzz.mochi", data);
    let mut diags = Diagnostics::new();
    let program = source.parse(&mut diags);
    if diags.has_errors() {
        return false;
    }
    let Some(tree) = source.check(&program, &mut diags) else { return false };
    let target = &TARGETS[data.len() % TARGETS.len()];
    let way = data.len() / TARGETS.len();
    let (debug, extended) = (way % 2 == 1, way / 2 % 2 == 1);
    let files = target.format.files();
    let kind = files[way / 4 % files.len()].0;
    let features = Features { zba: extended, zbb: extended };
    let code = Code { debug, verify: true, time: false, notes: false, features };
    let mut module = source.lower(&tree);
    let violations = verify_module(&module);
    assert!(violations.is_empty(), "lowering: {}", violations[0]);
    pipeline::optimize(&mut module, target, &code, None);
    let (object, _) = pipeline::generate(&module, target, &code);
    let linked = source.link(&object, target, kind, FileOptions::default());
    linked.unwrap_or_else(|e| panic!("{e}"));
    true
}

#[cfg(test)]
mod tests {
    use super::compile_any;
    use mochi_testkit::{Random, programs};
    use std::path::Path;

    /// Golden programs with some tokens in the place of others: many are still accepted.
    #[test]
    fn changed_programs() {
        let list = programs(Path::new("tests/golden"));
        let (mut accepted, mut all) = (0, 0);
        for seed in mochi_testkit::seeds(60) {
            let mut random = Random::new(seed);
            let text = std::fs::read_to_string(random.pick(&list)).expect("readable");
            let mut words: Vec<&str> = text.split_inclusive(|c: char| !c.is_alphanumeric()).collect();
            for _ in 0..random.below(4) {
                let (from, to) = (random.below(words.len()), random.below(words.len()));
                words[to] = words[from];
            }
            all += 1;
            accepted += usize::from(compile_any(words.concat().as_bytes()));
        }
        assert!(accepted * 5 > all, "{accepted} of {all} are programs");
    }
}
