//! What is visible at a place of a program that is being generated.

use super::types::Ty;

/// A variable.
#[derive(Clone, Debug)]
pub struct Var {
    pub name: String,
    pub ty: Ty,
    /// May be assigned, and what it holds may be stored into.
    pub mutable: bool,
    /// Only read: it counts something down, or its assignment would change a loop.
    pub fixed: bool,
    /// Length of the list or string that it has been given, while nothing can have changed it.
    pub length: Option<usize>,
}

/// Variables, the innermost last.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    vars: Vec<Var>,
}

/// How many variables there were: what leaving a block returns to.
#[derive(Clone, Copy, Debug)]
pub struct Mark(usize);

impl Scope {
    pub fn mark(&self) -> Mark {
        Mark(self.vars.len())
    }

    pub fn leave(&mut self, mark: Mark) {
        self.vars.truncate(mark.0);
    }

    pub fn declare(&mut self, var: Var) {
        self.vars.push(var);
    }

    /// The variables that their names mean, those that satisfy a condition.
    pub fn select(&self, wanted: impl Fn(&Var) -> bool) -> Vec<Var> {
        let visible = |(i, v): &(usize, &Var)| !self.vars[i + 1..].iter().any(|w| w.name == v.name);
        let wanted = |(_, v): &(usize, &Var)| wanted(v);
        self.vars.iter().enumerate().filter(wanted).filter(visible).map(|(_, v)| v.clone()).collect()
    }

    /// Names of variables that were declared before the mark, those that another one may hide: not the
    /// only values of an unknown type, nor what gives them.
    pub fn names_before(&self, mark: Mark) -> Vec<&str> {
        let free = |v: &&Var| !v.fixed && !matches!(v.ty, Ty::Param(_) | Ty::Fun(..));
        self.vars[..mark.0].iter().filter(free).map(|v| v.name.as_str()).collect()
    }

    /// Makes a variable invisible until the block is left: a name that stands for nothing takes its
    /// place.
    pub fn hide(&mut self, name: &str) {
        let var = Var { name: name.to_string(), ty: Ty::Unit, mutable: false, fixed: true, length: None };
        self.vars.push(var);
    }
}
