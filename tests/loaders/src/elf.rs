//! A static executable for Linux of parts of memory: each is a segment that the file has whole, so that the
//! kernel has nothing to fill in, and there are no sections.

use mochi_objwrite::Arch;

/// Protections of parts, with the values that Mach-O has for them (`vm_prot_t`).
pub const READ: u32 = 1;
/// May be written.
pub const WRITE: u32 = 2;
/// May be executed.
pub const EXECUTE: u32 = 4;

/// Bytes that addresses and offsets of parts are multiples of: no kernel's pages on these machines are larger,
/// where these programs run.
const PAGE: u64 = 0x4000;
const EHDR: u64 = 64;
const PHDR: u64 = 56;

/// A part of memory.
#[derive(Clone, Debug)]
pub struct Part {
    /// Where it is.
    pub address: u64,
    /// Its protection.
    pub protection: u32,
    /// Contents.
    pub bytes: Vec<u8>,
}

/// Writes the file that starts at `entry`.
pub fn write(arch: Arch, entry: u64, parts: &[Part]) -> Vec<u8> {
    let machine: u16 = if arch == Arch::A64 { 183 } else { 62 };
    let count = parts.len() as u16 + 1;
    let mut out = vec![0x7F, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let half = |out: &mut Vec<u8>, v: u16| out.extend(v.to_le_bytes());
    let word = |out: &mut Vec<u8>, v: u32| out.extend(v.to_le_bytes());
    let long = |out: &mut Vec<u8>, v: u64| out.extend(v.to_le_bytes());
    half(&mut out, 2); // ET_EXEC
    half(&mut out, machine);
    word(&mut out, 1);
    long(&mut out, entry);
    long(&mut out, EHDR);
    long(&mut out, 0);
    word(&mut out, 0);
    [EHDR as u16, PHDR as u16, count, 0, 0, 0].into_iter().for_each(|v| half(&mut out, v));
    let mut offset = (EHDR + PHDR * u64::from(count)).next_multiple_of(PAGE);
    let header = |out: &mut Vec<u8>, kind: u32, flags: u32, [offset, address, size, align]: [u64; 4]| {
        word(out, kind);
        word(out, flags);
        [offset, address, address, size, size, align].into_iter().for_each(|v| long(out, v));
    };
    for part in parts {
        // The bits are read, write, execute from the lowest, ELF's from the highest.
        let bit = |from: u32, to: u32| if part.protection & from != 0 { to } else { 0 };
        let flags = bit(READ, 4) | bit(WRITE, 2) | bit(EXECUTE, 1);
        // On pages of 4 KiB parts may follow one another closer than this file's pages.
        let place = offset + part.address % PAGE;
        header(&mut out, 1, flags, [place, part.address, part.bytes.len() as u64, 0x1000]);
        offset = (place + part.bytes.len() as u64).next_multiple_of(PAGE);
    }
    // PT_GNU_STACK: no code on the stack.
    header(&mut out, 0x6474_E551, 6, [0, 0, 0, 16]);
    for part in parts {
        let place = (out.len() as u64).next_multiple_of(PAGE) + part.address % PAGE;
        out.resize(place as usize, 0);
        out.extend(&part.bytes);
    }
    out
}
