//! Rule of code: trap 41. The stack grows by the page below it only, so a function that goes down by a page or more
//! touches each page, in order.
//!
//! Instructions that move the stack pointer by a constant are found by their bytes, since data between functions
//! leads a decoder astray.

use super::image::Image;
use crate::elf::EXECUTE;
use crate::rules::Problems;
use mochi_objwrite::Arch;

const PAGE: u32 = 0x1000;

/// sub $N,%rsp, and the bytes of N behind it
const SUB_X64: [u8; 3] = [0x48, 0x81, 0xEC];
/// test %rsp,N(%rsp), and the bytes of N behind it; test %rsp,(%rsp)
const TOUCH_BELOW_X64: [u8; 4] = [0x48, 0x85, 0xA4, 0x24];
const TOUCH_X64: [u8; 4] = [0x48, 0x85, 0x24, 0x24];
/// sub sp,sp,#N,lsl #12, without N, and those of its bits that are not of N
const SUB_A64: (u32, u32) = (0xD140_03FF, 0xFFC0_03FF);
/// sub sp,sp,xN: as far as it likes
const SUB_ANY_A64: (u32, u32) = (0xCB20_03FF, 0xFFE0_03FF);
/// str xzr,[sp]
const TOUCH_A64: u32 = 0xF900_03FF;

/// 41: frames of a page or more are touched page by page.
pub fn probes(image: &Image, out: &mut Problems) {
    for section in image.sections.iter().filter(|s| s.protection() & EXECUTE != 0) {
        let Ok(code) = image.bytes(section.filled()) else { continue };
        let found = if image.arch == Arch::A64 { a64(code) } else { x64(code) };
        let start = section.memory.start as usize;
        out.extend(found.into_iter().map(|at| format!("the stack goes down untouched at {:#x}", start + at)));
    }
}

fn x64(code: &[u8]) -> Vec<usize> {
    let number = |at: usize| Some(u32::from_le_bytes(*code.get(at..)?.first_chunk()?));
    // Pages that are touched just before, the lowest last.
    let touched = |at: usize| {
        let mut pages = 0;
        let mut end = at;
        while let Some(start) = end.checked_sub(8).filter(|&s| code[s..].starts_with(&TOUCH_BELOW_X64)) {
            pages += 1;
            end = start;
        }
        let place = |n: u32| number(end + 8 * n as usize + TOUCH_BELOW_X64.len());
        if (0..pages).all(|n| place(n) == Some((n + 1).wrapping_mul(PAGE).wrapping_neg())) {
            pages
        } else {
            0
        }
    };
    let places = code.windows(SUB_X64.len()).enumerate().filter(|(_, bytes)| *bytes == SUB_X64);
    let wrong = |at: &usize| {
        let Some(bytes) = number(at + SUB_X64.len()).filter(|n| (PAGE..1 << 31).contains(n)) else {
            return false;
        };
        let loops = bytes == PAGE && code[at + SUB_X64.len() + 4..].starts_with(&TOUCH_X64);
        !loops && bytes.saturating_sub(touched(*at) * PAGE) >= PAGE
    };
    places.map(|(at, _)| at).filter(wrong).collect()
}

fn a64(code: &[u8]) -> Vec<usize> {
    let words: Vec<u32> =
        code.chunks_exact(4).map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]])).collect();
    let wrong = |n: &usize| {
        let (word, next) = (words[*n], words.get(n + 1));
        let is = |(value, mask): (u32, u32)| word & mask == value;
        let one = word & !SUB_A64.1 == 1 << 10;
        is(SUB_ANY_A64) || is(SUB_A64) && word & !SUB_A64.1 != 0 && !(one && next == Some(&TOUCH_A64))
    };
    (0..words.len()).filter(wrong).map(|n| 4 * n).collect()
}
