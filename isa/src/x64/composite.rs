//! Instructions that are several machine instructions but one to the allocator: exact integer
//! arithmetic with its out-of-line slow path, divisions, branches, and a few that need labels.
//!
//! Exact arithmetic: the fast path works on tagged words (twice the value), and leaves for a stub
//! on overflow or when a word is odd. The stub saves what it uses, calls the runtime function,
//! which keeps every other register, and jumps back behind the fast path. The operands are still
//! there then: additive results are undone first, other operands are not overwritten.

use crate::mach::magic;
use crate::mach::switch::Plan;
use crate::mach::{Emitter, Label};
use crate::x64::X64;
use crate::x64::emit::{Addr, Opd, Start};
use crate::x64::insts::{Cc, Row};
use crate::x64::regs::*;
use mochi_ir::Sym;
use regalloc2::{Allocation, PReg};

/// A condition in the flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Test {
    /// A condition code.
    Is(Cc),
    /// After `ucomisd`: ordered and equal.
    FloatEq,
    /// After `ucomisd`: unordered or unequal.
    FloatNe,
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
    /// Exact sum or difference: result, a, b (unless constant; kept), scratch (when both words
    /// are checked). The result is in the place of a.
    AddSub { sub: bool, imm: Option<i32>, checks: Checks, slow: Sym },
    /// Exact negation: result, a (same place).
    Neg { checks: Checks, slow: Sym },
    /// Exact product: result, a, b (unless constant; then untagged). Operands kept.
    Mul { imm: Option<i32>, checks: Checks, slow: Sym },
    /// Exact comparison into the flags: a, b (unless constant), scratch (when both are checked).
    /// When `swap`, the runtime compares b with a, and flags are those of its negated answer.
    Cmp { imm: Option<i32>, swap: bool, checks: Checks, slow: Sym },
    /// Exact quotient or remainder: a in rax, b (kept), results rax, rdx.
    Div { rem: bool, checks: Checks, slow: Sym },
    /// Exact quotient or remainder by a tagged constant: a (kept), results rdx, rax.
    DivConst { rem: bool, divisor: i64, slow: Sym },
    /// Flags of an exact remainder by a positive power of two (tagged) compared with 0: a.
    RemZero { divisor: i32, slow: Sym },
    /// Signed division of words where the divisor may be -1: a in rax, b (kept), results rax, rdx.
    DivWord { rem: bool },
    /// Float select on flags: result, value if not (same place), value if so.
    FloatSelect(Test),
    /// Copy of overlapping areas: rdi, rsi, rcx; rax is destroyed.
    MemMove,
    /// Switch of stacks: new stack pointer, code; the argument is in place.
    SwitchStack,
}

/// Code that undoes the result of the fast path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Undo {
    Nothing,
    Add,
    Sub,
    Neg,
}

/// The slow path of exact arithmetic.
#[derive(Clone, Debug)]
pub struct Stub {
    entry: Label,
    back: Label,
    slow: Sym,
    undo: Undo,
    a: Opd,
    b: Opd,
    /// Result, or `None` for a comparison.
    result: Option<PReg>,
    /// The comparison's operands are exchanged.
    swap: bool,
}

/// Emits the slow path.
pub fn stub(e: &mut Emitter<X64>, s: &Stub) {
    e.buf.bind(s.entry);
    let result = s.result.map(Opd::Reg);
    match (s.undo, result) {
        (Undo::Add, Some(r)) => binary(e, false, r, s.b),
        (Undo::Sub, Some(r)) => binary(e, true, r, s.b),
        (Undo::Neg, Some(r)) => e.put(Row::Neg, &[r]),
        _ => {}
    }
    let mut saved: Vec<PReg> = [RAX, RSI, RDI].into_iter().filter(|r| Some(*r) != s.result).collect();
    if saved.len() % 2 == 1 {
        // The stack stays aligned.
        saved.push(RDI);
    }
    for &r in &saved {
        e.put(Row::Push, &[Opd::Reg(r)]);
    }
    let (first, second) = if s.swap { (s.b, s.a) } else { (s.a, s.b) };
    if second == Opd::Reg(RDI) {
        if first == Opd::Reg(RSI) {
            e.put(Row::Xchg, &[Opd::Reg(RDI), Opd::Reg(RSI)]);
        } else {
            e.mov(RSI, second);
            e.mov(RDI, first);
        }
    } else {
        e.mov(RDI, first);
        e.mov(RSI, second);
    }
    e.call(s.slow);
    match s.result {
        Some(r) => e.mov(r, Opd::Reg(RAX)),
        None if s.swap => e.put(Row::Neg, &[Opd::Reg(RAX)]),
        None => e.put(Row::Test, &[Opd::Reg(RAX), Opd::Reg(RAX)]),
    }
    for &r in saved.iter().rev() {
        e.put(Row::Pop, &[Opd::Reg(r)]);
    }
    e.jmp(s.back);
}

/// `to += b` or `to -= b`, with b a register, a slot or a constant.
fn binary(e: &mut Emitter<X64>, sub: bool, to: Opd, b: Opd) {
    match b {
        Opd::Imm(v) => e.put_imm(if sub { Row::SubI } else { Row::AddI }, to, v),
        _ => e.put(if sub { Row::Sub } else { Row::Add }, &[to, b]),
    }
}

/// Goes to the stub when the word is odd.
fn test_tag(e: &mut Emitter<X64>, word: Opd, odd: Label) {
    let row = if matches!(word, Opd::Mem(_)) { Row::TestMemBI } else { Row::TestBI };
    e.put(row, &[word, Opd::Imm(1)]);
    e.jcc(Cc::Ne, odd);
}

/// Goes to the stub when a word to be checked is odd. Destroys the scratch register if both are.
fn test_tags(e: &mut Emitter<X64>, checks: Checks, a: Opd, b: Opd, scratch: Option<PReg>, odd: Label) {
    match (checks.a, checks.b) {
        (true, true) => {
            let scratch = scratch.expect("scratch register");
            e.mov(scratch, a);
            e.put(Row::Or, &[Opd::Reg(scratch), b]);
            test_tag(e, Opd::Reg(scratch), odd);
        }
        (true, false) => test_tag(e, a, odd),
        (false, true) => test_tag(e, b, odd),
        (false, false) => {}
    }
}

fn reg(a: Allocation) -> PReg {
    a.as_reg().expect("register")
}

/// Emits a composite.
pub fn emit(e: &mut Emitter<X64>, c: &Composite, allocs: &[Allocation]) {
    match *c {
        Composite::AddSub { sub, imm, checks, slow } => add_sub(e, sub, imm, checks, slow, allocs),
        Composite::Neg { checks, slow } => {
            let (entry, back) = (e.buf.label(), e.buf.label());
            let dst = reg(allocs[0]);
            let to = Opd::Reg(dst);
            e.put(Row::Neg, &[to]);
            if checks.overflow {
                e.jcc(Cc::O, entry);
            }
            if checks.a {
                test_tag(e, to, entry);
            }
            e.buf.bind(back);
            let undo = Undo::Neg;
            let s = Stub { entry, back, slow, undo, a: to, b: to, result: Some(dst), swap: false };
            e.add_stub(s);
        }
        Composite::Mul { imm, checks, slow } => mul(e, imm, checks, slow, allocs),
        Composite::Cmp { imm, swap, checks, slow } => {
            let (entry, back) = (e.buf.label(), e.buf.label());
            let a = Opd::Reg(reg(allocs[0]));
            let b = imm.map_or_else(|| e.opd(allocs[1]), |v| Opd::Imm(v as i64));
            let scratch = (checks.a && checks.b).then(|| reg(allocs[2]));
            test_tags(e, checks, a, b, scratch, entry);
            match b {
                Opd::Imm(0) => e.put(Row::Test, &[a, a]),
                Opd::Imm(v) => e.put_imm(Row::CmpI, a, v),
                _ => e.put(Row::Cmp, &[a, b]),
            }
            e.buf.bind(back);
            e.add_stub(Stub { entry, back, slow, undo: Undo::Nothing, a, b, result: None, swap });
        }
        Composite::Div { rem, checks, slow } => div(e, rem, checks, slow, allocs),
        Composite::DivConst { rem, divisor, slow } => {
            let (entry, back) = (e.buf.label(), e.buf.label());
            let a = Opd::Reg(reg(allocs[0]));
            test_tag(e, a, entry);
            div_const(e, reg(allocs[0]), divisor, rem);
            e.buf.bind(back);
            let result = Some(if rem { RAX } else { RDX });
            let (undo, b) = (Undo::Nothing, Opd::Imm(divisor));
            e.add_stub(Stub { entry, back, slow, undo, a, b, result, swap: false });
        }
        Composite::RemZero { divisor, slow } => {
            let (entry, back) = (e.buf.label(), e.buf.label());
            let a = Opd::Reg(reg(allocs[0]));
            test_tag(e, a, entry);
            let row = if divisor <= 256 { Row::TestBI } else { Row::TestLI };
            // The word is even here, so the tag's bit need not be tested.
            let mask = divisor - 2;
            e.put(row, &[a, Opd::Imm(if divisor <= 256 { mask as i8 as i64 } else { mask as i64 })]);
            e.buf.bind(back);
            let (undo, b) = (Undo::Nothing, Opd::Imm(divisor as i64));
            e.add_stub(Stub { entry, back, slow, undo, a, b, result: None, swap: false });
        }
        Composite::DivWord { rem } => div_word(e, rem, allocs),
        Composite::FloatSelect(test) => {
            let (dst, so) = (Opd::Reg(reg(allocs[0])), Opd::Reg(reg(allocs[2])));
            let (take, over) = (e.buf.label(), e.buf.label());
            branch_if(e, test, take, over, Some(take));
            e.buf.bind(take);
            e.put(Row::Movaps, &[dst, so]);
            e.buf.bind(over);
        }
        Composite::MemMove => mem_move(e),
        Composite::SwitchStack => {
            let (sp, code) = (reg(allocs[0]), reg(allocs[1]));
            e.mov(RSP, Opd::Reg(sp));
            e.put(Row::XorL, &[Opd::Reg(RBP), Opd::Reg(RBP)]);
            e.put(Row::CallReg, &[Opd::Reg(code)]);
            e.put(Row::Ud2, &[]);
        }
    }
}

fn add_sub(
    e: &mut Emitter<X64>,
    sub: bool,
    imm: Option<i32>,
    checks: Checks,
    slow: Sym,
    allocs: &[Allocation],
) {
    let (entry, back) = (e.buf.label(), e.buf.label());
    let dst = reg(allocs[0]);
    let to = Opd::Reg(dst);
    let b = imm.map_or_else(|| e.opd(allocs[2]), |v| Opd::Imm(v as i64));
    let both = checks.a && checks.b;
    if both {
        let scratch = reg(allocs[3]);
        e.mov(scratch, to);
        e.put(Row::Or, &[Opd::Reg(scratch), b]);
    }
    binary(e, sub, to, b);
    if checks.overflow {
        e.jcc(Cc::O, entry);
    }
    // Sum and difference of an odd and an even word are odd.
    if both {
        test_tag(e, Opd::Reg(reg(allocs[3])), entry);
    } else if checks.a || checks.b {
        test_tag(e, to, entry);
    }
    e.buf.bind(back);
    let undo = if sub { Undo::Add } else { Undo::Sub };
    e.add_stub(Stub { entry, back, slow, undo, a: to, b, result: Some(dst), swap: false });
}

fn mul(e: &mut Emitter<X64>, imm: Option<i32>, checks: Checks, slow: Sym, allocs: &[Allocation]) {
    let (entry, back) = (e.buf.label(), e.buf.label());
    let (dst, a) = (reg(allocs[0]), Opd::Reg(reg(allocs[1])));
    let to = Opd::Reg(dst);
    let b = match imm {
        // The product with the untagged constant is tagged already.
        Some(v) => {
            test_tags(e, checks, a, a, None, entry);
            let row = if v as i8 as i32 == v { Row::ImulI8 } else { Row::ImulI };
            e.put(row, &[to, a, Opd::Imm(v as i64)]);
            Opd::Imm(2 * v as i64)
        }
        None => {
            let b = e.opd(allocs[2]);
            test_tags(e, checks, a, b, Some(dst), entry);
            e.mov(dst, a);
            e.put(Row::SarI, &[to, Opd::Imm(1)]);
            e.put(Row::Imul, &[to, b]);
            b
        }
    };
    if checks.overflow {
        e.jcc(Cc::O, entry);
    }
    e.buf.bind(back);
    e.add_stub(Stub { entry, back, slow, undo: Undo::Nothing, a, b, result: Some(dst), swap: false });
}

/// The quotient of tagged words is untagged, the remainder tagged. Words of at most 32 bits take
/// the short division, which is much faster on many processors.
fn div(e: &mut Emitter<X64>, rem: bool, checks: Checks, slow: Sym, allocs: &[Allocation]) {
    let (entry, back) = (e.buf.label(), e.buf.label());
    let (wide, done) = (e.buf.label(), e.buf.label());
    let (rax, rdx) = (Opd::Reg(RAX), Opd::Reg(RDX));
    let b = Opd::Reg(reg(allocs[1]));
    test_tags(e, checks, rax, b, Some(RDX), entry);
    e.put(Row::Test, &[b, b]);
    e.jcc(Cc::E, entry);
    e.put(Row::Mov, &[rdx, rax]);
    e.put(Row::Or, &[rdx, b]);
    e.put(Row::ShrI, &[rdx, Opd::Imm(32)]);
    e.jcc(Cc::Ne, wide);
    e.put(Row::DivL, &[b]);
    e.jmp(done);
    e.buf.bind(wide);
    // Does not trap: an even divisor is not -1.
    e.put(Row::Cqo, &[]);
    e.put(Row::Idiv, &[b]);
    e.buf.bind(done);
    if !rem {
        // Overflows for the smallest value divided by -1 only; rax is the dividend again then.
        e.put(Row::Add, &[rax, rax]);
        e.jcc(Cc::O, entry);
    }
    e.buf.bind(back);
    let result = Some(if rem { RDX } else { RAX });
    e.add_stub(Stub { entry, back, slow, undo: Undo::Nothing, a: rax, b, result, swap: false });
}

/// Tagged quotient to rdx or remainder to rax of the tagged word `a` by a tagged constant, whose
/// value is at least 2 in magnitude.
fn div_const(e: &mut Emitter<X64>, a_reg: PReg, d: i64, rem: bool) {
    let a = Opd::Reg(a_reg);
    let (rax, rdx) = (Opd::Reg(RAX), Opd::Reg(RDX));
    if d == 4 && !rem {
        // Half of an int: the sign is added as a one, the new low bit is cleared for the tag.
        e.mov(RDX, a);
        e.put(Row::ShrI, &[rdx, Opd::Imm(63)]);
        let sum = Addr { start: Start::Reg(a_reg), index: Some((RDX, 2)), disp: 0 };
        e.put(Row::Lea, &[rdx, Opd::Mem(sum)]);
        e.put(Row::SarI, &[rdx, Opd::Imm(1)]);
        return e.put_imm(Row::AndI, rdx, -2);
    }
    if d > 0 && d & (d - 1) == 0 {
        let k = d.trailing_zeros() as i64;
        e.mov(RDX, a);
        e.put(Row::SarI, &[rdx, Opd::Imm(63)]);
        e.put(Row::ShrI, &[rdx, Opd::Imm(64 - k)]);
        e.put(Row::Add, &[rdx, a]);
        if rem {
            e.put(Row::SarI, &[rdx, Opd::Imm(k)]);
            e.put(Row::ShlI, &[rdx, Opd::Imm(k)]);
        } else {
            e.put(Row::SarI, &[rdx, Opd::Imm(k)]);
        }
    } else {
        let m = magic::signed(d);
        e.constant(RAX, m.m);
        e.put(Row::ImulWide, &[a]);
        if d > 0 && m.m < 0 {
            e.put(Row::Add, &[rdx, a]);
        } else if d < 0 && m.m > 0 {
            e.put(Row::Sub, &[rdx, a]);
        }
        if m.shift > 0 {
            e.put(Row::SarI, &[rdx, Opd::Imm(m.shift as i64)]);
        }
        e.put(Row::Mov, &[rax, rdx]);
        e.put(Row::ShrI, &[rax, Opd::Imm(63)]);
        e.put(Row::Add, &[rdx, rax]);
        if rem {
            match i32::try_from(d) {
                Ok(d) => e.put(Row::ImulI, &[rdx, rdx, Opd::Imm(d as i64)]),
                Err(_) => {
                    e.constant(RAX, d);
                    e.put(Row::Imul, &[rdx, rax]);
                }
            }
        }
    }
    if rem {
        e.mov(RAX, a);
        e.put(Row::Sub, &[rax, rdx]);
    } else {
        e.put(Row::Add, &[rdx, rdx]);
    }
}

fn div_word(e: &mut Emitter<X64>, rem: bool, allocs: &[Allocation]) {
    let b = Opd::Reg(reg(allocs[1]));
    let (normal, done) = (e.buf.label(), e.buf.label());
    e.put_imm(Row::CmpI, b, -1);
    e.jcc(Cc::Ne, normal);
    if rem {
        e.put(Row::XorL, &[Opd::Reg(RDX), Opd::Reg(RDX)]);
    } else {
        e.put(Row::Neg, &[Opd::Reg(RAX)]);
    }
    e.jmp(done);
    e.buf.bind(normal);
    e.put(Row::Cqo, &[]);
    e.put(Row::Idiv, &[b]);
    e.buf.bind(done);
}

/// Forward unless the destination starts inside the source.
fn mem_move(e: &mut Emitter<X64>) {
    let (forward, done) = (e.buf.label(), e.buf.label());
    e.mov(RAX, Opd::Reg(RDI));
    e.put(Row::Sub, &[Opd::Reg(RAX), Opd::Reg(RSI)]);
    e.put(Row::Cmp, &[Opd::Reg(RAX), Opd::Reg(RCX)]);
    e.jcc(Cc::Ae, forward);
    for r in [RDI, RSI] {
        let end = Addr { start: Start::Reg(r), index: Some((RCX, 1)), disp: -1 };
        e.put(Row::Lea, &[Opd::Reg(r), Opd::Mem(end)]);
    }
    e.put(Row::Std, &[]);
    e.put(Row::RepMovsB, &[]);
    e.put(Row::Cld, &[]);
    e.jmp(done);
    e.buf.bind(forward);
    e.put(Row::RepMovsB, &[]);
    e.buf.bind(done);
}

/// Branches on the flags.
pub fn branch_if(e: &mut Emitter<X64>, test: Test, so: Label, not: Label, next: Option<Label>) {
    match test {
        Test::Is(cc) if next == Some(so) => e.jcc(cc.invert(), not),
        Test::Is(cc) => {
            e.jcc(cc, so);
            e.jump_unless_next(not, next);
        }
        Test::FloatEq if next == Some(so) => {
            e.jcc(Cc::P, not);
            e.jcc(Cc::Ne, not);
        }
        Test::FloatEq => {
            e.jcc(Cc::P, not);
            e.jcc(Cc::E, so);
            e.jump_unless_next(not, next);
        }
        Test::FloatNe => branch_if(e, Test::FloatEq, not, so, next),
    }
}

/// Emits a multi-way branch: value, two scratch registers.
pub fn switch(
    e: &mut Emitter<X64>,
    plan: &Plan,
    allocs: &[Allocation],
    targets: &[Label],
    next: Option<Label>,
) {
    let v = Opd::Reg(reg(allocs[0]));
    let (t1, t2) = (reg(allocs[1]), reg(allocs[2]));
    let compare = |e: &mut Emitter<X64>, c: i64| match i32::try_from(c) {
        Ok(0) => e.put(Row::Test, &[v, v]),
        Ok(_) => e.put_imm(Row::CmpI, v, c),
        Err(_) => {
            e.constant(t1, c);
            e.put(Row::Cmp, &[v, Opd::Reg(t1)]);
        }
    };
    match plan {
        Plan::Chain(cases) => {
            for &(c, edge) in cases {
                compare(e, c);
                e.jcc(Cc::E, targets[edge as usize]);
            }
            e.jump_unless_next(targets[0], next);
        }
        Plan::Split(at, low, high) => {
            let below = e.buf.label();
            compare(e, *at);
            e.jcc(Cc::L, below);
            switch(e, high, allocs, targets, None);
            e.buf.bind(below);
            switch(e, low, allocs, targets, next);
        }
        Plan::Table(first, edges) => {
            match i32::try_from(first.wrapping_neg()) {
                Ok(disp) => e.put(Row::Lea, &[Opd::Reg(t1), Opd::at(reg(allocs[0]), disp)]),
                Err(_) => {
                    e.constant(t1, first.wrapping_neg());
                    e.put(Row::Add, &[Opd::Reg(t1), v]);
                }
            }
            e.put_imm(Row::CmpI, Opd::Reg(t1), edges.len() as i64);
            e.jcc(Cc::Ae, targets[0]);
            let table = e.add_table(edges.iter().map(|&edge| targets[edge as usize]).collect());
            e.put(Row::Lea, &[Opd::Reg(t2), Opd::label(table)]);
            let entry = Addr { start: Start::Reg(t2), index: Some((t1, 4)), disp: 0 };
            e.put(Row::MovsxL, &[Opd::Reg(t1), Opd::Mem(entry)]);
            e.put(Row::Add, &[Opd::Reg(t1), Opd::Reg(t2)]);
            e.put(Row::JmpReg, &[Opd::Reg(t1)]);
        }
    }
}
