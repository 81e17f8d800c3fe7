//! A strict loader of Mach-O executables for x86-64 and arm64.
//!
//! [`lint`] has a rule for each way in which programs of other compilers were refused or killed by macOS: the
//! kernel (XNU's `mach_loader.c`, which kills without a word), the run-time linker (dyld's `mach_o/Header.cpp`
//! and `Image.cpp`, whose newest rules hold here whatever the program was built for), the check of signatures,
//! and Rosetta; some only trouble tools that change or read executables. [`load`] refuses what any rule finds,
//! and else does what kernel and run-time linker do: slides the image, rebases and binds its words, protects
//! `__DATA_CONST`. The result is an executable for Linux that begins in [`crate::libsystem`].

mod fixups;
mod image;
mod linkedit;
mod segments;
mod signature;
mod universal;

use crate::elf::{Part, READ};
use crate::library::Library;
use crate::libsystem;
use crate::read::{Unreadable, u64_at};
use crate::rules::{self, Problems};
pub use crate::rules::{Refusal, UNREADABLE};
use crate::{BASE, elf};
use image::{Image, SG_READ_ONLY, Segment};
pub use universal::slice;

/// A rule finds what is wrong with an image.
type Rule = fn(&Image, &mut Problems);

/// A rule for each trap whose bytes can be seen in an executable.
const RULES: &[(u32, Rule)] = &[
    (1, segments::slides),
    (2, segments::text),
    (3, segments::page_zero),
    (4, segments::order),
    (5, segments::one_read_only),
    (6, segments::constants),
    (7, segments::pages),
    (8, segments::unmapped),
    (9, segments::link_edit_last),
    (10, segments::names),
    (11, segments::header),
    (12, segments::sections),
    (15, linkedit::build_version),
    (16, linkedit::uuid),
    (17, linkedit::libraries),
    (18, linkedit::symbol_table),
    (19, linkedit::parts),
    (20, linkedit::symbols),
    (27, linkedit::imports),
    (29, signature::fields),
    (30, signature::hashes),
    (31, signature::identifier),
];

/// The numbers of the traps that [`lint`] finds, beside [`UNREADABLE`].
pub fn traps() -> impl Iterator<Item = u32> {
    RULES.iter().map(|rule| rule.0)
}

/// What is wrong with an executable, each with the number of its trap: nothing, when macOS would start it. A
/// file that cannot be read has one finding, [`UNREADABLE`].
pub fn lint(file: &[u8]) -> Vec<(u32, String)> {
    match Image::read(file) {
        Ok(image) => findings(&image),
        Err(e) => vec![(UNREADABLE, e.0)],
    }
}

fn findings(image: &Image) -> Vec<(u32, String)> {
    rules::findings(RULES, |rule, out| rule(image, out))
}

/// Loads an executable at its address plus `slide`, a number of bytes that is a multiple of the page, and gives
/// it back as an executable for Linux on the same machine. Refuses what [`lint`] finds, and a slide with which
/// the image is not below [`BASE`].
pub fn load(file: &[u8], slide: u64) -> Result<Vec<u8>, Refusal> {
    let image = Image::read(file)?;
    let found = findings(&image);
    if !found.is_empty() {
        return Err(Refusal(found));
    }
    let end = image.mapped().map(Segment::end).max().unwrap_or(0);
    if !slide.is_multiple_of(image.page()) || end.checked_add(slide).is_none_or(|end| end > BASE) {
        return Err(Unreadable(format!("a slide of {slide:#x}")).into());
    }
    let library = libsystem::of(image.arch);
    let mut parts = memory(&image, slide, library)?;
    let main = image.main.map_or((0, 0), |m| (m.entry, m.stack));
    let text = image.segment("__TEXT").map_or(0, |s| s.address);
    parts.extend(library.parts(&[text + slide + main.0, main.1]));
    Ok(elf::write(image.arch, library.start, &parts))
}

/// The segments as they are when the program starts.
fn memory(image: &Image, slide: u64, library: &Library) -> Result<Vec<Part>, Unreadable> {
    let mut contents = Vec::with_capacity(image.segments.len());
    for segment in &image.segments {
        let mut bytes =
            if segment.max_protection == 0 { Vec::new() } else { image.part(segment.file)?.to_vec() };
        if segment.max_protection != 0 {
            bytes.resize(segment.size as usize, 0);
        }
        contents.push(bytes);
    }
    let mut change = |address: u64, index: usize, value: &dyn Fn(u64) -> u64| {
        let at = (address - image.segments[index].address) as usize;
        let field = &mut contents[index][at..at + 8];
        let old = u64_at(field, 0)?;
        field.copy_from_slice(&value(old).to_le_bytes());
        Ok::<_, Unreadable>(())
    };
    for rebase in &image.fixups.rebases {
        change(rebase.address, rebase.segment, &|old| old.wrapping_add(slide))?;
    }
    for bind in &image.fixups.binds {
        let target = library.export(&bind.symbol).ok_or_else(|| format!("no {}", bind.symbol))?;
        change(bind.address, bind.segment, &|_| target.wrapping_add_signed(bind.addend))?;
    }
    let parts = image.segments.iter().zip(contents).filter(|(s, _)| s.size != 0 && s.max_protection != 0);
    let part = |(segment, bytes): (&Segment, Vec<u8>)| {
        let fixed = segment.flags & SG_READ_ONLY != 0;
        let protection = if fixed { READ } else { segment.protection };
        Part { address: segment.address + slide, protection, bytes }
    };
    Ok(parts.map(part).collect())
}
