//! iced's form of instructions: it alone knows encodings. The build script makes the templates of rows by it, and
//! it judges what [`super::encode`] makes of them.

use crate::x64::insts::{Field, Row};
use crate::x64::regs::{Width, iced};
use iced_x86::{Code, Encoder, IcedError, Instruction, OpKind, Register};
use regalloc2::PReg;

/// A memory operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Registers and a displacement.
    Registers {
        /// Base.
        base: Option<PReg>,
        /// Index and its factor.
        index: Option<(PReg, u8)>,
        /// Displacement.
        disp: i32,
    },
    /// Relative to the next instruction; the displacement is not known yet.
    Rip,
}

/// An operand that is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Given {
    /// A register.
    Reg(PReg),
    /// Memory.
    Mem(Place),
    /// A constant.
    Imm(i64),
}

/// Encodes a row with operands (hidden ones and `cl` are not given) as `code`. Gives the bytes and, when they have
/// a rip-relative field, where it is; that is 0.
pub fn encode(row: Row, code: Code, operands: &[Given]) -> Result<(Vec<u8>, Option<usize>), IcedError> {
    let i = instruction(row, code, operands);
    let mut encoder = Encoder::new(64);
    encoder.encode(&i, 0)?;
    let mut bytes = encoder.take_buffer();
    let field = i.is_ip_rel_memory_operand().then(|| encoder.get_constant_offsets().displacement_offset());
    if let Some(at) = field {
        bytes[at..at + 4].fill(0);
    }
    Ok((bytes, field))
}

/// Builds iced's form of a row with operands.
fn instruction(row: Row, code: Code, operands: &[Given]) -> Instruction {
    match row {
        Row::RepMovsB => return Instruction::with_rep_movsb(64).expect("rep movsb"),
        Row::RepStosB => return Instruction::with_rep_stosb(64).expect("rep stosb"),
        _ => {}
    }
    let mut i = Instruction::default();
    i.set_code(code);
    let mut given = operands.iter();
    let mut k = 0;
    for &(_, field) in row.info().operands {
        match field {
            Field::Hidden(_) => continue,
            Field::Cl => i.set_op_register(k, Register::CL),
            _ => set_operand(&mut i, k, field, given.next().expect("operand given")),
        }
        k += 1;
    }
    assert!(given.next().is_none(), "{row:?} has fewer operands");
    i
}

fn set_operand(i: &mut Instruction, k: u32, field: Field, operand: &Given) {
    match (field, operand) {
        (Field::Reg(w) | Field::RegMem(w), Given::Reg(r)) => i.set_op_register(k, iced(*r, w)),
        (Field::Mem | Field::RegMem(_), Given::Mem(place)) => set_memory(i, k, *place),
        (_, &Given::Imm(v)) => set_immediate(i, k, field, v),
        _ => panic!("operand {operand:?} for {field:?} of {:?}", i.code()),
    }
}

fn set_memory(i: &mut Instruction, k: u32, place: Place) {
    i.set_op_kind(k, OpKind::Memory);
    let Place::Registers { base, index, disp } = place else {
        i.set_memory_base(Register::RIP);
        i.set_memory_displ_size(8);
        return;
    };
    if let Some(base) = base {
        i.set_memory_base(iced(base, Width::Q));
    }
    if let Some((index, scale)) = index {
        i.set_memory_index(iced(index, Width::Q));
        i.set_memory_index_scale(scale as u32);
    }
    i.set_memory_displacement64(disp as i64 as u64);
    i.set_memory_displ_size(match (base, disp) {
        (None, _) => 8,
        (_, 0) => 0,
        _ => 1,
    });
}

fn set_immediate(i: &mut Instruction, k: u32, field: Field, v: i64) {
    let kind = match field {
        Field::Imm8 => OpKind::Immediate8,
        Field::Imm8L => OpKind::Immediate8to32,
        Field::Imm8Q => OpKind::Immediate8to64,
        Field::Imm16 => OpKind::Immediate16,
        Field::Imm32 => OpKind::Immediate32,
        Field::Imm32Q => OpKind::Immediate32to64,
        Field::Imm64 => OpKind::Immediate64,
        other => panic!("immediate for {other:?} of {:?}", i.code()),
    };
    i.set_op_kind(k, kind);
    match field {
        Field::Imm8 => i.set_immediate8(v as u8),
        Field::Imm8L => i.set_immediate8to32(v as i32),
        Field::Imm8Q => i.set_immediate8to64(v),
        Field::Imm16 => i.set_immediate16(v as u16),
        Field::Imm32 => i.set_immediate32(v as u32),
        Field::Imm32Q => i.set_immediate32to64(v),
        _ => i.set_immediate64(v as u64),
    }
}
