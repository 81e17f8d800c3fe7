//! Types and declarations of a program that is being generated.

use std::sync::Arc;

/// A type.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Ty {
    Int,
    Int64,
    BigInt,
    BigRat,
    Float,
    Bool,
    Str,
    Any,
    List(Arc<Ty>),
    Map(Arc<Ty>, Arc<Ty>),
    Opt(Arc<Ty>),
    /// An index into [`Decls::structs`].
    Struct(usize),
    /// An index into [`Decls::unions`].
    Union(usize),
    Fun(Arc<[Ty]>, Arc<Ty>),
    /// A type parameter of the generic function that is being written.
    Param(&'static str),
    /// No value.
    Unit,
}

/// Names of type parameters.
pub const PARAMS: [&str; 2] = ["T", "U"];

/// A struct.
#[derive(Clone, Debug)]
pub struct Struct {
    pub name: String,
    pub fields: Vec<(String, Ty)>,
    pub methods: Vec<Fun>,
}

/// A variant of a union.
#[derive(Clone, Debug)]
pub struct Variant {
    pub name: String,
    pub fields: Vec<(String, Ty)>,
}

/// A union.
#[derive(Clone, Debug)]
pub struct Union {
    pub name: String,
    pub variants: Vec<Variant>,
}

/// A function or method.
#[derive(Clone, Debug)]
pub struct Fun {
    pub name: String,
    /// How many type parameters it has.
    pub generics: usize,
    pub params: Vec<Ty>,
    pub result: Ty,
    /// The first parameter counts calls down.
    pub recursive: bool,
    /// Statements that a call executes, about.
    pub cost: u64,
    /// Prints or reads.
    pub io: bool,
}

/// What is declared at the top level.
#[derive(Clone, Debug, Default)]
pub struct Decls {
    pub structs: Vec<Struct>,
    pub unions: Vec<Union>,
    pub funs: Vec<Fun>,
    /// Other names of types.
    pub aliases: Vec<(String, Ty)>,
}

impl Ty {
    pub fn list(elem: Ty) -> Ty {
        Ty::List(Arc::new(elem))
    }

    pub fn map(key: Ty, value: Ty) -> Ty {
        Ty::Map(Arc::new(key), Arc::new(value))
    }

    pub fn opt(inner: Ty) -> Ty {
        Ty::Opt(Arc::new(inner))
    }

    pub fn fun(params: &[Ty], result: Ty) -> Ty {
        Ty::Fun(params.into(), Arc::new(result))
    }

    /// int, int64, bigint: exact and unbounded.
    pub fn is_integer(&self) -> bool {
        matches!(self, Ty::Int | Ty::Int64 | Ty::BigInt)
    }

    pub fn is_numeric(&self) -> bool {
        self.is_integer() || matches!(self, Ty::Float | Ty::BigRat)
    }

    /// list, map or struct, which assignments share.
    pub fn is_aggregate(&self) -> bool {
        matches!(self, Ty::List(_) | Ty::Map(..) | Ty::Struct(_))
    }

    /// Whether a value can be a sort key.
    pub fn is_ordered(&self) -> bool {
        match self {
            Ty::Str | Ty::Bool => true,
            Ty::List(x) => x.is_ordered(),
            _ => self.is_numeric(),
        }
    }

    /// The type with type parameters replaced.
    pub fn instance(&self, args: &[Ty]) -> Ty {
        let again = |x: &Arc<Ty>| Arc::new(x.instance(args));
        match self {
            Ty::Param(name) => {
                let at = PARAMS.iter().position(|p| p == name).expect("a type parameter");
                args[at].clone()
            }
            Ty::List(x) => Ty::List(again(x)),
            Ty::Opt(x) => Ty::Opt(again(x)),
            Ty::Map(k, v) => Ty::Map(again(k), again(v)),
            Ty::Fun(p, r) => Ty::Fun(p.iter().map(|x| x.instance(args)).collect(), again(r)),
            _ => self.clone(),
        }
    }
}

impl Decls {
    /// The type as the language writes it.
    pub fn text(&self, ty: &Ty) -> String {
        match ty {
            Ty::Int => "int".into(),
            Ty::Int64 => "int64".into(),
            Ty::BigInt => "bigint".into(),
            Ty::BigRat => "bigrat".into(),
            Ty::Float => "float".into(),
            Ty::Bool => "bool".into(),
            Ty::Str => "string".into(),
            Ty::Any => "any".into(),
            Ty::List(x) => format!("list<{}>", self.text(x)),
            Ty::Map(k, v) => format!("map<{}, {}>", self.text(k), self.text(v)),
            Ty::Opt(x) => format!("{}?", self.text(x)),
            Ty::Struct(i) => self.structs[*i].name.clone(),
            Ty::Union(i) => self.unions[*i].name.clone(),
            Ty::Fun(p, r) => {
                let params: Vec<String> = p.iter().map(|x| self.text(x)).collect();
                format!("fun({}): {}", params.join(", "), self.text(r))
            }
            Ty::Param(name) => name.to_string(),
            Ty::Unit => "unit".into(),
        }
    }

    /// Whether printing a value shows the same everywhere: no function is in it.
    pub fn is_printable(&self, ty: &Ty) -> bool {
        match ty {
            Ty::Fun(..) | Ty::Unit => false,
            Ty::List(x) | Ty::Opt(x) => self.is_printable(x),
            Ty::Map(k, v) => self.is_printable(k) && self.is_printable(v),
            Ty::Struct(i) => self.structs[*i].fields.iter().all(|f| self.is_printable(&f.1)),
            _ => true,
        }
    }

    /// Whether a value may hold others of type any, through which it could come to hold itself.
    pub fn holds_any(&self, ty: &Ty) -> bool {
        match ty {
            Ty::Any | Ty::Param(_) => true,
            Ty::List(x) | Ty::Opt(x) => self.holds_any(x),
            Ty::Map(k, v) => self.holds_any(k) || self.holds_any(v),
            Ty::Struct(i) => self.structs[*i].fields.iter().any(|f| self.holds_any(&f.1)),
            _ => false,
        }
    }
}
