//! Follows code of RV64GC, by the fields of its instructions (RISC-V Unprivileged ISA, chapter 35); compressed ones
//! are expanded first, as far as they do what is followed (chapter 28).

use crate::Judged;
use crate::machine::{Code, Flow, Machine, Reg, State, Value};

/// The stack pointer.
pub const SP: Reg = 2;
/// The frame pointer.
pub const FP: Reg = 8;
/// The link register.
pub const RA: Reg = 1;
/// Of the first register for floats.
pub const FLOAT: Reg = 32;

/// The machine, with what C functions keep (psABI, chapter 2).
pub static RV64: Machine = Machine {
    stack_pointer: SP,
    return_address: RA,
    pushed: false,
    kept: &[FP, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 40, 41, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59],
    registers: 64,
    step,
};

fn bits(word: u32, from: u32, count: u32) -> u32 {
    word >> from & ((1 << count) - 1)
}

/// Bits of a word, each range (first, count) to a place, with the sign of the highest.
fn gathered(word: u32, parts: &[(u32, u32, u32)]) -> i64 {
    let top = parts.iter().map(|&(_, count, to)| to + count).max().unwrap_or(0);
    let all = parts.iter().fold(0, |all, &(from, count, to)| all | bits(word, from, count) << to);
    i64::from((all << (32 - top)) as i32 >> (32 - top))
}

/// What an instruction does, as far as it is followed.
enum Op {
    /// To register, from register plus number.
    Add(Reg, Reg, i64),
    /// Of two registers, the second negated if so.
    Sum(Reg, Reg, Reg, bool),
    /// A number; relative to the instruction if so.
    Number(Reg, i64, bool),
    Load(Reg, Reg, i64, i64),
    Store(Reg, Reg, i64, i64),
    /// Writes a register, or none.
    Write(Option<Reg>),
    /// Jumps so far and leaves the return address.
    Jump(Reg, i64),
    /// The same to a register plus a number.
    JumpTo(Reg, Reg, i64),
    /// By a comparison: whether the first two are less than or equal, unsigned and not.
    Branch(Option<(Reg, Reg)>, i64),
    SystemCall,
    Trap,
}

fn decode(word: u32) -> Option<Op> {
    let (rd, rs1, rs2) = (bits(word, 7, 5) as Reg, bits(word, 15, 5) as Reg, bits(word, 20, 5) as Reg);
    let (f3, f7) = (bits(word, 12, 3), bits(word, 25, 7));
    let i = gathered(word, &[(20, 12, 0)]);
    let s = gathered(word, &[(7, 5, 0), (25, 7, 5)]);
    let branch = gathered(word, &[(8, 4, 1), (25, 6, 5), (7, 1, 11), (31, 1, 12)]);
    let jump = gathered(word, &[(21, 10, 1), (20, 1, 11), (12, 8, 12), (31, 1, 20)]);
    let upper = gathered(word, &[(12, 20, 12)]);
    Some(match word & 0x7f {
        0x03 => Op::Load(rd, rs1, i, 1 << (f3 & 3)),
        0x07 => Op::Load(FLOAT + rd, rs1, i, 1 << f3),
        0x23 => Op::Store(rs2, rs1, s, 1 << f3),
        0x27 => Op::Store(FLOAT + rs2, rs1, s, 1 << f3),
        0x13 if f3 == 0 => Op::Add(rd, rs1, i),
        // Negated comparisons of unsigned numbers, as the ends of tables and loops have them.
        0x63 => Op::Branch((f3 == 7 || f3 == 6).then_some((rs1, rs2)), branch),
        0x6f => Op::Jump(rd, jump),
        0x67 => Op::JumpTo(rd, rs1, i),
        0x33 if f3 == 0 && (f7 == 0 || f7 == 0x20) => Op::Sum(rd, rs1, rs2, f7 == 0x20),
        0x37 => Op::Number(rd, upper, false),
        0x17 => Op::Number(rd, upper, true),
        0x1b if f3 == 0 => Op::Add(rd, rs1, i),
        0x13 if f3 == 1 && bits(word, 26, 6) == 0 => Op::Write(Some(rd)),
        0x13 | 0x1b | 0x33 | 0x3b => Op::Write(Some(rd)),
        // Comparisons, classifications, and conversions to integers.
        0x53 if matches!(f7, 0x50 | 0x51 | 0x60 | 0x61 | 0x70 | 0x71) => Op::Write(Some(rd)),
        0x53 | 0x43 | 0x47 | 0x4b | 0x4f => Op::Write(Some(FLOAT + rd)),
        0x73 if word == 0x73 => Op::SystemCall,
        0x73 if word == 0x10_0073 => Op::Trap,
        0x73 => Op::Write(Some(rd)),
        0x0f => Op::Write(None),
        _ => return None,
    })
}

/// An instruction of 16 bits.
fn decode_short(w: u32) -> Option<Op> {
    let (rd, rs2) = (bits(w, 7, 5) as Reg, bits(w, 2, 5) as Reg);
    let (low, high) = (8 + bits(w, 2, 3) as Reg, 8 + bits(w, 7, 3) as Reg);
    let i = gathered(w, &[(2, 5, 0), (12, 1, 5)]);
    let far = i64::from(bits(w, 10, 3) << 3 | bits(w, 5, 2) << 6);
    let near = i64::from(bits(w, 10, 3) << 3 | bits(w, 6, 1) << 2 | bits(w, 5, 1) << 6);
    let load_sp = i64::from(bits(w, 5, 2) << 3 | bits(w, 12, 1) << 5 | bits(w, 2, 3) << 6);
    let word_sp = i64::from(bits(w, 4, 3) << 2 | bits(w, 12, 1) << 5 | bits(w, 2, 2) << 6);
    let store_sp = i64::from(bits(w, 10, 3) << 3 | bits(w, 7, 3) << 6);
    let store_word_sp = i64::from(bits(w, 9, 4) << 2 | bits(w, 7, 2) << 6);
    let jump = [(3, 3, 1), (11, 1, 4), (2, 1, 5), (7, 1, 6), (6, 1, 7), (9, 2, 8), (8, 1, 10), (12, 1, 11)];
    let branch = [(3, 2, 1), (10, 2, 3), (2, 1, 5), (5, 2, 6), (12, 1, 8)];
    Some(match (w & 3, bits(w, 13, 3)) {
        (0, 0) => {
            let n = bits(w, 11, 2) << 4 | bits(w, 7, 4) << 6 | bits(w, 6, 1) << 2 | bits(w, 5, 1) << 3;
            if n == 0 {
                return None;
            }
            Op::Add(low, SP, n.into())
        }
        (0, 1) => Op::Load(FLOAT + low, high, far, 8),
        (0, 2) => Op::Load(low, high, near, 4),
        (0, 3) => Op::Load(low, high, far, 8),
        (0, 5) => Op::Store(FLOAT + low, high, far, 8),
        (0, 6) => Op::Store(low, high, near, 4),
        (0, 7) => Op::Store(low, high, far, 8),
        (1, 0 | 1) => Op::Add(rd, rd, i),
        (1, 2) => Op::Add(rd, 0, i),
        (1, 3) if rd == SP => {
            let parts = [(6, 1, 4), (2, 1, 5), (5, 1, 6), (3, 2, 7), (12, 1, 9)];
            Op::Add(SP, SP, gathered(w, &parts))
        }
        (1, 3) => Op::Number(rd, i << 12, false),
        (1, 4) => Op::Write(Some(high)),
        (1, 5) => Op::Jump(0, gathered(w, &jump)),
        (1, 6 | 7) => Op::Branch(None, gathered(w, &branch)),
        (2, 0) => Op::Write(Some(rd)),
        (2, 1) => Op::Load(FLOAT + rd, SP, load_sp, 8),
        (2, 2) => Op::Load(rd, SP, word_sp, 4),
        (2, 3) => Op::Load(rd, SP, load_sp, 8),
        (2, 4) => match (bits(w, 12, 1), rd, rs2) {
            (0, _, 0) => Op::JumpTo(0, rd, 0),
            (0, ..) => Op::Add(rd, rs2, 0),
            (_, 0, 0) => Op::Trap,
            (_, _, 0) => Op::JumpTo(RA, rd, 0),
            _ => Op::Sum(rd, rd, rs2, false),
        },
        (2, 5) => Op::Store(FLOAT + rs2, SP, store_sp, 8),
        (2, 6) => Op::Store(rs2, SP, store_word_sp, 4),
        (2, 7) => Op::Store(rs2, SP, store_sp, 8),
        _ => return None,
    })
}

fn read(state: &State, r: Reg) -> Value {
    if r == 0 { Value::Const(0) } else { state.get(r) }
}

fn write(state: &mut State, r: Reg, value: Value) {
    if r != 0 {
        state.set(r, value);
    }
}

fn step(code: &Code, at: u64, state: &mut State) -> Judged<Flow> {
    let half = code.at(at).get(..2).ok_or("no instruction")?;
    let half = u32::from(u16::from_le_bytes([half[0], half[1]]));
    let (op, next) = if half & 3 == 3 {
        let word = code.word(at).ok_or("no instruction")?;
        (decode(word).ok_or_else(|| format!("{word:08x} is not known"))?, at + 4)
    } else {
        (decode_short(half).ok_or_else(|| format!("{half:04x} is not known"))?, at + 2)
    };
    match op {
        Op::Add(to, from, n) if to == SP && from == SP => state.move_sp(n),
        Op::Add(to, from, n) => {
            let value = read(state, from).plus(n);
            address(code, state, value);
            write(state, to, value);
        }
        Op::Sum(to, a, b, minus) => {
            let number = match read(state, b) {
                Value::Const(n) if minus => Some((n as i64).wrapping_neg()),
                Value::Const(n) => Some(n as i64),
                _ => None,
            };
            match number {
                Some(n) if (to, a) == (SP, SP) => state.move_sp(n),
                _ => {
                    let value = number.map_or(Value::Unknown, |n| read(state, a).plus(n));
                    write(state, to, value);
                }
            }
        }
        Op::Number(to, n, relative) => {
            let value = if relative { at.wrapping_add(n as u64) } else { n as u64 };
            write(state, to, Value::Const(value));
        }
        Op::Load(to, base, n, size) => {
            let address = state.access(base, n);
            let value = if size == 8 { state.load(address) } else { Value::Unknown };
            write(state, to, value);
        }
        Op::Store(from, base, n, size) => {
            let (address, value) = (state.access(base, n), read(state, from));
            state.store(address, size, if size == 8 { value } else { Value::Unknown });
        }
        Op::Write(to) => to.into_iter().for_each(|to| write(state, to, Value::Unknown)),
        Op::Jump(0, by) => {
            let to = at.wrapping_add(by as u64);
            return Ok(if code.has(to) { Flow::Jump(to) } else { Flow::Leave });
        }
        Op::Jump(..) => return Ok(Flow::Call(next)),
        Op::JumpTo(0, to, by) => {
            return Ok(match state.get(to).plus(by) {
                Value::Const(to) if code.has(to) => Flow::Jump(to),
                Value::Const(_) => Flow::Leave,
                _ if state.get(to) == Value::Entry(RA) => Flow::Return,
                _ => Flow::Table,
            });
        }
        Op::JumpTo(..) => return Ok(Flow::Call(next)),
        Op::Branch(compared, by) => {
            if let Some((a, b)) = compared {
                match (read(state, a), read(state, b)) {
                    (_, Value::Const(n)) => state.bound = Some(n),
                    _ if b == SP => state.compared = Some(read(state, a)),
                    _ => {}
                }
            }
            return Ok(Flow::Branch(at.wrapping_add(by as u64), next));
        }
        Op::SystemCall => write(state, 10, Value::Unknown),
        Op::Trap => return Ok(Flow::Stop),
    }
    Ok(Flow::Next(next))
}

/// Notes an address that may be a table's.
fn address(code: &Code, state: &mut State, value: Value) {
    if let Value::Const(v) = value
        && code.has(v)
    {
        state.table = Some(v);
    }
}
