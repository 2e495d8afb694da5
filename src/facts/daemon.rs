//! Questions to the daemon, over a connection of their own.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::config::UpstreamAddress;
use crate::http::chunk::ChunkDecoder;
use crate::http::framing::{self, AnswerTo, Framing};
use crate::http::head;
use crate::image::{ImageName, ImageRef};
use crate::policy::facts::ImageFacts;
use crate::policy::types::UserSpec;

/// How long the daemon may take over a write, a read, and all reads together.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// The part of Engine API `ImageInspect` that rules are about.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspection {
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    config: Option<Config>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default)]
    user: Option<String>,
}

/// What the daemon says of an image (Engine API `GET /images/{name}/json`); no names and no user if
/// it has none. `None` if it could not be asked.
pub(super) fn inspect_image(daemon: &UpstreamAddress, image: &ImageRef) -> Option<ImageFacts> {
    let (status, body) = get(daemon, &format!("/images/{}/json", image.as_asked())).ok()?;
    match status {
        200 => facts_of(&serde_json::from_slice(&body).ok()?),
        404 => Some(ImageFacts::Absent),
        _ => None,
    }
}

fn facts_of(inspection: &Inspection) -> Option<ImageFacts> {
    let names = [&inspection.repo_tags, &inspection.repo_digests];
    let names = names.into_iter().flatten().flatten().filter(|name| !name.contains("<none>"));
    let names = names.map(|name| match ImageRef::parse(name) {
        Ok(ImageRef::Named(name)) => Some(name),
        Ok(ImageRef::Id(_)) | Err(_) => None,
    });
    let user = inspection.config.as_ref().and_then(|config| config.user.as_deref());
    let user = match user {
        None | Some("") => None,
        Some(user) => Some(UserSpec::parse(user).ok()?),
    };
    Some(ImageFacts::Present { names: names.collect::<Option<Vec<ImageName>>>()?, user })
}

/// One request on a connection of its own: the status and the body of the answer.
fn get(daemon: &UpstreamAddress, target: &str) -> io::Result<(u16, Vec<u8>)> {
    match daemon {
        UpstreamAddress::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            exchange(stream, target)
        }
        UpstreamAddress::Tcp(address) => {
            let stream = TcpStream::connect_timeout(address, PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            exchange(stream, target)
        }
    }
}

fn exchange(mut stream: impl Read + Write, target: &str) -> io::Result<(u16, Vec<u8>)> {
    write!(stream, "GET {target} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")?;
    let answer = read_in_time(&mut stream)?;
    read_answer(&answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Reads to the end, for a bounded time altogether: a daemon that drips must not hold the pool.
#[expect(
    clippy::disallowed_methods,
    reason = "the pool has no turns, so it reads the clock itself"
)]
fn read_in_time(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let until = Instant::now() + PATIENCE;
    let mut answer = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let count = stream.read(&mut piece)?;
        answer.extend_from_slice(piece.get(..count).unwrap_or_default());
        if count == 0 {
            return Ok(answer);
        }
        if answer.len() > ANSWER_BYTES_MAX || Instant::now() > until {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

fn read_answer(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let length = head::find_end(answer, &mut 0).ok()??;
    let (head, body) = answer.split_at(length);
    let head = head::parse_response(head).ok()?;
    let body = match framing::of_response(&head, AnswerTo::Other).ok()? {
        Framing::None => Vec::new(),
        Framing::UntilClose => body.to_vec(),
        Framing::Length(bytes) => body.get(..usize::try_from(bytes.get()).ok()?)?.to_vec(),
        Framing::Chunked => {
            let mut collected = Vec::new();
            let scanned =
                ChunkDecoder::new().collect(body, &mut collected, ANSWER_BYTES_MAX).ok()?;
            scanned.ended.then_some(collected)?
        }
    };
    Some((head.status, body))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;

    #[test]
    fn answers_in_every_framing() {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            "HTTP/1.0 200 OK\r\n\r\n{}",
        ] {
            assert_eq!(read_answer(answer.as_bytes()), Some((200, b"{}".to_vec())), "{answer:?}");
        }
        let cut = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n";
        assert_eq!(read_answer(cut.as_bytes()), None);
        assert_eq!(read_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}"), None);
    }

    #[test]
    fn names_and_user_of_an_image() {
        let facts = |json| facts_of(&serde_json::from_str(json).unwrap()).unwrap();
        let json = r#"{"Id":"x","RepoTags":["app:1","<none>:<none>"],"RepoDigests":null,"Config":{"User":"0:0"}}"#;
        let Some(ImageRef::Named(name)) = ImageRef::parse("app:1").ok() else { panic!() };
        let user = Some(UserSpec::parse("0:0").unwrap());
        assert_eq!(facts(json), ImageFacts::Present { names: vec![name], user });
        let bare = ImageFacts::Present { names: Vec::new(), user: None };
        assert_eq!(facts(r#"{"Config":{"User":""}}"#), bare);
    }
}
