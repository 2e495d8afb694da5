//! Who answers on a port: tried from this host, and from a network of its own that is another host as far as
//! the kernel's rules can tell.
//!
//! ```text
//! a thread's own network namespace            this host
//! 198.18.x.2, fd5e:c0d0::2 ──── veth ──── 198.18.x.1, fd5e:c0d0::1 :2375 ─ redirected? ─► SecDocker or else
//! ```
//! The namespace ends with its thread, and the pair of interfaces with it.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::gettid;

use super::error::RedirectError;
use super::options::Families;
use super::program;

/// How long a connection and its answer may take: what drops connections costs that much.
const PROBE_TIME: Duration = Duration::from_secs(30);

/// The most that is read of an answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 4096;

/// What SecDocker refuses itself, before it asks a daemon; others answer it as a question.
const QUESTION: &[u8] =
    b"GET /_ping HTTP/1.1\r\nHost: secdocker\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n";

/// Who has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answered {
    SecDocker,
    /// A daemon of Docker's API, without TLS.
    Daemon,
    /// Something else: a daemon that wants TLS answers so.
    Other,
    /// Nobody, and why.
    Nobody(String),
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecDocker => f.write_str("SecDocker answers"),
            Self::Daemon => f.write_str("the daemon itself answers, past SecDocker"),
            Self::Other => {
                f.write_str("something else than SecDocker answers, such as a daemon with TLS")
            }
            Self::Nobody(reason) => write!(f, "nobody answers ({reason})"),
        }
    }
}

/// Connects to each address at the same time, and says who answers.
pub(super) fn ask_all(addresses: &[SocketAddr]) -> Vec<Answered> {
    let asking: Vec<_> =
        addresses.iter().map(|&address| thread::spawn(move || ask(address))).collect();
    let failed = |_| Answered::Nobody("the attempt failed".to_owned());
    asking.into_iter().map(|asked| asked.join().unwrap_or_else(failed)).collect()
}

fn ask(address: SocketAddr) -> Answered {
    match answer(address) {
        Err(error) => Answered::Nobody(error.kind().to_string()),
        Ok(text) if text.is_empty() => Answered::Nobody("it hung up".to_owned()),
        Ok(text) if text.contains("\"SecDocker: ") => Answered::SecDocker,
        Ok(text) if text.to_ascii_lowercase().contains("\r\napi-version:") => Answered::Daemon,
        Ok(_) => Answered::Other,
    }
}

fn answer(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PROBE_TIME)?;
    stream.set_read_timeout(Some(PROBE_TIME))?;
    stream.set_write_timeout(Some(PROBE_TIME))?;
    stream.write_all(QUESTION)?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 1024];
    // A daemon keeps the connection: its first bytes tell enough, and SecDocker's come with the end.
    while (bytes.len() as u64) < ANSWER_BYTES_MAX {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(_) if !bytes.is_empty() => break,
            Err(error) => return Err(error),
        }
        let text = String::from_utf8_lossy(&bytes);
        let is_told =
            text.contains("SecDocker: ") || text.to_ascii_lowercase().contains("api-version:");
        if is_told {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The two ends of a network between this host and one that is made for the attempt.
struct Ends {
    interface: String,
    here: [(IpAddr, u8); 2],
    there: [(IpAddr, u8); 2],
}

impl Ends {
    /// Of this process alone: from the addresses that are for benchmarks of networks (RFC 2544), and from
    /// unique local ones (RFC 4193).
    fn of_process() -> Self {
        let number = std::process::id();
        let v4 = |host: u32| {
            let address = u32::from(Ipv4Addr::new(198, 18, 0, 0)) + (number % 0x8000) * 4 + host;
            (IpAddr::V4(address.into()), 30)
        };
        let [_, _, high, low] = number.to_be_bytes();
        let v6 = |host| {
            let word = u16::from_be_bytes([high, low]);
            (IpAddr::V6(Ipv6Addr::new(0xfd5e, 0xc0d0, word, 0, 0, 0, 0, host)), 64)
        };
        Self { interface: format!("secd{number}"), here: [v4(1), v6(1)], there: [v4(2), v6(2)] }
    }
}

/// The protocols that a host has: one may do without IPv6.
pub(super) fn families_of_host() -> Families {
    const DISABLED: &str = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
    match std::fs::read_to_string(DISABLED) {
        Ok(text) if text.trim() == "0" => Families::Both,
        Ok(_) | Err(_) => Families::V4,
    }
}

fn is_of(families: Families, address: IpAddr) -> bool {
    families.cover(if address.is_ipv4() { Families::V4 } else { Families::V6 })
}

fn ip(arguments: &[&str]) -> Result<(), RedirectError> {
    program::run("ip", arguments, "").map(drop)
}

fn raise(
    interface: &str,
    addresses: &[(IpAddr, u8)],
    families: Families,
) -> Result<(), RedirectError> {
    for (address, bits) in addresses.iter().filter(|(address, _)| is_of(families, *address)) {
        let address_text = format!("{address}/{bits}");
        let mut arguments = vec!["address", "add", &address_text, "dev", interface];
        if address.is_ipv6() {
            arguments.push("nodad");
        }
        ip(&arguments)?;
    }
    ip(&["link", "set", interface, "up"])
}

/// Asks on each port from another network, by each family.
///
/// # Errors
/// [`RedirectError`] if there is no such network to be had.
pub(super) fn ask_from_outside(
    ports: &[u16],
    families: Families,
) -> Result<Vec<(SocketAddr, Answered)>, RedirectError> {
    let ends = Ends::of_process();
    let hosts = ends.here.iter().map(|(address, _)| *address);
    let addresses: Vec<SocketAddr> = hosts
        .filter(|address| is_of(families, *address))
        .flat_map(|address| ports.iter().map(move |&port| SocketAddr::new(address, port)))
        .collect();
    let (made, begin) = (mpsc::channel(), mpsc::channel::<()>());
    let (interface, there) = (ends.interface.clone(), ends.there);
    let asked = addresses.clone();
    let outside = thread::spawn(move || -> Result<Vec<Answered>, RedirectError> {
        let unshared = unshare(CloneFlags::CLONE_NEWNET).map_err(|error| match error {
            nix::errno::Errno::EPERM => RedirectError::NoPrivileges,
            error => {
                RedirectError::Program("a network of its own".to_owned(), error.desc().to_owned())
            }
        });
        let _ = made.0.send(unshared.map(|()| gettid().to_string()));
        // Ends when this host's end is up, or can't be had.
        if begin.1.recv().is_err() {
            return Ok(Vec::new());
        }
        raise(&interface, &there, families)?;
        Ok(ask_all(&asked))
    });
    let lost =
        || RedirectError::Program("a network of its own".to_owned(), "it was lost".to_owned());
    let thread = made.1.recv().map_err(|_| lost())??;
    let interface = ends.interface.as_str();
    ip(&["link", "add", interface, "type", "veth", "peer", "name", interface, "netns", &thread])?;
    let raised = raise(interface, &ends.here, families);
    if raised.is_ok() {
        let _ = begin.0.send(());
    }
    drop(begin.0);
    let answers = outside.join().map_err(|_| lost());
    // It is going by itself, its other end being gone.
    let _ = ip(&["link", "delete", interface]);
    raised?;
    Ok(addresses.into_iter().zip(answers??).collect())
}

/// Asks on each port from this host, by each family.
pub(super) fn ask_from_here(ports: &[u16], families: Families) -> Vec<(SocketAddr, Answered)> {
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let addresses: Vec<SocketAddr> = loopback
        .into_iter()
        .filter(|address| is_of(families, *address))
        .flat_map(|address| ports.iter().map(move |&port| SocketAddr::new(address, port)))
        .collect();
    let answers = ask_all(&addresses);
    addresses.into_iter().zip(answers).collect()
}
