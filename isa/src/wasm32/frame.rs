//! Frames on the shadow stack: what the collector and back traces see of a function.
//!
//! A frame: [fp] address of the caller's frame, [fp + 8] code offset of the call in progress (32 bits), [fp + 12]
//! number of the words from [fp + 16] on that the collector searches, then these, slots for references; fp is
//! the stack pointer (global 0). What is left of earlier calls in the rest of a frame, it does not see. A call is
//! - *quiet*: nothing it does looks at the stack. It needs no frame.
//! - *cold*: a slow path, a call in a cold block or of a cold function, or one that does not return. It
//!   can have a frame made just around it, and references are stored there.
//! - *hot*: any other. The function then has a frame from its start to its end, and a reference that
//!   is live across a hot call is stored once, where it is defined (objects do not move, so
//!   nothing is loaded again).
//!
//! Nobody can ask for the end of the engine's own stack. So a frame from start to end is at least as
//! large as the engine's own ([`super::engine`]), and the limit of the shadow stack, which is looked at when
//! such a frame is made, stands for both. Every function has one that may be on the stack without bound
//! (it calls something that is not bounded: [`mochi_ir::Effects::nests`]) or whose engine's frame is large;
//! what the others take together is little, and the engine's stack is larger than ours by as much.
//!
//! A function with many cold calls has a whole frame too, which makes it shorter.
//!
//! What has to be kept is a rule of the IR: [`mochi_ir::roots`]. Functions of the program (with a file) make
//! frames for traces too; the runtime's own around cold calls only to keep something.

use crate::Context;
use crate::wasm32::ints::has_slow_path;
use crate::wasm32::locals::Locals;
use crate::wasm32::trees::Trees;
use mochi_ir::{Block, Function, Inst, Op, Value, effects};
use std::collections::HashMap;

/// Offset of the call in progress, and of the number of words that are searched above it.
pub const PLACE: u32 = 8;
/// Where that number begins.
const SEARCHED_SHIFT: u32 = 32;
/// Offset of the first slot.
const SLOTS: u32 = 16;
/// A reference that is live across more cold calls than this gets a slot, as for a hot one.
const COLD: usize = 12;
/// Functions whose frame in an engine has more bytes look at the limit whatever they call.
const LARGE: usize = 4096;
/// With more cold calls than this, a frame from start to end is shorter than one around each.
const MANY: usize = 8;
/// Slots without a frame are put off to the calls.
const NONE: u32 = u32::MAX;

/// How a call is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Temper {
    /// No frame.
    Quiet,
    /// Unlikely.
    Cold,
    /// Any other.
    Hot,
}

/// The frames of a function.
pub struct Frame {
    /// There is a frame from the start to the end.
    pub whole: bool,
    /// Frames keep the place of the call, for traces.
    pub traced: bool,
    /// Bytes of the whole frame.
    pub size: u32,
    /// Bytes of it that are written.
    stored: u32,
    /// Offset of the slot of each value that is stored where it is defined.
    slots: Vec<u32>,
    /// Number of such slots.
    slot_count: u32,
    /// Offset of the locals that are in the frame.
    pub locals_at: u32,
    /// There are any.
    has_locals: bool,
    /// Values to store around cold calls.
    spills: HashMap<Inst, Vec<Value>>,
}

impl Frame {
    /// Takes so many bytes of the engine's stack into account. False when this asks for a larger frame than
    /// there was, so that what has been written does not hold.
    pub fn charge(&mut self, engine: usize) -> bool {
        let whole = self.whole || engine > LARGE;
        let size = self.stored.max(engine as u32).next_multiple_of(8);
        let holds = whole == self.whole && (!whole || size <= self.size);
        self.whole = whole;
        self.size = self.size.max(size);
        holds
    }

    /// The number of words to search during a call with so many spills, at its place in the word at [`PLACE`].
    pub fn searched(&self, spills: usize) -> i64 {
        let words = if self.has_locals { (self.stored - SLOTS) / 8 } else { self.slot_count + spills as u32 };
        i64::from(words) << SEARCHED_SHIFT
    }

    /// Where a value is stored when it has been defined.
    pub fn slot(&self, v: Value) -> Option<u32> {
        let slot = self.slots[v.index()];
        (slot != NONE).then_some(slot)
    }

    /// Values to store before a cold call, with their offsets, and the size of a frame for them.
    pub fn spills(&self, inst: Inst) -> (Vec<(Value, u32)>, u32) {
        let values = self.spills.get(&inst).map_or(&[][..], |s| s);
        let first = SLOTS + 8 * self.slot_count;
        let list = values.iter().enumerate().map(|(i, &v)| (v, first + 8 * i as u32)).collect();
        (list, (first + 8 * values.len() as u32).next_multiple_of(16))
    }
}

/// How an instruction calls, if it does.
pub fn temper(context: &Context, func: &Function, inst: Inst, cold_block: bool) -> Temper {
    let d = &func.insts[inst.index()];
    if !matches!(d.op, Op::Call | Op::CallInd) {
        return if has_slow_path(func, inst) { Temper::Cold } else { Temper::Quiet };
    }
    let effects = effects(context.module, func, d);
    let is_cold = |s| context.module.sym(s).attributes.cold;
    match () {
        () if !effects.stack => Temper::Quiet,
        () if cold_block || !effects.returns || d.sym.is_some_and(is_cold) => Temper::Cold,
        () => Temper::Hot,
    }
}

/// The instruction may run the collector, and go on.
pub fn collects(context: &Context, func: &Function, inst: Inst) -> bool {
    effects(context.module, func, &func.insts[inst.index()]).returns
        && temper(context, func, inst, false) != Temper::Quiet
}

/// Plans the frames. `blocks` are those that are emitted, `roots` the values the collector has to
/// see.
pub fn plan(
    context: &Context,
    func: &Function,
    blocks: &[Block],
    trees: &Trees,
    locals: &Locals,
    roots: &[bool],
) -> Frame {
    let traced = func.file.is_some();
    let mut hot: Vec<(u32, u32)> = Vec::new();
    let mut cold: Vec<(u32, u32, Inst)> = Vec::new();
    let (mut any_hot, mut calls, mut nests) = (false, 0, false);
    for &b in blocks {
        let cold_block = func.blocks[b.index()].cold;
        for &inst in func.blocks[b.index()].insts.iter().filter(|i| trees.live[i.index()]) {
            let temper = temper(context, func, inst, cold_block);
            nests |= effects(context.module, func, &func.insts[inst.index()]).nests;
            if temper == Temper::Quiet {
                continue;
            }
            let at = locals.position[inst.index()];
            // What a root reads it has read; what others of the tree read may come after a nested one.
            let across = 2 * at + u32::from(trees.is_root(func, inst));
            any_hot |= temper == Temper::Hot;
            calls += 1;
            match temper {
                _ if !collects(context, func, inst) => {}
                Temper::Hot => hot.push((at, across)),
                _ => cold.push((at, across, inst)),
            }
        }
    }
    hot.sort_unstable();
    cold.sort_unstable();
    let mut values: Vec<Value> = (0..func.values.len() as u32)
        .map(Value)
        .filter(|v| roots[v.index()] && trees.in_local(func, *v) && !locals.is_in_frame(*v))
        .collect();
    values.sort_by_key(|v| locals.ranges[v.index()].start);
    let crosses_hot = |v: Value| {
        let range = locals.ranges[v.index()];
        let first = hot.partition_point(|h| 2 * h.0 < range.start);
        hot.get(first).is_some_and(|h| range.last >= h.1)
    };
    let crosses_many = |v: Value| {
        let range = locals.ranges[v.index()];
        let first = cold.partition_point(|c| 2 * c.0 < range.start);
        cold.get(first + COLD).is_some_and(|c| range.last >= c.1)
    };
    let (kept, put_off): (Vec<Value>, Vec<Value>) =
        values.into_iter().partition(|&v| crosses_hot(v) || crosses_many(v));
    let (slots, slot_count) = colour_slots(func, locals, &kept);
    let spills = spills(locals, &cold, &put_off);
    let mut frame = Frame {
        whole: (any_hot || calls > MANY) && traced || slot_count > 0 || nests || !locals.in_frame.is_empty(),
        traced,
        size: 0,
        stored: 0,
        slots,
        slot_count,
        locals_at: 0,
        has_locals: !locals.in_frame.is_empty(),
        spills,
    };
    let sizes = cold.iter().map(|c| frame.spills(c.2).1);
    frame.locals_at = sizes.max().unwrap_or(0).max(SLOTS + 8 * slot_count);
    frame.stored = frame.locals_at + 8 * locals.in_frame.len() as u32;
    frame
}

/// Gives slots to values in order of definition; ranges that do not meet share one.
fn colour_slots(func: &Function, locals: &Locals, values: &[Value]) -> (Vec<u32>, u32) {
    let mut slots = vec![NONE; func.values.len()];
    let mut busy = std::collections::BinaryHeap::new();
    let mut count = 0;
    for &v in values {
        let range = locals.ranges[v.index()];
        let slot = match busy.peek() {
            Some(&std::cmp::Reverse((end, slot))) if end < range.start => {
                busy.pop();
                slot
            }
            _ => {
                count += 1;
                SLOTS + 8 * (count - 1)
            }
        };
        slots[v.index()] = slot;
        busy.push(std::cmp::Reverse((range.last, slot)));
    }
    (slots, count)
}

/// For each cold call the values (in order of definition) that are live across it.
fn spills(locals: &Locals, cold: &[(u32, u32, Inst)], values: &[Value]) -> HashMap<Inst, Vec<Value>> {
    let mut result = HashMap::new();
    let mut active: Vec<Value> = Vec::new();
    let mut next = values.iter().peekable();
    for &(at, across, inst) in cold {
        while let Some(&&v) = next.peek()
            && locals.ranges[v.index()].start < 2 * at + 1
        {
            active.push(v);
            next.next();
        }
        active.retain(|v| locals.ranges[v.index()].last >= 2 * at);
        let list: Vec<Value> =
            active.iter().copied().filter(|v| locals.ranges[v.index()].last >= across).collect();
        if !list.is_empty() {
            result.insert(inst, list);
        }
    }
    result
}
