//! Emission: walks allocated code in final block order and lets the instruction set write it.
//!
//! Blocks come in the order of [`Layout`], then the slow paths, jump tables and constants.

use crate::costs::Costs;
use crate::lines;
use crate::mach::abi;
use crate::mach::buffer::{Buffer, Label};
use crate::mach::code::Code;
use crate::mach::exact::SlowPath;
use crate::mach::frame::{Frame, written};
use crate::mach::layout::Layout;
use crate::mach::stale::{self, Location};
use crate::mach::switch::Switches;
use crate::mach::{Context, Flow, Home, Isa, inst};

use mochi_ir::{Function, SrcLoc, Sym};
use mochi_objwrite::{Atom, AtomKind, FrameInfo, SymRef};
use regalloc2::{Allocation, Edit, InstOrEdit, Output, PReg};
use std::collections::HashMap;
use std::fmt::Write;

/// State of the emission of one function.
pub struct Emitter<'a, I: Isa> {
    /// Bytes and labels.
    pub buf: Buffer<I>,
    /// The frame.
    pub frame: Frame,
    /// The compilation's context.
    pub context: &'a Context<'a>,
    /// The function.
    pub func: &'a Function,
    /// Encoder state.
    pub state: I::State,
    slow_paths: Vec<(SlowPath<I>, SrcLoc)>,
    tables: Vec<(Label, Vec<Label>)>,
    constants: Vec<(Label, Vec<u8>)>,
    /// Labels of the constants.
    known_constants: HashMap<Vec<u8>, Label>,
    loc: SrcLoc,
    line: SrcLoc,
    ending: bool,
}

impl<I: Isa> Emitter<'_, I> {
    /// Emits this out of line, at the end of the function, with the current source position.
    pub fn add_slow_path(&mut self, path: SlowPath<I>) {
        self.slow_paths.push((path, self.loc));
    }

    /// Larger frames are touched in steps of so many bytes, so that no guard is jumped over.
    pub fn probe_step(&self) -> u32 {
        self.context.target.platform.stack_probe
    }

    /// Emits a jump.
    pub fn jump(&mut self, target: Label) {
        self.buf.branch(I::JUMP, target);
    }

    /// Emits a jump unless the target follows.
    pub fn jump_unless_next(&mut self, target: Label, next: Option<Label>) {
        if Some(target) != next {
            self.jump(target);
        }
    }

    /// Emits a load from, or a store to, the slot of a value.
    pub fn home(&mut self, home: Home, reg: PReg) {
        let offset = self.frame.home_offset(home.slot);
        self.frame_access(offset, reg, home.store);
    }

    /// Loads from or stores to this place below the frame pointer.
    pub fn frame_access(&mut self, offset: i32, reg: PReg, store: bool) {
        I::frame_access(self, offset, reg, store);
    }

    /// Makes an integer constant.
    pub fn constant(&mut self, to: PReg, v: i64) {
        I::constant(self, to, v);
    }

    /// Emits a direct call.
    pub fn call(&mut self, sym: Sym) {
        I::call(self, sym);
    }

    /// A table of four-byte offsets of labels relative to the returned label.
    pub fn add_table(&mut self, targets: Vec<Label>) -> Label {
        let label = self.buf.label();
        self.tables.push((label, targets));
        label
    }

    /// A constant behind the code, aligned to its size (a power of two up to 16).
    pub fn add_constant(&mut self, bytes: &[u8]) -> Label {
        if let Some(&label) = self.known_constants.get(bytes) {
            return label;
        }
        let label = self.buf.label();
        self.constants.push((label, bytes.to_vec()));
        self.known_constants.insert(bytes.to_vec(), label);
        label
    }

    /// The code being emitted is followed by more code of the function, so the state of call
    /// frame information matters.
    pub fn more_code(&self) -> bool {
        !self.ending || !self.slow_paths.is_empty()
    }

    fn set_loc(&mut self, loc: SrcLoc, prologue_end: bool) {
        self.loc = loc;
        if loc == SrcLoc::NONE || self.func.file.is_none() || loc == self.line && !prologue_end {
            return;
        }
        self.buf.line(lines::row(self.func, self.line, loc, prologue_end));
        self.line = loc;
    }
}

/// Emits a function.
pub fn emit<I: Switches>(
    context: &Context,
    func: &Function,
    code: &Code<I>,
    output: &Output,
) -> (Atom, Costs) {
    let returns = code.meta.iter().any(|m| m.flow == Flow::Exit) && func_returns(func);
    let abi = abi::of::<I>(context, func.conv);
    let mut written = written(code, output);
    if code.calls {
        written.union_from(abi.kept_in_part());
    }
    let mut saved = abi.saved(func.conv, func.result, written, func.save_all);
    if !returns && !func.save_all {
        // Nobody will see the registers again.
        saved = regalloc2::PRegSet::empty();
    }
    let saved = I::in_order_of_saving(context.target.platform.saves, saved);
    let mut e = Emitter::<I> {
        buf: Buffer::new(code.insts.len() * 5 + 64),
        frame: Frame::new(saved, output.num_spillslots, code.homes, code.outgoing, abi.kept_float),
        context,
        func,
        state: I::State::default(),
        slow_paths: Vec::new(),
        tables: Vec::new(),
        constants: Vec::new(),
        known_constants: HashMap::new(),
        loc: SrcLoc::NONE,
        line: SrcLoc::NONE,
        ending: false,
    };
    e.buf.make_labels(code.blocks.len());
    e.set_loc(func.loc, false);
    (abi.prologue)(&mut e);
    emit_blocks(&mut e, code, output);
    e.buf.cold_from_here();
    for (path, loc) in std::mem::take(&mut e.slow_paths) {
        e.set_loc(loc, false);
        I::slow_path(&mut e, &path);
    }
    finish(e, Costs::of(output))
}

fn func_returns(func: &Function) -> bool {
    func.layout.iter().any(|&b| func.insts[func.terminator(b).index()].op == mochi_ir::Op::Ret)
}

fn finish<I: Isa>(e: Emitter<I>, mut costs: Costs) -> (Atom, Costs) {
    let constants: Vec<(Label, &[u8])> = e.constants.iter().map(|(l, b)| (*l, &b[..])).collect();
    let align = constants.iter().map(|(_, b)| b.len() as u32).max().unwrap_or(1).max(I::FUNCTION_ALIGN);
    let body = e.buf.finish(&e.tables, &constants);
    (costs.bytes, costs.cold_bytes) = (body.code_size.into(), body.cold_size.into());
    let function = lines::info(e.func, body.code_size, body.lines, FrameInfo { ops: body.cfi });
    let atom = Atom {
        sym: SymRef(e.func.sym.0),
        kind: AtomKind::Text,
        align,
        bytes: body.bytes,
        zero_size: 0,
        relocs: body.relocs,
        function: Some(function),
    };
    (atom, costs)
}

fn emit_blocks<I: Switches>(e: &mut Emitter<I>, code: &Code<I>, output: &Output) {
    let stale = stale::find(code, output);
    let clears = |b: usize| stale.get(b).map_or(&[][..], |places| places);
    let Layout { target, order } = Layout::new(code, output, |b| !clears(b).is_empty());
    let mut prologue_end = true;
    let mut targets = Vec::new();
    for (at, &b) in order.iter().enumerate() {
        let next = order.get(at + 1).map(|&n| Label(n));
        if code.blocks[b as usize].cold {
            e.buf.cold_from_here();
        }
        e.buf.bind(Label(b));
        let b = b as usize;
        for item in output.block_insts_and_edits(code, regalloc2::Block::new(b)) {
            let inst = match item {
                InstOrEdit::Edit(Edit::Move { from, to }) => {
                    if from != to {
                        move_value(e, *from, *to);
                    }
                    continue;
                }
                InstOrEdit::Inst(inst) => inst,
            };
            let meta = &code.meta[inst.index()];
            e.ending = next.is_none() && inst.index() as u32 + 1 == code.blocks[b].end;
            // The first instruction only names the parameters' places.
            if inst.index() > 0 {
                e.set_loc(meta.loc, prologue_end);
                prologue_end = prologue_end && meta.loc == SrcLoc::NONE;
            }
            let allocs = output.inst_allocs(inst);
            if meta.flow == Flow::Branch {
                clears(b).iter().for_each(|&place| clear(e, place));
                targets.clear();
                targets.extend(code.succs(b).iter().map(|s| Label(target[s.index()])));
                // Where neither way follows, the unlikely one takes the second jump.
                let cold = |t: Label| code.blocks[t.0 as usize].cold;
                let away = match targets[..] {
                    [a, b] if next != Some(a) && next != Some(b) && cold(a) && !cold(b) => Some(a),
                    _ => None,
                };
                inst::branch(e, &code.insts[inst.index()], allocs, &targets, away.or(next));
                if let Some(away) = away {
                    e.jump(away);
                }
            } else {
                inst::emit(e, &code.insts[inst.index()], allocs);
            }
        }
    }
    e.ending = true;
}

/// Moves a value between two places, at least one of which is a register.
pub fn move_value<I: Isa>(e: &mut Emitter<I>, from: Allocation, to: Allocation) {
    let slot = |e: &Emitter<I>, a: Allocation| {
        e.frame.slot_offset(a.as_stack().expect("register or spill slot").index())
    };
    match (from.as_reg(), to.as_reg()) {
        (Some(from), Some(to)) => I::move_register(e, from, to),
        (Some(from), None) => I::frame_access(e, slot(e, to), from, true),
        (None, Some(to)) => I::frame_access(e, slot(e, from), to, false),
        (None, None) => unreachable!("moves between spill slots go through a register"),
    }
}

fn clear<I: Isa>(e: &mut Emitter<I>, location: Location) {
    match location {
        Location::Register(reg) => I::constant(e, reg, 0),
        Location::Slot(slot) => I::clear_word(e, e.frame.slot_offset(slot)),
    }
}

/// The code as text, for messages about bugs.
pub fn dump<I: Isa>(code: &Code<I>) -> String {
    let mut s = String::new();
    for (i, b) in code.blocks.iter().enumerate() {
        let _ = writeln!(s, "block{i} {:?} -> {:?} {:?}", b.params, code.succs(i), b.args);
        for inst in b.first..b.end {
            let operands = code.operands_of(inst as usize);
            let _ = writeln!(s, "  {inst}: {:?} {operands:?}", code.insts[inst as usize]);
        }
    }
    s
}
