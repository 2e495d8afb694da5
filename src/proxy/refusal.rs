//! Clients that are not served at all. They are told why in what they speak, as far as that is known.

use std::fmt::Display;

use rustix::net::RecvFlags;

use super::listener::Accepted;
use super::streams::stream::Stream;
use crate::audit;
use crate::client::ClientId;
use crate::http::framing::{AnswerTo, Persistence};
use crate::http::head::Version;
use crate::http::message::{self, Answer};
use crate::record::Event as Record;
use crate::tls::{self, Alert, PlainClients, Server};

/// Why a client is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A bound is met.
    Crowded,
    /// It should not be here.
    Forbidden,
}

/// Tells a client why it is not served. One write is tried: a fresh socket has space for it.
pub(super) fn turn_away(
    mut accepted: Accepted,
    server: Option<&Server>,
    refusal: Refusal,
    reason: &dyn Display,
) {
    let client = ClientId { connection: 0, peer: accepted.client, name: None };
    audit::record(&client, &Record::ConnectionRefused { reason });
    let bytes = match (speaks_tls(&accepted.stream, server), refusal) {
        (true, Refusal::Crowded) => tls::fatal_alert(Alert::InternalError).to_vec(),
        (true, Refusal::Forbidden) => tls::fatal_alert(Alert::AccessDenied).to_vec(),
        (false, Refusal::Crowded) => answer(503, reason),
        (false, Refusal::Forbidden) => answer(403, reason),
    };
    // The client may have gone; it is not waited for.
    let _ = accepted.stream.write(&bytes);
    let _ = accepted.stream.shut_write();
    // What was sent already and is not read would reset the connection under the answer.
    let _ = accepted.stream.drop_some();
}

fn answer(status: u16, reason: &dyn Display) -> Vec<u8> {
    let mut bytes = Vec::new();
    let answer = Answer {
        status,
        message: &format_args!("SecDocker: {reason}"),
        version: Version::Http11,
        persistence: Persistence::Close,
        method: AnswerTo::Other,
        retry_after: None,
    };
    message::write_answer(&mut bytes, &answer);
    bytes
}

/// By its first byte, if that has come; else by what is spoken here.
fn speaks_tls(stream: &Stream, server: Option<&Server>) -> bool {
    let (Stream::Tcp(tcp), Some(server)) = (stream, server) else { return false };
    let mut first = [0];
    match rustix::net::recv(tcp, &mut first, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        Ok((_, 1..)) => first == [tls::HANDSHAKE],
        Ok((_, 0)) | Err(_) => server.plain == PlainClients::Refuse,
    }
}
