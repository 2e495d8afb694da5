//! What goes wrong, in words.

use std::fmt;

/// Why a connection can't go on: a sentence's predicate, such as "its certificate has expired".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(pub(super) String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// Why certificates or a key can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are what their messages say")]
pub enum MaterialError {
    NoPem { wanted: &'static str },
    BrokenPem { wanted: &'static str, reason: String },
    Certificate { number: usize, reason: String },
    Key(String),
    Mismatch,
    Order { number: usize },
    Chain(String),
    Authority(String),
    Name(String),
    Other(String),
}

impl fmt::Display for MaterialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPem { wanted } => write!(f, "the file has no {wanted} in PEM form"),
            Self::BrokenPem { wanted, reason } => {
                write!(f, "the file is not PEM with a {wanted}: {reason}")
            }
            Self::Certificate { number, reason } => {
                write!(f, "certificate {number} of the file cannot be read: {reason}")
            }
            Self::Key(reason) => write!(f, "the private key cannot be used: {reason}"),
            Self::Mismatch => f.write_str("the private key does not match the certificate"),
            Self::Order { number } => write!(
                f,
                "certificate {number} of the file was not issued by the one after it: the chain begins \
                 with the certificate itself, and each next one is its issuer's"
            ),
            Self::Chain(reason) => write!(f, "the chain of certificates is not valid: {reason}"),
            Self::Authority(reason) => write!(f, "the authority cannot be used: {reason}"),
            Self::Name(name) => write!(
                f,
                "`{}` is neither the name of a host nor an IP address",
                name.escape_debug()
            ),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for MaterialError {}

#[cfg(feature = "tls")]
impl From<rustls::Error> for Error {
    fn from(error: rustls::Error) -> Self {
        Self(in_words(&error))
    }
}

/// The usual faults of certificates and versions get words of their own; the rest is said by rustls.
#[cfg(feature = "tls")]
pub(super) fn in_words(error: &rustls::Error) -> String {
    use rustls::{CertificateError as Bad, Error as Tls, PeerIncompatible as Peer};
    match error {
        Tls::NoCertificatesPresented => "it has sent no certificate".to_owned(),
        Tls::InvalidCertificate(bad) => match bad {
            Bad::Expired | Bad::ExpiredContext { .. } => "its certificate has expired".to_owned(),
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                "its certificate is not valid yet".to_owned()
            }
            // Another authority of the same name has signed it.
            Bad::UnknownIssuer | Bad::BadSignature => {
                "its certificate is not from an authority that is trusted".to_owned()
            }
            Bad::NotValidForNameContext { expected, presented } => format!(
                "its certificate is not for {}, but for {}",
                expected.to_str(),
                if presented.is_empty() { "no name".to_owned() } else { presented.join(", ") }
            ),
            Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
                "its certificate is not for this use (extended key usage)".to_owned()
            }
            Bad::Other(reason) if reason.to_string().contains("CaUsedAsEndEntity") => {
                "its certificate is that of an authority: have that authority issue another for it"
                    .to_owned()
            }
            other => format!("its certificate is not valid: {other}"),
        },
        Tls::InvalidMessage(_) => format!("what it sent is not TLS ({error})"),
        Tls::PeerIncompatible(
            Peer::Tls12NotOffered
            | Peer::Tls12NotOfferedOrEnabled
            | Peer::Tls13RequiredForQuic
            | Peer::SupportedVersionsExtensionRequired
            | Peer::ServerTlsVersionIsDisabledByOurConfig
            | Peer::ServerDoesNotSupportTls12Or13
            // Older versions have no such extension, and that is what shows first.
            | Peer::SignatureAlgorithmsExtensionRequired,
        ) => "it speaks neither TLS 1.2 nor TLS 1.3".to_owned(),
        Tls::AlertReceived(alert) => {
            format!("it has refused the handshake or broken off: alert {alert:?}")
        }
        // Our own refusals.
        Tls::General(reason) => reason.clone(),
        Tls::NoApplicationProtocol => "it does not offer http/1.1 (ALPN)".to_owned(),
        other => other.to_string(),
    }
}
