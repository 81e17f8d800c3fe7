//! In which region each word of memory was last written: the judge of what accesses say ([`crate::regions`]).

use super::Trap;
use super::memory::MAP_BASE;
use crate::hash::FastMap;
use crate::module::Module;
use crate::regions::{COUNT_BITS, Region, Regions};

/// The regions of all modules of a program: they are the same where their names are.
#[derive(Debug, Default)]
pub(super) struct Common {
    table: Regions,
    /// By module and region.
    common: Vec<Vec<Region>>,
}

impl Common {
    pub(super) fn new(modules: &[&Module]) -> Common {
        let mut table = Regions::default();
        let mut common = Vec::new();
        for module in modules {
            let rows = module.regions.rows().iter();
            let own = rows.map(|(name, promise)| table.declare(name, *promise));
            common.push([Region::ANY].into_iter().chain(own).collect());
        }
        Common { table, common }
    }

    pub(super) fn of(&self, module: u32, region: Region) -> Region {
        self.common[module as usize][usize::from(region.0)]
    }

    pub(super) fn is_own(&self, region: Region) -> bool {
        self.table.is_own(region)
    }

    /// A word that is loaded or stored in a region is one that may be there.
    pub(super) fn holds(&self, region: Region, word: u64) -> Result<(), Trap> {
        if self.table.is_count(region) && word >> COUNT_BITS != 0 {
            return Err(Trap::NoCount(self.table.name(region).unwrap_or("any").to_string(), word));
        }
        Ok(())
    }
}

/// The words that are in a region, by address; others may be in any.
#[derive(Debug, Default)]
pub(super) struct Places {
    words: FastMap<u64, Region>,
    /// Where what belongs to an object was last put, by its address.
    owners: FastMap<u64, u64>,
}

impl Places {
    /// An access of a few bytes. A store puts them into its region, or takes them out of theirs.
    pub(super) fn access(
        &mut self,
        table: &Common,
        (at, size): (u64, u64),
        region: Region,
        store: bool,
    ) -> Result<(), Trap> {
        for word in at / 8..=(at + size - 1) / 8 {
            let old = self.words.get(&word).copied().unwrap_or(Region::ANY);
            let again = store && old == region && table.table.is_constant(region);
            if Regions::apart(old, region) || again {
                let name = |r| table.table.name(r).unwrap_or("any").to_string();
                return Err(Trap::WrongRegion(name(region), name(old)));
            }
            if store && region == Region::ANY {
                self.words.remove(&word);
            } else if store {
                self.words.insert(word, region);
            }
        }
        Ok(())
    }

    /// Puts an object of the heap where it belongs. Gives where it was before, if that is another place.
    pub(super) fn own(&mut self, object: u64, at: u64) -> Option<u64> {
        if object < MAP_BASE {
            return None;
        }
        self.owners.insert(object, at).filter(|&old| old != at)
    }

    /// There is a new object at this address.
    pub(super) fn disown(&mut self, object: u64) {
        self.owners.remove(&object);
    }

    /// Takes bytes out of their regions.
    pub(super) fn forget(&mut self, at: u64, size: u64) {
        if size == 0 {
            return;
        }
        let (first, last) = (at / 8, (at + size - 1) / 8);
        if last - first < self.words.len() as u64 {
            for word in first..=last {
                self.words.remove(&word);
            }
        } else {
            self.words.retain(|word, _| !(first..=last).contains(word));
        }
    }
}
