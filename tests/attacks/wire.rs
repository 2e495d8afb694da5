//! Sending a step one way or the other, and what came back.

use super::Step;
use crate::support::{Client, Way, client};
use std::path::Path;
use std::time::Duration;

/// How long loose bytes may be without any answer, and how long that may pause: such connections
/// are often left open by the engine.
const FIRST: Duration = Duration::from_secs(5);
const QUIET: Duration = Duration::from_millis(120);
/// How long a request that ends its connection may take: a build with two steps.
const SLOW: Duration = Duration::from_secs(20);

const OWN_SWARM: &str = r#"{"ListenAddr":"127.0.0.1:2377","AdvertiseAddr":"127.0.0.1"}"#;

/// What a step's words stand for in this run.
pub(crate) struct Words {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) version: String,
    pub(crate) host_network: String,
    pub(crate) joined: String,
}

impl Words {
    pub(crate) fn fill(&self, text: &[u8]) -> Vec<u8> {
        let text = replace(text, b"@name@", self.name.as_bytes());
        let text = replace(&text, b"@image@", self.image.as_bytes());
        let text = (1..=12).fold(text, |text, letters| {
            let word = format!("@image:{letters:02}@");
            let letters = self.image.get(..letters).unwrap_or_default();
            replace(&text, word.as_bytes(), letters.as_bytes())
        });
        let text = replace(&text, b"@host-network@", self.host_network.as_bytes());
        let text = replace(&text, b"@joined@", self.joined.as_bytes());
        replace(&text, b"@version@", self.version.as_bytes())
    }

    pub(crate) fn fill_text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.fill(text.as_bytes())).into_owned()
    }
}

/// Does one step; all bytes that came back.
pub(crate) fn perform(step: &Step, way: &dyn Way, words: &Words) -> Vec<u8> {
    match step {
        Step::Request { method, target, headers, body } => {
            let body = words.fill(body);
            let head = format!(
                "{method} {target} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n{headers}\
                 Content-Length: {}\r\n\r\n",
                body.len()
            );
            let request = [words.fill(head.as_bytes()), body].concat();
            exchange(way.connect(), &[request], SLOW, SLOW)
        }
        Step::Bytes(pieces) => {
            let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| words.fill(piece)).collect();
            exchange(way.connect(), &pieces, FIRST, QUIET)
        }
        Step::Host(act) => {
            act(Path::new(&format!("/run/{}", words.name)));
            Vec::new()
        }
        Step::Swarm(wanted) => swarm(way, *wanted),
    }
}

fn swarm(way: &dyn Way, wanted: bool) -> Vec<u8> {
    let active = way.connect().ask(client::get("/swarm")).status == 200;
    let request = match (active, wanted) {
        (false, true) => client::post("/swarm/init", OWN_SWARM),
        (true, false) => client::post("/swarm/leave?force=1", ""),
        _ => return Vec::new(),
    };
    let answer = way.connect().ask(request);
    assert_eq!(answer.status, 200, "{}", answer.text());
    Vec::new()
}

/// Sends the pieces, each on its own, and reads until the end, or until a pause between answers.
fn exchange(mut client: Client, pieces: &[Vec<u8>], first: Duration, pause: Duration) -> Vec<u8> {
    for piece in pieces {
        // The other side may have answered and closed before the last piece.
        if client.try_send(piece).is_err() {
            break;
        }
    }
    client.read_timeout(first);
    let mut received = 0;
    while let Ok(count @ 1..) = client.read_more() {
        received += count;
        client.read_timeout(pause);
    }
    client.take(received)
}

/// The statuses of all answers in these bytes.
pub(crate) fn statuses(received: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(received);
    text.split("HTTP/1.")
        .skip(1)
        .filter_map(|answer| answer.get(2..5).and_then(|code| code.parse().ok()))
        .collect()
}

fn replace(text: &[u8], word: &[u8], by: &[u8]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(word.len()).position(|window| window == word) {
        filled.extend_from_slice(&rest[..at]);
        filled.extend_from_slice(by);
        rest = &rest[at + word.len()..];
    }
    filled.extend_from_slice(rest);
    filled
}
