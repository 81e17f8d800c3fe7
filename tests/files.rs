//! Executables and objects as other people's tools see them.

mod common;

use common::{mochi, root};
use mochi_testkit::{Scratch, have, output, text, traces};
use std::fs;
use std::path::PathBuf;
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
    let exe = build(&s, "print(\"hello\")\n", &["--strip"]);
    let size = fs::metadata(exe).expect("executable").len();
    assert!(size <= 16 * 1024, "hello has {size} bytes");
}

#[test]
fn objects_link_with_a_c_library() {
    let s = Scratch::new("object");
    let source = root().join("tests/golden/tour.mochi");
    let expected = fs::read_to_string(source.with_extension("out")).expect("expected output");
    let built =
        output(mochi().args(["build", "--emit", "obj", "-o", "tour.o"]).arg(&source).current_dir(&s.0));
    assert!(built.status.success(), "{}", text(&built.stderr));
    let mut linkers: Vec<(&str, Vec<&str>)> = Vec::new();
    if have("cc") {
        linkers.push(("cc", vec!["tour.o", "-o", "tour"]));
    }
    if have("cc") && have("ld.lld") {
        linkers.push(("cc", vec!["-fuse-ld=lld", "tour.o", "-o", "tour"]));
        linkers.push(("ld.lld", vec!["--entry=main", "--no-gc-sections", "-r", "tour.o", "-o", "tour-r.o"]));
    }
    for (linker, args) in linkers {
        let linked = output(Command::new(linker).args(&args).current_dir(&s.0));
        assert!(linked.status.success(), "{linker} {args:?}: {}", text(&linked.stderr));
        if args.contains(&"tour") {
            let ran = output(&mut Command::new(s.path("tour")));
            assert_eq!(text(&ran.stdout), expected, "{linker} {args:?}");
        }
    }
}

#[test]
fn readers_see_a_hardened_file_without_interpreter() {
    if !have("readelf") {
        return;
    }
    let s = Scratch::new("hardened");
    let exe = build(&s, LINES, &[]);
    let shown = output(Command::new("readelf").arg("-lWd").arg(&exe));
    assert!(shown.stderr.is_empty(), "{}", text(&shown.stderr));
    let shown = text(&shown.stdout);
    for present in ["DYN (Position-Independent Executable file)", "GNU_RELRO", "GNU_STACK", "NOW PIE"] {
        assert!(shown.contains(present), "no {present} in\n{shown}");
    }
    for absent in ["INTERP", "NEEDED", "RWE", "TEXTREL"] {
        assert!(!shown.contains(absent), "{absent} in\n{shown}");
    }
}

#[test]
fn debug_information_is_valid() {
    if !have("llvm-dwarfdump") {
        return;
    }
    for options in [&["-O"][..], &["--debug"]] {
        let s = Scratch::new("dwarf");
        let source = fs::read_to_string(root().join("tests/golden/closures.mochi")).expect("program");
        let exe = build(&s, &source, options);
        let verified = output(Command::new("llvm-dwarfdump").arg("--verify").arg(&exe));
        assert!(verified.status.success(), "{}", text(&verified.stdout));
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
    assert!(shown.contains("4\t  return b"), "does not step to line 4:\n{shown}");
}
