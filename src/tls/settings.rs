//! The settings of one side, made once and shared by all its connections.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use ring::digest::{Context, SHA256};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring as provider};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, ServerConfig};

use super::chain::OneOrder;
use super::error::MaterialError;
use super::material::{self, Pair};
use super::values::{ClientCertificates, PlainClients, Validity};

/// Neither side speaks HTTP/2 (RFC 7301).
const HTTP11: &[u8] = b"http/1.1";

/// Tells settings apart by what they were made of, so that an unchanged file leaves sessions resumable.
type Origin = [u8; 32];

/// How clients are spoken to.
#[derive(Clone)]
pub struct Server {
    pub(super) config: Arc<ServerConfig>,
    validity: Vec<Validity>,
    has_slow_key: bool,
    /// What is asked of clients.
    pub client_certificates: ClientCertificates,
    /// What becomes of clients that speak no TLS.
    pub plain: PlainClients,
    origin: Origin,
}

/// How daemons are spoken to.
#[derive(Clone)]
pub struct Client {
    pub(super) config: Arc<ClientConfig>,
    validity: Vec<Validity>,
    has_slow_key: bool,
    origin: Origin,
}

/// The name that a daemon's certificate must be for: of a host, or an IP address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerName(pub(super) rustls::pki_types::ServerName<'static>);

impl ServerName {
    /// Reads a name or an address.
    ///
    /// # Errors
    /// [`MaterialError::Name`] for anything else.
    pub fn parse(text: &str) -> Result<Self, MaterialError> {
        let name = rustls::pki_types::ServerName::try_from(text.to_owned());
        name.map(Self).map_err(|_| MaterialError::Name(text.to_owned()))
    }
}

impl From<std::net::IpAddr> for ServerName {
    fn from(address: std::net::IpAddr) -> Self {
        Self(rustls::pki_types::ServerName::IpAddress(address.into()))
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_str())
    }
}

impl Server {
    /// From PEM: a chain with its key, and the authorities of clients' certificates.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(
        (chain, key): (&[u8], &[u8]),
        clients: Option<&[u8]>,
        client_certificates: ClientCertificates,
        plain: PlainClients,
    ) -> Result<Self, MaterialError> {
        let provider = Arc::new(provider::default_provider());
        let Pair { key: pair, mut validity } = material::pair(chain, key, &provider)?;
        let has_slow_key = material::is_slow(&pair);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(other)?;
        let builder = match (client_certificates, clients) {
            (ClientCertificates::None, _) | (_, None) => builder.with_no_client_auth(),
            (ClientCertificates::Require | ClientCertificates::Request, Some(clients)) => {
                let (roots, dates) = material::authorities(clients)?;
                validity.extend(dates);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                let verifier = match client_certificates {
                    ClientCertificates::Request => verifier.allow_unauthenticated(),
                    ClientCertificates::Require | ClientCertificates::None => verifier,
                };
                let verifier = verifier.build();
                let wrong = |error: rustls::server::VerifierBuilderError| {
                    MaterialError::Authority(error.to_string())
                };
                builder.with_client_cert_verifier(Arc::new(OneOrder(verifier.map_err(wrong)?)))
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
        config.alpn_protocols = vec![HTTP11.to_vec()];
        // Keys of tickets are made anew with the settings: no session outlives the authorities that it was
        // verified by.
        config.ticketer = provider::Ticketer::new().map_err(other)?;
        let origin = origin(&[
            chain,
            key,
            clients.unwrap_or_default(),
            &[client_certificates as u8, plain as u8],
        ]);
        let config = Arc::new(config);
        Ok(Self { config, validity, has_slow_key, client_certificates, plain, origin })
    }

    /// Whether a signature of its key takes several milliseconds, and must not be made on a loop: RSA with more
    /// than 2048 bits.
    #[must_use]
    pub fn has_slow_key(&self) -> bool {
        self.has_slow_key
    }

    /// When its own certificates and those of authorities are valid.
    #[must_use]
    pub fn validity(&self) -> &[Validity] {
        &self.validity
    }
}

impl Client {
    /// From PEM: the authorities of the daemon's certificate, and a chain with its key if it wants one.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(authorities: &[u8], pair: Option<(&[u8], &[u8])>) -> Result<Self, MaterialError> {
        let provider: Arc<CryptoProvider> = Arc::new(provider::default_provider());
        let (roots, mut validity) = material::authorities(authorities)?;
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
        let verifier: Arc<dyn ServerCertVerifier> = verifier.build().map_err(other)?;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(other)?
            // Rustls calls any verifier but its own dangerous; this one asks it, and can only refuse more.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(OneOrder(verifier)));
        let mut has_slow_key = false;
        let mut config = match pair {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let Pair { key, validity: dates } = material::pair(chain, key, &provider)?;
                validity.splice(0..0, dates);
                has_slow_key = material::is_slow(&key);
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
            }
        };
        config.alpn_protocols = vec![HTTP11.to_vec()];
        let (chain, key) = pair.unwrap_or_default();
        let origin = origin(&[authorities, chain, key]);
        Ok(Self { config: Arc::new(config), validity, has_slow_key, origin })
    }

    /// As [`Server::has_slow_key`].
    #[must_use]
    pub fn has_slow_key(&self) -> bool {
        self.has_slow_key
    }

    /// When its own certificates and those of authorities are valid.
    #[must_use]
    pub fn validity(&self) -> &[Validity] {
        &self.validity
    }
}

fn other(error: impl fmt::Display) -> MaterialError {
    MaterialError::Other(error.to_string())
}

fn origin(parts: &[&[u8]]) -> Origin {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    let mut origin = Origin::default();
    for (to, from) in origin.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    origin
}

macro_rules! told_apart_by_origin {
    ($($settings:ident),*) => {$(
        impl PartialEq for $settings {
            fn eq(&self, other: &Self) -> bool {
                self.origin == other.origin
            }
        }

        impl Eq for $settings {}

        impl Hash for $settings {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.origin.hash(state);
            }
        }

        /// No key is shown.
        impl fmt::Debug for $settings {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($settings)).field("validity", &self.validity).finish_non_exhaustive()
            }
        }
    )*};
}

told_apart_by_origin!(Server, Client);
