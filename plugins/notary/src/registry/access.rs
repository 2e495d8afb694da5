//! How a registry is reached.

use secdocker_plugin_common::Secret;
use secdocker_plugin_common::client::{Client, Trust};

/// The longest manifest or token that is read; registries do not accept longer ones.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// How one registry is reached.
#[derive(Debug, Clone)]
pub struct Access {
    pub(super) client: Client,
    /// Whether plain HTTP is tried where HTTPS, with any certificate, fails.
    pub(super) insecure: bool,
    /// The value of an `Authorization` header.
    pub credentials: Option<Secret>,
    /// Hosts that hand out its tokens, besides itself.
    pub realms: Vec<String>,
}

impl Access {
    /// Without credentials.
    ///
    /// # Errors
    /// A sentence, if the certificates can't be read.
    pub fn new(trust: &Trust<'_>) -> Result<Self, String> {
        let client = Client::new(trust)?.with_bytes_max(ANSWER_BYTES_MAX);
        Ok(Self { client, insecure: trust.insecure, credentials: None, realms: Vec::new() })
    }

    pub(super) fn schemes(&self) -> &'static [&'static str] {
        if self.insecure { &["https", "http"] } else { &["https"] }
    }
}

/// Without its port.
pub(super) fn host_name(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => authority,
    }
}
