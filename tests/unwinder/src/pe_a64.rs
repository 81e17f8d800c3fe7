//! Steps by `.pdata` and `.xdata` as Windows on arm64 does it (Microsoft, "ARM64 exception handling"): each code stands
//! for an instruction of the prologue, or, from the index of its scope on, of an epilogue. Packed records are
//! refused: ours are full ones.

use crate::a64::{A64, FLOAT, FP, LR, SP};
use crate::machine::{Reg, State, Value};
use crate::{Caller, Image, Judged};

/// An entry of the directory with its record.
struct Entry {
    start: u64,
    end: u64,
    /// Start of each epilogue from the function's, in words, and its first code.
    epilogues: Vec<(u64, usize)>,
    codes: Vec<u8>,
}

/// The tables of a program.
pub struct Tables(Vec<Entry>);

/// A code, decoded.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Step {
    /// The stack pointer moved down.
    Alloc(i64),
    /// Registers from this one on were saved: how many, where, and by how much the stack pointer moved first.
    Save {
        first: Reg,
        second: Option<Reg>,
        at: i64,
        moved: i64,
    },
    /// The frame pointer was set up, so far above the stack pointer.
    Frame(i64),
    Nothing,
    End,
    /// What follows belongs to no prologue.
    EndOfPrologue,
}

/// The step at an index and the bytes of its code.
fn step(codes: &[u8], at: usize) -> Judged<(Step, usize)> {
    let byte = |k: usize| codes.get(at + k).copied().map(i64::from).ok_or("codes without an end".to_string());
    let first = byte(0)?;
    let save = |first: Reg, second: Option<Reg>, at, moved| Step::Save { first, second, at, moved };
    // Registers of two bytes' codes: four bits or three; then the offset.
    let wide = |b: i64| Ok::<_, String>((Reg::from((((first & 3) << 2) | b >> 6) as u8), b & 63));
    let narrow = |b: i64| Ok::<_, String>((Reg::from((((first & 1) << 2) | b >> 6) as u8), b & 63));
    let single = |b: i64| (Reg::from((((first & 1) << 3) | b >> 5) as u8), b & 31);
    let pair = |r: Reg| Some(r + 1);
    Ok(match first {
        0x00..=0x1f => (Step::Alloc(16 * first), 1),
        0x20..=0x3f => return Err("save_r19r20_x".into()),
        0x40..=0x7f => (save(FP, Some(LR), 8 * (first & 63), 0), 1),
        0x80..=0xbf => (save(FP, Some(LR), 0, 8 * (first & 63) + 8), 1),
        0xc0..=0xc7 => (Step::Alloc(16 * ((first & 7) << 8 | byte(1)?)), 2),
        0xc8..=0xcb => {
            let (r, z) = wide(byte(1)?)?;
            (save(19 + r, pair(19 + r), 8 * z, 0), 2)
        }
        0xcc..=0xcf => {
            let (r, z) = wide(byte(1)?)?;
            (save(19 + r, pair(19 + r), 0, 8 * z + 8), 2)
        }
        0xd0..=0xd3 => {
            let (r, z) = wide(byte(1)?)?;
            (save(19 + r, None, 8 * z, 0), 2)
        }
        0xd4..=0xd5 => {
            let (r, z) = single(byte(1)?);
            (save(19 + r, None, 0, 8 * z + 8), 2)
        }
        0xd8..=0xd9 => {
            let (r, z) = narrow(byte(1)?)?;
            (save(FLOAT + 8 + r, pair(FLOAT + 8 + r), 8 * z, 0), 2)
        }
        0xda..=0xdb => {
            let (r, z) = narrow(byte(1)?)?;
            (save(FLOAT + 8 + r, pair(FLOAT + 8 + r), 0, 8 * z + 8), 2)
        }
        0xdc..=0xdd => {
            let (r, z) = narrow(byte(1)?)?;
            (save(FLOAT + 8 + r, None, 8 * z, 0), 2)
        }
        0xe0 => (Step::Alloc(16 * (byte(1)? << 16 | byte(2)? << 8 | byte(3)?)), 4),
        0xe1 => (Step::Frame(0), 1),
        0xe2 => (Step::Frame(8 * byte(1)?), 2),
        0xe3 => (Step::Nothing, 1),
        0xe4 => (Step::End, 1),
        0xe5 => (Step::EndOfPrologue, 1),
        other => return Err(format!("code {other:#x}")),
    })
}

/// How many instructions the codes from an index on stand for, and where these end.
fn length(codes: &[u8], mut at: usize) -> Judged<u64> {
    let mut count = 0;
    loop {
        let (step, size) = step(codes, at)?;
        if matches!(step, Step::End | Step::EndOfPrologue) {
            return Ok(count);
        }
        count += 1;
        at += size;
    }
}

fn entry(image: &Image, start: u64, record: u64) -> Judged<Entry> {
    let word = |k: u64| {
        let bytes = image.bytes(record + 4 * k, 4).ok_or("a record outside of the file")?;
        Ok::<u32, String>(u32::from_le_bytes(bytes.try_into().expect("four bytes")))
    };
    let header = word(0)?;
    if header >> 18 & 7 != 0 {
        return Err(format!("{start:#x}: version, or data of a handler"));
    }
    let end = start + 4 * u64::from(header & 0x3ffff);
    let (mut count, mut words, mut next) = (u64::from(header >> 22 & 31), u64::from(header >> 27), 1);
    if (count, words) == (0, 0) {
        let more = word(1)?;
        (count, words, next) = (u64::from(more & 0xffff), u64::from(more >> 16 & 0xff), 2);
    }
    let at_end = header >> 21 & 1 == 1;
    let scopes = if at_end { 0 } else { count };
    let mut epilogues = Vec::new();
    for k in 0..scopes {
        let scope = word(next + k)?;
        epilogues.push((u64::from(scope & 0x3ffff), (scope >> 22) as usize));
    }
    let codes =
        image.bytes(record + 4 * (next + scopes), 4 * words as usize).ok_or("codes outside of the file")?;
    if at_end {
        let index = count as usize;
        // The last instruction is a return, which has no code.
        let first = (end - start) / 4 - length(codes, index)? - 1;
        epilogues.push((first, index));
    }
    if !epilogues.is_sorted_by(|a, b| a.0 < b.0) || epilogues.iter().any(|e| start + 4 * e.0 >= end) {
        return Err(format!("{start:#x}: epilogues are not in order"));
    }
    Ok(Entry { start, end, epilogues, codes: codes.to_vec() })
}

impl Tables {
    /// Reads the directory, which has to be in order, and to lie in the code.
    pub fn read(image: &Image) -> Judged<Tables> {
        let mut entries: Vec<Entry> = Vec::new();
        let bytes = image.exceptions.ok_or("no directory of exceptions")?;
        for chunk in bytes.chunks(8) {
            let chunk: [u8; 8] = chunk.try_into().map_err(|_| "half an entry")?;
            let [a, b] = [0, 4].map(|k| u32::from_le_bytes(chunk[k..k + 4].try_into().expect("four bytes")));
            if b & 3 != 0 {
                return Err(format!("{a:#x}: a packed record"));
            }
            let entry = entry(image, image.base + u64::from(a), image.base + u64::from(b))?;
            let after = entries.last().map_or(image.code.0, |e| e.end);
            if entry.start < after || entry.end <= entry.start || entry.end > image.code.1 {
                return Err(format!("{:#x}: not in order, or no code", entry.start));
            }
            entries.push(entry);
        }
        Ok(Tables(entries))
    }

    /// The caller's state.
    pub fn step_out(&self, at: u64, state: &State) -> Judged<Option<Caller>> {
        let found = self.0.partition_point(|e| e.start <= at).checked_sub(1).map(|i| &self.0[i]);
        let Some(entry) = found.filter(|e| at < e.end) else { return Ok(None) };
        let (codes, word) = (&entry.codes, (at - entry.start) / 4);
        let prologue = length(codes, 0)?;
        let (mut index, mut skip) = (0, prologue.saturating_sub(word));
        if word >= prologue {
            for &(start, first) in &entry.epilogues {
                let count = length(codes, first)? + 1;
                if (start..start + count).contains(&word) {
                    (index, skip) = (first, word - start);
                }
            }
        }
        let mut registers: Vec<Value> = (0..A64.registers).map(|r| state.get(r)).collect();
        let mut named = Vec::new();
        loop {
            let (step, size) = step(codes, index)?;
            index += size;
            if skip > 0 && step != Step::End {
                skip -= 1;
                continue;
            }
            let sp = registers[usize::from(SP)];
            match step {
                Step::Alloc(n) => registers[usize::from(SP)] = sp.plus(n),
                Step::Frame(n) => registers[usize::from(SP)] = registers[usize::from(FP)].plus(-n),
                Step::Save { first, second, at, moved } => {
                    for (k, register) in [Some(first), second].into_iter().flatten().enumerate() {
                        registers[usize::from(register)] = state.load(sp.plus(at + 8 * k as i64));
                        named.push(register);
                    }
                    registers[usize::from(SP)] = sp.plus(moved);
                }
                Step::Nothing | Step::EndOfPrologue => {}
                Step::End => break,
            }
        }
        let return_address = registers[usize::from(LR)];
        Ok(Some(Caller::State { registers, return_address, named }))
    }
}
