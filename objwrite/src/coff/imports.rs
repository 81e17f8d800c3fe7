//! The import table (PE Format, ".idata"): for each library its name, the names of functions, and the
//! slots that the loader fills with their addresses.

use crate::bytes::Bytes;
use crate::link::layout::SLOT;

/// A library with what is imported from it: names, and which external each is.
#[derive(Debug)]
pub struct Library {
    /// Its file.
    pub name: &'static str,
    /// Functions in order.
    pub functions: Vec<(&'static str, u32)>,
}

/// Bytes of a library's entry in the table.
const DESCRIPTOR: u32 = 20;

/// Where the parts of the table are, from its start.
struct Plan {
    /// Start of each library's names of functions: words like its slots.
    lookups: Vec<u32>,
    /// Start of each function's name, library by library.
    names: Vec<Vec<u32>>,
    /// Start of each library's name.
    libraries: Vec<u32>,
    size: u32,
}

/// A function's number, which we do not know (2 bytes), its name, and a filler.
fn hint_size(name: &str) -> u32 {
    (2 + name.len() as u32 + 1).next_multiple_of(2)
}

fn plan(libraries: &[Library]) -> Plan {
    let mut at = (DESCRIPTOR * (libraries.len() as u32 + 1)).next_multiple_of(SLOT as u32);
    let mut take = |size: u32| {
        let start = at;
        at += size;
        start
    };
    let lookups = libraries.iter().map(|l| take(slots_size(l))).collect();
    let names = libraries.iter().map(|l| l.functions.iter().map(|(f, _)| take(hint_size(f))).collect());
    let names = names.collect();
    let libraries = libraries.iter().map(|l| take(l.name.len() as u32 + 1)).collect();
    Plan { lookups, names, libraries, size: at }
}

/// Bytes of the slots of a library: one a function, and an empty one.
fn slots_size(library: &Library) -> u32 {
    SLOT as u32 * (library.functions.len() as u32 + 1)
}

/// Bytes of all slots.
pub fn all_slots_size(libraries: &[Library]) -> u32 {
    libraries.iter().map(slots_size).sum()
}

/// Bytes of the table.
pub fn table_size(libraries: &[Library]) -> u32 {
    plan(libraries).size
}

/// The offset of the slot of each external in the slots.
pub fn slot_offsets(libraries: &[Library], externals: usize) -> Vec<u64> {
    let mut offsets = vec![0; externals];
    let mut at = 0;
    for library in libraries {
        for (_, external) in &library.functions {
            offsets[*external as usize] = at;
            at += SLOT;
        }
        at += SLOT;
    }
    offsets
}

/// The slots before the loader fills them, when the table is at `table` from the image's start: words that name
/// functions.
pub fn slots(libraries: &[Library], table: u32) -> Vec<u8> {
    let mut words = Bytes::default();
    for names in &plan(libraries).names {
        names.iter().for_each(|&name| words.u64(u64::from(table + name)));
        words.u64(0);
    }
    words.0
}

/// The table, when it is at `table` from the image's start and the slots are at `at`.
pub fn table(libraries: &[Library], table: u32, mut at: u32) -> Vec<u8> {
    let plan = plan(libraries);
    let mut out = Bytes::default();
    for (i, library) in libraries.iter().enumerate() {
        // Names, time stamp, forwarders, the library's name, slots.
        for v in [table + plan.lookups[i], 0, 0, table + plan.libraries[i], at] {
            out.u32(v);
        }
        at += slots_size(library);
    }
    out.0.extend([0; DESCRIPTOR as usize]);
    out.0.resize(out.0.len().next_multiple_of(SLOT as usize), 0);
    out.0.extend(slots(libraries, table));
    for (function, _) in libraries.iter().flat_map(|l| &l.functions) {
        let end = out.0.len() + hint_size(function) as usize;
        out.u16(0);
        out.0.extend(function.as_bytes());
        out.0.resize(end, 0);
    }
    for library in libraries {
        out.0.extend(library.name.as_bytes());
        out.0.push(0);
    }
    out.0
}
