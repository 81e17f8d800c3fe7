//! Follows code of x86-64, which iced decodes.

use crate::Judged;
use crate::machine::{Code, Flow, Machine, Reg, State, Value};
use iced_x86::{Code as Op, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

/// DWARF numbers (psABI x86-64, figure 3.36).
pub const RSP: Reg = 7;
/// Of the first register for floats.
pub const XMM: Reg = 17;

/// The machine, with what C functions keep (psABI, figure 3.4).
pub static X64: Machine = Machine {
    stack_pointer: RSP,
    return_address: 16,
    pushed: true,
    kept: &[3, 6, 12, 13, 14, 15],
    registers: 33,
    step,
};

/// The DWARF number of a general register by its number in instructions.
pub fn general(number: usize) -> Reg {
    const FIRST: [Reg; 8] = [0, 2, 1, 3, 7, 6, 4, 5];
    FIRST.get(number).copied().unwrap_or(number as Reg)
}

fn reg(register: Register) -> Option<Reg> {
    let number = register as usize;
    let within = |first: Register, last: Register| {
        let range = first as usize..=last as usize;
        range.contains(&number).then(|| number - first as usize)
    };
    let wide = within(Register::RAX, Register::R15)
        .or(within(Register::EAX, Register::R15D))
        .or(within(Register::AX, Register::R15W));
    let byte = within(Register::AL, Register::BL).or(within(Register::AH, Register::BH)).or(within(
        Register::SPL,
        Register::R15L,
    )
    .map(|n| n + 4));
    let float = within(Register::XMM0, Register::XMM15).map(|n| XMM + n as Reg);
    wide.or(byte).map(general).or(float)
}

/// The address of an operand in memory.
fn access(i: &Instruction, state: &mut State) -> Value {
    let displacement = i.memory_displacement64() as i64;
    match i.memory_base() {
        Register::RIP => Value::Const(displacement as u64),
        base => match reg(base) {
            Some(base) if i.memory_index() == Register::None => state.access(base, displacement),
            _ => Value::Unknown,
        },
    }
}

/// Instructions that write no operand.
fn only_reads(i: &Instruction) -> bool {
    use Mnemonic::*;
    matches!(i.mnemonic(), Cmp | Test | Bt | Ucomisd | Comisd | Nop)
}

/// What an instruction changes beside its operands.
fn hidden(i: &Instruction) -> &'static [Reg] {
    use Mnemonic::*;
    match i.mnemonic() {
        Mul | Div | Idiv | Cqo | Cdq | Cpuid => &[0, 1],
        Imul if i.op_count() == 1 => &[0, 1],
        Syscall => &[0, 2, 11],
        Movsb | Stosb => &[2, 4, 5],
        Cmpxchg => &[0],
        _ => &[],
    }
}

fn step(code: &Code, at: u64, state: &mut State) -> Judged<Flow> {
    let i = Decoder::with_ip(64, code.at(at), at, DecoderOptions::NONE).decode();
    let next = i.next_ip();
    let near = (i.op0_kind() == OpKind::NearBranch64).then(|| i.near_branch_target());
    match (i.mnemonic(), near) {
        _ if i.is_invalid() => return Err("no instruction".into()),
        (Mnemonic::Call, _) => {
            if i.op0_kind() == OpKind::Memory {
                access(&i, state);
            }
            // The return address.
            state.access(RSP, -8);
            return Ok(Flow::Call(next));
        }
        (Mnemonic::Ret, _) => return Ok(Flow::Return),
        (Mnemonic::Jmp, Some(to)) => return Ok(if code.has(to) { Flow::Jump(to) } else { Flow::Leave }),
        (Mnemonic::Jmp, None) if i.op0_kind() == OpKind::Register => return Ok(Flow::Table),
        (Mnemonic::Jmp, None) => return Ok(Flow::Leave),
        (_, Some(to)) => return Ok(Flow::Branch(to, next)),
        (Mnemonic::Ud2 | Mnemonic::Int3, _) => return Ok(Flow::Stop),
        _ => {}
    }
    if i.mnemonic() == Mnemonic::Syscall {
        hidden(&i).iter().for_each(|&r| state.set(r, Value::Unknown));
        return Ok(Flow::Next(next));
    }
    if !moves(code, &i, state) {
        hidden(&i).iter().for_each(|&r| state.set(r, Value::Unknown));
        write_operands(&i, state);
    }
    Ok(Flow::Next(next))
}

/// Executes an instruction of which more is known than what it writes. Gives whether it is one.
fn moves(code: &Code, i: &Instruction, state: &mut State) -> bool {
    let to = (i.op0_kind() == OpKind::Register).then(|| reg(i.op0_register())).flatten();
    let from = (i.op1_kind() == OpKind::Register).then(|| reg(i.op1_register())).flatten();
    match (i.code(), to, from) {
        (Op::Push_r64, Some(r), _) => {
            let value = state.get(r);
            state.move_sp(-8);
            let address = state.access(RSP, 0);
            state.store(address, 8, value);
        }
        (Op::Pop_r64, Some(r), _) => {
            let address = state.access(RSP, 0);
            let value = state.load(address);
            state.move_sp(8);
            state.set(r, value);
        }
        (Op::Mov_rm64_r64 | Op::Mov_r64_rm64, Some(to), Some(from)) => state.set(to, state.get(from)),
        (Op::Mov_rm64_r64 | Op::Movsd_xmmm64_xmm, None, Some(from)) => {
            let value = match state.get(from) {
                Value::Entry(r) if r >= XMM => Value::Low(r),
                value => value,
            };
            let address = access(i, state);
            state.store(address, 8, value);
        }
        (Op::Movups_xmmm128_xmm, None, Some(from)) => {
            let (address, value) = (access(i, state), state.get(from));
            state.store(address, 16, value);
            if let (Value::Entry(r), Value::Frame(at)) = (value, address) {
                state.slots.insert(at + 8, Value::High(r));
            }
        }
        (Op::Mov_r64_rm64 | Op::Movsd_xmm_xmmm64, Some(to), None) => {
            let address = access(i, state);
            let value = match state.load(address) {
                Value::Entry(r) if r >= XMM => Value::Low(r),
                value => value,
            };
            state.set(to, value);
        }
        (Op::Movups_xmm_xmmm128, Some(to), None) => {
            let address = access(i, state);
            let value = match (state.load(address), state.load(address.plus(8))) {
                (Value::Entry(low), Value::High(high)) if low == high => Value::Entry(low),
                _ => Value::Unknown,
            };
            state.set(to, value);
        }
        (Op::Lea_r64_m, Some(to), _) => {
            let value = match i.memory_base() {
                Register::RIP => Value::Const(i.memory_displacement64()),
                base => match reg(base) {
                    Some(base) if i.memory_index() == Register::None => {
                        state.get(base).plus(i.memory_displacement64() as i64)
                    }
                    _ => Value::Unknown,
                },
            };
            if let Value::Const(v) = value
                && code.has(v)
            {
                state.table = Some(v);
            }
            state.set(to, value);
        }
        (Op::Add_rm64_imm8 | Op::Add_rm64_imm32 | Op::Sub_rm64_imm8 | Op::Sub_rm64_imm32, Some(to), _) => {
            let n = i.immediate(1) as i64;
            let n = if i.mnemonic() == Mnemonic::Sub { -n } else { n };
            if to == RSP {
                state.move_sp(n);
            } else {
                state.set(to, state.get(to).plus(n));
            }
        }
        (Op::Cmp_rm64_imm8 | Op::Cmp_rm64_imm32, ..) => {
            if i.op0_kind() == OpKind::Memory {
                access(i, state);
            }
            state.bound = Some(i.immediate(1));
        }
        (Op::Cmp_r64_rm64 | Op::Cmp_rm64_r64, Some(RSP), Some(other)) => {
            state.compared = Some(state.get(other));
        }
        _ => return false,
    }
    true
}

fn write_operands(i: &Instruction, state: &mut State) {
    if (0..i.op_count()).any(|k| i.op_kind(k) == OpKind::Memory) {
        let address = access(i, state);
        if i.op0_kind() == OpKind::Memory && !only_reads(i) {
            state.store(address, i.memory_size().size() as i64, Value::Unknown);
        }
    }
    let written = if i.mnemonic() == Mnemonic::Xchg || i.mnemonic() == Mnemonic::Xadd { 2 } else { 1 };
    for k in 0..i.op_count().min(written) {
        if i.op_kind(k) == OpKind::Register
            && !only_reads(i)
            && let Some(r) = reg(i.op_register(k))
        {
            state.set(r, Value::Unknown);
        }
    }
}
