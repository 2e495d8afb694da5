//! The head of a request that is inspected, as the daemon will get it. It was read once; what the daemon
//! gets of it is written then and there, but for its target and the length of its body.

use std::ops::Range;

use crate::docker::{self, Endpoint};
use crate::http::framing::Framing;
use crate::http::head::{RequestHead, Version};
use crate::http::message::{self, FramingLines, Offer, SessionName};

/// Lines that were checked, and the method before them.
#[derive(Debug)]
pub(super) struct KeptHead {
    /// The method, the lines in the order in which they came, and the one that names the body's type.
    text: Vec<u8>,
    method_bytes: usize,
    /// Where the line begins that names the type.
    type_at: usize,
    version: Version,
    /// A body passes behind it.
    has_passing_body: bool,
    /// Whether what frames the body stands in the lines.
    body_passes: bool,
    /// Of one that offers a session by which a build is served.
    session: Option<Box<OfSession>>,
}

/// What a session is called by its client, and the lines without that.
#[derive(Debug)]
struct OfSession {
    name: String,
    lines: Vec<u8>,
}

/// What is beside the lines that came.
const MORE_BYTES: usize = 64;

impl KeptHead {
    /// Of a head that [`docker::check_head`] lets through. Behind it so much of a body comes.
    pub(super) fn of(head: &RequestHead<'_>, framing: Framing, endpoint: Endpoint) -> Self {
        let lines = head.headers.iter().map(|(name, value)| name.len() + value.len() + 4);
        let mut text = Vec::with_capacity(head.method.len() + lines.sum::<usize>() + MORE_BYTES);
        text.extend_from_slice(head.method.as_bytes());
        let body_passes = endpoint.body_passes();
        let framing_lines = if body_passes { FramingLines::Kept } else { FramingLines::LeftOut };
        let offer = offer(endpoint, head);
        let kept = (offer, SessionName::Kept);
        message::write_inspected_lines(&mut text, head, framing_lines, kept);
        let type_at = text.len();
        // A body may be written where none came: its type is asked for as of one that did.
        let typed = docker::check_head(head, endpoint, Framing::Chunked).unwrap_or_default();
        if let Some(content_type) = typed {
            message::write_content_type(&mut text, content_type);
        }
        let session = (endpoint == Endpoint::Session).then(|| {
            let mut lines = Vec::new();
            let left_out = (offer, SessionName::LeftOut);
            message::write_inspected_lines(&mut lines, head, framing_lines, left_out);
            let name = head.headers.get(message::SESSION_NAME).unwrap_or_default().to_owned();
            Box::new(OfSession { name, lines })
        });
        Self {
            session,
            text,
            method_bytes: head.method.len(),
            type_at,
            version: head.version,
            has_passing_body: body_passes && framing != Framing::None,
            body_passes,
        }
    }

    /// How long it is, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    pub(super) fn method(&self) -> &str {
        let method = self.text.get(..self.method_bytes);
        method.and_then(|method| str::from_utf8(method).ok()).unwrap_or_default()
    }

    /// What the client calls the session that it offers.
    pub(super) fn session_name(&self) -> &str {
        self.session.as_ref().map_or("", |session| &session.name)
    }

    /// Appends the head with this target, and behind it this body, unless that passes. A session that is
    /// offered may be given another name.
    pub(super) fn write(
        &self,
        target: &str,
        renamed: Option<&str>,
        body: &[u8],
        out: &mut Vec<u8>,
    ) {
        message::write_request_line(out, self.method(), target, self.version);
        match (renamed, &self.session) {
            (Some(name), Some(session)) => {
                out.extend_from_slice(&session.lines);
                message::write_session_name(out, name);
            }
            _ => self.write_text(self.method_bytes..self.type_at, out),
        }
        if self.has_passing_body || !body.is_empty() {
            self.write_text(self.type_at..self.text.len(), out);
        }
        if !self.body_passes {
            message::write_content_length(out, body.len());
        }
        out.extend_from_slice(b"\r\n");
        if !self.body_passes {
            out.extend_from_slice(body);
        }
    }

    fn write_text(&self, range: Range<usize>, out: &mut Vec<u8>) {
        out.extend_from_slice(self.text.get(range).unwrap_or_default());
    }
}

/// What becomes of an offer of HTTP/2.
fn offer(endpoint: Endpoint, head: &RequestHead<'_>) -> Offer {
    match endpoint.may_switch() {
        // A stream of a container is not HTTP/2 for want of an offer.
        true if endpoint == Endpoint::ContainerAttach && head.has_http2_settings() => {
            Offer::LeftOut
        }
        true => Offer::WithoutSettings,
        false => Offer::LeftOut,
    }
}
