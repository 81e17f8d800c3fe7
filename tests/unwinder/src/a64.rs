//! Follows code of AArch64, by the fields of its instructions (Arm Architecture Reference Manual, section C4.1).

use crate::Judged;
use crate::machine::{Code, Flow, Machine, Reg, State, Value};

/// The stack pointer; as a number of a register in instructions, it is that or zero.
pub const SP: Reg = 31;
/// The frame pointer.
pub const FP: Reg = 29;
/// The link register.
pub const LR: Reg = 30;
/// Of the first register for floats.
pub const FLOAT: Reg = 64;

/// The machine, with what C functions keep (AAPCS64, section 6.1); of v8 to v15 it is the low halves.
pub static A64: Machine = Machine {
    stack_pointer: SP,
    return_address: LR,
    pushed: false,
    kept: &[19, 20, 21, 22, 23, 24, 25, 26, 27, 28, FP, 72, 73, 74, 75, 76, 77, 78, 79],
    registers: 96,
    step,
};

/// Bits of a word.
fn bits(word: u32, from: u32, count: u32) -> u32 {
    word >> from & ((1 << count) - 1)
}

fn signed(word: u32, from: u32, count: u32) -> i64 {
    let shifted = (word << (32 - from - count)) as i32;
    i64::from(shifted >> (32 - count))
}

fn register(word: u32, from: u32) -> Reg {
    bits(word, from, 5) as Reg
}

/// Reads a register, where number 31 is zero.
fn read(state: &State, r: Reg) -> Value {
    if r == SP { Value::Const(0) } else { state.get(r) }
}

/// Writes a register, where number 31 is nothing.
fn write(state: &mut State, r: Reg, value: Value) {
    if r != SP {
        state.set(r, value);
    }
}

fn step(code: &Code, at: u64, state: &mut State) -> Judged<Flow> {
    let word = code.word(at).ok_or("no instruction")?;
    let next = at + 4;
    let to = |from, count| at.wrapping_add((signed(word, from, count) * 4) as u64);
    let is = |mask: u32, value: u32| word & mask == value;
    Ok(if is(0xfc00_0000, 0x1400_0000) {
        let to = to(0, 26);
        if code.has(to) { Flow::Jump(to) } else { Flow::Leave }
    } else if is(0xfc00_0000, 0x9400_0000) || is(0xffff_fc1f, 0xd63f_0000) {
        Flow::Call(next)
    } else if is(0xff00_0010, 0x5400_0000) || is(0x7e00_0000, 0x3400_0000) {
        Flow::Branch(to(5, 19), next)
    } else if is(0x7e00_0000, 0x3600_0000) {
        Flow::Branch(to(5, 14), next)
    } else if is(0xffff_fc1f, 0xd61f_0000) {
        // Only ways to imported functions jump to what was loaded.
        if state.table.is_some() { Flow::Table } else { Flow::Leave }
    } else if is(0xffff_fc1f, 0xd65f_0000) {
        Flow::Return
    } else if is(0xffe0_001f, 0xd420_0000) {
        Flow::Stop
    } else {
        match bits(word, 25, 4) {
            0b1010 | 0b1011 => system(word, state)?,
            0b1000 | 0b1001 => immediate(code, at, word, state),
            0b0101 | 0b1101 => registers(word, state),
            0b0111 | 0b1111 => floats(word, state),
            0b0100 | 0b0110 | 0b1100 | 0b1110 => memory(word, state)?,
            _ => return Err(format!("{word:08x} is not known")),
        }
        Flow::Next(next)
    })
}

fn system(word: u32, state: &mut State) -> Judged<()> {
    match word {
        // A system call, which gives a result.
        0xd400_0001 => write(state, 0, Value::Unknown),
        w if w & 0xfff0_0000 == 0xd530_0000 => write(state, register(w, 0), Value::Unknown),
        w if w & 0xffc0_0000 == 0xd500_0000 => {}
        w => return Err(format!("{w:08x} is not known")),
    }
    Ok(())
}

/// Data processing with an immediate (section C4.1.93).
fn immediate(code: &Code, at: u64, word: u32, state: &mut State) {
    let (rd, rn) = (register(word, 0), register(word, 5));
    match bits(word, 23, 3) {
        0b000 | 0b001 => {
            let distance = signed(word, 5, 19) << 2 | i64::from(bits(word, 29, 2));
            let address = match bits(word, 31, 1) {
                0 => at.wrapping_add(distance as u64),
                _ => (at & !0xfff).wrapping_add((distance << 12) as u64),
            };
            if code.has(address) && bits(word, 31, 1) == 0 {
                state.table = Some(address);
            }
            write(state, rd, Value::Const(address));
        }
        0b010 => {
            let n = i64::from(bits(word, 10, 12)) << (12 * bits(word, 22, 1));
            let n = if bits(word, 30, 1) == 1 { -n } else { n };
            let value = if bits(word, 31, 1) == 1 { state.get(rn).plus(n) } else { Value::Unknown };
            match (bits(word, 29, 1) == 1, rd) {
                (true, SP) => state.bound = Some(-n as u64),
                (true, _) => write(state, rd, value),
                (false, SP) if rn == SP => state.move_sp(n),
                _ => state.set(rd, value),
            }
        }
        0b101 => {
            let (shift, half) = (16 * bits(word, 21, 2), u64::from(bits(word, 5, 16)));
            let value = match (bits(word, 29, 2), read(state, rd)) {
                (0b10, _) => Value::Const(half << shift),
                (0b00, _) => Value::Const(!(half << shift)),
                (_, Value::Const(v)) => Value::Const(v & !(0xffff << shift) | half << shift),
                _ => Value::Unknown,
            };
            write(state, rd, value);
        }
        0b100 => {
            let value = if rn == SP && bits(word, 29, 2) == 0b01 { bit_mask(word) } else { None };
            let value = value.map_or(Value::Unknown, Value::Const);
            match bits(word, 29, 2) {
                0b11 => write(state, rd, value),
                _ => state.set(rd, value),
            }
        }
        _ => write(state, rd, Value::Unknown),
    }
}

/// The immediate of a logical instruction on 64 bits (`DecodeBitMasks`).
fn bit_mask(word: u32) -> Option<u64> {
    let (n, imms, immr) = (bits(word, 22, 1), bits(word, 10, 6), bits(word, 16, 6));
    let length = 31 - (n << 6 | (!imms & 0x3f)).leading_zeros();
    let size = 1u32 << length;
    let (ones, rotate) = ((imms & (size - 1)) + 1, immr & (size - 1));
    let element = u64::MAX >> (64 - ones);
    let mask = u64::MAX >> (64 - size);
    let element = if rotate == 0 { element } else { element >> rotate | element << (size - rotate) } & mask;
    (bits(word, 31, 1) == 1).then(|| (0..64 / size).fold(0, |all, k| all | element << (k * size)))
}

/// Data processing of registers (section C4.1.95).
fn registers(word: u32, state: &mut State) {
    let (rd, rn, rm) = (register(word, 0), register(word, 5), register(word, 16));
    let is = |mask: u32, value: u32| word & mask == value;
    let number = |v| if let Value::Const(v) = v { Some(v) } else { None };
    if is(0xffe0_ffe0, 0xaa00_03e0) {
        let value = read(state, rm);
        write(state, rd, value);
    } else if is(0x5fe0_0000, 0x4b20_0000) || is(0x5fe0_0000, 0x0b20_0000) {
        // Extended: the first two may be the stack pointer.
        let value = match (number(read(state, rm)), bits(word, 30, 1)) {
            (Some(v), 0) => state.get(rn).plus(v as i64),
            (Some(v), _) => state.get(rn).plus((v as i64).wrapping_neg()),
            _ => Value::Unknown,
        };
        state.set(rd, value);
    } else if is(0x7fe0_001f, 0x6b20_001f) && rn == SP {
        state.compared = Some(read(state, rm));
    } else if is(0x7f20_001f, 0x6b00_001f) {
        state.bound = number(read(state, rm));
    } else if !is(0x1fe0_0000, 0x1a40_0000) {
        // All but conditional comparisons.
        write(state, rd, Value::Unknown);
    }
}

/// Floats and vectors (section C4.1.96).
fn floats(word: u32, state: &mut State) {
    let rd = register(word, 0);
    let is = |mask: u32, value: u32| word & mask == value;
    let compares = is(0xff20_fc07, 0x1e20_2000) || is(0xff20_0c00, 0x1e20_0400);
    let converts = is(0x7f20_fc00, 0x1e20_0000);
    // The opcodes whose result is an integer.
    let to_integer = converts && !matches!(bits(word, 16, 3), 2 | 3 | 7);
    let moves_element = is(0xbfe0_fc00, 0x0e00_3c00) || is(0xbfe0_fc00, 0x0e00_2c00);
    if compares {
    } else if to_integer || moves_element {
        write(state, rd, Value::Unknown);
    } else {
        state.set(FLOAT + rd, Value::Unknown);
    }
}

/// What a load gives or a store takes: one register, at an address, of so many bytes.
struct Transfer {
    register: Reg,
    float: bool,
    load: bool,
    size: i64,
}

fn transfer(state: &mut State, t: &Transfer, address: Value) {
    let r = if t.float { FLOAT + t.register } else { t.register };
    if !t.load {
        let value = if t.float { state.get(r) } else { read(state, r) };
        state.store(address, t.size, if t.size == 8 { value } else { Value::Unknown });
        return;
    }
    let value = if t.size == 8 { state.load(address) } else { Value::Unknown };
    if t.float {
        state.set(r, value);
    } else {
        write(state, r, value);
    }
}

/// Loads and stores (section C4.1.94).
fn memory(word: u32, state: &mut State) -> Judged<()> {
    let (rt, rn) = (register(word, 0), register(word, 5));
    let float = bits(word, 26, 1) == 1;
    let is = |mask: u32, value: u32| word & mask == value;
    if is(0x3b00_0000, 0x1800_0000) {
        transfer(state, &Transfer { register: rt, float, load: true, size: 4 }, Value::Unknown);
        return Ok(());
    }
    if is(0x3a00_0000, 0x2800_0000) {
        let size = match (float, bits(word, 30, 2)) {
            (true, k) => 4i64 << k,
            (false, 0b10) => 8,
            (false, _) => 4,
        };
        let load = bits(word, 22, 1) == 1;
        let (offset, mode) = (signed(word, 15, 7) * size, bits(word, 23, 2));
        let address = indexed(state, rn, offset, mode);
        for (k, register) in [(0, rt), (1, register(word, 10))] {
            transfer(state, &Transfer { register, float, load, size }, address.plus(k * size));
        }
        after(state, rn, offset, mode);
        return Ok(());
    }
    if !is(0x3a00_0000, 0x3800_0000) {
        return Err(format!("{word:08x} is not known"));
    }
    let size = 1i64 << (bits(word, 30, 2) | if float { bits(word, 23, 1) << 2 } else { 0 });
    let load = if float { bits(word, 22, 1) == 1 } else { bits(word, 22, 2) != 0 };
    let (mut offset, mut mode) = (0, 0b10);
    let address = if bits(word, 24, 1) == 1 {
        indexed(state, rn, i64::from(bits(word, 10, 12)) * size, mode)
    } else if bits(word, 21, 1) == 1 {
        match (bits(word, 10, 2), read(state, register(word, 16))) {
            (0b10, Value::Const(v)) => indexed(state, rn, v as i64, mode),
            (0b10, _) => Value::Unknown,
            _ => return Err(format!("{word:08x} is not known")),
        }
    } else {
        (offset, mode) = (signed(word, 12, 9), [0b10, 0b01, 0b10, 0b11][bits(word, 10, 2) as usize]);
        indexed(state, rn, offset, mode)
    };
    transfer(state, &Transfer { register: rt, float, load, size }, address);
    after(state, rn, offset, mode);
    Ok(())
}

/// The address of an access; mode 11 writes the base before it, 01 after it ([`after`]).
fn indexed(state: &mut State, base: Reg, offset: i64, mode: u32) -> Value {
    match mode {
        0b11 => {
            update(state, base, offset);
            state.access(base, 0)
        }
        0b01 => state.access(base, 0),
        _ => state.access(base, offset),
    }
}

fn after(state: &mut State, base: Reg, offset: i64, mode: u32) {
    if mode == 0b01 {
        update(state, base, offset);
    }
}

fn update(state: &mut State, base: Reg, by: i64) {
    match base {
        SP => state.move_sp(by),
        _ => state.set(base, state.get(base).plus(by)),
    }
}
