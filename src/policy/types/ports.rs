//! Ports of the host.

use std::fmt;

use super::error::ValueError;

/// Host ports from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// What the daemon may pick when no port is named: the kernel's ephemeral ports, and the range
    /// the daemon falls back to.
    pub const EPHEMERAL: Self = Self { first: 32_768, last: 65_535 };

    /// What a swarm picks from when a service publishes a port without naming one.
    pub const INGRESS: Self = Self { first: 30_000, last: 32_767 };

    /// One port, as a number.
    ///
    /// # Errors
    /// [`ValueError::Port`] unless it is from 1 to 65,535.
    pub fn single(number: i64) -> Result<Self, ValueError> {
        match u16::try_from(number) {
            Ok(port @ 1..) => Ok(Self { first: port, last: port }),
            Ok(0) | Err(_) => Err(ValueError::Port(number.to_string())),
        }
    }

    /// Reads a host port as the daemon does (Go `strconv.ParseUint`): `022` is 22, `+22` is refused,
    /// `20-25` is a range, `22/tcp` carries a protocol. `0` and the empty text are
    /// [`PortRange::EPHEMERAL`].
    ///
    /// # Errors
    /// [`ValueError::Port`] for anything else. That is stricter than the daemon, which ignores what
    /// follows a second `-` or an unknown protocol, and refuses a range from 0 only at the start.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        match numbers(text) {
            Some((0, 0)) => Ok(Self::EPHEMERAL),
            Some(_) => Self::parse_named(text),
            None => Err(ValueError::Port(text.to_owned())),
        }
    }

    /// The same for a port that must be named.
    ///
    /// # Errors
    /// [`ValueError::Port`], also if the daemon would pick the port.
    pub(in crate::policy) fn parse_named(text: &str) -> Result<Self, ValueError> {
        match numbers(text) {
            Some((first, last)) if 0 < first && first <= last => Ok(Self { first, last }),
            Some(_) | None => Err(ValueError::Port(text.to_owned())),
        }
    }

    /// The same for a port, or a range of them, that must be named, as a configuration has it.
    ///
    /// # Errors
    /// [`ValueError::Port`] for anything else.
    pub fn parse_one(text: &str) -> Result<Self, ValueError> {
        Self::parse_named(text)
    }

    /// Whether all ports of the other are among these.
    pub fn contains(&self, other: &Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// Whether both have a port in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Whether it is one port.
    pub fn is_single(&self) -> bool {
        self.first == self.last
    }

    /// Whether it is [`PortRange::EPHEMERAL`].
    pub fn is_ephemeral(&self) -> bool {
        *self == Self::EPHEMERAL
    }

    /// Whether it is a range from which a daemon picks.
    pub fn is_picked(&self) -> bool {
        *self == Self::EPHEMERAL || *self == Self::INGRESS
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_single() {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

/// The first and the last port. 0 stands for none, as does an empty text.
fn numbers(text: &str) -> Option<(u16, u16)> {
    let ports = match text.split_once('/') {
        Some((ports, protocol)) if is_protocol(protocol) => ports,
        Some(_) => return None,
        None => text,
    };
    match ports.split_once('-') {
        Some((first, last)) => Some((number(first)?, number(last)?)),
        None if ports.is_empty() => Some((0, 0)),
        None => number(ports).map(|port| (port, port)),
    }
}

fn is_protocol(text: &str) -> bool {
    let known = ["", "tcp", "udp", "sctp"];
    known.iter().any(|known| text.eq_ignore_ascii_case(known))
}

/// One decimal digit or more.
fn number(digits: &str) -> Option<u16> {
    let value = digits.bytes().try_fold(0_u16, |value, byte| match byte {
        b'0'..=b'9' => value.checked_mul(10)?.checked_add(u16::from(byte - b'0')),
        _ => None,
    });
    value.filter(|_| !digits.is_empty())
}
