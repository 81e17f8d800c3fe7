//! Structured control flow: from the graph to one list of nested items, in the order of emission.
//!
//! Method: Ramsey, "Beyond Relooper: Recursive Translation of Unstructured Control Flow to
//! Structured Control Flow" (ICFP 2022). A block is translated with the part of the dominator tree
//! below it. Children that several edges lead to (*merges*) get a `block` around their
//! dominator's code, whose end is their start; other children stand where their only edge is. A
//! loop header gets a `loop`. All jumps go outwards, because the order of merges is a reverse
//! postorder.
//!
//! Three things differ from the paper. No recursion: pending work is a list. Code never falls out
//! of an arm, so of two arms the larger one follows its `if`, which bounds the nesting by the
//! logarithm of the number of blocks where the graph itself has none. And what follows a loop is
//! placed behind it, not in it (*exits*: a block outside of a loop whose dominator is inside counts as a
//! child of the loop's header, around the `loop`).
//!
//! Invariant: the graph is reducible and edges of a `switch` have no arguments ([`super::prepare`]).

use mochi_ir::cfg::{Cfg, DomTree, Loops};
use mochi_ir::{Block, Function, Op};

/// Where a branch goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Label {
    /// To the end of the `block` before this block's code.
    Forward(Block),
    /// To the start of this block's `loop`.
    Back(Block),
}

/// A piece of the function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item {
    /// Opens a `block` or `loop`.
    Open(Label),
    /// Tests the operand of the block's terminator and opens an `if`, entered when it is not 0
    /// (or, negated, when it is).
    If(Block, bool),
    /// Closes what was opened last.
    End,
    /// The instructions of a block but its terminator.
    Code(Block),
    /// The parameters of the target of this edge (index into [`Function::edges`]) of the block get
    /// their values.
    Moves(Block, u32),
    /// Goes to a label.
    Br(Label),
    /// Follows this edge to a label when the operand of the block's terminator is not 0 (or,
    /// negated, when it is).
    BrIf(Block, bool, u32, Label),
    /// The `switch` that ends a block.
    Switch(Block),
    /// Leaves the function, or never gets here: the block's terminator.
    Exit(Block),
}

/// How blocks are nested.
struct Structure<'a> {
    func: &'a Function,
    cfg: &'a Cfg,
    dom: &'a DomTree,
    loops: Loops,
    /// The block needs a `block` of its own.
    labelled: Vec<bool>,
    /// The block heads a loop.
    header: Vec<bool>,
    /// Labelled children within the loop, if the block heads one: in reverse postorder.
    merges: Vec<Vec<Block>>,
    /// Labelled children behind the loop, in reverse postorder.
    exits: Vec<Vec<Block>>,
    items: Vec<Item>,
}

/// What is left to do.
enum Task {
    /// The block and all below it; code that falls out of its end gets to the label.
    Tree(Block, Option<Label>),
    /// Adds an item.
    Item(Item),
}

/// The items of a function, in order.
pub fn structure(func: &Function, cfg: &Cfg, dom: &DomTree) -> Vec<Item> {
    let loops = Loops::new(func, cfg, dom);
    let n = func.blocks.len();
    let mut s = Structure {
        func,
        cfg,
        dom,
        loops,
        labelled: vec![false; n],
        header: vec![false; n],
        merges: vec![Vec::new(); n],
        exits: vec![Vec::new(); n],
        items: Vec::new(),
    };
    s.nest();
    let mut tasks = vec![Task::Tree(func.entry(), None)];
    while let Some(task) = tasks.pop() {
        match task {
            Task::Tree(block, follow) => s.tree(block, follow, &mut tasks),
            Task::Item(item) => s.items.push(item),
        }
    }
    s.items
}

impl Structure<'_> {
    /// Finds the parents of labelled blocks.
    fn nest(&mut self) {
        for l in &self.loops.loops {
            self.header[l.header.index()] = true;
        }
        for i in 1..self.cfg.rpo.len() {
            let block = self.cfg.rpo[i];
            let parent = self.dom.idom(block).expect("not the entry");
            let forward = self.cfg.preds(block).iter().filter(|p| !self.dom.dominates(block, p.block));
            let of_switch = |p: Block| self.func.insts[self.func.terminator(p).index()].op == Op::Switch;
            let (mut count, mut switched) = (0, false);
            for p in forward {
                count += 1;
                switched |= of_switch(p.block);
            }
            let around = self.left_loop(block, parent);
            self.labelled[block.index()] = count > 1 || switched || around.is_some();
            match around {
                Some(header) => self.exits[header.index()].push(block),
                None if self.labelled[block.index()] => self.merges[parent.index()].push(block),
                None => {}
            }
        }
    }

    /// The header of the outermost loop that `parent` is in and `block` is not. Blocks that dominate
    /// nothing may stay where all edges to them come from: they make nothing deeper.
    fn left_loop(&self, block: Block, parent: Block) -> Option<Block> {
        let leaf = self.dom.subtree_size(block) == 1;
        let stays = |l: u32| leaf && self.cfg.preds(block).iter().all(|p| self.loops.contains(l, p.block));
        let mut left = None;
        let mut at = self.loops.innermost(parent);
        while let Some(l) = at
            && !self.loops.contains(l, block)
            && !stays(l)
        {
            left = Some(self.loops.loops[l as usize].header);
            at = self.loops.loops[l as usize].parent;
        }
        left
    }

    fn tree(&mut self, block: Block, follow: Option<Label>, tasks: &mut Vec<Task>) {
        let exits = std::mem::take(&mut self.exits[block.index()]);
        let merges = std::mem::take(&mut self.merges[block.index()]);
        let open = |items: &mut Vec<Item>, list: &[Block]| {
            items.extend(list.iter().rev().map(|&b| Item::Open(Label::Forward(b))));
        };
        open(&mut self.items, &exits);
        // What follows, from the last to the first.
        let mut next = follow;
        for (i, &e) in exits.iter().enumerate().rev() {
            tasks.push(Task::Tree(
                e,
                if i + 1 == exits.len() { follow } else { Some(Label::Forward(exits[i + 1])) },
            ));
            tasks.push(Task::Item(Item::End));
            next = Some(Label::Forward(e));
        }
        if self.header[block.index()] {
            self.items.push(Item::Open(Label::Back(block)));
            tasks.push(Task::Item(Item::End));
        }
        open(&mut self.items, &merges);
        let behind = next;
        for (i, &m) in merges.iter().enumerate().rev() {
            tasks.push(Task::Tree(
                m,
                if i + 1 == merges.len() { behind } else { Some(Label::Forward(merges[i + 1])) },
            ));
            tasks.push(Task::Item(Item::End));
            next = Some(Label::Forward(m));
        }
        self.items.push(Item::Code(block));
        self.terminator(block, next, tasks);
    }

    /// The label of the edge from a block, or `None` if the target stands in the edge's place.
    fn label(&self, from: Block, to: Block) -> Option<Label> {
        if self.dom.dominates(to, from) {
            Some(Label::Back(to))
        } else {
            self.labelled[to.index()].then_some(Label::Forward(to))
        }
    }

    fn terminator(&mut self, block: Block, follow: Option<Label>, tasks: &mut Vec<Task>) {
        let inst = self.func.terminator(block);
        let data = &self.func.insts[inst.index()];
        let first = data.edges.start;
        match data.op {
            Op::Jump => self.follow_edge(block, first, follow, tasks),
            Op::Switch => self.items.push(Item::Switch(block)),
            Op::Brif => self.branch(block, first, follow, tasks),
            _ => self.items.push(Item::Exit(block)),
        }
    }

    /// Goes along an edge.
    fn follow_edge(&mut self, block: Block, edge: u32, follow: Option<Label>, tasks: &mut Vec<Task>) {
        let to = self.func.edges[edge as usize].block;
        self.items.push(Item::Moves(block, edge));
        match self.label(block, to) {
            Some(label) => self.items.push(Item::Br(label)),
            None => tasks.push(Task::Tree(to, follow)),
        }
    }

    /// A `brif` whose first edge this is.
    fn branch(&mut self, block: Block, first: u32, follow: Option<Label>, tasks: &mut Vec<Task>) {
        let to = [0, 1].map(|k| self.func.edges[(first + k) as usize]);
        let labels = to.map(|e| self.label(block, e.block));
        match labels {
            [Some(a), Some(b)] => {
                // Falling through costs nothing, and branches without moves little.
                let swap =
                    follow == Some(a) && follow != Some(b) || to[0].args.len > 0 && to[1].args.len == 0;
                let (k, label) = if swap { (1, b) } else { (0, a) };
                self.items.push(Item::BrIf(block, swap, first + k, label));
                self.follow_edge(block, first + 1 - k, follow, tasks);
            }
            [Some(label), None] | [None, Some(label)] => {
                let k = u32::from(labels[0].is_none());
                self.items.push(Item::BrIf(block, k == 1, first + k, label));
                self.follow_edge(block, first + 1 - k, follow, tasks);
            }
            [None, None] => {
                let k = u32::from(self.dom.subtree_size(to[0].block) > self.dom.subtree_size(to[1].block));
                self.items.push(Item::If(block, k == 1));
                self.items.push(Item::Moves(block, first + k));
                // Done last: the other arm.
                tasks.push(Task::Tree(to[1 - k as usize].block, follow));
                tasks.push(Task::Item(Item::Moves(block, first + 1 - k)));
                tasks.push(Task::Item(Item::End));
                tasks.push(Task::Tree(to[k as usize].block, None));
            }
        }
    }
}
