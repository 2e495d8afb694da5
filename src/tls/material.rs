//! PEM files to certificates, keys and authorities, each checked as far as it can be by itself.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{Error as Tls, InconsistentKeys, SignatureAlgorithm};

use super::error::MaterialError;
use super::error::in_words;
use super::values::Validity;
use super::x509;

/// A certificate, those of its issuers, and its key.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) key: Arc<CertifiedKey>,
    /// Of each certificate of the chain.
    pub(super) validity: Vec<Validity>,
}

/// Reads a chain and a key, and sees that they belong together.
pub(super) fn pair(
    chain: &[u8],
    key: &[u8],
    provider: &CryptoProvider,
) -> Result<Pair, MaterialError> {
    let chain = certificates(chain)?;
    let validity = validities(&chain)?;
    let key = private_key(key)?;
    check_chain(&chain, provider)?;
    let key = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        Tls::InconsistentKeys(InconsistentKeys::KeyMismatch) => MaterialError::Mismatch,
        Tls::InvalidCertificate(_) => {
            MaterialError::Certificate { number: 1, reason: in_words(&error) }
        }
        error => MaterialError::Key(in_words(&error)),
    })?;
    Ok(Pair { key: Arc::new(key), validity })
}

/// Whether a signature takes several milliseconds: RSA with more than 2048 bits.
pub(super) fn is_slow(key: &CertifiedKey) -> bool {
    /// The `SubjectPublicKeyInfo` of RSA with 2048 bits has 294 bytes, with 3072 bits 422.
    const SPKI_BYTES_MAX: usize = 300;
    key.key.algorithm() == SignatureAlgorithm::RSA
        && key.key.public_key().is_some_and(|key| key.len() > SPKI_BYTES_MAX)
}

/// Reads the authorities that are trusted.
pub(super) fn authorities(
    pem: &[u8],
) -> Result<(Arc<RootCertStore>, Vec<Validity>), MaterialError> {
    let wrong = |error: MaterialError| MaterialError::Authority(error.to_string());
    let certificates = certificates(pem).map_err(wrong)?;
    let validity = validities(&certificates).map_err(wrong)?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|error| MaterialError::Authority(in_words(&error)))?;
    }
    Ok((Arc::new(roots), validity))
}

fn validities(chain: &[CertificateDer<'_>]) -> Result<Vec<Validity>, MaterialError> {
    let read = |(index, der)| {
        let wrong = |reason| MaterialError::Certificate { number: index + 1, reason };
        x509::validity(der).map_err(wrong)
    };
    chain.iter().enumerate().map(read).collect()
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, MaterialError> {
    let wanted = "certificate";
    let broken =
        |error: pem::Error| MaterialError::BrokenPem { wanted, reason: in_own_words(&error) };
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(broken)?;
    if found.is_empty() { Err(MaterialError::NoPem { wanted }) } else { Ok(found) }
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, MaterialError> {
    let wanted = "private key";
    if memchr::memmem::find(pem, b"BEGIN ENCRYPTED PRIVATE KEY").is_some()
        || memchr::memmem::find(pem, b"Proc-Type: 4,ENCRYPTED").is_some()
    {
        return Err(MaterialError::Key("it is protected with a passphrase".to_owned()));
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        pem::Error::NoItemsFound => MaterialError::NoPem { wanted },
        error => MaterialError::BrokenPem { wanted, reason: in_own_words(&error) },
    })
}

/// What is wrong with a file in PEM form. The reader's own words quote its lines, of which a whole key may be
/// one if its line breaks were lost.
fn in_own_words(error: &pem::Error) -> String {
    let text = match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end line",
        pem::Error::IllegalSectionStart { .. } => "the line that begins a section has more in it",
        pem::Error::Base64Decode(_) => "what is between the lines is not Base64",
        pem::Error::SectionTooLarge => "a section is too large",
        _ => "it cannot be read",
    };
    text.to_owned()
}

/// Each certificate names the next as its issuer, and the signatures hold up to the last, whoever has issued
/// that. Dates are judged apart: an expired certificate is served with a warning, as renewing it may be late.
fn check_chain(
    chain: &[CertificateDer<'static>],
    provider: &CryptoProvider,
) -> Result<(), MaterialError> {
    for (index, two) in chain.windows(2).enumerate() {
        let [one, issuer] = two else { continue };
        if !x509::is_issued_by(one, issuer) {
            return Err(MaterialError::Order { number: index + 1 });
        }
    }
    let [end, between @ .., last] = chain else { return Ok(()) };
    let invalid = |error: &Tls| MaterialError::Chain(in_words(error));
    let parsed = ParsedCertificate::try_from(end).map_err(|error| invalid(&error))?;
    let mut roots = RootCertStore::empty();
    roots.add(last.clone()).map_err(|error| invalid(&error))?;
    let algorithms = provider.signature_verification_algorithms.all;
    let verified = verify_server_cert_signed_by_trust_anchor(
        &parsed,
        &roots,
        between,
        UnixTime::now(),
        algorithms,
    );
    match verified {
        Err(error) if !is_about_dates_or_use(&error) => Err(invalid(&error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn is_about_dates_or_use(error: &Tls) -> bool {
    use rustls::CertificateError as Bad;
    let Tls::InvalidCertificate(bad) = error else { return false };
    matches!(
        bad,
        Bad::Expired
            | Bad::ExpiredContext { .. }
            | Bad::NotValidYet
            | Bad::NotValidYetContext { .. }
            // The chain of a client's certificate: it is not for servers.
            | Bad::InvalidPurpose
            | Bad::InvalidPurposeContext { .. }
    )
}
