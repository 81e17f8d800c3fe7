//! The machine instructions of AArch64 in use: one row per encoding or preferred alias.
//!
//! A row gives the mnemonic as assemblers print it, the fixed bits, the operands with their roles
//! in the order of the text, and the name of the entry in the Arm Architecture Reference Manual
//! (DDI 0487, chapter C6.2 for integer, C7.2 for float instructions). The bits of each group are
//! drawn above it (chapter C4.1); every bit that no operand covers is fixed. Aliases come before
//! what they are aliases of, so that the decoder, which takes the first row that matches, finds
//! them. Suffixes of variants: `L` is 32 bits, `I` an immediate, `W` an extended 32-bit register.

use crate::a64::fields::Field;
use crate::a64::regs::{SP, d, x};
use crate::mach::fields::{Field as _, FieldRow};
pub use crate::mach::rows::Role;
use regalloc2::PReg;

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
    /// The manual's entry.
    pub manual: &'static str,
}

/// Fields, as short names for the table.
#[allow(non_upper_case_globals)]
mod field {
    pub use crate::a64::fields::Field::*;
    use crate::a64::fields::Field::{self};
    pub const Xd: Field = Field::X(0);
    pub const Xn: Field = Field::X(5);
    pub const Xm: Field = Field::X(16);
    pub const Xa: Field = Field::X(10);
    pub const Wd: Field = Field::W(0);
    pub const Wn: Field = Field::W(5);
    pub const Wm: Field = Field::W(16);
    pub const Spd: Field = Field::Sp(0);
    pub const Spn: Field = Field::Sp(5);
    pub const Dd: Field = Field::D(0);
    pub const Dn: Field = Field::D(5);
    pub const Dm: Field = Field::D(16);
    pub const Da: Field = Field::D(10);
    pub const Sn: Field = Field::S(5);
    pub const Bd: Field = Field::B(0);
    pub const Vd: Field = Field::V8b(0);
    pub const Vn: Field = Field::V8b(5);
    pub const OffB: Field = Field::Off(0);
    pub const OffH: Field = Field::Off(1);
    pub const OffL: Field = Field::Off(2);
    pub const OffX: Field = Field::Off(3);
    pub const ScaleB: Field = Field::Scale(0);
    pub const ScaleH: Field = Field::Scale(1);
    pub const ScaleL: Field = Field::Scale(2);
    pub const ScaleX: Field = Field::Scale(3);
    pub const ExtB: Field = Field::ExtScale(0);
    pub const ExtH: Field = Field::ExtScale(1);
    pub const ExtL: Field = Field::ExtScale(2);
    pub const ExtX: Field = Field::ExtScale(3);
}

macro_rules! rows {
    ($($variant:ident $name:literal $bits:literal ($($role:ident $field:ident),*) $manual:literal;)*) => {
        crate::mach::rows::row_table! {
            $($variant {
                name: $name,
                bits: $bits,
                operands: &[$((Role::$role, field::$field)),*],
                manual: $manual,
            })*
        }
    };
}

rows! {
    // Add/subtract (immediate)
    // |31|30|29|28       23|22|21      10|9   5|4   0|
    // |sf|op| S|1 0 0 0 1 0|sh|   imm12  |  Rn |  Rd |
    MovSp "mov" 0x9100_0000 (W Spd, R Spn) "MOV (to/from SP)";
    AddI "add" 0x9100_0000 (W Spd, R Spn, R Imm12) "ADD (immediate)";
    CmnI "cmn" 0xb100_001f (R Spn, R Imm12) "CMN (immediate)";
    AddsI "adds" 0xb100_0000 (W Xd, R Spn, R Imm12) "ADDS (immediate)";
    SubI "sub" 0xd100_0000 (W Spd, R Spn, R Imm12) "SUB (immediate)";
    CmpI "cmp" 0xf100_001f (R Spn, R Imm12) "CMP (immediate)";
    SubsI "subs" 0xf100_0000 (W Xd, R Spn, R Imm12) "SUBS (immediate)";
    // Add/subtract (shifted register)
    // |31|30|29|28     24|23 22|21|20  16|15  10|9   5|4   0|
    // |sf|op| S|0 1 0 1 1|shift| 0|  Rm  | imm6 |  Rn |  Rd |
    Add "add" 0x8b00_0000 (W Xd, R Xn, R Xm, R ShiftAdd) "ADD (shifted register)";
    Cmn "cmn" 0xab00_001f (R Xn, R Xm, R ShiftAdd) "CMN (shifted register)";
    Adds "adds" 0xab00_0000 (W Xd, R Xn, R Xm, R ShiftAdd) "ADDS (shifted register)";
    Neg "neg" 0xcb00_03e0 (W Xd, R Xm, R ShiftAdd) "NEG (shifted register)";
    Sub "sub" 0xcb00_0000 (W Xd, R Xn, R Xm, R ShiftAdd) "SUB (shifted register)";
    Cmp "cmp" 0xeb00_001f (R Xn, R Xm, R ShiftAdd) "CMP (shifted register)";
    Negs "negs" 0xeb00_03e0 (W Xd, R Xm, R ShiftAdd) "NEGS";
    Subs "subs" 0xeb00_0000 (W Xd, R Xn, R Xm, R ShiftAdd) "SUBS (shifted register)";
    // Add/subtract (with carry)
    // |31|30|29|28           21|20  16|15      10|9   5|4   0|
    // |sf|op| S|1 1 0 1 0 0 0 0|  Rm  |0 0 0 0 0 0|  Rn |  Rd |
    Adc "adc" 0x9a00_0000 (W Xd, R Xn, R Xm) "ADC";
    Adcs "adcs" 0xba00_0000 (W Xd, R Xn, R Xm) "ADCS";
    // Add/subtract (extended register)
    // |31|30|29|28     24|23 22|21|20  16|15  13|12  10|9   5|4   0|
    // |sf|op| S|0 1 0 1 1| 0 0 | 1|  Rm  |option| imm3 |  Rn |  Rd |
    AddX "add" 0x8b20_6000 (W Spd, R Spn, R Xm, R ExtLsl) "ADD (extended register)";
    AddW "add" 0x8b20_0000 (W Spd, R Spn, R Wm, R Ext) "ADD (extended register)";
    SubX "sub" 0xcb20_6000 (W Spd, R Spn, R Xm, R ExtLsl) "SUB (extended register)";
    SubW "sub" 0xcb20_0000 (W Spd, R Spn, R Wm, R Ext) "SUB (extended register)";
    CmnW "cmn" 0xab20_001f (R Spn, R Wm, R Ext) "CMN (extended register)";
    AddsW "adds" 0xab20_0000 (W Xd, R Spn, R Wm, R Ext) "ADDS (extended register)";
    CmpX "cmp" 0xeb20_601f (R Spn, R Xm, R ExtLsl) "CMP (extended register)";
    CmpW "cmp" 0xeb20_001f (R Spn, R Wm, R Ext) "CMP (extended register)";
    SubsW "subs" 0xeb20_0000 (W Xd, R Spn, R Wm, R Ext) "SUBS (extended register)";
    // Logical (immediate)
    // |31|30 29|28       23|22|21  16|15  10|9   5|4   0|
    // |sf| opc |1 0 0 1 0 0| N| immr | imms |  Rn |  Rd |
    AndI "and" 0x9200_0000 (W Spd, R Xn, R Bits) "AND (immediate)";
    OrrI "orr" 0xb200_0000 (W Spd, R Xn, R Bits) "ORR (immediate)";
    EorI "eor" 0xd200_0000 (W Spd, R Xn, R Bits) "EOR (immediate)";
    TstI "tst" 0xf200_001f (R Xn, R Bits) "TST (immediate)";
    AndsI "ands" 0xf200_0000 (W Xd, R Xn, R Bits) "ANDS (immediate)";
    // Logical (shifted register)
    // |31|30 29|28     24|23 22|21|20  16|15  10|9   5|4   0|
    // |sf| opc |0 1 0 1 0|shift| N|  Rm  | imm6 |  Rn |  Rd |
    And "and" 0x8a00_0000 (W Xd, R Xn, R Xm, R Shift) "AND (shifted register)";
    Bic "bic" 0x8a20_0000 (W Xd, R Xn, R Xm, R Shift) "BIC (shifted register)";
    Mov "mov" 0xaa00_03e0 (W Xd, R Xm) "MOV (register)";
    MovL "mov" 0x2a00_03e0 (W Wd, R Wm) "MOV (register)";
    Orr "orr" 0xaa00_0000 (W Xd, R Xn, R Xm, R Shift) "ORR (shifted register)";
    Mvn "mvn" 0xaa20_03e0 (W Xd, R Xm, R Shift) "MVN";
    Orn "orn" 0xaa20_0000 (W Xd, R Xn, R Xm, R Shift) "ORN (shifted register)";
    Eor "eor" 0xca00_0000 (W Xd, R Xn, R Xm, R Shift) "EOR (shifted register)";
    Eon "eon" 0xca20_0000 (W Xd, R Xn, R Xm, R Shift) "EON (shifted register)";
    Tst "tst" 0xea00_001f (R Xn, R Xm, R Shift) "TST (shifted register)";
    Ands "ands" 0xea00_0000 (W Xd, R Xn, R Xm, R Shift) "ANDS (shifted register)";
    Bics "bics" 0xea20_0000 (W Xd, R Xn, R Xm, R Shift) "BICS (shifted register)";
    // Move wide (immediate)
    // |31|30 29|28       23|22 21|20       5|4   0|
    // |sf| opc |1 0 0 1 0 1|  hw |   imm16  |  Rd |
    Movn "movn" 0x9280_0000 (W Xd, R Imm16, R Hw) "MOVN";
    Movz "movz" 0xd280_0000 (W Xd, R Imm16, R Hw) "MOVZ";
    Movk "movk" 0xf280_0000 (Rw Xd, R Imm16, R Hw) "MOVK";
    // PC-relative addressing
    // |31|30 29|28     24|23       5|4   0|
    // |op|immlo|1 0 0 0 0|   immhi  |  Rd |
    Adr "adr" 0x1000_0000 (W Xd, R Rel21) "ADR";
    Adrp "adrp" 0x9000_0000 (W Xd, R RelPage) "ADRP";
    // Bitfield
    // |31|30 29|28       23|22|21  16|15  10|9   5|4   0|
    // |sf| opc |1 0 0 1 1 0| N| immr | imms |  Rn |  Rd |
    Asr "asr" 0x9340_fc00 (W Xd, R Xn, R Immr) "ASR (immediate)";
    Sxtb "sxtb" 0x9340_1c00 (W Xd, R Wn) "SXTB";
    Sxth "sxth" 0x9340_3c00 (W Xd, R Wn) "SXTH";
    Sxtw "sxtw" 0x9340_7c00 (W Xd, R Wn) "SXTW";
    Sbfiz "sbfiz" 0x9340_0000 (W Xd, R Xn, R LsbTo, R WidthTo) "SBFIZ";
    Sbfx "sbfx" 0x9340_0000 (W Xd, R Xn, R Lsb, R Width) "SBFX";
    Lsr "lsr" 0xd340_fc00 (W Xd, R Xn, R Immr) "LSR (immediate)";
    Lsl "lsl" 0xd340_0000 (W Xd, R Xn, R LslImm) "LSL (immediate)";
    Ubfiz "ubfiz" 0xd340_0000 (W Xd, R Xn, R LsbTo, R WidthTo) "UBFIZ";
    Ubfx "ubfx" 0xd340_0000 (W Xd, R Xn, R Lsb, R Width) "UBFX";
    Bfi "bfi" 0xb340_0000 (Rw Xd, R Xn, R LsbTo, R WidthTo) "BFI";
    Bfxil "bfxil" 0xb340_0000 (Rw Xd, R Xn, R Lsb, R Width) "BFXIL";
    Uxtb "uxtb" 0x5300_1c00 (W Wd, R Wn) "UXTB";
    Uxth "uxth" 0x5300_3c00 (W Wd, R Wn) "UXTH";
    // Extract
    // |31|30 29|28       23|22|21|20  16|15  10|9   5|4   0|
    // |sf| op21|1 0 0 1 1 1| N|o0|  Rm  | imms |  Rn |  Rd |
    RorI "ror" 0x93c0_0000 (W Xd, R XTwice, R Imms) "ROR (immediate)";
    Extr "extr" 0x93c0_0000 (W Xd, R Xn, R Xm, R Imms) "EXTR";
    // Data-processing (2 source)
    // |31|30|29|28           21|20  16|15  10|9   5|4   0|
    // |sf| 0| S|1 1 0 1 0 1 1 0|  Rm  |opcode|  Rn |  Rd |
    Udiv "udiv" 0x9ac0_0800 (W Xd, R Xn, R Xm) "UDIV";
    Sdiv "sdiv" 0x9ac0_0c00 (W Xd, R Xn, R Xm) "SDIV";
    LslV "lsl" 0x9ac0_2000 (W Xd, R Xn, R Xm) "LSL (register)";
    LsrV "lsr" 0x9ac0_2400 (W Xd, R Xn, R Xm) "LSR (register)";
    AsrV "asr" 0x9ac0_2800 (W Xd, R Xn, R Xm) "ASR (register)";
    RorV "ror" 0x9ac0_2c00 (W Xd, R Xn, R Xm) "ROR (register)";
    // Data-processing (1 source)
    // |31|30|29|28           21|20     16|15  10|9   5|4   0|
    // |sf| 1| S|1 1 0 1 0 1 1 0| opcode2 |opcode|  Rn |  Rd |
    Rbit "rbit" 0xdac0_0000 (W Xd, R Xn) "RBIT";
    Rev "rev" 0xdac0_0c00 (W Xd, R Xn) "REV";
    Clz "clz" 0xdac0_1000 (W Xd, R Xn) "CLZ";
    // Data-processing (3 source)
    // |31|30 29|28     24|23 21|20  16|15|14  10|9   5|4   0|
    // |sf| op54|1 1 0 1 1| op31|  Rm  |o0|  Ra  |  Rn |  Rd |
    Mul "mul" 0x9b00_7c00 (W Xd, R Xn, R Xm) "MUL";
    Madd "madd" 0x9b00_0000 (W Xd, R Xn, R Xm, R Xa) "MADD";
    Mneg "mneg" 0x9b00_fc00 (W Xd, R Xn, R Xm) "MNEG";
    Msub "msub" 0x9b00_8000 (W Xd, R Xn, R Xm, R Xa) "MSUB";
    Smull "smull" 0x9b20_7c00 (W Xd, R Wn, R Wm) "SMULL";
    Umull "umull" 0x9ba0_7c00 (W Xd, R Wn, R Wm) "UMULL";
    Smulh "smulh" 0x9b40_7c00 (W Xd, R Xn, R Xm) "SMULH";
    Umulh "umulh" 0x9bc0_7c00 (W Xd, R Xn, R Xm) "UMULH";
    // Conditional select
    // |31|30|29|28           21|20  16|15  12|11 10|9   5|4   0|
    // |sf|op| S|1 1 0 1 0 1 0 0|  Rm  | cond | op2 |  Rn |  Rd |
    Csel "csel" 0x9a80_0000 (W Xd, R Xn, R Xm, R Cond) "CSEL";
    Cset "cset" 0x9a9f_07e0 (W Xd, R CondInv) "CSET";
    Cinc "cinc" 0x9a80_0400 (W Xd, R XTwice, R CondInv) "CINC";
    Csinc "csinc" 0x9a80_0400 (W Xd, R Xn, R Xm, R Cond) "CSINC";
    Csetm "csetm" 0xda9f_03e0 (W Xd, R CondInv) "CSETM";
    Cinv "cinv" 0xda80_0000 (W Xd, R XTwice, R CondInv) "CINV";
    Csinv "csinv" 0xda80_0000 (W Xd, R Xn, R Xm, R Cond) "CSINV";
    Cneg "cneg" 0xda80_0400 (W Xd, R XTwice, R CondInv) "CNEG";
    Csneg "csneg" 0xda80_0400 (W Xd, R Xn, R Xm, R Cond) "CSNEG";
    // Conditional compare (register; immediate has bit 11 set and imm5 for Rm)
    // |31|30|29|28           21|20  16|15  12|11|10|9   5|4|3  0|
    // |sf|op| S|1 1 0 1 0 0 1 0|  Rm  | cond | 0|o2|  Rn |o|nzcv|
    CcmnI "ccmn" 0xba40_0800 (R Xn, R Imm5, R Nzcv, R Cond) "CCMN (immediate)";
    Ccmn "ccmn" 0xba40_0000 (R Xn, R Xm, R Nzcv, R Cond) "CCMN (register)";
    CcmpI "ccmp" 0xfa40_0800 (R Xn, R Imm5, R Nzcv, R Cond) "CCMP (immediate)";
    Ccmp "ccmp" 0xfa40_0000 (R Xn, R Xm, R Nzcv, R Cond) "CCMP (register)";
    // Unconditional branch (immediate)
    // |31|30       26|25                 0|
    // |op|0 0 1 0 1  |        imm26       |
    Branch "b" 0x1400_0000 (R Rel26) "B";
    Bl "bl" 0x9400_0000 (R Rel26) "BL";
    // Conditional branch (immediate)
    // |31         25|24|23             5|4|3  0|
    // |0 1 0 1 0 1 0| 0|      imm19     |0|cond|
    BranchIf "b." 0x5400_0000 (R CondSuffix, R Rel19) "B.cond";
    // Compare and branch (immediate)
    // |31|30       25|24|23             5|4   0|
    // |sf|0 1 1 0 1 0|op|      imm19     |  Rt |
    Cbz "cbz" 0xb400_0000 (R Xd, R Rel19) "CBZ";
    Cbnz "cbnz" 0xb500_0000 (R Xd, R Rel19) "CBNZ";
    // Test and branch (immediate)
    // |31|30       25|24|23   19|18     5|4   0|
    // |b5|0 1 1 0 1 1|op|  b40  |  imm14 |  Rt |
    Tbz "tbz" 0x3600_0000 (R BitReg, R BitNumber, R Rel14) "TBZ";
    Tbnz "tbnz" 0x3700_0000 (R BitReg, R BitNumber, R Rel14) "TBNZ";
    // Unconditional branch (register)
    // |31         25|24  21|20  16|15  10|9   5|4   0|
    // |1 1 0 1 0 1 1| opc  | op2  | op3  |  Rn | op4 |
    BranchReg "br" 0xd61f_0000 (R Xn) "BR";
    CallReg "blr" 0xd63f_0000 (R Xn) "BLR";
    Return "ret" 0xd65f_03c0 () "RET";
    // Load/store register (unsigned immediate)
    // |31 30|29 27|26|25 24|23 22|21      10|9   5|4   0|
    // | size|1 1 1| V| 0 1 | opc |   imm12  |  Rn |  Rt |
    StrB "strb" 0x3900_0000 (R Wd, R Base, R OffB) "STRB (immediate)";
    LdrB "ldrb" 0x3940_0000 (W Wd, R Base, R OffB) "LDRB (immediate)";
    LdrSb "ldrsb" 0x3980_0000 (W Xd, R Base, R OffB) "LDRSB (immediate)";
    StrH "strh" 0x7900_0000 (R Wd, R Base, R OffH) "STRH (immediate)";
    LdrH "ldrh" 0x7940_0000 (W Wd, R Base, R OffH) "LDRH (immediate)";
    LdrSh "ldrsh" 0x7980_0000 (W Xd, R Base, R OffH) "LDRSH (immediate)";
    StrL "str" 0xb900_0000 (R Wd, R Base, R OffL) "STR (immediate)";
    LdrL "ldr" 0xb940_0000 (W Wd, R Base, R OffL) "LDR (immediate)";
    LdrSw "ldrsw" 0xb980_0000 (W Xd, R Base, R OffL) "LDRSW (immediate)";
    Str "str" 0xf900_0000 (R Xd, R Base, R OffX) "STR (immediate)";
    Ldr "ldr" 0xf940_0000 (W Xd, R Base, R OffX) "LDR (immediate)";
    StrD "str" 0xfd00_0000 (R Dd, R Base, R OffX) "STR (immediate, SIMD&FP)";
    LdrD "ldr" 0xfd40_0000 (W Dd, R Base, R OffX) "LDR (immediate, SIMD&FP)";
    // Load/store register (unscaled immediate)
    // |31 30|29 27|26|25 24|23 22|21|20   12|11 10|9   5|4   0|
    // | size|1 1 1| V| 0 0 | opc | 0|  imm9 | 0 0 |  Rn |  Rt |
    SturB "sturb" 0x3800_0000 (R Wd, R Base, R Off9) "STURB";
    LdurB "ldurb" 0x3840_0000 (W Wd, R Base, R Off9) "LDURB";
    LdurSb "ldursb" 0x3880_0000 (W Xd, R Base, R Off9) "LDURSB";
    SturH "sturh" 0x7800_0000 (R Wd, R Base, R Off9) "STURH";
    LdurH "ldurh" 0x7840_0000 (W Wd, R Base, R Off9) "LDURH";
    LdurSh "ldursh" 0x7880_0000 (W Xd, R Base, R Off9) "LDURSH";
    SturL "stur" 0xb800_0000 (R Wd, R Base, R Off9) "STUR";
    LdurL "ldur" 0xb840_0000 (W Wd, R Base, R Off9) "LDUR";
    LdurSw "ldursw" 0xb880_0000 (W Xd, R Base, R Off9) "LDURSW";
    Stur "stur" 0xf800_0000 (R Xd, R Base, R Off9) "STUR";
    Ldur "ldur" 0xf840_0000 (W Xd, R Base, R Off9) "LDUR";
    SturD "stur" 0xfc00_0000 (R Dd, R Base, R Off9) "STUR (SIMD&FP)";
    LdurD "ldur" 0xfc40_0000 (W Dd, R Base, R Off9) "LDUR (SIMD&FP)";
    // Load/store register (register offset)
    // |31 30|29 27|26|25 24|23 22|21|20  16|15  13|12|11 10|9   5|4   0|
    // | size|1 1 1| V| 0 0 | opc | 1|  Rm  |option| S| 1 0 |  Rn |  Rt |
    StrBX "strb" 0x3820_6800 (R Wd, R Base, R Index, R ScaleB) "STRB (register)";
    LdrBX "ldrb" 0x3860_6800 (W Wd, R Base, R Index, R ScaleB) "LDRB (register)";
    LdrSbX "ldrsb" 0x38a0_6800 (W Xd, R Base, R Index, R ScaleB) "LDRSB (register)";
    StrHX "strh" 0x7820_6800 (R Wd, R Base, R Index, R ScaleH) "STRH (register)";
    LdrHX "ldrh" 0x7860_6800 (W Wd, R Base, R Index, R ScaleH) "LDRH (register)";
    LdrShX "ldrsh" 0x78a0_6800 (W Xd, R Base, R Index, R ScaleH) "LDRSH (register)";
    StrLX "str" 0xb820_6800 (R Wd, R Base, R Index, R ScaleL) "STR (register)";
    LdrLX "ldr" 0xb860_6800 (W Wd, R Base, R Index, R ScaleL) "LDR (register)";
    LdrSwX "ldrsw" 0xb8a0_6800 (W Xd, R Base, R Index, R ScaleL) "LDRSW (register)";
    StrX "str" 0xf820_6800 (R Xd, R Base, R Index, R ScaleX) "STR (register)";
    LdrX "ldr" 0xf860_6800 (W Xd, R Base, R Index, R ScaleX) "LDR (register)";
    StrDX "str" 0xfc20_6800 (R Dd, R Base, R Index, R ScaleX) "STR (register, SIMD&FP)";
    LdrDX "ldr" 0xfc60_6800 (W Dd, R Base, R Index, R ScaleX) "LDR (register, SIMD&FP)";
    StrBW "strb" 0x3820_0800 (R Wd, R Base, R IndexW, R ExtB) "STRB (register)";
    LdrBW "ldrb" 0x3860_0800 (W Wd, R Base, R IndexW, R ExtB) "LDRB (register)";
    LdrSbW "ldrsb" 0x38a0_0800 (W Xd, R Base, R IndexW, R ExtB) "LDRSB (register)";
    StrHW "strh" 0x7820_0800 (R Wd, R Base, R IndexW, R ExtH) "STRH (register)";
    LdrHW "ldrh" 0x7860_0800 (W Wd, R Base, R IndexW, R ExtH) "LDRH (register)";
    LdrShW "ldrsh" 0x78a0_0800 (W Xd, R Base, R IndexW, R ExtH) "LDRSH (register)";
    StrLW "str" 0xb820_0800 (R Wd, R Base, R IndexW, R ExtL) "STR (register)";
    LdrLW "ldr" 0xb860_0800 (W Wd, R Base, R IndexW, R ExtL) "LDR (register)";
    LdrSwW "ldrsw" 0xb8a0_0800 (W Xd, R Base, R IndexW, R ExtL) "LDRSW (register)";
    StrW "str" 0xf820_0800 (R Xd, R Base, R IndexW, R ExtX) "STR (register)";
    LdrW "ldr" 0xf860_0800 (W Xd, R Base, R IndexW, R ExtX) "LDR (register)";
    StrDW "str" 0xfc20_0800 (R Dd, R Base, R IndexW, R ExtX) "STR (register, SIMD&FP)";
    LdrDW "ldr" 0xfc60_0800 (W Dd, R Base, R IndexW, R ExtX) "LDR (register, SIMD&FP)";
    // Load/store register (immediate pre-indexed: bits 11-10 are 11; post-indexed: 01)
    // |31 30|29 27|26|25 24|23 22|21|20   12|11 10|9   5|4   0|
    // | size|1 1 1| V| 0 0 | opc | 0|  imm9 | p 1 |  Rn |  Rt |
    StrBPost "strb" 0x3800_0400 (R Wd, Rw Base, R Post9) "STRB (immediate)";
    LdrBPost "ldrb" 0x3840_0400 (W Wd, Rw Base, R Post9) "LDRB (immediate)";
    StrHPost "strh" 0x7800_0400 (R Wd, Rw Base, R Post9) "STRH (immediate)";
    LdrHPost "ldrh" 0x7840_0400 (W Wd, Rw Base, R Post9) "LDRH (immediate)";
    StrLPost "str" 0xb800_0400 (R Wd, Rw Base, R Post9) "STR (immediate)";
    LdrLPost "ldr" 0xb840_0400 (W Wd, Rw Base, R Post9) "LDR (immediate)";
    StrPost "str" 0xf800_0400 (R Xd, Rw Base, R Post9) "STR (immediate)";
    LdrPost "ldr" 0xf840_0400 (W Xd, Rw Base, R Post9) "LDR (immediate)";
    StrBPre "strb" 0x3800_0c00 (R Wd, Rw Base, R Pre9) "STRB (immediate)";
    LdrBPre "ldrb" 0x3840_0c00 (W Wd, Rw Base, R Pre9) "LDRB (immediate)";
    StrHPre "strh" 0x7800_0c00 (R Wd, Rw Base, R Pre9) "STRH (immediate)";
    LdrHPre "ldrh" 0x7840_0c00 (W Wd, Rw Base, R Pre9) "LDRH (immediate)";
    StrLPre "str" 0xb800_0c00 (R Wd, Rw Base, R Pre9) "STR (immediate)";
    LdrLPre "ldr" 0xb840_0c00 (W Wd, Rw Base, R Pre9) "LDR (immediate)";
    StrPre "str" 0xf800_0c00 (R Xd, Rw Base, R Pre9) "STR (immediate)";
    LdrPre "ldr" 0xf840_0c00 (W Xd, Rw Base, R Pre9) "LDR (immediate)";
    // Load/store register pair (bits 24-23: 01 post-indexed, 10 offset, 11 pre-indexed)
    // |31 30|29 27|26|25|24 23|22|21   15|14  10|9   5|4   0|
    // | opc |1 0 1| V| 0|index| L|  imm7 |  Rt2 |  Rn |  Rt |
    Stp "stp" 0xa900_0000 (R Xd, R Xa, R Base, R Off7) "STP";
    Ldp "ldp" 0xa940_0000 (W Xd, W Xa, R Base, R Off7) "LDP";
    StpPost "stp" 0xa880_0000 (R Xd, R Xa, Rw Base, R Post7) "STP";
    LdpPost "ldp" 0xa8c0_0000 (W Xd, W Xa, Rw Base, R Post7) "LDP";
    StpPre "stp" 0xa980_0000 (R Xd, R Xa, Rw Base, R Pre7) "STP";
    LdpPre "ldp" 0xa9c0_0000 (W Xd, W Xa, Rw Base, R Pre7) "LDP";
    StpD "stp" 0x6d00_0000 (R Dd, R Da, R Base, R Off7) "STP (SIMD&FP)";
    LdpD "ldp" 0x6d40_0000 (W Dd, W Da, R Base, R Off7) "LDP (SIMD&FP)";
    LdpDPost "ldp" 0x6cc0_0000 (W Dd, W Da, Rw Base, R Post7) "LDP (SIMD&FP)";
    StpDPre "stp" 0x6d80_0000 (R Dd, R Da, Rw Base, R Pre7) "STP (SIMD&FP)";
    // Load register (literal)
    // |31 30|29 27|26|25 24|23             5|4   0|
    // | opc |0 1 1| V| 0 0 |      imm19     |  Rt |
    LdrLiteral "ldr" 0x5800_0000 (W Xd, R Rel19) "LDR (literal)";
    LdrLiteralD "ldr" 0x5c00_0000 (W Dd, R Rel19) "LDR (literal, SIMD&FP)";
    // Floating-point data-processing (1 source)
    // |31|30|29|28     24|23 22|21|20       15|14     10|9   5|4   0|
    // | 0| 0| 0|1 1 1 1 0| 0 1 | 1|   opcode  |1 0 0 0 0|  Rn |  Rd |
    Fmov "fmov" 0x1e60_4000 (W Dd, R Dn) "FMOV (register)";
    Fabs "fabs" 0x1e60_c000 (W Dd, R Dn) "FABS (scalar)";
    Fneg "fneg" 0x1e61_4000 (W Dd, R Dn) "FNEG (scalar)";
    Fsqrt "fsqrt" 0x1e61_c000 (W Dd, R Dn) "FSQRT (scalar)";
    // Floating-point data-processing (2 source)
    // |31|30|29|28     24|23 22|21|20  16|15  12|11 10|9   5|4   0|
    // | 0| 0| 0|1 1 1 1 0| 0 1 | 1|  Rm  |opcode| 1 0 |  Rn |  Rd |
    Fmul "fmul" 0x1e60_0800 (W Dd, R Dn, R Dm) "FMUL (scalar)";
    Fdiv "fdiv" 0x1e60_1800 (W Dd, R Dn, R Dm) "FDIV (scalar)";
    Fadd "fadd" 0x1e60_2800 (W Dd, R Dn, R Dm) "FADD (scalar)";
    Fsub "fsub" 0x1e60_3800 (W Dd, R Dn, R Dm) "FSUB (scalar)";
    // Floating-point compare
    // |31|30|29|28     24|23 22|21|20  16|15 14|13   10|9   5|4       0|
    // | 0| 0| 0|1 1 1 1 0| 0 1 | 1|  Rm  | 0 0 |1 0 0 0|  Rn | opcode2 |
    Fcmp "fcmp" 0x1e60_2000 (R Dn, R Dm) "FCMP";
    FcmpZero "fcmp" 0x1e60_2008 (R Dn) "FCMP";
    // Floating-point conditional select
    // |31|30|29|28     24|23 22|21|20  16|15  12|11 10|9   5|4   0|
    // | 0| 0| 0|1 1 1 1 0| 0 1 | 1|  Rm  | cond | 1 1 |  Rn |  Rd |
    Fcsel "fcsel" 0x1e60_0c00 (W Dd, R Dn, R Dm, R Cond) "FCSEL";
    // Floating-point immediate
    // |31|30|29|28     24|23 22|21|20     13|12 10|9       5|4   0|
    // | 0| 0| 0|1 1 1 1 0| 0 1 | 1|   imm8  |1 0 0|0 0 0 0 0|  Rd |
    FmovI "fmov" 0x1e60_1000 (W Dd, R Fimm) "FMOV (scalar, immediate)";
    // Conversion between floating-point and integer
    // |31|30|29|28     24|23 22|21|20 19|18  16|15         10|9   5|4   0|
    // |sf| 0| S|1 1 1 1 0| type| 1|rmode|opcode|0 0 0 0 0 0  |  Rn |  Rd |
    FmovToXL "fmov" 0x1e26_0000 (W Wd, R Sn) "FMOV (general)";
    Scvtf "scvtf" 0x9e62_0000 (W Dd, R Xn) "SCVTF (scalar, integer)";
    FmovToX "fmov" 0x9e66_0000 (W Xd, R Dn) "FMOV (general)";
    FmovFromX "fmov" 0x9e67_0000 (W Dd, R Xn) "FMOV (general)";
    Fcvtzs "fcvtzs" 0x9e78_0000 (W Xd, R Dn) "FCVTZS (scalar, integer)";
    // Advanced SIMD two-register miscellaneous; across lanes (bit 20 set)
    // |31|30|29|28     24|23 22|21     17|16     12|11 10|9   5|4   0|
    // | 0| Q| U|0 1 1 1 0| size|1 0 0 0 0|  opcode | 1 0 |  Rn |  Rd |
    Cnt "cnt" 0x0e20_5800 (W Vd, R Vn) "CNT";
    Addv "addv" 0x0e31_b800 (W Bd, R Vn) "ADDV";
    // Exception generation; hints
    // |31             24|23 21|20       5|4  2|1 0|
    // |1 1 0 1 0 1 0 0  | opc |   imm16  | op2| LL|
    Svc "svc" 0xd400_0001 (R Code16) "SVC";
    Brk "brk" 0xd420_0000 (R Code16) "BRK";
    Nop "nop" 0xd503_201f () "NOP";
}

impl FieldRow for Row {
    type Field = Field;

    fn encoding(self) -> (u32, &'static [(Role, Field)]) {
        let info = self.info();
        (info.bits, info.operands)
    }
}

impl Row {
    /// The bits that are not operands.
    pub fn fixed_mask(self) -> u32 {
        !self.mask()
    }

    /// The first row that has this instruction, and the values of its operands.
    pub fn decode(word: u32) -> Option<(Row, Vec<i64>)> {
        Row::ALL.iter().find_map(|&row| {
            if word & row.fixed_mask() != row.info().bits {
                return None;
            }
            let values = row.decode_values(word)?;
            (row.encode_values(&values) == Some(word) && row.preferred(&values)).then_some((row, values))
        })
    }

    /// Whether the row is the preferred one for operands that another one also has.
    fn preferred(self, values: &[i64]) -> bool {
        match self {
            Row::MovSp => values.contains(&31),
            // An increment of zero is called `cset`, which has no operand.
            Row::Cinc | Row::Cinv => values[1] != 31,
            _ => true,
        }
    }

    /// A register that is both transferred and written back as a base, or loaded twice, has no
    /// defined result ("CONSTRAINED UNPREDICTABLE" in the entries of loads and stores).
    pub fn is_unpredictable(self, values: &[i64]) -> bool {
        let operands = self.info().operands;
        let base = operands.iter().zip(values).find(|((_, p), _)| *p == Field::Base).map(|(_, &v)| v);
        let writes_back = operands
            .iter()
            .any(|(_, p)| matches!(p, Field::Pre9 | Field::Post9 | Field::Pre7 | Field::Post7));
        let loads_two = matches!(self, Row::Ldp | Row::LdpPre | Row::LdpPost | Row::LdpD | Row::LdpDPost);
        let floats = matches!(self, Row::LdpDPost | Row::StpDPre);
        let transferred = if loads_two || matches!(self, Row::StpPre | Row::StpPost) { 2 } else { 1 };
        loads_two && values[0] == values[1]
            || writes_back
                && !floats
                && base != Some(31)
                && values[..transferred].iter().any(|&v| Some(v) == base)
    }

    /// The text of the instruction.
    pub fn text(self, values: &[i64]) -> String {
        let info = self.info();
        let sp = info.operands.iter().zip(values).any(|((_, p), &v)| p.has_sp() && v == 31);
        // The manual prefers `mov` for constants that one instruction makes.
        let constant = match (self, values) {
            (Row::Movz, &[_, v, hw]) if v != 0 || hw == 0 => Some(v << hw),
            (Row::Movn, &[_, v, hw]) if v != 0 || hw == 0 => Some(!(v << hw)),
            (Row::OrrI, &[_, 31, v]) if !is_wide(v as u64) => Some(v),
            _ => None,
        };
        if let Some(v) = constant {
            let mut out = "mov".to_string();
            info.operands[0].1.write(&mut out, values[0], true, values, sp);
            return format!("{out}, #{v}");
        }
        let mut out = info.name.to_string();
        let mut first = true;
        for (&(_, field), &v) in info.operands.iter().zip(values) {
            field.write(&mut out, v, first, values, sp);
            first = first && field == Field::CondSuffix;
        }
        if self == Row::FcmpZero {
            out.push_str(", #0.0");
        }
        out
    }
}

/// A constant that `movz` or `movn` makes.
fn is_wide(value: u64) -> bool {
    (0..4).any(|k| value & !(0xffff << (16 * k)) == 0 || !value & !(0xffff << (16 * k)) == 0)
}

/// The register that a value of a field stands for.
pub fn register(field: Field, value: i64) -> Option<PReg> {
    let n = value as usize;
    field.is_register().then(|| match (field.is_float(), n) {
        (true, _) => d(n),
        (false, 31) if field.has_sp() => SP,
        _ => x(n),
    })
}

/// Conditions by their encoding (Arm ARM, C1.2.4), without `al`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Cc {
    Eq,
    Ne,
    Hs,
    Lo,
    Mi,
    Pl,
    Vs,
    Vc,
    Hi,
    Ls,
    Ge,
    Lt,
    Gt,
    Le,
}

impl Cc {
    /// All conditions in order of encoding.
    pub const ALL: [Cc; 14] = {
        use Cc::*;
        [Eq, Ne, Hs, Lo, Mi, Pl, Vs, Vc, Hi, Ls, Ge, Lt, Gt, Le]
    };

    /// The opposite.
    pub fn invert(self) -> Cc {
        Cc::ALL[self as usize ^ 1]
    }

    /// Flags (N 8, Z 4, C 2, V 1) with which the condition holds.
    pub fn flags(self) -> i64 {
        use Cc::*;
        match self {
            Eq | Ls | Le => 4,
            Hs | Hi => 2,
            Mi | Lt => 8,
            Vs => 1,
            Ne | Lo | Pl | Vc | Ge | Gt => 0,
        }
    }
}
