//! The instruction table: one row per instruction. A row gives the enum variant, the name in the
//! text format, the opcode bytes, what its immediates are, the types it takes from the stack and
//! leaves there, and its section in the Core specification (WebAssembly Core 2.0; the binary form
//! is in 5.4).
//!
//! Encoder, reader, printer and the test of every row are derived from this table; nothing else
//! in this folder knows an opcode.

use crate::mach::rows::row_table;

/// Type of a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ty {
    /// 32 bits: conditions, addresses.
    I32,
    /// 64 bits: words.
    I64,
    /// IEEE 754 binary64.
    F64,
}

impl Ty {
    /// All types.
    pub const ALL: [Ty; 3] = [Ty::I32, Ty::I64, Ty::F64];

    /// Encoding (5.3.1).
    pub fn byte(self) -> u8 {
        match self {
            Ty::I32 => 0x7f,
            Ty::I64 => 0x7e,
            Ty::F64 => 0x7c,
        }
    }

    /// The type with this encoding.
    pub fn from_byte(byte: u8) -> Option<Ty> {
        Ty::ALL.into_iter().find(|t| t.byte() == byte)
    }

    /// Name in the text format.
    pub fn name(self) -> &'static str {
        match self {
            Ty::I32 => "i32",
            Ty::I64 => "i64",
            Ty::F64 => "f64",
        }
    }
}

/// What follows the opcode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Imm {
    /// Nothing.
    None,
    /// A block type: none or one result.
    Block,
    /// A label.
    Label,
    /// A vector of labels and a default.
    Labels,
    /// A function.
    Func,
    /// A function type, and a table (always 0).
    TypeTable,
    /// A local.
    Local,
    /// A global.
    Global,
    /// Alignment and offset of an access of this many bytes (1, 2, 4, 8).
    Memory(u32),
    /// One memory (always 0).
    Zero,
    /// Two memories (always 0).
    ZeroZero,
    /// A signed 32-bit constant.
    I32,
    /// A signed 64-bit constant.
    I64,
    /// A float.
    F64,
}

/// What an instruction does with the operand stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stack {
    /// Takes these, leaves these.
    Fixed(&'static [Ty], &'static [Ty]),
    /// Takes these, then depends on the immediates or on what is there.
    Other(&'static [Ty]),
}

/// A row.
pub struct RowInfo {
    /// Name of the variant.
    pub variant: &'static str,
    /// Name in the text format.
    pub name: &'static str,
    /// Opcode.
    pub opcode: &'static [u8],
    /// Immediates.
    pub imm: Imm,
    /// Stack types.
    pub stack: Stack,
    /// Section of the Core specification.
    pub section: &'static str,
}

macro_rules! stack {
    (($($p:ident)*) -> ?) => { Stack::Other(&[$(Ty::$p),*]) };
    (($($p:ident)*) -> ($($r:ident)*)) => { Stack::Fixed(&[$(Ty::$p),*], &[$(Ty::$r),*]) };
}
macro_rules! rows {
    ($($section:literal { $($variant:ident $name:literal $opcode:literal $imm:ident $(($size:literal))? : $params:tt -> $results:tt;)* })*) => {
        row_table! { $($($variant {
            name: $name,
            opcode: $opcode,
            imm: Imm::$imm $(($size))?,
            stack: stack!($params -> $results),
            section: $section,
        })*)* }
    };
}

rows! {
    "3.3.8, 5.4.1" {
        Unreachable "unreachable" b"\x00" None: () -> ?;
        Block "block" b"\x02" Block: () -> ?;
        Loop "loop" b"\x03" Block: () -> ?;
        If "if" b"\x04" Block: (I32) -> ?;
        Else "else" b"\x05" None: () -> ?;
        End "end" b"\x0b" None: () -> ?;
        Br "br" b"\x0c" Label: () -> ?;
        BrIf "br_if" b"\x0d" Label: (I32) -> ?;
        BrTable "br_table" b"\x0e" Labels: (I32) -> ?;
        Return "return" b"\x0f" None: () -> ?;
        Call "call" b"\x10" Func: () -> ?;
        CallIndirect "call_indirect" b"\x11" TypeTable: (I32) -> ?;
    }
    "3.3.4, 5.4.3" {
        Drop "drop" b"\x1a" None: () -> ?;
        Select "select" b"\x1b" None: (I32) -> ?;
    }
    "3.3.5, 5.4.4" {
        LocalGet "local.get" b"\x20" Local: () -> ?;
        LocalSet "local.set" b"\x21" Local: () -> ?;
        LocalTee "local.tee" b"\x22" Local: () -> ?;
        GlobalGet "global.get" b"\x23" Global: () -> ?;
        GlobalSet "global.set" b"\x24" Global: () -> ?;
    }
    "3.3.7, 5.4.6" {
        I32Load "i32.load" b"\x28" Memory(4): (I32) -> (I32);
        I64Load "i64.load" b"\x29" Memory(8): (I32) -> (I64);
        F64Load "f64.load" b"\x2b" Memory(8): (I32) -> (F64);
        I32Load8S "i32.load8_s" b"\x2c" Memory(1): (I32) -> (I32);
        I32Load8U "i32.load8_u" b"\x2d" Memory(1): (I32) -> (I32);
        I32Load16S "i32.load16_s" b"\x2e" Memory(2): (I32) -> (I32);
        I32Load16U "i32.load16_u" b"\x2f" Memory(2): (I32) -> (I32);
        I64Load8S "i64.load8_s" b"\x30" Memory(1): (I32) -> (I64);
        I64Load8U "i64.load8_u" b"\x31" Memory(1): (I32) -> (I64);
        I64Load16S "i64.load16_s" b"\x32" Memory(2): (I32) -> (I64);
        I64Load16U "i64.load16_u" b"\x33" Memory(2): (I32) -> (I64);
        I64Load32S "i64.load32_s" b"\x34" Memory(4): (I32) -> (I64);
        I64Load32U "i64.load32_u" b"\x35" Memory(4): (I32) -> (I64);
        I32Store "i32.store" b"\x36" Memory(4): (I32 I32) -> ();
        I64Store "i64.store" b"\x37" Memory(8): (I32 I64) -> ();
        F64Store "f64.store" b"\x39" Memory(8): (I32 F64) -> ();
        I32Store8 "i32.store8" b"\x3a" Memory(1): (I32 I32) -> ();
        I32Store16 "i32.store16" b"\x3b" Memory(2): (I32 I32) -> ();
        I64Store8 "i64.store8" b"\x3c" Memory(1): (I32 I64) -> ();
        I64Store16 "i64.store16" b"\x3d" Memory(2): (I32 I64) -> ();
        I64Store32 "i64.store32" b"\x3e" Memory(4): (I32 I64) -> ();
        MemoryCopy "memory.copy" b"\xfc\x0a" ZeroZero: (I32 I32 I32) -> ();
        MemoryFill "memory.fill" b"\xfc\x0b" Zero: (I32 I32 I32) -> ();
    }
    "3.3.1, 5.4.7" {
        I32Const "i32.const" b"\x41" I32: () -> (I32);
        I64Const "i64.const" b"\x42" I64: () -> (I64);
        F64Const "f64.const" b"\x44" F64: () -> (F64);
        I32Eqz "i32.eqz" b"\x45" None: (I32) -> (I32);
        I32Eq "i32.eq" b"\x46" None: (I32 I32) -> (I32);
        I32LtS "i32.lt_s" b"\x48" None: (I32 I32) -> (I32);
        I64Eqz "i64.eqz" b"\x50" None: (I64) -> (I32);
        I64Eq "i64.eq" b"\x51" None: (I64 I64) -> (I32);
        I64Ne "i64.ne" b"\x52" None: (I64 I64) -> (I32);
        I64LtS "i64.lt_s" b"\x53" None: (I64 I64) -> (I32);
        I64LtU "i64.lt_u" b"\x54" None: (I64 I64) -> (I32);
        I64GtS "i64.gt_s" b"\x55" None: (I64 I64) -> (I32);
        I64GtU "i64.gt_u" b"\x56" None: (I64 I64) -> (I32);
        I64LeS "i64.le_s" b"\x57" None: (I64 I64) -> (I32);
        I64LeU "i64.le_u" b"\x58" None: (I64 I64) -> (I32);
        I64GeS "i64.ge_s" b"\x59" None: (I64 I64) -> (I32);
        I64GeU "i64.ge_u" b"\x5a" None: (I64 I64) -> (I32);
        F64Eq "f64.eq" b"\x61" None: (F64 F64) -> (I32);
        F64Ne "f64.ne" b"\x62" None: (F64 F64) -> (I32);
        F64Lt "f64.lt" b"\x63" None: (F64 F64) -> (I32);
        F64Gt "f64.gt" b"\x64" None: (F64 F64) -> (I32);
        F64Le "f64.le" b"\x65" None: (F64 F64) -> (I32);
        F64Ge "f64.ge" b"\x66" None: (F64 F64) -> (I32);
        I32Add "i32.add" b"\x6a" None: (I32 I32) -> (I32);
        I32Sub "i32.sub" b"\x6b" None: (I32 I32) -> (I32);
        I32Mul "i32.mul" b"\x6c" None: (I32 I32) -> (I32);
        I32And "i32.and" b"\x71" None: (I32 I32) -> (I32);
        I32Or "i32.or" b"\x72" None: (I32 I32) -> (I32);
        I32Xor "i32.xor" b"\x73" None: (I32 I32) -> (I32);
        I32Shl "i32.shl" b"\x74" None: (I32 I32) -> (I32);
        I64Clz "i64.clz" b"\x79" None: (I64) -> (I64);
        I64Ctz "i64.ctz" b"\x7a" None: (I64) -> (I64);
        I64Popcnt "i64.popcnt" b"\x7b" None: (I64) -> (I64);
        I64Add "i64.add" b"\x7c" None: (I64 I64) -> (I64);
        I64Sub "i64.sub" b"\x7d" None: (I64 I64) -> (I64);
        I64Mul "i64.mul" b"\x7e" None: (I64 I64) -> (I64);
        I64DivS "i64.div_s" b"\x7f" None: (I64 I64) -> (I64);
        I64DivU "i64.div_u" b"\x80" None: (I64 I64) -> (I64);
        I64RemS "i64.rem_s" b"\x81" None: (I64 I64) -> (I64);
        I64RemU "i64.rem_u" b"\x82" None: (I64 I64) -> (I64);
        I64And "i64.and" b"\x83" None: (I64 I64) -> (I64);
        I64Or "i64.or" b"\x84" None: (I64 I64) -> (I64);
        I64Xor "i64.xor" b"\x85" None: (I64 I64) -> (I64);
        I64Shl "i64.shl" b"\x86" None: (I64 I64) -> (I64);
        I64ShrS "i64.shr_s" b"\x87" None: (I64 I64) -> (I64);
        I64ShrU "i64.shr_u" b"\x88" None: (I64 I64) -> (I64);
        I64Rotr "i64.rotr" b"\x8a" None: (I64 I64) -> (I64);
        F64Abs "f64.abs" b"\x99" None: (F64) -> (F64);
        F64Neg "f64.neg" b"\x9a" None: (F64) -> (F64);
        F64Sqrt "f64.sqrt" b"\x9f" None: (F64) -> (F64);
        F64Add "f64.add" b"\xa0" None: (F64 F64) -> (F64);
        F64Sub "f64.sub" b"\xa1" None: (F64 F64) -> (F64);
        F64Mul "f64.mul" b"\xa2" None: (F64 F64) -> (F64);
        F64Div "f64.div" b"\xa3" None: (F64 F64) -> (F64);
        I32WrapI64 "i32.wrap_i64" b"\xa7" None: (I64) -> (I32);
        I64ExtendI32S "i64.extend_i32_s" b"\xac" None: (I32) -> (I64);
        I64ExtendI32U "i64.extend_i32_u" b"\xad" None: (I32) -> (I64);
        F64ConvertI64S "f64.convert_i64_s" b"\xb9" None: (I64) -> (F64);
        I64ReinterpretF64 "i64.reinterpret_f64" b"\xbd" None: (F64) -> (I64);
        F64ReinterpretI64 "f64.reinterpret_i64" b"\xbf" None: (I64) -> (F64);
        I64Extend8S "i64.extend8_s" b"\xc2" None: (I64) -> (I64);
        I64Extend16S "i64.extend16_s" b"\xc3" None: (I64) -> (I64);
        I64Extend32S "i64.extend32_s" b"\xc4" None: (I64) -> (I64);
        I64TruncSatF64S "i64.trunc_sat_f64_s" b"\xfc\x06" None: (F64) -> (I64);
    }
}
