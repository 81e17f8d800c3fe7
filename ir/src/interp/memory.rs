//! Memory of the interpreted program: mappings of a flat 64-bit address space, in pages that come
//! into being when they are first written. Gaps between mappings fault.

use super::Trap;
use crate::nones::LOWEST_MAPPED;

const PAGE: u64 = 1 << 16;

/// Pages of a row.
const ROW: usize = 256;

/// Where new mappings start.
pub(super) const MAP_BASE: u64 = 0x5000_0000_0000;

struct Mapping {
    base: u64,
    size: u64,
    writable: bool,
    /// Pages in rows of [`ROW`]; rows that nothing was written to have none, and those behind the last one
    /// that was written are not there: a mapping may be much larger than what is used.
    rows: Vec<Vec<Option<Box<[u8]>>>>,
}

/// The memory.
#[derive(Default)]
pub struct Memory {
    /// Sorted by base, disjoint.
    mappings: Vec<Mapping>,
    /// Index of the mapping used last: the next access is probably there too.
    last: usize,
    mapped: u64,
}

/// The row and the column of the page with this offset.
fn place(offset: u64) -> (usize, usize) {
    let index = (offset / PAGE) as usize;
    (index / ROW, index % ROW)
}

impl Mapping {
    /// The page with this offset in the mapping, made if it is not there.
    fn page(&mut self, offset: u64) -> &mut [u8] {
        let size = PAGE.min(self.size - offset / PAGE * PAGE) as usize;
        let (row, column) = place(offset);
        if row >= self.rows.len() {
            self.rows.resize_with(row + 1, Vec::new);
        }
        let row = &mut self.rows[row];
        if row.is_empty() {
            row.resize_with(ROW, || None);
        }
        row[column].get_or_insert_with(|| vec![0; size].into_boxed_slice())
    }

    /// The page with this offset, if it was written.
    fn written(&self, offset: u64) -> Option<&[u8]> {
        let (row, column) = place(offset);
        self.rows.get(row)?.get(column)?.as_deref()
    }
}

impl Memory {
    /// An empty memory.
    pub fn new() -> Memory {
        Memory::default()
    }

    /// Adds zeroed memory at a fixed place. The place must be free.
    pub fn map_at(&mut self, base: u64, size: u64, writable: bool) {
        let at = self.mappings.partition_point(|r| r.base < base);
        self.mappings.insert(at, Mapping { base, size, writable, rows: Vec::new() });
        self.last = 0;
    }

    /// Adds zeroed, writable memory somewhere.
    pub fn map(&mut self, size: u64) -> u64 {
        let base = MAP_BASE + self.mapped;
        // A gap after each mapping catches overruns.
        self.mapped += size.next_multiple_of(PAGE) + PAGE;
        self.map_at(base, size, true);
        base
    }

    /// Removes the mapping that starts here, if it has this size; else leaves it mapped.
    pub fn unmap(&mut self, base: u64, size: u64) {
        let rounded = size.next_multiple_of(4096);
        self.mappings.retain(|r| r.base != base || r.size.next_multiple_of(4096) != rounded);
        self.last = 0;
    }

    /// The address is mapped.
    pub fn is_mapped(&self, addr: u64) -> bool {
        let i = self.mappings.partition_point(|r| r.base <= addr);
        i > 0 && addr - self.mappings[i - 1].base < self.mappings[i - 1].size
    }

    /// The lowest address of the mapping around this one.
    pub fn mapping_base(&self, addr: u64) -> Option<u64> {
        let i = self.mappings.partition_point(|r| r.base <= addr);
        (i > 0 && addr - self.mappings[i - 1].base <= self.mappings[i - 1].size)
            .then(|| self.mappings[i - 1].base)
    }

    /// Finds the mapping of an access and the offset in it.
    fn find(&mut self, addr: u64, size: u64) -> Result<(&mut Mapping, u64), Trap> {
        let fits = |r: &Mapping| addr >= r.base && addr - r.base < r.size && size <= r.size - (addr - r.base);
        if !self.mappings.get(self.last).is_some_and(fits) {
            let i = self.mappings.partition_point(|r| r.base <= addr);
            if i == 0 || !fits(&self.mappings[i - 1]) {
                return Err(if addr < LOWEST_MAPPED as u64 {
                    Trap::NullDereference
                } else {
                    Trap::BadAddress(addr)
                });
            }
            self.last = i - 1;
        }
        let mapping = &mut self.mappings[self.last];
        let offset = addr - mapping.base;
        Ok((mapping, offset))
    }

    /// Reads up to 8 bytes, little endian, zero extended.
    pub fn load(&mut self, addr: u64, size: usize) -> Result<u64, Trap> {
        let (mapping, offset) = self.find(addr, size as u64)?;
        let within = (offset % PAGE) as usize;
        let mut bytes = [0; 8];
        if within + size <= PAGE as usize {
            if let Some(page) = mapping.written(offset) {
                bytes[..size].copy_from_slice(&page[within..within + size]);
            }
        } else {
            for (i, byte) in bytes[..size].iter_mut().enumerate() {
                *byte = mapping.page(offset + i as u64)[((offset + i as u64) % PAGE) as usize];
            }
        }
        Ok(u64::from_le_bytes(bytes))
    }

    /// Writes the low bytes of a word.
    pub fn store(&mut self, addr: u64, size: usize, value: u64) -> Result<(), Trap> {
        let (mapping, offset) = self.find(addr, size as u64)?;
        if !mapping.writable {
            return Err(Trap::ReadOnly(addr));
        }
        let bytes = &value.to_le_bytes()[..size];
        let within = (offset % PAGE) as usize;
        if within + size <= PAGE as usize {
            mapping.page(offset)[within..within + size].copy_from_slice(bytes);
        } else {
            for (i, &byte) in bytes.iter().enumerate() {
                mapping.page(offset + i as u64)[((offset + i as u64) % PAGE) as usize] = byte;
            }
        }
        Ok(())
    }

    /// Copies bytes out.
    pub fn read(&mut self, addr: u64, size: u64) -> Result<Vec<u8>, Trap> {
        if size == 0 {
            return Ok(Vec::new());
        }
        let (mapping, offset) = self.find(addr, size)?;
        let mut out = Vec::with_capacity(size as usize);
        while (out.len() as u64) < size {
            let at = offset + out.len() as u64;
            let n = (PAGE - at % PAGE).min(size - out.len() as u64) as usize;
            match mapping.written(at) {
                Some(page) => out.extend_from_slice(&page[(at % PAGE) as usize..][..n]),
                None => out.resize(out.len() + n, 0),
            }
        }
        Ok(out)
    }

    /// Copies bytes in.
    pub fn write(&mut self, addr: u64, bytes: &[u8]) -> Result<(), Trap> {
        if bytes.is_empty() {
            return Ok(());
        }
        let (mapping, _) = self.find(addr, bytes.len() as u64)?;
        if !mapping.writable {
            return Err(Trap::ReadOnly(addr));
        }
        self.init(addr, bytes);
        Ok(())
    }

    /// Sets bytes.
    pub fn fill(&mut self, addr: u64, byte: u8, size: u64) -> Result<(), Trap> {
        if size == 0 {
            return Ok(());
        }
        let (mapping, offset) = self.find(addr, size)?;
        if !mapping.writable {
            return Err(Trap::ReadOnly(addr));
        }
        let mut at = offset;
        while at < offset + size {
            let n = (PAGE - at % PAGE).min(offset + size - at);
            if byte != 0 || mapping.written(at).is_some() {
                mapping.page(at)[(at % PAGE) as usize..][..n as usize].fill(byte);
            }
            at += n;
        }
        Ok(())
    }

    /// Copies bytes into mapped memory, also where the program may not write.
    pub(super) fn init(&mut self, addr: u64, bytes: &[u8]) {
        let (mapping, offset) = self.find(addr, bytes.len() as u64).expect("mapped");
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let n = ((PAGE - at % PAGE) as usize).min(bytes.len() - done);
            mapping.page(at)[(at % PAGE) as usize..][..n].copy_from_slice(&bytes[done..done + n]);
            done += n;
        }
    }
}
