//! The typed tree: what the checker hands to lowering. Every name is resolved, every expression
//! has its type, every implicit conversion is a node. No user error is possible beyond this point.
//!
//! Invariants: operands of a [`Binary`](ExprKind::Binary) have the same type unless the op's
//! comment says otherwise; a value flowing into a slot of another type passes through
//! [`Coerce`](ExprKind::Coerce); bodies of generic functions mention [`crate::types::TyKind::Param`]
//! and calls of them carry the type arguments, so that lowering instantiates by substitution.

use crate::ast::{BinOp, JoinKind, UnOp};
pub use crate::builtins::Builtin;
use crate::span::Span;
use crate::types::{StructId, Ty, Types};
use bstr::BString;

/// A variable of a function (parameters included), an index into [`Function::locals`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct LocalId(pub u32);

/// A top-level variable, an index into [`Program::globals`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct GlobalId(pub u32);

/// A function, an index into [`Program::functions`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct FuncId(pub u32);

/// A checked program.
#[derive(Debug)]
pub struct Program {
    /// Types.
    pub types: Types,
    /// Functions, methods and lambdas.
    pub functions: Vec<Function>,
    /// Top-level variables.
    pub globals: Vec<Global>,
    /// The function that holds the top-level statements (no parameters, result unit).
    pub main: FuncId,
}

/// A top-level `let` or `var`.
#[derive(Clone, Debug)]
pub struct Global {
    /// Name.
    pub name: String,
    /// Type.
    pub ty: Ty,
    /// Mentioned in a function other than main: lives in memory. Otherwise it can be a local of main.
    pub shared: bool,
    /// Declaration.
    pub span: Span,
}

/// A variable.
#[derive(Clone, Debug)]
pub struct Local {
    /// Name; empty for those the checker made.
    pub name: String,
    /// Type.
    pub ty: Ty,
    /// Mentioned in an inner function.
    pub captured: bool,
    /// Assigned after its declaration. Captured and assigned: lives in a cell that is shared.
    pub assigned: bool,
    /// Declaration.
    pub span: Span,
}

/// A variable of the enclosing function that this one mentions.
#[derive(Clone, Copy, Debug)]
pub struct Capture {
    /// In the enclosing function.
    pub outer: LocalId,
    /// Here.
    pub inner: LocalId,
}

/// A function, method or lambda.
#[derive(Clone, Debug)]
pub struct Function {
    /// Name for people: `f`, `P.method`, `fn3`, `__main`.
    pub name: String,
    /// Number of type parameters.
    pub generics: u32,
    /// Parameters, the receiver first for methods.
    pub params: Vec<LocalId>,
    /// All variables.
    pub locals: Vec<Local>,
    /// Captured variables; non-empty only for lambdas and nested functions.
    pub captures: Vec<Capture>,
    /// The local in which a nested function finds its own closure, for recursion.
    pub self_ref: Option<LocalId>,
    /// Struct of a method's receiver.
    pub receiver: Option<StructId>,
    /// Result type; functions that fall off the end return `none` of it.
    pub result: Ty,
    /// Statements.
    pub body: Vec<Stmt>,
    /// Declaration.
    pub span: Span,
}

impl Function {
    /// A function that does nothing, yet.
    pub fn empty(name: &str, span: Span) -> Function {
        Function {
            name: name.to_string(),
            generics: 0,
            params: Vec::new(),
            locals: Vec::new(),
            captures: Vec::new(),
            self_ref: None,
            receiver: None,
            result: Ty::UNIT,
            body: Vec::new(),
            span,
        }
    }
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// Place.
    pub span: Span,
}

/// A variable, wherever it lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum VarRef {
    Local(LocalId),
    Global(GlobalId),
}

/// Left side of an assignment: a variable, then steps.
#[derive(Clone, Debug)]
pub struct Place {
    /// Variable.
    pub root: VarRef,
    /// Its type.
    pub root_ty: Ty,
    /// Steps, each with the type of what it reaches.
    pub steps: Vec<(Step, Ty)>,
}

/// A step of a place. The type before it decides what an index means (list, map, any).
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Step {
    Index(Expr),
    /// Field of a struct, by position in [`crate::types::StructDef::fields`].
    Field(u32),
    /// `.name` of an `any`.
    DynField(String),
}

/// See [`Stmt`].
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum StmtKind {
    /// Declaration; without a value the variable holds `none`.
    Let {
        var: VarRef,
        value: Option<Expr>,
    },
    /// Evaluation order: leading indexes, the value, the last index. With `op`, the place is read
    /// once its indexes are known, and `value` is the right operand, already of the place's type.
    Assign {
        place: Place,
        op: Option<BinOp>,
        value: Expr,
    },
    Expr(Expr),
    Return(Option<Expr>),
    If {
        cond: Expr,
        then: Vec<Stmt>,
        otherwise: Vec<Stmt>,
    },
    While {
        cond: Expr,
        body: Vec<Stmt>,
    },
    /// Start and end are ints, evaluated once. Assigning the variable changes the iteration.
    ForRange {
        var: VarRef,
        start: Expr,
        end: Expr,
        inclusive: bool,
        body: Vec<Stmt>,
    },
    /// Source: list, map (keys), string (one-character strings), group (items), any; or [the input](Expr::is_input).
    ForEach {
        var: VarRef,
        source: Expr,
        body: Vec<Stmt>,
    },
    Break,
    Continue,
    /// `text` is the trimmed source line of the statement.
    Expect {
        cond: Expr,
        text: String,
    },
    /// Runs inline under `run`.
    Test {
        name: String,
        body: Vec<Stmt>,
    },
    Bench {
        name: String,
        body: Vec<Stmt>,
    },
    /// For each struct in the list `target`: binds every field to its local, tests `filter`,
    /// evaluates all values, then stores them.
    Update {
        target: VarRef,
        elem: StructId,
        fields: Vec<LocalId>,
        set: Vec<(u32, Expr)>,
        filter: Option<Expr>,
    },
    /// A nested function declaration: makes its closure and binds it.
    NestedFun {
        local: LocalId,
        func: FuncId,
    },
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Type of its value.
    pub ty: Ty,
    /// Place.
    pub span: Span,
}

impl Expr {
    /// Whether it calls `lines`. As what a loop or the first clause of a query goes over this is no list: each line
    /// is read when its turn comes.
    pub fn is_input(&self) -> bool {
        matches!(self.kind, ExprKind::Builtin { builtin: Builtin::Lines, .. })
    }
}

/// See [`Expr`].
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum ExprKind {
    Int(i64),
    Float(f64),
    Bool(bool),
    Str(BString),
    /// `none` of the expression's type.
    None,
    Var(VarRef),
    /// A top-level function or method as a value (no captures).
    FuncRef {
        func: FuncId,
        type_args: Vec<Ty>,
    },
    /// Makes a closure of a lambda or nested function; the captures are in the function.
    Closure(FuncId),
    List(Vec<Expr>),
    /// Pairs, all evaluated before the map is built.
    Map(Vec<(Expr, Expr)>),
    /// Fields by position, evaluated in this (source) order; every field occurs.
    Struct {
        id: StructId,
        fields: Vec<(u32, Expr)>,
    },
    /// Operand int, int64, bigint, bigrat, float or any for `Neg`; any type for `Not` (truth).
    Unary {
        op: UnOp,
        operand: Box<Expr>,
    },
    /// Arithmetic: both operands of the result type (numbers, string and list for `+`, any).
    /// Comparison: both of one type, result bool. `In`: left element, key or string; right list,
    /// map, string, group or any. Set operators: lists. `And`, `Or`: bool, lazy. `Coalesce`: left
    /// is the option, right of the result type, lazy.
    Binary {
        op: BinOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// Direct call with all arguments (receiver first for methods).
    Call {
        func: FuncId,
        type_args: Vec<Ty>,
        args: Vec<Expr>,
    },
    /// Call through a function value, all arguments.
    CallValue {
        callee: Box<Expr>,
        args: Vec<Expr>,
    },
    /// Fewer arguments than parameters: a function of the rest. Callee is of function type.
    Partial {
        callee: Box<Expr>,
        args: Vec<Expr>,
    },
    Builtin {
        builtin: Builtin,
        args: Vec<Expr>,
    },
    /// Base list (int index), string (int), map (key; result is `V?`), any.
    Index {
        base: Box<Expr>,
        index: Box<Expr>,
    },
    /// Base list, string or any; bounds are ints.
    Slice {
        base: Box<Expr>,
        start: Option<Box<Expr>>,
        end: Option<Box<Expr>>,
    },
    /// Field of a struct by position.
    Field {
        base: Box<Expr>,
        field: u32,
    },
    /// `.name` on a map with string keys (result of the value type) or on any.
    DynField {
        base: Box<Expr>,
        name: String,
    },
    /// `.key`, `.items`, `.count` of a group.
    GroupField {
        base: Box<Expr>,
        name: String,
    },
    /// `.name` where only the values know who has the name. `base` is a row of a query (a struct
    /// with a field for each of its variables), in which `vars` are the fields to search, by
    /// position and in order; or a group, in which its key is searched and `vars` is empty.
    /// A struct has a name that is a field of it, a map one that is a key of it (a string, as text
    /// if the keys are `any`); other values, none among them, have no names. The value is that of
    /// the first searched field if `first` is set and it has the name, else that of the only
    /// other field that has it. It is a run-time error if no field has it (``unknown field `name`
    /// of `a`, `b` ``, with the names of the searched fields, `key` for a group) or if several
    /// that are not first do (``ambiguous field `name` of `a`, `b` ``, with those that do). Type
    /// `any`.
    RowField {
        base: Box<Expr>,
        first: bool,
        vars: Vec<u32>,
        name: String,
    },
    /// `base?.field`: none when the base is none.
    SafeField {
        base: Box<Expr>,
        field: u32,
    },
    /// `base?[index]`.
    SafeIndex {
        base: Box<Expr>,
        index: Box<Expr>,
    },
    /// `as`, checked at run time where needed (section 3.5). Also the copy of a list or map with elements of
    /// another representation, and the view of a union as the variant that is known to be in it.
    Cast {
        value: Box<Expr>,
    },
    /// Implicit conversion to the expression's type, which loses nothing ([`crate::sema`]'s `meet`): int to
    /// float, bigint, bigrat or int64; T to `T?`; variant to union; anything to any; any to anything, checked;
    /// element-wise for containers only when the representation is the same.
    Coerce {
        value: Box<Expr>,
    },
    If {
        cond: Box<Expr>,
        then: Box<Expr>,
        otherwise: Box<Expr>,
    },
    /// No matching arm gives none.
    Match {
        value: Box<Expr>,
        arms: Vec<Arm>,
    },
    /// Statements, then the value (unit or none when absent).
    Block {
        body: Vec<Stmt>,
        value: Option<Box<Expr>>,
    },
    Query(Box<Query>),
}

/// An arm of a match.
#[derive(Clone, Debug)]
pub struct Arm {
    /// Pattern.
    pub pattern: Pattern,
    /// Result.
    pub result: Expr,
}

/// A pattern.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Pattern {
    Wildcard,
    /// Compared with `==`; a constant of the matched type.
    Literal(Expr),
    /// Inside a variant: a part of the value gets a name.
    Bind(LocalId),
    None,
    /// One sub-pattern per field.
    Variant {
        id: StructId,
        fields: Vec<Pattern>,
    },
}

/// A query.
#[derive(Clone, Debug)]
pub struct Query {
    /// `from` clauses; later sources may mention earlier variables. The first may be [the input](Expr::is_input).
    pub sources: Vec<(LocalId, Expr)>,
    /// Joins.
    pub joins: Vec<Join>,
    /// `where`.
    pub filter: Option<Expr>,
    /// `group by`.
    pub group: Option<Group>,
    /// Sort keys, first is the most significant; ascending, none last, stable.
    pub sort: Vec<Expr>,
    /// `skip`.
    pub skip: Option<Expr>,
    /// `take`.
    pub take: Option<Expr>,
    /// `select distinct`.
    pub distinct: bool,
    /// Result of a row (or group).
    pub select: Expr,
    /// `select sum(e)` and the like alone: folds all rows; `select` is `e`.
    pub fold: Option<Builtin>,
}

/// A join.
#[derive(Clone, Debug)]
pub struct Join {
    /// Kind.
    pub kind: JoinKind,
    /// Variable.
    pub local: LocalId,
    /// Joined list.
    pub source: Expr,
    /// Condition.
    pub on: Expr,
}

/// Grouping.
#[derive(Clone, Debug)]
pub struct Group {
    /// The key: a single expression, or a map expression of several.
    pub key: Expr,
    /// The group variable, of a group type.
    pub local: LocalId,
    /// What an item of the group is, in terms of the row's variables.
    pub item: Expr,
    /// `having`.
    pub having: Option<Expr>,
}
