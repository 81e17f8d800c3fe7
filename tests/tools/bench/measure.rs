//! Processes and the processor time that they took.

use mochi_testkit::process::{self, End, Outcome};
use std::process::Command;
use std::time::{Duration, Instant};

/// What a process took, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// By the program itself.
    pub user: f64,
    /// By the system for it.
    pub system: f64,
    /// On the clock.
    pub wall: f64,
}

/// Runs a command to its end. Only one may run at a time: the system says what all processes took that have ended.
pub fn run(command: &mut Command, time: Duration) -> Result<(Usage, Outcome), String> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let (before, start) = (ended()?, Instant::now());
    let outcome = process::run(command, b"", time).map_err(|e| format!("{shown}: {e}"))?;
    let (wall, after) = (start.elapsed().as_secs_f64(), ended()?);
    Ok((Usage { user: after.0 - before.0, system: after.1 - before.1, wall }, outcome))
}

/// The same for a command that has to succeed.
pub fn succeed(command: &mut Command, time: Duration) -> Result<(Usage, Outcome), String> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let (usage, outcome) = run(command, time)?;
    if outcome.end == End::Status(0) {
        return Ok((usage, outcome));
    }
    Err(format!("{shown}: {}: {}", outcome.end, first_lines(&outcome.stderr)))
}

/// The start of what a program said.
fn first_lines(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines().take(4).collect::<Vec<_>>().join(" / ")
}

/// User and system seconds of all processes that were started here and have ended.
#[cfg(unix)]
fn ended() -> Result<(f64, f64), String> {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::{TimeVal, TimeValLike};
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|e| e.to_string())?;
    let seconds = |time: TimeVal| time.num_microseconds() as f64 * 1e-6;
    Ok((seconds(usage.user_time()), seconds(usage.system_time())))
}

#[cfg(not(unix))]
fn ended() -> Result<(f64, f64), String> {
    Err("this system is not asked for processor time yet".into())
}

/// The middle of some numbers.
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

/// The geometric mean of some positive numbers; none of no numbers.
pub fn geomean(numbers: &[f64]) -> Option<f64> {
    let sum: f64 = numbers.iter().map(|x| x.ln()).sum();
    (!numbers.is_empty()).then(|| (sum / numbers.len() as f64).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0]), 3.0);
        assert_eq!(median(&[9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 10.0, 2.0]), 3.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn means_of_ratios() {
        assert_eq!(geomean(&[]), None);
        assert!((geomean(&[0.5, 2.0]).expect("two") - 1.0).abs() < 1e-12);
        assert!((geomean(&[8.0, 1.0, 1.0]).expect("three") - 2.0).abs() < 1e-12);
    }

    #[cfg(unix)]
    #[test]
    fn processes_that_work_take_time() {
        let mut busy = Command::new("sh");
        busy.args(["-c", "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done"]);
        let (usage, outcome) = run(&mut busy, Duration::from_secs(60)).expect("sh");
        assert_eq!(outcome.end, End::Status(0));
        assert!(usage.user + usage.system > 0.0 && usage.wall > 0.0, "{usage:?}");
        assert!(succeed(Command::new("sh").args(["-c", "exit 3"]), Duration::from_secs(60)).is_err());
    }
}
