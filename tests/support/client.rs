//! A client that sends exactly the bytes it is told to, in exactly these pieces, and reads answers.

use super::poll::PATIENCE;
use super::tls;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// One connection.
pub(crate) struct Client {
    stream: Stream,
    /// Received and not yet read by the test.
    received: Vec<u8>,
}

/// One answer, its body complete.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e} in {self:?}"))
    }

    /// The text of an error in the daemon's form; empty if it is none.
    pub(crate) fn message(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["message"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Client {
    pub(crate) fn tcp(address: SocketAddr) -> Client {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)
            .unwrap_or_else(|e| panic!("can't connect to {address}: {e}"));
        Client::over_tcp(stream)
    }

    /// One that comes from another address of this host: `127.0.0.2`.
    pub(crate) fn elsewhere(address: SocketAddr) -> Client {
        use socket2::{Domain, Socket, Type};
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into()).unwrap();
        socket.connect(&address.into()).unwrap();
        Client::over_tcp(socket.into())
    }

    pub(crate) fn over_tcp(stream: TcpStream) -> Client {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        if tls::sides() != tls::Sides::None {
            let house = tls::House::shared();
            return Client::over_tls(stream, house.client(Some(&house.pair())));
        }
        Client::without_tls(stream)
    }

    pub(crate) fn without_tls(stream: TcpStream) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client { stream: Stream::Tcp(stream), received: Vec::new() }
    }

    /// The same with TLS, whatever other tests speak.
    pub(crate) fn over_tls(stream: TcpStream, config: ClientConfig) -> Client {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let stream = Stream::Tls(Box::new(tls::connect(stream, config)));
        Client { stream, received: Vec::new() }
    }

    /// Whether its TLS session goes on with an earlier one.
    pub(crate) fn is_resumed(&self) -> bool {
        let Stream::Tls(stream) = &self.stream else { return false };
        stream.conn.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }

    /// The connection below, to do with it what TLS does not.
    pub(crate) fn wire(&self) -> &TcpStream {
        match &self.stream {
            Stream::Tcp(stream) => stream,
            Stream::Tls(stream) => &stream.sock,
            Stream::Unix(_) => panic!("it is a Unix socket"),
        }
    }

    pub(crate) fn unix(path: &Path) -> Client {
        let stream = UnixStream::connect(path)
            .unwrap_or_else(|e| panic!("can't connect to {}: {e}", path.display()));
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { stream: Stream::Unix(stream), received: Vec::new() }
    }

    pub(crate) fn local_port(&self) -> u16 {
        match &self.stream {
            Stream::Tcp(_) | Stream::Tls(_) => self.wire().local_addr().unwrap().port(),
            Stream::Unix(_) => 0,
        }
    }

    /// Changes how long a read waits.
    pub(crate) fn read_timeout(&self, limit: Duration) {
        match &self.stream {
            Stream::Tcp(_) | Stream::Tls(_) => self.wire().set_read_timeout(Some(limit)).unwrap(),
            Stream::Unix(stream) => stream.set_read_timeout(Some(limit)).unwrap(),
        }
    }

    /// Changes how long a write waits.
    pub(crate) fn write_timeout(&self, limit: Duration) {
        match &self.stream {
            Stream::Tcp(_) | Stream::Tls(_) => self.wire().set_write_timeout(Some(limit)).unwrap(),
            Stream::Unix(stream) => stream.set_write_timeout(Some(limit)).unwrap(),
        }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).unwrap_or_else(|e| panic!("can't send: {e}"));
    }

    /// Sends where the other end may already have closed.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        match &mut self.stream {
            Stream::Tcp(stream) => stream.write_all(bytes.as_ref()),
            Stream::Unix(stream) => stream.write_all(bytes.as_ref()),
            Stream::Tls(stream) => stream.write_all(bytes.as_ref()).and_then(|()| stream.flush()),
        }
    }

    pub(crate) fn end_sending(&mut self) {
        match &mut self.stream {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
            // As clients written in Go do.
            Stream::Tls(stream) => {
                stream.conn.send_close_notify();
                stream.flush()
            }
        }
        .unwrap();
    }

    /// Sends a request and reads its answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request);
        self.answer()
    }

    /// The next answer that is not an interim one.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        loop {
            let answer = self.any_answer();
            if answer.status == 101 || answer.status >= 200 {
                return answer;
            }
        }
    }

    /// The next answer, interim ones too.
    #[track_caller]
    pub(crate) fn any_answer(&mut self) -> Answer {
        let head = self.take_through(b"\r\n\r\n");
        let head = String::from_utf8_lossy(&head).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status in {head:?}"));
        let mut answer = Answer { status, head, body: Vec::new() };
        if status >= 200 && status != 204 && status != 304 {
            answer.body = self.body(&answer);
        }
        answer
    }

    /// An answer to `HEAD`: a head alone, whatever length it states.
    #[track_caller]
    pub(crate) fn answer_to_head(&mut self) -> String {
        String::from_utf8_lossy(&self.take_through(b"\r\n\r\n")).into_owned()
    }

    #[track_caller]
    fn body(&mut self, answer: &Answer) -> Vec<u8> {
        if answer.header("transfer-encoding").is_some() {
            return self.chunked_body();
        }
        match answer.header("content-length") {
            Some(length) => self.take(length.parse().unwrap()),
            None => self.rest(),
        }
    }

    #[track_caller]
    fn chunked_body(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = self.take_through(b"\r\n");
            let line = String::from_utf8_lossy(&line).trim().to_owned();
            let size = usize::from_str_radix(&line, 16)
                .unwrap_or_else(|e| panic!("{e}: chunk size {line:?}"));
            body.extend_from_slice(&self.take(size));
            assert_eq!(self.take(2), b"\r\n", "a chunk's end");
            if size == 0 {
                return body;
            }
        }
    }

    /// Exactly this many bytes.
    #[track_caller]
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        while self.received.len() < count {
            self.receive();
        }
        self.received.drain(..count).collect()
    }

    /// The same; none if the other side ends before.
    pub(crate) fn try_take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.received.len() < count {
            self.read_more().ok().filter(|count| *count > 0)?;
        }
        Some(self.received.drain(..count).collect())
    }

    /// Everything up to and with `end`.
    #[track_caller]
    pub(crate) fn take_through(&mut self, end: &[u8]) -> Vec<u8> {
        let mut searched = 0;
        loop {
            let found = self.received[searched..].windows(end.len()).position(|w| w == end);
            if let Some(at) = found {
                return self.take(searched + at + end.len());
            }
            searched = self.received.len().saturating_sub(end.len());
            self.receive();
        }
    }

    /// Everything up to the other side's end.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.read_more().unwrap_or_else(|e| panic!("waiting for the end: {e}")) > 0 {}
        std::mem::take(&mut self.received)
    }

    /// Everything up to the other side's end, be it a reset.
    #[track_caller]
    pub(crate) fn rest_or_reset(&mut self) -> Vec<u8> {
        loop {
            match self.read_more() {
                Ok(1..) => {}
                Ok(0) => return std::mem::take(&mut self.received),
                Err(e) if is_reset(&e) => return std::mem::take(&mut self.received),
                Err(e) => panic!("waiting for the end: {e}"),
            }
        }
    }

    /// Everything up to the other side's end, reset, or end without a word in TLS.
    #[track_caller]
    pub(crate) fn rest_or_reset_or_cut(&mut self) -> Vec<u8> {
        while matches!(self.read_more(), Ok(1..)) {}
        std::mem::take(&mut self.received)
    }

    /// Whether the other side has ended, or ends within [`PATIENCE`], with nothing more to say.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.received.is_empty() && self.read_more().map_or_else(|e| is_reset(&e), |n| n == 0)
    }

    /// Whether nothing arrives, not even an end, for this long.
    pub(crate) fn is_silent_for(&mut self, time: Duration) -> bool {
        self.read_timeout(time);
        let read = self.read_more();
        self.read_timeout(PATIENCE);
        self.received.is_empty() && matches!(read, Err(e) if e.kind() == io::ErrorKind::WouldBlock)
    }

    #[track_caller]
    fn receive(&mut self) {
        let so_far = self.received.len();
        match self.read_more() {
            Ok(1..) => {}
            Ok(0) => panic!("ended early: {:?}", String::from_utf8_lossy(&self.received)),
            Err(e) => panic!("{e} after {so_far} bytes that lead nowhere"),
        }
    }

    /// Reads once into what was received: its count, 0 at the end.
    pub(crate) fn read_more(&mut self) -> io::Result<usize> {
        let mut piece = [0; 16 * 1024];
        let count = match &mut self.stream {
            Stream::Tcp(stream) => stream.read(&mut piece),
            Stream::Unix(stream) => stream.read(&mut piece),
            Stream::Tls(stream) => stream.read(&mut piece),
        }?;
        self.received.extend_from_slice(&piece[..count]);
        Ok(count)
    }
}

fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

/// A request with a JSON body.
pub(crate) fn post(target: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A request without a body.
pub(crate) fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: d\r\n\r\n").into_bytes()
}
