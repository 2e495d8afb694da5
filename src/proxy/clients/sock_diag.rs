//! Whose socket the other end of a local TCP connection is: one question to the kernel (sock_diag(7)).
//!
//! The kernel answers while it is asked, so that a loop may ask: nothing waits. It looks at the sockets of
//! SecDocker's own network namespace alone. Who has connected through a redirection still has a socket with
//! the addresses that it asked for.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// The owner of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::proxy) struct Owner {
    /// The user that has made it.
    pub(in crate::proxy) uid: u32,
    /// By which `/proc/PID/fd` shows it.
    pub(in crate::proxy) inode: u32,
    /// The control group of the second version in which it was made, where the kernel says so.
    pub(in crate::proxy) control_group: Option<u64>,
}

/// `SOCK_DIAG_BY_FAMILY`
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST`
const REQUEST: u16 = 1;
/// `NLMSG_ERROR`
const ERROR: u16 = 2;
/// `INET_DIAG_CGROUP_ID`
const CONTROL_GROUP: u16 = 21;
/// `TCP_SYN_SENT`, `TCP_SYN_RECV`, `TCP_TIME_WAIT`, `TCP_CLOSE`, `TCP_LISTEN` and `TCP_NEW_SYN_RECV`: none of them is
/// a client that is connected. One that only tries to connect may have taken the port of one that has left.
const NOT_CONNECTED: [u8; 6] = [2, 3, 6, 7, 10, 12];

const TCP: u8 = 6;
const FAMILY_V4: u8 = 2;
const FAMILY_V6: u8 = 10;

/// `struct nlmsghdr`, in bytes.
const HEADER_BYTES: usize = 16;
/// `struct inet_diag_req_v2`, in bytes.
const QUESTION_BYTES: usize = 56;
/// `struct inet_diag_msg`, in bytes.
const ANSWER_BYTES: usize = 72;

/// Asks for the socket that is connected `from` one address `to` another one. `None` if there is none in
/// this network namespace, or its process has closed it.
///
/// # Errors
/// When the kernel does not answer such questions.
pub(in crate::proxy) fn owner(from: SocketAddr, to: SocketAddr) -> io::Result<Option<Owner>> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let family = AddressFamily::NETLINK;
    let protocol = Some(netlink::SOCK_DIAG);
    let socket = rustix::net::socket_with(family, SocketType::DGRAM, flags, protocol)?;
    let kernel = SocketAddrNetlink::new(0, 0);
    rustix::net::sendto(&socket, &question(from, to), SendFlags::empty(), &kernel)?;
    let mut answer = [0; 4096];
    let (bytes, _) = rustix::net::recv(&socket, &mut answer, RecvFlags::empty())?;
    read(answer.get(..bytes).unwrap_or_default(), from, to)
}

fn question(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + QUESTION_BYTES);
    let length = u32::try_from(HEADER_BYTES + QUESTION_BYTES).unwrap_or(0);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST.to_ne_bytes());
    // Sequence and port: there is one question, and the kernel fills in the port.
    bytes.extend([0; 8]);
    let family = if from.is_ipv4() { FAMILY_V4 } else { FAMILY_V6 };
    bytes.extend([family, TCP, 0, 0]);
    // Every state; which ones count is said of the answer.
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend(from.port().to_be_bytes());
    bytes.extend(to.port().to_be_bytes());
    bytes.extend(in_four_words(from.ip()));
    bytes.extend(in_four_words(to.ip()));
    // No interface, and no cookie (`INET_DIAG_NOCOOKIE`).
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend([0xff; 8]);
    bytes
}

fn in_four_words(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V6(ip) => ip.octets(),
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
    }
}

fn read(message: &[u8], from: SocketAddr, to: SocketAddr) -> io::Result<Option<Owner>> {
    let broken = || io::Error::from(io::ErrorKind::InvalidData);
    let kind = u16::from_ne_bytes(bytes_at(message, 4).ok_or_else(broken)?);
    if kind == ERROR {
        let code = i32::from_ne_bytes(bytes_at(message, HEADER_BYTES).ok_or_else(broken)?);
        let error = io::Error::from_raw_os_error(code.saturating_neg());
        return if error.kind() == io::ErrorKind::NotFound { Ok(None) } else { Err(error) };
    }
    let answer = message.get(HEADER_BYTES..).filter(|answer| answer.len() >= ANSWER_BYTES);
    let answer = answer.filter(|_| kind == BY_FAMILY).ok_or_else(broken)?;
    let (fixed, attributes) = answer.split_at(ANSWER_BYTES);
    let [family, state] = bytes_at(fixed, 0).ok_or_else(broken)?;
    let port = |at| bytes_at(fixed, at).map(u16::from_be_bytes);
    let ip = |at| Some(address(family, bytes_at(fixed, at)?));
    let end = |ip_at, port_at| Some(SocketAddr::new(ip(ip_at)?, port(port_at)?));
    let ends = end(8, 4).zip(end(24, 6)).ok_or_else(broken)?;
    let number = |at| bytes_at(fixed, at).map(u32::from_ne_bytes);
    let (uid, inode) = number(64).zip(number(68)).ok_or_else(broken)?;
    // A listener is found where nothing is connected any more. What its process has closed has no inode,
    // and user 0 once it is closed.
    if ends != (from, to) || NOT_CONNECTED.contains(&state) || inode == 0 {
        return Ok(None);
    }
    Ok(Some(Owner { uid, inode, control_group: control_group(attributes) }))
}

/// The address of one end. A socket of both families shows IPv4 as IPv6.
fn address(family: u8, bytes: [u8; 16]) -> IpAddr {
    let [a, b, c, d, ..] = bytes;
    match family {
        FAMILY_V4 => Ipv4Addr::new(a, b, c, d).into(),
        _ => IpAddr::from(Ipv6Addr::from(bytes)).to_canonical(),
    }
}

fn control_group(mut attributes: &[u8]) -> Option<u64> {
    loop {
        let length = usize::from(u16::from_ne_bytes(bytes_at(attributes, 0)?));
        let kind = u16::from_ne_bytes(bytes_at(attributes, 2)?);
        if kind == CONTROL_GROUP && length == 12 {
            return bytes_at(attributes, 4).map(u64::from_ne_bytes);
        }
        attributes = attributes.get(length.max(4).next_multiple_of(4)..)?;
    }
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    #![expect(clippy::disallowed_methods, reason = "a listener of this host answers at once")]
    use super::*;
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::os::unix::fs::MetadataExt;

    fn own_uid() -> u32 {
        std::fs::metadata("/proc/self").unwrap().uid()
    }

    fn ends(stream: &TcpStream) -> (SocketAddr, SocketAddr) {
        let canonical = |at: SocketAddr| SocketAddr::new(at.ip().to_canonical(), at.port());
        (canonical(stream.local_addr().unwrap()), canonical(stream.peer_addr().unwrap()))
    }

    #[test]
    fn a_connected_socket_has_the_owner_of_its_process() {
        for (listen, to) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1"), ("[::]:0", "::1")] {
            let listener = TcpListener::bind(listen).unwrap();
            let to = SocketAddr::new(to.parse().unwrap(), listener.local_addr().unwrap().port());
            let stream = TcpStream::connect(to).unwrap();
            let (from, to) = ends(&stream);
            let owner = owner(from, to).unwrap().unwrap();
            assert_eq!(owner.uid, own_uid(), "{listen}");
            assert_ne!(owner.inode, 0);
            assert_eq!(super::owner(to, from).unwrap(), None, "not accepted: nobody's yet");
        }
    }

    #[test]
    fn who_has_left_is_nobody_and_not_user_0() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (from, to) = ends(&stream);
        let (accepted, _) = listener.accept().unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert!(owner(from, to).unwrap().is_some(), "it still reads");
        drop(stream);
        assert_eq!(owner(from, to).unwrap(), None, "closed, and waiting for the end of ours");
        drop(accepted);
        assert_eq!(owner(from, to).unwrap(), None);
    }

    #[test]
    fn a_listener_on_the_same_port_is_not_the_client() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let elsewhere = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(owner(at, elsewhere).unwrap(), None);
    }

    #[test]
    fn only_who_is_connected_counts() {
        let (from, to) = ("127.0.0.1:5".parse().unwrap(), "127.0.0.1:6".parse().unwrap());
        for state in 0..=13_u8 {
            let mut message = vec![0; HEADER_BYTES + ANSWER_BYTES];
            let mut put = |at: usize, bytes: &[u8]| {
                message.get_mut(at..at + bytes.len()).unwrap().copy_from_slice(bytes);
            };
            put(4, &BY_FAMILY.to_ne_bytes());
            put(HEADER_BYTES, &[FAMILY_V4, state]);
            put(HEADER_BYTES + 4, &[0, 5, 0, 6, 127, 0, 0, 1]);
            put(HEADER_BYTES + 24, &[127, 0, 0, 1]);
            put(HEADER_BYTES + 64, &7_u32.to_ne_bytes());
            put(HEADER_BYTES + 68, &8_u32.to_ne_bytes());
            let uid = read(&message, from, to).unwrap().map(|owner| owner.uid);
            let is_connected = [0, 1, 4, 5, 8, 9, 11, 13].contains(&state);
            assert_eq!(uid, is_connected.then_some(7), "state {state}");
        }
    }

    #[test]
    fn an_answer_that_is_cut_is_an_error() {
        let (from, to) = ("127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap());
        for length in 0..HEADER_BYTES + ANSWER_BYTES {
            let mut message = vec![0; length];
            if let Some(kind) = message.get_mut(4..6) {
                kind.copy_from_slice(&BY_FAMILY.to_ne_bytes());
            }
            assert!(read(&message, from, to).is_err(), "{length}");
        }
        for attributes in [&[][..], &[0; 3], &[0; 4], &[255; 8], &[12, 0, 21, 0, 1]] {
            assert_eq!(control_group(attributes), None, "{attributes:?}");
        }
        let mut found = vec![8, 0, 15, 0, 9, 9, 9, 9, 12, 0, 21, 0];
        found.extend(7_u64.to_ne_bytes());
        let expected = if cfg!(target_endian = "little") { Some(7) } else { None };
        assert_eq!(control_group(&found), expected);
    }
}
