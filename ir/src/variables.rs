//! Places assignable variables: from what blocks assign and read to block parameters.
//!
//! Cytron et al., "Efficiently Computing Static Single Assignment Form and the Control Dependence
//! Graph" (1991). Different assignments of a variable meet in the iterated dominance frontier of the
//! blocks that assign it. What reaches every read, and every edge into such a *meeting*, is found by a
//! walk over the dominator tree; only meetings that a read needs, itself or through others, become
//! parameters. So an argument is written only for a parameter that stays, and once. The work is linear
//! in blocks, assignments, reads, and edges into meetings: where a variable is alive does not matter.

use crate::cfg::{Cfg, DomTree};
use crate::func::{Block, Function, Type, Value};
use crate::ops::Op;
use crate::positions::SrcLoc;
use std::ops::Range;

/// A variable has this value at the end of a block that assigns it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assignment {
    pub block: Block,
    pub var: u32,
    pub value: Value,
}

/// A variable is read before its block assigns it; this value stands for what it has then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    pub block: Block,
    pub var: u32,
    pub value: Value,
}

/// Makes every read an alias of what reaches it, with block parameters where assignments meet. A
/// variable that no path assigned is zero. `types` are those of the variables. Blocks that cannot be
/// reached must be gone, and no edge may lead to the entry.
pub(crate) fn place(func: &mut Function, types: &[Type], assignments: &[Assignment], reads: &[Read]) {
    if !reads.is_empty() {
        let cfg = Cfg::new(func);
        let dom = DomTree::new(func, &cfg);
        place_in(func, &cfg, &dom, types, assignments, reads);
    }
}

/// The same for a caller that knows the function's graph, which stays as it is.
pub(crate) fn place_in(
    func: &mut Function,
    cfg: &Cfg,
    dom: &DomTree,
    types: &[Type],
    assignments: &[Assignment],
    reads: &[Read],
) {
    let reads = Rows::new(types.len(), reads, |r| r.var, |r| cfg.is_reachable(r.block));
    let sets = Rows::new(types.len(), assignments, |a| a.var, |a| cfg.is_reachable(a.block));
    let meets = meetings(func, cfg, dom, &sets, &reads);
    let reaching = Walk::run(func, dom, &meets, &sets, &reads);
    if reaching.write(func, types, cfg, dom) {
        func.remove_trivial_params();
    }
}

/// Items in rows by a dense key, in their order.
struct Rows<T> {
    start: Vec<u32>,
    items: Vec<T>,
}

impl<T: Copy> Rows<T> {
    fn new(rows: usize, all: &[T], key: impl Fn(&T) -> u32, keep: impl Fn(&T) -> bool) -> Rows<T> {
        let mut start = vec![0u32; rows + 1];
        all.iter().filter(|t| keep(t)).for_each(|t| start[key(t) as usize + 1] += 1);
        for i in 0..rows {
            start[i + 1] += start[i];
        }
        let mut items = Vec::new();
        if let Some(&first) = all.first() {
            items.resize(start[rows] as usize, first);
            let mut fill = start.clone();
            for t in all.iter().filter(|t| keep(t)) {
                let at = &mut fill[key(t) as usize];
                items[*at as usize] = *t;
                *at += 1;
            }
        }
        Rows { start, items }
    }

    /// Where the items of a row are.
    fn range(&self, key: usize) -> Range<usize> {
        self.start[key] as usize..self.start[key + 1] as usize
    }

    fn row(&self, key: usize) -> &[T] {
        &self.items[self.range(key)]
    }
}

const NONE: u32 = u32::MAX;

/// Where dominance ends: for each block the joins that it does not dominate, but a predecessor of
/// which it does. As linked lists.
struct Frontiers {
    first: Vec<u32>,
    entries: Vec<(Block, u32)>,
}

impl Frontiers {
    fn new(func: &Function, cfg: &Cfg, dom: &DomTree) -> Frontiers {
        let mut f = Frontiers {
            first: vec![NONE; func.blocks.len()],
            entries: Vec::with_capacity(func.blocks.len()),
        };
        for &join in cfg.rpo.iter().filter(|&&b| cfg.preds(b).len() > 1) {
            let end = dom.idom(join);
            for p in cfg.preds(join) {
                let mut at = Some(p.block);
                while at != end {
                    let b = at.expect("the immediate dominator is above every predecessor").index();
                    // What is above was visited for an earlier predecessor.
                    if f.first[b] != NONE && f.entries[f.first[b] as usize].0 == join {
                        break;
                    }
                    f.entries.push((join, f.first[b]));
                    f.first[b] = f.entries.len() as u32 - 1;
                    at = dom.idom(Block(b as u32));
                }
            }
        }
        f
    }
}

/// Where different assignments of a variable that is read come together.
#[derive(Clone, Copy, Debug)]
struct Meeting {
    block: Block,
    var: u32,
}

/// The meetings of all variables, in order of variables.
fn meetings(
    func: &Function,
    cfg: &Cfg,
    dom: &DomTree,
    sets: &Rows<Assignment>,
    reads: &Rows<Read>,
) -> Vec<Meeting> {
    let mut frontiers = None;
    let mut meets: Vec<Meeting> = Vec::with_capacity(reads.items.len());
    // The last variable that meets in a block.
    let mut met = vec![NONE; func.blocks.len()];
    let mut work: Vec<Block> = Vec::new();
    for var in 0..reads.start.len() - 1 {
        let (set, read) = (sets.row(var), reads.row(var));
        if read.is_empty() || set.is_empty() {
            continue;
        }
        let above = |b: Block| read.iter().all(|r| b != r.block && dom.dominates(b, r.block));
        // An assignment above all reads is the variable's scope: no read follows elsewhere without it.
        let scope = set.iter().map(|s| s.block).find(|&b| above(b));
        if set.len() == 1 && scope.is_some() {
            continue;
        }
        let inside = |join: Block| scope.is_none_or(|b| b != join && dom.dominates(b, join));
        let var = var as u32;
        let frontiers = frontiers.get_or_insert_with(|| Frontiers::new(func, cfg, dom));
        work.extend(set.iter().map(|s| s.block));
        // A block is added once per variable: where the variable meets first.
        while let Some(b) = work.pop() {
            let mut at = frontiers.first[b.index()];
            while at != NONE {
                let (join, next) = frontiers.entries[at as usize];
                at = next;
                if inside(join) && std::mem::replace(&mut met[join.index()], var) != var {
                    meets.push(Meeting { block: join, var });
                    work.push(join);
                }
            }
        }
    }
    meets
}

/// What a variable is at some place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reached {
    /// No path assigned it.
    Nothing,
    /// A value.
    Value(Value),
    /// What a meeting makes of it: its place in the rows of meetings.
    Meeting(u32),
}

/// What reaches the reads and the edges into meetings.
struct Reaching {
    /// Meetings by block.
    meets: Rows<Meeting>,
    /// Reads in preorder of the dominator tree.
    reads: Vec<(Read, Reached)>,
    /// Where the row of an edge into a block with meetings starts in `args`; `NONE` for other edges.
    rows: Vec<u32>,
    args: Vec<Reached>,
}

/// The walk over the dominator tree that finds out what reaches what.
struct Walk {
    found: Reaching,
    /// What each variable is at the current point.
    now: Vec<Reached>,
    /// Changes of `now` in open scopes, with what was before.
    undo: Vec<(u32, Reached)>,
}

impl Walk {
    fn run(
        func: &Function,
        dom: &DomTree,
        meets: &[Meeting],
        sets: &Rows<Assignment>,
        reads: &Rows<Read>,
    ) -> Reaching {
        let blocks = func.blocks.len();
        let vars = reads.start.len() - 1;
        let meets = Rows::new(blocks, meets, |m| m.block.0, |_| true);
        let sets = Rows::new(blocks, &sets.items, |a| a.block.0, |_| true);
        let reads = Rows::new(blocks, &reads.items, |r| r.block.0, |_| true);
        let rows = vec![NONE; func.edges.len()];
        let found = Reaching {
            meets,
            reads: Vec::with_capacity(reads.items.len()),
            rows,
            args: Vec::with_capacity(2 * reads.items.len()),
        };
        let mut walk =
            Walk { found, now: vec![Reached::Nothing; vars], undo: Vec::with_capacity(sets.items.len()) };
        let mut scopes: Vec<(u32, usize)> = Vec::with_capacity(32);
        for (at, &block) in dom.preorder.iter().enumerate() {
            while let Some(&(end, undo)) = scopes.last() {
                if (at as u32) < end {
                    break;
                }
                for (var, old) in walk.undo.drain(undo..).rev() {
                    walk.now[var as usize] = old;
                }
                scopes.pop();
            }
            scopes.push((dom.subtree_end(block), walk.undo.len()));
            for k in walk.found.meets.range(block.index()) {
                walk.set(walk.found.meets.items[k].var, Reached::Meeting(k as u32));
            }
            for &r in reads.row(block.index()) {
                walk.found.reads.push((r, walk.now[r.var as usize]));
            }
            for s in sets.row(block.index()) {
                walk.set(s.var, Reached::Value(s.value));
            }
            walk.leave(func, block);
        }
        walk.found
    }

    fn set(&mut self, var: u32, reached: Reached) {
        self.undo.push((var, self.now[var as usize]));
        self.now[var as usize] = reached;
    }

    /// Notes what the variables that meet in the successors are.
    fn leave(&mut self, func: &Function, block: Block) {
        let Walk { found, now, .. } = self;
        let edges = func.insts[func.terminator(block).index()].edges;
        for e in edges.start as usize..(edges.start + edges.len) as usize {
            let row = found.meets.row(func.edges[e].block.index());
            if !row.is_empty() {
                found.rows[e] = found.args.len() as u32;
                found.args.extend(row.iter().map(|m| now[m.var as usize]));
            }
        }
    }
}

impl Reaching {
    /// The meetings that a read needs.
    fn needed(&self, cfg: &Cfg) -> Vec<bool> {
        let mut needed = vec![false; self.meets.items.len()];
        let mut work: Vec<u32> = Vec::new();
        let mut need = |reached: Reached, work: &mut Vec<u32>| {
            if let Reached::Meeting(k) = reached
                && !std::mem::replace(&mut needed[k as usize], true)
            {
                work.push(k);
            }
        };
        self.reads.iter().for_each(|r| need(r.1, &mut work));
        while let Some(k) = work.pop() {
            let block = self.meets.items[k as usize].block;
            let column = k as usize - self.meets.range(block.index()).start;
            for p in cfg.preds(block) {
                need(self.args[self.rows[p.edge as usize] as usize + column], &mut work);
            }
        }
        needed
    }

    /// Writes parameters and arguments, and what reads stand for. Says whether a parameter got the same
    /// value on every way.
    fn write(&self, func: &mut Function, types: &[Type], cfg: &Cfg, dom: &DomTree) -> bool {
        let needed = self.needed(cfg);
        let mut writer = Writer { func, types, params: vec![None; needed.len()], zeros: Vec::new() };
        for &block in &dom.preorder {
            for k in self.meets.range(block.index()).filter(|&k| needed[k]) {
                let ty = types[self.meets.items[k].var as usize];
                writer.params[k] = Some(writer.func.add_param(block, ty));
            }
        }
        for &(read, reached) in &self.reads {
            let value = writer.value(read.var, reached);
            writer.func.replace(read.value, value);
        }
        let mut values: Vec<Value> = Vec::new();
        for (e, &start) in self.rows.iter().enumerate().filter(|r| *r.1 != NONE) {
            values.clear();
            let row = self.meets.range(writer.func.edges[e].block.index());
            for (k, &reached) in row.clone().zip(&self.args[start as usize..]) {
                if needed[k] {
                    values.push(writer.value(self.meets.items[k].var, reached));
                }
            }
            writer.append(e, &values);
        }
        let Writer { func, zeros, .. } = writer;
        let entry = func.entry();
        for zero in zeros {
            let inst = func.def_inst(zero).expect("a constant");
            func.blocks[entry.index()].insts.insert(0, inst);
        }
        dom.preorder
            .iter()
            .filter(|b| self.meets.range(b.index()).any(|k| needed[k]))
            .any(|&b| has_trivial_param(func, cfg, b))
    }
}

/// Writes into a function what was found.
struct Writer<'f> {
    func: &'f mut Function,
    types: &'f [Type],
    /// The parameters that meetings became.
    params: Vec<Option<Value>>,
    /// Zeros of the types that needed one, for the entry block.
    zeros: Vec<Value>,
}

impl Writer<'_> {
    fn value(&mut self, var: u32, reached: Reached) -> Value {
        match reached {
            Reached::Value(v) => return self.func.resolve(v),
            Reached::Meeting(k) => return self.params[k as usize].expect("what a read needs is needed"),
            Reached::Nothing => {}
        }
        let ty = self.types[var as usize];
        if let Some(&zero) = self.zeros.iter().find(|&&z| self.func.ty(z) == ty) {
            return zero;
        }
        let op = if ty == Type::F64 { Op::Fconst } else { Op::Iconst };
        let inst = self.func.make_inst(op, &[], 0, None, Some(ty), SrcLoc::NONE);
        let zero = self.func.insts[inst.index()].result.expect("a constant has a result");
        self.zeros.push(zero);
        zero
    }

    /// Appends arguments to an edge.
    fn append(&mut self, edge: usize, values: &[Value]) {
        if values.is_empty() {
            return;
        }
        let start = self.func.pool.len() as u32;
        let old = self.func.edges[edge].args;
        self.func.pool.extend_from_within(old.start as usize..(old.start + old.len) as usize);
        self.func.pool.extend_from_slice(values);
        let args = &mut self.func.edges[edge].args;
        (args.start, args.len) = (start, self.func.pool.len() as u32 - start);
    }
}

fn has_trivial_param(func: &Function, cfg: &Cfg, block: Block) -> bool {
    let params = func.blocks[block.index()].params.iter();
    params.enumerate().any(|(k, &p)| func.only_argument(cfg.preds(block), k, p).is_some())
}
