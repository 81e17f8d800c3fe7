//! Counts of instructions, and the file of those that must not grow.

use crate::peers::{BASE, Peer};
use crate::table;
use crate::{TIME, measure};
use mochi_testkit::kernels::{Kernel, Language};
use mochi_testkit::{Scratch, installed};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

/// Instructions of each case.
pub type Counts = BTreeMap<String, u64>;

/// A program, and the instructions of what each peer made of it.
pub type Counted = (String, Vec<(String, u64)>);

/// By how many hundredths of it a count may grow.
const GROWTH: u64 = 1;

/// How much longer a program runs when it is counted, at most about.
const SLOWER: u32 = 5;

const HEAD: &str = "\
# Instructions of the programs in tests/bench (size vm) and of the compiler, as valgrind counts them.
# Made by: cargo run --release --example bench -- --record tests/bench/counts.txt
# Seeds of hash tables change some of them by less than 0.1 %. Those of the compiler depend on rustc, too, and on
# the machine a little.
";

/// Counts the instructions of a command.
pub fn of(command: &Command, scratch: &Scratch) -> Result<u64, String> {
    if !installed("valgrind") {
        return Err("valgrind, which counts instructions, is not installed".into());
    }
    let mut c = Command::new("valgrind");
    c.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", scratch.path("callgrind").display()));
    c.arg(command.get_program()).args(command.get_args());
    let (_, outcome) = measure::succeed(&mut c, TIME * SLOWER)?;
    let said = String::from_utf8_lossy(&outcome.stderr);
    let count = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    count.ok_or(format!("valgrind says no count: {said}"))
}

/// Programs with the counts of the base and of our peers.
pub fn programs(kernels: &[Kernel], peers: &[Peer], scratch: &Scratch) -> Result<Vec<Counted>, String> {
    let counted: Vec<&Peer> =
        peers.iter().filter(|peer| peer.name == BASE || peer.language == Language::Mochi).collect();
    let mut result = Vec::new();
    for kernel in kernels {
        let mut row = Vec::new();
        for peer in &counted {
            let Some(source) = kernel.source(peer.language, "vm")? else { continue };
            let file = scratch.write(&format!("{}.{}", kernel.name, peer.language.extension()), &source);
            let executable = scratch.path("counted");
            measure::succeed(&mut peer.build(&file, &executable), TIME)?;
            row.push((peer.name.clone(), of(&Command::new(&executable), scratch)?));
        }
        eprintln!("{}: {row:?}", kernel.name);
        result.push((kernel.name.clone(), row));
    }
    Ok(result)
}

/// The counts of one peer.
pub fn of_peer(counted: &[Counted], peer: &str) -> Counts {
    let count = |row: &[(String, u64)]| row.iter().find(|c| c.0 == peer).map(|c| c.1);
    counted.iter().filter_map(|(name, row)| Some((format!("run {name}"), count(row)?))).collect()
}

/// A table of the programs of a set: millions of instructions, and their ratio to the base's.
pub fn table(set: &str, counted: &[Counted]) -> String {
    let mut peers: Vec<&str> = counted.iter().flat_map(|(_, row)| row.iter().map(|c| c.0.as_str())).collect();
    let mut seen = Vec::new();
    peers.retain(|peer| {
        !seen.contains(peer) && {
            seen.push(*peer);
            true
        }
    });
    let mut head = vec![format!("{set}, M instructions")];
    for peer in &peers {
        head.push((*peer).to_string());
        head.extend((*peer != BASE).then(|| "x".to_string()));
    }
    let mut rows = Vec::new();
    for (name, row) in counted {
        let count = |peer: &str| row.iter().find(|c| c.0 == peer).map(|c| c.1 as f64 / 1e6);
        let mut cells = vec![name.clone()];
        for peer in &peers {
            cells.push(table::number(count(peer), 3));
            let ratio = count(peer).zip(count(BASE)).map(|(ours, base)| ours / base);
            cells.extend((*peer != BASE).then(|| table::number(ratio, 2)));
        }
        rows.push(cells);
    }
    table::table(&head, &rows) + "\n"
}

/// Counts as people read them.
pub fn list(counts: &Counts) -> String {
    counts.iter().map(|(name, count)| format!("{count:>14}  {name}\n")).collect()
}

/// Counts as a file.
pub fn text(counts: &Counts) -> String {
    let lines = counts.iter().map(|(name, count)| format!("{name} {count}\n"));
    HEAD.to_string() + &lines.collect::<String>()
}

/// The counts of a file.
pub fn parse(text: &str) -> Result<Counts, String> {
    let line = |line: &str| {
        let (name, count) = line.rsplit_once(' ').ok_or(format!("`{line}` has no count"))?;
        Ok((name.to_string(), count.parse().map_err(|e| format!("`{line}`: {e}"))?))
    };
    text.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty()).map(line).collect()
}

/// What has grown more than it may, and in words what else is different.
pub fn compare(recorded: &Counts, measured: &Counts) -> (Vec<String>, String) {
    let (mut grown, mut other) = (Vec::new(), String::new());
    for (name, &now) in measured {
        let Some(&before) = recorded.get(name) else {
            writeln!(other, "{name} is not in the file").expect("string");
            continue;
        };
        let change = now as f64 / before as f64 - 1.0;
        let words = format!("{name}: {now} instructions, {:+.2} % of {before}", change * 100.0);
        if now * 100 > before * (100 + GROWTH) {
            grown.push(words);
        } else if now * 100 < before * (100 - GROWTH) {
            writeln!(other, "{words}: record it").expect("string");
        }
    }
    (grown, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(list: &[(&str, u64)]) -> Counts {
        list.iter().map(|&(name, count)| (name.to_string(), count)).collect()
    }

    #[test]
    fn a_file_is_read_back() {
        let some = counts(&[("run life", 123), ("build hello -O", 4_000_000_000_000)]);
        assert_eq!(parse(&text(&some)), Ok(some));
        assert!(parse("run life many\n").is_err() && parse("alone\n").is_err());
    }

    #[test]
    fn what_grows_by_more_than_a_hundredth_is_named() {
        let before = counts(&[("a", 1000), ("b", 1000), ("c", 1000), ("gone", 5)]);
        let now = counts(&[("a", 1010), ("b", 1011), ("c", 900), ("new", 7)]);
        let (grown, other) = compare(&before, &now);
        assert_eq!(grown, ["b: 1011 instructions, +1.10 % of 1000"]);
        assert_eq!(other, "c: 900 instructions, -10.00 % of 1000: record it\nnew is not in the file\n");
        assert_eq!(compare(&now, &now), (Vec::new(), String::new()));
    }

    #[test]
    fn programs_are_a_row_with_ratios() {
        let row = vec![(BASE.to_string(), 2_000_000), ("mochi".to_string(), 3_000_000)];
        let counted =
            vec![("life".to_string(), row), ("only c".to_string(), vec![(BASE.to_string(), 1_000_000)])];
        let lines = table("set", &counted);
        assert!(lines.contains("| life                |   2.000 | 3.000 | 1.50 |"), "{lines}");
        assert!(lines.contains("| only c              |   1.000 |     - |    - |"), "{lines}");
        assert_eq!(of_peer(&counted, "mochi"), counts(&[("run life", 3_000_000)]));
    }
}
