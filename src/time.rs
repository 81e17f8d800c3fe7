//! `--time-passes`: how long each step took.

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
        // Nothing can be done when standard error is closed.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}
