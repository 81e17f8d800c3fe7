//! Universal files: which of the executables the system takes, and what it refuses of the file (XNU's
//! `mach_fat.c` and `kern_exec.c`, dyld's `mach_o/Universal.cpp`). All numbers are big-endian.

use super::{Refusal, UNREADABLE};
use mochi_objwrite::Arch;

const FAT_MAGIC: [u8; 4] = [0xCA, 0xFE, 0xBA, 0xBE];
const HEADER: usize = 8;
const ENTRY: usize = 20;
/// The largest power of two that executables are at multiples of.
const MOST_ALIGN: u32 = 15;

/// An executable in the file.
struct Slice {
    machine: [u32; 2],
    offset: usize,
    end: usize,
    align: u32,
}

/// The executable for a machine in a file: the file itself when it is no universal one. Refuses a universal file
/// that is not well formed or has none for the machine.
pub fn slice(file: &[u8], arch: Arch) -> Result<&[u8], Refusal> {
    if !file.starts_with(&FAT_MAGIC) {
        return Ok(file);
    }
    let refuse = |what: String| Err(Refusal(vec![(UNREADABLE, what)]));
    let Some(slices) = read(file) else { return refuse("a universal file that ends early".into()) };
    let mut before = HEADER + ENTRY * slices.len();
    for (n, s) in slices.iter().enumerate() {
        // Pages are of 16 KiB on some machine.
        let aligned = (14..=MOST_ALIGN).contains(&s.align) && s.offset.is_multiple_of(1 << s.align);
        if !aligned || s.offset < before || s.end > file.len() {
            return refuse(format!("executable {n} is not at a place of its own in the universal file"));
        }
        if file.get(s.offset + 4..s.offset + 12) != Some(&little(s.machine)[..]) {
            return refuse(format!("executable {n} is for another machine than the universal file says"));
        }
        if slices[..n].iter().any(|other| other.machine == s.machine) {
            return refuse(format!("executable {n} is for a machine that has one"));
        }
        before = s.end;
    }
    if before != file.len() {
        return refuse("bytes at the end of the universal file".into());
    }
    let cpu = if arch == Arch::A64 { super::image::CPU_ARM64 } else { super::image::CPU_X86_64 };
    match slices.iter().find(|s| s.machine[0] == cpu) {
        Some(s) => Ok(&file[s.offset..s.end]),
        None => refuse(format!("no executable for machine {cpu:#x}")),
    }
}

fn little(words: [u32; 2]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn read(file: &[u8]) -> Option<Vec<Slice>> {
    let word = |at: usize| Some(u32::from_be_bytes(*file.get(at..)?.first_chunk()?));
    let slice = |n: u32| {
        let at = HEADER + ENTRY * n as usize;
        let (offset, size) = (word(at + 8)? as usize, word(at + 12)? as usize);
        Some(Slice { machine: [word(at)?, word(at + 4)?], offset, end: offset + size, align: word(at + 16)? })
    };
    (0..word(4)?).map(slice).collect()
}
