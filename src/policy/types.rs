//! The values that rules compare: once built, right. The configuration and requests build the same
//! types, so both sides of a comparison mean the same.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::policy::rules::principals::Principal;
use crate::policy::shown::{InBackticks, Shown};

/// A text that means nothing as the value it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueError {
    /// No host port, or no range of them.
    Port(String),
    /// No absolute path.
    Path(String),
    /// No user.
    User(String),
    /// No device, and no kind of them.
    Device(String),
    /// No group.
    Group(String),
    /// No environment entry.
    Environment(String),
    /// No name of a variable.
    Variable(String),
    /// No capability that is known, and the nearest one that is.
    UnknownCapability(String, &'static str),
    /// A path with a character of patterns, which are not read.
    Pattern(String),
    /// No security option.
    SecurityOption(String),
    /// No size in bytes.
    Bytes(String),
    /// No number of CPUs.
    Cpus(String),
    /// No Linux capability.
    Capability(String),
    /// No image or pattern of images.
    Image(String),
    /// No kind of namespace.
    Namespace(String),
    /// No name.
    Name(String),
    /// No share of another machine.
    Share(String),
    /// No day of the calendar.
    Day(String),
    /// Neither `allow` nor `forbid`.
    Builds(String),
    /// No control group that SecDocker could make.
    BuildGroup(String),
    /// No subnet and no address.
    Subnet(String),
    /// No rule about subnets.
    SubnetRule(String),
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::UnknownCapability(text, nearest) = self {
            return write!(f, "{} is not a Linux capability; {nearest} is", InBackticks(text));
        }
        let (text, is_no) = match self {
            Self::Port(text) => (text, "is not a port from 1 to 65535 or a range of them"),
            Self::Path(text) => (text, "is not an absolute path"),
            Self::User(text) => {
                (text, "is not a user, a number or a range of numbers such as 0-999")
            }
            Self::Device(text) => (
                text,
                "is not a device: an absolute path, one with * at its end, a driver or what it can do, \
                 vendor.com/class, or *",
            ),
            Self::Group(text) => {
                (text, "is not a group, a number or a range of numbers such as 0-999")
            }
            // The value of a variable may be a secret.
            Self::Environment(_) => return f.write_str("an environment entry has no name"),
            Self::Variable(text) => {
                (text, "is not a name of a variable, and not its beginning with * at the end")
            }
            Self::UnknownCapability(text, _) => (text, "is not a Linux capability"),
            Self::Pattern(text) => (text, "is a pattern: paths are read as they stand"),
            Self::SecurityOption(text) => (text, "is not a security option"),
            Self::Bytes(text) => (text, "is not a size such as 512m, 1g or a number of bytes"),
            Self::Cpus(text) => (text, "is not a number of CPUs such as 0.5"),
            Self::Capability(text) => (text, "is not a Linux capability"),
            Self::Image(text) => (text, "is not an image or a pattern of images"),
            Self::Namespace(text) => {
                (text, "is neither host, container, network, pid, ipc, uts, user nor cgroup")
            }
            Self::Name(text) => (text, "is not a name, and not its beginning with * at the end"),
            Self::Day(text) => (text, "is not a day such as 2027-01-31"),
            Self::Share(text) => (text, "is not a share such as nas.lan:/export or //nas/share"),
            Self::Builds(text) => (text, "is not one of inspect, allow, forbid"),
            Self::BuildGroup(text) => {
                (text, "is not the path of a control group, such as /secdocker-builds")
            }
            Self::Subnet(text) => (text, "is not a subnet such as 10.0.0.0/8, and not an address"),
            Self::SubnetRule(text) => (
                text,
                "is not a subnet such as 10.0.0.0/8 without further bits, and none of host (in a list \
                 of what is forbidden), public, link-local",
            ),
        };
        write!(f, "{} {is_no}", InBackticks(text))
    }
}

impl std::error::Error for ValueError {}

/// Whether people write it in patterns: in a rule it would match nothing.
pub(super) fn is_of_pattern(char: char) -> bool {
    char.is_whitespace() || char.is_control() || is_wildcard(char)
}

/// The same without white space and control characters, which names of variables may hold.
pub(super) fn is_wildcard(char: char) -> bool {
    "*?![]{}".contains(char)
}

/// Whether a path of a rule holds what people write in patterns; spaces are in names of folders.
pub(super) fn is_path_pattern(path: &str) -> bool {
    path.contains(|char| char != ' ' && is_of_pattern(char)) || path.trim() != path
}

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
    pub(super) fn parse_named(text: &str) -> Result<Self, ValueError> {
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

/// A path of the host: absolute, without empty segments, `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPath(String);

/// What the kernel takes as a path, with its NUL (`PATH_MAX`).
const PATH_BYTES_MAX: usize = 4096;

impl HostPath {
    /// Cleans an absolute path as Go's `path.Clean` does.
    ///
    /// # Errors
    /// [`ValueError::Path`] if it is not absolute, or has a NUL, which no path of the kernel has.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if !text.starts_with('/') || text.contains('\0') || text.len() >= PATH_BYTES_MAX {
            return Err(ValueError::Path(text.to_owned()));
        }
        let mut segments: Vec<&str> = Vec::new();
        for segment in text.split('/') {
            match segment {
                "" | "." => {}
                ".." => drop(segments.pop()),
                _ => segments.push(segment),
            }
        }
        Ok(Self(format!("/{}", segments.join("/"))))
    }

    /// `/`.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `other` or stands below it.
    pub fn is_within(&self, other: &Self) -> bool {
        match self.0.strip_prefix(other.0.as_str()) {
            Some(rest) => rest.is_empty() || rest.starts_with('/') || other.is_root(),
            None => false,
        }
    }

    /// Whether it is `/`.
    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }
}

impl fmt::Display for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.0).fmt(f)
    }
}

/// A user and perhaps a group, as the daemon reads `User`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSpec {
    text: Box<str>,
    user: Principal,
    /// None if the image says which.
    group: Option<Box<Principal>>,
}

impl UserSpec {
    /// Reads `user`, `user:group`, by name or number. Numbers are read as Go's `strconv.Atoi` does:
    /// `00`, `+0` and `-0` are 0. Without a user before the colon it is number 0.
    ///
    /// # Errors
    /// [`ValueError::User`] for an empty text.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let (user, group) = text.split_once(':').unwrap_or((text, ""));
        let group =
            Some(group).filter(|group| !group.is_empty()).map(Principal::read).map(Box::new);
        match text {
            "" => Err(ValueError::User(text.to_owned())),
            _ => Ok(Self { text: text.into(), user: Principal::read(user), group }),
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whom it is, without the group.
    pub fn principal(&self) -> &Principal {
        &self.user
    }

    /// The group that it names.
    pub fn group(&self) -> Option<&Principal> {
        self.group.as_deref()
    }

    /// Whether it is number 0, or the name that number has everywhere.
    pub fn is_root(&self) -> bool {
        self.user.is_root()
    }

    /// Whether it is a number.
    pub fn is_number(&self) -> bool {
        matches!(self.user, Principal::Number(_))
    }
}

impl fmt::Display for UserSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.text).fmt(f)
    }
}

/// `NAME=value`, or the name alone.
fn entry(name: &str, value: Option<&str>) -> String {
    match value {
        Some(value) => format!("{name}={value}"),
        None => name.to_owned(),
    }
}

/// An environment variable and its value; without one it is unset.
#[derive(Clone)]
pub struct EnvironmentEntry {
    /// Holds the entry, and perhaps others.
    text: Arc<String>,
    start: usize,
    /// Where the name ends: at the first `=`, or with the entry.
    name_end: usize,
    end: usize,
}

impl EnvironmentEntry {
    /// Reads `NAME=value` or `NAME`.
    ///
    /// # Errors
    /// [`ValueError::Environment`] without a name, which the daemon refuses too.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        Self::parse_within(&Arc::new(text.to_owned()), 0..text.len())
    }

    /// The same of one that stands in a text with others, all of which share it.
    ///
    /// # Errors
    /// As [`EnvironmentEntry::parse`].
    pub fn parse_within(text: &Arc<String>, range: Range<usize>) -> Result<Self, ValueError> {
        let Range { start, end } = range;
        let entry = text.get(start..end).unwrap_or_default();
        match memchr::memchr(b'=', entry.as_bytes()).unwrap_or(entry.len()) {
            0 => Err(ValueError::Environment(entry.to_owned())),
            name_bytes => {
                let text = Arc::clone(text);
                Ok(Self { text, start, name_end: start + name_bytes, end })
            }
        }
    }

    /// The name.
    #[inline]
    pub fn name(&self) -> &str {
        self.text.get(self.start..self.name_end).unwrap_or_default()
    }

    /// The value, which may be a secret.
    #[inline]
    pub fn value(&self) -> Option<&str> {
        self.text.get(self.name_end + 1..self.end)
    }

    /// As the Engine API has it.
    pub fn to_entry(&self) -> String {
        self.as_str().to_owned()
    }

    fn as_str(&self) -> &str {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether `NAME=value` or `NAME` is of this variable too.
    pub(super) fn has_the_name_of(&self, entry: &str) -> bool {
        let rest = entry.strip_prefix(self.name());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    }
}

impl PartialEq for EnvironmentEntry {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for EnvironmentEntry {}

/// Without the value.
impl fmt::Debug for EnvironmentEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EnvironmentEntry").field(&self.name()).finish()
    }
}

/// A security option: its name, and its value if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityOption {
    name: String,
    value: Option<String>,
}

impl SecurityOption {
    /// An option and its value.
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: Some(value.to_owned()) }
    }

    /// Reads an option as the daemon's `parseSecurityOpt` does: the name ends at the first `=`, or
    /// at the first `:` if there is no `=`; `disable` alone is `label=disable`, and
    /// `no-new-privileges` alone is true.
    ///
    /// # Errors
    /// [`ValueError::SecurityOption`] without a name.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if text == "disable" {
            return Ok(Self::new("label", "disable"));
        }
        let (name, value) = match text.split_once('=').or_else(|| text.split_once(':')) {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        match name {
            "" => Err(ValueError::SecurityOption(text.to_owned())),
            name => Ok(Self { name: name.to_owned(), value }),
        }
    }

    /// `seccomp`, `apparmor`, `label`, `no-new-privileges`, `systempaths`, …
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands behind the `=`.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// As the Engine API has it.
    pub fn to_entry(&self) -> String {
        entry(&self.name, self.value())
    }
}

impl fmt::Display for SecurityOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 64;
        let entry = self.to_entry();
        match entry.char_indices().nth(SHOWN_MAX) {
            Some((at, _)) => write!(f, "{}…", entry.split_at(at).0.escape_debug()),
            None => write!(f, "{}", entry.escape_debug()),
        }
    }
}

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

/// A Linux capability, without `CAP_` and in upper case, or `ALL`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capability(String);

impl Capability {
    /// Reads a name in any case, with or without `CAP_`. The daemon puts it in upper case by the
    /// rules of Unicode, which makes ASCII letters of U+017F and U+0131.
    ///
    /// # Errors
    /// [`ValueError::Capability`] unless it is made of letters, digits and `_`.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let upper = text.to_uppercase();
        let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err(ValueError::Capability(text.to_owned()));
        }
        Ok(Self(name.to_owned()))
    }

    /// Whether an entry of a request means this one.
    pub fn is(&self, entry: &str) -> bool {
        Self::parse(entry).is_ok_and(|asked| asked == *self)
    }

    /// `NET_ADMIN`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for all of them.
    pub fn is_all(&self) -> bool {
        self.0 == "ALL"
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
