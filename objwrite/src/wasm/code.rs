//! Bodies of functions: insertion of numbers, offsets in the code section, line rows.
//!
//! The bytes of a function's atom are its type and its body; every relocation inserts a number into
//! the body. Most numbers are known before anything is placed. Three kinds are not: offsets in the
//! code, its end, and the end of the data, which depends on the size of the pc table and so on
//! offsets in the code. Their sizes start small and only ever grow until all numbers fit, so placing
//! ends; in the rare case that a number then needs less it is padded.
//!
//! A line row of an atom moves by what is inserted before it. What is inserted at the row's own
//! offset belongs to the instruction before it.

use super::sections::number;
use crate::leb;
use crate::model::LineRow;
use std::borrow::Cow;

/// A number to be inserted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Number {
    /// It is known.
    Known(i64),
    /// The offset of its own first byte in the contents of the code section, plus this.
    Here(i64),
    /// The size of the contents of the code section, plus this.
    CodeEnd(i64),
    /// The end of the data in memory, plus this.
    DataEnd(i64),
}

/// An insertion into a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Insertion {
    /// Offset in the body.
    pub at: u32,
    /// Number of the body's bytes from there on that it replaces.
    pub replaces: u32,
    /// Whether the number is read as signed.
    pub signed: bool,
    /// The number.
    pub number: Number,
}

/// A function to be placed: its body as in the file, without its size, but for the insertions.
#[derive(Clone, Debug)]
pub struct Body<'a> {
    /// Bytes.
    pub bytes: Cow<'a, [u8]>,
    /// Insertions in order of offset.
    pub insertions: Vec<Insertion>,
}

/// The code section: bodies with their places.
#[derive(Debug)]
pub struct Code<'a> {
    bodies: Vec<Body<'a>>,
    /// Sizes of the inserted numbers, body after body.
    sizes: Vec<u8>,
    /// By body.
    places: Vec<BodyRange>,
    data_end: u64,
    size: u64,
}

/// Where a body is.
#[derive(Clone, Copy, Debug)]
pub struct BodyRange {
    /// Offset in the contents of the section.
    pub start: u64,
    /// Size in bytes.
    pub size: u64,
    /// Index of its first insertion's size.
    first: usize,
}

impl<'a> Code<'a> {
    /// Places bodies; `data_end` is a lower bound of the end of the data.
    pub fn new(bodies: Vec<Body<'a>>, data_end: u64) -> Code<'a> {
        let mut count = 0;
        let mut places = Vec::with_capacity(bodies.len());
        for body in &bodies {
            places.push(BodyRange { start: 0, size: 0, first: count });
            count += body.insertions.len();
        }
        let mut code = Code { bodies, sizes: vec![1; count], places, data_end, size: 0 };
        code.place();
        code
    }

    /// Sets the end of the data, and says whether that moved code.
    pub fn set_data_end(&mut self, data_end: u64) -> bool {
        self.data_end = data_end;
        self.place()
    }

    /// Size of the section's contents.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where a body is.
    pub fn body(&self, index: usize) -> BodyRange {
        self.places[index]
    }

    /// Gives every body its place; says whether sizes of numbers grew.
    ///
    /// A number grows only when its place or an end passes a power of 128, and all that lies behind has then
    /// passed it or does so in the same round: rounds are few, whatever the number of bodies.
    fn place(&mut self) -> bool {
        let mut moved = false;
        loop {
            let mut grown = false;
            let mut at = leb::size(self.bodies.len() as u64) as u64;
            let mut sizes = self.sizes.iter_mut();
            for (body, place) in self.bodies.iter().zip(&mut self.places) {
                // The place of the last round is as good as any: what follows from it only grows.
                let mut here = place.start;
                let mut last = 0;
                let mut size = 0;
                for i in &body.insertions {
                    let before = u64::from(i.at - last);
                    here += before;
                    let length = sizes.next().expect("a size for every insertion");
                    let need = i.size(i.number.value(here, self.size, self.data_end)) as u8;
                    if need > *length {
                        *length = need;
                        grown = true;
                    }
                    here += u64::from(*length);
                    size += before + u64::from(*length);
                    last = i.at + i.replaces;
                }
                size += body.bytes.len() as u64 - u64::from(last);
                at += leb::size(size) as u64;
                grown |= (place.start, place.size) != (at, size);
                (place.start, place.size) = (at, size);
                at += size;
            }
            grown |= self.size != at;
            self.size = at;
            if !grown {
                return moved;
            }
            moved = true;
        }
    }

    /// The line rows of a function, whose offsets count from `type_size` bytes before its body, as
    /// rows with offsets in the placed body.
    pub fn rows(&self, index: usize, rows: &[LineRow], type_size: usize) -> Vec<LineRow> {
        let body = &self.bodies[index];
        let mut insertions = body.insertions.iter().zip(&self.sizes[self.places[index].first..]).peekable();
        let mut moved = 0;
        let map = |row: &LineRow| {
            let offset = row.offset.saturating_sub(type_size as u32);
            while let Some((i, &size)) = insertions.next_if(|(i, _)| i.at + i.replaces <= offset) {
                moved += i64::from(size) - i64::from(i.replaces);
            }
            LineRow { offset: (i64::from(offset) + moved) as u32, ..*row }
        };
        rows.iter().map(map).collect()
    }

    /// The contents of the section.
    pub fn contents(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size as usize);
        number(&mut out, self.bodies.len());
        let mut sizes = self.sizes.iter();
        for (body, place) in self.bodies.iter().zip(&self.places) {
            leb::write(&mut out, place.size);
            debug_assert_eq!(out.len() as u64, place.start);
            let mut last = 0;
            for i in &body.insertions {
                out.extend(&body.bytes[last..i.at as usize]);
                let value = i.number.value(out.len() as u64, self.size, self.data_end);
                let size = sizes.next().expect("a size for every insertion");
                leb::write_padded(&mut out, value, (*size).into());
                last = (i.at + i.replaces) as usize;
            }
            out.extend(&body.bytes[last..]);
        }
        out
    }
}

impl Number {
    fn value(self, here: u64, code_end: u64, data_end: u64) -> i64 {
        match self {
            Number::Known(v) => v,
            Number::Here(addend) => addend.wrapping_add(here as i64),
            Number::CodeEnd(addend) => addend.wrapping_add(code_end as i64),
            Number::DataEnd(addend) => addend.wrapping_add(data_end as i64),
        }
    }
}

impl Insertion {
    /// Bytes of the shortest form of a number here.
    fn size(&self, value: i64) -> usize {
        if self.signed { leb::size_signed(value) } else { leb::size(value as u64) }
    }
}
