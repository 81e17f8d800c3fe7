//! The runtime library as the compiler sees it: declarations of its functions and the IR of those
//! that are inlined. The table is made when the runtime is built; this crate only defines its form.

use crate::func::Type;
use crate::module::{Attributes, Conv, Module, Signature, Sym};
use crate::regions::Promise;

/// A runtime function.
#[derive(Debug)]
pub struct Decl {
    /// Link name.
    pub name: &'static str,
    /// Parameter types.
    pub params: &'static [Type],
    /// Result type.
    pub result: Option<Type>,
    /// Convention.
    pub conv: Conv,
    /// Attributes.
    pub attributes: Attributes,
    /// Text form of the body, for functions that are inlined.
    pub body: Option<&'static str>,
}

/// All runtime functions, sorted by name.
#[derive(Clone, Copy, Debug)]
pub struct Library {
    /// Declarations in order of name.
    pub decls: &'static [Decl],
    /// Regions of the runtime's records: the name, and what it promises.
    pub regions: &'static [(&'static str, Promise)],
}

impl Library {
    /// A library without functions.
    pub const EMPTY: Library = Library { decls: &[], regions: &[] };

    /// The declaration of a function.
    pub fn find(&self, name: &str) -> Option<&'static Decl> {
        self.decls.binary_search_by(|d| d.name.cmp(name)).ok().map(|i| &self.decls[i])
    }

    /// Declares a runtime function in a module. Panics when there is none of that name.
    pub fn declare(&self, module: &mut Module, name: &str) -> Sym {
        if let Some(s) = module.lookup(name) {
            return s;
        }
        let d = self.find(name).unwrap_or_else(|| panic!("no runtime function `{name}`"));
        let sig = Signature { params: d.params.to_vec(), result: d.result, conv: d.conv };
        module.declare_func(name, sig, d.attributes, false)
    }
}
