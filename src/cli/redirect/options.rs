//! What the command line says of a redirect.

use std::fmt;

/// The ports that docker's documentation names, plain and with TLS.
pub(super) const USUAL_PORTS: [u16; 2] = [2375, 2376];

/// The most ports of one redirect: a rule carries all of them in a comment of at most 128 bytes.
const PORTS_MAX: usize = 8;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Action {
    /// Print the rules.
    Show,
    /// Set them.
    Add,
    /// Take them away.
    Remove,
    /// Say whether they are there, whether traffic comes, and what leads past them.
    Status,
}

impl Action {
    /// Each by its name.
    pub(in crate::cli) const NAMES: [(&str, Action); 4] = [
        ("show", Action::Show),
        ("add", Action::Add),
        ("remove", Action::Remove),
        ("status", Action::Status),
    ];

    /// Reads its name.
    pub(in crate::cli) fn parse(text: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(name, _)| *name == text).map(|(_, action)| action)
    }
}

/// Which protocols are redirected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Families {
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
    /// Both.
    Both,
}

impl Families {
    /// Reads `4`, `6` or `both`.
    pub(in crate::cli) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "4" => Ok(Self::V4),
            "6" => Ok(Self::V6),
            "both" => Ok(Self::Both),
            _ => Err(format!("--family `{}` is not one of 4, 6, both", text.escape_debug())),
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "4",
            Self::V6 => "6",
            Self::Both => "both",
        }
    }

    /// Whether all of `other` is among these.
    pub(super) fn cover(self, other: Self) -> bool {
        self == Self::Both || self == other
    }
}

impl fmt::Display for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
            Self::Both => "IPv4 and IPv6",
        })
    }
}

/// The program that sets the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Backend {
    /// `nft`.
    Nft,
    /// `iptables` and `ip6tables`, in whichever of their two builds.
    Iptables,
}

impl Backend {
    pub(super) const ALL: [Self; 2] = [Self::Nft, Self::Iptables];

    /// Reads `nft` or `iptables`.
    pub(in crate::cli) fn parse(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|backend| backend.program() == text);
        known.ok_or_else(|| {
            format!("--backend `{}` is neither nft nor iptables", text.escape_debug())
        })
    }

    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Nft => "nft",
            Self::Iptables => "iptables",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

/// The options; what was not given is chosen.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Options {
    /// The ports that clients connect to, sorted, each once.
    pub(in crate::cli) ports: Option<Vec<u16>>,
    /// Whether clients of this host are redirected too.
    pub(in crate::cli) local: bool,
    pub(in crate::cli) families: Option<Families>,
    pub(in crate::cli) backend: Option<Backend>,
}

/// Reads `2375,2376`.
pub(in crate::cli) fn parse_ports(text: &str) -> Result<Vec<u16>, String> {
    let wrong = |part: &str| {
        format!(
            "--port `{}` is not a port from 1 to 65535, or several with commas",
            part.escape_debug()
        )
    };
    let mut ports = Vec::new();
    for part in text.split(',') {
        let is_decimal = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let port = is_decimal.then(|| part.parse::<u16>().ok()).flatten().filter(|&port| port > 0);
        ports.push(port.ok_or_else(|| wrong(part))?);
    }
    ports.sort_unstable();
    ports.dedup();
    if ports.len() > PORTS_MAX {
        return Err(format!("--port has more than {PORTS_MAX} ports"));
    }
    Ok(ports)
}
