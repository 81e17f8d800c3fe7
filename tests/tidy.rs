//! Rules of the repository that no compiler checks: which crate may use which, where architecture
//! and format names may appear, sizes of files and functions, words that do not belong in it.
//! Each message says where the code belongs.

use mochi_objwrite::target::{Output, TARGETS};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the repository, relative to the root.
fn files() -> Vec<String> {
    let list = mochi_testkit::files_of(root());
    assert!(list.len() > 30, "the list of files is incomplete: {list:?}");
    list
}

fn read(file: &str) -> String {
    fs::read(root().join(file)).map(|b| String::from_utf8_lossy(&b).into_owned()).expect(file)
}

fn report(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// The names of our crates in a section of a manifest.
fn our_dependencies(manifest: &str, section: &str) -> Vec<String> {
    let mut inside = false;
    let mut result = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim() == format!("[{section}]");
        } else if inside && let Some(rest) = line.strip_prefix("mochi-") {
            result.push(rest.split(['.', ' ', '=']).next().unwrap_or("").to_string());
        }
    }
    result.sort();
    result
}

#[test]
fn crates_depend_only_along_the_arrows() {
    let allowed: BTreeMap<&str, (&[&str], &[&str])> = BTreeMap::from([
        ("lang", (&["ir"][..], &[][..])),
        ("ir", (&[][..], &[][..])),
        ("isa", (&["ir", "objwrite"][..], &[][..])),
        ("objwrite", (&[][..], &[][..])),
        ("runtime", (&["ir", "objwrite"][..], &["ir", "isa", "lang", "objwrite"][..])),
        ("tests/judge", (&["lang", "testkit"][..], &[][..])),
        ("tests/loaders", (&["ir", "isa", "lang", "objwrite"][..], &[][..])),
        ("tests/kit", (&["loaders", "objwrite"][..], &[][..])),
        ("tests/unwinder", (&[][..], &[][..])),
    ]);
    let mut problems = Vec::new();
    for (krate, (normal, build)) in allowed {
        let manifest = read(&format!("{krate}/Cargo.toml"));
        for (section, allowed) in [("dependencies", normal), ("build-dependencies", build)] {
            for d in our_dependencies(&manifest, section) {
                if !allowed.contains(&d.as_str()) {
                    problems.push(format!(
                        "{krate} must not depend on {d} ([{section}]): see the arrows in ARCHITECTURE.md"
                    ));
                }
            }
        }
    }
    report(problems);
}

#[test]
fn versions_are_written_in_the_root_manifest_only() {
    let mut problems = Vec::new();
    for f in files().iter().filter(|f| f.ends_with("/Cargo.toml") && !f.starts_with("fuzz/")) {
        for line in read(f).lines() {
            let value = line.split_once('=').map(|(_, v)| v.trim()).unwrap_or("");
            if !line.starts_with("name") && !line.starts_with("description") && value.starts_with('"') {
                problems.push(format!("{f}: `{line}`: write the version in the root Cargo.toml"));
            }
        }
    }
    report(problems);
}

/// Whether a file is Rust code of the product.
fn is_product(file: &str) -> bool {
    let folders = ["src/", "lang/src/", "ir/src/", "isa/src/", "objwrite/src/", "runtime/src/"];
    file.ends_with(".rs") && folders.iter().any(|p| file.starts_with(p)) && !file.contains("/tests/")
}

/// The words of a line of code in lower case, without its comment and escapes like `\x64`.
fn words(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or("").to_lowercase().replace("\\x", " ");
    let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|w| !w.is_empty()).map(str::to_string).collect()
}

/// Names that may appear in code of some folders only.
const PLACES: &[(&[&str], &[&str], &str)] = &[
    (
        &["x64", "x86", "a64", "aarch64", "rv64", "riscv", "wasm32", "iced_x86"],
        &[
            "isa/src/x64/",
            "isa/src/a64/",
            "isa/src/rv64/",
            "isa/src/wasm32/",
            "isa/src/lib.rs",
            "objwrite/src/",
        ],
        "architecture names belong in isa/src/<arch>/, isa/src/lib.rs and the tables of objwrite",
    ),
    (&["elf", "macho", "coff"], &["objwrite/src/"], "format names belong in objwrite"),
];

#[test]
fn architecture_and_format_names_stay_in_their_folders() {
    let mut problems = Vec::new();
    for f in files().into_iter().filter(|f| is_product(f)) {
        for (n, line) in read(&f).lines().enumerate() {
            for (names, places, why) in PLACES {
                if places.iter().any(|p| f.starts_with(p)) {
                    continue;
                }
                if words(line).iter().any(|w| names.contains(&w.as_str())) {
                    problems.push(format!("{f}:{}: {}: {why}", n + 1, line.trim()));
                }
            }
        }
    }
    report(problems);
}

/// Lines outside its folder that an instruction set needs at most.
const ARCH_LINES: usize = 25;

#[test]
fn an_instruction_set_is_a_folder_and_the_lines_that_the_text_names() {
    let contributing = read("CONTRIBUTING.md");
    let row = contributing.lines().find(|l| l.starts_with("| instruction set |")).expect("its row");
    let allowed: BTreeSet<&str> = row.split('`').filter(|p| p.ends_with(".rs")).collect();
    let mut used = BTreeSet::new();
    let mut problems = Vec::new();
    for arch in TARGETS.iter().map(|row| format!("{:?}", row.arch).to_lowercase()) {
        let mut lines = 0;
        // The folder of an instruction set: its own, or that of another one.
        let folder = |f: &str| f.starts_with("isa/src/") && f.split('/').count() > 3 && !f.contains("/mach/");
        let named = |f: &String| is_product(f) && !folder(f) || allowed.contains(f.as_str());
        for f in files().into_iter().filter(named) {
            let text = read(&f);
            let code = text.split("#[cfg(test)]").next().unwrap_or("");
            let here = code.lines().filter(|l| words(l).contains(&arch)).count();
            match allowed.get(f.as_str()) {
                Some(&f) if here > 0 => drop(used.insert(f)),
                None if here > 0 => {
                    problems.push(format!("{f} names {arch}; CONTRIBUTING.md does not name it"))
                }
                _ => {}
            }
            lines += here;
        }
        println!("{arch}: {lines} lines outside isa/src/{arch}/");
        if lines > ARCH_LINES {
            problems.push(format!("{lines} lines outside isa/src/{arch}/ name it (limit {ARCH_LINES})"));
        }
    }
    let idle = allowed.difference(&used).map(|f| format!("CONTRIBUTING.md: {f} names no instruction set"));
    problems.extend(idle);
    report(problems);
}

#[test]
fn the_table_of_targets_is_that_of_the_compiler() {
    let readme = read("README.md");
    let head = "| target | short name | `--emit` | run | without |\n|---|---|---|---|---|\n";
    let table = readme.split_once(head).expect("the table's head").1;
    let shown: Vec<&str> = table.lines().take_while(|l| l.starts_with('|')).collect();
    let row = |t: Output| {
        let kinds: Vec<&str> = t.files().iter().map(|f| f.0.name()).collect();
        let ran: Vec<&str> = t.ran().iter().map(|ran| ran.name()).collect();
        let system = if t.on_system() { "" } else { "; not on the system" };
        let row = format!(
            "| `{}` | `{}` | {} | {}{system} | {}",
            t.triple(),
            t.short(),
            kinds.join(", "),
            ran.join(", "),
            t.lacks().join(", ")
        );
        format!("{} |", row.trim_end())
    };
    assert_eq!(shown, Output::all().map(row).collect::<Vec<_>>(), "README.md, the table of targets");
}

#[test]
fn the_text_names_the_features_that_modules_need() {
    let readme = read("README.md");
    let (_, behind) = readme.split_once("the proposals ").expect("their list");
    let list = behind.split_once(", which").expect("its end").0;
    let named: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
    assert_eq!(named, mochi_objwrite::wasm::about::FEATURES, "README.md, the proposals");
}

/// Files that are tables: one row after another, exempt from the size limits.
const TABLES: &[&str] = &["insts.rs", "codes.rs", "builtins.rs", "ops.rs", "reloc.rs", "target.rs"];

fn is_table(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    TABLES.contains(&name) || name.ends_with("_table.rs") || name.ends_with("_table.mochi")
}

#[test]
fn files_and_functions_have_readable_sizes() {
    let mut problems = Vec::new();
    for f in files() {
        let rust = f.ends_with(".rs");
        let runtime = f.starts_with("runtime/lib/") && f.ends_with(".mochi");
        if !(rust || runtime) || is_table(&f) {
            continue;
        }
        let text = read(&f);
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > 800 {
            problems.push(format!("{f}: {} lines: split it by concern (limit 800)", lines.len()));
        }
        problems.extend(long_functions(&f, &lines, if rust { "fn " } else { "fun " }));
    }
    report(problems);
}

fn long_functions(file: &str, lines: &[&str], keyword: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let body = line.trim_start();
        let indent = &line[..line.len() - body.len()];
        let head = body.split('(').next().unwrap_or("");
        if !format!(" {head}").contains(&format!(" {keyword}")) || body.starts_with("//") {
            continue;
        }
        let close = format!("{indent}}}");
        let end = lines[start..]
            .iter()
            .position(|l| *l == close || l.ends_with(';') && l.starts_with(indent) && *l == *line);
        if let Some(length) = end.filter(|&n| n > 100) {
            problems.push(format!("{file}:{}: function of {length} lines: split it (limit 100)", start + 1));
        }
    }
    problems
}

#[test]
fn source_files_say_what_they_are() {
    let mut problems = Vec::new();
    for f in files() {
        let text = if f.ends_with(".rs") || f.ends_with(".mochi") && f.starts_with("runtime/lib/") {
            read(&f)
        } else {
            continue;
        };
        let first = text.lines().next().unwrap_or("");
        let good = if f.ends_with(".rs") { first.starts_with("//!") } else { first.starts_with("//") };
        if !good {
            problems.push(format!("{f}: starts without a header that says what it is"));
        }
    }
    report(problems);
}

#[test]
fn words_that_do_not_belong_here() {
    // Written in pieces so that this file does not contain them.
    let words: Vec<String> = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["XX", "X:"],
        ["/wo", "rk/"],
        ["/ho", "me/"],
        ["/ro", "ot/"],
        ["/tmp/", "t-"],
        ["Cla", "ude"],
        ["Anthro", "pic"],
        ["Chat", "GPT"],
        ["language ", "model"],
        ["unimple", "mented!"],
        ["todo", "!("],
        ["allow(dead", "_code)"],
        ["Result<(), ", "String>"],
        ["unsa", "fe {"],
    ]
    .iter()
    .map(|p| p.concat())
    .collect();
    let mut problems = Vec::new();
    for f in files() {
        if f.starts_with("LICENSE") || f == "Cargo.lock" {
            continue;
        }
        for (n, line) in read(&f).lines().enumerate() {
            if let Some(w) = words.iter().find(|w| line.contains(w.as_str())) {
                problems.push(format!("{f}:{}: contains `{w}`", n + 1));
            }
        }
    }
    report(problems);
}

#[test]
fn the_architecture_text_stays_short() {
    let lines = read("ARCHITECTURE.md").lines().count();
    assert!(
        lines <= 300,
        "ARCHITECTURE.md has {lines} lines: move deep text to the file it describes (limit 300)"
    );
}

/// What could make two hosts write different files stays where the command meets its system.
#[test]
fn the_compiler_does_not_look_at_its_host() {
    let crates = ["lang/src/", "ir/src/", "isa/src/", "objwrite/src/", "runtime/src/", "src/"];
    // The command: files, processes, messages, times of passes. None of it reaches a file's contents.
    let command =
        ["src/input.rs", "src/output.rs", "src/run.rs", "src/driver.rs", "src/time.rs", "src/fuzz.rs"];
    let words = [
        "cfg(target",
        "cfg!(target",
        "cfg(unix)",
        "cfg(windows)",
        "cfg(not(target",
        "target_pointer_width",
        "usize::BITS",
        "_ne_bytes(",
        "SystemTime::",
        "env::var",
        "std::fs",
        "current_dir(",
        "available_parallelism",
        "current_num_threads",
    ];
    let mut problems = Vec::new();
    for file in files() {
        if !file.ends_with(".rs") || command.contains(&&*file) || !crates.iter().any(|c| file.starts_with(c))
        {
            continue;
        }
        let text = read(&file);
        for word in words.iter().filter(|w| text.contains(**w)) {
            problems.push(format!("{file}: `{word}`: what a file contains must not depend on the host"));
        }
    }
    report(problems);
}

#[test]
fn seeded_faults_fit_the_files_they_change() {
    let all = mochi_testkit::faults::all(root()).expect("the lists can be read");
    let mut names = BTreeSet::new();
    let mut problems = Vec::new();
    for fault in &all {
        if !names.insert(&fault.name) {
            problems.push(format!("two faults are called {}", fault.name));
        }
        problems.extend(fault.find(&read(&fault.file)).err());
    }
    report(problems);
}
