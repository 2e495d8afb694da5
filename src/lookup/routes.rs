//! Where this host sends what it has for an address: its own addresses, its routes, its servers.
//!
//! Read from `/proc/net` (proc(5); Linux `net/ipv4/fib_trie.c`, `net/ipv6/route.c`) and
//! `resolv.conf(5)`, once for all subnets of a request. What is seen is the network that SecDocker
//! itself is in. A default route leads everywhere, so that none is beside it: neither it nor the halves
//! of one that VPNs set counts.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::policy::facts::SubnetFacts;
use crate::policy::subnets::Subnet;

/// Routes with fewer bits are defaults, or a part of one.
const IPV4_BITS_MIN: u8 = 8;
const IPV6_BITS_MIN: u8 = 4;

/// The host's name servers: those that programs ask, and those that `systemd-resolved` asks for them.
const RESOLVERS: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/// All that subnets are compared with.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct HostNetwork {
    addresses: Vec<Subnet>,
    routes: Vec<Subnet>,
    servers: Vec<Subnet>,
}

impl HostNetwork {
    /// Reads it anew; `upstream` is a server of the host too. None if it can't be told.
    pub(super) fn read(upstream: Option<IpAddr>) -> Option<Self> {
        let mut all = Self::default();
        all.servers.extend(upstream.map(Subnet::from));
        read_fib(&fs::read_to_string("/proc/net/fib_trie").ok()?, &mut all)?;
        read_gateways(&fs::read_to_string("/proc/net/route").ok()?, &mut all)?;
        // Without IPv6 there is no such file.
        read_ipv6(&optional("/proc/net/ipv6_route")?, &mut all)?;
        for path in RESOLVERS {
            read_resolvers(&optional(path)?, &mut all);
        }
        Some(all)
    }

    /// What of the host a subnet overlaps: the first of each kind.
    pub(super) fn overlapped(&self, subnet: Subnet) -> SubnetFacts {
        let first = |nets: &[Subnet]| nets.iter().copied().find(|net| net.overlaps(subnet));
        SubnetFacts {
            address: first(&self.addresses),
            route: first(&self.routes),
            server: first(&self.servers),
        }
    }

    fn add_route(&mut self, route: Subnet) {
        let bits_min = if route.is_ipv4() { IPV4_BITS_MIN } else { IPV6_BITS_MIN };
        if route.prefix_bits() >= bits_min {
            self.routes.push(route);
        }
    }
}

/// The text of a file; nothing if there is none.
fn optional(path: &str) -> Option<String> {
    match fs::read(path) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(String::new()),
        Err(_) => None,
    }
}

/// The tables of IPv4, all of them: a leaf is `|-- 10.0.0.0`, and below it a line `/8 link UNICAST` for
/// each route to it.
fn read_fib(text: &str, all: &mut HostNetwork) -> Option<()> {
    let mut leaf = None;
    for line in text.lines().map(str::trim_start) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = Some(address.trim().parse::<Ipv4Addr>().ok()?);
        } else if let Some(route) = line.strip_prefix('/') {
            let mut words = route.split_whitespace();
            let bits = words.next()?.parse().ok()?;
            let subnet = Subnet::around(leaf?.into(), bits);
            match words.nth(1)? {
                "LOCAL" => all.addresses.push(subnet),
                // Within the route beside it.
                "BROADCAST" | "MULTICAST" | "ANYCAST" => {}
                _ => all.add_route(subnet),
            }
        }
    }
    Some(())
}

/// The gateways of the main table of IPv4, in hexadecimal as they lie in memory.
fn read_gateways(text: &str, all: &mut HostNetwork) -> Option<()> {
    for line in text.lines().skip(1).filter(|line| !line.trim().is_empty()) {
        let gateway = u32::from_str_radix(line.split_whitespace().nth(2)?, 16).ok()?;
        if gateway != 0 {
            let address = Ipv4Addr::from(gateway.to_ne_bytes());
            all.servers.push(IpAddr::from(address).into());
        }
    }
    Some(())
}

/// Of an address of this host (Linux `include/uapi/linux/ipv6_route.h`).
const RTF_LOCAL: u32 = 0x8000_0000;

/// All tables of IPv6: destination, its bits, source, its bits, gateway, …, flags, interface.
fn read_ipv6(text: &str, all: &mut HostNetwork) -> Option<()> {
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<_> = line.split_whitespace().collect();
        let [to, bits, _, _, gateway, _, _, _, flags, ..] = *words.as_slice() else {
            return None;
        };
        let address = |hex: &str| u128::from_str_radix(hex, 16).ok().map(Ipv6Addr::from_bits);
        let (to, gateway) = (address(to)?, address(gateway)?);
        let subnet = Subnet::around(to.into(), u8::from_str_radix(bits, 16).ok()?);
        if u32::from_str_radix(flags, 16).ok()? & RTF_LOCAL != 0 {
            all.addresses.push(subnet);
        } else if !to.is_multicast() {
            all.add_route(subnet);
        }
        if !gateway.is_unspecified() {
            all.servers.push(IpAddr::from(gateway).into());
        }
    }
    Some(())
}

/// `nameserver 10.0.0.1`, perhaps with the interface of a link-local one.
fn read_resolvers(text: &str, all: &mut HostNetwork) {
    let named = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let is_server = words.next() == Some("nameserver");
        words.next().filter(|_| is_server)
    });
    let bare = named.filter_map(|server| server.split('%').next()?.parse::<IpAddr>().ok());
    all.servers.extend(bare.map(Subnet::from));
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;

    const FIB: &str = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
        /1 universe UNICAST
     +-- 10.0.0.0/8 2 0 2
        |-- 10.0.0.0
           /8 universe UNICAST
           /24 universe BLACKHOLE
        |-- 192.0.2.0
           /24 link UNICAST
Local:
  +-- 0.0.0.0/0 3 0 5
     |-- 127.0.0.0
        /8 host LOCAL
     |-- 192.0.2.2
        /32 host LOCAL
     |-- 192.0.2.255
        /32 link BROADCAST
";
    const ROUTE: &str = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
";
    const IPV6: &str = "\
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd120000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
fd120000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
fd120000000000000000000000000002 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001     eth0
ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
";
    const RESOLV: &str =
        "# a comment\nnameserver 9.9.9.9\nnameserver fe80::1%eth0\nsearch 1.1.1.1\n";

    fn shown(nets: &[Subnet]) -> Vec<String> {
        nets.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn addresses_routes_and_servers() {
        let mut all = HostNetwork::default();
        read_fib(FIB, &mut all).unwrap();
        if cfg!(target_endian = "little") {
            read_gateways(ROUTE, &mut all).unwrap();
            assert_eq!(shown(&all.servers), ["192.0.2.1"]);
        }
        all.servers.clear();
        read_ipv6(IPV6, &mut all).unwrap();
        read_resolvers(RESOLV, &mut all);
        assert_eq!(shown(&all.addresses), ["127.0.0.0/8", "192.0.2.2", "fd12::2"]);
        assert_eq!(shown(&all.routes), ["10.0.0.0/8", "10.0.0.0/24", "192.0.2.0/24", "fd12::/64"]);
        assert_eq!(shown(&all.servers), ["fd12::1", "9.9.9.9", "fe80::1"]);
        let overlapped = |text: &str| all.overlapped(Subnet::parse(text).unwrap());
        assert_eq!(overlapped("198.51.100.0/24"), SubnetFacts::default());
        assert_eq!(shown(overlapped("10.9.0.0/16").route.as_slice()), ["10.0.0.0/8"]);
        assert_eq!(shown(overlapped("192.0.2.2/31").address.as_slice()), ["192.0.2.2"]);
        assert_eq!(shown(overlapped("9.0.0.0/8").server.as_slice()), ["9.9.9.9"]);
        assert_eq!(shown(overlapped("::ffff:9.9.9.0/120").server.as_slice()), ["9.9.9.9"]);
        for odd in ["|-- 10.0.0\n", "/8 link UNICAST\n", "|-- 10.0.0.0\n/x link UNICAST\n"] {
            assert_eq!(read_fib(odd, &mut HostNetwork::default()), None, "{odd}");
        }
        assert_eq!(read_ipv6("fd12 40\n", &mut HostNetwork::default()), None);
    }

    #[test]
    fn this_host_has_itself() {
        let host = HostNetwork::read(Some([203, 0, 113, 9].into())).unwrap();
        let own = host.overlapped(Subnet::parse("127.0.0.1").unwrap());
        assert!(own.address.is_some(), "{host:?}");
        let upstream = host.overlapped(Subnet::parse("203.0.113.0/24").unwrap());
        assert_eq!(shown(upstream.server.as_slice()), ["203.0.113.9"]);
    }
}
