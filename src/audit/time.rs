//! The moment of a line, as RFC 3339 writes it. Knows nothing of time zones: UTC only.

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::time::{Duration, SystemTime};

const SECONDS_PER_DAY: u64 = 86_400;
/// Days from 0000-03-01, where the calendar's cycle of 400 years begins, to 1970-01-01.
const DAYS_TO_EPOCH: u64 = 719_468;
const DAYS_PER_CYCLE: u64 = 146_097;

/// A moment that prints as `2026-11-24T11:00:00Z`; one before 1970 prints as 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Utc(pub(super) SystemTime);

thread_local! {
    /// The last second that was written, and how: thousands of lines have the same one.
    static LAST: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since_epoch = self.0.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let seconds = since_epoch.as_secs();
        LAST.with_borrow_mut(|(last, text)| {
            if *last != seconds {
                text.clear();
                write_second(text, seconds)?;
                *last = seconds;
            }
            f.write_str(text)
        })
    }
}

fn write_second(out: &mut String, since_epoch: u64) -> fmt::Result {
    let (year, month, day) = date(since_epoch / SECONDS_PER_DAY);
    let of_day = since_epoch % SECONDS_PER_DAY;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The proleptic Gregorian date, `days` after 1970-01-01.
///
/// Years are counted from March, so that the leap day is the last of its year and the lengths of
/// the months (31, 30, 31, 30, 31 twice over) follow from one division by 153/5.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_TO_EPOCH;
    let (cycle, of_cycle) = (days / DAYS_PER_CYCLE, days % DAYS_PER_CYCLE);
    let leap_days = of_cycle / 1_460 - of_cycle / 36_524 + of_cycle / 146_096;
    let year_of_cycle = (of_cycle - leap_days) / 365;
    let of_year = of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let (month, turn) = if from_march < 10 { (from_march + 3, 0) } else { (from_march - 9, 1) };
    (cycle * 400 + year_of_cycle + turn, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_print_as_rfc_3339_writes_them() {
        // The second column is what `date -u -d @SECONDS +%FT%TZ` prints.
        let table = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_795_518_000, "2026-11-24T11:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ];
        for (seconds, text) in table {
            let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(Utc(moment).to_string(), text, "{seconds}");
        }
    }

    #[test]
    fn a_clock_before_the_epoch_does_not_matter() {
        let moment = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(Utc(moment).to_string(), "1970-01-01T00:00:00Z");
    }
}
