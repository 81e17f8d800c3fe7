//! Rules of the import table: traps 39 and 40.

use super::image::*;
use crate::kernel32;
use crate::read::{Unreadable, u32_at};
use crate::rules::Problems;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of a library's entry in the table.
const DESCRIPTOR: u32 = 20;
/// The names of functions by number begin so.
const BY_NUMBER: u64 = 1 << 63;

/// A function that is imported.
#[derive(Clone, Debug)]
pub struct Import {
    /// The name of its library.
    pub library: String,
    /// Its name.
    pub function: String,
    /// Where its address goes.
    pub slot: u32,
}

/// The imports in order, and what is wrong with the tables.
pub fn imports(image: &Image) -> Result<(Vec<Import>, Problems), Unreadable> {
    let (mut list, mut wrong) = (Vec::new(), Problems::new());
    let Some(directory) = image.directory(IMPORT) else { return Ok((list, wrong)) };
    let mut at = directory.start;
    loop {
        let bytes = image.bytes(Range { start: at, size: DESCRIPTOR })?;
        if u64::from(at) + u64::from(DESCRIPTOR) > directory.end() {
            return Err("the table of imports has no end".into());
        }
        at += DESCRIPTOR;
        let word = |n: usize| u32_at(bytes, 4 * n);
        if bytes.iter().all(|&b| b == 0) {
            return Ok((list, wrong));
        }
        let (names, library, slots) = (word(0)?, image.text(word(3)?)?, word(4)?);
        if word(1)? != 0 || word(2)? != 0 {
            wrong.push(format!("{library} is bound, or forwards"));
        }
        if names == slots || !names.is_multiple_of(8) || !slots.is_multiple_of(8) {
            wrong.push(format!("{library} has names at {names:#x} and slots at {slots:#x}"));
        }
        for n in 0u32.. {
            let place = |of: u32| of.checked_add(8 * n).ok_or("imports behind all addresses");
            let (name, slot) = (image.word(place(names)?)?, place(slots)?);
            if image.word(slot)? != name {
                wrong.push(format!("the slot at {slot:#x} is not of the name {name:#x}"));
            }
            if name == 0 {
                break;
            }
            if name >= BY_NUMBER || name > u32::MAX.into() {
                return Err(format!("{library}: an import by number").into());
            }
            let function = image.text(name as u32 + 2)?;
            if name % 2 != 0 {
                wrong.push(format!("{function} is at {name:#x}"));
            }
            list.push(Import { library: library.clone(), function, slot });
        }
    }
}

/// 39: each library has its names and, in the same order, its slots; all slots are one area, and nothing is in it
/// twice.
pub fn slots(image: &Image, out: &mut Problems) {
    let (list, wrong) = match imports(image) {
        Ok(found) => found,
        Err(e) => return out.push(e.0),
    };
    out.extend(wrong);
    let mut places = BTreeSet::new();
    let mut libraries: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let area = image.directories[SLOTS];
    for import in &list {
        let slot = Range { start: import.slot, size: 8 };
        if !area.has(slot) || !places.insert(import.slot) {
            out.push(format!("the slot of {} is at {:#x}", import.function, import.slot));
        }
        if !libraries.entry(&import.library).or_default().insert(&import.function) {
            out.push(format!("{} twice", import.function));
        }
    }
    // One slot more for each library, which is empty.
    let expected = 8 * (list.len() + libraries.len());
    if area.size as usize != expected {
        out.push(format!("{:#x} bytes of slots for {expected:#x}", area.size));
    }
}

/// 40: what is imported is a function of its library, by the name that the library has for it.
pub fn exported(image: &Image, out: &mut Problems) {
    let (list, _) = imports(image).unwrap_or_default();
    for Import { library, function, .. } in &list {
        match kernel32::exports(library, function) {
            Some(true) => {}
            Some(false) => out.push(format!("{library} has no {function} here")),
            None => out.push(format!("{function} is of {library}, which is not here")),
        }
    }
}
