//! Modules: symbols, their signatures and attributes, data, functions.

use crate::func::{Function, Type};
use crate::regions::Regions;
use std::collections::HashMap;

/// A symbol of a module, dense from 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Sym(pub u32);

/// Calling convention of a function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Conv {
    /// The convention of our code: that of C on most systems of the machine.
    #[default]
    C,
    /// Arguments and result as in `C`, but the callee keeps every other register. For cold paths.
    PreserveAll,
    /// The convention in which the system calls and is called; another one than `C` on Windows on x86-64 only.
    System,
}

impl Conv {
    /// Each with its word in the text form, but the usual one.
    pub const WORDS: [(&'static str, Conv); 2] =
        [("preserve_all", Conv::PreserveAll), ("system", Conv::System)];

    /// Its word in the text form; the usual one has none.
    pub fn word(self) -> Option<&'static str> {
        Conv::WORDS.iter().find(|(_, conv)| *conv == self).map(|(word, _)| *word)
    }
}

macro_rules! attributes {
    ($($(#[$doc:meta])* $field:ident $name:literal;)*) => {
        /// What is known about calls of a function. [`crate::effects`] says what follows from it.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
        pub struct Attributes {
            $($(#[$doc])* pub $field: bool,)*
        }

        impl Attributes {
            /// Each with its name in the text form, in the order of that.
            pub const TABLE: &'static [(&'static str, fn(&mut Attributes) -> &mut bool)] =
                &[$(($name, |a| &mut a.$field)),*];

            /// Nothing is known.
            pub const NONE: Attributes = Attributes { $($field: false),* };

            /// What both say.
            pub fn common(self, other: Attributes) -> Attributes {
                Attributes { $($field: self.$field && other.$field),* }
            }
        }
    };
}

attributes! {
    /// Writes no memory that the caller can observe (allocating is not observable).
    readonly "readonly";
    /// Readonly, always returns, and the result depends on the arguments only (not on memory): a call
    /// whose result is not used goes.
    pure_ "pure";
    /// Never returns.
    noreturn "noreturn";
    /// Inline at every call.
    inline "inline";
    /// The call is unlikely to be executed.
    cold "cold";
    /// Nothing it does looks at the stack: it neither runs the collector nor fails nor calls what might,
    /// and it needs little stack itself. So its caller need not show its references.
    quiet "quiet";
    /// Calls below it nest at most as deep as is known when it is compiled: neither it nor what it calls is
    /// part of a cycle of calls, or calls by address. (What ends the program does not count.)
    bounded "bounded";
    /// Makes no object that the program may link to others: what it calls does not, or it only copies and
    /// enlarges what there is, makes numbers, prints.
    barren "barren";
    /// Code of a library that calls nothing of the program it is linked to, so that the program's own words of data
    /// stay as they are.
    apart "apart";
    /// Gives a new object of as many bytes as its first argument says (a multiple of 8, at least 8; rounded up by
    /// the allocator): no reference to it was there before, its words are zero but for the first, and beyond it
    /// nothing has changed that the program sees.
    fresh "fresh";
    /// Gives an object that it has made: nobody had a reference to it before. So is what belongs to the object
    /// ([`crate::regions::Promise::own`]).
    newborn "newborn";
    /// Gives its first argument, or what a newborn function gives.
    renews "renews";
}

/// Parameter and result types of a function.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Signature {
    /// Parameter types.
    pub params: Vec<Type>,
    /// Result type.
    pub result: Option<Type>,
    /// Convention.
    pub conv: Conv,
}

/// What a symbol names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SymKind {
    /// A function; defined when the module has a [`Function`] for it.
    Func(Signature),
    /// Data; defined when the module has a [`Data`] for it.
    Data,
}

/// A symbol's declaration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SymDecl {
    /// Link name, unique in the module.
    pub name: String,
    /// Function or data.
    pub kind: SymKind,
    /// Attributes (of functions).
    pub attributes: Attributes,
    /// Visible to other modules.
    pub export: bool,
}

/// A place in a data item that holds the address of a symbol plus an addend (8 bytes).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reloc {
    /// Byte offset in the data.
    pub offset: u32,
    /// Target symbol.
    pub sym: Sym,
    /// Added to the address.
    pub addend: i64,
}

/// A data item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Data {
    /// Its symbol.
    pub sym: Sym,
    /// Initial bytes; empty and `zero_size > 0` for zero-initialised data.
    pub bytes: Vec<u8>,
    /// Size of zero-initialised data.
    pub zero_size: u64,
    /// Power of two.
    pub align: u32,
    /// The program writes it.
    pub writable: bool,
    /// The collector searches it: the program writes references to it.
    pub roots: bool,
    /// Addresses in it, by offset.
    pub relocs: Vec<Reloc>,
}

impl Data {
    /// Constant data without contents.
    pub fn new(sym: Sym) -> Data {
        let (bytes, relocs) = (Vec::new(), Vec::new());
        Data { sym, bytes, zero_size: 0, align: 8, writable: false, roots: false, relocs }
    }
}

/// A module.
#[derive(Clone, Default, Debug)]
pub struct Module {
    /// Source files; [`Function::file`] indexes them.
    pub files: Vec<String>,
    /// Kinds of memory that are apart.
    pub regions: Regions,
    /// Declarations, indexed by [`Sym`].
    pub syms: Vec<SymDecl>,
    /// Functions with bodies, in definition order.
    pub funcs: Vec<Function>,
    /// Data items, in definition order.
    pub datas: Vec<Data>,
    by_name: HashMap<String, Sym>,
}

impl Module {
    /// An empty module.
    pub fn new() -> Module {
        Module::default()
    }

    /// Declares a symbol. A second declaration of a name returns the first symbol; the caller
    /// sees to it that they agree (the verifier checks calls against the declaration).
    pub fn declare(&mut self, name: &str, kind: SymKind, attributes: Attributes, export: bool) -> Sym {
        if let Some(&s) = self.by_name.get(name) {
            return s;
        }
        let s = Sym(self.syms.len() as u32);
        self.syms.push(SymDecl { name: name.to_string(), kind, attributes, export });
        self.by_name.insert(name.to_string(), s);
        s
    }

    /// Declares a function.
    pub fn declare_func(&mut self, name: &str, sig: Signature, attributes: Attributes, export: bool) -> Sym {
        self.declare(name, SymKind::Func(sig), attributes, export)
    }

    /// Declares data.
    pub fn declare_data(&mut self, name: &str, export: bool) -> Sym {
        self.declare(name, SymKind::Data, Attributes::default(), export)
    }

    /// The symbol with this name.
    pub fn lookup(&self, name: &str) -> Option<Sym> {
        self.by_name.get(name).copied()
    }

    /// A symbol's declaration.
    pub fn sym(&self, s: Sym) -> &SymDecl {
        &self.syms[s.0 as usize]
    }

    /// A function symbol's signature. Panics for data.
    pub fn signature(&self, s: Sym) -> &Signature {
        match &self.sym(s).kind {
            SymKind::Func(sig) => sig,
            SymKind::Data => panic!("{} is data", self.sym(s).name),
        }
    }
}
