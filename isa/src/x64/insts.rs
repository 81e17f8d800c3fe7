//! The machine instructions of x86-64 in use: one row per encoding.
//!
//! A row gives the mnemonic as the GNU assembler prints it, iced's `Code` (from which the build script makes
//! the bytes), and the operands with their roles in the order of the Intel manual (Intel SDM volume 2: the
//! entry has the mnemonic's name). Operands the encoding does not show (`rax` of `mul`) are rows'
//! operands too, so that the allocator sees them. Nothing else in this folder knows an encoding.

pub use crate::mach::rows::Role;
use crate::x64::regs::{RAX, RCX, RDX, Width};
use iced_x86::Code;
use regalloc2::PReg;

/// What an operand can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// A register.
    Reg(Width),
    /// A register or memory.
    RegMem(Width),
    /// Memory.
    Mem,
    /// An immediate of one byte: a byte, or a shift count.
    Imm8,
    /// An immediate of one byte, sign extended to 32 bits.
    Imm8L,
    /// An immediate of one byte, sign extended to 64 bits.
    Imm8Q,
    /// An immediate of two bytes.
    Imm16,
    /// An immediate of four bytes.
    Imm32,
    /// An immediate of four bytes, sign extended to 64 bits.
    Imm32Q,
    /// An immediate of eight bytes.
    Imm64,
    /// The register `cl`, written out.
    Cl,
    /// A register that the text and the bytes do not show.
    Hidden(PReg),
}

/// An operand of a row.
pub type Operand = (Role, Field);

/// Operands for which a row has other bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// All are registers: the bytes are as long, and name the operands in the other order.
    Registers,
    /// The first is `rax`, `eax` or `al`: a byte less.
    Accumulator,
    /// The last is the constant 1: a byte less.
    One,
}

/// A row.
pub struct RowInfo {
    /// Name of the variant.
    pub variant: &'static str,
    /// Mnemonic.
    pub name: &'static str,
    /// The bytes.
    pub code: Code,
    /// Other bytes for some operands: those that assemblers choose.
    pub special: Option<(When, Code)>,
    /// Operands.
    pub operands: &'static [Operand],
}

/// Fields, as short names for the table.
mod field {
    use super::*;
    pub const B: Field = Field::Reg(Width::B);
    pub const W: Field = Field::Reg(Width::W);
    pub const L: Field = Field::Reg(Width::L);
    pub const Q: Field = Field::Reg(Width::Q);
    pub const X: Field = Field::Reg(Width::X);
    pub const BM: Field = Field::RegMem(Width::B);
    pub const WM: Field = Field::RegMem(Width::W);
    pub const LM: Field = Field::RegMem(Width::L);
    pub const QM: Field = Field::RegMem(Width::Q);
    pub const XM: Field = Field::RegMem(Width::X);
    pub const M: Field = Field::Mem;
    pub const I8: Field = Field::Imm8;
    pub const I8L: Field = Field::Imm8L;
    pub const I8Q: Field = Field::Imm8Q;
    pub const I16: Field = Field::Imm16;
    pub const I32: Field = Field::Imm32;
    pub const I32Q: Field = Field::Imm32Q;
    pub const I64: Field = Field::Imm64;
    pub const CL: Field = Field::Cl;
    pub const A: Field = Field::Hidden(RAX);
    pub const C: Field = Field::Hidden(RCX);
    pub const D: Field = Field::Hidden(RDX);
    pub const SI: Field = Field::Hidden(crate::x64::regs::RSI);
    pub const DI: Field = Field::Hidden(crate::x64::regs::RDI);
}

macro_rules! rows {
    (@special) => {
        None
    };
    (@special $when:ident $code:ident) => {
        Some((When::$when, Code::$code))
    };
    ($($variant:ident $name:literal $code:ident $([$when:ident $special:ident])? ($($role:ident $field:ident),*);)*) => {
        crate::mach::rows::row_table! {
            $($variant {
                name: $name,
                code: Code::$code,
                special: rows!(@special $($when $special)?),
                operands: &[$((Role::$role, field::$field)),*],
            })*
        }
    };
}

rows! {
    // Moves.
    Mov "mov" Mov_r64_rm64 [Registers Mov_rm64_r64] (W Q, R QM);
    MovL "mov" Mov_r32_rm32 [Registers Mov_rm32_r32] (W L, R LM);
    MovStore "mov" Mov_rm64_r64 (W M, R Q);
    MovStoreL "mov" Mov_rm32_r32 (W M, R L);
    MovStoreW "mov" Mov_rm16_r16 (W M, R W);
    MovStoreB "mov" Mov_rm8_r8 (W M, R B);
    MovStoreI "movq" Mov_rm64_imm32 (W M, R I32Q);
    MovStoreLI "movl" Mov_rm32_imm32 (W M, R I32);
    MovStoreWI "movw" Mov_rm16_imm16 (W M, R I16);
    MovStoreBI "movb" Mov_rm8_imm8 (W M, R I8);
    MovI "mov" Mov_rm64_imm32 (W Q, R I32Q);
    MovLI "mov" Mov_r32_imm32 (W L, R I32);
    MovAbs "movabs" Mov_r64_imm64 (W Q, R I64);
    MovzxB "movzbl" Movzx_r32_rm8 (W L, R BM);
    MovzxW "movzwl" Movzx_r32_rm16 (W L, R WM);
    MovsxB "movsbq" Movsx_r64_rm8 (W Q, R BM);
    MovsxW "movswq" Movsx_r64_rm16 (W Q, R WM);
    MovsxL "movslq" Movsxd_r64_rm32 (W Q, R LM);
    Lea "lea" Lea_r64_m (W Q, R M);
    Push "push" Push_r64 (R Q);
    Pop "pop" Pop_r64 (W Q);
    Xchg "xchg" Xchg_rm64_r64 (Rw Q, Rw Q);
    // Integer arithmetic.
    Add "add" Add_r64_rm64 [Registers Add_rm64_r64] (Rw Q, R QM);
    Adc "adc" Adc_r64_rm64 [Registers Adc_rm64_r64] (Rw Q, R QM);
    Sub "sub" Sub_r64_rm64 [Registers Sub_rm64_r64] (Rw Q, R QM);
    And "and" And_r64_rm64 [Registers And_rm64_r64] (Rw Q, R QM);
    Or "or" Or_r64_rm64 [Registers Or_rm64_r64] (Rw Q, R QM);
    Xor "xor" Xor_r64_rm64 [Registers Xor_rm64_r64] (Rw Q, R QM);
    XorL "xor" Xor_r32_rm32 [Registers Xor_rm32_r32] (Rw L, R LM);
    AddI "add" Add_rm64_imm32 [Accumulator Add_RAX_imm32] (Rw Q, R I32Q);
    SubI "sub" Sub_rm64_imm32 [Accumulator Sub_RAX_imm32] (Rw Q, R I32Q);
    AndI "and" And_rm64_imm32 [Accumulator And_RAX_imm32] (Rw Q, R I32Q);
    OrI "or" Or_rm64_imm32 [Accumulator Or_RAX_imm32] (Rw Q, R I32Q);
    XorI "xor" Xor_rm64_imm32 [Accumulator Xor_RAX_imm32] (Rw Q, R I32Q);
    AddI8 "add" Add_rm64_imm8 (Rw Q, R I8Q);
    AdcI8 "adc" Adc_rm64_imm8 (Rw Q, R I8Q);
    SubI8 "sub" Sub_rm64_imm8 (Rw Q, R I8Q);
    AndI8 "and" And_rm64_imm8 (Rw Q, R I8Q);
    OrI8 "or" Or_rm64_imm8 (Rw Q, R I8Q);
    XorI8 "xor" Xor_rm64_imm8 (Rw Q, R I8Q);
    AndLI "and" And_rm32_imm32 [Accumulator And_EAX_imm32] (Rw L, R I32);
    AndLI8 "and" And_rm32_imm8 (Rw L, R I8L);
    AddMem "add" Add_rm64_r64 (Rw M, R Q);
    SubMem "sub" Sub_rm64_r64 (Rw M, R Q);
    AndMem "and" And_rm64_r64 (Rw M, R Q);
    OrMem "or" Or_rm64_r64 (Rw M, R Q);
    XorMem "xor" Xor_rm64_r64 (Rw M, R Q);
    AddMemI "addq" Add_rm64_imm32 (Rw M, R I32Q);
    AndMemI "andq" And_rm64_imm32 (Rw M, R I32Q);
    OrMemI "orq" Or_rm64_imm32 (Rw M, R I32Q);
    AddMemI8 "addq" Add_rm64_imm8 (Rw M, R I8Q);
    AndMemI8 "andq" And_rm64_imm8 (Rw M, R I8Q);
    OrMemI8 "orq" Or_rm64_imm8 (Rw M, R I8Q);
    Neg "neg" Neg_rm64 (Rw Q);
    Not "not" Not_rm64 (Rw Q);
    Imul "imul" Imul_r64_rm64 (Rw Q, R QM);
    ImulI "imul" Imul_r64_rm64_imm32 (W Q, R QM, R I32Q);
    ImulI8 "imul" Imul_r64_rm64_imm8 (W Q, R QM, R I8Q);
    MulWide "mul" Mul_rm64 (W D, Rw A, R Q);
    MulWideMem "mulq" Mul_rm64 (W D, Rw A, R M);
    ImulWide "imul" Imul_rm64 (W D, Rw A, R Q);
    Cqo "cqto" Cqo (W D, R A);
    Idiv "idiv" Idiv_rm64 (Rw D, Rw A, R Q);
    Div "div" Div_rm64 (Rw D, Rw A, R Q);
    DivL "div" Div_rm32 (Rw D, Rw A, R L);
    ShlI "shl" Shl_rm64_imm8 [One Shl_rm64_1] (Rw Q, R I8);
    SarI "sar" Sar_rm64_imm8 [One Sar_rm64_1] (Rw Q, R I8);
    ShrI "shr" Shr_rm64_imm8 [One Shr_rm64_1] (Rw Q, R I8);
    RorI "ror" Ror_rm64_imm8 [One Ror_rm64_1] (Rw Q, R I8);
    Shl "shl" Shl_rm64_CL (Rw Q, R CL);
    Sar "sar" Sar_rm64_CL (Rw Q, R CL);
    Shr "shr" Shr_rm64_CL (Rw Q, R CL);
    Ror "ror" Ror_rm64_CL (Rw Q, R CL);
    Bsr "bsr" Bsr_r64_rm64 (W Q, R QM);
    Bsf "bsf" Bsf_r64_rm64 (W Q, R QM);
    // Comparison.
    Cmp "cmp" Cmp_r64_rm64 [Registers Cmp_rm64_r64] (R Q, R QM);
    CmpMem "cmp" Cmp_rm64_r64 (R M, R Q);
    CmpI "cmp" Cmp_rm64_imm32 [Accumulator Cmp_RAX_imm32] (R Q, R I32Q);
    CmpI8 "cmp" Cmp_rm64_imm8 (R Q, R I8Q);
    CmpMemI "cmpq" Cmp_rm64_imm32 (R M, R I32Q);
    CmpMemI8 "cmpq" Cmp_rm64_imm8 (R M, R I8Q);
    CmpMemBI8 "cmpb" Cmp_rm8_imm8 (R M, R I8);
    Test "test" Test_rm64_r64 (R Q, R Q);
    TestMem "test" Test_rm64_r64 (R M, R Q);
    TestI "test" Test_rm64_imm32 [Accumulator Test_RAX_imm32] (R Q, R I32Q);
    TestLI "test" Test_rm32_imm32 [Accumulator Test_EAX_imm32] (R L, R I32);
    TestBI "test" Test_rm8_imm8 [Accumulator Test_AL_imm8] (R B, R I8);
    BtI "bt" Bt_rm64_imm8 (R Q, R I8);
    TestMemBI "testb" Test_rm8_imm8 (R M, R I8);
    SetO "seto" Seto_rm8 (W B);
    SetNo "setno" Setno_rm8 (W B);
    SetB "setb" Setb_rm8 (W B);
    SetAe "setae" Setae_rm8 (W B);
    SetE "sete" Sete_rm8 (W B);
    SetNe "setne" Setne_rm8 (W B);
    SetBe "setbe" Setbe_rm8 (W B);
    SetA "seta" Seta_rm8 (W B);
    SetS "sets" Sets_rm8 (W B);
    SetNs "setns" Setns_rm8 (W B);
    SetP "setp" Setp_rm8 (W B);
    SetNp "setnp" Setnp_rm8 (W B);
    SetL "setl" Setl_rm8 (W B);
    SetGe "setge" Setge_rm8 (W B);
    SetLe "setle" Setle_rm8 (W B);
    SetG "setg" Setg_rm8 (W B);
    CmovO "cmovo" Cmovo_r64_rm64 (Rw Q, R QM);
    CmovNo "cmovno" Cmovno_r64_rm64 (Rw Q, R QM);
    CmovB "cmovb" Cmovb_r64_rm64 (Rw Q, R QM);
    CmovAe "cmovae" Cmovae_r64_rm64 (Rw Q, R QM);
    CmovE "cmove" Cmove_r64_rm64 (Rw Q, R QM);
    CmovNe "cmovne" Cmovne_r64_rm64 (Rw Q, R QM);
    CmovBe "cmovbe" Cmovbe_r64_rm64 (Rw Q, R QM);
    CmovA "cmova" Cmova_r64_rm64 (Rw Q, R QM);
    CmovS "cmovs" Cmovs_r64_rm64 (Rw Q, R QM);
    CmovNs "cmovns" Cmovns_r64_rm64 (Rw Q, R QM);
    CmovP "cmovp" Cmovp_r64_rm64 (Rw Q, R QM);
    CmovNp "cmovnp" Cmovnp_r64_rm64 (Rw Q, R QM);
    CmovL "cmovl" Cmovl_r64_rm64 (Rw Q, R QM);
    CmovGe "cmovge" Cmovge_r64_rm64 (Rw Q, R QM);
    CmovLe "cmovle" Cmovle_r64_rm64 (Rw Q, R QM);
    CmovG "cmovg" Cmovg_r64_rm64 (Rw Q, R QM);
    // Floats.
    Movaps "movaps" Movaps_xmm_xmmm128 (W X, R X);
    MovsdLoad "movsd" Movsd_xmm_xmmm64 (W X, R M);
    MovsdStore "movsd" Movsd_xmmm64_xmm (W M, R X);
    MovupsLoad "movups" Movups_xmm_xmmm128 (W X, R M);
    MovupsStore "movups" Movups_xmmm128_xmm (W M, R X);
    MovqToGpr "movq" Movq_rm64_xmm (W Q, R X);
    MovqFromGpr "movq" Movq_xmm_rm64 (W X, R Q);
    Addsd "addsd" Addsd_xmm_xmmm64 (Rw X, R XM);
    Subsd "subsd" Subsd_xmm_xmmm64 (Rw X, R XM);
    Mulsd "mulsd" Mulsd_xmm_xmmm64 (Rw X, R XM);
    Divsd "divsd" Divsd_xmm_xmmm64 (Rw X, R XM);
    Sqrtsd "sqrtsd" Sqrtsd_xmm_xmmm64 (W X, R XM);
    Ucomisd "ucomisd" Ucomisd_xmm_xmmm64 (R X, R XM);
    Xorps "xorps" Xorps_xmm_xmmm128 (Rw X, R X);
    XorpsMem "xorps" Xorps_xmm_xmmm128 (Rw X, R M);
    AndpsMem "andps" Andps_xmm_xmmm128 (Rw X, R M);
    Cvttsd2si "cvttsd2si" Cvttsd2si_r64_xmmm64 (W Q, R XM);
    Cvtsi2sd "cvtsi2sd" Cvtsi2sd_xmm_rm64 (Rw X, R Q);
    Cvtsi2sdMem "cvtsi2sdq" Cvtsi2sd_xmm_rm64 (Rw X, R M);
    Punpcklqdq "punpcklqdq" Punpcklqdq_xmm_xmmm128 (Rw X, R X);
    // Control.
    CallReg "call" Call_rm64 (R QM);
    JmpReg "jmp" Jmp_rm64 (R Q);
    Ret "ret" Retnq ();
    Ud2 "ud2" Ud2 ();
    Syscall "syscall" Syscall ();
    Cld "cld" Cld ();
    Std "std" Std ();
    RepMovsB "rep movsb" Movsb_m8_m8 (Rw DI, Rw SI, Rw C);
    RepStosB "rep stosb" Stosb_m8_AL (Rw DI, R A, Rw C);
}

/// Condition codes, by their encoding (SDM volume 1, appendix B.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Cc {
    O,
    No,
    B,
    Ae,
    E,
    Ne,
    Be,
    A,
    S,
    Ns,
    P,
    Np,
    L,
    Ge,
    Le,
    G,
}

impl Cc {
    /// All codes in order of encoding.
    pub const ALL: [Cc; 16] = {
        use Cc::*;
        [O, No, B, Ae, E, Ne, Be, A, S, Ns, P, Np, L, Ge, Le, G]
    };

    /// The opposite.
    pub fn invert(self) -> Cc {
        Cc::ALL[self as usize ^ 1]
    }

    /// The code that holds after a compare with the operands exchanged (for `cmp` only).
    pub fn swap(self) -> Cc {
        use Cc::*;
        match self {
            B => A,
            Ae => Be,
            Be => Ae,
            A => B,
            L => G,
            Ge => Le,
            Le => Ge,
            G => L,
            other => other,
        }
    }

    /// `setcc`.
    pub fn set_row(self) -> Row {
        Row::ALL[Row::SetO as usize + self as usize]
    }

    /// `cmovcc`.
    pub fn cmov_row(self) -> Row {
        Row::ALL[Row::CmovO as usize + self as usize]
    }
}

impl Row {
    /// The row with an immediate of one byte in place of four, if there is one and it can hold this.
    pub fn for_imm(self, imm: i64) -> Row {
        if imm as i8 as i64 != imm {
            return self;
        }
        match self {
            Row::AddI => Row::AddI8,
            Row::SubI => Row::SubI8,
            Row::AndI => Row::AndI8,
            Row::OrI => Row::OrI8,
            Row::XorI => Row::XorI8,
            Row::AndLI => Row::AndLI8,
            Row::AddMemI => Row::AddMemI8,
            Row::AndMemI => Row::AndMemI8,
            Row::OrMemI => Row::OrMemI8,
            Row::ImulI => Row::ImulI8,
            Row::CmpI => Row::CmpI8,
            Row::CmpMemI => Row::CmpMemI8,
            row => row,
        }
    }
}
