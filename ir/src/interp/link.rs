//! Puts modules together by symbol name and lays their data out.
//!
//! A symbol means, in this order: the definition in its own module, an exported definition of
//! another module, any definition of another module, or a symbol of the linker (`__roots_start`,
//! ...). Names starting with `__` that nobody defines share the address of one zeroed page, so
//! that tables between two such symbols are empty.

use super::memory::Memory;
use super::places::Common;
use crate::func::Function;
use crate::module::{Data, Module, Sym};
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

/// Address of the first function; functions are [`CODE_STEP`] apart and cannot be read.
pub const CODE_BASE: u64 = 0x1000_0000;
/// Distance of function addresses.
pub const CODE_STEP: u64 = 16;
const DATA_BASE: u64 = 0x2000_0000;
/// The first address above the initial stack.
pub const STACK_TOP: u64 = 0x7fff_0000_0000;
/// Size of the initial stack in bytes.
pub const STACK_SIZE: u64 = 64 << 20;

/// Why modules do not fit together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkError {
    /// A symbol that is used has no definition.
    Undefined(String),
    /// Two modules export a symbol of this name.
    Duplicate(String),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            LinkError::Undefined(name) => write!(f, "undefined symbol `{name}`"),
            LinkError::Duplicate(name) => write!(f, "`{name}` is defined in several modules"),
        }
    }
}

impl std::error::Error for LinkError {}

/// What a symbol of a module means in the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    Func(u32),
    Address(u64),
    Undefined,
}

/// A function with its module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code<'m> {
    pub(super) func: &'m Function,
    pub(super) module: u32,
}

/// A linked program. It can be run any number of times.
#[derive(Debug)]
pub struct Program<'m> {
    pub(super) modules: Vec<&'m Module>,
    pub(super) codes: Vec<Code<'m>>,
    /// By module and symbol.
    pub(super) meanings: Vec<Vec<Meaning>>,
    addresses: HashMap<String, u64>,
    readonly_size: u64,
    writable_start: u64,
    roots_start: u64,
    roots_end: u64,
    /// Address of each module's data items, in order.
    data_addrs: Vec<Vec<u64>>,
    pub(super) regions: Common,
}

/// Links modules. Functions that are only declared are an error unless `partial` is set; then
/// the host is called, or it is a trap.
pub fn link<'m>(modules: &[&'m Module], partial: bool) -> Result<Program<'m>, LinkError> {
    let mut p = Program {
        modules: modules.to_vec(),
        codes: Vec::new(),
        meanings: modules.iter().map(|m| vec![Meaning::Undefined; m.syms.len()]).collect(),
        addresses: HashMap::new(),
        readonly_size: 0,
        writable_start: 0,
        roots_start: 0,
        roots_end: 0,
        data_addrs: modules.iter().map(|m| vec![0; m.datas.len()]).collect(),
        regions: Common::new(modules),
    };
    for (mi, module) in modules.iter().enumerate() {
        for func in &module.funcs {
            p.meanings[mi][func.sym.0 as usize] = Meaning::Func(p.codes.len() as u32);
            p.codes.push(Code { func, module: mi as u32 });
        }
    }
    p.lay_out();
    p.resolve(partial)?;
    Ok(p)
}

impl<'m> Program<'m> {
    /// Read-only data first, then the rest on pages of its own.
    fn lay_out(&mut self) {
        let mut at = DATA_BASE;
        for (writable, roots) in [(false, false), (true, false), (true, true)] {
            if writable && !roots {
                self.readonly_size = at - DATA_BASE;
                at = at.next_multiple_of(1 << 16);
                self.writable_start = at;
            }
            if roots {
                at = at.next_multiple_of(8);
                self.roots_start = at;
            }
            for (mi, module) in self.modules.iter().enumerate() {
                let here = |d: &Data| (d.writable, d.roots) == (writable, roots);
                for (di, data) in module.datas.iter().enumerate().filter(|(_, d)| here(d)) {
                    at = at.next_multiple_of(u64::from(data.align).max(1));
                    self.data_addrs[mi][di] = at;
                    self.meanings[mi][data.sym.0 as usize] = Meaning::Address(at);
                    // An empty item still has an address of its own.
                    at += (data.bytes.len() as u64 + data.zero_size).max(1);
                }
            }
        }
        self.roots_end = at.next_multiple_of(8);
    }

    fn resolve(&mut self, partial: bool) -> Result<(), LinkError> {
        let mut global: HashMap<&str, (Meaning, bool)> = HashMap::new();
        for (mi, module) in self.modules.iter().enumerate() {
            for (decl, &meaning) in module.syms.iter().zip(&self.meanings[mi]) {
                if meaning == Meaning::Undefined {
                    continue;
                }
                match global.get(decl.name.as_str()) {
                    Some((_, true)) if decl.export => return Err(LinkError::Duplicate(decl.name.clone())),
                    Some(_) if !decl.export => {}
                    _ => drop(global.insert(&decl.name, (meaning, decl.export))),
                }
            }
        }
        let zero_page = self.roots_end.next_multiple_of(8);
        let code_end = CODE_BASE + CODE_STEP * self.codes.len() as u64;
        for (mi, module) in self.modules.iter().enumerate() {
            let used = used_symbols(module);
            for (si, decl) in module.syms.iter().enumerate() {
                if self.meanings[mi][si] != Meaning::Undefined || !used[si] {
                    continue;
                }
                let meaning = match (global.get(decl.name.as_str()), decl.name.as_str()) {
                    (Some((meaning, _)), _) => *meaning,
                    (None, "__roots_start") => Meaning::Address(self.roots_start),
                    (None, "__roots_end") => Meaning::Address(self.roots_end),
                    (None, "__text_start") => Meaning::Address(CODE_BASE),
                    (None, "__text_end") => Meaning::Address(code_end),
                    (None, name) if name.starts_with("__") => Meaning::Address(zero_page),
                    _ if partial => Meaning::Undefined,
                    _ => return Err(LinkError::Undefined(decl.name.clone())),
                };
                self.meanings[mi][si] = meaning;
            }
        }
        let names = global.into_iter().map(|(name, (m, _))| (name.to_string(), address(m)));
        self.addresses = names.collect();
        Ok(())
    }

    /// Address of a symbol by name.
    pub fn address(&self, name: &str) -> Option<u64> {
        self.addresses.get(name).copied()
    }

    /// The addresses of the data that the collector searches.
    pub(super) fn data(&self) -> Range<u64> {
        self.roots_start..self.roots_end
    }

    pub(super) fn meaning(&self, module: u32, sym: Sym) -> Meaning {
        self.meanings[module as usize][sym.0 as usize]
    }

    /// The function at an address.
    pub(super) fn code_at(&self, addr: u64) -> Option<u32> {
        let offset = addr.checked_sub(CODE_BASE)?;
        let index = offset / CODE_STEP;
        (offset % CODE_STEP == 0 && index < self.codes.len() as u64).then_some(index as u32)
    }

    /// Memory with all data in its initial state, and the stack.
    pub(super) fn initial_memory(&self) -> Memory {
        let mut memory = Memory::new();
        if self.readonly_size > 0 {
            memory.map_at(DATA_BASE, self.readonly_size, false);
        }
        // The zeroed page of undefined linker symbols follows the writable data.
        memory.map_at(self.writable_start, self.roots_end - self.writable_start + 4096, true);
        memory.map_at(STACK_TOP - STACK_SIZE, STACK_SIZE, true);
        for (mi, module) in self.modules.iter().enumerate() {
            for (di, data) in module.datas.iter().enumerate() {
                let at = self.data_addrs[mi][di];
                if !data.bytes.is_empty() {
                    memory.init(at, &data.bytes);
                }
                for reloc in &data.relocs {
                    let target = address(self.meaning(mi as u32, reloc.sym));
                    let value = target.wrapping_add(reloc.addend as u64);
                    memory.init(at + u64::from(reloc.offset), &value.to_le_bytes());
                }
            }
        }
        memory
    }
}

/// Which symbols code or data of a module refer to.
fn used_symbols(module: &Module) -> Vec<bool> {
    let mut used = vec![false; module.syms.len()];
    let insts = module.funcs.iter().flat_map(|f| &f.insts).filter_map(|i| i.sym);
    let relocs = module.datas.iter().flat_map(|d| &d.relocs).map(|r| r.sym);
    insts.chain(relocs).for_each(|s| used[s.0 as usize] = true);
    used
}

/// The address a meaning stands for; 0 for what is undefined.
pub(super) fn address(meaning: Meaning) -> u64 {
    match meaning {
        Meaning::Func(i) => CODE_BASE + CODE_STEP * u64::from(i),
        Meaning::Address(a) => a,
        Meaning::Undefined => 0,
    }
}
