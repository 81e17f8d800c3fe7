//! Files: random programs of atoms become objects and executables, and readers of other people find
//! in them what was put in.

mod archive;
mod dwarf;
mod elf;
mod meaning;
mod others;
mod placement;
mod program;
mod wasm;

use crate::choices::Choices;
use mochi_objwrite::target::{FileKind, TARGETS, Target};
use mochi_objwrite::{Archive, DebugOptions, Format, Image, LinkError, LinkInput, Object, RelocatableInput};

/// Judges a random executable of one of the targets.
pub fn executables(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let targets: Vec<_> = TARGETS.iter().collect();
    let target = choices.pick(&targets);
    match target.format {
        Format::Elf => elf::executable(&mut choices, target),
        Format::Wasm => wasm::executable(&mut choices, target),
        Format::MachO | Format::Coff => others::executable(&mut choices, target),
    }
}

/// Judges the archive of a random object, whole and damaged. The first bytes are the damage.
pub fn archives(bytes: &[u8]) {
    let (damage, program) = bytes.split_at(bytes.len().min(100));
    let mut choices = Choices::new(program);
    let target = target_with_objects(&mut choices);
    archive::archive(&mut choices, &mut Choices::new(damage), target);
}

/// Judges a random relocatable object of one of the targets that have them.
pub fn objects(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let target = target_with_objects(&mut choices);
    match target.format {
        Format::Elf => elf::object(&mut choices, target),
        Format::MachO | Format::Coff => others::object(&mut choices, target),
        Format::Wasm => {}
    }
}

fn target_with_objects(choices: &mut Choices) -> Target {
    let has = |t: &Target| t.format.files().iter().any(|f| f.0 == FileKind::Object);
    let targets: Vec<_> = TARGETS.iter().filter(has).collect();
    choices.pick(&targets)
}

fn debug_options() -> DebugOptions {
    DebugOptions { producer: "a producer".into(), unit: "unit.mochi".into(), directory: "/a/b".into() }
}

/// Links an object and a library, with everything that a file can have.
fn link([object, library]: &[Object; 2], symbols: bool, build_id: bool) -> Result<Vec<u8>, LinkError> {
    let library = library.to_bytes();
    let archives = [Archive::open(&library).expect("an archive of ours")];
    let debug = symbols.then(debug_options);
    let input = LinkInput { object, archives: &archives, entry: "_start", symbols, debug, build_id };
    mochi_objwrite::link(&input).map(|image| image.bytes)
}

/// Makes a relocatable object of an object and a library.
fn relocatable([object, library]: &[Object; 2], exports: &[&str]) -> Vec<u8> {
    let library = library.to_bytes();
    let archives = [Archive::open(&library).expect("an archive of ours")];
    let input = RelocatableInput { object, archives: &archives, exports, debug: Some(debug_options()) };
    let Image { bytes } = mochi_objwrite::relocatable(&input).unwrap_or_else(|e| panic!("{e}"));
    bytes
}

#[cfg(test)]
mod tests {
    #[test]
    fn random_executables() {
        crate::seeds(600, 900, super::executables);
    }

    #[test]
    fn random_archives() {
        crate::seeds(400, 900, super::archives);
    }

    #[test]
    fn random_objects() {
        crate::seeds(400, 900, super::objects);
    }
}
