//! A client of gRPC on `POST /grpc`, one call at a time.

use crate::support::Way;
use crate::support::client::Client;
use secdocker::http2::frame::{
    self, ACK, END_HEADERS, END_STREAM, FrameHead, HEAD_BYTES, Kind, PREFACE,
};
use secdocker::http2::hpack::{Decoder, Field};
use secdocker::http2::literal::write_field;

pub(crate) const UPGRADE: &str = "POST /grpc HTTP/1.1\r\nHost: \r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
pub(crate) const SOLVE: &str = "/moby.buildkit.v1.Control/Solve";
pub(crate) const STATUS: &str = "/moby.buildkit.v1.Control/Status";
pub(crate) const BRIDGE_SOLVE: &str = "/moby.buildkit.v1.frontend.LLBBridge/Solve";

/// One connection, on which calls are made.
pub(crate) struct Calls {
    client: Client,
    decoder: Decoder,
    next_stream: u32,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) status: u32,
    /// What is shown to the person.
    pub(crate) message: String,
    /// All messages of the answer.
    pub(crate) body: Vec<u8>,
}

impl Ended {
    #[track_caller]
    pub(crate) fn is_refused_for(&self, sentence: &str) {
        let is_it = self.status == 7 && self.message.starts_with("SecDocker: ");
        assert!(is_it && self.message.contains(sentence), "{sentence}: {self:?}");
    }

    #[track_caller]
    pub(crate) fn is_denied(&self) {
        let denied = self.status != 0 && self.message.contains("denied by policy");
        assert!(denied, "{self:?}");
    }
}

pub(crate) fn frame(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write(&mut out, kind, flags, stream, payload);
    out
}

/// A header block that calls `path`, with more fields.
pub(crate) fn block(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    for (name, value) in fields.iter().chain(more) {
        write_field(&mut block, name.as_bytes(), value.as_bytes());
    }
    block
}

/// A message with its prefix, cut into frames.
pub(crate) fn body(stream: u32, message: &[u8]) -> Vec<u8> {
    let prefixed = [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat();
    let pieces: Vec<_> = prefixed.chunks(16_384).collect();
    let flags = |at: usize| if at + 1 == pieces.len() { END_STREAM } else { 0 };
    let frames = pieces.iter().enumerate();
    frames.flat_map(|(at, piece)| frame(Kind::Data, flags(at), stream, piece)).collect()
}

impl Calls {
    #[track_caller]
    pub(crate) fn begin(way: &dyn Way) -> Calls {
        let mut client = way.connect();
        client.send(UPGRADE);
        let answer = client.answer();
        assert_eq!(answer.status, 101, "{answer:?}");
        client.send([&PREFACE[..], &frame(Kind::Settings, 0, 0, &[])].concat());
        Calls { client, decoder: Decoder::default(), next_stream: 1 }
    }

    #[track_caller]
    pub(crate) fn call(&mut self, path: &str, message: &[u8]) -> Ended {
        let stream = self.open(path);
        self.send(body(stream, message));
        self.end_of(stream)
    }

    /// Opens a stream; its message is still to come.
    pub(crate) fn open(&mut self, path: &str) -> u32 {
        self.open_with(path, &[])
    }

    fn open_with(&mut self, path: &str, more: &[(&str, &str)]) -> u32 {
        let stream = self.next_stream;
        self.next_stream += 2;
        self.send(frame(Kind::Headers, END_HEADERS, stream, &block(path, more)));
        stream
    }

    /// A call within the build of this name.
    #[track_caller]
    pub(crate) fn call_for(&mut self, path: &str, build: &str, message: &[u8]) -> Ended {
        let stream = self.open_with(path, &[("buildkit-controlapi-buildid", build)]);
        self.send(body(stream, message));
        self.end_of(stream)
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.client.send(bytes);
    }

    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.client.try_send(bytes)
    }

    /// Reads until the call on this stream has ended; what belongs to others is passed over.
    #[track_caller]
    pub(crate) fn end_of(&mut self, wanted: u32) -> Ended {
        let [ended] = self.ends_of([wanted]);
        ended
    }

    /// The same of several, in whichever order they end.
    #[track_caller]
    pub(crate) fn ends_of<const COUNT: usize>(&mut self, wanted: [u32; COUNT]) -> [Ended; COUNT] {
        let (mut block, mut ends) = (Vec::new(), false);
        let mut bodies = [const { Vec::new() }; COUNT];
        let mut all = [const { None }; COUNT];
        let index = |stream: u32| wanted.iter().position(|it| *it == stream);
        while all.iter().any(Option::is_none) {
            let head = FrameHead::read(&self.client.take(HEAD_BYTES)).unwrap();
            let payload = self.client.take(head.length);
            match head.kind {
                Kind::Settings if !head.has(ACK) => self.send(frame(Kind::Settings, ACK, 0, &[])),
                Kind::Ping if !head.has(ACK) => self.send(frame(Kind::Ping, ACK, 0, &payload)),
                Kind::Data => {
                    if !payload.is_empty() {
                        let mut credit = Vec::new();
                        frame::write_credit(&mut credit, 0, payload.len() as u32);
                        self.send(credit);
                    }
                    if let Some(at) = index(head.stream) {
                        bodies[at].extend_from_slice(&payload);
                    }
                }
                Kind::Headers | Kind::Continuation => {
                    block.extend_from_slice(&payload);
                    ends |= head.kind == Kind::Headers && head.has(END_STREAM);
                    if head.has(END_HEADERS) {
                        let fields = self.decoder.decode(&block, 1 << 20).unwrap();
                        block.clear();
                        if std::mem::take(&mut ends)
                            && let Some(at) = index(head.stream)
                        {
                            all[at] = Some(ended(&fields, std::mem::take(&mut bodies[at])));
                        }
                    }
                }
                Kind::RstStream if index(head.stream).is_some_and(|at| all[at].is_none()) => {
                    panic!("reset: {payload:?}")
                }
                Kind::GoAway => panic!("the connection ended: {payload:?}"),
                _ => {}
            }
        }
        all.map(Option::unwrap)
    }

    /// Whether the other end has closed the connection, whatever it says before.
    pub(crate) fn is_closed(&mut self) -> bool {
        loop {
            match self.client.read_more() {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
            }
        }
    }
}

fn ended(fields: &[Field], body: Vec<u8>) -> Ended {
    let value = |name: &[u8]| {
        let found = fields.iter().find(|field| field.name == name);
        found.map(|field| String::from_utf8_lossy(&field.value).into_owned()).unwrap_or_default()
    };
    let status = value(b"grpc-status").parse().unwrap_or_else(|_| panic!("no status: {fields:?}"));
    Ended { status, message: decoded(&value(b"grpc-message")), body }
}

fn decoded(text: &str) -> String {
    let (mut out, mut bytes) = (Vec::new(), text.bytes());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8_lossy(&out).into_owned()
}
