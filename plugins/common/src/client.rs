//! One HTTP request at a time, each with a total deadline and a bound on its answer.
//!
//! Follows no redirect and keeps no connection: where credentials go is what the configuration says, and
//! a connection that the server closed meanwhile can't be met.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use ureq::http::{Request, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Timeout};

use crate::config::{self, Secret};
use crate::text::shown;

/// The longest answer that is read, in bytes: an image with tens of thousands of findings has one of
/// some 30 MiB.
pub const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// The longest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How the servers of `https` addresses are known.
#[derive(Debug, Default)]
pub struct Trust<'a> {
    /// Certificates in PEM that are trusted in place of the public ones.
    pub ca_file: Option<&'a Path>,
    /// Trusts any certificate.
    pub insecure: bool,
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case; values that are no text are left out.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The first header of that name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All headers of that name, given in lower case.
    pub fn all_headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Not by the deadline.
    Timeout,
    /// No connection, or one that broke.
    Unreachable(String),
    /// The two sides could not agree on TLS, or the server's certificate is not trusted.
    Tls(String),
    /// More bytes than are read.
    TooLarge,
    /// What came is not HTTP, or what was to be sent can't be.
    Protocol(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("no answer in time"),
            Self::Unreachable(why) => write!(f, "not reachable: {why}"),
            Self::Tls(why) => write!(f, "not TLS: {why}"),
            Self::TooLarge => f.write_str("the answer is too long"),
            Self::Protocol(why) => write!(f, "not HTTP: {why}"),
        }
    }
}

/// A request without a body, or with one.
#[derive(Debug)]
pub struct Ask<'a> {
    /// `GET`, `HEAD`, `POST`.
    pub method: &'a str,
    /// `http://` or `https://`; whatever comes from outside is encoded by then.
    pub url: &'a str,
    /// Name and value.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: Option<&'a [u8]>,
}

/// Sends requests to any server.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    bytes_max: u64,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// A client that trusts these servers.
    ///
    /// # Errors
    /// A sentence, if `ca_file` can't be read or holds no certificate.
    pub fn new(trust: &Trust<'_>) -> Result<Self, String> {
        let mut tls = TlsConfig::builder().disable_verification(trust.insecure);
        if let Some(path) = trust.ca_file {
            tls = tls.root_certs(RootCerts::Specific(Arc::new(certificates(path)?)));
        }
        let config = Agent::config_builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(HEAD_BYTES_MAX)
            .max_idle_connections(0)
            .proxy(None)
            .user_agent(concat!("SecDocker/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.into(), bytes_max: ANSWER_BYTES_MAX })
    }

    /// The same with another bound on answers.
    pub fn with_bytes_max(self, bytes_max: u64) -> Self {
        Self { bytes_max, ..self }
    }

    /// Sends one request and reads all of its answer, both within `left`.
    ///
    /// # Errors
    /// [`Failure`]; an answer with any status is none.
    pub fn send(&self, ask: &Ask<'_>, left: Option<Duration>) -> Result<Reply, Failure> {
        let left = left.ok_or(Failure::Timeout)?;
        let mut request = Request::builder().method(ask.method).uri(ask.url);
        for (name, value) in ask.headers {
            request = request.header(*name, *value);
        }
        let answer = match ask.body {
            Some(body) => self.run(request.body(body), left),
            None => self.run(request.body(()), left),
        };
        let mut answer = answer?;
        let body = answer.body_mut().with_config().limit(self.bytes_max).read_to_vec();
        let headers = answer.headers().iter().filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        });
        let (status, headers) = (answer.status().as_u16(), headers.collect());
        Ok(Reply { status, headers, body: body.map_err(failure)? })
    }

    fn run<B: ureq::AsSendBody>(
        &self,
        request: Result<Request<B>, ureq::http::Error>,
        left: Duration,
    ) -> Result<ureq::http::Response<ureq::Body>, Failure> {
        let request = request.map_err(|error| Failure::Protocol(error.to_string()))?;
        let request = self.agent.configure_request(request).timeout_global(Some(left)).build();
        self.agent.run(request).map_err(failure)
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let pem = config::read("ca_file", path)?;
    let wrong = || format!("ca_file: {} holds no certificate in PEM", path.display());
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|_| wrong())? {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(wrong()) } else { Ok(found) }
}

fn failure(error: ureq::Error) -> Failure {
    match error {
        ureq::Error::Timeout(Timeout::Resolve) => Failure::Unreachable("no address in time".into()),
        ureq::Error::Timeout(_) => Failure::Timeout,
        ureq::Error::BodyExceedsLimit(_) => Failure::TooLarge,
        ureq::Error::Tls(why) => Failure::Tls(why.to_owned()),
        ureq::Error::Rustls(why) => Failure::Tls(shown(&why.to_string())),
        ureq::Error::HostNotFound => Failure::Unreachable("no such host".to_owned()),
        ureq::Error::ConnectionFailed => Failure::Unreachable("no connection".to_owned()),
        ureq::Error::Io(error) => failure_of_io(error),
        other => Failure::Protocol(shown(&other.to_string())),
    }
}

/// What lies below wraps its own errors into those of reading and writing.
fn failure_of_io(error: std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::TimedOut {
        return Failure::Timeout;
    }
    let text = shown(&error.to_string());
    match error.into_inner().map(|inner| inner.downcast::<ureq::Error>()) {
        Some(Ok(inner)) if !matches!(*inner, ureq::Error::Io(_)) => failure(*inner),
        Some(Err(inner)) if text.contains("certificate") || inner.to_string().contains("TLS") => {
            Failure::Tls(text)
        }
        _ => Failure::Unreachable(text),
    }
}

/// The value of an `Authorization` header by user name and password (RFC 7617).
pub fn basic(username: &str, password: &Secret) -> Secret {
    let pair = STANDARD.encode(format!("{username}:{}", password.reveal()));
    Secret::from(format!("Basic {pair}").as_str())
}

/// The value of an `Authorization` header by token (RFC 6750).
pub fn bearer(token: &Secret) -> Secret {
    Secret::from(format!("Bearer {}", token.reveal()).as_str())
}

/// A server's base address in a configuration, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// A sentence, if it is no `http` or `https` address, or holds what doesn't belong into one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("`{}` {why}", shown(text)));
        let Ok(uri) = text.parse::<Uri>() else { return wrong("is not an address") };
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return wrong("does not begin with http:// or https://");
        }
        // Not shown: what stands before the `@` would be a password.
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("user and password have keys of their own".to_owned());
        }
        if uri.query().is_some() || text.contains('#') {
            return wrong("has more than a path");
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    /// `https://host:port/path`
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = BaseUrl;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<BaseUrl, E> {
                BaseUrl::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests;
