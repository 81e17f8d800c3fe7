//! A strict loader of PE32+ executables for x86-64 and arm64.
//!
//! [`lint`] has a rule for each way in which programs of other compilers were refused or ended by Windows, or
//! misread by debuggers. [`load`] refuses what any rule finds, and else does what the system's loader does: moves the image, changes
//! its addresses, fills its slots, protects its sections. The result is an executable for Linux that begins in
//! [`crate::kernel32`].

mod code;
mod headers;
mod image;
mod imports;
mod relocations;

use crate::elf::{Part, READ};
use crate::kernel32;
use crate::library::Library;
use crate::read::Unreadable;
use crate::rules::{self, Problems, Refusal, UNREADABLE};
use crate::{BASE, elf};
use image::{DISCARDABLE, Image, Range};

/// A rule finds what is wrong with an image.
type Rule = fn(&Image, &mut Problems);

/// A rule for each trap whose bytes can be seen in an executable. From 75 on are what the system asks of all
/// executables.
const RULES: &[(u32, Rule)] = &[
    (33, headers::layout),
    (34, headers::base),
    (35, headers::characteristics),
    (36, relocations::slides),
    (37, headers::sums),
    (38, headers::names),
    (39, imports::slots),
    (40, imports::exported),
    (41, code::probes),
    (42, headers::memory),
    (47, relocations::functions),
    (49, relocations::wide),
    (75, headers::kind),
    (76, headers::protections),
    (77, headers::debug),
    (78, headers::directories),
];

/// Traps that are not the system's, which does not look there: readers, debuggers and scanners are confused.
const READERS: &[u32] = &[37, 38, 77];

/// Bytes that a place where an image is loaded is a multiple of.
pub const GRANULARITY: u64 = 0x1_0000;

/// Whether a file is a PE executable or a damaged one.
pub fn is(file: &[u8]) -> bool {
    file.starts_with(b"MZ")
}

/// The numbers of the traps that [`lint`] finds, beside [`UNREADABLE`].
pub fn traps() -> impl Iterator<Item = u32> {
    RULES.iter().map(|rule| rule.0)
}

/// What is wrong with an executable, each with the number of its trap. A
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

/// Loads an executable at its address plus `slide`, a number of bytes that is a multiple of [`GRANULARITY`], and
/// gives it back as an executable for Linux on the same machine. Refuses what [`lint`] finds and the system refuses,
/// and a slide with which the image is not below [`BASE`].
pub fn load(file: &[u8], slide: u64) -> Result<Vec<u8>, Refusal> {
    let image = Image::read(file)?;
    let mut found = findings(&image);
    found.retain(|(trap, _)| !READERS.contains(trap));
    if !found.is_empty() {
        return Err(Refusal(found));
    }
    let end = image.base.checked_add(slide).and_then(|base| base.checked_add(image.size.into()));
    if !slide.is_multiple_of(GRANULARITY) || end.is_none_or(|end| end > BASE) {
        return Err(Unreadable(format!("a slide of {slide:#x}")).into());
    }
    let library = kernel32::of(image.arch);
    let mut parts = memory(&image, slide, library)?;
    let (reserve, commit) = image.memory[0];
    let entry = image.base + slide + u64::from(image.entry);
    parts.extend(library.parts(&[entry, reserve, commit]));
    Ok(elf::write(image.arch, library.start, &parts))
}

/// Headers and sections as they are when the program starts.
fn memory(image: &Image, slide: u64, library: &Library) -> Result<Vec<Part>, Unreadable> {
    let mut all = vec![0; image.size as usize];
    let headers = image.file.get(..image.headers_size as usize).ok_or("headers that end nowhere")?;
    all[..headers.len()].copy_from_slice(headers);
    for section in &image.sections {
        let filled = section.filled();
        all[filled.start as usize..filled.end() as usize].copy_from_slice(image.bytes(filled)?);
    }
    let mut set = |at: u32, value: u64| {
        all[at as usize..at as usize + 8].copy_from_slice(&value.to_le_bytes());
    };
    for (_, place) in relocations::places(image)?.0 {
        set(place, image.word(place)?.wrapping_add(slide));
    }
    for import in imports::imports(image)?.0 {
        let function = &import.function;
        set(import.slot, library.export(function).ok_or_else(|| format!("no {function}"))?);
    }
    let part = |range: Range, protection| Part {
        address: image.base + slide + u64::from(range.start),
        protection,
        bytes: all[range.start as usize..range.end() as usize].to_vec(),
    };
    let mut parts = vec![part(Range { start: 0, size: image.headers_size }, READ)];
    // What may be discarded may be gone.
    let kept = image.sections.iter().filter(|s| s.flags & DISCARDABLE == 0);
    parts.extend(kept.map(|s| part(s.memory, s.protection())));
    Ok(parts)
}
