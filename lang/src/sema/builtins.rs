//! The table of builtins: one row per name and signature.
//!
//! A signature is written like a declaration: `<T>(list<T>, T): list<T>`. `...` before the last
//! parameter makes it variadic, `=` after a parameter makes it optional. A parameter of type `any`
//! takes the argument as it is, without a conversion node; the runtime chooses by the static type.
//! Rules that a signature cannot say (what `len`, `sum`, `int`, ... accept) are in `builtin_call`.
//! The last column says what the builtin does with references ([`Sharing`]); without it, anything.
//!
//! A definition of the same name in the program wins over a builtin.

use super::effects::Effects;
use crate::tree::Builtin;
use crate::types::{Ty, TyKind, Types};
use std::collections::HashMap;

/// A row of the table, resolved.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Which.
    pub builtin: Builtin,
    /// Name in the program.
    pub name: &'static str,
    /// Effects of a call.
    pub effects: Effects,
    /// Names of the type parameters.
    pub generics: Vec<String>,
    /// Parameters; of a variadic builtin the repeated one is last.
    pub params: Vec<Ty>,
    /// How many parameters must be given.
    pub required: usize,
    /// The last parameter repeats.
    pub variadic: bool,
    /// Result.
    pub result: Ty,
}

/// Index of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RowId(pub usize);

/// All rows.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Row>,
    by_name: HashMap<&'static str, RowId>,
}

/// What a builtin does with an argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Use {
    /// Is done with it when the call ends; elements may be copied into the result.
    Read,
    /// Gives it a holder.
    Keep,
    /// Calls it, and reads it.
    Call,
    /// Anything.
    Any,
}

/// What the result of a builtin has to do with the arguments, as far as lists are concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gives {
    /// A fresh value that holds nothing of them.
    Fresh,
    /// A fresh list of elements of theirs, which the runtime has marked (`list_copied`).
    Copy,
    /// An argument or a part of one.
    Part,
}

/// What a builtin does with references: the words are those of lowering's model (`lower/sharing`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sharing {
    args: &'static [Use],
    pub(crate) gives: Gives,
}

impl Sharing {
    /// What is done with argument `k`; the last entry stands for all that follow.
    pub(crate) fn arg(&self, k: usize) -> Use {
        self.args.get(k).or(self.args.last()).copied().unwrap_or(Use::Any)
    }

    /// Whether the builtin may call an argument.
    pub(crate) fn calls(&self) -> bool {
        self.args.iter().any(|u| matches!(u, Use::Call | Use::Any))
    }
}

/// What is true of every builtin.
const ANYTHING: Sharing = Sharing { args: &[Use::Any], gives: Gives::Part };
const READS: Sharing = Sharing { args: &[Use::Read], gives: Gives::Fresh };
const COPIES: Sharing = Sharing { args: &[Use::Read], gives: Gives::Copy };
const PART: Sharing = Sharing { args: &[Use::Read], gives: Gives::Part };
const ADDS: Sharing = Sharing { args: &[Use::Read, Use::Keep], gives: Gives::Copy };
const MAPS: Sharing = Sharing { args: &[Use::Read, Use::Call], gives: Gives::Fresh };
const FILTERS: Sharing = Sharing { args: &[Use::Read, Use::Call], gives: Gives::Copy };
const FINDS: Sharing = Sharing { args: &[Use::Read, Use::Call], gives: Gives::Part };
const REDUCES: Sharing = Sharing { args: &[Use::Read, Use::Call, Use::Keep], gives: Gives::Part };

/// What a builtin does with references.
pub(crate) fn sharing(builtin: Builtin) -> Sharing {
    ROWS.iter().find(|r| r.0 == builtin).map_or(ANYTHING, |r| r.4)
}

macro_rules! rows {
    ($($builtin:ident $name:literal $effects:ident $signature:literal $($sharing:ident)?;)*) => {
        const ROWS: &[(Builtin, &str, Effects, &str, Sharing)] =
            &[$((Builtin::$builtin, $name, Effects::$effects, $signature, [$($sharing,)? ANYTHING][0])),*];
    };
}

rows! {
    Print "print" IO "(...any): unit" PART;
    Eprint "eprint" IO "(...any): unit" READS;
    Len "len" NONE "(any): int" READS;
    Append "append" NONE "<T>(list<T>, T): list<T>" ADDS;
    Push "push" NONE "<T>(list<T>, T): list<T>" ADDS;
    Concat "concat" NONE "<T>(...list<T>): list<T>" COPIES;
    First "first" NONE "<T>(list<T>): T?" PART;
    Last "last" NONE "<T>(list<T>): T?" PART;
    Reverse "reverse" NONE "(any): any" COPIES;
    Distinct "distinct" NONE "<T>(list<T>): list<T>" COPIES;
    Distinct "unique" NONE "<T>(list<T>): list<T>" COPIES;
    Keys "keys" NONE "<K, V>(map<K, V>): list<K>" READS;
    Values "values" NONE "<K, V>(map<K, V>): list<V>" COPIES;
    Range "range" NONE "(int, int=, int=): list<int>" READS;
    Slice "slice" NONE "(any, int, int): any" COPIES;
    Now "now" TIME "(): int64" READS;
    Json "json" IO "(any): unit" PART;
    ToJson "to_json" NONE "(any): string" READS;
    Str "str" NONE "(any): string" READS;
    ParseIntStr "parseIntStr" NONE "(string, int): int" READS;
    Int "int" NONE "(any): int" READS;
    Int "to_int" NONE "(any): int" READS;
    Float "float" NONE "(any): float" READS;
    Float "to_float" NONE "(any): float" READS;
    Bool "bool" NONE "(any): bool" READS;
    Upper "upper" NONE "(string): string" READS;
    Lower "lower" NONE "(any): string" READS;
    Trim "trim" NONE "(string): string" READS;
    Contains "contains" NONE "(any, any): bool" READS;
    StartsWith "starts_with" NONE "(string, string): bool" READS;
    EndsWith "ends_with" NONE "(string, string): bool" READS;
    Replace "replace" NONE "(string, string, string): string" READS;
    Split "split" NONE "(string, string): list<string>" READS;
    Join "join" NONE "(list<string>, string): string" READS;
    Substring "substring" NONE "(string, int, int): string" READS;
    Substr "substr" NONE "(string, int, int): string" READS;
    PadStart "padStart" NONE "(string, int, string): string" READS;
    IndexOf "indexOf" NONE "(string, string): int" READS;
    Repeat "repeat" NONE "(string, int): string" READS;
    Sha256 "sha256" NONE "(any): list<int>" READS;
    Num "num" NONE "(any): bigint" READS;
    Denom "denom" NONE "(any): bigint" READS;
    Input "input" IO "(): string" READS;
    Input "read_line" IO "(): string" READS;
    Count "count" NONE "(any): int" READS;
    Exists "exists" NONE "(any): bool" READS;
    Sum "sum" NONE "(any): any" READS;
    Avg "avg" NONE "(any): float" READS;
    Min "min" NONE "<T>(list<T>): T" PART;
    Max "max" NONE "<T>(list<T>): T" PART;
    Abs "abs" NONE "(any): any" PART;
    Ceil "ceil" NONE "(any): float" READS;
    Floor "floor" NONE "(any): float" READS;
    Sqrt "sqrt" NONE "(any): float" READS;
    Pow "pow" NONE "(any, any): any" READS;
    Round "round" NONE "(float, int=): float" READS;
    Map "map" NONE "<T, U>(list<T>, fun(T): U): list<U>" MAPS;
    Filter "filter" NONE "<T>(list<T>, fun(T): bool): list<T>" FILTERS;
    Reduce "reduce" NONE "<A, B>(list<A>, fun(B, A): B, B): B" REDUCES;
    Find "find" NONE "<T>(list<T>, fun(T): bool): T?" FINDS;
    Sort "sort" NONE "<T>(list<T>): list<T>" COPIES;
    Panic "panic" NONE "(any): unit" READS;
    Assert "assert" NONE "(bool, string=): unit" READS;
    TypeOf "type_of" NONE "(any): string" READS;
}

/// Builtins of the reference whose number of arguments is checked by T039; others curry.
const EXACT: &[&str] = &[
    "now",
    "input",
    "json",
    "to_json",
    "str",
    "parseIntStr",
    "int",
    "upper",
    "lower",
    "reverse",
    "distinct",
    "trim",
    "contains",
    "split",
    "join",
    "len",
    "count",
    "exists",
    "avg",
    "abs",
    "ceil",
    "floor",
    "sum",
    "min",
    "max",
    "keys",
    "values",
    "reduce",
    "append",
    "push",
    "first",
    "substring",
    "padStart",
    "indexOf",
    "repeat",
    "sha256",
    "num",
    "denom",
];

impl Row {
    /// Whether a wrong number of arguments is T039.
    pub fn exact(&self) -> bool {
        EXACT.contains(&self.name)
    }
}

impl Table {
    /// The table over a program's types.
    pub fn new(types: &mut Types) -> Table {
        let mut rows = Vec::with_capacity(ROWS.len());
        let mut by_name = HashMap::new();
        for (builtin, name, effects, signature, _) in ROWS {
            by_name.insert(*name, RowId(rows.len()));
            rows.push(
                Signature { text: signature, types, generics: Vec::new() }.row(*builtin, name, *effects),
            );
        }
        Table { rows, by_name }
    }

    /// The builtin of this name.
    pub fn find(&self, name: &str) -> Option<RowId> {
        self.by_name.get(name).copied()
    }

    /// A row.
    pub fn row(&self, id: RowId) -> &Row {
        &self.rows[id.0]
    }

    /// Effects of calling the builtin of this name; pure when there is none.
    pub fn effects(&self, name: &str) -> Effects {
        self.find(name).map_or(Effects::NONE, |id| self.row(id).effects)
    }
}

/// Reads a signature; the table's rows are all well-formed, so nothing is reported.
struct Signature<'t> {
    text: &'static str,
    types: &'t mut Types,
    generics: Vec<String>,
}

impl Signature<'_> {
    fn row(mut self, builtin: Builtin, name: &'static str, effects: Effects) -> Row {
        if self.eat("<") {
            while !self.eat(">") {
                let word = self.word();
                self.generics.push(word.to_string());
                self.eat(",");
            }
        }
        let (mut params, mut required, mut variadic) = (Vec::new(), 0, false);
        self.eat("(");
        while !self.eat(")") {
            variadic |= self.eat("...");
            let ty = self.ty();
            params.push(ty);
            if !self.eat("=") && !variadic {
                required += 1;
            }
            self.eat(",");
        }
        self.eat(":");
        let result = self.ty();
        Row { builtin, name, effects, generics: self.generics, params, required, variadic, result }
    }

    fn eat(&mut self, token: &str) -> bool {
        self.text = self.text.trim_start();
        match self.text.strip_prefix(token) {
            Some(rest) => {
                self.text = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> &'static str {
        self.text = self.text.trim_start();
        let end = self.text.find(|c: char| !c.is_alphanumeric()).unwrap_or(self.text.len());
        let (word, rest) = self.text.split_at(end);
        self.text = rest;
        word
    }

    fn ty(&mut self) -> Ty {
        let word = self.word();
        let ty = match word {
            "int" => Ty::INT,
            "int64" => Ty::INT64,
            "bigint" => Ty::BIGINT,
            "float" => Ty::FLOAT,
            "bool" => Ty::BOOL,
            "string" => Ty::STR,
            "unit" => Ty::UNIT,
            "list" => {
                self.eat("<");
                let elem = self.ty();
                self.eat(">");
                self.types.list(elem)
            }
            "map" => {
                self.eat("<");
                let key = self.ty();
                self.eat(",");
                let value = self.ty();
                self.eat(">");
                self.types.map(key, value)
            }
            "fun" => {
                let mut params = Vec::new();
                self.eat("(");
                while !self.eat(")") {
                    let p = self.ty();
                    params.push(p);
                    self.eat(",");
                }
                self.eat(":");
                let result = self.ty();
                self.types.intern(TyKind::Fun(params, result))
            }
            name => match self.generics.iter().position(|g| g == name) {
                Some(i) => self.types.intern(TyKind::Param(i as u32, name.to_string())),
                None => Ty::ANY,
            },
        };
        if self.eat("?") { self.types.option(ty) } else { ty }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sema::relations::render;

    #[test]
    fn signatures_read_back() {
        let mut types = Types::default();
        let table = Table::new(&mut types);
        for (_, name, _, text, _) in ROWS {
            let Some(id) = table.find(name) else { panic!("{name}") };
            let row = table.row(id);
            let shown: Vec<String> = row.params.iter().map(|p| render(&types, *p)).collect();
            let words = |s: &str| {
                let plain = s.replace("option[T]", "T?").replace("list<", "[").replace("map<", "{");
                plain.chars().filter(|c| c.is_alphanumeric()).collect::<String>()
            };
            let body = text.split_once('(').map_or("", |x| x.1);
            let again = format!("{}{}", shown.join(","), render(&types, row.result));
            assert_eq!(words(body), words(&again), "{name}");
        }
    }

    #[test]
    fn every_builtin_has_a_row() {
        for b in Builtin::ALL {
            assert!(ROWS.iter().any(|r| r.0 == *b), "{b:?} is not in the table");
        }
    }

    #[test]
    fn rows_of_a_builtin_share_alike() {
        for row in ROWS {
            assert_eq!(row.4, sharing(row.0), "{}", row.1);
        }
    }
}
