//! Rows with operands to bytes, by the templates that the build script made of what iced encodes.
//!
//! Templates say where operands go; how registers and addresses fill these fields is the same for all
//! instructions (Intel SDM volume 2, 2.1.5 and 2.2.1) and is written here. With `--verify`, and in tests,
//! [`check`] compares with iced.

use crate::x64::emit::{Addr, Opd, Start};
use crate::x64::iced::{self, Given, Place};
use crate::x64::insts::{Row, When};
use crate::x64::regs::{RAX, RBP, RSP};
use crate::x64::template::{NONE, Template, Templates};
use regalloc2::PReg;

/// By row.
static TEMPLATES: [Templates; Row::ALL.len()] = {
    use When::*;
    include!(concat!(env!("OUT_DIR"), "/x64_templates.rs"))
};

/// Bytes of the longest instruction (Intel SDM volume 2, 2.3.11), and one more.
const ROOM: usize = 16;

/// What comes before displacement and immediate, which is at most seven bytes.
#[derive(Clone, Copy, Default)]
struct Head {
    bytes: u64,
    len: u32,
}

impl Head {
    fn push(&mut self, bytes: u64, len: u32) {
        self.bytes |= bytes << (8 * self.len);
        self.len += len;
    }
}

/// A displacement.
#[derive(Clone, Copy, Default)]
struct Displacement {
    value: i32,
    len: u32,
    /// It is rip-relative.
    rip: bool,
}

fn holds(when: When, operands: &[Opd]) -> bool {
    match when {
        When::Registers => operands.iter().all(|o| matches!(o, Opd::Reg(_))),
        When::Accumulator => operands.first() == Some(&Opd::Reg(RAX)),
        When::One => operands.last() == Some(&Opd::Imm(1)),
    }
}

fn register(operands: &[Opd], k: u8) -> u8 {
    if k == NONE {
        return 0;
    }
    match operands[k as usize] {
        Opd::Reg(r) => r.hw_enc() as u8,
        other => panic!("{other:?} is no register"),
    }
}

/// Registers of one byte whose numbers without REX mean `ah` and its like.
fn need_rex(operands: &[Opd], bytes: u8) -> bool {
    let byte = |k: usize| bytes & 1 << k != 0;
    operands.iter().enumerate().any(|(k, o)| byte(k) && matches!(o, Opd::Reg(r) if r.hw_enc() >= 4))
}

/// Appends the bytes of a row with operands (hidden ones and `cl` are not given). Gives the offset of the field of
/// a rip-relative operand in `out`, which is 0.
pub fn encode(row: Row, operands: &[Opd], out: &mut Vec<u8>) -> Option<usize> {
    let templates = &TEMPLATES[row as usize];
    let t = match &templates.special {
        Some((when, special)) if holds(*when, operands) => special,
        _ => &templates.main,
    };
    let reg = register(operands, t.reg);
    let low = register(operands, t.low);
    let rm = (t.rm != NONE).then(|| &operands[t.rm as usize]);
    let mut rex = t.rex | reg >> 3 << 2 | low >> 3;
    match rm {
        Some(Opd::Reg(r)) => rex |= r.hw_enc() as u8 >> 3,
        Some(Opd::Mem(a)) => {
            if let Start::Reg(base) = a.start {
                rex |= base.hw_enc() as u8 >> 3;
            }
            if let Some((index, _)) = a.index {
                rex |= index.hw_enc() as u8 >> 3 << 1;
            }
        }
        _ => {}
    }
    let mut head = Head { bytes: t.prefix as u64, len: u32::from(t.prefix != 0) };
    if rex != 0 || t.bytes != 0 && need_rex(operands, t.bytes) {
        head.push(0x40 | rex as u64, 1);
    }
    // The low bits are those of the last byte.
    let opcode = u32::from_le_bytes(t.opcode) | (low as u32 & 7) << (8 * (t.opcode_len as u32 - 1));
    head.push(opcode as u64, t.opcode_len as u32);
    let modrm = t.modrm | (reg & 7) << 3;
    let disp = match rm {
        Some(Opd::Reg(r)) => {
            head.push((0xc0 | modrm | r.hw_enc() as u8 & 7) as u64, 1);
            Displacement::default()
        }
        Some(Opd::Mem(a)) => memory(&mut head, modrm, a),
        Some(Opd::Imm(v)) => panic!("{v} is no place"),
        None => Displacement::default(),
    };
    let mut bytes = [0; ROOM + 8];
    bytes[..8].copy_from_slice(&head.bytes.to_le_bytes());
    let field = head.len as usize;
    let mut len = field;
    if disp.len != 0 {
        bytes[len..len + 4].copy_from_slice(&disp.value.to_le_bytes());
        len += disp.len as usize;
    }
    if t.imm_len != 0 {
        let Opd::Imm(v) = operands[t.imm as usize] else { panic!("immediate of {row:?}") };
        bytes[len..len + 8].copy_from_slice(&v.to_le_bytes());
        len += t.imm_len as usize;
    }
    let at = out.len();
    out.extend_from_slice(&bytes[..ROOM]);
    out.truncate(at + len);
    disp.rip.then_some(at + field)
}

/// Adds ModRM and SIB of an address, the shortest that there are, and gives the displacement.
fn memory(head: &mut Head, modrm: u8, a: &Addr) -> Displacement {
    const SIB: u8 = 4;
    // Without a base, or without a displacement: what the base's number would mean otherwise.
    const NO_BASE: u8 = RBP.hw_enc() as u8;
    const NO_INDEX: u8 = RSP.hw_enc() as u8;
    let low = |r: PReg| r.hw_enc() as u8 & 7;
    let sib = |base: u8| match a.index {
        Some((index, scale)) => (scale.trailing_zeros() as u8) << 6 | low(index) << 3 | base,
        None => NO_INDEX << 3 | base,
    };
    let base = match a.start {
        Start::Reg(base) => low(base),
        Start::None => {
            head.push(u16::from_le_bytes([modrm | SIB, sib(NO_BASE)]) as u64, 2);
            return Displacement { value: a.disp, len: 4, rip: false };
        }
        Start::Sym(_) | Start::Label(_) => {
            head.push((modrm | NO_BASE) as u64, 1);
            return Displacement { value: 0, len: 4, rip: true };
        }
    };
    let (mode, len) = match i8::try_from(a.disp) {
        Ok(0) if base != NO_BASE => (0, 0),
        Ok(_) => (0x40, 1),
        Err(_) => (0x80, 4),
    };
    if a.index.is_some() || base == NO_INDEX {
        head.push(u16::from_le_bytes([mode | modrm | SIB, sib(base)]) as u64, 2);
    } else {
        head.push((mode | modrm | base) as u64, 1);
    }
    Displacement { value: a.disp, len, rip: false }
}

/// Panics when iced encodes something else than these bytes, or has the rip-relative field elsewhere in them.
pub fn check(row: Row, operands: &[Opd], bytes: &[u8], field: Option<usize>) {
    let given: Vec<Given> = operands.iter().map(given).collect();
    let info = row.info();
    let special = info.special.filter(|(when, _)| holds(*when, operands));
    let expected = iced::encode(row, special.map_or(info.code, |s| s.1), &given)
        .unwrap_or_else(|e| panic!("{row:?} {operands:?}: {e}"));
    assert!(
        expected.0 == bytes && expected.1 == field,
        "{row:?} {operands:?}: {bytes:02x?} {field:?}, by iced {expected:02x?}"
    );
}

fn given(operand: &Opd) -> Given {
    match *operand {
        Opd::Reg(r) => Given::Reg(r),
        Opd::Imm(v) => Given::Imm(v),
        Opd::Mem(Addr { start, index, disp }) => Given::Mem(match start {
            Start::Reg(base) => Place::Registers { base: Some(base), index, disp },
            Start::None => Place::Registers { base: None, index, disp },
            Start::Sym(_) | Start::Label(_) => Place::Rip,
        }),
    }
}
