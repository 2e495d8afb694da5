//! A day of the calendar. What day it is must be told: nothing here knows.

use std::fmt;

use crate::policy::types::ValueError;

/// A day of the Gregorian calendar, from the year 1970 to 9999; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl Day {
    /// Reads `2027-01-31`.
    ///
    /// # Errors
    /// [`ValueError::Day`] for anything else, and for a day that the calendar does not have.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let error = || ValueError::Day(text.to_owned());
        let mut parts = text.split('-');
        let mut part = |digits| number(parts.next()?, digits);
        let (year, month, day) =
            (part(4).ok_or_else(error)?, part(2).ok_or_else(error)?, part(2).ok_or_else(error)?);
        let (Ok(of_month), Ok(of_year)) = (u8::try_from(day), u8::try_from(month)) else {
            return Err(error());
        };
        let is_there = year >= 1970 && (1..=length(year, of_year)).contains(&of_month);
        match parts.next() {
            None if is_there => Ok(Self { year, month: of_year, day: of_month }),
            _ => Err(error()),
        }
    }

    /// The day so many days after 1970-01-01.
    pub fn since_epoch(days: u64) -> Self {
        let (mut year, mut left) = (1970, days);
        loop {
            let in_year = if is_leap(year) { 366 } else { 365 };
            if left < in_year || year == 9999 {
                break;
            }
            (year, left) = (year + 1, left - in_year);
        }
        let mut month = 1;
        while month < 12 && left >= u64::from(length(year, month)) {
            left -= u64::from(length(year, month));
            month += 1;
        }
        let last = length(year, month);
        let day = u8::try_from(left + 1).unwrap_or(last).min(last);
        Self { year, month, day }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Exactly so many decimal digits.
fn number(text: &str, digits: usize) -> Option<u16> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    text.bytes()
        .try_fold(0_u16, |value, byte| {
            value.checked_mul(10)?.checked_add(u16::from(byte.wrapping_sub(b'0')))
        })
        .filter(|_| is_number)
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// How many days a month has; 0 for what is none.
fn length(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;

    #[test]
    fn days_of_the_calendar() {
        for (days, text) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_787, "2026-11-30"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(Day::since_epoch(days).to_string(), text);
            assert_eq!(Day::parse(text).unwrap(), Day::since_epoch(days), "{text}");
            assert!(Day::since_epoch(days) < Day::since_epoch(days + 1));
        }
        for text in [
            "",
            "2026",
            "2026-11",
            "2026-11-31",
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-1-1",
            "26-11-30",
            "2026-11-30-1",
            "2026-11-3a",
            "+026-11-30",
            "1969-12-31",
            "2026-11-00",
        ] {
            assert!(Day::parse(text).is_err(), "{text}");
        }
    }
}
