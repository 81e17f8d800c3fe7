//! Objects, as linkers of other people take them: what these make of them are the same programs.

mod common;

use common::{judge, mochi, programs, root, wrong_steps};
use mochi_objwrite::platform::Library;
use mochi_objwrite::target::{self, Arch, FileKind, Format, TARGETS, Target};
use mochi_testkit::engines::{self, Start};
use mochi_testkit::process::End;
use mochi_testkit::{Scratch, first_installed, folder, have, output, parallel, text, threads};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Targets of a format that objects are written for.
fn targets(format: Format) -> impl Iterator<Item = Target> {
    let has = |row: &Target| row.format.files().iter().any(|f| f.0 == FileKind::Object);
    TARGETS.iter().filter(move |row| row.format == format).filter(has)
}

#[test]
fn objects_link_with_a_c_library() {
    let source = root().join("tests/golden/tour.mochi");
    let expected = fs::read_to_string(source.with_extension("out")).expect("expected output");
    for target in targets(Format::Elf) {
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

/// Golden programs: every fourth one, as many ways as there are, are enough for what linkers do.
fn some_programs() -> Vec<PathBuf> {
    programs("golden").into_iter().step_by(4).collect()
}

/// A linker: its name, and what makes a program of an object.
type Linker<'a> = (String, Box<dyn Fn(&Path, &Path) -> Command + Sync + 'a>);

/// GNU's linker for Windows.
const GNU: &str = "mingw";

/// Makes programs of golden programs' objects by each of the linkers, and runs them where something can.
fn link_and_run(s: &Scratch, target: Target, linkers: &[Linker]) {
    let engines = engines::of(target);
    let problems = parallel(threads(), &some_programs(), |program| {
        let name = program.file_stem().expect("file name").to_string_lossy();
        let object = s.path(&format!("{name}-{}.o", target.short));
        let build = ["build", "--emit", "obj", "--target", target.short, "-o"];
        let built = output(mochi().args(build).args([&object, program]));
        if !built.status.success() || !built.stderr.is_empty() {
            return vec![format!("{name} for {}: {}", target.short, text(&built.stderr))];
        }
        let mut problems = Vec::new();
        for (linker, command) in linkers {
            let exe = object.with_extension(linker);
            let linked = output(&mut command(&object, &exe));
            let said = text(&linked.stdout) + &text(&linked.stderr);
            if !linked.status.success() || !said.is_empty() {
                problems.push(format!("{name} for {} by {linker}: {said}", target.short));
                continue;
            }
            // GNU's linker has symbols in the code that are no functions.
            if target.format == Format::Coff && linker != GNU {
                // The linker has put the tables of our functions where the system looks for them.
                let wrong = wrong_steps(target, &fs::read(&exe).expect("an executable"));
                problems.extend(
                    wrong.into_iter().map(|w| format!("{name} for {} by {linker}: {w}", target.short)),
                );
            }
            let ran = engines.iter().filter_map(|e| Some((e.name(), judge(program, e, &exe, &[]).err()?)));
            problems
                .extend(ran.map(|(engine, problem)| format!("{name} by {linker} on {engine}: {problem}")));
        }
        problems
    });
    let problems: Vec<String> = problems.into_iter().flatten().collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// How LLVM's maker of import libraries calls a machine.
fn windows_machine(arch: Arch) -> &'static str {
    if arch == Arch::A64 { "arm64" } else { "i386:x86-64" }
}

/// Import libraries of what programs of a target may call, by LLVM's tool.
fn import_libraries(s: &Scratch, target: Target) -> Vec<PathBuf> {
    let make = |library: &Library| {
        let (file, path) =
            (format!("{}.def", library.name), s.path(&format!("{}-{}.lib", library.name, target.short)));
        let text = format!("LIBRARY {}\nEXPORTS\n{}\n", library.name, library.functions.join("\n"));
        let definition = s.write(&file, &text);
        let mut tool = Command::new("llvm-dlltool");
        tool.args(["-m", windows_machine(target.arch), "-d"]).arg(definition).arg("-l").arg(&path);
        assert!(output(&mut tool).status.success(), "{tool:?}");
        path
    };
    target.platform.imports.iter().map(make).collect()
}

/// Where Debian has the import libraries of GNU's tools.
const MINGW_LIBRARIES: &str = "/usr/x86_64-w64-mingw32/lib";

/// The linker begins at `main`, as C's start-up would.
#[test]
fn linkers_for_windows_make_programs() {
    let s = Scratch::new("coff-objects");
    for target in targets(Format::Coff) {
        let stack = target.platform.stack_reserve;
        let mut linkers: Vec<Linker> = Vec::new();
        if have("lld-link") && have("llvm-dlltool") {
            let libraries = import_libraries(&s, target);
            let link = move |object: &Path, exe: &Path| {
                let mut command = Command::new("lld-link");
                command.args(["-nologo", "-entry:main", "-subsystem:console,6.2", "-debug:dwarf"]);
                command.arg(format!("-stack:{stack}")).arg(format!("-out:{}", exe.display()));
                command.arg(object).args(&libraries);
                command
            };
            linkers.push(("lld".into(), Box::new(link)));
        }
        if target.arch == Arch::X64 && have("x86_64-w64-mingw32-ld") {
            let link = move |object: &Path, exe: &Path| {
                let mut command = Command::new("x86_64-w64-mingw32-ld");
                command.arg(object).args(["-e", "main", "--subsystem", "console", "-L", MINGW_LIBRARIES]);
                // Windows 8, the first one with all that is imported.
                command.args(["os", "subsystem"].iter().flat_map(|what| {
                    [format!("--major-{what}-version=6"), format!("--minor-{what}-version=2")]
                }));
                command
                    .args(["-lkernel32", "-ladvapi32", "--stack"])
                    .arg(stack.to_string())
                    .arg("-o")
                    .arg(exe);
                command
            };
            linkers.push((GNU.into(), Box::new(link)));
        }
        link_and_run(&s, target, &linkers);
    }
}

/// What the linker has to know of the libraries of programs for macOS.
fn stubs(target: Target, arch: &str) -> String {
    let stub = |library: &Library| {
        let symbols: Vec<String> = library.functions.iter().map(|f| format!("_{f}")).collect();
        format!(
            "--- !tapi-tbd\ntbd-version: 4\ntargets: [ {arch}-macos ]\ninstall-name: {}\nexports:\n  - targets: [ {arch}-macos ]\n    symbols: [ {} ]\n...\n",
            library.name,
            symbols.join(", ")
        )
    };
    target.platform.imports.iter().map(stub).collect()
}

#[test]
fn linkers_for_macos_make_programs() {
    let versions = (14..20).rev().map(|n| format!("ld64.lld-{n}"));
    let names: Vec<String> = ["ld64.lld".to_string()].into_iter().chain(versions).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let Some(linker) = first_installed(&names) else { return };
    let s = Scratch::new("macho-objects");
    for target in targets(Format::MachO) {
        let arch = if target.arch == Arch::A64 { "arm64" } else { "x86_64" };
        let library = s.write(&format!("{arch}.tbd"), &stubs(target, arch));
        let link = move |object: &Path, exe: &Path| {
            let mut command = Command::new(linker);
            command.args(["-arch", arch, "-platform_version", "macos", "11.0", "11.0", "-adhoc_codesign"]);
            // Before version 15 this linker leaves out a flag of this segment that new systems ask for.
            command.args(["-no_data_const", "-o"]).args([exe, object]).arg(&library);
            command
        };
        link_and_run(&s, target, &[("lld".into(), Box::new(link))]);
    }
}
