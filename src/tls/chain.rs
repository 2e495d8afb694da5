//! Verification of chains at a cost that the other side can't choose.
//!
//! webpki tries each order in which the certificates that were sent could lead to an authority. Of forty that bear
//! one name it tries 200,000 (seconds in a build without optimisation), before anything is known about the sender, and a loop stands still meanwhile.
//! Certificates that all bear different names have one order.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::x509;

/// Certificates of issuers in one chain: webpki follows no more.
const ISSUERS_MAX: usize = 6;

/// Asks a verifier about chains that have one order, and refuses others.
#[derive(Debug)]
pub(super) struct OneOrder<V: ?Sized>(pub(super) Arc<V>);

/// What is sent behind the other side's own certificate: few, and no two of one name.
fn check(issuers: &[CertificateDer<'_>]) -> Result<(), Error> {
    if issuers.len() > ISSUERS_MAX {
        let reason = format!("it has sent more than {ISSUERS_MAX} certificates of issuers");
        return Err(Error::General(reason));
    }
    let names = issuers.iter().map(x509::subject).collect::<Result<Vec<_>, _>>();
    let names = names.map_err(|reason| {
        Error::General(format!(
            "a certificate of an issuer that it has sent cannot be read: {reason}"
        ))
    })?;
    let is_repeated = |(index, name)| names.iter().skip(index + 1).any(|other| other == name);
    match names.iter().enumerate().any(is_repeated) {
        true => {
            Err(Error::General("it has sent two certificates of issuers of one name".to_owned()))
        }
        false => Ok(()),
    }
}

impl ClientCertVerifier for OneOrder<dyn ClientCertVerifier> {
    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        check(intermediates)?;
        self.0.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

impl ServerCertVerifier for OneOrder<dyn ServerCertVerifier> {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        check(intermediates)?;
        self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
