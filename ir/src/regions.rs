//! Regions: kinds of memory that are apart.
//!
//! A load or store names the region it is in, or none ([`Region::ANY`]). Two accesses in different regions
//! never touch the same byte, whatever their addresses; one that names none may touch anything. So
//! a region is a field of all objects of one kind (`List.len`), or what all elements of a class are in.
//!
//! A *constant* region is written only while its object is made, before anybody else can see the object: what
//! is known of an object stays true whatever is written through another address.
//!
//! The runtime's records and the program's struct types say which regions there are (`runtime/README.md`);
//! passes ask [`Regions::apart`]. The interpreter is the judge: it remembers in which region each word of memory
//! was last written, and an access in another one is a trap ([`crate::interp::Trap::WrongRegion`]).

use std::collections::HashMap;

/// A region: an index in the table of its module.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub struct Region(pub u16);

impl Region {
    /// The access may touch anything.
    pub const ANY: Region = Region(0);
}

/// The region of single words of global data, each of which has a symbol.
pub const VARIABLE: &str = "variable";

/// The regions of a module.
#[derive(Clone, Default, Debug)]
pub struct Regions {
    rows: Vec<(String, bool)>,
    by_name: HashMap<String, Region>,
    /// Of each row, the first one of its record.
    records: Vec<Region>,
    by_record: HashMap<String, Region>,
}

impl Regions {
    /// The region with this name, constant when everybody says so. When there are too many, any.
    pub fn declare(&mut self, name: &str, constant: bool) -> Region {
        if let Some(&region) = self.by_name.get(name) {
            self.rows[usize::from(region.0) - 1].1 &= constant;
            return region;
        }
        let Ok(index) = u16::try_from(self.rows.len() + 1) else { return Region::ANY };
        let region = Region(index);
        let record = name.rsplit_once('.').map_or(name, |(record, _)| record);
        self.records.push(*self.by_record.entry(record.to_string()).or_insert(region));
        self.rows.push((name.to_string(), constant));
        self.by_name.insert(name.to_string(), region);
        region
    }

    /// Both are fields of one record (`List.len` and `List.flags`): an object that has one has the other.
    pub fn are_together(&self, a: Region, b: Region) -> bool {
        let record = |r: Region| Some(self.records[usize::from(r.0).checked_sub(1)?]);
        record(a).is_some() && record(a) == record(b)
    }

    /// The region with this name.
    pub fn find(&self, name: &str) -> Option<Region> {
        self.by_name.get(name).copied()
    }

    /// Name of each and whether it is constant, in order.
    pub fn rows(&self) -> &[(String, bool)] {
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
        usize::from(region.0).checked_sub(1).is_some_and(|i| self.rows[i].1)
    }

    /// Accesses in these regions never touch the same byte.
    pub fn apart(a: Region, b: Region) -> bool {
        a != b && a != Region::ANY && b != Region::ANY
    }
}
