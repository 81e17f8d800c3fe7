//! Reading standard input where the system does not simply give all of it.

#![cfg(target_os = "linux")]

mod common;

use common::mochi;
use mochi_testkit::{Scratch, output, text};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

fn build(s: &Scratch) -> PathBuf {
    s.write("prog.mochi", "print(\"before\")\nlet a = input()\nlet b = input()\nprint(a + \"|\" + b)\n");
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
    let program = Command::new(build(&s))
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
    let ended = Command::new(build(&s)).stdin(folder).output().expect("ended");
    let message = "cannot read standard input (error 21)\n  at __main (prog.mochi:2)\n";
    assert_eq!((text(&ended.stdout).as_str(), text(&ended.stderr).as_str()), ("before\n", message));
    assert_eq!(ended.status.code(), Some(1));
}
