//! The instruction table: one row per instruction. A row gives the enum variant, the name in the
//! text format, the opcode bytes, what its immediates are, the types it takes from the stack and
//! leaves there, and its section in the Core specification (WebAssembly Core 2.0; the binary form
//! is in 5.4).
//!
//! Encoder, reader, printer and the test of every row are derived from this table; nothing else
//! in this folder knows an opcode. Memory's size is asked for by the linker's adapters only, which the text of a
//! program shows, too.

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
    ($($section:literal { $($variant:ident $name:literal $opcode:tt $imm:ident $(($size:literal))? : $params:tt -> $results:tt;)* })*) => {
        row_table! { $($($variant {
            name: $name,
            opcode: &$opcode,
            imm: Imm::$imm $(($size))?,
            stack: stack!($params -> $results),
            section: $section,
        })*)* }
    };
}

rows! {
    "3.3.8, 5.4.1" {
        Unreachable "unreachable" [0x00] None: () -> ?;
        Block "block" [0x02] Block: () -> ?;
        Loop "loop" [0x03] Block: () -> ?;
        If "if" [0x04] Block: (I32) -> ?;
        Else "else" [0x05] None: () -> ?;
        End "end" [0x0b] None: () -> ?;
        Br "br" [0x0c] Label: () -> ?;
        BrIf "br_if" [0x0d] Label: (I32) -> ?;
        BrTable "br_table" [0x0e] Labels: (I32) -> ?;
        Return "return" [0x0f] None: () -> ?;
        Call "call" [0x10] Func: () -> ?;
        CallIndirect "call_indirect" [0x11] TypeTable: (I32) -> ?;
    }
    "3.3.4, 5.4.3" {
        Drop "drop" [0x1a] None: () -> ?;
        Select "select" [0x1b] None: (I32) -> ?;
    }
    "3.3.5, 5.4.4" {
        LocalGet "local.get" [0x20] Local: () -> ?;
        LocalSet "local.set" [0x21] Local: () -> ?;
        LocalTee "local.tee" [0x22] Local: () -> ?;
        GlobalGet "global.get" [0x23] Global: () -> ?;
        GlobalSet "global.set" [0x24] Global: () -> ?;
    }
    "3.3.7, 5.4.6" {
        I32Load "i32.load" [0x28] Memory(4): (I32) -> (I32);
        I64Load "i64.load" [0x29] Memory(8): (I32) -> (I64);
        F64Load "f64.load" [0x2b] Memory(8): (I32) -> (F64);
        I32Load8S "i32.load8_s" [0x2c] Memory(1): (I32) -> (I32);
        I32Load8U "i32.load8_u" [0x2d] Memory(1): (I32) -> (I32);
        I32Load16S "i32.load16_s" [0x2e] Memory(2): (I32) -> (I32);
        I32Load16U "i32.load16_u" [0x2f] Memory(2): (I32) -> (I32);
        I64Load8S "i64.load8_s" [0x30] Memory(1): (I32) -> (I64);
        I64Load8U "i64.load8_u" [0x31] Memory(1): (I32) -> (I64);
        I64Load16S "i64.load16_s" [0x32] Memory(2): (I32) -> (I64);
        I64Load16U "i64.load16_u" [0x33] Memory(2): (I32) -> (I64);
        I64Load32S "i64.load32_s" [0x34] Memory(4): (I32) -> (I64);
        I64Load32U "i64.load32_u" [0x35] Memory(4): (I32) -> (I64);
        I32Store "i32.store" [0x36] Memory(4): (I32 I32) -> ();
        I64Store "i64.store" [0x37] Memory(8): (I32 I64) -> ();
        F64Store "f64.store" [0x39] Memory(8): (I32 F64) -> ();
        I32Store8 "i32.store8" [0x3a] Memory(1): (I32 I32) -> ();
        I32Store16 "i32.store16" [0x3b] Memory(2): (I32 I32) -> ();
        I64Store8 "i64.store8" [0x3c] Memory(1): (I32 I64) -> ();
        I64Store16 "i64.store16" [0x3d] Memory(2): (I32 I64) -> ();
        I64Store32 "i64.store32" [0x3e] Memory(4): (I32 I64) -> ();
        MemorySize "memory.size" [0x3f] Zero: () -> (I32);
        MemoryGrow "memory.grow" [0x40] Zero: (I32) -> (I32);
        MemoryCopy "memory.copy" [0xfc, 0x0a] ZeroZero: (I32 I32 I32) -> ();
        MemoryFill "memory.fill" [0xfc, 0x0b] Zero: (I32 I32 I32) -> ();
    }
    "3.3.1, 5.4.7" {
        I32Const "i32.const" [0x41] I32: () -> (I32);
        I64Const "i64.const" [0x42] I64: () -> (I64);
        F64Const "f64.const" [0x44] F64: () -> (F64);
        I32Eqz "i32.eqz" [0x45] None: (I32) -> (I32);
        I32Eq "i32.eq" [0x46] None: (I32 I32) -> (I32);
        I32LtS "i32.lt_s" [0x48] None: (I32 I32) -> (I32);
        I64Eqz "i64.eqz" [0x50] None: (I64) -> (I32);
        I64Eq "i64.eq" [0x51] None: (I64 I64) -> (I32);
        I64Ne "i64.ne" [0x52] None: (I64 I64) -> (I32);
        I64LtS "i64.lt_s" [0x53] None: (I64 I64) -> (I32);
        I64LtU "i64.lt_u" [0x54] None: (I64 I64) -> (I32);
        I64GtS "i64.gt_s" [0x55] None: (I64 I64) -> (I32);
        I64GtU "i64.gt_u" [0x56] None: (I64 I64) -> (I32);
        I64LeS "i64.le_s" [0x57] None: (I64 I64) -> (I32);
        I64LeU "i64.le_u" [0x58] None: (I64 I64) -> (I32);
        I64GeS "i64.ge_s" [0x59] None: (I64 I64) -> (I32);
        I64GeU "i64.ge_u" [0x5a] None: (I64 I64) -> (I32);
        F64Eq "f64.eq" [0x61] None: (F64 F64) -> (I32);
        F64Ne "f64.ne" [0x62] None: (F64 F64) -> (I32);
        F64Lt "f64.lt" [0x63] None: (F64 F64) -> (I32);
        F64Gt "f64.gt" [0x64] None: (F64 F64) -> (I32);
        F64Le "f64.le" [0x65] None: (F64 F64) -> (I32);
        F64Ge "f64.ge" [0x66] None: (F64 F64) -> (I32);
        I32Add "i32.add" [0x6a] None: (I32 I32) -> (I32);
        I32Sub "i32.sub" [0x6b] None: (I32 I32) -> (I32);
        I32Mul "i32.mul" [0x6c] None: (I32 I32) -> (I32);
        I32And "i32.and" [0x71] None: (I32 I32) -> (I32);
        I32Or "i32.or" [0x72] None: (I32 I32) -> (I32);
        I32Xor "i32.xor" [0x73] None: (I32 I32) -> (I32);
        I32Shl "i32.shl" [0x74] None: (I32 I32) -> (I32);
        I64Clz "i64.clz" [0x79] None: (I64) -> (I64);
        I64Ctz "i64.ctz" [0x7a] None: (I64) -> (I64);
        I64Popcnt "i64.popcnt" [0x7b] None: (I64) -> (I64);
        I64Add "i64.add" [0x7c] None: (I64 I64) -> (I64);
        I64Sub "i64.sub" [0x7d] None: (I64 I64) -> (I64);
        I64Mul "i64.mul" [0x7e] None: (I64 I64) -> (I64);
        I64DivS "i64.div_s" [0x7f] None: (I64 I64) -> (I64);
        I64DivU "i64.div_u" [0x80] None: (I64 I64) -> (I64);
        I64RemS "i64.rem_s" [0x81] None: (I64 I64) -> (I64);
        I64RemU "i64.rem_u" [0x82] None: (I64 I64) -> (I64);
        I64And "i64.and" [0x83] None: (I64 I64) -> (I64);
        I64Or "i64.or" [0x84] None: (I64 I64) -> (I64);
        I64Xor "i64.xor" [0x85] None: (I64 I64) -> (I64);
        I64Shl "i64.shl" [0x86] None: (I64 I64) -> (I64);
        I64ShrS "i64.shr_s" [0x87] None: (I64 I64) -> (I64);
        I64ShrU "i64.shr_u" [0x88] None: (I64 I64) -> (I64);
        I64Rotr "i64.rotr" [0x8a] None: (I64 I64) -> (I64);
        F64Abs "f64.abs" [0x99] None: (F64) -> (F64);
        F64Neg "f64.neg" [0x9a] None: (F64) -> (F64);
        F64Sqrt "f64.sqrt" [0x9f] None: (F64) -> (F64);
        F64Add "f64.add" [0xa0] None: (F64 F64) -> (F64);
        F64Sub "f64.sub" [0xa1] None: (F64 F64) -> (F64);
        F64Mul "f64.mul" [0xa2] None: (F64 F64) -> (F64);
        F64Div "f64.div" [0xa3] None: (F64 F64) -> (F64);
        I32WrapI64 "i32.wrap_i64" [0xa7] None: (I64) -> (I32);
        I64ExtendI32S "i64.extend_i32_s" [0xac] None: (I32) -> (I64);
        I64ExtendI32U "i64.extend_i32_u" [0xad] None: (I32) -> (I64);
        F64ConvertI64S "f64.convert_i64_s" [0xb9] None: (I64) -> (F64);
        I64ReinterpretF64 "i64.reinterpret_f64" [0xbd] None: (F64) -> (I64);
        F64ReinterpretI64 "f64.reinterpret_i64" [0xbf] None: (I64) -> (F64);
        I64Extend8S "i64.extend8_s" [0xc2] None: (I64) -> (I64);
        I64Extend16S "i64.extend16_s" [0xc3] None: (I64) -> (I64);
        I64Extend32S "i64.extend32_s" [0xc4] None: (I64) -> (I64);
        I64TruncSatF64S "i64.trunc_sat_f64_s" [0xfc, 0x06] None: (F64) -> (I64);
    }
}
