//! Pages that run programs (`--emit html`), in a browser and, by the same worker, in Node.js.

mod common;

use common::{mochi, root};
use mochi_testkit::browser::Browser;
use mochi_testkit::process::{self, End};
use mochi_testkit::{Golden, Scratch, engines, output, text};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

/// Golden programs without arguments and environment: what they show is said by their names, and `lines` and
/// `bytes` read.
const PROGRAMS: &[&str] =
    &["bytes", "closures", "error_chain", "exit_nested", "lines", "query_effects", "unions"];

/// Builds the page of a program in a folder.
fn build(folder: &Path, program: &Path) -> PathBuf {
    let built = output(mochi().args(["build", "--emit", "html"]).arg(program).current_dir(folder));
    assert!(built.status.success() && built.stderr.is_empty(), "{}", text(&built.stderr));
    folder.join(program.file_name().expect("a name")).with_extension("html")
}

fn golden(name: &str) -> (PathBuf, Golden) {
    let program = root().join("tests/golden").join(name).with_extension("mochi");
    let golden = Golden::beside(&program);
    assert!(golden.args.is_empty() && golden.env.is_empty(), "{name} wants what a page has not");
    (program, golden)
}

#[test]
fn a_page_has_the_module_that_is_written_alone() {
    let s = Scratch::new("page");
    let (program, _) = golden("tour");
    let page = build(&s.0, &program);
    let module = s.path("tour.wasm");
    let target = ["--target", "wasm32-wasi", "-o"];
    let built = output(mochi().arg("build").arg(&program).args(target).arg(&module));
    assert!(built.status.success(), "{}", text(&built.stderr));
    let expected = mochi_objwrite::page::write("tour.mochi", &fs::read(module).expect("a module"));
    assert!(fs::read(page).expect("a page") == expected, "another module");
}

#[test]
fn the_worker_runs_programs_in_node() {
    let Some(node) = engines::node() else { return };
    let s = Scratch::new("worker");
    let script = root().join("tests/kit/src/page.mjs");
    for name in PROGRAMS {
        let (program, golden) = golden(name);
        let mut command = Command::new(node);
        command.arg(&script).arg(build(&s.0, &program));
        let ran = process::run(&mut command, &golden.stdin, Duration::from_secs(60)).expect("runs");
        assert_eq!(text(&ran.stderr), text(&golden.stderr), "{name}");
        assert!(ran.stdout == golden.stdout, "{name}: {}", text(&ran.stdout));
        assert_eq!(ran.end, End::Status(golden.status), "{name}");
    }
}

#[test]
fn scripts_are_well_formed() {
    let Some(node) = engines::node() else { return };
    for script in ["page.js", "worker.js"] {
        let path = root().join("objwrite/src/page").join(script);
        let checked = output(Command::new(node).arg("--check").arg(path));
        assert!(checked.status.success(), "{}", text(&checked.stderr));
    }
}

/// Whether the program has ended, as a condition of JavaScript.
const ENDED: &str = "!runs.disabled";
/// What it wrote to standard error, and to standard output.
const ERRORS: &str = "[...log.querySelectorAll('.error')].map((e) => e.textContent).join('')";
const OUTPUT: &str = "[...log.querySelectorAll('span:not(.error)')].map((e) => e.textContent).join('')";
/// What the page says of it, without the time.
const STATE: &str = "status.textContent.replace(/ after .*/, '')";

/// A page in the browser.
struct Page<'a>(&'a mut Browser);

impl<'a> Page<'a> {
    fn open(browser: &'a mut Browser, page: &Path) -> Page<'a> {
        browser.open(&format!("file://{}", page.display()));
        Page(browser)
    }

    /// Takes from the page what lets programs wait, as where the browser does not have it.
    fn without_waiting(self) -> Self {
        self.0.value("delete WebAssembly.Suspending");
        self
    }

    fn run(&mut self, input: &str) {
        // What the page is given is in no need of quoting but for this.
        let input = input.replace('\\', "\\\\").replace('`', "\\`").replace('$', "\\$");
        self.0.value(&format!("(given.value = `{input}`, runs.click())"));
    }

    /// Waits for the end: output, errors, state.
    fn end(&mut self) -> [String; 3] {
        self.0.wait(ENDED);
        [OUTPUT, ERRORS, STATE].map(|e| self.0.value(e))
    }

    fn answer(&mut self, line: &str) {
        self.0.wait("!form.hidden");
        self.0.value(&format!("(line.value = '{line}', form.requestSubmit())"));
    }
}

/// One browser for all: its start takes most of the time.
#[test]
fn pages_run_in_a_browser() {
    let Some(mut browser) = Browser::start() else { return };
    let s = Scratch::new("pages");
    for name in PROGRAMS {
        runs_golden(&mut browser, &s, name);
    }
    asks_for_lines(&mut browser, &s);
    shows_the_end_of_much(&mut browser, &s);
    stops_and_runs_again(&mut browser, &s);
    tells_where_the_stack_overflowed(&mut browser, &s);
    comes_from_a_server_alone(&mut browser, &s);
}

/// With and without what lets programs wait.
fn runs_golden(browser: &mut Browser, s: &Scratch, name: &str) {
    let (program, golden) = golden(name);
    let page = build(&s.0, &program);
    // What is no UTF-8 cannot be given in a field.
    let Ok(input) = String::from_utf8(golden.stdin.clone()) else { return };
    let expected =
        [text(&golden.stdout), text(&golden.stderr), format!("Ended with status {}", golden.status)];
    let mut shown = Page::open(browser, &page);
    shown.run(&input);
    assert_eq!(shown.end(), expected, "{name}");
    let mut shown = Page::open(browser, &page).without_waiting();
    shown.run(&input);
    assert_eq!(shown.end(), expected, "{name}, which cannot wait");
}

fn asks_for_lines(browser: &mut Browser, s: &Scratch) {
    let source = "print(\"name?\")\nlet name = input()\nprint(name, \"it is\")\n\
                  for line in lines() { print(len(line)) }\nprint(args(), env(\"PATH\") == none)\n";
    let page = build(&s.0, &s.write("asks.mochi", source));
    let mut shown = Page::open(browser, &page);
    shown.run("");
    shown.answer("Zo\u{eb}");
    shown.answer("two");
    shown.0.wait("!form.hidden");
    shown.0.value("ends.click()");
    // What is entered is shown, too.
    let output = "name?\nZo\u{eb}\nZo\u{eb} it is\ntwo\n3\n[] true\n";
    assert_eq!(shown.end(), [output, "", "Ended with status 0"]);
    assert_eq!(shown.0.value("document.activeElement.id"), "run", "where the keyboard goes on");
    let mut shown = Page::open(browser, &page).without_waiting();
    shown.run("");
    assert_eq!(shown.end(), ["name?\n it is\n[] true\n", "", "Ended with status 0"]);
}

/// The newest megabyte, and what is on standard error.
fn shows_the_end_of_much(browser: &mut Browser, s: &Scratch) {
    let source = "for i in 0..300000 { print(\"line\", i) }\neprint(\"all\")\n";
    let page = build(&s.0, &s.write("much.mochi", source));
    let mut shown = Page::open(browser, &page);
    shown.run("");
    let [output, errors, state] = shown.end();
    assert_eq!([errors, state], ["all\n", "Ended with status 0"]);
    let all: String = (0..300_000).map(|i| format!("line {i}\n")).collect();
    assert!(all.ends_with(&output), "not the end: {:?}", &output[output.len() - 50..]);
    // Whole pieces are left out.
    let (most, piece) = (1 << 20, 1 << 17);
    assert!((most - piece..=most).contains(&output.len()), "{} bytes are shown", output.len());
    let left = shown.0.value("note.hidden ? '' : note.textContent");
    let left: String = left.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(left.parse(), Ok(all.len() - output.len()));
    // Of one line, too.
    let source = "var s = \"x\"\nfor i in 0..22 { s = s + s }\nprint(s)\n";
    let mut shown = Page::open(browser, &build(&s.0, &s.write("long.mochi", source)));
    shown.run("");
    let [output, ..] = shown.end();
    assert!((most - piece..=most).contains(&output.len()), "{} bytes are shown", output.len());
}

fn stops_and_runs_again(browser: &mut Browser, s: &Scratch) {
    let source = "print(\"on\")\nwhile true { }\n";
    let page = build(&s.0, &s.write("on.mochi", source));
    let mut shown = Page::open(browser, &page);
    for _ in 0..2 {
        shown.run("");
        // Output comes while the program runs.
        shown.0.wait("log.textContent === 'on\\n'");
        assert_eq!(shown.0.value(STATE), "Running");
        assert_eq!(shown.0.value("stops.disabled"), "false");
        shown.0.value("stops.click()");
        assert_eq!(shown.end(), ["on\n", "", "Stopped"]);
    }
}

/// A program that can wait has a stack as the runtime expects it.
fn tells_where_the_stack_overflowed(browser: &mut Browser, s: &Scratch) {
    let source = "fun down(n: int): int { return down(n + 1) + 1 }\nprint(1)\nprint(down(0))\n";
    let page = build(&s.0, &s.write("down.mochi", source));
    let mut shown = Page::open(browser, &page);
    shown.run("");
    let [output, errors, state] = shown.end();
    assert_eq!([output, state], ["1\n", "Ended with status 1"]);
    assert!(errors.starts_with("stack overflow\n  at down (down.mochi:1)\n"), "{errors}");
    let mut shown = Page::open(browser, &page).without_waiting();
    shown.run("");
    let [output, errors, state] = shown.end();
    assert_eq!([output, state], ["1\n", "Ended by the browser"]);
    assert!(errors.contains("call stack"), "{errors}");
}

/// From a server the page does the same, and asks it for nothing else.
fn comes_from_a_server_alone(browser: &mut Browser, s: &Scratch) {
    let (program, golden) = golden("closures");
    let page = fs::read(build(&s.0, &program)).expect("a page");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let (requests, asked) = channel();
    let answer = move |mut stream: TcpStream| {
        let mut request = [0; 4096];
        let size = stream.read(&mut request).unwrap_or(0);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n";
        // A browser may connect ahead of need, and then ask for nothing.
        if size > 0 {
            let _ = requests.send(text(&request[..size]).lines().next().unwrap_or_default().to_string());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&page));
        }
    };
    // It ends with the test.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || answer(stream));
        }
    });
    browser.open(&format!("http://{address}/closures.html"));
    let mut shown = Page(browser);
    shown.run("");
    assert_eq!(shown.end(), [&text(&golden.stdout), "", "Ended with status 0"]);
    assert_eq!(asked.try_iter().collect::<Vec<_>>(), ["GET /closures.html HTTP/1.1"]);
}
