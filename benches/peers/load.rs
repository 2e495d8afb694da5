//! The clients: many at once for throughput, one at a time for latency and bulk.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::upstream::{self, CHUNK_BYTES, LAST_CHUNK};

pub(crate) const PING: &[u8] = b"GET /v1.41/_ping HTTP/1.1\r\nHost: docker\r\nUser-Agent: Docker-Client/20.10.24 (linux)\r\n\r\n";
const PING_ONCE: &[u8] = b"GET /v1.41/_ping HTTP/1.1\r\nHost: docker\r\nUser-Agent: Docker-Client/20.10.24 (linux)\r\nConnection: close\r\n\r\n";
const ATTACH: &[u8] = b"POST /v1.41/containers/one/attach?stream=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n";

/// What many clients did in a while.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work {
    pub(crate) requests: u64,
    pub(crate) time: Duration,
    /// How long each request waited for its answer, in microseconds.
    pub(crate) waits: Vec<f64>,
}

/// Has so many clients send `request` again and again, each after its last answer, for a while.
pub(crate) fn keep_asking(to: SocketAddr, clients: usize, request: &[u8], time: Duration) -> Work {
    keep_asking_all(to, clients, &[request.to_vec()], time)
}

/// The same with these requests in turn.
pub(crate) fn keep_asking_all(
    to: SocketAddr,
    clients: usize,
    requests: &[Vec<u8>],
    time: Duration,
) -> Work {
    Crowd { to, requests, once: false }.run(clients, time).unwrap()
}

/// The same with a new connection for every request.
pub(crate) fn keep_connecting(to: SocketAddr, clients: usize, time: Duration) -> Work {
    Crowd { to, requests: &[PING_ONCE.to_vec()], once: true }.run(clients, time).unwrap()
}

/// A request with a body.
pub(crate) fn post(target: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut request = format!("POST {target} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    request.extend_from_slice(body);
    request
}

struct Crowd<'a> {
    to: SocketAddr,
    requests: &'a [Vec<u8>],
    once: bool,
}

struct One {
    stream: mio::net::TcpStream,
    asked: Instant,
    answer: Vec<u8>,
}

impl Crowd<'_> {
    fn run(&self, clients: usize, time: Duration) -> io::Result<Work> {
        let mut poll = Poll::new()?;
        let mut all: HashMap<Token, One> = HashMap::new();
        let mut requests = self.requests.iter().cycle();
        let mut next = || requests.next().map(Vec::as_slice).unwrap_or_default();
        for number in 0..clients {
            all.insert(Token(number), self.one(next(), Token(number), &poll)?);
        }
        let mut events = Events::with_capacity(1024);
        let begun = Instant::now();
        let mut waits = Vec::with_capacity(1 << 18);
        while begun.elapsed() < time {
            poll.poll(&mut events, Some(Duration::from_millis(100)))?;
            for event in events.iter().filter(|event| event.is_readable()) {
                let Some(one) = all.get_mut(&event.token()) else { continue };
                if !one.has_answer(self.once)? {
                    continue;
                }
                waits.push(one.asked.elapsed().as_secs_f64() * 1e6);
                if self.once {
                    all.insert(event.token(), self.one(next(), event.token(), &poll)?);
                } else {
                    one.asked = Instant::now();
                    one.stream.write_all(next())?;
                }
            }
        }
        let time = begun.elapsed();
        waits.sort_by(f64::total_cmp);
        Ok(Work { requests: waits.len() as u64, time, waits })
    }

    fn one(&self, request: &[u8], token: Token, poll: &Poll) -> io::Result<One> {
        let asked = Instant::now();
        let mut stream = TcpStream::connect(self.to)?;
        stream.set_nodelay(true)?;
        stream.write_all(request)?;
        stream.set_nonblocking(true)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        poll.registry().register(&mut stream, token, Interest::READABLE)?;
        Ok(One { stream, asked, answer: Vec::with_capacity(1024) })
    }
}

impl One {
    /// Whether an answer is complete; with `to_end`, and the connection closed.
    fn has_answer(&mut self, to_end: bool) -> io::Result<bool> {
        let mut piece = [0; 4096];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) if to_end => return Ok(true),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.answer.extend_from_slice(piece.split_at(count).0),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
            if !to_end && is_whole(&self.answer)? {
                self.answer.clear();
                return Ok(true);
            }
        }
    }
}

/// Whether an answer with a length is complete.
fn is_whole(answer: &[u8]) -> io::Result<bool> {
    let Some(end) = memchr::memmem::find(answer, b"\r\n\r\n") else { return Ok(false) };
    if !answer.starts_with(b"HTTP/1.1 2") {
        return Err(io::Error::other(String::from_utf8_lossy(answer).into_owned()));
    }
    Ok(answer.len() >= end + 4 + length_in(answer.split_at(end).0))
}

fn length_in(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let line = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map(str::trim);
    line.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// One client that waits for each answer.
pub(crate) struct Caller {
    stream: Stream,
}

/// What it speaks on.
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(into),
            Self::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

fn wire(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    Ok(stream)
}

impl Caller {
    pub(crate) fn connect(to: SocketAddr) -> io::Result<Self> {
        Ok(Self { stream: Stream::Plain(wire(to)?) })
    }

    /// With TLS; whether a session can be resumed is the configuration's affair.
    pub(crate) fn connect_tls(to: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<Self> {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
        let stream = Stream::Tls(Box::new(StreamOwned::new(connection, wire(to)?)));
        Ok(Self { stream })
    }

    /// A small request and its answer.
    pub(crate) fn ping(&mut self) -> io::Result<()> {
        self.ask(PING)
    }

    /// A request and its answer.
    pub(crate) fn ask(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request)?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<()> {
        let mut answer = Vec::new();
        while !is_whole(&answer)? {
            self.read_into(&mut answer)?;
        }
        Ok(())
    }

    fn head(&mut self) -> io::Result<Vec<u8>> {
        let mut answer = Vec::new();
        loop {
            self.read_into(&mut answer)?;
            if let Some(end) = memchr::memmem::find(&answer, b"\r\n\r\n") {
                return Ok(answer.split_off(end + 4));
            }
        }
    }

    fn read_into(&mut self, answer: &mut Vec<u8>) -> io::Result<()> {
        let mut piece = [0; 4096];
        match self.stream.read(&mut piece)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                answer.extend_from_slice(piece.split_at(count).0);
                Ok(())
            }
        }
    }

    /// Fetches so many bytes, as `docker save` does.
    pub(crate) fn download(&mut self, bytes: u64) -> io::Result<()> {
        write!(
            self.stream,
            "GET /v1.41/images/get?bytes={bytes} HTTP/1.1\r\nHost: docker\r\n\r\n"
        )?;
        let rest = self.head()?;
        self.drain(bytes - rest.len() as u64)
    }

    fn drain(&mut self, bytes: u64) -> io::Result<()> {
        let mut piece = vec![0; 256 << 10];
        let mut left = bytes;
        while left > 0 {
            match self.stream.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => left = left.saturating_sub(count as u64),
            }
        }
        Ok(())
    }

    /// Sends so many bytes, as `docker load` does.
    pub(crate) fn upload(&mut self, bytes: u64) -> io::Result<()> {
        write!(
            self.stream,
            "POST /v1.41/images/load HTTP/1.1\r\nHost: docker\r\nContent-Type: application/x-tar\r\nContent-Length: {bytes}\r\n\r\n"
        )?;
        let piece = vec![0; 256 << 10];
        let mut left = bytes;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(piece.len()).min(piece.len());
            left -= self.stream.write(piece.split_at(most).0)? as u64;
        }
        self.answer()
    }

    /// Fetches about so many bytes in chunks, as the engine really sends an image.
    pub(crate) fn download_chunks(&mut self, bytes: u64) -> io::Result<()> {
        self.fetch(&format!("/v1.41/images/get?chunked&bytes={bytes}")).map(drop)
    }

    /// Fetches what is sent in chunks, and says how many bytes came.
    pub(crate) fn fetch(&mut self, target: &str) -> io::Result<u64> {
        write!(self.stream, "GET {target} HTTP/1.1\r\nHost: docker\r\n\r\n")?;
        let mut last = self.head()?;
        let mut bytes = last.len() as u64;
        let mut piece = vec![0; 256 << 10];
        // Only the end matters. Inside a chunk its bytes stand at the end of a read about never.
        while !last.ends_with(LAST_CHUNK) {
            let kept = last.len().min(LAST_CHUNK.len());
            last.drain(..last.len() - kept);
            match self.stream.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => {
                    let came = piece.split_at(count).0;
                    last.extend_from_slice(came.split_at(count.saturating_sub(8)).1);
                    bytes += count as u64;
                }
            }
        }
        Ok(bytes)
    }

    /// Sends a file as the body of a request.
    pub(crate) fn send_file(&mut self, target: &str, file: &Path) -> io::Result<()> {
        let mut file = File::open(file)?;
        let length = file.metadata()?.len();
        write!(
            self.stream,
            "POST {target} HTTP/1.0\r\nHost: docker\r\nContent-Length: {length}\r\n\r\n"
        )?;
        io::copy(&mut file, &mut self.stream)?;
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer)?;
        if answer.contains(" 200 OK") { Ok(()) } else { Err(io::Error::other(answer)) }
    }

    /// Sends about so many bytes in chunks, as the client really sends an image.
    pub(crate) fn upload_chunks(&mut self, bytes: u64) -> io::Result<()> {
        self.stream.write_all(b"POST /v1.41/images/load HTTP/1.1\r\nHost: docker\r\nContent-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        let chunk = upstream::chunk();
        for _ in 0..bytes / CHUNK_BYTES {
            self.stream.write_all(&chunk)?;
        }
        self.stream.write_all(LAST_CHUNK)?;
        self.answer()
    }

    /// Turns the connection into a raw stream, which the upstream sends back.
    pub(crate) fn attach(&mut self) -> io::Result<()> {
        self.stream.write_all(ATTACH)?;
        self.head().map(drop)
    }

    /// Sends one byte and waits for it.
    pub(crate) fn one_byte(&mut self) -> io::Result<()> {
        self.stream.write_all(b"x")?;
        self.stream.read_exact(&mut [0])
    }

    /// Sends bytes through a raw stream and reads them back.
    pub(crate) fn echo(&mut self, bytes: u64) -> io::Result<()> {
        let Stream::Plain(stream) = &self.stream else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let mut writer = stream.try_clone()?;
        std::thread::scope(|scope| {
            let written = scope.spawn(move || -> io::Result<()> {
                let piece = vec![0; 256 << 10];
                let mut left = bytes;
                while left > 0 {
                    let most = usize::try_from(left).unwrap_or(piece.len()).min(piece.len());
                    left -= writer.write(piece.split_at(most).0)? as u64;
                }
                Ok(())
            });
            self.drain(bytes)?;
            written.join().unwrap()
        })
    }
}
