//! A client that serves a build, and hands over what it likes: the other end of `POST /session`.

use std::thread;

use super::calls::frame;
use super::messages::{bytes, number, text};
use crate::support::client::{Client, post};
use crate::support::{Way, unique};
use secdocker::http2::frame::{
    ACK, END_HEADERS, END_STREAM, FrameHead, HEAD_BYTES, Kind, PREFACE, write_credit,
};
use secdocker::http2::hpack::{Decoder, Field};
use secdocker::http2::literal::write_field;

/// One file that is handed over as part of what the Dockerfile is read from.
#[derive(Clone)]
pub(crate) struct Entry {
    path: String,
    content: Vec<u8>,
    link: String,
    time: u64,
    is_compressed: bool,
    piece: usize,
    again: Option<Vec<u8>>,
}

impl Entry {
    pub(crate) fn file(path: &str, content: &str) -> Entry {
        let (path, content) = (path.to_owned(), content.as_bytes().to_vec());
        let (link, time) = (String::new(), 1_700_000_000_123_456_789);
        Entry { path, content, link, time, is_compressed: false, piece: 32 << 10, again: None }
    }

    pub(crate) fn link(path: &str, to: &str) -> Entry {
        Entry { link: to.to_owned(), ..Entry::file(path, "") }
    }

    pub(crate) fn at(self, time: u64) -> Entry {
        Entry { time, ..self }
    }

    pub(crate) fn compressed(self) -> Entry {
        Entry { is_compressed: true, ..self }
    }

    /// Filled up to this length, and sent at once.
    pub(crate) fn in_one_piece_of(mut self, length: usize) -> Entry {
        self.content.resize(length, b'#');
        Entry { piece: length, ..self }
    }

    /// With another content behind the first.
    pub(crate) fn sent_again(self, content: &str) -> Entry {
        Entry { again: Some(content.as_bytes().to_vec()), ..self }
    }

    fn stat(&self) -> Vec<u8> {
        let mode = if self.link.is_empty() { 0o644 } else { 1 << 27 | 0o777 };
        let size = number(5, self.content.len() as u64);
        let link = if self.link.is_empty() { Vec::new() } else { text(7, &self.link) };
        let time = if self.time == 0 { Vec::new() } else { number(6, self.time) };
        [text(1, &self.path), number(2, mode), size, time, link].concat()
    }
}

/// Builds through `way` with more in the query; what the daemon says of it.
pub(crate) fn build_serving(way: &dyn Way, key: &str, query: &str, entries: &[Entry]) -> String {
    let session = unique("session");
    let mut client = way.connect();
    client.send(format!(
        "POST /session HTTP/1.1\r\nHost: \r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\
         X-Docker-Expose-Session-Uuid: {session}\r\nX-Docker-Expose-Session-Sharedkey: {key}\r\n\
         X-Docker-Expose-Session-Name: x\r\n\
         X-Docker-Expose-Session-Grpc-Method: /moby.filesync.v1.FileSync/DiffCopy\r\n\r\n"
    ));
    let answer = client.answer();
    assert_eq!(answer.status, 101, "{answer:?}");
    let mut server = Server {
        client,
        decoder: Decoder::default(),
        entries: entries.to_vec(),
        calls: Vec::new(),
    };
    let serving = thread::spawn(move || server.serve());
    // The first of several values counts.
    let default = if query.contains("remote=") { "" } else { "&remote=client-session" };
    let target =
        format!("/build?version=2&nocache=1&networkmode=none&session={session}{query}{default}");
    let mut builder = way.connect();
    let answer = builder.ask(post(&target, ""));
    drop(builder);
    let said = said_in(&answer.text());
    // The daemon leaves when it is done with it; at the end of the test, everything does.
    drop(serving);
    format!("{} {said}", answer.status)
}

/// What the daemon says is text in JSON, and in messages of its builder in base64 in it.
fn said_in(answer: &str) -> String {
    let mut said = answer.to_owned();
    for line in answer.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        if let Some(trace) = value["aux"].as_str() {
            said.push_str(&String::from_utf8_lossy(&decoded(trace)));
        }
    }
    said
}

fn decoded(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|byte| LETTERS.iter().position(|it| *it == byte));
    let digits: Vec<u32> = digits.map(|digit| digit as u32).collect();
    let chunk = |four: &[u32]| {
        let whole = four.iter().fold(0, |sum, digit| sum << 6 | digit) << (6 * (4 - four.len()));
        whole.to_be_bytes()[1..four.len()].to_vec()
    };
    digits.chunks(4).flat_map(chunk).collect()
}

struct Server {
    client: Client,
    decoder: Decoder,
    entries: Vec<Entry>,
    calls: Vec<Call>,
}

/// A call of the daemon's, and what came of its messages.
struct Call {
    stream: u32,
    entries: Vec<Entry>,
    bytes: Vec<u8>,
}

impl Server {
    /// Answers until the daemon leaves.
    fn serve(&mut self) {
        if self.taken(PREFACE.len()).is_none() {
            return;
        }
        self.send(frame(Kind::Settings, 0, 0, &[]));
        while let Some(head) = self.taken(HEAD_BYTES) {
            let head = FrameHead::read(&head).unwrap();
            let Some(payload) = self.taken(head.length) else { return };
            match head.kind {
                Kind::Settings if !head.has(ACK) => self.send(frame(Kind::Settings, ACK, 0, &[])),
                Kind::Ping if !head.has(ACK) => self.send(frame(Kind::Ping, ACK, 0, &payload)),
                Kind::Headers => {
                    let fields = self.decoder.decode(&payload, 1 << 20).unwrap();
                    self.called(head.stream, &fields);
                }
                Kind::Data => {
                    if !payload.is_empty() {
                        let mut credit = Vec::new();
                        write_credit(&mut credit, 0, payload.len() as u32);
                        self.send(credit);
                    }
                    self.told(head.stream, &payload);
                }
                Kind::GoAway => return,
                _ => {}
            }
        }
    }

    fn taken(&mut self, count: usize) -> Option<Vec<u8>> {
        self.client.try_take(count)
    }

    fn send(&mut self, bytes: Vec<u8>) {
        // It may have been refused.
        drop(self.client.try_send(bytes));
    }

    fn called(&mut self, stream: u32, fields: &[Field]) {
        let value = |name: &[u8]| {
            let found = fields.iter().find(|field| field.name == name);
            found
                .map(|field| String::from_utf8_lossy(&field.value).into_owned())
                .unwrap_or_default()
        };
        let mut block = Vec::new();
        write_field(&mut block, b":status", b"200");
        write_field(&mut block, b"content-type", b"application/grpc");
        self.send(frame(Kind::Headers, END_HEADERS, stream, &block));
        // The daemon asks every second whether it is there still, and leaves if not.
        if !value(b":path").ends_with("/DiffCopy") {
            const SERVING: [u8; 2] = [8, 1];
            self.say(stream, &SERVING, false);
            return self.end(stream);
        }
        let is_dockerfile = value(b"dir-name") == "dockerfile";
        let entries = if is_dockerfile { self.entries.clone() } else { Vec::new() };
        for entry in &entries {
            self.say(stream, &bytes(2, &entry.stat()), false);
        }
        self.say(stream, &[], false);
        self.calls.push(Call { stream, entries, bytes: Vec::new() });
    }

    fn end(&mut self, stream: u32) {
        let mut block = Vec::new();
        write_field(&mut block, b"grpc-status", b"0");
        self.send(frame(Kind::Headers, END_HEADERS | END_STREAM, stream, &block));
    }

    /// A packet, in as many frames as it needs.
    fn say(&mut self, stream: u32, packet: &[u8], is_compressed: bool) {
        let length = (packet.len() as u32).to_be_bytes();
        let message = [&[u8::from(is_compressed)][..], &length, packet].concat();
        for piece in message.chunks(16_384) {
            self.send(frame(Kind::Data, 0, stream, piece));
        }
    }

    fn told(&mut self, stream: u32, payload: &[u8]) {
        let Some(at) = self.calls.iter().position(|call| call.stream == stream) else { return };
        self.calls[at].bytes.extend_from_slice(payload);
        loop {
            let call = &mut self.calls[at];
            let Some(length) = call.bytes.get(1..5) else { return };
            let whole = 5 + u32::from_be_bytes(length.try_into().unwrap()) as usize;
            if call.bytes.len() < whole {
                return;
            }
            let rest = call.bytes.split_off(whole);
            let packet = std::mem::replace(&mut call.bytes, rest).split_off(5);
            let entries = call.entries.clone();
            match packet.get(..2) {
                Some([8, 1]) => {
                    let file = packet.get(3).copied().unwrap_or(0);
                    self.hand_over(stream, u64::from(file), &entries[usize::from(file)]);
                }
                Some([8, 3]) => {
                    self.say(stream, &number(1, 3), false);
                    self.end(stream);
                }
                _ => {}
            }
        }
    }

    fn hand_over(&mut self, stream: u32, file: u64, entry: &Entry) {
        let head = [number(1, 2), number(3, file)].concat();
        for content in [Some(&entry.content), entry.again.as_ref()].into_iter().flatten() {
            for piece in content.chunks(entry.piece) {
                let packet = [head.clone(), bytes(4, piece)].concat();
                self.say(stream, &packet, entry.is_compressed);
            }
            self.say(stream, &head, false);
        }
    }
}
