//! Platforms as they are asked for.

use std::fmt;

use crate::image::ImageRef;

/// An operating system and an architecture, as they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Platform {
    /// `linux`.
    pub os: String,
    /// `amd64`, `386`.
    pub architecture: String,
    /// `v7`; empty if none is asked for.
    pub variant: String,
}

/// A platform, or what may be one to the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AskedPlatform {
    /// It says all that it must.
    Known(Platform),
    /// Only the daemon can tell which one is meant.
    Unknown(String),
}

/// The architectures that the daemon knows by their names alone (`isKnownArch` of
/// containerd/platforms, and what it takes for one of them).
const ARCHITECTURES: [&str; 14] = [
    "386", "i386", "amd64", "x86_64", "x86-64", "arm", "armhf", "armel", "arm64", "aarch64",
    "ppc64le", "riscv64", "s390x", "loong64",
];

impl AskedPlatform {
    /// Reads `os/architecture`, with a variant behind it, or an architecture of Linux alone, as
    /// `platforms.Parse` of containerd does. The daemon brings parts into one form itself, wherever it
    /// is asked.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let is_part = |part: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
            !part.is_empty() && part.bytes().all(is_plain)
        };
        let parts: Vec<_> = text.split('/').collect();
        let (os, architecture, variant) = match *parts.as_slice() {
            [one] if ARCHITECTURES.contains(&one.to_ascii_lowercase().as_str()) => {
                ("linux", one, "")
            }
            [os, architecture] => (os, architecture, ""),
            [os, architecture, variant] if is_part(variant) => (os, architecture, variant),
            _ => return Self::Unknown(text.to_owned()),
        };
        if !is_part(os) || !is_part(architecture) {
            return Self::Unknown(text.to_owned());
        }
        let [os, architecture, variant] = [os, architecture, variant].map(str::to_owned);
        Self::Known(Platform { os, architecture, variant })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

impl fmt::Display for AskedPlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(platform) => platform.fmt(f),
            // It could be anything, so it is not repeated.
            Self::Unknown(_) => f.write_str("in a form that only the daemon reads"),
        }
    }
}

/// One build of an image.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageBuild {
    /// By name or identifier.
    pub image: ImageRef,
    /// For this platform.
    pub platform: Platform,
}
