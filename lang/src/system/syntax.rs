//! The tree of the system dialect.

use mochi_ir as ir;
use std::fmt;

/// A place: file number, line and column, 1-based.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Pos {
    pub file: u32,
    pub line: u32,
    pub column: u32,
}

/// A type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ty {
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F64,
    Ptr,
    Ref,
    Bool,
}

impl Ty {
    const ALL: [(Ty, &'static str); 12] = [
        (Ty::I8, "i8"),
        (Ty::I16, "i16"),
        (Ty::I32, "i32"),
        (Ty::I64, "i64"),
        (Ty::U8, "u8"),
        (Ty::U16, "u16"),
        (Ty::U32, "u32"),
        (Ty::U64, "u64"),
        (Ty::F64, "f64"),
        (Ty::Ptr, "ptr"),
        (Ty::Ref, "ref"),
        (Ty::Bool, "bool"),
    ];

    /// The type with this name.
    pub fn from_name(name: &str) -> Option<Ty> {
        Ty::ALL.iter().find(|(_, n)| *n == name).map(|(t, _)| *t)
    }

    /// The type of its values in the IR.
    pub fn ir(self) -> ir::Type {
        match self {
            Ty::F64 => ir::Type::F64,
            Ty::Ref => ir::Type::Ref,
            Ty::Ptr => ir::Type::Addr,
            _ => ir::Type::I64,
        }
    }

    /// `i8` to `u64`.
    pub fn is_int(self) -> bool {
        !matches!(self, Ty::F64 | Ty::Ptr | Ty::Ref | Ty::Bool)
    }

    /// `ptr` or `ref`.
    pub fn is_address(self) -> bool {
        matches!(self, Ty::Ptr | Ty::Ref)
    }

    /// Ordered, divided and shifted as a signed number.
    pub fn is_signed(self) -> bool {
        matches!(self, Ty::I8 | Ty::I16 | Ty::I32 | Ty::I64)
    }

    /// Size in memory, in bytes.
    pub fn size(self) -> u32 {
        match self {
            Ty::I8 | Ty::U8 => 1,
            Ty::I16 | Ty::U16 => 2,
            Ty::I32 | Ty::U32 => 4,
            _ => 8,
        }
    }

    /// Brings a word into the range of a type narrower than 64 bits.
    pub fn narrowing(self) -> Option<ir::Op> {
        Some(match self {
            Ty::I8 => ir::Op::Sext8,
            Ty::I16 => ir::Op::Sext16,
            Ty::I32 => ir::Op::Sext32,
            Ty::U8 => ir::Op::Zext8,
            Ty::U16 => ir::Op::Zext16,
            Ty::U32 => ir::Op::Zext32,
            _ => return None,
        })
    }

    /// Whether an integer constant can be given as a value of this type. 64-bit types take every
    /// 64-bit pattern, so that `0xffff_ffff_ffff_ffff` is an `i64` as well.
    pub fn holds(self, n: i128) -> bool {
        let bits = self.size() * 8;
        match self {
            Ty::F64 => false,
            Ty::Bool => n == 0 || n == 1,
            _ if bits == 64 => (-(1 << 63)..1 << 64).contains(&n),
            _ if self.is_signed() => (-(1 << (bits - 1))..1 << (bits - 1)).contains(&n),
            _ => (0..1 << bits).contains(&n),
        }
    }
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Ty::ALL.iter().find(|(t, _)| t == self).expect("every type has a name").1)
    }
}

/// Binary operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BinOp {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    And,
    Or,
    Xor,
    Shl,
    Shr,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    AndAlso,
    OrElse,
}

impl BinOp {
    /// Binary operators with their precedence; a higher one binds tighter. All are
    /// left-associative.
    pub const TABLE: [(&'static str, BinOp, u8); 18] = [
        ("||", BinOp::OrElse, 1),
        ("&&", BinOp::AndAlso, 2),
        ("==", BinOp::Eq, 3),
        ("!=", BinOp::Ne, 3),
        ("<", BinOp::Lt, 3),
        ("<=", BinOp::Le, 3),
        (">", BinOp::Gt, 3),
        (">=", BinOp::Ge, 3),
        ("|", BinOp::Or, 4),
        ("^", BinOp::Xor, 5),
        ("&", BinOp::And, 6),
        ("<<", BinOp::Shl, 7),
        (">>", BinOp::Shr, 7),
        ("+", BinOp::Add, 8),
        ("-", BinOp::Sub, 8),
        ("*", BinOp::Mul, 9),
        ("/", BinOp::Div, 9),
        ("%", BinOp::Rem, 9),
    ];

    /// The operator as written.
    pub fn text(self) -> &'static str {
        BinOp::TABLE.iter().find(|row| row.1 == self).expect("every operator has a row").0
    }

    /// The operators `==` to `>=`.
    pub fn is_comparison(self) -> bool {
        matches!(self, BinOp::Eq | BinOp::Ne | BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge)
    }
}

/// Unary operators: `-`, `!` on bool, `~` on integers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum UnOp {
    Neg,
    Not,
    Complement,
}

/// An expression.
#[derive(Debug)]
pub(super) struct Expr {
    pub pos: Pos,
    pub kind: ExprKind,
}

/// Kinds of expressions.
#[derive(Debug)]
pub(super) enum ExprKind {
    Int(i128),
    Float(f64),
    Bool(bool),
    Str(String),
    Name(String),
    /// The offset of a field of a record.
    Field(String, String),
    Call(String, Vec<Expr>),
    Unary(UnOp, Box<Expr>),
    Binary(BinOp, Box<Expr>, Box<Expr>),
    Cast(Box<Expr>, Ty),
    If(Box<Expr>, Box<Expr>, Box<Expr>),
}

/// A statement.
#[derive(Debug)]
pub(super) struct Stmt {
    pub pos: Pos,
    pub kind: StmtKind,
}

/// One arm of `match`: its constants (none for `_`) and its body.
#[derive(Debug)]
pub(super) struct Arm {
    pub values: Vec<Expr>,
    pub body: Vec<Stmt>,
}

/// Kinds of statements.
#[derive(Debug)]
pub(super) enum StmtKind {
    Let { name: String, mutable: bool, ty: Option<Ty>, value: Expr },
    Assign { name: String, op: Option<BinOp>, value: Expr },
    Expr(Expr),
    If { cond: Expr, then: Vec<Stmt>, other: Vec<Stmt> },
    While { cond: Expr, body: Vec<Stmt> },
    For { name: String, from: Expr, to: Expr, body: Vec<Stmt> },
    Match { value: Expr, arms: Vec<Arm> },
    Break,
    Continue,
    Return(Option<Expr>),
}

/// Attributes of a function.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Attributes {
    pub inline: bool,
    pub cold: bool,
    pub system: bool,
    pub noreturn: bool,
    pub saveall: bool,
    pub quiet: bool,
    pub fresh: bool,
}

/// A parameter.
#[derive(Debug)]
pub(super) struct Param {
    pub pos: Pos,
    pub name: String,
    pub ty: Ty,
}

/// A function; `body` is `None` for `extern`.
#[derive(Debug)]
pub(super) struct Fun {
    pub params: Vec<Param>,
    pub result: Option<Ty>,
    pub attributes: Attributes,
    pub body: Option<Vec<Stmt>>,
    /// The closing brace.
    pub end: Pos,
}

/// Contents of a data item.
#[derive(Debug)]
pub(super) enum DataInit {
    /// Writable zeros, a number of bytes.
    Zero(Expr),
    /// Elements of a type (`i64` when none is written).
    Elements(Ty, Vec<Expr>),
    /// Defined elsewhere.
    Extern,
}

/// A field of a record.
#[derive(Debug)]
pub(super) struct Field {
    pub pos: Pos,
    pub name: String,
    /// Written only while the object is made.
    pub constant: bool,
    /// Never negative, and no more than fits memory.
    pub count: bool,
    /// Even where the kind of the object is.
    pub by_kind: bool,
    /// What it refers to belongs to the object alone.
    pub own: bool,
    pub ty: Ty,
    /// As many as there are, behind all other fields.
    pub many: bool,
}

/// Kinds of declarations.
#[derive(Debug)]
pub(super) enum ItemKind {
    /// What objects begin with: the fields of another record, then these.
    Record {
        base: Option<String>,
        fields: Vec<Field>,
    },
    Const {
        ty: Option<Ty>,
        value: Expr,
    },
    Var {
        ty: Ty,
        value: Expr,
    },
    Data(DataInit),
    Fun(Fun),
}

/// A declaration.
#[derive(Debug)]
pub(super) struct Item {
    pub pos: Pos,
    pub name: String,
    pub kind: ItemKind,
}
