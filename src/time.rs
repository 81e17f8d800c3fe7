//! `--time-passes`: how long each step took, and how much memory was in use at most.

use std::io::Write;
use std::time::{Duration, Instant};

/// Collects step times when asked to.
pub struct Timer {
    enabled: bool,
    start: Instant,
    last: Instant,
    rows: Vec<(String, Duration)>,
}

impl Timer {
    /// A timer that starts now.
    pub fn new(enabled: bool) -> Timer {
        let now = Instant::now();
        Timer { enabled, start: now, last: now, rows: Vec::new() }
    }

    /// The time since the last step belongs to this one.
    pub fn step(&mut self, name: &str) {
        if self.enabled {
            let now = Instant::now();
            self.rows.push((name.to_string(), now - self.last));
            self.last = now;
        }
    }

    /// A part of the next step, measured elsewhere.
    pub fn part(&mut self, name: &str, time: Duration) {
        if self.enabled {
            self.rows.push((format!("  {name}"), time));
        }
    }

    /// Prints the table on standard error.
    pub fn print(&self) {
        if !self.enabled {
            return;
        }
        let mut text = String::new();
        for (name, time) in &self.rows {
            text += &format!("{:>10.1} us  {name}\n", time.as_secs_f64() * 1e6);
        }
        text += &format!("{:>10.1} us  total\n", self.start.elapsed().as_secs_f64() * 1e6);
        if let Some(size) = peak_memory() {
            text += &format!("{size:>10} KB  peak memory\n");
        }
        // Nothing can be done when standard error is closed.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// The most memory that this process had in use, in KB, where the system tells (`proc(5)`).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
