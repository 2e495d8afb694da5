//! What the daemon tells of as it happens (Engine API `SystemEvents`): containers that were started, also
//! those that it starts by itself, containers that are gone, and whatever changes volumes and networks.

use std::io::{self, Read};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use socket2::TcpKeepalive;

use super::channel::Channel;
use super::daemon::{Daemon, Deadline};
use super::patient::is_timeout;
use crate::config::UpstreamAddress;
use crate::http::chunk::ChunkDecoder;
use crate::http::framing::{self, AnswerTo, Framing};
use crate::http::head;

/// How long the daemon may take to begin.
const BEGINS_WITHIN: Duration = Duration::from_secs(5);

/// The longest line that is read, and the longest head, in bytes.
const LINE_BYTES_MAX: usize = 1 << 20;

/// What happened shortly before counts as well: it may have been missed between two streams. In seconds.
const LOOKS_BACK: u64 = 5;

/// Idle time after which the kernel asks whether the daemon is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// `{"type":["container"],"event":["start","destroy"]}`
const FILTERS: &str =
    "%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B%22start%22%2C%22destroy%22%5D%7D";

/// `{"type":["container","network"],"event":["start","die","rename","connect","disconnect","create",`
/// `"destroy"]}`
const FILTERS_OF_CHANGES: &str = "%7B%22type%22%3A%5B%22container%22%2C%22network%22%5D%2C%22event%22\
     %3A%5B%22start%22%2C%22die%22%2C%22rename%22%2C%22connect%22%2C%22disconnect%22%2C%22create%22\
     %2C%22destroy%22%5D%7D";

/// `{"type":["volume","network"]}`
const FILTERS_OF_VOLUMES: &str = "%7B%22type%22%3A%5B%22volume%22%2C%22network%22%5D%7D";

/// The part of Engine API `EventMessage` that is read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    #[serde(default, rename = "Type")]
    kind: String,
    #[serde(default)]
    action: String,
    actor: Actor,
}

#[derive(Deserialize)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
}

/// What is told.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    /// From here on every start is reported.
    Begun,
    /// A container was started: its identifier.
    Started(String),
    /// A container is no more: its identifier.
    Removed(String),
}

/// What is heard, whatever it means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The stream begins, and whether every change of a volume will be in it.
    Begun { tells_all: bool },
    Event {
        /// `volume`, `network`, …
        kind: String,
        action: String,
        id: String,
    },
    /// Something that is no event.
    Unreadable,
    /// Nothing, for as long as was said.
    Quiet,
}

/// Tells of every start of a container until the daemon ends the stream. Blocks for as long.
///
/// # Errors
/// If the daemon can't be reached or says anything but events.
pub fn follow(daemon: &Daemon, mut tell: impl FnMut(Told)) -> io::Result<()> {
    follow_those(daemon, (FILTERS, None), |heard| {
        told(heard).into_iter().for_each(&mut tell);
        true
    })
}

/// The same for whatever may change which container has which address, or runs.
pub(super) fn follow_changes(daemon: &Daemon, mut tell: impl FnMut(Told)) -> io::Result<()> {
    follow_those(daemon, (FILTERS_OF_CHANGES, None), |heard| {
        told(heard).into_iter().for_each(&mut tell);
        true
    })
}

/// Tells of all that happens to volumes and networks for as long as `tell` says that it listens; also that nothing
/// does, each time that it was quiet for so long.
///
/// # Errors
/// As [`follow`].
pub(super) fn follow_volumes(
    daemon: &Daemon,
    quiet: Duration,
    tell: impl FnMut(Heard) -> bool,
) -> io::Result<()> {
    follow_those(daemon, (FILTERS_OF_VOLUMES, Some(quiet)), tell)
}

fn told(heard: Heard) -> Option<Told> {
    Some(match heard {
        Heard::Begun { .. } => Told::Begun,
        Heard::Event { action, id, .. } if action == "destroy" => Told::Removed(id),
        Heard::Event { id, .. } => Told::Started(id),
        Heard::Unreadable | Heard::Quiet => return None,
    })
}

fn follow_those(
    daemon: &Daemon,
    (filters, quiet): (&str, Option<Duration>),
    mut tell: impl FnMut(Heard) -> bool,
) -> io::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let since = now.saturating_sub(LOOKS_BACK);
    let target = format!("/events?since={since}&filters={filters}");
    let until = Deadline::after(BEGINS_WITHIN);
    let mut stream = daemon.send(&target, until)?;
    let Beginning { decoder, tells_all, first } = begin(&mut stream, until)?;
    stream.set_read_timeout(quiet)?;
    if matches!(daemon.address, UpstreamAddress::Tcp(_)) {
        stream.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    }
    let mut lines = Lines { decoder, text: Vec::new() };
    let mut more = tell(Heard::Begun { tells_all }) && lines.take(&first, &mut tell)?;
    let mut piece = [0; 16 * 1024];
    while more {
        more = match stream.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => lines.take(piece.get(..count).unwrap_or_default(), &mut tell)?,
            Err(error) if is_timeout(&error) => tell(Heard::Quiet),
            Err(error) => return Err(error),
        };
    }
    Ok(())
}

/// How a stream begins.
struct Beginning {
    decoder: Option<ChunkDecoder>,
    tells_all: bool,
    /// What came of it already.
    first: Vec<u8>,
}

/// Reads the head.
fn begin(stream: &mut Channel, until: Deadline) -> io::Result<Beginning> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    let mut searched = 0;
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    loop {
        stream.set_read_timeout(Some(until.left()?))?;
        let count = stream.read(&mut piece)?;
        bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
        let end = head::find_end(&bytes, &mut searched).map_err(|_| invalid())?;
        if let Some(end) = end {
            let first = bytes.split_off(end);
            let mut lines = head::Lines::new();
            let head = head::parse_response(&bytes, &mut lines).map_err(|_| invalid())?;
            let framing = framing::of_response(&head, AnswerTo::Other).map_err(|_| invalid())?;
            let decoder = match (head.status, framing) {
                (200, Framing::Chunked) => Some(ChunkDecoder::new()),
                (200, Framing::UntilClose) => None,
                _ => return Err(invalid()),
            };
            let tells_all = head.headers.get("server").is_some_and(tells_all);
            return Ok(Beginning { decoder, tells_all, first });
        }
        if count == 0 || bytes.len() > LINE_BYTES_MAX {
            return Err(invalid());
        }
    }
}

/// Whether an engine that calls itself that tells of each volume that comes or goes: Docker does from 20.10 on, before
/// not of those that come and go with a container. Others may have been told to tell nothing.
fn tells_all(server: &str) -> bool {
    let version = server.strip_prefix("Docker/").and_then(|version| version.split('.').next());
    version.and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major >= 20)
}

/// The lines of a body, as they come.
struct Lines {
    decoder: Option<ChunkDecoder>,
    text: Vec<u8>,
}

impl Lines {
    /// Tells what is in further bytes; whether more may come that is listened to.
    fn take(&mut self, bytes: &[u8], tell: &mut impl FnMut(Heard) -> bool) -> io::Result<bool> {
        let mut ended = false;
        match &mut self.decoder {
            Some(decoder) => {
                let scanned = decoder.collect(bytes, &mut self.text, LINE_BYTES_MAX);
                ended = scanned.map_err(|_| io::ErrorKind::InvalidData)?.ended;
            }
            None => self.text.extend_from_slice(bytes),
        }
        while let Some(end) = memchr::memchr(b'\n', &self.text) {
            let line: Vec<u8> = self.text.drain(..=end).collect();
            ended |= !tell(match serde_json::from_slice(&line) {
                Ok(Message { kind, action, actor }) => Heard::Event { kind, action, id: actor.id },
                Err(_) => Heard::Unreadable,
            });
        }
        if self.text.len() > LINE_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(!ended)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;

    #[test]
    fn engines_that_tell_of_each_volume() {
        for server in ["Docker/20.10.24+dfsg1 (linux)", "Docker/28.5.2 (linux)", "Docker/100.0"] {
            assert!(tells_all(server), "{server}");
        }
        for server in ["Docker/19.03.15 (linux)", "Docker/1.13.1", "Docker/dev", "Libpod/5.4.2", ""]
        {
            assert!(!tells_all(server), "{server}");
        }
    }

    #[test]
    fn lines_are_told_however_they_are_cut() {
        let event = |action: &str, id: &str| {
            format!(
                r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"{id}","Attributes":{{}}}}}}"#
            )
        };
        let (a, b, c) = (event("start", "a"), event("destroy", "b"), event("start", "c"));
        let text = format!("{a}\n{b}\nno json\n{c}\n");
        for size in [1, 7, 1000] {
            let mut all_told = Vec::new();
            let mut tell = |one| {
                all_told.extend(told(one));
                true
            };
            let mut plain = Lines { decoder: None, text: Vec::new() };
            for piece in text.as_bytes().chunks(size) {
                assert!(plain.take(piece, &mut tell).unwrap());
            }
            let mut chunked = Lines { decoder: Some(ChunkDecoder::new()), text: Vec::new() };
            let framed = format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len());
            let mut more = true;
            for piece in framed.as_bytes().chunks(size) {
                more = chunked.take(piece, &mut tell).unwrap();
            }
            assert!(!more);
            let [a, b, c] = ["a", "b", "c"].map(str::to_owned);
            let all = [Told::Started(a), Told::Removed(b), Told::Started(c)];
            let (first, second) = all_told.split_at(3);
            assert_eq!((first, second), (&all[..], &all[..]), "{size}");
        }
        let mut endless = Lines { decoder: None, text: Vec::new() };
        assert!(endless.take(&vec![b'x'; LINE_BYTES_MAX + 1], &mut |_| true).is_err());
    }
}
