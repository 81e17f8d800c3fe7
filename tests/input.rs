//! Reading standard input where the system does not simply give all of it.

#![cfg(target_os = "linux")]

mod common;

use common::mochi;
use mochi_testkit::{Scratch, output, text};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const TWO_LINES: &str = "print(\"before\")\nlet a = input()\nlet b = input()\nprint(a + \"|\" + b)\n";

fn build(s: &Scratch, source: &str) -> PathBuf {
    s.write("prog.mochi", source);
    let built = output(mochi().args(["build", "prog.mochi", "-o", "prog"]).current_dir(&s.0));
    assert!(built.status.success(), "{}", text(&built.stderr));
    s.path("prog")
}

/// A pipe that another process made non-blocking is waited for as any other.
#[test]
fn a_read_that_would_block_waits() {
    let s = Scratch::new("input");
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    rustix::fs::fcntl_setfl(&reader, rustix::fs::OFlags::NONBLOCK).expect("flags");
    let program = Command::new(build(&s, TWO_LINES))
        .stdin(reader)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    for part in ["h\u{e9}".as_bytes(), b"\xc3", b"\xa9\r", b"\nworld"] {
        std::thread::sleep(Duration::from_millis(50));
        writer.write_all(part).expect("written");
    }
    drop(writer);
    let ended = program.wait_with_output().expect("ended");
    assert_eq!(
        (text(&ended.stdout).as_str(), text(&ended.stderr).as_str()),
        ("before\nh\u{e9}\u{e9}|world\n", "")
    );
}

/// A read that fails is an error, not the end of the input.
#[test]
fn a_read_that_fails_ends_the_program() {
    let s = Scratch::new("input");
    let folder = File::open(&s.0).expect("a folder");
    let ended = Command::new(build(&s, TWO_LINES)).stdin(folder).output().expect("ended");
    let message = "cannot read standard input (error 21)\n  at __main (prog.mochi:2)\n";
    assert_eq!((text(&ended.stdout).as_str(), text(&ended.stderr).as_str()), ("before\n", message));
    assert_eq!(ended.status.code(), Some(1));
}

/// What is printed for a line is there before the next one comes, from a loop and from a query.
#[test]
fn lines_are_read_when_they_come() {
    let s = Scratch::new("input");
    let source = "for line in lines() {\n  if line == \"\" { break }\n  print(\"loop \" + line)\n}\n\
                  fun show(line: string): int { print(\"query \" + line) return 1 }\n\
                  print(sum(from line in lines() where line != \"\" select show(line)))\n";
    let mut program = Command::new(build(&s, source))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut stdin = program.stdin.take().expect("a pipe");
    let stdout = program.stdout.take().expect("a pipe");
    let (to, printed) = mpsc::channel();
    thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|l| to.send(l)));
    for (line, answer) in [("a", "loop a"), ("b", "loop b"), ("\nc", "query c"), ("d", "query d")] {
        writeln!(stdin, "{line}").expect("written");
        assert_eq!(printed.recv_timeout(Duration::from_secs(20)).as_deref(), Ok(answer));
    }
    drop(stdin);
    assert_eq!(printed.recv_timeout(Duration::from_secs(20)).as_deref(), Ok("2"));
    assert!(program.wait().expect("ended").success());
}

/// More input than there is memory goes through a loop and a query.
#[test]
fn lines_are_not_kept() {
    let s = Scratch::new("input");
    let source = "var n = 0\nfor line in lines() {\n  if line == \"\" { break }\n  n += 1\n}\n\
                  print(n, count(from line in lines() where len(line) > 3 select line))\n";
    let limited = "ulimit -v 100000 && exec \"$0\"";
    let mut program = Command::new("sh")
        .args(["-c", limited])
        .arg(build(&s, source))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut stdin = program.stdin.take().expect("a pipe");
    let writer = thread::spawn(move || {
        let megabyte = format!("{}\n", "x".repeat(99)).repeat(10_000);
        for k in 0..400 {
            let before = if k == 200 { "\n" } else { "" };
            // A program that has ended is judged by what it said.
            let _ = stdin.write_all(before.as_bytes()).and_then(|()| stdin.write_all(megabyte.as_bytes()));
        }
    });
    let ended = program.wait_with_output().expect("ended");
    writer.join().expect("written");
    let said = (text(&ended.stdout), text(&ended.stderr));
    assert_eq!(said, ("2000000 2000000\n".into(), String::new()));
}
