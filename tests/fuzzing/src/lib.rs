//! Bodies of fuzz targets: what random bytes stand for, and the judges.
//!
//! Every body takes bytes as choices (when they run out, every choice is the first one) and panics
//! when a judge disagrees. The judges are decoders and readers of other people in the same process;
//! they are dependencies of this crate, so that nothing that is shipped builds them.
//!
//! `cargo test` runs each body on some seeds, always the same ones; `cargo fuzz run NAME` in `fuzz/`
//! runs it for hours. Bodies of the language and of the IR are in their crates, which need no
//! judges of other people.

mod a64;
mod branches;
mod choices;
mod files;
mod rv64;
mod text;
mod wasm;
mod x64;

pub use a64::encode_a64;
pub use branches::branches;
pub use files::{archives, executables, objects};
pub use rv64::encode_rv64;
pub use wasm::encode_wasm;
pub use x64::{check_x64_row, encode_x64};

/// Runs a body on random bytes: `count` seeds, always the same ones, or as long as the tests' kit is told.
#[cfg(test)]
pub(crate) fn seeds(count: u64, size: usize, body: fn(&[u8])) {
    for seed in mochi_testkit::seeds(count) {
        let bytes = mochi_testkit::Random::new(seed).bytes(size);
        let result = std::panic::catch_unwind(|| body(&bytes));
        assert!(result.is_ok(), "seed {seed}");
    }
}

/// Judges words that have a row's fixed bits, and asserts that the decoder takes some of them for this row.
/// `decode` gives the row of a word.
#[cfg(test)]
pub(crate) fn words_of_row<R: PartialEq + std::fmt::Debug>(
    row: R,
    (bits, fixed): (u32, u32),
    decode: impl Fn(u32) -> Option<R>,
    judge: fn(u32),
) {
    let mut random = mochi_testkit::Random::new(1);
    let words = (0..500).map(|_| bits | random.bits() as u32 & !fixed);
    let of_row: Vec<u32> = words.filter(|&word| decode(word).as_ref() == Some(&row)).collect();
    assert!(!of_row.is_empty(), "{row:?}");
    of_row.into_iter().for_each(judge);
}
