//! Instructions that are several machine instructions but one to the allocator: exact integer
//! arithmetic with its out-of-line slow path, conversions, loops over memory, multi-way branches.
//!
//! Of exact arithmetic ([`crate::mach::exact`]) sums and differences written over an operand are
//! undone in the slow path; where that cannot be, selection keeps the operands apart from the result.

use crate::a64::A64;
use crate::a64::emit::{Branch, NO_SHIFT};
use crate::a64::insts::{Cc, Row};
use crate::a64::regs::*;
use crate::a64::select_arith::LSR;
use crate::mach::divide::{self, Divide, Step};
use crate::mach::exact::{self, Checks, Exact, ExactOp, Places, SlowPath};
use crate::mach::memory::repeated;
use crate::mach::operands::{Opd, RegImm, i, named_operands, r};
use crate::mach::switch::{Case, Switches};
use crate::mach::{Emitter, Label};
use mochi_ir::Sym;
use regalloc2::PReg;
use std::ops::Not;

named_operands! {
    /// What a branch tests.
    Test {
        /// A condition of the flags.
        Is { cc: Cc } (),
        /// A register: zero, or not.
        Zero { not: bool } (word: R),
        /// A bit of a register: zero, or one.
        Bit { bit: u8, one: bool } (word: R),
    }
}

impl<R> Not for Test<R> {
    type Output = Test<R>;

    fn not(self) -> Test<R> {
        match self {
            Test::Is { cc } => Test::Is { cc: cc.invert() },
            Test::Zero { not, word } => Test::Zero { not: !not, word },
            Test::Bit { bit, one, word } => Test::Bit { bit, one: !one, word },
        }
    }
}

named_operands! {
    /// Several machine instructions at once.
    Composite {
        /// Exact arithmetic with two operands.
        Binary { x: Exact } (result: R, a: R, b: RegImm<R>),
        /// Exact negation.
        Neg { x: Exact } (result: R, a: R),
        /// Exact comparison. Its flags are those of the runtime's answer, negated when the operands are
        /// exchanged.
        Cmp { x: Exact } (a: R, b: RegImm<R>),
        /// Flags of an exact remainder by a power of two, compared with 0.
        RemZero { x: Exact, divisor: i64 } (a: R),
        /// Float to integer; NaN and what is out of range give the minimum.
        ToInt {} (result: R, a: R),
        /// A load or store at a symbol plus an offset: row with an unsigned offset, size as a power of
        /// two.
        Global { row: Row, log2: u8, sym: Sym, offset: i64 } (value: R),
        /// The carry flag is the lowest bit of the word, which (`last`) nothing else wants.
        TakeCarry { last: bool } (word: R),
        /// Copy of memory; all are destroyed.
        Copy { overlap: bool, tail: Tail } (to: R, from: R, n: R),
        /// Fill of memory with a word of equal bytes, or (`spread`) one byte; the others are destroyed.
        Fill { spread: bool, tail: Tail } (to: R, n: R, word: R),
    }
}

/// What remains of a size after pieces of 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tail {
    /// Low bits of the size that are set, or may be.
    pub bits: u8,
    /// The size is known.
    pub known: bool,
}

/// The instruction that undoes a result: row, operands and their number.
pub type Undo = (Row, [Opd; 4], usize);

/// Emits the slow path.
pub fn slow_path(e: &mut Emitter<A64>, s: &SlowPath<A64>) {
    e.buf.bind(s.entry);
    let p = &s.places;
    if let Some((row, operands, n)) = &p.undo {
        e.put(*row, &operands[..*n]);
    }
    let (x0, x1) = (x(0), x(1));
    e.put(Row::StpPre, &[r(x0), r(x1), r(SP), i(-16)]);
    exact::move_arguments(e, s, IP0);
    e.call(s.slow);
    match p.result {
        Some(_) => e.mov(IP0, x0),
        None if s.is_swapped() => e.put(Row::Cmp, &[r(ZR), r(x0), NO_SHIFT]),
        None => e.put(Row::CmpI, &[r(x0), i(0)]),
    }
    e.put(Row::LdpPost, &[r(x0), r(x1), r(SP), i(16)]);
    if let Some(result) = p.result {
        e.mov(result, IP0);
    }
    e.jump(s.back);
}

/// Goes to the slow path when a word to be checked is odd.
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
pub fn emit(e: &mut Emitter<A64>, c: Composite<PReg>) {
    match c {
        Composite::Binary { x, result, a, b } => {
            exact::emit(e, x, |e, slow| match x.op {
                ExactOp::Mul => mul(e, x.checks, result, a, b, slow),
                ExactOp::Div | ExactOp::Rem => div(e, x, result, a, b, slow),
                _ => add_sub(e, x, result, a, b, slow),
            });
        }
        Composite::Neg { x, result, a } => exact::emit(e, x, |e, slow| neg(e, x, result, a, slow)),
        Composite::Cmp { x, a, b } => {
            exact::emit(e, x, |e, slow| {
                test_tags(e, x.checks, a, b, slow);
                match b {
                    RegImm::Imm(v) => compare_constant(e, a, v),
                    RegImm::Reg(b) => e.put(Row::Cmp, &[r(a), r(b), NO_SHIFT]),
                }
                Places { a: r(a), b, result: None, undo: None }
            });
        }
        Composite::RemZero { x, divisor, a } => {
            exact::emit(e, x, |e, slow| {
                e.branch_bit(a, 0, slow);
                // The word is even here, so the tag's bit need not be tested.
                e.put(Row::TstI, &[r(a), i(divisor - 2)]);
                Places { a: r(a), b: i(divisor), result: None, undo: None }
            });
        }
        Composite::ToInt { result, a } => to_int(e, r(result), r(a)),
        Composite::Global { row, log2, sym, offset, value } => e.global(row, log2, value, sym, offset),
        Composite::TakeCarry { last, word } => {
            if !e.state.carry.take(&mut e.buf, word, last) {
                e.put(Row::AndI, &[r(IP0), r(word), i(1)]);
                e.put(Row::CmpI, &[r(IP0), i(1)]);
            }
        }
        Composite::Copy { overlap, tail, to, from, n } => copy(e, [to, from, n], overlap, tail),
        Composite::Fill { spread, tail, to, n, word } => fill(e, to, n, word, spread, tail),
    }
}

fn to_int(e: &mut Emitter<A64>, result: Opd, a: Opd) {
    e.put(Row::Fcvtzs, &[result, a]);
    // Saturated: right below. The maximum is no float, so it stands for too large.
    e.put(Row::Fcmp, &[a, a]);
    e.put(Row::CcmnI, &[result, i(1), i(Cc::Vs.flags()), i(Cc::Vc as i64)]);
    e.constant(IP0, i64::MIN);
    e.put(Row::Csel, &[result, r(IP0), result, i(Cc::Vs as i64)]);
}

fn neg(e: &mut Emitter<A64>, x: Exact, dst: PReg, a: PReg, slow: Label) -> Places<A64> {
    e.put(Row::Negs, &[r(dst), r(a), NO_SHIFT]);
    if x.checks.overflow {
        e.branch_if(Cc::Vs, slow);
    }
    if x.checks.a {
        e.branch_bit(dst, 0, slow);
    }
    let undo = (dst == a).then_some((Row::Neg, [r(dst), r(dst), NO_SHIFT, i(0)], 3));
    Places { a: r(a), b: r(a), result: Some(dst), undo }
}

fn add_sub(e: &mut Emitter<A64>, x: Exact, dst: PReg, a: PReg, b: Opd, slow: Label) -> Places<A64> {
    let (sub, checks) = (x.op == ExactOp::Sub, x.checks);
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
        e.branch_if(Cc::Vs, slow);
    }
    // Sum and difference of an odd and an even word are odd.
    if both {
        e.branch_bit(IP0, 0, slow);
    } else if checks.a || checks.b {
        e.branch_bit(dst, 0, slow);
    }
    Places { a: r(a), b, result: Some(dst), undo }
}

/// The product of a tagged and an untagged word is tagged. It fits when the high half of the
/// product is the sign of the low one.
fn mul(e: &mut Emitter<A64>, checks: Checks, dst: PReg, a: PReg, b: Opd, slow: Label) -> Places<A64> {
    let sign_of = |reg: PReg| [r(IP1), r(reg), i(2 * 64 + 63)];
    match b {
        RegImm::Imm(c) if c > 2 && c & (c - 1) == 0 => {
            test_tags(e, checks, a, r(a), slow);
            let k = c.trailing_zeros() as i64 - 1;
            e.put(Row::Lsl, &[r(dst), r(a), i(k)]);
            if checks.overflow {
                e.put(Row::Cmp, &[r(a), r(dst), i(2 * 64 + k)]);
            }
        }
        RegImm::Imm(c) => {
            test_tags(e, checks, a, r(a), slow);
            e.constant(IP0, c >> 1);
            if checks.overflow {
                e.put(Row::Smulh, &[r(IP1), r(a), r(IP0)]);
            }
            e.put(Row::Mul, &[r(dst), r(a), r(IP0)]);
            if checks.overflow {
                e.put(Row::Cmp, &sign_of(dst));
            }
        }
        RegImm::Reg(b) => {
            test_tags(e, checks, a, r(b), slow);
            e.put(Row::Asr, &[r(IP0), r(a), i(1)]);
            if checks.overflow {
                e.put(Row::Smulh, &[r(IP1), r(IP0), r(b)]);
            }
            e.put(Row::Mul, &[r(dst), r(IP0), r(b)]);
            if checks.overflow {
                e.put(Row::Cmp, &sign_of(dst));
            }
        }
    }
    if checks.overflow {
        e.branch_if(Cc::Ne, slow);
    }
    Places { a: r(a), b, result: Some(dst), undo: None }
}

/// The quotient of tagged words is untagged, the remainder tagged.
fn div(e: &mut Emitter<A64>, x: Exact, dst: PReg, a: PReg, b: Opd, slow: Label) -> Places<A64> {
    let rem = x.op == ExactOp::Rem;
    test_tags(e, x.checks, a, b, slow);
    match b {
        Opd::Imm(divisor) => divide::by_constant(e, dst, a, divisor, rem),
        Opd::Reg(divisor) => {
            e.buf.branch(Branch::Zero(divisor, false), slow);
            e.put(Row::Sdiv, &[r(IP0), r(a), b]);
            if rem {
                e.put(Row::Msub, &[r(dst), r(IP0), b, r(a)]);
            } else {
                // Overflows for the smallest value divided by -1 only.
                e.put(Row::Adds, &[r(dst), r(IP0), r(IP0), NO_SHIFT]);
                e.branch_if(Cc::Vs, slow);
            }
        }
    }
    Places { a: r(a), b, result: Some(dst), undo: None }
}

impl Divide for A64 {
    fn step(e: &mut Emitter<A64>, step: Step, result: PReg, n: PReg) {
        let (q, result, n) = (r(IP0), r(result), r(n));
        match step {
            Step::Biased(k) => {
                e.put(Row::Asr, &[q, n, i(63)]);
                e.put(Row::Add, &[q, n, q, i(LSR + 64 - k)]);
            }
            Step::High(m) => {
                e.constant(IP0, m);
                e.put(Row::Smulh, &[q, n, q]);
            }
            Step::Plus => e.put(Row::Add, &[q, q, n, NO_SHIFT]),
            Step::Minus => e.put(Row::Sub, &[q, q, n, NO_SHIFT]),
            Step::Shift(k) => e.put(Row::Asr, &[q, q, i(k)]),
            Step::Sign => e.put(Row::Add, &[q, q, q, i(LSR + 63)]),
            Step::Double => e.put(Row::Add, &[result, q, q, NO_SHIFT]),
            Step::Rest(d) => {
                e.constant(IP1, d);
                e.put(Row::Msub, &[result, q, r(IP1), n]);
            }
            Step::Low(k) => {
                e.put(Row::AndI, &[q, q, i(-1 << k)]);
                e.put(Row::Sub, &[result, n, q, NO_SHIFT]);
            }
        }
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

/// Calls `piece` for each power of two that the size has below 16, with its bit; skips at run time
/// what a size that is not known does not have.
fn tail_pieces(
    e: &mut Emitter<A64>,
    n: PReg,
    tail: Tail,
    piece: impl Fn(&mut Emitter<A64>, [Row; 2], [Row; 2], i64),
) {
    for (bit, up, down) in PIECES.into_iter().filter(|p| tail.bits >> p.0 & 1 == 1) {
        let skip = e.buf.label();
        if !tail.known {
            e.buf.branch(Branch::Bit(n, bit, false), skip);
        }
        piece(e, up, down, 1 << bit);
        e.buf.bind(skip);
    }
}

/// Copies memory: sixteen bytes at a time, then what the low bits of the size say. Backward when
/// the destination starts inside the source.
fn copy(e: &mut Emitter<A64>, [to, from, n]: [PReg; 3], overlap: bool, tail: Tail) {
    if !overlap {
        return copy_direction(e, to, from, n, tail, false);
    }
    let (backward, done) = (e.buf.label(), e.buf.label());
    e.put(Row::Sub, &[r(IP0), r(to), r(from), NO_SHIFT]);
    e.put(Row::Cmp, &[r(IP0), r(n), NO_SHIFT]);
    e.branch_if(Cc::Lo, backward);
    copy_direction(e, to, from, n, tail, false);
    e.jump(done);
    e.buf.bind(backward);
    e.put(Row::Add, &[r(to), r(to), r(n), NO_SHIFT]);
    e.put(Row::Add, &[r(from), r(from), r(n), NO_SHIFT]);
    copy_direction(e, to, from, n, tail, true);
    e.buf.bind(done);
}

fn copy_direction(e: &mut Emitter<A64>, to: PReg, from: PReg, n: PReg, tail: Tail, down: bool) {
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
    tail_pieces(e, n, tail, |e, up_rows, down_rows, size| {
        let ([load, store], step) = if down { (down_rows, -size) } else { (up_rows, size) };
        e.put(load, &[r(IP0), r(from), i(step)]);
        e.put(store, &[r(IP0), r(to), i(step)]);
    });
}

/// Fills memory with a word of equal bytes, or with a byte.
fn fill(e: &mut Emitter<A64>, to: PReg, n: PReg, word: PReg, spread: bool, tail: Tail) {
    let (again, rest) = (e.buf.label(), e.buf.label());
    let word = if spread {
        e.put(Row::AndI, &[r(IP0), r(word), i(0xff)]);
        e.constant(IP1, repeated(1));
        e.put(Row::Mul, &[r(IP0), r(IP0), r(IP1)]);
        IP0
    } else {
        word
    };
    e.put(Row::SubsI, &[r(n), r(n), i(16)]);
    e.branch_if(Cc::Lo, rest);
    e.buf.bind(again);
    e.put(Row::StpPost, &[r(word), r(word), r(to), i(16)]);
    e.put(Row::SubsI, &[r(n), r(n), i(16)]);
    e.branch_if(Cc::Hs, again);
    e.buf.bind(rest);
    tail_pieces(e, n, tail, |e, [_, store], _, size| e.put(store, &[r(word), r(to), i(size)]));
}

impl Switches for A64 {
    const SCRATCH: bool = false;

    fn branch_case(e: &mut Emitter<A64>, case: &Case<PReg>, less: bool, c: i64, target: Label) {
        if c == 0 && !less {
            return e.buf.branch(Branch::Zero(case.word(), false), target);
        }
        compare_constant(e, case.word(), c);
        e.branch_if(if less { Cc::Lt } else { Cc::Eq }, target);
    }

    fn branch_table(
        e: &mut Emitter<A64>,
        case: &Case<PReg>,
        first: i64,
        size: i64,
        table: Label,
        default: Label,
    ) {
        let mut index = case.word();
        if first != 0 {
            e.add_constant_to(IP0, index, first.wrapping_neg());
            index = IP0;
        }
        compare_constant(e, index, size);
        e.branch_if(Cc::Hs, default);
        e.buf.branch(Branch::Address(IP1), table);
        e.put(Row::LdrSwX, &[r(IP0), r(IP1), r(index), i(2)]);
        e.put(Row::Add, &[r(IP1), r(IP1), r(IP0), NO_SHIFT]);
        e.put(Row::BranchReg, &[r(IP1)]);
    }
}
