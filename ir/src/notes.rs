//! What passes did to functions of the program, and what they left: counts and remarks, for people.
//!
//! Functions carry them only when they are asked for ([`crate::passes::Options::notes`]), so others pay no more than
//! the question. What is said of a function that is inlined everywhere goes with it: its callers say it.

use crate::func::Function;
use crate::ops::Op;
use crate::positions::SrcLoc;

macro_rules! counts {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $label:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name { $(#[doc = $label] $variant),* }

        impl $name {
            /// All of them, with what is printed for each.
            pub const ALL: &'static [($name, &'static str)] = &[$(($name::$variant, $label)),*];
        }
    };
}

counts! {
    /// What is counted.
    Count {
        TwoSides "loops with two sides";
        Same "checks made before loops: the same in each iteration";
        Ends "checks made before loops: for the first and the last iteration";
        Decided "branches decided by range analysis";
        Inlined "calls of functions of the program inlined";
        InlinedRuntime "calls of functions of the runtime inlined";
        CallsLeft "calls of functions of the program left";
        Indices "index checks left in likely code";
        Branches "branches to unlikely code left in likely code";
    }
}

counts! {
    /// What becomes of exact ops.
    Exact {
        Ranges "made plain by range analysis";
        Sides "made plain with tests in loops with two sides";
        Warm "left in likely code";
        Cold "left in unlikely code";
    }
}

/// Kinds of exact ops, which are rows in a row.
const KINDS: usize = Op::IntCmp as usize - Op::IntAdd as usize + 1;

/// How often.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    counts: [u64; Count::ALL.len()],
    exact: [[u64; KINDS]; Exact::ALL.len()],
}

impl Counts {
    /// Counts one more.
    pub fn add(&mut self, what: Count) {
        self.counts[what as usize] += 1;
    }

    /// Counts an exact op.
    pub fn add_exact(&mut self, what: Exact, op: Op) {
        self.exact[what as usize][op as usize - Op::IntAdd as usize] += 1;
    }

    /// Adds those of another function.
    pub fn merge(&mut self, other: &Counts) {
        let add = |to: &mut [u64], from: &[u64]| to.iter_mut().zip(from).for_each(|(to, n)| *to += n);
        add(&mut self.counts, &other.counts);
        self.exact.iter_mut().zip(&other.exact).for_each(|(to, from)| add(to, from));
    }

    /// The numbers with what they are of. Kinds of exact ops that do not occur are left out.
    pub fn rows(&self) -> Vec<(u64, String)> {
        let mut rows = Vec::new();
        for (what, label) in Exact::ALL {
            for (k, &n) in self.exact[*what as usize].iter().enumerate().filter(|(_, n)| **n > 0) {
                let op = Op::ALL[Op::IntAdd as usize + k].info().name;
                rows.push((n, format!("{op} {label}")));
            }
        }
        let counted = |(what, label): &(Count, &str)| (self.counts[*what as usize], label.to_string());
        rows.extend(Count::ALL.iter().map(counted));
        rows
    }
}

/// What a function carries.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// How often.
    pub counts: Counts,
    remarks: Vec<(SrcLoc, String)>,
}

/// A sentence about a place in the source.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Remark {
    /// Index into [`crate::Module::files`].
    pub file: u32,
    /// 1-based.
    pub line: u32,
    /// 1-based.
    pub column: u32,
    /// The sentence.
    pub text: String,
}

impl Notes {
    /// Adds a remark.
    pub fn remark(&mut self, loc: SrcLoc, text: String) {
        self.remarks.push((loc, text));
    }

    /// The remarks about places that are known.
    pub fn remarks<'a>(&'a self, func: &'a Function) -> impl Iterator<Item = Remark> + 'a {
        self.remarks.iter().filter_map(|(loc, text)| {
            let (call, at) = func.positions.frames(*loc).next()?;
            let file = call.map_or(func.file, |c| Some(c.file))?;
            (at.line > 0).then(|| Remark { file, line: at.line, column: at.column, text: text.clone() })
        })
    }
}

impl Function {
    /// Notes something, if anybody wants to know.
    #[inline]
    pub fn note(&mut self, note: impl FnOnce(&mut Notes)) {
        if let Some(notes) = &mut self.notes {
            note(notes);
        }
    }
}
