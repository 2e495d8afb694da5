//! `listen.tls` and `upstream.tls`: files to certificates and keys, each mistake at the key that names the file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::address::UpstreamAddress;
use super::checker::Checker;
use super::error::At;
use super::schema::{self, Text};
use super::settings::UpstreamTls;
use crate::tls::{Client, ClientCertificates, MaterialError, PlainClients, Server, ServerName};

/// The largest file of certificates that is read, in bytes: all public authorities take a quarter of it.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Reads files that the configuration names.
struct Files<'c, 't> {
    checker: &'c mut Checker<'t>,
    folder: &'c Path,
}

impl Files<'_, '_> {
    fn read(&mut self, at: At, name: Option<&Text>) -> Option<Vec<u8>> {
        let path = self.folder.join(&**name?);
        let read = read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()));
        self.checker.value(at, read)
    }

    /// A certificate and its key: both or neither.
    fn pair(
        &mut self,
        at: impl Fn(&'static str) -> At,
        (certificate, key): (Option<&Text>, Option<&Text>),
    ) -> Option<(Vec<u8>, Vec<u8>)> {
        match (certificate, key) {
            (Some(_), None) => self.checker.refuse(at("certificate"), &"its `key` is missing"),
            (None, Some(_)) => self.checker.refuse(at("key"), &"its `certificate` is missing"),
            _ => {}
        }
        let chain = self.read(at("certificate"), certificate);
        let key = self.read(at("key"), key);
        chain.zip(key)
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// How clients are spoken to, as the section at this place says.
pub(super) fn server(
    checker: &mut Checker<'_>,
    place: At,
    section: Option<&schema::ListenTls>,
    folder: &Path,
) -> Option<Arc<Server>> {
    let section = section?;
    let at = |key| place.inner(key);
    let before = checker.mistakes();
    let asked = section.client_certificates.as_ref();
    let asked = checker.optional(at("client_certificates"), asked, parse_client_certificates);
    let default = match section.clients {
        Some(_) => ClientCertificates::Require,
        None => ClientCertificates::None,
    };
    let asked = asked.unwrap_or(default);
    let plain = checker.optional(at("plain"), section.plain.as_ref(), parse_plain);
    match (asked, &section.clients) {
        (ClientCertificates::None, Some(_)) => {
            checker.refuse(at("clients"), &"it has no effect: `client_certificates` is none");
        }
        (ClientCertificates::Require | ClientCertificates::Request, None) => checker.refuse(
            at("client_certificates"),
            &"`clients`, the file of the authorities that issue them, is missing",
        ),
        _ => {}
    }
    if section.certificate.is_none() && section.key.is_none() {
        checker.refuse(place, &"`certificate` and `key` are missing");
    }
    let mut files = Files { checker, folder };
    let pair = files.pair(at, (section.certificate.as_ref(), section.key.as_ref()));
    let clients = files.read(at("clients"), section.clients.as_ref());
    if checker.mistakes() > before {
        return None;
    }
    let (chain, key) = pair?;
    let plain = plain.unwrap_or(PlainClients::Refuse);
    let made = Server::new((&chain, &key), clients.as_deref(), asked, plain);
    made.map(Arc::new).map_err(|error| refuse(checker, &at, "clients", &error)).ok()
}

/// How daemons are spoken to. `dockerapi` is what the file says of where they are.
pub(super) fn client(
    checker: &mut Checker<'_>,
    section: Option<&schema::UpstreamTls>,
    dockerapi: &str,
    address: Option<&UpstreamAddress>,
    folder: &Path,
) -> Option<UpstreamTls> {
    let section = section?;
    let at = |key| At::key("upstream", "tls").inner(key);
    let before = checker.mistakes();
    if section.ca.is_none() {
        checker.refuse(
            At::key("upstream", "tls"),
            &"`ca`, the file of the authorities that the daemon's certificate is from, is missing",
        );
    }
    let name = section.server_name.as_ref();
    let name = checker.optional(at("server_name"), name, ServerName::parse);
    let mut files = Files { checker, folder };
    let ca = files.read(at("ca"), section.ca.as_ref());
    let pair = files.pair(at, (section.certificate.as_ref(), section.key.as_ref()));
    if checker.mistakes() > before {
        return None;
    }
    let pair = pair.as_ref().map(|(chain, key)| (chain.as_slice(), key.as_slice()));
    let client = Client::new(&ca?, pair).map(Arc::new);
    let client = client.map_err(|error| refuse(checker, &at, "ca", &error)).ok()?;
    let of_dockerapi = match (&name, address) {
        (Some(name), Some(UpstreamAddress::Tcp(_))) => Some(name.clone()),
        (None, Some(UpstreamAddress::Tcp(address))) => {
            let host = super::address::host_of(dockerapi);
            host.and_then(|host| ServerName::parse(host).ok()).or(Some(address.ip().into()))
        }
        (_, Some(UpstreamAddress::Unix(_)) | None) => None,
    };
    Some(UpstreamTls { client, name, of_dockerapi })
}

/// Notes what is wrong with certificates at the key whose file it is about.
fn refuse(
    checker: &mut Checker<'_>,
    at: &dyn Fn(&'static str) -> At,
    authorities: &'static str,
    error: &MaterialError,
) {
    let key = match error {
        MaterialError::Key(_) | MaterialError::Mismatch => "key",
        MaterialError::NoPem { wanted } | MaterialError::BrokenPem { wanted, .. }
            if *wanted == "private key" =>
        {
            "key"
        }
        MaterialError::Authority(_) => authorities,
        _ => "certificate",
    };
    checker.refuse(at(key), error);
}

fn parse_client_certificates(text: &str) -> Result<ClientCertificates, String> {
    match text {
        "require" => Ok(ClientCertificates::Require),
        "request" => Ok(ClientCertificates::Request),
        "none" => Ok(ClientCertificates::None),
        _ => Err(format!("`{}` is not one of require, request, none", text.escape_debug())),
    }
}

fn parse_plain(text: &str) -> Result<PlainClients, String> {
    match text {
        "allow" => Ok(PlainClients::Serve),
        "refuse" => Ok(PlainClients::Refuse),
        _ => Err(format!("`{}` is neither allow nor refuse", text.escape_debug())),
    }
}
