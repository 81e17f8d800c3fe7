//! The emission buffer: bytes, labels, branches of variable size, references into the function's
//! own code and data, relocations, line rows, call frame information.
//!
//! Branches are not written when they are emitted. They are *sites* between byte ranges, each
//! with a few forms of growing size and reach. [`Buffer::finish`] starts with the smallest form
//! of each and grows those that do not reach until all do; then it copies the byte
//! ranges, writes the branches, and maps every recorded offset. Offsets recorded before that are
//! *raw*: they do not count branches.

use mochi_objwrite::{CfiOp, LineRow, RelocEntry, RelocKind, SymRef};
use std::ops::Range;

/// A place in the function, to be bound.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Label(pub u32);

/// A form of a branch: its size, and the displacements (target minus start of the branch) it
/// reaches.
#[derive(Clone, Copy, Debug)]
pub struct BranchForm {
    /// Bytes.
    pub size: u8,
    /// Smallest displacement.
    pub min: i64,
    /// Largest displacement.
    pub max: i64,
}

/// Branches and internal references of an instruction set.
pub trait Fixups {
    /// An instruction of variable size with a label, without that: mostly branches.
    type Branch: Copy + std::fmt::Debug;
    /// A reference to a label in bytes already emitted.
    type Reference: Copy + std::fmt::Debug;
    /// The branch that is always taken.
    const JUMP: Self::Branch;
    /// The forms of a branch, smallest first. The last one reaches everything.
    fn forms(branch: Self::Branch) -> &'static [BranchForm];
    /// Appends the bytes of a form of a branch with this displacement.
    fn write_branch(branch: Self::Branch, form: usize, displacement: i64, out: &mut Vec<u8>);
    /// Patches a reference; `displacement` is target minus `at`.
    fn patch(reference: Self::Reference, bytes: &mut [u8], at: usize, displacement: i64);
}

struct Site<B> {
    /// Raw offset.
    at: u32,
    branch: B,
    target: Label,
    form: u8,
}

/// A site that calls a function: relocations by form.
struct Call {
    site: u32,
    kinds: &'static [RelocKind],
    sym: SymRef,
}

/// Where a label is: raw offset, and number of sites before it.
#[derive(Clone, Copy)]
struct Bound {
    at: u32,
    sites: u32,
}

/// Rounds in which branches grow as far as they must; a few are usual.
const ROUNDS: usize = 24;

/// Bytes of an entry of a table, and its alignment.
const TABLE_ENTRY: usize = 4;

const UNBOUND: Bound = Bound { at: u32::MAX, sites: 0 };

/// The place behind everything.
const BEHIND: Label = Label(u32::MAX);

/// The bytes of a function while they are made.
pub struct Buffer<F: Fixups> {
    /// Bytes without branches. Instruction sets append here.
    pub bytes: Vec<u8>,
    sites: Vec<Site<F::Branch>>,
    labels: Vec<Bound>,
    /// References by raw offset (with sites before it).
    references: Vec<(Bound, F::Reference, Label)>,
    relocs: Vec<(Bound, RelocEntry)>,
    calls: Vec<Call>,
    lines: Vec<(Bound, LineRow)>,
    cfi: Vec<(Bound, CfiOp)>,
    /// Where code starts that is unlikely to run.
    cold: Option<Bound>,
    /// Raw offset of the last label, branch, line row or frame instruction.
    mark: u32,
}

/// A finished function body.
pub struct Finished {
    /// Code, tables and constants.
    pub bytes: Vec<u8>,
    /// Bytes of code.
    pub code_size: u32,
    /// Bytes of them that are unlikely to run.
    pub cold_size: u32,
    /// Relocations in order of offset.
    pub relocs: Vec<RelocEntry>,
    /// Line rows in order of offset.
    pub lines: Vec<LineRow>,
    /// Call frame information.
    pub cfi: Vec<(u32, CfiOp)>,
}

impl<F: Fixups> Buffer<F> {
    /// An empty buffer.
    pub fn new(capacity: usize) -> Buffer<F> {
        Buffer {
            bytes: Vec::with_capacity(capacity),
            sites: Vec::new(),
            labels: Vec::new(),
            references: Vec::new(),
            relocs: Vec::new(),
            calls: Vec::new(),
            lines: Vec::new(),
            cfi: Vec::new(),
            cold: None,
            mark: 0,
        }
    }

    /// A new label.
    pub fn label(&mut self) -> Label {
        self.labels.push(UNBOUND);
        Label(self.labels.len() as u32 - 1)
    }

    /// Makes `n` labels; returns the first.
    pub fn make_labels(&mut self, n: usize) -> Label {
        let first = self.labels.len() as u32;
        self.labels.resize(self.labels.len() + n, UNBOUND);
        Label(first)
    }

    /// Binds a label here.
    pub fn bind(&mut self, label: Label) {
        debug_assert!(self.labels[label.0 as usize].at == u32::MAX, "label bound twice");
        self.labels[label.0 as usize] = self.mark();
    }

    /// The code from this raw offset on is one straight line that nothing outside refers to but at
    /// its start, so that its instructions may be exchanged for others.
    pub fn is_straight(&self, from: usize) -> bool {
        self.mark as usize <= from
    }

    /// Takes bytes out of a straight line, unless something refers to them or to what is behind them.
    pub fn remove(&mut self, part: Range<usize>) -> bool {
        let behind = |place: Option<Bound>| place.is_some_and(|p| p.at as usize >= part.start);
        let named = behind(self.references.last().map(|r| r.0)) || behind(self.relocs.last().map(|r| r.0));
        let removed = self.is_straight(part.start) && !named;
        if removed {
            self.bytes.drain(part);
        }
        removed
    }

    fn mark(&mut self) -> Bound {
        self.mark = self.bytes.len() as u32;
        self.here()
    }

    fn here(&self) -> Bound {
        Bound { at: self.bytes.len() as u32, sites: self.sites.len() as u32 }
    }

    /// Emits a branch.
    pub fn branch(&mut self, branch: F::Branch, target: Label) {
        let at = self.mark().at;
        self.sites.push(Site { at, branch, target, form: 0 });
    }

    /// Emits a call as a branch: each form has its relocation. How far the function will be, only the linker
    /// knows; a form is enough where it reaches what the linker may put behind this function.
    pub fn call(&mut self, branch: F::Branch, kinds: &'static [RelocKind], sym: SymRef) {
        self.calls.push(Call { site: self.sites.len() as u32, kinds, sym });
        self.branch(branch, BEHIND);
    }

    /// Notes that the bytes at raw offset `at`, emitted since the last branch, refer to a label.
    pub fn reference(&mut self, at: usize, kind: F::Reference, target: Label) {
        let place = Bound { at: at as u32, sites: self.sites.len() as u32 };
        self.references.push((place, kind, target));
    }

    /// Notes a relocation of the field at raw offset `at`, emitted since the last branch.
    pub fn reloc(&mut self, at: usize, kind: RelocKind, sym: SymRef, addend: i64) {
        let place = Bound { at: at as u32, sites: self.sites.len() as u32 };
        self.relocs.push((place, RelocEntry { offset: 0, kind, sym, addend }));
    }

    /// Starts a line row here. A row without code before it is replaced.
    pub fn line(&mut self, mut row: LineRow) {
        let here = self.mark();
        if let Some((at, old)) = self.lines.last()
            && at.at == here.at
            && at.sites == here.sites
        {
            row.prologue_end |= old.prologue_end;
            self.lines.pop();
        }
        self.lines.push((here, row));
    }

    /// Adds call frame information here.
    pub fn cfi(&mut self, op: CfiOp) {
        let here = self.mark();
        self.cfi.push((here, op));
    }

    /// From here on code is unlikely to run, if it is not already.
    pub fn cold_from_here(&mut self) {
        let here = self.here();
        self.cold.get_or_insert(here);
    }

    /// Chooses branch forms, writes everything. Behind the code come `tables`, whose entries are
    /// the distances of labels from the table, and `constants`, each aligned to its size; their
    /// labels point there.
    pub fn finish(mut self, tables: &[(Label, Vec<Label>)], constants: &[(Label, &[u8])]) -> Finished {
        // Padding depends on the branches, whose forms depend on where the rest is at most.
        let table_bytes = tables.iter().map(|(_, entries)| (1 + entries.len()) * TABLE_ENTRY);
        let constant_bytes = constants.iter().map(|(_, data)| 2 * data.len());
        self.choose_forms(table_bytes.chain(constant_bytes).sum::<usize>() as u32);
        let shift = self.shifts();
        let offset = |b: Bound| (b.at + shift[b.sites as usize]) as usize;
        let code_size = self.bytes.len() + shift[self.sites.len()] as usize;
        let cold_size = self.cold.map_or(0, |b| code_size - offset(b)) as u32;
        let mut size = code_size;
        let mut places: Vec<usize> =
            self.labels.iter().map(|&b| if b.at == u32::MAX { usize::MAX } else { offset(b) }).collect();
        for (label, entries) in tables {
            places[label.0 as usize] = size.next_multiple_of(TABLE_ENTRY);
            size = places[label.0 as usize] + entries.len() * TABLE_ENTRY;
        }
        for (label, data) in constants {
            places[label.0 as usize] = size.next_multiple_of(data.len());
            size = places[label.0 as usize] + data.len();
        }
        let place = |label: Label| *places.get(label.0 as usize).unwrap_or(&size) as i64;
        let mut bytes = Vec::with_capacity(size);
        let mut from = 0;
        for (i, site) in self.sites.iter().enumerate() {
            bytes.extend_from_slice(&self.bytes[from..site.at as usize]);
            from = site.at as usize;
            let displacement = place(site.target) - bytes.len() as i64;
            F::write_branch(site.branch, site.form as usize, displacement, &mut bytes);
            debug_assert_eq!(bytes.len() as u32, site.at + shift[i + 1], "branch has its size");
        }
        bytes.extend_from_slice(&self.bytes[from..]);
        for &(label, ref entries) in tables {
            bytes.resize(places[label.0 as usize], 0);
            for &target in entries {
                bytes.extend_from_slice(&((place(target) - place(label)) as i32).to_le_bytes());
            }
        }
        for (label, data) in constants {
            bytes.resize(places[label.0 as usize], 0);
            bytes.extend_from_slice(data);
        }
        for &(at, kind, target) in &self.references {
            let at = offset(at);
            F::patch(kind, &mut bytes, at, place(target) - at as i64);
        }
        let call = |c: &Call| {
            let site = &self.sites[c.site as usize];
            let offset = site.at + shift[c.site as usize];
            RelocEntry { offset, kind: c.kinds[site.form as usize], sym: c.sym, addend: 0 }
        };
        let relocs = self.relocs.iter().map(|&(at, r)| RelocEntry { offset: offset(at) as u32, ..r });
        let mut relocs: Vec<RelocEntry> = relocs.chain(self.calls.iter().map(call)).collect();
        relocs.sort_by_key(|r| r.offset);
        let lines = self.lines.iter().map(|&(at, r)| LineRow { offset: offset(at) as u32, ..r }).collect();
        let cfi = self.cfi.iter().map(|&(at, op)| (offset(at) as u32, op)).collect();
        Finished { bytes, code_size: code_size as u32, cold_size, relocs, lines, cfi }
    }

    /// Bytes of branches before each site, and in total.
    fn shifts(&self) -> Vec<u32> {
        let mut sum = 0;
        let mut shifts = Vec::with_capacity(self.sites.len() + 1);
        shifts.push(0);
        for s in &self.sites {
            sum += F::forms(s.branch)[s.form as usize].size as u32;
            shifts.push(sum);
        }
        shifts
    }

    /// Grows branches until all reach, in rounds that are linear. Growing one may put another out of reach,
    /// which is seen in the next round; where that goes on for long, all get the form that reaches everything.
    /// Tables and constants are taken to be as far away as they can be: at the end of `behind` more
    /// bytes.
    fn choose_forms(&mut self, behind: u32) {
        for _ in 0..ROUNDS {
            let shift = self.shifts();
            let mut grown = false;
            for i in 0..self.sites.len() {
                let s = &self.sites[i];
                let forms = F::forms(s.branch);
                let target = *self.labels.get(s.target.0 as usize).unwrap_or(&UNBOUND);
                let to = match target.at {
                    u32::MAX => self.bytes.len() as u32 + shift[self.sites.len()] + behind,
                    at => at + shift[target.sites as usize],
                } as i64;
                let from = (s.at + shift[i]) as i64;
                let mut form = s.form as usize;
                while !(forms[form].min..=forms[form].max).contains(&(to - from)) {
                    form += 1;
                }
                if form != s.form as usize {
                    self.sites[i].form = form as u8;
                    grown = true;
                }
            }
            if !grown {
                return;
            }
        }
        for s in &mut self.sites {
            s.form = F::forms(s.branch).len() as u8 - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Branches of one byte with a reach of ten bytes, or of five bytes.
    struct Toy;

    impl Fixups for Toy {
        type Branch = ();
        type Reference = ();
        const JUMP: () = ();

        fn forms((): ()) -> &'static [BranchForm] {
            const {
                &[
                    BranchForm { size: 1, min: -10, max: 10 },
                    BranchForm { size: 5, min: i64::MIN, max: i64::MAX },
                ]
            }
        }

        fn write_branch((): (), form: usize, _: i64, out: &mut Vec<u8>) {
            out.resize(out.len() + usize::from(Toy::forms(())[form].size), 0);
        }

        fn patch((): (), _: &mut [u8], _: usize, _: i64) {}
    }

    /// Size of the code of `n` branches of which each reaches only as long as the next is short, and of one
    /// before them that always reaches. The target of the last is `distance` bytes away.
    fn size(n: usize, distance: usize) -> usize {
        let mut b = Buffer::<Toy>::new(0);
        let near = b.label();
        b.bind(near);
        b.branch((), near);
        let mut before = None;
        for _ in 0..n {
            let target = b.label();
            b.branch((), target);
            b.bytes.extend([0; 3]);
            before.replace(target).into_iter().for_each(|t| b.bind(t));
            b.bytes.extend([0; 2]);
        }
        b.bytes.resize(b.bytes.len() + distance - 6, 0);
        before.into_iter().for_each(|t| b.bind(t));
        b.finish(&[], &[]).bytes.len()
    }

    #[test]
    fn growth_of_branches_ends() {
        let bytes = |n: usize, distance: usize| 5 * n + distance - 6;
        assert_eq!(size(5, 10), bytes(5, 10) + 6);
        assert_eq!(size(5, 11), bytes(5, 11) + 1 + 5 * 5);
        assert_eq!(size(ROUNDS, 11), bytes(ROUNDS, 11) + 5 + 5 * ROUNDS);
    }
}
