//! One form for each registry, as the resolver and the dialler understand its name.
//!
//! The daemon takes the host of a reference as it is written, and hands it on: Go's dialler reads ports
//! as numbers, and what is not an address to Go is one to the C library (`inet_aton(3)`), which a daemon
//! that is linked with it asks.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The registry that is meant when none is named.
pub(super) const DEFAULT_DOMAIN: &str = "docker.io";

/// Hosts that serve the images of `docker.io`. To the daemon only the first is another name of it.
const HUB: [&str; 5] = [
    "index.docker.io",
    "registry-1.docker.io",
    "registry.docker.io",
    "registry.hub.docker.com",
    "hub.docker.com",
];

/// The names that a host gives itself in `/etc/hosts`.
const LOOPBACK: [&str; 4] =
    ["localhost.localdomain", "localhost6.localdomain6", "ip6-localhost", "ip6-loopback"];

/// Of HTTPS, and of HTTP, which a daemon tries where it is allowed to.
const DEFAULT_PORTS: [&str; 2] = ["443", "80"];

/// What all names and addresses of this host are compared as.
const OURSELVES: &str = "localhost";

/// A registry (`host` or `host:port`) in the form in which to compare it: without case, without a
/// default port, addresses in their usual spelling, this host and Docker Hub by one name each.
pub(super) fn compared(domain: &str) -> Cow<'_, str> {
    let (host, port) = split(domain);
    let port = port.map(without_zeros).filter(|port| !DEFAULT_PORTS.contains(port));
    let lower = host.to_ascii_lowercase();
    let name = one_name(lower.strip_suffix('.').unwrap_or(&lower));
    let whole = match port {
        None => name,
        Some(port) => Cow::Owned(format!("{name}:{port}")),
    };
    if whole == domain { Cow::Borrowed(domain) } else { Cow::Owned(whole.into_owned()) }
}

/// The colons of an IPv6 address stand in brackets.
fn split(domain: &str) -> (&str, Option<&str>) {
    match domain.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (domain, None),
    }
}

/// `05055` is dialled as 5055.
fn without_zeros(port: &str) -> &str {
    match port.trim_start_matches('0') {
        "" => "0",
        port => port,
    }
}

fn one_name(host: &str) -> Cow<'_, str> {
    if host == DEFAULT_DOMAIN || HUB.contains(&host) {
        return Cow::Borrowed(DEFAULT_DOMAIN);
    }
    let is_ours = host == OURSELVES || LOOPBACK.contains(&host) || host.ends_with(".localhost");
    match address(host) {
        _ if is_ours => Cow::Borrowed(OURSELVES),
        Some(address) if address.is_loopback() || address.is_unspecified() => {
            Cow::Borrowed(OURSELVES)
        }
        Some(IpAddr::V4(address)) => Cow::Owned(address.to_string()),
        Some(IpAddr::V6(address)) => Cow::Owned(format!("[{address}]")),
        None => Cow::Borrowed(host),
    }
}

fn address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        // `::ffff:127.0.0.1` is 127.0.0.1 to the dialler.
        Some(inside) => inside.parse::<Ipv6Addr>().ok().map(|address| address.to_canonical()),
        None => ipv4(host).map(IpAddr::V4),
    }
}

/// Reads an address as `inet_aton` does: up to four parts, decimal, octal (`0177`) or hexadecimal
/// (`0x7f`), of which the last stands for all bytes that are left.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    const PARTS_MAX: usize = 4;
    let mut parts = Vec::with_capacity(PARTS_MAX);
    for part in text.split('.') {
        if parts.len() == PARTS_MAX {
            return None;
        }
        parts.push(part_of_ipv4(part)?);
    }
    let (last, first) = parts.split_last()?;
    let left = 8 * (PARTS_MAX - first.len());
    let mut address = u64::from(*last);
    if left < 32 && address >> left != 0 {
        return None;
    }
    for (at, part) in first.iter().enumerate() {
        let byte = u8::try_from(*part).ok()?;
        address |= u64::from(byte) << (24 - 8 * at);
    }
    u32::try_from(address).ok().map(Ipv4Addr::from)
}

fn part_of_ipv4(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    // A sign is no digit.
    let are_digits = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    are_digits.then(|| u32::from_str_radix(digits, radix).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_registry_has_one_form() {
        for (form, spellings) in [
            (
                "docker.io",
                &[
                    "docker.io",
                    "index.docker.io",
                    "registry-1.docker.io",
                    "registry-1.docker.io:0443",
                    "registry.hub.docker.com",
                    "Registry.Hub.Docker.COM:443",
                    "hub.docker.com",
                    "docker.io:443",
                    "docker.io:00080",
                ][..],
            ),
            (
                "localhost:5055",
                &[
                    "localhost:5055",
                    "127.0.0.1:5055",
                    "127.0.0.1:05055",
                    "127.1:5055",
                    "127.0.1:5055",
                    "0x7f.1:5055",
                    "0x7F.0.0x1:5055",
                    "0177.0.0.01:5055",
                    "2130706433:5055",
                    "0x7f000001:5055",
                    "017700000001:5055",
                    "127.5.6.7:5055",
                    "0.0.0.0:5055",
                    "0:5055",
                    "[::1]:5055",
                    "[0:0:0:0:0:0:0:1]:05055",
                    "[::]:5055",
                    "[::ffff:7f00:1]:5055",
                    "LOCALHOST:5055",
                    "localhost.localdomain:5055",
                    "x.localhost:5055",
                ],
            ),
            ("localhost", &["localhost", "127.1", "127.0.0.1:80", "localhost:443", "[::1]:0443"]),
            ("10.0.0.1:5000", &["10.0.0.1:5000", "10.1:05000", "0xa000001:5000", "167772161:5000"]),
            ("[2001:db8::1]:5000", &["[2001:db8::1]:5000", "[2001:DB8:0:0::1]:005000"]),
            (
                "registry.example",
                &["registry.example", "REGISTRY.example:443", "registry.example.:80"],
            ),
            ("registry.example:5000", &["registry.example:5000", "registry.example:0005000"]),
            ("1.2.3.4.5", &["1.2.3.4.5"]),
            ("256.1.1.1", &["256.1.1.1"]),
            ("1.2.3.256", &["1.2.3.256"]),
            ("0x.1", &["0x.1"]),
            ("08.1", &["08.1"]),
        ] {
            for spelling in spellings {
                assert_eq!(compared(spelling), form, "{spelling}");
            }
        }
    }

    #[test]
    fn others_stay_apart() {
        for (one, other) in [
            ("127.0.0.1:5055", "127.0.0.1:5056"),
            ("127.0.0.1:5055", "127.0.0.1"),
            ("10.0.0.1", "10.0.0.2"),
            ("registry.example:50550", "registry.example:5055"),
            ("docker.io", "docker.io.example"),
            ("mirror.gcr.io", "docker.io"),
        ] {
            assert_ne!(compared(one), compared(other), "{one} {other}");
        }
    }
}
