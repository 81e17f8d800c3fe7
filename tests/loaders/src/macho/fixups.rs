//! The opcodes of `LC_DYLD_INFO_ONLY`: which words the run-time linker changes, and to what.

use super::image::{DyldInfo, Image, Part, Unreadable};
use mochi_objwrite::leb;

/// The opcodes' types of places: an address of 8 bytes.
const POINTER: u8 = 1;

/// A word that becomes the address of a library's symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// Address of the word, without slide.
    pub address: u64,
    /// Index of its segment.
    pub segment: usize,
    /// The number of the library, 1 for the first; others are special.
    pub library: i64,
    /// The symbol.
    pub symbol: String,
    /// What is added to its address.
    pub addend: i64,
}

/// A word that has an address of the image, to which the slide is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebase {
    /// Address of the word, without slide.
    pub address: u64,
    /// Index of its segment.
    pub segment: usize,
}

/// What the run-time linker changes, in order of opcodes.
#[derive(Clone, Debug, Default)]
pub struct Fixups {
    /// Addresses of the image.
    pub rebases: Vec<Rebase>,
    /// Addresses of libraries.
    pub binds: Vec<Bind>,
}

/// The state of either machine: a stream of opcodes, and the place that comes next.
struct Machine<'a> {
    image: &'a Image<'a>,
    code: &'a [u8],
    at: usize,
    kind: u8,
    segment: Option<usize>,
    offset: u64,
}

/// Reads the fixups of an image.
pub fn read(image: &Image) -> Result<Fixups, Unreadable> {
    let Some(DyldInfo { rebase, bind, weak, lazy, .. }) = image.dyld else { return Ok(Fixups::default()) };
    if weak.size != 0 || lazy.size != 0 {
        return Err("weak or lazy binding, which is not known here".into());
    }
    Ok(Fixups { rebases: rebases(image, rebase)?, binds: binds(image, bind)? })
}

impl<'a> Machine<'a> {
    fn new(image: &'a Image<'a>, part: Part) -> Result<Machine<'a>, Unreadable> {
        Ok(Machine { image, code: image.part(part)?, at: 0, kind: 0, segment: None, offset: 0 })
    }

    /// The next opcode and its immediate.
    fn next(&mut self) -> Option<(u8, u8)> {
        let byte = *self.code.get(self.at)?;
        self.at += 1;
        Some((byte & 0xF0, byte & 0x0F))
    }

    fn number(&mut self) -> Result<u64, Unreadable> {
        Ok(leb::read(self.code, &mut self.at, 64).ok_or("a number of an opcode does not end")?)
    }

    fn signed(&mut self) -> Result<i64, Unreadable> {
        let start = self.at;
        let value = self.number()?;
        let bits = 7 * (self.at - start) as u32;
        let unused = 64u32.saturating_sub(bits);
        Ok((value << unused) as i64 >> unused)
    }

    fn string(&mut self) -> Result<String, Unreadable> {
        let rest = &self.code[self.at..];
        let end = rest.iter().position(|&b| b == 0).ok_or("a symbol of an opcode does not end")?;
        self.at += end + 1;
        Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
    }

    fn set_place(&mut self, segment: u8) -> Result<(), Unreadable> {
        self.segment = Some(segment.into());
        self.offset = self.number()?;
        Ok(())
    }

    /// Goes on; never back, so that counted fixups come to the end of the segment.
    fn skip(&mut self, bytes: u64) -> Result<(), Unreadable> {
        self.offset = self.offset.checked_add(bytes).ok_or("a fixup that goes back")?;
        Ok(())
    }

    /// The place that comes next, which moves behind it.
    fn place(&mut self) -> Result<(u64, usize), Unreadable> {
        let index = self.segment.ok_or("a fixup before its segment")?;
        let segment = self.image.segments.get(index).ok_or("a fixup in no segment")?;
        if self.kind != POINTER {
            return Err(format!("a fixup of type {}", self.kind).into());
        }
        // Zeros have no addresses to fix up.
        let size = segment.size.min(segment.file.size).min(self.image.file.len() as u64);
        if self.offset.checked_add(8).is_none_or(|end| end > size) {
            return Err(format!("a fixup at {:#x} behind what {} has", self.offset, segment.name).into());
        }
        let address = segment.address.wrapping_add(self.offset);
        self.offset += 8;
        Ok((address, index))
    }
}

fn rebases(image: &Image, part: Part) -> Result<Vec<Rebase>, Unreadable> {
    let mut m = Machine::new(image, part)?;
    let mut list = Vec::new();
    while let Some((opcode, immediate)) = m.next() {
        let (mut count, mut gap) = (0, 0);
        match opcode {
            0x00 => break,
            0x10 => m.kind = immediate,
            0x20 => m.set_place(immediate)?,
            0x30 => {
                let bytes = m.number()?;
                m.skip(bytes)?;
            }
            0x40 => m.skip(u64::from(immediate) * 8)?,
            0x50 => count = immediate.into(),
            0x60 => count = m.number()?,
            0x70 => (count, gap) = (1, m.number()?),
            0x80 => (count, gap) = (m.number()?, m.number()?),
            _ => return Err(format!("an opcode {opcode:#x} among rebases").into()),
        }
        // Ends: places only grow, and `place` fails behind the segment.
        for _ in 0..count {
            let (address, segment) = m.place()?;
            list.push(Rebase { address, segment });
            m.skip(gap)?;
        }
    }
    Ok(list)
}

fn binds(image: &Image, part: Part) -> Result<Vec<Bind>, Unreadable> {
    let mut m = Machine::new(image, part)?;
    let mut list = Vec::new();
    let (mut library, mut symbol, mut addend) = (None, None, 0);
    while let Some((opcode, immediate)) = m.next() {
        let (mut count, mut gap) = (0, 0);
        match opcode {
            0x00 => break,
            0x10 => library = Some(immediate.into()),
            0x20 => library = Some(m.number()? as i64),
            // Special ones are small negative numbers.
            0x30 => library = Some(if immediate == 0 { 0 } else { i64::from(immediate) - 16 }),
            0x40 => symbol = Some(m.string()?),
            0x50 => m.kind = immediate,
            0x60 => addend = m.signed()?,
            0x70 => m.set_place(immediate)?,
            0x80 => {
                let bytes = m.number()?;
                m.skip(bytes)?;
            }
            0x90 => count = 1,
            0xA0 => (count, gap) = (1, m.number()?),
            0xB0 => (count, gap) = (1, u64::from(immediate) * 8),
            0xC0 => (count, gap) = (m.number()?, m.number()?),
            _ => return Err(format!("an opcode {opcode:#x} among binds").into()),
        }
        // Ends as above.
        for _ in 0..count {
            let (address, segment) = m.place()?;
            let library = library.ok_or("a bind before its library")?;
            let symbol: String = symbol.clone().ok_or("a bind before its symbol")?;
            list.push(Bind { address, segment, library, symbol, addend });
            m.skip(gap)?;
        }
    }
    Ok(list)
}
