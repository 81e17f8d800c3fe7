//! Executables and objects as other people's tools see them.

mod common;

use common::{judge, mochi, programs, root, wrong_steps};
use mochi_objwrite::target::{Arch, FileKind, Format, Output, TARGETS, Target};
use mochi_testkit::engines;
use mochi_testkit::{Scratch, first_installed, have, output, parallel, text, threads, traces};
use object::{Object as _, ObjectSection as _};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const LINES: &str = "\
fun inner(n: int): int {
  let a = n * 2
  let b = a + 1
  return b
}
fun outer(n: int): int {
  var t = 0
  for i in 0..n {
    t = t + inner(i)
  }
  return t
}
print(outer(3))
";

fn build(s: &Scratch, source: &str, options: &[&str]) -> PathBuf {
    s.write("prog.mochi", source);
    let built = output(mochi().args(["build", "prog.mochi", "-o", "prog"]).args(options).current_dir(&s.0));
    assert!(built.status.success(), "{options:?}: {}", text(&built.stderr));
    s.path("prog")
}

#[test]
fn a_small_program_is_small() {
    let s = Scratch::new("small");
    for target in TARGETS {
        let exe = build(&s, "print(\"hello\")\n", &["--strip", "--target", target.short]);
        let size = fs::metadata(exe).expect("executable").len();
        let most = match target.format {
            // Segments have pages of their own in the file, too.
            Format::MachO => 5 * target.platform.page,
            Format::Elf | Format::Wasm => 8 * 1024,
            Format::Coff => 12 * 1024,
        };
        assert!(size <= most, "hello for {} has {size} bytes", target.triple);
    }
}

/// How any value is shown and copied stays out of programs that only need it for some.
#[test]
fn what_is_not_used_is_not_linked() {
    let programs = [
        ("maps of ints", "var m: map<int, int> = {}\nm[1] = 2\nprint(m[1] ?? 0)\n"),
        ("maps of strings", "var m: map<string, int> = {}\nm[\"a\"] = 2\nprint(m[\"a\"] ?? 0)\n"),
        ("places of characters", "let s = input()\nprint(s[100], s[0:50])\n"),
        ("lists", "var xs: list<int> = []\nxs = append(xs, len(input()))\nprint(xs[0])\n"),
    ];
    let has = |exe: &[u8], name: &str| {
        let symbol = [b"\0", name.as_bytes(), b"\0"].concat();
        exe.windows(symbol.len()).any(|w| w == symbol)
    };
    let s = Scratch::new("unused");
    for (what, program) in programs {
        let exe = fs::read(build(&s, program, &["--target", "x64-linux"])).expect("an executable");
        assert!(has(&exe, "mochi_main"), "{what}: no symbols");
        for unused in ["show", "dyn_copy", "key_hash", "pow10_table"] {
            assert!(!has(&exe, unused), "{what}: {unused} is linked");
        }
    }
    let any = build(&s, "var m: map<any, any> = {}\nm[1] = [2]\nprint(m)\n", &["--target", "x64-linux"]);
    assert!(has(&fs::read(any).expect("an executable"), "dyn_copy"));
}

/// Reads a file with a tool, and returns what it has to complain.
fn complaint(tool: &[&str], file: &Path, bad: &[&str]) -> Option<String> {
    let read = output(Command::new(tool[0]).args(&tool[1..]).arg(file));
    let (shown, said) = (text(&read.stdout), text(&read.stderr));
    let found: Vec<&str> = shown.lines().filter(|l| bad.iter().any(|b| l.contains(b))).take(5).collect();
    let fine = read.status.success() && said.is_empty() && found.is_empty();
    (!fine).then(|| format!("{tool:?} {}: {}\n{said}{}", file.display(), read.status, found.join("\n")))
}

/// What reads executables of a target besides our unwinder, each with words it must not say.
fn readers(target: Target) -> Vec<(Vec<&'static str>, &'static [&'static str])> {
    let dwarf = (vec!["llvm-dwarfdump", "--verify"], &["warning", "error:"][..]);
    // Tables of switches in the code look unknown to it.
    let code = (vec!["llvm-objdump", "-d"], &[][..]);
    match target.format {
        Format::Elf => vec![
            (vec!["llvm-readelf", "-a", "-W"], &["warning"]),
            (vec!["readelf", "-a", "-W"], &["Warning", "warning"]),
            dwarf,
            code,
        ],
        Format::MachO => vec![
            (
                vec!["llvm-readobj", "--file-headers", "--sections", "--symbols", "--macho-dysymtab"],
                &["warning"],
            ),
            (vec!["llvm-dwarfdump", "--eh-frame"], &["warning", "error:"]),
            (vec!["llvm-objdump", "--macho", "--rebase", "--bind", "--indirect-symbols"], &["warning"]),
            dwarf,
            code,
        ],
        Format::Coff => vec![
            (
                vec![
                    "llvm-readobj",
                    "--file-headers",
                    "--sections",
                    "--symbols",
                    "--coff-imports",
                    "--coff-basereloc",
                    "--unwind",
                ],
                &["warning"],
            ),
            dwarf,
            code,
        ],
        Format::Wasm => vec![(vec!["wasm-validate"], &[]), dwarf],
    }
}

/// What reads objects of a target, as [`readers`].
fn object_readers(target: Target) -> Vec<(Vec<&'static str>, &'static [&'static str])> {
    let all = ["--file-headers", "--sections", "--symbols", "--relocations"];
    match target.format {
        Format::Wasm => Vec::new(),
        _ => vec![
            ([&["llvm-readobj"][..], &all].concat(), &["warning"]),
            (vec!["llvm-dwarfdump", "--verify"], &["warning", "error:"]),
            (vec!["llvm-objdump", "-d", "-r"], &[]),
        ],
    }
}

/// A file to be read: target, kind, who reads it, program, option.
type Case = (Target, FileKind, Vec<(Vec<&'static str>, &'static [&'static str])>, PathBuf, &'static str);

#[test]
fn readers_accept_every_golden_program() {
    let s = Scratch::new("readers");
    let mut cases: Vec<Case> = Vec::new();
    for target in TARGETS {
        let there = |list: Vec<(Vec<&'static str>, _)>| -> Vec<_> {
            list.into_iter().filter(|(tool, _)| have(tool[0])).collect()
        };
        let (readers, object_readers) = (there(readers(target)), there(object_readers(target)));
        let objects = target.format.files().iter().any(|f| f.0 == FileKind::Object);
        for (n, program) in programs("golden").into_iter().enumerate() {
            let modes = ["-O", "--debug"];
            for mode in modes {
                cases.push((target, FileKind::Executable, readers.clone(), program.clone(), mode));
            }
            // They have what executables have; either mode is enough of each.
            if objects {
                cases.push((target, FileKind::Object, object_readers.clone(), program, modes[n % 2]));
            }
        }
    }
    let read = |(target, kind, readers, program, option): &Case| {
        let name = program.file_stem().expect("file name").to_string_lossy();
        let file = s.path(&format!("{name}-{}{option}.{}", target.short, kind.name()));
        let how = [option, "--emit", kind.name(), "--target", target.short, "-o"];
        let built = output(mochi().arg("build").arg(program).args(how).arg(&file));
        assert!(built.status.success(), "{}", text(&built.stderr));
        let complaints = readers.iter().filter_map(|(tool, bad)| complaint(tool, &file, bad));
        let mut complaints: Vec<String> = complaints.collect();
        if *kind == FileKind::Executable && target.arch != Arch::Wasm32 {
            let wrong = wrong_steps(target, &fs::read(&file).expect("an executable"));
            complaints.extend(wrong.into_iter().map(|w| format!("{}: {w}", file.display())));
        }
        complaints
    };
    let complaints: Vec<String> = parallel(threads(), &cases, read).into_iter().flatten().collect();
    assert!(complaints.is_empty(), "{} complaints\n{}", complaints.len(), complaints.join("\n"));
}

/// Each machine finds its program, and tools both.
#[test]
fn a_universal_file_has_a_program_for_each_machine() {
    let source = root().join("tests/golden/tour.mochi");
    let s = Scratch::new("universal");
    for made_for in Output::all().filter(|o| o.targets().len() > 1) {
        let file = s.path("tour");
        let built =
            output(mochi().args(["build", "--target", made_for.short(), "-o"]).args([&file, &source]));
        assert!(built.status.success() && built.stderr.is_empty(), "{}", text(&built.stderr));
        for engine in made_for.targets().into_iter().flat_map(engines::of) {
            judge(&source, &engine, &file, &[]).unwrap_or_else(|e| panic!("{}: {e}", engine.name()));
        }
        let lipo = first_installed(&["llvm-lipo", "llvm-lipo-14"]).unwrap_or_default();
        let tools = [
            (vec![lipo], vec!["-info"], "x86_64 arm64"),
            (vec![lipo], vec!["-verify_arch", "x86_64", "arm64"], ""),
            (vec!["llvm-objdump", "--macho", "--universal-headers"], vec![], "nfat_arch 2"),
            (vec!["llvm-dwarfdump", "--verify"], vec![], "No errors."),
        ];
        for (before, after, said) in tools.into_iter().filter(|t| !t.0[0].is_empty() && have(t.0[0])) {
            let read = output(Command::new(before[0]).args(&before[1..]).arg(&file).args(&after));
            let shown = text(&read.stdout);
            assert!(read.status.success() && shown.contains(said), "{before:?} {after:?}: {shown}");
            assert!(read.stderr.is_empty(), "{before:?}: {}", text(&read.stderr));
        }
    }
}

#[test]
fn readers_see_a_hardened_file_without_interpreter() {
    if !have("readelf") {
        return;
    }
    for target in TARGETS.iter().filter(|row| row.format == Format::Elf) {
        let s = Scratch::new("hardened");
        let exe = build(&s, LINES, &["--target", target.short]);
        let shown = output(Command::new("readelf").arg("-lWd").arg(&exe));
        assert!(shown.stderr.is_empty(), "{}", text(&shown.stderr));
        let shown = text(&shown.stdout);
        for present in ["DYN (Position-Independent Executable file)", "GNU_RELRO", "GNU_STACK", "NOW PIE"] {
            assert!(shown.contains(present), "{}: no {present} in\n{shown}", target.short);
        }
        for absent in ["INTERP", "NEEDED", "RWE", "TEXTREL"] {
            assert!(!shown.contains(absent), "{}: {absent} in\n{shown}", target.short);
        }
    }
}

/// Packages have the debug information of their programs in files of their own.
#[test]
fn debug_information_is_taken_out_and_put_back() {
    if !["eu-strip", "eu-unstrip", "eu-elflint"].into_iter().all(have) {
        return;
    }
    for target in TARGETS.iter().filter(|row| row.format == Format::Elf) {
        let s = Scratch::new("unstrip");
        build(&s, LINES, &["--target", target.short]);
        let run = |tool: &str, args: &[&str]| {
            let ran = output(Command::new(tool).args(args).current_dir(&s.0));
            (ran.status.success(), text(&ran.stdout) + &text(&ran.stderr))
        };
        let nothing = (true, String::new());
        assert_eq!(
            run("eu-strip", &["-f", "prog.debug", "-o", "prog.bare", "prog"]),
            nothing,
            "{}",
            target.short
        );
        let back = ["-o", "prog.whole", "prog.bare", "prog.debug"];
        assert_eq!(run("eu-unstrip", &back), nothing, "{}", target.short);
        let sections = |file: &str| {
            let bytes = fs::read(s.path(file)).expect("a file");
            let file = object::File::parse(&*bytes).expect("readable");
            let debug =
                file.sections().filter_map(|x| Some((x.name().ok()?.to_string(), x.data().ok()?.to_vec())));
            debug.filter(|x| x.0.starts_with(".debug_") || x.0 == ".text").collect::<Vec<_>>()
        };
        assert!(sections("prog.whole") == sections("prog"), "{}", target.short);
        for file in ["prog", "prog.bare", "prog.whole"] {
            let (_, said) = run("eu-elflint", &["--strict", file]);
            // This reader knows less than the kernels and linkers of today.
            let known = |l: &&str| !l.is_empty() && !l.contains(".relr.dyn") && *l != "No errors";
            assert_eq!(said.lines().find(known), None, "{}, {file}: {said}", target.short);
        }
    }
}

#[test]
fn gdb_stops_at_lines_and_names_functions() {
    if !traces("gdb") {
        return;
    }
    let s = Scratch::new("gdb");
    build(&s, LINES, &["--debug"]);
    let commands = ["break prog.mochi:3", "run", "bt", "next", "next"];
    let mut gdb = Command::new("gdb");
    gdb.args(["-q", "-nx", "-batch"]);
    for c in commands {
        gdb.args(["-ex", c]);
    }
    let ran = output(gdb.arg("./prog").env_remove("DEBUGINFOD_URLS").current_dir(&s.0));
    let shown = text(&ran.stdout);
    for expected in
        ["inner () at", "prog.mochi:3", "in outer () at", "prog.mochi:9", "in __main () at", "prog.mochi:13"]
    {
        assert!(shown.contains(expected), "no `{expected}` in\n{shown}{}", text(&ran.stderr));
    }
    // What runs first on the program's stack was called from another stack, where the trace ends.
    assert!(shown.contains(" in begin ()"), "no end in\n{shown}");
    assert!(!shown.contains("Backtrace stopped"), "no end in\n{shown}");
    assert!(shown.contains("4\t  return b"), "does not step to line 4:\n{shown}");
}
