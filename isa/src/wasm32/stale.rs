//! Slots of frames that hold nothing any more.
//!
//! The collector takes every slot for a reference. One that is not used while a loop runs keeps alive what it
//! refers to, and of a queue everything that was ever appended. So where a loop in which objects are made is
//! entered, the slots that no live value has are cleared, unless every iteration writes them. (Of registers and
//! frames elsewhere: [`crate::mach::stale`].)

use crate::Context;
use crate::wasm32::frame::Frame;
use crate::wasm32::locals::Locals;
use crate::wasm32::structure::{Item, Label};
use crate::wasm32::trees::Trees;
use mochi_ir::cfg::{Cfg, DomTree};
use mochi_ir::{Block, Function, Value, effects};
use std::collections::{HashMap, HashSet};

/// Offsets of the slots to clear before items, by their indices.
pub type Stale = HashMap<usize, Vec<u32>>;

/// What is asked.
pub struct Slots<'a> {
    /// The compilation's context.
    pub context: &'a Context<'a>,
    /// The function.
    pub func: &'a Function,
    /// Its code.
    pub items: &'a [Item],
    /// Its graph.
    pub cfg: &'a Cfg,
    /// Dominators.
    pub dom: &'a DomTree,
    /// What is computed where.
    pub trees: &'a Trees,
    /// Live ranges.
    pub locals: &'a Locals,
    /// The slots.
    pub frame: &'a Frame,
}

/// A slot gets a value.
struct Store {
    slot: u32,
    /// The value's last use, in half positions.
    last: u32,
    block: Block,
}

/// A loop of the emitted code.
struct Loop {
    header: Block,
    /// Half position of its start.
    start: u32,
    /// The stores in it, as a range of all.
    stores: std::ops::Range<usize>,
    /// Objects are made in it.
    makes_objects: bool,
}

/// The function's stores and loops.
#[derive(Default)]
struct Scan {
    stores: Vec<Store>,
    /// Number of stores before each item.
    before: Vec<usize>,
    /// Loops in order of their starts.
    loops: Vec<Loop>,
}

impl Slots<'_> {
    /// Finds the slots to clear.
    pub fn stale(&self) -> Stale {
        let scan = self.scan();
        let mut stale = Stale::new();
        // By slot: whether it may hold something that no live value is, and the last use of its value.
        let mut dirty: HashMap<u32, bool> = scan.stores.iter().map(|s| (s.slot, true)).collect();
        let mut last: HashMap<u32, u32> = HashMap::new();
        // Slots cleared within what is open: not on every way to its end. Loops are no limit.
        let (mut cleared, mut open) = (Vec::new(), Vec::new());
        let mut loops = scan.loops.iter();
        for (i, item) in self.items.iter().enumerate() {
            match *item {
                Item::Open(Label::Back(_)) => {
                    let l = loops.next().expect("a loop for each label");
                    if l.makes_objects {
                        let list = self.at_entry(&scan, l, &dirty, &last);
                        for &slot in &list {
                            dirty.insert(slot, false);
                            cleared.push(slot);
                        }
                        stale.insert(i, list);
                    }
                    // Stores of earlier iterations.
                    scan.stores[l.stores.clone()].iter().for_each(|s| _ = dirty.insert(s.slot, true));
                    open.push(None);
                }
                Item::Open(Label::Forward(_)) | Item::If(..) => open.push(Some(cleared.len())),
                Item::End => {
                    if let Some(Some(from)) = open.pop() {
                        cleared.drain(from..).for_each(|slot| _ = dirty.insert(slot, true));
                    }
                }
                Item::Code(_) => {
                    for s in &scan.stores[scan.before[i]..scan.before[i + 1]] {
                        last.insert(s.slot, s.last);
                        dirty.insert(s.slot, true);
                    }
                }
                _ => {}
            }
        }
        stale
    }

    /// The slots to clear where a loop is entered.
    fn at_entry(
        &self,
        scan: &Scan,
        l: &Loop,
        dirty: &HashMap<u32, bool>,
        last: &HashMap<u32, u32>,
    ) -> Vec<u32> {
        let back = || self.cfg.preds(l.header).iter().filter(|p| self.dom.dominates(l.header, p.block));
        let always = |b: Block| back().all(|p| self.dom.dominates(b, p.block));
        let renewed: HashSet<u32> =
            scan.stores[l.stores.clone()].iter().filter(|s| always(s.block)).map(|s| s.slot).collect();
        let live = |slot: &u32| last.get(slot).is_some_and(|&last| last >= l.start);
        let mut list: Vec<u32> = dirty
            .iter()
            .filter(|&(slot, &dirty)| dirty && !live(slot) && !renewed.contains(slot))
            .map(|(&slot, _)| slot)
            .collect();
        list.sort_unstable();
        list
    }

    /// Finds stores and loops. Positions are counted as [`super::locals`] does.
    fn scan(&self) -> Scan {
        let mut scan = Scan::default();
        let mut at = 0;
        // What is open: the index of a loop, or nothing; and the loops among them.
        let (mut open, mut around): (Vec<Option<usize>>, Vec<usize>) = (Vec::new(), Vec::new());
        for item in self.items {
            scan.before.push(scan.stores.len());
            let start = 2 * at;
            at += 1;
            match *item {
                Item::Open(Label::Back(header)) => {
                    let n = scan.stores.len();
                    open.push(Some(scan.loops.len()));
                    around.push(scan.loops.len());
                    scan.loops.push(Loop { header, start, stores: n..n, makes_objects: false });
                }
                Item::Open(Label::Forward(_)) | Item::If(..) => open.push(None),
                Item::End => {
                    if let Some(Some(l)) = open.pop() {
                        around.pop();
                        scan.loops[l].stores.end = scan.stores.len();
                    }
                }
                Item::Code(block) => {
                    let data = &self.func.blocks[block.index()];
                    data.params.iter().for_each(|&p| self.store(&mut scan, p, block));
                    for &inst in &data.insts[..data.insts.len() - 1] {
                        if around.last().is_some_and(|&l| !scan.loops[l].makes_objects)
                            && effects(self.context.module, self.func, &self.func.insts[inst.index()])
                                .makes_objects
                        {
                            around.iter().for_each(|&l| scan.loops[l].makes_objects = true);
                        }
                        if self.trees.is_root(self.func, inst) {
                            at += 1;
                            if let Some(r) = self.func.insts[inst.index()].result {
                                self.store(&mut scan, r, block);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        scan.before.push(scan.stores.len());
        scan
    }

    fn store(&self, scan: &mut Scan, v: Value, block: Block) {
        if let Some(slot) = self.frame.slot(v) {
            scan.stores.push(Store { slot, last: self.locals.ranges[v.index()].last, block });
        }
    }
}
