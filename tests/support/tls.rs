//! TLS between clients, SecDocker and engines: certificates of this test binary, and a client of its own.
//!
//! `SECDOCKER_TLS=1` in the environment has every test speak TLS to SecDocker; `SECDOCKER_TLS=both` also has
//! SecDocker speak TLS to the shared engine. With `redirect` (IPv4) or `redirect6` (IPv6) clients speak TLS to what they
//! take for the engine, and are redirected: see [`Redirected`].

use super::authority::{Authority, Issued, Leaf};
use super::networks::Redirect;
use super::sandbox;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// Which sides of SecDocker every test has speak TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sides {
    None,
    Clients,
    Both,
    /// The same behind a redirection; clients connect to this address.
    Redirected(&'static str),
}

impl Sides {
    /// Whether the shared engine speaks TLS.
    pub(crate) fn has_engine(self) -> bool {
        matches!(self, Sides::Both | Sides::Redirected(_))
    }
}

pub(crate) fn sides() -> Sides {
    match std::env::var("SECDOCKER_TLS").as_deref() {
        Ok("1") => Sides::Clients,
        Ok("both") => Sides::Both,
        Ok("redirect") => Sides::Redirected("127.0.0.1"),
        Ok("redirect6") => Sides::Redirected("[::1]"),
        Ok("") | Err(_) => Sides::None,
        Ok(other) => panic!("SECDOCKER_TLS={other}: 1, both, redirect or redirect6"),
    }
}

/// An authority, and the files that docker's documentation makes with it.
pub(crate) struct House {
    pub(crate) authority: Authority,
    pub(crate) directory: PathBuf,
}

/// Names and addresses that the server's certificate is for.
const SERVER: [&str; 8] = [
    "localhost",
    "127.0.0.1",
    "::1",
    "10.77.0.1",
    "fd77::1",
    "10.77.0.2",
    "docker.example",
    "fd77::2",
];

impl House {
    /// The one of this test binary.
    pub(crate) fn shared() -> &'static House {
        static HOUSE: OnceLock<House> = OnceLock::new();
        HOUSE.get_or_init(House::new)
    }

    /// One that nobody else trusts.
    pub(crate) fn new() -> House {
        let house =
            House { authority: Authority::new("Test CA"), directory: sandbox::directory("tls") };
        fs::write(house.directory.join("ca.pem"), &house.authority.certificate).unwrap();
        house.write("server-", &house.authority.issue(&Leaf::server("daemon", &SERVER)));
        let client = Leaf::client("tester").email("tester@example");
        house.write("", &house.authority.issue(&client));
        house
    }

    /// Writes `PREFIXcert.pem` and `PREFIXkey.pem`.
    pub(crate) fn write(&self, prefix: &str, issued: &Issued) {
        fs::write(self.directory.join(format!("{prefix}cert.pem")), &issued.certificate).unwrap();
        fs::write(self.directory.join(format!("{prefix}key.pem")), &issued.key).unwrap();
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    /// `listen.tls` as one line of a configuration, with more keys behind a comma.
    pub(crate) fn listen(&self, more: &str) -> String {
        let [certificate, key, ca] =
            ["server-cert.pem", "server-key.pem", "ca.pem"].map(|name| self.file(name));
        format!("  tls: {{certificate: {certificate}, key: {key}, clients: {ca}{more}}}\n")
    }

    /// `upstream.tls`.
    pub(crate) fn upstream(&self) -> String {
        let [certificate, key, ca] = ["cert.pem", "key.pem", "ca.pem"].map(|name| self.file(name));
        format!("upstream:\n  tls: {{certificate: {certificate}, key: {key}, ca: {ca}}}\n")
    }

    /// What makes an engine listen with TLS here.
    pub(crate) fn engine(&self, host: &str) -> Vec<String> {
        vec![
            format!("--host=tcp://{host}"),
            "--tlsverify".to_owned(),
            format!("--tlscacert={}", self.file("ca.pem")),
            format!("--tlscert={}", self.file("server-cert.pem")),
            format!("--tlskey={}", self.file("server-key.pem")),
        ]
    }

    /// What docker's clients read.
    pub(crate) fn environment(&self) -> [(&'static str, String); 2] {
        [("DOCKER_TLS_VERIFY", "1".to_owned()), ("DOCKER_CERT_PATH", self.file(""))]
    }

    /// How this house's client, or one with this pair, speaks TLS.
    pub(crate) fn client(&self, pair: Option<&Issued>) -> ClientConfig {
        self.client_of(pair, rustls::DEFAULT_VERSIONS)
    }

    /// The same in these versions.
    pub(crate) fn client_of(
        &self,
        pair: Option<&Issued>,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&self.authority.certificate)).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        match pair {
            None => config.with_no_client_auth(),
            Some(pair) => {
                let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
                config.with_client_auth_cert(vec![certificate(&pair.certificate)], key).unwrap()
            }
        }
    }

    /// How this house's daemon speaks TLS, which asks for no certificate.
    pub(crate) fn accept(&self, stream: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
        let read = |name: &str| fs::read_to_string(self.directory.join(name)).unwrap();
        let key = PrivateKeyDer::from_pem_slice(read("server-key.pem").as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate(&read("server-cert.pem"))], key)
            .unwrap();
        StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream)
    }

    /// The pair that clients show.
    pub(crate) fn pair(&self) -> Issued {
        let read = |name| fs::read_to_string(self.directory.join(name)).unwrap();
        Issued { certificate: read("cert.pem"), key: read("key.pem") }
    }
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// Speaks TLS on a connection.
pub(crate) fn connect(
    stream: TcpStream,
    config: ClientConfig,
) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

/// How clients are led to one SecDocker, and its own connections to the engine: a port of this machine stands for
/// each engine that a client knows.
///
/// ```text
/// client ─► ADDRESS:port ─REDIRECT─► SecDocker ─mark─► ADDRESS:port ─REDIRECT─► engine
/// ```
pub(crate) struct Redirected {
    /// Where clients connect to.
    pub(crate) address: SocketAddr,
    _rules: [Redirect; 2],
}

/// The mark of SecDocker's own connections.
pub(crate) const MARK: &str = "0x5ec";

impl Redirected {
    /// From a new port to SecDocker, and from there to the engine, each by its port.
    pub(crate) fn new(host: &str, secdocker: u16, engine: u16) -> Redirected {
        let port = sandbox::port();
        let rule = |mark: &str, to: u16| {
            Redirect::new(&format!(
                "OUTPUT -p tcp --dport {port} -m mark {mark} {MARK} -j REDIRECT --to-ports {to}"
            ))
        };
        let _rules = [rule("! --mark", secdocker), rule("--mark", engine)];
        Redirected { address: format!("{host}:{port}").parse().unwrap(), _rules }
    }
}

/// A configuration in which clients speak TLS, if every test does.
pub(crate) fn with_listen(config: &str) -> String {
    if sides() == Sides::None {
        return config.to_owned();
    }
    let transparent = match sides() {
        Sides::Redirected(_) => "  transparent: true\n",
        _ => "",
    };
    let tls = House::shared().listen("") + transparent;
    match config.strip_prefix("listen:\n").or(config.contains("\nlisten:\n").then_some("")) {
        Some(_) => config.replacen("listen:\n", &format!("listen:\n{tls}"), 1),
        None => format!("{config}listen:\n{tls}"),
    }
}
