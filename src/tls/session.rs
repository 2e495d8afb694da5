//! One connection's records: what came from the wire to plain bytes, and plain bytes to records.
//!
//! rustls works in the buffers that it is lent. What is kept between calls is a record that has come in part,
//! and nothing at all most of the time.

use std::sync::Arc;

#[cfg(test)]
use rustls::ProtocolVersion;
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::pki_types::UnixTime;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus,
};
use rustls::{CommonState, HandshakeKind};

use super::error::Error;
use super::settings::{Client, Server, ServerName};
use super::values::{Outgoing, Received};
use super::x509;
use crate::client::ClientCertificate;

/// The longest record with its head, and the most bytes that are kept: messages of a handshake could be longer,
/// but a chain of certificates has a tenth of it.
const RECORD_BYTES_MAX: usize = (1 << 14) + 2048 + 5;

/// What a record costs beside its content, at most.
const RECORD_OVERHEAD_BYTES: usize = 5 + 8 + 1 + 16;

/// Most messages of a handshake fit into so many.
const HANDSHAKE_BYTES: usize = 512;

/// The most plain bytes in one record.
const FRAGMENT_BYTES: usize = 1 << 14;

/// One side of one connection.
pub struct Session {
    end: End,
    /// The beginning of a record of which more must come.
    pub(super) kept: Vec<u8>,
    /// What our key signs takes several milliseconds.
    signs_slowly: bool,
    /// The handshake is over; the other side may still refuse what it was shown.
    is_open: bool,
}

enum End {
    Server(Box<UnbufferedServerConnection>),
    Client(Box<UnbufferedClientConnection>),
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("is_open", &self.is_open).finish_non_exhaustive()
    }
}

impl Session {
    /// Awaits a client's handshake.
    ///
    /// # Errors
    /// If the system has no random numbers, or the settings contradict each other.
    pub fn accept(server: &Server) -> Result<Self, Error> {
        let connection = UnbufferedServerConnection::new(Arc::clone(&server.config))?;
        Ok(Self::new(End::Server(Box::new(connection)), server.has_slow_key()))
    }

    /// Begins a handshake with a daemon that must have a certificate for this name; what is to be said first
    /// comes with the first [`Session::receive`] of nothing.
    ///
    /// # Errors
    /// As for [`Session::accept`].
    pub fn connect(client: &Client, name: &ServerName) -> Result<Self, Error> {
        let config = Arc::clone(&client.config);
        let connection = UnbufferedClientConnection::new(config, name.0.clone())?;
        Ok(Self::new(End::Client(Box::new(connection)), client.has_slow_key()))
    }

    fn new(end: End, signs_slowly: bool) -> Self {
        Self { end, kept: Vec::new(), signs_slowly, is_open: false }
    }

    /// Puts the part of a record that came before at the beginning of a buffer, behind which the next bytes
    /// from the wire belong: how many bytes it has. It stays here until [`Session::receive`] is called.
    #[must_use]
    pub fn resume(&self, buffer: &mut [u8]) -> usize {
        match buffer.get_mut(..self.kept.len()) {
            Some(beginning) => {
                beginning.copy_from_slice(&self.kept);
                self.kept.len()
            }
            None => 0,
        }
    }

    /// The bytes that a buffer must have for [`Session::resume`] and a whole record.
    #[must_use]
    pub fn buffer_bytes_min(&self) -> usize {
        self.kept.len() + RECORD_BYTES_MAX
    }

    /// How many bytes may be read behind what [`Session::resume`] puts before them. In a handshake what is longer than
    /// what is kept is refused, however it comes.
    #[must_use]
    pub fn read_bytes_max(&self) -> usize {
        match self.is_open {
            true => usize::MAX,
            false => RECORD_BYTES_MAX + 1 - self.kept.len(),
        }
    }

    /// Whether a signature of our key takes several milliseconds.
    #[must_use]
    pub fn signs_slowly(&self) -> bool {
        self.signs_slowly
    }

    /// Whether [`Session::receive`] of these bytes may take several milliseconds: a step of a handshake in which a large
    /// key signs.
    #[must_use]
    pub fn takes_long(&self, buffer: &[u8]) -> bool {
        self.signs_slowly && !self.is_open && has_record(buffer)
    }

    /// Takes bytes from the wire, behind what [`Session::resume`] has put before them: gives plain bytes to
    /// `plain`, and puts what must be said in reply into `out`, also where it fails.
    ///
    /// # Errors
    /// If the other side breaks the protocol, can't be trusted, or refuses. Nothing follows.
    pub fn receive(
        &mut self,
        buffer: &mut [u8],
        plain: &mut dyn FnMut(&[u8]),
        out: &mut Outgoing,
    ) -> Result<Received, Error> {
        let ran = match &mut self.end {
            End::Server(connection) => run(&mut **connection, buffer, plain, out),
            End::Client(connection) => run(&mut **connection, buffer, plain, out),
        };
        let Ran { taken, ended, may_write } = ran?;
        if !self.is_open && may_write && !self.common().is_handshaking() {
            self.see_dates_again(out)?;
            self.is_open = true;
        }
        let rest = buffer.get(taken..).unwrap_or_default();
        self.kept.clear();
        if rest.len() > RECORD_BYTES_MAX {
            return Err(Error("its handshake messages are too long".to_owned()));
        }
        if rest.is_empty() {
            self.kept = Vec::new();
        } else {
            self.kept.extend_from_slice(rest);
        }
        Ok(Received { ended })
    }

    /// Puts plain bytes into records.
    ///
    /// # Errors
    /// If the handshake is not over, or the connection is.
    pub fn send(&mut self, plain: &[u8], out: &mut Outgoing) -> Result<(), Error> {
        self.write(Write::Plain(plain), out)
    }

    /// Ends our direction: `close_notify` (RFC 8446 §6.1). Where there is no direction yet, nothing is said.
    pub fn end(&mut self, out: &mut Outgoing) {
        // What can't be ended has never begun.
        let _ = self.write(Write::End, out);
    }

    fn write(&mut self, what: Write<'_>, out: &mut Outgoing) -> Result<(), Error> {
        // It may hold a part of a message, without which the connection does not know where it was.
        let kept = self.kept.as_mut_slice();
        match &mut self.end {
            End::Server(connection) => write(&mut **connection, kept, what, out),
            End::Client(connection) => write(&mut **connection, kept, what, out),
        }
    }

    /// Whether plain bytes can't go either way yet.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        !self.is_open
    }

    /// What the client has proved, once the handshake is over; `None` if it has shown no certificate. One that
    /// can't be read is as good as none.
    #[must_use]
    pub fn client_certificate(&self) -> Option<ClientCertificate> {
        x509::client_certificate(self.common().peer_certificates()?.first()?)
    }

    /// A session that is resumed goes on with the certificate that began it, and the client gets new tickets
    /// with the same one: rustls looks at its dates in the first handshake only.
    fn see_dates_again(&self, out: &mut Outgoing) -> Result<(), Error> {
        let End::Server(_) = &self.end else { return Ok(()) };
        let shown = self.common().peer_certificates().and_then(<[_]>::first);
        let Some(shown) = shown.filter(|_| self.is_resumed()) else { return Ok(()) };
        let is_valid =
            x509::validity(shown).is_ok_and(|dates| UnixTime::now().as_secs() <= dates.not_after);
        if is_valid {
            return Ok(());
        }
        // No tickets for it either.
        out.clear();
        Err(Error("the certificate of the session that it resumes has expired".to_owned()))
    }

    fn is_resumed(&self) -> bool {
        self.common().handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// `TLS 1.3, resumed`.
    #[cfg(test)]
    pub(super) fn describe(&self) -> &'static str {
        match (self.common().protocol_version(), self.is_resumed()) {
            (Some(ProtocolVersion::TLSv1_3), false) => "TLS 1.3",
            (Some(ProtocolVersion::TLSv1_3), true) => "TLS 1.3, resumed",
            (_, false) => "TLS 1.2",
            (_, true) => "TLS 1.2, resumed",
        }
    }

    pub(super) fn common(&self) -> &CommonState {
        match &self.end {
            End::Server(connection) => connection,
            End::Client(connection) => connection,
        }
    }
}

/// Either end of rustls.
trait Records {
    type Data;

    fn process<'c, 'i>(&'c mut self, buffer: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;

    /// Whether records wait to be given out.
    fn has_to_say(&self) -> bool;
}

impl Records for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, buffer: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(buffer)
    }

    fn has_to_say(&self) -> bool {
        self.wants_write()
    }
}

impl Records for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, buffer: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(buffer)
    }

    fn has_to_say(&self) -> bool {
        self.wants_write()
    }
}

/// Whether these bytes have a record to their beginning, which is all of it.
fn has_record(bytes: &[u8]) -> bool {
    let Some(&[_, _, _, high, low]) = bytes.first_chunk() else { return false };
    bytes.len() >= 5 + usize::from(u16::from_be_bytes([high, low]))
}

struct Ran {
    /// So many bytes of the buffer are done with.
    taken: usize,
    ended: bool,
    may_write: bool,
}

/// Works through a buffer until nothing more can be done.
fn run<R: Records>(
    connection: &mut R,
    buffer: &mut [u8],
    plain: &mut dyn FnMut(&[u8]),
    out: &mut Outgoing,
) -> Result<Ran, Error> {
    let (mut taken, mut ended) = (0, false);
    loop {
        let rest = buffer.get_mut(taken..).unwrap_or_default();
        let UnbufferedStatus { mut discard, state } = connection.process(rest);
        match state {
            Ok(ConnectionState::ReadTraffic(mut records)) => {
                while let Some(record) = records.next_record() {
                    let record = record?;
                    discard += record.discard;
                    plain(record.payload);
                }
            }
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                put(HANDSHAKE_BYTES, |room| data.encode(room), out)?
            }
            Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
            Ok(ConnectionState::PeerClosed) => ended = true,
            Ok(ConnectionState::Closed) => {
                return Ok(Ran { taken: taken + discard, ended: true, may_write: false });
            }
            Ok(ConnectionState::WriteTraffic(_)) => {
                return Ok(Ran { taken: taken + discard, ended, may_write: true });
            }
            Ok(ConnectionState::BlockedHandshake) => {
                return Ok(Ran { taken: taken + discard, ended, may_write: false });
            }
            // Early data is not asked for; what else there may be one day is not known here.
            Ok(_) => return Err(Error("it has sent what was not asked for".to_owned())),
            Err(error) => {
                let rest = buffer.get_mut(taken + discard..).unwrap_or_default();
                say_why(connection, rest, out);
                return Err(error.into());
            }
        }
        taken += discard;
    }
}

/// The alert that rustls has for the other side. It is asked only while it has one: whatever is left of the
/// buffer is not to be looked at again.
fn say_why<R: Records>(connection: &mut R, rest: &mut [u8], out: &mut Outgoing) {
    while connection.has_to_say() {
        match connection.process(rest).state {
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                if put(HANDSHAKE_BYTES, |room| data.encode(room), out).is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}

#[derive(Clone, Copy)]
enum Write<'a> {
    Plain(&'a [u8]),
    End,
}

fn write<R: Records>(
    connection: &mut R,
    kept: &mut [u8],
    what: Write<'_>,
    out: &mut Outgoing,
) -> Result<(), Error> {
    loop {
        let UnbufferedStatus { discard, state } = connection.process(kept);
        debug_assert_eq!(discard, 0, "all that could be done with it was done when it came");
        match state {
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                put(HANDSHAKE_BYTES, |room| data.encode(room), out)?
            }
            Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
            Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                return match what {
                    Write::Plain(plain) => {
                        put(records_bytes(plain), |room| traffic.encrypt(plain, room), out)
                    }
                    Write::End => {
                        put(RECORD_OVERHEAD_BYTES, |room| traffic.queue_close_notify(room), out)
                    }
                };
            }
            Ok(_) => return Err(Error("its connection cannot be written to".to_owned())),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The bytes of the records that hold these.
fn records_bytes(plain: &[u8]) -> usize {
    plain.len() + (plain.len() / FRAGMENT_BYTES + 1) * RECORD_OVERHEAD_BYTES
}

/// Why records were not put into a buffer.
enum Unwritten {
    /// It must have so many bytes.
    Room(usize),
    Never(String),
}

impl From<EncodeError> for Unwritten {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::InsufficientSize(InsufficientSizeError { required_size }) => {
                Self::Room(required_size)
            }
            other => Self::Never(other.to_string()),
        }
    }
}

impl From<EncryptError> for Unwritten {
    fn from(error: EncryptError) -> Self {
        match error {
            EncryptError::InsufficientSize(InsufficientSizeError { required_size }) => {
                Self::Room(required_size)
            }
            other => Self::Never(other.to_string()),
        }
    }
}

/// Has records put behind what is in the buffer, in as much room as they take.
fn put<E: Into<Unwritten>>(
    mut room: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, E>,
    out: &mut Outgoing,
) -> Result<(), Error> {
    loop {
        match write(out.room(room)).map_err(Into::into) {
            Ok(count) => {
                out.extend(count);
                return Ok(());
            }
            Err(Unwritten::Room(wanted)) => room = wanted,
            Err(Unwritten::Never(reason)) => return Err(Error(reason)),
        }
    }
}
