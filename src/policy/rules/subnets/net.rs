//! Subnets and addresses, as the daemon reads them, in one space for both families.
//!
//! An IPv4 address is its IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2), to the daemon too
//! (`net.IP.To4`): `::ffff:10.0.0.0/104` is `10.0.0.0/8`, and a subnet that is wider than the mapped
//! ones holds all of IPv4.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::policy::types::ValueError;

/// Addresses with the same first bits; one address has all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subnet {
    /// All bits behind the prefix are 0.
    first: Ipv6Addr,
    /// How many bits are the prefix, at most 128.
    bits: u8,
}

/// What becomes of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubnetUse {
    /// A network is made of them, and the host gets a route there.
    Routed,
    /// A container joins a network that has them.
    Joined,
    /// A container, or what leaves it, gets one of them.
    Given,
}

const BITS_MAX: u8 = 128;
/// The bits before those of an IPv4 address.
const MAPPED_BITS: u8 = 96;

const LINK_LOCAL: [Subnet; 2] = [v4(169, 254, 0, 0, 16), v6(0xfe80, 10)];

/// Private, shared (RFC 6598) and unique local addresses, and those that lead nowhere else.
const NOT_PUBLIC: [Subnet; 9] = [
    v4(10, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v6(0xfc00, 7),
    Subnet { first: Ipv6Addr::LOCALHOST, bits: BITS_MAX },
    LINK_LOCAL[0],
    LINK_LOCAL[1],
];

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Subnet {
    Subnet { first: Ipv4Addr::new(a, b, c, d).to_ipv6_mapped(), bits: MAPPED_BITS + bits }
}

const fn v6(first: u16, bits: u8) -> Subnet {
    Subnet { first: Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, 0), bits }
}

impl Subnet {
    /// Reads an address, or a subnet such as `10.0.0.0/8`. Bits behind the prefix count for nothing,
    /// as in Go's `net.ParseCIDR`; a zero before a number of the prefix does neither (20.10).
    ///
    /// # Errors
    /// [`ValueError::Subnet`] for anything else: zeros before a number of an address, which old
    /// versions of Go read and newer ones refuse, and zones too.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let wrong = || ValueError::Subnet(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let whole = Self::from(address);
        let family_bits = if address.is_ipv4() { BITS_MAX - MAPPED_BITS } else { BITS_MAX };
        let Some(bits) = bits else {
            return Ok(whole);
        };
        let is_number = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits = bits.parse::<u8>().ok().filter(|bits| is_number && *bits <= family_bits);
        let bits = BITS_MAX - family_bits + bits.ok_or_else(wrong)?;
        Ok(whole.widened(bits))
    }

    /// The subnet of this address with so many bits of its family as prefix.
    #[must_use]
    pub fn around(address: IpAddr, bits: u8) -> Self {
        let before = if address.is_ipv4() { MAPPED_BITS } else { 0 };
        Self::from(address).widened(before.saturating_add(bits))
    }

    fn widened(self, bits: u8) -> Self {
        let bits = bits.min(self.bits);
        Self { first: self.first & mask(bits), bits }
    }

    /// Whether all addresses of `other` are in it.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.bits <= other.bits && other.first & mask(self.bits) == self.first
    }

    /// Whether they have an address in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// Whether some of its addresses are other machines' of the Internet.
    #[must_use]
    pub fn has_public(self) -> bool {
        !NOT_PUBLIC.iter().any(|net| net.contains(self))
    }

    /// Whether all of its addresses may be other machines' of the Internet.
    #[must_use]
    pub fn is_public(self) -> bool {
        !NOT_PUBLIC.iter().any(|net| net.overlaps(self))
    }

    /// Whether some of its addresses hold on one link only, as that of a cloud's metadata service.
    #[must_use]
    pub fn has_link_local(self) -> bool {
        LINK_LOCAL.iter().any(|net| net.overlaps(self))
    }

    /// Whether all of them do.
    #[must_use]
    pub fn is_link_local(self) -> bool {
        LINK_LOCAL.iter().any(|net| net.contains(self))
    }

    /// Whether its first address is that of `other`.
    #[must_use]
    pub fn begins_at(self, other: Self) -> bool {
        self.first == other.first
    }

    /// How many bits of its family are the prefix.
    #[must_use]
    pub fn prefix_bits(self) -> u8 {
        if self.is_ipv4() { self.bits - MAPPED_BITS } else { self.bits }
    }

    /// Whether it has addresses of IPv4 alone.
    #[must_use]
    pub fn is_ipv4(self) -> bool {
        v4(0, 0, 0, 0, 0).contains(self)
    }
}

impl From<IpAddr> for Subnet {
    fn from(address: IpAddr) -> Self {
        let first = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        Self { first, bits: BITS_MAX }
    }
}

fn mask(bits: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(u32::from(BITS_MAX - bits.min(BITS_MAX)));
    Ipv6Addr::from_bits(mask.unwrap_or(0))
}

/// `10.0.0.0/8`; an address without its length.
impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first.to_ipv4_mapped().filter(|_| self.is_ipv4()) {
            Some(address) => write!(f, "{address}")?,
            None => write!(f, "{}", self.first)?,
        }
        if self.bits == BITS_MAX { Ok(()) } else { write!(f, "/{}", self.prefix_bits()) }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> Subnet {
        Subnet::parse(text).unwrap()
    }

    #[test]
    fn subnets_are_read_as_the_daemon_does() {
        for (text, shown) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("10.1.2.3/08", "10.0.0.0/8"),
            ("10.1.2.3", "10.1.2.3"),
            ("10.1.2.3/32", "10.1.2.3"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
            ("::FFFF:0a00:0/104", "10.0.0.0/8"),
            ("::ffff:10.1.2.3", "10.1.2.3"),
            ("fd00::1/64", "fd00::/64"),
            ("FD00::", "fd00::"),
            ("::/0", "::/0"),
            ("::ffff:0:0/95", "::fffe:0:0/95"),
        ] {
            assert_eq!(net(text).to_string(), shown, "{text}");
        }
        for text in [
            "",
            "/",
            "/8",
            "10/8",
            "10.0.0/8",
            "010.0.0.0/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "10.0.0.0/ 8",
            " 10.0.0.0/8",
            "10.0.0.0/8/8",
            "0xa.0.0.0/8",
            "167772160",
            "10.0.0.0/255.0.0.0",
            "::/129",
            "fe80::1%eth0",
            "[::1]",
            "::1/256",
            "host",
        ] {
            assert!(Subnet::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn kinds_of_addresses() {
        for (text, public, link_local) in [
            ("198.51.100.0/24", true, false),
            ("8.8.8.8", true, false),
            ("10.0.0.0/7", true, false),
            ("0.0.0.0/0", true, true),
            ("::/0", true, true),
            ("192.168.0.0/15", true, false),
            ("2001:db8::/32", true, false),
            ("10.0.0.0/8", false, false),
            ("172.31.255.0/24", false, false),
            ("172.32.0.0/24", true, false),
            ("100.127.0.0/16", false, false),
            ("169.254.169.254", false, true),
            ("169.0.0.0/8", true, true),
            ("::ffff:169.254.169.254", false, true),
            ("fe80::/64", false, true),
            ("fd12::/48", false, false),
            ("::1", false, false),
        ] {
            assert_eq!(
                (net(text).has_public(), net(text).has_link_local()),
                (public, link_local),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn overlap_is_containment_one_way_or_the_other(
            first in any::<u32>(), second in any::<u32>(), a in 0_u8..=32, b in 0_u8..=32,
        ) {
            let one = Subnet::around(Ipv4Addr::from_bits(first).into(), a);
            let other = Subnet::around(Ipv4Addr::from_bits(second).into(), b);
            let common = a.min(b);
            let mask = u32::MAX.checked_shl(u32::from(32 - common)).unwrap_or(0);
            prop_assert_eq!(one.overlaps(other), first & mask == second & mask);
            prop_assert_eq!(one.overlaps(other), other.overlaps(one));
            prop_assert!(one.contains(Subnet::from(IpAddr::from(Ipv4Addr::from_bits(first)))));
            prop_assert_eq!(net(&one.to_string()), one);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,24}", odd in "[0-9a-f:./%]{0,24}") {
            let _ = (Subnet::parse(&text), Subnet::parse(&odd));
        }
    }
}
