//! The command line: exit statuses, where output goes, what happens to files, input from pipes.

mod common;

use common::mochi;
use mochi_objwrite::target::{self, Arch, FileKind, Format, Output, TARGETS};
use mochi_testkit::{Scratch, output, text, traces};
use object::Object as _;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

const HELLO: &str = "print(\"hello\")\n";

#[test]
fn builds_a_program_named_after_the_source() {
    let s = Scratch::new("name");
    s.write("hello.mochi", HELLO);
    let built = output(mochi().args(["build", "--no-external-tools", "hello.mochi"]).current_dir(&s.0));
    assert_eq!((built.status.code(), text(&built.stderr)), (Some(0), String::new()));
    let ran = output(&mut Command::new(s.path("hello")));
    assert_eq!(text(&ran.stdout), "hello\n");
}

#[test]
fn runs_a_program_with_its_status_and_input() {
    let s = Scratch::new("run");
    let source = s
        .write("p.mochi", "let line = input()\nprint(\"got \" + line, args())\nlet xs = [1]\nprint(xs[3])\n");
    let mut child = mochi()
        .args(["run"])
        .arg(source)
        .args(["--", "two", "arguments"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    child.stdin.take().expect("pipe").write_all(b"abc\nrest\n").expect("written");
    let ran = child.wait_with_output().expect("ends");
    assert_eq!(text(&ran.stdout), "got abc [\"two\", \"arguments\"]\n");
    assert_eq!(ran.status.code(), Some(1));
    assert_eq!(text(&ran.stderr), "list index out of range: 3 (len 1)\n  at __main (p.mochi:4)\n");
}

#[test]
fn both_outputs_are_in_order_where_they_go_to_one_place() {
    let s = Scratch::new("order");
    s.write("p.mochi", "print(1)\neprint(2, [2.5], none)\nprint(3)\neprint()\nprint(4)\nexit(7)\n");
    let both = fs::File::create(s.path("both")).expect("a file");
    let again = both.try_clone().expect("the same file");
    let ran = mochi().args(["run", "p.mochi"]).current_dir(&s.0).stdout(both).stderr(again).status();
    assert_eq!(ran.expect("starts").code(), Some(7));
    assert_eq!(fs::read_to_string(s.path("both")).expect("the file"), "1\n2 [2.5] nil\n3\n\n4\n");
}

#[test]
fn a_seed_for_the_clock_is_a_number_of_64_bits() {
    let s = Scratch::new("cli");
    s.write("clock.mochi", "print(now(), now())\n");
    let clock = |seed: &str| {
        let ended =
            output(mochi().args(["run", "clock.mochi"]).env("MOCHI_NOW_SEED", seed).current_dir(&s.0));
        text(&ended.stdout)
    };
    let next = |n: i64| n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) % 2_147_483_647;
    for seed in ["0", "7", "+7", "-3", "9223372036854775807", "-9223372036854775808"] {
        let first = next(seed.parse().expect("a number"));
        assert_eq!(clock(seed), format!("{first} {}\n", next(first)), "{seed}");
    }
    for other in ["", "-", "abc", "5x", "9223372036854775808", "99999999999999999999"] {
        let shown = clock(other);
        let nanoseconds = shown.split(' ').next().and_then(|n| n.parse::<i64>().ok());
        assert!(nanoseconds.is_some_and(|n| n > 1_600_000_000_000_000_000), "{other}: {shown}");
    }
}

/// `nil` and `null` get a note, and are none: in calls of builtins as elsewhere.
#[test]
fn other_names_of_none() {
    let s = Scratch::new("nil");
    let program = r#"
print("a", NONE)
print(NONE)
print(str(NONE) + "x", NONE == none, max([1]), NONE)
print(if 1 == 1 { NONE } else { 2 })
assert(NONE == none)
var l: list<int?> = []
l = append(l, NONE)
print(l)
fun f(x: int?): int { return x ?? 3 }
var y: int? = 5
y = NONE
print(f(y), json(NONE))
print("after")
"#;
    let run = |name: &str| {
        s.write("a.mochi", &program.replace("NONE", name));
        output(mochi().args(["run", "a.mochi"]).current_dir(&s.0))
    };
    let right = run("none");
    assert_eq!(right.stderr, b"", "{}", text(&right.stderr));
    assert_eq!(right.stdout.iter().filter(|b| **b == b'\n').count(), 8);
    for name in ["nil", "null"] {
        let ran = run(name);
        assert_eq!((ran.status.code(), text(&ran.stdout)), (Some(0), text(&right.stdout)), "{name}");
        assert!(text(&ran.stderr).contains(&format!("`{name}` means `none`")), "{}", text(&ran.stderr));
    }
}

#[test]
fn reads_the_source_from_standard_input() {
    let mut child =
        mochi().args(["run", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    child.stdin.take().expect("pipe").write_all(HELLO.as_bytes()).expect("written");
    assert_eq!(text(&child.wait_with_output().expect("ends").stdout), "hello\n");
}

#[test]
fn statuses_tell_the_program_from_the_command_line_from_the_system() {
    let s = Scratch::new("status");
    let bad = s.write("bad.mochi", "let y: int = \"a\"\n");
    let cases: [(&[&str], i32); 6] = [
        (&["check", bad.to_str().expect("name")], 1),
        (&["build", "--frobnicate", "x.mochi"], 2),
        (&["build", "--target", "pdp11", bad.to_str().expect("name")], 2),
        (&["build", "--emit", "ir:nosuchpass", "-"], 2),
        (&["check", "does-not-exist.mochi"], 3),
        (&["--help"], 0),
    ];
    for (args, status) in cases {
        let ran = output(mochi().args(args).current_dir(&s.0));
        assert_eq!(ran.status.code(), Some(status), "{args:?}: {}", text(&ran.stderr));
        if status > 0 {
            assert!(!ran.stderr.is_empty(), "{args:?} says nothing");
        }
    }
}

#[test]
fn targets_are_listed_and_known_by_name() {
    let shown = text(&output(mochi().arg("targets")).stdout);
    let json = text(&output(mochi().args(["targets", "--message-format", "json"])).stdout);
    assert_eq!(
        (shown.lines().count(), json.lines().count()),
        (Output::all().count() + 1, Output::all().count()),
        "{shown}{json}"
    );
    for (row, (line, object)) in Output::all().zip(shown.lines().skip(1).zip(json.lines())) {
        assert!(line.contains(row.short()) && line.contains(row.triple()), "{line}");
        let host = target::host().map(Output::One) == Ok(row);
        assert_eq!(
            (line.contains("this machine"), object.ends_with(",\"host\":true}")),
            (host, host),
            "{line}{object}"
        );
        let start =
            format!("{{\"name\":\"{}\",\"triple\":\"{}\",\"files\":[\"exe\"", row.short(), row.triple());
        assert!(object.starts_with(&start), "{object}");
    }
    let missed = output(mochi().args(["build", "--target", "x86_64-unknown-linx", "p.mochi"]));
    let message =
        "mochi: unknown target `x86_64-unknown-linx`; did you mean x64-linux (x86_64-unknown-linux)?\n";
    assert_eq!((missed.status.code(), text(&missed.stderr).as_str()), (Some(2), message));
    let missed = output(mochi().args(["build", "--target", "wasm32-web", "p.mochi"]));
    let message = "mochi: unknown target `wasm32-web`; did you mean wasm32-wasi (wasm32-wasi)? \
                   (`--emit html` writes a page for browsers)\n";
    assert_eq!((missed.status.code(), text(&missed.stderr).as_str()), (Some(2), message));
    let missed = output(mochi().args(["run", "--target", "wasm32-wasi", "p.mochi"]));
    assert!(text(&missed.stderr).contains("`mochi run` for this machine"), "{}", text(&missed.stderr));
}

#[test]
fn every_target_has_the_files_it_says() {
    let s = Scratch::new("files");
    s.write("p.mochi", HELLO);
    for (row, kind) in Output::all().flat_map(|row| FileKind::ALL.map(|kind| (row, kind))) {
        let args = ["build", "p.mochi", "--target", row.short(), "--emit", kind.name()];
        let built = output(mochi().args(args).current_dir(&s.0));
        let extension = row.files().iter().find(|f| f.0 == kind).map(|f| f.1);
        let status = if extension.is_some() { 0 } else { 2 };
        assert_eq!(built.status.code(), Some(status), "{args:?}: {}", text(&built.stderr));
        if let Some(extension) = extension {
            let path = s.0.join("p").with_extension(extension);
            assert!(fs::metadata(&path).is_ok_and(|m| m.len() > 0), "{args:?}: no {}", path.display());
            fs::remove_file(path).expect("removed");
        }
    }
}

#[test]
fn a_failed_build_leaves_the_old_output() {
    let s = Scratch::new("keep");
    s.write("bad.mochi", "print(undefined_name)\n");
    s.write("prog", "precious");
    let built = output(mochi().args(["build", "bad.mochi", "-o", "prog"]).current_dir(&s.0));
    assert_eq!(built.status.code(), Some(1));
    assert_eq!(fs::read_to_string(s.path("prog")).expect("still there"), "precious");
    let names: Vec<_> = fs::read_dir(&s.0).expect("folder").flatten().map(|e| e.file_name()).collect();
    assert_eq!(names.len(), 2, "leftovers: {names:?}");
    s.write("good.mochi", HELLO);
    let built = output(mochi().args(["build", "good.mochi", "-o", "missing/prog"]).current_dir(&s.0));
    assert_eq!(built.status.code(), Some(3));
    assert!(text(&built.stderr).contains("missing/prog"), "{}", text(&built.stderr));
}

#[test]
fn diagnostics_come_as_json_lines() {
    let s = Scratch::new("json");
    s.write("bad.mochi", "let a: int = \"x\"\nprint(nothing)\n");
    let ran = output(mochi().args(["check", "--message-format", "json", "bad.mochi"]).current_dir(&s.0));
    let lines: Vec<String> = text(&ran.stderr).lines().map(str::to_string).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, code) in lines.iter().zip(["T008", "T002"]) {
        assert!(line.starts_with('{') && line.ends_with('}') && line.contains(code), "{line}");
    }
}

#[test]
fn every_kind_of_output_can_be_looked_at() {
    let s = Scratch::new("emit");
    s.write("p.mochi", "fun twice(n: int): int {\n  return n * 2\n}\nprint(twice(21))\n");
    for (emit, expected) in [("ast", "twice"), ("ir:lower", "int.mul"), ("ir", "mochi_main"), ("asm", "ret")]
    {
        let ran = output(mochi().args(["build", "--emit", emit, "p.mochi"]).current_dir(&s.0));
        assert_eq!(ran.status.code(), Some(0), "{emit}: {}", text(&ran.stderr));
        assert!(text(&ran.stdout).contains(expected), "{emit}: {}", text(&ran.stdout));
    }
    // Where only a whole program is a text, it has the runtime, too.
    let text_of = ["build", "--emit", "asm", "--target", "wasm32-wasi", "p.mochi"];
    let shown = text(&output(mochi().args(text_of).current_dir(&s.0)).stdout);
    let parts = ["(module\n", "(func $mochi_main", "(func $fd_write", "(export \"_start\" (func $_start))"];
    assert!(parts.iter().all(|part| shown.contains(part)), "{shown}");
    let timed = output(mochi().args(["build", "--time-passes", "p.mochi", "-o", "p"]).current_dir(&s.0));
    assert!(text(&timed.stderr).contains("link"), "{}", text(&timed.stderr));
}

const NOTED: &str = "\
fun tree(n: int): int {
  if n < 2 {
    return 1
  }
  return tree(n - 1) + tree(n - 2) * n
}
fun total(xs: list<int>, at: list<int>): int {
  var s = 0
  for i in 0..len(at) {
    s = s + xs[at[i]]
  }
  return s
}
fun twice(n: int): int {
  return n + n
}
fun halves(n: int): int {
  var i = n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n
    + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n
  var k = 0
  while i > 0 {
    i = i / 2
    k = k + 1
  }
  return k
}
fun trees(xs: list<int>): int {
  var s = 0
  for i in 0..3 {
    s = s + tree(xs[i])
  }
  return s
}
let n = len(args())
print(total([1, 2, 3], [2, 1, 0]), twice(n), halves(n), trees([n, 1, n]))
";

const REMARKS: &str = "\
p.mochi:2:6: remark: comparison is exact in each iteration: an operand may be no small int
p.mochi:5:10: remark: `tree` is not inlined: it is in a circle of calls
p.mochi:5:10: remark: addition is exact in each iteration: an operand and the result may be no small int
p.mochi:5:15: remark: subtraction is exact in each iteration: an operand and the result may be no small int
p.mochi:5:24: remark: `tree` is not inlined: it is in a circle of calls
p.mochi:5:24: remark: multiplication is exact in each iteration: an operand and the result may be no small int
p.mochi:5:29: remark: subtraction is exact in each iteration: an operand and the result may be no small int
p.mochi:10:9: remark: addition is tested in each iteration: the result may be no small int
p.mochi:10:13: remark: index is tested in each iteration: it may be out of range
p.mochi:21:3: remark: loop keeps one side: another one would save no checks
p.mochi:29:3: remark: loop keeps one side: it calls what may nest without bound
p.mochi:30:9: remark: addition is exact in each iteration: an operand and the result may be no small int
p.mochi:30:18: remark: index is tested in each iteration: it may be out of range
p.mochi:35:46: remark: `halves` is not inlined: it has a loop and 58 instructions that are likely to run, at most 48 may be
";

/// What is inlined, is hoisted, cannot fail or is in no loop has no remark.
#[test]
fn remarks_say_why_something_stays() {
    let s = Scratch::new("remarks");
    s.write("p.mochi", NOTED);
    let build = |more: &[&str]| {
        let built = output(mochi().args(["build", "p.mochi", "-o", "p"]).args(more).current_dir(&s.0));
        (built.status.code(), text(&built.stderr))
    };
    assert_eq!(build(&[]), (Some(0), String::new()));
    let (status, said) = build(&["--remarks"]);
    assert_eq!((status, &said[..]), (Some(0), REMARKS));
    assert_eq!(build(&["--remarks", "-j1"]).1, said);
    let (_, json) = build(&["--remarks", "--message-format", "json"]);
    assert_eq!(json.lines().count(), said.lines().count());
    let first = "\"message\":\"`tree` is not inlined: it is in a circle of calls\",\"file\":\"p.mochi\"";
    assert!(
        json.starts_with('{') && json.contains(first) && json.contains("\"line\":5,\"column\":10"),
        "{json}"
    );
    assert_eq!(build(&["--remarks", "--debug"]).0, Some(2));
}

#[test]
fn stats_count_what_passes_did() {
    let s = Scratch::new("stats");
    s.write("p.mochi", NOTED);
    let count = |more: &[&str], what: &str| {
        let built =
            mochi().args(["build", "--stats", "p.mochi", "-o", "p"]).args(more).current_dir(&s.0).output();
        let said = text(&built.expect("starts").stderr);
        let row = said.lines().find(|l| l.trim_start().split_once("  ").is_some_and(|(_, of)| of == what));
        row.map(|l| l.trim_start().split_once(' ').expect("a number").0.parse::<u64>().expect("a number"))
    };
    let all = ["loops with two sides", "int.div made plain by range analysis", "int.div left in likely code"];
    assert_eq!(all.map(|what| count(&[], what)), [Some(1), Some(1), None]);
    assert_eq!(all.map(|what| count(&["--debug"], what)), [Some(0), None, Some(1)]);
    assert_eq!(count(&[], "int.add made plain with tests in loops with two sides"), Some(1));
    let inlined = "calls of functions of the program inlined";
    assert!(count(&[], inlined) > Some(0) && count(&["--debug"], inlined) == Some(0));
    assert!(count(&[], "spills") < count(&["--debug"], "spills"));
    let wasm = count(&["--target", "wasm32-wasi"], "bytes of likely code").expect("a row");
    assert!(wasm > 100 && count(&[], "bytes of unlikely code").expect("a row") > 0);
}

/// Every target and kind of file: another folder, number of threads and environment. Hash tables have other
/// seeds in every process.
#[test]
fn output_does_not_depend_on_surroundings() {
    let source = fs::read_to_string(common::root().join("tests/golden/queries.mochi")).expect("program");
    let env = [("LC_ALL", "tr_TR.UTF-8"), ("TZ", "Asia/Kathmandu"), ("HOME", "/nowhere"), ("LINES", "7")];
    let build = |folder: &str, jobs: &str, env: &[(&str, &str)], more: &[&str]| {
        let s = Scratch::new(folder);
        let path = s.write("prog.mochi", &source);
        let mut compiler = mochi();
        compiler.arg("build").arg(path).args(["-j", jobs, "-o"]).arg(s.path("prog")).args(more);
        let built = output(compiler.envs(env.iter().copied()));
        assert_eq!(built.status.code(), Some(0), "{}", text(&built.stderr));
        fs::read(s.path("prog")).expect("a file")
    };
    for row in TARGETS {
        let kinds = row.format.files().iter().map(|f| f.0.name()).chain(["asm", "ir"]);
        for kind in kinds {
            for mode in [&[][..], &["--debug"], &["--strip"]] {
                let more = [&["--target", row.short, "--emit", kind], mode].concat();
                let (one, two) = (build("one", "1", &[], &more), build("two-more", "65535", &env, &more));
                assert!(one == two, "two builds of one source differ: {more:?}");
            }
        }
    }
}

/// The build id of an executable.
fn build_id(file: &[u8], format: Format) -> Option<Vec<u8>> {
    if format == Format::Wasm {
        let name = b"\x08build_id";
        let contents = file.windows(name.len()).position(|w| w == name)? + name.len();
        let end = contents + 1 + usize::from(file[contents]);
        return Some(file[contents + 1..end].to_vec());
    }
    let file = object::File::parse(file).expect("readable");
    match format {
        Format::Coff => file.pdb_info().expect("a readable record").map(|info| info.guid().to_vec()),
        Format::MachO => file.mach_uuid().expect("a readable command").map(|id| id.to_vec()),
        _ => file.build_id().expect("a readable note").map(<[u8]>::to_vec),
    }
}

#[test]
fn a_build_id_says_which_build_it_is() {
    let s = Scratch::new("build-id");
    for row in TARGETS {
        let id = |program: &str, more: &[&str]| {
            s.write("p.mochi", program);
            let args = ["build", "p.mochi", "-o", "p", "--target", row.short];
            let built = output(mochi().args(args).args(more).current_dir(&s.0));
            assert_eq!(built.status.code(), Some(0), "{}", text(&built.stderr));
            build_id(&fs::read(s.path("p")).expect("executable"), row.format)
        };
        let first = id(HELLO, &[]);
        assert!(first.as_ref().is_some_and(|id| id.len() >= 16), "{}: {first:?}", row.short);
        assert_eq!(id(HELLO, &[]), first, "{}", row.short);
        assert_ne!(id("print(\"other\")\n", &[]), first, "{}", row.short);
        // The loader of macOS wants one in every program.
        let always = first.filter(|_| row.format == Format::MachO);
        assert_eq!(id(HELLO, &["--no-build-id"]), always, "{}", row.short);
    }
}

/// What a build does, as strace shows it.
fn traced_build(calls: &str) -> Option<String> {
    if !traces("strace") {
        return None;
    }
    let s = Scratch::new("strace");
    s.write("p.mochi", HELLO);
    let traced = output(
        Command::new("strace")
            .args(["-f", "-e", &format!("trace={calls}"), "-o", "trace"])
            .arg(env!("CARGO_BIN_EXE_mochi"))
            .args(["build", "p.mochi", "-o", "p"])
            .current_dir(&s.0),
    );
    assert!(traced.status.success(), "{}", text(&traced.stderr));
    Some(fs::read_to_string(s.path("trace")).expect("trace"))
}

#[test]
fn no_other_program_is_started() {
    let Some(trace) = traced_build("execve,fork,vfork,clone,clone3") else { return };
    assert_eq!(trace.matches("execve(").count(), 1, "{trace}");
    // Names of calls with what follows them: a folder may be named like a call.
    let starts = |l: &str| ["fork(", "clone(", "clone3("].iter().any(|call| l.contains(call));
    let forks = trace.lines().filter(|l| starts(l) && !l.contains("CLONE_THREAD"));
    assert_eq!(forks.count(), 0, "{trace}");
}

/// Nothing is written but the output, nothing is asked of a network, and nothing is read but the source and
/// what the system's own start of a program reads.
#[test]
fn nothing_but_the_output_is_written() {
    let Some(trace) = traced_build("%file,%network,ftruncate,fchmod,fchown") else { return };
    let outputs = ["\".\"", "\"./p\"", "\"p\""];
    assert!(outputs.iter().any(|o| trace.contains(o)), "the output is not seen:\n{trace}");
    for line in trace.lines().filter(|l| !l.contains(" = -1 ")) {
        let call = line.split_whitespace().nth(1).and_then(|l| l.split('(').next()).unwrap_or("");
        let reads = match call {
            "open" | "openat" => !["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|flag| line.contains(flag)),
            "execve" | "access" | "faccessat2" | "stat" | "lstat" | "statx" | "newfstatat" | "readlink"
            | "readlinkat" | "getcwd" | "statfs" => true,
            _ => false,
        };
        let of_output = call != "socket" && outputs.iter().any(|o| line.contains(o));
        // Permissions of the open output; the end of a process has no call.
        let known = of_output || matches!(call, "fchmod" | "+++" | "---");
        assert!(reads || known, "{line}\n\n{trace}");
        let places = ["/proc/", "/sys/", "/lib", "/usr/lib", "/etc/ld.so", "/dev/null", "\"p.mochi\""];
        let opened = call.starts_with("open");
        assert!(!opened || of_output || places.iter().any(|p| line.contains(p)), "{line}\n\n{trace}");
    }
}

/// Extensions are used when they are asked for, and only then.
#[test]
fn features_change_the_code() {
    let s = Scratch::new("features");
    s.write("p.mochi", "let xs = [1, 2, 3]\nvar sum = 0\nfor i in 0..3 { sum = sum + xs[i] }\nprint(sum)\n");
    let listing = |more: &[&str]| {
        let args = ["build", "p.mochi", "--target", "rv64-linux", "--emit", "asm"];
        let built = output(mochi().args(args).args(more).current_dir(&s.0));
        assert_eq!(built.status.code(), Some(0), "{}", text(&built.stderr));
        text(&built.stdout)
    };
    assert!(listing(&["--features", "zba,zbb"]).contains("sh2add"));
    assert!(!listing(&[]).contains("sh2add"));
}

/// A machine that has no such extension: the message lists what it has.
#[test]
fn features_are_for_machines_that_have_them() {
    let s = Scratch::new("foreign");
    s.write("p.mochi", HELLO);
    for row in TARGETS {
        let args = ["build", "p.mochi", "--target", row.short, "--features", "zbb,zba", "-o", "p"];
        let built = output(mochi().args(args).current_dir(&s.0));
        let message = match row.arch {
            Arch::Rv64 => continue,
            _ => format!("mochi: no extension `zbb` for {}; extensions of this machine: none\n", row.short),
        };
        assert_eq!((built.status.code(), text(&built.stderr)), (Some(2), message));
    }
}

/// What is often got wrong, and what helps.
#[test]
fn messages_tell_what_to_do() {
    let s = Scratch::new("messages");
    s.write("p.mochi", HELLO);
    let cases: &[(&[&str], i32, &str)] = &[
        (&["build", "."], 3, "cannot read .: is a folder, not a source file"),
        (&["run", "."], 3, "cannot read .: is a folder, not a source file"),
        (
            &["build", "p.mochi", "--target", "riscv64gc-unknown-freebsd"],
            2,
            "unknown target `riscv64gc-unknown-freebsd`: programs for freebsd are not supported; \
             there is rv64-linux (riscv64gc-unknown-linux)",
        ),
        (
            &["build", "p.mochi", "--target", "universal-macos", "--emit", "asm"],
            2,
            "universal-macos is for several machines: name one of x64-macos, a64-macos",
        ),
        (
            &["build", "p.mochi", "--target", "universal2-apple-darwin", "--emit", "obj"],
            2,
            "no `--emit obj` for universal2-apple-darwin; there is exe",
        ),
        (&["build", "p.mochi", "-o", "new/dir/p"], 3, "cannot write new/dir/p: there is no folder new/dir"),
        (&["run", "p.mochi", "a", "b"], 2, "arguments of the program follow `--`: mochi run FILE -- a"),
        (&["build", "p.mochi", "-g"], 2, "there is no `-g`: debug information is always written"),
        (&["build", "-O2", "p.mochi"], 2, "there is no `-O2`: there is one level: `-O`, the default"),
        (&["build", "-v", "p.mochi"], 2, "there is no `-v`: `--version` prints the version"),
    ];
    for (args, status, message) in cases {
        let ran = output(mochi().args(*args).current_dir(&s.0));
        let said = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(*status), "{args:?}: {said}");
        assert!(said.contains(message), "{args:?}: {said}");
        assert!(!said.contains("as a value"), "{args:?}: {said}");
    }
}

/// By whatever name it is called, and also when it comes by standard input.
#[test]
fn the_source_is_never_replaced() {
    let s = Scratch::new("replace");
    s.write("a.mochi", HELLO);
    s.write("prog", HELLO);
    std::os::unix::fs::symlink("a.mochi", s.path("link")).expect("a link");
    fs::hard_link(s.path("a.mochi"), s.path("other")).expect("a link");
    let cases: &[&[&str]] = &[
        &["a.mochi", "-o", "a.mochi"],
        &["a.mochi", "-o", "./a.mochi"],
        &["a.mochi", "-o", "link"],
        &["link", "-o", "a.mochi"],
        &["a.mochi", "-o", "other"],
        &["a.mochi", "--emit", "asm", "-o", "a.mochi"],
        &["prog"],
        &["-", "-o", "a.mochi"],
    ];
    for args in cases {
        let stdin = fs::File::open(s.path("a.mochi")).expect("a source");
        let mut command = mochi();
        command.arg("build").args(*args).stdin(stdin).stderr(Stdio::piped()).current_dir(&s.0);
        let built = command.spawn().expect("starts").wait_with_output().expect("ends");
        let said = text(&built.stderr);
        assert_eq!(built.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains("the output would replace the source"), "{args:?}: {said}");
        for name in ["a.mochi", "prog"] {
            assert_eq!(fs::read_to_string(s.path(name)).expect("a source"), HELLO, "{args:?}");
        }
    }
}

#[test]
fn output_to_standard_output() {
    let s = Scratch::new("stdout");
    s.write("a.mochi", HELLO);
    for name in ["-", "/dev/stdout", "/proc/self/fd/1"] {
        let built = output(mochi().args(["build", "a.mochi", "-o", name]).current_dir(&s.0));
        assert_eq!((built.status.code(), text(&built.stderr)), (Some(0), String::new()), "{name}");
        assert_eq!(&built.stdout[..4], b"\x7fELF", "{name}");
        assert_eq!(fs::read_dir(&s.0).expect("a folder").count(), 1);
    }
}

/// Whoever writes into a pipe writes once.
#[test]
fn a_source_that_is_a_pipe() {
    let s = Scratch::new("pipe");
    s.write("a.mochi", HELLO);
    s.write("out", "");
    assert!(output(Command::new("mkfifo").arg("p").current_dir(&s.0)).status.success());
    for _ in 0..8 {
        let mut writer =
            Command::new("sh").args(["-c", "cat a.mochi > p"]).current_dir(&s.0).spawn().expect("sh");
        let limited = ["10", env!("CARGO_BIN_EXE_mochi"), "build", "p", "-o", "out"];
        let built = output(Command::new("timeout").args(limited).current_dir(&s.0));
        assert_eq!(built.status.code(), Some(0), "{}", text(&built.stderr));
        writer.wait().expect("ends");
    }
}

/// The limits of engines of WebAssembly.
#[test]
fn functions_that_no_engine_takes() {
    let s = Scratch::new("limits");
    let list = |part: &dyn Fn(usize) -> String| (0..1001).map(part).collect::<Vec<_>>().join(", ");
    let (params, args) = (list(&|i| format!("p{i}: int")), list(&|i| i.to_string()));
    s.write(
        "p.mochi",
        &format!("fun f({params}): int {{ if p0 > 3 {{ return f({args}) }} return p1 }}\nprint(f({args}))\n"),
    );
    let built = output(
        mochi().args(["build", "--target", "wasm32-wasi", "p.mochi", "-o", "p.wasm"]).current_dir(&s.0),
    );
    assert_eq!(built.status.code(), Some(3));
    assert!(text(&built.stderr).contains("`f` has more than 1,000 parameters"), "{}", text(&built.stderr));
}

#[test]
fn outputs_of_every_kind() {
    let s = Scratch::new("outputs");
    s.write("p.mochi", HELLO);
    let build = |name: &str| {
        let built = output(mochi().args(["build", "p.mochi", "-o", name]).current_dir(&s.0));
        assert_eq!(built.status.code(), Some(0), "{name}: {}", text(&built.stderr));
        assert_eq!(text(&output(&mut Command::new(s.path(name))).stdout), "hello\n");
    };
    let mode = |name: &str| fs::metadata(s.path(name)).expect("a file").permissions().mode() & 0o777;
    // As long as names may be.
    build(&"n".repeat(255));
    // What is not there yet, by a link, by a link to that.
    std::os::unix::fs::symlink("target", s.path("link")).expect("a link");
    std::os::unix::fs::symlink(s.path("link"), s.path("far")).expect("a link");
    build("far");
    assert!(fs::symlink_metadata(s.path("far")).expect("a link").is_symlink());
    assert!(fs::symlink_metadata(s.path("link")).expect("a link").is_symlink());
    assert!(fs::symlink_metadata(s.path("target")).expect("a file").is_file());
    // Who might read it may go on, and execute it; others may not.
    s.write("secret", "");
    fs::set_permissions(s.path("secret"), fs::Permissions::from_mode(0o640)).expect("set");
    build("secret");
    assert_eq!(mode("secret"), 0o750);
    let text_only =
        output(mochi().args(["build", "--emit", "asm", "p.mochi", "-o", "secret"]).current_dir(&s.0));
    assert_eq!((text_only.status.code(), mode("secret")), (Some(0), 0o750));
    let built = output(
        Command::new("sh")
            .args(["-c", "umask 027 && exec \"$0\" build p.mochi -o masked", env!("CARGO_BIN_EXE_mochi")])
            .current_dir(&s.0),
    );
    assert_eq!((built.status.code(), mode("masked")), (Some(0), 0o750));
    // The loop of links is an error.
    std::os::unix::fs::symlink("round", s.path("round")).expect("a link");
    let built = output(mochi().args(["build", "p.mochi", "-o", "round"]).current_dir(&s.0));
    assert_eq!(built.status.code(), Some(3));
}

/// More than the process may write: an error, and nothing left.
/// Whatever ends the compiler while it writes: nothing is left, or all of the output.
#[test]
fn ended_while_it_writes() {
    let s = Scratch::new("ended");
    s.write("p.mochi", &format!("print(len(\"{}\"))\n", "x".repeat(40_000_000)));
    let folder = s.path("out");
    fs::create_dir_all(&folder).expect("a folder");
    let mut child =
        mochi().args(["build", "p.mochi", "-o", "out/p"]).current_dir(&s.0).spawn().expect("starts");
    let names = || fs::read_dir(&folder).expect("a folder").count();
    while names() == 0 && child.try_wait().expect("a child").is_none() {}
    child.kill().expect("it can be ended");
    child.wait().expect("it ends");
    let ran = output(&mut Command::new(folder.join("p")));
    assert_eq!((names(), text(&ran.stdout)), (1, "40000000\n".into()));
}

#[test]
fn an_output_that_is_too_large() {
    let s = Scratch::new("large");
    s.write("p.mochi", HELLO);
    s.write("out", "old");
    let built = output(
        Command::new("sh")
            .args(["-c", "ulimit -f 4 && exec \"$0\" build p.mochi -o out", env!("CARGO_BIN_EXE_mochi")])
            .current_dir(&s.0),
    );
    assert_eq!(built.status.code(), Some(3), "{}", text(&built.stderr));
    assert!(text(&built.stderr).contains("cannot write out: file too large"), "{}", text(&built.stderr));
    assert_eq!(fs::read_to_string(s.path("out")).expect("still there"), "old");
    assert_eq!(fs::read_dir(&s.0).expect("folder").count(), 2);
}

#[test]
fn help_that_cannot_be_written() {
    for args in [&["--help"][..], &["--version"], &["build", "--help"], &["targets"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        let child = mochi().args(args).stdout(full).stderr(Stdio::piped()).spawn().expect("starts");
        let ran = child.wait_with_output().expect("ends");
        assert_eq!(ran.status.code(), Some(3), "{args:?}");
        assert!(text(&ran.stderr).contains("cannot write standard output"), "{}", text(&ran.stderr));
    }
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let status = mochi().args(["check", "no-such-file"]).stderr(full).status().expect("starts");
    assert_eq!(status.code(), Some(3));
}

/// With less address space than the compiler takes by itself: it works, or says what is missing.
#[test]
fn little_memory() {
    let s = Scratch::new("memory");
    let nested = format!("print({}1{})\n", "(".repeat(250), ")".repeat(250));
    s.write("p.mochi", &nested);
    for (kib, status) in [(500_000, 0), (300_000, 0), (60_000, 3)] {
        let limited = format!("ulimit -v {kib} && exec \"$0\" build p.mochi -o p");
        let built =
            output(Command::new("sh").args(["-c", &limited, env!("CARGO_BIN_EXE_mochi")]).current_dir(&s.0));
        let said = text(&built.stderr);
        assert_eq!(built.status.code(), Some(status), "{kib}: {:?} {said}", built.status);
        assert_eq!(said.contains("no memory for the stack of the compiler"), status != 0, "{kib}: {said}");
    }
}

/// Where there are no memory files: the same statuses, input, and nothing left.
#[test]
fn runs_without_memory_files() {
    if !traces("strace") {
        return;
    }
    let s = Scratch::new("memfd");
    s.write("hello.mochi", HELLO);
    s.write("fails.mochi", "let line = input()\nprint(\"got \" + line)\nlet xs = [1]\nprint(xs[3])\n");
    for (program, status, stdout) in [("hello.mochi", 0, "hello\n"), ("fails.mochi", 1, "got \n")] {
        let temporary = s.path("tmp");
        fs::create_dir_all(&temporary).expect("a folder");
        let ran = output(
            Command::new("strace")
                .args(["-f", "-o", "/dev/null", "-e", "inject=memfd_create:error=EACCES"])
                .arg(env!("CARGO_BIN_EXE_mochi"))
                .args(["run", program])
                .env("TMPDIR", &temporary)
                .stdin(Stdio::null())
                .current_dir(&s.0),
        );
        assert_eq!(
            (ran.status.code(), text(&ran.stdout).as_str()),
            (Some(status), stdout),
            "{}",
            text(&ran.stderr)
        );
        assert_eq!(fs::read_dir(&temporary).expect("a folder").count(), 0);
    }
}

#[test]
fn garbage_gets_diagnostics() {
    let s = Scratch::new("garbage");
    let nested = format!("print({}1{})\n", "(".repeat(100_000), ")".repeat(100_000));
    let sum = format!("print(1{})\n", " + 1".repeat(100_000));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nested", nested.into_bytes()),
        ("sum", sum.into_bytes()),
        ("bytes", (0..4096u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()),
        ("truncated", b"fun f(a: int): int {\n  if a > 0 {\n    return".to_vec()),
        ("empty", Vec::new()),
        ("zeros", vec![0; 1000]),
        ("blocks", "if true { ".repeat(50_000).into_bytes()),
        ("unary", [b"print(".to_vec(), vec![b'-'; 100_000], b"1)".to_vec()].concat()),
    ];
    for (name, bytes) in cases {
        let path = s.path(&format!("{name}.mochi"));
        fs::write(&path, bytes).expect("written");
        let ran = output(mochi().arg("build").arg(&path).arg("-o").arg(s.path("out")));
        let status = ran.status.code();
        assert!(matches!(status, Some(0 | 1)), "{name}: {:?}: {}", ran.status, text(&ran.stderr));
        assert!(status == Some(0) || text(&ran.stderr).contains("error"), "{name}: no message");
    }
}
