//! Rules of load commands without memory and of `__LINKEDIT`'s parts: traps 15 to 20 and 27.

use super::image::*;
use crate::libsystem;
use crate::rules::Problems;
use mochi_objwrite::Arch;
use std::collections::BTreeSet;

/// The library that programs of macOS call in place of the kernel.
pub const LIBSYSTEM: &str = "/usr/lib/libSystem.B.dylib";

/// Bits of a symbol's type: for debuggers, exported, and the kinds.
const N_STAB: u8 = 0xE0;
const N_EXT: u8 = 1;
const N_TYPE: u8 = 0xE;
const N_SECT: u8 = 0xE;

/// 15: the system that the program is for: macOS, on arm64 from 11.0, as new as the rules it was built for.
pub fn build_version(image: &Image, out: &mut Problems) {
    const MACOS: u32 = 1;
    let version = |major: u32, minor: u32| major << 16 | minor << 8;
    let Some(build) = image.build else {
        return out.push("no LC_BUILD_VERSION".into());
    };
    if build.platform != MACOS {
        out.push(format!("the platform is {}, not macOS", build.platform));
    }
    if image.arch == Arch::A64 && build.minos < version(11, 0) {
        out.push("macOS before 11.0 has no arm64".into());
    }
    if build.minos > build.sdk || build.sdk < version(10, 9) {
        out.push(format!("for {:#x} and up, built with {:#x}", build.minos, build.sdk));
    }
}

/// 16: the image has a UUID that is none of all images.
pub fn uuid(image: &Image, out: &mut Problems) {
    match image.uuid {
        None => out.push("no LC_UUID".into()),
        Some(id) if id.iter().all(|&b| b == id[0]) => out.push("LC_UUID is empty".into()),
        Some(_) => {}
    }
}

/// 17: the run-time linker and at least one library, by their whole names, each once.
pub fn libraries(image: &Image, out: &mut Problems) {
    if image.dylinker != Some(Some("/usr/lib/dyld".to_string())) {
        out.push("LC_LOAD_DYLINKER is not /usr/lib/dyld".into());
    }
    let mut seen = BTreeSet::new();
    for name in &image.dylibs {
        match name {
            None => out.push("the name of a library does not end in its command".into()),
            Some(name) if !name.starts_with('/') => out.push(format!("library {name}: no whole name")),
            Some(name) if !seen.insert(name) => out.push(format!("library {name} twice")),
            Some(_) => {}
        }
    }
    if !seen.iter().any(|name| *name == LIBSYSTEM) {
        out.push(format!("{LIBSYSTEM} is not loaded"));
    }
}

/// 18: the symbol table is in `__LINKEDIT`, an empty one, too.
pub fn symbol_table(image: &Image, out: &mut Problems) {
    let (Some(table), Some(area)) = (image.symbols, image.segment("__LINKEDIT")) else {
        return out.push("no LC_SYMTAB or no __LINKEDIT".into());
    };
    for (name, part) in [("symbols", table.symbols), ("strings", table.strings)] {
        if part.offset < area.file.offset || part.end() > area.file.end() {
            out.push(format!("the {name} are not in __LINKEDIT: {part:x?}"));
        }
    }
}

/// 19: `__LINKEDIT` is its parts in dyld's order, each aligned (some linkers align all to 8), with zeros between.
pub fn parts(image: &Image, out: &mut Problems) {
    let Some(area) = image.segment("__LINKEDIT") else {
        return out.push("no __LINKEDIT".into());
    };
    let dyld = image.dyld.unwrap_or_default();
    let list = [
        ("rebases", 8, Some(dyld.rebase)),
        ("binds", 8, Some(dyld.bind)),
        ("exports", 8, Some(dyld.exports)),
        ("function starts", 8, image.function_starts),
        ("data in code", 8, image.data_in_code),
        ("symbols", 8, image.symbols.map(|s| s.symbols)),
        ("indirect symbols", 4, image.ranges.map(|r| r.indirect)),
        ("strings", 1, image.symbols.map(|s| s.strings)),
        ("the signature", 16, image.signature),
    ];
    let mut end = area.file.offset;
    for (name, align, part) in list {
        let Some(part) = part.filter(|p| p.size != 0) else { continue };
        let starts = [align, align.max(8)].map(|align| end.checked_next_multiple_of(align));
        if !starts.contains(&Some(part.offset)) {
            out.push(format!("{name} are at {:#x}, what is before ends at {end:#x}", part.offset));
        } else if image.file.get(end as usize..part.offset as usize).is_none_or(|g| g.iter().any(|&b| b != 0))
        {
            out.push(format!("bytes before {name}"));
        }
        end = part.end();
    }
    if end != area.file.end() {
        out.push("bytes at the end of __LINKEDIT".into());
    }
}

/// 20: symbols are locals, definitions, undefined ones, and nothing else; pointers to symbols have indirect ones.
pub fn symbols(image: &Image, out: &mut Problems) {
    let (Some(table), Some(ranges)) = (image.symbols, image.ranges) else {
        return out.push("no LC_SYMTAB or no LC_DYSYMTAB".into());
    };
    let list = match image.symbol_list() {
        Ok(list) => list,
        Err(e) => return out.push(e.0),
    };
    let (l, d, u) = (ranges.locals, ranges.defined, ranges.undefined);
    let end = |range: (u32, u32)| range.0.saturating_add(range.1);
    if l.0 != 0 || d.0 != end(l) || u.0 != end(d) || table.count != end(u) || !ranges.unused {
        out.push(format!("ranges of symbols {l:?} {d:?} {u:?} of {}", table.count));
    }
    let sections: Vec<&Section> = image.segments.iter().flat_map(|s| &s.sections).collect();
    for (i, symbol) in list.iter().enumerate() {
        let name = symbol.name.as_deref().unwrap_or("");
        if name.is_empty() && symbol.kind & N_STAB == 0 {
            out.push(format!("symbol {i} has no name"));
        }
        let i = i as u32;
        let in_range = if i < d.0 {
            symbol.kind & N_EXT == 0
        } else if i < u.0 {
            symbol.kind & (N_STAB | N_EXT | N_TYPE) == N_SECT | N_EXT
        } else {
            symbol.kind == N_EXT && symbol.section == 0 && symbol.value == 0
        };
        if !in_range {
            out.push(format!("symbol {i} ({name}) is of type {:#x} in its range", symbol.kind));
        }
        if symbol.kind & (N_STAB | N_TYPE) == N_SECT {
            let section = sections.get(usize::from(symbol.section).wrapping_sub(1));
            let inside = |s: &&&Section| (s.address..=s.end()).contains(&symbol.value);
            // The header has symbols of the first section.
            let of_header = symbol.section == 1 && symbol.value == 1 << 32;
            if section.filter(inside).is_none() && !of_header {
                out.push(format!("symbol {i} ({name}) is not in its section {}", symbol.section));
            }
        }
    }
    pointers(image, &sections, &list, out);
}

/// Sections of pointers to symbols: the indirect symbols say of which, and binds fill them in.
fn pointers(image: &Image, sections: &[&Section], list: &[Symbol], out: &mut Problems) {
    let indirect = match image.indirect_symbols() {
        Ok(indirect) => indirect,
        Err(e) => return out.push(e.0),
    };
    let mut used = 0;
    for section in sections.iter().filter(|s| s.kind() == S_NON_LAZY_SYMBOL_POINTERS) {
        let count = section.size / 8;
        used += count;
        if used > indirect.len() as u64 {
            break;
        }
        for i in 0..count {
            let number = indirect.get((u64::from(section.reserved1) + i) as usize);
            let name = number.and_then(|&n| list.get(n as usize)).and_then(|s| s.name.as_ref());
            let address = section.address + i * 8;
            let bound = image.fixups.binds.iter().find(|b| b.address == address).map(|b| &b.symbol);
            if name.is_none() || bound.is_some() && bound != name {
                out.push(format!("the pointer at {address:#x} is of {name:?}, bound to {bound:?}"));
            }
        }
    }
    if used != indirect.len() as u64 {
        out.push(format!("{} indirect symbols for {used} pointers", indirect.len()));
    }
}

/// 27: what is imported has the number of a library that is loaded and has it; the undefined symbol says the same.
pub fn imports(image: &Image, out: &mut Problems) {
    let list = image.symbol_list().unwrap_or_default();
    let ordinal = |s: &Symbol| i64::from(s.description >> 8);
    for bind in &image.fixups.binds {
        let number = usize::try_from(bind.library.wrapping_sub(1)).ok();
        match number.and_then(|n| image.dylibs.get(n)) {
            None => out.push(format!("{} is of library {}", bind.symbol, bind.library)),
            Some(Some(name)) if name == LIBSYSTEM => {
                if !libsystem::exports(&bind.symbol) {
                    out.push(format!("{LIBSYSTEM} has no {} here", bind.symbol));
                }
            }
            Some(name) => out.push(format!("{} is of {name:?}, which is not here", bind.symbol)),
        }
        let undefined = list.iter().filter(|s| s.kind == N_EXT && s.section == 0);
        if !undefined.clone().any(|s| s.name.as_ref() == Some(&bind.symbol) && ordinal(s) == bind.library) {
            out.push(format!("{} is no undefined symbol of library {}", bind.symbol, bind.library));
        }
    }
}
