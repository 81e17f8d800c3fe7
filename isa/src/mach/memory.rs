//! What selection of memory accesses shares: constants in addresses, values cut off by stores,
//! plain loads and stores, copies and fills of known size.

use crate::mach::operands::RegImm;
use crate::mach::{Isa, Lower};
use mochi_ir::{Inst, Op, Value};
use regalloc2::VReg;

/// Operations looked through at most, so that selection stays linear.
const MAX_PEEL: usize = 4;

/// Takes constants off an address as long as the offset they add up to, `scale` times each, fits:
/// what remains.
pub fn peel<I: Isa>(
    l: &Lower<I>,
    mut v: Value,
    scale: i64,
    offset: &mut i64,
    fits: impl Fn(i64) -> bool,
) -> Value {
    for _ in 0..MAX_PEEL {
        let Some((inst, d)) = l.pure_def(v, true) else { break };
        if l.live_after(v) || !matches!(d.op, Op::Add | Op::Sub) {
            break;
        }
        let args = l.operands(inst);
        let (rest, c) = match (d.op, l.iconst(args[0]), l.iconst(args[1])) {
            (Op::Add, _, Some(c)) => (args[0], c),
            (Op::Add, Some(c), _) => (args[1], c),
            (Op::Sub, _, Some(c)) => (args[0], c.wrapping_neg()),
            _ => break,
        };
        let sum = c.checked_mul(scale).and_then(|c| c.checked_add(*offset));
        match sum {
            Some(sum) if fits(sum) => *offset = sum,
            _ => break,
        }
        v = rest;
    }
    v
}

/// Looks through operations that only change bits which a store of this many bits drops.
pub fn truncated<I: Isa>(l: &Lower<I>, mut v: Value, bits: u32) -> Value {
    for _ in 0..MAX_PEEL {
        let Some((inst, d)) = l.pure_def(v, true).filter(|_| !l.live_after(v)) else { break };
        let args = l.operands(inst);
        let kept = match d.op {
            Op::Zext8 | Op::Sext8 => 8,
            Op::Zext16 | Op::Sext16 => 16,
            Op::Zext32 | Op::Sext32 => 32,
            Op::And => l.iconst(args[1]).map_or(0, i64::trailing_ones),
            _ => break,
        };
        if kept < bits {
            break;
        }
        v = args[0];
    }
    v
}

/// Low bits of a value that are surely 0.
pub fn low_zeros<I: Isa>(l: &Lower<I>, v: Value) -> u32 {
    low_zeros_within(l, v, MAX_PEEL)
}

fn low_zeros_within<I: Isa>(l: &Lower<I>, v: Value, depth: usize) -> u32 {
    let Some((inst, d)) = l.def_of(v).filter(|_| depth > 0) else { return 0 };
    let args = l.operands(inst);
    let of = |k: usize| low_zeros_within(l, args[k], depth - 1);
    let zeros = match d.op {
        Op::Iconst => d.imm.trailing_zeros(),
        Op::Shl => l.iconst(args[1]).map_or(0, |k| (k & 63) as u32 + of(0)),
        Op::Mul => of(0) + of(1),
        Op::And => of(0).max(of(1)),
        Op::Add | Op::Sub | Op::Or => of(0).min(of(1)),
        _ => 0,
    };
    zeros.min(64)
}

/// Where an address that selection makes itself starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// A register.
    Reg(VReg),
    /// The caller's stack arguments.
    Incoming,
    /// The stack pointer: this function's stack arguments for a call.
    Outgoing,
}

/// What an instruction set adds.
pub trait Memory: Isa {
    /// Bytes that one load or store moves at most: 8 or, in two registers, 16.
    const PIECE: i64;
    /// Bytes up to which a copy is written out.
    const INLINE_COPY: i64;
    /// The same for areas that may overlap, where all loads come before all stores.
    const INLINE_MOVE: i64;

    /// Stores of up to this many bytes have the constant in themselves, or it is always in a register.
    fn stores(c: i64, _size: i64) -> bool {
        c == 0
    }

    /// Loads `size` bytes (a power of two) at an offset.
    fn load(l: &mut Lower<Self>, to: &[VReg], start: Start, offset: i64, size: i64);
    /// Stores `size` bytes (a power of two) at an offset: registers, or constants that it can have.
    fn store(l: &mut Lower<Self>, values: &[RegImm<VReg>], start: Start, offset: i64, size: i64);
    /// Copies any size: to, from, size.
    fn copy_any(l: &mut Lower<Self>, args: &[Value], overlap: bool);
    /// Fills any size: to, byte, size.
    fn fill_any(l: &mut Lower<Self>, args: &[Value]);
}

/// What a store of up to this many bytes has for a constant.
fn stored<I: Memory>(l: &mut Lower<I>, c: i64, size: i64) -> RegImm<VReg> {
    if I::stores(c, size) { RegImm::Imm(c) } else { RegImm::Reg(l.word(c)) }
}

/// Stores a word or float.
pub fn store_value<I: Memory>(l: &mut Lower<I>, value: Value, start: Start, offset: i64) {
    let value = match l.iconst(value) {
        Some(c) => stored(l, c, 8),
        None => RegImm::Reg(l.reg(value)),
    };
    I::store(l, &[value], start, offset, 8);
}

/// Registers that a piece is in.
fn registers(size: i64) -> usize {
    if size > 8 { 2 } else { 1 }
}

/// Parts of an area of `n` bytes: size, at most `largest`, and start. The last two may overlap.
fn pieces(n: i64, largest: i64) -> Vec<(i64, i64)> {
    let mut list = Vec::new();
    let mut at = 0;
    while at < n {
        let (size, start) = match n - at {
            16.. if largest == 16 => (16, at),
            8.. => (8, at),
            5..=7 if n >= 8 => (8, n - 8),
            4.. => (4, at),
            3 if n >= 4 => (4, n - 4),
            2.. => (2, at),
            _ => (1, at),
        };
        list.push((size, start));
        at = start + size;
    }
    list
}

fn store_piece<I: Memory>(l: &mut Lower<I>, piece: [RegImm<VReg>; 2], to: Start, at: i64, size: i64) {
    I::store(l, &piece[..registers(size)], to, at, size);
}

/// Selects `mem.copy` and `mem.move`.
pub fn copy<I: Memory>(l: &mut Lower<I>, inst: Inst) {
    let args = l.operands(inst);
    let overlap = l.data(inst).op == Op::MemMove;
    let limit = if overlap { I::INLINE_MOVE } else { I::INLINE_COPY };
    let Some(n) = l.iconst(args[2]).filter(|n| (0..=limit).contains(n)) else {
        return I::copy_any(l, args, overlap);
    };
    if n == 0 {
        return;
    }
    let (to, from) = (Start::Reg(l.reg(args[0])), Start::Reg(l.reg(args[1])));
    let mut stores = Vec::new();
    for (size, at) in pieces(n, I::PIECE) {
        let mut piece = [l.int(); 2];
        if size > 8 {
            piece[1] = l.int();
        }
        I::load(l, &piece[..registers(size)], from, at, size);
        if overlap {
            stores.push((size, at, piece));
        } else {
            store_piece(l, piece.map(RegImm::Reg), to, at, size);
        }
    }
    for (size, at, piece) in stores {
        store_piece(l, piece.map(RegImm::Reg), to, at, size);
    }
}

/// A word of eight equal bytes.
pub fn repeated(byte: i64) -> i64 {
    (byte as u8 as i64).wrapping_mul(0x0101_0101_0101_0101)
}

/// Selects `mem.fill`.
pub fn fill<I: Memory>(l: &mut Lower<I>, inst: Inst) {
    let args = l.operands(inst);
    let size = l.iconst(args[2]).filter(|n| (0..=I::INLINE_COPY).contains(n));
    let (Some(byte), Some(n)) = (l.iconst(args[1]), size) else {
        return I::fill_any(l, args);
    };
    if n == 0 {
        return;
    }
    let to = Start::Reg(l.reg(args[0]));
    let piece = stored(l, repeated(byte), n);
    for (size, at) in pieces(n, I::PIECE) {
        store_piece(l, [piece; 2], to, at, size);
    }
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn pieces_cover_the_area() {
        for largest in [8, 16] {
            for n in 0..100 {
                let mut end = 0;
                for (size, start) in pieces(n, largest) {
                    assert!((0..=end).contains(&start) && size <= largest && size.count_ones() == 1, "{n}");
                    end = start + size;
                }
                assert_eq!(end, n);
            }
        }
    }
}
