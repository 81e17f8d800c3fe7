//! Block order for code generation: reverse postorder in which a loop's blocks stay together (what
//! leaves the loop comes after it), likely successors follow directly, and cold blocks are last.
//!
//! ```
//! mochi_ir::filetest::becomes("layout", "
//! func @f -> i64 {
//! b0(v0:i64):
//!   brif v0, b1, b2
//! cold b1:
//!   ret v0
//! b2:
//!   jump b3
//! b3:
//!   v1:i64 = iconst 7
//!   ret v1
//! }", "
//! func @f -> i64 {
//! b0(v0:i64):
//!   brif v0, b1, b2
//! b2:
//!   jump b3
//! b3:
//!   v1:i64 = iconst 7
//!   ret v1
//! cold b1:
//!   ret v0
//! }");
//! ```

use super::Context;
use crate::cfg::{Cfg, Loops};
use crate::func::{Block, Function};

/// Runs the pass.
pub fn run(func: &mut Function, _: &Context) {
    let cfg = Cfg::new(func);
    let loops = Loops::of(func, &cfg);
    let mut seen = vec![false; func.blocks.len()];
    let mut order: Vec<Block> = Vec::with_capacity(func.layout.len());
    // Successors in the order in which the search visits them: what is visited first comes last.
    let visits = |b: Block| {
        let mut next: Vec<Block> = func.successors(b).iter().map(|e| e.block).collect();
        next.reverse();
        // Stable: deeper loops and warm blocks are visited late.
        next.sort_by_key(|s| (!func.blocks[s.index()].cold, loops.depth(*s)));
        next
    };
    let mut stack: Vec<(Block, Vec<Block>, usize)> = vec![(func.entry(), visits(func.entry()), 0)];
    seen[func.entry().index()] = true;
    while let Some((block, next, at)) = stack.last_mut() {
        let Some(&to) = next.get(*at) else {
            order.push(*block);
            stack.pop();
            continue;
        };
        *at += 1;
        if !std::mem::replace(&mut seen[to.index()], true) {
            stack.push((to, visits(to), 0));
        }
    }
    order.reverse();
    let (cold, warm): (Vec<Block>, Vec<Block>) = order.iter().partition(|b| func.blocks[b.index()].cold);
    let entry = func.entry();
    func.layout = warm.into_iter().chain(cold).collect();
    // A cold entry is still first.
    let at = func.layout.iter().position(|b| *b == entry).expect("the entry is reachable");
    func.layout[..=at].rotate_right(1);
}
