//! Archives: what is written is read back, and damage is an error or another archive, never a panic.
//!
//! Any bytes would hardly get past the header, so the damage is done to the archive of a random program: to
//! words of its header and tables, to bytes of its records, and to their places.

use super::program::Program;
use crate::choices::Choices;
use mochi_objwrite::{Archive, LinkInput, Object, SymRef, Target};

/// Where the header has the size of the file.
const SIZE: std::ops::Range<usize> = 8..12;
/// Words of the header.
const HEADER: usize = 9;

/// Judges the archive of a random object, and that archive with some damage.
pub(super) fn archive(program: &mut Choices, damages: &mut Choices, target: Target) {
    let [object, library] = Program::new(program, target, false).objects();
    let bytes = library.to_bytes();
    judge(&library, &bytes);
    while !damages.done() {
        let mut bytes = bytes.clone();
        (0..=damages.below(3)).for_each(|_| damage(damages, &mut bytes));
        // Sizes mostly agree, so that the rest is read.
        let size = bytes.len() as u32;
        if damages.below(8) != 7
            && let Some(place) = bytes.get_mut(SIZE)
        {
            place.copy_from_slice(&size.to_le_bytes());
        }
        mochi_objwrite::archive::fuzz(&bytes);
        link(&object, &bytes);
    }
}

/// What can be opened is linked, or the linker says what is wrong.
fn link(object: &Object, library: &[u8]) {
    let Ok(archive) = Archive::open(library) else { return };
    let (archives, debug) = (&[archive], Some(super::debug_options()));
    let input = LinkInput { object, archives, entry: "_start", symbols: true, debug, build_id: false };
    let _ = mochi_objwrite::link(&input);
}

/// The archive has what was put in, and finds by their names what others may refer to.
fn judge(object: &Object, bytes: &[u8]) {
    let archive = Archive::open(bytes).expect("an archive of ours");
    assert_eq!(archive.target(), object.target);
    let again = archive.to_object().expect("an archive of ours");
    assert_eq!((&again.files, &again.symbols), (&object.files, &object.symbols));
    assert_eq!(again.atoms, object.atoms);
    for (i, symbol) in object.symbols.iter().enumerate() {
        let atom = object.atoms.iter().position(|a| a.sym.0 as usize == i);
        let expected = atom.filter(|_| symbol.global).map(|atom| (SymRef(i as u32), atom as u32));
        assert_eq!(archive.lookup(&symbol.name), Ok(expected), "{}", symbol.name);
    }
    assert_eq!(archive.lookup("no such symbol"), Ok(None));
}

fn damage(choices: &mut Choices, bytes: &mut Vec<u8>) {
    let len = bytes.len();
    // Every kind of place is as likely, however many there are: the header, the first tables, all of it.
    let most = [4 * HEADER, 600, len][choices.below(3)].min(len);
    if most < 4 {
        return;
    }
    let at = choices.below(most);
    match choices.below(8) {
        // A word that stands for a position, a count or an index.
        0..=2 => {
            let at = at / 4 * 4;
            let Some(word) = bytes.get_mut(at..at + 4) else { return };
            let old = u32::from_le_bytes(word.try_into().expect("four bytes"));
            let new = match choices.below(6) {
                0 => old.wrapping_add(1),
                1 => old.wrapping_sub(1),
                2 => choices.below(len + 2) as u32,
                3 => (len as u32).wrapping_sub(old),
                4 => 1 << choices.below(32),
                _ => choices.bits32(),
            };
            word.copy_from_slice(&new.to_le_bytes());
        }
        3 | 4 => bytes[at] = choices.below(256) as u8,
        5 => bytes[at] ^= 1 << choices.below(8),
        6 => drop(bytes.drain(at..(at + 1 + choices.below(8)).min(len))),
        _ => {
            let (from, to) = (at, choices.below(len + 1));
            let copy = bytes[from..(from + 1 + choices.below(40)).min(len)].to_vec();
            drop(bytes.splice(to..to, copy));
        }
    }
}
