//! Syntax tree of the whole grammar, as written: no name is resolved and no type is known.
//!
//! Every node has a span. A node that could not be parsed is [`ExprKind::Error`] or is left out;
//! the parser has reported it, and the checker stays quiet about it.

use crate::span::Span;
use bstr::BString;

/// A name where it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Ident {
    /// Text.
    pub name: String,
    /// Place.
    pub span: Span,
}

/// A file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Program {
    /// `package` name.
    pub package: Option<Ident>,
    /// Statements in order.
    pub statements: Vec<Stmt>,
}

/// `{ statements }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Statements in order.
    pub statements: Vec<Stmt>,
    /// From brace to brace.
    pub span: Span,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// Place.
    pub span: Span,
}

/// Compound assignment operators are an extension (section 0.3 of the language document).
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum StmtKind {
    Test {
        name: String,
        body: Block,
    },
    Bench {
        name: String,
        body: Block,
    },
    Expect(Expr),
    Agent {
        name: Ident,
        body: Block,
    },
    Intent(Fun),
    Stream {
        name: Ident,
        fields: Vec<Field>,
    },
    Model {
        name: Ident,
        entries: Vec<(Ident, Expr)>,
    },
    Import {
        language: Option<Ident>,
        path: String,
        alias: Option<Ident>,
        auto: bool,
    },
    Extern(Extern),
    Fact(Pred),
    Rule {
        head: Pred,
        body: Vec<Cond>,
    },
    On {
        stream: Ident,
        alias: Ident,
        body: Block,
    },
    Emit {
        stream: Ident,
        fields: Vec<(Ident, Expr)>,
    },
    Type(TypeDecl),
    /// `let` or `var`.
    Let {
        mutable: bool,
        name: Ident,
        ty: Option<TypeRef>,
        value: Option<Expr>,
    },
    /// `name[i].f = value`; `op` is set for `+=` and the like.
    Assign {
        name: Ident,
        path: Vec<Place>,
        op: Option<BinOp>,
        value: Expr,
    },
    Fun(Fun),
    Return(Option<Expr>),
    If {
        cond: Expr,
        then: Block,
        otherwise: Option<Box<Else>>,
    },
    While {
        cond: Expr,
        body: Block,
    },
    /// `for name in source`; with `end` a half-open range, closed when `inclusive` (`..=`, an extension).
    For {
        name: Ident,
        source: Expr,
        end: Option<Expr>,
        inclusive: bool,
        body: Block,
    },
    Break,
    Continue,
    Fetch {
        url: Expr,
        target: Ident,
        with: Option<Expr>,
    },
    Update {
        target: Ident,
        set: Vec<(Ident, Expr)>,
        filter: Option<Expr>,
    },
    Expr(Expr),
}

/// The `else` of an `if` statement.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
#[allow(clippy::large_enum_variant, reason = "it is always boxed")]
pub enum Else {
    If(Stmt),
    Block(Block),
}

/// A step of an assignment's left side.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Place {
    Index {
        index: Expr,
        span: Span,
    },
    /// `[a:b]`, which is no place: kept for the diagnostic.
    Slice(Span),
    Field(Ident),
}

/// `fun`: declaration, method, intent, or lambda (no name).
#[derive(Clone, Debug, PartialEq)]
pub struct Fun {
    /// `export` before it.
    pub export: bool,
    /// Name; `None` for a lambda.
    pub name: Option<Ident>,
    /// Type parameters.
    pub generics: Vec<Ident>,
    /// Parameters.
    pub params: Vec<Param>,
    /// Result type as written.
    pub result: Option<TypeRef>,
    /// `! io, time`; `None` when not declared.
    pub effects: Option<Vec<Ident>>,
    /// Body.
    pub body: FunBody,
    /// Whole.
    pub span: Span,
}

/// Body of a function.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum FunBody {
    Block(Block),
    /// `=> expr`.
    Expr(Box<Expr>),
}

/// A parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Name.
    pub name: Ident,
    /// Type as written.
    pub ty: Option<TypeRef>,
}

/// A type as written.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeRef {
    /// What it is.
    pub kind: TypeRefKind,
    /// Place.
    pub span: Span,
}

/// See [`TypeRef`].
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum TypeRefKind {
    Name(String),
    Generic(String, Vec<TypeRef>),
    Fun(Vec<TypeRef>, Option<Box<TypeRef>>),
    Struct(Vec<Field>),
    Option(Box<TypeRef>),
}

/// `name: type`.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Name.
    pub name: Ident,
    /// Type.
    pub ty: TypeRef,
}

/// `type` declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeDecl {
    /// Name.
    pub name: Ident,
    /// What it stands for.
    pub kind: TypeDeclKind,
}

/// See [`TypeDecl`].
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum TypeDeclKind {
    Struct { fields: Vec<Field>, methods: Vec<Fun> },
    Union(Vec<Variant>),
    Alias(TypeRef),
}

/// A variant of a union.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Name.
    pub name: Ident,
    /// Fields; empty for a variant without.
    pub fields: Vec<Field>,
}

/// `extern` declaration.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Extern {
    Type(Ident),
    Var { path: Vec<Ident>, ty: TypeRef },
    Fun { path: Vec<Ident>, params: Vec<Param>, result: Option<TypeRef> },
    Object(Ident),
}

/// `name(terms)` of a fact, rule or logic query.
#[derive(Clone, Debug, PartialEq)]
pub struct Pred {
    /// Name.
    pub name: Ident,
    /// Arguments.
    pub terms: Vec<Term>,
}

/// An argument of a predicate.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Term {
    Var(Ident),
    Str(BString),
    Int(i64),
}

/// A condition of a rule.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Cond {
    Pred(Pred),
    NotEqual(Ident, Ident),
}

/// A binary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum BinOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    And,
    Or,
    Coalesce,
    Union,
    UnionAll,
    Except,
    Intersect,
}

impl BinOp {
    /// As written.
    pub fn text(self) -> &'static str {
        use BinOp::*;
        match self {
            Add => "+",
            Sub => "-",
            Mul => "*",
            Div => "/",
            Mod => "%",
            Eq => "==",
            Ne => "!=",
            Lt => "<",
            Le => "<=",
            Gt => ">",
            Ge => ">=",
            In => "in",
            And => "&&",
            Or => "||",
            Coalesce => "??",
            Union => "union",
            UnionAll => "union all",
            Except => "except",
            Intersect => "intersect",
        }
    }
}

/// A unary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum UnOp {
    Neg,
    Not,
}

/// An expression. Precedence is resolved; parentheses are kept as [`ExprKind::Paren`].
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Whole.
    pub span: Span,
}

/// See [`Expr`].
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum ExprKind {
    Int(i64),
    Float(f64),
    Bool(bool),
    Str(BString),
    None,
    Name(Ident),
    Paren(Box<Expr>),
    List(Vec<Expr>),
    /// Keys are expressions; a bare identifier is a string key (the checker turns it).
    Map(Vec<(Expr, Expr)>),
    /// `Name { field: value }`.
    Struct {
        name: Ident,
        fields: Vec<(Ident, Expr)>,
    },
    Lambda(Box<Fun>),
    Unary {
        op: UnOp,
        operand: Box<Expr>,
    },
    Binary {
        op: BinOp,
        op_span: Span,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Call {
        callee: Box<Expr>,
        args: Vec<Expr>,
    },
    Field {
        base: Box<Expr>,
        field: Ident,
    },
    SafeField {
        base: Box<Expr>,
        field: Ident,
    },
    Index {
        base: Box<Expr>,
        index: Box<Expr>,
    },
    SafeIndex {
        base: Box<Expr>,
        index: Box<Expr>,
    },
    /// `base[start:end:step]`.
    Slice {
        base: Box<Expr>,
        start: Option<Box<Expr>>,
        end: Option<Box<Expr>>,
        step: Option<Box<Expr>>,
    },
    Cast {
        value: Box<Expr>,
        ty: TypeRef,
    },
    /// A branch may be a block: `if c { statements; value }` is an extension.
    If {
        cond: Box<Expr>,
        then: Box<Expr>,
        otherwise: Option<Box<Expr>>,
    },
    Match {
        value: Box<Expr>,
        arms: Vec<Arm>,
    },
    Query(Box<Query>),
    LogicQuery(Pred),
    Generate {
        model: Ident,
        fields: Vec<(Ident, Expr)>,
    },
    Fetch {
        url: Box<Expr>,
        with: Option<Box<Expr>>,
    },
    Load {
        path: Option<String>,
        ty: TypeRef,
        with: Option<Box<Expr>>,
    },
    Save {
        value: Box<Expr>,
        path: Option<String>,
        with: Option<Box<Expr>>,
    },
    /// Block as an expression: match arms, and if branches with statements. The value is that of
    /// the last statement when it is an expression.
    Block(Block),
    /// Not parsed; reported.
    Error,
}

/// `pattern => result`. The pattern is an expression: literal, identifier, `Ctor(a, b)`, `_`.
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    /// Pattern.
    pub pattern: Expr,
    /// Result: any expression, or [`ExprKind::Block`].
    pub result: Expr,
}

/// A dataset query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// `from name in source`, one or more.
    pub sources: Vec<(Ident, Expr)>,
    /// Joins in order.
    pub joins: Vec<Join>,
    /// `where`.
    pub filter: Option<Expr>,
    /// `group by`.
    pub group: Option<Group>,
    /// `sort by`: keys in order (more than one is an extension).
    pub sort: Vec<Expr>,
    /// `skip`.
    pub skip: Option<Expr>,
    /// `take`.
    pub take: Option<Expr>,
    /// `select distinct`.
    pub distinct: bool,
    /// `select`.
    pub select: Expr,
}

/// Side(s) whose unmatched rows are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Outer,
}

/// A join.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// Kind.
    pub kind: JoinKind,
    /// Variable.
    pub name: Ident,
    /// Joined list.
    pub source: Expr,
    /// Condition.
    pub on: Expr,
}

/// `group by keys into name having condition`.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Keys.
    pub keys: Vec<Expr>,
    /// Variable.
    pub name: Ident,
    /// `having`.
    pub having: Option<Expr>,
}
