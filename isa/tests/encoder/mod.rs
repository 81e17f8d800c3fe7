//! What the tests of encoders share: random samples, and LLVM's reading of bytes.

pub use mochi_testkit::Random;
use mochi_testkit::{first_installed, process, text};
use std::process::Command;
use std::time::Duration;

/// What `llvm-mc` prints; `None` when it is not there.
pub fn llvm_mc(args: &[&str], input: &str) -> Option<String> {
    let tool = first_installed(&[
        "llvm-mc",
        "llvm-mc-14",
        "llvm-mc-15",
        "llvm-mc-16",
        "llvm-mc-17",
        "llvm-mc-18",
        "llvm-mc-19",
    ])?;
    let ran =
        process::run(Command::new(tool).args(args).arg("-"), input.as_bytes(), Duration::from_secs(120));
    let ran = ran.unwrap_or_else(|e| panic!("{tool}: {e}"));
    let errors = text(&ran.stderr);
    assert!(errors.is_empty(), "{}", &errors[..errors.len().min(2000)]);
    Some(String::from_utf8(ran.stdout).expect("text"))
}

/// LLVM's text for each instruction, blanks and comments normalised.
pub fn disassembled(args: &[&str], code: &[Vec<u8>]) -> Option<Vec<String>> {
    let line = |bytes: &Vec<u8>| bytes.iter().map(|b| format!("{b:#04x} ")).collect::<String>() + "\n";
    let input: String = code.iter().map(line).collect();
    let lines: Vec<String> = llvm_mc(&[&["--disassemble"], args].concat(), &input)?
        .lines()
        .map(|l| l.split("//").next().unwrap().split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|l| !l.is_empty() && !l.starts_with('.'))
        .collect();
    assert_eq!(lines.len(), code.len());
    Some(lines)
}
