//! Instructions that are several machine instructions but one to the allocator: exact integer
//! arithmetic with its out-of-line slow path, conversions, loops over memory, multi-way branches.
//!
//! Exact arithmetic: the fast path works on tagged words (twice the value), and leaves for a stub
//! on overflow or when a word is odd. The stub saves what it uses, calls the runtime function,
//! which keeps every other register, and jumps back behind the fast path. The operands are still
//! there then: sums and differences written over an operand are undone first; where that cannot
//! be, selection keeps the operands apart from the result.

use crate::a64::A64;
use crate::a64::emit::{Branch, NO_SHIFT, i, r, reg};
use crate::a64::insts::{Cc, Opd, Row};
use crate::a64::regs::*;
use crate::mach::switch::Plan;
use crate::mach::{Emitter, Label, magic};
use mochi_ir::Sym;
use regalloc2::{Allocation, PReg};

/// What a branch tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Test {
    /// A condition of the flags.
    Is(Cc),
    /// A register, the branch's operand: zero, or (`true`) not.
    Zero(bool),
    /// A bit of a register, the branch's operand: zero, or (`true`) one.
    Bit(u8, bool),
}

impl Test {
    /// The opposite.
    pub fn invert(self) -> Test {
        match self {
            Test::Is(cc) => Test::Is(cc.invert()),
            Test::Zero(not) => Test::Zero(!not),
            Test::Bit(bit, one) => Test::Bit(bit, !one),
        }
    }
}

/// What may be wrong with the operands of exact arithmetic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checks {
    /// The first operand may be odd.
    pub a: bool,
    /// The second operand may be odd.
    pub b: bool,
    /// The result may overflow.
    pub overflow: bool,
}

/// Several machine instructions at once. The comments give the order of allocations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Composite {
    /// Exact sum or difference: result, a, b (unless constant).
    AddSub { sub: bool, imm: Option<i64>, checks: Checks, slow: Sym },
    /// Exact negation: result, a.
    Neg { checks: Checks, slow: Sym },
    /// Exact product: result, a, b (unless an untagged constant). Operands apart from the result.
    Mul { factor: Option<i64>, checks: Checks, slow: Sym },
    /// Exact comparison into the flags: a, b (unless constant). When `swap`, the runtime compares
    /// b with a, and flags are those of its negated answer.
    Cmp { imm: Option<i64>, swap: bool, checks: Checks, slow: Sym },
    /// Exact quotient or remainder: result, a, b. Operands apart from the result.
    Div { rem: bool, checks: Checks, slow: Sym },
    /// Exact quotient or remainder by a tagged constant: result, a.
    DivConst { rem: bool, divisor: i64, slow: Sym },
    /// Float to integer; NaN and what is out of range give the minimum: result, float.
    ToInt,
    /// Copy of memory: to, from, size; each a result and a use in the same place.
    Copy { overlap: bool },
    /// Fill of memory: to, byte, size; each a result and a use in the same place.
    Fill,
    /// Switch of stacks: new stack pointer, code; the argument is in place.
    SwitchStack,
}

/// The slow path of exact arithmetic.
#[derive(Clone, Debug)]
pub struct Stub {
    entry: Label,
    back: Label,
    slow: Sym,
    undo: Option<(Row, [Opd; 4], usize)>,
    a: Opd,
    b: Opd,
    /// Result, or `None` for a comparison.
    result: Option<PReg>,
    /// The comparison's operands are exchanged.
    swap: bool,
}

/// Emits the slow path.
pub fn stub(e: &mut Emitter<A64>, s: &Stub) {
    e.buf.bind(s.entry);
    if let Some((row, operands, n)) = &s.undo {
        e.put(*row, &operands[..*n]);
    }
    let (x0, x1) = (x(0), x(1));
    e.put(Row::StpPre, &[r(x0), r(x1), r(SP), i(-16)]);
    let (first, second) = if s.swap { (s.b, s.a) } else { (s.a, s.b) };
    if second == r(x0) {
        e.mov(IP0, x0);
        argument(e, x0, first);
        e.mov(x1, IP0);
    } else {
        argument(e, x0, first);
        argument(e, x1, second);
    }
    e.call(s.slow);
    match s.result {
        Some(_) => e.mov(IP0, x0),
        None if s.swap => e.put(Row::Cmp, &[r(ZR), r(x0), NO_SHIFT]),
        None => e.put(Row::CmpI, &[r(x0), i(0)]),
    }
    e.put(Row::LdpPost, &[r(x0), r(x1), r(SP), i(16)]);
    if let Some(result) = s.result {
        e.mov(result, IP0);
    }
    e.jump(s.back);
}

/// Moves an operand into an argument register. The first argument is moved first, so it does not
/// matter that the second register is overwritten after that.
fn argument(e: &mut Emitter<A64>, to: PReg, from: Opd) {
    match from {
        Opd::Reg(from) => e.mov(to, from),
        Opd::Imm(v) => e.constant(to, v),
    }
}

/// Goes to the stub when a word to be checked is odd.
fn test_tags(e: &mut Emitter<A64>, checks: Checks, a: PReg, b: Opd, odd: Label) {
    match (checks.a, checks.b) {
        (true, true) => {
            e.put(Row::Orr, &[r(IP0), r(a), b, NO_SHIFT]);
            e.branch_bit(IP0, 0, odd);
        }
        (true, false) => e.branch_bit(a, 0, odd),
        (false, true) => {
            let Opd::Reg(b) = b else { unreachable!("constants are not checked") };
            e.branch_bit(b, 0, odd);
        }
        (false, false) => {}
    }
}

/// Emits a composite.
pub fn emit(e: &mut Emitter<A64>, c: &Composite, allocs: &[Allocation]) {
    match *c {
        Composite::AddSub { sub, imm, checks, slow } => add_sub(e, sub, imm, checks, slow, allocs),
        Composite::Neg { checks, slow } => {
            let (entry, back) = (e.buf.label(), e.buf.label());
            let (dst, a) = (reg(allocs[0]), reg(allocs[1]));
            e.put(Row::Negs, &[r(dst), r(a), NO_SHIFT]);
            if checks.overflow {
                e.branch_if(Cc::Vs, entry);
            }
            if checks.a {
                e.branch_bit(dst, 0, entry);
            }
            e.buf.bind(back);
            let undo = (dst == a).then_some((Row::Neg, [r(dst), r(dst), NO_SHIFT, i(0)], 3));
            let (a, result) = (r(a), Some(dst));
            e.add_stub(Stub { entry, back, slow, undo, a, b: a, result, swap: false });
        }
        Composite::Mul { factor, checks, slow } => mul(e, factor, checks, slow, allocs),
        Composite::Cmp { imm, swap, checks, slow } => {
            let (entry, back) = (e.buf.label(), e.buf.label());
            let a = reg(allocs[0]);
            let b = imm.map_or_else(|| r(reg(allocs[1])), i);
            test_tags(e, checks, a, b, entry);
            match b {
                Opd::Imm(v) => compare_constant(e, a, v),
                b => e.put(Row::Cmp, &[r(a), b, NO_SHIFT]),
            }
            e.buf.bind(back);
            let a = r(a);
            e.add_stub(Stub { entry, back, slow, undo: None, a, b, result: None, swap });
        }
        Composite::Div { rem, checks, slow } => div(e, rem, checks, slow, allocs),
        Composite::DivConst { rem, divisor, slow } => {
            let (entry, back) = (e.buf.label(), e.buf.label());
            let (dst, a) = (reg(allocs[0]), reg(allocs[1]));
            e.branch_bit(a, 0, entry);
            div_const(e, dst, a, divisor, rem);
            e.buf.bind(back);
            let (a, b, result) = (r(a), i(divisor), Some(dst));
            e.add_stub(Stub { entry, back, slow, undo: None, a, b, result, swap: false });
        }
        Composite::ToInt => {
            let (dst, a) = (r(reg(allocs[0])), r(reg(allocs[1])));
            e.put(Row::Fcvtzs, &[dst, a]);
            // Saturated: right below. The maximum is no float, so it stands for too large.
            e.put(Row::Fcmp, &[a, a]);
            e.put(Row::CcmnI, &[dst, i(1), i(Cc::Vs.flags()), i(Cc::Vc as i64)]);
            e.constant(IP0, i64::MIN);
            e.put(Row::Csel, &[dst, r(IP0), dst, i(Cc::Vs as i64)]);
        }
        Composite::Copy { overlap } => {
            let (to, from, n) = (reg(allocs[0]), reg(allocs[2]), reg(allocs[4]));
            copy(e, to, from, n, overlap);
        }
        Composite::Fill => fill(e, reg(allocs[0]), reg(allocs[2]), reg(allocs[4])),
        Composite::SwitchStack => {
            let (sp, code) = (reg(allocs[0]), reg(allocs[1]));
            e.mov(SP, sp);
            e.constant(FP, 0);
            e.put(Row::CallReg, &[r(code)]);
            e.put(Row::Brk, &[i(1)]);
        }
    }
}

fn add_sub(
    e: &mut Emitter<A64>,
    sub: bool,
    imm: Option<i64>,
    checks: Checks,
    slow: Sym,
    allocs: &[Allocation],
) {
    let (entry, back) = (e.buf.label(), e.buf.label());
    let (dst, a) = (reg(allocs[0]), reg(allocs[1]));
    let b = imm.map_or_else(|| r(reg(allocs[2])), i);
    let both = checks.a && checks.b;
    if both {
        e.put(Row::Orr, &[r(IP0), r(a), b, NO_SHIFT]);
    }
    let flags = checks.overflow;
    let undo = match b {
        Opd::Imm(v) => {
            let (down, v) = if v < 0 { (!sub, -v) } else { (sub, v) };
            let row = match (down, flags) {
                (false, false) => Row::AddI,
                (false, true) => Row::AddsI,
                (true, false) => Row::SubI,
                (true, true) => Row::SubsI,
            };
            e.put(row, &[r(dst), r(a), i(v)]);
            let back = if down { Row::AddI } else { Row::SubI };
            (dst == a).then_some((back, [r(dst), r(dst), i(v), i(0)], 3))
        }
        Opd::Reg(b) => {
            let row = match (sub, flags) {
                (false, false) => Row::Add,
                (false, true) => Row::Adds,
                (true, false) => Row::Sub,
                (true, true) => Row::Subs,
            };
            e.put(row, &[r(dst), r(a), r(b), NO_SHIFT]);
            let back = if sub { Row::Add } else { Row::Sub };
            if dst == a {
                Some((back, [r(dst), r(dst), r(b), NO_SHIFT], 4))
            } else if dst == b && sub {
                Some((Row::Sub, [r(dst), r(a), r(dst), NO_SHIFT], 4))
            } else if dst == b {
                Some((Row::Sub, [r(dst), r(dst), r(a), NO_SHIFT], 4))
            } else {
                None
            }
        }
    };
    if checks.overflow {
        e.branch_if(Cc::Vs, entry);
    }
    // Sum and difference of an odd and an even word are odd.
    if both {
        e.branch_bit(IP0, 0, entry);
    } else if checks.a || checks.b {
        e.branch_bit(dst, 0, entry);
    }
    e.buf.bind(back);
    let (a, result) = (r(a), Some(dst));
    e.add_stub(Stub { entry, back, slow, undo, a, b, result, swap: false });
}

/// The product of a tagged and an untagged word is tagged. It fits when the high half of the
/// product is the sign of the low one.
fn mul(e: &mut Emitter<A64>, factor: Option<i64>, checks: Checks, slow: Sym, allocs: &[Allocation]) {
    let (entry, back) = (e.buf.label(), e.buf.label());
    let (dst, a) = (reg(allocs[0]), reg(allocs[1]));
    let sign_of = |reg: PReg| [r(IP1), r(reg), i(2 * 64 + 63)];
    let b = match factor {
        Some(c) if c > 1 && c & (c - 1) == 0 => {
            test_tags(e, checks, a, r(a), entry);
            let k = c.trailing_zeros() as i64;
            e.put(Row::Lsl, &[r(dst), r(a), i(k)]);
            if checks.overflow {
                e.put(Row::Cmp, &[r(a), r(dst), i(2 * 64 + k)]);
            }
            i(2 * c)
        }
        Some(c) => {
            test_tags(e, checks, a, r(a), entry);
            e.constant(IP0, c);
            if checks.overflow {
                e.put(Row::Smulh, &[r(IP1), r(a), r(IP0)]);
            }
            e.put(Row::Mul, &[r(dst), r(a), r(IP0)]);
            if checks.overflow {
                e.put(Row::Cmp, &sign_of(dst));
            }
            i(2 * c)
        }
        None => {
            let b = r(reg(allocs[2]));
            test_tags(e, checks, a, b, entry);
            e.put(Row::Asr, &[r(IP0), r(a), i(1)]);
            if checks.overflow {
                e.put(Row::Smulh, &[r(IP1), r(IP0), b]);
            }
            e.put(Row::Mul, &[r(dst), r(IP0), b]);
            if checks.overflow {
                e.put(Row::Cmp, &sign_of(dst));
            }
            b
        }
    };
    if checks.overflow {
        e.branch_if(Cc::Ne, entry);
    }
    e.buf.bind(back);
    e.add_stub(Stub { entry, back, slow, undo: None, a: r(a), b, result: Some(dst), swap: false });
}

/// The quotient of tagged words is untagged, the remainder tagged.
fn div(e: &mut Emitter<A64>, rem: bool, checks: Checks, slow: Sym, allocs: &[Allocation]) {
    let (entry, back) = (e.buf.label(), e.buf.label());
    let (dst, a, b) = (reg(allocs[0]), reg(allocs[1]), reg(allocs[2]));
    test_tags(e, checks, a, r(b), entry);
    e.buf.branch(Branch::Zero(b, false), entry);
    e.put(Row::Sdiv, &[r(IP0), r(a), r(b)]);
    if rem {
        e.put(Row::Msub, &[r(dst), r(IP0), r(b), r(a)]);
    } else {
        // Overflows for the smallest value divided by -1 only.
        e.put(Row::Adds, &[r(dst), r(IP0), r(IP0), NO_SHIFT]);
        e.branch_if(Cc::Vs, entry);
    }
    e.buf.bind(back);
    e.add_stub(Stub { entry, back, slow, undo: None, a: r(a), b: r(b), result: Some(dst), swap: false });
}

/// Tagged quotient or remainder of the tagged word `a` by a tagged constant, whose value is at
/// least 2 in magnitude. Nothing is written before the last instruction reads `a`.
fn div_const(e: &mut Emitter<A64>, dst: PReg, a: PReg, d: i64, rem: bool) {
    let q = r(IP0);
    if d > 0 && d & (d - 1) == 0 {
        let k = d.trailing_zeros() as i64;
        e.put(Row::Asr, &[q, r(a), i(63)]);
        e.put(Row::Add, &[q, r(a), q, i(64 + 64 - k)]);
        if rem {
            e.put(Row::AndI, &[q, q, i(-d)]);
            e.put(Row::Sub, &[r(dst), r(a), q, NO_SHIFT]);
        } else {
            e.put(Row::Asr, &[q, q, i(k)]);
            e.put(Row::Add, &[r(dst), q, q, NO_SHIFT]);
        }
        return;
    }
    let m = magic::signed(d);
    e.constant(IP0, m.m);
    e.put(Row::Smulh, &[q, r(a), q]);
    if d > 0 && m.m < 0 {
        e.put(Row::Add, &[q, q, r(a), NO_SHIFT]);
    } else if d < 0 && m.m > 0 {
        e.put(Row::Sub, &[q, q, r(a), NO_SHIFT]);
    }
    if m.shift > 0 {
        e.put(Row::Asr, &[q, q, i(m.shift as i64)]);
    }
    e.put(Row::Add, &[q, q, q, i(64 + 63)]);
    if rem {
        e.constant(IP1, d);
        e.put(Row::Msub, &[r(dst), q, r(IP1), r(a)]);
    } else {
        e.put(Row::Add, &[r(dst), q, q, NO_SHIFT]);
    }
}

/// A compare or add immediate: 12 bits, or 12 bits times 4096.
pub fn is_imm12(v: i64) -> bool {
    (0..4096).contains(&v) || v & 0xfff == 0 && (0..1 << 24).contains(&v)
}

/// Compares with a constant. Destroys the second scratch register.
fn compare_constant(e: &mut Emitter<A64>, a: PReg, v: i64) {
    if is_imm12(v) {
        e.put(Row::CmpI, &[r(a), i(v)]);
    } else if is_imm12(v.wrapping_neg()) {
        e.put(Row::CmnI, &[r(a), i(-v)]);
    } else {
        e.constant(IP1, v);
        e.put(Row::Cmp, &[r(a), r(IP1), NO_SHIFT]);
    }
}

/// Loads and stores of 8, 4, 2 and 1 bytes that move their address up or down, with the bit of
/// the size that asks for them.
const PIECES: [(u8, [Row; 2], [Row; 2]); 4] = [
    (3, [Row::LdrPost, Row::StrPost], [Row::LdrPre, Row::StrPre]),
    (2, [Row::LdrLPost, Row::StrLPost], [Row::LdrLPre, Row::StrLPre]),
    (1, [Row::LdrHPost, Row::StrHPost], [Row::LdrHPre, Row::StrHPre]),
    (0, [Row::LdrBPost, Row::StrBPost], [Row::LdrBPre, Row::StrBPre]),
];

/// Copies memory: sixteen bytes at a time, then what the low bits of the size say. Backward when
/// the destination starts inside the source.
fn copy(e: &mut Emitter<A64>, to: PReg, from: PReg, n: PReg, overlap: bool) {
    if !overlap {
        return copy_direction(e, to, from, n, false);
    }
    let (backward, done) = (e.buf.label(), e.buf.label());
    e.put(Row::Sub, &[r(IP0), r(to), r(from), NO_SHIFT]);
    e.put(Row::Cmp, &[r(IP0), r(n), NO_SHIFT]);
    e.branch_if(Cc::Lo, backward);
    copy_direction(e, to, from, n, false);
    e.jump(done);
    e.buf.bind(backward);
    e.put(Row::Add, &[r(to), r(to), r(n), NO_SHIFT]);
    e.put(Row::Add, &[r(from), r(from), r(n), NO_SHIFT]);
    copy_direction(e, to, from, n, true);
    e.buf.bind(done);
}

fn copy_direction(e: &mut Emitter<A64>, to: PReg, from: PReg, n: PReg, down: bool) {
    let (again, rest) = (e.buf.label(), e.buf.label());
    let (load, store, step) =
        if down { (Row::LdpPre, Row::StpPre, -16) } else { (Row::LdpPost, Row::StpPost, 16) };
    e.put(Row::SubsI, &[r(n), r(n), i(16)]);
    e.branch_if(Cc::Lo, rest);
    e.buf.bind(again);
    e.put(load, &[r(IP0), r(IP1), r(from), i(step)]);
    e.put(Row::SubsI, &[r(n), r(n), i(16)]);
    e.put(store, &[r(IP0), r(IP1), r(to), i(step)]);
    e.branch_if(Cc::Hs, again);
    e.buf.bind(rest);
    for (bit, up_rows, down_rows) in PIECES {
        let [load, store] = if down { down_rows } else { up_rows };
        let step = if down { -(1 << bit) } else { 1 << bit };
        let skip = e.buf.label();
        e.buf.branch(Branch::Bit(n, bit, false), skip);
        e.put(load, &[r(IP0), r(from), i(step)]);
        e.put(store, &[r(IP0), r(to), i(step)]);
        e.buf.bind(skip);
    }
}

/// Fills memory with a byte.
fn fill(e: &mut Emitter<A64>, to: PReg, byte: PReg, n: PReg) {
    let (again, rest) = (e.buf.label(), e.buf.label());
    e.put(Row::AndI, &[r(byte), r(byte), i(0xff)]);
    e.constant(IP0, 0x0101_0101_0101_0101);
    e.put(Row::Mul, &[r(byte), r(byte), r(IP0)]);
    e.put(Row::SubsI, &[r(n), r(n), i(16)]);
    e.branch_if(Cc::Lo, rest);
    e.buf.bind(again);
    e.put(Row::StpPost, &[r(byte), r(byte), r(to), i(16)]);
    e.put(Row::SubsI, &[r(n), r(n), i(16)]);
    e.branch_if(Cc::Hs, again);
    e.buf.bind(rest);
    for (bit, [_, store], _) in PIECES {
        let skip = e.buf.label();
        e.buf.branch(Branch::Bit(n, bit, false), skip);
        e.put(store, &[r(byte), r(to), i(1 << bit)]);
        e.buf.bind(skip);
    }
}

/// Emits a multi-way branch on a register.
pub fn switch(e: &mut Emitter<A64>, plan: &Plan, v: PReg, targets: &[Label], next: Option<Label>) {
    match plan {
        Plan::Chain(cases) => {
            for &(c, edge) in cases {
                let target = targets[edge as usize];
                if c == 0 {
                    e.buf.branch(Branch::Zero(v, false), target);
                } else {
                    compare_constant(e, v, c);
                    e.branch_if(Cc::Eq, target);
                }
            }
            e.jump_unless_next(targets[0], next);
        }
        Plan::Split(at, low, high) => {
            let below = e.buf.label();
            compare_constant(e, v, *at);
            e.branch_if(Cc::Lt, below);
            switch(e, high, v, targets, None);
            e.buf.bind(below);
            switch(e, low, v, targets, next);
        }
        Plan::Table(first, edges) => {
            e.add_constant_to(IP0, v, first.wrapping_neg());
            compare_constant(e, IP0, edges.len() as i64);
            e.branch_if(Cc::Hs, targets[0]);
            let table = e.add_table(edges.iter().map(|&edge| targets[edge as usize]).collect());
            e.buf.branch(Branch::Address(IP1), table);
            e.put(Row::LdrSwX, &[r(IP0), r(IP1), r(IP0), i(2)]);
            e.put(Row::Add, &[r(IP1), r(IP1), r(IP0), NO_SHIFT]);
            e.put(Row::BranchReg, &[r(IP1)]);
        }
    }
}
