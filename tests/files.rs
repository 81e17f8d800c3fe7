//! Executables and objects as other people's tools see them.

mod common;

use common::{mochi, programs, root, wrong_steps};
use mochi_objwrite::target::{self, Arch, FileKind, Format, TARGETS, Target};
use mochi_testkit::engines::{self, Start};
use mochi_testkit::process::End;
use mochi_testkit::{Scratch, folder, have, output, parallel, text, threads, traces};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

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
            _ => 12 * 1024,
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

/// Targets that objects are written for.
fn object_targets() -> impl Iterator<Item = Target> {
    TARGETS.iter().filter(|row| row.format.files().iter().any(|f| f.0 == FileKind::Object))
}

#[test]
fn objects_link_with_a_c_library() {
    let source = root().join("tests/golden/tour.mochi");
    let expected = fs::read_to_string(source.with_extension("out")).expect("expected output");
    for target in object_targets() {
        let s = Scratch::new("object");
        let build = ["build", "--emit", "obj", "-o", "tour.o", "--target", target.short];
        let built = output(mochi().args(build).arg(&source).current_dir(&s.0));
        assert!(built.status.success(), "{}", text(&built.stderr));
        if have("eu-elflint") {
            let read = output(Command::new("eu-elflint").args(["--strict", "tour.o"]).current_dir(&s.0));
            assert_eq!(text(&read.stdout) + &text(&read.stderr), "No errors\n", "{}", target.short);
        }
        let gnu = engines::gnu_name(target.arch).expect("a machine with C compilers");
        let host = target::host() == Ok(target);
        let cc = if host { "cc".to_string() } else { format!("{gnu}-gcc") };
        if !have(&cc) {
            continue;
        }
        let way = |words: &[&str]| words.iter().map(|w| w.to_string()).collect::<Vec<String>>();
        let mut ways = vec![way(&["tour.o"]), way(&["tour.o", "-static"])];
        if have("ld.lld") {
            let args = ["-r", "tour.o", "-o", "tour-r.o"];
            let linked = output(Command::new("ld.lld").args(args).current_dir(&s.0));
            assert!(linked.status.success(), "{target:?}: {}", text(&linked.stderr));
            // Cross compilers do not look for it in `PATH`.
            let place = format!("-B{}", folder("ld.lld").expect("installed").display());
            ways.extend([
                way(&["tour-r.o"]),
                way(&["tour.o", "-fuse-ld=lld", &place]),
                way(&["tour.o", "-fuse-ld=lld", &place, "-static"]),
            ]);
        }
        for way in ways {
            let linked = output(Command::new(&cc).args(&way).args(["-o", "tour"]).current_dir(&s.0));
            let said = text(&linked.stderr);
            if said.contains("requires unimplemented linker relaxation") {
                eprintln!("skipped: this ld.lld cannot read the C library of {}", target.short);
                continue;
            }
            assert!(linked.status.success() && said.is_empty(), "{cc} {way:?}: {said}");
            // Where an emulator finds the dynamic linker and the library.
            let libraries = format!("/usr/{gnu}");
            let env: &[(&str, &str)] = if host { &[] } else { &[("QEMU_LD_PREFIX", &libraries)] };
            for engine in engines::of(target) {
                let start = Start { args: &[], stdin: b"", env, folder: &s.0, time: Duration::from_secs(20) };
                let ran = engine.run(&s.path("tour"), &start).expect("runs");
                assert_eq!((ran.end, text(&ran.stderr).as_str()), (End::Status(0), ""), "{cc} {way:?}");
                assert_eq!(text(&ran.stdout), expected, "{cc} {way:?}");
            }
        }
    }
}

/// Reads an executable with a tool, and returns what it has to complain.
fn complaint(tool: &[&str], exe: &Path, bad: &[&str]) -> Option<String> {
    let read = output(Command::new(tool[0]).args(&tool[1..]).arg(exe));
    let (shown, said) = (text(&read.stdout), text(&read.stderr));
    let found: Vec<&str> = shown.lines().filter(|l| bad.iter().any(|b| l.contains(b))).take(5).collect();
    let fine = read.status.success() && said.is_empty() && found.is_empty();
    (!fine).then(|| format!("{tool:?} {}: {}\n{said}{}", exe.display(), read.status, found.join("\n")))
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
        Format::Wasm => vec![(vec!["wasm-validate", "--enable-tail-call"], &[])],
    }
}

#[test]
fn readers_accept_every_golden_program() {
    let s = Scratch::new("readers");
    let mut cases = Vec::new();
    for target in TARGETS {
        let readers: Vec<_> = readers(target).into_iter().filter(|(tool, _)| have(tool[0])).collect();
        for (program, option) in
            programs("golden").into_iter().flat_map(|p| [(p.clone(), "-O"), (p, "--debug")])
        {
            cases.push((target, readers.clone(), program, option));
        }
    }
    let read = |(target, readers, program, option): &(Target, Vec<_>, PathBuf, &str)| {
        let name = program.file_stem().expect("file name").to_string_lossy();
        let exe = s.path(&format!("{name}-{}{option}", target.short));
        let built = output(
            mochi().arg("build").arg(program).args([option, "--target", target.short, "-o"]).arg(&exe),
        );
        assert!(built.status.success(), "{}", text(&built.stderr));
        let complaints =
            readers.iter().filter_map(|(tool, bad): &(Vec<&str>, &[&str])| complaint(tool, &exe, bad));
        let mut complaints: Vec<String> = complaints.collect();
        if target.arch != Arch::Wasm32 {
            let wrong = wrong_steps(target, &fs::read(&exe).expect("an executable"));
            complaints.extend(wrong.into_iter().map(|w| format!("{}: {w}", exe.display())));
        }
        complaints
    };
    let complaints: Vec<String> = parallel(threads(), &cases, read).into_iter().flatten().collect();
    assert!(complaints.is_empty(), "{} complaints\n{}", complaints.len(), complaints.join("\n"));
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
