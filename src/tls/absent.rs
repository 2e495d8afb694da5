//! The same types where TLS is not built in: there is no value of them.

use std::fmt;
use std::net::IpAddr;

use super::{ClientCertificates, Error, MaterialError, Outgoing, PlainClients, Received, Validity};
use crate::client::ClientCertificate;

const NOT_BUILT_IN: &str = "this SecDocker was built without TLS (the Cargo feature `tls`)";

/// Nothing that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Never {}

/// How clients would be spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    never: Never,
    /// What would be asked of clients.
    pub client_certificates: ClientCertificates,
    /// What would become of clients that speak no TLS.
    pub plain: PlainClients,
}

/// How daemons would be spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Client(Never);

/// The name that a daemon's certificate would have to be for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerName(String);

/// One side of one connection.
#[derive(Debug)]
pub struct Session(Never);

impl ServerName {
    /// Takes any text.
    ///
    /// # Errors
    /// None.
    pub fn parse(text: &str) -> Result<Self, MaterialError> {
        Ok(Self(text.to_owned()))
    }
}

impl From<IpAddr> for ServerName {
    fn from(address: IpAddr) -> Self {
        Self(address.to_string())
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[expect(missing_docs, reason = "they are documented where they do something")]
#[expect(clippy::missing_errors_doc, reason = "they are documented where they do something")]
impl Server {
    #[must_use]
    pub fn has_slow_key(&self) -> bool {
        match self.never {}
    }

    pub fn new(
        _: (&[u8], &[u8]),
        _: Option<&[u8]>,
        _: ClientCertificates,
        _: PlainClients,
    ) -> Result<Self, MaterialError> {
        Err(MaterialError::Other(NOT_BUILT_IN.to_owned()))
    }

    #[must_use]
    pub fn validity(&self) -> &[Validity] {
        match self.never {}
    }
}

#[expect(missing_docs, reason = "they are documented where they do something")]
#[expect(clippy::missing_errors_doc, reason = "they are documented where they do something")]
impl Client {
    #[must_use]
    pub fn has_slow_key(&self) -> bool {
        match self.0 {}
    }

    pub fn new(_: &[u8], _: Option<(&[u8], &[u8])>) -> Result<Self, MaterialError> {
        Err(MaterialError::Other(NOT_BUILT_IN.to_owned()))
    }

    #[must_use]
    pub fn validity(&self) -> &[Validity] {
        match self.0 {}
    }
}

#[expect(missing_docs, reason = "they are documented where they do something")]
#[expect(clippy::missing_errors_doc, reason = "they are documented where they do something")]
impl Session {
    pub fn accept(server: &Server) -> Result<Self, Error> {
        match server.never {}
    }

    pub fn connect(client: &Client, _: &ServerName) -> Result<Self, Error> {
        match client.0 {}
    }

    #[must_use]
    pub fn resume(&self, _: &mut [u8]) -> usize {
        match self.0 {}
    }

    #[must_use]
    pub fn buffer_bytes_min(&self) -> usize {
        match self.0 {}
    }

    #[must_use]
    pub fn signs_slowly(&self) -> bool {
        match self.0 {}
    }

    #[must_use]
    pub fn takes_long(&self, _: &[u8]) -> bool {
        match self.0 {}
    }

    #[must_use]
    pub fn read_bytes_max(&self) -> usize {
        match self.0 {}
    }

    pub fn receive(
        &mut self,
        _: &mut [u8],
        _: &mut dyn FnMut(&[u8]),
        _: &mut Outgoing,
    ) -> Result<Received, Error> {
        match self.0 {}
    }

    pub fn send(&mut self, _: &[u8], _: &mut Outgoing) -> Result<(), Error> {
        match self.0 {}
    }

    pub fn end(&mut self, _: &mut Outgoing) {
        match self.0 {}
    }

    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        match self.0 {}
    }

    #[must_use]
    pub fn client_certificate(&self) -> Option<ClientCertificate> {
        match self.0 {}
    }
}
