//! What this host leaves open: ways to the daemon past SecDocker, which are its socket, its socket's group, and a
//! TCP port that it answers without asking who is there; and whom SecDocker itself tells what it counts.

use std::collections::{BTreeSet, HashSet};
use std::fmt::{self, Write as _};
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use crate::config::{MetricsAddress, MetricsListen, Settings, TcpListen, UpstreamAddress};
use crate::tls::ClientCertificates;

/// How long a port has to accept and to answer: it is one of this host's.
const PROBE_TIME: Duration = Duration::from_millis(500);

/// The ports that docker's documentation names, plain and with TLS.
const USUAL_PORTS: [u16; 2] = [2375, 2376];

/// The most ports that are tried.
const PORTS_MAX: usize = 64;

/// Says in sentences what leads past SecDocker.
pub(super) fn describe(settings: &Settings) -> String {
    let mut out = String::new();
    let port = |tcp| match tcp {
        TcpListen::AnyAddress(port) => port,
        TcpListen::Address(address) => address.port(),
    };
    let of_metrics = settings.metrics.as_ref().and_then(|metrics| match metrics.address {
        MetricsAddress::Tcp(tcp) => Some(tcp),
        MetricsAddress::Unix(_) => None,
    });
    let own: Vec<_> = settings.listen.tcp.into_iter().chain(of_metrics).map(port).collect();
    match &settings.dockerapi {
        UpstreamAddress::Unix(path) => describe_socket(&mut out, path),
        UpstreamAddress::Tcp(_) => {}
    }
    for address in ports().into_iter().filter(|address| !own.contains(&address.port())) {
        if answers_plainly(address) {
            // Writing to a string can't fail.
            let _ = writeln!(
                out,
                "Warning: a daemon answers plain HTTP on {address}: anyone who can connect there, and \
                 is not redirected to SecDocker, is past every rule."
            );
        }
    }
    out
}

/// Says who can ask SecDocker what it counts, and that this is no way to the daemon.
pub(super) fn describe_metrics(out: &mut String, metrics: Option<&MetricsListen>) -> fmt::Result {
    let Some(MetricsListen { address, tls }) = metrics else { return Ok(()) };
    writeln!(out, "What is counted is told at {address}, and whether all is well.")?;
    let who = who_asks(address, tls.as_ref().map(|tls| tls.client_certificates));
    writeln!(out, "{who} Nothing is decided there, and nothing goes on to the daemon.")
}

fn who_asks(address: &MetricsAddress, tls: Option<ClientCertificates>) -> &'static str {
    match (address, tls) {
        (MetricsAddress::Unix(socket), _) if socket.mode & 0o002 != 0 => {
            "Everybody on this host can ask."
        }
        (MetricsAddress::Unix(socket), _) if socket.mode & 0o020 != 0 => {
            "The owner of the socket and its group can ask."
        }
        (MetricsAddress::Unix(_), _) => "The owner of the socket can ask.",
        (MetricsAddress::Tcp(_), None) => "Every program of this host can ask.",
        (MetricsAddress::Tcp(_), Some(ClientCertificates::Require)) => {
            "TLS is spoken there, and who asks must show a certificate."
        }
        (MetricsAddress::Tcp(_), Some(ClientCertificates::Request | ClientCertificates::None)) => {
            "TLS is spoken there, and whoever can connect can ask."
        }
    }
}

pub(super) fn describe_socket(out: &mut String, path: &Path) {
    let Ok(found) = fs::metadata(path) else { return };
    let (mode, gid, shown) = (found.mode() & 0o777, found.gid(), path.display());
    if mode & 0o006 != 0 {
        let _ = writeln!(
            out,
            "Warning: everybody on this host can open {shown} (permissions {mode:04o}), past every \
             rule: chmod 0660 it."
        );
    } else if mode & 0o060 != 0 && gid != 0 {
        let read = |file| fs::read_to_string(file).unwrap_or_default();
        let group = Group::find(gid, &read("/etc/group"), &read("/etc/passwd"));
        let _ = match group.members.is_empty() {
            true => writeln!(
                out,
                "Group {} (number {gid}) can open {shown}; nobody is in it on this host.",
                group.name
            ),
            false => writeln!(
                out,
                "Warning: the members of group {} (number {gid}: {}) can open {shown}, past every \
                 rule: keep it to root, or to SecDocker's own group.",
                group.name,
                group.members.join(", ")
            ),
        };
    }
}

/// Who is in a group (group(5), passwd(5)).
struct Group {
    name: String,
    members: Vec<String>,
}

impl Group {
    fn find(gid: u32, groups: &str, users: &str) -> Self {
        let number = gid.to_string();
        let line = groups.lines().find(|line| line.split(':').nth(2) == Some(&number));
        let mut fields = line.unwrap_or_default().split(':');
        let name = fields.next().filter(|name| !name.is_empty()).unwrap_or("without a name");
        let listed = fields.nth(2).unwrap_or_default().split(',').filter(|name| !name.is_empty());
        let of_users = users.lines().filter(|line| line.split(':').nth(3) == Some(&number));
        let members = listed.chain(of_users.filter_map(|line| line.split(':').next()));
        let members: BTreeSet<&str> = members.filter(|name| *name != "root").collect();
        let escaped = |name: &str| name.escape_debug().to_string();
        Self { name: escaped(name), members: members.into_iter().map(escaped).collect() }
    }
}

/// Where a daemon of this host may listen: what programs of its name have open, and the usual ports.
pub(super) fn ports() -> Vec<SocketAddr> {
    let inodes = sockets_of_daemons();
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = fs::read_to_string(table).unwrap_or_default();
        let listening = text.lines().filter_map(listener);
        let is_daemons = |(address, inode): &(SocketAddr, u64)| {
            inodes.contains(inode) || USUAL_PORTS.contains(&address.port())
        };
        found.extend(listening.filter(is_daemons).map(|(address, _)| address));
    }
    found.sort_unstable();
    found.dedup();
    found.truncate(PORTS_MAX);
    found
}

/// The address and the inode of a listening socket, in a line of `/proc/net/tcp` (proc(5)).
fn listener(line: &str) -> Option<(SocketAddr, u64)> {
    const LISTEN: &str = "0A";
    let mut fields = line.split_whitespace().skip(1);
    let (address, port) = fields.next()?.split_once(':')?;
    if fields.nth(1)? != LISTEN {
        return None;
    }
    let inode = fields.nth(5)?.parse().ok()?;
    let word = |at: usize| {
        let digits = address.get(at * 8..at * 8 + 8)?;
        // The kernel prints the words of an address as the machine has them.
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (at, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(at)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some((SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?), inode))
}

/// The inodes of all sockets of programs that are daemons by their names. Of others' processes only
/// root sees them.
fn sockets_of_daemons() -> HashSet<u64> {
    let is_daemon = |process: &Path| {
        let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
        matches!(name.trim_end(), "dockerd" | "podman")
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let open = processes
        .filter(|process| is_daemon(process))
        .flat_map(|process| fs::read_dir(process.join("fd")).into_iter().flatten().flatten());
    let inodes = open.filter_map(|entry| {
        let target = fs::read_link(entry.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    });
    inodes.collect()
}

/// Whether what listens there speaks Docker's API to everyone who connects.
fn answers_plainly(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let here = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let mut stream =
            TcpStream::connect_timeout(&SocketAddr::new(here, address.port()), PROBE_TIME)?;
        stream.set_read_timeout(Some(PROBE_TIME))?;
        stream.set_write_timeout(Some(PROBE_TIME))?;
        stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")?;
        let mut answer = [0; 1024];
        let length = stream.read(&mut answer)?;
        Ok(String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).to_ascii_lowercase())
    };
    ask().is_ok_and(|answer| answer.contains("\r\napi-version:"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use crate::config::UnixListen;
    use std::net::TcpListener;

    #[test]
    fn who_is_in_a_group() {
        let groups = "root:x:0:\ndocker:x:999:alice,bob\nci:x:1000:\n";
        let users = "root:x:0:999::/root:/bin/sh\ncarol:x:1001:999::/:/bin/sh\nbob:x:7:999:::\n";
        let group = Group::find(999, groups, users);
        assert_eq!(
            (group.name.as_str(), group.members),
            ("docker", names(&["alice", "bob", "carol"]))
        );
        let group = Group::find(1000, groups, users);
        assert_eq!((group.name.as_str(), group.members), ("ci", names(&[])));
        assert_eq!(Group::find(7, groups, users).name, "without a name");
    }

    #[test]
    fn who_is_told_what_is_counted() {
        let told = |address: Option<MetricsAddress>| {
            let metrics = address.map(|address| MetricsListen { address, tls: None });
            let mut out = String::new();
            describe_metrics(&mut out, metrics.as_ref()).unwrap();
            out
        };
        assert_eq!(told(None), "");
        let unix = |mode| MetricsAddress::Unix(UnixListen { path: "/run/m".into(), mode });
        let tcp = |text| MetricsAddress::Tcp(TcpListen::parse(text).unwrap());
        for (address, shown, who) in [
            (tcp("127.0.0.1:9323"), "127.0.0.1:9323", "Every program of this host can ask."),
            (tcp("[::1]:9323"), "[::1]:9323", "Every program of this host can ask."),
            (unix(0o660), "/run/m", "The owner of the socket and its group can ask."),
            (unix(0o600), "/run/m", "The owner of the socket can ask."),
            (unix(0o640), "/run/m", "The owner of the socket can ask."),
            (unix(0o666), "/run/m", "Everybody on this host can ask."),
        ] {
            let told = told(Some(address));
            assert!(
                told.starts_with("What is counted is told at ") && told.contains(shown),
                "{told}"
            );
            let rest = "Nothing is decided there, and nothing goes on to the daemon.";
            assert_eq!(told.lines().nth(1).unwrap(), format!("{who} {rest}"));
        }
        for (certificates, who) in [
            (ClientCertificates::Require, "who asks must show a certificate"),
            (ClientCertificates::Request, "whoever can connect can ask"),
            (ClientCertificates::None, "whoever can connect can ask"),
        ] {
            assert!(who_asks(&tcp("9323"), Some(certificates)).contains(who), "{certificates:?}");
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_listener_is_found_by_its_inode() {
        let listening = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listening.local_addr().unwrap();
        let text = fs::read_to_string("/proc/net/tcp").unwrap();
        let found = text.lines().filter_map(listener).find(|(found, _)| *found == address);
        assert!(found.is_some_and(|(_, inode)| inode > 0), "{address}");
    }

    #[test]
    fn only_a_daemon_is_told_of() {
        for (answer, is_one) in [
            ("HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\n\r\nOK", true),
            (
                "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.",
                false,
            ),
            ("", false),
        ] {
            let listening = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listening.local_addr().unwrap();
            let serving = std::thread::spawn(move || {
                let (mut stream, _) = listening.accept().unwrap();
                let _ = stream.read(&mut [0; 256]);
                let _ = stream.write_all(answer.as_bytes());
            });
            assert_eq!(answers_plainly(address), is_one, "{answer}");
            serving.join().unwrap();
        }
    }
}
