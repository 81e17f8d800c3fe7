//! Records of x86-64: `UNWIND_INFO`, version 1 (Microsoft, "x64 exception handling").
//!
//! A frame is one with a frame pointer. The record says that so many bytes are allocated where the frame
//! pointer is set up, just enough that saved registers are above them. So all that follows is relative to
//! the frame pointer, and no step depends on the stack pointer, which probes and slow paths move. Epilogues
//! need no words: the system recognizes their instructions.

use super::{Piece, prologue};
use crate::bytes::Bytes;
use crate::model::{CfiOp, FunctionInfo};

/// Operations of unwind codes.
const PUSH_NONVOL: u8 = 0;
const ALLOC_LARGE: u8 = 1;
const ALLOC_SMALL: u8 = 2;
const SET_FPREG: u8 = 3;
const SAVE_NONVOL: u8 = 4;
const SAVE_XMM128: u8 = 8;
/// What is allocated before the frame pointer is set up has this unit, and the field for it four bits.
const UNIT: i32 = 16;
const MOST_UNITS: i32 = 15;

/// DWARF numbers of the frame pointer and of registers for floats.
const FRAME_POINTER: u16 = 6;
const FLOATS: std::ops::Range<u16> = 17..33;

/// A step of a prologue, undone by the system.
#[derive(Clone, Copy)]
struct Step {
    /// Where the code ends that does it.
    at: u8,
    operation: u8,
    info: u8,
    /// A further half word, for some.
    more: Option<u16>,
}

/// The pieces of a function: itself, if it has a frame.
pub fn pieces(info: &FunctionInfo) -> Vec<Piece> {
    let record = record(info);
    record.map(|record| Piece { start: 0, end: info.code_size, record }).into_iter().collect()
}

/// The number that instructions have for a register.
fn register(dwarf: u16) -> Option<u8> {
    // Numbers 0 to 7 have an order of their own (psABI, figure 3.36).
    const FIRST: [u8; 8] = [0, 2, 1, 3, 6, 7, 5, 4];
    match dwarf {
        0..8 => Some(FIRST[usize::from(dwarf)]),
        8..16 => Some(dwarf as u8),
        r if FLOATS.contains(&r) => Some((r - FLOATS.start) as u8),
        _ => None,
    }
}

/// The record of a function; none when it has no frame, or one that is not made in this way.
fn record(info: &FunctionInfo) -> Option<Vec<u8>> {
    // The stack pointer is so far below the canonical frame address.
    let mut depth = 8;
    let (mut steps, mut frame, mut saves) = (Vec::new(), None, Vec::new());
    let mut ops = prologue(info).peekable();
    while let Some(&(at, op)) = ops.next() {
        let at = u8::try_from(at).ok()?;
        match op {
            CfiOp::DefCfaOffset(offset) if frame.is_none() && offset == depth + 8 => {
                let pushed =
                    ops.next_if(|next| matches!(next.1, CfiOp::Offset(_, place) if place == -offset));
                let Some(&(_, CfiOp::Offset(pushed, _))) = pushed else { return None };
                depth = offset;
                steps.push(Step { at, operation: PUSH_NONVOL, info: register(pushed)?, more: None });
            }
            CfiOp::DefCfaRegister(FRAME_POINTER) if frame.is_none() => frame = Some(at),
            // Of what is saved in part nothing can be said, and nobody asks: functions that call ours keep all
            // of it themselves.
            CfiOp::Offset(saved, _) if frame.is_some() && FLOATS.contains(&saved) => {}
            CfiOp::Offset(saved, place) | CfiOp::WholeOffset(saved, place) if frame.is_some() => {
                saves.push((at, saved, place + depth));
            }
            _ => return None,
        }
    }
    if steps.is_empty() {
        return None;
    }
    let lowest = saves.iter().map(|s| s.2).min().unwrap_or(0).min(0);
    let units = (-lowest + UNIT - 1) / UNIT;
    if units > MOST_UNITS {
        return None;
    }
    let size = UNIT * units;
    if let Some(at) = frame {
        if size > 128 {
            steps.push(Step { at, operation: ALLOC_LARGE, info: 0, more: Some(size as u16 / 8) });
        } else if size > 0 {
            steps.push(Step { at, operation: ALLOC_SMALL, info: size as u8 / 8 - 1, more: None });
        }
        steps.push(Step { at, operation: SET_FPREG, info: 0, more: None });
    }
    for (at, saved, place) in saves {
        let (operation, unit) = if FLOATS.contains(&saved) { (SAVE_XMM128, 16) } else { (SAVE_NONVOL, 8) };
        let above = place + size;
        if above % unit != 0 {
            return None;
        }
        steps.push(Step { at, operation, info: register(saved)?, more: Some((above / unit) as u16) });
    }
    Some(encode(&steps, frame.map_or(0, |_| units as u8)))
}

fn encode(steps: &[Step], units: u8) -> Vec<u8> {
    let framed = steps.iter().any(|s| s.operation == SET_FPREG);
    let codes: usize = steps.iter().map(|s| 1 + usize::from(s.more.is_some())).sum();
    let end = steps.iter().map(|s| s.at).max().unwrap_or(0);
    // The frame pointer has the same number in both countings but one.
    let frame = if framed { 5 | units << 4 } else { 0 };
    let mut out = Bytes(vec![1, end, codes as u8, frame]);
    for s in steps.iter().rev() {
        out.0.extend([s.at, s.operation | s.info << 4]);
        s.more.iter().for_each(|&v| out.u16(v));
    }
    out.0.resize(out.0.len().next_multiple_of(4), 0);
    out.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FrameInfo;
    use CfiOp::*;

    fn record_of(ops: &[(u32, CfiOp)]) -> Option<Vec<u8>> {
        record(&FunctionInfo {
            code_size: 400,
            frame: FrameInfo { ops: ops.to_vec() },
            ..FunctionInfo::default()
        })
    }

    const FRAME: [(u32, CfiOp); 3] = [(1, DefCfaOffset(16)), (1, Offset(6, -16)), (4, DefCfaRegister(6))];

    #[test]
    fn frames() {
        assert_eq!(record_of(&[]), None);
        assert_eq!(record_of(&FRAME[..2]), Some(vec![1, 1, 1, 0, 1, 0x50, 0, 0]));
        assert_eq!(record_of(&FRAME), Some(vec![1, 4, 2, 5, 4, 3, 1, 0x50]));
        // A register right below the frame pointer, a float on the next multiple of 16, and half of one.
        let saves = [(5, Offset(3, -24)), (9, WholeOffset(23, -48)), (14, Offset(24, -56))];
        let expected = [1, 9, 7, 0x25, 9, 0x68, 0, 0, 5, 0x34, 3, 0, 4, 3, 4, 0x32, 1, 0x50, 0, 0];
        assert_eq!(record_of(&[&FRAME[..], &saves].concat()), Some(expected.into()));
    }

    #[test]
    fn what_codes_cannot_say_has_no_record() {
        // Too far below, not aligned, a push of nothing, behind too many instructions.
        for op in
            [(9, Offset(3, -272)), (9, WholeOffset(23, -40)), (9, DefCfaOffset(24)), (256, Offset(3, -24))]
        {
            assert_eq!(record_of(&[&FRAME[..], &[op]].concat()), None, "{op:?}");
        }
        assert_eq!(record_of(&[(1, DefCfaOffset(16)), (4, DefCfaRegister(6))]), None);
    }
}
