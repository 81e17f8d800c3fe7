//! Signatures of builtins: the text in the table becomes types of the program.

use super::effects::EffectSet;
use crate::builtins::Mark;
use crate::tree::Builtin;
use crate::types::{Ty, TyKind, Types};
use std::collections::HashMap;

/// A name of a builtin, with its signature resolved.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Which.
    pub builtin: Builtin,
    /// Name in the program.
    pub name: &'static str,
    /// Effects of a call.
    pub effects: EffectSet,
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

impl Row {
    /// Whether this is true of it.
    pub fn has(&self, mark: Mark) -> bool {
        self.builtin.has(mark, self.name)
    }
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

impl Table {
    /// The table over a program's types.
    pub fn new(types: &mut Types) -> Table {
        let (mut rows, mut by_name) = (Vec::new(), HashMap::new());
        for &builtin in Builtin::ALL {
            for name in builtin.definition().names {
                by_name.insert(*name, RowId(rows.len()));
                rows.push(Signature::of(builtin, types).row(builtin, name));
            }
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
    pub fn effects(&self, name: &str) -> EffectSet {
        self.find(name).map_or(EffectSet::NONE, |id| self.row(id).effects)
    }
}

/// Reads a signature; the table's rows are all well-formed, so nothing is reported.
struct Signature<'t> {
    text: &'static str,
    types: &'t mut Types,
    generics: Vec<String>,
}

impl<'t> Signature<'t> {
    fn of(builtin: Builtin, types: &'t mut Types) -> Signature<'t> {
        Signature { text: builtin.definition().signature, types, generics: Vec::new() }
    }

    fn row(mut self, builtin: Builtin, name: &'static str) -> Row {
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
        let effects = builtin.definition().effects;
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
        for row in &table.rows {
            let (name, text) = (row.name, row.builtin.definition().signature);
            let shown: Vec<String> = row.params.iter().map(|p| render(&types, *p)).collect();
            let words = |s: &str| {
                let plain = s.replace("option[", "[").replace("list<", "[").replace("map<", "{");
                plain.chars().filter(|c| c.is_alphanumeric()).collect::<String>()
            };
            let body = text.split_once('(').map_or("", |x| x.1);
            let again = format!("{}{}", shown.join(","), render(&types, row.result));
            assert_eq!(words(body), words(&again), "{name}");
        }
    }
}
