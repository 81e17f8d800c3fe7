//! Position-independent Mach-O executables.
//!
//! The file is loaded by dyld, which slides it, fills the slots of imported functions, and protects
//! what is constant from then on. There is no entry code of Apple's: the loader calls the program's
//! entry as C's `main` (`LC_MAIN`).
//!
//! ```text
//! segment        sections
//! __PAGEZERO     none: the low 4 GiB, where nothing may be
//! __TEXT         headers __text __const __pctab __eh_frame
//! __DATA_CONST   __const __got              read-only after fixing up
//! __DATA         __data __roots __bss       absent when empty
//! __DWARF        __debug_*                  in no memory; not in stripped files
//! __LINKEDIT     fixups, symbols, strings, signature
//! ```
//!
//! Where there is debug information, call frames are in `__eh_frame`, where unwinders of the system look for
//! them, and in no section of debug information. Compact unwind (`__unwind_info`) can say nothing of prologues
//! and epilogues, nor of functions that keep all registers, which would need `__eh_frame` beside it. Nothing
//! steps out of a running program by either: traces, crash reports and profilers follow frame pointers.
//!
//! Segments begin on pages of their own in memory and in the file. Parts of `__LINKEDIT` follow each
//! other in the order in which Apple's tools expect them, without holes, so that they can replace them.

use super::fixups::{self, Place};
use super::sections::{Role, Section, Segment};
use super::signature::Signature;
use super::{SYSTEM, c_name};
use crate::bytes::{Bytes, StringTable};
use crate::dwarf::{self, DebugSection};
use crate::identity::{self, identity};
use crate::link::layout::{ADDRESSED, Addresses, Layout, SLOT};
use crate::link::linked::{self, Linked};
use crate::link::resolve::{LinkerSymbol, Program};
use crate::link::{Image, LinkError, LinkInput};
use crate::model::AtomKind;
use crate::platform::Platform;
use crate::target::{Arch, Target};
use object::macho::*;

const HEADER: u64 = 32;
const SYMBOL: u64 = 16;
const LINKER: &str = "/usr/lib/dyld";
/// Sizes of load commands that have no names.
const DYLD_INFO: u64 = 48;
const SYMTAB: u64 = 24;
const DYSYMTAB: u64 = 80;
const UUID: u64 = 24;
const BUILD_VERSION: u64 = 24;
const MAIN: u64 = 24;
const SIGNATURE: u64 = 16;

struct Machine {
    cpu: u32,
    subtype: u32,
}

fn machine(arch: Arch) -> Option<Machine> {
    match arch {
        Arch::X64 => Some(Machine { cpu: CPU_TYPE_X86_64.0, subtype: CPU_SUBTYPE_X86_64_ALL.0 }),
        Arch::A64 => Some(Machine { cpu: CPU_TYPE_ARM64.0, subtype: CPU_SUBTYPE_ARM64_ALL.0 }),
        Arch::Rv64 | Arch::Wasm32 => None,
    }
}

struct Writer<'a> {
    target: Target,
    machine: Machine,
    program: Program<'a>,
    layout: Layout,
    addresses: Addresses,
    pc_table: Vec<u8>,
    debug: Vec<DebugSection>,
    frames: Option<DebugSection>,
    segments: Vec<Segment>,
}

/// The parts of `__LINKEDIT` before the signature.
struct LinkEdit {
    rebases: Vec<u8>,
    binds: Vec<u8>,
    symbols: Vec<u8>,
    locals: u32,
    /// The indirect table: for each slot the number of its symbol.
    indirect: Vec<u8>,
    strings: Vec<u8>,
}

/// Links and writes an executable.
pub fn write(input: &LinkInput) -> Result<Image, LinkError> {
    let target = input.object.target;
    let machine = machine(target.arch).ok_or(LinkError::Unsupported("Mach-O for this machine"))?;
    let Linked { program, layout, pc_table, mut debug } = linked::link(input)?;
    let addresses = Addresses::default();
    let frames = input.debug.as_ref();
    let frames = frames.and_then(|_| dwarf::loaded_frames(target.arch, &layout.functions(&program)));
    debug.retain(|section| section.name != dwarf::FRAMES);
    let segments = Vec::new();
    let mut w = Writer { target, machine, program, layout, addresses, pc_table, debug, frames, segments };
    w.plan();
    w.place();
    w.define_symbols();
    w.finish(input.symbols)
}

impl Writer<'_> {
    fn platform(&self) -> &'static Platform {
        &self.target.platform
    }

    fn atoms(&self, kind: AtomKind) -> Option<Section> {
        let s = self.layout.section(kind);
        (s.size != 0).then(|| section(Role::Atoms(kind), s.align, s.size))
    }

    /// Decides on segments and sections, sizes only.
    fn plan(&mut self) {
        let (r, w, x) = (VM_PROT_READ.0, VM_PROT_WRITE.0, VM_PROT_EXECUTE.0);
        let mut zero = Segment::new("__PAGEZERO", 0, 0, Vec::new());
        zero.size = self.platform().image_base;
        let table = section(Role::PcTable, 8, self.pc_table.len() as u64);
        let slots = SLOT * self.program.externals.len() as u64;
        let slots = (slots != 0).then(|| section(Role::Slots, SLOT, slots));
        let frames = self.frames.as_ref().map(|f| section(Role::Frames, 8, f.bytes.len() as u64));
        let all = |parts: [Option<Section>; 4]| parts.into_iter().flatten().collect::<Vec<_>>();
        let text = all([self.atoms(AtomKind::Text), self.atoms(AtomKind::ReadOnly), Some(table), frames]);
        let constants = all([self.atoms(AtomKind::RelRo), slots, None, None]);
        let [variables, roots, untouched] =
            [AtomKind::Data, AtomKind::Roots, AtomKind::Bss].map(|kind| self.atoms(kind));
        let data = all([variables, roots, untouched, None]);
        let debug =
            self.debug.iter().map(|s| section(Role::Debug(s.name), 1, s.bytes.len() as u64)).collect();
        let loaded = [
            Segment::new("__TEXT", r | x, 0, text),
            Segment::new("__DATA_CONST", r | w, SG_READ_ONLY.0, constants),
            Segment::new("__DATA", r | w, 0, data),
            Segment::new("__DWARF", 0, SG_NORELOC.0, debug),
        ];
        self.segments = vec![zero];
        self.segments.extend(loaded.into_iter().filter(|s| !s.sections.is_empty()));
        self.segments.push(Segment::new("__LINKEDIT", r, 0, Vec::new()));
    }

    /// Size of the load commands.
    fn commands(&self) -> u64 {
        let segments: u64 = self.segments.iter().map(Segment::command_size).sum();
        let libraries: u64 = self.platform().imports.iter().map(|l| named(LIBRARY, l.name)).sum();
        let rest = DYLD_INFO + SYMTAB + DYSYMTAB + UUID + BUILD_VERSION + MAIN + SIGNATURE;
        segments + libraries + named(DYLINKER, LINKER) + rest
    }

    /// Gives sections and segments offsets and addresses; that of `__LINKEDIT` is the last.
    fn place(&mut self) {
        let page = self.platform().page;
        let headers = HEADER + self.commands();
        let (mut address, mut offset) = (self.platform().image_base, 0);
        for segment in self.segments.iter_mut().skip(1) {
            let mapped = segment.protection != 0;
            (segment.address, segment.offset) = (address, offset);
            let mut size = if offset == 0 { headers } else { 0 };
            let mut in_file = size;
            for s in &mut segment.sections {
                size = size.next_multiple_of(s.align);
                (s.address, s.offset) = (address + size, offset + size);
                if !mapped {
                    s.address = address;
                }
                size += s.size;
                if s.role.is_zero() {
                    s.offset = 0;
                } else {
                    in_file = size;
                }
            }
            segment.file_size = in_file.next_multiple_of(page);
            if mapped {
                segment.size = size.next_multiple_of(page);
            }
            address += segment.size;
            offset += segment.file_size;
        }
    }

    fn section(&self, role: Role) -> Option<&Section> {
        self.segments.iter().flat_map(|s| &s.sections).find(|s| s.role == role)
    }

    fn define_symbols(&mut self) {
        let atoms = |s: &Section| match s.role {
            Role::Atoms(kind) => Some((kind, s.address)),
            _ => None,
        };
        for (kind, address) in self.segments.iter().flat_map(|s| &s.sections).filter_map(atoms) {
            self.addresses.set_section(kind, address);
        }
        let bounds = |role| self.section(role).map_or((0, 0), |s| (s.address, s.address + s.size));
        let (slots, table) = (bounds(Role::Slots).0, bounds(Role::PcTable).0);
        let count = self.program.externals.len() as u64;
        self.addresses.set_slots((0..count).map(|i| slots + SLOT * i).collect());
        self.addresses.set_symbol(LinkerSymbol::PcTable, table);
        self.layout.define_ends(&mut self.addresses);
    }

    /// Where a section is for the loader.
    fn loader_place(&self, role: Role) -> Place {
        let mut all = self.segments.iter().enumerate();
        let found = all.find_map(|(i, segment)| {
            let s = segment.sections.iter().find(|s| s.role == role)?;
            Some(Place { segment: i as u8, offset: s.address - segment.address })
        });
        found.unwrap_or(Place { segment: 0, offset: 0 })
    }

    fn link_edit(&self, with_symbols: bool) -> LinkEdit {
        let words = ADDRESSED.map(|kind| {
            (self.loader_place(Role::Atoms(kind)), self.layout.address_places(&self.program, kind))
        });
        let imports: Vec<(usize, String)> = self
            .program
            .externals
            .iter()
            .filter_map(|name| self.platform().import(name))
            // Libraries count from 1.
            .map(|(library, name)| (library + 1, c_name(name)))
            .collect();
        let binds = match &imports[..] {
            [] => Vec::new(),
            some => {
                let slots = self.loader_place(Role::Slots);
                fixups::binds(slots, some.iter().map(|(library, name)| (*library, name.as_str())))
            }
        };
        // Offset 0 means no name.
        let mut strings = StringTable::default();
        let mut symbols = Bytes::default();
        let locals = if with_symbols { &self.layout.order[..] } else { &[] };
        for &i in locals {
            let atom = &self.program.atoms[i as usize];
            let address = self.layout.address(&self.program, i, &self.addresses);
            let name = strings.add(&c_name(&atom.name));
            symbol(
                &mut symbols,
                name,
                N_SECT.0,
                self.section_number(Role::Atoms(atom.view.kind)),
                0,
                address,
            );
        }
        let mut indirect = Bytes::default();
        for (i, (library, name)) in imports.iter().enumerate() {
            indirect.u32((locals.len() + i) as u32);
            let name = strings.add(name);
            // The number of the library is in the high byte.
            symbol(&mut symbols, name, N_UNDF.0 | N_EXT.0, 0, (*library as u16) << 8, 0);
        }
        let mut parts = LinkEdit {
            rebases: fixups::rebases(&words),
            binds,
            symbols: symbols.0,
            locals: locals.len() as u32,
            indirect: indirect.0,
            strings: strings.0,
        };
        // The signature follows at a multiple of 16.
        let size = parts.symbols.len() + parts.indirect.len() + parts.strings.len();
        let size = size + parts.rebases.len() + parts.binds.len();
        parts.strings.resize(parts.strings.len() + size.next_multiple_of(16) - size, 0);
        parts
    }

    /// Number of a section, from 1.
    fn section_number(&self, role: Role) -> u8 {
        let mut all = self.segments.iter().flat_map(|s| &s.sections);
        all.position(|s| s.role == role).map_or(0, |i| i as u8 + 1)
    }

    /// Writes the file: contents, headers, the hash of both into its place, the signature of all.
    fn finish(mut self, symbols: bool) -> Result<Image, LinkError> {
        let parts = self.link_edit(symbols);
        let start = self.segments.last().expect("planned").offset;
        let mut out = vec![0; start as usize];
        self.write_contents(&mut out)?;
        for part in [&parts.rebases, &parts.binds, &parts.symbols, &parts.indirect, &parts.strings] {
            out.extend(part);
        }
        let limit = out.len() as u64;
        let code = self.segments[1].file_size;
        // It names the program, and is not known before; its size is.
        let unknown = identifier(&[0; 16]);
        let signature = Signature { identifier: &unknown, limit, code };
        let page = self.platform().page;
        let last = self.segments.last_mut().expect("planned");
        last.file_size = limit - start + signature.size() as u64;
        last.size = last.file_size.next_multiple_of(page);
        let (headers, uuid_at) = self.headers(&parts, &signature);
        out[..headers.len()].copy_from_slice(&headers);
        let uuid = uuid(&out);
        out[uuid_at..uuid_at + 16].copy_from_slice(&uuid);
        let identifier = identifier(&uuid);
        let signature = Signature { identifier: &identifier, ..signature }.bytes(&out);
        out.extend(signature);
        Ok(Image { bytes: out })
    }

    fn write_contents(&self, out: &mut [u8]) -> Result<(), LinkError> {
        for s in self.segments.iter().flat_map(|s| &s.sections).filter(|s| !s.role.is_zero()) {
            let part = &mut out[s.offset as usize..(s.offset + s.size) as usize];
            match s.role {
                Role::Atoms(kind) => {
                    self.layout.copy(&self.program, kind, self.target.arch, part);
                    let value = |def| self.layout.value(&self.program, def, &self.addresses);
                    self.layout.relocate(&self.program, kind, s.address, &value, part)?;
                }
                Role::PcTable => part.copy_from_slice(&self.pc_table),
                Role::Slots => {}
                Role::Debug(name) => {
                    let text = self.addresses.section(AtomKind::Text);
                    let section = self.debug.iter().find(|d| d.name == name).expect("planned");
                    part.copy_from_slice(&section.resolved(text, 0));
                }
                Role::Frames => {
                    let text = self.addresses.section(AtomKind::Text);
                    let frames = self.frames.as_ref().expect("planned");
                    part.copy_from_slice(&frames.resolved(text, s.address));
                }
            }
        }
        Ok(())
    }

    /// The header and load commands, and where the file's identity goes.
    fn headers(&self, parts: &LinkEdit, signature: &Signature) -> (Vec<u8>, usize) {
        let mut h = Bytes::default();
        let libraries = self.platform().imports.len();
        let count = self.segments.len() + libraries + 8;
        let flags = MH_NOUNDEFS.0 | MH_DYLDLINK.0 | MH_TWOLEVEL.0 | MH_PIE.0;
        let Machine { cpu, subtype } = self.machine;
        for v in [MH_MAGIC_64, cpu, subtype, MH_EXECUTE.0, count as u32, self.commands() as u32, flags, 0] {
            h.u32(v);
        }
        self.segments.iter().for_each(|s| s.write(&mut h));
        self.link_edit_commands(&mut h, parts);
        string_command(&mut h, LC_LOAD_DYLINKER.0, &[DYLINKER as u32], LINKER);
        command(&mut h, LC_UUID.0, UUID);
        let uuid_at = h.0.len();
        h.0.extend([0; 16]);
        command(&mut h, LC_BUILD_VERSION.0, BUILD_VERSION);
        for v in [PLATFORM_MACOS.0, SYSTEM.0, SYSTEM.0, 0] {
            h.u32(v);
        }
        command(&mut h, LC_MAIN.0, MAIN);
        // The entry is the only root, so it was discovered first; offsets are from `__TEXT`.
        h.u64(self.layout.address(&self.program, 0, &self.addresses) - self.platform().image_base);
        h.u64(0);
        for library in self.platform().imports {
            // Name, time stamp, current and compatible version.
            string_command(&mut h, LC_LOAD_DYLIB.0, &[LIBRARY as u32, 2, 1 << 16, 1 << 16], library.name);
        }
        command(&mut h, LC_CODE_SIGNATURE.0, SIGNATURE);
        h.u32(signature.limit as u32);
        h.u32(signature.size() as u32);
        (h.0, uuid_at)
    }

    /// The commands that say where the parts of `__LINKEDIT` are.
    fn link_edit_commands(&self, h: &mut Bytes, parts: &LinkEdit) {
        let mut at = self.segments.last().expect("planned").offset as u32;
        let mut part = |bytes: &[u8]| {
            let range = (at, bytes.len() as u32);
            at += range.1;
            range
        };
        let (rebases, binds) = (part(&parts.rebases), part(&parts.binds));
        let (symbols, indirect, strings) =
            (part(&parts.symbols), part(&parts.indirect), part(&parts.strings));
        command(h, LC_DYLD_INFO_ONLY.0, DYLD_INFO);
        // No weak or lazy binds, no exports.
        for v in [rebases.0, rebases.1, binds.0, binds.1, 0, 0, 0, 0, 0, 0] {
            h.u32(v);
        }
        let (all, undefined) = (symbols.1 / SYMBOL as u32, parts.indirect.len() as u32 / 4);
        command(h, LC_SYMTAB.0, SYMTAB);
        for v in [symbols.0, all, strings.0, strings.1] {
            h.u32(v);
        }
        command(h, LC_DYSYMTAB.0, DYSYMTAB);
        // Locals, external definitions (none), undefined ones; then tables that objects have.
        let ranges = [0, parts.locals, parts.locals, 0, parts.locals, undefined];
        for v in ranges.into_iter().chain([0; 6]).chain([indirect.0, undefined]).chain([0; 4]) {
            h.u32(v);
        }
    }
}

fn section(role: Role, align: u64, size: u64) -> Section {
    Section { role, align, size, address: 0, offset: 0 }
}

/// A symbol's entry (`nlist_64`).
fn symbol(out: &mut Bytes, name: u32, kind: u8, section: u8, description: u16, value: u64) {
    out.u32(name);
    out.0.extend([kind, section]);
    out.u16(description);
    out.u64(value);
}

/// The start of a load command.
fn command(out: &mut Bytes, kind: u32, size: u64) {
    out.u32(kind);
    out.u32(size as u32);
}

/// Bytes of commands with a name before it, which is also where it begins.
const DYLINKER: u64 = 12;
const LIBRARY: u64 = 24;

/// Size of a command with a name.
fn named(before: u64, name: &str) -> u64 {
    (before + name.len() as u64 + 1).next_multiple_of(8)
}

/// A load command of a few fields and a name; the first field is where the name begins.
fn string_command(out: &mut Bytes, kind: u32, fields: &[u32], name: &str) {
    let start = out.0.len();
    let size = named(fields[0].into(), name);
    command(out, kind, size);
    fields.iter().for_each(|&v| out.u32(v));
    out.0.extend(name.as_bytes());
    out.0.resize(start + size as usize, 0);
}

/// What tells this program from all others: a hash of the file, as a UUID of version 8 (RFC 9562).
fn uuid(file: &[u8]) -> [u8; identity::SIZE] {
    let mut uuid = identity(file);
    uuid[6] = uuid[6] & 0x0F | 0x80;
    uuid[8] = uuid[8] & 0x3F | 0x80;
    uuid
}

/// The name of the program for the system's rights: it must not depend on where the file is written.
fn identifier(uuid: &[u8; 16]) -> String {
    let hex: String = uuid.iter().map(|b| format!("{b:02x}")).collect();
    format!("mochi-{hex}")
}
