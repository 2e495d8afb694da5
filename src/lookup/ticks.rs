//! The clock by which the kernel says when a process has begun.

use std::fs;
use std::path::Path;

use rustix::time::{ClockId, clock_gettime};

/// How many there are in a second (`USER_HZ`, the same on every architecture that Docker runs on).
const PER_SECOND: u64 = 100;
const NANOS_EACH: u64 = 1_000_000_000 / PER_SECOND;

/// Which field of `/proc/PID/stat` it is, counted behind the name in brackets (proc(5): the 22nd of all).
const START_TIME: usize = 19;

/// A moment, in hundredths of a second since the host was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticks(u64);

impl Ticks {
    /// The present moment.
    #[must_use]
    pub fn now() -> Self {
        let now = clock_gettime(ClockId::Boottime);
        let (seconds, nanos) = (u64::try_from(now.tv_sec), u64::try_from(now.tv_nsec));
        Self(seconds.unwrap_or(0) * PER_SECOND + nanos.unwrap_or(0) / NANOS_EACH)
    }

    /// When the process of this folder in `/proc` has begun.
    pub(super) fn of_process(process: &Path) -> Option<Self> {
        let text = fs::read_to_string(process.join("stat")).ok()?;
        parse(&text)
    }
}

/// The name may have spaces and brackets in it, and its own end.
fn parse(stat: &str) -> Option<Ticks> {
    let (_, fields) = stat.rsplit_once(')')?;
    let digits = fields.split_ascii_whitespace().nth(START_TIME)?;
    let digit = |c: char| c.to_digit(10).map(u64::from);
    let add = |sum: u64, c| sum.checked_mul(10)?.checked_add(digit(c)?);
    digits.chars().try_fold(0, add).map(Ticks)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn the_start_of_a_process_is_told_whatever_it_is_called() {
        let fields = "S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        for name in ["sh", "a b", "x) S 1 1 1 0 -1 1 1 0 0 0 0 0 0 0 20 0 1 0 9 0 (y"] {
            assert_eq!(parse(&format!("7 ({name}) {fields}")), Some(Ticks(4711)), "{name}");
        }
        assert_eq!(parse("7 (sh) S 1"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn this_process_began_before_now_and_its_child_later() {
        let before = Ticks::now();
        let own = Ticks::of_process(Path::new("/proc/self")).unwrap();
        assert!(own <= before);
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let began = Ticks::of_process(&Path::new("/proc").join(child.id().to_string())).unwrap();
        assert!(before <= began && began <= Ticks::now());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
