//! Rules of segments, sections and fixups: traps 1 to 12.

use super::image::*;
use crate::rules::Problems;
use std::collections::BTreeSet;

/// The image's addresses begin here: below is `__PAGEZERO`.
const LOWEST: u64 = 1 << 32;

/// Names of DWARF sections, as `__DWARF` has them when they fit.
const DEBUG_SECTIONS: &[&str] = &[
    "__debug_abbrev",
    "__debug_addr",
    "__debug_aranges",
    "__debug_frame",
    "__debug_info",
    "__debug_line",
    "__debug_line_str",
    "__debug_loc",
    "__debug_loclists",
    "__debug_macinfo",
    "__debug_macro",
    "__debug_names",
    "__debug_pubnames",
    "__debug_pubtypes",
    "__debug_ranges",
    "__debug_rnglists",
    "__debug_str",
    "__debug_str_offsets",
    "__debug_types",
];

/// 1: the image can be anywhere: it says so, and each of its own addresses in data is a fixup's.
pub fn slides(image: &Image, out: &mut Problems) {
    const MH_PIE: u32 = 0x20_0000;
    if image.flags & MH_PIE == 0 {
        out.push("MH_PIE is not set".into());
    }
    let end = image.mapped().map(Segment::end).max().unwrap_or(0);
    let mut fixed = BTreeSet::new();
    let rebases = image.fixups.rebases.iter().map(|r| r.address);
    for address in rebases.clone().chain(image.fixups.binds.iter().map(|b| b.address)) {
        if !fixed.insert(address) {
            out.push(format!("two fixups at {address:#x}"));
        }
    }
    for address in rebases {
        match word(image, address) {
            Some(value) if (LOWEST..=end).contains(&value) => {}
            value => out.push(format!("the rebased word at {address:#x} is {value:x?}: no address")),
        }
    }
    for segment in image.mapped().filter(|s| s.protection & WRITE != 0) {
        let sections = segment.sections.iter().filter(|s| s.kind() != S_ZEROFILL);
        let file_end = segment.file_end().min(segment.address.saturating_add(image.file.len() as u64));
        let words = |s: &Section| (s.address.max(segment.address) & !7..s.end().min(file_end)).step_by(8);
        for address in sections.flat_map(words) {
            let value = word(image, address).filter(|v| (LOWEST..end).contains(v));
            if let Some(value) = value.filter(|_| !fixed.contains(&address)) {
                out.push(format!("the word {value:#x} at {address:#x} is an address without a fixup"));
            }
        }
    }
}

/// The word at an address, when the file has it.
fn word(image: &Image, address: u64) -> Option<u64> {
    let segment = image.segments.iter().find(|s| (s.address..s.end()).contains(&address))?;
    let offset = address - segment.address;
    let at = segment.file.offset.checked_add(offset).filter(|_| offset + 8 <= segment.file.size)?;
    u64_at(image.file, at as usize).ok()
}

/// 2: `__TEXT` is the file's start with header and load commands; the entry is code in it.
pub fn text(image: &Image, out: &mut Problems) {
    let Some(text) = image.segment("__TEXT") else {
        return out.push("no __TEXT".into());
    };
    if text.file.offset != 0 || text.file.size < image.commands_end || text.size < image.commands_end {
        out.push("__TEXT has not the file's header and load commands".into());
    }
    if text.protection != READ | EXECUTE || text.max_protection != text.protection {
        out.push("__TEXT is not r-x".into());
    }
    let Some(main) = image.main else {
        return out.push("no LC_MAIN".into());
    };
    let code = text.sections.iter().filter(|s| s.flags & S_ATTR_INSTRUCTIONS != 0);
    if !code.clone().any(|s| (s.offset..s.part().end()).contains(&main.entry)) {
        out.push(format!("the entry {:#x} is not in code of __TEXT", main.entry));
    }
}

/// 3: the lowest 4 GiB are `__PAGEZERO`, which is nothing, and `__TEXT` follows.
pub fn page_zero(image: &Image, out: &mut Problems) {
    let [zero, text, ..] = &image.segments[..] else {
        return out.push("fewer than two segments".into());
    };
    let place = (zero.name.as_str(), zero.address, zero.size, zero.file);
    if place != ("__PAGEZERO", 0, LOWEST, Part::default()) {
        out.push(format!("the first segment is not __PAGEZERO of 4 GiB without a file: {place:x?}"));
    }
    if zero.protection | zero.max_protection | zero.flags != 0 || !zero.sections.is_empty() {
        out.push("__PAGEZERO has protections, flags or sections".into());
    }
    if text.name != "__TEXT" || text.address != LOWEST {
        out.push("__TEXT does not follow __PAGEZERO".into());
    }
}

/// 4: names differ; memory and file are in the order of the load commands, without overlap and hole.
pub fn order(image: &Image, out: &mut Problems) {
    let mut names = BTreeSet::new();
    for segment in &image.segments {
        if !names.insert(&segment.name) {
            out.push(format!("two segments {}", segment.name));
        }
    }
    let page = image.page();
    let places = |place: fn(&Segment) -> (u64, u64)| image.segments.iter().map(move |s| (&s.name, place(s)));
    let follows = |what: &str, out: &mut Problems, list: Vec<(&String, (u64, u64))>| {
        for pair in list.windows(2) {
            let ((before, (_, end)), (name, (start, _))) = (pair[0], pair[1]);
            if end.checked_next_multiple_of(page) != Some(start) {
                out.push(format!("{name} is at {start:#x} of the {what}, {before} ends at {end:#x}"));
            }
        }
    };
    let memory = places(|s| (s.address, s.end())).filter(|(_, (start, end))| start != end);
    follows("memory", out, memory.collect());
    let file = places(|s| (s.file.offset, s.file.end())).filter(|(_, (start, end))| start != end);
    follows("file", out, file.collect());
    if image.segments.iter().any(|s| s.file.end() > image.file.len() as u64) {
        out.push("a segment ends behind the file".into());
    }
}

/// 5: the kernel takes one read-only segment at most.
pub fn one_read_only(image: &Image, out: &mut Problems) {
    if image.segments.iter().filter(|s| s.flags & SG_READ_ONLY != 0).count() > 1 {
        out.push("more than one segment has SG_READ_ONLY".into());
    }
}

/// 6: constants with fixups are in `__DATA_CONST`, which is writable until these are done; data is writable,
/// and fixups are in these two only.
pub fn constants(image: &Image, out: &mut Problems) {
    for (index, segment) in image.segments.iter().enumerate() {
        let is_const = segment.name == "__DATA_CONST";
        if is_const != (segment.flags & SG_READ_ONLY != 0) {
            out.push(format!("{}: SG_READ_ONLY is for __DATA_CONST alone", segment.name));
        }
        if (is_const || segment.name == "__DATA") && segment.protection != READ | WRITE {
            out.push(format!("{} is not rw-", segment.name));
        }
        let places = image.fixups.rebases.iter().map(|r| r.segment);
        let fixed = places.chain(image.fixups.binds.iter().map(|b| b.segment)).any(|s| s == index);
        if is_const && !fixed {
            out.push("__DATA_CONST has no fixup: it is not for constants without".into());
        }
        if fixed && segment.protection & (WRITE | EXECUTE) != WRITE {
            out.push(format!("fixups in {}, which is not for writing alone", segment.name));
        }
    }
}

/// 7: address and offset are on pages, of empty segments, too.
pub fn pages(image: &Image, out: &mut Problems) {
    let page = image.page();
    for s in &image.segments {
        if s.address % page != 0 || s.file.offset % page != 0 {
            out.push(format!("{} is at {:#x}, file {:#x}: not on a page", s.name, s.address, s.file.offset));
        }
    }
}

/// 8: what has more in the file than in memory has no memory and no protection, as `__DWARF`.
pub fn unmapped(image: &Image, out: &mut Problems) {
    for s in &image.segments {
        let protection = s.protection | s.max_protection;
        if s.file.size > s.size && (s.size != 0 || protection != 0) {
            out.push(format!("{}: more in the file than in memory", s.name));
        }
        if s.name == "__DWARF" && (s.size != 0 || protection != 0 || s.flags != SG_NORELOC) {
            out.push("__DWARF is not without memory, protection and relocation".into());
        }
        if protection & !(READ | WRITE | EXECUTE) != 0 || s.protection & !s.max_protection != 0 {
            out.push(format!("{} has impossible protections", s.name));
        }
        if s.protection & (WRITE | EXECUTE) == WRITE | EXECUTE {
            out.push(format!("{} is writable code", s.name));
        }
    }
}

/// 9: `__LINKEDIT` is the last segment, read-only, and the signature ends both it and the file.
pub fn link_edit_last(image: &Image, out: &mut Problems) {
    let Some(last) = image.segments.last().filter(|s| s.name == "__LINKEDIT") else {
        return out.push("__LINKEDIT is not the last segment".into());
    };
    if last.protection != READ || last.max_protection != READ {
        out.push("__LINKEDIT is not r--".into());
    }
    let end = image.file.len() as u64;
    if last.file.end() != end || image.signature.map(|s| s.end()) != Some(end) {
        out.push("__LINKEDIT and the signature do not end the file".into());
    }
}

/// 10: names of sections end with their field, or are filled with zeros, and are known among debug information.
pub fn names(image: &Image, out: &mut Problems) {
    for segment in &image.segments {
        let mut seen = BTreeSet::new();
        for section in &segment.sections {
            let name = section.short_name();
            let filled = section.name[name.len().min(16)..].iter().all(|&b| b == 0);
            let readable = name.starts_with("__") && name.bytes().all(|b| b.is_ascii_graphic());
            if !(filled && readable) {
                out.push(format!("a section of {} is called {:?}", segment.name, section.name));
            }
            if !seen.insert(name.clone()) {
                out.push(format!("two sections {name} in {}", segment.name));
            }
            let known = |known: &&str| known[..known.len().min(16)] == name;
            if segment.name == "__DWARF" && !DEBUG_SECTIONS.iter().any(known) {
                out.push(format!("no debug information is called {name}"));
            }
        }
    }
}

/// 11: load commands are whole words, as many and as long as the header says, and nothing is on them.
pub fn header(image: &Image, out: &mut Problems) {
    let sizes = image.command_sizes.iter();
    if sizes.clone().any(|size| size % 8 != 0) {
        out.push("a load command is not a multiple of 8 bytes".into());
    }
    let total: u64 = sizes.map(|&size| u64::from(size)).sum();
    if HEADER + total != image.commands_end {
        out.push("the load commands are not as long as the header says".into());
    }
    let sections = image.segments.iter().flat_map(|s| &s.sections);
    let first = sections.filter(|s| s.kind() != S_ZEROFILL && s.size != 0).map(|s| s.offset).min();
    if first.is_some_and(|first| first < image.commands_end) {
        out.push("a section begins among the load commands".into());
    }
}

/// 12: segments list their sections, which are inside, in order, aligned as they say, and at the same place of
/// file and memory; what is zero is not in the file.
pub fn sections(image: &Image, out: &mut Problems) {
    for segment in &image.segments {
        let listed = !["__PAGEZERO", "__LINKEDIT"].contains(&segment.name.as_str());
        if listed == segment.sections.is_empty() {
            out.push(format!("{} has {} sections", segment.name, segment.sections.len()));
        }
        let mut last = segment.address;
        for section in &segment.sections {
            let name = section.short_name();
            let mut wrong = |what: &str| out.push(format!("{},{name}: {what}", segment.name));
            if section.segment != segment.name {
                wrong("names another segment");
            }
            if section.relocations != (0, 0) {
                wrong("has relocations");
            }
            if segment.name == "__DWARF" {
                if section.offset < segment.file.offset || section.part().end() > segment.file.end() {
                    wrong("is not inside the segment's part of the file");
                }
                continue;
            }
            if section.align > 15 || section.address % (1 << section.align) != 0 {
                wrong("is not aligned as it says");
            }
            let end = section.end();
            if section.address < last || end > segment.end() {
                wrong("is not inside the segment and behind the section before");
            }
            last = end;
            let offset = segment.file.offset.wrapping_add(section.address.wrapping_sub(segment.address));
            if section.kind() == S_ZEROFILL {
                if section.offset != 0 {
                    wrong("has zeros in the file");
                }
            } else if section.offset != offset || section.part().end() > segment.file.end() {
                wrong("is elsewhere in the file than in memory");
            }
        }
    }
}
