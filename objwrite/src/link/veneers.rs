//! Veneers: code between functions that goes on to what a call does not reach.
//!
//! Code is compiled before anybody knows how much of it there will be, with calls of a form that reaches far
//! enough in nearly every program. In a larger one, a call goes to a veneer in its reach ([`Veneer`]), an atom
//! behind a function that calls the same place. So the sizes of functions stay, and with them everything
//! that counts from their start: line rows, call frames, tables, other relocations.
//!
//! In an object, so do calls that are left to other linkers, unless these extend them themselves: the
//! relocation of a veneer reaches everything.

use super::layout::Layout;
use super::resolve::{Def, Kept, Program};
use crate::model::{AtomKind, AtomView, FunctionInfo, RelocEntry};
use crate::reloc::{RelocRow, Veneer};
use std::borrow::Cow;
use std::collections::HashMap;

/// A call that does not reach what it calls.
struct Far {
    /// The caller, and which of its relocations.
    atom: u32,
    index: usize,
    row: &'static RelocRow,
    veneer: &'static Veneer,
    /// Offset in the code section.
    place: u64,
    /// The function, and what is added to its address.
    to: (Def, i64),
}

/// Where a veneer is: offset in the code section, index.
type Placed = (u64, u32);

/// Makes every call of a program reach what it calls, and be one that other linkers can finish.
pub fn add(program: &mut Program) {
    // Veneers move what is behind them, which may put more calls out of reach. Every round but the last adds some,
    // at most one behind each function for each place, and takes none away.
    loop {
        let layout = Layout::new(program);
        let far = far_calls(program, &layout);
        let mut veneers = placed(program, &layout);
        let mut grown = false;
        for call in far {
            let known = veneers.entry(call.to).or_default();
            let near = known.iter().find(|(at, _)| call.row.reaches(*at, call.place));
            let own = |&(_, i): &Placed| program.atoms[i as usize].behind == Some(call.atom);
            let index = match near {
                Some(&(_, index)) => index,
                // An atom that has more code than a call spans.
                None if known.iter().any(own) => continue,
                None => {
                    let end =
                        layout.offsets[call.atom as usize] + program.atoms[call.atom as usize].view.size();
                    let index = program.add(veneer(program, &call), call.to.0);
                    known.push((end, index));
                    grown = true;
                    index
                }
            };
            program.redirect(call.atom, call.index, index);
        }
        if !grown {
            return;
        }
    }
}

/// What a veneer goes on to.
fn target(program: &Program, atom: u32) -> (Def, i64) {
    let (entry, def) = program.relocs(atom).next().expect("veneers refer to something");
    (def, entry.addend)
}

fn far_calls(program: &Program, layout: &Layout) -> Vec<Far> {
    let mut far = Vec::new();
    for &atom in layout.atoms(AtomKind::Text) {
        for (index, (entry, def)) in program.relocs(atom).enumerate() {
            let Some(veneer) = entry.kind.veneer() else { continue };
            let place = layout.offsets[atom as usize] + u64::from(entry.offset);
            let row = entry.kind.row();
            let (reaches, to) = match def {
                Def::Atom(to) if program.atoms[to as usize].view.kind == AtomKind::Text => {
                    let behind = program.atoms[to as usize].behind;
                    let target_at = layout.offsets[to as usize].wrapping_add(entry.addend as u64);
                    let meant = behind.map_or((def, entry.addend), |_| target(program, to));
                    (row.reaches(target_at, place), meant)
                }
                _ => (veneer.by_linkers, (def, entry.addend)),
            };
            if !reaches {
                far.push(Far { atom, index, row, veneer, place, to });
            }
        }
    }
    far
}

/// The veneers that are there, by what they go on to, in order of offset.
fn placed(program: &Program, layout: &Layout) -> HashMap<(Def, i64), Vec<Placed>> {
    let mut veneers: HashMap<_, Vec<Placed>> = HashMap::new();
    for &atom in layout.atoms(AtomKind::Text) {
        if program.atoms[atom as usize].behind.is_some() {
            veneers.entry(target(program, atom)).or_default().push((layout.offsets[atom as usize], atom));
        }
    }
    veneers
}

fn veneer<'a>(program: &Program<'a>, call: &Far) -> Kept<'a> {
    let caller = &program.atoms[call.atom as usize];
    let sym = caller.view.relocs[call.index].sym;
    let reloc = |&(offset, kind)| RelocEntry { offset, kind, sym, addend: call.to.1 };
    let code_size = call.veneer.code.len() as u32;
    let view = AtomView {
        sym,
        kind: AtomKind::Text,
        align: call.row.align as u32,
        bytes: call.veneer.code,
        zero_size: 0,
        relocs: Cow::Owned(call.veneer.relocs.iter().map(reloc).collect()),
        // Debuggers that stop here find the frame of a function at its first instruction.
        function: Some(Cow::Owned(FunctionInfo { code_size, ..FunctionInfo::default() })),
    };
    Kept {
        view,
        name: Cow::Owned(format!("__{}_veneer", program.def_name(call.to.0))),
        global: false,
        file: None,
        call_files: Vec::new(),
        definition: caller.definition,
        behind: Some(call.atom),
        first_def: 0,
    }
}
