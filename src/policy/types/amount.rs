//! Amounts of memory and of CPU time.

use std::fmt;

use super::error::ValueError;

/// A number of bytes, at most what the Engine API can carry (`i64`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(i64);

impl Bytes {
    /// Reads `1073741824`, `512m`, `1.5g`, `1GiB`, `64 kb`: units are powers of 1024, in any case,
    /// as in the docker CLI (`units.RAMInBytes`).
    ///
    /// # Errors
    /// [`ValueError::Bytes`] for anything else, and for 0.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let error = || ValueError::Bytes(text.to_owned());
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let unit = unit.strip_prefix(' ').unwrap_or(unit).to_ascii_lowercase();
        let shift = match unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(&unit) {
            "" => 0,
            "k" => 10,
            "m" => 20,
            "g" => 30,
            "t" => 40,
            "p" => 50,
            _ => return Err(error()),
        };
        let bytes = decimal(number, 1 << shift).ok_or_else(error)?;
        if bytes > 0 { Ok(Self(bytes)) } else { Err(error()) }
    }

    /// As the Engine API has it.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(30, "g"), (20, "m"), (10, "k")];
        match units.iter().find(|(shift, _)| self.0 % (1 << shift) == 0) {
            Some((shift, unit)) => write!(f, "{}{unit}", self.0 >> shift),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A number of CPUs in billionths, as the Engine API has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NanoCpus(i64);

impl NanoCpus {
    /// Billionths of a CPU in one.
    pub const PER_CPU: i64 = 1_000_000_000;

    /// Reads `2`, `0.25`.
    ///
    /// # Errors
    /// [`ValueError::Cpus`] for anything else, and for less than a billionth.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        match decimal(text, Self::PER_CPU) {
            Some(nanos) if nanos > 0 => Ok(Self(nanos)),
            _ => Err(ValueError::Cpus(text.to_owned())),
        }
    }

    /// As the Engine API has it.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for NanoCpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, nanos) = (self.0 / Self::PER_CPU, self.0 % Self::PER_CPU);
        if nanos == 0 {
            return write!(f, "{whole}");
        }
        let fraction = format!("{nanos:09}");
        write!(f, "{whole}.{}", fraction.trim_end_matches('0'))
    }
}

/// A decimal number with an optional fraction, in units of which `per_one` make one; what is finer
/// than a unit is dropped.
fn decimal(text: &str, per_one: i64) -> Option<i64> {
    const FRACTION_DIGITS_MAX: usize = 12;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.len() > FRACTION_DIGITS_MAX {
        return None;
    }
    let digits = |text: &str| {
        text.bytes().try_fold(0_i128, |number, byte| match byte {
            b'0'..=b'9' => number.checked_mul(10)?.checked_add(i128::from(byte - b'0')),
            _ => None,
        })
    };
    let tenths = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let all = digits(whole)?.checked_mul(tenths)?.checked_add(digits(fraction)?)?;
    i64::try_from(all.checked_mul(i128::from(per_one))? / tenths).ok()
}
