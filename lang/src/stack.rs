//! A stack for deep recursion.
//!
//! Parsing, checking and lowering recurse with the nesting of the program, up to the parser's
//! limits; a level of nesting takes a few frames. Whoever calls them on programs that are not known
//! to be flat does so from [`large`]: the compiler as a whole, fuzzing, tests.

/// Bytes of the stack. Only the part that is used takes memory.
const BYTES: usize = 512 << 20;

/// Runs `work` on a thread of its own with a large stack; its panics are passed on.
pub fn large<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(BYTES).spawn_scoped(scope, work);
        match thread.expect("a thread with a large stack").join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
