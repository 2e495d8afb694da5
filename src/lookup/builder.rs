//! Whether the daemon's builder heeds source policies, which keep builds from forbidden images: proved by a
//! build of its own of an image that does not exist, under a policy that denies it. A daemon that does not
//! know policies (before 24) passes over the field, and tries to fetch the image instead.
//!
//! A daemon before 25.0.2 is not asked: there, containers of frontends share the host's network unasked
//! (CVE-2024-23653), and rules of a policy have no order before 25.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::time::Duration;

use serde::Deserialize;

use super::daemon::{Connection, Daemon, Deadline};
use crate::effects::buildkit::{CONTROL_SOLVE, proof};
use crate::http2::frame::{
    self, ACK, END_HEADERS, END_STREAM, FrameHead, HEAD_BYTES, Kind, PAYLOAD_BYTES_MAX, PREFACE,
};
use crate::http2::hpack::{Decoder, Field};
use crate::http2::literal::write_field;

/// The first version that is trusted.
const VERSION_MIN: [u32; 3] = [25, 0, 2];

/// The first version whose builder limits what each step takes, as the attributes of its frontend say.
const LIMITS_MIN: [u32; 3] = [29, 6, 0];

/// How long the proof may take; without a network it takes a tenth of a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest header block of the daemon's that is read, in bytes.
const BLOCK_BYTES_MAX: usize = 64 * 1024;

const UPGRADE: &[u8] = b"POST /grpc HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\
    Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

/// What `GET /version` says of the builder.
pub(super) struct Version {
    /// Whether the builder may heed policies.
    pub(super) is_trusted: bool,
    /// Whether it limits each step.
    pub(super) limits_steps: bool,
}

/// Reads the answer to `GET /version`.
pub(super) fn version(answer: &[u8]) -> Option<Version> {
    /// The part of Engine API `SystemVersion` that is looked at.
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        version: String,
    }
    let Answer { version } = serde_json::from_slice(answer).ok()?;
    let is_trusted = is_from(VERSION_MIN, &version);
    Some(Version { is_trusted, limits_steps: is_from(LIMITS_MIN, &version) })
}

/// Compares `26.1.5+dfsg1` with the first version of a kind. One that can't be read is older.
fn is_from(first: [u32; 3], version: &str) -> bool {
    let mut parts = version.splitn(3, '.').map(|part| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part.get(..digits).and_then(|digits| digits.parse::<u16>().ok()).map(u32::from)
    });
    let mut next = || parts.next().flatten();
    match (next(), next(), next()) {
        (Some(major), Some(minor), Some(patch)) => [major, minor, patch] >= first,
        _ => false,
    }
}

/// Whether a build that a policy denies is denied.
///
/// # Errors
/// If the daemon could not be asked, or does not speak as it should.
pub(super) fn heeds_policies(daemon: &Daemon) -> io::Result<bool> {
    let mut connection = daemon.converse(Deadline::after(PATIENCE))?;
    connection.write_all(UPGRADE)?;
    let head = connection.read_head()?;
    if !head.starts_with(b"HTTP/1.1 101 ") {
        return Ok(false);
    }
    // Other questions have other numbers: the keys of a hasher are random.
    let number = RandomState::new().build_hasher().finish();
    connection.write_all(&call(&proof::request(number)))?;
    let fields = trailers(&mut connection)?;
    let value = |name: &[u8]| fields.iter().find(|field| field.name == name).map(|it| &it.value);
    let message = value(b"grpc-message").map(Vec::as_slice).unwrap_or_default();
    let status = value(b"grpc-status").map(Vec::as_slice);
    Ok(status.is_some_and(|status| status != b"0") && proof::is_denied(message))
}

/// Preface, settings and one whole call.
fn call(message: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", CONTROL_SOLVE),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        write_field(&mut block, name.as_bytes(), value.as_bytes());
    }
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = PREFACE.to_vec();
    frame::write(&mut out, Kind::Settings, 0, 0, &[]);
    frame::write(&mut out, Kind::Headers, END_HEADERS, 1, &block);
    frame::write(&mut out, Kind::Data, END_STREAM, 1, &[&[0][..], &length, message].concat());
    out
}

/// The last header block of the answer.
fn trailers(connection: &mut Connection) -> io::Result<Vec<Field>> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let (mut decoder, mut block, mut is_last) = (Decoder::default(), Vec::new(), false);
    loop {
        let head = connection.read_exactly(HEAD_BYTES)?;
        let head = FrameHead::read(&head).ok_or_else(invalid)?;
        if head.length > PAYLOAD_BYTES_MAX {
            return Err(invalid());
        }
        let payload = connection.read_exactly(head.length)?;
        match head.kind {
            Kind::Settings if !head.has(ACK) => {
                let mut ack = Vec::new();
                frame::write(&mut ack, Kind::Settings, ACK, 0, &[]);
                connection.write_all(&ack)?;
            }
            Kind::Headers | Kind::Continuation => {
                block.extend_from_slice(frame::unpadded(&head, &payload).map_err(|_| invalid())?);
                is_last |= head.kind == Kind::Headers && head.has(END_STREAM);
                if block.len() > BLOCK_BYTES_MAX {
                    return Err(invalid());
                }
                if head.has(END_HEADERS) {
                    let fields = decoder.decode(&block, BLOCK_BYTES_MAX).map_err(|_| invalid())?;
                    block.clear();
                    if is_last {
                        return Ok(fields);
                    }
                }
            }
            Kind::RstStream | Kind::GoAway => return Err(invalid()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, expected) in [
            ("28.5.2+dfsg4", true),
            ("26.1.5+dfsg1", true),
            ("25.0.2", true),
            ("25.1.0-rc.1", true),
            ("100.0.0", true),
            ("25.0.1", false),
            ("24.0.9", false),
            ("20.10.24+dfsg1", false),
            ("dev", false),
            ("", false),
            ("26", false),
            ("26.1", false),
            ("99999999999.0.0", false),
        ] {
            assert_eq!(is_from(VERSION_MIN, version), expected, "{version}");
        }
        for (version, expected) in [("29.6.0", true), ("29.5.3", false), ("30.0.0-rc.1", true)] {
            assert_eq!(is_from(LIMITS_MIN, version), expected, "{version}");
        }
    }
}
