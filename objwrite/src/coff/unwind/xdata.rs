//! Records of arm64: `.xdata` in full (Microsoft, "ARM64 exception handling").
//!
//! Each instruction of a prologue has a code, and so has each of an epilogue but its return. Both are the same list,
//! since epilogues undo what prologues do, in turn: the frame record and pairs of registers are pushed, the
//! frame pointer is set up to point to the record. What follows (room, and registers that tables need not name)
//! moves the stack pointer only, which is found by the frame pointer.

use super::{Piece, prologue};
use crate::bytes::Bytes;
use crate::model::{CfiOp, FunctionInfo};

/// DWARF numbers.
const FRAME_POINTER: u16 = 29;
const LINK: u16 = 30;
const INTS: std::ops::Range<u16> = 19..31;
const FLOATS: std::ops::Range<u16> = 72..80;

/// Codes.
const ALLOC_16: u8 = 0x01;
const SAVE_FP_LINK_16: u8 = 0x81;
const SAVE_INTS: u16 = 0xCC01;
const SAVE_FLOATS: u16 = 0xDA01;
const SET_FP: u8 = 0xE1;
const ADD_FP: u8 = 0xE2;
const END: u8 = 0xE4;
const NO_PROLOGUE: u8 = 0xE5;

/// Bytes of what a push makes room for.
const PUSH: i32 = 16;
/// Bytes of an instruction.
const WORD: u32 = 4;
/// The largest piece in bytes: its field has 18 bits.
const LONGEST: u32 = WORD * ((1 << 18) - 1);
/// From here on counts are in a word of their own.
const MANY: usize = 32;

/// A frame by its codes.
struct Frame {
    /// In the order of undoing; the first ones are no part of epilogues.
    codes: Vec<u8>,
    /// How many bytes of these are before the ones for epilogues.
    skipped: u32,
    /// Instructions of an epilogue before its return.
    pops: u32,
    /// A register of the first ones that an epilogue pops.
    first_popped: u16,
}

/// The pieces of a function.
pub fn pieces(info: &FunctionInfo) -> Vec<Piece> {
    let Some(frame) = frame(info) else { return Vec::new() };
    let popped = |&&(_, op): &&(u32, CfiOp)| op == CfiOp::Restore(frame.first_popped);
    let starts = info.frame.ops.iter().filter(popped).map(|&(at, _)| at.saturating_sub(WORD));
    let epilogues: Vec<(u32, u32)> = starts.map(|at| (at, at + WORD * (frame.pops + 1))).collect();
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < info.code_size {
        let mut end = info.code_size.min(start + LONGEST);
        // Epilogues are whole.
        if let Some(cut) = epilogues.iter().find(|e| e.0 < end && end < e.1) {
            end = cut.0;
        }
        let inside = epilogues.iter().filter(|e| start <= e.0 && e.0 < end);
        let inside: Vec<(u32, u32)> = inside.map(|e| (e.0 - start, e.1 - start)).collect();
        pieces.push(Piece { start, end, record: record(&frame, start > 0, end - start, &inside) });
        start = end;
    }
    pieces
}

/// The frame of a function; none when it has none, or one that is not made in this way.
fn frame(info: &FunctionInfo) -> Option<Frame> {
    let (mut steps, mut first_popped): (Vec<Vec<u8>>, _) = (Vec::new(), FRAME_POINTER);
    let (mut depth, mut framed) = (0, false);
    let mut ops = prologue(info).peekable();
    while let Some(&(at, op)) = ops.next() {
        let mut places: Vec<(u16, i32)> = Vec::new();
        while let Some(&&(_, CfiOp::Offset(register, place))) = ops.peek().filter(|next| next.0 == at) {
            places.push((register, place));
            ops.next();
        }
        places.sort_by_key(|p| p.1);
        let in_order = at == WORD * (steps.len() as u32 + 1);
        match op {
            CfiOp::DefCfaOffset(offset) if !framed && in_order && offset == depth + PUSH => {
                depth = offset;
                steps.push(push(&places, offset)?);
                first_popped = places.first()?.0;
            }
            CfiOp::DefCfa(FRAME_POINTER, PUSH) if in_order && depth > 0 && places.is_empty() => {
                framed = true;
                steps.push(match u8::try_from((depth - PUSH) / 8).ok()? {
                    0 => vec![SET_FP],
                    units => vec![ADD_FP, units],
                });
            }
            CfiOp::Offset(register, _)
                if framed && !(is_kept(register) || places.iter().any(|p| is_kept(p.0))) => {}
            _ => return None,
        }
    }
    let skipped = if framed { steps.last()?.len() as u32 } else { 0 };
    let pops = steps.len() as u32 - u32::from(framed);
    (pops > 0).then_some(())?;
    let mut codes: Vec<u8> = steps.into_iter().rev().flatten().collect();
    codes.push(END);
    Some(Frame { codes, skipped, pops, first_popped })
}

/// A function keeps this register, so tables say where it is.
fn is_kept(register: u16) -> bool {
    INTS.contains(&register) || FLOATS.contains(&register)
}

/// The code of a push of registers with these places, ascending, after which the stack pointer is so far below
/// the canonical frame address.
fn push(places: &[(u16, i32)], depth: i32) -> Option<Vec<u8>> {
    let pair = match *places {
        [(low, at), (high, above)] if at == -depth && above == at + 8 && high == low + 1 => Some(low),
        _ => None,
    };
    match pair {
        Some(FRAME_POINTER) => Some(vec![SAVE_FP_LINK_16]),
        Some(low) if INTS.contains(&low) && low < LINK => {
            Some((SAVE_INTS | (low - INTS.start) << 6).to_be_bytes().into())
        }
        Some(low) if FLOATS.contains(&low) && FLOATS.contains(&(low + 1)) => {
            Some((SAVE_FLOATS | (low - FLOATS.start) << 6).to_be_bytes().into())
        }
        _ => places.iter().all(|p| !is_kept(p.0)).then(|| vec![ALLOC_16]),
    }
}

/// The record of a piece: header, scopes of epilogues, codes.
fn record(frame: &Frame, later: bool, size: u32, epilogues: &[(u32, u32)]) -> Vec<u8> {
    // What is not the first piece has no prologue, but the frame of one.
    let mut codes = if later { vec![NO_PROLOGUE] } else { Vec::new() };
    let index = codes.len() as u32 + frame.skipped;
    codes.extend(&frame.codes);
    // Unused codes do nothing.
    codes.resize(codes.len().next_multiple_of(4), 0xE3);
    let words = codes.len() / 4;
    // One at the end needs no scope, but its index.
    let at_end = matches!(epilogues, [(_, end)] if *end == size) && index < MANY as u32;
    let count = if at_end { index as usize } else { epilogues.len() };
    let mut out = Bytes::default();
    let header = (size / WORD) | (u32::from(at_end) << 21);
    if count < MANY && words < MANY {
        out.u32(header | (count as u32) << 22 | (words as u32) << 27);
    } else {
        out.u32(header);
        out.u32(count as u32 | (words as u32) << 16);
    }
    if !at_end {
        epilogues.iter().for_each(|(start, _)| out.u32((start / WORD) | (index << 22)));
    }
    out.0.extend(codes);
    out.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FrameInfo;

    /// A function of so many bytes that pushes two pairs, with epilogues at these places.
    fn function(code_size: u32, epilogues: &[u32]) -> FunctionInfo {
        use CfiOp::*;
        let mut ops = vec![(4, DefCfaOffset(16)), (4, Offset(29, -16)), (4, Offset(30, -8))];
        ops.extend([(8, DefCfaOffset(32)), (8, Offset(20, -24)), (8, Offset(19, -32)), (12, DefCfa(29, 16))]);
        for &at in epilogues {
            ops.extend([(at, RememberState), (at + 4, Restore(20)), (at + 4, Restore(19))]);
            ops.extend([(at + 8, DefCfa(31, 0)), (at + 8, Restore(29)), (at + 8, Restore(30))]);
            ops.push((at + 12, RestoreState));
        }
        FunctionInfo { code_size, frame: FrameInfo { ops }, ..FunctionInfo::default() }
    }

    fn words(record: &[u8]) -> Vec<u32> {
        record.chunks(4).map(|w| u32::from_le_bytes(w.try_into().unwrap())).collect()
    }

    const CODES: [u32; 2] = [0x01cc_02e2, 0xe3e3_e481];

    #[test]
    fn one_epilogue_at_the_end_needs_no_scope() {
        let pieces = pieces(&function(60, &[48]));
        assert_eq!(words(&pieces[0].record), [15 | 1 << 21 | 2 << 22 | 2 << 27, CODES[0], CODES[1]]);
    }

    #[test]
    fn many_epilogues_are_counted_in_a_word_of_their_own() {
        let starts: Vec<u32> = (0..40).map(|k| 100 + 20 * k).collect();
        let record = words(&pieces(&function(2000, &starts))[0].record);
        assert_eq!(record[..3], [500, 40 | 2 << 16, 25 | 2 << 22]);
        assert_eq!((record[41], &record[42..]), (220 | 2 << 22, &CODES[..]));
    }

    #[test]
    fn long_functions_are_cut_outside_of_epilogues() {
        let cut = LONGEST - 4;
        let pieces = pieces(&function(LONGEST + 400, &[40, cut, LONGEST + 100]));
        let spans: Vec<(u32, u32)> = pieces.iter().map(|p| (p.start, p.end)).collect();
        assert_eq!(spans, [(0, cut), (cut, LONGEST + 400)]);
        assert_eq!(words(&pieces[0].record)[1..], [10 | 2 << 22, CODES[0], CODES[1]]);
        // What is later has the frame, but no prologue.
        let later = [0, 26].map(|at| at | 3 << 22);
        let codes = [0xcc02_e2e5, 0xe3e4_8101];
        assert_eq!(words(&pieces[1].record)[1..], [later[0], later[1], codes[0], codes[1]]);
    }

    #[test]
    fn what_codes_cannot_say_has_no_record() {
        use CfiOp::*;
        let mut strange = function(60, &[48]);
        // A lower number above a higher one; a kept register that is stored later.
        for op in [(8, Offset(21, -32)), (20, Offset(21, -40))] {
            let at = strange.frame.ops.partition_point(|known| known.0 <= op.0);
            let mut other = strange.clone();
            other.frame.ops.insert(at, op);
            assert_eq!(pieces(&other), []);
        }
        strange.frame.ops.truncate(0);
        assert_eq!(pieces(&strange), []);
    }
}
