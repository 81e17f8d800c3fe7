//! Regions: kinds of memory that are apart.
//!
//! A load or store names the region it is in, or none ([`Region::ANY`]). Two accesses in different regions
//! never touch the same byte, whatever their addresses; one that names none may touch anything. So
//! a region is a field of all objects of one kind (`List.len`), or what all elements of a class are in.
//!
//! A *constant* region is written only while its object is made, before anybody else can see the object: what
//! is known of an object stays true whatever is written through another address.
//!
//! A region of *counts* has only numbers of things that are in memory at once: never negative, and below
//! [`COUNT_BITS`] bits. So is what is loaded from it.
//!
//! Words of a region *by kind* are even in objects of an even kind. The kind is the low byte of what the object's
//! first word refers to, its descriptor, which never changes; the word itself may, so that it is a region, too,
//! `R.kind` for a region `R.words`. So one look at an object tells what otherwise each of its words has to
//! ([`Regions::kind_of`]).
//!
//! What a word of an *own* region refers to belongs to the object with that word: no other word of the region ever
//! refers to it. (What is not in the heap has no words, and may belong to many.)
//!
//! The runtime's records and the program's struct types say which regions there are (`runtime/README.md`);
//! passes ask [`Regions::apart`]. The interpreter is the judge: it remembers in which region each word of
//! memory was last written, and an access in another one is a trap ([`crate::interp::Trap::WrongRegion`]);
//! so is a word of a region of counts that is none ([`crate::interp::Trap::NoCount`]).

use std::collections::HashMap;

/// A region: an index in the table of its module.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub struct Region(pub u16);

impl Region {
    /// The access may touch anything.
    pub const ANY: Region = Region(0);
}

/// Addresses on the machines that we know have no more bits, and nothing in memory is more than its bytes.
pub const COUNT_BITS: u32 = 48;

/// What everybody keeps to who writes in a region.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Promise {
    /// Nothing in it changes once its object is made.
    pub constant: bool,
    /// All words in it are counts.
    pub count: bool,
    /// All words in it are even in objects of an even kind.
    pub by_kind: bool,
    /// What a word in it refers to belongs to its object alone.
    pub own: bool,
}

/// The region of single words of global data, each of which has a symbol.
pub const VARIABLE: &str = "variable";

/// The regions of a module.
#[derive(Clone, Default, Debug)]
pub struct Regions {
    rows: Vec<(String, Promise)>,
    by_name: HashMap<String, Region>,
    /// Of each row, the first one of its record.
    records: Vec<Region>,
    by_record: HashMap<String, Region>,
}

impl Regions {
    /// The region with this name, which promises what everybody says. When there are too many, any.
    pub fn declare(&mut self, name: &str, promise: Promise) -> Region {
        if let Some(&region) = self.by_name.get(name) {
            let old = &mut self.rows[usize::from(region.0) - 1].1;
            old.constant &= promise.constant;
            old.count &= promise.count;
            old.by_kind &= promise.by_kind;
            old.own &= promise.own;
            return region;
        }
        let Ok(index) = u16::try_from(self.rows.len() + 1) else { return Region::ANY };
        let region = Region(index);
        let record = name.rsplit_once('.').map_or(name, |(record, _)| record);
        self.records.push(*self.by_record.entry(record.to_string()).or_insert(region));
        self.rows.push((name.to_string(), promise));
        self.by_name.insert(name.to_string(), region);
        region
    }

    /// Both are fields of one record (`List.len` and `List.flags`): an object that has one has the other.
    pub fn are_together(&self, a: Region, b: Region) -> bool {
        let record = |r: Region| Some(self.records[usize::from(r.0).checked_sub(1)?]);
        record(a).is_some() && record(a) == record(b)
    }

    /// The region is a field of a record that has an own field.
    pub fn has_own(&self, region: Region) -> bool {
        (1..).map(Region).take(self.rows.len()).any(|r| self.is_own(r) && self.are_together(r, region))
    }

    /// The region with this name.
    pub fn find(&self, name: &str) -> Option<Region> {
        self.by_name.get(name).copied()
    }

    /// Name of each and what it promises, in order.
    pub fn rows(&self) -> &[(String, Promise)] {
        &self.rows
    }

    /// The name of a region that an access may name; `None` for any.
    pub fn name(&self, region: Region) -> Option<&str> {
        Some(&self.rows.get(usize::from(region.0).checked_sub(1)?)?.0)
    }

    /// It is one of this table.
    pub fn contains(&self, region: Region) -> bool {
        usize::from(region.0) <= self.rows.len()
    }

    /// What is in it never changes once its object is made.
    pub fn is_constant(&self, region: Region) -> bool {
        self.promise(region).constant
    }

    /// The words in it are counts.
    pub fn is_count(&self, region: Region) -> bool {
        self.promise(region).count
    }

    /// What a word in it refers to belongs to its object alone.
    pub fn is_own(&self, region: Region) -> bool {
        self.promise(region).own
    }

    /// Where the kind of the object is on which it depends whether words in this region are even, if it does.
    pub fn kind_of(&self, region: Region) -> Option<Region> {
        let by_kind = self.promise(region).by_kind;
        let (record, _) = self.name(region).filter(|_| by_kind)?.rsplit_once('.')?;
        self.find(&format!("{record}.kind"))
    }

    fn promise(&self, region: Region) -> Promise {
        usize::from(region.0).checked_sub(1).map_or(Promise::default(), |i| self.rows[i].1)
    }

    /// Accesses in these regions never touch the same byte.
    pub fn apart(a: Region, b: Region) -> bool {
        a != b && a != Region::ANY && b != Region::ANY
    }
}
