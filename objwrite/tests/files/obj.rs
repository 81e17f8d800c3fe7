//! Relocatable objects: other linkers make programs of them.

use crate::support::*;
use mochi_objwrite::{Archive, AtomKind, Object, RelocatableInput, relocatable};
use object::read::elf::ElfFile64;
use object::{LittleEndian, Object as _, ObjectSection, ObjectSymbol};
use std::process::Command;

/// [`hello`] with a `main` for C start-up code. Its result is what `mochi_main` gives (2), through
/// `abs` of the C library, plus the size of the data that a collector searches.
///
/// ```text
/// main: push rbp; mov rbp,rsp; call mochi_main; neg eax; mov edi,eax; call abs
///       lea rcx,[__roots_start]; lea rdx,[__roots_end]; lea rsi,[roots]; lea r8,[__image_base]
///       lea r9,[__pctab]; sub rdx,rcx; add eax,edx; pop rbp; ret
/// ```
fn with_main() -> Object {
    let mut b = Builder(hello());
    b.atom("zeros", AtomKind::Bss, &[], &[]).zero_size = 60;
    b.atom("roots", AtomKind::Roots, &[0; 60], &[(8, ABS, "zeros", 0)]);
    b.function(
        "main",
        "554889e5 e800000000 f7d8 89c7 e800000000 488d0d00000000 488d1500000000 488d3500000000
         4c8d0500000000 4c8d0d00000000 4829ca 01d0 5dc3",
        &[
            (5, CALL, "mochi_main", -4),
            (14, CALL, "abs", -4),
            (21, PC, "__roots_start", -4),
            (28, PC, "__roots_end", -4),
            (35, PC, "roots", -4),
            (42, PC, "__image_base", -4),
            (49, PC, "__pctab", -4),
        ],
        "C main",
        None,
        &[],
    );
    b.0
}

fn write(object: &Object, exports: &[&str]) -> Vec<u8> {
    let library = runtime().to_bytes();
    let archives = [Archive::open(&library).unwrap()];
    let input = RelocatableInput { object, archives: &archives, exports, debug: Some(debug()) };
    relocatable(&input).unwrap().bytes
}

#[test]
fn only_exports_are_global() {
    let bytes = write(&with_main(), &["main"]);
    assert_eq!(bytes, write(&with_main(), &["main"]), "same input, same bytes");
    let file = ElfFile64::<LittleEndian>::parse(&*bytes).unwrap();
    let mut global: Vec<&str> = file.symbols().filter(|s| s.is_global()).map(|s| s.name().unwrap()).collect();
    global.sort_unstable();
    assert_eq!(global, ["__ehdr_start", "abs", "main"]);
    assert!(file.symbols().any(|s| s.name() == Ok("put_line") && s.is_local()));
    assert!(!file.symbols().any(|s| s.name() == Ok("_start") || s.name() == Ok("dead")));
    assert!(file.section_by_name(".note.GNU-stack").is_some());
    // Calls within the code are final.
    let text = file.section_by_name(".text").unwrap();
    assert_eq!(text.relocations().count(), 3 + 6, "data of the program, and what main names");
}

#[test]
fn c_compiler_links() {
    let dir = directory("cc");
    let (object, program) = (dir.join("prog.o"), dir.join("prog"));
    std::fs::write(&object, write(&with_main(), &["main"])).unwrap();
    for linker in [&[][..], &["-fuse-ld=lld"], &["-static"], &["-no-pie"]] {
        let mut args = vec![object.to_str().unwrap(), "-o", program.to_str().unwrap()];
        args.extend(linker);
        let Some(text) = tool("cc", &args) else { return };
        assert_eq!(text, "", "the linker has nothing to say");
        let output = output(&mut Command::new(&program));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\nhello\n");
        assert_eq!(output.status.code(), Some(2 + 64), "60 bytes, 8-aligned");
    }
    if let Some(text) = tool("llvm-dwarfdump", &["--verify", program.to_str().unwrap()]) {
        assert!(text.contains("No errors") && !text.contains("warning"), "{text}");
    }
    if let Some(text) = tool("llvm-dwarfdump", &["--verify", object.to_str().unwrap()]) {
        assert!(text.contains("No errors") && !text.contains("warning"), "{text}");
    }
    if let Some(text) = tool("readelf", &["-W", "-a", object.to_str().unwrap()]) {
        assert!(!text.to_lowercase().contains("warning"), "{text}");
    }
}

#[test]
fn lld_links_without_a_c_library() {
    let dir = directory("lld");
    let (object, program) = (dir.join("prog.o"), dir.join("prog"));
    std::fs::write(&object, write(&hello(), &["_start"])).unwrap();
    if tool("ld.lld", &[object.to_str().unwrap(), "-o", program.to_str().unwrap()]).is_none() {
        return;
    }
    let output = output(&mut Command::new(&program));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\nhello\n");
    assert_eq!(output.status.code(), Some(2));
}
