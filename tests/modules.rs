//! WebAssembly modules as other people's assembler and optimiser see them.

mod common;

use common::{mochi, programs, root};
use mochi_objwrite::target;
use mochi_testkit::engines::{self, Start};
use mochi_testkit::process::End;
use mochi_testkit::{Golden, Scratch, have, output, parallel, text, threads};
use std::fs;
use std::process::Command;
use std::time::Duration;

/// An assembler makes the module of its text again, but for the custom sections, which it cannot say.
#[test]
fn text_of_modules_is_assembled_to_the_same() {
    if !have("wat2wasm") {
        return;
    }
    let s = Scratch::new("text");
    parallel(threads(), &programs("golden"), |program| {
        let name = program.file_stem().expect("file name").to_string_lossy();
        let [source, assembled, module] =
            ["wat", "again", "wasm"].map(|end| s.path(&format!("{name}.{end}")));
        for (option, path) in [("--emit=asm", &source), ("--strip", &module)] {
            let args = ["--target", "wasm32-wasi", option, "-o"];
            let built = output(mochi().arg("build").arg(program).args(args).arg(path));
            assert!(built.status.success(), "{}", text(&built.stderr));
        }
        let ran = output(Command::new("wat2wasm").arg(&source).arg("-o").arg(&assembled));
        assert!(ran.status.success() && ran.stderr.is_empty(), "{name}: {}", text(&ran.stderr));
        let [again, module] = [assembled, module].map(|path| fs::read(path).expect("a module"));
        // The preamble is not all that it has.
        assert!(again.len() > 1000 && module.starts_with(&again), "{name}: another module");
    });
}

/// Plain `wasm-opt -O`, which is told nothing of what the modules use, takes them as they are and stripped; what
/// it makes of them does the same.
#[test]
fn optimised_modules_do_the_same() {
    if !have("wasm-opt") {
        return;
    }
    let target = target::parse("wasm32-wasi").expect("a supported target");
    let engine = &engines::of(target)[0];
    let s = Scratch::new("optimised");
    // Slow enough for a few programs; between them they use every feature that modules name.
    let cases = [("closures", "-O"), ("error_lines_inlined", "--debug"), ("floats", "--strip")];
    parallel(threads(), &cases, |(name, option)| {
        let program = root().join("tests/golden").join(name).with_extension("mochi");
        let golden = Golden::beside(&program);
        let [module, better] = ["", "-optimised"].map(|end| s.path(&format!("{name}{option}{end}.wasm")));
        let args = ["--target", target.short, option, "-o"];
        let built = output(mochi().arg("build").arg(&program).args(args).arg(&module));
        assert!(built.status.success(), "{}", text(&built.stderr));
        let ran = output(Command::new("wasm-opt").arg("-O").arg(&module).arg("-o").arg(&better));
        let said = text(&ran.stdout) + &text(&ran.stderr);
        assert!(ran.status.success() && said.is_empty(), "{name} {option}: {}\n{said}", ran.status);
        let start = Start { args: &[], stdin: b"", env: &[], folder: &s.0, time: Duration::from_secs(20) };
        let ran = engine.run(&better, &start).expect("runs");
        assert_eq!((ran.end, text(&ran.stdout)), (End::Status(golden.status), text(&golden.stdout)));
        assert_eq!(text(&ran.stderr), text(&golden.stderr), "{name} {option}");
    });
}

/// What optimises modules moves their lines along when it is asked to keep them.
#[test]
fn optimised_modules_have_lines() {
    if !have("wasm-opt") || !have("llvm-dwarfdump") {
        return;
    }
    let s = Scratch::new("lines");
    s.write("prog.mochi", "fun twice(n: int): int {\n  return n + n\n}\nprint(twice(4))\n");
    let module = s.path("prog.wasm");
    let args = ["build", "prog.mochi", "--debug", "--target", "wasm32-wasi"];
    let built = output(mochi().args(args).current_dir(&s.0));
    assert!(built.status.success(), "{}", text(&built.stderr));
    let ran =
        output(Command::new("wasm-opt").args(["-O", "-g"]).arg(&module).arg("-o").arg(s.path("better")));
    assert!(ran.status.success() && ran.stderr.is_empty(), "{}", text(&ran.stderr));
    let shown = output(Command::new("llvm-dwarfdump").arg("--debug-line").arg(s.path("better")));
    let (shown, said) = (text(&shown.stdout), text(&shown.stderr));
    let has = |line: usize| {
        shown.lines().any(|l| l.starts_with("0x") && l.split_whitespace().nth(1) == Some(&line.to_string()))
    };
    let missing: Vec<usize> = [2, 4].into_iter().filter(|&line| !has(line)).collect();
    assert!(missing.is_empty() && said.is_empty(), "no lines {missing:?} in\n{shown}{said}");
}
