//! What a certificate says. Nothing here is verified: the handshake has done that, or it is our own.

use ring::digest;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::{DirectoryString, GeneralName};
use x509_cert::name::Name;

use super::values::Validity;
use crate::client::{ClientCertificate, Fingerprint};

/// `id-at-commonName` (RFC 5280 appendix A.1).
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// What a client has shown. Names that can't be read are left out: who has none matches nothing by name.
pub(super) fn client_certificate(der: &CertificateDer<'_>) -> Option<ClientCertificate> {
    let certificate = Certificate::from_der(der).ok()?;
    let tbs = certificate.tbs_certificate();
    let key = ParsedCertificate::try_from(der).ok()?.subject_public_key_info();
    let mut read = ClientCertificate {
        common_names: common_names(tbs.subject()),
        dns: Vec::new(),
        emails: Vec::new(),
        uris: Vec::new(),
        issuer: tbs.issuer().to_string(),
        issuer_common_names: common_names(tbs.issuer()),
        fingerprint: sha256(der),
        key_fingerprint: sha256(&key),
    };
    let alternatives = tbs.get_extension::<SubjectAltName>().ok().flatten();
    for name in alternatives.into_iter().flat_map(|(_, SubjectAltName(names))| names) {
        match name {
            GeneralName::DnsName(name) => read.dns.push(name.to_string()),
            GeneralName::Rfc822Name(name) => read.emails.push(name.to_string()),
            GeneralName::UniformResourceIdentifier(name) => read.uris.push(name.to_string()),
            _ => {}
        }
    }
    Some(read)
}

fn common_names(name: &Name) -> Vec<String> {
    let read = |value| Some(DirectoryString::try_from(value).ok()?.value().into_owned());
    let all = name.iter().filter(|one| one.oid == COMMON_NAME);
    all.filter_map(|one| read(&one.value)).collect()
}

/// When a certificate is valid.
///
/// # Errors
/// What is wrong with its encoding.
pub(super) fn validity(der: &CertificateDer<'_>) -> Result<Validity, String> {
    let certificate = Certificate::from_der(der).map_err(|error| error.to_string())?;
    let tbs = certificate.tbs_certificate();
    Ok(Validity {
        subject: tbs.subject().to_string(),
        not_before: tbs.validity().not_before.to_unix_duration().as_secs(),
        not_after: tbs.validity().not_after.to_unix_duration().as_secs(),
    })
}

/// Whom a certificate is for.
///
/// # Errors
/// What is wrong with its encoding.
pub(super) fn subject(der: &CertificateDer<'_>) -> Result<Name, String> {
    let certificate = Certificate::from_der(der).map_err(|error| error.to_string())?;
    Ok(certificate.tbs_certificate().subject().clone())
}

/// Whether the first names the second as its issuer.
pub(super) fn is_issued_by(one: &CertificateDer<'_>, issuer: &CertificateDer<'_>) -> bool {
    match (Certificate::from_der(one), Certificate::from_der(issuer)) {
        (Ok(one), Ok(issuer)) => {
            one.tbs_certificate().issuer() == issuer.tbs_certificate().subject()
        }
        _ => false,
    }
}

fn sha256(bytes: &[u8]) -> Fingerprint {
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()) {
        *to = *from;
    }
    Fingerprint(hash)
}
