//! Questions to the daemon, all of a round within one deadline.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::channel::Channel;
pub use super::channel::DaemonTls;
use super::deadline::Wait;
pub(super) use super::deadline::{Deadline, now};
use crate::config::{Settings, UpstreamAddress};
use crate::http::head;
use crate::policy::platform::{ImageBuild, Platform};

/// The longest answer that is read, in bytes.
pub(super) const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Where to ask, and how: as the request itself goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Daemon {
    /// Where it listens.
    pub address: UpstreamAddress,
    /// The firewall mark of connections there, so that a redirect of local traffic leaves them alone.
    pub mark: Option<u32>,
    /// How it is spoken to with TLS, if it is.
    pub tls: Option<DaemonTls>,
}

/// What it said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// `200`, with this body.
    Found(Vec<u8>),
    /// `404`.
    Absent,
}

/// What it said of one build of an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Build {
    /// `200`, with this body.
    Known(Vec<u8>),
    /// `404`.
    Absent,
    /// `400`: it does not speak a version in which it could be asked.
    Untold,
}

/// Asks the daemon for a target that is written as it goes out, for `patience` at most: the status
/// and the body.
///
/// # Errors
/// If the daemon can't be reached, takes too long, or answers more than can be held.
pub fn get(daemon: &Daemon, target: &str, patience: Duration) -> io::Result<(u16, Vec<u8>)> {
    daemon.ask(target, Deadline::after(patience))
}

impl Daemon {
    /// The one that direct connections go to.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let tls = settings.upstream_tls.as_ref();
        Self {
            address: settings.dockerapi.clone(),
            mark: settings.upstream_mark,
            tls: tls.and_then(|tls| {
                let name = tls.of_dockerapi.clone()?;
                Some(DaemonTls { client: Arc::clone(&tls.client), name })
            }),
        }
    }

    /// `GET /_ping`: the status.
    ///
    /// # Errors
    /// If there is no answer within `time`.
    pub fn ping(&self, time: Duration) -> io::Result<u16> {
        self.ask("/_ping", Deadline::after(time)).map(|(status, _)| status)
    }

    /// `GET /parts/…`, where a part is one segment of the path, whatever is in it.
    ///
    /// # Errors
    /// If it could not be asked in time, or says anything but `200` and `404`; also for an empty
    /// part, as the daemon would take the path for another one.
    pub(super) fn get(&self, parts: &[&str], until: Deadline) -> io::Result<Reply> {
        if parts.iter().any(|part| part.is_empty()) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        match self.ask(&path_of(parts), until)? {
            (200, body) => Ok(Reply::Found(body)),
            (404, _) => Ok(Reply::Absent),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// `POST /parts/…` without a body: the status.
    ///
    /// # Errors
    /// If it could not be asked in time.
    pub(super) fn post(&self, parts: &[&str], until: Deadline) -> io::Result<u16> {
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            path_of(parts)
        );
        self.open_fresh(&request, Wait::Until(until)).map(|(status, _)| status)
    }

    /// `GET /images/{name}/json` for a platform, which daemons understand from API 1.49 on.
    ///
    /// # Errors
    /// As [`Daemon::get`].
    pub(super) fn build(&self, build: &ImageBuild, until: Deadline) -> io::Result<Build> {
        let ImageBuild { image, platform: Platform { os, architecture, variant } } = build;
        let platform =
            serde_json::json!({"os": os, "architecture": architecture, "variant": variant});
        let (image, platform) = (escaped(&image.as_asked()), escaped(&platform.to_string()));
        match self.ask(&format!("/v1.49/images/{image}/json?platform={platform}"), until)? {
            (200, body) => Ok(Build::Known(body)),
            (404, _) => Ok(Build::Absent),
            (400, _) => Ok(Build::Untold),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// A target that is written as it goes out: the status and the body.
    pub(super) fn ask(&self, target: &str, until: Deadline) -> io::Result<(u16, Vec<u8>)> {
        let (status, body) = self.open(target, Wait::Until(until))?;
        Ok((status, body.whole(ANSWER_BYTES_MAX)?))
    }

    /// A connection for another conversation than one question.
    pub(super) fn converse(&self, until: Deadline) -> io::Result<Connection> {
        Ok(Connection { stream: self.connect(until)?, until, unread: Vec::new() })
    }

    /// Sends a `GET` over a connection of its own, on which the answer comes until it ends.
    pub(super) fn send(&self, target: &str, until: Deadline) -> io::Result<Channel> {
        let mut stream = self.connect(until)?;
        let request = format!("GET {target} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n");
        // It is shorter than what a new connection takes at once.
        stream.set_write_timeout(Some(until.left()?))?;
        stream.write_all(request.as_bytes())?;
        Ok(stream)
    }

    pub(super) fn connect(&self, until: Deadline) -> io::Result<Channel> {
        match &self.address {
            UpstreamAddress::Unix(path) => {
                let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
                // The kernel waits that long for room in the daemon's queue.
                socket.set_write_timeout(Some(until.left()?))?;
                socket.connect(&SockAddr::unix(path)?)?;
                Ok(Channel::plain(socket))
            }
            UpstreamAddress::Tcp(address) => {
                let socket = Socket::new(Domain::for_address(*address), Type::STREAM, None)?;
                if let Some(mark) = self.mark {
                    socket.set_mark(mark)?;
                }
                socket.connect_timeout(&(*address).into(), until.left()?)?;
                match &self.tls {
                    None => Ok(Channel::plain(socket)),
                    Some(tls) => Channel::encrypted(socket, tls, until),
                }
            }
        }
    }
}

/// A connection that is written to and read from by turns, all within one deadline.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Channel,
    until: Deadline,
    unread: Vec<u8>,
}

impl Connection {
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.set_write_timeout(Some(self.until.left()?))?;
        self.stream.write_all(bytes)
    }

    /// The head of an answer, up to the empty line.
    pub(super) fn read_head(&mut self) -> io::Result<Vec<u8>> {
        let mut searched = 0;
        loop {
            match head::find_end(&self.unread, &mut searched) {
                Ok(Some(length)) => return self.read_exactly(length),
                Ok(None) => self.read_more()?,
                Err(_) => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }

    pub(super) fn read_exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < count {
            self.read_more()?;
        }
        let rest = self.unread.split_off(count);
        Ok(std::mem::replace(&mut self.unread, rest))
    }

    fn read_more(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        self.stream.set_read_timeout(Some(self.until.left()?))?;
        match self.stream.read(&mut piece)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ if self.unread.len() > ANSWER_BYTES_MAX => Err(io::ErrorKind::FileTooLarge.into()),
            count => {
                self.unread.extend_from_slice(piece.get(..count).unwrap_or_default());
                Ok(())
            }
        }
    }
}

/// `/parts/…`, where a part is one segment of the path, whatever is in it.
pub(super) fn path_of(parts: &[&str]) -> String {
    parts.iter().map(|part| format!("/{}", escaped(part))).collect()
}

/// A name as one segment of a path: all but what RFC 3986 §2.3 leaves as it is, and the marks that
/// images' names have, is escaped.
fn escaped(part: &str) -> String {
    let mut escaped = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => escaped.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b':' | b'@' | b'/' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_part_of_a_path() {
        for (name, path) in [
            ("web-1_a.b~", "web-1_a.b~"),
            ("docker.io/library/a:1@sha256:0", "docker.io/library/a:1@sha256:0"),
            ("a b?c#d%2f\r\nü", "a%20b%3Fc%23d%252f%0D%0A%C3%BC"),
        ] {
            assert_eq!(escaped(name), path);
        }
    }
}
