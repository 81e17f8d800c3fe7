//! Work on all functions of a module by several threads. Results are in the order of the functions, so nothing
//! depends on the number of threads.

use rayon::prelude::*;

/// Fewer functions than this stay on the calling thread: starting the others would take longer than the work.
const PARALLEL_FROM: usize = 24;

/// What is made of each item.
pub fn map<T: Sync, R: Send>(items: &[T], make: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
    if items.len() < PARALLEL_FROM {
        items.iter().map(make).collect()
    } else {
        items.par_iter().map(make).collect()
    }
}

/// Changes each item.
pub fn for_each<T: Send>(items: &mut [T], change: impl Fn(&mut T) + Sync + Send) {
    if items.len() < PARALLEL_FROM {
        items.iter_mut().for_each(change);
    } else {
        items.par_iter_mut().for_each(change);
    }
}
