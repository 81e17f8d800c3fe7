//! Branches, references, tables and constants of a function: whatever lies between them, each
//! reaches what was meant.
//!
//! The judge follows the finished bytes: from the place of a branch, once as if its condition held
//! and once as if it did not, with the decoders that the encoder targets judge. Places are known by
//! relocations, which the buffer maps without looking at them.

use crate::choices::Choices;
use iced_x86::{Decoder, DecoderOptions};
use mochi_isa::a64::{self, A64};
use mochi_isa::mach::{Buffer, Fixups, Label};
use mochi_isa::rv64::{self, Rv64};
use mochi_isa::x64::{self, X64};
use mochi_objwrite::{RelocKind, SymRef};
use regalloc2::{PReg, RegClass};
use std::ops::Range;

/// Judges a random layout for the instruction sets that have branches.
pub fn branches(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    match choices.below(3) {
        0 => layout::<X64>(&mut choices),
        1 => layout::<A64>(&mut choices),
        _ => layout::<Rv64>(&mut choices),
    }
}

/// What an instruction set adds: random instructions, and what bytes do.
trait Followed: Fixups {
    /// Bytes of the smallest instruction, and one that does nothing.
    const NOP: &'static [u8];
    /// Distances at which the form of a branch changes.
    const LIMITS: &'static [usize];
    /// A random branch.
    fn branch(choices: &mut Choices) -> Self::Branch;
    /// Where the bytes of a branch lead when its condition holds or does not; the address for a
    /// branch that makes one.
    fn follow(bytes: &[u8], place: Range<usize>, branch: Self::Branch, holds: bool) -> i64;
    /// The branch makes an address and goes on.
    fn makes_address(_: Self::Branch) -> bool {
        false
    }
    /// The branch never goes on.
    fn always(branch: Self::Branch) -> bool;
    /// Emits an instruction of a fixed size that refers to a label, where the set has one.
    fn refer(_: &mut Buffer<Self>, _: Label)
    where
        Self: Sized,
    {
    }
    /// The address that the instruction of [`Followed::refer`] at `at` makes.
    fn referred(_: &[u8], _: usize) -> Option<i64> {
        None
    }
}

/// What lies at a marked place.
enum Mark<B> {
    Branch(B, Label),
    BranchEnd,
    Bound(Label),
    Reference(Label),
}

fn mark<F: Fixups, B>(buffer: &mut Buffer<F>, marks: &mut Vec<Mark<B>>, mark: Mark<B>) {
    let at = buffer.bytes.len();
    buffer.reloc(at, RelocKind::Abs64, SymRef(0), marks.len() as i64);
    marks.push(mark);
}

fn layout<F: Followed>(choices: &mut Choices) {
    let mut buffer = Buffer::<F>::new(0);
    let mut marks: Vec<Mark<F::Branch>> = Vec::new();
    let (code, tables, constants) = (1 + choices.below(12), choices.below(3), choices.below(4));
    let labels: Vec<Label> = (0..code + tables + constants).map(|_| buffer.label()).collect();
    let mut unbound = labels[..code].to_vec();
    while !choices.done() || !unbound.is_empty() {
        // Where bytes end, what is left to bind is bound.
        match if choices.done() { 0 } else { choices.below(6) } {
            0 if !unbound.is_empty() => {
                let label = unbound.remove(choices.below(unbound.len()));
                buffer.bind(label);
                mark(&mut buffer, &mut marks, Mark::Bound(label));
            }
            1 => {
                let label = choices.pick(&labels);
                mark(&mut buffer, &mut marks, Mark::Reference(label));
                F::refer(&mut buffer, label);
            }
            2 | 3 => {
                let (branch, label) = (F::branch(choices), choices.pick(&labels));
                mark(&mut buffer, &mut marks, Mark::Branch(branch, label));
                buffer.branch(branch, label);
                mark(&mut buffer, &mut marks, Mark::BranchEnd);
            }
            _ => {
                let size = match choices.below(16) {
                    0 => choices.pick(F::LIMITS).saturating_sub(choices.below(40)),
                    1 => choices.below(300),
                    _ => choices.below(9),
                };
                // All that is far apart need not be megabytes.
                let size = if buffer.bytes.len() > 4 << 20 { size % 64 } else { size };
                (0..size / F::NOP.len()).for_each(|_| buffer.bytes.extend_from_slice(F::NOP));
            }
        }
    }
    let entries =
        |choices: &mut Choices| (0..1 + choices.below(5)).map(|_| choices.pick(&labels[..code])).collect();
    let tables: Vec<(Label, Vec<Label>)> =
        labels[code..code + tables].iter().map(|&l| (l, entries(choices))).collect();
    let data: &[&[u8]] = &[&[1; 8], &[2; 16]];
    let constants: Vec<(Label, &[u8])> =
        labels[code + tables.len()..].iter().map(|&l| (l, choices.pick(data))).collect();
    let finished = buffer.finish(&tables, &constants);

    let bytes = &finished.bytes;
    let mut place = vec![usize::MAX; labels.len()];
    for (mark, reloc) in marks.iter().zip(&finished.relocs) {
        if let Mark::Bound(label) = mark {
            place[label.0 as usize] = reloc.offset as usize;
        }
    }
    let mut at = finished.code_size as usize;
    for (label, entries) in &tables {
        at = at.next_multiple_of(4);
        place[label.0 as usize] = at;
        at += 4 * entries.len();
    }
    for (label, data) in &constants {
        at = at.next_multiple_of(data.len());
        place[label.0 as usize] = at;
        assert_eq!(&bytes[at..at + data.len()], *data);
        at += data.len();
    }
    assert_eq!(at, bytes.len());
    let place = |label: Label| place[label.0 as usize] as i64;
    for (label, entries) in &tables {
        for (k, &entry) in entries.iter().enumerate() {
            let at = place(*label) as usize + 4 * k;
            let distance = i32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
            assert_eq!(place(*label) + i64::from(distance), place(entry), "entry {k} of a table");
        }
    }
    for (i, (mark, reloc)) in marks.iter().zip(&finished.relocs).enumerate() {
        let at = reloc.offset as usize;
        match mark {
            Mark::Branch(branch, label) => {
                let range = at..finished.relocs[i + 1].offset as usize;
                let target = F::follow(bytes, range.clone(), *branch, true);
                assert_eq!(target, place(*label), "{branch:?} at {range:x?}");
                if !F::makes_address(*branch) && !F::always(*branch) {
                    let next = F::follow(bytes, range.clone(), *branch, false);
                    assert_eq!(next, range.end as i64, "{branch:?} at {range:x?} goes on");
                }
            }
            Mark::Reference(label) => {
                if let Some(address) = F::referred(bytes, at) {
                    assert_eq!(address, place(*label), "reference at {at:#x}");
                }
            }
            Mark::BranchEnd | Mark::Bound(_) => {}
        }
    }
}

fn register(n: usize) -> PReg {
    PReg::new(n, RegClass::Int)
}

impl Followed for X64 {
    const NOP: &'static [u8] = &[0x90];
    const LIMITS: &'static [usize] = &[128, 129, 140];

    fn branch(choices: &mut Choices) -> Self::Branch {
        match choices.below(3) {
            0 => x64::emit::Branch::Jmp,
            _ => x64::emit::Branch::Jcc(choices.pick(&x64::insts::Cc::ALL)),
        }
    }

    fn follow(bytes: &[u8], place: Range<usize>, branch: Self::Branch, holds: bool) -> i64 {
        let at = place.start;
        let read = Decoder::with_ip(64, &bytes[at..], at as u64, DecoderOptions::NONE).decode();
        let name = match branch {
            x64::emit::Branch::Jmp => "jmp".to_string(),
            x64::emit::Branch::Jcc(cc) => format!("j{cc:?}").to_lowercase(),
        };
        assert_eq!(format!("{:?}", read.mnemonic()).to_lowercase(), name, "{branch:?} at {at:#x}");
        if holds { read.near_branch64() as i64 } else { read.next_ip() as i64 }
    }

    fn always(branch: Self::Branch) -> bool {
        matches!(branch, x64::emit::Branch::Jmp)
    }

    fn refer(buffer: &mut Buffer<X64>, label: Label) {
        // cmp qword [rip + field], 1: one byte stands behind the field.
        let at = buffer.bytes.len();
        buffer.bytes.extend([0x48, 0x83, 0x3d, 0, 0, 0, 0, 1]);
        buffer.reference(at + 3, x64::emit::RipField(1), label);
    }

    fn referred(bytes: &[u8], at: usize) -> Option<i64> {
        let read = Decoder::with_ip(64, &bytes[at..], at as u64, DecoderOptions::NONE).decode();
        assert_eq!(read.len(), 8);
        Some(read.ip_rel_memory_address() as i64)
    }
}

fn set(registers: &mut [i64; 32], n: i64, value: i64) -> i64 {
    registers[n as usize] = value;
    value
}

/// The word at an offset.
fn word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    let rest = &bytes[at..bytes.len().min(at + 4)];
    word[..rest.len()].copy_from_slice(rest);
    u32::from_le_bytes(word)
}

impl Followed for A64 {
    const NOP: &'static [u8] = &[0x1f, 0x20, 0x03, 0xd5];
    const LIMITS: &'static [usize] = &[1 << 15, (1 << 15) + 16, 1 << 20, (1 << 20) + 16];

    fn branch(choices: &mut Choices) -> Self::Branch {
        use a64::emit::Branch::*;
        let integer = register(choices.below(16));
        match choices.below(6) {
            0 => Jump,
            1 => If(choices.pick(&a64::insts::Cc::ALL)),
            2 => Zero(integer, choices.below(2) == 1),
            3 => Bit(integer, choices.below(64) as u8, choices.below(2) == 1),
            4 => Address(integer),
            _ => Literal(PReg::new(choices.below(32), RegClass::Float)),
        }
    }

    fn follow(bytes: &[u8], place: Range<usize>, branch: Self::Branch, holds: bool) -> i64 {
        use a64::emit::Branch::{Bit, If, Zero};
        use a64::insts::Row::*;
        let mut at = place.start;
        let mut registers = [0i64; 32];
        let mut result = None;
        while at < place.end {
            let word = word(bytes, at);
            let (row, v) = a64::insts::Row::decode(word).unwrap_or_else(|| panic!("{word:08x} at {at:#x}"));
            let taken = match (row, branch) {
                (Branch, _) => true,
                // A condition and its opposite differ in the last bit.
                (BranchIf, If(cc)) if v[0] >> 1 == cc as i64 >> 1 => holds == (v[0] == cc as i64),
                (Cbz | Cbnz, Zero(r, not)) if v[0] == r.hw_enc() as i64 => holds == (not == (row == Cbnz)),
                (Tbz | Tbnz, Bit(r, bit, one)) if v[..2] == [r.hw_enc() as i64, i64::from(bit)] => {
                    holds == (one == (row == Tbnz))
                }
                _ => {
                    result = Some(match row {
                        Adr => set(&mut registers, v[0], at as i64 + v[1]),
                        Movz => set(&mut registers, v[0], v[1] << v[2]),
                        Movk => {
                            let kept = registers[v[0] as usize] & !(0xffff << v[2]);
                            set(&mut registers, v[0], kept | v[1] << v[2])
                        }
                        // The extension is `sxtw`.
                        AddW if v[3] == 6 * 8 => {
                            let sum = registers[v[1] as usize] + i64::from(registers[v[2] as usize] as i32);
                            set(&mut registers, v[0], sum)
                        }
                        LdrD => registers[v[1] as usize] + v[2],
                        LdrLiteralD => at as i64 + v[1],
                        _ => panic!("{branch:?}: {row:?} {v:?} at {at:#x}"),
                    });
                    false
                }
            };
            let next = at as i64 + if taken { *v.last().expect("a displacement") } else { 4 };
            if !(place.start as i64 + 1..place.end as i64).contains(&next) {
                return result.unwrap_or(next);
            }
            at = next as usize;
        }
        unreachable!("a branch has bytes")
    }

    fn makes_address(branch: Self::Branch) -> bool {
        matches!(branch, a64::emit::Branch::Address(_) | a64::emit::Branch::Literal(_))
    }

    fn always(branch: Self::Branch) -> bool {
        matches!(branch, a64::emit::Branch::Jump)
    }
}

impl Followed for Rv64 {
    const NOP: &'static [u8] = &[0x01, 0x00];
    const LIMITS: &'static [usize] = &[256, 264, 2048, 2056, 4096, 4104, 1 << 20, (1 << 20) + 16];

    fn branch(choices: &mut Choices) -> Self::Branch {
        use rv64::emit::Cc::*;
        match choices.below(3) {
            0 => rv64::emit::Branch::Jump,
            _ => {
                let cc = choices.pick(&[Eq, Ne, Lt, Ge, Ltu, Geu]);
                // Short forms compare one of eight registers with zero.
                let second = if choices.below(2) == 0 { 0 } else { choices.below(16) };
                rv64::emit::Branch::If(cc, register(choices.below(16)), register(second))
            }
        }
    }

    fn follow(bytes: &[u8], place: Range<usize>, branch: Self::Branch, holds: bool) -> i64 {
        use rv64::insts::Row::*;
        let mut at = place.start;
        let mut upper = None;
        while at < place.end {
            let (row, v, size) = long(word(bytes, at));
            let mut next = (at + size) as i64;
            match (row, branch) {
                (Jal, _) if v[0] == 0 => next = at as i64 + v[1],
                (Auipc, _) => upper = Some((v[0], at as i64 + i64::from((v[1] << 12) as i32))),
                (Jalr, _) => {
                    let (register, address) = upper.expect("a pair");
                    assert_eq!((v[0], v[2]), (0, register), "{branch:?}: jalr at {at:#x}");
                    next = address + v[1];
                }
                (Beq | Bne | Blt | Bge | Bltu | Bgeu, rv64::emit::Branch::If(cc, a, b)) => {
                    assert_eq!(
                        v[..2],
                        [a.hw_enc() as i64, b.hw_enc() as i64],
                        "{branch:?}: {row:?} at {at:#x}"
                    );
                    let test = format!("B{cc:?}").to_lowercase();
                    let opposite = format!("B{:?}", cc.invert()).to_lowercase();
                    let name = row.info().name;
                    assert!(name == test || name == opposite, "{branch:?}: {row:?} at {at:#x}");
                    if holds == (name == test) {
                        next = at as i64 + v[2];
                    }
                }
                _ => panic!("{branch:?}: {row:?} {v:?} at {at:#x}"),
            }
            if !(place.start as i64 + 1..place.end as i64).contains(&next) {
                return next;
            }
            at = next as usize;
        }
        unreachable!("a branch has bytes")
    }

    fn always(branch: Self::Branch) -> bool {
        matches!(branch, rv64::emit::Branch::Jump)
    }

    fn refer(buffer: &mut Buffer<Rv64>, label: Label) {
        // auipc t0, field; addi t0, t0, field
        let at = buffer.bytes.len();
        buffer.bytes.extend(0x0002_8293_0000_0297u64.to_le_bytes());
        buffer.reference(at, rv64::emit::Pair, label);
    }

    fn referred(bytes: &[u8], at: usize) -> Option<i64> {
        use rv64::insts::Row;
        let ((high, h, size), (low, l, _)) = (long(word(bytes, at)), long(word(bytes, at + 4)));
        assert_eq!((high, h[0], size, low, &l[..2]), (Row::Auipc, 5, 4, Row::Addi, &[5, 5][..]));
        Some(at as i64 + i64::from((h[1] << 12) as i32) + l[2])
    }
}

/// The instruction of 32 bits that a word is or stands for, and its size.
fn long(word: u32) -> (rv64::insts::Row, Vec<i64>, usize) {
    let (row, values) = rv64::insts::Row::decode(word).unwrap_or_else(|| panic!("{word:08x}"));
    match row.size() {
        2 => {
            let (long, values) = row.expand(&values).unwrap_or_else(|| panic!("{row:?} is long"));
            (long, values, 2)
        }
        size => (row, values, size),
    }
}

#[cfg(test)]
mod tests {
    use super::branches;

    #[test]
    fn random_layouts() {
        crate::seeds(600, 300, branches);
    }
}
