//! Steps by `.pdata` and `UNWIND_INFO` as Windows on x86-64 does it (Microsoft, "x64 exception handling", "Unwind
//! procedure"): in an epilogue, which it knows by its instructions, it executes the rest of that; elsewhere it
//! undoes what of the prologue has been done.

use crate::machine::{Code, Reg, State, Value};
use crate::x64::{RSP, X64, XMM, general};
use crate::{Caller, Image, Judged};

/// An entry of the directory.
struct Entry {
    start: u64,
    end: u64,
    info: u64,
}

/// The tables of a program.
pub struct Tables<'a> {
    image: &'a Image<'a>,
    entries: Vec<Entry>,
}

/// The registers while they are restored.
struct Restored<'s> {
    state: &'s State,
    registers: Vec<Value>,
    named: Vec<Reg>,
}

impl Restored<'_> {
    fn sp(&mut self) -> &mut Value {
        &mut self.registers[usize::from(RSP)]
    }

    /// What is at an address; what is below the stack may be gone.
    fn read(&self, address: Value) -> Value {
        self.state.load(address)
    }

    fn pop(&mut self) -> Value {
        let sp = *self.sp();
        let value = self.read(sp);
        *self.sp() = sp.plus(8);
        value
    }

    fn restore(&mut self, register: Reg, value: Value) {
        self.registers[usize::from(register)] = value;
        self.named.push(register);
    }
}

impl<'a> Tables<'a> {
    /// Reads the directory, which has to be in order, and to lie in the code.
    pub fn read(image: &'a Image<'a>) -> Judged<Tables<'a>> {
        let mut entries: Vec<Entry> = Vec::new();
        let bytes = image.exceptions.ok_or("no directory of exceptions")?;
        for chunk in bytes.chunks(12) {
            let word = |k: usize| {
                chunk.get(4 * k..4 * k + 4).map(|b| u32::from_le_bytes(b.try_into().expect("four")))
            };
            let field = |k| Ok::<u64, String>(image.base + u64::from(word(k).ok_or("half an entry")?));
            let entry = Entry { start: field(0)?, end: field(1)?, info: field(2)? };
            let after = entries.last().map_or(image.code.0, |e| e.end);
            if entry.start < after || entry.end <= entry.start || entry.end > image.code.1 {
                return Err(format!("{:#x}: not in order, or no code", entry.start));
            }
            entries.push(entry);
        }
        Ok(Tables { image, entries })
    }

    /// The caller's state.
    pub fn step_out(&self, code: &Code, at: u64, state: &State) -> Judged<Option<Caller>> {
        let registers = (0..X64.registers).map(|r| state.get(r)).collect();
        let mut restored = Restored { state, registers, named: Vec::new() };
        let found = self.entries.partition_point(|e| e.start <= at).checked_sub(1).map(|i| &self.entries[i]);
        let Some(entry) = found.filter(|e| at < e.end) else { return Ok(None) };
        let header = self.image.bytes(entry.info, 4).ok_or("no record")?;
        let codes = self.image.bytes(entry.info + 4, 2 * usize::from(header[2])).ok_or("no codes")?;
        if header[0] != 1 || entry.info % 4 != 0 {
            return Err(format!("{at:#x}: a record of version and flags {}", header[0]));
        }
        if !epilogue(code, entry, at, header, &mut restored) {
            undo(entry, at, header, codes, &mut restored)?;
        }
        let return_address = restored.pop();
        let Restored { registers, named, .. } = restored;
        Ok(Some(Caller::State { registers, return_address, named }))
    }
}

/// Undoes what of the prologue is done.
fn undo(entry: &Entry, at: u64, header: &[u8], codes: &[u8], r: &mut Restored) -> Judged<()> {
    let done = at - entry.start;
    let (register, distance) = (header[3] & 15, i64::from(header[3] >> 4) * 16);
    let mut list = Vec::new();
    let mut rest = codes.chunks(2);
    while let Some(pair) = rest.next() {
        let (offset, operation, info) = (u64::from(pair[0]), pair[1] & 15, pair[1] >> 4);
        let mut more = || {
            let two = rest.next().ok_or(format!("{at:#x}: a code is cut off"))?;
            Ok::<i64, String>(u16::from_le_bytes([two[0], two[1]]).into())
        };
        let operand = match (operation, info) {
            (1, 0) | (4, _) | (8, _) => more()?,
            (1, _) | (5, _) | (9, _) => more()? | more()? << 16,
            _ => 0,
        };
        list.push((offset, operation, info, operand));
    }
    if !list.is_sorted_by(|a, b| a.0 >= b.0) || list.first().is_some_and(|c| c.0 > header[1].into()) {
        return Err(format!("{at:#x}: codes are not in order"));
    }
    let set = list.iter().find(|c| c.1 == 3);
    if set.is_some() != (register != 0) {
        return Err(format!("{at:#x}: a frame register without its code, or the other way round"));
    }
    let frame = match set {
        Some(set) if set.0 <= done => r.state.get(general(register.into())).plus(-distance),
        _ => *r.sp(),
    };
    for (offset, operation, info, operand) in list {
        if offset > done {
            continue;
        }
        let general = general(info.into());
        match operation {
            0 => {
                let value = r.pop();
                r.restore(general, value);
            }
            1 => *r.sp() = r.sp().plus(if info == 0 { 8 * operand } else { operand }),
            2 => *r.sp() = r.sp().plus(8 * i64::from(info) + 8),
            3 => *r.sp() = frame,
            4 | 5 => {
                let value = r.read(frame.plus(if operation == 4 { 8 * operand } else { operand }));
                r.restore(general, value);
            }
            8 | 9 => {
                let place = frame.plus(if operation == 8 { 16 * operand } else { operand });
                let value = match (r.read(place), r.read(place.plus(8))) {
                    (Value::Entry(low), Value::High(high)) if low == high => Value::Entry(low),
                    _ => Value::Unknown,
                };
                r.restore(XMM + Reg::from(info), value);
            }
            other => return Err(format!("{at:#x}: operation {other}")),
        }
    }
    Ok(())
}

/// Executes the rest of an epilogue, if this is one: `add` or `lea` to the stack pointer, pops, and a return or a
/// jump out of the function.
fn epilogue(code: &Code, entry: &Entry, at: u64, header: &[u8], r: &mut Restored) -> bool {
    let bytes = code.at(at);
    let (mut i, mut sp) = (0, *r.sp());
    let byte = |i: usize| bytes.get(i).copied().unwrap_or(0xcc);
    let far = |i: usize| i64::from(i32::from_le_bytes([byte(i), byte(i + 1), byte(i + 2), byte(i + 3)]));
    match [byte(0), byte(1), byte(2)] {
        [0x48, 0x83, 0xc4] => (i, sp) = (4, sp.plus(i64::from(byte(3) as i8))),
        [0x48, 0x81, 0xc4] => (i, sp) = (7, sp.plus(far(3))),
        [0x48 | 0x49, 0x8d, modrm] if modrm & 0x38 == 0x20 => {
            let register = (byte(0) & 1) << 3 | modrm & 7;
            let base = r.state.get(general(register.into()));
            match modrm & 0xc0 {
                _ if register == 0 || register != header[3] & 15 => return false,
                0x40 => (i, sp) = (4, base.plus(i64::from(byte(3) as i8))),
                0x80 => (i, sp) = (7, base.plus(far(3))),
                _ => return false,
            }
        }
        _ => {}
    }
    let mut popped = Vec::new();
    loop {
        let (wide, next) = if byte(i) & 0xf0 == 0x40 { ((byte(i) & 1) << 3, i + 1) } else { (0, i) };
        if byte(next) & 0xf8 != 0x58 {
            break;
        }
        popped.push((general((wide | byte(next) & 7).into()), sp));
        sp = sp.plus(8);
        i = next + 1;
    }
    let ip = at + i as u64;
    let outside = |to: u64| !(entry.start..entry.end).contains(&to);
    let ends = match [byte(i), byte(i + 1)] {
        [0xc3, _] | [0xf3, 0xc3] | [0xff, 0x25] => true,
        [0xeb, by] => outside(ip.wrapping_add(2).wrapping_add(i64::from(by as i8) as u64)),
        [0xe9, _] => outside(ip.wrapping_add(5).wrapping_add(far(i + 1) as u64)),
        _ => false,
    };
    if ends {
        for (register, place) in popped {
            let value = r.read(place);
            r.restore(register, value);
        }
        *r.sp() = sp;
    }
    ends
}
