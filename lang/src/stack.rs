//! A stack for deep recursion.
//!
//! Parsing, checking and lowering recurse with the nesting of the program, up to the parser's
//! limits; a level of nesting takes a few frames. Whoever calls them on programs that are not known
//! to be flat does so from [`large`]: the compiler as a whole, fuzzing, tests.

use std::io;

/// Bytes of the stack: four times what programs at the parser's limits need when little is optimised. Only the
/// part that is used takes memory, but all of it address space, which may be limited too.
const BYTES: usize = 64 << 20;

/// Runs `work` on a thread of its own with a large stack; its panics are passed on. Fails when there is no
/// memory for the stack.
pub fn large<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(BYTES).spawn_scoped(scope, work)?;
        match thread.join() {
            Ok(result) => Ok(result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
