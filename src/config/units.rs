//! Values with a unit, and other small ones: each reader takes what a person writes in the file.

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

/// Why a value is none; prints what would be one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnitError {
    text: String,
    wanted: &'static str,
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not {}", self.text.escape_debug(), self.wanted)
    }
}

fn expect<T>(text: &str, wanted: &'static str, value: Option<T>) -> Result<T, UnitError> {
    value.ok_or_else(|| UnitError { text: text.to_owned(), wanted })
}

/// A boolean as YAML 1.1 has them, which Go tools read: `yes`, `on`, `true` and their opposites.
pub(super) fn parse_switch(text: &str) -> Result<bool, UnitError> {
    let value = match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(false)
        }
        _ => None,
    };
    expect(text, "true or false", value)
}

/// A time above zero, at most a day: `500ms`, `30s`, `5m`, `1h`.
pub(super) fn parse_time(text: &str) -> Result<Duration, UnitError> {
    const DAY: Duration = Duration::from_secs(86_400);
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60 * 1000),
        "h" => Some(60 * 60 * 1000),
        _ => None,
    };
    let milliseconds = milliseconds.zip(parse_digits(number, 10));
    let time = milliseconds.and_then(|(unit, number)| u64::checked_mul(unit, number));
    let time = time.map(Duration::from_millis).filter(|&time| !time.is_zero() && time <= DAY);
    expect(text, "a time with its unit (ms, s, m, h), above zero and at most a day", time)
}

/// A size in bytes above zero, at most 1 GiB: `65536`, `64k`, `4m`. Units are powers of 1,024.
pub(super) fn parse_size(text: &str) -> Result<usize, UnitError> {
    const GIB: u64 = 1 << 30;
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" | "kb" | "kib" => Some(1 << 10),
        "m" | "mb" | "mib" => Some(1 << 20),
        "g" | "gb" | "gib" => Some(GIB),
        _ => None,
    };
    let size = unit.zip(parse_digits(number, 10));
    let size = size.and_then(|(unit, number)| u64::checked_mul(unit, number));
    let size = size.filter(|size| (1..=GIB).contains(size)).and_then(|size| size.try_into().ok());
    expect(text, "a size with its unit (64k, 4m), above zero and at most 1g", size)
}

/// A size for each second, written as a size.
pub(super) fn parse_rate(text: &str) -> Result<NonZeroU64, UnitError> {
    let size = parse_size(text).ok().and_then(|size| NonZeroU64::new(size as u64));
    expect(text, "a size for each second (64, 4k), above zero and at most 1g", size)
}

/// A whole number above zero, at most a million.
pub(super) fn parse_count(text: &str) -> Result<usize, UnitError> {
    let count = parse_digits(text, 10).filter(|count| (1..=1_000_000).contains(count));
    let count = count.and_then(|count| count.try_into().ok());
    expect(text, "a whole number from 1 to 1000000", count)
}

/// Permission bits in octal: `0660`.
pub(super) fn parse_mode(text: &str) -> Result<u32, UnitError> {
    let octal = parse_digits(text.strip_prefix("0o").unwrap_or(text), 8);
    let mode = octal.filter(|&mode| mode <= 0o777).and_then(|mode| mode.try_into().ok());
    expect(text, "permissions in octal, such as 0660", mode)
}

/// A mark for `SO_MARK`, decimal or with `0x`; 0 is what unmarked traffic has.
pub(super) fn parse_mark(text: &str) -> Result<u32, UnitError> {
    let number = match text.strip_prefix("0x") {
        Some(hexadecimal) => parse_digits(hexadecimal, 16),
        None => parse_digits(text, 10),
    };
    let mark = number.filter(|&mark| mark != 0).and_then(|mark| mark.try_into().ok());
    expect(text, "a mark from 1 to 4294967295 (0xffffffff)", mark)
}

/// One to nineteen digits; `str::parse` alone would also take a sign.
fn parse_digits(text: &str, radix: u32) -> Option<u64> {
    let all_digits = text.chars().all(|c| c.is_digit(radix));
    if all_digits && text.len() < 20 { u64::from_str_radix(text, radix).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let table = [
            ("500ms", Some(500)),
            ("30s", Some(30_000)),
            ("5m", Some(300_000)),
            ("24h", Some(86_400_000)),
            ("25h", None),
            ("0s", None),
            ("30", None),
            ("s", None),
            ("", None),
            ("-1s", None),
            ("+1s", None),
            ("1.5s", None),
            ("30 s", None),
            ("99999999999999999999s", None),
            ("9999999999999999999h", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_time(text).ok(), expected.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn sizes() {
        let table = [
            ("65536", Some(65_536)),
            ("64k", Some(65_536)),
            ("64KiB", Some(65_536)),
            ("4m", Some(4_194_304)),
            ("1g", Some(1_073_741_824)),
            ("2g", None),
            ("0", None),
            ("k", None),
            ("+1k", None),
            ("1.5k", None),
            ("1 k", None),
            ("9999999999999999999g", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_size(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn small_values() {
        assert_eq!(parse_switch("On"), Ok(true));
        assert_eq!(parse_switch("no"), Ok(false));
        assert!(parse_switch("1").is_err());
        assert_eq!(parse_count("16384"), Ok(16_384));
        assert!(parse_count("0").is_err());
        assert_eq!(parse_mode("0660"), Ok(0o660));
        assert_eq!(parse_mode("0o600"), Ok(0o600));
        assert!(parse_mode("0999").is_err());
        assert!(parse_mode("1777").is_err());
        assert_eq!(parse_mark("0x10"), Ok(16));
        assert_eq!(parse_mark("16"), Ok(16));
        assert!(parse_mark("0").is_err());
        assert!(parse_mark("4294967296").is_err());
    }
}
