//! Register allocation by regalloc2, and its checker.
//!
//! Ion when optimising; the fast algorithm for debug builds and for very large functions, where
//! Ion is superlinear. The context (memory) is kept per thread.

use crate::mach::code::Code;
use crate::mach::{Context, Isa};
use mochi_ir::Function;
use regalloc2::checker::Checker;
use regalloc2::{Algorithm, Ctx, Output, RegallocOptions};
use std::cell::RefCell;

/// Instructions from which on the fast algorithm is used.
const ION_LIMIT: usize = 20_000;

/// Loops in each other from which on the fast algorithm is used: Ion finds what is alive by walks
/// over the blocks, one for each loop around.
const NESTING_LIMIT: u32 = 24;

/// Blocks times virtual registers up to which the checker runs: it keeps the contents of every
/// place at the start of every block.
const CHECKER_LIMIT: usize = 20_000_000;

thread_local! {
    static CTX: RefCell<Ctx> = RefCell::default();
}

/// Allocates registers and passes the result on. Failing is a bug of selection.
pub fn with_allocation<I: Isa, R>(
    context: &Context,
    func: &Function,
    code: &Code<I>,
    then: impl FnOnce(&Output) -> R,
) -> R {
    let verify = context.options.verify;
    let fast = context.options.debug || code.insts.len() > ION_LIMIT || code.nesting > NESTING_LIMIT;
    let options = RegallocOptions {
        verbose_log: false,
        validate_ssa: verify,
        algorithm: if fast { Algorithm::Fastalloc } else { Algorithm::Ion },
    };
    let env = I::ABI.environment();
    CTX.with_borrow_mut(|ctx| {
        let output = regalloc2::run_with_ctx(code, &env, &options, ctx).unwrap_or_else(|e| {
            panic!("register allocation of {}: {e:?}\n{}", func.display, crate::mach::emit::dump(code))
        });
        if verify && code.blocks.len().saturating_mul(code.num_vregs) <= CHECKER_LIMIT {
            let mut checker = Checker::new(code, &env);
            checker.prepare(output);
            if let Err(e) = checker.run() {
                panic!(
                    "register allocation of {} is wrong: {e:?}\n{}",
                    func.display,
                    crate::mach::emit::dump(code)
                );
            }
        }
        then(output)
    })
}
