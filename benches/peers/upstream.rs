//! A daemon that costs next to nothing: it answers what the rows ask for and does nothing else.
//!
//! One thread, one poll. It runs in a process of its own, so that its descriptors and its CPU time
//! are counted apart.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::LazyLock;

use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Events, Interest, Poll, Token};

const TCP: Token = Token(0);
const UNIX: Token = Token(1);
/// What is moved at once, in bytes.
const PIECE: usize = 256 << 10;

/// Serves on both addresses until it is killed.
pub(crate) fn serve(tcp: SocketAddr, unix: &Path) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut by_tcp = TcpListener::bind(tcp)?;
    let mut by_unix = UnixListener::bind(unix)?;
    poll.registry().register(&mut by_tcp, TCP, Interest::READABLE)?;
    poll.registry().register(&mut by_unix, UNIX, Interest::READABLE)?;
    let mut clients = HashMap::new();
    let mut next = 2;
    let mut events = Events::with_capacity(1024);
    let mut scratch = vec![0; PIECE];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                TCP => {
                    while let Ok((stream, _)) = by_tcp.accept() {
                        stream.set_nodelay(true)?;
                        admit(Stream::Tcp(stream), &mut next, &poll, &mut clients)?;
                    }
                }
                UNIX => {
                    while let Ok((stream, _)) = by_unix.accept() {
                        admit(Stream::Unix(stream), &mut next, &poll, &mut clients)?;
                    }
                }
                token => {
                    let Some(client) = clients.get_mut(&token) else { continue };
                    if client.advance(&mut scratch).is_err() {
                        clients.remove(&token);
                    }
                }
            }
        }
    }
}

fn admit(
    mut stream: Stream,
    next: &mut usize,
    poll: &Poll,
    clients: &mut HashMap<Token, Client>,
) -> io::Result<()> {
    let token = Token(*next);
    *next += 1;
    let both = Interest::READABLE | Interest::WRITABLE;
    match &mut stream {
        Stream::Tcp(stream) => poll.registry().register(stream, token, both)?,
        Stream::Unix(stream) => poll.registry().register(stream, token, both)?,
    }
    clients.insert(token, Client { stream, doing: Doing::Head(Vec::new()), owed: Vec::new() });
    Ok(())
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(into),
            Self::Unix(stream) => stream.read(into),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }
}

/// Where a client is in its request.
enum Doing {
    Head(Vec<u8>),
    /// This much of a body is still to come; then the answer.
    Body {
        left: u64,
        answer: &'static [u8],
        closes: bool,
    },
    /// This much is still to be sent.
    Sending {
        left: u64,
    },
    /// The same in chunks: so many, then the end of the body.
    Chunks {
        left: u64,
    },
    /// A chunked body is still to come, of which these are the last bytes seen; then the answer.
    ChunkedBody {
        tail: [u8; 5],
    },
    /// The answer is sent, and the connection with it.
    Closing,
    /// A raw stream, sent back as it comes.
    Echo,
    /// A stream of events, of which none happens.
    Silence,
}

struct Client {
    stream: Stream,
    doing: Doing,
    owed: Vec<u8>,
}

const PONG: &[u8] = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: text/plain; charset=utf-8\r\nServer: Docker/20.10.24 (linux)\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\nContent-Length: 2\r\n\r\nOK";
const CREATED: &[u8] = b"HTTP/1.1 201 Created\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\nContent-Length: 88\r\n\r\n{\"Id\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"Warnings\":[]}\n";
const LOADED: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
const SWITCHED: &[u8] = b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

const STARTED: &[u8] = b"HTTP/1.1 204 No Content\r\nApi-Version: 1.41\r\n\r\n";
const EVENTS: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: Docker/26.1.5 (linux)\r\nTransfer-Encoding: chunked\r\n\r\n";

/// What a daemon (Docker 26.1, API 1.41) says of an image, a volume and a container.
static IMAGE: LazyLock<Vec<u8>> = LazyLock::new(|| found(include_str!("answers/image.json")));
static CACHE: LazyLock<Vec<u8>> = LazyLock::new(|| found(&volume("cache")));
static DATA: LazyLock<Vec<u8>> = LazyLock::new(|| found(&volume("data")));
static CONTAINER: LazyLock<Vec<u8>> =
    LazyLock::new(|| found(include_str!("answers/container.json")));

fn volume(name: &str) -> String {
    include_str!("answers/volume.json").replace("\"data\"", &format!("\"{name}\""))
}

fn found(body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The answer to what is looked up, whatever its name is.
fn looked_up(target: &str) -> Option<&'static [u8]> {
    let is_below = |folder: &str| target.contains(folder);
    if is_below("/images/") && target.ends_with("/json") {
        Some(&IMAGE)
    } else if is_below("/volumes/data") {
        Some(&DATA)
    } else if is_below("/volumes/") {
        Some(&CACHE)
    } else if is_below("/containers/") && target.ends_with("/json") {
        Some(&CONTAINER)
    } else {
        None
    }
}

const CHUNKED: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n";
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
/// Go's HTTP server and client write a stream in chunks of this size, each with one call.
pub(crate) const CHUNK_BYTES: u64 = 32 << 10;

/// One chunk, as it goes over the wire.
pub(crate) fn chunk() -> Vec<u8> {
    let mut chunk = format!("{CHUNK_BYTES:x}\r\n").into_bytes();
    chunk.resize(chunk.len() + (32 << 10), b'x');
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// Keeps the last bytes of what was in `tail` and then came in `more`.
fn remember_last(tail: &mut [u8; 5], more: &[u8]) {
    for byte in more.iter().skip(more.len().saturating_sub(tail.len())) {
        tail.rotate_left(1);
        if let Some(last) = tail.last_mut() {
            *last = *byte;
        }
    }
}

impl Client {
    /// Goes on until the socket has nothing more to give or take.
    fn advance(&mut self, scratch: &mut [u8]) -> io::Result<()> {
        loop {
            match self.step(scratch) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn step(&mut self, scratch: &mut [u8]) -> io::Result<()> {
        self.pay()?;
        match &mut self.doing {
            Doing::Sending { left: 0 } => self.doing = Doing::Head(Vec::new()),
            Doing::Sending { left } => {
                let most = usize::try_from(*left).unwrap_or(PIECE).min(PIECE);
                *left -= self.stream.write(scratch.split_at(most).0)? as u64;
            }
            Doing::Chunks { left: 0 } => {
                self.owed.extend_from_slice(LAST_CHUNK);
                self.doing = Doing::Head(Vec::new());
            }
            Doing::Chunks { left } => {
                *left -= 1;
                self.owed.extend_from_slice(&chunk());
            }
            Doing::ChunkedBody { tail } if tail == LAST_CHUNK => {
                self.owed.extend_from_slice(LOADED);
                self.doing = Doing::Head(Vec::new());
            }
            Doing::ChunkedBody { tail } => {
                let count = usize::try_from(read(&mut self.stream, scratch)?).unwrap_or(0);
                remember_last(tail, scratch.split_at(count).0);
            }
            Doing::Body { left: 0, answer, closes } => {
                self.owed.extend_from_slice(answer);
                self.doing = if *closes { Doing::Closing } else { Doing::Head(Vec::new()) };
            }
            Doing::Closing => return Err(io::ErrorKind::UnexpectedEof.into()),
            Doing::Body { left, .. } => {
                *left = left.saturating_sub(read(&mut self.stream, scratch)?);
            }
            Doing::Echo => {
                let count = usize::try_from(read(&mut self.stream, scratch)?).unwrap_or(0);
                self.owed.extend_from_slice(scratch.split_at(count).0);
            }
            Doing::Silence => drop(read(&mut self.stream, scratch)?),
            Doing::Head(seen) => {
                let count = usize::try_from(read(&mut self.stream, scratch)?).unwrap_or(0);
                seen.extend_from_slice(scratch.split_at(count).0);
                self.begin();
            }
        }
        Ok(())
    }

    fn pay(&mut self) -> io::Result<()> {
        while !self.owed.is_empty() {
            let written = self.stream.write(&self.owed)?;
            self.owed.drain(..written);
        }
        Ok(())
    }

    /// Begins to answer once the head is whole.
    fn begin(&mut self) {
        let Doing::Head(seen) = &self.doing else { return };
        let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") else { return };
        let (head, rest) = seen.split_at(end + 4);
        let head = String::from_utf8_lossy(head).into_owned();
        let left = number_after(&head, "Content-Length: ").saturating_sub(rest.len() as u64);
        let closes = head.contains("\r\nConnection: close");
        let target = head.split(' ').nth(1).unwrap_or_default();
        self.doing = if head.contains("/_ping") {
            Doing::Body { left, answer: PONG, closes }
        } else if let Some(answer) = looked_up(target) {
            Doing::Body { left, answer, closes }
        } else if target.starts_with("/events") {
            self.owed.extend_from_slice(EVENTS);
            Doing::Silence
        } else if target.ends_with("/start") {
            Doing::Body { left, answer: STARTED, closes }
        } else if head.contains("/containers/create") {
            Doing::Body { left, answer: CREATED, closes }
        } else if head.contains("/images/load") && head.contains("chunked") {
            let mut tail = [0; 5];
            remember_last(&mut tail, rest);
            Doing::ChunkedBody { tail }
        } else if head.contains("/images/load") {
            Doing::Body { left, answer: LOADED, closes }
        } else if head.contains("/attach") {
            self.owed.extend_from_slice(SWITCHED);
            Doing::Echo
        } else if head.contains("chunked") {
            self.owed.extend_from_slice(CHUNKED);
            Doing::Chunks { left: number_after(&head, "bytes=") / CHUNK_BYTES }
        } else {
            let left = number_after(&head, "bytes=");
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\nContent-Length: {left}\r\n\r\n"
            );
            self.owed.extend_from_slice(answer.as_bytes());
            Doing::Sending { left }
        };
    }
}

fn read(stream: &mut Stream, into: &mut [u8]) -> io::Result<u64> {
    match stream.read(into)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        count => Ok(count as u64),
    }
}

fn number_after(head: &str, name: &str) -> u64 {
    let lower = head.to_ascii_lowercase();
    let Some((_, rest)) = lower.split_once(&name.to_ascii_lowercase()) else { return 0 };
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
