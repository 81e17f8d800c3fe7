//! The machine instructions of RV64: all of I, M, A, F, D and C but the control registers, and
//! Zba and Zbb, which are used behind a feature flag only. One row per encoding, no aliases.
//!
//! A row gives the mnemonic as assemblers print it, the fixed bits, the operands with their roles
//! in the order of the text, and the section of "The RISC-V Instruction Set Manual, Volume I:
//! Unprivileged Architecture" (20191213; for the last two extensions the entry of the
//! bit-manipulation specification 1.0.0). The bits of each group are drawn above it; every bit that no operand covers is fixed.
//! The scattered immediates are listed in `fields.rs`. An instruction whose low two bits are not
//! both set has 16 bits; its row says behind `=` what it stands for: a row of 32 bits and, for
//! each of its operands, the number of the operand or the register that is meant. From that
//! [`Row::compress`] finds the short form of any instruction.

use crate::mach::fields::FieldRow;
pub use crate::mach::rows::Role;
use crate::rv64::fields::Field;
use std::sync::OnceLock;

/// An operand of the long form of a compressed instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The operand with this number.
    Op(usize),
    /// A register or immediate of this value.
    Fixed(i64),
}

/// A row.
pub struct RowInfo {
    /// Name of the variant.
    pub variant: &'static str,
    /// Mnemonic.
    pub name: &'static str,
    /// The fixed bits.
    pub bits: u32,
    /// Operands in the order of the text.
    pub operands: &'static [(Role, Field)],
    /// What a compressed instruction stands for.
    pub expansions: &'static [(Row, &'static [Part])],
    /// The manual's section.
    pub manual: &'static str,
}

/// Fields, as short names for the table.
#[allow(non_upper_case_globals)]
mod field {
    pub use crate::rv64::fields::Field::*;
    use crate::rv64::fields::Field::{self};
    pub const Xd: Field = Field::X(7);
    pub const Xs: Field = Field::X(15);
    pub const Xt: Field = Field::X(20);
    pub const Fd: Field = Field::F(7);
    pub const Fs: Field = Field::F(15);
    pub const Ft: Field = Field::F(20);
    pub const Fr: Field = Field::F(27);
    pub const Pred: Field = Field::Access(24);
    pub const Succ: Field = Field::Access(20);
    pub const Rd: Field = Field::Xnz(7);
    pub const RdL: Field = Field::XnzSp(7);
    pub const Rt: Field = Field::Xnz(2);
    pub const St: Field = Field::X(2);
    pub const FdC: Field = Field::F(7);
    pub const FtC: Field = Field::F(2);
    pub const Xs3: Field = Field::X3(7);
    pub const Xt3: Field = Field::X3(2);
    pub const Ft3: Field = Field::F3(2);
}

macro_rules! part {
    (zero) => {
        Part::Fixed(0)
    };
    (ra) => {
        Part::Fixed(1)
    };
    ($n:literal) => {
        Part::Op($n)
    };
}

macro_rules! rows {
    ($($variant:ident $name:literal $bits:literal ($($role:ident $field:ident),*)
        $(= $full:ident [$($part:tt)*])* $manual:literal;)*) => {
        crate::mach::rows::row_table! {
            $($variant {
                name: $name,
                bits: $bits,
                operands: &[$((Role::$role, field::$field)),*],
                expansions: &[$((Row::$full, &[$(part!($part)),*])),*],
                manual: $manual,
            })*
        }
    };
}

rows! {
    // Upper immediates (U-type) and jumps (J-type, I-type)
    // |31                 12|11   7|6           0|
    // |      imm[31:12]     |  rd  |0 o 1 0 1 1 1|
    // |imm[20|10:1|11|19:12]|  rd  |1 1 0 1 1 1 1|
    // |imm[11:0]| rs1 |0 0 0|  rd  |1 1 0 0 1 1 1|
    Lui "lui" 0x0000_0037 (W Xd, R U20) "2.4";
    Auipc "auipc" 0x0000_0017 (W Xd, R U20) "2.4";
    Jal "jal" 0x0000_006f (W Xd, R J21) "2.5";
    Jalr "jalr" 0x0000_0067 (W Xd, R Off12, R Base) "2.5";
    // Conditional branches (B-type)
    // |31        25|24  20|19  15|14 12|11        7|6           0|
    // |imm[12|10:5]|  rs2 |  rs1 |  f3 |imm[4:1|11]|1 1 0 0 0 1 1|
    Beq "beq" 0x0000_0063 (R Xs, R Xt, R B13) "2.5";
    Bne "bne" 0x0000_1063 (R Xs, R Xt, R B13) "2.5";
    Blt "blt" 0x0000_4063 (R Xs, R Xt, R B13) "2.5";
    Bge "bge" 0x0000_5063 (R Xs, R Xt, R B13) "2.5";
    Bltu "bltu" 0x0000_6063 (R Xs, R Xt, R B13) "2.5";
    Bgeu "bgeu" 0x0000_7063 (R Xs, R Xt, R B13) "2.5";
    // Loads (I-type)
    // |31       20|19  15|14 12|11   7|6           0|
    // | imm[11:0] |  rs1 |  f3 |  rd  |0 0 0 0 0 1 1|
    Lb "lb" 0x0000_0003 (W Xd, R Off12, R Base) "2.6";
    Lh "lh" 0x0000_1003 (W Xd, R Off12, R Base) "2.6";
    Lw "lw" 0x0000_2003 (W Xd, R Off12, R Base) "2.6";
    Ld "ld" 0x0000_3003 (W Xd, R Off12, R Base) "5.3";
    Lbu "lbu" 0x0000_4003 (W Xd, R Off12, R Base) "2.6";
    Lhu "lhu" 0x0000_5003 (W Xd, R Off12, R Base) "2.6";
    Lwu "lwu" 0x0000_6003 (W Xd, R Off12, R Base) "5.3";
    // Stores (S-type)
    // |31     25|24  20|19  15|14 12|11     7|6           0|
    // |imm[11:5]|  rs2 |  rs1 |  f3 |imm[4:0]|0 1 0 0 0 1 1|
    Sb "sb" 0x0000_0023 (R Xt, R OffS12, R Base) "2.6";
    Sh "sh" 0x0000_1023 (R Xt, R OffS12, R Base) "2.6";
    Sw "sw" 0x0000_2023 (R Xt, R OffS12, R Base) "2.6";
    Sd "sd" 0x0000_3023 (R Xt, R OffS12, R Base) "5.3";
    // Operations with immediates (I-type)
    // |31       20|19  15|14 12|11   7|6           0|
    // | imm[11:0] |  rs1 |  f3 |  rd  |0 0 1 0 0 1 1|
    // |  f6 |shamt|  rs1 |  f3 |  rd  |0 0 1 0 0 1 1|
    Addi "addi" 0x0000_0013 (W Xd, R Xs, R I12) "2.4";
    Slti "slti" 0x0000_2013 (W Xd, R Xs, R I12) "2.4";
    Sltiu "sltiu" 0x0000_3013 (W Xd, R Xs, R I12) "2.4";
    Xori "xori" 0x0000_4013 (W Xd, R Xs, R I12) "2.4";
    Ori "ori" 0x0000_6013 (W Xd, R Xs, R I12) "2.4";
    Andi "andi" 0x0000_7013 (W Xd, R Xs, R I12) "2.4";
    Slli "slli" 0x0000_1013 (W Xd, R Xs, R Shamt6) "5.2";
    Srli "srli" 0x0000_5013 (W Xd, R Xs, R Shamt6) "5.2";
    Srai "srai" 0x4000_5013 (W Xd, R Xs, R Shamt6) "5.2";
    // The same on 32 bits, result sign extended
    // | imm[11:0] |  rs1 |  f3 |  rd  |0 0 1 1 0 1 1|
    // |  f7 |shamt|  rs1 |  f3 |  rd  |0 0 1 1 0 1 1|
    Addiw "addiw" 0x0000_001b (W Xd, R Xs, R I12) "5.2";
    Slliw "slliw" 0x0000_101b (W Xd, R Xs, R Shamt5) "5.2";
    Srliw "srliw" 0x0000_501b (W Xd, R Xs, R Shamt5) "5.2";
    Sraiw "sraiw" 0x4000_501b (W Xd, R Xs, R Shamt5) "5.2";
    // Operations (R-type)
    // |31   25|24  20|19  15|14 12|11   7|6           0|
    // |   f7  |  rs2 |  rs1 |  f3 |  rd  |0 1 1 w 0 1 1|
    Add "add" 0x0000_0033 (W Xd, R Xs, R Xt) "2.4";
    Sub "sub" 0x4000_0033 (W Xd, R Xs, R Xt) "2.4";
    Sll "sll" 0x0000_1033 (W Xd, R Xs, R Xt) "2.4";
    Slt "slt" 0x0000_2033 (W Xd, R Xs, R Xt) "2.4";
    Sltu "sltu" 0x0000_3033 (W Xd, R Xs, R Xt) "2.4";
    Xor "xor" 0x0000_4033 (W Xd, R Xs, R Xt) "2.4";
    Srl "srl" 0x0000_5033 (W Xd, R Xs, R Xt) "2.4";
    Sra "sra" 0x4000_5033 (W Xd, R Xs, R Xt) "2.4";
    Or "or" 0x0000_6033 (W Xd, R Xs, R Xt) "2.4";
    And "and" 0x0000_7033 (W Xd, R Xs, R Xt) "2.4";
    Addw "addw" 0x0000_003b (W Xd, R Xs, R Xt) "5.2";
    Subw "subw" 0x4000_003b (W Xd, R Xs, R Xt) "5.2";
    Sllw "sllw" 0x0000_103b (W Xd, R Xs, R Xt) "5.2";
    Srlw "srlw" 0x0000_503b (W Xd, R Xs, R Xt) "5.2";
    Sraw "sraw" 0x4000_503b (W Xd, R Xs, R Xt) "5.2";
    // Fences and environment
    // |31 28|27  24|23  20|19  15|14 12|11   7|6           0|
    // |  fm | pred | succ |  rs1 |  f3 |  rd  |0 0 0 1 1 1 1|
    // |      imm[11:0]    |  rs1 |0 0 0|  rd  |1 1 1 0 0 1 1|
    Fence "fence" 0x0000_000f (R Pred, R Succ) "2.7";
    FenceI "fence.i" 0x0000_100f () "3";
    Ecall "ecall" 0x0000_0073 () "2.8";
    Ebreak "ebreak" 0x0010_0073 () "2.8";
    // Multiplication and division (R-type)
    // |0 0 0 0 0 0 1|  rs2 |  rs1 |  f3 |  rd  |0 1 1 w 0 1 1|
    Mul "mul" 0x0200_0033 (W Xd, R Xs, R Xt) "7.1";
    Mulh "mulh" 0x0200_1033 (W Xd, R Xs, R Xt) "7.1";
    Mulhsu "mulhsu" 0x0200_2033 (W Xd, R Xs, R Xt) "7.1";
    Mulhu "mulhu" 0x0200_3033 (W Xd, R Xs, R Xt) "7.1";
    Div "div" 0x0200_4033 (W Xd, R Xs, R Xt) "7.2";
    Divu "divu" 0x0200_5033 (W Xd, R Xs, R Xt) "7.2";
    Rem "rem" 0x0200_6033 (W Xd, R Xs, R Xt) "7.2";
    Remu "remu" 0x0200_7033 (W Xd, R Xs, R Xt) "7.2";
    Mulw "mulw" 0x0200_003b (W Xd, R Xs, R Xt) "7.1";
    Divw "divw" 0x0200_403b (W Xd, R Xs, R Xt) "7.2";
    Divuw "divuw" 0x0200_503b (W Xd, R Xs, R Xt) "7.2";
    Remw "remw" 0x0200_603b (W Xd, R Xs, R Xt) "7.2";
    Remuw "remuw" 0x0200_703b (W Xd, R Xs, R Xt) "7.2";
    // Atomics
    // |31 27|26|25|24  20|19  15|14 12|11   7|6           0|
    // |  f5 |aq|rl|  rs2 |  rs1 |  f3 |  rd  |0 1 0 1 1 1 1|
    LrW "lr.w" 0x1000_202f (R Order, W Xd, R Addr) "8.2";
    ScW "sc.w" 0x1800_202f (R Order, W Xd, R Xt, R Addr) "8.2";
    AmoswapW "amoswap.w" 0x0800_202f (R Order, W Xd, R Xt, R Addr) "8.4";
    AmoaddW "amoadd.w" 0x0000_202f (R Order, W Xd, R Xt, R Addr) "8.4";
    AmoxorW "amoxor.w" 0x2000_202f (R Order, W Xd, R Xt, R Addr) "8.4";
    AmoandW "amoand.w" 0x6000_202f (R Order, W Xd, R Xt, R Addr) "8.4";
    AmoorW "amoor.w" 0x4000_202f (R Order, W Xd, R Xt, R Addr) "8.4";
    AmominW "amomin.w" 0x8000_202f (R Order, W Xd, R Xt, R Addr) "8.4";
    AmomaxW "amomax.w" 0xa000_202f (R Order, W Xd, R Xt, R Addr) "8.4";
    AmominuW "amominu.w" 0xc000_202f (R Order, W Xd, R Xt, R Addr) "8.4";
    AmomaxuW "amomaxu.w" 0xe000_202f (R Order, W Xd, R Xt, R Addr) "8.4";
    LrD "lr.d" 0x1000_302f (R Order, W Xd, R Addr) "8.2";
    ScD "sc.d" 0x1800_302f (R Order, W Xd, R Xt, R Addr) "8.2";
    AmoswapD "amoswap.d" 0x0800_302f (R Order, W Xd, R Xt, R Addr) "8.4";
    AmoaddD "amoadd.d" 0x0000_302f (R Order, W Xd, R Xt, R Addr) "8.4";
    AmoxorD "amoxor.d" 0x2000_302f (R Order, W Xd, R Xt, R Addr) "8.4";
    AmoandD "amoand.d" 0x6000_302f (R Order, W Xd, R Xt, R Addr) "8.4";
    AmoorD "amoor.d" 0x4000_302f (R Order, W Xd, R Xt, R Addr) "8.4";
    AmominD "amomin.d" 0x8000_302f (R Order, W Xd, R Xt, R Addr) "8.4";
    AmomaxD "amomax.d" 0xa000_302f (R Order, W Xd, R Xt, R Addr) "8.4";
    AmominuD "amominu.d" 0xc000_302f (R Order, W Xd, R Xt, R Addr) "8.4";
    AmomaxuD "amomaxu.d" 0xe000_302f (R Order, W Xd, R Xt, R Addr) "8.4";
    // Float loads (I-type) and stores (S-type)
    // | imm[11:0]       |  rs1 |  f3 |   rd   |0 0 0 0 1 1 1|
    // |imm[11:5]|  rs2  |  rs1 |  f3 |imm[4:0]|0 1 0 0 1 1 1|
    Flw "flw" 0x0000_2007 (W Fd, R Off12, R Base) "11.5";
    Fld "fld" 0x0000_3007 (W Fd, R Off12, R Base) "12.3";
    Fsw "fsw" 0x0000_2027 (R Ft, R OffS12, R Base) "11.5";
    Fsd "fsd" 0x0000_3027 (R Ft, R OffS12, R Base) "12.3";
    // Fused operations (R4-type); fmt is 0 for single, 1 for double precision
    // |31 27|26 25|24  20|19  15|14 12|11   7|6           0|
    // | rs3 | fmt |  rs2 |  rs1 |  rm |  rd  |1 0 0 o o 1 1|
    FmaddS "fmadd.s" 0x0000_0043 (W Fd, R Fs, R Ft, R Fr, R Rm) "11.6";
    FmsubS "fmsub.s" 0x0000_0047 (W Fd, R Fs, R Ft, R Fr, R Rm) "11.6";
    FnmsubS "fnmsub.s" 0x0000_004b (W Fd, R Fs, R Ft, R Fr, R Rm) "11.6";
    FnmaddS "fnmadd.s" 0x0000_004f (W Fd, R Fs, R Ft, R Fr, R Rm) "11.6";
    FmaddD "fmadd.d" 0x0200_0043 (W Fd, R Fs, R Ft, R Fr, R Rm) "12.4";
    FmsubD "fmsub.d" 0x0200_0047 (W Fd, R Fs, R Ft, R Fr, R Rm) "12.4";
    FnmsubD "fnmsub.d" 0x0200_004b (W Fd, R Fs, R Ft, R Fr, R Rm) "12.4";
    FnmaddD "fnmadd.d" 0x0200_004f (W Fd, R Fs, R Ft, R Fr, R Rm) "12.4";
    // Float operations (R-type)
    // |31 27|26 25|24  20|19  15|14 12|11   7|6           0|
    // |  f5 | fmt |  rs2 |  rs1 |  rm |  rd  |1 0 1 0 0 1 1|
    FaddS "fadd.s" 0x0000_0053 (W Fd, R Fs, R Ft, R Rm) "11.6";
    FsubS "fsub.s" 0x0800_0053 (W Fd, R Fs, R Ft, R Rm) "11.6";
    FmulS "fmul.s" 0x1000_0053 (W Fd, R Fs, R Ft, R Rm) "11.6";
    FdivS "fdiv.s" 0x1800_0053 (W Fd, R Fs, R Ft, R Rm) "11.6";
    FsqrtS "fsqrt.s" 0x5800_0053 (W Fd, R Fs, R Rm) "11.6";
    FsgnjS "fsgnj.s" 0x2000_0053 (W Fd, R Fs, R Ft) "11.7";
    FsgnjnS "fsgnjn.s" 0x2000_1053 (W Fd, R Fs, R Ft) "11.7";
    FsgnjxS "fsgnjx.s" 0x2000_2053 (W Fd, R Fs, R Ft) "11.7";
    FminS "fmin.s" 0x2800_0053 (W Fd, R Fs, R Ft) "11.6";
    FmaxS "fmax.s" 0x2800_1053 (W Fd, R Fs, R Ft) "11.6";
    FeqS "feq.s" 0xa000_2053 (W Xd, R Fs, R Ft) "11.8";
    FltS "flt.s" 0xa000_1053 (W Xd, R Fs, R Ft) "11.8";
    FleS "fle.s" 0xa000_0053 (W Xd, R Fs, R Ft) "11.8";
    FclassS "fclass.s" 0xe000_1053 (W Xd, R Fs) "11.9";
    FcvtWS "fcvt.w.s" 0xc000_0053 (W Xd, R Fs, R Rm) "11.7";
    FcvtWuS "fcvt.wu.s" 0xc010_0053 (W Xd, R Fs, R Rm) "11.7";
    FcvtLS "fcvt.l.s" 0xc020_0053 (W Xd, R Fs, R Rm) "11.7";
    FcvtLuS "fcvt.lu.s" 0xc030_0053 (W Xd, R Fs, R Rm) "11.7";
    FcvtSW "fcvt.s.w" 0xd000_0053 (W Fd, R Xs, R Rm) "11.7";
    FcvtSWu "fcvt.s.wu" 0xd010_0053 (W Fd, R Xs, R Rm) "11.7";
    FcvtSL "fcvt.s.l" 0xd020_0053 (W Fd, R Xs, R Rm) "11.7";
    FcvtSLu "fcvt.s.lu" 0xd030_0053 (W Fd, R Xs, R Rm) "11.7";
    FmvXW "fmv.x.w" 0xe000_0053 (W Xd, R Fs) "11.7";
    FmvWX "fmv.w.x" 0xf000_0053 (W Fd, R Xs) "11.7";
    FaddD "fadd.d" 0x0200_0053 (W Fd, R Fs, R Ft, R Rm) "12.4";
    FsubD "fsub.d" 0x0a00_0053 (W Fd, R Fs, R Ft, R Rm) "12.4";
    FmulD "fmul.d" 0x1200_0053 (W Fd, R Fs, R Ft, R Rm) "12.4";
    FdivD "fdiv.d" 0x1a00_0053 (W Fd, R Fs, R Ft, R Rm) "12.4";
    FsqrtD "fsqrt.d" 0x5a00_0053 (W Fd, R Fs, R Rm) "12.4";
    FsgnjD "fsgnj.d" 0x2200_0053 (W Fd, R Fs, R Ft) "12.5";
    FsgnjnD "fsgnjn.d" 0x2200_1053 (W Fd, R Fs, R Ft) "12.5";
    FsgnjxD "fsgnjx.d" 0x2200_2053 (W Fd, R Fs, R Ft) "12.5";
    FminD "fmin.d" 0x2a00_0053 (W Fd, R Fs, R Ft) "12.4";
    FmaxD "fmax.d" 0x2a00_1053 (W Fd, R Fs, R Ft) "12.4";
    FeqD "feq.d" 0xa200_2053 (W Xd, R Fs, R Ft) "12.6";
    FltD "flt.d" 0xa200_1053 (W Xd, R Fs, R Ft) "12.6";
    FleD "fle.d" 0xa200_0053 (W Xd, R Fs, R Ft) "12.6";
    FclassD "fclass.d" 0xe200_1053 (W Xd, R Fs) "12.7";
    FcvtSD "fcvt.s.d" 0x4010_0053 (W Fd, R Fs, R Rm) "12.5";
    FcvtDS "fcvt.d.s" 0x4200_0053 (W Fd, R Fs) "12.5";
    FcvtWD "fcvt.w.d" 0xc200_0053 (W Xd, R Fs, R Rm) "12.5";
    FcvtWuD "fcvt.wu.d" 0xc210_0053 (W Xd, R Fs, R Rm) "12.5";
    FcvtLD "fcvt.l.d" 0xc220_0053 (W Xd, R Fs, R Rm) "12.5";
    FcvtLuD "fcvt.lu.d" 0xc230_0053 (W Xd, R Fs, R Rm) "12.5";
    FcvtDW "fcvt.d.w" 0xd200_0053 (W Fd, R Xs) "12.5";
    FcvtDWu "fcvt.d.wu" 0xd210_0053 (W Fd, R Xs) "12.5";
    FcvtDL "fcvt.d.l" 0xd220_0053 (W Fd, R Xs, R Rm) "12.5";
    FcvtDLu "fcvt.d.lu" 0xd230_0053 (W Fd, R Xs, R Rm) "12.5";
    FmvXD "fmv.x.d" 0xe200_0053 (W Xd, R Fs) "12.5";
    FmvDX "fmv.d.x" 0xf200_0053 (W Fd, R Xs) "12.5";
    // Zba: address generation (R-type, I-type)
    // |0 0 1 0 0 0 0|  rs2 |  rs1 |  f3 |  rd  |0 1 1 w 0 1 1|
    // |0 0 0 0 1 0 0|  rs2 |  rs1 |0 0 0|  rd  |0 1 1 1 0 1 1|
    // |0 0 0 0 1 0|  shamt |  rs1 |0 0 1|  rd  |0 0 1 1 0 1 1|
    Sh1add "sh1add" 0x2000_2033 (W Xd, R Xs, R Xt) "Zba sh1add";
    Sh2add "sh2add" 0x2000_4033 (W Xd, R Xs, R Xt) "Zba sh2add";
    Sh3add "sh3add" 0x2000_6033 (W Xd, R Xs, R Xt) "Zba sh3add";
    AddUw "add.uw" 0x0800_003b (W Xd, R Xs, R Xt) "Zba add.uw";
    Sh1addUw "sh1add.uw" 0x2000_203b (W Xd, R Xs, R Xt) "Zba sh1add.uw";
    Sh2addUw "sh2add.uw" 0x2000_403b (W Xd, R Xs, R Xt) "Zba sh2add.uw";
    Sh3addUw "sh3add.uw" 0x2000_603b (W Xd, R Xs, R Xt) "Zba sh3add.uw";
    SlliUw "slli.uw" 0x0800_101b (W Xd, R Xs, R Shamt6) "Zba slli.uw";
    // Zbb: basic bit manipulation (R-type, I-type)
    // |    f7       |  rs2 |  rs1 |  f3 |  rd  |0 1 1 w 0 1 1|
    // |    f12             |  rs1 |  f3 |  rd  |0 0 1 w 0 1 1|
    Andn "andn" 0x4000_7033 (W Xd, R Xs, R Xt) "Zbb andn";
    Orn "orn" 0x4000_6033 (W Xd, R Xs, R Xt) "Zbb orn";
    Xnor "xnor" 0x4000_4033 (W Xd, R Xs, R Xt) "Zbb xnor";
    Clz "clz" 0x6000_1013 (W Xd, R Xs) "Zbb clz";
    Clzw "clzw" 0x6000_101b (W Xd, R Xs) "Zbb clzw";
    Ctz "ctz" 0x6010_1013 (W Xd, R Xs) "Zbb ctz";
    Ctzw "ctzw" 0x6010_101b (W Xd, R Xs) "Zbb ctzw";
    Cpop "cpop" 0x6020_1013 (W Xd, R Xs) "Zbb cpop";
    Cpopw "cpopw" 0x6020_101b (W Xd, R Xs) "Zbb cpopw";
    Max "max" 0x0a00_6033 (W Xd, R Xs, R Xt) "Zbb max";
    Maxu "maxu" 0x0a00_7033 (W Xd, R Xs, R Xt) "Zbb maxu";
    Min "min" 0x0a00_4033 (W Xd, R Xs, R Xt) "Zbb min";
    Minu "minu" 0x0a00_5033 (W Xd, R Xs, R Xt) "Zbb minu";
    SextB "sext.b" 0x6040_1013 (W Xd, R Xs) "Zbb sext.b";
    SextH "sext.h" 0x6050_1013 (W Xd, R Xs) "Zbb sext.h";
    ZextH "zext.h" 0x0800_403b (W Xd, R Xs) "Zbb zext.h";
    Rol "rol" 0x6000_1033 (W Xd, R Xs, R Xt) "Zbb rol";
    Rolw "rolw" 0x6000_103b (W Xd, R Xs, R Xt) "Zbb rolw";
    Ror "ror" 0x6000_5033 (W Xd, R Xs, R Xt) "Zbb ror";
    Rori "rori" 0x6000_5013 (W Xd, R Xs, R Shamt6) "Zbb rori";
    Roriw "roriw" 0x6000_501b (W Xd, R Xs, R Shamt5) "Zbb roriw";
    Rorw "rorw" 0x6000_503b (W Xd, R Xs, R Xt) "Zbb rorw";
    OrcB "orc.b" 0x2870_5013 (W Xd, R Xs) "Zbb orc.b";
    Rev8 "rev8" 0x6b80_5013 (W Xd, R Xs) "Zbb rev8";
    // Compressed: loads, stores and sums from the stack pointer or one of eight registers
    // |15 13|12       10|9  7|6    5|4  2|1 0|
    // |  f3 |          imm[9:2]     | rd'|0 0|
    // |  f3 | imm       |rs1'| imm  | rd'|0 0|
    CAddi4spn "c.addi4spn" 0x0000 (W Xt3, R Sp, R CSp4) = Addi [0 1 2] "16.5";
    CFld "c.fld" 0x2000 (W Ft3, R COff8, R Base3) = Fld [0 1 2] "16.3";
    CLw "c.lw" 0x4000 (W Xt3, R COff4, R Base3) = Lw [0 1 2] "16.3";
    CLd "c.ld" 0x6000 (W Xt3, R COff8, R Base3) = Ld [0 1 2] "16.3";
    CFsd "c.fsd" 0xa000 (R Ft3, R COff8, R Base3) = Fsd [0 1 2] "16.3";
    CSw "c.sw" 0xc000 (R Xt3, R COff4, R Base3) = Sw [0 1 2] "16.3";
    CSd "c.sd" 0xe000 (R Xt3, R COff8, R Base3) = Sd [0 1 2] "16.3";
    // Compressed: immediates
    // |15 13|12|11     7|6       2|1 0|
    // |  f3 |i5| rd/rs1 | imm[4:0]|0 1|
    CNop "c.nop" 0x0001 () = Addi [zero zero zero] "16.5";
    CAddi "c.addi" 0x0001 (Rw Rd, R CImmNz) = Addi [0 0 1] "16.5";
    CAddiw "c.addiw" 0x2001 (Rw Rd, R CImm) = Addiw [0 0 1] "16.5";
    CLi "c.li" 0x4001 (W Rd, R CImm) = Addi [0 zero 1] = Addiw [0 zero 1] "16.5";
    CAddi16sp "c.addi16sp" 0x6101 (Rw Sp, R CSp16) = Addi [0 0 1] "16.5";
    CLui "c.lui" 0x6001 (W RdL, R CLui) = Lui [0 1] "16.5";
    // Compressed: operations on eight registers
    // |15 13|12|11 10|9       7|6   5|4      2|1 0|
    // |1 0 0|i5|  f2 |rd'/rs1' | imm[4:0]     |0 1|
    // |1 0 0| w| 1 1 |rd'/rs1' |  f2 |  rs2'  |0 1|
    CSrli "c.srli" 0x8001 (Rw Xs3, R CShamt) = Srli [0 0 1] "16.5";
    CSrai "c.srai" 0x8401 (Rw Xs3, R CShamt) = Srai [0 0 1] "16.5";
    CAndi "c.andi" 0x8801 (Rw Xs3, R CImm) = Andi [0 0 1] "16.5";
    CSub "c.sub" 0x8c01 (Rw Xs3, R Xt3) = Sub [0 0 1] "16.5";
    CXor "c.xor" 0x8c21 (Rw Xs3, R Xt3) = Xor [0 0 1] = Xor [0 1 0] "16.5";
    COr "c.or" 0x8c41 (Rw Xs3, R Xt3) = Or [0 0 1] = Or [0 1 0] "16.5";
    CAnd "c.and" 0x8c61 (Rw Xs3, R Xt3) = And [0 0 1] = And [0 1 0] "16.5";
    CSubw "c.subw" 0x9c01 (Rw Xs3, R Xt3) = Subw [0 0 1] "16.5";
    CAddw "c.addw" 0x9c21 (Rw Xs3, R Xt3) = Addw [0 0 1] = Addw [0 1 0] "16.5";
    // Compressed: jumps and branches
    // |15 13|12                  2|1 0|
    // |1 0 1|   offset[11:1]      |0 1|
    // |1 1 n| offset | rs1'|offset|0 1|
    CJ "c.j" 0xa001 (R CJ) = Jal [zero 0] "16.4";
    CBeqz "c.beqz" 0xc001 (R Xs3, R CB) = Beq [0 zero 1] "16.4";
    CBnez "c.bnez" 0xe001 (R Xs3, R CB) = Bne [0 zero 1] "16.4";
    // Compressed: any register
    // |15 13|12|11     7|6   2|1 0|
    // |  f3 | b| rd/rs1 | rs2 |1 0|
    CSlli "c.slli" 0x0002 (Rw Rd, R CShamt) = Slli [0 0 1] "16.5";
    CFldsp "c.fldsp" 0x2002 (W FdC, R CLdSp, R BaseSp) = Fld [0 1 2] "16.3";
    CLwsp "c.lwsp" 0x4002 (W Rd, R CLwSp, R BaseSp) = Lw [0 1 2] "16.3";
    CLdsp "c.ldsp" 0x6002 (W Rd, R CLdSp, R BaseSp) = Ld [0 1 2] "16.3";
    CJr "c.jr" 0x8002 (R Rd) = Jalr [zero zero 0] "16.4";
    CMv "c.mv" 0x8002 (W Rd, R Rt) = Addi [0 1 zero] = Add [0 zero 1] = Add [0 1 zero] "16.5";
    CEbreak "c.ebreak" 0x9002 () = Ebreak [] "16.5";
    CJalr "c.jalr" 0x9002 (R Rd) = Jalr [ra zero 0] "16.4";
    CAdd "c.add" 0x9002 (Rw Rd, R Rt) = Add [0 0 1] = Add [0 1 0] "16.5";
    CFsdsp "c.fsdsp" 0xa002 (R FtC, R CSdSp, R BaseSp) = Fsd [0 1 2] "16.3";
    CSwsp "c.swsp" 0xc002 (R St, R CSwSp, R BaseSp) = Sw [0 1 2] "16.3";
    CSdsp "c.sdsp" 0xe002 (R St, R CSdSp, R BaseSp) = Sd [0 1 2] "16.3";
}

/// A compressed row that stands for a row of 32 bits, and how.
type Short = (Row, &'static [Part]);

impl FieldRow for Row {
    type Field = Field;

    fn encoding(self) -> (u32, &'static [(Role, Field)]) {
        let info = self.info();
        (info.bits, info.operands)
    }
}

impl Row {
    /// Bytes of the instruction.
    pub fn size(self) -> usize {
        if self.info().bits & 3 == 3 { 4 } else { 2 }
    }

    /// The bits that are not operands.
    pub fn fixed_mask(self) -> u32 {
        let all = if self.size() == 4 { u32::MAX } else { 0xffff };
        all & !self.mask()
    }

    /// The compressed instruction that does the same, if there is one.
    pub fn compress(self, values: &[i64]) -> Option<u32> {
        static SHORT: OnceLock<Vec<Vec<Short>>> = OnceLock::new();
        let table = SHORT.get_or_init(|| {
            let mut table = vec![Vec::new(); Row::ALL.len()];
            for &row in Row::ALL {
                for &(long, parts) in row.info().expansions {
                    table[long as usize].push((row, parts));
                }
            }
            table
        });
        table[self as usize].iter().find_map(|&(short, parts)| {
            let mut operands = [None; 3];
            for (part, &v) in parts.iter().zip(values) {
                match *part {
                    Part::Fixed(fixed) if v != fixed => return None,
                    Part::Fixed(_) => {}
                    Part::Op(n) if operands[n].is_some_and(|old| old != v) => return None,
                    Part::Op(n) => operands[n] = Some(v),
                }
            }
            let count = short.info().operands.len();
            short.encode_values(&operands.map(|v| v.unwrap_or(0))[..count])
        })
    }

    /// What a compressed instruction stands for.
    pub fn expand(self, values: &[i64]) -> Option<(Row, Vec<i64>)> {
        let &(long, parts) = self.info().expansions.first()?;
        let value = |part: &Part| match *part {
            Part::Op(n) => values[n],
            Part::Fixed(v) => v,
        };
        Some((long, parts.iter().map(value).collect()))
    }

    /// The row that has this instruction, and the values of its operands. Of 16 bits when the low
    /// two bits are not both set; the others are ignored then.
    pub fn decode(word: u32) -> Option<(Row, Vec<i64>)> {
        let word = if word & 3 == 3 { word } else { word & 0xffff };
        Row::ALL.iter().find_map(|&row| {
            if word & row.fixed_mask() != row.info().bits || row.size() == 2 && word & 3 == 3 {
                return None;
            }
            Some((row, row.decode_values(word)?))
        })
    }

    /// The text of the instruction.
    pub fn text(self, values: &[i64]) -> String {
        let info = self.info();
        let mut out = info.name.to_string();
        let mut first = true;
        for (&(_, field), &v) in info.operands.iter().zip(values) {
            field.write(&mut out, v, first);
            first = first && field == Field::Order;
        }
        out
    }
}
